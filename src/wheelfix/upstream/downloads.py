"""Wheels of an index, downloaded once and checked by their sha256, in a scratch directory on the local disk.

::

    downloads/SHA256.part        the beginning of one that is being downloaded, or was interrupted
    downloads/SHA256.whl         one that is complete, and has this sha256
    download-locks/PROJECT.lock  keeps runs apart that download the same project
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
from wheelfix.upstream.http import OK, PARTIAL, Session, bad_answer

_DIRECTORY: Final = "downloads"
_LARGEST: Final = 1 << 36
_BEYOND_END: Final = 416
_SUM: Final = re.compile(r"[0-9a-f]{64}")
_DAY: Final = 24 * 3600
_SHARED: Final = 0o664


class Downloads:
    """The downloads in the directory ``scratch``, which is created on first use.

    Who fetches or drops wheels of a project holds its lock, see :meth:`locked`. A wheel is kept until it is dropped, or no
    run has needed it for two weeks. ``lock_seconds`` is how long to wait for another run, -1 waits forever.
    """

    def __init__(self, session: Session, scratch: Path, lock_seconds: float, progress: Progress = NO_PROGRESS) -> None:
        self._session = session
        self._lock_seconds = lock_seconds
        self._progress = progress
        self._scratch = scratch
        self._directory = scratch / _DIRECTORY
        remove_old(self._directory)

    @contextmanager
    def locked(self, project: str) -> Iterator[None]:
        """Keep other runs that download ``project`` out.

        :raises MirrorError: if another run downloads it for longer.
        """
        lock = self._scratch / "download-locks" / f"{project}.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(lock, timeout=self._lock_seconds, mode=_SHARED):
                yield
        except Timeout as error:
            raise MirrorError(
                "locked",
                f"another process has been downloading {shown(project)} for {self._lock_seconds:g} seconds",
                hint="Try again when it has finished. A lock ends with its process: no lock is ever left behind.",
            ) from error

    def fetch(self, file: DistributionPackage, target: Path) -> None:
        """Put a wheel at ``target``: the one that is here, or else downloaded now, from where an earlier run ended.

        :raises MirrorError: if what came has another sha256 than the index says, or the server does not give it.
        """
        sha256 = checked_sum(file)
        complete = self._directory / f"{sha256}.whl"
        if not self._is_complete(complete, sha256):
            self._download(file, sha256)
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

    def _download(self, file: DistributionPackage, sha256: str) -> None:
        part = self._directory / f"{sha256}.part"
        part.parent.mkdir(parents=True, exist_ok=True)
        resumed = part.exists()
        digest = self._complete(file, part)
        if digest != sha256 and resumed:  # the beginning is that of another file
            part.unlink()
            digest = self._complete(file, part)
        if digest != sha256:
            part.unlink()
            raise MirrorError(
                "wrong-hash",
                f"{shown(file.filename)} was downloaded with another sha256 than the index says, and deleted",
                reason=f"its sha256 is {digest}, the index says {sha256}",
                hint="Run again, and report it to the operator of the index if it persists.",
            )
        part.rename(part.with_suffix(".whl"))

    def _complete(self, file: DistributionPackage, part: Path) -> str:
        """Download what the file at ``part`` lacks of ``file``; return its sha256 (hexadecimal) then."""
        have = part.stat().st_size if part.exists() else 0
        with self._session.request("GET", file.url, {"Range": f"bytes={have}-"} if have else {}) as answer:
            if have and answer.status_code == _BEYOND_END:
                return _sum_of(part)  # all of it is there, or its sha256 is wrong
            if answer.status_code not in (OK, PARTIAL):
                raise bad_answer(file.url, answer.status_code)
            resumes = bool(have) and answer.status_code == PARTIAL  # 200: the server sends all of it again
            self._progress.file_started(file.filename, file.size, have if resumes else 0)
            with part.open("ab" if resumes else "wb") as output:
                for block in self._session.blocks(file.url, answer):
                    output.write(block)
                    self._progress.file_advanced(file.filename, len(block))
                    if output.tell() > (file.size or _LARGEST):
                        break  # then its sha256 is wrong
                output.flush()
                os.fsync(output.fileno())
        return _sum_of(part)


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
