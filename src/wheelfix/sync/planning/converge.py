"""Does what a plan says about files that the mirror lists: yanks, unyanks, removes, and takes over what indexes say."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from wheelfix.errors import MirrorError
from wheelfix.mirror.change import change_page
from wheelfix.mirror.follow import is_unwanted, with_status
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.repository import load_root, projects_to_list
from wheelfix.mirror.storage.base import Store, is_of_page, is_silent
from wheelfix.options import Limits
from wheelfix.progress import NO_PROGRESS, Progress
from wheelfix.results import Problem, Published, PublishStatus, failure
from wheelfix.sync.model import Action
from wheelfix.sync.planning.plan import FileChange, Steps

if TYPE_CHECKING:
    from wheelfix.upstream.client import ServedPage  # what only the extra "index" installs: it comes as a value

_STATUSES: Final[Mapping[Action, PublishStatus]] = {
    Action.YANK: PublishStatus.YANKED,
    Action.UNYANK: PublishStatus.UNYANKED,
    Action.REMOVE: PublishStatus.REMOVED,
}
"""What is reported of each action; of all others nothing is."""
_TAKEN_OVER: Final = (
    "upload_time", "upstream", "upstream_time", "added", "source", "upstream_sha256", "yanked", "yanked_by", "yanked_at",
)  # fmt: skip
"""What a sync changes of a file that is listed; all else is what was read from the file."""


def converge(
    store: Store, steps: Steps, failed: Collection[str] = (), limits: Limits = Limits(), progress: Progress = NO_PROGRESS
) -> tuple[Published, ...]:
    """Do the changes of ``steps`` to files that the mirror in ``store`` lists, and return what became of each.

    Each project is handled independently. Nothing that is no longer wanted is yanked or removed in a project that has
    ``failed`` to get its new files. What somebody changed since the plan was made is left as it is.
    """
    done = list[Published]()
    silent: MirrorError | OSError | None = None
    added = {each.project for each in steps.add}
    followed = {project for project in (*steps.plan.followed, *added) if project in steps.serving}
    for project in sorted({*steps.changes, *followed}):
        changes = [each for each in steps.changes.get(project, ()) if project not in failed or not _is_unwanted(each)]
        serving = steps.serving.get(project) if project in followed else None
        if not changes and serving is None:
            continue
        try:
            if silent is not None:
                raise silent
            found = _changed(store, project, changes, serving, steps.locked, limits)
        except (MirrorError, OSError) as error:
            silent = error if store.is_shared and is_silent(error) else None
            found = [_failed(project, each, error) for each in changes] or [_page_failed(project, error)]
        for each in found:
            progress.file_published(each)
        done += found
    return tuple(done)


def complete_pages(store: Store, projects: Collection[str] | None, limits: Limits) -> None:
    """Write what follows from the JSON pages of ``projects``, or of all: HTML, and the list of projects.

    A run that was killed may have written JSON pages only, and then nothing is left to be planned.

    :raises MirrorError: if another process writes to one for too long, or nobody answers.
    """
    every = {*load_root(store), *projects_to_list(store)} if projects is None else projects
    for project in sorted(every):
        try:
            change_page(store, project, lambda page: page, limits.lock_seconds)
        except MirrorError as error:
            if not is_of_page(error):  # the plan reports one that cannot be read
                raise


def _is_unwanted(change: FileChange) -> bool:
    """Whether a file is yanked or removed because the manifest no longer wants it, not because its index says so."""
    return change.after is None or (is_unwanted(change.after) and change.after.yanked_at != change.before.yanked_at)


def _changed(
    store: Store,
    project: str,
    changes: Sequence[FileChange],
    serving: "tuple[str, ServedPage] | None",
    locked: Collection[str],
    limits: Limits,
) -> list[Published]:
    by_name = {each.before.filename: each for each in changes}
    done = change_page(store, project, partial(_page_after, by_name, serving, frozenset(locked)), limits.lock_seconds)
    return list(_published(done.before, done.after, by_name, done.problem))


def _page_after(
    changes: Mapping[str, FileChange], serving: "tuple[str, ServedPage] | None", locked: frozenset[str], page: Page
) -> Page | None:
    """Return ``page`` as it is to be; ``None`` for one that lists nothing."""
    if not page.files and not page.past:
        return None
    pairs = [(each, _file_after(each, changes.get(each.filename))) for each in page.files]
    files = [after for _, after in pairs if after is not None]
    gone = [before for before, after in pairs if after is None]
    page = replace(page.with_files(files), past=tuple(_past_after(page, files, gone, locked)))
    return page if serving is None or not any(each.source for each in files) else with_status(page, *serving)


def _file_after(file: ListedFile, change: FileChange | None) -> ListedFile | None:
    """Return what becomes of ``file``; one that somebody changed since the plan was made stays as it is."""
    if change is None or not _is_same(file, change.before):
        return file
    after = change.after
    return None if after is None else replace(file, **{name: getattr(after, name) for name in _TAKEN_OVER})


def _is_same(file: ListedFile, planned: ListedFile) -> bool:
    def state(each: ListedFile) -> tuple[str | None, ...]:
        return each.sha256, each.source, each.yanked, each.yanked_by

    return state(file) == state(planned)


def _past_after(
    page: Page, files: Sequence[ListedFile], gone: Sequence[ListedFile], locked: frozenset[str]
) -> Iterator[ListedFile]:
    """Yield the replaced files that stay: those of a manifest go with the file that took their place."""
    names = {each.filename for each in gone} - {each.filename for each in files}
    sums = {each.original_sha256 for each in gone} - {each.original_sha256 for each in files}
    for each in page.past:
        follows = each.filename in names or each.original_sha256 in sums
        if not (follows and each.source is not None and each.sha256 not in locked):
            yield each


def _published(before: Page, after: Page, changes: Mapping[str, FileChange], problem: Problem | None) -> Iterator[Published]:
    """Yield what became of each file that is yanked, unyanked or removed by now."""
    left = {each.filename: each for each in after.files}
    for old in before.files:
        change = changes.get(old.filename)
        status = _STATUSES.get(change.planned.action) if change else None
        new = left.get(old.filename)
        if change is not None and status is not None and (new is None or new.yanked != old.yanked):
            notes = (change.planned.reason,) if change.planned.reason else ()
            yield Published(None, status, after.project, old.filename, before.key(old), old.sha256, notes, problem)
    if problem is not None and not any(each.filename in changes for each in before.files):
        yield Published(None, PublishStatus.UNCHANGED, after.project, problem=problem)


def _failed(project: str, change: FileChange, error: Exception) -> Published:
    file, problem = change.before, failure(Path(change.before.filename), error).problem
    return Published(None, PublishStatus.FAILED, project, file.filename, None, file.sha256, problem=problem)


def _page_failed(project: str, error: Exception) -> Published:
    return Published(None, PublishStatus.FAILED, project, problem=failure(Path(project), error).problem)
