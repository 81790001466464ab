"""The directories of a mirror on this disk: none leads out of it by a link, and each is made, looked at and flushed once."""

import errno
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

from wheelfix.errors import MirrorError, PlaceError
from wheelfix.mirror.layout import HTML, METADATA, PRIVATE, ROOT_PAGE, is_file_key
from wheelfix.mirror.storage.base import RefusedAt
from wheelfix.text import shown
from wheelfix.wheel.zip.commit import flush_together
from wheelfix.wheel.zip.staging import flush_directory, remove_leftovers

_PUBLIC_MODE: Final = 0o755
"""What a server that runs as another user needs, whatever the umask of a nightly job is."""
_SPECIAL: Final = "a device, a socket or a pipe"
_LARGEST_READ: Final = 1 << 28
"""In bytes, as in a bucket: pages of real indexes have some megabytes."""


class Tree:
    """The directory ``root`` with all below it. A link in it that leads out of it is an error, never followed.

    What was seen of a directory holds until :meth:`look_again`, as others may remove it: call that with each lock.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._prefix = "" if root == Path() else os.path.join(root, "")  # noqa: PTH118 - as texts, for the same reason
        self._inside: set[str] = set()
        self._ready: set[str] = set()
        self._unflushed: dict[str, None] = {}

    def look_again(self) -> None:
        """Forget what was seen of directories."""
        self._inside.clear()
        self._ready.clear()

    def at(self, key: str) -> Path:
        """Return the path of ``key``.

        :raises MirrorError: if a link on the way leads out of the mirror.
        """
        place, directory = self._prefix + key, key.rpartition("/")[0]
        if self._is_inside(directory) and not os.path.islink(place):  # noqa: PTH114 - a path is made for each file of a mirror
            return Path(place)
        path = Path(place)
        if self.is_outside(path):
            steps = [self._root / each for each in reversed((PurePosixPath(key), *PurePosixPath(key).parents))]
            link = next(each for each in steps if self.is_outside(each)).relative_to(self._root).as_posix()
            raise PlaceError(
                "link-outside",
                f"{shown(link)} is a link that leads out of the mirror",
                place=link,
                problem="it is a link that leads out of the mirror",
                hint="Remove the link.",
            )
        return path

    def read(self, key: str) -> bytes | None:
        """Return all bytes of the file at ``key``, ``None`` where nothing is.

        :raises MirrorError: if a link on the way leads out of the mirror, it is no file, or too large.
        :raises RefusedAt: if it cannot be read.
        """
        path = self.at(key)
        try:
            with open(path, "rb", opener=open_at_once) as file:
                status = os.fstat(file.fileno())
                confirm_file(status, path, key)
                if status.st_size > _LARGEST_READ:
                    raise _too_large(key, path)
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except IsADirectoryError:
            raise no_file(path, key, "a directory") from None
        except OSError as error:
            if error.errno == errno.ENXIO:  # a socket cannot be opened (open(2))
                raise no_file(path, key, _SPECIAL) from None
            raise RefusedAt(key, error) from error

    def status(self, key: str) -> os.stat_result | None:
        """Return the status of the file at ``key``, ``None`` where nothing is.

        :raises MirrorError: if a link on the way leads out of the mirror, or it is no file.
        :raises RefusedAt: if nobody knows.
        """
        path = self.at(key)
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise RefusedAt(key, error) from error
        confirm_file(status, path, key)
        return status

    def _is_inside(self, directory: str) -> bool:
        """Whether no link leads to the directory at this key: the quick way to see that what is in it is inside."""
        if directory in self._inside or not directory:
            return True
        if not self._is_inside(directory.rpartition("/")[0]) or os.path.islink(self._prefix + directory):  # noqa: PTH114
            return False
        self._inside.add(directory)
        return True

    def is_outside(self, path: Path) -> bool:
        """Whether ``path``, all links followed, is not below the root."""
        return not is_below(path, self._root)

    def leads_out(self, path: Path) -> bool:
        """Whether ``path`` is a link out of the mirror."""
        return path.is_symlink() and self.is_outside(path)

    def to_write(self, key: str) -> Path:
        """Return where to write ``key``: the directories on the way are there, and without what killed processes left.

        A server can read the public ones.
        """
        path, directory = self.at(key), key.rpartition("/")[0]
        if directory not in self._ready:
            if not self._make(path.parent):
                remove_leftovers(path.parent)
            self._ready.add(directory)
        return path

    def _make(self, directory: Path) -> bool:
        """Make ``directory`` and those above it; return whether it was not there."""
        missing = []
        while not os.path.isdir(directory):
            missing.append(directory)
            directory = directory.parent
        for each in reversed(missing):
            try:
                each.mkdir(exist_ok=True)
            except FileExistsError:
                self.confirm_directory(each)
                raise
            self._unflushed[str(each.parent)] = None
            mode = each.stat().st_mode
            if mode & _PUBLIC_MODE != _PUBLIC_MODE and f"{each}/".startswith(self._prefix) and not self._is_private(each):
                each.chmod(mode | _PUBLIC_MODE)
        return bool(missing)

    def confirm_directory(self, path: Path) -> None:
        """Confirm that nothing else is at ``path``, where a directory of the mirror belongs.

        :raises PlaceError: if a file is.
        """
        if f"{path}/".startswith(self._prefix) and os.path.lexists(path) and not path.is_dir():
            key = f"{path}".removeprefix(self._prefix)
            message, problem = f"{shown(str(path))} must be a directory", "it must be a directory"
            raise PlaceError("in-the-way", message, place=key, problem=problem, hint="Move the file away.")

    def _is_private(self, path: Path) -> bool:
        return f"{path}/".startswith(f"{self._prefix}{PRIVATE}/")

    def to_flush(self, path: Path, *, above: bool = True) -> None:
        """Note that a file or directory changed; with those ``above``, whose entries another process may have made."""
        self._unflushed[str(path)] = None
        while above and str(path) != str(self._root):
            path = path.parent
            if str(path) in self._unflushed:
                break
            self._unflushed[str(path)] = None

    def delete(self, key: str) -> None:
        """Delete a file, and the directories that are empty without it, up to those of the layout."""
        path = self.at(key)
        try:
            path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError:  # of a network file system it can be the answer alone that is lost
            self._unflushed[str(path.parent)] = None
            if _is_there(path):
                raise
        else:
            self._unflushed[str(path.parent)] = None
        parent = PurePosixPath(key).parent
        while len(parent.parts) > 2:
            try:
                self.at(str(parent)).rmdir()
            except OSError:  # not empty, or gone
                return
            self._inside.discard(str(parent))
            self._ready.discard(str(parent))
            parent = parent.parent
            self._unflushed[self._prefix + str(parent)] = None

    def flush(self) -> None:
        """Wait until the disk has what was noted; what could not be flushed is tried again by the next call."""
        paths = list(self._unflushed)
        errors = flush_together([partial(_flush, each) for each in paths])
        for path, error in zip(paths, errors, strict=True):
            if error is None:
                del self._unflushed[path]
        raise_first(errors)


def confirm_file(status: os.stat_result, path: Path, key: str) -> None:
    """Confirm that what is at ``path`` and has this ``status`` is a file, of which reading ends.

    :raises PlaceError: if it is something else.
    """
    if stat.S_ISDIR(status.st_mode):
        raise no_file(path, key, "a directory")
    if not stat.S_ISREG(status.st_mode):
        raise no_file(path, key, _SPECIAL)


def no_file(path: Path, key: str, kind: str) -> PlaceError:
    """Return the error for what is of another ``kind`` than a file."""
    rest = "and restore the file from a backup"
    if key.startswith(f"{PRIVATE}/"):
        rest = "then run the same command again"
    elif _is_derived(key):
        rest = "then run `wheelfix mirror check --fix`"
    elif is_file_key(key):
        rest = "then add the file again"
    return PlaceError(
        "in-the-way",
        f"{shown(str(path))} is {kind}, and must be a file",
        place=key,
        problem=f"it is {kind}, and must be a file",
        hint=f"Move it away, {rest}.",
    )


def _too_large(key: str, path: Path) -> MirrorError:
    """Return the error for a file that is larger than anything that is read at once."""
    problem = f"has more than {_LARGEST_READ:,} bytes"
    rest = "You can delete it: `wheelfix mirror check --fix` writes it again."
    hint = rest if _is_derived(key) else "Restore it from a backup."
    hint = f"It was not read: real pages are never this large. {hint}"
    return PlaceError("too-large", f"{shown(str(path))} {problem}", place=key, problem=f"it {problem}", hint=hint)


def _is_derived(key: str) -> bool:
    """Whether the file at ``key`` follows from others."""
    return key.endswith((f"/{HTML}", METADATA)) or key == ROOT_PAGE


def open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting for somebody who writes to it, as a pipe does."""
    return os.open(path, flags | os.O_NONBLOCK)


def _is_there(path: Path) -> bool:
    """Whether there is a file at ``path``, or nobody knows."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def is_below(path: Path, directory: Path) -> bool:
    """Whether ``path`` is below ``directory``, or is it, whatever links are on the way to both."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(directory))


def raise_first(errors: Iterable[Exception | None]) -> None:
    """Raise the first of ``errors``, if there is one."""
    for each in filter(None, errors):
        raise each


def _flush(path: str) -> None:
    with suppress(FileNotFoundError):  # it was deleted since
        if os.path.isdir(path):
            flush_directory(Path(path))
        else:
            flush_file(Path(path))


def flush_file(path: Path) -> None:
    """Wait until the bytes of the file at ``path`` are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
