"""How two archives store the same entry: whether the bytes are the same, and how their records differ.

Compressed bytes are compared first; they are inflated only where they differ. Different CRC-32s prove a difference; equal
ones prove nothing, since they can be forged.
"""

import stat
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import zip_longest
from operator import itemgetter
from typing import Any, Final, NamedTuple

from wheelfix.diff.model import ArchiveChange
from wheelfix.text import shown
from wheelfix.wheel.zip import structs
from wheelfix.wheel.zip.end import End
from wheelfix.wheel.zip.extra_fields import without_fields
from wheelfix.wheel.zip.inflate import Allowance, Damaged, read_blocks
from wheelfix.wheel.zip.layout import Layout
from wheelfix.wheel.zip.source import Readable, Span, length_in_common
from wheelfix.wheel.zip.structs import DEFLATED, FULL_32, LOCAL, STORED, DirectoryRecord, Entry, LocalHeader

_INFLATED: Final = 1 << 33
_GREATEST_RATIO: Final = 100
_ANY_NUMBER: Final = 1 << 62


class Sameness(Enum):
    """How much two entries have in common."""

    RECORD = "local header, compressed data and descriptor are the same bytes"
    DATA = "the compressed data are the same bytes"
    CONTENT = "only the content is the same"
    NOTHING = "the content differs, or cannot be proven to be the same"

    @property
    def is_content(self) -> bool:
        """Whether the content is the same."""
        return self is not Sameness.NOTHING


class Side(NamedTuple):
    """One of two archives: where its bytes lie, and the bytes."""

    layout: Layout
    source: Readable


class Comparison:
    """Two archives whose entries are compared; there is a limit for what is inflated for all of them together.

    ``known`` are spans that were compared already and are the same. Entries of a pair are given by their numbers in the
    directories where only columns are looked at: nearly all pairs of two wheels are alike, and no entry is made for those.
    """

    def __init__(self, old: Side, new: Side, known: Sequence[Span] = ()) -> None:
        self._known = sorted(known)
        self.old = old
        self.new = new
        most = max(_INFLATED, _GREATEST_RATIO * max(old.source.size, new.source.size))
        self._allowance = Allowance(bytes_=most, calls=_ANY_NUMBER)
        self._covered = bytearray(len(old.layout))
        """For each entry of the old archive whether that of the same name has the same bytes, all of them."""
        self._same = tuple(self._find_same())

    def is_alike(self, old: int, new: int) -> bool:
        """Whether two entries of the same name have the same bytes, and records that differ in the position only.

        In doubt they are not: see :meth:`sameness`, and :func:`packing_changes`, which says in what they differ.
        """
        if not self._covered[old]:
            return False
        one, two = self.old.layout, self.new.layout
        start, other = one.record_starts[old], two.record_starts[new]
        before, after = one.directory, two.directory
        return (
            before[start : start + _OFFSET] == after[other : other + _OFFSET]
            and before[start + _OFFSET + 4 : one.record_starts[old + 1]]
            == after[other + _OFFSET + 4 : two.record_starts[new + 1]]
        )

    def sameness(self, old: Entry, new: Entry) -> Sameness:
        """Return how much an entry of the old archive and one of the new one have in common.

        :raises ArchiveError: if more would have to be inflated, all in all, than any real wheels need.
        """
        if (old.size, old.crc) != (new.size, new.crc):
            return Sameness.NOTHING
        if old.method == new.method:
            if self._is_known_same(old, new) or self.same_bytes((old.start, old.stop), (new.start, new.stop)):
                return Sameness.RECORD
            if self.same_bytes((old.data_start, old.data_stop), (new.data_start, new.data_stop)):
                return Sameness.DATA
        return Sameness.CONTENT if self._same_content(old, new) else Sameness.NOTHING

    def _is_known_same(self, old: Entry, new: Entry) -> bool:
        index = bisect_right(self._same, old.start, key=itemgetter(0)) - 1
        if index < 0:
            return False
        start, stop, other = self._same[index]
        return old.stop <= stop and new.start - old.start == other - start and new.stop - new.start == old.stop - old.start

    def _find_same(self) -> Iterator[Span]:
        """Yield the spans that are the same in both files, in order; entries that moved together are compared in one run."""
        old, new = self.old.layout, self.new.layout
        for first, last, shift in _runs(old, new):
            run = old.order[first:last]
            start, stop = old.starts[run[0]], old.stops[run[-1]]
            same = start + self._same_length(start, start + shift, stop - start)
            for number in run:
                if old.stops[number] > same:
                    break
                self._covered[number] = True
            yield start, same, start + shift

    def same_bytes(self, old: tuple[int, int], new: tuple[int, int]) -> bool:
        """Whether two spans of the files, each from its start to its stop, have the same bytes."""
        (start, stop), (other, other_stop) = old, new
        length = stop - start
        return length == other_stop - other and self._same_length(start, other, length) == length

    def _same_length(self, start: int, other: int, length: int) -> int:
        """Return how many of ``length`` bytes from ``start`` in the old and from ``other`` in the new file are the same."""
        index = bisect_right(self._known, start, key=itemgetter(0)) - 1  # a wheel that lost files has many spans
        if index >= 0:
            first, stop, now = self._known[index]
            if start + length <= stop and other - start == now - first:
                return length
        return length_in_common(self.old.source, start, self.new.source, other, length)

    def _same_content(self, old: Entry, new: Entry) -> bool:
        if not {old.method, new.method} <= {STORED, DEFLATED}:
            return False
        self._allowance.spend(old.size + new.size)
        try:
            pieces = zip_longest(read_blocks(self.old.source, old), read_blocks(self.new.source, new))
            return all(one == two for one, two in pieces)
        except Damaged:  # damaged content never counts as the same
            return False


def _runs(old: Layout, new: Layout) -> Iterator[tuple[int, int, int]]:
    """Yield runs of entries that lie side by side in both: where they are in ``old.order``, and how far they moved."""
    partners = [new.numbers.get(name, -1) for name in old.names]
    first, moved = 0, None
    for index, number in enumerate(old.order):
        other, start = partners[number], old.starts[number]
        shift = None
        if other >= 0 and old.stops[number] - start == new.stops[other] - new.starts[other]:
            shift = new.starts[other] - start
        if shift != moved:
            if moved is not None:
                yield first, index, moved
            first, moved = index, shift
    if moved is not None:
        yield first, len(old), moved


_OFFSET: Final = 42
"""Where a directory record has the position of its entry, which is not a property of the entry (APPNOTE 4.3.12)."""
_KIND: Final = 41
"""Where it has the highest byte of the external attributes: on Unix its upper half is the kind of file."""
_USUAL_KINDS: Final = (0, stat.S_IFREG >> 12, stat.S_IFDIR >> 12)
_LONGEST: Final = 32
_OF_DATA: Final = frozenset({"method", "flags", "version-needed", "zip64-sizes", "data-descriptor", "padding"})
"""The fields that depend on the data: they may differ where the data does. A fix pads what it writes, so that the rest keeps
its place within a disk block."""
_OF_PLACE: Final = frozenset({structs.EXTRA_ZIP64})
"""The extra fields that depend on the position of an entry."""
_OF_NAME: Final = frozenset({structs.EXTRA_UNICODE_PATH})
"""The extra fields that repeat its name, and change with that."""
_METHODS: Final = {structs.STORED: "stored", structs.DEFLATED: "deflated"}


class _Records(NamedTuple):
    """The two records of an entry, and the texts in them."""

    entry: Entry
    fields: DirectoryRecord
    local: LocalHeader
    name: bytes
    comment: bytes
    extra: bytes
    local_extra: bytes
    padding: int


def packing_changes(compared: Comparison, old: Entry, new: Entry, sameness: Sameness) -> Iterator[ArchiveChange]:
    """Yield how the records of two entries differ; if the content differs too, without what depends on that."""
    one, two = compared.old.layout.record(old), compared.new.layout.record(new)
    alike = one[:_OFFSET] == two[:_OFFSET] and one[_OFFSET + 4 :] == two[_OFFSET + 4 :]
    if sameness is Sameness.RECORD and alike:
        return
    kinds = _OF_PLACE if old.name == new.name else _OF_PLACE | _OF_NAME
    before, after = _read_records(compared.old, old, kinds), _read_records(compared.new, new, kinds)
    explained = sameness is not Sameness.DATA or old.name != new.name
    for kind, (value, words) in _PACKING.items():
        was, now = value(before), value(after)
        follows = kind in _OF_DATA and not sameness.is_content
        renamed = kind == "name-bytes" and old.name != new.name
        if was != now and not follows and not renamed:
            yield ArchiveChange(kind, new.name, words(was), words(now))
            explained = True
    if not explained:
        yield ArchiveChange("other-bytes", new.name, *("its local header or data descriptor",) * 2)
    if sameness is Sameness.CONTENT:
        sizes = (f"{entry.data_stop - entry.data_start} bytes" for entry in (old, new))
        yield ArchiveChange("recompressed", new.name, *sizes)


def _read_records(side: Side, entry: Entry, without: frozenset[int]) -> _Records:
    """Return the records of an entry, without extra fields of the kinds ``without``."""
    name, extra, comment = side.layout.texts(entry)
    local = LocalHeader._make(LOCAL.unpack(side.source.read_at(entry.start, LOCAL.size)))
    local_extra = side.source.read_at(entry.data_start - local.extra_length, local.extra_length)
    unpadded = without_fields(local_extra, {structs.EXTRA_PADDING})
    extras = without_fields(extra, without), without_fields(unpadded, without)
    padding = len(local_extra) - len(unpadded)
    return _Records(entry, side.layout.fields(entry), local, name, comment, *extras, padding)


def special_entries(layout: Layout) -> Iterator[str]:
    """Yield the names of the entries that are neither files nor directories, but links or devices."""
    for name, record in zip(layout.names, layout.record_starts, strict=False):  # there is one more record start
        if layout.directory[record + _KIND] >> 4 not in _USUAL_KINDS:
            fields = layout.fields(layout.find(name))
            if fields.made_by >> 8 == structs.UNIX:
                yield name


def _moment(value: tuple[int, int]) -> str:
    date, time = value
    day = f"{1980 + (date >> 9)}-{date >> 5 & 15:02}-{date & 31:02}"
    return f"{day} {time >> 11:02}:{time >> 5 & 63:02}:{(time & 31) * 2:02}"


def _mode(value: tuple[int, bool]) -> str:
    attributes, is_unix = value
    low = attributes & 0xFFFF
    return f"{attributes >> 16:o}{f' and {low:#x}' if low else ''}" if is_unix else f"{attributes:#x}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"


def _hex(value: bytes) -> str:
    return _cut(value.hex()) or "none"


def _text(value: bytes) -> str:
    return _cut(shown(value.decode("utf-8", "backslashreplace"))) or "none"


_SIZES: Final[Mapping[str, Callable[[_Records], tuple[int, int]]]] = {
    "directory": lambda of: (of.fields.size, of.fields.compressed_size),
    "local header": lambda of: (of.local.size, of.local.compressed_size),
}
_PACKING: Final[Mapping[str, tuple[Callable[[_Records], Any], Callable[[Any], str]]]] = {
    "method": (lambda of: of.fields.method, lambda value: _METHODS.get(value, f"method {value}")),
    "flags": (lambda of: of.fields.flags, lambda value: f"{value:#06x}"),
    "version-needed": (lambda of: of.fields.needed, str),
    "made-by": (lambda of: of.fields.made_by, lambda value: f"system {value >> 8}, version {value & 0xFF}"),
    "time": (lambda of: (of.fields.date, of.fields.time), _moment),
    "disk": (lambda of: of.fields.disk, str),
    "external-attributes": (lambda of: (of.fields.external_attributes, of.fields.made_by >> 8 == structs.UNIX), _mode),
    "internal-attributes": (lambda of: of.fields.internal_attributes, lambda value: f"{value:#x}"),
    "comment": (lambda of: of.comment, _text),
    "extra-field": (lambda of: of.extra, _hex),
    "local-extra-field": (lambda of: of.local_extra, _hex),
    "padding": (lambda of: of.padding, lambda value: f"{value} bytes" if value else "none"),
    "zip64-sizes": (
        lambda of: [kind for kind, sizes in _SIZES.items() if FULL_32 in sizes(of)],
        lambda value: " and ".join(value) or "none",
    ),
    "data-descriptor": (lambda of: of.entry.stop - of.entry.data_stop, lambda value: f"{value} bytes" if value else "none"),
    "name-bytes": (lambda of: of.name, _hex),
}
"""How the records of an entry can differ apart from its name, size, CRC and position: a value of them, and that in words."""


def end_changes(old: End, new: End) -> Iterator[ArchiveChange]:
    """Yield how the ends of two archives differ."""
    if old.comment != new.comment:
        yield ArchiveChange("archive-comment", None, _text(old.comment), _text(new.comment))
    before, after = ((end.zip64_made_by, end.zip64_needed) for end in (old, new))
    if before != after:
        words = ["none" if by is None else f"made by {by}, version needed {needed}" for by, needed in (before, after)]
        yield ArchiveChange("zip64-end", None, *words)
