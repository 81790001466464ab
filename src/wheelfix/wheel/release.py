"""The wheels of one release: what each declares, and where they disagree. Resolvers assume that they do not.

Those are the requirements, the extras and Requires-Python: Poetry, PDM and ``uv lock`` read the METADATA of one wheel of a
release. See https://packaging.python.org/en/latest/specifications/core-metadata/ for the fields.
"""

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

from packaging.utils import canonicalize_name, canonicalize_version

from wheelfix.errors import FilenameError
from wheelfix.results import Disagreement
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.requirement import meaning, read_requirement, specifier_meaning

EXTRA = "Provides-Extra"
PYTHON = "Requires-Python"

Subject: TypeAlias = tuple[str, str, str]
"""What wheels can disagree on: a field, and for requirements a name and a marker, for extras a name.

A marker stands for the environments in which it is true, so that two wheels that require different versions under one
marker disagree on one subject, and go on doing so if one of the versions changes."""


@dataclass(frozen=True, slots=True)
class Declared:
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

    def answers(self) -> Mapping[Subject, Hashable]:
        """Return what it says of each subject, in no particular spelling; of all others it says nothing.

        >>> one, other = Declared(("Foo >= 1",)), Declared(("foo>=1",))
        >>> one.answers() == other.answers()
        True
        """
        found: dict[Subject, set[Hashable]] = {}
        for text in self.requirements:
            subject, answer = _read(text)
            found.setdefault(subject, set()).add(answer)
        said: dict[Subject, Hashable] = {subject: frozenset(answers) for subject, answers in found.items()}
        said |= {(EXTRA, str(canonicalize_name(each)), ""): True for each in self.extras}
        if self.requires_python:
            said[PYTHON, "", ""] = specifier_meaning(self.requires_python)
        return said


def _read(text: str) -> tuple[Subject, Hashable]:
    requirement = read_requirement(text)
    if requirement is None or requirement.malformed:  # what cannot be read is compared as it is written
        return (REQUIRES, " ".join(text.split()), ""), True
    answer = requirement.extras, requirement.specifier, requirement.url
    return (REQUIRES, requirement.name, requirement.marker), answer


Item = TypeVar("Item")


Release = tuple[str, str]
"""A project, and a version without differences of spelling."""


def read_name(path: Path) -> WheelFilename | None:
    """Return the parts of a wheel's file name, ``None`` if it is none."""
    try:
        return WheelFilename.parse(path.name)
    except FilenameError:  # its own outcome tells it
        return None


def release_of(name: WheelFilename) -> Release:
    """Return the release that a wheel of this name is of."""
    return name.project, canonicalize_version(name.version.replace("_", "-"))


def by_release(items: Sequence[Item], names: Sequence[WheelFilename | None]) -> list[list[Item]]:
    """Return what stands for wheels release by release, by their ``names``; one without a name is left out."""
    groups: dict[Release, list[Item]] = {}
    for each, name in zip(items, names, strict=True):
        if name is not None:
            groups.setdefault(release_of(name), []).append(each)
    return [group for group in groups.values() if len(group) > 1]


def in_some(sets: Sequence[Collection[Hashable]]) -> set[Hashable]:
    """Return what is in some of ``sets`` and not in all."""
    return set().union(*sets) - set(sets[0]).intersection(*sets)


def meanings(requirements: Iterable[str]) -> dict[Hashable, str]:
    """Return ``requirements`` by what they mean; of two that mean the same the last one stands."""
    return {meaning(each): each for each in requirements}


def releases_of(paths: Iterable[Path]) -> list[list[Path]]:
    """Return the wheels release by release, by their file names; one that has no other wheel of its release is left out."""
    paths = list(paths)
    return by_release(paths, [read_name(path) for path in paths])


def disagreements_of(requirements: Mapping[Path, Sequence[str]]) -> tuple[Disagreement, ...]:
    """Return on which requirements the wheels of one release disagree, of wheels with their ``requirements``."""
    return tuple(
        disagreement
        for release in releases_of(requirements)
        for disagreement in _in_release(release, [meanings(requirements[path]) for path in release])
    )


def _in_release(paths: Sequence[Path], said: Sequence[Mapping[Hashable, str]]) -> Iterator[Disagreement]:
    name = WheelFilename.parse(paths[0].name)
    differing = in_some([each.keys() for each in said])
    for key, text in {key: text for each in said for key, text in each.items()}.items():
        if key in differing:
            present = tuple(path for path, mine in zip(paths, said, strict=True) if key in mine)
            missing = tuple(path for path, mine in zip(paths, said, strict=True) if key not in mine)
            yield Disagreement(name.project, name.version, text, present, missing)
