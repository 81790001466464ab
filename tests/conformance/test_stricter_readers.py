"""The real uv, and what pip reads with, say of a requirement what ``verify`` says that they say."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import Requirement

from building import write_wheel
from defects import metadata, valid
from stricter import ACCEPTED, MARKERS_REFUSED_BY_BOTH, NO_URLS, REFUSED_BY_BOTH, REFUSED_BY_PIP, REFUSED_BY_UV


def _some(texts: Sequence[str]) -> list[object]:
    """Return the parameters of a test: one text in four is asked by default, and all by the slow tests."""
    return [pytest.param(text, marks=pytest.mark.slow if number % 4 else ()) for number, text in enumerate(texts)]


def _is_read_by_uv(text: str, folder: Path) -> bool:
    path = write_wheel(folder, valid(metadata=metadata(f"Requires-Dist: {text}", "Provides-Extra: x", rest=[])))
    uv = Path(sys.executable).with_name("uv")
    options = ["--no-deps", "--dry-run", "--offline", "--no-config", "--python", sys.executable]
    command = [uv, "pip", "install", *options, "--cache-dir", folder / "cache", "--target", folder / "to", path]
    run = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert run.returncode == 0 or "demo" in run.stderr
    return run.returncode == 0


def _is_read_by_pip(text: str) -> bool:
    """Whether pip could evaluate it: it reads requirements with ``packaging``, of which it has a copy."""
    try:
        requirement = Requirement(text)
        if requirement.marker:
            requirement.marker.evaluate({"extra": "", "platform_release": "6.8.0-45-generic"})
    except (ValueError, UndefinedEnvironmentName):  # InvalidRequirement and UndefinedComparison are of the first
        return False
    return True


def _is_downloaded_by_pip(text: str, folder: Path) -> bool:
    """Whether pip would download what the requirement refers to: what is no URL ends it before that."""
    text = text.replace("/x.whl", "/foo-1.0-py3-none-any.whl")  # pip looks at the name first
    (folder / "pip").mkdir()
    path = write_wheel(folder / "pip", valid(metadata=metadata(f"Requires-Dist: {text}", rest=[])))
    options = ["--dry-run", "--no-index", "--retries", "0", "--no-cache-dir", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "--isolated", "install", *options, "--target", folder / "to", path]
    run = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    said = (
        "No scheme supplied", "wrong number of parts", "mix absolute and relative", "No connection adapters",
        "Invalid IPv6 URL", "is not installable", "under NFKC", "You can only turn file", "non-local file URIs",
        "No host supplied", "Failed to parse",
    )  # fmt: skip
    return not any(each in run.stderr for each in said)


@pytest.mark.parametrize("text", _some(REFUSED_BY_UV))
def test_refused_by_uv_alone(text: str, tmp_path: Path) -> None:
    assert not _is_read_by_uv(text, tmp_path)
    assert _is_read_by_pip(text)


@pytest.mark.parametrize("text", _some(REFUSED_BY_BOTH))
def test_refused_by_both(text: str, tmp_path: Path) -> None:
    assert not _is_read_by_uv(text, tmp_path)
    assert not _is_downloaded_by_pip(text, tmp_path)


@pytest.mark.parametrize("text", _some(MARKERS_REFUSED_BY_BOTH))
def test_marker_refused_by_both(text: str, tmp_path: Path) -> None:
    assert not _is_read_by_uv(text, tmp_path)
    assert not _is_read_by_pip(text)


@pytest.mark.parametrize("text", _some(NO_URLS))
def test_refused_by_pip_for_its_url(text: str, tmp_path: Path) -> None:
    assert _is_read_by_uv(text, tmp_path)
    assert not _is_downloaded_by_pip(text, tmp_path)


@pytest.mark.parametrize("text", _some(REFUSED_BY_PIP))
def test_refused_by_pip_alone(text: str, tmp_path: Path) -> None:
    assert _is_read_by_uv(text, tmp_path)
    assert not _is_read_by_pip(text)


@pytest.mark.parametrize("text", _some(ACCEPTED))
def test_accepted_by_both(text: str, tmp_path: Path) -> None:
    assert _is_read_by_uv(text, tmp_path)
    assert _is_read_by_pip(text)
