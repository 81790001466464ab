"""Files that are in a mirror: listed, yanked, removed."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path

from packaging.utils import canonicalize_name

from wheelfix.errors import FilenameError, MirrorError
from wheelfix.escaping import shown
from wheelfix.filename import WheelFilename
from wheelfix.mirror.folder import Folder
from wheelfix.mirror.layout import place_of
from wheelfix.mirror.model import ListedFile, Page
from wheelfix.mirror.publication import Publication, Published, PublishReport
from wheelfix.mirror.records import drop_page, load_page, load_root, save_page
from wheelfix.mirror.selection import read_requirement
from wheelfix.mirror.unfinished import Unfinished


def yank_files(mirror: Path | str, selection: str, reason: str = "", *, timeout: float = 600) -> PublishReport:
    """Yank files (PEP 592): new resolutions avoid them, locks that name them still install them.

    ``selection`` is a file name, a project, or one with versions, such as ``torch==2.7.0``. A file that is yanked already
    gets the new ``reason``. ``timeout`` is how many seconds to wait for another writer.

    :raises MirrorError: if nothing is selected, or the mirror is damaged.
    """
    return _change(mirror, selection, Published.YANKED, lambda file: replace(file, yanked=reason), timeout)


def unyank_files(mirror: Path | str, selection: str, *, timeout: float = 600) -> PublishReport:
    """Take back that files are yanked; the arguments and errors are those of :func:`yank_files`."""
    return _change(mirror, selection, Published.UNYANKED, lambda file: replace(file, yanked=None), timeout)


def remove_files(mirror: Path | str, selection: str, *, timeout: float = 600) -> PublishReport:
    """Remove files from the mirror's pages, and then from its folder: locks that name them fail from then on.

    Files that others of the same name have replaced go with them.

    The arguments and errors are those of :func:`yank_files`.
    """
    return _change(mirror, selection, Published.REMOVED, lambda _: None, timeout)


def list_pages(mirror: Path | str, projects: Collection[str] | None = None) -> Iterator[Page]:
    """Yield the page of each project of a mirror, by name; only those of ``projects`` (PEP 503) where there are any.

    :raises MirrorError: if there is no mirror, or a page is damaged.
    """
    folder = Folder(Path(mirror))
    folder.check_exists()
    listed = load_root(folder)
    for project in sorted(listed if projects is None else listed.intersection(projects)):
        yield load_page(folder, project)


def _change(
    mirror: Path | str, selection: str, status: Published, change: Callable[[ListedFile], ListedFile | None], timeout: float
) -> PublishReport:
    folder, (project, is_selected) = Folder(Path(mirror)), _parse(selection)
    folder.check_exists()
    with folder.locked(project, timeout):
        page = load_page(folder, project)
        chosen = [each for each in page.files if is_selected(each)]
        if not chosen and not (status is Published.REMOVED and any(map(is_selected, page.past))):
            raise MirrorError(
                "nothing-selected",
                f"the mirror lists no file that {shown(selection)} stands for",
                hint="`wheelfix mirror list` tells what it lists.",
            )
        changed = {each.filename: change(each) for each in chosen}
        rest = [changed.get(each.filename, each) for each in page.files]
        new = page.with_files(each for each in rest if each is not None)
        gone = [*chosen, *filter(is_selected, page.past)] if status is Published.REMOVED else []
        new = replace(new, past=tuple(each for each in page.past if each not in gone))
        unfinished = Unfinished(folder, project)
        unfinished.note(place for each in gone if (place := place_of(each.url)) is not None)
        if new.files or new.past:
            save_page(folder, new, timeout)
        else:
            drop_page(folder, project, timeout)
        unfinished.tidy(new)
    done = tuple(
        Publication(None, _status(status, each), project, each.filename, place_of(each.url), each.sha256) for each in chosen
    )
    return PublishReport(f"mirror {_VERBS[status]}", folder.path, done)


_VERBS = {Published.YANKED: "yank", Published.UNYANKED: "unyank", Published.REMOVED: "remove"}


def _status(status: Published, before: ListedFile) -> Published:
    return Published.UNCHANGED if status is Published.UNYANKED and before.yanked is None else status


def _parse(selection: str) -> tuple[str, Callable[[ListedFile], bool]]:
    """Return the project that ``selection`` is of, and which of its files it stands for."""
    if selection.endswith(".whl"):
        try:
            return WheelFilename.parse(selection).project, lambda file: file.filename == selection
        except FilenameError as error:
            raise MirrorError("bad-selection", error.message, hint=error.hint) from error
    requirement = read_requirement(selection)
    return canonicalize_name(requirement.name), lambda file: requirement.specifier.contains(file.version, prereleases=True)
