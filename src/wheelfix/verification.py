"""The proof that a new wheel is as planned, and a second opinion on it, before anyone sees it.

The strict reader reads it, and it is compared with the old one, member by member. Then
:class:`wheel.wheelfile.WheelFile`, which is not ours, opens it and checks what was written anew against RECORD.
"""

import re
import tempfile
import warnings
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final
from zipfile import BadZipFile, ZipFile  # noqa: TID251 - on purpose a reader that is not ours

from wheel.wheelfile import WheelFile

from wheelfix.diff.members import compare_layouts
from wheelfix.diff.model import ArchiveChange, MemberChange
from wheelfix.errors import ArchiveError, MetadataError, RecordError, VerificationError
from wheelfix.escaping import shown, shown_few
from wheelfix.proof import Planned, metadata_fault, record_fault, unlisted_fault
from wheelfix.wheel.wheel import Wheel, limit_of
from wheelfix.wheel.zip.inflate import read_content
from wheelfix.wheel.zip.layout import Layout, read_layout
from wheelfix.wheel.zip.source import Readable, Span
from wheelfix.wheel.zip.staging import directory_for_links
from wheelfix.wheel.zip.structs import FULL_32, VERSION_ZIP64, Member

_END: Final = "zip64-end"
"""The one way in which an archive may differ as a whole: where positions in it are larger."""
_OF_POSITION: Final = "version-needed"
_OF_MEMBER: Final = frozenset(
    {"time", "made-by", "external-attributes", "internal-attributes", "comment", "extra-field", "local-extra-field"}
)
"""What a member that is written anew has of the one in whose place it comes."""
_READABLE_STEM: Final = re.compile(r"[^\s-]+-[^\s-]+")


def verify(path: Path, folders: tuple[str, str], expected: Mapping[str, bytes], source: Path, beside: Path) -> str | None:
    """Confirm that in the new wheel at ``path`` the members ``expected`` read back, and match RECORD.

    ``folders`` are the names of dist-info before and after.

    The ``wheel`` library refuses some wheels that installers take, for a weak hash in RECORD, say. Where it refused the old
    wheel at ``source`` too, only the contents are compared, and a sentence that says so is returned.

    ``beside`` is a folder that can be written to, for a link where the system has no usable folder for temporary files.

    :raises VerificationError: if a member does not read back, or the library refuses the new wheel only.
    """
    with warnings.catch_warnings():
        # From Python 3.12 on zipfile warns of odd fields that it reads all the same; `wheelfix verify` reports them.
        warnings.simplefilter("ignore", UserWarning)
        return _verify(path, folders, expected, source, beside)


def _verify(path: Path, folders: tuple[str, str], expected: Mapping[str, bytes], source: Path, beside: Path) -> str | None:
    old, new = folders
    refusal = _refusal(path, new, expected, beside)
    if refusal is None:
        return None
    if _refusal(source, old, {}, beside) is None:
        raise _failed(f"the wheel library refuses it: {refusal}")
    remark = f"The wheel library refuses this wheel, before as after: {refusal}."
    try:
        with ZipFile(path) as archive:
            _compare(archive, expected)
    except BadZipFile as error:
        raise _failed(f"zipfile refuses it: {error}") from error
    except NotImplementedError:  # a member asks for a newer reader: it stays, and contents were compared by ours already
        return remark
    return remark


def prove(
    wheel: Wheel,
    output: Readable,
    *,
    folders: Mapping[str, str],
    written: Collection[str],
    gone: Collection[str],
    known: Sequence[Span] = (),
) -> Layout:
    """Confirm that between ``wheel`` and the new one, ``output``, nothing differs but what was planned.

    ``folders`` maps top-level folders to their new names, ``written`` names the members that are new or have new content, by
    their new names, and ``gone`` those that are no longer there, by their old ones. Every other member must be there with
    the same bytes, the same records and in the same order: this is what ``wheelfix diff`` compares. One that is written in
    the place of another keeps its time and mode. ``known`` are spans that were compared already. The new layout is returned.

    :raises VerificationError: if anything else differs.
    """
    try:
        layout = read_layout(output)
        found = compare_layouts(wheel.layout, wheel.source, layout, output, folders, known, written)
    except ArchiveError as error:
        raise _failed(error.message) from error
    wrong = [each.after for each in (*found.added, *found.changed) if each.after not in written]
    wrong += [each.before for each in found.removed if each.before not in gone]
    wrong += [each.after for each in found.renamed if not _is_planned(each, folders, written)]
    wrong += found.moved
    anew = set(written) - {_in_new_folder(name, folders) for name in gone}
    wide = {member.name for member in layout.members if _is_wide(layout, member)}
    wrong += [each.member or each.kind for each in found.archive if not _follows(each, written, anew, wide)]
    if wrong:
        raise _failed(f"more differs than was planned: {shown_few([name or '?' for name in wrong])}")
    return layout


def _is_planned(change: MemberChange, folders: Mapping[str, str], written: Collection[str]) -> bool:
    """Whether a member that is the same under another name is meant to be."""
    return change.after == _in_new_folder(change.before or "", folders) or change.after in written


def prove_contents(wheel: Wheel, output: Readable, layout: Layout, planned: Planned, expected: Mapping[str, bytes]) -> None:
    """Confirm that METADATA and RECORD, as they stand in ``output``, differ from those of ``wheel`` as planned, no further.

    ``layout`` is that of the output, ``expected`` is the content of the members that were written, by name.

    :raises VerificationError: if they do, or if RECORD does not list what was written as it is.
    """
    folder = planned.folders.get(wheel.dist_info, wheel.dist_info)
    own = f"{folder}/RECORD"
    by_name = {member.name: member for member in layout.members}
    try:
        for name, content in expected.items():
            if read_content(output, by_name[name], limit=limit_of("RECORD")) != content:
                raise _failed(f"{shown(name)} does not read back as it was written")
        metadata, record = (
            read_content(output, by_name[f"{folder}/{file}"], limit=limit_of(file)) for file in ("METADATA", "RECORD")
        )
        found = {
            "METADATA": metadata_fault(wheel.read("METADATA"), metadata, planned.changes),
            "RECORD": record_fault(wheel.read("RECORD"), record, planned),
        }
        unlisted = unlisted_fault(record, expected, planned.gone, own)
    except (KeyError, ArchiveError, MetadataError, RecordError) as error:
        raise _failed(str(error)) from error
    wrong = [f"{file}: {fault}" for file, fault in found.items() if fault]
    if wrong or unlisted:
        raise _failed(f"more differs than was planned: {'; '.join(wrong) or unlisted}")


def _is_wide(layout: Layout, member: Member) -> bool:
    """Whether the position of a member stands in its ZIP64 field."""
    return layout.fields(member).offset == FULL_32


def _follows(change: ArchiveChange, written: Collection[str], anew: Collection[str], wide: Collection[str]) -> bool:
    """Whether the archives may differ in this: it follows from what was planned.

    Of a member that is written ``anew`` in the place of another only what goes with its content may; of one that is kept
    only the version that is needed, where its position is too large for the old one.
    """
    if change.member is None:
        return change.kind == _END
    if change.member in written:
        return change.member not in anew or change.kind not in _OF_MEMBER
    return change.kind == _OF_POSITION and change.member in wide and change.after == str(VERSION_ZIP64)


def _in_new_folder(name: str, folders: Mapping[str, str]) -> str:
    top, slash, rest = name.partition("/")
    return f"{folders.get(top, top)}{slash}{rest}"


def _refusal(path: Path, dist_info: str, expected: Mapping[str, bytes], beside: Path) -> str | None:
    """Return why ``WheelFile`` does not open the wheel at ``path`` or read METADATA, ``None`` if it does."""
    stem = dist_info.removesuffix(".dist-info")
    if not _READABLE_STEM.fullmatch(stem):
        return f"it expects another folder than {shown(dist_info)}"
    with _temporary_folder(beside) as folder:
        # WheelFile finds the dist-info folder by the file's name, so it gets a link with the name that fits.
        link = Path(folder) / f"{stem}-py3-none-any.whl"
        link.symlink_to(path.absolute())
        try:
            with WheelFile(link) as opened:
                opened.read(f"{dist_info}/METADATA")
                _compare(opened, expected)
        except VerificationError:
            raise
        except Exception as error:  # noqa: BLE001 - a hostile RECORD makes it raise what it never documented
            return shown(f"{type(error).__name__}: {error}")
    return None


def _temporary_folder(beside: Path) -> AbstractContextManager[str | Path]:
    try:
        return tempfile.TemporaryDirectory(prefix="wheelfix-")
    except OSError:  # a container that can write to its output volume only
        return directory_for_links(beside)


def _compare(archive: ZipFile, expected: Mapping[str, bytes]) -> None:
    for name, content in expected.items():
        if archive.read(name) != content:
            raise _failed(f"{shown(name)} does not read back as it was written")


def _failed(message: str) -> VerificationError:
    return VerificationError(
        "not-as-planned",
        f"the new wheel is not what was planned: {message}",
        hint="Nothing was published. Run again; if it persists, report it with the wheel.",
    )
