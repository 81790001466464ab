"""Deletes what a mirror no longer needs: files that no page lists, journals of runs that are over, and unfinished work.

Nothing is deleted that a page lists. In a shared store each page is read again, and each file looked up again, right
before it is deleted. A publisher that is about to list a file uploads it again and checks it afterwards. One race is
left: it does all of that between the last look of this run and the request that deletes the file. So this run reads the
page once more, and reports it.
"""

from collections.abc import Iterable
from functools import partial

from wheelfix.mirror.fix import Failures, settle_journals
from wheelfix.mirror.journal import NotedRun, noted_runs
from wheelfix.mirror.layout import FILES, RUNS, page_key
from wheelfix.mirror.prune_local import LocalPrune
from wheelfix.mirror.prune_run import Choice
from wheelfix.mirror.prune_shared import SharedPrune
from wheelfix.mirror.pruned import PruneReport
from wheelfix.mirror.storage import MirrorLocation, open_store
from wheelfix.mirror.storage.base import Store
from wheelfix.options import Limits, listed
from wheelfix.progress import NO_PROGRESS, Progress, guarded
from wheelfix.upstream.parallel import Calls, several


def prune_mirror(
    mirror: MirrorLocation,
    projects: Iterable[str] | str = (),
    *,
    replaced: bool = False,
    all_unlisted: bool = False,
    dry_run: bool = False,
    limits: Limits = Limits(),
    connections: int = 16,
    progress: Progress = NO_PROGRESS,
) -> PruneReport:
    """Delete what ``mirror`` no longer needs, of ``projects`` or all of it, and return what became of each file.

    That is what interrupted runs left; in a bucket also what was removed from a page, once it is older than the grace
    period of ``limits``. With ``replaced`` files that were replaced are deleted, too: locks that name them fail from
    then on. With ``all_unlisted`` files that no page lists and no journal names are, if their page can be read and they
    are older than the grace period. With ``dry_run`` nothing is deleted. ``connections`` says how many requests to a
    bucket are made at a time.

    Where a page is missing or cannot be read nothing of its project is deleted: nobody knows what it listed.

    :raises MirrorError: if there is no mirror, or it has nothing of one of ``projects``; or if another process writes to one
        of them for too long. Nothing was deleted then: where something was before, that is returned, with ``ended-early``.
    :raises OSError: likewise, if the system refuses.
    """
    store = open_store(mirror)
    choice = Choice(replaced, all_unlisted, dry_run)
    with several(connections if store.is_shared else 1) as calls:
        prune = SharedPrune(store, choice, limits, calls) if store.is_shared else LocalPrune(store, choice, limits, calls)
        return prune.run(listed(projects), guarded(progress))


def prune_unlisted(store: Store, limits: Limits, calls: Calls, failures: Failures) -> None:
    """Delete what no page lists any more, as :func:`prune_mirror` does with default options.

    What keeps one project from that is added to ``failures``.

    :raises MirrorError, OSError: if nothing can be done any more.
    """
    if store.is_shared:
        failures.allow(FILES, SharedPrune(store, Choice(), limits, calls).prune_files)
        return
    settle_journals(store, limits.lock_seconds, failures)
    runs = list[NotedRun]()
    failures.allow(RUNS, lambda: runs.extend(noted_runs(store)))
    if of_jobs := list(dict.fromkeys(run.project for run in runs)):
        prune = LocalPrune(store, Choice(), limits, calls)
        for project in of_jobs:
            failures.allow(page_key(project), partial(prune.prune_files, [project]))
