"""A finding as a check makes it, with the steps that would fix it."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from wheelfix.codes import Client, Fix
from wheelfix.results import Finding
from wheelfix.text import shown
from wheelfix.verify.registry import CHECKS
from wheelfix.wheel.editor import Edit
from wheelfix.wheel.record import RecordRow, RowEdit

_LONGEST: Final = 100
"""How much of a value is reported, in characters."""


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """Change the row of RECORD at ``index``."""

    index: int
    change: RowEdit


@dataclass(frozen=True, slots=True)
class AddRow:
    """Add a row to RECORD."""

    row: RecordRow


@dataclass(frozen=True, slots=True)
class RewriteField:
    """Give the field that begins at ``start``, in bytes, another value; ``None`` removes it."""

    start: int
    value: str | None


@dataclass(frozen=True, slots=True)
class RewriteMetadata:
    """Replace METADATA by ``data``."""

    data: bytes


@dataclass(frozen=True, slots=True)
class SetWheelField:
    """Set this field of the WHEEL file, in this spelling."""

    name: str
    value: str


FixStep: TypeAlias = ChangeRow | AddRow | RewriteField | RewriteMetadata | SetWheelField | Edit


@dataclass(frozen=True, slots=True)
class RawFinding:
    """One finding: its code, its place, what is wrong there, and the steps that fix it, none where nothing can.

    ``file`` is the file that rows of RECORD contradict, or that may be there in the place of another one: it may be damaged,
    so that it is fixed only if the content is trusted. ``refused_by`` is set where this form of the finding is
    refused by others than the registry says of its code.
    """

    code: str
    place: str
    message: str
    fixes: tuple[FixStep, ...] = ()
    file: str = ""
    refused_by: tuple[Client, ...] | None = None

    @property
    def finding(self) -> Finding:
        """The finding as it is reported; it is fixable where ``repair`` can fix it."""
        check = CHECKS[self.code]
        fixable = bool(self.fixes) and check.fix is not Fix.NO
        needs_trust = fixable and (check.fix is Fix.TRUSTED or bool(self.file))
        return check.finding(self.place, self.message, fixable=fixable, needs_trust=needs_trust, refused_by=self.refused_by)


def cut(text: str) -> str:
    """Return the beginning of ``text``, a value of a wheel, as it can be printed safely."""
    return shown(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")
