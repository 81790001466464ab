"""Regenerates what follows from the pages and the wheels of a mirror, and deletes leftovers."""

import hashlib
from collections.abc import Iterable, Set as AbstractSet
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.mirror.examine import examine
from wheelfix.mirror.layout import METADATA, SCRATCH, SIMPLE, file_key, project_of, url_of
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.repository import Journal, journaled_projects, load_page, rebuild_root, root_locked, save_page
from wheelfix.mirror.scratch import remove_abandoned
from wheelfix.mirror.storage.base import Store, write_changed
from wheelfix.results import Finding

_OF_FILES: Final = frozenset(
    {
        "file-elsewhere",
        "metadata-file-missing",
        "metadata-file-differs",
        "metadata-file-stale",
        "metadata-file-not-announced",
        "requires-python-differs",
    }
)
_OF_ROOT: Final = frozenset({"page-missing", "page-unlisted"})
_OF_PAGES: Final = frozenset({"html-differs", "page-unlisted"})


def fix_findings(store: Store, findings: Iterable[Finding], timeout: float) -> None:
    """Fix those of ``findings`` that can be fixed.

    Pages and metadata files are made from the JSON pages and the wheels, the list of projects from the pages that there are.
    Each project is locked and read again: what another process has fixed since is not changed.

    :raises MirrorError: if a page is damaged, or another process writes for longer than ``timeout`` seconds.
    """
    projects: dict[str, list[Finding]] = {}
    others: list[Finding] = []
    for each in (each for each in findings if each.fixable):
        project = project_of(f"{each.place}/")
        if project is None:
            others.append(each)
        else:
            projects.setdefault(project, []).append(each)
    with root_locked(store, timeout):
        _delete_leftovers(store, (each for each in others if not each.place.startswith(f"{SCRATCH}/")))
    if any(each.place.startswith(f"{SIMPLE}/") for each in others) or any(
        each.code in _OF_ROOT for found in projects.values() for each in found
    ):
        rebuild_root(store, timeout)
    for project, found in sorted(projects.items()):
        with store.locked(project, timeout):
            _fix_project(store, project, {each.code for each in found}, timeout)
            _delete_leftovers(store, found)
    for each in others:
        if each.code == "leftover" and each.place.startswith(f"{SCRATCH}/"):
            remove_abandoned(store.scratch() / each.place.rpartition("/")[2])


def settle_journals(store: Store, timeout: float) -> None:
    """Complete what interrupted runs began, and drop their notes.

    :raises MirrorError: if another process writes for longer than ``timeout`` seconds.
    """
    for project in journaled_projects(store):
        with store.locked(project, timeout):
            try:
                Journal(store, project).settle(timeout)
            except MirrorError as error:
                if error.code != "bad-page":  # that is a finding, and nobody knows what the page listed
                    raise


def _delete_leftovers(store: Store, findings: Iterable[Finding]) -> None:
    """Delete half-written files; whoever writes such files holds the lock that this run holds now."""
    for each in findings:
        if each.code == "leftover":
            store.delete(each.place)


def _fix_project(store: Store, project: str, codes: AbstractSet[str], timeout: float) -> None:
    Journal(store, project).settle(timeout)
    page = load_page(store, project)
    if page.stored is not None and codes & (_OF_FILES | _OF_PAGES):
        if codes & _OF_FILES:
            page = replace(page, files=tuple(_fixed(store, page, each) for each in page.files))
        save_page(store, page, timeout)


def _fixed(store: Store, page: Page, file: ListedFile) -> ListedFile:
    """Return ``file`` with what its wheel declares, and write its metadata file; one with another sha256 is not touched."""
    key = file_key(page.project, file.filename, file.sha256)
    head = store.head(key)
    if head is None or head.size != file.size:
        return file
    try:
        with store.open(key) as source:
            wheel = examine(Path(key), source, sha256=None, now=lambda: datetime.fromtimestamp(0, UTC), leniently=True)
    except WheelfixError:  # it is still a finding
        return file
    if wheel.file.sha256 != file.sha256:
        return file
    write_changed(store, {key + METADATA: wheel.metadata})
    digest = hashlib.sha256(wheel.metadata).hexdigest()
    return replace(file, url=url_of(key), metadata_sha256=digest, requires_python=wheel.file.requires_python)
