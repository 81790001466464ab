"""Many wheels: one outcome for each, whatever happens to the others."""

import errno
import os
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wheelfix.archive.digest import RunningDigest
from wheelfix.archive.source import Source
from wheelfix.edits import Edit
from wheelfix.errors import ResultError, RulesError, WheelfixError
from wheelfix.outcome import Outcome, Problem, Report, Status
from wheelfix.rules import BUILT_IN

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from wheelfix.rules.model import RuleSet

_SYSTEM_HINTS: Final = {
    errno.EACCES: "Check the permissions of the file and of its folder.",
    errno.EPERM: "Check the permissions of the file and of its folder.",
    errno.EROFS: "The file system is read-only; choose another output folder.",
    errno.ENOENT: "Check the path.",
    errno.ENOSPC: "The disk is full; free space or choose another output folder.",
    errno.EDQUOT: "The quota is used up; free space or choose another output folder.",
    errno.EEXIST: "A file has the name of the output folder; choose another.",
    errno.ENOTDIR: "A part of the path is a file, not a folder.",
    errno.ELOOP: "The symbolic link leads to itself.",
}


@dataclass(frozen=True, slots=True)
class Task:
    """What to do with each wheel of a run.

    ``output_dir`` takes the results; ``None`` corrects in place. With ``dry_run`` nothing is written.
    """

    rules: "RuleSet | str | None" = None
    edits: tuple[Edit, ...] = ()
    output_dir: Path | None = None
    dry_run: bool = False
    sbom: bool = True


def fix_wheels(
    paths: Iterable[Path | str],
    rules: "RuleSet | str | None" = "gpu",
    *,
    edits: Iterable[Edit] = (),
    output_dir: Path | str | None = "fixed",
    in_place: bool = False,
    dry_run: bool = False,
    sbom: bool = True,
    jobs: int = 1,
    executor: "Executor | None" = None,
    on_outcome: Callable[[Outcome], None] | None = None,
    command: str = "fix",
) -> Report:
    """Correct many wheels and return what happened to each, in the order in which they were given.

    ``rules`` is a rule set or the name of a built-in one. ``output_dir`` holds all given wheels afterwards, unchanged
    ones as identical copies; it is made if need be. With ``in_place`` the wheels themselves are replaced; with
    ``dry_run`` nothing is written. ``jobs`` processes work at a time, or those of ``executor``; a script that asks for
    more than one needs the usual ``if __name__ == "__main__"`` guard. ``on_outcome`` is called as each wheel is done.

    No error of one wheel is raised: it is the ``problem`` of that wheel's outcome.

    :raises RulesError: if there is no such rule set.
    """
    given = [Path(path) for path in paths]
    if isinstance(rules, str) and rules not in BUILT_IN:
        raise RulesError("unknown-rule-set", f"there is no rule set {rules!r}", hint=f"Known: {', '.join(BUILT_IN)}.")
    folder = None if in_place or output_dir is None else Path(output_dir)
    task = Task(rules, tuple(edits), folder, dry_run, sbom)
    outcomes: dict[int, Outcome] = {}
    todo: list[tuple[int, Path]] = []
    clashes = _clashing_names(given) if folder else frozenset()
    for index, path in enumerate(given):
        if path.name in clashes:
            outcomes[index] = _clash(path)
        else:
            todo.append((index, path))
    _report_all(outcomes.values(), on_outcome)
    for index, outcome in _run(todo, task, jobs, executor):
        outcomes[index] = outcome
        _report_all([outcome], on_outcome)
    return Report(command, tuple(outcomes[index] for index in range(len(given))))


def _report_all(outcomes: Iterable[Outcome], on_outcome: Callable[[Outcome], None] | None) -> None:
    if on_outcome:
        for outcome in outcomes:
            on_outcome(outcome)


def _clashing_names(paths: Sequence[Path]) -> frozenset[str]:
    """Return the file names that different files of one call share: one folder cannot hold both."""
    distinct = {os.path.realpath(path): path.name for path in paths}
    return frozenset(name for name, count in Counter(distinct.values()).items() if count > 1)


def _clash(path: Path) -> Outcome:
    problem = Problem(
        "same-output-name",
        f"another wheel of this call is called {path.name} too",
        "Correct them in two calls with two output folders, or with --in-place.",
    )
    return Outcome(path, Status.REFUSED, problem=problem)


def _run(
    todo: Sequence[tuple[int, Path]], task: Task, jobs: int, executor: "Executor | None"
) -> Iterator[tuple[int, Outcome]]:
    """Yield the outcome of each wheel as it is done, with its index."""
    if executor is None and min(jobs, len(todo)) <= 1:
        for index, path in todo:
            yield index, fix_one(path, task)
        return
    from concurrent.futures import as_completed  # imported late: one wheel needs no pool

    with nullcontext(executor) if executor else _pool(min(jobs, len(todo))) as pool:
        futures = {pool.submit(fix_one, path, task): index for index, path in todo}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            for future in futures:
                future.cancel()


def _pool(jobs: int) -> "Executor":
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if context.get_start_method() == "forkserver":
        context.set_forkserver_preload(["wheelfix.batch"])
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_leave_interrupts_to_parent)


def _leave_interrupts_to_parent() -> None:
    """Let a worker finish its wheel when Ctrl-C is pressed; the parent starts no other."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def fix_one(path: Path, task: Task) -> Outcome:
    """Return what happened to the wheel at ``path``; errors of the wheel and of the system are part of it."""
    try:
        with Source(path) as source:
            if task.dry_run:
                return _fix(source, task, None)
            with RunningDigest(source) as digest:
                return _fix(source, task, digest)
    except Exception as error:  # noqa: BLE001 - one wheel never stops the others; the outcome tells what it was
        return failure(path, error)


def _fix(source: Source, task: Task, digest: RunningDigest | None) -> Outcome:
    # Imported while the sum of the first wheel is already being computed: it takes as long as hashing 100 MB.
    from wheelfix.plan import make_plan
    from wheelfix.rewrite import apply, preview
    from wheelfix.rules.loading import built_in
    from wheelfix.wheel import Wheel

    rules = built_in(task.rules) if isinstance(task.rules, str) else task.rules
    with Wheel(source.path, source=source) as wheel:
        plan = make_plan(wheel, rules, edits=task.edits)
        if task.dry_run:
            return preview(plan)
        return apply(wheel, plan, _target(source.path, task.output_dir), sbom=task.sbom, digest=digest)


def _target(path: Path, output_dir: Path | None) -> Path | None:
    if output_dir is None:
        return None
    output_dir.mkdir(parents=True, exist_ok=True)
    return output_dir / path.name


def failure(path: Path, error: Exception) -> Outcome:
    """Return the outcome for a wheel that ``error`` stopped."""
    match error:
        case WheelfixError(code=code, message=message, hint=hint):
            status = Status.FAILED if isinstance(error, ResultError) else Status.REFUSED
            return Outcome(path, status, problem=Problem(code, message, hint))
        case OSError():
            return Outcome(path, Status.FAILED, problem=_system_problem(path, error))
        case _:
            return Outcome(path, Status.FAILED, problem=_own_problem(error))


def _own_problem(error: Exception) -> Problem:
    """Return what to say of an error that nobody foresaw: its text and the place where it arose."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}, line {frame.lineno}"
    return Problem(
        "internal-error",
        f"{type(error).__name__}: {error} ({place})",
        "This is a fault of wheelfix; please report it, with the wheel if you can.",
    )


def _system_problem(path: Path, error: OSError) -> Problem:
    name = errno.errorcode.get(error.errno or 0, "os-error").lower()
    where = f": {error.filename}" if error.filename and os.fspath(error.filename) != os.fspath(path) else ""
    hint = _SYSTEM_HINTS.get(error.errno or 0, "The operating system refused it.")
    return Problem(name, f"{error.strerror or error}{where}", hint)
