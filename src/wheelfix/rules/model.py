"""What a rule file is, as types. They are closed: an unknown key, condition or action is an error.

The descriptions and examples here are the reference of the language: the JSON Schema and the documentation are made of
them. In a file every key is written with dashes, and where a list is allowed a single value is too.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, TypeAlias

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


class FieldValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"):
    """A field and what it is to say."""

    name: Annotated[str, Meta(description="The field, as the core metadata specification calls it.")]
    value: Annotated[
        str | Texts,
        Meta(description="Its value; for `set-field` of a field that may stand many times, the list of all its values."),
    ]


class FieldName(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"):
    """A field that goes: all of it, or only the lines with one value."""

    name: Annotated[str, Meta(description="The field, as the core metadata specification calls it.")]
    value: Annotated[str | None, Meta(description="Only the lines with this value.")] = None


class Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"):
    """What a rule does, where it is more than ``drop`` or ``keep``: exactly one key."""

    replace: Annotated[
        str | None,
        Meta(
            description="Write the requirement anew from a template. `{name}`, `{extras}`, `{specifier}` and `{marker}` "
            "stand for its parts; extras bring their brackets, a marker its semicolon, an address its `@`, and what the "
            "requirement does not have is empty.",
            examples=["onnxruntime{extras}{specifier}{marker}"],
        ),
    ] = None
    rename: Annotated[
        str | None, Meta(description="Give the requirement another name; all else stays.", examples=["faiss-cpu"])
    ] = None
    set_specifier: Annotated[
        str | None,
        Meta(
            description="Give it another version specifier, to relax, tighten or pin it; empty for none.",
            examples=[">=1.26,<3"],
        ),
    ] = None
    set_marker: Annotated[
        str | None,
        Meta(description="Give it another marker; empty for none.", examples=["platform_machine == 'x86_64'"]),
    ] = None
    and_marker: Annotated[
        str | None,
        Meta(
            description="Ask for it only where this holds too; what its marker says already is not said twice.",
            examples=["sys_platform == 'linux'"],
        ),
    ] = None
    add: Annotated[
        str | None,
        Meta(
            description="Add a requirement, unless the wheel has the same.",
            examples=["typing-extensions>=4; python_version < '3.11'"],
        ),
    ] = None
    drop_extra: Annotated[
        str | None,
        Meta(
            description="Remove an extra: its Provides-Extra, the requirements that only it calls for, and its part in the "
            "markers of others.",
            examples=["and-cuda"],
        ),
    ] = None
    set_field: Annotated[
        FieldValue | None,
        Meta(description="Let a field say this.", examples=[{"name": "Requires-Python", "value": ">=3.10"}]),
    ] = None
    add_field: Annotated[
        FieldValue | None,
        Meta(
            description="Add a value to a field that may stand many times, unless it is there.",
            examples=[{"name": "Classifier", "value": "Environment :: GPU"}],
        ),
    ] = None
    remove_field: Annotated[
        FieldName | None,
        Meta(description="Remove a field, or its lines with one value.", examples=[{"name": "License-File"}]),
    ] = None


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"):
    """A test of the rules: a wheel as far as rules can see it, and what is expected of it."""

    project: Annotated[str, Meta(description="The wheel's project.", examples=["torch"])]
    requires: Annotated[Texts, Meta(description="The requirements that it comes with, in order.")] = ()
    expect: Annotated[
        Texts | None, Meta(description="The requirements that it must have afterwards, in order; by default the same.")
    ] = None
    version: Annotated[str, Meta(description="Its version.", examples=["2.7.0"])] = "1.0"
    python: Annotated[str, Meta(description="Its Python tags.", examples=["cp311"])] = "py3"
    abi: Annotated[str, Meta(description="Its ABI tags.", examples=["cp311"])] = "none"
    platform: Annotated[str, Meta(description="Its platform tags.", examples=["manylinux_2_28_aarch64"])] = "any"
    sha256: Annotated[str, Meta(description="Its sha256, where a rule asks for it.")] = "0" * 64
    metadata_version: Annotated[str, Meta(description="Its Metadata-Version.")] = "2.1"
    fields: Annotated[
        Mapping[str, str | Texts],
        Meta(description="Other fields that it comes with.", examples=[{"Requires-Python": ">=3.9"}]),
    ] = {}
    expect_fields: Annotated[
        Mapping[str, str | Texts],
        Meta(
            description="What fields must say afterwards; an empty list for a field that must be gone.",
            examples=[{"Requires-Python": ">=3.10"}],
        ),
    ] = {}


class Rule(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"):
    """One rule: which wheels, which requirements, what becomes of them, and why."""

    id: Annotated[str, Meta(description="Its name in reports and messages, used once.", examples=["torch-152121"])]
    reason: Annotated[
        str,
        Meta(description="Why, for whoever reviews the rule or misses the line.", examples=["CPU builds do not load it"]),
    ]
    match: Annotated[
        Match | None,
        Meta(
            description="The requirements that it is for; a text is a pattern for their name. Actions on a requirement "
            "need it, those on a wheel have none.",
        ),
    ] = None
    action: Annotated[
        Literal["drop", "keep"] | Action,
        Meta(description="`drop` takes the requirement out, `keep` leaves it as it is; others are tables with one key."),
    ]
    when: Annotated[When, Meta(description="The wheels that it is for; without it all.")] = When()
    url: Annotated[
        str | None,
        Meta(description="Where to read more.", examples=["https://github.com/pytorch/pytorch/issues/152121"]),
    ] = None
    until: Annotated[
        date | None,
        Meta(description="The rule is reported from this day on; it still works.", examples=["2027-01-01"]),
    ] = None
    until_version: Annotated[
        str | None,
        Meta(description="The rule is reported where it works on a wheel of this version or a later one.", examples=["2.9"]),
    ] = None
    test: Annotated[tuple[Case, ...], Meta(description="Its tests, for `wheelfix rules test`.")] = ()

    @property
    def action_name(self) -> str:
        """The name of the action, as files write it."""
        return self.action if isinstance(self.action, str) else next(iter(_given(self.action)), "")

    @property
    def argument(self) -> str | FieldValue | FieldName | None:
        """What the action works with, ``None`` for ``drop`` and ``keep``."""
        return None if isinstance(self.action, str) else next(iter(_given(self.action).values()), None)


def _given(action: Action) -> dict[str, str | FieldValue | FieldName]:
    values = ((field.encode_name, getattr(action, field.name)) for field in msgspec.structs.fields(action))
    return {name: value for name, value in values if value is not None}


class RuleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"):
    """A rule file, or the table ``[tool.wheelfix]`` of a pyproject.toml."""

    schema: Annotated[Literal[1], Meta(description="The version of the language.")]
    extends: Annotated[
        Texts,
        Meta(
            description="Rules that come after the file's own: built-in sets, groups of them, and other files (`*.toml`, "
            "from this file's folder).",
            examples=["gpu", "gpu/nvidia", "../common.toml"],
        ),
    ] = ()
    options: Annotated[
        Mapping[str, Any],
        Meta(description="Defaults for the options of the command line, where this file is the one in force."),
    ] = {}
    rule: Annotated[tuple[Rule, ...], Meta(description="The rules. The first one that matches a requirement decides.")] = ()


class RuleSet(msgspec.Struct, frozen=True):
    """Rules in force, in the order in which they are asked. The first one that matches decides."""

    name: str
    rules: tuple[Rule, ...]
    digest: str
    """The sha256 (hexadecimal) of the rules in a canonical form, without tests: the same rules have the same digest."""
    origins: tuple[str, ...] = ()
    """Where each rule comes from: a file, a built-in set, the command line."""
