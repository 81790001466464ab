"""A folder that is a mirror: how things get into it, and out of it."""

import errno
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from filelock import FileLock, Timeout

from wheelfix.errors import MirrorError
from wheelfix.mirror.layout import FILES, HIDDEN, MAKING, PAGE, SIMPLE
from wheelfix.options import Transfer
from wheelfix.text import shown
from wheelfix.wheel.zip.output import Growing
from wheelfix.wheel.zip.source import Source
from wheelfix.wheel.zip.staging import StagedFile, remove_left_behind

_MODE: Final = 0o644
_OPEN: Final = 0o755
"""What a server that runs as another user needs, whatever the umask of a nightly job is."""
_SHARED: Final = 0o664
_STEP: Final = 1 << 24
_MOMENT: Final = 3600
"""In seconds."""
_FOREIGN: Final = "it has an index that wheelfix did not write"
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
        inner = self._outer_hint()
        if inner or not self._is_mirror(self.path):
            hint = "Check the path. `wheelfix mirror add` creates a mirror on first use."
            why = f" ({_FOREIGN})" if (self.path / SIMPLE).is_dir() and not inner else ""
            raise MirrorError("not-a-mirror", f"{shown(str(self.path))} is not a mirror{why}", hint=inner or hint)

    def check_usable(self) -> None:
        """Confirm that the folder is a mirror, or can become one: there is none, or nothing in it.

        :raises MirrorError: if it is a directory of other things, or a part of a mirror.
        """
        inner = self._outer_hint()  # first: a project called "simple" or "files" makes simple/ look like a mirror
        names = {each.name for each in self.path.iterdir()} if self.path.is_dir() and not inner else set()
        if inner or not (self._is_mirror(self.path) or self._can_become_one(names)):
            why = "it is a part of one" if inner else _FOREIGN if SIMPLE in names else "the directory is not empty"
            hint = inner or "Name a mirror, an empty directory, or one that does not exist yet."
            raise MirrorError("not-a-mirror", f"{shown(str(self.path))} is not a mirror ({why})", hint=hint)

    @staticmethod
    def _is_mirror(path: Path) -> bool:
        """Whether there is a mirror at ``path``: one that was interrupted before its first page has no index yet.

        A copy may lack what is hidden; then it is known by its pages. An index that another tool wrote is none.
        """
        simple = path / SIMPLE
        return (path / HIDDEN).is_dir() or (simple / PAGE).is_file() or any(simple.glob(f"*/{PAGE}"))

    def _can_become_one(self, names: Collection[str]) -> bool:
        """Whether nothing is there but what a mirror has, and no file for clients yet."""
        simple = self.path / SIMPLE
        return {*names} <= {SIMPLE, FILES} and not any(each.is_file() for each in (*simple.glob("*"), *simple.glob("*/*")))

    def _outer_hint(self) -> str:
        """Return what to name instead if the folder is a part of a mirror, empty if it is not."""
        path = self.path.absolute()
        for outer in path.parents:
            is_part = path.relative_to(outer).parts[0] in (SIMPLE, FILES, HIDDEN)
            if is_part and (outer / SIMPLE).is_dir() and (outer / HIDDEN).is_dir():
                return f"Name the mirror itself: {shown(str(outer))}."
        return ""

    def at(self, place: str) -> Path:
        """Return where ``place`` lies.

        :raises MirrorError: if a link on the way leads out of the mirror.
        """
        path = self.path / place
        real, root = os.path.realpath(path), os.path.realpath(self.path)
        if real != root and not real.startswith(root.rstrip("/") + "/"):
            raise MirrorError(
                "link-outside", f"{shown(place)} leads out of the mirror", hint="Remove the link; nothing was written."
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
        """Return the names of the folders at ``place``, in order; none if there is no such place."""
        try:
            return sorted(each.name for each in self.at(place).iterdir() if each.is_dir())
        except FileNotFoundError:
            return []

    def read(self, place: str) -> bytes | None:
        """Return what lies at ``place``, ``None`` where nothing does.

        :raises OSError: if it is there and cannot be read.
        """
        try:
            return self.at(place).read_bytes()
        except FileNotFoundError:
            return None

    def write_all(self, contents: Mapping[str, bytes]) -> None:
        """Let each of ``contents`` lie at its place, in their order; what is there already is not written again.

        All are on the disk before the first one appears: where there is no room for them, nothing changes.
        """
        with ExitStack() as stack:
            ready = []
            for place, data in contents.items():
                if self.read(place) == data:
                    continue
                path = self._path_for(place)
                remove_left_behind(path.parent)
                staged = stack.enter_context(StagedFile(path.parent, _MODE))
                output = stack.enter_context(Growing(staged.descriptor))
                output.write(data)
                output.flush_to_disk()
                ready.append((staged, path))
            for staged, path in ready:
                staged.put(path, replace=True)

    def _path_for(self, place: str) -> Path:
        """Return where ``place`` lies, for writing there; the folders on the way are made, and are open to a server."""
        path = self.at(place)
        missing = [each for each in (path.parent, *path.parent.parents) if not each.exists()]
        for each in reversed(missing):
            each.mkdir(exist_ok=True)
            if each.is_relative_to(self.path) and not each.is_relative_to(self.path / HIDDEN):
                each.chmod(each.stat().st_mode | _OPEN)
        return path

    def append(self, place: str, data: bytes) -> None:
        """Let ``data`` follow what lies at ``place``, or begin it."""
        with self._path_for(place).open("ab") as file:
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
        path = self._path_for(place)
        remove_left_behind(path.parent)
        moves = transfer is Transfer.MOVE and _is_ours_alone(source.path)
        if moves:
            source.path.chmod(_MODE)  # a server reads it as another user
        shares = moves or (transfer is Transfer.LINK and source.mode & _MODE == _MODE)
        if shares and source.is_at(source.path) and self._link(source.path, path):
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

    def serves(self, path: Path) -> bool:
        """Whether ``path`` is that of a file which the mirror itself serves, whatever links are on the way to it."""
        return Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(self.path / FILES))

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
        lock = self._path_for(f"{HIDDEN}/locks/{name}.lock")
        try:
            with FileLock(lock, timeout=timeout, mode=_SHARED):
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
        self.check_usable()
        folder = Path(tempfile.mkdtemp(prefix=MAKING, dir=self._path_for(f"{HIDDEN}/x").parent))
        with FileLock(folder / _IN_USE):
            try:
                (folder / "wheels").mkdir()
                yield folder / "wheels"
            finally:
                shutil.rmtree(folder)  # while it is still locked: nobody takes it for abandoned

    def scratch(self) -> Path:
        """Return the directory for downloads and work in progress, on the same file system, so that a rename works."""
        return self.at(HIDDEN)

    def is_abandoned(self, place: str) -> bool:
        """Whether the process is gone that made the workshop at ``place``; one that cannot be asked is not."""
        workshop = self.at(place)
        try:
            if not (workshop / _IN_USE).exists():  # it is being made, or was interrupted in its first moment
                return workshop.stat().st_mtime < self.at(HIDDEN).stat().st_mtime - _MOMENT
            with FileLock(workshop / _IN_USE, timeout=0):
                return True
        except (Timeout, OSError):  # it is in use, or gone by now
            return False

    def remove_abandoned(self, place: str) -> None:
        """Remove the workshop at ``place``, unless it is in use."""
        if self.is_abandoned(place):
            shutil.rmtree(self.at(place), ignore_errors=True)  # another process may be at the same; what stays is told again


def _is_ours_alone(path: Path) -> bool:
    """Whether nobody else can write to the file at ``path``, as its owner or by another name of it."""
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_uid == os.geteuid()
