"""Which files of its sources a mirror is to have: all releases that fit, as many as are kept, for all targets."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from msgspec import Struct
from packaging.version import Version

from wheelfix.mirror.pages import Page
from wheelfix.results import Problem
from wheelfix.sync.choice.family import combined
from wheelfix.sync.choice.first_seen import FirstSeen
from wheelfix.sync.choice.metadata import MetadataReader
from wheelfix.sync.choice.releases import Release, held_back, newest, releases_of
from wheelfix.sync.choice.sources import NO_PROJECT, Served, Sources, project_of
from wheelfix.sync.choice.upstreams import Upstreams
from wheelfix.sync.manifest.model import Manifest, Source
from wheelfix.sync.model import OF_A_PROJECT, Action, PlannedFile, SourceProblem, WantedFile
from wheelfix.text import shown, shown_few
from wheelfix.upstream.urls import shown_url

_SERVED_ELSEWHERE: Final = "served-elsewhere"


class Choice(Struct, frozen=True):
    """What was chosen: the files that are wanted, those that wait, and what went wrong.

    ``waiting`` are too young, or no other release of their family fits them yet. ``reported`` is what a person should know:
    files that cannot be had, and targets without a wheel. ``locked`` are the sha256 (hexadecimal) of all files that locks
    name, whether or not an index has them, ``unread_locks`` the locks that cannot be read, and ``unsought`` the projects and
    versions that locks name without a sha256, and that were not looked for.
    """

    wanted: tuple[WantedFile, ...] = ()
    waiting: tuple[PlannedFile, ...] = ()
    problems: tuple[SourceProblem, ...] = ()
    reported: tuple[PlannedFile, ...] = ()
    locked: frozenset[str] = frozenset()
    unread_locks: tuple[str, ...] = ()
    unsought: frozenset[tuple[str, Version]] = frozenset()


def choose(
    manifest: Manifest,
    upstreams: Upstreams,
    pages: Mapping[str, Page],
    seen: FirstSeen,
    *,
    only: Collection[str] = (),
    early: Mapping[tuple[str, str], str] = {},
) -> Choice:
    """Return what the ``projects`` of the sources of ``manifest`` stand for today, for a mirror that lists ``pages``.

    Where several requirements of a source are about one project, the newest releases of each are wanted. With ``only``, the
    names of sources or projects, nothing else is looked at; of a family all is, and what ``only`` names is chosen.

    Releases that are ``early``, by project and version, wait for the reason there.
    """
    chooser = _Chooser(Sources(manifest, upstreams, pages), MetadataReader(upstreams), seen, early)
    wanted = {source.name: _wanted_projects(source, frozenset(only)) for source in manifest.sources}
    chooser.sources.fetch(project for projects in wanted.values() for project in projects)
    return _together(_selected(chooser.of(each, wanted[each.name]), each, only) for each in manifest.sources)


def _wanted_projects(source: Source, only: frozenset[str]) -> dict[str, list[str]]:
    """Return the projects of ``source`` that are to be looked at, and the requirements on each."""
    found: dict[str, list[str]] = {}
    for requirement in sorted(set(source.projects)):
        found.setdefault(project_of(requirement), []).append(requirement)
    every = not only or source.name in only or (source.family and not only.isdisjoint(found))
    return {project: found[project] for project in sorted(found) if every or project in only}


def _selected(choice: Choice, source: Source, only: Collection[str]) -> Choice:
    """Return what ``only`` names of a choice, which is more where ``source`` is a family."""
    if not only or source.name in only:
        return choice
    return Choice(
        tuple(each for each in choice.wanted if each.project in only),
        tuple(each for each in choice.waiting if each.project in only),
        tuple(each for each in choice.problems if each.project in only),
        tuple(each for each in choice.reported if each.project in only),
    )


class _Chooser(Struct, frozen=True):
    """Chooses from ``sources``; ``metadata`` is read for families, ``seen`` says when files were first seen.

    Releases that are ``early`` wait.
    """

    sources: Sources
    metadata: MetadataReader
    seen: FirstSeen
    early: Mapping[tuple[str, str], str]

    def of(self, source: Source, projects: Mapping[str, Iterable[str]]) -> Choice:
        """Return what is chosen of ``projects``, with the requirements on each."""
        found = {project: self._releases(source, project, requirements) for project, requirements in projects.items()}
        others = [each for each in found.values() if isinstance(each, Choice)]
        releases = {project: each for project, each in found.items() if not isinstance(each, Choice)}
        if not source.family:
            return _together([*others, *(_newest(source, project, each) for project, each in releases.items())])
        if others:  # versions that fit each other, or none of them
            return _together([*others, *_unchanged(source, releases, [each for each in projects if each not in releases])])
        return self._family(source, {project: _merged(each) for project, each in releases.items()})

    def _releases(self, source: Source, project: str, requirements: Iterable[str]) -> list[list[Release]] | Choice:
        """Return the releases of ``project`` for each requirement, or why this source gives none."""
        match self.sources.of(project):
            case Served() as served if served.source is source:
                try:
                    return [
                        [held_back(release, self.early) for release in releases_of(served, each, self.seen)]
                        for each in requirements
                    ]
                except OF_A_PROJECT as error:
                    return _failed(source, project, Problem.of(error))
            case Served(other):
                return Choice(reported=(_served_by(other, source, project, self.sources),))
            case SourceProblem() as problem:
                return Choice(problems=(problem,))
            case None:
                return _failed(source, project, _no_project(source, project))

    def _family(self, source: Source, releases: Mapping[str, list[Release]]) -> Choice:
        try:
            family = combined(source, releases, self.metadata)
        except OF_A_PROJECT as error:
            return _together(_failed(source, project, Problem.of(error)) for project in releases)
        return _together([_all_of(family.releases), Choice(waiting=family.waiting, reported=family.refused)])


def _newest(source: Source, project: str, requirements: Iterable[Iterable[Release]]) -> Choice:
    """Return the newest releases for each requirement on ``project``."""
    try:
        return _together([_all_of(newest(each, source.keep)) for each in requirements])
    except OF_A_PROJECT as error:
        return _failed(source, project, Problem.of(error))


def _merged(requirements: Iterable[Iterable[Release]]) -> list[Release]:
    """Return the releases that any requirement stands for, the newest first."""
    found = {each.version: each for releases in requirements for each in releases}
    return [found[version] for version in sorted(found, reverse=True)]


def _all_of(releases: Iterable[Release]) -> Choice:
    chosen = list(releases)
    return Choice(
        tuple(file for each in chosen for file in each.wanted),
        tuple(row for each in chosen for row in each.waiting),
        (),
        tuple(row for each in chosen for row in each.reported),
    )


def _together(parts: Iterable[Choice]) -> Choice:
    """Return all ``parts`` as one, with each file once: two requirements may want the same."""
    every = list(parts)
    wanted = {(file.project, file.filename, file.sha256): file for each in every for file in each.wanted}
    names = {(project, filename) for project, filename, _ in wanted}
    waiting = {(row.project, row.filename): row for each in every for row in each.waiting}
    return Choice(
        tuple(wanted.values()),
        tuple(row for key, row in waiting.items() if key not in names),
        tuple(dict.fromkeys(row for each in every for row in each.problems)),
        tuple(dict.fromkeys(row for each in every for row in each.reported)),
    )


def _failed(source: Source, project: str, problem: Problem) -> Choice:
    return Choice(problems=(SourceProblem(source.name, project, problem),))


def _unchanged(source: Source, projects: Iterable[str], lacking: list[str]) -> Iterable[Choice]:
    """Yield the problem of each of ``projects``, of whose family ``lacking`` could not be looked at."""
    message = f"its family is not complete: {shown_few(lacking, 5)} cannot be looked at"
    for project in projects:
        yield _failed(source, project, Problem("family-incomplete", message, "Nothing of the family changes until then."))


def _served_by(other: Source, source: Source, project: str, sources: Sources) -> PlannedFile:
    order = [each.name for each in sources.candidates(project)]
    if order.index(other.name) < order.index(source.name):
        why = f"the source {shown(other.name)} comes first and has it: versions of {shown(source.name)} do not count"
    else:
        why = f"the index has no such project: the source {shown(other.name)} serves it"
    return PlannedFile(
        action=Action.REPORT, project=project, version="", filename="", source=source.name, code=_SERVED_ELSEWHERE,
        reason=why,
    )  # fmt: skip


def _no_project(source: Source, project: str) -> Problem:
    return Problem(
        NO_PROJECT,
        f"{shown_url(source.index)} has no project {shown(project)}",
        "Check its spelling, and the URL of the index: most end in /simple/.",
    )
