"""The processes that work on wheels, several at a time."""

import errno
import os
import resource
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from wheelfix.errors import ResultError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Executor, Future
    from multiprocessing.process import BaseProcess

Result = TypeVar("Result")
_BESIDE_WORKERS: Final = 14
_PER_WORKER: Final = 2
"""How many files a process must be able to open to hold workers, beside those that are open: as measured (CPython 3.11)."""
_NO_MORE: Final = {errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM}
"""What a system says that has no more files, processes or memory to give."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Who does the work: the processes of ``executor``, or ``jobs`` of our own."""

    executor: "Executor | None"
    jobs: int

    @contextmanager
    def at_hand(self, count: int) -> "Iterator[Executor | None]":
        """Give an executor for ``count`` wheels, ``None`` where this process does it alone.

        :raises ResultError: if the system does not let this process start so many others; nothing was done then.
        """
        jobs = min(self.jobs, count)
        if self.executor is not None or jobs <= 1:
            yield self.executor
            return
        with _started(jobs) as pool:
            yield pool


def _started(jobs: int) -> "Executor":
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _open_files() + _BESIDE_WORKERS + _PER_WORKER * jobs
    if limit != resource.RLIM_INFINITY and limit < needed:
        # Asked first: where it shows only while processes are started, each of them complains in its own words.
        raise _not_started(jobs, f"this process may open {limit} files only", f"Allow more with `ulimit -n {needed}`")
    try:
        return _pool(jobs)
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


def run_all(
    function: Callable[..., Result],
    calls: Sequence[tuple[Path, tuple[object, ...]]],
    pool: "Executor | None",
    *,
    lost: Callable[[Path, BaseException], Result],
) -> Iterator[tuple[Path, Result]]:
    """Yield what ``function`` returns for each of ``calls`` as it is done, and what ``lost`` makes of an error instead.

    Whatever an executor reports of one call is about that call: the others go on.
    """
    if pool is None:
        for path, arguments in calls:
            yield path, function(*arguments)
        return
    from concurrent.futures import as_completed  # imported late: one wheel needs no pool

    futures: dict[Future[Result], Path] = {}
    try:
        for path, arguments in calls:
            try:
                futures[pool.submit(function, *arguments)] = path
            except Exception as error:  # noqa: BLE001 - it cannot be handed out: a worker died, or the executor was shut down
                yield path, lost(path, error)
        for future in as_completed(futures):
            yield _result_of(future, futures, lost)
    finally:
        for future in futures:
            future.cancel()


def _result_of(
    future: "Future[Result]", futures: "Mapping[Future[Result], Path]", lost: Callable[[Path, BaseException], Result]
) -> tuple[Path, Result]:
    from concurrent.futures import CancelledError

    path = futures[future]
    # Asked for rather than raised: what ended a worker, such as SystemExit, is not to end this process.
    error = CancelledError() if future.cancelled() else future.exception()
    return path, future.result() if error is None else lost(path, error)


def _pool(jobs: int) -> "Executor":
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    context = multiprocessing.get_context(
        "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    )
    if context.get_start_method() == "forkserver":
        from multiprocessing import forkserver

        context.set_forkserver_preload(["wheelfix.fix.job"])
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
