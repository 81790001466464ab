"""The wheels of one release: what each declares, and where they disagree. Resolvers assume that they do not.

Those are the requirements, the extras and Requires-Python: Poetry, PDM and ``uv lock`` read the METADATA of one wheel of a
release. See https://packaging.python.org/en/latest/specifications/core-metadata/ for the fields.
"""

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar

from msgspec import Struct
from packaging.utils import canonicalize_name, canonicalize_version

from wheelfix.errors import FilenameError
from wheelfix.locations import Location
from wheelfix.results import Disagreement, Problem
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.requirement import meaning, read_requirement, specifier_meaning

EXTRA = "Provides-Extra"
PYTHON = "Requires-Python"

Topic: TypeAlias = tuple[str, str, str]
"""What wheels can disagree on: a field, for requirements also a name and a marker, for extras also a name.

A marker stands for the environments in which it is true, so that two wheels that require different versions under one
marker disagree on one topic, and still do if one of the versions changes."""


class Declared(Struct, frozen=True):
    """What one METADATA declares: the values of its fields, as they are written."""

    requirements: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    requires_python: str = ""

    @classmethod
    def of(cls, metadata: bytes) -> "Declared":
        """Return what ``metadata`` declares; it need not be valid."""
        document = Document.parse_leniently(metadata)
        return cls(
            tuple(each.value.strip() for each in document.all(REQUIRES)),
            tuple(each.value.strip() for each in document.all(EXTRA)),
            (document.first(PYTHON) or "").strip(),
        )

    def answers(self) -> Mapping[Topic, Hashable]:
        """Return what it declares on each topic, independent of spelling.

        >>> one, other = Declared(("Foo >= 1",)), Declared(("foo>=1",))
        >>> one.answers() == other.answers()
        True
        """
        found: dict[Topic, set[Hashable]] = {}
        for text in self.requirements:
            topic, answer = _read(text)
            found.setdefault(topic, set()).add(answer)
        said: dict[Topic, Hashable] = {topic: frozenset(answers) for topic, answers in found.items()}
        said |= {(EXTRA, str(canonicalize_name(each)), ""): True for each in self.extras}
        if self.requires_python:
            said[PYTHON, "", ""] = specifier_meaning(self.requires_python)
        return said


class CopySource(Struct, frozen=True):
    """A wheel of a release as others can copy from it: its name, and what it ``declares`` as rules leave it.

    ``problem`` says why rules cannot leave it so, ``None`` if they can. With ``merges`` other wheels may still be merged
    into it: then it is one that can be merged into others, too, but nothing else.
    """

    filename: WheelFilename
    declares: Declared = Declared()
    problem: Problem | None = None
    merges: bool = False


def _read(text: str) -> tuple[Topic, Hashable]:
    requirement = read_requirement(text)
    if requirement is None or requirement.malformed:  # a malformed requirement is compared as text
        return (REQUIRES, " ".join(text.split()), ""), True
    answer = requirement.extras, requirement.specifier, requirement.url
    return (REQUIRES, requirement.name, requirement.marker), answer


Item = TypeVar("Item")


Release = tuple[str, str]
"""A project, and a version in one spelling."""


def read_name(path: Location) -> WheelFilename | None:
    """Return the parts of a wheel's file name, ``None`` if it is not one."""
    try:
        return WheelFilename.parse(path.name)
    except FilenameError:  # its own outcome reports that
        return None


def release_of(name: WheelFilename) -> Release:
    """Return the release of a wheel with this name."""
    return name.project, canonicalize_version(name.version.replace("_", "-"))


def by_release(items: Sequence[Item], names: Sequence[WheelFilename | None]) -> list[list[Item]]:
    """Return the ``items``, one for each of ``names``, by release; without those that have no name or no other wheel."""
    groups: dict[Release, list[Item]] = {}
    for each, name in zip(items, names, strict=True):
        if name is not None:
            groups.setdefault(release_of(name), []).append(each)
    return [group for group in groups.values() if len(group) > 1]


def in_some(sets: Sequence[Collection[Hashable]]) -> set[Hashable]:
    """Return what is in some of ``sets`` but not in all."""
    return set().union(*sets) - set(sets[0]).intersection(*sets)


def meanings(requirements: Iterable[str]) -> dict[Hashable, str]:
    """Return ``requirements`` by their meaning; of two with the same meaning the last one."""
    return {meaning(each): each for each in requirements}


Place = TypeVar("Place", bound=Location)


def releases_of(paths: Iterable[Place]) -> list[list[Place]]:
    """Return the wheels by release, by their file names; without wheels that are alone in their release."""
    paths = list(paths)
    return by_release(paths, [read_name(path) for path in paths])


def views_of(ancestors: Mapping[Path, frozenset[str]]) -> Iterator[list[Path]]:
    """Yield the wheels as they came and, where fixed copies of some are given too, as they are with those in their place.

    A copy takes the place of the wheels that it was made from, and need not agree with them. Of wheels that were fixed
    several times each step is one more view, so that every wheel is in one of them. ``ancestors`` are, for each wheel, the
    file names that its provenance names.
    """
    made_from = _made_from(ancestors)
    steps: dict[Path, int] = {}
    for path, sources in made_from.items():
        steps[path] = max((steps[each] + 1 for each in sources), default=0)
    for last in range(max(steps.values(), default=0) + 1):
        replaced = {each for path, sources in made_from.items() if steps[path] <= last for each in sources}
        yield [path for path in ancestors if steps[path] <= last and path not in replaced]


def _made_from(ancestors: Mapping[Path, frozenset[str]]) -> dict[Path, set[Path]]:
    """Return for each wheel, sources first, those of which it is a fixed copy.

    They are those that its provenance names, and the one of the same file name that was fixed fewer times.
    """
    before = {path: names - {path.name} for path, names in ancestors.items()}
    made_from: dict[Path, set[Path]] = {}
    by_name: dict[str, Path] = {}
    for path in sorted(ancestors, key=lambda path: (len(before[path]), len(ancestors[path]))):
        made_from[path] = {by_name[name] for name in {*before[path], path.name} if name in by_name}
        by_name[path.name] = path
    return made_from


def disagreements_of(requirements: Mapping[Place, Sequence[str]]) -> tuple[Disagreement, ...]:
    """Return the requirements on which wheels of one release disagree, given the ``requirements`` of each wheel."""
    return tuple(
        disagreement
        for release in releases_of(requirements)
        for disagreement in _in_release(release, [meanings(requirements[path]) for path in release])
    )


def _in_release(paths: Sequence[Location], said: Sequence[Mapping[Hashable, str]]) -> Iterator[Disagreement]:
    name = WheelFilename.parse(paths[0].name)
    differing = in_some([each.keys() for each in said])
    for key, text in {key: text for each in said for key, text in each.items()}.items():
        if key in differing:
            present = tuple(path for path, mine in zip(paths, said, strict=True) if key in mine)
            missing = tuple(path for path, mine in zip(paths, said, strict=True) if key not in mine)
            yield Disagreement(name.project, name.version, text, present, missing)
