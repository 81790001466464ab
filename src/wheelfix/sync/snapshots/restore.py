"""Brings a mirror back to what a lock of it says, as far as its files are still there.

Nothing is downloaded and nothing is deleted. A file that the lock names is listed again where the mirror still has its
bytes: replaced, or removed and not pruned yet. What a manifest put there since is listed no longer, and kept for locks of
clients that hold its URL. Files of a person, and what a person yanked or unyanked, stay as they are.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.mirror.change import change_page
from wheelfix.mirror.clock import now
from wheelfix.mirror.examine import examine
from wheelfix.mirror.follow import is_decided_here
from wheelfix.mirror.layout import METADATA, file_key, project_of, url_of
from wheelfix.mirror.pages import ListedFile, Page, version_of
from wheelfix.mirror.repository import load_page, load_root
from wheelfix.mirror.storage import MirrorLocation, open_store
from wheelfix.mirror.storage.base import Store, is_whole
from wheelfix.options import Limits
from wheelfix.progress import NO_PROGRESS, Progress, guarded
from wheelfix.results import Problem, Published, PublishStatus, failure
from wheelfix.sync.model import Action, PlannedFile, SourceProblem, SyncPlan, SyncReport
from wheelfix.sync.planning.claim import claimed
from wheelfix.sync.planning.guards import refuse_removals, removal_warnings
from wheelfix.sync.snapshots.snapshot import Snapshot, SnapshotFile, SnapshotProject, read_snapshot
from wheelfix.text import shown

_LOCK: Final = "mirror.lock"
"""What problems name as their source where the lock knows none."""
_AS_IN_LOCK: Final = "as in the lock"
_NOT_IN_LOCK: Final = "not in the lock; kept for locks that hold its URL"
_BY_HAND: Final = "changed by hand since the lock was written, and left as it is"
_HELD: Final = "A lock of the manifest names it."
_OF_HAND: Final = "changed-by-hand"
_STATUSES: Final = {
    Action.ADD: PublishStatus.ADDED,
    Action.REPLACE: PublishStatus.REPLACED,
    Action.YANK: PublishStatus.YANKED,
    Action.UNYANK: PublishStatus.UNYANKED,
    Action.REMOVE: PublishStatus.REMOVED,
}


class _Step(Struct, frozen=True):
    """What is done with one file: ``file`` is listed then, none if ``None``; ``past`` is listed no longer, and kept.

    ``was_yanked`` says whether it is listed as yanked by now. ``said`` is what the lock or the page says of it. Without an
    ``action`` its bytes are gone.
    """

    said: SnapshotFile | ListedFile
    action: Action | None
    file: ListedFile | None
    past: ListedFile | None = None
    reason: str = ""
    was_yanked: bool = False

    def planned(self, project: str, action: Action) -> PlannedFile:
        """Return the step as part of a plan."""
        return PlannedFile(
            action=action, project=project, version=version_of(self.said.filename), filename=self.said.filename,
            source=self.said.source, reason=self.reason, code=_OF_HAND if action is Action.REPORT else "",
            size=self.said.size, sha256=self.said.sha256, yanked=self.was_yanked,
        )  # fmt: skip

    def gone(self, project: str) -> SourceProblem:
        """Return the problem of a file whose bytes are gone."""
        problem = Problem(
            "lock-file-gone",
            f"{shown(self.said.filename)} cannot be listed again: the mirror no longer has its bytes",
            "Publish the wheel with this sha256 again, or write a new lock.",
            f"the lock has sha256 {self.said.sha256}",
        )
        return SourceProblem(self.said.source or _LOCK, project, problem)


def restore_mirror(
    mirror: MirrorLocation,
    lock: Snapshot | Path | str,
    *,
    held: Collection[str] = (),
    dry_run: bool = False,
    allow_removals: bool = False,
    single_writer: bool = False,
    limits: Limits = Limits(),
    progress: Progress = NO_PROGRESS,
) -> SyncReport:
    """Let a mirror list what ``lock``, or the file at that path, says; with ``dry_run`` return the plan alone.

    What is gone is a problem of the report. Files whose sha256 (hexadecimal) is ``held``, such as by the lock files of
    projects, stay as they are where ``lock`` does not have them. A plan that removes more than a third of what is served is
    not done, unless with ``allow_removals``. ``single_writer`` says that nobody else writes to a bucket that cannot compare
    and write at once. ``limits`` says how long to wait for other writers.

    :raises MirrorError: if the lock or a page of the mirror is damaged, the plan removes too much, or a sync is at work for
        too long; nothing was done then.
    """
    name = str(lock) if isinstance(lock, Path | str) else _LOCK
    snapshot = lock if isinstance(lock, Snapshot) else read_snapshot(lock)
    store, progress = open_store(mirror, single_writer=single_writer), guarded(progress)
    with nullcontext() if dry_run else claimed(store, limits.lock_seconds):
        held = frozenset(held)
        report, steps = _planned(store, name, snapshot, held, progress)
        if dry_run:
            warnings = removal_warnings(report.plan, allow_removals=allow_removals, goes_back=True)
            return replace(report, dry_run=True, warnings=warnings)
        refuse_removals(report.plan, allow_removals=allow_removals, goes_back=True)
        progress.planned(report.plan.counts, 0)
        return _done(store, snapshot, steps, held, report, limits, progress)


def _planned(
    store: Store, name: str, snapshot: Snapshot, held: frozenset[str], progress: Progress
) -> tuple[SyncReport, dict[str, list[_Step]]]:
    """Return the plan, and the steps for each project."""
    wanted = snapshot.by_project
    pages = {project: load_page(store, project) for project in sorted({*wanted, *load_root(store)})}
    steps = {project: list(_steps(store, page, wanted.get(project), held)) for project, page in pages.items()}
    files = (each for page in pages.values() for each in page.files)
    plan = _plan(steps, sum(each.source is not None and each.yanked is None for each in files))
    for each in plan.problems:
        progress.source_failed(each.source, each.project, each.problem)
    return SyncReport(manifest=name, mirror=store.location, plan=plan), steps


def _done(
    store: Store,
    snapshot: Snapshot,
    steps: dict[str, list[_Step]],
    held: frozenset[str],
    report: SyncReport,
    limits: Limits,
    progress: Progress,
) -> SyncReport:
    """Do what is planned; return the report with what became of each file."""
    wanted = snapshot.by_project
    changed = [project for project, found in steps.items() if any(step.action in _STATUSES for step in found)]
    files = [each for project in changed for each in _restore(store, project, wanted.get(project), held, limits, progress)]
    return replace(report, files=tuple(files))


def _plan(steps: dict[str, list[_Step]], served: int) -> SyncPlan:
    every = [(project, step) for project, found in steps.items() for step in found]
    files = (step.planned(project, step.action) for project, step in every if step.action is not None)
    problems = (step.gone(project) for project, step in every if step.action is None)
    return SyncPlan(files=tuple(files), problems=tuple(problems), served=served)


def _steps(store: Store, page: Page, wanted: SnapshotProject | None, held: frozenset[str]) -> Iterator[_Step]:
    """Yield what is done with each file that the page or the lock has, by name."""
    listed = {each.filename: each for each in page.files}
    locked = {each.filename: each for each in wanted.files} if wanted else {}
    for name in sorted({*listed, *locked}):
        there, entry = listed.get(name), locked.get(name)
        if there is not None and there.sha256 in held and (entry is None or entry.sha256 != there.sha256):
            yield _Step(there, Action.KEEP, there, reason=_HELD)
        elif entry is not None:
            yield _step(store, page, there, entry)
        elif there is not None:
            yield _unlisted(there)


def _unlisted(there: ListedFile) -> _Step:
    """Return what is done with a file that the lock does not have."""
    if there.source is None:
        return _Step(there, Action.KEEP, there)
    return _Step(there, Action.REMOVE, None, there, _NOT_IN_LOCK, there.yanked is not None)


def _step(store: Store, page: Page, there: ListedFile | None, entry: SnapshotFile) -> _Step:
    """Return what is done with a file that the lock has, and of which ``there`` is listed now."""
    if there is not None and there.sha256 == entry.sha256:
        return _yanked_step(there, entry)
    if (entry.source if there is None else there.source) is None:
        return _Step(there or entry, Action.REPORT, there, reason=_BY_HAND)
    found = _found(store, page, entry)
    if found is None:
        return _Step(entry, None, there)
    action = Action.ADD if there is None else Action.REPLACE
    was_yanked = there is not None and there.yanked is not None
    return _Step(entry, action, _yanked_as(found, entry), there, _AS_IN_LOCK, was_yanked)


def _yanked_step(there: ListedFile, entry: SnapshotFile) -> _Step:
    """Return what is done with a file that is listed with the right bytes: it may be yanked, or not be."""
    if there.yanked == entry.yanked:
        return _Step(there, Action.KEEP, there)
    if there.source is None or is_decided_here(there):
        return _Step(there, Action.REPORT, there, reason=_BY_HAND)
    action = Action.UNYANK if entry.yanked is None else Action.YANK
    reason = f"{_AS_IN_LOCK}{f': {entry.yanked}' if entry.yanked else ''}"
    return _Step(there, action, _yanked_as(there, entry), reason=reason, was_yanked=there.yanked is not None)


def _yanked_as(file: ListedFile, entry: SnapshotFile) -> ListedFile:
    return replace(file, yanked=entry.yanked, yanked_by=entry.yanked_by, yanked_at=entry.yanked_at)


def _found(store: Store, page: Page, entry: SnapshotFile) -> ListedFile | None:
    """Return the file of ``entry`` as it is to be listed, ``None`` where its bytes are gone."""
    for each in page.past:
        if (each.filename, each.sha256) == (entry.filename, entry.sha256):
            return each
    key = file_key(page.project, entry.filename, entry.sha256)
    if not is_whole(store, key, entry.size, entry.sha256):
        return None
    known = ListedFile(
        filename=entry.filename, url=url_of(key), sha256=entry.sha256, size=entry.size, upload_time=entry.upload_time,
        added=entry.added, upstream=entry.upstream, upstream_time=entry.upstream_time, source=entry.source,
        requires_python=entry.requires_python, checked_by=entry.rules,
    )  # fmt: skip
    return _as_examined(store, key, known) if entry.filename.endswith(".whl") else known


def _as_examined(store: Store, key: str, known: ListedFile) -> ListedFile | None:
    """Return ``known`` with what the wheel at ``key`` itself says, ``None`` if it or its metadata file is not usable.

    A lock may come from anybody: what clients decide by is read from the bytes.
    """
    try:
        with store.open(key) as source:
            found = examine(Path(known.filename), source, sha256=known.sha256, now=now, leniently=True)
    except WheelfixError:  # it is no wheel: its bytes are those of the lock, and nobody can install them
        return None
    metadata = store.read(key + METADATA)
    if metadata is None or metadata.data != found.metadata or found.project != project_of(key):
        return None
    file = found.file
    return replace(known, requires_python=file.requires_python, metadata_sha256=file.metadata_sha256, origin=file.origin)


def _restore(
    store: Store, project: str, wanted: SnapshotProject | None, held: frozenset[str], limits: Limits, progress: Progress
) -> list[Published]:
    """Let the page of ``project`` list what the lock says; return what became of each file."""
    done: list[_Step] = []

    def restored(page: Page) -> Page:
        done[:] = _steps(store, page, wanted, held)
        return _page(page, done)

    try:
        change = change_page(store, project, restored, limits.lock_seconds)
        if any(_is_lost(store, project, step) for step in done):  # another process pruned it meanwhile
            change = change_page(store, project, restored, limits.lock_seconds)
        problem = change.problem
        published = [_published(project, step, change.after, problem) for step in done if step.action in _STATUSES]
    except (MirrorError, OSError) as error:
        problem = failure(Path(), error).problem
        published = [Published(None, PublishStatus.FAILED, project, project, problem=problem)]
    for each in published:
        progress.file_published(each)
    return published


def _page(page: Page, steps: Sequence[_Step]) -> Page:
    """Return ``page`` as it is after ``steps``."""
    files = [step.file for step in steps if step.file is not None]
    kept = [step.past for step in steps if step.past is not None]
    listed = {(each.filename, each.sha256) for each in files}
    past = (*(each for each in page.past if (each.filename, each.sha256) not in listed), *kept)
    return replace(page.with_files(files), past=past)


def _is_lost(store: Store, project: str, step: _Step) -> bool:
    """Whether a file that was listed again is not there any more."""
    if step.action not in (Action.ADD, Action.REPLACE) or step.file is None:
        return False
    return store.head(file_key(project, step.file.filename, step.file.sha256)) is None


def _published(project: str, step: _Step, page: Page, problem: Problem | None) -> Published:
    file = step.file or step.past
    status = PublishStatus.UNCHANGED if step.action is None else _STATUSES[step.action]
    path = None if file is None else page.key(file)
    return Published(
        None, status, project, step.said.filename, path, step.said.sha256, (step.reason,) if step.reason else (), problem
    )
