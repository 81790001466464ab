"""The wheels of one project on their way into the mirror, step by step; :mod:`wheelfix.mirror.upload` takes the steps."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from wheelfix.errors import MirrorError, ResultError, SourceChanged, WheelfixError
from wheelfix.executors import Workers, file_size, run_all
from wheelfix.mirror.decide import Decision, Examined, NewWheel, decide
from wheelfix.mirror.draft import Draft
from wheelfix.mirror.examine import ExaminedWheel, examine
from wheelfix.mirror.layout import METADATA, attributes_of, page_key
from wheelfix.mirror.pages import Page
from wheelfix.mirror.repository import Journal, behind, load_page_and_state, not_done, publish_page
from wheelfix.mirror.storage.base import NewFile, Store, is_whole, write_changed
from wheelfix.options import Limits, Publishing, Transfer
from wheelfix.results import Problem, Published, PublishStatus, no_result
from wheelfix.text import shown
from wheelfix.wheel.zip.source import Source

ExamineResult: TypeAlias = tuple[ExaminedWheel, tuple[int, ...]] | Published
"""A wheel that was examined, with the identity of its file; or why it could not be."""


class Request(Struct, frozen=True, kw_only=True, dict=True):
    """What holds for all wheels of a run: how to publish, the ``originals`` of fixed ones, and who examines them."""

    publishing: Publishing = Publishing()
    originals: Sequence[NewWheel] = ()
    limits: Limits = Limits()
    workers: Workers = Workers()

    @cached_property
    def original_paths(self) -> frozenset[Path]:
        """Where the originals lie."""
        return frozenset(each.path for each in self.originals)


class ProjectUpload:
    """The wheels of one project on their way into the mirror; its lock is held from :meth:`load` on."""

    def __init__(self, store: Store, project: str, wheels: Mapping[Path, NewWheel], request: Request) -> None:
        self.project = project
        self.wheels = wheels
        self.timeout = request.limits.lock_seconds
        self.saved = False
        self._store = store
        self._request = request
        self._journal = Journal(store, project)
        self._state = ""
        self._before = self.page = Page(project)
        self._examined = Examined({}, {}, {})
        self._identities: dict[Path, tuple[int, ...]] = {}
        self._failed: dict[Path, Published] = {}
        self._decision = Decision(Draft(self._before))
        self._missing: list[str] = []
        self._placed: list[str] = []
        self._restored: set[str] = set()
        self._errors: dict[Path, WheelfixError | OSError] = {}

    def size(self) -> tuple[int, int, int, int]:
        """Return what the project adds to a round: itself, its wheels, their bytes, and those of its page."""
        try:
            page = self._store.head(page_key(self.project))
        except (MirrorError, OSError):  # loading it reports it
            page = None
        return 1, len(self.wheels), sum(map(file_size, self.wheels)), page.size if page else 0

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
            wanted = {name for name in wanted if self._before.find(name) is None}
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
        self._errors = {}
        self._decision = decide(self._store, self._before, self._examined, self.wheels, self._request.publishing)
        self.page = self._decision.draft.page()
        self._missing = [key for key in self._decision.files if self._store.head(key) is None]
        self._placed += self._missing

    def notes(self) -> dict[str, bytes]:
        """Return the journal with the files that are about to be written, by its key; nothing where none are."""
        return self._journal.noted(self._missing, self._state)

    def note(self) -> None:
        """Write the journal."""
        write_changed(self._store, self.notes())

    def new_files(self) -> Iterator[NewFile]:
        """Yield each wheel and its metadata file, unless the store has them undamaged; see :meth:`collect`."""
        missing = set(self._missing)
        for key, wheel in self._decision.files.items():
            try:
                if key in missing or not is_whole(self._store, key, wheel.file.size, wheel.file.sha256):
                    yield from self._wheel(key, wheel, is_damaged=key not in missing)
                there = None if key in missing else self._store.read(key + METADATA)
                if there is None or there.data != wheel.metadata:
                    name = key + METADATA
                    yield NewFile(name, wheel.metadata, attributes_of(name), replace=True)
            except (WheelfixError, OSError) as error:
                self._errors[wheel.path] = error

    def _wheel(self, key: str, wheel: ExaminedWheel, *, is_damaged: bool) -> Iterator[NewFile]:
        self._restored.add(key)
        with Source(wheel.path) as source:
            if source.identity != self._identities[wheel.path]:
                raise SourceChanged(
                    "source-changed", "the file changed while it was read", hint="Run again when nothing writes to it."
                )
            is_original = wheel.path in self._request.original_paths  # it is the user's to keep
            transfer = Transfer.COPY if is_original else self._request.publishing.transfer
            yield NewFile(key, source, attributes_of(key), transfer, replace=is_damaged)

    def collect(self, errors: Mapping[str, WheelfixError | OSError]) -> bool:
        """Leave out the wheels that could not be written; return whether to decide again, without those."""
        for key, wheel in self._decision.files.items():
            error = errors.get(key) or errors.get(key + METADATA) or self._errors.get(wheel.path)
            if error is not None:
                self._leave_out(wheel.path, error)
                self._errors[wheel.path] = error
        return bool(self._errors)

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

    def clean_up(self) -> None:
        """Delete files that are not listed, and drop the notes of this run."""
        try:
            if self.saved and self._decision.files.keys() >= {*self._placed}:
                self._journal.drop()
            elif self._placed:
                self._journal.discard(self._placed)
        except (MirrorError, OSError) as error:
            if not self.saved:
                raise
            self._decision.report(behind(self._store, self.page, error))

    def fail(self, error: WheelfixError | OSError) -> None:
        """Mark every wheel as failed."""
        self._failed = {path: not_done(path, error) for path in self.wheels}
        self._decision = Decision(Draft(self._before))

    def results(self) -> tuple[dict[Path, Published], list[Published]]:
        """Return what became of each wheel, and of originals; sources that were to be moved are removed."""
        decision = self._decision
        for path, done in list(decision.done.items()):
            if done.path in self._restored and done.status is PublishStatus.UNCHANGED:
                decision.note(path, "The file in the mirror was missing or damaged; it is restored.")
            if done.is_listed and self._request.publishing.transfer is Transfer.MOVE:
                self._remove_moved(path)
        return decision.done | self._failed, decision.originals

    def _remove_moved(self, path: Path) -> None:
        """Remove the source of a wheel, unless it is itself a file of the mirror."""
        if self._store.serves(path):
            self._decision.note(path, "It is not moved: the mirror itself serves it from there.")
            return
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            why = f"It is in the mirror, but its source could not be removed: {error.strerror or error}."
            self._decision.note(path, why)


def examine_wheels(wheels: Iterable[NewWheel]) -> Iterator[ExamineResult]:
    """Yield what is found in each of the wheels."""
    return map(_examine, wheels)


def _examine(wheel: NewWheel) -> ExamineResult:
    """Examine one wheel; an original may have errors, because locks name it as it is."""
    try:
        with Source(wheel.path) as source:
            return examine(wheel.path, source, sha256=wheel.sha256, now=_now, leniently=wheel.is_original), source.identity
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


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - when a file was published
