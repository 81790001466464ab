"""What a rule can do, as types: every action is a key of :class:`Action`, and here are the types of their arguments.

Descriptions and examples are part of the reference of the rule language, as in :mod:`wheelfix.rules.model`.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

Texts: TypeAlias = tuple[str, ...]


def each_of(value: str | Texts) -> Texts:
    """Return the values of a key that takes one string or a list."""
    return (value,) if isinstance(value, str) else value


def make_tuples(struct: msgspec.Struct) -> None:
    """Turn the values of ``struct`` that are no lists into lists of one, as files may write them."""
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        if not isinstance(value, tuple | bool | None):
            msgspec.structs.force_setattr(struct, name, tuple(value) if isinstance(value, list) else (value,))


class FieldValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"):
    """A field and its new value."""

    name: Annotated[str, Meta(description="The name of the field in the core metadata specification.")]
    value: Annotated[
        str | Texts,
        Meta(description="Its value; for `set-field` of a field that can be used several times, a list of all values."),
    ]


class FieldName(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"):
    """A field to remove: all of it, or only the lines with one value."""

    name: Annotated[str, Meta(description="The name of the field in the core metadata specification.")]
    value: Annotated[str | None, Meta(description="Only the lines with this value.")] = None


class PostRelease(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"):
    """A post-release of the version that the wheel has."""

    post: Annotated[
        str,
        Meta(
            description="Its number, or with a plus how many more than the wheel has: `+1` makes 1.0 the version 1.0.post1, "
            "and 1.0.post1 the version 1.0.post2. A local version is kept. A wheel that the same rule has raised already, "
            "as its provenance says, is not raised again.",
            examples=["+1", "1"],
        ),
    ]


class NewSpecifier(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"):
    """How `set-specifier` computes the new specifier from the old one: exactly one key.

    Clauses that it is not about are kept. A pin (`==1.2`, `===1.2`) is neither a lower nor an upper limit; `~=1.4` and
    `==1.*` are both. A URL and a malformed requirement have no specifier to compute from.
    """

    relax: Annotated[
        Literal["lower"] | None,
        Meta(
            description="`lower`: `==1.2`, `===1.2`, `==1.2.*` and `~=1.2` become `>=1.2`, without a local version, which "
            "`>=` cannot have. Of `==1.2.*`, pre-releases of 1.2 itself are left out. It does not apply to a requirement "
            "without a pin or a lower limit.",
        ),
    ] = None
    drop: Annotated[
        Literal["upper", "all"] | None,
        Meta(
            description="`upper`: remove `<2` and `<=2`; `~=1.4` and `==1.4.*` become `>=1.4`, the latter without "
            "the pre-releases of 1.4 itself. It does not apply to a pin: use `relax`. `all`: remove the specifier.",
        ),
    ] = None
    local: Annotated[
        str | None,
        Meta(
            description="Give the version of a pin this local version, in place of any other: `==1.2` becomes `==1.2+cpu`; "
            "the empty string removes it. It applies to pins only.",
            examples=["cpu"],
        ),
    ] = None
    min: Annotated[
        str | None,
        Meta(
            description="Set the lower limit, whether it was lower or higher: it replaces `>=1` and `>1`; `~=1.4` is first "
            "read as `>=1.4,==1.*`. It does not apply to a pin, nor where no version would be left.",
            examples=[">=1.26"],
        ),
    ] = None
    max: Annotated[
        str | None,
        Meta(
            description="Set the upper limit, whether it was lower or higher: as `drop` of `upper`, then this limit is "
            "added. It does not apply to a pin, nor where no version would be left.",
            examples=["<3"],
        ),
    ] = None
    exclude: Annotated[
        str | None,
        Meta(
            description="Exclude versions, unless they are excluded already. It does not apply where no version would be "
            "left.",
            examples=["!=1.4.5"],
        ),
    ] = None

    @property
    def given(self) -> tuple[tuple[str, str], ...]:
        """Each key that is given, with its value."""
        return tuple((key, value) for key, value in msgspec.structs.asdict(self).items() if value is not None)


class CopyFrom(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"):
    """The wheel of the same release that fields are copied from, and which fields.

    Every given key must match, and a list means any of its values. A wheel that matches itself is unchanged.
    """

    platform: Annotated[
        Texts | None,
        Meta(description="Patterns for any of the platform tags in its file name.", examples=["*manylinux*x86_64*"]),
    ] = None
    python: Annotated[
        Texts | None, Meta(description="Patterns for any of the Python tags in its file name.", examples=["cp312"])
    ] = None
    abi: Annotated[
        Texts | None, Meta(description="Patterns for any of the ABI tags in its file name.", examples=["none", "abi3"])
    ] = None
    filename: Annotated[
        Texts | None, Meta(description="Patterns for the whole file name.", examples=["*-manylinux_2_28_*"])
    ] = None
    fields: Annotated[
        tuple[Literal["Requires-Dist", "Provides-Extra", "Requires-Python"], ...],
        Meta(description="The fields to copy; by default all three.", examples=[["Requires-Dist", "Provides-Extra"]]),
    ] = ("Requires-Dist", "Provides-Extra", "Requires-Python")
    merge: Annotated[
        bool,
        Meta(
            description="Add what any matching wheel requires and remove nothing, so that all wheels of a release "
            "agree. Wheels that contradict each other are refused.",
            examples=[True],
        ),
    ] = False

    def __post_init__(self) -> None:
        """Accept a single value for a list of one, as files do."""
        make_tuples(self)


class EntryPointValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"):
    """An entry point."""

    group: Annotated[str, Meta(description="Its group: `console_scripts` for a script.")]
    name: Annotated[str, Meta(description="Its name.")]
    value: Annotated[str, Meta(description="The object that it refers to: a module, and after a colon what is in it.")]


class EntryPointMatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"):
    """Entry points: every given key must match, and a list means any of its values."""

    name: Annotated[str | Texts | None, Meta(description="Patterns for the name.", examples=["test-*"])] = None
    group: Annotated[str | Texts | None, Meta(description="Patterns for the group.", examples=["console_scripts"])] = None
    missing_module: Annotated[
        bool | None, Meta(description="If true, only those whose module is not among the files of the wheel.")
    ] = None


class Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"):
    """What a rule does, if it is more than ``drop`` or ``keep``: exactly one key."""

    replace: Annotated[
        str | Texts | None,
        Meta(
            description="Rewrite the requirement from a template. `{name}`, `{extras}`, `{specifier}` and `{marker}` stand "
            "for its parts: extras with their brackets, the marker with its semicolon, a URL with its `@`. A part that the "
            "requirement does not have is empty. The placeholders of `set-specifier` are known too. A list makes several "
            "requirements of one: the first in its place, the others after it, unless the wheel has them.",
            examples=[
                "onnxruntime{extras}{specifier}{marker}",
                ["alembic>=1.2,<2.0", "cattrs<2.0"],
            ],
        ),
    ] = None
    rename: Annotated[
        str | None, Meta(description="Change the name of the requirement and nothing else.", examples=["faiss-cpu"])
    ] = None
    set_specifier: Annotated[
        str | NewSpecifier | None,
        Meta(
            description="Change the version specifier, to relax, tighten or pin it; empty for none. A table computes it "
            "from the old one. So does a template: `{version}` stands for the version of a single pin (`==1.2`), as it is "
            "written, `{lower}` and `{upper}` for the versions of a single lower or upper limit, `{operator}` for the "
            "operator of a single clause. A requirement that does not have them is kept (see `on-mismatch`), and so is one "
            "that has the form of the template already.",
            examples=[">=1.26,<3", {"relax": "lower"}, {"max": "<3"}, ">={lower},<3"],
        ),
    ] = None
    set_marker: Annotated[
        str | None,
        Meta(description="Change the marker; empty for none.", examples=["platform_machine == 'x86_64'"]),
    ] = None
    and_marker: Annotated[
        str | None,
        Meta(
            description="Add a condition to the marker, unless the marker already has it.",
            examples=["sys_platform == 'linux'"],
        ),
    ] = None
    add: Annotated[
        str | Texts | None,
        Meta(
            description="Add a requirement, or a list of them, unless the wheel has it. An extra that only brings it "
            "(`extra == 'x'`) is declared with it.",
            examples=["typing-extensions>=4; python_version < '3.11'", ["a>=1", "b; extra == 'x'"]],
        ),
    ] = None
    drop_extra: Annotated[
        str | None,
        Meta(
            description="Remove an extra: its Provides-Extra, the requirements that only it requires, and its part in the "
            "markers of others.",
            examples=["and-cuda"],
        ),
    ] = None
    set_name: Annotated[
        str | None,
        Meta(
            description="Give the project this name, wherever the wheel says it: file name, directories, METADATA and "
            "RECORD, and in requirements of the project on extras of its own.",
            examples=["acme-torch"],
        ),
    ] = None
    set_version: Annotated[
        str | PostRelease | None,
        Meta(
            description="Set the version, everywhere in the wheel, whatever the old one was; or make it a post-release "
            "of the version that it has.",
            examples=["2.7.0", {"post": "+1"}],
        ),
    ] = None
    set_local: Annotated[
        str | None,
        Meta(
            description="Give the wheel this local version, wherever it says its version: file name, directories, METADATA "
            "and RECORD; empty to remove the one that it has.",
            examples=["cpu"],
        ),
    ] = None
    set_build_tag: Annotated[
        str | None,
        Meta(description="Give the wheel this build tag, in its file name and in WHEEL.", examples=["1nogpu"]),
    ] = None
    set_tag: Annotated[
        str | Texts | None,
        Meta(
            description="Give the wheel these tags in place of its own, in its file name and in WHEEL: one or a list, each "
            "a tag or a compressed set as in file names.",
            examples=["py3-none-manylinux_2_28_x86_64"],
        ),
    ] = None
    add_tag: Annotated[
        str | Texts | None,
        Meta(
            description="Give the wheel these tags too, in its file name and in WHEEL: one or a list. A file name stands "
            "for every combination of its Python, ABI and platform tags, so that not all can be added.",
            examples=["py3-none-musllinux_1_2_x86_64"],
        ),
    ] = None
    remove_tag: Annotated[
        str | Texts | None,
        Meta(
            description="Remove the tags that match this pattern, or one of a list, in file name and WHEEL; a pattern "
            "matches the whole tag. The last tag cannot be removed.",
            examples=["py2-*", "*-manylinux1_x86_64"],
        ),
    ] = None
    set_root_is_purelib: Annotated[
        bool | None,
        Meta(
            description="Let WHEEL say whether the top of the wheel holds pure Python (`Root-Is-Purelib`): where it says "
            "false, installers use the directory for platform-specific code.",
            examples=[False],
        ),
    ] = None
    remove_file: Annotated[
        str | Texts | None,
        Meta(
            description="Remove files: patterns for their paths from the top of the wheel. `tests/` is everything in that "
            "directory, `docs/**/*.md` crosses directories, and a pattern without a slash is for the name of a file in any "
            "directory. Files of dist-info only by `*.dist-info/NAME`. RECORD and top_level.txt follow. What an import, an "
            "entry point or a binary in the wheel needs is not removed without `--force`.",
            examples=["tests/", ["*.pyc", "bin/tool"]],
        ),
    ] = None
    add_entry_point: Annotated[
        EntryPointValue | None,
        Meta(
            description="Add an entry point, or give the one of that name this value. Its module must be in the wheel.",
            examples=[{"group": "console_scripts", "name": "demo", "value": "demo.cli:main"}],
        ),
    ] = None
    remove_entry_point: Annotated[
        EntryPointMatch | None,
        Meta(
            description="Remove entry points.",
            examples=[{"group": "console_scripts", "missing-module": True}],
        ),
    ] = None
    set_field: Annotated[
        FieldValue | None,
        Meta(description="Set a field.", examples=[{"name": "Requires-Python", "value": ">=3.10"}]),
    ] = None
    add_field: Annotated[
        FieldValue | None,
        Meta(
            description="Add a value to a field that can be used several times, unless the wheel has it.",
            examples=[{"name": "Classifier", "value": "Environment :: GPU"}],
        ),
    ] = None
    remove_field: Annotated[
        FieldName | None,
        Meta(description="Remove a field, or its lines with one value.", examples=[{"name": "License-File"}]),
    ] = None
    copy_from: Annotated[
        CopyFrom | None,
        Meta(
            description="Copy requirements, extras and Requires-Python from another wheel of the same release, as the rules "
            "leave it. It must be among the given wheels. Where several match, those for the same Python and ABI are "
            "preferred, and all of them must say the same.",
            examples=[{"platform": "*manylinux*x86_64*"}],
        ),
    ] = None

    def __post_init__(self) -> None:
        """Accept a list of one where that means the same as its only value."""
        for name in ("replace", "add"):
            value = getattr(self, name)
            if isinstance(value, list | tuple):
                msgspec.structs.force_setattr(self, name, value[0] if len(value) == 1 else tuple(value))


Argument: TypeAlias = (
    str | Texts | bool | NewSpecifier | FieldValue | FieldName | PostRelease | CopyFrom | EntryPointValue | EntryPointMatch
)
"""The argument of an action."""


def given_of(action: Action) -> dict[str, Argument]:
    """Return the keys of an action that are given, as files write them, and their values."""
    values = ((field.encode_name, getattr(action, field.name)) for field in msgspec.structs.fields(action))
    return {name: value for name, value in values if value is not None}
