"""For which Pythons and platforms wheels are, as far as their names tell, and whether some stand in for others.

https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/
"""

import re
from collections.abc import Iterable
from itertools import product
from typing import Final, NamedTuple

from wheelfix.filename import WheelFilename

_PYTHON: Final = re.compile(r"(?P<kind>py|cp)(?P<major>\d)(?P<minor>\d*)")
_PLATFORM: Final = re.compile(r"(?P<system>[a-z]+)(?P<rest>.*)")
_ARCHITECTURES: Final = {"universal2": ("arm64", "x86_64")}


class _Habitat(NamedTuple):
    """One Python and one platform; an empty ``machine`` is any."""

    python: str
    abi: str
    system: str
    machine: str

    def __str__(self) -> str:
        return f"{self.python}-{self.abi} {self.system} {self.machine}".rstrip()


def uncovered(wheels: Iterable[WheelFilename], others: Iterable[WheelFilename]) -> list[str]:
    """Return, in words, for what there is one of ``wheels`` and none of ``others``; versions of systems do not count."""
    there = [habitat for other in others for habitat in _habitats(other)]
    wanted = dict.fromkeys(habitat for wheel in wheels for habitat in _habitats(wheel))
    return sorted(str(each) for each in wanted if not any(_stands_in(other, each) for other in there))


def _habitats(name: WheelFilename) -> Iterable[_Habitat]:
    """Yield what the compressed tags of a file name stand for; Python 2 only where nothing else does."""
    pythons = [tag for tag in name.python.split(".") if not re.match(r"(py|cp)2", tag)] or name.python.split(".")
    for python, abi, platform in product(pythons, name.abi.split("."), name.platform.split(".")):
        if platform == "any":
            yield _Habitat(python, abi, "any", "")
            continue
        match = _PLATFORM.fullmatch(platform)
        system, rest = (match["system"], match["rest"]) if match else (platform, "")
        machine = "x86_64" if rest.endswith("x86_64") else rest.rpartition("_")[2]
        for each in _ARCHITECTURES.get(machine, (machine,)):
            yield _Habitat(python, abi, system, each)


def _stands_in(one: _Habitat, other: _Habitat) -> bool:
    """Whether a wheel for ``one`` is also one for ``other``."""
    anywhere = one.system == "any"
    return (anywhere or (one.system, one.machine) == (other.system, other.machine)) and _serves(one, other)


def _serves(one: _Habitat, other: _Habitat) -> bool:
    """Whether the Python of ``one`` is that of ``other``, or an older one whose wheels go on to work."""
    if (one.python, one.abi) == (other.python, other.abi):
        return True
    mine, theirs = _PYTHON.fullmatch(one.python), _PYTHON.fullmatch(other.python)
    if mine is None or theirs is None or mine["major"] != theirs["major"]:
        return False
    older = int(mine["minor"] or 0) <= int(theirs["minor"] or 0)
    if one.abi == "none" and mine["kind"] == "py":
        return older
    return one.abi == "abi3" and older and not other.abi.endswith("t")
