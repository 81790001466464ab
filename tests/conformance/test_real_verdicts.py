"""Verdicts on real wheels, downloaded with pip (3 GB): run with ``pytest -m real``, as test_real_wheels.py says."""

import os
from pathlib import Path

import pytest

from downloading import downloaded
from wheelfix.fix.batch import fix_wheels
from wheelfix.options import Naming, Output, Policy
from wheelfix.results import Outcome, Status, Verdict
from wheelfix.rules.load import gpu_rules

pytestmark = pytest.mark.real


def dead(platform: str) -> str:
    return f"its marker is never true on {platform}"


CUDA_BUILD = "torch/version.py sets cuda = '13.0', and torch/lib/libtorch_global_deps.so links to libcudart.so.13"
CASES = [
    ("torch==2.7.0", "3.11", "manylinux_2_28_aarch64", "safe", 15, dead("manylinux_2_28_aarch64")),
    ("torch==2.14.1", "3.12", "macosx_14_0_arm64", "safe", 9, dead("macosx_14_0_arm64")),
    ("torch==2.14.1", "3.12", "win_amd64", "safe", 7, dead("win_amd64")),
    ("torch==2.14.1", "3.12", "manylinux_2_28_x86_64", "unsafe", 7, CUDA_BUILD),
    ("torch==2.14.1", "3.12", "manylinux_2_28_aarch64", "unsafe", 7, CUDA_BUILD),
    ("torch==2.3.1", "3.11", "win_amd64", "safe", 12, dead("win_amd64")),
    ("torch==1.13.1", "3.10", "manylinux1_x86_64", "unsafe", 4, "torch/version.py sets cuda = '11.7'"),
    ("xgboost==3.2.0", "3.11", "manylinux_2_28_x86_64", "safe", 1, "binaries links to a CUDA library, and the rule"),
    ("faiss-gpu-cu12==1.12.0", "3.11", "manylinux2014_x86_64", "unchanged", 0, ""),
    ("tensorflow-cpu==2.21.0", "3.12", "manylinux_2_27_x86_64", "unchanged", 0, ""),
    ("nvidia-cudnn-cu13==9.28.1.4", "3.11", "manylinux_2_27_x86_64", "unchanged", 0, ""),
    ("ultralytics==8.4.190", "3.11", "any", "unchanged", 0, ""),
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that holds the downloads."""
    given = os.environ.get("TEST_REAL_WHEELS")
    return Path(given) / "judged" if given else tmp_path_factory.mktemp("judged")


def judged(outcome: Outcome) -> list[tuple[Verdict, str]]:
    return [(each.verdict, each.evidence or "") for each in (*outcome.changes, *outcome.kept) if each.verdict]


@pytest.mark.parametrize(("requirement", "python", "platform", "expected", "count", "words"), CASES)
def test_verdicts(requirement: str, python: str, platform: str, expected: str, count: int, words: str, folder: Path) -> None:
    """Promise 6: CPU builds are corrected by what they say of themselves, GPU builds refused with file and library."""
    folder.mkdir(parents=True, exist_ok=True)
    path = downloaded(requirement, python, platform, folder)
    [outcome] = fix_wheels([path], output=Output(dry_run=True)).outcomes
    statuses = {"safe": Status.FIXED, "unsafe": Status.REFUSED, "unchanged": Status.UNCHANGED}
    assert outcome.status is statuses[expected], outcome.problem
    found = judged(outcome)
    assert [verdict.value for verdict, _ in found] == [expected] * count
    assert not count or words in found[0][1]
    assert outcome.problem is None or words in f"{outcome.problem.message}: {outcome.problem.reason}"


def test_xgboost_needs_the_rule_that_names_it(folder: Path) -> None:
    path = downloaded("xgboost==3.2.0", "3.11", "manylinux_2_28_x86_64", folder)
    [outcome] = fix_wheels([path], "gpu/nvidia", output=Output(dry_run=True)).outcomes
    assert (outcome.status, outcome.problem and outcome.problem.code) == (Status.REFUSED, "unproven")


def test_a_label_does_not_make_faiss_a_cpu_build(folder: Path) -> None:
    """It was called 1.12.0+cpu by a rule on numpy, and then lost what it links to."""
    path = downloaded("faiss-gpu-cu12==1.12.0", "3.11", "manylinux2014_x86_64", folder)
    by_name = [gpu_rules(drop=[name]) for name in ("numpy", "nvidia-*")]
    [named] = fix_wheels([path], by_name[0], output=folder / "named", naming=Naming(local="cpu")).outcomes
    assert named.problem is not None
    assert named.problem.code == "cpu-local-version"
    assert "libfaiss" in (named.problem.reason or "")
    [forced] = fix_wheels(
        [path], by_name[0], output=folder / "named", policy=Policy(force=True), naming=Naming(local="cpu")
    ).outcomes
    assert forced.output is not None
    [outcome] = fix_wheels([forced.output], by_name[1], output=Output(dry_run=True)).outcomes
    assert outcome.problem is not None
    assert outcome.problem.code == "unsafe"
    assert [verdict for verdict, _ in judged(outcome)] == [Verdict.UNSAFE, Verdict.UNSAFE]


def test_mkl_stays_in_torch_for_windows(folder: Path) -> None:
    [outcome] = fix_wheels([downloaded("torch==2.3.1", "3.11", "win_amd64", folder)], output=Output(dry_run=True)).outcomes
    assert [each.before for each in outcome.kept] == ['mkl <=2021.4.0,>=2021.1.1 ; platform_system == "Windows"']


def test_a_forced_removal_tells_what_will_not_load(folder: Path) -> None:
    path = downloaded("torch==2.14.1", "3.12", "manylinux_2_28_x86_64", folder)
    [outcome] = fix_wheels([path], output=Output(dry_run=True), policy=Policy(force=True)).outcomes
    assert outcome.status is Status.FIXED
    assert "Forced: torch/lib/libtorch_global_deps.so will not load without libcudart.so.13." in outcome.notes
    assert "torch/_C.cpython-312-x86_64-linux-gnu.so" in outcome.notes[-1]
