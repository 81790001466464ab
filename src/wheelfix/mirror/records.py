"""The pages of a mirror as they lie in its folder."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Final

from wheelfix.mirror.folder import Folder
from wheelfix.mirror.layout import HTML, PAGE, SIMPLE, page_place
from wheelfix.mirror.model import Page
from wheelfix.mirror.pages import page_html, page_json, read_page, read_root, root_html, root_json

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

    JSON comes first, as the rest is made from it; the page that lists all projects last, so that it leads nowhere else.
    """
    folder.write(page_place(page.project), page_json(page))
    folder.write(page_place(page.project, HTML), page_html(page))
    _list(folder, timeout, add=page.project)


def drop_page(folder: Folder, project: str, timeout: float) -> None:
    """Remove the page of a project without files, in the order that is the reverse of writing it."""
    _list(folder, timeout, drop=project)
    folder.remove(page_place(project, HTML))
    folder.remove(page_place(project))


def load_root(folder: Folder) -> frozenset[str]:
    """Return the projects that the mirror lists.

    :raises MirrorError: if the page that lists them is damaged.
    """
    data = folder.read(f"{SIMPLE}/{PAGE}")
    return frozenset() if data is None else read_root(data)


def save_root(folder: Folder, projects: Iterable[str]) -> None:
    """Write the page that lists all projects; the lock of the root is held."""
    names = frozenset(projects)
    folder.write(f"{SIMPLE}/{PAGE}", root_json(names))
    folder.write(f"{SIMPLE}/{HTML}", root_html(names))


def root_locked(folder: Folder, timeout: float) -> AbstractContextManager[None]:
    """Keep other writers of the page that lists all projects out."""
    return folder.locked(_ROOT, timeout)


def _list(folder: Folder, timeout: float, *, add: str | None = None, drop: str | None = None) -> None:
    with root_locked(folder, timeout):
        before = load_root(folder)
        save_root(folder, (before | ({add} if add else set())) - {drop})
