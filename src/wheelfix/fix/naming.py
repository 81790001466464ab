"""A wheel under another name: a local version, or a build tag, wherever the wheel repeats it.

Follows https://packaging.python.org/en/latest/specifications/binary-distribution-format/ and, for local versions,
https://packaging.python.org/en/latest/specifications/version-specifiers/#local-version-identifiers.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct, field
from packaging.utils import canonicalize_name

from wheelfix.errors import EditError
from wheelfix.options import Naming
from wheelfix.text import shown
from wheelfix.wheel.filename import WheelFilename, parsed_version, same_version, with_local_version
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.wheel import Wheel

_DATA: Final = ".data"
_INFO: Final = ".dist-info"
_DATA_DIRECTORY: Final = re.compile(r"(?P<project>.+)-(?P<version>[^-]+)\.data")


class Renaming(Struct, frozen=True):
    """What a wheel is called afterwards.

    ``directories`` maps top-level directories to their new names; ``version`` is the new one for METADATA and ``wheel`` the
    new content of WHEEL, ``None`` if it is kept. ``pins`` are specifiers of the old one that no longer match.
    """

    filename: WheelFilename
    dist_info: str
    directories: Mapping[str, str] = field(default_factory=dict)
    version: str | None = None
    wheel: bytes | None = None
    pins: tuple[str, ...] = ()


def rename(wheel: Wheel, naming: Naming) -> Renaming:
    """Return what ``wheel`` is called by ``naming``.

    :raises EditError: if the wheel has directories for which there is no new name.
    """
    filename, directories, version = wheel.filename, dict[str, str](), None
    pins: tuple[str, ...] = ()
    if naming.local is not None:
        filename = filename.with_local_version(naming.local)
        if filename.parsed_version is None:
            raise _no_version(wheel.filename.version)
        directories = _new_directories(wheel, filename)
        new = with_local_version(wheel.version, naming.local)
        if parsed_version(new) is None:
            raise _no_version(wheel.version)
        if not same_version(wheel.document.first("Version") or "", wheel.filename.version.replace("_", "-")):
            raise EditError(
                "other-version",
                f"METADATA says Version {shown(wheel.document.first('Version') or 'nowhere')}, the file name "
                f"{shown(wheel.filename.version)}",
                hint="Build the wheel again; it is not clear which of them gets the local version.",
            )
        version = new if new != wheel.version else None
        pins = () if parsed_version(new) == parsed_version(wheel.version) else _broken_pins(wheel.version)
    content = None
    if naming.build_tag is not None:
        filename = filename.with_build_tag(naming.build_tag)
        content = _with_build(wheel.read("WHEEL"), naming.build_tag)
    return Renaming(filename, directories.get(wheel.dist_info, wheel.dist_info), directories, version, content, pins)


def _no_version(text: str) -> EditError:
    hint = "Only versions by PEP 440 can; build the wheel again."
    return EditError("no-version", f"{shown(text)} is not a version that can have a local version", hint=hint)


def _new_directories(wheel: Wheel, filename: WheelFilename) -> dict[str, str]:
    """Return the new names of dist-info and .data; the project's part stays as it is written."""
    stem = wheel.dist_info.removesuffix(_INFO)
    project, dash, version = stem.rpartition("-")
    if not dash:
        raise EditError(
            "no-version-in-directory",
            f"the directory {shown(wheel.dist_info)} names no version",
            hint="Installers look for PROJECT-VERSION.dist-info; build the wheel again.",
        )
    directories = {wheel.dist_info: f"{project}-{filename.version}{_INFO}"}
    tops = sorted({entry.name.partition("/")[0] for entry in wheel.layout.entries})
    for name in tops:
        found = _DATA_DIRECTORY.fullmatch(name)
        if found and _same_release(found["project"], found["version"], project, version):
            directories[name] = f"{found['project']}-{filename.version}{_DATA}"
    present = {name.casefold() for name in tops if name not in directories}
    if len(set(directories.values())) < len(directories) or not present.isdisjoint(map(str.casefold, directories.values())):
        raise EditError(
            "same-directory-name",
            "two directories of the wheel would get the same name",
            hint="Build the wheel again, with one of them.",
        )
    _refuse_adoption(stem, filename.version, directories, tops)
    return {old: new for old, new in directories.items() if old != new}


def _refuse_adoption(stem: str, version: str, directories: Mapping[str, str], tops: Iterable[str]) -> None:
    """Refuse a name by which a .data directory that is not the wheel's own would become it.

    What uv and installer installed as it stands, below site-packages, they would then spread over scripts, headers and data.

    :raises EditError: if there is one.
    """
    project = stem.rpartition("-")[0]
    for name in tops:
        found = _DATA_DIRECTORY.fullmatch(name)
        if found is None or name == f"{stem}{_DATA}":
            continue
        becomes_own = directories.get(name) == f"{project}-{version}{_DATA}"
        if becomes_own or (name not in directories and _same_release(found["project"], found["version"], project, version)):
            raise EditError(
                "other-data-directory",
                f"{shown(name)} would become the .data directory of the wheel, which it is not now",
                hint="Choose another local version, or build the wheel again without that directory.",
            )


def _same_release(project: str, version: str, other_project: str, other_version: str) -> bool:
    return canonicalize_name(project) == canonicalize_name(other_project) and same_version(version, other_version)


def _broken_pins(version: str) -> tuple[str, ...]:
    """Return pins that match ``version`` and no other local version of it; ``==`` without one matches all."""
    return (f"==={version}",) if "+" not in version else (f"=={version}", f"==={version}")


def _with_build(content: bytes, build: str) -> bytes | None:
    """Return WHEEL with ``Build`` as the format wants it, ``None`` if it says so already."""
    document = Document.parse(content)
    present = document.all("Build")
    if [each.value.strip() for each in present] == [build]:
        return None
    if present:
        return document.edited({each: build if each is present[0] else None for each in present}).data
    return document.adding("Build", build).data


def build_order(tag: str) -> tuple[int, str]:
    """Return the key by which installers order build tags: the leading number, and then the rest."""
    digits = re.match(r"\d+", tag)
    return int(digits[0]) if digits else 0, tag[digits.end() if digits else 0 :]
