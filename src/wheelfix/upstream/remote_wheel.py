"""A wheel elsewhere, read over HTTP by the ranges of it that are needed (RFC 9110, 14)."""

import re
from pathlib import PurePosixPath
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

import requests

from wheelfix.errors import MirrorError, SourceChanged, WheelError
from wheelfix.upstream.http import DENIED, MISSING, OK, PARTIAL, Session, length_of, length_of_file
from wheelfix.upstream.urls import shown_url
from wheelfix.wheel.wheel import WheelArchive

_BLOCK: Final = 1 << 16
"""In bytes: how much is read at least, as each request takes a round trip."""
_TAIL: Final = _BLOCK + 1024
"""In bytes: how much of the end is read first. It is more than the longest end of an archive (65,557), and 63 % of 107 real
wheels have their directory and METADATA in there: one request. With twice as much it would be 72 %, and what that saves in
round trips of 20 ms is lost to the bytes at 100 Mbit/s."""
_MOST_BEFORE: Final = 1 << 18
"""In bytes: how much is read along with a directory. RECORD takes a half to all of what the directory does; more than this
takes longer than another request."""
_LARGEST_PART: Final = 1 << 25
"""In bytes: the directories of the largest real wheels have some megabytes."""
_LARGEST_SIZE: Final = 1 << 53
"""In bytes: what a page says beyond that is no size."""
_RANGE: Final = re.compile(r"bytes +(\d+)-(\d+)/(\d+)", re.IGNORECASE | re.ASCII)
_NO_PART: Final = (0, b"")


class Found(NamedTuple):
    """What a server answers for a file: its ``status``, its ``size`` in bytes, and the ``file`` if parts can be read."""

    status: int
    size: int | None
    file: "RemoteFile | None"


def find_file(session: Session, url: str, size: int | None = None) -> Found:
    """Return what the server has at ``url``, with the end of the file: one request where the server has ranges.

    ``size`` is what a page says, in bytes. It need not be true; but not all servers can count from the end of a file, as is
    done without it. They are asked once more, for the first byte.

    :raises MirrorError: if the server does not answer, or a limit is reached.
    """
    known = size is not None and 0 < size < _LARGEST_SIZE
    start = f"{max(0, size - _TAIL)}-{size - 1}" if known and size is not None else f"-{_TAIL}"
    found = _ask(session, url, start)
    if found.file is not None or found.status in (MISSING, *DENIED) or (known and found.status == OK):
        return found
    return _ask(session, url, "0-0")


def _ask(session: Session, url: str, wanted: str) -> Found:
    """Return what the server answers to a request for the range ``wanted``, which ends before the largest first part."""
    with session.request("GET", url, {"Range": f"bytes={wanted}"}) as answer:
        status = answer.status_code
        total = length_of_file(answer)
        if status != PARTIAL or total is None:
            return Found(status, total, None)
        return Found(status, total, RemoteFile(session, url, total, _part(session, url, answer)))


def _part(session: Session, url: str, answer: requests.Response) -> tuple[int, bytes]:
    """Return where the part in an answer begins, and the part: nothing where that is not what Content-Range says.

    Where it lies is what the server says: not all send the range that was requested (RFC 9110, 15.3.7).
    """
    match = _RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
    if match is None or any(length_of(each) is None for each in match.groups()):
        return _NO_PART
    first, last, total = map(int, match.groups())
    if not first <= last < total or last - first >= _TAIL:
        return _NO_PART
    data = session.read(url, answer, last - first + 1)
    return (first, data) if len(data) == last - first + 1 else _NO_PART


class RemoteFile:
    """The file at ``url``, of ``size`` bytes: what :class:`~wheelfix.wheel.wheel.Wheel` can be read from.

    What is read of its end is kept, and so is the last other part; ``part`` is one that has been read already, with where it
    begins.
    """

    def __init__(self, session: Session, url: str, size: int, part: tuple[int, bytes] = _NO_PART) -> None:
        self.url = url
        self.size = size
        self._session = session
        is_end = part[0] + len(part[1]) == size
        self._end = part if is_end else (size, b"")
        self._other = _NO_PART if is_end else part

    def read_at(self, offset: int, size: int) -> bytes:
        """Return exactly ``size`` bytes from ``offset``.

        :raises MirrorError: if the server does not answer, gives something else, or ``size`` is more than any wheel needs.
        """
        for start, data in (self._end, self._other):
            if start <= offset and offset + size <= start + len(data):
                return data[offset - start : offset - start + size]
        end, data = self._end
        if offset < end <= offset + size <= self.size:  # a directory that begins before what is kept of the end
            before = min(max(size, _BLOCK), _MOST_BEFORE)  # METADATA lies there mostly, and RECORD after it
            start = max(0, offset - before)
            self._end = start, self._load(start, end) + data
        else:
            start = max(0, min(offset, self.size - _BLOCK))
            self._other = start, self._load(start, max(offset + size, min(start + _BLOCK, self.size)))
        return self.read_at(offset, size)

    def _load(self, start: int, stop: int) -> bytes:
        if stop > self.size or stop - start > _LARGEST_PART:
            raise _unreadable(self.url, f"it would take {stop - start:,} bytes at once")
        with self._session.request("GET", self.url, {"Range": f"bytes={start}-{stop - 1}"}) as answer:
            data = self._session.read(self.url, answer, stop - start) if answer.status_code == PARTIAL else b""
        sent, _, total = answer.headers.get("Content-Range", "").rpartition("/")
        if length_of(total) not in (self.size, None):
            raise SourceChanged("source-changed", "the file changed while it was read", hint="Run again.")
        # A server may send another range than the one that was requested (RFC 9110, 15.3.7).
        if len(data) != stop - start or sent.strip().lower() != f"bytes {start}-{stop - 1}":
            raise _unreadable(self.url, "the server did not send the requested range")
        return data

    def check_unchanged(self) -> None:
        """Do nothing: the server says the size of the file with each part, and another size is an error at once."""


def metadata_of(file: RemoteFile) -> bytes:
    """Return METADATA of a wheel, read by ranges.

    It takes no request where it lies in the end that is kept, and otherwise one or two, however many files the wheel has.

    :raises MirrorError: if the wheel cannot be read, or the server does not answer.
    """
    try:
        name = PurePosixPath(unquote(urlsplit(file.url).path)).name
        with WheelArchive(name, source=file, directory_only=True) as archive:
            if archive.entry("METADATA") is None:
                raise MirrorError("no-metadata", f"{shown_url(file.url)} has no METADATA", hint="Check the wheel.")
            return archive.read("METADATA")
    except (WheelError, SourceChanged) as error:
        raise _unreadable(file.url, error.message) from error


def _unreadable(url: str, why: str) -> MirrorError:
    return MirrorError("bad-wheel", f"{shown_url(url)} cannot be read as a wheel: {why}", hint="Check the wheel.")
