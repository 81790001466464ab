"""The content of one entry: inflated in bounded memory, whole, in blocks, or from any position.

zlib decides what is valid. Only the scan of binaries inflates with isal, where that is installed: it is twice as fast, and
takes some data that zlib refuses.
"""

import io
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, cast

from wheelfix.errors import ArchiveError
from wheelfix.text import shown
from wheelfix.wheel.zip.source import Readable
from wheelfix.wheel.zip.structs import DEFLATED, STORED, Entry

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


_BLOCK: Final = 1 << 18
"""How much is read at a time, and by :class:`EntryFile` inflated, in bytes."""
_LARGE_BLOCK: Final = 1 << 18
"""How much content is yielded at most at a time where all of it is read, in bytes; four times as much is no faster, and of
what a thread has held, the system gets little back."""
_KEPT: Final = 32
"""How many blocks are kept, 8 MiB. The tables of a library lie side by side: so reading what the binaries of 58 real wheels
link to inflates 0.92 times their size; where 1 MiB is kept, 1.29 times."""
_START: Final = 1 << 9
"""How much data is read for the first bytes of an entry, in bytes; the tables of a deflate block take some hundred."""
_WORTH_ISAL: Final = 1 << 20
"""From which size on isal is used, in bytes: importing it takes 1.4 ms, and it saves 1.8 ms for each MiB inflated."""
_WORTH_ISAL_SUM: Final = 1 << 24
"""The same where only CRC-32 is computed, which saves 0.25 ms for each MiB."""
BEHIND: Final = "bytes follow its end"
"""The message for data that continues after the end of deflate: ``zipfile`` ignores that, a streaming reader does not."""
_BUILD_AGAIN: Final = "Download or build the wheel again."


class _Decompressor(Protocol):
    """What zlib and isal have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class Library(NamedTuple):
    """One library that inflates raw deflate data, and what it raises for other data."""

    decompressor: Callable[[], _Decompressor]
    crc32: Callable[[bytes, int], int]
    error: type[Exception]


ZLIB: Final = Library(lambda: zlib.decompressobj(-zlib.MAX_WBITS), zlib.crc32, zlib.error)


@cache
def _isal() -> Library:
    """Return isal, or zlib on machines for which there is none."""
    try:
        from isal import isal_zlib  # imported late: only large content is worth it
    except ImportError:
        return ZLIB
    error = cast("type[Exception]", isal_zlib.error)  # its stub says that it is an exception, not a class
    return Library(lambda: isal_zlib.decompressobj(-zlib.MAX_WBITS), isal_zlib.crc32, error)


def library_for(size: int) -> Library:
    """Return what inflates content of ``size`` bytes fastest. Data is not valid because isal takes it: zlib decides that."""
    return _isal() if size >= _WORTH_ISAL else ZLIB


def crc32_for(size: int) -> Callable[[bytes, int], int]:
    """Return the fastest function for the CRC-32 of content of ``size`` bytes; it takes and returns what zlib's does."""
    return (_isal() if size >= _WORTH_ISAL_SUM else ZLIB).crc32


class Damaged(Exception):
    """The data of an entry does not match the archive's directory; the text is a clause without a subject."""


class Inflater:
    """The content of ``entry``, from its start on, in memory that does not grow with it; stored content passes through.

    ``first`` is how much is read at first, in bytes: little where only the start is wanted. ``library`` is what inflates.

    :raises ArchiveError: if it is compressed by another method than deflate.
    """

    __slots__ = ("_error", "_inflater", "_pending", "_position", "_source", "_stop", "_wanted")

    def __init__(self, source: Readable, entry: Entry, *, first: int = _BLOCK, library: Library = ZLIB) -> None:
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
        self._inflater = None if entry.method == STORED else library.decompressor()
        self._error = library.error

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes of the content, fewer where it ends or its data does.

        :raises Damaged: if the data is not deflate.
        """
        pieces, left = list[bytes](), size
        while left and (piece := self.read_some(left)):
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def read_some(self, most: int) -> bytes:
        """Return at most ``most`` bytes that come next, without putting pieces together; nothing where content or data end.

        :raises Damaged: if the data is not deflate.
        """
        if self._inflater is None:
            return self._next(most)
        while not self._inflater.eof:
            self._pending = self._pending or self._next(self._wanted)
            self._wanted = _BLOCK
            try:
                piece = self._inflater.decompress(self._pending, most)
            except self._error as error:
                raise Damaged(f"cannot be inflated: {error}") from error
            self._pending = self._inflater.unconsumed_tail
            if piece:
                return piece
            if not self._pending and self._position == self._stop:
                break  # not before: all its input taken, zlib may still hold content back
        return b""

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


def read_blocks(source: Readable, entry: Entry, *, crc32: Callable[[bytes, int], int] = zlib.crc32) -> Iterator[bytes]:
    """Yield the content of ``entry`` in blocks of up to 256 KiB, and confirm that it is whole.

    ``crc32`` is what :func:`crc32_for` returns, where much is read.

    :raises ArchiveError: if it is compressed by another method than deflate.
    :raises Damaged: if it does not end with its data, or its size or CRC-32 is not what the archive says.
    """
    inflater = Inflater(source, entry)
    size, crc = 0, 0
    while size <= entry.size and (block := inflater.read_some(_LARGE_BLOCK)):
        size += len(block)
        crc = crc32(block, crc)
        if size <= entry.size:
            yield block
    _check(inflater, entry, size, crc)


def _check(inflater: Inflater, entry: Entry, size: int, crc: int) -> None:
    """Confirm that what ``inflater`` gave is all and nothing but the content that the archive lists.

    :raises Damaged: if it is not.
    """
    if size <= entry.size:
        inflater.check_end()
    if size != entry.size:
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


class EntryFile(io.RawIOBase):
    """The content of an entry as a seekable file, read-only. ``allowance`` limits what reading may cost.

    ``library`` is what inflates. A part of the content has no CRC-32: :meth:`check_content` reads the rest, and compares.

    :raises ArchiveError: when it is compressed by another method than deflate, is damaged, or costs too much.
    """

    def __init__(self, source: Readable, entry: Entry, allowance: Allowance, library: Library = ZLIB) -> None:
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
        self._library = library
        self._position = 0
        self._kept: dict[int, bytes] = {}
        self._front = self._behind = self._pass()
        self._crc = 0

    def _pass(self) -> "_Pass":
        return _Pass(Inflater(self._source, self._entry, library=self._library))

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

    def check_content(self) -> None:
        """Read what was not read yet, and confirm that all of the content is what the archive lists."""
        try:
            while self._front.position <= self._entry.size and self._advance(self._front):
                pass
            _check(self._front.inflater, self._entry, self._front.position, self._crc)
        except Damaged as error:
            raise _damaged(self._entry, error) from error

    def _inflated(self, size: int) -> bytes:
        pieces = []
        position, left = self._position, size
        while left:
            within = position % _BLOCK
            piece = self._block(position - within)[within:][:left]
            if not piece:
                break
            pieces.append(piece)
            position += len(piece)
            left -= len(piece)
        return b"".join(pieces)

    def _block(self, start: int) -> bytes:
        """Return the block that begins at ``start``; it is empty after the end of the data.

        What is wanted again and no longer kept is inflated by a second pass, so that the first one goes on where it was.
        """
        if start in self._kept:
            return self._kept[start]
        if start >= self._front.position:
            each = self._front
        else:
            each = self._behind = self._behind if start >= self._behind.position else self._pass()
        try:
            while each.position <= start and self._advance(each):
                pass
        except Damaged as error:
            raise _damaged(self._entry, error) from error
        return self._kept.get(start, b"")

    def _advance(self, each: "_Pass") -> bool:
        """Inflate the next block; return whether there was any."""
        start, block = each.position, each.inflater.read(_BLOCK)
        if not block:
            return False
        self._allowance.spend(len(block))
        each.position += len(block)
        if each is self._front:
            self._crc = self._library.crc32(block, self._crc)
        self._kept[start] = block
        if len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]
        return True


class _Pass:
    """One way through the content: an inflater, and the position that it has reached."""

    __slots__ = ("inflater", "position")

    def __init__(self, inflater: Inflater) -> None:
        self.inflater = inflater
        self.position = 0
