"""Lists the files that jobs put into the store: the one place of a sync that adds to pages.

The files of a project are listed once all of its jobs are done: the order in which they end changes no page.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.mirror.clock import now
from wheelfix.mirror.decide import NewWheel
from wheelfix.mirror.examine import ExaminedWheel, upload_time
from wheelfix.mirror.journal import drop_run
from wheelfix.mirror.project import Request
from wheelfix.mirror.repository import listed_keys, load_page
from wheelfix.mirror.storage.base import Store
from wheelfix.mirror.upload import add_new_wheels
from wheelfix.options import Limits, Policy, Publishing
from wheelfix.progress import NoProgress, Progress
from wheelfix.results import Outcome, Published, failure
from wheelfix.sync.jobs.job import JobDone, WheelJob, lost_files, unsaved_files
from wheelfix.sync.jobs.plan_jobs import PlannedJob
from wheelfix.sync.jobs.results import FileResult, JobResult, drop_result, load_result, noted_results, save_results
from wheelfix.sync.model import WantedFile

_ROUND: Final = 256
"""How many wheels are listed in one go, if there are not more of one project: what is known of them is in memory."""


class _Files(Struct, frozen=True):
    """What is known of the files of a job before they are listed, and what became of each, by sha256."""

    planned: PlannedJob
    result: JobResult
    done: dict[str, Published]

    @property
    def new(self) -> list[tuple[str, ExaminedWheel]]:
        """The wheels that are in the store, by the sha256 of their originals."""
        return [(each.sha256, each.entry) for each in self.result.files if each.entry is not None]


class Listing:
    """Lists the results of the jobs ``planned`` for the mirror in ``store``, and reports each file to ``progress``."""

    def __init__(
        self, store: Store, planned: Sequence[PlannedJob], policy: Policy, limits: Limits, progress: Progress
    ) -> None:
        self._store = store
        self._planned = {each.job.digest: each for each in planned}
        self._publishing = Publishing(allow_mixed=policy.allow_mixed)
        self._limits = limits
        self._progress = progress
        self._open = Counter(each.job.project for each in planned)
        self._waiting: dict[str, list[str]] = {}
        self._ready: list[str] = []
        self._unsaved: dict[str, tuple[FileResult, ...]] = {}
        self._outcomes: dict[str, tuple[Outcome, ...]] = {}
        self._published: dict[str, list[Published]] = {}
        self._others: list[Published] = []
        self._noted: frozenset[tuple[str, str]] = frozenset()

    def begin(self) -> list[WheelJob]:
        """Take what earlier runs did, and return the jobs that are still to be done."""
        self._noted, left = noted_results(self._store), list[WheelJob]()
        for digest, each in self._planned.items():
            result = usable_result(self._store, each.job) if (each.job.project, digest) in self._noted else None
            if result is None:
                left.append(each.job)
            else:
                self._finish(digest, tuple(file.outcome for file in result.files if file.outcome is not None))
        return left

    def done(self, job: WheelJob, done: JobDone) -> None:
        """Take what became of a job, and list what is ready."""
        if done.unsaved:
            self._unsaved[job.digest] = done.unsaved
        self._finish(job.digest, done.outcomes)

    def _finish(self, digest: str, outcomes: tuple[Outcome, ...]) -> None:
        project = self._planned[digest].job.project
        self._outcomes[digest] = outcomes
        for each in outcomes:
            self._progress.wheel_done(each)
        self._waiting.setdefault(project, []).append(digest)
        self._open[project] -= 1
        if not self._open[project]:
            self._ready += self._waiting.pop(project)
        if sum(len(self._planned[each].job.files) for each in self._ready) >= _ROUND:
            self._list_ready()

    def end(self) -> tuple[tuple[Outcome, ...], tuple[Published, ...]]:
        """List the rest; return what became of each wheel and of each file, in the order of the jobs."""
        self._list_ready()
        outcomes = tuple(each for digest in self._planned for each in self._outcomes.get(digest, ()))
        files = tuple(each for digest in self._planned for each in self._published.get(digest, ()))
        return outcomes, (*files, *self._others)

    def drop_left(self, projects: Collection[str]) -> None:
        """Drop the notes on jobs of ``projects`` that say nothing but what pages do: who listed their files was killed then.

        All others stay: a part of a sync may be at work on another machine, whose files nobody has listed yet.
        """
        for project, digest in sorted(self._noted):
            if project in projects and digest not in self._planned:
                with suppress(WheelfixError, OSError):  # it is left to `wheelfix mirror prune`
                    self._drop_listed(project, digest)

    def _drop_listed(self, project: str, digest: str) -> None:
        result = load_result(self._store, project, digest)
        entries = [each.entry for each in result.files if each.entry is not None] if result is not None else []
        if result is None or len(entries) < len(result.files):  # what was refused is noted for good
            return
        listed = {each.project: listed_keys(load_page(self._store, each.project)) for each in entries}
        if all(str(each.path) in listed[each.project] for each in entries):
            self._drop(project, digest, listed)

    def _drop(self, project: str, digest: str, listed: Iterable[str]) -> None:
        """Drop the note on a job, whose files are ``listed`` in these projects, and first the journals of these.

        Where the process is killed in between, the note is left, and leads the next run to both.
        """
        for each in sorted(listed):
            drop_run(self._store, each, digest)
        drop_result(self._store, project, digest)

    def _list_ready(self) -> None:
        ready, self._ready = self._ready, []
        found = [_Files(self._planned[digest], self._result(self._planned[digest].job), {}) for digest in sorted(ready)]
        self._list(found)
        for each in found:
            digest = each.planned.job.digest
            stopped = {file.sha256: file.stopped for file in each.result.files if file.stopped is not None}
            for sha256, published in stopped.items():
                each.done[sha256] = named(published, each.planned.wanted[sha256])
                self._progress.file_published(each.done[sha256])
            self._published[digest] = [each.done[file.sha256] for file in each.planned.job.files]
            if digest not in self._unsaved:
                self._settle(each)

    def _result(self, job: WheelJob) -> JobResult:
        """Return what became of the files of a job."""
        return JobResult(job.digest, self._unsaved.get(job.digest) or load_files(self._store, job))

    def _list(self, found: Sequence[_Files]) -> None:
        """List the files of jobs, and take what became of each."""
        time = upload_time(now())
        wheels: dict[Path, NewWheel] = {}
        names: dict[Path, WantedFile] = {}
        for each in found:
            for sha256, entry in each.new:
                names[entry.path] = each.planned.wanted[sha256]
                wheels[entry.path] = _new_wheel(entry, each.planned, names[entry.path], time)
        if not wheels:
            return
        request = Request(publishing=self._publishing, limits=self._limits)
        report = add_new_wheels(self._store, [*wheels.values()], request, _ByName(self._progress, names))
        done = {each.source: each for each in report.files[: len(wheels)]}
        self._others += report.files[len(wheels) :]
        for each in found:
            each.done.update({sha256: named(done[entry.path], names[entry.path]) for sha256, entry in each.new})

    def _settle(self, files: _Files) -> None:
        """Drop the note on a job that needs none any more; what was refused for good is noted for the next run.

        What cannot be dropped is left to ``wheelfix mirror prune``.
        """
        job, result = files.planned.job, files.result
        if not all(files.done[sha256].is_listed for sha256, _ in files.new):
            return
        refused = [each for each in result.files if each.stopped is not None] if result.is_final else []
        with suppress(MirrorError, OSError):
            if refused:
                rest = job.only(each.sha256 for each in refused)
                failed = save_results(self._store, [(job.project, JobResult(rest.digest, tuple(refused)))])
                if failed or rest.digest == job.digest:
                    return
            self._drop(job.project, job.digest, {entry.project for _, entry in files.new})


def load_files(store: Store, job: WheelJob) -> tuple[FileResult, ...]:
    """Return what is noted of the files of a job; where nothing is, or nobody can read it, each failed."""
    try:
        result = load_result(store, job.project, job.digest)
    except (MirrorError, OSError) as error:
        return unsaved_files(job, failure(Path(job.project), error).problem)
    return lost_files(job) if result is None else result.files


def usable_result(store: Store, job: WheelJob) -> JobResult | None:
    """Return what is noted of a job, ``None`` if it is to be done again: nothing is, it failed, or its files are gone."""
    result = load_result(store, job.project, job.digest)
    return result if result is not None and _is_usable(store, result) else None


def _is_usable(store: Store, result: JobResult) -> bool:
    entries = (each.entry for each in result.files if each.entry is not None)
    return result.is_final and all(_is_stored(store, each) for each in entries)


def divided(store: Store, planned: Iterable[PlannedJob]) -> Iterator[PlannedJob]:
    """Yield the jobs ``planned``; one of which only some files are done, as one for these and one for the others.

    The index may have got another file of the release since: what is in the store is listed, and not done twice.
    """
    noted: dict[str, set[str]] = {}
    for project, digest in noted_results(store):
        noted.setdefault(project, set()).add(digest)
    for each in planned:
        digests = noted.get(each.job.project, set())
        left = each
        for digest in sorted(digests) if each.job.digest not in digests else ():
            if left.wanted and (sums := _done_files(store, left.job, digest)):
                yield each.only(sums)
                left = left.only(left.wanted.keys() - sums)
        if left.wanted:
            yield left


def _done_files(store: Store, job: WheelJob, digest: str) -> frozenset[str]:
    """Return the sha256 of the files of ``job`` that another one did in the same way; none if it had others, or failed."""
    result = load_result(store, job.project, digest)
    sums = frozenset(each.sha256 for each in result.files if each.entry is not None) if result is not None else frozenset()
    if result is None or len(sums) != len(result.files) or job.only(sums).digest != digest:
        return frozenset()
    return sums if _is_usable(store, result) else frozenset()


def _is_stored(store: Store, wheel: ExaminedWheel) -> bool:
    head = store.head(str(wheel.path))
    return head is not None and head.size == wheel.file.size


def _new_wheel(entry: ExaminedWheel, planned: PlannedJob, wanted: WantedFile, time: str) -> NewWheel:
    """Return a wheel to list that is in the store already; ``time`` is when that is done."""
    file = replace(entry.file, upload_time=time, added=time)
    return NewWheel(
        path=entry.path,
        sha256=file.sha256,
        upstream=wanted.upstream(),
        rules=planned.job.fixing.checked_by if file.is_wheel else None,
        succession=wanted.succession,
        examined=replace(entry, file=file),
    )


def named(published: Published, wanted: WantedFile) -> Published:
    """Return what became of a file, under the name that its index has for it, with the notes of the choice."""
    return replace(
        published,
        source=Path(wanted.filename),
        project=published.project or wanted.project,
        notes=(*wanted.notes, *published.notes),
    )


class _ByName(NoProgress):
    """Passes on what becomes of files, under the names that their indexes have for them."""

    def __init__(self, progress: Progress, names: Mapping[Path, WantedFile]) -> None:
        self._progress = progress
        self._names = names

    def file_published(self, published: Published) -> None:
        """Pass it on."""
        wanted = self._names.get(published.source) if published.source is not None else None
        self._progress.file_published(published if wanted is None else named(published, wanted))

    def upload_started(self, name: str, size: int) -> None:
        """Pass it on."""
        self._progress.upload_started(name, size)

    def file_advanced(self, name: str, count: int) -> None:
        """Pass it on."""
        self._progress.file_advanced(name, count)
