"""Memory of a run over a wheel of 66,000 files, phase by phase: bytes for each entry, counted and not sampled.

The limit is 200,000 entries. Whoever keeps an object for each of them, or a second copy of their names, is noticed here.
"""

import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from building import Entry, WheelSpec, write_wheel
from fixing import fixed
from wheelfix import Policy, Wheel
from wheelfix.diff.archive import Side
from wheelfix.diff.files import compare_archives
from wheelfix.fix.apply import apply
from wheelfix.fix.assemble import guarded
from wheelfix.fix.draft import make_plan
from wheelfix.fix.weigh import gather_evidence
from wheelfix.options import Scan
from wheelfix.rules.load import built_in
from wheelfix.wheel.edits import RemoveFiles

pytestmark = [pytest.mark.slow, pytest.mark.parts]
_COUNT = 66_000


@pytest.fixture(scope="module")
def wheel_of_many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel of 66,000 files with names of 50 characters, as they are in the largest real wheels."""
    names = (f"demo/package_number_{number // 100:03}/subpackage/module_{number:05}.py" for number in range(_COUNT))
    spec = WheelSpec(files=tuple(Entry(name, b"x = 1\n", 0) for name in names), requires=("nvidia-cublas-cu12",))
    return write_wheel(tmp_path_factory.mktemp("many"), spec)


@contextmanager
def at_most(each: int) -> Iterator[None]:
    """Confirm that at no time more than ``each`` bytes an entry are taken beyond what was there before."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < each * _COUNT, f"{peak // _COUNT} bytes an entry"


def test_opening(wheel_of_many: Path) -> None:
    with at_most(380), Wheel(wheel_of_many):
        pass


def test_planning(wheel_of_many: Path) -> None:
    """It reads RECORD, and finds the rows that change in it."""
    with Wheel(wheel_of_many) as wheel, at_most(240):
        plan = guarded(make_plan(wheel, built_in("gpu"), policy=Policy(allow_unproven=True)), wheel)
        assert not plan.problem


def test_evidence(wheel_of_many: Path) -> None:
    """Every file is looked at: it could be a program."""
    with Wheel(wheel_of_many) as wheel, at_most(120):
        evidence = gather_evidence(wheel, Scan.ALWAYS)
        assert not evidence.build
        assert evidence.read_all().complete


def test_comparing(wheel_of_many: Path, tmp_path: Path) -> None:
    with Wheel(wheel_of_many) as old, Wheel(fixed(wheel_of_many, tmp_path)) as new, at_most(90):
        found = compare_archives(Side(old.layout, old.source), Side(new.layout, new.source))
        assert found.same == _COUNT + 1


def test_a_whole_run(wheel_of_many: Path, tmp_path: Path) -> None:
    """More than half is what zipfile and the ``wheel`` library keep, which read the result."""
    with at_most(1_260):
        fixed(wheel_of_many, tmp_path)


def test_removing_every_second_file(tmp_path: Path) -> None:
    """What is kept are 12,000 spans then: whoever looks through all of them for each takes minutes."""
    names = (f"{'tests' if number % 2 else 'demo'}/package_{number // 100}/m{number}.py" for number in range(24_000))
    spec = WheelSpec(files=tuple(Entry(name, b"x = 1\n", 0) for name in names), requires=())
    path = write_wheel(tmp_path, spec)
    start = time.process_time()
    with Wheel(path) as wheel:
        outcome = apply(wheel, make_plan(wheel, edits=[RemoveFiles(("tests/",))]), tmp_path / "out" / path.name)
    assert time.process_time() - start < 25
    assert len(outcome.changes) == 12_000
