"""A release of which one wheel is a CPU build and the other a CUDA build: torch 2.7.0 of the samples.

Applied under a version of its own, the CPU build is what installers and resolvers choose for its platform, and the CUDA
build stays what they choose for theirs.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement

import tools
from building import Entry, WheelSpec, write_wheel
from places import ROOT
from running import wheelfix
from wheelfix.wheel.wheel import Wheel

SAMPLES = ROOT / "sample_wheels"
CPU = SAMPLES / "torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl"
CUDA = SAMPLES / "torch-2.7.0-cp311-cp311-manylinux_2_28_x86_64.whl"
NEXT_STEP: Final = (
    "Copy GPU builds unchanged, and give the fixed wheels a release of their own: --skip-gpu-builds --local cpu."
)
"""What gets on: the CUDA build cannot be fixed, so that fixing all of them is no way."""
LABELLED = "torch-2.7.0+cpu-cp311-cp311-manylinux_2_28_aarch64.whl"
PLAIN = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_"))}
PLAIN["PIP_CONFIG_FILE"] = os.devnull  # --isolated leaves what is configured for all users of a machine: constraints, say
MACHINES = ("aarch64", "x86_64")
OTHERS = {"filelock", "typing-extensions", "sympy", "networkx", "jinja2", "fsspec"}
FOR_PIP = OTHERS | ({"setuptools"} if sys.version_info >= (3, 12) else set())
"""What pip chooses beside torch: it judges markers by the Python that it runs on, not by --python-version."""
PIP_READS_MARKERS_AS_X86_64 = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="pip judges markers by the machine that it runs on, whatever --platform says",
)


def requirements(path: Path) -> list[Requirement]:
    with Wheel(path) as wheel:
        found = [Requirement(each.value.strip()) for each in wheel.document.all("Requires-Dist")]
    return [each for each in found if "extra" not in str(each.marker)]


GPU = {each.name for each in requirements(CUDA) if each.name.startswith("nvidia-") or each.name == "triton"}


def write_stub(folder: Path, requirement: Requirement) -> None:
    """Write a wheel of the version that the requirement asks for."""
    version = next((each.version for each in requirement.specifier), "1.0")
    module = requirement.name.replace("-", "_")
    write_wheel(folder, WheelSpec(requirement.name, version, requires=(), files=(Entry(f"{module}/__init__.py", b""),)))


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CPU build as the command line corrects it, under a version of its own."""
    folder = tmp_path_factory.mktemp("corrected")
    ran = wheelfix("strip-gpu", "--local", "cpu", "-o", folder, CPU)
    assert (ran.code, ran.lines) == (0, [str(folder / LABELLED)]), ran.err
    return folder / LABELLED


@pytest.fixture(scope="module")
def links(corrected: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for --find-links: the fixed CPU build, the CUDA build as it came, and all that they require."""
    folder = tmp_path_factory.mktemp("links")
    for requirement in requirements(CUDA):
        write_stub(folder, requirement)
    for path in (corrected, CUDA):
        shutil.copy(path, folder)
    return folder


def call(*command: object) -> subprocess.CompletedProcess[str]:
    return tools.run(*command, env=PLAIN)


def pip_choice(links: Path, machine: str, requirement: str, tmp_path: Path) -> dict[str, tuple[str, str]]:
    """Return version and file name of each project that pip would install for ``machine``."""
    report = tmp_path / "report.json"
    ran = call(
        sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "install", "--dry-run",
        "--ignore-installed", "--report", report, "--no-index", "--find-links", links,
        "--target", tmp_path / "target", "--only-binary", ":all:",
        "--platform", f"manylinux_2_28_{machine}", "--python-version", "3.11", "--implementation", "cp", requirement,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found: list[dict[str, Any]] = json.loads(report.read_text("utf-8"))["install"]
    return {
        each["metadata"]["name"]: (each["metadata"]["version"], each["download_info"]["url"].rpartition("/")[2])
        for each in found
    }


def uv_choice(links: Path, machine: str, requirement: str, tmp_path: Path) -> dict[str, str]:
    """Return the version of each project that uv would lock for ``machine``."""
    asked = tmp_path / "requirements.in"
    asked.write_text(f"{requirement}\n")
    ran = call(
        sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--offline", "--no-config",
        "--no-cache", "--no-index", "--find-links", links, "--python", sys.executable, "--python-version", "3.11",
        "--python-platform", f"{machine}-manylinux_2_28", asked,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return dict(re.findall(r"(?m)^([\w.-]+)==(\S+)", ran.stdout))


# What wheelfix does with the two.


def files_in(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_the_samples_are_a_cpu_and_a_cuda_build_of_one_release() -> None:
    assert len(GPU) == 15
    assert requirements(CPU) == requirements(CUDA)


@pytest.mark.parametrize("order", [(CPU, CUDA), (CUDA, CPU)], ids=["CPU first", "CUDA first"])
@pytest.mark.parametrize("options", [[], ["-j", "2"], ["--overwrite"], ["--build-tag", "1nogpu"]], ids=" ".join)
def test_both_are_refused(options: list[str], order: tuple[Path, Path], tmp_path: Path) -> None:
    """One for what it needs, the other for its release; nothing at all is written."""
    ran = wheelfix("strip-gpu", "--format", "json", "-o", tmp_path / "out", *options, *order)
    assert ran.code == 3
    assert [path for path in files_in(tmp_path) if path.is_file()] == []
    report = ran.report
    assert report["summary"] == {"fixed": 0, "unchanged": 0, "refused": 2, "failed": 0}
    problems = {Path(wheel["source"]).name: wheel["problem"] for wheel in report["wheels"]}
    assert {name: problem["code"] for name, problem in problems.items()} == {CPU.name: "mixed-release", CUDA.name: "unsafe"}
    mixed = problems[CPU.name]
    assert CUDA.name in mixed["reason"]
    assert "cuda = '12.6'" in mixed["reason"]
    assert mixed["hint"] == NEXT_STEP
    assert not [wheel for wheel in report["wheels"] if wheel["output"] or wheel["changes"]]
    assert all(len(wheel["kept"]) == 15 for wheel in report["wheels"])
    assert report["disagreements"] == []


def test_a_third_wheel_that_never_asked_for_gpus_does_not_open_the_way(tmp_path: Path) -> None:
    """The two agreed, and would no longer, whatever a wheel for another system says."""
    tags = "cp311-none-macosx_11_0_arm64"
    third = write_wheel(tmp_path, WheelSpec("torch", "2.7.0", tags, requires=tuple(sorted(OTHERS))))
    ran = wheelfix("strip-gpu", "-o", tmp_path / "out", CPU, CUDA, third)
    assert ran.code == 3
    assert "no longer agree" in ran.err
    assert not (tmp_path / "out" / CPU.name).exists()


def test_the_ways_out_are_told_at_the_terminal(tmp_path: Path) -> None:
    ran = wheelfix("strip-gpu", "-q", "-o", tmp_path / "out", CPU, CUDA)
    assert (ran.code, ran.out) == (3, "")
    [mixed] = [line for line in ran.err.splitlines() if line.startswith(f"error[mixed-release]: {CPU} not changed: ")]
    assert "no longer agree" in mixed
    assert f"  help: {NEXT_STEP}\n" in ran.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [["--check"], ["--diff"]], ids=" ".join)
def test_a_dry_run_refuses_the_same(options: list[str]) -> None:
    ran = wheelfix("strip-gpu", *options, CPU, CUDA)
    assert ran.code == 3
    assert "no longer agree" in ran.err
    assert ran.out == ""


def test_in_place_both_stay(tmp_path: Path) -> None:
    paths = [Path(shutil.copy(path, tmp_path)) for path in (CPU, CUDA)]
    assert wheelfix("strip-gpu", "--in-place", *paths).code == 3
    assert [path.read_bytes() for path in paths] == [CPU.read_bytes(), CUDA.read_bytes()]
    assert files_in(tmp_path) == sorted(paths)


def test_the_cpu_build_alone_gets_its_own_version(corrected: Path) -> None:
    assert {each.name for each in requirements(corrected)} == OTHERS | {"setuptools"}
    with Wheel(corrected) as wheel:
        assert (wheel.version, wheel.dist_info) == ("2.7.0+cpu", "torch-2.7.0+cpu.dist-info")


@pytest.mark.parametrize("jobs", [1, 2])
def test_with_a_label_the_cpu_build_is_written_and_the_other_refused_for_itself(
    jobs: int, corrected: Path, tmp_path: Path
) -> None:
    ran = wheelfix("strip-gpu", "--format", "json", "-j", jobs, "--local", "cpu", "-o", tmp_path, CPU, CUDA)
    assert ran.code == 3
    one, other = ran.report["wheels"]
    assert (one["status"], one["output"]) == ("fixed", str(tmp_path / LABELLED))
    assert (other["status"], other["problem"]["code"]) == ("refused", "unsafe")
    assert files_in(tmp_path) == [tmp_path / LABELLED]
    assert (tmp_path / LABELLED).read_bytes() == corrected.read_bytes()


def test_mixed_releases_can_be_asked_for(tmp_path: Path) -> None:
    ran = wheelfix("strip-gpu", "--allow-mixed", "-o", tmp_path, CPU, CUDA)
    assert (ran.code, ran.lines) == (3, [str(tmp_path / CPU.name)])
    assert "it needs" in ran.err


def test_what_has_become_mixed_is_told(tmp_path: Path) -> None:
    """The corrected wheel of the same version beside the one as it came: each disagreement is in the report."""
    wheelfix("strip-gpu", "--allow-mixed", "-o", tmp_path, CPU, CUDA)
    shutil.copy(CUDA, tmp_path)
    ran = wheelfix("strip-gpu", "--check", "--format", "json", tmp_path)
    disagreements = ran.report["disagreements"]
    assert {Requirement(each["requirement"]).name for each in disagreements} == GPU
    assert {tuple(Path(path).name for path in each["present"]) for each in disagreements} == {(CUDA.name,)}
    assert {tuple(Path(path).name for path in each["missing"]) for each in disagreements} == {(CPU.name,)}


# What pip and uv do with the result.


@pytest.mark.parametrize("pin", ["torch==2.7.0+cpu", "torch==2.7.0", "torch"])
def test_pip_takes_the_corrected_wheel_on_aarch64(pin: str, links: Path, tmp_path: Path) -> None:
    """PEP 440: a pin without a label matches a version with one."""
    chosen = pip_choice(links, "aarch64", pin, tmp_path)
    assert chosen.keys() == {"torch", *FOR_PIP}
    version, file = chosen["torch"]
    assert version == "2.7.0+cpu"
    assert file in {LABELLED, LABELLED.replace("+", "%2B")}


@PIP_READS_MARKERS_AS_X86_64
def test_pip_asked_for_gpu_libraries_before(links: Path, tmp_path: Path) -> None:
    """The problem that is fixed: built on one machine for another, an image gets what the wheel cannot use."""
    before = tmp_path / "before"
    shutil.copytree(links, before)
    (before / LABELLED).unlink()
    shutil.copy(CPU, before)
    assert pip_choice(before, "aarch64", "torch==2.7.0", tmp_path).keys() == {"torch", *FOR_PIP, *GPU}


@PIP_READS_MARKERS_AS_X86_64
@pytest.mark.parametrize("pin", ["torch==2.7.0", "torch===2.7.0", "torch"])
def test_pip_takes_the_cuda_build_on_x86_64(pin: str, links: Path, tmp_path: Path) -> None:
    chosen = pip_choice(links, "x86_64", pin, tmp_path)
    assert chosen.keys() == {"torch", *FOR_PIP, *GPU}
    assert chosen["torch"] == ("2.7.0", CUDA.name)


@pytest.mark.parametrize("pin", ["torch==2.7.0+cpu", "torch==2.7.0", "torch"])
def test_uv_takes_the_corrected_wheel_on_aarch64(pin: str, links: Path, tmp_path: Path) -> None:
    chosen = uv_choice(links, "aarch64", pin, tmp_path)
    assert chosen.keys() == {"torch", *OTHERS}
    assert chosen["torch"] == "2.7.0+cpu"


@pytest.mark.parametrize("pin", ["torch==2.7.0", "torch===2.7.0", "torch"])
def test_uv_takes_the_cuda_build_on_x86_64(pin: str, links: Path, tmp_path: Path) -> None:
    chosen = uv_choice(links, "x86_64", pin, tmp_path)
    assert chosen.keys() == {"torch", *OTHERS, *GPU}
    assert chosen["torch"] == "2.7.0"


def test_uv_locks_both_for_all_platforms(links: Path, tmp_path: Path) -> None:
    """One lock for both machines names each build for its own, although a pin without a label was asked for."""
    asked = tmp_path / "requirements.in"
    asked.write_text("torch==2.7.0\n")
    ran = call(
        sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--offline", "--no-config",
        "--no-cache", "--no-index", "--find-links", links, "--python", sys.executable, "--python-version", "3.11",
        "--universal", asked,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = [Requirement(line) for line in ran.stdout.splitlines()]
    for machine, version in (("aarch64", "2.7.0+cpu"), ("x86_64", "2.7.0")):
        environment = {"platform_machine": machine, "sys_platform": "linux", "platform_system": "Linux",
                       "python_full_version": "3.11.7", "python_version": "3.11",
                       "platform_python_implementation": "CPython", "implementation_name": "cpython",
                       "os_name": "posix"}  # fmt: skip
        chosen = {each.name: str(each.specifier) for each in found if not each.marker or each.marker.evaluate(environment)}
        assert chosen["torch"] == f"=={version}"
        assert (GPU & chosen.keys()) == (GPU if machine == "x86_64" else set())


def test_the_corrected_wheel_is_not_for_x86_64(links: Path, tmp_path: Path) -> None:
    """Nobody gets the other machine's build by its label."""
    pip = call(
        sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "download", "--no-index", "--find-links",
        links, "--dest", tmp_path / "got", "--only-binary", ":all:", "--platform", "manylinux_2_28_x86_64",
        "--python-version", "3.11", "--implementation", "cp", "torch==2.7.0+cpu",
    )  # fmt: skip
    assert pip.returncode != 0
    assert "No matching distribution" in pip.stderr


def test_a_strict_pin_no_longer_matches(links: Path, tmp_path: Path) -> None:
    """As the note of the run says."""
    ran = call(
        sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "download", "--no-index", "--find-links",
        links, "--dest", tmp_path / "got", "--only-binary", ":all:", "--platform", "manylinux_2_28_aarch64",
        "--python-version", "3.11", "--implementation", "cp", "torch===2.7.0",
    )  # fmt: skip
    assert ran.returncode != 0
    assert "No matching distribution" in ran.stderr


def test_one_call_makes_a_folder_to_publish_of_both(tmp_path: Path) -> None:
    """The CPU build corrected under a label, the CUDA build as it came, and nothing left to do."""
    options = ("--skip-gpu-builds", "--local", "cpu", "-o", tmp_path / "out")
    ran = wheelfix("strip-gpu", *options, CPU, CUDA)
    assert ran.code == 0, ran.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted([LABELLED, CUDA.name])
    assert (tmp_path / "out" / CUDA.name).read_bytes() == CUDA.read_bytes()
    assert wheelfix("strip-gpu", "--skip-gpu-builds", "--check", tmp_path / "out").code == 0
    mixed = wheelfix("strip-gpu", "--skip-gpu-builds", "-o", tmp_path / "mixed", CPU, CUDA)
    assert (mixed.code, list(tmp_path.glob("mixed/*"))) == (3, [])
