"""Brings a mirror to what its manifest says: the steps of ``wheelfix mirror sync``."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.executors import Workers
from wheelfix.mirror.clock import now
from wheelfix.mirror.layout import PRIVATE
from wheelfix.mirror.pages import Page
from wheelfix.mirror.publish import loaded
from wheelfix.mirror.repository import load_page, load_root
from wheelfix.mirror.scratch import remove_all_abandoned
from wheelfix.mirror.storage import open_store
from wheelfix.mirror.storage.base import Store, is_of_page
from wheelfix.mirror.storage.local import LocalStore
from wheelfix.options import Limits, Requests, listed
from wheelfix.progress import NO_PROGRESS, Progress, guarded
from wheelfix.results import Finding, Problem, Published, Traffic
from wheelfix.rules.model import RuleSet
from wheelfix.sync.choice.choose import Choice, choose
from wheelfix.sync.choice.first_seen import FirstSeen
from wheelfix.sync.choice.locked import choose_locked
from wheelfix.sync.choice.upstreams import Upstreams
from wheelfix.sync.jobs.add import Added, Adding, add_files, add_shard, list_files, ready_files
from wheelfix.sync.jobs.shard import Shard
from wheelfix.sync.manifest.model import Manifest
from wheelfix.sync.manifest.read import read_manifest
from wheelfix.sync.model import NEW, SourceProblem, SyncPlan, SyncReport, WantedFile
from wheelfix.sync.planning.checked_by import apply_checks
from wheelfix.sync.planning.claim import Claim, claimed
from wheelfix.sync.planning.converge import complete_pages, converge
from wheelfix.sync.planning.guards import refuse_lack_of_space, refuse_removals, removal_warnings, warning_of
from wheelfix.sync.planning.plan import Situation, Steps, make_plan
from wheelfix.sync.planning.rules_change import RulesChanges, RulesView, rules_changes
from wheelfix.sync.planning.scope import Scope, projects_of, scope_of
from wheelfix.sync.planning.sizes import with_sizes
from wheelfix.upstream.downloads import Downloads
from wheelfix.upstream.parallel import several
from wheelfix.wheel.zip.staging import temporary_directory

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from wheelfix.sync.dependencies.closure import Early
    from wheelfix.upstream.client import ServedPage


def sync_mirror(
    manifest: Manifest | Path | str,
    *,
    only: Iterable[str] | str = (),
    dry_run: bool = False,
    allow_removals: bool = False,
    single_writer: bool = False,
    limits: Limits = Limits(),
    jobs: int = 1,
    executor: "Executor | None" = None,
    shard: tuple[int, int] | None = None,
    progress: Progress = NO_PROGRESS,
) -> SyncReport:
    """Bring a mirror to what ``manifest``, or the file at that path, says; with ``dry_run`` return the plan alone.

    ``only`` are projects and sources: nothing else is changed then. A plan that removes more than a third of what is served
    is not done, unless with ``allow_removals``. ``single_writer`` says that nobody else writes to a bucket that cannot
    compare and write at once. One sync of a mirror is at work at a time; ``limits`` says how long another one waits for it.

    With ``shard``, a number and of how many, that part of the new files is downloaded, fixed and put into the store, and no
    page is written: :func:`index_mirror` does the rest once all parts are done. Several parts can be at work at once.
    ``jobs`` processes work at a time, or those of ``executor``.

    An error of a source, or of one of its projects, is in the plan: nothing of it changes.

    :raises ManifestError: if the manifest has errors; nothing was done then.
    :raises RulesError: if its rules have findings.
    :raises MirrorError: if its mirror is damaged, the plan removes too much, there is too little space, another sync is at
        work for too long, or one of ``only`` is unknown; nothing was done then.
    """
    part = None if shard is None else Shard(*shard)
    call = _Call(
        only=listed(only), dry_run=dry_run, allow_removals=allow_removals, single_writer=single_writer, limits=limits,
        workers=Workers(jobs, executor), progress=guarded(progress), writes_pages=part is None,
        add=add_files if part is None else partial(add_shard, shard=part),
    )  # fmt: skip
    return call.run(manifest)


def index_mirror(
    manifest: Manifest | Path | str,
    *,
    only: Iterable[str] | str = (),
    allow_removals: bool = False,
    single_writer: bool = False,
    limits: Limits = Limits(),
    progress: Progress = NO_PROGRESS,
) -> SyncReport:
    """List what the parts of a sync put into its store, and do what else ``manifest`` says of the pages.

    What no part has done is the problem of its files: they are listed by the next run that finds them done. Nothing is
    downloaded but pages. All else is as for :func:`sync_mirror`.

    :raises ManifestError: if the manifest has errors; nothing was done then.
    :raises RulesError: if its rules have findings.
    :raises MirrorError: as for :func:`sync_mirror`.
    """
    call = _Call(
        only=listed(only), allow_removals=allow_removals, single_writer=single_writer, limits=limits,
        progress=guarded(progress), add=list_files, downloads=False,
    )  # fmt: skip
    return call.run(manifest)


class _Call(Struct, frozen=True, kw_only=True):
    """What a caller wants of a run; ``add`` is what becomes of new files, and ``downloads`` them or not."""

    add: Callable[[Adding, Sequence[WantedFile]], Added]
    only: tuple[Path | str, ...] = ()
    dry_run: bool = False
    allow_removals: bool = False
    single_writer: bool = False
    writes_pages: bool = True
    downloads: bool = True
    limits: Limits = Limits()
    workers: Workers = Workers()
    progress: Progress = NO_PROGRESS

    def run(self, manifest: Manifest | Path | str) -> SyncReport:
        """Do it."""
        manifest = manifest if isinstance(manifest, Manifest) else read_manifest(manifest)
        rules, limits, progress = loaded(manifest.rules), self.limits, self.progress
        now()  # a time that is none is an error before a directory is made
        with ExitStack() as stack:
            store = _opened(manifest, stack, dry_run=self.dry_run, single_writer=self.single_writer)
            claim = Claim(store)
            if self.writes_pages and not self.dry_run:
                claim = stack.enter_context(claimed(store, limits.lock_seconds))
                remove_all_abandoned(store.scratch())  # of a killed run that had done all jobs: nothing else is to be made
                complete_pages(store, claim.unfinished, limits)
                claim.only_looks = True
            run = Run(store, manifest, rules, Upstreams(store.scratch(), limits, progress), limits, progress)
            planned = run.plan(list(map(str, self.only)), downloads=not self.dry_run)
            if not self.dry_run:
                refuse_removals(planned.plan, allow_removals=self.allow_removals)
                if self.downloads:
                    run.check_space(planned, self.workers)
                claim.only_looks = False
                if self.writes_pages:
                    planned.seen.save()
            progress.planned(planned.plan.counts, planned.plan.download_size if self.downloads else 0)
            report = SyncReport(manifest=str(manifest.path), mirror=store.location, plan=planned.plan, dry_run=self.dry_run)
            if self.dry_run:
                report = replace(report, warnings=self._warnings(run, planned))
            else:
                report = run.do(planned, self.workers, report, self.add, writes_pages=self.writes_pages)
                claim.finish({each.project for each in report.files if each.problem is not None and each.project})
            own = run.upstreams.session.traffic
            requests, received = own.requests + report.traffic.requests, own.received + report.traffic.received
            return replace(report, traffic=Traffic(requests, received, own.unchanged))

    def _warnings(self, run: "Run", planned: "PlannedRun") -> tuple[Finding, ...]:
        """Return why a run that does not only look would stop."""
        removals = removal_warnings(planned.plan, allow_removals=self.allow_removals)
        return (*removals, *warning_of(lambda: run.check_space(planned, self.workers)))


class _NoMirror(LocalStore):
    """A directory that is no mirror yet, and that a look at it does not make: work in progress is in ``scratch``."""

    def __init__(self, path: Path, scratch: Path) -> None:
        super().__init__(path)
        self._scratch = scratch

    def scratch(self) -> Path:
        """Return a directory for work in progress."""
        return self._scratch


def _opened(manifest: Manifest, stack: ExitStack, *, dry_run: bool, single_writer: bool) -> Store:
    """Return the store of the mirror; with ``dry_run`` nothing is made where none is."""
    store = open_store(manifest.store, create=True, single_writer=single_writer)
    if not dry_run or store.is_shared or (Path(str(store.location)) / PRIVATE).is_dir():
        return store
    return _NoMirror(Path(str(store.location)), stack.enter_context(temporary_directory()))


def load_pages(store: Store) -> tuple[dict[str, Page], dict[str, Problem]]:
    """Return the pages of a mirror by project, and why one could not be read; that is no matter of the others.

    :raises MirrorError: if the list of projects cannot be read, or nobody answers.
    """
    pages, damaged = dict[str, Page](), dict[str, Problem]()

    def load(project: str) -> Page | Problem:
        try:
            return load_page(store, project)
        except MirrorError as error:
            if not is_of_page(error):
                raise
            return Problem.of(error)

    projects = sorted(load_root(store))
    with several(Requests().connections if store.is_shared else 1) as calls:
        for project, found in zip(projects, calls.map(load, projects, calls.count), strict=True):
            if isinstance(found, Problem):
                damaged[project] = found
            else:
                pages[project] = found
    return pages, damaged


class PlannedRun(Struct, frozen=True):
    """What a run will do: the ``steps``, and what follows from ``rules`` that have changed.

    ``wanted`` are all files that the mirror is to have, whether or not it has them; ``seen`` knows which
    were seen for the first time.
    """

    steps: Steps
    rules: RulesChanges
    wanted: tuple[WantedFile, ...]
    seen: FirstSeen

    @property
    def plan(self) -> SyncPlan:
        """The plan."""
        return self.steps.plan


class Run(Struct, frozen=True):
    """One run on the mirror in ``store``: its steps, up to the plan and from there."""

    store: Store
    manifest: Manifest
    rules: RuleSet | None
    upstreams: Upstreams
    limits: Limits
    progress: Progress

    def plan(self, only: Iterable[str] = (), *, downloads: bool = True) -> PlannedRun:
        """Return what is to be done; nothing is written.

        With ``downloads`` a wheel is downloaded where nothing else says what it requires.
        """
        pages, damaged = load_pages(self.store)
        scope = scope_of(self.manifest, only, {*pages, *damaged})
        seen = FirstSeen(self.store, pages)
        chosen = partial(self._choice, scope, pages, seen)
        choice = self._closed(chosen, pages, downloads=downloads) if self.manifest.dependencies else chosen({})
        problems = (*choice.problems, *(self._damaged(project, problem) for project, problem in damaged.items()))
        choice = replace(choice, problems=problems)
        situation = Situation(
            manifest=self.manifest, choice=choice, pages=pages, indexes=self._indexes(choice, pages, scope), now=now(),
            covers=lambda project, source: project not in damaged and scope.covers(project, source),
        )  # fmt: skip
        steps = make_plan(situation)
        for each in steps.plan.problems:
            self.progress.source_failed(each.source, each.project, each.problem)
        known = {project: page for project, page in pages.items() if project not in steps.failed}
        return self._with_rules(steps, choice, known, scope, seen)

    def _damaged(self, project: str, problem: Problem) -> SourceProblem:
        """Return the problem of a project whose page in the mirror cannot be read: nobody knows what it lists."""
        names = (each.name for each in self.manifest.sources if project in projects_of(each))
        return SourceProblem(next(names, self.manifest.sources[0].name), project, problem)

    def _choice(self, scope: Scope, pages: Mapping[str, Page], seen: FirstSeen, early: "Early") -> Choice:
        """Return what is chosen from the sources but releases that are too ``early``, and what their locks name."""
        locked = choose_locked(self.manifest, self.upstreams, pages, only=scope.names)
        chosen = choose(self.manifest, self.upstreams, pages, seen, only=scope.names, early=early)
        return replace(
            chosen, wanted=(*chosen.wanted, *locked.wanted), problems=(*chosen.problems, *locked.problems),
            reported=(*chosen.reported, *locked.reports), locked=frozenset(locked.holders),
            unread_locks=locked.unread, unsought=locked.unsought,
        )  # fmt: skip

    def _closed(self, chosen: "Callable[[Early], Choice]", pages: Mapping[str, Page], *, downloads: bool) -> Choice:
        """Return what is ``chosen``, with what its files require."""
        from wheelfix.sync.dependencies.closure import close  # late: only manifests with dependencies need uv, and a server

        scratch, seconds = self.store.scratch(), self.limits.lock_seconds
        known = Downloads(self.upstreams.session, scratch, seconds, self.progress) if downloads else None
        return close(chosen, self.manifest, self.store, pages, self.rules, self.upstreams, known)

    def _indexes(self, choice: Choice, pages: Mapping[str, Page], scope: Scope) -> "Mapping[tuple[str, str], ServedPage]":
        """Return the pages of indexes that say something of files that are wanted, or listed here; all were read before."""
        chosen = {(each.source.index, each.project) for each in choice.wanted}
        projects = {project for _, project in chosen}
        for project, page in pages.items():
            if project not in projects:
                names = {each.source or "" for each in page.files if scope.covers(project, each.source)}
                sources = filter(None, map(self.manifest.source, names))
                chosen |= {(each.index, project) for each in sources if project in projects_of(each)}
        found = {}
        for index, project in sorted(chosen):
            try:
                answer = self.upstreams.page(index, project)
            except WheelfixError:  # it is among the problems of the choice
                continue
            if answer is not None:
                found[index, project] = answer
        return found

    def _with_rules(
        self, steps: Steps, choice: Choice, pages: Mapping[str, Page], scope: Scope, seen: FirstSeen
    ) -> PlannedRun:
        """Return ``steps`` with what follows from rules that have changed."""
        covered = {
            project: page for project, page in pages.items()
            if any(scope.covers(project, each.source) for each in page.files)
        }  # fmt: skip
        wanted = [
            each for each in choice.wanted
            if scope.covers(each.project, each.source.name) and each.project not in steps.failed
        ]  # fmt: skip
        view = RulesView(
            store=self.store, manifest=self.manifest, rules=self.rules, wanted=wanted, pages=covered,
            upstreams=self.upstreams, locked=steps.locked, unread_locks=choice.unread_locks,
        )  # fmt: skip
        changes = rules_changes(view)
        add = (*steps.add, *changes.wanted)
        followed = {*steps.plan.followed, *(each.project for each in changes.checks)}
        plan = replace(changes.merged(steps.plan), followed=tuple(sorted(followed)))
        plan = with_sizes(plan, add, self.upstreams.session)
        return PlannedRun(replace(steps, plan=plan, add=add), changes, choice.wanted, seen)

    def check_space(self, planned: PlannedRun, workers: Workers) -> None:
        """Confirm that there is space for what is added, as far as no earlier run did that.

        :raises MirrorError: if there is less.
        """
        added = planned.plan.of(*NEW)
        try:
            refuse_lack_of_space(self.store, added, workers.jobs)
        except MirrorError:
            ready = ready_files(self.adding(planned, workers), planned.steps.add)
            refuse_lack_of_space(self.store, [each for each in added if each.sha256 not in ready], workers.jobs)

    def adding(self, planned: PlannedRun, workers: Workers) -> Adding:
        """Return what new files are added to, by ``workers``."""
        return Adding(
            store=self.store, manifest=self.manifest, rules=self.rules, wanted=planned.wanted,
            session=self.upstreams.session, workers=workers, limits=self.limits, progress=self.progress,
        )  # fmt: skip

    def do(
        self,
        planned: PlannedRun,
        workers: Workers,
        report: SyncReport,
        add: Callable[[Adding, Sequence[WantedFile]], Added] = add_files,
        *,
        writes_pages: bool = True,
    ) -> SyncReport:
        """Do what is ``planned``: files are added first, so that what makes room for them goes only once they are there.

        ``add`` is what becomes of new files. The traffic of the report is that of other processes.
        """
        done = add(self.adding(planned, workers), planned.steps.add)
        files = (*done.files, *self.finish(planned, done.files)) if writes_pages else done.files
        return replace(report, outcomes=done.outcomes, files=files, traffic=done.traffic, prepared=done.prepared)

    def finish(self, planned: PlannedRun, added: Iterable[Published]) -> Iterator[Published]:
        """Do what is ``planned`` with files that are listed, once what became of those that were to be ``added`` is known.

        In a project of which one could not be added nothing is yanked that makes room for it.
        """
        failed = {each.project for each in added if each.problem is not None and each.project is not None}
        for each in apply_checks(self.store, planned.rules.checks, self.limits.lock_seconds):
            self.progress.file_published(each)
            yield each
        yield from converge(self.store, planned.steps, failed, self.limits, self.progress)
