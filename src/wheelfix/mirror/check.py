"""Checks mirrors: in a store, by their pages and files, or any index by its URL, as clients see it."""

from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Final

from msgspec.structs import replace

from wheelfix.errors import MirrorError
from wheelfix.mirror.check_store import StoreCheck
from wheelfix.mirror.fix import Failures, fix_findings
from wheelfix.mirror.layout import PAGE, ROOT_PAGE, SIMPLE, project_of
from wheelfix.mirror.prune import prune_unlisted
from wheelfix.mirror.registry import MIRROR_CHECKS, MirrorCheckReport
from wheelfix.mirror.storage import MirrorLocation, open_store
from wheelfix.mirror.storage.base import Store
from wheelfix.mirror.stored_wheel import ended_early
from wheelfix.options import Limits, Requests, Selection, listed
from wheelfix.progress import NO_PROGRESS, Progress, guarded
from wheelfix.results import Finding
from wheelfix.upstream.parallel import Calls, several
from wheelfix.upstream.urls import missing_extra

_HIDING: Final = frozenset({"in-the-way", "link-outside", "page-unreadable", "unreadable"})
"""Findings of a page beside which nobody knows whether the others of its project are still so."""


def check_mirror(
    mirror: MirrorLocation,
    *,
    quick: bool = False,
    fix: bool = False,
    selection: Selection = Selection(),
    limits: Limits = Limits(),
    connections: int = Requests().connections,
    progress: Progress = NO_PROGRESS,
) -> MirrorCheckReport:
    """Return what is wrong in ``mirror``: its pages, files, metadata files, and leftovers.

    Every wheel is read and verified; if ``quick`` only sizes and metadata files are compared. With ``fix`` what can be
    regenerated is, leftovers are deleted, and what is returned was found afterwards. Only codes of ``selection`` are
    reported and fixed. ``limits`` says how long to wait for another process that writes to the same project, and how old
    a file in a bucket is before it is reported and deleted because no page lists it. ``connections`` says how many requests
    to a bucket are made at a time.

    If something keeps a project from being fixed, or ends the run, the report has the finding ``ended-early`` beside the
    others.

    :raises MirrorError, OSError: if there is no mirror, or it cannot be checked; nothing was fixed then.
    :raises ValueError: if a text of ``selection`` begins no code.
    """
    selection, progress = selection.among(MIRROR_CHECKS), guarded(progress)
    store = open_store(mirror)
    with several(connections if store.is_shared else 1) as calls:
        check = partial(_checked, store, calls, selection, progress, quick=quick, grace=limits.grace_seconds)
        report = check()
        if not fix:
            return report
        if not report.complete and not store.is_shared:  # what could not be read for a moment would be fixed, and not said
            report = check()
        left = any(each.code == "unlisted" and each.fixable for each in report.findings)
        prunes = selection.includes("unlisted") and (left or not store.is_shared)
        return _fixed(store, report, check, limits, calls, prunes=prunes)


def _fixed(
    store: Store,
    report: MirrorCheckReport,
    check: Callable[[], MirrorCheckReport],
    limits: Limits,
    calls: Calls,
    *,
    prunes: bool,
) -> MirrorCheckReport:
    """Fix what ``report`` says, and return what a ``check`` finds then; where an error keeps it from that, what is left."""
    failures, done = Failures(store), list[Finding]()
    try:
        if prunes:
            prune_unlisted(store, limits, calls, failures)
        for each in fix_findings(store, report.findings, limits.lock_seconds, failures):
            done.append(each)
    except (MirrorError, OSError) as error:
        failures.errors.append(("", error))
    after = report
    if failures.errors or any(each.fixable for each in report.findings):
        try:
            after = check()
        except (MirrorError, OSError) as error:
            failures.errors.append(("", error))
            after = replace(report, findings=tuple(each for each in report.findings if not _is_done(store, each, done)))
    gone = [each for each in report.findings if each.fixable and each not in after.findings]
    unread = {each.place.removesuffix(f"/{PAGE}") for each in after.findings if each.code in _HIDING}
    hidden = [each for each in gone if each not in done and f"{SIMPLE}/{project_of(f'{each.place}/')}" in unread]
    fixed = tuple(_as_fixed(each) for each in gone if each not in hidden)
    undone = dict.fromkeys(ended_early(error, place) for place, error in failures.errors)
    return replace(after, fixed=fixed, findings=(*after.findings, *hidden, *undone))


def _as_fixed(finding: Finding) -> Finding:
    """Return ``finding``, which was fixed, with what became of a project that was taken off the list."""
    if finding.code != "page-missing":
        return finding
    if finding.place == ROOT_PAGE:
        return replace(finding, message="the list of projects is written again")
    project = finding.place.removeprefix(f"{SIMPLE}/").partition("/")[0]
    return replace(finding, message=f"{project} is no longer listed: it had neither a page nor wheels")


def _is_done(store: Store, finding: Finding, done: Collection[Finding]) -> bool:
    """Whether ``finding`` is fixed: by what was ``done``, or because what no page lists is gone."""
    if finding.code != "unlisted":
        return finding in done
    try:
        return store.head(finding.place) is None
    except (MirrorError, OSError):  # there is an error to report
        return False


def _checked(
    store: Store, calls: Calls, selection: Selection, progress: Progress, *, quick: bool, grace: float
) -> MirrorCheckReport:
    return StoreCheck(store, calls, progress, quick=quick, grace=grace).run().selected(selection)


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
    return _check_served(None, url, projects, download, selection, requests, progress)


def check_against(
    mirror: MirrorLocation,
    url: str,
    projects: Iterable[str] | str = (),
    *,
    download: str = "some",
    selection: Selection = Selection(),
    requests: Requests = Requests(),
    progress: Progress = NO_PROGRESS,
) -> MirrorCheckReport:
    """Return what is wrong with what clients see of ``mirror`` at ``url``: the index that its server or CDN shows.

    All of :func:`check_index` is checked for ``projects``, or all of the mirror, and each page is compared with the one that
    is stored. One that may still be cached, as the stored one was written a moment ago, is a warning.

    :raises MirrorError: if there is no mirror, ``url`` is no index, or it does not answer at all.
    :raises ValueError: if there is no such ``download``, or a text of ``selection`` begins no code.
    """
    return _check_served(open_store(mirror), url, projects, download, selection, requests, progress)


def _check_served(
    store: Store | None,
    url: str,
    projects: Iterable[str] | str,
    download: str,
    selection: Selection,
    requests: Requests,
    progress: Progress,
) -> MirrorCheckReport:
    if download not in ("none", "some", "all"):
        raise ValueError(f"download must be none, some or all, not {download!r}")
    try:
        from wheelfix.mirror.check_url import check_projects  # imported late: it needs what only the extra "index" installs
    except ImportError as error:
        raise missing_extra(error) from error
    selection = selection.among(MIRROR_CHECKS)
    report = check_projects(url, listed(projects), download=download, requests=requests, progress=progress, store=store)
    return report.selected(selection)
