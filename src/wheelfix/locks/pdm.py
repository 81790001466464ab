"""``pdm.lock``.

Its form is PDM's own, with versions of three parts: PDM refuses another major one and a newer minor one, and reads a newer
patch version (``PDMLock.compatibility`` in pdm/project/lockfile/pdmlock.py).
"""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct, field
from packaging.version import Version

from wheelfix.locks.document import Document, hashes_of, name_in, project_of, unknown_version, version_in, version_of
from wheelfix.locks.model import Lock, LockedFile, LockKind, Skipped, SkippedEntry, lock_of

_NEWEST: Final = Version("4.5.1")


class _File(Struct, frozen=True):
    hash: str | None = None
    file: str | None = None
    url: str | None = None


class _Package(Struct, frozen=True):
    name: str
    version: str | None = None
    files: tuple[_File, ...] | None = None
    marker: str | None = None
    git: str | None = None
    url: str | None = None
    path: str | None = None
    editable: bool = False


class _Metadata(Struct, frozen=True):
    lock_version: str
    files: dict[str, tuple[_File, ...]] = field(default_factory=dict)


class _PdmLock(Struct, frozen=True):
    metadata: _Metadata
    package: tuple[_Package, ...] = ()


def read_pdm_lock(document: Document) -> Lock:
    """Return what a ``pdm.lock`` names; it does not say which index a file is from.

    :raises LockError: if it is damaged, or of a version that is not known.
    """
    form = document.read(_PdmLock)
    version = Version(version_of(document.path, form.metadata.lock_version, None))
    if version.major != _NEWEST.major or version.release[:2] > _NEWEST.release[:2]:
        raise unknown_version(document.path, version, f"{_NEWEST.major}.0 to {_NEWEST}")
    packages = document.with_lines("package", form.package)
    entries = (entry for package, line in packages for entry in _entries(document, package, form.metadata.files, line))
    warnings = [f"it has version {version} of its form, and {_NEWEST} is known"] if version > _NEWEST else []
    return lock_of(document.path, LockKind.PDM, entries, str(version), warnings)


def _why_skipped(package: _Package) -> Skipped | None:
    if package.git is not None:
        return Skipped.GIT
    if package.path is not None:
        is_file = package.path.endswith((".whl", ".tar.gz", ".zip"))
        return Skipped.EDITABLE if package.editable else Skipped.LOCAL if is_file else Skipped.DIRECTORY
    return None if package.url is None else Skipped.URL


def _entries(
    document: Document, package: _Package, elsewhere: Mapping[str, tuple[_File, ...]], line: int | None
) -> Iterator[LockedFile | SkippedEntry]:
    """Yield the files of a package; older locks list them ``elsewhere``, by name and version."""
    if (reason := _why_skipped(package)) is not None:
        yield SkippedEntry(project=package.name, version=package.version, reason=reason, line=line)
        return
    project = project_of(document.path, package.name, line)
    version = version_of(document.path, package.version, line)
    listed = package.files if package.files is not None else elsewhere.get(f"{package.name} {package.version}", ())
    for each in listed or [_File()]:
        filename = name_in(each.file or each.url or "")
        yield LockedFile(
            project=project,
            version=str(version_in(filename) or version),  # PDM writes 2.7.0 for 2.7.0+cpu
            filename=filename or None,
            hashes=hashes_of(document.path, each.hash, line),
            url=each.url,
            marker=package.marker,
            line=line,
        )
