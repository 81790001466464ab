"""Entry points, as configparser and importlib.metadata read them."""

import configparser
import time
from functools import partial
from importlib.metadata import EntryPoints
from pathlib import Path
from random import Random

import pytest

from building import write_wheel
from counting import count_calls
from defects import valid
from wheelfix.verify.run import findings_in
from wheelfix.wheel.entry_points import EntryPoint, read_entry_points

_PIECES = ("[", "]", "[a]", "[b]", "=", "\n", "\r\n", " ", "\t", "a", "b.c", "#", ";", ":", "\x85", "\x0c", "x = y:z\n")


def entry_points(folder: Path, content: bytes) -> list[str]:
    return [each.code for each in findings_in(write_wheel(folder, valid(dist_info_files={"entry_points.txt": content})))]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[console_scripts]\ndemo = demo.version:main\n",
        b"[console_scripts]\nDemo=demo:Main.run [extra,other]\n[gui_scripts]\ndemo=demo:main",
        b"# a comment\r\n[demo.plugins]\r\n # another\r\na b = demo\r\n",
        b"[x]\na = demo:%(here)s\n".replace(b"%(here)s", b"main"),
        b"[DEFAULT]\na = demo:main\n[x]\na = demo\n",
    ],
)
def test_legal_entry_points(content: bytes, tmp_path: Path) -> None:
    assert entry_points(tmp_path, content) == []


@pytest.mark.parametrize(
    "content",
    [b"\xef\xbb\xbf[x]\na=b:c\n", b"[x]\na\n b\n", b"[]\na=b", b"[x]\n=b", b"[x]\na=b\n[x]\n", b"[x]\na=b\na=c", b"\0",
     b"[x]\na=\xff", b"[a\n]x=1", b"[x\na=b", b" [x]\na", b"[x]\n\n\n a"],
)  # fmt: skip
def test_entry_points_that_cannot_be_read(content: bytes, tmp_path: Path) -> None:
    assert entry_points(tmp_path, content) == ["entry-points-unreadable"]


@pytest.mark.parametrize(
    "value", [b"", b"demo main", b"demo:", b":main", b"demo:main:more", b"demo[", b"%(here)s", b"a" * 100_000 + b"!"]
)
def test_reference_that_is_none(value: bytes, tmp_path: Path) -> None:
    assert entry_points(tmp_path, b"[x]\na = " + value + b"\n") == ["entry-points-odd-value"]
    assert entry_points(tmp_path, b"[console_scripts]\na = " + value + b"\n") == ["entry-points-bad-value"]


def test_defaults_are_of_their_own_group_only(tmp_path: Path) -> None:
    """Values of a group DEFAULT are not handed down to each of the others."""
    defaults = b"".join(b"a%d = b:c\n" % number for number in range(5_000))
    content = b"[DEFAULT]\n" + defaults + b"".join(b"[s%d]\n" % number for number in range(5_000))
    spec = valid(dist_info_files={"entry_points.txt": content}, stored=True)
    assert findings_in(write_wheel(tmp_path, spec)) == []
    assert len(read_entry_points(content.decode())) == 5_000


@pytest.mark.parametrize("content", [b"[x]\n; a comment\na = b:c\n", b"[x]\na =\n  demo:main\n", b"[x]\na\xc2\x85b = c\n"])
def test_lines_on_which_pip_fails(content: bytes, tmp_path: Path) -> None:
    """They are legal, and ``importlib.metadata``, through which pip reads them, knows none of them."""
    with pytest.raises(TypeError):
        EntryPoints._from_text_for(content.decode(), None)  # type: ignore[attr-defined]
    assert entry_points(tmp_path, content) == ["entry-points-refused"]


@pytest.mark.parametrize("content", [b"[x]\n; a = b:c\n", b"[x]\na = b:c [\n  d=e]\n", b"[[x]]\na = b:c\n"])
def test_lines_that_readers_take_differently(content: bytes, tmp_path: Path) -> None:
    assert entry_points(tmp_path, content) == ["entry-points-ambiguous"]


@pytest.mark.parametrize(
    ("content", "scripts"),
    [
        (b"[console_scripts]\nx = demo:main\n[DEFAULT]\ny = demo:main\n", 2),
        (b"[DEFAULT]\ny = demo:main\n[gui_scripts]\n", 1),
        (b"[console_scripts]\n[DEFAULT]\na = demo:main\nb = demo:main\n", 2),
        (b"[console_scripts]\nx = demo:main\n[DEFAULT]\nx = demo:main\n", 1),
        (b"[console_scripts]\nx = demo:main\n[DEFAULT]\n", 1),
        (b"[DEFAULT]\ny = demo:main\n[demo.plugins]\n", 0),
    ],
)
def test_scripts_of_a_group_default(content: bytes, scripts: int, tmp_path: Path) -> None:
    """To ``ConfigParser``, and so to installer, its names are in every group, and to uv too; to pip they are in no other."""
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(content.decode())
    groups = [group for group in ("console_scripts", "gui_scripts") if parser.has_section(group)]
    assert sum(len(parser.items(group)) for group in groups) == scripts
    by_pip = [each for each in read_entry_points(content.decode()) if each.group in groups]
    assert entry_points(tmp_path, content) == ["entry-points-ambiguous"] * (len(by_pip) != scripts)


@pytest.mark.parametrize(
    "content",
    [
        b"[a]\n" + b"x\n" * 131_000,
        b"[a]\n" + b"=\n" * 131_000,
        b"[a]\nx = a\n" + b" b\n" * 87_000,
        b"[a]\n" + b"x=!\n" * 65_000,
        b"[a]\nx" + b" " * 262_000 + b"y\n",
        b"[a]\nx" + (b" " * 1_000 + b"y") * 260 + b"= z\n",
    ],
    ids=["bad lines", "no names", "one value", "one name", "blanks in a bad line", "blanks in a name"],
)
def test_hostile_files_are_read_in_one_pass(content: bytes, tmp_path: Path) -> None:
    """``configparser`` gathers all bad lines in quadratic time, and tries each blank of a run as the end of a name."""
    spec = valid(dist_info_files={"entry_points.txt": content})
    path = write_wheel(tmp_path, spec)
    start = time.process_time()
    assert len({each.code for each in findings_in(path)}) <= 2
    assert time.process_time() - start < 10


def test_a_file_beyond_all_measure_is_not_parsed(tmp_path: Path) -> None:
    content = b"[x]\n" + b"# a comment\n" * 100_000
    [found] = findings_in(write_wheel(tmp_path, valid(dist_info_files={"entry_points.txt": content})))
    assert (found.code, found.refused_by) == ("entry-points-unreadable", ())


def test_work_grows_with_the_lines() -> None:
    def text(lines: int) -> str:
        return "[a]\n" + "".join(f"x{number} = a:b\n b\n" for number in range(lines))

    few, many = (count_calls(partial(read_entry_points, text(lines))) for lines in (500, 2_000))
    assert many < 5 * few


def test_they_are_read_as_configparser_reads_them() -> None:
    random = Random(1)
    taken = 0
    for _ in range(5_000):
        text = random.choice(("", "[x]\n")) + "".join(random.choices(_PIECES, k=random.randrange(1, 12)))
        try:
            points: set[EntryPoint] | None = set(read_entry_points(text))
        except ValueError:
            points = None
        assert points == _by_configparser(text), text
        taken += points is not None
    assert taken > 500


def _by_configparser(text: str) -> set[EntryPoint] | None:
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, default_section="")
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    points = (EntryPoint(group, *item) for group in parser.sections() for item in parser.items(group))
    return {each._replace(value=each.value.strip(), late=each.value.startswith("\n")) for each in points}


def test_a_long_run_of_blanks_is_read_once(tmp_path: Path) -> None:
    """A pattern that looked for a bracket behind blanks took half an hour for this."""
    blanks = b" " * 262_000
    assert entry_points(tmp_path, b"[console_scripts]\ndemo = demo:main" + blanks + b"x\n") == ["entry-points-bad-value"]
