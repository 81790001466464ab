"""What reading an archive does with what is wrong: corrections stop at the first, ``verify`` collects it all.

There is one reader. What it calls ``refuse`` on two readers could understand differently, or none reads: the strict report
raises it, the collecting one writes it down and reading goes on as far as it can. What it calls ``note`` on changes nothing
for a reader that takes the archive at all; only the collecting report hears of it.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from wheelfix.errors import ArchiveError

REBUILD: Final = "Readers could take it differently, so it is refused; build or download the wheel again."
_MOST_ALIKE: Final = 500
"""How many findings of one code are kept: a directory can hold 200,000 entries, each with several."""
_LONGEST: Final = 1_000
"""How much is kept of a place and of a message, in characters: a name can have 64 kB, and a finding of each kind."""


@dataclass(frozen=True, slots=True)
class ArchiveFinding:
    """What is wrong at one place; ``form`` tells cases of one code apart, where readers take them differently."""

    code: str
    message: str
    place: str = ""
    form: str = ""


class StrictReport:
    """Raises what is refused, and passes over what is only noted."""

    collects: bool = False

    def refuse(self, code: str, message: str, *, place: str = "", form: str = "", hint: str = REBUILD) -> None:  # noqa: ARG002
        """Take what makes the archive ambiguous or unreadable.

        :raises ArchiveError: here, always.
        """
        raise ArchiveError(code, f"{place}: {message}" if place else message, hint=hint)

    def add(self, error: ArchiveError, *, place: str = "", form: str = "") -> None:  # noqa: ARG002
        """Take an error that a part of the reader raised, as :meth:`refuse` does; its message begins with ``place``.

        :raises ArchiveError: here, always.
        """
        raise error

    def note(self, code: str, message: str, *, place: str = "", form: str = "") -> None:
        """Take what is odd, and the same to every reader that accepts it."""

    def hide(self, name: str) -> None:
        """Take that the content of the entry ``name`` cannot be found, or must not be read."""

    def hides(self, name: str) -> bool:  # noqa: ARG002
        """Whether that was taken of the entry ``name``."""
        return False


@dataclass(slots=True)
class CollectingReport(StrictReport):
    """Keeps everything: the first 500 of each code, and how many more there are; and the names of ``hidden`` entries."""

    kept: list[ArchiveFinding] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    _count: Counter[str] = field(default_factory=Counter)

    collects = True

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
        """Whether that was taken of the entry ``name``."""
        return name in self.hidden

    @property
    def findings(self) -> list[ArchiveFinding]:
        """What was found, and for each code of which there is more than is kept, how much more."""
        more = [(code, number - _MOST_ALIKE) for code, number in self._count.items() if number > _MOST_ALIKE]
        return [*self.kept, *(ArchiveFinding(code, f"and {number} more of this kind") for code, number in more)]


STRICT: Final = StrictReport()
