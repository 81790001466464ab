"""What is wrong with the members of an archive that can be read: names, modes, times, compression, ZIP64."""

import re
import stat
import unicodedata
from calendar import monthrange
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from wheelfix.archive.headers import DEFLATED, FULL_32, STORED, Entry, may_mislead, zip64_numbers
from wheelfix.archive.layout import Layout, Member
from wheelfix.checks.found import Found
from wheelfix.checks.subject import Subject
from wheelfix.escaping import shown, shown_few

_UNIX: Final = 3
_DRIVE: Final = re.compile(r"^[A-Za-z]:")
_NOT_ON_WINDOWS: Final = re.compile(
    r"""[<>:"|?*] | [ .]$ | ^(?:con|prn|aux|nul|(?:com|lpt)[1-9\u00b9\u00b2\u00b3])[ ]*(?:\.|$)""",
    re.IGNORECASE | re.VERBOSE,
)
"""What no part of a path may be on Windows: reserved characters, blanks and dots at the end, and names of devices."""
_NEWEST: Final = 63
"""The "version needed to extract" of the newest APPNOTE (4.4.3.2), in tenths; its upper byte is for the host system."""
_SET_IDS: Final = stat.S_ISUID | stat.S_ISGID
_LONGEST_PATH: Final = 4095
_LONGEST_PART: Final = 255
"""In bytes, on Linux and most other systems (PATH_MAX, NAME_MAX)."""
_COMMON: Final = frozenset(
    {"test", "tests", "testing", "doc", "docs", "example", "examples", "build", "dist", "src", "scripts", "bin", "data",
     "benchmarks", "util", "utils", "lib", "lib64", "include"}
)  # fmt: skip
"""Names at the top that different projects have installed over each other."""


def check_members(subject: Subject) -> Iterator[Found]:
    """Yield the faults of the members."""
    layout = subject.layout
    if layout is None:
        return
    yield from check_each(subject, layout, layout.members)
    yield from check_folders(subject)
    yield from _check_folded(subject)
    yield from _check_contents(subject)


def check_each(subject: Subject, layout: Layout, members: Iterable[Member]) -> Iterator[Found]:
    """Yield the faults of ``members``, each by itself."""
    for_windows = _is_for_windows(subject)
    for member in members:
        yield from _check_name(member.name, for_windows=for_windows)
        yield from _check_record(member, layout)
        if member.method not in (STORED, DEFLATED):
            yield Found("archive-unknown-compression", shown(member.name), f"it is compressed by method {member.method}")
        if member.name.rstrip("/") != member.name and member.name.rstrip("/") in subject.members:
            yield Found("archive-file-as-folder", shown(member.name), "there is a file of the same name")


def check_folders(subject: Subject) -> Iterator[Found]:
    """Yield the files below which other members lie."""
    for folder in sorted(subject.folders - subject.members.keys()):
        if folder[:-1] in subject.members:
            yield Found("archive-file-as-folder", shown(folder[:-1]), "other members lie below it, as if it were a folder")


def _is_for_windows(subject: Subject) -> bool:
    """Whether the file name has a tag by which the wheel is installed on Windows, or none that can be read."""
    return subject.filename is None or any(tag.platform.startswith(("any", "win")) for tag in subject.filename.tags)


def _check_name(name: str, *, for_windows: bool) -> Iterator[Found]:
    parts = name.removesuffix("/").split("/")
    wrong = (
        "is absolute" if name.startswith("/") else
        "begins with a drive" if _DRIVE.match(name) else
        "has a backslash" if "\\" in name else
        "has a part .." if ".." in parts else
        "has an empty part, or a dot for one" if "" in parts or "." in parts else
        "is longer than any system takes" if len(name.encode()) > _LONGEST_PATH else
        "has a part that is longer than any system takes" if any(len(part.encode()) > _LONGEST_PART for part in parts) else
        "has a control character" if _has(name, "Cc") else
        "has a character that shows nothing, or turns what is shown" if _has(name, "Cf", "Co") else
        ""
    )  # fmt: skip
    if wrong:
        yield Found("archive-unsafe-name", shown(name), f"the name {wrong}")
    elif for_windows and any(map(_NOT_ON_WINDOWS.search, parts)):
        yield Found("archive-windows-name", shown(name), "no file can be called so on Windows, for which the wheel is too")


def _has(name: str, *categories: str) -> bool:
    """Whether a character is of these categories; uv refuses names with any of them (and the unassigned ones it knows)."""
    return not name.isprintable() and any(unicodedata.category(char) in categories for char in name)


def _check_record(member: Member, layout: Layout) -> Iterator[Found]:
    fields = layout.fields(member)
    place = shown(member.name)
    mode = fields.external_attributes >> 16 if fields.made_by >> 8 == _UNIX else 0
    kind = stat.S_IFMT(mode)
    if kind and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        yield Found("archive-odd-mode", place, "it is marked as a link or a device")
    elif mode & _SET_IDS and kind == stat.S_IFREG:
        yield Found("archive-odd-mode", place, "it has set-user-id or set-group-id bits")
    if fields.needed & 0xFF > _NEWEST:
        version = divmod(fields.needed & 0xFF, 10)
        yield Found("archive-newer-version", place, f"it needs version {version[0]}.{version[1]} of the ZIP format, not 6.3")
    if not _is_time(fields):
        yield Found("archive-bad-time", place, f"its date is 0x{fields.date:04x} and its time 0x{fields.time:04x}")
    extra_start = member.entry_start + 46 + fields.name_length
    extra = layout.directory[extra_start : extra_start + fields.extra_length]
    has_field = bool(extra) and may_mislead(extra) and zip64_numbers(extra, place) is not None
    if has_field and max(member.size, member.data_stop - member.data_start, member.start) < FULL_32:
        yield Found("archive-needless-zip64", place, "it has ZIP64 fields, and no number that calls for them")


def _is_time(fields: Entry) -> bool:
    """Whether date and time, in the form of MS-DOS, exist; a date of zero does not."""
    month, day = fields.date >> 5 & 15, fields.date & 31
    if not 1 <= month <= 12 or not 1 <= day <= monthrange(1980 + (fields.date >> 9), month)[1]:
        return False
    return fields.time >> 11 < 24 and fields.time >> 5 & 63 < 60 and (fields.time & 31) < 30


def _check_folded(subject: Subject) -> Iterator[Found]:
    first: dict[str, str] = {}
    groups: dict[str, list[str]] = {}
    for name in chain(subject.members, subject.folders - subject.members.keys()):
        key = name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()
        other = first.setdefault(key, name)
        if other != name:
            groups.setdefault(key, [other]).append(name)
    for names in groups.values():
        names.sort()
        yield Found("archive-same-name-folded", shown(names[0]), f"it is one with {shown_few(names[1:])} on some systems")


def _check_contents(subject: Subject) -> Iterator[Found]:
    compiled = sorted(name for name in subject.members if name.endswith((".pyc", ".pyo")))
    if compiled:
        yield Found("contents-bytecode", shown(compiled[0]), f"compiled Python: {shown_few(compiled)}")
    folders = {name.partition("/")[0] for name in subject.members if "/" in name}
    own = subject.filename.project if subject.filename else ""
    for name in sorted(folders & _COMMON - {own}):
        yield Found("contents-common-name", name, "many projects would write to a folder of this name in site-packages")
