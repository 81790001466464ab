"""Regenerates what follows from the pages and the wheels of a mirror, and deletes leftovers."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.mirror.change import change_page
from wheelfix.mirror.examine import ExaminedWheel, examine
from wheelfix.mirror.html import page_html
from wheelfix.mirror.journal import journaled_projects, open_journal
from wheelfix.mirror.kept_html import is_kept
from wheelfix.mirror.layout import (
    HTML,
    JOURNAL,
    METADATA,
    ROOT_PAGE,
    SCRATCH,
    SIMPLE,
    file_key,
    page_key,
    project_of,
    url_of,
)
from wheelfix.mirror.local_copy import LocalCopies
from wheelfix.mirror.lost import has_wheels, how_to_restore
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.repository import lists_files, load_page, rebuild_root, root_locked
from wheelfix.mirror.scratch import remove_abandoned
from wheelfix.mirror.storage.base import Store, Stored, is_of_page, is_of_store, sha256_of, write_changed
from wheelfix.mirror.stored_html import OF_WHEELS, said_otherwise
from wheelfix.mirror.stored_wheel import problem_of_time
from wheelfix.results import Finding
from wheelfix.text import shown_few

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
_OF_PAGES: Final = frozenset({"html-differs", "html-outdated", "page-unlisted"})


class Failures(Struct):
    """What could not be done in ``store``: why, with the place, empty for an error that ended the run.

    An error belongs to the project, or other place, that it was raised for, whatever it is; all others are fixed. Only where
    what follows would meet it, too, it is passed on: see :func:`is_of_store`.
    """

    store: Store
    errors: list[tuple[str, MirrorError | OSError]] = field(default_factory=list)

    def allow(self, place: str, act: Callable[[], object]) -> bool:
        """Do what is to be done at ``place``, and return whether that went well; where it is locked, do not wait again.

        :raises MirrorError, OSError: if nothing can be done any more.
        """
        if self.is_locked(place):
            return False
        before = len(self.errors)
        try:
            act()
        except (MirrorError, OSError) as error:
            if is_of_store(self.store, error):
                raise
            self.errors.append((place, error))
        return len(self.errors) == before

    def is_locked(self, place: str) -> bool:
        """Whether another process has kept this run from writing at ``place``."""
        return any(where == place and isinstance(each, MirrorError) and each.code == "locked" for where, each in self.errors)


def fix_findings(store: Store, findings: Iterable[Finding], timeout: float, failures: Failures) -> Iterator[Finding]:
    """Fix those of ``findings`` that can be fixed, but for files that no page lists; yield each that is.

    Pages and metadata files are made from the JSON pages and the wheels, the list of projects from the pages that there are.
    Each page is read again: what another process has fixed since is not changed. What keeps one project from being fixed
    is added to ``failures``, and the others are fixed; another process may write to it for longer than ``timeout`` seconds.

    :raises MirrorError, OSError: if nothing can be fixed any more.
    """
    fixable = [each for each in findings if each.fixable]
    leftovers = [each for each in fixable if each.code == "leftover"]
    projects, of_root = _by_project(each for each in fixable if each.code != "leftover")
    is_root_wrong = of_root or any(each.code in _OF_ROOT for each in fixable)
    if is_root_wrong and failures.allow(ROOT_PAGE, partial(rebuild_root, store, timeout)):
        yield from of_root
    if failures.is_locked(ROOT_PAGE):
        timeout = 0  # it was waited for; most projects would wait for it, too
    for project, found in sorted(projects.items()):
        fix = _ProjectFix(store, project, frozenset(each.code for each in found), failures)
        if failures.allow(page_key(project), partial(fix.run, timeout)):
            yield from found
    for each in leftovers:
        owner = project_of(f"{each.place}/")
        is_of_root = owner is None and not each.place.startswith(f"{SCRATCH}/")
        place = ROOT_PAGE if is_of_root else each.place if owner is None else page_key(owner)
        if failures.allow(place, partial(delete_leftover, store, each, timeout)):
            yield each


def _by_project(findings: Iterable[Finding]) -> tuple[dict[str, list[Finding]], list[Finding]]:
    """Return ``findings`` by project, and those of the list of projects."""
    projects, of_root = dict[str, list[Finding]](), list[Finding]()
    for each in findings:
        project = project_of(f"{each.place}/")
        if project is not None:
            projects.setdefault(project, []).append(each)
        elif each.place.startswith(f"{SIMPLE}/"):
            of_root.append(each)
    return projects, of_root


def settle_journals(store: Store, timeout: float, failures: Failures) -> None:
    """Complete what interrupted runs began, and drop their notes; where that cannot be done, it is added to ``failures``.

    :raises MirrorError, OSError: if nothing can be done any more.
    """
    projects = list[str]()
    failures.allow(JOURNAL, lambda: projects.extend(journaled_projects(store)))
    for project in projects:
        failures.allow(page_key(project), partial(_settle_journal, store, project, timeout))


def _settle_journal(store: Store, project: str, timeout: float) -> None:
    """Complete what an interrupted run began, unless the page cannot be read: nobody knows what that listed."""
    with store.locked(project, timeout):
        try:
            load_page(store, project)
        except MirrorError as error:
            if is_of_page(error):  # it is a finding
                return
            raise
        open_journal(store, project).settle(timeout)


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


class _FixedPage(NamedTuple):
    """A page that was fixed, and the names of its files of which nobody knows whether what it says is right."""

    page: Page
    unconfirmed: set[str]


class _ProjectFix:
    """One run that fixes what is wrong with a ``project``, of which ``codes`` were found."""

    def __init__(self, store: Store, project: str, codes: frozenset[str], failures: Failures) -> None:
        self._store = store
        self._project = project
        self._codes = codes
        self._failures = failures
        self._ended: MirrorError | OSError | None = None

    def run(self, timeout: float) -> None:
        """Fix the pages of the project, and what they say of its files; what an interrupted run left is settled.

        What keeps one file from being fixed is added to the failures, and the others are fixed.
        """
        changed = change_page(self._store, self._project, self._fixed_page, timeout, with_look=True)
        if self._ended is not None:
            raise self._ended
        if changed.error is not None and is_of_store(self._store, changed.error):
            raise changed.error
        if changed.problem is not None:
            raise MirrorError(changed.problem.code, changed.problem.message, hint=changed.problem.hint)

    def _fixed_page(self, page: Page) -> Page | None:
        """Return ``page``, with what its wheels declare if that was found wrong; ``None`` where the pages are to stay.

        They stay where the page is wrong about a file: the HTML page may be right, and is not written over. An error is
        raised later: for one that is raised here the pages of a shared store would be completed, the HTML page included.
        """
        self._ended = None
        if page.stored is None or not self._codes & (_OF_FILES | _OF_PAGES):
            return None
        try:
            if not (lists_files(page) or self._store.is_shared) and has_wheels(self._store, page.project):
                message = f"{page_key(page.project)} lists nothing, and there are wheels of {page.project}"
                raise MirrorError("page-missing", message, hint=how_to_restore(page.project))
            html = self._store.read(page_key(page.project, HTML))
            keeps = html is not None and is_kept(self._store, page, html.data, page_html(page))
            fixed = self._fixed_files(page, html, keeps=keeps)
        except (MirrorError, OSError) as error:
            self._ended = error
            return None
        if keeps:
            return None
        said = said_otherwise(html.data, page_html(fixed.page), OF_WHEELS) if html else {}
        if doubted := said.keys() & fixed.unconfirmed:
            message = f"it is not written over: what the JSON page says of {shown_few(sorted(doubted))} is not confirmed"
            hint = "Restore the JSON page from a backup, or add the wheel again."
            self._failures.errors.append((page_key(page.project, HTML), MirrorError("bad-page", message, hint=hint)))
            return None
        return fixed.page

    def _fixed_files(self, page: Page, html: Stored | None, *, keeps: bool) -> "_FixedPage":
        """Return ``page`` with what its wheels declare, and write metadata files.

        Where the page ``keeps`` what it says, only those that it is right about are written. Without findings of its files
        only those are read of which the ``html`` page says otherwise.
        """
        copies, files, unconfirmed = LocalCopies(self._store), list[ListedFile](), set[str]()
        are_wrong = bool(self._codes & _OF_FILES)
        doubted = {} if html is None or are_wrong else said_otherwise(html.data, page_html(page))
        for file in page.files:
            if not are_wrong and file.filename not in doubted:
                files.append(file)
                continue
            try:
                is_confirmed, fixed, metadata = self._fixed(copies, page, file)
                if are_wrong and (fixed == file or not keeps):
                    write_changed(self._store, metadata)
            except (MirrorError, OSError) as error:
                if is_of_store(self._store, error):
                    raise
                self._failures.errors.append((page_key(page.project), error))
                is_confirmed, fixed = False, file
            files.append(fixed)
            if not is_confirmed:
                unconfirmed.add(file.filename)
        return _FixedPage(replace(page, files=tuple(files)), unconfirmed)

    def _fixed(self, copies: LocalCopies, page: Page, file: ListedFile) -> tuple[bool, ListedFile, dict[str, bytes]]:
        """Return whether what the page says of ``file`` is confirmed, the file as its wheel has it, and its metadata file.

        That is by its key. A file with another sha256 stays as the page has it.
        """
        key = file_key(page.project, file.filename, file.sha256)
        head = self._store.head(key)
        if head is None or head.size != file.size or problem_of_time(file.upload_time):
            return False, file, {}
        wheel = self._examined(copies, key) if file.is_wheel else None
        if wheel is None or wheel.metadata is None:
            is_confirmed = sha256_of(self._store, key, read=True) == file.sha256
            return is_confirmed, replace(file, url=url_of(key)) if is_confirmed else file, {}
        if wheel.file.sha256 != file.sha256:
            return False, file, {}
        digest = hashlib.sha256(wheel.metadata).hexdigest()
        declared = wheel.file.requires_python
        fixed = replace(file, url=url_of(key), metadata_sha256=digest, requires_python=declared)
        return True, fixed, {key + METADATA: wheel.metadata}

    def _examined(self, copies: LocalCopies, key: str) -> ExaminedWheel | None:
        """Return the wheel at ``key``, ``None`` where it cannot be read, which is still a finding."""
        try:
            with copies.open(key) as (source, sha256):
                return examine(Path(key), source, sha256=sha256, now=lambda: datetime.fromtimestamp(0, UTC), leniently=True)
        except WheelfixError as error:
            if is_of_store(self._store, error):
                raise
            return None
