"""What can be meant so, and mostly is not: rules that never apply or decide, or have had their day."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Final

from packaging.version import Version

from wheelfix.outcome import Outcome, Remark
from wheelfix.rules import BUILT_IN
from wheelfix.rules.conditions import Texts, When
from wheelfix.rules.globs import is_plain, literal_length, matches
from wheelfix.rules.matching import BEHIND_EXTRA
from wheelfix.rules.model import Rule, RuleSet
from wheelfix.rules.oddities import oddities
from wheelfix.rules.shadowing import GLOB_KEYS, VERSION_KEYS, Shadows, covers
from wheelfix.rules.versions import allows_none

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
        if given and all(allows_none(text) or covers(key, excluded, (text,)) for text in given):
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
