"""What happened to files of a mirror, as plain data."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from wheelfix.outcome import Problem


class Published(StrEnum):
    """What became of one file."""

    ADDED = "added"
    REPLACED = "replaced"
    """Added in place of one of the same name, which stays for old locks and is no longer listed."""
    UNCHANGED = "unchanged"
    """It was there already, with the same bytes."""
    YANKED = "yanked"
    UNYANKED = "unyanked"
    REMOVED = "removed"
    REFUSED = "refused"
    """The wheel, or what the mirror has, does not allow it."""
    FAILED = "failed"
    """The machine did not allow it."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What became of one file: ``source`` is the wheel as it was given, ``None`` for a file that was in the mirror.

    ``place`` is where it lies, relative to the mirror, with slashes; ``sha256`` is lower-case hexadecimal. ``problem`` is
    why it was refused or failed; with any other status that is what happened, and the problem is what could not be done
    afterwards, such as writing the HTML page.
    """

    source: Path | None
    status: Published
    project: str | None = None
    filename: str | None = None
    place: str | None = None
    sha256: str | None = None
    notes: tuple[str, ...] = ()
    problem: Problem | None = None

    @property
    def is_listed(self) -> bool:
        """Whether the mirror lists the file now."""
        return self.place is not None and self.status not in (Published.REMOVED, Published.REFUSED, Published.FAILED)


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What one call did to a mirror: wheels in the order in which they were given, then files that were in the mirror."""

    command: str
    mirror: Path
    files: tuple[Publication, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no file was refused or failed, and every page could be written."""
        return not any(each.problem for each in self.files)

    def count(self, status: Published) -> int:
        """Return how many files ended with ``status``."""
        return sum(each.status is status for each in self.files)
