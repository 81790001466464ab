"""What can be changed in a wheel, one value for each kind of change.

Rules ask for edits, and so does a script; :func:`wheelfix.make_plan` says what they change.
"""

from typing import Final, TypeAlias

from msgspec import Struct


class SetField(Struct, frozen=True):
    """Set a METADATA field to this value; if the field appears more than once, the others are removed.

    For a field that may appear many times, give a tuple of all its values. A field that no specification knows is refused,
    and so are ``Name`` and ``Version``: file name and directories would have to change with them.
    """

    name: str
    value: str | tuple[str, ...]


class AddField(Struct, frozen=True):
    """Add a value of a METADATA field that may appear many times; a value that is there is not added again."""

    name: str
    value: str


class RemoveField(Struct, frozen=True):
    """Remove a METADATA field: all its lines, or only those with ``value`` where that is given."""

    name: str
    value: str | None = None


class WriteFile(Struct, frozen=True):
    """Add or replace a file of dist-info; ``path`` is relative to it, such as ``licenses/NOTICE``."""

    path: str
    content: bytes


class RemoveFile(Struct, frozen=True):
    """Remove a file of dist-info."""

    path: str


class SetLocal(Struct, frozen=True):
    """Give the wheel this local version (PEP 440), such as ``cpu``, wherever it says its version."""

    local: str


class SetBuildTag(Struct, frozen=True):
    """Give the wheel this build tag, such as ``1nogpu``, in its file name and in WHEEL."""

    build_tag: str


Edit: TypeAlias = SetField | AddField | RemoveField | WriteFile | RemoveFile | SetLocal | SetBuildTag

RENAMING: Final = (SetLocal, SetBuildTag)
"""The edits that can give the wheel another file name."""
