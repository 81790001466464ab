"""What an archive is read from: bytes at a position, and a check that the file did not change meanwhile."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self, TypeAlias, runtime_checkable

from wheelfix.errors import ArchiveError, SourceChanged
from wheelfix.locations import Url

_BLOCK: Final = 1 << 20
_PART: Final = 1 << 23
"""In bytes: how much is requested at a time of a file elsewhere that is read from start to end."""


Span: TypeAlias = tuple[int, int, int]
"""A run of bytes that two files have in common: start and stop in the one, start in the other."""


class Readable(Protocol):
    """What an archive is read from: a local file, or a remote one that can be read in parts.

    Reading, checking and weighing a wheel need no more than this. Writing one needs a :class:`Source`.
    """

    @property
    def size(self) -> int:
        """The size in bytes."""

    def read_at(self, offset: int, size: int) -> bytes:
        """Return exactly ``size`` bytes from ``offset``.

        :raises SourceChanged: if there are not so many.
        """

    def check_unchanged(self) -> None:
        """Confirm that all reads came from the same file, as far as that can be known.

        :raises SourceChanged: if they did not.
        """


@runtime_checkable
class Ranged(Readable, Protocol):
    """A file elsewhere, of which each part is a request."""

    def load(self, start: int, stop: int) -> bytes:
        """Request the bytes from ``start`` to before ``stop``; they are not kept.

        :raises SourceChanged: if it is another file by now.
        :raises MirrorError: if they do not come.
        """


class RemoteWheel(Protocol):
    """A wheel that is no file on this machine, and can be read in parts."""

    @property
    def url(self) -> Url:
        """Its URL, as it can be shown."""

    @property
    def name(self) -> str:
        """The file name of the wheel, which need not be what the URL ends with."""

    @property
    def sha256(self) -> str | None:
        """What its sha256 (hexadecimal) should be, as its index or URL says; ``None`` where neither does."""

    @property
    def metadata_sha256(self) -> str | None:
        """What the sha256 of its METADATA should be, as its index says (PEP 658); ``None`` where none does."""

    def open(self) -> AbstractContextManager[Readable]:
        """Open it, to read parts of it at any position.

        :raises MirrorError: if there is none, the server does not answer, or has no HTTP range support (``no-ranges``).
        """

    def metadata_file(self) -> bytes | None:
        """Return the metadata file beside it (PEP 658), ``None`` where there is none; it may say what the wheel does not.

        :raises MirrorError: if the server does not answer.
        """


class Source:
    """A file open for reading at any position, from any thread.

    Use it as a context manager. ``size`` is in bytes, as it was when the file was opened.

    :raises OSError: if the file cannot be opened.
    :raises ArchiveError: if it is a directory, a device, a pipe, or empty.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # opening a pipe named x.whl must not block
        except ValueError as error:  # a NUL in the path
            raise ArchiveError("bad-path", f"the path is not valid: {error}", hint="Check the path.") from error
        self._status = os.fstat(self._descriptor)
        self.size = self._status.st_size
        unusable = _unusable(self._status)
        if unusable:
            self.close()
            raise unusable

    @property
    def descriptor(self) -> int:
        """The file descriptor, for copies inside the kernel; its position is not used."""
        return self._descriptor

    @property
    def identity(self) -> tuple[int, int, int, int]:
        """What tells this file, with this content, from others: device, number, size, and time of the last change."""
        return _identity(self._status)

    @property
    def mode(self) -> int:
        """The permission bits of the file."""
        return stat.S_IMODE(self._status.st_mode)

    @property
    def owner(self) -> tuple[int, int]:
        """The ids of the file's user and group."""
        return self._status.st_uid, self._status.st_gid

    def read_at(self, offset: int, size: int) -> bytes:
        """Return exactly ``size`` bytes from ``offset``.

        :raises SourceChanged: if the file has become shorter.
        """
        data = os.pread(self._descriptor, size, offset)
        return data if len(data) == size else read_at(self._descriptor, offset, size, self._changed)

    def read_into(self, buffer: memoryview, offset: int) -> None:
        """Fill ``buffer`` from ``offset``.

        :raises SourceChanged: if the file has become shorter.
        """
        read_into(self._descriptor, buffer, offset, self._changed)

    def check_unchanged(self) -> None:
        """Confirm by size and modification time that the file is as it was when it was opened.

        :raises SourceChanged: if it is not.
        """
        self._compare(os.fstat(self._descriptor))

    def check_unchanged_at(self, path: Path) -> None:
        """Confirm the same of the file at ``path``; this one may be closed.

        :raises SourceChanged: if it is another file, or changed.
        :raises OSError: if there is none.
        """
        self._compare(path.stat())

    def _compare(self, now: os.stat_result) -> None:
        if _identity(now) != _identity(self._status):
            raise self._changed()

    def is_at(self, path: Path) -> bool:
        """Whether ``path`` is a path of this very file."""
        try:
            return os.path.samestat(path.stat(), self._status)
        except FileNotFoundError:
            return False

    def check_at(self, path: Path) -> None:
        """Confirm that ``path`` is a path of this very file.

        :raises SourceChanged: if it is not.
        """
        if not self.is_at(path):
            raise self._changed()

    def _changed(self) -> SourceChanged:
        return SourceChanged(
            "source-changed", "the file changed while it was read", hint="Run again when nothing writes to it."
        )

    def close(self) -> None:
        """Close the file; closing twice is allowed."""
        descriptor, self._descriptor = self._descriptor, -1  # first: Ctrl-C must not let it be closed again
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _unusable(status: os.stat_result) -> ArchiveError | None:
    """Return why a file with this status cannot be an archive, ``None`` if it can."""
    if stat.S_ISDIR(status.st_mode):
        return ArchiveError(
            "is-a-directory", "it is a directory, not a file", hint="Give the path of a file that ends with .whl."
        )
    if not stat.S_ISREG(status.st_mode):
        return ArchiveError("not-a-file", "it is a device, a socket or a pipe, not a file", hint="Give the path of a wheel.")
    if status.st_size == 0:
        return ArchiveError("empty-file", "the file is empty", hint="Download or build the wheel again.")
    return None


def sha256_of(source: Readable) -> str:
    """Return the sha256 of all of ``source``, in lower-case hexadecimal.

    :raises SourceChanged: if it has become shorter.
    """
    digest = hashlib.sha256()
    for block in blocks_of(source):
        digest.update(block)
    return digest.hexdigest()


def blocks_of(source: Readable) -> Iterator[bytes]:
    """Yield all of ``source`` in order, in blocks: of a file elsewhere in few requests, of which nothing is kept.

    :raises SourceChanged: if it has become shorter, or is another file by now.
    """
    block = _PART if isinstance(source, Ranged) else _BLOCK
    for start in range(0, source.size, block):
        stop = min(start + block, source.size)
        yield source.load(start, stop) if isinstance(source, Ranged) else source.read_at(start, stop - start)


def length_in_common(one: Readable, start: int, two: Readable, other: int, length: int) -> int:
    """Return how many bytes of ``length``, from ``start`` and from ``other`` on, are the same in both, in whole blocks."""
    for position in range(0, length, _BLOCK):
        size = min(_BLOCK, length - position)
        if one.read_at(start + position, size) != two.read_at(other + position, size):
            return position
    return length


def read_at(descriptor: int, offset: int, size: int, on_end: Callable[[], Exception]) -> bytes:
    """Return exactly ``size`` bytes from ``offset`` of an open file; raise what ``on_end`` returns if it is too short."""
    data = os.pread(descriptor, size, offset)
    if len(data) < size:  # the end of the file, or more than the system reads at a time
        rest = memoryview(bytearray(size - len(data)))
        read_into(descriptor, rest, offset + len(data), on_end)
        data += rest
    return data


def read_into(descriptor: int, buffer: memoryview, offset: int, on_end: Callable[[], Exception]) -> None:
    """Fill ``buffer`` from ``offset`` of an open file; raise what ``on_end`` returns if it is too short."""
    filled = 0
    while filled < len(buffer):
        count = _read_some(descriptor, buffer[filled:], offset + filled)
        if count == 0:
            raise on_end()
        filled += count


if hasattr(os, "preadv"):

    def _read_some(descriptor: int, buffer: memoryview, offset: int) -> int:
        return os.preadv(descriptor, [buffer], offset)

else:

    def _read_some(descriptor: int, buffer: memoryview, offset: int) -> int:
        data = os.pread(descriptor, len(buffer), offset)
        buffer[: len(data)] = data
        return len(data)
