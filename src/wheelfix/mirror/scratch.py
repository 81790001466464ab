"""Directories for work in progress, on the local disk: one for each run, removed at its end."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

_MAKING: Final = "making-"
"""How the name of such a directory begins."""
_IN_USE: Final = "in-use.lock"
_MOMENT: Final = 3600
"""In seconds."""


@contextmanager
def workshop(scratch: Path) -> Iterator[Path]:
    """Give a new directory below ``scratch``; it is removed afterwards."""
    scratch.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix=_MAKING, dir=scratch))
    with FileLock(directory / _IN_USE):
        try:
            (directory / "wheels").mkdir()
            yield directory / "wheels"
        finally:
            shutil.rmtree(directory)  # while it is still locked: nobody takes it for abandoned


def abandoned(scratch: Path) -> list[Path]:
    """Return the directories below ``scratch`` that a killed process left."""
    return [each for each in sorted(scratch.glob(f"{_MAKING}*")) if _is_abandoned(each)]


def _is_abandoned(workshop: Path) -> bool:
    try:
        if not (workshop / _IN_USE).exists():  # it is being made, or was interrupted in its first moment
            return workshop.stat().st_mtime < workshop.parent.stat().st_mtime - _MOMENT
        with FileLock(workshop / _IN_USE, timeout=0):
            return True
    except (Timeout, OSError):  # it is in use, or gone by now
        return False


def remove_abandoned(workshop: Path) -> None:
    """Remove the directory ``workshop``, unless it is in use."""
    if _is_abandoned(workshop):
        shutil.rmtree(workshop, ignore_errors=True)  # another process may be at the same; what is left is reported again
