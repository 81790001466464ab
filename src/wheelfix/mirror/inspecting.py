"""A mirror's folder, looked through: whether its pages say what its files are."""

import hashlib
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from wheelfix.archive.source import Source
from wheelfix.errors import FilenameError, MirrorError, WheelfixError
from wheelfix.escaping import shown, shown_few
from wheelfix.filename import WheelFilename
from wheelfix.metadata.document import Document
from wheelfix.metadata.editing import REQUIRES
from wheelfix.mirror.arrival import Arrival, examine
from wheelfix.mirror.findings import Finding, Survey
from wheelfix.mirror.folder import Folder
from wheelfix.mirror.layout import FILES, HIDDEN, HTML, MAKING, PAGE, SIDECAR, SIMPLE, is_project, page_place, place_of
from wheelfix.mirror.model import ListedFile, Page
from wheelfix.mirror.pages import page_html, root_html
from wheelfix.mirror.records import load_page, load_root
from wheelfix.mirror.siblings import Needs, Sibling, compare_siblings, needs_by_metadata, read_needs
from wheelfix.mirror.unfinished import Unfinished
from wheelfix.wheel import Wheel


@dataclass(slots=True)
class _Known:
    """Places that a page accounts for."""

    places: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)
    """Projects whose pages contradict each other: what neither lists is not removed unseen."""
    needs: dict[str, Needs] = field(default_factory=dict)
    """What the wheels that were read say of their GPU requirements, by file name."""
    files: int = 0


def survey_folder(folder: Folder, *, quick: bool = False, on_project: Callable[[str], None] | None = None) -> Survey:
    """Return what is wrong in the mirror ``folder``; only reading is done, and no lock is taken.

    If ``quick`` the wheels are not read: their sizes and sidecars are compared, their bytes are not.

    :raises MirrorError: if it is no mirror.
    """
    folder.check_exists()
    findings: list[Finding] = []
    known = _Known()
    present = set(folder.names(SIMPLE))
    listed = _root(folder, findings, present)
    for project in sorted(listed - present):
        findings.append(Finding("page-missing", f"{SIMPLE}/{project}", "it is listed, and has no page", mendable=True))
        known.doubtful.add(project)
    for project in sorted(present):
        try:
            findings += _look_at(folder, project, listed, known, quick=quick)
        except (MirrorError, OSError) as error:
            findings.append(_unreadable(f"{SIMPLE}/{project}", error))
            known.doubtful.add(project)
        if on_project:
            on_project(project)
    findings += _unaccounted(folder, known)
    return Survey.of(findings, len(present), known.files)


def _root(folder: Folder, findings: list[Finding], present: Collection[str]) -> frozenset[str]:
    """Return the projects that the root lists: none where it is damaged, all where it may not be read."""
    try:
        listed = load_root(folder)
        if folder.read(f"{SIMPLE}/{HTML}") != root_html(listed):
            message = "it does not list what JSON lists"
            findings.append(Finding("html-differs", f"{SIMPLE}/{HTML}", message, mendable=True))
    except (MirrorError, OSError) as error:
        findings.append(_unreadable(f"{SIMPLE}/{PAGE}", error, mendable=isinstance(error, MirrorError)))
        return frozenset() if isinstance(error, MirrorError) else frozenset(present)
    return listed


def _unreadable(place: str, error: MirrorError | OSError, *, mendable: bool = False) -> Finding:
    if isinstance(error, MirrorError):
        return Finding("leads-out" if error.code == "leads-out" else "page-unreadable", place, error.message, mendable)
    return Finding("unreadable", place, shown(error.strerror or str(error)))


def _look_at(folder: Folder, project: str, listed: frozenset[str], known: _Known, *, quick: bool) -> Iterator[Finding]:
    """Yield what is wrong with one project."""
    try:
        place = page_place(project)
        page = load_page(folder, project)
        if folder.read(place) is None:
            if project not in listed and folder.read(page_place(project, HTML)) is None:
                return  # an interrupted `mirror add` got no further than its folder
            known.places.update(_below(folder, f"{FILES}/{project}"))  # nobody can tell what it listed
            yield Finding("page-missing", place, "there is a folder for it, and no page")
            return
        if project not in listed:
            yield Finding("page-unlisted", f"{SIMPLE}/{project}", "the root does not list it", mendable=True)
        if folder.read(page_place(project, HTML)) != page_html(page):
            known.doubtful.add(project)
            message = "it does not say what JSON says"
            yield Finding("html-differs", page_place(project, HTML), message, mendable=True)
    except (MirrorError, OSError) as error:
        yield _unreadable(f"{SIMPLE}/{project}/{PAGE}", error)
        known.places.update(_below(folder, f"{FILES}/{project}"))  # nobody can tell what it lists
        return
    known.files += len(page.files)
    for file in page.files:
        yield from _look_at_file(folder, page, file, known, quick=quick)
    for file in page.past:
        yield from _look_at_past(folder, file, known)
    yield from _look_at_releases(folder, page, known)


def _look_at_past(folder: Folder, file: ListedFile, known: _Known) -> Iterator[Finding]:
    place = place_of(file.url)
    if place is None or folder.size(place) is None:
        yield Finding("past-missing", place or file.url, f"{shown(file.filename)}, which was replaced, is gone")
        return
    known.places |= {place, place + SIDECAR}


def _look_at_file(folder: Folder, page: Page, file: ListedFile, known: _Known, *, quick: bool) -> Iterator[Finding]:
    place = place_of(file.url)
    name = f"{page.project}: {shown(file.filename)}"
    if place is None or place.rpartition("/")[2] != file.filename:
        yield Finding("file-elsewhere", name, f"its address is {shown(file.url)}")
        return
    known.places |= {place, place + SIDECAR}
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
            yield Finding("file-missing", place, "it is listed, and not there")
            return
        if size != file.size:
            yield Finding("size-differs", place, f"it has {size} bytes, the page says {file.size}")
        if quick:
            yield from _look_at_sidecar(folder, file, place, None)
        else:
            yield from _look_into(folder, file, place, known)
    except (MirrorError, OSError) as error:
        yield _unreadable(place, error)


def _look_into(folder: Folder, file: ListedFile, place: str, known: _Known) -> Iterator[Finding]:
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
        yield Finding("file-differs", place, f"its sha256 is {digest}, the page says {file.sha256}")
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
    if file.metadata_sha256 is None:
        yield Finding("sidecar-not-announced", place, "the page announces no sidecar", mendable=True)
    elif data is None:
        yield Finding("sidecar-missing", place + SIDECAR, "it is announced, and not there", mendable=True)
    elif hashlib.sha256(data).hexdigest() != file.metadata_sha256:
        yield Finding("sidecar-differs", place + SIDECAR, "its sha256 is not what the page says", mendable=True)
    if data is not None and metadata is not None and data != metadata:
        yield Finding("sidecar-stale", place + SIDECAR, "it is not the METADATA of the wheel", mendable=True)


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _look_at_releases(folder: Folder, page: Page, known: _Known) -> Iterator[Finding]:
    """Yield what wheels of one release tell together, and originals that are listed beside what was made from them."""
    originals = {(each.origin.filename, each.origin.sha256) for each in page.files if each.origin is not None}
    for each in page.files:
        if (each.filename, each.sha256) in originals and each.yanked is None:
            message = "a corrected wheel that was made from it is listed too"
            yield Finding("original-not-yanked", f"{page.project}: {shown(each.filename)}", message)
    yield from compare_siblings(page.project, _siblings(folder, page, known))


def _siblings(folder: Folder, page: Page, known: _Known) -> Iterator[Sibling]:
    for each in page.files:
        place = place_of(each.url)
        data = folder.read(place + SIDECAR) if place and each.yanked is None else None
        if data is None:
            continue
        try:
            document = Document.parse_leniently(data)
            needs = known.needs.get(each.filename) or needs_by_metadata(WheelFilename.parse(each.filename), document)
        except WheelfixError:  # the sidecar is no METADATA: it is told of the wheel
            continue
        yield Sibling(each.filename, [field.value.strip() for field in document.all(REQUIRES)], needs)


def _unaccounted(folder: Folder, known: _Known) -> Iterator[Finding]:
    """Yield files that no page lists, and what is half made."""
    closed: list[OSError] = []
    for top in (FILES, SIMPLE, HIDDEN):
        for place in _below(folder, top, closed.append):
            name = place.rpartition("/")[2]
            parts = place.split("/")
            if folder.is_link(place) and not folder.is_inside(place):
                yield Finding("leads-out", place, "it is a link that leads out of the mirror")
            elif name.startswith(".wheelfix-") and name.endswith(".part"):
                yield Finding("leftover", place, "it is half a file", mendable=True)
            elif top == HIDDEN:
                if parts[1].startswith(MAKING) and folder.is_abandoned("/".join(parts[:2])):
                    yield Finding("leftover", place, "it was being made", mendable=True)
            elif top == FILES and place not in known.places:
                yield _unlisted(folder, known, place)
    for error in closed:
        if not isinstance(error, FileNotFoundError):
            place = Path(str(error.filename)).relative_to(folder.path).as_posix()
            yield Finding("unreadable", place, shown(error.strerror or str(error)))


def _unlisted(folder: Folder, known: _Known, place: str) -> Finding:
    """Return the finding for a file that no page lists: it can go if an interrupted call left it, and its page is sound."""
    project = place.split("/")[1]
    if is_project(project) and place in Unfinished(folder, project).places() and project not in known.doubtful:
        return Finding("unlisted", place, "no page lists it: an interrupted call left it", mendable=True)
    return Finding("unlisted", place, "no page lists it; add it again, or delete it if nobody misses it")


def _below(folder: Folder, top: str, on_error: Callable[[OSError], object] | None = None) -> Iterator[str]:
    """Yield every file below ``top``, links to folders among them; ``on_error`` gets what cannot be looked into."""
    root = folder.path / top
    for current, folders, files in os.walk(root, onerror=on_error):
        links = [name for name in folders if Path(current, name).is_symlink()]
        for name in sorted([*files, *links]):
            yield Path(current, name).relative_to(folder.path).as_posix()
