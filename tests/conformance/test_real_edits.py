"""Files removed from real wheels, and real wheels renamed: they install with pip and uv, and import."""

import csv
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import clients
import wheelfix
from wheelfix import Severity, Status

pytestmark = pytest.mark.real

MODULES = {
    "six==1.17.0": "six", "attrs==25.4.0": "attr", "click==8.3.1": "click", "packaging==25.0": "packaging",
    "python-dateutil==2.9.0.post0": "dateutil", "zope.interface==8.1": "zope.interface", "numpy==2.3.5": "numpy",
    "pyyaml==6.0.3": "yaml", "markupsafe==3.0.3": "markupsafe", "networkx==3.6": "networkx",
}  # fmt: skip
"""Ten wheels, and what each is imported as: pure ones and others, names with dots and dashes, tests inside of packages."""
EDITS = (
    wheelfix.RemoveFiles(("**/tests/**/*.py", "**/tests/*.py", "*.pyc", "*.pyi")),
    wheelfix.SetPost("1"),
    wheelfix.SetLocal("own"),
)


@pytest.fixture(scope="module", params=MODULES, ids=lambda requirement: requirement.partition("==")[0])
def requirement(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(scope="module")
def wheel(requirement: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel for this very Python and machine."""
    given = os.environ.get("TEST_REAL_WHEELS")
    folder = (Path(given) if given else tmp_path_factory.mktemp("real")) / f"{requirement}-{sys.version_info.minor}"
    if not folder.exists():
        program = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*program, "--dest", folder, requirement], check=True)
    [path] = folder.glob("*.whl")
    return path


def python(there: Path, code: str) -> str:
    """Run ``code`` with the packages in ``there``, and no others than the standard library."""
    command = [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {str(there)!r}); {code}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def confirm_contents(old: Path, new: Path) -> None:
    """Confirm that only modules are gone, that all other files have their bytes, and that RECORD lists each."""
    with zipfile.ZipFile(old) as one, zipfile.ZipFile(new) as two:
        names, own = {*two.namelist()}, (".dist-info", ".data")
        kept = [each for each in one.namelist() if not each.partition("/")[0].endswith(own)]
        assert all(one.read(each) == two.read(each) for each in kept if each in names)
        assert all(each.endswith((".py", ".pyc", ".pyi", "/")) for each in kept if each not in names)
        [record] = [each for each in names if each.endswith(".dist-info/RECORD") and each.count("/") == 1]
        rows = {row[0] for row in csv.reader(io.StringIO(two.read(record).decode()))}
        assert rows == {each for each in names if not each.endswith("/")}


def errors_in(path: Path) -> set[str]:
    return {each.code for each in wheelfix.verify_wheels(path).wheels[0].findings if each.severity is Severity.ERROR}


def test_edited_installed_and_imported(wheel: Path, requirement: str, tmp_path: Path) -> None:
    name, _, version = requirement.partition("==")
    edits, policy = (*EDITS, wheelfix.SetName(f"acme-{name}")), wheelfix.Policy(force=True)
    [outcome] = wheelfix.fix_wheels(wheel, None, edits=edits, output=tmp_path / "out", policy=policy).outcomes
    assert outcome.status is Status.FIXED, outcome.problem
    assert outcome.output is not None
    confirm_contents(wheel, outcome.output)
    assert errors_in(outcome.output) <= errors_in(wheel)
    again = wheelfix.fix_wheels(outcome.output, None, edits=edits, output=tmp_path / "again", policy=policy)
    assert again.outcomes[0].status is Status.UNCHANGED
    for client, program in {"pip": (sys.executable, "-m", "pip", "install"), "uv": (*clients.UV, "pip", "install")}.items():
        there = tmp_path / client
        clients.run(*program, "--no-deps", "--no-index", "--target", there, outcome.output, cwd=tmp_path)
        code = f"import {MODULES[requirement]}, importlib.metadata as m; print(m.version('acme-{name}'))"
        assert python(there, code).strip() == f"{version.partition('.post')[0]}.post1+own"
