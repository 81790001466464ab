"""The rows of RECORD beside the archive."""

import base64
import hashlib
from functools import partial
from pathlib import Path

import pytest

from building import Entry, RecordStyle, write_wheel
from counting import count_calls
from defects import record_of, valid
from wheelfix.verify.record import read_listing
from wheelfix.verify.run import check_wheel, findings_in
from wheelfix.verify.subject import AddRow, ChangeRow, RawFinding, Subject
from wheelfix.wheel.record import KNOWN, RowEdit, hash_column


def faults_of(folder: Path, rows: list[bytes], **changes: object) -> list[RawFinding]:
    return findings_in(write_wheel(folder, valid(record=b"".join(rows), **changes)))


def codes_of(folder: Path, rows: list[bytes], **changes: object) -> set[str]:
    return {each.code for each in faults_of(folder, rows, **changes)}


ROWS = record_of(valid())
FIRST, REST = ROWS[0], ROWS[1:]
CONTENT = b"ANSWER = 42\n"


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512", "sha3_256", "blake2b"])
def test_strong_hash_of_any_name_is_compared(algorithm: str, tmp_path: Path) -> None:
    assert findings_in(write_wheel(tmp_path, valid(style=RecordStyle(algorithm=algorithm)))) == []
    wrong = f"demo/__init__.py,{algorithm}=x,12\n".encode()
    assert codes_of(tmp_path, [wrong, *REST]) == {"record-wrong-hash"}


@pytest.mark.parametrize("style", [RecordStyle(line_end="\r\n"), RecordStyle(quoted=True), RecordStyle(final_newline=False),
                                   RecordStyle(own_row="first"), RecordStyle(own_row="middle")], ids=repr)  # fmt: skip
def test_legal_styles_are_no_findings(style: RecordStyle, tmp_path: Path) -> None:
    """Pitfalls 16 and 19."""
    assert findings_in(write_wheel(tmp_path, valid(style=style, folders=True))) == []


@pytest.mark.parametrize(
    "path", ["/demo/__init__.py", "//demo/__init__.py", "demo\\__init__.py", "./demo/__init__.py", "demo//__init__.py"]
)
def test_weak_hash_behind_an_odd_path_is_compared(path: str, tmp_path: Path) -> None:
    """The file that a path leads to is summed by the hash of its row, however the path is spelled."""
    digest = base64.urlsafe_b64encode(hashlib.md5(CONTENT).digest()).rstrip(b"=")
    right, wrong = (path.encode() + b",md5=" + each + b",12\n" for each in (digest, b"x"))
    assert "record-weak-hash" in codes_of(tmp_path, [right, *REST])
    assert "record-wrong-hash" in codes_of(tmp_path, [wrong, *REST])


@pytest.mark.parametrize("name", ["demo\\x.py", "/x.py", "a/../x.py"])
def test_weak_hash_of_a_file_with_an_odd_name_is_compared(name: str, tmp_path: Path) -> None:
    spec = valid(files=(Entry(name, b"x"),), style=RecordStyle(algorithm="md5"))
    assert {each.code for each in findings_in(write_wheel(tmp_path, spec))} == {"archive-unsafe-name", "record-weak-hash"}


def test_fixing_of_a_wrong_row(tmp_path: Path) -> None:
    [found] = faults_of(tmp_path, [b"demo/__init__.py,,12\n", *REST])
    true = hash_column("sha256", hashlib.sha256(CONTENT).digest())
    assert found.fixes == (ChangeRow(0, RowEdit(digest=true)),)


def test_fixing_of_a_missing_row(tmp_path: Path) -> None:
    [found] = faults_of(tmp_path, REST)
    [mend] = found.fixes
    assert isinstance(mend, AddRow)
    assert f"{mend.row.path},{mend.row.digest},{mend.row.size}\n".encode() == FIRST


def test_absolute_path_of_nothing_goes(tmp_path: Path) -> None:
    [found] = faults_of(tmp_path, [*ROWS, b"C:/demo/x.py,sha256=x,1\n"])
    assert (found.code, found.fixes) == ("record-absolute-path", (ChangeRow(len(ROWS), RowEdit(remove=True)),))


def test_column_beyond_all_bounds_is_no_path_without_quotes(tmp_path: Path) -> None:
    """Such a row cannot be read, and nobody can tell what it means."""
    row = b"demo/__init__.py," + b"x" * 200_000 + b",1\n"
    assert codes_of(tmp_path, [row, *REST]) == {"record-bad-row", "record-missing-row"}


@pytest.mark.parametrize("path", ["\x1b[2J", "a\u202eb", "%0A::error::"])
def test_paths_are_shown_escaped(path: str, tmp_path: Path) -> None:
    """Pitfall 29."""
    findings = faults_of(tmp_path, [*ROWS, f"{path},sha256=x,1\n".encode()])
    assert all((each.place + each.message).isprintable() for each in findings)


@pytest.mark.parametrize("total", [10_000, pytest.param(20_000, marks=(pytest.mark.slow, pytest.mark.parts))])
@pytest.mark.parametrize(
    "row", [b"x%d,sha256=x,1\n", b"x%d,1\n", b"demo/./__init__.py,md5=%d,1\n", b"demo/,%d,\n", b'"x%d,",,\n']
)
def test_of_thousands_of_bad_rows_not_all_are_reported(row: bytes, total: int, tmp_path: Path) -> None:
    """Pitfall 21: work grows with the rows, and what is told does not. Of more rows none is read (test_readings.py)."""

    def wheel(rows: int) -> Path:
        spec = valid(version=f"1.{rows}", record=b"".join(row % number for number in range(rows)), stored=True)
        return write_wheel(tmp_path, spec)

    few, many = (count_calls(partial(check_wheel, wheel(rows))) for rows in (500, 2_000))
    assert many < 5 * few
    findings = check_wheel(wheel(total)).findings
    assert len(findings) < 4_000
    more = (f"and {total - 1_000} more of this kind", f"{total - 1_001} more")
    assert any(finding.message == more[0] or more[1] in finding.message for finding in findings)


def test_file_with_rows_by_every_algorithm_is_not_read_for_each(tmp_path: Path) -> None:
    """Twelve sums of one file take seven times as long as one; the rows contradict each other anyway."""
    rows = [b"demo/__init__.py,%s=x,12\n" % name.encode() for name in sorted(KNOWN)]
    path = write_wheel(tmp_path, valid(record=b"".join([*rows, *REST])))
    with Subject(path) as subject:
        assert {name: len(each) for name, each in read_listing(subject).algorithms.items()} == {"demo/__init__.py": 2}
    assert {each.code for each in findings_in(path)} == {"record-contradicting-rows", "record-wrong-hash"}
    true = hash_column("blake2b", hashlib.blake2b(CONTENT).digest()).encode()
    last = b"demo/__init__.py,%s,12\n" % true
    assert codes_of(tmp_path, [*rows[3:6], last, *REST]) == {"record-contradicting-rows", "record-wrong-hash"}
