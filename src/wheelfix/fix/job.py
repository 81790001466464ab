"""The work on one wheel of a run: rehearsed, and done. Nothing here raises; what went wrong is part of the outcome."""

from pathlib import Path
from typing import TYPE_CHECKING

from wheelfix.errors import SourceChanged
from wheelfix.fix.task import Brief, Task
from wheelfix.results import Outcome, failure
from wheelfix.wheel.zip.output import RunningDigest
from wheelfix.wheel.zip.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from wheelfix.evidence.verdict import Evidence
    from wheelfix.fix.plan import Plan
    from wheelfix.fix.release import Rehearsal
    from wheelfix.fix.repair import Repair
    from wheelfix.rules.model import RuleSet
    from wheelfix.wheel.wheel import Wheel


def fix_one(item: tuple[Path, Brief | None], task: Task) -> Outcome:
    """Return what happened to the wheel of ``item``, a path and what is known of it; its errors are part of that."""
    path, brief = item
    try:
        with Source(path) as source:
            if task.dry_run:
                return _fix(source, task, brief or Brief(), None)
            with RunningDigest(source) as digest:
                return _fix(source, task, brief or Brief(), digest)
    except Exception as error:  # noqa: BLE001 - one wheel never stops the others; the outcome tells what it was
        return failure(path, error)


def _fix(source: Source, task: Task, brief: Brief, digest: RunningDigest | None) -> Outcome:
    # Imported while the sum of the first wheel is already being computed: it takes as long as hashing 100 MB.
    from dataclasses import replace

    from wheelfix.fix.apply import apply, preview
    from wheelfix.fix.regressions import guarded
    from wheelfix.wheel.release import Declared
    from wheelfix.wheel.wheel import Wheel

    with Wheel(source.path, source=source, leniently=task.mandate is not None) as wheel:
        repair = _repair(wheel, task)
        plan = _plan(wheel, task, brief, digest.hexdigest if digest else None, repair=repair)
        plan = guarded(plan, wheel, sbom=task.sbom, foresee=task.dry_run or brief.problem is not None)
        if brief.problem and not plan.problem:
            plan = replace(plan, problem=brief.problem, notes=())
        elif brief.after is not None and Declared.of(plan.new_metadata) != brief.after:
            hint = "Run again when nothing writes to it."
            raise SourceChanged("source-changed", "it is not the wheel that was compared with its siblings", hint=hint)
        plan = repair.concluded(plan, wheel, sbom=task.sbom) if repair else plan
        plan = replace(plan, notes=(*plan.notes, *brief.notes))
        if task.dry_run or plan.problem:
            return preview(plan)
        target = None if task.output_dir is None else task.output_dir / str(plan.renaming.filename)
        return apply(wheel, plan, target, sbom=task.sbom, overwrite=task.overwrite, digest=digest)


def _repair(wheel: "Wheel", task: Task) -> "Repair | None":
    """Return what fixes ``wheel``, if ``task`` asks for that."""
    if task.mandate is None:
        return None
    from wheelfix.fix.repair import make_repair  # imported late: it brings all checks

    return make_repair(wheel, task.mandate)


def _plan(
    wheel: "Wheel", task: Task, brief: Brief, sha256: "Callable[[], str] | None", evidence: "Evidence | None" = None,
    *, repair: "Repair | None",
) -> "Plan":  # fmt: skip
    if repair is not None and task.only_repairs:
        return repair.plan
    from wheelfix.fix.naming import Identity
    from wheelfix.fix.plan import make_plan
    from wheelfix.fix.weigh import Caution, gather

    if evidence is None and brief.linkage is not None:
        evidence = gather(wheel, task.scan, brief.linkage)
    return make_plan(
        wheel,
        _rules(task),
        edits=task.edits,
        sha256=sha256,
        caution=Caution(
            scan=task.scan,
            force=task.force,
            allow_unproven=task.allow_unproven,
            skip_gpu_builds=task.skip_gpu_builds,
            skip_unproven=task.skip_unproven,
        ),
        identity=Identity(task.local, task.build, unchanged=brief.rename),
        evidence=evidence,
        repair=repair.plan if repair else None,
    )


def _rules(task: Task) -> "RuleSet | None":
    from wheelfix.rules.load import built_in

    return built_in(task.rules) if isinstance(task.rules, str) else task.rules


def rehearse_one(path: Path, task: Task) -> "Rehearsal":
    """Return what would become of the wheel at ``path``, and what its release must know of it."""
    from wheelfix.evidence.build import names_cpu_build
    from wheelfix.fix.apply import preview
    from wheelfix.fix.regressions import guarded
    from wheelfix.fix.release import COMPANIONS, Rehearsal
    from wheelfix.fix.weigh import gather
    from wheelfix.wheel.release import Declared, read_name
    from wheelfix.wheel.wheel import Wheel

    try:
        with Wheel(path, leniently=task.mandate is not None) as wheel:
            evidence = gather(wheel, task.scan)
            plan = _plan(wheel, task, Brief(), None, evidence, repair=_repair(wheel, task))
            plan = guarded(plan, wheel, sbom=task.sbom, foresee=True)
            before, after = (Declared.of(data) for data in (plan.metadata, plan.new_metadata))
            words = evidence.gpu_build if task.local is not None or wheel.project in COMPANIONS else ""
            if task.local is not None and names_cpu_build(task.local):  # it may get the label without a change of its own
                words = evidence.gpu_sign()
            return Rehearsal(preview(plan), plan.renaming.filename, before, after, words, evidence.linkage)
    except Exception as error:  # noqa: BLE001 - one wheel never stops the others
        return Rehearsal(failure(path, error), read_name(path), readable=False)
