"""The editor of METADATA: it changes fields and records what it changed."""

from collections.abc import Hashable, Mapping, Sequence
from itertools import zip_longest
from typing import Final, TypeAlias

from packaging.utils import canonicalize_name
from packaging.version import Version

from wheelfix.errors import EditError
from wheelfix.results import Change, ChangeAction
from wheelfix.text import shown
from wheelfix.wheel.fields import FIELDS, FieldKind, check_value, find, is_field_name
from wheelfix.wheel.metadata import Document, Field
from wheelfix.wheel.requirement import meaning, read_requirement, specifier_meaning

FIXED_FIELDS: Final = frozenset({"metadata-version", "name", "version"})
"""Fields that no edit removes; of these, only Metadata-Version can be set."""


REQUIRES = "Requires-Dist"
_Note: TypeAlias = tuple[ChangeAction, str | None, str | None]
"""An action, and the value before and after it."""
_SET: Final = ChangeAction.SET_FIELD
_REMOVED: Final = ChangeAction.REMOVE_FIELD
_REBUILD: Final = "Build the wheel again to change it."
_OF_WHEEL: Final = {
    "tag": "To change the tags, use the actions set-tag, add-tag and remove-tag, or SetTags and the like from Python.",
    "build": "To change the build tag, use --build-tag, or Naming(build_tag=...) from Python.",
    "wheel-version": _REBUILD,
    "generator": _REBUILD,
    "root-is-purelib": "To change it, use the action set-root-is-purelib, or SetRootIsPurelib from Python.",
}
"""The fields of WHEEL, in lower case, and how to change each."""


class Editor:
    """A document and the changes made to it. ``rule`` and ``reason`` are recorded with each change."""

    def __init__(self, document: Document) -> None:
        self._original = document
        self.document = document
        self.changes: list[Change] = []
        self.rule: str | None = None
        self.reason: str | None = None
        self._written: dict[FieldKind, str | None] = {}

    def replace(self, values: Mapping[Field, str | Sequence[str] | None], changes: Sequence[Change]) -> None:
        """Give fields new values, several for several lines and ``None`` to remove them, and record ``changes``."""
        self.document = self.document.edited(values)
        self.changes += changes

    def set_field(self, name: str, value: str | Sequence[str]) -> None:
        """Set the field ``name`` to ``value``: one text for a field that appears once, else all its values.

        :raises EditError: if there is no such field, or a value is not valid.
        """
        kind = _known(name)
        if name.lower() in FIXED_FIELDS - {"metadata-version"}:
            raise EditError(
                "identity-field",
                f"{name} is part of the wheel's identity",
                hint=f"Use Set{name.capitalize()}, or set-{name.lower()} in a rule: file name and directories change too.",
            )
        if name.lower() == "description" and self.document.body:
            raise EditError(
                "body-holds-description", "the description is the body of METADATA", hint="A field would repeat it."
            )
        if kind.multiple and isinstance(value, str):
            hint = "Use AddField and RemoveField, or give all its values."
            raise EditError("repeated-field", f"{kind.name} may appear many times", hint=hint)
        if not kind.multiple and not isinstance(value, str):
            raise EditError("single-field", f"{kind.name} may appear only once", hint="Give one value.")
        values = (value,) if isinstance(value, str) else tuple(value)
        for each in values:
            check_value(kind.name, each)
        present = self.document.all(name)
        if [each.value.strip() for each in present] == [*values]:
            return
        changed: dict[Field, str | None] = {}
        notes: list[_Note] = []
        for old, new in zip_longest(present, values[: len(present)]):
            if new != old.value.strip():
                changed[old] = new
                notes.append((_REMOVED if new is None else _SET, old.value, new))
        document = self.document.edited(changed)
        if len(values) > len(present):
            notes += [(_SET, None, new) for new in values[len(present) :]]
            document = document.adding(kind.name, *values[len(present) :])
        self._change(document, kind, name, *notes)

    def add_field(self, name: str, *values: str) -> None:
        """Add values of a field that may appear many times, except those that are there.

        :raises EditError: if there is no such field, it may appear only once, or a value is not valid.
        """
        kind = _known(name)
        if not kind.multiple:
            raise EditError("single-field", f"{kind.name} may appear only once", hint="Use SetField.")
        present = {_sense(kind.name, each.value.strip()) for each in self.document.all(name)}
        added: dict[Hashable, str] = {}
        for value in values:
            check_value(kind.name, value)
            if _sense(kind.name, value) not in present:
                added.setdefault(_sense(kind.name, value), value)
        if added:  # all at once: each change parses the whole document again
            notes = [(ChangeAction.ADD_FIELD, None, value) for value in added.values()]
            self._change(self.document.adding(kind.name, *added.values()), kind, name, *notes)

    def remove_field(self, name: str, value: str | None = None) -> None:
        """Remove a field: all its lines, or only those with ``value`` where that is given.

        :raises EditError: if METADATA must have the field.
        """
        if name.lower() in FIXED_FIELDS:
            raise EditError("required-field", f"every METADATA must have {name}", hint="It cannot be removed.")
        gone = [each for each in self.document.all(name) if value is None or each.value.strip() == value]
        notes = [(_REMOVED, each.value, None) for each in gone]
        self._change(self.document.without(gone), None, name, *notes)

    def match_values(self, name: str, values: Sequence[str], action: ChangeAction) -> None:
        """Let the values of a field mean what ``values`` mean, and nothing else; each change is recorded as ``action``.

        A line that means the same as one of them keeps its bytes. One that requires the same project otherwise changes in
        its place, any other is removed, and what is missing is added in its order.

        :raises EditError: if there is no such field, or a new value is not valid.
        """
        kind = _known(name)
        wanted: dict[Hashable, str] = {}
        for value in values:
            wanted.setdefault(_sense(kind.name, value), value)
        present = {each: each.value.strip() for each in self.document.all(name)}
        there = {_sense(kind.name, text) for text in present.values()}
        missing = [value for sense, value in wanted.items() if sense not in there]
        successors: dict[str, list[str]] = {}
        for value in reversed(missing):
            check_value(kind.name, value)
            successors.setdefault(_subject(kind.name, value), []).append(value)
        changed: dict[Field, str | None] = {}
        for each, text in present.items():
            if _sense(kind.name, text) not in wanted:
                left = successors.get(_subject(kind.name, text))
                changed[each] = left.pop() if left else None
        in_place = {*changed.values()}
        added = [value for value in missing if value not in in_place]
        notes: list[_Note] = [(action, present[each], after) for each, after in changed.items()]
        notes += [(action, None, value) for value in added]
        document = self.document.edited(changed)  # what changes in place first: then the positions of fields are still right
        self._change(document.adding(kind.name, *added) if added else document, kind, name, *notes)

    def check_versions(self) -> None:
        """Confirm that the Metadata-Version allows every field that was written, and all that it allowed before.

        :raises EditError: if it does not.
        """
        before, now = _version_of(self._original), _version_of(self.document)
        if now is None:
            return  # readers cannot rely on such a file, and it was so before
        for kind, rule in self._written.items():
            if self.document.all(kind.name) and now < Version(kind.since):
                raise _too_new(kind, now, rule)
        if before is None or now >= before:
            return
        for each in self.document.fields:  # a field that was valid before must stay valid
            known = find(each.name)
            if known and now < Version(known.since) <= before:
                raise _too_new(known, now, None)

    def _change(self, document: Document, kind: FieldKind | None, name: str, *notes: _Note) -> None:
        """Replace the document, and record what was done: action, value before and after."""
        self.document = document
        if kind and not self._original.all(kind.name):
            self._written.setdefault(kind, self.rule)
        for action, before, after in notes:
            old = before.strip() if before else before
            self.changes.append(Change(_spelled(name), action, old, after, self.rule, reason=self.reason))


def _known(name: str) -> FieldKind:
    """Return the field called ``name``: a field that no specification knows is never written, not by rules either.

    :raises EditError: if there is none.
    """
    kind = find(name)
    if kind is not None:
        return kind
    if not is_field_name(name):
        raise EditError("invalid-field-name", f"{shown(name)!r} is not a field name", hint="Use a name such as Classifier.")
    if name.lower() in _OF_WHEEL:
        raise EditError("unknown-field", f"{name} is a field of WHEEL, not of METADATA", hint=_OF_WHEEL[name.lower()])
    from difflib import get_close_matches  # imported late: most names are right

    near = get_close_matches(name.lower(), FIELDS, 1)
    hint = f"Did you mean {FIELDS[near[0]].name}?" if near else "Use one of the core metadata fields, such as Classifier."
    raise EditError("unknown-field", f"there is no field {shown(name)!r}", hint=hint)


def _version_of(document: Document) -> Version | None:
    """Return the Metadata-Version, ``None`` where there is none that can be read."""
    try:
        return Version(document.first("Metadata-Version") or "")
    except ValueError:
        return None


def _too_new(kind: FieldKind, present: Version, rule: str | None) -> EditError:
    by = f"rule {rule}: " if rule else ""
    return EditError(
        "field-too-new",
        f"{by}{kind.name} requires Metadata-Version {kind.since} (found {present})",
        hint=f"Set Metadata-Version to {kind.since} too, or exclude such wheels.",
    )


def _spelled(name: str) -> str:
    """Return the usual spelling of a field's name."""
    kind = find(name)
    return kind.name if kind else name


def _sense(name: str, value: str) -> Hashable:
    """Return what a value of the field ``name`` means: the same for all its spellings."""
    match name:
        case "Requires-Dist":
            return meaning(value)
        case "Provides-Extra":
            return canonicalize_name(value)
        case "Requires-Python":
            return specifier_meaning(value)
        case _:
            return value


def _subject(name: str, value: str) -> str:
    """Return what a value of the field ``name`` is about, where another one can take its place: a project, or the field."""
    if name != REQUIRES:
        return value if FIELDS[name.lower()].multiple else ""
    requirement = read_requirement(value)
    return requirement.name if requirement else value
