"""Files that no page lists: which of them a run left, and for how long they are kept.

In a shared store a publisher may be about to list a file that no page lists yet, and clients that read a page a minute ago
still want what it listed then. So such a file is kept for the grace period after it was written, and after the last journal
that names it. A directory has locks and needs no grace period.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Set as AbstractSet
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from wheelfix.errors import MirrorError
from wheelfix.mirror.journal import NotedRun, noted_runs, open_journal
from wheelfix.mirror.layout import JOURNAL, METADATA, SIMPLE, is_file_key, page_key, project_of
from wheelfix.mirror.lost import is_wheel, page_lost
from wheelfix.mirror.registry import finding
from wheelfix.mirror.storage.base import Head, Store
from wheelfix.mirror.stored_wheel import unreadable
from wheelfix.results import Finding


class UnlistedState(StrEnum):
    """What is known of a file that no page lists."""

    LEFT = "left"
    """A run left it or unlisted it, long enough ago: it can be deleted."""
    YOUNG = "young"
    """It, or a journal that names it, was written less than the grace period ago: a publisher may be about to list it."""
    UNKNOWN = "unknown"
    """No journal names it: it may have been put there by hand, or its journal is lost."""


class Grace(Struct, frozen=True):
    """The grace period: what is there for ``seconds``, by the clock of the store, which says ``now``, can be deleted."""

    now: datetime
    seconds: float

    def is_over(self, *times: datetime | None) -> bool:
        """Whether each of ``times`` is long enough ago; one that is not known is so only without a grace period.

        Then nothing is compared: some stores say a time in whole seconds, and in a listing with its fraction.
        """
        if not self.seconds:
            return True
        return all(each is not None and (self.now - each).total_seconds() >= self.seconds for each in times)


def noted_files(runs: Iterable[NotedRun]) -> dict[str, datetime | None]:
    """Return the wheels that the journals of ``runs`` name, by key, each with the time of the last: ``None`` if unknown."""
    noted: dict[str, datetime | None] = {}
    for run in runs:
        for key in run.files:
            before = noted.get(key, run.modified)
            noted[key] = None if before is None or run.modified is None else max(before, run.modified)
    return noted


def unlisted_state(key: str, modified: datetime | None, noted: Mapping[str, datetime | None], grace: Grace) -> UnlistedState:
    """Return what is known of the file at ``key`` in a shared store, which no page lists and was written at ``modified``."""
    wheel = key.removesuffix(METADATA)
    if wheel not in noted or not is_file_key(key):
        return UnlistedState.UNKNOWN if grace.is_over(modified) else UnlistedState.YOUNG
    return UnlistedState.LEFT if grace.is_over(modified, noted[wheel]) else UnlistedState.YOUNG


class Unlisted(Struct, frozen=True):
    """What is reported of the files that no page lists, and how many others are younger than the grace period."""

    findings: tuple[Finding, ...] = ()
    young: int = 0


def find_unlisted(store: Store, keys: Iterable[str], unread: Collection[str]) -> Iterator[Finding]:
    """Yield that no page lists the files at ``keys`` of a directory; only what an interrupted run left can be deleted.

    Nothing of ``unread`` projects can: their page is missing or cannot be read.
    """
    removable = dict[str | None, frozenset[str]]()
    for key in keys:
        project = project_of(key)
        if project not in removable:
            try:
                removable[project] = _removable(store, unread, project)
            except OSError as error:
                removable[project] = frozenset()
                yield unreadable(f"{JOURNAL}/{project}", error)
        yield _finding(key, "an interrupted run left it" if key in removable[project] else "")


def _removable(store: Store, unread: Collection[str], project: str | None) -> frozenset[str]:
    """Return what an interrupted run left of ``project``; nothing if its page is missing or unreadable."""
    if project is None or project in unread:
        return frozenset()
    try:
        return open_journal(store, project).removable()
    except MirrorError:  # a page is damaged, which is a finding
        return frozenset()


def find_lost(store: Store, heads: Mapping[str, Head], paged: Collection[str], grace: Grace) -> dict[str, Finding]:
    """Return what is wrong with the projects, by name, that have wheels among ``heads`` and no page, and never had one.

    ``paged`` are those of which a page was read. A wheel counts unless a run noted it, which then left it or is about to
    list it; in a shared store, where such a run may be about to note it, once it is old. Each project is looked at twice:
    while one is removed, its page is gone first.
    """
    keys: dict[str, list[str]] = {}
    for key, head in heads.items():
        project = project_of(key)
        is_young = store.is_shared and not grace.is_over(head.modified)
        if project is not None and project not in paged and is_wheel(key) and not is_young:
            keys.setdefault(project, []).append(key)
    found: dict[str, Finding] = {}
    for project, wheels in sorted(keys.items()):
        try:
            if _is_lost(store, project, wheels) and _is_lost(store, project, wheels):
                found[project] = page_lost(project, f"{SIMPLE}/{project}")
        except (MirrorError, OSError) as error:
            found[project] = unreadable(page_key(project), error)
    return found


def _is_lost(store: Store, project: str, keys: Iterable[str]) -> bool:
    noted = noted_files(noted_runs(store, project)).keys() | open_journal(store, project).removable()
    left = [key for key in keys if key not in noted]
    return bool(left) and store.head(page_key(project)) is None and any(store.head(key) is not None for key in left)


def find_old_unlisted(
    heads: Mapping[str, Head], listed: AbstractSet[str], noted: Mapping[str, datetime | None], grace: Grace
) -> Unlisted:
    """Return the same for the files of a shared store, of which ``heads`` are known; those that are young are counted.

    ``listed`` are those that a page lists, or may have listed.
    """
    states = {key: unlisted_state(key, head.modified, noted, grace) for key, head in heads.items() if key not in listed}
    old = {key: state for key, state in states.items() if state is not UnlistedState.YOUNG}
    words = {UnlistedState.LEFT: "it was removed, or an interrupted run left it"}
    findings = (_finding(key, words.get(state, "")) for key, state in old.items())
    return Unlisted(tuple(findings), len(states) - len(old))


def _finding(key: str, left: str) -> Finding:
    """Return the finding for a file that can be deleted if it was ``left``, of which this says how."""
    rest = left or "add it again, or delete it if nobody misses it"
    return finding("unlisted", key, f"no page lists it; {rest}", fixable=bool(left))
