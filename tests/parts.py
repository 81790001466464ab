"""Tests of thousands of samples, bytes or steps stand in parts; ``TEST_PARTS`` names those that run.

A test that is marked ``parts`` is in one of them. One that tries thousands itself asks which parts were chosen.
"""

import os
from typing import Final
from zlib import crc32

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


def is_chosen(name: str) -> bool:
    """Whether a test that stands in parts runs: it is always in the same one."""
    return crc32(name.encode("utf-8", "surrogatepass")) % PARTS in chosen_parts()
