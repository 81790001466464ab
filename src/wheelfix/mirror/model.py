"""What a mirror lists, as plain data.

https://packaging.python.org/en/latest/specifications/simple-repository-api/
"""

from bisect import insort
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from packaging.utils import canonicalize_version
from packaging.version import Version

from wheelfix.errors import FilenameError
from wheelfix.mirror.layout import own_place
from wheelfix.wheel.filename import WheelFilename

_NO_VERSION: Final = Version("0")
BY_MIRROR: Final = "mirror"
BY_UPSTREAM: Final = "upstream"
"""Who decided that a file is yanked, or is not."""
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
    and ``None`` for a file that is not yanked; ``yanked_by`` says who decided that. ``checked_by`` identifies the rules that
    were applied when it was published, whether or not they changed anything.

    A file that was taken from another index has the URL of that as ``upstream``: its ``upload_time`` is the one of there,
    and ``added`` is when it came to this mirror. ``other`` holds keys that wheelfix does not know, which stay.
    """

    filename: str
    url: str
    sha256: str
    size: int
    upload_time: str
    requires_python: str | None = None
    metadata_sha256: str | None = None
    yanked: str | None = None
    yanked_by: str | None = None
    upstream: str | None = None
    added: str | None = None
    origin: Origin | None = None
    checked_by: str | None = None
    other: Mapping[str, Any] = field(default_factory=lambda: NOTHING)

    @property
    def original_sha256(self) -> str:
        """The sha256 of the file that it was made from, its own if it is as it came."""
        return self.origin.sha256 if self.origin else self.sha256

    @property
    def has_metadata(self) -> bool:
        """Whether the page announces a metadata file, with its sha256 or without (PEP 714 allows ``true``)."""
        return self.metadata_sha256 is not None or bool(self.other.get("core-metadata"))

    @property
    def version(self) -> str:
        """The version in the file name, in its normal form (PEP 440), empty where there is none."""
        return _name_of(self.filename).version

    @property
    def release(self) -> str:
        """The version without differences of spelling: 1.0 and 1.0.0 are one release."""
        return canonicalize_version(self.version)

    @property
    def identity(self) -> Hashable:
        """What installers take for the same wheel, however the parts of its name are spelled."""
        return _name_of(self.filename).identity


@dataclass(frozen=True, slots=True)
class Page:
    """What a mirror says of one project: its ``files``, in the order of :func:`in_order`.

    ``past`` are files that others of the same name have replaced: no longer listed, and kept for old locks.
    ``other`` holds keys that wheelfix does not know, such as the status of PEP 792, which stay; ``status_from`` is the URL
    of the index that the status was taken over from, ``None`` for one that somebody wrote here.
    """

    project: str
    files: tuple[ListedFile, ...] = ()
    past: tuple[ListedFile, ...] = ()
    other: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    status_from: str | None = None

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions that there are files of, from the oldest on."""
        found = {each.version for each in self.files} - {""}
        return tuple(sorted(found, key=Version))

    def find(self, filename: str) -> ListedFile | None:
        """Return the file of this name, ``None`` where none is listed."""
        return next((each for each in self.files if each.filename == filename), None)

    def find_same(self, file: ListedFile) -> ListedFile | None:
        """Return the listed file that installers take for the same wheel as ``file``, ``None`` where there is none."""
        return next((each for each in self.files if each.identity == file.identity), None)

    def place(self, file: ListedFile) -> str | None:
        """Return where ``file``, one of this page, lies in the mirror, ``None`` where its address leads anywhere else."""
        return own_place(self.project, file.filename, file.sha256, file.url)

    def with_files(self, files: Iterable[ListedFile]) -> "Page":
        """Return the page with these files, put in order."""
        return replace(self, files=in_order(files))

    def with_file(self, file: ListedFile) -> "Page":
        """Return the page with ``file``; one of the same name and other bytes becomes one of the past."""
        before = self.find(file.filename)
        files = [each for each in self.files if each is not before]
        insort(files, file, key=_rank)
        past = tuple(each for each in self.past if each.sha256 != file.sha256)
        replaced = before is not None and before.sha256 != file.sha256
        return replace(self, files=tuple(files), past=(*past, before) if before and replaced else past)


def in_order(files: Iterable[ListedFile]) -> tuple[ListedFile, ...]:
    """Return files from the oldest version on, those of one version by name.

    Clients that take one wheel for the whole release so always take the same one.
    """
    return tuple(sorted(files, key=_rank))


def _rank(file: ListedFile) -> tuple[Version, str]:
    return _name_of(file.filename).order, file.filename


class _Name(NamedTuple):
    """What a file name tells: the version to compare and as text, and what makes the file the one that it is."""

    order: Version
    version: str
    identity: Hashable


@lru_cache(maxsize=1 << 16)
def _name_of(filename: str) -> _Name:
    """Return what is in a file name; one that is none of a wheel stands for itself."""
    try:
        name = WheelFilename.parse(filename)
    except FilenameError:  # `mirror check` tells it
        return _Name(_NO_VERSION, "", filename)
    version = name.parsed_version
    tags = [frozenset(part.split(".")) for part in (name.python, name.abi, name.platform)]
    identity = (name.project, version or name.version, name.build, *tags)
    return _Name(version or _NO_VERSION, str(version) if version else "", identity)
