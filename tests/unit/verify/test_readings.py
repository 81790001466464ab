"""What one tool reads otherwise than the others: encoded words, markers; and what would take too much memory."""

from pathlib import Path

import pytest

import wheelfix
from building import Entry, WheelSpec, write_wheel
from drafting import Draft, Knob, setting, wheel
from wheelfix.results import Finding, Severity, Status

WORD = "=?utf-8?q?Linux?="
TYPE = "Description-Content-Type: text/plain"


def written(directory: Path, knob: Knob) -> Path:
    name, data = knob(Draft()).build()
    (directory / name).write_bytes(data)
    return directory / name


def findings(path: Path) -> dict[str, Finding]:
    return {each.code: each for each in wheelfix.verify_wheels(path).wheels[0].findings}


@pytest.mark.parametrize(
    "field",
    [f'Requires-Dist: six; platform_system == "{WORD}"', 'Requires-Dist: six; os_name == "=?bad?q?x?="',
     "Requires-Python: =?us-ascii?B?Pj0z?=", f"Provides-Extra: {WORD}", f"Requires-Dist: six[{WORD}]"],
)  # fmt: skip
def test_a_field_that_uv_decodes_is_read_in_two_ways(field: str, tmp_path: Path) -> None:
    """uv installs six on Linux, and pip does not: nobody knows what such a wheel requires, and none is written."""
    path = written(tmp_path, setting(fields=(field, "Requires-Dist: nvidia-nccl-cu12", TYPE)))
    assert findings(path)["metadata-ambiguous"].severity is Severity.ERROR
    [outcome] = wheelfix.fix_wheels(path, "gpu", output=tmp_path / "out").outcomes
    assert (outcome.status, outcome.problem and outcome.problem.code) == (Status.REFUSED, "ambiguous-metadata")


def test_a_field_for_people_may_be_encoded(tmp_path: Path) -> None:
    path = written(tmp_path, setting(fields=(f"Author: {WORD}", "Keywords: =?bad?q?x?=", TYPE)))
    assert "metadata-ambiguous" not in findings(path)


@pytest.mark.parametrize(
    ("line", "is_refused"),
    [("X: =?koi8-r?q?x?=", True), ("X: a=?bad?q?x y?=b", True), ("Root-Is-Purelib: =?utf-8?q?true?=", True),
     ("X: =?utf-8?q?x?=", False), ("X: =?ISO-8859-1?Q?x?=", False), ("X: =?bad?z?x?=", False)],
)  # fmt: skip
def test_uv_refuses_a_wheel_file_with_a_word_in_an_encoding_that_it_does_not_know(
    line: str, is_refused: bool, tmp_path: Path
) -> None:
    found = findings(written(tmp_path, wheel(line.partition(":")[0], line)))
    assert ("metadata-ambiguous" in found) is is_refused
    assert not is_refused or found["metadata-ambiguous"].refused_by == ("uv",)


@pytest.mark.parametrize("row", [b"x,,y\n", b"x,,\n", b"./demo/__init__.py,sha256=x,1\n"])
def test_rows_beyond_all_files_are_not_read(row: bytes, tmp_path: Path) -> None:
    """Half a million of them are four kilobytes of a wheel, and each would be a finding."""
    path = write_wheel(tmp_path, WheelSpec(record=row * 20_100))
    found = findings(path)
    assert "record-too-many-rows" in found
    assert not {"record-bad-size", "record-no-such-file", "record-path-spelling"} & found.keys()


@pytest.mark.parametrize("file", ["sboms/x.cdx.json", "sboms/wheelfix.cdx.json", "RECORD.jws"])
def test_json_of_very_many_lists_is_not_read(file: str, tmp_path: Path) -> None:
    """Each takes two bytes in the wheel, and about a hundred in memory."""
    path = write_wheel(tmp_path, WheelSpec(dist_info_files={file: b"[" + b"[]," * 500_000 + b"1]"}))
    found = findings(path)
    said = found["sbom-unreadable"].message if "sbom-unreadable" in found else ""
    assert ("500000 lists and objects" in said) is file.startswith("sboms/")


def test_markers_that_are_read_alike_are_none(tmp_path: Path) -> None:
    markers = (
        "python_version in '3.8 3.9'", "python_version >= '3.8'", "python_full_version < '3.11.7'", "extra == 'x'",
        "platform_machine in 'x86_64 AMD64'", "platform_release == '5.10'", "implementation_name == 'cpython'",
    )  # fmt: skip
    path = write_wheel(tmp_path, WheelSpec(requires=tuple(f"six; {each}" for each in markers)))
    assert "metadata-marker-ambiguous" not in findings(path)


def test_a_backslash_in_a_marker_is_read_in_two_ways(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, WheelSpec(requires=('six; platform_system == "Li\\x6eux"',)))
    assert "metadata-marker-ambiguous" in findings(path)


def test_requirements_that_fill_megabytes_are_not_read(tmp_path: Path) -> None:
    marker = " or ".join(f"extra == 'e{each}'" for each in range(40))
    path = write_wheel(tmp_path, WheelSpec(requires=tuple(f"x{each}; {marker}" for each in range(4000))))
    assert "metadata-too-many-fields" in findings(path)


def test_brackets_in_texts_are_no_lists(tmp_path: Path) -> None:
    document = b'{"text": "' + b'[[\\"' * 300_000 + b'"}'
    path = write_wheel(tmp_path, WheelSpec(dist_info_files={"sboms/x.cdx.json": document}))
    assert "sbom-unreadable" not in findings(path)


def test_the_rows_of_a_wheel_of_many_files_are_no_reason_not_to_fix_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where only METADATA changes, only dist-info of the new wheel is read, and RECORD has rows for all files."""
    monkeypatch.setattr("wheelfix.verify.record._MORE_ROWS", 1)
    files = tuple(Entry(f"demo/m{each}.py", b"") for each in range(20))
    path = write_wheel(tmp_path, WheelSpec(files=files, requires=("nvidia-nccl-cu12",)))
    edit = wheelfix.SetField("Summary", "new")
    [outcome] = wheelfix.fix_wheels(path, None, edits=(edit,), output=tmp_path / "out").outcomes
    assert outcome.status is Status.FIXED
    assert "record-too-many-rows" not in findings(tmp_path / "out" / path.name)
