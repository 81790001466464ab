"""The corrected sample wheels, read by tools that we did not write.

Where a tool refuses the wheel that went in, it may refuse the one that came out: findings before and after are compared.
"""

import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from installer.sources import WheelFile
from packaging.metadata import parse_email

import tools
from places import SAMPLES
from wheelfix.fix.batch import fix_wheels
from wheelfix.options import Output, Policy
from wheelfix.results import Status
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.metadata import Document

NEEDS_UNZIP = pytest.mark.skipif(shutil.which("unzip") is None, reason="unzip is not installed")
PLAIN = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_", "TWINE_"))}
each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name.split("-cp")[0].split("-py3")[0])


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with all sample wheels fixed."""
    folder = tmp_path_factory.mktemp("fixed")
    report = fix_wheels(SAMPLES, output=folder, policy=Policy(force=True))
    assert report.ok
    assert report.count(Status.FIXED) >= 5
    assert report.count(Status.UNCHANGED) >= 1
    return folder


def run(*command: object) -> str:
    """Run a tool without settings of its own; return what it complained about, empty if it was content."""
    ran = tools.run(*command, env=PLAIN)
    return ran.stdout + ran.stderr if ran.returncode else ""


def metadata(path: Path) -> bytes:
    """Return METADATA as ``zipfile`` reads it."""
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.count("/") == 1 and name.endswith(".dist-info/METADATA"))
        return archive.read(name)


def assert_content(tool: Callable[[Path], str], sample: Path, fixed: Path) -> None:
    """Check that ``tool`` takes the corrected wheel, or refuses it like the sample."""
    complaint = tool(fixed / sample.name)
    assert not complaint or tool(sample), complaint


def test_there_are_samples() -> None:
    assert len(SAMPLES) >= 8


@each_sample
def test_zipfile(sample: Path, fixed: Path) -> None:
    with zipfile.ZipFile(fixed / sample.name) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
    assert len(names) == len(set(names))


@NEEDS_UNZIP
@each_sample
def test_unzip(sample: Path, fixed: Path) -> None:
    assert run("unzip", "-t", fixed / sample.name) == ""


@each_sample
def test_wheel_unpack(sample: Path, fixed: Path, tmp_path: Path) -> None:
    assert_content(lambda path: run(sys.executable, "-m", "wheel", "unpack", "-d", tmp_path, path), sample, fixed)


@each_sample
def test_installer(sample: Path, fixed: Path) -> None:
    """Pitfall 17 and Pitfall 19: RECORD holds every entry, with its hash."""

    @cache
    def complaint(path: Path) -> str:
        with WheelFile.open(path) as opened:
            try:
                opened.validate_record()
            except (WheelFile.validation_error, UnicodeDecodeError) as error:
                return str(error)
        return ""

    assert_content(complaint, sample, fixed)


@each_sample
def test_packaging(sample: Path, fixed: Path) -> None:
    """Pitfall 11 and Pitfall 12: nothing but the requirements differs, findings included."""
    before, after = (parse_email(metadata(folder / sample.name)) for folder in (sample.parent, fixed))
    assert before[1] == after[1]
    gone = set(before[0].pop("requires_dist", [])) - set(after[0].pop("requires_dist", []))
    assert before[0] == after[0]
    [outcome] = fix_wheels([sample], output=Output(dry_run=True), policy=Policy(force=True)).outcomes
    squeezed = {" ".join((change.before or "").split()) for change in outcome.changes}
    assert {" ".join(each.split()) for each in gone} == squeezed
    assert Document.parse(metadata(fixed / sample.name)).data == metadata(fixed / sample.name)


def pip_install(path: Path, target: Path, *options: object) -> str:
    """Install for the machine that the wheel is for, without an index."""
    name = WheelFilename.parse(path.name)
    number = name.python.split(".")[-1].removeprefix("cp").removeprefix("py")
    python = f"{number[0]}.{number[1:] or sys.version_info.minor}"
    platforms = [f"--platform={each}" for each in name.platform.split(".") if each != "any"]
    return run(
        sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "install", "--no-index", "--no-compile",
        "--target", target, "--only-binary", ":all:", "--python-version", python, *platforms, *options, path,
    )  # fmt: skip


@each_sample
def test_pip_install(sample: Path, fixed: Path, tmp_path: Path) -> None:
    counter = iter(range(2))
    assert_content(lambda path: pip_install(path, tmp_path / str(next(counter)), "--no-deps"), sample, fixed)
    for installed in tmp_path.glob("0/*.dist-info/METADATA"):
        assert installed.read_bytes() == metadata(fixed / sample.name)


def test_a_wheel_that_needed_a_gpu_installs_without_an_index(fixed: Path, tmp_path: Path) -> None:
    """The whole point: what could not be installed before can be after."""
    [sample] = [path for path in SAMPLES if path.name.startswith("demo_gpu_leak-")]
    assert "No matching distribution" in pip_install(sample, tmp_path / "before")
    assert pip_install(fixed / sample.name, tmp_path / "after") == ""


@each_sample
def test_uv(sample: Path, fixed: Path, tmp_path: Path) -> None:
    name = WheelFilename.parse(sample.name)
    python = f"3.{name.python.removeprefix('cp3')}" if name.python.startswith("cp3") else "3.12"
    machines = {"macosx": "aarch64-apple-darwin", "aarch64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
    platform = next((value for key, value in machines.items() if key in name.platform), "x86_64-manylinux_2_28")

    def dry_run(path: Path) -> str:
        return run(
            sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--no-deps", "--offline", "--no-config", "--no-cache",
            "--target", tmp_path, "--python", sys.executable, "--python-version", python, "--python-platform", platform,
            path,
        )  # fmt: skip

    assert_content(dry_run, sample, fixed)


def test_twine(fixed: Path) -> None:
    """Pitfall 11: what twine says of each wheel is what it said before."""
    complaints = [run(sys.executable, "-m", "twine", "--no-color", "check", *(folder / path.name for path in SAMPLES))
                  for folder in (SAMPLES[0].parent, fixed)]  # fmt: skip
    before, after = ("".join(text.replace(str(folder), "").split()) for text, folder in
                     zip(complaints, (SAMPLES[0].parent, fixed), strict=True))  # fmt: skip
    assert after == before
