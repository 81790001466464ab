"""What happens to findings while an archive is read: a fix stops at the first one, ``verify`` collects them all.

There is one reader, and it reports findings in two ways. It calls ``refuse`` for what two readers could understand
differently, or no reader accepts: the strict report raises an error, the collecting report keeps a finding and reading
continues as far as possible. It calls ``note`` for what makes no difference to readers that accept the archive: only the
collecting report keeps that.
"""

from collections import Counter
from typing import Final

from msgspec import Struct

from wheelfix.errors import ArchiveError

REBUILD: Final = "Readers could take it differently, so it is refused; build or download the wheel again."
_MOST_ALIKE: Final = 500
"""How many findings of one code are kept: an archive can hold 200,000 entries, each with several findings."""
_LONGEST: Final = 1_000
"""How much of a place and of a message is kept, in characters: a name can have 64 kB, and findings of every code."""


class ArchiveFinding(Struct, frozen=True):
    """What is wrong at one place; ``form`` distinguishes cases of one code that readers treat differently."""

    code: str
    message: str
    place: str = ""
    form: str = ""


class StrictReport:
    """Raises what is refused, ignores what is only noted."""

    collects: bool = False

    def refuse(self, code: str, message: str, *, place: str = "", form: str = "", hint: str = REBUILD) -> None:  # noqa: ARG002
        """Report what makes the archive ambiguous or unreadable.

        :raises ArchiveError: here, always.
        """
        raise ArchiveError(code, f"{place}: {message}" if place else message, hint=hint)

    def add(self, error: ArchiveError, *, place: str = "", form: str = "") -> None:  # noqa: ARG002
        """Report an error that a part of the reader raised; its message begins with ``place``.

        :raises ArchiveError: here, always.
        """
        raise error

    def note(self, code: str, message: str, *, place: str = "", form: str = "") -> None:
        """Report something odd that makes no difference to readers that accept the archive."""

    def hide(self, name: str) -> None:
        """Report that the content of the entry ``name`` cannot be found, or must not be read."""

    def hides(self, name: str) -> bool:  # noqa: ARG002
        """Whether :meth:`hide` was called for the entry ``name``."""
        return False


class CollectingReport(StrictReport):
    """Keeps the first 500 findings of each code, the number of all others, and the names of ``hidden`` entries."""

    collects = True

    def __init__(self) -> None:
        self.kept: list[ArchiveFinding] = []
        self.hidden: set[str] = set()
        self._count: Counter[str] = Counter()

    def refuse(self, code: str, message: str, *, place: str = "", form: str = "", hint: str = REBUILD) -> None:  # noqa: ARG002
        """Keep it."""
        self.note(code, message, place=place, form=form)

    def add(self, error: ArchiveError, *, place: str = "", form: str = "") -> None:
        """Keep it."""
        self.note(error.code, error.message.removeprefix(f"{place}: "), place=place, form=form)

    def note(self, code: str, message: str, *, place: str = "", form: str = "") -> None:
        """Keep it."""
        self._count[code] += 1
        if self._count[code] <= _MOST_ALIKE:
            self.kept.append(ArchiveFinding(code, message[:_LONGEST], place[:_LONGEST], form))

    def hide(self, name: str) -> None:
        """Keep it."""
        self.hidden.add(name)

    def hides(self, name: str) -> bool:
        """Whether :meth:`hide` was called for the entry ``name``."""
        return name in self.hidden

    @property
    def findings(self) -> list[ArchiveFinding]:
        """The findings that were kept, and one more for each code of which there are others."""
        more = [(code, number - _MOST_ALIKE) for code, number in self._count.items() if number > _MOST_ALIKE]
        return [*self.kept, *(ArchiveFinding(code, f"and {number} more of this kind") for code, number in more)]


STRICT: Final = StrictReport()
