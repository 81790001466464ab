"""The releases of a project at its source that a requirement stands for: their files for the targets, and what waits."""

import re
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import product
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from wheelfix.errors import MirrorError
from wheelfix.mirror.clock import now
from wheelfix.mirror.examine import upload_time
from wheelfix.mirror.pages import identity_of
from wheelfix.options import Targets
from wheelfix.results import Problem
from wheelfix.sync.choice.first_seen import FirstSeen
from wheelfix.sync.choice.sources import Served, project_of
from wheelfix.sync.manifest.model import Local, Sdists, Source
from wheelfix.sync.model import Action, PlannedFile, WantedFile
from wheelfix.text import shown, shown_few
from wheelfix.upstream.client import sha256_of
from wheelfix.upstream.downloads import checked_sum
from wheelfix.upstream.resolve import Candidate, fitting_files, is_for, no_wheel
from wheelfix.upstream.selection import read_requirement

TOO_YOUNG: Final = "too-young"
NO_WHEEL: Final = "no-wheel"
_CPU: Final = "cpu"
_LINUX: Final = re.compile(r"(?:many)?linux(?:\d+|_\d+_\d+)?_(?P<machine>\w+)")
_VERSIONED: Final = re.compile(r"(?P<system>musllinux|macosx)_\d+_\d+_(?P<machine>\w+)")
_UNIVERSAL: Final = "universal2"


class Release(Struct, frozen=True, kw_only=True, dict=True):
    """A release at ``source``: ``wanted`` are its files that can be had now, ``waiting`` those that are too young.

    ``version`` is without a local version: 2.9.0 and 2.9.0+cpu are one release, as far as their number counts. ``refused``
    are files that cannot be had. ``problem`` is why nothing of it can be chosen. It has the files ``listed``, of which
    those ``chosen`` are for the targets.
    """

    source: Source
    project: str
    version: Version
    listed: Sequence[Candidate] = ()
    chosen: Sequence[Candidate] = ()
    wanted: tuple[WantedFile, ...] = ()
    waiting: tuple[PlannedFile, ...] = ()
    refused: tuple[PlannedFile, ...] = ()
    problem: MirrorError | None = None

    @cached_property
    def reported(self) -> tuple[PlannedFile, ...]:
        """What a person should know: files that cannot be had, and for which targets there is no wheel."""
        missing = self._missing()
        if not missing:
            return self.refused
        has_sdist = any(each.name is None for each in self.chosen)
        note = PlannedFile(
            action=Action.REPORT, project=self.project, version=str(self.version), filename="", source=self.source.name,
            reason=f"no wheel for {missing}{': the source distribution is copied' if has_sdist else ''}", code=NO_WHEEL,
        )  # fmt: skip
        return (*self.refused, note)

    @cached_property
    def served(self) -> Sequence[Targets]:
        """The single targets for which it has a file that can be had, and those whose Python it is not for; else none."""
        names = {each.filename for each in self.wanted}
        here, places = [each for each in self.chosen if each.file.filename in names], cells(self.source.targets)
        if any(each.name is None for each in here):
            return places
        lacking = set(_lacking(places, self.listed, here))
        return [each for each in places if here and each not in lacking]

    def _missing(self) -> str:
        """Return the targets without a wheel, in words; a release that is not for a Python lacks nothing there."""
        targets, pythons = self.source.targets, dict[str, list[str]]()
        for each in _lacking(cells(targets), self.listed, self.chosen):
            pythons.setdefault("".join(each.platforms) or "any platform", []).extend(each.pythons)
        same = {*map(tuple, pythons.values())}
        if len(pythons) == max(1, len(targets.platforms)) and len(same) == 1 and (common := same.pop()):
            return f"Python {', '.join(common)}"
        names = [
            (platform or "any platform")
            if len(found) == len(targets.pythons)
            else f"{platform} with Python {', '.join(found)}"
            for platform, found in pythons.items()
        ]
        return shown(shown_few(names, 5)) if names else ""


def _lacking(places: Iterable[Targets], files: Sequence[Candidate], chosen: Sequence[Candidate]) -> Iterator[Targets]:
    """Yield the single targets with a Python that one of ``files`` allows, for which none of ``chosen`` is a wheel."""
    for cell in places:
        if any(_allows(each, cell.pythons) for each in files) and not any(file_is_for(each, cell) for each in chosen):
            yield cell


def releases_of(served: Served, requirement: str, seen: FirstSeen) -> list[Release]:
    """Return all releases that fit ``requirement`` and have files for the targets of the source, the newest first.

    With ``local = "strip"`` only plain wheels and those of one local version count, see :func:`one_local_version`.

    :raises MirrorError: if nothing fits, or nothing that fits is for the targets.
    """
    source, wanted = served.source, read_requirement(requirement, extras=True)
    try:
        fitting = fitting_files(served.page, wanted, sdists=source.sdists is not Sdists.NEVER)
    except MirrorError as error:
        raise _for_manifest(error) from error
    groups = dict[Version, list[Candidate]]()
    for each in fitting:
        groups.setdefault(_public(each.version), []).append(each)
    reader = _Reader(source, project_of(requirement), seen)
    releases = [reader.release(version, groups[version]) for version in sorted(groups, reverse=True)]
    found = [each for each in releases if each is not None]
    if not found:
        raise _no_wheel(wanted, fitting, source.targets)
    return found


def newest(releases: Iterable[Release], keep: int | None) -> Iterator[Release]:
    """Yield the newest ``keep`` of ``releases`` that have files which can be had, and those before them that wait.

    Where these have no wheel for a target, older ones that do are among them: the upload of a release may be under way, file
    by file. One that is not for a Python at all, as it says itself, makes room there too.

    :raises MirrorError: if one of the newest has a problem.
    """
    if keep is None:
        yield from map(_without_problem, releases)
        return
    count, served = 0, Counter[Targets]()
    for each in releases:
        if count >= keep:
            if all(served[place] >= keep for place in cells(each.source.targets)):
                return
            if each.problem is not None or all(served[place] >= keep for place in each.served):
                continue
        count += bool(_without_problem(each).wanted)
        served.update(each.served)
        yield each


def _without_problem(release: Release) -> Release:
    if release.problem is not None:
        raise release.problem
    return release


class _Reader:
    """Makes releases of the files of a ``project`` that fit a requirement of ``source``."""

    def __init__(self, source: Source, project: str, seen: FirstSeen) -> None:
        self._source = source
        self._project = project
        self._seen = seen
        self._cells = cells(source.targets)
        self._now = now()

    def release(self, version: Version, files: Sequence[Candidate]) -> Release | None:
        """Return the release that ``files`` form, ``None`` where it has none for the targets."""
        wheels = [each for each in files if each.name is not None and file_is_for(each, self._source.targets)]
        chosen = [*wheels, *self._sdists(files, wheels)]
        if not chosen:
            return None
        if self._source.local is Local.STRIP:
            try:
                chosen = one_local_version(self._project, version, chosen)
            except MirrorError as error:
                return Release(source=self._source, project=self._project, version=version, problem=error)
        return self._sorted_out(version, files, chosen)

    def _sdists(self, files: Sequence[Candidate], wheels: Sequence[Candidate]) -> Iterator[Candidate]:
        """Yield the source distributions to have beside ``wheels``: for ``if-no-wheel`` a target must have none."""
        for each in files:
            if each.name is None and (self._source.sdists is Sdists.ALL or any(_lacking(self._cells, [each], wheels))):
                yield each

    def _sorted_out(self, version: Version, files: Sequence[Candidate], chosen: Sequence[Candidate]) -> Release:
        wanted, waiting, refused = list[WantedFile](), list[PlannedFile](), list[PlannedFile]()
        sums = _sums_of(chosen)
        for each in chosen:
            problem = _problem_with(each, sums)
            if problem is not None:
                refused.append(self._row(each, Action.REPORT, problem.message, problem.code, problem))
                continue
            seen = self._seen_at(each)
            if why := self._why_wait(each, seen):
                waiting.append(self._row(each, Action.WAIT, why, TOO_YOUNG))
                continue
            wanted.append(self._wanted(each, seen))
        return Release(
            source=self._source, project=self._project, version=version, listed=files, chosen=chosen,
            wanted=tuple(wanted), waiting=tuple(waiting), refused=tuple(refused),
        )  # fmt: skip

    def _wanted(self, each: Candidate, seen: datetime | None) -> WantedFile:
        return WantedFile(
            source=self._source, project=self._project, version=str(each.version), file=each.file,
            first_seen=None if seen is None else upload_time(seen),
        )  # fmt: skip

    def _seen_at(self, each: Candidate) -> datetime | None:
        """Return when a file was first seen, where that counts: it has no upload time, and there is a ``min-age``."""
        if each.file.upload_time is not None or not self._source.min_age:
            return None
        return self._seen.time(self._project, sha256_of(each.file) or "")

    def _why_wait(self, each: Candidate, seen: datetime | None) -> str:
        """Return why a file is not yet to be had, empty if it is."""
        time = each.file.upload_time or seen
        if time is None or not self._source.min_age:
            return ""
        ready = _later(_utc(time), self._source.min_age)
        if ready <= self._now:
            return ""
        since = f", first seen {_minute(_utc(time))}: the index has no upload times" if seen is not None else ""
        return f"younger than {_duration(self._source.min_age)}{since}; it is added from {_minute(ready)} on"

    def _row(self, each: Candidate, action: Action, reason: str, code: str, problem: Problem | None = None) -> PlannedFile:
        return PlannedFile(
            action=action, project=self._project, version=str(each.version), filename=each.file.filename,
            source=self._source.name, reason=reason, code=code, size=each.file.size, sha256=sha256_of(each.file),
            problem=problem,
        )  # fmt: skip


def waiting_for(files: Iterable[WantedFile], reason: str, code: str) -> Iterator[PlannedFile]:
    """Yield rows that say that ``files`` wait for a ``reason``."""
    for each in files:
        yield PlannedFile(
            action=Action.WAIT, project=each.project, version=each.version, filename=each.filename,
            source=each.source.name, reason=reason, code=code, size=each.file.size, sha256=each.sha256,
        )  # fmt: skip


def held_back(release: Release, early: Mapping[tuple[str, str], str]) -> Release:
    """Return ``release``, whose files wait if it is one of those that are ``early``, for the reason there."""
    waiting = list[PlannedFile](release.waiting)
    for each in release.wanted:
        if reason := early.get((each.project, each.release)):
            waiting += waiting_for([each], reason, TOO_YOUNG)
    wanted = tuple(each for each in release.wanted if (each.project, each.release) not in early)
    return release if len(wanted) == len(release.wanted) else replace(release, wanted=wanted, waiting=tuple(waiting))


def cells(targets: Targets) -> list[Targets]:
    """Return each single platform and Python that ``targets`` stand for.

    >>> [(each.platforms, each.pythons) for each in cells(Targets(["win*", "macosx*"], "3.12"))]
    [(('win*',), ('3.12',)), (('macosx*',), ('3.12',))]
    """
    platforms: Sequence[str | tuple[()]] = targets.platforms or ((),)
    pythons: Sequence[str | tuple[()]] = targets.pythons or ((),)
    return [Targets(platform, python) for platform, python in product(platforms, pythons)]


def file_is_for(candidate: Candidate, targets: Targets) -> bool:
    """Whether a wheel is for ``targets``: by its name, and by the Requires-Python that the index gives."""
    if not is_for(candidate, targets):
        return False
    if not targets.pythons or candidate.file.requires_python is None:
        return True
    return any(
        _allows(candidate, (each,)) and is_for(candidate, Targets(targets.platforms, (each,))) for each in targets.pythons
    )


def _allows(candidate: Candidate, pythons: Sequence[str]) -> bool:
    """Whether a file may be installed with some micro version of one of ``pythons``."""
    allowed = candidate.file.requires_python or ""
    return not pythons or any(_contains(allowed, f"{python}.{micro}") for python in pythons for micro in (0, _LAST_MICRO))


_LAST_MICRO: Final = 99
"""No Python has so many micro versions."""


@lru_cache(maxsize=1 << 14)
def _contains(specifiers: str, python: str) -> bool:
    try:
        return _specifiers(specifiers).contains(python, prereleases=True)
    except ValueError:  # installers ignore what is none, too; a number of 5,000 digits is one only once it is compared
        return True


@lru_cache(maxsize=1 << 12)
def _specifiers(text: str) -> SpecifierSet:
    """Return what ``text`` says.

    :raises ValueError: if it says nothing; InvalidSpecifier is one.
    """
    return SpecifierSet(text)


def one_local_version(project: str, version: Version, files: Sequence[Candidate]) -> list[Candidate]:
    """Return which of ``files`` form one release once local versions are stripped.

    These are plain ones, and those of one local version: the only one, or ``cpu`` of several. Where there are both for one
    platform and Python ``cpu`` counts before plain, and plain before any other: 2.9.0 is what the others would be called.

    :raises MirrorError: if there are several, and none of them is ``cpu``.
    """
    locals_ = sorted({each.version.local for each in files if each.version.local is not None})
    if len(locals_) > 1 and _CPU not in locals_:
        raise MirrorError(
            "several-local-versions",
            f"{shown(project)} {version} has wheels of several local versions, which cannot become one release",
            reason=f"the index has {shown_few([f'{version}+{each}' for each in locals_], 5)}",
            hint=f'Name one in `projects`, such as "{project}=={version}+{locals_[0]}", or set local = "keep".',
        )
    first, second = (_CPU, None) if _CPU in locals_ else (None, next(iter(locals_), None))
    there = {key for each in files if each.version.local == first for key in _installs(each)}
    return [
        each for each in files
        if each.version.local == first
        or (each.version.local == second and (each.name is None or not there.issuperset(_installs(each))))
    ]  # fmt: skip


def _installs(candidate: Candidate) -> Iterator[tuple[str, bool, str]]:
    """Yield for what a wheel is: Pythons, whether they are free-threaded, and platforms, whatever version these have."""
    if candidate.name is None:
        return
    free = any(each.endswith("t") for each in candidate.name.abi.split("."))
    for python, platform in product(candidate.name.python.split("."), candidate.name.platform.split(".")):
        for each in platforms_of(platform):
            yield python, free, each


def platforms_of(tag: str) -> list[str]:
    """Return what a platform tag stands for, whatever the version of the system.

    >>> platforms_of("manylinux_2_28_x86_64"), platforms_of("macosx_11_0_universal2")
    (['linux x86_64'], ['macosx arm64', 'macosx x86_64'])
    """
    if found := _LINUX.fullmatch(tag):
        return [f"linux {found['machine']}"]
    if found := _VERSIONED.fullmatch(tag):
        machines = ("arm64", "x86_64") if found["machine"] == _UNIVERSAL else (found["machine"],)
        return [f"{found['system']} {each}" for each in machines]
    return [tag]


def _sums_of(files: Iterable[Candidate]) -> Mapping[str, Collection[str | None]]:
    """Return, by the name of a file, the sums of all that is the same to installers, however its name is spelled."""
    same: dict[Hashable, set[str | None]] = {}
    found: dict[str, set[str | None]] = {}
    for each in files:
        name = each.file.filename
        if name not in found:
            identity = identity_of(name) if each.name is None else each.name.identity
            found[name] = same.setdefault(identity, set())
        found[name].add(sha256_of(each.file))
    return found


def _problem_with(candidate: Candidate, sums: Mapping[str, Collection[str | None]]) -> Problem | None:
    """Return why a file cannot be had; of several of one name nobody knows which is meant."""
    name = candidate.file.filename
    try:
        checked_sum(candidate.file)
    except MirrorError as error:
        return Problem.of(error)
    if len(sums[name]) == 1:
        return None
    return Problem(
        "several-files", f"the index lists {shown(name)} twice, with other bytes", "Report it to the operator of the index."
    )


def _public(version: Version) -> Version:
    return version if version.local is None else Version(version.public)


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


def _later(time: datetime, duration: timedelta) -> datetime:
    try:
        return time + duration
    except OverflowError:  # an index may say that a file is of the year 9999
        return datetime.max.replace(tzinfo=UTC)


def _minute(time: datetime) -> str:
    return upload_time(time)[:16].replace("T", " ") + " UTC"


def _duration(duration: timedelta) -> str:
    """Return a duration in words.

    >>> _duration(timedelta(days=3)), _duration(timedelta(hours=36)), _duration(timedelta(seconds=1))
    ('3 days', '36 hours', '1 second')
    """
    seconds = int(duration.total_seconds())
    count, unit = next((seconds // size, unit) for unit, size in _UNITS.items() if seconds % size == 0)
    return f"{count} {unit}{'' if count == 1 else 's'}"


_UNITS: Final[Mapping[str, int]] = {"day": 86400, "hour": 3600, "minute": 60, "second": 1}


def _for_manifest(error: MirrorError) -> MirrorError:
    """Return ``error`` with what to do in a manifest about it."""
    hint = _HINTS.get(error.code, error.hint)
    return MirrorError(error.code, error.message, reason=error.reason, hint=hint)


_HINTS: Final[Mapping[str, str]] = {
    "only-sdists": 'Copy them with sdists = "if-no-wheel", or build a wheel and add it with `wheelfix mirror add`.',
    "no-wheel": "Check `platforms` and `pythons`.",
}


def _no_wheel(wanted: Requirement, fitting: Sequence[Candidate], targets: Targets) -> MirrorError:
    return _for_manifest(no_wheel(wanted, fitting, targets))
