"""The proof in spans: a new archive differs from the old one as planned, without parsing it again.

What is kept was copied, and compared, in long spans. If these and the new entries fill the new archive, and these and the
old entries that are not kept fill the old one, then every kept entry is there with its header and its data, in order.
What is left to show is that the directory says so too.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from wheelfix.fix.assemble import Assembly
from wheelfix.wheel.zip.careful import columns_of
from wheelfix.wheel.zip.extra_fields import without_fields
from wheelfix.wheel.zip.layout import Layout
from wheelfix.wheel.zip.rewrite import Written
from wheelfix.wheel.zip.source import Readable, Span
from wheelfix.wheel.zip.structs import CENTRAL, EXTRA_PADDING, EXTRA_ZIP64, LOCAL, DirectoryRecord, Entry

_POSITION: Final = struct.Struct("<I")
_POSITION_AT: Final = 42
"""Where a directory record has the position of its entry (APPNOTE 4.3.12)."""


def differs_as_planned(work: Assembly, output: Readable, written: Written) -> bool:
    """Whether ``written``, as it was read back, shows that the new archive is the old one but for what was planned.

    It does not where entries have new names, or positions are in the ZIP64 form: then a comparison of both must decide.
    """
    layout = work.wheel.layout
    new = {entry.name: entry for entry in written.entries}
    gone = sorted(layout.numbers[name] for name in {*new, *work.removed} if name in layout.numbers)
    return (
        written.layout is None
        and len(new) == len(written.entries)
        and new.keys() == work.expected.keys()
        and all(map(str.isascii, new))  # else the same bytes could be another name with another flag
        and written.end.comment == layout.end.comment
        and _fill_both(layout, gone, written)
        and _lists_the_same(layout, gone, written)
        and all(
            _takes_over(work, output, written, new[name])
            for name in new
            if name in layout.numbers and name not in work.removed
        )
    )


def _fill_both(layout: Layout, gone: Sequence[int], written: Written) -> bool:
    """Whether the spans fill the old archive with the entries that are gone, and the new one with the new entries.

    The new one must not be shorter: how much streamed entries may be inflated to is measured by that (see ``careful``).
    """
    spans, end = written.spans, written.end.directory_start
    if any(one[1] >= two[0] for one, two in pairwise(spans)):  # entries of which a span holds a part only
        return False
    old = [(layout.starts[number], layout.stops[number]) for number in gone]
    new = [(entry.start, entry.stop) for entry in written.entries]
    was = layout.end.directory_start
    return (
        end >= was
        and _fill(((start, stop) for start, stop, _ in spans), old, was)
        and _fill(((position, position + stop - start) for start, stop, position in spans), new, end)
    )


def _fill(kept: Iterable[tuple[int, int]], others: Iterable[tuple[int, int]], size: int) -> bool:
    """Whether both together fill ``size`` bytes, side by side, and those of ``kept`` are in order."""
    spans = list(kept)
    if spans != sorted(spans):
        return False
    position = 0
    for start, stop in sorted([*spans, *others]):
        if start != position:
            return False
        position = stop
    return position == size


def _lists_the_same(layout: Layout, gone: Sequence[int], written: Written) -> bool:
    """Whether the records of kept entries are those of the old directory, in its order, but for their positions.

    Each position is put back in a copy of the new records, if it has moved as far as the span of its entry; then the two
    must have the same bytes.
    """
    kept = bytearray().join(_records_between(written))
    at, shifts = 0, _Shifts(written.spans)
    for first, last in _runs(gone, len(layout)):
        base = layout.record_starts[first]
        length = layout.record_starts[last] - base
        if at + length > len(kept) or not _put_back(layout, range(first, last), kept, at, shifts):
            return False
        if not kept.startswith(layout.directory[base : base + length], at):
            return False
        at += length
    return at == len(kept)


def _put_back(layout: Layout, numbers: range, kept: bytearray, at: int, shifts: "_Shifts") -> bool:
    """Put the old positions into the records of ``numbers`` from ``at`` on; stop where one is not what follows from it."""
    common = shifts.of(layout.starts[numbers[0]]) if layout.in_order else None  # they lie side by side in one span
    if common == 0:
        return True
    base = layout.record_starts[numbers[0]]
    for number in numbers:
        start, place = layout.starts[number], at + layout.record_starts[number] - base + _POSITION_AT
        if _POSITION.unpack_from(kept, place)[0] != start + (shifts.of(start) if common is None else common):
            return False
        _POSITION.pack_into(kept, place, start)
    return True


class _Shifts:
    """How far each span has moved."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._starts = [start for start, _, _ in spans]
        self._shifts = [position - start for start, _, position in spans]

    def of(self, start: int) -> int:
        """Return how far the kept entry at ``start`` of the old archive has moved."""
        return self._shifts[bisect_right(self._starts, start) - 1]


def _records_between(written: Written) -> Iterator[bytes]:
    """Yield the runs of records in the new directory that are not those of new entries."""
    position = 0
    for entry in sorted(written.entries, key=lambda entry: entry.record_start):
        yield written.directory[position : entry.record_start]
        position = entry.record_stop
    yield written.directory[position:]


def _runs(gone: Iterable[int], count: int) -> Iterator[tuple[int, int]]:
    """Yield the first and the end of each run of kept entries."""
    first = 0
    for number in (*gone, count):
        if first < number:
            yield first, number
        first = number + 1


def _takes_over(work: Assembly, output: Readable, written: Written, new: Entry) -> bool:
    """Whether a new entry has time, mode, origin, comment and extra fields of the one that it replaces."""
    layout = work.wheel.layout
    old = layout.find(new.name)
    ours, theirs = (
        _attributes(source, entry, directory)
        for source, entry, directory in ((output, new, written.directory), (work.wheel.source, old, layout.directory))
    )
    return ours == theirs


def adds_as_planned(work: Assembly, output: Readable, written: Written) -> bool:
    """Whether each added entry has time, mode and origin of METADATA, and no comment or extra field."""
    wheel = work.wheel
    like = wheel.layout.find(f"{wheel.dist_info}/METADATA")
    expected = (_attributes(wheel.source, like, wheel.layout.directory)[0], b"", b"", b"")
    return all(
        _attributes(output, each, written.directory) == expected for each in written.entries if each.name in work.added
    )


def _attributes(source: Readable, entry: Entry, directory: bytes) -> tuple[object, ...]:
    """Return the fields that an entry has from another one, its comment, and its extra fields in both records."""
    fields = DirectoryRecord._make(CENTRAL.unpack_from(directory, entry.record_start))
    extra_start = entry.record_start + CENTRAL.size + fields.name_length
    comment_start = extra_start + fields.extra_length
    header = source.read_at(entry.start, entry.data_start - entry.start)
    local_extra = header[LOCAL.size + int.from_bytes(header[26:28], "little") :]
    return (
        (fields.made_by, fields.time, fields.date, fields.internal_attributes, fields.external_attributes),
        directory[comment_start : entry.record_stop],
        without_fields(directory[extra_start:comment_start], {EXTRA_ZIP64}),
        without_fields(local_extra, {EXTRA_ZIP64, EXTRA_PADDING}),
    )


def dist_info_of(work: Assembly, written: Written) -> Layout:
    """Return where the entries of dist-info lie in the new archive, whose names are as before."""
    layout, shifts, prefix = work.wheel.layout, _Shifts(written.spans), f"{work.wheel.dist_info}/"
    changed = {*work.expected, *work.removed}
    entries: list[Entry] = []
    records: list[bytes] = []
    kept = (number for name, number in layout.numbers.items() if name.startswith(prefix) and name not in changed)
    for old in map(layout.entry, kept):
        shift = shifts.of(old.start)
        entries.append(old._replace(**{name: getattr(old, name) + shift for name in _PLACES}))
        records.append(layout.record(old))
    for new in written.entries:
        entries.append(new)
        records.append(written.directory[new.record_start : new.record_stop])
    size = 0
    for index, record in enumerate(records):
        entries[index] = entries[index]._replace(record_start=size, record_stop=size + len(record))
        size += len(record)
    directory = b"".join(records)
    return Layout(directory, written.end, columns_of(entries))


_PLACES: Final = ("start", "data_start", "data_stop", "stop")
