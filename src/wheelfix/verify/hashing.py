"""The content of every entry, read once: inflated in bounded memory, summed, and compared with its CRC-32."""

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Final

from msgspec import Struct, field

from wheelfix.wheel.zip.inflate import Damaged, read_blocks
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
    """Return the sums of ``entries`` by name; ``algorithms`` names the hashes that are wanted beside sha256.

    Entries that are compressed by another method than deflate are left out. A few threads share the work; each holds some
    megabytes, however large the entries are.
    """
    readable = [entry for entry in entries if entry.method in (STORED, DEFLATED)]
    workers = min(_THREADS, os.cpu_count() or 1)
    found: dict[str, Sums] = {}
    if sum(entry.size for entry in readable) < _SHARE:  # not worth a thread
        return _sum_share(source, readable, algorithms)
    with ThreadPoolExecutor(workers, "wheelfix-sums") as pool:
        for part in pool.map(lambda share: _sum_share(source, share, algorithms), _shares(readable)):
            found.update(part)
    return found


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


def _sum_share(source: Readable, share: list[Entry], algorithms: Mapping[str, Collection[str]]) -> dict[str, Sums]:
    return {entry.name: _sum(source, entry, ("sha256", *algorithms.get(entry.name, ()))) for entry in share}


def _sum(source: Readable, entry: Entry, algorithms: Collection[str]) -> Sums:
    sums = {name: hashlib.new(name, usedforsecurity=False) for name in dict.fromkeys(algorithms)}
    try:
        for block in read_blocks(source, entry):
            for each in sums.values():
                each.update(block)
    except Damaged as error:
        return Sums(damage=f"it {error}")
    return Sums({name: each.digest() for name, each in sums.items()})
