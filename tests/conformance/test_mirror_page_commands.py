"""What the pages of a mirror offer to copy is run with the clients, as somebody would paste it."""

import re
import sys
import tomllib
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Final

import pytest

import clients
from building import write_wheel
from defects import metadata, valid
from serving import Server, static
from wheelfix.mirror.upload import add_wheels

pytestmark = pytest.mark.clients

_PROJECT: Final = '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11,<3.15"\ndependencies = []\n'
_COPIED: Final = re.compile(r'<code data-copy="(?:command|settings) for (\w+)">(.*?)</code>', re.DOTALL)


Copied = dict[str, str]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Copied, Copied]]:
    """What the buttons of both pages copy, by client: of a mirror on a server that knows HTML alone."""
    folder = tmp_path_factory.mktemp("commands")
    wheels = []
    for project, needs in (("demo", ["Requires-Dist: other"]), ("other", [])):
        head = ("Metadata-Version: 2.1", f"Name: {project}", "Version: 1.0", "Summary: A wheel for tests")
        text = metadata(*needs, head=head, rest=("Description-Content-Type: text/plain",))
        wheels.append(write_wheel(folder, valid(project=project, metadata=text)))
    assert add_wheels(folder / "mirror", wheels).ok
    simple = folder / "mirror/public/simple"
    with static(simple.parent) as server:
        yield _copied(simple / "index.html", server), _copied(simple / "demo/index.html", server)


@pytest.fixture
def settings(pages: tuple[Copied, Copied]) -> Copied:
    return pages[0]


@pytest.fixture
def commands(pages: tuple[Copied, Copied]) -> Copied:
    return pages[1]


def _copied(page: Path, server: Server) -> Copied:
    """Return what is copied from ``page``, with the URL that it was opened under."""
    filled = re.sub(r'<span data-http="([^"]*)"></span>', r"\1", page.read_text()).replace("HOST", "127.0.0.1")
    texts = {client: unescape(re.sub(r"<[^>]+>", "", text)) for client, text in _COPIED.findall(filled)}
    assert "--trusted-host 127.0.0.1" in texts["pip"] or "trusted-host = 127.0.0.1" in texts["pip"]
    assert "verify_ssl" in texts["PDM"]
    assert set(texts) == {"pip", "uv", "Poetry", "PDM"}
    return {client: text.replace("https://MIRROR/simple/", server.index) for client, text in texts.items()}


def typed(command: str, cwd: Path, more: str = "", **variables: str) -> None:
    """Let a shell run ``command`` in a project, with ``more`` in its pyproject.toml."""
    (cwd / "pyproject.toml").write_text(_PROJECT + more)
    (cwd / ".pdm-python").write_text(sys.executable)
    path = f"{Path(sys.executable).parent}:{clients.PROGRAMS}:/usr/bin:/bin"
    clients.run("sh", "-c", command, cwd=cwd, PATH=path, UV_NO_CONFIG="0", **variables)


def locked(cwd: Path, name: str) -> dict[str, str]:
    found = {each["name"]: each["version"] for each in tomllib.loads((cwd / name).read_text())["package"]}
    return {name: version for name, version in found.items() if name != "app"}


def installed(cwd: Path) -> dict[str, str]:
    names = (path.name.removesuffix(".dist-info").partition("-") for path in (cwd / "there").glob("*.dist-info"))
    return {name: version for name, _, version in names}


BOTH: Final = {"demo": "1.0", "other": "1.0"}


def test_pip(commands: Copied, tmp_path: Path) -> None:
    typed(f"python -m {commands['pip']} --target there", tmp_path)
    assert installed(tmp_path) == BOTH


def test_uv(commands: Copied, tmp_path: Path) -> None:
    typed(commands["uv"], tmp_path)
    assert locked(tmp_path, "uv.lock") == BOTH


def test_poetry(commands: Copied, tmp_path: Path) -> None:
    typed(f"{commands['Poetry']} --lock", tmp_path)
    assert locked(tmp_path, "poetry.lock") == BOTH


def test_pdm(commands: Copied, tmp_path: Path) -> None:
    typed(f"{commands['PDM']} --no-sync", tmp_path)
    assert locked(tmp_path, "pdm.lock") == BOTH


def test_settings_of_pip(settings: Copied, tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text(settings["pip"])
    typed("python -m pip install demo --target there", tmp_path, PIP_CONFIG_FILE=str(tmp_path / "pip.conf"))
    assert installed(tmp_path) == BOTH


@pytest.mark.parametrize(
    ("client", "command", "lock"),
    [
        ("uv", "uv add demo", "uv.lock"),
        ("Poetry", "poetry add demo --lock", "poetry.lock"),
        ("PDM", "pdm add demo --no-sync", "pdm.lock"),
    ],
    ids=["uv", "poetry", "pdm"],
)
def test_settings_of_projects(client: str, command: str, lock: str, settings: Copied, tmp_path: Path) -> None:
    typed(command, tmp_path, settings[client])
    assert locked(tmp_path, lock) == BOTH
