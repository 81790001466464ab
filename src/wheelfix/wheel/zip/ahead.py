"""Parts of a remote archive, read ahead: each read may be a request, so that what lies close together is read at once."""

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from wheelfix.wheel.zip.source import Readable

Extent: TypeAlias = tuple[int, int]
"""Where a part of a file lies: its start and its stop."""

TAIL: Final = (1 << 16) + (1 << 10)
"""In bytes: how much of the end is read first. It is more than the longest end of an archive (65,557), and 63 % of 107 real
wheels have their directory and METADATA in there: one request. With twice as much it would be 72 %, and what that saves in
round trips of 20 ms is lost to the bytes at 100 Mbit/s."""
_NEAR: Final = 1 << 17
"""In bytes: what lies between two parts is read along up to this; at 100 Mbit/s it takes less time than a request."""
_LONGEST: Final = 1 << 22
"""In bytes: the longest run that is read at once. dist-info of the largest real wheels takes one."""
_LARGEST: Final = 1 << 25
"""In bytes: the largest part that is read at once by itself, such as a RECORD of 200,000 rows."""


class ReadAhead:
    """A file of which parts are read ahead, in few reads, and kept; whatever else is read of it is read when it is wanted.

    ``source`` is where it is read from. What is kept takes the memory of what you read ahead, 4 MiB a run, or 32 MiB for one
    large part.
    """

    def __init__(self, source: Readable) -> None:
        self.size = source.size
        self._source = source
        self._kept: list[tuple[int, bytes]] = []

    def load(self, needed: Iterable[Extent], others: Iterable[Extent] = ()) -> None:
        """Read the parts that are ``needed``, and those of the ``others`` that lie close to them.

        A part of more than 32 MiB is not read ahead, and of the others none of more than 4 MiB.

        :raises SourceChanged: if the file has become shorter.
        """
        for start, stop in _runs(needed, others):
            if not self.holds(start, stop):
                self._kept.append((start, self._source.read_at(start, stop - start)))

    def holds(self, start: int, stop: int) -> bool:
        """Whether the bytes from ``start`` to ``stop`` were read ahead."""
        return any(begin <= start and stop <= begin + len(data) for begin, data in self._kept)

    def read_at(self, offset: int, size: int) -> bytes:
        """Return exactly ``size`` bytes from ``offset``.

        :raises SourceChanged: if there are not so many.
        """
        for begin, data in self._kept:
            if begin <= offset and offset + size <= begin + len(data):
                return data[offset - begin : offset - begin + size]
        return self._source.read_at(offset, size)

    def check_unchanged(self) -> None:
        """Confirm that all reads came from the same file, as far as that can be known.

        :raises SourceChanged: if they did not.
        """
        self._source.check_unchanged()


def _runs(needed: Iterable[Extent], others: Iterable[Extent]) -> Iterator[Extent]:
    """Yield the runs of bytes to read: each has something that is needed, and only a single part is longer than 4 MiB."""
    parts = sorted([*((*each, True) for each in needed), *((*each, False) for each in others)])
    run, counts = (0, 0), False
    for start, stop, is_needed in parts:
        if stop - start > (_LARGEST if is_needed else _LONGEST):
            continue
        if start - run[1] <= _NEAR and stop - run[0] <= _LONGEST and run[1]:
            run, counts = (run[0], max(run[1], stop)), counts or is_needed
            continue
        if counts:
            yield run
        run, counts = (start, stop), is_needed
    if counts:
        yield run
