"""Names with two meanings: what becomes of the wheels of a project, and of requirements on it."""

from typing import Final

import pytest

import ruling
from wheelfix.evidence.catalogue import provided_by
from wheelfix.rules.load import built_in, rule_set
from wheelfix.rules.match import names_a_pair
from wheelfix.wheel.requirement import read_requirement

KEPT: Final = """
    cuvs-cu12 nvforest-cu13 libnvforest-cu12 cucim-cu12 cuspatial-cu12 cuproj-cu12 cuxfilter-cu12 libcugraph-cu12
    pylibcugraph-cu13 cugraph-pyg-cu12 libwholegraph-cu12 cuopt-cu12 libcuopt-cu12 libcuopt-routing-cu13 cudf-streaming-cu12
    libcudf-streaming-cu13 rapidsmpf-cu12 librapidsmpf-cu13 rapids-singlecell-cu13 custabilizer-cu12 cupauliprop-cu12
    cuquantum-python cuquantum-python-cu12 cuquantum-python-jax-cu13 cuda-quantum-cu12 cudaq cudaq-qec-cu12 nvmath-python
    nixl mlx mlx-cuda-12 qiskit-aer-gpu qiskit-aer-gpu-cu11 pennylane-lightning-gpu gpu4pyscf-cuda12x gpu4pyscf-libxc-cuda12x
    holoscan-cu12 holoscan-core-cu13 autoawq-kernels sgl-kernel sglang-kernel sgl-fa4 sgl-deep-gemm flashinfer-cubin fla-core
    flash-linear-attention causal-conv1d cumm fbgemm-gpu fbgemm-gpu-genai fbgemm-gpu-nightly intel-extension-for-pytorch
    intel-extension-for-tensorflow onnxruntime-genai-cuda torch-directml torch-xla amd-hipcim amd-hipdf
"""
"""Frameworks: their own wheels are left alone, and who requires one imports it."""
REPLACED: Final = "faiss-gpu faiss-gpu-cu12 faiss-gpu-cuvs onnxruntime-gpu osqp-cu12"
"""Builds with a twin for the CPU: their own wheels are left alone, and requirements to the rule set ``cpu-twins``."""
CPU_BUILDS: Final = "mlx-cpu fbgemm-gpu-cpu fbgemm-gpu-nightly-cpu"
"""Builds for the CPU: kept as requirements, corrected as projects."""
DROPPED: Final = {
    "rocm": "hip-python-interop", "jax": "jax-oneapi-plugin jax-oneapi-pjrt", "nvidia": "nixl-cu12 nixl-cu13",
    "triton": "tokenspeed-triton fbtriton triton-utlx triton-utlx-rocm",
}  # fmt: skip
"""Libraries: their own wheels are left alone, and requirements on them dropped."""
STRANGERS: Final = """
    mlx-lm mlx-audio mlx-metal-tools nixlib cuda-quantities sgl-kernels fla flash-linear causal-conv cumming torch-xla2 xla
    amd-cpuid hip hip-python-fork holoscan holoscan-cli onnxruntime onnxruntime-genai faiss-cpu osqp qiskit-aer
    pennylane-lightning intel-extensions triton-model tokenspeed-triton-kernels jax-oneapi libcuopt cuopt rapids-singlecell
    fbgemm tokenspeed-tritonblas
"""


def project_rule(project: str) -> str | None:
    """Return the rule that decides on a GPU requirement of the wheels of ``project``."""
    decision = ruling.judge(built_in("gpu"), project, "nvidia-cublas-cu12")
    return decision.rule.id if decision else None


PAIRS: Final = {
    ("xgboost", "nvidia-nccl-cu13"): "xgboost-nccl",
    ("openai-whisper", "triton"): "whisper-triton",
    ("whisperx", "triton"): "whisperx-triton",
    ("xgrammar", "triton"): "xgrammar-triton",
    ("nemo-toolkit", "cuda-bindings"): "nemo-cuda-bindings",
    ("fairchem-core", "cuda-python"): "fairchem-kernels",
    ("fairchem-core", "nvidia-cutlass-dsl"): "fairchem-kernels",
}
"""What was tried: a project works without a requirement."""


@pytest.mark.parametrize(("project", "name"), PAIRS)
def test_a_pair_has_a_rule_of_its_own_that_names_both(project: str, name: str) -> None:
    decision = ruling.judge(built_in("gpu"), project, name)
    assert decision is not None
    assert (decision.rule.id, decision.rule.action) == (f"gpu/{PAIRS[project, name]}", "drop")
    assert names_a_pair(decision.rule)
    assert decision.rule.test
    other = ruling.judge(built_in("gpu"), f"{project}-other", name)
    assert other is None or not names_a_pair(other.rule)


def test_no_other_rule_names_a_pair() -> None:
    """Only what was tried is safe by knowledge alone."""
    named = {rule.id for rule in built_in("gpu").rules if rule.action == "drop" and names_a_pair(rule)}
    assert named == {f"gpu/{name}" for name in PAIRS.values()}


def requirement_rule(name: str, project: str = "torch") -> str | None:
    """Return the rule that decides on a requirement, by default of torch."""
    decision = ruling.judge(built_in("gpu"), project, name)
    return decision.rule.id if decision else None


@pytest.mark.parametrize("name", KEPT.split())
def test_frameworks(name: str) -> None:
    assert project_rule(name) == "gpu/own-frameworks"
    assert {requirement_rule(name), requirement_rule(name, "demo")} == {"gpu/keep-frameworks"}


@pytest.mark.parametrize("name", REPLACED.split())
def test_builds_that_have_a_twin(name: str) -> None:
    assert project_rule(name) == "gpu/own-frameworks"
    assert requirement_rule(name) is None


@pytest.mark.parametrize("name", CPU_BUILDS.split())
def test_builds_for_the_cpu(name: str) -> None:
    assert project_rule(name) == "gpu/nvidia"
    assert requirement_rule(name) == "gpu/keep-frameworks"


@pytest.mark.parametrize(("group", "name"), [(group, name) for group, names in DROPPED.items() for name in names.split()])
def test_libraries(group: str, name: str) -> None:
    assert project_rule(name) == "gpu/own-libraries"
    assert requirement_rule(name) == f"gpu/{group}"
    requirement = read_requirement(name)
    assert requirement is not None
    assert provided_by(requirement) is not None
    if group == "triton":
        assert requirement_rule(name, "demo") is None


@pytest.mark.parametrize("name", STRANGERS.split())
def test_names_that_are_only_alike(name: str) -> None:
    assert project_rule(name) == "gpu/nvidia"
    if name != "amd-cpuid":  # kept by name, in gpu/keep-rocm-lookalikes
        assert requirement_rule(name) is None


@pytest.mark.parametrize("name", KEPT.split() + REPLACED.split() + CPU_BUILDS.split())
def test_frameworks_are_not_judged(name: str) -> None:
    """Verdicts are on what rules of the set can drop."""
    requirement = read_requirement(name)
    assert requirement is not None
    assert provided_by(requirement) is None


def test_the_twins_can_be_asked_for_in_any_order() -> None:
    for order in (["gpu", "cpu-twins"], ["cpu-twins", "gpu"]):
        rules = rule_set("mine", (), extends=order)
        for name in ("onnxruntime-gpu", "faiss-gpu-cu12", "osqp-cu12"):
            decision = ruling.judge(rules, "demo", name)
            assert decision is not None
            assert decision.rule.id.startswith("cpu-twins/")
