"""What verify, repair and diff make of real wheels: run with ``pytest -m real``, as test_real_wheels.py says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import wheelfix
from downloading import downloaded
from wheelfix import Likeness, Severity, Status

pytestmark = pytest.mark.real

VALID = [
    ("torch==2.7.0", "3.11", "manylinux_2_28_aarch64"),
    ("scipy==1.13.1", "3.11", "manylinux2014_x86_64"),
    ("numpy==1.26.4", "3.11", "manylinux2014_x86_64"),
    ("xgboost==3.2.0", "3.11", "manylinux_2_28_x86_64"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that holds the downloads."""
    given = os.environ.get("TEST_REAL_WHEELS")
    found = Path(given) / "judged" if given else tmp_path_factory.mktemp("checked")
    found.mkdir(parents=True, exist_ok=True)
    return found


@pytest.fixture(scope="module")
def torch(folder: Path) -> Path:
    return downloaded(*VALID[0], folder)


@pytest.mark.parametrize(("requirement", "python", "platform"), VALID)
def test_a_real_wheel_has_no_error(requirement: str, python: str, platform: str, folder: Path) -> None:
    audit = wheelfix.verify_wheels(downloaded(requirement, python, platform, folder))
    assert audit.passes(), [each for each in audit.wheels[0].findings if each.severity is Severity.ERROR]


def test_gmsh_has_hashes_that_no_tool_compares(folder: Path, tmp_path: Path) -> None:
    """Its RECORD holds hexadecimal sums, so that METADATA does not match its row; the sums themselves are right."""
    path = downloaded("gmsh==4.15.2", "3.11", "manylinux_2_24_x86_64", folder)
    findings = wheelfix.verify_wheels(path).wheels[0].findings
    assert {finding.code for finding in findings} == {"record-hex-hash"}
    assert any("gmsh-4.15.2.dist-info/METADATA" in finding.place for finding in findings)
    [outcome] = wheelfix.repair_wheels(path, output=tmp_path).outcomes
    assert outcome.output is not None
    assert wheelfix.verify_wheels(outcome.output).wheels[0].findings == ()


def test_a_fixed_wheel_differs_in_metadata_only(torch: Path, tmp_path: Path) -> None:
    [outcome] = wheelfix.fix_wheels([torch], output=tmp_path).outcomes
    assert outcome.output is not None
    difference = wheelfix.compare_wheels(torch, outcome.output)
    assert difference.verdict is Likeness.METADATA_ONLY
    names = {name.rpartition("/")[2] for each in difference.files for name in (each.before, each.after) if name}
    assert names == {"METADATA", "RECORD", "wheelfix.cdx.json"}


def test_a_repacked_wheel_has_the_same_content(torch: Path, tmp_path: Path) -> None:
    for command in (["unpack", "--dest", str(tmp_path), str(torch)], ["pack", "--dest", str(tmp_path), ""]):
        if command[-1] == "":
            command[-1] = str(next(path for path in tmp_path.iterdir() if path.is_dir()))
        subprocess.run([sys.executable, "-m", "wheel", *command], check=True, capture_output=True)
    [repacked] = tmp_path.glob("*.whl")
    assert wheelfix.compare_wheels(torch, repacked).verdict is Likeness.REPACKED


def test_license_file_of_torch_is_a_note_and_stays(torch: Path, tmp_path: Path) -> None:
    """Its METADATA has License-File under Metadata-Version 2.2, as 14 % of wheels have, and the file not in licenses/."""
    [inspection] = wheelfix.verify_wheels(torch).wheels
    assert [each.severity for each in inspection.findings if each.place == "License-File"] == ["note"]
    [outcome] = wheelfix.repair_wheels(torch, output=tmp_path).outcomes
    assert outcome.status is Status.UNCHANGED
