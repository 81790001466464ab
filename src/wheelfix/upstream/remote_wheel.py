"""A wheel elsewhere, read over HTTP by the ranges of it that are needed (RFC 9110, 14)."""

from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from wheelfix.errors import MirrorError, SourceChanged, WheelError
from wheelfix.upstream.http import PARTIAL, Session, length_of
from wheelfix.upstream.urls import shown_url
from wheelfix.wheel.wheel import WheelArchive

_BLOCK: Final = 1 << 16
"""In bytes: how much is read at least, as each request takes a round trip. The directory of most wheels is smaller."""
_LARGEST_PART: Final = 1 << 25
"""In bytes: the directories of the largest real wheels have some megabytes."""


class RemoteFile:
    """The file at ``url``, of ``size`` bytes: what :class:`~wheelfix.wheel.wheel.Wheel` can be read from.

    The first part that is read is kept, which of an archive is its end, and so is the last one.
    """

    def __init__(self, session: Session, url: str, size: int) -> None:
        self._session = session
        self._url = url
        self.size = size
        self._kept: list[tuple[int, bytes]] = []

    @classmethod
    def open(cls, session: Session, url: str) -> "RemoteFile | None":
        """Return the file at ``url``, ``None`` where the server does not support ranges, or it is empty.

        :raises MirrorError: if the server does not answer, or a limit is reached.
        """
        with session.request("GET", url, {"Range": "bytes=0-0"}) as first:
            total = length_of(first.headers.get("Content-Range", "").rpartition("/")[2])
        return None if first.status_code != PARTIAL or total is None else cls(session, url, total)

    def read_at(self, offset: int, size: int) -> bytes:
        """Return exactly ``size`` bytes from ``offset``.

        :raises MirrorError: if the server does not answer, gives something else, or ``size`` is more than any wheel needs.
        """
        for start, data in self._kept:
            if start <= offset and offset + size <= start + len(data):
                return data[offset - start : offset - start + size]
        start = max(0, min(offset, self.size - _BLOCK))
        data = self._load(start, max(offset + size, min(start + _BLOCK, self.size)))
        self._kept = [*self._kept[:1], (start, data)]
        return data[offset - start : offset - start + size]

    def _load(self, start: int, stop: int) -> bytes:
        if stop > self.size or stop - start > _LARGEST_PART:
            raise _unreadable(self._url, f"it would take {stop - start:,} bytes at once")
        with self._session.request("GET", self._url, {"Range": f"bytes={start}-{stop - 1}"}) as answer:
            data = self._session.read(self._url, answer, stop - start) if answer.status_code == PARTIAL else b""
        sent, _, total = answer.headers.get("Content-Range", "").rpartition("/")
        if length_of(total) not in (self.size, None):
            raise SourceChanged("source-changed", "the file changed while it was read", hint="Run again.")
        # A server may send another range than the one that was requested (RFC 9110, 15.3.7).
        if len(data) != stop - start or sent.strip().lower() != f"bytes {start}-{stop - 1}":
            raise _unreadable(self._url, "the server did not send the requested range")
        return data

    def check_unchanged(self) -> None:
        """Do nothing: the server says the size of the file with each part, and another size is an error at once."""


def metadata_of(session: Session, url: str) -> bytes | None:
    """Return METADATA of the wheel at ``url``, read by ranges; ``None`` where the server does not support them.

    It takes four requests or five, however many files the wheel has.

    :raises MirrorError: if the wheel cannot be read, or the server does not answer.
    """
    file = RemoteFile.open(session, url)
    if file is None:
        return None
    try:
        with WheelArchive(PurePosixPath(unquote(urlsplit(url).path)).name, source=file, directory_only=True) as archive:
            if archive.entry("METADATA") is None:
                raise MirrorError("no-metadata", f"{shown_url(url)} has no METADATA", hint="Check the wheel.")
            return archive.read("METADATA")
    except (WheelError, SourceChanged) as error:
        raise _unreadable(url, error.message) from error


def _unreadable(url: str, why: str) -> MirrorError:
    return MirrorError("bad-wheel", f"{shown_url(url)} cannot be read as a wheel: {why}", hint="Check the wheel.")
