"""A release of another index: chosen, and downloaded so that an interrupted download goes on where it ended."""

import hashlib
import os
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Final

import requests
from packaging.utils import canonicalize_name
from pypi_simple import DistributionPackage

from wheelfix.errors import FilenameError, MirrorError
from wheelfix.escaping import shown
from wheelfix.filename import WheelFilename
from wheelfix.mirror.folder import Folder
from wheelfix.mirror.index import ask_page
from wheelfix.mirror.layout import HIDDEN
from wheelfix.mirror.selection import read_requirement
from wheelfix.mirror.web import Web

if TYPE_CHECKING:
    from packaging.version import Version

_BLOCK: Final = 1 << 20
_LARGEST: Final = 1 << 36
_OK, _PARTIAL, _BEYOND_END = 200, 206, 416
_PYTHON: Final = re.compile(r"3\.\d{1,2}")
_CPYTHON: Final = re.compile(r"(?:cp|py)(\d)(\d+)?")


def choose_wheels(
    web: Web, index: str, requirement: str, *, platforms: Sequence[str] = (), pythons: Sequence[str] = ()
) -> list[DistributionPackage]:
    """Return the wheels of the newest release that ``requirement`` fits: those for ``platforms`` and ``pythons``, or all.

    ``platforms`` are patterns of platform tags such as ``manylinux*_x86_64``, ``pythons`` versions such as 3.11. Wheels for
    any platform are always among them. A yanked file is taken only for a requirement that names its version.

    :raises MirrorError: if the requirement is none, or nothing fits it.
    """
    wanted = read_requirement(requirement)
    for python in pythons:
        if not _PYTHON.fullmatch(python):
            raise MirrorError("bad-python", f"{shown(python)!r} is no version of Python", hint="Give one such as 3.11.")
    page = ask_page(web, index, canonicalize_name(wanted.name))
    pinned = any(each.operator in ("==", "===") and not each.version.endswith(".*") for each in wanted.specifier)
    early = pinned or bool(wanted.specifier.prereleases)
    releases: dict[Version, list[DistributionPackage]] = {}
    for file in page.wheels if page else ():
        name = _read_name(file.filename, canonicalize_name(wanted.name))
        version = name.parsed_version if name else None
        if name is None or version is None or (file.is_yanked and not pinned):
            continue
        if wanted.specifier.contains(version, prereleases=early) and _is_for(name, platforms, pythons):
            releases.setdefault(version, []).append(file)
    if not releases:
        raise MirrorError(
            "nothing-fits",
            f"the index has no wheel that fits {shown(requirement)}",
            hint="Check version and platform.",
        )
    exact = next((version for version in releases if any(each.version == str(version) for each in wanted.specifier)), None)
    return releases[exact if exact is not None else max(releases)]


def _read_name(filename: str, project: str) -> WheelFilename | None:
    try:
        name = WheelFilename.parse(filename)
    except FilenameError:  # no installer takes it either
        return None
    return name if name.project == project else None


def _is_for(name: WheelFilename, platforms: Sequence[str], pythons: Sequence[str]) -> bool:
    tags = name.platform.split(".")
    fits_platform = not platforms or "any" in tags or any(fnmatchcase(tag, each) for tag in tags for each in platforms)
    return fits_platform and (not pythons or any(_is_for_python(name, each) for each in pythons))


def _is_for_python(name: WheelFilename, python: str) -> bool:
    minor = int(python.partition(".")[2])
    for tag in name.python.split("."):
        found = _CPYTHON.fullmatch(tag)
        if found is None or found[1] != "3":
            continue
        if found[2] is None or int(found[2]) == minor:
            return True
        if int(found[2]) < minor and ("abi3" in name.abi.split(".") or (tag.startswith("py") and name.abi == "none")):
            return True
    return False


def download(
    web: Web, folder: Folder, file: DistributionPackage, target: Path, *, timeout: float,
    on_bytes: Callable[[int], None] | None = None,
) -> Path:  # fmt: skip
    """Download a file into the folder ``target`` and return its path; what of it is there from before is kept.

    :raises MirrorError: if the index has no sha256 of it, or what came has another one.
    """
    sha256 = file.digests.get("sha256", "")
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise MirrorError("no-hash", f"the index has no sha256 of {shown(file.filename)}", hint="It cannot be checked.")
    with folder.locked(f"{canonicalize_name(file.project or '')}.download", timeout):
        place = folder.at(f"{HIDDEN}/downloads/{sha256}.part")
        place.parent.mkdir(parents=True, exist_ok=True)
        resumed = place.exists()
        digest = _complete(web, file.url, place, file.size or _LARGEST, on_bytes)
        if digest != sha256 and resumed:  # what was there is of something else
            place.unlink()
            digest = _complete(web, file.url, place, file.size or _LARGEST, on_bytes)
        if digest != sha256:
            place.unlink()
            raise MirrorError(
                "wrong-hash",
                f"{shown(file.filename)} came with sha256 {digest}, the index says {sha256}",
                hint="It was thrown away; run again, and tell who keeps the index if it persists.",
            )
        return place.rename(target / file.filename)


def _complete(web: Web, url: str, place: Path, largest: int, on_bytes: Callable[[int], None] | None) -> str:
    """Let the file at ``place`` hold all of ``url``; return its sha256 (hexadecimal)."""
    _load_rest(web, url, place, largest, on_bytes)
    with place.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _load_rest(web: Web, url: str, place: Path, largest: int, on_bytes: Callable[[int], None] | None) -> None:
    have = place.stat().st_size if place.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with web.ask("GET", url, headers, stream=True) as answer:
        if have and answer.status_code == _BEYOND_END:
            return  # it is all there, or its sum will tell
        if answer.status_code not in (_OK, _PARTIAL):
            raise MirrorError("bad-answer", f"{shown(url)} answers {answer.status_code}", hint="Run again later.")
        with place.open("ab" if answer.status_code == _PARTIAL else "wb") as output:
            try:
                for block in answer.iter_content(_BLOCK):
                    output.write(block)
                    if output.tell() > largest:
                        break  # its sum will tell
                    if on_bytes:
                        on_bytes(len(block))
            except requests.RequestException as error:
                raise MirrorError("no-answer", f"{shown(url)} breaks off", hint="Run again; it goes on.") from error
            output.flush()
            os.fsync(output.fileno())
