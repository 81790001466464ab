"""Promises 1, 2 and 3: whatever else goes wrong, a wheel that differs further than planned is not published."""

import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

import wheelfix
import wheelfix.wheel.zip.rewrite
from building import Entry, RecordStyle, archive_of, changed, to_bytes, write_wheel
from counting import count_calls
from defects import metadata, record_of, valid
from wheelfix.fix import prove_text
from wheelfix.fix.assemble import Assembly
from wheelfix.fix.prove_text import metadata_difference, record_difference, wrongly_listed
from wheelfix.results import Change, ChangeAction, Outcome, Status
from wheelfix.wheel.edits import AddField, Edit, SetField
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.record import Record
from wheelfix.wheel.sbom import PROVENANCE
from wheelfix.wheel.zip import rewrite
from wheelfix.wheel.zip.encode import NewEntry, encode_entry
from wheelfix.wheel.zip.readback import Kept

INFO = "demo-1.0.dist-info"
MANY = tuple(Entry(f"demo/m{number}.py", b"x = %d\n" % number) for number in range(20))
SPEC = valid(metadata=metadata("Requires-Dist: six>=1.*"), files=(*valid().files, *MANY))
Patch = pytest.MonkeyPatch


def fix(path: Path) -> Outcome:
    edits: list[Edit] = [SetField("Summary", "Another"), AddField("Requires-Dist", "attrs")]
    return wheelfix.fix_wheels([path], None, output=path.parent / "out", edits=edits).outcomes[0]


def repair(path: Path) -> Outcome:
    return wheelfix.repair_wheels(path, output=path.parent / "out").outcomes[0]


each_command = pytest.mark.parametrize("command", [fix, repair])


def assert_not_published(outcome: Outcome) -> None:
    assert outcome.problem is not None
    assert (outcome.status, outcome.problem.code) == (Status.FAILED, "not-as-planned"), outcome.problem
    assert list((outcome.source.parent / "out").iterdir()) == []


def wrap(monkeypatch: Patch, place: Any, name: str, change: Callable[..., Any]) -> None:
    """Let what ``place.name`` returns be changed by ``change``."""
    real = getattr(place, name)
    monkeypatch.setattr(place, name, lambda *given, **named: change(real(*given, **named)))


@each_command
def test_without_a_fault_it_is_published(command: Callable[[Path], Outcome], tmp_path: Path) -> None:
    assert command(write_wheel(tmp_path, SPEC)).status is Status.FIXED


@each_command
@pytest.mark.parametrize(
    "change",
    [
        lambda rows: [row for row in rows if b"m3.py" not in row],
        lambda rows: [row.replace(b"sha256=", b"sha256=A") if b"m3.py" in row else row for row in rows],
        lambda rows: [row.replace(b"m3.py", b"m3.pyc") for row in rows],
        lambda rows: [*rows[1:4], rows[0], *rows[4:]],
        lambda rows: [row.replace(b"\n", b"\r\n") if b"m3.py" in row else row for row in rows],
        lambda rows: [b'"demo/m3.py"' + row[10:] if b"m3.py" in row else row for row in rows],
        lambda rows: [*rows, b"demo/extra.py,,\n"],
        lambda rows: [*rows, rows[0]],
        lambda rows: [row for row in rows if b"/METADATA" not in row],
        lambda rows: [row.replace(b"sha256=", b"sha256=A") if b"/METADATA" in row else row for row in rows],
    ],
    ids=["lost", "hash", "path", "order", "line end", "quotes", "added", "twice", "lost METADATA", "hash of METADATA"],
)
def test_another_row_of_record(
    change: Callable[[Any], list[bytes]], command: Callable[[Path], Outcome], tmp_path: Path, monkeypatch: Patch
) -> None:
    wrap(monkeypatch, Record, "with_content", lambda record: Record.parse(b"".join(change(list(record.rows)))))
    assert_not_published(command(write_wheel(tmp_path, SPEC)))


@each_command
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"requests>=2", b"requests>=3"),
        (b"Requires-Dist: requests>=2\n", b""),
        (b"made for tests", b"made for test"),
        (b"\nName: demo", b"\nName:  demo"),
        (b"\nName: demo\n", b"\nName: demo\r\n"),
        (b"\nName: demo\n", b"\nName: demo\nKeywords: a\n"),
        (b"Name: demo\nVersion: 1.0\n", b"Version: 1.0\nName: demo\n"),
        (b"\nIt is", b"\nIt  is"),
    ],
)
def test_another_line_of_metadata(
    old: bytes, new: bytes, command: Callable[[Path], Outcome], tmp_path: Path, monkeypatch: Patch
) -> None:
    wrap(monkeypatch, Document, "edited", lambda document: Document.parse(document.data.replace(old, new)))
    assert_not_published(command(write_wheel(tmp_path, SPEC)))


def test_a_planned_line_that_does_not_change(tmp_path: Path, monkeypatch: Patch) -> None:
    wrap(monkeypatch, Document, "adding", lambda document: Document.parse(document.data.replace(b"attrs", b"atrs")))
    assert_not_published(fix(write_wheel(tmp_path, SPEC)))


@pytest.mark.parametrize("file", ["METADATA", "RECORD"])
@pytest.mark.parametrize(
    ("local", "entry"), [(10, 12), (4, None), (None, 38), (None, 40), (None, 36), (None, 4)],
    ids=["time", "needed", "attributes", "mode", "internal", "made by"],
)  # fmt: skip
def test_time_and_mode_of_what_is_written_anew(
    file: str, local: int | None, entry: int | None, tmp_path: Path, monkeypatch: Patch
) -> None:
    def change(source: Any, layout: Any, new: NewEntry) -> tuple[bytes, bytes]:
        pieces = [bytearray(each) for each in encode_entry(source, layout, new)]
        for at, piece in zip((local, entry), pieces, strict=True):
            if at is not None and new.name == f"{INFO}/{file}":
                piece[at] ^= 3
        return bytes(pieces[0]), bytes(pieces[1])

    monkeypatch.setattr(rewrite, "encode_entry", change)
    assert_not_published(fix(write_wheel(tmp_path, SPEC)))


@pytest.mark.parametrize("at", [4, 6, 8, 12, 14, 16, 20, 24, 36, 38, 41, 42])
def test_a_directory_record_of_what_is_kept(at: int, tmp_path: Path, monkeypatch: Patch) -> None:
    """Made by, needed, flags, time, date, CRC, sizes, attributes and position: also a lower version that is needed."""

    def change(records: list[bytes]) -> list[bytes]:
        return [
            record[:at] + bytes([record[at] ^ 1]) + record[at + 1 :] if b"m3.py" in record else record for record in records
        ]

    wrap(monkeypatch, rewrite, "moved_records", lambda run: b"".join(change(split(run))))
    assert_not_published(fix(write_wheel(tmp_path, SPEC)))


def split(run: bytes) -> list[bytes]:
    """Return the directory records in ``run``; their names have no signature in them."""
    return [b"PK\x01\x02" + record for record in run.split(b"PK\x01\x02")[1:]]


@pytest.mark.parametrize(
    "change",
    [
        lambda run: [*run[:2], run[5], *run[2:5], *run[6:]],
        lambda run: [*run[:3], *run[4:]],
        lambda run: [*run[:3], run[2], *run[3:]],
        lambda run: [*run[:3], run[2], *run[4:]],
    ],
    ids=["order", "lost", "twice", "one for another"],
)
def test_directory_records_that_are_lost_or_in_another_order(
    change: Callable[[list[bytes]], list[bytes]], tmp_path: Path, monkeypatch: Patch
) -> None:
    wrap(monkeypatch, rewrite, "moved_records", lambda run: b"".join(change(split(run)) if len(split(run)) > 5 else [run]))
    assert_not_published(fix(write_wheel(tmp_path, SPEC)))


@pytest.mark.parametrize(
    "change",
    [
        lambda parts: [*parts[:-1], parts[-1]._replace(piece=Kept(parts[-1].piece.start, parts[-1].piece.stop - 1))],
        lambda parts: [parts[0]._replace(piece=Kept(0, parts[0].piece.stop - 1)), *parts[1:]],
        lambda parts: [parts[0], parts[0], *parts[1:]],
        lambda parts: [*parts[1:], parts[0]],
        lambda parts: [parts[0], parts[1]._replace(piece=parts[1].piece + b"?"), *parts[2:]],
    ],
    ids=["end", "middle", "twice", "order", "longer"],
)
def test_spans_that_are_not_those_of_the_plan(
    change: Callable[[list[Any]], list[Any]], tmp_path: Path, monkeypatch: Patch
) -> None:
    """What was copied reads back as it was copied; it is not what should have been copied."""
    wrap(monkeypatch, rewrite, "_aligned", change)
    assert_not_published(fix(write_wheel(tmp_path, SPEC)))


@pytest.mark.parametrize("file", ["RECORD", "wheelfix.cdx.json"])
def test_closing_entries_that_are_lost(file: str, tmp_path: Path, monkeypatch: Patch) -> None:
    wrap(monkeypatch, Assembly, "closing", lambda entries: [each for each in entries if file not in each.name])
    assert_not_published(fix(write_wheel(tmp_path, SPEC)))


def test_a_comment_that_is_lost(tmp_path: Path, monkeypatch: Patch) -> None:
    archive = changed(archive_of(SPEC), "METADATA", comment=b"of METADATA")
    path = write_wheel(tmp_path, archive=to_bytes(archive))
    assert fix(path).status is Status.FIXED
    text = b"of METADATA"

    def without(parts: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
        local, record = parts
        return local, record[:32] + b"\0\0" + record[34:].removesuffix(text) if record.endswith(text) else record

    wrap(monkeypatch, wheelfix.wheel.zip.rewrite, "encode_entry", without)
    (tmp_path / "out" / path.name).unlink()
    assert_not_published(fix(path))


LINE = b"Metadata-Version: 2.1\nName: a\nRequires-Dist: b\nRequires-Dist: c\nrequires-dist: b\n"


@pytest.mark.parametrize(
    ("new", "changes"),
    [
        (LINE, []),
        (LINE.replace(b"\nRequires-Dist: b", b""), [("Requires-Dist", "b", None)]),
        (LINE.replace(b": c", b": d"), [("Requires-Dist", "c", "x"), ("Requires-Dist", "x", "d")]),
        (LINE + b"License: MIT\n", [("License", None, "MIT")]),
        (
            LINE.replace(b"b\nRequires-Dist: c", b"c\nRequires-Dist: b"),
            [("Requires-Dist", "b", "c"), ("Requires-Dist", "c", "b")],
        ),
        (LINE[:-1], []),
    ],
)
def test_planned_changes_of_metadata(new: bytes, changes: list[tuple[str, str | None, str | None]]) -> None:
    told = [Change(field, ChangeAction.SET_FIELD, before, after) for field, before, after in changes]
    assert bool(metadata_difference(LINE, new, told)) == (new == LINE[:-1])
    assert not changes or metadata_difference(LINE, new, [])
    assert not changes or metadata_difference(LINE, LINE, told[:1]) or len(told) == 2


SPLIT = [
    Change("Requires-Dist", ChangeAction.REPLACE, "c", "d"),
    Change("Requires-Dist", ChangeAction.REPLACE, None, "e"),
    Change("Requires-Dist", ChangeAction.REPLACE, None, "f"),
]


@pytest.mark.parametrize(
    ("lines", "proved"),
    [
        ("b d e f b", True),
        ("b d f e b", False),
        ("b e d f b", False),
        ("d e f b b", False),
        ("b b d e f", False),
        ("b d b e f", False),
        ("b d e b f", False),
        ("b d e b", False),
        ("b c e f b", False),
        ("b d e f f b", False),
    ],
)
def test_lines_that_one_requirement_became_are_together_in_its_place(lines: str, proved: bool) -> None:
    old, new = ("".join(f"Requires-Dist: {each}\n" for each in several.split()).encode() for several in ("b c b", lines))
    head = b"Metadata-Version: 2.1\nName: a\n"
    assert (metadata_difference(head + old, head + new, SPLIT) == "") is proved


def test_a_line_of_several_that_changes_again_is_where_that_leaves_it() -> None:
    again = [
        *SPLIT,
        Change("Requires-Dist", ChangeAction.DROP_EXTRA, "e", None),
        Change("Requires-Dist", ChangeAction.DROP_EXTRA, "d", "g"),
    ]
    assert not metadata_difference(LINE, LINE.replace(b": c", b": g\nRequires-Dist: f"), again)
    assert metadata_difference(LINE, LINE.replace(b": c", b": g\nRequires-Dist: e"), again)


def test_a_split_that_is_written_wrongly_is_not_published(tmp_path: Path, monkeypatch: Patch) -> None:
    rule = wheelfix.Rule(
        id="r", reason="why", match=wheelfix.Match(name=("requests",)), action=wheelfix.Action(replace=("a", "b", "c"))
    )
    path = write_wheel(tmp_path, SPEC)
    a, b, c = (b"Requires-Dist: %s\n" % name for name in (b"a", b"b", b"c"))
    wrap(monkeypatch, Document, "edited", lambda document: Document.parse(document.data.replace(a + b + c, a + c + b)))
    assert_not_published(wheelfix.fix_wheels([path], wheelfix.rule_set("t", [rule]), output=tmp_path / "out").outcomes[0])


def prove_splits(count: int) -> None:
    old = LINE + b"".join(b"Requires-Dist: x==%d\n" % number for number in range(count))
    new = LINE + b"".join(b"Requires-Dist: x\nRequires-Dist: y==%d\n" % number for number in range(count))
    planned = [
        Change("Requires-Dist", ChangeAction.REPLACE, before, after)
        for number in range(count)
        for before, after in ((f"x=={number}", "x"), (None, f"y=={number}"))
    ]
    assert not metadata_difference(old, new, planned)


def test_thousands_of_splits_are_looked_up_not_searched_for() -> None:
    """Pitfall 42: a hostile wheel has thousands of requirements that a rule makes the same first line of."""
    few, many = (count_calls(partial(prove_splits, count)) for count in (500, 2_000))
    assert many < 5 * few


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        (b'Requires-Dist: a; os_name == "x  y"\n', b'Requires-Dist: b; os_name == "x y"\n',
         ('a; os_name == "x  y"', 'b; os_name == "x  y"')),
        (b"Requires-Dist: a\n", b"Requires-Dist: b;\n os_name == 'x'\n", ("a", "b; os_name == 'x'")),
    ],
)  # fmt: skip
def test_a_planned_value_is_there_byte_for_byte(old: bytes, new: bytes, changed: tuple[str, str]) -> None:
    plan = [Change("Requires-Dist", ChangeAction.REPLACE, *changed)]
    assert metadata_difference(LINE + old, LINE + new, plan)
    assert not metadata_difference(LINE + old, LINE + f"Requires-Dist: {changed[1]}\n".encode(), plan)


def test_no_field_is_added_before_the_first_one() -> None:
    plan = [Change("License", ChangeAction.ADD_FIELD, None, "MIT")]
    assert metadata_difference(LINE, b"License: MIT\n" + LINE, plan)
    assert not metadata_difference(LINE, LINE + b"License: MIT\n", plan)


def test_line_ends_that_are_mended() -> None:
    old, told = (
        b"Metadata-Version: 2.1\nName: a\rLicense: x\n\nb\rc",
        [Change("METADATA", ChangeAction.FIX_LINE_ENDS, None, None)],
    )
    assert not metadata_difference(old, old.replace(b"a\r", b"a\n"), told)
    assert metadata_difference(old, old.replace(b"a\r", b"a\n").replace(b"b\rc", b"b\nc"), told)
    assert metadata_difference(old, old.replace(b"a\r", b"a\n"), [])


@pytest.mark.parametrize(
    "style", [RecordStyle(), RecordStyle(quoted=True, line_end="\r\n"), RecordStyle(final_newline=False)]
)
def test_rows_of_folders_with_a_new_name(style: RecordStyle) -> None:
    """Only the begin of their paths differs."""
    old = b"".join(record_of(valid(style=style, files=(*valid().files, Entry("demo-1.0.data/data/demo-1.0.data/x", b"")))))
    folders = {INFO: "demo-1.0+cpu.dist-info", "demo-1.0.data": "demo-1.0+cpu.data"}
    new = old.replace(INFO.encode(), b"demo-1.0+cpu.dist-info").replace(
        b"demo-1.0.data/data/", b"demo-1.0+cpu.data/data/", 1
    )
    assert not record_difference(old, new, (), directories=folders)
    assert record_difference(old, old.replace(b"demo-1.0.data", b"demo-1.0+cpu.data"), (), directories=folders)
    assert record_difference(old, new, (), directories={})


def test_rows_that_are_mended_are_those_that_are_told() -> None:
    old = b"demo/,,\n\n" + b"".join(record_of(valid()))
    told = [Change("RECORD", ChangeAction.REMOVE_ROW, "demo/,,", None), Change("RECORD", ChangeAction.REMOVE_ROW, "", None)]
    new = old.removeprefix(b"demo/,,\n\n")
    assert not record_difference(old, new, told, directories={})
    assert record_difference(old, new, told[:1], directories={})
    assert record_difference(old, new.split(b"\n", 1)[1], told, directories={})
    rows = record_of(valid())
    first = rows[0].decode().rstrip("\n")
    twice = b"".join([rows[0], rows[1], rows[0], *rows[2:]])
    gone = [Change("RECORD", ChangeAction.REMOVE_ROW, first, None)]
    assert not record_difference(twice, b"".join(rows), gone, directories={})
    assert not record_difference(
        twice, b"".join([rows[1], rows[0], *rows[2:]]), gone, directories={}
    )  # which of two that are alike is no matter
    assert record_difference(twice, b"".join(rows[1:]), gone, directories={})
    assert record_difference(twice, twice, gone, directories={})
    added = [Change("RECORD", ChangeAction.ADD_ROW, None, "demo/a,b.py,sha256=x,1")]
    assert not record_difference(new, new + b'"demo/a,b.py",sha256=x,1\n', added, directories={})
    assert record_difference(new, new + b'"demo/a,c.py",sha256=x,1\n', added, directories={})


def test_a_file_that_is_written_has_one_row() -> None:
    rows = record_of(valid())
    old, file = b"".join(rows), f"{INFO}/METADATA"
    [own] = [row for row in rows if file.encode() in row]
    assert not record_difference(
        old, old.replace(own, own.replace(b"sha256=", b"sha256=A")), (), directories={}, files=[file]
    )
    assert record_difference(old, old + own, (), directories={}, files=[file])
    assert not record_difference(old + own, old + own, (), directories={}, files=[file])


_SIGNED = f"{INFO}/RECORD.p7s"
_ROWS = [
    *record_of(valid()), b"demo/METADATA,sha256=x,1\n", b'"demo/a,b",,\r\n', b"demo/RECORD.py,,\r", b"\n",
    f"/{INFO}/METADATA,sha256=x,1\n".encode(), f"{_SIGNED},,\n".encode(), b'"demo/RECORD\n.py",sha256=x,1\n', b"demo/RECORD",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(10))
def test_rows_that_are_compared_together_are_the_same_one_by_one(seed: int, monkeypatch: Patch) -> None:
    """Where all that lies between some rows is compared at once, looking at every row finds the same."""
    chance, files = Random(seed), [f"{INFO}/METADATA", f"{INFO}/RECORD", _SIGNED]
    together, found = prove_text._same_but_for, Counter[tuple[bool, bool]]()
    for _ in range(200):
        rows = chance.sample(_ROWS, chance.randrange(1, len(_ROWS)))
        after = list(rows)
        for _ in range(chance.randrange(4)):
            position = chance.randrange(len(after) + 1)
            after[position : position + chance.randrange(3)] = chance.choices(_ROWS, k=chance.randrange(3))
        records = Record.parse(b"".join(rows)), Record.parse(b"".join(after))
        with monkeypatch.context() as without:
            without.setattr(prove_text, "_same_but_for", lambda *_: False)
            one_by_one = record_difference(records[0].data, records[1].data, (), directories={}, files=files)
        same = together(*records, files)
        assert not (same and one_by_one), records
        found[same, not one_by_one] += 1
    assert found[True, True] > 10
    assert found[False, False] > 10


def test_rows_of_a_file_that_comes_last_or_goes(monkeypatch: Patch) -> None:
    """This is what nearly every fix does: rows are not cut out for it."""
    rows, files = record_of(valid()), [f"{INFO}/{file}" for file in ("METADATA", PROVENANCE, "RECORD")]
    new = [row.replace(b"sha256=", b"sha256=A") if b"/METADATA" in row else row for row in rows]
    new.insert(-1, f"{INFO}/{PROVENANCE},sha256=x,1\n".encode())
    monkeypatch.setattr(Record, "rows", property(lambda _: pytest.fail("rows are cut out")))
    for old, other in ((rows, new), (new, rows), (new, new)):
        assert not record_difference(b"".join(old), b"".join(other), (), directories={}, files=files)


def test_record_lists_what_is_there_and_not_what_is_gone() -> None:
    assert not wrongly_listed(
        b"a,sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0,3\nR,,\n", {"a": b"abc", "R": b""}, ["b"], "R"
    )
    assert "a" in wrongly_listed(b"R,,\n", {"a": b"abc"}, [], "R")
    assert "a" in wrongly_listed(b"a,,\nR,,\n", {"a": b"abc"}, [], "R")
    assert "b" in wrongly_listed(b"b,,\nR,,\n", {}, ["b"], "R")


def test_the_payload_is_not_read_a_third_time(tmp_path: Path) -> None:
    """What is proven of contents is of METADATA and RECORD; a payload that cannot be inflated does not matter to it."""
    broken = changed(archive_of(SPEC), "demo/m3.py", raw=b"\xff", local={"size": 7}, directory={"size": 7})
    path = write_wheel(tmp_path, archive=to_bytes(broken))
    assert fix(path).status is Status.FIXED
    with zipfile.ZipFile(tmp_path / "out" / path.name) as archive, pytest.raises(zlib.error):
        archive.read("demo/m3.py")
