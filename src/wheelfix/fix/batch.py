"""Many wheels, fixed or repaired: one outcome for each, whatever happens to the others."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from wheelfix.executors import Workers, file_size, run_all
from wheelfix.fix.job import Job, fix_each, rehearse_each
from wheelfix.options import Naming, Output, Policy, Selection, listed, local_paths
from wheelfix.progress import NO_PROGRESS, Progress, guarded
from wheelfix.results import AppliedRule, Finding, KnownFile, Outcome, Problem, Report, Status, no_result
from wheelfix.rules import BUILT_IN
from wheelfix.wheel.zip.staging import remove_leftovers

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from wheelfix.fix.job import Candidate
    from wheelfix.fix.release import Rehearsal
    from wheelfix.results import Disagreement
    from wheelfix.rules.model import RuleSet
    from wheelfix.wheel.edits import Edit, WheelEdit

_MOST_KEPT_PLANS: Final = 500
"""Of how many wheels plans are kept once they are compared, so that memory is limited."""


def fix_wheels(
    paths: Iterable[Path | str] | Path | str,
    rules: "RuleSet | Path | str | Sequence[Path | str] | None" = "gpu",
    *,
    output: Output | Path | str = "fixed",
    policy: Policy = Policy(),
    naming: Naming = Naming(),
    edits: "Iterable[Edit]" = (),
    repair: bool = False,
    jobs: int = 1,
    executor: "Executor | None" = None,
    progress: Progress = NO_PROGRESS,
) -> Report:
    """Fix many wheels and return what happened to each, in the order in which they were given.

    ``rules`` is a rule set, the name of a built-in one or of a group (``gpu/nvidia``), a rule file (``*.toml``), or a
    list of these; ``edits`` apply after it, but those of requirements are rules too, and come first. ``paths`` are wheels,
    not directories. ``output`` says where results go: a path alone is a directory, which holds all given wheels afterwards,
    unchanged ones as identical copies.

    With ``repair`` what :func:`wheelfix.repair_wheels` fixes without further options is fixed in the same pass, before the
    rules apply, and one provenance records both. What is left is in the ``findings`` of an outcome; all files are read.

    What rules drop is weighed against what the wheel says of its needs: a requirement that it needs is dropped only if
    ``policy`` says so, one without evidence either way only by your own rules or if ``policy`` allows it. Wheels of one
    release that would no longer agree are refused, all of them. ``naming`` says what changed wheels are called.

    A file that is given twice is worked on once. ``jobs`` processes work at a time, or those of ``executor``; a script that
    uses more than one needs the usual ``if __name__ == "__main__"`` guard. ``progress`` is called during the run.

    Errors of single wheels, and those an executor reports for one, are not raised: each is the ``problem`` of that
    wheel's outcome. What rules that come from a file or a script show is in the report's ``rule_findings``, how the
    wheels of a release disagreed before the run in its ``disagreements``.

    :raises RulesError: if there is no such rule set, or the rules or an edit of requirements are invalid: then no wheel was
        touched.
    :raises ResultError: if the system does not let so many processes be started: then no wheel was touched.
    :raises ValueError: if ``jobs`` is less than one, wheels that get a new name are to be fixed in place, or one of
        ``paths`` is a URL: :func:`wheelfix.fetch_wheels` downloads it.
    """
    rules, others = _with_edits(_resolved(rules), tuple(edits))
    output = Output.of(output)
    if output.in_place and not naming.keeps_names:
        raise ValueError("a wheel that gets a new name cannot be fixed in place")
    job = Job(
        rules=rules,
        edits=others,
        output=output,
        policy=policy,
        naming=naming,
        repair=Selection() if repair else None,
    )
    report = _run("fix", paths, job, Workers(jobs, executor), progress)
    applied = _applied_rules(rules, report.outcomes)
    found = _rule_findings(rules, report.outcomes)
    return replace(report, rule_findings=found, rules=applied, known_files=_known_files(report.outcomes))


def repair_wheels(
    paths: Iterable[Path | str] | Path | str,
    *,
    selection: Selection = Selection(),
    trust_content: bool = False,
    rename_dist_info: bool = False,
    rebuild_archive: bool = False,
    output: Output | Path | str = "fixed",
    policy: Policy = Policy(),
    jobs: int = 1,
    executor: "Executor | None" = None,
    progress: Progress = NO_PROGRESS,
) -> Report:
    """Fix the findings of ``verify`` in many wheels and return what happened to each, in the order they were given in.

    Only findings of ``selection`` are fixed, all that can be fixed if it names none; one that may be intended is fixed only
    if its whole code is selected. Where a file is not what RECORD says, either can be wrong: a file that was damaged would
    get a hash that vouches for it. So RECORD follows the file only with ``trust_content``. With ``rename_dist_info`` file
    name, dist-info and METADATA agree afterwards, where two of them do now: a directory is renamed, or a local version added
    where it is missing. What is left is in the ``findings`` of an outcome.

    With ``rebuild_archive`` a wheel whose archive has findings gets a new container with the same contents, if all readers
    agree on them and RECORD confirms every file: the one exception to what is kept of an archive. Of ``policy`` only
    ``allow_mixed`` matters.

    The other arguments are those of :func:`wheelfix.fix_wheels`, and so is what is written and when.

    :raises ResultError: if the system does not let so many processes be started: then no wheel was touched.
    :raises ValueError: if a text of ``selection`` begins no code, ``jobs`` is less than one, or one of ``paths`` is a URL.
    """
    from wheelfix.verify.registry import CHECKS  # imported late: rules need none of it

    job = Job(
        output=Output.of(output),
        policy=policy,
        repair=selection.among(CHECKS),
        trust_content=trust_content,
        rename_dist_info=rename_dist_info,
        rebuild_archive=rebuild_archive,
    )
    return _run("repair", paths, job, Workers(jobs, executor), progress)


def _run(command: str, paths: Iterable[Path | str] | Path | str, job: Job, workers: Workers, progress: Progress) -> Report:
    """Do ``job`` on the wheels at ``paths``; return an outcome for each in their order, and how their releases disagreed."""
    progress = guarded(progress)
    given = local_paths(paths)
    real = _real_paths(given)
    clashes = frozenset() if job.output.in_place else _clashing_names(given, real)
    outcomes: dict[int, Outcome] = {}
    same: dict[tuple[str, str], list[int]] = {}
    for index, path in enumerate(given):
        if path.name in clashes:
            outcomes[index] = _clash(path)
            progress.wheel_done(outcomes[index])
        else:
            same.setdefault((real[path], "" if job.output.in_place else path.name), []).append(index)
    if not job.output.dry_run:
        _remove_left_behind(real.values(), job.output)
    places = {given[indices[0]]: indices for indices in same.values()}
    rehearsals, disagreements = _compared([*places], [given[index] for index in outcomes], job, workers)

    def done(item: "tuple[Path, Rehearsal | None]", outcome: Outcome) -> None:
        for index in places[item[0]]:
            outcomes[index] = replace(outcome, source=given[index])
            progress.wheel_done(outcomes[index])

    run_all(
        partial(fix_each, job=job, progress=progress if workers.work_here(len(places)) else NO_PROGRESS),
        [(path, rehearsals.get(path)) for path in places],
        workers,
        lost=lambda item, error: no_result(item[0], error),
        done=done,
        size=lambda item: file_size(item[0]),
    )
    if not (job.output.dry_run or workers.work_here(len(places))):
        _remove_left_behind(real.values(), job.output)  # by a worker that was killed
    report = Report(command, tuple(outcomes[index] for index in range(len(given))), disagreements=disagreements)
    return _without_failed(report)


def _without_failed(report: Report) -> Report:
    """Return ``report`` as it is after a run: where a wheel was refused or failed, no disagreement is resolved."""
    failed = {outcome.source for outcome in report.outcomes if outcome.problem}
    disagreements = (
        replace(each, resolved=each.resolved and failed.isdisjoint({*each.present, *each.missing}))
        for each in report.disagreements
    )
    return replace(report, disagreements=tuple(disagreements))


def _remove_left_behind(paths: Iterable[str], output: Output) -> None:
    """Remove what killed runs left where this one writes: beside the real ``paths`` of its wheels, or in its directory.

    And the links that they left among the temporary files, see :mod:`wheelfix.fix.prove`.
    """
    directories = {os.path.dirname(path) for path in paths} if output.in_place else {output.directory}  # noqa: PTH120
    for directory in directories:
        remove_leftovers(Path(directory))
    with suppress(OSError):  # there is no place for temporary files
        remove_leftovers(Path(gettempdir()))


def _compared(
    paths: list[Path], clashing: list[Path], job: Job, workers: Workers
) -> "tuple[dict[Path, Rehearsal], tuple[Disagreement, ...]]":
    """Return a rehearsal of each wheel that is compared with others before any is written, and how they disagree.

    ``clashing`` are wheels that are refused for their names.
    """
    if len(paths) + len(clashing) < 2 and not job.naming.beside:
        return {}, ()
    from wheelfix.fix.release import compare, to_compare, unreadable  # imported late: one wheel has nothing to agree with

    chosen = frozenset(to_compare([*paths, *clashing]) if job.keeps_names else paths)
    together = [path for path in paths if path in chosen]
    keep_plans = len(paths) <= _MOST_KEPT_PLANS and workers.work_here(len(paths))  # seldom worth sending them to others

    def rehearsed(items: "list[Candidate]") -> "list[Rehearsal]":
        return run_all(
            partial(rehearse_each, job=job, keep_plans=keep_plans),
            items,
            workers,
            lost=lambda item, error: unreadable(no_result(item[0], error)),
            size=lambda item: file_size(item[0]),
        )

    rehearsals = _with_copy_sources(together, job, rehearsed)
    rehearsals += [unreadable(_clash(path)) for path in clashing]
    if job.keeps_names:
        return compare(rehearsals, allow_mixed=job.policy.allow_mixed)
    from wheelfix.fix.dependents import follow, without_refused  # imported late: few runs give new names

    rehearsals = follow(
        rehearsals, job.naming, lambda stale: rehearsed([(each.path, each.copy_sources, each.moves) for each in stale])
    )
    compared, disagreements = compare(rehearsals, allow_mixed=job.policy.allow_mixed, naming=job.naming)
    return without_refused(compared), disagreements


def _with_copy_sources(
    paths: list[Path], job: Job, rehearsed: "Callable[[list[Candidate]], list[Rehearsal]]"
) -> "list[Rehearsal]":
    """Return the rehearsals of ``paths`` in their order: those that others copy from come first, if a rule copies."""
    if job.rules is None or isinstance(job.rules, str):  # built-in rules copy nothing
        return rehearsed([(path, (), ()) for path in paths])
    from wheelfix.fix.copy_sources import copied_from, copy_sources_in, is_settled  # imported late: few rules copy

    sources = copied_from(job.rules, paths)
    first = dict(zip(sources, rehearsed([(path, None, ()) for path in sources]), strict=True))
    copy_sources = copy_sources_in(first.values(), job.rules)
    done = {path: each for path, each in first.items() if is_settled(each, job.rules)}
    left = [path for path in paths if path not in done]
    done |= zip(left, rehearsed([(path, copy_sources(path), ()) for path in left]), strict=True)
    return [done[path] for path in paths]


def _resolved(rules: "RuleSet | Path | str | Sequence[Path | str] | None") -> "RuleSet | str | None":
    """Return rules ready for use; built-in ones remain a name, so that they need not be loaded yet."""
    if rules is None or (isinstance(rules, str) and rules in BUILT_IN):
        return rules
    from wheelfix.rules.load import load_rules  # imported late: built-in rules need it only once the first wheel is open
    from wheelfix.rules.model import RuleSet

    if isinstance(rules, RuleSet):
        return rules
    return load_rules(*listed(rules))


def _with_edits(
    rules: "RuleSet | str | None", edits: "tuple[Edit, ...]"
) -> "tuple[RuleSet | str | None, tuple[WheelEdit, ...]]":
    """Return rules and edits as a wheel needs them: what edits say of requirements are rules, made once for all wheels."""
    if not edits:
        return rules, ()
    from wheelfix.fix.draft import with_rules_of
    from wheelfix.rules.bundled import bundled

    return with_rules_of(edits, bundled(rules) if isinstance(rules, str) else rules)


def _rule_findings(rules: "RuleSet | str | None", outcomes: Sequence[Outcome]) -> tuple[Finding, ...]:
    if rules is None or isinstance(rules, str):
        return ()
    from wheelfix.rules.lint import lint_run  # imported late: built-in rules need it not

    return lint_run(rules, outcomes)


def _known_files(outcomes: Sequence[Outcome]) -> tuple[KnownFile, ...]:
    if len(outcomes) < 2 or not any(each.changes for each in outcomes):
        return ()
    from wheelfix.fix.sizes import given_files  # imported late: one wheel requires none of the others

    return given_files(outcomes)


def _applied_rules(rules: "RuleSet | str | None", outcomes: Sequence[Outcome]) -> tuple[AppliedRule, ...]:
    """Return the rules that applied to a wheel, in their order."""
    applied = {each for outcome in outcomes for each in outcome.applied_rules}
    if rules is None or not applied:
        return ()
    from wheelfix.rules.bundled import bundled  # imported late: it is loaded by now, if a rule applied here

    found = bundled(rules) if isinstance(rules, str) else rules
    return tuple(
        AppliedRule(rule.id, rule.reason, origin, rule.url, rule.until.isoformat() if rule.until else None)
        for rule, origin in zip(found.rules, found.origins, strict=True)
        if rule.id in applied
    )


def _clashing_names(paths: Sequence[Path], real: Mapping[Path, str]) -> frozenset[str]:
    """Return the file names that different files of one run share: one directory cannot hold both."""
    distinct = {real[path]: path.name for path in paths}
    return frozenset(name for name, count in Counter(distinct.values()).items() if count > 1)


def _real_paths(paths: Iterable[Path]) -> dict[Path, str]:
    """Return each path without links; one that cannot be a path as it is, for its problem comes later.

    Links are followed once for each directory: ``realpath`` looks at every part of a path, for each of thousands of wheels.
    """
    directories = cache(os.path.realpath)
    real = {}
    for path in paths:
        head, name = os.path.split(path)
        try:
            found = os.path.join(directories(head), name)  # noqa: PTH118 - for each of many wheels
            real[path] = os.path.realpath(found) if name in ("", "..") or os.path.islink(found) else found  # noqa: PTH114
        except (OSError, ValueError):
            real[path] = str(path)
    return real


def _clash(path: Path) -> Outcome:
    problem = Problem(
        "same-output-name",
        f"another wheel of this run is called {path.name} too",
        "Give only one of them, or fix them in two runs with two output directories.",
    )
    return Outcome(path, Status.REFUSED, problem=problem)
