"""``wheelfix show``."""

import json
from pathlib import Path

import pytest

from building import WheelSpec, write_wheel
from places import ROOT
from running import validator, wheelfix


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_text_is_data() -> None:
    path = write_wheel(Path(), WheelSpec(requires=("nvidia-nccl-cu12", "x; extra == 'a'")))
    before = path.read_bytes()
    ran = wheelfix("show", path)
    assert (ran.code, ran.err) == (0, "Read 1 wheel\n")
    assert ran.lines[0] == path.name
    assert "  -  nvidia-nccl-cu12  safe     demo/version.py sets cuda = None, and it has no binaries" in ran.lines
    assert "x; extra" not in ran.out
    assert "x; extra" in wheelfix("show", "-v", path).out
    assert path.read_bytes() == before
    assert list(Path().iterdir()) == [path]


def test_json_is_one_document() -> None:
    paths = [write_wheel(Path(), WheelSpec(project=name)) for name in ("a", "b")]
    ran = wheelfix("show", "--format", "json", *paths)
    document = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "Read 2 wheels\n")
    assert (document["version"], document["command"]) == (1, "show")
    assert [wheel["project"] for wheel in document["wheels"]] == ["a", "b"]


def test_a_wheel_that_cannot_be_read_is_told_and_stops_no_other() -> None:
    good = write_wheel(Path())
    Path("bad-1-py3-none-any.whl").write_bytes(b"\x1b")
    Path("\x1bx-1-py3-none-any.whl").touch()
    ran = wheelfix("show", "bad-1-py3-none-any.whl", good, "\x1bx-1-py3-none-any.whl")
    assert ran.code == 3
    assert good.name in ran.out
    assert "bad-1-py3-none-any.whl not shown: " in ran.err
    assert "\x1b" not in ran.out + ran.err
    document = json.loads(wheelfix("show", "--format", "json", "bad-1-py3-none-any.whl").out)
    assert document["wheels"][0]["problem"]["code"] == "not-a-zip"


@pytest.mark.parametrize("arguments", [[], ["none-*.whl"], ["--format", "xml", "x"]])
def test_wrong_usage(arguments: list[str]) -> None:
    assert wheelfix("show", *arguments).code == 2


def test_control_characters_are_escaped() -> None:
    """Pitfall 29: an ANSI escape in METADATA is shown, not obeyed."""
    path = write_wheel(Path(), WheelSpec(requires=("triton; os_name == '\x1b[2J'",)))
    ran = wheelfix("show", "-v", path)
    assert "\x1b" not in ran.out
    assert "\\x1b[2J" in ran.out
    assert "\x1b" not in wheelfix("show", "--format", "json", path).out


def test_a_fixed_wheel_tells_its_history() -> None:
    path = write_wheel(Path())
    [fixed] = wheelfix("strip-gpu", path).lines
    assert f"from {path.name}, sha256 " in wheelfix("show", fixed).out


def test_json_fits_its_schema() -> None:
    """Every sample wheel, one that was fixed before, one that cannot be read, and wheels that disagree."""
    samples = sorted((ROOT / "sample_wheels").glob("*.whl"))
    assert wheelfix("strip-gpu", *samples[-1:], "-o", "fixed").code == 0
    Path("bad-1-py3-none-any.whl").write_bytes(b"x")
    others = [write_wheel(Path(), WheelSpec(tags=f"{tag}-none-any", requires=(tag,))) for tag in ("py2", "py3")]
    ran = wheelfix("show", "--format", "json", *samples, *others, "fixed", "bad-1-py3-none-any.whl")
    document = json.loads(ran.out)
    validator("show.schema.json").validate(document)
    assert document["disagreements"]
    assert any(each["provenance"] for each in document["wheels"])
    assert any(each["problem"] for each in document["wheels"])


@pytest.mark.parametrize("naming", [(), ("--build-tag", "1nogpu")], ids=["same-name", "build-tag"])
def test_a_fixed_wheel_need_not_agree_with_its_original(naming: tuple[str, ...]) -> None:
    """A mirror lists both: the original yanked, for old locks."""
    paths = []
    for tags in ("py3-none-any", "py2-none-any"):
        paths.append(write_wheel(Path(), WheelSpec(tags=tags, requires=("nvidia-nccl-cu12",))))
        assert wheelfix("strip-gpu", paths[-1], "-o", "fixed", *naming).code == 0
    assert "disagree" not in wheelfix("show", *paths, "fixed").out
    unrelated = write_wheel(Path(), WheelSpec(tags="cp313-none-any", requires=("six",)))
    assert "demo 1.0: its wheels disagree" in wheelfix("show", *paths, "fixed", unrelated).out


def test_markdown_has_a_table_of_each_wheel() -> None:
    path = write_wheel(Path(), WheelSpec(requires=("nvidia-nccl-cu12", "a; os_name == 'x|y'", "x; extra == 'a'")))
    Path("bad-1-py3-none-any.whl").write_bytes(b"x")
    ran = wheelfix("show", "--format", "markdown", path, "bad-1-py3-none-any.whl")
    assert ran.code == 3
    assert ran.lines[0] == "## wheelfix show"
    assert f"### `{path.name}`" in ran.lines
    assert "| - | `nvidia-nccl-cu12` | safe | demo/version.py sets cuda = None, and it has no binaries |" in ran.lines
    assert "|  | `a; os_name == 'x\\|y'` |  |  |" in ran.lines
    assert any(line.startswith("not shown: **the file is not a ZIP archive**") for line in ran.lines)


@pytest.mark.parametrize("columns", [80, 200])
def test_a_terminal_gets_a_table_or_a_line_for_each_reason(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No requirement is broken into pieces, however narrow the terminal is."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "dumb")
    markers = '; platform_system == "Linux" and platform_machine == "x86_64"'
    path = write_wheel(Path(), WheelSpec(requires=("six", f"nvidia-nccl-cu12{markers}", f"nvidia-cudnn-cu12{markers}")))
    lines = [line.rstrip() for line in wheelfix("show", path, terminal=True).lines]
    reason = "demo/version.py sets cuda = None, and it has no binaries"
    table = [f"  -  nvidia-nccl-cu12{markers}   safe     {reason}", f"  -  nvidia-cudnn-cu12{markers}  safe     (as above)"]
    assert "     six" in lines
    if columns == 200:
        assert [line for line in lines if "nvidia" in line and "-  " in line] == table
    else:
        at = lines.index(f"  -  nvidia-nccl-cu12{markers}   safe")
        assert lines[at + 1 : at + 3] == [f"       {reason}", table[1]]
