"""What one wheel is and requires, and what rules would do to it and why: the data behind show and rules explain."""

import re
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from msgspec import Struct
from packaging.utils import canonicalize_name

from wheelfix.evidence.build import BuildHint
from wheelfix.fix.draft import make_plan
from wheelfix.fix.plan import Plan
from wheelfix.fix.weigh import gather_evidence
from wheelfix.globs import matches
from wheelfix.options import Policy, Scan
from wheelfix.results import Change, ChangeAction, Disagreement, Finding, Problem, Verdict, failure
from wheelfix.rules.explain import Explanation, explain
from wheelfix.rules.match import make_facts
from wheelfix.rules.model import RuleSet
from wheelfix.text import shown
from wheelfix.verify.run import glance
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.release import CopySource, disagreements_of
from wheelfix.wheel.requirement import read_requirement, same_requirement
from wheelfix.wheel.sbom import Provenance
from wheelfix.wheel.wheel import Wheel
from wheelfix.wheel.zip.source import sha256_of


class RequirementLine(Struct, frozen=True):
    """One Requires-Dist line. ``action`` is what the rules do to it: drop, keep, or ``None`` where no rule matches.

    ``problem`` says why the line is malformed, ``None`` where it is not. ``verdict`` says whether the wheel can do without
    it and ``evidence`` why; both are ``None`` where no rule drops it. ``suggestion`` is a rule, as TOML, that would change a
    requirement which looks like GPU and is kept.
    """

    text: str
    name: str | None
    needs_extra: bool
    problem: str | None
    action: ChangeAction | str | None
    rule: str | None
    reason: str | None
    verdict: Verdict | None = None
    evidence: str | None = None
    suggestion: str | None = None


class Description(Struct, frozen=True):
    """One wheel as ``show`` presents it; where ``problem`` is set, nothing else but ``source`` is known.

    ``size`` is in bytes. ``build`` is what the wheel says of its build. ``refusal`` says why the rules would not be carried
    out, ``None`` if they would. ``findings`` are sentences on what does not fit together in the wheel, as far as that can
    be seen without reading all of it. ``provenance`` says how wheelfix has fixed the wheel before.
    """

    source: Path
    project: str | None = None
    version: str | None = None
    size: int | None = None
    files: int | None = None
    tags: tuple[str, ...] = ()
    metadata_version: str | None = None
    requires_python: str | None = None
    build: tuple[BuildHint, ...] = ()
    requirements: tuple[RequirementLine, ...] = ()
    refusal: Problem | None = None
    notes: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    provenance: Provenance | None = None
    problem: Problem | None = None


def describe(path: Path, rules: RuleSet, *, scan: Scan = Scan.AUTO) -> Description:
    """Return what there is to know about the wheel at ``path``; one that cannot be read has a problem.

    ``scan`` says when its binaries are read for the verdicts.
    """
    try:
        with Wheel(path) as wheel:
            evidence = gather_evidence(wheel, scan)
            plan = make_plan(wheel, rules, policy=Policy(scan=scan), evidence=evidence)
            return Description(
                path,
                wheel.project,
                wheel.version,
                wheel.source.size,
                len(wheel.layout.entries),
                tuple(sorted(map(str, wheel.filename.tags))),
                wheel.document.first("Metadata-Version"),
                wheel.document.first("Requires-Python"),
                evidence.build,
                _requirement_lines(wheel, (*plan.changes, *plan.kept)),
                plan.problem,
                plan.notes,
                tuple(_sentence(each) for each in glance(wheel.path, wheel.source)),
                wheel.provenance,
            )
    except Exception as error:  # noqa: BLE001 - one wheel never stops the others
        return Description(path, problem=failure(path, error).problem)


def _requirement_lines(wheel: Wheel, decisions: tuple[Change, ...]) -> tuple[RequirementLine, ...]:
    decided = {change.before: change for change in decisions if change.field == REQUIRES}
    lines = []
    for each in wheel.document.all(REQUIRES):
        text = each.value.strip()
        requirement = read_requirement(text)
        change = decided.get(text)
        lines.append(
            RequirementLine(
                text,
                requirement.name if requirement else None,
                requirement.needs_extra if requirement else False,
                requirement.malformed if requirement else "it does not begin with a name",
                change.action if change else None,
                change.rule if change else None,
                change.reason if change else None,
                change.verdict if change else None,
                change.evidence if change else None,
                change.suggestion if change else None,
            )
        )
    return tuple(lines)


def _sentence(finding: Finding) -> str:
    message = finding.message
    return f"{finding.place}: {message}." if finding.place else f"{message[0].upper()}{message[1:]}."


def disagreements(descriptions: Sequence[Description]) -> tuple[Disagreement, ...]:
    """Return on which requirements wheels of one release disagree."""
    readable = (each for each in descriptions if each.problem is None)
    return disagreements_of({each.source: [line.text for line in each.requirements] for each in readable})


class WheelExplanation(Struct, frozen=True):
    """What rules make of one wheel, requirement by requirement.

    ``total`` counts the requirements, of which ``requirements`` may be a choice. ``changes`` is what would change, of the
    chosen ones if some were chosen; ``past`` what wheelfix has changed before, as the wheel itself says. ``refusal`` says
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
        """Whether there is nothing to show: no such requirement, and nothing that was or would be done."""
        return not (self.requirements or self.changes or self.past)


def explain_wheel(
    path: Path, rules: RuleSet, wanted: str | None = None, *, copy_sources: Sequence[CopySource] = ()
) -> WheelExplanation:
    """Return why the requirements of the wheel at ``path`` are kept or dropped.

    ``wanted`` chooses some of them: a name, a pattern for names, or a whole requirement. ``copy_sources`` are wheels that
    rules can copy from.
    """
    try:
        with Wheel(path) as wheel:
            plan = make_plan(wheel, rules, copy_sources=copy_sources)
            facts = make_facts(wheel.document, wheel.filename, partial(sha256_of, wheel.source))
            every = explain(rules, facts)
            provenance = wheel.provenance
            return WheelExplanation(
                path,
                len(every),
                tuple(each for each in every if wanted is None or _is_wanted(each.text, wanted)),
                tuple(change for change in plan.changes if _concerns(change, wanted)),
                tuple(change for change in provenance.changes if _concerns(change, wanted)) if provenance else (),
                _notes_on(plan, [each.text for each in every], wanted),
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


def _notes_on(plan: Plan, requirements: Sequence[str], wanted: str | None) -> tuple[str, ...]:
    """Return the notes of a plan but for those on something else than what is ``wanted``."""
    if wanted is None:
        return plan.notes
    chosen = [text for text in requirements if _is_wanted(text, wanted)]
    mine = _subjects(chosen, [change for change in plan.changes if _concerns(change, wanted)])
    others = _subjects(requirements, plan.changes) - mine
    named = [(note, _words(note) | set(_QUOTED.findall(note))) for note in plan.notes]
    return tuple(note for note, words in named if not words.isdisjoint(mine) or words.isdisjoint(others))


_WORD: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._+!-]*[A-Za-z0-9])?")
_QUOTED: Final = re.compile(r"'.*'|\".*\"")


def _words(text: str) -> set[str]:
    return {canonicalize_name(word) for word in _WORD.findall(text)}


def _subjects(requirements: Iterable[str], changes: Iterable[Change]) -> set[str]:
    """Return by what notes name these: normal names of requirements, or all of one without a name; names and versions."""
    texts = [*requirements, *(each.before or each.after or "" for each in changes if each.field == REQUIRES)]
    found = {each.name if (each := read_requirement(text)) else repr(shown(text)) for text in texts}
    own = [each for each in changes if each.field in ("Name", "Version")]
    return found.union(*(_words(text) for each in own for text in (each.before, each.after) if text))
