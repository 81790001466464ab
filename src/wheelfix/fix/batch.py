"""Many wheels, corrected or repaired: one outcome for each, whatever happens to the others."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wheelfix.executors import Workers, run_all
from wheelfix.fix.job import fix_one, rehearse_one
from wheelfix.fix.release import Comparison, Rehearsal, compare, to_compare, without_failed
from wheelfix.fix.task import Brief, Mandate, Task
from wheelfix.options import Scan, Selection, listed
from wheelfix.results import Finding, Outcome, Problem, Report, Status, no_result
from wheelfix.rules import BUILT_IN
from wheelfix.verify.registry import CHECKS
from wheelfix.wheel.editor import Edit
from wheelfix.wheel.release import read_name
from wheelfix.wheel.zip.staging import remove_left_behind

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from wheelfix.rules.model import RuleSet


def fix_wheels(
    paths: Iterable[Path | str] | Path | str,
    rules: "RuleSet | Path | str | Sequence[Path | str] | None" = "gpu",
    *,
    edits: Iterable[Edit] = (),
    output_dir: Path | str = "fixed",
    in_place: bool = False,
    overwrite: bool = False,
    dry_run: bool = False,
    sbom: bool = True,
    repair: bool = False,
    scan: Scan | str = Scan.AUTO,
    force: bool = False,
    allow_unproven: bool = False,
    skip_gpu_builds: bool = False,
    skip_unproven: bool = False,
    allow_mixed: bool = False,
    local: str | None = None,
    build_tag: str | None = None,
    jobs: int = 1,
    executor: "Executor | None" = None,
    on_outcome: Callable[[Outcome], None] | None = None,
    command: str = "fix",
) -> Report:
    """Correct many wheels and return what happened to each, in the order in which they were given.

    ``rules`` is a rule set, the name of a built-in one or of a group (``gpu/nvidia``), a rule file (``*.toml``), or a
    list of these; ``edits`` come after it. ``paths`` are wheels, not folders. ``output_dir``, made if need be, holds
    all given wheels afterwards, unchanged ones as identical copies; with ``overwrite`` they take the place of others that
    differ. With ``in_place`` it is not used: the wheels themselves are replaced; with ``dry_run`` nothing is written.

    With ``repair`` what :func:`wheelfix.repair_wheels` fixes without further options is fixed in the same pass, before the
    rules apply, and one provenance records both. What is left is in the ``faults`` of an outcome; every file is read for it.

    What rules take away is weighed against what the wheel says of its needs: a requirement that it needs is dropped only
    with ``force``, one without evidence either way only by your own rules or with ``allow_unproven``; ``scan`` (auto,
    always, never) says when binaries are read for it. With ``skip_gpu_builds`` a wheel that needs what would be dropped is
    left unchanged instead of refused, with ``skip_unproven`` one without evidence either way. Wheels of one release that
    would no longer agree are refused, all of them, unless ``allow_mixed``. Wheels that change get the local version label
    ``local`` and the build tag ``build_tag``.

    A file that is given twice is worked on once. ``jobs`` processes work at a time, or those of ``executor``; a script that
    asks for more than one needs the usual ``if __name__ == "__main__"`` guard. ``on_outcome`` is called as each wheel is
    done; ``command`` is what the report calls the run.

    No error of one wheel is raised, nor what an executor reports of one: it is the ``problem`` of that wheel's outcome.
    What rules that come from a file or a script show is in the report's ``rule_findings``, how releases disagreed as they
    came in its ``disagreements``.

    :raises RulesError: if there is no such rule set, or the rules have faults: then no wheel was touched.
    :raises EditError: if ``local`` or ``build_tag`` cannot be part of a file name.
    :raises ResultError: if the system does not let so many processes be started: then no wheel was touched.
    :raises ValueError: if there is no such ``scan``, if ``in_place`` comes with ``overwrite`` or a new name, or if one
        option would drop what another one leaves: ``force`` with ``skip_gpu_builds`` or ``skip_unproven``, and
        ``allow_unproven`` with ``skip_unproven``.
    """
    rules = _resolved(rules)
    _check(jobs, in_place=in_place, overwrite=overwrite, local=local, build_tag=build_tag)
    task = Task(
        rules=rules,
        edits=tuple(edits),
        output_dir=None if in_place else Path(output_dir),
        dry_run=dry_run,
        overwrite=overwrite,
        sbom=sbom,
        scan=Scan(scan),
        force=force,
        allow_unproven=allow_unproven,
        skip_gpu_builds=skip_gpu_builds,
        skip_unproven=skip_unproven,
        local=local,
        build=build_tag,
        mandate=Mandate() if repair else None,
    )
    all_outcomes, comparison = run_task(
        paths, task, allow_mixed=allow_mixed, workers=Workers(jobs, executor), on_outcome=on_outcome
    )
    return Report(command, all_outcomes, _rule_findings(rules, all_outcomes), comparison.disagreements)


def run_task(
    paths: Iterable[Path | str] | Path | str,
    task: Task,
    *,
    allow_mixed: bool,
    workers: Workers,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> tuple[tuple[Outcome, ...], Comparison]:
    """Do ``task`` on the wheels at ``paths``; return an outcome for each in their order, and what their releases ask for."""
    given = [Path(path) for path in listed(paths)]
    in_place = task.output_dir is None
    clashes = frozenset() if in_place else _clashing_names(given)
    outcomes: dict[int, Outcome] = {}
    same: dict[tuple[str, str], list[int]] = {}
    for index, path in enumerate(given):
        if path.name in clashes:
            outcomes[index] = _clash(path)
        else:
            same.setdefault((_real(path), "" if in_place else path.name), []).append(index)
    _report_all(outcomes.values(), on_outcome)
    if not task.dry_run:
        _remove_left_behind(given, task)
    places = {given[indices[0]]: indices for indices in same.values()}
    clashing = [given[index] for index in outcomes]
    comparison = _compared([*places], clashing, task, workers, allow_mixed=allow_mixed)
    items = [(path, comparison.briefs.get(path)) for path in places]

    def done(item: tuple[Path, Brief | None], outcome: Outcome) -> None:
        results = {index: replace(outcome, source=given[index]) for index in places[item[0]]}
        outcomes.update(results)
        _report_all(results.values(), on_outcome)

    run_all(partial(fix_one, task=task), items, workers, lost=lambda item, error: no_result(item[0], error), done=done)
    all_outcomes = tuple(outcomes[index] for index in range(len(given)))
    return all_outcomes, replace(comparison, disagreements=without_failed(comparison.disagreements, all_outcomes))


def _remove_left_behind(paths: Iterable[Path], task: Task) -> None:
    """Remove what killed runs left where this one writes."""
    folders = {Path(_real(path)).parent for path in paths} if task.output_dir is None else {task.output_dir}
    for folder in folders:
        remove_left_behind(folder)


def _check(jobs: int, *, in_place: bool, overwrite: bool, local: str | None, build_tag: str | None) -> None:
    """Refuse what no wheel could make possible."""
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, not {jobs}")
    if in_place and overwrite:
        raise ValueError("overwrite is for the output folder; in_place always replaces")
    if local is None and build_tag is None:
        return
    if in_place:
        raise ValueError("a wheel that gets a new name cannot be corrected in place")
    from wheelfix.fix.naming import Identity  # imported late: few runs give new names

    Identity(local, build_tag)


def _compared(paths: list[Path], clashing: list[Path], task: Task, workers: Workers, *, allow_mixed: bool) -> "Comparison":
    """Return what the releases among ``paths`` ask for; their wheels are looked at before any is written.

    ``clashing`` are wheels that are refused for their names.
    """
    if len(paths) + len(clashing) < 2:
        return Comparison()
    named_anew = task.local is not None or task.build is not None
    together = frozenset(paths if named_anew else to_compare([*paths, *clashing]))
    chosen = [path for path in paths if path in together]
    lost = [Rehearsal(_clash(path), read_name(path), readable=False) for path in clashing]
    rehearsed = run_all(partial(rehearse_one, task=task), chosen, workers, lost=_lost)
    return compare([*rehearsed, *lost], allow_mixed=allow_mixed, local=task.local)


def _lost(path: Path, error: BaseException) -> Rehearsal:
    return Rehearsal(no_result(path, error), read_name(path), readable=False)


def _resolved(rules: "RuleSet | Path | str | Sequence[Path | str] | None") -> "RuleSet | str | None":
    """Return rules ready for use; those that come with wheelfix stay a name, so that they need not be loaded yet."""
    if rules is None or (isinstance(rules, str) and rules in BUILT_IN):
        return rules
    from wheelfix.rules.load import load_rules  # imported late, see _fix
    from wheelfix.rules.model import RuleSet

    if isinstance(rules, RuleSet):
        return rules
    return load_rules(*listed(rules))


def _rule_findings(rules: "RuleSet | str | None", outcomes: Sequence[Outcome]) -> tuple[Finding, ...]:
    if rules is None or isinstance(rules, str):
        return ()
    from wheelfix.rules.lint import lint_run  # imported late: built-in rules need it not

    return lint_run(rules, outcomes)


def _report_all(outcomes: Iterable[Outcome], on_outcome: Callable[[Outcome], None] | None) -> None:
    if on_outcome:
        for outcome in outcomes:
            on_outcome(outcome)


def _clashing_names(paths: Sequence[Path]) -> frozenset[str]:
    """Return the file names that different files of one call share: one folder cannot hold both."""
    distinct = {_real(path): path.name for path in paths}
    return frozenset(name for name, count in Counter(distinct.values()).items() if count > 1)


def _real(path: Path) -> str:
    """Return the path without links; one that cannot be a path as it is, for its problem comes later."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return str(path)


def _clash(path: Path) -> Outcome:
    problem = Problem(
        "same-output-name",
        f"another wheel of this call is called {path.name} too",
        "Correct them in two calls with two output folders, or with --in-place.",
    )
    return Outcome(path, Status.REFUSED, problem=problem)


def repair_wheels(
    paths: Iterable[Path | str] | Path | str,
    *,
    select: Iterable[str] | str = (),
    trust_content: bool = False,
    output_dir: Path | str = "fixed",
    in_place: bool = False,
    overwrite: bool = False,
    dry_run: bool = False,
    sbom: bool = True,
    allow_mixed: bool = False,
    jobs: int = 1,
    executor: "Executor | None" = None,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> Report:
    """Fix the faults of many wheels and return what happened to each, in the order in which they were given.

    With ``select`` only faults are mended whose code begins with one of its texts; a fault that may be meant so is mended
    only if its whole code is there. Where a file is not what RECORD says, either can be wrong: a file that was damaged would
    be given a hash that vouches for it. So RECORD follows the file only with ``trust_content``. What stays is in the
    ``faults`` of an outcome.

    The other arguments are those of :func:`wheelfix.fix_wheels`, and so is what is written and when.

    :raises ValueError: if a text of ``select`` begins no code, if ``jobs`` is less than one, or ``in_place`` comes with
        ``overwrite``.
    """
    select = Selection(select).among(CHECKS).select
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, not {jobs}")
    if in_place and overwrite:
        raise ValueError("overwrite is for the output folder; in_place always replaces")
    task = Task(
        output_dir=None if in_place else Path(output_dir),
        dry_run=dry_run,
        overwrite=overwrite,
        sbom=sbom,
        mandate=Mandate(select=select, trust_content=trust_content),
    )
    workers = Workers(jobs, executor)
    outcomes, comparison = run_task(paths, task, allow_mixed=allow_mixed, workers=workers, on_outcome=on_outcome)
    return Report("repair", outcomes, disagreements=comparison.disagreements)
