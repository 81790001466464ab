"""What can be meant so, and mostly is not: rules that never apply or decide, or have had their day.

Three thousand rules are four million pairs, so pairs are looked up rather than tried: a rule that contains another one must,
under every key, ask nothing or ask for something that the other one's values begin with.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import lru_cache, reduce
from heapq import merge
from itertools import islice
from operator import or_
from typing import Final

import msgspec
from packaging.ranges import VersionRange
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from wheelfix.results import Outcome, Remark
from wheelfix.rules import BUILT_IN
from wheelfix.rules.match import BEHIND_EXTRA, END, all_contained, beginnings, is_plain, literal_length, matches, start_of
from wheelfix.rules.model import Match, Rule, RuleSet, Texts, When
from wheelfix.wheel.marker import plain_marker
from wheelfix.wheel.requirement import plain_specifier

_EXTRA_IN_NAME: Final = re.compile(r"\[[a-z][a-z0-9,]{3,}\]$")
_OPERATOR: Final = re.compile(r"[<>=!~]=|[<>]|\bin\b")
_QUOTED: Final = re.compile(r"""'[^']*'|"[^"]*\"""")
_WORD: Final = re.compile(r"[A-Za-z_][\w.]*")
_VARIABLES: Final = (
    "os_name", "sys_platform", "platform_machine", "platform_python_implementation", "platform_release",
    "platform_system", "platform_version", "python_version", "python_full_version", "implementation_name",
    "implementation_version", "python_implementation", "extra", "extras", "dependency_groups",
)  # fmt: skip
_SPECIFIER_BEGINS: Final = "<>=!~*?["
_PYTHON_TAG: Final = re.compile(r"[a-z]{2,}\d+")


def oddities(rule: Rule) -> Iterator[str]:
    """Yield what is odd about the conditions of ``rule``."""
    when = rule.when
    for match in (
        rule.match,
        *(when.requires or ()),
        *(when.not_requires or ()),
        *(when.lacks or ()),
        *(when.not_lacks or ()),
    ):
        if match is not None:
            yield from _in_match(match)
    for glob in _plain(when.platform, when.not_platform):
        if "_" not in glob and glob not in ("any", "win32"):
            yield f"no platform tag is {glob!r}; write a pattern such as '*{glob}*'"
    for glob in _plain(when.python, when.not_python):
        if not _PYTHON_TAG.fullmatch(glob):
            yield f"no Python tag is {glob!r}; they are such as cp311 and py3"
    for glob in _plain(when.filename, when.not_filename):
        if not glob.endswith(".whl"):
            yield f"no file name is {glob!r}; write a pattern such as '{glob}-*'"


def _plain(*values: Texts | None) -> list[str]:
    return [glob for globs in values for glob in globs or () if is_plain(glob)]


def _in_match(match: Match) -> Iterator[str]:
    for glob in match.name or ():
        if _EXTRA_IN_NAME.search(glob):
            yield f"{glob!r} matches one character of those in brackets; the extras of a requirement are not asked for"
    for text in match.marker or ():
        yield from _in_marker(text)
    for text in match.specifier or ():
        if text.strip().startswith("("):
            yield f"no specifier is {text!r}; parentheses are not asked for"
        elif text.strip() and text.strip()[0] not in _SPECIFIER_BEGINS:
            yield f"no specifier is {text!r}; it begins with an operator, as in '=={text}'"


def _in_marker(text: str) -> Iterator[str]:
    bare = _QUOTED.sub(" ", text)
    if _OPERATOR.search(bare):
        for word in _WORD.findall(bare):
            if word not in (*_VARIABLES, "and", "or", "in", "not"):
                close = get_close_matches(word, _VARIABLES, 1)
                yield f"no marker has the variable {word!r}; " + (
                    f"did you mean {close[0]}?" if close else "values are quoted"
                )
    elif text != "dead" and get_close_matches(text.lower(), ["dead"], 1, 0.7):
        yield f"{text!r} is looked for in the marker; did you mean dead?"


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
        return _versions(narrow).is_subset(_versions(wide))
    return set(narrow) <= set(wide)


@lru_cache(maxsize=16_384)
def _versions(specifiers: Texts) -> VersionRange:
    """Return the versions that any of ``specifiers`` allows, pre-releases and local versions included."""
    return reduce(or_, (SpecifierSet(text).to_range() for text in specifiers), VersionRange.empty())


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


_FEWEST_FIXED: Final = 3
"""A pattern with fewer fixed characters names nothing in particular."""


def remarks_on(rules: RuleSet, today: date | None = None) -> tuple[Remark, ...]:
    """Return what there is to say of ``rules`` without a wheel; of those that come with wheelfix nothing.

    With ``today`` rules are named that have had their day.
    """
    shadows, own, found = Shadows(), set(_own(rules)), []
    for index, rule in enumerate(rules.rules):
        if index in own:
            found += [Remark(code, rules.origins[index], rule.id, message) for code, message in _said(rule, shadows, today)]
        shadows.add(rule)
    return tuple(found)


def remarks_on_run(rules: RuleSet, outcomes: Iterable[Outcome]) -> tuple[Remark, ...]:
    """Return what a run shows of ``rules``: those that applied to nothing, and those whose last version has come."""
    outcomes = tuple(outcomes)
    complete = bool(outcomes) and not any(outcome.problem for outcome in outcomes)
    applied: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        for rule_id in outcome.applied_rules:
            applied.setdefault(rule_id, []).append(outcome)
    held_back = {each.rule for outcome in outcomes for each in outcome.kept if each.reason == BEHIND_EXTRA}
    found = []
    for index in _own(rules):
        rule, origin = rules.rules[index], rules.origins[index]
        if rule.id not in applied and complete:  # nobody knows what would have applied to a wheel that was refused
            why = ": what it names is called for by extras only" if rule.id in held_back else ""
            found.append(Remark("unused", origin, rule.id, f"it applied to nothing in this run{why}"))
        reached = (
            each for each in applied.get(rule.id, ()) if rule.until_version and _reached(rule.until_version, each.version)
        )
        for outcome in islice(reached, 1):
            message = f"it is meant until version {rule.until_version}, and {outcome.source.name} has reached it"
            found.append(Remark("outdated", origin, rule.id, message))
    return tuple(found)


def remarks_on_names(rules: RuleSet, names: Sequence[str], *, most: int) -> tuple[Remark, ...]:
    """Return which patterns match none of ``names``, normal names of projects, or more than ``most`` of them."""
    found = []
    for index in _own(rules):
        rule, origin = rules.rules[index], rules.origins[index]
        for glob in (rule.match.name if rule.match else None) or ():
            count = sum(matches((glob,), name) for name in names)
            if count == 0:
                found.append(Remark("matches-nothing", origin, rule.id, f"{glob!r} matches none of {len(names)} names"))
            elif count > most and rule.action != "keep":
                some = ", ".join([name for name in names if matches((glob,), name)][:3])
                message = f"{glob!r} matches {count} of {len(names)} names, such as {some}"
                found.append(Remark("matches-many", origin, rule.id, message))
    return tuple(found)


def _own(rules: RuleSet) -> Iterator[int]:
    """Yield the places of the rules that do not come with wheelfix."""
    return (index for index, origin in enumerate(rules.origins) if origin not in BUILT_IN)


def _reached(last: str, version: str | None) -> bool:
    try:
        return Version(version or "") >= Version(last)
    except ValueError:
        return False


def _said(rule: Rule, earlier: Shadows, today: date | None) -> Iterator[tuple[str, str]]:
    """Yield what there is to say of a rule, each as a code and a message."""
    if today and rule.until and rule.until <= today:
        yield "expired", f"it was meant until {rule.until}"
    impossible = _impossible(rule.when)
    if impossible:
        yield "impossible", f"it can never apply: {impossible}"
    yield from (("broad", message) for message in _broad(rule))
    yield from (("odd", message) for message in oddities(rule))
    above = earlier.above(rule)
    if above:
        names = ", ".join(dict.fromkeys(each.id for each in above))
        yield "shadowed", f"it can never decide: {names}, earlier, matches all that it matches"


def _impossible(when: When) -> str | None:
    """Return why no wheel can fulfil ``when``, ``None`` if one may."""
    for key in VERSION_KEYS:
        given, excluded = _values(when, key), _values(when, f"not_{key}")
        if given and (_versions(given) - _versions(excluded)).is_empty:
            name = key.replace("_", "-")
            but = f" with not-{name} = {' or '.join(excluded)}" if excluded else ""
            return f"no version fulfils {name} = {' or '.join(given)}{but}"
    for key in GLOB_KEYS:
        given, excluded = _values(when, key), _values(when, f"not_{key}")
        if given and excluded and covers(key, excluded, given):
            return f"not-{key} excludes all of {key}"
    return None


def _values(when: When, key: str) -> Texts:
    return getattr(when, key) or ()


def _broad(rule: Rule) -> Iterator[str]:
    for glob in (rule.match.name if rule.match else None) or ():
        if rule.action != "keep" and not is_plain(glob) and literal_length(glob) < _FEWEST_FIXED:
            yield f"the pattern {glob!r} fixes so little that it matches names which have nothing in common"
