"""A new container for contents that every reader reads alike: the one exception to what is kept of an archive.

:class:`Rebuilt` is an archive with the same entries in the same order. Stored and deflated data keep their compressed bytes;
what bzip2, LZMA or XZ compressed is stored. A header that is right is kept byte for byte. What lies around and between the
entries, comments, data descriptors, extra fields that repeat names and sizes, and values that do not exist are left out.

The careful reader reads the old archive as strictly as always, but for what :data:`_PASSED` lists. For that it is shown that
nothing can be read in it: no bytes outside of the entries have a signature of ZIP, nor is there one where numbers that some
readers use would lead them. That the contents are what RECORD says is for the caller to confirm.
"""

import re
import struct
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import accumulate, compress
from operator import ne
from threading import Lock
from typing import Any, Final, NamedTuple, TypeAlias

from wheelfix.errors import ArchiveError
from wheelfix.text import shown
from wheelfix.wheel.zip import structs
from wheelfix.wheel.zip.careful import NEWEST_VERSION, columns_of, read_all
from wheelfix.wheel.zip.encode import end_bytes, positioned
from wheelfix.wheel.zip.end import read_end
from wheelfix.wheel.zip.extra_fields import fields_in
from wheelfix.wheel.zip.findings import REBUILD, StrictReport
from wheelfix.wheel.zip.inflate import Damaged
from wheelfix.wheel.zip.layout import Layout
from wheelfix.wheel.zip.output import Growing
from wheelfix.wheel.zip.rare_methods import METHODS, Unpacked, unpacked_blocks
from wheelfix.wheel.zip.readback import Kept
from wheelfix.wheel.zip.source import Readable, Source
from wheelfix.wheel.zip.structs import CENTRAL, END, FULL_32, LOCAL, STORED, DirectoryRecord, Entry, LocalHeader

_PASSED: Final = frozenset(
    {("trailing-bytes", ""), ("leading-bytes", ""), ("gap", ""), ("bad-zip64-field", "more"), ("bad-zip64-field", "longer")}
)
"""What the careful reader refuses and is rebuilt, by code and form; all else is refused here too."""
_SIGNATURE: Final = re.compile(rb"PK(?:00|[\x01-\x08]{2})")
"""What every record of a ZIP file begins with."""
_SIGNATURE_LENGTH: Final = 4
_BLOCK: Final = 1 << 20
_TAIL: Final = END.size + 0xFFFF
"""How far from the end of a file readers look for its end record, in bytes."""
_OF_COMMENT: Final = frozenset(range(1, 9))
"""Bytes for which uv refuses a comment: each signature has one as its third."""
_LEAST_INFLATED: Final = 1 << 26
_GREATEST_RATIO: Final = 50
"""What is inflated may take 64 MiB, or so many times the file: beyond that PyPI takes an archive for a ZIP bomb."""
_MOST_HEADERS: Final = 1 << 25
"""How many bytes of new local headers are held in memory at most: 200,000 entries with 160 bytes each."""
_USUAL_VERSION: Final = 20
_FIRST_DAY: Final = 0x21
"""The first of January 1980, with which the dates of MS-DOS begin: the time of what has none that exists."""
_DROPPED: Final = frozenset({structs.EXTRA_ZIP64, structs.EXTRA_UNICODE_PATH, structs.EXTRA_UNICODE_COMMENT})
"""Extra fields that repeat what the record itself says."""
_LEVEL_BITS: Final = 0b110
_WIDE: Final = struct.Struct("<2H2Q")
_LONGEST_ZIP64: Final = 28
"""How many bytes a ZIP64 field has at most: both sizes, a position and a disk number."""
_MOST_OPEN: Final = 6
"""How many entries are inflated at a time: one for each thread that may read, a decoder of LZMA takes 64 MiB."""


class _Passing(StrictReport):
    """Raises what is refused, but for what can be rebuilt.

    One that ``collects`` lets the end be looked for; nothing is kept, so that of entries no more is read than usual.
    """

    def __init__(self, *, collects: bool) -> None:
        self.collects = collects

    def refuse(self, code: str, message: str, *, place: str = "", form: str = "", hint: str = REBUILD) -> None:
        """Report what makes the archive ambiguous or unreadable.

        :raises ArchiveError: here, unless it can be rebuilt.
        """
        if (code, form) not in _PASSED:
            super().refuse(code, message, place=place, form=form, hint=hint)

    def add(self, error: ArchiveError, *, place: str = "", form: str = "") -> None:
        """Report an error that a part of the reader raised.

        :raises ArchiveError: here, unless it can be rebuilt.
        """
        if (error.code, form) not in _PASSED:
            super().add(error, place=place, form=form)


def _refuse(code: str, message: str, entry: Entry | None = None) -> None:
    StrictReport().refuse(code, message, place=shown(entry.name) if entry else "")


def read_container(source: Readable) -> Layout:
    """Return where everything lies in an archive whose contents all readers read alike, although its container is not right.

    :raises ArchiveError: if two readers could read different contents, or it cannot be read.
    :raises SourceChanged: if the file becomes shorter meanwhile.
    """
    end = read_end(source, _Passing(collects=True))
    directory = source.read_at(end.directory_start, end.directory_stop - end.directory_start)
    layout = Layout(directory, end, columns_of(read_all(source, directory, end, 0, _Passing(collects=False))))
    _check_end(source, layout)
    _check_rest(source, layout)
    if end.shift:
        _check_shift(source, layout)
    return layout


def _check_end(source: Readable, layout: Layout) -> None:
    """Confirm that the end record is the only one that readers can choose, and that comments hide no records."""
    start = _end_of(layout)
    comment_length = int.from_bytes(source.read_at(start + 20, 2), "little")
    tail = source.read_at(max(0, source.size - _TAIL), min(_TAIL, source.size))
    if len(layout.end.comment) < comment_length and tail.count(structs.END_SIGNATURE) != 1:
        _refuse("second-end-record", "its end is cut off, and there may be another one")
    if _SIGNATURE.search(layout.end.comment):
        _refuse("second-end-record", "the archive comment contains a record of an archive")


def _end_of(layout: Layout) -> int:
    """Return where the end record begins."""
    wide = layout.end.zip64_made_by is not None
    return layout.end.directory_stop + wide * (structs.END_64.size + structs.LOCATOR_64.size)


def _check_rest(source: Readable, layout: Layout) -> None:
    """Confirm that no record lies in the bytes that belong to nothing: before, between and behind what does."""
    first = layout.starts[layout.order[0]]
    stop = _end_of(layout) + END.size + len(layout.end.comment)
    _check_no_records(source, 0, first, "leading-bytes", "the bytes before the first entry contain a record of an archive")
    _check_no_records(source, stop, source.size, "trailing-bytes", "the bytes after its end contain a record of an archive")
    for number in compress(range(len(layout)), map(ne, layout.data_stops, layout.stops)):
        entry = layout.entry(number)
        if not entry.flags & structs.FLAG_DESCRIPTOR:
            message = "the bytes after it contain a record of an archive"
            _check_no_records(source, entry.data_stop, entry.stop, "gap", message, entry)
        elif entry.method == STORED:  # a reader that does not know its length looks for the descriptor
            message = "it is stored, and its data contains what could be its data descriptor"
            _check_no_records(source, entry.data_start, entry.data_stop, "bad-data-descriptor", message, entry)


def _check_no_records(source: Readable, start: int, stop: int, code: str, message: str, entry: Entry | None = None) -> None:
    for position in range(start, stop, _BLOCK):
        size = min(_BLOCK + _SIGNATURE_LENGTH - 1, stop - position)
        if _SIGNATURE.search(source.read_at(position, size)):
            _refuse(code, message, entry)


def _check_shift(source: Readable, layout: Layout) -> None:
    """Confirm that a reader which does not add the length of what precedes the archive to positions finds nothing there."""
    for number in range(len(layout)):
        if _begins_record(source, layout.starts[number] - layout.end.shift):
            _refuse("leading-bytes", "positions in the directory lead to other records", layout.entry(number))


def _begins_record(source: Readable, position: int) -> bool:
    if not 0 <= position <= source.size - _SIGNATURE_LENGTH:
        return False
    return _SIGNATURE.match(source.read_at(position, _SIGNATURE_LENGTH)) is not None


class _Renewed(NamedTuple):
    """The local header of an entry in the new archive, its directory record at position 0, and its data."""

    local: bytes
    record: bytes
    data: Kept | Unpacked


def _renewed(source: Readable, layout: Layout, entry: Entry) -> _Renewed:
    """Return what becomes of an entry: what is right is kept as it is.

    :raises ArchiveError: if readers could take it differently.
    """
    fields = layout.fields(entry)
    raw_name, extra, comment = layout.texts(entry)
    header = source.read_at(entry.start, entry.data_start - entry.start)
    local = LocalHeader._make(LOCAL.unpack_from(header))
    local_extra = header[LOCAL.size + local.name_length :]
    _check_texts(entry, raw_name, comment)
    _check_numbers(source, entry, local_extra)
    name = raw_name.replace(b"\\", b"/")
    data = Unpacked(source, entry) if entry.method in METHODS else Kept(entry.data_start, entry.data_stop)
    method = STORED if isinstance(data, Unpacked) else entry.method
    sizes = (entry.data_stop - entry.data_start if isinstance(data, Kept) else data.size, entry.size)
    time, date = _moment(fields, local)
    flags = structs.FLAG_DESCRIPTOR | structs.FLAG_MASKED | (_LEVEL_BITS if method != entry.method else 0)
    wide = max(sizes) >= FULL_32
    local_extra, extra = (_plain_extra(each, sizes, wide=wide) for each in (local_extra, extra))
    compressed_size, size = (FULL_32, FULL_32) if wide else sizes
    changes: dict[str, Any] = {
        "method": method, "time": time, "date": date, "crc": entry.crc,
        "compressed_size": compressed_size, "size": size,
    }  # fmt: skip
    new_local = local._replace(
        needed=_needed(local.needed, wide=wide), flags=local.flags & ~flags, extra_length=len(local_extra), **changes
    )
    new = fields._replace(
        needed=_needed(fields.needed, wide=wide), flags=fields.flags & ~flags, extra_length=len(extra), comment_length=0,
        disk=0, external_attributes=_attributes(name, fields), offset=0, **changes,
    )  # fmt: skip
    return _Renewed(LOCAL.pack(*new_local) + name + local_extra, CENTRAL.pack(*new) + name + extra, data)


def _check_texts(entry: Entry, raw_name: bytes, comment: bytes) -> None:
    """Confirm that the name is the same for all readers, and that the comment hides no record."""
    if _SIGNATURE.search(comment):
        _refuse("second-end-record", "its comment contains a record of an archive", entry)
    if not raw_name.isascii() and not entry.flags & structs.FLAG_UTF8:
        _refuse("name-encoding", "its name is not ASCII, but not marked as UTF-8", entry)


def _moment(*records: DirectoryRecord | LocalHeader) -> tuple[int, int]:
    """Return time and date of the first of ``records`` that has some that exist."""
    found = ((each.time, each.date) for each in records if structs.exists(each.time, each.date))
    return next(found, (0, _FIRST_DAY))


def _check_numbers(source: Readable, entry: Entry, local_extra: bytes) -> None:
    """Confirm that a reader which takes another number of the ZIP64 field for the length of the data finds nothing there.

    Some take the field whether it is needed or not; where it was copied from the directory, it holds a position too.
    """
    for kind, start, stop in fields_in(local_extra, shown(entry.name)):
        if kind == structs.EXTRA_ZIP64:
            if stop - start > _LONGEST_ZIP64:  # each number is looked up in the file, and 64 kB hold 8,000 of them
                _refuse("bad-zip64-field", "its ZIP64 field is longer than any that exists", entry)
            numbers = {*struct.unpack_from(f"<{(stop - start) // 8}Q", local_extra, start)}
            for number in numbers - {entry.data_stop - entry.data_start}:
                if _begins_record(source, entry.data_start + number):
                    _refuse("bad-zip64-field", "its ZIP64 field leads to another record", entry)


def _plain_extra(extra: bytes, sizes: tuple[int, int], *, wide: bool) -> bytes:
    """Return the extra fields that say something of their own, each once, behind a ZIP64 field for ``wide`` sizes."""
    kept = dict[int, bytes]()
    for kind, start, stop in fields_in(extra, ""):
        if kind not in _DROPPED:
            kept.setdefault(kind, extra[start - 4 : stop])
    compressed_size, size = sizes
    wide_field = _WIDE.pack(structs.EXTRA_ZIP64, 16, size, compressed_size) if wide else b""
    return wide_field + b"".join(kept.values())


def _needed(version: int, *, wide: bool) -> int:
    """Return the version that is needed to extract an entry: the old one, if it exists and suffices."""
    version = _USUAL_VERSION if version & 0xFF > NEWEST_VERSION else version
    return max(version, structs.VERSION_ZIP64) if wide else version


def _attributes(name: bytes, fields: DirectoryRecord) -> int:
    """Return the external attributes without what contradicts the name: installers go by the slash at its end."""
    return structs.corrected_attributes(fields.external_attributes, is_directory=name.endswith(b"/"))


_Piece: TypeAlias = bytes | Kept | Unpacked


class Rebuilt:
    """The archive ``source`` in a new container, readable without writing it; the source must remain open.

    ``old`` is where everything lies in the source. Entries that are inflated are read from front to back; it can be read
    from any thread.

    :raises ArchiveError: if two readers could read different contents, or what would be stored is too large or damaged.
    :raises SourceChanged: if the source becomes shorter meanwhile.
    """

    def __init__(self, source: Readable) -> None:
        self._source = source
        self.old = read_container(source)
        _check_unpacked(source, self.old)
        _check_names(self.old)
        self._pieces = list(_pieces(source, self.old))
        self._starts = [0, *accumulate(map(_length_of, self._pieces))]
        self.size = self._starts.pop()
        self._open = OrderedDict[int, Unpacked]()
        self._lock = Lock()

    def read_at(self, offset: int, size: int) -> bytes:
        """Return exactly ``size`` bytes from ``offset``.

        :raises ArchiveError: if there are not so many.
        :raises SourceChanged: if the source has become shorter.
        """
        if offset + size > self.size:
            raise ArchiveError("truncated", "the archive is cut off", hint=REBUILD)
        found = []
        number = bisect_right(self._starts, offset) - 1
        while size > 0:
            part = self._read(number, offset - self._starts[number], size)
            found.append(part)
            offset, size, number = offset + len(part), size - len(part), number + 1
        return b"".join(found)

    def _read(self, number: int, skipped: int, size: int) -> bytes:
        piece = self._pieces[number]
        if isinstance(piece, bytes):
            return piece[skipped : skipped + size]
        if isinstance(piece, Kept):
            return self._source.read_at(piece.start + skipped, min(size, piece.stop - piece.start - skipped))
        with self._lock:
            return self._unpacked(number, piece).read_at(skipped, size)

    def _unpacked(self, number: int, piece: Unpacked) -> Unpacked:
        """Return an entry that is inflated, where its reader is; of others only the last few keep their place."""
        self._open[number] = piece
        self._open.move_to_end(number)
        if len(self._open) > _MOST_OPEN:
            self._open.popitem(last=False)[1].rewind()
        return piece

    def check_unchanged(self) -> None:
        """Confirm that the source is still the same.

        :raises SourceChanged: if it is not.
        """
        self._source.check_unchanged()

    def write(self, source: Source, output: Growing) -> None:
        """Append the archive to ``output``; ``source`` is the file that this was made from.

        :raises OSError: if it cannot be written.
        :raises SourceChanged: if the source has become shorter.
        """
        for number, piece in enumerate(self._pieces):
            if isinstance(piece, Kept):
                position = piece.start
                while position < piece.stop:
                    position += output.copy_from(source, position, min(_BLOCK, piece.stop - position))
            else:
                for skipped in range(0, _length_of(piece), _BLOCK):
                    output.write(self._read(number, skipped, _BLOCK))


def _check_names(layout: Layout) -> None:
    """Confirm that names are still distinct with slashes for backslashes."""
    seen = set[str]()
    for name in layout.names:
        if "\\" in name:
            slashed = name.replace("\\", "/")
            if slashed in seen or slashed in layout.numbers:
                _refuse("duplicate-entry", f"{shown(slashed)} is in the archive twice, once with backslashes")
            seen.add(slashed)


def _check_unpacked(source: Readable, layout: Layout) -> None:
    """Confirm that what will be stored is valid, and not so much that it may be made to fill a disk."""
    unusual = [entry for entry in layout.entries if entry.method in METHODS]
    total = sum(entry.size for entry in unusual)
    if total > max(_LEAST_INFLATED, _GREATEST_RATIO * source.size):
        _refuse("too-large", f"entries compressed by bzip2, LZMA or XZ claim {total} bytes")
    for entry in unusual:
        try:
            for _ in unpacked_blocks(source, entry):
                pass
        except Damaged as error:
            _refuse("damaged-entry", f"it {error}", entry)


def _pieces(source: Readable, layout: Layout) -> Iterator[_Piece]:
    """Yield what the new archive is made of; what is kept side by side is one piece."""
    records, starts = [b""] * len(layout), [0] * len(layout)
    position, headers, kept = 0, 0, Kept(0, 0)
    for number in layout.order:
        entry = layout.entry(number)
        local, records[number], data = _renewed(source, layout, entry)
        starts[number] = position
        position += len(local) + _length_of(data)
        if isinstance(data, Kept) and source.read_at(entry.start, entry.data_start - entry.start) == local:
            local, data = b"", Kept(entry.start, entry.data_stop)
        headers += len(local)
        if headers > _MOST_HEADERS:
            _refuse("too-large", f"its new local headers would take more than {_MOST_HEADERS} bytes")
        if isinstance(data, Kept) and not local and data.start == kept.stop:
            kept = Kept(kept.start, data.stop)
            continue
        yield from (piece for piece in (kept, local) if _length_of(piece))
        kept = data if isinstance(data, Kept) else Kept(0, 0)
        if isinstance(data, Unpacked):
            yield data
    yield from (piece for piece in (kept,) if _length_of(piece))
    yield _directory(layout, records, starts, position)


def _directory(layout: Layout, records: Sequence[bytes], starts: Sequence[int], start: int) -> bytes:
    """Return the directory and the end of the new archive; the order of the records is the old one."""
    directory = b"".join(map(positioned, records, starts))
    comment = b"" if _OF_COMMENT.intersection(layout.end.comment) else layout.end.comment
    return directory + end_bytes(layout.end._replace(comment=comment), len(records), start, len(directory))


def _length_of(piece: _Piece) -> int:
    match piece:
        case bytes():
            return len(piece)
        case Kept():
            return piece.stop - piece.start
        case _:
            return piece.size
