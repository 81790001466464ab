"""An index looked at from outside: what its clients would see, and who suffers from what."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from pypi_simple import DistributionPackage

from wheelfix.errors import MirrorError
from wheelfix.escaping import shown, shown_few
from wheelfix.mirror.findings import Finding, Survey
from wheelfix.mirror.forms import look_at_forms, look_at_originals
from wheelfix.mirror.offers import Manners, Offer
from wheelfix.mirror.siblings import Sibling, compare_siblings
from wheelfix.upstream.client import JSON, Answer, ask_page, ask_projects, project_url
from wheelfix.upstream.http import PASSING, Web
from wheelfix.upstream.urls import check_url, server_of, shown_url

_MOST_PROJECTS: Final = 500
_PATIENCE: Final = 3
"""How often a server may not answer, one time after another, before it is asked no more."""


def survey_url(
    web: Web,
    index: str,
    projects: Sequence[str] = (),
    *,
    download: str = "some",
    on_project: Callable[[str], None] | None = None,
) -> Survey:
    """Return what is wrong with ``projects`` of an index, all of them if none is named, as clients see it.

    ``download`` tells which wheels are loaded whole to compare their sha256: none, some (the smallest one of each project)
    or all. Of the others only METADATA is read: the metadata file, or the wheel by ranges; where the server gives neither,
    small wheels are loaded whole, unless ``download`` is none. Where a server does not answer, or a
    bound is reached, what was found so far is returned, and what was not looked at.

    :raises MirrorError: if ``index`` is none or does not answer, or has more than 500 projects and none is named.
    """
    check_url(index)
    names = list(dict.fromkeys(projects)) or ask_projects(web, index)
    if not projects and len(names) > _MOST_PROJECTS:
        raise MirrorError(
            "too-many-projects", f"the index lists {len(names)} projects", hint="Name those that are to be looked at."
        )
    findings: list[Finding] = []
    manners, files = Manners(), 0
    for number, project in enumerate(names):
        probe = _Probe(web, manners, index, project, download)
        try:
            for finding in probe.run():
                findings.append(finding)  # noqa: PERF402 - what was found before an error stays found
        except MirrorError as error:
            if error.code == "no-answer" and not any(each.code != "not-looked-at" for each in findings) and not files:
                raise
            findings.append(_not_looked_at(index, names[number:], error))
            break
        finally:
            files += probe.files
        if on_project:
            on_project(project)
    return Survey.of(findings, len(names), files)


def _not_looked_at(index: str, projects: Sequence[str], error: MirrorError) -> Finding:
    more = f", nor at {shown_few(projects[1:], 5)}" if len(projects) > 1 else ""
    message = f"{error.message}; {shown(projects[0])} was not looked at to the end{more}"
    return Finding("not-looked-at", shown_url(index), message)


class _Probe:
    """One project of an index."""

    def __init__(self, web: Web, manners: Manners, index: str, project: str, download: str) -> None:
        self._web = web
        self._manners = manners
        self._index = index
        self._project = project
        self._download = download
        self._siblings: list[Sibling] = []
        self.files = 0

    def run(self) -> Iterator[Finding]:
        """Yield what is wrong with the project.

        :raises MirrorError: if the index does not answer, or a bound is reached.
        """
        forms: dict[str, Answer] = {}
        unreadable = False
        for accept in (JSON, "text/html"):
            try:
                answer = ask_page(self._web, self._index, self._project, accept)
            except MirrorError as error:
                if error.code in PASSING:
                    raise
                more = f". {error.hint}" if error.code == "access-denied" else ""
                yield Finding("page-unreadable", self._project, f"{error.message}{more}")
                unreadable = True
                continue
            if answer is None:
                url = project_url(self._index, self._project)
                yield Finding("page-missing", self._project, f"{shown_url(url)} answers 404")
                return
            forms.setdefault(answer.form, answer)
        if "json" not in forms and "html" in forms and not unreadable:
            answer = forms["html"]
            message = f"it answers {shown(answer.content_type)} to who asks for JSON"
            yield Finding("json-not-offered", shown_url(answer.url), message)
        yield from look_at_forms(forms)
        main = forms.get("json") or forms.get("html")
        if main is not None:
            yield from self._look_at_files(main)
            yield from compare_siblings(self._project, self._siblings)
            yield from look_at_originals(self._project, main)

    def _look_at_files(self, page: Answer) -> Iterator[Finding]:
        wheels = page.wheels
        smallest = min(wheels, key=lambda each: each.size or 0, default=None)
        for each in wheels:
            whole = self._download == "all" or (self._download == "some" and each is smallest)
            yield from self._look_at_file(each, page, whole=whole)

    def _look_at_file(self, file: DistributionPackage, page: Answer, *, whole: bool) -> Iterator[Finding]:
        """Yield what is wrong with a file; one on a server that does not answer keeps nobody from the others."""
        place = f"{self._project}: {shown(file.filename)}"
        offer = Offer(
            self._web, self._manners, self._project, page, file, whole=whole, may_load=self._download != "none"
        )  # fmt: skip
        try:
            check_url(file.url)
        except MirrorError as error:
            yield Finding("file-missing", place, error.message)
            return
        server, silent = server_of(file.url), self._manners.silent
        if silent[server] >= _PATIENCE:
            yield Finding("not-looked-at", place, f"{shown(server)} did not answer {_PATIENCE} times, and is asked no more")
            return
        try:
            yield from offer.look()
        except MirrorError as error:
            if error.code != "no-answer":
                raise
            silent[server] += 1
            yield Finding("not-looked-at", place, error.message)
            return
        silent[server] = 0
        self.files += 1
        if offer.sibling is not None:
            self._siblings.append(offer.sibling)
