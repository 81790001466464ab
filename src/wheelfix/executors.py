"""Many wheels, several at a time: by processes of our own, or by any ``concurrent.futures.Executor``."""

import errno
import os
import resource
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from wheelfix.errors import ResultError

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future
    from multiprocessing.process import BaseProcess

Item = TypeVar("Item")
Result = TypeVar("Result")
_BESIDE_WORKERS: Final = 14
_PER_WORKER: Final = 2
"""How many files a process must be able to open to hold workers, beside those that are open; measured with CPython 3.11."""
_NO_MORE: Final = {errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM}
"""What a system says that has no more files, processes or memory to give."""


class Workers(Struct, frozen=True):
    """Who does the work: ``executor``, or without one ``jobs`` processes of our own; this process alone if that is one.

    ``processes`` are those that were started already.

    :raises ValueError: if ``jobs`` is less than one.
    """

    jobs: int = 1
    executor: "Executor | None" = None
    processes: "Processes | None" = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.jobs < 1:
            raise ValueError(f"jobs must be at least 1, not {self.jobs}")

    def work_here(self, count: int) -> bool:
        """Whether this process does the work on ``count`` items alone."""
        return self.executor is None and self.processes is None and min(self.jobs, count) <= 1

    @contextmanager
    def started(self, function: Callable[..., object], count: int) -> "Iterator[Workers]":
        """Give the same workers, ready to run ``function`` on ``count`` items, in one run or in several.

        :raises ResultError: if the system does not let this process start so many others; nothing was done then.
        """
        if self.executor is not None or self.processes is not None or self.work_here(count):
            yield self
            return
        plain = function.func if isinstance(function, partial) else function
        processes = Processes(min(self.jobs, count), plain.__module__)
        try:
            yield replace(self, processes=processes)
        finally:
            processes.stop()


class Processes:
    """``jobs`` processes of our own, for functions of ``module``; where one died, others can be started.

    :raises ResultError: if the system does not let this process start so many.
    """

    def __init__(self, jobs: int, module: str) -> None:
        self._jobs = jobs
        self._module = module
        self._pool: Executor | None = _started(jobs, module)

    @property
    def most_begun(self) -> int:
        """How many items without a result may have been begun: each process has one, and CPython hands out one more each."""
        return 2 * self._jobs + 1

    def submit(self, function: Callable[[Item], Result], item: Item) -> "Future[Result]":
        """Let a process call ``function``.

        :raises BrokenExecutor: if one died; until :meth:`stop` that does not change.
        :raises ResultError: if new ones cannot be started.
        """
        self._pool = self._pool or _started(self._jobs, self._module)
        return self._pool.submit(function, item)

    def stop(self) -> None:
        """Wait until the processes have ended; the next item starts new ones."""
        pool, self._pool = self._pool, None
        if pool:
            pool.shutdown()


def run_all(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: Workers,
    *,
    lost: Callable[[Item, BaseException], Result],
    done: Callable[[Item, Result], object] = lambda _, __: None,
) -> list[Result]:
    """Return what ``function`` returns for each of ``items``, in their order: one result for each, whatever happens.

    ``lost`` makes the result of an item that has none: a worker died, or an executor was shut down. Where a process of our
    own dies, each item that may have killed it is tried once more, alone, and the others continue in new processes.
    An executor of the caller's is not started again: what it has not done is lost. ``done`` is called with each item and its
    result as it is done. Where that raises, or somebody presses Ctrl-C, what was not begun is cancelled, and what was is
    waited for. ``function`` must not raise, and what is sent to processes can be pickled.

    :raises ResultError: if the system does not let this process start so many others; nothing was done then.
    """
    items = list(items)
    results: dict[int, Result] = {}
    with workers.started(function, len(items)) as ready:
        for index, result in _results(function, items, ready, lost):
            results[index] = result
            done(items[index], result)
    return [results[index] for index in range(len(items))]


def _results(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    workers: Workers,
    lost: Callable[[Item, BaseException], Result],
) -> Iterator[tuple[int, Result]]:
    numbered = dict(enumerate(items))
    if workers.processes is not None:
        answers = _in_processes(function, numbered, workers.processes)
    elif workers.executor is not None:
        answers = _handed_out(function, numbered, workers.executor)
    else:
        yield from ((index, function(item)) for index, item in numbered.items())
        return
    for index, future in answers:
        # Read rather than raised: what ended a worker, such as SystemExit, is not to end this process.
        error = _error_of(future)
        yield index, future.result() if error is None else lost(items[index], error)


def _in_processes(
    function: Callable[[Item], Result], items: Mapping[int, Item], pool: Processes
) -> "Iterator[tuple[int, Future[Result]]]":
    """Yield what :func:`_handed_out` does; where a process dies, Python ends the others, and no item has a result."""
    from concurrent.futures import BrokenExecutor  # imported late: one wheel needs no pool

    left = dict(items)
    while left:
        broken = []
        for index, future in _handed_out(function, left, pool):
            if isinstance(_error_of(future), BrokenExecutor):
                broken.append(index)
            else:
                yield index, future
        if broken:
            pool.stop()
        broken.sort()  # in the order in which they were handed out
        for index in broken[: pool.most_begun]:  # one of these did it: alone, it harms no other
            for _, future in _handed_out(function, {index: items[index]}, pool):
                if isinstance(_error_of(future), BrokenExecutor):
                    pool.stop()
                yield index, future
        left = {index: items[index] for index in broken[pool.most_begun :]}


def _handed_out(
    function: Callable[[Item], Result], items: Mapping[int, Item], pool: "Executor | Processes"
) -> "Iterator[tuple[int, Future[Result]]]":
    """Hand out all ``items``, and yield the number of each with its future when that is done."""
    from concurrent.futures import Future, as_completed, wait

    futures: dict[Future[Result], int] = {}
    try:
        for index, item in items.items():
            try:
                future = pool.submit(function, item)
            except Exception as refusal:  # noqa: BLE001 - it cannot be handed out: a worker died, or the executor was shut down
                future = Future()
                future.set_exception(refusal)
            futures[future] = index
        for future in as_completed(futures):
            yield futures[future], future
    finally:
        wait([each for each in futures if not each.cancel()])  # the caller removes what these work in


def _error_of(future: "Future[Result]") -> BaseException | None:
    from concurrent.futures import CancelledError

    return CancelledError() if future.cancelled() else future.exception()


def _started(jobs: int, module: str) -> "Executor":
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _open_files() + _BESIDE_WORKERS + _PER_WORKER * jobs
    if limit != resource.RLIM_INFINITY and limit < needed:
        # Checked first: if the limit is only met while processes are started, each of them prints a traceback.
        raise _not_started(jobs, f"this process may open {limit} files only", f"Allow more with `ulimit -n {needed}`")
    try:
        return _pool(jobs, module)
    except OSError as error:
        if error.errno not in _NO_MORE:
            raise
        raise _not_started(jobs, (error.strerror or str(error)).lower(), "Raise the limits of the system") from error


def _open_files() -> int:
    try:
        return len(os.listdir("/dev/fd"))  # noqa: PTH208 - only their number counts
    except OSError:
        return 3


def _not_started(jobs: int, why: str, way: str) -> ResultError:
    return ResultError("no-workers", f"{jobs} processes cannot be started: {why}", hint=f"{way}, or run with fewer jobs.")


def _pool(jobs: int, module: str) -> "Executor":
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    context = multiprocessing.get_context(
        "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    )
    if context.get_start_method() == "forkserver":
        from multiprocessing import forkserver

        context.set_forkserver_preload([module])
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
