"""What tags claim, compared with what the binaries of the wheel are built for: where one contradicts the other.

Follows https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/. Only what headers, names and
version symbols say is compared: that nothing contradicts a tag is no proof that the wheel works there.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from wheelfix.evidence.targets import DARWIN, LINUX, WINDOWS, Target
from wheelfix.text import shown
from wheelfix.wheel.tags import WheelTag

_ANY: Final = "any"
_SUFFIXES: Final = {LINUX: ".so", DARWIN: ".so", WINDOWS: ".pyd"}
"""How the names of extension modules end: what ends otherwise Python does not import there."""
_SYSTEMS: Final = {LINUX: "Linux", DARWIN: "macOS", WINDOWS: "Windows"}
_LINUX: Final = re.compile(
    r"(?:(?P<plain>linux)|manylinux(?P<year>1|2010|2014)|(?P<libc>many|musl)linux_(?P<x>\d+)_(?P<y>\d+))_(?P<machine>\w+)"
)
_YEARS: Final = {"1": (2, 5), "2010": (2, 12), "2014": (2, 17)}
"""The versions of glibc of the older tags (PEP 600)."""
_MACOS: Final = re.compile(r"macosx_(?P<x>\d+)_(?P<y>\d+)_(?P<machine>\w+)")
_WINDOWS: Final = {"win32": "x86", "win_amd64": "AMD64", "win_arm64": "ARM64"}
_SAME: Final = {"i386": "i686", "i486": "i686", "i586": "i686", "armv6l": "armv7l", "armv8l": "armv7l"}
_SEVERAL: Final = {"universal2": ("x86_64", "arm64"), "intel": ("x86_64", "i386")}
_UNKNOWN: Final = frozenset({"universal", "fat", "fat32", "fat64", "fat3"})
"""Tags for several machines including PowerPC, long out of use."""
_FIRST_ARM: Final = (11, 0)
"""The first macOS for ARM: a universal2 tag of an older one means this one there."""
_STABLE: Final = ("abi3", "abi3t")
_OWN_ABI: Final = re.compile(r"cp(?P<version>\d+)(?P<flags>[a-z]*)")
_PYPY: Final = re.compile(r"pypy(?P<version>\d+)_\w+")
_BUILT_FOR: Final = re.compile(
    r"(?:cpython-|cp)(?P<version>\d+)(?P<flags>[a-z]*)\b|(?P<stable>abi3t?)\b|(?P<pypy>pypy\d+)\b"
)
"""What the name of an extension module says it is built for, between its first dot and its suffix."""


class _Platform(Struct, frozen=True):
    """What a platform tag claims: system, machines, and the version of macOS or glibc; ``libc`` is empty for any."""

    system: str
    machines: tuple[str, ...]
    version: tuple[int, int] | None = None
    libc: str = ""


def contradictions(
    targets: Sequence[Target], old: Collection[WheelTag], new: Iterable[WheelTag]
) -> Iterator[tuple[str, str]]:
    """Yield each part of the ``new`` tags that a binary contradicts, with why, as a clause.

    What the ``old`` tags claim already is not compared.
    """
    platforms = {tag.platform for tag in old}
    pythons = {(tag.python, tag.abi) for tag in old}
    for platform in dict.fromkeys(tag.platform for tag in new):
        why = "" if platform in platforms else _against_platform(targets, platform)
        if why:
            yield platform, why
    modules = list(_kinds([each for each in targets if each.is_module]))
    for python, abi in dict.fromkeys((tag.python, tag.abi) for tag in new):
        why = "" if (python, abi) in pythons else _against_python(modules, python, abi)
        if why:
            yield f"{python}-{abi}", why


def against_purelib(targets: Iterable[Target]) -> str:
    """Return which extension module is at the top of the wheel, as a clause; empty if none is."""
    return next((_is_module(each) for each in targets if each.is_module and not _is_data(each.path)), "")


def _is_data(path: str) -> bool:
    return path.partition("/")[0].endswith(".data")


def _is_module(target: Target) -> str:
    return f"{shown(target.path)} is an extension module"


def _against_platform(targets: Sequence[Target], platform: str) -> str:
    """Return what contradicts a platform tag, empty if nothing does or the tag is not known."""
    if platform == _ANY:
        return _against_any(targets)
    claim = _read_platform(platform)
    if claim is None:
        return ""
    ours = [each for each in targets if each.is_module and each.path.endswith(_SUFFIXES[claim.system])]
    modules = [each for each in targets if each.is_module]
    if modules and not ours:
        return f"{_is_module(modules[0])} for {_SYSTEMS[modules[0].system]}"
    for same in _by_place(ours):
        reasons = [_why_not(each, claim) for each in same]
        if all(reasons):
            return reasons[0]
    return _against_libraries([each for each in targets if not each.is_module], claim, alone=not modules)


def _against_libraries(libraries: Sequence[Target], claim: _Platform, *, alone: bool) -> str:
    """Return what contradicts the tag among binaries that Python does not import.

    A wheel can bring libraries for several platforms, of which its code chooses; where there is no extension module, one of
    them at least must be for this one.
    """
    fitting = [each for each in libraries if not _for_another(each, claim)]
    if alone and libraries and not fitting:
        return _for_another(libraries[0], claim)
    return next(filter(None, (_why_not(each, claim) for each in fitting)), "")


def _against_any(targets: Sequence[Target]) -> str:
    """Return which binary runs on one system only, as a clause; libraries for several systems may be chosen from."""
    for each in targets:
        if each.is_module:
            return f"{_is_module(each)} for {_SYSTEMS[each.system]}"
    systems = {each.system for each in targets}
    first = next(iter(targets), None)
    return f"{shown(first.path)} is for {_words(first)}" if first and len(systems) == 1 else ""


def _by_place(modules: Iterable[Target]) -> Iterable[list[Target]]:
    """Return the modules that are imported under one name together: Python chooses the one that it can load."""
    found: dict[str, list[Target]] = {}
    for each in modules:
        directory, slash, name = each.path.rpartition("/")
        found.setdefault(directory + slash + name.partition(".")[0], []).append(each)
    return found.values()


def _why_not(target: Target, claim: _Platform) -> str:
    """Return why a binary does not run where a platform tag says, as a clause; empty if nothing says so."""
    if why := _for_another(target, claim):
        return why
    libc = target.libc if target.system == LINUX else ""
    if claim.libc and libc and libc != claim.libc:
        return f"{shown(target.path)} links to {libc}; the tag says {claim.libc}"
    for machine in claim.machines:
        needed, said = target.machines.get(machine), claim.version
        if needed is None or said is None or libc == "musl":
            continue
        said = max(said, _FIRST_ARM) if (claim.system, machine) == (DARWIN, "arm64") else said
        if _comparable(needed, claim.system) > _comparable(said, claim.system):
            words = f"GLIBC_{needed[0]}.{needed[1]}" if claim.system == LINUX else f"macOS {needed[0]}.{needed[1]}"
            return f"{shown(target.path)} needs {words}; the tag says {said[0]}.{said[1]}"
    return ""


def _comparable(version: tuple[int, int], system: str) -> tuple[int, int]:
    """Return a version as tags mean it: macOS 10.16 is 11, and from 11 on only the first number counts."""
    if system == DARWIN and version >= (10, 16):
        return max(version[0], 11), 0
    return version


def _for_another(target: Target, claim: _Platform) -> str:
    """Return for which other system or machine a binary is, as a clause; empty if it is for those of the tag."""
    if target.system == claim.system and not (target.machines and {*claim.machines} - {*target.machines}):
        return ""
    return f"{shown(target.path)} is for {_words(target)}"


def _words(target: Target) -> str:
    return " ".join([_SYSTEMS[target.system], *filter(None, [" and ".join(sorted(target.machines))])])


def _read_platform(tag: str) -> _Platform | None:
    """Return what a platform tag claims, ``None`` if it is not known here."""
    if tag in _WINDOWS:
        return _Platform(WINDOWS, (_WINDOWS[tag],))
    if found := _MACOS.fullmatch(tag):
        machine = found["machine"]
        version = int(found["x"]), int(found["y"])
        return None if machine in _UNKNOWN else _Platform(DARWIN, _SEVERAL.get(machine, (machine,)), version)
    if found := _LINUX.fullmatch(tag):
        machine = _SAME.get(found["machine"], found["machine"])
        if found["plain"]:
            return _Platform(LINUX, (machine,))
        if found["libc"] == "musl":
            return _Platform(LINUX, (machine,), None, "musl")
        version = _YEARS[found["year"]] if found["year"] else (int(found["x"]), int(found["y"]))
        return _Platform(LINUX, (machine,), version, "glibc")
    return None


class _Kind(Struct, frozen=True):
    """For which Python an extension module is built, as its name says; ``name`` is empty where it does not."""

    name: str
    version: str = ""
    free_threaded: bool = False


def _kinds(modules: Sequence[Target]) -> Iterator[tuple[frozenset[_Kind], Target]]:
    """Yield which kinds of modules there are under one name, each combination of kinds once, with the first of them."""
    seen = set[frozenset[_Kind]]()
    for same in _by_place(modules):
        kinds = frozenset(_kind(each.path) for each in same)
        if kinds not in seen:
            seen.add(kinds)
            yield kinds, same[0]


def _kind(path: str) -> _Kind:
    middle = path.rpartition("/")[2].partition(".")[2].rpartition(".")[0]
    found = _BUILT_FOR.match(middle)
    if found is None:
        return _Kind("")
    if found["stable"]:
        return _Kind(found["stable"])
    if found["pypy"]:
        return _Kind("pypy", found["pypy"].removeprefix("pypy"))
    return _Kind("cpython", found["version"], "t" in found["flags"])


def _against_python(modules: Iterable[tuple[frozenset[_Kind], Target]], python: str, abi: str) -> str:
    """Return which extension module is not for a Python and ABI, as a clause; empty if nothing says so."""
    for kinds, first in modules:
        if abi == "none" and not _OWN_ABI.fullmatch(python):
            return f"{_is_module(first)}, which depends on the ABI of Python"
        if not any(_loads(python, abi, kind) for kind in kinds):
            return f"{shown(first.path)} is built for another Python"
    return ""


def _loads(python: str, abi: str, kind: _Kind) -> bool:
    """Whether a Python of these tags may import a module; a name that says nothing may be for any."""
    if not kind.name:
        return True
    if abi in _STABLE:  # what is built for abi3t (PEP 803) runs with and without the GIL
        return kind.name in (abi, "abi3t")
    if own := _OWN_ABI.fullmatch(python if abi == "none" else abi):
        free_threaded = "t" in own["flags"]
        if kind.name in _STABLE:
            return kind.name == "abi3t" or not free_threaded
        return kind == _Kind("cpython", own["version"], free_threaded)
    if own := _PYPY.fullmatch(abi):
        return kind == _Kind("pypy", own["version"])
    return True
