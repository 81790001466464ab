"""What a writer is about to bring into a mirror, or to take out of it, noted first: so what a killed one left is known.

A file that no page lists may be what an interrupted call left, which can go, or what a page listed that is lost, or was put
back, which must stay. So a note names the state of the page in which the file can go: as it was before wheels were added,
or as it is once they are removed. In any other state nobody knows, and the file stays.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from wheelfix.errors import MirrorError
from wheelfix.mirror.folder import Folder
from wheelfix.mirror.layout import FILES, HIDDEN, SIDECAR, file_place, is_place, page_place, place_of
from wheelfix.mirror.model import Page
from wheelfix.mirror.records import html_agrees, load_page, load_root, save_page
from wheelfix.wheel.filename import is_project

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
    return sorted(each.name for each in notes.iterdir() if is_project(each.name)) if notes.is_dir() else []


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
