"""Small files that a run writes besides its results, such as metrics and locks: each appears atomically, complete."""

import os
import stat
from pathlib import Path
from typing import Final

from wheelfix.wheel.zip.staging import StagedFile

_MODE: Final = 0o644
"""Whoever collects them has another user id than the job that writes them."""


def write_text(path: Path, text: str, *, mode: int = _MODE) -> None:
    """Write ``text`` to the file at ``path``, in place of what is there; its directory must exist.

    Where ``path`` is a symbolic link, the file behind it is written. ``mode`` are the permissions of a new file.

    :raises OSError: if it cannot be written: then what was there is still there.
    """
    try:
        target = Path(os.path.realpath(path))
        with StagedFile(target.parent, mode) as staged:
            with open(staged.descriptor, "w", encoding="utf-8", closefd=False) as file:
                file.write(text)
            os.fsync(staged.descriptor)
            staged.put(target, replace=True)
    except OSError as error:
        error.filename = str(path)  # a hidden name, or none, says nothing to people
        error.filename2 = None
        raise


def usual_mode(path: Path) -> int:
    """Return the permissions of the file at ``path``, and those that the user wants for new files where there is none."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        umask = os.umask(0o077)  # it can only be read by setting it: to what lets nobody in meanwhile
        os.umask(umask)
        return 0o666 & ~umask
