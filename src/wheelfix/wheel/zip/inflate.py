"""The content of one entry: inflated in bounded memory, whole, in blocks, or from any position."""

import io
import zlib
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from copy import copy
from typing import TYPE_CHECKING, Final, NamedTuple

from wheelfix.errors import ArchiveError
from wheelfix.text import shown
from wheelfix.wheel.zip.source import Readable
from wheelfix.wheel.zip.structs import DEFLATED, STORED, Entry

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


_BLOCK: Final = 1 << 18
"""How much is read at a time, and by :class:`EntryFile` inflated, in bytes."""
_LARGE_BLOCK: Final = 1 << 20
"""How much content is yielded at a time where all of it is read, in bytes; other threads get their turn in between."""
_KEPT: Final = 4
"""How many blocks are kept: whoever reads a table also reads the names that it points to, again and again."""
_START: Final = 1 << 9
"""How much data is read for the first bytes of an entry, in bytes; the tables of a deflate block take some hundred."""
_APART: Final = 1 << 24
"""How far the positions lie apart from which inflating can start again, in bytes; each costs about 50 kB of memory."""
BEHIND: Final = "bytes follow its end"
"""The message for data that continues after the end of deflate: ``zipfile`` ignores that, a streaming reader does not."""
_BUILD_AGAIN: Final = "Download or build the wheel again."


class Damaged(Exception):
    """The data of an entry does not match the archive's directory; the text is a clause without a subject."""


class Inflater:
    """The content of ``entry``, from its start on, in memory that does not grow with it; stored content passes through.

    ``first`` is how much is read at first, in bytes: little where only the start is wanted.

    :raises ArchiveError: if it is compressed by another method than deflate.
    """

    __slots__ = ("_inflater", "_pending", "_position", "_source", "_stop", "_wanted")

    def __init__(self, source: Readable, entry: Entry, *, first: int = _BLOCK) -> None:
        if entry.method not in (STORED, DEFLATED):
            raise ArchiveError(
                "unknown-compression",
                f"{shown(entry.name)} is compressed by method {entry.method}, which wheelfix does not read",
                hint="Build the wheel with deflate; installers expect it.",
            )
        self._source = source
        self._position = entry.data_start
        self._stop = entry.data_stop
        self._wanted = first
        self._pending = b""
        self._inflater = None if entry.method == STORED else zlib.decompressobj(-zlib.MAX_WBITS)

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes of the content, fewer where it ends or its data does.

        :raises Damaged: if the data is not deflate.
        """
        if self._inflater is None:
            return self._next(size)
        pieces, left = [], size
        while left and not self._inflater.eof:
            self._pending = self._pending or self._next(self._wanted)
            self._wanted = _BLOCK
            try:
                piece = self._inflater.decompress(self._pending, left)
            except zlib.error as error:
                raise Damaged(f"cannot be inflated: {error}") from error
            self._pending = self._inflater.unconsumed_tail
            if not piece and not self._pending and self._position == self._stop:
                break  # not before: all its input taken, zlib may still hold content back
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def _next(self, size: int) -> bytes:
        size = min(size, self._stop - self._position)
        data = self._source.read_at(self._position, size) if size else b""  # a remote read of nothing is a request too
        self._position += size
        return data

    def check_end(self) -> None:
        """Confirm that content and data end together, once :meth:`read` has returned less than was wanted.

        :raises Damaged: if they do not.
        """
        if self._inflater is None:
            return
        if not self._inflater.eof:
            raise Damaged("cannot be inflated: it is cut off")
        if self._inflater.unused_data or self._position != self._stop:
            raise Damaged(f"cannot be inflated: {BEHIND}")

    def copy(self) -> "Inflater":
        """Return another inflater that continues from here."""
        other = copy(self)
        other._inflater = self._inflater and self._inflater.copy()  # noqa: SLF001 - its own class
        return other


def read_blocks(source: Readable, entry: Entry) -> Iterator[bytes]:
    """Yield the content of ``entry`` in blocks of 1 MiB, the last one perhaps shorter, and confirm that it is whole.

    :raises ArchiveError: if it is compressed by another method than deflate.
    :raises Damaged: if it does not end with its data, or its size or CRC-32 is not what the archive says.
    """
    inflater = Inflater(source, entry)
    left, crc = entry.size, 0
    while block := inflater.read(_LARGE_BLOCK):
        left -= len(block)
        if left < 0:
            break
        crc = zlib.crc32(block, crc)
        yield block
    else:
        inflater.check_end()
    if left:
        raise Damaged("does not end where the archive says")
    if crc != entry.crc:
        raise Damaged("does not match its CRC-32")


def says_where_it_ends(source: Readable, entry: Entry) -> bool:
    """Whether a reader that does not know the length of the data finds its end, and the content that the archive lists.

    Only deflate marks its end; of other methods only no data at all is known to end by what follows.
    """
    if entry.method != DEFLATED:
        return entry.data_start == entry.data_stop and entry.size == 0
    try:
        for _ in read_blocks(source, entry):
            pass
    except Damaged:
        return False
    return True


def read_content(source: Readable, entry: Entry, *, limit: int) -> bytes:
    """Return the content of ``entry``, at most ``limit`` bytes.

    :raises ArchiveError: if it is larger, damaged, or compressed by another method than deflate.
    """
    if entry.size > limit or entry.data_stop - entry.data_start > limit:
        raise ArchiveError(
            "entry-too-large",
            f"{shown(entry.name)} is larger than {limit} bytes",
            hint="No real wheel needs that much; it may be made to exhaust memory.",
        )
    try:
        return b"".join(read_blocks(source, entry))
    except Damaged as error:
        raise _damaged(entry, error) from error


def read_start(source: Readable, entry: Entry, count: int) -> bytes:
    """Return the first ``count`` bytes of the content of ``entry``, fewer if there are fewer; little more is inflated.

    :raises ArchiveError: if it is compressed by another method than deflate, or is damaged.
    """
    try:
        return Inflater(source, entry, first=_START).read(count)
    except Damaged as error:
        raise _damaged(entry, error) from error


def _damaged(entry: Entry, error: Damaged) -> ArchiveError:
    return ArchiveError("damaged-entry", f"{shown(entry.name)} {error}", hint=_BUILD_AGAIN)


class Allowance:
    """A limit for reading: how many bytes of content may still be inflated or read, in how many calls.

    Many entries can share one, so that there is a limit for a hostile archive as a whole.
    """

    def __init__(self, *, bytes_: int, calls: int) -> None:
        self._bytes = bytes_
        self._calls = calls

    def spend(self, bytes_: int, calls: int = 0) -> None:
        """Use some of it up.

        :raises ArchiveError: if nothing is left.
        """
        self._bytes -= bytes_
        self._calls -= calls
        if self._bytes < 0 or self._calls < 0:
            raise ArchiveError(
                "too-much-to-read", "reading it takes more than any real file needs", hint="It may be made to waste time."
            )


class _Mark(NamedTuple):
    """A position in the content, and the inflater that continues from there."""

    position: int
    inflater: Inflater


class EntryFile(io.RawIOBase):
    """The content of an entry as a seekable file, read-only. ``allowance`` limits what reading may cost.

    Size and CRC-32 are not compared with the directory: a part of the content has none.

    :raises ArchiveError: when it is compressed by another method than deflate, is damaged, or costs too much.
    """

    def __init__(self, source: Readable, entry: Entry, allowance: Allowance) -> None:
        super().__init__()
        if entry.method == STORED and entry.size != entry.data_stop - entry.data_start:
            raise ArchiveError(
                "damaged-entry",
                f"{shown(entry.name)} is stored and has two sizes",
                hint=_BUILD_AGAIN,
            )
        self._source = source
        self._entry = entry
        self._allowance = allowance
        self._position = 0
        self._blocks: deque[tuple[int, bytes]] = deque(maxlen=_KEPT)
        self._now = _Mark(0, Inflater(source, entry))
        self._marks = [_fresh(self._now)]

    def readable(self) -> bool:
        """Return true."""
        return True

    def seekable(self) -> bool:
        """Return true."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position; nothing is inflated yet."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._entry.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill ``buffer`` as far as the content suffices; return the number of bytes."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def read(self, size: int = -1) -> bytes:
        """Return ``size`` bytes from the current position, fewer at the end of the content."""
        rest = max(0, self._entry.size - self._position)
        size = rest if size < 0 else min(size, rest)
        self._allowance.spend(size, 1)
        if not size:
            return b""
        if self._entry.method == STORED:
            data = self._source.read_at(self._entry.data_start + self._position, size)
        else:
            data = self._inflated(size)
        self._position += len(data)
        return data

    def _inflated(self, size: int) -> bytes:
        pieces = []
        position, left = self._position, size
        while left:
            start, block = self._block_at(position)
            piece = block[position - start :][:left]
            if not piece:
                break
            pieces.append(piece)
            position += len(piece)
            left -= len(piece)
        return b"".join(pieces)

    def _block_at(self, position: int) -> tuple[int, bytes]:
        """Return the block that holds ``position`` with its start; it is empty after the end of the data."""
        for start, block in self._blocks:
            if start <= position < start + len(block):
                return start, block
        nearest = self._marks[bisect_right(self._marks, position, key=lambda mark: mark.position) - 1]
        if not self._now.position <= position or nearest.position > self._now.position:
            self._now = _fresh(nearest)
        while True:
            start, block = self._next_block()
            if position < start + len(block) or not block:
                self._blocks.append((start, block))
                return start, block

    def _next_block(self) -> tuple[int, bytes]:
        position, inflater = self._now
        if position >= self._marks[-1].position + _APART:
            self._marks.append(_fresh(self._now))
        try:
            content = inflater.read(_BLOCK)
        except Damaged as error:
            raise _damaged(self._entry, error) from error
        self._allowance.spend(len(content))
        self._now = _Mark(position + len(content), inflater)
        return position, content


def _fresh(mark: _Mark) -> _Mark:
    return mark._replace(inflater=mark.inflater.copy())
