"""The pages of a mirror as they are stored, and the journal of what a writer is about to do.

A file that no page lists may be what an interrupted call left, which can go, or what a page listed that is lost, or was put
back, which must stay. So a note names the state of the page in which the file can go: as it was before wheels were added,
or as it is once they are removed. In any other state nobody knows, and the file stays.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, NamedTuple

from packaging.utils import is_normalized_name

from wheelfix.errors import FilenameError, MirrorError
from wheelfix.mirror.html import page_html, root_html
from wheelfix.mirror.layout import FILES, HIDDEN, HTML, PAGE, SIDECAR, SIMPLE, file_place, is_place, page_place, place_of
from wheelfix.mirror.pages import Page, page_json, read_page, read_root, root_json
from wheelfix.mirror.storage.local import Folder
from wheelfix.results import Problem, Publication, Published, Status, failure
from wheelfix.wheel.filename import WheelFilename

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
        if is_normalized_name(name) and folder.read(page_place(name)) is not None:
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


NO_PAGE: Final = "none"
"""The state of a project that has no page, and is not listed."""
_LOST: Final = "lost"
_NOTES: Final = f"{HIDDEN}/unfinished"


class _Note(NamedTuple):
    state: str
    place: str


class Unfinished:
    """The notes of ``project``; who writes or settles them holds its lock."""

    def __init__(self, folder: Folder, project: str) -> None:
        self._folder = folder
        self._project = project
        self._file = f"{_NOTES}/{project}"

    def state(self) -> str:
        """Return what identifies the page as it is on the disk."""
        data = self._folder.read(page_place(self._project))
        if data is not None:
            return state_of(data)
        return _LOST if self._project in load_root(self._folder) else NO_PAGE

    def note(self, places: Iterable[str], state: str) -> None:
        """Note that the wheels at ``places`` can go if the page is in ``state`` and does not list them."""
        text = "".join(f"{state} {place}\n" for place in places)
        if text:
            self._folder.append(self._file, f"\n{text}".encode())  # a note before it may be cut off

    def removable(self) -> frozenset[str]:
        """Return the places that can go now, with those of their sidecars."""
        notes = self._notes()
        if not notes:
            return frozenset()
        state, listed = self.state(), listed_places(load_page(self._folder, self._project))
        wheels = {note.place for note in notes if note.state == state} - listed
        return frozenset(wheels) | {place + SIDECAR for place in wheels}

    def settle(self, timeout: float) -> None:
        """Bring what an interrupted call began to its end: HTML says what JSON says, and what can go goes.

        All else that was noted is forgotten: it is listed, or nobody knows whose it is.
        """
        if self._folder.read(self._file) is None:
            return
        wheels = sorted(place for place in self.removable() if not place.endswith(SIDECAR))
        page = load_page(self._folder, self._project)
        if wheels and not html_agrees(self._folder, page):
            save_page(self._folder, page, timeout)
        self.discard(wheels)

    def discard(self, places: Iterable[str]) -> None:
        """Remove the wheels at ``places`` that the page does not list, and forget all notes but of those that resist."""
        places = list(places)
        listed = listed_places(load_page(self._folder, self._project)) if places else frozenset()
        left = [place for place in places if place not in listed and not self._remove(place)]
        if left:
            state = self.state()
            self._folder.write_all({self._file: "".join(f"{state} {place}\n" for place in left).encode()})
        else:
            self._folder.at(self._file).unlink(missing_ok=True)

    def _remove(self, place: str) -> bool:
        try:
            self._folder.remove(place)
            self._folder.remove(place + SIDECAR)
        except (MirrorError, OSError):  # `mirror check` tells what is still there
            return False
        return True

    def _notes(self) -> Sequence[_Note]:
        lines = (self._folder.read(self._file) or b"").decode("utf-8", "replace").split("\n")[:-1]  # the last may be cut off
        notes = (_Note(*line.partition(" ")[::2]) for line in lines)
        return [note for note in notes if note.place.startswith(f"{FILES}/{self._project}/") and is_place(note.place)]


def noted_projects(folder: Folder) -> list[str]:
    """Return the projects of which something is noted, by name."""
    notes = folder.at(_NOTES)
    return sorted(each.name for each in notes.iterdir() if is_normalized_name(each.name)) if notes.is_dir() else []


def state_of(page: bytes) -> str:
    """Return what identifies a page, the JSON in ``page``."""
    return hashlib.sha256(page).hexdigest()


def listed_places(page: Page) -> frozenset[str]:
    """Return where the files of ``page`` lie, with their sidecars, those that were replaced among them.

    A file whose address leads elsewhere keeps what lies where it should be, and what it leads to.
    """
    files = (*page.files, *page.past)
    places = {file_place(page.project, file.filename, file.sha256) for file in files}
    places |= {place for file in files if (place := place_of(file.url)) is not None}
    return frozenset(places) | {place + SIDECAR for place in places}


def not_done(path: Path, error: Exception) -> Publication:
    """Return the publication of a wheel that ``error`` stopped."""
    outcome = failure(path, error)
    status = Published.REFUSED if outcome.status is Status.REFUSED else Published.FAILED
    try:
        project = WheelFilename.parse(path.name).project
    except FilenameError:  # it is the problem, or none of it
        project = None
    return Publication(path, status, project, path.name, problem=outcome.problem)


def behind(places: Sequence[str], page: str, error: Exception) -> Problem:
    """Return the problem of a file that is as the JSON ``page`` says, while the pages at ``places`` do not say so yet."""
    problem = failure(Path(), error).problem
    what = f"{', '.join(places)} could not be written" if places else "what the run left behind could not be removed"
    return Problem(
        "page-not-written",
        f"{page} says so, but {what}: {problem.message if problem else error}",
        "Run the same command again, or `wheelfix mirror check --fix`, once the cause is gone.",
    )
