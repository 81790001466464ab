"""A directory that is a mirror.

A lock guards each project: what was read under it still has the same version when it is written.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Final

from filelock import FileLock, Timeout

from wheelfix.errors import MirrorError, SourceChanged
from wheelfix.mirror.layout import FILES, LOCKS, PAGE, PRIVATE, PUBLIC, ROOT_PAGE, SCRATCH, SIMPLE, Attributes
from wheelfix.mirror.registry import finding
from wheelfix.mirror.scratch import abandoned
from wheelfix.mirror.storage.base import Head, Stored, Write, changed_meanwhile
from wheelfix.options import Transfer
from wheelfix.results import Finding
from wheelfix.text import shown
from wheelfix.wheel.zip.output import Growing
from wheelfix.wheel.zip.source import Source
from wheelfix.wheel.zip.staging import StagedFile, flush_directory, is_leftover, remove_leftovers

_MODE: Final = 0o644
_OPEN: Final = 0o755
"""What a server that runs as another user needs, whatever the umask of a nightly job is."""
_SHARED: Final = 0o664
_STEP: Final = 1 << 24
_FOREIGN: Final = "it has an index that wheelfix did not write"
_NO_LINKS: Final = {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}


class LocalStore:
    """The mirror in the directory ``path``, which is made on first use; see :class:`~wheelfix.mirror.storage.base.Store`.

    A link in it that leads out of it is an error, never followed. Attributes of files are left to the server.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unflushed: dict[Path, None] = {}  # in the order in which they were written

    @property
    def name(self) -> str:
        """The path of the directory."""
        return str(self._path)

    def check(self, *, create: bool) -> None:
        """Confirm that the directory is a mirror, or with ``create`` can become one: there is none, or nothing in it.

        :raises MirrorError: if it is a directory of other things, or a part of a mirror.
        """
        outer = self._outer_hint()  # first: a project called "public" makes public/simple look like a mirror
        is_new = create and self._names() <= {PUBLIC, PRIVATE} and not self._has_index()
        if not outer and (is_new or self._is_mirror()):
            return
        why = "it is a part of one" if outer else _FOREIGN if self._has_index() else "the directory is not empty" * create
        hint = outer or (
            "Name a mirror, an empty directory, or one that does not exist yet."
            if create
            else "Check the path. `wheelfix mirror add` creates a mirror on first use."
        )
        raise MirrorError("not-a-mirror", f"{shown(self.name)} is not a mirror{f' ({why})' if why else ''}", hint=hint)

    def _is_mirror(self) -> bool:
        """Whether a mirror is there: one that was interrupted before its first page has no index yet.

        A copy may lack what is private; then it is known by its pages. An index that another tool wrote is none.
        """
        pages = (self._path / SIMPLE).glob(f"*/{PAGE}")
        is_begun = (self._path / PRIVATE).is_dir() and self._names() <= {PUBLIC, PRIVATE}
        return is_begun or (self._path / ROOT_PAGE).is_file() or any(pages)

    def _names(self) -> set[str]:
        return {each.name for each in self._path.iterdir()} if self._path.is_dir() else set()

    def _has_index(self) -> bool:
        """Whether files for clients are there, from us or from another tool."""
        indexes = (self._path / SIMPLE, self._path / "simple")
        return any(each.is_file() for index in indexes for each in (*index.glob("*"), *index.glob("*/*")))

    def _outer_hint(self) -> str:
        """Return what to name instead if the directory is a part of a mirror, empty if it is not."""
        path = self._path.absolute()
        for outer in path.parents:
            is_part = path.relative_to(outer).parts[0] in (PUBLIC, PRIVATE)
            if is_part and (outer / SIMPLE).is_dir() and (outer / LOCKS).is_dir():
                return f"Name the mirror itself: {shown(str(outer))}."
        return ""

    def _at(self, key: str) -> Path:
        """Return where ``key`` lies.

        :raises MirrorError: if a link on the way leads out of the mirror.
        """
        path = self._path / key
        if self._is_outside(path):
            steps = [self._path / each for each in reversed((PurePosixPath(key), *PurePosixPath(key).parents))]
            link = next(each for each in steps if self._is_outside(each)).relative_to(self._path).as_posix()
            raise MirrorError(
                "link-outside", f"{shown(link)} is a link to the outside of the mirror", hint="Remove the link."
            )
        return path

    def _is_outside(self, path: Path) -> bool:
        return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self._path))

    def _leads_out(self, path: Path) -> bool:
        return path.is_symlink() and self._is_outside(path)

    def _path_for(self, key: str) -> Path:
        """Return where to write ``key``; the directories on the way are made, and a server can read the public ones."""
        path = self._at(key)
        missing = [each for each in (path.parent, *path.parent.parents) if not each.exists()]
        for each in reversed(missing):
            each.mkdir(exist_ok=True)
            self._unflushed[each.parent] = None
            if each.is_relative_to(self._path) and not each.is_relative_to(self._path / PRIVATE):
                each.chmod(each.stat().st_mode | _OPEN)
        return path

    def read(self, key: str) -> Stored | None:
        """Return what lies at ``key``; its version is the sha256."""
        try:
            data = self._at(key).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Stored(data, hashlib.sha256(data).hexdigest())

    def open(self, key: str) -> Source:
        """Open a wheel."""
        return Source(self._at(key))

    def head(self, key: str) -> Head | None:
        """Return the size of a file."""
        try:
            return Head(self._at(key).stat().st_size)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys of files, links to directories among them; what cannot be read is one of :meth:`problems`."""
        for key, _ in self._walk(prefix, []):
            yield key

    def _walk(self, prefix: str, errors: list[OSError]) -> Iterator[tuple[str, Path]]:
        top = self._path / prefix
        if self._is_outside(top):  # os.walk follows a link that it is given; this one is among the problems
            return
        for current, directories, files in os.walk(top, onerror=errors.append):
            directories.sort()
            links = [name for name in directories if Path(current, name).is_symlink()]
            for name in sorted([*files, *links]):
                path = Path(current, name)
                if not _is_half_made(path) and not self._leads_out(path):
                    yield path.relative_to(self._path).as_posix(), path

    def put_new(
        self,
        key: str,
        source: Source,
        attributes: Attributes,  # noqa: ARG002 - the configuration of the server says these
        transfer: Transfer = Transfer.COPY,
        *,
        replace: bool = False,
    ) -> None:
        """Write a file: its blocks are shared, it gets another name, or the kernel copies it."""
        path = self._path_for(key)
        remove_leftovers(path.parent)
        moves = transfer is Transfer.MOVE and _is_ours_alone(source.path)
        if moves:
            source.path.chmod(_MODE)  # a server reads it as another user
        shares = not replace and (moves or (transfer is Transfer.LINK and source.mode & _MODE == _MODE))
        if not (shares and source.is_at(source.path) and _link(source, path)):
            with StagedFile(path.parent, _MODE) as staged, Growing(staged.descriptor) as output:
                while output.size < source.size:
                    output.copy_from(source, output.size, min(_STEP, source.size - output.size))
                source.check_unchanged()  # its sum was taken from the same bytes
                staged.put(path, replace=replace)
        self._unflushed |= dict.fromkeys(each for each in (path, *path.parents) if each.is_relative_to(self._path))

    def put_if(self, writes: Iterable[Write]) -> None:
        """Write each: all are on the disk before the first one appears; where there is no room for them, nothing changes."""
        with ExitStack() as stack:
            ready = []
            for write in writes:
                there = self.read(write.key)
                if write.version != (there.version if there else None):
                    raise changed_meanwhile(write.key)
                path = self._path_for(write.key)
                remove_leftovers(path.parent)
                staged = stack.enter_context(StagedFile(path.parent, _MODE))
                output = stack.enter_context(Growing(staged.descriptor))
                output.write(write.data)
                output.flush_to_disk()
                ready.append((staged, path))
            for staged, path in ready:
                staged.put(path, replace=True)

    def delete(self, key: str) -> None:
        """Delete a file, and the directories that are empty without it, up to those of the layout."""
        path = self._at(key)
        try:
            path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            pass
        else:
            self._unflushed[path.parent] = None
        parent = PurePosixPath(key).parent
        while len(parent.parts) > 2:
            try:
                self._at(str(parent)).rmdir()
            except OSError:  # not empty, or gone
                return
            parent = parent.parent
            self._unflushed[self._path / parent] = None

    def flush(self) -> None:
        """Wait until the disk has all new files, their names, those of new directories, and what was deleted.

        What could not be flushed is tried again by the next call.
        """
        for path in list(self._unflushed):
            flush = flush_directory if path.is_dir() else _flush_file
            with suppress(FileNotFoundError):  # it was deleted since
                flush(path)
            del self._unflushed[path]

    @contextmanager
    def locked(self, name: str, timeout: float) -> Iterator[None]:
        """Keep other writers out, by a lock that ends with its process."""
        lock = self._path_for(f"{LOCKS}/{name}.lock")
        try:
            with FileLock(lock, timeout=timeout, mode=_SHARED):
                yield
        except Timeout as error:
            raise MirrorError(
                "locked",
                f"another process has been writing to {shown(name)} for {timeout:g} seconds",
                hint="Try again when it has finished. Locks end with their process; never delete one.",
            ) from error

    def serves(self, path: Path) -> bool:
        """Whether ``path`` is below the mirror's files."""
        return Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(self._path / FILES))

    def scratch(self) -> Path:
        """Return a directory on the same file system, so that what was made there can be moved into the mirror."""
        return self._path_for(f"{SCRATCH}/x").parent

    def problems(self) -> Iterator[Finding]:
        """Yield links that lead out, what cannot be read, half-written files and abandoned work."""
        errors: list[OSError] = []
        for current, directories, files in os.walk(self._path, onerror=errors.append):
            for name in sorted([*files, *directories]):
                yield from self._problems_of(Path(current, name))
        yield from (
            _leftover(f"{SCRATCH}/{each.name}", "a killed process left it") for each in abandoned(self._path / SCRATCH)
        )
        for error in errors:
            if not isinstance(error, FileNotFoundError):
                key = Path(os.fsdecode(error.filename)).relative_to(self._path).as_posix()
                yield finding("unreadable", key, shown(error.strerror or str(error)))

    def _problems_of(self, path: Path) -> Iterator[Finding]:
        key = path.relative_to(self._path).as_posix()
        if self._leads_out(path):
            yield finding("link-outside", key, "the link leads outside the mirror")
        elif not key.startswith(f"{SCRATCH}/") and _is_half_made(path) and is_leftover(path):
            yield _leftover(key, "a killed process left it half written")


def _leftover(key: str, message: str) -> Finding:
    return finding("leftover", key, message, fixable=True)


def _is_half_made(path: Path) -> bool:
    """Whether the name is one that a staged file has until it is complete."""
    return path.name.startswith(".wheelfix-") and path.name.endswith(".part")


def _flush_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _link(source: Source, target: Path) -> bool:
    """Give the file that is open as ``source`` the name ``target`` as well; return whether the system can.

    :raises SourceChanged: if somebody writes to it, or puts another file in its place.
    """
    try:
        os.link(source.path.resolve(), target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return False
    try:
        source.check_unchanged()
        source.check_at(target)  # a link is made by name, and the name may be that of another file by now
    except SourceChanged:
        target.unlink()
        raise
    return True


def _is_ours_alone(path: Path) -> bool:
    """Whether nobody else can write to the file at ``path``, as its owner or by another name of it."""
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_uid == os.geteuid()
