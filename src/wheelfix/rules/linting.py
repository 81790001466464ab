"""What can be meant so, and mostly is not: rules that never apply, get in each other's way or have had their day."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Final

from packaging.version import Version

from wheelfix.metadata.marker import plain_marker
from wheelfix.metadata.requirement import plain_specifier
from wheelfix.outcome import Outcome, Remark
from wheelfix.rules import BUILT_IN
from wheelfix.rules.conditions import Match, Texts, When
from wheelfix.rules.globs import all_contained, any_overlap, is_plain, literal_length, matches
from wheelfix.rules.matching import BEHIND_EXTRA, is_specifier
from wheelfix.rules.model import Rule, RuleSet
from wheelfix.rules.oddities import oddities
from wheelfix.rules.versions import allows_all, allows_none

_GLOB_KEYS: Final = ("project", "local", "filename", "platform", "python", "abi")
_VERSION_KEYS: Final = ("version", "metadata_version")
_OTHER_KEYS: Final = ("requires", "lacks", "sha256")
_FEWEST_FIXED: Final = 3
"""A pattern with fewer fixed characters names nothing in particular."""


def remarks_on(rules: RuleSet, today: date | None = None) -> tuple[Remark, ...]:
    """Return what there is to say of ``rules`` without a wheel; of those that come with wheelfix nothing.

    With ``today`` rules are named that have had their day.
    """
    return tuple(remark for index in _own(rules) for remark in _remarks(rules, index, today))


def remarks_on_run(rules: RuleSet, outcomes: Iterable[Outcome]) -> tuple[Remark, ...]:
    """Return what a run shows of ``rules``: those that applied to nothing, and those whose last version has come."""
    outcomes = tuple(outcomes)
    complete = bool(outcomes) and not any(outcome.problem for outcome in outcomes)
    applied = {rule for outcome in outcomes for rule in outcome.applied_rules}
    held_back = {each.rule for outcome in outcomes for each in outcome.kept if each.reason == BEHIND_EXTRA}
    found = []
    for index in _own(rules):
        rule, origin = rules.rules[index], rules.origins[index]
        if rule.id not in applied and complete:  # nobody knows what would have applied to a wheel that was refused
            why = ": what it names is called for by extras only" if rule.id in held_back else ""
            found.append(Remark("unused", origin, rule.id, f"it applied to nothing in this run{why}"))
        for outcome in outcomes:
            if rule.id in outcome.applied_rules and rule.until_version and _reached(rule.until_version, outcome.version):
                message = f"it is meant until version {rule.until_version}, and {outcome.source.name} has reached it"
                found.append(Remark("outdated", origin, rule.id, message))
                break
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


def _remarks(rules: RuleSet, index: int, today: date | None) -> Iterator[Remark]:
    rule, origin = rules.rules[index], rules.origins[index]
    if today and rule.until and rule.until <= today:
        yield Remark("expired", origin, rule.id, f"it was meant until {rule.until}")
    impossible = _impossible(rule.when)
    if impossible:
        yield Remark("impossible", origin, rule.id, f"it can never apply: {impossible}")
    yield from (Remark("broad", origin, rule.id, message) for message in _broad(rule))
    yield from (Remark("odd", origin, rule.id, message) for message in oddities(rule))
    earlier = rules.rules[:index]
    above = _shadowing(rule, earlier)
    if above:
        names = ", ".join(dict.fromkeys(each.id for each in above))
        yield Remark("shadowed", origin, rule.id, f"it can never decide: {names}, earlier, matches all that it matches")
        return
    for other in earlier:
        if _in_the_way(other, rule):
            yield Remark("overlap", origin, rule.id, f"{other.id}, earlier, may decide on a part of what it matches")


def _impossible(when: When) -> str | None:
    """Return why no wheel can fulfil ``when``, ``None`` if one may."""
    for key in _VERSION_KEYS:
        given, excluded = _values(when, key), _values(when, f"not_{key}")
        if given and all(allows_none(text) or _allowed_by_any(text, excluded) for text in given):
            name = key.replace("_", "-")
            but = f" with not-{name} = {' or '.join(excluded)}" if excluded else ""
            return f"no version fulfils {name} = {' or '.join(given)}{but}"
    for key in _GLOB_KEYS:
        given, excluded = _values(when, key), _values(when, f"not_{key}")
        if given and excluded and all_contained(excluded, given):
            return f"not-{key} excludes all of {key}"
    return None


def _broad(rule: Rule) -> Iterator[str]:
    for glob in (rule.match.name if rule.match else None) or ():
        if rule.action != "keep" and not is_plain(glob) and literal_length(glob) < _FEWEST_FIXED:
            yield f"the pattern {glob!r} fixes so little that it matches names which have nothing in common"


def _shadowing(rule: Rule, earlier: Sequence[Rule]) -> list[Rule]:
    """Return the earlier rules that together match all that ``rule`` matches; empty if they do not."""
    if rule.match is None:
        return []
    able = [each for each in earlier if each.match and _when_contains(each.when, rule.when) and _rest_contains(each, rule)]
    found = []
    for glob in rule.match.name or ("*",):
        above = next((each for each in able if all_contained(_names(each), (glob,))), None)
        if above is None:
            return []
        found.append(above)
    return found


def _names(rule: Rule) -> tuple[str, ...]:
    return (rule.match.name if rule.match else None) or ("*",)


def _in_the_way(earlier: Rule, later: Rule) -> bool:
    """Whether both change requirements, in different ways, and a requirement may be matched by both.

    A rule that keeps stands in front of others on purpose.
    """
    if earlier.match is None or later.match is None or "keep" in (earlier.action, later.action):
        return False
    if earlier.action == later.action or not any_overlap(_names(earlier), _names(later)):
        return False
    keys = (*_GLOB_KEYS, *_VERSION_KEYS)
    return (
        _matches_meet(earlier, later)
        and _others_meet(earlier.when, later.when)
        and all(_conditions_meet(key, earlier.when, later.when) for key in keys)
    )


def _matches_meet(one: Rule, two: Rule) -> bool:
    """Whether a requirement may fulfil both rules, names aside."""
    first, second = one.match or Match(), two.match or Match()
    extras, others = _extras(one), _extras(two)
    mixed = (*extras, *others)  # two named extras may call for the same requirement, an extra and none never do
    if "any" not in mixed and "none" in mixed and set(extras).isdisjoint(others):
        return False
    if (first.url and second.specifier) or (first.specifier and second.url):
        return False  # what has an address has no specifier
    if first.specifier and second.specifier and not _specifiers_meet(first.specifier, second.specifier):
        return False
    return not (first.url and second.url) or any_overlap(first.url, second.url)


def _specifiers_meet(one: Texts, two: Texts) -> bool:
    """Whether a requirement may have a specifier of both; patterns for them may."""
    if not all(is_specifier(text) for text in (*one, *two)):
        return True
    return not _plain(one).isdisjoint(_plain(two))


def _plain(specifiers: Texts) -> frozenset[str]:
    return frozenset(map(plain_specifier, specifiers))


def _others_meet(one: When, two: When) -> bool:
    """Whether a wheel may have the sum of both, and has not to have and to lack the same requirement."""
    sums, others = ({each.lower() for each in when.sha256 or ()} for when in (one, two))
    if sums and others and sums.isdisjoint(others):
        return False
    pairs = (
        (one.requires, two.lacks), (one.lacks, two.requires), (one.requires, two.not_requires),
        (one.not_requires, two.requires), (one.lacks, two.not_lacks), (one.not_lacks, two.lacks),
    )  # fmt: skip
    return not any(asked and asked == other and len(asked) == 1 for asked, other in pairs)


def _conditions_meet(key: str, one: When, two: When) -> bool:
    """Whether a wheel may fulfil what both ask for under ``key``."""
    first, second = _values(one, key), _values(two, key)
    for asked, other in ((first, two), (second, one)):
        excluded = _values(other, f"not_{key}")
        if asked and excluded and _covers(key, excluded, asked):
            return False
    if not first or not second or key in ("platform", "python", "abi"):  # a wheel has several tags
        return True
    if key in _VERSION_KEYS:
        return any(not allows_none(f"{left},{right}") for left in first for right in second)
    return any_overlap(first, second)


def _when_contains(wide: When, narrow: When) -> bool:
    """Whether ``wide`` holds for every wheel for which ``narrow`` holds. A ``False`` can mean that it was not seen."""
    for key in (*_GLOB_KEYS, *_VERSION_KEYS, *_OTHER_KEYS):
        asked, excluded = _values(wide, key), _values(wide, f"not_{key}")
        if asked and not (_values(narrow, key) and _covers(key, asked, _values(narrow, key))):
            return False
        if excluded and not (_values(narrow, f"not_{key}") and _covers(key, _values(narrow, f"not_{key}"), excluded)):
            return False
    return True


def _covers(key: str, wide: Texts, narrow: Texts) -> bool:
    if key in _GLOB_KEYS:
        return all_contained(wide, narrow)
    if key in _VERSION_KEYS:
        return all(_allowed_by_any(text, wide) for text in narrow)
    return set(narrow) <= set(wide)


def _values(when: When, key: str) -> Texts:
    return getattr(when, key) or ()


def _rest_contains(earlier: Rule, later: Rule) -> bool:
    """Whether ``earlier`` asks nothing more of a requirement than ``later`` does, names aside."""
    wide, narrow = earlier.match or Match(), later.match or Match()
    extras, own_extras = _extras(earlier), _extras(later)
    if "any" not in extras and not set(own_extras) <= set(extras):
        return False
    if wide.marker and not (narrow.marker and all(_marker_within_any(text, wide.marker) for text in narrow.marker)):
        return False
    if wide.specifier and not (narrow.specifier and _plain(narrow.specifier) <= _plain(wide.specifier)):
        return False
    return not wide.url or bool(narrow.url and all_contained(wide.url, narrow.url))


def _extras(rule: Rule) -> Texts:
    given = rule.match.extra if rule.match else None
    return given or (("any",) if rule.action == "keep" else ("none",))


def _marker_within_any(text: str, wide: Texts) -> bool:
    if text == "dead" or "dead" in wide:
        return text in wide
    return any(plain_marker(each) in plain_marker(text) for each in wide)


def _allowed_by_any(narrow: str, wide: Texts) -> bool:
    return any(allows_all(each, narrow) for each in wide)
