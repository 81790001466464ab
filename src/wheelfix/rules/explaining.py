"""Why a requirement is still there, and why it is gone."""

from dataclasses import dataclass

from wheelfix.metadata.editing import REQUIRES
from wheelfix.metadata.requirement import Requirement, read_requirement
from wheelfix.rules.facts import Facts
from wheelfix.rules.globs import is_plain
from wheelfix.rules.matching import decide, failed_condition, misses, rules_for
from wheelfix.rules.model import Rule, RuleSet


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule as it looks from one requirement: ``stopped_by`` is the key that keeps it from matching, if one does."""

    id: str
    origin: str
    action: str
    reason: str
    stopped_by: str | None = None


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
    mine = rules_for(rules.rules, facts)
    origins = dict(zip((rule.id for rule in rules.rules), rules.origins, strict=True))
    found = []
    for each in facts.document.all(REQUIRES):
        text = each.value.strip()
        requirement = read_requirement(text)
        if requirement is None:
            found.append(Explanation(text, None, fault="it does not begin with a name"))
        else:
            found.append(_explain(requirement, rules.rules, mine, origins, facts))
    return tuple(found)


def _explain(
    requirement: Requirement, rules: tuple[Rule, ...], mine: tuple[Rule, ...], origins: dict[str, str], facts: Facts
) -> Explanation:
    decision = decide(mine, requirement, facts)
    chosen = decision.rule if decision else None
    also, nearly = [], []
    for rule in rules:
        if rule.match is None or rule is chosen:
            continue
        stopped = _stopped_by(rule, requirement, facts)
        if stopped is None:
            also.append(_view(rule, origins))
        elif not stopped.endswith("match.name") and _names_it(rule):
            nearly.append(_view(rule, origins, stopped))
    return Explanation(
        requirement.text,
        requirement.name,
        _view(chosen, origins) if chosen else None,
        decision.held_back if decision else None,
        tuple(also),
        tuple(nearly),
        requirement.fault,
    )


def _stopped_by(rule: Rule, requirement: Requirement, facts: Facts) -> str | None:
    """Return the key that keeps ``rule`` from matching, ``None`` if it matches."""
    missed = misses(rule.match, requirement, facts, any_extra=rule.action == "keep") if rule.match else "match"
    if missed == "name":
        return "match.name"
    failed = failed_condition(rule.when, facts)
    if failed:
        return f"when.{failed}"
    return f"match.{missed}" if missed else None


def _names_it(rule: Rule) -> bool:
    """Whether the rule names requirements in particular, rather than all that a project has."""
    names = rule.match.name if rule.match else None
    return bool(names) and not any(not is_plain(glob) and set(glob) <= {"*", "?"} for glob in names or ())


def _view(rule: Rule, origins: dict[str, str], stopped_by: str | None = None) -> RuleView:
    return RuleView(rule.id, origins[rule.id], rule.action_name, rule.reason, stopped_by)
