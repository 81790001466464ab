"""Archives that are held in memory and never become files."""

import zlib
from dataclasses import dataclass

from building import Archive, Entry, to_bytes
from wheelfix.wheel.zip import structs
from wheelfix.wheel.zip.layout import read_layout

__all__ = ["Held", "hold", "only_entry", "packed"]


@dataclass(frozen=True)
class Held:
    """Bytes, read as an archive is."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, size: int) -> bytes:
        found = self.data[offset : offset + size]
        assert len(found) == size, "read past the end of the file"
        return found


def hold(*entries: Entry) -> tuple[Held, tuple[structs.Entry, ...]]:
    """Return an archive of ``entries``, and where each of them lies."""
    source = Held(to_bytes(Archive(entries)))
    return source, read_layout(source).entries


def only_entry(entry: Entry) -> tuple[Held, structs.Entry]:
    """Return an archive of one entry, and where that lies."""
    source, (listed,) = hold(entry)
    return source, listed


def packed(content: bytes, level: int = 6) -> bytes:
    """Return ``content`` as zlib deflates it: fast, and with references backwards."""
    deflater = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
    return deflater.compress(content) + deflater.flush()
