"""Wheels of a store that are read whole: where each part of one is a request, it is copied to this machine first.

To verify a wheel is to jump in it. In a bucket each jump is a request, some hundred for a large wheel; a copy takes one for
each eight megabytes.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from threading import BoundedSemaphore, Lock
from typing import Final, NamedTuple

from wheelfix.mirror.storage.base import Store
from wheelfix.progress import NO_PROGRESS, Progress
from wheelfix.wheel.zip.output import Growing
from wheelfix.wheel.zip.source import Ranged, Readable, blocks_of

_AT_ONCE: Final = 3
"""How many copies there are at a time: each takes a part in memory, and all of its wheel on the disk."""
_SMALL: Final = 1 << 16
"""In bytes: a file of this size is here once it is opened."""


class LocalCopy(NamedTuple):
    """What a wheel is read from, and its sha256 (hexadecimal), ``None`` if it was not copied."""

    source: Readable
    sha256: str | None


class LocalCopies:
    """Copies of wheels in ``store``, each for as long as it is open. Safe to use from several threads.

    They are where the store has its work in progress, and have no name: if the process is killed, nothing is left. Copying
    is reported to ``progress``, in bytes.
    """

    def __init__(self, store: Store, progress: Progress = NO_PROGRESS) -> None:
        self._store = store
        self._progress = progress
        self._turns = BoundedSemaphore(_AT_ONCE)
        self._lock = Lock()
        self._missing = 0

    @contextmanager
    def open(self, key: str) -> Iterator[LocalCopy]:
        """Open the wheel at ``key`` to read all of it; what can be read at any position without a request is not copied.

        :raises FileNotFoundError: if there is none.
        :raises MirrorError: if there is not enough space for the copy, or the store does not answer.
        :raises SourceChanged: if the wheel changes meanwhile.
        :raises OSError: if it cannot be written.
        """
        with self._store.open(key) as source:
            if not isinstance(source, Ranged) or source.size <= _SMALL:
                yield LocalCopy(source, None)
                return
            with (
                self._turns,
                TemporaryFile(dir=self._store.scratch(), buffering=0) as file,
                Growing(file.fileno()) as copy,
            ):
                yield LocalCopy(copy, self._fill(copy, source, key.rpartition("/")[2]))

    def _fill(self, copy: Growing, source: Ranged, name: str) -> str:
        """Write all of ``source`` to ``copy``; return its sha256."""
        self._reserve(source.size, name)
        digest = hashlib.sha256()
        try:
            self._progress.file_started(name, source.size)
            for block in blocks_of(source):
                digest.update(block)
                copy.write(block)
                self._progress.file_advanced(name, len(block))
            source.check_unchanged()
        finally:
            with self._lock:
                self._missing -= source.size
        return digest.hexdigest()

    def _reserve(self, size: int, name: str) -> None:
        """Confirm that there is space for ``size`` more bytes, besides what other copies are still to have."""
        from wheelfix.upstream.saving import require_space  # imported late: mirrors in directories need none of it

        with self._lock:
            require_space(Path(self._store.scratch()), self._missing + size, name)
            self._missing += size
