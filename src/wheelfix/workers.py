"""The processes that work on wheels, several at a time."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future
    from multiprocessing.process import BaseProcess

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Workers:
    """Who does the work: the processes of ``executor``, or ``jobs`` of our own."""

    executor: "Executor | None"
    jobs: int

    @contextmanager
    def at_hand(self, count: int) -> "Iterator[Executor | None]":
        """Give an executor for ``count`` wheels, ``None`` where this process does it alone."""
        if self.executor is not None or min(self.jobs, count) <= 1:
            yield self.executor
            return
        with _pool(min(self.jobs, count)) as pool:
            yield pool


def run_all(
    function: Callable[..., Result],
    calls: Sequence[tuple[Path, tuple[object, ...]]],
    pool: "Executor | None",
    *,
    lost: Callable[[Path], Result],
) -> Iterator[tuple[Path, Result]]:
    """Yield what ``function`` returns for each of ``calls`` as it is done, and what is ``lost`` where its worker died."""
    if pool is None:
        for path, arguments in calls:
            yield path, function(*arguments)
        return
    from concurrent.futures import BrokenExecutor, as_completed  # imported late: one wheel needs no pool

    futures: dict[Future[Result], Path] = {}
    try:
        for path, arguments in calls:
            try:
                futures[pool.submit(function, *arguments)] = path
            except BrokenExecutor:  # a worker died before all the work was handed out
                yield path, lost(path)
        for future in as_completed(futures):
            try:
                yield futures[future], future.result()
            except BrokenExecutor:
                yield futures[future], lost(futures[future])
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

        context.set_forkserver_preload(["wheelfix.work"])
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
