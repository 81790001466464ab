"""Entries that are compressed by bzip2, LZMA or XZ: inflated from front to back, in bounded memory.

Only a rebuilt archive needs it, where they are stored: no client reads all three methods, and PyPI takes none. zlib has no
part in it, so that :mod:`~wheelfix.wheel.zip.inflate` remains the only reader of what wheels are made of.
"""

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

from wheelfix.wheel.zip.inflate import Damaged
from wheelfix.wheel.zip.source import Readable
from wheelfix.wheel.zip.structs import Entry

_BLOCK: Final = 1 << 18
"""How much is read at a time, in bytes."""
_LARGE_BLOCK: Final = 1 << 20
"""How much content is yielded at most at a time, in bytes."""
_LARGEST_DICTIONARY: Final = 1 << 26
"""How much memory a decoder of LZMA may take for its dictionary, in bytes: what ``xz -9`` writes needs as much."""
_SPARE: Final = 1 << 24
_LZMA_HEAD: Final = struct.Struct("<2xHBI")
"""What LZMA data begins with in a ZIP file (APPNOTE 5.8.8): version, size of the properties, properties, dictionary."""
_LZMA_PROPERTIES: Final = 5
_WITHOUT_END: Final = 14
"""LZMA, which need not mark its end, as the archive says the size."""


class _Decoder(Protocol):
    """What the decoders of bz2 and lzma have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def _bzip2(_: bytes) -> tuple[_Decoder, int]:
    import bz2  # imported late: hardly a wheel needs it

    return bz2.BZ2Decompressor(), 0


def _lzma(head: bytes) -> tuple[_Decoder, int]:
    import lzma

    if len(head) < _LZMA_HEAD.size:
        raise Damaged("cannot be inflated: it is cut off")
    length, properties, dictionary = _LZMA_HEAD.unpack_from(head)
    if length != _LZMA_PROPERTIES or dictionary > _LARGEST_DICTIONARY:
        raise Damaged("cannot be inflated: its LZMA header has another form, or demands too much memory")
    rest, lc = divmod(properties, 9)
    pb, lp = divmod(rest, 5)
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": lc, "lp": lp, "pb": pb}]
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters), _LZMA_HEAD.size


def _xz(_: bytes) -> tuple[_Decoder, int]:
    import lzma

    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_LARGEST_DICTIONARY + _SPARE), 0


METHODS: Final[Mapping[int, Callable[[bytes], tuple[_Decoder, int]]]] = {12: _bzip2, 14: _lzma, 95: _xz}
"""The methods by their numbers (APPNOTE 4.4.5): each takes the first bytes of the data, and returns a decoder and how many
of them are not for it."""


def unpacked_blocks(source: Readable, entry: Entry) -> Iterator[bytes]:
    """Yield the content of ``entry``, which one of :data:`METHODS` compressed, in blocks of up to 1 MiB.

    :raises Damaged: if it does not end with its data, is not of this method, takes more than 64 MiB of memory, or its size
        or CRC-32 is not what the archive says.
    """
    size, crc = 0, 0
    for block in _blocks(source, entry):
        size += len(block)
        crc = zlib.crc32(block, crc)
        if size > entry.size:
            break
        yield block
    if size != entry.size:
        raise Damaged("does not end where the archive says")
    if crc != entry.crc:
        raise Damaged("does not match its CRC-32")


def _blocks(source: Readable, entry: Entry) -> Iterator[bytes]:
    from lzma import LZMAError

    position, stop = entry.data_start, entry.data_stop
    head = source.read_at(position, min(_LZMA_HEAD.size, stop - position))
    try:
        decoder, used = METHODS[entry.method](head)
        position += used
        while not decoder.eof and (position < stop or not decoder.needs_input):
            data = source.read_at(position, min(_BLOCK, stop - position)) if decoder.needs_input else b""
            position += len(data)
            if block := decoder.decompress(data, _LARGE_BLOCK):
                yield block
    except (EOFError, LZMAError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # of the file; bz2 raises one for its data too
            raise
        raise Damaged(f"cannot be inflated: {error}") from error
    if position != stop or decoder.unused_data or not (decoder.eof or entry.method == _WITHOUT_END):
        raise Damaged("cannot be inflated: its data ends elsewhere")


class Unpacked:
    """The content of ``entry`` as it would be if it were stored. Read it from front to back: going back starts again at 0.

    :raises Damaged: when it is read and is not valid.
    """

    def __init__(self, source: Readable, entry: Entry) -> None:
        self.size = entry.size
        self._source = source
        self._entry = entry
        self.rewind()

    def rewind(self) -> None:
        """Go back to the front, and free what was needed to be elsewhere."""
        self._blocks = unpacked_blocks(self._source, self._entry)
        self._start, self._block = 0, b""

    def read_at(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes from ``offset``, fewer at the end of the content."""
        if offset < self._start:
            self.rewind()
        pieces = []
        while size > 0 and offset < self.size:
            stop = self._start + len(self._block)
            if offset < stop:
                piece = self._block[offset - self._start :][:size]
                pieces.append(piece)
                offset, size = offset + len(piece), size - len(piece)
            elif not self._advance():
                break
        return b"".join(pieces)

    def _advance(self) -> bool:
        block = next(self._blocks, None)
        self._start += len(self._block)
        self._block = block or b""
        return block is not None
