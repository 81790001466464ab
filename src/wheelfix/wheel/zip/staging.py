"""A file that is written out of sight and appears atomically, complete.

Where the system can (``O_TMPFILE``), the file has no name until it is complete. Elsewhere, and for the moment in which it
replaces another file, it has a hidden name beside the target. That is removed in all cases unless the process is killed.
The file is locked as long as its process lives, so leftovers of killed processes can be recognised and removed.
"""

import errno
import fcntl
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_NO_NAMELESS: Final = {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL, errno.ENOSYS}

_NO_DIRECTORY_FLUSH: Final = {errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF}
_NO_MODES: Final = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}
"""The errors of a file system without owners and permissions, and of any file system if the user does not own the file."""
_NO_LINKS: Final = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_NO_LOCKS: Final = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
_HIDDEN_NAME: Final = re.compile(r"\.wheelfix-[0-9a-f]{16}\.(?:part|downloads)")
_PART: Final = ".part"
"""How the names of files that are being written end, and of directories for links."""
_DOWNLOADS: Final = ".downloads"
"""How the names of directories end that hold files of their own."""
_swept: Final = set[Path]()
"""Where this process has removed what killed runs left of temporary directories."""


class NotConfirmed(OSError):
    """The file is in its place and complete; something failed after that, such as flushing its directory."""


class StagedFile:
    """A new file in ``directory``, open for reading and writing as ``descriptor``, with permission bits ``mode``.

    Use it as a context manager: on leaving, a file that was not put in its place is removed. ``path`` opens the same file
    for other readers. :mod:`wheelfix.wheel.zip.commit` puts many files in their places at once.

    :raises OSError: if the directory does not exist or cannot be written to.
    """

    def __init__(self, directory: Path, mode: int) -> None:
        self.directory = directory
        self._hidden: Path | None = None
        self._placed = False
        self.descriptor = -1
        try:
            self._open_nameless()
            while self.descriptor < 0:
                self._open_hidden()
            self._set_mode(mode)
        except BaseException:  # Ctrl-C too
            self._discard()
            raise

    def _open_nameless(self) -> None:
        """Open a file without a name; ``descriptor`` stays negative where the system knows none."""
        if not hasattr(os, "O_TMPFILE") or not os.path.isdir("/proc/self/fd"):
            return
        try:
            self.descriptor = os.open(self.directory, os.O_TMPFILE | os.O_RDWR, 0o600)
        except OSError as error:
            if error.errno in _NO_NAMELESS and self.directory.is_dir():
                return
            raise
        _lock(self.descriptor)

    def _open_hidden(self) -> None:
        """Open a file with a hidden name; ``descriptor`` stays negative if another process removed the file meanwhile."""
        self._hidden = _hidden_path(self.directory)
        self.descriptor = open_locked(self._hidden)
        if not os.fstat(self.descriptor).st_nlink:  # it was removed in the moment before it was locked
            self._close()

    def _set_mode(self, mode: int) -> None:
        try:
            os.fchmod(self.descriptor, mode)
        except OSError as error:
            if error.errno not in _NO_MODES:
                raise

    @property
    def path(self) -> Path:
        """A path that opens this file."""
        return self._hidden or Path(f"/proc/self/fd/{self.descriptor}")

    def keep_owner(self, owner: tuple[int, int]) -> None:
        """Give the file to ``owner`` (user and group id) where that is allowed: a run as root must not take files over."""
        try:
            os.fchown(self.descriptor, *owner)
        except OSError as error:
            if error.errno not in _NO_MODES:
                raise

    def put(self, target: Path, *, replace: bool) -> None:
        """Give the file its name ``target``, in the same directory, atomically, and wait until that is on the disk.

        :raises FileExistsError: if ``target`` is taken and ``replace`` is false.
        :raises NotConfirmed: if it is there, and the system failed afterwards.
        :raises OSError: if the system refuses; then it is not there.
        """
        self.name(target, replace=replace)
        try:
            flush_directory(self.directory)
            self.drop_hidden_name()
        except OSError as error:
            raise NotConfirmed(error.errno, error.strerror) from error

    def name(self, target: Path, *, replace: bool) -> None:
        """Begin what :meth:`put` does: the directory is to be flushed, and any hidden name dropped, by the caller.

        :raises FileExistsError: if ``target`` is taken and ``replace`` is false.
        :raises OSError: if the system refuses; then it is not there.
        """
        if replace:
            self._replace(target)
        elif self._hidden is None:
            self._link_nameless(target)
        else:
            self._link(self._hidden, target)
        self._placed = True

    def _replace(self, target: Path) -> None:
        if self._hidden is None:
            self._hidden = _hidden_path(self.directory)
            self._link_nameless(self._hidden)
        with self._unless_done(target):
            os.replace(self._hidden, target)
        self._hidden = None

    def _link_nameless(self, path: Path) -> None:
        """Give the nameless file its first name, through /proc: the only way without privileges (open(2), O_TMPFILE)."""
        # A descriptor as src_dir_fd makes Python call linkat, which follows the link; an absolute path ignores it.
        with self._unless_done(path):
            os.link(f"/proc/self/fd/{self.descriptor}", path, src_dir_fd=self.descriptor, follow_symlinks=True)

    def _link(self, hidden: Path, target: Path) -> None:
        """Make ``hidden`` appear as ``target``, which must not exist."""
        try:
            with self._unless_done(target):
                os.link(hidden, target)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if target.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error
            with self._unless_done(target):
                hidden.rename(target)  # without hard links nothing is both exclusive and atomic
            self._hidden = None

    @contextmanager
    def _unless_done(self, path: Path) -> Iterator[None]:
        """Raise the error of a call that gives the file the name ``path``, unless it has that name.

        Of a network file system the answer alone can be lost (link(2), under BUGS).
        """
        try:
            yield
        except OSError:
            if not self._is_at(path):
                raise

    def _is_at(self, path: Path) -> bool:
        try:
            return os.path.samestat(os.fstat(self.descriptor), path.lstat())
        except OSError:
            return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._discard()

    def _discard(self) -> None:
        try:
            self._close()
        except OSError:
            if not self._placed:  # it was flushed before it was placed, so a close that fails loses nothing
                raise
        finally:
            self.drop_hidden_name()

    def _close(self) -> None:
        descriptor, self.descriptor = self.descriptor, -1  # first: closed again, it might be another file
        if descriptor >= 0:
            os.close(descriptor)

    def drop_hidden_name(self) -> None:
        """Remove the hidden name, if there is one."""
        if self._hidden:
            self._hidden.unlink(missing_ok=True)
            self._hidden = None


@contextmanager
def directory_for_links(directory: Path) -> Iterator[Path]:
    """Yield a new directory in ``directory`` for links, hidden and locked like a staged file; it is removed afterwards.

    :raises OSError: if ``directory`` cannot be written to.
    """
    with _locked_directory(_hidden_path(directory)) as path:
        yield path


@contextmanager
def directory_for_downloads(directory: Path) -> Iterator[Path]:
    """Yield a new directory in ``directory`` for files, hidden and locked like a staged file; it is removed with them.

    :raises OSError: if ``directory`` cannot be written to.
    """
    with _locked_directory(_hidden_path(directory, _DOWNLOADS)) as path:
        yield path


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """Yield a new directory for files where the system has temporary ones; it is removed with them.

    A directory of :mod:`tempfile` stays where a process is killed. What killed runs left there is removed first, once in the
    life of this process: thousands of files can lie there, and a mirror's check makes a directory for each wheel.

    :raises OSError: if there is no place for temporary files.
    """
    from tempfile import gettempdir  # imported late: few runs download

    parent = Path(gettempdir())
    if parent not in _swept:
        remove_leftovers(parent)
        _swept.add(parent)
    with directory_for_downloads(parent) as path:
        yield path


def kept_directory(directory: Path) -> Path:
    """Return a new directory in ``directory`` for files, hidden and locked as long as this process lives.

    Whoever wants it removed does that: leaving it to an object would let a forked process do so, where that one is no more.

    :raises OSError: if ``directory`` cannot be written to.
    """
    path = _hidden_path(directory, _DOWNLOADS)
    _make_locked(path)
    return path


@contextmanager
def _locked_directory(path: Path) -> Iterator[Path]:
    """Yield the new directory ``path``; it is locked, and removed afterwards.

    :raises OSError: if it cannot be made.
    """
    descriptor = _make_locked(path)
    try:
        yield path
    finally:
        try:
            with suppress(OSError):  # what is left, another run removes; it is no reason to give up what was made with it
                _remove_directory(path)
        finally:  # after Ctrl-C too: while it is open, nobody removes what is left
            with suppress(OSError):  # nothing was written to it
                os.close(descriptor)


def _make_locked(path: Path) -> int:
    """Make the directory ``path``, and return the descriptor by which it is locked.

    :raises OSError: if it cannot be made.
    """
    while True:
        path.mkdir(mode=0o700)
        descriptor = -1
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            _lock(descriptor)
        except FileNotFoundError:  # another process removed it before it was locked
            continue
        except BaseException:  # Ctrl-C too
            if descriptor >= 0:
                os.close(descriptor)
            with suppress(OSError):
                path.rmdir()
            raise
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # or in this moment


def remove_leftovers(directory: Path) -> None:
    """Remove what killed processes left in ``directory``: files with our hidden names that no process has locked.

    Nothing is raised: a file or directory that cannot be removed is left alone.
    """
    try:
        names = [name for name in os.listdir(directory) if _HIDDEN_NAME.fullmatch(name)]  # noqa: PTH208 - paths are not needed
    except OSError:  # it does not exist yet, or writing to it will fail with a better message
        return
    for name in names:
        _remove_if_leftover(directory / name)


def is_leftover(path: Path) -> bool:
    """Whether the process is gone that made the hidden file at ``path``; if that is unknown it counts as running."""
    with held(path) as mode:
        return bool(mode)


def open_locked(path: Path) -> int:
    """Make the file ``path``, and return the descriptor by which it is locked as long as this process lives.

    Another process may have removed the file in the moment before that: then it has no links.

    :raises OSError: if it cannot be made, or is there.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        _lock(descriptor)
    except BaseException:  # Ctrl-C too
        os.close(descriptor)
        raise
    return descriptor


def _remove_if_leftover(path: Path) -> None:
    with suppress(OSError), held(path) as mode:
        if stat.S_ISREG(mode):
            path.unlink()
        elif stat.S_ISDIR(mode):
            _remove_directory(path)


@contextmanager
def held(path: Path) -> Iterator[int]:
    """Lock the file or directory at ``path`` and return its mode; 0 if a process uses it, or that is unknown."""
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
    except OSError:  # a process uses it, or this file system has no locks
        return 0
    return mode if is_it and (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) else 0


def _hidden_path(directory: Path, ending: str = _PART) -> Path:
    return directory / f".wheelfix-{os.urandom(8).hex()}{ending}"


def _remove_directory(path: Path) -> None:
    """Remove a directory of downloads, or one of links; such a one that contains anything else is not ours, and is kept.

    :raises OSError: if it cannot be removed.
    """
    if path.name.endswith(_DOWNLOADS):
        remove_tree(path)  # what is left, as its owner still writes, is removed by another run
        return
    entries = list(path.iterdir())
    if all(each.is_symlink() for each in entries):
        for each in entries:
            each.unlink()
        path.rmdir()


def remove_tree(directory: Path) -> None:
    """Remove ``directory`` with all in it, as far as the system allows it; nothing is raised."""
    import shutil  # imported late: few runs download

    with suppress(OSError):  # of a close or a second look, which rmtree raises all the same
        shutil.rmtree(directory, ignore_errors=True)


def _lock(descriptor: int) -> None:
    """Lock the file to show that a process uses it; the lock ends with the process, however that ends."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:  # then no process can lock it, and none removes it as a leftover
            raise


def flush_directory(directory: Path) -> None:
    """Wait until the directory's entries are on the disk, where the file system can do that."""
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except PermissionError:  # a directory that can be written to but not listed
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_DIRECTORY_FLUSH:  # some network file systems cannot, and do not need it
            raise
    finally:
        os.close(descriptor)
