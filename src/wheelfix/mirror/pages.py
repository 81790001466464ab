"""What a mirror lists, as plain data."""

import hashlib
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
from wheelfix.results import Verdict
from wheelfix.wheel.filename import WheelFilename, parsed_version
from wheelfix.wheel.sdist_filename import ENDINGS, SdistFilename

NO_VERSION: Final = Version("0")
"""What files whose name has no version are sorted by."""
BY_MIRROR: Final = "mirror"
BY_UPSTREAM: Final = "upstream"
BY_SYNC: Final = "sync"
"""Who decided that a file is yanked, or is not: a person here, the index that it came from, or a manifest."""
STATUS: Final = "project-status"
"""The key for the status of a project."""
_ACTIVE: Final[Mapping[str, str]] = {"status": "active"}
_STATUSES: Final = frozenset({"active", "archived", "deprecated", "quarantined"})
NO_PAGE: Final = "none"
"""The state of a project that has no page, and is not listed."""
LOST: Final = "lost"
"""The state of one that has no page, and is listed."""
SUPERSEDED: Final = "superseded by another correction of the same wheel"
"""The reason for which a manifest yanks a file beside which another correction of the same original is served."""


class ListedChange(Struct, frozen=True, gc=False, omit_defaults=True):
    """One change as a page lists it: ``action``, ``field`` and values as :class:`Change` has them, long values cut."""

    action: str
    field: str
    before: str | None = None
    after: str | None = None

    @property
    def sentence(self) -> str:
        """The change in one line.

        >>> ListedChange("drop", "Requires-Dist", "triton").sentence
        'drop Requires-Dist: triton'
        """
        values = " -> ".join(each for each in (self.before, self.after) if each is not None)
        return f"{self.action} {self.field}{f': {values}' if values else ''}"


class Correction(Struct, frozen=True, gc=False, omit_defaults=True):
    """What was changed in a file for one reason: by which rule, and why, and the verdict with its evidence, if any.

    All changes of a file that have these in common are one correction: a page would be several times as long without that.
    """

    rule: str | None = None
    reason: str | None = None
    verdict: Verdict | None = None
    evidence: str | None = None
    changes: tuple[ListedChange, ...] = ()


class Origin(Struct, frozen=True, gc=False):
    """What a fixed file was made from: the original's file name and sha256 (hexadecimal), and what was changed and why.

    ``tool`` is the version of wheelfix, ``rules_sha256`` identifies the rules, if there were. ``more_changes`` is how many
    changes there are beyond those of ``corrections``: a page lists a limited number.

    All of that is what the provenance in the file says, which whoever made the file can write. Where it was ``fixed_here``,
    wheelfix made all changes itself, from this original, when it published the file on this mirror.
    """

    filename: str
    sha256: str
    tool: str
    rules_sha256: str | None = None
    corrections: tuple[Correction, ...] = ()
    more_changes: int = 0
    fixed_here: bool = False

    @property
    def changes(self) -> tuple[ListedChange, ...]:
        """The changes that are listed, whatever the reason."""
        return tuple(change for correction in self.corrections for change in correction.changes)


class ListedFile(Struct, frozen=True, kw_only=True, gc=False):
    """One file of a page.

    ``url`` is as the page has it, ``sha256`` and ``metadata_sha256``, that of the metadata file, are lower-case hexadecimal,
    ``size`` is in bytes, ``upload_time`` in the form of PEP 700. ``yanked`` is the reason, empty where none was given,
    and ``None`` for a file that is not yanked; ``yanked_by`` says who decided that. ``checked_by`` identifies the rules that
    were applied when it was published, whether or not they changed anything.

    ``source`` is the source of a manifest that the file came from: ``wheelfix mirror sync`` yanks and removes no others.
    ``yanked_at`` is when a manifest yanked it, in the form of PEP 700.

    ``upstream_sha256`` is the sha256 of what came from another index, where that is neither this file nor the original: the
    index had corrected it before.

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
    source: str | None = None
    yanked_at: str | None = None
    origin: Origin | None = None
    checked_by: str | None = None
    upstream_sha256: str | None = None
    other: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_wheel(self) -> bool:
        """Whether it is a wheel, and not a source distribution."""
        return self.filename.endswith(".whl")

    @property
    def original_sha256(self) -> str:
        """The sha256 of the original: of the file that it was made from, or its own."""
        return self.origin.sha256 if self.origin else self.sha256

    @property
    def known_sums(self) -> frozenset[str]:
        """The sha256 by which an index can list it: its own, and those of what it was made from."""
        return frozenset(filter(None, (self.sha256, self.original_sha256, self.upstream_sha256)))

    @property
    def is_superseded(self) -> bool:
        """Whether it is kept for old locks only: another correction of its original was listed by a manifest since."""
        return self.yanked_by == BY_SYNC and self.yanked == SUPERSEDED

    @property
    def has_metadata(self) -> bool:
        """Whether the page announces a metadata file, with its sha256 or without (PEP 714 allows ``true``)."""
        return self.metadata_sha256 is not None or bool(self.other.get("core-metadata"))

    @property
    def version(self) -> str:
        """The version in the file name, in its normal form (PEP 440), empty where there is none."""
        return _name_of(self.filename).text

    @property
    def release(self) -> Version | None:
        """What the wheels of one release have in common: 1.0 and 1.0.0 are one release, all that has no version another."""
        return _name_of(self.filename).version

    @property
    def order(self) -> tuple[Version, str]:
        """What files are sorted by: the version, the oldest one first, and then the name.

        Clients that read one wheel for a whole release always read the same one then.
        """
        return _name_of(self.filename).version or NO_VERSION, self.filename

    @property
    def identity(self) -> Hashable:
        """What makes two files the same wheel to installers, however their names are spelled."""
        return identity_of(self.filename)


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
    def has_known_status(self) -> bool:
        """Whether its status is one of PEP 792, if it has one, in the form that strict readers require."""
        status = self.other.get(STATUS, _ACTIVE)
        if not isinstance(status, Mapping) or not isinstance(status.get("reason", ""), str | None):
            return False
        return isinstance(word := status.get("status", "active"), str) and word in _STATUSES

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


def page_state(page: bytes) -> str:
    """Return what identifies a page, of which ``page`` is the JSON."""
    return hashlib.sha256(page).hexdigest()


class _Name(NamedTuple):
    """The version in a file name, as text in its normal form; ``None`` and empty where there is none."""

    version: Version | None
    text: str


_PLAIN_NAME: Final = re.compile(r"[\w.]+-([\w.+!]+)-[\w.]+-[\w.]+-[\w.]+\.whl", re.ASCII)
"""A file name of five parts, which is valid whatever they are: a page has thousands, and parsing takes ten times as long."""


def version_of(filename: str) -> str:
    """Return the version in a file name, in its normal form (PEP 440), empty where there is none."""
    return _name_of(filename).text


@lru_cache(maxsize=1 << 16)
def _name_of(filename: str) -> _Name:
    """Return the version in a file name."""
    if plain := _PLAIN_NAME.fullmatch(filename):
        version = parsed_version(plain[1].replace("_", "-"))
    else:
        try:
            version = _parse(filename).parsed_version
        except FilenameError:  # `mirror check` reports it
            version = None
    return _Name(version, str(version) if version else "")


def _parse(filename: str) -> WheelFilename | SdistFilename:
    return SdistFilename.parse(filename) if filename.endswith(ENDINGS) else WheelFilename.parse(filename)


@lru_cache(maxsize=1 << 16)
def identity_of(filename: str) -> Hashable:
    """Return what identifies a file to installers; one whose name says nothing stands for itself."""
    try:
        return _parse(filename).identity
    except FilenameError:
        return filename
