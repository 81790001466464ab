"""What one wheel is and requires, and what rules would do to it and why: the data behind show and rules explain."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from packaging.utils import canonicalize_name

from wheelfix.evidence.build import BuildHint
from wheelfix.evidence.verdict import Evidence
from wheelfix.fix.draft import make_outline, make_plan
from wheelfix.fix.plan import Outline, Plan
from wheelfix.fix.remote import known_sha256, metadata_file_findings, open_by_directory
from wheelfix.fix.weigh import gather_evidence
from wheelfix.globs import matches
from wheelfix.locations import Location, Url
from wheelfix.options import Policy, Scan
from wheelfix.results import Change, ChangeAction, Disagreement, Finding, Problem, Verdict, failure
from wheelfix.rules.explain import Explanation, explain
from wheelfix.rules.match import make_facts
from wheelfix.rules.model import RuleSet
from wheelfix.text import counted, shown
from wheelfix.verify.run import glance
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.release import CopySource, disagreements_of, views_of
from wheelfix.wheel.requirement import read_requirement, same_requirement
from wheelfix.wheel.sbom import Provenance
from wheelfix.wheel.wheel import Wheel
from wheelfix.wheel.zip.source import RemoteWheel, sha256_of


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
    """One wheel as ``show`` presents it; where ``problem`` is set, nothing else but ``source`` and ``url`` is known.

    ``size`` is in bytes. ``build`` is what the wheel says of its build. ``refusal`` says why the rules would not be carried
    out, ``None`` if they would. ``findings`` are sentences on what does not fit together in the wheel, as far as that can
    be seen without reading all of it. ``provenance`` says how wheelfix has fixed the wheel before.

    ``url`` is that of a remote wheel, ``None`` for a file; ``source`` is its file name then. ``directory_only`` says
    that only the directory of its archive, and most of dist-info, were read: no binaries, so that nothing is called safe
    for what they link to, and the archive was not checked as a whole.
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
    url: Url | None = None
    directory_only: bool = False


def _note_on(remote: RemoteWheel, unread: Sequence[str] = ()) -> str:
    """Return what was not checked of a remote wheel, of which some files of dist-info were ``unread``."""
    but = f" without {counted(len(unread), 'file')} of it (such as {shown(unread[0])})" if unread else ""
    sums = ", nor its sha256 compared" if remote.sha256 else ""
    return (
        f"Only the directory and dist-info{but} were read: the archive was not checked as a whole{sums}. "
        "Use --scan always to download the wheel and check all of it."
    )


def describe(place: Path | RemoteWheel, rules: RuleSet, *, scan: Scan = Scan.AUTO, url: Url | None = None) -> Description:
    """Return what there is to know about the wheel at ``place``; one that cannot be read has a problem.

    ``scan`` says when the binaries of a file are read for the verdicts. Of a remote wheel only the directory is read, in a
    handful of requests, and never a binary: where those would have to decide, the verdict is unproven.
    ``url`` is where a file was downloaded from; it is described under that.
    """
    if not isinstance(place, Path):
        return _describe_remote(place, rules)
    source = Path(place.name) if url is not None else place
    try:
        with Wheel(place) as wheel:
            evidence = gather_evidence(wheel, scan)
            plan = make_plan(wheel, rules, policy=Policy(scan=scan), evidence=evidence)
            findings = glance(wheel.path, wheel.source)
            return replace(_description(wheel, evidence, plan, findings), source=source, url=url)
    except Exception as error:  # noqa: BLE001 - one wheel never stops the others
        return Description(source, problem=failure(place, error).problem, url=url)


def _describe_remote(remote: RemoteWheel, rules: RuleSet) -> Description:
    url, path = remote.url, Path(remote.name)
    try:
        with open_by_directory(remote) as reading:
            wheel, unread = reading.wheel, reading.unread
            evidence = gather_evidence(wheel)
            plan = make_outline(wheel, rules, sha256=known_sha256(remote), evidence=evidence)
            findings = glance(wheel.path, wheel.source, directory=reading.directory, hidden=unread)
            found = _description(wheel, evidence, plan, findings)
            beside = tuple(metadata_file_findings(remote, wheel.document.data))
    except Exception as error:  # noqa: BLE001 - one wheel never stops the others
        return Description(path, problem=failure(path, error).problem, url=url, directory_only=True)
    note = _note_on(remote, unread)
    found = replace(found, notes=(*found.notes, note), findings=(*found.findings, *beside))
    return replace(found, url=url, directory_only=True)


def _description(wheel: Wheel, evidence: Evidence, plan: Plan | Outline, findings: Iterable[Finding]) -> Description:
    return Description(
        wheel.path,
        wheel.project,
        wheel.version,
        wheel.source.size,
        len(wheel.names),
        tuple(sorted(map(str, wheel.filename.tags))),
        wheel.document.first("Metadata-Version"),
        wheel.document.first("Requires-Python"),
        evidence.build,
        _requirement_lines(wheel, (*plan.changes, *plan.kept)),
        plan.problem,
        plan.notes,
        tuple(map(_sentence, findings)),
        wheel.provenance,
    )


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
    """Return on which requirements wheels of one release disagree; a fixed copy need not agree with its original."""
    wheels = {Path(str(number), each.source.name): each for number, each in enumerate(descriptions) if each.problem is None}
    places: dict[Location, Location] = {path: each.url or each.source for path, each in wheels.items()}
    said = {path: [line.text for line in each.requirements] for path, each in wheels.items()}
    ancestors = {path: _ancestors(each.provenance) for path, each in wheels.items()}
    views = views_of(ancestors) if any(ancestors.values()) else [list(wheels)]  # without a copy, one name is no reason
    found = dict.fromkeys(each for view in views for each in disagreements_of({path: said[path] for path in view}))
    return tuple(  # by their names first: a URL need not end with that of the wheel
        replace(
            each, present=tuple(map(places.__getitem__, each.present)), missing=tuple(map(places.__getitem__, each.missing))
        )
        for each in found
    )


def _ancestors(provenance: Provenance | None) -> frozenset[str]:
    return frozenset(each.filename for each in provenance.ancestors) if provenance else frozenset()


class WheelExplanation(Struct, frozen=True):
    """What rules make of one wheel, requirement by requirement.

    ``total`` counts the requirements, of which ``requirements`` may be a choice. ``changes`` is what would change, of the
    chosen ones if some were chosen; ``past`` what wheelfix has changed before, as the wheel itself says. ``refusal`` says
    why nothing would be changed after all. Where ``problem`` is set nothing else is known. ``url`` is that of a remote
    wheel, ``None`` for a file; ``source`` is its file name then. ``directory_only`` says that no binary was read.
    """

    source: Path
    total: int = 0
    requirements: tuple[Explanation, ...] = ()
    changes: tuple[Change, ...] = ()
    past: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    refusal: Problem | None = None
    problem: Problem | None = None
    url: Url | None = None
    directory_only: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show: no such requirement, and nothing that was or would be done."""
        return not (self.requirements or self.changes or self.past)


def explain_wheel(
    place: Path | RemoteWheel,
    rules: RuleSet,
    wanted: str | None = None,
    *,
    scan: Scan = Scan.AUTO,
    copy_sources: Sequence[CopySource] = (),
    url: Url | None = None,
) -> WheelExplanation:
    """Return why the requirements of the wheel at ``place`` are kept or dropped; a remote one is read by its directory.

    ``wanted`` chooses some of them: a name, a pattern for names, or a whole requirement. ``scan`` says when the binaries of
    a file are read. ``copy_sources`` are wheels that rules can copy from. ``url`` is where a file was downloaded from; it
    is described under that.
    """
    if not isinstance(place, Path):
        return _explain_remote(place, rules, wanted, copy_sources)
    source = Path(place.name) if url is not None else place
    try:
        with Wheel(place) as wheel:
            plan = make_plan(wheel, rules, policy=Policy(scan=scan), copy_sources=copy_sources)
            found = _explanation(wheel, rules, plan, wanted, partial(sha256_of, wheel.source))
            return replace(found, source=source, url=url)
    except Exception as error:  # noqa: BLE001 - one wheel never stops the others
        return WheelExplanation(source, problem=failure(place, error).problem, url=url)


def _explain_remote(
    remote: RemoteWheel, rules: RuleSet, wanted: str | None, copy_sources: Sequence[CopySource]
) -> WheelExplanation:
    url, path, sha256 = remote.url, Path(remote.name), known_sha256(remote)
    try:
        with open_by_directory(remote) as reading:
            wheel = reading.wheel
            evidence = gather_evidence(wheel)
            outline = make_outline(wheel, rules, sha256=sha256, evidence=evidence, copy_sources=copy_sources)
            found = _explanation(wheel, rules, outline, wanted, sha256)
            return replace(found, notes=(*found.notes, _note_on(remote)), url=url, directory_only=True)
    except Exception as error:  # noqa: BLE001 - one wheel never stops the others
        return WheelExplanation(path, problem=failure(path, error).problem, url=url)


def _explanation(
    wheel: Wheel, rules: RuleSet, plan: Plan | Outline, wanted: str | None, sha256: Callable[[], str]
) -> WheelExplanation:
    every = explain(rules, make_facts(wheel.document, wheel.filename, sha256))
    provenance = wheel.provenance
    return WheelExplanation(
        wheel.path,
        len(every),
        tuple(each for each in every if wanted is None or _is_wanted(each.text, wanted)),
        tuple(change for change in plan.changes if _concerns(change, wanted)),
        tuple(change for change in provenance.changes if _concerns(change, wanted)) if provenance else (),
        _notes_on(plan, [each.text for each in every], wanted),
        plan.problem,
    )


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


def _notes_on(plan: Plan | Outline, requirements: Sequence[str], wanted: str | None) -> tuple[str, ...]:
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
