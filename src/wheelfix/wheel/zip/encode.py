"""The records of a new archive as bytes: local headers, directory records with their positions, and its end."""

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from wheelfix.errors import EditError
from wheelfix.text import shown
from wheelfix.wheel.zip import structs
from wheelfix.wheel.zip.end import End
from wheelfix.wheel.zip.extra_fields import find_extra, without_fields
from wheelfix.wheel.zip.layout import Layout
from wheelfix.wheel.zip.output import PAGE
from wheelfix.wheel.zip.source import Readable
from wheelfix.wheel.zip.structs import (
    CENTRAL,
    END,
    END_64,
    EXTRA_ZIP64,
    FULL_16,
    FULL_32,
    LOCAL,
    LOCATOR_64,
    STORED,
    VERSION_ZIP64,
    Entry,
)

_NEEDED = 20
"""The version that is needed to extract a file in a directory, in tenths (APPNOTE 4.4.3.2)."""
_LEVEL_BITS = 0b110
_ZIP64_LIMIT = FULL_32
"""The first position that is written in the ZIP64 form; tests lower it, since writing 4 GiB takes long."""


class NewEntry(Struct, frozen=True):
    """An entry to write in place of ``like``: it keeps the time, mode, extra fields and comment of that.

    One that is ``added`` beside ``like`` has only its time and mode. New entries are stored, because each version of zlib
    compresses the same content differently.
    """

    name: str
    content: bytes
    like: Entry
    added: bool = False


def encode_entry(source: Readable, layout: Layout, new: NewEntry) -> tuple[bytes, bytes]:
    """Return local header and data, and the directory record with position 0, of ``new``.

    :raises EditError: if the name or the content is too large.
    """
    like = layout.fields(new.like)
    name, utf8 = _encode_name(new.name, like.flags)
    if len(new.content) >= FULL_32 or len(name) > FULL_16:
        raise EditError("entry-too-large", f"{shown(new.name)} is too large", hint="Only small files can be written.")
    dropped = {structs.EXTRA_ZIP64, *([] if new.name == new.like.name else [structs.EXTRA_UNICODE_PATH])}
    _, extra, comment = (b"",) * 3 if new.added else layout.texts(new.like)
    local_extra = b"" if new.added else without_fields(_local_extra(source, new.like), {*dropped, structs.EXTRA_PADDING})
    central_extra = without_fields(extra, dropped)
    flags = like.flags & ~(structs.FLAG_DESCRIPTOR | structs.FLAG_UTF8 | _LEVEL_BITS) | utf8
    size = len(new.content)
    shared = _NEEDED, flags, STORED, like.time, like.date, zlib.crc32(new.content), size, size, len(name)
    local = LOCAL.pack(structs.LOCAL_SIGNATURE, *shared, len(local_extra))
    attributes = (len(comment), 0, like.internal_attributes, like.external_attributes, 0)
    record = CENTRAL.pack(structs.CENTRAL_SIGNATURE, like.made_by, *shared, len(central_extra), *attributes)
    return local + name + local_extra + new.content, record + name + central_extra + comment


def encode_renamed(source: Readable, layout: Layout, entry: Entry, name: str) -> tuple[bytes, bytes]:
    """Return the local header and the directory record of ``entry`` under another name; its data is kept.

    :raises EditError: if the name is too long.
    """
    raw, utf8 = _encode_name(name, entry.flags)
    if len(raw) > FULL_16:
        raise EditError("entry-too-large", f"the name {shown(name)} is too long", hint="Choose a shorter one.")
    _, extra, comment = layout.texts(entry)
    extras = (_local_extra(source, entry), extra)
    local_extra, central_extra = (without_fields(each, {structs.EXTRA_UNICODE_PATH}) for each in extras)
    flags = entry.flags & ~structs.FLAG_UTF8 | utf8
    old = structs.LocalHeader._make(LOCAL.unpack(source.read_at(entry.start, LOCAL.size)))
    local = LOCAL.pack(*old._replace(flags=flags, name_length=len(raw), extra_length=len(local_extra)))
    fields = layout.fields(entry)._replace(flags=flags, name_length=len(raw), extra_length=len(central_extra))
    return local + raw + local_extra, CENTRAL.pack(*fields) + raw + central_extra + comment


def padded(entry: bytes, length: int) -> bytes:
    """Return ``entry``, a local header and its data, with so much padding in its extra fields as zipalign writes it.

    Where the extra field cannot become so long it is returned as it is, and so it is without ``length``. At least six bytes
    can be added.
    """
    header = structs.LocalHeader._make(LOCAL.unpack_from(entry))
    extra_length = header.extra_length + length
    if not length or extra_length > FULL_16:
        return entry
    start = LOCAL.size + header.name_length
    padding = _PADDING.pack(structs.EXTRA_PADDING, length - 4, PAGE) + bytes(length - _PADDING.size)
    return LOCAL.pack(*header._replace(extra_length=extra_length)) + entry[LOCAL.size : start] + padding + entry[start:]


def _encode_name(name: str, flags: int) -> tuple[bytes, int]:
    """Return the bytes of a name in the encoding that ``flags`` say, and the UTF-8 flag if they need it."""
    utf8 = name.encode("utf-8"), structs.FLAG_UTF8
    if flags & structs.FLAG_UTF8:
        return utf8
    try:
        return name.encode("cp437"), 0
    except UnicodeEncodeError:  # code page 437 has no such character
        return utf8


def _local_extra(source: Readable, entry: Entry) -> bytes:
    header = source.read_at(entry.start, entry.data_start - entry.start)
    return header[LOCAL.size + int.from_bytes(header[26:28], "little") :]


_POSITION = slice(42, 46)
_U32 = struct.Struct("<I")
_PADDING = struct.Struct("<3H")
"""The head of the padding field: its id, the length of its data, and the alignment."""


def end_bytes(old: End, count: int, start: int, size: int) -> bytes:
    """Return the end records for a directory of ``count`` records, ``size`` bytes long, that begins at ``start``.

    A ZIP64 end record is written if a number needs it, or if the old archive had one.
    """
    ending = b""
    if count >= FULL_16 or size >= FULL_32 or start >= _ZIP64_LIMIT or old.zip64_made_by is not None:
        made_by = VERSION_ZIP64 if old.zip64_made_by is None else old.zip64_made_by
        needed = max(old.zip64_needed or 0, VERSION_ZIP64)
        counts = (0, 0, count, count, size, start)
        ending = END_64.pack(structs.END_64_SIGNATURE, END_64.size - 12, made_by, needed, *counts)
        ending += LOCATOR_64.pack(structs.LOCATOR_64_SIGNATURE, 0, start + size, 1)
    short_count = min(count, FULL_16)
    short_start = start if start < _ZIP64_LIMIT else FULL_32
    numbers = (0, 0, short_count, short_count, min(size, FULL_32), short_start, len(old.comment))
    return ending + END.pack(structs.END_SIGNATURE, *numbers) + old.comment


def positioned(record: bytes, offset: int) -> bytes:
    """Return a directory record that points to ``offset``; one in the ZIP64 form keeps that form."""
    if record[_POSITION] != b"\xff\xff\xff\xff":
        if offset < _ZIP64_LIMIT:
            return record[: _POSITION.start] + offset.to_bytes(4, "little") + record[_POSITION.stop :]
        return _widened(record, offset)
    sizes_in_extra = sum(record[at : at + 4] == b"\xff\xff\xff\xff" for at in (20, 24))
    name_stop, extra_stop = _extra_span(record)
    span = find_extra(record[name_stop:extra_stop], EXTRA_ZIP64, "a directory record")
    if span is None:  # all ones is the position itself, as APPNOTE allows just below the limit
        return _widened(record, offset)
    held = (span[1] - span[0]) // 8
    at = name_stop + span[0] + 8 * (2 if held > sizes_in_extra + 1 else sizes_in_extra)
    return record[:at] + struct.pack("<Q", offset) + record[at + 8 :]


def moved_records(layout: Layout, numbers: range, shift_at: Callable[[int], int]) -> bytes:
    """Return the directory records of ``numbers``, successive entries, with new positions; ``shift_at`` moves each.

    Of entries that the directory lists in the order in which they lie, all move by the same. A number that is written in the
    ZIP64 form, or has to be, makes the records go one by one through :func:`positioned`.
    """
    first, last = numbers[0], numbers[-1] + 1
    base, at = layout.record_starts[first], _POSITION.start
    records = layout.directory[base : layout.record_starts[last]]
    starts = layout.starts[first:last]
    shifts = [shift_at(starts[0])] * len(starts) if layout.in_order else list(map(shift_at, starts))
    if not any(shifts):
        return records
    patched = bytearray(records)
    for number, start, shift in zip(numbers, starts, shifts, strict=True):
        place = layout.record_starts[number] - base + at
        if start + shift >= _ZIP64_LIMIT or _U32.unpack_from(patched, place)[0] != start:
            return b"".join(_positioned_each(layout, numbers, shifts))
        _U32.pack_into(patched, place, start + shift)
    return bytes(patched)


def _positioned_each(layout: Layout, numbers: range, shifts: Sequence[int]) -> Iterator[bytes]:
    for number, shift in zip(numbers, shifts, strict=True):
        record = layout.directory[layout.record_starts[number] : layout.record_starts[number + 1]]
        yield positioned(record, layout.starts[number] + shift)


def _extra_span(record: bytes) -> tuple[int, int]:
    fields = structs.DirectoryRecord._make(CENTRAL.unpack_from(record))
    start = CENTRAL.size + fields.name_length
    return start, start + fields.extra_length


def _widened(record: bytes, offset: int) -> bytes:
    """Return a directory record with its position moved to the ZIP64 extra field, after the sizes in it."""
    start, stop = _extra_span(record)
    extra = record[start:stop]
    number = struct.pack("<Q", offset)
    span = find_extra(extra, EXTRA_ZIP64, "a directory record")
    if span is None:
        extra = struct.pack("<2H", EXTRA_ZIP64, 8) + number + extra
    else:
        size = span[1] - span[0]
        at = span[0] + size // 8 * 8  # in front of a disk number
        extra = extra[: span[0] - 2] + (size + 8).to_bytes(2, "little") + extra[span[0] : at] + number + extra[at:]
    fields = structs.DirectoryRecord._make(CENTRAL.unpack_from(record))
    needed = max(fields.needed, VERSION_ZIP64)
    head = CENTRAL.pack(*fields._replace(needed=needed, extra_length=len(extra), offset=FULL_32))
    return head + record[CENTRAL.size : start] + extra + record[stop:]
