"""Every command, where none of the packages is installed that only extras install."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest

from demos import demo_wheel
from places import ROOT
from wheelfix.cli import group
from wheelfix.version import install_extra

_ONLY_EXTRAS: Final = (
    "azure", "boto3", "botocore", "google", "keyring", "obstore", "pypi_simple", "requests", "s3transfer", "urllib3",
)  # fmt: skip
_PROGRAM: Final = """
import contextlib, io, json, sys, traceback

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in json.loads(sys.argv[1]):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from wheelfix.cli import run

results = []
for words in json.load(sys.stdin):
    error = io.StringIO()
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())), contextlib.redirect_stderr(error):
        try:
            code = run(words)
        except BaseException:
            code = traceback.format_exc()
    results.append([code, error.getvalue()])
print(json.dumps(results))
"""
_RULES: Final = """
schema = 1

[[rule]]
id = "drop-x"
reason = "a test"
when = { project = "demo" }
match = "x"
action = "drop"

[[rule.test]]
project = "demo"
requires = ["x"]
expect = []
"""
_MANIFEST: Final = """
schema = 1
[mirror]
store = "synced"
[[source]]
name = "nowhere"
index = "https://example.invalid/simple/"
projects = ["demo"]
"""
WHEEL: Final = "demo-1.0-py3-none-any.whl"
USES: Final = (
    "strip-gpu WHEEL",
    "strip-gpu --publish m-gpu --format json WHEEL",
    "fix --rules rules.toml --check w",
    "fix --rules rules.toml --diff WHEEL",
    "fix --rules rules.toml -o out WHEEL",
    "edit --set Summary=x -o edited WHEEL",
    "show WHEEL",
    "show --format json --scan always w",
    "verify w",
    "verify --format json WHEEL",
    "repair -o repaired WHEEL",
    "diff WHEEL WHEEL",
    "explain no-ranges",
    "mirror add m WHEEL",
    "mirror list m",
    "mirror list --format json file://DIRECTORY/m",
    "mirror export m -o m.tar --lock m.lock",
    "mirror import imported m.tar",
    "diff m.lock m.lock",
    "mirror yank m demo==1.0",
    "mirror unyank m demo==1.0",
    "mirror check m",
    "mirror affected m requirements.txt",
    "mirror validate mirror.toml",
    "mirror check --fix m",
    "mirror prune m",
    "mirror remove m demo",
    "rules list --rules rules.toml",
    "rules check rules.toml",
    "rules explain --rules rules.toml WHEEL x",
    "rules test rules.toml",
    "rules export --rules rules.toml --to uv WHEEL",
    "rules schema",
    "completion bash",
)
"""The plain use of every command, on files and directories."""
NEED_EXTRAS: Final = ("mirror sync mirror.toml", "mirror sync mirror.toml --check", "mirror index mirror.toml")
"""The plain use of commands that work with other indexes only: each names the extra ``index``."""
CHANGES: Final = 1
"""The exit code of ``--check`` for wheels that would be changed."""


def commands(parent: click.Command = group, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of each command, groups included."""
    yield words
    if isinstance(parent, click.Group):
        context = click.Context(parent)
        for name in parent.list_commands(context):
            command = parent.get_command(context, name)
            assert command is not None
            yield from commands(command, (*words, name))


def run_each(directory: Path, lines: list[list[str]]) -> list[tuple[int | str, str]]:
    """Run commands in one process that lacks the packages; return what each exits with, or its traceback, and prints."""
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM, json.dumps(_ONLY_EXTRAS)],
        cwd=directory, input=json.dumps(lines), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [(code, text) for code, text in json.loads(ran.stdout)]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    demo_wheel(tmp_path / "w", "1.0", "x")
    (tmp_path / "rules.toml").write_text(_RULES)
    (tmp_path / "mirror.toml").write_text(_MANIFEST)
    (tmp_path / "requirements.txt").write_text("demo==1.0\n")
    return tmp_path


def test_every_command_has_help(tmp_path: Path) -> None:
    lines = [[*words, "--help"] for words in commands()]
    for words, (code, text) in zip(lines, run_each(tmp_path, lines), strict=True):
        assert code == 0, (words, text)


def test_every_command_works_on_files_and_directories(directory: Path) -> None:
    lines = [use.replace("WHEEL", f"w/{WHEEL}").replace("DIRECTORY", str(directory)).split() for use in USES]
    for words, (code, text) in zip(lines, run_each(directory, lines), strict=True):
        assert code == (CHANGES if "--check" in words else 0), (words, text)


def test_every_command_is_among_them() -> None:
    found = {words for words in commands() if words and words not in (("mirror",), ("rules",))}
    assert {
        words for words in found if not any(use.split()[: len(words)] == [*words] for use in (*USES, *NEED_EXTRAS))
    } == set()


@pytest.mark.parametrize(
    ("extra", "lines"),
    [
        (
            "index",
            (
                *(f"{command} https://example.invalid/{WHEEL}" for command in ("show", "verify", "strip-gpu", "repair")),
                f"diff w/{WHEEL} https://example.invalid/{WHEEL}",
                "verify --from-index https://example.invalid/simple/ demo",
                "mirror add m --from-index https://example.invalid/simple/ demo",
                "mirror check https://example.invalid/simple/",
                *NEED_EXTRAS,
            ),
        ),
        (
            "cloud",
            (
                f"show s3://bucket/{WHEEL}",
                "mirror check s3://bucket/m",
                "verify gs://bucket/wheels/",
                f"strip-gpu --publish s3://bucket/m w/{WHEEL}",
                *(f"mirror {command} az://bucket/m demo" for command in ("list", "prune", "yank", "unyank", "remove")),
            ),
        ),
    ],
)
def test_what_takes_an_extra_names_it(extra: str, lines: tuple[str, ...], directory: Path) -> None:
    for line, (code, text) in zip(lines, run_each(directory, [line.split() for line in lines]), strict=True):
        assert code == 2, (line, code, text)
        assert install_extra(extra) in text, (line, text)


def test_the_help_on_an_extra_names_its_page_not_one_way_to_install() -> None:
    """`pip install 'wheelfix[index]'` in an environment of uv or pipx installs it elsewhere."""
    text = install_extra("index")
    assert "`index`" in text
    assert "pip install" not in text
    assert (ROOT / text.partition("/blob/main/")[2]).is_file()
