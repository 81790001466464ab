"""The difference between two wheels as plain data, and its verdict."""

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Final

from msgspec import Struct

from wheelfix.locations import Url
from wheelfix.wheel.record import RecordRow

_FILES: Final = ("METADATA", "RECORD")
_PLAIN: Final = re.compile(r'[^\x00-\x1f\x7f/\\:*?"<>|]*[^\x00-\x20\x7f/\\:*?"<>|.]')
"""A part of a path that every system keeps as it is; Windows drops blanks and dots at the end."""
_SBOM_DIRECTORY: Final = "sboms"
_SBOM: Final = ".json"
_MODE: Final = "external-attributes"
"""The archive change of a file that becomes a link or gets another mode: no fix of metadata does that."""


class Likeness(StrEnum):
    """The verdict: how much two wheels have in common."""

    IDENTICAL = "identical"
    """The files are the same, byte for byte."""
    REPACKED = "same content, different archive"
    """All files are the same, and RECORD has the same rows; order, compression, times or the like differ."""
    METADATA_ONLY = "metadata only"
    """Only METADATA, RECORD and files in the directory sboms of dist-info differ."""
    DIFFERENT = "different"
    """Something else differs."""


class ChangeKind(StrEnum):
    """What happened to a requirement or to a row of RECORD."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RESPELLED = "respelled"
    """A requirement with the same meaning in another spelling."""
    RENAMED = "renamed"
    """A row in which only the name of the directory changed."""


class FileChange(Struct, frozen=True):
    """One file that differs: its name and the size of its content before and after, ``None`` where there is none."""

    before: str | None
    after: str | None
    size_before: int | None
    size_after: int | None

    @property
    def is_directory(self) -> bool:
        """Whether it is an entry for a directory, without content."""
        names, sizes = (self.before, self.after), (self.size_before, self.size_after)
        return all(name is None or name.endswith("/") for name in names) and not any(sizes)


class ArchiveChange(Struct, frozen=True):
    """One difference in how the archives store the same file; ``before`` and ``after`` describe it in words.

    ``file`` is the new name of the file, ``None`` for a difference of the archive as a whole. ``kind`` is one of ``KINDS``.
    """

    kind: str
    file: str | None
    before: str
    after: str


KINDS: Final = (
    "method", "flags", "version-needed", "made-by", "time", "disk", "external-attributes", "internal-attributes", "comment",
    "extra-field", "local-extra-field", "padding", "zip64-sizes", "data-descriptor", "name-bytes", "recompressed",
    "other-bytes", "archive-comment", "zip64-end", "directory-order", "container",
)  # fmt: skip
"""Every kind; ``other-bytes`` is any difference without a kind of its own, ``container`` one of an archive that must be
rebuilt to be read."""


class FileChanges(Struct, frozen=True):
    """The files of two archives, compared.

    ``same`` is the number of files with the same content and name. ``changed`` files have other content, ``renamed`` ones
    the same content under another name, and ``moved`` has the names of files that lie elsewhere in the order of those that
    both archives have. ``directories`` are top-level directories that were matched, with their names before and after.
    ``archive`` is how the archives store them differently. ``special`` has the entries of the new archive that are neither
    files nor directories, such as links.
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


class RequirementChange(Struct, frozen=True):
    """One requirement that differs: the value of its field before and after, ``None`` where there is none."""

    kind: ChangeKind
    before: str | None
    after: str | None


class RowChange(Struct, frozen=True):
    """One row of RECORD that differs, before and after; ``None`` where there is none."""

    kind: ChangeKind
    before: RecordRow | None
    after: RecordRow | None


class Difference(Struct, frozen=True):
    """What differs between the wheels at ``old`` and ``new``; ``dist_infos`` are their dist-info directories.

    ``metadata_diff`` is the unified diff of METADATA, empty if that is the same. ``record_equivalent`` is whether RECORD has
    other bytes but the same rows, in another order or with other quotes or line ends. ``notes`` are sentences about what
    could not be compared in detail. ``old_url`` and ``new_url`` are where they were downloaded from, ``None`` for files;
    ``old`` and ``new`` are their file names then.
    """

    old: Path
    new: Path
    dist_infos: tuple[str, str] = ("", "")
    files: FileChanges = FileChanges()
    metadata_diff: str = ""
    requirements: tuple[RequirementChange, ...] = ()
    record: tuple[RowChange, ...] = ()
    record_equivalent: bool = False
    notes: tuple[str, ...] = ()
    old_url: Url | None = None
    new_url: Url | None = None

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
        """Whether only METADATA, RECORD and SBOMs differ; also true for identical wheels."""
        changes = self.files
        return (
            all(self._is_metadata(each.before, 0) and self._is_corrected(each.after) for each in changes)
            and all(self._is_metadata(name, 1) for name in changes.moved)
            and all(
                each.file is not None and each.kind != _MODE and self._is_metadata(each.file, 1) for each in changes.archive
            )
        )

    def _is_corrected(self, name: str | None) -> bool:
        """Whether a fix of metadata can result in this entry: a file, in sboms a JSON file (or a directory)."""
        if name is None:
            return True
        is_sbom = "/" in name.partition("/")[2]
        is_file = name not in self.files.special and (not is_sbom or name.endswith((_SBOM, "/")))
        return is_file and self._is_metadata(name, 1)

    def _is_metadata(self, name: str | None, side: int) -> bool:
        """Whether a fix of metadata can change this entry; also true for ``None``."""
        if name is None:
            return True
        directory, _, file = name.partition("/")
        if directory != self.dist_infos[side]:
            return False
        is_sbom = file.startswith(f"{_SBOM_DIRECTORY}/") and all(map(_PLAIN.fullmatch, file.removesuffix("/").split("/")))
        return file in _FILES or is_sbom

    def _is_rewritten_record(self, change: FileChange) -> bool:
        names = tuple(f"{directory}/RECORD" for directory in self.dist_infos)
        return self.record_equivalent and (change.before, change.after) == names and names[0] == names[1]
