"""What can be changed in a wheel, one value for each kind of change.

Rules ask for edits, and so does a script; :func:`wheelfix.make_plan` says what they change.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct
from msgspec.structs import force_setattr


def _listed(given: str | tuple[str, ...]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


class SetField(Struct, frozen=True):
    """Set a METADATA field to this value; if the field appears more than once, the others are removed.

    For a field that may appear many times, give a tuple of all its values. A field that no specification knows is refused,
    and so are ``Name`` and ``Version``: use :class:`SetName` and :class:`SetVersion`, which change file name and directories
    too.
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


class RemoveFiles(Struct, frozen=True):
    """Remove the files that one of ``patterns`` matches, each for a path from the top of the wheel.

    A pattern with a slash is for the whole path: ``tests/`` means everything below, ``docs/**/*.md`` crosses directories and
    ``*`` does not. One without a slash is for the file's name in any directory. A file of dist-info is meant only where the
    pattern begins with its directory: ``*.dist-info/NOTICE``. What an import in the wheel needs is not removed.
    """

    patterns: tuple[str, ...]

    if TYPE_CHECKING:  # a struct makes its own __init__, which takes what it is given

        def __init__(self, patterns: str | tuple[str, ...]) -> None: ...

    def __post_init__(self) -> None:
        """Take a text alone as a list of one, not of its letters."""
        force_setattr(self, "patterns", _listed(self.patterns))


class AddEntryPoint(Struct, frozen=True):
    """Add an entry point, such as a script in the group ``console_scripts``; one of that name gets this value."""

    group: str
    name: str
    value: str


class RemoveEntryPoint(Struct, frozen=True):
    """Remove the entry points whose name and group match a pattern; what is empty matches all.

    With ``missing_module`` only those go whose module is not among the files of the wheel.
    """

    name: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    missing_module: bool = False

    if TYPE_CHECKING:

        def __init__(
            self, name: str | tuple[str, ...] = (), group: str | tuple[str, ...] = (), missing_module: bool = False
        ) -> None: ...

    def __post_init__(self) -> None:
        """Take a text alone as a list of one."""
        force_setattr(self, "name", _listed(self.name))
        force_setattr(self, "group", _listed(self.group))


class DropRequirement(Struct, frozen=True):
    """Drop the requirements that ``requirement`` names.

    It is a name, a pattern for normalized names such as ``nvidia-*``, or a whole requirement as METADATA has it: then its
    specifier must be the same, and its marker contain this one. By a name alone no requirement is meant that only an extra
    requires. So it is wherever an edit is about requirements.
    """

    requirement: str


class AddRequirement(Struct, frozen=True):
    """Add a requirement, unless the wheel has it."""

    requirement: str


class ReplaceRequirement(Struct, frozen=True):
    """Replace the requirements that ``requirement`` names, as for :class:`DropRequirement`, by a text or a template.

    A template is that of the action ``replace`` of rules: ``numpy>=2{marker}``. A tuple of them makes several of one.
    """

    requirement: str
    by: str | tuple[str, ...]


class RelaxRequirement(Struct, frozen=True):
    """Allow later versions of the requirements that ``requirement`` names: ``==1.2`` and ``~=1.2`` become ``>=1.2``."""

    requirement: str


class DropUpperLimit(Struct, frozen=True):
    """Remove the upper limit of the requirements that ``requirement`` names: ``>=1.2,<2`` becomes ``>=1.2``."""

    requirement: str


class DropExtra(Struct, frozen=True):
    """Remove an extra: its Provides-Extra, the requirements of it alone, and its part in the markers of others."""

    extra: str


class SetName(Struct, frozen=True):
    """Give the project this name, wherever the wheel says its name, and in requirements of the project on itself."""

    name: str


class SetVersion(Struct, frozen=True):
    """Give the wheel this version (PEP 440), its local version included, wherever it says its version."""

    version: str


class SetPost(Struct, frozen=True):
    """Make the wheel a post-release of its version: the one with this number, or with ``+1`` the next one.

    A wheel that an edit like this has given its version already, as its provenance says, is not raised again.
    """

    post: str


class SetLocal(Struct, frozen=True):
    """Give the wheel this local version (PEP 440), such as ``cpu``, wherever it says its version.

    An empty one removes the local version that it has.
    """

    local: str


class SetBuildTag(Struct, frozen=True):
    """Give the wheel this build tag, such as ``1nogpu``, in its file name and in WHEEL."""

    build_tag: str


class SetTags(Struct, frozen=True):
    """Give the wheel these tags in place of those that it has, in its file name and in WHEEL.

    Each may be a compressed set, as in a file name: ``py2.py3-none-any``.
    """

    tags: str | tuple[str, ...]


class AddTags(Struct, frozen=True):
    """Give the wheel these tags too, each perhaps a compressed set; a tag that it has is not added again."""

    tags: str | tuple[str, ...]


class RemoveTags(Struct, frozen=True):
    """Remove the tags that match any of these patterns, such as ``py2-*`` or ``*-manylinux1_x86_64``."""

    patterns: str | tuple[str, ...]


class SetRootIsPurelib(Struct, frozen=True):
    """Let WHEEL say whether what is at the top of the wheel is pure Python: Root-Is-Purelib."""

    value: bool


TagEdit: TypeAlias = SetTags | AddTags | RemoveTags
RequirementEdit: TypeAlias = (
    DropRequirement | AddRequirement | ReplaceRequirement | RelaxRequirement | DropUpperLimit | DropExtra
)
"""Edits that are carried out as rules are: each requirement is judged once, as it is in the original wheel."""
FileEdit: TypeAlias = WriteFile | RemoveFile | RemoveFiles | AddEntryPoint | RemoveEntryPoint
"""Edits of files other than METADATA."""
WheelEdit: TypeAlias = (
    SetField
    | AddField
    | RemoveField
    | FileEdit
    | SetName
    | SetVersion
    | SetPost
    | SetLocal
    | SetBuildTag
    | SetTags
    | AddTags
    | RemoveTags
    | SetRootIsPurelib
)
"""Edits that are carried out one after the other, after all rules."""
Edit: TypeAlias = RequirementEdit | WheelEdit


def naming_values(edit: Edit) -> Mapping[str, str | bool | None]:
    """Return the fields of :class:`wheelfix.Naming` that ``edit`` sets, the one that it is about first; none for others."""
    match edit:
        case SetName(name):
            return {"name": name}
        case SetVersion(version):
            return {"version": version, "post": None}
        case SetPost(post):
            return {"version": None, "post": post}
        case SetLocal(local):
            return {"local": local or None, "drop_local": not local}
        case SetBuildTag(build_tag):
            return {"build_tag": build_tag}
        case _:
            return {}


RENAMING: Final = (SetName, SetVersion, SetPost, SetLocal, SetBuildTag, SetTags, AddTags, RemoveTags)
"""The edits that can give the wheel another file name."""
