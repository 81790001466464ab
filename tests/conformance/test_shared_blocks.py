"""On XFS a wheel and its fix take the disk space of one; only root can mount a file system for this."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import wheelfix
from building import Entry, WheelSpec, write_wheel
from wheelfix.results import Status

pytestmark = pytest.mark.slow
_SIZE = 1 << 26


@pytest.fixture
def xfs(tmp_path: Path) -> Iterator[Path]:
    """A directory on an XFS file system with reflinks, in a file of its own."""
    if os.geteuid() != 0 or shutil.which("mkfs.xfs") is None:
        pytest.skip("needs root, and mkfs.xfs, to mount a file system")
    image, place = tmp_path / "image", tmp_path / "xfs"
    image.touch()
    os.truncate(image, 1 << 29)
    place.mkdir()
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", image], check=True)
    if subprocess.run(["mount", "-o", "loop", image, place], check=False).returncode:
        pytest.skip("this system lets nobody mount a loop device")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def _used(place: Path) -> int:
    os.sync()
    state = os.statvfs(place)
    return (state.f_blocks - state.f_bfree) * state.f_frsize


@pytest.mark.parametrize("dist_info_first", [True, False])
@pytest.mark.parametrize("requires", [("nvidia-nccl-cu12",), ()], ids=["fixed", "unchanged"])
def test_a_fix_takes_no_space(*, dist_info_first: bool, requires: tuple[str, ...], xfs: Path) -> None:
    big = Entry("demo/big.bin", os.urandom(_SIZE), method=0)
    path = write_wheel(xfs, WheelSpec(requires=requires, dist_info_first=dist_info_first, files=(big,)))
    before = _used(xfs)
    policy = wheelfix.Policy(allow_unproven=True)
    [outcome] = wheelfix.fix_wheels([path], output=xfs / "out", policy=policy).outcomes
    assert outcome.status is (Status.FIXED if requires else Status.UNCHANGED), outcome.problem
    assert outcome.shared > _SIZE - (1 << 14)
    assert _used(xfs) - before < 1 << 21
