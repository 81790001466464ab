"""Where every byte of an archive lies.

Plain archives, as nearly all wheels are, are read by :mod:`~wheelfix.wheel.zip.plain`, all others by
:mod:`~wheelfix.wheel.zip.careful`. Both are strict: an archive that could be read in two ways is refused.
:func:`read_loosely` collects everything that is wrong instead, and continues as far as it can.
"""

import struct
from collections.abc import Callable, Iterator, KeysView, Mapping, Sequence
from functools import cached_property
from operator import lt
from typing import Final, NamedTuple, overload

from wheelfix.errors import ArchiveError
from wheelfix.wheel.zip.careful import columns_of, list_entries, read_all, read_entry
from wheelfix.wheel.zip.end import End, read_end
from wheelfix.wheel.zip.findings import STRICT, ArchiveFinding, CollectingReport
from wheelfix.wheel.zip.plain import read_plain, read_spotless
from wheelfix.wheel.zip.source import Readable
from wheelfix.wheel.zip.structs import CENTRAL, LOCAL, Columns, DirectoryRecord, Entry, decode_name

_ENTRY_FIELDS: Final = struct.Struct("<8x2H4xI8xH16x")
"""What an entry takes from its directory record itself: flags, method, CRC-32, and the length of its name."""
_LONGEST_HEADER: Final = LOCAL.size + 2 * 0xFFFF + 24
"""How much more than its data an entry can take, in bytes: a local header, and a data descriptor in its longest form."""


class Entries(Sequence[Entry]):
    """The entries of an archive in the order of the directory; each is made when it is asked for.

    An archive can list 200,000. To look at one property of all, use the columns of :class:`Layout`.
    """

    def __init__(self, layout: "Layout") -> None:
        self._layout = layout

    def __len__(self) -> int:
        return len(self._layout.starts)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        numbers = range(len(self))[index]
        return self._layout.entry(numbers) if isinstance(numbers, int) else list(map(self._layout.entry, numbers))

    def __iter__(self) -> Iterator[Entry]:
        return map(self._layout.entry, range(len(self)))


class EntriesByName(Mapping[str, Entry]):
    """The entries of an archive by name; each is made when it is asked for. Of a name that is there twice it is the last."""

    def __init__(self, layout: "Layout") -> None:
        self._layout = layout

    def __getitem__(self, name: str) -> Entry:
        return self._layout.find(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layout.numbers)

    def __len__(self) -> int:
        return len(self._layout.numbers)

    def __contains__(self, name: object) -> bool:
        return name in self._layout.numbers

    def keys(self) -> KeysView[str]:
        """Return the names."""
        return self._layout.names


class Layout:
    """An archive: where its entries lie, the directory's bytes, and its end.

    What is known about all entries stands in columns, in the order of the directory (see
    :class:`~wheelfix.wheel.zip.structs.Columns`).
    """

    def __init__(self, directory: bytes, end: End, columns: Columns, numbers: dict[str, int] | None = None) -> None:
        self.directory = directory
        self.end = end
        self.columns = columns
        self.record_starts, self.starts, self.data_starts, self.data_stops, self.stops, self.sizes = columns
        if numbers is not None:
            self.numbers = numbers

    @classmethod
    def empty(cls) -> "Layout":
        """Return the layout of an archive without entries, for what has no archive."""
        return cls(b"", End(0, 0, 0, b""), columns_of(()))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Layout):
            return NotImplemented
        return (self.directory, self.end, self.columns) == (other.directory, other.end, other.columns)

    __hash__ = None  # type: ignore[assignment]  # arrays have no hash

    def __len__(self) -> int:
        return len(self.starts)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each entry in the directory, by its name; the last one of a name that is there twice."""
        return {self.entry(number).name: number for number in range(len(self))}

    @property
    def names(self) -> KeysView[str]:
        """The names of the entries, each once, in the order of the directory."""
        return self.numbers.keys()

    @property
    def entries(self) -> Entries:
        """The entries in the order of the directory."""
        return Entries(self)

    @property
    def by_name(self) -> EntriesByName:
        """The entries by name."""
        return EntriesByName(self)

    @cached_property
    def in_order(self) -> bool:
        """Whether the directory lists the entries in the order in which they lie in the file."""
        return all(map(lt, self.starts, self.starts[1:]))

    @cached_property
    def order(self) -> Sequence[int]:
        """The numbers of the entries in the order in which they lie in the file."""
        return range(len(self)) if self.in_order else sorted(range(len(self)), key=self.starts.__getitem__)

    def in_file_order(self) -> Sequence[Entry]:
        """Return the entries in the order in which they lie in the file."""
        return self.entries if self.in_order else list(map(self.entry, self.order))

    def entry(self, number: int) -> Entry:
        """Return the entry that the directory lists after ``number`` others."""
        record, record_stop = self.record_starts[number], self.record_starts[number + 1]
        flags, method, crc, name_length = _ENTRY_FIELDS.unpack_from(self.directory, record)
        name = decode_name(self.directory[record + CENTRAL.size : record + CENTRAL.size + name_length], flags)
        positions = self.starts[number], self.data_starts[number], self.data_stops[number], self.stops[number]
        return Entry(name, *positions, method, flags, crc, self.sizes[number], record, record_stop)

    def find(self, name: str) -> Entry:
        """Return the entry ``name``.

        :raises KeyError: if there is none.
        """
        return self.entry(self.numbers[name])

    def named(self, is_wanted: Callable[[str], object]) -> list[Entry]:
        """Return the entries whose names are wanted, in the order of the directory; for the others none is made."""
        return [self.entry(number) for name, number in self.numbers.items() if is_wanted(name)]

    def record(self, entry: Entry) -> bytes:
        """Return the directory record of ``entry``."""
        return self.directory[entry.record_start : entry.record_stop]

    def fields(self, entry: Entry) -> DirectoryRecord:
        """Return the fixed fields of the directory record of ``entry``."""
        return DirectoryRecord._make(CENTRAL.unpack_from(self.directory, entry.record_start))

    def texts(self, entry: Entry) -> tuple[bytes, bytes, bytes]:
        """Return the name, the extra fields and the comment in the directory record of ``entry``."""
        fields, record = self.fields(entry), self.record(entry)
        extra = CENTRAL.size + fields.name_length
        comment = extra + fields.extra_length
        return record[CENTRAL.size : extra], record[extra:comment], record[comment:]


class Reading(NamedTuple):
    """An archive read as far as possible: its ``layout``, ``None`` if there is no directory, and the findings.

    ``hidden`` names the entries whose content cannot be found or must not be read: it is encrypted, overlaps another entry,
    or takes minutes to inflate. Duplicate names are still in the layout.
    """

    layout: Layout | None
    findings: Sequence[ArchiveFinding]
    hidden: frozenset[str]


def read_layout(source: Readable) -> Layout:
    """Return where every byte of ``source`` lies.

    :raises ArchiveError: if it is not a ZIP archive, is damaged, or could be read in two ways.
    :raises SourceChanged: if the file becomes shorter meanwhile.
    """
    end = read_end(source)
    directory = _read_directory(source, end)
    plain = read_plain(source, directory, end)
    if plain is not None:
        columns, numbers = plain
        return Layout(directory, end, columns, numbers)
    return Layout(directory, end, columns_of(read_all(source, directory, end, 0, STRICT)))


def read_entries(source: Readable, directory: bytes, count: int, start: int, stop: int) -> tuple[Entry, ...]:
    """Return the ``count`` entries that ``directory`` lists; they must fill ``source`` from ``start`` to ``stop``.

    :raises ArchiveError: if they do not, or their local headers say otherwise.
    """
    return tuple(read_all(source, directory, End(count, stop, stop + len(directory), b""), start, STRICT))


def read_loosely(source: Readable) -> Reading:
    """Return everything that is wrong with the archive ``source``, and its layout as ``zipfile`` would read it.

    :raises SourceChanged: if the file becomes shorter meanwhile.
    """
    report = CollectingReport()
    layout = None
    try:
        end = read_end(source, report)
        directory = _read_directory(source, end)
        # Findings at the end can mean that positions in the directory are wrong.
        spotless = None if report.findings else read_spotless(source, directory, end)
        columns, numbers = spotless or (columns_of(read_all(source, directory, end, 0, report)), None)
        layout = Layout(directory, end, columns, numbers)
    except ArchiveError as error:
        report.add(error)
    return Reading(layout, report.findings, frozenset(report.hidden))


def _read_directory(source: Readable, end: End) -> bytes:
    return source.read_at(end.directory_start, end.directory_stop - end.directory_start)


class Directory(Mapping[str, Entry]):
    """The entries of an archive by name, as its directory lists them, read in three reads however many there are.

    Use it for remote archives, where each read is a request: :func:`read_layout` makes one for each group of entries. An
    entry is read and checked when you ask for it. It is **not** checked that the local headers of all others agree with the
    directory and that no bytes lie between them, so another reader might see another archive. Show what is known from
    here, but never write anything based on it. ``source`` is what the archive is read from.

    :raises ArchiveError: if it is not a ZIP archive, or its end or directory is damaged or could be read in two ways.
    :raises SourceChanged: if the file becomes shorter meanwhile.
    """

    def __init__(self, source: Readable) -> None:
        self.source = source
        end = read_end(source)
        self._directory = _read_directory(source, end)
        listed = list_entries(self._directory, end, 0, STRICT)
        in_order = sorted(listed, key=lambda each: each[0].record_start)
        self._listed = {each.name: (each, limit) for each, limit in in_order}

    @property
    def names(self) -> KeysView[str]:
        """The names of the entries, in the order of the directory."""
        return self._listed.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self._listed)

    def __len__(self) -> int:
        return len(self._listed)

    def __contains__(self, name: object) -> bool:
        return name in self._listed

    def __getitem__(self, name: str) -> Entry:
        return self.find(name)

    def find(self, name: str) -> Entry:
        """Return where the entry ``name`` lies; its local header is read and checked.

        :raises KeyError: if there is no such entry.
        :raises ArchiveError: if it is damaged, or could be read in two ways.
        """
        listed, limit = self._listed[name]
        return read_entry(self.source, self._directory, listed, limit, STRICT)

    def size_of(self, name: str) -> int:
        """Return the size of the content of the entry ``name``, in bytes, as the directory says; nothing is read.

        :raises KeyError: if there is no such entry.
        """
        return self._listed[name][0].size

    def extent_of(self, name: str) -> tuple[int, int]:
        """Return from where to where the entry ``name`` lies: up to the next one, but no further than it can reach.

        Nothing is read.

        :raises KeyError: if there is no such entry.
        """
        listed, limit = self._listed[name]
        return listed.offset, min(limit, listed.offset + _LONGEST_HEADER + listed.compressed_size)
