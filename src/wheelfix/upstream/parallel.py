"""Calls that wait for servers, several at a time, with their results in the order in which they were requested."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Final, TypeVar

from wheelfix.upstream.pacing import DOWNLOADS_AT_ONCE

if TYPE_CHECKING:  # it needs what only the extra "index" installs
    from wheelfix.upstream.http import Session

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Calls:
    """Calls on ``count`` threads; with one, everything happens in the thread of the caller, one call after another.

    The threads are daemons and not those of :class:`concurrent.futures.ThreadPoolExecutor`, for which Python waits at its
    end: after Ctrl-C a server that does not answer would keep the process alive for as long as its timeout. A thread is
    started when a call is begun, so that a single request does not start sixteen.
    """

    count: int
    """How many calls there can be at a time."""

    def __init__(self, count: int) -> None:
        if count < 1:
            raise ValueError(f"there must be at least one connection, not {count}")
        self.count = count
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: Final[list[Thread]] = []
        self._unfinished = 0

    def map(self, call: Callable[[_Item], _Result], items: Iterable[_Item], ahead: int) -> Iterator[_Result]:
        """Yield ``call`` of each item, in the order of the items, of which at most ``ahead`` are begun before their turn.

        An exception of ``call`` is raised in its turn. ``items`` are taken in the thread of the caller, and only as they are
        needed; they may come from another :meth:`map`.
        """
        if self.count == 1:
            yield from map(call, items)
            return
        begun: deque[Future[_Result]] = deque()
        for item in items:
            begun.append(self.begin(call, item))
            if len(begun) > ahead:
                yield self._finish(begun)
        while begun:
            yield self._finish(begun)

    def begin(self, call: Callable[[_Item], _Result], item: _Item) -> "Future[_Result]":
        """Call with ``item`` as soon as a thread is free; begun are calls by one thread only."""
        future: Future[_Result] = Future()

        def run() -> None:
            try:
                future.set_result(call(item))
            except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
                future.set_exception(error)

        self._unfinished += 1
        self._queue.put(run)
        if len(self._threads) < self.count:
            self._start()
        return future

    def _start(self) -> None:
        thread = Thread(target=self._work, name=f"wheelfix-request-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _finish(self, begun: "deque[Future[_Result]]") -> _Result:
        result = begun.popleft()
        result.exception()  # waits; it is Ctrl-C, and not the call, that ends the waiting early
        self._unfinished -= 1
        return result.result()

    def _work(self) -> None:
        while (run := self._queue.get()) is not None:
            run()

    def end(self) -> bool:
        """Begin nothing more; return whether all calls have ended."""
        with suppress(Empty):
            while True:
                self._queue.get_nowait()
        for _ in self._threads:
            self._queue.put(None)
        return not self._unfinished


@contextmanager
def parallel(session: "Session", connections: int) -> Iterator[Calls]:
    """Give calls that make requests of ``session``, at most ``connections`` at a time.

    Where it is left while some are running, by an exception or early, ``session`` is closed, so that they end at once.

    :raises ValueError: if ``connections`` is less than one.
    """
    calls = Calls(connections)
    try:
        yield calls
    finally:
        if not calls.end():
            session.close()


def few(count: int) -> int:
    """Return how many of ``count`` wheels are read or downloaded at a time; at least one."""
    return max(1, min(DOWNLOADS_AT_ONCE, count))


@contextmanager
def several(connections: int) -> Iterator[Calls]:
    """Give calls, at most ``connections`` at a time; where it is left early, those that were not begun never are.

    :raises ValueError: if ``connections`` is less than one.
    """
    calls = Calls(connections)
    try:
        yield calls
    finally:
        calls.end()
