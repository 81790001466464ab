"""A new container: what is rebuilt, into what, and that nothing is which two readers could read differently."""

import bz2
import io
import lzma
import struct
import tracemalloc
import zipfile
from contextlib import nullcontext, suppress
from typing import Final

import pytest
from msgspec.structs import replace

from building import (
    ALL_WIDE,
    FULL_32,
    Archive,
    Descriptor,
    Entry,
    Hole,
    WheelSpec,
    archive_of,
    changed,
    every,
    extra_field,
    to_bytes,
    with_entries,
)
from damages import DAMAGES, unicode_path
from in_memory import Counted, Held
from kinds import _zip_lzma as zip_lzma
from wheelfix.errors import ArchiveError
from wheelfix.wheel.zip import encode, rare_methods, rebuild
from wheelfix.wheel.zip.layout import Layout, read_layout
from wheelfix.wheel.zip.rebuild import Rebuilt
from wheelfix.wheel.zip.structs import corrected_attributes, exists

_PLAIN: Final = archive_of(WheelSpec())
_WIDE: Final = {"size": FULL_32, "compressed_size": FULL_32}


def _rebuilt(data: bytes) -> bytes:
    view = Rebuilt(Held(data))
    return view.read_at(0, view.size)


def _layout(data: bytes) -> Layout:
    return read_layout(Held(data))


def _contents(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name.replace("\\", "/"): archive.read(name) for name in archive.namelist()}


def _like_directory(*numbers: int) -> Entry:
    """Return an entry whose local header has the ZIP64 field of a directory record."""
    field = struct.pack(f"<{len(numbers)}Q", *numbers)
    return Entry("demo/x", b"x" * 9, method=0, local=_WIDE, local_extra=extra_field(1, field))


REBUILT: Final[dict[str, Archive]] = {
    "bytes behind it": replace(_PLAIN, trailing=b"\n"),
    "64 kB behind it": replace(_PLAIN, trailing=b"x" * 65_535),
    "bytes before it": replace(_PLAIN, leading=b"#!/bin/sh\n"),
    "bytes before it, with positions in ZIP64 fields": replace(every(_PLAIN, wide=ALL_WIDE), leading=b"#!/bin/sh\n"),
    "bytes before it, which positions count": changed(_PLAIN, "demo/__init__.py", gap=b"#!/bin/sh\n"),
    "a gap": changed(_PLAIN, "WHEEL", gap=b"junk"),
    "a gap before the directory": replace(_PLAIN, before_directory=b"junk"),
    "the ZIP64 field of the directory in a local header": with_entries(_PLAIN, _like_directory(9, 9, 0)),
    "a stale position in a local header": with_entries(
        _PLAIN, Entry("demo/x", b"x" * 9, local_extra=extra_field(1, struct.pack("<Q", 123)))
    ),
    "data descriptors": every(_PLAIN, descriptor=Descriptor()),
    "wide data descriptors": every(_PLAIN, descriptor=Descriptor(8, signature=False)),
    "comments of entries": every(_PLAIN, comment=b"made by hand"),
    "an archive comment with a byte of a signature": replace(_PLAIN, comment=b"a\1b"),
    "times that do not exist": every(_PLAIN, time=(1980, 0, 0, 0, 0, 0)),
    "another time in a local header": changed(_PLAIN, "WHEEL", local={"time": 7}),
    "a version that does not exist": changed(_PLAIN, "WHEEL", local={"needed": 255}),
    "masked headers": changed(_PLAIN, "WHEEL", local={"flags": 1 << 13}, directory={"flags": 1 << 13}),
    "an entry on another disk": changed(_PLAIN, "WHEEL", directory={"disk": 3}),
    "a directory by its attributes": changed(_PLAIN, "WHEEL", directory={"external_attributes": 0o40755 << 16 | 0x18}),
    "a stale Unicode path": changed(_PLAIN, "WHEEL", extra=unicode_path(b"WHEEL", version=2)),
    "a field twice": changed(_PLAIN, "WHEEL", extra=2 * extra_field(0xCAFE, b"x")),
    "bytes behind the extra fields": changed(_PLAIN, "WHEEL", local_extra=extra_field(0xCAFE, b"x") + b"\0\0"),
    "backslashes": with_entries(_PLAIN, Entry("demo\\sub\\x.py", b"1"), Entry("demo\\sub\\", b"", method=0)),
    "bzip2": with_entries(_PLAIN, Entry("demo/z", b"z" * 999, method=12, raw=bz2.compress(b"z" * 999))),
    "LZMA": with_entries(_PLAIN, Entry("demo/z", b"z" * 999, method=14, raw=zip_lzma(b"z" * 999))),
    "a directory the other way round": replace(_PLAIN, reversed_directory=True, trailing=b"\n"),
    "everything at once": replace(
        every(_PLAIN, descriptor=Descriptor(), comment=b"x", time=(1980, 0, 0, 0, 0, 0)),
        leading=b"#!", trailing=b"\n", comment=b"a\2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", REBUILT)
def test_contents_and_order_are_the_same_in_a_container_without_findings(kind: str) -> None:
    data = to_bytes(REBUILT[kind])
    new = _rebuilt(data)
    layout = _layout(new)  # the strict reader takes it
    assert new != data
    before = _contents(data)
    assert _contents(new) == before
    assert list(_contents(new)) == list(before), "the order of the directory"
    assert all(
        not entry.flags & (1 << 3 | 1 << 13)
        and entry.stop == entry.data_stop
        and exists(layout.fields(entry).time, layout.fields(entry).date)
        and not layout.fields(entry).comment_length
        for entry in layout.entries
    )
    assert _rebuilt(new) == new, "twice is once"


@pytest.mark.parametrize("kind", REBUILT)
def test_compressed_bytes_are_kept(kind: str) -> None:
    data = to_bytes(REBUILT[kind])
    old, layout = Rebuilt(Held(data)).old, _layout(new := _rebuilt(data))
    for before, after in zip(old.entries, layout.entries, strict=True):
        if before.method == after.method:
            assert new[after.data_start : after.data_stop] == data[before.data_start : before.data_stop]
        else:
            assert (after.method, before.method in (12, 14)) == (0, True)


def test_xz_is_stored() -> None:
    """zipfile reads no XZ, so that its content is compared with what went in."""
    entry = Entry("demo/z", b"z" * 999, method=95, raw=lzma.compress(b"z" * 999))
    assert _contents(_rebuilt(to_bytes(with_entries(_PLAIN, entry))))["demo/z"] == b"z" * 999


def test_a_plain_archive_is_the_same_in_a_new_container() -> None:
    for archive in (_PLAIN, replace(_PLAIN, comment=b"made"), replace(_PLAIN, zip64_end=True)):
        assert _rebuilt(to_bytes(archive)) == to_bytes(archive)


def test_what_is_right_is_not_made_anew() -> None:
    """Headers beside those that are wrong keep every byte, times and modes and owners included."""
    times = extra_field(0x5455, b"\3" + bytes(4))
    archive = every(_PLAIN, extra=times, mode=0o100755)
    data = to_bytes(replace(archive, trailing=b"\n"))
    assert _rebuilt(data) == to_bytes(archive)
    assert len(Rebuilt(Held(data))._pieces) == 2, "one run, and the directory"


def test_positions_beyond_four_gibibytes_take_the_zip64_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode, "_ZIP64_LIMIT", 200)
    data = to_bytes(replace(_PLAIN, leading=b"#!"))
    new = _rebuilt(data)
    assert b"PK\x06\x06" in new
    assert _contents(new) == _contents(data)


def test_sizes_beyond_four_gibibytes_take_the_zip64_form(tmp_path_factory: pytest.TempPathFactory) -> None:
    extra = rebuild._plain_extra(extra_field(1, bytes(24)) + extra_field(0xCAFE, b"x"), (1 << 32, 1 << 33), wide=True)
    assert extra == extra_field(1, struct.pack("<2Q", 1 << 33, 1 << 32)) + extra_field(0xCAFE, b"x")
    assert rebuild._needed(20, wide=True) == 45
    assert rebuild._needed(0x0314, wide=False) == 0x0314


def test_a_version_that_the_directory_demands_is_no_reason_to_refuse() -> None:
    """zipfile refuses it, so that there is nothing to compare it with but what went in."""
    data = to_bytes(changed(_PLAIN, "WHEEL", local={"needed": 255}, directory={"needed": 255}))
    assert _contents(_rebuilt(data)) == _contents(to_bytes(_PLAIN))


_HIDDEN: Final = b"PK\3\4" + bytes(30)
REFUSED: Final[dict[str, tuple[Archive, str]]] = {
    "an entry behind it": (replace(_PLAIN, trailing=_HIDDEN), "trailing-bytes"),
    "a directory behind it": (replace(_PLAIN, trailing=b"xxPK\1\2xx"), "trailing-bytes"),
    "an end before it": (replace(_PLAIN, leading=b"PK\5\6" + bytes(18)), "leading-bytes"),
    "the mark of a spanned archive": (replace(_PLAIN, leading=b"PK00"), "leading-bytes"),
    "an entry between": (changed(_PLAIN, "WHEEL", gap=_HIDDEN), "gap"),
    "an entry in front": (changed(_PLAIN, "demo/__init__.py", gap=_HIDDEN), "leading-bytes"),
    "a name with slashes and with backslashes": (
        with_entries(_PLAIN, Entry("demo/a\\b", b"1"), Entry("demo/a/b", b"2")), "duplicate-entry",
    ),
    "two names with other backslashes": (
        with_entries(_PLAIN, Entry("demo\\a/b", b"1"), Entry("demo/a\\b", b"2")), "duplicate-entry",
    ),
    "an unlisted entry": (with_entries(_PLAIN, Entry("demo/hidden.py", b"1", unlisted=True)), "gap"),
    "an entry in a comment": (changed(_PLAIN, "WHEEL", comment=_HIDDEN), "second-end-record"),
    "an entry in the archive comment": (replace(_PLAIN, comment=_HIDDEN), "second-end-record"),
    "a name in code page 437": (with_entries(_PLAIN, Entry(b"demo/caf\x82.py", b"1", flags=0)), "name-encoding"),
    "a descriptor in stored data": (
        with_entries(_PLAIN, Entry("demo/s", b"ab" + b"PK\7\x08" + bytes(12), method=0, descriptor=Descriptor())),
        "bad-data-descriptor",
    ),
    "a number that leads to an entry": (
        with_entries(
            _PLAIN,
            Entry("demo/s", b"abc" + _HIDDEN, method=0, local_extra=extra_field(1, struct.pack("<2Q", 3, 3))),
        ),
        "bad-zip64-field",
    ),
    "a position in ZIP64 that leads to what a file begins with": (
        with_entries(
            _PLAIN,
            Entry("demo/x", b"PK\1\1", method=0, local=_WIDE, local_extra=extra_field(1, struct.pack("<3Q", 4, 4, 0))),
        ),
        "bad-zip64-field",
    ),
    "bytes before it, without which a position leads into a file": (
        replace(with_entries(_PLAIN, Entry("demo/b", b"PK\1\1", method=0), Entry("demo/c", b"")), leading=bytes(4)),
        "leading-bytes",
    ),
    "bytes before it, without which a position leads to a descriptor": (
        replace(every(_PLAIN, descriptor=Descriptor()), leading=bytes(16)), "leading-bytes",
    ),
    "more numbers than a ZIP64 field can have": (with_entries(_PLAIN, _like_directory(9, 9, 0, 0)), "bad-zip64-field"),
    "bzip2 that is cut off": (
        with_entries(_PLAIN, Entry("demo/z", b"z" * 99, method=12, raw=bz2.compress(b"z" * 99)[:-4])), "damaged-entry",
    ),
    "two streams of XZ": (
        with_entries(_PLAIN, Entry("demo/z", b"zz", method=95, raw=2 * lzma.compress(b"z"))), "damaged-entry",
    ),
    "LZMA that is none": (with_entries(_PLAIN, Entry("demo/z", b"zz", method=14, raw=b"\1\2\5\0\xff" + b"x" * 9)),
                          "damaged-entry"),
    "a bomb in bzip2": (
        with_entries(_PLAIN, Entry("demo/z", Hole(1 << 27), method=12, raw=bz2.compress(bytes(1 << 10)))), "too-large",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_could_be_read_in_another_way_is_refused(kind: str) -> None:
    archive, code = REFUSED[kind]
    with pytest.raises(ArchiveError) as caught:
        Rebuilt(Held(to_bytes(archive)))
    assert caught.value.code == code


_OTHERWISE: Final = {"position too far": "overlap", "empty file": "not-a-zip"}
"""Damages that this reader calls something else: what an entry overlaps, and what a file would refuse to be opened for."""
_OF_CONTAINER: Final = {
    "leading bytes", "counted leading bytes", "trailing bytes", "ZIP64 field in the local header only",
    "gap before an entry", "gap before the directory",
}  # fmt: skip
"""Damages of the table that are of the container alone."""


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_of_all_damages_those_of_the_container_are_rebuilt(damage: object) -> None:
    """What is not of the archive stays the same in a new container, all else is refused with its own code."""
    data, name, code = damage.make(), damage.name, damage.code  # type: ignore[attr-defined]
    found = _refusal(data)
    if found:
        assert name not in _OF_CONTAINER
        assert found == _OTHERWISE.get(name, code)
    else:
        assert (_rebuilt(data) != data) == (name in _OF_CONTAINER)


def _refusal(data: bytes) -> str:
    try:
        _rebuilt(data)
    except ArchiveError as error:
        return error.code
    return ""


def test_positions_that_lead_elsewhere_without_what_precedes_the_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that does not add the length of the bytes before it must find no entry at the positions of the directory."""
    first = len(to_bytes(Archive((Entry("demo/a", b"a" * 9, method=0),)))) - 22 - 46 - 6
    archive = Archive((Entry("demo/a", b"a" * 9, method=0), Entry("demo/b", b"b" * 9, method=0)), leading=b"x" * first)
    with pytest.raises(ArchiveError, match="lead to other records"):
        Rebuilt(Held(to_bytes(archive)))
    assert _rebuilt(to_bytes(replace(archive, leading=b"x" * (first + 1))))


def test_an_end_that_is_cut_off_must_be_the_only_one() -> None:
    cut = to_bytes(replace(_PLAIN, comment=b"a comment"))[:-3]
    assert _contents(_rebuilt(cut)) == _contents(to_bytes(_PLAIN))
    nested = with_entries(_PLAIN, Entry("demo/x.zip", to_bytes(_PLAIN), method=0))
    with pytest.raises(ArchiveError, match="cut off"):
        Rebuilt(Held(to_bytes(replace(nested, comment=b"a comment"))[:-3]))


def test_a_signature_is_found_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "_BLOCK", 8)
    for before in range(20):
        with pytest.raises(ArchiveError, match="contain a record"):
            Rebuilt(Held(to_bytes(replace(_PLAIN, trailing=b"x" * before + b"PK\1\2" + b"y" * 20))))
    assert _rebuilt(to_bytes(replace(_PLAIN, trailing=b"PKPKPK" * 20)))


def test_reading_takes_no_more_than_the_records_and_what_lies_between() -> None:
    content = bytes(range(256)) * 4_000
    source = Counted(to_bytes(replace(with_entries(_PLAIN, Entry("demo/x", content, method=0)), trailing=b"\n")))
    Rebuilt(source)
    assert sum(size for _, size in source.reads) < 200_000, "the tail for the end record, and headers"


def test_the_work_grows_with_the_number_of_entries_alone() -> None:
    """200,000 entries are allowed, each with 64 kB of extra fields."""

    def reads(count: int) -> tuple[int, int]:
        extra = extra_field(0xCAFE, b"x" * 90)
        entries = [Entry(f"demo/{number}", b"x", 0, extra=extra, gap=b"junk", comment=b"x") for number in range(count)]
        source = Counted(to_bytes(Archive((Entry("demo/first", b""), *entries), trailing=b"\n")))
        view = Rebuilt(source)
        assert len(view._pieces) <= 2 * count + 3
        return len(source.reads), sum(size for _, size in source.reads)

    (few, short), (many, long) = reads(500), reads(1_000)
    assert many - few <= 500 * 5, "the header for each of three steps, the gap, and what begins after it"
    assert long - short <= 500 * 1_000


@pytest.mark.parametrize(("needed", "refused"), [(20, False), (70, True)])
def test_headers_that_are_held_in_memory_are_limited(needed: int, refused: bool) -> None:
    """Each header can have 64 kB of extra fields; those that stay as they are take no memory."""
    extra = extra_field(0x9999, bytes(65_000))
    entries = [Entry(f"demo/{number}", b"x", local_extra=extra, local={"needed": needed}) for number in range(600)]
    source = Held(to_bytes(Archive(tuple(entries))))
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError, match="local headers") if refused else nullcontext():
            Rebuilt(source)
        assert tracemalloc.get_traced_memory()[1] < (1 << 25) + (1 << 22)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("length", [24, 28, 32, 65_512])
def test_numbers_of_a_zip64_field_are_few_reads(length: int) -> None:
    """Each number that differs is looked up in the file; 64 kB of extra fields hold 8,190 of them."""
    more = (length - 16) // 8
    numbers = struct.pack(f"<2Q{more}Q", 9_000, 9_000, *range(more)).ljust(length, b"\0")
    entry = Entry("demo/x", b"x" * 9_000, method=0, local=_WIDE, local_extra=extra_field(1, numbers))
    source = Counted(to_bytes(with_entries(_PLAIN, entry)))
    with suppress(ArchiveError) if length > 28 else nullcontext():
        Rebuilt(source)
    assert len(source.reads) < 100


@pytest.mark.parametrize("entry", [
    Entry("demo/z", bytes(range(256)) * 9_000, method=12, raw=bz2.compress(bytes(range(256)) * 9_000)),
    Entry("demo/z", bytes(range(256)) * 9_000, method=95, raw=lzma.compress(bytes(range(256)) * 9_000)),
], ids=("bzip2", "XZ"))  # fmt: skip
def test_inflated_content_can_be_read_in_any_order(entry: Entry) -> None:
    view = Rebuilt(Held(to_bytes(with_entries(_PLAIN, entry))))
    whole = view.read_at(0, view.size)
    for offset in (1 << 20, 5, view.size - 9, 0, 3_000):
        assert view.read_at(offset, min(999, view.size - offset)) == whole[offset : offset + 999]
    with pytest.raises(ArchiveError, match="cut off"):
        view.read_at(view.size - 1, 2)


def test_few_entries_are_inflated_at_a_time() -> None:
    """A decoder of LZMA takes 64 MiB: of hundreds of entries only the last few keep theirs."""
    content = bytes(3_000_000)
    entries = [Entry(f"demo/{number}", content, method=12, raw=bz2.compress(content)) for number in range(20)]
    view = Rebuilt(Held(to_bytes(with_entries(_PLAIN, *entries))))
    for number, piece in enumerate(view._pieces):
        if isinstance(piece, rare_methods.Unpacked):
            view.read_at(view._starts[number] + 10, 5)
    assert len(view._open) == rebuild._MOST_OPEN
    held = [piece for piece in view._pieces if isinstance(piece, rare_methods.Unpacked) and piece._block]
    assert len(held) == rebuild._MOST_OPEN


def test_lzma_that_demands_much_memory_is_refused() -> None:
    raw = b"\x09\x14\x05\0\x5d" + struct.pack("<I", 1 << 30) + b"x" * 40
    with pytest.raises(ArchiveError, match="too much memory"):
        Rebuilt(Held(to_bytes(with_entries(_PLAIN, Entry("demo/z", b"z", method=14, raw=raw)))))


@pytest.mark.parametrize(("attributes", "is_directory", "wanted"), [
    (0o100644 << 16, False, 0o100644 << 16),
    (0o104755 << 16, False, 0o100755 << 16),
    (0o40755 << 16 | 0x10, True, 0o40755 << 16 | 0x10),
    (0o40755 << 16 | 0x10, False, 0o755 << 16),
    (0o40644 << 16 | 0x10, False, 0o100644 << 16),
    (0o100644 << 16, True, 0o40644 << 16),
    (0o120777 << 16, False, 0o120777 << 16),
    (0x20 | 0x08, False, 0x20),
])  # fmt: skip
def test_attributes_say_what_the_name_says(attributes: int, is_directory: bool, wanted: int) -> None:
    assert corrected_attributes(attributes, is_directory=is_directory) == wanted


def test_a_time_that_does_not_exist_is_that_of_the_local_header_or_the_first_of_1980() -> None:
    only = changed(_PLAIN, "WHEEL", directory={"date": 0})
    layout = _layout(_rebuilt(to_bytes(only)))
    assert layout.fields(layout.find("demo-1.0.dist-info/WHEEL")).date == 36 << 9 | 1 << 5 | 1
    both = changed(_PLAIN, "WHEEL", directory={"date": 0}, local={"date": 0})
    layout = _layout(_rebuilt(to_bytes(both)))
    fields = layout.fields(layout.find("demo-1.0.dist-info/WHEEL"))
    assert (fields.time, fields.date) == (0, 0x21)
