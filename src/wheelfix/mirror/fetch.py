"""Wheels of another index that a mirror is to have: each for itself is there, was refused, is loaded, or cannot be had."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pypi_simple import DistributionPackage

from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.mirror.follow import count_from, follow_index, upstream_file
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.refusals import Refusals
from wheelfix.mirror.repository import load_page, not_done
from wheelfix.mirror.storage.local import Folder
from wheelfix.mirror.upload import SAME_NAME
from wheelfix.mirror.upstream_file import UpstreamFile, is_decided_here
from wheelfix.results import Problem, Publication, Published, PublishReport, Report, Status
from wheelfix.text import shown
from wheelfix.upstream.client import ServedPage, sha256_of
from wheelfix.upstream.downloads import Downloads, checked_sum
from wheelfix.upstream.http import PASSING, Web
from wheelfix.upstream.resolve import ask_listed, choose_listed, read_requirement

_FAILED: Final = PASSING | {"bad-answer", "access-denied", "wrong-hash", "locked"}
"""The codes of errors that another run may not meet."""
_FOR_GOOD: Final = frozenset({"invalid-wheel"})
"""The codes of a mirror's refusals that depend on the wheel alone, not on what the mirror has."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A wheel that is at hand: its sum, those of the wheels of its release that are wanted, and what ``upstream`` says."""

    sha256: str
    project: str
    release: tuple[str, ...]
    upstream: UpstreamFile


class Taking:
    """What one call takes from the index at ``index`` into the mirror ``folder``, through the folder ``work``.

    ``decided`` identifies rules and options, see :func:`wheelfix.mirror.publish.decided_by`. ``yanking`` tells that the
    originals of corrected wheels are to be listed too. ``on_file`` is called with the name and the size of what is loaded,
    and how many bytes of it are there from an interrupted run.
    """

    def __init__(
        self, web: Web, index: str, folder: Folder, work: Path, refusals: Refusals, *, decided: str | None, yanking: bool,
        timeout: float, on_file: Callable[[str, int, int], None] | None,
    ) -> None:  # fmt: skip
        self._web = web
        self._index = index
        self._folder = folder
        self._work = work
        self._refusals = refusals
        self._decided = decided
        self._yanking = yanking
        self._timeout = timeout
        self._on_file = on_file
        self._downloads = Downloads(web, folder.scratch())
        self._done: dict[str, Publication | None] = {}
        self._loaded: dict[Path, _Loaded] = {}
        self._incomplete: set[tuple[str, ...]] = set()
        self._pages: dict[str, ServedPage] = {}
        self._followed: list[Publication] = []
        self._notes: dict[str, tuple[str, ...]] = {}

    @property
    def paths(self) -> list[Path]:
        """The wheels that are to be corrected."""
        return list(self._loaded)

    @property
    def upstream(self) -> dict[Path, UpstreamFile]:
        """What the index says of the wheels that are to be corrected."""
        return {path: wheel.upstream for path, wheel in self._loaded.items()}

    def take(self, requirement: str, platforms: Sequence[str], pythons: Sequence[str]) -> None:
        """Take the wheels of the release that ``requirement`` fits; none of their errors is raised."""
        wanted = read_requirement(requirement, extras=True)
        project = str(canonicalize_name(wanted.name))
        try:
            files = choose_listed(self._page(project), requirement, platforms=platforms, pythons=pythons)
        except (WheelfixError, OSError) as error:
            self._done[requirement] = _failed(requirement, project, None, error)
            return
        release = tuple(sorted(sha256_of(each) or "" for each in files))
        for file in files:
            key = f"{file.filename} {sha256_of(file)}"
            if key in self._done:  # another requirement has it, too
                continue
            self._notes[key] = tuple(_notes(wanted, self._page(project)))
            try:
                self._done[key] = self._take(file, project, release)
            except (WheelfixError, OSError) as error:
                self._done[key] = _failed(file.filename, project, file.filename, error)
                self._incomplete.add(release)

    def _page(self, project: str) -> ServedPage:
        """Return the page of a project; what it says of files that the mirror has from there is taken over.

        :raises MirrorError: if the index does not give it: then nothing is taken over.
        """
        if project not in self._pages:
            try:
                answer = ask_listed(self._web, self._index, project)
            except MirrorError as error:
                if error.code == "no-project" and (count := count_from(self._folder, project, self._index)):
                    raise _project_gone(project, count) from error
                raise
            self._pages[project] = answer
            self._followed += follow_index(self._folder, project, self._index, answer, self._timeout)
        return self._pages[project]

    def _take(self, file: DistributionPackage, project: str, release: tuple[str, ...]) -> Publication | None:
        """Return what became of ``file`` already; ``None`` if it is at hand now.

        The lock is held for one file only, so that of several calls at once each finds what the others have.
        """
        sha256 = checked_sum(file)
        with self._downloads.locked(project, self._timeout):
            there = _find(self._folder, load_page(self._folder, project), sha256, self._decided, yanking=self._yanking)
            problem = None if there else self._refusals.find(sha256, release)
            if there is not None or problem is not None:
                self._downloads.drop(sha256)
            if problem is not None:
                return _refused(file.filename, project, problem)
            if there is not None:
                return there
            path = self._work / sha256 / file.filename
            path.parent.mkdir(exist_ok=True)
            self._downloads.fetch(file, path, partial(self._start, file))
            self._loaded[path] = _Loaded(sha256, project, release, upstream_file(self._index, file))
            return None

    def _start(self, file: DistributionPackage, have: int) -> None:
        if self._on_file:
            self._on_file(file.filename, file.size or 0, have)

    def settle(self, report: Report, published: PublishReport) -> tuple[Publication, ...]:
        """Return what became of all that was wanted, of originals, and of what the index says otherwise by now.

        What is decided is not kept any longer.

        A wheel that the mirror refuses for what it has stays at hand for the next call. So does one that was refused when
        wheels of its release could not be had: with them it may be taken.
        """
        added = {each.source: each for each in published.files if each.status is not Published.YANKED}
        failed = (each.source for each in report.outcomes if each.status is Status.FAILED)
        self._incomplete.update(self._loaded[path].release for path in failed)  # with these, siblings may be taken
        results: dict[Path, Publication] = {}
        for outcome in report.outcomes:
            wheel, done = self._loaded[outcome.source], added.get(outcome.source)
            if outcome.problem is not None:
                done = _refused(outcome.source.name, wheel.project, outcome.problem)
                if outcome.status is Status.FAILED:
                    done = replace(done, status=Published.FAILED)
            if done is not None:
                results[outcome.source] = done
                self._decide(wheel, done, by_wheel=outcome.status is Status.REFUSED)
        rest = iter(results[path] for path in self._loaded if path in results)
        wanted = ((key, each if each is not None else next(rest, None)) for key, each in self._done.items())
        noted = [replace(each, notes=(*self._notes.get(key, ()), *each.notes)) for key, each in wanted if each is not None]
        originals = (each for each in published.files if each.status is Published.YANKED)
        return tuple(_by_name(each) for each in (*noted, *originals, *self._followed))

    def _decide(self, wheel: _Loaded, done: Publication, *, by_wheel: bool) -> None:
        """Remember what was decided on a wheel, and let go of it."""
        try:
            with self._downloads.locked(wheel.project, self._timeout):
                self._decide_alone(wheel, done, by_wheel=by_wheel)
        except MirrorError:  # another run loads for long: the wheel stays at hand for the next one
            return

    def _decide_alone(self, wheel: _Loaded, done: Publication, *, by_wheel: bool) -> None:
        if done.problem is None:
            self._refusals.forget(wheel.sha256)
        elif (by_wheel or done.problem.code in _FOR_GOOD) and wheel.release not in self._incomplete:
            self._refusals.note(wheel.sha256, wheel.release, done.problem)
        else:
            return
        self._downloads.drop(wheel.sha256)


def _notes(wanted: Requirement, page: ServedPage) -> Iterator[str]:
    """Yield what a person should know of every wheel that ``wanted`` chooses from ``page``."""
    if wanted.extras:
        extras = ", ".join(sorted(wanted.extras))
        yield f"Extras are not followed ({extras}): a mirror lists wheels. Name what the extra requires as well."
    if page.unknown_status is not None:
        status = shown(page.unknown_status)
        yield f"The index gives the project the status {status!r}, which PEP 792 does not define: it is not copied."


def _project_gone(project: str, count: int) -> MirrorError:
    """Return the error for a project that is no longer there; an address may be wrong for a day, so nothing is yanked."""
    files = "1 file" if count == 1 else f"{count} files"
    return MirrorError(
        "no-project",
        f"the index no longer has the project {project}; the mirror lists {files} from there",
        hint=f"They stay as they are. If it was removed for good reason, run `wheelfix mirror yank MIRROR {project}`.",
    )


def _by_name(publication: Publication) -> Publication:
    """Return the same with the name of what was loaded: where it lay nobody can look."""
    source = publication.source
    return replace(publication, source=Path(source.name) if source is not None else None)


def _refused(filename: str, project: str, problem: Problem) -> Publication:
    return Publication(Path(filename), Published.REFUSED, project, filename, problem=problem)


def _failed(source: str, project: str, filename: str | None, error: WheelfixError | OSError) -> Publication:
    done = replace(not_done(Path(source), error), project=project, filename=filename)
    failed = isinstance(error, WheelfixError) and error.code in _FAILED
    return replace(done, status=Published.FAILED) if failed else done


def _find(folder: Folder, page: Page, sha256: str, decided: str | None, *, yanking: bool) -> Publication | None:
    """Return what became of a wheel when it was taken before; ``None`` if it was not, otherwise decided on, or is lost."""
    for each in page.files:
        sums, place = (each.sha256, each.origin.sha256 if each.origin else None), page.place(each)
        if sha256 not in sums or each.checked_by != decided or place is None or folder.size(place) != each.size:
            continue
        notes = () if each.yanked is None else (_about_yank(each),)
        if yanking and each.origin is not None:
            note = _about_original(page, each, at_hand=sha256 != each.sha256)
            if note is None:
                return None
            notes = (*notes, note) if note else notes
        return Publication(None, Published.UNCHANGED, page.project, each.filename, place, each.sha256, notes)
    return None


def _about_yank(file: ListedFile) -> str:
    """Return why a file that was taken before is yanked: what was decided here stays, what an index says may change."""
    if is_decided_here(file):
        return "It is yanked, and stays so."
    return f"It is yanked, as an index says{f': {shown(file.yanked)}' if file.yanked else '.'}"


def _about_original(page: Page, file: ListedFile, *, at_hand: bool) -> str | None:
    """Return why the original of ``file`` is not listed, empty if it is, yanked; ``None`` if it is still to be listed."""
    origin = file.origin
    if origin is None or origin.filename == file.filename:
        return SAME_NAME
    listed = page.find(origin.filename)
    if listed is not None and listed.sha256 == origin.sha256:
        return None if listed.yanked is None else ""
    return (
        None if at_hand and listed is None else f"The original, {origin.filename}, is not at hand, so that it is not listed."
    )
