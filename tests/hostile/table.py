"""All kinds, by name."""

from typing import Final

from hostile import companions, confusion, elf, metadata, names, records, rows
from hostile.kind import TURNS, Kind

KINDS: Final[tuple[Kind, ...]] = (
    *records.KINDS, *confusion.KINDS, *metadata.KINDS, *rows.KINDS, *companions.KINDS, *names.KINDS, *elf.KINDS,
)  # fmt: skip
COUNT: Final = TURNS * len(KINDS)
"""How many wheels there are."""


def numbered(number: int) -> tuple[Kind, int]:
    """Return the kind and the turn of a wheel: the first ones are one of each kind."""
    return KINDS[number % len(KINDS)], number // len(KINDS)
