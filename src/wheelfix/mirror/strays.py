"""What lies in a mirror's folder and no page lists, and what is half made."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from wheelfix.errors import MirrorError
from wheelfix.escaping import shown
from wheelfix.mirror.findings import Finding
from wheelfix.mirror.folder import Folder
from wheelfix.mirror.layout import FILES, HIDDEN, MAKING, SIMPLE
from wheelfix.mirror.unfinished import Unfinished
from wheelfix.wheel.filename import is_project
from wheelfix.wheel.zip.staging import is_left_behind


@dataclass(slots=True)
class Known:
    """What the pages account for: ``places`` of files.

    ``doubtful`` are projects whose page is lost or cannot be read: nobody can tell what it listed.
    """

    places: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)


def find_strays(folder: Folder, known: Known) -> Iterator[Finding]:
    """Yield files that no page lists, and what is half made."""
    closed: list[OSError] = []
    removable = cache(partial(_removable, folder, known))
    for top in (FILES, SIMPLE, HIDDEN):
        for place in below(folder, top, closed.append):
            name = place.rpartition("/")[2]
            if folder.is_link(place) and not folder.is_inside(place):
                yield Finding("leads-out", place, "it is a link that leads out of the mirror")
            elif top != HIDDEN and name.startswith(".wheelfix-") and name.endswith(".part"):
                if is_left_behind(folder.path / place):
                    yield Finding("leftover", place, "it is half a file", mendable=True)
            elif top == FILES and place not in known.places:
                yield _unlisted(place, removable)
    for name in folder.names(HIDDEN):
        if name.startswith(MAKING) and folder.is_abandoned(f"{HIDDEN}/{name}"):
            yield Finding("leftover", f"{HIDDEN}/{name}", "something was being made in it", mendable=True)
    for error in closed:
        if not isinstance(error, FileNotFoundError):
            place = Path(os.fsdecode(error.filename)).relative_to(folder.path).as_posix()
            yield Finding("unreadable", place, shown(error.strerror or str(error)))


def _removable(folder: Folder, known: Known, project: str) -> frozenset[str]:
    """Return what an interrupted call left of ``project``; nothing where its page is in doubt."""
    if project in known.doubtful or not is_project(project):
        return frozenset()
    try:
        return Unfinished(folder, project).removable()
    except MirrorError:  # a page is damaged, which is told
        return frozenset()


def _unlisted(place: str, removable: Callable[[str], frozenset[str]]) -> Finding:
    """Return the finding for a file that no page lists: it can go only if an interrupted call left it."""
    if place in removable(place.split("/")[1]):
        return Finding("unlisted", place, "no page lists it: an interrupted call left it", mendable=True)
    return Finding("unlisted", place, "no page lists it; add it again, or delete it if nobody misses it")


def below(folder: Folder, top: str, on_error: Callable[[OSError], object] | None = None) -> Iterator[str]:
    """Yield every file below ``top``, links to folders among them; ``on_error`` gets what cannot be looked into."""
    root = folder.path / top
    for current, folders, files in os.walk(root, onerror=on_error):
        links = [name for name in folders if Path(current, name).is_symlink()]
        for name in sorted([*files, *links]):
            yield Path(current, name).relative_to(folder.path).as_posix()
