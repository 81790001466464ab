"""The mirror in a store, checked: whether its pages describe its files, and the wheels are valid, and what no page lists."""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Final, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace
from packaging.utils import is_normalized_name

from wheelfix.errors import MirrorError
from wheelfix.mirror.html import page_html, root_html
from wheelfix.mirror.journal import noted_runs
from wheelfix.mirror.json import read_page
from wheelfix.mirror.kept_html import is_kept
from wheelfix.mirror.layout import FILES, HTML, METADATA, PAGE, ROOT_HTML, ROOT_PAGE, SIMPLE, page_key, project_of
from wheelfix.mirror.lost import is_wheel, page_lost
from wheelfix.mirror.needs import ListedWheel, compare_releases, unyanked_originals
from wheelfix.mirror.pages import STATUS, Page
from wheelfix.mirror.registry import MirrorCheckReport, finding
from wheelfix.mirror.repository import listed_keys, load_root
from wheelfix.mirror.storage.base import Head, Store, Stored, is_of_store
from wheelfix.mirror.stored_html import OF_WHEELS, has_foreign_parts, is_same_to_clients, said_otherwise
from wheelfix.mirror.stored_wheel import WheelCheck, readable, unreadable, was_read
from wheelfix.mirror.unlisted import Grace, Unlisted, find_lost, find_old_unlisted, find_unlisted, noted_files
from wheelfix.progress import Progress
from wheelfix.results import Finding
from wheelfix.text import cut, shown
from wheelfix.upstream.parallel import Calls

_MOST_LOOKS: Final = 4
_MOMENT: Final = 0.05
"""In seconds: a writer puts one page after another in place, all of them written already."""
_MOMENT_OF_BUCKETS: Final = 1.0
"""In seconds: each page is a request there."""
_PASSING: Final = frozenset({"page-missing", "page-unlisted", "html-differs", "html-outdated", "file-missing"})
"""What a running writer can cause."""
_ON_PAGES: Final = frozenset(
    {"file-elsewhere", "metadata-file-stale", "metadata-file-not-announced", "requires-python-differs"}
)
"""What is fixed by writing the pages of a project, and not only files."""
_DOUBTS: Final = frozenset(
    {"file-differs", "file-missing", "file-of-another-project", "in-the-way", "link-outside", "page-unreadable",
     "size-differs", "time-missing", "unreadable"}
)  # fmt: skip
"""What keeps what the page says of a file from being confirmed."""
_AHEAD: Final = 4
"""How many files for each connection are begun before their turn, so that a slow one does not keep others waiting."""

_Pages: TypeAlias = tuple[Stored | None, Stored | MirrorError | OSError | None]
"""The JSON page of a project and its HTML page, as they are stored, or why that cannot be read; ``None`` where none is."""


class Account(Struct):
    """What the pages account for: ``keys`` of files, how many ``files`` they list, and how many ``projects`` there are.

    ``unreadable_projects`` are those whose page is missing or unreadable: nobody knows what it listed. ``paged`` are those
    whose page was read, ``listed`` those that the root lists.
    """

    keys: set[str] = field(default_factory=set)
    unreadable_projects: set[str] = field(default_factory=set)
    paged: set[str] = field(default_factory=set)
    files: int = 0
    projects: int = 0
    listed: frozenset[str] = frozenset()


class StoreCheck:
    """One check of the mirror in ``store``: it only reads, and takes no lock.

    If ``quick``, the wheels are not read; only their sizes and metadata files are compared. In a shared store, files that
    no page lists are reported once they are older than ``grace`` seconds.
    """

    def __init__(self, store: Store, calls: Calls, progress: Progress, *, quick: bool, grace: float) -> None:
        self._store = store
        self._calls = calls
        self._progress = progress
        self._grace = grace
        self._heads: Mapping[str, Head] = dict(store.heads(FILES)) if store.is_shared else {}
        self._wheels = WheelCheck(store, self._heads, progress, quick=quick)
        self._moment = _MOMENT_OF_BUCKETS if store.is_shared else _MOMENT
        self._known = Account()
        self._unread: list[Finding] = []

    def run(self) -> MirrorCheckReport:
        """Return what is wrong."""
        keys = readable(self._store.keys(SIMPLE), self._unread)
        present = {project for key in keys if (project := project_of(key))}
        for each in [*self._unread]:
            self._doubt(project_of(f"{each.place}/"))
        findings = list(self._root(present))
        for project in sorted(self._known.listed - present):
            findings += self._missing(project, present)
        names = sorted(present)
        self._known.projects = len(names)
        loaded = self._calls.map(self._try_pages, names, self._calls.count)
        for project, pages in zip(names, loaded, strict=True):
            findings += self._project(project, pages)
            self._progress.project_done(project)
        unlisted = self._unlisted()
        findings += [*unlisted.findings, *self._unread, *self._store.problems()]
        report = MirrorCheckReport.of(_causes(findings), self._known.projects, self._known.files)
        return replace(report, young=unlisted.young)

    def _missing(self, project: str, present: set[str]) -> Iterator[Finding]:
        """Yield that a project that was listed has no page; one that has is added to ``present``."""
        if not self._is_listed_now(project):
            return
        place = f"{SIMPLE}/{shown(project)}"
        pages = self._try_pages(project) if is_normalized_name(project) else (None, None)
        if isinstance(pages, Exception):
            yield unreadable(place, pages)
        elif pages[0] is None:
            yield self._without_page(project, place, fixable=True)
        else:  # it was written since, or could not be listed
            present.add(project)
            return
        self._doubt(project)

    def _without_page(self, project: str, place: str, *, fixable: bool) -> Finding:
        """Return that ``project``, which is listed, has no page; it is taken off the list only if it has no wheels."""
        unread = list[Finding]()
        keys = list(readable(self._store.keys(f"{FILES}/{project}"), unread))
        self._unread += unread
        if unread or any(map(is_wheel, keys)):
            return page_lost(project, place)
        if fixable:
            return finding("page-missing", place, "it is listed, and has neither a page nor wheels", fixable=True)
        hint = "Restore it from a backup, or delete the HTML page and run `wheelfix mirror check --fix`."
        return finding("page-missing", place, "it is missing, and so are all wheels; only the HTML page is left", hint=hint)

    def _unlisted(self) -> Unlisted:
        """Return what no page lists."""
        keys = self._known.keys
        if self._store.is_shared:
            heads: Mapping[str, Head] = self._heads
        else:
            listed = readable(self._store.heads(FILES), self._unread)
            heads = {key: head for key, head in listed if key not in keys}
        if keys >= heads.keys():
            return Unlisted()
        now = datetime.now(UTC)  # noqa: TID251 - to compare with times of files: no wheel depends on it
        lost = find_lost(self._store, heads, self._known.paged | self._known.unreadable_projects, Grace(now, self._grace))
        self._unread += lost.values()
        heads = {key: head for key, head in heads.items() if project_of(key) not in lost}
        noted = noted_files(readable(noted_runs(self._store), self._unread))
        if self._store.is_shared:
            return find_old_unlisted(heads, keys, noted, Grace(now, self._grace))
        of_jobs = {key: head for key, head in heads.items() if key.removesuffix(METADATA) in noted}
        others = find_unlisted(self._store, (key for key in heads if key not in of_jobs), self._known.unreadable_projects)
        found = find_old_unlisted(of_jobs, keys, noted, Grace(now, self._grace))
        return Unlisted((*others, *found.findings), found.young)

    def _root(self, present: Collection[str]) -> Iterator[Finding]:
        """Check the root and keep what it lists: nothing where it is damaged, all projects where it cannot be read."""
        try:
            is_lost = self._store.head(ROOT_PAGE) is None
            self._known.listed = frozenset(present) if is_lost else self._listed()
        except (MirrorError, OSError) as error:
            self._known.listed = frozenset() if was_read(error) else frozenset(present)
            yield unreadable(ROOT_PAGE, error, fixable=was_read(error))
            return
        try:
            html = self._store.read(ROOT_HTML)
        except (MirrorError, OSError) as error:
            yield unreadable(ROOT_HTML, error)
            return
        if is_lost and (present or html is not None):  # else every wheel of the first run was refused
            yield finding("page-missing", ROOT_PAGE, "the list of projects is missing", fixable=True)
        elif not is_lost:
            yield from _compare_html(ROOT_HTML, html, root_html(self._known.listed))

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

    def _pages(self, project: str) -> _Pages:
        page = self._store.read(page_key(project, PAGE))
        try:
            return page, self._store.read(page_key(project, HTML))
        except (MirrorError, OSError) as error:
            if is_of_store(self._store, error):
                raise
            return page, error

    def _try_pages(self, project: str) -> _Pages | MirrorError | OSError:
        try:
            return self._pages(project)
        except (MirrorError, OSError) as error:
            return error

    def _project(self, project: str, pages: _Pages | MirrorError | OSError) -> list[Finding]:
        """Return what is wrong with one project.

        Another process may be writing to it: what is gone when the project is checked again, a moment later, is left out.
        """
        found, files, projects = list[Finding](), self._known.files, self._known.projects
        for look in range(_MOST_LOOKS):
            self._known.files, self._known.projects = files, projects
            if look:
                time.sleep(self._moment)
                pages = self._try_pages(project)
            try:
                if isinstance(pages, Exception):
                    raise pages
                found = list(self._look_at(project, pages))
                if not found or self._is_settled(project, pages, found, look):
                    break
            except (MirrorError, OSError) as error:
                return [unreadable(f"{SIMPLE}/{project}", error), *self._doubt(project)]
        return found

    def _is_settled(self, project: str, pages: _Pages, found: Iterable[Finding], look: int) -> bool:
        """Whether what was ``found`` in ``pages`` is no work in progress of a running writer."""
        is_passing = not look and any(each.code in _PASSING for each in found)
        return not is_passing and _data_of(self._pages(project)) == _data_of(pages)

    def _doubt(self, project: str | None) -> tuple[()]:
        """Count every file of ``project``, or of all, as listed: nobody knows what its page lists."""
        if project is not None:
            self._known.unreadable_projects.add(project)
        self._known.keys.update(readable(self._store.keys(FILES if project is None else f"{FILES}/{project}"), self._unread))
        return ()

    def _look_at(self, project: str, pages: _Pages) -> Iterator[Finding]:
        """Yield what is wrong with one project."""
        key, html_key = page_key(project), page_key(project, HTML)
        stored, html = pages
        if stored is None:
            if self._is_listed_now(project) or html is not None:  # else an interrupted `mirror add` got no further
                self._doubt(project)
                yield self._without_page(project, key, fixable=html is None)
            return
        try:
            page = read_page(stored.data, project)
        except MirrorError as error:
            yield unreadable(key, error)
            self._doubt(project)
            return
        self._known.paged.add(project)
        is_empty = self._store.is_shared and not (page.files or page.past)  # where pages cannot be deleted
        self._known.projects -= is_empty
        if not is_empty and not self._is_listed(project):
            yield finding("page-unlisted", f"{SIMPLE}/{project}", "the root does not list it", fixable=True)
        files = list(self._files(page))
        if isinstance(html, Exception):
            yield unreadable(html_key, html)
        elif html is not None or not is_empty:
            wanted = page_html(page)
            keeps = html is not None and self._keeps(page, html.data, wanted, files)
            yield from _compare_html(html_key, html, wanted, keeps=keeps)
            files = [replace(each, fixable=each.fixable and not (keeps and each.code in _ON_PAGES)) for each in files]
        if not page.has_known_status:
            yield finding("status-unknown", key, f"its project status {_problem_of_status(page.other[STATUS])}")
        yield from files

    def _keeps(self, page: Page, html: bytes, wanted: bytes, found: Iterable[Finding]) -> bool:
        """Whether the HTML page is not written over, which ``--fix`` decides in the same way once it has read the files."""
        if is_kept(self._store, page, html, wanted):
            return True
        doubted = {PurePosixPath(each.place.removesuffix(METADATA)).name for each in found if each.code in _DOUBTS}
        return bool(doubted) and not doubted.isdisjoint(map(shown, said_otherwise(html, wanted, OF_WHEELS)))

    def _files(self, page: Page) -> Iterator[Finding]:
        """Yield what is wrong with the files of ``page``, and with its releases."""
        self._known.files += len(page.files)
        self._known.keys |= listed_keys(page)
        ahead, declared = _AHEAD * self._calls.count, list[ListedWheel]()
        checks = self._calls.map(partial(self._wheels.check, page), page.files, ahead)
        for file, checked in zip(page.files, checks, strict=True):
            yield from checked.findings
            declared += [checked.declared] if checked.declared else []
            self._progress.file_checked(file.filename)
        for checked in self._calls.map(partial(self._wheels.check_past, page), page.past, ahead):
            yield from checked.findings
        originals = {
            (each.origin.filename, each.origin.sha256)
            for each in page.files
            if each.origin is not None and each.yanked is None
        }
        listed = ((each.filename, each.sha256) for each in page.files if each.yanked is None)
        yield from unyanked_originals(page.project, listed, originals)
        yield from compare_releases(page.project, declared)


def _compare_html(key: str, html: Stored | None, wanted: bytes, *, keeps: bool = False) -> Iterator[Finding]:
    """Yield whether the HTML page at ``key`` is another one than it is to be, for clients, or for people alone.

    Where one ``keeps`` it, as the JSON page is wrong about a file, this one may be right: it is not written over.
    """
    if html is None:
        yield finding("html-differs", key, "it is missing", fixable=True)
    elif not is_same_to_clients(html.data, wanted):
        which = ", which is wrong about a file" if keeps else ""
        hint = "Restore the JSON page from a backup, or add the wheel again with --replace." if keeps else ""
        yield finding("html-differs", key, f"it differs from the JSON page{which}", fixable=not keeps, hint=hint)
    elif html.data != wanted and has_foreign_parts(html.data, wanted):
        yield finding("html-differs", key, "it can run or load what no page of wheelfix does", fixable=True)
    elif html.data != wanted:
        yield finding("html-outdated", key, "clients read the same, and it looks different", fixable=True)


def _causes(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield each of ``findings`` once, without what cannot be read because a directory above it cannot.

    What is in the way is no file that only takes up space.
    """
    once = dict.fromkeys(findings)
    places = {each.place for each in once if each.code == "unreadable"}
    in_the_way = {each.place for each in once if each.code == "in-the-way"}
    for each in once:
        if each.code == "unlisted" and each.place in in_the_way:
            continue
        above = map(str, PurePosixPath(each.place).parents)
        if each.code != "unreadable" or places.isdisjoint(above):
            yield each


def _data_of(pages: _Pages) -> list[bytes | None]:
    return [each.data if isinstance(each, Stored) else None for each in pages]


def _problem_of_status(status: object) -> str:
    """Return, as the end of a sentence, why ``status`` is none of PEP 792."""
    if not isinstance(status, Mapping):
        return "is not a table"
    if not isinstance(status.get("reason", ""), str | None):
        return "has a reason that is not text"
    word = status.get("status")
    return f"is {cut(word)!r}" if isinstance(word, str) else "is not text"
