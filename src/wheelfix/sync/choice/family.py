"""Projects whose versions must fit each other, such as torch, torchvision and torchaudio: those combinations, or none.

Two releases fit if what each requires of the other, by METADATA of its wheels, is what the other one is, on every platform
that both are for; and if for each platform and Python that one of them has a wheel for the other one has one, too, unless it
never had. The first makes ``torchvision`` wait for its ``torch``, the second for the wheels of macOS that come a day later.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Final, NamedTuple

from msgspec import Struct
from packaging.specifiers import Specifier, SpecifierSet
from packaging.version import Version

from wheelfix.errors import FilenameError, MirrorError
from wheelfix.options import Targets
from wheelfix.sync.choice.metadata import MetadataReader
from wheelfix.sync.choice.releases import Release, cells, platforms_of, waiting_for
from wheelfix.sync.manifest.model import Local, Source
from wheelfix.sync.model import PlannedFile, WantedFile
from wheelfix.text import shown, shown_few
from wheelfix.upstream.resolve import Candidate, is_for
from wheelfix.wheel.environments import Environments
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.release import Declared
from wheelfix.wheel.requirement import Requirement, read_requirement

FAMILY: Final = "family"
"""The code of a file that waits, as no release of another project fits it."""
INCOMPLETE: Final = "family-incomplete"
"""The code of a file that waits, as another project has no release that can be had: what is served of it stays."""
_ANY: Final = "any"
_DAMAGED: Final = frozenset({"bad-wheel", "no-metadata"})
"""The codes of errors of a wheel itself. Any other one, such as that of a busy server, says nothing of what fits."""
_MOST_STEPS: Final = 100_000
"""How many pairs of releases are compared for a family; PyTorch's three projects need some hundred."""


class Family(Struct, frozen=True):
    """The ``releases`` that fit each other; files of newer ones are ``waiting``, or ``refused`` as they cannot be had."""

    releases: tuple[Release, ...]
    waiting: tuple[PlannedFile, ...]
    refused: tuple[PlannedFile, ...]


class _Place(NamedTuple):
    """A platform, and a Python such as 3.11 that a wheel names; empty where it works with several."""

    platform: str
    python: str

    def __str__(self) -> str:
        return f"{self.platform} with Python {self.python}" if self.python else self.platform


class _Wheel(Struct, frozen=True, dict=True):
    """A wheel, and what its name says."""

    file: WantedFile
    name: WheelFilename

    @cached_property
    def platforms(self) -> frozenset[str]:
        """The platforms that it is for, whatever their version."""
        return frozenset(chain.from_iterable(map(platforms_of, self.name.platform.split("."))))

    @cached_property
    def places(self) -> frozenset[_Place]:
        """What it is made for; one for any platform is made for none in particular."""
        tags = [] if "abi3" in self.name.abi else [each for each in self.name.python.split(".") if each.startswith("cp3")]
        pythons = [f"3.{each.removeprefix('cp3')}" for each in tags if each != "cp3"] or [""]
        return frozenset(_Place(each, python) for each in self.platforms - {_ANY} for python in pythons)

    def serves(self, place: _Place) -> bool:
        """Whether it can be installed there."""
        if self.platforms.isdisjoint({place.platform, _ANY}):
            return False
        candidate = Candidate(self.file.file, Version(self.file.version), self.name)
        return not place.python or is_for(candidate, Targets((), place.python))


class _Member:
    """A project of the family: its ``releases`` that can be had, the newest first."""

    def __init__(self, project: str, releases: Iterable[Release]) -> None:
        self.project = project
        self.releases = {each.version: each for each in releases if each.wanted}
        self.wheels = {version: list(_wheels(each)) for version, each in self.releases.items()}
        self._was_at: dict[_Place, bool] = {}

    @cached_property
    def platforms(self) -> frozenset[str]:
        """The platforms that any release has wheels for."""
        return frozenset(chain.from_iterable(each.platforms for each in chain.from_iterable(self.wheels.values())))

    def was_at(self, place: _Place) -> bool:
        """Whether any release has a wheel for ``place``."""
        if place not in self._was_at:
            self._was_at[place] = any(each.serves(place) for each in chain.from_iterable(self.wheels.values()))
        return self._was_at[place]

    def lacks(self, version: Version, places: Iterable[_Place]) -> _Place | None:
        """Return the first of ``places`` that a release has no wheel for, although others of the project have."""
        for place in places:
            if not any(each.serves(place) for each in self.wheels[version]) and self.was_at(place):
                return place
        return None

    def was_served(self, place: Targets) -> bool:
        """Whether any release is for a single target."""
        return any(place in each.served for each in self.releases.values())

    def places(self, version: Version) -> list[_Place]:
        """Return what the wheels of a release are made for."""
        return sorted(set(chain.from_iterable(each.places for each in self.wheels[version])))

    def on(self, version: Version, platform: str) -> list[_Wheel]:
        """Return the wheels of a release for ``platform``."""
        return [each for each in self.wheels[version] if not each.platforms.isdisjoint({platform, _ANY})]


def _wheels(release: Release) -> Iterator[_Wheel]:
    for file in release.wanted:
        try:
            yield _Wheel(file, WheelFilename.parse(file.filename))
        except FilenameError:  # a source distribution
            continue


def combined(source: Source, releases: Mapping[str, Sequence[Release]], reader: MetadataReader) -> Family:
    """Return the newest combinations of ``releases`` that fit each other: as many as ``source`` keeps.

    Where these have no wheels for a target yet, older ones that do are returned as well.
    Where projects require nothing of each other, directly or by others, they are families of their own. ``reader`` reads one
    wheel of a release for each platform, and no more releases than it takes to find what fits.

    :raises MirrorError: if no versions fit each other, METADATA cannot be read for now, or there are too many releases.
    """
    members = [_Member(project, releases[project]) for project in sorted(releases)]
    comparison = _Comparison(members, reader, strip=source.local is Local.STRIP)
    families = [_of_group(comparison, group, releases, source.keep) for group in comparison.groups()]
    return Family(
        tuple(release for each in families for release in each.releases),
        tuple(row for each in families for row in each.waiting),
        tuple(row for each in families for row in each.refused),
    )


def _of_group(
    comparison: "_Comparison", group: Sequence[_Member], releases: Mapping[str, Sequence[Release]], keep: int | None
) -> Family:
    """Return the newest combinations of members that require each other."""
    is_whole = all(each.releases for each in group)  # or else one of them has only files that are too young
    found = _combinations(comparison, group, keep) if is_whole else []
    kept = _versions_of(group, found)
    first = _versions_of(group, found[:keep])  # what comes after these is there for some targets only
    newer = [
        (member, each) for member in group for each in _newer(group, member, first, releases[member.project])
        if each.version not in kept[member.project]
    ]  # fmt: skip
    for _, release in newer:
        if release.problem is not None:
            raise release.problem
    if is_whole and not found:
        raise _no_combination(group)
    return Family(
        tuple(each for member in group for each in releases[member.project] if each.version in kept[member.project]),
        tuple(row for member, each in newer for row in _waiting(comparison, group, member, each)),
        tuple(row for _, each in newer for row in each.refused),
    )


_Chosen = dict[str, Version]


def _versions_of(group: Iterable[_Member], combinations: Iterable[_Chosen]) -> dict[str, set[Version]]:
    """Return the versions of each member that ``combinations`` have."""
    return {member.project: {each[member.project] for each in combinations} for member in group}


class _Comparison:
    """Compares releases of ``members`` with each other; with ``strip`` as they are without local versions."""

    def __init__(self, members: Sequence[_Member], reader: MetadataReader, *, strip: bool) -> None:
        self._members = {each.project: each for each in members}
        self._reader = reader
        self._strip = strip
        self._needs: dict[str, list[Requirement] | None] = {}
        self._known: dict[tuple[str, Version, str, Version], str] = {}
        self._steps = 0

    def groups(self) -> list[list[_Member]]:
        """Return the members by what they require of each other in their newest releases; first who is most required."""
        required = {project: set(self._required_by(member)) - {project} for project, member in self._members.items()}
        groups: list[set[str]] = []
        for project, others in required.items():
            group = {project} | others
            for each in [each for each in groups if not each.isdisjoint(group)]:
                groups.remove(each)
                group |= each
            groups.append(group)
        count = {project: sum(project in each for each in required.values()) for project in self._members}
        ordered = [sorted(group, key=lambda project: (-count[project], project)) for group in groups]
        return [[self._members[project] for project in group] for group in ordered]

    def _required_by(self, member: _Member) -> Iterator[str]:
        """Yield what the newest release requires: all members, where that is damaged."""
        for wheel in next(iter(member.wheels.values()), [])[:1]:
            needs = self._needs_of(wheel)
            yield from self._members if needs is None else (str(each.name) for each in needs)

    def _needs_of(self, wheel: _Wheel) -> list[Requirement] | None:
        """Return what ``wheel`` requires of the family, without extras; ``None`` if its METADATA is damaged.

        :raises MirrorError: if the server does not give it: then it is not known what fits.
        """
        sha256 = wheel.file.sha256
        if sha256 not in self._needs:
            try:
                declared = Declared.of(self._reader.read(wheel.file.file))
            except MirrorError as error:
                if error.code not in _DAMAGED:
                    raise
                self._needs[sha256] = None
                return None
            own, environments = wheel.file.project, Environments(wheel.name.tags)
            read = (each for text in declared.requirements if (each := read_requirement(text)) is not None)
            self._needs[sha256] = [
                each for each in read
                if each.name in self._members and each.name != own and not each.needs_extra
                and not environments.exclude(each, without_extras=True)
            ]  # fmt: skip
        return self._needs[sha256]

    def why_not(self, one: _Member, version: Version, other: _Member, second: Version) -> str:
        """Return why two releases do not fit each other, empty if they do.

        :raises MirrorError: if too many were compared.
        """
        key = one.project, version, other.project, second
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise _too_many()
        if key not in self._known:
            self._known[key] = (
                self._lacks(one, version, other, second) or self._lacks(other, second, one, version)
                or self._refuse(one, version, other, second)
            )  # fmt: skip
        return self._known[key]

    def _lacks(self, one: _Member, version: Version, other: _Member, second: Version) -> str:
        """Return what ``other`` has no wheel for, in words."""
        place = other.lacks(second, one.places(version))
        return "" if place is None else f"{other.project} {second} has no wheel for {shown(str(place))}"

    def _refuse(self, one: _Member, version: Version, other: _Member, second: Version) -> str:
        """Return what one of two requires, in words, and the other is not on some platform that both are for."""
        for platform in sorted((one.platforms | other.platforms) - {_ANY}) or [_ANY]:
            mine, theirs = one.on(version, platform), other.on(second, platform)
            if mine and theirs and (why := self._refuses(mine[0], theirs) or self._refuses(theirs[0], mine)):
                return why
        return ""

    def _refuses(self, wheel: _Wheel, others: Sequence[_Wheel]) -> str:
        """Return what ``wheel`` requires, in words, and one of ``others``, the wheels of a release, is not."""
        needs = self._needs_of(wheel)
        if needs is None:
            return f"METADATA of {shown(wheel.file.filename)} is damaged"
        for each in needs:
            if each.name == others[0].file.project and not all(self._satisfies(other, each) for other in others):
                return f"{wheel.file.project} {wheel.file.release} requires {shown(each.text)}"
        return ""

    def _satisfies(self, wheel: _Wheel, requirement: Requirement) -> bool:
        if requirement.malformed or requirement.url:
            return False
        version, specifiers = Version(wheel.file.version), SpecifierSet(requirement.specifier)
        if self._strip:
            version, specifiers = Version(version.public), SpecifierSet(",".join(map(_stripped, specifiers)))
        return specifiers.contains(version, prereleases=True)


def _stripped(specifier: Specifier) -> str:
    """Return ``specifier`` as it will be once a pin has followed a wheel to its version without ``+cpu``."""
    public, plus, _ = specifier.version.partition("+")
    return f"{specifier.operator}{public}" if plus else str(specifier)


def _combinations(comparison: _Comparison, group: Sequence[_Member], keep: int | None) -> list[_Chosen]:
    """Return the newest ``keep`` combinations: for each release of the first of ``group``, the newest of the others.

    After them come older ones, as far as it takes to have ``keep`` for each target, too.
    """
    found, count = list[_Chosen](), Counter[Targets]()

    def are_enough(places: Iterable[Targets]) -> bool:
        return keep is not None and len(found) >= keep and all(count[each] >= keep for each in places)

    for version, release in group[0].releases.items():
        if are_enough(cells(release.source.targets)):
            break
        if are_enough(release.served):
            continue
        combination = _extended(comparison, {group[0].project: version}, group, 1)
        if combination is None or are_enough(served := _served(group, combination)):
            continue
        found.append(combination)
        count.update(served)
    return found


def _served(group: Sequence[_Member], combination: _Chosen) -> list[Targets]:
    """Return the single targets for which all releases of a combination have wheels, but for members that never had any."""
    chosen = [(member, member.releases[combination[member.project]].served) for member in group]
    return [
        place for place in chosen[0][1] if all(place in served or not member.was_served(place) for member, served in chosen)
    ]


def _extended(comparison: _Comparison, chosen: _Chosen, group: Sequence[_Member], count: int) -> _Chosen | None:
    """Return ``chosen`` with the newest releases of all but the first ``count`` that fit; ``None`` if there are none."""
    if count == len(group):
        return chosen
    member = group[count]
    for version in member.releases:
        if any(comparison.why_not(each, chosen[each.project], member, version) for each in group[:count]):
            continue
        whole = _extended(comparison, {**chosen, member.project: version}, group, count + 1)
        if whole is not None:
            return whole
    return None


def _newer(
    group: Sequence[_Member], member: _Member, kept: Mapping[str, set[Version]], releases: Iterable[Release]
) -> Iterator[Release]:
    """Yield the releases of ``member`` that are newer than those ``kept``.

    Of the project that the others require these are also the ones between: no combination has them.
    """
    own = kept[member.project]
    last = min(own, default=None) if member is group[0] else max(own, default=None)
    for release in releases:
        if last is not None and release.version <= last:
            return
        if release.version not in own:
            yield release


def _waiting(comparison: _Comparison, group: Sequence[_Member], member: _Member, release: Release) -> Iterator[PlannedFile]:
    """Yield the files of a release of ``member`` that nothing fits yet, and why each waits."""
    yield from release.waiting
    lacking = [each.project for each in group if not each.releases]
    if lacking:
        yield from waiting_for(release.wanted, f"{shown_few(lacking, 5)} has no release that can be had", INCOMPLETE)
    else:
        yield from waiting_for(release.wanted, _why_waiting(comparison, group, member, release), FAMILY)


def _why_waiting(comparison: _Comparison, group: Sequence[_Member], member: _Member, release: Release) -> str:
    """Return why nothing of its family fits a release yet."""
    for other in group:
        if other is member or not release.wanted:
            continue
        reasons = [comparison.why_not(member, release.version, other, each) for each in other.releases]
        if all(reasons):
            return f"no {other.project} fits {member.project} {release.version} yet: {reasons[0]}"
    return f"no versions of its family fit {member.project} {release.version} and each other yet"


def _no_combination(group: Sequence[_Member]) -> MirrorError:
    names = ", ".join(each.project for each in group)
    return MirrorError(
        "no-family",
        f"no versions of {shown(names)} fit each other",
        hint="Allow more versions in `projects`, or remove family = true from the source.",
    )


def _too_many() -> MirrorError:
    return MirrorError(
        "too-many-releases",
        f"it takes more than {_MOST_STEPS:,} comparisons to find which releases of a family fit each other",
        hint="Allow fewer versions in `projects`, such as torch>=2.6.",
    )
