"""Remote wheels as files on this machine: each is downloaded once, and removed when the run is over.

A run names the path of the download, which nobody knows and which is gone afterwards; :meth:`FetchedWheels.named`
replaces it by the file name and the URL.
"""

import errno
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import gettempdir
from typing import Final, TypeVar, cast

from msgspec.structs import replace

from wheelfix.diff.model import Difference
from wheelfix.locations import Location, Url, without_file_scheme
from wheelfix.options import Limits, Targets, listed
from wheelfix.progress import NO_PROGRESS, NoProgress, Progress, guarded
from wheelfix.results import (
    UNREADABLE,
    CheckedWheel,
    Disagreement,
    Outcome,
    Problem,
    Published,
    PublishReport,
    PublishStatus,
    Report,
    Status,
    VerifyReport,
    failure,
)
from wheelfix.text import counted
from wheelfix.upstream.inputs import Finder, FoundWheel, Listing, is_remote, same_wheel
from wheelfix.upstream.parallel import few, several
from wheelfix.upstream.saving import require_space
from wheelfix.wheel.zip.staging import directory_for_downloads, remove_leftovers

_Result = TypeVar("_Result")
_MISSING: Final = os.strerror(errno.ENOENT)
"""What the system says of the path of a wheel that could not be downloaded."""


class FetchedWheels:
    """Wheels as files: ``paths`` has them all, in the order in which they were given.

    The path of a wheel that could not be downloaded does not exist, so only this wheel fails. ``problems`` says why,
    and so does :meth:`named`.
    """

    def __init__(self, paths: Sequence[Path], wheels: "dict[Path, FoundWheel]", problems: dict[Path, Problem]) -> None:
        self.paths: tuple[Path, ...] = tuple(paths)
        self.problems: dict[Path, Problem] = problems
        self._wheels = wheels

    def remote(self, path: Path) -> "FoundWheel | None":
        """Return what was downloaded to ``path``, ``None`` for a file that was here."""
        return self._wheels.get(path)

    @property
    def upstream(self) -> Mapping[Path, Listing]:
        """What the index says of the wheels that were chosen from one."""
        return {path: each.listing for path, each in self._wheels.items() if each.listing is not None}

    def named(self, result: _Result) -> _Result:
        """Return what a run said, of files as they were given, and of downloads with their names and URLs."""
        return cast("_Result", self._named(result))  # a value of the same type, whatever it is

    def reporting_to(self, progress: Progress) -> Progress:
        """Return what reports to ``progress`` what becomes of each wheel, by its name and URL."""
        return _Named(progress, self)

    def _named(self, result: object) -> object:
        match result:
            case Outcome():
                return self._outcome(result)
            case CheckedWheel():
                return self._checked(result)
            case Published():
                return self._published(result)
            case Difference():
                return replace(
                    result,
                    old=self._name(result.old),
                    new=self._name(result.new),
                    old_url=self._url(result.old),
                    new_url=self._url(result.new),
                )
            case Report():
                return replace(
                    result,
                    outcomes=tuple(map(self._outcome, result.outcomes)),
                    disagreements=tuple(map(self._disagreement, result.disagreements)),
                )
            case VerifyReport():
                return VerifyReport(tuple(map(self._checked, result.wheels)))
            case PublishReport():
                return replace(result, files=tuple(self._named(each) for each in result.files))
        return result

    def _name(self, path: Path | None) -> Path | None:
        return Path(self._wheels[path].name) if path in self._wheels else path

    def _place(self, place: Location) -> Location:
        return self._wheels[place].url if isinstance(place, Path) and place in self._wheels else place

    def _url(self, path: Path) -> Url | None:
        return self._wheels[path].url if path in self._wheels else None

    def _outcome(self, outcome: Outcome) -> Outcome:
        path = outcome.source
        if path in self.problems:
            outcome = Outcome(path, Status.FAILED, problem=self.problems[path])
        elif outcome.problem is not None:
            outcome = replace(outcome, problem=self._problem(outcome.problem))
        return replace(outcome, source=self._name(path), url=self._url(path))

    def _published(self, published: Published) -> Published:
        path = published.source
        if path in self.problems:
            published = replace(published, status=PublishStatus.FAILED, problem=self.problems[path])
        else:
            published = replace(published, problem=self._problem(published.problem))
        return replace(published, source=self._name(path), url=None if path is None else self._url(path))

    def _problem(self, problem: Problem | None) -> Problem | None:
        """Return a problem that names, of another wheel of the release that could not be read, why it was not downloaded."""
        if problem is None or not problem.reason or _MISSING not in problem.reason:
            return problem
        lost = next((each for path, each in self.problems.items() if path.name in problem.reason), None)
        return replace(problem, reason=problem.reason.replace(_MISSING, lost.message)) if lost else problem

    def _checked(self, checked: CheckedWheel) -> CheckedWheel:
        path = checked.source
        if (problem := self.problems.get(path)) is not None:
            findings = (
                replace(each, message=problem.message, hint=problem.hint, refused_by=()) if each.code == UNREADABLE else each
                for each in checked.findings
            )
            checked = replace(checked, findings=tuple(findings))
        return replace(checked, source=self._name(path), url=self._url(path))

    def _disagreement(self, disagreement: Disagreement) -> Disagreement:
        present, missing = (tuple(map(self._place, places)) for places in (disagreement.present, disagreement.missing))
        return replace(disagreement, present=present, missing=missing)


@contextmanager
def fetch_wheels(
    wheels: Iterable[Path | str] | Path | str,
    *,
    index: str | None = None,
    targets: Targets = Targets(),
    directory: Path | str | None = None,
    limits: Limits = Limits(),
    progress: Progress = NO_PROGRESS,
) -> Iterator[FetchedWheels]:
    """Download the remote ones of ``wheels``, and give all of them as files for as long as you need them.

    A text of ``wheels`` is a path, the URL of a wheel (``https://``, ``s3://``, ``gs://``, ``az://``), the URL of a prefix
    in a bucket that ends with a slash (all wheels directly below it), or with ``index``, the URL of an index, a requirement
    such as ``torch==2.7.0``: the wheels for ``targets`` of the newest release that fits. A text with a slash, or that ends
    with ``.whl``, is a path. Each wheel is given once.

    Downloads are compared with the sha256 that the index says, or the URL (``#sha256=...``). They are kept in a
    directory that is made in ``directory``, by default that for temporary files, and removed at the end. Choose one on
    the file system where results go. ``limits`` says how long all downloads may take; they are reported to
    ``progress``.

    A wheel that cannot be downloaded is one of the ``problems`` of what is given, and the others are there. Credentials for
    servers come from a netrc file or keyring, for buckets from where the tools of the cloud find them.

    ::

        with wheelfix.fetch_wheels(["torch==2.7.0"], index="https://download.pytorch.org/whl/cpu/") as fetched:
            report = fetched.named(wheelfix.fix_wheels(fetched.paths, output="fixed"))

    :raises MirrorError: if a text names no wheel, the index cannot be read, or the disk has no room for all of them.
    :raises OSError: if the directory cannot be written to.
    """
    progress = guarded(progress)
    with Finder(index, targets, limits=limits, progress=progress) as finder:
        found: list[Path | FoundWheel] = []
        for each in listed(wheels):
            plain = without_file_scheme(each) if isinstance(each, str) else each
            if isinstance(plain, str) and is_remote(plain, with_index=index is not None):
                found += finder.find(plain)
            else:
                found.append(Path(plain))
        with fetched(_each_once(found), None if directory is None else Path(directory), progress) as given:
            yield given


@contextmanager
def fetched(
    wheels: Iterable[Path | FoundWheel], directory: Path | None = None, progress: Progress = NO_PROGRESS
) -> Iterator[FetchedWheels]:
    """Download the remote ones of ``wheels``, a few at a time, into ``directory``, and give all of them as files.

    The downloads are removed at the end.

    :raises MirrorError: if there is not enough space for what is known of their sizes.
    :raises OSError: if the directory cannot be written to.
    """
    given = list(wheels)
    with _scratch(directory) as scratch:
        remote = {scratch / str(number) / each.name: each for number, each in enumerate(given) if not isinstance(each, Path)}
        if remote:
            require_space(scratch, sum(each.size or 0 for each in remote.values()), counted(len(remote), "wheel"))
        problems = _download(remote, progress)
        places = iter(remote)
        yield FetchedWheels([each if isinstance(each, Path) else next(places) for each in given], remote, problems)


def _each_once(wheels: Iterable[Path | FoundWheel]) -> list[Path | FoundWheel]:
    found: dict[Path | str, Path | FoundWheel] = {}
    for each in wheels:
        place = each if isinstance(each, Path) else each.address
        found[place] = same_wheel(found.get(place, each), each)
    return list(found.values())


@contextmanager
def _scratch(directory: Path | None) -> Iterator[Path]:
    """Yield a new directory in ``directory``, which is made for it if need be; what killed runs left there is removed."""
    parent = Path(gettempdir()) if directory is None else directory
    missing = [each for each in (parent, *parent.parents) if not each.exists()]
    parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(parent)
    try:
        with directory_for_downloads(parent) as scratch:
            yield scratch
    finally:
        for each in missing:
            with suppress(OSError):  # there are results in it
                each.rmdir()


def _download(wheels: "dict[Path, FoundWheel]", progress: Progress) -> dict[Path, Problem]:
    """Download each of ``wheels`` to its path; return what went wrong."""
    stoppable = _Stoppable(progress)

    def download(path: Path) -> Problem | None:
        try:
            path.parent.mkdir()
            wheels[path].download(path, stoppable)
        except Exception as error:  # noqa: BLE001 - one wheel never stops the others; the problem says what it was
            with suppress(OSError):  # there may be none, or its name may be too long for one
                path.unlink()
            return failure(path, error).problem
        return None

    with several(few(len(wheels))) as calls:
        try:
            found = zip(wheels, calls.map(download, wheels, ahead=len(wheels)), strict=True)
            return {path: problem for path, problem in found if problem is not None}
        finally:
            stoppable.stopped = True


class _Stoppable(NoProgress):
    """Passes the events of downloads on until it is ``stopped``: then each raises what ends the download."""

    def __init__(self, progress: Progress) -> None:
        self.stopped = False
        self._progress = progress

    def file_started(self, name: str, size: int | None, resumed: int = 0) -> None:
        """Pass it on."""
        self._check()
        self._progress.file_started(name, size, resumed)

    def file_advanced(self, name: str, count: int) -> None:
        """Pass it on."""
        self._check()
        self._progress.file_advanced(name, count)

    def waiting(self, name: str, seconds: float, reason: str) -> None:
        """Pass it on."""
        self._progress.waiting(name, seconds, reason)

    def _check(self) -> None:
        if self.stopped:
            raise InterruptedError("the run ends")


class _Named(NoProgress):
    """Passes all events on, and what becomes of each wheel by its name and URL."""

    def __init__(self, progress: Progress, fetched: FetchedWheels) -> None:
        self._progress = progress
        self._fetched = fetched
        for event in (name for name in vars(NoProgress) if not name.startswith("_") and name not in vars(_Named)):
            setattr(self, event, getattr(progress, event))

    def wheel_done(self, outcome: Outcome) -> None:
        """Pass it on."""
        self._progress.wheel_done(self._fetched.named(outcome))

    def wheel_checked(self, checked: CheckedWheel) -> None:
        """Pass it on."""
        self._progress.wheel_checked(self._fetched.named(checked))

    def file_published(self, published: Published) -> None:
        """Pass it on."""
        self._progress.file_published(self._fetched.named(published))
