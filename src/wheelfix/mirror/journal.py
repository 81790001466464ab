"""Journals: what a writer is about to add or remove, noted before it does so, so that what it leaves is known.

A file that no page lists is either left over, and can be deleted; or its page is lost or was restored from a backup, and it
must be kept. So only what a journal names is ever deleted.

In a directory, where writers wait for each other, a project has one journal, and the next run settles it. In a shared
store each run has a journal of its own, and deletes nothing: another one may be about to list the same file. What
journals name there is deleted by ``wheelfix mirror prune``, once it is old enough.
"""

import secrets
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from msgspec import Struct
from packaging.utils import is_normalized_name

from wheelfix.errors import MirrorError
from wheelfix.mirror.layout import FILES, JOURNAL, METADATA, RUNS, attributes_of, is_file_key, page_key
from wheelfix.mirror.pages import LOST, NO_PAGE, page_state
from wheelfix.mirror.repository import html_agrees, listed_keys, load_page, load_root, save_page
from wheelfix.mirror.storage.base import IncompleteListing, NewFile, Store, is_of_store, write_changed


class Journal(Protocol):
    """What one run notes of one project."""

    def noted(self, keys: Collection[str], state: str) -> dict[str, bytes]:
        """Return the journal, by its key, once :meth:`note` is called; nothing where there are no ``keys``."""

    def note(self, keys: Collection[str], state: str) -> None:
        """Note that the wheels at ``keys`` can be deleted while no page lists them, and the page is in ``state``."""

    def settle(self, timeout: float) -> None:
        """Complete what an interrupted run began, as far as no other run can be at it."""

    def removable(self) -> frozenset[str]:
        """Return the keys of files that interrupted runs left, with those of their metadata files."""

    def discard(self, keys: Iterable[str]) -> None:
        """Delete the wheels at ``keys`` that the page does not list, or leave them to ``wheelfix mirror prune``."""

    def drop(self) -> None:
        """Drop what this run noted: the page lists all of it."""


def open_journal(store: Store, project: str) -> Journal:
    """Return the journal for a run that writes to ``project``."""
    return RunJournal(store, project) if store.is_shared else ProjectJournal(store, project)


class _Note(NamedTuple):
    state: str
    key: str


class ProjectJournal:
    """The journal of ``project`` in a directory. Hold the lock of the project to write or settle it.

    An entry names the state of the page in which a file can be deleted: the state before wheels are added, or the one after
    they are removed. In any other state the file is kept: its page may be one that was restored from a backup.
    """

    def __init__(self, store: Store, project: str) -> None:
        self._store = store
        self._project = project
        self._key = f"{JOURNAL}/{project}"

    def state(self) -> str:
        """Return what identifies the stored page."""
        stored = self._store.read(page_key(self._project))
        if stored is not None:
            return page_state(stored.data)
        return LOST if self._project in load_root(self._store) else NO_PAGE

    def note(self, keys: Iterable[str], state: str) -> None:
        """Note that the wheels at ``keys`` can be deleted while the page is in ``state`` and does not list them."""
        write_changed(self._store, self.noted(keys, state))

    def noted(self, keys: Iterable[str], state: str) -> dict[str, bytes]:
        """Return the journal, by its key, once :meth:`note` is called; nothing where there are no ``keys``."""
        text = "".join(f"{state} {key}\n" for key in keys)
        before = self._store.read(self._key) if text else None
        return {self._key: (before.data if before else b"") + f"\n{text}".encode()} if text else {}

    def removable(self) -> frozenset[str]:
        """Return the keys that can be deleted now, with those of their metadata files."""
        notes = self._notes()
        if not notes:
            return frozenset()
        state, listed = self.state(), listed_keys(load_page(self._store, self._project))
        wheels = {note.key for note in notes if note.state == state} - listed
        return frozenset(wheels) | {key + METADATA for key in wheels}

    def settle(self, timeout: float) -> None:
        """Complete what an interrupted run began: regenerate HTML, and delete what can be deleted.

        All other notes are dropped: those files are listed, or nobody knows whether a page listed them.
        """
        if self._store.head(self._key) is None:
            return
        wheels = sorted(key for key in self.removable() if not key.endswith(METADATA))
        page = load_page(self._store, self._project)
        if wheels and not html_agrees(self._store, page):
            save_page(self._store, page, timeout)
        self.discard(wheels)

    def discard(self, keys: Iterable[str]) -> None:
        """Delete the wheels at ``keys`` that the page does not list; keep the notes of those that could not be."""
        keys = list(keys)
        listed = listed_keys(load_page(self._store, self._project)) if keys else frozenset()
        left = [key for key in keys if key not in listed and not self._delete(key)]
        self._store.flush()  # without the journal nobody knows that these can be deleted
        if left:
            state = self.state()
            write_changed(self._store, {self._key: "".join(f"{state} {key}\n" for key in left).encode()})
        else:
            self._store.delete(self._key)

    def drop(self) -> None:
        """Drop all notes: the page lists everything that they name."""
        self._store.delete(self._key)

    def _delete(self, key: str) -> bool:
        """Delete a wheel and its metadata file; return whether both are gone."""
        left = [each for each in (key, key + METADATA) if not self._is_deleted(each)]
        return not left

    def _is_deleted(self, key: str) -> bool:
        try:
            self._store.delete(key)
        except (MirrorError, OSError):  # `mirror check` reports what is still there
            return False
        return True

    def _notes(self) -> Sequence[_Note]:
        stored = self._store.read(self._key)
        lines = stored.data.decode("utf-8", "replace").split("\n")[:-1] if stored else []
        notes = (_Note(*line.partition(" ")[::2]) for line in lines)
        return [note for note in notes if _is_of(self._project, note.key)]


class NotedRun(Struct, frozen=True):
    """What a run noted of ``project``: the ``files`` that it was about to add or remove, by their keys, and when it did."""

    key: str
    project: str
    modified: datetime | None
    files: frozenset[str]


class RunJournal:
    """The journal of one run on ``project`` in a shared store; or in any, of the job ``run``, whose files others list.

    Both put files without the lock of the project, which only who lists them needs.
    """

    def __init__(self, store: Store, project: str, run: str | None = None) -> None:
        self._store = store
        self._project = project
        name = run or secrets.token_hex(8)  # a name that no other run has; nobody is served it
        self._key = f"{RUNS}/{project}/{name}"
        self._keys: dict[str, None] = {}
        self._clock: tuple[datetime, float] | None = None

    def noted(self, keys: Collection[str], state: str) -> dict[str, bytes]:  # noqa: ARG002 - others change it meanwhile
        """Return the journal with ``keys``, and all that this run has noted before."""
        self._keys |= dict.fromkeys(keys)
        return {self._key: "".join(f"{key}\n" for key in self._keys).encode()} if keys else {}

    def note(self, keys: Collection[str], state: str) -> None:
        """Write the journal with ``keys`` as well; what the page lists is looked at when they are deleted."""
        write_changed(self._store, self.noted(keys, state))

    def age(self, modified: datetime | None) -> timedelta:
        """Return how long ago it was ``modified``, by the clock of the store; ``timedelta.max`` if unknown."""
        if self._clock is None:
            head = self._store.head(self._key)
            if head is None or head.modified is None:
                return timedelta.max
            self._clock = head.modified, time.monotonic()
        now, read_at = self._clock
        passed = timedelta(seconds=time.monotonic() - read_at)
        return timedelta.max if modified is None else now + passed - modified

    def settle(self, timeout: float) -> None:
        """Do nothing: what other runs noted they may be about to list."""

    def removable(self) -> frozenset[str]:
        """Return what any run has noted, and no page lists: only ``wheelfix mirror prune`` knows what is old enough."""
        wheels = frozenset[str]().union(*(run.files for run in noted_runs(self._store, self._project)))
        if not wheels:
            return wheels
        wheels -= listed_keys(load_page(self._store, self._project))
        return wheels | {key + METADATA for key in wheels}

    def discard(self, keys: Iterable[str]) -> None:
        """Do nothing: the journal is what names them."""

    def drop(self) -> None:
        """Drop what this run noted."""
        if self._keys:
            self._store.delete(self._key)
            self._keys = {}


def noted_runs(store: Store, project: str | None = None) -> Iterator[NotedRun]:
    """Yield what runs have noted of ``project``, or of all by name, in a store that several write to at once.

    :raises IncompleteListing: after the last, if one of a directory could not be read.
    """
    errors = dict[str, MirrorError | OSError]()
    try:
        for key, head in store.heads(RUNS if project is None else f"{RUNS}/{project}"):
            of, slash, run = key.removeprefix(f"{RUNS}/").partition("/")
            try:
                stored = store.read(key) if slash and run and is_normalized_name(of) else None
            except (MirrorError, OSError) as error:
                if store.is_shared or is_of_store(store, error):
                    raise
                errors[key] = error
                continue
            if stored is None:
                continue
            lines = stored.data.decode("utf-8", "replace").split("\n")[:-1]
            yield NotedRun(key, of, head.modified, frozenset(line for line in lines if _is_of(of, line)))
    except IncompleteListing as error:
        errors |= error.errors
    if errors:
        raise IncompleteListing(errors)


def drop_run(store: Store, project: str, run: str) -> None:
    """Drop what the job ``run`` noted of ``project``: the page lists all of it."""
    store.delete(f"{RUNS}/{project}/{run}")


def store_now(store: Store) -> datetime | None:
    """Return what time it is by the clock of ``store``, which writes a file of its own for that; ``None`` if it has none.

    :raises WheelfixError, OSError: if that cannot be written: an older one says another time.
    """
    for error in store.put_new([NewFile(_CLOCK, b"", attributes_of(_CLOCK), replace=True)]).values():
        raise error
    head = store.head(_CLOCK)
    return head.modified if head else None


_CLOCK: Final = f"{RUNS}/clock"


def _is_of(project: str, key: str) -> bool:
    """Whether ``key`` is that of a file of ``project``: a journal can hold anything by now."""
    return key.startswith(f"{FILES}/{project}/") and is_file_key(key)


def journaled_projects(store: Store) -> list[str]:
    """Return the projects that have a journal, by name."""
    names = (key.rpartition("/")[2] for key in store.keys(JOURNAL))
    return [name for name in names if is_normalized_name(name)]
