"""Lists, yanks, unyanks and removes files of a mirror."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from msgspec.structs import replace
from packaging.utils import canonicalize_name

from wheelfix.errors import FilenameError, MirrorError
from wheelfix.mirror.change import PageChange, change_page
from wheelfix.mirror.journal import open_journal
from wheelfix.mirror.layout import METADATA, page_key
from wheelfix.mirror.lost import how_to_restore
from wheelfix.mirror.pages import BY_MIRROR, ListedFile, Page
from wheelfix.mirror.repository import load_page, load_root
from wheelfix.mirror.storage import MirrorLocation, open_store
from wheelfix.mirror.storage.base import Store, is_of_store
from wheelfix.options import Limits, Requests, listed
from wheelfix.results import Problem, Published, PublishReport, PublishStatus, failure
from wheelfix.text import closest, on_one_line, shown
from wheelfix.upstream.parallel import several
from wheelfix.upstream.selection import read_requirement
from wheelfix.wheel.sdist_filename import ENDINGS, project_of_file


def yank_files(mirror: MirrorLocation, selection: str, reason: str = "", *, limits: Limits = Limits()) -> PublishReport:
    """Yank files (PEP 592): new resolutions avoid them, locks that name them still install them.

    This holds whatever the index says that they came from.

    ``selection`` is a file name, a project, or a project with versions, such as ``torch==2.7.0``. A file that is yanked
    already gets the new ``reason``; bytes in it that are not UTF-8, and control characters, are escaped. ``limits`` says
    how long to wait for another writer.

    :raises MirrorError: if nothing is selected, or the mirror is damaged.
    """
    return _change(
        mirror,
        selection,
        PublishStatus.YANKED,
        lambda file: replace(file, yanked=on_one_line(reason), yanked_by=BY_MIRROR, yanked_at=None),
        limits,
    )


def unyank_files(mirror: MirrorLocation, selection: str, *, limits: Limits = Limits()) -> PublishReport:
    """Unyank files, whoever yanked them: the index that they came from does not yank them again.

    The arguments and errors are those of :func:`yank_files`.
    """
    return _change(mirror, selection, PublishStatus.UNYANKED, _unyanked, limits)


def _unyanked(file: ListedFile) -> ListedFile:
    """Return ``file``, not yanked; one that was not yanked before still follows the index that it came from."""
    return file if file.yanked is None else replace(file, yanked=None, yanked_by=BY_MIRROR, yanked_at=None)


def remove_files(mirror: MirrorLocation, selection: str, *, limits: Limits = Limits()) -> PublishReport:
    """Remove files from the mirror's pages, and then from its directory: locks that name them fail from then on.

    Replaced files of the same name are removed, too. In a bucket they are listed no longer, and
    ``wheelfix mirror prune`` deletes them.

    The arguments and errors are those of :func:`yank_files`.
    """
    return _change(mirror, selection, PublishStatus.REMOVED, lambda _: None, limits)


def list_pages(mirror: MirrorLocation, selections: Iterable[str] | str | None = None) -> Iterator[Page]:
    """Yield the page of each project of a mirror, by name.

    ``selections`` are file names, projects, or projects with versions, as for :func:`yank_files`: then the pages have
    only the files that match, in this order.

    :raises MirrorError: if there is no mirror, or one of ``selections`` matches no file; after all others, if a page is
        damaged or lost.
    """
    store = open_store(mirror)
    if selections is None:
        with several(Requests().connections if store.is_shared else 1) as calls:
            failed: MirrorError | OSError | None = None
            for page in calls.map(partial(_try_listed_page, store), sorted(load_root(store)), calls.count):
                if isinstance(page, Page):
                    yield page
                else:
                    failed = failed or page
            if failed is not None:
                raise failed
    for selection in listed(selections or ()):
        project, is_selected = _parse(selection)
        page = load_page(store, project)
        files = tuple(filter(is_selected, page.files))
        if not files:
            raise _nothing_selected(store, selection)
        yield replace(page, files=files, past=tuple(filter(is_selected, page.past)))


def _try_listed_page(store: Store, project: str) -> Page | MirrorError | OSError:
    """Return the page of a listed ``project``, or why it cannot be read; where the store itself fails, that is raised."""
    try:
        return _listed_page(store, project)
    except (MirrorError, OSError) as error:
        if is_of_store(store, error):
            raise
        return error


def _listed_page(store: Store, project: str) -> Page:
    """Return the page of a listed ``project``; one that is not listed any more has an empty one.

    :raises MirrorError: if it is damaged or lost.
    """
    page = load_page(store, project)
    if page.stored is not None or project not in load_root(store):  # that is updated before a page is deleted
        return page
    page = load_page(store, project)
    if page.stored is None:
        message = f"{shown(project)} is listed and has no page"
        raise MirrorError("page-missing", message, hint=how_to_restore(project))
    return page


def _change(
    mirror: MirrorLocation,
    selection: str,
    status: PublishStatus,
    change: Callable[[ListedFile], ListedFile | None],
    limits: Limits,
) -> PublishReport:
    store, (project, is_selected) = open_store(mirror), _parse(selection)
    if store.head(page_key(project)) is None and not open_journal(store, project).removable():
        raise _nothing_selected(store, selection)
    chosen: dict[str, ListedFile] = {}

    def changed(page: Page) -> Page:
        found = [each for each in page.files if is_selected(each)]
        gone = [*found, *filter(is_selected, page.past)] if status is PublishStatus.REMOVED else []
        is_done = chosen and status is PublishStatus.REMOVED  # another process was faster, with the same
        if not found and not gone and not is_done:
            raise _nothing_selected(store, selection)
        if status is not PublishStatus.REMOVED:  # what this run read before another one wrote does not count
            chosen.clear()
        chosen.update((each.filename, each) for each in found)
        new = {each.filename: change(each) for each in found}
        rest = [new.get(each.filename, each) for each in page.files]
        page = page.with_files(each for each in rest if each is not None)
        return replace(page, past=tuple(each for each in page.past if each not in gone))

    try:
        done = change_page(store, project, changed, limits.lock_seconds)
    except (MirrorError, OSError) as error:
        if not _is_begun(store, project):
            raise
        files = tuple(_failed(project, each, error) for each in chosen.values())
    else:
        files = tuple(_published(store, status, each, done) for each in chosen.values())
    return PublishReport(f"mirror {_VERBS[status]}", store.location, files)


def _is_begun(store: Store, project: str) -> bool:
    """Whether all files of ``project`` were to be removed, and are listed by its page alone: that was to go next."""
    if store.is_shared:  # its page is the first that is written there
        return False
    try:
        return project not in load_root(store) and store.head(page_key(project)) is not None
    except (MirrorError, OSError):  # there is an error to report
        return False


def _failed(project: str, file: ListedFile, error: MirrorError | OSError) -> Published:
    problem, key = failure(Path(), error).problem, Page(project).key(file)
    return Published(None, PublishStatus.FAILED, project, file.filename, key, file.sha256, problem=problem)


def _published(store: Store, status: PublishStatus, file: ListedFile, done: PageChange) -> Published:
    page, notes, problem = done.after, _notes(done.after, file.filename), done.problem
    if status is PublishStatus.REMOVED:
        if store.is_shared:
            notes = (*notes, _KEPT)
        elif problem is None:
            problem = _left_of(store, page.key(file))
    return Published(None, _status(status, file), page.project, file.filename, page.key(file), file.sha256, notes, problem)


def _left_of(store: Store, key: str | None) -> Problem | None:
    """Return the problem of a removed file that is still there, or its metadata file, or of which nobody knows."""
    if key is None:
        return None
    try:
        if store.head(key) is not None:
            return _NOT_DELETED
        return None if store.head(key + METADATA) is None else _METADATA_NOT_DELETED
    except (MirrorError, OSError):
        return _NOT_DELETED


_KEPT: Final = "The file is kept for now: old locks work until `wheelfix mirror prune` deletes it."

_NOT_DELETED: Final = Problem(
    "unlisted",
    "no page lists it any longer, but the file could not be deleted: anyone who has its URL can still download it",
    "Check the permissions of its directory, and run `wheelfix mirror check --fix`.",
)
_METADATA_NOT_DELETED: Final = Problem(
    "unlisted",
    "it is deleted, but its metadata file could not be",
    "Check the permissions of its directory, and run `wheelfix mirror check --fix`.",
)


def _nothing_selected(store: Store, selection: str) -> MirrorError:
    projects = load_root(store)
    project = _parse(selection)[0]
    close = "" if project in projects else closest(project, sorted(projects))
    return MirrorError(
        "nothing-selected",
        f"no files in the mirror match {shown(selection)!r}",
        hint=f"Did you mean {close}?" if close else "Run `wheelfix mirror list` to see all files.",
    )


def _notes(page: Page, filename: str) -> tuple[str, ...]:
    """Return notes on a file that is listed again."""
    file = page.find(filename)
    if file is None or file.yanked is not None:
        return ()
    fixed = [each.filename for each in page.files if each.origin is not None and each.origin.sha256 == file.sha256]
    return tuple(f"It is the original of {each}, which is listed too: resolvers may choose either." for each in fixed)


_VERBS = {PublishStatus.YANKED: "yank", PublishStatus.UNYANKED: "unyank", PublishStatus.REMOVED: "remove"}


def _status(status: PublishStatus, before: ListedFile) -> PublishStatus:
    return PublishStatus.UNCHANGED if status is PublishStatus.UNYANKED and before.yanked is None else status


def _parse(selection: str) -> tuple[str, Callable[[ListedFile], bool]]:
    """Return the project of ``selection``, and a function that says which of its files match."""
    if selection.endswith((".whl", *ENDINGS)):
        try:
            return project_of_file(selection), lambda file: file.filename == selection
        except FilenameError as error:
            raise MirrorError("bad-selection", error.message, hint=error.hint) from error
    requirement = read_requirement(selection)
    return canonicalize_name(requirement.name), lambda file: requirement.specifier.contains(file.version, prereleases=True)
