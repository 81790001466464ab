"""The wheel that ``make dist`` builds is what wheelfix asks of others."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

import wheelfix
from places import ROOT
from wheelfix.version import HOME_PAGE


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this project; its build backend is downloaded."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, timeout=600)
    [path] = folder.glob("*.whl")
    return path


@pytest.mark.slow
def test_own_wheel_has_no_findings(wheel: Path) -> None:
    report = wheelfix.verify_wheels(wheel)
    assert [each.findings for each in report.wheels] == [()]
    assert report.passes(strict=True)


@pytest.mark.slow
def test_own_wheel_is_typed_and_says_where_the_project_lives(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert "wheelfix/py.typed" in archive.namelist()
        [metadata] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        text = archive.read(metadata).decode()
    assert f"Project-URL: Issues, {HOME_PAGE}/issues\n" in text
    assert "Classifier: Typing :: Typed\n" in text


@pytest.mark.slow
def test_own_wheel_has_the_styles_and_scripts_of_its_pages(wheel: Path) -> None:
    source = ROOT / "src"
    wanted = {str(path.relative_to(source)) for ending in ("css", "js") for path in source.rglob(f"*.{ending}")}
    with zipfile.ZipFile(wheel) as archive:
        assert len(wanted) >= 2
        assert wanted <= set(archive.namelist())


def test_make_dist_verifies_what_it_builds() -> None:
    assert "wheelfix verify --strict dist/*.whl" in (ROOT / "Makefile").read_text("utf-8")


def test_urls_and_classifiers_are_in_order(project: dict[str, Any]) -> None:
    assert all(url.startswith(HOME_PAGE) for url in project["urls"].values())
    assert {"Homepage", "Documentation", "Issues", "Changelog"} == project["urls"].keys()
    assert project["classifiers"] == sorted(project["classifiers"])
    assert len(project["classifiers"]) == len(set(project["classifiers"]))
