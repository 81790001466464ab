"""``poetry.lock``.

Its form is Poetry's own. Poetry 2 reads the versions from 1 up to 3, warns of those that are newer than its own, and refuses
the others: ``Locker._READ_VERSION_RANGE`` in poetry/packages/locker.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from msgspec import Struct, field
from packaging.utils import canonicalize_name
from packaging.version import Version

from wheelfix.locks.document import (
    Document,
    damaged,
    hashes_of,
    name_in,
    project_of,
    unknown_version,
    version_in,
    version_of,
)
from wheelfix.locks.model import Lock, LockedFile, LockKind, Skipped, SkippedEntry, lock_of

_NEWEST: Final = Version("2.1")
_READ: Final = (Version("1"), Version("3.dev0"))
"""From the first one, to below the second one."""
_REASONS: Final[Mapping[str, Skipped]] = {
    "git": Skipped.GIT,
    "directory": Skipped.DIRECTORY,
    "file": Skipped.LOCAL,
    "url": Skipped.URL,
}
"""What a source is that is no index."""
_INDEX: Final = "legacy"
_MOST_VERSIONS: Final = 100
"""How many versions of one project a lock of Poetry 1 can have; one for each marker is already rare."""
_PYPI: Final = "https://pypi.org/simple/"
"""The index of a package without a source: Poetry writes none for PyPI."""

_T = TypeVar("_T")


class _File(Struct, frozen=True):
    file: str
    hash: str
    url: str | None = None


class _Source(Struct, frozen=True):
    type: str = _INDEX
    url: str | None = None
    reference: str | None = None


class _Package(Struct, frozen=True):
    name: str
    version: str
    files: tuple[_File, ...] | None = None
    source: _Source | None = None


class _Metadata(Struct, frozen=True, rename="kebab"):
    lock_version: str
    files: dict[str, tuple[_File, ...]] = field(default_factory=dict)
    hashes: dict[str, tuple[str, ...]] = field(default_factory=dict)


class _PoetryLock(Struct, frozen=True):
    metadata: _Metadata
    package: tuple[_Package, ...] = ()


_ByVersion: TypeAlias = Mapping[tuple[str, str], Sequence[_File]]


def read_poetry_lock(document: Document) -> Lock:
    """Return what a ``poetry.lock`` names.

    :raises LockError: if it is damaged, or of a version that is not known.
    """
    form = document.read(_PoetryLock)
    version = Version(version_of(document.path, form.metadata.lock_version, None))
    if not _READ[0] <= version < _READ[1]:
        raise unknown_version(document.path, version, f"{_READ[0]} to {_NEWEST}")
    packages, elsewhere = document.with_lines("package", form.package), _files_by_version(document.path, form)
    entries = (
        entry for package, line in packages for entry in _entries(document, package, form.metadata, elsewhere, line)
    )  # fmt: skip
    warnings = [f"it has version {version} of its form, and {_NEWEST} is known"] if version > _NEWEST else []
    return lock_of(document.path, LockKind.POETRY, entries, str(version), warnings)


def _entries(
    document: Document, package: _Package, metadata: _Metadata, elsewhere: _ByVersion, line: int | None
) -> Iterator[LockedFile | SkippedEntry]:
    source = package.source or _Source(url=_PYPI, reference="PyPI")
    if source.type != _INDEX:
        reason = _REASONS.get(source.type, Skipped.UNKNOWN)
        yield SkippedEntry(project=package.name, version=package.version, reason=reason, line=line)
        return
    project = project_of(document.path, package.name, line)
    version = version_of(document.path, package.version, line)
    listed = package.files if package.files is not None else elsewhere.get((project, version), ())
    if not listed:
        sums = [hashes_of(document.path, f"sha256:{each}", line)[0] for each in _of(metadata.hashes, package.name)]
        yield LockedFile(
            project=project, version=version, hashes=tuple(sums), index=source.url, source=source.reference, line=line
        )
    for each in listed:
        yield LockedFile(
            project=project,
            version=version,
            filename=name_in(each.file) or None,
            hashes=hashes_of(document.path, each.hash, line),
            url=each.url,
            index=source.url,
            source=source.reference,
            line=line,
        )


def _files_by_version(path: Path, form: _PoetryLock) -> _ByVersion:
    """Return the files of a lock of Poetry 1, which has those of all versions of a project in one place, by version.

    One whose name is of no version of the lock, such as an old post-release, may be of each of them. The oldest form has
    hashes in place of files.
    """
    versions: dict[str, dict[str, None]] = {}
    for package in form.package:
        versions.setdefault(canonicalize_name(package.name), {})[_normal(package.version)] = None
    found: dict[tuple[str, str], list[_File]] = {}
    for name, files in form.metadata.files.items():
        project = canonicalize_name(name)
        known = versions.get(project, {})
        if len(known) > _MOST_VERSIONS:
            raise damaged(path, f"it has more than {_MOST_VERSIONS} versions of {project}")
        for each in files:
            version = str(version_in(each.file))
            for belongs in [version] if version in known else known:
                found.setdefault((project, belongs), []).append(each)
    return found


def _normal(version: str) -> str:
    try:
        return str(Version(version))
    except ValueError:  # which is reported with its line, when its turn comes
        return version


def _of(values: Mapping[str, tuple[_T, ...]], name: str) -> tuple[_T, ...]:
    return values.get(name, values.get(canonicalize_name(name), ()))
