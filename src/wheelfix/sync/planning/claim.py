"""One sync of a mirror at a time: the second waits, or says so. What one leaves unfinished, the next one knows.

A run leaves a note that it is at work, and takes it back at its end. Where it finds one it looks whether all pages were
written: a run that was killed may have written only those in JSON, from which the others follow.

A directory has locks, which end with their process. A bucket has none: there the note is what keeps others out, and a run
renews it. One that was not renewed for a while is that of a run that was killed, and the next run takes its place. That only
spares work: what keeps pages right is that each is written in place of the one that was read.
"""

import json
import os
import platform
import secrets
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from typing import Any, Final

from packaging.utils import is_normalized_name

from wheelfix.errors import ChangedMeanwhile, MirrorError, WheelfixError
from wheelfix.mirror.journal import store_now
from wheelfix.mirror.layout import SYNC, attributes_of
from wheelfix.mirror.storage.base import Store, Stored, Write
from wheelfix.text import after_seconds, shown

_LOCK: Final = ".sync"
"""The name of the lock in a directory; no project is called so."""
_LEASE: Final = 300.0
"""In seconds: a run that did not renew its note for so long is over."""
_RENEW: Final = 60.0
_LOOK: Final = 5.0
"""In seconds: how often a run that waits looks again."""
_LEFT: Final = "left"
_RUN: Final = "run"


class Claim:
    """The note of the sync that is at work on the mirror in ``store``.

    ``unfinished`` are the projects of which an earlier run may not have written all pages; ``None`` where that may be any.
    A run that ends with an error leaves any, unless it ``only_looks`` so far.
    """

    unfinished: frozenset[str] | None = frozenset()
    only_looks: bool = False

    def __init__(self, store: Store) -> None:
        self._store = store
        self._run = secrets.token_hex(8)  # a name that no other run has
        self._turn = 0
        self._left: frozenset[str] | None = frozenset()

    def finish(self, left: Collection[str]) -> None:
        """Say that the run came to its end, and looked at what was unfinished; now the projects in ``left`` may be."""
        self._left = frozenset(left)

    def fail(self) -> None:
        """Say that the run ended with an error."""
        if not self.only_looks:
            self._left = None

    def take(self) -> Stored | None:
        """Write the note, unless another run is at work; return the note of that run, ``None`` if this one has it."""
        there = self._store.read(SYNC)
        found = _read(there)
        if self._store.is_shared and there is not None and _RUN in found and not self._is_over():
            return there
        try:
            self._write(there.version if there else None, self._text())
        except ChangedMeanwhile:
            return self._store.read(SYNC) or Stored(b"", "")
        self.unfinished = self._left = frozenset() if there is None else _projects_in(found)
        return None

    def _is_over(self) -> bool:
        """Whether the note was not renewed for long, by the clock of the store; one without a clock cannot say."""
        head, now = self._store.head(SYNC), store_now(self._store)
        return head is None or head.modified is None or now is None or now - head.modified > timedelta(seconds=_LEASE)

    def _text(self) -> dict[str, Any]:
        self._turn += 1  # the same bytes have the same version in some stores
        return {_RUN: self._run, "host": platform.node(), "process": os.getpid(), "turn": self._turn}

    def _write(self, version: str | None, content: dict[str, Any]) -> None:
        self._store.put_if([Write(SYNC, json.dumps(content).encode() + b"\n", version, attributes_of(SYNC))])

    def renew(self) -> None:
        """Write the note again, for as long as it is the own one: another run may have taken this one for killed."""
        self._rewrite(self._text())

    def release(self) -> None:
        """Take the note back, or say what is left."""
        if self._left is None:
            self._rewrite({_LEFT: None})
        elif self._left or self._store.is_shared:  # most buckets cannot delete what was read, and nothing else
            self._rewrite({_LEFT: sorted(self._left)})
        else:
            self._store.delete(SYNC)

    def _rewrite(self, content: dict[str, Any]) -> None:
        there = self._store.read(SYNC)
        if there is not None and _read(there).get(_RUN) == self._run:
            self._write(there.version, content)


@contextmanager
def claimed(store: Store, timeout: float) -> Iterator[Claim]:
    """Keep other syncs of the mirror in ``store`` out, or wait for them for ``timeout`` seconds; -1 waits forever.

    :raises MirrorError: if another one is at work for longer.
    """
    claim = Claim(store)
    if store.is_shared:
        _wait(claim, timeout)
        with _released(claim), _renewed(claim):
            yield claim
        return
    with _locked(store, timeout):
        claim.take()
        with _released(claim):
            yield claim


@contextmanager
def _locked(store: Store, timeout: float) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(store.locked(_LOCK, timeout))
        except MirrorError as error:
            if error.code != "locked":
                raise
            raise MirrorError("locked", _still_at_work(timeout), hint=error.hint) from error
        yield


def _still_at_work(timeout: float) -> str:
    return f"another sync of this mirror is still at work{after_seconds(timeout)}"


@contextmanager
def _released(claim: Claim) -> Iterator[None]:
    try:
        yield
    except BaseException:
        claim.fail()
        raise
    finally:
        with suppress(WheelfixError, OSError):  # then the next run looks at all pages
            claim.release()


def _wait(claim: Claim, timeout: float) -> None:
    waited = 0.0
    while (other := claim.take()) is not None:
        if 0 <= timeout <= waited:
            raise _busy(other, timeout)
        pause = _LOOK if timeout < 0 else min(_LOOK, timeout - waited)
        time.sleep(pause)
        waited += pause


@contextmanager
def _renewed(claim: Claim) -> Iterator[None]:
    over = threading.Event()

    def renew() -> None:
        while not over.wait(_RENEW):
            with suppress(WheelfixError, OSError):  # pages are safe without it
                claim.renew()

    thread = threading.Thread(target=renew, name="wheelfix-sync", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _read(note: Stored | None) -> dict[str, Any]:
    """Return what is in a note; nothing where it is damaged."""
    try:
        found = json.loads(note.data) if note is not None else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _projects_in(note: dict[str, Any]) -> frozenset[str] | None:
    """Return the projects that a note names, ``None`` where it does not say which ones are unfinished."""
    left = note.get(_LEFT)
    if not isinstance(left, list):
        return None
    return frozenset(each for each in left if isinstance(each, str) and is_normalized_name(each))


def _busy(note: Stored, timeout: float) -> MirrorError:
    found = _read(note)
    who = f"process {found.get('process')} on {found.get('host')}" if _RUN in found else "another process"
    return MirrorError(
        "locked",
        _still_at_work(timeout),
        reason=shown(who[:200]),
        hint=f"Try again when it has finished. One that was killed is forgotten after {_LEASE:g} seconds.",
    )
