"""Two wheels, compared: the archives first, then METADATA and RECORD by what they say."""

from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from packaging.utils import canonicalize_name

from wheelfix.diff.content import Comparison, Side
from wheelfix.diff.files import compare_layouts
from wheelfix.diff.model import ArchiveChange, Difference, FileChanges
from wheelfix.diff.text import requirement_changes, row_changes
from wheelfix.errors import ArchiveError, MetadataError, RecordError
from wheelfix.text import unified_diff
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.wheel import find_dist_info, limit_of
from wheelfix.wheel.zip.inflate import read_content
from wheelfix.wheel.zip.layout import read_layout
from wheelfix.wheel.zip.source import Source

_DATA: Final = ".data"


class OpenedWheel:
    """A wheel open for a comparison. Use it as a context manager.

    Unlike :class:`~wheelfix.wheel.wheel.Wheel` it needs no proper file name, and METADATA may be missing or be unreadable:
    that, too, is a difference.

    :raises WheelFault: if the file is not a wheel, is damaged, or could be read in two ways.
    :raises OSError: if it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.source = Source(path)
        try:
            self.layout = read_layout(self.source)
            self._by_name = {entry.name: entry for entry in self.layout.entries}
            self.dist_info = find_dist_info(self._by_name)
        except BaseException:
            self.source.close()
            raise

    @property
    def folders(self) -> set[str]:
        """The names of what stands at the top."""
        return {name.partition("/")[0] for name in self._by_name}

    def read(self, file: str) -> bytes:
        """Return the content of the dist-info file ``file``, which is there.

        :raises ArchiveError: if it is damaged or too large.
        """
        return read_content(self.source, self._by_name[f"{self.dist_info}/{file}"], limit=limit_of(file))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.source.close()


def compare_wheels(old: Path | str, new: Path | str) -> Difference:
    """Return what differs between the wheels ``old`` and ``new``.

    Entries are compared by their compressed bytes and inflated, in bounded memory, only where those differ and size and
    CRC-32 agree, so that two large wheels cost little more than reading them.

    :raises WheelFault: if one is not a wheel, is damaged, or could be read in two ways.
    :raises SourceChanged: if one changes while it is read.
    :raises OSError: if one cannot be read.
    """
    with OpenedWheel(Path(old)) as one, OpenedWheel(Path(new)) as two:
        return compare_opened(one, two)


def compare_opened(old: OpenedWheel, new: OpenedWheel) -> Difference:
    """Return what differs between two wheels that are open.

    :raises ArchiveError: if more would have to be inflated than any real wheels need.
    :raises SourceChanged: if one changed while it was read.
    """
    difference = _compare(old, new)
    for each in (old, new):
        each.source.check_unchanged()
    return difference


def _compare(old: OpenedWheel, new: OpenedWheel) -> Difference:
    found = Difference(old.path, new.path, (old.dist_info, new.dist_info))
    compared = Comparison(Side(old.layout, old.source), Side(new.layout, new.source))
    if compared.same_bytes((0, old.source.size), (0, new.source.size)):
        return replace(found, files=FileChanges(same=len(old.layout.entries)))
    files = compare_layouts(old.layout, old.source, new.layout, new.source, _renamed_folders(old, new))
    if not (any(files) or files.moved or files.archive):
        files = replace(files, archive=(_other_bytes(old, new),))
    return _with_record(_with_metadata(replace(found, files=files), old, new), old, new)


def _other_bytes(old: OpenedWheel, new: OpenedWheel) -> ArchiveChange:
    """Return the difference of archives that differ in nothing that has a name, such as the form of a data descriptor."""
    return ArchiveChange("other-bytes", None, *(f"{each.source.size} bytes" for each in (old, new)))


def _renamed_folders(old: OpenedWheel, new: OpenedWheel) -> dict[str, str]:
    """Return the new name of dist-info, and of each folder of data files that was renamed with it."""
    if old.dist_info == new.dist_info:
        return {}
    (project, _), (_, version) = (_project_and_version(each.dist_info) for each in (old, new))
    folders = {old.dist_info: new.dist_info}
    for name in sorted(old.folders - new.folders):
        own, _ = _project_and_version(name)
        renamed = f"{own}-{version}{_DATA}"
        if name.endswith(_DATA) and canonicalize_name(own) == canonicalize_name(project) and renamed in new.folders:
            folders[name] = renamed
    return folders


def _project_and_version(folder: str) -> tuple[str, str]:
    project, _, version = folder.rpartition(".")[0].rpartition("-")
    return project, version


def _has_changed(difference: Difference, file: str) -> bool:
    names = tuple(f"{folder}/{file}" for folder in difference.dist_infos)
    return any((each.before, each.after) == names for each in difference.files.changed)


def _with_metadata(difference: Difference, old: OpenedWheel, new: OpenedWheel) -> Difference:
    if not _has_changed(difference, "METADATA"):
        return difference
    try:
        before, after = old.read("METADATA"), new.read("METADATA")
        difference = replace(difference, metadata_diff=unified_diff(before, after, new.dist_info))
        changes = requirement_changes(Document.parse(before), Document.parse(after))
    except (ArchiveError, MetadataError) as error:
        return replace(difference, notes=(*difference.notes, f"METADATA is not compared field by field: {error.message}"))
    return replace(difference, requirements=changes)


def _with_record(difference: Difference, old: OpenedWheel, new: OpenedWheel) -> Difference:
    if not _has_changed(difference, "RECORD"):
        return difference
    try:
        changes = row_changes(old.read("RECORD"), new.read("RECORD"), dict(difference.files.directories))
    except (ArchiveError, RecordError) as error:
        return replace(difference, notes=(*difference.notes, f"RECORD is not compared row by row: {error.message}"))
    return replace(difference, record=changes, record_says_same=not changes)
