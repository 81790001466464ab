"""Archives: the plain reader and the careful one, strict and loose, whole and by the directory alone, beside ``zipfile``."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import Final

from ambiguous import constructions
from building import DEFLATED, STORED, Archive, Entry, extra_field, to_bytes
from damages import DAMAGES
from fuzz.target import Bound, Feed, Target, check_error, outcome
from in_memory import Held, packed
from reading import same_in_both
from strategies import FORMS
from wheelfix.errors import ArchiveError
from wheelfix.wheel.zip import structs
from wheelfix.wheel.zip.careful import NEWEST_VERSION
from wheelfix.wheel.zip.inflate import Damaged, Inflater, Library, library_for, read_blocks, read_content, read_start
from wheelfix.wheel.zip.layout import Directory, Layout, read_layout, read_loosely

_LONGEST_SEED: Final = 3_000
_MOST_CONTENT: Final = 1 << 20
_EVERY: Final = 60
"""Of thousands of constructions so many make one seed."""


def check_layout(data: bytes) -> None:
    """Two readers and two modes agree; what is accepted is what ``zipfile`` sees; what is refused has a finding."""
    if not data:  # a source is never empty
        return
    source = Held(data)
    assert same_in_both(source)
    layout = outcome(lambda: read_layout(source))
    reading = read_loosely(source)
    if layout is None:
        assert reading.findings
        outcome(lambda: [Directory(source)[name] for name in outcome(lambda: [*Directory(source)]) or ()])
        return
    assert reading.layout == layout
    _check_whole(data, layout)
    directory = Directory(source)
    assert [directory[name] for name in layout.names] == [layout.by_name[name] for name in layout.names]
    assert len(directory) == len(layout)
    _check_beside_zipfile(data, layout)


def _check_whole(data: bytes, layout: Layout) -> None:
    """Confirm that the entries fill the file from its start to the directory, and that nothing stands twice."""
    position = 0
    for entry in layout.in_file_order():
        assert entry.start == position
        assert entry.start < entry.data_start <= entry.data_stop <= entry.stop
        position = entry.stop
    assert position == layout.end.directory_start
    assert layout.directory == data[layout.end.directory_start : layout.end.directory_stop]
    assert len(layout.names) == len(layout)


def _check_beside_zipfile(data: bytes, layout: Layout) -> None:
    try:
        other = zipfile.ZipFile(io.BytesIO(data))
    except NotImplementedError:  # of an entry of a version of ZIP that is none yet, which verify reports
        assert any(layout.fields(entry).needed & 0xFF > NEWEST_VERSION for entry in layout.entries)
        return
    with other:
        infos = other.infolist()
        assert [info.orig_filename for info in infos] == [entry.name for entry in layout.entries]
        for info, entry in zip(infos, layout.entries, strict=True):
            said = info.header_offset, info.compress_size, info.file_size, info.CRC, info.compress_type, info.flag_bits
            size = entry.data_stop - entry.data_start
            assert said == (entry.start, size, entry.size, entry.crc, entry.method, entry.flags)
            content = outcome(lambda entry=entry: read_content(Held(data), entry, limit=_MOST_CONTENT))  # type: ignore[misc]
            if content is not None:
                assert content == other.read(info)


def _archives() -> Iterator[bytes]:
    for damage in DAMAGES:
        data = damage.make()
        if len(data) <= _LONGEST_SEED:
            yield data
    for number, sample in enumerate(constructions()):
        if number % _EVERY == 0:
            yield sample.make()[1]
    for form in FORMS:
        yield to_bytes(Archive((Entry("a", b"1" * 40, **form), Entry("b/c.py", b"2", STORED, **form))))
    entry = Entry("caf\u00e9", b"x", comment=b"c", extra=extra_field(0x5455, b"\1" + bytes(4)))
    yield to_bytes(Archive((entry,), comment=b"comment", zip64_end=True))
    yield to_bytes(Archive((Entry("a", b""), Entry("b", b"", STORED)), reversed_directory=True))


def check_inflated(data: bytes) -> None:
    """Content is what zlib makes of the data, to its last byte, however it is read; all else is refused.

    The input is raw deflate data behind a byte that says how the sizes lie.
    """
    feed = Feed(data)
    lie, raw = feed.choice((0, 0, 0, 1, -1, 300)), feed.rest()
    content = _inflated(raw)
    said = content if content is not None else b"?"
    size = max(0, len(said) + lie)
    entry = Entry("x", said, DEFLATED, raw=raw, directory={"size": size}, local={"size": size})
    source = Held(to_bytes(Archive((entry,))))
    try:
        found = read_layout(source).entries[0]
    except ArchiveError as error:  # sizes that no deflate data can have
        check_error(error)
        assert size != len(said) or content is None
        return
    read = outcome(lambda: read_content(source, found, limit=_MOST_CONTENT))
    streamed = _streamed(source, found)
    is_right = content is not None and size == len(said)
    assert read == streamed == (content if is_right else None)
    start = outcome(lambda: read_start(source, found, 7))
    assert not is_right or start == said[:7]
    if is_right:
        for library in {library_for(0), library_for(1 << 30)}:
            assert _by_pieces(source, found, library) == content


def _streamed(source: Held, found: structs.Entry) -> bytes | None:
    try:
        return b"".join(read_blocks(source, found))
    except Damaged:
        return None


def _by_pieces(source: Held, entry: structs.Entry, library: Library) -> bytes | None:
    """Return the content, read some bytes at a time, ``None`` where the library does not take it."""
    inflater = Inflater(source, entry, first=3, library=library)
    found = bytearray()
    try:
        while piece := inflater.read(11):
            found += piece
    except Damaged:
        return None
    return bytes(found)


def _inflated(raw: bytes) -> bytes | None:
    """Return what zlib makes of raw deflate data, ``None`` unless the data ends where deflate does."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = inflater.decompress(raw, _MOST_CONTENT)
    except zlib.error:
        return None
    return content if inflater.eof and not inflater.unused_data else None


def _deflated() -> Iterator[bytes]:
    texts = (b"", b"a", b"abc" * 30, bytes(300), b"Metadata-Version: 2.1\nName: demo\n", bytes(range(256)))
    for number, text in enumerate(texts):
        for level in (0, 1, 9):
            yield bytes([number]) + packed(text, level)
    fixed = zlib.compressobj(9, wbits=-zlib.MAX_WBITS, strategy=zlib.Z_FIXED)
    yield b"\0" + fixed.compress(b"fixed codes" * 5) + fixed.flush()
    flushed = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    yield b"\0" + flushed.compress(b"one") + flushed.flush(zlib.Z_FULL_FLUSH) + flushed.compress(b"two") + flushed.flush()
    yield b"\0" + packed(b"x") + b"behind"


_SIGNATURES: Final = (b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\7\x08")
TARGETS: Final = {
    "layout": Target(
        check_layout,
        _archives,
        words=(
            *_SIGNATURES,
            b"\1\0\x08\0",
            b"\1\0\x10\0",
            b"up",
            b"\x75\x70",
            b"\xff\xff\xff\xff",
            b"\xff\xff",
            b"\0\x08",
            b"../",
        ),
        longest=3 << 10,
        calls=Bound(20_000, 40),
        memory=Bound(1 << 22, 1 << 9),
    ),
    "inflate": Target(check_inflated, _deflated, longest=1 << 10, memory=Bound(1 << 23, 1 << 13)),
}
