"""Requirements that a rule is for, made up: what the rule does to them shows what it would do to real ones."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice, product
from typing import Final

from wheelfix.errors import EditError
from wheelfix.globs import matches
from wheelfix.rules.match import Facts, has_specifier, is_specifier, make_facts, misses
from wheelfix.rules.model import NEVER_TRUE, Match, Rule, Texts
from wheelfix.rules.requirement_actions import run_action
from wheelfix.rules.specifiers import Mismatch
from wheelfix.rules.templates import computes
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.marker import read_marker
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.requirement import meaning, read_requirement

_SPECIFIERS: Final = ("", ">=1", "==1.0", ">=1,<2", "==1.*", "~=1.0", "!=1.0", "<2", "===1.0")
"""Specifiers of each kind: a template may work with some of them only."""
_MARKER: Final = "os_name == 'c'"
_MOST_TRIED: Final = 9
"""How many requirements a rule is tried on: one with each of these specifiers; a file can have thousands of rules."""
_BRACKET: Final = re.compile(r"\[!?(?P<first>.)[^\]]*\]")


def specimens(match: Match) -> list[str]:
    """Return requirements that ``match`` matches, the plain ones first; empty if none is known."""
    name = next((text for glob in match.name or ("*",) if matches((glob,), text := _filled(glob, "a"))), None)
    constraints = [f" @ {url}" for url in _urls(match)] if match.url else list(_specifiers(match))
    sign = " ; " if match.url else "; "
    ends = [*([] if match.marker else [""]), f"{sign}{_marker_for(match)}"]
    if name is None:
        return []
    return [f"{name}{extras}{constraint}{end}" for extras, end, constraint in product(("", "[b]"), ends, constraints)]


def _filled(glob: str, filling: str) -> str:
    """Return a text that ``glob`` matches, if it has no unusual brackets."""
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
    return found is not None and found.malformed is None and has_specifier(wanted, found)


def _marker_for(match: Match) -> str:
    """Return a marker that ``match`` names, or any marker if it names only part of one."""
    return next((text for text in match.marker or () if read_marker(text) is not None), _MARKER)


def never_applies(rule: Rule) -> str | None:
    """Return why the action of ``rule`` applies to no requirement that it matches, ``None`` if it does, or none is known."""
    results = list(_results(rule).values()) if computes(rule.argument) else []
    mismatches = [each.reason for each in results if isinstance(each, Mismatch)]
    return mismatches[0] if results and len(mismatches) == len(results) else None


def changes_again(rule: Rule) -> str | None:
    """Return what ``rule`` makes of a requirement, and of that when it runs again; ``None`` if it is not known to go on."""
    for text, once in _results(rule).items() if rule.action_name == "replace" else ():
        made = once if isinstance(once, tuple) else ()
        for each in made:
            twice = _run(rule, each) if _is_for(rule, each) else None
            if isinstance(twice, tuple) and (twice[0] != each or not {*map(meaning, twice)} <= {*map(meaning, made)}):
                return f"{text!r} becomes {each!r}, then {' and '.join(map(repr, twice))}"
    return None


def _results(rule: Rule) -> dict[str, tuple[str, ...] | Mismatch]:
    """Return what ``rule`` makes of requirements that it matches, where it makes requirements."""
    if rule.match is None or NEVER_TRUE in (rule.match.marker or ()):
        return {}
    results = {text: _run(rule, text) for text in islice(specimens(rule.match), _MOST_TRIED)}
    return {text: result for text, result in results.items() if result is not None}


def _run(rule: Rule, text: str) -> tuple[str, ...] | Mismatch | None:
    try:
        return run_action(rule, text)
    except EditError:
        return None


def _is_for(rule: Rule, text: str) -> bool:
    requirement = read_requirement(text)
    return rule.match is not None and requirement is not None and misses(rule.match, requirement, _any_wheel()) is None


@cache
def _any_wheel() -> Facts:
    document = Document.parse(b"Metadata-Version: 2.1\nName: a\nVersion: 1\n")
    return make_facts(document, WheelFilename("a", "1", None, "py3", "none", "any"), lambda: "")
