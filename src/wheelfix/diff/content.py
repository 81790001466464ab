"""Whether two entries hold the same: by their compressed bytes first, inflated only where those differ.

A CRC-32 that differs proves a difference; one that agrees proves nothing, as it can be made to.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import zip_longest
from operator import itemgetter
from typing import Final, NamedTuple

from wheelfix.wheel.zip.inflate import Allowance, Damaged, read_blocks
from wheelfix.wheel.zip.layout import Layout
from wheelfix.wheel.zip.source import Readable, Span, length_in_common
from wheelfix.wheel.zip.structs import DEFLATED, STORED, Entry

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
    """Two archives whose entries are compared; what must be inflated for it has a bound for all of them together.

    ``known`` are spans that were compared already and are the same.
    """

    def __init__(self, old: Side, new: Side, known: Sequence[Span] = ()) -> None:
        self._known = known
        self.old = old
        self.new = new
        most = max(_INFLATED, _GREATEST_RATIO * max(old.source.size, new.source.size))
        self._allowance = Allowance(bytes_=most, calls=_ANY_NUMBER)
        self._same = tuple(self._find_same())

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
        """Yield what is the same in both files, in order: entries that only moved as one are compared in long runs."""
        others = {entry.name: entry for entry in self.new.layout.entries}
        run: list[tuple[Entry, Entry]] = []
        for old in self.old.layout.in_file_order():
            new = others.get(old.name)
            if run and (
                new is None or new.start - old.start != run[-1][1].start - run[-1][0].start or old.start != run[-1][0].stop
            ):
                yield from self._same_run(run)
                run = []
            if new is not None and old.stop - old.start == new.stop - new.start:
                run.append((old, new))
        yield from self._same_run(run)

    def _same_run(self, run: list[tuple[Entry, Entry]]) -> Iterator[Span]:
        """Yield the span of ``run`` up to the first block that differs."""
        if run:
            start, other = run[0][0].start, run[0][1].start
            yield start, start + self._same_length(start, other, run[-1][0].stop - start), other

    def same_bytes(self, old: tuple[int, int], new: tuple[int, int]) -> bool:
        """Whether two spans of the files, each from its start to its stop, hold the same bytes."""
        (start, stop), (other, other_stop) = old, new
        length = stop - start
        return length == other_stop - other and self._same_length(start, other, length) == length

    def _same_length(self, start: int, other: int, length: int) -> int:
        """Return how many of ``length`` bytes from ``start`` in the old and from ``other`` in the new file are the same."""
        for first, stop, now in self._known:
            if first <= start and start + length <= stop and other - start == now - first:
                return length
        return length_in_common(self.old.source, start, self.new.source, other, length)

    def _same_content(self, old: Entry, new: Entry) -> bool:
        if not {old.method, new.method} <= {STORED, DEFLATED}:
            return False
        self._allowance.spend(old.size + new.size)
        try:
            pieces = zip_longest(read_blocks(self.old.source, old), read_blocks(self.new.source, new))
            return all(one == two for one, two in pieces)
        except Damaged:  # what is damaged is not the same, whatever it is
            return False
