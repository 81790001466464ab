"""The difference of two wheels, as plain data and what follows from it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

_FILES: Final = ("METADATA", "RECORD")
_PLAIN: Final = re.compile(r'[^\x00-\x1f\x7f/\\:*?"<>|]*[^\x00-\x20\x7f/\\:*?"<>|.]')
"""A part of a path that every system takes for itself; Windows drops blanks and dots at its end."""
_FOLDER: Final = "sboms"
_SBOM: Final = ".json"
_MODE: Final = "external-attributes"
"""The archive change of an entry that becomes a link, or gets another mode: a correction of metadata does not do that."""


class Likeness(StrEnum):
    """How much two wheels have in common, in one verdict."""

    IDENTICAL = "identical"
    """The files are the same, byte for byte."""
    REPACKED = "content same, archive different"
    """Every file in them is the same, and RECORD says the same; order, compression, times or the like differ."""
    METADATA_ONLY = "metadata only"
    """Nothing differs but METADATA, RECORD and what lies in the folder sboms of dist-info."""
    DIFFERENT = "different"
    """Something else differs."""


class ChangeKind(StrEnum):
    """What became of a requirement or of a row of RECORD."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RESPELLED = "respelled"
    """A requirement that says the same in another spelling."""
    RENAMED = "renamed"
    """A row of which only the folder has another name."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """One entry that differs: its name and the size of its content before and after, ``None`` where it is not there."""

    before: str | None
    after: str | None
    size_before: int | None
    size_after: int | None

    @property
    def is_directory(self) -> bool:
        """Whether it is an entry for a folder, which holds nothing."""
        names, sizes = (self.before, self.after), (self.size_before, self.size_after)
        return all(name is None or name.endswith("/") for name in names) and not any(sizes)


@dataclass(frozen=True, slots=True)
class ArchiveChange:
    """One way in which the archives hold the same thing differently; ``before`` and ``after`` are words for it.

    ``file`` is the name that the file has now, ``None`` where it is about the archive as a whole. ``kind`` is one of
    ``KINDS``.
    """

    kind: str
    file: str | None
    before: str
    after: str


FILE_KINDS: Final = (
    "method", "flags", "version-needed", "made-by", "time", "external-attributes", "internal-attributes", "comment",
    "extra-field", "local-extra-field", "zip64-sizes", "data-descriptor", "name-bytes", "recompressed",
    "other-bytes",
)  # fmt: skip
ARCHIVE_KINDS: Final = ("archive-comment", "zip64-end", "directory-order", "other-bytes")
KINDS: Final = tuple(dict.fromkeys(FILE_KINDS + ARCHIVE_KINDS))
"""Every kind; ``other-bytes`` is what has no name of its own."""


@dataclass(frozen=True, slots=True)
class FileChanges:
    """The entries of two archives, compared.

    ``same`` counts those with equal content and name. ``changed`` have other content, ``renamed`` the same under another
    name; ``moved`` are the names of those that stand elsewhere among the entries that both have. ``directories`` are the
    top-level folders that were taken for one another, with their names before and after. ``archive`` is what differs of
    how the archives hold them; ``special`` are the entries of the new one that are neither files nor folders, but links.
    """

    same: int = 0
    added: tuple[FileChange, ...] = ()
    removed: tuple[FileChange, ...] = ()
    changed: tuple[FileChange, ...] = ()
    renamed: tuple[FileChange, ...] = ()
    moved: tuple[str, ...] = ()
    directories: tuple[tuple[str, str], ...] = ()
    archive: tuple[ArchiveChange, ...] = ()
    special: frozenset[str] = frozenset()

    def __iter__(self) -> Iterator[FileChange]:
        yield from (*self.added, *self.removed, *self.changed, *self.renamed)


@dataclass(frozen=True, slots=True)
class RequirementChange:
    """One requirement that differs: the value of its field before and after, ``None`` where there is none."""

    kind: ChangeKind
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class RecordRow:
    """The three columns of a row of RECORD."""

    path: str
    digest: str
    size: str


@dataclass(frozen=True, slots=True)
class RowChange:
    """One row of RECORD that differs, before and after; ``None`` where there is none."""

    kind: ChangeKind
    before: RecordRow | None
    after: RecordRow | None


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between the wheels at ``old`` and ``new``, of which ``dist_infos`` are the dist-info folders.

    ``metadata_diff`` is the unified diff of METADATA, empty where it is the same. ``record_says_same`` tells that RECORD
    has other bytes and the same rows: order, quotes or line ends differ. ``notes`` are sentences about what could not be
    compared in detail.
    """

    old: Path
    new: Path
    dist_infos: tuple[str, str] = ("", "")
    files: FileChanges = FileChanges()
    metadata_diff: str = ""
    requirements: tuple[RequirementChange, ...] = ()
    record: tuple[RowChange, ...] = ()
    record_says_same: bool = False
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Likeness:
        """How much the wheels have in common."""
        changes = self.files
        if not (any(changes) or changes.moved or changes.archive):
            return Likeness.IDENTICAL
        if all(each.is_directory or self._is_rewritten_record(each) for each in changes):
            return Likeness.REPACKED
        return Likeness.METADATA_ONLY if self.only_metadata else Likeness.DIFFERENT

    @property
    def only_metadata(self) -> bool:
        """Whether nothing differs but METADATA, RECORD and SBOMs; true also of identical wheels."""
        changes = self.files
        return (
            all(self._is_metadata(each.before, 0) and self._is_corrected(each.after) for each in changes)
            and all(self._is_metadata(name, 1) for name in changes.moved)
            and all(
                each.file is not None and each.kind != _MODE and self._is_metadata(each.file, 1) for each in changes.archive
            )
        )

    def _is_corrected(self, name: str | None) -> bool:
        """Whether an entry is one that a correction of metadata leaves: a file, and in sboms one of JSON (or a folder)."""
        if name is None:
            return True
        is_sbom = "/" in name.partition("/")[2]
        is_file = name not in self.files.special and (not is_sbom or name.endswith((_SBOM, "/")))
        return is_file and self._is_metadata(name, 1)

    def _is_metadata(self, name: str | None, side: int) -> bool:
        """Whether an entry is one that a correction of metadata writes; none at all is, too."""
        if name is None:
            return True
        folder, _, file = name.partition("/")
        if folder != self.dist_infos[side]:
            return False
        is_sbom = file.startswith(f"{_FOLDER}/") and all(map(_PLAIN.fullmatch, file.removesuffix("/").split("/")))
        return file in _FILES or is_sbom

    def _is_rewritten_record(self, change: FileChange) -> bool:
        names = tuple(f"{folder}/RECORD" for folder in self.dist_infos)
        return self.record_says_same and (change.before, change.after) == names and names[0] == names[1]
