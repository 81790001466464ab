"""What a wheel is called where: its file name, its directories and its METADATA, and which of them is plainly wrong.

https://packaging.python.org/en/latest/specifications/binary-distribution-format/ wants all of them to agree. Where one
differs from the other two it is plain which one to correct, but only a dist-info directory is corrected whatever it says:
of METADATA and the file name only a local version that is missing.
"""

import re
from typing import Final

from msgspec import Struct
from packaging.utils import canonicalize_name

from wheelfix.wheel.filename import WheelFilename, parsed_version, public, same_version

INFO: Final = ".dist-info"
DATA: Final = ".data"
_DATA_DIRECTORY: Final = re.compile(r"(?P<project>.+)-(?P<version>[^-]+)\.data")


def stem_parts(stem: str) -> tuple[str, str]:
    """Return project and version of the name of a directory without its end; the version is empty where there is none.

    >>> stem_parts("zope.interface-7.0"), stem_parts("zope-interface")
    (('zope.interface', '7.0'), ('zope-interface', ''))
    """
    project, _, version = stem.rpartition("-")
    return (project, version) if project and parsed_version(_unescaped(version)) else (stem, "")


def data_parts(directory: str) -> tuple[str, str] | None:
    """Return project and version of the name of a .data directory, ``None`` if it is not the name of one."""
    found = _DATA_DIRECTORY.fullmatch(directory)
    return (found["project"], found["version"]) if found else None


def same_release(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two pairs of project and version mean the same, however they are spelled."""
    return canonicalize_name(one[0]) == canonicalize_name(other[0]) and same_version(one[1], other[1])


class Agreed(Struct, frozen=True):
    """What a wheel is called once every place agrees; ``version`` is a new one for METADATA, ``None`` if that is kept."""

    filename: WheelFilename
    version: str | None = None

    @property
    def stem(self) -> str:
        """The name of the dist-info and .data directories without their ends: the first two parts of the file name."""
        return f"{self.filename.raw_project}-{self.filename.version}"


def agreed(filename: WheelFilename, dist_info: str, name: str | None, version: str | None) -> Agreed | None:
    """Return what a wheel must be called, ``None`` where it is not plain which place is wrong.

    ``name`` and ``version`` are those of METADATA, ``None`` where it has none.

    >>> name = WheelFilename.parse("demo-1.0+cu126-py3-none-any.whl")
    >>> agreed(name, "demo-1.0+cu126.dist-info", "demo", "1.0").version
    '1.0+cu126'
    """
    project, listed = stem_parts(dist_info.removesuffix(INFO))
    ours, listed = _unescaped(filename.version), _unescaped(listed)
    said = version or listed or ours
    if canonicalize_name(name or project) != filename.project or parsed_version(ours) is None:
        return None
    if same_version(said, ours):
        return Agreed(filename)  # whatever dist-info says, the other two agree
    if not listed or version is None:
        return None
    if same_version(listed, ours) and _lacks_local(said, ours):
        return Agreed(filename, f"{said}+{ours.partition('+')[2]}")
    if same_version(listed, said) and _lacks_local(ours, said):
        return Agreed(filename.with_local_version(said.partition("+")[2]))
    return None


def _lacks_local(short: str, full: str) -> bool:
    """Whether two versions differ by nothing but the local version of the second one."""
    return "+" not in short and "+" in full and same_version(short, public(full))


def _unescaped(version: str) -> str:
    """Return a version as METADATA has it, from a file name, which has an underscore for a dash."""
    return version.replace("_", "-")
