"""``wheelfix show``."""

import json
from pathlib import Path

import pytest

from building import WheelSpec, write_wheel
from running import wheelfix


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
