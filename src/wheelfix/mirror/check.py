"""A mirror is checked: whether its pages say what its files are, whether those are valid, and what no page lists."""

import hashlib
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Final

from packaging.utils import is_normalized_name

from wheelfix.errors import FilenameError, MirrorError, WheelfixError
from wheelfix.mirror.examine import Arrival, examine
from wheelfix.mirror.fix import mend_folder, settle_folder
from wheelfix.mirror.html import page_html, root_html
from wheelfix.mirror.layout import FILES, HIDDEN, HTML, MAKING, PAGE, SIDECAR, SIMPLE, file_place, page_place, place_of
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.registry import MIRROR_CHECKS, Finding, Survey
from wheelfix.mirror.release import Needs, Sibling, compare_siblings, needs_by_metadata, read_needs, unyanked_originals
from wheelfix.mirror.repository import Unfinished, listed_places, load_page, load_root
from wheelfix.mirror.storage.local import Folder
from wheelfix.options import Selection, listed
from wheelfix.text import shown, shown_few
from wheelfix.upstream.urls import missing_extra
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.wheel import Wheel
from wheelfix.wheel.zip.source import Source
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
                yield Finding("link-outside", place, "it is a link that leads out of the mirror")
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
    if project in known.doubtful or not is_normalized_name(project):
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
        return Finding("link-outside" if error.code == "link-outside" else "page-unreadable", place, error.message, mendable)
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
        yield Finding("wheel-invalid", place, error.message)
    digest = arrival.file.sha256 if arrival else _sha256(path)
    if digest != file.sha256:
        message = f"its sha256 is {digest}, the page says {file.sha256}; adding the wheel again brings it back"
        yield Finding("file-differs", place, message)
    if arrival is not None:
        if arrival.errors:
            yield Finding("wheel-invalid", place, shown_few(arrival.errors))
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
        yield Finding("metadata-file-not-announced", place, "the page announces no sidecar", mendable=True)
    elif data is None:
        yield Finding("metadata-file-missing", place + SIDECAR, "it is announced, and not there", mendable=True)
    elif file.metadata_sha256 is not None and hashlib.sha256(data).hexdigest() != file.metadata_sha256:
        yield Finding("metadata-file-differs", place + SIDECAR, "its sha256 is not what the page says", mendable=True)
    if data is not None and metadata is not None and data != metadata:
        yield Finding("metadata-file-stale", place + SIDECAR, "it is not the METADATA of the wheel", mendable=True)


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


_MOST_LOOKS: Final = 4
_MOMENT: Final = 0.05
"""In seconds: a writer puts one page after another in place, all of them written already."""
_PASSING: Final = frozenset({"page-missing", "page-unlisted", "html-differs", "file-missing"})
"""What a writer causes for a moment."""


def survey_folder(folder: Folder, *, quick: bool = False, on_project: Callable[[str], None] | None = None) -> Survey:
    """Return what is wrong in the mirror ``folder``; only reading is done, and no lock is taken.

    If ``quick`` the wheels are not read: their sizes and sidecars are compared, their bytes are not.

    :raises MirrorError: if it is no mirror.
    """
    folder.check_exists()
    findings: list[Finding] = []
    known = Account()
    present = {name for name in folder.names(SIMPLE) if is_normalized_name(name)}
    known.listed = _root(folder, findings, present)
    for project in sorted(known.listed - present):
        if _is_listed(folder, project) and not (is_normalized_name(project) and _pages(folder, project)[0] is not None):
            findings.append(
                Finding("page-missing", f"{SIMPLE}/{shown(project)}", "it is listed, and has no page", mendable=True)
            )
            known.doubtful.add(project)
    for project in sorted(present):
        findings += _look_at_project(folder, project, known, quick=quick)
        if on_project:
            on_project(project)
    findings += find_strays(folder, known)
    return Survey.of(findings, len(present), known.files)


def _look_at_project(folder: Folder, project: str, known: Account, *, quick: bool) -> list[Finding]:
    """Return what is wrong with one project.

    Another process may be writing to it, and no lock is taken: what is no longer so at a second look, a moment later, is
    not told.
    """
    found: list[Finding] = []
    files = known.files
    for look in range(_MOST_LOOKS):
        known.files = files
        if look:
            time.sleep(_MOMENT)
        try:
            before = _pages(folder, project)
            again = list(_look_at(folder, project, known, quick=quick))
            settled = before == _pages(folder, project) and (look > 0 or not _is_passing(again))
        except (MirrorError, OSError) as error:
            known.doubtful.add(project)
            known.places.update(below(folder, f"{FILES}/{project}"))  # nobody can tell what it lists
            return [unreadable(f"{SIMPLE}/{project}", error)]
        found = again
        if not again or settled:
            break
    return found


def _is_passing(findings: Iterable[Finding]) -> bool:
    """Whether something was found that may be gone at a second look."""
    return any(each.code in _PASSING for each in findings)


def _pages(folder: Folder, project: str) -> tuple[bytes | None, bytes | None]:
    return folder.read(page_place(project)), folder.read(page_place(project, HTML))


def _root(folder: Folder, findings: list[Finding], present: Collection[str]) -> frozenset[str]:
    """Return the projects that the root lists: none where it is damaged, all where it may not be read."""
    try:
        listed = _listed(folder)
        html = folder.read(f"{SIMPLE}/{HTML}")
        if html != root_html(listed) and not (html is None and _is_unused(folder, present)):
            message = "it does not list what JSON lists"
            findings.append(Finding("html-differs", f"{SIMPLE}/{HTML}", message, mendable=True))
    except (MirrorError, OSError) as error:
        findings.append(unreadable(f"{SIMPLE}/{PAGE}", error, mendable=isinstance(error, MirrorError)))
        return frozenset() if isinstance(error, MirrorError) else frozenset(present)
    return listed


def _is_unused(folder: Folder, present: Collection[str]) -> bool:
    """Whether nothing was published yet, as where every wheel of the first run was refused: there is no page at all."""
    return not present and folder.read(f"{SIMPLE}/{PAGE}") is None


def _listed(folder: Folder) -> frozenset[str]:
    """Return the projects that the root lists now: none where that page is lost."""
    return load_root(folder) if folder.read(f"{SIMPLE}/{PAGE}") is not None else frozenset()


def _is_listed(folder: Folder, project: str, known: Account | None = None) -> bool:
    """Whether the root lists ``project``, as far as it is ``known``, or now: it may have come meanwhile."""
    if known and project in known.listed:
        return True
    try:
        return project in _listed(folder)
    except (MirrorError, OSError):  # it is told of the root
        return False


def _look_at(folder: Folder, project: str, known: Account, *, quick: bool) -> Iterator[Finding]:
    """Yield what is wrong with one project."""
    try:
        place = page_place(project)
        page = load_page(folder, project)
        if folder.read(place) is None:
            if not _is_listed(folder, project, known) and folder.read(page_place(project, HTML)) is None:
                return  # an interrupted `mirror add` got no further than its folder
            known.places.update(below(folder, f"{FILES}/{project}"))  # nobody can tell what it listed
            yield Finding("page-missing", place, "there is a folder for it, and no page")
            return
        if not _is_listed(folder, project, known):
            yield Finding("page-unlisted", f"{SIMPLE}/{project}", "the root does not list it", mendable=True)
        if folder.read(page_place(project, HTML)) != page_html(page):
            message = "it does not say what JSON says"
            yield Finding("html-differs", page_place(project, HTML), message, mendable=True)
    except (MirrorError, OSError) as error:
        yield unreadable(f"{SIMPLE}/{project}/{PAGE}", error)
        known.places.update(below(folder, f"{FILES}/{project}"))  # nobody can tell what it lists
        return
    known.files += len(page.files)
    for file in page.files:
        yield from look_at_file(folder, page, file, known, quick=quick)
    for file in page.past:
        yield from look_at_past(folder, page, file, known, quick=quick)
    yield from _look_at_releases(folder, page, known)


def _look_at_releases(folder: Folder, page: Page, known: Account) -> Iterator[Finding]:
    """Yield what wheels of one release tell together, and originals that are listed beside what was made from them."""
    originals = {(each.origin.filename, each.origin.sha256) for each in page.files if each.origin is not None}
    listed = ((each.filename, each.sha256) for each in page.files if each.yanked is None)
    yield from unyanked_originals(page.project, listed, originals)
    yield from compare_siblings(page.project, _siblings(folder, page, known))


def _siblings(folder: Folder, page: Page, known: Account) -> Iterator[Sibling]:
    for each in page.files:
        place = served_place(page, each)
        data = folder.read(place + SIDECAR) if place and each.yanked is None else None
        if data is None:
            continue
        try:
            document = Document.parse_leniently(data)
            needs = known.needs.get(each.filename) or needs_by_metadata(WheelFilename.parse(each.filename), document)
        except WheelfixError:  # the sidecar is no METADATA: it is told of the wheel
            continue
        yield Sibling(each.filename, [field.value.strip() for field in document.all(REQUIRES)], needs)


def check_mirror(
    mirror: Path | str,
    *,
    quick: bool = False,
    fix: bool = False,
    select: Iterable[str] | str = (),
    ignore: Iterable[str] | str = (),
    timeout: float = 600,
    on_project: Callable[[str], None] | None = None,
) -> Survey:
    """Return what is wrong in the mirror in the folder ``mirror``: its pages, files, sidecars, and what belongs to none.

    Every wheel is read and verified; if ``quick`` only sizes and sidecars are looked at. With ``fix`` what can be made anew
    is, what belongs to nothing is removed, and what is returned was found afterwards. With ``select`` only codes that begin
    with one of its texts are told and mended, with ``ignore`` none of those. ``timeout``, in seconds, is how long to wait
    for another process that writes to the same project. ``on_project`` is called as each project is done.

    :raises MirrorError: if the folder is no mirror, or cannot be mended.
    :raises ValueError: if a text of ``select`` or ``ignore`` begins no code.
    """
    folder, choice = Folder(Path(mirror)), Selection(select, ignore).among(MIRROR_CHECKS)
    survey = survey_folder(folder, quick=quick, on_project=on_project).chosen(choice)
    if fix and choice.includes("unlisted"):
        settle_folder(folder, timeout)
    if not fix or not any(each.mendable for each in survey.findings):
        return survey
    mend_folder(folder, survey.findings, timeout)
    after = survey_folder(folder, quick=quick, on_project=on_project).chosen(choice)
    return replace(after, mended=tuple(each for each in survey.findings if each.mendable and each not in after.findings))


def check_index(
    url: str,
    projects: Iterable[str] | str = (),
    *,
    download: str = "some",
    select: Iterable[str] | str = (),
    ignore: Iterable[str] | str = (),
    timeout: float = 30,
    seconds: float = 3600,
    most_requests: int = 10_000,
    on_project: Callable[[str], None] | None = None,
) -> Survey:
    """Return what is wrong with an index, ours or any other, as its clients see it: ``projects``, or all of them.

    ``url`` is that of the index, mostly ``.../simple/``. ``download`` tells which wheels are loaded whole to compare their
    sha256: none, some (the smallest one of each project) or all. ``select`` and ``ignore`` are those of
    :func:`check_mirror`. ``timeout`` is for each answer, ``seconds`` for all. Credentials come from a netrc file or keyring.

    Where a server falls silent or a bound is reached, what was found so far is returned, with ``not-checked``.

    :raises MirrorError: if ``url`` is no index, or does not answer at all.
    :raises ValueError: if there is no such ``download``, or a text of ``select`` or ``ignore`` begins no code.
    """
    if download not in ("none", "some", "all"):
        raise ValueError(f"download must be none, some or all, not {download!r}")
    try:
        from wheelfix.mirror.check_url import survey_url  # imported late: it needs what only the extra "index" installs
        from wheelfix.upstream.http import Web
    except ImportError as error:
        raise missing_extra(error) from error
    choice = Selection(select, ignore).among(MIRROR_CHECKS)
    web = Web(timeout=timeout, seconds=seconds, most=most_requests)
    return survey_url(web, url, listed(projects), download=download, on_project=on_project).chosen(choice)
