"""One wheel behind a URL, compared with what the page of its index says of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final

from msgspec import Struct, field
from pypi_simple import DistributionPackage

from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.mirror.listing import Contents, Listing, compare, listed_wheel, read_whole
from wheelfix.mirror.needs import ListedWheel
from wheelfix.mirror.registry import finding
from wheelfix.results import Finding
from wheelfix.text import shown
from wheelfix.upstream.answers import DENIED, OK, PARTIAL, TEMPORARY, access_hint, length_of, length_of_file
from wheelfix.upstream.client import sha256_of
from wheelfix.upstream.http import Session
from wheelfix.upstream.remote_wheel import Found, RemoteFile, find_file, metadata_of
from wheelfix.upstream.urls import server_of, validate_url
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.zip.source import Source
from wheelfix.wheel.zip.staging import temporary_directory

_NO_HEAD: Final = (403, 405, 501)
"""The statuses of servers that support GET only, or have signed a URL for it."""
_HAS_FILE: Final = (OK, PARTIAL)
_EMPTY: Final = 416
"""The status for any part of an empty file: it has no first byte."""
_LARGEST_METADATA_FILE: Final = 1 << 23
_LARGEST_WHEEL: Final = 1 << 36
_LARGEST_FOR_METADATA: Final = 1 << 26
"""In bytes: a wheel that is downloaded only because its METADATA cannot be read in another way."""
_MOST_FOR_METADATA: Final = 1 << 30
"""In bytes: all such wheels of a run together."""


class ServerLimits:
    """What servers do not support, as far as a run has found out; all of its threads share it."""

    def __init__(self) -> None:
        self.no_ranges: set[str] = set()
        self.no_head: set[str] = set()
        self._left = _MOST_FOR_METADATA
        self._lock = Lock()

    def largest(self) -> int:
        """Return how many bytes may be downloaded of a wheel whose METADATA cannot be read in another way."""
        return min(_LARGEST_FOR_METADATA, self._left)

    def spend(self, count: int) -> None:
        """Count ``count`` bytes of such a wheel."""
        with self._lock:
            self._left -= count


class Listed(Struct, frozen=True):
    """A wheel that the page of ``project`` lists, in the ``form`` json or html.

    It is downloaded if ``whole``; otherwise METADATA is read by ranges, or a small wheel downloaded if ``may_download``.
    """

    project: str
    file: DistributionPackage
    form: str
    whole: bool
    may_download: bool

    @property
    def place(self) -> str:
        """The place of its findings."""
        return f"{self.project}: {shown(self.file.filename)}"


class CheckedFile(Struct):
    """What was found in a wheel.

    ``is_checked`` says whether the server answered, and ``error`` that a limit ended the check. ``declared`` is what the
    wheel requires, ``None`` for one that is yanked or cannot be read. If it is ``without_ranges``, parts of it were wanted
    and the server does not support that.
    """

    listed: Listed
    findings: list[Finding] = field(default_factory=list)
    is_checked: bool = False
    error: MirrorError | None = None
    declared: ListedWheel | None = None
    without_ranges: bool = False


def check_wheel(session: Session, servers: ServerLimits, listed: Listed) -> CheckedFile:
    """Return what is wrong with a wheel; a server that does not answer is ``not-checked``."""
    check = _WheelCheck(session, servers, listed)
    found = check.found
    try:
        validate_url(listed.file.url)
    except MirrorError as error:
        found.findings.append(finding("file-missing", listed.place, error.message))
        return found
    try:
        check.run()
        found.is_checked = True
    except MirrorError as error:
        if error.code == "no-answer":
            found.findings.append(finding("not-checked", listed.place, error.message))
        else:
            found.error = error
    return found


class _WheelCheck:
    """The check of one wheel.

    It takes two requests where the server has ranges, and dist-info is at the end of the wheel: one for that, one for
    the metadata file. Nothing asks first whether the wheel is there: the request for its end says so, too.
    """

    def __init__(self, session: Session, servers: ServerLimits, listed: Listed) -> None:
        self.found = CheckedFile(listed)
        self._session = session
        self._servers = servers
        self._listed = listed
        self._file = listed.file
        self._server = server_of(listed.file.url)
        self._contents = Contents()

    def run(self) -> None:
        """Collect what is wrong with it.

        :raises MirrorError: if a server does not answer, or a limit is reached; what was found so far is kept.
        """
        contents = self._contents
        self._check_listing()
        try:
            is_there = self._read()
        except MirrorError:
            self._compare()
            raise
        if not is_there:
            return
        self._compare()
        data = contents.metadata if contents.metadata_file is None else contents.metadata_file
        if data is not None and not self._file.is_yanked:
            self.found.declared = listed_wheel(self._file.filename, data, contents.needs)

    def _read(self) -> bool:
        """Read what is to be compared; return whether the wheel is there at all."""
        contents, remote = self._contents, None
        if (self._listed.whole or self._is_read_only_whole()) and _is_valid(self._file.filename):
            is_there = True
            with self._noting():
                is_there = self._download()
            if is_there:
                self._read_metadata_file()
            return is_there
        with self._noting():
            status, remote = self._find()
            if status not in _HAS_FILE:
                return self._report_missing(status)
        self._read_metadata_file()
        with self._noting():
            if remote is not None and self._read_by_ranges(remote):
                return True
            if contents.metadata_file is None and not contents.invalid:
                return self._download_if_small()
        return True

    def _is_read_only_whole(self) -> bool:
        """Whether a download is known to be the only way to METADATA, so that nothing needs to be asked first."""
        if self._file.has_metadata or self._server not in self._servers.no_ranges or not self._listed.may_download:
            return False
        self.found.without_ranges = True
        return (self._file.size or 0) <= self._servers.largest()

    def _compare(self) -> None:
        file = self._file
        metadata_sha256 = (file.metadata_digests or {}).get("sha256")
        said = Listing(
            filename=file.filename,
            sha256=sha256_of(file),
            size=file.size,
            requires_python=file.requires_python,
            has_metadata=bool(file.has_metadata),
            metadata_sha256=metadata_sha256.lower() if metadata_sha256 else None,
        )
        self.found.findings += compare(said, self._contents, self._listed.place)

    def _report(self, code: str, message: str) -> None:
        self.found.findings.append(finding(code, self._listed.place, message))

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Note an error that says something about the wheel; what else there is to read is read all the same."""
        try:
            yield
        except MirrorError as error:
            if error.code in TEMPORARY:
                raise
            self._contents.invalid = self._contents.invalid or error.message

    def _check_listing(self) -> None:
        file = self._file
        if sha256_of(file) is None:
            self._report("hash-missing", "the page has no sha256 for it")
        if file.size is None and self._listed.form == "json":
            self._report("size-missing", "the page does not say its size")
        if file.upload_time is None and self._listed.form == "json":
            self._report("time-missing", "the page does not say when it was uploaded")

    def _find(self) -> tuple[int, RemoteFile | None]:
        """Return the status of the wheel's URL, and the wheel if parts of it can be read; its length is noted."""
        if self._server in self._servers.no_ranges:
            self.found.without_ranges = True
            status, size = self._head(self._file.url)
            self._contents.size = size or None
            return status, None
        try:
            found = find_file(self._session, self._file.url, self._file.size)
        except MirrorError as error:
            if error.code != "no-ranges":
                raise
            found = Found(PARTIAL, None, None)
        self._contents.size = found.size
        if found.file is None and found.status in _HAS_FILE:
            self._note_no_ranges()
        if found.status == _EMPTY and found.size == 0:
            self._contents.invalid = "the file is empty"
            return OK, None
        return found.status, found.file

    def _read_by_ranges(self, remote: RemoteFile) -> bool:
        """Read METADATA of the wheel; return False if the server gives parts of it that cannot be trusted."""
        try:
            self._contents.metadata = metadata_of(remote)
        except MirrorError as error:
            if error.code != "no-ranges":
                raise
            self._note_no_ranges()
            return False
        return True

    def _note_no_ranges(self) -> None:
        self._servers.no_ranges.add(self._server)
        self.found.without_ranges = True

    def _report_missing(self, status: int) -> bool:
        """Report why the wheel is not there; return False: there is nothing else to check."""
        url = self._file.url
        encoded = _with_encoded_plus(url)
        if encoded != url and self._head(encoded)[0] in _HAS_FILE:  # S3 reads a raw + as a space; devpi and others do not
            message = f"the server misreads the + in its URL: it answers {status}, and has the file under %2B"
            self._report("plus-in-url", message)
        else:
            self._report("file-missing", f"its URL {_answers(status, url)}")
        return False

    def _head(self, url: str) -> tuple[int, int | None]:
        """Return the status of ``url``, and the length of the file there, ``None`` if the server does not say it."""
        server = server_of(url)
        if server not in self._servers.no_head:
            with self._session.request("HEAD", url) as head:
                if head.status_code not in _NO_HEAD:
                    return head.status_code, length_of(head.headers.get("Content-Length", ""))
        with self._session.request("GET", url, {"Range": "bytes=0-0"}) as answer:
            if answer.status_code in _HAS_FILE:
                self._servers.no_head.add(server)
            return answer.status_code, length_of_file(answer)

    def _read_metadata_file(self) -> None:
        if not self._file.has_metadata:
            return
        with self._noting():
            answer = self._session.get(self._file.metadata_url, largest=_LARGEST_METADATA_FILE)
            if answer.status == OK:
                self._contents.metadata_file = answer.body
            else:
                self._contents.missing = f"its metadata file {_answers(answer.status, self._file.metadata_url)}"

    def _report_not_read(self, why: str) -> None:
        why = why if self._listed.may_download else "--download is none"
        message = f"its METADATA was not read: the index has no metadata file, the server no range support, and {why}"
        self._report("not-checked", message)

    def _download_if_small(self) -> bool:
        """Download the wheel for its METADATA, or report that this was not read; return whether the wheel is there."""
        size = max(self._file.size or 0, self._contents.size or 0)
        if not self._listed.may_download or size > self._servers.largest():
            self._report_not_read(f"it has {size:,} bytes")
            return True
        return not _is_valid(self._file.filename) or self._download()

    def _download(self) -> bool:
        """Download the wheel and verify it; return whether it is there.

        One that is downloaded only for its METADATA, because nothing else says what it requires, must not be large.
        """
        url, contents, servers = self._file.url, self._contents, self._servers
        largest = _LARGEST_WHEEL if self._listed.whole else servers.largest()
        with self._session.request("GET", url) as answer, temporary_directory() as directory:
            if answer.status_code != OK:
                return self._report_missing(answer.status_code)
            contents.size = length_of_file(answer) or contents.size
            size = max(self._file.size or 0, contents.size or 0)
            if size > largest and not self._listed.whole:
                self._report_not_read(f"it has {size:,} bytes")
                return True
            if not self._listed.whole:
                servers.spend(size or largest)
            path = directory / Path(self._file.filename).name
            try:
                contents.sha256 = self._session.save(url, answer, path, largest=min(size or largest, largest))
            except MirrorError as error:
                if error.code != "too-large" or self._listed.whole:
                    raise
                self._report_not_read(f"it has more than {largest:,} bytes")
                return True
            self._verify(path)
        return True

    def _verify(self, path: Path) -> None:
        contents = self._contents
        try:
            with Source(path) as source:
                whole = read_whole(path, source, contents.sha256)
        except WheelfixError as error:
            contents.invalid = error.message
            return
        contents.metadata, contents.invalid, contents.needs = whole.metadata, whole.invalid, whole.needs


def _is_valid(filename: str) -> bool:
    """Whether this is the name of a wheel, and so of a file that can be written here."""
    try:
        WheelFilename.parse(filename)
    except WheelfixError:
        return False
    return True


def _answers(status: int, url: str) -> str:
    """Return what the server answers for ``url``, and what to do about it."""
    return f"answers {status}. {access_hint(url)}" if status in DENIED else f"answers {status}"


def _with_encoded_plus(url: str) -> str:
    """Return ``url`` with each + of its path written %2B."""
    plain, mark, query = url.partition("?")
    return plain.replace("+", "%2B") + mark + query
