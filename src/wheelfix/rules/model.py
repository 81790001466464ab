"""What a rule file is, as types. They are closed: an unknown key, condition or action is an error.

The descriptions and examples here are the reference of the rule language: the JSON Schema and the documentation are made
from them. In a file keys are written with dashes, and a list may be a single value.
"""

from collections.abc import Container, Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from wheelfix.rules.action_types import (
    Action,
    Argument,
    CopyFrom,
    EntryPointMatch,
    EntryPointValue,
    FieldName,
    FieldValue,
    NewSpecifier,
    PostRelease,
    Texts,
    each_of,
    given_of,
    make_tuples,
)

__all__ = (
    "NEVER_TRUE",
    "Action",
    "Argument",
    "Case",
    "CaseWheel",
    "CopyFrom",
    "EntryPointMatch",
    "EntryPointValue",
    "FieldName",
    "FieldValue",
    "Globs",
    "Match",
    "NewSpecifier",
    "PostRelease",
    "Rule",
    "RuleFile",
    "RuleSet",
    "Texts",
    "When",
    "each_of",
)  # with the types of actions, which are part of the language

NEVER_TRUE: Final = "never-true"
"""The value of ``match.marker`` for a marker that is never true on the wheel's platforms."""
Globs: TypeAlias = Texts
"""Shell patterns for normalized project names (PEP 503), case-sensitive: ``nvidia-*-cu[1-9][0-9]``."""


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"):
    """The requirements that a rule is for: every given key must match, and a list means any of its values."""

    name: Annotated[
        Globs | None,
        Meta(
            description="Patterns for the requirement's normalized name (PEP 503), with `*`, `?` and `[1-9]`; they match "
            "the whole name.",
            examples=["triton", "nvidia-*-cu[1-9][0-9]"],
        ),
    ] = None
    extra: Annotated[
        Texts | None,
        Meta(
            description="`none`: requirements that do not depend on an extra (the default, except for `keep`); `any`: all "
            "requirements (the default for `keep`); or the names of the extras that they depend on.",
            examples=["any", "cuda12"],
        ),
    ] = None
    marker: Annotated[
        Texts | None,
        Meta(
            description="Part of the marker; quotes and spaces do not matter. Or `never-true`: the marker is never true on "
            "the wheel's platforms.",
            examples=["never-true", "platform_machine == 'x86_64'"],
        ),
    ] = None
    specifier: Annotated[
        Texts | None,
        Meta(
            description="The version specifier, its clauses in any order; or a pattern for one: `==*` matches exact pins. "
            "The empty string matches requirements without a specifier.",
            examples=["==*", "<2,>=1.26"],
        ),
    ] = None
    url: Annotated[
        Texts | None,
        Meta(
            description="Patterns for the URL of a direct reference (`name @ URL`).",
            examples=["*", "git+ssh://*"],
        ),
    ] = None

    def __post_init__(self) -> None:
        """Accept a single value for a list of one, as files do."""
        make_tuples(self)


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"):
    """The wheels that a rule is for: every given key must match, and a list means any of its values.

    Each key has an opposite with ``not-`` in front, which matches where the key does not.
    """

    project: Annotated[
        Globs | None,
        Meta(description="Patterns for the wheel's normalized project name (PEP 503).", examples=["torch", "torch*"]),
    ] = None
    not_project: Globs | None = None
    version: Annotated[
        Texts | None,
        Meta(
            description="Version specifiers (PEP 440) for the wheel's version; pre-releases count. An invalid version "
            "matches neither `version` nor `not-version`.",
            examples=[">=2.1,<2.11"],
        ),
    ] = None
    not_version: Texts | None = None
    local: Annotated[
        Texts | None,
        Meta(
            description="Patterns for the local version; the empty string matches a version without one.",
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
            description="The original wheel has a requirement like this: a pattern for its name, or a table as in `match`.",
            examples=["triton", {"name": "numpy", "specifier": "<2"}],
        ),
    ] = None
    not_requires: tuple[Match, ...] | None = None
    lacks: Annotated[
        tuple[Match, ...] | None,
        Meta(description="The original wheel has no requirement like this.", examples=["typing-extensions"]),
    ] = None
    not_lacks: tuple[Match, ...] | None = None
    metadata_version: Annotated[
        Texts | None, Meta(description="Specifiers for the Metadata-Version.", examples=["<2.2"])
    ] = None
    not_metadata_version: Texts | None = None
    sha256: Annotated[
        Texts | None,
        Meta(description="The sha256 of the original wheel, 64 hexadecimal digits.", examples=["e3b0c442...7852b855"]),
    ] = None
    not_sha256: Texts | None = None

    def __post_init__(self) -> None:
        """Accept a single value for a list of one, and a name for the requirements of that name, as files do."""
        make_tuples(self)
        for name in ("requires", "not_requires", "lacks", "not_lacks"):
            wanted = getattr(self, name)
            if wanted is not None and any(isinstance(each, str) for each in wanted):
                matches = tuple(Match(name=(each,)) if isinstance(each, str) else each for each in wanted)
                msgspec.structs.force_setattr(self, name, matches)


class CaseWheel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"):
    """Another wheel of the release that a test is about, for rules that copy from it: of the same project and version."""

    requires: Annotated[Texts, Meta(description="Its requirements, in order.")] = ()
    python: Annotated[str, Meta(description="Its Python tags.", examples=["cp311"])] = "py3"
    abi: Annotated[str, Meta(description="Its ABI tags.", examples=["cp311"])] = "none"
    platform: Annotated[str, Meta(description="Its platform tags.", examples=["manylinux_2_28_x86_64"])] = "any"
    fields: Annotated[
        Mapping[str, str | Texts],
        Meta(description="Its other fields.", examples=[{"Requires-Python": ">=3.9"}]),
    ] = {}


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"):
    """A test of the rules: a wheel as far as rules can see it, and the expected result."""

    project: Annotated[str, Meta(description="The wheel's project.", examples=["torch"])]
    requires: Annotated[Texts, Meta(description="Its requirements, in order.")] = ()
    expect: Annotated[Texts | None, Meta(description="The expected requirements, in order; by default the same.")] = None
    version: Annotated[str, Meta(description="Its version.", examples=["2.7.0"])] = "1.0"
    python: Annotated[str, Meta(description="Its Python tags.", examples=["cp311"])] = "py3"
    abi: Annotated[str, Meta(description="Its ABI tags.", examples=["cp311"])] = "none"
    platform: Annotated[str, Meta(description="Its platform tags.", examples=["manylinux_2_28_aarch64"])] = "any"
    sha256: Annotated[str, Meta(description="Its sha256, if a rule uses it.")] = "0" * 64
    metadata_version: Annotated[str, Meta(description="Its Metadata-Version.")] = "2.1"
    fields: Annotated[
        Mapping[str, str | Texts],
        Meta(description="Its other fields.", examples=[{"Requires-Python": ">=3.9"}]),
    ] = {}
    expect_fields: Annotated[
        Mapping[str, str | Texts],
        Meta(
            description="The expected values of fields; an empty list for a field that must be removed.",
            examples=[{"Requires-Python": ">=3.10"}],
        ),
    ] = {}
    expect_filename: Annotated[
        str | None,
        Meta(
            description="The expected file name; by default it is not compared.",
            examples=["torch-2.7.0+cpu-cp311-cp311-manylinux_2_28_aarch64.whl"],
        ),
    ] = None
    release: Annotated[
        tuple[CaseWheel, ...],
        Meta(
            description="Other wheels of its release, for rules that copy from them.",
            examples=[[{"platform": "manylinux_2_28_x86_64", "requires": ["numpy"]}]],
        ),
    ] = ()


class Rule(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"):
    """One rule: which wheels, which requirements, what happens to them, and why."""

    id: Annotated[str, Meta(description="Its unique name in reports and messages.", examples=["torch-152121"])]
    reason: Annotated[
        str,
        Meta(
            description="Why, for whoever reviews the rule or misses the line.",
            examples=["CPU builds do not load it"],
        ),
    ]
    match: Annotated[
        Match | None,
        Meta(
            description="The requirements that it is for; a string is a pattern for their name. Actions on a requirement "
            "need it, actions on a wheel cannot have it.",
        ),
    ] = None
    action: Annotated[
        Literal["drop", "keep"] | Action,
        Meta(description="`drop` removes the requirement, `keep` protects it; others are tables with one key."),
    ]
    on_mismatch: Annotated[
        Literal["keep", "error"],
        Meta(
            description="What happens to a requirement to which an action that computes (`set-specifier` with a table or a "
            "template, `replace` with such a template) does not apply: `keep` keeps and reports it, `error` refuses the "
            "wheel.",
        ),
    ] = "keep"
    when: Annotated[When, Meta(description="The wheels that it is for; by default all.")] = When()
    url: Annotated[
        str | None,
        Meta(description="Where to read more.", examples=["https://github.com/pytorch/pytorch/issues/152121"]),
    ] = None
    until: Annotated[
        date | None,
        Meta(description="From this day on a warning says that it has expired; it still works.", examples=["2027-01-01"]),
    ] = None
    until_version: Annotated[
        str | None,
        Meta(
            description="A warning names wheels of this version or later that it applies to; it still works.",
            examples=["2.9"],
        ),
    ] = None
    test: Annotated[tuple[Case, ...], Meta(description="Its tests, for `wheelfix rules test`.")] = ()

    @property
    def action_name(self) -> str:
        """The name of the action, as files write it."""
        return self.action if isinstance(self.action, str) else next(iter(given_of(self.action)), "")

    @property
    def names(self) -> Globs:
        """The patterns for the names of the requirements that it is for; empty where it does not go by names."""
        return (self.match.name if self.match else None) or ()

    @property
    def argument(self) -> Argument | None:
        """The argument of the action, ``None`` for ``drop`` and ``keep``."""
        return None if isinstance(self.action, str) else next(iter(given_of(self.action).values()), None)


class RuleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"):
    """A rule file, or the table ``[tool.wheelfix]`` of a pyproject.toml."""

    schema: Annotated[Literal[1], Meta(description="The version of the language.")]
    extends: Annotated[
        Texts,
        Meta(
            description="Rules that follow the file's own: built-in sets, groups of them, other files (`*.toml`) and "
            "directories of them (`rules/`), relative to this file, and installed rule packs, with versions or without.",
            examples=["gpu", "gpu/nvidia", "../common.toml", "rules/", "acme-rules>=2"],
        ),
    ] = ()
    options: Annotated[
        Mapping[str, Any],
        Meta(description="Defaults for the options of the command line, where this file is the one in force."),
    ] = {}
    rule: Annotated[tuple[Rule, ...], Meta(description="The rules. The first one that matches a requirement decides.")] = ()


class RuleSet(msgspec.Struct, frozen=True):
    """The rules in force, in order. The first one that matches decides."""

    name: str
    rules: tuple[Rule, ...]
    digest: str
    """The sha256 (hexadecimal) of the rules in a canonical form, without tests: the same rules have the same digest."""
    origins: tuple[str, ...] = ()
    """Where each rule comes from: a file, a built-in set, a rule pack with its version, the command line."""
    packs: tuple[str, ...] = ()
    """The rule packs among the origins."""

    def packs_of(self, applied: Container[str]) -> tuple[str, ...]:
        """Return the rule packs that the rules with the ids ``applied`` come from, each once."""
        listed = zip(self.rules, self.origins, strict=True) if self.packs else ()
        return tuple(dict.fromkeys(origin for rule, origin in listed if rule.id in applied and origin in self.packs))
