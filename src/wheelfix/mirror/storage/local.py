"""A directory that is a mirror.

A lock guards each project: what was read under it still has the same version when it is written.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from filelock import FileLock, Timeout

from wheelfix.errors import ArchiveError, ChangedMeanwhile, MirrorError, PlaceError, SourceChanged, WheelfixError
from wheelfix.mirror.layout import (
    FILES,
    JOURNAL,
    LOCKS,
    PAGE,
    PRIVATE,
    PUBLIC,
    ROOT_PAGE,
    RUNS,
    SCRATCH,
    SIMPLE,
    is_directory_key,
    is_note_key,
)  # fmt: skip
from wheelfix.mirror.registry import finding, misplaced
from wheelfix.mirror.scratch import abandoned
from wheelfix.mirror.storage.base import Head, IncompleteListing, NewFile, RefusedAt, Stored, Write
from wheelfix.mirror.storage.tree import Tree, confirm_file, flush_file, is_below, no_file, raise_first
from wheelfix.options import Transfer
from wheelfix.progress import NO_PROGRESS, Progress
from wheelfix.results import Finding
from wheelfix.text import after_seconds, shown
from wheelfix.wheel.zip.commit import GroupCommit, flush_together, most_waiting, start_write_back
from wheelfix.wheel.zip.output import Growing
from wheelfix.wheel.zip.source import Source
from wheelfix.wheel.zip.staging import StagedFile, flush_directory, is_leftover

_MODE: Final = 0o644
"""What a server that runs as another user needs, whatever the umask of a nightly job is."""
_SHARED: Final = 0o664
_STEP: Final = 1 << 24
_NO_FILES: Final = {"is-a-directory": "a directory", "not-a-file": "a device, a socket or a pipe"}
"""What is at a path that cannot be opened, by the code of the error."""
_DIRECTORIES: Final = (PUBLIC, SIMPLE, FILES, PRIVATE, LOCKS, JOURNAL, RUNS, SCRATCH)
_FOREIGN: Final = "it has an index that wheelfix did not write"
_NO_LINKS: Final = {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}


class LocalStore:
    """The mirror in the directory ``path``, which is made on first use; see :class:`~wheelfix.mirror.storage.base.Store`.

    A link in it that leads out of it is an error, never followed. Attributes of files are left to the server.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tree = Tree(path)

    @property
    def location(self) -> Path:
        """The path of the directory."""
        return self._path

    @property
    def is_shared(self) -> bool:
        """Writers wait for each other."""
        return False

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
        what = f"is not a mirror{f' ({why})' if why else ''}" if self._path.exists() else "does not exist"
        raise MirrorError("not-a-mirror", f"{shown(str(self._path))} {what}", hint=hint)

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

    def read(self, key: str) -> Stored | None:
        """Return what is at ``key``; its version is the sha256."""
        data = self._tree.read(key)
        return None if data is None else Stored(data, hashlib.sha256(data).hexdigest())

    def open(self, key: str) -> Source:
        """Open a wheel."""
        path = self._tree.at(key)
        try:
            return Source(path)
        except ArchiveError as error:
            if error.code not in _NO_FILES:
                raise
            raise no_file(path, key, _NO_FILES[error.code]) from error

    def head(self, key: str) -> Head | None:
        """Return the size of a file, and when it was written."""
        status = self._tree.status(key)
        return None if status is None else _head(status)

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys of files, links to directories among them."""
        errors: dict[str, OSError] = {}
        yield from self._walk(prefix, errors)
        if errors:
            raise IncompleteListing(errors)

    def heads(self, prefix: str) -> Iterator[tuple[str, Head]]:
        """Yield the keys of files, with what is known of each; what is deleted meanwhile is left out."""
        errors: dict[str, OSError] = {}
        for key in self._walk(prefix, errors):
            try:
                head = _head(self._tree.at(key).stat())  # also of what is no file: it takes up its name
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                errors[key] = error
            else:
                yield key, head
        if errors:
            raise IncompleteListing(errors)

    def _walk(self, prefix: str, errors: dict[str, OSError]) -> Iterator[str]:
        """Yield the keys of files below ``prefix``, and add to ``errors`` why a directory could not be read."""
        top = self._path / prefix
        if self._tree.is_outside(top):  # os.walk follows a link that it is given; this one is among the problems
            return
        for current, directories, files in os.walk(top, onerror=partial(self._note, errors)):
            directories.sort()
            links = [name for name in directories if Path(current, name).is_symlink()]
            for name in sorted([*files, *links]):
                path = Path(current, name)
                if not _is_half_made(path) and not self._tree.leads_out(path):
                    yield path.relative_to(self._path).as_posix()

    def _note(self, errors: dict[str, OSError], error: OSError) -> None:
        """Add ``error`` to ``errors``, unless it says that nothing is there."""
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            errors[Path(os.fsdecode(error.filename)).relative_to(self._path).as_posix()] = error

    def put_new(
        self,
        files: Iterable[NewFile],
        progress: Progress = NO_PROGRESS,  # noqa: ARG002 - no network is in the way
    ) -> dict[str, WheelfixError | OSError]:
        """Write files: their blocks are shared, they get another name, or the kernel copies them."""
        errors: dict[str, WheelfixError | OSError] = {}
        linked: list[str] = []
        with GroupCommit[str, None]() as group:
            for file in files:
                try:
                    waiting = self._written(file)
                except (WheelfixError, OSError) as error:
                    errors[file.key] = error
                    continue
                if waiting is not None:
                    group.add(file.key, waiting)
                else:
                    linked.append(file.key)
                if group.is_due():
                    self._commit(group, errors)
            self._commit(group, errors)
        self._flush_linked(linked, errors)
        return errors

    def _flush_linked(self, keys: Sequence[str], errors: dict[str, WheelfixError | OSError]) -> None:
        """Wait until the disk has files that got another name; take that back where it has not.

        Of a file that could not be flushed the next flush says that all is well (fsync(2)): it must not be listed.
        """
        paths = [self._tree.at(key) for key in keys]
        for key, path, error in zip(keys, paths, flush_together([partial(flush_file, each) for each in paths]), strict=True):
            if error is None:
                self._tree.to_flush(path.parent)
                continue
            if not isinstance(error, OSError):
                raise error
            errors[key] = error
            with suppress(OSError):  # then nothing lists it
                path.unlink()

    def _written(self, file: NewFile) -> "_Waiting | None":
        """Return the file, which waits for its name; ``None`` where it has it already, as another name of its source."""
        path, source = self._tree.to_write(file.key), file.content
        if isinstance(source, Source) and self._is_shared(source, path, file):
            return None
        with ExitStack() as stack:
            staged = stack.enter_context(StagedFile(path.parent, _MODE))
            with Growing(staged.descriptor) as output:
                if isinstance(source, bytes):
                    output.write(source)
                else:
                    while output.size < source.size:
                        output.copy_from(source, output.size, min(_STEP, source.size - output.size))
                    source.check_unchanged()  # its sum was taken from the same bytes
            stack.pop_all()
        return _Waiting(staged, output.size, path, file.replace)

    def _is_shared(self, source: Source, path: Path, file: NewFile) -> bool:
        """Give the file of ``source`` the name ``path`` as well, where it is to be moved or linked and that can be done."""
        moves = file.transfer is Transfer.MOVE and _is_ours_alone(source.path)
        if moves:
            source.path.chmod(_MODE)  # a server reads it as another user
        shares = not file.replace and (moves or (file.transfer is Transfer.LINK and source.mode & _MODE == _MODE))
        return shares and source.is_at(source.path) and _link(source, path)

    def _commit(self, group: "GroupCommit[str, None]", errors: dict[str, WheelfixError | OSError]) -> None:
        for key, done in group.commit():
            if isinstance(done.error, WheelfixError | OSError):
                errors[key] = done.error
            elif done.error is not None:
                raise done.error
            else:
                path = self._tree.at(key)  # its own directory is flushed, those above may be new
                self._tree.to_flush(path.parent if done.unconfirmed else path.parent.parent)

    def put_if(self, writes: Iterable[Write]) -> None:
        """Write each: many are on the disk before the first one appears; where there is no room, nothing changes."""
        left, written = list(writes), list[str]()
        while left:
            self._put_together(left[: most_waiting()], written)
            left = left[most_waiting() :]

    def _put_together(self, writes: Sequence[Write], written: list[str]) -> None:
        with ExitStack() as stack:
            ready = [stack.enter_context(self._staged(each, written)) for each in writes]
            for each in ready:
                start_write_back(each.staged.descriptor)
            raise_first(flush_together([each.flush for each in ready]))
            named: dict[Path, None] = {}
            stack.callback(_flush_directories, named)
            for each, write in zip(ready, writes, strict=True):
                directory = each.path.parent
                if directory not in named and any(str(other).startswith(f"{directory}/") for other in named):
                    _flush_directories(named)  # what it leads to
                named[directory] = None
                each.place()
                written.append(write.key)

    def _staged(self, write: Write, written: Sequence[str]) -> "_Waiting":
        there = self.read(write.key)
        if write.version != (there.version if there else None):
            raise ChangedMeanwhile(write.key, written)
        waiting = self._written(NewFile(write.key, write.data, write.attributes, replace=True))
        if waiting is None:
            raise ChangedMeanwhile(write.key, written)
        return waiting

    def delete(self, key: str) -> None:
        """Delete a file, and the directories that are empty without it, up to those of the layout."""
        self._tree.delete(key)

    def delete_if(self, key: str, version: str) -> bool:
        """Delete a file that still has this version; who writes to it holds its lock."""
        there = self.read(key)
        if there is not None and there.version != version:
            raise ChangedMeanwhile(key)
        self._tree.delete(key)
        return True

    def flush(self) -> None:
        """Wait until the disk has all new files, their names, those of new directories, and what was deleted.

        What could not be flushed is tried again by the next call.
        """
        self._tree.flush()

    @contextmanager
    def locked(self, name: str, timeout: float) -> Iterator[None]:
        """Keep other writers out, by a lock that ends with its process."""
        key = f"{LOCKS}/{name}.lock"
        lock = FileLock(self._tree.to_write(key), timeout=timeout, mode=_SHARED)
        try:
            lock.acquire()
        except Timeout as error:
            raise MirrorError(
                "locked",
                f"another process is still writing to {shown(name)}{after_seconds(timeout)}",
                hint="Try again when it has finished. Locks end with their process; never delete one.",
            ) from error
        except OSError as error:
            raise RefusedAt(key, error) from error
        try:
            self._tree.look_again()
            yield
        finally:
            with suppress(OSError):  # what was done under it is done, and it ends with this process
                lock.release()

    def serves(self, path: Path) -> bool:
        """Whether ``path`` is below the mirror's files."""
        return is_below(path.parent, self._path / FILES)

    def scratch(self) -> Path:
        """Return a directory on the same file system, so that what was made there can be moved into the mirror."""
        return self._tree.to_write(f"{SCRATCH}/x").parent

    def problems(self) -> Iterator[Finding]:
        """Yield links that lead out, what cannot be read, half-written files and abandoned work."""
        errors: dict[str, OSError] = {}
        yield from self._misplaced()
        for current, directories, files in os.walk(self._path, onerror=partial(self._note, errors)):
            for name in sorted([*files, *directories]):
                path = Path(current, name)
                try:
                    yield from self._problems_of(path)
                except OSError as error:
                    error.filename = str(path)
                    self._note(errors, error)
        try:
            for each in abandoned(self._path / SCRATCH):
                yield _leftover(f"{SCRATCH}/{each.name}", "a killed process left it")
        except OSError as error:
            errors.setdefault(SCRATCH, error)
        for key, why in errors.items():
            yield finding("unreadable", key, shown(why.strerror or str(why)))

    def _misplaced(self) -> Iterator[Finding]:
        """Yield which directories of the layout are something else."""
        for key in _DIRECTORIES:
            try:
                self._tree.confirm_directory(self._path / key)
            except PlaceError as error:
                yield misplaced(error)

    def _problems_of(self, path: Path) -> Iterator[Finding]:
        key = path.relative_to(self._path).as_posix()
        if is_directory_key(key):
            try:
                self._tree.confirm_directory(path)
            except PlaceError as error:
                yield misplaced(error)
        if is_note_key(key):
            try:
                confirm_file(path.stat(), path, key)
            except PlaceError as error:
                yield misplaced(error)
        if self._tree.leads_out(path):
            yield finding("link-outside", key, "it is a link that leads out of the mirror", hint="Remove the link.")
        elif not key.startswith(f"{SCRATCH}/") and _is_half_made(path) and not path.is_dir() and is_leftover(path):
            yield _leftover(key, "a killed process left it half written")


def _head(status: os.stat_result) -> Head:
    return Head(status.st_size, modified=datetime.fromtimestamp(status.st_mtime, UTC))


def _leftover(key: str, message: str) -> Finding:
    return finding("leftover", key, message, fixable=True)


def _is_half_made(path: Path) -> bool:
    """Whether the name is one that a staged file has until it is complete."""
    return path.name.startswith(".wheelfix-") and path.name.endswith(".part")


class _Waiting:
    """A new file that waits for its name."""

    def __init__(self, staged: StagedFile, size: int, path: Path, replace: bool) -> None:
        self.staged = staged
        self.size = size
        self.path = path
        self._replace = replace

    def flush(self) -> None:
        os.fsync(self.staged.descriptor)

    def place(self) -> None:
        self.staged.name(self.path, replace=self._replace)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.staged.__exit__(kind, error, trace)


def _flush_directories(directories: dict[Path, None]) -> None:
    flushes = [partial(flush_directory, each) for each in directories]
    directories.clear()
    raise_first(flush_together(flushes))


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
