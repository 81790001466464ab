"""A file that is written out of sight and appears whole, or never.

Where the system can (``O_TMPFILE``), the file has no name until it is complete. Elsewhere, and for the moment in which it
takes the place of another file, it has a hidden name beside the target, which is removed on every way out but that of a
process that is killed. The file is locked as long as its process lives, so what is left behind can be known and removed.
"""

import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_NO_NAMELESS: Final = {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL, errno.ENOSYS}

_NO_FOLDER_FLUSH: Final = {errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF}
_NO_MODES: Final = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}
"""What a file system without owners and permissions says, and any to who does not own the file."""
_NO_LINKS: Final = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_NO_LOCKS: Final = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
_HIDDEN_NAME: Final = re.compile(r"\.wheelfix-[0-9a-f]{16}\.part")


class NotConfirmed(OSError):
    """The file is in its place, complete; what failed came after that, such as the flush of its directory."""


class StagedFile:
    """A new file in ``folder``, open for reading and writing as ``descriptor``, with permission bits ``mode``.

    Use it as a context manager; what was not put in its place when it is left is gone. ``path`` opens the same file for
    other readers.

    :raises OSError: if the folder does not exist or cannot be written to.
    """

    def __init__(self, folder: Path, mode: int) -> None:
        self._folder = folder
        self._hidden: Path | None = None
        self._placed = False
        self.descriptor = self._open_nameless()
        while self.descriptor < 0:
            self._open_hidden()
        try:
            os.fchmod(self.descriptor, mode)
        except OSError as error:
            if error.errno not in _NO_MODES:
                self._discard()
                raise

    def _open_nameless(self) -> int:
        if not hasattr(os, "O_TMPFILE") or not os.path.isdir("/proc/self/fd"):
            return -1
        try:
            descriptor = os.open(self._folder, os.O_TMPFILE | os.O_RDWR, 0o600)
        except OSError as error:
            if error.errno in _NO_NAMELESS and self._folder.is_dir():
                return -1
            raise
        _lock(descriptor)
        return descriptor

    def _open_hidden(self) -> None:
        """Open a file with a hidden name; ``descriptor`` stays negative if somebody took it for left behind meanwhile."""
        self._hidden = _hidden_path(self._folder)
        descriptor = os.open(self._hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        _lock(descriptor)
        if os.fstat(descriptor).st_nlink:
            self.descriptor = descriptor
        else:  # it was removed in the moment before it was locked
            os.close(descriptor)

    @property
    def path(self) -> Path:
        """A path that opens this file."""
        return self._hidden or Path(f"/proc/self/fd/{self.descriptor}")

    def keep_owner(self, owner: tuple[int, int]) -> None:
        """Give the file to ``owner`` (user and group id) where that is allowed: root must not take files over."""
        try:
            os.fchown(self.descriptor, *owner)
        except OSError as error:
            if error.errno not in _NO_MODES:
                raise

    def put(self, target: Path, *, replace: bool) -> None:
        """Give the file its name ``target``, in the same folder, at one stroke.

        :raises FileExistsError: if ``target`` is taken and ``replace`` is false.
        :raises NotConfirmed: if it is there, and the system failed afterwards.
        :raises OSError: if the system refuses; then it is not there.
        """
        if replace:
            self._replace(target)
        elif self._hidden is None:
            self._name(target)
        else:
            self._link(self._hidden, target)
        self._placed = True
        try:
            _flush_folder(self._folder)
            self._forget_hidden()
        except OSError as error:
            raise NotConfirmed(error.errno, error.strerror) from error

    def _replace(self, target: Path) -> None:
        if self._hidden is None:
            self._hidden = _hidden_path(self._folder)
            self._name(self._hidden)
        os.replace(self._hidden, target)
        self._hidden = None

    def _name(self, path: Path) -> None:
        """Give the nameless file its first name, through /proc: the only way without privileges (open(2), O_TMPFILE)."""
        # A descriptor as src_dir_fd makes Python call linkat, which follows the link; an absolute path ignores it.
        os.link(f"/proc/self/fd/{self.descriptor}", path, src_dir_fd=self.descriptor, follow_symlinks=True)

    def _link(self, hidden: Path, target: Path) -> None:
        """Make ``hidden`` appear as ``target``, which must not exist."""
        try:
            os.link(hidden, target)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if target.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error
            hidden.rename(target)  # without hard links nothing is both exclusive and at one stroke
            self._hidden = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._discard()

    def _discard(self) -> None:
        try:
            os.close(self.descriptor)
        except OSError:
            if not self._placed:  # what was flushed before it was placed cannot be lost by closing it
                raise
        finally:
            self._forget_hidden()

    def _forget_hidden(self) -> None:
        hidden, self._hidden = self._hidden, None
        if hidden:
            hidden.unlink(missing_ok=True)


@contextmanager
def directory_for_links(folder: Path) -> Iterator[Path]:
    """Give a new directory in ``folder``, hidden and locked like a staged file, for links only; it is gone afterwards.

    :raises OSError: if ``folder`` cannot be written to.
    """
    path, descriptor = _hidden_path(folder), -1
    while descriptor < 0:
        path.mkdir(mode=0o700)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:  # somebody took it for left behind, in the moment before it was locked
            continue
        _lock(descriptor)
        if not os.fstat(descriptor).st_nlink:  # or in this one
            os.close(descriptor)
            descriptor = -1
    try:
        yield path
    finally:
        _remove_directory(path)
        os.close(descriptor)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left in ``folder``: what has our hidden names and no process has locked.

    Nothing is raised: a folder or file that does not allow it stays as it is.
    """
    try:
        names = [name for name in os.listdir(folder) if _HIDDEN_NAME.fullmatch(name)]  # noqa: PTH208 - paths are not needed
    except OSError:  # it is not there yet, or whoever writes to it will hear of it
        return
    for name in names:
        _remove_if_leftover(folder / name)


def is_leftover(path: Path) -> bool:
    """Whether the process is gone that made the hidden file at ``path``; one that cannot be asked for is not."""
    with _held(path) as mode:
        return bool(mode)


def _remove_if_leftover(path: Path) -> None:
    with suppress(OSError), _held(path) as mode:
        if stat.S_ISREG(mode):
            path.unlink()
        elif stat.S_ISDIR(mode):
            _remove_directory(path)


@contextmanager
def _held(path: Path) -> Iterator[int]:
    """Lock the hidden file or directory at ``path`` and give its mode; 0 if a process uses it, or that is not known."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # gone, or not ours to read
        yield 0
        return
    try:
        yield _locked_mode(descriptor, path)
    finally:
        os.close(descriptor)


def _locked_mode(descriptor: int, path: Path) -> int:
    mode = os.fstat(descriptor).st_mode
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: NFS wants a file open for writing otherwise
        is_it = os.path.samestat(os.fstat(descriptor), path.lstat())
    except OSError:  # a process is at it, or this file system cannot tell
        return 0
    return mode if is_it and (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) else 0


def _hidden_path(folder: Path) -> Path:
    return folder / f".wheelfix-{secrets.token_hex(8)}.part"


def _remove_directory(path: Path) -> None:
    """Remove a directory of links; one with anything else in it is not ours, and stays.

    :raises OSError: if it cannot be removed.
    """
    entries = list(path.iterdir())
    if all(each.is_symlink() for each in entries):
        for each in entries:
            each.unlink()
        path.rmdir()


def _lock(descriptor: int) -> None:
    """Show that a process is at this file; the lock goes with the process, however that ends."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:  # then nobody can lock it, and nobody takes it for left behind
            os.close(descriptor)
            raise


def _flush_folder(folder: Path) -> None:
    """Wait until the folder's listing is on the disk, where the file system can do that."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # a folder that can be written to and not be listed
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_FLUSH:  # some network file systems cannot, and need not
            raise
    finally:
        os.close(descriptor)
