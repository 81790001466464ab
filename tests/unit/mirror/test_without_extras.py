"""Mirrors in directories take none of the packages that only extras install."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from demos import demo_wheel
from wheelfix.version import install_extra

_PROGRAM: Final = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"pypi_simple", "requests", "urllib3", "obstore", "boto3", "botocore"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from wheelfix.cli import run
sys.exit(run(sys.argv[1:]))
"""


def run(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM, *words], cwd=directory, capture_output=True, text=True, check=False
    )


def test_every_command_of_mirrors_works_on_a_directory(tmp_path: Path) -> None:
    wheel = demo_wheel(tmp_path, "1.0")
    for words in (
        ("add", "m", wheel.name),
        ("list", "m"),
        ("yank", "m", "demo==1.0"),
        ("unyank", "m", "demo==1.0"),
        ("check", "m"),
        ("prune", "m"),
        ("remove", "m", "demo"),
    ):
        ran = run(tmp_path, "mirror", *words)
        assert ran.returncode == 0, (words, ran.stderr)


@pytest.mark.parametrize("command", ["list", "yank", "unyank", "remove", "prune", "check", "add"])
def test_help_needs_none_of_them(command: str, tmp_path: Path) -> None:
    assert run(tmp_path, "mirror", command, "--help").returncode == 0


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (("list", "s3://bucket/m"), "cloud"),
        (("prune", "s3://bucket/m"), "cloud"),
        (("check", "s3://bucket/m"), "cloud"),
        (("check", "https://example.invalid/simple/"), "index"),
    ],
)
def test_the_extra_is_named(words: tuple[str, ...], extra: str, tmp_path: Path) -> None:
    ran = run(tmp_path, "mirror", *words)
    assert ran.returncode == 2
    assert install_extra(extra) in ran.stderr
    assert "Traceback" not in ran.stderr
