"""Readers that go through an archive from its first byte on, by local headers, each with habits of its own.

uv reads a download so. Others look for the next header where something else lies between, take a ZIP64 field whether it is
needed or not, or believe the sizes in a header although they are said to follow the data. All of them compare CRC-32, and
stop at the directory.
"""

import bz2
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from itertools import product
from typing import Final

from msgspec import Struct

_LOCAL: Final = b"PK\x03\x04"
_DIRECTORY: Final = b"PK\x01\x02"
_HEAD: Final = struct.Struct("<4s5H3I2H")
_FULL: Final = 0xFFFF_FFFF
_STREAMED: Final = 1 << 3
_UNREADABLE: Final = 1 << 0 | 1 << 5 | 1 << 6


class Unreadable(Exception):
    """The reader refuses the archive."""


class Habits(Struct, frozen=True):
    """What a reader does: look for the next header, take any ZIP64 field, use Unicode paths, believe sizes in a header."""

    looks: bool
    takes_any_field: bool
    uses_paths: bool
    believes_sizes: bool


READERS: Final = [Habits(*each) for each in product((False, True), repeat=4)]


def read(data: bytes, habits: Habits) -> dict[str, bytes] | None:
    """Return the content of each file by name, with slashes for backslashes; ``None`` if the reader refuses the archive."""
    try:
        found: dict[str, bytes] = {}
        for name, content in _entries(data, habits):
            if name in found:
                return None
            found[name] = content
    except (Unreadable, struct.error, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError):
        return None
    return found


def read_by_directory(data: bytes) -> dict[str, bytes] | None:
    """Return the same as ``zipfile`` reads it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if len({*names}) < len(names):
                return None
            return {name.replace("\\", "/"): archive.read(name) for name in names}
    except Exception:  # noqa: BLE001 - of a damaged archive it raises what it never documented
        return None


def _entries(data: bytes, habits: Habits) -> Iterator[tuple[str, bytes]]:
    at = data.find(_LOCAL) if habits.looks else 0
    while True:
        if habits.looks and not data.startswith((_LOCAL, _DIRECTORY), at):
            at = min((each for each in (data.find(_LOCAL, at), data.find(_DIRECTORY, at)) if each >= 0), default=len(data))
        if data.startswith(_DIRECTORY, at):
            return
        if not data.startswith(_LOCAL, at):
            raise Unreadable
        name, content, at = _entry(data, at, habits)
        yield name, content


def _entry(data: bytes, at: int, habits: Habits) -> tuple[str, bytes, int]:
    _, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _HEAD.unpack_from(data, at)
    if flags & _UNREADABLE:
        raise Unreadable
    start = at + _HEAD.size + name_length + extra_length
    raw, extra = data[at + _HEAD.size :][:name_length], data[at + _HEAD.size + name_length : start]
    name = raw.decode("utf-8" if flags & 0x800 else "cp437")
    for kind, content in _fields(extra):
        if kind == 1:
            size, packed = _wide(content, size, packed, any_field=habits.takes_any_field)
        if kind == 0x7075 and habits.uses_paths and content[:5] == struct.pack("<BI", 1, zlib.crc32(raw)):
            name = content[5:].decode() or name
    if flags & _STREAMED and not (habits.believes_sizes and (packed or size)):
        content, stop = _streamed(data, start, method)
    else:
        if _FULL in (packed, size) or start + packed > len(data):
            raise Unreadable
        content, stop = _unpacked(data[start : start + packed], method), start + packed
        if len(content) != size or zlib.crc32(content) != crc:
            raise Unreadable
    return name.replace("\\", "/"), content, _behind_descriptor(data, stop, content) if flags & _STREAMED else stop


def _fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        yield kind, extra[4 : 4 + length]
        extra = extra[4 + length :]


def _wide(content: bytes, size: int, packed: int, *, any_field: bool) -> tuple[int, int]:
    numbers = iter(struct.unpack_from(f"<{len(content) // 8}Q", content))
    size = next(numbers, size) if any_field or size == _FULL else size
    packed = next(numbers, packed) if any_field or packed == _FULL else packed
    return size, packed


def _unpacked(raw: bytes, method: int) -> bytes:
    match method:
        case 0:
            return raw
        case 8:
            inflater = zlib.decompressobj(-15)
            content = inflater.decompress(raw, 1 << 24)
            if not inflater.eof or inflater.unused_data:
                raise Unreadable
            return content
        case 12:
            return bz2.decompress(raw)
        case 14:
            return lzma.decompress(raw[4:9] + b"\xff" * 8 + raw[9:], lzma.FORMAT_ALONE)
        case 95:
            return lzma.decompress(raw, lzma.FORMAT_XZ)
        case _:
            raise Unreadable


def _streamed(data: bytes, start: int, method: int) -> tuple[bytes, int]:
    """Return content whose length is not known: deflate marks its end, stored data ends before its descriptor."""
    if method == 8:
        inflater = zlib.decompressobj(-15)
        content = inflater.decompress(data[start:], 1 << 24)
        if not inflater.eof:
            raise Unreadable
        return content, len(data) - len(inflater.unused_data)
    if method != 0:
        raise Unreadable
    stop = data.find(b"PK\x07\x08", start)
    if stop < 0:
        raise Unreadable
    return data[start:stop], stop


def _behind_descriptor(data: bytes, stop: int, content: bytes) -> int:
    stop += 4 * data.startswith(b"PK\x07\x08", stop)
    if data[stop : stop + 4] != struct.pack("<I", zlib.crc32(content)):
        raise Unreadable
    for width in (8, 16):
        at = stop + 4 + width
        if data.startswith((_LOCAL, _DIRECTORY), at):
            return at
    return stop + 12
