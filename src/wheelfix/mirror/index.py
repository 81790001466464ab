"""The pages of an index, whoever serves it, as pypi-simple reads them."""

import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin

from packaging.utils import canonicalize_name
from pypi_simple import DistributionPackage, IndexPage, ProjectPage, UnsupportedRepoVersionError

from wheelfix.errors import MirrorError
from wheelfix.escaping import shown
from wheelfix.mirror.web import Web

JSON: Final = "application/vnd.pypi.simple.v1+json"
HTML: Final = ("text/html", "application/vnd.pypi.simple.v1+html")
ANY: Final = f"{JSON}, {HTML[1]};q=0.2, text/html;q=0.1"
_OK: Final = 200
_UNREADABLE: Final = (ValueError, LookupError, TypeError, RecursionError, UnsupportedRepoVersionError)
_MISSING: Final = 404


@dataclass(frozen=True, slots=True)
class Answer:
    """A page as it was served: ``form`` is json or html, ``raw`` the JSON document, if it is one."""

    url: str
    content_type: str
    cache_control: str
    form: str
    page: ProjectPage
    raw: Any = None

    @property
    def wheels(self) -> list[DistributionPackage]:
        """The wheels that are listed."""
        return [each for each in self.page.packages if each.filename.endswith(".whl")]


def project_url(index: str, project: str) -> str:
    """Return the address of a project's page."""
    return urljoin(index.rstrip("/") + "/", f"{canonicalize_name(project)}/")


def ask_page(web: Web, index: str, project: str, accept: str = ANY) -> Answer | None:
    """Return the page of a project, ``None`` where the index has none.

    :raises MirrorError: if it cannot be read, or nobody answers.
    """
    url = project_url(index, project)
    answer, body = web.get(url, accept)
    if answer.status_code == _MISSING:
        return None
    if answer.status_code != _OK:
        raise MirrorError("bad-answer", f"{shown(url)} answers {answer.status_code}", hint="Check who may read the index.")
    content_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    cache = answer.headers.get("Cache-Control", "")
    try:
        if content_type.endswith("json") or (content_type not in HTML and body.lstrip().startswith(b"{")):
            raw = json.loads(body)
            return Answer(url, content_type, cache, "json", ProjectPage.from_json_data(raw, answer.url), raw)
        page = ProjectPage.from_html(str(canonicalize_name(project)), body, answer.url)
        return Answer(url, content_type, cache, "html", page)
    except _UNREADABLE as error:
        raise MirrorError(
            "bad-page",
            f"{shown(url)} cannot be read: {type(error).__name__}",
            hint="It is no page of an index.",
        ) from error


def ask_projects(web: Web, index: str) -> list[str]:
    """Return the projects that an index lists.

    :raises MirrorError: if its page cannot be read, or nobody answers.
    """
    url = index.rstrip("/") + "/"
    answer, body = web.get(url, ANY)
    if answer.status_code != _OK:
        raise MirrorError("bad-answer", f"{shown(url)} answers {answer.status_code}", hint="Is it an index?")
    try:
        if "json" in answer.headers.get("Content-Type", ""):
            page = IndexPage.from_json_data(json.loads(body))
        else:
            page = IndexPage.from_html(body)
    except _UNREADABLE as error:
        raise MirrorError(
            "bad-page", f"{shown(url)} cannot be read: {type(error).__name__}", hint="Is it an index?"
        ) from error
    return sorted({canonicalize_name(name) for name in page.projects})
