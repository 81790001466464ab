"""Wheels that must be refused: each damage, the code of its refusal, and the number of the pitfall it stands for."""

import struct
import zlib
from collections.abc import Callable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from building import (
    FULL_16,
    FULL_32,
    Archive,
    Descriptor,
    Entry,
    Hole,
    WheelSpec,
    archive_of,
    build_wheel,
    changed,
    extra_field,
    metadata_bytes,
    to_bytes,
    with_entries,
)

_TYPED: Final = metadata_bytes(WheelSpec()).replace(b"Summary:", b"Description-Content-Type: text/markdown\nSummary:", 1)
_VALID: Final = archive_of(WheelSpec(metadata=_TYPED))
_COUNT: Final = len(_VALID.entries)
_INFO: Final = "demo-1.0.dist-info"
_OTHER_END: Final = b"PK\x05\x06" + bytes(18)
_MEBIBYTE: Final = 1 << 20


class Damage(Struct, frozen=True):
    """A faulty wheel: ``code`` of the problem that is reported, ``pitfall`` by number, and what makes the bytes."""

    name: str
    code: str
    pitfall: int
    make: Callable[[], bytes]


def bomb(size: int) -> bytes:
    """Return ``size`` zero bytes, whole megabytes, deflated as far as they can be."""
    deflater = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    block = bytes(_MEBIBYTE)
    return b"".join(deflater.compress(block) for _ in range(size // _MEBIBYTE)) + deflater.flush()


def smuggled(content: bytes) -> bytes:
    """Return deflated ``content`` with a descriptor and another entry behind it, as one run of compressed data."""
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = deflater.compress(content) + deflater.flush()
    sizes = struct.pack("<3I", zlib.crc32(content), len(data), len(content))
    hidden = to_bytes(with_entries(replace(_VALID, entries=()), Entry(f"{_INFO}/METADATA", b"Name: evil\n")))
    return data + b"PK\x07\x08" + sizes + hidden[: hidden.index(b"PK\x01\x02")]


def unicode_path(raw: bytes, name: bytes | None = None, *, version: int = 1, crc: int | None = None) -> bytes:
    """Return an extra field that gives the entry called ``raw`` the Unicode path ``name`` (APPNOTE 4.6.9)."""
    fixed = struct.pack("<BI", version, zlib.crc32(raw) if crc is None else crc)
    return extra_field(0x7075, fixed + (raw if name is None else name))


def _archive(name: str, code: str, archive: Archive, pitfall: int = 24) -> Damage:
    return Damage(name, code, pitfall, lambda: to_bytes(archive))


def _metadata(name: str, code: str, pitfall: int = 24, **changes: object) -> Damage:
    """Return the damage of a wheel whose METADATA entry is changed."""
    return Damage(name, code, pitfall, lambda: to_bytes(changed(_VALID, "METADATA", **changes)))


def _spec(name: str, code: str, spec: WheelSpec, pitfall: int = 24) -> Damage:
    return Damage(name, code, pitfall, lambda: build_wheel(spec))


def _added(name: str, code: str, *entries: Entry, pitfall: int = 24) -> Damage:
    return _archive(name, code, with_entries(_VALID, *entries), pitfall)


_ENDS: Final = [
    _archive("leading bytes", "leading-bytes", replace(_VALID, leading=b"#!/bin/sh\n")),
    _archive("counted leading bytes", "leading-bytes", changed(_VALID, "demo/__init__.py", gap=b"#!/bin/sh\n")),
    _archive("bytes between directory and end", "leading-bytes", replace(_VALID, before_end=b"junk")),
    _archive("trailing bytes", "trailing-bytes", replace(_VALID, trailing=b"\n")),
    _archive("second end record in the comment", "second-end-record", replace(_VALID, comment=_OTHER_END), 25),
    _archive("end signature in the comment", "second-end-record", replace(_VALID, comment=b"PK\x05\x06, said it"), 25),
    _archive("archive within the comment", "second-end-record", replace(_VALID, comment=to_bytes(_VALID)), 25),
    _archive("directory said to lie earlier", "leading-bytes", replace(_VALID, end={"directory_start": 5})),
    _archive("directory said to lie later", "bad-end-record", replace(_VALID, end={"directory_start": 999_999})),
    _archive("directory said to be shorter", "leading-bytes", replace(_VALID, end={"directory_size": 46})),
    _archive("one entry too many", "bad-directory", replace(_VALID, end={"count": _COUNT + 1, "disk_count": _COUNT + 1})),
    _archive("one entry too few", "bad-directory", replace(_VALID, end={"count": _COUNT - 1, "disk_count": _COUNT - 1})),
    _archive("counts that disagree", "many-disks", replace(_VALID, end={"count": _COUNT + 1})),
    _archive("second disk", "many-disks", replace(_VALID, end={"disk": 1})),
    _archive("no entries", "empty-archive", Archive(())),
    Damage("cut in the end record", "truncated", 34, lambda: to_bytes(_VALID)[:-1]),
    Damage("cut in the directory", "truncated", 34, lambda: to_bytes(_VALID)[:-60]),
    Damage("cut in an entry", "truncated", 34, lambda: to_bytes(_VALID)[:100]),
    Damage("a page of an error", "not-a-zip", 34, lambda: b"<!doctype html><title>404 Not Found</title>"),
    Damage("empty file", "empty-file", 34, lambda: b""),
]
_ZIP64: Final = [
    _archive("ZIP64 end promised", "bad-end-record", replace(_VALID, end={"directory_start": FULL_32}), 23),
    _archive("ZIP64 count differs", "bad-end-record", replace(_VALID, end_64={"count": 9, "disk_count": 9}), 23),
    _archive("ZIP64 start differs", "bad-end-record", replace(_VALID, end_64={"directory_start": 9}), 23),
    _archive("ZIP64 end of another size", "bad-end-record", replace(_VALID, end_64={"record_size": 45}), 23),
    _archive("ZIP64 end on another disk", "many-disks", replace(_VALID, end_64={"disk": 1}), 23),
    _archive("locator to elsewhere", "bad-end-record", replace(_VALID, zip64_end=True, locator={"end_start": 0}), 23),
    _archive("locator far beyond", "bad-end-record", replace(_VALID, zip64_end=True, locator={"end_start": 2**64 - 1}), 23),
    _archive("locator of two disks", "many-disks", replace(_VALID, zip64_end=True, locator={"disks": 2}), 23),
    _archive(
        "more entries than are read",
        "too-many-entries",
        replace(_VALID, end={"count": FULL_16, "disk_count": FULL_16}, end_64={"count": 600_000, "disk_count": 600_000}),
        28,
    ),
    _metadata("ZIP64 field that contradicts", "bad-zip64-field", 23, extra=extra_field(1, bytes(8))),
    _metadata("ZIP64 field too short", "bad-zip64-field", 23, extra=extra_field(1, b""), directory={"size": FULL_32}),
    _metadata("ZIP64 field twice", "bad-extra-field", 23, extra=2 * extra_field(1, bytes(8))),
    _metadata("ZIP64 field in the local header only", "bad-zip64-field", 23, local_extra=extra_field(1, bytes(16))),
    _metadata("ZIP64 size without a field", "local-header-differs", 23, directory={"size": FULL_32}),
    _metadata(
        "ZIP64 sizes in both records, and a field in the directory only", "local-header-differs", 23,
        wide=frozenset({"size", "compressed_size"}), local={"size": FULL_32, "compressed_size": FULL_32}, local_extra=b"",
    ),
    _metadata("extra field past its end", "bad-extra-field", 23, extra=b"\x01\x00\xff\x00"),
]  # fmt: skip
_ENTRIES: Final = [
    _added("METADATA twice", "duplicate-entry", Entry(f"{_INFO}/METADATA", b"Name: other\n")),
    _added("a file twice", "duplicate-entry", Entry("demo/__init__.py", b"ANSWER = 42\n")),
    _added("METADATA in lower case too", "duplicate-entry", Entry(f"{_INFO}/metadata", b"Name: other\n")),
    _added("METADATA by a detour too", "duplicate-entry", Entry(f"{_INFO}/./METADATA", b"Name: other\n")),
    _added("METADATA with a backslash too", "duplicate-entry", Entry(f"{_INFO}\\METADATA", b"Name: other\n")),
    _archive("gap before an entry", "gap", changed(_VALID, "WHEEL", gap=b"junk")),
    _archive("gap before the directory", "gap", replace(_VALID, before_directory=b"junk")),
    _added("unlisted entry", "gap", Entry("demo/hidden.py", b"import os\n", unlisted=True)),
    _metadata("position too far", "gap", directory={"offset": 500}),
    _metadata("position of another entry", "overlap", directory={"offset": 0}),
    _metadata("position within another entry", "overlap", directory={"offset": 7}),
    _metadata("data of the next ones too", "overlap", local={"compressed_size": 9999}, directory={"compressed_size": 9999}),
    _metadata("huge size", "overlap", local={"compressed_size": FULL_32 - 1}, directory={"compressed_size": FULL_32 - 1}),
    _metadata("encrypted", "encrypted-entry", flags=1),
    _metadata("strongly encrypted", "encrypted-entry", flags=1 << 6),
    _metadata("patched data", "patched-entry", flags=1 << 5),
    *(
        _metadata(f"local header with another {what}", "local-header-differs", local={what: 1})
        for what in ("crc", "size", "compressed_size", "flags", "method")
    ),
    _metadata("local header with another name", "local-header-differs", local_name=f"{_INFO}/METADATB".encode()),
    _metadata("local header with a longer name", "local-header-differs", local_name=f"{_INFO}/METADATA2".encode()),
    _metadata("descriptor announced and not there", "bad-data-descriptor", 25, flags=1 << 3),
    _metadata(
        "descriptor with another size", "bad-data-descriptor", 25, descriptor=Descriptor(), gap=b"",
        directory={"size": 5},
    ),
    _added(
        "stored data of unknown length", "bad-data-descriptor",
        Entry("demo/s", b"x", method=0, descriptor=Descriptor(), local={"crc": 0, "size": 0, "compressed_size": 0}),
        pitfall=25,
    ),
    _added(
        "a second METADATA behind the end of streamed data", "bad-data-descriptor",
        Entry("demo/s", b"hi", descriptor=Descriptor(), raw=smuggled(b"hi")),
        pitfall=25,
    ),
    _added("extra field that runs past its end", "bad-extra-field", Entry("demo/s", b"hi", extra=b"\xfe\xca\xff\xff")),
    _added(
        "extra field that runs past its end in the local header alone", "bad-extra-field",
        Entry("demo/s", b"hi", local_extra=b"\xfe\xca\xff\xff"),
    ),
    _added("METADATA one folder up and down again", "duplicate-entry", Entry(f"../{_INFO}/METADATA", b"x"), pitfall=29),
    _added("METADATA by way of another folder", "duplicate-entry", Entry(f"x/../{_INFO}/METADATA", b"x"), pitfall=29),
    _added("METADATA as a folder", "duplicate-entry", Entry(f"{_INFO}/METADATA/", b""), pitfall=29),
    *(
        _added(f"METADATA as {name!r}", "duplicate-entry", Entry(name, b"x"), pitfall=29)
        for name in (
            f"{_INFO}/METADATA.", f"{_INFO}./METADATA", f"{_INFO}/METADATA ",
            f"{_INFO}/METADATA/x/..", f"{_INFO}/metadata", f"{_INFO}\\METADATA",
        )
    ),
    _added(
        "streamed entries that claim 4 GiB", "entry-too-large",
        Entry("demo/s", b"hi", descriptor=Descriptor(8), directory={"size": FULL_32 - 1}), pitfall=28,
    ),
    _added("METADATA on a drive, without a slash", "two-dist-infos", Entry(f"C:{_INFO}/METADATA", b"x"), pitfall=29),
    _added("METADATA on a drive", "duplicate-entry", Entry(f"C:/{_INFO}/METADATA", b"x"), pitfall=29),
    Damage(
        "one name in two encodings", "duplicate-entry", 24,
        lambda: to_bytes(
            with_entries(
                _VALID, Entry("caf\xe9.py".encode(), b"1", flags=0x800), Entry("caf\xe9.py".encode(), b"2", flags=0)
            )
        ),
    ),
    _added("stored data longer than its size", "stored-size-differs", Entry("demo/s", b"ab", method=0, raw=b"abc")),
    _added("stored data shorter than its size", "stored-size-differs", Entry("demo/s", b"abcd", method=0, raw=b"abc")),
    Damage("no local header", "bad-local-header", 24, lambda: to_bytes(_VALID).replace(b"PK\x03\x04", b"PK\x03\x05", 1)),
]  # fmt: skip
_NAMES: Final = [
    _added("NUL in a name", "bad-entry-name", Entry(b"demo/a\0.py"), pitfall=29),
    _added("no name", "bad-entry-name", Entry(b""), pitfall=29),
    _added("name marked as UTF-8 and is not", "bad-entry-name", Entry(b"demo/\xff.py", flags=0x800), pitfall=29),
    *(
        _added(
            f"Unicode path with another name, {where}",
            "bad-entry-name",
            Entry("demo/a.py", extra=extra, local_extra=local_extra),
            pitfall=29,
        )
        for path in [extra_field(0x7075, struct.pack("<BI", 1, zlib.crc32(b"demo/a.py")) + b"demo/b.py")]
        for where, extra, local_extra in [("in the directory", path, b""), ("in the local header", b"", path)]
    ),
    _added(
        "a Unicode path beside a name in no encoding",
        "bad-entry-name",
        Entry("demo/caf\u00e9.py".encode(), b"1", flags=0, extra=unicode_path("demo/caf\u00e9.py".encode())),
        pitfall=41,
    ),
    _added("a Unicode path that is cut off", "bad-extra-field", Entry("demo/a.py", b"1", extra=extra_field(0x7075, b""))),
    _added(
        "a Unicode path that is not UTF-8",
        "bad-extra-field",
        Entry("demo/a.py", b"1", extra=unicode_path(b"demo/a.py", b"demo/\xff.py")),
    ),
]
_CONTENTS: Final = [
    Damage(
        "deflate bomb as METADATA", "entry-too-large", 28,
        lambda: to_bytes(changed(_VALID, "METADATA", content=Hole(64 * _MEBIBYTE), raw=bomb(64 * _MEBIBYTE))),
    ),
    Damage(
        "deflate bomb as RECORD", "entry-too-large", 28,
        lambda: to_bytes(changed(_VALID, "RECORD", content=Hole(65 * _MEBIBYTE), raw=bomb(65 * _MEBIBYTE))),
    ),
    Damage(
        "deflate bomb that claims to be small", "damaged-entry", 28,
        lambda: to_bytes(changed(_VALID, "METADATA", content=b"Name: demo\n", raw=bomb(64 * _MEBIBYTE))),
    ),
    _metadata("wrong CRC", "damaged-entry", 28, local={"crc": 1}, directory={"crc": 1}),
    _metadata("no deflate", "damaged-entry", 28, raw=b"\xff\xff\xff"),
    _metadata("deflate that goes on", "damaged-entry", 28, raw=bomb(_MEBIBYTE) + b"junk", content=bytes(_MEBIBYTE)),
    _metadata("deflate that stops early", "damaged-entry", 28, raw=bomb(_MEBIBYTE)[:-3], content=bytes(_MEBIBYTE)),
    _metadata("Zstandard", "unknown-compression", 26, method=93, raw=b"\x28\xb5\x2f\xfd"),
]  # fmt: skip
_ROW: Final = f"{_INFO}/METADATA,sha256=x,1"
_STRUCTURE: Final = [
    _added("two dist-infos", "two-dist-infos", Entry("other-1.0.dist-info/METADATA", b"Name: other\n"), pitfall=20),
    _spec("no dist-info", "no-dist-info", WheelSpec(dist_info="demo-1.0.egg-info"), 20),
    _spec("no METADATA", "no-metadata", WheelSpec(without=frozenset({"METADATA"}))),
    _spec("no WHEEL", "no-wheel", WheelSpec(without=frozenset({"WHEEL"}))),
    _spec("no RECORD", "no-record", WheelSpec(without=frozenset({"RECORD"}))),
    _spec("RECORD with an open quote", "unclosed-quote", WheelSpec(record=b'"demo/__init__.py,,\n'), 16),
    _spec("RECORD with four columns", "bad-row", WheelSpec(record=f"{_ROW},2\n".encode()), 16),
    _spec("RECORD with two columns", "bad-row", WheelSpec(record=f"{_INFO}/METADATA,sha256=x\n".encode()), 16),
    _spec("RECORD with a huge column", "bad-row", WheelSpec(record=f"{_INFO}/METADATA,{'x' * 200_000},1\n".encode()), 16),
    _spec(
        "METADATA that two readers read differently", "ambiguous-metadata",
        WheelSpec(metadata=b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nSummary: x\rRequires-Dist: triton\n\n"), 14,
    ),
]  # fmt: skip

DAMAGES: Final = [*_ENDS, *_ZIP64, *_ENTRIES, *_NAMES, *_CONTENTS, *_STRUCTURE]
