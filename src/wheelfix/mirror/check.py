"""Checks a mirror: whether its pages describe its files, whether the wheels are valid, and what no page lists."""

import time
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace
from packaging.utils import is_normalized_name

from wheelfix.errors import FilenameError, MirrorError, WheelfixError
from wheelfix.mirror.fix import fix_findings, settle_journals
from wheelfix.mirror.html import page_html, root_html
from wheelfix.mirror.layout import (
    FILES,
    HTML,
    METADATA,
    PAGE,
    ROOT_HTML,
    ROOT_PAGE,
    SIMPLE,
    file_key,
    key_of,
    page_key,
    project_of,
)
from wheelfix.mirror.listing import Contents, compare, listed_wheel, read_whole
from wheelfix.mirror.needs import ListedWheel, Needs, compare_releases, unyanked_originals
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.registry import MIRROR_CHECKS, MirrorCheckReport, finding
from wheelfix.mirror.repository import Journal, listed_keys, load_page, load_root
from wheelfix.mirror.storage import open_store
from wheelfix.mirror.storage.base import Store, is_whole, sha256_of
from wheelfix.options import Limits, Requests, Selection, listed
from wheelfix.progress import NO_PROGRESS, Progress, guarded
from wheelfix.results import Finding
from wheelfix.text import shown
from wheelfix.upstream.urls import missing_extra
from wheelfix.wheel.filename import WheelFilename


class Account(Struct):
    """What the pages account for: ``keys`` of files, how many ``files`` they list, and what the wheels are known to need.

    ``doubtful`` are projects whose page is missing or unreadable: nobody knows what it listed. ``listed`` are the projects
    that the root lists; ``needs`` are by file name.
    """

    keys: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)
    needs: dict[str, Needs] = field(default_factory=dict)
    files: int = 0
    listed: frozenset[str] = frozenset()


def find_unlisted(store: Store, known: Account) -> Iterator[Finding]:
    """Yield files that no page lists; only what an interrupted run left can be deleted."""
    removable = cache(partial(_removable, store, known))
    for key in store.keys(FILES):
        if key in known.keys:
            continue
        if key in removable(project_of(key)):
            yield finding("unlisted", key, "no page lists it; an interrupted run left it", fixable=True)
        else:
            yield finding("unlisted", key, "no page lists it; add it again, or delete it if nobody misses it")


def _removable(store: Store, known: Account, project: str | None) -> frozenset[str]:
    """Return what an interrupted run left of ``project``; nothing if its page is doubtful."""
    if project is None or project in known.doubtful:
        return frozenset()
    try:
        return Journal(store, project).removable()
    except MirrorError:  # a page is damaged, which is a finding
        return frozenset()


def unreadable(place: str, error: MirrorError | OSError, *, fixable: bool = False) -> Finding:
    """Return the finding for a page or file that cannot be read."""
    if isinstance(error, MirrorError):
        return finding(
            "link-outside" if error.code == "link-outside" else "page-unreadable", place, error.message, fixable=fixable
        )
    return finding("unreadable", place, shown(error.strerror or str(error)))


def served_key(page: Page, file: ListedFile) -> str | None:
    """Return the key for the URL of a file, ``None`` if it is not a file of this project and name."""
    key = key_of(file.url)
    return key if key and key.split("/")[2::2] == [page.project, file.filename] else None


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


class _Check:
    """One check of the mirror in ``store``: it only reads, and takes no lock.

    If ``quick``, the wheels are not read; only their sizes and metadata files are compared.
    """

    def __init__(self, store: Store, *, quick: bool) -> None:
        self._store = store
        self._quick = quick
        self._known = Account()

    def run(self, progress: Progress) -> MirrorCheckReport:
        """Return what is wrong."""
        present = {project for key in self._store.keys(SIMPLE) if (project := project_of(key))}
        findings = list(self._root(present))
        for project in sorted(self._known.listed - present):
            if self._is_listed_now(project) and not (is_normalized_name(project) and self._pages(project)[0] is not None):
                message = "it is listed and has no page"
                findings.append(finding("page-missing", f"{SIMPLE}/{shown(project)}", message, fixable=True))
                self._known.doubtful.add(project)
        for project in sorted(present):
            findings += self._project(project)
            progress.project_done(project)
        findings += find_unlisted(self._store, self._known)
        findings += self._store.problems()
        return MirrorCheckReport.of(findings, len(present), self._known.files)

    def _root(self, present: Collection[str]) -> Iterator[Finding]:
        """Check the root and keep what it lists: nothing where it is damaged, all projects where it may not be read."""
        try:
            self._known.listed = self._listed()
            is_unused = not present and self._store.head(ROOT_PAGE) is None  # every wheel of the first run was refused
        except (MirrorError, OSError) as error:
            self._known.listed = frozenset() if isinstance(error, MirrorError) else frozenset(present)
            yield unreadable(ROOT_PAGE, error, fixable=isinstance(error, MirrorError))
            return
        try:
            html = self._store.read(ROOT_HTML)
        except (MirrorError, OSError) as error:
            yield unreadable(ROOT_HTML, error)
            return
        if (html.data if html else None) != root_html(self._known.listed) and not (html is None and is_unused):
            yield finding("html-differs", ROOT_HTML, "it differs from the JSON page", fixable=True)

    def _listed(self) -> frozenset[str]:
        """Return the projects that the root lists now: none where that page is lost."""
        return load_root(self._store) if self._store.head(ROOT_PAGE) is not None else frozenset()

    def _is_listed_now(self, project: str) -> bool:
        try:
            return project in self._listed()
        except (MirrorError, OSError):  # it is a finding of the root
            return False

    def _is_listed(self, project: str) -> bool:
        """Whether the root listed ``project``, or does now: another process may have added it."""
        return project in self._known.listed or self._is_listed_now(project)

    def _pages(self, project: str) -> tuple[bytes | None, ...]:
        stored = (self._store.read(page_key(project, file)) for file in (PAGE, HTML))
        return tuple(each.data if each else None for each in stored)

    def _project(self, project: str) -> list[Finding]:
        """Return what is wrong with one project.

        Another process may be writing to it: what is gone when the project is checked again, a moment later, is left out.
        """
        found: list[Finding] = []
        files = self._known.files
        for look in range(_MOST_LOOKS):
            self._known.files = files
            if look:
                time.sleep(_MOMENT)
            try:
                before = self._pages(project)
                found = list(self._look_at(project))
                is_settled = before == self._pages(project) and (
                    look > 0 or not any(each.code in _PASSING for each in found)
                )
            except (MirrorError, OSError) as error:
                return [unreadable(f"{SIMPLE}/{project}", error), *self._doubt(project)]
            if not found or is_settled:
                break
        return found

    def _doubt(self, project: str) -> tuple[()]:
        """Count every file of ``project`` as listed: nobody knows what its page listed."""
        self._known.doubtful.add(project)
        self._known.keys.update(self._store.keys(f"{FILES}/{project}"))
        return ()

    def _look_at(self, project: str) -> Iterator[Finding]:
        """Yield what is wrong with one project."""
        key, html_key = page_key(project), page_key(project, HTML)
        try:
            page, html = load_page(self._store, project), self._store.read(html_key)
            if page.stored is None:
                if self._is_listed(project) or html is not None:  # else an interrupted `mirror add` got no further
                    self._doubt(project)
                    yield finding("page-missing", key, "it has no page")
                return
            if not self._is_listed(project):
                yield finding("page-unlisted", f"{SIMPLE}/{project}", "the root does not list it", fixable=True)
            if html is None or html.data != page_html(page):
                yield finding("html-differs", html_key, "it differs from the JSON page", fixable=True)
        except (MirrorError, OSError) as error:
            yield unreadable(key, error)
            self._doubt(project)
            return
        self._known.files += len(page.files)
        for file in (*page.files, *page.past):
            self._known.keys |= listed_keys(Page(page.project, (file,)))
        for file in page.files:
            yield from self._file(page, file)
        for file in page.past:
            yield from self._past_file(page, file)
        yield from self._releases(page)

    def _past_file(self, page: Page, file: ListedFile) -> Iterator[Finding]:
        """Yield what is wrong with a replaced file, which is kept for old locks."""
        key = served_key(page, file)
        head = None if key is None else self._store.head(key)
        if key is None or head is None:
            yield finding("past-missing", key or shown(file.url), f"{shown(file.filename)}, which was replaced, is gone")
        elif head.size != file.size or not (self._quick or is_whole(self._store, key, file.size, file.sha256)):
            yield finding("past-missing", key, f"{shown(file.filename)}, which was replaced, has other bytes than it had")

    def _file(self, page: Page, file: ListedFile) -> Iterator[Finding]:
        """Yield what is wrong with a listed file."""
        key, own = served_key(page, file), file_key(page.project, file.filename, file.sha256)
        there = self._store.head(own) if key != own else None
        is_there = there is not None and there.size == file.size
        if key is None or is_there:
            message = f"its URL is {shown(file.url)}{f', but the file is at {shown(own)}' if is_there else ''}"
            yield finding("file-elsewhere", f"{SIMPLE}/{page.project}/{shown(file.filename)}", message, fixable=is_there)
            return
        try:
            if WheelFilename.parse(file.filename).project != page.project:
                yield finding("file-of-another-project", key, f"it is listed for {page.project}")
        except FilenameError as error:
            yield finding("file-of-another-project", key, error.message)
            return
        if not _is_time(file.upload_time):
            yield finding("time-missing", key, f"its upload time is {shown(file.upload_time) or 'empty'}")
        try:
            head = self._store.head(key)
            if head is None:
                yield finding("file-missing", key, "it is listed and does not exist; add the wheel again")
                return
            contents = Contents() if self._quick else self._read(key)
            contents.size = head.size
            stored = self._store.read(key + METADATA)
            if stored is None:
                contents.missing = "it is announced, and not there"
            else:
                contents.metadata_file = stored.data
            if contents.needs is not None:
                self._known.needs[file.filename] = contents.needs
            yield from compare(file, contents, key, key + METADATA, fixable=True)
        except (MirrorError, OSError) as error:
            yield unreadable(key, error)

    def _read(self, key: str) -> Contents:
        try:
            with self._store.open(key) as source:
                return read_whole(Path(key), source)
        except WheelfixError as error:
            return Contents(sha256=sha256_of(self._store, key), invalid=error.message)

    def _releases(self, page: Page) -> Iterator[Finding]:
        """Yield where wheels of one release disagree, and originals that are listed beside their fixed wheels."""
        originals = {(each.origin.filename, each.origin.sha256) for each in page.files if each.origin is not None}
        listed = ((each.filename, each.sha256) for each in page.files if each.yanked is None)
        yield from unyanked_originals(page.project, listed, originals)
        yield from compare_releases(page.project, self._listed_wheels(page))

    def _listed_wheels(self, page: Page) -> Iterator[ListedWheel]:
        for each in page.files:
            key = served_key(page, each)
            stored = self._store.read(key + METADATA) if key and each.yanked is None else None
            if stored is not None and (
                wheel := listed_wheel(each.filename, stored.data, self._known.needs.get(each.filename))
            ):
                yield wheel


def check_mirror(
    mirror: Path | str,
    *,
    quick: bool = False,
    fix: bool = False,
    selection: Selection = Selection(),
    limits: Limits = Limits(),
    progress: Progress = NO_PROGRESS,
) -> MirrorCheckReport:
    """Return what is wrong in the mirror in the directory ``mirror``: its pages, files, metadata files, and leftovers.

    Every wheel is read and verified; if ``quick`` only sizes and metadata files are compared. With ``fix`` what can be
    regenerated is, leftovers are deleted, and what is returned was found afterwards. Only codes of ``selection`` are
    reported and fixed. ``limits`` says how long to wait for another process that writes to the same project.

    :raises MirrorError: if the directory is no mirror, or cannot be fixed.
    :raises ValueError: if a text of ``selection`` begins no code.
    """
    return check_store(open_store(mirror), quick=quick, fix=fix, selection=selection, limits=limits, progress=progress)


def check_store(
    store: Store,
    *,
    quick: bool = False,
    fix: bool = False,
    selection: Selection = Selection(),
    limits: Limits = Limits(),
    progress: Progress = NO_PROGRESS,
) -> MirrorCheckReport:
    """Return what is wrong in the mirror in ``store``; see :func:`check_mirror`."""
    selection, progress = selection.among(MIRROR_CHECKS), guarded(progress)
    report = _Check(store, quick=quick).run(progress).selected(selection)
    if fix and selection.includes("unlisted"):
        settle_journals(store, limits.lock_seconds)
    if not fix or not any(each.fixable for each in report.findings):
        return report
    fix_findings(store, report.findings, limits.lock_seconds)
    after = _Check(store, quick=quick).run(progress).selected(selection)
    return replace(after, fixed=tuple(each for each in report.findings if each.fixable and each not in after.findings))


def check_index(
    url: str,
    projects: Iterable[str] | str = (),
    *,
    download: str = "some",
    selection: Selection = Selection(),
    requests: Requests = Requests(),
    progress: Progress = NO_PROGRESS,
) -> MirrorCheckReport:
    """Return what is wrong with an index, ours or any other, as its clients see it: ``projects``, or all of them.

    ``url`` is that of the index, mostly ``.../simple/``. ``download`` says which wheels are downloaded whole to compare
    their sha256: none, some (the smallest one of each project) or all. ``requests`` says how many are made at a time, and
    limits them. Credentials come from a netrc file or keyring.

    Where a server does not answer or a limit is reached, what was found so far is returned, with ``not-checked``.

    :raises MirrorError: if ``url`` is no index, or does not answer at all.
    :raises ValueError: if there is no such ``download``, or a text of ``selection`` begins no code.
    """
    if download not in ("none", "some", "all"):
        raise ValueError(f"download must be none, some or all, not {download!r}")
    try:
        from wheelfix.mirror.check_url import check_projects  # imported late: it needs what only the extra "index" installs
    except ImportError as error:
        raise missing_extra(error) from error
    selection = selection.among(MIRROR_CHECKS)
    report = check_projects(url, listed(projects), download=download, requests=requests, progress=progress)
    return report.selected(selection)
