"""Carrying out a plan: nothing else changes, and RECORD follows."""

import base64
import csv
import hashlib
import os
import stat
import weakref
import zipfile
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

import wheelfix
import wheelfix.fix.apply
from building import (
    STORED,
    Descriptor,
    Entry,
    RecordStyle,
    WheelSpec,
    archive_of,
    changed,
    every,
    extra_field,
    with_entries,
    write_wheel,
)
from fixing import fix, fixed
from wheelfix import SetField, Status, Wheel, WriteFile
from wheelfix.fix.apply import apply
from wheelfix.fix.assemble import Assembly
from wheelfix.fix.draft import make_plan
from wheelfix.fix.prove import confirm_readable
from wheelfix.wheel.zip import structs
from wheelfix.wheel.zip.encode import NewEntry
from wheelfix.wheel.zip.layout import Directory, Layout
from wheelfix.wheel.zip.source import Source

_INFO = "demo-1.0.dist-info"
_TRACE = f"{_INFO}/sboms/wheelfix.cdx.json"
_SPEC = WheelSpec(
    files=(
        Entry("demo/__init__.py", b"ANSWER = 42\n" * 99),
        Entry("demo/stored.bin", bytes(range(256)) * 40, method=0),
        Entry("demo/tool", b"#!/bin/sh\n", mode=0o100755),
        Entry("demo/\u0434.py", b"x"),
    ),
    folders=True,
)


def _rows(path: Path) -> list[bytes]:
    with Wheel(path) as wheel:
        return list(wheel.record.rows)


def _layout(path: Path) -> tuple[Layout, dict[str, structs.Entry]]:
    with Wheel(path) as wheel:
        return wheel.layout, {entry.name: entry for entry in wheel.layout.entries}


_SHAPES = {
    "plain": archive_of(_SPEC),
    "comments": changed(archive_of(_SPEC), "stored.bin", comment=b"of an entry"),
    "data descriptors": every(archive_of(_SPEC), descriptor=Descriptor(8, signature=False)),
    "extra fields": every(
        archive_of(_SPEC), extra=extra_field(0x5455, b"\x03aaaa"), local_extra=extra_field(0x5455, bytes(9))
    ),
    "Zstandard": with_entries(archive_of(_SPEC), Entry("demo/z", b"1234", method=93, raw=b"\x28\xb5\x2f\xfd")),
    "dist-info first": archive_of(WheelSpec(files=_SPEC.files, dist_info_first=True)),
}


@pytest.mark.parametrize("shape", _SHAPES)
def test_other_entries_keep_every_byte(shape: str, tmp_path: Path) -> None:
    """Promise 2, pitfalls 25, 26, 30: local header, data, descriptor and directory record of every other entry stay."""
    source = write_wheel(tmp_path, archive=_SHAPES[shape])
    output = fixed(source, tmp_path / "out")
    (old_layout, old), (new_layout, new) = _layout(source), _layout(output)
    old_data, new_data = source.read_bytes(), output.read_bytes()
    rewritten = {f"{_INFO}/METADATA", f"{_INFO}/RECORD"}
    assert set(new) - set(old) == {_TRACE}
    for name in old.keys() - rewritten:
        before, after = old[name], new[name]
        assert old_data[before.start : before.stop] == new_data[after.start : after.stop]
        one, two = old_layout.record(before), new_layout.record(after)
        assert (one[:42], one[46:]) == (two[:42], two[46:])
    names = [name for name in old if name != f"{_INFO}/RECORD"]
    assert [*new] == [*names, _TRACE, f"{_INFO}/RECORD"]


@pytest.mark.parametrize(
    "style",
    [
        RecordStyle(),
        RecordStyle(line_end="\r\n"),
        RecordStyle(quoted=True),
        RecordStyle(own_row="first"),
        RecordStyle(own_row="middle"),
        RecordStyle(own_row="missing"),
        RecordStyle(algorithm="md5"),
        RecordStyle(algorithm="sha512"),
        RecordStyle(unlisted=frozenset({f"{_INFO}/METADATA"})),
        RecordStyle(unlisted=frozenset({"demo/__init__.py"})),
        RecordStyle(final_newline=False),
        RecordStyle(final_newline=False, quoted=True, line_end="\r\n", own_row="first"),
    ],
    ids=str,
)
def test_record_keeps_all_rows_but_those_of_what_changed(style: RecordStyle, tmp_path: Path) -> None:
    """Promise 3, pitfalls 16, 17, 19, 21: rows, their order, quoting and line ends stay; METADATA and provenance match."""
    files = (*_SPEC.files, Entry('demo/a,"b".py', b"x"))
    source = write_wheel(tmp_path, WheelSpec(files=files, folders=True, style=style))
    output = fixed(source, tmp_path / "out")
    old, new = _rows(source), _rows(output)
    ours = (f"{_INFO}/METADATA", _TRACE)
    assert [row for row in new if not row.strip(b'"').startswith(tuple(map(str.encode, ours)))] == _expected_rows(old, new)
    assert (b"".join(new).endswith((b"\n", b"\r"))) == style.final_newline
    assert b"".join(new).count(b"\r\n") == (b"".join(new).count(b"\n") if style.line_end == "\r\n" else 0)
    columns = {row[0]: row[1:] for row in csv.reader(line.decode() for line in new)}
    with zipfile.ZipFile(output) as archive:
        for name in ours:
            algorithm, _, digest = columns[name][0].partition("=")
            content = archive.read(name)
            assert algorithm in {"sha256", "sha512"}
            assert base64.urlsafe_b64decode(digest + "==") == hashlib.new(algorithm, content).digest()
            assert columns[name][1] == str(len(content))
    assert not [path for path in columns if path.endswith("/")]


def _expected_rows(old: list[bytes], new: list[bytes]) -> list[bytes]:
    """Return the old rows but for METADATA's; the last one may have got a line end."""
    rows = [row for row in old if not row.strip(b'"').startswith(f"{_INFO}/METADATA".encode())]
    return [row if row in new else row + b"\r\n" if row + b"\r\n" in new else row + b"\n" for row in rows]


@pytest.mark.parametrize("at", [0, -1])
@pytest.mark.parametrize(
    "row",
    [
        b"demo/caf\xe9.py,,\n",
        b"/etc/passwd,,\n",
        b"demo\\a.py,,\n",
        b"demo/,,\n",
        b"demo/nowhere.py,sha1=x,1\n",
        b"demo/nowhere.py,sha2\x0056=x,1\n",
        b"demo/nowhere.py,whirl=x,1\n",
        b"\n",
    ],
)
def test_row_that_is_wrong_stays(row: bytes, at: int, tmp_path: Path) -> None:
    """Pitfalls 3, 21: absolute paths, backslashes, folders, unknown hashes and bytes that are no UTF-8 are kept."""
    with Wheel(write_wheel(tmp_path, _SPEC)) as valid:
        record = row + valid.record.data if at == 0 else valid.record.data + row
    source = write_wheel(tmp_path, WheelSpec(files=_SPEC.files, folders=True, record=record))
    assert _rows(fixed(source, tmp_path / "out"))[at] == row


def test_row_of_a_payload_that_looks_like_dist_info_stays(tmp_path: Path) -> None:
    """Pitfall 20: a vendored dist-info deeper down is payload."""
    vendored = Entry(f"demo/_vendored/{_INFO}/METADATA", b"Requires-Dist: nvidia-cudnn-cu12\n")
    source = write_wheel(tmp_path, WheelSpec(files=(*_SPEC.files, vendored)))
    output = fixed(source, tmp_path / "out")
    row = [row for row in _rows(source) if row.startswith(b"demo/_vendored")]
    assert [row for row in _rows(output) if row.startswith(b"demo/_vendored")] == row
    with zipfile.ZipFile(output) as archive:
        assert archive.read(str(vendored.name)) == vendored.content


def test_name_of_dist_info_is_kept(tmp_path: Path) -> None:
    """Pitfall 22: the folder keeps its case and dots, whatever Name and the file name say."""
    spec = WheelSpec("zope-foo", dist_info="Zope.Foo-1.0.dist-info", files=_SPEC.files)
    with Wheel(fixed(write_wheel(tmp_path, spec), tmp_path / "out")) as wheel:
        assert wheel.dist_info == "Zope.Foo-1.0.dist-info"
        assert wheel.entry("sboms/wheelfix.cdx.json") is not None
        assert b"nvidia" not in wheel.document.data


def test_signatures_are_removed_and_reported(tmp_path: Path) -> None:
    """Pitfall 18: signatures of RECORD are void after a change."""
    spec = WheelSpec(dist_info_files={"RECORD.jws": b"{}", "RECORD.p7s": b"0"})
    outcome = fix(write_wheel(tmp_path, spec), tmp_path / "out")
    assert outcome.output is not None
    assert not {f"{_INFO}/RECORD.jws", f"{_INFO}/RECORD.p7s"} & _layout(outcome.output)[1].keys()
    assert [change.field for change in outcome.changes if change.action == "remove-file"] == ["RECORD.jws", "RECORD.p7s"]


def test_signatures_of_an_unchanged_wheel_stay(tmp_path: Path) -> None:
    """Pitfall 18, promise 1: without a change the wheel is copied whole, signatures and all."""
    spec = WheelSpec(requires=(), dist_info_files={"RECORD.jws": b"{}"})
    source = write_wheel(tmp_path, spec)
    outcome = fix(source, tmp_path / "out")
    assert (outcome.status, outcome.changes) == (Status.UNCHANGED, ())
    assert outcome.output is not None
    assert outcome.output.read_bytes() == source.read_bytes()


def test_second_run_changes_nothing(tmp_path: Path) -> None:
    """Pitfall 35: a fixed wheel is fixed."""
    once = fixed(write_wheel(tmp_path, _SPEC), tmp_path / "once")
    outcome = fix(once, tmp_path / "twice")
    assert outcome.status is Status.UNCHANGED
    assert outcome.output is not None
    assert outcome.output.read_bytes() == once.read_bytes()


def test_same_input_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 4, pitfall 30: no clock, no mask, no folder and no number of jobs shows in the output."""
    first = fixed(write_wheel(tmp_path, _SPEC), tmp_path / "first").read_bytes()
    (tmp_path / "elsewhere").mkdir()
    source = write_wheel(tmp_path / "elsewhere", _SPEC)
    os.utime(source, (0, 0))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "-5")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setattr("wheelfix.wheel.zip.output.BLOCK", 1000)
    monkeypatch.setattr("wheelfix.wheel.zip.rewrite._COPY_STEP", 999)
    mask = os.umask(0o077)
    try:
        assert fixed(source, tmp_path / "second").read_bytes() == first
    finally:
        os.umask(mask)


def test_permission_bits_are_those_of_the_source(tmp_path: Path) -> None:
    """Pitfall 30: neither the mask nor the temporary file decides who may read the output."""
    for mode, spec in [(0o640, _SPEC), (0o444, WheelSpec("clean", requires=()))]:
        source = write_wheel(tmp_path, spec)
        source.chmod(mode)
        outcome = fix(source, tmp_path / "out")
        assert outcome.output is not None
        assert stat.S_IMODE(outcome.output.stat().st_mode) == mode


def test_edits_and_new_files(tmp_path: Path) -> None:
    """Fields and files that a script sets are there afterwards, with rows of their own."""
    source = write_wheel(tmp_path, _SPEC)
    edits: list[wheelfix.Edit] = [SetField("Requires-Python", ">=3.10"), WriteFile("licenses/NOTICE", b"notice")]
    outcome = wheelfix.fix_wheels(
        [source],
        None,
        output=wheelfix.Output(directory=tmp_path / "out", sbom=False),
        policy=wheelfix.Policy(allow_unproven=True),
        edits=edits,
    ).outcomes[0]
    assert outcome.output is not None
    with Wheel(outcome.output) as wheel:
        assert wheel.document.first("Requires-Python") == ">=3.10"
        assert wheel.read("licenses/NOTICE") == b"notice"
        assert wheel.record.agrees(f"{_INFO}/licenses/NOTICE", b"notice")
        assert len(wheel.record.find(f"{_INFO}/licenses/NOTICE")) == 1
        assert wheel.entry("sboms/wheelfix.cdx.json") is None


def test_plan_for_another_wheel(tmp_path: Path) -> None:
    """A plan is carried out on the wheel that it was made for."""
    first, second = write_wheel(tmp_path, _SPEC), write_wheel(tmp_path, WheelSpec("other"))
    with Wheel(first) as one, Wheel(second) as two, pytest.raises(wheelfix.EditError) as refusal:
        wheelfix.apply(two, wheelfix.make_plan(one, wheelfix.built_in("gpu")), tmp_path / "out.whl")
    assert refusal.value.code == "foreign-plan"


def test_a_wheel_is_not_copied_on_the_word_of_its_directory(tmp_path: Path) -> None:
    """Not as "unchanged" either: another reader takes the name in front of the content."""
    path = write_wheel(tmp_path, _SPEC)
    with Wheel(path) as wheel:
        plan = wheelfix.make_plan(wheel)
    data = bytearray(path.read_bytes())
    data[30] ^= 0x20
    path.write_bytes(data)
    with Source(path) as source, Wheel(path, directory=Directory(source)) as wheel:
        for edits in ([], [SetField("Summary", "x")]):
            with pytest.raises(wheelfix.ArchiveError):
                wheelfix.make_plan(wheel, edits=edits)
        for target in (tmp_path / "out" / path.name, None):
            with pytest.raises(wheelfix.ArchiveError):
                wheelfix.apply(wheel, plan, target)
    assert not (tmp_path / "out").exists()
    assert path.read_bytes() == data


def test_root_does_not_take_a_wheel_over(tmp_path: Path) -> None:
    """Pitfall 34: a wheel that is replaced in place stays its owner's, where the system allows that."""
    path = write_wheel(tmp_path, _SPEC)
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
    before = path.stat()
    assert (
        wheelfix.fix_wheels([path], output=wheelfix.Output(in_place=True), policy=wheelfix.Policy(allow_unproven=True))
        .outcomes[0]
        .status
        is Status.FIXED
    )
    after = path.stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    assert after.st_ino != before.st_ino


def test_a_trace_that_would_be_out_of_date_is_removed_and_told(tmp_path: Path) -> None:
    corrected = fixed(write_wheel(tmp_path, _SPEC), tmp_path / "out")
    edit = wheelfix.SetField("Summary", "new")
    [outcome] = wheelfix.fix_wheels(
        [corrected],
        None,
        output=wheelfix.Output(directory=tmp_path / "more", sbom=False),
        policy=wheelfix.Policy(allow_unproven=True),
        edits=[edit],
    ).outcomes
    assert outcome.output is not None
    with Wheel(outcome.output) as wheel:
        assert wheel.entry("sboms/wheelfix.cdx.json") is None
    assert any("provenance of earlier fixes" in note for note in outcome.notes)


@pytest.mark.parametrize("damage", ["a byte of a file", "a mode", "a file that is gone", "a file more"])
def test_a_result_that_differs_beyond_the_plan_is_not_published(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 2: every entry that was not to change is compared before the new wheel gets its name."""
    big = Entry("demo/big.bin", bytes(range(256)) * 2000, STORED)
    path = write_wheel(tmp_path, WheelSpec(files=(*WheelSpec().files, big)))
    true_splice = wheelfix.fix.apply.splice  # type: ignore[attr-defined]

    def splice(source: Any, layout: Any, edits: Any, closing: Any, output: Any, digest: Any, proof: Any) -> Any:
        if damage == "a file that is gone":
            edits = replace(edits, removed=edits.removed | {"demo/__init__.py"})
        if damage == "a byte of a file":  # once it is copied, before it is read back
            flush = output.start_flush
            output.start_flush = lambda: (os.pwrite(output.descriptor, b"?", output.size // 2), flush())
        if damage == "a file more":
            like = next(entry for entry in layout.entries if entry.name == "demo/__init__.py")
            close = closing
            closing = lambda sum_: [NewEntry("demo/more.py", b"", like), *close(sum_)]  # noqa: E731

        write = output.write

        def with_another_mode(given: bytes | memoryview) -> None:
            data = bytearray(given)
            if data.startswith(b"PK\x01\x02"):
                data[data.rindex(b"demo/big.bin") - 46 + 40] ^= 4
            write(bytes(data))

        if damage == "a mode":
            output.write = with_another_mode
        return true_splice(source, layout, edits, closing, output, digest, proof=proof)

    monkeypatch.setattr("wheelfix.fix.apply.splice", splice)
    outcome = fix(path, tmp_path / "out")
    assert outcome.problem is not None
    assert outcome.problem.code == "not-as-planned"
    assert not list((tmp_path / "out").iterdir())


def test_the_map_is_gone_when_another_reader_makes_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both at once would be the peak of memory; who uses the wheel further reads it again."""
    confirm, maps = confirm_readable, list[weakref.ref[Layout]]()

    def without_map(path: Path, work: Assembly, beside: Path) -> str | None:
        assert maps
        assert maps[0]() is None
        return confirm(path, work, beside)

    monkeypatch.setattr(wheelfix.fix.apply, "confirm_readable", without_map)
    with Wheel(write_wheel(tmp_path, WheelSpec())) as wheel:
        maps.append(weakref.ref(wheel.layout))
        names, record = list(wheel.names), wheel.record.data
        plan = make_plan(wheel, None, edits=[SetField("Summary", "new")])
        outcome = apply(wheel, plan, tmp_path / "out" / wheel.path.name)
        assert outcome.status is Status.FIXED
        assert (list(wheel.names), wheel.record.data) == (names, record)
