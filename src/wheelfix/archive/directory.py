"""The directory of a new archive: old records with new positions, and the end records."""

import struct

from wheelfix.archive import headers
from wheelfix.archive.ending import End
from wheelfix.archive.headers import END, END_64, ENTRY, EXTRA_ZIP64, FULL_16, FULL_32, LOCATOR_64, VERSION_ZIP64

_POSITION = slice(42, 46)
_NEEDED = slice(6, 8)
_EXTRA_LENGTH = slice(30, 32)


def end_bytes(old: End, count: int, start: int, size: int, zip64_limit: int = FULL_32) -> bytes:
    """Return the end records for a directory of ``count`` records, ``size`` bytes long, that begins at ``start``.

    The ZIP64 end record is written where a number calls for it, or where the old archive had one.
    """
    ending = b""
    if count >= FULL_16 or size >= FULL_32 or start >= zip64_limit or old.zip64_made_by is not None:
        made_by = VERSION_ZIP64 if old.zip64_made_by is None else old.zip64_made_by
        needed = max(old.zip64_needed or 0, VERSION_ZIP64)
        counts = (0, 0, count, count, size, start)
        ending = END_64.pack(headers.END_64_SIGNATURE, END_64.size - 12, made_by, needed, *counts)
        ending += LOCATOR_64.pack(headers.LOCATOR_64_SIGNATURE, 0, start + size, 1)
    short_count = min(count, FULL_16)
    short_start = start if start < zip64_limit else FULL_32
    numbers = (0, 0, short_count, short_count, min(size, FULL_32), short_start, len(old.comment))
    return ending + END.pack(headers.END_SIGNATURE, *numbers) + old.comment


def positioned(entry: bytes, offset: int, zip64_limit: int = FULL_32) -> bytes:
    """Return a directory record that points to ``offset``; one in the ZIP64 form stays in that form."""
    if entry[_POSITION] != b"\xff\xff\xff\xff":
        if offset < zip64_limit:
            return entry[: _POSITION.start] + offset.to_bytes(4, "little") + entry[_POSITION.stop :]
        return _widened(entry, offset)
    sizes_in_extra = sum(entry[at : at + 4] == b"\xff\xff\xff\xff" for at in (20, 24))
    name_stop, extra_stop = _extra_span(entry)
    span = headers.find_extra(entry[name_stop:extra_stop], EXTRA_ZIP64, "a directory record")
    if span is None:  # all ones is the position itself, as APPNOTE allows just below the limit
        return _widened(entry, offset)
    held = (span[1] - span[0]) // 8
    at = name_stop + span[0] + 8 * (2 if held > sizes_in_extra + 1 else sizes_in_extra)
    return entry[:at] + struct.pack("<Q", offset) + entry[at + 8 :]


def _extra_span(entry: bytes) -> tuple[int, int]:
    fields = headers.Entry._make(ENTRY.unpack_from(entry))
    start = ENTRY.size + fields.name_length
    return start, start + fields.extra_length


def _widened(entry: bytes, offset: int) -> bytes:
    """Return a directory record with its position moved to the ZIP64 extra field, behind the sizes that stand there."""
    start, stop = _extra_span(entry)
    extra = entry[start:stop]
    number = struct.pack("<Q", offset)
    span = headers.find_extra(extra, EXTRA_ZIP64, "a directory record")
    if span is None:
        extra = struct.pack("<2H", EXTRA_ZIP64, 8) + number + extra
    else:
        size = span[1] - span[0]
        at = span[0] + size // 8 * 8  # in front of a disk number
        extra = extra[: span[0] - 2] + (size + 8).to_bytes(2, "little") + extra[span[0] : at] + number + extra[at:]
    head = bytearray(entry[: ENTRY.size])
    head[_POSITION] = b"\xff\xff\xff\xff"
    head[_EXTRA_LENGTH] = len(extra).to_bytes(2, "little")
    head[_NEEDED] = max(int.from_bytes(head[_NEEDED], "little"), VERSION_ZIP64).to_bytes(2, "little")
    return bytes(head) + entry[ENTRY.size : start] + extra + entry[stop:]
