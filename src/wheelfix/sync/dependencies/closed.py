"""Whether everything in a mirror can be installed from that mirror alone: what ``wheelfix mirror check --closed`` does.

It is resolved as a sync resolves it, with nothing but what the mirror lists.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product

from msgspec import Struct

from wheelfix.errors import WheelfixError
from wheelfix.mirror.pages import Page
from wheelfix.mirror.registry import ResolvedCounts, finding
from wheelfix.mirror.storage import MirrorLocation, open_store
from wheelfix.mirror.yank import list_pages
from wheelfix.options import Targets
from wheelfix.results import Finding
from wheelfix.sync.choice.sources import project_of
from wheelfix.sync.dependencies.closure import extras_of
from wheelfix.sync.dependencies.loopback import serve
from wheelfix.sync.dependencies.offers import (
    EVERYTHING,
    Catalogue,
    Offer,
    Offers,
    listed_offers,
    releases_of,
    yanked_versions,
)
from wheelfix.sync.dependencies.platforms import Platform, Target, find_platforms, find_pythons, unknown_platform
from wheelfix.sync.dependencies.resolver import Resolver, Root, names_of, roots_at
from wheelfix.sync.dependencies.uv import Uv, find_uv
from wheelfix.sync.manifest.model import Manifest, Source
from wheelfix.text import shown, shown_few
from wheelfix.wheel.release import Declared
from wheelfix.wheel.requirement import read_requirement
from wheelfix.wheel.zip.staging import temporary_directory

_NOT_HERE = "is not in the mirror"
_MOST_TARGETS = 3


def check_closed(
    mirror: MirrorLocation, targets: Targets = Targets(), *, manifest: Manifest | None = None
) -> tuple[Finding, ...]:
    """Return what cannot be resolved from ``mirror`` alone, and for which platform and Python.

    Each release that is not yanked must resolve for each of the ``targets`` that one of its wheels is for; without any, for
    what the wheels of the mirror are for. With a ``manifest`` the projects that it names must be there, and resolve with
    their extras for its targets. What only its locks name is a warning where it does not: the lock itself may do without.

    A release of a project that others in the mirror require is only a warning where nothing that is installed there
    requires it. What uv cannot resolve for is ``not-checked``.

    :raises MirrorError: if there is no mirror, a page is damaged, uv is not installed or does not run, or one of the
        platforms is not known.
    """
    return resolve_closed(mirror, targets, manifest=manifest)[0]


def resolve_closed(
    mirror: MirrorLocation, targets: Targets = Targets(), *, manifest: Manifest | None = None
) -> tuple[tuple[Finding, ...], ResolvedCounts]:
    """Return what :func:`check_closed` does, and how much was resolved for that.

    :raises MirrorError: as that does.
    """
    store = open_store(mirror)
    pages = {page.project: page for page in list_pages(store)}
    catalogue = Catalogue(store, lambda project: _offers(pages, project))
    check = _Check(catalogue, {project: list(listed_offers(page)) for project, page in pages.items()})
    groups = _groups(check.offers, targets, manifest)
    uv = find_uv()
    with temporary_directory() as work, serve(catalogue) as loopback:
        resolver = Resolver(Uv(uv, work), loopback, catalogue, work / "answers")
        extras = extras_of(manifest) if manifest else {}
        found = tuple(check.findings(resolver, groups, extras, dependencies=not manifest))
    return found if manifest is None else (*check.missing(manifest), *found), check.resolved


def require_closed(targets: Targets) -> None:
    """Confirm that :func:`check_closed` can resolve for ``targets``.

    :raises MirrorError: if uv is not installed, or one of the platforms is not known.
    """
    find_uv()
    find_platforms(targets.platforms, ())


class _Group(Struct, frozen=True):
    """Wheels by project, and the platforms and Pythons of ``targets`` for which these must resolve."""

    offers: Mapping[str, Sequence[Offer]]
    targets: Targets
    platforms: Sequence[Platform]
    pythons: Sequence[str]
    is_locked: bool = False

    @classmethod
    def of(cls, offers: Mapping[str, Sequence[Offer]], targets: Targets, *, is_locked: bool = False) -> "_Group":
        names = names_of(offers)
        return cls(offers, targets, find_platforms(targets.platforms, names), find_pythons(targets, names), is_locked)


def _offers(pages: Mapping[str, Page], project: str) -> Offers:
    files, listed = tuple(listed_offers(pages.get(project))), pages[project].files if project in pages else ()
    yanked = yanked_versions((each.version, each.yanked is not None) for each in listed)
    return Offers(project, files, "has only yanked files" if listed and not files else _NOT_HERE, yanked=yanked)


def _groups(offers: Mapping[str, Sequence[Offer]], targets: Targets, manifest: Manifest | None) -> list[_Group]:
    if manifest is None:
        return [_Group.of(offers, targets)]
    return [
        group
        for source in manifest.sources
        for group in (
            _Group.of({each: offers[each] for each in map(project_of, source.projects) if each in offers}, source.targets),
            _Group.of(_of_locks(offers, source), source.targets, is_locked=True),
        )
    ]


def _of_locks(offers: Mapping[str, Sequence[Offer]], source: Source) -> dict[str, list[Offer]]:
    """Return the wheels that came from a source by its locks."""
    if not source.locks:
        return {}
    found = {
        project: [each for each in mine if each.listed and each.listed.source == source.name]
        for project, mine in offers.items()
    }
    return {project: mine for project, mine in found.items() if mine}


class _Check:
    """One check of the wheels in ``offers``, by project."""

    def __init__(self, catalogue: Catalogue, offers: Mapping[str, Sequence[Offer]]) -> None:
        self._catalogue = catalogue
        self.offers = offers
        self.resolved = ResolvedCounts(0, 0)
        """What was resolved for the findings; known once they are."""

    def findings(
        self, resolver: Resolver, groups: Iterable[_Group], extras: Mapping[str, tuple[str, ...]], *, dependencies: bool
    ) -> Iterator[Finding]:
        """Yield what does not resolve; with ``dependencies``, what only others require is a warning."""
        roots: dict[Target, list[Root]] = {}
        named, locked = set[str](), set[str]()
        for group in groups:
            yield from _unknown(group.platforms)
            known = [each for each in group.platforms if each.uv is not None]
            (locked if group.is_locked else named).update(group.offers)
            places = {project: set[Target]() for project in group.offers}
            for target, root in roots_at(group.offers, extras, known, group.pythons):
                roots.setdefault(target, []).append(root)
                places[root.project].add(target)
            if not dependencies and not group.is_locked:
                yield from _without_wheel(group, places)
        resolved = resolver.resolve(roots, EVERYTHING)
        releases = {(each.project, each.version) for mine in roots.values() for each in mine}
        self.resolved = ResolvedCounts(len(releases), len(set(map(str, roots))))
        found: dict[tuple[Root, str], list[str]] = {}
        for each in resolved.unresolved:
            found.setdefault((each.root, each.reason), []).append(str(each.target))
        required = self._only_required() if found and dependencies else frozenset()
        for (root, reason), where in sorted(found.items()):
            code = "dependency-not-closed" if root.project in required else "not-closed"
            code = "lock-not-closed" if root.project in locked - named else code
            message = f"it cannot be resolved for {shown_few(where, _MOST_TARGETS)}: {reason}"
            yield finding(code, shown(f"{root.project} {root.version}"), message)

    def missing(self, manifest: Manifest) -> Iterator[Finding]:
        """Yield the projects that a manifest names, and of which the mirror serves no wheel."""
        for project in sorted({project_of(each) for source in manifest.sources for each in source.projects}):
            if not self.offers.get(project):
                yield finding("not-closed", shown(project), f"it {self._catalogue.offers(project).why}")

    def _only_required(self) -> frozenset[str]:
        """Return the projects that others require which they do not require themselves, however indirectly."""
        graph = {project: self._requirements(project) for project in self.offers}
        reached = {project: _reached(graph, project) for project in graph}
        return frozenset(
            project
            for project in graph
            if any(project in reached[other] and other not in reached[project] for other in graph)
        )

    def _requirements(self, project: str) -> frozenset[str]:
        """Return the projects that the releases of ``project`` name; one wheel speaks for its release."""
        found = set[str]()
        for wheels in releases_of(self.offers[project]).values():
            try:
                declared = Declared.of(self._catalogue.metadata(project, wheels[0]))
            except (WheelfixError, OSError):  # it was not resolved for that, either
                continue
            found |= {each.name for text in declared.requirements if (each := read_requirement(text)) is not None}
        return frozenset(found & self.offers.keys())


def _without_wheel(group: _Group, places: Mapping[str, Iterable[Target]]) -> Iterator[Finding]:
    """Yield for which targets that are named no release of a project has a wheel; ``places`` are those it has some for."""
    platforms = [str(each) for each in group.platforms] if group.targets.platforms else [""]
    pythons = [*group.targets.pythons] or [""]
    for project, found in sorted(places.items()):
        there = {(str(each.platform) if platforms[0] else "", each.minor if pythons[0] else "") for each in found}
        lacking = [
            " on ".join(filter(None, (python and f"Python {python}", platform)))
            for platform, python in product(platforms, pythons)
            if (platform, python) not in there
        ]
        if there and lacking:
            message = f"no release has a wheel for {shown_few(lacking, _MOST_TARGETS)}"
            yield finding("no-wheel-here", shown(project), message)


def _reached(graph: Mapping[str, Iterable[str]], start: str) -> set[str]:
    found, left = set[str](), [start]
    while left:
        for each in graph[left.pop()]:
            if each not in found:
                found.add(each)
                left.append(each)
    return found


def _unknown(platforms: Iterable[Platform]) -> Iterator[Finding]:
    for each in platforms:
        if each.uv is None:
            yield finding("not-checked", str(each), unknown_platform(str(each)).message)
