"""What is wrong with the entries of an archive that can be read: names, attributes, times, comments, compression, ZIP64."""

import posixpath
import re
import stat
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from wheelfix.codes import Client
from wheelfix.text import shown, shown_few
from wheelfix.verify.subject import DEEPEST, RawFinding, Subject, not_reading, of_form
from wheelfix.wheel.zip.careful import NEWEST_VERSION
from wheelfix.wheel.zip.extra_fields import fields_in, has_second_name, is_well_formed, may_mislead
from wheelfix.wheel.zip.layout import Layout
from wheelfix.wheel.zip.structs import (
    CENTRAL,
    DEFLATED,
    DOS_DIRECTORY,
    DOS_VOLUME,
    EXECUTABLE,
    EXTRA_ZIP64,
    FLAG_MASKED,
    FLAG_UTF8,
    FULL_32,
    STORED,
    DirectoryRecord,
    Entry,
    exists,
)

_DRIVE: Final = re.compile(r"^[A-Za-z]:")
_NOT_ON_WINDOWS: Final = re.compile(
    r"""[<>:"|?*] | [ .]$ | ^(?:con|prn|aux|nul|(?:com|lpt)[1-9\u00b9\u00b2\u00b3])[ ]*(?:\.|$)""",
    re.IGNORECASE | re.VERBOSE,
)
"""What no part of a path may have on Windows: reserved characters, spaces and dots at the end, names of devices."""
_OF_SIGNATURES: Final = frozenset(range(1, 9))
"""The third byte of every signature in a ZIP file: uv refuses a comment that holds one of them."""
_METHODS: Final = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ"}
"""Names of compression methods (APPNOTE 4.4.5)."""
_SET_IDS: Final = stat.S_ISUID | stat.S_ISGID
_LONGEST_PATH: Final = 4095
_LONGEST_PART: Final = 255
"""In bytes, on Linux and most other systems (PATH_MAX, NAME_MAX)."""
_COMMON: Final = frozenset(
    {"test", "tests", "testing", "doc", "docs", "example", "examples", "build", "dist", "src", "scripts", "bin", "data",
     "benchmarks", "util", "utils", "lib", "lib64", "include"}
)  # fmt: skip
"""Names at the top that different projects have installed over each other."""


def check_entries(subject: Subject) -> Iterator[RawFinding]:
    """Yield the findings on the entries."""
    layout = subject.layout
    if layout is None:
        return
    if _OF_SIGNATURES.intersection(layout.end.comment):
        yield RawFinding("archive-comment-bytes", "", "the archive comment could contain a record of another archive")
    yield from check_each(subject, layout, layout.entries)
    yield from check_directories(subject)
    yield from _check_same_path(subject)
    yield from _check_folded(subject)
    yield from _check_contents(subject)


def check_each(subject: Subject, layout: Layout, entries: Iterable[Entry]) -> Iterator[RawFinding]:
    """Yield the findings on ``entries``, each by itself, but for one on all that lack a type."""
    for_windows, lacking_type = _is_for_windows(subject), list[str]()
    for entry in entries:
        fields = layout.fields(entry)
        yield from _check_name(entry.name, for_windows=for_windows)
        yield from _check_record(entry, layout, fields)
        if _lacks_type(entry, _mode(fields)):
            lacking_type.append(entry.name)
        if entry.method not in (STORED, DEFLATED):
            yield _compression(entry)
        if entry.name.rstrip("/") != entry.name and entry.name.rstrip("/") in subject.entries:
            message, refused_by = "there is a file of the same name", (Client.PIP, Client.UV)
            yield RawFinding("archive-file-as-directory", shown(entry.name), message, refused_by=refused_by)
    yield from _check_types(lacking_type)


def check_directories(subject: Subject) -> Iterator[RawFinding]:
    """Yield the files that other entries are below, and those at the top that some take for a dist-info directory."""
    for name in subject.entries:
        if name.endswith(".dist-info") and "/" not in name:
            message = "it is a file, but pip and installer take it for a second dist-info directory"
            yield RawFinding("dist-info-several", shown(name), message, refused_by=(Client.PIP, Client.INSTALLER))
    for directory in sorted(subject.directories - subject.entries.keys()):
        if directory[:-1] in subject.entries:
            yield RawFinding(
                "archive-file-as-directory", shown(directory[:-1]), "other entries are below it, as if it were a directory"
            )


def _compression(entry: Entry) -> RawFinding:
    name = _METHODS.get(entry.method, "")
    message = f"it is compressed by method {entry.method}{f' ({name})' if name else ''}"
    return RawFinding("archive-unknown-compression", shown(entry.name), message, refused_by=not_reading(entry.method))


def _is_for_windows(subject: Subject) -> bool:
    """Whether the file name has a tag by which the wheel is installed on Windows, or none that can be read."""
    return subject.filename is None or any(tag.platform.startswith(("any", "win")) for tag in subject.filename.tags)


def _check_name(name: str, *, for_windows: bool) -> Iterator[RawFinding]:
    parts = name.removesuffix("/").split("/")
    form, wrong = _unsafe(name, parts)
    if wrong:
        yield of_form(form, "archive-unsafe-name", shown(name), f"the name {wrong}")
    elif "" in parts or "." in parts:
        yield RawFinding("archive-odd-path", shown(name), "the name has an empty part, or a dot for one")
    elif for_windows and any(map(_NOT_ON_WINDOWS.search, parts)):
        yield RawFinding(
            "archive-windows-name", shown(name), "Windows, for which this wheel is too, cannot hold a file of this name"
        )


def _unsafe(name: str, parts: list[str]) -> tuple[str, str]:
    """Return the form in which a name is unsafe, and a clause that says so; both are empty where it is not."""
    return (
        ("outside", "is absolute") if name.startswith("/") else
        ("other on Windows", "begins with a drive") if _DRIVE.match(name) else
        ("other on Windows", "has a backslash") if "\\" in name else
        ("outside" if posixpath.normpath(name).startswith("..") else "up and down", "has a part ..") if ".." in parts else
        ("long", "is longer than any system allows") if len(name.encode()) > _LONGEST_PATH else
        ("long", "has a part that is longer than any system allows")
        if any(len(part.encode()) > _LONGEST_PART for part in parts) else
        ("deep", f"has more than {DEEPEST} directories") if _is_deep(name) else
        ("control", "has a control character") if _has(name, "Cc") else
        ("shows nothing", "has a character that is invisible, unassigned, or reverses the text")
        if _has(name, "Cf", "Co", "Cn") else
        ("", "")
    )  # fmt: skip


def _is_deep(name: str) -> bool:
    return name.count("/") > DEEPEST and len([*filter(None, name.rpartition("/")[0].split("/"))]) > DEEPEST


def _has(name: str, *categories: str) -> bool:
    """Whether a character is of these categories; uv refuses names with any of them."""
    return not name.isprintable() and any(unicodedata.category(char) in categories for char in name)


def _check_record(entry: Entry, layout: Layout, fields: DirectoryRecord) -> Iterator[RawFinding]:
    place = shown(entry.name)
    yield from _check_attributes(entry, fields)
    if not entry.name.isascii() and not entry.flags & FLAG_UTF8:
        start = entry.record_start + CENTRAL.size + fields.name_length
        extra = layout.directory[start : start + fields.extra_length]
        raw_name = layout.directory[start - fields.name_length : start]
        form = "with a Unicode path" if has_second_name(extra, raw_name) else ""
        yield of_form(form, "archive-name-encoding", place, "the name is not ASCII, but not marked as UTF-8")
    if entry.flags & FLAG_MASKED:
        yield RawFinding("archive-odd-flag", place, "its local header is marked as masked")
    if fields.comment_length:
        comment = layout.directory[entry.record_stop - fields.comment_length : entry.record_stop]
        form = "signature" if _OF_SIGNATURES.intersection(comment) else ""
        yield of_form(form, "archive-entry-comment", place, "it has a comment")
    if fields.needed & 0xFF > NEWEST_VERSION:
        version = divmod(fields.needed & 0xFF, 10)
        yield RawFinding(
            "archive-newer-version",
            place,
            f"it needs ZIP version {version[0]}.{version[1]}; the newest is 6.3",
        )
    if not exists(fields.time, fields.date):
        yield RawFinding("archive-bad-time", place, f"its date is 0x{fields.date:04x} and its time 0x{fields.time:04x}")
    if fields.extra_length and max(entry.size, entry.data_stop - entry.data_start, entry.start) < FULL_32:
        start = entry.record_start + CENTRAL.size + fields.name_length
        if _has_field(layout.directory[start : start + fields.extra_length], EXTRA_ZIP64):
            yield RawFinding("archive-needless-zip64", place, "it has ZIP64 fields, but no number that needs them")


def _has_field(extra: bytes, kind: int) -> bool:
    return may_mislead(extra) and is_well_formed(extra) and any(each[0] == kind for each in fields_in(extra, ""))


def _mode(fields: DirectoryRecord) -> int:
    """Return type and permissions as Unix has them; installers read them whatever system is said to have made the entry."""
    return fields.external_attributes >> 16


def _lacks_type(entry: Entry, mode: int) -> bool:
    """Whether a file is executable to uv, which goes by the permissions alone, and not to pip and installer.

    Links and devices are findings of their own.
    """
    is_file = not entry.name.endswith("/")
    return is_file and bool(mode & EXECUTABLE) and stat.S_IFMT(mode) in (0, stat.S_IFDIR)


def _check_types(names: list[str]) -> Iterator[RawFinding]:
    """Yield one finding for all files that are executable and lack a type: a tool that leaves it out does so in each."""
    if names:
        message = (
            "it is executable but not marked as a regular file; pip and installer install it without the executable bit"
        )
        others = f"; likewise {shown_few(names[1:])}" if names[1:] else ""
        yield RawFinding("archive-mode-no-type", shown(names[0]), f"{message}{others}")


def _check_attributes(entry: Entry, fields: DirectoryRecord) -> Iterator[RawFinding]:
    """Yield what the attributes say that the entry is not: installers go by the slash at the end of its name."""
    place, is_directory, mode = shown(entry.name), entry.name.endswith("/"), _mode(fields)
    kind = stat.S_IFMT(mode)
    if kind and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        yield RawFinding("archive-odd-mode", place, "it is marked as a link or a device")
    elif mode & _SET_IDS and kind == stat.S_IFREG:
        yield RawFinding("archive-odd-mode", place, "it has set-user-id or set-group-id bits")
    marked = (
        "a volume label" if fields.external_attributes & DOS_VOLUME else
        "a directory" if not is_directory and (fields.external_attributes & DOS_DIRECTORY or stat.S_ISDIR(mode)) else
        "a file" if is_directory and stat.S_ISREG(mode) else
        ""
    )  # fmt: skip
    if marked:
        yield RawFinding("archive-odd-attributes", place, f"it is marked as {marked}, but is not one")
    if is_directory and (entry.size or entry.crc):
        yield RawFinding("archive-directory-with-content", place, "it is a directory, but has a size or a CRC-32")


def _check_same_path(subject: Subject) -> Iterator[RawFinding]:
    """Yield the files that become one when they are installed: their paths differ by empty parts and dots only."""
    first: dict[str, str] = {}
    for name in subject.entries:
        if not name.endswith("/") and {"", "."}.intersection(name.split("/")):
            plain = posixpath.normpath(name)
            other = plain if plain in subject.entries else first.setdefault(plain, name)
            if other != name:
                message, refused_by = f"it is installed as the same file as {shown(other)}", (Client.INSTALLER,)
                yield RawFinding("archive-duplicate-entry", shown(name), message, refused_by=refused_by)


def _check_folded(subject: Subject) -> Iterator[RawFinding]:
    first: dict[str, str] = {}
    groups: dict[str, list[str]] = {}
    for name in chain(subject.entries, subject.directories - subject.entries.keys()):
        key = name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()
        other = first.setdefault(key, name)
        if other != name:
            groups.setdefault(key, [other]).append(name)
    for names in groups.values():
        names.sort()
        yield RawFinding(
            "archive-same-name-folded", shown(names[0]), f"on some systems it is the same file as {shown_few(names[1:])}"
        )


def _is_cached(name: str) -> bool:
    return "__pycache__/" in name and not name.endswith("/") and "__pycache__" in name.split("/")


def _also(names: Sequence[str]) -> str:
    """Return which of ``names`` a finding on the first one is on too, in brackets."""
    return f" (also {shown_few(names[1:])})" if names[1:] else ""


def _check_contents(subject: Subject) -> Iterator[RawFinding]:
    cached = sorted(filter(_is_cached, subject.entries))
    if cached:
        message = f"in __pycache__, which installer (Poetry, PDM) leaves out{_also(cached)}"
        yield RawFinding("contents-bytecode", shown(cached[0]), message)
    compiled = sorted(name for name in subject.entries if name.endswith((".pyc", ".pyo")) and not _is_cached(name))
    if compiled:
        yield RawFinding("contents-bytecode", shown(compiled[0]), f"compiled Python{_also(compiled)}")
    top = {name.partition("/")[0] for name in subject.entries if "/" in name}
    own = subject.filename.project if subject.filename else ""
    for name in sorted(top & _COMMON - {own}):
        yield RawFinding(
            "contents-common-name", name, "many projects would write to a directory of this name in site-packages"
        )
