"""The pages of a mirror as they are stored, and the journal of what a writer is about to do.

A file that no page lists is either left over from an interrupted run, and can be deleted; or its page is lost or was
restored from a backup, and it must be kept. So an entry of the journal names the state of the page in which the file can
be deleted: the state before wheels are added, or the one after they are removed. In any other state the file is kept.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, NamedTuple

from msgspec.structs import replace
from packaging.utils import is_normalized_name

from wheelfix.errors import FilenameError, MirrorError
from wheelfix.mirror.html import page_html, root_html
from wheelfix.mirror.json import page_json, read_page, read_root, root_json
from wheelfix.mirror.layout import (
    FILES,
    HTML,
    JOURNAL,
    METADATA,
    ROOT_HTML,
    ROOT_PAGE,
    SIMPLE,
    file_key,
    is_file_key,
    key_of,
    page_key,
    project_of,
)
from wheelfix.mirror.pages import Page
from wheelfix.mirror.storage.base import Store, write_changed
from wheelfix.results import Problem, Published, PublishStatus, Status, failure
from wheelfix.wheel.filename import WheelFilename

_ROOT: Final = ".root"
"""The name of the lock for the page that lists all projects; no project is called so."""


def load_page(store: Store, project: str) -> Page:
    """Return the page of ``project``, an empty one where there is none.

    :raises MirrorError: if it is damaged.
    """
    stored = store.read(page_key(project))
    return Page(project) if stored is None else replace(read_page(stored.data, project), stored=stored.version)


def load_page_and_state(store: Store, project: str, projects: Callable[[], frozenset[str]]) -> tuple[Page, str]:
    """Return the page of ``project``, and what identifies it to its :class:`Journal`; ``projects`` returns what is listed.

    :raises MirrorError: if it is damaged.
    """
    stored = store.read(page_key(project))
    if stored is None:
        return Page(project), _LOST if project in projects() else NO_PAGE
    return replace(read_page(stored.data, project), stored=stored.version), state_of(stored.data)


def save_page(store: Store, page: Page, timeout: float) -> None:
    """Write the page of a project, and list the project; see :func:`save_pages`."""
    save_pages(store, [page], timeout)


def save_pages(store: Store, pages: Sequence[Page], timeout: float) -> None:
    """Write the pages of some projects, and list the projects; their locks are held.

    JSON comes first, because the rest is generated from it; the page that lists all projects is last, so that it never links
    to a missing page.

    :raises MirrorError: if another process changed a page since it was loaded, or writes to that of all projects for too
        long, or that is damaged.
    """
    own: dict[str, bytes] = {}
    loaded: dict[str, str | None] = {}
    projects = {page.project for page in pages}
    for page in pages:
        own |= {page_key(page.project): page_json(page), page_key(page.project, HTML): page_html(page)}
        loaded[page_key(page.project)] = page.stored
    if projects <= load_root(store) and _root_agrees(store):
        write_changed(store, own, loaded)
        return
    with root_locked(store, timeout):
        listed, version = _stored_root(store)
        write_changed(store, own | _root_pages(listed | projects), loaded | {ROOT_PAGE: version})


def publish_page(store: Store, page: Page, timeout: float) -> Problem | None:
    """Write the pages of a project, or remove them if nothing is left to list; return what could not be written.

    As soon as the JSON page lists files they are served; a page behind it that could not be written does not undo that.

    :raises MirrorError, OSError: if the JSON page is unchanged.
    """
    try:
        if page.files or page.past:
            save_page(store, page, timeout)
        else:
            drop_page(store, page.project, timeout)
    except (MirrorError, OSError) as error:
        if not is_saved(store, page):
            raise
        return behind(store, page, error)
    return None


def behind(store: Store, page: Page, error: Exception) -> Problem:
    """Return the problem to report when the JSON page is written, but something behind it is not."""
    problem, keys = failure(Path(), error).problem, outdated_pages(store, page)
    what = f"{', '.join(keys)} could not be written" if keys else "what the run left behind could not be deleted"
    return Problem(
        "page-not-written",
        f"{page_key(page.project)} is written, but {what}: {problem.message if problem else error}",
        "Run the same command again once the cause is gone.",
    )


def is_saved(store: Store, page: Page) -> bool:
    """Whether the stored JSON page is that of ``page``; without files there is none."""
    stored = store.read(page_key(page.project))
    return (stored.data if stored else None) == (page_json(page) if page.files or page.past else None)


def outdated_pages(store: Store, page: Page) -> list[str]:
    """Return the keys of the stored pages that differ from what follows from ``page``."""
    found = [] if html_agrees(store, page) else [page_key(page.project, HTML)]
    try:
        if store.head(ROOT_PAGE) is None or (page.project in load_root(store)) is not bool(page.files or page.past):
            return [*found, ROOT_PAGE]
        return found if _root_agrees(store) else [*found, ROOT_HTML]
    except (MirrorError, OSError):  # it is damaged, or may not be read
        return [*found, ROOT_PAGE]


def html_agrees(store: Store, page: Page) -> bool:
    """Whether the stored HTML page is that of ``page``."""
    html = store.read(page_key(page.project, HTML))
    return html.data == page_html(page) if html else not page.files


def drop_page(store: Store, project: str, timeout: float) -> None:
    """Remove the page of a project without files, in reverse order of writing."""
    with root_locked(store, timeout):
        projects, version = _stored_root(store)
        write_changed(store, _root_pages(projects - {project}), {ROOT_PAGE: version})
        store.delete(page_key(project, HTML))
        store.delete(page_key(project))
        store.flush()


def load_root(store: Store) -> frozenset[str]:
    """Return the projects that the mirror lists; where that page is lost, those that have a page.

    :raises MirrorError: if the page that lists them is damaged.
    """
    return _stored_root(store)[0]


def _stored_root(store: Store) -> tuple[frozenset[str], str | None]:
    """Return the projects that the mirror lists, and the version of the page that lists them, ``None`` if it is lost."""
    root = store.read(ROOT_PAGE)
    return (frozenset(projects_with_page(store)), None) if root is None else (read_root(root.data), root.version)


def projects_with_page(store: Store) -> Iterator[str]:
    """Yield the projects that have a page, listed or not."""
    for key in store.keys(SIMPLE):
        project = project_of(key)
        if project and key == page_key(project):
            yield project


def rebuild_root(store: Store, timeout: float) -> None:
    """Regenerate the page that lists all projects from the pages that exist."""
    with root_locked(store, timeout):
        write_changed(store, _root_pages(projects_with_page(store)))


def _root_pages(projects: Iterable[str]) -> dict[str, bytes]:
    names = frozenset(projects)
    return {ROOT_PAGE: root_json(names), ROOT_HTML: root_html(names)}


def _root_agrees(store: Store) -> bool:
    """Whether both pages that list all projects exist and agree: an interrupted run may have written only one."""
    root, html = store.read(ROOT_PAGE), store.read(ROOT_HTML)
    return root is not None and html is not None and html.data == root_html(read_root(root.data))


def root_locked(store: Store, timeout: float) -> AbstractContextManager[None]:
    """Keep other writers of the page that lists all projects out."""
    return store.locked(_ROOT, timeout)


NO_PAGE: Final = "none"
"""The state of a project that has no page, and is not listed."""
_LOST: Final = "lost"


class _Note(NamedTuple):
    state: str
    key: str


class Journal:
    """The journal of ``project``. Hold the lock of the project to write or settle it."""

    def __init__(self, store: Store, project: str) -> None:
        self._store = store
        self._project = project
        self._key = f"{JOURNAL}/{project}"

    def state(self) -> str:
        """Return what identifies the stored page."""
        stored = self._store.read(page_key(self._project))
        if stored is not None:
            return state_of(stored.data)
        return _LOST if self._project in load_root(self._store) else NO_PAGE

    def note(self, keys: Iterable[str], state: str) -> None:
        """Note that the wheels at ``keys`` can be deleted while the page is in ``state`` and does not list them."""
        write_changed(self._store, self.noted(keys, state))

    def noted(self, keys: Iterable[str], state: str) -> dict[str, bytes]:
        """Return the journal, by its key, once :meth:`note` is called; nothing where there are no ``keys``."""
        text = "".join(f"{state} {key}\n" for key in keys)
        before = self._store.read(self._key) if text else None
        return {self._key: (before.data if before else b"") + f"\n{text}".encode()} if text else {}

    def removable(self) -> frozenset[str]:
        """Return the keys that can be deleted now, with those of their metadata files."""
        notes = self._notes()
        if not notes:
            return frozenset()
        state, listed = self.state(), listed_keys(load_page(self._store, self._project))
        wheels = {note.key for note in notes if note.state == state} - listed
        return frozenset(wheels) | {key + METADATA for key in wheels}

    def settle(self, timeout: float) -> None:
        """Complete what an interrupted run began: regenerate HTML, and delete what can be deleted.

        All other notes are dropped: those files are listed, or nobody knows whether a page listed them.
        """
        if self._store.head(self._key) is None:
            return
        wheels = sorted(key for key in self.removable() if not key.endswith(METADATA))
        page = load_page(self._store, self._project)
        if wheels and not html_agrees(self._store, page):
            save_page(self._store, page, timeout)
        self.discard(wheels)

    def discard(self, keys: Iterable[str]) -> None:
        """Delete the wheels at ``keys`` that the page does not list, and drop all notes but those of files that resist."""
        keys = list(keys)
        listed = listed_keys(load_page(self._store, self._project)) if keys else frozenset()
        left = [key for key in keys if key not in listed and not self._delete(key)]
        self._store.flush()  # without the journal nobody knows that these can be deleted
        if left:
            state = self.state()
            write_changed(self._store, {self._key: "".join(f"{state} {key}\n" for key in left).encode()})
        else:
            self._store.delete(self._key)

    def drop(self) -> None:
        """Drop all notes: the page lists everything that they name."""
        self._store.delete(self._key)

    def _delete(self, key: str) -> bool:
        try:
            self._store.delete(key)
            self._store.delete(key + METADATA)
        except (MirrorError, OSError):  # `mirror check` reports what is still there
            return False
        return True

    def _notes(self) -> Sequence[_Note]:
        stored = self._store.read(self._key)
        lines = stored.data.decode("utf-8", "replace").split("\n")[:-1] if stored else []
        notes = (_Note(*line.partition(" ")[::2]) for line in lines)
        return [note for note in notes if note.key.startswith(f"{FILES}/{self._project}/") and is_file_key(note.key)]


def journaled_projects(store: Store) -> list[str]:
    """Return the projects that have a journal, by name."""
    names = (key.rpartition("/")[2] for key in store.keys(JOURNAL))
    return [name for name in names if is_normalized_name(name)]


def state_of(page: bytes) -> str:
    """Return what identifies a page, the JSON in ``page``."""
    return hashlib.sha256(page).hexdigest()


def listed_keys(page: Page) -> frozenset[str]:
    """Return the keys of all files of ``page``, replaced ones included, with their metadata files.

    For a file with an unusual URL, both its own key and that of the URL count.
    """
    files = (*page.files, *page.past)
    keys = {file_key(page.project, file.filename, file.sha256) for file in files}
    keys |= {key for file in files if (key := key_of(file.url)) is not None}
    return frozenset(keys) | {key + METADATA for key in keys}


def not_done(path: Path, error: Exception) -> Published:
    """Return the result for a wheel that ``error`` stopped."""
    outcome = failure(path, error)
    status = PublishStatus.REFUSED if outcome.status is Status.REFUSED else PublishStatus.FAILED
    try:
        project = WheelFilename.parse(path.name).project
    except FilenameError:  # it is the problem, or none of it
        project = None
    return Published(path, status, project, path.name, problem=outcome.problem)
