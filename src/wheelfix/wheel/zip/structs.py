"""The records of a ZIP file: their fields, the ZIP64 form of a number that does not fit, and the end of the archive."""

import struct
from collections.abc import Container, Iterator
from typing import Final, NamedTuple, NoReturn

from wheelfix.errors import ArchiveError
from wheelfix.wheel.zip.findings import REBUILD, STRICT, StrictReport
from wheelfix.wheel.zip.source import Readable

LOCAL: Final = struct.Struct("<4s5H3I2H")
CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
END: Final = struct.Struct("<4s4H2IH")
END_64: Final = struct.Struct("<4sQ2H2I4Q")
LOCATOR_64: Final = struct.Struct("<4sIQI")

LOCAL_SIGNATURE: Final = b"PK\x03\x04"
CENTRAL_SIGNATURE: Final = b"PK\x01\x02"
END_SIGNATURE: Final = b"PK\x05\x06"
END_64_SIGNATURE: Final = b"PK\x06\x06"
LOCATOR_64_SIGNATURE: Final = b"PK\x06\x07"
DESCRIPTOR_SIGNATURE: Final = b"PK\x07\x08"

FULL_16: Final = 0xFFFF
"""The value of a 16-bit field whose number stands in the ZIP64 end record."""
FULL_32: Final = 0xFFFF_FFFF
"""The value of a 32-bit field whose number stands in the ZIP64 extra field."""
VERSION_ZIP64: Final = 45
"""The lowest "version needed to extract" of an entry with ZIP64 fields (APPNOTE 4.4.3.2)."""

FLAG_ENCRYPTED: Final = 1 << 0
FLAG_DESCRIPTOR: Final = 1 << 3
FLAG_PATCHED: Final = 1 << 5
FLAG_STRONG_ENCRYPTION: Final = 1 << 6
FLAG_UTF8: Final = 1 << 11
FLAG_MASKED: Final = 1 << 13

STORED: Final = 0
DEFLATED: Final = 8

EXTRA_ZIP64: Final = 0x0001
EXTRA_UNICODE_COMMENT: Final = 0x6375
EXTRA_UNICODE_PATH: Final = 0x7075
_ZIP64_BYTES: Final = EXTRA_ZIP64.to_bytes(2, "little")
_UNICODE_PATH_BYTES: Final = EXTRA_UNICODE_PATH.to_bytes(2, "little")


class DirectoryRecord(NamedTuple):
    """The fixed part of a directory record, as its 32- and 16-bit fields stand there (APPNOTE 4.3.12)."""

    signature: bytes
    made_by: int
    needed: int
    flags: int
    method: int
    time: int
    date: int
    crc: int
    compressed_size: int
    size: int
    name_length: int
    extra_length: int
    comment_length: int
    disk: int
    internal_attributes: int
    external_attributes: int
    offset: int


class LocalHeader(NamedTuple):
    """The fixed part of a local header (APPNOTE 4.3.7)."""

    signature: bytes
    needed: int
    flags: int
    method: int
    time: int
    date: int
    crc: int
    compressed_size: int
    size: int
    name_length: int
    extra_length: int


def extra_fields(extra: bytes, place: str) -> Iterator[tuple[int, int, int]]:
    """Yield the id, the start and the stop of the data of each extra field in ``extra``.

    Up to three bytes of padding at the end are passed over, as zipalign writes them.

    :raises ArchiveError: if a field claims to be longer than what is left.
    """
    position = 0
    while position + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, position)
        start = position + 4
        position = start + size
        if position > len(extra):
            raise ArchiveError(
                "bad-extra-field", f"{place}: an extra field runs past its end", hint="Build the wheel again."
            )
        yield kind, start, position


def is_well_formed(extra: bytes) -> bool:
    """Whether no extra field claims to be longer than what is left; ``zipfile`` refuses an archive with such a one."""
    position, last = 0, len(extra) - 4
    while position <= last:
        position += 4 + (extra[position + 2] | extra[position + 3] << 8)
    return position <= len(extra)


def may_mislead(extra: bytes) -> bool:
    """Whether ``extra`` may hold a field that changes sizes, position or name: quick, and wrong only towards yes."""
    return _ZIP64_BYTES in extra or _UNICODE_PATH_BYTES in extra


def find_extra(extra: bytes, kind: int, place: str) -> tuple[int, int] | None:
    """Return start and stop of the data of the extra field ``kind``, or ``None`` if it is not there.

    :raises ArchiveError: if it is there twice, so that readers could choose differently.
    """
    found = [(start, stop) for each, start, stop in extra_fields(extra, place) if each == kind]
    if len(found) > 1:
        raise ArchiveError(
            "bad-extra-field", f"{place}: extra field 0x{kind:04x} appears twice", hint="Build the wheel again."
        )
    return found[0] if found else None


def without_fields(extra: bytes, kinds: Container[int]) -> bytes:
    """Return the extra fields but for those of ``kinds``; what is not well-formed is returned as it is."""
    if not is_well_formed(extra):
        return extra
    pieces, position = [], 0
    for kind, _, stop in extra_fields(extra, ""):
        pieces += [] if kind in kinds else [extra[position:stop]]
        position = stop
    return b"".join([*pieces, extra[position:]])


def zip64_numbers(extra: bytes, place: str) -> tuple[int, ...] | None:
    """Return the 64-bit numbers of the ZIP64 extra field, or ``None`` without one (APPNOTE 4.5.3).

    A 32-bit disk number at the end is left out.
    """
    span = find_extra(extra, EXTRA_ZIP64, place)
    if span is None:
        return None
    start, stop = span
    return struct.unpack_from(f"<{(stop - start) // 8}Q", extra, start)


def widen(values: tuple[int, ...], extra: bytes, place: str) -> tuple[int, ...]:
    """Return ``values`` with those that are all ones replaced by the numbers of the ZIP64 extra field.

    The extra field may hold just the numbers that are called for, or all of ``values`` with the same numbers where they
    are not called for; anything else two readers could take differently.

    :raises ArchiveError: if the extra field does not hold what is called for.
    """
    numbers = zip64_numbers(extra, place) if extra else None
    if numbers is None:
        return values
    called = [index for index, value in enumerate(values) if value == FULL_32]
    if len(numbers) == len(called):
        wide = list(values)
        for index, number in zip(called, numbers, strict=True):
            wide[index] = number
        return tuple(wide)
    agrees = all(value in (number, FULL_32) for value, number in zip(values, numbers, strict=False))
    if len(called) < len(numbers) <= len(values) and agrees and all(index < len(numbers) for index in called):
        return (*numbers, *values[len(numbers) :])
    raise ArchiveError(
        "bad-zip64-field",
        f"{place}: the ZIP64 extra field holds {len(numbers)} numbers where {len(called)} are called for",
        hint="Readers take such a field differently; build the wheel again with a current tool.",
    )


_LONGEST_COMMENT = 0xFFFF
MOST_ENTRIES = 200_000
_LARGEST_DIRECTORY = 1 << 27


class End(NamedTuple):
    """Where the directory lies (bytes from the start; ``stop`` exclusive), and what follows it.

    ``zip64_made_by`` and ``zip64_needed`` are those of the ZIP64 end record, ``None`` where the archive has none. ``shift``
    is by how much the entries lie behind the positions that the directory gives; in a strict reading by nothing.
    """

    entry_count: int
    directory_start: int
    directory_stop: int
    comment: bytes
    zip64_made_by: int | None = None
    zip64_needed: int | None = None
    shift: int = 0


class _Classic(NamedTuple):
    """The end record (APPNOTE 4.3.16)."""

    signature: bytes
    disk: int
    directory_disk: int
    disk_count: int
    entry_count: int
    directory_size: int
    directory_start: int
    comment_length: int


class _Wide(NamedTuple):
    """The ZIP64 end record (APPNOTE 4.3.14)."""

    signature: bytes
    record_size: int
    made_by: int
    needed: int
    disk: int
    directory_disk: int
    disk_count: int
    entry_count: int
    directory_size: int
    directory_start: int


def read_end(source: Readable, report: StrictReport = STRICT) -> End:
    """Return the one end of the archive.

    :raises ArchiveError: if there is none, or no directory where it says; by a strict ``report`` also if there is more than
        one, or bytes after it, or it contradicts itself.
    """
    start, tail = _find_end(source, report)
    record = _Classic._make(END.unpack_from(tail))
    comment = tail[END.size : END.size + record.comment_length]
    wide = _read_wide_end(source, start, report)
    if wide is None:
        if record.disk or record.directory_disk:
            report.refuse("many-disks", "the archive is one of several disks")
        if record.disk_count != record.entry_count:
            report.refuse("many-disks", "the end record gives two counts of entries", form="counts")
        if FULL_32 in (record.directory_size, record.directory_start):
            _stop("bad-end-record", "the end record points to a ZIP64 record that is not there")
        end = End(record.entry_count, record.directory_start, start, comment)
        return _placed(source, end, record.directory_size, report)
    _compare_ends(record, wide, report)
    stop = start - LOCATOR_64.size - END_64.size
    end = End(wide.entry_count, wide.directory_start, stop, comment, wide.made_by, wide.needed)
    return _placed(source, end, wide.directory_size, report)


def _stop(code: str, message: str) -> NoReturn:
    """Raise what leaves nothing to read."""
    raise ArchiveError(code, message, hint=REBUILD)


def _find_end(source: Readable, report: StrictReport) -> tuple[int, bytes]:
    """Return where the end record starts and all bytes from there."""
    length = min(source.size, END.size + _LONGEST_COMMENT)
    tail = source.read_at(source.size - length, length)
    candidates = []
    position = tail.rfind(END_SIGNATURE)
    nearest = position
    while position >= 0:
        if position + END.size + int.from_bytes(tail[position + 20 : position + 22], "little") == length:
            candidates.append(position)
        position = tail.rfind(END_SIGNATURE, 0, position)
    if len(candidates) > 1 or (candidates and candidates[0] != nearest):
        report.refuse("second-end-record", "the archive comment holds a second end record")
    if not candidates:
        _refuse_endless(source, nearest, length, report)
        candidates = [nearest]
    first = source.size - length
    fitting = [each for each in candidates if _fits(tail, each, first)]
    chosen = (fitting or candidates)[0]
    return first + chosen, tail[chosen:]


def _fits(tail: bytes, position: int, first: int) -> bool:
    """Whether the directory ends where the end record at ``position`` begins, as in an archive without more."""
    record = _Classic._make(END.unpack_from(tail, position))
    return record.directory_start + record.directory_size == first + position


def _refuse_endless(source: Readable, nearest: int, length: int, report: StrictReport) -> None:
    """Refuse an archive without an end that fits; only where bytes stand behind it reading can go on."""
    if nearest >= 0 and nearest + END.size <= length:
        report.refuse("trailing-bytes", "bytes stand after the end of the archive, or its end is cut off")
    elif source.read_at(0, min(4, source.size)) == LOCAL_SIGNATURE:
        raise ArchiveError("truncated", "the archive has no end: it is cut off", hint="Download the wheel again.")
    else:
        raise ArchiveError(
            "not-a-zip",
            "the file is not a ZIP archive",
            hint="Look into it: an error page saved under the wheel's name is common.",
        )


def _read_wide_end(source: Readable, end_start: int, report: StrictReport) -> _Wide | None:
    """Return the ZIP64 end record, ``None`` where there is none, or where reading goes on without it."""
    locator_start = end_start - LOCATOR_64.size
    if locator_start < 0 or source.read_at(locator_start, 4) != LOCATOR_64_SIGNATURE:
        return None
    _, disk, start, disks = LOCATOR_64.unpack(source.read_at(locator_start, LOCATOR_64.size))
    if disk or disks > 1:
        report.refuse("many-disks", "the archive is one of several disks", form="locator")
    if start + END_64.size != locator_start:
        report.refuse("bad-end-record", "the ZIP64 end record does not lie directly before its locator", form="locator")
        start = locator_start - END_64.size
    if start < 0:
        _stop("bad-end-record", "there is no ZIP64 end record before its locator")
    wide = _Wide._make(END_64.unpack(source.read_at(start, END_64.size)))
    if wide.signature != END_64_SIGNATURE:
        _stop("bad-end-record", "there is no ZIP64 end record before its locator")
    if wide.record_size != END_64.size - 12:
        report.refuse("bad-end-record", "the ZIP64 end record has another size than it should", form="size")
    if wide.disk or wide.directory_disk or wide.disk_count != wide.entry_count:
        report.refuse("many-disks", "the archive is one of several disks", form="zip64")
    return wide


def _compare_ends(record: _Classic, wide: _Wide, report: StrictReport) -> None:
    """Compare the two end records: each number of the old one is that of the other, or all ones (APPNOTE 4.4.1.4)."""
    if record.disk not in (0, FULL_16) or record.directory_disk not in (0, FULL_16):
        report.refuse("many-disks", "the archive is one of several disks")
    if record.disk_count != record.entry_count:  # PyPI compares the two as they stand
        report.refuse("many-disks", "the end record gives two counts of entries", form="two counts")
    if record.directory_start not in (wide.directory_start, FULL_32):
        report.refuse("bad-end-record", "the end record and the ZIP64 end record give two positions of the directory")
    if record.entry_count not in (wide.entry_count, FULL_16) or record.directory_size not in (
        wide.directory_size,
        FULL_32,
    ):
        message = "the end record and the ZIP64 end record give two counts, or two sizes of the directory"
        report.refuse("bad-end-record", message, form="size")


def _placed(source: Readable, end: End, directory_size: int, report: StrictReport) -> End:
    """Return the end with the directory where it lies, which is where the end record says unless bytes were added."""
    _bound(end.entry_count, directory_size)
    difference = end.directory_stop - directory_size - end.directory_start
    if difference:
        found = _searched(source, end, end.directory_stop - directory_size) if report.collects else None
        form = "" if found is not None and found.shift else "misplaced"
        if difference > 0:
            message = f"{difference} bytes stand before the archive, or between directory and end"
            report.refuse("leading-bytes", message, form=form)
        else:
            report.refuse("bad-end-record", "the directory does not lie where the end record says")
        if found is None:
            _stop("bad-directory", "there is no directory where the end record says")
        end = found
        _bound(end.entry_count, end.directory_stop - end.directory_start)
    if end.entry_count == 0:
        raise ArchiveError("empty-archive", "the archive holds no entries", hint="Build or download the wheel again.")
    return end


def _bound(count: int, directory_size: int) -> None:
    if count > MOST_ENTRIES or directory_size > _LARGEST_DIRECTORY:
        raise ArchiveError(
            "too-many-entries",
            f"the archive claims {count} entries in a directory of {directory_size} bytes",
            hint=f"At most {MOST_ENTRIES} entries and {_LARGEST_DIRECTORY} bytes are read, to bound memory.",
        )


def _searched(source: Readable, end: End, before_end: int) -> End | None:
    """Return ``end`` with the directory where one begins: where the end record says, or directly before the end.

    ``None`` is returned where there is none.

    Where bytes stand before the archive all positions are too small, by as much as that of the directory is: ``zipfile``
    adds the difference to each.
    """
    for start in (end.directory_start, before_end):
        if not 0 <= start <= end.directory_stop - CENTRAL.size:
            continue
        fixed = source.read_at(start, CENTRAL.size)
        if fixed.startswith(CENTRAL_SIGNATURE):
            offset, difference = int.from_bytes(fixed[42:46], "little"), start - end.directory_start
            shifts = [shift for shift in (0, difference) if _is_local_header(source, offset + shift)]
            return end._replace(directory_start=start, shift=shifts[0] if shifts else 0)
    return None


def _is_local_header(source: Readable, position: int) -> bool:
    return 0 <= position <= source.size - 4 and source.read_at(position, 4) == LOCAL_SIGNATURE


class Entry(NamedTuple):
    """One file in the archive. Positions are bytes from the start of the archive; ``stop`` is exclusive.

    A named tuple, not a dataclass: an archive can hold 66,000 of them, and they are made three times faster.
    ``[start, data_start)`` is the local header, ``[data_start, data_stop)`` the compressed data, ``[data_stop, stop)`` the
    data descriptor, if any. ``[record_start, record_stop)`` is the record within ``Layout.directory``. ``size`` is that of
    the content, in bytes; ``crc`` its CRC-32.
    """

    name: str
    start: int
    data_start: int
    data_stop: int
    stop: int
    method: int
    flags: int
    crc: int
    size: int
    record_start: int
    record_stop: int
