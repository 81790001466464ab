"""The content of an entry, under a limit."""

import tracemalloc
import zlib
from pathlib import Path

import pytest

from building import DEFLATED, STORED, Archive, Entry, Hole, to_bytes
from in_memory import Counted, only_entry
from wheelfix.errors import ArchiveError
from wheelfix.wheel.zip.inflate import read_content
from wheelfix.wheel.zip.layout import read_layout
from wheelfix.wheel.zip.source import Source


def _content(path: Path, entry: Entry, limit: int = 1 << 20) -> bytes:
    path.write_bytes(to_bytes(Archive((entry,))))
    with Source(path) as source:
        return read_content(source, read_layout(source).entries[0], limit=limit)


@pytest.mark.parametrize("method", [STORED, DEFLATED])
@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 9])
def test_content_is_what_was_written(method: int, content: bytes, tmp_path: Path) -> None:
    assert _content(tmp_path / "a.zip", Entry("a", content, method)) == content


@pytest.mark.parametrize("method", [STORED, DEFLATED])
@pytest.mark.parametrize(("content", "reads"), [(b"", 0), (b"x", 1), (bytes(range(256)) * 9, 1)])
def test_a_small_file_is_read_at_once(method: int, content: bytes, reads: int) -> None:
    """Each read of a remote wheel is a request, also one of nothing."""
    held, entry = only_entry(Entry("a", content, method))
    source = Counted(held.data)
    assert read_content(source, entry, limit=1 << 20) == content
    assert len(source.reads) == reads


def test_content_of_any_deflate_encoder(tmp_path: Path) -> None:
    content = b"the same words, the same words, the same words" * 99
    for level in (1, 6, 9):
        deflater = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
        raw = deflater.compress(content) + deflater.flush()
        assert _content(tmp_path / "a.zip", Entry("a", content, raw=raw)) == content


@pytest.mark.parametrize(("size", "refused"), [(100, False), (101, True)])
def test_bound(size: int, *, refused: bool, tmp_path: Path) -> None:
    """Pitfall 28: one byte more than the bound is too much."""
    entry = Entry("a", b"x" * size, STORED)
    if not refused:
        assert len(_content(tmp_path / "a.zip", entry, limit=100)) == size
        return
    with pytest.raises(ArchiveError) as refusal:
        _content(tmp_path / "a.zip", entry, limit=100)
    assert refusal.value.code == "entry-too-large"


@pytest.mark.parametrize("claimed", [10, 1 << 27])
def test_bomb_takes_no_memory(claimed: int, tmp_path: Path) -> None:
    """Pitfall 28: whatever size a bomb claims, no more than the bound is ever inflated."""
    deflater = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    raw = b"".join(deflater.compress(bytes(1 << 20)) for _ in range(128)) + deflater.flush()
    content = Hole(claimed) if claimed > 100 else b"x" * claimed
    tracemalloc.start()
    with pytest.raises(ArchiveError) as refusal:
        _content(tmp_path / "a.zip", Entry("a", content, raw=raw))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refusal.value.code in {"damaged-entry", "entry-too-large"}
    assert peak < 1 << 26
