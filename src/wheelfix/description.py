"""What one wheel is and requires, and what rules would do to it: the data behind ``wheelfix show``."""

from dataclasses import dataclass
from pathlib import Path

from wheelfix.metadata.requirement import read_requirement
from wheelfix.outcome import Change, Problem
from wheelfix.plan import make_plan
from wheelfix.problems import failure
from wheelfix.rules.model import RuleSet
from wheelfix.sbom import TRACE, Trace, read_trace
from wheelfix.wheel import Wheel


@dataclass(frozen=True, slots=True)
class RequirementLine:
    """One Requires-Dist line. ``action`` is what the rules do to it: drop, keep, or ``None`` where no rule matches.

    ``fault`` says why the line is malformed, ``None`` where it is not.
    """

    text: str
    name: str | None
    needs_extra: bool
    fault: str | None
    action: str | None
    rule: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Description:
    """One wheel as ``show`` presents it; where ``problem`` is set, nothing else but ``source`` is known.

    ``size`` is in bytes. ``trace`` tells how wheelfix has fixed the wheel before.
    """

    source: Path
    project: str | None = None
    version: str | None = None
    size: int | None = None
    members: int | None = None
    tags: tuple[str, ...] = ()
    metadata_version: str | None = None
    requires_python: str | None = None
    requirements: tuple[RequirementLine, ...] = ()
    notes: tuple[str, ...] = ()
    trace: Trace | None = None
    problem: Problem | None = None


def describe(path: Path, rules: RuleSet) -> Description:
    """Return what there is to know about the wheel at ``path``; a wheel that cannot be read is told by its problem."""
    try:
        with Wheel(path) as wheel:
            plan = make_plan(wheel, rules)
            return Description(
                path,
                wheel.project,
                wheel.version,
                wheel.source.size,
                len(wheel.layout.members),
                tuple(sorted(map(str, wheel.filename.tags))),
                wheel.document.first("Metadata-Version"),
                wheel.document.first("Requires-Python"),
                _requirement_lines(wheel, (*plan.changes, *plan.kept)),
                plan.notes,
                read_trace(wheel.read(TRACE)) if wheel.member(TRACE) else None,
            )
    except Exception as error:  # noqa: BLE001 - one wheel never stops the others
        return Description(path, problem=failure(path, error).problem)


def _requirement_lines(wheel: Wheel, decisions: tuple[Change, ...]) -> tuple[RequirementLine, ...]:
    decided = {change.before: change for change in decisions if change.field == "Requires-Dist"}
    lines = []
    for each in wheel.document.all("Requires-Dist"):
        text = each.value.strip()
        requirement = read_requirement(text)
        change = decided.get(text)
        lines.append(
            RequirementLine(
                text,
                requirement.name if requirement else None,
                requirement.needs_extra if requirement else False,
                requirement.fault if requirement else "it does not begin with a name",
                change.action if change else None,
                change.rule if change else None,
                change.reason if change else None,
            )
        )
    return tuple(lines)
