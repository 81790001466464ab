"""Sends files to a bucket: small ones several at a time, large ones in parts, with bounded memory."""

import errno
import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from functools import partial
from threading import Event
from types import TracebackType
from typing import Final, Self

from wheelfix.errors import ResultError, VerificationError, WheelfixError
from wheelfix.mirror.layout import Attributes
from wheelfix.mirror.storage.base import NewFile
from wheelfix.progress import Progress
from wheelfix.upstream.bucket_errors import changed_meanwhile
from wheelfix.upstream.buckets import SHA256, Bucket
from wheelfix.upstream.parallel import Calls
from wheelfix.wheel.zip.source import Source, sha256_of

_SMALL: Final = 4 << 20
"""In bytes: what is sent in one request."""
_WAITING: Final = 8
"""How many small files are sent at a time."""
_MOST_WAITING: Final = 16 << 20
"""In bytes: how many of small files are held in memory."""
_BLOCK: Final = 1 << 18
_PART: Final = 5 << 20
"""In bytes: a part of a large file, of which :data:`_PARTS` are on their way at a time; no less is allowed by S3."""
_PARTS: Final = 2
_ATTEMPTS: Final = 2
_PATIENCE: Final = 5.0
"""In seconds: how long an interrupted run waits for requests that are on their way."""
_MOST_PARTS: Final = 10_000
"""How many parts an object can have (S3 and Google Cloud Storage; Azure has 50,000)."""


def headers_of(attributes: Attributes, sha256: str) -> dict[str, str]:
    """Return what is stored with an object, as the client of a bucket wants it."""
    return {"Content-Type": attributes.content_type, "Cache-Control": attributes.cache_control, SHA256: sha256}


class Sender:
    """Sends files to ``bucket``, as a context manager; ``errors`` says afterwards why one could not be sent, by key.

    A file that is added has been read when :meth:`add` returns. On Ctrl-C what is on its way is given up.
    """

    def __init__(self, bucket: Bucket, progress: Progress) -> None:
        self.errors: dict[str, WheelfixError | OSError] = {}
        self._bucket = bucket
        self._progress = progress
        self._calls = Calls(_WAITING)
        self._waiting: deque[tuple[NewFile, int, Future[None]]] = deque()
        self._stopped = Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self._wait(0, 0)
        finally:
            try:
                if kind is not None or self._waiting:
                    self._give_up()
            finally:
                self._calls.end()  # also where a second Ctrl-C ends the waiting: its threads would never end

    def _give_up(self) -> None:
        """Let what is on its way end: an upload that is begun is given up, unless the store does not answer meanwhile."""
        self._stopped.set()
        wait([future for _, _, future in self._waiting], timeout=_PATIENCE)

    def add(self, file: NewFile) -> None:
        """Send ``file``, at the latest when this object is left."""
        try:
            content = file.content
            size = len(content) if isinstance(content, bytes) else content.size
            is_large = size > _SMALL and isinstance(content, Source)
            if isinstance(content, Source) and not is_large:
                content = _read(content)
        except (WheelfixError, OSError) as error:
            self.errors[file.key] = error
            return
        self._wait(_WAITING - 1, _MOST_WAITING - size)
        if isinstance(content, bytes):
            future = self._calls.begin(partial(self._send_small, file), content)
        else:
            self._wait(0, 0)
            future = self._calls.begin(partial(self._send_large, file), content)
        self._waiting.append((file, size, future))
        if is_large:
            self._wait(0, 0)

    def _wait(self, most: int, most_bytes: int) -> None:
        """Wait until not more than so many files, and bytes, are on their way."""
        while self._waiting and (len(self._waiting) > most or sum(size for _, size, _ in self._waiting) > most_bytes):
            file, _, future = self._waiting[0]
            try:
                future.result()
            except (WheelfixError, OSError) as error:
                self.errors[file.key] = error
            self._waiting.popleft()  # not before: Ctrl-C can end the waiting

    def _send_small(self, file: NewFile, data: bytes) -> None:
        self._check_free(file)
        digest = hashlib.sha256(data).hexdigest()
        if file.sha256 not in (None, digest):
            raise changed_meanwhile()
        name = _name(file)
        self._progress.upload_started(name, len(data))
        self._send(file, digest, lambda: data, use_multipart=False)
        self._progress.file_advanced(name, len(data))

    def _send_large(self, file: NewFile, source: Source) -> None:
        self._check_free(file)
        digest = file.sha256 or sha256_of(source)
        self._progress.upload_started(_name(file), source.size)
        # A conditional write would ignore that it is to be sent in parts, and hold all of them in memory.
        parts = {"use_multipart": True, "chunk_size": max(_PART, -(-source.size // _MOST_PARTS)), "max_concurrency": _PARTS}
        self._send(file, digest, lambda: self._parts(file, source, digest), **parts)

    def _send(self, file: NewFile, digest: str, content: Callable[[], bytes | Iterator[bytes]], **options: int) -> None:
        """Send a file, and once more if it does not arrive as it was sent.

        :raises VerificationError: if it does not arrive so again; then it is deleted.
        """
        for _ in range(_ATTEMPTS):
            self._bucket.send(file.key, content(), headers_of(file.attributes, digest), **options)
            if self._has_arrived(file, digest):
                return
        self._bucket.delete(file.key)
        message = f"{_name(file)} did not arrive as it was sent, and was deleted"
        raise VerificationError("not-as-sent", message, hint="Run again.")

    def _has_arrived(self, file: NewFile, digest: str) -> bool:
        """Whether what was sent is there: it is read where the cloud did not compare it with a checksum itself."""
        if self._bucket.cloud.checks_content:
            return True
        with self._bucket.open(file.key) as stored:
            return sha256_of(stored) == digest

    def _parts(self, file: NewFile, source: Source, digest: str) -> Iterator[bytes]:
        """Yield the bytes of ``source``; what is raised before the end lets the client give up the upload."""
        actual, name = hashlib.sha256(), _name(file)
        for offset in range(0, source.size, _BLOCK):
            if self._stopped.is_set():
                raise ResultError("interrupted", "the upload was interrupted", hint="Run again.")
            data = source.read_at(offset, min(_BLOCK, source.size - offset))
            actual.update(data)
            if offset + len(data) == source.size:
                source.check_unchanged()
                if actual.hexdigest() != digest:
                    raise changed_meanwhile()
            yield data
            self._progress.file_advanced(name, len(data))

    def _check_free(self, file: NewFile) -> None:
        if self._stopped.is_set():
            raise ResultError("interrupted", "the upload was interrupted", hint="Run again.")
        if not file.replace and self._bucket.head(file.key) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), file.key)


def _read(source: Source) -> bytes:
    data = source.read_at(0, source.size)
    source.check_unchanged()
    return data


def _name(file: NewFile) -> str:
    return file.key.rpartition("/")[2]
