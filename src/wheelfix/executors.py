"""Many wheels, several at a time: by processes of our own, or by any ``concurrent.futures.Executor``."""

import errno
import os
import resource
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

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


@dataclass(frozen=True, slots=True)
class Workers:
    """Who does the work: ``executor``, or without one ``jobs`` processes of our own; this process alone if that is one.

    :raises ValueError: if ``jobs`` is less than one.
    """

    jobs: int = 1
    executor: "Executor | None" = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.jobs < 1:
            raise ValueError(f"jobs must be at least 1, not {self.jobs}")

    def work_here(self, count: int) -> bool:
        """Whether this process does the work on ``count`` items alone."""
        return self.executor is None and min(self.jobs, count) <= 1

    @contextmanager
    def pool_for(self, function: Callable[..., object], count: int) -> "Iterator[Executor]":
        """Give an executor that runs ``function`` on ``count`` items.

        :raises ResultError: if the system does not let this process start so many others; nothing was done then.
        """
        if self.executor is not None:
            yield self.executor
            return
        plain = function.func if isinstance(function, partial) else function
        with _started(min(self.jobs, count), plain.__module__) as pool:
            yield pool


def run_all(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: Workers,
    *,
    lost: Callable[[Item, BaseException], Result],
    done: Callable[[Item, Result], object] = lambda _, __: None,
) -> list[Result]:
    """Return what ``function`` returns for each of ``items``, in their order: one result for each, whatever happens.

    ``lost`` makes the result of an item for which the executor gave none: a worker died, or the executor was shut down; the
    others go on. ``done`` is called with each item and its result as it is done. Where that raises, or somebody presses
    Ctrl-C, what was not begun is cancelled. ``function`` must not raise, and what is sent to processes can be pickled.

    :raises ResultError: if the system does not let this process start so many others; nothing was done then.
    """
    items = list(items)
    results: dict[int, Result] = {}
    if workers.work_here(len(items)):
        for index, item in enumerate(items):
            results[index] = function(item)
            done(item, results[index])
    else:
        with workers.pool_for(function, len(items)) as pool:
            for index, result in _in_pool(function, items, pool, lost):
                results[index] = result
                done(items[index], result)
    return [results[index] for index in range(len(items))]


def _in_pool(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    pool: "Executor",
    lost: Callable[[Item, BaseException], Result],
) -> Iterator[tuple[int, Result]]:
    from concurrent.futures import CancelledError, as_completed  # imported late: one wheel needs no pool

    futures: dict[Future[Result], int] = {}
    try:
        for index, item in enumerate(items):
            try:
                futures[pool.submit(function, item)] = index
            except Exception as refusal:  # noqa: BLE001 - it cannot be handed out: a worker died, or the executor was shut down
                yield index, lost(item, refusal)
        for future in as_completed(futures):
            # Read rather than raised: what ended a worker, such as SystemExit, is not to end this process.
            index = futures[future]
            error = CancelledError() if future.cancelled() else future.exception()
            yield index, future.result() if error is None else lost(items[index], error)
    finally:
        for future in futures:
            future.cancel()


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
