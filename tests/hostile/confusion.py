"""Archives that two readers read differently, as published: ZipDiff's classes, advisories of uv and CPython, PyPI's blog.

ZipDiff is You et al., "My ZIP isn't your ZIP", USENIX Security 2025, whose constructions stand in ``ambiguous.py``. PyPI's
blog is of 2025-08-07, "Preventing ZIP parser confusion attacks on Python package installers".
"""

import struct
import zlib
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Final

from msgspec.structs import replace

from ambiguous import knobs, made
from building import (
    STORED,
    Archive,
    Descriptor,
    Entry,
    changed,
    deflate,
    every,
    extra_field,
    to_bytes,
    with_entries,
)
from damages import bomb, smuggled, unicode_path
from drafting import INFO, Draft, Knob, both, fields, file, files, member, shape
from hostile.kind import Kind, Make, chosen, of, then

_CVE_STREAM: Final = "CVE-2025-54368 (uv)"
_ADVISORY: Final = "GHSA-pqhf-p39g-3x64 (uv)"
_CVE_LOCATOR: Final = "CVE-2025-8291 (CPython)"
_BLOG: Final = "PyPI's blog, 2025-08-07"
_BOMB: Final = "Fifield, A better zip bomb, WOOT 2019"
_LARGE: Final = "C3: modulo 65,536"
"""An archive of so many entries that other tests try it, once."""
_CLASSES: Final = {
    "A1": "Local header and directory name different compression methods",
    "A2": "Sizes differ between local header, directory, ZIP64 fields and data descriptor",
    "A3": "Names differ between local header, directory and Unicode path",
    "A4": "One reader takes an entry for a directory, another for a file",
    "A5": "Only one of two headers says that an entry is encrypted",
    "B1": "One name stands twice",
    "B2": "A byte in a name ends it, or is replaced by another",
    "B3": "Two paths become one when they are put in order",
    "B4": "Two names are one where case is ignored",
    "C1": "Entries are found by reading on, and not in the directory",
    "C2": "Archives lie one behind the other, each in the comment of the last",
    "C3": "The end says another count of entries, or size of the directory",
    "C4": "Two directories lie one behind the other",
    "C5": "ZIP64 end and end say different things",
}


def _classes() -> Iterator[Kind]:
    found: dict[str, list[Knob]] = defaultdict(list)
    for name, knob in knobs():
        if name != _LARGE:
            found[name[:2]].append(knob)
    bytes_ = defaultdict(list)
    for name, data in made():
        bytes_[name[:2]].append(data)
    for key, sentence in _CLASSES.items():
        make = chosen(found[key]) if key in found else _given(bytes_[key])
        yield Kind(f"ZipDiff {key}", f"{sentence}.", make, f"ZipDiff, {key}")
    yield Kind("ZipDiff C4, C5, made", "Two directories, and the end or the locator points at the first.",
               _given([*bytes_["C5"], *bytes_["C4"]]), "ZipDiff, C4 and C5")  # fmt: skip


def _given(all_of: list[bytes]) -> Make:
    return lambda draft, turn, random: (draft.filename, all_of[turn % len(all_of)])


_NAMES: Final = ("__init__.py", "METADATA", "WHEEL", "RECORD")
_OTHER: Final = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: evil\n\n"


def _path(name: str) -> str:
    return f"demo/{name}" if name == "__init__.py" else f"{INFO}/{name}"


def _again(**more: object) -> Make:
    """Return what adds an entry of a name that is there, with other content or the same, in front or behind."""

    def turned(draft: Draft, turn: int, random: Random) -> tuple[str, bytes]:
        name, same, first = _NAMES[turn % 4], turn // 4 % 2, turn // 8 % 2

        def add(archive: Archive) -> Archive:
            own = next(each for each in archive.entries if each.raw_name == _path(name).encode())
            twin = replace(own, **more) if same else replace(own, content=_OTHER, **more)
            return replace(archive, entries=(twin, *archive.entries) if first else (*archive.entries, twin))

        return shape(add)(draft).build()

    return turned


def _second() -> bytes:
    return fields("Requires-Dist: evil")(Draft()).build()[1]


def _stacked(data: bytes, turn: int, random: Random) -> bytes:
    """Return two wheels one behind the other; the end of the second counts from its own begin, or from the first's."""
    other = _second()
    if turn % 2:
        return data + other
    shifted = bytearray(other)
    at, move = other.rindex(b"PK\5\6"), len(data)
    start = struct.unpack_from("<I", other, at + 16)[0]
    struct.pack_into("<I", shifted, at + 16, start + move)
    while shifted.startswith(b"PK\1\2", start):
        offset = struct.unpack_from("<I", shifted, start + 42)[0]
        struct.pack_into("<I", shifted, start + 42, offset + move)
        start += 46 + sum(struct.unpack_from("<3H", shifted, start + 28))
    return data + bytes(shifted)


def _behind(*texts: bytes) -> Make:
    return then(lambda data, turn, random: data + texts[turn % len(texts)])


def _before(*texts: bytes) -> Make:
    return then(lambda data, turn, random: texts[turn % len(texts)] + data)


def _moved(*texts: bytes) -> Make:
    """Return what stands before the archive, and is counted by its offsets."""
    return of(*(shape(partial(_with_gap, text)) for text in texts))


def _with_gap(text: bytes, archive: Archive) -> Archive:
    return replace(archive, entries=(replace(archive.entries[0], gap=text), *archive.entries[1:]))


def _comment(*texts: bytes) -> Make:
    return of(*(shape(partial(replace, comment=text)) for text in texts))


def _entry_comment(*texts: bytes) -> Make:
    places = ("version.py", "METADATA", "RECORD")
    return of(*(member(place, comment=text) for text in texts for place in places))


def _end_64_elsewhere(data: bytes, turn: int, random: Random) -> bytes:
    """Return an archive whose locator points at another ZIP64 end than the one before it."""
    at = data.rindex(b"PK\6\7")
    record = data[at - 56 : at]
    between = (b"", bytes(4), record, bytes(1), b"PK\6\6", record + b"x")[turn % 6]
    changed = bytearray(data[:at] + between + data[at:])
    place = (at - 56, at - 56 + len(between), at - 55, 0, at, len(changed))[turn // 6 % 6]
    struct.pack_into("<Q", changed, at + len(between) + 8, place)
    return bytes(changed)


def _sharing(data: bytes, turn: int, random: Random) -> bytes:
    """Return an archive in which two records of the directory point at one local header."""
    end = data.rindex(b"PK\5\6")
    at = data.index(b"PK\1\2", struct.unpack_from("<I", data, end + 16)[0])
    places = []
    while data.startswith(b"PK\1\2", at):
        places.append(at)
        at += 46 + sum(struct.unpack_from("<3H", data, at + 28))
    one, other = random.sample(places, 2)
    changed = bytearray(data)
    changed[other + 42 : other + 46] = data[one + 42 : one + 46]
    if turn % 2:  # all that describes the data is shared, too
        changed[other + 8 : other + 28] = data[one + 8 : one + 28]
    return bytes(changed)


def _quoted(data: bytes, turn: int, random: Random) -> bytes:
    """Return an archive whose first entry takes the local header of the next for its data, stored or as a stored block."""
    local = to_bytes(Archive((Entry("demo/inner.py", b"EVIL = 1\n", STORED),)))
    inner = local[: local.index(b"PK\1\2")]
    body = inner if turn % 2 else b"\1" + struct.pack("<2H", len(inner), len(inner) ^ 0xFFFF) + inner
    outer = Entry("demo/outer.py", inner, STORED if turn % 2 else 8, raw=body)
    listed = Entry("demo/inner.py", b"EVIL = 1\n", STORED)
    return archive_of_two(outer, listed, len(body) - len(inner))


def archive_of_two(outer: Entry, inner: Entry, shift: int) -> bytes:
    """Return a valid wheel that lists ``outer``, and ``inner`` within its data."""
    draft = file(outer.raw_name, outer.content if isinstance(outer.content, bytes) else b"")(Draft())

    def add(archive: Archive) -> Archive:
        entries = tuple(outer if each.raw_name == outer.raw_name else each for each in archive.entries)
        place = len(to_bytes(replace(archive, entries=entries[: entries.index(outer)])).partition(b"PK\1\2")[0])
        at = place + 30 + len(outer.raw_name) + shift
        hidden = replace(inner, raw=b"", local={}, directory={"offset": at, "size": 9, "compressed_size": 9})
        return replace(archive, entries=(*entries, hidden))

    return shape(add)(draft).build()[1]


def _nested(data: bytes, turn: int, random: Random) -> bytes:
    method = STORED if turn % 2 else 8
    name = ("demo/inner.whl", "demo/inner.zip", "demo/bundled/demo-1.0-py3-none-any.whl")[turn % 3]
    return file(name, data, method=method)(Draft()).build()[1]


def _deflates() -> dict[str, bytes]:
    """Return forms of the same content ``b"test"`` as deflated data, valid ones and others."""
    plain = deflate(b"test")
    stored = b"\1\4\0\xfb\xfftest"
    return {
        "a stored block": stored,
        "an empty block before": b"\0\0\0\xff\xff" + stored,
        "a hundred empty blocks": b"\0\0\0\xff\xff" * 100 + stored,
        "a byte behind": plain + b"\0",
        "a whole stream behind": plain + plain,
        "a descriptor behind": plain + b"PK\7\x08" + bytes(12),
        "no last block": b"\0\4\0\xfb\xfftest",
        "cut off": plain[:-1],
        "zlib": zlib.compress(b"test"),
        "a reserved block": b"\7",
        "nothing": b"",
        "bytes as they are": b"test",
    }


def _with_data(raw: bytes) -> Knob:
    return file("demo/t.txt", b"test", method=8, raw=raw)


def _descriptors() -> Iterator[Knob]:
    for width in (4, 8):
        for signature in (True, False):
            form = Descriptor(width, signature)
            yield shape(partial(changed, member="version.py", descriptor=form, method=8))
            yield shape(partial(changed, member="METADATA", descriptor=form, method=8))
            yield shape(partial(every, descriptor=form, method=8))
            yield shape(partial(changed, member="version.py", descriptor=form, method=8, local_wide=True))


def _unlisted(archive: Archive, name: str, *, first: bool) -> Archive:
    hidden = Entry(name, _OTHER, unlisted=True)
    return replace(archive, entries=(hidden, *archive.entries) if first else (*archive.entries, hidden))


def _disks() -> Iterator[Knob]:
    for disk in (1, 0xFFFE, 0xFFFF):
        yield member("version.py", directory={"disk": disk})
        yield shape(partial(every, directory={"disk": disk}))
        yield shape(partial(replace, end={"disk": disk, "directory_disk": disk}))
        yield shape(partial(replace, end_64={"disk": disk, "directory_disk": disk}))
        yield shape(partial(replace, zip64_end=True, locator={"disk": disk}))
    for disks in (0, 2, 0xFFFF_FFFF):
        yield shape(partial(replace, zip64_end=True, locator={"disks": disks}))


_SPANNED: Final = (b"PK\7\x08", b"PK00")
_ENDED: Final = b"PK\5\6" + bytes(18)
_RECORD: Final = b"PK\1\2" + bytes(42)
_PATHS: Final = ("demo/other.py", f"{INFO}/METADATA", "../up.py", "/etc/up.py", "demo/a\0b", "", "DEMO/P.PY", "demo/p.py")
_EXTRAS: Final = (0x0001, 0x000A, 0x000D, 0x0017, 0x5455, 0x5855, 0x6375, 0x7075, 0x7855, 0x7875, 0x9901, 0xCAFE, 0xD935)


def _own() -> Iterator[Kind]:
    yield Kind("a name twice", "A name of dist-info or of the package stands twice.", _again(), _BLOG)
    yield Kind("a local entry twice", "A second local entry of a name is not in the directory.", _again(unlisted=True),
               _CVE_STREAM)  # fmt: skip
    yield Kind("two wheels stacked", "Another wheel lies behind the wheel.", then(_stacked), _CVE_STREAM)
    yield Kind("hidden entries", "An entry lies between the others, and the directory does not list it.", of(*(
        shape(partial(_unlisted, name=name, first=first)) for name in ("demo/evil.py", f"{INFO}/METADATA", "demo/sub/")
        for first in (True, False))), _CVE_STREAM)  # fmt: skip
    yield Kind(
        "records in comments",
        "The comment of an entry holds a record of the directory, or another record.",
        _entry_comment(_RECORD, _ENDED, b"PK\3\4" + bytes(26), b"PK\6\7" + bytes(16), b"PK", b"P", b"a\0b"),
        _ADVISORY,
    )
    yield Kind(
        "NUL in names",
        "A name holds NUL, in one header or in both.",
        of(
            *(file(name, b"1") for name in (b"demo/a\0b.py", b"demo/\0", b"\0demo/x", b"demo/__init__.py\0.txt")),
            *(member("version.py", local_name=name) for name in (b"demo/version.p\0", b"demo\0version.py")),
        ),
        _ADVISORY,
    )
    yield Kind(
        "the locator points elsewhere",
        "The ZIP64 locator points at another place than before itself.",
        then(_end_64_elsewhere, shape(partial(replace, zip64_end=True))),
        _CVE_LOCATOR,
    )
    yield Kind("entries share a local header", "Two records of the directory point at one local header.", then(_sharing),
               _BOMB)  # fmt: skip
    yield Kind("a header within data", "The data of one entry are local header and data of another.", then(_quoted), _BOMB)
    yield Kind("bytes before", "Bytes stand before the archive, and its offsets do not count them.", _before(
        b"#!/bin/sh\n", b"\0", b"PK", *_SPANNED, b"MZ" + bytes(62), b"PK\3\4" + bytes(26)), _BLOG)  # fmt: skip
    yield Kind("counted bytes before", "Bytes stand before the archive, and its offsets count them.", _moved(
        b"#!/bin/sh\n", b"\0", *_SPANNED, b"PK\3\4" + bytes(26)), _BLOG)  # fmt: skip
    yield Kind(
        "bytes behind",
        "Bytes stand behind the end of the archive.",
        _behind(b"\n", b"\0", bytes(22), b"PK\5\6", _ENDED, _ENDED[:-1], b"PK\3\4" + bytes(26), b"x" * 65_536),
        _BLOG,
    )
    yield Kind(
        "comments",
        "The archive has a comment.",
        _comment(b"made", b"\0", b"\xff", b"PK", b"\r\n", b"x" * 65_535, b"{}"),
        "APPNOTE 4.3.16",
    )
    yield Kind(
        "ends in comments",
        "The comment of the archive holds the end of an archive, or a part of one.",
        _comment(_ENDED, _ENDED[:-1], b"PK\5\6", _ENDED * 2, b"PK\6\6" + bytes(52), b"PK\6\7" + bytes(16), _second()),
        _BLOG,
    )
    yield Kind("a wheel within", "A file of the wheel is a wheel.", then(_nested), "ZipDiff, C1")
    yield Kind(
        "an end in the last data",
        "The data before the directory hold the end of an archive.",
        of(*(shape(partial(_last, data)) for data in (_ENDED, _ENDED + b"x", _second(), b"PK\5\6"))),
        "ZipDiff, C2",
    )
    yield Kind(
        "forms of deflated data",
        "Deflated data come in odd blocks, or something stands behind them.",
        of(*map(_with_data, _deflates().values())),
        "RFC 1951",
    )
    yield Kind("smuggled entries", "Behind the end of deflated data another entry stands, within its size.", of(
        file("demo/t.txt", b"hi", raw=smuggled(b"hi")), file("demo/t.txt", b"hi", raw=smuggled(b"hi"),
            descriptor=Descriptor()),
        member("version.py", raw=smuggled(b"cuda = None\n"))), _CVE_STREAM)  # fmt: skip
    yield Kind("data descriptors", "Sizes and sum stand behind the data, in one of four forms.", of(*_descriptors()), _BLOG)
    yield Kind(
        "a descriptor for stored data",
        "Stored data end where only the directory says.",
        of(
            *(
                file(
                    "demo/s",
                    content,
                    method=STORED,
                    descriptor=Descriptor(width),
                    local={"crc": 0, "size": 0, "compressed_size": 0},
                )
                for width in (4, 8)
                for content in (b"x", b"PK\7\x08" + bytes(12), b"PK\3\4" + bytes(26))
            )
        ),
        _BLOG,
    )
    yield Kind("a promised descriptor", "The flags promise a descriptor that is not there.", of(
        *(member(name, flags=8) for name in _NAMES), *(member(name, local={"flags": 8}) for name in _NAMES),
        *(member(name, directory={"flags": 8}) for name in _NAMES)), "APPNOTE 4.4.4")  # fmt: skip
    yield Kind("many disks", "A record says that the archive lies on several disks.", of(*_disks()), "APPNOTE 4.4.19")
    yield Kind(
        "Unicode paths",
        "A Unicode path gives the entry another name.",
        of(
            *(
                file("demo/p.py", b"1", extra=path if both_of else b"", local_extra=path)
                for name in _PATHS
                for path in [unicode_path(b"demo/p.py", name.encode())]
                for both_of in (True, False)
            )
        ),
        _BLOG,
    )
    yield Kind("stale Unicode paths", "A Unicode path is of another name, or of another version.", of(*(
        file("demo/p.py", b"1", extra=unicode_path(b"demo/p.py", name.encode(), version=version, crc=crc))
        for name in _PATHS for version, crc in ((1, 0), (0, None), (2, None)))), "APPNOTE 4.6.9")  # fmt: skip
    yield Kind("extra fields", "An entry has an extra field, of any kind and length.", of(*(
        file("demo/p.py", b"1", extra=extra_field(kind, bytes(length))) for length in (0, 1, 4, 5, 11) for kind in _EXTRAS)),
        "APPNOTE 4.5")  # fmt: skip
    yield Kind("ends of extra fields", "The extra fields end within a field.", of(*(
        file("demo/p.py", b"1", **{where: field}) for where in ("extra", "local_extra")
        for field in (b"\0", b"\0\0", b"\0\0\0", b"\1\0\1\0", b"\xfe\xca\xff\xff", extra_field(0xCAFE, b"x") + b"\1",
                      2 * extra_field(0xCAFE, b""), 2 * extra_field(0x5455, b"\1abcd")))), "APPNOTE 4.5.1")  # fmt: skip
    yield Kind("encryption", "Flags or an extra field say that an entry is encrypted.", of(*(
        member(name, **changes) for name in _NAMES for changes in (
            {"flags": 1}, {"flags": 0x41}, {"flags": 0x40}, {"flags": 0x2000}, {"method": 99, "raw": b"x"})),
        file("demo/p.py", b"1", extra=extra_field(0x9901, b"\2\0AE\3\0\0"))), "APPNOTE 4.4.4")  # fmt: skip
    yield Kind("rare flags", "A flag is set that has no meaning for the entry.", of(*(
        member(name, flags=1 << bit) for bit in (1, 2, 4, 5, 7, 9, 10, 12, 14, 15, 11) for name in _NAMES[:3])),
        "APPNOTE 4.4.4")  # fmt: skip
    yield Kind("rare methods", "An entry is compressed by another method than deflate.", of(*(
        file("demo/z", b"z", method=method, raw=b"z") for method in (*range(1, 21), 93, 94, 95, 96, 97, 98, 99, 0xFFFF))),
        "APPNOTE 4.4.5")  # fmt: skip
    yield Kind(
        "bombs",
        "Small data become large, or say so.",
        of(
            *(
                member(name, content=bytes(size), raw=bomb(size))
                for size in (1 << 20, 8 << 20)
                for name in ("METADATA", "RECORD", "WHEEL")
            ),
            *(member(name, raw=bomb(4 << 20)) for name in _NAMES),
            file("demo/b", bytes(4 << 20), raw=bomb(4 << 20)),
        ),
        _BOMB,
    )
    yield Kind("many entries", "There are thousands of entries, or one that is listed thousands of times.", of(
        files(*(Entry(f"demo/{number:x}", b"") for number in range(2_000))),
        files(*(Entry(f"demo/{number:x}/", b"") for number in range(500))),
        files(*(Entry("demo/same", b"") for _ in range(500))),
        files(*(Entry(f"{'d/' * number}x", b"") for number in range(1, 120)))), _BOMB)  # fmt: skip
    yield Kind("the directory in another order", "The directory lists entries in another order than they lie.", of(
        shape(partial(replace, reversed_directory=True))), "APPNOTE 4.3.6")  # fmt: skip
    yield Kind(
        "gaps",
        "Bytes that belong to nothing stand between records.",
        of(
            *(
                knob
                for text in (b"\0", bytes(30), b"PK\3\4", _RECORD, _ENDED)
                for knob in (
                    member("METADATA", gap=text),
                    shape(partial(replace, before_directory=text)),
                    shape(partial(replace, before_end=text)),
                    shape(partial(replace, zip64_end=True, before_end=text)),
                )
            )
        ),
        _BLOG,
    )
    yield Kind("two lies", "Two constructions of ZipDiff meet in one archive.", _two_lies(), "ZipDiff, 5")


def _last(data: bytes, archive: Archive) -> Archive:
    return with_entries(archive, Entry("demo/last.bin", data, STORED))


def _two_lies() -> Make:
    all_of = [knob for name, knob in knobs() if name != _LARGE]
    return lambda draft, turn, random: both(*random.sample(all_of, 2))(draft).build()


KINDS: Final = tuple(replace(kind, streamed=True) for kind in (*_classes(), *_own()))
