"""What a mirror needs of the place where its bytes lie: a directory today, a bucket as well.

Files are known by keys, relative to the mirror and with slashes; :mod:`wheelfix.mirror.layout` says which there are. A store
promises what a bucket can promise, no more: one key is written atomically, many are written in order.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.mirror.layout import Attributes, attributes_of
from wheelfix.options import Transfer
from wheelfix.results import Finding
from wheelfix.text import shown
from wheelfix.wheel.zip.source import Readable, Source, sha256_of as sha256_of_readable


class Stored(Struct, frozen=True):
    """What was read: the bytes, and their ``version``, which :meth:`Store.put_if` compares; its form is the store's own."""

    data: bytes
    version: str


class Head(Struct, frozen=True):
    """What a store knows of a file without reading it: ``size`` in bytes; its sha256 (hexadecimal), ``None`` if unknown."""

    size: int
    sha256: str | None = None


class Write(Struct, frozen=True):
    """Bytes for a key, in place of what was read there with this ``version``; ``None`` if nothing was there."""

    key: str
    data: bytes
    version: str | None
    attributes: Attributes


class NewFile(Struct, frozen=True):
    """A file to write where none lies: the bytes of an open file, which it may share with another ``transfer``, or others.

    With ``replace`` it may take the place of another, atomically: where it cannot be written, that one stays.
    """

    key: str
    content: Source | bytes
    attributes: Attributes
    transfer: Transfer = Transfer.COPY
    replace: bool = False


class Store(Protocol):
    """Where a mirror's bytes lie.

    Every method raises :class:`OSError` where the system refuses, and :class:`~wheelfix.errors.MirrorError` where what it
    would touch lies outside the mirror.
    """

    @property
    def name(self) -> str:
        """The mirror as the caller named it."""

    def read(self, key: str) -> Stored | None:
        """Return what lies at ``key``, ``None`` where nothing does."""

    def open(self, key: str) -> AbstractContextManager[Readable]:
        """Open a wheel, to read parts of it at any position."""

    def head(self, key: str) -> Head | None:
        """Return what is known of the file at ``key``, ``None`` where there is none."""

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys of all files below the directory ``prefix``, in order."""

    def put_new(self, files: Iterable[NewFile]) -> dict[str, WheelfixError | OSError]:
        """Write files, several at a time; return why one could not be written, by key: the others are.

        That is :class:`FileExistsError` where one lies already, and :class:`SourceChanged` where somebody writes to its
        source meanwhile. Each is read before the next one is asked for, so that a generator can close it then. They are safe
        from a crash of the machine only after :meth:`flush`.
        """

    def put_if(self, writes: Iterable[Write]) -> None:
        """Write each in order, atomically, if what lies there still has the version that it had when it was read.

        Stops at the first that cannot be written; those before it are written then. A store that can prepare all of them
        before the first appears does so.

        :raises MirrorError: if another process changed one of them meanwhile.
        """

    def delete(self, key: str) -> None:
        """Delete the file at ``key``, if there is one."""

    def flush(self) -> None:
        """Return once everything written or deleted is safe from a crash.

        Pages are written after this, and files that they no longer list are deleted after it, so that a page never leads to
        nothing.
        """

    def locked(self, name: str, timeout: float) -> AbstractContextManager[None]:
        """Keep other writers of ``name``, a project or the root, out, as far as the store can: :meth:`put_if` is the guard.

        ``timeout`` is in seconds, -1 waits forever.

        :raises MirrorError: if another writer holds it for longer.
        """

    def serves(self, path: Path) -> bool:
        """Whether ``path`` is that of a file which this mirror serves, whatever links are on the way to it."""

    def scratch(self) -> Path:
        """Return a local directory for downloads and work in progress, which is no part of the store; it may be new."""

    def problems(self) -> Iterator[Finding]:
        """Yield what is wrong below the keys: links to the outside, what cannot be read, what killed processes left."""


def changed_meanwhile(key: str) -> MirrorError:
    """Return the error for a key that has another version than the writer expects."""
    return MirrorError(
        "changed-meanwhile", f"another process changed {shown(key)} during the run", hint="Run the same command again."
    )


def write_changed(store: Store, contents: Mapping[str, bytes], versions: Mapping[str, str | None] | None = None) -> None:
    """Let each of ``contents`` lie at its key, in their order; what is there already is not written again.

    ``versions`` are those of what the caller read before it decided what to write, where it did.

    :raises MirrorError: if another process wrote one of these since.
    """
    known, writes = versions or {}, []
    for key, data in contents.items():
        there = store.read(key)
        if there is None or there.data != data:
            version = known.get(key, there.version if there else None)
            writes.append(Write(key, data, version, attributes_of(key)))
    store.put_if(writes)


def is_whole(store: Store, key: str, size: int, sha256: str) -> bool:
    """Whether the file at ``key`` is there with this size in bytes and this sha256 (hexadecimal)."""
    head = store.head(key)
    return head is not None and head.size == size and sha256_of(store, key) == sha256


def sha256_of(store: Store, key: str) -> str:
    """Return the sha256 of the file at ``key`` (hexadecimal); one that is empty has that of no bytes."""
    head = store.head(key)
    if head is not None and (head.sha256 or not head.size):
        return head.sha256 or hashlib.sha256().hexdigest()
    with store.open(key) as source:
        return sha256_of_readable(source)
