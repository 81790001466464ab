"""The end of an archive: where the directory lies, and that there is only one."""

from typing import NamedTuple, NoReturn

from wheelfix.archive import headers
from wheelfix.archive.headers import END, END_64, END_SIGNATURE, FULL_16, FULL_32, LOCATOR_64
from wheelfix.archive.source import Readable
from wheelfix.errors import ArchiveError

_LONGEST_COMMENT = 0xFFFF
_MOST_MEMBERS = 200_000
_LARGEST_DIRECTORY = 1 << 27


class End(NamedTuple):
    """Where the directory lies (bytes from the start; ``stop`` exclusive), and what follows it.

    ``zip64_made_by`` and ``zip64_needed`` are those of the ZIP64 end record, ``None`` where the archive has none.
    """

    member_count: int
    directory_start: int
    directory_stop: int
    comment: bytes
    zip64_made_by: int | None = None
    zip64_needed: int | None = None


class _Classic(NamedTuple):
    """The end record (APPNOTE 4.3.16)."""

    signature: bytes
    disk: int
    directory_disk: int
    disk_count: int
    member_count: int
    directory_size: int
    directory_start: int
    comment_length: int


def read_end(source: Readable) -> End:
    """Return the one end of the archive.

    :raises ArchiveError: if there is none, more than one, or bytes after it.
    """
    start, tail = _find_end(source)
    record = _Classic._make(END.unpack_from(tail))
    if record.disk or record.directory_disk or record.disk_count != record.member_count:
        _refuse("many-disks", "the archive is one of several disks")
    comment = tail[END.size :]
    has_locator = start >= LOCATOR_64.size and (source.read_at(start - LOCATOR_64.size, 4) == headers.LOCATOR_64_SIGNATURE)
    if has_locator:
        return _read_zip64_end(source, start - LOCATOR_64.size, record, comment)
    if FULL_32 in (record.directory_size, record.directory_start):
        _refuse("bad-end-record", "the end record points to a ZIP64 record that is not there")
    return _checked(End(record.member_count, record.directory_start, start, comment), record.directory_size)


def _refuse(code: str, message: str) -> NoReturn:
    raise ArchiveError(
        code, message, hint="Readers could take it differently, so it is refused; build or download the wheel again."
    )


def _find_end(source: Readable) -> tuple[int, bytes]:
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
        _refuse("second-end-record", "the archive comment holds a second end record")
    if candidates:
        return source.size - length + candidates[0], tail[candidates[0] :]
    _refuse_endless(source, nearest, length)


def _refuse_endless(source: Readable, nearest: int, length: int) -> NoReturn:
    if nearest >= 0 and nearest + END.size <= length:
        _refuse("trailing-bytes", "bytes stand after the end of the archive, or its end is cut off")
    if source.read_at(0, min(4, source.size)) == headers.LOCAL_SIGNATURE:
        raise ArchiveError("truncated", "the archive has no end: it is cut off", hint="Download the wheel again.")
    raise ArchiveError(
        "not-a-zip",
        "the file is not a ZIP archive",
        hint="Look into it: an error page saved under the wheel's name is common.",
    )


def _read_zip64_end(source: Readable, locator_start: int, record: _Classic, comment: bytes) -> End:
    _, disk, start, disks = LOCATOR_64.unpack(source.read_at(locator_start, LOCATOR_64.size))
    if disk or disks > 1:
        _refuse("many-disks", "the archive is one of several disks")
    if start + END_64.size != locator_start:
        _refuse("bad-end-record", "the ZIP64 end record does not lie directly before its locator")
    signature, size, made_by, needed, disk, directory_disk, disk_count, count, directory_size, directory_start = (
        END_64.unpack(source.read_at(start, END_64.size))
    )
    if signature != headers.END_64_SIGNATURE or size != END_64.size - 12:
        _refuse("bad-end-record", "the ZIP64 end record is damaged")
    if disk or directory_disk or disk_count != count:
        _refuse("many-disks", "the archive is one of several disks")
    agree = (
        record.member_count in (count, FULL_16)
        and record.directory_size in (directory_size, FULL_32)
        and record.directory_start in (directory_start, FULL_32)
    )
    if not agree:
        _refuse("bad-end-record", "the end record and the ZIP64 end record disagree")
    return _checked(End(count, directory_start, start, comment, made_by, needed), directory_size)


def _checked(end: End, directory_size: int) -> End:
    if end.directory_start + directory_size != end.directory_stop:
        difference = end.directory_stop - directory_size - end.directory_start
        if difference > 0:
            _refuse("leading-bytes", f"{difference} bytes stand before the archive, or between directory and end")
        _refuse("bad-end-record", "the directory does not lie where the end record says")
    if end.member_count > _MOST_MEMBERS or directory_size > _LARGEST_DIRECTORY:
        raise ArchiveError(
            "too-many-members",
            f"the archive claims {end.member_count} members in a directory of {directory_size} bytes",
            hint=f"At most {_MOST_MEMBERS} members and {_LARGEST_DIRECTORY} bytes are read, to bound memory.",
        )
    if end.member_count == 0:
        raise ArchiveError("empty-archive", "the archive holds no members", hint="Build or download the wheel again.")
    return end
