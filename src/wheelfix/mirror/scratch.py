"""Directories for work in progress, on the local disk: one for each run, removed at its end."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

_MAKING: Final = "making-"
"""How the name of such a directory begins."""
_IN_USE: Final = "in-use.lock"
_WORK: Final = "wheels"
_MOMENT: Final = 3600
"""In seconds."""


@contextmanager
def workshop(scratch: Path, *, sweeps: bool = True) -> Iterator[Path]:
    """Give a new directory below ``scratch``; it is removed afterwards.

    If it ``sweeps``, what earlier runs left there is removed first: that looks at all that lies there.

    :raises OSError: if it cannot be made. What cannot be removed is no error: all that was made there is in its place.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    if sweeps:
        remove_all_abandoned(scratch)
    lock = _new_locked(scratch)
    directory = Path(lock.lock_file).parent
    try:
        yield directory / _WORK
    finally:
        for left in (directory / _WORK, directory):  # the lock last, for what a killed run leaves is known by it
            with suppress(OSError):  # of a close, which rmtree raises all the same
                shutil.rmtree(left, ignore_errors=True)  # while it is still locked: nobody takes it for abandoned
        with suppress(OSError):
            os.utime(directory, (0, 0))  # what is left may have lost its lock: the next run is to know that it is old
        with suppress(OSError):
            lock.release()


def _new_locked(scratch: Path) -> FileLock:
    """Make a new directory below ``scratch``, and return its lock, which is held."""
    while True:
        directory = Path(tempfile.mkdtemp(prefix=_MAKING, dir=scratch))
        lock = FileLock(directory / _IN_USE)
        try:
            lock.acquire()
            (directory / _WORK).mkdir()
        except FileNotFoundError:  # another process found it before it was locked, and removed it
            lock.release()
            if directory.exists():
                raise
        except BaseException:
            lock.release()
            shutil.rmtree(directory, ignore_errors=True)
            raise
        else:
            return lock


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
    if not _is_abandoned(workshop):
        return
    # Under its lock: who made it, and was not quick enough to lock it, waits for that and makes another one.
    with suppress(Timeout, OSError), FileLock(workshop / _IN_USE, timeout=0):
        shutil.rmtree(workshop, ignore_errors=True)  # another process may be at the same; what is left is reported again


def remove_all_abandoned(scratch: Path) -> None:
    """Remove the directories below ``scratch`` that a killed process left."""
    for each in abandoned(scratch):
        remove_abandoned(each)
