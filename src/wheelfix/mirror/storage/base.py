"""What a mirror needs of the store of its files, a directory or a bucket.

Files are known by keys, relative to the mirror and with slashes; :mod:`wheelfix.mirror.layout` says which there are. A store
promises what a bucket can promise, no more: one key is written atomically, many are written in order.

Several writers never overwrite each other's pages, because a page is read with its version and written only if that is
still the same. A directory has locks as well, so that they wait for each other. A bucket has none
(:attr:`Store.is_shared`): there a writer that finds another version reads the page, decides and tries again.
"""

import errno
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from msgspec import Struct

from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.locations import Location
from wheelfix.mirror.layout import Attributes, attributes_of
from wheelfix.options import Transfer
from wheelfix.progress import NO_PROGRESS, Progress
from wheelfix.results import Finding
from wheelfix.wheel.zip.source import Readable, Source, sha256_of as sha256_of_readable

_OF_PAGES: Final = frozenset({"bad-page", "in-the-way", "link-outside", "page-missing", "too-large"})
_OF_STORES: Final = frozenset({"client-broke", "no-answer", "no-bucket", "no-cache-directory", "no-space", "wrong-region"})
_OF_DISKS: Final = frozenset({errno.EDQUOT, errno.EIO, errno.ENODEV, errno.ENOSPC, errno.EROFS, errno.ESTALE})
_OF_PROCESSES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


class Stored(Struct, frozen=True):
    """What was read: the bytes, and their ``version``, which :meth:`Store.put_if` compares; its form is the store's own."""

    data: bytes
    version: str


class Head(Struct, frozen=True):
    """What a store knows of a file without reading it: ``size`` in bytes; its sha256 (hexadecimal), ``None`` if unknown.

    ``modified`` is when it was written, by the clock of the store.
    """

    size: int
    sha256: str | None = None
    modified: datetime | None = None


class Write(Struct, frozen=True):
    """Bytes for a key, in place of what was read there with this ``version``; ``None`` if nothing was there."""

    key: str
    data: bytes
    version: str | None
    attributes: Attributes


class NewFile(Struct, frozen=True):
    """A file to write where none is: the bytes of an open file, which it may share with another ``transfer``, or others.

    With ``replace`` it may take the place of another, atomically: where it cannot be written, that one stays. ``sha256`` is
    that of the content (hexadecimal), where it is known: a store can compare what it received, and keep it for
    :meth:`Store.head`.
    """

    key: str
    content: Source | bytes
    attributes: Attributes
    transfer: Transfer = Transfer.COPY
    replace: bool = False
    sha256: str | None = None


class RefusedAt(OSError):
    """The system refused what is at ``key``: mostly another file than the one that a caller has in mind, or reports on."""

    def __init__(self, key: str, error: OSError) -> None:
        super().__init__(*error.args)
        self.filename = error.filename
        self.key = key


class IncompleteListing(OSError):
    """Directories or files of a listing could not be read: why, by key, in ``errors``. All others were listed before."""

    def __init__(self, errors: Mapping[str, MirrorError | OSError]) -> None:
        first = next(iter(errors.values()))
        if isinstance(first, OSError):
            super().__init__(first.errno, first.strerror, first.filename)
        else:
            super().__init__(first.message)
        self.errors = dict(errors)


class Store(Protocol):
    """Where the files of a mirror are stored.

    Every method raises :class:`OSError` where the system refuses, and :class:`~wheelfix.errors.MirrorError` where what
    it would touch is outside the mirror, access to it is denied, or a server does not answer (``no-answer``;
    :func:`is_silent`): then what was to be written may be written. A file that cannot be read is an error, never one
    that is not there.
    """

    @property
    def location(self) -> Location:
        """Where the mirror is, as the caller named it; ``location / key`` is where a file is."""

    @property
    def is_shared(self) -> bool:
        """Whether several writers can be at work at once, as :meth:`locked` keeps nobody out."""

    def read(self, key: str) -> Stored | None:
        """Return what is at ``key``, ``None`` where nothing is."""

    def open(self, key: str) -> AbstractContextManager[Readable]:
        """Open a wheel, to read parts of it at any position."""

    def head(self, key: str) -> Head | None:
        """Return what is known of the file at ``key``, ``None`` where there is none."""

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys of all files below the directory ``prefix``, in order.

        :raises IncompleteListing: after the last, if a directory could not be read: then there may be more.
        """

    def heads(self, prefix: str) -> Iterator[tuple[str, Head]]:
        """Yield the key of each file below the directory ``prefix``, in order, and what is known of it.

        One listing of a bucket names a thousand files, with their sizes and times, and without their sha256.

        :raises IncompleteListing: after the last, if a directory or file could not be read: then there may be more.
        """

    def put_new(self, files: Iterable[NewFile], progress: Progress = NO_PROGRESS) -> dict[str, WheelfixError | OSError]:
        """Write files, several at a time; return why one could not be written, by key: the others are.

        That is :class:`FileExistsError` where one is there already, and :class:`SourceChanged` where somebody writes to its
        source meanwhile. Each is read before the next one is requested, so that a generator can close it then. They are safe
        from a crash of the machine only after :meth:`flush`. What is sent over a network is reported to ``progress``, in
        bytes.
        """

    def put_if(self, writes: Iterable[Write]) -> None:
        """Write each in order, atomically, if what is there still has the version that it had when it was read.

        Stops at the first that cannot be written; those before it are written then. A store that can prepare all of them
        before the first appears does so.

        :raises ChangedMeanwhile: if another process changed one of them meanwhile; it says which of them are written.
        """

    def delete(self, key: str) -> None:
        """Delete the file at ``key``, if there is one: one that no page lists, and nobody else writes."""

    def delete_if(self, key: str, version: str) -> bool:
        """Delete the file at ``key`` if it still has this ``version``; return whether it is gone.

        A store that cannot do both at once returns ``False``, and deletes nothing.

        :raises ChangedMeanwhile: if it has another version.
        """

    def flush(self) -> None:
        """Return once everything written or deleted is safe from a crash.

        Pages are written after this, and files that they no longer list are deleted after it, so that a page never leads to
        nothing.
        """

    def locked(self, name: str, timeout: float) -> AbstractContextManager[None]:
        """Keep other writers of ``name``, a project or the root, out, as far as the store can: :meth:`put_if` is the guard.

        ``timeout`` is in seconds, -1 waits forever. A store that :attr:`is_shared` keeps nobody out.

        :raises MirrorError: if another writer holds it for longer.
        """

    def serves(self, path: Path) -> bool:
        """Whether ``path`` is that of a file which this mirror serves, whatever links are on the way to it."""

    def scratch(self) -> Path:
        """Return a local directory for downloads and work in progress, which is no part of the store; it may be new."""

    def problems(self) -> Iterator[Finding]:
        """Yield what is wrong below the keys: links to the outside, what cannot be read, what killed processes left."""


def is_silent(error: Exception) -> bool:
    """Whether ``error``, which a shared store raised, says that nobody answers: each further request waits for minutes, too.

    A bucket says so with the code ``no-answer``; a store over the network of somebody else may have errors of the system.
    """
    return isinstance(error, OSError) or (isinstance(error, MirrorError) and error.code == "no-answer")


def is_of_page(error: Exception) -> bool:
    """Whether ``error`` says something about one page or file: it is damaged, lost, too large, no file, or a link out."""
    return isinstance(error, MirrorError) and error.code in _OF_PAGES


def is_of_store(store: Store, error: Exception) -> bool:
    """Whether ``error``, which ``store`` raised, is that of whatever follows: nobody answers, the disk is full or read-only.

    Any other one belongs to the project that it was raised for, whatever it is.
    """
    if store.is_shared and is_silent(error):
        return True
    return (
        error.errno in _OF_DISKS | _OF_PROCESSES if isinstance(error, OSError) else getattr(error, "code", "") in _OF_STORES
    )


def write_changed(store: Store, contents: Mapping[str, bytes], versions: Mapping[str, str | None] | None = None) -> None:
    """Write each of ``contents`` to its key, in their order; what is there already is not written again.

    ``versions`` are those of what the caller read before it decided what to write, where it did.

    :raises ChangedMeanwhile: if another process wrote one of these since.
    """
    known, writes = versions or {}, []
    for key, data in contents.items():
        there = store.read(key)
        if there is None or there.data != data:
            version = known.get(key, there.version if there else None)
            writes.append(Write(key, data, version, attributes_of(key)))
    store.put_if(writes)


def is_whole(store: Store, key: str, size: int, sha256: str) -> bool:
    """Whether the file at ``key`` is there with this size in bytes and this sha256 (hexadecimal).

    It is read only where the store does not know its sha256.
    """
    head = store.head(key)
    return head is not None and head.size == size and (head.sha256 or sha256_of(store, key)) == sha256


def sha256_of(store: Store, key: str, *, read: bool = False) -> str:
    """Return the sha256 of the file at ``key`` (hexadecimal); one that is empty has that of no bytes.

    It is ``read`` even if the store knows its sha256: what that remembers may be of other bytes.
    """
    head = store.head(key)
    if head is not None and ((head.sha256 and not read) or not head.size):
        return (head.sha256 if head.size else None) or hashlib.sha256().hexdigest()
    with store.open(key) as source:
        return sha256_of_readable(source)
