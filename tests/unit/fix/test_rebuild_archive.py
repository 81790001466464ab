"""``repair --rebuild-archive``: when a new container is made, what the result and the report say, and that it is proved."""

import bz2
import hashlib
import re
import struct
import zipfile
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

import running
import wheelfix
from building import (
    FULL_32,
    Archive,
    Descriptor,
    Entry,
    RecordStyle,
    WheelSpec,
    archive_of,
    changed,
    every,
    extra_field,
    record_bytes,
    to_bytes,
    with_entries,
    write_wheel,
)
from defects import DEFECTS, Defect, metadata, valid
from fixing import values
from wheelfix import Outcome, Status
from wheelfix.codes import Fix
from wheelfix.errors import VerificationError
from wheelfix.fix.rebuild import prove_rebuilt
from wheelfix.results import ChangeAction, Part, Severity
from wheelfix.verify.registry import CHECKS
from wheelfix.wheel.wheel import Wheel
from wheelfix.wheel.zip import rebuild
from wheelfix.wheel.zip.output import Growing
from wheelfix.wheel.zip.source import Source

INFO: Final = "demo-1.0.dist-info"
VALID: Final = archive_of(valid())
TRAILING: Final = replace(VALID, trailing=b"\n")
_OF_CONTAINER: Final = [defect for defect in DEFECTS if CHECKS[defect.code].fix is Fix.REBUILT]


def _repair(path: Path, **options: Any) -> Outcome:
    options = {"output_dir": path.parent / "fixed", "rebuild_archive": True, **options}
    if options.get("in_place"):
        del options["output_dir"]
    return wheelfix.repair_wheels([path], **values(**options)).outcomes[0]


def _contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _codes(path: Path) -> set[str]:
    return {finding.code for finding in wheelfix.verify_wheels(path).wheels[0].findings}


def _recorded(*files: Entry, **changes: Any) -> Archive:
    """Return a wheel with ``files``, listed in RECORD with slashes."""
    archive = with_entries(replace(VALID, entries=VALID.entries[:-1]), *files)
    plain = [replace(each, name=each.raw_name.replace(b"\\", b"/")) for each in archive.entries]
    record = Entry(f"{INFO}/RECORD", record_bytes(plain, f"{INFO}/RECORD", RecordStyle()))
    return replace(with_entries(archive, record), **changes)


def test_the_whole_of_it(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, archive=TRAILING)
    outcome = _repair(path)
    assert outcome.status is Status.FIXED
    assert outcome.output
    [change] = outcome.changes
    assert (change.field, change.action, change.reason) == (
        "archive", ChangeAction.REBUILD_ARCHIVE, "archive-trailing-bytes",
    )  # fmt: skip
    assert change.part is Part.ARCHIVE
    assert outcome.notes[0].startswith("The new container keeps")
    assert outcome.source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert outcome.output_sha256 == hashlib.sha256(outcome.output.read_bytes()).hexdigest()
    assert _codes(outcome.output) == set()
    with Wheel(outcome.output) as wheel:
        provenance = wheel.provenance
    assert provenance
    assert [(each.filename, each.sha256) for each in provenance.ancestors] == [(path.name, outcome.source_sha256)]
    assert provenance.changes == outcome.changes
    before, after = _contents(path), _contents(outcome.output)
    assert after.keys() - before.keys() == {f"{INFO}/sboms/wheelfix.cdx.json"}
    assert {name for name in before if before[name] != after[name]} == {f"{INFO}/RECORD"}


def test_twice_is_once(tmp_path: Path) -> None:
    first = _repair(write_wheel(tmp_path, archive=every(TRAILING, comment=b"x"))).output
    assert first
    again = _repair(first, output_dir=tmp_path / "again")
    assert (again.status, again.changes, again.source_sha256) == (Status.UNCHANGED, (), again.output_sha256)


def test_without_provenance_only_the_container_is_new(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, archive=replace(VALID, trailing=b"\n", leading=b"#!"))
    outcome = _repair(path, sbom=False)
    assert outcome.output
    assert _contents(outcome.output) == _contents(path)
    assert outcome.output.read_bytes() == to_bytes(VALID)


def test_nothing_is_rebuilt_unasked(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, archive=TRAILING)
    outcome = _repair(path, rebuild_archive=False)
    assert outcome.problem
    assert outcome.problem.code == "trailing-bytes"
    assert "wheelfix repair --rebuild-archive" in outcome.problem.hint
    assert not (tmp_path / "fixed" / path.name).exists()
    commented = write_wheel(tmp_path, archive=every(VALID, comment=b"x"))
    outcome = _repair(commented, rebuild_archive=False)
    assert outcome.status is Status.UNCHANGED
    assert any("use `repair --rebuild-archive`" in note for note in outcome.notes)


@pytest.mark.parametrize("command", ["fix", "strip"])
def test_the_help_of_other_commands_names_the_option_where_it_would_work(command: str, tmp_path: Path) -> None:
    def hint(archive: Archive | bytes) -> str:
        path = write_wheel(tmp_path, archive=archive)
        [outcome] = wheelfix.fix_wheels(path, repair=command == "fix", output=tmp_path / "out").outcomes
        assert outcome.problem
        return outcome.problem.hint

    assert "--rebuild-archive" in hint(TRAILING)
    assert "--rebuild-archive" not in hint(replace(VALID, trailing=b"PK\3\4" + bytes(30)))
    assert "--rebuild-archive" not in hint(changed(VALID, "METADATA", local={"crc": 1}, directory={"crc": 1}))
    assert "--rebuild-archive" not in hint(to_bytes(VALID)[:100])


def test_the_help_names_it_for_a_dist_info_with_backslashes(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, archive=_backslashes())
    [outcome] = wheelfix.fix_wheels(path, output=tmp_path / "out").outcomes
    assert outcome.problem
    assert (outcome.problem.code, "--rebuild-archive" in outcome.problem.hint) == ("no-dist-info", True)


def _backslashes(*, rows: bool = False) -> Archive:
    """Return a wheel with backslashes in every name, and ``rows`` of RECORD with them or with slashes."""
    entries = [replace(each, name=each.raw_name.replace(b"/", b"\\")) for each in VALID.entries[:-1]]
    named = entries if rows else VALID.entries[:-1]
    record = record_bytes(named, f"{INFO}/RECORD".replace("/", "\\" if rows else "/"), RecordStyle())
    return Archive((*entries, Entry(f"{INFO}\\RECORD", record)))


@pytest.mark.parametrize("rows", [False, True], ids=["rows with slashes", "rows with backslashes"])
def test_backslashes_become_slashes_in_names_and_rows(rows: bool, tmp_path: Path) -> None:
    outcome = _repair(write_wheel(tmp_path, archive=_backslashes(rows=rows)), sbom=False)
    assert outcome.status is Status.FIXED, outcome.problem
    assert outcome.output
    assert _contents(outcome.output) == _contents(write_wheel(tmp_path, archive=VALID))
    assert _codes(outcome.output) == set()
    assert {change.part for change in outcome.changes} == {Part.ARCHIVE, *([Part.ROW] if rows else [])}


@pytest.mark.parametrize(
    "options", [{}, {"select": ["archive-unsafe-name"]}, {"sbom": False}], ids=["all", "selected", "bare"]
)
@pytest.mark.parametrize("level", ["2.1", "2.4"])
def test_a_licence_is_named_as_its_file_is_in_the_new_container(level: str, options: dict[str, Any], tmp_path: Path) -> None:
    """PyPI reads the file that License-File names, from Metadata-Version 2.4 on."""
    archive = _licensed(level, "a\\LICENSE", "COPYING", "b\\MISSING")
    path = write_wheel(tmp_path, archive=archive)
    before = _codes(path)
    outcome = _repair(path, **options)
    assert outcome.output, outcome.problem
    contents = _contents(outcome.output)
    assert contents[f"{INFO}/licenses/a/LICENSE"] == b"MIT"
    assert b"\nLicense-File: a/LICENSE\nLicense-File: COPYING\nLicense-File: b\\MISSING\n" in contents[f"{INFO}/METADATA"]
    assert f"{INFO}/RECORD.jws" not in contents
    [change] = [change for change in outcome.changes if change.field == "License-File"]
    assert (change.before, change.after, change.reason) == ("a\\LICENSE", "a/LICENSE", "archive-unsafe-name")
    rows = {"record-backslash"} if "select" in options else set()  # a warning of its own
    assert _codes(outcome.output) - rows <= before - {"archive-unsafe-name"}


def _licensed(level: str, *names: str) -> Archive:
    """Return a signed wheel whose License-File names files of licenses/, of which the last one is missing."""
    head = re.sub(rb"Metadata-Version: .*", f"Metadata-Version: {level}".encode(), metadata())
    fields = "".join(f"License-File: {name}\n" for name in names).encode()
    files = {f"licenses/{name}": b"MIT" for name in names[:-1]} | {"RECORD.jws": b"{}"}
    return archive_of(valid(metadata=head.replace(b"Version: 1.0\n", b"Version: 1.0\n" + fields), dist_info_files=files))


def test_names_with_backslashes_that_record_does_not_confirm(tmp_path: Path) -> None:
    archive = with_entries(VALID, Entry("demo\\x.py", b"1"))
    outcome = _repair(write_wheel(tmp_path, archive=archive))
    assert Part.ARCHIVE not in {change.part for change in outcome.changes}
    assert any("not rebuilt" in note and "record-missing-row" in note for note in outcome.notes)


@pytest.mark.parametrize("defect", _OF_CONTAINER, ids=lambda defect: f"{defect.code}: {defect.name[:40]}")
def test_a_sample_of_each_code_is_clean_afterwards_or_stays_as_it_is(defect: Defect, tmp_path: Path) -> None:
    """What verify calls fixable is fixed, and nothing else; contents are the same."""
    path = defect.write(tmp_path)[0]
    before = wheelfix.verify_wheels(path).wheels[0].findings
    fixable = [each for each in before if each.needs_rebuild]
    outcome = _repair(path, sbom=False)
    assert (outcome.status is Status.FIXED) == bool(fixable)
    if outcome.output and fixable:
        assert not any(each.needs_rebuild for each in wheelfix.verify_wheels(outcome.output).wheels[0].findings)
        assert not any(code.startswith("archive-") for code in _codes(outcome.output))
        assert {each.code for each in fixable} == {*str(outcome.changes[0].reason).split(", ")}
    elif outcome.output:
        assert outcome.output.read_bytes() == path.read_bytes()


def test_every_code_that_says_so_has_a_sample_that_is_rebuilt(tmp_path: Path) -> None:
    rebuilt = set()
    for number, defect in enumerate(_OF_CONTAINER):
        folder = tmp_path / str(number)
        folder.mkdir()
        outcome = _repair(defect.write(folder)[0], dry_run=True)
        rebuilt |= {code for change in outcome.changes if change.reason for code in change.reason.split(", ")}
    assert rebuilt >= {code for code, check in CHECKS.items() if check.fix is Fix.REBUILT}


_DOUBTS: Final = {
    "record-wrong-hash": lambda rows: rows.replace(b"sha256=", b"sha256=A", 1),
    "record-no-hash": lambda rows: rows.replace(rows.split(b",")[1], b"", 1),
    "record-weak-hash": lambda rows: rows.replace(
        rows.split(b",")[1], b"md5=" + urlsafe_b64encode(hashlib.md5(b"ANSWER = 42\n").digest()).rstrip(b"="), 1
    ),
    "record-missing-row": lambda rows: rows.split(b"\n", 1)[1],
    "record-unclosed-quote": lambda rows: b'"' + rows,
    "record-bad-row": lambda rows: b"x,y\n" + rows,
    "record-byte-order-mark": lambda rows: b"\xef\xbb\xbf" + rows,
    "record-contradicting-rows": lambda rows: rows + rows.split(b",")[0] + b",sha256=" + b"A" * 43 + b",12\n",
}


@pytest.mark.parametrize("code", _DOUBTS)
def test_contents_that_record_does_not_confirm_are_refused(code: str, tmp_path: Path) -> None:
    record = next(each.content for each in VALID.entries if each.raw_name.endswith(b"/RECORD"))
    assert isinstance(record, bytes)
    doubtful = archive_of(valid(record=_DOUBTS[code](record)))
    outcome = _repair(write_wheel(tmp_path, archive=replace(doubtful, trailing=b"\n")))
    assert (outcome.status, outcome.output) == (Status.REFUSED, None)
    assert outcome.problem
    assert outcome.problem.code == "contents-in-doubt"
    assert outcome.problem.reason
    assert outcome.problem.reason.startswith("record-")
    assert not (tmp_path / "fixed").exists()


def test_trust_in_the_content_does_not_replace_the_proof(tmp_path: Path) -> None:
    doubtful = archive_of(valid(record=b"demo/__init__.py,,\n"))
    outcome = _repair(write_wheel(tmp_path, archive=replace(doubtful, trailing=b"\n")), trust_content=True)
    assert outcome.problem
    assert outcome.problem.code == "contents-in-doubt"


def test_a_readable_wheel_in_doubt_is_repaired_without_a_new_container(tmp_path: Path) -> None:
    record = next(each.content for each in VALID.entries if each.raw_name.endswith(b"/RECORD"))
    assert isinstance(record, bytes)
    doubtful = archive_of(valid(record=record.split(b"\n", 1)[1]))
    outcome = _repair(write_wheel(tmp_path, archive=every(doubtful, comment=b"x")), select=["record", "archive"])
    assert outcome.status is Status.FIXED
    assert {change.action for change in outcome.changes} == {ChangeAction.ADD_ROW}
    assert any(note.startswith("The archive was not rebuilt") for note in outcome.notes)
    again = _repair(outcome.output or Path(), output_dir=tmp_path / "again")
    assert [change.action for change in again.changes] == [ChangeAction.REBUILD_ARCHIVE], "now RECORD confirms it"


def test_the_usual_repair_follows_in_the_same_pass(tmp_path: Path) -> None:
    record = next(each.content for each in VALID.entries if each.raw_name.endswith(b"/RECORD"))
    assert isinstance(record, bytes)
    archive = archive_of(valid(record=b"demo/gone.py,sha256=x,1\n" + record))
    outcome = _repair(write_wheel(tmp_path, archive=replace(archive, trailing=b"\n")))
    assert [change.action for change in outcome.changes] == [ChangeAction.REBUILD_ARCHIVE, ChangeAction.REMOVE_ROW]
    assert outcome.output
    assert _codes(outcome.output) == set()


def test_what_is_not_selected_is_not_rebuilt(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, archive=every(VALID, comment=b"x"))
    assert _repair(path, select=["record"]).status is Status.UNCHANGED
    assert _repair(path, select=["archive-entry-comment"], output_dir=tmp_path / "2").status is Status.FIXED


def test_in_place_the_wheel_itself_is_replaced(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, archive=TRAILING)
    path.chmod(0o640)
    before = path.read_bytes()
    outcome = _repair(path, in_place=True)
    assert (outcome.status, outcome.output) == (Status.FIXED, path)
    assert outcome.source_sha256 == hashlib.sha256(before).hexdigest()
    assert path.stat().st_mode & 0o777 == 0o640
    assert _codes(path) == set()
    assert list(tmp_path.iterdir()) == [path]


def test_a_wheel_is_not_replaced_by_one_made_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_wheel(tmp_path, archive=TRAILING)
    write = rebuild.Rebuilt.write

    def written(*arguments: Any) -> None:
        write(*arguments)
        path.write_bytes(to_bytes(VALID) + b"other")

    monkeypatch.setattr(rebuild.Rebuilt, "write", written)
    outcome = _repair(path, in_place=True)
    assert outcome.problem
    assert outcome.problem.code == "source-changed"
    assert path.read_bytes().endswith(b"other")
    assert list(tmp_path.iterdir()) == [path]


def test_a_dry_run_writes_nothing_and_says_the_same(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, archive=TRAILING)
    outcome = _repair(path, dry_run=True)
    assert list(tmp_path.iterdir()) == [path]
    done = _repair(path)
    assert (outcome.status, outcome.changes, outcome.notes, outcome.findings) == (
        done.status, done.changes, done.notes, done.findings,
    )  # fmt: skip


def test_many_wheels_in_many_processes(tmp_path: Path) -> None:
    names = [f"demo-1.{number}-py3-none-any.whl" for number in range(6)]
    paths = []
    for number, name in enumerate(names):
        spec = valid(version=f"1.{number}", metadata=None)
        (tmp_path / name).write_bytes(to_bytes(replace(archive_of(spec), trailing=b"\n")))
        paths.append(tmp_path / name)
    results = [
        wheelfix.repair_wheels(paths, rebuild_archive=True, output=tmp_path / str(jobs), jobs=jobs) for jobs in (1, 3)
    ]
    one, many = ([(each.status, each.output_sha256) for each in result.outcomes] for result in results)
    assert one == many
    assert {status for status, _ in one} == {Status.FIXED}


def test_wheels_of_a_release_are_compared_as_they_will_be(tmp_path: Path) -> None:
    other = valid(tags="py3-none-win32")
    paths = [write_wheel(tmp_path, archive=TRAILING), write_wheel(tmp_path, other, replace(archive_of(other), leading=b"x"))]
    report = wheelfix.repair_wheels(paths, rebuild_archive=True, output=tmp_path / "out")
    assert [each.status for each in report.outcomes] == [Status.FIXED] * 2, report


def test_signatures_go_where_record_changes(tmp_path: Path) -> None:
    archive = archive_of(valid(dist_info_files={"RECORD.p7s": b"x"}))
    path = write_wheel(tmp_path, archive=replace(archive, trailing=b"\n"))
    assert {change.action for change in _repair(path).changes} == {ChangeAction.REBUILD_ARCHIVE, ChangeAction.REMOVE_FILE}
    [change] = _repair(path, sbom=False, output_dir=tmp_path / "2").changes
    assert change.action is ChangeAction.REBUILD_ARCHIVE


def test_names_are_corrected_in_the_same_pass(tmp_path: Path) -> None:
    archive = archive_of(valid(dist_info="Demo-1.0.dist-info"))
    path = write_wheel(tmp_path, archive=replace(archive, trailing=b"\n"))
    outcome = _repair(path, rename_dist_info=True, sbom=False)
    assert outcome.output
    assert outcome.changes[0].action is ChangeAction.REBUILD_ARCHIVE
    assert {name.partition("/")[0] for name in _contents(outcome.output)} == {"demo", INFO}
    assert _codes(outcome.output) == set()


def test_earlier_fixes_stay_in_the_provenance(tmp_path: Path) -> None:
    [fixed] = wheelfix.fix_wheels(
        write_wheel(tmp_path), output=tmp_path / "1", policy=wheelfix.Policy(allow_unproven=True)
    ).outcomes
    assert fixed.output
    fixed.output.write_bytes(fixed.output.read_bytes() + b"\n")
    outcome = _repair(fixed.output, output_dir=tmp_path / "2")
    assert outcome.output
    with Wheel(outcome.output) as wheel:
        provenance = wheel.provenance
    assert provenance
    assert [each.sha256 for each in provenance.ancestors] == [outcome.source_sha256, fixed.source_sha256]
    assert provenance.changes == (*fixed.changes, *outcome.changes)
    bare = _repair(fixed.output, output_dir=tmp_path / "3", sbom=False).output
    assert bare
    assert not any("sboms" in name for name in _contents(bare)), "one that is out of date is removed"


def test_rare_compression_is_stored_and_said(tmp_path: Path) -> None:
    content = b"z" * 99_999
    archive = archive_of(valid(files=(*WheelSpec().files, Entry("demo/z", content, method=12, raw=bz2.compress(content)))))
    outcome = _repair(write_wheel(tmp_path, archive=archive))
    assert outcome.output
    assert "1 file in bzip2, LZMA or XZ is stored" in outcome.notes[0]
    assert _contents(outcome.output)["demo/z"] == content
    assert _codes(outcome.output) == set()


def test_metadata_in_bzip2_can_be_read_afterwards(tmp_path: Path) -> None:
    metadata = next(each.content for each in VALID.entries if each.raw_name.endswith(b"/METADATA"))
    assert isinstance(metadata, bytes)
    path = write_wheel(tmp_path, archive=changed(VALID, "METADATA", method=12, raw=bz2.compress(metadata)))
    [refused] = wheelfix.fix_wheels(path, output=tmp_path / "out").outcomes
    assert refused.problem
    assert "--rebuild-archive" in refused.problem.hint
    outcome = _repair(path)
    assert outcome.output
    assert _contents(outcome.output)[f"{INFO}/METADATA"] == metadata


@pytest.mark.parametrize("wrong", ["data", "name", "time", "mode", "order", "lost", "method"])
def test_the_proof_finds_what_was_written_wrongly(wrong: str, tmp_path: Path) -> None:
    """A deliberate wrong write of each kind; each is a plain archive with valid sums."""
    content = bytes(range(200))
    archive = with_entries(VALID, Entry("demo/x", content, method=0))
    old = write_wheel(tmp_path, archive=replace(archive, trailing=b"\n"))
    entries = archive.entries
    made = {
        "data": changed(archive, "demo/x", content=content[::-1]),
        "name": changed(archive, "demo/x", name="demo/y"),
        "time": changed(archive, "demo/x", time=(2020, 1, 1, 0, 0, 0)),
        "mode": changed(archive, "demo/x", mode=0o100600),
        "order": replace(archive, entries=(*entries[1:], entries[0])),
        "lost": replace(archive, entries=entries[:-1]),
        "method": changed(archive, "demo/x", method=8),
    }[wrong]
    (tmp_path / "new").mkdir()
    new = write_wheel(tmp_path / "new", archive=made)
    with Source(old) as source, Source(new) as rebuilt, pytest.raises(VerificationError):
        prove_rebuilt(source, rebuilt)


def test_a_byte_that_is_written_wrongly_publishes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytes(range(200)) * 40_000
    archive = archive_of(valid(files=(*WheelSpec().files, Entry("demo/x", content, method=0))))
    path = write_wheel(tmp_path, archive=replace(archive, leading=b"#!"))
    copy = Growing.copy_from

    def flipped(output: Growing, source: Any, offset: int, count: int) -> int:
        if output.size < 5_000_000 < output.size + count:
            block = bytearray(source.read_at(offset, count))
            block[-1] ^= 1
            output.write(bytes(block))
            return count
        return copy(output, source, offset, count)

    monkeypatch.setattr(Growing, "copy_from", flipped)
    outcome = _repair(path)
    assert outcome.problem
    assert outcome.problem.code == "not-as-planned"
    assert not list((tmp_path / "fixed").iterdir())


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_wheel(tmp_path, archive=TRAILING)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rebuild.Rebuilt, "write", full)
    outcome = _repair(path)
    assert outcome.status is Status.FAILED
    assert not list((tmp_path / "fixed").iterdir())


def test_the_field_that_uv_refuses_in_real_wheels(tmp_path: Path) -> None:
    """https://github.com/astral-sh/uv/issues/19440: the ZIP64 field of the directory, copied into local headers."""
    wide = {"size": FULL_32, "compressed_size": FULL_32}
    field = extra_field(1, struct.pack("<3QI", 9, 9, 0, 0))
    path = write_wheel(tmp_path, archive=_recorded(Entry("demo/x", b"x" * 9, method=0, local=wide, local_extra=field)))
    [finding] = wheelfix.verify_wheels(path).wheels[0].findings
    assert (finding.code, finding.refused_by, finding.needs_rebuild) == ("archive-bad-zip64-field", ("uv",), True)
    outcome = _repair(path)
    assert outcome.output
    assert _codes(outcome.output) == set()


def test_diff_compares_what_can_only_be_read_rebuilt(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, archive=TRAILING)
    outcome = _repair(path, sbom=False)
    assert outcome.output
    difference = wheelfix.compare_wheels(path, outcome.output)
    assert difference.verdict.value != "identical"
    assert not difference.files.changed
    assert [each.kind for each in difference.files.archive] == ["container"]
    assert "repair --rebuild-archive" in difference.notes[0]
    ran = running.wheelfix("diff", path, outcome.output)
    assert (ran.code, "container" in ran.out) == (1, True)
    broken = tmp_path / "demo-1.0-py2-none-any.whl"
    broken.write_bytes(to_bytes(VALID)[:99])
    assert running.wheelfix("diff", broken, outcome.output).code == 3


def test_the_command_line(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, archive=every(VALID, descriptor=Descriptor()))
    assert "5 fixable with --rebuild-archive" in running.wheelfix("verify", path).out
    audit = running.wheelfix("verify", path, "--format", "json").audit
    assert all(each["needs_rebuild"] for each in audit["wheels"][0]["findings"])
    dry = running.wheelfix("repair", "--rebuild-archive", "--check", path)
    assert (dry.code, "archive rebuilt: archive-data-descriptor" in dry.err) == (1, True)
    ran = running.wheelfix("repair", "--rebuild-archive", "--format", "json", "-o", tmp_path / "out", path)
    assert ran.code == 0
    assert [each["action"] for each in ran.report["wheels"][0]["changes"]] == ["rebuild-archive"]
    left = running.wheelfix("repair", "-o", tmp_path / "plain", path)
    assert (left.code, "repair --rebuild-archive" in left.err) == (1, True), "errors remain"


def test_verify_marks_only_what_is_confirmed(tmp_path: Path) -> None:
    doubtful = archive_of(valid(record=b"demo/__init__.py,,\n"))
    for archive in (replace(doubtful, trailing=b"\n"), replace(VALID, trailing=b"PK\3\4" + bytes(30))):
        [wheel] = wheelfix.verify_wheels(write_wheel(tmp_path, archive=archive)).wheels
        [finding] = [each for each in wheel.findings if each.code == "archive-trailing-bytes"]
        assert (finding.severity, finding.fixable, finding.needs_rebuild) == (Severity.ERROR, False, False)
