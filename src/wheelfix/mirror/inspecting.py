"""A mirror's folder, looked through: whether its pages say what its files are."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final

from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.escaping import shown
from wheelfix.mirror.filed import Account, look_at_file, look_at_past, served_place, unreadable
from wheelfix.mirror.findings import Finding, Survey
from wheelfix.mirror.folder import Folder
from wheelfix.mirror.layout import FILES, HTML, PAGE, SIDECAR, SIMPLE, page_place
from wheelfix.mirror.markup import page_html, root_html
from wheelfix.mirror.model import Page
from wheelfix.mirror.records import load_page, load_root
from wheelfix.mirror.siblings import Sibling, compare_siblings, needs_by_metadata, unyanked_originals
from wheelfix.mirror.strays import below, find_strays
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.filename import WheelFilename, is_project
from wheelfix.wheel.metadata import Document

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
    present = {name for name in folder.names(SIMPLE) if is_project(name)}
    known.listed = _root(folder, findings, present)
    for project in sorted(known.listed - present):
        if _is_listed(folder, project) and not (is_project(project) and _pages(folder, project)[0] is not None):
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
