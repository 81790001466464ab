"""Two wheels, compared: first the archives, then METADATA field by field and RECORD row by row."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from msgspec.structs import replace
from packaging.utils import canonicalize_name

from wheelfix.diff.archive import Comparison, Side
from wheelfix.diff.files import compare_archives
from wheelfix.diff.model import ArchiveChange, Difference, FileChanges
from wheelfix.diff.text import requirement_changes, row_changes
from wheelfix.errors import ArchiveError, MetadataError, RecordError, StructureError, WheelError
from wheelfix.options import local_paths
from wheelfix.text import shown, unified_diff
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.wheel import WheelArchive
from wheelfix.wheel.zip.source import Source

_DATA: Final = ".data"


def compare_wheels(old: Path | str, new: Path | str) -> Difference:
    """Return what differs between the wheels ``old`` and ``new``.

    Files are compared in compressed form. They are inflated, in limited memory, only where the compressed bytes differ and
    size and CRC-32 do not, so that comparing two large wheels takes little more time than reading them. A wheel whose
    archive can only be read once it is rebuilt is compared as it is then; a note says so.

    :raises WheelError: if one is not a wheel, is damaged, or could be read in two ways.
    :raises SourceChanged: if one changes while it is read.
    :raises OSError: if one cannot be read.
    :raises ValueError: if one is given by a URL; see :func:`wheelfix.fetch_wheels`.
    """
    [old, new] = local_paths([old, new])
    with open_to_compare(old) as one, open_to_compare(new) as two:
        return compare_opened(one, two)


class Opened(NamedTuple):
    """An open wheel. ``problem`` says what is wrong with its archive where that can only be read once it is rebuilt."""

    archive: WheelArchive
    size: int
    problem: str = ""


@contextmanager
def open_to_compare(path: Path) -> Iterator[Opened]:
    """Yield the wheel at ``path``, open; one whose archive can be rebuilt is read as it is then.

    :raises WheelError: if it is not a wheel, is damaged, or could be read in two ways.
    :raises OSError: if it cannot be read.
    """
    with ExitStack() as stack:
        source, problem = stack.enter_context(Source(path)), ""
        try:
            archive = stack.enter_context(WheelArchive(path, source=source))
        except (ArchiveError, StructureError) as error:
            from wheelfix.wheel.zip.rebuild import Rebuilt  # imported late: hardly a wheel needs it

            try:
                archive = stack.enter_context(WheelArchive(path, source=Rebuilt(source)))
            except WheelError:
                raise error from None
            problem = error.message
        yield Opened(archive, source.size, problem)


def compare_opened(old: Opened, new: Opened) -> Difference:
    """Return what differs between two wheels that are open.

    :raises ArchiveError: if more would have to be inflated than any real wheels need.
    :raises SourceChanged: if one changed while it was read.
    """
    difference = _compare(old.archive, new.archive)
    for each in (old, new):
        each.archive.source.check_unchanged()
    return _with_faults(difference, old, new)


def _with_faults(difference: Difference, old: Opened, new: Opened) -> Difference:
    """Return ``difference`` with what is known of a wheel that was read as it would be rebuilt: its container differs."""
    if not (old.problem or new.problem):
        return difference
    notes = [
        f"{shown(each.archive.path.name)} is read as `repair --rebuild-archive` would write it: {each.problem}."
        for each in (old, new)
        if each.problem
    ]
    sizes = (f"{each.size} bytes{', to be rebuilt' if each.problem else ''}" for each in (old, new))
    archive = (*difference.files.archive, ArchiveChange("container", None, *sizes))
    return replace(difference, files=replace(difference.files, archive=archive), notes=(*notes, *difference.notes))


def _compare(old: WheelArchive, new: WheelArchive) -> Difference:
    found = Difference(old.path, new.path, (old.dist_info, new.dist_info))
    sides = Side(old.layout, old.source), Side(new.layout, new.source)
    if Comparison(*sides).same_bytes((0, old.source.size), (0, new.source.size)):
        return replace(found, files=FileChanges(same=len(old.layout.entries)))
    files = compare_archives(*sides, _renamed_directories(old, new))
    if not (any(files) or files.moved or files.archive):
        files = replace(files, archive=(_other_bytes(old, new),))
    return _with_record(_with_metadata(replace(found, files=files), old, new), old, new)


def _other_bytes(old: WheelArchive, new: WheelArchive) -> ArchiveChange:
    """Return a difference without a kind of its own, such as another form of a data descriptor."""
    return ArchiveChange("other-bytes", None, *(f"{each.source.size} bytes" for each in (old, new)))


def _renamed_directories(old: WheelArchive, new: WheelArchive) -> dict[str, str]:
    """Return the new names of dist-info and of each .data directory that was renamed with it."""
    if old.dist_info == new.dist_info:
        return {}
    (project, _), (_, version) = (_project_and_version(each.dist_info) for each in (old, new))
    directories = {old.dist_info: new.dist_info}
    before, after = ({name.partition("/")[0] for name in each.names} for each in (old, new))
    for name in sorted(before - after):
        own, _ = _project_and_version(name)
        renamed = f"{own}-{version}{_DATA}"
        if name.endswith(_DATA) and canonicalize_name(own) == canonicalize_name(project) and renamed in after:
            directories[name] = renamed
    return directories


def _project_and_version(directory: str) -> tuple[str, str]:
    project, _, version = directory.rpartition(".")[0].rpartition("-")
    return project, version


def _has_changed(difference: Difference, file: str) -> bool:
    names = tuple(f"{directory}/{file}" for directory in difference.dist_infos)
    return any((each.before, each.after) == names for each in difference.files.changed)


def _with_metadata(difference: Difference, old: WheelArchive, new: WheelArchive) -> Difference:
    if not _has_changed(difference, "METADATA"):
        return difference
    try:
        before, after = old.read("METADATA"), new.read("METADATA")
        difference = replace(difference, metadata_diff=unified_diff(before, after, new.dist_info))
        changes = requirement_changes(Document.parse(before), Document.parse(after))
    except (ArchiveError, MetadataError) as error:
        return replace(
            difference, notes=(*difference.notes, f"METADATA could not be compared field by field: {error.message}")
        )
    return replace(difference, requirements=changes)


def _with_record(difference: Difference, old: WheelArchive, new: WheelArchive) -> Difference:
    if not _has_changed(difference, "RECORD"):
        return difference
    try:
        changes = row_changes(old.read("RECORD"), new.read("RECORD"), dict(difference.files.directories))
    except (ArchiveError, RecordError) as error:
        return replace(difference, notes=(*difference.notes, f"RECORD could not be compared row by row: {error.message}"))
    return replace(difference, record=changes, record_equivalent=not changes)
