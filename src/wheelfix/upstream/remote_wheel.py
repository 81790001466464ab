"""A remote wheel, read over HTTP by the ranges of it that are needed (RFC 9110, 14)."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

import requests

from wheelfix.errors import ArchiveError, MirrorError, SourceChanged, WheelError
from wheelfix.locations import Url
from wheelfix.upstream.answers import (
    BEYOND_END,
    DENIED,
    MISSING,
    OK,
    PARTIAL,
    TEMPORARY,
    Version,
    bad_answer,
    is_encoded,
    is_web_page,
    length_of,
    length_of_file,
    not_a_wheel,
)
from wheelfix.upstream.http import Session
from wheelfix.upstream.ranges import NO_PART, Part, RangedFile
from wheelfix.upstream.urls import shown_url
from wheelfix.wheel.wheel import WheelArchive
from wheelfix.wheel.zip.ahead import TAIL
from wheelfix.wheel.zip.layout import Directory

_LARGEST_PART: Final = 1 << 25
"""In bytes: the directories of the largest real wheels have some megabytes."""
_LARGEST_SIZE: Final = 1 << 53
"""In bytes: what a page says beyond that is no size."""
_LARGEST_METADATA_FILE: Final = 1 << 23
_WHOLE_FILE: Final = "the server answered a range request with the whole file"
_RANGE: Final = re.compile(r"bytes +(\d+)-(\d+)/(\d+)", re.IGNORECASE | re.ASCII)
_IS_METADATA: Final = re.compile(rb"^Metadata-Version[ \t]*:", re.IGNORECASE | re.MULTILINE)
_EXPIRED: Final = (400, 401, 403, 404, 410)
"""The statuses of a URL that was signed for a short time, and has been used before."""
_NO_VERSION: Final = Version()


class Found(NamedTuple):
    """What a server answers for a file: its ``status``, its ``size`` in bytes, and the ``file`` if parts can be read.

    ``is_web_page`` says that the answer is a page for people.
    """

    status: int
    size: int | None
    file: "RemoteFile | None"
    is_web_page: bool = False


def find_file(session: Session, url: str, size: int | None = None) -> Found:
    """Return what the server has at ``url``, with the end of the file: one request where the server has ranges.

    ``size`` is what a page says, in bytes. It need not be true; but not all servers can count from the end of a file, as is
    done without it. They are asked once more: for the end, if their answer says how long the file is, or for the first byte.

    :raises MirrorError: if the server does not answer, or a limit is reached.
    """
    known = size is not None and 0 < size < _LARGEST_SIZE
    found = _ask(session, url, _end_of(size) if known and size is not None else f"-{TAIL}")
    if found.file is not None or found.status in (MISSING, *DENIED) or (known and found.status == OK):
        return found
    return _ask(session, url, _end_of(found.size) if found.status == OK and found.size else "0-0")


def _end_of(size: int) -> str:
    return f"{max(0, size - TAIL)}-{size - 1}"


def _ask(session: Session, url: str, wanted: str) -> Found:
    """Return what the server answers to a request for the range ``wanted``, which ends before the largest first part."""
    with session.request("GET", url, {"Range": f"bytes={wanted}"}) as answer:
        status = answer.status_code
        total = None if is_encoded(answer) else length_of_file(answer)
        if status != PARTIAL or total is None:
            return Found(status, total, None, is_web_page(answer))
        part = _part(session, url, answer)
        return Found(status, total, RemoteFile(session, url, total, part, Version.of(answer), answer.url))


def _part(session: Session, url: str, answer: requests.Response) -> Part:
    """Return where the part in an answer begins, and the part: nothing where that is not what Content-Range says.

    Where it is, the server says: not all send the range that was requested (RFC 9110, 15.3.7).
    """
    match = _RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
    if match is None or any(length_of(each) is None for each in match.groups()):
        return NO_PART
    first, last, total = map(int, match.groups())
    if not first <= last < total or last - first >= TAIL:
        return NO_PART
    return first, _body(session, url, answer, last - first + 1)


def _body(session: Session, url: str, answer: requests.Response, count: int) -> bytes:
    """Return the body of an answer, which must have ``count`` bytes.

    :raises MirrorError: if it has more, or fewer.
    """
    data = bytearray()
    for block in session.blocks(url, answer):
        data += block
        if len(data) > count:
            raise _no_ranges(url, f"the server sent more than the {count:,} bytes of the requested range")
    if len(data) < count:
        raise _no_ranges(url, f"the server sent {len(data):,} of the {count:,} bytes of the requested range")
    return bytes(data)


class RemoteFile(RangedFile):
    """The file at ``url``, of ``size`` bytes, of which ``part`` has been read already.

    All parts are of one ``version``: an answer that is of another one, or does not say of which, is an error.

    ``place`` is where ``url`` redirects to, if it does. Parts are requested from there. Where that URL expires, the first
    one is asked again.
    """

    def __init__(
        self,
        session: Session,
        url: str,
        size: int,
        part: Part = NO_PART,
        version: Version = _NO_VERSION,
        place: str | None = None,
    ) -> None:
        super().__init__(size, part)
        self.url = url
        self._session = session
        self._version = version
        self._place = place or url
        self._change: SourceChanged | None = None

    def load(self, start: int, stop: int) -> bytes:
        """Request the bytes from ``start`` to before ``stop``, and again if that breaks off; see :class:`RangedFile`."""
        if self._change is not None:
            raise self._change
        if stop - start > _LARGEST_PART:
            raise _unreadable(self.url, f"it would take {stop - start:,} bytes at once")
        try:
            return self._load_once(start, stop)
        except MirrorError as error:
            if error.code != "no-answer":
                raise
        return self._load_once(start, stop)  # a server may close a connection that was kept just when it is used again

    def _load_once(self, start: int, stop: int) -> bytes:
        wanted = f"bytes={start}-{stop - 1}"
        with self._request({"Range": wanted, **self._version.if_range}) as answer:
            self._check(answer, wanted.replace("=", " "))
            return _body(self._session, self.url, answer, stop - start)

    def _request(self, headers: Mapping[str, str]) -> requests.Response:
        answer = self._session.request("GET", self._place, headers)
        if answer.status_code in _EXPIRED and self._place != self.url:
            answer.close()
            answer = self._session.request("GET", self.url, headers)
            self._place = answer.url
        return answer

    def _check(self, answer: requests.Response, wanted: str) -> None:
        """Confirm that an answer has the range ``wanted`` of this very file.

        Another range may come (RFC 9110, 15.3.7), several with a text between them (14.6), or the whole file (14.2).
        """
        status, same = answer.status_code, self._version.matches(Version.of(answer))
        if status not in (OK, PARTIAL, BEYOND_END):
            raise bad_answer(self.url, status)
        if is_encoded(answer):
            raise _no_ranges(self.url, "the server compresses its answer to a range request")
        sent, _, total = answer.headers.get("Content-Range", "").rpartition("/")
        size = length_of_file(answer) if status == OK else length_of(total)
        if same is False or size not in (self.size, None) or status == BEYOND_END:
            self._change = self._changed()
            raise self._change
        if status == OK:
            raise _no_ranges(self.url, _WHOLE_FILE)
        if sent.strip().lower() != wanted:
            raise _no_ranges(self.url, "the server did not send the requested range")
        if same is None:
            raise _no_ranges(self.url, "the server does not say of each range of which version of the file it is")

    def check_unchanged(self) -> None:
        """Confirm that no answer was of another file: each says which version it is of, and the size of the file.

        :raises SourceChanged: if one was.
        """
        if self._change is not None:
            raise self._change


class HttpWheel:
    """A wheel at a URL, of which parts are read: a :class:`~wheelfix.wheel.zip.source.RemoteWheel`."""

    def __init__(self, session: Session, url: str, size: int | None, has_metadata_file: bool | None) -> None:
        self.url: Final = Url(shown_url(url))
        self.name: Final = self.url.name
        self.sha256: Final = None
        self.metadata_sha256: Final = None
        self._session = session
        self._url = url
        self._size = size
        self._has_metadata_file = has_metadata_file

    @contextmanager
    def open(self) -> Iterator[RemoteFile]:
        """Open it, with one request in most cases.

        :raises MirrorError: if there is none, the server does not answer, or gives no parts of it that can be trusted
            (``no-ranges``).
        :raises ArchiveError: if it is empty.
        """
        found = find_file(self._session, self._url, self._size)
        if found.file is None:
            raise _why_not(self._url, found)
        yield found.file

    def metadata_file(self) -> bytes | None:
        """Return the metadata file beside it (PEP 658), ``None`` where there is none; it may say what the wheel does not.

        :raises MirrorError: if the server does not answer, or does not give one that the index lists.
        """
        parts = urlsplit(self._url)
        if self._has_metadata_file is False or (self._has_metadata_file is None and parts.query):  # a signature is for one
            return None
        url = urlunsplit(parts._replace(path=f"{parts.path}.metadata"))
        try:
            answer = self._session.get(url, largest=_LARGEST_METADATA_FILE)
        except MirrorError as error:
            if self._has_metadata_file or error.code in TEMPORARY:
                raise
            return None
        if self._has_metadata_file and answer.status != OK:
            raise bad_answer(url, answer.status)
        if answer.status != OK:
            return None
        # Some servers have a page for every path, or answer with the wheel: what no index lists must look like what it is.
        return answer.body if self._has_metadata_file or _is_metadata(answer.body) else None


def _is_metadata(data: bytes) -> bool:
    """Whether ``data`` begins like METADATA: there is a Metadata-Version before the first empty line."""
    head = re.split(rb"\r?\n\r?\n", data.lstrip(), maxsplit=1)[0]
    return bool(_IS_METADATA.search(head))


def open_remote(session: Session, url: str, *, size: int | None = None, has_metadata_file: bool | None = None) -> HttpWheel:
    """Return the wheel at ``url``, of which nothing is read yet. A fragment of the URL is ignored, a query never shown.

    ``size`` and ``has_metadata_file`` are what a page of an index says, ``None`` where none does: then ``size`` is found
    out, and a metadata file is looked for beside the wheel.
    """
    return HttpWheel(session, url.partition("#")[0], size, has_metadata_file)


def metadata_of(file: RemoteFile) -> bytes:
    """Return METADATA of a wheel, read by ranges.

    It takes no request where it is in the end that is kept, and otherwise one or two, however many files the wheel has.

    :raises MirrorError: if the wheel cannot be read, or the server does not answer.
    """
    try:
        name = PurePosixPath(unquote(urlsplit(file.url).path)).name
        with WheelArchive(name, directory=Directory(file)) as archive:
            if archive.entry("METADATA") is None:
                raise MirrorError("no-metadata", f"{shown_url(file.url)} has no METADATA", hint="Check the wheel.")
            return archive.read("METADATA")
    except (WheelError, SourceChanged) as error:
        raise _unreadable(file.url, error.message) from error


def _why_not(url: str, found: Found) -> MirrorError | ArchiveError:
    """Return the error for a file of which no parts can be read."""
    if found.size == 0 and found.status in (OK, BEYOND_END):
        return ArchiveError("empty-file", "the file is empty", hint="Download or build the wheel again.")
    if found.status not in (OK, PARTIAL):
        return bad_answer(url, found.status)
    if found.is_web_page:
        return not_a_wheel(url)
    return _no_ranges(
        url,
        _WHOLE_FILE if found.status == OK else "the answer to a range request cannot be used",
    )


def _no_ranges(url: str, why: str) -> MirrorError:
    return MirrorError(
        "no-ranges",
        f"parts of {shown_url(url)} cannot be read: no HTTP range support",
        reason=why,
        hint="Download the wheel, and give the file.",
    )


def _unreadable(url: str, why: str) -> MirrorError:
    return MirrorError("bad-wheel", f"{shown_url(url)} cannot be read as a wheel: {why}", hint="Check the wheel.")
