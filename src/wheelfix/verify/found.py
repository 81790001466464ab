"""A finding as a check makes it, with what would fix it, and which codes somebody wants to see."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from wheelfix.options import listed
from wheelfix.results import Fault
from wheelfix.verify.registry import CHECKS, Client, Mend
from wheelfix.wheel.editor import Edit
from wheelfix.wheel.record import NewRow, RowEdit


@dataclass(frozen=True, slots=True)
class Choice:
    """The codes that begin with a text of ``select``, or all without, but for those that begin with one of ``ignore``."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    @classmethod
    def of(cls, codes: Collection[str], select: Iterable[str] | str = (), ignore: Iterable[str] | str = ()) -> "Choice":
        """Return the choice among ``codes``; one text alone is a list of one.

        :raises ValueError: if a text begins no code: a misspelt one would pass for a sound wheel.
        """
        chosen = cls(listed(select), listed(ignore))
        for prefix in (*chosen.select, *chosen.ignore):
            if not prefix or not any(code.startswith(prefix) for code in codes):
                raise ValueError(f"no check has a code that begins with {prefix!r}")
        return chosen

    def includes(self, code: str) -> bool:
        """Whether ``code`` is chosen."""
        return (not self.select or code.startswith(self.select)) and not self.ignores(code)

    def ignores(self, code: str) -> bool:
        """Whether nobody wants to hear of ``code``, by name."""
        return code.startswith(self.ignore)


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
