"""Lock files that each client made before a correction: the commands that the lock doctor prints move the project over."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import pytest

import clients
from lock_files import MAKERS as LOCK_MAKERS
from places import ROOT
from running import Ran, wheelfix
from serving import Server, static
from stand_ins import write_others, write_torch
from wheelfix.locks.read import read_lock
from wheelfix.mirror.publish import fix_into_mirror
from wheelfix.mirror.upload import add_wheels
from wheelfix.options import Naming, Publishing

pytestmark = pytest.mark.clients


class App(NamedTuple):
    """An application with a lock, and its environment in ``.venv``; ``url`` is that of the index."""

    folder: Path
    lock: Path
    url: str

    @property
    def environment(self) -> Path:
        """The environment of the application."""
        return self.folder / ".venv"

    def run(self, *command: str | Path) -> None:
        """Run a command of a client as its user would: with the settings of the project, and its environment in use."""
        done = self.attempt(*command)
        assert done == "", done

    def attempt(self, *command: str | Path) -> str:
        """Run a command; return its output if it failed."""
        path = os.pathsep.join([str(self.environment / "bin"), str(clients.PROGRAMS), os.environ["PATH"]])
        settings = {"UV_NO_CONFIG": "0", "UV_DEFAULT_INDEX": self.url, "PIP_INDEX_URL": self.url, "PATH": path}
        if command[0] in ("python", "uv"):  # they would write to the environment of the tests, were there none
            assert (self.environment / "bin/python").exists()
            settings["UV_PYTHON"] = str(self.environment) if command[1] == "pip" else sys.executable
        program = clients.UV if command[0] == "uv" else (shutil.which(command[0], path=path) or command[0],)
        done = clients.attempt(*program, *command[1:], cwd=self.folder, VIRTUAL_ENV=str(self.environment), **settings)
        return "" if done.returncode == 0 else f"{command}\n{done.stdout}\n{done.stderr}"

    def distributions(self) -> set[str]:
        """Return the names of the distributions in the environment."""
        found = self.folder.glob(".venv/lib/python*/site-packages/*.dist-info")
        return {path.name.partition("-")[0] for path in found}

    def gpu(self) -> list[str]:
        """Return what the environment has for GPUs, installed or required by torch."""
        (metadata,) = self.folder.glob(".venv/lib/python*/site-packages/torch-*.dist-info/METADATA")
        required = re.findall(r"^Requires-Dist: (nvidia\S*|triton\S*)", metadata.read_text(), re.MULTILINE)
        return sorted([*required, *(each for each in self.distributions() if each.startswith(("nvidia", "triton")))])


def uv(folder: Path, index: str) -> App:
    clients.uv_lock(folder, index)
    clients.environment(folder)
    app = App(folder, folder / "uv.lock", index)
    app.run("uv", "sync", "--locked")
    return app


def poetry(folder: Path, index: str) -> App:
    clients.poetry_lock(folder, index)
    app = App(folder, folder / "poetry.lock", index)
    app.run("poetry", "sync", "--no-interaction")
    return app


def pdm(folder: Path, index: str) -> App:
    clients.pdm_lock(folder, index)
    clients.pdm_sync(folder)
    return App(folder, folder / "pdm.lock", index)


def pdm_static(folder: Path, index: str) -> App:
    app = pdm(folder, index)
    app.lock.unlink()
    app.run("pdm", "lock", "--strategy", "static_urls")
    return app


def uv_exported(folder: Path, index: str) -> App:
    app = uv(folder, index)
    app.run("uv", "export", "--format", "pylock.toml", "-o", "pylock.toml", "--no-emit-project", "--quiet")
    return app._replace(lock=folder / "pylock.toml")


def uv_compiled(folder: Path, index: str) -> App:
    folder.mkdir()
    (folder / "requirements.in").write_text("torch\n")
    clients.environment(folder)
    app = App(folder, folder / "requirements.txt", index)
    app.run("uv", "pip", "compile", "--generate-hashes", "requirements.in", "-o", "requirements.txt", "--quiet")
    app.run("python", "-m", "pip", "install", "-r", "requirements.txt")
    return app


def pip_compiled(folder: Path, index: str) -> App:
    folder.mkdir()
    (folder / "requirements.in").write_text("torch\n")
    clients.environment(folder)
    app = App(folder, folder / "requirements.txt", index)
    app.run("pip-compile", "--generate-hashes", "--output-file=requirements.txt", "--no-emit-index-url", "requirements.in")
    app.run("python", "-m", "pip", "install", "-r", "requirements.txt")
    return app


def pip_locked(folder: Path, index: str) -> App:
    folder.mkdir()
    clients.environment(folder)
    app = App(folder, folder / "pylock.toml", index)
    app.run(clients.PROGRAMS / "pip", "lock", "-o", "pylock.toml", "torch")
    app.run(clients.PROGRAMS / "pip", "--python", ".venv", "install", "-r", "pylock.toml")
    return app


MAKERS: Final[Mapping[str, Callable[[Path, str], App]]] = {
    "uv": uv,
    "uv export": uv_exported,
    "uv pip compile": uv_compiled,
    "pip-compile": pip_compiled,
    "poetry": poetry,
    "pdm": pdm,
    "pdm static": pdm_static,
    "pip lock": pip_locked,
}


def in_place(mirror: Path, wheels: list[Path]) -> None:
    assert fix_into_mirror(mirror, wheels, publishing=Publishing(replace=True))[1].ok


def under_a_build_tag(mirror: Path, wheels: list[Path]) -> None:
    naming, publishing = Naming(build_tag="1nogpu"), Publishing(yank_original="its requirements are corrected")
    assert fix_into_mirror(mirror, wheels, naming=naming, publishing=publishing)[1].ok


CORRECTIONS: Final = {"in place": in_place, "build tag": under_a_build_tag}


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "wheels"
    folder.mkdir()
    return [*write_torch(folder), *write_others(folder)]


@pytest.fixture
def served(wheels: list[Path], tmp_path: Path) -> Iterator[Server]:
    assert add_wheels(tmp_path / "mirror", wheels).ok
    with static(tmp_path / "mirror/public", negotiates=True) as server:
        yield server


def doctor(tmp_path: Path, app: App) -> Ran:
    return wheelfix("mirror", "affected", str(tmp_path / "mirror"), str(app.lock))


def printed_commands(ran: Ran) -> list[list[str]]:
    return [shlex.split(line) for line in ran.out.partition("help:")[2].splitlines()[1:] if not line.strip().startswith("#")]


def installs_anew(maker: str, app: App) -> bool:
    """Install what the lock names once more, from nothing; return whether that works."""
    if maker == "poetry":
        app.run("poetry", "cache", "clear", "mirror", "--all", "--no-interaction")
        app.run("poetry", "run", "python", "-m", "pip", "uninstall", "-y", "torch")
    elif maker.startswith("uv"):
        app.run("uv", "cache", "clean")
    elif maker.startswith("pdm"):
        app.run("pdm", "cache", "clear")
    install: Mapping[str, tuple[str | Path, ...]] = {
        "uv": ("uv", "sync", "--locked", "--reinstall"),
        "uv export": ("uv", "pip", "sync", "--reinstall", "pylock.toml"),
        "uv pip compile": ("python", "-m", "pip", "install", "--force-reinstall", "-r", "requirements.txt"),
        "pdm": ("pdm", "sync", "--reinstall"),
        "pdm static": ("pdm", "sync", "--reinstall"),
        "pip-compile": ("python", "-m", "pip", "install", "--force-reinstall", "-r", "requirements.txt"),
        "poetry": ("poetry", "sync"),
        "pip lock": (clients.PROGRAMS / "pip", "--python", ".venv", "install", "--force-reinstall", "-r", "pylock.toml"),
    }
    return app.attempt(*install[maker]) == ""


@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize("maker", MAKERS)
def test_the_printed_commands_move_the_project_over(
    maker: str, correction: str, wheels: list[Path], served: Server, tmp_path: Path
) -> None:
    app = MAKERS[maker](tmp_path / "app", served.index)
    before = app.lock.read_text()
    assert len(app.gpu()) == 8
    assert doctor(tmp_path, app).code == 0

    CORRECTIONS[correction](tmp_path / "mirror", [each for each in wheels if each.name.startswith("torch-")])
    ran = doctor(tmp_path, app)
    assert ran.code == 1, ran.err
    if correction == "in place":
        assert installs_anew(maker, app) is ("still installs the old files" in ran.out)
    commands = printed_commands(ran)
    if maker == "pip lock":  # the file does not say by which command it was made
        assert "# make pylock.toml again with the command that made it" in ran.out
        app.run(clients.PROGRAMS / "pip", "lock", "-o", "pylock.toml", "torch")
        commands = [[str(clients.PROGRAMS / "pip"), "--python", ".venv", *each[3:]] for each in commands]
    assert len(commands) >= 2, ran.out
    for command in commands:
        app.run(*command)

    assert app.gpu() == []
    assert app.lock.read_text() != before
    assert "nvidia" not in app.lock.read_text()
    ran = doctor(tmp_path, app)
    assert (ran.code, "0 of " in ran.out) == (0, True), ran.out


def test_each_client_still_writes_the_locks_that_are_read(served: Server, tmp_path: Path) -> None:
    """The files of ``tests/locks`` were made in this way: other versions of the clients may write other forms."""
    for name, make in LOCK_MAKERS.items():
        found = read_lock(make(tmp_path / name.replace(".", "-"), served.index))
        expected = read_lock(ROOT / "tests/locks" / name)
        assert (found.kind, found.warnings) == (expected.kind, ()), name
        assert {(each.project, each.version) for each in found.files} == {
            (each.project, each.version) for each in expected.files
        }, name
        assert [each.reason for each in found.skipped] == [each.reason for each in expected.skipped], name
