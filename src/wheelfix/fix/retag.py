"""What is changed in the WHEEL file, and the changes that say so."""

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from wheelfix.results import Change, ChangeAction
from wheelfix.wheel.edits import AddTags, RemoveTags, SetRootIsPurelib, SetTags, TagEdit
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.tags import WheelTag, compressed, edited_tags, tags_of, with_tags
from wheelfix.wheel.wheel_file import BUILD, ROOT, TAG, with_field, with_tag_lines

_LONGEST: Final = 500
"""How much of a list of tags a change says, in characters."""


_ACTIONS: Final = {
    SetTags: ChangeAction.SET_TAG,
    AddTags: ChangeAction.ADD_TAG,
    RemoveTags: ChangeAction.REMOVE_TAG,
}


class Retag:
    """What edits make of the tags of a wheel called ``filename``, and of Root-Is-Purelib; the edits come one by one."""

    def __init__(self, filename: WheelFilename) -> None:
        self._filename = filename
        self._tags: list[WheelTag] | None = None
        self._by: tuple[str | None, str | None] = (None, None)
        self._root: tuple[str, str | None, str | None] | None = None
        self._changes: list[Change] = []

    def note(self, edit: TagEdit | SetRootIsPurelib, rule: str | None = None, reason: str | None = None) -> bool:
        """Note what ``edit`` changes; return whether the wheel has what it is about.

        :raises EditError: if a tag of the edit is not one.
        """
        if isinstance(edit, SetRootIsPurelib):
            self._root = str(edit.value).lower(), rule, reason
            return True
        before = tags_of(self._filename) if self._tags is None else self._tags
        after = edited_tags(before, edit)
        if isinstance(edit, RemoveTags) and len(after) == len(before):
            return False
        self._tags = after
        gone, new = ([tag for tag in one if tag not in {*other}] for one, other in ((before, after), (after, before)))
        if gone or new:
            was, now = (before, after) if isinstance(edit, SetTags) else (gone, new)
            texts = said(compressed(was)), said(compressed(now))
            self._changes.append(Change(TAG, _ACTIONS[type(edit)], texts[0], texts[1], rule, reason=reason))
        self._by = rule, reason
        return True

    def applied_to(self, filename: WheelFilename) -> WheelFilename:
        """Return a name of this wheel, whatever its project and version, with the new tags.

        :raises EditError: if no file name can say them.
        """
        return filename if self._tags is None else with_tags(filename, self._tags)

    @property
    def becomes_pure(self) -> bool:
        """Whether the wheel is to say that its top is pure Python."""
        return self._root is not None and self._root[0] == "true"

    @property
    def new_tags(self) -> list[WheelTag]:
        """The tags that the wheel did not have in its file name."""
        old = frozenset(tags_of(self._filename))
        return [tag for tag in self._tags or () if tag not in old]

    def applied(self, content: bytes) -> tuple[bytes, list[Change], list[str]]:
        """Return WHEEL, whose ``content`` is given, as edits want it, with the changes and notes.

        Where tags are edited it lists those of the new file name afterwards, whatever it did before.

        :raises EditError: if no file name can say the tags.
        :raises MetadataError: if readers see different fields in WHEEL.
        """
        changes, notes = list[Change](), list[str]()
        if self._tags is not None:
            if {*self._tags} != {*tags_of(self._filename)}:  # edits can undo each other
                changes += self._changes
            if changes and list_tags(content, self._filename)[0] != content:
                notes.append("WHEEL did not list the tags of the file name; now it does.")
            listed, change = list_tags(content, self.applied_to(self._filename))
            if listed != content and not changes:
                rule, reason = self._by
                changes.append(replace(change, rule=rule, reason=reason or "WHEEL lists the tags of the file name"))
            content = listed
        if self._root is not None:
            value, rule, reason = self._root
            if not _says_root(content, value):
                content, change = set_wheel_field(content, ROOT, value)
                changes.append(replace(change, rule=rule, reason=reason))
        return content, changes, notes


def _says_root(content: bytes, value: str) -> bool:
    """Whether all installers read Root-Is-Purelib as ``value``; to some, what is not spelled ``true`` is false."""
    fields = Document.parse_leniently(content, "WHEEL").all(ROOT)
    said_exactly = [(each.name, each.value.strip()) for each in fields] == [(ROOT, value)]
    return said_exactly or (value == "false" and [each.value.strip().lower() for each in fields] == ["false"])


def set_wheel_field(content: bytes, name: str, value: str | None) -> tuple[bytes, Change]:
    """Return WHEEL with another value of the field ``name``, ``None`` for none, and the change."""
    before = Document.parse_leniently(content, "WHEEL").first(name)
    action = ChangeAction.SET_BUILD_TAG if name == BUILD else ChangeAction.SET_WHEEL_FIELD
    return with_field(content, name, value), Change(name, action, before, value)


def list_tags(content: bytes, filename: WheelFilename) -> tuple[bytes, Change]:
    """Return WHEEL with the tags of a file name, and the change.

    :raises EditError: if those are more than any wheel has.
    """
    tags = tags_of(filename)
    listed = [each.value.strip() for each in Document.parse_leniently(content, "WHEEL").all(TAG)]
    return with_tag_lines(content, tags), Change(TAG, ChangeAction.SET_TAG, said(listed), said(compressed(tags)))


def said(tags: Iterable[str]) -> str | None:
    """Return tags as a change says them, ``None`` where there are none."""
    text = ", ".join(tags)
    return f"{text[:_LONGEST]}..." if len(text) > _LONGEST else text or None
