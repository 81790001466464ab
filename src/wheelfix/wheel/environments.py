"""The environments that a wheel's tags accept, and those that no wheel of a release is for.

Follows https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/; the variables of an environment
are those of https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from msgspec import Struct

from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.marker import Either, read_marker
from wheelfix.wheel.marker_logic import Environment, Release, can_be_true, stays_true
from wheelfix.wheel.requirement import Requirement

if TYPE_CHECKING:
    from packaging.tags import Tag


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
    """Return, in words, the platforms of ``wheels`` that none of ``others`` is for; versions of systems do not matter."""
    there = [habitat for other in others for habitat in _habitats(other)]
    wanted = dict.fromkeys(habitat for wheel in wheels for habitat in _habitats(wheel))
    return sorted(str(each) for each in wanted if not any(_stands_in(other, each) for other in there))


def _habitats(name: WheelFilename) -> Iterable[_Habitat]:
    """Yield what the compressed tags of a file name mean; Python 2 only where there is no other."""
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
    """Whether a wheel for ``one`` also works for ``other``."""
    anywhere = one.system == "any"
    return (anywhere or (one.system, one.machine) == (other.system, other.machine)) and _serves(one, other)


def _serves(one: _Habitat, other: _Habitat) -> bool:
    """Whether the Python of ``one`` is that of ``other``, or an older one whose wheels still work."""
    if (one.python, one.abi) == (other.python, other.abi):
        return True
    mine, theirs = _PYTHON.fullmatch(one.python), _PYTHON.fullmatch(other.python)
    if mine is None or theirs is None or mine["major"] != theirs["major"]:
        return False
    older = int(mine["minor"] or 0) <= int(theirs["minor"] or 0)
    if one.abi == "none" and mine["kind"] == "py":
        return older
    return one.abi == "abi3" and older and not other.abi.endswith("t")


_MACHINES: Final[Mapping[str, tuple[str, ...]]] = {
    "x86_64": ("x86_64",),
    "amd64": ("x86_64", "amd64", "AMD64"),
    "aarch64": ("aarch64",),
    "i686": ("i686", "i586", "i486", "i386", "x86_64"),  # a 32-bit Python on a 64-bit kernel names the kernel's machine
    "armv7l": ("armv7l", "armv8l", "aarch64"),
    "armv6l": ("armv6l", "armv7l", "armv8l", "aarch64"),
    "ppc64le": ("ppc64le",),
    "ppc64": ("ppc64",),
    "s390x": ("s390x",),
    "riscv64": ("riscv64",),
    "loongarch64": ("loongarch64",),
}
"""The values of ``platform_machine`` for each machine in a Linux tag."""
_MAC_MACHINES: Final[Mapping[str, tuple[str, ...]]] = {
    "arm64": ("arm64",),
    "x86_64": ("x86_64", "arm64"),  # Rosetta
    "universal2": ("arm64", "x86_64"),
}
_WINDOWS_MACHINES: Final[Mapping[str, tuple[str, ...]]] = {
    "win32": ("x86", "AMD64", "ARM64", "i386", "i686"),
    "win_amd64": ("AMD64", "ARM64"),  # an emulated Python may name the machine below
    "win_arm64": ("ARM64", "AMD64"),
}
_Names: TypeAlias = tuple[str, ...]
_LINUX: Final = r"(?:linux|manylinux(?:1|2010|2014|_\d+_\d+)|musllinux_\d+_\d+)_(\w+)"
_PLATFORMS: Final[tuple[tuple[str, _Names, _Names, str, Mapping[str, _Names]], ...]] = (
    (_LINUX, ("linux", "linux2"), ("Linux",), "posix", _MACHINES),
    (r"macosx_\d+_\d+_(\w+)", ("darwin",), ("Darwin",), "posix", _MAC_MACHINES),
    (r"(win32|win_amd64|win_arm64)", ("win32",), ("Windows",), "nt", _WINDOWS_MACHINES),
    (r"android_\d+_(\w+)", ("android",), ("Android",), "posix", {}),
    (r"ios_\d+_\d+_(\w+)_iphone(?:os|simulator)", ("ios",), ("iOS", "iPadOS"), "posix", {}),
    (r"(?:emscripten|pyodide)_\w+_(wasm32)", ("emscripten",), ("Emscripten",), "posix", {}),
)
"""Patterns of platform tags, whose group is the machine, and the values there of ``sys_platform``, ``platform_system``,
``os_name`` and, by machine, ``platform_machine``."""
_IMPLEMENTATIONS: Final = {
    "cp": (("implementation_name", ("cpython",)), ("platform_python_implementation", ("CPython",))),
    "pp": (("implementation_name", ("pypy",)), ("platform_python_implementation", ("PyPy",))),
}
_PYTHON: Final = re.compile(r"(?P<kind>cp|pp|py)(?P<major>[23])(?P<minor>\d{0,3})")
_OWN_ABI: Final = re.compile(r"(?:cp|pypy)\d")
"""An ABI of one minor version of Python; abi3, abi3t and none also work with later versions."""


class Environments(Struct, frozen=True, dict=True):
    """All environments that accept a wheel, according to its tags."""

    tags: "frozenset[Tag]"

    @cached_property
    def each(self) -> tuple[Environment, ...]:
        """The environments of each tag; an unknown tag means any environment, and so do very many tags."""
        known = {(_platform(tag.platform), _pythons(tag.interpreter, tag.abi)) for tag in self.tags}
        if len(known) > _MOST:
            return (Environment(),)
        return tuple(
            Environment(dict(platform) | dict(implementation), lowest, highest)
            for platform, (implementation, lowest, highest) in sorted(known, key=repr)
        )

    @cached_property
    def systems(self) -> frozenset[str] | None:
        """What ``platform_system`` can be in them, ``None`` if it can be anything."""
        found = [each.values.get("platform_system") for each in self.each]
        return None if None in found else frozenset(name for names in found if names for name in names)

    def exclude(self, requirement: Requirement, *, without_extras: bool = False) -> bool:
        """Whether the marker of ``requirement`` is false in all of them, so that no installer ever installs it.

        With ``without_extras`` only installations without extras count.

        >>> from packaging.tags import Tag
        >>> from wheelfix.wheel.requirement import read_requirement
        >>> arm = Environments(frozenset({Tag("cp311", "cp311", "manylinux_2_28_aarch64")}))
        >>> arm.exclude(read_requirement("triton; platform_machine == 'x86_64'"))
        True
        """
        marker = read_marker(requirement.marker) if requirement.marker and not requirement.malformed else None
        if marker is None:
            return False
        extra = {"extra": ("",)} if without_extras else {}
        places = (Environment({**each.values, **extra}, each.lowest, each.highest) for each in self.each)
        return all(can_be_true(marker, place) is False for place in places)

    def still_need(self, before: Requirement, after: Sequence[Requirement]) -> bool:
        """Whether one of ``after`` is surely installed, without extras, in some of them where ``before`` may be.

        A marker that only a single patch release of Python makes true, or that nothing here decides, is not enough.
        """
        if any(not each.marker or (each.marker == before.marker and not each.malformed) for each in after):
            return True
        found = [marker for each in after if not each.malformed and (marker := read_marker(each.marker or ""))]
        if not found:
            return False
        marker, old = Either(tuple(found)), read_marker(before.marker) if before.marker else None
        places = (Environment({**each.values, "extra": ("",)}, each.lowest, each.highest) for each in self.each)
        return any(stays_true(marker, old, place) for place in places)


_MOST: Final = 200
_Values = tuple[tuple[str, tuple[str, ...]], ...]


def _platform(tag: str) -> _Values:
    """Return the known variables of a platform, none for ``any`` and for unknown tags."""
    for pattern, names, systems, os_name, machines in _PLATFORMS:
        if found := re.fullmatch(pattern, tag):
            known = (("sys_platform", names), ("platform_system", systems), ("os_name", (os_name,)))
            return (*known, ("platform_machine", machines[found[1]])) if found[1] in machines else known
    return ()


def _pythons(interpreter: str, abi: str) -> tuple[_Values, Release | None, Release | None]:
    """Return the implementation, and the lowest and the highest Python version that accept the two tags."""
    found = _PYTHON.fullmatch(interpreter)
    if not found:
        return (), None, None
    major, minor = int(found["major"]), int(found["minor"] or 0)
    if minor > _HIGHEST_PYPY and found["kind"] == "pp":  # pp373 is PyPy 7.3, for an unknown Python
        found, minor = _PYTHON.fullmatch(f"pp{major}") or found, 0
    lowest = (major, minor)
    own_abi = found["minor"] and _OWN_ABI.match(abi)
    return _IMPLEMENTATIONS.get(found["kind"], ()), lowest, lowest if own_abi else (major, _LATEST_MINOR)


_HIGHEST_PYPY: Final = 20
"""The highest minor version of Python that PyPy may reach; old tags have PyPy's own version there."""
_LATEST_MINOR: Final = 99
"""Tags such as ``py3`` and ``abi3`` have no upper limit; no minor version of Python gets this far."""
