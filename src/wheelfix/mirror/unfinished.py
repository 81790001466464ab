"""What a writer is about to bring into a mirror, or to take out of it, noted first: so what a killed one left is known.

A file that no page lists may be what an interrupted call left, which can go, or what a page listed that is lost, which must
stay. The notes tell them apart.
"""

from collections.abc import Iterable

from wheelfix.mirror.folder import Folder
from wheelfix.mirror.layout import FILES, HIDDEN, SIDECAR, file_place, is_place, place_of
from wheelfix.mirror.model import Page
from wheelfix.mirror.records import html_agrees, save_page


class Unfinished:
    """The notes of ``project``, whose lock is held by who writes or tidies them."""

    def __init__(self, folder: Folder, project: str) -> None:
        self._folder = folder
        self._project = project
        self._notes = f"{HIDDEN}/unfinished/{project}"

    def note(self, places: Iterable[str]) -> None:
        """Note that the wheels at ``places`` may soon lie there without being listed."""
        text = "".join(f"{place}\n" for place in places)
        if text:
            self._folder.append(self._notes, text.encode())

    def places(self) -> frozenset[str]:
        """Return the places that were noted and not tidied since: those of wheels and of their sidecars."""
        noted = (
            (self._folder.read(self._notes) or b"").decode("utf-8", "replace").split("\n")[:-1]
        )  # the last may be cut off
        return frozenset(noted) | {place + SIDECAR for place in noted}

    def complete(self, page: Page, timeout: float) -> None:
        """Bring to its end what an interrupted call began with ``page``, which is what JSON says now."""
        if self.places():
            if page.files or page.past:
                save_page(self._folder, page, timeout)
            self.tidy(page)

    def tidy(self, page: Page) -> None:
        """Remove what was noted and is not listed by ``page``, if JSON and HTML both say so; else a later call does it."""
        noted = self.places()
        if noted and not html_agrees(self._folder, page):
            return
        for place in sorted(noted - listed_places(page)):
            if place.startswith(f"{FILES}/{self._project}/") and is_place(place):
                self._folder.remove(place)
        self._folder.at(self._notes).unlink(missing_ok=True)


def listed_places(page: Page) -> frozenset[str]:
    """Return where the files of ``page`` lie, with their sidecars, those that were replaced among them.

    A file whose address leads elsewhere keeps what lies where it should be, and what it leads to.
    """
    files = (*page.files, *page.past)
    places = {file_place(page.project, file.filename, file.sha256) for file in files}
    places |= {place for file in files if (place := place_of(file.url)) is not None}
    return frozenset(places) | {place + SIDECAR for place in places}
