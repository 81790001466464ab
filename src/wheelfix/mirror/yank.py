"""Lists, yanks, unyanks and removes files of a mirror."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from msgspec.structs import replace
from packaging.utils import canonicalize_name

from wheelfix.errors import FilenameError, MirrorError
from wheelfix.mirror.json import page_json
from wheelfix.mirror.layout import page_key
from wheelfix.mirror.pages import BY_MIRROR, ListedFile, Page
from wheelfix.mirror.repository import NO_PAGE, Journal, behind, is_saved, load_page, load_root, publish_page, state_of
from wheelfix.mirror.storage import open_store
from wheelfix.mirror.storage.base import Store
from wheelfix.options import Limits, listed
from wheelfix.results import Problem, Published, PublishReport, PublishStatus
from wheelfix.text import as_utf8, closest, shown
from wheelfix.upstream.resolve import read_requirement
from wheelfix.wheel.filename import WheelFilename


def yank_files(mirror: Path | str, selection: str, reason: str = "", *, limits: Limits = Limits()) -> PublishReport:
    """Yank files (PEP 592): new resolutions avoid them, locks that name them still install them.

    This holds whatever the index says that they came from.

    ``selection`` is a file name, a project, or a project with versions, such as ``torch==2.7.0``. A file that is yanked
    already gets the new ``reason``; bytes in it that are not UTF-8 are escaped. ``limits`` says how long to wait
    for another writer.

    :raises MirrorError: if nothing is selected, or the mirror is damaged.
    """
    return _change(
        mirror,
        selection,
        PublishStatus.YANKED,
        lambda file: replace(file, yanked=as_utf8(reason), yanked_by=BY_MIRROR),
        limits,
    )


def unyank_files(mirror: Path | str, selection: str, *, limits: Limits = Limits()) -> PublishReport:
    """Unyank files, whoever yanked them: the index that they came from does not yank them again.

    The arguments and errors are those of :func:`yank_files`.
    """
    return _change(mirror, selection, PublishStatus.UNYANKED, _unyanked, limits)


def _unyanked(file: ListedFile) -> ListedFile:
    """Return ``file``, not yanked; one that was not yanked before still follows the index that it came from."""
    return file if file.yanked is None else replace(file, yanked=None, yanked_by=BY_MIRROR)


def remove_files(mirror: Path | str, selection: str, *, limits: Limits = Limits()) -> PublishReport:
    """Remove files from the mirror's pages, and then from its directory: locks that name them fail from then on.

    Replaced files of the same name are removed, too.

    The arguments and errors are those of :func:`yank_files`.
    """
    return _change(mirror, selection, PublishStatus.REMOVED, lambda _: None, limits)


def list_pages(mirror: Path | str, selections: Iterable[str] | str | None = None) -> Iterator[Page]:
    """Yield the page of each project of a mirror, by name.

    ``selections`` are file names, projects, or projects with versions, as for :func:`yank_files`: then the pages have
    only the files that match, in this order.

    :raises MirrorError: if there is no mirror, a page is damaged, or one of ``selections`` matches no file.
    """
    store = open_store(mirror)
    if selections is None:
        for project in sorted(load_root(store)):
            yield load_page(store, project)
    for selection in listed(selections or ()):
        project, is_selected = _parse(selection)
        page = load_page(store, project)
        files = tuple(filter(is_selected, page.files))
        if not files:
            raise _nothing_selected(store, selection)
        yield replace(page, files=files, past=tuple(filter(is_selected, page.past)))


def _change(
    mirror: Path | str,
    selection: str,
    status: PublishStatus,
    change: Callable[[ListedFile], ListedFile | None],
    limits: Limits,
) -> PublishReport:
    store, (project, is_selected) = open_store(mirror), _parse(selection)
    timeout = limits.lock_seconds
    journal = Journal(store, project)
    if store.head(page_key(project)) is None and not journal.removable():
        raise _nothing_selected(store, selection)
    with store.locked(project, timeout):
        journal.settle(timeout)
        page = load_page(store, project)
        chosen = [each for each in page.files if is_selected(each)]
        if not chosen and not (status is PublishStatus.REMOVED and any(map(is_selected, page.past))):
            raise _nothing_selected(store, selection)
        changed = {each.filename: change(each) for each in chosen}
        rest = [changed.get(each.filename, each) for each in page.files]
        new = page.with_files(each for each in rest if each is not None)
        gone = [*chosen, *filter(is_selected, page.past)] if status is PublishStatus.REMOVED else []
        new = replace(new, past=tuple(each for each in page.past if each not in gone))
        has_page = bool(new.files or new.past)
        keys = [key for each in gone if (key := page.key(each)) is not None]
        journal.note(keys, state_of(page_json(new)) if has_page else NO_PAGE)
        problem = _save(store, new, journal, timeout)
    done = tuple(
        Published(
            None,
            _status(status, each),
            project,
            each.filename,
            page.key(each),
            each.sha256,
            _notes(new, each.filename),
            problem,
        )
        for each in chosen
    )
    return PublishReport(f"mirror {_VERBS[status]}", Path(store.name), done)


def _save(store: Store, page: Page, journal: Journal, timeout: float) -> Problem | None:
    """Write the pages and delete what they no longer list; return what could not be done after the JSON page was written."""
    try:
        try:
            problem = publish_page(store, page, timeout)
        finally:
            journal.settle(timeout)
    except (MirrorError, OSError) as error:
        if not is_saved(store, page):
            raise
        return behind(store, page, error)
    return problem


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
    if selection.endswith(".whl"):
        try:
            return WheelFilename.parse(selection).project, lambda file: file.filename == selection
        except FilenameError as error:
            raise MirrorError("bad-selection", error.message, hint=error.hint) from error
    requirement = read_requirement(selection)
    return canonicalize_name(requirement.name), lambda file: requirement.specifier.contains(file.version, prereleases=True)
