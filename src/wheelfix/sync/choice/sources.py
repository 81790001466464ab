"""Which source of a manifest serves a project: one does, and no other slips in a version.

A project that sources name in ``projects`` is served by the first of these that has it; any other one, such as a dependency,
by the first source of the manifest that has it, whatever that one names itself. A source has a project if its index has a
page of it, whatever versions are there. One that fails is an error for the project: the next one is not asked, because
nobody knows then whether the project is that of the first (dependency confusion). So it is with a source that had it, and
says that it no longer has: that may be an outage. And so it is with one that has none of the projects it names: many indexes
answer that there is no such project to who may not see it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct
from packaging.utils import canonicalize_name

from wheelfix.errors import MirrorError
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.results import Problem
from wheelfix.sync.choice.upstreams import Upstreams
from wheelfix.sync.manifest.model import Manifest, Source
from wheelfix.sync.model import SourceProblem
from wheelfix.text import counted, shown, shown_few
from wheelfix.upstream.client import ServedPage
from wheelfix.upstream.selection import read_requirement
from wheelfix.upstream.urls import name_of_index, shown_url

NO_PROJECT: Final = "no-project"
"""The code of a project that an index does not have."""


class Served(Struct, frozen=True):
    """The ``source`` that serves a project, and its page there."""

    source: Source
    page: ServedPage


def project_of(requirement: str) -> str:
    """Return the project of ``requirement``, normalized (PEP 503).

    :raises MirrorError: if it cannot be read.
    """
    return str(canonicalize_name(read_requirement(requirement, extras=True).name))


class Sources:
    """The sources of ``manifest``, and what each serves of the mirror that lists ``pages``."""

    def __init__(self, manifest: Manifest, upstreams: Upstreams, pages: Mapping[str, Page]) -> None:
        self._manifest = manifest
        self._upstreams = upstreams
        self._pages = pages
        self._named: dict[str, list[Source]] = {}
        self._projects: dict[str, list[str]] = {}
        self._silent: dict[str, bool] = {}
        for source in manifest.sources:
            self._projects[source.name] = list(dict.fromkeys(map(project_of, source.projects)))
            for project in self._projects[source.name]:
                self._named.setdefault(project, []).append(source)

    def candidates(self, project: str) -> Sequence[Source]:
        """Return the sources that may serve ``project``, in the order in which they are asked."""
        return self._named.get(project, self._manifest.sources)

    def naming(self, project: str) -> Sequence[Source]:
        """Return the sources that name ``project`` in ``projects``."""
        return self._named.get(project, ())

    def fetch(self, projects: Iterable[str]) -> None:
        """Request the pages that :meth:`of` needs for ``projects``, several at a time."""
        waiting = [(project, iter(self.candidates(project))) for project in dict.fromkeys(projects)]
        while waiting:
            asked = [(each, source) for each in waiting if (source := next(each[1], None)) is not None]
            self._upstreams.fetch((source.index, project) for (project, _), source in asked)
            waiting = [each for each, source in asked if self._has_none(source, each[0])]

    def _has_none(self, source: Source, project: str) -> bool:
        try:
            return self._upstreams.page(source.index, project) is None
        except MirrorError:  # whoever asks for it gets the error
            return False

    def of(self, project: str) -> Served | SourceProblem | None:
        """Return which source serves ``project``, or why that is not known; ``None`` where no source has it."""
        return self.first_of(project, self.candidates(project))

    def first_of(self, project: str, candidates: Iterable[Source]) -> Served | SourceProblem | None:
        """Return which of ``candidates``, in their order, serves ``project``; else as :meth:`of`."""
        passed = list[Source]()
        for source in candidates:
            try:
                page = self._upstreams.page(source.index, project)
            except MirrorError as error:
                return SourceProblem(source.name, project, Problem.of(error))
            if page is not None:
                problem = self._had(project, passed) or self._is_blind(project, passed)
                return Served(source, page) if problem is None else problem
            passed.append(source)
        return self._had(project, passed)

    def _is_blind(self, project: str, without: Iterable[Source]) -> SourceProblem | None:
        """Return the problem with a source that may not show us ``project``, as it has none of those that it names."""
        for source in without:
            named = self._projects[source.name]
            if named != [project] and named and self._has_nothing(source, named):
                return SourceProblem(source.name, project, _shows_nothing(project, source))
        return None

    def _has_nothing(self, source: Source, named: Sequence[str]) -> bool:
        if source.name not in self._silent:
            self._upstreams.fetch((source.index, each) for each in named)
            self._silent[source.name] = all(self._has_none(source, each) for each in named)
        return self._silent[source.name]

    def _had(self, project: str, without: Iterable[Source]) -> SourceProblem | None:
        """Return the problem with a source that has no ``project`` now, and from which the mirror lists files of it."""
        files = self._pages[project].files if project in self._pages else ()
        for source in without:
            index = name_of_index(source.index)
            there = [each for each in files if each.source == source.name or each.upstream == index]
            if there:
                return SourceProblem(source.name, project, _project_gone(project, source, there))
        return None


def _project_gone(project: str, source: Source, there: Sequence[ListedFile]) -> Problem:
    """Return the problem of a project that is gone; a server may be misconfigured for a day, so nothing is yanked.

    The URL of the index may be a new one, and wrong: the files that are ``there`` came from elsewhere then.
    """
    files, index = counted(len(there), "file"), name_of_index(source.index)
    if others := sorted({each.upstream for each in there if each.upstream not in (None, index)} - {None}):
        return Problem(
            NO_PROJECT,
            f"{shown_url(source.index)} has no project {shown(project)}",
            "Check the URL of the index: most end in /simple/. Nothing is yanked, and no other source is asked.",
            f"the mirror lists {files} of it, from {shown_few(others, 2)}",
        )
    return Problem(
        NO_PROJECT,
        f"{shown_url(source.index)} no longer has the project {shown(project)}",
        "They are kept, and no other source is asked. If the project is gone for good, take it out of the manifest.",
        f"the mirror lists {files} from there",
    )


def _shows_nothing(project: str, source: Source) -> Problem:
    return Problem(
        NO_PROJECT,
        f"{shown_url(source.index)} has none of the projects that the source {shown(source.name)} names",
        "Check the URL of the index, and its credentials. No other source is asked until then.",
        f"it may have {shown(project)}, too: many indexes answer so to who may not see a project",
    )
