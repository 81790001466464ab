"""What a run does with one wheel: its plan, what becomes of it, and what its release must know of it.

It runs in this process or in others, on several wheels in a row, so that their results can be committed together.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from wheelfix.errors import ArchiveError, SourceChanged, StructureError
from wheelfix.executors import file_size
from wheelfix.options import Naming, Output, Policy, Selection
from wheelfix.progress import NO_PROGRESS, Progress
from wheelfix.results import Outcome, failure
from wheelfix.wheel.zip.commit import Committed, GroupCommit
from wheelfix.wheel.zip.output import RunningDigest
from wheelfix.wheel.zip.source import Source

if TYPE_CHECKING:
    from wheelfix.evidence.verdict import Evidence
    from wheelfix.fix.apply import Prepared
    from wheelfix.fix.pins import Move
    from wheelfix.fix.plan import Plan
    from wheelfix.fix.rebuild import Rebuilding
    from wheelfix.fix.release import Rehearsal
    from wheelfix.fix.repair import Repair
    from wheelfix.rules.model import RuleSet
    from wheelfix.wheel.edits import WheelEdit
    from wheelfix.wheel.release import CopySource
    from wheelfix.wheel.wheel import Wheel

_MOST_KEPT_METADATA: Final = 1 << 16
"""For how large a METADATA, in bytes, a plan is kept: planning a small wheel with that of torch takes 3 ms."""


class Job(Struct, frozen=True, kw_only=True):
    """What a run does with each of its wheels; it is sent to other processes.

    ``rules`` are a rule set, or the name of a built-in one. With ``repair`` the findings of its selection are fixed in the
    same pass; with ``trust_content`` RECORD follows the files where the two contradict each other, and with
    ``rename_dist_info`` names follow each other. With ``rebuild_archive`` the contents are written into a new container
    where that has findings.
    """

    rules: "RuleSet | str | None" = None
    edits: "tuple[WheelEdit, ...]" = ()
    output: Output = field(default_factory=Output)
    policy: Policy = field(default_factory=Policy)
    naming: Naming = field(default_factory=Naming)
    repair: Selection | None = None
    trust_content: bool = False
    rename_dist_info: bool = False
    rebuild_archive: bool = False

    @property
    def keeps_names(self) -> bool:
        """Whether every wheel keeps its file name."""
        from wheelfix.wheel.edits import RENAMING  # imported late: most runs have no edits

        if self.rename_dist_info or not self.naming.keeps_names or any(isinstance(edit, RENAMING) for edit in self.edits):
            return False
        if self.rules is None or isinstance(self.rules, str):  # built-in rules change no names
            return True
        from wheelfix.rules.actions import renames

        return not renames(self.rules)

    @property
    def only_repairs(self) -> bool:
        """Whether there is nothing to do but to fix findings."""
        return self.rules is None and not self.edits and self.naming.keeps_names


def fix_each(
    items: "Iterable[tuple[Path, Rehearsal | None]]", job: Job, progress: Progress = NO_PROGRESS
) -> Iterator[Outcome]:
    """Yield what happened to each wheel of ``items``, a path and its rehearsal if there was one; errors are part of it.

    Results get their names in groups, and are reported after that. If you leave the generator early, results that
    still wait are removed.
    """
    held: list[tuple[Path, Outcome | None]] = []
    with GroupCommit[Path, Outcome]() as group:
        for path, rehearsal in items:
            if group.is_due(file_size(path)):
                yield from _committed(group, held)
            outcome = _prepare_one(path, rehearsal, job, group, progress)
            if held or outcome is None:
                held.append((path, outcome))
            else:
                yield outcome
        yield from _committed(group, held)


def _committed(group: GroupCommit[Path, Outcome], held: list[tuple[Path, Outcome | None]]) -> Iterator[Outcome]:
    """Commit the group, and yield the outcomes of all that is ``held`` until then: ``None`` stands for one of the group."""
    committed = dict(group.commit())
    outcomes = [_concluded(path, committed[path]) if outcome is None else outcome for path, outcome in held]
    held.clear()
    yield from outcomes


def _concluded(path: Path, committed: Committed[Outcome]) -> Outcome:
    from wheelfix.fix.apply import concluded

    try:
        return concluded(committed)
    except Exception as error:  # noqa: BLE001 - one wheel never stops the others; the outcome says what it was
        return failure(path, error)


def _prepare_one(
    path: Path, rehearsal: "Rehearsal | None", job: Job, group: GroupCommit[Path, Outcome], progress: Progress
) -> Outcome | None:
    """Return what happened to one wheel; ``None`` if its result is made and proved, and waits in ``group``."""
    try:
        with Source(path) as source:
            if job.output.dry_run:
                return _fix(source, job, rehearsal, None, group)
            progress.file_started(path.name, source.size)
            with RunningDigest(source, partial(progress.file_advanced, path.name)) as digest:
                return _fix(source, job, rehearsal, digest, group)
    except Exception as error:  # noqa: BLE001 - one wheel never stops the others; the outcome says what it was
        group.withdraw(path)  # its result may wait already: a file can be closed with an error
        if not isinstance(error, ArchiveError | StructureError) or job.rebuild_archive:
            return failure(path, error)
        from wheelfix.fix.rebuild import with_help

        return failure(path, with_help(error, path))


def _fix(
    source: Source,
    job: Job,
    rehearsal: "Rehearsal | None",
    digest: RunningDigest | None,
    group: GroupCommit[Path, Outcome],
) -> Outcome | None:
    # Imported while the sum of the first wheel is already being computed: it takes as long as hashing 100 MB.
    from wheelfix.fix.assemble import guarded
    from wheelfix.fix.plan import preview
    from wheelfix.wheel.wheel import Wheel

    rebuilding, notes = _rebuilding(source, job)
    with Wheel(source.path, source=rebuilding.view if rebuilding else source, leniently=job.repair is not None) as wheel:
        repair = _repair(wheel, job, rebuilding)
        problem = rehearsal.problem if rehearsal else None
        plan = _rehearsed_plan(wheel, rehearsal)
        if plan is None:
            copy_sources = rehearsal.copy_sources if rehearsal else ()
            plan = _plan(
                wheel,
                job,
                repair,
                rehearsal,
                copy_sources=copy_sources,
                moves=rehearsal.moves if rehearsal else (),
                sha256=digest.hexdigest if digest else None,
            )
            plan = guarded(plan, wheel, foresee=digest is None or problem is not None)
        if problem and not plan.problem:
            plan = replace(plan, problem=problem, notes=())
        elif rehearsal is not None:
            _check_as_rehearsed(plan, rehearsal)
        plan = repair.concluded(plan, wheel) if repair else plan
        plan = replace(plan, notes=(*plan.notes, *notes, *(rehearsal.notes if rehearsal else ())))
        if digest is None or plan.problem:
            return preview(plan)
        if rebuilding is None:
            prepared = _prepared(wheel, plan, job, digest)
        else:
            prepared = _prepared_rebuilt(source, rebuilding, plan, job, digest)
        if isinstance(prepared, Outcome):
            return prepared
        group.add(source.path, prepared)
        return None


def _prepared(wheel: "Wheel", plan: "Plan", job: Job, digest: RunningDigest) -> "Prepared | Outcome":
    """Return the result, written and proved; an outcome where there is nothing to write."""
    from wheelfix.fix.apply import prepare

    target = None if job.output.in_place else Path(job.output.directory) / str(plan.renaming.filename)
    return prepare(wheel, plan, target, digest, overwrite=job.output.overwrite)


def _prepared_rebuilt(
    source: Source, rebuilding: "Rebuilding", plan: "Plan", job: Job, digest: RunningDigest
) -> "Prepared | Outcome":
    """Return the result that is made from a new container of ``source``; ``digest`` is the sum of the old one."""
    from wheelfix.fix.rebuild import staged
    from wheelfix.wheel.wheel import Wheel

    directory = source.path.resolve().parent if job.output.in_place else Path(job.output.directory)
    with ExitStack() as stack:  # the result is closed where the container cannot be
        with (
            staged(source, rebuilding.view, directory) as container,
            RunningDigest(container) as new_digest,
            Wheel(source.path, source=container, leniently=True) as wheel,
        ):
            prepared = _prepared(wheel, replace(plan, origin_sha256=digest.hexdigest()), job, new_digest)
            if not isinstance(prepared, Outcome):
                stack.enter_context(prepared)
        stack.pop_all()
    return prepared


def _rebuilding(source: Source, job: Job) -> "tuple[Rebuilding | None, tuple[str, ...]]":
    """Return how the archive is rebuilt, ``None`` where it stays as it is, and notes on that.

    :raises ArchiveError: if it must not be rebuilt, and cannot be read as it is.
    """
    if not job.rebuild_archive or job.repair is None:
        return None, ()
    from wheelfix.fix.rebuild import NotRebuilt, plan_rebuilding

    try:
        rebuilding = plan_rebuilding(source, job.repair)
        return rebuilding, rebuilding.notes if rebuilding else ()
    except NotRebuilt as reason:
        return None, (str(reason),)


def _rehearsed_plan(wheel: "Wheel", rehearsal: "Rehearsal | None") -> "Plan | None":
    """Return the plan that was made when the wheel was compared with others, if it is for this very file."""
    if rehearsal is None or rehearsal.plan is None or rehearsal.rename or wheel.file.identity != rehearsal.identity:
        return None
    return rehearsal.plan if rehearsal.plan.metadata == wheel.document.data else None


def _check_as_rehearsed(plan: "Plan", rehearsal: "Rehearsal") -> None:
    """Confirm that the wheel is still the one that its release was compared with.

    :raises SourceChanged: if it would declare something else now.
    """
    from wheelfix.wheel.release import Declared

    if rehearsal.readable and Declared.of(plan.new_metadata) != rehearsal.after:
        hint = "Run again when nothing writes to it."
        raise SourceChanged("source-changed", "it is not the wheel that was compared with those of its release", hint=hint)


def _repair(wheel: "Wheel", job: Job, rebuilding: "Rebuilding | None") -> "Repair | None":
    """Return what fixes the findings in ``wheel``, if that is part of ``job``."""
    if job.repair is None:
        return None
    from wheelfix.fix.repair import make_repair  # imported late: it brings all checks

    return make_repair(
        wheel,
        job.repair,
        trust_content=job.trust_content,
        rename_dist_info=job.rename_dist_info,
        sbom=job.output.sbom,
        container=rebuilding,
    )


def _plan(
    wheel: "Wheel",
    job: Job,
    repair: "Repair | None",
    rehearsal: "Rehearsal | None" = None,
    *,
    copy_sources: "tuple[CopySource, ...] | None" = (),
    moves: "tuple[Move, ...]" = (),
    sha256: Callable[[], str] | None = None,
    evidence: "Evidence | None" = None,
) -> "Plan":
    if repair is not None and job.only_repairs:
        return repair.plan
    from wheelfix.fix.draft import make_plan
    from wheelfix.fix.weigh import gather_evidence
    from wheelfix.rules.bundled import bundled

    naming = replace(job.naming, rename_unchanged=True) if rehearsal and rehearsal.rename else job.naming
    if evidence is None and rehearsal is not None and rehearsal.linkage is not None:
        evidence = gather_evidence(wheel, job.policy.scan, rehearsal.linkage)
    return make_plan(
        wheel,
        bundled(job.rules) if isinstance(job.rules, str) else job.rules,
        edits=job.edits,
        policy=job.policy,
        naming=naming,
        sbom=job.output.sbom,
        sha256=sha256,
        evidence=evidence,
        repair=repair.plan if repair else None,
        copy_sources=copy_sources,
        moves=moves,
    )


Candidate: TypeAlias = "tuple[Path, tuple[CopySource, ...] | None, tuple[Move, ...]]"
"""A wheel to be rehearsed, the wheels of its release that it can copy from, ``None`` if it is to be one of these, and the
moves of other wheels that its requirements follow."""


def rehearse_each(items: Iterable[Candidate], job: Job, *, keep_plans: bool) -> "Iterator[Rehearsal]":
    """Yield what would become of each of the wheels of ``items``, and what its release must know of it."""
    return (_rehearse_one(item, job, keep_plan=keep_plans) for item in items)


def _rehearse_one(candidate: Candidate, job: Job, *, keep_plan: bool) -> "Rehearsal":
    from wheelfix.evidence.build import names_cpu_build
    from wheelfix.fix.assemble import guarded
    from wheelfix.fix.plan import preview
    from wheelfix.fix.release import COMPANIONS, TORCH, Rehearsal
    from wheelfix.fix.weigh import gather_evidence
    from wheelfix.wheel.release import Declared, read_name
    from wheelfix.wheel.wheel import Wheel

    local = job.naming.claimed_local
    path, copy_sources, moves = candidate
    try:
        with ExitStack() as stack:
            source = stack.enter_context(Source(path))
            rebuilding, _ = _rebuilding(source, job)
            read = rebuilding.view if rebuilding else source
            wheel = stack.enter_context(Wheel(path, source=read, leniently=job.repair is not None))
            evidence = gather_evidence(wheel, job.policy.scan)
            plan = _plan(
                wheel, job, _repair(wheel, job, rebuilding), copy_sources=copy_sources, moves=moves, evidence=evidence
            )
            plan = guarded(plan, wheel, foresee=True)
            before, after = (Declared.of(data) for data in (plan.metadata, plan.new_metadata))
            words = evidence.gpu_statement if local or wheel.project in {TORCH, *COMPANIONS} else ""
            if local and names_cpu_build(local):  # it may get this version without a change of its own
                words = evidence.gpu_evidence()
            rehearsal = Rehearsal(
                preview(plan),
                plan.renaming.filename,
                before,
                after,
                words,
                evidence.linkage,
                copy_sources=copy_sources or (),
                moves=moves,
            )
            if not keep_plan or job.repair is not None or len(plan.metadata) > _MOST_KEPT_METADATA:
                return rehearsal
            return replace(rehearsal, plan=plan, identity=wheel.file.identity)
    except Exception as error:  # noqa: BLE001 - one wheel never stops the others
        return Rehearsal(failure(path, error), read_name(path), readable=False)
