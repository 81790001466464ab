"""Requirements that follow a wheel to its new name and version."""

import re
from typing import Final

from msgspec import Struct
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from wheelfix.results import ChangeAction
from wheelfix.wheel.filename import parsed_version
from wheelfix.wheel.requirement import Requirement, RequirementParts, on_one_line, read_requirement

_EXACT: Final = re.compile(r"(?P<sign>(?<![=~!<>])={2,3}\s*)(?P<version>[^\s,;()]+)")
"""A clause for one certain version."""


class Move(Struct, frozen=True):
    """The new ``name`` and ``new_version`` of a ``project`` that had ``version``; ``None`` for what it keeps.

    The project is a normal name (PEP 503).
    """

    project: str
    version: str
    name: str | None = None
    new_version: str | None = None

    @property
    def renames(self) -> bool:
        """Whether the project has another name afterwards, and not the same one in another spelling."""
        return self.name is not None and canonicalize_name(self.name) != self.project

    @property
    def action(self) -> ChangeAction:
        """What is done to a requirement that follows."""
        return ChangeAction.RENAME if self.renames else ChangeAction.SET_SPECIFIER

    def __str__(self) -> str:
        return f"{self.project} {self.version} becomes {self.name or self.project} {self.new_version or self.version}"


def allows(requirement: Requirement, version: str) -> bool | None:
    """Whether a requirement allows ``version``, pre-releases too; ``None`` where that is not clear: a URL, or malformed."""
    if requirement.url is not None or requirement.malformed or parsed_version(version) is None:
        return None
    return SpecifierSet(requirement.specifier).contains(version, prereleases=True)


def followed(text: str, move: Move) -> str:
    """Return the requirement ``text`` as it is once ``move`` is made; one that does not follow stays as it is written.

    One on the project follows to a new name if it allows the version that moves. Its clauses for one certain version, with
    ``==`` or ``===``, follow to the new version; other clauses are kept.

    >>> followed("torch == 2.7.0 ; os_name == 'posix'", Move("torch", "2.7.0", None, "2.7.0+cpu"))
    "torch == 2.7.0+cpu ; os_name == 'posix'"
    """
    requirement = read_requirement(text)
    if requirement is None or requirement.name != move.project or not allows(requirement, move.version):
        return text
    parts = RequirementParts.of(on_one_line(text))
    if parts is None:
        return text
    if move.name is not None and move.renames:
        parts = parts.with_name(move.name)
    if move.new_version is not None:
        parts = parts.with_specifier(_with_version(parts.specifier, move.version, move.new_version))
    return text if str(parts) == on_one_line(text) else str(parts)


def _with_version(specifier: str, old: str, new: str) -> str:
    """Return a specifier whose clauses for the version ``old`` are for ``new``."""

    def replaced(clause: re.Match[str]) -> str:
        found = parsed_version(clause["version"])  # that of ==1.* is none
        return f"{clause['sign']}{new}" if found in readings else clause[0]

    readings = (Version(old), Version(Version(old).public))  # ==1.0 is a pin of 1.0+cpu as well
    return _EXACT.sub(replaced, specifier)
