"""``wheelfix verify`` as people and scripts call it."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from building import Entry, write_wheel
from defects import DEFECTS, Defect, record_of, valid
from running import wheelfix
from wheelfix.verify.batch import verify_wheels

NASTY = "demo/%0A\n::error::x\x1b[2J.py"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write_wheel(tmp_path, valid())


@pytest.fixture
def warned(tmp_path: Path) -> Path:
    """A wheel with seven warnings of one code."""
    rows = record_of(valid(tags="py2-none-any"))
    return write_wheel(tmp_path, valid(project="demo", tags="py2-none-any", record=b"".join(rows + [rows[0]] * 7)))


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    return write_wheel(tmp_path, valid(project="bad", record=b"", files=(Entry(NASTY, b""),)))


def test_valid_wheel(good: Path) -> None:
    ran = wheelfix("verify", good)
    assert (ran.code, ran.out, ran.err) == (0, f"{good}: no findings\n", "Checked 1 wheel: 0 errors, 0 warnings\n")


def test_error_exits_with_1(bad: Path, good: Path) -> None:
    ran = wheelfix("verify", bad, good)
    assert ran.code == 1
    assert ran.lines[0] == f"{bad}: 6 errors; 4 fixable"
    assert (
        "  error[record-missing-row]: bad-1.0.dist-info/METADATA: RECORD has no row for it (refused by installer) [fixable]"
        in ran.lines
    )
    assert ran.lines[-1] == f"{good}: no findings"
    assert ran.err == (
        "help: `wheelfix explain CODE` says how to fix it; `wheelfix repair` fixes 4 of 6\n"
        "Checked 2 wheels: 6 errors, 0 warnings\n"
    )
    one = wheelfix("verify", "--select", "record-missing-row", bad)
    assert one.err.splitlines()[0].startswith("help: `wheelfix explain record-missing-row` says")
    for quiet in (("--quiet",), ("--format", "json")):
        assert "help:" not in wheelfix("verify", *quiet, bad).err
    assert all(line.isprintable() for line in ran.lines)


def test_warning_exits_with_1_only_if_strict(warned: Path) -> None:
    assert wheelfix("verify", warned, "--select", "record").code == 0
    assert wheelfix("verify", warned, "--select", "record", "--strict").code == 1


def test_suppressed_findings_are_counted(warned: Path, good: Path) -> None:
    findings = verify_wheels(warned).wheels[0].findings
    suppressed = f" ({len(findings)} suppressed by --select/--ignore)"
    ran = wheelfix("verify", "--ignore", ",".join({finding.code for finding in findings}), warned, good)
    assert (ran.code, ran.lines) == (0, [f"{warned}: no findings{suppressed}", f"{good}: no findings"])
    assert ran.err == f"Checked 2 wheels: 0 errors, 0 warnings ({len(findings)} suppressed)\n"
    some = wheelfix("verify", "--select", "archive", warned)
    assert some.out == f"{warned}: no findings{suppressed}\n"
    report = wheelfix("verify", "--select", "archive", "--format", "json", warned, good).audit
    assert report["summary"] == {"wheels": 2, "errors": 0, "warnings": 0, "notes": 0, "suppressed": len(findings)}
    assert [wheel["suppressed"] for wheel in report["wheels"]] == [len(findings), 0]


def test_quiet_names_no_valid_wheel(good: Path, bad: Path) -> None:
    ran = wheelfix("verify", "-q", good, bad)
    assert str(good) not in ran.out
    assert (ran.code, ran.err) == (1, "")
    assert wheelfix("verify", "-q", good).out == ""


def test_verbose_reports_all_of_many_alike(warned: Path) -> None:
    short, long = (wheelfix("verify", "--select", "record", *option, warned) for option in ([], ["-v"]))
    assert short.out.count("record-duplicate-row]: row") == 5
    assert short.lines[-1] == "  ... 2 more record-duplicate-row (use -v to show all)"
    assert long.out.count("record-duplicate-row]: row") == 7


def test_select_and_ignore_take_several_codes(bad: Path) -> None:
    def codes(*options: str) -> set[str]:
        [wheel] = wheelfix("verify", "--format", "json", *options, bad).audit["wheels"]
        return {finding["code"] for finding in wheel["findings"]}

    assert codes("--select", "record-own,archive") == {"record-own-row-missing", "archive-unsafe-name"}
    assert codes("--select", "record-own, archive") == codes("--select", "record-own", "--select", "archive")
    assert codes("--ignore", "record,file") == {"archive-unsafe-name"}


@pytest.mark.parametrize(
    "options",
    [["--select", "nonsense"], ["--ignore", "record,nonsense"], ["--select", ""], ["--select", "record,"], ["-q", "-v"],
     ["--format", "xml"]],
)  # fmt: skip
def test_wrong_option_exits_with_2(options: list[str], good: Path) -> None:
    ran = wheelfix("verify", good, *options)
    assert ran.code == 2
    assert ran.out == ""


def test_no_wheel_exits_with_2(tmp_path: Path) -> None:
    assert wheelfix("verify").code == 2
    assert wheelfix("verify", tmp_path).code == 2


@pytest.mark.parametrize("options", [[], ["--select", "record"], ["--ignore", "file"], ["--format", "json"]], ids=" ".join)
def test_what_cannot_be_read_is_never_passed_over(
    options: list[str], good: Path, bad: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is known of such a file: no choice of codes makes it valid, and 3 beats the 1 of another wheel."""
    real = os.open

    def refuse(path: os.PathLike[str], *arguments: int, **options: int) -> int:
        if path == bad:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)
    ran = wheelfix("verify", *options, good, bad)
    assert ran.code == 3
    assert "file-unreadable" in ran.out


def test_a_directory_in_the_place_of_a_wheel_cannot_be_read(good: Path, tmp_path: Path) -> None:
    (tmp_path / "x-1-py3-none-any.whl").mkdir()
    ran = wheelfix("verify", "--select", "record", good, tmp_path / "x-1-py3-none-any.whl")
    assert ran.code == 3
    assert not verify_wheels([tmp_path / "x-1-py3-none-any.whl"]).complete
    assert verify_wheels([good]).complete


def test_a_damaged_wheel_is_an_error_and_was_read(tmp_path: Path) -> None:
    for content in (b"", b"<html>", b"PK\3\4"):
        (tmp_path / "x-1-py3-none-any.whl").write_bytes(content)
        assert wheelfix("verify", tmp_path).code == 1


def test_paths_on_standard_input_and_directories(good: Path, bad: Path) -> None:
    for ran in (wheelfix("verify", "-", stdin=f"{bad}\n{good}\n"), wheelfix("verify", good.parent)):
        assert ran.lines[-1] == f"{good}: no findings"
        assert ran.code == 1


def test_json_fits_its_schema(good: Path, bad: Path) -> None:
    ran = wheelfix("verify", "--format", "json", good, bad)
    report = ran.audit
    assert ran.code == 1
    assert report["summary"] == {"wheels": 2, "errors": 6, "warnings": 0, "notes": 0, "suppressed": 0}
    assert [wheel["source"] for wheel in report["wheels"]] == [str(good), str(bad)]
    assert report["wheels"][0]["findings"] == []


@pytest.mark.parametrize(
    "defects",
    [
        pytest.param([*{defect.code: defect for defect in DEFECTS}.values()], id="one of each code"),
        pytest.param(DEFECTS, id="all", marks=pytest.mark.slow),
    ],
)
def test_json_of_every_flaw_fits_the_schema(defects: Sequence[Defect], tmp_path: Path) -> None:
    for number, defect in enumerate(defects):
        folder = tmp_path / str(number)
        folder.mkdir()
        ran = wheelfix("verify", "--format", "json", *defect.write(folder))
        if defect.missing:
            assert (ran.code, ran.out) == (2, "")
            continue
        assert defect.code in {finding["code"] for finding in ran.audit["wheels"][0]["findings"]}
        assert ran.out.isascii()


def test_annotations_are_escaped(tmp_path: Path) -> None:
    """A name in a wheel cannot forge a command of its own, nor end the properties of ours."""
    folder = tmp_path / "a,b:c%"
    folder.mkdir()
    path = write_wheel(folder, valid(files=(Entry(NASTY, b""),)))
    ran = wheelfix("verify", "--format", "github", "--select", "archive", path)
    assert ran.code == 1
    [line] = ran.lines
    properties, _, message = line.removeprefix("::error ").partition("::")
    assert properties.startswith("file=")
    assert properties.endswith("a%2Cb%3Ac%25/demo-1.0-py3-none-any.whl,title=archive-unsafe-name")
    assert message == "demo/%250A\\n::error::x\\x1b[2J.py: the name has a control character (refused by uv, PyPI)"


def test_annotations_of_a_valid_wheel_are_none(good: Path) -> None:
    assert wheelfix("verify", "--format", "github", good).out == ""


@pytest.mark.parametrize(
    ("option", "meant"),
    [("recrod", "record"), ("archive-truncatd", "archive-truncated"), ("release_disagree", "release-disagrees")],
)
def test_misspelt_code_names_the_one_that_may_be_meant(option: str, meant: str, good: Path) -> None:
    ran = wheelfix("verify", "--select", option, good)
    assert ran.code == 2
    assert f"Did you mean {meant}?" in ran.err
