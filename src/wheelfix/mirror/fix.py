"""Regenerates what follows from the pages and the wheels of a mirror, and deletes leftovers."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Set as AbstractSet
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.mirror.change import change_page
from wheelfix.mirror.examine import examine
from wheelfix.mirror.journal import journaled_projects, open_journal
from wheelfix.mirror.layout import METADATA, SCRATCH, SIMPLE, file_key, project_of, url_of
from wheelfix.mirror.local_copy import LocalCopies
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.repository import rebuild_root, root_locked
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
_OF_ONE_PROJECT: Final = frozenset({"bad-page", "locked", "access-denied"})
"""The codes of errors that another project need not meet."""
_OF_ROOT: Final = frozenset({"page-missing", "page-unlisted"})
_OF_PAGES: Final = frozenset({"html-differs", "html-outdated", "page-unlisted"})


def fix_findings(
    store: Store, findings: Iterable[Finding], timeout: float, failed: Callable[[str, MirrorError | OSError], None]
) -> Iterator[Finding]:
    """Fix those of ``findings`` that can be fixed, but for files that no page lists; yield each that is.

    Pages and metadata files are made from the JSON pages and the wheels, the list of projects from the pages that there are.
    Each page is read again: what another process has fixed since is not changed. Where only one project cannot be fixed,
    because its page is damaged, its files may not be written, or another process writes to it for longer than ``timeout``
    seconds, ``failed`` is called with its name and the error, and the others are fixed.

    :raises MirrorError, OSError: if nothing can be fixed any more, or the list of projects cannot.
    """
    projects: dict[str, list[Finding]] = {}
    of_root, leftovers = list[Finding](), list[Finding]()
    for each in (each for each in findings if each.fixable):
        project = project_of(f"{each.place}/")
        if each.code == "leftover":
            leftovers.append(each)
        elif project is not None:
            projects.setdefault(project, []).append(each)
        elif each.place.startswith(f"{SIMPLE}/"):
            of_root.append(each)
    if of_root or any(each.code in _OF_ROOT for found in projects.values() for each in found):
        rebuild_root(store, timeout)
        yield from of_root
    for project, found in sorted(projects.items()):
        if _is_done(partial(_fix_project, store, project, {each.code for each in found}, timeout), project, failed):
            yield from found
    for each in leftovers:
        if _is_done(partial(delete_leftover, store, each, timeout), project_of(f"{each.place}/"), failed):
            yield each


def _is_done(act: Callable[[], None], project: str | None, failed: Callable[[str, MirrorError | OSError], None]) -> bool:
    """Do what is to be done for a project, and return whether that went well; an error that others can meet is raised."""
    try:
        act()
    except (MirrorError, PermissionError) as error:
        if project is None or (isinstance(error, MirrorError) and error.code not in _OF_ONE_PROJECT):
            raise
        failed(project, error)
        return False
    return True


def settle_journals(store: Store, timeout: float) -> None:
    """Complete what interrupted runs began, and drop their notes.

    :raises MirrorError: if another process writes for longer than ``timeout`` seconds.
    """
    for project in journaled_projects(store):
        with store.locked(project, timeout):
            try:
                open_journal(store, project).settle(timeout)
            except MirrorError as error:
                if error.code != "bad-page":  # that is a finding, and nobody knows what the page listed
                    raise


def delete_leftover(store: Store, finding: Finding, timeout: float) -> None:
    """Delete what a killed process left half done; whoever writes such files holds the lock that this waits for.

    :raises MirrorError: if another process writes for longer than ``timeout`` seconds.
    """
    if finding.place.startswith(f"{SCRATCH}/"):
        remove_abandoned(store.scratch() / finding.place.rpartition("/")[2])
        return
    project = project_of(f"{finding.place}/")
    with root_locked(store, timeout) if project is None else store.locked(project, timeout):
        store.delete(finding.place)


def _fix_project(store: Store, project: str, codes: AbstractSet[str], timeout: float) -> None:
    """Fix the pages of a project, and what they say of its files; what an interrupted run left is settled."""
    changed = change_page(store, project, partial(_fixed_page, store, codes), timeout, with_look=True)
    if changed.problem is not None:
        raise MirrorError(changed.problem.code, changed.problem.message, hint=changed.problem.hint)


def _fixed_page(store: Store, codes: AbstractSet[str], page: Page) -> Page | None:
    """Return ``page``, with what its wheels declare if one of ``codes`` is about that; ``None`` where none is about it."""
    if page.stored is None or not codes & (_OF_FILES | _OF_PAGES):
        return None
    if not codes & _OF_FILES:
        return page
    copies = LocalCopies(store)
    return replace(page, files=tuple(_fixed(store, copies, page, each) for each in page.files))


def _fixed(store: Store, copies: LocalCopies, page: Page, file: ListedFile) -> ListedFile:
    """Return ``file`` with what its wheel declares, and write its metadata file; one with another sha256 is not touched."""
    key = file_key(page.project, file.filename, file.sha256)
    head = store.head(key)
    if head is None or head.size != file.size:
        return file
    if not file.is_wheel:
        return replace(file, url=url_of(key))
    try:
        with copies.open(key) as (source, sha256):
            wheel = examine(Path(key), source, sha256=sha256, now=lambda: datetime.fromtimestamp(0, UTC), leniently=True)
    except WheelfixError:  # it is still a finding
        return file
    if wheel.file.sha256 != file.sha256 or wheel.metadata is None:
        return file
    write_changed(store, {key + METADATA: wheel.metadata})
    digest = hashlib.sha256(wheel.metadata).hexdigest()
    return replace(file, url=url_of(key), metadata_sha256=digest, requires_python=wheel.file.requires_python)
