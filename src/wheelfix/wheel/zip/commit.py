"""Staged files that get their names together: the disk is waited for once for many of them, not twice for each.

Databases call it a group commit. Each file is complete and proved before it waits here. Then the system is asked to write
all of them, each is flushed, each gets its name, and each directory is flushed once. Whatever stops the run, a file has its
name and all of its bytes are on the disk, or it has no name.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from time import monotonic
from types import TracebackType
from typing import Final, Generic, NamedTuple, Protocol, Self, TypeVar, cast

from wheelfix.wheel.zip.output import Background
from wheelfix.wheel.zip.staging import NotConfirmed, StagedFile, flush_directory

MOST_FILES: Final = 64
"""More files gain little: on ext4, flushing 64 small files takes 0.05 ms for each, one by one 0.13 ms."""
MOST_BYTES: Final = 1 << 30
MOST_SECONDS: Final = 2.0
"""How many files wait at most, how much disk space they take, and how long the first of them waits for the others."""
LARGE: Final = 1 << 26
"""A group with a file of so many bytes is committed at once: flushing it takes longer than making many small ones."""
_SHARE_OF_DESCRIPTORS: Final = 8
"""One in so many of the descriptors that ``ulimit -n`` allows."""
_FLUSHES_AT_A_TIME: Final = 4
"""Files that are flushed at a time: a disk that takes milliseconds to empty its cache does it once for all of them."""
_WRITTEN_BACK_EARLIER: Final = 1 << 23
"""Files of this size are written back while they are made."""

Key = TypeVar("Key")
Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)


class Waiting(Protocol[Result_co]):
    """A file that is complete and waits for its name; leaving it as a context manager removes it if it got none."""

    @property
    def staged(self) -> StagedFile:
        """The file."""

    @property
    def size(self) -> int:
        """Its size in bytes."""

    def flush(self) -> None:
        """Wait until the file is on the disk; called in any thread."""

    def place(self) -> Result_co:
        """Give it its name by :meth:`~wheelfix.wheel.zip.staging.StagedFile.name`; the directory is flushed afterwards."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Close the file."""


class Committed(NamedTuple, Generic[Result]):
    """What became of one file: the ``result`` of placing it, or the ``error`` for which it is not there.

    ``unconfirmed`` is set where it is there, and its directory could not be flushed.
    """

    result: Result | None = None
    error: Exception | None = None
    unconfirmed: NotConfirmed | None = None

    def get(self) -> Result:
        """Return the result of placing the file.

        :raises Exception: the error, if it is not there.
        """
        if self.error is not None:
            raise self.error
        return cast(Result, self.result)


def most_waiting() -> int:
    """Return how many files can wait at most: the rest of what ``ulimit -n`` allows is for files that are read meanwhile."""
    return max(1, min(MOST_FILES, os.sysconf("SC_OPEN_MAX") // _SHARE_OF_DESCRIPTORS))


class GroupCommit(Generic[Key, Result]):
    """Collects files until they are to be committed, and knows each by a key.

    Use it as a context manager: on leaving, what still waits is removed. Commit before that, and whenever it :meth:`is_due`.
    """

    def __init__(self) -> None:
        self._most = most_waiting()
        self._waiting: list[tuple[Key, Waiting[Result]]] = []
        self._files = ExitStack()
        self._bytes = self._largest = 0
        self._since = 0.0

    def add(self, key: Key, file: Waiting[Result]) -> None:
        """Let ``file`` wait for its name; it is closed together with this group."""
        self._since = self._since if self._waiting else monotonic()
        self._files.callback(_close, file)
        self._waiting.append((key, file))
        self._bytes += file.size
        self._largest = max(self._largest, file.size)
        if file.size < _WRITTEN_BACK_EARLIER:
            start_write_back(file.staged.descriptor)

    def withdraw(self, key: Key) -> None:
        """Let the file of ``key`` get no name, if it waits for one; it is removed with this group."""
        self._waiting = [each for each in self._waiting if each[0] != key]

    def is_due(self, further: int = 0) -> bool:
        """Whether those that wait should not wait for another file, of at least ``further`` bytes."""
        return bool(self._waiting) and (
            len(self._waiting) >= self._most
            or self._bytes + further >= MOST_BYTES
            or max(self._largest, further) >= LARGE
            or monotonic() - self._since >= MOST_SECONDS
        )

    def commit(self) -> list[tuple[Key, Committed[Result]]]:
        """Give their names to all that wait, and return what became of each, in the order in which they came."""
        committed = commit([file for _, file in self._waiting])
        keys = [key for key, _ in self._waiting]
        self._close()
        return list(zip(keys, committed, strict=True))

    def _close(self) -> None:
        self._files.close()  # closes the others, too, if somebody interrupts it
        self._waiting, self._bytes, self._largest = [], 0, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close()


def _close(file: Waiting[object]) -> None:
    with suppress(OSError):  # its bytes are on the disk, or it has no name, and the reason is known
        file.__exit__(None, None, None)


def commit(files: Sequence[Waiting[Result]]) -> list[Committed[Result]]:
    """Flush each file, then give each its name, then flush each of their directories once; return what became of each.

    An error of one file is not one of the others. Where somebody interrupts it, what got a name keeps it.
    """
    committed = [Committed[Result](error=error) for error in flush_together([each.flush for each in files])]
    named: list[int] = []
    try:
        for index, file in enumerate(files):
            if committed[index].error is None:
                committed[index] = _place(file)
                named += [index] if committed[index].error is None else []
    finally:
        directories = list(dict.fromkeys(files[index].staged.directory for index in named))
        errors = flush_together([partial(flush_directory, each) for each in directories])
    unconfirmed = dict(zip(directories, errors, strict=True))
    for index in named:
        staged = files[index].staged
        doubt = _not_confirmed(_error_of(staged.drop_hidden_name) or unconfirmed[staged.directory])
        committed[index] = committed[index]._replace(unconfirmed=doubt)
    return committed


def start_write_back(descriptor: int) -> None:
    """Let the system begin to write a file to the disk, while other work continues.

    Linux does so when told that the file is not needed in memory, and keeps what is not on the disk yet; Python has no
    sync_file_range. Flushing 64 files one by one takes 0.05 ms for each then, without it 0.13.
    """
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):  # advice; a flush follows
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def flush_together(flushes: Sequence[Callable[[], object]]) -> list[Exception | None]:
    """Call each of ``flushes``, which wait for the disk, several at a time; return the error of each.

    A disk empties its cache once for all that wait for it at the same moment: 32 directories, one after another, took 50 to
    100 ms on a busy machine, four at a time 2 to 18. syncfs would take a third of the time on an idle system. It waits for
    the data of all writers, though: beside one other that copies large files it took ten times as long as this.
    """
    parts = [flushes[start::_FLUSHES_AT_A_TIME] for start in range(min(_FLUSHES_AT_A_TIME, len(flushes)))]
    others = [Background("wheelfix-flush", partial(_errors_of, part)) for part in parts[1:]]
    try:
        errors = [_errors_of(part) for part in parts[:1]]
    finally:
        for each in others:  # they use descriptors that are closed next
            each.join()
    errors += [each.result() for each in others]
    return [errors[index % _FLUSHES_AT_A_TIME][index // _FLUSHES_AT_A_TIME] for index in range(len(flushes))]


def _errors_of(flushes: Sequence[Callable[[], object]]) -> list[Exception | None]:
    return [_error_of(each) for each in flushes]


def _error_of(flush: Callable[[], object]) -> Exception | None:
    try:
        flush()
    except Exception as error:  # noqa: BLE001 - it is of one file; the outcome of that file says what it was
        return error
    return None


def _place(file: Waiting[Result]) -> Committed[Result]:
    try:
        return Committed(file.place())
    except Exception as error:  # noqa: BLE001 - it is of one file; the outcome of that file says what it was
        return Committed(error=error)


def _not_confirmed(error: Exception | None) -> NotConfirmed | None:
    if isinstance(error, OSError):
        return NotConfirmed(error.errno, error.strerror)
    if error is not None:
        raise error
    return None
