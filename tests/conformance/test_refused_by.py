"""Who refuses a wheel is measured: pip, uv, installer and a model of PyPI's check look at every flaw of an archive.

uv is asked twice: it reads a file from its directory, and a download from its first byte on.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from uv import find_uv_bin

from flaws import FLAWS, Flaw
from installers import READERS, refusal
from serving import Server, static
from wheelfix.checks.codes import CHECKS
from wheelfix.checks.inspection import inspect_wheel
from wheelfix.outcome import Severity

pytestmark = pytest.mark.slow

_OF_ARCHIVES = [flaw for flaw in FLAWS if flaw.code.startswith("archive-")]
_BY_NOBODY = {
    "archive-too-many-members": "wheelfix does not read them",
    "archive-too-large": "wheelfix does not read them",
    "archive-member-too-large": "wheelfix does not read it",
    "archive-too-many-folders": "wheelfix does not look at them all",
    "archive-duplicate-member": "in one form it is another file on systems that ignore case only",
    "archive-unsafe-name": "in one form it is another file on Windows only",
}
"""Errors that may name nobody, and why."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    folder = tmp_path_factory.mktemp("served")
    with static(folder) as server:
        yield server, folder


def _is_refused_as_download(path: Path, server: Server, folder: Path) -> bool:
    page = folder / "simple" / "demo"
    page.mkdir(parents=True, exist_ok=True)
    (page / path.name).write_bytes(path.read_bytes())
    (page / "index.html").write_text(f'<a href="{path.name}">{path.name}</a>')
    command = [find_uv_bin(), "pip", "install", "--quiet", "--no-cache", "--no-deps", "--no-config"]
    where = ["--default-index", server.index, "--python", sys.executable, "--target", str(path.parent / "target")]
    return subprocess.run([*command, *where, "demo"], capture_output=True, check=False).returncode != 0


@pytest.mark.parametrize("flaw", _OF_ARCHIVES, ids=lambda flaw: f"{flaw.code}: {flaw.name}")
def test_who_is_named_refuses(flaw: Flaw, tmp_path: Path, served: tuple[Server, Path]) -> None:
    [path] = flaw.write(tmp_path)
    found = [each for each in inspect_wheel(path).faults if each.code == flaw.code]
    named = {client for each in found for client in each.refused_by}
    refusing = {reader for reader in READERS if refusal(reader, path)}
    if _is_refused_as_download(path, *served):
        refusing.add("uv")
    assert named <= refusing
    if CHECKS[flaw.code].severity is Severity.ERROR:
        assert named or flaw.code in _BY_NOBODY
    else:
        assert not refusing
