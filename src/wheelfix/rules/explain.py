"""Why a requirement is still there, and why it is gone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from wheelfix.rules.match import Facts, decide, failed_condition, misses, names_requirements
from wheelfix.rules.model import Rule, RuleSet
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.requirement import Requirement, read_requirement


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule as it looks from one requirement.

    ``stopped_by`` is the first key that keeps it from matching, if one does; ``wanted`` what it asks for there, and
    ``found`` what it meets.
    """

    id: str
    origin: str
    action: str
    reason: str
    stopped_by: str | None = None
    wanted: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What becomes of one requirement and why.

    ``decided`` is the rule that decides, ``None`` if none does; ``held_back`` says why it does not act. ``also`` are later
    rules that match too; ``nearly`` are rules for that name that something else keeps from matching. ``fault`` says why the
    requirement is malformed.
    """

    text: str
    name: str | None
    decided: RuleView | None = None
    held_back: str | None = None
    also: tuple[RuleView, ...] = ()
    nearly: tuple[RuleView, ...] = ()
    fault: str | None = None


def explain(rules: RuleSet, facts: Facts) -> tuple[Explanation, ...]:
    """Return for each requirement of a wheel which rule decides, which others would have, and why others do not."""
    failed = {rule.id: failed_condition(rule.when, facts) for rule in rules.rules}
    mine = tuple(rule for rule in rules.rules if failed[rule.id] is None)
    origins = dict(zip((rule.id for rule in rules.rules), rules.origins, strict=True))
    found = []
    for each in facts.document.all(REQUIRES):
        text = each.value.strip()
        requirement = read_requirement(text)
        if requirement is None:
            found.append(Explanation(text, None, fault="it does not begin with a name"))
        else:
            found.append(_explain(requirement, rules.rules, mine, _Context(facts, origins, failed)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Context:
    """What is the same for every requirement: where rules come from, and the condition of each that the wheel fails."""

    facts: Facts
    origins: Mapping[str, str]
    failed: Mapping[str, str | None]


def _explain(requirement: Requirement, rules: Iterable[Rule], mine: Sequence[Rule], context: _Context) -> Explanation:
    facts, origins = context.facts, context.origins
    decision = decide(mine, requirement, facts)
    chosen = decision.rule if decision else None
    also, nearly = [], []
    for rule in rules:
        if rule.match is None or rule is chosen:
            continue
        stopped = _stopped_by(rule, requirement, context)
        if stopped is None:
            also.append(_view(rule, origins))
        elif not stopped.endswith("match.name") and names_requirements(rule):
            wanted, there = _values_at(stopped, rule, requirement, facts)
            nearly.append(replace(_view(rule, origins), stopped_by=stopped, wanted=wanted, found=there))
    return Explanation(
        requirement.text,
        requirement.name,
        _view(chosen, origins) if chosen else None,
        decision.held_back if decision else None,
        tuple(also),
        tuple(nearly),
        requirement.fault,
    )


def _stopped_by(rule: Rule, requirement: Requirement, context: _Context) -> str | None:
    """Return the key that keeps ``rule`` from matching, ``None`` if it matches."""
    missed = misses(rule.match, requirement, context.facts, any_extra=rule.action == "keep") if rule.match else "match"
    if missed == "name":
        return "match.name"
    failed = context.failed[rule.id]
    if failed:
        return f"when.{failed}"
    return f"match.{missed}" if missed else None


def _view(rule: Rule, origins: Mapping[str, str]) -> RuleView:
    return RuleView(rule.id, origins[rule.id], rule.action_name, rule.reason)


def _values_at(path: str, rule: Rule, requirement: Requirement, facts: Facts) -> tuple[str, str]:
    """Return what ``rule`` asks for under the key ``path``, and what the wheel or the requirement has there."""
    table, _, key = path.partition(".")
    values = getattr(rule.when if table == "when" else rule.match, key.replace("-", "_")) or ()
    wanted = " or ".join(each if isinstance(each, str) else " ".join(each.name or ("...",)) for each in values)
    if table == "when":
        return wanted, facts.shown(key.removeprefix("not-"))
    found = {
        "extra": "the extra " + " or ".join(sorted(requirement.called_by)) if requirement.needs_extra else "no extra",
        "specifier": requirement.specifier or "none",
        "url": requirement.url or "none",
        "marker": requirement.marker or "none",
    }
    return wanted or "none", found[key]
