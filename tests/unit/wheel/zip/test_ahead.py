"""Parts of a remote archive that are read ahead: which reads that takes, and what is kept."""

import pytest

from in_memory import Counted
from wheelfix.wheel.zip.ahead import ReadAhead

KIB = 1 << 10
MIB = 1 << 20
DATA = bytes(range(256)) * (48 * MIB // 256)


def loaded(*needed: tuple[int, int], others: list[tuple[int, int]] | None = None) -> tuple[ReadAhead, Counted]:
    source = Counted(DATA)
    ahead = ReadAhead(source)
    ahead.load(needed, others or [])
    return ahead, source


@pytest.mark.parametrize(
    ("needed", "others", "reads"),
    [
        ([], [], []),
        ([], [(0, 10)], []),
        ([(5, 10)], [], [(5, 5)]),
        ([(5, 10), (20, 30)], [], [(5, 25)]),
        ([(20, 30), (5, 10)], [], [(5, 25)]),
        ([(0, 10), (10 + 128 * KIB, 20 + 128 * KIB)], [], [(0, 128 * KIB + 20)]),
        ([(0, 10), (11 + 128 * KIB, 20 + 128 * KIB)], [], [(0, 10), (128 * KIB + 11, 9)]),
        ([(0, 10), (2 * MIB, 2 * MIB + 9)], [(100 * KIB, 2 * MIB - 1)], [(0, 2 * MIB + 9)]),
        ([(0, 10)], [(100 * KIB, 101 * KIB), (9 * MIB, 9 * MIB + 5)], [(0, 101 * KIB)]),
        ([(MIB, MIB + 10)], [(0, 5)], [(MIB, 10)]),
        ([(0, 4 * MIB)], [], [(0, 4 * MIB)]),
        ([(0, 4 * MIB + 1)], [], [(0, 4 * MIB + 1)]),
        ([(0, 10), (20, 5 * MIB), (5 * MIB, 5 * MIB + 9)], [], [(0, 10), (20, 5 * MIB - 20), (5 * MIB, 9)]),
        ([(0, 10)], [(10, 4 * MIB + 20), (4 * MIB + 20, 4 * MIB + 30)], [(0, 10)]),
        ([(0, 32 * MIB)], [], [(0, 32 * MIB)]),
        ([(0, 32 * MIB + 1)], [], []),
        ([(0, 4 * MIB), (4 * MIB, 4 * MIB + 1)], [], [(0, 4 * MIB), (4 * MIB, 1)]),
        ([(0, 10), (5, 8)], [], [(0, 10)]),
        ([(0, 40 * MIB)], [(0, 7)], []),
    ],
)
def test_what_lies_close_together_is_read_at_once(
    needed: list[tuple[int, int]], others: list[tuple[int, int]], reads: list[tuple[int, int]]
) -> None:
    ahead, source = loaded(*needed, others=others)
    assert source.reads == reads
    for start, size in reads:
        assert ahead.holds(start, start + size)
        assert ahead.read_at(start, size) == DATA[start : start + size]
    assert source.reads == reads  # what is kept is not read again


def test_what_was_not_read_ahead_is_read_when_it_is_wanted() -> None:
    ahead, source = loaded((100, 200))
    assert (ahead.size, ahead.holds(99, 101), ahead.holds(199, 201), ahead.holds(100, 200)) == (
        len(DATA),
        False,
        False,
        True,
    )
    assert ahead.read_at(99, 10) == DATA[99:109]
    assert ahead.read_at(190, 11) == DATA[190:201]
    assert source.reads[1:] == [(99, 10), (190, 11)]
    ahead.check_unchanged()


def test_nothing_is_read_ahead_twice() -> None:
    ahead, source = loaded((100, 200))
    ahead.load([(120, 130)])
    ahead.load([(150, 201)])
    assert source.reads == [(100, 100), (150, 51)]
