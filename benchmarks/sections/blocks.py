"""How much room the result takes beside its original, on a file system where files can share blocks."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contenders import strip_gpu
from downloads import NotMeasured
from measuring import measure
from setting import Setting
from table import Figure, markdown
from targets import BLOCKS
from wheels import MEGABYTE, large_wheels

_SMALLEST = 400
"""Megabytes: mkfs.xfs makes no file system below 300 MiB."""


def extra(setting: Setting) -> list[Figure]:
    """Measure both layouts on XFS; the figure is the worse of the two."""
    wheels = large_wheels(setting.directory, setting.size)
    rows, worst = [], 0.0
    with _xfs(setting, 2 * setting.size + _SMALLEST) as mount:
        for layout, wheel in wheels.items():
            source, output = mount / wheel.name, mount / "fixed"
            shutil.copyfile(wheel, source)
            before = _used(mount)
            cost = measure(strip_gpu(output, str(source)))
            taken = (_used(mount) - before) / MEGABYTE
            worst = max(worst, taken)
            rows.append([layout, f"{taken:.2f}", f"{cost.wall:.3f}", f"{cost.cpu:.3f}"])
            source.unlink()
            shutil.rmtree(output)
    print(markdown(["", "extra MB", "wall s", "CPU s"], rows))
    return [Figure(BLOCKS, f"made, {setting.size} MB, the worse of both layouts", [worst])]


def _used(mount: Path) -> int:
    """Return the bytes that are taken, when everything is on the disk."""
    os.sync()
    found = os.statvfs(mount)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


@contextmanager
def _xfs(setting: Setting, megabytes: int) -> Iterator[Path]:
    """Give a directory on a new file system that shares blocks; it is in a file, through a loop device.

    :raises NotMeasured: if none can be made or mounted here.
    """
    if os.geteuid() != 0:
        raise NotMeasured("only root may mount a file system")
    with setting.work("xfs") as work:
        image, mount = work / "image", work / "mount"
        mount.mkdir()
        image.touch()
        os.truncate(image, megabytes * MEGABYTE)
        _run("mkfs.xfs", "-q", "-m", "reflink=1", str(image))
        _run("mount", "-o", "loop", str(image), str(mount))
        try:
            yield mount
        finally:
            subprocess.run(["umount", str(mount)], check=True)


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise NotMeasured(f"{command[0]} is not installed") from error
    if done.returncode:
        raise NotMeasured(f"{command[0]} failed: {done.stderr.strip()[-200:]}")
