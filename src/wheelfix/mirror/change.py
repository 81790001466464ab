"""Changes what the page of a project lists: it is read, changed and written, and again after a conflict."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from msgspec import Struct

from wheelfix.errors import ChangedMeanwhile, MirrorError
from wheelfix.mirror.journal import Journal, open_journal
from wheelfix.mirror.json import page_json
from wheelfix.mirror.layout import page_key
from wheelfix.mirror.pages import NO_PAGE, Page, page_state
from wheelfix.mirror.repository import (
    derived_page_problem,
    drop_page,
    is_saved,
    lists_files,
    load_page,
    not_written,
    outdated_pages,
    publish_page,
    save_page,
    write_derived_pages,
    write_json,
)
from wheelfix.mirror.retry import Attempts
from wheelfix.mirror.storage.base import Store, is_silent
from wheelfix.results import Problem


class PageChange(Struct, frozen=True):
    """What became of a page: as it was read, as it was written, and which derived page could not be.

    ``error`` is what kept that from it, where the page itself is as it was.
    """

    before: Page
    after: Page
    problem: Problem | None = None
    error: MirrorError | OSError | None = None


def change_page(
    store: Store, project: str, change: Callable[[Page], Page | None], timeout: float, *, with_look: bool = False
) -> PageChange:
    """Write what ``change`` returns for the page of ``project``; ``None`` leaves it as it is.

    A page that does not change is written if what clients read of it differs from its JSON, and, if ``with_look``, also
    if it only looks different; see :func:`outdated_pages`.

    ``change`` is called again for a page that another process wrote meanwhile, and what it raises is passed on. Files that
    are listed no longer are deleted, or, in a shared store, left to ``wheelfix mirror prune``.

    :raises MirrorError: if the page is damaged, or other processes write to it for longer than ``timeout`` seconds.
    """
    with store.locked(project, timeout):
        journal = open_journal(store, project)
        journal.settle(timeout)
        attempts = Attempts(timeout)
        while True:
            try:
                return _changed(store, load_page(store, project), change, journal, timeout, with_look=with_look)
            except ChangedMeanwhile as error:
                if not store.is_shared:  # who changed it does not wait for locks
                    raise
                if not attempts.wait():
                    raise attempts.gave_up(error) from error


def _changed(
    store: Store,
    before: Page,
    change: Callable[[Page], Page | None],
    journal: Journal,
    timeout: float,
    *,
    with_look: bool,
) -> PageChange:
    try:
        after = change(before)
    except MirrorError:
        _complete(store, before, timeout)
        raise
    if after is None or (after == before and not outdated_pages(store, after, with_look=with_look)):
        return PageChange(before, before)
    if after == before:
        return _completed(store, after, timeout, with_look=with_look)
    gone = _unlisted(before, after)
    if not gone:
        return PageChange(before, after, publish_page(store, after, timeout, with_look=with_look))
    journal.note(gone, page_state(page_json(after)) if lists_files(after) else NO_PAGE)
    return PageChange(before, after, _publish_and_settle(store, after, journal, timeout))


def _completed(store: Store, page: Page, timeout: float, *, with_look: bool) -> PageChange:
    """Write the pages generated from ``page``, which stays as it is, and return what could not be written.

    :raises MirrorError, OSError: if another process has changed it.
    """
    if store.is_shared:
        write_json(store, page)
    try:
        if store.is_shared:
            write_derived_pages(store, page, timeout, with_look=with_look)
        elif lists_files(page):
            save_page(store, page, timeout, with_look=with_look)
        else:
            drop_page(store, page.project, timeout)
    except (MirrorError, OSError) as error:
        if store.is_shared and is_silent(error):  # no more is asked of it
            what = f"the pages generated from {page_key(page.project)} could not be written"
            return PageChange(page, page, not_written(page, what, error, is_new=False), error)
        if not is_saved(store, page):
            raise
        return PageChange(page, page, derived_page_problem(store, page, error, is_new=False), error)
    return PageChange(page, page)


def _complete(store: Store, page: Page, timeout: float) -> None:
    """Complete what an interrupted run began in a shared store: it may have written only the JSON page.

    In a directory the journal is settled.
    """
    if store.is_shared and page.stored is not None and outdated_pages(store, page):
        with suppress(MirrorError, OSError):  # the caller has an error to report
            write_derived_pages(store, page, timeout)


def _unlisted(before: Page, after: Page) -> Sequence[str]:
    """Return the keys of files that only ``before`` lists."""
    left = {after.key(each) for each in (*after.files, *after.past)}
    keys = (before.key(each) for each in (*before.files, *before.past))
    return [key for key in keys if key is not None and key not in left]


def _publish_and_settle(store: Store, page: Page, journal: Journal, timeout: float) -> Problem | None:
    """Write the pages and delete what they no longer list; return what could not be done once the JSON page was written."""
    try:
        try:
            problem = publish_page(store, page, timeout)
        finally:
            journal.settle(timeout)
    except (MirrorError, OSError) as error:
        if isinstance(error, ChangedMeanwhile) or not is_saved(store, page):
            raise
        return derived_page_problem(store, page, error)
    return problem
