"""The content of every entry, read once: inflated in bounded memory, summed, and compared with its CRC-32."""

import hashlib
import os
from array import array
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from threading import Thread
from types import MappingProxyType, TracebackType
from typing import Final, Self, overload

from msgspec import Struct

from wheelfix.wheel.zip.inflate import Damaged, crc32_for, read_blocks
from wheelfix.wheel.zip.source import Readable
from wheelfix.wheel.zip.structs import DEFLATED, STORED, Entry

_SHARE: Final = 1 << 22
"""How many bytes of content a thread takes on at a time, at least."""
_THREADS: Final = 4


_NONE: Final[Mapping[str, bytes]] = MappingProxyType({})


class Sums(Struct, frozen=True, gc=False):
    """What became known of one entry's content: its sha256 and ``others``, by algorithm, or the ``damage`` that hides it.

    There is one for each entry, and a mapping for each would take more than all of them.
    """

    sha256: bytes = b""
    others: Mapping[str, bytes] = _NONE
    damage: str = ""

    @property
    def digests(self) -> Mapping[str, bytes]:
        """All digests by algorithm."""
        return {"sha256": self.sha256, **self.others} if self.sha256 else _NONE


class PickedEntries(Sequence[Entry]):
    """Those of ``entries`` that have one of ``names``, in their order; each is made when it is asked for."""

    def __init__(self, entries: Mapping[str, Entry], names: Sequence[str]) -> None:
        self._entries = entries
        self._names = names

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        names = self._names[index]
        return self._entries[names] if isinstance(names, str) else [self._entries[name] for name in names]


def sum_entries(source: Readable, entries: Iterable[Entry], algorithms: Mapping[str, Collection[str]]) -> dict[str, Sums]:
    """Return the sums of ``entries`` by name, as :class:`Summing` computes them."""
    with Summing(source, entries, algorithms) as summing:
        return summing.result()


class Summing:
    """The sums of ``entries``, computed by a few threads while the caller does something else, until the context ends.

    ``algorithms`` names the hashes that are wanted beside sha256, by entry. Entries that are compressed by another
    method than deflate are left out. Each thread holds some megabytes, however large the entries are. Where
    there is little to read, no thread is started, and :meth:`result` reads it.
    """

    def __init__(self, source: Readable, entries: Iterable[Entry], algorithms: Mapping[str, Collection[str]]) -> None:
        self._entries = entries if isinstance(entries, Sequence) else list(entries)
        shares, total = _shares(self._entries)
        self._source = source
        self._algorithms = algorithms
        self._crc32 = crc32_for(total)
        self._waiting = deque(enumerate(shares))
        self._found: list[dict[str, Sums]] = [{} for _ in shares]
        self._error: BaseException | None = None
        self._stopped = False
        count = min(_THREADS, os.cpu_count() or 1, len(shares)) if total >= _SHARE else 0  # less is not worth a thread
        self._threads = [Thread(target=self._work, name=f"wheelfix-sums-{number}") for number in range(count)]

    def result(self) -> dict[str, Sums]:
        """Return the sums by name once all are known, in the same order with any number of threads.

        :raises OSError: if the file cannot be read.
        :raises SourceChanged: if it has become shorter.
        """
        if not self._threads:
            self._work()
        for thread in self._threads:
            thread.join()
        if self._error is not None:
            raise self._error
        return {name: each for found in self._found for name, each in found.items()}

    def _work(self) -> None:
        """Sum one share after the other until there is none left."""
        try:
            for number, share in iter(self._next, None):
                self._found[number] = {entry.name: self._sum(entry) for entry in map(self._entries.__getitem__, share)}
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is wanted
            self._error, self._stopped = error, True

    def _next(self) -> "tuple[int, array[int]] | None":
        try:
            return None if self._stopped else self._waiting.popleft()
        except IndexError:  # the others have the rest
            return None

    def _sum(self, entry: Entry) -> Sums:
        sums = {name: hashlib.new(name, usedforsecurity=False) for name in self._algorithms.get(entry.name, ())}
        sha256 = sums.pop("sha256", None) or hashlib.sha256(usedforsecurity=False)
        try:
            for block in read_blocks(self._source, entry, crc32=self._crc32):
                for each in (sha256, *sums.values()):
                    each.update(block)
                if self._stopped:
                    break
        except Damaged as error:
            return Sums(damage=f"it {error}")
        return Sums(sha256.digest(), {name: each.digest() for name, each in sums.items()} if sums else _NONE)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End the threads: nothing is read any more, so that the file can be closed."""
        self._stopped = True
        for thread in self._threads:
            thread.join()


def _shares(entries: Sequence[Entry]) -> "tuple[list[array[int]], int]":
    """Return the numbers of ``entries`` in lots that are worth a thread, the largest first, and the size of all content."""
    numbers, sizes, starts = array("L"), array("Q"), array("Q")
    for number, entry in enumerate(entries):
        if entry.method in (STORED, DEFLATED):
            numbers.append(number)
            sizes.append(entry.size)
            starts.append(entry.start)
    shares: list[array[int]] = []
    weight = _SHARE
    for index in sorted(range(len(numbers)), key=lambda each: (-sizes[each], starts[each])):
        if weight >= _SHARE:
            shares.append(array("L"))
            weight = 0
        shares[-1].append(numbers[index])
        weight += sizes[index] + 1000  # an empty one costs something too
    return shares, sum(sizes)
