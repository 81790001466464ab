"""Directories for work in progress, on the local disk: one for each run, removed at its end.

Each has a file that is locked while it is in use. The hidden directories of :mod:`wheelfix.wheel.zip.staging` are locked
themselves: that is enough on one machine, but over NFS only locks of files are seen by other machines, and one of those may
work for the same mirror. Files are locked as in staging.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from wheelfix.wheel.zip.staging import held, is_leftover, open_locked, remove_tree

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
    directory, lock = _new_locked(scratch)
    try:
        yield directory / _WORK
    finally:
        for left in (directory / _WORK, directory):  # the lock last, for what a killed run leaves is known by it
            remove_tree(left)  # while it is still locked: nobody takes it for abandoned
        with suppress(OSError):
            os.utime(directory, (0, 0))  # what is left may have lost its lock: the next run is to know that it is old
        with suppress(OSError):  # nothing was written to it
            os.close(lock)


def _new_locked(scratch: Path) -> tuple[Path, int]:
    """Make a new directory below ``scratch``; return it, and the descriptor by which it is locked."""
    while True:
        directory, lock = Path(tempfile.mkdtemp(prefix=_MAKING, dir=scratch)), -1
        try:
            lock = open_locked(directory / _IN_USE)
            if os.fstat(lock).st_nlink:
                (directory / _WORK).mkdir()
                return directory, lock
            os.close(lock)  # another process found it before it was locked, and removed it
        except BaseException as error:  # Ctrl-C too
            if lock >= 0:
                os.close(lock)
            is_gone = isinstance(error, FileNotFoundError) and not directory.exists()
            if not is_gone and not isinstance(error, FileExistsError):  # or that process is about to do so
                remove_tree(directory)
                raise


def abandoned(scratch: Path) -> list[Path]:
    """Return the directories below ``scratch`` that a killed process left."""
    return [each for each in sorted(scratch.glob(f"{_MAKING}*")) if _is_abandoned(each)]


def _is_abandoned(workshop: Path) -> bool:
    try:
        if not (workshop / _IN_USE).exists():  # it is being made, or was interrupted in its first moment
            return workshop.stat().st_mtime < workshop.parent.stat().st_mtime - _MOMENT
    except OSError:  # it is gone by now
        return False
    return is_leftover(workshop / _IN_USE)


def remove_abandoned(workshop: Path) -> None:
    """Remove the directory ``workshop``, unless it is in use."""
    if not _is_abandoned(workshop):
        return
    lock = workshop / _IN_USE
    # Under its lock: who made it, and was not quick enough to lock it, waits for that and makes another one.
    with suppress(OSError):
        if not lock.exists():
            os.close(open_locked(lock))
        with held(lock) as mode:
            if mode:
                remove_tree(workshop)  # another process may be at the same; the rest is reported again


def remove_all_abandoned(scratch: Path) -> None:
    """Remove the directories below ``scratch`` that a killed process left."""
    for each in abandoned(scratch):
        remove_abandoned(each)
