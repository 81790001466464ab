"""An entry as a file: the bytes of its content at any position, and a bound on what reading them costs."""

import io
import zlib
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from building import DEFLATED, STORED, Archive, Entry, to_bytes
from in_memory import hold, only_entry, packed
from wheelfix.errors import ArchiveError
from wheelfix.wheel.zip import inflate, structs
from wheelfix.wheel.zip.inflate import ZLIB, Allowance, EntryFile, Library
from wheelfix.wheel.zip.layout import read_loosely
from wheelfix.wheel.zip.source import Source

CONTENT = b"".join(b"%d, the same words again; " % number for number in range(400))
METHODS = [Entry("a", CONTENT, STORED), Entry("a", CONTENT, DEFLATED), Entry("a", CONTENT, raw=packed(CONTENT))]


LIBRARIES = [ZLIB, pytest.param(inflate._isal(), marks=pytest.mark.skipif(inflate._isal() is ZLIB, reason="needs isal"))]


def plenty() -> Allowance:
    return Allowance(bytes_=1 << 40, calls=1 << 40)


def opened(entry: Entry, allowance: Allowance | None = None, library: Library = ZLIB) -> EntryFile:
    return EntryFile(*only_entry(entry), allowance or plenty(), library)


moves = st.lists(
    st.tuples(st.sampled_from([io.SEEK_SET, io.SEEK_CUR, io.SEEK_END]), st.integers(-3000, 3000), st.integers(-1, 700)),
    max_size=12,
)
contents = st.one_of(
    st.binary(max_size=300),
    st.builds(lambda piece, count: piece * count, st.binary(min_size=1, max_size=9), st.integers(0, 400)),
)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("method", [STORED, DEFLATED])
@pytest.mark.parametrize(("block", "kept"), [(1, 1), (1, 40), (7, 3), (64, 2), (1000, 1), (1 << 18, 32)])
@given(content=contents, moves=moves, level=st.sampled_from([1, 9]))
def test_the_bytes_are_those_of_the_content_wherever_one_reads(
    library: Library, method: int, block: int, kept: int, content: bytes, moves: list[tuple[int, int, int]], level: int
) -> None:
    raw = packed(content, level) if method == DEFLATED else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inflate, "_BLOCK", block)
        patch.setattr(inflate, "_KEPT", kept)
        file, position = opened(Entry("a", content, method, raw=raw), library=library), 0
        for whence, offset, size in moves:
            base = {io.SEEK_SET: 0, io.SEEK_CUR: position, io.SEEK_END: len(content)}[whence]
            position = max(0, base + offset)
            assert file.seek(offset, whence) == position
            expected = content[position:] if size < 0 else content[position : position + size]
            assert file.read(size) == expected
            position += len(expected)
            assert file.tell() == position
        file.check_content()


@pytest.mark.parametrize("entry", METHODS)
def test_a_buffered_reader_may_stand_before_it(entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflate, "_BLOCK", 100)
    with io.BufferedReader(opened(entry), 33) as file:
        assert file.read(10) == CONTENT[:10]
        assert file.seek(-20, io.SEEK_END) == len(CONTENT) - 20
        assert file.read() == CONTENT[-20:]
        file.seek(5)
        assert file.read() == CONTENT[5:]


@pytest.mark.parametrize("entry", METHODS)
def test_what_a_file_can_do(entry: Entry) -> None:
    file = opened(entry)
    assert (file.readable(), file.seekable(), file.writable(), file.tell()) == (True, True, False, 0)
    room = bytearray(b"?" * 20)
    file.seek(-8, io.SEEK_END)
    assert file.readinto(memoryview(room)[2:]) == 8
    assert bytes(room) == b"??" + CONTENT[-8:] + b"?" * 10
    assert file.readinto(room) == 0
    assert file.readall() == b""


@pytest.mark.parametrize("entry", METHODS)
@pytest.mark.parametrize("position", [len(CONTENT), len(CONTENT) + 1, 1 << 70])
def test_behind_the_end_there_is_nothing(entry: Entry, position: int) -> None:
    file = opened(entry)
    assert file.seek(position) == position
    assert file.read(10) == b""
    assert file.read() == b""
    assert file.seek(0) == 0
    assert file.read(3) == CONTENT[:3]


@pytest.mark.parametrize("content", [b"", b"x"])
@pytest.mark.parametrize("raw", [True, False])
def test_tiny_entries(content: bytes, *, raw: bool) -> None:
    file = opened(Entry("a", content, raw=packed(content) if raw else None))
    assert file.read() == content
    assert file.read() == b""


def refusal(entry: Entry, *positions: int, allowance: Allowance | None = None) -> ArchiveError:
    with pytest.raises(ArchiveError) as caught:
        file = opened(entry, allowance)
        for position in positions or (0,):
            file.seek(position)
            file.read(1)
    return caught.value


DAMAGED = [b"\x07", b"\xff" * 40, packed(CONTENT)[:200] + b"\xff" * 200, b"\x01\x05\x00\x05\x00"]


@pytest.mark.parametrize("raw", DAMAGED)
def test_damaged_data_is_an_archive_error(raw: bytes) -> None:
    with pytest.raises(ArchiveError) as caught:
        opened(Entry("demo/\x1bx.so", CONTENT, raw=raw)).read()
    assert caught.value.code == "damaged-entry"
    assert caught.value.message.startswith("demo/\\x1bx.so cannot be inflated")


def test_what_stands_before_the_damage_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflate, "_BLOCK", 16)
    raw = packed(CONTENT)[:200] + b"\xff" * 200
    file = opened(Entry("a", CONTENT, raw=raw))
    assert file.read(50) == CONTENT[:50]
    with pytest.raises(ArchiveError):
        file.read()
    file.seek(20)
    assert file.read(30) == CONTENT[20:50]


@pytest.mark.parametrize("raw", [b"", packed(CONTENT)[:150], packed(CONTENT[:100]), packed(CONTENT[:100]) + b"more" * 99])
@pytest.mark.parametrize("block", [1, 10, 1 << 18])
def test_data_that_ends_before_its_claimed_size_is_a_short_file(
    raw: bytes, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is as when a file ends: a read gives less. Behind it there is nothing, and before it what was there."""
    monkeypatch.setattr(inflate, "_BLOCK", block)
    monkeypatch.setattr(inflate, "_KEPT", 3)
    there = zlib.decompressobj(-zlib.MAX_WBITS).decompress(raw)
    file = opened(Entry("a", CONTENT, raw=raw))
    assert file.read() == there
    assert file.tell() == len(there)
    assert file.read(5) == b""
    file.seek(-10, io.SEEK_END)
    assert file.read() == b""
    file.seek(0)
    assert file.read(10) == there[:10]


def test_data_behind_the_claimed_size_is_not_read() -> None:
    file = opened(Entry("a", CONTENT[:100], raw=packed(CONTENT)))
    assert file.read() == CONTENT[:100]
    assert file.read() == b""


@pytest.mark.parametrize("size", [10, 100, 1 << 20])
def test_a_stored_entry_of_another_size_never_reads_its_neighbour(size: int, tmp_path: Path) -> None:
    """The sizes of stored data cannot differ in a valid archive; here both records lie, some beyond the end of the file."""
    lie = {"size": size}
    entries = Entry("a", b"01234", STORED, local=lie, directory=lie), Entry("b", b"secret" * 50, STORED)
    path = tmp_path / "a.zip"
    path.write_bytes(to_bytes(Archive(entries)))
    with Source(path) as source:
        layout = read_loosely(source).layout
        assert layout is not None
        with pytest.raises(ArchiveError, match="two sizes"):
            EntryFile(source, layout.entries[0], plenty())


@pytest.mark.parametrize("method", [1, 9, 12, 14, 93, 95, 0xFFFF])
def test_other_methods_are_refused(method: int) -> None:
    error = refusal(Entry("demo/x.so", b"x", method, raw=b"x"))
    assert error.code == "unknown-compression"
    assert str(method) in error.message
    assert "demo/x.so" in error.message


def test_an_allowance_is_spent_to_the_last() -> None:
    allowance = Allowance(bytes_=10, calls=2)
    allowance.spend(4, 1)
    allowance.spend(6, 1)
    allowance.spend(0)
    with pytest.raises(ArchiveError) as caught:
        allowance.spend(1)
    assert caught.value.code == "too-much-to-read"
    with pytest.raises(ArchiveError):
        Allowance(bytes_=10, calls=2).spend(0, 3)


@pytest.mark.parametrize("entry", METHODS)
def test_calls_are_counted(entry: Entry) -> None:
    file = opened(entry, Allowance(bytes_=1 << 30, calls=3))
    for _ in range(3):
        file.read(1)
    with pytest.raises(ArchiveError) as caught:
        file.read(1)
    assert caught.value.code == "too-much-to-read"


@pytest.mark.parametrize("entry", METHODS)
def test_even_an_empty_read_is_a_call(entry: Entry) -> None:
    """Who reads behind the end for ever comes to an end."""
    file = opened(entry, Allowance(bytes_=1 << 30, calls=50))
    file.seek(0, io.SEEK_END)
    with pytest.raises(ArchiveError):
        for _ in range(51):
            file.read(8)


def test_bytes_are_counted() -> None:
    file = opened(METHODS[0], Allowance(bytes_=100, calls=1000))
    assert len(file.read(60)) == 60
    assert len(file.read(40)) == 40
    with pytest.raises(ArchiveError) as caught:
        file.read(1)
    assert caught.value.code == "too-much-to-read"


def test_what_is_only_inflated_on_the_way_is_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflate, "_BLOCK", 100)
    assert refusal(METHODS[2], 5_000, allowance=Allowance(bytes_=5_000, calls=9)).code == "too-much-to-read"
    assert opened(METHODS[2], Allowance(bytes_=500, calls=9)).read(200) == CONTENT[:200]


@pytest.mark.parametrize("kept", [1, 4])
def test_going_back_never_makes_the_way_ahead_longer(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table at the front is read again after one at the end: what that costs is the way to the front, not to the end."""
    monkeypatch.setattr(inflate, "_BLOCK", 100)
    monkeypatch.setattr(inflate, "_KEPT", kept)
    turns = len(CONTENT) // 300
    file = opened(METHODS[2], Allowance(bytes_=len(CONTENT) + turns * (500 + 2), calls=2 * turns))
    for turn in range(turns):
        for position in (turn * 300, 400):
            file.seek(position)
            assert file.read(1) == CONTENT[position : position + 1]


def test_what_lies_close_together_is_inflated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of a library lie side by side, and are read in any order."""
    monkeypatch.setattr(inflate, "_BLOCK", 100)
    allowance = Allowance(bytes_=8_000 + 99, calls=99)
    file = opened(METHODS[2], allowance)
    for position in (7_950, 7_000, 7_900, 5_000, 6_000) * 10:
        file.seek(position)
        assert file.read(1) == CONTENT[position : position + 1]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("method", [STORED, DEFLATED])
@pytest.mark.parametrize("first", [[], [0], [9_000, 50], [1 << 40]])
def test_content_is_confirmed_wherever_was_read_before(
    method: int, first: list[int], library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflate, "_BLOCK", 100)
    monkeypatch.setattr(inflate, "_KEPT", 2)
    raw = packed(CONTENT) if method == DEFLATED else None
    wrong = {"crc": zlib.crc32(CONTENT) ^ 1}
    valid = opened(Entry("a", CONTENT, method, raw=raw), library=library)
    damaged = opened(Entry("a", CONTENT, method, raw=raw, local=wrong, directory=wrong), library=library)
    for file in (valid, damaged):
        for position in first:
            file.seek(position)
            file.read(10)
    valid.check_content()
    with pytest.raises(ArchiveError, match=r"a does not match its CRC-32"):
        damaged.check_content()


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (packed(CONTENT[:-1]), "does not end where"),
        (packed(CONTENT + b"x"), "does not end where"),
        (packed(CONTENT + bytes(1 << 22)), "does not end where"),
        (packed(CONTENT)[:-1], "cut off"),
        (packed(CONTENT) + b"more", "bytes follow its end"),
        (packed(CONTENT)[:300] + b"\xff" * 300, "cannot be inflated"),
    ],
)
def test_content_that_is_not_what_the_archive_lists_is_damaged(
    raw: bytes, words: str, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflate, "_BLOCK", 16)
    file = opened(Entry("a", CONTENT, raw=raw), Allowance(bytes_=1 << 20, calls=9), library)
    with pytest.raises(ArchiveError, match=words) as caught:
        assert file.read(50) == CONTENT[:50]  # isal looks far ahead, and sees damage here already
        file.check_content()
    assert caught.value.code == "damaged-entry"


def test_one_allowance_is_shared_by_many_entries() -> None:
    source, layout = hold(*(Entry(f"{number}", b"x" * 40, STORED) for number in range(4)))
    allowance = Allowance(bytes_=100, calls=99)

    def read(entry: structs.Entry) -> int:
        return len(EntryFile(source, entry, allowance).read())

    assert [read(entry) for entry in layout.entries[:2]] == [40, 40]
    for entry in layout.entries[2:]:
        with pytest.raises(ArchiveError):
            read(entry)


def test_a_bomb_is_never_held_whole() -> None:
    """However far one goes, what is kept is a few blocks."""
    size = 1 << 26
    deflater = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    raw = b"".join(deflater.compress(bytes(1 << 20)) for _ in range(size >> 20)) + deflater.flush()
    one = Entry("a", b"x", raw=raw, local={"size": size}, directory={"size": size})
    file = opened(one, Allowance(bytes_=size + (1 << 20), calls=9))
    file.seek(size - 5)
    assert file.read() == bytes(5)
    assert sum(map(len, file._kept.values())) <= inflate._KEPT * inflate._BLOCK
