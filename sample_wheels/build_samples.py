"""Build the sample wheels beside this file; ``--check`` compares them with what is there and writes nothing.

The requirement lines are those of the real wheels that README.md names. Everything else in them is made up and small.
"""

import argparse
import struct
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from elfwriter import shared_object
from wheelwriter import RecordStyle, WheelSpec, build_wheel
from zipwriter import Entry, extra_field

FOLDER: Final = Path(__file__).parent
_BUILT: Final = (2025, 4, 18, 17, 25, 6)
_STAMP: Final = 1_744_997_106
_OWNER: Final = extra_field(0x7875, struct.pack("<BBIBI", 1, 4, 1000, 4, 1000))
_LINUX_X86: Final = 'platform_system == "Linux" and platform_machine == "x86_64"'
_LINUX: Final = 'platform_system == "Linux"'
_LATEST: Final = f'{_LINUX} and python_version < "3.15"'

_TORCH_2_7: Final = (
    "filelock", "typing-extensions>=4.10.0", 'setuptools; python_version >= "3.12"', "sympy>=1.13.3", "networkx",
    "jinja2", "fsspec",
    f"nvidia-cuda-nvrtc-cu12==12.6.77; {_LINUX_X86}",
    f"nvidia-cuda-runtime-cu12==12.6.77; {_LINUX_X86}",
    f"nvidia-cuda-cupti-cu12==12.6.80; {_LINUX_X86}",
    f"nvidia-cudnn-cu12==9.5.1.17; {_LINUX_X86}",
    f"nvidia-cublas-cu12==12.6.4.1; {_LINUX_X86}",
    f"nvidia-cufft-cu12==11.3.0.4; {_LINUX_X86}",
    f"nvidia-curand-cu12==10.3.7.77; {_LINUX_X86}",
    f"nvidia-cusolver-cu12==11.7.1.2; {_LINUX_X86}",
    f"nvidia-cusparse-cu12==12.5.4.2; {_LINUX_X86}",
    f"nvidia-cusparselt-cu12==0.6.3; {_LINUX_X86}",
    f"nvidia-nccl-cu12==2.26.2; {_LINUX_X86}",
    f"nvidia-nvtx-cu12==12.6.77; {_LINUX_X86}",
    f"nvidia-nvjitlink-cu12==12.6.85; {_LINUX_X86}",
    f"nvidia-cufile-cu12==1.11.1.6; {_LINUX_X86}",
    f"triton==3.3.0; {_LINUX_X86}",
)  # fmt: skip
_TORCH_2_7_LINKS: Final = (
    "libcublas.so.12", "libcublasLt.so.12", "libcudnn.so.9", "libcufft.so.11", "libcufile.so.0", "libcurand.so.10",
    "libcusolver.so.11", "libcusparse.so.12", "libcusparseLt.so.0", "libnccl.so.2", "libnvrtc.so.12", "libc.so.6",
)  # fmt: skip
_TORCH_2_14: Final = (
    "filelock", "typing-extensions>=4.10.0", "setuptools>=77.0.3", "sympy>=1.13.3", "networkx>=2.5.1", "jinja2",
    "fsspec>=0.8.5",
    "cuda-toolkit[cublas,cudart,cufft,cufile,cupti,curand,cusolver,cusparse,nvjitlink,nvrtc,nvtx]==13.0.3; " + _LINUX,
    f"cuda-bindings<14,>=13.0.3; {_LATEST}",
    f"nvidia-cudnn-cu13==9.24.0.43; {_LINUX}",
    f"nvidia-cusparselt-cu13==0.8.1; {_LINUX}",
    f"nvidia-nccl-cu13==2.30.7; {_LINUX}",
    f"nvidia-nvshmem-cu13==3.4.5; {_LINUX}",
    f"triton~=3.8.0; {_LATEST}",
)  # fmt: skip
_TORCH_1_13: Final = (
    "typing-extensions",
    f"nvidia-cuda-runtime-cu11 (==11.7.99) ; {_LINUX}",
    f"nvidia-cudnn-cu11 (==8.5.0.96) ; {_LINUX}",
    f"nvidia-cublas-cu11 (==11.10.3.66) ; {_LINUX}",
    f"nvidia-cuda-nvrtc-cu11 (==11.7.99) ; {_LINUX}",
)
_XGBOOST: Final = ("numpy", "nvidia-nccl-cu12; platform_system == 'Linux'", "scipy")
_TENSORFLOW: Final = (
    "absl-py>=1.0.0", "astunparse>=1.6.0", "flatbuffers>=25.9.23", "gast!=0.5.0,!=0.5.1,!=0.5.2,>=0.2.1",
    "google_pasta>=0.1.1", "libclang>=13.0.0", "opt_einsum>=2.3.2", "packaging", "protobuf<8.0.0,>=6.31.1",
    "requests<3,>=2.21.0", "setuptools", "six>=1.12.0", "termcolor>=1.1.0", "typing_extensions>=3.6.6",
    "wrapt>=1.11.0", "grpcio<2.0,>=1.24.3", "keras>=3.12.0", "numpy>=1.26.0", "h5py<3.15.0,>=3.11.0",
    "ml_dtypes<1.0.0,>=0.5.1",
)  # fmt: skip
_TENSORFLOW_CUDA: Final = (
    "nvidia-cublas-cu12<13.0,>=12.5.3.2", "nvidia-cuda-cupti-cu12<13.0,>=12.5.82",
    "nvidia-cuda-nvcc-cu12<13.0,>=12.5.82", "nvidia-cuda-nvrtc-cu12<13.0,>=12.5.82",
    "nvidia-cuda-runtime-cu12<13.0,>=12.5.82", "nvidia-cudnn-cu12<10.0,>=9.3.0.75", "nvidia-cufft-cu12<12.0,>=11.2.3.61",
    "nvidia-curand-cu12<11.0,>=10.3.6.82", "nvidia-cusolver-cu12<12.0,>=11.6.3.83",
    "nvidia-cusparse-cu12<13.0,>=12.5.1.3", "nvidia-nccl-cu12<3.0,>=2.27.7", "nvidia-nvjitlink-cu12<13.0,>=12.5.82",
)  # fmt: skip


def samples() -> list[WheelSpec]:
    """Return every sample wheel."""
    return [
        _torch_2_7("aarch64"),
        _torch_2_7("x86_64"),
        _torch_2_14_macos(),
        _torch_2_14_cuda(),
        _torch_1_13(),
        _xgboost(),
        _tensorflow(),
        _folded_latin(),
        _cleanpkg(),
        _demo_gpu_leak(),
        _demo_gpu_twin(),
        _networkx(),
    ]


def _metadata(spec: WheelSpec, level: str, fields: Iterable[str], body: str) -> bytes:
    """Return METADATA with the requirements of ``spec`` between ``fields`` and ``body``."""
    lines = [f"Metadata-Version: {level}", f"Name: {spec.project}", f"Version: {spec.version}", *fields]
    return ("\n".join(lines) + f"\n\n{body}").encode()


def _requires(requirements: Iterable[str]) -> list[str]:
    return [f"Requires-Dist: {requirement}" for requirement in requirements]


def _extra(name: str, requirements: Iterable[str], quote: str = '"') -> list[str]:
    """Return the lines of the extra ``name``."""
    return [f"Provides-Extra: {name}", *_requires(f"{each}; extra == {quote}{name}{quote}" for each in requirements)]


def _dated(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(replace(entry, time=_BUILT) for entry in entries)


def _torch_files(version: str, cuda: str | None, *binaries: Entry) -> tuple[Entry, ...]:
    constants = f"""from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'hip', 'xpu']
__version__ = {version!r}
debug = False
cuda: Optional[str] = {cuda!r}
hip: Optional[str] = None
xpu: Optional[str] = None
"""
    return _dated(
        [
            Entry("functorch/__init__.py", b'"""A stand-in."""\n'),
            Entry("functorch/einops/__init__.py"),
            Entry("torch/__init__.py", b'"""A stand-in for torch: the shape of its wheel, none of its code."""\n'),
            Entry("torch/version.py", constants.encode()),
            Entry("torch/bin/torch_shm_manager", b"#!/bin/sh\nexit 0\n", mode=0o100755),
            *binaries,
        ]
    )


def _library(machine: str, folder: str, name: str, *needed: str) -> Entry:
    return Entry(f"{folder}/{name}", shared_object(machine, needed=needed, soname=name), mode=0o100755)


def _extension(machine: str, path: str, *needed: str) -> Entry:
    return Entry(path, shared_object(machine, needed=needed, exports=["PyInit__C"]), mode=0o100755)


_TORCH_BODY: Final = """# A stand-in for torch

It has the shape and the requirements of a real wheel and none of its code. The next line is text, not a field:

Requires-Dist: triton==3.3.0
"""


def _torch_2_7(machine: str) -> WheelSpec:
    """Return torch 2.7.0: for aarch64 a CPU build that leaks the requirements of the CUDA build, which is for x86_64."""
    tags = f"cp311-cp311-manylinux_2_28_{machine}"
    spec = WheelSpec("torch", "2.7.0", tags)
    fields = [
        "Summary: A stand-in for torch",
        "License: BSD-3-Clause",
        "Classifier: Programming Language :: Python :: 3",
        "Requires-Python: >=3.9.0",
        "Description-Content-Type: text/markdown",
        "License-File: LICENSE",
        *_requires(_TORCH_2_7),
        *_extra("optree", ["optree>=0.13.0"]),
        *_extra("opt-einsum", ["opt-einsum>=3.3"]),
        "Dynamic: requires-dist",
    ]
    times = struct.pack("<I", _STAMP)
    return replace(
        spec,
        metadata=_metadata(spec, "2.2", fields, _TORCH_BODY),
        files=_torch_2_7_cpu_files(machine) if machine == "aarch64" else _torch_2_7_cuda_files(machine),
        dist_info_files={"LICENSE": b"Made up for this sample.\n", "top_level.txt": b"functorch\ntorch\n"},
        dist_info_first=True,
        folders=True,
        style=RecordStyle(own_row="middle"),
        # What Info-ZIP writes: times and owner, 28 bytes in the local header and 24 in the directory.
        extra=extra_field(0x5455, b"\x03" + times) + _OWNER,
        local_extra=extra_field(0x5455, b"\x03" + 2 * times) + _OWNER,
    )


def _torch_2_7_cpu_files(machine: str) -> tuple[Entry, ...]:
    return _torch_files(
        "2.7.0+cpu",
        None,
        _library(machine, "torch/lib", "libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libc.so.6"),
        _library(machine, "torch/lib", "libc10.so", "libc.so.6"),
        _library(machine, "torch/lib", "libtorch_global_deps.so", "libgomp.so.1", "libc.so.6"),
        _extension(machine, f"torch/_C.cpython-311-{machine}-linux-gnu.so", "libtorch_cpu.so", "libc.so.6"),
    )


def _torch_2_7_cuda_files(machine: str) -> tuple[Entry, ...]:
    return _torch_files(
        "2.7.0+cu126",
        "12.6",
        _library(machine, "torch/lib", "libtorch_global_deps.so", "libcudart.so.12", "libgomp.so.1", "libc.so.6"),
        _library(machine, "torch/lib", "libc10.so", "libc.so.6"),
        _library(machine, "torch/lib", "libc10_cuda.so", "libc10.so", "libcudart.so.12", "libc.so.6"),
        _library(machine, "torch/lib", "libtorch_cpu.so", "libc10.so", "libcupti.so.12", "libgomp.so.1", "libc.so.6"),
        _library(machine, "torch/lib", "libtorch_cuda.so", "libtorch_cpu.so", "libc10_cuda.so", *_TORCH_2_7_LINKS),
        _extension(machine, f"torch/_C.cpython-311-{machine}-linux-gnu.so", "libtorch_cuda.so", "libc.so.6"),
    )


def _torch_2_14(tags: str, requirements: Sequence[str], files: tuple[Entry, ...]) -> WheelSpec:
    spec = WheelSpec("torch", "2.14.1", tags)
    fields = [
        "Summary: A stand-in for torch",
        "License-Expression: BSD-3-Clause",
        "License-File: LICENSE",
        "Requires-Python: >=3.10",
        "Description-Content-Type: text/markdown",
        *_requires(requirements),
        *_extra("optree", ["optree>=0.13.0"]),
        *_extra("opt-einsum", ["opt-einsum>=3.3"]),
        *_extra("pyyaml", ["pyyaml"]),
    ]
    return replace(
        spec,
        metadata=_metadata(spec, "2.4", fields, _TORCH_BODY),
        files=files,
        dist_info_files={"licenses/LICENSE": b"Made up for this sample.\n"},
    )


def _torch_2_14_macos() -> WheelSpec:
    return _torch_2_14("cp312-cp312-macosx_14_0_arm64", [*_TORCH_2_14, *_TORCH_2_14[-1:] * 2], _torch_files("2.14.1", None))


def _torch_2_14_cuda() -> WheelSpec:
    """Return the CUDA build of torch 2.14.1, whose binaries link to the CUDA runtime."""
    machine = "x86_64"
    files = _torch_files(
        "2.14.1+cu130",
        "13.0",
        _library(machine, "torch/lib", "libtorch_global_deps.so", "libcudart.so.13", "libcublas.so.13", "libc.so.6"),
        _library(machine, "torch/lib", "libtorch_cuda.so", "libc10_cuda.so", "libcudnn.so.9", "libnccl.so.2", "libc.so.6"),
        _library(machine, "torch/lib", "libc10_cuda.so", "libcudart.so.13", "libc.so.6"),
        _extension(machine, "torch/_C.cpython-312-x86_64-linux-gnu.so", "libtorch_cuda.so", "libc.so.6"),
    )
    return _torch_2_14("cp312-cp312-manylinux_2_28_x86_64", _TORCH_2_14, files)


def _torch_1_13() -> WheelSpec:
    """Return a CUDA build with parenthesised versions."""
    spec = WheelSpec("torch", "1.13.1", "cp310-cp310-manylinux1_x86_64")
    fields = [
        "Summary: A stand-in for torch",
        "Requires-Python: >=3.7.0",
        *_requires(_TORCH_1_13),
        "Provides-Extra: opt-einsum",
        "Requires-Dist: opt-einsum (>=3.3) ; extra == 'opt-einsum'",
    ]
    machine = "x86_64"
    binaries = (
        _library(machine, "torch/lib", "libtorch_cuda.so", "libcudart.so.11.0", "libcudnn.so.8", "libc.so.6"),
        _extension(machine, "torch/_C.cpython-310-x86_64-linux-gnu.so", "libtorch_cuda.so", "libc.so.6"),
    )
    return replace(
        spec, metadata=_metadata(spec, "2.1", fields, _TORCH_BODY), files=_torch_files("1.13.1+cu117", "11.7", *binaries)
    )


def _xgboost() -> WheelSpec:
    """Return a library that loads what it requires only where there is a GPU."""
    spec = WheelSpec("xgboost", "3.2.0", "py3-none-manylinux_2_28_x86_64")
    extras = {
        "dask": ["dask", "distributed", "pandas"],
        "pandas": ["pandas>=1.2"],
        "plotting": ["graphviz", "matplotlib"],
        "pyspark": ["cloudpickle", "pyspark>=3.4", "scikit-learn"],
        "scikit-learn": ["scikit-learn"],
    }
    fields = ["Summary: A stand-in for xgboost", "Requires-Python: >=3.10", *_requires(_XGBOOST)]
    for name, requirements in extras.items():
        fields += _extra(name, requirements, "'")
    return replace(
        spec,
        metadata=_metadata(spec, "2.4", fields, "# A stand-in for xgboost\n"),
        files=_dated(
            [
                Entry("xgboost/__init__.py", b'"""A stand-in."""\n'),
                _library("x86_64", "xgboost/lib", "libxgboost.so", "libgomp.so.1", "libdl.so.2", "libc.so.6"),
            ]
        ),
    )


def _tensorflow() -> WheelSpec:
    """Return a wheel that asks for GPU libraries only behind an extra, and needs no correction."""
    spec = WheelSpec("tensorflow_cpu", "2.21.0", "cp312-cp312-manylinux_2_27_x86_64")
    gcs = "tensorflow-io-gcs-filesystem>=0.23.1"
    fields = [
        "Summary: A stand-in for tensorflow-cpu",
        "Requires-Python: >=3.10",
        *_requires(_TENSORFLOW),
        *_extra("and-cuda", _TENSORFLOW_CUDA),
        "Provides-Extra: gcs-filesystem",
        f'Requires-Dist: {gcs}; (sys_platform != "win32" and python_version < "3.13") and extra == "gcs-filesystem"',
        f'Requires-Dist: {gcs}; (sys_platform == "win32" and python_version < "3.12") and extra == "gcs-filesystem"',
        "Dynamic: requires-dist",
    ]
    return replace(
        spec,
        metadata=_metadata(spec, "2.4", fields, "A stand-in for tensorflow-cpu.\n"),
        files=_dated([Entry("tensorflow/__init__.py", b'"""A stand-in."""\n')]),
    )


def _folded_latin() -> WheelSpec:
    """Return a wheel that breaks careless editors: CRLF, a folded licence, a name in Latin-1, a mail-like body."""
    text = """Metadata-Version: 2.1
Name: folded-latin
Version: 1.0
Summary: Headers that are easily broken
Author: Andr\xe9 M\xfcller
License: Made up for this sample.
        
        The second paragraph is folded too,
        and has: a colon.
Requires-Dist: six
requires-dist: nvidia-nvtx-cu12==12.6.77; platform_system == 'Linux'
Requires-Dist: nvidia-cudnn-cu12 (==9.5.1.17)
Classifier: Private :: Do Not Upload

  The body begins with blanks.
From here on it is text.
Requires-Dist: nvidia-cudnn-cu12 (==9.5.1.17)


"""  # noqa: W293  # the blank line within the licence has blanks
    return WheelSpec(
        "folded-latin",
        "1.0",
        metadata=text.replace("\n", "\r\n").encode("latin-1"),
        files=_dated([Entry("folded_latin/__init__.py", b""), Entry("folded_latin/a,b.txt", b"A comma in the name.\n")]),
        style=RecordStyle(line_end="\r\n"),
    )


def _cleanpkg() -> WheelSpec:
    """Return a wheel that needs no correction and installs without an index."""
    return WheelSpec(
        "cleanpkg",
        "1.0",
        requires=(),
        files=_dated([Entry("cleanpkg/__init__.py", b'"""Nothing to correct here."""\n\n__version__ = "1.0"\n')]),
    )


def _demo_gpu_leak() -> WheelSpec:
    """Return a pure Python wheel whose only requirements are GPU libraries: corrected, it installs without an index."""
    return WheelSpec(
        "demo_gpu_leak",
        "1.0",
        requires=("nvidia-cuda-runtime-cu12==12.6.77", "nvidia-cudnn-cu12==9.5.1.17", "nvidia-cublas-cu12==12.6.4.1"),
        files=_dated(
            [Entry("demo_gpu_leak/__init__.py", b'"""Runs on any machine."""\n\n\ndef answer() -> int:\n    return 42\n')]
        ),
    )


def _demo_gpu_twin() -> WheelSpec:
    """Return a wheel that asks for the GPU builds of libraries whose CPU builds have other names."""
    spec = WheelSpec("demo_gpu_twin", "1.0")
    fields = [
        "Summary: Runs with the CPU builds too",
        "Requires-Python: >=3.10",
        "Requires-Dist: numpy>=1.26",
        "Requires-Dist: onnxruntime-gpu[cuda,cudnn]>=1.20",
        "Requires-Dist: faiss-gpu-cu12 (>=1.9) ; platform_system == 'Linux'",
        "Provides-Extra: cuda",
        "Requires-Dist: nvidia-cuda-runtime-cu12; extra == 'cuda'",
        "Provides-Extra: progress",
        "Requires-Dist: tqdm; extra == 'cuda' or extra == 'progress'",
        "Provides-Extra: all",
        "Requires-Dist: demo_gpu_twin[cuda,progress]; extra == 'all'",
    ]
    return replace(
        spec,
        metadata=_metadata(spec, "2.1", fields, "Made up, after the habits of real ones.\n"),
        files=_dated([Entry("demo_gpu_twin/__init__.py", b'"""Runs on any machine."""\n')]),
    )


def _networkx() -> WheelSpec:
    """Return networkx 3.3 as old Pythons saw it on a mirror that did not show them what it needs."""
    spec = WheelSpec("networkx", "3.3")
    fields = [
        "Summary: A stand-in for networkx",
        "Provides-Extra: default",
        *_requires(
            f"{each} ; extra == 'default'"
            for each in ("numpy >=1.23", "scipy !=1.11.0,!=1.11.1,>=1.9", "matplotlib >=3.6", "pandas >=1.4")
        ),
    ]
    return replace(
        spec,
        metadata=_metadata(spec, "2.1", fields, "A stand-in for networkx.\n"),
        files=_dated([Entry("networkx/__init__.py", b'"""A stand-in."""\n')]),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the samples, or compare them; return 1 if one differs or is not a sample."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is not what would be written")
    check = parser.parse_args(arguments).check
    wheels = {spec.filename: build_wheel(spec) for spec in samples()}
    if not check:
        for name, data in wheels.items():
            (FOLDER / name).write_bytes(data)
        return 0
    present = {path.name: path.read_bytes() for path in FOLDER.glob("*.whl")}
    wrong = sorted(name for name in wheels.keys() | present.keys() if wheels.get(name) != present.get(name))
    for name in wrong:
        print(f"{name}: not what build_samples.py makes", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
