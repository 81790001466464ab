"""A new archive out of an old one: what is kept keeps every byte."""

import fcntl
import hashlib
import io
import os
import sys
import threading
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from building import Archive, Descriptor, Entry, WheelSpec, archive_of, changed, every, extra_field, to_bytes
from wheelfix.errors import SourceChanged, VerificationError
from wheelfix.wheel.zip import output, readback, rewrite
from wheelfix.wheel.zip.encode import NewEntry
from wheelfix.wheel.zip.extra_fields import fields_in
from wheelfix.wheel.zip.layout import Layout, read_layout
from wheelfix.wheel.zip.output import Growing, RunningDigest
from wheelfix.wheel.zip.rewrite import Edits, Spliced, copy_whole, splice
from wheelfix.wheel.zip.source import Source
from wheelfix.wheel.zip.structs import EXTRA_PADDING

_METADATA = "demo-1.0.dist-info/METADATA"

_ARCHIVE = replace(
    archive_of(
        WheelSpec(
            files=tuple(Entry(f"demo/file{number}.py", b"x" * number * 5000, method=number % 2 * 8) for number in range(5)),
            folders=True,
            extra=extra_field(0x5455, b"\x03aaaa"),
            local_extra=extra_field(0x5455, b"\x03aaaabbbb"),
        )
    ),
    comment=b"of the archive",
)


@pytest.fixture(autouse=True, params=["in threads", "in one"])
def _threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums and reading back, by threads as for large archives, or one after the other; in several blocks."""
    monkeypatch.setattr(output, "BLOCK", 5000)
    monkeypatch.setattr(readback, "BLOCK", 4000)
    if request.param == "in threads":
        monkeypatch.setattr(output, "SMALL", 0)
        monkeypatch.setattr(readback, "SMALL", 0)


class _Result:
    """A spliced archive: its bytes, its layout, what ``splice`` returned, and what it was made from."""

    def __init__(
        self, directory: Path, archive: Archive | bytes, edits: Edits, closing: Sequence[str] = ("last.txt",)
    ) -> None:
        self.old_data = archive if isinstance(archive, bytes) else to_bytes(archive)
        (directory / "old.zip").write_bytes(self.old_data)
        with Source(directory / "old.zip") as source, RunningDigest(source) as digest:
            self.old: Layout = read_layout(source)
            like = self.old.entries[0]
            self.asked: list[str] = []

            def close(sha256: str) -> list[NewEntry]:
                self.asked.append(sha256)
                return [NewEntry(name, b"closing", like) for name in closing]

            with (directory / "new.zip").open("w+b") as new:
                growing = Growing(new.fileno())
                self.sums: Spliced = splice(source, self.old, edits, close, growing, digest)
                self.shared = growing.shared
        self.data = (directory / "new.zip").read_bytes()
        with Source(directory / "new.zip") as source:
            self.new: Layout = read_layout(source)

    def bytes_of(self, name: str) -> tuple[bytes, bytes]:
        """Return the entry's bytes in the new archive, and its directory record without the position."""
        return _bytes_of(self.data, self.new, name)

    def old_bytes_of(self, name: str) -> tuple[bytes, bytes]:
        return _bytes_of(self.old_data, self.old, name)


def _bytes_of(data: bytes, layout: Layout, name: str) -> tuple[bytes, bytes]:
    entry = next(each for each in layout.entries if each.name == name)
    record = layout.record(entry)
    return data[entry.start : entry.stop], record[:42] + record[46:]


def test_no_edits_give_the_same_bytes(tmp_path: Path) -> None:
    """Promise 1: nothing to do, nothing changes."""
    result = _Result(tmp_path, _ARCHIVE, Edits(), closing=())
    assert result.data == result.old_data
    assert result.sums == Spliced(*[hashlib.sha256(result.old_data).hexdigest()] * 2)


@pytest.mark.parametrize(
    "edits",
    [
        Edits(replaced={"demo/file0.py": b"new"}),
        Edits(replaced={"demo/file2.py": b"much longer" * 999, "demo-1.0.dist-info/METADATA": b""}),
        Edits(removed=frozenset({"demo/", "demo/file4.py"})),
        Edits(renamed={"demo/file1.py": "other/\u0444\u0430\u0439\u043b.py"}),
        Edits({"demo/file3.py": b"3"}, {"demo/file1.py": "one.py"}, frozenset({"demo-1.0.dist-info/RECORD"})),
    ],
)
@pytest.mark.parametrize("descriptor", [None, Descriptor(4, signature=False), Descriptor(8)])
def test_other_entries_keep_every_byte(edits: Edits, descriptor: Descriptor | None, tmp_path: Path) -> None:
    """Pitfalls 25, 26: header, data, data descriptor and directory record of a kept entry stay."""
    result = _Result(tmp_path, every(_ARCHIVE, descriptor=descriptor, comment=b"of an entry"), edits)
    names = [edits.renamed.get(each.name, each.name) for each in result.old.entries if each.name not in edits.removed]
    assert [each.name for each in result.new.entries] == [*names, "last.txt"]
    for entry in result.old.entries:
        if entry.name not in {*edits.replaced, *edits.renamed, *edits.removed}:
            assert result.bytes_of(entry.name) == result.old_bytes_of(entry.name)
    assert result.asked == [result.sums.source_sha256] == [hashlib.sha256(result.old_data).hexdigest()]
    assert result.sums.output_sha256 == hashlib.sha256(result.data).hexdigest()
    with zipfile.ZipFile(io.BytesIO(result.data)) as archive:
        assert archive.testzip() is None
        assert archive.comment == b"of the archive"
        assert archive.read("last.txt") == b"closing"
        for name, content in edits.replaced.items():
            assert archive.read(name) == content
        for old, new in edits.renamed.items():
            assert archive.read(new) == zipfile.ZipFile(io.BytesIO(result.old_data)).read(old)


def test_new_content_takes_over_what_surrounds_it(tmp_path: Path) -> None:
    """Pitfalls 25, 30: time, mode, extra fields and origin of a replaced entry are those of the old one."""
    archive = changed(
        _ARCHIVE, "file1.py", mode=0o100755, time=(2020, 2, 3, 4, 5, 6), comment=b"kept", descriptor=Descriptor()
    )
    name = "demo/file1.py"
    result = _Result(tmp_path, archive, Edits(replaced={name: b"new content"}))
    before, after = (zipfile.ZipFile(io.BytesIO(data)).getinfo(name) for data in (result.old_data, result.data))
    for what in ("date_time", "comment", "extra", "create_system", "create_version", "external_attr"):
        assert getattr(before, what) == getattr(after, what)
    assert (before.flag_bits, after.flag_bits) == (0x8, 0)


def test_new_content_is_stored(tmp_path: Path) -> None:
    """Promise 4: what a compressor makes of it differs from one zlib to another."""
    result = _Result(tmp_path, _ARCHIVE, Edits(replaced={"demo/file2.py": b"a" * 999, "demo/file3.py": b"a" * 999}))
    methods = {each.name: each.method for each in result.new.entries}
    assert (methods["demo/file1.py"], methods["demo/file2.py"], methods["demo/file3.py"]) == (8, 0, 0)
    assert methods["last.txt"] == 0


def test_order_of_the_directory_is_kept(tmp_path: Path) -> None:
    """Pitfall 24: a directory need not list the entries in the order in which they lie."""
    archive = replace(_ARCHIVE, reversed_directory=True)
    result = _Result(tmp_path, archive, Edits(replaced={"demo/file1.py": b"new"}, removed=frozenset({"demo/file2.py"})))
    kept = [each.name for each in result.old.entries if each.name != "demo/file2.py"]
    assert [each.name for each in result.new.entries] == [*kept, "last.txt"]


@pytest.mark.parametrize("method", [93, 14, 12])
def test_unknown_compression_is_copied(method: int, tmp_path: Path) -> None:
    """Pitfall 26: Zstandard, LZMA and bzip2 entries are copied as they are."""
    archive = changed(_ARCHIVE, "file1.py", method=method, raw=b"whatever it is")
    result = _Result(tmp_path, archive, Edits(replaced={"demo/file0.py": b"new"}))
    assert result.bytes_of("demo/file1.py") == result.old_bytes_of("demo/file1.py")


def test_output_that_is_not_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 5: what a faulty disk returns is noticed before anyone sees the file."""
    real = Growing.read_into

    def flipped(self: Growing, buffer: bytearray, offset: int) -> None:
        real(self, buffer, offset)
        buffer[0] ^= 1

    monkeypatch.setattr(Growing, "read_into", flipped)
    with pytest.raises(VerificationError) as failure:
        _Result(tmp_path, _ARCHIVE, Edits(replaced={"demo/file3.py": b"new"}))
    assert failure.value.code == "not-as-planned"


def test_a_small_archive_is_written_without_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting them takes longer than the work."""
    monkeypatch.undo()
    monkeypatch.setattr(threading.Thread, "start", lambda _: pytest.fail("a thread was started"))
    _Result(tmp_path, _ARCHIVE, Edits(replaced={"demo/file3.py": b"new"}))


def test_each_byte_is_read_back_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading back compares and sums in one pass."""
    counts: list[int] = []
    real = Growing.read_into

    def counted(self: Growing, buffer: bytearray, offset: int) -> None:
        counts.append(len(buffer))
        real(self, buffer, offset)

    monkeypatch.setattr(Growing, "read_into", counted)
    result = _Result(tmp_path, _ARCHIVE, Edits(replaced={"demo/file0.py": b"new"}))
    assert sum(counts) == next(each.start for each in result.new.entries if each.name == "last.txt")


@pytest.mark.parametrize(("name", "gives_way"), [("demo-1.0.dist-info/RECORD", True), ("demo/file0.py", False)])
def test_reading_back_gives_way_where_only_the_source_is_waited_for(
    name: str, gives_way: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []
    monkeypatch.setattr(os, "setpriority", lambda which, who, nice: threads.append((which, who, nice)))
    _Result(tmp_path, _ARCHIVE, Edits(replaced={name: b"new"}))
    is_thread = not vars(readback)["SMALL"]
    assert len(threads) == (sys.platform == "linux" and gives_way and is_thread)
    assert threading.get_native_id() not in [who for _, who, _ in threads]


def test_a_system_without_priorities_of_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)
    result = _Result(tmp_path, _ARCHIVE, Edits(replaced={"demo-1.0.dist-info/RECORD": b"new"}))
    assert result.sums.output_sha256 == hashlib.sha256(result.data).hexdigest()


@pytest.mark.parametrize("step", [1, 4096, 10_000])
def test_copy_in_small_steps(step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrite, "_COPY_STEP", step)
    small = archive_of(WheelSpec()) if step == 1 else _ARCHIVE
    path = tmp_path / "old.zip"
    path.write_bytes(to_bytes(small))
    with Source(path) as source, RunningDigest(source) as digest, (tmp_path / "new.zip").open("w+b") as new:
        sha256 = copy_whole(source, Growing(new.fileno()), digest)
    assert (tmp_path / "new.zip").read_bytes() == path.read_bytes()
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_source_that_is_written_to_meanwhile(tmp_path: Path) -> None:
    """Pitfall 34: a copy of a file that changes under it is not published."""
    path = tmp_path / "old.zip"
    path.write_bytes(to_bytes(_ARCHIVE))
    with Source(path) as source, RunningDigest(source) as digest, (tmp_path / "new.zip").open("w+b") as new:
        os.utime(path, ns=(1, 1))
        with pytest.raises(SourceChanged):
            copy_whole(source, Growing(new.fileno()), digest)


_LONG = bytes(range(256)) * 8192
_BIG = Entry("demo/big.bin", _LONG, method=0)


def _padding_of(data: bytes, layout: Layout, name: str) -> bytes:
    """Return the padding field in the local header of an entry, empty without one."""
    entry = layout.find(name)
    header = data[entry.start : entry.data_start]
    extra = header[30 + int.from_bytes(header[26:28], "little") :]
    spans = [(start, stop) for kind, start, stop in fields_in(extra, "") if kind == EXTRA_PADDING]
    return extra[spans[0][0] - 4 : spans[0][1]] if spans else b""


def _first(*entries: Entry) -> Archive:
    """Return an archive in which ``entries`` stand behind METADATA, with RECORD between them."""
    info = archive_of(WheelSpec(local_extra=extra_field(0x5455, b"\x03aaaa"))).entries
    metadata, record = (next(each for each in info if str(each.name).endswith(name)) for name in ("METADATA", "RECORD"))
    return Archive((metadata, record, *entries))


@pytest.mark.parametrize("content", [b"", b"new", b"n" * 4001, b"n" * 9000])
@pytest.mark.parametrize("descriptor", [None, Descriptor(8)])
def test_a_long_span_keeps_its_place_within_a_block(content: bytes, descriptor: Descriptor | None, tmp_path: Path) -> None:
    """The padding is as zipalign writes it, only in the local header, and replaces an earlier one."""
    archive = every(_first(Entry("demo/small.py", b"x"), _BIG, Entry("demo/z.py", b"z")), descriptor=descriptor)
    edits = Edits(replaced={_METADATA: content}, removed=frozenset({"demo-1.0.dist-info/RECORD"}))
    result = _Result(tmp_path, archive, edits)
    moved = result.new.find("demo/big.bin").start - result.old.find("demo/big.bin").start
    assert moved % 4096 == 0
    padding = _padding_of(result.data, result.new, _METADATA)
    assert padding[:2] == b"\x35\xd9"
    assert padding[4:6] == (4096).to_bytes(2, "little")
    assert not any(padding[6:])
    assert b"\x35\xd9" not in result.new.record(result.new.find(_METADATA))
    (tmp_path / "old.zip").write_bytes(result.data)
    again = _Result(tmp_path, result.data, Edits(replaced={_METADATA: content}), closing=())
    assert again.data == result.data
    with zipfile.ZipFile(io.BytesIO(result.data)) as opened:
        assert opened.testzip() is None
        assert opened.read(_METADATA) == content


@pytest.mark.parametrize("length", range(4090, 4103))
def test_a_span_that_is_misplaced_by_less_than_the_shortest_padding(length: int, tmp_path: Path) -> None:
    """Six bytes are the least that can be added: then it is a block more."""
    result = _Result(tmp_path, _first(_BIG), Edits(replaced={_METADATA: b"n" * length}))
    moved = result.new.find("demo/big.bin").start - result.old.find("demo/big.bin").start
    assert moved % 4096 == 0


def test_what_is_short_is_not_padded(tmp_path: Path) -> None:
    small = replace(_BIG, content=_LONG[: 1 << 18])
    result = _Result(tmp_path, _first(small), Edits(replaced={_METADATA: b"new"}))
    assert not _padding_of(result.data, result.new, _METADATA)


def test_the_last_new_entry_before_a_long_span_is_padded(tmp_path: Path) -> None:
    names = [f"demo/{name}.py" for name in "abc"]
    archive = _first(*(Entry(name, b"x") for name in names), _BIG)
    result = _Result(tmp_path, archive, Edits(replaced={_METADATA: b"new", names[1]: b"y"}))
    padded = [name for name in (_METADATA, *names) if _padding_of(result.data, result.new, name)]
    assert padded == [names[1]]


def test_an_extra_field_that_is_full_is_not_padded(tmp_path: Path) -> None:
    archive = changed(_first(_BIG), "METADATA", local_extra=extra_field(0x5455, bytes(65531)))
    result = _Result(tmp_path, archive, Edits(replaced={_METADATA: b"n" * 4000}))
    assert not _padding_of(result.data, result.new, _METADATA)


def test_padding_that_can_be_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system that shares blocks all but the ends of a long span take no space."""

    def share(descriptor: int, _: int, argument: bytes) -> int:
        source, start, length, position = output._CLONE_RANGE.unpack(argument)
        return os.pwrite(descriptor, os.pread(source, length, start), position) and 0

    monkeypatch.setattr(fcntl, "ioctl", share)
    result = _Result(tmp_path, _first(_BIG), Edits(replaced={_METADATA: b"new"}))
    assert result.shared > len(_LONG) - 2 * 4096
