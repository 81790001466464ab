"""The content of every entry, read once: inflated in bounded memory, summed, and compared with its CRC-32."""

import hashlib
import os
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from threading import Thread
from types import MappingProxyType, TracebackType
from typing import Final, Self

from msgspec import Struct, field

from wheelfix.wheel.zip.inflate import Damaged, crc32_for, read_blocks
from wheelfix.wheel.zip.source import Readable
from wheelfix.wheel.zip.structs import DEFLATED, STORED, Entry

_SHARE: Final = 1 << 22
"""How many bytes of content a thread takes on at a time, at least."""
_THREADS: Final = 4


class Sums(Struct, frozen=True):
    """What became known of one entry's content: its digests by algorithm, or the ``damage`` that hides it."""

    digests: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    damage: str = ""


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
        readable = [entry for entry in entries if entry.method in (STORED, DEFLATED)]
        total = sum(entry.size for entry in readable)
        shares = list(_shares(readable))
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
                self._found[number] = {entry.name: self._sum(entry) for entry in share}
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is wanted
            self._error, self._stopped = error, True

    def _next(self) -> tuple[int, list[Entry]] | None:
        try:
            return None if self._stopped else self._waiting.popleft()
        except IndexError:  # the others have the rest
            return None

    def _sum(self, entry: Entry) -> Sums:
        algorithms = dict.fromkeys(("sha256", *self._algorithms.get(entry.name, ())))
        sums = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
        try:
            for block in read_blocks(self._source, entry, crc32=self._crc32):
                for each in sums.values():
                    each.update(block)
                if self._stopped:
                    break
        except Damaged as error:
            return Sums(damage=f"it {error}")
        return Sums({name: each.digest() for name, each in sums.items()})

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End the threads: nothing is read any more, so that the file can be closed."""
        self._stopped = True
        for thread in self._threads:
            thread.join()


def _shares(entries: list[Entry]) -> Iterator[list[Entry]]:
    """Yield ``entries`` in lots that are worth a thread, the largest ones first."""
    share, weight = list[Entry](), 0
    for entry in sorted(entries, key=lambda each: (-each.size, each.start)):
        share.append(entry)
        weight += entry.size + 1000  # an empty one costs something too
        if weight >= _SHARE:
            yield share
            share, weight = [], 0
    if share:
        yield share
