"""What a rule set is, as types. They are closed: an unknown key or action is an error."""

from typing import Literal, TypeAlias

import msgspec

Globs: TypeAlias = tuple[str, ...]
"""Shell patterns for normal project names (PEP 503), case-sensitive: ``nvidia-*-cu[1-9][0-9]``."""


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """The wheels that a rule is for: every key that is given must hold. ``project`` matches the wheel's own project."""

    project: Globs | None = None
    not_project: Globs | None = None


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """The requirements that a rule is for. Those behind an extra match too, but are kept: they are the user's own choice."""

    name: Globs


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """One rule: ``action`` is what becomes of a requirement that it matches, ``reason`` why, for people."""

    id: str
    reason: str
    match: Match
    action: Literal["drop", "keep"]
    when: When = When()
    url: str | None = None


class RuleSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """Rules in the order in which they are asked. The first one that matches decides."""

    name: str
    rules: tuple[Rule, ...]
    digest: str
    """The sha256 (hexadecimal) of the rules in a canonical form: the same rules have the same digest."""


class RuleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """The shape of a rule file in TOML."""

    schema: Literal[1]
    rule: tuple[Rule, ...]
