"""Wheels of another index that a mirror is to have: each is handled independently.

It is in the mirror already, was refused before, is downloaded now, or cannot be had.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from msgspec import Struct
from msgspec.structs import asdict, replace
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pypi_simple import DistributionPackage

from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.mirror.decide import SAME_NAME
from wheelfix.mirror.follow import UpstreamFile, count_from, follow_index, is_decided_here, upstream_file
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.repository import load_page, not_done
from wheelfix.mirror.storage.base import Store, is_silent
from wheelfix.options import Limits, Targets
from wheelfix.progress import Progress
from wheelfix.results import Outcome, Problem, Published, PublishReport, PublishStatus, Report, Status
from wheelfix.text import shown
from wheelfix.upstream.answers import TEMPORARY
from wheelfix.upstream.cache import remove_old
from wheelfix.upstream.client import ServedPage, sha256_of
from wheelfix.upstream.downloads import Downloads, checked_sum
from wheelfix.upstream.http import Session
from wheelfix.upstream.parallel import few, parallel
from wheelfix.upstream.resolve import choose_releases, choose_wheels, require_page
from wheelfix.upstream.selection import read_requirement
from wheelfix.version import __version__

_Answer = TypeVar("_Answer")
_FAILED: Final = TEMPORARY | {
    "access-denied", "bad-answer", "bad-redirect", "client-broke", "locked", "no-space", "not-a-wheel", "too-large",
    "wrong-hash", "wrong-size",
}  # fmt: skip
"""The codes of errors that another run may not meet: what a server gave, and not what the index says of a file."""
_FOR_GOOD: Final = frozenset({"invalid-wheel"})
"""The codes of a mirror's refusals that depend on the wheel alone, not on what the mirror has."""


class Conditions(Struct, frozen=True, kw_only=True):
    """What decides on a wheel besides the wheel itself.

    ``rules`` identifies rules and options, see :class:`wheelfix.mirror.publish.Fixing`. With ``yank_original`` the
    originals of fixed wheels are listed too; with ``allow_mixed`` wheels of one release may disagree.
    """

    rules: str | None
    yank_original: bool = False
    allow_mixed: bool = False


class Refusals:
    """What was refused under ``conditions``, kept in the directory ``scratch``; another version may decide otherwise.

    For a mirror in a bucket that is a directory of this machine: another machine reads the wheel, and decides again.
    """

    def __init__(self, scratch: Path, conditions: Conditions) -> None:
        self._directory = scratch / "refusals"
        self._terms = [__version__, conditions.rules, conditions.allow_mixed]
        remove_old(self._directory)

    def find(self, sha256: str, release: Iterable[str]) -> Problem | None:
        """Return why the wheel with this sha256 was refused, ``None`` if it was not, or under other rules or options.

        ``release`` are the sha256 of the wheels of its release that are wanted now.
        """
        path = self._at(sha256)
        try:
            noted = json.loads(path.read_bytes())
            problem = Problem(**noted["problem"])
            if noted["terms"] != self._of(release):
                return None
        except FileNotFoundError:
            return None
        except (ValueError, LookupError, TypeError):  # it is cut off, or of another version: then it is decided again
            return None
        os.utime(path)
        return problem

    def note(self, sha256: str, release: Iterable[str], problem: Problem) -> None:
        """Note why the wheel with this sha256 was refused."""
        text = json.dumps({"terms": self._of(release), "problem": asdict(problem)}, ensure_ascii=True)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._at(sha256).write_text(text, encoding="utf-8")  # one that is cut off counts as none

    def forget(self, sha256: str) -> None:
        """Forget that the wheel with this sha256 was refused: it no longer is."""
        self._at(sha256).unlink(missing_ok=True)

    def _at(self, sha256: str) -> Path:
        return self._directory / f"{sha256}.json"

    def _of(self, release: Iterable[str]) -> str:
        return hashlib.sha256(json.dumps([*self._terms, sorted(release)]).encode()).hexdigest()


class _Wanted(Struct):
    """A wheel that the mirror is to have, with those of its ``release`` (by sha256) that are wanted as well.

    One that was downloaded is at ``path``. ``done`` is what became of it, ``None`` while that is open; a requirement that
    no wheel fits has nothing else.
    """

    project: str
    file: DistributionPackage | None = None
    sha256: str = ""
    release: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    path: Path | None = None
    done: Published | None = None

    @property
    def filename(self) -> str:
        """The name of the wheel, empty where there is none."""
        return self.file.filename if self.file is not None else ""


class Fetcher:
    """What one run fetches from the index at ``index`` for the mirror in ``store``, into the directory ``work``.

    ``source`` is the source of a manifest that they are for. The steps: :meth:`choose` for each requirement, or :meth:`want`
    for each release; :meth:`obtain`; fix and add the wheels that :attr:`upstream` names;
    :meth:`settle`.
    """

    def __init__(
        self,
        session: Session,
        index: str,
        store: Store,
        work: Path,
        conditions: Conditions,
        limits: Limits,
        progress: Progress,
        source: str | None = None,
    ) -> None:
        self._session = session
        self._index = index
        self._source = source
        self._store = store
        self._work = work
        self._conditions = conditions
        self._lock_seconds = limits.lock_seconds
        self._refusals = Refusals(store.scratch(), conditions)
        self._downloads = Downloads(session, store.scratch(), limits.lock_seconds, progress)
        self._wanted: dict[str, _Wanted] = {}
        self._incomplete: set[tuple[str, ...]] = set()
        self._pages: dict[str, ServedPage] = {}
        self._followed: list[Published] = []
        self._silent: WheelfixError | OSError | None = None

    @property
    def upstream(self) -> dict[Path, UpstreamFile]:
        """The wheels that are to be fixed and added, and what the index says of each."""
        return {path: upstream_file(self._index, file, self._source) for path, file in self._at_hand()}

    def _at_hand(self) -> Iterator[tuple[Path, DistributionPackage]]:
        for each in self._wanted.values():
            if each.path is not None and each.file is not None:
                yield each.path, each.file

    def choose(self, requirement: str, targets: Targets, *, all_versions: bool = False) -> None:
        """Choose the wheels for ``targets`` of the release that fits ``requirement``, or of ``all_versions`` that do.

        No error of the index is raised.
        """
        wanted = read_requirement(requirement, extras=True)
        project = str(canonicalize_name(wanted.name))
        try:
            page = self._page(project)
            every = choose_releases(page, requirement, targets)
            releases = [files for _, files in every] if all_versions else [choose_wheels(page, requirement, targets)]
        except (WheelfixError, OSError) as error:
            self._wanted[requirement] = _Wanted(project, done=not_fetched(requirement, project, None, error))
            return
        for files in releases:
            self.want(project, files, tuple(_notes(wanted, page)))

    def want(self, project: str, files: Sequence[DistributionPackage], notes: tuple[str, ...] = ()) -> None:
        """Want ``files``, the wheels of one release of ``project``; ``notes`` are about each of them."""
        release = tuple(sorted(sha256_of(each) or "" for each in files))
        for file in files:
            wheel = _Wanted(project, file, sha256_of(file) or "", release, notes)
            self._wanted.setdefault(f"{file.filename} {wheel.sha256}", wheel)  # another requirement may have chosen it, too

    def obtain(self) -> None:
        """Download what was chosen, a few wheels at a time; an error is that of one wheel, and is not raised."""
        wheels = [each for each in self._wanted.values() if each.file is not None]
        with parallel(self._session, few(len(wheels))) as calls:
            for wheel, error in zip(wheels, calls.map(self._try_to_obtain, wheels, calls.count), strict=True):
                if error is not None:
                    wheel.done = not_fetched(wheel.filename, wheel.project, wheel.filename, error)
                    self._incomplete.add(wheel.release)

    def _try_to_obtain(self, wheel: _Wanted) -> WheelfixError | OSError | None:
        try:
            self._obtain(wheel)
        except (WheelfixError, OSError) as error:
            return error
        return None

    def _page(self, project: str) -> ServedPage:
        """Return the page of a project; what it says of files that the mirror has from there is copied.

        :raises MirrorError: if the index does not give it: then nothing is copied.
        """
        if project not in self._pages:
            try:
                page = require_page(self._session, self._index, project)
            except MirrorError as error:
                if error.code == "no-project":
                    count = self._ask(partial(count_from, self._store, project, self._index))
                    if count:
                        raise _project_gone(project, count) from error
                raise
            self._pages[project] = page
            self._followed += self._follow(project, page)
        return self._pages[project]

    def _follow(self, project: str, page: ServedPage) -> list[Published]:
        return self._ask(partial(follow_index, self._store, project, self._index, page, self._lock_seconds))

    def _ask(self, question: Callable[[], _Answer]) -> _Answer:
        """Return what the mirror answers to ``question``; once it was silent each would wait for minutes, and none is asked.

        :raises MirrorError, OSError: those of the question.
        """
        if self._silent is not None:
            raise self._silent
        try:
            return question()
        except (MirrorError, OSError) as error:
            if self._store.is_shared and is_silent(error):
                self._silent = error
            raise

    def _obtain(self, wheel: _Wanted) -> None:
        """Download a wheel, unless it is known what becomes of it.

        The lock is that of one wheel, so that of several runs at once each finds what the others have.
        """
        file = wheel.file
        if file is None:  # a requirement that no wheel fits
            return
        sha256 = checked_sum(file)
        with self._downloads.locked(sha256, file.filename):
            wheel.done = self._known(wheel, file)
            if wheel.done is not None:
                self._downloads.drop(sha256)
                return
            path = self._work / sha256 / file.filename
            path.parent.mkdir(exist_ok=True)
            self._downloads.fetch(file, path)
            wheel.path = path

    def _known(self, wheel: _Wanted, file: DistributionPackage) -> Published | None:
        """Return what an earlier run made of a wheel under the same conditions, ``None`` if none did."""
        page = self._ask(partial(load_page, self._store, wheel.project))
        published = self._ask(partial(_published, self._store, page, wheel.sha256, self._conditions))
        if published is not None:
            return published
        problem = self._refusals.find(wheel.sha256, wheel.release)
        return None if problem is None else _refused(file.filename, wheel.project, problem)

    def settle(self, report: Report, published: PublishReport) -> tuple[Published, ...]:
        """Return what became of all that was wanted, of originals, and of what the index says otherwise by now.

        A wheel that the mirror refuses for what it has is kept for the next run. So is one that was refused when wheels of
        its release could not be downloaded or read: beside them it may be accepted. Others are no longer kept.
        """
        wheels = {each.path: each for each in self._wanted.values() if each.path is not None}
        added, originals = dict[Path, Published](), list[Published]()
        for each in published.files:  # an original comes after the wheel that was made from it
            if each.status is PublishStatus.YANKED or each.source is None or each.source in added:
                originals.append(each)
            else:
                added[each.source] = each
        self._incomplete |= {wheels[each.source].release for each in report.outcomes if each.status is Status.FAILED}
        for outcome in report.outcomes:
            wheel = wheels[outcome.source]
            wheel.done = _result(wheel, outcome) or added.get(outcome.source)
            if wheel.done is not None:
                self._let_go(wheel, wheel.done, by_wheel=outcome.status is Status.REFUSED)
        files = (replace(each.done, notes=(*each.notes, *each.done.notes)) for each in self._wanted.values() if each.done)
        followed = (*self._followed, *self._copy_statuses())
        return tuple(map(_by_name, _with_new_times((*files, *originals), followed)))

    def _copy_statuses(self) -> Iterator[Published]:
        """Copy the status of each project once more: the mirror may have had no page of it when it was followed."""
        for project, page in self._pages.items():
            if page.page.status is None:
                continue
            try:
                yield from self._follow(project, page)
            except (WheelfixError, OSError) as error:
                yield not_fetched(project, project, None, error)

    def _let_go(self, wheel: _Wanted, done: Published, *, by_wheel: bool) -> None:
        """Note a refusal that holds for good, and remove the download of a wheel that is decided on."""
        if done.problem is not None:
            is_refused = by_wheel or done.problem.code in _FOR_GOOD
            if not is_refused or wheel.release in self._incomplete:
                return
        try:
            with self._downloads.locked(wheel.sha256, wheel.filename):
                if done.problem is None:
                    self._refusals.forget(wheel.sha256)
                else:
                    self._refusals.note(wheel.sha256, wheel.release, done.problem)
                self._downloads.drop(wheel.sha256)
        except MirrorError:  # another run downloads for long: the wheel is kept for the next one
            return


def _result(wheel: _Wanted, outcome: Outcome) -> Published | None:
    """Return what became of a wheel that was refused, or failed, before it came to the mirror; ``None`` for another one."""
    if outcome.problem is None:
        return None
    refused = _refused(outcome.source.name, wheel.project, outcome.problem)
    return replace(refused, status=PublishStatus.FAILED) if outcome.status is Status.FAILED else refused


def _notes(wanted: Requirement, page: ServedPage) -> Iterator[str]:
    """Yield what a person should know of every wheel that ``wanted`` chooses from ``page``."""
    if wanted.extras:
        extras = ", ".join(sorted(wanted.extras))
        yield f"Extras are not followed ({extras}): a mirror lists wheels. Name what the extra requires as well."
    if page.unknown_status is not None:
        status = shown(page.unknown_status)
        yield f"The index gives the project the status {status!r}, which PEP 792 does not define: it is not copied."


def _project_gone(project: str, count: int) -> MirrorError:
    """Return the error for a project that is gone; a server may be misconfigured for a day, so nothing is yanked."""
    files = "1 file" if count == 1 else f"{count} files"
    return MirrorError(
        "no-project",
        f"the index no longer has the project {project}, and the mirror lists {files} from there",
        hint=f"They are kept. If the project was removed for good reason, run `wheelfix mirror yank MIRROR {project}`.",
    )


def _with_new_times(files: Sequence[Published], followed: Sequence[Published]) -> Iterator[Published]:
    """Yield ``files``, those that have another upload time now with a note on that, and what else became of ``followed``."""
    unchanged = [each for each in followed if each.status is PublishStatus.UNCHANGED and each.problem is None]
    notes = {(each.filename, each.sha256): each.notes for each in unchanged}
    for each in files:
        is_listed = each.status is PublishStatus.UNCHANGED
        yield replace(each, notes=(*each.notes, *notes.get((each.filename, each.sha256), ()))) if is_listed else each
    yield from (each for each in followed if each not in unchanged)


def _by_name(published: Published) -> Published:
    """Return the same with the file name as its source: the path of the download is gone."""
    source = published.source
    return replace(published, source=Path(source.name) if source is not None else None)


def _refused(filename: str, project: str, problem: Problem) -> Published:
    return Published(Path(filename), PublishStatus.REFUSED, project, filename, problem=problem)


def not_fetched(source: str, project: str, filename: str | None, error: WheelfixError | OSError) -> Published:
    """Return the result for a file that could not be downloaded: it failed if another run may not meet ``error``."""
    done = replace(not_done(Path(source), error), project=project, filename=filename)
    failed = isinstance(error, WheelfixError) and error.code in _FAILED
    return replace(done, status=PublishStatus.FAILED) if failed else done


def _published(store: Store, page: Page, sha256: str, conditions: Conditions) -> Published | None:
    """Return the file of ``page`` that a wheel became under the same conditions; ``None`` if none, or if it is lost."""
    for each in page.files:
        key = page.key(each)
        if sha256 not in each.known_sums or each.checked_by != conditions.rules or key is None:
            continue
        head = store.head(key)
        if head is None or head.size != each.size:
            continue
        notes = () if each.yanked is None else (_about_yank(each),)
        if conditions.yank_original and each.origin is not None:
            note = _about_original(page, each, at_hand=sha256 != each.sha256)
            if note is None:
                return None
            notes = (*notes, note) if note else notes
        return Published(None, PublishStatus.UNCHANGED, page.project, each.filename, key, each.sha256, notes)
    return None


def _about_yank(file: ListedFile) -> str:
    """Return why a file of an earlier run is yanked: by a decision here, which is kept, or by what an index says now."""
    if is_decided_here(file):
        return "It is yanked, as decided here."
    return f"It is yanked, as in the index{f': {shown(file.yanked)}' if file.yanked else '.'}"


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
