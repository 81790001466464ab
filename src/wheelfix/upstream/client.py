"""The pages of an index, JSON or HTML, read by pypi-simple."""

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar
from urllib.parse import urljoin

from msgspec import Struct
from msgspec.structs import replace
from packaging.utils import canonicalize_name, is_normalized_name
from packaging.version import InvalidVersion, Version
from pypi_simple import SUPPORTED_REPOSITORY_VERSION, DistributionPackage, IndexPage, ProjectPage, ProjectStatus

from wheelfix.errors import MirrorError
from wheelfix.text import cut, shown
from wheelfix.upstream.answers import MISSING, OK, bad_answer, length_of
from wheelfix.upstream.http import LARGEST_PAGE, Answer, Session
from wheelfix.upstream.urls import shown_url

if TYPE_CHECKING:
    from wheelfix.upstream.html_links import FlatPage

JSON: Final = "application/vnd.pypi.simple.v1+json"
HTML: Final = ("text/html", "application/vnd.pypi.simple.v1+html")
ANY: Final = f"{JSON}, {HTML[1]};q=0.2, text/html;q=0.1"
_CHARSET: Final = re.compile(r";\s*charset=[\"']?([\w.:-]+)", re.IGNORECASE)
_MOST_TAGS: Final = 500_000
_TAG: Final = re.compile(rb"<[/a-z]", re.IGNORECASE)
"""The start of an opening or closing tag."""
_INDEX_URL: Final = "The URL of an index usually ends in /simple/."
_STATUS: Final = "project-status"
_STATUSES: Final = frozenset(map(str, ProjectStatus))
_LONGEST_NAME: Final = 255 - len(".metadata")
"""In bytes: no file system takes a longer name for a wheel and its metadata file."""
_LARGEST_FILE: Final = 1 << 44
"""In bytes: no index has a file of so many."""
_KNOWN: Final = Version(SUPPORTED_REPOSITORY_VERSION)
_LONGEST_VERSION: Final = 50
_Page = TypeVar("_Page")


class ServedPage(Struct, frozen=True):
    """A page as it was served: ``form`` is json or html, ``raw`` the JSON document, if it is one.

    A page that is not ``complete`` may be cut off: neither the server nor the page itself shows where it ends.
    ``age`` is how many seconds ago a cache received it, ``None`` where none says so. ``unknown_status`` is the status of the
    project there, if PEP 792 does not define it: the rest of the page is used all the same.
    """

    url: str
    form: Literal["json", "html"]
    page: ProjectPage
    raw: Any = None
    unknown_status: str | None = None
    content_type: str = ""
    cache_control: str = ""
    age: int | None = None
    complete: bool = True

    @property
    def wheels(self) -> list[DistributionPackage]:
        """The wheels that are listed."""
        return [each for each in self.page.packages if each.filename.endswith(".whl")]

    def by_sha256(self) -> dict[str | None, DistributionPackage]:
        """Return the files that are listed, by their sha256; those without one are one of them, under ``None``."""
        return {sha256_of(each): each for each in self.page.packages}


def sha256_of(file: DistributionPackage) -> str | None:
    """Return the sha256 that a page gives for a file, in lower case; ``None`` where it gives none."""
    found = file.digests.get("sha256")
    return found.lower() if found else None


def project_url(index: str, project: str) -> str:
    """Return the URL of a project's page."""
    return urljoin(index.rstrip("/") + "/", f"{canonicalize_name(project)}/")


def get_page(
    session: Session, index: str, project: str, accept: str = ANY, *, largest: int = LARGEST_PAGE
) -> ServedPage | None:
    """Return the page of a project, of at most ``largest`` bytes, ``None`` where the index has none.

    :raises MirrorError: if it cannot be read or is that of another project, or the server does not answer.
    """
    url = project_url(index, project)
    answer = session.get(url, accept, largest=largest)
    if answer.status == MISSING:
        return None
    if answer.status != OK:
        raise bad_answer(url, answer.status)
    if _is_json(answer):
        found = _parsed(url, lambda: _project_json(answer))
        if canonicalize_name(found.page.project) != canonicalize_name(project):
            raise _other_project(url, found.page.project)
    else:
        _check_tags(url, answer.body)
        flat = _flattened(answer)
        found = _parsed(url, lambda: _project_html(flat, canonicalize_name(project), answer.url))
    return replace(
        found,
        url=url,
        content_type=_content_type(answer),
        cache_control=answer.headers.get("Cache-Control", ""),
        age=length_of(answer.headers.get("Age", "")),
        complete=found.form == "json" or _is_complete(answer),
    )


def _other_project(url: str, project: str) -> MirrorError:
    """Return the error for a page that says itself what it is of (PEP 691): of another project it says nothing."""
    return MirrorError(
        "bad-page",
        f"{shown_url(url)} is the page of another project, {cut(project)}",
        hint="Report it to the index; a proxy may have mixed up its answers.",
    )


def get_projects(session: Session, index: str) -> list[str]:
    """Return the projects that an index lists.

    :raises MirrorError: if its page cannot be read or is not that of an index, or the server does not answer.
    """
    url = index.rstrip("/") + "/"
    try:
        answer = session.get(url, ANY)
        if not _is_json(answer):
            _check_tags(url, answer.body)
    except MirrorError as error:
        if error.code != "too-large":
            raise
        raise MirrorError(
            "too-many-projects",
            f"{shown_url(url)} lists too many projects to check in one run",
            hint="Name the projects to check.",
        ) from error
    if answer.status == MISSING:
        raise MirrorError("no-index", f"{shown_url(url)} answers {MISSING}", hint=f"Check the URL. {_INDEX_URL}")
    if answer.status != OK:
        raise bad_answer(url, answer.status)
    if _is_json(answer):
        page = _parsed(url, lambda: IndexPage.from_json_data(_with_known_version(json.loads(answer.body))))
    else:
        page = _parsed(url, lambda: IndexPage.from_html(_flattened(answer).with_version(_known_version).html()))
    return _names(page, url)


def _content_type(answer: Answer) -> str:
    return answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _charset(answer: Answer) -> str:
    """Return the charset that the server says, empty where it says none: requests would assume Latin-1 then."""
    found = _CHARSET.search(answer.headers.get("Content-Type", ""))
    return found[1] if found else ""


def _is_complete(answer: Answer) -> bool:
    """Whether an answer that breaks off would have been noticed, or the last tag is there."""
    framed = any(each in answer.headers for each in ("Content-Length", "Transfer-Encoding", "Content-Encoding"))
    return framed or b"</html" in answer.body.lower()


def _is_json(answer: Answer) -> bool:
    content_type = _content_type(answer)
    return content_type.endswith("json") or (content_type not in HTML and answer.body.lstrip().startswith(b"{"))


class AboveIndex(MirrorError):
    """The URL is not that of an index, but that of the directory that holds one."""


def _names(page: IndexPage, url: str) -> list[str]:
    """Return the projects of a page; some servers list the directories of an index, each with a slash at the end."""
    names = {canonicalize_name(each.removesuffix("/")) for each in page.projects}
    others = [each for each in page.projects if not is_normalized_name(canonicalize_name(each.removesuffix("/")))]
    below = "simple/" if "simple/" in page.projects else "public/simple/" if "public/" in page.projects else ""
    if below and (below == "simple/" or {*page.projects} <= {"public/", "private/"}):
        hint = f"Did you mean {shown_url(url).rstrip('/')}/{below}?"
        raise AboveIndex("no-index", f"{shown_url(url)} is not an index", hint=hint)
    if others or (not names and page.repository_version is None):
        what = f"it lists {others[0]!r}, which is not a project" if others else "it lists no projects"
        raise MirrorError("no-index", f"{shown_url(url)} is not an index: {shown(what)}", hint=_INDEX_URL)
    return sorted(names)


def _project_json(answer: Answer) -> ServedPage:
    raw, url = json.loads(answer.body), answer.url
    given = raw.get(_STATUS) if isinstance(raw, dict) else None
    unknown = _unknown(given.get("status")) if isinstance(given, dict) else None
    read = _with_known_version(_usable(raw if unknown is None else {**raw, _STATUS: {}}))
    page = ProjectPage.from_json_data(read, url)
    return ServedPage(url, "json", page, raw, unknown)


def _with_known_version(raw: Any) -> Any:
    """Return a JSON page that says a version of the API which pypi-simple knows, where it says a newer one.

    Clients read pages of a newer minor version all the same (PEP 629). pypi-simple prints a warning of Python for each.
    """
    meta = raw.get("meta") if isinstance(raw, dict) else None
    if not isinstance(meta, dict) or not isinstance(meta.get("api-version"), str):
        return raw
    return {**raw, "meta": {**meta, "api-version": _known_version(meta["api-version"])}}


def _known_version(text: str) -> str:
    """Return the version of a page, or the newest one that is known where it is a newer minor version.

    What is no version stays as it is: pypi-simple refuses it where it counts.

    :raises ValueError: if it is too long for one, and so takes long to read.
    """
    if len(text) > _LONGEST_VERSION:
        raise ValueError(f"its API version is longer than {_LONGEST_VERSION} characters")
    try:
        version = Version(text)
    except InvalidVersion:
        return text
    is_known = (version.epoch, version.major) <= (_KNOWN.epoch, _KNOWN.major)
    return SUPPORTED_REPOSITORY_VERSION if is_known and version.minor > _KNOWN.minor else text


def _usable(raw: Any) -> Any:
    """Return a JSON page without files whose names are too long, and without impossible sizes.

    A name of some hundred kilobytes takes a parser minutes, and one impossible size would break a sum over all pages. Sizes
    are integers (PEP 691). Any other value counts as unknown: a parser would make a size of 1e300, and of ``true``.
    """
    files = raw.get("files") if isinstance(raw, dict) else None
    if not isinstance(files, list):
        return raw
    return {**raw, "files": [_with_size(each) for each in files if not _is_too_long(each)]}


def _is_too_long(file: object) -> bool:
    name = file.get("filename") if isinstance(file, dict) else None
    return isinstance(name, str) and _is_long(name)


def _is_long(name: str) -> bool:
    return len(name.encode(errors="replace")) > _LONGEST_NAME


def _with_size(file: Any) -> Any:
    size = file.get("size") if isinstance(file, dict) else None
    if size is None or (type(size) is int and 0 <= size <= _LARGEST_FILE):
        return file
    return {**file, "size": None}


def _flattened(answer: Answer) -> "FlatPage":
    from wheelfix.upstream.html_links import flatten  # imported late: most indexes serve JSON

    flat = flatten(answer.body, _charset(answer))
    return replace(flat, anchors=[each for each in flat.anchors if not _is_long(each.text)])


def _project_html(flat: "FlatPage", project: str, url: str) -> ServedPage:
    unknown = _unknown(flat.status)
    flat = flat.with_version(_known_version)
    page = ProjectPage.from_html(project, (flat if unknown is None else flat.without_status()).html(), url)
    page.packages = flat.with_times(page.packages)
    return ServedPage(url, "html", page, None, unknown)


def _unknown(status: object) -> str | None:
    """Return ``status`` if it is a text that PEP 792 does not define: pypi-simple refuses a page for it."""
    return status if isinstance(status, str) and status not in _STATUSES else None


def _parsed(url: str, parse: Callable[[], _Page]) -> _Page:
    """Return the page that ``parse`` reads.

    :raises MirrorError: if it cannot be read.
    """
    try:
        return parse()
    except Exception as error:  # three third-party parsers, and bytes from anywhere: each raises errors of its own
        raise MirrorError(
            "bad-page",
            f"{shown_url(url)} cannot be read as a page of an index",
            reason=type(error).__name__,
            hint=f"Check the URL. {_INDEX_URL}",
        ) from error


def _check_tags(url: str, html: bytes) -> None:
    """Confirm that parsing a page will not take hours.

    :raises MirrorError: if it has more tags than any real page.
    """
    if sum(1 for _ in _TAG.finditer(html)) > _MOST_TAGS:
        raise MirrorError(
            "too-large",
            f"{shown_url(url)} has more tags than any project's page",
            hint="No real page is so large; it was not read.",
        )
