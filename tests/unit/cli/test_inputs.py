"""The WHEEL arguments: files, directories, patterns, standard input."""

import errno
import os
import subprocess
import sys
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
    """Pitfall 30: the order of a directory is that of its names."""
    assert sources(wheelfix("strip-gpu", "--check", "--format", "json", *arguments, stdin=stdin)) == expected


def test_a_name_with_brackets_is_a_file_if_it_exists() -> None:
    odd = Path("in", "a[b]-1.0-py3-none-any.whl")
    Path(wheel("beta")).rename(odd)
    assert sources(wheelfix("strip-gpu", "--check", "--format", "json", odd)) == [str(odd)]


def test_a_folder_named_like_a_wheel_is_no_wheel() -> None:
    """Pitfall 34: a directory named ``x.whl`` is reported, not walked."""
    Path("x-1-py3-none-any.whl").mkdir()
    ran = wheelfix("strip-gpu", "x-1-py3-none-any.whl")
    assert ran.code == 3
    assert "it is a directory, not a file" in ran.err


MISSING = "nothing-1.0-py3-none-any.whl"
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("strip-gpu",),
    ("repair",),
    ("show",),
    ("verify",),
    ("strip-gpu", "--publish", "m"),
    ("strip-gpu", "--in-place"),
    ("rules", "explain", "--rules", "gpu"),
    ("mirror", "add", "m"),
)

LOCAL_COMMANDS = (("mirror", "add", "m", wheel("alpha"), "--yank-original", "it is broken", "--original"),)
"""Those that work on files of this machine only; what others do with URLs is in test_remote_inputs.py."""


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_nothing_is_done_before_all_arguments_are_right(command: tuple[str, ...]) -> None:
    """A misspelt path ends the run before it begins, and with all others that are wrong."""
    Path("empty").mkdir()
    Path("link-1.0-py3-none-any.whl").symlink_to("nowhere")
    before = sorted(Path().rglob("*"))
    wrong = [
        MISSING,
        f"in/{MISSING}",
        f"{wheel('beta')}/x.whl",
        "link-1.0-py3-none-any.whl",
        "empty",
        "in/z*.whl",
        "in/notes.txt",
    ]
    ran = wheelfix(*command, wheel("alpha"), *wrong)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: 7 paths cannot be used; nothing was done\n")
    assert ran.err.splitlines()[1:] == [
        f"  {MISSING} does not exist",
        f"  in/{MISSING} does not exist",
        f"  {wheel('beta')}/x.whl does not exist",
        "  link-1.0-py3-none-any.whl is a broken symbolic link",
        "  no wheels in empty/",
        "  no file matches in/z*.whl",
        "  in/notes.txt is not a wheel: its name does not end with .whl",
        "  help: Name the directory that holds them, or files that end with .whl.",
    ]
    assert sorted(Path().rglob("*")) == before


def test_one_wrong_path_is_one_line() -> None:
    ran = wheelfix("strip-gpu", MISSING)
    assert (ran.code, ran.err) == (2, f"error: {MISSING} does not exist; nothing was done\n")
    ran = wheelfix("strip-gpu", "-", stdin="")
    assert (ran.code, ran.err) == (2, "error: standard input names no paths; nothing was done\n")


@pytest.mark.parametrize("command", [("strip-gpu",), ("verify",), ("mirror", "add", "m")])
@pytest.mark.parametrize("requirement", ["torch==2.7.0", "torch[opt] >=2", "torch @ https://example.org/x"])
def test_a_requirement_is_named_as_such(command: tuple[str, ...], requirement: str) -> None:
    ran = wheelfix(*command, requirement)
    assert (ran.code, ran.out) == (2, "")
    assert "is a requirement, not a path" in ran.err
    assert "--from-index" in ran.err


def test_two_wheels_are_compared_not_directories() -> None:
    Path("empty").mkdir()
    ran = wheelfix("diff", wheel("alpha"), "empty")
    assert (ran.code, ran.err) == (2, "error: empty is a directory: name one wheel; nothing was done\n")


def test_of_many_wrong_paths_the_first_are_named() -> None:
    ran = wheelfix("verify", "-", stdin="".join(f"{number}.whl\n" for number in range(30)))
    assert ran.code == 2
    assert ran.err.splitlines()[0] == "error: 30 paths cannot be used; nothing was done"
    assert ran.err.splitlines()[-2:] == ["  19.whl does not exist", "  ... 10 more"]


def test_wheels_one_level_down_are_named() -> None:
    """As in dist/linux/ and dist/macos/: who names dist/ may have meant those."""
    Path("dist", "empty").mkdir(parents=True)
    for place in ("linux", "macos", "win", "zos"):
        Path("dist", place).mkdir()
        write_wheel(Path("dist", place), WheelSpec(project="a"))
    write_wheel(Path("dist", "linux"), WheelSpec(project="b"))
    ran = wheelfix("strip-gpu", "dist")
    assert ran.code == 2
    assert ran.err == (
        "error: no wheels in dist/; 2 in dist/linux/, 1 in dist/macos/, 1 in dist/win/ and 1 more; nothing was done\n"
        "  help: Subdirectories are not searched: name the directories that you mean.\n"
    )
    Path("one", "below").mkdir(parents=True)
    write_wheel(Path("one", "below"), WheelSpec(project="a"))
    assert wheelfix("verify", "one").err.endswith("  help: Subdirectories are not searched: name one/below/.\n")
    assert wheelfix("verify", "dist/empty").err == (
        "error: no wheels in dist/empty/; nothing was done\n"
        "  help: Name the directory that holds them, or files that end with .whl.\n"
    )


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("inn/", "in/"), ("./mor", "more/"), (wheel("alpha").replace("any", "ay"), wheel("alpha")), ("in/deepr", "in/deeper/")],
)
@pytest.mark.parametrize("command", [("strip-gpu",), ("mirror", "add", "m")])
def test_a_name_that_is_spelled_alike_is_suggested(command: tuple[str, ...], typed: str, meant: str) -> None:
    ran = wheelfix(*command, typed)
    assert (ran.code, ran.err) == (2, f"error: {typed} does not exist; nothing was done\n  help: Did you mean {meant}?\n")


def test_a_bare_name_may_be_a_project() -> None:
    ran = wheelfix("strip-gpu", "torch", "six")
    assert ran.code == 2
    assert ran.err.splitlines()[-1] == "  help: To look up a project, name the index that has it with --from-index URL."
    assert "help:" not in wheelfix("strip-gpu", "nowhere/torch").err


def test_a_directory_that_cannot_be_read_is_not_called_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    ran = wheelfix("verify", wheel("alpha"), "in")
    assert (ran.code, ran.err) == (2, "error: in cannot be read: Permission denied; nothing was done\n")


@pytest.mark.parametrize(
    "argument", ["https://files.example.org/demo-1.0-py3-none-any.whl", "s3://bucket/x.whl", "FTP://x/y"]
)
@pytest.mark.parametrize("command", LOCAL_COMMANDS, ids=" ".join)
def test_a_url_is_called_one(command: tuple[str, ...], argument: str) -> None:
    ran = wheelfix(*command, argument)
    assert (ran.code, ran.out) == (2, "")
    assert f"{argument} is a URL: download the wheel first" in ran.err


BESIDE = (
    "demo-1.0.tar.gz", "demo-1.0.zip", "alpha-1.0-py3-none-any.whl.metadata", "demo-1.0.tar.gz.asc",
    "alpha-1.0-py3-none-any.whl.publish.attestation", "alpha-1.0-py3-none-any.whl.sigstore.json",
)  # fmt: skip


def test_what_lies_beside_wheels_is_skipped_with_a_note() -> None:
    """``dist/*`` of a build names the sdist too, and what an index keeps beside files."""
    for name in BESIDE:
        Path("more", name).touch()
    everything = [str(path) for path in sorted(Path("more").iterdir())]
    for words in (everything, ["more/*"], ["-"]):
        ran = wheelfix("verify", *words, stdin="\n".join(everything))
        sdists, others = ran.err.splitlines()[:2]
        assert sdists.startswith("Skipped more/demo-1.0.tar.gz, more/demo-1.0.zip: source distributions")
        assert (ran.code, others.startswith("Skipped more/alpha-1.0-py3")) == (0, True)
        assert [line for line in ran.lines if not line.startswith(" ")] == [f"{wheel('delta', 'more')}: 1 warning"]
    assert "Skipped" not in wheelfix("verify", "-q", *everything).err


SDISTS = ("demo-1.0.tar.gz", "demo-1.0.zip", "demo-1.0.tar.bz2", "demo-1.0.tgz", "demo-1.0.tar.xz")
COMMANDS_ON_WHEELS = (
    ("show",), ("verify",), ("repair",), ("strip-gpu",), ("fix", "--rules", "gpu"), ("edit", "--local", "cpu"),
    ("mirror", "add", "m"), ("rules", "explain", "--rules", "gpu"), ("rules", "export", "--to", "uv", "--rules", "gpu"),
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS_ON_WHEELS, ids=" ".join)
@pytest.mark.parametrize("name", SDISTS)
def test_a_source_distribution_is_named_and_not_touched(command: tuple[str, ...], name: str) -> None:
    path = Path("more", name)
    path.write_bytes(b"source")
    ran = wheelfix(*command, path)
    assert ran.code == 2
    assert ran.err == (
        f"error: no wheels given: {path} is a source distribution; wheelfix only changes wheels\n"
        f"  help: Build a wheel first, for example with `pip wheel --no-deps {path}`.\n"
    )
    assert f"Skipped {path}: a source distribution; wheelfix only changes wheels.\n" in wheelfix(*command, path, "more/").err
    assert path.read_bytes() == b"source"


def test_several_source_distributions() -> None:
    for name in SDISTS[:2]:
        Path("more", name).touch()
    paths = [f"more/{name}" for name in SDISTS[:2]]
    ran = wheelfix("verify", *paths, "more/")
    assert f"Skipped {', '.join(paths)}: source distributions; wheelfix only changes wheels.\n" in ran.err
    ran = wheelfix("verify", *paths)
    assert f"no wheels given: {', '.join(paths)} are source distributions; wheelfix only changes wheels\n" in ran.err


def test_a_source_distribution_has_no_difference() -> None:
    Path("more", "demo-1.0.tar.gz").touch()
    ran = wheelfix("diff", "more/demo-1.0.tar.gz", wheel("alpha"))
    assert (ran.code, ran.out) == (2, "")
    assert "more/demo-1.0.tar.gz is a source distribution: name a wheel" in ran.err


def test_nothing_but_what_lies_beside_wheels() -> None:
    Path("more", "demo.asc").touch()
    ran = wheelfix("verify", "more/demo.asc")
    assert (ran.code, "no wheels given: more/demo.asc is not a wheel\n" in ran.err) == (2, True)


def test_a_directory_stands_for_its_wheels_without_a_note() -> None:
    Path("more", "demo-1.0.tar.gz").touch()
    assert "Skipped" not in wheelfix("verify", "more").err


ODD = ("a b", "a\rb", "a\u2028b", "a\x0cb", " a", "a\x85b", "a\udce9b")


@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_a_path_on_standard_input_may_hold_all_but_a_line_feed(odd: str) -> None:
    Path(odd).mkdir()
    path = write_wheel(Path(odd), WheelSpec(project="odd", requires=()))
    for options, end in (([], "\n"), (["-0"], "\0"), (["--null"], "\0")):
        ran = wheelfix(
            "strip-gpu", "--check", "--format", "json", *options, "-", stdin=end.join([str(path), wheel("beta"), ""])
        )
        assert ran.code == 0, ran.err
        assert len(ran.report["wheels"]) == 2


def test_with_null_a_path_may_hold_a_line_feed() -> None:
    Path("a\nb").mkdir()
    path = write_wheel(Path("a\nb"), WheelSpec(project="odd", requires=()))
    found = subprocess.run(["find", "a\nb", "-type", "f", "-print0"], capture_output=True, check=True).stdout
    assert sources(wheelfix("strip-gpu", "--check", "--format", "json", "-0", "-", stdin=found.decode())) == [str(path)]


def test_null_without_standard_input_is_a_mistake() -> None:
    ran = wheelfix("verify", "-0", "in")
    assert ran.code == 2
    assert "Name - to read them" in ran.err


def test_standard_input_that_is_closed() -> None:
    words = ["sh", "-c", 'exec "$@" <&-', "sh", sys.executable, "-m", "wheelfix", "verify", "-"]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (ran.returncode, "Traceback" in ran.stderr) == (2, False)
    assert "standard input is closed" in ran.stderr


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
    """Pitfall 29: an unset variable is not the working directory, and ``find -print0`` is not one path a line."""
    before = sorted(Path().rglob("*"))
    ran = wheelfix("strip-gpu", *arguments, stdin="in/a.whl\0in/b.whl\0")
    assert ran.code == 2
    assert "contains NUL" in ran.err or "empty" in ran.err
    assert sorted(Path().rglob("*")) == before


def test_a_misspelt_command_is_guessed() -> None:
    ran = wheelfix("strip_gpu", "in")
    assert (ran.code, "help: Did you mean strip-gpu?" in ran.err) == (2, True)


@pytest.mark.parametrize("typed", ["torch=2.7.0", "torch 2.7.0", "torch = 2.7.0", "torch v2.7.0"])
def test_a_version_with_something_else_before_it_than_two_equals_signs(typed: str) -> None:
    for options in ((), ("--from-index", "http://127.0.0.1:9/simple/")):
        ran = wheelfix("show", *options, typed)
        assert (ran.code, ran.err.splitlines()[1:]) == (2, ["  help: Did you mean torch==2.7.0?"])
