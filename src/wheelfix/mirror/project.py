"""The wheels of one project on their way into the mirror, step by step; :mod:`wheelfix.mirror.upload` takes the steps."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from wheelfix.errors import ChangedMeanwhile, MirrorError, ResultError, WheelfixError
from wheelfix.executors import Workers, file_size, run_all
from wheelfix.mirror.clock import now
from wheelfix.mirror.decide import Decision, Examined, NewWheel, decide
from wheelfix.mirror.draft import Draft
from wheelfix.mirror.examine import ExaminedWheel, examine, fixed_here
from wheelfix.mirror.journal import open_journal
from wheelfix.mirror.layout import page_key
from wheelfix.mirror.pages import Page
from wheelfix.mirror.repository import (
    derived_page_problem,
    listed_keys,
    load_page,
    load_page_and_state,
    not_done,
    not_written,
    publish_page,
    write_json,
)
from wheelfix.mirror.sdist import examine_sdist
from wheelfix.mirror.storage.base import NewFile, Store, is_silent, write_changed
from wheelfix.mirror.transfer import Transfers
from wheelfix.options import Limits, Publishing, Transfer
from wheelfix.progress import NO_PROGRESS, Progress
from wheelfix.results import Problem, Published, PublishStatus, failure, no_result
from wheelfix.text import shown
from wheelfix.wheel.zip.source import Source

_Error: TypeAlias = WheelfixError | OSError
ExamineResult: TypeAlias = tuple[ExaminedWheel, tuple[int, ...]] | Published
"""A wheel that was examined, with the identity of its file; or why it could not be."""


class Request(Struct, frozen=True, kw_only=True, dict=True):
    """What holds for all wheels of a run: how to publish, the ``originals`` of fixed ones, and who examines them.

    What is sent to a store over a network is reported to ``progress``.
    """

    publishing: Publishing = Publishing()
    originals: Sequence[NewWheel] = ()
    limits: Limits = Limits()
    workers: Workers = Workers()
    progress: Progress = NO_PROGRESS

    @cached_property
    def original_paths(self) -> frozenset[Path]:
        """Where the originals are."""
        return frozenset(each.path for each in self.originals)


class ProjectUpload:
    """The wheels of one project on their way into the mirror; its lock is held from :meth:`load` on."""

    def __init__(self, store: Store, project: str, wheels: Mapping[Path, NewWheel], request: Request) -> None:
        self.project = project
        self.wheels = wheels
        self.timeout = request.limits.lock_seconds
        self.progress = request.progress
        self.saved = False
        self._store = store
        self._request = request
        self._journal = open_journal(store, project)
        self._transfers = Transfers(
            store, project, self._journal, request.publishing.transfer, request.original_paths, request.limits.grace_seconds
        )
        self._state = ""
        self._before = self.page = Page(project)
        self._examined = Examined({}, {}, {})
        self._identities: dict[Path, tuple[int, ...]] = {}
        self._failed: dict[Path, Published] = {}
        self._decision = Decision(Draft(self._before))
        self._looked_for: set[str] = set()
        self._is_restored = self._is_doubtful = False

    def size(self) -> tuple[int, int, int]:
        """Return what the project adds to a round: itself, its wheels, and their bytes."""
        return 1, len(self.wheels), sum(map(file_size, self.wheels))

    def page_size(self, silent: _Error | None) -> tuple[int, _Error | None]:
        """Return how many bytes its page has, as far as that is known, and the error of a store that is ``silent``.

        One that was silent for another project is not asked.
        """
        try:
            page = None if silent else self._store.head(page_key(self.project))
        except (MirrorError, OSError) as error:  # loading it reports it
            return 0, self._if_silent(error)
        return page.size if page else 0, silent

    def _if_silent(self, error: _Error) -> _Error | None:
        """Return ``error`` if the store will not answer for other projects either; a directory always does."""
        return error if self._store.is_shared and is_silent(error) else None

    def take(self, results: Mapping[Path, ExamineResult]) -> None:
        """Take what was found in the wheels."""
        for path in self.wheels:
            found = results[path]
            if isinstance(found, Published):
                self._failed[path] = found
            else:
                self._examined.add[path], self._identities[path] = found

    def load(self, projects: Callable[[], frozenset[str]]) -> None:
        """Complete what an interrupted run began, and read what is listed; ``projects`` returns what the root lists.

        :raises MirrorError: if the page is damaged.
        """
        self._journal.settle(self.timeout)
        page, self._state = load_page_and_state(self._store, self.project, projects)
        self._before = self.page = page.with_files(page.files)
        if self._request.publishing.yank_original is not None:
            files = [each.file for each in self._examined.add.values()]
            wanted = {file.origin.filename for file in files if file.origin and file.origin.filename != file.filename}
            wanted = {name for name in wanted if self._before.find(name) is None} - self._looked_for
            self._looked_for |= wanted
            self._examine_originals([each for each in self._request.originals if each.path.name in wanted])

    def _examine_originals(self, originals: Iterable[NewWheel]) -> None:
        wheels = [replace(each, is_original=True) for each in originals]
        for wheel, found in zip(wheels, examine_all(wheels, self._request.workers), strict=True):
            name, path = wheel.path.name, wheel.path
            if isinstance(found, Published):
                self._examined.notes.setdefault(name, []).append(_unreadable(path, found.problem))
            elif found[0].project == self.project:
                self._examined.originals[name, found[0].file.sha256], self._identities[path] = found

    def decide(self) -> None:
        """Decide what the page lists, and which files the store must have for it."""
        self._decision = decide(self._store, self._before, self._examined, self.wheels, self._request.publishing)
        self.page = self._decision.draft.page()
        self._transfers.plan(self._decision.files, self._identities, self._listed())

    def _listed(self) -> frozenset[str]:
        """Return what the page lists already, where that matters: nobody else writes to a project that is locked."""
        return listed_keys(self._before) if self._store.is_shared else frozenset()

    def notes(self) -> dict[str, bytes]:
        """Return the journal with the files that are about to be written, by its key; nothing where none are."""
        return self._journal.noted(self._transfers.to_note, self._state)

    def note(self) -> None:
        """Write the journal."""
        write_changed(self._store, self.notes())

    def new_files(self, silent: MirrorError | None) -> Generator[NewFile, None, MirrorError | None]:
        """Yield what the store lacks; see :meth:`Transfers.new_files` and :meth:`collect`."""
        return self._transfers.new_files(silent)

    def collect(self, errors: Mapping[str, WheelfixError | OSError]) -> bool:
        """Leave out the wheels that could not be written; return whether to decide again, without those."""
        failed = self._transfers.collect(errors)
        for path, error in failed.items():
            self._leave_out(path, error)
        return bool(failed)

    def _leave_out(self, path: Path, error: WheelfixError | OSError) -> None:
        examined = self._examined
        if examined.add.pop(path, None) is not None:
            self._failed[path] = not_done(path, error)
        for key in [key for key, each in examined.originals.items() if each.path == path]:
            del examined.originals[key]
            examined.notes.setdefault(key[0], []).append(_unreadable(path, not_done(path, error).problem))

    def publish(self) -> None:
        """Write the pages of this project alone.

        :raises MirrorError, OSError: if the JSON page is unchanged.
        """
        problem = publish_page(self._store, self.page, self.timeout)
        self.saved = True
        self._decision.report(problem)

    def publish_json(self) -> None:
        """Write the JSON page where others may write it, too, once everything that it lists is there.

        :raises ChangedMeanwhile: if another process changed it since it was loaded: load and decide again.
        :raises MirrorError, OSError: if it is unchanged.
        """
        self._restore(is_listed=False)
        try:
            write_json(self._store, self.page)
        except ChangedMeanwhile:
            raise
        except (MirrorError, OSError):  # others may have changed the page since it was written
            if not self._is_written():
                raise
        self.saved = True

    def _is_written(self) -> bool:
        """Whether the page says now all that this run decided of its files, as far as the store answers."""
        try:
            files = load_page(self._store, self.project).files
        except (MirrorError, OSError):  # the caller has an error to report
            return False
        there, before = ({each.filename: each for each in page} for page in (files, self._before.files))
        added = {wheel.file.filename for wheel in self._decision.files.values()}
        decided = (each for each in self.page.files if before.get(each.filename) != each or each.filename in added)
        return all(there.get(each.filename) == each for each in decided)

    def look_again(self, problem: Problem | None, silent: _Error | None) -> _Error | None:
        """Take the problem of a derived page, and look once more for what it lists.

        If the store was ``silent`` for another project it is not asked; that, or a new error of the kind, is returned.
        """
        self._decision.report(problem)
        error = silent or self._restore_listed()
        if error is None:
            return None
        self._is_restored = self._is_doubtful = True  # it may have to be
        what = "it is not known whether somebody deleted a file meanwhile"
        self._decision.report(not_written(self.page, what, error))
        return self._if_silent(error)

    def _restore_listed(self) -> _Error | None:
        """Put what somebody deleted since it was listed; return why that could not be done."""
        try:
            self._is_restored = self._restore(is_listed=True)
        except (WheelfixError, OSError) as error:
            return error
        return None

    def _restore(self, *, is_listed: bool) -> bool:
        """Put what somebody deleted meanwhile, or may delete; return whether there was any."""
        lost = _Counted(self._transfers.lost_files(is_listed=is_listed))
        for error in self._store.put_new(lost, self.progress).values():
            raise error
        return lost.count > 0

    def clean_up(self, silent: _Error | None) -> _Error | None:
        """Delete files that are not listed, and drop the notes of this run.

        If the store was ``silent`` for another project it is not asked; that, or a new error of the kind, is returned.
        """
        try:
            self._drop_notes(silent)
        except (MirrorError, OSError) as error:
            if not self.saved:
                raise
            silent = self._if_silent(error)
            what = "the journal of this run could not be deleted"
            self._decision.report(
                not_written(self.page, what, error) if silent else derived_page_problem(self._store, self.page, error)
            )
        return silent

    def _drop_notes(self, silent: _Error | None) -> None:
        placed = self._transfers.placed
        if self.saved and self._decision.files.keys() >= {*placed}:
            if self._is_restored:  # who deleted a file might have had a reason
                return
            if silent and placed:
                raise silent
            self._journal.drop()
        elif placed:
            self._journal.discard(placed)

    def fail(self, error: _Error, silent: _Error | None = None) -> _Error | None:
        """Mark every wheel as failed, unless another process has listed the same bytes meanwhile.

        If the store was ``silent`` for another project it is not asked; that, or a new error of the kind, is returned.
        """
        self._is_doubtful = True
        self._decision = Decision(Draft(self._before))
        if self._store.is_shared and not silent:
            try:
                self._decision = self._listed_now(error)
            except (WheelfixError, OSError) as again:  # there is one to report
                silent = self._if_silent(again)
        self._failed = {path: not_done(path, error) for path in self.wheels if path not in self._decision.done}
        return silent

    def _listed_now(self, error: _Error) -> Decision:
        """Return what is so of the wheels that the page lists now: ``error`` is the problem of what should be otherwise."""
        page = load_page(self._store, self.project)
        listed = {each.filename: each for each in page.files}
        there = {
            path: wheel for path, wheel in self._examined.add.items()
            if (file := listed.get(wheel.file.filename)) and file.sha256 == wheel.file.sha256
        }  # fmt: skip
        if not there:
            return Decision(Draft(page))
        examined = Examined(there, self._examined.originals, self._examined.notes)
        decision = decide(self._store, page, examined, self.wheels, self._request.publishing)
        differing = {each.filename for each in decision.draft.page().files if listed.get(each.filename) != each}
        problem = failure(Path(), error).problem
        return Decision(
            Draft(page),
            {
                path: replace(each, problem=problem if each.filename in differing else None)
                for path, each in decision.done.items() if each.is_listed
            },
            [
                replace(each, status=PublishStatus.FAILED, problem=problem) if each.filename in differing else each
                for each in decision.originals
            ],
        )  # fmt: skip

    def results(self) -> tuple[dict[Path, Published], list[Published]]:
        """Return what became of each wheel, and of originals; sources that were to be moved are removed."""
        decision = self._decision
        news = {each.path for each in decision.done.values() if each.status is not PublishStatus.UNCHANGED}  # given twice
        for path, done in list(decision.done.items()):
            if done.path in self._transfers.restored - news and done.status is PublishStatus.UNCHANGED:
                decision.note(path, "The file in the mirror was missing or damaged; it is restored.")
            if done.is_listed and self._request.publishing.transfer is Transfer.MOVE:
                self._remove_moved(path)
        return decision.done | self._failed, decision.originals

    def _remove_moved(self, path: Path) -> None:
        """Remove the source of a wheel, unless it is itself a file of the mirror, or may be the only one."""
        if self._is_doubtful:
            self._decision.note(path, "Its source is kept: it is not known whether the mirror has its file.")
            return
        if self._store.serves(path):
            self._decision.note(path, "It is not moved: the mirror itself serves it from there.")
            return
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            why = f"It is in the mirror, but its source could not be removed: {error.strerror or error}."
            self._decision.note(path, why)


class _Counted:
    """The ``files``, with their ``count`` once they were requested."""

    def __init__(self, files: Iterable[NewFile]) -> None:
        self.count = 0
        self._files = files

    def __iter__(self) -> Iterator[NewFile]:
        for each in self._files:
            self.count += 1
            yield each


def examine_wheels(wheels: Iterable[NewWheel]) -> Iterator[ExamineResult]:
    """Yield what is found in each of the wheels."""
    return map(_examine, wheels)


def _examine(wheel: NewWheel) -> ExamineResult:
    """Examine one wheel; an original may have errors, because locks name it as it is."""
    if wheel.examined is not None:
        return wheel.examined, ()
    try:
        with Source(wheel.path) as source:
            if not wheel.path.name.endswith(".whl"):
                return examine_sdist(wheel.path, source, sha256=wheel.sha256, now=now), source.identity
            found = examine(wheel.path, source, sha256=wheel.sha256, now=now, leniently=wheel.is_original)
            return fixed_here(found, wheel.outcome), source.identity
    except (WheelfixError, OSError) as error:
        return not_done(wheel.path, error)


def examine_all(
    wheels: Iterable[NewWheel], workers: Workers, stopped: Callable[[], bool] = lambda: False
) -> list[ExamineResult]:
    """Return what was found in each wheel; :class:`InterruptedError` once ``stopped``."""

    def done(_: NewWheel, __: ExamineResult) -> None:
        if stopped():
            raise InterruptedError

    return run_all(
        examine_wheels,
        wheels,
        workers,
        lost=lambda wheel, error: _lost(wheel.path, error),
        done=done,
        size=lambda wheel: file_size(wheel.path),
    )


def _lost(path: Path, error: BaseException) -> Published:
    return replace(not_done(path, ResultError("no-result", "", hint="")), problem=no_result(path, error).problem)


def _unreadable(path: Path, problem: Problem | None) -> str:
    return f"{shown(str(path))} cannot be read: {shown(problem.message if problem else '')}"
