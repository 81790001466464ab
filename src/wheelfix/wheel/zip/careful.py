"""The careful reader: everything that an archive may contain, read so strictly that no two readers can differ.

The entries lie side by side from the first byte to the directory, each local header agrees with the directory, there is one
directory and one end, and no name appears twice. An archive that breaks this could be read in two ways and is refused; none
of 966 real wheels did. With a collecting report the same reader finds everything that is wrong and continues as far as it
can.
"""

from array import array
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from wheelfix.errors import ArchiveError
from wheelfix.text import shown
from wheelfix.wheel.zip import structs
from wheelfix.wheel.zip.end import MOST_ENTRIES, End
from wheelfix.wheel.zip.extra_fields import (
    LONGER_FORMS,
    Described,
    check_second_name,
    fields_in,
    form_of,
    is_plain,
    is_well_formed,
    may_mislead,
    note_odd_fields,
    only_needed,
    widen,
)
from wheelfix.wheel.zip.findings import StrictReport
from wheelfix.wheel.zip.inflate import says_where_it_ends
from wheelfix.wheel.zip.source import Readable
from wheelfix.wheel.zip.structs import CENTRAL, LOCAL, STORED, Columns, DirectoryRecord, Entry, LocalHeader, decode_name

_SPARE = 32
"""Bytes read beyond what a local header is expected to take: its extra field is often longer than the directory's."""
_LARGEST_POSITION: Final = (1 << 64) - 1
_LONGEST_DESCRIPTOR = 24
_INFLATED_IN_SECONDS = 1 << 30
_GREATEST_RATIO = 20
_ENCRYPTED = structs.FLAG_ENCRYPTED | structs.FLAG_STRONG_ENCRYPTION
_UNREADABLE = _ENCRYPTED | structs.FLAG_PATCHED
_RELEVANT_FLAGS = _UNREADABLE | structs.FLAG_DESCRIPTOR | structs.FLAG_UTF8
"""The flags that change what is read; all others are reserved or about the compressor."""
NEWEST_VERSION = 63
"""The "version needed to extract" of the newest APPNOTE (4.4.3.2), in tenths; its upper byte is for the host system.
``zipfile`` and uv refuse newer versions."""


class Listed(NamedTuple):
    """What the directory says about one entry, with sizes and position from ZIP64 fields where those are used."""

    offset: int
    name: str
    flags: int
    method: int
    crc: int
    compressed_size: int
    size: int
    name_length: int
    extra_length: int
    record_start: int
    record_stop: int


_make = tuple.__new__
"""Makes a named tuple without its Python-level ``__new__``: twice as fast, and it runs 24,000 times for torch."""


def read_all(source: Readable, directory: bytes, end: End, start: int, report: StrictReport) -> list[Entry]:
    """Return the entries that ``directory`` lists, in its order; they must fill ``source`` from ``start`` to the directory.

    :raises ArchiveError: with a strict ``report``, if they do not, or their local headers say otherwise.
    """
    in_file_order = list_entries(directory, end, start, report)
    entries = [read_entry(source, directory, each, limit, report) for each, limit in in_file_order]
    entries.sort(key=attrgetter("record_start"))
    return entries


def columns_of(entries: Sequence[Entry]) -> Columns:
    """Return where ``entries`` lie; they are in the order of the directory.

    Where a damaged archive was read as far as possible, positions can lie anywhere; those that no file has are cut off.
    """
    starts, data_starts, data_stops, stops = (
        array("Q", [min(max(position, 0), _LARGEST_POSITION) for position in positions])
        for positions in (
            [each.start for each in entries],
            [each.data_start for each in entries],
            [each.data_stop for each in entries],
            [each.stop for each in entries],
        )
    )
    records = array("Q", [each.record_start for each in entries])
    records.append(entries[-1].record_stop if entries else 0)
    return Columns(records, starts, data_starts, data_stops, stops, array("Q", [each.size for each in entries]))


def listed_at(directory: bytes, span: tuple[int, int]) -> Listed:
    """Return what the record at ``span`` of the directory says, if that has no ZIP64 field."""
    fields = DirectoryRecord._make(CENTRAL.unpack_from(directory, span[0]))
    name = decode_name(directory[span[0] + CENTRAL.size :][: fields.name_length], fields.flags)
    sizes, lengths = (fields.compressed_size, fields.size), (fields.name_length, fields.extra_length)
    return Listed(fields.offset, name, fields.flags, fields.method, fields.crc, *sizes, *lengths, *span)


def list_entries(directory: bytes, end: End, start: int, report: StrictReport) -> Sequence[tuple[Listed, int]]:
    """Return the entries in the order of the file, each with the only possible end; the first begins at ``start``."""
    stop = end.directory_start
    listed = list(_read_directory(directory, end.entry_count, report))
    _refuse_duplicates(directory, listed, report)
    _limit_inflation(listed, stop - start, report)
    if end.shift:
        listed = [each._replace(offset=each.offset + end.shift) for each in listed]
    listed.sort()
    if listed and listed[0].offset != start:
        _refuse_position(listed[0], start, report)
    limits = [each.offset for each in listed[1:]] + [stop] if listed else []
    return [(each, min(limit, stop)) for each, limit in zip(listed, limits, strict=True)]


def _limit_inflation(listed: list[Listed], length: int, report: StrictReport) -> None:
    """Refuse streamed entries that would take minutes: each is inflated to find its end."""
    streamed = [each for each in listed if each.flags & structs.FLAG_DESCRIPTOR]
    total = sum(each.size for each in streamed)
    if total > max(_INFLATED_IN_SECONDS, _GREATEST_RATIO * length):
        report.refuse(
            "entry-too-large",
            f"entries with data descriptors claim {total} bytes",
            form="streamed",
            hint="They must be inflated to find their end; these may be made to waste time.",
        )
        for each in streamed:
            report.hide(each.name)


def _refuse_duplicates(directory: bytes, listed: list[Listed], report: StrictReport) -> None:
    seen: set[str | bytes] = set()
    for each in listed:
        if not each.name.isascii():  # the same bytes with and without the UTF-8 flag are one name to some readers
            raw = _raw_name(directory, each)
            if raw in seen and each.name not in seen:
                report.refuse(
                    "duplicate-entry",
                    "it is in the archive twice, in two encodings",
                    place=shown(each.name),
                    form="encoding",
                )
            seen.add(raw)
        if each.name in seen:
            report.refuse("duplicate-entry", "it is in the archive twice", place=shown(each.name), form="twice")
        seen.add(each.name)


def _raw_name(directory: bytes, listed: Listed) -> bytes:
    start = listed.record_start + CENTRAL.size
    return directory[start : start + listed.name_length]


def _read_directory(directory: bytes, count: int, report: StrictReport) -> Iterator[Listed]:
    position, fixed, number = 0, CENTRAL.size, 0
    most = MOST_ENTRIES if report.collects else count
    while number < most and position + fixed <= len(directory) and directory.startswith(structs.CENTRAL_SIGNATURE, position):
        fields = CENTRAL.unpack_from(directory, position)
        _, _, _, flags, method, _, _, crc, packed, size, name_length, extra_length, comment_length, disk, _, _, offset = (
            fields
        )
        name_stop = position + fixed + name_length
        extra_stop = name_stop + extra_length
        stop = extra_stop + comment_length
        if stop > len(directory):
            break
        raw = directory[position + fixed : name_stop]
        name = raw.decode("ascii") if raw.isascii() else _decode_name(raw, flags, report)
        if not name or "\0" in name:  # zipfile cuts a name at NUL, others do not
            report.refuse(
                "bad-entry-name", f"the name {raw!r} is empty or contains a NUL", form="empty" if not name else "nul"
            )
        extra = directory[name_stop:extra_stop]
        if extra and (may_mislead(extra) or not is_well_formed(extra) or (report.collects and not is_plain(extra))):
            numbers = (size, packed, offset)
            described = Described(raw, bool(flags & structs.FLAG_UTF8), method, numbers, is_local=False)
            size, packed, offset = _read_extra(extra, described, shown(name), report)
        if flags & _UNREADABLE or disk or (method == STORED and size != packed):
            _refuse_unreadable(name, flags, disk, report)
            if method == STORED and size != packed:
                message = f"it is stored, and has {packed} bytes for a size of {size}"
                report.refuse("stored-size-differs", message, place=shown(name))
                report.hide(name)
        row = (offset, name, flags, method, crc, packed, size, name_length, extra_length, position, stop)
        yield _make(Listed, row)
        position, number = stop, number + 1
    if number != count:
        report.refuse("bad-directory", f"the directory lists {number} entries, the end record says {count}")
    if position != len(directory):
        report.refuse("bad-directory", f"{len(directory) - position} bytes of the directory belong to no entry")


def _read_extra(extra: bytes, record: Described, place: str, report: StrictReport) -> tuple[int, ...]:
    """Return the numbers of ``record``, those of the ZIP64 field where it uses that."""
    numbers = record.numbers
    try:
        if not is_well_formed(extra):
            form = "" if record.is_local else "cut"  # zipfile does not read those of local headers
            report.refuse("bad-extra-field", "an extra field runs past its end", place=place, form=form)
            return numbers
        if may_mislead(extra):
            check_second_name(extra, record, place, report)
            numbers = widen(numbers, extra, place)
        if report.collects:
            note_odd_fields(extra, record, place, report)
    except ArchiveError as error:
        form = form_of(error, extra, record)
        report.add(error, place=place, form=form)
        if form in LONGER_FORMS:  # those who accept it take what is needed, so that nothing else is wrong for them
            return only_needed(numbers, extra, place)
    return numbers


def _decode_name(raw: bytes, flags: int, report: StrictReport) -> str:
    try:
        return raw.decode("utf-8" if flags & structs.FLAG_UTF8 else "cp437")
    except UnicodeDecodeError:
        report.refuse("bad-entry-name", f"the name {raw!r} is marked as UTF-8, which it is not", form="not UTF-8")
        return decode_name(raw, flags)


def _refuse_unreadable(name: str, flags: int, disk: int, report: StrictReport) -> None:
    place = shown(name)
    if flags & _ENCRYPTED:
        report.refuse(
            "encrypted-entry",
            "it is encrypted",
            place=place,
            hint="No installer can read it; build the wheel without encryption.",
        )
        report.hide(name)
    if flags & structs.FLAG_PATCHED:
        report.refuse("patched-entry", "it is compressed patched data", place=place)
        report.hide(name)
    if disk:
        report.note("odd-flag", f"the directory says that it lies on disk {disk}", place=place)


def _hidden(listed: Listed, report: StrictReport, code: str, message: str) -> Entry:
    """Report an entry about which only its directory record is known, and return it."""
    report.refuse(code, message, place=shown(listed.name))
    report.hide(listed.name)
    return _entry(listed, listed.offset, listed.offset)


def _entry(listed: Listed, data_start: int, data_stop: int) -> Entry:
    numbers = (listed.method, listed.flags, listed.crc, listed.size, listed.record_start, listed.record_stop)
    return _make(Entry, (listed.name, listed.offset, data_start, data_stop, data_stop, *numbers))


def read_entry(
    source: Readable, directory: bytes, listed: Listed, limit: int, report: StrictReport, header: bytes = b""
) -> Entry:
    """Return one entry; ``limit`` is the only possible end, and ``header`` the local header where it was read already.

    :raises ArchiveError: with a strict ``report``, if it is not valid.
    """
    offset, name, flags, method, crc, compressed_size, size, name_length, extra_length, start, record_stop = listed
    if offset < 0 or offset + LOCAL.size > limit:
        return _hidden(listed, report, "overlap", "it overlaps what follows it")
    wanted = LOCAL.size + name_length + extra_length + _SPARE
    header = header or source.read_at(offset, wanted if offset + wanted <= limit else limit - offset)
    if not header.startswith(structs.LOCAL_SIGNATURE):
        return _hidden(listed, report, "bad-local-header", "there is no local header where the directory says")
    name_stop = LOCAL.size + (header[26] | header[27] << 8)
    local_extra_length = header[28] | header[29] << 8
    data_start = offset + name_stop + local_extra_length
    data_stop = data_start + compressed_size
    if data_stop > limit:
        return _hidden(listed, report, "overlap", "it overlaps what follows it")
    # From "needed" to the name's length both records have the same fields in the same order. Where sizes are all ones, they
    # stand in a ZIP64 field of each record, which only the careful comparison looks for.
    alike = (
        structs.FULL_32_BYTES not in header[18:26]
        and header[4:28] == directory[start + 6 : start + 30]
        and header[LOCAL.size : name_stop] == directory[start + CENTRAL.size : start + CENTRAL.size + name_length]
    )
    extra = header[name_stop : name_stop + local_extra_length]
    postponed = flags & structs.FLAG_DESCRIPTOR
    # uv and PyPI refuse fields of a local header that are cut off; others do not read them
    odd = bool(extra) and (may_mislead(extra) or not is_well_formed(extra) or (report.collects and not is_plain(extra)))
    if not alike or postponed or odd or len(extra) < local_extra_length:
        header = source.read_at(offset, data_start - offset) if len(header) < data_start - offset else header
        _compare(source, directory, listed, header[: data_start - offset], report)
    if data_stop != limit or postponed:
        wide = report.collects and _has_zip64(header[name_stop : data_start - offset])
        _check_descriptor(source, listed, data_stop, limit, report, wide=wide)
    row = (name, offset, data_start, data_stop, limit, method, flags, crc, size, start, record_stop)
    return _make(Entry, row)


def _compare(source: Readable, directory: bytes, listed: Listed, header: bytes, report: StrictReport) -> None:
    """Compare a local header with its directory record, field by field."""
    local = LocalHeader._make(LOCAL.unpack_from(header))
    entry = DirectoryRecord._make(CENTRAL.unpack_from(directory, listed.record_start))
    raw_name = _raw_name(directory, listed)
    place = f"{shown(listed.name)}, local header"
    name_stop = LOCAL.size + local.name_length
    relevant = _RELEVANT_FLAGS if not raw_name.isascii() else _RELEVANT_FLAGS & ~structs.FLAG_UTF8
    if (local.flags ^ entry.flags) & relevant:
        _differs(report, place, "flags", "the flags differ from the directory's")
    if local.method != entry.method:
        _differs(report, place, "method", "the compression method differs from the directory's")
    if (local.time, local.date) != (entry.time, entry.date):
        report.note("local-time-differs", "its date or time differs from the directory's", place=place)
    if local.needed & 0xFF > NEWEST_VERSION >= entry.needed & 0xFF:
        message = f"it needs version {local.needed & 0xFF} of the ZIP format, the directory says {entry.needed & 0xFF}"
        report.note("newer-version", message, place=place, form="local")
    if header[LOCAL.size : name_stop] != raw_name:
        _differs(report, place, "name", "the name differs from the directory's")
    numbers: tuple[int, ...] = (local.size, local.compressed_size)
    extra = header[name_stop:]
    if extra:
        described = Described(raw_name, bool(local.flags & structs.FLAG_UTF8), local.method, numbers, is_local=True)
        numbers = _read_extra(extra, described, place, report)
    size, compressed_size = numbers
    if listed.flags & structs.FLAG_DESCRIPTOR and not any((local.crc, size, compressed_size)):
        _check_streamed(source, listed, listed.offset + len(header), place, report)
        return
    if local.crc != listed.crc:
        _differs(report, place, "crc", "the CRC-32 differs from the directory's")
    if (size, compressed_size) != (listed.size, listed.compressed_size):
        _differs(report, place, "size", "the sizes differ from the directory's")


def _differs(report: StrictReport, place: str, form: str, message: str) -> None:
    report.refuse("local-header-differs", message, place=place, form=form)


def _check_streamed(source: Readable, listed: Listed, start: int, place: str, report: StrictReport) -> None:
    """Refuse an entry whose sizes only follow its data, unless the data marks its own end."""
    if report.hides(listed.name):
        return
    if not says_where_it_ends(source, _entry(listed, start, start + listed.compressed_size)):
        message = "its sizes only follow its data, and the data does not mark its own end"
        report.refuse("bad-data-descriptor", message, place=place, form="streamed")


def _has_zip64(extra: bytes) -> bool:
    """Whether a local header has a ZIP64 field: then uv expects a data descriptor with sizes of eight bytes."""
    return is_well_formed(extra) and any(kind == structs.EXTRA_ZIP64 for kind, _, _ in fields_in(extra, ""))


def _check_descriptor(source: Readable, listed: Listed, start: int, stop: int, report: StrictReport, *, wide: bool) -> None:
    """Confirm that the bytes between the data and the next entry are a data descriptor (APPNOTE 4.3.9).

    ``wide`` is whether its sizes should have eight bytes.
    """
    place = shown(listed.name)
    if not listed.flags & structs.FLAG_DESCRIPTOR:
        report.refuse("gap", f"{stop - start} bytes after it belong to no entry", place=place)
        return
    crc = listed.crc.to_bytes(4, "little")
    forms = []
    for width in (4, 8):
        if max(listed.compressed_size, listed.size) < 1 << 8 * width:
            sizes = listed.compressed_size.to_bytes(width, "little") + listed.size.to_bytes(width, "little")
            forms += [crc + sizes, structs.DESCRIPTOR_SIGNATURE + crc + sizes]
    form = "" if wide == (stop - start > _LONGEST_DESCRIPTOR - 8) else "other width"
    report.note("data-descriptor", "its sizes follow its data", place=place, form=form)
    if source.read_at(start, min(stop - start, _LONGEST_DESCRIPTOR + 1)) not in forms:
        report.refuse("bad-data-descriptor", "its data descriptor does not agree with the directory", place=place)


def _refuse_position(listed: Listed, expected: int, report: StrictReport) -> None:
    """Refuse the first entry where it does not lie at the start; each further one lies where the one before must end."""
    if expected == 0:
        report.refuse("leading-bytes", f"{listed.offset} bytes are before the first entry", place=shown(listed.name))
    elif listed.offset > expected:
        report.refuse("gap", f"{listed.offset - expected} bytes before it belong to no entry", place=shown(listed.name))
    else:
        report.refuse("overlap", "it lies inside the entry before it", place=shown(listed.name))
