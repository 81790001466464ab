"""What a template of ``replace`` makes of the requirements that its rule can meet."""

import re
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Final

from wheelfix.rules.actions import REQUIREMENT_ACTIONS
from wheelfix.rules.conditions import Match, Texts
from wheelfix.rules.globs import matches
from wheelfix.rules.matching import has_specifier, is_specifier
from wheelfix.rules.values import Wrong, requirement
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
