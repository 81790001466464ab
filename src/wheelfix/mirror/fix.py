"""What follows from the pages and the wheels of a mirror is made anew, and what belongs to nothing is removed."""

import hashlib
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import UTC, datetime

from packaging.utils import is_normalized_name

from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.mirror.examine import examine
from wheelfix.mirror.layout import FILES, HIDDEN, MAKING, SIDECAR, SIMPLE, file_place, page_place, url_of
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.registry import Finding
from wheelfix.mirror.repository import Unfinished, load_page, noted_projects, renew_root, root_locked, save_page
from wheelfix.mirror.storage.local import Folder
from wheelfix.wheel.zip.source import Source

_OF_FILES = frozenset(
    {
        "file-elsewhere",
        "metadata-file-missing",
        "metadata-file-differs",
        "metadata-file-stale",
        "metadata-file-not-announced",
        "requires-python-differs",
    }
)
_OF_PAGES = frozenset({"html-differs", "page-unlisted"})


def mend_folder(folder: Folder, findings: Iterable[Finding], timeout: float) -> None:
    """Mend those of ``findings`` that can be mended.

    Pages and sidecars are made from the JSON pages and the wheels, the list of projects from the pages that there are. Each
    project is locked meanwhile, and looked at again: what another process has put right stays.

    :raises MirrorError: if a page is damaged, or another process writes for longer than ``timeout`` seconds.
    """
    mendable = [each for each in findings if each.mendable]
    projects: dict[str, set[str]] = {}
    for each in mendable:
        parts = each.place.split("/")
        if each.code == "page-unlisted" or (parts[0] in (SIMPLE, FILES) and _is_of_project(each.place)):
            projects.setdefault(parts[1], set()).add(each.code)
    at_top = [each for each in mendable if each.place.count("/") == 1]
    if at_top:
        with root_locked(folder, timeout):
            _remove_leftovers(folder, [each for each in at_top if not each.place.startswith(f"{HIDDEN}/")])
    if any(each.place.startswith(f"{SIMPLE}/") for each in at_top):
        renew_root(folder, timeout)
    for project, codes in sorted(projects.items()):
        with folder.locked(project, timeout):
            _mend_project(folder, project, codes, timeout)
            own = (f"{FILES}/{project}/", f"{SIMPLE}/{project}/")
            _remove_leftovers(folder, [each for each in mendable if each.place.startswith(own)])
    for each in mendable:
        if each.code == "leftover" and each.place.startswith(f"{HIDDEN}/{MAKING}"):
            folder.remove_abandoned(each.place)


def settle_folder(folder: Folder, timeout: float) -> None:
    """Bring what interrupted runs began to its end, and forget their notes, also where they got no further than these.

    :raises MirrorError: if another process writes for longer than ``timeout`` seconds.
    """
    for project in noted_projects(folder):
        with folder.locked(project, timeout):
            try:
                Unfinished(folder, project).settle(timeout)
            except MirrorError as error:
                if error.code != "bad-page":  # that is a finding, and nobody knows what the page listed
                    raise


def _remove_leftovers(folder: Folder, findings: Iterable[Finding]) -> None:
    """Remove what is half made; who makes something there holds the lock that is held now."""
    for each in findings:
        if each.code == "leftover":
            folder.remove(each.place)


def _is_of_project(place: str) -> bool:
    """Whether ``place`` is in a folder that is for a project."""
    parts = place.split("/")
    return len(parts) > 2 and is_normalized_name(parts[1])


def _mend_project(folder: Folder, project: str, codes: AbstractSet[str], timeout: float) -> None:
    Unfinished(folder, project).settle(timeout)
    page = load_page(folder, project)
    if folder.read(page_place(project)) is not None and codes & (_OF_FILES | _OF_PAGES):
        if codes & _OF_FILES:
            page = replace(page, files=tuple(_mended(folder, page, each) for each in page.files))
        save_page(folder, page, timeout)


def _mended(folder: Folder, page: Page, file: ListedFile) -> ListedFile:
    """Return ``file`` as its wheel says, whose sidecar is written anew; a wheel that is not the listed one is left alone."""
    place = file_place(page.project, file.filename, file.sha256)
    if folder.size(place) != file.size:
        return file
    path = folder.at(place)
    try:
        with Source(path) as source:
            arrival = examine(path, source, sha256=None, now=lambda: datetime.fromtimestamp(0, UTC), leniently=True)
    except WheelfixError:  # it stays a finding
        return file
    if arrival.file.sha256 != file.sha256:
        return file
    folder.write_all({place + SIDECAR: arrival.metadata})
    digest = hashlib.sha256(arrival.metadata).hexdigest()
    return replace(file, url=url_of(place), metadata_sha256=digest, requires_python=arrival.file.requires_python)
