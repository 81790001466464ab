"""Where every byte of an archive lies.

Reading is strict: the members lie side by side from the first byte to the directory, each local header says what the
directory says, there is one directory and one end, and no name twice. What breaks this could be read in two ways and is
refused; of 966 real wheels that were measured none does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple, NoReturn

from wheelfix.archive import headers
from wheelfix.archive.ending import End, read_end
from wheelfix.archive.headers import ENTRY, LOCAL, Entry, LocalHeader
from wheelfix.archive.source import Readable
from wheelfix.archive.streamed import ends_where_it_should
from wheelfix.errors import ArchiveError
from wheelfix.escaping import shown

_SPARE = 32
"""Bytes read beyond what a local header is expected to take: its extra field is often longer than the directory's."""
_LONGEST_DESCRIPTOR = 24
_INFLATED_IN_SECONDS = 1 << 30
_GREATEST_RATIO = 20
_UNREADABLE = headers.FLAG_ENCRYPTED | headers.FLAG_STRONG_ENCRYPTION | headers.FLAG_MASKED | headers.FLAG_PATCHED
_REBUILD = "Readers could take it differently, so it is refused; build or download the wheel again."


class Member(NamedTuple):
    """One file in the archive. Positions are bytes from the start of the archive; ``stop`` is exclusive.

    A named tuple, not a dataclass: an archive can hold 66,000 of them, and they are made three times faster.
    ``[start, data_start)`` is the local header, ``[data_start, data_stop)`` the compressed data, ``[data_stop, stop)`` the
    data descriptor, if any. ``[entry_start, entry_stop)`` is the record within ``Layout.directory``. ``size`` is that of
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
    entry_start: int
    entry_stop: int


@dataclass(frozen=True, slots=True)
class Layout:
    """An archive: its members in the order of the directory, the directory's bytes, and its end."""

    members: tuple[Member, ...]
    directory: bytes
    end: End

    def in_file_order(self) -> list[Member]:
        """Return the members in the order in which they lie in the file."""
        return sorted(self.members, key=lambda member: member.start)

    def entry(self, member: Member) -> bytes:
        """Return the directory record of ``member``."""
        return self.directory[member.entry_start : member.entry_stop]

    def fields(self, member: Member) -> Entry:
        """Return the fixed fields of the directory record of ``member``."""
        return Entry._make(ENTRY.unpack_from(self.directory, member.entry_start))


class _Listed(NamedTuple):
    """What the directory says of one member, sizes and position widened by ZIP64."""

    offset: int
    name: str
    flags: int
    method: int
    crc: int
    compressed_size: int
    size: int
    name_length: int
    extra_length: int
    entry_start: int
    entry_stop: int


_make = tuple.__new__
"""Makes a named tuple without its Python-level ``__new__``: twice as fast, and it runs 24,000 times for torch."""


def read_layout(source: Readable) -> Layout:
    """Return where every byte of ``source`` lies.

    :raises ArchiveError: if it is no ZIP archive, is damaged, or could be read in two ways.
    :raises SourceChanged: if the file becomes shorter meanwhile.
    """
    end = read_end(source)
    directory = source.read_at(end.directory_start, end.directory_stop - end.directory_start)
    return Layout(read_members(source, directory, end.member_count, 0, end.directory_start), directory, end)


def read_members(source: Readable, directory: bytes, count: int, start: int, stop: int) -> tuple[Member, ...]:
    """Return the ``count`` members that ``directory`` lists; they must fill ``source`` from ``start`` to ``stop``.

    :raises ArchiveError: if they do not, or their local headers say otherwise.
    """
    listed = list(_read_directory(directory, count))
    _refuse_duplicates(directory, listed)
    _bound_inflation(listed, stop - start)
    in_file_order = sorted(listed)
    limits = [each.offset for each in in_file_order[1:]] + [stop] if in_file_order else []
    members: list[Member] = []
    expected = start
    for each, limit in zip(in_file_order, limits, strict=True):
        members.append(_read_member(source, directory, each, expected, limit))
        expected = limit
    members.sort(key=attrgetter("entry_start"))
    return tuple(members)


def _refuse(code: str, message: str) -> NoReturn:
    raise ArchiveError(code, message, hint=_REBUILD)


def _bound_inflation(listed: list[_Listed], length: int) -> None:
    """Refuse streamed members, which are inflated to find their end, that would take minutes."""
    total = sum(each.size for each in listed if each.flags & headers.FLAG_DESCRIPTOR)
    if total > max(_INFLATED_IN_SECONDS, _GREATEST_RATIO * length):
        raise ArchiveError(
            "member-too-large",
            f"members with data descriptors claim {total} bytes",
            hint="They must be inflated to find their end; these may be made to exhaust time.",
        )


def _refuse_duplicates(directory: bytes, listed: list[_Listed]) -> None:
    seen: set[str | bytes] = set()
    for each in listed:
        if not each.name.isascii():  # the same bytes with and without the UTF-8 flag are one name to some readers
            start = each.entry_start + ENTRY.size
            raw = directory[start : start + each.name_length]
            if raw in seen:
                _refuse("duplicate-member", f"{shown(each.name)} is in the archive twice, under another encoding")
            seen.add(raw)
        if each.name in seen:
            _refuse("duplicate-member", f"{shown(each.name)} is in the archive twice")
        seen.add(each.name)


def _read_directory(directory: bytes, count: int) -> Iterator[_Listed]:
    position, fixed = 0, ENTRY.size
    for _ in range(count):
        if position + fixed > len(directory) or not directory.startswith(headers.ENTRY_SIGNATURE, position):
            _refuse("bad-directory", f"the directory does not hold the {count} members that it announces")
        fields = ENTRY.unpack_from(directory, position)
        _, _, _, flags, method, _, _, crc, packed, size, name_length, extra_length, comment_length, disk, _, _, offset = (
            fields
        )
        name_stop = position + fixed + name_length
        extra_stop = name_stop + extra_length
        stop = extra_stop + comment_length
        if stop > len(directory):
            _refuse("bad-directory", "the last record of the directory is cut off")
        raw = directory[position + fixed : name_stop]
        name = raw.decode("ascii") if raw.isascii() else _decode_name(raw, flags)
        if not name or "\0" in name:  # zipfile cuts a name at NUL, others do not
            _refuse("bad-member-name", f"the member name {raw!r} is empty or holds a NUL")
        if flags & _UNREADABLE or disk:
            _refuse_unreadable(name, flags)
        extra = directory[name_stop:extra_stop]
        if extra and not headers.is_well_formed(extra):
            _refuse("bad-extra-field", f"{shown(name)}: an extra field runs past its end")
        if extra and headers.may_mislead(extra):
            _refuse_second_name(raw, extra, shown(name))
            size, packed, offset = headers.widen((size, packed, offset), extra, shown(name))
        row = (offset, name, flags, method, crc, packed, size, name_length, extra_length, position, stop)
        yield _make(_Listed, row)
        position = stop
    if position != len(directory):
        _refuse("bad-directory", f"the directory holds {len(directory) - position} bytes that belong to no member")


def _decode_name(raw: bytes, flags: int) -> str:
    try:
        return raw.decode("utf-8" if flags & headers.FLAG_UTF8 else "cp437")
    except UnicodeDecodeError:
        _refuse("bad-member-name", f"the member name {raw!r} is marked as UTF-8 and is not")


def _refuse_second_name(raw: bytes, extra: bytes, place: str) -> None:
    """Refuse a Unicode path (APPNOTE 4.6.9) that is not the name: Info-ZIP takes it, zipfile does not."""
    span = headers.find_extra(extra, headers.EXTRA_UNICODE_PATH, place)
    if span and extra[span[0] + 5 : span[1]] != raw:
        _refuse("bad-member-name", f"{place}: a second name stands in the extra field")


def _refuse_unreadable(name: str, flags: int) -> NoReturn:
    if flags & (_UNREADABLE & ~headers.FLAG_PATCHED):
        raise ArchiveError(
            "encrypted-member", f"{shown(name)} is encrypted", hint="No installer opens it; build the wheel without."
        )
    if flags & headers.FLAG_PATCHED:
        _refuse("patched-member", f"{shown(name)} is compressed patched data")
    _refuse("many-disks", f"{shown(name)} lies on another disk")


def _read_member(source: Readable, directory: bytes, listed: _Listed, expected: int, limit: int) -> Member:
    """Return one member, of which ``expected`` is the only possible start and ``limit`` the only possible stop."""
    offset, name, flags, method, crc, compressed_size, size, name_length, extra_length, start, entry_stop = listed
    if offset != expected:
        _refuse_position(name, offset, expected)
    name_stop = LOCAL.size + name_length
    if expected + name_stop > limit:
        _refuse("overlap", f"{shown(name)} runs into what follows it")
    wanted = name_stop + extra_length + _SPARE
    header = source.read_at(expected, wanted if expected + wanted <= limit else limit - expected)
    if not header.startswith(headers.LOCAL_SIGNATURE):
        _refuse("bad-local-header", f"there is no local header where the directory says that {shown(name)} begins")
    local_extra_length = header[28] | header[29] << 8
    extra_stop = name_stop + local_extra_length
    data_start = expected + extra_stop
    data_stop = data_start + compressed_size
    if data_stop > limit:
        _refuse("overlap", f"{shown(name)} runs into what follows it")
    # From "needed" to the name's length both records have the same fields in the same order.
    alike = (
        header[4:28] == directory[start + 6 : start + 30]
        and header[LOCAL.size : name_stop] == directory[start + ENTRY.size : start + ENTRY.size + name_length]
    )
    extra = header[name_stop:extra_stop]
    postponed = flags & headers.FLAG_DESCRIPTOR
    if not alike or postponed or (extra and (len(extra) < local_extra_length or headers.may_mislead(extra))):
        _compare(source, directory, listed, header, data_start)
    if data_stop != limit or postponed:
        _check_descriptor(source, listed, data_stop, limit)
    row = (name, expected, data_start, data_stop, limit, method, flags, crc, size, start, entry_stop)
    return _make(Member, row)


def _compare(source: Readable, directory: bytes, listed: _Listed, header: bytes, data_start: int) -> None:
    """Compare a local header with its directory record, field by field."""
    local = LocalHeader._make(LOCAL.unpack_from(header))
    entry = Entry._make(ENTRY.unpack_from(directory, listed.entry_start))
    name_start = listed.entry_start + ENTRY.size
    raw_name = directory[name_start : name_start + listed.name_length]
    place = f"{shown(listed.name)}, local header"
    for what in ("flags", "method", "time", "date", "name_length"):
        if getattr(local, what) != getattr(entry, what):
            _refuse("local-header-differs", f"{place}: the {what.replace('_', ' ')} is not that of the directory")
    if header[LOCAL.size : LOCAL.size + listed.name_length] != raw_name:
        _refuse("local-header-differs", f"{place}: the name is not that of the directory")
    extra = source.read_at(data_start - local.extra_length, local.extra_length)
    size, compressed_size = headers.widen((local.size, local.compressed_size), extra, place)
    _refuse_second_name(raw_name, extra, place)
    said = (local.crc, size, compressed_size)
    postponed = listed.flags & headers.FLAG_DESCRIPTOR and not any(said)
    if postponed:
        data = (listed.method, data_start, data_start + listed.compressed_size, listed.size, listed.crc)
        if not ends_where_it_should(source, *data):
            _refuse(
                "bad-data-descriptor", f"{place}: its sizes stand behind the data only, and it does not tell its own end"
            )
    elif said != (listed.crc, listed.size, listed.compressed_size):
        _refuse("local-header-differs", f"{place}: CRC or size is not that of the directory")


def _check_descriptor(source: Readable, listed: _Listed, start: int, stop: int) -> None:
    """Confirm that the bytes between the data and the next member are a data descriptor (APPNOTE 4.3.9)."""
    if not listed.flags & headers.FLAG_DESCRIPTOR:
        _refuse("gap", f"{stop - start} bytes after {shown(listed.name)} belong to no member")
    crc = listed.crc.to_bytes(4, "little")
    forms = []
    for width in (4, 8):
        if max(listed.compressed_size, listed.size) < 1 << 8 * width:
            sizes = listed.compressed_size.to_bytes(width, "little") + listed.size.to_bytes(width, "little")
            forms += [crc + sizes, headers.DESCRIPTOR_SIGNATURE + crc + sizes]
    if source.read_at(start, min(stop - start, _LONGEST_DESCRIPTOR + 1)) not in forms:
        _refuse("bad-data-descriptor", f"the data descriptor of {shown(listed.name)} is not what the directory says")


def _refuse_position(name: str, offset: int, expected: int) -> NoReturn:
    if expected == 0:
        _refuse("leading-bytes", f"{offset} bytes stand before the first member {shown(name)}")
    if offset > expected:
        _refuse("gap", f"{offset - expected} bytes before {shown(name)} belong to no member")
    _refuse("overlap", f"{shown(name)} lies inside the member before it")
