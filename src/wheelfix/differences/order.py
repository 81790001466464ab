"""Which members of two archives stand elsewhere among those that both have."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise


def out_of_order(numbers: Sequence[int]) -> list[int]:
    """Return as few of ``numbers`` as can be taken out so that the rest rises; all are different.

    >>> out_of_order([1, 2, 5, 3, 4])
    [5]
    """
    if all(one < two for one, two in pairwise(numbers)):
        return []
    staying = set(_longest_rising(numbers))
    return [number for number in numbers if number not in staying]


def _longest_rising(numbers: Sequence[int]) -> list[int]:
    """Return a longest part of ``numbers`` that rises, in time n log n (Fredman 1975)."""
    lowest_ends: list[int] = []
    indexes: list[int] = []
    before: list[int] = []
    for index, number in enumerate(numbers):
        length = bisect_left(lowest_ends, number)
        before.append(indexes[length - 1] if length else -1)
        lowest_ends[length : length + 1] = [number]
        indexes[length : length + 1] = [index]
    found, index = [], indexes[-1] if indexes else -1
    while index >= 0:
        found.append(numbers[index])
        index = before[index]
    return found[::-1]
