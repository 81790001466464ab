"""What differs between two locks of mirrors, as a reviewer reads it. Nothing is read or written here."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from wheelfix.mirror.pages import version_of
from wheelfix.sync.snapshots.snapshot import Snapshot, SnapshotFile, SnapshotProject


class LockChange(StrEnum):
    """How a file, or a project, differs."""

    ADDED = "added"
    REMOVED = "removed"
    REPLACED = "replaced"
    """It has the same name and other bytes: locks of clients that hold its sha256 fail."""
    YANKED = "yanked"
    UNYANKED = "unyanked"
    RULES = "rules"
    """Other rules were applied to it; its bytes are the same."""
    SOURCE = "source"
    """Another source, or index, is noted for it; its bytes are the same."""
    METADATA = "metadata"
    """What the page says of it differs."""
    STATUS = "status"
    """The status of the project differs (PEP 792)."""


IN_NOTES: Final = frozenset({LockChange.RULES, LockChange.SOURCE})
"""What differs in what the mirror notes of a file for itself: clients get the same."""


class LockDifference(Struct, frozen=True, kw_only=True):
    """One difference: ``before`` and ``after`` are the values that differ, ``None`` where there is none.

    These are sha256 sums (hexadecimal) of a file that was replaced, reasons of one that is yanked, identities of rules, or
    ``key: value`` of other things that a page says. ``filename`` and ``version`` are empty where it is about a project.
    """

    change: LockChange
    project: str
    version: str = ""
    filename: str = ""
    before: str | None = None
    after: str | None = None
    size: int = 0
    source: str | None = None


_SAID: Final = {
    "requires_python": LockChange.METADATA,
    "metadata_sha256": LockChange.METADATA,
    "upload_time": LockChange.METADATA,
    "source": LockChange.SOURCE,
    "upstream": LockChange.SOURCE,
}
"""What a page says of a file that people should know of when it differs."""


def compare_snapshots(old: Snapshot, new: Snapshot) -> tuple[LockDifference, ...]:
    """Return what differs between two locks, by project and file name; when a file was added is no difference."""
    before, after = old.by_project, new.by_project
    return tuple(each for name in sorted({*before, *after}) for each in _project(name, before.get(name), after.get(name)))


def _project(name: str, old: SnapshotProject | None, new: SnapshotProject | None) -> Iterator[LockDifference]:
    before, after = (_by_name(each) for each in (old, new))
    if old and new and old.status != new.status:
        yield LockDifference(change=LockChange.STATUS, project=name, before=_status(old.status), after=_status(new.status))
    for filename in sorted({*before, *after}):
        yield from _file(name, before.get(filename), after.get(filename))


def _by_name(project: SnapshotProject | None) -> Mapping[str, SnapshotFile]:
    return {each.filename: each for each in project.files} if project else {}


def _status(status: Mapping[str, str] | None) -> str | None:
    if not status:
        return None
    reason = status.get("reason")
    return f"{status.get('status', '')}{f': {reason}' if reason else ''}"


def _file(project: str, old: SnapshotFile | None, new: SnapshotFile | None) -> Iterator[LockDifference]:
    file = new or old
    if file is None:  # neither of them has it
        return

    def difference(change: LockChange, before: str | None = None, after: str | None = None) -> LockDifference:
        return LockDifference(
            change=change, project=project, version=version_of(file.filename), filename=file.filename, size=file.size,
            source=file.source, before=before, after=after,
        )  # fmt: skip

    if old is None or new is None:
        change = LockChange.ADDED if old is None else LockChange.REMOVED
        yield difference(change, old.sha256 if old else None, new.sha256 if new else None)
        return
    if old.sha256 != new.sha256:
        yield difference(LockChange.REPLACED, old.sha256, new.sha256)
    if old.yanked != new.yanked:
        yield difference(LockChange.UNYANKED if new.yanked is None else LockChange.YANKED, old.yanked, new.yanked)
    if old.rules != new.rules and old.sha256 == new.sha256:
        yield difference(LockChange.RULES, old.rules, new.rules)
    for key, change in _SAID.items() if old.sha256 == new.sha256 else ():
        values = (getattr(old, key), getattr(new, key))
        if values[0] != values[1]:
            yield difference(change, *(f"{key}: {each or 'none'}" for each in values))
