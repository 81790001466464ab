"""What is wrong with a rule although its shape is right: every fault that can be known without a wheel."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from wheelfix.rules import values
from wheelfix.rules.actions import REQUIREMENT_ACTIONS, WHEEL_ACTIONS
from wheelfix.rules.conditions import Match, When
from wheelfix.rules.model import Action, Case, Rule
from wheelfix.rules.templates import result_of
from wheelfix.rules.values import template

Found: TypeAlias = tuple[str, str, str]
"""The path to a key, what is wrong and what to do."""


def faults_of(struct: msgspec.Struct, path: str = "") -> list[Found]:
    """Return every fault of a rule, or of a part of one at ``path``, that can be known without a wheel."""
    return [
        *faults_in(type(struct), msgspec.structs.asdict(struct), path),
        *(_rule(struct) if isinstance(struct, Rule) else ()),
    ]


def faults_in(kind: type[msgspec.Struct], given: Mapping[str, Any], path: str) -> Iterator[Found]:
    """Yield the faults of some fields of a ``kind``: what can be known of it although others are missing."""
    for name, value in given.items():
        if value is None:
            continue
        key = name.replace("_", "-")
        place = f"{path}.{key}" if path else key
        check = _CHECKS.get((kind, name))
        if value == () and kind in (When, Match):
            yield place, "the list is empty", "Name at least one, or leave the key out."
        for wrong in map(check, value if isinstance(value, tuple) else (value,)) if check else ():
            if wrong:
                yield (place, *wrong)
        nested = value if isinstance(value, tuple) else (value,)
        for index, each in enumerate(nested):
            if isinstance(each, msgspec.Struct):
                yield from faults_of(each, f"{place}[{index}]" if isinstance(value, tuple) else place)


def _rule(rule: Rule) -> Iterator[Found]:
    """Yield what does not go together."""
    name = rule.action_name
    if name in REQUIREMENT_ACTIONS and rule.match is None:
        yield "match", f"it is missing, and {name} is done to requirements", 'Add match = { name = "..." }.'
    if name == "replace" and rule.match is not None and isinstance(rule.argument, str) and not template(rule.argument):
        wrong = result_of(rule.argument, rule.match)
        if wrong:
            yield "action.replace", *wrong
    if name in WHEEL_ACTIONS and rule.match is not None:
        yield "match", f"{name} is done to the wheel as a whole", "Choose wheels with when, such as when.requires."


_GLOBS: Final = ("filename", "platform", "python", "abi")
_BOTH_FORMS: Final[Mapping[str, Callable[[Any], values.Wrong | None]]] = {
    "project": values.name_glob,
    "version": values.specifier,
    "local": values.local_glob,
    **dict.fromkeys(_GLOBS, values.glob),
    "requires": values.no_empty_match,
    "lacks": values.no_empty_match,
    "metadata_version": values.specifier,
    "sha256": values.sha256,
}
"""How the values of each condition on a wheel are checked; the forms with ``not-`` take the same."""

_CHECKS: Final[Mapping[tuple[type[msgspec.Struct], str], Callable[[Any], values.Wrong | None]]] = {
    (Rule, "id"): values.line,
    (Rule, "reason"): values.line,
    (Rule, "url"): values.url,
    (Rule, "until_version"): values.version,
    (Rule, "match"): values.no_empty_match,
    **{(When, form + key): check for key, check in _BOTH_FORMS.items() for form in ("", "not_")},
    (Match, "name"): values.name_glob,
    (Match, "extra"): values.extra,
    (Match, "marker"): values.marker_part,
    (Match, "specifier"): lambda text: None if text.isprintable() else values.CONTROL,
    (Match, "url"): values.glob,
    (Action, "replace"): values.template,
    (Action, "rename"): values.project_name,
    (Action, "set_specifier"): values.specifier_or_none,
    (Action, "set_marker"): values.marker_or_none,
    (Action, "and_marker"): values.marker,
    (Action, "add"): values.requirement,
    (Action, "drop_extra"): values.project_name,
    (Action, "set_field"): values.set_field,
    (Action, "add_field"): values.add_field,
    (Action, "remove_field"): values.remove_field,
    (Case, "project"): values.project_name,
    (Case, "requires"): values.case_requirement,
    (Case, "expect"): values.case_requirement,
    **{(Case, key): values.name_part for key in ("version", "python", "abi", "platform")},
    (Case, "sha256"): values.sha256,
    (Case, "metadata_version"): lambda text: None if text.isprintable() else values.CONTROL,
    (Case, "fields"): values.case_fields,
    (Case, "expect_fields"): values.case_fields,
}
"""How each value of each key is checked."""
