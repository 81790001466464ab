"""A store that fails, or whose process is killed, at one of its operations: before it is done, or after.

Every method of a store is an operation, and of what writes several keys each key is one. An operation that was done and
whose answer is lost looks to the caller like one that failed; what follows must not depend on which of the two it was.
"""

import errno
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from enum import Enum
from pathlib import Path
from typing import TypeVar

from wheelfix.errors import ChangedMeanwhile, MirrorError, WheelfixError
from wheelfix.locations import Location
from wheelfix.mirror.storage.base import Head, NewFile, Store, Stored, Write
from wheelfix.progress import NO_PROGRESS, Progress
from wheelfix.results import Finding
from wheelfix.wheel.zip.source import Readable

T = TypeVar("T")


class How(Enum):
    """What happens at the operation."""

    FAILS = "it fails, with nothing done"
    LOSES_ANSWER = "it is done, and fails"
    STAYS_AWAY = "it and all that follow fail, with nothing done"
    KILLED_BEFORE = "the process ends before it is done"
    KILLED_AFTER = "the process ends when it is done"


class Killed(BaseException):
    """The process is no more: whatever handles this error can do nothing to the store."""


def no_answer(key: str) -> MirrorError:
    """Return what a bucket raises where nobody answers."""
    return MirrorError("no-answer", f"memory://mirror/{key} does not answer", hint="Run again later.")


class Faulty:
    """The ``store``, except that something happens at its ``at``-th operation (from 1 on; 0 for none).

    ``operations`` are those that were asked for: the name of the method, and the key.
    """

    def __init__(self, store: Store, at: int = 0, how: How = How.FAILS) -> None:
        self._store, self._at, self._how = store, at, how
        self._lock = threading.Lock()
        self.operations: list[tuple[str, str]] = []

    @property
    def happened(self) -> bool:
        """Whether there were so many operations."""
        return 0 < self._at <= len(self.operations)

    @property
    def location(self) -> Location:
        return self._store.location

    @property
    def is_shared(self) -> bool:
        return self._store.is_shared

    def read(self, key: str) -> Stored | None:
        return self._do("read", key, lambda: self._store.read(key))

    def open(self, key: str) -> AbstractContextManager[Readable]:
        return self._do("open", key, lambda: self._store.open(key))

    def head(self, key: str) -> Head | None:
        return self._do("head", key, lambda: self._store.head(key))

    def keys(self, prefix: str) -> Iterator[str]:
        return iter(self._do("keys", prefix, lambda: list(self._store.keys(prefix))))

    def heads(self, prefix: str) -> Iterator[tuple[str, Head]]:
        return iter(self._do("heads", prefix, lambda: list(self._store.heads(prefix))))

    def put_new(self, files: Iterable[NewFile], progress: Progress = NO_PROGRESS) -> dict[str, WheelfixError | OSError]:
        errors: dict[str, WheelfixError | OSError] = {}
        for file in files:
            try:
                errors |= self._do("put_new", file.key, lambda: self._store.put_new([file], progress))  # noqa: B023 - done at once
            except (MirrorError, OSError) as error:
                errors[file.key] = error
        return errors

    def put_if(self, writes: Iterable[Write]) -> None:
        written: list[str] = []
        for write in writes:
            try:
                self._do("put_if", write.key, lambda: self._store.put_if([write]))  # noqa: B023 - done at once
            except ChangedMeanwhile as error:
                raise ChangedMeanwhile(error.key, written) from error
            written.append(write.key)

    def delete(self, key: str) -> None:
        self._do("delete", key, lambda: self._store.delete(key))

    def delete_if(self, key: str, version: str) -> bool:
        return self._do("delete_if", key, lambda: self._store.delete_if(key, version))

    def flush(self) -> None:
        self._do("flush", "", self._store.flush)

    def locked(self, name: str, timeout: float) -> AbstractContextManager[None]:
        return self._store.locked(name, timeout)

    def serves(self, path: Path) -> bool:
        return self._store.serves(path)

    def scratch(self) -> Path:
        return self._store.scratch()

    def problems(self) -> Iterator[Finding]:
        return iter(self._do("problems", "", lambda: list(self._store.problems())))

    def _do(self, name: str, key: str, act: Callable[[], T]) -> T:
        with self._lock:
            self.operations.append((name, key))
            number = len(self.operations)
        is_it, is_later = number == self._at, 0 < self._at < number
        if self._how in (How.KILLED_BEFORE, How.KILLED_AFTER) and is_later:
            raise Killed
        if is_it and self._how is How.KILLED_BEFORE:
            raise Killed
        if (is_it and self._how is How.FAILS) or ((is_it or is_later) and self._how is How.STAYS_AWAY):
            raise self._error(key)
        done = act()
        if is_it and self._how is How.KILLED_AFTER:
            raise Killed
        if is_it and self._how is How.LOSES_ANSWER:
            raise self._error(key)
        return done

    def _error(self, key: str) -> MirrorError | OSError:
        """Return what the store raises: a directory has errors of the system."""
        return no_answer(key) if self._store.is_shared else OSError(errno.EIO, "Input/output error", key)
