"""``wheelfix diff``."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from building import Entry, WheelSpec, archive_of, changed, with_entries, write_wheel
from places import SCHEMAS
from running import Ran, wheelfix
from wheelfix.diff import archive
from wheelfix.diff.model import KINDS, Likeness

DIFF_SCHEMA = json.loads((SCHEMAS / "diff.schema.json").read_text("utf-8"))


@pytest.fixture(autouse=True)
def _in_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("new").mkdir()


def document(ran: Ran) -> dict[str, Any]:
    """Return the JSON on standard output, which must fit its schema."""
    jsonschema.Draft202012Validator.check_schema(DIFF_SCHEMA)
    found: dict[str, Any] = json.loads(ran.out)
    jsonschema.Draft202012Validator(DIFF_SCHEMA).validate(found)
    return found


def test_the_same() -> None:
    old, new = write_wheel(Path()), write_wheel(Path("new"))
    for other in (new, old):
        ran = wheelfix("diff", old, other)
        assert (ran.code, ran.err) == (0, "Compared 2 wheels: identical\n")
        assert ran.lines == ["identical", "  5 files with the same content"]
    assert wheelfix("diff", "--expect", "metadata", old, new).code == 0


def test_a_fixed_wheel() -> None:
    old = write_wheel(Path())
    [new] = wheelfix("strip-gpu", old, "-o", "new").lines
    ran = wheelfix("diff", old, new)
    assert (ran.code, ran.err, ran.lines[0]) == (1, "Compared 2 wheels: metadata only\n", "metadata only")
    assert [line.split()[1] for line in ran.lines[1:4]] == [
        f"demo-1.0.dist-info/{file}" for file in ("sboms/wheelfix.cdx.json", "METADATA", "RECORD")
    ]
    assert "-Requires-Dist: nvidia-cudnn-cu12==9.5.1.17" in ran.lines
    assert "  - nvidia-cudnn-cu12==9.5.1.17" in ran.lines
    assert "archive" not in ran.lines
    assert wheelfix("diff", "--expect", "metadata", old, new).code == 0
    found = document(wheelfix("diff", "--format", "json", new, old))
    assert found["verdict"] == "metadata only"
    assert [each["kind"] for each in found["metadata"]["requirements"]] == ["added"]


def test_a_wheel_fixed_in_place() -> None:
    old, new = write_wheel(Path()), write_wheel(Path("new"))
    assert wheelfix("strip-gpu", "--in-place", new).code == 0
    assert wheelfix("diff", old, new).lines[0] == "metadata only"
    assert wheelfix("diff", "--expect", "metadata", old, new).code == 0


def test_more_than_metadata() -> None:
    old = write_wheel(Path())
    [fixed] = wheelfix("strip-gpu", old, "-o", "out").lines
    spec = WheelSpec(
        requires=(), files=(Entry("demo/__init__.py", b"EVIL = 42\n"), Entry("demo/version.py", b"cuda = None\n"))
    )
    new = write_wheel(Path("new"), spec)
    for other in (old, fixed):
        ran = wheelfix("diff", "--expect", "metadata", other, new)
        assert (ran.code, ran.lines[0]) == (1, "different")
        assert "  ~ demo/__init__.py (12 -> 10 bytes)" in ran.lines


def test_another_archive_of_the_same() -> None:
    old = write_wheel(Path())
    new = write_wheel(Path("new"), None, changed(archive_of(WheelSpec()), "version.py", time=(2020, 1, 1, 0, 0, 0)))
    ran = wheelfix("diff", old, new)
    assert (ran.code, ran.lines[0]) == (1, "same content, different archive")
    assert "  time: demo/version.py: 2016-01-01 00:00:00 -> 2020-01-01 00:00:00" in ran.lines
    assert wheelfix("diff", "--expect", "metadata", old, new).code == 1
    assert wheelfix("diff", "-q", old, new).lines == ["same content, different archive"]
    assert document(wheelfix("diff", "--format", "json", old, new))["archive"][0]["kind"] == "time"


def test_a_renamed_wheel_fits_the_schema() -> None:
    old = write_wheel(Path())
    [new] = wheelfix("strip-gpu", "--local", "cpu", "-o", "new", old).lines
    found = document(wheelfix("diff", "--format", "json", old, new))
    assert found["verdict"] == "different"
    assert {each["kind"] for each in found["record"]} == {"added", "changed", "renamed"}
    assert "  > demo-1.0.dist-info/ -> demo-1.0+cpu.dist-info/" in wheelfix("diff", old, new).lines


def test_the_schema_knows_every_word() -> None:
    properties = DIFF_SCHEMA["properties"]
    assert set(properties["archive"]["items"]["properties"]["kind"]["enum"]) == set(KINDS)
    assert properties["verdict"]["enum"] == [each.value for each in Likeness]


def test_hostile_names_and_values_are_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")  # the colours are ours
    spec = WheelSpec(requires=("x; os_name == '\x1b[2J'",), record=b"\x1b,\x1b,\x1b\n\xff,,\n")
    archive = with_entries(archive_of(spec), Entry("\x1b]0;x\x07.py", b"x"), Entry("a\nidentical", b"y", comment=b"\x1b"))
    old, new = write_wheel(Path()), write_wheel(Path("new"), spec, archive)
    for arguments in ([], ["-v"], ["--format", "json"]):
        for pair in ((old, new), (new, old)):
            ran = wheelfix("diff", *arguments, *pair, terminal=True)
            assert (ran.code, ran.err) == (1, "Compared 2 wheels: different\n")
            assert ran.out.isprintable() or "\x1b" not in ran.out + ran.err
            assert "\x07" not in ran.out
            assert "identical" not in ran.lines


def test_wheels_that_cannot_be_read_are_all_reported() -> None:
    good = write_wheel(Path())
    Path("bad.whl").write_bytes(b"\x1b no archive")
    Path("\x1bempty.whl").touch()
    ran = wheelfix("diff", "bad.whl", "\x1bempty.whl")
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (3, "", 4)
    assert ran.err.startswith("error[not-a-zip]: bad.whl not compared: the file is not a ZIP archive\n  help: ")
    assert "\x1b" not in ran.err
    for arguments in (["bad.whl", good], [good, "bad.whl"], ["--format", "json", "--expect", "metadata", good, "bad.whl"]):
        ran = wheelfix("diff", *arguments)
        assert (ran.code, ran.out) == (3, "")
        assert "error[not-a-zip]: bad.whl not compared: " in ran.err


def test_paths_that_are_not_there_are_all_named() -> None:
    ran = wheelfix("diff", "\x1bone.whl", "https://files.example.org/two.tar.gz")
    assert (ran.code, ran.out) == (2, "")
    assert "  \\x1bone.whl does not exist\n" in ran.err
    assert "  https://files.example.org/two.tar.gz is not the URL of a wheel: it is a source distribution" in ran.err


def test_a_comparison_that_would_take_too_long_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_INFLATED", 0)
    monkeypatch.setattr(archive, "_GREATEST_RATIO", 0)
    old, new = write_wheel(Path()), write_wheel(Path("new"), WheelSpec(stored=True))
    ran = wheelfix("diff", old, new)
    assert (ran.code, ran.out) == (3, "")
    assert f"{old} and {new} not compared: reading it takes more than any real file needs\n" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a"],
        ["a", "b", "c"],
        ["", "b"],
        ["--format", "xml", "a", "b"],
        ["--expect", "x", "a", "b"],
        ["-q", "-v", "a", "b"],
    ],
)
def test_wrong_usage(arguments: list[str]) -> None:
    ran = wheelfix("diff", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err


def test_the_page_counts_one_thing_as_one() -> None:
    old, new = write_wheel(Path(), WheelSpec(requires=())), write_wheel(Path("new"), WheelSpec(requires=("six",)))
    page = wheelfix("diff", "--format", "html", old, new).out
    assert "<strong>1</strong> requirement differs</li>" in page
    assert "<strong>0</strong> files added</li>" in page
