"""Adds wheels to a mirror, project by project: all wheels of a project appear on its page atomically.

Three steps: examine each wheel, decide what the page lists, and commit: a note in the journal, then files, then pages.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from wheelfix.errors import FilenameError, MirrorError, ResultError, SourceChanged, WheelfixError
from wheelfix.executors import Workers, run_all
from wheelfix.mirror.decide import Decision, Examined, NewWheel, decide
from wheelfix.mirror.draft import Draft
from wheelfix.mirror.examine import ExaminedWheel, examine
from wheelfix.mirror.layout import METADATA, attributes_of, check_project
from wheelfix.mirror.repository import Journal, behind, load_page, not_done, publish_page
from wheelfix.mirror.storage import open_store
from wheelfix.mirror.storage.base import Store, is_whole, write_changed
from wheelfix.options import Limits, Publishing, Transfer, listed
from wheelfix.progress import NO_PROGRESS, Progress, guarded
from wheelfix.results import Problem, Published, PublishReport, PublishStatus, no_result
from wheelfix.text import shown
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.zip.source import Source

if TYPE_CHECKING:
    from concurrent.futures import Executor

_Result: TypeAlias = tuple[ExaminedWheel, tuple[int, ...]] | Published
"""A wheel that was examined, with the stamp of its file; or why it could not be."""


class _Upload:
    """The wheels of one project on their way into the mirror; its lock is held meanwhile."""

    def __init__(self, store: Store, project: str, request: "Request") -> None:
        self._store = store
        self._request = request
        self._journal = Journal(store, project)
        self._journal.settle(request.limits.lock_seconds)
        self._state = self._journal.state()
        page = load_page(store, project)
        self._before = page.with_files(page.files)
        self._stamps: dict[Path, tuple[int, ...]] = {}
        self._placed: list[str] = []
        self._restored: set[str] = set()

    def run(self, wheels: Mapping[Path, NewWheel]) -> Decision:
        """Add ``wheels``; files that are not listed in the end are deleted.

        :raises MirrorError: if the mirror is damaged.
        """
        failed: dict[Path, Published] = {}
        examined = self._examine_all(wheels, failed)
        saved, decision = False, Decision(Draft(self._before))
        try:
            decision = self._decide_and_put(examined, wheels, failed)
            page = decision.draft.page()
            if page.files:
                self._store.flush()
                problem = publish_page(self._store, page, self._request.limits.lock_seconds)
                saved = True
                decision.report(problem)
        finally:
            self._clean_up(decision, saved=saved)
        if self._request.publishing.transfer is Transfer.MOVE:
            for path in [path for path, each in decision.done.items() if each.is_listed]:
                self._remove_moved(decision, path)
        decision.done |= failed
        return decision

    def _examine_all(self, wheels: Mapping[Path, NewWheel], failed: dict[Path, Published]) -> Examined:
        examined = Examined({}, {}, {})
        for path, found in zip(wheels, self._examined(wheels.values()), strict=True):
            if isinstance(found, Published):
                failed[path] = found
            else:
                examined.add[path], self._stamps[path] = found
        if self._request.publishing.yank_original is not None:
            files = [each.file for each in examined.add.values()]
            wanted = {file.origin.filename for file in files if file.origin and file.origin.filename != file.filename}
            wanted = {name for name in wanted if self._before.find(name) is None}
            self._examine_originals([each for each in self._request.originals if each.path.name in wanted], examined)
        return examined

    def _examine_originals(self, originals: Sequence[NewWheel], examined: Examined) -> None:
        for wheel, found in zip(
            originals, self._examined(replace(each, is_original=True) for each in originals), strict=True
        ):
            name, path = wheel.path.name, wheel.path
            if isinstance(found, Published):
                examined.notes.setdefault(name, []).append(_unreadable(path, found.problem))
            elif found[0].project == self._before.project:
                examined.originals[name, found[0].file.sha256], self._stamps[path] = found

    def _examined(self, wheels: Iterable[NewWheel]) -> Sequence[_Result]:
        return run_all(_examine, wheels, self._request.workers, lost=lambda wheel, error: _lost(wheel.path, error))

    def _decide_and_put(
        self, examined: Examined, wheels: Mapping[Path, NewWheel], failed: dict[Path, Published]
    ) -> Decision:
        """Put the files of all wheels that can be added into the store; decide again without those that fail."""
        while True:
            decision = decide(self._store, self._before, examined, wheels, self._request.publishing)
            errors = self._put_all(decision.files)
            for path, error in errors.items():
                if examined.add.pop(path, None) is not None:
                    failed[path] = not_done(path, error)
                for key in [key for key, each in examined.originals.items() if each.path == path]:
                    del examined.originals[key]
                    examined.notes.setdefault(key[0], []).append(_unreadable(path, not_done(path, error).problem))
            if not errors:
                break
        for path, done in decision.done.items():
            if done.path in self._restored and done.status is PublishStatus.UNCHANGED:
                decision.note(path, "The file in the mirror was missing or damaged; it is restored.")
        return decision

    def _put_all(self, files: Mapping[str, ExaminedWheel]) -> dict[Path, WheelfixError | OSError]:
        missing = [key for key in files if self._store.head(key) is None]
        self._journal.note(missing, self._state)
        self._placed += missing
        errors: dict[Path, WheelfixError | OSError] = {}
        for key, wheel in files.items():
            try:
                self._put(key, wheel)
            except (WheelfixError, OSError) as error:
                errors[wheel.path] = error
        return errors

    def _put(self, key: str, wheel: ExaminedWheel) -> None:
        """Write a wheel and its metadata file, unless the store has them undamaged."""
        if not is_whole(self._store, key, wheel.file.size, wheel.file.sha256):
            self._restored.add(key)
            is_damaged = self._store.head(key) is not None
            with Source(wheel.path) as source:
                if _stamp(source) != self._stamps[wheel.path]:
                    raise SourceChanged(
                        "source-changed", "the file changed while it was read", hint="Run again when nothing writes to it."
                    )
                is_original = wheel.path in {each.path for each in self._request.originals}  # it is the user's to keep
                transfer = Transfer.COPY if is_original else self._request.publishing.transfer
                self._store.put_new(key, source, attributes_of(key), transfer, replace=is_damaged)
        write_changed(self._store, {key + METADATA: wheel.metadata})

    def _clean_up(self, decision: Decision, *, saved: bool) -> None:
        """Delete files that are not listed, and drop the notes of this run."""
        try:
            self._journal.discard(self._placed)
        except (MirrorError, OSError) as error:
            if not saved:
                raise
            decision.report(behind(self._store, decision.draft.page(), error))

    def _remove_moved(self, decision: Decision, path: Path) -> None:
        """Remove the source of a wheel, unless it is itself a file of the mirror."""
        if self._store.serves(path):
            decision.note(path, "It is not moved: the mirror itself serves it from there.")
            return
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            decision.note(path, f"It is in the mirror, but its source could not be removed: {error.strerror or error}.")


def _examine(wheel: NewWheel) -> _Result:
    """Examine one wheel; an original may have errors, because locks name it as it is."""
    try:
        with Source(wheel.path) as source:
            stamp = _stamp(source)
            found = examine(wheel.path, source, sha256=wheel.sha256, now=_now, leniently=wheel.is_original)
    except (WheelfixError, OSError) as error:
        return not_done(wheel.path, error)
    return found, stamp


def _lost(path: Path, error: BaseException) -> Published:
    return replace(not_done(path, ResultError("no-result", "", hint="")), problem=no_result(path, error).problem)


def _unreadable(path: Path, problem: Problem | None) -> str:
    return f"{shown(str(path))} cannot be read: {shown(problem.message if problem else '')}"


def _stamp(source: Source) -> tuple[int, ...]:
    """Return a value that changes when the file is replaced or written to."""
    status = os.fstat(source.descriptor)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - when a file was published


class Request(Struct, frozen=True, kw_only=True):
    """What holds for all wheels of a run: how to publish, the ``originals`` of fixed ones, and who examines them."""

    publishing: Publishing = Publishing()
    originals: Sequence[NewWheel] = ()
    limits: Limits = Limits()
    workers: Workers = Workers()


def add_wheels(
    mirror: Path | str,
    paths: Iterable[Path | str] | Path | str,
    *,
    publishing: Publishing = Publishing(),
    originals: Iterable[Path | str] | Path | str = (),
    limits: Limits = Limits(),
    jobs: int = 1,
    executor: "Executor | None" = None,
    progress: Progress = NO_PROGRESS,
) -> PublishReport:
    """Add wheels to the mirror in the directory ``mirror``, which is made if need be, and return what became of each.

    Each wheel is verified first; one with an error is refused. ``publishing`` says what becomes of files that the mirror
    has; the originals of fixed wheels are looked up there, and among ``originals``. ``limits`` says how long to wait for
    another process that writes to the same project. With ``jobs``, or any ``executor``, several wheels are verified at a
    time. ``progress`` hears of each file as its project is done: the wheels of one project appear atomically.

    Errors of single wheels are not raised: each is the ``problem`` of its wheel.

    :raises MirrorError: if the directory is not a mirror, and not empty; nothing was done then.
    :raises OSError: if the directory cannot be read.
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
    batches: dict[str, dict[Path, NewWheel]] = {}
    done: dict[Path, Published] = {}
    more: list[Published] = []
    for wheel in given:
        try:
            batches.setdefault(WheelFilename.parse(wheel.path.name).project, {}).setdefault(wheel.path, wheel)
        except FilenameError as error:
            done[wheel.path] = not_done(wheel.path, error)
    _report(done.values(), progress)
    with request.workers.started(_examine, len(given)) as workers:
        request = replace(request, workers=workers)
        for project, wheels in sorted(batches.items()):
            results, originals = _add_project(store, project, wheels, request)
            done.update(results)
            more += originals
            _report((*results.values(), *originals), progress)
    return PublishReport("mirror add", Path(store.name), (*(done[each.path] for each in given), *more))


def _add_project(
    store: Store, project: str, wheels: Mapping[Path, NewWheel], request: Request
) -> tuple[dict[Path, Published], list[Published]]:
    try:
        check_project(project)
        with store.locked(project, request.limits.lock_seconds):
            decision = _Upload(store, project, request).run(wheels)
    except (WheelfixError, OSError) as error:
        return {path: not_done(path, error) for path in wheels}, []
    return decision.done, decision.originals


def _report(published: Iterable[Published], progress: Progress) -> None:
    for each in published:
        progress.file_published(each)
