"""The pages of a mirror as they are stored.

The JSON page is the source of truth. HTML pages and the list of projects are derived from it and written after it. In a
directory its lock is held until all are written. In a shared store the JSON page is written only in place of the one
that was read, and each writer checks the derived pages after its own write and repeats until they agree, so the last
writer corrects them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from wheelfix.errors import ChangedMeanwhile, FilenameError, MirrorError, PlaceError
from wheelfix.mirror.html import page_html, root_html
from wheelfix.mirror.json import page_json, read_page, read_root, root_json
from wheelfix.mirror.layout import (
    FILES,
    HTML,
    METADATA,
    ROOT_HTML,
    ROOT_PAGE,
    SIMPLE,
    attributes_of,
    file_key,
    key_of,
    page_key,
    project_of,
)
from wheelfix.mirror.lost import has_wheels
from wheelfix.mirror.pages import LOST, NO_PAGE, Page, page_state
from wheelfix.mirror.retry import Attempts
from wheelfix.mirror.storage.base import Store, Stored, Write, is_of_page, is_of_store, is_silent, write_changed
from wheelfix.mirror.stored_html import is_same_to_clients
from wheelfix.results import Problem, Published, PublishStatus, Status, failure
from wheelfix.wheel.sdist_filename import project_of_file

_ROOT: Final = ".root"
"""The name of the lock for the page that lists all projects; no project is called so."""


def load_page(store: Store, project: str) -> Page:
    """Return the page of ``project``, an empty one where there is none.

    :raises MirrorError: if it is damaged.
    """
    stored = store.read(page_key(project))
    return Page(project) if stored is None else replace(read_page(stored.data, project), stored=stored.version)


def load_page_and_state(store: Store, project: str, projects: Callable[[], frozenset[str]]) -> tuple[Page, str]:
    """Return the page of ``project``, and what identifies it to its journal; ``projects`` returns what is listed.

    In a shared store nothing does.

    :raises MirrorError: if it is damaged.
    """
    if store.is_shared:
        return load_page(store, project), ""
    stored = store.read(page_key(project))
    if stored is None:
        return Page(project), LOST if project in projects() else NO_PAGE
    return replace(read_page(stored.data, project), stored=stored.version), page_state(stored.data)


def save_page(store: Store, page: Page, timeout: float, *, with_look: bool = False) -> None:
    """Write the page of a project, and list the project; see :func:`save_pages`.

    :raises ChangedMeanwhile: if another process changed its JSON page since it was loaded; nothing is written then.
    """
    if store.is_shared:
        write_json(store, page)
        write_derived_pages(store, page, timeout, with_look=with_look)
    else:
        save_pages(store, [page], timeout, with_look=with_look)


def save_pages(store: Store, pages: Sequence[Page], timeout: float, *, with_look: bool = False) -> None:
    """Write the pages of some projects into a directory, and list the projects; their locks are held.

    The HTML of a page that does not change is written where it differs as by :func:`outdated_pages`.

    JSON comes first, because the rest is derived from it; the page that lists all projects is last, so that it never links
    to a missing page.

    :raises MirrorError: if another process changed a page since it was loaded, or writes to that of all projects for too
        long, or that is damaged.
    """
    own: dict[str, bytes] = {}
    loaded: dict[str, str | None] = {}
    projects = {page.project for page in pages}
    for page in pages:
        own |= _own_pages(store, page, with_look=with_look)
        loaded[page_key(page.project)] = page.stored
    if projects <= load_root(store) and _root_agrees(store):
        write_changed(store, own, loaded)
        return
    with root_locked(store, timeout):
        listed, version = _stored_root(store)
        try:
            write_changed(store, own | _root_pages(listed | projects), loaded | {ROOT_PAGE: version})
        except PlaceError as error:  # raised before anything is written
            if error.place not in (ROOT_PAGE, ROOT_HTML):
                raise
            write_changed(store, own, loaded)
            raise


def _own_pages(store: Store, page: Page, *, with_look: bool) -> dict[str, bytes]:
    """Return what is to be written of a project: JSON, and then HTML."""
    key, json = page_key(page.project), page_json(page)
    stored = store.read(key)
    if stored is not None and stored.data == json and html_agrees(store, page, with_look=with_look):
        return {key: json}
    return {key: json, page_key(page.project, HTML): page_html(page)}


def publish_page(store: Store, page: Page, timeout: float, *, with_look: bool = False) -> Problem | None:
    """Write the pages of a project, or remove them if nothing is left to list; return what could not be written.

    As soon as the JSON page lists files they are served; a derived page that could not be written does not undo that.

    :raises MirrorError, OSError: if the JSON page is unchanged.
    """
    if store.is_shared:
        write_json(store, page)
        return publish_derived_pages(store, [page], timeout, with_look=with_look).get(page.project)
    try:
        if lists_files(page):
            save_page(store, page, timeout, with_look=with_look)
        else:
            drop_page(store, page.project, timeout)
    except (MirrorError, OSError) as error:
        if not is_saved(store, page):
            raise
        return derived_page_problem(store, page, error)
    return None


def lists_files(page: Page) -> bool:
    """Whether ``page`` has a file, or one of the past; a project without any is not listed."""
    return bool(page.files or page.past)


def derived_page_problem(store: Store, page: Page, error: Exception, *, is_new: bool = True) -> Problem:
    """Return the problem to report when the JSON page is written, or was before, but a derived page is not."""
    keys = outdated_pages(store, page, with_look=True)
    what = f"{', '.join(keys)} could not be written" if keys else "what the run left behind could not be deleted"
    return not_written(page, what, error, is_new=is_new)


def not_written(page: Page, what: str, error: Exception, *, is_new: bool = True) -> Problem:
    """Return the problem to report when the JSON page is written, and for an ``error`` not all else; ``what`` says so."""
    problem = failure(Path(), error).problem
    why = f"{what}: {problem.message if problem else error}"
    return Problem(
        "page-not-written",
        f"{page_key(page.project)} is written, but {why}" if is_new else why,
        "Run the same command again once the cause is gone.",
    )


def is_saved(store: Store, page: Page) -> bool:
    """Whether the stored JSON page is that of ``page``, as far as the store answers.

    Without files there is none, or in a shared store an empty one.
    """
    try:
        stored = store.read(page_key(page.project))
    except (MirrorError, OSError):  # the caller has an error to report
        return False
    if stored is None:
        return not lists_files(page)
    return (lists_files(page) or store.is_shared) and stored.data == _json_of(page)


def _json_of(page: Page) -> bytes:
    """Return the JSON of ``page`` as it is stored; without files nothing else is kept either."""
    return page_json(page if lists_files(page) else Page(page.project))


def outdated_pages(store: Store, page: Page, *, with_look: bool = False) -> list[str]:
    """Return the keys of the stored pages that differ from what is derived from ``page``, or cannot be read.

    An HTML page that only looks different counts if ``with_look``: else a new release of wheelfix, whose pages look
    different, would write all pages of a mirror again, with a request for each in a bucket.
    """
    found: list[str] = []
    try:
        if not html_agrees(store, page, with_look=with_look):
            found.append(page_key(page.project, HTML))
        if store.head(ROOT_PAGE) is None or (page.project in load_root(store)) is not lists_files(page):
            return [*found, ROOT_PAGE]
        return found if _root_agrees(store) else [*found, ROOT_HTML]
    except (MirrorError, OSError) as error:  # it is damaged, or may not be read
        return [*found, error.place if isinstance(error, PlaceError) else ROOT_PAGE]


def html_agrees(store: Store, page: Page, *, with_look: bool = False) -> bool:
    """Whether the stored HTML page is that of ``page``, as clients read it or, if ``with_look``, to the byte."""
    html = store.read(page_key(page.project, HTML))
    return _agrees(html, page_html(page), with_look=with_look) if html else not page.files


def _agrees(html: Stored, wanted: bytes, *, with_look: bool) -> bool:
    return html.data == wanted if with_look else is_same_to_clients(html.data, wanted)


def drop_page(store: Store, project: str, timeout: float) -> None:
    """Remove the page of a project without files, in reverse order of writing."""
    with root_locked(store, timeout):
        projects, version = _stored_root(store)
        write_changed(store, _root_pages(projects - {project}), {ROOT_PAGE: version})
        store.delete(page_key(project, HTML))
        store.delete(page_key(project))
        store.flush()


def load_root(store: Store) -> frozenset[str]:
    """Return the projects that the mirror lists; where that page is lost, those that have a page.

    :raises MirrorError: if the page that lists them is damaged.
    """
    return _stored_root(store)[0]


def _stored_root(store: Store) -> tuple[frozenset[str], str | None]:
    """Return the projects that the mirror lists, and the version of the page that lists them, ``None`` if it is lost."""
    root = store.read(ROOT_PAGE)
    return (frozenset(projects_to_list(store)), None) if root is None else (read_root(root.data), root.version)


def projects_to_list(store: Store) -> Iterator[str]:
    """Yield the projects that have a page, listed or not.

    In a shared store pages cannot be deleted: an empty one counts as none.
    """
    for key in store.keys(SIMPLE):
        project = project_of(key)
        if project and key == page_key(project) and not (store.is_shared and _is_empty(store, project)):
            yield project


def _is_empty(store: Store, project: str) -> bool:
    """Whether the page of ``project`` is certain to list nothing; one that cannot be read may list files.

    :raises MirrorError, OSError: if the store does not give it: then nobody knows.
    """
    try:
        return not lists_files(load_page(store, project))
    except MirrorError as error:
        if not is_of_page(error):
            raise
        return False


def _projects_to_keep(store: Store) -> frozenset[str]:
    """Return the projects that have a page, and those listed that have lost it and still have wheels.

    In a directory whose list is lost or damaged, each that has wheels counts as listed.
    """
    paged, root = frozenset(projects_to_list(store)), store.read(ROOT_PAGE)
    try:
        listed = None if root is None else read_root(root.data)
    except MirrorError:  # it is damaged, and written again
        listed = None
    if listed is None:  # nobody knows which projects had a page
        found = () if store.is_shared or not paged else map(project_of, store.keys(FILES))
        listed = frozenset(each for each in found if each is not None)
    return paged | {each for each in listed - paged if _is_kept_listed(store, each)}


def _is_kept_listed(store: Store, project: str) -> bool:
    """Whether ``project`` stays on the list although no page of it was found."""
    try:
        return store.head(page_key(project)) is None and has_wheels(store, project)
    except (MirrorError, OSError) as error:  # something else is in its place, or nobody knows
        if is_of_store(store, error):
            raise
        return True


def rebuild_root(store: Store, timeout: float) -> None:
    """Regenerate the page that lists all projects: see :func:`_projects_to_keep`."""
    if store.is_shared:
        _write_until_current(store, partial(_rebuilt_root, store), timeout)
        _write_until_current(store, partial(_outdated_root_html, store, with_look=True), timeout)
        return
    with root_locked(store, timeout):
        write_changed(store, _root_pages(_projects_to_keep(store)))


def _root_pages(projects: Iterable[str]) -> dict[str, bytes]:
    names = frozenset(projects)
    return {ROOT_PAGE: root_json(names), ROOT_HTML: root_html(names)}


def _root_agrees(store: Store) -> bool:
    """Whether both pages that list all projects exist and agree: an interrupted run may have written only one."""
    root = store.read(ROOT_PAGE)
    try:
        html = store.read(ROOT_HTML)
    except PlaceError:  # it is to be written, which says so
        return False
    return root is not None and html is not None and is_same_to_clients(html.data, root_html(read_root(root.data)))


def write_json(store: Store, page: Page) -> None:
    """Write the JSON page into a shared store, in place of the one that ``page`` was loaded from.

    Where the answer to that is lost or is a conflict, it counts as written if its bytes are there.

    :raises ChangedMeanwhile: if another process changed it meanwhile.
    """
    key = page_key(page.project)
    try:
        write_changed(store, {key: _json_of(page)}, {key: page.stored})
    except (MirrorError, OSError):
        if not is_saved(store, page):
            raise


def publish_derived_pages(
    store: Store, pages: Sequence[Page], timeout: float, *, with_look: bool = False
) -> dict[str, Problem]:
    """Write the pages derived from JSON pages that are written; return what could not be, by project.

    Where nobody answers, the rest is not tried: a run with many projects would wait for each of them.
    """
    problems: dict[str, Problem] = {}
    write = partial(write_derived_html, store, timeout=timeout, with_look=with_look)
    steps = [(page_key(page.project, HTML), partial(write, page), [page]) for page in pages]
    for key, step, concerned in (*steps, (ROOT_PAGE, partial(write_derived_root, store, pages, timeout), pages)):
        try:
            step()
        except (MirrorError, OSError) as error:
            is_over = is_silent(error)
            for page in pages if is_over else concerned:
                problems.setdefault(page.project, not_written(page, f"{key} could not be written", error))
            if is_over:
                break
    return problems


def write_derived_pages(store: Store, page: Page, timeout: float, *, with_look: bool = False) -> None:
    """Write the HTML page and the list of projects of a shared store until they agree with a JSON page.

    ``page`` is what the caller has just written, or read. One that lists nothing is deleted where the store can do that.

    :raises MirrorError: if other processes change them for longer than ``timeout`` seconds, or one is damaged.
    """
    write_derived_html(store, page, timeout, with_look=with_look)
    write_derived_root(store, [page], timeout)


def write_derived_html(store: Store, page: Page, timeout: float, *, with_look: bool = False) -> None:
    """Write the HTML page of a project until it agrees with its JSON page; see :func:`write_derived_pages`.

    While the stored JSON page is the one that ``page`` was loaded from, that is as by :func:`outdated_pages`.
    """
    _write_until_current(store, partial(_outdated_html, store, page, with_look=with_look), timeout)


def write_derived_root(store: Store, pages: Sequence[Page], timeout: float) -> None:
    """Write the list of projects until it agrees with the JSON pages of some; see :func:`write_derived_pages`."""
    root = store.read(ROOT_PAGE)
    listed = frozenset[str]() if root is None else read_root(root.data)
    if root is None or any((page.project in listed) is not lists_files(page) for page in pages):
        _write_until_current(store, partial(_outdated_root, store, [page.project for page in pages]), timeout)
    _write_until_current(store, partial(_outdated_root_html, store), timeout)
    for page in pages:
        if not lists_files(page):
            delete_empty_page(store, page.project)


def _write_until_current(store: Store, outdated: Callable[[], Write | None], timeout: float) -> None:
    """Write what ``outdated`` returns until it returns nothing.

    It reads the derived page before the JSON page. If another writer changes the JSON page in between, and finds the derived
    page up to date, this one writes an outdated page: so it reads both again.
    """
    attempts = Attempts(timeout)
    while (write := outdated()) is not None:
        try:
            store.put_if([write])
        except ChangedMeanwhile as error:
            if not attempts.wait():
                raise attempts.gave_up(error) from error


def _write(key: str, there: Stored | None, data: bytes) -> Write | None:
    """Return what is to be written to ``key``, ``None`` if it is ``there``."""
    if there is not None and there.data == data:
        return None
    return Write(key, data, there.version if there else None, attributes_of(key))


def _outdated_html(store: Store, loaded: Page, *, with_look: bool) -> Write | None:
    key = page_key(loaded.project, HTML)
    there = store.read(key)
    page = load_page(store, loaded.project)
    if there is None and not lists_files(page):
        return None
    wanted = page_html(page)
    is_changed = page.stored != loaded.stored
    return None if there and _agrees(there, wanted, with_look=with_look or is_changed) else _write(key, there, wanted)


def _outdated_root(store: Store, projects: Iterable[str]) -> Write | None:
    """Return the list of projects, with those of ``projects`` that have files and without the others."""
    there = store.read(ROOT_PAGE)
    listed = frozenset(projects_to_list(store)) if there is None else read_root(there.data)
    full = {project for project in projects if lists_files(load_page(store, project))}
    return _write(ROOT_PAGE, there, root_json(listed - frozenset(projects) | full))


def _rebuilt_root(store: Store) -> Write | None:
    there = store.read(ROOT_PAGE)
    return _write(ROOT_PAGE, there, root_json(_projects_to_keep(store)))


def _outdated_root_html(store: Store, *, with_look: bool = False) -> Write | None:
    there, root = store.read(ROOT_HTML), store.read(ROOT_PAGE)
    if root is None:
        return None
    wanted = root_html(read_root(root.data))
    return None if there and _agrees(there, wanted, with_look=with_look) else _write(ROOT_HTML, there, wanted)


def delete_empty_page(store: Store, project: str) -> None:
    """Delete the pages of a project that list nothing, as far as the store deletes only what was read.

    Clients such as uv read no other index for a project that has a page here, even an empty one.
    """
    for key in (page_key(project, HTML), page_key(project)):
        stored = store.read(key)  # first: what is listed afterwards has another version
        if stored is None or lists_files(load_page(store, project)):
            continue
        with suppress(ChangedMeanwhile):  # it lists files again
            if not store.delete_if(key, stored.version):
                return


def root_locked(store: Store, timeout: float) -> AbstractContextManager[None]:
    """Keep other writers of the page that lists all projects out."""
    return store.locked(_ROOT, timeout)


def listed_keys(page: Page) -> frozenset[str]:
    """Return the keys of all files of ``page``, replaced ones included, with their metadata files.

    For a file with an unusual URL, both its own key and that of the URL count.
    """
    files = (*page.files, *page.past)
    keys = {file_key(page.project, file.filename, file.sha256) for file in files}
    keys |= {key for file in files if (key := key_of(file.url)) is not None}
    return frozenset(keys) | {key + METADATA for key in keys}


def not_done(path: Path, error: Exception) -> Published:
    """Return the result for a wheel that ``error`` stopped."""
    outcome = failure(path, error)
    is_refused = outcome.status is Status.REFUSED and not is_silent(error)  # nobody decided anything
    status = PublishStatus.REFUSED if is_refused else PublishStatus.FAILED
    try:
        project = project_of_file(path.name)
    except FilenameError:  # it is the problem, or none of it
        project = None
    return Published(path, status, project, path.name, problem=outcome.problem)
