"""Wheels of a project called demo, for the tests of mirrors."""

from pathlib import Path
from typing import Any

from building import write_wheel
from defects import metadata, valid

GPU = 'nvidia-cudnn-cu12==9.5.1.17; platform_system == "Linux" and platform_machine == "x86_64"'
TAGS = ("py3-none-any", "cp311-cp311-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_28_x86_64",
        "cp39-abi3-win_amd64", "cp311-cp311-macosx_11_0_arm64")  # fmt: skip


def demo_wheel(folder: Path, version: str, *needs: str, tags: str = "py3-none-any", **changes: Any) -> Path:
    """Write a valid wheel that requires ``needs`` into ``folder``, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    head = ("Metadata-Version: 2.1", "Name: demo", f"Version: {version}", "Summary: A wheel for tests")
    data = metadata(*(f"Requires-Dist: {need}" for need in needs), head=head, rest=("Description-Content-Type: text/plain",))
    return write_wheel(folder, valid(version=version, tags=tags, metadata=data, **changes))
