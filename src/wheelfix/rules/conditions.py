"""Which wheels and which requirements a rule is for, as types.

The descriptions and examples are the reference of the language. Where a list is allowed a single value is too.
"""

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

Texts: TypeAlias = tuple[str, ...]


def each_of(value: str | Texts) -> Texts:
    """Return the values of a key that takes one text or a list."""
    return (value,) if isinstance(value, str) else value


Globs: TypeAlias = Texts
"""Shell patterns for normal project names (PEP 503), case-sensitive: ``nvidia-*-cu[1-9][0-9]``."""


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"):
    """The requirements that a rule is for: every key that is given must hold, and a list means any of its values."""

    name: Annotated[
        Globs | None,
        Meta(
            description="Patterns for the requirement's normal name (PEP 503), with `*`, `?` and `[1-9]`; the whole name "
            "must match.",
            examples=["triton", "nvidia-*-cu[1-9][0-9]"],
        ),
    ] = None
    extra: Annotated[
        Texts | None,
        Meta(
            description="`none`: requirements that no extra has to call for (the default; for `keep` it is `any`); "
            "`any`; or the names of extras that call for them.",
            examples=["any", "cuda12"],
        ),
    ] = None
    marker: Annotated[
        Texts | None,
        Meta(
            description="A part of the marker, whatever its quotes and blanks; or `dead`: the marker is false in every "
            "environment that the wheel's own tags accept.",
            examples=["dead", "platform_machine == 'x86_64'"],
        ),
    ] = None
    specifier: Annotated[
        Texts | None,
        Meta(
            description="The version specifier, its clauses in any order; or, where it is no specifier, a pattern for one: "
            "`==*` are exact pins. The empty text is a requirement without a specifier.",
            examples=["==*", "<2,>=1.26"],
        ),
    ] = None
    url: Annotated[
        Texts | None,
        Meta(
            description="Patterns for the address of a direct reference (`name @ address`).",
            examples=["*", "git+ssh://*"],
        ),
    ] = None

    def __post_init__(self) -> None:
        """Take a single value for a list of one, as files do."""
        _make_tuples(self)


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"):
    """The wheels that a rule is for: every key that is given must hold, and a list means any of its values.

    Each key has a form with ``not-`` in front that holds where the key alone does not.
    """

    project: Annotated[
        Globs | None,
        Meta(description="Patterns for the wheel's own normal name (PEP 503).", examples=["torch", "torch*"]),
    ] = None
    not_project: Globs | None = None
    version: Annotated[
        Texts | None,
        Meta(
            description="Version specifiers (PEP 440) for the wheel's version; pre-releases count. A version that is no "
            "PEP 440 version fulfils neither `version` nor `not-version`.",
            examples=[">=2.1,<2.11"],
        ),
    ] = None
    not_version: Texts | None = None
    local: Annotated[
        Texts | None,
        Meta(
            description="Patterns for the version's local label; the empty text is a version without one.",
            examples=["cpu", "cu*", ""],
        ),
    ] = None
    not_local: Texts | None = None
    filename: Annotated[Texts | None, Meta(description="Patterns for the file name.", examples=["torch-2.7.0-*"])] = None
    not_filename: Texts | None = None
    platform: Annotated[
        Texts | None,
        Meta(description="Patterns for any of the platform tags in the file name.", examples=["*aarch64*", "any"]),
    ] = None
    not_platform: Texts | None = None
    python: Annotated[
        Texts | None, Meta(description="Patterns for any of the Python tags in the file name.", examples=["cp31[1-9]"])
    ] = None
    not_python: Texts | None = None
    abi: Annotated[
        Texts | None, Meta(description="Patterns for any of the ABI tags in the file name.", examples=["none", "abi3"])
    ] = None
    not_abi: Texts | None = None
    requires: Annotated[
        tuple[Match, ...] | None,
        Meta(
            description="The wheel came with a requirement like this: a pattern for its name, or a table as in `match`.",
            examples=["triton", {"name": "numpy", "specifier": "<2"}],
        ),
    ] = None
    not_requires: tuple[Match, ...] | None = None
    lacks: Annotated[
        tuple[Match, ...] | None,
        Meta(description="The wheel came without any requirement like this.", examples=["typing-extensions"]),
    ] = None
    not_lacks: tuple[Match, ...] | None = None
    metadata_version: Annotated[
        Texts | None, Meta(description="Specifiers for the Metadata-Version.", examples=["<2.2"])
    ] = None
    not_metadata_version: Texts | None = None
    sha256: Annotated[
        Texts | None,
        Meta(description="The sha256 of the wheel as it came, 64 hexadecimal digits.", examples=["e3b0c442...7852b855"]),
    ] = None
    not_sha256: Texts | None = None

    def __post_init__(self) -> None:
        """Take a single value for a list of one, and a name for the requirements of that name, as files do."""
        _make_tuples(self)
        for name in ("requires", "not_requires", "lacks", "not_lacks"):
            wanted = getattr(self, name)
            if wanted is not None and any(isinstance(each, str) for each in wanted):
                matches = tuple(Match(name=(each,)) if isinstance(each, str) else each for each in wanted)
                msgspec.structs.force_setattr(self, name, matches)


def _make_tuples(struct: Match | When) -> None:
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        if value is not None and not isinstance(value, tuple):
            msgspec.structs.force_setattr(struct, name, tuple(value) if isinstance(value, list) else (value,))
