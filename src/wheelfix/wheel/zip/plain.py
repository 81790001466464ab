"""The fast reader of plain archives, which real wheels are: about a microsecond for each entry.

It looks at every byte that the careful reader looks at, and accepts only what has one form: entries in the order of the
directory, each beginning where the one before ends, known flags, no comments, no ZIP64 field, local headers that repeat the
directory byte for byte. What it does not accept it does not judge: the careful reader says what is wrong, or that it is
legal. What both accept has the same layout in both.
"""

import re
import struct
from array import array
from collections.abc import Callable, Collection, Iterator
from typing import Final, NamedTuple, TypeAlias

from wheelfix.wheel.zip.careful import listed_at, read_entry
from wheelfix.wheel.zip.end import End
from wheelfix.wheel.zip.extra_fields import is_plain, is_well_formed, may_mislead
from wheelfix.wheel.zip.findings import STRICT
from wheelfix.wheel.zip.source import Readable
from wheelfix.wheel.zip.structs import CENTRAL_SIGNATURE, DEFLATED, FLAG_UTF8, LOCAL_SIGNATURE, STORED, Columns

_RECORD: Final = struct.Struct("<4s4xI8x2I2HI6xI")
"""A directory record as seven values: flags and method are one of them, and so are the comment's length and the disk."""
_HEADER: Final = struct.Struct("<4s24sH")
"""A local header as three: its signature, what it has in common with the directory, and the length of its extra fields."""
_METHOD: Final = 16
"""Where the method begins in flags and method as one number."""
_LEVELS: Final = (0, 2, 4, 6)
"""The flags of deflate's levels (APPNOTE 4.4.4), which readers ignore."""
_KINDS: Final = frozenset(
    level | encoding | method << _METHOD for level in _LEVELS for encoding in (0, FLAG_UTF8) for method in (STORED, DEFLATED)
)
_STORED: Final = 1 << _METHOD
"""Flags and method as one number are below this for stored entries."""
_INFO_ZIP: Final = re.compile(rb"UT(?:\x05\x00.{5}|\x09\x00.{9}|\x0d\x00.{13})ux\x0b\x00.{11}", re.DOTALL)
"""Times and owner as Info-ZIP writes them: the only extra fields in 110 real wheels. One match is twice as fast as looking
for the fields that matter."""
_WORTH_ONE_READ: Final = 1 << 13
"""Up to this many bytes, reading what lies between two local headers takes no longer than another read."""
_LONGEST_READ: Final = 1 << 16
_UTF8_FLAG: Final = 9
"""Where a directory record has the upper byte of its flags."""


OddFields: TypeAlias = Callable[[bytes], bool]
"""Whether extra fields are for the careful reader."""


class _Listed(NamedTuple):
    """What a plain directory lists: where the entries lie, their numbers by name, and the lengths of local extra fields."""

    columns: Columns
    numbers: dict[str, int]
    extra_lengths: "array[int]"


def read_plain(source: Readable, directory: bytes, end: End) -> tuple[Columns, dict[str, int]] | None:
    """Return where the entries of a plain archive lie and the number of each by its name, ``None`` for any other archive.

    The directory alone decides whether the archive is plain; only then local headers are read, many at a time where they lie
    close together. One that does not repeat its directory record is read by the careful reader.

    :raises ArchiveError: if a local header does not agree with the directory.
    :raises SourceChanged: if ``source`` becomes shorter meanwhile.
    """
    listed = _list(directory, end, _may_matter)
    if listed is None:
        return None
    for number, header in _odd_headers(source, directory, listed, _may_matter):
        _judge(source, directory, listed.columns, number, header)
    return listed.columns, listed.numbers


def read_spotless(source: Readable, directory: bytes, end: End) -> tuple[Columns, dict[str, int]] | None:
    """Return the same for an archive of which there is nothing to report, ``None`` for any other.

    :raises SourceChanged: if ``source`` becomes shorter meanwhile.
    """
    listed = _list(directory, end, _is_odd)
    if listed is None or any(_odd_headers(source, directory, listed, _is_odd)):
        return None
    return listed.columns, listed.numbers


def _list(directory: bytes, end: End, is_odd: OddFields) -> _Listed | None:
    try:
        return _read_directory(directory, end, is_odd)
    except (struct.error, OverflowError, UnicodeDecodeError):
        return None


def _is_odd(extra: bytes) -> bool:
    """Whether there is anything to report of extra fields."""
    return not is_plain(extra)


def _read_directory(directory: bytes, end: End, is_odd: OddFields) -> _Listed | None:
    """Return where the entries lie according to the directory, if it is plain.

    This loop runs for each entry of every wheel: it unpacks no field that it does not need, and calls nothing of ours; what
    can be asked of all names at once comes after it.

    :raises struct.error: if the directory ends too early.
    :raises OverflowError: if an entry begins before the one before can end, or leaves more room than a local header takes.
    :raises UnicodeDecodeError: if a name is not UTF-8.
    """
    records, starts, data_starts, sizes = array("Q"), array("Q"), array("Q"), array("Q")
    numbers, extra_lengths, stop = dict[str, int](), array("H"), end.directory_start
    unpack, is_usual, kinds, begin = _RECORD.unpack_from, _INFO_ZIP.fullmatch, _KINDS, CENTRAL_SIGNATURE
    position = least = packed = 0
    for number in range(end.entry_count):
        signature, kind, next_packed, size, name_length, extra_length, rest, start = unpack(directory, position)
        if rest or kind not in kinds or signature != begin or (kind < _STORED and size != next_packed):
            return None
        name_stop = position + 46 + name_length
        numbers[directory[position + 46 : name_stop].decode()] = number
        records.append(position)
        starts.append(start)
        data_starts.append(start - packed)
        extra_lengths.append(start - least)  # all that can lie between the name in a local header and the data
        sizes.append(size)
        packed, least, position = next_packed, start + 30 + name_length + next_packed, name_stop + extra_length
        if extra_length and not is_usual(directory, name_stop, position) and is_odd(directory[name_stop:position]):
            return None
    records.append(position)
    for column, last in ((data_starts, stop - packed), (extra_lengths, stop - least), (starts, stop)):
        column.append(last)
    is_whole = position == len(directory) and not starts[0] and not end.shift
    if not is_whole or len(numbers) < len(sizes) or not _are_plain(numbers, directory, records):
        return None
    stops = starts[1:]
    starts.pop()
    return _Listed(Columns(records, starts, data_starts[1:], stops, stops, sizes), numbers, extra_lengths[1:])


def _are_plain(names: Collection[str], directory: bytes, records: "array[int]") -> bool:
    """Whether no name is empty or contains a NUL, and each that is not ASCII is marked as UTF-8."""
    together = "".join(names)
    if "" in names or "\0" in together:
        return False
    return together.isascii() or all(
        name.isascii() or directory[record + _UTF8_FLAG] & FLAG_UTF8 >> 8
        for name, record in zip(names, records, strict=False)  # there is one more record start
    )


def _may_matter(extra: bytes) -> bool:
    """Whether extra fields may change a size, a position or a name, or may be damaged; in doubt they may."""
    return (may_mislead(extra) or not is_well_formed(extra)) and not is_plain(extra)


def _odd_headers(source: Readable, directory: bytes, listed: _Listed, is_odd: OddFields) -> Iterator[tuple[int, bytes]]:
    """Yield each local header that does not repeat its directory record, or has odd extra fields, and the entry's number."""
    unpack, is_usual, columns = _HEADER.unpack_from, _INFO_ZIP.fullmatch, listed.columns
    for first, last in _runs(columns.starts):
        base = columns.starts[first]
        held = source.read_at(base, columns.data_starts[last - 1] - base)
        rows = zip(
            columns.record_starts[first:last],
            columns.starts[first:last],
            columns.data_starts[first:last],
            listed.extra_lengths[first:last],
            strict=True,
        )
        for number, (record, begin, stop, extra_length) in enumerate(rows, first):
            start, data_start = begin - base, stop - base
            name_stop = data_start - extra_length
            signature, shared, local_extra_length = unpack(held, start)
            if (
                signature != LOCAL_SIGNATURE
                or shared != directory[record + 6 : record + 30]
                or local_extra_length != extra_length
                or held[start + 30 : name_stop] != directory[record + 46 : record + 16 + name_stop - start]
                or (extra_length and not is_usual(held, name_stop, data_start) and is_odd(held[name_stop:data_start]))
            ):
                yield number, held[start:data_start]


def _judge(source: Readable, directory: bytes, columns: Columns, number: int, header: bytes) -> None:
    """Let the careful reader read an entry whose local header is not plain.

    :raises ArchiveError: if it does not agree with the directory.
    """
    listed = listed_at(directory, (columns.record_starts[number], columns.record_starts[number + 1]))
    read_entry(source, directory, listed, columns.stops[number], STRICT, header)


def _runs(starts: "array[int]") -> Iterator[tuple[int, int]]:
    """Yield the first and the end of each run of entries whose local headers are read at once."""
    first = begin = before = 0
    for number, start in enumerate(starts):
        if start - before > _WORTH_ONE_READ or start - begin > _LONGEST_READ:
            yield first, number
            first, begin = number, start
        before = start
    yield first, len(starts)
