"""Deletes what a mirror no longer needs: files that no page lists, journals of runs that are over, and unfinished work.

Nothing is deleted that a page lists. In a shared store each page is read again, and each file looked up again, right
before it is deleted. A publisher that is about to list a file uploads it again and checks it afterwards. One race is
left: it does all of that between the last look of this run and the request that deletes the file. So this run reads the
page once more, and reports it.
"""

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
from wheelfix.mirror.fix import Failures, delete_leftover, settle_journals
from wheelfix.mirror.journal import NotedRun, journaled_projects, noted_runs, open_journal, store_now
from wheelfix.mirror.layout import (
    FILES,
    JOURNAL,
    METADATA,
    RESULTS,
    ROOT_PAGE,
    RUNS,
    SIMPLE,
    check_project,
    is_file_key,
    page_key,
    project_of,
)
from wheelfix.mirror.lost import how_to_restore
from wheelfix.mirror.pages import Page
from wheelfix.mirror.pruned import Pruned, PruneKind, PruneReport, PruneStatus
from wheelfix.mirror.repository import delete_empty_page, listed_keys, lists_files, load_page, load_root
from wheelfix.mirror.scratch import abandoned, remove_abandoned
from wheelfix.mirror.storage import MirrorLocation, open_store
from wheelfix.mirror.storage.base import Head, IncompleteListing, Store, is_of_page
from wheelfix.mirror.stored_wheel import ended_early, left_undone, readable, unreadable
from wheelfix.mirror.unlisted import Grace, UnlistedState, noted_files, unlisted_state
from wheelfix.options import Limits, listed
from wheelfix.progress import NO_PROGRESS, Progress, guarded
from wheelfix.results import Finding, Problem, failure
from wheelfix.text import shown
from wheelfix.upstream.parallel import Calls, several

_NO_CLOCK: Final = datetime.min.replace(tzinfo=UTC)
"""The time in a store without a clock: nothing is old there."""
_RESULTS_KEPT: Final = 30 * 24 * 3600
"""In seconds: how long a sync that runs each month knows what was refused."""
_AT_ONCE: Final = 100
"""How many files are deleted before the page is read again."""
_YOUNG: Final = "younger than the grace period"
_UNKNOWN: Final = "no journal names it"
_NOT_OURS: Final = "it is not where wheelfix stores files"
_FOR_LOCKS: Final = "old locks may name it"
_NO_PAGE: Final = "its project has no page"


def prune_mirror(
    mirror: MirrorLocation,
    projects: Iterable[str] | str = (),
    *,
    replaced: bool = False,
    all_unlisted: bool = False,
    dry_run: bool = False,
    limits: Limits = Limits(),
    connections: int = 16,
    progress: Progress = NO_PROGRESS,
) -> PruneReport:
    """Delete what ``mirror`` no longer needs, of ``projects`` or all of it, and return what became of each file.

    That is what interrupted runs left; in a bucket also what was removed from a page, once it is older than the grace
    period of ``limits``. With ``replaced`` files that were replaced are deleted, too: locks that name them fail from
    then on. With ``all_unlisted`` files that no page lists and no journal names are, if their page can be read and they
    are older than the grace period. With ``dry_run`` nothing is deleted. ``connections`` says how many requests to a
    bucket are made at a time.

    Where a page is missing or cannot be read nothing of its project is deleted: nobody knows what it listed.

    :raises MirrorError: if there is no mirror, or it has nothing of one of ``projects``; or if another process writes to one
        of them for too long. Nothing was deleted then: where something was before, that is returned, with ``ended-early``.
    :raises OSError: likewise, if the system refuses.
    """
    store = open_store(mirror)
    choice = _Choice(replaced, all_unlisted, dry_run)
    with several(connections if store.is_shared else 1) as calls:
        prune = _SharedPrune(store, choice, limits, calls) if store.is_shared else _LocalPrune(store, choice, limits, calls)
        return prune.run(listed(projects), guarded(progress))


def prune_unlisted(store: Store, limits: Limits, calls: Calls, failures: Failures) -> None:
    """Delete what no page lists any more, as :func:`prune_mirror` does with default options.

    What keeps one project from that is added to ``failures``.

    :raises MirrorError, OSError: if nothing can be done any more.
    """
    if store.is_shared:
        failures.allow(FILES, _SharedPrune(store, _Choice(), limits, calls).prune_files)
        return
    settle_journals(store, limits.lock_seconds, failures)
    runs = list[NotedRun]()
    failures.allow(RUNS, lambda: runs.extend(noted_runs(store)))
    if of_jobs := list(dict.fromkeys(run.project for run in runs)):
        prune = _LocalPrune(store, _Choice(), limits, calls)
        for project in of_jobs:
            failures.allow(page_key(project), partial(prune.prune_files, [project]))


class _Choice(Struct, frozen=True):
    """What to delete besides what runs left."""

    replaced: bool = False
    all_unlisted: bool = False
    dry_run: bool = False


Heads = Mapping[str, Head]
"""What is known of files, by key."""


class _Prune(ABC):
    """One run that prunes the mirror in ``store``."""

    def __init__(self, store: Store, choice: _Choice, limits: Limits, calls: Calls) -> None:
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
                self._note(_pruned(key, head, PruneKind.UNKNOWN, _NOT_OURS) for key, head in heads.items())
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
            return _NOT_OURS
        if page.stored is None:
            return _NO_PAGE
        if not self._choice.all_unlisted:
            return _UNKNOWN
        return "" if self._grace.is_over(head.modified) else _YOUNG

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
            return _failed(pruned, error)
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
        keys = listed_keys(Page(page.project, past=page.past)) - listed_keys(_without_past(page))
        why = "" if self._choice.replaced else _FOR_LOCKS
        return [_pruned(key, heads[key], PruneKind.REPLACED, why) for key in sorted(keys & heads.keys())]

    def _unlist_past(self, page: Page, heads: Heads) -> list[Pruned]:
        """Take the replaced files off the page, if they are to be deleted; return them."""
        past = self._past(page, heads)
        if not self._choice.replaced or self._choice.dry_run or not page.past:
            return past
        try:
            problem = change_page(self._store, page.project, _without_past, self._timeout).problem
        except (MirrorError, OSError) as error:
            return [_failed(each, error) for each in past]
        if problem is not None:
            self._findings.append(left_undone(page_key(page.project), problem.message))
        return past


class _LocalPrune(_Prune):
    """One run that prunes a directory: writers wait while it is at work, and the journal says which files can go."""

    def _noted_projects(self) -> Iterable[str]:
        return {*journaled_projects(self._store), *self._runs}

    def _prune_project(self, page: Page, heads: Heads) -> None:
        project = page.project
        if self._choice.dry_run:
            done = [*self._look(project, heads), *self._past(page, heads)]
        else:
            done = self._delete_files(page, heads)
        self._note(done)
        left = {each.path for each in done if each.status is not PruneStatus.DELETED}
        self._note(self._settled(self._runs.get(project, ()), left))

    def _delete_files(self, page: Page, heads: Heads) -> list[Pruned]:
        """Delete files of the project of ``page``, and return what became of them.

        Where an error ends that, what was deleted is noted before it is raised.
        """
        project, found = page.project, list[Pruned]()
        try:
            with self._store.locked(project, self._timeout):
                journal = open_journal(self._store, project)
                found, settled = self._look(project, dict(self._store.heads(f"{FILES}/{project}"))), journal.removable()
                for each in found:
                    if each.status is PruneStatus.DELETED and each.path not in settled and is_file_key(each.path):
                        self._store.delete(each.path)
                journal.settle(self._timeout)
        except (MirrorError, OSError):
            self._note(map(self._checked, found))
            raise
        past = self._unlist_past(page, heads)  # last: it deletes what an interrupted run left, too
        return [self._checked(each) for each in (*found, *past)]

    def _look(self, project: str, heads: Heads) -> list[Pruned]:
        """Return which files that no page lists are to be deleted, or kept, and the journal if there is one."""
        note = f"{JOURNAL}/{project}"
        found = [Pruned(note, PruneKind.JOURNAL)] if self._store.head(note) is not None else []
        page, removable = self._page(project), open_journal(self._store, project).removable()
        of_jobs = noted_files(noted_runs(self._store, project))  # read again: the lock keeps no worker from writing one
        for key in sorted(heads.keys() - listed_keys(page)):
            if key in removable or key.removesuffix(METADATA) not in of_jobs:
                kind = PruneKind.LEFT if key in removable else PruneKind.UNKNOWN
                why = "" if key in removable else self._why_kept(page, key, heads[key])
            else:
                kind = PruneKind.LEFT
                state = unlisted_state(key, heads[key].modified, of_jobs, self._grace)
                why = "" if state is UnlistedState.LEFT else _YOUNG
            found.append(_pruned(key, heads[key], kind, why))
        return found

    def _checked(self, pruned: Pruned) -> Pruned:
        """Return ``pruned``, failed if it was to be deleted and is still there."""
        try:
            if pruned.status is not PruneStatus.DELETED or self._store.head(pruned.path) is None:
                return pruned
        except (MirrorError, OSError) as error:  # nobody knows
            return _failed(pruned, error)
        problem = Problem("not-deleted", "it could not be deleted", "Check the permissions of its directory, and run again.")
        return replace(pruned, status=PruneStatus.FAILED, problem=problem)


class _SharedPrune(_Prune):
    """One run that prunes a shared store: it deletes what is old, by the clock of the store."""

    def _now(self) -> datetime:
        return super()._now() if self._choice.dry_run else store_now(self._store) or _NO_CLOCK

    def _noted_projects(self) -> Iterable[str]:
        return {*self._runs, *self._projects_not_listed}

    @cached_property
    def _projects_not_listed(self) -> set[str]:
        """The projects that have a page and are not listed: mostly those without files, whose page cannot be deleted."""
        try:
            return {project for key in self._store.keys(SIMPLE) if (project := project_of(key))} - self._root
        except MirrorError:  # the list is damaged, which `mirror check` reports
            return set()

    def _prune_project(self, page: Page, heads: Heads) -> None:
        runs, first = self._runs.get(page.project, []), len(self._pruned)
        found = [*self._look(page, heads, noted_files(runs)), *self._unlist_past(page, heads)]
        to_delete = [each for each in found if each.status is PruneStatus.DELETED]
        self._note(each for each in found if each.status is not PruneStatus.DELETED)
        try:
            self._note(self._deleted(page.project, to_delete))
        except (MirrorError, OSError) as error:
            noted = {each.path for each in self._pruned[first:]}
            self._note(_failed(each, error) for each in to_delete if each.path not in noted)
            raise
        left = {each.path for each in self._pruned[first:] if each.status is not PruneStatus.DELETED}
        self._note(self._settled(runs, left))
        self._note(self._empty_page(page))

    def _empty_page(self, page: Page) -> Iterator[Pruned]:
        """Delete the page of a project without files, where the store can do that."""
        if page.stored is not None and not lists_files(page) and not self._choice.dry_run:
            delete_empty_page(self._store, page.project)
            if self._store.head(page_key(page.project)) is None:
                yield Pruned(page_key(page.project), PruneKind.PAGE)

    def _look(self, page: Page, heads: Heads, noted: Mapping[str, datetime | None]) -> Iterator[Pruned]:
        """Yield the files that the page does not list: those that are to be deleted, and those that are kept."""
        for key in sorted(heads.keys() - listed_keys(page)):
            head, is_noted = heads[key], key.removesuffix(METADATA) in noted
            state = unlisted_state(key, head.modified, noted, self._grace)
            if state is UnlistedState.LEFT:
                yield _pruned(key, head, PruneKind.LEFT)
            else:
                why = _YOUNG if state is UnlistedState.YOUNG else self._why_kept(page, key, head)
                yield _pruned(key, head, PruneKind.LEFT if is_noted else PruneKind.UNKNOWN, why)

    def _deleted(self, project: str, files: Sequence[Pruned]) -> Iterator[Pruned]:
        """Delete ``files``, several at a time; yield what became of each. What is gone already is left out."""
        if self._choice.dry_run or not files:
            yield from files
            return
        for start in range(0, len(files), _AT_ONCE):
            chosen, kept = self._choose_again(project, files[start : start + _AT_ONCE])
            yield from kept
            done = list(filter(None, self._calls.map(self._delete, chosen, _AT_ONCE)))
            try:
                listed = listed_keys(self._page(project))
            except (MirrorError, OSError):  # then nobody knows whether another process has listed them
                yield from done
                raise
            for each in done:
                if each.path not in listed:
                    yield each
                elif self._store.head(each.path) is None:
                    yield _listed_meanwhile(each)

    def _choose_again(self, project: str, files: Sequence[Pruned]) -> tuple[list[Pruned], list[Pruned]]:
        """Return which of ``files`` are still to be deleted, and which are kept: a journal has named them since.

        Journals are read first: a publisher that has dropped its own by then has listed the file, which the page says.
        """
        noted = noted_files(noted_runs(self._store, project))
        listed = listed_keys(self._page(project))
        young = {key for key, time in noted.items() if not self._grace.is_over(time)}
        chosen, kept = list[Pruned](), list[Pruned]()
        for each in files:
            if each.path in listed:
                continue
            is_ours = each.kind is PruneKind.REPLACED  # this run has just noted it
            is_young = not is_ours and each.path.removesuffix(METADATA) in young
            (kept if is_young else chosen).append(each)
        return chosen, [replace(each, status=PruneStatus.KEPT, reason=_YOUNG) for each in kept]

    def _delete(self, pruned: Pruned) -> Pruned | None:
        """Delete a file that is still as old as it was; return what became of it, ``None`` if another run deleted it."""
        try:
            head = self._store.head(pruned.path)
            if head is None:
                return None
            if not self._grace.is_over(head.modified):
                return _pruned(pruned.path, head, pruned.kind, _YOUNG)
            self._store.delete(pruned.path)
        except (WheelfixError, OSError) as error:
            return _failed(pruned, error)
        return pruned


def _without_past(page: Page) -> Page:
    return replace(page, past=())


def _pruned(key: str, head: Head, kind: PruneKind, kept: str = "") -> Pruned:
    """Return what is to be deleted, or is kept for a reason."""
    status = PruneStatus.KEPT if kept else PruneStatus.DELETED
    return Pruned(key, kind, status, head.size, head.modified, kept)


def _listed_meanwhile(pruned: Pruned) -> Pruned:
    """Return that another process listed a file while it was being deleted, which cannot be undone."""
    problem = Problem("listed-meanwhile", "another process listed it while it was being deleted", "Add the wheel again.")
    return replace(pruned, status=PruneStatus.FAILED, problem=problem)


def _failed(pruned: Pruned, error: Exception) -> Pruned:
    return replace(pruned, status=PruneStatus.FAILED, problem=failure(Path(pruned.path), error).problem)
