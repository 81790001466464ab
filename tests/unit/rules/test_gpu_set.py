"""The built-in rule set ``gpu``: what it drops, what it keeps with a reason, and what it leaves alone."""

import pytest

import ruling
from wheelfix.rules.load import built_in
from wheelfix.rules.match import Decision


def judge(project: str, text: str) -> Decision | None:
    return ruling.judge(built_in("gpu"), project, text)


def fate(project: str, text: str) -> str:
    """Return ``drop``, ``keep`` or ``none``."""
    decision = judge(project, text)
    return "none" if decision is None else "keep" if decision.held_back else decision.rule.action_name


DROPPED = {
    "nvidia": """
        nvidia-cublas-cu12 nvidia-cudnn-cu13 nvidia-nccl-cu11 nvidia-cusparselt-cu12 nvidia-nvshmem-cu13 nvidia-nvtx-cu12
        nvidia-cuda-runtime-cu11 nvidia-cuda-nvrtc-cu12 nvidia-cuda-cupti-cu12 nvidia-cublas-cu117 nvidia-cuda-runtime
        nvidia-cuda-nvcc nvidia-cublas nvidia-cufft nvidia-cufile nvidia-curand nvidia-cusolver nvidia-cusparse nvidia-cudla
        nvidia-npp nvidia-nvfatbin nvidia-nvjitlink nvidia-nvjpeg nvidia-nvml-dev nvidia-nvptxcompiler nvidia-nvtx
        nvidia-nvvm nvidia-cudnn nvidia-nccl nvidia-mathdx nvidia-matmul-heuristics nvidia-cudnn-frontend nvidia-cutlass
        nvidia-cutlass-dsl nvidia-cutlass-dsl-libs-base cuda-toolkit cuda-bindings cuda-core cuda-pathfinder cuda-python
        cuda-tile cuda-tile-preview nvshmem4py-cu12 nccl4py nccl-extensions nixl-cu13
    """,
    "tensorrt": """
        tensorrt tensorrt-bindings tensorrt-libs tensorrt-cu12 tensorrt-cu12-bindings tensorrt-cu13-libs tensorrt-lean
        tensorrt-lean-cu12 tensorrt-dispatch tensorrt-dispatch-cu12-libs tensorrt-rtx
    """,
    "rocm": """
        rocm rocm-sdk rocm-sdk-core rocm-sdk-libraries-gfx94x-dcgpu rocm-bootstrap rocm-profiler rocm-bindings-hip hip-python
        amd-torch-device amd-torch-device-gfx942 amd-torchvision-device-gfx942 amd-mi300-instinct
    """,
    "jax": """
        jax-cuda12-plugin jax-cuda13-pjrt jax-rocm7-plugin jax-rocm60-pjrt jax-metal libtpu
    """,
}
ONLY_FOR = {
    ("triton", "torch"): """
        triton pytorch-triton pytorch-triton-rocm pytorch-triton-xpu triton-rocm triton-xpu triton-windows triton-ascend
    """,
    ("intel-xpu", "torch"): """
        intel-sycl-rt intel-pti onemkl-sycl-blas onemkl-sycl-dft mkl-dpcpp mkl-devel-dpcpp dpcpp-cpp-rt oneccl oneccl-devel
        onemkl-license intel-opencl-rt
    """,
    ("npu", "torch"): "torch-npu ascend-cann-toolkit ascend-cann-nnrt",
    ("metal", "tensorflow"): "tensorflow-metal mlx-metal",
}
KEPT = {
    "never-cpu-math": """
        mkl mkl-include mkl-devel mkl-static mkl-service mkl-fft mkl-random mkl-umath tbb tbb-devel intel-openmp
        intel-fortran-rt onednn intel-numpy intel-scipy daal daal4py scikit-learn-intelex umf tcmlib intel-cmplr-lib-ur
        intel-cmplr-lib-rt intel-cmplr-lic-rt impi-rt oneccl-cpu oneccl-cpu-devel
    """,
    "keep-nvidia-tools": """
        nvidia-ml-py nvidia-ml-py3 pynvml py3nvml gpustat nvitop gputil mthreads-ml-py pyamdgpuinfo amdsmi nvidia-stub
        nvidia-pyindex nvidia-variant-provider nvidia-nat nvidia-nat-langchain nvidia-riva-client nvidia-haystack nvidia-rag
        nvidia-lm-eval nvidia-eval-commons nvidia-tao-client nvidia-resiliency-ext nvtx
    """,
    "keep-triton-lookalikes": """
        tritonclient tritonserver tritonfrontend triton-model-analyzer triton-model-navigator nvidia-pytriton triton-bert
        tritondse triton-stubs tritonparse triton-requests
    """,
    "keep-rocm-lookalikes": "rocm-docs-core rocm-smi-exporter amd-debug-tools amd-quark django-procmail procman procmon",
    "keep-cuda-lookalikes": """
        cuda-stubs cuda-mock cuda-available cuda-switch cupy-stubs tensorrt-stubs abracudabra barracuda-api asyncclick
        ncclient
    """,
    "keep-frameworks": """
        cupy cupy-cuda12x cupy-cuda11x cupy-rocm-5-0 pycuda numba-cuda cudf-cu12 cuml-cu12 rmm-cu13 dask-cuda xformers
        flash-attn flash-attn-3 flashinfer-python bitsandbytes deepspeed vllm mamba-ssm transformer-engine
        transformer-engine-cu12 liger-kernel torch-tensorrt nvidia-modelopt nvidia-dali-cuda120 nvidia-cupynumeric
        spconv-cu120 dgl-cu12 mxnet-cu112 cutensor-cu12 cuquantum-cu12 libcuvs-cu12 bitsandbytes-cuda117
    """,
}
STRANGERS = """
    numpy tritonclient2 foobar nvidia nvidia-something nvidia-cu nvidia-x-cu1 nvidia-x-cu1234 nvidia-x-cu12-extra
    cuda cudatoolkit cuda-something my-triton tritons rocmfoo pre-rocm-sdk xnvidia-nccl-cu12 intel-something mkl2
    jax jaxlib jax-cuda-plugin onnxruntime-gpu faiss-gpu-cu12 tensorflow-gpu paddlepaddle-gpu xgboost-cu12 torch
    torchvision tensorflow nvidia-x-cu02
"""
GPU_PROJECTS = [
    ("own-libraries", """nvidia-cudnn-cu12 nvidia-cusolver-cu12 nvidia-cuda-nvcc cuda-toolkit cuda-bindings tensorrt
                         tensorrt-cu12 triton triton-xpu rocm rocm-sdk-core intel-sycl-rt jax-cuda12-plugin libtpu torch-npu
                         tensorflow-metal pytorch-triton"""),
    ("own-frameworks", """cupy-cuda12x cudf-cu12 cuml-cu13 xformers flash-attn bitsandbytes vllm sglang liger-kernel
                          torch-tensorrt transformer-engine-torch numba-cuda dask-cuda nvidia-modelopt dgl-cu12"""),
]  # fmt: skip
CPU_PROJECTS = [
    "torch",
    "torchvision",
    "torchaudio",
    "ultralytics",
    "tensorflow",
    "jax",
    "demo",
    "my-triton-tool",
]


@pytest.mark.parametrize("project", CPU_PROJECTS)
@pytest.mark.parametrize("group", DROPPED)
def test_gpu_libraries_are_dropped(group: str, project: str) -> None:
    """Pitfall 9: ``cuda-toolkit``, ``cuda-bindings`` and names without suffix count too."""
    for name in DROPPED[group].split():
        decision = judge(project, f"{name}==1.0; platform_system == 'Linux'")
        assert decision is not None, name
        assert (decision.rule.id, decision.rule.action, decision.held_back) == (f"gpu/{group}", "drop", None), name


@pytest.mark.parametrize(("group", "family"), ONLY_FOR)
def test_some_are_dropped_for_their_family_only(group: str, family: str) -> None:
    """``triton`` is imported by other projects; GPU builds of other frameworks are theirs."""
    for name in ONLY_FOR[group, family].split():
        for project in (family, f"{family}-nightly", f"{family}vision"):
            decision = judge(project, name)
            assert decision is not None, (project, name)
            assert (decision.rule.id, decision.rule.action) == (f"gpu/{group}", "drop"), (project, name)
        assert fate("ultralytics", name) == "none", name
        assert fate("my-" + family, name) == "none", name


@pytest.mark.parametrize("project", CPU_PROJECTS)
@pytest.mark.parametrize("group", KEPT)
def test_look_alikes_and_needed_ones_are_kept(group: str, project: str) -> None:
    """Pitfall 8: ``triton`` is not ``tritonclient``, and CPU builds need MKL and what it needs."""
    for name in KEPT[group].split():
        decision = judge(project, name)
        assert decision is not None, name
        assert (decision.rule.id, decision.rule.action) == (f"gpu/{group}", "keep"), name


@pytest.mark.parametrize("project", CPU_PROJECTS)
def test_strangers_are_left_alone(project: str) -> None:
    """Pitfall 8: a pattern that is too broad hits strangers."""
    assert {name: fate(project, name) for name in STRANGERS.split()} == dict.fromkeys(STRANGERS.split(), "none")


@pytest.mark.parametrize(("rule", "projects"), GPU_PROJECTS, ids=lambda value: str(value)[:20])
def test_a_gpu_project_keeps_all_it_requires(rule: str, projects: str) -> None:
    for project in projects.split():
        for name in ("nvidia-cublas-cu12", "triton", "rocm-sdk-core", "intel-sycl-rt", "numpy"):
            decision = judge(project, name)
            assert decision is not None, project
            assert (decision.rule.id, decision.rule.action) == (f"gpu/{rule}", "keep"), project


EVERY = " ".join([*DROPPED.values(), *ONLY_FOR.values()]).split()


@pytest.mark.parametrize("project", ["torch", "jax", "tensorflow"])
def test_behind_an_extra_all_are_kept_with_the_reason(project: str) -> None:
    """Pitfall 10: ``jax[cuda12]`` and ``tensorflow[and-cuda]`` are the user's own choice."""
    for name in EVERY:
        decision = judge(project, f"{name}>=1; extra == 'cuda12' and sys_platform == 'linux'")
        if decision is not None:
            assert decision.held_back is not None, name
            assert "extra" in decision.held_back
    assert fate("torch", "nvidia-nccl-cu12; extra == 'x' or os_name == 'posix'") == "drop"
    kept = judge("torch", "mkl; extra == 'x'")
    assert kept is not None
    assert kept.held_back is None


SPELLINGS = [
    "Nvidia_NCCL.CU12",
    "NVIDIA-NCCL-CU12[x] >=2",
    "nvidia-nccl-cu12 (==2.0)",
    "nvidia_nccl_cu12 @ https://e.com/a.whl",
]


@pytest.mark.parametrize("text", SPELLINGS)
def test_every_spelling_of_a_name_is_matched(text: str) -> None:
    """Pitfall 7 and Pitfall 8: rules match the normal form of a name."""
    assert fate("XGBoost", text) == "drop"


def test_the_rules_are_well_formed() -> None:
    rules = built_in("gpu").rules
    for rule in rules:
        assert rule.id.startswith("gpu/")
        assert rule.reason
        assert not rule.reason.endswith(".")
        assert rule.match is not None
        assert rule.match.name is not None
        globs = [*rule.match.name, *(rule.when.project or ()), *(rule.when.not_project or ())]
        assert all(glob == glob.lower() and "_" not in glob for glob in globs), rule.id
        assert len(set(rule.match.name)) == len(rule.match.name), rule.id


def test_each_gpu_library_keeps_its_own_requirements() -> None:
    """What is dropped from others is, as a project, a GPU library itself."""
    for name in EVERY:
        assert fate(name, "nvidia-cublas-cu12") == "keep", name
