"""A finding as a check makes it, with what would fix it."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from wheelfix.results import Fault
from wheelfix.verify.registry import CHECKS, Client, Mend
from wheelfix.wheel.editor import Edit
from wheelfix.wheel.record import NewRow, RowEdit

_LONGEST: Final = 500
"""How much is told of a place and of what is wrong there: a name can be as long as 64 kB."""


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """Change the row of RECORD at ``index``."""

    index: int
    change: RowEdit


@dataclass(frozen=True, slots=True)
class AddRow:
    """Add a row to RECORD."""

    row: NewRow


@dataclass(frozen=True, slots=True)
class RewriteField:
    """Give the field that begins at ``start``, in bytes, another value; ``None`` takes it out."""

    start: int
    value: str | None


@dataclass(frozen=True, slots=True)
class RewriteMetadata:
    """Take ``data`` for METADATA."""

    data: bytes


@dataclass(frozen=True, slots=True)
class SetWheelField:
    """Let the WHEEL file say this field, in this spelling, in place of what it says."""

    name: str
    value: str


Mending: TypeAlias = ChangeRow | AddRow | RewriteField | RewriteMetadata | SetWheelField | Edit


@dataclass(frozen=True, slots=True)
class Found:
    """One fault: its code, its place, what is wrong there, and what mends it, nothing where nothing can.

    ``file`` is the entry that rows of RECORD contradict, or that may be there in the place of another one: it may be
    damaged, so that the fault is mended only if the content is trusted. ``refused_by`` is set where this form of the
    finding is refused by others than the table says of its code.
    """

    code: str
    place: str
    message: str
    mending: tuple[Mending, ...] = ()
    file: str = ""
    refused_by: tuple[Client, ...] | None = None

    @property
    def fault(self) -> Fault:
        """The fault as it is told; it is mendable where ``repair`` can mend it."""
        check = CHECKS[self.code]
        mendable = bool(self.mending) and check.mend is not Mend.NO
        needs_trust = mendable and (check.mend is Mend.TRUSTED or bool(self.file))
        refused_by = check.refused_by if self.refused_by is None else self.refused_by
        return Fault(
            self.code,
            check.severity,
            _cut(self.place),
            _cut(self.message),
            mendable,
            needs_trust,
            tuple(map(str, refused_by)),
        )


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
