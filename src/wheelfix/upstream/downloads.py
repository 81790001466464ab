"""Wheels of an index, downloaded once and checked by their sha256, in a scratch directory on the local disk.

::

    downloads/SHA256.part        the beginning of one that is being downloaded, or was interrupted
    downloads/SHA256.whl         one that is complete, and has this sha256
    download-locks/SHA256.lock   keeps runs and threads apart that download the same wheel
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from pypi_simple import DistributionPackage

from wheelfix.errors import MirrorError
from wheelfix.progress import NO_PROGRESS, Progress
from wheelfix.text import shown
from wheelfix.upstream.cache import age_of, remove_old
from wheelfix.upstream.client import sha256_of
from wheelfix.upstream.http import Session
from wheelfix.upstream.whole_file import Wanted, download

_DIRECTORY: Final = "downloads"
_LOCKS: Final = "download-locks"
_SUM: Final = re.compile(r"[0-9a-f]{64}")
_DAY: Final = 24 * 3600
_SHARED: Final = 0o664


class Downloads:
    """The downloads in the directory ``scratch``, which is created on first use.

    Who fetches or drops a wheel holds its lock, see :meth:`locked`. A wheel is kept until it is dropped, or no run has
    needed it for two weeks. ``lock_seconds`` is how long to wait for another run, -1 waits forever.
    """

    def __init__(self, session: Session, scratch: Path, lock_seconds: float, progress: Progress = NO_PROGRESS) -> None:
        self._session = session
        self._lock_seconds = lock_seconds
        self._progress = progress
        self._directory = scratch / _DIRECTORY
        self._locks = scratch / _LOCKS
        remove_old(self._directory)
        remove_old(self._locks)  # no run lasts so long

    @contextmanager
    def locked(self, sha256: str, name: str) -> Iterator[None]:
        """Keep other runs that download the wheel ``name`` with this sha256 out.

        :raises MirrorError: if another run downloads it for longer.
        """
        lock = self._locks / f"{sha256}.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(lock, timeout=self._lock_seconds, mode=_SHARED):
                yield
        except Timeout as error:
            raise MirrorError(
                "locked",
                f"another process has been downloading {shown(name)} for {self._lock_seconds:g} seconds",
                hint="Try again when it has finished. A lock ends with its process: no lock is ever left behind.",
            ) from error

    def fetch(self, file: DistributionPackage, target: Path) -> None:
        """Put a wheel at ``target``: the one that is here, or else downloaded now, from where an earlier run ended.

        :raises MirrorError: if what came has another size or sha256 than the index says, or the server does not give it.
        """
        sha256 = checked_sum(file)
        complete = self._directory / f"{sha256}.whl"
        if not self._is_complete(complete, sha256):
            self._directory.mkdir(parents=True, exist_ok=True)
            wanted = Wanted(file.url, file.filename, sha256, file.size)
            download(self._session, wanted, complete, keep_part=True, progress=self._progress)
        try:
            target.hardlink_to(complete)  # this run keeps it when another one drops it
        except OSError:  # a file system without links
            shutil.copyfile(complete, target)

    def drop(self, sha256: str) -> None:
        """Remove the wheel with this sha256: it is published, or refused for good."""
        (self._directory / f"{sha256}.whl").unlink(missing_ok=True)

    @staticmethod
    def _is_complete(path: Path, sha256: str) -> bool:
        """Whether the wheel with this sha256 is at ``path``; one that has another sha256 by now is removed."""
        if not path.exists():
            return False
        if _sum_of(path) != sha256:
            path.unlink()
            return False
        if age_of(path) > _DAY:  # not more often: to a run that reads it, a new time is a change
            os.utime(path)
        return True


def _sum_of(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def checked_sum(file: DistributionPackage) -> str:
    """Return the sha256 that the index gives for a file, by which its download is checked.

    :raises MirrorError: if it gives none.
    """
    sha256 = sha256_of(file) or ""
    if not _SUM.fullmatch(sha256):
        raise MirrorError(
            "no-hash", f"the index has no sha256 of {shown(file.filename)}", hint="Without it a download cannot be checked."
        )
    return sha256
