"""The files of one project on their way into the store: what is missing there, and what must be put again.

In a shared store ``wheelfix mirror prune`` may delete a file that no page lists while a run is about to list it. It deletes
only what is older than the grace period. So a file that is older than half of that is put again, and a run checks that the
files which it did not put itself exist before it lists them, and once more afterwards.
"""

import hashlib
import time
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from wheelfix.errors import MirrorError, SourceChanged, WheelfixError
from wheelfix.mirror.examine import ExaminedWheel
from wheelfix.mirror.journal import Journal, RunJournal
from wheelfix.mirror.layout import FILES, METADATA, attributes_of
from wheelfix.mirror.scratch import workshop
from wheelfix.mirror.storage.base import Head, NewFile, Store, is_silent, is_whole
from wheelfix.options import Transfer
from wheelfix.text import shown
from wheelfix.wheel.zip.source import Source, blocks_of

_FEW: Final = 20
"""How many files are looked up one by one, and not in a list of all files of their project."""


class Transfers:
    """The files of ``project`` that a run puts into ``store``; ``journal`` is its own.

    ``transfer`` says how, ``kept`` are paths of files that are copied in any case, ``grace`` is in seconds.
    """

    def __init__(
        self, store: Store, project: str, journal: Journal, transfer: Transfer, kept: Collection[Path], grace: float
    ) -> None:
        self.missing: list[str] = []
        """The keys of the wheels that are not there."""
        self.may_vanish: list[str] = []
        """In a shared store, the keys of the wheels that no page lists: they are missing, or may be deleted by others."""
        self.placed: list[str] = []
        """The keys of all wheels that the journal names."""
        self.restored: set[str] = set()
        """The keys of wheels that were missing or damaged."""
        self.errors: dict[Path, WheelfixError | OSError] = {}
        """Why wheels could not be read, or put into the store."""
        self._store = store
        self._project = project
        self._journal = journal
        self._transfer = transfer
        self._kept = kept
        self._half_grace = timedelta(seconds=grace / 2)
        self._files: Mapping[str, ExaminedWheel] = {}
        self._seen: Mapping[str, Head | None] = {}
        self._identities: Mapping[Path, tuple[int, ...]] = {}
        self._sent: dict[str, float] = {}
        self._put_at: dict[str, float] = {}

    def plan(
        self,
        files: Mapping[str, ExaminedWheel],
        identities: Mapping[Path, tuple[int, ...]],
        listed: Collection[str],
    ) -> None:
        """Find out which of ``files``, by key, are to be put; ``listed`` are the keys that the page has already.

        :raises MirrorError, OSError: if a shared store does not answer.
        """
        self.errors = {}
        self._files, self._identities = files, identities
        self._seen = dict(self._looked_up())
        self.missing = [key for key, head in self._seen.items() if head is None]
        self.may_vanish = [key for key in files if key not in listed] if self._store.is_shared else []
        self.placed += self.to_note

    def _looked_up(self) -> Iterator[tuple[str, Head | None]]:
        """Yield what is known of each file in the store; why one cannot be looked at is an error of its wheel."""
        for key, wheel in self._files.items():
            if self._is_put(key):
                continue
            try:
                yield key, self._store.head(key)
            except (MirrorError, OSError) as error:
                if self._store.is_shared and is_silent(error):
                    raise
                self.errors[wheel.path] = error

    @property
    def to_note(self) -> Sequence[str]:
        """The keys of what is left over if the run is interrupted."""
        return self.may_vanish if self._store.is_shared else self.missing

    def _is_put(self, key: str) -> bool:
        """Whether this run put the wheel at ``key`` so recently that nobody deletes it as left over."""
        put_at = self._put_at.get(key)
        return put_at is not None and time.monotonic() - put_at < self._half_grace.total_seconds()

    def new_files(self, silent: MirrorError | None = None) -> Generator[NewFile, None, MirrorError | None]:
        """Yield each wheel and its metadata file, unless the store has them undamaged; see :meth:`collect`.

        If the store was ``silent`` for another project it is not asked; that, or a new error of the kind, is returned.
        """
        missing, may_vanish = set(self.missing), set(self.may_vanish)
        for key, wheel in self._files.items():
            if self._is_put(key) or wheel.path in self.errors:
                continue
            try:
                if silent is not None:
                    raise silent
                if wheel.is_stored:
                    yield from self._stored(key, wheel)
                    continue
                is_new = key in missing or (key in may_vanish and self._is_at_risk(self._store.head(key)))
                if is_new or not is_whole(self._store, key, wheel.file.size, wheel.file.sha256):
                    yield from self._wheel(key, wheel, replace=self._store.is_shared or key not in missing)
                if wheel.metadata is None:
                    continue
                there = None if key in missing or key in may_vanish else self._store.read(key + METADATA)
                if there is None or there.data != wheel.metadata:
                    yield from metadata_files(key, wheel)
            except (WheelfixError, OSError) as error:
                self.errors[wheel.path] = error
                if isinstance(error, MirrorError) and is_silent(error):  # an error of the system may be that of the wheel
                    silent = error
        return silent

    def _stored(self, key: str, wheel: ExaminedWheel) -> Iterator[NewFile]:
        """Yield a wheel that a job put into the store if it is old, and its metadata file if that was lost.

        :raises MirrorError: if the wheel is gone, or is another one by now.
        """
        head = self._seen.get(key)
        if head is None or head.size != wheel.file.size:
            raise lost_file(key)
        if self._store.is_shared:  # where both are looked for again once this was done: see lost_files
            if key in self.may_vanish and self._is_at_risk(head):
                yield from self._again(key, wheel)
                yield from metadata_files(key, wheel)
        elif self._store.head(key + METADATA) is None:
            yield from metadata_files(key, wheel)

    def _again(self, key: str, wheel: ExaminedWheel) -> Iterator[NewFile]:
        """Yield a wheel of a job once more, as the store has it, so that nobody deletes it as left over."""
        self._sent[key] = time.monotonic()
        with workshop(self._store.scratch()) as directory:
            path = directory / wheel.file.filename
            if self._copy(key, path) != wheel.file.sha256:
                raise lost_file(key)
            with Source(path) as source:
                yield NewFile(key, source, attributes_of(key), replace=True, sha256=wheel.file.sha256)

    def _copy(self, key: str, path: Path) -> str:
        """Copy a file of the store to the new file ``path``; return its sha256 (hexadecimal)."""
        digest = hashlib.sha256()
        with self._store.open(key) as stored, path.open("xb") as copy:
            for block in blocks_of(stored):
                digest.update(block)
                copy.write(block)
            stored.check_unchanged()
        return digest.hexdigest()

    def _is_at_risk(self, head: Head | None) -> bool:
        """Whether a file that no page lists is gone, or so old that others may delete it."""
        if head is None or not isinstance(self._journal, RunJournal):
            return True
        return self._journal.age(head.modified) > self._half_grace

    def _wheel(self, key: str, wheel: ExaminedWheel, *, replace: bool) -> Iterator[NewFile]:
        if wheel.is_stored:
            if self._store.head(key) is None:
                raise lost_file(key)
            yield from self._again(key, wheel)
            return
        if key not in self.may_vanish:
            self.restored.add(key)
        self._sent[key] = time.monotonic()
        with Source(wheel.path) as source:
            if source.identity != self._identities[wheel.path]:
                raise SourceChanged(
                    "source-changed", "the file changed while it was read", hint="Run again when nothing writes to it."
                )
            transfer = Transfer.COPY if wheel.path in self._kept else self._transfer
            yield NewFile(key, source, attributes_of(key), transfer, replace=replace, sha256=wheel.file.sha256)

    def collect(self, errors: Mapping[str, WheelfixError | OSError]) -> Mapping[Path, WheelfixError | OSError]:
        """Return why wheels could not be put, after :meth:`new_files` were, with these ``errors`` by key."""
        for key, wheel in self._files.items():
            error = errors.get(key) or errors.get(key + METADATA) or self.errors.get(wheel.path)
            if error is not None:
                self.errors[wheel.path] = error
            elif key in self._sent:
                self._put_at[key] = self._sent.pop(key)
        return self.errors

    def lost_files(self, *, is_listed: bool) -> Iterator[NewFile]:
        """Yield what others deleted since this run saw it; until it ``is_listed`` also what others may delete now."""
        names = {key: (key, key + METADATA) if self._files[key].metadata is not None else (key,) for key in self.may_vanish}
        heads = self._heads([name for each in names.values() for name in each])
        for key in self.may_vanish:
            wheel, there = self._files[key], [heads.get(name) for name in names[key]]
            if None in there or (not is_listed and any(map(self._is_at_risk, there))):
                yield from self._wheel(key, wheel, replace=True)
                yield from metadata_files(key, wheel)

    def _heads(self, keys: Sequence[str]) -> Mapping[str, Head | None]:
        """Return what is known of the files at ``keys``, with as few requests as possible."""
        if len(keys) > _FEW:
            return dict(self._store.heads(f"{FILES}/{self._project}"))
        return {key: self._store.head(key) for key in keys}


def lost_file(key: str) -> MirrorError:
    """Return the error for a file of a job that is no longer in the store, or is another one by now."""
    return MirrorError(
        "job-file-lost",
        f"{shown(key)} was put into the mirror, and is gone or damaged",
        hint="Run the sync again: it downloads the wheel again.",
    )


def metadata_files(key: str, wheel: ExaminedWheel) -> Iterator[NewFile]:
    """Yield the metadata file of a wheel at ``key``; a source distribution has none."""
    if wheel.metadata is not None:
        name = key + METADATA
        yield NewFile(name, wheel.metadata, attributes_of(name), replace=True, sha256=wheel.file.metadata_sha256)
