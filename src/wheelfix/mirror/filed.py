"""One file that a page lists, looked into: whether it is there, is what the page says, and is a sound wheel."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from wheelfix.errors import FilenameError, MirrorError, WheelfixError
from wheelfix.escaping import shown, shown_few
from wheelfix.mirror.arrival import Arrival, examine
from wheelfix.mirror.findings import Finding
from wheelfix.mirror.folder import Folder
from wheelfix.mirror.layout import SIDECAR, SIMPLE, file_place, place_of
from wheelfix.mirror.model import ListedFile, Page
from wheelfix.mirror.siblings import Needs, read_needs
from wheelfix.mirror.strays import Known
from wheelfix.mirror.unfinished import listed_places
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.wheel import Wheel
from wheelfix.wheel.zip.source import Source


@dataclass(slots=True)
class Account(Known):
    """What the pages account for, how many ``files`` they list, and what is known of the ``needs`` of those, by name.

    ``listed`` are the projects that the root lists.
    """

    needs: dict[str, Needs] = field(default_factory=dict)
    files: int = 0
    listed: frozenset[str] = frozenset()


def unreadable(place: str, error: MirrorError | OSError, *, mendable: bool = False) -> Finding:
    """Return the finding for what cannot be read at ``place``, or is no page."""
    if isinstance(error, MirrorError):
        return Finding("leads-out" if error.code == "leads-out" else "page-unreadable", place, error.message, mendable)
    return Finding("unreadable", place, shown(error.strerror or str(error)))


def look_at_past(folder: Folder, page: Page, file: ListedFile, known: Account, *, quick: bool) -> Iterator[Finding]:
    """Yield what is wrong with a file that another one replaced: it is there for locks that name its sum."""
    place = served_place(page, file)
    known.places |= listed_places(Page(page.project, (file,)))
    if place is None or folder.size(place) is None:
        yield Finding("past-missing", place or shown(file.url), f"{shown(file.filename)}, which was replaced, is gone")
    elif folder.size(place) != file.size or not (quick or folder.sha256(place) == file.sha256):
        yield Finding("past-missing", place, f"{shown(file.filename)}, which was replaced, has other bytes than it had")


def look_at_file(folder: Folder, page: Page, file: ListedFile, known: Account, *, quick: bool) -> Iterator[Finding]:
    """Yield what is wrong with a listed file; if ``quick`` without reading it."""
    place, own = served_place(page, file), file_place(page.project, file.filename, file.sha256)
    known.places |= listed_places(Page(page.project, (file,)))
    is_there = place != own and folder.size(own) == file.size
    if place is None or is_there:
        message = f"its address is {shown(file.url)}{f', and it lies at {shown(own)}' if is_there else ''}"
        yield Finding("file-elsewhere", f"{SIMPLE}/{page.project}/{shown(file.filename)}", message, mendable=is_there)
        return
    try:
        if WheelFilename.parse(file.filename).project != page.project:
            yield Finding("file-of-another-project", place, f"it is listed for {page.project}")
    except FilenameError as error:
        yield Finding("file-of-another-project", place, error.message)
        return
    if not _is_time(file.upload_time):
        yield Finding("time-missing", place, f"its upload time is {shown(file.upload_time) or 'empty'}")
    try:
        size = folder.size(place)
        if size is None:
            yield Finding("file-missing", place, "it is listed, and not there; adding the wheel again brings it back")
            return
        if size != file.size:
            yield Finding("size-differs", place, f"it has {size} bytes, the page says {file.size}")
        if quick:
            yield from _look_at_sidecar(folder, file, place, None)
        else:
            yield from _look_into(folder, file, place, known)
    except (MirrorError, OSError) as error:
        yield unreadable(place, error)


def served_place(page: Page, file: ListedFile) -> str | None:
    """Return where the address of a file leads, ``None`` where that is none of the files of this project and name."""
    place = place_of(file.url)
    if place is None:
        return None
    _, project, _, filename = place.split("/")
    return place if (project, filename) == (page.project, file.filename) else None


def _look_into(folder: Folder, file: ListedFile, place: str, known: Account) -> Iterator[Finding]:
    """Yield what is wrong with a wheel, read whole, and what the page says of it."""
    path = folder.at(place)
    arrival: Arrival | None = None
    try:
        with Source(path) as source:
            arrival = examine(path, source, sha256=None, now=_never, leniently=True)
            if not arrival.errors:
                with Wheel(path, source=source) as wheel:
                    known.needs[file.filename] = read_needs(wheel)
    except WheelfixError as error:
        yield Finding("wheel-faulty", place, error.message)
    digest = arrival.file.sha256 if arrival else _sha256(path)
    if digest != file.sha256:
        message = f"its sha256 is {digest}, the page says {file.sha256}; adding the wheel again brings it back"
        yield Finding("file-differs", place, message)
    if arrival is not None:
        if arrival.errors:
            yield Finding("wheel-faulty", place, shown_few(arrival.errors))
        if arrival.file.requires_python != file.requires_python:
            said = f"the wheel says {shown(arrival.file.requires_python or 'nothing')}"
            message = f"{said}, the page {shown(file.requires_python or 'nothing')}"
            yield Finding("requires-python-differs", place, message, mendable=True)
    yield from _look_at_sidecar(folder, file, place, arrival.metadata if arrival else None)


def _never() -> datetime:
    return datetime.fromtimestamp(0, UTC)  # when a file was published only the page knows


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _look_at_sidecar(folder: Folder, file: ListedFile, place: str, metadata: bytes | None) -> Iterator[Finding]:
    data = folder.read(place + SIDECAR)
    if not file.has_metadata:
        yield Finding("sidecar-not-announced", place, "the page announces no sidecar", mendable=True)
    elif data is None:
        yield Finding("sidecar-missing", place + SIDECAR, "it is announced, and not there", mendable=True)
    elif file.metadata_sha256 is not None and hashlib.sha256(data).hexdigest() != file.metadata_sha256:
        yield Finding("sidecar-differs", place + SIDECAR, "its sha256 is not what the page says", mendable=True)
    if data is not None and metadata is not None and data != metadata:
        yield Finding("sidecar-stale", place + SIDECAR, "it is not the METADATA of the wheel", mendable=True)


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
