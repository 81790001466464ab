"""The content of every entry, read once: inflated in bounded memory, summed, and compared with its CRC-32."""

import hashlib
import os
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from wheelfix.wheel.zip.inflate import BEHIND
from wheelfix.wheel.zip.source import Readable
from wheelfix.wheel.zip.structs import DEFLATED, STORED, Entry

_BLOCK: Final = 1 << 20
"""How much is read and inflated at a time, in bytes."""
_SHARE: Final = 1 << 22
"""How many bytes of content a thread takes on at a time, at least."""
_THREADS: Final = 4


@dataclass(frozen=True, slots=True)
class Sums:
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
    """Yield ``entries`` in lots that are worth a thread's while, the largest ones first."""
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
    crc = size = 0
    try:
        for block in _content(source, entry):
            size += len(block)
            crc = zlib.crc32(block, crc)
            for each in sums.values():
                each.update(block)
    except zlib.error as error:
        return Sums(damage=f"it cannot be inflated: {error}")
    if size != entry.size:
        return Sums(damage="it does not end where the archive says")
    if crc != entry.crc:
        return Sums(damage="it does not match its CRC-32")
    return Sums({name: each.digest() for name, each in sums.items()})


def _content(source: Readable, entry: Entry) -> Iterator[bytes]:
    """Yield the content of ``entry`` in blocks, and no more than one block beyond its size.

    :raises zlib.error: if it does not end with its data.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS) if entry.method == DEFLATED else None
    left = entry.size
    for start in range(entry.data_start, entry.data_stop, _BLOCK):
        pending = source.read_at(start, min(_BLOCK, entry.data_stop - start))
        if inflater is None:
            yield pending
            continue
        block = b"-"
        while block and not inflater.eof:  # all its input taken, it may still hold content back: ask until there is none
            block = inflater.decompress(pending, _BLOCK)
            pending = inflater.unconsumed_tail
            yield block
            left -= len(block)
            if left < 0:
                return
        if inflater.eof and (inflater.unused_data or start + _BLOCK < entry.data_stop):
            raise zlib.error(BEHIND)
    if inflater is not None and not inflater.eof:
        raise zlib.error("it is cut off")
