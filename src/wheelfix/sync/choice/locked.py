"""Which files the locks of a manifest name: exactly those, found in the indexes of its sources by name and sha256.

A lock holds hashes, so what it names is served as it is, for all platforms, and stays. Where several sources have the same
lock, a file comes from the one whose index the lock names, or else from the first that has it: the hash decides, so that no
index can slip in another file. Where a lock has no sha256, the first source alone that has the project is asked, also if it
names that in ``projects``. One that fails is an error, and is not passed over.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace as replace_file
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace
from packaging.version import Version
from pypi_simple import DistributionPackage

from wheelfix.errors import LockError, MirrorError
from wheelfix.locks.model import Lock, LockedFile, Skipped
from wheelfix.locks.read import read_lock
from wheelfix.mirror.pages import Page
from wheelfix.results import Problem, failure
from wheelfix.sync.choice.sources import Served, Sources
from wheelfix.sync.choice.upstreams import Upstreams
from wheelfix.sync.manifest.model import Manifest, Sdists, Source
from wheelfix.sync.model import Action, PlannedFile, Reason, SourceProblem, WantedFile
from wheelfix.text import shown, shown_few
from wheelfix.upstream.client import ServedPage, sha256_of
from wheelfix.upstream.urls import shown_url
from wheelfix.wheel.filename import parsed_version

SKIPPED: Final = "lock-entry-skipped"
"""The code of an entry of a lock that is no file of an index."""
_MISSING: Final = "lock-file-missing"
_DIFFERS: Final = "lock-hash-differs"
_OBSOLETE: Final = (".egg", ".exe", ".msi", ".rpm", ".deb", ".dmg")
"""The ends of files that indexes still list, and that no client installs any more."""
_SKIPPED: Final = {
    Skipped.UNPINNED: "does not pin it with ==",
    Skipped.INCLUDED: "includes it by a URL, which was not read",
}
"""What a lock does with an entry that is no file of an index, where more is to be said than what the entry is."""
_UPDATE: Final = "If the index replaced the file, make the lock again; otherwise find out who changed it."


class Locked(Struct, frozen=True, kw_only=True):
    """What the locks of a manifest stand for.

    ``wanted`` are the files, those of one source together. ``holders`` are the locks that name a sha256 (hexadecimal), as
    the manifest has them: a file with one of these is never removed, nor yanked because nothing else wants it. So it is with
    all files while a lock is ``unread``, one that cannot be read: nobody knows what it names. ``unsought`` are the projects
    and versions that locks name without a sha256, and that were not looked for. ``reports`` are entries that are no files of
    an index, and that an installation from the mirror alone would miss.
    """

    wanted: tuple[WantedFile, ...] = ()
    problems: tuple[SourceProblem, ...] = ()
    reports: tuple[PlannedFile, ...] = ()
    holders: Mapping[str, tuple[str, ...]] = {}
    unread: tuple[str, ...] = ()
    unsought: frozenset[tuple[str, Version]] = frozenset()


def choose_locked(
    manifest: Manifest, upstreams: Upstreams, pages: Mapping[str, Page], *, only: Collection[str] = ()
) -> Locked:
    """Return the files that the locks of ``manifest`` name; ``pages`` are those of the mirror, by project.

    With ``only``, the names of sources or projects, no others are looked for; the ``holders`` are those of all locks.
    """
    search, problems, reports = _Search(manifest, upstreams, pages), list[SourceProblem](), list[PlannedFile]()
    unread = list[str]()
    for path in dict.fromkeys(path for source in manifest.sources for path in source.locks):
        sources = [each for each in manifest.sources if path in each.locks]
        name = _name(manifest, path)
        try:
            lock = read_lock(path)
        except LockError as error:
            problems += [SourceProblem(each.name, None, _problem(error)) for each in sources]
            unread.append(name)
            continue
        if not lock.files and any(not each.reason.comes_along for each in lock.skipped):
            problems += [SourceProblem(each.name, None, _nothing_usable(lock, name)) for each in sources]
        search.find(lock, name, sources, only)
        reports += _reports(lock, name, sources[0])
    order = [each.name for each in manifest.sources]
    wanted = sorted(search.wanted.values(), key=lambda each: (order.index(each.source.name), each.project, each.filename))
    holders = {sha256: tuple(names) for sha256, names in sorted(search.holders.items())}
    return Locked(
        wanted=tuple(wanted), problems=(*problems, *search.problems), reports=(*reports, *search.reports), holders=holders,
        unread=tuple(unread), unsought=frozenset(search.unsought),
    )  # fmt: skip


def _name(manifest: Manifest, path: Path) -> str:
    """Return a lock as the manifest has it: relative to where that is."""
    folder = manifest.path.parent
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def _problem(error: LockError | MirrorError) -> Problem:
    return failure(Path(), error).problem or Problem(error.code, error.message, error.hint, error.reason)


def _nothing_usable(lock: Lock, name: str) -> Problem:
    names = shown_few([shown(each.project) for each in lock.skipped])
    return Problem(
        "lock-empty",
        f"{shown(name)} names no file of an index",
        "Make a lock that pins each project with ==, or name them in `projects` of another source.",
        f"it has only entries that cannot be looked up: {names}",
    )


def _reports(lock: Lock, name: str, source: Source) -> Iterator[PlannedFile]:
    for warning in lock.warnings:
        yield _report(source, "", "", f"{name}: {warning}")
    for each in lock.skipped:
        if not each.reason.comes_along:
            what = _SKIPPED.get(each.reason, f"has {each.reason} for it")
            reason = f"{name} {what}: the source adds nothing for it"
            yield _report(source, each.project, each.version or "", reason)


def _report(source: Source, project: str, version: str, reason: str) -> PlannedFile:
    return PlannedFile(
        action=Action.REPORT, project=shown(project), version=shown(version), filename="", source=source.name,
        reason=shown(reason), code=SKIPPED, why=Reason.LOCKED,
    )  # fmt: skip


class _Found(NamedTuple):
    """A file of an index that a lock names, and what there is to say of it."""

    file: DistributionPackage
    note: str = ""


class _Search:
    """Looks for what locks name, and collects it."""

    def __init__(self, manifest: Manifest, upstreams: Upstreams, pages: Mapping[str, Page]) -> None:
        self.wanted: dict[tuple[str, str, str], WantedFile] = {}
        self.problems: list[SourceProblem] = []
        self.reports: list[PlannedFile] = []
        self.holders: dict[str, dict[str, None]] = {}
        self.unsought = set[tuple[str, Version]]()
        self._upstreams = upstreams
        self._sources = Sources(manifest, upstreams, pages)
        self._order = {each.name: number for number, each in enumerate(manifest.sources)}
        self._listings: dict[tuple[str, str], _Listing | None] = {}
        self._served = {each.sha256 for page in pages.values() for each in (*page.files, *page.past)}

    def find(self, lock: Lock, name: str, sources: list[Source], only: Collection[str]) -> None:
        """Look for the files of ``lock``, called ``name``, in the indexes of ``sources``; see :func:`choose_locked`."""
        every = not only or any(each.name in only for each in sources)
        releases: dict[tuple[str, str], list[LockedFile]] = {}
        for each in lock.files:
            if every or each.project in only:
                releases.setdefault((each.project, each.version), []).append(each)
            elif not each.sha256:
                self.unsought.add((each.project, Version(each.version)))
            for sha256 in each.sha256:
                self.holders.setdefault(sha256, {})[name] = None
        first = ((_candidates(each, sources)[0].index, each.project) for files in releases.values() for each in files)
        self._upstreams.fetch(first)
        for files in releases.values():
            try:
                self._find_release(files, name, sources)
            except _Failed as failed:
                self.problems.append(failed.problem)

    def _find_release(self, files: list[LockedFile], name: str, sources: list[Source]) -> None:
        has_wheel = any(_is_wheel(each.filename) for each in files)
        left_out = list[tuple[LockedFile, Source]]()
        for locked in files:
            candidates = _candidates(locked, sources)
            if locked.filename is not None and locked.filename.endswith(_OBSOLETE):
                reason = f"{name} names {locked.filename}, which is of a kind that no client installs any more"
                self.reports.append(_report(candidates[0], locked.project, locked.version, reason))
            elif all(_leaves_out(each, locked.filename, has_wheel=has_wheel) for each in candidates):
                left_out.append((locked, candidates[0]))
            else:
                self._find_file(locked, name, candidates)
        if left_out and not has_wheel:
            locked, source = left_out[0]
            self._add_problem(source, locked, _only_sdist(locked, name))

    def _find_file(self, locked: LockedFile, name: str, candidates: list[Source]) -> None:
        """Look for what a lock names; where it has several hashes, a file of each of them."""
        if not locked.sha256:
            candidates = self._first_to_have(locked, name, candidates)
        conflict, source, is_found = None, candidates[0], False
        missing = {*locked.sha256} - self._served  # a lock that was made against this mirror names what only that has
        for each in candidates:
            listing = self._listing(each, locked.project)
            if listing is None:
                continue
            if found := listing.matching(locked):
                self._add(each, locked, name, found)
                is_found, missing = True, missing - listing.sums - {sha256_of(file) for file, _ in found}
                if not missing:
                    return
            elif conflict is None:
                conflict, source = _conflict(listing, each, locked, name), each
        if is_found:
            self._add_problem(source, locked, _incomplete(locked, name, missing))
        elif missing or not locked.sha256:
            self._add_problem(source, locked, conflict or _missing(locked, name, candidates))

    def _first_to_have(self, locked: LockedFile, name: str, candidates: list[Source]) -> list[Source]:
        """Return the one source that has the project of a file that no sha256 identifies, or all if none has it."""
        named = self._sources.naming(locked.project)
        if any(_is_same(each.index, locked.index) for each in candidates):
            named = ()  # the lock says where it is from
        every = {each.name: each for each in (*candidates, *named)}
        match self._sources.first_of(locked.project, sorted(every.values(), key=lambda each: self._order[each.name])):
            case Served(source) if source in candidates:
                return [source]
            case Served(source):
                problem = SourceProblem(candidates[0].name, locked.project, _served_elsewhere(locked, name, source))
                raise _Failed(problem)
            case SourceProblem() as problem:
                raise _Failed(problem)
            case None:
                return candidates

    def _listing(self, source: Source, project: str) -> "_Listing | None":
        key = source.index, project
        if key not in self._listings:
            try:
                page = self._upstreams.page(source.index, project)
            except MirrorError as error:
                raise _Failed(SourceProblem(source.name, project, _problem(error))) from error
            self._listings[key] = _Listing(page) if page else None
        return self._listings[key]

    def _add(self, source: Source, locked: LockedFile, name: str, found: list[_Found]) -> None:
        has_wheel = any(_is_wheel(each.file.filename) for each in found)
        taken = [each for each in found if not _leaves_out(source, each.file.filename, has_wheel=has_wheel)]
        if not taken:
            self._add_problem(source, locked, _only_sdist(locked, name))
        for file, note in taken:
            sha256 = sha256_of(file) or ""
            key = locked.project, file.filename, sha256
            before = self.wanted.get(key)
            names = tuple(dict.fromkeys((*(before.locks if before else ()), name)))
            if sha256:
                self.holders.setdefault(sha256, {})[name] = None
            self.wanted[key] = replace(before, locks=names) if before else WantedFile(
                source=source, project=locked.project, version=_version_of(file, locked), file=file, reason=Reason.LOCKED,
                notes=(note,) if note else (), locks=names,
            )  # fmt: skip

    def _add_problem(self, source: Source, locked: LockedFile, problem: Problem) -> None:
        self.problems.append(SourceProblem(source.name, locked.project, problem))


class _Failed(Exception):
    """Nobody knows where the files of a release are to come from: an index did not answer, or no longer has the project."""

    def __init__(self, problem: SourceProblem) -> None:
        super().__init__(problem.source)
        self.problem = problem


class _Listing:
    """What an index lists of a project, to look files up: a lock names thousands, and so does a page."""

    def __init__(self, page: ServedPage) -> None:
        self.by_sha256: dict[str, list[DistributionPackage]] = {}
        self.by_name: dict[str, list[DistributionPackage]] = {}
        self.by_version: dict[Version, list[DistributionPackage]] = {}
        self.sums = {sha256_of(each) for each in page.page.packages}
        for each in page.page.packages:
            if each.package_type not in ("wheel", "sdist"):
                continue
            self.by_name.setdefault(each.filename, []).append(each)
            if sha256 := sha256_of(each):
                self.by_sha256.setdefault(sha256, []).append(each)
            if each.version is not None and (version := parsed_version(each.version)) is not None:
                self.by_version.setdefault(version, []).append(each)

    def fitting(self, locked: LockedFile) -> list[DistributionPackage]:
        """Return the files of the name, or where the lock has none of the version, that a lock says."""
        if locked.filename is not None:
            return self.by_name.get(locked.filename, [])
        return self.by_version.get(Version(locked.version), [])

    def matching(self, locked: LockedFile) -> list[_Found]:
        """Return the files that a lock names: by sha256 where both have one, or else by name or version."""
        if locked.sha256:
            found = [each for sha256 in locked.sha256 for each in self.by_sha256.get(sha256, [])]
            fitting = [_Found(each) for each in found if _fits(each, locked)]
            return fitting or self._without_sha256(locked)
        what = "has no sha256 of it" if locked.hashes else "has no hash of it"
        note = f"the lock {what}: the file was found by its {'name' if locked.filename else 'version'}"
        return [_Found(each, note) for each in self.fitting(locked) if _agrees(each, locked)]

    def _without_sha256(self, locked: LockedFile) -> list[_Found]:
        """Return the file of this name whose sha256 the index does not give: the download must have that of the lock."""
        if locked.filename is None or len(locked.sha256) != 1:
            return []
        digests = {"sha256": locked.sha256[0]}
        note = "the index has no sha256 of it; the download is compared with that of the lock"
        return [
            _Found(replace_file(each, digests={**each.digests, **digests}), note)
            for each in self.fitting(locked)
            if sha256_of(each) is None
        ]


def _fits(file: DistributionPackage, locked: LockedFile) -> bool:
    """Whether a file is of the name, or at least of the version, that a lock says."""
    if locked.filename is not None:
        return file.filename == locked.filename
    return file.version is not None and parsed_version(file.version) == Version(locked.version)


def _agrees(file: DistributionPackage, locked: LockedFile) -> bool:
    """Whether no hash of another kind, of those that both have, says that it is another file."""
    given = dict(each.partition(":")[::2] for each in locked.hashes)
    return all(file.digests[name].lower() == value for name, value in given.items() if name in file.digests)


def _leaves_out(source: Source, filename: str | None, *, has_wheel: bool) -> bool:
    """Whether a ``source`` leaves a source distribution out; ``None`` stands for files of any kind."""
    if filename is None or _is_wheel(filename):
        return False
    return source.sdists is Sdists.NEVER or (source.sdists is Sdists.IF_NO_WHEEL and has_wheel)


def _is_wheel(filename: str | None) -> bool:
    return filename is not None and filename.endswith(".whl")


def _version_of(file: DistributionPackage, locked: LockedFile) -> str:
    version = parsed_version(file.version) if file.version else None
    return str(version) if version else locked.version


def _is_same(one: str, other: str | None) -> bool:
    """Whether two URLs are those of one index: without what people write differently, and without credentials."""
    return other is not None and _plain(one) == _plain(other)


def _plain(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        return (parts.netloc.rpartition("@")[2].lower(), parts.path.rstrip("/"))
    except ValueError:  # of a lock that somebody wrote: it is like no other
        return ("", url)


def _candidates(locked: LockedFile, sources: list[Source]) -> list[Source]:
    """Return the sources that a file can be from: that of the index that the lock names, or else all of them."""
    return [each for each in sources if _is_same(each.index, locked.index)] or sources


def _label(locked: LockedFile) -> str:
    return shown(locked.filename or f"{locked.project} {locked.version}")


def _conflict(listing: _Listing, source: Source, locked: LockedFile, name: str) -> Problem | None:
    """Return the problem of a file that is there with other bytes than a lock says, ``None`` if none is there."""
    there = [sha256 for each in listing.fitting(locked) if (sha256 := sha256_of(each))]
    if not there or not locked.sha256:
        return None
    ours, theirs = shown_few(there, 2), shown_few(locked.sha256, 2)
    return Problem(
        _DIFFERS,
        f"{_label(locked)} has another sha256 than {shown(name)} says",
        _UPDATE,
        f"{shown_url(source.index)} has {ours}, the lock {theirs}",
    )


def _missing(locked: LockedFile, name: str, candidates: list[Source]) -> Problem:
    indexes = shown_few([shown_url(each.index) for each in candidates])
    elsewhere = locked.index is not None and not any(_is_same(each.index, locked.index) for each in candidates)
    hint = "It may have been deleted there: make the lock again."
    if elsewhere:
        index = shown_url(locked.index or "")
        hint = f"The lock has it from {index}: give the manifest a source with that index and this lock."
    return Problem(_MISSING, f"{_label(locked)}, which {shown(name)} names, is not in {indexes}", hint)


def _served_elsewhere(locked: LockedFile, name: str, source: Source) -> Problem:
    return Problem(
        _MISSING,
        f"{shown(name)} names {_label(locked)} without a sha256, and the source {shown(source.name)} has {locked.project}",
        f"Make the lock with hashes, or name it in the source {shown(source.name)}, too.",
        "without a hash no other source can slip in a version",
    )


def _incomplete(locked: LockedFile, name: str, missing: Collection[str | None]) -> Problem:
    count = f"{len(missing)} of the {len(locked.sha256)} hashes of {_label(locked)} in {shown(name)}"
    sums = shown_few(sorted(filter(None, missing)), 2)
    return Problem(_MISSING, f"no file has {count}", "It may have been deleted: make the lock again.", sums)


def _only_sdist(locked: LockedFile, name: str) -> Problem:
    return Problem(
        _MISSING,
        f"{shown(name)} names only a source distribution of {locked.project} {locked.version}, and the source has none",
        'Set sdists = "if-no-wheel" for the source.',
    )
