"""Rules that work, but probably not as intended: those that never apply or decide, match too much, or have expired."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from fnmatch import translate
from functools import lru_cache, reduce
from heapq import merge
from itertools import chain, islice, takewhile
from operator import or_
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct
from packaging.ranges import VersionRange
from packaging.specifiers import SpecifierSet

from wheelfix.globs import is_plain, matches
from wheelfix.results import Finding, Outcome
from wheelfix.rules import BUILT_IN
from wheelfix.rules.match import EXTRA_ONLY
from wheelfix.rules.model import NEVER_TRUE, Match, Rule, RuleSet, Texts, When
from wheelfix.rules.registry import RulePlace
from wheelfix.wheel.filename import parsed_version
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


def _unlikely_values(rule: Rule) -> Iterator[str]:
    """Yield what in the conditions of ``rule`` matches nothing that is in use."""
    when = rule.when
    nested = filter(None, (when.requires, when.not_requires, when.lacks, when.not_lacks))
    for match in filter(None, (rule.match, *chain.from_iterable(nested))):
        yield from _in_match(match)
    for glob in _plain(when.platform, when.not_platform):
        if "_" not in glob and glob not in ("any", "win32"):
            yield f"{glob!r} is not a platform tag; write a pattern such as '*{glob}*'"
    for glob in _plain(when.python, when.not_python):
        if not _PYTHON_TAG.fullmatch(glob):
            yield f"{glob!r} is not a Python tag such as cp311 or py3"
    for glob in _plain(when.filename, when.not_filename):
        if not glob.endswith(".whl"):
            yield f"{glob!r} is not the file name of a wheel; write a pattern such as '{glob}-*'"


def _plain(*values: Texts | None) -> list[str]:
    return [glob for globs in values for glob in globs or () if is_plain(glob)]


def _in_match(match: Match) -> Iterator[str]:
    for glob in match.name or ():
        if _EXTRA_IN_NAME.search(glob):
            yield f"{glob!r}: brackets match one character; extras are not part of a name"
    for text in match.marker or ():
        yield from _in_marker(text)
    for text in match.specifier or ():
        if text.strip().startswith("("):
            yield f"{text!r} never matches: specifiers are compared without parentheses"
        elif text.strip() and text.strip()[0] not in _SPECIFIER_BEGINS:
            yield f"{text!r} is not a specifier; write an operator, as in '=={text}'"


def _in_marker(text: str) -> Iterator[str]:
    bare = _QUOTED.sub(" ", text)
    if _OPERATOR.search(bare):
        for word in _WORD.findall(bare):
            if word not in (*_VARIABLES, "and", "or", "in", "not"):
                close = get_close_matches(word, _VARIABLES, 1)
                yield f"{word!r} is not a marker variable; " + (f"did you mean {close[0]}?" if close else "quote values")
    elif text != NEVER_TRUE and get_close_matches(text.lower(), [NEVER_TRUE], 1):
        yield f"{text!r} is searched for in the marker; did you mean {NEVER_TRUE}?"


Piece: TypeAlias = frozenset[str] | None
"""What a pattern allows at one position: some characters, or any text (``None``)."""
_ALPHABET: Final = frozenset(map(chr, range(32, 127)))
"""The characters for which patterns are compared: names and tags have no others."""


def literal_length(glob: str) -> int:
    """Return how many characters of ``glob`` are fixed: a pattern with few matches unrelated names."""
    return sum(piece is not None and len(piece) < len(_ALPHABET) for piece in _pieces(glob))


@lru_cache(maxsize=4096)
def _pieces(glob: str) -> tuple[Piece, ...]:
    found: list[Piece] = []
    position = 0
    while position < len(glob):
        char = glob[position]
        stop = glob.find("]", position + 2 + glob.startswith("[!", position)) if char == "[" else -1
        if char == "*":
            if not found or found[-1] is not None:
                found.append(None)
        elif char == "?":
            found.append(_ALPHABET)
        elif stop > 0:
            one = re.compile(translate(glob[position : stop + 1]))
            found.append(frozenset(each for each in _ALPHABET if one.match(each)))
            position = stop
        else:
            found.append(frozenset(char))
        position += 1
    return tuple(found)


@lru_cache(maxsize=65_536)
def contains(outer: str, inner: str) -> bool:
    """Whether ``outer`` matches everything that ``inner`` matches. ``False`` can also mean "not known".

    >>> contains("nvidia-*", "nvidia-*-cu[1-9][0-9]"), contains("nvidia-*-cu12", "nvidia-*")
    (True, False)
    """
    wide, narrow = _pieces(outer), _pieces(inner)
    here = there = 0
    star, restart = -1, 0
    # Like matching a text, with the pieces of ``inner`` as characters: if the rest fails, the last * takes one more.
    while there < len(narrow):
        piece, other = wide[here] if here < len(wide) else frozenset[str](), narrow[there]
        if piece is None:
            star, restart, here = here, there, here + 1
        elif here < len(wide) and other is not None and other <= piece:
            here, there = here + 1, there + 1
        elif star >= 0:
            restart += 1
            here, there = star + 1, restart
        else:
            return False
    return all(piece is None for piece in wide[here:])


@lru_cache(maxsize=65_536)
def start_of(glob: str) -> str:
    """Return what all texts that ``glob`` matches begin with.

    >>> start_of("nvidia-*-cu12"), start_of("triton")
    ('nvidia-', 'triton')
    """
    fixed = takewhile(lambda piece: piece is not None and len(piece) == 1, _pieces(glob))
    return "".join(char for piece in fixed if piece for char in piece)


def beginnings(start: str) -> Iterator[str]:
    """Yield every prefix of ``start``: a pattern that contains one with this start has one of them as its own."""
    return (start[:length] for length in range(len(start) + 1))


def all_contained(outer: Iterable[str], inner: Iterable[str]) -> bool:
    """Whether each of ``inner`` is contained in one of ``outer``."""
    outer = tuple(outer)
    return all(any(contains(wide, narrow) for wide in outer) for narrow in inner)


GLOB_KEYS: Final = ("project", "local", "filename", "platform", "python", "abi")
"""The conditions of ``when`` whose values are patterns."""
VERSION_KEYS: Final = ("version", "metadata_version")
"""The conditions of ``when`` whose values are version specifiers."""
_MOST_COMPARED: Final = 50
"""How many of the earlier rules with similar patterns are compared with one; real rule files have a handful."""


def covers(key: str, wide: Texts, narrow: Texts) -> bool:
    """Whether everything that one of ``narrow`` matches under the condition ``key`` is matched by one of ``wide``.

    ``False`` can also mean "not known".
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
    """The rules so far, in order, to find those that match everything that a later rule matches.

    Three thousand rules are four million pairs, so pairs are looked up instead of tried: what a pattern begins with is a
    prefix of what the patterns that it contains begin with.
    """

    def __init__(self) -> None:
        self._rules: list[_Conditions] = []
        self._positions: dict[str, dict[str, list[int]]] = {}
        """Positions of rules, ascending, by what the patterns for projects begin with, then those for requirements."""

    def add(self, rule: Rule) -> None:
        """Add the next rule."""
        added = _Conditions.of(rule)
        if added is None:
            return
        for project in {start_of(glob) for glob in added.projects}:
            by_name = self._positions.setdefault(project, {})
            for name in {start_of(glob) for glob in added.names}:
                by_name.setdefault(name, []).append(len(self._rules))
        self._rules.append(added)

    def above(self, rule: Rule) -> list[Rule]:
        """Return the earlier rules that together match all that ``rule`` matches; empty if they do not."""
        wanted = _Conditions.of(rule)
        if wanted is None:
            return []
        found = []
        for name in wanted.names:
            earlier = islice(merge(*self._candidates(wanted, name)), _MOST_COMPARED)
            above = next((each for each in map(self._rules.__getitem__, earlier) if each.contains(wanted, name)), None)
            if above is None:
                return []
            found.append(above.rule)
        return found

    def _candidates(self, wanted: "_Conditions", name: str) -> Iterator[list[int]]:
        """Yield positions of the rules that may contain ``wanted`` by ``name``: they must contain its first project."""
        for project in beginnings(start_of(wanted.projects[0])):
            by_name = self._positions.get(project)
            if by_name:
                yield from (by_name[start] for start in beginnings(start_of(name)) if start in by_name)


class _Conditions(Struct, frozen=True):
    """The conditions of a rule for requirements, ready to be compared."""

    rule: Rule
    when: Mapping[str, Texts]
    match: Match
    projects: Texts
    names: Texts
    extras: Texts
    markers: Texts
    specifiers: frozenset[str]

    @classmethod
    def of(cls, rule: Rule) -> "_Conditions | None":
        if rule.match is None:
            return None
        when = {key: value for key, value in msgspec.structs.asdict(rule.when).items() if value}
        extras = rule.match.extra or (("any",) if rule.action == "keep" else ("none",))
        markers = tuple(map(plain_marker, rule.match.marker or ()))
        specifiers = frozenset(map(plain_specifier, rule.match.specifier or ()))
        projects, names = rule.when.project or ("*",), rule.match.name or ("*",)
        return cls(rule, when, rule.match, projects, names, extras, markers, specifiers)

    def contains(self, other: "_Conditions", name: str) -> bool:
        """Whether it matches all that ``other`` matches by ``name``. ``False`` can also mean "not known"."""
        return all_contained(self.names, (name,)) and self._has_wheels_of(other) and self._has_requirements_of(other)

    def _has_wheels_of(self, other: "_Conditions") -> bool:
        for key, values in self.when.items():
            others = other.when.get(key, ())
            plain = key.removeprefix("not_")
            # For exclusions it is the other way round: a rule that excludes more is for fewer wheels.
            wide, narrow = (values, others) if plain == key else (others, values)
            if not others or not covers(plain, wide, narrow):
                return False
        return True

    def _has_requirements_of(self, other: "_Conditions") -> bool:
        if "any" not in self.extras and not set(other.extras) <= set(self.extras):
            return False
        if self.markers and not (other.markers and all(_is_within_any(text, self.markers) for text in other.markers)):
            return False
        if self.specifiers and not (other.specifiers and other.specifiers <= self.specifiers):
            return False
        wide, narrow = self.match.url, other.match.url
        return not wide or bool(narrow and all_contained(wide, narrow))


def _is_within_any(text: str, wide: Texts) -> bool:
    if text == NEVER_TRUE or NEVER_TRUE in wide:
        return text in wide
    return any(each in text for each in wide)


_COMMAND_LINE: Final = "command line"
_FEWEST_FIXED: Final = 3
"""A pattern with fewer fixed characters matches unrelated names."""


def lint_rules(rules: RuleSet, today: date | None = None) -> tuple[Finding, ...]:
    """Return the findings of ``rules`` that need no wheel; built-in rules have none.

    With ``today`` expired rules are among them.
    """
    shadows, own, found = Shadows(), {rule.id: place for rule, place in _own(rules)}, []
    for rule in rules.rules:
        if place := own.get(rule.id):
            messages = _messages(rule, shadows, today)
            found += [
                place.finding(code, message)
                for code, message in messages
                if not (code == "rule-one-name" and place.file == _COMMAND_LINE)  # who gives wheels with it means these
            ]
        shadows.add(rule)
    return tuple(found)


def lint_run(rules: RuleSet, outcomes: Iterable[Outcome]) -> tuple[Finding, ...]:
    """Return the findings of ``rules`` after a run: which applied to nothing, and which have reached their last version."""
    outcomes = tuple(outcomes)
    complete = bool(outcomes) and not any(outcome.problem for outcome in outcomes)
    applied: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        for rule_id in outcome.applied_rules:
            applied.setdefault(rule_id, []).append(outcome)
    held_back = {each.rule for outcome in outcomes for each in outcome.kept if each.reason == EXTRA_ONLY}
    found = []
    for rule, place in _own(rules):
        if rule.id not in applied and complete:  # a refused wheel might have used any rule
            why = ": only extras require what it names" if rule.id in held_back else ""
            found.append(place.finding("rule-unused", f"applied to nothing in this run{why}"))
        reached = (
            each for each in applied.get(rule.id, ()) if rule.until_version and _reached(rule.until_version, each.version)
        )
        for outcome in islice(reached, 1):
            message = f"meant until version {rule.until_version}, which {outcome.source.name} has reached"
            found.append(place.finding("rule-outdated", message))
    return tuple(found)


def lint_names(rules: RuleSet, names: Sequence[str], *, most: int) -> tuple[Finding, ...]:
    """Return which patterns match none of ``names``, normalized names of projects, or more than ``most`` of them."""
    found = []
    for rule, place in _own(rules):
        for glob in rule.names:
            matched = [name for name in names if matches((glob,), name)]
            if not matched:
                found.append(place.finding("rule-matches-nothing", f"{glob!r} matches none of {len(names)} names"))
            elif len(matched) > most and rule.action != "keep":
                message = f"{glob!r} matches {len(matched)} of {len(names)} names, such as {', '.join(matched[:3])}"
                found.append(place.finding("rule-matches-many", message))
    return tuple(found)


def _own(rules: RuleSet) -> Iterator[tuple[Rule, RulePlace]]:
    """Yield the rules that do not come with wheelfix, and where each is."""
    listed = zip(rules.rules, rules.origins, strict=True)
    return ((rule, RulePlace(origin, rule.id)) for rule, origin in listed if origin not in BUILT_IN)


def _reached(last: str, version: str | None) -> bool:
    found, end = parsed_version(version or ""), parsed_version(last)
    return found is not None and end is not None and found >= end


def _messages(rule: Rule, earlier: Shadows, today: date | None) -> Iterator[tuple[str, str]]:
    """Yield the code and the message of each finding of a rule."""
    if today and rule.until and rule.until <= today:
        yield "rule-expired", f"expired on {rule.until}"
    impossible = _impossible(rule.when)
    if impossible:
        yield "rule-impossible", f"never applies: {impossible}"
    yield from (("rule-broad", message) for message in _broad(rule))
    yield from (("rule-unlikely-value", message) for message in _unlikely_values(rule))
    yield from _when_tried(rule)
    if rule.action_name == "set-name" and not _is_for_one_project(rule.when):
        yield "rule-one-name", f"every project that it matches gets the name {rule.argument!r}; name one in when.project"
    above = earlier.above(rule)
    if above:
        names = ", ".join(dict.fromkeys(each.id for each in above))
        yield "rule-shadowed", f"never decides: earlier rules match everything that it matches ({names})"


def _is_for_one_project(when: When) -> bool:
    """Whether ``when`` is for wheels of one project, as far as it says, or for what was given with the rule itself."""
    projects = when.project or ()
    return (len(projects) == 1 and is_plain(projects[0])) or bool(when.filename or when.sha256)


def _when_tried(rule: Rule) -> Iterator[tuple[str, str]]:
    """Yield what a rule is seen to do wrong on requirements that it matches."""
    if rule.action_name not in ("replace", "set-specifier"):
        return
    from wheelfix.rules.specimens import changes_again, never_applies  # imported late: few rules rewrite requirements

    if mismatch := never_applies(rule):
        yield "rule-unlikely-value", f"{rule.action_name} applies to nothing that match selects: {mismatch}"
    if again := changes_again(rule):
        yield "rule-not-repeatable", f"matches what it has made and changes it again: {again}"


def _impossible(when: When) -> str | None:
    """Return why no wheel can match ``when``, ``None`` if one may."""
    for key in VERSION_KEYS:
        given, excluded = _values(when, key), _values(when, f"not_{key}")
        if given and (_versions(given) - _versions(excluded)).is_empty:
            name = key.replace("_", "-")
            but = f" with not-{name} = {' or '.join(excluded)}" if excluded else ""
            return f"no version matches {name} = {' or '.join(given)}{but}"
    for key in GLOB_KEYS:
        given, excluded = _values(when, key), _values(when, f"not_{key}")
        if given and excluded and covers(key, excluded, given):
            return f"not-{key} excludes all of {key}"
    return None


def _values(when: When, key: str) -> Texts:
    return getattr(when, key) or ()


def _broad(rule: Rule) -> Iterator[str]:
    for glob in rule.names:
        if rule.action != "keep" and not is_plain(glob) and literal_length(glob) < _FEWEST_FIXED:
            yield f"the pattern {glob!r} is so short that it matches unrelated names"
