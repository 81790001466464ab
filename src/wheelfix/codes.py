"""What a code means: one row of a table, from which findings, the reference pages and ``wheelfix explain`` are made.

Each room that reports findings has a table of its own: ``verify/registry``, ``mirror/registry``, ``rules``.
"""

from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from typing import Final, Protocol, TypeVar

from msgspec import Struct

from wheelfix.results import Finding, Severity
from wheelfix.text import on_one_line

_LONGEST: Final = 500
"""How much of a place and of a message is reported, in characters: a name in an archive can have 64 kB."""
_LONGEST_HINT: Final = 2000
"""The same for a hint, which may list all keys that there are."""
_MOST_LINES: Final = 100
"""How many findings an error lists: a hostile rule file or manifest can have a hundred thousand."""


class Fix(StrEnum):
    """Whether wheelfix can fix a finding with this code."""

    NO = "no"
    YES = "yes"
    TRUSTED = "with --trust-content"
    """It may mean damage: only a person can say whether RECORD or the content is right."""
    REBUILT = "with --rebuild-archive"
    """It is in the container, which can be rebuilt where all of its contents are confirmed."""
    SELECTED = "if selected"
    """It may be intended."""
    RENAMED = "with --rename-dist-info"
    """The wheel says its name in several places: only where two of them agree it is plain which one is wrong."""


class Client(StrEnum):
    """Who can refuse a wheel. What one of them refuses today is an error, everything else is a warning."""

    PIP = "pip"
    UV = "uv"
    INSTALLER = "installer"
    """The library of this name, by which Poetry and PDM install."""
    PYPI = "PyPI"
    """Its check of an upload."""


EVERYONE: Final = tuple(Client)


def in_table_order(clients: Collection[Client]) -> tuple[Client, ...]:
    """Return ``clients`` in the order in which they are always named."""
    return tuple(client for client in EVERYONE if client in clients)


class Check(Struct, frozen=True):
    """One row of a table: ``meaning`` says what is wrong, ``consequence`` who is affected and how.

    ``specification`` is the URL of the page that requires it, ``example`` a message as it is reported, ``remedy`` what to do
    about it. ``refused_by`` names the clients that refuse such a wheel, in one form of the finding at least; tests run each
    of them.
    """

    code: str
    severity: Severity
    meaning: str
    specification: str = ""
    fix: Fix = Fix.NO
    refused_by: tuple[Client, ...] = ()
    consequence: str = ""
    example: str = ""
    remedy: str = ""

    def finding(
        self,
        place: str,
        message: str,
        *,
        fixable: bool = False,
        needs_trust: bool = False,
        needs_rebuild: bool = False,
        refused_by: tuple[Client, ...] | None = None,
        hint: str = "",
    ) -> Finding:
        """Return a finding with this code; ``refused_by`` where this form of it is refused by others than usual.

        Keys and values of files are in its texts: their control characters are escaped.
        """
        return Finding(
            self.code,
            self.severity,
            shown_place(place),
            _shown(message),
            fixable=fixable,
            needs_trust=needs_trust,
            needs_rebuild=needs_rebuild,
            refused_by=tuple(map(str, self.refused_by if refused_by is None else refused_by)),
            consequence=self.consequence,
            hint=hint and _shown(hint, _LONGEST_HINT),
        )


def shown_place(place: str) -> str:
    """Return ``place`` as a finding has it: control characters are escaped, and a long one is cut."""
    return _shown(place)


def _shown(text: str, most: int = _LONGEST) -> str:
    if not text.isprintable():  # nearly all are, and a run can have a finding for each of its rules
        text = on_one_line(text)
    return text if len(text) <= most else f"{text[:most]}..."


def warning_row(code: str, meaning: str, consequence: str, example: str, remedy: str) -> Check:
    """Return the row of a warning about a file of settings that works, but probably not as intended."""
    return Check(code, Severity.WARNING, meaning, consequence=consequence, example=example, remedy=remedy)


class _Coded(Protocol):
    @property
    def code(self) -> str: ...


Item = TypeVar("Item", bound=_Coded)


def error_lines(findings: Sequence[Finding]) -> list[str]:
    """Return a line for each of the first findings of an error, and one that says how many more there are."""
    lines = [f"{each.severity}[{each.code}]: {each}" for each in findings[:_MOST_LINES]]
    more = len(findings) - _MOST_LINES
    return [*lines, f"... {more:,} more"] if more > 0 else lines


def first_of_each(items: Iterable[Item], most: int) -> tuple[list[Item], dict[str, int]]:
    """Return the first ``most`` items of each code, in their order, and how many more there are of a code.

    >>> finding = Finding("x", Severity.NOTE, "", "")
    >>> kept, more = first_of_each([finding] * 3, 1)
    >>> len(kept), more
    (1, {'x': 2})
    """
    kept, count = list[Item](), dict[str, int]()
    for each in items:
        count[each.code] = count.get(each.code, 0) + 1
        if count[each.code] <= most:
            kept.append(each)
    return kept, {code: number - most for code, number in count.items() if number > most}
