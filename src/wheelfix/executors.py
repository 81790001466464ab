"""Many wheels, several at a time: by processes of our own, or by any ``concurrent.futures.Executor``."""

import errno
import os
import resource
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache, partial
from itertools import chain
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from msgspec import Struct
from msgspec.structs import replace

from wheelfix.errors import ResultError
from wheelfix.signals import TERMINAL_SIGNALS, signals_delayed, terminal_signals_blocked

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future
    from multiprocessing.context import BaseContext
    from multiprocessing.process import BaseProcess

Item = TypeVar("Item")
Result = TypeVar("Result")
Key = TypeVar("Key")
Argument = TypeVar("Argument")
Answer = TypeVar("Answer")
_TASK_ITEMS: Final = 16
_TASK_BYTES: Final = 1 << 24
"""How many items, and bytes, a process gets at a time at most: Ctrl-C waits for them, a fraction of a second."""
_TASKS_PER_JOB: Final = 4
"""How many tasks there are for each process at least, so that all of them end at about the same time."""
_BESIDE_WORKERS: Final = 14
_PER_WORKER: Final = 2
"""How many files a process must be able to open to hold workers, beside those that are open; measured with CPython 3.11."""
_LONGEST_SOCKETS: Final = 103 - len("/listener-12345678")
"""In bytes: the longest path of a directory for sockets. That of a socket has 103 bytes on macOS, 107 on Linux (unix(7))."""
_LONGEST_END = 20.0
"""In seconds: how long processes may take to end after the first of them has; their results are all here by then."""
_AFTER_THE_SERVER: Final = -200
"""When the directory of its socket is removed; Python does that for its own one at -100."""
_NO_MORE: Final = {errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM}
"""What a system says that has no more files, processes or memory to give."""
_NO_SEMAPHORES: Final = {errno.EROFS, errno.ENOENT, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.ENOSYS}
"""What a system says that has no place for semaphores (sem_overview(7)), as in a container without /dev/shm."""


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
        self._workers: list[BaseProcess] = []
        self._pool: Executor | None = _started(jobs, module, self._workers)

    @property
    def most_begun(self) -> int:
        """How many tasks without a result may have been begun: each process has one, and CPython hands out one more each."""
        return 2 * self._jobs + 1

    def submit(self, function: Callable[[Item], Result], item: Item) -> "Future[Result]":
        """Let a process call ``function``.

        :raises BrokenExecutor: if one died; until :meth:`stop` that does not change.
        :raises ResultError: if new ones cannot be started.
        :raises OSError, EOFError, RuntimeError: if one cannot be started, or ends at once; the others are ended then.
        """
        from concurrent.futures import BrokenExecutor  # imported late: one wheel needs no pool

        with signals_delayed():  # a process that is just being started would outlive this one
            self._pool = self._pool or _started(self._jobs, self._module, self._workers)
            try:
                return self._pool.submit(function, item)
            except Exception as error:
                if not isinstance(error, BrokenExecutor):
                    # CPython queues the item before it starts a process: another would do it, and nobody get its result.
                    self.stop(broken=True)
                raise

    def stop(self, *, broken: bool = False) -> None:
        """Wait until the processes have ended; the next item starts new ones. Of ``broken`` ones those left are ended.

        What was not begun is cancelled by the pool itself: where a process dies meanwhile, as of a signal that all get,
        CPython 3.11 prints a traceback for each future that somebody else has cancelled.
        """
        with signals_delayed():  # Python prints and forgets what is raised while it ends a queue
            pool, self._pool = self._pool, None
            if pool is None:
                return
            if broken:
                # CPython ends the others itself, but for one that is just being started: waiting for it would never end.
                for each in self._workers:
                    if each.pid is not None and each.is_alive():  # without one the system refused to start it
                        each.terminate()
            with _ending_together(self._workers):
                pool.shutdown(cancel_futures=True)
            self._workers.clear()
            del pool


@contextmanager
def _ending_together(processes: "Sequence[BaseProcess]") -> "Iterator[None]":
    """While ``processes`` end: terminate those that have not ended long after the first of them has.

    One that is killed in its last moments may hold a lock that the others wait for, and CPython 3.11 then waits for these.
    """
    from multiprocessing.connection import wait

    def end_those_left() -> None:
        left = {each.sentinel: each for each in processes if each.pid is not None}
        if left:
            wait([*left])
        deadline = monotonic() + _LONGEST_END
        while left:
            ended = wait([*left], timeout=max(0.0, deadline - monotonic()))
            if not ended:
                for each in left.values():
                    each.terminate()
                return
            for sentinel in ended:
                del left[cast(int, sentinel)]

    watch = threading.Thread(target=end_those_left, name="wheelfix-ending", daemon=True)
    watch.start()
    yield
    watch.join()


def run_all(
    function: Callable[[Iterable[Item]], Iterator[Result]],
    items: Iterable[Item],
    workers: Workers,
    *,
    lost: Callable[[Item, BaseException], Result],
    done: Callable[[Item, Result], object] = lambda _, __: None,
    size: Callable[[Item], int],
) -> list[Result]:
    """Return what ``function`` yields for ``items``, in their order: one result for each, whatever happens.

    A process gets several small items at a time, by their ``size`` in bytes: handing over one takes as long as reading the
    directory of a small wheel. An executor of the caller's gets them one by one.

    ``lost`` makes the result of an item that has none: a worker died, or an executor was shut down. Where a process of our
    own dies, each item that may have killed it is tried once more, alone, and the others continue in new processes.
    An executor of the caller's is not started again: what it has not done is lost. ``done`` is called with each item and its
    result as it is done. Where that raises, or Ctrl-C is pressed, what was not begun is cancelled, and what was is
    waited for. ``function`` must not raise, and what is sent to processes can be pickled.

    :raises ResultError: if the system does not let this process start so many others; nothing was done then.
    """
    items = list(items)
    results: dict[int, Result] = {}
    with workers.started(function, len(items)) as ready:
        tasks = _tasks([size(item) for item in items], workers.jobs) if ready.processes else ()
        with closing(_results(function, items, tasks, ready, lost)) as answers:
            for index, result in answers:
                results[index] = result
                done(items[index], result)
    return [results[index] for index in range(len(items))]


def file_size(path: Path) -> int:
    """Return how many bytes the file at ``path`` has; 0 for one that cannot be looked at, as its own result will say."""
    try:
        return os.stat(path).st_size  # noqa: PTH116 - for each of many wheels; pathlib takes twice as long
    except (OSError, ValueError):
        return 0


def _tasks(sizes: Sequence[int], jobs: int) -> list[range]:
    """Return which items, by their numbers, a process does in one go: few enough that all of them have something to do."""
    most = max(1, min(_TASK_ITEMS, len(sizes) // (_TASKS_PER_JOB * jobs)))
    tasks: list[range] = []
    start = total = 0
    for index, size in enumerate(sizes):
        if index > start and (index - start >= most or total + size > _TASK_BYTES):
            tasks.append(range(start, index))
            start, total = index, 0
        total += size
    return [*tasks, range(start, len(sizes))] if sizes else []


def _first(function: Callable[[Iterable[Item]], Iterator[Result]], item: Item) -> Result:
    [result] = function([item])
    return result


def _listed(function: Callable[[Iterable[Item]], Iterator[Result]], items: Iterable[Item]) -> list[Result]:
    return list(function(items))


def _results(
    function: Callable[[Iterable[Item]], Iterator[Result]],
    items: Sequence[Item],
    tasks: Sequence[range],
    workers: Workers,
    lost: Callable[[Item, BaseException], Result],
) -> Generator[tuple[int, Result], None, None]:
    """Yield the number of each item with its result."""
    if workers.processes is not None:
        yield from _in_processes(partial(_listed, function), items, tasks, workers.processes, lost)
    elif workers.executor is not None:
        numbered = dict(enumerate(items))
        for index, future in _handed_out(partial(_first, function), numbered, workers.executor):
            # Read rather than raised: what ended a worker, such as SystemExit, is not to end this process.
            error = _error_of(future)
            yield index, future.result() if error is None else lost(items[index], error)
    else:
        yield from enumerate(function(items))


def _in_processes(
    function: Callable[[Sequence[Item]], list[Result]],
    items: Sequence[Item],
    tasks: Sequence[range],
    pool: Processes,
    lost: Callable[[Item, BaseException], Result],
) -> Iterator[tuple[int, Result]]:
    """Yield results; where a process dies, Python ends the others, and no task has a result.

    Then those tasks that may have been begun are done once more, item by item: alone, the one that did it harms no other.
    """
    from concurrent.futures import BrokenExecutor  # imported late: one wheel needs no pool

    left = list(tasks)
    while left:
        broken, alone = list[range](), list[range]()
        for task, future in _handed_out(function, {task: items[task.start : task.stop] for task in left}, pool):
            error = _error_of(future)
            if error is None:
                yield from zip(task, future.result(), strict=True)
            else:
                (broken if isinstance(error, BrokenExecutor) else alone).append(task)
        if broken:
            pool.stop(broken=True)
        broken.sort(key=lambda task: task.start)  # in the order in which they were handed out
        for index in chain(*alone, *broken[: pool.most_begun]):
            for _, future in _handed_out(function, {index: items[index : index + 1]}, pool):
                error = _error_of(future)
                if isinstance(error, BrokenExecutor):
                    pool.stop(broken=True)
                yield index, future.result()[0] if error is None else lost(items[index], error)
        left = broken[pool.most_begun :]


def _handed_out(
    function: Callable[[Argument], Answer], arguments: Mapping[Key, Argument], pool: "Executor | Processes"
) -> "Iterator[tuple[Key, Future[Answer]]]":
    """Let ``function`` be called with all ``arguments``, and yield the key of each with its future when that is done."""
    from concurrent.futures import Future, as_completed, wait

    futures: dict[Future[Answer], Key] = {}
    try:
        for key, argument in arguments.items():
            try:
                future = pool.submit(function, argument)
            except Exception as refusal:  # noqa: BLE001 - it cannot be handed out: a worker died, or the executor was shut down
                future = Future()
                future.set_exception(refusal)
            futures[future] = key
        for future in as_completed(futures):
            yield futures[future], future
    finally:  # what was begun is waited for: the caller removes what it works in
        if not isinstance(pool, Processes):
            wait([each for each in futures if not each.cancel()])
        elif not all(each.done() for each in futures):
            pool.stop()


def _error_of(future: "Future[Result]") -> BaseException | None:
    from concurrent.futures import CancelledError

    return CancelledError() if future.cancelled() else future.exception()


def _started(jobs: int, module: str, workers: "list[BaseProcess]") -> "Executor":
    """Return a pool of ``jobs`` processes, which are added to ``workers`` as they are started.

    :raises ResultError: if the system does not let this process start so many.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _open_files() + _BESIDE_WORKERS + _PER_WORKER * jobs
    if limit != resource.RLIM_INFINITY and limit < needed:
        # Checked first: if the limit is only met while processes are started, each of them prints a traceback.
        raise _not_started(jobs, f"this process may open {limit} files only", f"Allow more with `ulimit -n {needed}`")
    try:
        os.getcwd()  # noqa: PTH109 - no path is needed: each process starts in this directory
    except FileNotFoundError as error:
        why = "the working directory no longer exists"
        hint = "Change to a directory that exists. Or run with --jobs 1."
        raise ResultError("no-workers", f"{jobs} processes cannot be started: {why}", hint=hint) from error
    try:
        return _pool(jobs, module, workers)
    except (OSError, NotImplementedError) as error:  # the latter where Python has no semaphores at all
        number = getattr(error, "errno", errno.ENOSYS)
        if number not in _NO_MORE | _NO_SEMAPHORES:
            raise
        why = (getattr(error, "strerror", None) or str(error)).lower()
        if number in _NO_MORE:
            raise _not_started(jobs, why, "Raise the limits of the system") from error
        raise ResultError("no-workers", f"{jobs} processes cannot be started: {why}", hint=_ONE_JOB) from error


def _open_files() -> int:
    try:
        return len(os.listdir("/dev/fd"))  # noqa: PTH208 - only their number counts
    except OSError:
        return 3


def _not_started(jobs: int, why: str, way: str) -> ResultError:
    return ResultError("no-workers", f"{jobs} processes cannot be started: {why}", hint=f"{way}, or run with fewer jobs.")


_ONE_JOB: Final = "Make /dev/shm writable: Python needs it for --jobs. Or run with --jobs 1."


class _NotingContext:
    """A context of :mod:`multiprocessing` that adds every process which it makes to ``made``."""

    def __init__(self, context: "BaseContext", made: "list[BaseProcess]") -> None:
        self._context = context
        self._made = made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def Process(self, *arguments: Any, **options: Any) -> "BaseProcess":  # noqa: N802 - the name that the pool calls
        """Return a new process."""
        process: BaseProcess = self._context.Process(*arguments, **options)  # type: ignore[attr-defined]
        self._made.append(process)
        return process


def _pool(jobs: int, module: str, workers: "list[BaseProcess]") -> "Executor":
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import resource_tracker

    can_serve = "forkserver" in multiprocessing.get_all_start_methods() and _has_place_for_sockets()
    context = multiprocessing.get_context("forkserver" if can_serve else "spawn")
    with terminal_signals_blocked():
        resource_tracker.ensure_running()
    if context.get_start_method() == "forkserver":
        from multiprocessing import forkserver

        context.set_forkserver_preload([module])
        with terminal_signals_blocked():  # once more: starting the tracker unblocks Ctrl-C
            forkserver.ensure_running()
    noting = cast("BaseContext", _NotingContext(context, workers))
    return ProcessPoolExecutor(jobs, mp_context=noting, initializer=_follow_parent, initargs=(dict(os.environ),))


@cache
def _has_place_for_sockets() -> bool:
    """Whether the fork server has a directory for its socket, with a short path; it is removed when this process ends.

    Python would make one among the temporary files, whose path can be too long, and which stays for ever after a kill.
    """
    from multiprocessing import process, util
    from tempfile import gettempdir

    from wheelfix.wheel.zip.staging import kept_directory, remove_leftovers, remove_tree

    parents = [Path("/tmp")]  # noqa: S108 - there, too, nobody else can look into the directory
    with suppress(OSError):  # there is no place for temporary files
        parents.insert(0, Path(gettempdir()))
    for parent in parents:
        try:
            remove_leftovers(parent)
            directory = kept_directory(parent)
        except OSError:
            continue
        util.Finalize(None, remove_tree, args=(directory,), exitpriority=_AFTER_THE_SERVER)
        if len(os.fsencode(directory)) <= _LONGEST_SOCKETS:
            process.current_process()._config["tempdir"] = str(directory)  # type: ignore[attr-defined]  # noqa: SLF001 - no other way
            return True
    return False


def _follow_parent(environment: Mapping[str, str]) -> None:
    """Let a worker finish its wheel when Ctrl-C is pressed or the terminal closed, and end it when its parent is killed.

    It has the ``environment`` that its parent has now: a fork server that an earlier run started has an older one, without
    the credentials that a script has set since.
    """
    import multiprocessing

    if os.environ != environment:
        os.environ.clear()
        os.environ.update(environment)
    for each in TERMINAL_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), name="wheelfix-parent", daemon=True).start()


def _end_with(parent: "BaseProcess") -> None:
    parent.join()
    os._exit(1)
