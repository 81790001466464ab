"""An index checked by its URL: what its clients see, and who is affected by what."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from wheelfix.errors import MirrorError
from wheelfix.mirror.against import StoredPages
from wheelfix.mirror.needs import ListedWheel, compare_releases, unyanked_originals
from wheelfix.mirror.registry import MirrorCheckReport, finding
from wheelfix.mirror.served_wheel import CheckedFile, Listed, ServerLimits, check_wheel
from wheelfix.mirror.storage.base import Store
from wheelfix.options import Requests
from wheelfix.progress import NO_PROGRESS, Progress, guarded
from wheelfix.results import Finding
from wheelfix.text import shown, shown_few
from wheelfix.upstream.answers import TEMPORARY
from wheelfix.upstream.cache import Cache
from wheelfix.upstream.client import HTML, JSON, ServedPage, get_page, get_projects, project_url, sha256_of
from wheelfix.upstream.http import LARGEST_PAGE, Session
from wheelfix.upstream.parallel import Calls, parallel
from wheelfix.upstream.urls import server_of, shown_url, validate_url

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
    """Yield file name and sha256 of the originals of files that are not yanked, as a JSON page of wheelfix names them.

    Other pages may have anything there.
    """
    files = raw.get("files") if isinstance(raw, dict) else None
    for file in files if isinstance(files, list) else ():
        ours = file.get("_wheelfix") if isinstance(file, dict) and not file.get("yanked") else None
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


_MOST_PROJECTS: Final = 500
_MOST_UNANSWERED: Final = 3
"""How many requests in a row a server may leave unanswered before it gets no more."""
_LARGEST_AHEAD: Final = 1 << 19
"""In bytes: a page that is larger is read when its turn has come, so that only one of them is in memory. This one has some
1,500 files and takes 8 MiB there; one of 32 MiB takes half a gigabyte."""
_WHEELS_AHEAD: Final = 4
"""How many wheels for each connection are begun before their turn, so that a slow one does not keep others waiting."""


class CheckedPage(Struct):
    """What was found in the pages of ``project``, and the ``wheels`` that they list.

    ``originals`` is what is reported after the wheels. ``error`` is that the index did not answer, or of a limit. One that
    ``is_large`` was not read.
    """

    project: str
    findings: list[Finding] = field(default_factory=list)
    wheels: list[Listed] = field(default_factory=list)
    originals: list[Finding] = field(default_factory=list)
    error: MirrorError | None = None
    is_large: bool = False


def check_page(
    session: Session,
    index: str,
    download: str,
    project: str,
    *,
    largest: int = LARGEST_PAGE,
    stored: StoredPages | None = None,
) -> CheckedPage:
    """Return what is wrong with the pages of ``project``, of at most ``largest`` bytes, and the wheels that they list.

    With ``stored`` it is also wrong where they are not the page that is stored there.
    """
    checked, forms = CheckedPage(project), dict[str, ServedPage]()
    try:
        for each in _read_forms(session, index, project, forms, largest):
            checked.findings.append(each)
    except MirrorError as error:
        if error.code == "too-large":
            return CheckedPage(project, is_large=True)
        checked.error = error
        return checked
    checked.findings += check_forms(forms)
    if stored is not None:
        checked.findings += stored.compare(project, forms)
    main = forms.get("json") or forms.get("html")
    if main is not None:
        checked.wheels = _listed(project, main, download)
        checked.originals += check_originals(project, main)
    return checked


def _read_forms(session: Session, index: str, project: str, forms: dict[str, ServedPage], largest: int) -> Iterator[Finding]:
    """Read the page of ``project`` in both forms into ``forms``; yield what keeps one from being read.

    :raises MirrorError: if the index does not answer, a limit is reached, or a page is too large to be read already.
    """
    unreadable = False
    for accept in (JSON, "text/html"):
        try:
            answer = get_page(session, index, project, accept, largest=largest)
        except MirrorError as error:
            if error.code in TEMPORARY or (error.code == "too-large" and largest < LARGEST_PAGE):
                raise
            more = f". {error.hint}" if error.code == "access-denied" else ""
            yield finding("page-unreadable", project, f"{error.message}{more}")
            unreadable = True
            continue
        if answer is None:
            forms.clear()
            yield finding("page-missing", project, f"{shown_url(project_url(index, project))} answers 404")
            return
        forms.setdefault(answer.form, answer)
    if "json" not in forms and "html" in forms and not unreadable:
        html = forms["html"]
        message = f"it answers with {shown(html.content_type)} to a request for JSON"
        yield finding("json-not-offered", shown_url(html.url), message)


def _listed(project: str, page: ServedPage, download: str) -> list[Listed]:
    """Return the wheels on a page, and which of them are to be downloaded: none, some (the smallest) or all."""
    wheels = page.wheels
    smallest = min(wheels, key=lambda each: each.size or 0, default=None)
    return [
        Listed(
            project,
            each,
            page.form,
            whole=download == "all" or (download == "some" and each is smallest),
            may_download=download != "none",
        )
        for each in wheels
    ]


def check_projects(
    index: str,
    projects: Sequence[str] = (),
    *,
    download: str = "some",
    requests: Requests = Requests(),
    progress: Progress = NO_PROGRESS,
    store: Store | None = None,
) -> MirrorCheckReport:
    """Return what is wrong with ``projects`` of an index, all of them if none is named, as clients see it.

    ``download`` says which wheels are downloaded to compare their sha256: none, some (the smallest one of each project) or
    all. Of the others only METADATA is read: the metadata file, or the wheel by ranges; without either, small wheels are
    downloaded, unless ``download`` is none. Where a server does not answer, or a limit is reached, the report has what was
    found so far, and what was not checked. Findings come in the order of the pages, however many requests are made at once.
    With the ``store`` of the mirror that it shows, pages are compared with those there, and all projects are its own.

    :raises MirrorError: if ``index`` is not an index or does not answer, or has more than 500 projects and none is named.
    """
    progress = guarded(progress)
    validate_url(index)
    session = Session(
        timeout=requests.timeout,
        seconds=requests.max_time,
        most=requests.max_requests,
        patience=_MOST_UNANSWERED,
        connections=requests.connections,
        cache=Cache(Path(requests.cache)) if requests.cache else None,
        progress=progress,
    )
    stored = None if store is None else StoredPages(store)
    names = list(dict.fromkeys(projects)) or (stored.projects() if stored else get_projects(session, index))
    if not projects and stored is None and len(names) > _MOST_PROJECTS:
        raise MirrorError("too-many-projects", f"the index lists {len(names)} projects", hint="Name the projects to check.")
    check = _IndexCheck(session, index, progress, stored)
    if stored is not None and not projects:
        check.findings += stored.compare_root(session, index)
    with parallel(session, requests.connections) as calls:
        check.run(calls, names, download)
    return replace(MirrorCheckReport.of(check.findings, len(names), check.files), traffic=session.traffic)


class _IndexCheck:
    """The check of an index: ``findings`` so far, and how many ``files`` were checked."""

    def __init__(self, session: Session, index: str, progress: Progress, stored: StoredPages | None = None) -> None:
        self.findings: list[Finding] = []
        self.files = 0
        self._session = session
        self._index = index
        self._progress = progress
        self._stored = stored
        self._servers = ServerLimits()
        self._without_ranges: set[str] = set()

    def run(self, calls: Calls, names: Sequence[str], download: str) -> None:
        """Check the projects ``names``, one after another, with the pages and wheels of the next ones on their way.

        :raises MirrorError: if the index does not answer at all.
        """
        read = partial(check_page, self._session, self._index, download, stored=self._stored)
        ahead = partial(read, largest=_LARGEST_AHEAD) if calls.count > 1 else read
        small = calls.map(ahead, names, calls.count)
        pages = (read(page.project) if page.is_large else page for page in small)
        parts: Iterator[CheckedPage | Listed] = chain.from_iterable((page, *page.wheels) for page in pages)
        checked = calls.map(self._check, parts, _WHEELS_AHEAD * calls.count)
        for number, (project, group) in enumerate(groupby(checked, key=itemgetter(0))):
            error = self._add(project, (each for _, each in group))
            if error is not None:
                nothing = not self.files and all(each.code == "not-checked" for each in self.findings)
                if error.code == "no-answer" and nothing:
                    raise error
                self.findings.append(_not_checked(self._index, names[number:], error))
                return
            self._progress.project_done(project)

    def _check(self, part: CheckedPage | Listed) -> tuple[str, CheckedPage | CheckedFile]:
        if isinstance(part, CheckedPage):  # it comes first, and its wheels follow
            return part.project, part
        return part.project, check_wheel(self._session, self._servers, part)

    def _add(self, project: str, parts: Iterable[CheckedPage | CheckedFile]) -> MirrorError | None:
        """Add what was found in one project; return the error that ended its check."""
        originals: list[Finding] = []
        declared: list[ListedWheel] = []
        for part in parts:
            self.findings += part.findings
            if part.error is not None:
                return part.error
            if isinstance(part, CheckedPage):
                originals = part.originals
                continue
            self.files += part.is_checked
            declared += [part.declared] if part.declared else []
            self._add_ranges(part)
            self._progress.file_checked(part.listed.file.filename)
        self.findings += compare_releases(project, declared)
        self.findings += originals
        return None

    def _add_ranges(self, checked: CheckedFile) -> None:
        """Report that a server has no ranges at the first wheel for which they were wanted."""
        server = server_of(checked.listed.file.url) if checked.without_ranges else None
        if server is not None and server not in self._without_ranges:
            self._without_ranges.add(server)
            message = "the server does not support range requests"
            self.findings.append(finding("ranges-missing", checked.listed.place, message))


def _not_checked(index: str, projects: Sequence[str], error: MirrorError) -> Finding:
    more = f", and {shown_few(projects[1:], 5)} not at all" if len(projects) > 1 else ""
    message = f"{error.message}; {shown(projects[0])} was not checked completely{more}"
    return finding("not-checked", shown_url(index), message)
