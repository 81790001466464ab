"""Who refuses a wheel is measured: pip, uv, installer and a model of PyPI's check look at every defect.

Of archives uv is asked twice: it reads a file from its directory, and a download from its first byte on.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from uv import find_uv_bin

from building import Entry, write_wheel
from defects import DEFECTS, Defect, valid
from installers import READERS, refusal
from serving import Server, static
from warehouse import metadata_complaints
from wheelfix.results import Severity
from wheelfix.verify.registry import CHECKS
from wheelfix.verify.run import check_wheel

pytestmark = [pytest.mark.slow, pytest.mark.parts]

_OF_ARCHIVES = [defect for defect in DEFECTS if defect.code.startswith("archive-")]
_OF_CONTENTS = [defect for defect in DEFECTS if defect not in _OF_ARCHIVES and not (defect.missing or defect.beside)]
_OF_DRAFTS = ("filename-variant", "variant-unreadable", "variant-differs")
"""pip and PyPI refuse each variant wheel for its file name; that is a warning, as the draft counts on it."""
_NOT_IN_THE_MODEL = {"Description: Another": "twine refuses it", f"Project-URL: {'x' * 33}, y": "a limit of the database"}
_BY_NOBODY = {
    "archive-too-many-entries": "wheelfix does not read them",
    "archive-too-large": "wheelfix does not read them",
    "archive-entry-too-large": "wheelfix does not read it",
    "archive-too-many-directories": "wheelfix does not look at them all",
    "archive-duplicate-entry": "in one form it is another file on systems that ignore case only",
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


@pytest.mark.parametrize("defect", _OF_ARCHIVES, ids=lambda defect: f"{defect.code}: {defect.name}")
def test_who_is_named_refuses(defect: Defect, tmp_path: Path, served: tuple[Server, Path]) -> None:
    [path] = defect.write(tmp_path)
    found = [each for each in check_wheel(path).findings if each.code == defect.code]
    named = {client for each in found for client in each.refused_by}
    refusing = {reader for reader in READERS if refusal(reader, path)}
    if _is_refused_as_download(path, *served):
        refusing.add("uv")
    assert named <= refusing
    if CHECKS[defect.code].severity is Severity.ERROR:
        assert named or defect.code in _BY_NOBODY
    else:
        assert not refusing


@pytest.mark.parametrize("reader", ["pip", "installer"])
def test_who_is_named_refuses_a_deep_path(reader: str, tmp_path: Path) -> None:
    """No defect, for what uv would install is too deep to be removed by Python 3.11."""
    path = write_wheel(tmp_path, valid(files=(*valid().files, Entry("d/" * 1_000 + "x.py", b""))))
    [finding] = check_wheel(path).findings
    assert (finding.code, finding.refused_by) == ("archive-unsafe-name", ("pip", "installer"))
    assert "recursion" in refusal(reader, path)


@pytest.mark.parametrize("defect", _OF_CONTENTS, ids=lambda defect: f"{defect.code}: {defect.name[:40]}")
def test_all_who_refuse_are_named(defect: Defect, tmp_path: Path) -> None:
    """A mirror takes what PyPI alone refuses, so that nobody may be missing, either."""
    if defect.code in (*_OF_DRAFTS, "record-too-many-rows") or defect.name in _NOT_IN_THE_MODEL:
        pytest.skip("it is refused, or looked at, by other rules")
    [path] = defect.write(tmp_path)
    named = {client for each in check_wheel(path).findings for client in each.refused_by}
    refusing = {reader for reader in READERS if refusal(reader, path)}
    if "PyPI" not in refusing and metadata_complaints(path):
        refusing.add("PyPI")
    assert named == refusing
