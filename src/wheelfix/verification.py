"""Proof that a new wheel is what was planned, before anyone sees it.

The new file is read back by wheelfix's own strict reader and, independently, by :class:`wheel.wheelfile.WheelFile`, which
checks METADATA against RECORD.
"""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from wheelfix.archive.content import read_content
from wheelfix.archive.headers import ENTRY, FULL_32
from wheelfix.archive.layout import Layout, Member, read_layout
from wheelfix.archive.source import Source
from wheelfix.errors import VerificationError, WheelFault, shown
from wheelfix.wheel import Wheel

_LIMIT: Final = 1 << 27
_READABLE_STEM: Final = re.compile(r"[^\s-]+-[^\s-]+")


def verify(path: Path, wheel: Wheel, expected: Mapping[str, bytes], gone: frozenset[str]) -> str | None:
    """Confirm that the file at ``path`` is ``wheel`` with the members ``expected`` written anew and ``gone`` left out.

    Every other member must have its old place in the order, and a directory record that differs in its position only.
    Returns a sentence if the independent reader refuses the new wheel in the same words as the old one.

    :raises VerificationError: if the new wheel is anything else.
    """
    with Source(path) as source:
        try:
            layout = read_layout(source)
            for name, content in expected.items():
                _check_content(source, layout, name, content)
        except WheelFault as error:
            raise _failed(f"the new wheel cannot be read back: {error.message}") from error
    _check_kept(wheel.layout, layout, frozenset(expected) | gone)
    return _check_independently(path, wheel)


def _failed(message: str) -> VerificationError:
    return VerificationError(
        "not-as-planned", message, hint="Nothing was published. Run again; if it persists, report it with the wheel."
    )


def _check_content(source: Source, layout: Layout, name: str, content: bytes) -> None:
    member = next((each for each in layout.members if each.name == name), None)
    if member is None or read_content(source, member, limit=_LIMIT) != content:
        raise _failed(f"{shown(name)} does not read back as it was written")


def _check_kept(old: Layout, new: Layout, changed: frozenset[str]) -> None:
    before = [member for member in old.members if member.name not in changed]
    after = [member for member in new.members if member.name not in changed]
    if len(before) != len(after):
        raise _failed("members that were to be kept are missing")
    for one, two in zip(before, after, strict=True):
        if not _same(old, one, new, two):
            raise _failed(f"{shown(one.name)} is not as it was")


def _same(old: Layout, one: Member, new: Layout, two: Member) -> bool:
    """Whether two members have the same lengths and directory records but for the position."""
    if two.stop - two.start != one.stop - one.start or two.data_start - two.start != one.data_start - one.start:
        return False
    first, second = old.entry(one), new.entry(two)
    if first[:42] == second[:42] and first[46:] == second[46:]:
        return True
    return _without_position(old, one) == _without_position(new, two)


def _without_position(layout: Layout, member: Member) -> tuple[object, ...]:
    """Return what a record in the ZIP64 form says, but for the position."""
    fields = layout.fields(member)
    moved = {"needed": 0, "compressed_size": 0, "size": 0, "extra_length": 0, "offset": FULL_32}
    packed = member.data_stop - member.data_start
    return (*fields._replace(**moved), member.name, member.size, packed, layout.entry(member)[: ENTRY.size][:6])


def _check_independently(path: Path, wheel: Wheel) -> str | None:
    """Let another reader open the new wheel; if it refuses, see whether it refused the old one too."""
    refusal = _refusal(path, wheel.dist_info)
    if refusal is None:
        return None
    if refusal == _refusal(wheel.path.absolute(), wheel.dist_info):
        return f"the wheel library refuses this wheel, before as after: {refusal}."
    raise _failed(f"the wheel library refuses the new wheel: {refusal}")


def _refusal(path: Path, dist_info: str) -> str | None:
    """Return why ``WheelFile`` does not read METADATA of the wheel at ``path`` and find its RECORD hash, if it does not."""
    from zipfile import BadZipFile

    from wheel.wheelfile import WheelError, WheelFile  # imported late: only fixed wheels are verified

    stem = dist_info.removesuffix(".dist-info")
    if not _READABLE_STEM.fullmatch(stem):
        return f"it expects another folder than {shown(dist_info)}"
    with tempfile.TemporaryDirectory(prefix="wheelfix-") as folder:
        # WheelFile finds the dist-info folder by the file's name, so it gets a link with the name that fits.
        link = Path(folder) / f"{stem}-py3-none-any.whl"
        link.symlink_to(path)
        try:
            with WheelFile(link) as opened, opened.open(f"{dist_info}/METADATA") as metadata:
                while metadata.read(1 << 16):
                    pass
        except (WheelError, BadZipFile, ValueError, KeyError) as error:
            return shown(str(error))
    return None
