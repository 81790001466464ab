"""Edits without rules, for scripts: change a field, add or replace a file of dist-info."""

from dataclasses import dataclass
from typing import Final, TypeAlias


@dataclass(frozen=True, slots=True)
class SetField:
    """Give a METADATA field this value; where it stood more often, the others go.

    A field that may stand many times takes a tuple of all its values. One that no specification knows is refused.
    ``Name`` and ``Version`` are not for it: the file name and the folders would have to follow.
    """

    name: str
    value: str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddField:
    """Add one more value of a METADATA field that may stand many times; a value that is there is not added again."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class RemoveField:
    """Remove a METADATA field: where ``value`` is given only the lines with that value, else all of its name."""

    name: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class WriteFile:
    """Add or replace a file of dist-info: ``path`` is below the folder, such as ``licenses/NOTICE``."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """Remove a file of dist-info."""

    path: str


Edit: TypeAlias = SetField | AddField | RemoveField | WriteFile | RemoveFile

FIXED_FIELDS: Final = frozenset({"metadata-version", "name", "version"})
"""Fields that no edit removes; all but Metadata-Version are not set either."""
