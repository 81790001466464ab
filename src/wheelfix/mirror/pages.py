"""What a mirror lists, as plain data."""

import re
from collections.abc import Hashable, Iterable, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace
from packaging.version import Version

from wheelfix.errors import FilenameError
from wheelfix.mirror.layout import own_key
from wheelfix.wheel.filename import WheelFilename, parsed_version

_NO_VERSION: Final = Version("0")
BY_MIRROR: Final = "mirror"
BY_UPSTREAM: Final = "upstream"
"""Who decided that a file is yanked, or is not."""


class Origin(Struct, frozen=True, gc=False):
    """What a fixed file was made from: the original's file name and sha256 (hexadecimal), and what was changed.

    ``changes`` are one line each. ``tool`` is the version of wheelfix, ``rules_sha256`` identifies the rules, if there were.
    """

    filename: str
    sha256: str
    tool: str
    rules_sha256: str | None = None
    changes: tuple[str, ...] = ()


class ListedFile(Struct, frozen=True, kw_only=True, gc=False):
    """One file of a page.

    ``url`` is as the page has it, ``sha256`` and ``metadata_sha256``, that of the metadata file, are lower-case hexadecimal,
    ``size`` is in bytes, ``upload_time`` in the form of PEP 700. ``yanked`` is the reason, empty where none was given,
    and ``None`` for a file that is not yanked; ``yanked_by`` says who decided that. ``checked_by`` identifies the rules that
    were applied when it was published, whether or not they changed anything.

    ``added`` is when this mirror first had the file. One from another index has the URL of that as ``upstream`` and, where
    that gives one, its upload time as ``upstream_time``, which is the ``upload_time`` then. ``other`` holds keys that
    wheelfix does not know; they are kept.
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
    upstream_time: str | None = None
    added: str | None = None
    origin: Origin | None = None
    checked_by: str | None = None
    other: Mapping[str, Any] = field(default_factory=dict)

    @property
    def original_sha256(self) -> str:
        """The sha256 of the original: of the file that it was made from, or its own."""
        return self.origin.sha256 if self.origin else self.sha256

    @property
    def has_metadata(self) -> bool:
        """Whether the page announces a metadata file, with its sha256 or without (PEP 714 allows ``true``)."""
        return self.metadata_sha256 is not None or bool(self.other.get("core-metadata"))

    @property
    def version(self) -> str:
        """The version in the file name, in its normal form (PEP 440), empty where there is none."""
        return _name_of(self.filename).text

    @property
    def release(self) -> Hashable:
        """What the wheels of one release have in common: 1.0 and 1.0.0 are one release, all that has no version another."""
        return _name_of(self.filename).version

    @property
    def order(self) -> tuple[Version, str]:
        """What files are sorted by: the version, the oldest one first, and then the name.

        Clients that read one wheel for a whole release always read the same one then.
        """
        return _name_of(self.filename).version or _NO_VERSION, self.filename

    @property
    def identity(self) -> Hashable:
        """What makes two files the same wheel to installers, however their names are spelled."""
        return _identity_of(self.filename)


class Page(Struct, frozen=True):
    """The page of one project: its ``files``, in the order of :func:`in_order`.

    ``past`` are replaced files: no longer listed, and kept for old locks. ``other`` holds keys that wheelfix does not know,
    such as the status of PEP 792, which are kept; ``status_from`` is the URL of the index that the status was copied from,
    ``None`` for one that somebody wrote here. ``stored`` is the version of the stored page that it was read from, ``None``
    for a new one: what must still be there when it is written.
    """

    project: str
    files: tuple[ListedFile, ...] = ()
    past: tuple[ListedFile, ...] = ()
    other: Mapping[str, Any] = field(default_factory=dict)
    status_from: str | None = None
    stored: str | None = None

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions of the files, oldest first."""
        names = (_name_of(each.filename) for each in self.files)
        found = {name.text: name.version for name in names if name.version is not None}
        return tuple(sorted(found, key=found.__getitem__))

    def find(self, filename: str) -> ListedFile | None:
        """Return the file of this name, ``None`` where none is listed."""
        return next((each for each in self.files if each.filename == filename), None)

    def key(self, file: ListedFile) -> str | None:
        """Return the key of ``file``, one of this page, ``None`` where its URL leads anywhere else."""
        return own_key(self.project, file.filename, file.sha256, file.url)

    def with_files(self, files: Iterable[ListedFile]) -> "Page":
        """Return the page with these files, sorted."""
        return replace(self, files=tuple(sorted(files, key=_ORDER)))


_ORDER: Final = attrgetter("order")


class _Name(NamedTuple):
    """The version in a file name, as text in its normal form; ``None`` and empty where there is none."""

    version: Version | None
    text: str


_PLAIN_NAME: Final = re.compile(r"[\w.]+-([\w.+!]+)-[\w.]+-[\w.]+-[\w.]+\.whl", re.ASCII)
"""A file name of five parts, which is valid whatever they are: a page has thousands, and parsing takes ten times as long."""


@lru_cache(maxsize=1 << 16)
def _name_of(filename: str) -> _Name:
    """Return the version in a file name."""
    if plain := _PLAIN_NAME.fullmatch(filename):
        version = parsed_version(plain[1].replace("_", "-"))
    else:
        try:
            version = WheelFilename.parse(filename).parsed_version
        except FilenameError:  # `mirror check` reports it
            version = None
    return _Name(version, str(version) if version else "")


@lru_cache(maxsize=1 << 16)
def _identity_of(filename: str) -> Hashable:
    """Return what identifies a file to installers; one whose name is none of a wheel stands for itself."""
    try:
        return WheelFilename.parse(filename).identity
    except FilenameError:
        return filename
