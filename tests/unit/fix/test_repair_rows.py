"""Repair of RECORD where its rows, or a row and a file, contradict each other: nothing is chosen unasked."""

import hashlib
import zipfile
from pathlib import Path

import pytest

import wheelfix
from building import Entry, RecordStyle, build_wheel, write_wheel
from defects import metadata, record_of, valid
from fixing import values
from wheelfix import Outcome, Severity, Status
from wheelfix.wheel.record import hash_column

_INFO = "demo-1.0.dist-info"
_ROWS = record_of(valid())
_FIRST, _REST = _ROWS[0], _ROWS[1:]
_OTHER = b"demo/__init__.py,sha256=" + _ROWS[1].split(b"=")[1]


def _write(folder: Path, rows: list[bytes], **changes: object) -> Path:
    return write_wheel(folder, valid(record=b"".join(rows), **changes))


def _repair(path: Path, **options: object) -> Outcome:
    return wheelfix.repair_wheels(path, **values(output_dir=path.parent / "mended", **options)).outcomes[0]


def _codes(path: Path) -> dict[str, Severity]:
    return {finding.code: finding.severity for finding in wheelfix.verify_wheels(path).wheels[0].findings}


def _record(outcome: Outcome) -> list[bytes]:
    assert outcome.output is not None
    with zipfile.ZipFile(outcome.output) as archive:
        rows = archive.read(f"{_INFO}/RECORD").splitlines(keepends=True)
    return [row for row in rows if b"wheelfix" not in row]


@pytest.mark.parametrize(
    "rows",
    [
        [_FIRST, _FIRST],
        [b"/" + _FIRST, _FIRST],
        [_FIRST.replace(b"/", b"\\"), b"./" + _FIRST, _FIRST],
        [_FIRST.rsplit(b",", 1)[0] + b",\n", _FIRST],
        [b"demo/__init__.py,,\n", _FIRST],
    ],
    ids=["twice", "absolute first", "odd spellings first", "without size first", "without anything first"],
)
def test_of_rows_that_agree_the_best_one_is_kept(rows: list[bytes], tmp_path: Path) -> None:
    path = _write(tmp_path, [*rows, *_REST])
    assert "record-duplicate-row" in _codes(path)
    assert sorted(_record(_repair(path))) == sorted(_ROWS)


@pytest.mark.parametrize("rows", [[_FIRST, _OTHER], [_OTHER, _FIRST], [b"/" + _OTHER, _FIRST], [_OTHER, b"/" + _FIRST]])
def test_of_rows_that_contradict_each_other_none_goes_unasked(rows: list[bytes], tmp_path: Path) -> None:
    path = _write(tmp_path, [*rows, *_REST])
    assert _codes(path)["record-contradicting-rows"] is Severity.ERROR
    unasked = _repair(path)
    assert "record-contradicting-rows" in {finding.code for finding in unasked.findings}
    assert any("--trust-content" in note for note in unasked.notes)
    assert unasked.output is None or len(_record(unasked)) == len(_ROWS) + 1
    assert sorted(_record(_repair(path, trust_content=True, overwrite=True))) == sorted(_ROWS)


def test_rows_of_which_none_is_right_need_trust(tmp_path: Path) -> None:
    """Both of them are wrong, and say the same: one goes freely, the other one does not follow the file."""
    path = _write(tmp_path, [_OTHER, _OTHER, *_REST])
    assert set(_codes(path)) == {"record-duplicate-row", "record-wrong-hash"}
    outcome = _repair(path)
    assert _record(outcome) == [_OTHER, *_REST]
    assert {finding.code for finding in outcome.findings} == {"record-wrong-hash"}


_NEWER = metadata("License-Expression: MIT", "Provides-Extra: x", 'Requires-Dist: six>=1.9<2; extra == "y"')


@pytest.mark.parametrize("column", [1, 2])
def test_metadata_that_record_does_not_vouch_for_is_left(column: int, tmp_path: Path) -> None:
    """To mend it would give RECORD the hash of a file that may be damaged."""
    rows = record_of(valid(metadata=_NEWER))
    index = next(number for number, row in enumerate(rows) if b"/METADATA," in row)
    columns = rows[index].rstrip(b"\n").split(b",")
    columns[column] = _FIRST.rstrip(b"\n").split(b",")[column]
    rows[index] = b",".join(columns) + b"\n"
    path = _write(tmp_path, [*rows, b"demo/gone.py,,\n"], metadata=_NEWER)
    before = _codes(path)
    outcome = _repair(path)
    assert {finding.code for finding in outcome.findings} == before.keys() - {"record-no-such-file"}
    assert {change.field for change in outcome.changes} == {"RECORD"}
    assert sum("METADATA may be damaged" in note for note in outcome.notes) >= 2
    assert outcome.output is not None
    assert _codes(outcome.output).keys() == before.keys() - {"record-no-such-file"}
    trusted = _repair(path, trust_content=True, overwrite=True)
    assert trusted.output is not None
    assert set(_codes(trusted.output)) == {"metadata-empty-extra"}


def test_metadata_with_a_hexadecimal_hash_is_vouched_for(tmp_path: Path) -> None:
    rows = record_of(valid(metadata=_NEWER))
    digest = hashlib.sha256(_NEWER).digest()
    proper = hash_column("sha256", digest).encode()
    mixed = [row.replace(proper, b"sha256=" + digest.hex().encode()) for row in rows]
    path = _write(tmp_path, mixed, metadata=_NEWER)
    assert "record-hex-hash" in _codes(path)
    outcome = _repair(path)
    assert outcome.output is not None
    assert set(_codes(outcome.output)) == {"metadata-empty-extra"}


def test_thousands_of_findings_are_fixed_at_once(tmp_path: Path) -> None:
    """What is reported of a wheel has a bound; what is mended has none."""
    rows = [b"demo/gone%d.py,sha256=x,1\n" % number for number in range(2_500)]
    files = tuple(Entry(f"demo/new{number}.py", b"") for number in range(2_500))
    path = _write(tmp_path, [*_ROWS[:-1], *rows, _ROWS[-1]], files=(*valid().files, *files))
    outcome = _repair(path, trust_content=True)
    assert outcome.output is not None
    assert not _codes(outcome.output)
    assert not outcome.findings
    again = wheelfix.repair_wheels(outcome.output, output=tmp_path / "again").outcomes[0]
    assert again.status is Status.UNCHANGED


def test_of_many_findings_that_stay_some_are_reported(tmp_path: Path) -> None:
    rows = [b"demo/gone%d.py,1\n" % number for number in range(2_500)]
    outcome = _repair(_write(tmp_path, [*_ROWS, *rows]))
    assert len(outcome.findings) == 1_001
    assert [note for note in outcome.notes if "and 2499 more" in note]


_COMMA = valid(files=(*valid().files, Entry("demo/a,b.py", b"1")))
_COMMA_ROWS = [row.replace(b'"', b"") for row in record_of(_COMMA)]


def test_row_with_an_unquoted_comma_is_compared(tmp_path: Path) -> None:
    rows = [row.replace(b"a,b.py,sha256=", b"a,b.py,sha256=x") for row in _COMMA_ROWS]
    path = _write(tmp_path, rows, files=_COMMA.files)
    assert set(_codes(path)) == {"record-unquoted-path", "record-wrong-hash"}
    freely = _repair(path, sbom=False)
    assert any(row.startswith(b'"demo/a,b.py",sha256=x') for row in _record(freely))
    only_hash = _repair(path, select=["record-wrong-hash"], trust_content=True, overwrite=True)
    assert _record(only_hash) == record_of(_COMMA)


def test_duplicate_of_a_row_with_an_unquoted_comma(tmp_path: Path) -> None:
    row = next(row for row in _COMMA_ROWS if b"a,b" in row)
    path = _write(tmp_path, [*_COMMA_ROWS, row], files=_COMMA.files)
    assert set(_codes(path)) == {"record-unquoted-path", "record-duplicate-row"}
    assert _record(_repair(path)) == record_of(_COMMA)


def test_columns_that_need_quotes_keep_them(tmp_path: Path) -> None:
    """Hash and size are as free as the path: what stays of a row stays as it can be read."""
    odd = b'./demo/__init__.py,"x,\xff""",1\n'
    path = _write(tmp_path, [odd, *_REST])
    outcome = _repair(path)
    assert _record(outcome)[0] == odd[2:]


def test_record_that_the_directory_lists_elsewhere_can_stay(tmp_path: Path) -> None:
    """The directory lists RECORD first and it lies last; it is written anew with the same rows."""
    spec = valid(dist_info_files={"metadata.json": b"{}"}, style=RecordStyle(unlisted=frozenset({f"{_INFO}/metadata.json"})))
    data = build_wheel(spec)
    start, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    entries = [b"PK\1\2" + each for each in data[start:end].split(b"PK\1\2")[1:]]
    record = next(each for each in entries if b"/RECORD" in each)
    entries.remove(record)
    path = write_wheel(tmp_path, archive=data[:start] + b"".join([record, *entries]) + data[end:])
    outcome = _repair(path, select=["legacy"], sbom=False)
    assert outcome.problem is None
    assert _record(outcome) == _ROWS


def test_what_is_odd_about_rows_that_contradict_each_other_is_kept_too(tmp_path: Path) -> None:
    """Each of these mends alone would let one of the rows win: a path put right, a hash in its usual spelling, a size."""
    spelled = _FIRST.replace(b"sha256=", b"SHA256=")
    path = _write(tmp_path, [b"/" + _OTHER, spelled, _OTHER.rsplit(b",", 1)[0] + b",\n", *_REST])
    before = set(_codes(path))
    assert before == {"record-contradicting-rows", "record-absolute-path", "record-hash-spelling"}
    assert _repair(path).status is Status.UNCHANGED
    assert sorted(_record(_repair(path, trust_content=True, overwrite=True))) == sorted(_ROWS)


@pytest.mark.parametrize("prefix", [b"/", b"./", b"//"])
def test_rows_of_a_file_that_goes_go_with_it(prefix: bytes, tmp_path: Path) -> None:
    row = f"{_INFO}/metadata.json,sha256=x,1\n".encode()
    path = _write(tmp_path, [*_ROWS, row, prefix + row], dist_info_files={"metadata.json": b"{}"})
    outcome = _repair(path)
    assert _record(outcome) == _ROWS
    assert outcome.output is not None
    assert not _codes(outcome.output)


class TestFileWithoutARow:
    """A row would vouch for it: freely only where RECORD contradicts nothing."""

    def outcome(self, folder: Path, rows: list[bytes], name: str = "demo/new.py") -> Outcome:
        return _repair(_write(folder, rows, files=(*valid().files, Entry(name, b"evil"))))

    def test_alone_it_gets_one(self, tmp_path: Path) -> None:
        outcome = self.outcome(tmp_path, _ROWS)
        assert {change.reason for change in outcome.changes} == {"record-missing-row"}

    def test_alone_a_row_without_a_file_goes(self, tmp_path: Path) -> None:
        outcome = _repair(_write(tmp_path, [b"demo/gone.py,sha256=x,1\n", *_ROWS]))
        assert {change.reason for change in outcome.changes} == {"record-no-such-file"}

    @pytest.mark.parametrize("path", [b"demo/nev.py", b"/demo/nev.py", b"demo\\nev.py", b"C:/nev.py"])
    def test_beside_a_row_without_a_file_it_may_be_in_its_place(self, path: bytes, tmp_path: Path) -> None:
        rows = [path + b",sha256=x,4\n", *_ROWS]
        outcome = self.outcome(tmp_path, rows)
        assert outcome.status is Status.UNCHANGED
        assert "record-missing-row" in {finding.code for finding in outcome.findings}
        assert all(finding.fixable and finding.needs_trust for finding in outcome.findings)
        assert sum("may have replaced" in note and "--trust-content" in note for note in outcome.notes) == 2
        trusted = _repair(outcome.source, trust_content=True, overwrite=True)
        assert trusted.output is not None
        assert not _codes(trusted.output)

    def test_beside_a_file_that_record_contradicts_it_may_be_of_the_same_hand(self, tmp_path: Path) -> None:
        outcome = self.outcome(tmp_path, [_OTHER, *_REST])
        assert outcome.status is Status.UNCHANGED
        assert {finding.code for finding in outcome.findings} == {"record-missing-row", "record-wrong-hash"}
        assert all(finding.needs_trust for finding in outcome.findings)


@pytest.mark.parametrize("column", [b",,999", b",,1x"])
def test_a_row_without_hash_and_with_another_size_is_not_given_a_hash(column: bytes, tmp_path: Path) -> None:
    """The size contradicts the file: a hash of it would vouch for what may be damaged."""
    path = _write(tmp_path, [b"demo/__init__.py" + column + b"\n", *_REST])
    assert set(_codes(path)) == {"record-no-hash", "record-wrong-size"}
    outcome = _repair(path)
    assert outcome.status is Status.UNCHANGED
    assert all(finding.needs_trust for finding in outcome.findings)
    assert _record(_repair(path, trust_content=True, overwrite=True)) == _ROWS
