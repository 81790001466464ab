"""The end of an archive: the end record, the ZIP64 end record, and where the directory lies."""

from typing import NamedTuple, NoReturn

from wheelfix.errors import ArchiveError
from wheelfix.wheel.zip.extra_fields import only_needed
from wheelfix.wheel.zip.findings import REBUILD, STRICT, StrictReport
from wheelfix.wheel.zip.source import Readable
from wheelfix.wheel.zip.structs import (
    CENTRAL,
    CENTRAL_SIGNATURE,
    END,
    END_64,
    END_64_SIGNATURE,
    END_SIGNATURE,
    FULL_16,
    FULL_32,
    LOCAL_SIGNATURE,
    LOCATOR_64,
    LOCATOR_64_SIGNATURE,
    DirectoryRecord,
)

_LONGEST_COMMENT = 0xFFFF
MOST_ENTRIES = 200_000
_LARGEST_DIRECTORY = 1 << 27


class End(NamedTuple):
    """Where the directory lies (bytes from the start; ``stop`` exclusive), and what follows it.

    ``zip64_made_by`` and ``zip64_needed`` are those of the ZIP64 end record, ``None`` without one. ``shift`` is how far the
    entries lie after the positions in the directory; a strict reading allows no shift.
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

    :raises ArchiveError: if there is none, or no directory at its position; with a strict ``report`` also if there are
        two, bytes follow it, or it contradicts itself.
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
    """Raise an error after which nothing can be read."""
    raise ArchiveError(code, message, hint=REBUILD)


def _find_end(source: Readable, report: StrictReport) -> tuple[int, bytes]:
    """Return the position of the end record, and all bytes from there on."""
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
        report.refuse("second-end-record", "the archive comment contains a second end record")
    if not candidates:
        _refuse_endless(source, nearest, length, report)
        candidates = [nearest]
    first = source.size - length
    fitting = [each for each in candidates if _fits(tail, each, first)]
    chosen = (fitting or candidates)[0]
    return first + chosen, tail[chosen:]


def _fits(tail: bytes, position: int, first: int) -> bool:
    """Whether the directory ends where the end record at ``position`` begins, as in a plain archive."""
    record = _Classic._make(END.unpack_from(tail, position))
    return record.directory_start + record.directory_size == first + position


def _refuse_endless(source: Readable, nearest: int, length: int, report: StrictReport) -> None:
    """Refuse an archive without a proper end; reading can continue only where the end is followed by other bytes."""
    if nearest >= 0 and nearest + END.size <= length:
        report.refuse("trailing-bytes", "bytes follow the end of the archive, or its end is cut off")
    elif source.read_at(0, min(4, source.size)) == LOCAL_SIGNATURE:
        raise ArchiveError(
            "truncated", "the archive is truncated: its end record is missing", hint="Download the wheel again."
        )
    else:
        raise ArchiveError(
            "not-a-zip",
            "the file is not a ZIP archive",
            hint="Open it in an editor: often it is an error page that was saved under the wheel's name.",
        )


def _read_wide_end(source: Readable, end_start: int, report: StrictReport) -> _Wide | None:
    """Return the ZIP64 end record, ``None`` without one."""
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
        report.refuse("bad-end-record", "the ZIP64 end record has the wrong size", form="size")
    if wide.disk or wide.directory_disk or wide.disk_count != wide.entry_count:
        report.refuse("many-disks", "the archive is one of several disks", form="zip64")
    return wide


def _compare_ends(record: _Classic, wide: _Wide, report: StrictReport) -> None:
    """Compare the two end records: each number of the classic one is that of the other, or all ones (APPNOTE 4.4.1.4)."""
    if record.disk not in (0, FULL_16) or record.directory_disk not in (0, FULL_16):
        report.refuse("many-disks", "the archive is one of several disks")
    if record.disk_count != record.entry_count:  # PyPI compares the two numbers even where they are all ones
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
    """Return ``end`` with the true position of the directory: that of the end record, unless bytes were added."""
    _check_limits(end.entry_count, directory_size)
    difference = end.directory_stop - directory_size - end.directory_start
    if difference:
        found = _searched(source, end, end.directory_stop - directory_size) if report.collects else None
        form = "" if found is not None and found.shift else "misplaced"
        if difference > 0:
            message = f"{difference} bytes are before the archive, or between its directory and its end"
            report.refuse("leading-bytes", message, form=form)
        else:
            report.refuse("bad-end-record", "the directory is not where the end record says")
        if found is None:
            _stop("bad-directory", "there is no directory where the end record says")
        end = found
        _check_limits(end.entry_count, end.directory_stop - end.directory_start)
    if end.entry_count == 0:
        raise ArchiveError("empty-archive", "the archive has no entries", hint="Build or download the wheel again.")
    return end


def _check_limits(count: int, directory_size: int) -> None:
    if count > MOST_ENTRIES or directory_size > _LARGEST_DIRECTORY:
        raise ArchiveError(
            "too-many-entries",
            f"the archive claims {count} entries in a directory of {directory_size} bytes",
            hint=f"At most {MOST_ENTRIES} entries and {_LARGEST_DIRECTORY} bytes are read, to limit memory.",
        )


def _searched(source: Readable, end: End, before_end: int) -> End | None:
    """Return ``end`` with the directory where one begins, ``None`` where none does.

    It is looked for at the position in the end record, and directly before the end. Where bytes precede the archive, all
    positions are too small by the same number as that of the directory: ``zipfile`` adds the difference to each.
    """
    for start in (end.directory_start, before_end):
        if not 0 <= start <= end.directory_stop - CENTRAL.size:
            continue
        fixed = source.read_at(start, CENTRAL.size)
        if fixed.startswith(CENTRAL_SIGNATURE):
            offset, difference = _position_in(source, start, fixed), start - end.directory_start
            shifts = [shift for shift in (0, difference) if _is_local_header(source, offset + shift)]
            return end._replace(directory_start=start, shift=shifts[0] if shifts else 0)
    return None


def _position_in(source: Readable, start: int, fixed: bytes) -> int:
    """Return the position of an entry in its directory record, which begins at ``start``; of a damaged one what it says."""
    record = DirectoryRecord._make(CENTRAL.unpack(fixed))
    if record.offset != FULL_32:
        return record.offset
    extra_start = min(start + CENTRAL.size + record.name_length, source.size)  # a name may claim to reach beyond the file
    extra = source.read_at(extra_start, min(record.extra_length, source.size - extra_start))
    try:
        return only_needed((record.size, record.compressed_size, record.offset), extra, "the directory")[-1]
    except ArchiveError:  # reading the directory says what is wrong with it
        return record.offset


def _is_local_header(source: Readable, position: int) -> bool:
    return 0 <= position <= source.size - 4 and source.read_at(position, 4) == LOCAL_SIGNATURE
