"""A file that is written out of sight and appears whole, or never.

Where the system can (``O_TMPFILE``), the file has no name until it is complete, so that even a killed process leaves
nothing behind. Elsewhere it has a hidden name beside the target, which is removed on every way out.
"""

import errno
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_NO_NAMELESS: Final = {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL, errno.ENOSYS}

_NO_FOLDER_FLUSH: Final = {errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF}
_NO_MODES: Final = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}
"""What a file system without owners and permissions says, and any to who does not own the file."""
_NO_LINKS: Final = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class StagedFile:
    """A new file in ``folder``, open for reading and writing as ``descriptor``, with permission bits ``mode``.

    Use it as a context manager; what was not put in its place when it is left is gone. ``path`` opens the same file for
    other readers.

    :raises OSError: if the folder does not exist or cannot be written to.
    """

    def __init__(self, folder: Path, mode: int) -> None:
        self._folder = folder
        self._hidden: Path | None = None
        self.descriptor = self._open_nameless()
        if self.descriptor < 0:
            self._hidden = self._hidden_path()
            self.descriptor = os.open(self._hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
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
            return os.open(self._folder, os.O_TMPFILE | os.O_RDWR, 0o600)
        except OSError as error:
            if error.errno in _NO_NAMELESS and self._folder.is_dir():
                return -1
            raise

    def _hidden_path(self) -> Path:
        return self._folder / f".wheelfix-{secrets.token_hex(8)}.part"

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
        :raises OSError: if the system refuses.
        """
        if replace:
            self._replace(target)
        elif self._hidden is None:
            self._name(target)
        else:
            self._link(self._hidden, target)
        _flush_folder(self._folder)

    def _replace(self, target: Path) -> None:
        if self._hidden is None:
            self._hidden = self._hidden_path()
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
        finally:
            if self._hidden:
                self._hidden.unlink(missing_ok=True)


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
