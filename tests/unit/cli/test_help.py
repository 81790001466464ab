"""Help, version and completion."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from places import ROOT
from running import wheelfix
from wheelfix.cli import group
from wheelfix.cli.command import CHANGING, CHECKING, CHECKING_MIRRORS, DELETING, SYNCING, Command
from wheelfix.cli.config import long_name

COMMANDS = group.list_commands(None)  # type: ignore[arg-type]


def test_the_version() -> None:
    ran = wheelfix("--version")
    assert (ran.code, ran.out, ran.err) == (0, f"wheelfix {version('wheelfix')}\n", "")


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_the_help_lists_every_command_and_the_exit_codes(option: str) -> None:
    ran = wheelfix(option)
    assert (ran.code, ran.err) == (0, "")
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", ran.out, re.MULTILINE), command
    assert all(code in ran.out for code in ("0 ", "1 ", "2 ", "130 "))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_each_command_has_help_with_examples(command: str, option: str) -> None:
    ran = wheelfix(command, option)
    assert (ran.code, ran.err) == (0, "")
    assert "Examples:" in ran.out
    assert f"  wheelfix {command} " in ran.out
    assert max(map(len, ran.lines)) <= 100


def test_the_options_of_strip_gpu_are_explained() -> None:
    text = wheelfix("strip-gpu", "-h").out
    for option in ("output-dir", "in-place", "check", "diff", "format", "no-sbom", "jobs", "quiet", "verbose"):
        assert f"--{option}" in text


def every_command(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))
        else:
            yield (*path, name), command


ALL = list(every_command(group))


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_many_options_are_listed_in_sections(path: tuple[str, ...], command: click.Command) -> None:
    assert isinstance(command, Command)
    text = wheelfix(*path, "--help").out
    options = [long_name(each) for each in command.params if isinstance(each, click.Option)]
    assert all(re.search(rf"^  (-\w, )?--{option}\b", text, re.MULTILINE) for option in options)
    if len(options) < 8:
        assert "\nOptions:\n" in text
        return
    last = text.partition("\nOther options:\n")[2]
    assert "\nOutput:\n" in text
    assert set(re.findall(r"^  (?:-\w, )?--([\w-]+)", last, re.MULTILINE)) <= {"null", "jobs", "timeout", "help"}


def test_sections_name_options_that_exist() -> None:
    options = {long_name(each) for _, command in ALL for each in command.params}
    for sections in (CHANGING, CHECKING, CHECKING_MIRRORS, DELETING, SYNCING):
        names = [name for section in sections.values() for name in section]
        assert set(names) <= options
        assert len(names) == len(set(names))


PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts),
)
WORDS = re.compile(r"wheelfix((?: [a-z][a-z-]+){1,2})((?: [^`\n#|]*)?)")


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_the_documentation_have_the_options_that_it_names(page: str) -> None:
    options = {" ".join(path): {option for each in command.params for option in each.opts} for path, command in ALL}
    for words, rest in WORDS.findall((ROOT / page).read_text("utf-8")):
        first, *others = words.split()
        command = next((each for each in (" ".join([first, *others]), first) if each in options), None)
        if command is not None:
            named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", rest.partition("&&")[0])) - {"--help"}
            assert named <= options[command], f"wheelfix{words}{rest}"


def test_without_a_command_it_says_what_to_do_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its command lines works where there are wheels; a group lists its commands."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "sample_wheels" / "xgboost-3.2.0-py3-none-manylinux_2_28_x86_64.whl", tmp_path)
    ran = wheelfix()
    assert (ran.code, ran.out) == (2, "")
    lines = re.findall(r"^  wheelfix (.*?)  ", ran.err, re.MULTILINE)
    assert [line.split()[0] for line in lines] == ["show", "strip-gpu", "strip-gpu", "verify"]
    for line in lines:
        words = [each for word in line.split() for each in (map(str, Path().glob(word)) if "*" in word else [word])]
        assert wheelfix(*words).code == 0, line
    assert (ROOT / ran.err.split()[-1].partition("/blob/main/")[2]).is_file()
    assert all(len(line) <= 80 for line in ran.err.splitlines())
    assert wheelfix("mirror").err.startswith("Usage: wheelfix mirror")


@pytest.mark.parametrize("arguments", [[], ["no-such-command"], ["--no-such-option"], ["completion"], ["completion", "csh"]])
def test_wrong_usage(arguments: list[str]) -> None:
    ran = wheelfix(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_valid(shell: str) -> None:
    ran = wheelfix("completion", shell)
    assert (ran.code, ran.err) == (0, "")
    assert "_WHEELFIX_COMPLETE" in ran.out
    if program := shutil.which(shell):
        subprocess.run([program, "-n"], input=ran.out, text=True, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("words", "usage"),
    [
        (("help",), "Usage: wheelfix [OPTIONS] COMMAND"),
        (("help", "strip-gpu"), "Usage: wheelfix strip-gpu "),
        (("help", "mirror"), "Usage: wheelfix mirror [OPTIONS] COMMAND"),
        (("help", "mirror", "sync"), "Usage: wheelfix mirror sync "),
        (("mirror", "help", "sync"), "Usage: wheelfix mirror sync "),
    ],
)
def test_help_is_a_word_too(words: tuple[str, ...], usage: str) -> None:
    ran = wheelfix(*words)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(usage)


def test_help_on_no_command_suggests_one_and_version_is_an_option() -> None:
    assert wheelfix("help", "strip-gpuu").err.endswith("help: Did you mean strip-gpu?\n")
    assert wheelfix("version").err.endswith("help: Did you mean `wheelfix --version`?\n")


def test_an_option_without_its_argument_says_what_it_takes() -> None:
    for words, takes, said in (
        (("verify", "--report"), "FILE", "FILE.html for people"),
        (("strip-gpu", "x.whl", "--publish"), "MIRROR", "mirror"),
        (("mirror", "check", "--platform"), "", "platform"),
    ):
        ran = wheelfix(*words)
        assert ran.code == 2
        assert f"option '{words[-1]}' requires an argument: {takes}" in ran.err
        assert said in ran.err.partition("\n  help: ")[2]


def _groups(command: click.Command, ctx: click.Context) -> Iterator[tuple[click.Group, click.Context]]:
    if isinstance(command, click.Group):
        yield command, ctx
        for name in command.list_commands(ctx):
            below = command.get_command(ctx, name)
            assert below is not None
            yield from _groups(below, click.Context(below, ctx, name))


def test_the_list_of_commands_says_of_each_what_its_own_help_says() -> None:
    for each, ctx in _groups(group, click.Context(group)):
        completed = {item.value: item.help for item in each.shell_complete(ctx, "")}
        for name in each.list_commands(ctx):
            command = each.get_command(ctx, name)
            assert command is not None
            said = command.get_short_help_str(200)
            assert completed[name] == said
            assert said in " ".join(each.get_help(ctx).split())
