"""Why the requirements of one wheel stay or go: the data behind ``wheelfix rules explain``."""

from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from wheelfix.outcome import Change, Problem
from wheelfix.plan import make_plan
from wheelfix.problems import failure
from wheelfix.rules.explain import Explanation, explain
from wheelfix.rules.match import make_facts, matches
from wheelfix.rules.model import RuleSet
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.requirement import read_requirement, same_requirement
from wheelfix.wheel.sbom import TRACE, read_trace
from wheelfix.wheel.wheel import Wheel


@dataclass(frozen=True, slots=True)
class WheelExplanation:
    """What rules make of one wheel, requirement by requirement.

    ``total`` counts the requirements, of which ``requirements`` may be a choice. ``changes`` is what would change, of the
    chosen ones if some were chosen; ``past`` what wheelfix has changed before, as the wheel itself tells. ``refusal`` says
    why nothing would be changed after all. Where ``problem`` is set nothing else is known.
    """

    source: Path
    total: int = 0
    requirements: tuple[Explanation, ...] = ()
    changes: tuple[Change, ...] = ()
    past: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    refusal: Problem | None = None
    problem: Problem | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell: no such requirement, and nothing that was or would be done."""
        return not (self.requirements or self.changes or self.past)


def explain_wheel(path: Path, rules: RuleSet, wanted: str | None = None) -> WheelExplanation:
    """Return why the requirements of the wheel at ``path`` stay or go.

    ``wanted`` chooses some of them: a name, a pattern for names, or a whole requirement.
    """
    try:
        with Wheel(path) as wheel:
            plan = make_plan(wheel, rules)
            facts = make_facts(wheel.document, wheel.filename, wheel.source.sha256)
            every = explain(rules, facts)
            trace = read_trace(wheel.read(TRACE)) if wheel.member(TRACE) else None
            return WheelExplanation(
                path,
                len(every),
                tuple(each for each in every if wanted is None or _is_wanted(each.text, wanted)),
                tuple(change for change in plan.changes if _concerns(change, wanted)),
                tuple(change for change in trace.changes if _concerns(change, wanted)) if trace else (),
                plan.notes,
                plan.problem,
            )
    except Exception as error:  # noqa: BLE001 - one wheel never stops the others
        return WheelExplanation(path, problem=failure(path, error).problem)


def _is_wanted(text: str, wanted: str) -> bool:
    requirement = read_requirement(text)
    if requirement is None:
        return text == wanted
    if canonicalize_name(wanted) == requirement.name or matches((wanted,), requirement.name):
        return True
    return same_requirement(text, wanted)


def _concerns(change: Change, wanted: str | None) -> bool:
    if wanted is None or change.field.lower() == wanted.lower():
        return True
    return change.field == REQUIRES and any(text and _is_wanted(text, wanted) for text in (change.before, change.after))
