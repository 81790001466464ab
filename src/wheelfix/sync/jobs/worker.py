"""Does jobs of a sync: downloads, fixes and puts files into the store, and notes what became of each."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Final

from msgspec.structs import replace
from pypi_simple import DistributionPackage

from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.mirror.examine import ExaminedWheel, examine, fixed_here
from wheelfix.mirror.fetch import not_fetched
from wheelfix.mirror.journal import RunJournal
from wheelfix.mirror.layout import METADATA, attributes_of, file_key
from wheelfix.mirror.repository import not_done
from wheelfix.mirror.scratch import workshop
from wheelfix.mirror.sdist import examine_sdist
from wheelfix.mirror.storage import open_store
from wheelfix.mirror.storage.base import NewFile, Store, is_silent, is_whole
from wheelfix.mirror.transfer import metadata_files
from wheelfix.options import Limits, Transfer
from wheelfix.progress import NO_PROGRESS, NoProgress, Progress
from wheelfix.results import Outcome, Published, PublishStatus, Status, Traffic, failure
from wheelfix.sync.jobs.job import Download, JobDone, JobFile, WheelJob, unsaved_files
from wheelfix.sync.jobs.results import FileResult, JobResult, save_results
from wheelfix.text import shown
from wheelfix.upstream.downloads import Downloads
from wheelfix.upstream.http import Session, open_session
from wheelfix.upstream.parallel import few, parallel
from wheelfix.version import __version__
from wheelfix.wheel.zip.source import Source

_NO_TIME: Final = datetime.fromtimestamp(0, UTC)
"""What an entry says until it is listed: who lists it says when."""
_BATCH: Final = 16
_BATCH_BYTES: Final = 1 << 26
"""How many jobs, and bytes, are done in one go at most: the disk is waited for once for all of them."""


class Worker:
    """What works on jobs for the mirror in ``store``, with one session for all their requests.

    Downloads are reported to ``progress``.
    """

    def __init__(self, store: Store, session: Session, limits: Limits, progress: Progress = NO_PROGRESS) -> None:
        self._store = store
        self._session = session
        self._downloads = Downloads(session, store.scratch(), limits.lock_seconds, progress)

    def run_each(self, jobs: Iterable[WheelJob]) -> Iterator[JobDone]:
        """Do each of ``jobs`` and note its result; errors are results of their files, and are not raised."""
        for batch in _batches(jobs):
            yield from self._run(batch)

    def _run(self, jobs: Sequence[WheelJob]) -> Iterator[JobDone]:
        """Do some jobs together, and yield what became of each; the first one stands for the traffic of all."""
        before = self._session.traffic
        try:
            if jobs[0].tool != __version__:
                raise _other_version(jobs[0])
            done = self._done(jobs)
        except (WheelfixError, OSError) as error:  # the store or the disk: it is that of all files
            done = [_unsaved(job, error) for job in jobs]
        after = self._session.traffic
        traffic = Traffic(after.requests - before.requests, after.received - before.received)
        yield from (each._replace(traffic=Traffic() if index else traffic) for index, each in enumerate(done))

    def _done(self, jobs: Sequence[WheelJob]) -> list[JobDone]:
        with workshop(self._store.scratch()) as work:
            places = [work / str(number) for number in range(len(jobs))]
            stopped = self._downloaded(jobs, places)
            results = [self._fixed(job, place, known) for job, place, known in zip(jobs, places, stopped, strict=True)]
            errors = _put(self._store, jobs, results)
            results = [{key: _as_put(each, errors) for key, each in result.items()} for result in results]
        noted = [
            JobResult(job.digest, tuple(result[each.sha256] for each in job.files))
            for job, result in zip(jobs, results, strict=True)
        ]
        failed = save_results(self._store, [(job.project, each) for job, each in zip(jobs, noted, strict=True)])
        self._drop(file for each in noted for file in each.files if each.digest not in failed and not file.is_open)
        return [
            _unsaved(job, failed[each.digest]) if each.digest in failed else _job_done(each)
            for job, each in zip(jobs, noted, strict=True)
        ]

    def _drop(self, files: Iterable[FileResult]) -> None:
        for each in files:
            # Another process downloads it for long, or it cannot be removed: all is noted, and a later run removes it.
            with suppress(MirrorError, OSError):
                with self._downloads.locked(each.sha256, each.filename):
                    self._downloads.drop(each.sha256)

    def _downloaded(self, jobs: Sequence[WheelJob], places: Sequence[Path]) -> list[dict[str, FileResult]]:
        """Download the files of each job below its place; return results of those that could not be, by sha256."""
        files = [(job, each, place) for job, place in zip(jobs, places, strict=True) for each in job.files]

        def fetch(item: tuple[WheelJob, JobFile, Path]) -> WheelfixError | OSError | None:
            try:
                self._fetch(*item)
            except (WheelfixError, OSError) as error:
                return error
            return None

        stopped: dict[str, dict[str, FileResult]] = {job.digest: {} for job in jobs}
        with parallel(self._session, min(few(len(files)), jobs[0].connections)) as calls:
            for (job, file, _), error in zip(files, calls.map(fetch, files, calls.count), strict=True):
                if error is not None:
                    stopped[job.digest][file.sha256] = _stopped(job, file, error)
        return [stopped[job.digest] for job in jobs]

    def _fetch(self, job: WheelJob, file: JobFile, place: Path) -> None:
        if Path(file.filename).name != file.filename:
            raise MirrorError("bad-answer", f"{shown(file.filename)} is no file name", hint="Report it to the index.")
        path = _path(place, file)
        path.parent.mkdir(parents=True)
        with self._downloads.locked(file.sha256, file.filename):
            self._downloads.fetch(_as_listed(file, job.project), path)

    def _fixed(self, job: WheelJob, place: Path, stopped: Mapping[str, FileResult]) -> dict[str, FileResult]:
        """Fix the wheels among the files below ``place``; return what became of all, those that were ``stopped`` too."""
        files = {each.sha256: each for each in job.files if each.sha256 not in stopped}
        wheels = [each for each in files.values() if each.filename.endswith(".whl")]
        paths = [_path(place, each) for each in wheels]
        # Who runs the jobs reports the outcomes, with the names that people know; to read a file here is no download.
        outcomes = job.fixing.fix(paths, place / "made", NO_PROGRESS).outcomes if wheels else ()
        results = dict(stopped)
        results |= {file.sha256: _fixed_file(file, outcome) for file, outcome in zip(wheels, outcomes, strict=True)}
        others = (each for each in files.values() if each.sha256 not in results)
        return results | {each.sha256: _copied_file(each, _path(place, each), job.project) for each in others}


def _batches(jobs: Iterable[WheelJob]) -> Iterator[list[WheelJob]]:
    """Yield ``jobs`` in batches; one that is larger than a limit is a batch of its own."""
    batch, size = list[WheelJob](), 0
    for job in jobs:
        if batch and (len(batch) >= _BATCH or size + job.size > _BATCH_BYTES or job.tool != batch[0].tool):
            yield batch
            batch, size = [], 0
        batch.append(job)
        size += job.size
    if batch:
        yield batch


def _job_done(result: JobResult) -> JobDone:
    outcomes = tuple(each.outcome for each in result.files if each.outcome is not None)
    return JobDone(result.digest, outcomes, stopped=tuple(each for each in result.files if each.stopped is not None))


def _unsaved(job: WheelJob, error: WheelfixError | OSError) -> JobDone:
    """Return that nothing of a job could be noted."""
    return JobDone(job.digest, unsaved=unsaved_files(job, failure(Path(job.project), error).problem))


def _path(work: Path, file: JobFile) -> Path:
    return work / file.sha256 / file.filename


def _as_listed(file: JobFile, project: str) -> DistributionPackage:
    """Return ``file`` as the page of an index gives it."""
    return DistributionPackage(
        filename=file.filename, url=file.url, project=project, version=None, package_type=None,
        digests={"sha256": file.sha256}, requires_python=None, has_sig=None, size=file.size,
    )  # fmt: skip


def _stopped(job: WheelJob, file: JobFile, error: WheelfixError | OSError) -> FileResult:
    return FileResult(filename=file.filename, sha256=file.sha256, stopped=_failed(file.filename, job.project, error))


def _failed(filename: str, project: str, error: WheelfixError | OSError) -> Published:
    """Return the result for a file that a server did not give or take: it may be right, so the next run tries again."""
    return replace(not_fetched(filename, project, filename, error), status=PublishStatus.FAILED)


def _fixed_file(file: JobFile, outcome: Outcome) -> FileResult:
    """Return what became of a wheel that was to be fixed, as the page would list it."""
    made, known = outcome.output, replace(outcome, source=Path(file.filename), output=None, metadata_diff="")
    result = FileResult(filename=file.filename, sha256=file.sha256, outcome=known)
    if outcome.problem is not None or made is None:
        failed = outcome.status is Status.FAILED
        status = PublishStatus.FAILED if failed else PublishStatus.REFUSED
        return replace(result, stopped=Published(known.source, status, filename=file.filename, problem=outcome.problem))
    try:
        with Source(made) as source:
            entry = fixed_here(examine(made, source, sha256=outcome.output_sha256, now=lambda: _NO_TIME), outcome)
    except (WheelfixError, OSError) as error:
        return replace(result, stopped=replace(not_done(made, error), source=known.source))
    return replace(result, entry=entry)


def _copied_file(file: JobFile, path: Path, project: str) -> FileResult:
    """Return what becomes of a source distribution, as the page would list it: nothing is changed in it."""
    result = FileResult(filename=file.filename, sha256=file.sha256)
    try:
        with Source(path) as source:
            entry = examine_sdist(path, source, sha256=file.sha256, now=lambda: _NO_TIME, project=project)
    except (WheelfixError, OSError) as error:
        return replace(result, stopped=replace(not_done(path, error), source=Path(file.filename)))
    return replace(result, entry=entry)


def _key(wheel: ExaminedWheel) -> str:
    return file_key(wheel.project, wheel.file.filename, wheel.file.sha256)


def _put(
    store: Store, jobs: Sequence[WheelJob], results: Sequence[Mapping[str, FileResult]]
) -> dict[str, WheelfixError | OSError]:
    """Put the files of ``jobs`` into the store, with their metadata files; return why one could not be, by its key.

    They are noted first, in a journal for each job and project: nobody lists them yet.
    """
    entries = [[each.entry for each in result.values() if each.entry is not None] for result in results]
    wheels = {_key(each): each for of_job in entries for each in of_job}
    for refusal in store.put_new(_journals(store, jobs, entries)).values():
        raise refusal
    unread: dict[str, WheelfixError | OSError] = {}
    errors = store.put_new(_new_files(store, wheels, unread))
    store.flush()
    found = {key: unread.get(key) or errors.get(key) or errors.get(key + METADATA) for key in wheels}
    return {key: error for key, error in found.items() if error is not None and not _is_there(store, key, wheels[key])}


def _as_put(file: FileResult, errors: Mapping[str, WheelfixError | OSError]) -> FileResult:
    """Return what became of a file once it was put, with these ``errors``."""
    error = None if file.entry is None else errors.get(_key(file.entry))
    if file.entry is None or error is None:
        return file
    return replace(file, entry=None, stopped=_failed(file.filename, file.entry.project, error))


def _journals(store: Store, jobs: Sequence[WheelJob], entries: Sequence[Sequence[ExaminedWheel]]) -> Iterator[NewFile]:
    """Yield the journals of each job; they take the place of those that another process wrote for the same one."""
    for job, wheels in zip(jobs, entries, strict=True):
        for project in sorted({each.project for each in wheels}):
            keys = [_key(each) for each in wheels if each.project == project]
            for name, data in RunJournal(store, project, job.digest).noted(keys, "").items():
                yield NewFile(name, data, attributes_of(name), replace=True)


def _is_there(store: Store, key: str, wheel: ExaminedWheel) -> bool:
    """Whether another process, which works on the same job, has put the same wheel meanwhile."""
    try:
        has_metadata = wheel.metadata is None or store.head(key + METADATA) is not None
        return has_metadata and is_whole(store, key, wheel.file.size, wheel.file.sha256)
    except (WheelfixError, OSError):  # there is an error to report: why this process could not put it
        return False


def _new_files(
    store: Store, wheels: Mapping[str, ExaminedWheel], unread: dict[str, WheelfixError | OSError]
) -> Iterator[NewFile]:
    """Yield what is to be put: what is there already is put again where others could delete it, or if it is damaged.

    Why a wheel cannot be read, here or in the store, is added to ``unread``, by its key; the others are put.

    :raises WheelfixError, OSError: if the store does not answer, and will not do so for the others either.
    """
    for key, wheel in wheels.items():
        try:
            yield from _new_wheel(store, key, wheel)
        except (WheelfixError, OSError) as error:
            if store.is_shared and is_silent(error):
                raise
            unread[key] = error
        else:
            yield from metadata_files(key, wheel)


def _new_wheel(store: Store, key: str, wheel: ExaminedWheel) -> Iterator[NewFile]:
    there = store.head(key) is not None
    if store.is_shared or not there or not is_whole(store, key, wheel.file.size, wheel.file.sha256):
        with Source(wheel.path) as source:
            again = there or store.is_shared
            yield NewFile(key, source, attributes_of(key), Transfer.MOVE, replace=again, sha256=wheel.file.sha256)


def _other_version(job: WheelJob) -> MirrorError:
    return MirrorError(
        "other-wheelfix",
        f"this worker has wheelfix {__version__}, and the run was started with {shown(job.tool)}",
        hint="Install the same version of wheelfix on all machines.",
    )


class _Downloaded(NoProgress):
    """Keeps what is downloaded until it is taken: the process that started the run is another one."""

    def __init__(self) -> None:
        self._found: dict[str, Download] = {}

    def file_started(self, name: str, size: int | None, resumed: int = 0) -> None:
        """Keep it; what begins again after an error is still the same download."""
        self._found.setdefault(name, Download(name, size, resumed))

    def file_advanced(self, name: str, count: int) -> None:
        """Count the bytes."""
        if (known := self._found.get(name)) is not None:
            self._found[name] = known._replace(received=known.received + count)

    def take(self) -> tuple[Download, ...]:
        """Return what was downloaded since the last time."""
        found, self._found = self._found, {}
        return tuple(found.values())


class _Workers(threading.local):
    """What works on jobs in this thread: it keeps its connections from one job to the next."""

    def __init__(self) -> None:
        self.downloaded = _Downloaded()
        self._known: tuple[str, Limits] | None = None
        self._worker: Worker | None = None

    def get(self, store: str, limits: Limits) -> Worker:
        """Return what works on jobs for the mirror in ``store``.

        :raises WheelfixError, OSError: if it cannot be opened.
        """
        if self._worker is None or self._known != (store, limits):
            # No page is written, so that it does not matter whether the store can compare and write at once.
            opened = open_store(store, create=True, single_writer=True)
            self._worker = Worker(opened, open_session(limits, NO_PROGRESS), limits, self.downloaded)
            self._known = store, limits
        return self._worker


_WORKERS: Final = _Workers()


def run_each(jobs: Iterable[WheelJob]) -> Iterator[JobDone]:
    """Do each of ``jobs``, in a process that knows nothing else of the run."""
    for (store, limits), group in groupby(jobs, lambda job: (job.store, job.limits)):
        given = list(group)
        try:
            worker = _WORKERS.get(store, limits)
        except (WheelfixError, OSError) as error:
            yield from (_unsaved(job, error) for job in given)
        else:
            for done in worker.run_each(given):
                yield done._replace(downloads=_WORKERS.downloaded.take())
