"""A folder that is a mirror: how things get into it, and out of it."""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from filelock import FileLock, Timeout

from wheelfix.archive.source import Source
from wheelfix.archive.staging import StagedFile
from wheelfix.archive.writing import Growing
from wheelfix.errors import MirrorError
from wheelfix.escaping import shown
from wheelfix.mirror.layout import HIDDEN, MAKING, SIMPLE
from wheelfix.mirror.terms import Transfer

_MODE: Final = 0o644
_STEP: Final = 1 << 24
_MOMENT: Final = 3600
"""In seconds."""
_IN_USE: Final = "in-use.lock"
_NO_LINKS: Final = {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}


class Folder:
    """The folder of a mirror, which is made on first use.

    Paths are relative to it, with slashes. A link in it that leads out of it is an error, never followed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def check_exists(self) -> None:
        """Confirm that the folder is a mirror.

        :raises MirrorError: if it is not there, or is none.
        """
        if not self.at(SIMPLE).is_dir():
            raise MirrorError(
                "no-mirror", f"{shown(str(self.path))} is no mirror", hint="`wheelfix mirror add` makes one on first use."
            )

    def at(self, place: str) -> Path:
        """Return where ``place`` lies.

        :raises MirrorError: if a link on the way leads out of the mirror.
        """
        path = self.path / place
        real, root = os.path.realpath(path), os.path.realpath(self.path)
        if real != root and not real.startswith(root.rstrip("/") + "/"):
            raise MirrorError(
                "leads-out", f"{shown(place)} leads out of the mirror", hint="Remove the link; nothing was written."
            )
        return path

    def is_inside(self, place: str) -> bool:
        """Whether ``place`` lies in the mirror, whatever links are on the way."""
        try:
            self.at(place)
        except MirrorError:
            return False
        return True

    def is_link(self, place: str) -> bool:
        """Whether ``place`` itself is a symbolic link."""
        return (self.path / place).is_symlink()

    def names(self, place: str) -> list[str]:
        """Return the names of the folders at ``place``, in order."""
        return sorted(each.name for each in self.at(place).iterdir() if each.is_dir())

    def read(self, place: str) -> bytes | None:
        """Return what lies at ``place``, ``None`` where nothing does.

        :raises OSError: if it is there and cannot be read.
        """
        try:
            return self.at(place).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, place: str, data: bytes) -> None:
        """Let ``data`` lie at ``place``, at one stroke; what is there already is not written again."""
        if self.read(place) == data:
            return
        path = self.at(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        with StagedFile(path.parent, _MODE) as staged, Growing(staged.descriptor) as output:
            output.write(data)
            output.flush_to_disk()
            staged.put(path, replace=True)

    def append(self, place: str, data: bytes) -> None:
        """Let ``data`` follow what lies at ``place``, or begin it."""
        path = self.at(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(data)

    def size(self, place: str) -> int | None:
        """Return the size of the file at ``place`` in bytes, ``None`` where there is none."""
        try:
            return self.at(place).stat().st_size
        except FileNotFoundError:
            return None

    def sha256(self, place: str) -> str | None:
        """Return the sha256 of the file at ``place`` (hexadecimal), ``None`` where there is none."""
        try:
            with self.at(place).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return None

    def take(self, source: Source, place: str, transfer: Transfer) -> None:
        """Let the file ``source`` lie at ``place``, in place of what is there; it stays where it was, too."""
        path = self.at(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        if transfer is not Transfer.COPY and source.is_at(source.path) and self._link(source.path, path):
            if transfer is Transfer.MOVE:
                path.chmod(_MODE)  # a server reads it as another user
            return
        with StagedFile(path.parent, _MODE) as staged, Growing(staged.descriptor) as output:
            while output.size < source.size:
                output.copy_from(source, output.size, min(_STEP, source.size - output.size))
            source.check_unchanged()  # its sum was taken from the same bytes
            output.flush_to_disk()
            staged.put(path, replace=True)

    @staticmethod
    def _link(source: Path, target: Path) -> bool:
        """Give the file ``source`` the name ``target`` as well; return whether the system can."""
        target.unlink(missing_ok=True)
        try:
            os.link(source.resolve(), target)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return False
        return True

    def remove(self, place: str) -> None:
        """Remove the file at ``place``, and the folders that are empty without it, up to those at the top."""
        path = self.at(place)
        path.unlink(missing_ok=True)
        parent = PurePosixPath(place).parent
        while len(parent.parts) > 1:
            try:
                self.at(str(parent)).rmdir()
            except OSError:  # not empty, or gone
                return
            parent = parent.parent

    @contextmanager
    def locked(self, name: str, timeout: float) -> Iterator[None]:
        """Keep other writers of ``name``, a project or the root, out; ``timeout`` is in seconds, -1 waits for ever.

        :raises MirrorError: if another writer is at it for longer.
        """
        locks = self.at(f"{HIDDEN}/locks")
        locks.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(locks / f"{name}.lock", timeout=timeout, mode=0o666):
                yield
        except Timeout as error:
            raise MirrorError(
                "locked",
                f"another process has been writing to {shown(name)} for {timeout:g} seconds",
                hint="Run again when it is done. A lock goes with its process: no lock is ever left behind.",
            ) from error

    @contextmanager
    def workshop(self) -> Iterator[Path]:
        """Give a new folder in the mirror that no reader sees; it is gone afterwards."""
        place = self.at(HIDDEN)
        place.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=MAKING, dir=place))
        try:
            with FileLock(folder / _IN_USE):
                (folder / "wheels").mkdir()
                yield folder / "wheels"
        finally:
            shutil.rmtree(folder)

    def is_abandoned(self, place: str) -> bool:
        """Whether the process is gone that made the workshop at ``place``; one that cannot be asked is not."""
        workshop = self.at(place)
        if not (workshop / _IN_USE).exists():  # it is being made, or was interrupted in its first moment
            return workshop.stat().st_mtime < self.at(HIDDEN).stat().st_mtime - _MOMENT
        try:
            with FileLock(workshop / _IN_USE, timeout=0):
                return True
        except (Timeout, OSError):
            return False

    def remove_abandoned(self, place: str) -> None:
        """Remove the workshop that the file at ``place`` is in, unless it is in use."""
        workshop = "/".join(place.split("/")[:2])
        if self.is_abandoned(workshop):
            shutil.rmtree(self.at(workshop))
