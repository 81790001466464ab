"""Archives that are held in memory and never become files."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from building import Archive, Entry, to_bytes
from wheelfix.locations import Url
from wheelfix.wheel.zip import structs
from wheelfix.wheel.zip.layout import Layout, read_layout

__all__ = ["Counted", "Elsewhere", "Held", "hold", "only_entry", "packed"]


class Held:
    """Bytes, read as an archive is; reading beyond them is an error of the reader."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)

    def read_at(self, offset: int, size: int) -> bytes:
        assert 0 <= offset <= offset + size <= self.size, "read past the end of the file"
        return self.data[offset : offset + size]

    def check_unchanged(self) -> None:
        pass


class Counted(Held):
    """The same, with the reads that were made: where each began and how many bytes it was."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.reads: list[tuple[int, int]] = []

    def read_at(self, offset: int, size: int) -> bytes:
        self.reads.append((offset, size))
        return super().read_at(offset, size)


def hold(*entries: Entry) -> tuple[Held, Layout]:
    """Return an archive of ``entries``, and where each of them lies."""
    source = Held(to_bytes(Archive(entries)))
    return source, read_layout(source)


def only_entry(entry: Entry) -> tuple[Held, structs.Entry]:
    """Return an archive of one entry, and where that lies."""
    source, layout = hold(entry)
    return source, layout.entries[0]


def packed(content: bytes, level: int = 6) -> bytes:
    """Return ``content`` as zlib deflates it: fast, and with references backwards."""
    deflater = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
    return deflater.compress(content) + deflater.flush()


class Elsewhere:
    """A remote wheel called ``filename``, read from memory; ``reads`` are those of each time that it was opened.

    ``metadata`` is the metadata file beside it, if there is one.
    """

    def __init__(self, filename: str, data: bytes, metadata: bytes | None = None) -> None:
        self.url = Url(f"https://example.org/wheels/{quote(filename)}")
        self.name = filename
        self.sha256: str | None = None
        self.metadata_sha256: str | None = None
        self.data = data
        self.metadata = metadata
        self.reads: list[list[tuple[int, int]]] = []

    @contextmanager
    def open(self) -> Iterator[Counted]:
        """Open it; each read is noted."""
        source = Counted(self.data)
        self.reads.append(source.reads)
        yield source

    def metadata_file(self) -> bytes | None:
        """Return the metadata file beside it."""
        return self.metadata
