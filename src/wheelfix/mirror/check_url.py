"""An index checked by its URL: what its clients see, and who is affected by what."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import requests
from msgspec import Struct, field
from pypi_simple import DistributionPackage

from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.mirror.listing import Contents, Listing, compare, listed_wheel, read_whole
from wheelfix.mirror.registry import MirrorCheckReport, finding
from wheelfix.mirror.release import ListedWheel, compare_releases, unyanked_originals
from wheelfix.progress import NO_PROGRESS, Progress, guarded
from wheelfix.results import Finding
from wheelfix.text import shown, shown_few
from wheelfix.upstream.client import HTML, JSON, ServedPage, get_page, get_projects, project_url, sha256_of
from wheelfix.upstream.http import DENIED, OK, PARTIAL, TEMPORARY, Session, access_hint, length_of
from wheelfix.upstream.remote_wheel import metadata_of
from wheelfix.upstream.urls import server_of, shown_url, validate_url
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.zip.source import Source

_LONGEST_FRESH: Final = 3600
_RIGHT: Final = {"json": (JSON,), "html": HTML}


def check_forms(forms: Mapping[str, ServedPage]) -> Iterator[Finding]:
    """Yield what is wrong with how a page is served, and where JSON and HTML contradict each other."""
    for answer in forms.values():
        right = _RIGHT[answer.form]
        if answer.content_type not in right:
            message = f"its Content-Type is {shown(answer.content_type) or 'missing'}, not {right[0]}"
            yield finding("content-type-wrong", shown_url(answer.url), message)
        if answer.unknown_status is not None:
            message = f"its project status is {shown(answer.unknown_status)!r}"
            yield finding("status-unknown", shown_url(answer.url), message)
        yield from _check_cache(answer)
    json, html = forms.get("json"), forms.get("html")
    if json is not None and html is not None:
        one, two = (_by_name(answer) for answer in (json, html))
        differing = sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))
        if differing:
            yield finding("html-differs", shown_url(html.url), f"JSON says otherwise about {shown_few(differing)}")


def check_originals(project: str, answer: ServedPage) -> Iterator[Finding]:
    """Yield the originals of fixed wheels that are listed as if nothing were wrong with them."""
    listed = ((each.filename, sha256_of(each) or "") for each in answer.wheels if not each.is_yanked)
    yield from unyanked_originals(project, listed, set(_originals(answer.raw)))


def _originals(raw: object) -> Iterator[tuple[str, str]]:
    """Yield file name and sha256 of the originals that a JSON page of wheelfix names; others may have anything there."""
    files = raw.get("files") if isinstance(raw, dict) else None
    for file in files if isinstance(files, list) else ():
        ours = file.get("_wheelfix") if isinstance(file, dict) else None
        origin = ours.get("original") if isinstance(ours, dict) else None
        if isinstance(origin, dict):
            yield str(origin.get("filename")), str(origin.get("sha256")).lower()


def _by_name(answer: ServedPage) -> dict[str, tuple[object, ...]]:
    return {
        each.filename: (sha256_of(each), each.is_yanked, each.requires_python, bool(each.has_metadata))
        for each in answer.page.packages
    }


def _check_cache(answer: ServedPage) -> Iterator[Finding]:
    said = {part.strip().partition("=")[0].lower(): part.partition("=")[2] for part in answer.cache_control.split(",")}
    age = said.get("max-age", "")
    if not answer.cache_control:
        yield finding("cache-unset", shown_url(answer.url), "it has no Cache-Control")
    elif "immutable" in said or (age.isdecimal() and float(age) > _LONGEST_FRESH):
        yield finding("cache-too-long", shown_url(answer.url), f"its Cache-Control is {shown(answer.cache_control)}")


_NO_HEAD: Final = (403, 405, 501)
"""The statuses of servers that support GET only, or have signed a URL for it."""
_GIVEN: Final = (OK, PARTIAL)
_LARGEST_METADATA_FILE: Final = 1 << 23
_LARGEST_WHEEL: Final = 1 << 36
_LARGEST_FOR_METADATA: Final = 1 << 26
"""In bytes: a wheel that is downloaded only because its METADATA cannot be read in another way."""
_MOST_FOR_METADATA: Final = 1 << 30
"""In bytes: all such wheels of a run together."""


class ServerLimits(Struct):
    """What servers do not support, as far as a run has found out.

    ``silent`` counts how many requests in a row each did not answer. ``left`` is how many bytes may still be downloaded of
    wheels whose METADATA cannot be read in another way.
    """

    no_ranges: set[str] = field(default_factory=set)
    no_head: set[str] = field(default_factory=set)
    silent: Counter[str] = field(default_factory=Counter)
    left: int = _MOST_FOR_METADATA


class ServedWheel:
    """A wheel that ``answer``, the page of ``project``, lists.

    It is downloaded if ``whole``; otherwise METADATA is read by ranges, or a small wheel downloaded if ``may_download``.

    ``declared`` is what it requires, once that was read; ``None`` for one that is yanked, or cannot be read.
    """

    def __init__(
        self, session: Session, servers: ServerLimits, project: str, answer: ServedPage, file: DistributionPackage, *,
        whole: bool, may_download: bool,
    ) -> None:  # fmt: skip
        self._session = session
        self._servers = servers
        self._answer = answer
        self._file = file
        self._whole = whole
        self._may_download = may_download
        self._place = f"{project}: {shown(file.filename)}"
        self.declared: ListedWheel | None = None

    def check(self) -> Iterator[Finding]:
        """Yield what is wrong with it.

        :raises MirrorError: if a server does not answer, or a limit is reached.
        """
        yield from self._check_listing()
        contents = Contents()
        try:
            length = self._find_file()
            if isinstance(length, Finding):
                yield length
                return
            contents.size = length or None
            self._read_metadata_file(contents)
            yield from self._read_wheel(contents)
        except MirrorError as error:
            if error.code in TEMPORARY:
                yield from compare(self._listing(), contents, self._place)  # what was found so far is kept
                raise
            contents.invalid = error.message
        yield from compare(self._listing(), contents, self._place)
        data = contents.metadata if contents.metadata_file is None else contents.metadata_file
        if data is not None and not self._file.is_yanked:
            self.declared = listed_wheel(self._file.filename, data, contents.needs)

    def _listing(self) -> Listing:
        file = self._file
        metadata_sha256 = (file.metadata_digests or {}).get("sha256")
        return Listing(
            filename=file.filename,
            sha256=sha256_of(file),
            size=file.size,
            requires_python=file.requires_python,
            has_metadata=bool(file.has_metadata),
            metadata_sha256=metadata_sha256.lower() if metadata_sha256 else None,
        )

    def _finding(self, code: str, message: str) -> Finding:
        return finding(code, self._place, message)

    def _check_listing(self) -> Iterator[Finding]:
        file = self._file
        if sha256_of(file) is None:
            yield self._finding("hash-missing", "the page has no sha256 for it")
        if file.size is None and self._answer.form == "json":
            yield self._finding("size-missing", "the page does not say its size")
        if file.upload_time is None and self._answer.form == "json":
            yield self._finding("time-missing", "the page does not say when it was uploaded")

    def _find_file(self) -> int | Finding | None:
        """Return its length as the server says it, ``None`` if it does not; or what is wrong."""
        url = self._file.url
        status, length = self._head(url)
        if status in _GIVEN:
            return length
        encoded = _with_encoded_plus(url)
        if encoded != url and self._head(encoded)[0] in _GIVEN:  # S3 reads a raw + as a space; devpi and others do not
            message = f"the server misreads the + in its URL: it answers {status}, and has the file under %2B"
            return self._finding("plus-in-url", message)
        return self._finding("file-missing", f"its URL {_answers(status, url)}")

    def _head(self, url: str) -> tuple[int, int | None]:
        """Return the status of ``url``, and the length of the file there, ``None`` if the server does not say it."""
        server = server_of(url)
        if server not in self._servers.no_head:
            with self._session.request("HEAD", url) as head:
                if head.status_code not in _NO_HEAD:
                    return head.status_code, length_of(head.headers.get("Content-Length", ""))
        with self._session.request("GET", url, {"Range": "bytes=0-0"}) as answer:
            if answer.status_code in _GIVEN:
                self._servers.no_head.add(server)
            return answer.status_code, _length_of_answer(answer)

    def _read_metadata_file(self, contents: Contents) -> None:
        if not self._file.has_metadata:
            return
        answer, body = self._session.get(self._file.metadata_url, largest=_LARGEST_METADATA_FILE)
        if answer.status_code == OK:
            contents.metadata_file = body
        else:
            contents.missing = f"its metadata file {_answers(answer.status_code, self._file.metadata_url)}"

    def _read_wheel(self, contents: Contents) -> Iterator[Finding]:
        """Read METADATA of the wheel, by ranges if that is enough; yield what keeps it from being read.

        Where the server has no ranges, the wheel is downloaded if there is no metadata file, so that nothing else says what
        it requires.
        """
        size = max(self._file.size or 0, contents.size or 0)
        if self._whole:
            self._download(contents, size or _LARGEST_WHEEL)
            return
        server = server_of(self._file.url)
        if server not in self._servers.no_ranges:  # it is reported once
            contents.metadata = metadata_of(self._session, self._file.url)
            if contents.metadata is None:
                self._servers.no_ranges.add(server)
                yield self._finding("ranges-missing", "the server does not support range requests")
        if contents.metadata is not None or contents.metadata_file is not None:
            return
        largest = min(_LARGEST_FOR_METADATA, self._servers.left)
        if not self._may_download or size > largest:
            yield self._not_read(f"it has {size:,} bytes")
            return
        try:
            self._download(contents, size or largest)
        except MirrorError as error:
            if error.code != "too-large":
                raise
            yield self._not_read(f"it has more than {largest:,} bytes")
        self._servers.left -= size or largest

    def _not_read(self, why: str) -> Finding:
        why = why if self._may_download else "--download is none"
        message = f"its METADATA was not read: the index has no metadata file, the server no range support, and {why}"
        return self._finding("not-checked", message)

    def _download(self, contents: Contents, largest: int) -> None:
        """Download the wheel whole, at most ``largest`` bytes, and verify it."""
        try:
            WheelFilename.parse(self._file.filename)  # it names a file here
        except WheelfixError:
            return
        with tempfile.TemporaryDirectory(prefix="wheelfix-") as directory:
            path = Path(directory, Path(self._file.filename).name)
            contents.sha256 = self._session.save(self._file.url, path, largest=largest)
            try:
                with Source(path) as source:
                    whole = read_whole(path, source, contents.sha256)
            except WheelfixError as error:
                contents.invalid = error.message
                return
        contents.metadata, contents.invalid, contents.needs = whole.metadata, whole.invalid, whole.needs


def _answers(status: int, url: str) -> str:
    """Return what the server answers for ``url``, and what to do about it."""
    return f"answers {status}. {access_hint(url)}" if status in DENIED else f"answers {status}"


def _with_encoded_plus(url: str) -> str:
    """Return ``url`` with each + of its path written %2B."""
    plain, mark, query = url.partition("?")
    return plain.replace("+", "%2B") + mark + query


def _length_of_answer(answer: requests.Response) -> int | None:
    """Return the length of a file, from the answer for all or a part of it."""
    if answer.status_code == PARTIAL:
        return length_of(answer.headers.get("Content-Range", "").rpartition("/")[2])
    return length_of(answer.headers.get("Content-Length", ""))


_MOST_PROJECTS: Final = 500
_PATIENCE: Final = 3
"""How many requests in a row a server may leave unanswered before it gets no more."""


def check_projects(
    session: Session,
    index: str,
    projects: Sequence[str] = (),
    *,
    download: str = "some",
    progress: Progress = NO_PROGRESS,
) -> MirrorCheckReport:
    """Return what is wrong with ``projects`` of an index, all of them if none is named, as clients see it.

    ``download`` says which wheels are downloaded to compare their sha256: none, some (the smallest one of each project) or
    all. Of the others only METADATA is read: the metadata file, or the wheel by ranges; without either, small wheels are
    downloaded, unless ``download`` is none. Where a server does not answer, or a limit is reached, the report has what was
    found so far, and what was not checked.

    :raises MirrorError: if ``index`` is not an index or does not answer, or has more than 500 projects and none is named.
    """
    progress = guarded(progress)
    validate_url(index)
    names = list(dict.fromkeys(projects)) or get_projects(session, index)
    if not projects and len(names) > _MOST_PROJECTS:
        raise MirrorError("too-many-projects", f"the index lists {len(names)} projects", hint="Name the projects to check.")
    findings: list[Finding] = []
    servers, files = ServerLimits(), 0
    for number, project in enumerate(names):
        check = _ProjectCheck(session, servers, index, project, download)
        try:
            for finding in check.run():
                findings.append(finding)  # noqa: PERF402 - what was found before an error is kept
        except MirrorError as error:
            if error.code == "no-answer" and not any(each.code != "not-checked" for each in findings) and not files:
                raise
            findings.append(_not_checked(index, names[number:], error))
            break
        finally:
            files += check.files
        progress.project_done(project)
    return MirrorCheckReport.of(findings, len(names), files)


def _not_checked(index: str, projects: Sequence[str], error: MirrorError) -> Finding:
    more = f", and {shown_few(projects[1:], 5)} not at all" if len(projects) > 1 else ""
    message = f"{error.message}; {shown(projects[0])} was not checked completely{more}"
    return finding("not-checked", shown_url(index), message)


class _ProjectCheck:
    """One project of an index."""

    def __init__(self, session: Session, servers: ServerLimits, index: str, project: str, download: str) -> None:
        self._session = session
        self._servers = servers
        self._index = index
        self._project = project
        self._download = download
        self._listed_wheels: list[ListedWheel] = []
        self.files = 0

    def run(self) -> Iterator[Finding]:
        """Yield what is wrong with the project.

        :raises MirrorError: if the index does not answer, or a limit is reached.
        """
        forms: dict[str, ServedPage] = {}
        unreadable = False
        for accept in (JSON, "text/html"):
            try:
                answer = get_page(self._session, self._index, self._project, accept)
            except MirrorError as error:
                if error.code in TEMPORARY:
                    raise
                more = f". {error.hint}" if error.code == "access-denied" else ""
                yield finding("page-unreadable", self._project, f"{error.message}{more}")
                unreadable = True
                continue
            if answer is None:
                url = project_url(self._index, self._project)
                yield finding("page-missing", self._project, f"{shown_url(url)} answers 404")
                return
            forms.setdefault(answer.form, answer)
        if "json" not in forms and "html" in forms and not unreadable:
            answer = forms["html"]
            message = f"it answers with {shown(answer.content_type)} to a request for JSON"
            yield finding("json-not-offered", shown_url(answer.url), message)
        yield from check_forms(forms)
        main = forms.get("json") or forms.get("html")
        if main is not None:
            yield from self._check_files(main)
            yield from compare_releases(self._project, self._listed_wheels)
            yield from check_originals(self._project, main)

    def _check_files(self, page: ServedPage) -> Iterator[Finding]:
        wheels = page.wheels
        smallest = min(wheels, key=lambda each: each.size or 0, default=None)
        for each in wheels:
            whole = self._download == "all" or (self._download == "some" and each is smallest)
            yield from self._check_file(each, page, whole=whole)

    def _check_file(self, file: DistributionPackage, page: ServedPage, *, whole: bool) -> Iterator[Finding]:
        """Yield what is wrong with a file; one on a server that does not answer does not end the check."""
        place = f"{self._project}: {shown(file.filename)}"
        wheel = ServedWheel(
            self._session, self._servers, self._project, page, file, whole=whole, may_download=self._download != "none"
        )  # fmt: skip
        try:
            validate_url(file.url)
        except MirrorError as error:
            yield finding("file-missing", place, error.message)
            return
        server, silent = server_of(file.url), self._servers.silent
        if silent[server] >= _PATIENCE:
            yield finding("not-checked", place, f"{shown(server)} did not answer {_PATIENCE} times: no more requests")
            return
        try:
            yield from wheel.check()
        except MirrorError as error:
            if error.code != "no-answer":
                raise
            silent[server] += 1
            yield finding("not-checked", place, error.message)
            return
        silent[server] = 0
        self.files += 1
        if wheel.declared is not None:
            self._listed_wheels.append(wheel.declared)
