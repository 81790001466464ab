"""ZIP archives written record by record: valid in every legal form, or damaged on purpose.

``zipfile`` cannot write most of these shapes. The bytes depend on nothing but the arguments: deflated data is written by an
encoder of its own, because those of different zlib builds differ.
"""

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final

from msgspec import Struct, field

STORED: Final = 0
DEFLATED: Final = 8
FULL_32: Final = 0xFFFF_FFFF
FULL_16: Final = 0xFFFF
ALL_WIDE: Final = frozenset({"size", "compressed_size", "offset"})
_ZIP64: Final = 0x0001
_DESCRIPTOR_FLAG: Final = 0x0008
_UTF8_FLAG: Final = 0x0800
_CODES: Final = [f"{0x30 + byte:08b}" if byte < 144 else f"{0x190 + byte - 144:09b}" for byte in range(256)]
"""The fixed Huffman code of each byte, its first bit first (RFC 1951, 3.2.6)."""
_HOLE_STEP: Final = 1 << 24


class Hole(Struct, frozen=True):
    """Content of ``size`` zero bytes, for which a file system need not find room."""

    size: int


class Descriptor(Struct, frozen=True):
    """The form of a data descriptor (APPNOTE 4.3.9): ``width`` of its sizes in bytes, with ``signature`` or without."""

    width: int = 4
    signature: bool = True


class Entry(Struct, frozen=True):
    """One entry. Without a ``mode`` it is that of a file or, where the name ends with a slash, of a directory.

    ``local_extra`` is the extra field of the local header where it is not that of the directory. ``wide`` names the
    numbers that the directory record gives in the ZIP64 form, ``local_wide`` whether the local header's sizes are; what
    does not fit otherwise takes that form by itself.

    Damage: ``local`` and ``directory`` replace numbers of the two records, ``local_name`` the name in the local header,
    ``raw`` the compressed data; ``gap`` stands before the entry and belongs to nothing; ``unlisted`` entries are not in
    the directory.
    """

    name: str | bytes
    content: bytes | Hole = b""
    method: int = DEFLATED
    mode: int | None = None
    time: tuple[int, int, int, int, int, int] = (2016, 1, 1, 0, 0, 0)
    flags: int = 0
    made_by: int = 0x0314
    extra: bytes = b""
    local_extra: bytes | None = None
    comment: bytes = b""
    descriptor: Descriptor | None = None
    wide: frozenset[str] = frozenset()
    local_wide: bool = False
    local: Mapping[str, int] = field(default_factory=dict)
    directory: Mapping[str, int] = field(default_factory=dict)
    local_name: bytes | None = None
    raw: bytes | None = None
    gap: bytes = b""
    unlisted: bool = False

    @property
    def raw_name(self) -> bytes:
        """The name as it stands in the archive."""
        return self.name if isinstance(self.name, bytes) else self.name.encode("utf-8")

    @property
    def is_folder(self) -> bool:
        """Whether this is a directory entry."""
        return self.raw_name.endswith(b"/")


class Archive(Struct, frozen=True):
    """The entries in the order in which they lie, and what comes around them.

    ``reversed_directory`` lists them the other way round, ``zip64_end`` writes the ZIP64 end records without need.

    Damage: ``leading`` and ``trailing`` bytes that no record counts, bytes ``before_directory`` and ``before_end``, and
    other numbers in the three end records.
    """

    entries: tuple[Entry, ...]
    comment: bytes = b""
    zip64_end: bool = False
    reversed_directory: bool = False
    leading: bytes = b""
    before_directory: bytes = b""
    before_end: bytes = b""
    trailing: bytes = b""
    end: Mapping[str, int] = field(default_factory=dict)
    end_64: Mapping[str, int] = field(default_factory=dict)
    locator: Mapping[str, int] = field(default_factory=dict)


def to_bytes(archive: Archive) -> bytes:
    """Return the bytes of ``archive``."""
    output = io.BytesIO()
    write(archive, output)
    return output.getvalue()


def write(archive: Archive, output: BinaryIO) -> None:
    """Write ``archive`` to ``output``, which is empty."""
    output.write(archive.leading)
    base = len(archive.leading)
    records = []
    for entry in archive.entries:
        output.write(entry.gap)
        offset = output.tell() - base
        compressed_size, size, crc = _write_entry(entry, output)
        if not entry.unlisted:
            records.append(_directory_record(entry, crc, compressed_size, size, offset))
    output.write(archive.before_directory)
    start = output.tell() - base
    if archive.reversed_directory:
        records.reverse()
    output.writelines(records)
    size = output.tell() - base - start
    output.write(archive.before_end)
    output.write(_ending(archive, len(records), size, start, output.tell() - base))
    output.write(archive.trailing)


def deflate(content: bytes) -> bytes:
    """Return ``content`` as one deflate block of literals with the fixed Huffman code (RFC 1951, 3.2.6)."""
    bits = "".join(("110", *map(_CODES.__getitem__, content), "0000000"))  # last block (1), fixed code (01, low bit first)
    return int(bits[::-1], 2).to_bytes((len(bits) + 7) // 8, "little")  # the first bit is the lowest one of the first byte


def extra_field(kind: int, data: bytes) -> bytes:
    """Return one extra field."""
    return struct.pack("<2H", kind, len(data)) + data


def _pack(form: str, fields: Mapping[str, int], changes: Mapping[str, int]) -> bytes:
    unknown = changes.keys() - fields.keys()
    if unknown:
        raise KeyError(f"no such number in the record: {sorted(unknown)}")
    return struct.pack(form, *{**fields, **changes}.values())


def _write_entry(entry: Entry, output: BinaryIO) -> tuple[int, int, int]:
    """Write local header, data and data descriptor; return the compressed size, the size and the CRC-32."""
    content = entry.content
    if isinstance(content, Hole):
        size, crc = content.size, _crc_of_zeros(content.size)
    else:
        size, crc = len(content), zlib.crc32(content)
    data = _data(entry)
    compressed_size = data.size if isinstance(data, Hole) else len(data)
    output.write(_local_header(entry, crc, compressed_size, size))
    if isinstance(data, Hole):
        output.seek(data.size, io.SEEK_CUR)
    else:
        output.write(data)
    if entry.descriptor:
        width = {4: "I", 8: "Q"}[entry.descriptor.width]
        signature = b"PK\x07\x08" if entry.descriptor.signature else b""
        output.write(signature + struct.pack(f"<I2{width}", crc, compressed_size, size))
    return compressed_size, size, crc


def _data(entry: Entry) -> bytes | Hole:
    if entry.raw is not None:
        return entry.raw
    if isinstance(entry.content, Hole) or _method(entry) == STORED:
        return entry.content
    return deflate(entry.content)


def _method(entry: Entry) -> int:
    if entry.raw is None and (not entry.content or isinstance(entry.content, Hole)):
        return STORED
    return entry.method


def _crc_of_zeros(size: int) -> int:
    crc, block = 0, bytes(min(size, _HOLE_STEP))
    for start in range(0, size, _HOLE_STEP):
        crc = zlib.crc32(memoryview(block)[: size - start], crc)
    return crc


def _shared(entry: Entry, crc: int, compressed_size: int, size: int) -> dict[str, int]:
    """Return the fields that local header and directory record have in common."""
    year, month, day, hour, minute, second = entry.time
    needs_utf8 = isinstance(entry.name, str) and not entry.name.isascii()
    flags = entry.flags | (_UTF8_FLAG if needs_utf8 else 0) | (_DESCRIPTOR_FLAG if entry.descriptor else 0)
    wide = entry.wide or entry.local_wide or max(size, compressed_size) >= FULL_32
    return {
        "needed": 45 if wide else 20 if _method(entry) != STORED else 10,
        "flags": flags,
        "method": _method(entry),
        "time": hour << 11 | minute << 5 | second // 2,
        "date": (year - 1980) << 9 | month << 5 | day,
        "crc": crc,
        "compressed_size": compressed_size,
        "size": size,
    }


def _local_header(entry: Entry, crc: int, compressed_size: int, size: int) -> bytes:
    fields = _shared(entry, crc, compressed_size, size)
    extra = entry.extra if entry.local_extra is None else entry.local_extra
    if entry.local_wide or max(size, compressed_size) >= FULL_32:
        extra = extra_field(_ZIP64, struct.pack("<2Q", size, compressed_size)) + extra
        fields |= {"size": FULL_32, "compressed_size": FULL_32}
    # The end of stored data cannot be seen without its size, so the size is in front even where a descriptor repeats it.
    if entry.descriptor and not entry.local_wide and (_method(entry) != STORED or size == 0):
        fields |= {"crc": 0, "size": 0, "compressed_size": 0}
    name = entry.raw_name if entry.local_name is None else entry.local_name
    fields |= {"name_length": len(name), "extra_length": len(extra)}
    return b"PK\x03\x04" + _pack("<5H3I2H", fields, entry.local) + name + extra


def _directory_record(entry: Entry, crc: int, compressed_size: int, size: int, offset: int) -> bytes:
    numbers = {"size": size, "compressed_size": compressed_size, "offset": offset}
    wide = {name for name, number in numbers.items() if name in entry.wide or number >= FULL_32}
    fields = _shared(entry, crc, compressed_size, size)
    extra = entry.extra
    if wide:
        extra = extra_field(_ZIP64, b"".join(struct.pack("<Q", numbers[name]) for name in numbers if name in wide)) + extra
        fields["needed"] = 45
    name = entry.raw_name
    mode = entry.mode if entry.mode is not None else 0o040755 if entry.is_folder else 0o100644
    attributes = mode << 16 | (0x10 if entry.is_folder else 0)
    fields |= {
        "name_length": len(name),
        "extra_length": len(extra),
        "comment_length": len(entry.comment),
        "disk": 0,
        "internal_attributes": 0,
        "external_attributes": attributes,
        "offset": offset,
    }
    fields |= dict.fromkeys(wide, FULL_32)
    fields = {"made_by": entry.made_by, **fields}
    return b"PK\x01\x02" + _pack("<6H3I5H2I", fields, entry.directory) + name + extra + entry.comment


def _ending(archive: Archive, count: int, size: int, start: int, position: int) -> bytes:
    return b"".join(_end_records(archive, count, size, start, position)) + archive.comment


def _end_records(archive: Archive, count: int, size: int, start: int, position: int) -> Iterator[bytes]:
    if archive.zip64_end or count >= FULL_16 or start >= FULL_32 or archive.end_64:
        wide = {
            "record_size": 44, "made_by": 45, "needed": 45, "disk": 0, "directory_disk": 0, "disk_count": count,
            "count": count, "directory_size": size, "directory_start": start,
        }  # fmt: skip
        yield b"PK\x06\x06" + _pack("<Q2H2I4Q", wide, archive.end_64)
        yield b"PK\x06\x07" + _pack("<IQI", {"disk": 0, "end_start": position, "disks": 1}, archive.locator)
    fields = {
        "disk": 0, "directory_disk": 0, "disk_count": min(count, FULL_16), "count": min(count, FULL_16),
        "directory_size": size, "directory_start": min(start, FULL_32), "comment_length": len(archive.comment),
    }  # fmt: skip
    yield b"PK\x05\x06" + _pack("<4H2IH", fields, archive.end)
