"""``pylock.toml``, the standard: https://packaging.python.org/en/latest/specifications/pylock-toml/."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec.structs import replace
from packaging.pylock import (
    Package,
    PackageSdist,
    PackageWheel,
    Pylock,
    PylockUnsupportedVersionError,
    PylockValidationError,
)
from packaging.version import Version

from wheelfix.errors import LockError
from wheelfix.locks.document import Document, damaged, hashes_of, unknown_version, version_in
from wheelfix.locks.header import command_in
from wheelfix.locks.model import Lock, LockedFile, LockKind, Skipped, SkippedEntry, lock_of

_KNOWN: Final = Version("1.0")
_VERSION: Final = "lock-version"
_PLACE: Final = re.compile(r"packages\[(\d+)\]\.?(.*)")
_DIRECT: Final = {"vcs": Skipped.GIT, "directory": Skipped.DIRECTORY, "archive": Skipped.URL}


def read_pylock(document: Document) -> Lock:
    """Return what a ``pylock.toml`` names.

    :raises LockError: if it is damaged, or of a version that is not known. A newer minor version is a warning, as the
        specification says.
    """
    tables, warnings = dict(document.tables), tuple[str, ...]()
    version = _version(tables.get(_VERSION))
    if version is not None and version > _KNOWN and version.major == _KNOWN.major:
        warnings = (f"it has version {version} of its form, and {_KNOWN} is known: what is new in it does not count",)
        tables[_VERSION] = str(_KNOWN)  # or packaging writes the same to a logger
    try:
        lock = Pylock.from_dict(tables)
    except PylockUnsupportedVersionError as error:
        raise unknown_version(document.path, version, str(_KNOWN)) from error
    except PylockValidationError as error:
        raise _damaged(document, error) from error
    except (ValueError, RecursionError) as error:  # a number of five thousand digits, a marker nested without end
        raise damaged(document.path, "it has a version or marker that is no such thing") from error
    packages = document.with_lines("packages", lock.packages)
    entries = (entry for package, line in packages for entry in _entries(document.path, package, line))
    found = lock_of(document.path, LockKind.PYLOCK, entries, str(version), warnings)
    return replace(found, created_by=lock.created_by, made_by=command_in(document.text))


def _version(given: object) -> Version | None:
    try:
        return Version(given) if isinstance(given, str) else None
    except ValueError:  # packaging says so, too
        return None


def _damaged(document: Document, error: PylockValidationError) -> LockError:
    found = _PLACE.fullmatch(error.context or "")
    if found is None:
        return damaged(document.path, f"{error.message}{f' at {error.context}' if error.context else ''}")
    number = int(found[1])
    place = f"packages {number + 1}{f'.{found[2]}' if found[2] else ''}"
    return damaged(document.path, f"{error.message} at {place}", document.line("packages", number))


def _skipped(package: Package, reason: Skipped, line: int | None) -> SkippedEntry:
    version = None if package.version is None else str(package.version)
    return SkippedEntry(project=package.name, version=version, reason=reason, line=line)


def _entries(path: Path, package: Package, line: int | None) -> Iterator[LockedFile | SkippedEntry]:
    direct = next((reason for key, reason in _DIRECT.items() if getattr(package, key)), None)
    if direct is not None:
        yield _skipped(package, direct, line)
        return
    marker = None if package.marker is None else str(package.marker)
    files: list[PackageWheel | PackageSdist] = [*(package.wheels or ()), *([package.sdist] if package.sdist else [])]
    for each in files:
        if each.url is None and package.index is None:
            yield _skipped(package, Skipped.LOCAL, line)
            continue
        yield LockedFile(
            project=package.name,
            version=str(package.version or version_in(each.filename)),
            filename=each.filename,
            hashes=tuple(found for key, value in each.hashes.items() for found in hashes_of(path, f"{key}:{value}", line)),
            url=each.url,
            index=package.index,
            size=each.size,
            marker=marker,
            line=line,
        )
