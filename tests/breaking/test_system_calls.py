"""Whatever call of the system fails, at whatever moment: old or new, nothing left behind, and the report is true."""

import errno
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from failing_calls import Fault, Machine, machine
from fault_scenes import SCENES, manifest_of
from fault_trials import Scene, Trials
from parts import PARTS, chosen_parts
from upstreams import pypi

_ALL: Final = os.environ.get("TEST_FAULTS") == "all"
"""Set by ``make faults``: every fault of every scene; without it a sample of each kind."""
_FEW: Final[Mapping[str, Sequence[tuple[str, str, int]]]] = {
    "in-place": (
        ("fsync", "/in/#", errno.EIO),
        ("rename", "/in/demo-2.0", errno.ENOSPC),
        ("write", "/in/#", errno.EDQUOT),
        ("close", "/in/demo-1.0", errno.EIO),
    ),
    "fix-plain": (("rename", "/fixed/demo-1.0", errno.EACCES), ("symlink", "/temporary/", errno.ENOSPC)),
    "reports": (("fsync", "/reports/#", errno.ENOSPC), ("write", "/reports/#", errno.ENOSPC)),
    "add": (
        ("fsync", "/public/files/demo/", errno.EIO),
        ("rename", "/public/simple/demo/", errno.EROFS),
        ("link", "/public/files/demo/", errno.EACCES),
        ("read", "/public/simple/demo/index.json", errno.EIO),
        ("flock", "/private/locks/", errno.EIO),
    ),
    "publish": (("readdir", "/scratch/making-", errno.EIO), ("fsync", "/public/files/demo/", errno.EIO)),
    "remove": (("unlink", "/public/files/demo/", errno.EACCES),),
}
"""What the default run tries, a fault of each kind: the first such call on a file with this in its path."""
_SAMPLE: Final = {False: 16, True: 3}
"""How many faults of a scene a part of the long tests tries, of one that starts processes fewer."""


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The machine under test, in memory where the system has a directory for that."""
    memory = Path("/dev/shm")
    folder = tmp_path_factory.mktemp("machine")
    if os.access(memory, os.W_OK):
        folder.rmdir()
        folder = memory / f"{folder.parent.name}-{folder.name}-{os.getpid()}"
    with machine(folder) as made:
        try:
            yield made
        finally:
            made.remove()


def wrong(trials: Trials, faults: Sequence[Fault]) -> list[str]:
    """Return what is wrong after any of ``faults``."""
    return [f"{fault}: {each}" for fault in faults for each in trials.wrong(fault)[1]]


@pytest.mark.usefixtures("stopped_clock")
@pytest.mark.parametrize("scene", [each for each in SCENES if each.name in _FEW], ids=str)
def test_a_fault_of_each_kind(scene: Scene, broken: Machine) -> None:
    trials = Trials(broken, scene)
    assert "\n".join(wrong(trials, [trials.fault(*each) for each in _FEW[scene.name]])) == ""


def slow_parts(scene: Scene, broken: Machine, part: int) -> None:
    trials = Trials(broken, scene)
    faults = [*trials.faults()]
    random.Random(scene.name).shuffle(faults)
    mine = faults[part::PARTS]
    assert len(mine) > 50
    assert "\n".join(wrong(trials, mine if _ALL else mine[: _SAMPLE[scene.costly]])) == ""


@pytest.mark.long
@pytest.mark.usefixtures("stopped_clock")
@pytest.mark.parametrize("part", chosen_parts())
@pytest.mark.parametrize("scene", SCENES, ids=str)
def test_every_fault(scene: Scene, part: int, broken: Machine) -> None:
    slow_parts(scene, broken, part)


@pytest.mark.long
@pytest.mark.usefixtures("stopped_clock")
@pytest.mark.parametrize("part", chosen_parts())
def test_every_fault_of_a_sync(part: int, broken: Machine) -> None:
    with pypi() as upstream:
        command = ("mirror", "sync", "mirror.toml", "--format", "json")
        slow_parts(Scene("sync", manifest_of(upstream), command, "mirror"), broken, part)
