"""The pages of a mirror as they lie in its folder."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Final

from wheelfix.errors import MirrorError
from wheelfix.mirror.folder import Folder
from wheelfix.mirror.layout import HTML, PAGE, SIMPLE, page_place
from wheelfix.mirror.markup import page_html, root_html
from wheelfix.mirror.model import Page
from wheelfix.mirror.pages import page_json, read_page, read_root, root_json
from wheelfix.wheel.filename import is_project

_ROOT: Final = ".root"
"""The name of the lock for the page that lists all projects; no project is called so."""


def load_page(folder: Folder, project: str) -> Page:
    """Return the page of ``project``, an empty one where there is none.

    :raises MirrorError: if it is damaged.
    """
    data = folder.read(page_place(project))
    return Page(project) if data is None else read_page(data, project)


def save_page(folder: Folder, page: Page, timeout: float) -> None:
    """Write the page of a project, and list the project; the lock of the project is held.

    What can fail comes before the first page appears. JSON is first, as the rest is made from it; the page that lists all
    projects is last, so that it leads nowhere else.

    :raises MirrorError: if the page that lists all projects is damaged, or another process writes to it for too long.
    """
    own = {page_place(page.project): page_json(page), page_place(page.project, HTML): page_html(page)}
    if page.project in load_root(folder) and _root_agrees(folder):
        folder.write_all(own)
        return
    with root_locked(folder, timeout):
        folder.write_all(own | _root_pages(load_root(folder) | {page.project}))


def is_saved(folder: Folder, page: Page) -> bool:
    """Whether the JSON page of a project, the record of truth, says what ``page`` says; without files there is none."""
    return folder.read(page_place(page.project)) == (page_json(page) if page.files or page.past else None)


def outdated_pages(folder: Folder, page: Page) -> list[str]:
    """Return the places of the pages that do not follow from ``page``, that of a project, as it is saved."""
    root = f"{SIMPLE}/{PAGE}"
    found = [] if html_agrees(folder, page) else [page_place(page.project, HTML)]
    try:
        if folder.read(root) is None or (page.project in load_root(folder)) is not bool(page.files or page.past):
            return [*found, root]
        return found if _root_agrees(folder) else [*found, f"{SIMPLE}/{HTML}"]
    except (MirrorError, OSError):  # it is damaged, or may not be read
        return [*found, root]


def html_agrees(folder: Folder, page: Page) -> bool:
    """Whether the HTML page of a project says what ``page`` says."""
    html = folder.read(page_place(page.project, HTML))
    return html == page_html(page) or (html is None and not page.files)


def drop_page(folder: Folder, project: str, timeout: float) -> None:
    """Remove the page of a project without files, in the order that is the reverse of writing it."""
    with root_locked(folder, timeout):
        folder.write_all(_root_pages(load_root(folder) - {project}))
        folder.remove(page_place(project, HTML))
        folder.remove(page_place(project))


def load_root(folder: Folder) -> frozenset[str]:
    """Return the projects that the mirror lists; where that page is lost, those that have a page.

    :raises MirrorError: if the page that lists them is damaged.
    """
    data = folder.read(f"{SIMPLE}/{PAGE}")
    return frozenset(projects_with_page(folder)) if data is None else read_root(data)


def projects_with_page(folder: Folder) -> Iterator[str]:
    """Yield the projects that have a page, whatever is listed."""
    for name in folder.names(SIMPLE):
        if is_project(name) and folder.read(page_place(name)) is not None:
            yield name


def renew_root(folder: Folder, timeout: float) -> None:
    """Write the page that lists all projects anew, from the pages that there are."""
    with root_locked(folder, timeout):
        folder.write_all(_root_pages(projects_with_page(folder)))


def _root_pages(projects: Iterable[str]) -> dict[str, bytes]:
    names = frozenset(projects)
    return {f"{SIMPLE}/{PAGE}": root_json(names), f"{SIMPLE}/{HTML}": root_html(names)}


def _root_agrees(folder: Folder) -> bool:
    """Whether both pages that list all projects are there and say the same: an interrupted call may have written one."""
    data = folder.read(f"{SIMPLE}/{PAGE}")
    return data is not None and folder.read(f"{SIMPLE}/{HTML}") == root_html(read_root(data))


def root_locked(folder: Folder, timeout: float) -> AbstractContextManager[None]:
    """Keep other writers of the page that lists all projects out."""
    return folder.locked(_ROOT, timeout)
