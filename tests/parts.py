"""Tests of thousands of samples, bytes or steps stand in parts; ``TEST_PARTS`` names those that run."""

import os
from collections.abc import Sequence
from typing import Final, TypeVar

Item = TypeVar("Item")

PARTS: Final = 8
"""How many parts there are."""


def chosen_parts() -> list[int]:
    """Return the parts that ``TEST_PARTS`` names, as in ``TEST_PARTS="2 6"``; all without it.

    :raises ValueError: if it names none, or one that is not there: a run that tries nothing would pass.
    """
    named = os.environ.get("TEST_PARTS")
    if named is None:
        return list(range(PARTS))
    found = sorted({int(each) for each in named.split()})
    if not found or not set(found) <= set(range(PARTS)):
        raise ValueError(f"TEST_PARTS names parts from 0 to {PARTS - 1}, separated by blanks, and not {named!r}")
    return found


def in_chosen_parts(items: Sequence[Item]) -> list[Item]:
    """Return those of ``items`` that run: a part has every so many of them."""
    return [item for part in chosen_parts() for item in items[part::PARTS]]
