"""Thousands of hostile wheels: what ``verify`` says of them, and what corrections make of them, held against other readers.

The default run tries the first wheel of each kind with the readers that take no time; ``-m long`` tries all of them, and
``make hostile`` does so with uv for each, and says how every kind ended.
"""

import tracemalloc
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest

import wheelfix
from counting import count_calls
from hostile.attack import expected, one, readers_of
from hostile.exceptions import CACHES, DATA, DIFFERENT, EXCEPTIONS, MODES, REFUSED, SCRIPTS
from hostile.kind import TURNS
from hostile.readers import CHEAP
from hostile.statements import CORRECTIONS, correction_of
from hostile.table import COUNT, KINDS, numbered
from parts import PARTS, chosen_parts
from wheelfix.verify.registry import CHECKS

_UV_EVERY: Final = 8
_MOST_CALLS: Final = 3_000_000
_MOST_MEMORY: Final = 96 << 20
_GROUPS: Final = 4


def _broken(numbers: Iterable[int], folder: Path, readers: tuple[str, ...] | None = None) -> list[str]:
    """Return how wheels broke a statement, or ended as their kind does not."""
    known, ended, broken = expected(), dict[str, Counter[str]](), []
    for number in numbers:
        kind, turn = numbered(number)
        _, held = one(number, folder, readers or readers_of(turn, _UV_EVERY))
        ended.setdefault(kind.name, Counter())[held.ending] += 1
        broken += [f"{kind.name}, turn {turn}: {text}" for text in held.broken]
    others = [f"{name} ended {dict(counts)}" for name, counts in ended.items() if not counts <= known[name]]
    return broken + others


def test_there_are_enough_kinds_and_wheels() -> None:
    assert len(KINDS) >= 200
    assert COUNT >= 10_000
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert len({numbered(number) for number in range(COUNT)}) == COUNT


def test_each_kind_says_what_is_wrong_and_where_that_is_published() -> None:
    assert [kind.name for kind in KINDS if not (kind.wrong.endswith(".") and kind.source)] == []


def test_each_kind_names_how_it_ends() -> None:
    assert {name: counts.total() for name, counts in expected().items()} == {kind.name: TURNS for kind in KINDS}


def test_exceptions_are_announced() -> None:
    """Each is for a warning that there is, or for a kind."""
    codes = {code for code, _ in REFUSED} | DIFFERENT.keys()
    assert codes <= CHECKS.keys()
    assert DIFFERENT.keys() == CACHES | DATA | MODES | SCRIPTS
    assert {name for name, _ in EXCEPTIONS} <= {kind.name for kind in KINDS}


def test_wheels_are_the_same_each_time() -> None:
    assert [kind.name for kind in KINDS[::5] if kind.wheel(7) != kind.wheel(7)] == []


@pytest.mark.parametrize("group", range(_GROUPS))
def test_the_first_wheel_of_each_kind(group: int, tmp_path: Path) -> None:
    broken = _broken(range(group, len(KINDS), _GROUPS), tmp_path, CHEAP)
    assert not broken, "\n".join(broken)


@pytest.mark.long
@pytest.mark.parametrize("part", chosen_parts())
def test_all_wheels(part: int, tmp_path: Path) -> None:
    broken = _broken(range(part, COUNT, PARTS), tmp_path)
    assert not broken, "\n".join(broken)


@pytest.mark.long
@pytest.mark.parametrize("part", chosen_parts())
def test_work_and_memory_have_bounds(part: int, tmp_path: Path) -> None:
    """Of two wheels of each kind, counted: calls of functions, and bytes of objects."""
    for number in range(part, 2 * len(KINDS), PARTS):
        kind, turn = numbered(number)
        folder = tmp_path / str(number)
        folder.mkdir()
        name, data = kind.wheel(turn)
        path = folder / name
        path.write_bytes(data)
        correct = CORRECTIONS[correction_of(kind, turn)].make
        calls = count_calls(lambda path=path: wheelfix.verify_wheels(path))  # type: ignore[misc]
        tracemalloc.start()
        correct(path, folder / "out")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert calls < _MOST_CALLS, f"{kind.name}, turn {turn}: {calls} calls"
        assert peak < _MOST_MEMORY, f"{kind.name}, turn {turn}: {peak} bytes"
