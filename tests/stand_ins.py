"""Stand-ins for torch 2.7.0+cpu and for all that it requires, small enough to publish in every test."""

import sys
from pathlib import Path
from typing import Final

from building import Entry, WheelSpec, write_wheel
from defects import metadata, valid

_CPYTHON: Final = f"cp{sys.version_info.major}{sys.version_info.minor}"
_GUARD: Final = '; platform_system == "Linux" and platform_machine == "x86_64"'
GPU: Final = ("nvidia-cudnn-cu12==9.5.1.17", "nvidia-cublas-cu12==12.6.4.1", "nvidia-nccl-cu12==2.26.2", "triton==3.3.0")
_NEEDS: Final = ("filelock", "typing-extensions>=4.10.0", "sympy>=1.13.3", "networkx", "jinja2", "fsspec")
_OTHERS: Final = (
    "filelock==3.1", "typing-extensions==4.12.0", "sympy==1.13.3", "networkx==3.3", "jinja2==3.1", "fsspec==2025.1",
)  # fmt: skip
_CPU_BUILD: Final = (Entry("torch/__init__.py", b""), Entry("torch/version.py", b"cuda = None\n"))


def spec(project: str, version: str, requires: tuple[str, ...] = (), **changes: object) -> WheelSpec:
    """Return a valid wheel of ``project`` that clients can install."""
    head = ("Metadata-Version: 2.1", f"Name: {project}", f"Version: {version}", "Summary: A stand-in")
    lines = [f"Requires-Dist: {each}" for each in requires]
    data = metadata(*lines, "Requires-Python: >=3.9", head=head, rest=("Description-Content-Type: text/plain",))
    return valid(project=project, version=version, metadata=data, **changes)


def write_torch(folder: Path, version: str = "2.7.0+cpu") -> list[Path]:
    """Write the wheels of one release for both architectures, as they came: with GPU requirements."""
    requires = (*_NEEDS, *(f"{each}{_GUARD}" for each in GPU))
    tags = [f"{_CPYTHON}-{_CPYTHON}-manylinux_2_28_{machine}" for machine in ("x86_64", "aarch64")]
    return [write_wheel(folder, spec("torch", version, requires, tags=each, files=_CPU_BUILD)) for each in tags]


def write_others(folder: Path) -> list[Path]:
    """Write a wheel of each project that torch requires."""
    parts = [each.replace("-", "_").partition("==") for each in (*GPU, *_OTHERS)]
    return [write_wheel(folder, spec(project, version)) for project, _, version in parts]
