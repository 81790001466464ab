"""Real wheels, downloaded with pip once, where that is allowed."""

import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

from measuring import say
from setting import Setting


class RealWheel(NamedTuple):
    """A wheel on PyPI: what pip is asked for, the file that it gives, and how it is called in a table."""

    requirement: str
    python: str
    platform: str
    filename: str
    subject: str


TORCH_2_7: Final = RealWheel(
    "torch==2.7.0",
    "3.11",
    "manylinux_2_28_aarch64",
    "torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl",
    "torch 2.7.0 aarch64, 99 MB, 11,495 entries, dist-info first",
)
TORCH_CUDA: Final = RealWheel(
    "torch==2.14.1",
    "3.12",
    "manylinux_2_28_x86_64",
    "torch-2.14.1-cp312-cp312-manylinux_2_28_x86_64.whl",
    "torch 2.14.1 x86_64 (CUDA), 555 MB, 13,043 entries, dist-info last",
)
XGBOOST: Final = RealWheel(
    "xgboost==3.2.0",
    "3.11",
    "manylinux_2_28_x86_64",
    "xgboost-3.2.0-py3-none-manylinux_2_28_x86_64.whl",
    "xgboost 3.2.0 x86_64, 132 MB",
)


class NotMeasured(Exception):
    """Something that a section needs is not here; the text says what."""


def downloaded(wheel: RealWheel, setting: Setting) -> Path:
    """Return the file; it is downloaded unless it is there.

    :raises NotMeasured: if downloads are not allowed, or fail.
    """
    home = setting.directory / "real"
    path = home / wheel.filename
    if path.exists() and setting.real:
        return path
    if not setting.real:
        raise NotMeasured(f"{wheel.requirement} is downloaded with --real only")
    say(f"downloading {wheel.filename}")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    where = ["--python-version", wheel.python, "--implementation", "cp", "--platform", wheel.platform, "--dest", str(home)]
    done = subprocess.run(
        [*command, "--only-binary", ":all:", *where, wheel.requirement], capture_output=True, text=True, check=False
    )
    if done.returncode or not path.exists():
        raise NotMeasured(f"pip cannot download {wheel.requirement}: {done.stderr.strip()[-200:]}")
    return path
