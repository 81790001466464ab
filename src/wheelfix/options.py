"""What a caller may choose for a run."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final, overload

CAUTION: Final = ("force", "allow_unproven", "skip_gpu_builds", "skip_unproven")
"""What says how careful to be with requirements of the GPU catalogue, by the names that parameters have."""
EXCLUSIVE: Final = (
    ("force", "skip_gpu_builds"),
    ("force", "skip_unproven"),
    ("allow_unproven", "skip_unproven"),
)
"""Choices of which at most one can be meant: what one drops, the other leaves."""


@overload
def listed(given: Iterable[str] | str) -> tuple[str, ...]: ...
@overload
def listed(given: Iterable[Path | str] | Path | str) -> tuple[Path | str, ...]: ...
def listed(given: Iterable[Path | str] | Path | str) -> tuple[Path | str, ...]:
    """Return the items of ``given``; a text or a path alone is a list of one, not of its letters.

    >>> listed("metadata"), listed(["metadata", "record"])
    (('metadata',), ('metadata', 'record'))
    """
    return (given,) if isinstance(given, str | Path) else tuple(given)


def excluded(chosen: Mapping[str, object]) -> tuple[str, str] | None:
    """Return the first two of ``chosen``, by their names, that exclude each other; ``None`` where all go together.

    A name that is not there counts as not chosen.

    >>> excluded({"force": True, "skip_unproven": True}), excluded({"force": True})
    (('force', 'skip_unproven'), None)
    """
    return next((pair for pair in EXCLUSIVE if all(chosen.get(name, False) for name in pair)), None)


def refuse_excluded(chosen: Mapping[str, object]) -> None:
    """Confirm that ``chosen`` go together.

    :raises ValueError: if two of them exclude each other.
    """
    pair = excluded(chosen)
    if pair is not None:
        raise ValueError(f"{pair[0]} and {pair[1]} exclude each other")


class Transfer(StrEnum):
    """How a wheel gets into a mirror."""

    COPY = "copy"
    """Its blocks are shared where the file system can do that, else copied by the kernel."""
    LINK = "link"
    """The file is shared: who writes to it later writes to the mirror. Copied where that cannot be."""
    MOVE = "move"
    """It is gone afterwards from where it was."""
