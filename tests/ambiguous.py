"""Wheels that two readers of ZIP read differently: the constructions of ZipDiff, rebuilt around a valid wheel.

ZipDiff (You et al., "My ZIP isn't your ZIP", USENIX Security 2025) groups them by what readers disagree on: A, the fields
of one entry; B, names of two entries; C, where the archive and its directory lie. Here ``demo/t.txt`` is the entry.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import product
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from building import (
    FULL_16,
    FULL_32,
    STORED,
    Archive,
    Entry,
    WheelSpec,
    archive_of,
    changed,
    deflate,
    extra_field,
    to_bytes,
    with_entries,
)
from drafting import Draft, Knob, both, file, files, shape
from kinds import Sample

_NAME: Final = "demo/t.txt"
_UNICODE_PATH: Final = 0x7075
_SAME_SUM: Final = ("oxueekz", "pyqptgs")
"""Two texts of one length and one CRC-32."""
_WIDTHS: Final = {False: "I", True: "Q"}


def constructions() -> Iterator[Sample]:
    """Yield all of them: 4,600 with sizes that differ, 1,300 with odd names, and some dozens."""
    for name, knob in knobs():
        yield Sample(f"ZipDiff {name}", partial(_built, knob))
    for name, data in made():
        yield Sample(f"ZipDiff {name}", partial(_given, data))


def _built(knob: Knob) -> tuple[str, bytes]:
    return knob(Draft()).build()


def _given(data: bytes) -> tuple[str, bytes]:
    return Draft().filename, data


def made() -> Iterator[tuple[str, bytes]]:
    """Yield those that are no draft of one wheel, as bytes: the class that ZipDiff puts them in begins their names."""
    yield from _two_directories()
    yield from _three_archives()


def knobs() -> Iterator[tuple[str, Knob]]:
    """Yield all others, as what turns a draft into one; the class that ZipDiff puts them in begins their names."""
    yield from _methods()
    yield from _sizes()
    yield from _unicode_paths()
    yield from _folders()
    yield from _encryption()
    yield from _names()
    yield from _hidden_entries()
    yield from _counts()
    yield from _hidden_ends()


def _entry(content: bytes = b"test", name: str | bytes = _NAME, **changes: Any) -> Knob:
    return file(name, content, **changes)


def _methods() -> Iterator[tuple[str, Knob]]:
    stored = {"method": STORED, "compressed_size": 4}
    yield "A1: stored, says the local header", _entry(raw=deflate(b"test"), local=stored)
    yield "A1: stored, says the directory", _entry(raw=deflate(b"test"), directory=stored)


class _Sizes(Struct, frozen=True):
    """Which sizes are zero, which are wide, and the form of a descriptor."""

    deflated: bool
    local_zero: tuple[bool, bool]
    directory_zero: tuple[bool, bool]
    descriptor: tuple[bool, bool, bool] | None
    local_wide: tuple[bool, bool]
    directory_wide: tuple[bool, bool]

    def knob(self) -> Knob:
        content = b"testABCD"
        raw = deflate(content) if self.deflated else content
        local, local_extra = _numbers((len(content), len(raw)), self.local_zero, self.local_wide)
        directory, extra = _numbers((len(content), len(raw)), self.directory_zero, self.directory_wide)
        local["crc"] = zlib.crc32(content)
        behind = b""
        if self.descriptor:
            packed_zero, size_zero, wide = self.descriptor
            numbers = (zlib.crc32(content), len(raw) * (not packed_zero), len(content) * (not size_zero))
            behind = b"PK\x07\x08" + struct.pack(f"<I2{_WIDTHS[wide]}", *numbers)
            local["flags"] = directory["flags"] = 8
        change = partial(_changed, raw=raw, local=local, directory=directory, extra=extra, local_extra=local_extra)
        method = {"method": 8 if self.deflated else STORED}
        return both(_entry(content), shape(lambda archive: _with_gap_behind(change(archive, **method), behind)))


def _changed(archive: Archive, **changes: Any) -> Archive:
    return changed(archive, _NAME, **changes)


def _with_gap_behind(archive: Archive, behind: bytes) -> Archive:
    """Return ``archive`` with bytes after the entry, which a descriptor of a form of its own would be."""
    at = next(index for index, entry in enumerate(archive.entries) if entry.raw_name == _NAME.encode()) + 1
    if at == len(archive.entries):
        return replace(archive, before_directory=behind)
    entries = [*archive.entries]
    entries[at] = replace(entries[at], gap=behind)
    return replace(archive, entries=tuple(entries))


def _numbers(sizes: tuple[int, int], zero: tuple[bool, bool], wide: tuple[bool, bool]) -> tuple[dict[str, int], bytes]:
    """Return the fields of one record and its ZIP64 field, where it has one."""
    values = [0 if each else size for size, each in zip(sizes, zero, strict=True)]
    field = b"".join(struct.pack("<Q", value) for value, each in zip(values, wide, strict=True) if each)
    size, packed = (FULL_32 if each else value for value, each in zip(values, wide, strict=True))
    return {"size": size, "compressed_size": packed}, extra_field(1, field) if field else b""


def _sizes() -> Iterator[tuple[str, Knob]]:
    twice = [*product((False, True), repeat=2)]
    descriptors = [None, *product((False, True), repeat=3)]
    for each in product((False, True), twice, twice, descriptors, twice, twice):
        sizes = _Sizes(*each)  # type: ignore[arg-type]
        yield f"A2: {sizes}", sizes.knob()
    full = {"size": FULL_32, "compressed_size": FULL_32}
    field = extra_field(1, struct.pack("<2Q", 4, 4)) + extra_field(1, bytes(16))
    yield "A2: two ZIP64 fields", _entry(method=STORED, extra=field, local=full, directory=full)


def _path(name: str, path: str, version: int = 1, crc: int | None = None) -> bytes:
    head = struct.pack("<BI", version, zlib.crc32(name.encode()) if crc is None else crc)
    return extra_field(_UNICODE_PATH, head + path.encode())


def _unicode_paths() -> Iterator[tuple[str, Knob]]:
    one, two = _SAME_SUM
    yield "A3: another local name", _entry(local_name=b"demo/u.txt")
    yield "A3: two paths", _entry(extra=_path(_NAME, "demo/c.txt"), local_extra=_path(_NAME, "demo/l.txt"))
    for version in (0, 2):
        yield f"A3: version {version}", _entry(extra=_path(_NAME, "demo/v.txt", version))
    yield "A3: a wrong sum", _entry(extra=_path(_NAME, "demo/v.txt", crc=0))
    yield "A3: a path twice", _entry(extra=_path(_NAME, "demo/1.txt") + _path(_NAME, "demo/2.txt"))
    yield "A3: a path of a path", _entry(extra=_path(_NAME, "demo/1.txt") + _path("demo/1.txt", "demo/2.txt"))
    yield "A3: a path and none", _entry(extra=_path(_NAME, "demo/1.txt") + _path(_NAME, "demo/2.txt", 2, 0))
    name = f"demo/{one}{one}"
    paths = (_path(name, f"demo/{one}{two}"), _path(name, f"demo/{two}{one}", 2, 0), _path(name, f"demo/{two}{two}"))
    yield "A3: three paths of one sum", _entry(name=name, extra=b"".join(paths))
    yield "A3: a path beside the UTF-8 flag", _entry(flags=0x800, extra=_path(_NAME, "demo/v.txt"))


def _folders() -> Iterator[tuple[str, Knob]]:
    yield "A4: a slash at the end", _entry(name="demo/t/")
    yield "A4: a backslash at the end", _entry(name="demo/t\\")
    yield "A4: a slash, and empty", _entry(b"", name="demo/t/")
    for attributes, made_by in product((0o100644 << 16 | 0x10, 0x4000 << 16), (20, 0x0314, 0x1314)):
        changes = {"external_attributes": attributes}
        yield f"A4: attributes {attributes:#x} by {made_by:#x}", _entry(made_by=made_by, directory=changes)


def _encryption() -> Iterator[tuple[str, Knob]]:
    flags = {"flags": 1}
    yield "A5: local", _entry(local=flags)
    yield "A5: directory", _entry(directory=flags)
    yield "A5: both", _entry(flags=1)


def _names() -> Iterator[tuple[str, Knob]]:
    yield "B1", files(Entry(_NAME, b"a"), Entry(_NAME, b"b"))
    odd = [byte for byte in range(256) if not (byte < 0x80 and chr(byte).isalnum())]
    named = [(byte, b"demo/a" + bytes([byte]) + b"b") for byte in odd]
    for byte, name in named:
        for made_by in (20, 0x0314):
            yield f"B2: {byte:#x} by {made_by:#x}", file(name, b"", made_by=made_by)
        yield f"B2: {byte:#x} by both", files(Entry(name, b"", made_by=20), Entry(name, b"", made_by=0x0314))
    for (one, first), (two, second) in product(named, named):
        if one % 8 == 0 and two % 8 == 7:
            yield f"B2: {one:#x} and {two:#x}", files(Entry(first, b""), Entry(second, b""))
    for path in ("/a/b", "a//b", "a\\b", "./a/b", "a/./b", "a/b/.", "../a/b", ".../a/b", "a/.../b", "c/../a/b"):
        yield f"B3: a/b and {path}", files(Entry("a/b", b"a"), Entry(path, b"b"))
        yield f"B3: {path} and a/b", files(Entry(path, b"a"), Entry("a/b", b"b"))
    yield "B4", files(Entry("demo/test.txt", b"a"), Entry("demo/test.TXT", b"b"))


def _hidden_entries() -> Iterator[tuple[str, Knob]]:
    alone = to_bytes(Archive((Entry("demo/a", b"a", STORED),)))
    at, end = alone.index(b"PK\x01\x02"), alone.index(b"PK\x05\x06")
    local, directory, ending = alone[:at], alone[at:end], alone[end:]
    hidden = Entry("demo/b", b"b", unlisted=True)
    yield "C1: not in the directory", shape(lambda archive: with_entries(archive, hidden))
    records = (Entry("demo/a", b"a" + directory, STORED), Entry("demo/b", b"b" + ending, STORED), Entry("demo/c", b"c"))
    yield "C1: records within data", files(*records)
    yield "C1: a local header within data", files(Entry("demo/junk", local, STORED), Entry("demo/b", b"b"))
    in_comment = files(Entry("demo/a", b"a", comment=local))
    yield "C1: local headers in comments", both(in_comment, shape(lambda archive: replace(archive, comment=local)))
    other_end = shape(lambda archive: replace(archive, comment=directory + ending))
    yield "C1: another directory in the comment", both(files(Entry("demo/junk", local, STORED)), other_end)
    nothing: Mapping[str, int] = {"crc": 0, "size": 0, "compressed_size": 0}
    raw = b"PK\x07\x08" + bytes(12) + local
    streamed = Entry("demo/junk", b"", STORED, flags=8, raw=raw, local=nothing, directory=nothing)
    yield "C1: a descriptor within data", files(streamed)


def _counts() -> Iterator[tuple[str, Knob]]:
    for here, total, size in product((False, True), repeat=3):
        changes = {key: 1 for key, each in {"disk_count": here, "count": total}.items() if each}
        changes |= {"directory_size": 60} if size else {}
        if changes:
            yield f"C3: {changes}", shape(partial(_with_end, end=changes))
            yield f"C5: {changes} in ZIP64", shape(partial(_with_end, end_64=changes))
    many = [Entry(f"demo/{number:x}", b"") for number in range(1 << 16)]
    count = len(archive_of(WheelSpec()).entries) + len(many)
    changes = {"count": count - (1 << 16), "disk_count": count - (1 << 16)}
    yield "C3: modulo 65,536", both(files(*many), shape(partial(_with_end, end=changes)))


def _with_end(archive: Archive, **changes: Any) -> Archive:
    return replace(archive, **changes)


def _hidden_ends() -> Iterator[tuple[str, Knob]]:
    """Yield archives that hold another one with a ZIP64 end in the last comment before their own end."""
    _, other = Draft(fields=("Requires-Dist: evil",)).build()
    at = other.index(b"PK\x05\x06")
    size, start = struct.unpack("<2L", other[at + 12 : at + 20])
    count = struct.unpack("<H", other[at + 10 : at + 12])[0]
    wide = b"PK\x06\x06" + struct.pack("<Q2H2I4Q", 44, 45, 45, 0, 0, count, count, size, start)
    hidden = other[:at] + wide + b"PK\x06\x07" + struct.pack("<IQI", 0, at, 1)
    full = {
        "disk": {"disk": FULL_16, "directory_disk": FULL_16},
        "count": {"count": FULL_16, "disk_count": FULL_16},
        "size": {"directory_size": FULL_32},
        "start": {"directory_start": FULL_32},
    }
    for chosen in product((False, True), repeat=4):
        end = {
            key: value for each, fields in zip(chosen, full.values(), strict=True) if each for key, value in fields.items()
        }
        for gap in (b"", b"\0"):
            yield f"C5: hidden end, {[*end]}, {len(gap)} bytes behind", shape(partial(_with_last, hidden + gap, end))


def _with_last(comment: bytes, end: Mapping[str, int], archive: Archive) -> Archive:
    last = replace(archive.entries[-1], comment=comment)
    return replace(archive, entries=(*archive.entries[:-1], last), end=end)


def _two_directories() -> Iterator[tuple[str, bytes]]:
    """Yield archives with two directories, of which the end points at the first."""
    _, data = Draft().build()
    start, at = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    both_of_them = data[:start] + 2 * data[start:at]
    yield "C4: two directories", both_of_them + data[at:]
    count = struct.unpack("<H", data[at + 10 : at + 12])[0]
    wide = b"PK\x06\x06" + struct.pack("<Q2H2I4Q", 44, 45, 45, 0, 0, count, count, at - start, start)
    full = b"PK\x05\x06" + struct.pack("<4H2LH", *[FULL_16] * 4, *[FULL_32] * 2, 0)
    for place in (len(both_of_them), at):
        locator = b"PK\x06\x07" + struct.pack("<IQI", 0, place, 1)
        yield f"C5: two directories, locator at {place}", both_of_them + wide + locator + full


def _three_archives() -> Iterator[tuple[str, bytes]]:
    """Yield three archives, one behind the other, the later ones being the comments of those before."""
    _, data = Draft(shape=lambda archive: replace(archive, comment=b"\0")).build()
    at = data.index(b"PK\x05\x06")
    for what, first, last in (("long", 1, 1), ("short", -1, -1), ("right", 0, 0)):
        lengths = (2 * len(data) + 1 + first, len(data) + 1, 1 + last)
        yield (
            f"C2: {what} comments",
            b"".join(data[: at + 20] + struct.pack("<H", length) + data[at + 22 :] for length in lengths),
        )
