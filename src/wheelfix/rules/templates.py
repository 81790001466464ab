"""Templates of new requirements and specifiers: placeholders in braces stand for parts of the old one."""

import re
from collections.abc import Iterable, Mapping
from string import Formatter
from typing import Final

from wheelfix.rules.model import Argument, NewSpecifier, each_of
from wheelfix.rules.specifiers import SPECIFIER_PARTS, Mismatch, part_of, read_clauses
from wheelfix.wheel.requirement import RequirementParts, meaning, read_requirement

_VERSION: Final = r"[^<>=!~*;@]{1,200}"
_PATTERNS: Final = {
    "name": r"[A-Za-z0-9._-]{1,200}",
    "extras": r"(?:\[[^\]]*\])?",
    "specifier": r"[^;]*",
    "marker": r"(?:;.*)?",
    **dict.fromkeys(SPECIFIER_PARTS, _VERSION),
    "operator": r"(?:===|[~=!<>]=|[<>])",
}
"""The placeholders, and what can stand in their places in a text without blanks."""
_LONGEST: Final = 2_000
"""How long a text is at most that is compared with a template."""
PLACEHOLDERS: Final = tuple(_PATTERNS)
"""The placeholders of a template of ``replace``, each in braces."""


def template_fields(template: str) -> tuple[str, ...]:
    """Return the placeholders of a template.

    :raises ValueError: if it is invalid: a single brace, or a placeholder with a conversion or a format.
    """
    found = []
    for _, name, form, conversion in Formatter().parse(template):
        if form or conversion:
            raise ValueError("a placeholder is a name in braces, without conversion or format")
        if name is not None:
            found.append(name)
    return tuple(found)


def computes(argument: Argument | None) -> bool:
    """Whether an action with this argument computes from the specifier, so that it may not apply to a requirement."""
    if isinstance(argument, NewSpecifier):
        return True
    return isinstance(argument, str | tuple) and any(_needs_specifier(each) for each in each_of(argument))


def _needs_specifier(template: str) -> bool:
    return any(f"{{{name}}}" in template for name in SPECIFIER_PARTS) and not set(SPECIFIER_PARTS).isdisjoint(
        template_fields(template)
    )


def why_not_computed(parts: RequirementParts) -> Mismatch | None:
    """Return why nothing can be computed from the specifier of a requirement, ``None`` if it can be read."""
    if parts.url is not None:
        return Mismatch("it has a URL and no specifier")
    found = read_requirement(str(parts))
    if found is None or found.malformed:
        return Mismatch("it is malformed")
    return None


def fill_specifier(template: str, parts: RequirementParts) -> str | Mismatch:
    """Return the specifier that a template makes for a requirement; one that has its form already is returned as it is.

    So what a template has made is not changed by it again.
    """
    if _fits(template, parts.specifier):
        return parts.specifier
    return _fill(template, parts, {})


def fill_requirements(templates: Iterable[str], parts: RequirementParts) -> tuple[str, ...] | Mismatch:
    """Return the requirements that ``templates`` make of one.

    One that has the form of the first template already is returned as it is, if a part of its specifier is needed. One that
    is among several results comes first, so that a rule which matches what it has made leaves it where it is.
    """
    templates = tuple(templates)
    if any(map(_needs_specifier, templates)):
        mismatch = why_not_computed(parts)
        if mismatch is not None:
            return mismatch
        if _needs_specifier(templates[0]) and _fits(templates[0], str(parts)):
            return (str(parts),)
    found = []
    for template in templates:
        text = _fill(template, parts, _parts_of(parts))
        if isinstance(text, Mismatch):
            return text
        found.append(text)
    own = meaning(str(parts))
    others = [text for text in found if meaning(text) != own]
    return (str(parts), *others) if len(found) > max(1, len(others)) else tuple(found)


def _parts_of(parts: RequirementParts) -> dict[str, str]:
    at_url = parts.url is not None
    return {
        "name": parts.name,
        "extras": parts.extras,
        "specifier": f" @ {parts.url}" if at_url else parts.specifier,
        "marker": (" ; " if at_url else "; ") + parts.marker if parts.marker else "",
    }


def _fill(template: str, parts: RequirementParts, known: Mapping[str, str]) -> str | Mismatch:
    values = dict(known)
    for name in template_fields(template):
        if name in SPECIFIER_PARTS:
            value = part_of(name, read_clauses(parts.specifier) or ())
            if isinstance(value, Mismatch):
                return value
            values[name] = value
    return template.format_map(values)


def _fits(template: str, text: str) -> bool:
    """Whether ``text`` can be what ``template`` makes: blanks and the values of placeholders do not matter."""
    text = "".join(text.split())
    if len(text) > _LONGEST:
        return False
    pattern = "".join(
        re.escape("".join(literal.split())) + (_PATTERNS[name] if name else "")
        for literal, name, _, _ in Formatter().parse(template)
    )
    return re.fullmatch(pattern, text) is not None
