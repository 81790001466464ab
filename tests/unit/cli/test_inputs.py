"""The WHEEL arguments: files, folders, patterns, standard input."""

from pathlib import Path

import pytest

from building import WheelSpec, write_wheel
from running import Ran, wheelfix

NAMES = ("beta", "alpha", "gamma")


@pytest.fixture(autouse=True)
def _some_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for place, names in (("in", NAMES), ("more", ("delta",))):
        Path(place).mkdir()
        for name in names:
            write_wheel(Path(place), WheelSpec(project=name, requires=("numpy",)))
    Path("in", "notes.txt").write_text("text")
    Path("in", "deeper").mkdir()
    write_wheel(Path("in", "deeper"), WheelSpec(project="hidden"))


def wheel(name: str, place: str = "in") -> str:
    return f"{place}/{name}-1.0-py3-none-any.whl"


def sources(ran: Ran) -> list[str]:
    assert ran.code == 0, ran.err
    return [each["source"] for each in ran.report["wheels"]]


ALL = [wheel(name) for name in sorted(NAMES)]
ARGUMENTS = [
    pytest.param([wheel("beta"), wheel("alpha")], "", [wheel("beta"), wheel("alpha")], id="files-in-their-order"),
    pytest.param(["in"], "", ALL, id="folder"),
    pytest.param(["in/"], "", ALL, id="folder-with-a-slash"),
    pytest.param(["in/*.whl"], "", ALL, id="pattern-the-shell-left"),
    pytest.param(["in/[ab]*.whl"], "", ALL[:2], id="pattern-with-a-set"),
    pytest.param(["**/delta-*.whl"], "", [wheel("delta", "more")], id="pattern-over-folders"),
    pytest.param(["-"], f"{wheel('beta')}\n\n{wheel('alpha')}\n", [wheel("beta"), wheel("alpha")], id="standard-input"),
    pytest.param(["-"], wheel("beta"), [wheel("beta")], id="standard-input-without-line-end"),
    pytest.param(["-"], "in\n", ALL, id="folder-on-standard-input"),
    pytest.param([wheel("beta"), "in", wheel("beta")], "", [wheel("beta"), *ALL[:1], *ALL[2:]], id="each-path-once"),
    pytest.param(["in", "more"], "", [*ALL, wheel("delta", "more")], id="two-folders"),
]


@pytest.mark.parametrize(("arguments", "stdin", "expected"), ARGUMENTS)
def test_what_arguments_stand_for(arguments: list[str], stdin: str, expected: list[str]) -> None:
    """Pitfall 30: the order of a folder is that of its names."""
    assert sources(wheelfix("strip-gpu", "--check", "--format", "json", *arguments, stdin=stdin)) == expected


def test_a_name_with_brackets_is_a_file_if_it_exists() -> None:
    odd = Path("in", "a[b]-1.0-py3-none-any.whl")
    Path(wheel("beta")).rename(odd)
    assert sources(wheelfix("strip-gpu", "--check", "--format", "json", odd)) == [str(odd)]


def test_a_folder_named_like_a_wheel_is_no_wheel() -> None:
    """Pitfall 34: a folder named ``x.whl`` is told, not walked."""
    Path("x-1-py3-none-any.whl").mkdir()
    ran = wheelfix("strip-gpu", "x-1-py3-none-any.whl")
    assert ran.code == 3
    assert "folder" in ran.err


@pytest.mark.parametrize(("argument", "word"), [("in/z*.whl", "in/z*.whl"), ("in/deeper/none", "none"), ("-", "No wheels")])
def test_what_stands_for_nothing_is_named(argument: str, word: str) -> None:
    ran = wheelfix("strip-gpu", argument)
    assert ran.code in (2, 3)
    assert word in ran.err


@pytest.mark.parametrize("argument", ["\u202e*.whl", "\u202e"])
def test_arguments_are_shown_escaped(argument: str) -> None:
    """Pitfall 29: a name in an error of usage cannot drive the terminal either."""
    if "*" not in argument:
        Path(argument).mkdir()
    ran = wheelfix("strip-gpu", argument)
    assert ran.code == 2
    assert "\u202e" not in ran.err
    assert "\\u202e" in ran.err


@pytest.mark.parametrize("arguments", [[""], ["in", ""], ["-"], ["-o", "", "in"]], ids=["empty", "among", "nul", "output"])
def test_paths_that_come_from_mistakes_are_refused(arguments: list[str]) -> None:
    """Pitfall 29: an unset variable is not the working folder, and ``find -print0`` is not one path a line."""
    before = sorted(Path().rglob("*"))
    ran = wheelfix("strip-gpu", *arguments, stdin="in/a.whl\0in/b.whl\0")
    assert ran.code == 2
    assert "A path holds a NUL" in ran.err or "empty" in ran.err
    assert sorted(Path().rglob("*")) == before


def test_a_misspelt_command_is_guessed() -> None:
    ran = wheelfix("strip_gpu", "in")
    assert (ran.code, "Did you mean strip-gpu?" in ran.err) == (2, True)
