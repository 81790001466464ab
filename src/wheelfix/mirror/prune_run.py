"""One run that prunes a mirror: what is the same for a directory and for a store that several share."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set as AbstractSet
from datetime import UTC, datetime
from functools import cached_property, partial
from itertools import groupby
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.mirror.change import change_page
from wheelfix.mirror.fix import delete_leftover
from wheelfix.mirror.journal import NotedRun, noted_runs
from wheelfix.mirror.layout import (
    FILES,
    METADATA,
    RESULTS,
    ROOT_PAGE,
    RUNS,
    check_project,
    is_file_key,
    page_key,
    project_of,
)
from wheelfix.mirror.lost import how_to_restore
from wheelfix.mirror.pages import Page
from wheelfix.mirror.pruned import Pruned, PruneKind, PruneReport, PruneStatus
from wheelfix.mirror.repository import listed_keys, load_page, load_root
from wheelfix.mirror.scratch import abandoned, remove_abandoned
from wheelfix.mirror.storage.base import Head, IncompleteListing, Store, is_of_page
from wheelfix.mirror.stored_wheel import ended_early, left_undone, readable, unreadable
from wheelfix.mirror.unlisted import Grace
from wheelfix.options import Limits
from wheelfix.progress import NO_PROGRESS, Progress
from wheelfix.results import Finding, failure
from wheelfix.text import shown
from wheelfix.upstream.parallel import Calls

_RESULTS_KEPT: Final = 30 * 24 * 3600
"""In seconds: how long a sync that runs each month knows what was refused."""
YOUNG: Final = "younger than the grace period"
UNKNOWN: Final = "no journal names it"
NOT_OURS: Final = "it is not where wheelfix stores files"
FOR_LOCKS: Final = "old locks may name it"
NO_PAGE: Final = "its project has no page"


class Choice(Struct, frozen=True):
    """What to delete besides what runs left."""

    replaced: bool = False
    all_unlisted: bool = False
    dry_run: bool = False


Heads = Mapping[str, Head]
"""What is known of files, by key."""


class Prune(ABC):
    """One run that prunes the mirror in ``store``."""

    def __init__(self, store: Store, choice: Choice, limits: Limits, calls: Calls) -> None:
        self._store = store
        self._choice = choice
        self._timeout = limits.lock_seconds
        self._calls = calls
        self._grace = Grace(self._now(), limits.grace_seconds)
        self._pruned: list[Pruned] = []
        self._findings: list[Finding] = []
        noted = readable(noted_runs(store), self._findings)
        self._runs = {project: list(runs) for project, runs in groupby(noted, lambda run: run.project)}
        self._unread = {each.place.removeprefix(RUNS).lstrip("/").partition("/")[0] for each in self._findings}

    def _now(self) -> datetime:
        """Return the time by the clock of the store."""
        return datetime.now(UTC)  # noqa: TID251 - to compare with times of files: no wheel depends on it

    def run(self, projects: Sequence[str], progress: Progress) -> PruneReport:
        """Prune ``projects``, or all of the mirror; an error ends that, and what became of files until then is reported."""
        try:
            self.prune_files(projects, progress)
            if not projects:
                self._prune_work()
        except (MirrorError, OSError) as error:
            if all(each.status is PruneStatus.KEPT for each in self._pruned):
                raise
            self._findings.append(ended_early(error))
        findings = tuple(dict.fromkeys(self._findings))  # what could not be read may have been read twice
        return PruneReport(self._store.location, tuple(self._pruned), findings, self._choice.dry_run, self._grace.seconds)

    def _note(self, found: Iterable[Pruned]) -> None:
        """Note what became of files, one after another: what comes before an error is noted, too."""
        for each in found:
            self._pruned.append(each)

    def _prune_work(self) -> None:
        """Delete what is no file of a project."""
        self._note(self._results())
        problems = list(self._store.problems())
        self._findings += (
            each for each in problems if each.code == "unreadable" or (each.code == "leftover" and not each.fixable)
        )
        self._note(self._work(problems))

    def prune_files(self, projects: Sequence[str] = (), progress: Progress = NO_PROGRESS) -> None:
        """Prune the files of ``projects``, or of all."""
        for project, heads, page in self._calls.map(self._with_page, self._files(projects), self._calls.count):
            if project is None:
                self._note(decided(key, head, PruneKind.UNKNOWN, NOT_OURS) for key, head in heads.items())
                continue
            try:
                if isinstance(page, Exception):
                    raise page
                self._prune_project(page, heads)
            except IncompleteListing as error:
                self._findings += (unreadable(key, each) for key, each in error.errors.items())
            except (MirrorError, OSError) as error:
                if not self._is_of_one_page(error):
                    raise
                self._findings.append(unreadable(page_key(project), error))
            progress.project_done(project)

    def _with_page(self, item: tuple[str | None, Heads]) -> tuple[str | None, Heads, Page | MirrorError | OSError]:
        """Return a project and its files with its page, or why that cannot be read."""
        project, heads = item
        try:
            return project, heads, Page("") if project is None else self._page(project)
        except (MirrorError, OSError) as error:
            return project, heads, error

    def _is_of_one_page(self, error: MirrorError | OSError) -> bool:
        """Whether other projects can be read all the same; a server that does not answer will not do so for them either."""
        return is_of_page(error) if isinstance(error, MirrorError) else not self._store.is_shared

    def _files(self, projects: Sequence[str]) -> Iterator[tuple[str | None, Heads]]:
        """Yield each project that is to be pruned, with its files."""
        if not projects:
            left = dict.fromkeys(self._noted_projects())
            heads_of_all = readable(self._store.heads(FILES), self._findings)
            for project, group in groupby(heads_of_all, lambda item: project_of(item[0])):
                if project is not None:
                    left.pop(project, None)
                yield project, dict(group)
            yield from ((project, {}) for project in left)
        yield from [(project, self._heads_of(project)) for project in dict.fromkeys(projects)]  # all before any is pruned

    def _heads_of(self, project: str) -> Heads:
        """Return the files of ``project``.

        :raises MirrorError: if the mirror has nothing of it.
        """
        check_project(project)
        heads = dict(readable(self._store.heads(f"{FILES}/{project}"), self._findings))
        if not heads and self._store.head(page_key(project)) is None and project not in self._noted_projects():
            message = f"the mirror has nothing of {shown(project)}"
            raise MirrorError("nothing-selected", message, hint="Run `wheelfix mirror list` to see all files.")
        return heads

    @abstractmethod
    def _noted_projects(self) -> Iterable[str]:
        """Return the projects that have journals."""

    @abstractmethod
    def _prune_project(self, page: Page, heads: Heads) -> None:
        """Prune the project of ``page``; what became of its files is noted, also where an error ends that."""

    def _page(self, project: str) -> Page:
        """Return the page of ``project``, an empty one where it never had one.

        :raises MirrorError: if it is damaged, or missing.
        :raises OSError: if nobody knows what a run noted of it.
        """
        if self._unread & {project, ""}:
            raise OSError(None, "what runs noted of it cannot be read")
        page = load_page(self._store, project)
        if page.stored is None and project in self._root:
            raise MirrorError("page-missing", "it is listed and has no page", hint=how_to_restore(project))
        if page.stored is None and self._store.is_shared and self._store.head(ROOT_PAGE) is None:
            message = "it is missing, and so is the list of projects: it may have had one"
            raise MirrorError("page-missing", message, hint="Restore both from a backup.")
        return page

    @cached_property
    def _root(self) -> frozenset[str]:
        return load_root(self._store)

    def _why_kept(self, page: Page, key: str, head: Head) -> str:
        """Return why a file that no journal names is kept, empty if it is to be deleted."""
        if not is_file_key(key):
            return NOT_OURS
        if page.stored is None:
            return NO_PAGE
        if not self._choice.all_unlisted:
            return UNKNOWN
        return "" if self._grace.is_over(head.modified) else YOUNG

    def _results(self) -> Iterator[Pruned]:
        """Delete the notes on jobs of syncs that no sync has needed for long: refusals, and what was never listed."""
        old = Grace(self._grace.now, max(self._grace.seconds, _RESULTS_KEPT))
        for key, head in readable(self._store.heads(RESULTS), self._findings):
            if old.is_over(head.modified):
                result = Pruned(key, PruneKind.JOURNAL, size=head.size, modified=head.modified)
                yield self._done(result, partial(self._store.delete, key))

    def _work(self, problems: Iterable[Finding]) -> Iterator[Pruned]:
        """Delete what killed processes left half done."""
        for each in problems:
            if each.code == "leftover" and each.fixable:
                work = Pruned(each.place, PruneKind.WORK)
                yield self._done(work, partial(delete_leftover, self._store, each, self._timeout))
        if self._store.is_shared:  # a directory has its own below it
            for path in abandoned(self._store.scratch()):
                yield self._done(Pruned(str(path), PruneKind.WORK), partial(remove_abandoned, path))

    def _done(self, pruned: Pruned, delete: Callable[[], object]) -> Pruned:
        """Call ``delete``, if anything is to be deleted, and return what became of ``pruned``."""
        if self._choice.dry_run:
            return pruned
        try:
            delete()
        except (WheelfixError, OSError) as error:
            return failed(pruned, error)
        return pruned

    def _settled(self, runs: Iterable[NotedRun], left: AbstractSet[str]) -> Iterator[Pruned]:
        """Delete the journals of ``runs`` that are over: nothing that they named is ``left``."""
        for run in runs:
            if self._grace.is_over(run.modified) and left.isdisjoint(
                each for key in run.files for each in (key, key + METADATA)
            ):
                note = Pruned(run.key, PruneKind.JOURNAL, modified=run.modified)
                yield self._done(note, partial(self._store.delete, run.key))

    def _past(self, page: Page, heads: Heads) -> list[Pruned]:
        """Return the replaced files of ``page`` that are there, with their metadata files."""
        keys = listed_keys(Page(page.project, past=page.past)) - listed_keys(without_past(page))
        why = "" if self._choice.replaced else FOR_LOCKS
        return [decided(key, heads[key], PruneKind.REPLACED, why) for key in sorted(keys & heads.keys())]

    def _unlist_past(self, page: Page, heads: Heads) -> list[Pruned]:
        """Take the replaced files off the page, if they are to be deleted; return them."""
        past = self._past(page, heads)
        if not self._choice.replaced or self._choice.dry_run or not page.past:
            return past
        try:
            problem = change_page(self._store, page.project, without_past, self._timeout).problem
        except (MirrorError, OSError) as error:
            return [failed(each, error) for each in past]
        if problem is not None:
            self._findings.append(left_undone(page_key(page.project), problem.message))
        return past


def without_past(page: Page) -> Page:
    """Return ``page`` without the files that were replaced."""
    return replace(page, past=())


def decided(key: str, head: Head, kind: PruneKind, kept: str = "") -> Pruned:
    """Return what is to be deleted, or is kept for a reason."""
    status = PruneStatus.KEPT if kept else PruneStatus.DELETED
    return Pruned(key, kind, status, head.size, head.modified, kept)


def failed(pruned: Pruned, error: Exception) -> Pruned:
    """Return that ``pruned`` was to be deleted, and that an ``error`` kept it from that."""
    return replace(pruned, status=PruneStatus.FAILED, problem=failure(Path(pruned.path), error).problem)
