"""Many wheels: one outcome for each, whatever happens to the others."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wheelfix.archive.digest import RunningDigest
from wheelfix.archive.source import Source
from wheelfix.edits import Edit
from wheelfix.outcome import Outcome, Problem, Remark, Report, Status
from wheelfix.problems import WORKER_DIED, failure
from wheelfix.rules import BUILT_IN

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from multiprocessing.process import BaseProcess

    from wheelfix.rules.model import RuleSet


@dataclass(frozen=True, slots=True)
class Task:
    """What to do with each wheel of a run.

    ``output_dir`` takes the results; ``None`` corrects in place. With ``dry_run`` nothing is written.
    """

    rules: "RuleSet | str | None" = None
    """A rule set, or the name of a built-in one."""
    edits: tuple[Edit, ...] = ()
    output_dir: Path | None = None
    dry_run: bool = False
    sbom: bool = True


def fix_wheels(
    paths: Iterable[Path | str] | Path | str,
    rules: "RuleSet | Path | str | Sequence[Path | str] | None" = "gpu",
    *,
    edits: Iterable[Edit] = (),
    output_dir: Path | str = "fixed",
    in_place: bool = False,
    dry_run: bool = False,
    sbom: bool = True,
    jobs: int = 1,
    executor: "Executor | None" = None,
    on_outcome: Callable[[Outcome], None] | None = None,
    command: str = "fix",
) -> Report:
    """Correct many wheels and return what happened to each, in the order in which they were given.

    ``rules`` is a rule set, the name of a built-in one or of a group (``gpu/nvidia``), a rule file (``*.toml``), or a
    list of these; ``edits`` come after it. ``paths`` are wheels, not folders. ``output_dir``, made if need be, holds
    all given wheels afterwards, unchanged ones as identical copies. With ``in_place`` it is not used: the wheels themselves
    are replaced; with ``dry_run`` nothing is written. A file that is given twice is worked on once. ``jobs`` processes work
    at a time, or those of ``executor``; a script that asks for more than one needs the usual
    ``if __name__ == "__main__"`` guard. ``on_outcome`` is called as each wheel is done; ``command`` is what the report
    calls the run.

    No error of one wheel is raised: it is the ``problem`` of that wheel's outcome. What there is to say of rules that come
    from a file or a script is in the report's ``remarks``.

    :raises RulesError: if there is no such rule set, or the rules have faults: then no wheel was touched.
    """
    rules = _resolved(rules)
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, not {jobs}")
    given = [Path(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    folder = None if in_place else Path(output_dir)
    task = Task(rules, tuple(edits), folder, dry_run, sbom)
    clashes = _clashing_names(given) if folder else frozenset()
    outcomes: dict[int, Outcome] = {}
    same: dict[tuple[str, str], list[int]] = {}
    for index, path in enumerate(given):
        if path.name in clashes:
            outcomes[index] = _clash(path)
        else:
            same.setdefault((_real(path), path.name if folder else ""), []).append(index)
    _report_all(outcomes.values(), on_outcome)
    for indices, outcome in _run([(tuple(each), given[each[0]]) for each in same.values()], task, jobs, executor):
        told = {index: replace(outcome, source=given[index]) for index in indices}
        outcomes.update(told)
        _report_all(told.values(), on_outcome)
    all_outcomes = tuple(outcomes[index] for index in range(len(given)))
    return Report(command, all_outcomes, _remarks(rules, all_outcomes))


def _resolved(rules: "RuleSet | Path | str | Sequence[Path | str] | None") -> "RuleSet | str | None":
    """Return rules ready for use; those that come with wheelfix stay a name, so that they need not be loaded yet."""
    if rules is None or (isinstance(rules, str) and rules in BUILT_IN):
        return rules
    from wheelfix.rules.loading import load_rules  # imported late, see _fix
    from wheelfix.rules.model import RuleSet

    if isinstance(rules, RuleSet):
        return rules
    return load_rules(*([rules] if isinstance(rules, str | Path) else rules))


def _remarks(rules: "RuleSet | str | None", outcomes: Sequence[Outcome]) -> tuple[Remark, ...]:
    if rules is None or isinstance(rules, str):
        return ()
    from wheelfix.rules.linting import remarks_on_run  # imported late: built-in rules need it not

    return remarks_on_run(rules, outcomes)


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


def _run(
    todo: Sequence[tuple[tuple[int, ...], Path]], task: Task, jobs: int, executor: "Executor | None"
) -> Iterator[tuple[tuple[int, ...], Outcome]]:
    """Yield the outcome of each wheel as it is done, with the places at which the wheel was given."""
    if executor is None and min(jobs, len(todo)) <= 1:
        for places, path in todo:
            yield places, fix_one(path, task)
        return
    from concurrent.futures import BrokenExecutor, as_completed  # imported late: one wheel needs no pool

    with nullcontext(executor) if executor else _pool(min(jobs, len(todo))) as pool:
        futures = {pool.submit(fix_one, path, task): (places, path) for places, path in todo}
        try:
            for future in as_completed(futures):
                places, path = futures[future]
                try:
                    yield places, future.result()
                except BrokenExecutor:
                    yield places, Outcome(path, Status.FAILED, problem=WORKER_DIED)
        finally:
            for future in futures:
                future.cancel()


def _pool(jobs: int) -> "Executor":
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    context = multiprocessing.get_context(
        "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    )
    if context.get_start_method() == "forkserver":
        from multiprocessing import forkserver

        context.set_forkserver_preload(["wheelfix.batch"])
        with _interrupts_ignored():  # inherited: Ctrl-C is for this process to act on
            forkserver.ensure_running()
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_follow_parent)


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # only that one may change it
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _follow_parent() -> None:
    """Let a worker finish its wheel when Ctrl-C is pressed, and end it when its parent is killed."""
    import multiprocessing

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), name="wheelfix-parent", daemon=True).start()


def _end_with(parent: "BaseProcess") -> None:
    parent.join()
    os._exit(1)


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
        plan = make_plan(wheel, rules, edits=task.edits, sha256=digest.hexdigest if digest else None)
        if task.dry_run:
            return preview(plan)
        target = None if task.output_dir is None else task.output_dir / source.path.name
        return apply(wheel, plan, target, sbom=task.sbom, digest=digest)
