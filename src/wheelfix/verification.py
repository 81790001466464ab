"""The proof that a new wheel is as planned, and a second opinion on it, before anyone sees it.

The strict reader reads it, and it is compared with the old one, member by member. Then
:class:`wheel.wheelfile.WheelFile`, which is not ours, opens it and checks what was written anew against RECORD.
"""

import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final
from zipfile import BadZipFile, ZipFile  # noqa: TID251 - on purpose a reader that is not ours

from wheel.wheelfile import WheelFile

from wheelfix.archive.layout import read_layout
from wheelfix.archive.source import Readable, Span
from wheelfix.differences.members import compare_layouts
from wheelfix.differences.model import MemberChange
from wheelfix.errors import ArchiveError, VerificationError
from wheelfix.escaping import shown, shown_few
from wheelfix.wheel import Wheel

_FOLLOWS: Final = frozenset({"zip64-end", "version-needed", "zip64-sizes"})
"""Ways in which an archive differs because positions in it are larger or smaller."""
_READABLE_STEM: Final = re.compile(r"[^\s-]+-[^\s-]+")


def verify(path: Path, folders: tuple[str, str], expected: Mapping[str, bytes], source: Path, beside: Path) -> str | None:
    """Confirm that in the new wheel at ``path`` the members ``expected`` read back, and match RECORD.

    ``folders`` are the names of dist-info before and after.

    The ``wheel`` library refuses some wheels that installers take, for a weak hash in RECORD, say. Where it refused the old
    wheel at ``source`` too, only the contents are compared, and a sentence that says so is returned.

    ``beside`` is a folder that can be written to, for a link where the system has no usable folder for temporary files.

    :raises VerificationError: if a member does not read back, or the library refuses the new wheel only.
    """
    old, new = folders
    refusal = _refusal(path, new, expected, beside)
    if refusal is None:
        return None
    if _refusal(source.absolute(), old, {}, beside) is None:
        raise _failed(f"the wheel library refuses it: {refusal}")
    try:
        with ZipFile(path) as archive:
            _compare(archive, expected)
    except BadZipFile as error:
        raise _failed(f"zipfile refuses it: {error}") from error
    return f"The wheel library refuses this wheel, before as after: {refusal}."


def prove(
    wheel: Wheel,
    output: Readable,
    *,
    folders: Mapping[str, str],
    written: Collection[str],
    gone: Collection[str],
    known: Sequence[Span] = (),
) -> None:
    """Confirm that between ``wheel`` and the new one, ``output``, nothing differs but what was planned.

    ``folders`` maps top-level folders to their new names, ``written`` names the members that are new or have new content, by
    their new names, and ``gone`` those that are no longer there, by their old ones. Every other member must be there with
    the same bytes, the same records and in the same order: this is what ``wheelfix diff`` compares. ``known`` are spans that
    were compared already.

    :raises VerificationError: if anything else differs.
    """
    try:
        found = compare_layouts(wheel.layout, wheel.source, read_layout(output), output, folders, known, written)
    except ArchiveError as error:
        raise _failed(error.message) from error
    wrong = [each.after for each in (*found.added, *found.changed) if each.after not in written]
    wrong += [each.before for each in found.removed if each.before not in gone]
    wrong += [each.after for each in found.renamed if not _is_planned(each, folders, written)]
    wrong += found.moved
    wrong += [each.member or each.kind for each in found.archive if each.member not in written and each.kind not in _FOLLOWS]
    if wrong:
        raise _failed(f"more differs than was planned: {shown_few([name or '?' for name in wrong])}")


def _is_planned(change: MemberChange, folders: Mapping[str, str], written: Collection[str]) -> bool:
    """Whether a member that is the same under another name is meant to be."""
    top, slash, rest = (change.before or "").partition("/")
    return change.after == f"{folders.get(top, top)}{slash}{rest}" or change.after in written


def _refusal(path: Path, dist_info: str, expected: Mapping[str, bytes], beside: Path) -> str | None:
    """Return why ``WheelFile`` does not open the wheel at ``path`` or read METADATA, ``None`` if it does."""
    stem = dist_info.removesuffix(".dist-info")
    if not _READABLE_STEM.fullmatch(stem):
        return f"it expects another folder than {shown(dist_info)}"
    with _temporary_folder(beside) as folder:
        # WheelFile finds the dist-info folder by the file's name, so it gets a link with the name that fits.
        link = Path(folder) / f"{stem}-py3-none-any.whl"
        link.symlink_to(path)
        try:
            with WheelFile(link) as opened:
                opened.read(f"{dist_info}/METADATA")
                _compare(opened, expected)
        except VerificationError:
            raise
        except Exception as error:  # noqa: BLE001 - a hostile RECORD makes it raise what it never documented
            return shown(f"{type(error).__name__}: {error}")
    return None


def _temporary_folder(beside: Path) -> "tempfile.TemporaryDirectory[str]":
    try:
        return tempfile.TemporaryDirectory(prefix="wheelfix-")
    except OSError:  # a container that can write to its output volume only
        return tempfile.TemporaryDirectory(prefix=".wheelfix-", dir=beside)


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
