"""Adds wheels to a mirror: all wheels of a project appear on its page atomically, and the disk is waited for once for many.

A round takes a few projects at a time through the same steps: examine each wheel, decide what each page lists, and commit: a
note in the journal, then files, then pages, then the list of projects.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from functools import cache, partial
from operator import add, gt
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from wheelfix.errors import ChangedMeanwhile, FilenameError, MirrorError, WheelfixError
from wheelfix.executors import Workers
from wheelfix.mirror.decide import NewWheel
from wheelfix.mirror.layout import check_project
from wheelfix.mirror.project import ExamineResult, ProjectUpload, Request, examine_all, examine_wheels
from wheelfix.mirror.repository import load_root, not_done, publish_derived_pages, save_pages
from wheelfix.mirror.retry import Attempts
from wheelfix.mirror.storage import MirrorLocation, open_store
from wheelfix.mirror.storage.base import NewFile, Store, write_changed
from wheelfix.options import Limits, Publishing, listed
from wheelfix.progress import NO_PROGRESS, Progress, guarded
from wheelfix.results import Published, PublishReport
from wheelfix.wheel.sdist_filename import project_of_file
from wheelfix.wheel.zip.output import Background

if TYPE_CHECKING:
    from concurrent.futures import Executor

_MOST_PROJECTS: Final = 64
"""How many projects a round has, and locks it holds. A project that is larger than a limit is a round of its own."""
_MOST_WHEELS: Final = 256
_MOST_BYTES: Final = 1 << 30
"""How many bytes the wheels of a round have together."""
_MOST_OF_PAGES: Final = 1 << 23
"""How many bytes the pages of a round have, which are in memory."""


def _without_errors(uploads: Iterable[ProjectUpload], step: Callable[[ProjectUpload], object]) -> list[ProjectUpload]:
    """Run ``step`` on each, and return those without an error: that of one project is not one of the others.

    Where the store does not answer for one, the others fail without a question: each would wait for minutes.
    """
    done = []
    silent: WheelfixError | OSError | None = None
    for each in uploads:
        error = silent or _error_of(step, each)
        if error is None:
            done.append(each)
        else:
            silent = each.fail(error, silent)
    return done


def _error_of(step: Callable[[ProjectUpload], object], upload: ProjectUpload) -> WheelfixError | OSError | None:
    try:
        step(upload)
    except (WheelfixError, OSError) as error:
        return error
    return None


def _commit(store: Store, uploads: Sequence[ProjectUpload]) -> None:
    """Add the wheels of ``uploads``, whose locks are held: what one flush can do for all is done together.

    Where others can write at the same time, those whose page another process changed meanwhile are added once more.
    """
    attempts = Attempts(uploads[0].timeout if uploads else 0)
    again = _try_to_commit(store, uploads)
    while again:
        if not attempts.wait():
            for each, error in again.items():
                each.fail(attempts.gave_up(error))
            return
        again = _try_to_commit(store, [*again])


def _try_to_commit(store: Store, uploads: Sequence[ProjectUpload]) -> dict[ProjectUpload, ChangedMeanwhile]:
    """Add the wheels of ``uploads``; return those whose page another process changed meanwhile."""
    loaded = _without_errors(uploads, lambda each: each.load(cache(partial(load_root, store))))
    publish = _publish_shared if store.is_shared else _publish
    again: dict[ProjectUpload, ChangedMeanwhile] = {}
    try:
        placed = _put_files(store, loaded)
        again = publish(store, [each for each in placed if each.page.files])
    finally:
        _clean_up([each for each in loaded if each not in again])
    return again


def _clean_up(uploads: Iterable[ProjectUpload]) -> None:
    silent: WheelfixError | OSError | None = None
    for each in uploads:
        try:
            silent = each.clean_up(silent)
        except (WheelfixError, OSError) as error:
            silent = each.fail(error, silent)


def _put_files(store: Store, uploads: Sequence[ProjectUpload]) -> list[ProjectUpload]:
    """Put the files of all wheels that can be added into the store; decide again without those that fail."""
    placed: list[ProjectUpload] = []
    progress = uploads[0].progress if uploads else NO_PROGRESS
    while uploads:
        uploads = _with_notes(store, _without_errors(uploads, ProjectUpload.decide))
        errors = store.put_new(_new_files(uploads), progress)
        again = [each for each in uploads if each.collect(errors)]
        placed += [each for each in uploads if each not in again]
        uploads = again
    return placed


def _new_files(uploads: Iterable[ProjectUpload]) -> Iterator[NewFile]:
    silent: MirrorError | None = None
    for each in uploads:
        silent = yield from each.new_files(silent)


def _with_notes(store: Store, uploads: list[ProjectUpload]) -> list[ProjectUpload]:
    """Write the journals together; where that fails each by itself, so that the error is that of one project."""
    try:
        write_changed(store, {key: data for each in uploads for key, data in each.notes().items()})
    except (MirrorError, OSError):
        return _without_errors(uploads, ProjectUpload.note)
    return uploads


def _publish(store: Store, uploads: Sequence[ProjectUpload]) -> dict[ProjectUpload, ChangedMeanwhile]:
    """Write the pages together once all files that they list are safe; where that fails, those of each project alone."""
    try:
        store.flush()
    except OSError as error:
        for each in uploads:
            each.fail(error)
        return {}
    if len(uploads) > 1:
        with suppress(MirrorError, OSError):
            save_pages(store, [each.page for each in uploads], uploads[0].timeout)
            for each in uploads:
                each.saved = True
    _without_errors((each for each in uploads if not each.saved), ProjectUpload.publish)
    return {}


def _publish_shared(store: Store, uploads: Sequence[ProjectUpload]) -> dict[ProjectUpload, ChangedMeanwhile]:
    """Write each page where others may write it, too; return those that another process changed meanwhile.

    What follows from the pages that are written is written for all of them together.
    """
    again: dict[ProjectUpload, ChangedMeanwhile] = {}

    def publish(each: ProjectUpload) -> None:
        store.flush()
        try:
            each.publish_json()
        except ChangedMeanwhile as error:
            again[each] = error

    done = [each for each in _without_errors(uploads, publish) if each not in again]
    problems = publish_derived_pages(store, [each.page for each in done], done[0].timeout) if done else {}
    silent: WheelfixError | OSError | None = None
    for each in done:
        silent = each.look_again(problems.get(each.project), silent)
    return again


def add_wheels(
    mirror: MirrorLocation,
    paths: Iterable[Path | str] | Path | str,
    *,
    publishing: Publishing = Publishing(),
    originals: Iterable[Path | str] | Path | str = (),
    limits: Limits = Limits(),
    jobs: int = 1,
    executor: "Executor | None" = None,
    progress: Progress = NO_PROGRESS,
) -> PublishReport:
    """Add wheels to ``mirror``, a directory that is made if need be or a bucket, and return what became of each.

    Each wheel is verified first; one with an error is refused. ``publishing`` says what becomes of files that the mirror
    has; the originals of fixed wheels are looked up there, and among ``originals``. ``limits`` says how long to wait for
    other processes that write to the same project. With ``jobs``, or any ``executor``, several wheels are verified at a
    time. ``progress`` is called for each file as its project is done: the wheels of one project appear atomically, those of
    a few projects together in a directory, and one after another in a bucket.

    Errors of single wheels are not raised: each is the ``problem`` of its wheel.

    :raises MirrorError: if there is no mirror at that place, and it is not empty; nothing was done then.
    :raises OSError: if it cannot be read.
    """
    given = [NewWheel(path=Path(path)) for path in listed(paths)]
    known = [NewWheel(path=Path(each)) for each in listed(originals)]
    workers = Workers(jobs, executor)
    request = Request(publishing=publishing, originals=known, limits=limits, workers=workers)
    return add_new_wheels(open_store(mirror, create=True), given, request, progress)


def add_new_wheels(
    store: Store, given: Sequence[NewWheel], request: Request, progress: Progress = NO_PROGRESS
) -> PublishReport:
    """Add wheels to the mirror in ``store``; see :func:`add_wheels`."""
    progress = guarded(progress)
    projects: dict[str, dict[Path, NewWheel]] = {}
    done: dict[Path, Published] = {}
    more: list[Published] = []
    for wheel in given:
        try:
            project = wheel.examined.project if wheel.examined else project_of_file(wheel.path.name)
            check_project(project)
        except (FilenameError, MirrorError) as error:
            done[wheel.path] = not_done(wheel.path, error)
        else:
            projects.setdefault(project, {}).setdefault(wheel.path, wheel)
    _report(done.values(), progress)
    with request.workers.started(examine_wheels, len(given)) as workers:
        request = replace(request, workers=workers, progress=progress)
        uploads = [ProjectUpload(store, project, wheels, request) for project, wheels in sorted(projects.items())]
        for each in _finished(store, _examined_ahead(_rounds(uploads), workers), request.limits.lock_seconds):
            results, originals = each.results()
            done.update(results)
            more += originals
            _report((*results.values(), *originals), progress)
    return PublishReport("mirror add", store.location, (*(done[each.path] for each in given), *more))


def _rounds(uploads: Iterable[ProjectUpload]) -> Iterator[list[ProjectUpload]]:
    """Yield ``uploads`` in rounds."""
    limits = (_MOST_PROJECTS, _MOST_WHEELS, _MOST_BYTES, _MOST_OF_PAGES)
    round_, total = list[ProjectUpload](), (0, 0, 0, 0)
    silent: WheelfixError | OSError | None = None
    for each in uploads:
        page, silent = each.page_size(silent)
        size = (*each.size(), page)
        total = tuple(map(add, total, size))
        if round_ and any(map(gt, total, limits)):
            yield round_
            round_, total, silent = [], size, None
        round_.append(each)
    if round_:
        yield round_


def _examined_ahead(rounds: Iterable[list[ProjectUpload]], workers: Workers) -> Iterator[list[ProjectUpload]]:
    """Yield each round with its wheels examined; where others examine them, they are a round ahead.

    They examine one round at a time: where one of their processes dies, each wheel that may have killed it is tried alone.
    """
    stopped = threading.Event()
    ahead: tuple[list[ProjectUpload], Background[list[ExamineResult]]] | None = None
    try:
        for round_ in rounds:
            wheels = [wheel for each in round_ for wheel in each.wheels.values()]
            if workers.work_here(len(wheels)):
                yield _taken(round_, examine_all(wheels, workers))
                continue
            ready = _taken(ahead[0], ahead[1].result()) if ahead else None
            ahead = round_, Background("wheelfix-examine", partial(examine_all, wheels, workers, stopped.is_set))
            if ready:
                yield ready
        if ahead:
            yield _taken(ahead[0], ahead[1].result())
    finally:
        stopped.set()
        if ahead:
            ahead[1].join()


def _taken(round_: list[ProjectUpload], results: list[ExamineResult]) -> list[ProjectUpload]:
    left = iter(results)
    for each in round_:
        each.take({path: next(left) for path in each.wheels})
    return round_


def _finished(store: Store, rounds: Iterable[list[ProjectUpload]], timeout: float) -> Iterator[ProjectUpload]:
    """Add the wheels of each round, and yield its projects as they are done.

    A round waits for no lock while it holds others, so that two publishers never wait for each other: a project that another
    process writes to is a round of its own.
    """
    for round_ in rounds:
        busy = _add(store, round_, 0 if len(round_) > 1 else timeout)
        yield from (each for each in round_ if each not in busy)
        for each in busy:
            _add(store, [each], timeout)
            yield each


def _add(store: Store, uploads: Sequence[ProjectUpload], timeout: float) -> list[ProjectUpload]:
    """Add the wheels of several projects together; return those whose lock another process holds, if there are others."""
    busy, held = list[ProjectUpload](), list[ProjectUpload]()
    with ExitStack() as locks:
        for each in uploads:
            try:
                locks.enter_context(store.locked(each.project, timeout))
            except (WheelfixError, OSError) as error:
                if len(uploads) > 1 and isinstance(error, MirrorError) and error.code == "locked":
                    busy.append(each)
                else:
                    each.fail(error)
            else:
                held.append(each)
        _commit(store, held)
    return busy


def _report(published: Iterable[Published], progress: Progress) -> None:
    for each in published:
        progress.file_published(each)
