"""Which lock files a mirror affects: what became of the files that they name, what still installs, and how to move over.

A lock holds hashes. A file that was corrected under its own name has others since, and one that was corrected under another
name is still there, with the requirements that it always had. Locks with URLs of this mirror go on installing files that it
lists no longer: the URLs name the content.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from msgspec import Struct
from packaging.utils import canonicalize_version
from packaging.version import Version

from wheelfix.errors import LockError
from wheelfix.locations import Location
from wheelfix.locks.commands import Move, Step, steps_for
from wheelfix.locks.model import Lock, LockedFile, LockKind, SkippedEntry
from wheelfix.locks.read import read_lock
from wheelfix.mirror.layout import FILES, PUBLIC, file_key, is_file_key
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.repository import load_page
from wheelfix.mirror.storage import MirrorLocation, open_store
from wheelfix.mirror.storage.base import Store
from wheelfix.options import Requests
from wheelfix.results import Problem, failure
from wheelfix.upstream.parallel import several
from wheelfix.wheel.filename import parsed_version
from wheelfix.wheel.requirement import read_requirement


class Fate(StrEnum):
    """What became of a locked file in a mirror, from the least to the most."""

    SERVED = "served"
    """It is listed as it was locked."""
    YANKED = "yanked"
    """It is listed and yanked: locks install it, new ones avoid it."""
    CORRECTED = "corrected"
    """A correction of it is listed under another name."""
    REPLACED = "replaced"
    """Its name is listed with other bytes."""
    REMOVED = "removed"
    """It is listed no longer; its bytes are still there."""
    MISSING = "missing"
    """The mirror does not have it."""


_ORDER: Final = list(Fate)


class AffectedFile(Struct, frozen=True, kw_only=True):
    """A file that a lock names, and its ``fate``.

    ``filename`` and ``sha256`` (hexadecimal) are ``None`` where neither the lock nor the mirror says them. ``installs`` is
    whether the lock still installs it; where it does so by a URL that is not of this mirror, that is ``elsewhere``.
    ``replacement`` is the file of the mirror that takes its place, ``changes`` are those of its correction, a line each.
    """

    filename: str | None
    sha256: str | None
    fate: Fate
    installs: bool
    elsewhere: str | None = None
    replacement: str | None = None
    changes: tuple[str, ...] = ()


class AffectedEntry(Struct, frozen=True, kw_only=True):
    """A project of a lock of which the mirror serves other files by now; ``version`` is as locked, ``line`` where.

    ``fate`` is the worst of those of its ``files``, ``to`` the version of the files that take their place, ``None`` where
    there are none. ``installs`` is whether the lock still installs all of them.
    """

    project: str
    version: str
    fate: Fate
    installs: bool
    files: tuple[AffectedFile, ...]
    to: str | None = None
    line: int | None = None


class AffectedLock(Struct, frozen=True, kw_only=True):
    """A lock file: the ``entries`` that are affected, and the ``steps`` that move them over.

    ``served`` is how many entries the mirror serves as they were locked, ``others`` how many are of other indexes; what is
    ``skipped`` is no file of an index. ``kind`` is ``None``, and ``problem`` says why, where it could not be read.
    """

    path: Path
    kind: LockKind | None = None
    entries: tuple[AffectedEntry, ...] = ()
    steps: tuple[Step, ...] = ()
    served: int = 0
    others: int = 0
    skipped: tuple[SkippedEntry, ...] = ()
    warnings: tuple[str, ...] = ()
    problem: Problem | None = None


class AffectedReport(Struct, frozen=True, kw_only=True):
    """Which of ``locks`` the mirror at ``mirror`` affects, in the order in which they were given."""

    mirror: Location
    locks: tuple[AffectedLock, ...] = ()

    @property
    def affected(self) -> tuple[AffectedLock, ...]:
        """Those with an entry of which the mirror serves other files by now."""
        return tuple(each for each in self.locks if each.entries)

    @property
    def complete(self) -> bool:
        """Whether every lock could be read: of one that could not, nothing is known."""
        return not any(each.problem for each in self.locks)


def affected_locks(mirror: MirrorLocation, locks: Iterable[Path | str] | Path | str) -> AffectedReport:
    """Return which of these lock files ``mirror`` affects: uv.lock, pylock.toml, poetry.lock, pdm.lock, requirements.txt.

    :raises MirrorError: if there is no mirror, or a page that is needed is damaged.
    """
    store = open_store(mirror)
    paths = [Path(locks)] if isinstance(locks, str | Path) else [Path(each) for each in locks]
    read = [(path, _read(path)) for path in paths]
    projects = sorted({file.project for _, lock in read if isinstance(lock, Lock) for file in lock.files})
    with several(Requests().connections if store.is_shared else 1) as calls:
        pages = calls.map(lambda project: load_page(store, project), projects, calls.count)
        shelves = {page.project: _Shelf(store, page) for page in pages}
    found = (
        _examine(lock, shelves) if isinstance(lock, Lock) else AffectedLock(path=path, problem=lock) for path, lock in read
    )
    return AffectedReport(mirror=store.location, locks=tuple(found))


def _read(path: Path) -> Lock | Problem:
    try:
        return read_lock(path)
    except LockError as error:
        return failure(path, error).problem or Problem(error.code, error.message, error.hint)


class _Shelf:
    """What a mirror has of one project."""

    def __init__(self, store: Store, page: Page) -> None:
        self.store = store
        self.page = page

    @cached_property
    def listed(self) -> dict[str, ListedFile]:
        """The files that are listed, by sha256."""
        return {each.sha256: each for each in self.page.files}

    @cached_property
    def by_name(self) -> dict[str, ListedFile]:
        """The files that are listed, by file name."""
        return {each.filename: each for each in self.page.files}

    @cached_property
    def by_version(self) -> dict[str, list[ListedFile]]:
        """The files that are listed, by version in its normal form."""
        found: dict[str, list[ListedFile]] = {}
        for each in self.page.files:
            found.setdefault(_release(each.version), []).append(each)
        return found

    @cached_property
    def past(self) -> dict[str, ListedFile]:
        """Those that were replaced, by sha256."""
        return {each.sha256: each for each in self.page.past}

    @cached_property
    def _by_original(self) -> dict[str, list[ListedFile]]:
        found: dict[str, list[ListedFile]] = {}
        for each in self.page.files:
            if each.origin is not None and each.yanked is None:
                found.setdefault(each.origin.sha256, []).append(each)
        return found

    def successor(self, sha256: str) -> ListedFile | None:
        """Return the newest correction of the file with this sha256, or of its original, ``None`` if there is none."""
        file = self.listed.get(sha256) or self.past.get(sha256)
        if file is not None and file.origin is not None and file.yanked is None and sha256 in self.listed:
            return None  # a correction itself, which is not superseded
        found = self._by_original.get(file.original_sha256 if file else sha256, [])
        others = [each for each in found if each.sha256 != sha256]
        return max(others, key=lambda each: (each.added or "", each.filename), default=None)

    def has(self, sha256: str, filename: str) -> bool:
        """Whether the bytes of a file are there, listed or not."""
        key = file_key(self.page.project, filename, sha256)
        return is_file_key(key) and self.store.head(key) is not None

    def is_of_here(self, url: str | None) -> bool:
        """Whether ``url`` looks like that of a file of this mirror: no other index has such."""
        path = unquote(_parts(url).path)
        start = f"{FILES.removeprefix(f'{PUBLIC}/')}/{self.page.project}/"
        rest = path.rpartition(f"/{start}")[2] if f"/{start}" in path else ""
        return len(rest.split("/")) == 2 and len(rest.partition("/")[0]) == 16


class _Parts(NamedTuple):
    host: str
    path: str


def _parts(url: str | None) -> _Parts:
    try:
        parts = urlsplit(url or "")
        return _Parts(parts.hostname or "", parts.path)
    except ValueError:  # a lock can hold any text
        return _Parts("", "")


def _examine(lock: Lock, shelves: dict[str, _Shelf]) -> AffectedLock:
    """Return what became of the entries of ``lock``."""
    releases: dict[tuple[str, str], list[LockedFile]] = {}
    for each in lock.files:
        releases.setdefault((each.project, each.version), []).append(each)
    projects = {each.project for each in lock.files}
    ours = {each.index for each in lock.files if any(_is_known(shelves[each.project], sum_) for sum_ in each.sha256)}
    entries, moves, served, others = list[AffectedEntry](), list[Move](), 0, 0
    for (project, version), locked in releases.items():
        shelf = shelves[project]
        files = _relevant(list(_files(locked, shelf)), locked, shelf)
        fate = max((each.fate for each in files), key=_ORDER.index)
        if fate is Fate.MISSING and _is_elsewhere(locked, shelf, ours):
            others += 1
        elif fate is Fate.SERVED:
            served += 1
        else:
            entries.append(_entry(project, version, files, locked[0].line, shelf))
            moves.append(_move(entries[-1], locked[0], projects))
    return AffectedLock(
        path=lock.path, kind=lock.kind, entries=tuple(entries), steps=steps_for(lock, moves), served=served, others=others,
        skipped=lock.skipped, warnings=lock.warnings,
    )  # fmt: skip


def _release(version: str) -> str:
    """Return what versions of one release have in common: 1.0 and 1.0.0 are one."""
    return canonicalize_version(version)


def _is_known(shelf: _Shelf, sha256: str) -> bool:
    return sha256 in shelf.listed or sha256 in shelf.past


def _relevant(files: list[AffectedFile], locked: Sequence[LockedFile], shelf: _Shelf) -> list[AffectedFile]:
    """Return ``files`` without those that the mirror never had, where it has others of the release.

    A lock names the wheels of all platforms, and a mirror may have those of some.
    """
    had = {each.filename for each in locked if shelf.is_of_here(each.url)}
    return [each for each in files if each.fate is not Fate.MISSING or each.filename in had] or files[:1]


def _is_elsewhere(locked: Sequence[LockedFile], shelf: _Shelf, ours: set[str | None]) -> bool:
    """Whether an entry that the mirror does not have is of another index."""
    if any(shelf.is_of_here(each.url) for each in locked):
        return False
    indexes = {each.index for each in locked}
    return indexes.isdisjoint(ours) if indexes != {None} else not shelf.page.files


def _files(locked: Sequence[LockedFile], shelf: _Shelf) -> Iterator[AffectedFile]:
    sums = {sha256 for each in locked for sha256 in each.sha256}
    for each in locked:
        if not each.sha256:
            yield _file_without_sha256(each, shelf)
        for sha256 in each.sha256:
            successor = shelf.successor(sha256)
            if successor is None or successor.sha256 not in sums:  # the lock knows both: installers take the correction
                yield _file(each, sha256, successor, shelf)


def _file(locked: LockedFile, sha256: str, successor: ListedFile | None, shelf: _Shelf) -> AffectedFile:
    listed, past = shelf.listed.get(sha256), shelf.past.get(sha256)
    filename = locked.filename or _name_of(listed or past, successor)
    same_name = shelf.by_name.get(filename) if filename and not listed else None
    replacement, is_ours = same_name or successor, shelf.is_of_here(locked.url)
    # Only a URL of this mirror leads to what no page lists: for all others the store need not be asked.
    is_there = bool(listed or past) or (is_ours and filename is not None and shelf.has(sha256, filename))
    if listed is not None:
        fate = Fate.CORRECTED if successor else Fate.SERVED if listed.yanked is None else Fate.YANKED
    elif replacement is not None:
        fate = Fate.REPLACED if same_name else Fate.CORRECTED
    else:
        fate = Fate.REMOVED if is_there else Fate.MISSING
    elsewhere = _parts(locked.url).host if locked.url and not is_ours else ""
    return AffectedFile(
        filename=filename, sha256=sha256, fate=fate, elsewhere=elsewhere or None,
        installs=listed is not None or bool(elsewhere) or (is_ours and is_there),
        replacement=replacement.filename if replacement else None,
        changes=_sentences(replacement),
    )  # fmt: skip


def _sentences(file: ListedFile | None) -> tuple[str, ...]:
    """Return what was changed in a file, a line each."""
    if file is None or file.origin is None:
        return ()
    more = file.origin.more_changes
    return (*(each.sentence for each in file.origin.changes), *([f"and {more} more"] if more else []))


def _name_of(file: ListedFile | None, successor: ListedFile | None) -> str | None:
    """Return the name of a file of which a lock says the sha256 alone, as the mirror knows it."""
    if file is not None:
        return file.filename
    return successor.origin.filename if successor is not None and successor.origin is not None else None


def _file_without_sha256(locked: LockedFile, shelf: _Shelf) -> AffectedFile:
    """Return the fate of a file of which a lock has no sha256: installers take what is listed by its name or version."""
    named = shelf.by_name.get(locked.filename or "")
    found = shelf.by_version.get(_release(locked.version), []) if locked.filename is None else [named] if named else []
    yanked = all(each.yanked is not None for each in found)
    fate = Fate.MISSING if not found else Fate.YANKED if yanked else Fate.SERVED
    return AffectedFile(filename=locked.filename, sha256=None, fate=fate, installs=bool(found))


def _entry(project: str, version: str, files: Sequence[AffectedFile], line: int | None, shelf: _Shelf) -> AffectedEntry:
    affected = tuple(each for each in files if each.fate is not Fate.SERVED)
    versions = {shelf.by_name[each.replacement].version for each in affected if each.replacement}
    return AffectedEntry(
        project=project,
        version=version,
        fate=max((each.fate for each in affected), key=_ORDER.index),
        installs=all(each.installs for each in affected),
        files=affected,
        to=max(versions, key=lambda each: parsed_version(each) or Version("0"), default=None),
        line=line,
    )


def _move(entry: AffectedEntry, locked: LockedFile, projects: Collection[str]) -> Move:
    """Return how an entry moves; ``projects`` are those of its lock."""
    dropped = (_dropped_project(change) for file in entry.files for change in file.changes)
    obsolete = tuple(dict.fromkeys(each for each in dropped if each is not None and each in projects))
    return Move(project=entry.project, version=entry.to, source=locked.source, obsolete=obsolete)


_DROPPED: Final = "drop Requires-Dist: "


def _dropped_project(change: str) -> str | None:
    """Return the project of a requirement that a correction dropped, as its line on the page says."""
    if not change.startswith(_DROPPED):
        return None
    requirement = read_requirement(change.removeprefix(_DROPPED))
    return None if requirement is None else requirement.name
