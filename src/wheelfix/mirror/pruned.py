"""What ``wheelfix mirror prune`` did, as plain data."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from wheelfix.locations import Location
from wheelfix.results import Finding, Problem, Severity


class PruneKind(StrEnum):
    """What is deleted, or kept."""

    LEFT = "left"
    """A file that an interrupted run left, or that was removed from its page."""
    UNKNOWN = "unknown"
    """A file that no page lists and no journal names."""
    REPLACED = "replaced"
    """A file that another one of the same name replaced."""
    PAGE = "page"
    """The page of a project without files, where the store can delete it."""
    JOURNAL = "journal"
    """The journal of a run that is over."""
    WORK = "work"
    """Half-written files, unfinished uploads, and work of killed processes."""


class PruneStatus(StrEnum):
    """What became of it."""

    DELETED = "deleted"
    KEPT = "kept"
    FAILED = "failed"


class Pruned(Struct, frozen=True):
    """Something in a mirror that is no longer needed: its ``path`` in the mirror, ``size`` in bytes, and what became of it.

    The ``path`` of work that was done on this machine for a bucket is absolute. ``modified`` is when it was written; it and
    ``size`` are ``None`` where they are not known. ``reason`` is why it is kept.
    """

    path: str
    kind: PruneKind
    status: PruneStatus = PruneStatus.DELETED
    size: int | None = None
    modified: datetime | None = None
    reason: str = ""
    problem: Problem | None = None


class PruneReport(Struct, frozen=True):
    """What was deleted of a mirror, and what was kept although no page lists it; with ``dry_run`` what would be.

    ``findings`` are pages that could not be read, of whose projects nothing was deleted, and what else could not be.
    ``grace_seconds`` is the grace period for unlisted files.
    """

    mirror: Location
    files: tuple[Pruned, ...]
    findings: tuple[Finding, ...] = ()
    dry_run: bool = False
    grace_seconds: float = 24 * 3600

    def place_of(self, pruned: Pruned) -> Location:
        """Return where something is, or was."""
        path = Path(pruned.path)
        return path if path.is_absolute() else self.mirror / pruned.path

    @property
    def ok(self) -> bool:
        """Whether everything could be read, and what was to be deleted is."""
        return not self.of(PruneStatus.FAILED) and not any(each.severity is Severity.ERROR for each in self.findings)

    def of(self, status: PruneStatus, *kinds: PruneKind) -> list[Pruned]:
        """Return what has this ``status``, of all kinds or of these."""
        return [each for each in self.files if each.status is status and each.kind in (kinds or PruneKind)]
