"""The GPU catalogue: every name that the rule set "gpu" drops is in it, with the libraries that it brings."""

import json
import tomllib

import pytest

from places import ROOT
from wheelfix.evidence.catalogue import Provided, library_runtime, names, provided_by
from wheelfix.rules.load import built_in
from wheelfix.wheel.requirement import read_requirement


def provided(text: str) -> Provided | None:
    requirement = read_requirement(text)
    assert requirement is not None
    return provided_by(requirement)


def found(text: str) -> Provided:
    result = provided(text)
    assert result is not None
    return result


DROPPABLE = sorted(
    {
        pattern
        for rule in built_in("gpu").rules
        if rule.action == "drop" and rule.match is not None
        for pattern in rule.match.name or ()
    }
)


@pytest.mark.parametrize("pattern", DROPPABLE)
def test_each_name_that_is_dropped_stands_in_the_catalogue(pattern: str) -> None:
    example = pattern.replace("[1-9][0-9]", "12").replace("[0-9]", "3").replace("*", "x")
    assert provided(example) is not None
    if pattern != "nvidia-nccl-cu[1-9][0-9]":  # a part of a wider one
        assert pattern in names()


def test_what_is_shipped_is_what_the_toml_says() -> None:
    directory = ROOT / "src" / "wheelfix" / "evidence"
    written = tomllib.loads((directory / "catalogue.toml").read_text("utf-8"))
    assert json.loads((directory / "catalogue.json").read_bytes()) == written, "make reference"


def test_the_names_are_normal() -> None:
    assert DROPPABLE
    assert all(name == name.lower() and "_" not in name for name in names())


LIBRARIES = [
    ("nvidia-cublas-cu12==12.6.4.1", "libcublas.so.12 libcublasLt.so.12", "libcublas.so.11 libcublas.so.12.1"),
    ("nvidia-cublas-cu11", "libcublas.so.11 libcublasLt.so.11", "libcublas.so.12"),
    ("nvidia-cublas", "libcublas.so.13 libcublas.so.12", "libcudart.so.13"),
    ("NVIDIA_cuBLAS.cu12 (>=1) ; sys_platform == 'linux'", "libcublas.so.12", "libcublas.so.11"),
    ("nvidia-cuda-runtime-cu11", "libcudart.so.11.0 libcudart.so.11", "libcudart.so.12 libcudart.so.110 libcudart.so.1"),
    ("nvidia-cuda-runtime-cu12", "libcudart.so.12", "libcudart.so.11.0 libcuda.so.1"),
    ("nvidia-cuda-runtime", "libcudart.so.13", "libcublas.so.13"),
    ("nvidia-cuda-nvrtc-cu12", "libnvrtc.so.12 libnvrtc-builtins.so.12.6", "libnvrtc.so.11.2"),
    ("nvidia-cuda-nvrtc-cu11", "libnvrtc.so.11.2", "libnvrtc.so.12"),
    ("nvidia-cuda-cupti-cu12", "libcupti.so.12", "libcupti.so.11.7"),
    ("nvidia-cudnn-cu12", "libcudnn.so.9 libcudnn.so.8 libcudnn_ops.so.9", "libcudart.so.12"),
    ("nvidia-cufft", "libcufft.so.11 libcufft.so.12 libcufft.so.10 libcufftw.so.12", "libcufile.so.0"),
    ("nvidia-cufft-cu12", "libcufft.so.11", "libcublas.so.12"),
    ("nvidia-curand-cu12", "libcurand.so.10", "libcublas.so.12"),
    ("nvidia-cusolver-cu12", "libcusolver.so.11 libcusolverMg.so.11", "libcusparse.so.12"),
    ("nvidia-cusparse-cu12", "libcusparse.so.12", "libcusparseLt.so.0"),
    ("nvidia-cusparselt-cu12", "libcusparseLt.so.0", "libcusparse.so.12"),
    ("nvidia-nccl-cu12", "libnccl.so.2", "libnvshmem_host.so.3"),
    ("nvidia-nvshmem-cu12", "libnvshmem_host.so.3", "libnccl.so.2"),
    ("nvidia-nvtx-cu12", "libnvToolsExt.so.1", ""),
    ("nvidia-nvjitlink-cu12", "libnvJitLink.so.12", "libnvJitLink.so.13"),
    ("nvidia-cufile-cu12", "libcufile.so.0 libcufile_rdma.so.1", "libcufft.so.11"),
    ("nvidia-npp-cu12", "libnppc.so.12 libnppig.so.12", "libnppc.so.11"),
    ("nvidia-cuda-nvcc-cu12", "libnvvm.so.4", "libcudart.so.12"),
    ("nvidia-cublas-cu117", "libcublas.so.11", "libcudart.so.11.0"),
    (
        "cuda-toolkit[cublas,cudart]==13.0",
        "libcublas.so.13 libcudart.so.13 libnvrtc.so.13",
        "libcufft.so.12 libcurand.so.10",
    ),
    ("cuda-toolkit[cufft]", "libcufft.so.12 libnvJitLink.so.13", "libcublas.so.13"),
    ("cuda-toolkit[CuDART]", "libcudart.so.13", "libcublas.so.13"),
    ("cuda-toolkit[all]", "libcublas.so.13 libcufft.so.12 libcusolver.so.12 libnvvm.so.4", "libcudnn.so.9 libnccl.so.2"),
    ("cuda-toolkit", "", "libcublas.so.13 libcudart.so.13"),
    ("cuda-toolkit[no-such-extra]", "", "libcublas.so.13"),
    ("nvidia-cublas-cu12[cudart]", "libcublas.so.12", "libcudart.so.12"),
    ("cuda-bindings", "", "libcudart.so.13 libcuda.so.1"),
    ("tensorrt", "libnvinfer.so.10 libnvinfer_plugin.so.10 libnvonnxparser.so.10", "libcudart.so.12"),
    ("tensorrt-cu12-libs", "libnvinfer.so.10", "libcudart.so.12"),
    ("triton", "", "libtriton.so libcuda.so.1"),
    ("rocm-sdk-core", "libamdhip64.so.6 libamdhip64.so librccl.so.1 libMIOpen.so.1", "libcudart.so.12"),
    ("intel-sycl-rt", "libsycl.so.8", "libmkl_sycl_blas.so.5"),
    ("onemkl-sycl-blas", "libmkl_sycl_blas.so.5", "libmkl_rt.so.2 libmkl_core.so.2"),
    ("libtpu", "libtpu.so", "libtensorflow.so"),
    ("nvidia-some-cu12", "", "libcublas.so.12"),
]


@pytest.mark.parametrize(("text", "inside", "outside"), LIBRARIES)
def test_which_libraries_a_requirement_brings(text: str, inside: str, outside: str) -> None:
    one = found(text)
    assert {name: one.includes(name) for name in inside.split()} == dict.fromkeys(inside.split(), True)
    assert {name: one.includes(name) for name in outside.split()} == dict.fromkeys(outside.split(), False)
    assert bool(one.libraries) or not inside


STRANGERS = """
    tritonclient tritonserver my-triton nvidia-ml-py nvidia-ml-py3 pynvml nvidia-pyindex nvidia nvidia-cu nvidia-x-cu1
    nvidia-x-cu12-extra mkl mkl-include intel-openmp tbb onednn oneccl-cpu numpy torch xgboost jax jaxlib cuda cuda-stubs
    cuda-something rocm-docs-core rocmtop cupy-cuda12x tensorrt-stubs tensorrt-llm nvtx cudatoolkit tensorflow
"""


@pytest.mark.parametrize("name", STRANGERS.split())
def test_what_is_not_in_it(name: str) -> None:
    assert provided(name) is None


RUNTIMES = {
    "nvidia-cublas-cu12": ("cuda",), "cuda-toolkit": ("cuda",), "cuda-python": ("cuda",), "tensorrt": ("cuda",),
    "jax-cuda12-plugin": ("cuda",), "triton": ("cuda", "rocm", "xpu"), "pytorch-triton": ("cuda",),
    "triton-windows": ("cuda",), "pytorch-triton-rocm": ("rocm",), "triton-rocm": ("rocm",), "rocm": ("rocm",),
    "jax-rocm7-plugin": ("rocm",), "pytorch-triton-xpu": ("xpu",), "triton-xpu": ("xpu",), "intel-sycl-rt": ("xpu",),
    "onemkl-license": ("xpu",), "torch-npu": ("npu",), "triton-ascend": ("npu",), "libtpu": ("tpu",),
    "jax-metal": ("metal",),
}  # fmt: skip


@pytest.mark.parametrize(("name", "runtimes"), RUNTIMES.items())
def test_for_which_runtimes_a_requirement_is(name: str, runtimes: tuple[str, ...]) -> None:
    assert found(name).runtimes == runtimes


FRAMEWORKS = {
    "cuda": """libtorch_cuda.so libtorch_cuda_linalg.so libc10_cuda.so librmm.so libcudf.so libcuml.so libnvforest.so
        libcuvs.so libcuvs_c.so libraft.so libcugraph.so libcugraph_c.so libcutensorMg.so.2 libkvikio.so
        libcustatevec.so.1 libcutensor.so.2 libcutensornet.so.2 libcudensitymat.so.0""",
    "rocm": "libtorch_hip.so libtorch_hip_linalg.so libc10_hip.so",
    "xpu": "libtorch_xpu.so libtorch_xpu_ops.so libc10_xpu.so libur_loader.so.0 libze_loader.so.1 libze_tracing_layer.so.1",
}  # fmt: skip
"""The GPU halves of frameworks: libraries that come with other wheels, and need what is for their runtime."""
REQUIREMENTS = {
    "cuda": "nvidia-cublas-cu12 nvidia-nccl-cu13 cuda-toolkit[all] cuda-bindings tensorrt triton",
    "rocm": "rocm rocm-sdk-core pytorch-triton-rocm triton",
    "xpu": "intel-sycl-rt onemkl-sycl-blas pytorch-triton-xpu triton",
}


@pytest.mark.parametrize("runtime", FRAMEWORKS)
def test_a_frameworks_gpu_half_needs_all_of_its_runtime(runtime: str) -> None:
    for text in {name for each in REQUIREMENTS.values() for name in each.split()}:
        one = found(text)
        for library in FRAMEWORKS[runtime].split():
            assert one.is_needed_for(library) is (runtime in one.runtimes), (text, library)
            assert not one.includes(library), (text, library)
    assert all(
        not found("nvidia-cublas-cu12").is_needed_for(name) for name in ("libumf.so.0", "libtorch_cpu.so", "libc.so.6")
    )


OF_RUNTIMES = {
    "libcublas.so.11": "cuda", "libcudart.so.11.0": "cuda", "libcudart.so.12": "cuda", "libcudnn_ops.so.9": "cuda",
    "libnccl.so.2": "cuda", "libnvinfer.so.10": "cuda", "libamdhip64.so.6": "rocm", "libMIOpen.so.1": "rocm",
    "libsycl.so.8": "xpu", "libmkl_sycl_blas.so.5": "xpu", "libascendcl.so": "npu", "libtpu.so": "tpu",
    "libmlx.dylib": "metal", "libc.so.6": None, "libgomp.so.1": None, "libmkl_rt.so.2": None, "libtorch.so": None,
    "libcublas.so": "cuda", "libstdc++.so.6": None, "": None,
    "libcudart-faf08d9a.so.13": "cuda", "libcudart.faf08d9a.so.13": "cuda", "libcublasLt-1234abcd.so.12.1.105": "cuda",
    "libgomp-1234abcd.so.1.0.0": None, "libcudart-xyz.so.13": None, "libumf.so.0": None, "libtorch_cpu.so": None,
    "libtorch_python.so": None, "libc10.so": None, "libcudf_kafka.so": None, "librmmx.so": None,
    **{library: runtime for runtime, libraries in FRAMEWORKS.items() for library in libraries.split()},
}  # fmt: skip


@pytest.mark.parametrize(("library", "runtime"), OF_RUNTIMES.items())
def test_to_which_runtime_a_library_belongs(library: str, runtime: str | None) -> None:
    assert library_runtime(library) == runtime


def test_upper_and_lower_case_of_a_library_differ() -> None:
    assert not found("nvidia-cublas-cu12").includes("LIBCUBLAS.SO.12")
