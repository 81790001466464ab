"""Why a requirement is kept, dropped or changed."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from wheelfix.rules.match import Facts, decide, failed_condition, misses, names_requirements
from wheelfix.rules.model import Match, Rule, RuleSet
from wheelfix.rules.requirement_actions import why_not_applied
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.requirement import Requirement, read_requirement


class RuleView(Struct, frozen=True):
    """A rule, seen from one requirement.

    ``stopped_by`` is the first key that keeps it from matching, if one does; ``wanted`` the rule's value there, and
    ``found`` that of the wheel.
    """

    id: str
    origin: str
    action: str
    reason: str
    stopped_by: str | None = None
    wanted: str = ""
    found: str = ""

    @property
    def mismatch(self) -> str:
        """Why it does not match, as a clause."""
        there = f", found {self.found}" if self.found else ""
        return f"{self.stopped_by} is {self.wanted}{there}"


class Explanation(Struct, frozen=True):
    """What happens to one requirement and why.

    ``decided`` is the rule that decides, ``None`` if none does; ``held_back`` says why it does not apply. ``also`` are later
    rules that match too; ``nearly`` are rules for that name that do not match for another reason. ``malformed`` says why
    the requirement is malformed.
    """

    text: str
    name: str | None
    decided: RuleView | None = None
    held_back: str | None = None
    also: tuple[RuleView, ...] = ()
    nearly: tuple[RuleView, ...] = ()
    malformed: str | None = None


class _Asked(NamedTuple):
    """A rule, its view, and the first condition that the wheel does not match, ``None`` if it matches all."""

    rule: Rule
    view: RuleView
    failed: str | None


def explain(rules: RuleSet, facts: Facts) -> tuple[Explanation, ...]:
    """Return for each requirement of a wheel which rule decides, which others would have, and why others do not."""
    asked = [
        _Asked(rule, RuleView(rule.id, origin, rule.action_name, rule.reason), failed_condition(rule.when, facts))
        for rule, origin in zip(rules.rules, rules.origins, strict=True)
    ]
    return tuple(_explain(each.value.strip(), asked, facts) for each in facts.document.all(REQUIRES))


def _explain(text: str, asked: Sequence[_Asked], facts: Facts) -> Explanation:
    requirement = read_requirement(text)
    if requirement is None:
        return Explanation(text, None, malformed="it does not begin with a name")
    decision = decide([each.rule for each in asked if each.failed is None], requirement, facts)
    chosen = decision.rule if decision else None
    held_back = (decision.held_back or why_not_applied(decision.rule, text)) if decision else None
    also, nearly = [], []
    for each in asked:
        if each.rule.match is None or each.rule is chosen:
            continue
        stopped = _stopped_by(each, each.rule.match, requirement, facts)
        if stopped is None:
            also.append(each.view)
        elif stopped != "match.name" and names_requirements(each.rule):
            wanted, there = _values_at(stopped, each.rule, requirement, facts)
            nearly.append(replace(each.view, stopped_by=stopped, wanted=wanted, found=there))
    return Explanation(
        requirement.text,
        requirement.name,
        next((each.view for each in asked if each.rule is chosen), None),
        held_back,
        tuple(also),
        tuple(nearly),
        requirement.malformed,
    )


def _stopped_by(asked: _Asked, match: Match, requirement: Requirement, facts: Facts) -> str | None:
    """Return the key that keeps a rule from matching, ``None`` if it matches."""
    missed = misses(match, requirement, facts, any_extra=asked.rule.action == "keep")
    if missed != "name" and asked.failed:
        return f"when.{asked.failed}"
    return f"match.{missed}" if missed else None


def _values_at(path: str, rule: Rule, requirement: Requirement, facts: Facts) -> tuple[str, str]:
    """Return the value of ``rule`` for the key ``path``, and what the wheel or the requirement has there."""
    table, _, key = path.partition(".")
    values = getattr(rule.when if table == "when" else rule.match, key.replace("-", "_")) or ()
    wanted = " or ".join(each if isinstance(each, str) else " ".join(each.name or ("...",)) for each in values)
    if table == "when":
        return wanted, facts.shown(key.removeprefix("not-"))
    found = {
        "extra": "the extra " + " or ".join(sorted(requirement.required_by_extras))
        if requirement.needs_extra
        else "no extra",
        "specifier": requirement.specifier or "none",
        "url": requirement.url or "none",
        "marker": requirement.marker or "none",
    }
    return wanted or "none", found[key]
