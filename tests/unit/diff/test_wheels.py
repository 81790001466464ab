"""What differs between two wheels."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from msgspec.structs import replace

import tools
import wheelfix
from building import (
    STORED,
    Archive,
    Descriptor,
    Entry,
    RecordStyle,
    WheelSpec,
    archive_of,
    changed,
    extra_field,
    to_bytes,
    with_entries,
    write_wheel,
)
from in_memory import Counted, Held, packed
from places import SAMPLES
from running import wheelfix as run
from wheelfix import Difference, Likeness, compare_wheels
from wheelfix.diff.archive import Comparison, Side
from wheelfix.diff.files import compare_archives, out_of_order
from wheelfix.diff.model import KINDS, ChangeKind, FileChanges
from wheelfix.wheel.zip import structs
from wheelfix.wheel.zip.layout import Layout, read_layout

INFO = "demo-1.0.dist-info"
PLAIN = archive_of(WheelSpec())
CODE = b"x = 1\n" * 50


def compared(directory: Path, old: Archive | WheelSpec, new: Archive | WheelSpec) -> Difference:
    """Return the difference of two wheels of one name."""
    paths = []
    for name, wheel in (("old", old), ("new", new)):
        (directory / name).mkdir()
        spec, archive = (wheel, None) if isinstance(wheel, WheelSpec) else (None, wheel)
        paths.append(write_wheel(directory / name, spec, archive))
    return compare_wheels(*paths)


def entries(old: Archive, new: Archive, **renamed: str) -> FileChanges:
    """Return the difference of two archives that are no wheels; comparing each entry field by field gives the same."""
    one, two = Held(to_bytes(old)), Held(to_bytes(new))
    sides = Side(read_layout(one), one), Side(read_layout(two), two)
    found = compare_archives(*sides, renamed)
    with patch.object(Comparison, "is_alike", return_value=False):
        assert compare_archives(*sides, renamed) == found
    return found


def archive(*entries: Entry | tuple[str, bytes]) -> Archive:
    return Archive(tuple(each if isinstance(each, Entry) else Entry(*each) for each in entries))


def names(changes: FileChanges) -> dict[str, list[tuple[str | None, str | None]]]:
    """Return the names that differ, by what became of them."""
    kinds = ("added", "removed", "changed", "renamed")
    found = {kind: [(each.before, each.after) for each in getattr(changes, kind)] for kind in kinds}
    return {kind: each for kind, each in found.items() if each}


def kinds(changes: FileChanges) -> set[tuple[str, str | None]]:
    return {(each.kind, each.file) for each in changes.archive}


def colliding(content: bytes) -> bytes:
    """Return other content of the same size and CRC-32: the polynomial is added to it (CRC is linear)."""
    polynomial = f"{0x104C11DB7:033b}".ljust(40, "0")
    pattern = bytes(int(polynomial[at : at + 8][::-1], 2) for at in range(0, 40, 8))
    return bytes(a ^ b for a, b in zip(content, pattern.ljust(len(content), b"\0"), strict=True))


def test_the_same_file_twice(tmp_path: Path) -> None:
    difference = compared(tmp_path, PLAIN, PLAIN)
    assert (difference.verdict, difference.only_metadata) == (Likeness.IDENTICAL, True)
    assert difference.files == FileChanges(same=5)


def test_added_removed_and_changed() -> None:
    old = archive(("a", b"one"), ("b", b"two"), ("c", b"three"), ("d", CODE))
    new = archive(("a", b"one"), ("c", b"THREE"), ("d", CODE + b"#"), ("e", b"new"))
    changes = entries(old, new)
    assert names(changes) == {"removed": [("b", None)], "added": [(None, "e")], "changed": [("c", "c"), ("d", "d")]}
    assert (changes.same, changes.moved, changes.archive) == (1, (), ())
    assert (changes.changed[1].size_before, changes.changed[1].size_after) == (len(CODE), len(CODE) + 1)


@pytest.mark.parametrize("new_is_stored", [False, True])
def test_equal_size_and_crc_prove_nothing(new_is_stored: bool) -> None:
    other = colliding(CODE)
    assert (zlib.crc32(other), len(other)) == (zlib.crc32(CODE), len(CODE))
    assert other != CODE
    method = STORED if new_is_stored else 8
    assert names(entries(archive(("a", CODE)), archive(Entry("a", other, method)))) == {"changed": [("a", "a")]}
    assert names(entries(archive(("a", CODE)), archive(Entry("b", other, method)))) == {
        "added": [(None, "b")],
        "removed": [("a", None)],
    }


def test_a_renamed_entry_is_found_by_its_content() -> None:
    changes = entries(archive(("a", CODE), ("z", b"z")), archive(("z", b"z"), ("b", CODE)))
    assert names(changes) == {"renamed": [("a", "b")]}
    assert (changes.same, len(changes.moved)) == (1, 1)
    recompressed = entries(archive(("a", CODE)), archive(Entry("b", CODE, raw=packed(CODE))))
    assert names(recompressed) == {"renamed": [("a", "b")]}
    assert kinds(recompressed) == {("recompressed", "b")}


def test_of_entries_with_equal_content_those_that_keep_their_base_name_are_paired_first() -> None:
    old = archive(("one/a.py", CODE), ("one/b.py", CODE), ("one/c.py", CODE))
    new = archive(("two/x.py", CODE), ("two/b.py", CODE), ("two/a.py", CODE))
    assert set(names(entries(old, new))["renamed"]) == {
        ("one/a.py", "two/a.py"),
        ("one/b.py", "two/b.py"),
        ("one/c.py", "two/x.py"),
    }


def test_empty_entries_and_directories_are_not_matched() -> None:
    old = archive(("a/", b""), ("a/x.py", b""), ("a/__init__.py", b""))
    new = archive(("b/", b""), ("b/y.py", b""), ("b/__init__.py", b""))
    changes = entries(old, new)
    assert names(changes)["renamed"] == [("a/__init__.py", "b/__init__.py")]
    assert {each.before for each in changes.removed} == {"a/", "a/x.py"}


def test_many_entries_of_equal_content_take_no_time_that_grows_with_their_square() -> None:
    old = archive(*(Entry(f"a/{number}", b"x", STORED) for number in range(20_000)))
    new = archive(*(Entry(f"b/{number}x", b"x", STORED) for number in range(20_000)))
    assert len(entries(old, new).renamed) == 20_000


def test_entries_that_are_alike_are_compared_as_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made or read for each of them: neither an entry, nor a local header."""
    same = [Entry(f"demo/{number}", b"x") for number in range(3_000)]
    old, new = (Counted(to_bytes(archive(first, *same))) for first in (("a", b"1"), ("a", b"changed and longer")))
    sides = Side(read_layout(old), old), Side(read_layout(new), new)
    made, reads = list[int](), len(old.reads)
    make = Layout.entry

    def counted(layout: Layout, number: int) -> structs.Entry:
        made.append(number)
        return make(layout, number)

    monkeypatch.setattr(Layout, "entry", counted)
    changes = compare_archives(*sides)
    assert (changes.same, names(changes)) == (3_000, {"changed": [("a", "a")]})
    assert made == [0, 0]
    assert len(old.reads) - reads < 5


def test_a_entry_in_another_place_is_moved_and_those_that_only_shift_are_not() -> None:
    first, *rest = (Entry(name, name.encode() * 9) for name in "abcdef")
    changes = entries(archive(first, *rest), archive(*rest, first))
    assert (changes.moved, names(changes), changes.archive) == (("a",), {}, ())
    shifted = entries(archive(first, *rest), archive(("a", b"longer than it was before"), *rest))
    assert (shifted.moved, shifted.archive) == ((), ())
    behind = entries(archive(first, *rest), archive(*rest, ("a", b"changed and last")))
    assert (behind.moved, names(behind)) == ((), {"changed": [("a", "a")]})


@pytest.mark.parametrize("numbers", [[], [1], [2, 1], [3, 1, 2], [5, 4, 3, 2, 1], [2, 8, 1, 9, 4, 5, 6, 3, 7]])
def test_what_is_in_order_rises(numbers: list[int]) -> None:
    out = out_of_order(numbers)
    rest = [number for number in numbers if number not in out]
    assert rest == sorted(rest)
    assert len(out) == len(set(out)) < max(len(numbers), 1)


def test_recompressed_content_is_the_same() -> None:
    big = bytes(range(256)) * 10_000
    old = archive(("a", CODE), Entry("b", big, raw=packed(big, 1)))
    new = archive(Entry("a", CODE, raw=packed(CODE)), Entry("b", big, raw=packed(big, 9)))
    changes = entries(old, new)
    assert (changes.same, names(changes)) == (2, {})
    assert kinds(changes) == {("recompressed", "a"), ("recompressed", "b")}
    stored = entries(old, archive(Entry("a", CODE, STORED), Entry("b", big, STORED)))
    assert {("method", "a"), ("recompressed", "b")} <= kinds(stored)


@pytest.mark.parametrize(
    "raw",
    [b"\xff\xff", packed(CODE)[:-3], packed(CODE) + b"x", packed(CODE + b"x"), packed(CODE[:-1]), b""],
    ids=["no deflate", "cut off", "more behind", "longer", "shorter", "nothing"],
)
def test_what_is_damaged_is_never_the_same(raw: bytes) -> None:
    valid = archive(("a", CODE))
    damaged = archive(Entry("a", CODE, raw=raw, local={"compressed_size": len(raw)}))
    assert names(entries(valid, damaged)) == names(entries(damaged, valid)) == {"changed": [("a", "a")]}
    assert names(entries(damaged, damaged)) == {}


def test_unknown_compression_is_compared_as_it_is() -> None:
    one, two = (archive(Entry("a", CODE, method=14, raw=raw)) for raw in (b"one", b"two"))
    assert names(entries(one, one)) == {}
    assert names(entries(one, two)) == {"changed": [("a", "a")]}


def test_what_would_take_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(1 << 20)
    old, new = (archive(Entry("a", data, raw=packed(data, level))) for level in (1, 9))
    assert names(entries(old, new)) == {}
    monkeypatch.setattr("wheelfix.diff.archive._INFLATED", 1 << 16)
    with pytest.raises(wheelfix.ArchiveError) as caught:
        entries(old, new)
    assert caught.value.code == "too-much-to-read"
    assert names(entries(old, old)) == {}, "what is the same as it is compressed needs not be inflated"


STAMP = extra_field(0x5455, b"\x01\x00\x00\x00\x00")


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        ("external-attributes", {"mode": 0o100755}, ("100644", "100755")),
        ("time", {"time": (2020, 2, 3, 4, 5, 6)}, ("2016-01-01 00:00:00", "2020-02-03 04:05:06")),
        ("made-by", {"made_by": 0x031E}, ("system 3, version 20", "system 3, version 30")),
        ("disk", {"directory": {"disk": 1}}, ("0", "1")),
        ("extra-field", {"extra": STAMP, "local_extra": b""}, ("none", STAMP.hex())),
        ("local-extra-field", {"local_extra": STAMP}, ("none", STAMP.hex())),
        ("comment", {"comment": b"\x1b[2J"}, ("none", "\\x1b[2J")),
        ("flags", {"flags": 2}, ("0x0000", "0x0002")),
        ("internal-attributes", {"directory": {"internal_attributes": 1}}, ("0x0", "0x1")),
        ("version-needed", {"directory": {"needed": 45}, "local": {"needed": 45}}, ("20", "45")),
        ("data-descriptor", {"descriptor": Descriptor()}, ("none", "16 bytes")),
        ("zip64-sizes", {"local_wide": True}, ("none", "local header")),
        ("other-bytes", {"local": {"needed": 45}}, None),
    ],
)
def test_each_attribute_of_a_entry(kind: str, changes: dict[str, Any], words: tuple[str, str] | None) -> None:
    old = archive(("a", CODE), ("b", CODE))
    new = changed(old, "b", **changes)
    found = entries(old, new)
    assert (names(found), found.same) == ({}, 2)
    [change] = [each for each in found.archive if each.kind == kind]
    assert change.file == "b"
    assert words in (None, (change.before, change.after))
    assert {each.kind for each in found.archive} <= set(KINDS)


def test_of_changed_data_the_mode_is_reported_and_the_compression_is_not() -> None:
    new = archive(Entry("a", b"other", STORED, mode=0o100755, descriptor=Descriptor()))
    assert kinds(entries(archive(("a", CODE)), new)) == {("external-attributes", "a")}


def test_the_same_name_in_other_bytes() -> None:
    old, new = Entry(b"\x82", CODE), Entry("\xe9", CODE)
    assert kinds(entries(archive(old), archive(new))) == {("flags", "\xe9"), ("name-bytes", "\xe9")}


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("archive-comment", {"comment": b"hello"}),
        ("zip64-end", {"zip64_end": True}),
        ("directory-order", {"reversed_directory": True}),
    ],
)
def test_each_attribute_of_the_archive(tmp_path: Path, kind: str, changes: dict[str, Any]) -> None:
    difference = compared(tmp_path, PLAIN, replace(PLAIN, **changes))
    assert kinds(difference.files) == {(kind, None)}
    assert (difference.verdict, difference.only_metadata) == (Likeness.REPACKED, False)
    assert names(difference.files) == {}


def test_bytes_without_a_name_are_reported_too(tmp_path: Path) -> None:
    forms: list[dict[str, Any]] = [{"directory": {"needed": 45}, "local": {"needed": 45}}, {"wide": frozenset({"offset"})}]
    difference = compared(tmp_path, *(changed(PLAIN, "version.py", **form) for form in forms))
    assert kinds(difference.files) == {("other-bytes", None)}
    assert difference.verdict is Likeness.REPACKED


def test_directory_entries_are_entries_and_no_content(tmp_path: Path) -> None:
    difference = compared(tmp_path, WheelSpec(folders=True), WheelSpec())
    assert names(difference.files) == {"removed": [("demo/", None), (f"{INFO}/", None)]}
    assert (difference.verdict, difference.only_metadata) == (Likeness.REPACKED, False)


def test_a_directory_whose_new_name_is_taken_is_not_renamed() -> None:
    old = archive(("a/x", CODE), ("b/x", b"b"), ("c/x", b"c"))
    assert names(entries(old, old, a="b", b="z", c="z", nothing="y")) == {}
    new = archive(("z/x", CODE), ("b/x", b"b"), ("c/x", b"c"))
    assert entries(old, new, a="z").directories == (("a", "z"),)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_fixed_wheel_differs_in_metadata_record_and_sbom(sample: Path, tmp_path: Path) -> None:
    [fixed] = run("strip-gpu", "--force", "--allow-mixed", "-o", tmp_path, sample).lines
    difference = compare_wheels(sample, fixed)
    if difference.verdict is Likeness.IDENTICAL:
        return
    info = difference.dist_infos[0]
    assert names(difference.files) == {
        "added": [(None, f"{info}/sboms/wheelfix.cdx.json")],
        "changed": [(f"{info}/{file}", f"{info}/{file}") for file in ("METADATA", "RECORD")],
    }
    assert (difference.files.moved, difference.files.archive, difference.notes) == ((), (), ())
    assert (difference.verdict, difference.only_metadata) == (Likeness.METADATA_ONLY, True)
    assert {each.kind for each in difference.requirements} == {ChangeKind.REMOVED}
    assert difference.metadata_diff.startswith(f"--- a/{info}/METADATA\n")
    paths = {(each.kind.value, each.after and each.after.path) for each in difference.record}
    assert paths == {("changed", f"{info}/METADATA"), ("added", f"{info}/sboms/wheelfix.cdx.json")}


def test_a_wheel_that_was_unpacked_and_packed(tmp_path: Path) -> None:
    files = (Entry("demo/__init__.py", CODE), Entry("demo/data.bin", bytes(range(256)) * 99, mode=0o100755))
    old = write_wheel(tmp_path, WheelSpec(files=files, style=RecordStyle(own_row="first")))
    for arguments in (["unpack", "-d", tmp_path, old], ["pack", "-d", tmp_path / "new", tmp_path / "demo-1.0"]):
        (tmp_path / "new").mkdir(exist_ok=True)
        assert tools.run_tool("wheel", *arguments).returncode == 0
    difference = compare_wheels(old, tmp_path / "new" / old.name)
    assert difference.verdict is Likeness.REPACKED
    assert str(difference.verdict) == "same content, different archive"
    assert {"recompressed", "time"} <= {each.kind for each in difference.files.archive}


def test_dist_info_with_another_version_is_compared_with_the_old_one(tmp_path: Path) -> None:
    data = Entry("demo-1.0.data/scripts/run", CODE)
    old = write_wheel(tmp_path, WheelSpec(files=(Entry("demo/version.py", b"cuda = None\n"), data), folders=True))
    [new] = run("strip-gpu", "--local", "cpu", "-o", tmp_path / "out", old).lines
    difference = compare_wheels(old, new)
    info = "demo-1.0+cpu.dist-info"
    assert difference.files.directories == ((INFO, info), ("demo-1.0.data", "demo-1.0+cpu.data"))
    found = names(difference.files)
    assert found["changed"] == [(f"{INFO}/{file}", f"{info}/{file}") for file in ("METADATA", "RECORD")]
    assert (data.name, "demo-1.0+cpu.data/scripts/run") in found["renamed"]
    assert (found["added"], "removed" in found) == ([(None, f"{info}/sboms/wheelfix.cdx.json")], False)
    assert "+Version: 1.0+cpu\n" in difference.metadata_diff
    assert {each.kind for each in difference.record} == {ChangeKind.CHANGED, ChangeKind.ADDED, ChangeKind.RENAMED}
    assert (difference.verdict, difference.only_metadata) == (Likeness.DIFFERENT, False)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (("a", "b"), ("b", "a"), []),
        (("a>=1",), (), [("removed", "a>=1", None)]),
        ((), ("a>=1",), [("added", None, "a>=1")]),
        (("a>=1,<2",), ("A <2, >=1",), [("respelled", "a>=1,<2", "A <2, >=1")]),
        (("a>=1",), ("a>=2",), [("changed", "a>=1", "a>=2")]),
        (("a", "a"), ("a",), [("removed", "a", None)]),
        (
            ("a==1; os_name=='nt'", "a==1; os_name=='posix'"),
            ("a==2; os_name=='posix'", "a==1; os_name=='nt'"),
            [("changed", "a==1; os_name=='posix'", "a==2; os_name=='posix'")],
        ),
        (
            ("a==1; os_name=='nt'", "a==1; os_name=='posix'"),
            ("a==3; os_name=='posix'", "a==4; os_name=='nt'"),
            [
                ("changed", "a==1; os_name=='nt'", "a==4; os_name=='nt'"),
                ("changed", "a==1; os_name=='posix'", "a==3; os_name=='posix'"),
            ],
        ),
        (("???",), ("!!!",), [("removed", "???", None), ("added", None, "!!!")]),
    ],
)
def test_requirements(tmp_path: Path, old: tuple[str, ...], new: tuple[str, ...], expected: list[tuple[Any, ...]]) -> None:
    difference = compared(tmp_path, WheelSpec(requires=old), WheelSpec(requires=new))
    assert [(each.kind, each.before, each.after) for each in difference.requirements] == expected
    assert difference.metadata_diff
    assert difference.verdict is Likeness.METADATA_ONLY


@pytest.mark.parametrize(
    "style",
    [RecordStyle(own_row="first"), RecordStyle(line_end="\r\n"), RecordStyle(quoted=True), RecordStyle(final_newline=False)],
)
def test_record_in_other_bytes_says_the_same(tmp_path: Path, style: RecordStyle) -> None:
    difference = compared(tmp_path, WheelSpec(), WheelSpec(style=style))
    assert names(difference.files) == {"changed": [(f"{INFO}/RECORD",) * 2]}
    assert (difference.record, difference.record_equivalent) == ((), True)
    assert (difference.verdict, difference.only_metadata) == (Likeness.REPACKED, True)


def test_rows_of_record(tmp_path: Path) -> None:
    old, new = (
        WheelSpec(record=text) for text in (b"a,sha256=x,1\nb,,\nc,,\nc,,\n", b"d,,\r\nd,,\r\na,sha256=y,1\r\nc,,\r\n")
    )
    difference = compared(tmp_path, old, new)
    rows = [
        (each.kind.value, each.before and each.before.path, each.after and each.after.digest) for each in difference.record
    ]
    assert rows == [
        ("changed", "a", "sha256=y"),
        ("removed", "b", None),
        ("removed", "c", None),
        ("added", None, ""),
        ("added", None, ""),
    ]
    assert not difference.record_equivalent


@pytest.mark.parametrize("record", [b"a,b,c,d\n", b'"a,,\n', b"\x00\xff\n"])
def test_a_record_that_cannot_be_read_has_changed(tmp_path: Path, record: bytes) -> None:
    difference = compared(tmp_path, WheelSpec(), WheelSpec(record=record))
    assert names(difference.files) == {"changed": [(f"{INFO}/RECORD",) * 2]}
    assert (difference.record, difference.record_equivalent, len(difference.notes)) == ((), False, 1)


def test_a_metadata_file_that_cannot_be_read_has_changed(tmp_path: Path) -> None:
    ambiguous = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nFrom me\nRequires-Dist: evil\n"
    difference = compared(tmp_path, WheelSpec(), WheelSpec(metadata=ambiguous))
    assert (f"{INFO}/METADATA",) * 2 in names(difference.files)["changed"]
    assert "+Requires-Dist: evil" in difference.metadata_diff
    assert (difference.requirements, len(difference.notes)) == ((), 1)


def test_a_damaged_metadata_file_has_changed(tmp_path: Path) -> None:
    difference = compared(tmp_path, PLAIN, changed(PLAIN, "METADATA", raw=b"\xff\xff"))
    assert names(difference.files) == {"changed": [(f"{INFO}/METADATA",) * 2]}
    assert (difference.metadata_diff, len(difference.notes)) == ("", 1)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        (f"{INFO}/sboms/a.json", True),
        (f"{INFO}/sboms/deeper/a.json", True),
        (f"{INFO}/sboms/", True),
        (f"{INFO}/sboms", False),
        (f"{INFO}/sboms/../../evil.py", False),
        (f"{INFO}/sboms/..\\..\\evil.py", False),
        (f"{INFO}/sboms/./a", False),
        (f"{INFO}/sboms/.hidden.json", True),
        (f"{INFO}/sboms/.. /.. /evil.py", False),
        (f"{INFO}/sboms/a.json.", False),
        (f"{INFO}/sboms/a.json::$DATA", False),
        (f"{INFO}/sboms/a\x1f.json", False),
        (f"{INFO}/sboms//a.json", False),
        (f"{INFO}/RECORD.jws", False),
        (f"{INFO}/entry_points.txt", False),
        (f"other/{INFO}/sboms/a.json", False),
        ("demo/METADATA", False),
    ],
)
def test_only_metadata_is_strict(tmp_path: Path, name: str, allowed: bool) -> None:
    difference = compared(tmp_path, PLAIN, with_entries(PLAIN, Entry(name, b"" if name.endswith("/") else b"x")))
    assert difference.only_metadata is allowed


def test_attributes_of_other_entries_are_more_than_metadata(tmp_path: Path) -> None:
    spec = WheelSpec(requires=())
    difference = compared(tmp_path, PLAIN, changed(archive_of(spec), "__init__.py", mode=0o100755))
    assert (difference.verdict, difference.only_metadata) == (Likeness.DIFFERENT, False)


@pytest.mark.parametrize("mode", [0o100600, 0o100755, 0o120777, 0o104644])
@pytest.mark.parametrize("file", ["METADATA", "RECORD"])
def test_a_file_that_gets_another_mode_is_no_correction_of_metadata(file: str, mode: int, tmp_path: Path) -> None:
    """It can be a link by that."""
    difference = compared(tmp_path, PLAIN, changed(archive_of(WheelSpec(requires=())), file, mode=mode))
    assert ("external-attributes", f"{INFO}/{file}") in kinds(difference.files)
    assert (difference.verdict, difference.only_metadata) == (Likeness.DIFFERENT, False)


@pytest.mark.parametrize(
    ("entry", "allowed"),
    [
        (Entry(f"{INFO}/sboms/new.cdx.json", b"{}"), True),
        (Entry(f"{INFO}/sboms/deeper/new.json", b"{}"), True),
        (Entry(f"{INFO}/sboms/new.py", b"1"), False),
        (Entry(f"{INFO}/sboms/json", b"1"), False),
        (Entry(f"{INFO}/sboms/link.json", b"../../evil", mode=0o120777), False),
        (Entry(f"{INFO}/sboms/device.json", b"", mode=0o020644), False),
    ],
    ids=lambda value: value.raw_name.decode() if isinstance(value, Entry) else None,
)
def test_sboms_may_gain_json_only(entry: Entry, allowed: bool, tmp_path: Path) -> None:
    difference = compared(tmp_path, PLAIN, with_entries(PLAIN, entry))
    assert difference.only_metadata is allowed


def test_a_wheel_without_metadata_is_compared(tmp_path: Path) -> None:
    difference = compared(tmp_path, PLAIN, archive_of(WheelSpec(without=frozenset({"METADATA"}), record=b"")))
    assert names(difference.files)["removed"] == [(f"{INFO}/METADATA", None)]


@pytest.mark.parametrize(
    "break_it", [lambda path: path.unlink(), lambda path: path.write_bytes(b"no"), lambda path: path.write_bytes(b"")]
)
def test_what_is_no_wheel(tmp_path: Path, break_it: Callable[[Path], object]) -> None:
    path = write_wheel(tmp_path)
    (tmp_path / "x").mkdir()
    other = write_wheel(tmp_path / "x")
    break_it(other)
    for pair in ((path, other), (other, path)):
        with pytest.raises((wheelfix.WheelError, OSError)):
            compare_wheels(*pair)


def test_a_wheel_that_changes_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_wheel(tmp_path)
    (tmp_path / "x").mkdir()
    other = write_wheel(tmp_path / "x")
    real = Comparison.same_bytes

    def grow(self: Comparison, *spans: tuple[int, int]) -> bool:
        other.write_bytes(other.read_bytes() + b"x")
        return real(self, *spans)

    monkeypatch.setattr(Comparison, "same_bytes", grow)
    with pytest.raises(wheelfix.SourceChanged):
        compare_wheels(path, other)
