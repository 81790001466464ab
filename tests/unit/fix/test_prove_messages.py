"""What is said where a new wheel differs further than planned: each place by its name, all of them at once."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

import wheelfix
from building import Archive, Entry, archive_of, changed, to_bytes, write_wheel
from defects import metadata, valid
from wheelfix.diff.model import ArchiveChange
from wheelfix.fix import prove
from wheelfix.fix.prove_text import (
    is_row_of,
    metadata_difference,
    record_difference,
    still_listed,
    without_rows,
    wrongly_listed,
)
from wheelfix.results import Change, ChangeAction, Status
from wheelfix.wheel.edits import AddField, Edit, SetField
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.zip import rewrite

Patch = pytest.MonkeyPatch
INFO = "demo-1.0.dist-info"
MANY = tuple(Entry(f"demo/m{number}.py", b"x = %d\n" % number) for number in range(4))
SPEC = valid(metadata=metadata(), files=(*valid().files, *MANY))
HEAD = "the new wheel is not what was planned: "
MORE = "more differs than was planned: "


def message_of(folder: Path, archive: Archive) -> str:
    path = write_wheel(folder, archive=to_bytes(archive))
    edits: list[Edit] = [SetField("Summary", "Another"), AddField("Requires-Dist", "attrs")]
    [outcome] = wheelfix.fix_wheels([path], None, output=folder / "out", edits=edits).outcomes
    assert outcome.problem is not None
    assert (outcome.status, outcome.problem.code) == (Status.FAILED, "not-as-planned")
    assert outcome.problem.message.startswith(HEAD)
    return outcome.problem.message.removeprefix(HEAD)


def wrap(monkeypatch: Patch, place: Any, name: str, change: Callable[[Any], Any]) -> None:
    real = getattr(place, name)
    monkeypatch.setattr(place, name, lambda *given, **named: change(real(*given, **named)))


@pytest.mark.parametrize(
    ("change", "follows"),
    [
        (ArchiveChange(kind="zip64-end", before="", after="", file=None), True),
        (ArchiveChange(kind="archive-comment", before="", after="", file=None), False),
        (ArchiveChange(kind="crc", before="", after="", file="new"), True),
        (ArchiveChange(kind="time", before="", after="", file="new"), True),
        (ArchiveChange(kind="crc", before="", after="", file="replaced"), True),
        (ArchiveChange(kind="time", before="", after="", file="replaced"), False),
        (ArchiveChange(kind="version-needed", before="20", after="45", file="wide"), True),
        (ArchiveChange(kind="version-needed", before="20", after="63", file="wide"), False),
        (ArchiveChange(kind="time", before="20", after="45", file="wide"), False),
        (ArchiveChange(kind="version-needed", before="20", after="45", file="kept"), False),
    ],
    ids=str,
)
def test_what_follows_from_what_was_planned(change: ArchiveChange, follows: bool) -> None:
    assert prove._follows(change, {"new", "replaced"}, {"replaced"}, {"wide"}) is follows


def test_entries_that_are_not_called_what_was_planned() -> None:
    def others(directories: dict[str, str], *names: str) -> list[str]:
        work: Any = SimpleNamespace(
            plan=SimpleNamespace(renaming=SimpleNamespace(directories=directories)),
            wheel=SimpleNamespace(layout=SimpleNamespace(names=["a/x", "a/gone", "y"])),
            name_of=lambda name: name.replace("a/", "b/"),
            removed={"a/gone"},
            expected={"b/new": b""},
        )
        layout: Any = SimpleNamespace(names=names)
        return prove._with_other_names(work, layout)

    assert others({"a": "b"}, "b/x", "y", "b/new") == []
    assert others({"a": "b"}, "a/x", "y", "b/new") == ["a/x", "b/x"]
    assert others({"a": "b"}, "b/x", "y", "b/new", "b/gone") == ["b/gone"]
    assert others({}, "a/x") == []  # then the comparison of both archives says it


@pytest.mark.parametrize(("at", "what"), [(4, "made-by"), (12, "time"), (38, "external-attributes")])
def test_an_entry_that_differs_is_named(at: int, what: str, tmp_path: Path, monkeypatch: Patch) -> None:
    def change(run: bytes) -> bytes:
        start = run.find(b"demo/m3.py") - 46
        return run if start < 0 else run[: start + at] + bytes([run[start + at] ^ 1]) + run[start + at + 1 :]

    wrap(monkeypatch, rewrite, "moved_records", change)
    assert message_of(tmp_path, archive_of(SPEC)) == f"{MORE}demo/m3.py"


def test_a_local_extra_field_that_is_lost_is_named(tmp_path: Path, monkeypatch: Patch) -> None:
    def change(parts: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
        local, record = parts
        name_stop = 30 + int.from_bytes(local[26:28], "little")
        data_start = name_stop + int.from_bytes(local[28:30], "little")
        return local[:28] + b"\0\0" + local[30:name_stop] + local[data_start:], record

    wrap(monkeypatch, rewrite, "encode_entry", change)
    archive = changed(archive_of(SPEC), "METADATA", local_extra=b"\xfe\xca\x02\0ab")
    assert message_of(tmp_path, archive) == f"{MORE}{FILE}"


def test_a_long_file_reads_back(tmp_path: Path) -> None:
    """It is compared block by block."""
    path = write_wheel(tmp_path, valid(metadata=metadata(body="\n\n" + "a line of a long description\n" * 9_000)))
    [outcome] = wheelfix.fix_wheels([path], None, output=tmp_path / "out", edits=[SetField("Summary", "x")]).outcomes
    assert outcome.status is Status.FIXED, outcome.problem


def test_what_differs_in_no_entry_is_named(tmp_path: Path, monkeypatch: Patch) -> None:
    def change(end: bytes) -> bytes:
        return end.removesuffix(b"of the archive")[:-2] + b"\0\0"

    wrap(monkeypatch, rewrite, "end_bytes", change)
    assert message_of(tmp_path, replace(archive_of(SPEC), comment=b"of the archive")) == f"{MORE}archive-comment"


def test_a_difference_of_metadata_is_named(tmp_path: Path, monkeypatch: Patch) -> None:
    wrap(monkeypatch, Document, "edited", lambda document: Document.parse(document.data.replace(b">=2", b">=3")))
    expected = f"{MORE}METADATA: requires-dist: requests>=2, requires-dist: requests>=3"
    assert message_of(tmp_path, archive_of(SPEC)) == expected


OLD = b"Metadata-Version: 2.1\nName: a\nRequires-Dist: b\n\nbody\n"
SET = Change("Requires-Dist", ChangeAction.REPLACE, "b", "c")
ROW = f"{INFO}/METADATA,sha256=x,1\n".encode()


@pytest.mark.parametrize(
    ("new", "changes", "expected"),
    [
        (OLD.replace(b": b", b": c"), [SET], ""),
        (OLD, [], ""),
        (OLD + b"x", [], "no field was to change"),
        (OLD.replace(b": b", b": c") + b"x", [SET], "its description, or lines beside its fields"),
        (OLD, [SET], "fields that were to change and did not"),
        (OLD.replace(b": b", b": d"), [SET], "requires-dist: d"),
        (OLD.replace(b": b\n", b": c\nOwn: x\n"), [SET], "own: x"),
        (OLD.replace(b"Name: a\n", b"").replace(b": b", b": c"), [SET], "name: a"),
        (OLD.replace(b": b", b":\n c"), [SET], "the spelling of fields that were to change"),
        (
            OLD.replace(b": b", b": c").replace(b"Name", b"NAME"),
            [SET],
            "the order or the spelling of fields that were to be kept",
        ),
    ],
)
def test_what_differs_in_metadata(new: bytes, changes: list[Change], expected: str) -> None:
    assert metadata_difference(OLD, new, changes) == expected


@pytest.mark.parametrize(
    ("old", "new", "is_as_planned"),
    [
        (b": odd", b": odd\nRequires-Dist: c", True),
        (b"Name: a\n: odd", b"Name: a\n: odd\r\nRequires-Dist: c", True),
        (b"Name: a\n\nbody", b"Name: a\nRequires-Dist: c\n\nbody\n", False),
        (b"Name: a\nodd", b"Name: a\nRequires-Dist: c\nodd\n", False),
        (b": odd\nName: a", b": odd\n\nName: a\nRequires-Dist: c", False),
        (b": odd\n", b": odd\n\nRequires-Dist: c", False),
    ],
)
def test_an_odd_last_line_may_get_a_line_end(old: bytes, new: bytes, is_as_planned: bool) -> None:
    added = Change("Requires-Dist", ChangeAction.ADD_FIELD, None, "c")
    assert (metadata_difference(old, new, [added]) == "") is is_as_planned


def test_a_field_that_was_put_first() -> None:
    old, added = b"Name: a\nVersion: 1\n", Change("Summary", ChangeAction.ADD_FIELD, None, "x")
    assert metadata_difference(old, b"Name: a\nSummary: x\nVersion: 1\n", [added]) == ""
    assert metadata_difference(old, b"Summary: x\nName: a\nVersion: 1\n", [added]) == "a field before the first one"


def test_an_odd_line_before_the_first_field() -> None:
    old, new = (start + OLD for start in (b" x\n", b"\tx\n"))
    assert metadata_difference(old, new.replace(b": b", b": c"), [SET]) == "its description, or lines beside its fields"
    assert metadata_difference(old, old.replace(b": b", b": c"), [SET]) == ""


def test_lines_of_one_requirement_are_looked_at_where_other_changes_follow() -> None:
    split = [SET, Change("Requires-Dist", ChangeAction.REPLACE, None, "d")]
    more = [*split, Change("License", ChangeAction.ADD_FIELD, None, "MIT"), Change("Own", ChangeAction.ADD_FIELD, None, "x")]
    right = OLD.replace(b": b\n", b": c\nRequires-Dist: d\nLicense: MIT\nOwn: x\n")
    wrong = OLD.replace(b": b\n", b": d\nRequires-Dist: c\nLicense: MIT\nOwn: x\n")
    assert metadata_difference(OLD, right, more) == ""
    assert metadata_difference(OLD, wrong, more) == "the place of a requirement that became several"


def test_the_last_line_may_get_a_line_end_and_lose_it() -> None:
    """Where a file ends without one, a line that is added behind the last one gives it one."""
    old = b"Name: a\nRequires-Dist: b"
    added = [Change("License", ChangeAction.ADD_FIELD, None, "MIT")]
    gone = [Change("License", ChangeAction.REMOVE_FIELD, "MIT", None)]
    assert metadata_difference(old, old + b"\nLicense: MIT", added) == ""
    assert metadata_difference(old + b"\nLicense: MIT", old, gone) == ""
    assert metadata_difference(old, old + b"\r\nLicense: MIT", added) == ""
    assert metadata_difference(old + b"\n", old + b"\r\nLicense: MIT\n", added) != ""


FILE = f"{INFO}/METADATA"


@pytest.mark.parametrize("spelled", [FILE, f"./{FILE}", f"/{FILE}", f"{INFO}\\METADATA", f'"{FILE}"'])
def test_a_row_of_a_written_file_may_change_however_its_path_is_spelled(spelled: str) -> None:
    old, new = (f"a,,\n{spelled},sha256={digest},1\nb,,\n".encode() for digest in "xy")
    for directories in ({}, {"nothing": "else"}):  # compared as a whole, and row by row
        assert record_difference(old, new, (), directories=directories, files=[FILE]) == ""
        assert record_difference(old, new, (), directories=directories, files=["b"]) != ""


def test_a_row_of_a_file_in_a_folder_of_dist_info() -> None:
    """Rows are looked for by the last part of the path, however the rest is spelled."""
    old, new = (f"a,,\n{INFO}/sboms//x.json,sha256={digest},1\nb,,\n".encode() for digest in "xy")
    for directories in ({}, {"nothing": "else"}):
        assert record_difference(old, new, (), directories=directories, files=[f"{INFO}/sboms/x.json"]) == ""


def test_a_file_whose_name_is_no_plain_path() -> None:
    """A name with a backslash is looked up as it is, too."""
    old, new = (b"a,,\nx\\y,sha256=%s,1\n" % digest for digest in (b"x", b"y"))
    for directories in ({}, {"nothing": "else"}):
        assert record_difference(old, new, (), directories=directories, files=["x\\y"]) == ""


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (b"a,,\nb,x,1\nc,,\n", ""),
        (b"a,,\nb,x,2\nc,,\n", "b,x,1\\n, b,x,2\\n"),
        (b"a,,\nc,,\n", "b,x,1\\n"),
        (b"a,,\nb,x,1\nc,,\nd,,\n", "d,,\\n"),
        (b"b,x,1\na,,\nc,,\n", "the order of rows that were to be kept"),
        (b"a,,\nb,x,1\nc,,\nF,,\nF,,\n", "another row for F"),
        (b"a,,\nb,x,1\nc,,\nF,,\n", ""),
        (b"a,,\n\xff,,\nb,x,1\nc,,\n", "\\xff,,\\n"),
    ],
)
def test_which_rows_differ(new: bytes, expected: str) -> None:
    old = b"a,,\nb,x,1\nc,,\n"
    for directories in ({}, {"nothing": "else"}):
        assert record_difference(old, new, (), directories=directories, files=["F"]) == expected


@pytest.mark.parametrize("path", ["F", "Xa", "x/a"])
def test_a_second_row_for_a_written_file(path: str) -> None:
    row = f"{path},,\n".encode()
    assert (
        record_difference(b"a,,\n" + row, b"a,,\n" + row * 2, (), directories={}, files=[path]) == f"another row for {path}"
    )
    assert record_difference(b"a,,\n" + row * 2, b"a,,\n" + row * 2, (), directories={}, files=[path]) == ""


def test_rows_that_were_to_change() -> None:
    old = b"a,,\nb,x,1\nc,,\n"
    change = Change("RECORD", ChangeAction.SET_ROW, "b,x,1", "b,y,1")
    wrong = "rows that were to change did not, or otherwise"
    assert record_difference(old, old.replace(b"x", b"y"), [change], directories={}) == ""
    assert record_difference(old, old.replace(b"x", b"z"), [change], directories={}) == wrong
    assert record_difference(old, old, [change], directories={}) == wrong
    assert record_difference(old, old.replace(b"x", b"y"), [], directories={}) == "b,x,1\\n, b,y,1\\n"


@pytest.mark.parametrize("row", ["a/b,,", '"a/b",,', "./a/b,,", "/a/b,,", "a\\b,,"])
def test_rows_of_a_path(row: str) -> None:
    data = f"x,,\n{row}\ny,,\n".encode()
    assert without_rows(data, {"a/b"}) == b"x,,\ny,,\n"
    assert without_rows(data, {"a"}) == data
    assert without_rows(data, ()) == data
    assert still_listed(data, {"a/b"}).startswith("RECORD still lists ")
    assert still_listed(data, {"a", "b"}) == ""
    assert still_listed(data, ()) == ""
    removed = Change("RECORD", ChangeAction.REMOVE_ROW, row, None)
    added = Change("RECORD", ChangeAction.ADD_ROW, None, row)
    other = Change("Summary", ChangeAction.SET_FIELD, row, row)
    assert [is_row_of(each, {"a/b"}) for each in (removed, added, other)] == [True, True, False]
    assert [is_row_of(each, {"a"}) for each in (removed, added, other)] == [False, False, False]
    assert not is_row_of(removed, ())


def test_what_record_lists_wrongly() -> None:
    good = b"a,sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0,3\nR,,\n"
    assert wrongly_listed(good, {"a": b"abc", "R": b"?"}, ["b"], "R") == ""
    assert wrongly_listed(good, {"a": b"abd"}, [], "R") == "RECORD does not list a as it is"
    assert wrongly_listed(good, {"b": b"abc"}, [], "R") == "RECORD does not list b as it is"
    assert wrongly_listed(good, {}, ["a", "b"], "R") == "RECORD still lists a"
    assert wrongly_listed(good, {"a": b"abc"}, ["a"], "R") == ""  # it goes, and another one of its name comes
