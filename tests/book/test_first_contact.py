"""A newcomer, literally: what the book says of installing wheelfix is run in bare environments, and so are its first pages.

Packages come from an index, the repository is a clone of this checkout.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from book.pages import Block, blocks, pages, read_page
from book.play import play_blocks
from book.scenes import SCENES
from book.stage import Scene, Stage, stage
from places import ROOT

if TYPE_CHECKING:
    from buckets import Servers

pytestmark = pytest.mark.clients
_URL: Final = "https://github.com/wheelfix/wheelfix"
_LEFT_OUT: Final = (".git", ".venv*", ".azurite", "_build", "__pycache__", ".*_cache", "build", "dist", "fixed")
_INDEXES: Final = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
"""Variables that say where packages come from."""
_INSTALL: Final = "docs/start/install.md"
_WHOLE: Final = ("README.md", "docs/start/tutorial.md")
"""Pages that are followed from the beginning to the end."""


def installs(page: str) -> list[Block]:
    """Return the blocks of a page that install wheelfix."""
    return [block for block in blocks(read_page(page)) if block.run.skip == "bare"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with what is here, to be cloned."""
    folder = tmp_path_factory.mktemp("git") / "wheelfix"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*_LEFT_OUT), symlinks=True)
    who = ["-c", "user.name=tests", "-c", "user.email=tests@example.org"]
    for words in (["init", "--quiet"], ["add", "--all"], [*who, "commit", "--quiet", "--message", "all"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the programs of a reader who has no wheelfix: Python, git, uv and pipx."""
    folder = tmp_path_factory.mktemp("tools")
    python = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    subprocess.run([python, "-m", "venv", folder / "pipx"], check=True)
    subprocess.run([folder / "pipx/bin/python", "-m", "pip", "install", "--quiet", "pipx"], check=True, capture_output=True)
    programs = {"python3": python, "pipx": folder / "pipx/bin/pipx", "git": shutil.which("git")}
    programs |= {name: Path(sys.executable).parent / name for name in ("uv", "uvx")}
    (folder / "bin").mkdir()
    for name, program in programs.items():
        path = folder / "bin" / name
        path.write_text(f'#!/bin/sh\nexec {program} "$@"\n')
        path.chmod(0o755)
    return folder / "bin"


@pytest.fixture
def bare(repository: Path, tools: Path, tmp_path: Path, cloud: "Servers") -> Iterator[Stage]:
    """A reader who has the tools, and no wheelfix."""

    def prepare(stage: Stage) -> None:
        own = stage.home / ".local" / "bin"
        stage.variables["PATH"] = os.pathsep.join(map(str, (tools, own, "/usr/bin", "/bin")))
        stage.variables |= {name: os.environ[name] for name in _INDEXES if name in os.environ}
        stage.says(f"git+{_URL}", f"git+file://localhost{repository}")
        stage.says(_URL, str(repository))

    with stage(tmp_path / "book", cloud, Scene(prepare)) as found:
        yield found


def problems(found: Stage, chosen: list[Block]) -> list[str]:
    """Run blocks, those that install too, and return where the page is not true."""
    return [f"line {drift.line}: {drift.message}" for drift in play_blocks(chosen, found, skips=False).drifts]


def typed(line: str) -> Block:
    """Return a block with one command line."""
    return blocks(f"```console\n$ {line}\n```\n")[0]


def test_every_page_that_installs_is_tried() -> None:
    assert {page for page in pages() if installs(page)} == {*_WHOLE, _INSTALL}


def test_the_tutorial(bare: Stage) -> None:
    assert problems(bare, blocks(read_page("docs/start/tutorial.md"))) == []


def test_the_readme(bare: Stage) -> None:
    """What it shows first needs what it installs below."""
    [install] = installs("README.md")
    SCENES["README.md"].prepare(bare)
    rest = [block for block in blocks(read_page("README.md")) if block != install]
    for path in bare.directory.iterdir():  # the shell of the reader is in the clone, their Python beside it
        if path.is_symlink() and path.name != "sample_wheels":
            path.unlink()
    assert problems(bare, [install, *rest]) == []


@pytest.mark.parametrize("number", range(len(installs(_INSTALL))))
def test_each_way_to_install(number: int, bare: Stage) -> None:
    block = installs(_INSTALL)[number]
    there = [] if "git" in block.text else [typed(f"git clone --quiet {_URL}"), typed("cd wheelfix")]
    check = [] if "--version" in block.text else [typed("wheelfix --version")]
    assert problems(bare, [*there, block, *check]) == []
