"""Which rules can never decide, because earlier ones match all that they match.

Three thousand rules are four million pairs, so pairs are looked up rather than tried: a rule that contains another one must,
under every key, ask nothing or ask for something that the other one's values begin with.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Final

import msgspec

from wheelfix.rules.conditions import Match, Texts
from wheelfix.rules.globs import END, all_contained, beginnings, start_of
from wheelfix.rules.model import Rule
from wheelfix.rules.versions import allows_all
from wheelfix.wheel.marker import plain_marker
from wheelfix.wheel.requirement import plain_specifier

GLOB_KEYS: Final = ("project", "local", "filename", "platform", "python", "abi")
"""The conditions of ``when`` whose values are patterns."""
VERSION_KEYS: Final = ("version", "metadata_version")
"""The conditions of ``when`` whose values are version specifiers."""
_MOST_COMPARED: Final = 50
"""How many of the earlier rules that come into question are compared with one; real rule files have a handful."""


def covers(key: str, wide: Texts, narrow: Texts) -> bool:
    """Whether whatever fulfils one of ``narrow`` under the condition ``key`` fulfils one of ``wide``.

    A ``False`` can mean that it was not seen.
    """
    if key in GLOB_KEYS:
        return all_contained(wide, narrow)
    if key in VERSION_KEYS:
        return all(any(allows_all(each, text) for each in wide) for text in narrow)
    return set(narrow) <= set(wide)


class Shadows:
    """The rules so far, in their order, and what they leave for the next one."""

    def __init__(self) -> None:
        self._rules: list[_Asked] = []
        self._names = _Index(start_of)
        self._indexes = {key: _Index(start) for key, start in _STARTS.items()}

    def add(self, rule: Rule) -> None:
        """Add the next rule."""
        asked = _Asked.of(rule)
        if asked is None:
            return
        position = len(self._rules)
        self._rules.append(asked)
        self._names.add(position, asked.names)
        for key, index in self._indexes.items():
            index.add(position, asked.when.get(key, ()))

    def above(self, rule: Rule) -> list[Rule]:
        """Return the earlier rules that together match all that ``rule`` matches; empty if they do not."""
        asked = _Asked.of(rule)
        if asked is None:
            return []
        by_wheel = min((index.find(asked.when.get(key, ())) for key, index in self._indexes.items()), key=_size)
        found = []
        for name in asked.names:
            positions = merge(*min(by_wheel, self._names.find((name,)), key=_size))
            earlier = (self._rules[each] for each in islice(positions, _MOST_COMPARED))
            above = next((each.rule for each in earlier if each.contains(asked, name)), None)
            if above is None:
                return []
            found.append(above)
        return found


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a rule for requirements asks of wheels and requirements, ready to be compared."""

    rule: Rule
    when: Mapping[str, Texts]
    match: Match
    names: Texts
    extras: Texts
    markers: Texts
    specifiers: frozenset[str]

    @classmethod
    def of(cls, rule: Rule) -> "_Asked | None":
        if rule.match is None:
            return None
        when = {key: value for key, value in msgspec.structs.asdict(rule.when).items() if value}
        extras = rule.match.extra or (("any",) if rule.action == "keep" else ("none",))
        markers = tuple(map(plain_marker, rule.match.marker or ()))
        specifiers = frozenset(map(plain_specifier, rule.match.specifier or ()))
        return cls(rule, when, rule.match, rule.match.name or ("*",), extras, markers, specifiers)

    def contains(self, other: "_Asked", name: str) -> bool:
        """Whether it matches all that ``other`` matches by ``name``. A ``False`` can mean that it was not seen."""
        return all_contained(self.names, (name,)) and self._has_wheels_of(other) and self._has_requirements_of(other)

    def _has_wheels_of(self, other: "_Asked") -> bool:
        for key, values in self.when.items():
            others = other.when.get(key, ())
            plain = key.removeprefix("not_")
            # What is excluded counts the other way round: who excludes more has fewer wheels.
            wide, narrow = (values, others) if plain == key else (others, values)
            if not others or not covers(plain, wide, narrow):
                return False
        return True

    def _has_requirements_of(self, other: "_Asked") -> bool:
        if "any" not in self.extras and not set(other.extras) <= set(self.extras):
            return False
        if self.markers and not (other.markers and all(_is_within_any(text, self.markers) for text in other.markers)):
            return False
        if self.specifiers and not (other.specifiers and other.specifiers <= self.specifiers):
            return False
        wide, narrow = self.match.url, other.match.url
        return not wide or bool(narrow and all_contained(wide, narrow))


def _is_within_any(text: str, wide: Texts) -> bool:
    if text == "dead" or "dead" in wide:
        return text in wide
    return any(each in text for each in wide)


class _Index:
    """Positions of rules by what their values start with, under one key."""

    def __init__(self, start: Callable[[str], str]) -> None:
        self._start = start
        self._anything: list[int] = []
        self._by_start: dict[str, list[int]] = {}

    def add(self, position: int, values: Texts) -> None:
        """Add the rule at ``position``, the last one; without ``values`` it takes anything."""
        if not values:
            self._anything.append(position)
        for start in {self._start(value) for value in values}:
            self._by_start.setdefault(start, []).append(position)

    def find(self, values: Texts) -> list[list[int]]:
        """Return the positions, in ascending lists, of what can contain all of ``values``: it must contain the first."""
        starts: Iterator[str] = beginnings(self._start(values[0])) if values else iter(())
        return [self._anything, *(self._by_start[start] for start in starts if start in self._by_start)]


def _size(lists: Sequence[Sequence[int]]) -> int:
    return sum(map(len, lists))


def _exactly(text: str) -> str:
    """Return the start of a specifier: the version where it allows just one as it is written, else nothing."""
    only = text.strip().startswith("==") and not any(sign in text for sign in ",*")
    return plain_specifier(text) + END if only else ""


_STARTS: Final[Mapping[str, Callable[[str], str]]] = {
    **dict.fromkeys(GLOB_KEYS, start_of),
    **dict.fromkeys(VERSION_KEYS, _exactly),
    "sha256": lambda text: text.lower() + END,
}
"""The conditions by which rules are looked up, and what their values start with."""
