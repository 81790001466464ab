"""The wheel that ``make dist`` builds is what wheelfix asks of others, and anybody can build it again."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.metadata import parse_email
from packaging.requirements import Requirement

import wheelfix
from places import ROOT
from wheelfix.version import HOME_PAGE, __version__

BUILD = ("-m", "build", "--no-isolation", "--outdir")
BILL = "sboms/wheelfix-requirements.cdx.json"
NOT_OURS = (".git", ".venv*", ".azurite", "node_modules", "__pycache__", ".*_cache", "dist", "build", "fixed", "_build")


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with what this checkout builds: the sdist, and the wheel made from it."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, *BUILD, folder, ROOT], check=True, timeout=600, capture_output=True, env=plain())
    return folder


def plain(**variables: str) -> dict[str, str]:
    """Return the environment as ``make dist`` gives it to the build, with other variables."""
    return {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"} | variables


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    [path] = built.glob("*.whl")
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
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert "wheelfix verify --strict dist/*.whl" in makefile
    assert "env -u SOURCE_DATE_EPOCH $(BIN)/python -m build --no-isolation\n" in makefile


def other_python() -> str:
    """Return the newest other Python from 3.11 on, of PATH or pyenv, as CI looks for one; this one if there is none."""
    home = os.environ.get("PYENV_ROOT", f"{Path.home()}/.pyenv")
    paths: list[str | Path | None] = [shutil.which(f"python3.{minor}") for minor in range(11, 20)]
    paths += Path(home).glob("versions/3.*/bin/python3")
    found = {sys.version_info[:2]: sys.executable}
    for path in [each for each in paths if each]:
        code = "import sys; print(*sys.version_info[:2], sys.executable)"
        ran = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
        if ran.returncode == 0:  # a shim of pyenv fails where that version is not switched on
            major, minor, program = ran.stdout.split(maxsplit=2)
            found[int(major), int(minor)] = program.strip()
    own = sys.version_info[:2]
    return found[max((each for each in found if each >= (3, 11) and each != own), default=own)]


@pytest.mark.slow
def test_anybody_builds_the_same_bytes(built: Path, tmp_path: Path) -> None:
    """In another directory, with another umask, times, time zone, locale, order of files and, where there is one, Python."""
    place = tmp_path / "a directory with a longer name" / "wheelfix"
    shutil.copytree(ROOT, place, ignore=shutil.ignore_patterns(*NOT_OURS))
    for path in sorted(place.rglob("*"), reverse=True):
        path.chmod(path.stat().st_mode & 0o700)
        if path.is_file():  # written anew, the last one first: this is how a directory comes to list them
            path.rename(other := path.with_name(f"{path.name}.new"))
            shutil.copy(other, path)
            other.unlink()
            os.utime(path, (86_400, 86_400))
    tools = os.pathsep.join(each for each in sys.path if each.endswith("site-packages"))
    given = plain(PYTHONPATH=tools, PYTHONHASHSEED="7", TZ="Asia/Kathmandu", LC_ALL="tr_TR.UTF-8", LANG="tr_TR.UTF-8")
    command: list[str | Path] = ["sh", "-c", 'umask 077; exec "$@"', "sh", other_python(), *BUILD, tmp_path / "dist", "."]
    subprocess.run(command, cwd=place, check=True, timeout=600, capture_output=True, env=given)
    assert sums(tmp_path / "dist") == sums(built)
    assert sorted(sums(built)) == [f"wheelfix-{__version__}-py3-none-any.whl", f"wheelfix-{__version__}.tar.gz"]


def sums(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.mark.slow
def test_own_wheel_lists_what_it_requires(wheel: Path) -> None:
    """The bill of materials is valid, names each requirement of METADATA once, and nothing that differs from day to day."""
    with zipfile.ZipFile(wheel) as archive:
        folder = f"wheelfix-{__version__}.dist-info"
        text, data = archive.read(f"{folder}/{BILL}").decode(), archive.read(f"{folder}/METADATA")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    assert bill.keys().isdisjoint({"serialNumber"})
    assert bill["metadata"].keys() == {"component"}
    assert bill["metadata"]["component"]["purl"] == f"pkg:pypi/wheelfix@{__version__}"
    requires = [*map(Requirement, parse_email(data)[0]["requires_dist"])]
    scopes = {each["name"]: each["scope"] for each in bill["components"]}
    assert scopes.keys() == {each.name for each in requires}
    always = {each.name for each in requires if "extra ==" not in str(each.marker)}
    assert {name for name, scope in scopes.items() if scope == "required"} == always
    assert sum(len(each["properties"]) for each in bill["components"]) == len(requires)


@pytest.mark.slow
def test_own_wheel_is_no_corrected_one(wheel: Path, tmp_path: Path) -> None:
    """Its bill of materials is not taken for provenance; if somebody corrects the wheel, both are in it."""
    with wheelfix.Wheel(wheel) as opened:
        assert opened.provenance is None
    edits = [wheelfix.DropRequirement("click")]
    [outcome] = wheelfix.fix_wheels(wheel, None, edits=edits, output=tmp_path, policy=wheelfix.Policy(force=True)).outcomes
    assert outcome.output is not None, outcome.problem
    with wheelfix.Wheel(outcome.output) as opened:
        assert opened.provenance is not None
        assert opened.provenance.ancestors[0].filename == wheel.name
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(outcome.output) as two:
        [name] = [each for each in one.namelist() if each.endswith(BILL)]
        assert one.read(name) == two.read(name)


def test_urls_and_classifiers_are_in_order(project: dict[str, Any]) -> None:
    assert all(url.startswith(HOME_PAGE) for url in project["urls"].values())
    assert {"Homepage", "Documentation", "Issues", "Changelog"} == project["urls"].keys()
    assert project["classifiers"] == sorted(project["classifiers"])
    assert len(project["classifiers"]) == len(set(project["classifiers"]))
