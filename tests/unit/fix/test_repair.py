"""Repair: what is mended, what stays and why, and that nothing else changes."""

import errno
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata

import wheelfix
from building import Entry, RecordStyle, WheelSpec, archive_of, build_wheel, changed, metadata_bytes, to_bytes, write_wheel
from defects import DEFECTS, Defect
from fixing import values
from wheelfix import Outcome, Status
from wheelfix.codes import Fix
from wheelfix.results import Part
from wheelfix.verify.hashing import Summing
from wheelfix.verify.registry import CHECKS
from wheelfix.wheel.metadata import Document

_INFO = "demo-1.0.dist-info"


def _record(spec: WheelSpec | None = None) -> bytes:
    archive = archive_of(spec or WheelSpec())
    content = next(entry.content for entry in archive.entries if entry.raw_name.endswith(b"/RECORD"))
    assert isinstance(content, bytes)
    return content


def _repair(path: Path, **options: object) -> Outcome:
    return wheelfix.repair_wheels([path], **values(output_dir=path.parent / "mended", **options)).outcomes[0]


def _codes(path: Path) -> set[str]:
    return {finding.code for finding in wheelfix.verify_wheels(path).wheels[0].findings}


def _contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _lines(*fields: str, version: str = "2.1") -> bytes:
    head = [f"Metadata-Version: {version}", "Name: demo", "Version: 1.0", *fields, "Description-Content-Type: text/plain"]
    return ("\n".join(head) + "\n\nAbout demo.\n").encode()


ROWS = {
    "record-empty-row": lambda record: b"\n" + record.replace(b"\n", b"\n \t\r\n\n", 2),
    "record-missing-row": lambda record: record.split(b"\n", 1)[1],
    "record-no-such-file": lambda record: b"demo/gone.py,sha256=x,1\n" + record,
    "record-directory-row": lambda record: b"demo/,,\n" + record,
    "record-duplicate-row": lambda record: record + record.split(b"\n", 1)[0] + b"\n",
    "record-backslash": lambda record: record.replace(b"demo/__init__", b"demo\\__init__"),
    "record-absolute-path": lambda record: b"/" + record,
    "record-path-spelling": lambda record: b"./" + record,
    "record-no-hash": lambda record: record.replace(record.split(b",")[1], b"", 1),
    "record-no-size": lambda record: record.replace(b",12\n", b",\n"),
    "record-own-row-missing": lambda record: record.replace(f"{_INFO}/RECORD,,\n".encode(), b""),
    "record-own-row-hash": lambda record: record.replace(b"/RECORD,,", b"/RECORD,sha256=x,5"),
}


@pytest.mark.parametrize("code", ROWS)
def test_a_faulty_row_is_fixed_and_nothing_else(code: str, tmp_path: Path) -> None:
    path = write_wheel(tmp_path, WheelSpec(record=ROWS[code](_record())))
    assert code in _codes(path)
    outcome = _repair(path, sbom=False)
    assert outcome.status is Status.FIXED
    assert outcome.output is not None
    assert not {each for each in _codes(outcome.output) if each.startswith("record")}
    before, after = _contents(path), _contents(outcome.output)
    assert {name for name in before if before[name] != after[name]} == {f"{_INFO}/RECORD"}
    assert sorted(after[f"{_INFO}/RECORD"].splitlines()) == sorted(_record().splitlines())


@pytest.mark.parametrize("code", ROWS)
def test_twice_is_once(code: str, tmp_path: Path) -> None:
    path = write_wheel(tmp_path, WheelSpec(record=ROWS[code](_record())))
    first = _repair(path)
    assert first.output is not None
    again = wheelfix.repair_wheels(first.output, output=tmp_path / "again").outcomes[0]
    assert again.status is Status.UNCHANGED
    assert again.source_sha256 == again.output_sha256


def test_rows_keep_their_style(tmp_path: Path) -> None:
    style = RecordStyle(line_end="\r\n", quoted=True, unlisted=frozenset({"demo/version.py"}))
    outcome = _repair(write_wheel(tmp_path, WheelSpec(style=style)), sbom=False)
    assert outcome.output is not None
    record = _contents(outcome.output)[f"{_INFO}/RECORD"]
    assert sorted(record.splitlines(keepends=True)) == sorted(
        _record(WheelSpec(style=RecordStyle(line_end="\r\n", quoted=True))).splitlines(keepends=True)
    )


def test_a_weak_hash_becomes_sha256_if_it_is_right(tmp_path: Path) -> None:
    outcome = _repair(write_wheel(tmp_path, WheelSpec(style=RecordStyle(algorithm="md5"))), sbom=False)
    assert outcome.output is not None
    assert _contents(outcome.output)[f"{_INFO}/RECORD"] == _record()


def test_an_unquoted_comma_is_quoted(tmp_path: Path) -> None:
    files = (*WheelSpec().files, Entry("demo/a,b.txt", b"text"))
    record = _record(WheelSpec(files=files)).replace(b'"demo/a,b.txt"', b"demo/a,b.txt")
    path = write_wheel(tmp_path, WheelSpec(files=files, record=record))
    assert "record-unquoted-path" in _codes(path)
    outcome = _repair(path, sbom=False)
    assert outcome.output is not None
    assert _contents(outcome.output)[f"{_INFO}/RECORD"] == _record(WheelSpec(files=files))


class TestContentThatContradictsRecord:
    def wheel(self, folder: Path) -> Path:
        archive = changed(archive_of(WheelSpec()), "demo/__init__.py", content=b"ANSWER = 43\n")
        return write_wheel(folder, archive=to_bytes(archive))

    def test_is_kept_and_is_reported_with_the_way_out(self, tmp_path: Path) -> None:
        outcome = _repair(self.wheel(tmp_path))
        assert {finding.code for finding in outcome.findings} >= {"record-wrong-hash"}
        assert any("--trust-content" in note for note in outcome.notes)

    def test_is_trusted_if_asked_to(self, tmp_path: Path) -> None:
        outcome = _repair(self.wheel(tmp_path), trust_content=True)
        assert outcome.output is not None
        assert "record-wrong-hash" not in _codes(outcome.output)
        assert _contents(outcome.output)["demo/__init__.py"] == b"ANSWER = 43\n"


@pytest.mark.parametrize(
    ("metadata", "code", "expected"),
    [
        (_lines("License-Expression: MIT"), "metadata-field-too-new", _lines("License-Expression: MIT", version="2.4")),
        (_lines(version="2.0"), "metadata-unknown-version", _lines(version="2.1")),
        (_lines("Requires-Dist: a (>=1.0<2)"), "metadata-legacy-requirement", _lines("Requires-Dist: a (>=1.0,<2)")),
        (_lines("Requires-Dist: a>1.*;os_name=='b'"), "metadata-legacy", _lines("Requires-Dist: a>1;os_name=='b'")),
        (_lines("Requires-Python: >=3.6.*"), "metadata-legacy-requires-python", _lines("Requires-Python: >=3.6")),
        (_lines("Requires-Python: >='3.8'"), "metadata-legacy-requires-python", _lines("Requires-Python: >=3.8")),
        (_lines("Summary: x\rRequires-Dist: y"), "metadata-hidden-fields", _lines("Summary: x\nRequires-Dist: y")),
    ],
)  # fmt: skip
def test_metadata_is_fixed(metadata: bytes, code: str, expected: bytes, tmp_path: Path) -> None:
    path = write_wheel(tmp_path, WheelSpec(metadata=metadata))
    assert any(each.startswith(code) for each in _codes(path))
    outcome = _repair(path)
    assert outcome.output is not None, outcome.problem
    assert not any(each.startswith(code) for each in _codes(outcome.output))
    assert _contents(outcome.output)[f"{_INFO}/METADATA"] == expected
    Metadata.from_email(expected, validate=True)


_END = b"\nDescription-Content-Type: text/plain\n"


@pytest.mark.parametrize(
    ("header", "body", "mended"),
    [
        (b"Summary: x\rRequires-Dist: y" + _END, b"\nAbout\rdemo.\r\nMore\r\r\n", b"Summary: x\nRequires-Dist: y" + _END),
        (b"Summary: x\r\r\nRequires-Dist: y" + _END, b"\nAbout\rdemo.\n", b"Summary: x\nRequires-Dist: y" + _END),
        (
            b"Summary: x\r\nKeywords: a\rRequires-Dist: y\r\n",
            b"\r\nA\rb",
            b"Summary: x\r\nKeywords: a\nRequires-Dist: y\r\n",
        ),
    ],
)
def test_line_ends_of_the_description_stay(header: bytes, body: bytes, mended: bytes, tmp_path: Path) -> None:
    head = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
    path = write_wheel(tmp_path, WheelSpec(metadata=head + header + body))
    outcome = _repair(path, select=["metadata-hidden"])
    assert outcome.output is not None
    assert _contents(outcome.output)[f"{_INFO}/METADATA"] == head + mended + body


def test_an_undeclared_extra_is_declared(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, WheelSpec(metadata=_lines("Requires-Dist: a; extra == 'x'", version="1.2")))
    outcome = _repair(path)
    assert outcome.output is not None
    metadata = Metadata.from_email(_contents(outcome.output)[f"{_INFO}/METADATA"], validate=True)
    assert (metadata.provides_extra, metadata.metadata_version) == (["x"], "2.1")


def test_thousands_of_extras_are_declared_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each change reads the document anew, so that one by one they took half a minute."""
    calls = list[int]()
    adding = Document.adding

    def counting(document: Document, name: str, *values: str) -> Document:
        calls.append(len(values))
        return adding(document, name, *values)

    monkeypatch.setattr(Document, "adding", counting)
    needs = [f"Requires-Dist: a; extra == 'x{number:04}'" for number in range(3_000)]
    outcome = _repair(write_wheel(tmp_path, WheelSpec(metadata=_lines(*needs))))
    assert calls == [len(outcome.changes)] == [3_000]
    assert outcome.output is not None
    assert not _codes(outcome.output)


@pytest.mark.parametrize("name", ["Import-Name: demo", "License-Expression: MIT"])
def test_a_field_that_stands_twice_loses_no_line_by_the_way(name: str, tmp_path: Path) -> None:
    """Metadata-Version is not raised where it stands twice: the second line would go with it."""
    outcome = _repair(write_wheel(tmp_path, WheelSpec(metadata=_lines("Metadata-Version: 1.2", name))))
    assert outcome.status is Status.UNCHANGED
    assert any("metadata-field-too-new" in note and "appears more than once" in note for note in outcome.notes)


def test_repair_makes_no_new_finding_by_a_newer_metadata_version(tmp_path: Path) -> None:
    path = write_wheel(
        tmp_path, WheelSpec(metadata=_lines("License: MIT", "License-Expression: MIT", "Requires-Dist: a>=1.*"))
    )
    before = _codes(path)
    outcome = _repair(path)
    assert outcome.output is not None
    assert _codes(outcome.output) == before - {"metadata-legacy-requirement"}
    assert any("exclude each other" in note for note in outcome.notes)


def test_an_empty_extra_goes_only_if_named(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, WheelSpec(metadata=_lines("Provides-Extra: x")))
    assert _repair(path).status is Status.UNCHANGED
    assert _repair(path, select=["metadata"], overwrite=True).status is Status.UNCHANGED
    assert _repair(path, select=["metadata-empty-extra"], overwrite=True).status is Status.FIXED


def test_metadata_json_and_a_void_signature_go(tmp_path: Path) -> None:
    files = {"metadata.json": b"{}", "RECORD.jws": b'{"payload": "eyJoYXNoIjogInNoYTI1Nj14In0"}'}
    path = write_wheel(tmp_path, WheelSpec(dist_info_files=files))
    assert _codes(path) >= {"legacy-metadata-json", "record-void-signature"}
    outcome = _repair(path, sbom=False)
    assert outcome.output is not None
    assert {name.rpartition("/")[2] for name in _contents(path).keys() - _contents(outcome.output)} == {*files}


def test_only_what_is_selected_is_fixed(tmp_path: Path) -> None:
    spec = WheelSpec(metadata=_lines("License-Expression: MIT"), record=None, style=RecordStyle(own_row="missing"))
    path = write_wheel(tmp_path, spec)
    outcome = _repair(path, select=["record"])
    assert {change.field for change in outcome.changes} == {"RECORD"}
    assert {finding.code for finding in outcome.findings} == {"metadata-field-too-new"}


def test_many_findings_are_fixed_at_once(tmp_path: Path) -> None:
    record = b"demo/gone.py,,\n" + _record().replace(b"demo/__init__", b".\\demo\\__init__")
    metadata = _lines("Requires-Dist: a>=1.*", "License-File: x", version="2.1")
    path = write_wheel(tmp_path, WheelSpec(metadata=metadata, record=record.replace(b",12\n", b",\n")))
    outcome = _repair(path, trust_content=True)
    assert outcome.output is not None
    assert _codes(outcome.output) == {"metadata-license-file-early"}


def test_license_file_alone_raises_no_metadata_version(tmp_path: Path) -> None:
    """setuptools wrote it under 2.1 and put the file at the top of dist-info; under 2.4 PyPI wants it in licenses/."""
    metadata = _lines("License-File: LICENSE", "Requires-Dist: a>=1.*", version="2.1")
    outcome = _repair(write_wheel(tmp_path, WheelSpec(metadata=metadata, dist_info_files={"LICENSE": b"MIT"})))
    assert outcome.output is not None
    assert _contents(outcome.output)[f"{_INFO}/METADATA"] == metadata.replace(b"a>=1.*", b"a>=1")
    assert (
        _repair(write_wheel(tmp_path, WheelSpec(metadata=_lines("License-File: L"))), overwrite=True).status
        is Status.UNCHANGED
    )


def test_a_wheel_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, archive=build_wheel(WheelSpec())[:-1])
    outcome = _repair(path)
    assert outcome.status is Status.REFUSED
    assert outcome.problem is not None
    assert outcome.problem.code == "truncated"


def test_a_dry_run_shows_the_diff_of_record_too(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, WheelSpec(record=b"demo/,,\n" + _record()))
    outcome = _repair(path, dry_run=True)
    assert "-demo/,," in outcome.metadata_diff
    assert outcome.output is None


def test_wheels_of_a_release_that_would_disagree_are_refused(tmp_path: Path) -> None:
    one = write_wheel(tmp_path, WheelSpec(tags="py3-none-any", requires=("a>=1.*",)))
    two = write_wheel(tmp_path, WheelSpec(tags="py2-none-any", requires=("a>=1.*",), without=frozenset({"RECORD"})))
    report = wheelfix.repair_wheels([one, two], output=tmp_path / "mended")
    assert [each.problem.code for each in report.outcomes if each.problem] == ["mixed-release", "no-record"]


def test_wrong_arguments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="begins with 'nothing'"):
        wheelfix.repair_wheels([], selection=wheelfix.Selection(["nothing"]))
    with pytest.raises(ValueError, match="at least 1"):
        wheelfix.repair_wheels([], jobs=0)
    with pytest.raises(ValueError, match="in_place"):
        wheelfix.repair_wheels([], output=wheelfix.Output(in_place=True, overwrite=True))


def test_the_valid_wheel_is_left_alone(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, WheelSpec(metadata=_lines()))
    outcome = _repair(path)
    assert (outcome.status, outcome.source_sha256) == (Status.UNCHANGED, outcome.output_sha256)
    assert metadata_bytes(WheelSpec(metadata=_lines())) in _contents(path).values()


_OTHERWISE = (Fix.NO, Fix.RENAMED, Fix.REBUILT)
"""What is not fixed, or gives the wheel other names or a new container: test_rename_dist_info.py and test_rebuild_archive.py
have the samples of those."""
_MENDABLE = [defect for defect in DEFECTS if CHECKS[defect.code].fix not in _OTHERWISE and "9.9" not in defect.name]
"""Samples that can be mended; of a Metadata-Version that is still to come nobody knows what it means."""


def _mend(defect: Defect, folder: Path) -> Outcome:
    path = defect.write(folder)[0]
    select = [defect.code] if CHECKS[defect.code].fix is Fix.SELECTED else []
    return _repair(path, select=select, trust_content=True, sbom=False, allow_mixed=True)


def test_every_fixable_code_has_a_sample() -> None:
    assert {defect.code for defect in _MENDABLE} == {code for code, check in CHECKS.items() if check.fix not in _OTHERWISE}


@pytest.mark.parametrize("defect", _MENDABLE, ids=lambda defect: defect.name)
def test_a_sample_is_clean_of_its_code_afterwards_and_nothing_else_changed(defect: Defect, tmp_path: Path) -> None:
    outcome = _mend(defect, tmp_path)
    assert outcome.status is Status.FIXED, outcome.problem
    assert outcome.output is not None
    assert defect.code not in _codes(outcome.output)
    difference = wheelfix.compare_wheels(outcome.source, outcome.output)
    changed_names = {name for each in difference.files for name in (each.before, each.after) if name}
    allowed = {"METADATA", "RECORD", "metadata.json", "RECORD.jws", "RECORD.p7s"} | (
        {"WHEEL"} if defect.code.startswith("wheel-") else set()
    )
    assert {name.rpartition("/")[2] for name in changed_names} <= allowed
    assert not difference.files.moved
    before, after = _contents(outcome.source), _contents(outcome.output)
    _assert_only_told_lines_differ(before[f"{_INFO}/METADATA"], after[f"{_INFO}/METADATA"], outcome)
    _assert_only_told_rows_differ(before[f"{_INFO}/RECORD"], after[f"{_INFO}/RECORD"], outcome)


def _assert_only_told_lines_differ(old: bytes, new: bytes, outcome: Outcome) -> None:
    if any(change.action == "fix-line-ends" for change in outcome.changes):
        assert old.translate(None, b"\r\n") == new.translate(None, b"\r\n")
        return
    told = {(each.field, text) for each in outcome.changes for text in (each.before, each.after) if text is not None}
    # a folded value is told without its indentation
    lines = {f"{name}: {line}".encode() for name, text in told for line in (text.replace("\n  ", " "), text.split("\n")[0])}
    left = [[line for line in data.split(b"\n") if line not in lines] for data in (old, new)]
    folded = any("\n" in (change.before or "") for change in outcome.changes)
    assert left[0] == left[1] or (folded and len(left[0]) == len(left[1]) + 1)


_OF_WHEEL = (Part.BUILD_TAG, Part.TAG, Part.WHEEL_FIELD)


def _assert_only_told_rows_differ(old: bytes, new: bytes, outcome: Outcome) -> None:
    changes = [each for each in outcome.changes if each.field == "RECORD"]
    rewritten = {"METADATA", *(["WHEEL"] if any(each.part in _OF_WHEEL for each in outcome.changes) else [])}
    files = tuple(f"{_INFO}/{name}" for name in (*rewritten, "metadata.json", "RECORD.jws", "RECORD.p7s"))

    def untold(data: bytes, told: list[str | None]) -> list[str]:
        rows = data.decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n")
        for text in filter(None, told):
            rows.remove(text)
        return [row for row in rows if row.strip() and not row.startswith(files)]

    assert untold(old, [each.before for each in changes]) == untold(new, [each.after for each in changes])


@pytest.mark.parametrize("defect", _MENDABLE, ids=lambda defect: defect.name)
def test_a_sample_that_was_fixed_is_not_fixed_again(defect: Defect, tmp_path: Path) -> None:
    first = _mend(defect, tmp_path).output
    assert first is not None
    again = wheelfix.repair_wheels(first, output=tmp_path / "again", trust_content=True).outcomes[0]
    assert again.status is Status.UNCHANGED, again.changes
    assert first.read_bytes() == (tmp_path / "again" / first.name).read_bytes()


def test_a_wheel_that_cannot_be_read_to_its_end_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That the disk failed is no finding in the wheel: a copy of it would be in the way of the next run."""
    path = write_wheel(tmp_path, WheelSpec(record=ROWS["record-missing-row"](_record())))

    def fail(_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Summing, "result", fail)
        outcome = _repair(path)
    assert outcome.problem is not None
    assert (outcome.status, outcome.problem.code) == (Status.FAILED, "eio")
    assert not list(tmp_path.glob("mended/*"))
    assert _repair(path).status is Status.FIXED
