"""What a mirror lists, as plain data.

https://packaging.python.org/en/latest/specifications/simple-repository-api/
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from packaging.version import Version

from wheelfix.filename import WheelFilename

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Origin:
    """What a corrected file was made from: the original's file name and sha256 (hexadecimal), and what was changed.

    ``changes`` are one line each. ``tool`` is the version of wheelfix, ``rules_sha256`` identifies the rules, if there were.
    """

    filename: str
    sha256: str
    tool: str
    rules_sha256: str | None = None
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFile:
    """One file of a page.

    ``url`` is as the page has it, ``sha256`` and ``metadata_sha256``, that of the sidecar, are lower-case hexadecimal,
    ``size`` is in bytes, ``upload_time`` in the form of PEP 700. ``yanked`` is the reason, empty where none was given,
    and ``None`` for a file that is not yanked. ``checked_by`` identifies the rules that were applied when it was published,
    whether or not they changed anything. ``other`` holds keys that wheelfix does not know, which stay.
    """

    filename: str
    url: str
    sha256: str
    size: int
    upload_time: str
    requires_python: str | None = None
    metadata_sha256: str | None = None
    yanked: str | None = None
    origin: Origin | None = None
    checked_by: str | None = None
    other: Mapping[str, Any] = field(default_factory=lambda: NOTHING)

    @property
    def version(self) -> str:
        """The version in the file name, in its normal form (PEP 440)."""
        return _version_of(self.filename)[1]


@dataclass(frozen=True, slots=True)
class Page:
    """What a mirror says of one project: its ``files``, in the order of :func:`in_order`.

    ``past`` are files that others of the same name have replaced: no longer listed, and kept for old locks.
    ``other`` holds keys that wheelfix does not know, such as the status of PEP 792, which stay.
    """

    project: str
    files: tuple[ListedFile, ...] = ()
    past: tuple[ListedFile, ...] = ()
    other: Mapping[str, Any] = field(default_factory=lambda: NOTHING)

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions that there are files of, from the oldest on."""
        found = {each.version for each in self.files} - {""}
        return tuple(sorted(found, key=Version))

    def find(self, filename: str) -> ListedFile | None:
        """Return the file of this name, ``None`` where none is listed."""
        return next((each for each in self.files if each.filename == filename), None)

    def with_files(self, files: Iterable[ListedFile]) -> "Page":
        """Return the page with these files, put in order."""
        return replace(self, files=in_order(files))

    def with_file(self, file: ListedFile) -> "Page":
        """Return the page with ``file``; one of the same name and other bytes becomes one of the past."""
        before = self.find(file.filename)
        page = self.with_files([*(each for each in self.files if each is not before), file])
        page = replace(page, past=tuple(each for each in page.past if each.sha256 != file.sha256))
        if before is None or before.sha256 == file.sha256:
            return page
        return replace(page, past=(*page.past, before))


def in_order(files: Iterable[ListedFile]) -> tuple[ListedFile, ...]:
    """Return files from the oldest version on, those of one version by name.

    Clients that take one wheel for the whole release so always take the same one.
    """
    return tuple(sorted(files, key=lambda each: (_version_of(each.filename)[0], each.filename)))


@lru_cache(maxsize=10_000)
def _version_of(filename: str) -> tuple[Version, str]:
    """Return the version in a file name, to compare and as text: 0 and nothing where it is none."""
    parsed = WheelFilename.parse(filename).parsed_version
    return (parsed, str(parsed)) if parsed else (Version("0"), "")
