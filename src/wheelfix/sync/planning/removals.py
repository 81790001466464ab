"""What a plan takes from those who install from the mirror: files that are served, and would not be.

An old release that makes room for a new one is not missed. Anything else is: the next release may be for other platforms,
or be an older one, and then a typing error in a manifest would empty a mirror without a word.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Final

from packaging.version import Version

from wheelfix.errors import FilenameError
from wheelfix.sync.model import Action, PlannedFile, is_taken
from wheelfix.wheel.filename import WheelFilename, parsed_version

_PLATFORM: Final = re.compile(r"([a-z]+)[0-9]*(?:_[0-9]+)*_(.+)")
"""A platform tag: the system, the version of libc or macOS, and the machine."""
_ANY: Final = "any"
_EVERY: Final = ""
"""What stands for all platforms together: a wheel for any can become one for each."""
_BOTH: Final = {"macosx universal2": ("macosx arm64", "macosx x86_64")}
_Key = tuple[str, str | None]
"""A project, and a source."""
_Place = tuple[str, str]
"""A platform, and a tag of a Python such as cp311."""


def lost_files(files: Iterable[PlannedFile], *, goes_back: bool = False) -> list[PlannedFile]:
    """Return those of the planned ``files`` that are served now and would not be, except for what makes room.

    That is a file of a release for which a newer one of the same source comes, with wheels for the same platforms and
    Pythons, if as many releases come as go. What an index has yanked does not count.
    A plan that ``goes_back`` brings older releases.
    """
    taken, come = defaultdict[_Key, list[PlannedFile]](list), defaultdict[_Key, list[PlannedFile]](list)
    for each in files:
        if is_taken(each):
            taken[each.project, each.source].append(each)
        elif each.action in (Action.ADD, Action.UNYANK):
            come[each.project, each.source].append(each)
    found = (_missed(rows, come[key], goes_back=goes_back) for key, rows in taken.items())
    return [each for rows in found for each in rows]


def _missed(taken: Sequence[PlannedFile], come: Iterable[PlannedFile], *, goes_back: bool) -> Iterator[PlannedFile]:
    """Yield those files that are ``taken`` from a project which make no room for those that ``come``."""
    gone, new, newest = {_version(each) for each in taken}, set[Version](), dict[_Place, Version]()
    for each in come:
        version = _version(each)
        if version is not None and version not in gone:
            new.add(version)
            for place in product({*_platforms(each.filename), _EVERY}, {*_pythons(each.filename), _EVERY}):
                newest[place] = max(version, newest.get(place, version))
    for each in taken:
        old, names = _version(each), _platforms(each.filename)
        if names == {_ANY}:
            names = {_EVERY}
        found = [_successor(newest, *place) for place in product(names, _pythons(each.filename))]
        is_replaced = old is not None and all(other is not None and (goes_back or other > old) for other in found)
        if len(gone) > len(new) or not is_replaced:
            yield each


def _successor(newest: Mapping[_Place, Version], platform: str, python: str) -> Version | None:
    """Return the newest release that has a wheel for ``platform`` and ``python``, or for any."""
    pythons = (_EVERY,) if python == _ANY else (python, _ANY)
    return max((found for each in product((platform, _ANY), pythons) if (found := newest.get(each))), default=None)


def _version(file: PlannedFile) -> Version | None:
    return parsed_version(file.version)


def _platforms(filename: str) -> set[str]:
    """Return what a file is for, without versions of libc or macOS; a source distribution is for any platform."""
    if not filename.endswith(".whl"):
        return {_ANY}
    try:
        tags = WheelFilename.parse(filename).platform.split(".")
    except FilenameError:  # indexes list anything
        return {filename}
    names = (" ".join(found.groups()) if (found := _PLATFORM.fullmatch(each)) else each for each in tags)
    return {platform for name in names for platform in _BOTH.get(name, (name,))}


def _pythons(filename: str) -> set[str]:
    """Return the tags of the Pythons that a file is for; what works with many of them, such as py3 or abi3, is for any."""
    if not filename.endswith(".whl"):
        return {_ANY}
    try:
        name = WheelFilename.parse(filename)
    except FilenameError:  # indexes list anything
        return {filename}
    if "abi3" in name.abi.split("."):
        return {_ANY}
    return {_ANY if each.startswith("py") else each for each in name.python.split(".")}
