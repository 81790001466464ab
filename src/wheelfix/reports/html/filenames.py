"""What the file names of wheels say to the reports: what they are for, and which requirements nobody there ever installs."""

from collections.abc import Iterable
from functools import lru_cache

from wheelfix.errors import FilenameError
from wheelfix.text import shown_few
from wheelfix.wheel.environments import Environments
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.requirement import read_requirement


@lru_cache(maxsize=4096)
def parsed_filename(filename: str) -> WheelFilename | None:
    """Return the parts of a file name, ``None`` if it is not that of a wheel."""
    try:
        return WheelFilename.parse(filename)
    except FilenameError:
        return None


def environments_of(name: WheelFilename) -> Environments:
    """Return the environments that accept a wheel; thousands of wheels have the same tags."""
    return _environments(name.python, name.abi, name.platform)


@lru_cache(maxsize=4096)
def _environments(python: str, abi: str, platform: str) -> Environments:
    return Environments(WheelFilename("x", "1", None, python, abi, platform).tags)


def is_never_true(requirement: str, filename: str) -> bool:
    """Whether no environment of the wheel ever acts on the requirement.

    >>> is_never_true("triton; sys_platform == 'linux'", "torch-2.7.0-cp311-cp311-win_amd64.whl")
    True
    """
    name = parsed_filename(filename)
    return name is not None and _is_never_true(requirement, name.python, name.abi, name.platform)


@lru_cache(maxsize=1 << 14)
def _is_never_true(requirement: str, python: str, abi: str, platform: str) -> bool:
    found = read_requirement(requirement)
    return found is not None and _environments(python, abi, platform).exclude(found)


def platforms_of(filenames: Iterable[str]) -> str:
    """Return what wheels are for, in words: their Pythons, and their platforms.

    >>> platforms_of(["torch-2.7.0-cp39-cp39-win_amd64.whl", "torch-2.7.0-cp311-cp311-win_amd64.whl"])
    'cp39, cp311 win_amd64'
    """
    names = []
    for filename in filenames:
        if (name := parsed_filename(filename)) is None:
            return filename
        names.append(name)
    pythons, platforms = (list(dict.fromkeys(getattr(each, part) for each in names)) for part in ("python", "platform"))
    return f"{shown_few(pythons, 6)} {shown_few(platforms, 3)}"
