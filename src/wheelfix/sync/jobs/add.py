"""Downloads, fixes and adds the files that a mirror lacks: jobs that any process can do, and one that lists their results.

A run that was interrupted is continued: what is noted of a job is not done again.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from wheelfix.executors import Workers, run_all
from wheelfix.mirror.storage.base import Store
from wheelfix.options import Limits
from wheelfix.progress import NO_PROGRESS, Progress
from wheelfix.results import Outcome, Published, Traffic, no_result
from wheelfix.rules.model import RuleSet
from wheelfix.sync.jobs.job import JobDone, WheelJob, unsaved_files
from wheelfix.sync.jobs.listing import Listing, divided, named, usable_result
from wheelfix.sync.jobs.plan_jobs import PlannedJob, plan_jobs
from wheelfix.sync.jobs.results import FileResult, noted_results
from wheelfix.sync.jobs.shard import Shard
from wheelfix.sync.jobs.worker import Worker, run_each
from wheelfix.sync.manifest.model import Manifest
from wheelfix.sync.model import WantedFile
from wheelfix.upstream.http import Session
from wheelfix.upstream.pacing import DOWNLOADS_AT_ONCE


class Adding(Struct, frozen=True, kw_only=True):
    """What files are added to: the mirror of ``manifest`` in ``store``, whose rules are ``rules``.

    ``wanted`` are all files that it is to have, whether or not it has them: requirements follow wheels that lose their local
    version. ``session`` downloads what this process works on itself, ``workers`` say who does.
    """

    store: Store
    manifest: Manifest
    rules: RuleSet | None
    wanted: Sequence[WantedFile]
    session: Session
    workers: Workers = Workers()
    limits: Limits = Limits()
    progress: Progress = NO_PROGRESS

    def planned(self, files: Sequence[WantedFile]) -> list[PlannedJob]:
        """Return the jobs that add ``files``; of a release that has got more files, what is done is a job of its own."""
        connections = 1 if self.workers.executor else max(1, DOWNLOADS_AT_ONCE // self.workers.jobs)
        planned = plan_jobs(self.store, self.manifest, files, self.rules, self.wanted, self.limits, connections)
        return list(divided(self.store, planned))

    def listing(self, files: Sequence[WantedFile]) -> Listing:
        """Return what lists ``files`` once they are in the store."""
        return Listing(self.store, self.planned(files), self.manifest.policy, self.limits, self.progress)


class Added(NamedTuple):
    """What became of each wheel that was to be fixed, and of each file that was to be added.

    ``traffic`` is that of other processes with the indexes. ``prepared`` is how many files a part put into the store, and
    left to who lists them; ``None`` where they are listed.
    """

    outcomes: tuple[Outcome, ...]
    files: tuple[Published, ...]
    traffic: Traffic = Traffic()
    prepared: int | None = None


def add_files(adding: Adding, files: Sequence[WantedFile]) -> Added:
    """Download ``files``, fix them, and add them to the mirror; what an earlier run did of that is not done again."""
    listing = adding.listing(files)
    traffic = _run_jobs(adding, listing.begin(), listing.done)
    return Added(*_end(adding, listing), traffic)


def add_shard(adding: Adding, files: Sequence[WantedFile], shard: Shard) -> Added:
    """Do those jobs of ``files`` that are in ``shard``: no page is written, and only what was stopped is said of files.

    Who lists the results, with :func:`list_files`, says of all others what became of them.
    """
    planned = {each.job.digest: each for each in adding.planned(files) if shard.has(each.job.project, each.release)}
    noted, left = noted_results(adding.store), list[WheelJob]()
    outcomes, stopped = dict[str, tuple[Outcome, ...]](), dict[str, tuple[Published, ...]]()

    def note(job: WheelJob, found: Iterable[Outcome], files: Iterable[FileResult]) -> None:
        wanted = planned[job.digest].wanted
        outcomes[job.digest] = tuple(found)
        stopped[job.digest] = tuple(named(each.stopped, wanted[each.sha256]) for each in files if each.stopped is not None)
        for outcome in outcomes[job.digest]:
            adding.progress.wheel_done(outcome)
        for each in stopped[job.digest]:
            adding.progress.file_published(each)

    for digest, each in planned.items():
        result = usable_result(adding.store, each.job) if (each.job.project, digest) in noted else None
        if result is None:
            left.append(each.job)
        else:
            note(each.job, [file.outcome for file in result.files if file.outcome is not None], result.files)
    # What is noted is not read again: who lists these files meanwhile, on another machine, drops it.
    traffic = _run_jobs(adding, left, lambda job, result: note(job, result.outcomes, result.unsaved or result.stopped))
    count = sum(len(each.job.files) - len(stopped[digest]) for digest, each in planned.items())
    return Added(
        tuple(each for digest in planned for each in outcomes[digest]),
        tuple(each for digest in planned for each in stopped[digest]),
        traffic,
        count,
    )


def list_files(adding: Adding, files: Sequence[WantedFile]) -> Added:
    """Add those of ``files`` to the mirror that the jobs of shards put into the store; one without a result failed."""
    listing = adding.listing(files)
    for job in listing.begin():
        listing.done(job, JobDone(job.digest))
    return Added(*_end(adding, listing))


def _end(adding: Adding, listing: Listing) -> tuple[tuple[Outcome, ...], tuple[Published, ...]]:
    """List the rest, and drop the notes that killed runs left on files of the manifest which are listed."""
    done = listing.end()
    listing.drop_left(frozenset(each.project for each in adding.wanted))
    return done


def ready_files(adding: Adding, files: Sequence[WantedFile]) -> frozenset[str]:
    """Return the sha256 (hexadecimal) of those of ``files`` that an earlier run put into the store."""
    noted = noted_results(adding.store)
    planned = (each for each in adding.planned(files) if (each.job.project, each.job.digest) in noted)
    ready = (each for each in planned if usable_result(adding.store, each.job) is not None)
    return frozenset(sha256 for each in ready for sha256 in each.wanted)


def _run_jobs(adding: Adding, jobs: Sequence[WheelJob], done: Callable[[WheelJob, JobDone], object]) -> Traffic:
    """Do ``jobs``, and return the traffic that other processes had for them; what they downloaded is reported."""
    worker = Worker(adding.store, adding.session, adding.limits, adding.progress)
    found = [Traffic()]

    def count(job: WheelJob, result: JobDone) -> None:
        found.append(result.traffic)
        for each in result.downloads:
            each.report(adding.progress)
        done(job, result)

    run_jobs(jobs, worker, adding.workers, count)
    if adding.workers.work_here(len(jobs)):  # the session of this process counts it
        return Traffic()
    return Traffic(sum(each.requests for each in found), sum(each.received for each in found))


def run_jobs(
    jobs: Sequence[WheelJob], worker: Worker, workers: Workers, done: Callable[[WheelJob, JobDone], object]
) -> None:
    """Do ``jobs``, by ``worker`` where this process does it alone; ``done`` is called with each as it is.

    Jobs of which an executor of the caller's has no result are handed out once more: the machine that did one died.
    Processes of our own are started again, see :func:`wheelfix.executors.run_all`.
    """
    if workers.work_here(len(jobs)):
        for job, result in zip(jobs, worker.run_each(jobs), strict=True):
            done(job, result)
        return
    lost: list[WheelJob] = []

    def done_or_lost(job: WheelJob, result: JobDone) -> None:
        if result.is_lost and workers.executor is not None:
            lost.append(job)
        else:
            done(job, result)

    _hand_out(jobs, workers, done_or_lost)
    _hand_out(lost, workers, done)


def _hand_out(jobs: Sequence[WheelJob], workers: Workers, done: Callable[[WheelJob, JobDone], object]) -> None:
    run_all(run_each, jobs, workers, lost=_lost, done=done, size=lambda job: job.size)


def _lost(job: WheelJob, error: BaseException) -> JobDone:
    outcome = no_result(Path(job.project), error)
    return JobDone(job.digest, unsaved=unsaved_files(job, outcome.problem), is_lost=True)
