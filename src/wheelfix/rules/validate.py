"""What is wrong with a rule although its shape is right: every error that can be known without a wheel."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from typing import Any, Final, TypeAlias

import msgspec

from wheelfix.rules import values
from wheelfix.rules.apply import REQUIREMENT_ACTIONS, WHEEL_ACTIONS
from wheelfix.rules.match import has_specifier, is_specifier, matches
from wheelfix.rules.model import Action, Case, Match, Rule, Texts, When
from wheelfix.rules.values import Wrong, requirement, template
from wheelfix.wheel.marker import read_marker
from wheelfix.wheel.requirement import RequirementParts, read_requirement

_SPECIFIERS: Final = ("", ">=1", "==1.0", ">=1,<2", "==1.*", "~=1.0", "!=1.0", "<2", "===1.0")
"""Specifiers of each kind: what makes a requirement of one need not make one of another."""
_MARKER: Final = "os_name == 'c'"
_BRACKET: Final = re.compile(r"\[!?(?P<first>.)[^\]]*\]")


def result_of(template: str, match: Match) -> Wrong | None:
    """Refuse a template that makes a requirement of none of those that ``match`` is for.

    Where no requirement is known that fulfils ``match``, nothing is refused.
    """
    replace = REQUIREMENT_ACTIONS["replace"].run
    results = [(text, replace(parts, template) or "") for text in specimens(match) if (parts := RequirementParts.of(text))]
    if not results or not all(requirement(result) for _, result in results):
        return None
    text, result = results[0]
    return f"{template!r} makes no requirement: {text!r} becomes {result!r}", "Correct the template."


def specimens(match: Match) -> list[str]:
    """Return requirements that fulfil ``match``, the plain ones first; empty where none is known."""
    name = next((text for glob in match.name or ("*",) if matches((glob,), text := _filled(glob, "a"))), None)
    constraints = [f" @ {url}" for url in _urls(match)] if match.url else list(_specifiers(match))
    sign = " ; " if match.url else "; "
    ends = [*([] if match.marker else [""]), f"{sign}{_marker(match)}"]
    if name is None:
        return []
    return [f"{name}{extras}{constraint}{end}" for extras, end, constraint in product(("", "[b]"), ends, constraints)]


def _filled(glob: str, filling: str) -> str:
    """Return a text that ``glob`` matches, as far as it is a plain one."""
    return _BRACKET.sub(lambda found: found["first"], glob).replace("*", filling).replace("?", filling[:1])


def _urls(match: Match) -> Iterator[str]:
    for glob in match.url or ():
        url = "https://example.org/a.whl" if matches((glob,), "https://example.org/a.whl") else _filled(glob, "x")
        if matches((glob,), url):
            yield url


def _specifiers(match: Match) -> Iterable[str]:
    if match.specifier is None:
        return _SPECIFIERS
    own = (text if is_specifier(text) else _filled(text, "1.0") for text in match.specifier)
    return [text for text in dict.fromkeys((*_SPECIFIERS, *own)) if _has(match.specifier, text)]


def _has(wanted: Texts, specifier: str) -> bool:
    found = read_requirement(f"a{specifier}")
    return found is not None and found.fault is None and has_specifier(wanted, found)


def _marker(match: Match) -> str:
    """Return a marker that ``match`` names, or any where it names only a part."""
    return next((text for text in match.marker or () if read_marker(text) is not None), _MARKER)


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
