"""What the files of a mirror require, so that each of its releases can be installed from the mirror alone.

First everything is resolved with what the mirror has and will have. Only what cannot be resolved is resolved once more, with
what the sources could give: so a mirror does not grow with every release of a dependency.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from msgspec.structs import replace
from packaging.utils import canonicalize_name
from packaging.version import Version

from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.mirror.pages import Page
from wheelfix.mirror.scratch import workshop
from wheelfix.mirror.storage.base import Store
from wheelfix.results import Problem
from wheelfix.rules.model import RuleSet
from wheelfix.sync.choice.choose import Choice
from wheelfix.sync.choice.first_seen import FirstSeen
from wheelfix.sync.choice.sources import Sources
from wheelfix.sync.choice.upstreams import Upstreams
from wheelfix.sync.dependencies.corrected import Correction
from wheelfix.sync.dependencies.loopback import serve
from wheelfix.sync.dependencies.offers import EVERYTHING, SOON, Catalogue, Offer, View
from wheelfix.sync.dependencies.platforms import Target, find_platforms, find_pythons, require_uv
from wheelfix.sync.dependencies.resolver import Resolved, Resolver, Root, Unresolved, names_of, roots_at
from wheelfix.sync.dependencies.supply import Releases, Supply
from wheelfix.sync.dependencies.uv import Uv, find_uv
from wheelfix.sync.manifest.model import Manifest
from wheelfix.sync.model import Reason, SourceProblem, WantedFile
from wheelfix.text import shown, shown_few
from wheelfix.upstream.downloads import Downloads
from wheelfix.upstream.selection import read_requirement
from wheelfix.wheel.release import Declared
from wheelfix.wheel.requirement import read_requirement as read_dependency

NOT_CLOSED: Final = "not-closed"
_KEPT: Final = "closure"
_MOST_ROUNDS: Final = 5


Early: TypeAlias = Mapping[tuple[str, str], str]
"""Releases, by project and version, that wait for a dependency that cannot be had yet, and why."""


def close(
    choose: Callable[[Early], Choice],
    manifest: Manifest,
    store: Store,
    pages: Mapping[str, Page],
    rules: RuleSet | None,
    upstreams: Upstreams,
    downloads: Downloads | None = None,
) -> Choice:
    """Return what is chosen, with what its files require: files that are :attr:`Reason.REQUIRED`.

    A new release that requires one which is too young waits, too: it is chosen again then, without those releases.

    ``pages`` are those of the mirror in ``store``. A wheel of which only the binaries decide what the ``rules`` do is put
    among the ``downloads``; without those its requirements are taken as they are, and a note says so.

    What cannot be resolved is a problem of the source and project that requires it. What the mirror has of its dependencies
    stays wanted.

    :raises MirrorError: if uv is not installed or does not run, or cannot resolve for a platform of the manifest.
    """
    early: dict[tuple[str, str], str] = {}
    if not manifest.dependencies:
        return choose(early)
    kept = store.scratch() / _KEPT
    seen = FirstSeen(store, pages)
    correction = Correction(manifest, rules, upstreams, downloads, kept / "metadata")
    sources = Sources(manifest, upstreams, pages)
    uv = find_uv()
    with workshop(kept) as work:
        while True:
            choice = choose(early)
            supply = Supply(choice, manifest, pages, rules, sources, seen)
            catalogue = Catalogue(store, supply.find, correction.read, correction.key)
            with serve(catalogue) as loopback:
                resolver = Resolver(Uv(uv, work), loopback, catalogue, kept / "answers")
                closure = _Closure(choice, manifest, supply, catalogue, resolver)
                closed = closure.closed()
            if closure.early.keys() <= early.keys():
                break
            early |= closure.early  # there are fewer releases each time
    if downloads is not None:
        seen.save()
    return closed


class _Closure:
    """One closure: what is resolved, in which order, and what becomes of it."""

    def __init__(self, choice: Choice, manifest: Manifest, supply: Supply, catalogue: Catalogue, resolver: Resolver) -> None:
        self._choice = choice
        self._manifest = manifest
        self._supply = supply
        self._catalogue = catalogue
        self._resolver = resolver
        self.early: dict[tuple[str, str], str] = {}
        """New releases that wait for a dependency, and why; known once it is closed."""

    def closed(self) -> Choice:
        """Return the choice with what it requires."""
        roots = self._roots()
        before = self._supply.in_mirror()
        resolved = self._resolver.resolve(roots, View(before), EVERYTHING, keep=self._supply.newest())
        needed, unresolved = self._used(resolved), [self._explained(each) for each in resolved.unresolved]
        needed = self._settle(roots, before, needed, unresolved)
        unknown = {*(each.root.project for each in unresolved), *self._supply.frozen(self._choice.problems)}
        needed |= self._reachable(unknown, before)
        problems = dict.fromkeys([*self._choice.problems, *self._supply.problems.values(), *self._problems(unresolved)])
        wanted = tuple(map(self._noted, (*self._choice.wanted, *self._files(needed))))
        return replace(self._choice, wanted=wanted, problems=tuple(problems))

    def _explained(self, unresolved: Unresolved) -> Unresolved:
        """Return it with the release that it waits for, if one is too young; a new release is :attr:`early` then."""
        root = unresolved.root
        soon = self._resolver.resolve({unresolved.target: [root]}, SOON)
        young = [f"{project} {version}" for project, version in sorted(soon.releases) if self._is_young(project, version)]
        if soon.unresolved or not young:
            return unresolved
        reason = f"it requires {shown_few(young, 3)}, which is younger than min-age"
        if not self._supply.has_release(root.project, root.version):
            self.early[root.project, root.version] = reason
        return replace(unresolved, reason=reason)

    def _is_young(self, project: str, version: Version) -> bool:
        """Whether a release can be had only once it is old enough."""
        offers = self._catalogue.offers(project)
        return version in {each.version for each in offers.young} - {each.version for each in offers.files}

    def _noted(self, wanted: WantedFile) -> WantedFile:
        notes = self._catalogue.notes.get(wanted.filename, ())
        return replace(wanted, notes=(*wanted.notes, *notes)) if notes else wanted

    def _roots(self) -> dict[Target, list[Root]]:
        """Return the releases that must be installable, at each target that one of their wheels is for."""
        found: dict[Target, list[Root]] = {}
        extras = extras_of(self._manifest)
        for source in self._manifest.sources:
            chosen = [
                each for each in self._choice.wanted if each.source.name == source.name and each.reason is Reason.CHOSEN
            ]
            offers = {project: self._chosen_offers(project) for project in sorted({each.project for each in chosen})}
            platforms = find_platforms(source.targets.platforms, names_of(offers))
            require_uv(platforms)
            for target, root in roots_at(offers, extras, platforms, find_pythons(source.targets, names_of(offers))):
                found.setdefault(target, []).append(root)
        return found

    def _chosen_offers(self, project: str) -> list[Offer]:
        """Return the wheels of ``project`` that are wanted for themselves; none if nobody knows what there is."""
        try:
            files = self._catalogue.offers(project).files
        except MirrorError:  # it is a problem of the project
            return []
        return [each for each in files if each.settled and each.wanted is not None]

    def _used(self, resolved: Resolved) -> Releases:
        """Return the releases of a resolution that are not settled."""
        return frozenset(
            (project, version)
            for project, version in resolved.releases
            if any(not each.settled and each.version == version for each in self._catalogue.offers(project).files)
        )

    def _settle(
        self,
        roots: Mapping[Target, Sequence[Root]],
        before: Releases,
        needed: Releases,
        unresolved: Iterable[Unresolved],
    ) -> Releases:
        """Return what is used if the mirror has nothing but ``needed``: the next run finds the same then."""
        hopeless = {(each.target, each.root) for each in unresolved}
        rest = {target: [each for each in mine if (target, each) not in hopeless] for target, mine in roots.items()}
        for _ in range(_MOST_ROUNDS if needed != before else 0):
            resolved = self._resolver.resolve(rest, View(needed))
            if resolved.unresolved:
                return needed
            used = self._used(resolved)
            if used == needed:
                return needed
            needed = used
        return needed

    def _reachable(self, projects: Iterable[str], before: Releases) -> Releases:
        """Return what the mirror has, of what ``projects`` may require: what they need is not known, so it is kept."""
        found, left = set[str](), [*projects]
        while left:
            project = left.pop()
            if project not in found:
                found.add(project)
                left += self._requirements(project, View(before))
        return frozenset(each for each in before if each[0] in found and self._is_candidate(*each))

    def _requirements(self, project: str, view: View) -> Iterator[str]:
        """Yield the projects of the mirror that wheels of ``project`` name; those that cannot be read name none."""
        try:
            offers = self._catalogue.offers(project).seen(view)
        except MirrorError:  # it is a problem of its own; what the mirror lists is still there
            offers = tuple(self._supply.listed(project))
        for offer in offers:
            try:
                declared = Declared.of(self._catalogue.metadata(project, offer))
            except (WheelfixError, OSError):
                continue
            for text in declared.requirements:
                if (requirement := read_dependency(text)) is not None and self._supply.lists(requirement.name):
                    yield requirement.name

    def _is_candidate(self, project: str, version: Version) -> bool:
        try:
            return any(not each.settled and each.version == version for each in self._catalogue.offers(project).files)
        except MirrorError:
            return False

    def _files(self, needed: Releases) -> Iterator[WantedFile]:
        """Yield the files of the releases that are needed, for all targets."""
        for project, version in sorted(needed):
            offers = [each for each in self._catalogue.offers(project).files if not each.settled and each.version == version]
            yield from {each.wanted.filename: each.wanted for each in offers if each.wanted is not None}.values()
            yield from self._supply.sdists(project, version)

    def _problems(self, unresolved: Iterable[Unresolved]) -> Iterator[SourceProblem]:
        """Yield a problem for each release and reason; a release that is refused itself is reported when it is fixed."""
        sources = {each.project: each.source.name for each in self._choice.wanted if each.reason is Reason.CHOSEN}
        targets: dict[tuple[Root, str], list[str]] = {}
        for each in unresolved:
            refused = self._catalogue.refused.get(f"{each.root.project} {each.root.version}")
            if refused is None or refused not in each.reason:
                targets.setdefault((each.root, each.reason), []).append(str(each.target))
        for (root, reason), where in targets.items():
            yield SourceProblem(sources[root.project], root.project, unresolved_problem(root, where, reason))


def unresolved_problem(root: Root, targets: Sequence[str], reason: str) -> Problem:
    """Return the problem of a release that cannot be resolved."""
    return Problem(
        NOT_CLOSED,
        f"what {shown(str(root))} requires cannot be resolved for {shown_few(targets, 3)}",
        "Add a source that has wheels of it, widen what the manifest allows, or leave out this release or target.",
        reason,
    )


def extras_of(manifest: Manifest) -> dict[str, tuple[str, ...]]:
    """Return the extras that a manifest names, by project (normalized)."""
    found: dict[str, set[str]] = {}
    for source in manifest.sources:
        for text in source.projects:
            requirement = read_requirement(text, extras=True)
            found.setdefault(str(canonicalize_name(requirement.name)), set()).update(requirement.extras)
    return {project: tuple(sorted(extras)) for project, extras in found.items()}
