"""``uv.lock``.

Its form is uv's own. A ``version`` that uv does not know is an error there; a newer ``revision`` is compatible:
https://docs.astral.sh/uv/concepts/resolution/#lockfile-versioning.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, TypeAlias

from msgspec import Meta, Struct

from wheelfix.locks.document import Document, hashes_of, name_in, project_of, unknown_version, version_of
from wheelfix.locks.model import Lock, LockedFile, LockKind, Skipped, SkippedEntry, lock_of

_VERSION: Final = 1
_REASONS: Final[Mapping[str, Skipped]] = {
    "virtual": Skipped.PROJECT,
    "editable": Skipped.EDITABLE,
    "directory": Skipped.DIRECTORY,
    "path": Skipped.LOCAL,
    "git": Skipped.GIT,
    "url": Skipped.URL,
}
"""What a source is that is no index."""


_Number: TypeAlias = Annotated[int, Meta(ge=0, le=1 << 62)]
"""Python does not write a number of five thousand digits."""


class _Artifact(Struct, frozen=True):
    url: str | None = None
    path: str | None = None
    filename: str | None = None
    hash: str | None = None
    size: _Number | None = None


class _Package(Struct, frozen=True, rename="kebab"):
    name: str
    source: dict[str, Any]
    version: str | None = None
    sdist: _Artifact | None = None
    wheels: tuple[_Artifact, ...] = ()
    resolution_markers: tuple[str, ...] = ()


class _UvLock(Struct, frozen=True):
    version: _Number
    revision: _Number = 0
    package: tuple[_Package, ...] = ()


def read_uv_lock(document: Document) -> Lock:
    """Return what a ``uv.lock`` names.

    :raises LockError: if it is damaged, or of a version that is not known.
    """
    form = document.read(_UvLock)
    if form.version != _VERSION:
        raise unknown_version(document.path, form.version, str(_VERSION))
    packages = document.with_lines("package", form.package)
    entries = (entry for package, line in packages for entry in _entries(document, package, line))
    return lock_of(document.path, LockKind.UV, entries, f"{form.version}.{form.revision}")


def _why_skipped(package: _Package) -> Skipped | None:
    registry = package.source.get("registry")
    if registry is None:
        return next((reason for key, reason in _REASONS.items() if key in package.source), Skipped.UNKNOWN)
    return None if isinstance(registry, str) and "://" in registry else Skipped.LOCAL


def _entries(document: Document, package: _Package, line: int | None) -> Iterator[LockedFile | SkippedEntry]:
    if (reason := _why_skipped(package)) is not None:
        yield SkippedEntry(project=package.name, version=package.version, reason=reason, line=line)
        return
    project = project_of(document.path, package.name, line)
    version = version_of(document.path, package.version, line)
    for each in (*package.wheels, *([package.sdist] if package.sdist else [])) or [_Artifact()]:
        yield LockedFile(
            project=project,
            version=version,
            filename=each.filename or name_in(each.url or each.path or "") or None,
            hashes=hashes_of(document.path, each.hash, line),
            url=each.url,
            index=str(package.source["registry"]),
            size=each.size,
            marker=" or ".join(package.resolution_markers) or None,
            line=line,
        )
