"""The content of one entry: inflated in bounded memory, whole, from any position, or up to where the stream ends."""

import io
import zlib
from bisect import bisect_right
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from wheelfix.errors import ArchiveError
from wheelfix.text import shown
from wheelfix.wheel.zip.source import Readable
from wheelfix.wheel.zip.structs import DEFLATED, STORED, Entry

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


def ends_where_it_should(source: Readable, method: int, start: int, stop: int, size: int, crc: int) -> bool:
    """Whether the data from ``start``, read without knowing its length, ends at ``stop`` with ``size`` bytes and ``crc``.

    Only deflate tells where it ends; of other methods only no data at all can be told from what follows.
    """
    if method != DEFLATED:
        return start == stop and size == 0
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    seen, running = 0, 0
    position, pending = start, b""
    try:
        while not inflater.eof and seen <= size:
            if not pending and position < stop:
                pending = source.read_at(position, min(_BLOCK, stop - position))
                position += len(pending)
            content = inflater.decompress(pending, _BLOCK)
            pending = inflater.unconsumed_tail
            if not content and not pending and position == stop:  # zlib may still owe content when all input is taken
                break
            seen += len(content)
            running = zlib.crc32(content, running)
    except zlib.error:
        return False
    complete = inflater.eof and position == stop and not inflater.unused_data
    return complete and (seen, running) == (size, crc)


_BLOCK: Final = 1 << 18
"""How much is inflated at a time, in bytes."""
_KEPT: Final = 4
"""How many blocks are kept: who reads a table goes back and forth between it and the names that it points to."""
_START: Final = 1 << 9
"""How much of an entry's data is looked at for its first bytes, in bytes; a deflate block's tables take some hundred."""
_APART: Final = 1 << 24
"""How far the positions lie apart from which inflating can start again, in bytes; each costs about 50 kB of memory."""


class Allowance:
    """What may still be spent on reading: bytes of content that are inflated or read, and calls.

    One can be shared by many entries, so that a hostile archive as a whole has a bound.
    """

    def __init__(self, *, bytes_: int, calls: int) -> None:
        self._bytes = bytes_
        self._calls = calls

    def spend(self, bytes_: int, calls: int = 0) -> None:
        """Take from it.

        :raises ArchiveError: if nothing is left.
        """
        self._bytes -= bytes_
        self._calls -= calls
        if self._bytes < 0 or self._calls < 0:
            raise ArchiveError(
                "too-much-to-read", "reading it takes more than any real file needs", hint="It may be made to exhaust time."
            )


def read_start(source: Readable, entry: Entry, count: int) -> bytes:
    """Return the first ``count`` bytes of an entry's content, fewer if it has not so many; next to nothing is inflated.

    :raises ArchiveError: when it is compressed by another method than deflate, or is damaged.
    """
    length = entry.data_stop - entry.data_start
    data = source.read_at(entry.data_start, min(_START, length))
    if entry.method == STORED:
        return data[:count]
    if entry.method == DEFLATED:
        try:
            start = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, count)
        except zlib.error as error:
            raise _damaged(entry, error) from error
        if len(start) == count or len(data) == length:
            return start
    return EntryFile(source, entry, Allowance(bytes_=count + _BLOCK, calls=1)).read(count)


def _damaged(entry: Entry, error: zlib.error) -> ArchiveError:
    hint = "Download or build the wheel again."
    return ArchiveError("damaged-entry", f"{shown(entry.name)} cannot be inflated: {error}", hint=hint)


class _Mark(NamedTuple):
    """A position from which inflating can start again."""

    position: int
    inflater: "zlib._Decompress"
    taken: int
    """How many compressed bytes the inflater has been given."""
    pending: bytes
    """What it was given and has not used yet."""


class EntryFile(io.RawIOBase):
    """An entry's content, read-only and seekable. ``allowance`` bounds what reading may cost.

    Size and CRC-32 are not compared with the directory: whoever reads a part cannot tell.

    :raises ArchiveError: when it is compressed by another method than deflate, is damaged, or costs too much.
    """

    def __init__(self, source: Readable, entry: Entry, allowance: Allowance) -> None:
        super().__init__()
        if entry.method not in (STORED, DEFLATED):
            raise ArchiveError(
                "unknown-compression",
                f"{shown(entry.name)} is compressed by method {entry.method}",
                hint="Build the wheel with deflate; installers expect it.",
            )
        if entry.method == STORED and entry.size != entry.data_stop - entry.data_start:
            raise ArchiveError(
                "damaged-entry",
                f"{shown(entry.name)} is stored and has two sizes",
                hint="Download or build the wheel again.",
            )
        self._source = source
        self._entry = entry
        self._allowance = allowance
        self._position = 0
        self._blocks: deque[tuple[int, bytes]] = deque(maxlen=_KEPT)
        self._marks = [_Mark(0, zlib.decompressobj(-zlib.MAX_WBITS), 0, b"")]
        self._now = self._fresh(self._marks[0])

    def readable(self) -> bool:
        """Return true."""
        return True

    def seekable(self) -> bool:
        """Return true."""
        return True

    def tell(self) -> int:
        """Return the position in the content."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position; nothing is inflated yet."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._entry.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill ``buffer`` as far as the content goes; return how many bytes that were."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def read(self, size: int = -1) -> bytes:
        """Return ``size`` bytes from the present position, fewer at the end of the content."""
        rest = max(0, self._entry.size - self._position)
        size = rest if size < 0 else min(size, rest)
        self._allowance.spend(size, 1)
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

    def _fresh(self, mark: _Mark) -> _Mark:
        return mark._replace(inflater=mark.inflater.copy())

    def _block_at(self, position: int) -> tuple[int, bytes]:
        """Return the block that holds ``position`` with its start; it is empty behind the end of the data."""
        for start, block in self._blocks:
            if start <= position < start + len(block):
                return start, block
        nearest = self._marks[bisect_right(self._marks, position, key=lambda mark: mark.position) - 1]
        if not self._now.position <= position or nearest.position > self._now.position:
            self._now = self._fresh(nearest)
        while True:
            start, block = self._next_block()
            if position < start + len(block) or not block:
                self._blocks.append((start, block))
                return start, block

    def _next_block(self) -> tuple[int, bytes]:
        position, inflater, taken, pending = self._now
        length = self._entry.data_stop - self._entry.data_start
        if position >= self._marks[-1].position + _APART:
            self._marks.append(self._fresh(self._now))
        content = b""
        while not content and not inflater.eof:
            if not pending and taken < length:
                pending = self._source.read_at(self._entry.data_start + taken, min(_BLOCK, length - taken))
                taken += len(pending)
            try:
                content = inflater.decompress(pending, _BLOCK)
            except zlib.error as error:
                raise _damaged(self._entry, error) from error
            if not content and not inflater.unconsumed_tail and taken == length:
                break
            pending = inflater.unconsumed_tail
        self._allowance.spend(len(content))
        self._now = _Mark(position + len(content), inflater, taken, pending)
        return position, content


BEHIND: Final = "bytes stand behind its end"
"""What is said of data that goes on where deflate ends: ``zipfile`` passes over it, a reader that streams does not."""


def read_content(source: Readable, entry: Entry, *, limit: int) -> bytes:
    """Return the content of ``entry``, at most ``limit`` bytes.

    :raises ArchiveError: if it is larger, damaged, or compressed by another method than deflate.
    """
    name = shown(entry.name)
    if entry.size > limit or entry.data_stop - entry.data_start > limit:
        raise ArchiveError(
            "entry-too-large",
            f"{name} is larger than {limit} bytes",
            hint="No real wheel needs that much; it may be made to exhaust memory.",
        )
    raw = source.read_at(entry.data_start, entry.data_stop - entry.data_start)
    match entry.method:
        case method if method == STORED:
            content = raw
        case method if method == DEFLATED:
            content = _inflate(raw, entry.size, name)
        case method:
            raise ArchiveError(
                "unknown-compression",
                f"{name} is compressed by method {method}, which wheelfix does not read",
                hint="Build the wheel with deflate; installers expect it.",
            )
    if len(content) != entry.size or zlib.crc32(content) != entry.crc:
        raise ArchiveError(
            "damaged-entry", f"{name} does not match its size and CRC-32", hint="Download or build the wheel again."
        )
    return content


def _inflate(raw: bytes, size: int, name: str) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = inflater.decompress(raw, size + 1)
    except zlib.error as error:
        raise ArchiveError(
            "damaged-entry", f"{name} cannot be inflated: {error}", hint="Download or build the wheel again."
        ) from error
    if inflater.unused_data:
        raise ArchiveError("damaged-entry", f"{name}: {BEHIND}", hint="Download or build the wheel again.")
    if not inflater.eof:
        raise ArchiveError(
            "damaged-entry",
            f"{name} does not end where the archive says",
            hint="It may be made to exhaust memory or to mislead; download or build the wheel again.",
        )
    return content
