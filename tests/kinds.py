"""Wheels of many kinds: a valid one changed in one respect or in two, every defect, every faulty archive, and random damage.

What is only text stands in ``kinds.toml``; the kinds that need more are the tables of this module.
"""

import bz2
import lzma
import struct
import tomllib
import zlib
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from building import ALL_WIDE, FULL_16, FULL_32, Descriptor, Entry, every, extra_field, with_entries
from damages import DAMAGES
from defects import DEFECTS, Defect, signature_of
from drafting import (
    INFO,
    Draft,
    Knob,
    both,
    fields,
    file,
    files,
    head,
    info,
    member,
    named,
    option,
    row,
    rows,
    scripts,
    setting,
    shape,
    style,
    tagged,
    wheel,
)
from mutating import mutated

TEXTS: Final[dict[str, Any]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
_SUM: Final = b"sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


class Sample(Struct, frozen=True):
    """A wheel of one ``kind``, which ``make`` gives with its file name."""

    kind: str
    make: Callable[[], tuple[str, bytes]]


def _texts() -> Iterator[tuple[str, Knob]]:
    """Yield the kinds of ``kinds.toml``."""
    for text in TEXTS["requirements"]:
        yield f"requirement {text!a}", fields(f"Requires-Dist: {text}")
    for text in TEXTS["markers"]:
        yield f"marker {text!a}", fields(f"Requires-Dist: six; {text}")
    for text in TEXTS["requires_python"]:
        yield f"Requires-Python {text!a}", fields(f"Requires-Python: {text}")
    for text in TEXTS["fields"]:
        yield f"METADATA with {text[:60]!a}", fields(text)
    for version, lines, licenses in TEXTS["versions"]:
        knobs = [info(name, b"MIT") for name in licenses]
        kind = f"Metadata-Version {version} with {lines} and {licenses}"
        yield kind, both(head("Metadata-Version:", f"Metadata-Version: {version}"), fields(*lines), *knobs)
    for old, new in TEXTS["heads"]:
        yield f"METADATA with {new[:60]!a} for {old}", head(old, new)
    for kind, text in TEXTS["bodies"].items():
        yield f"METADATA: {kind}", setting(body=text)
    for old, *new in TEXTS["wheel_lines"]:
        yield f"WHEEL with {new!a} for {old!r}", wheel(old, *new)
    for text in TEXTS["entry_points"]:
        yield f"entry points {text!a}", scripts(text)
    for name in TEXTS["file_names"]:
        yield f"a file called {name[:30]!a}", file(name)
    for name, content in TEXTS["info_files"]:
        yield f"dist-info/{name} with {content[:12]!a}", info(name, content.encode())


_METADATA: Final[dict[str, Knob]] = {
    "METADATA with CRLF": setting(metadata_end="\r\n"),
    "METADATA with CR": setting(metadata_end="\r"),
    "METADATA with a BOM": head("Metadata-Version:", "\ufeffMetadata-Version: 2.1"),
    "METADATA in Latin-1": fields("Author: M\udcfcller"),
    "a body that is no UTF-8": setting(body="\n\n\udcff\n"),
    "a long description": setting(body="\n\n" + "words " * 20_000 + "\n"),
    "a version of 300 digits": fields("Requires-Dist: six==" + "9" * 300),
    "a version of 20,000 digits": fields("Requires-Dist: six==" + "9" * 20_000),
    "a long line": fields("Keywords: " + "x" * 5_000),
    "many fields": fields(*["Classifier: x"] * 2_000),
    "no requirements": setting(fields=()),
    "no GPU requirements": setting(fields=("Requires-Dist: requests",)),
    "a requirement twice": fields("Requires-Dist: requests>=2"),
    "an extra with a requirement": fields("Provides-Extra: x", "Requires-Dist: triton; extra == 'x'"),
    "an extra whose requirement goes": fields("Provides-Extra: gpu", "Requires-Dist: nvidia-nccl-cu12; extra == 'gpu'"),
    "entry points in Latin-1": scripts("[console_scripts]\ndemo = demo:main\udcff\n"),
    "WHEEL with CRLF": setting(wheel_end="\r\n"),
    "WHEEL with CR": setting(wheel_end="\r"),
    "WHEEL in Latin-1": wheel("Generator:", "Generator: M\udcfcller"),
    "WHEEL that is empty": setting(wheel=()),
}
_NAMES: Final[dict[str, Knob]] = {
    "a dot in the name, in dist-info too": named("demo.x-1.0-py3-none-any.whl", name="demo.x"),
    "a dot in the name, escaped": named("demo_x-1.0-py3-none-any.whl", name="demo.x"),
    "a name in capitals": named("Demo-1.0-py3-none-any.whl", name="Demo"),
    "a name in capitals in METADATA": named("demo-1.0-py3-none-any.whl", name="Demo"),
    "dist-info in capitals": named("demo-1.0-py3-none-any.whl", "Demo-1.0.dist-info"),
    "dist-info of 1": named("demo-1.0-py3-none-any.whl", "demo-1.dist-info"),
    "dist-info of 1.0 under 1.0.0": named("demo-1.0.0-py3-none-any.whl", INFO),
    "dist-info of 1.0.0 under 1.0": named("demo-1.0-py3-none-any.whl", "demo-1.0.0.dist-info"),
    "dist-info without a version": named("demo-1.0-py3-none-any.whl", "demo.dist-info"),
    "dist-info with its end in capitals": named("demo-1.0-py3-none-any.whl", "demo-1.0.DIST-INFO"),
    "dist-info of another project": named("demo-1.0-py3-none-any.whl", "other-1.0.dist-info"),
    "dist-info of a longer name": named("demo-1.0-py3-none-any.whl", "demox-1.0.dist-info"),
    "dist-info of another version": named("demo-1.0-py3-none-any.whl", "demo-2.0.dist-info"),
    "dist-info with a hyphen": named("demo_x-1.0-py3-none-any.whl", "demo-x-1.0.dist-info", name="demo-x"),
    "dist-info with a dot": named("demo_x-1.0-py3-none-any.whl", "demo.x-1.0.dist-info", name="demo.x"),
    "two underscores": named("demo__x-1.0-py3-none-any.whl", name="demo-x"),
    "a hyphen in the file name": named("demo-x-1.0-py3-none-any.whl", "demo_x-1.0.dist-info", name="demo-x"),
    "a local label": named("demo-1.0+cu118-py3-none-any.whl", version="1.0+cu118"),
    "a local label, escaped": named("demo-1.0_cu118-py3-none-any.whl", version="1.0+cu118"),
    "a long local label": named("demo-1.0+cu.118_x-py3-none-any.whl", version="1.0+cu.118.x"),
    "a version with a v": named("demo-v1.0-py3-none-any.whl"),
    "a version with more zeros in METADATA": named("demo-1.0-py3-none-any.whl", version="1.0.0"),
    "an epoch": named("demo-1!1.0-py3-none-any.whl", version="1!1.0"),
    "a prerelease": named("demo-1.0rc1-py3-none-any.whl", version="1.0rc1"),
    "a prerelease, spelt otherwise": named("demo-1.0.rc1-py3-none-any.whl", version="1.0rc1"),
    "leading zeros": named("demo-2024.01.02-py3-none-any.whl", version="2024.1.2"),
    "a post release": named("demo-1.0.post1-py3-none-any.whl", version="1.0-1"),
    "a build tag": setting(filename="demo-1.0-1-py3-none-any.whl"),
    "a build tag with letters": setting(filename="demo-1.0-1abc-py3-none-any.whl"),
    "a build tag without a number": setting(filename="demo-1.0-abc-py3-none-any.whl"),
    "a build tag and Build": both(setting(filename="demo-1.0-1-py3-none-any.whl"), wheel("", "Build: 1")),
    "two Pythons": tagged("py2.py3-none-any", "Tag: py2-none-any", "Tag: py3-none-any"),
    "two Pythons the other way round": tagged("py3.py2-none-any", "Tag: py2-none-any", "Tag: py3-none-any"),
    "two Pythons in one tag": tagged("py2.py3-none-any", "Tag: py2.py3-none-any"),
    "tags that differ": tagged("py2.py3-none-any", "Tag: py3-none-any"),
    "tags in capitals": tagged("PY3-NONE-ANY", "Tag: py3-none-any"),
    "a tag twice": tagged("py3.py3-none-any", "Tag: py3-none-any"),
    "a file name of six parts": setting(filename="demo-1.0-1-py3-none-any-x.whl"),
    "a variant": both(setting(filename="demo-1.0-py3-none-any-cu128.whl"), info("variant.json", b"{}")),
    "a file name of four parts": setting(filename="demo-1.0-py3-none.whl"),
    "an empty tag": setting(filename="demo-1.0-py3--any.whl"),
    "a second download": setting(filename="demo-1.0-py3-none-any (1).whl"),
    "an ending in capitals": setting(filename="demo-1.0-py3-none-any.WHL"),
}


def _size(text: str) -> Knob:
    return row(lambda line: line.rpartition(b",")[0] + b"," + text.encode())


def _hash(text: bytes) -> Knob:
    return row(lambda line: b",".join((line.split(b",")[0], text, line.split(b",")[2])))


def _path(change: Callable[[bytes], bytes]) -> Knob:
    return row(lambda line: b",".join((change(line.split(b",")[0]), *line.split(b",")[1:])))


def _more(*lines: bytes) -> Knob:
    return rows(lambda given: [*given, *(line + b"\n" for line in lines)])


def _own(columns: bytes) -> Knob:
    """Return what gives the row of RECORD itself these columns."""
    return rows(lambda given: [line.split(b",")[0] + columns + b"\n" if b"/RECORD" in line else line for line in given])


_RECORDS: Final[dict[str, Knob]] = {
    **{f"RECORD by {name}": style(algorithm=name) for name in (
        "sha384", "sha512", "blake2b", "blake2s", "sha3_256", "sha224", "sha1", "md5",
    )},
    **{f"RECORD with {end!r}": style(line_end=end) for end in ("\r\n", "\r", "\r\r\n", "\n\n")},
    **{f"the row of RECORD {place}": style(own_row=place) for place in ("first", "middle", "missing")},
    "RECORD quoted": style(quoted=True),
    "RECORD without a final newline": style(final_newline=False),
    "RECORD lacks a file": style(unlisted=frozenset({"demo/version.py"})),
    "RECORD lacks METADATA": style(unlisted=frozenset({f"{INFO}/METADATA"})),
    "RECORD with a BOM": rows(lambda given: [b"\xef\xbb\xbf", *given]),
    "RECORD with a comment": rows(lambda given: [b"# made\n", *given]),
    "RECORD with an empty line": rows(lambda given: [*given[:1], b"\n", *given[1:]]),
    "RECORD that is empty": rows(lambda given: []),
    **{f"RECORD with {line!r} more": _more(line) for line in (
        b"", b"  ", b",,", b"demo/x", b"demo/x,", b"demo/gone.py,,", b"demo/gone.py," + _SUM + b",0", b"../../bin/demo,,",
        b"demo/,,", b"demo,,", b"demo/__pycache__/x.pyc,,", b"demo/__init__.py,,", b"demo/\xfc.py,,", b"demo/x,\0,",
        b"demo/\xe2\x80\xa8,,", b"other-1.0.dist-info/RECORD,,", INFO.encode() + b"/INSTALLER,,",
        INFO.encode() + b"/RECORD,,",
    )},
    "a row twice": rows(lambda given: [*given[:1], *given]),
    "a row of four columns": row(lambda line: line + b","),
    "a row of blanks": row(lambda line: line.replace(b",", b" , ")),
    "a row without hash and size": row(lambda line: line.split(b",")[0] + b",,"),
    **{f"a size of {text!a}": _size(text) for text in (
        "", "-1", "+12", "1_2", "012", "12.0", " 12", "12 ", "13", "0x0c", "\u0661\u0662", "12\t", "9" * 30, "12\r",
    )},
    **{f"a hash of {text!r}": _hash(text) for text in (
        _SUM, _SUM + b"=", b"", b"sha256=", b"sha256", _SUM[7:], b"crc32=AAAA", b"shake_128=AAAA", b"SHA256=AAAA",
        b"sha-256=AAAA", b"sha256=!", b"sha256:AAAA", b'"' + _SUM + b'"',
    )},
    "a hash of SHA256 in capitals": row(lambda line: line.replace(b"sha256", b"SHA256")),
    "a hash with padding": row(lambda line: line.replace(b",12", b"=,12")),
    "a path with a blank in front": _path(lambda path: b" " + path),
    "a path with a blank behind": _path(lambda path: path + b" "),
    "a path with ./": _path(lambda path: b"./" + path),
    "a path with a slash in front": _path(lambda path: b"/" + path),
    "a path with backslashes": _path(lambda path: path.replace(b"/", b"\\")),
    "a path with two slashes": _path(lambda path: path.replace(b"/", b"//")),
    "a path with ..": _path(lambda path: b"x/../" + path),
    "a path in capitals": _path(bytes.upper),
    "a path with a quote in it": _path(lambda path: path.replace(b"/", b'/"')),
    "a path with an open quote": _path(lambda path: b'"' + path),
    "a path in quotes": _path(lambda path: b'"' + path + b'"'),
    "a path in quotes with more behind": _path(lambda path: b'"' + path + b'"x'),
    "a path with a form feed": _path(lambda path: b"\x0c" + path),
    **{f"RECORD with the columns {columns!r} for itself": _own(columns) for columns in (
        b"," + _SUM + b",0", b",,1", b"", b",", b",,,",
    )},
    "RECORD.jws": info("RECORD.jws", signature_of(b"")),
    "RECORD.p7s": info("RECORD.p7s", b"signature"),
    "RECORD.jws with a row": both(info("RECORD.jws", b"{}"), _more(INFO.encode() + b"/RECORD.jws,,")),
}  # fmt: skip


def _data(*parts: str, folder: str = "demo-1.0.data", content: bytes = b"1\n") -> Knob:
    return file("/".join((folder, *parts)), content, mode=0o100755 if parts[0] == "scripts" else 0o100644)


_FOLDER: Final[dict[str, Any]] = {"content": b"", "method": 0, "mode": 0o40755}
_DEMO: Final = scripts("[console_scripts]\ndemo = demo:main\n")
_FILES: Final[dict[str, Knob]] = {
    **{f"a file called {name!a} without the UTF-8 flag": file(name) for name in (
        b"demo/caf\xe9.py", b"demo/caf\xc3\xa9.py", b"demo/\x80", b"demo/plain.py",
    )},
    "an ASCII name with the UTF-8 flag": file("demo/u.py", flags=0x800),
    "two names that are one without case": files(Entry("demo/a.txt", b"a"), Entry("demo/A.txt", b"A")),
    "two names that are one in Unicode": files(Entry("demo/caf\xe9", b"a"), Entry("demo/cafe\u0301", b"A")),
    "a file and a folder of one name": files(Entry("demo/x", b""), Entry("demo/x/", **_FOLDER)),
    "a file below a file": files(Entry("demo/x", b"x"), Entry("demo/x/y", b"y")),
    "a file twice": files(Entry("demo/x", b"x"), Entry("demo/x", b"x")),
    "a folder": files(Entry("demo/sub/", **_FOLDER)),
    "a folder with content": files(Entry("demo/sub/", b"x", 0, mode=0o40755)),
    "folders": option(folders=True),
    "no files": setting(files=()),
    "an empty file": file("demo/empty", b""),
    **{f"a file with mode {mode:o}": file("demo/x", mode=mode) for mode in (
        0, 0o100000, 0o100755, 0o100777, 0o104755, 0o102755, 0o101777, 0o120777, 0o40755, 0o20644, 0o10644,
        0o140644, 0o60644, 0o644,
    )},
    **{f"a file made by {made_by:#x}": file("demo/x", made_by=made_by) for made_by in (0, 20, 0x0A14, 0x1314, 0xFF14)},
    **{f"DOS attributes {bits:#x}": file("demo/x", directory={"external_attributes": 0o100644 << 16 | bits})
       for bits in (0x01, 0x02, 0x08, 0x10, 0x20, 0x40)},
    "dist-info first": option(dist_info_first=True),
    "all stored": option(stored=True),
    "a second dist-info": file("other-1.0.dist-info/METADATA", b"Name: other\n"),
    "a second dist-info in capitals": file("other-1.0.DIST-INFO/x"),
    "an empty second dist-info": files(Entry("other-1.0.dist-info/", **_FOLDER)),
    "a dist-info below a folder": file("demo/_vendor/x-1.0.dist-info/METADATA", b"Name: x\n"),
    "a file called x.dist-info": file("x.dist-info", b""),
    **{f"data/{'/'.join(parts)}": _data(*parts) for parts in (
        ("purelib", "x.py"), ("platlib", "x.py"), ("data", "etc", "x"), ("headers", "x.h"), ("scripts", "tool"),
        ("scripts", "sub", "tool"), ("lib", "x"), ("Purelib", "x"), ("purelib",), ("scripts",), ("include", "x.h"),
        ("data", "bin", "x"), ("purelib", "demo", "__init__.py"), ("scripts", "..", "x"), ("data", "a b"), ("", "x"),
        (".", "x"),
        ("scripts", "python"), ("scripts", "demo.exe"), ("data", "..", "x"), ("data", "caf\xe9"), ("scripts", "activate"),
    )},
    "data with folders": files(Entry("demo-1.0.data/", **_FOLDER), Entry("demo-1.0.data/data/", **_FOLDER)),
    "data of another project": _data("data", "x", folder="other-1.0.data"),
    "data of another version": _data("data", "x", folder="demo-2.0.data"),
    "data in capitals": _data("data", "x", folder="Demo-1.0.data"),
    "data with its end in capitals": _data("data", "x", folder="demo-1.0.DATA"),
    "data that a new version would take": _data("data", "x", folder="demo-1.0+cpu.data"),
    "unknown data of another project": _data("foo", "x", folder="other-1.0.data"),
    "a file called x.data": file("x.data"),
    **{f"a script with {content!r}": _data("scripts", "tool", content=content) for content in (
        b"#!python\nprint()\n", b"#!pythonw\n", b"#!/usr/bin/env python\n", b"#!python -u\n", b"#!/bin/sh\n", b"", b"#!",
        b"#!python", b"#!python\r\n", b"#!python3\n", b"\xff\xfe", b"#! python\n", b"#!python\xff\n", b"#!python\0\n",
    )},
    **{f"a script {name} beside an entry point": both(_data("scripts", name, content=b"#!python\n"), _DEMO) for name in (
        "demo", "Demo", "demo.exe", "demo-script.py", "demo.pya", "demo.py",
    )},
    **{f"no {name}": option(without=frozenset({name})) for name in ("METADATA", "WHEEL", "RECORD")},
}  # fmt: skip


def _unicode_path(path: bytes, *, version: int = 1, name: bytes = b"demo/p.py") -> bytes:
    return extra_field(0x7075, struct.pack("<BI", version, zlib.crc32(name)) + path)


def _zstandard(content: bytes) -> bytes:
    """Return ``content`` as a frame of one raw block (RFC 8878, 3.1.1)."""
    return b"\x28\xb5\x2f\xfd\x20" + bytes([len(content)]) + struct.pack("<I", len(content) << 3 | 1)[:3] + content


def _zip_lzma(content: bytes) -> bytes:
    """Return ``content`` as LZMA with the header that ZIP wants (APPNOTE 5.8.8)."""
    packed = lzma.compress(content, lzma.FORMAT_ALONE)
    return b"\x09\x14\x05\0" + packed[:5] + packed[13:]


_BOTH: Final = (
    ("crc", 1), ("size", 1), ("compressed_size", 1), ("flags", 2), ("flags", 6), ("flags", 0x10), ("flags", 0x80),
    ("flags", 0x800),
    ("flags", 0x1000), ("flags", 0x20), ("flags", 0x40), ("flags", 1), ("flags", 8), ("method", 0), ("method", 9),
    ("method", 99),
    ("time", 1), ("time", 0xFFFF), ("date", 0), ("date", 0xFFFF), ("needed", 0), ("needed", 45), ("needed", 63),
    ("needed", 64),
    ("needed", 255), ("needed", 0x0314),
)  # fmt: skip
_DIRECTORY: Final = (
    ("made_by", 0), ("made_by", 0xFFFF), ("internal_attributes", 1), ("internal_attributes", 0xFFFF), ("disk", 1),
    ("disk", FULL_16), ("offset", 1), ("offset", FULL_32), ("external_attributes", FULL_32), ("comment_length", 1),
)  # fmt: skip
_ENDS: Final = ("disk", "directory_disk", "disk_count", "count", "directory_size", "directory_start", "comment_length")
_RECORD: Final = ("local", "directory")
_EXTRAS: Final[dict[str, bytes]] = {
    "times of Unix": extra_field(0x5455, b"\x03" + bytes(8)), "user and group": extra_field(0x7875, b"\x01\x04" + bytes(9)),
    "a field of no length": extra_field(0xCAFE, b""), "an unknown field": extra_field(0x9999, b"x" * 24),
    "a field twice": 2 * extra_field(0xCAFE, b"x"),
    "1 byte": b"\0", "2 bytes": b"\0\0", "3 bytes": b"\0\0\0", "4 bytes": bytes(4),
    "a field that runs past its end": b"\xfe\xca\x09\0x", "padding of Java": bytes(8),
    "padding of Android": extra_field(0xD935, b"\4\0\0\0"),
    "a ZIP64 field without need": extra_field(1, bytes(16)), "a ZIP64 field of no length": extra_field(1, b""),
    "a ZIP64 field of 8 bytes": extra_field(1, bytes(8)), "a ZIP64 field of 28 bytes": extra_field(1, bytes(28)),
    "a Unicode path": _unicode_path(b"demo/p.py"), "a Unicode path that differs": _unicode_path(b"demo/q.py"),
    "a Unicode path of another version": _unicode_path(b"demo/q.py", version=2),
    "a Unicode path of another name": _unicode_path(b"demo/q.py", name=b"x"),
    "a Unicode path that is empty": _unicode_path(b""),
    "a Unicode path with NUL": _unicode_path(b"demo/\0"), "a Unicode path that is no UTF-8": _unicode_path(b"\xff"),
    "a Unicode path that is too short": extra_field(0x7075, b"\1"), "a Unicode path twice": 2 * _unicode_path(b"demo/p.py"),
    "a Unicode comment": extra_field(0x6375, struct.pack("<BI", 1, 0) + b"x"),
    "strong encryption": extra_field(0x17, bytes(8)),
    "AES": extra_field(0x9901, b"\2\0AE\3\0\0"),
}  # fmt: skip
_ARCHIVES: Final[dict[str, Knob]] = {
    **{f"{where} {key} {value:#x} of {name}": member(name, **{where: {key: value}})
       for name in ("version.py", "WHEEL") for where in _RECORD for key, value in _BOTH},
    **{f"{key} {value:#x} of both": member("version.py", local={key: value}, directory={key: value})
       for key, value in _BOTH},
    **{f"directory {key} {value:#x}": member("version.py", directory={key: value}) for key, value in _DIRECTORY},
    **{f"end {key} {value:#x}": shape(partial(replace, end={key: value})) for key in _ENDS for value in (0, 1, FULL_16)},
    **{f"ZIP64 end, {key} {value:#x}": shape(partial(replace, zip64_end=True, end={key: value}))
       for key in _ENDS[:6] for value in (0, FULL_16)},
    **{f"ZIP64 end, {key} {value:#x} there": shape(partial(replace, end_64={key: value}))
       for key in ("record_size", "made_by", "needed", "disk", "directory_disk", "disk_count", "count", "directory_size")
       for value in (0, 1, 0xFF)},
    **{f"ZIP64 locator, {key} {value}": shape(partial(replace, zip64_end=True, locator={key: value}))
       for key in ("disk", "end_start", "disks") for value in (0, 2)},
    **{f"{kind} in both": file("demo/p.py", extra=extra) for kind, extra in _EXTRAS.items()},
    **{f"{kind} in the directory": file("demo/p.py", extra=extra, local_extra=b"") for kind, extra in _EXTRAS.items()},
    **{f"{kind} in the local header": file("demo/p.py", local_extra=extra) for kind, extra in _EXTRAS.items()},
    **{f"a comment {comment!r}": shape(partial(replace, comment=comment)) for comment in (
        b"made", b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"\xff", b"x" * 65_535,
    )},
    **{f"{size} bytes {where}": shape(partial(replace, **{where: b"x" * size}))
       for where in ("leading", "trailing", "before_directory", "before_end") for size in (1, 22)},
    "a ZIP64 end": shape(partial(replace, zip64_end=True)),
    "a directory the other way round": shape(partial(replace, reversed_directory=True)),
    "a comment of an entry": member("version.py", comment=b"made"),
    "comments of all entries": shape(partial(every, comment=b"x")),
    "a gap": member("version.py", gap=b"x"),
    "an entry that is not listed": shape(lambda archive: with_entries(archive, Entry("x", b"", unlisted=True))),
    "another name in the local header": member("version.py", local_name=b"demo/versiom.py"),
    "another case in the local header": member("version.py", local_name=b"demo/VERSION.py"),
    **{f"a data descriptor, {form}": member("version.py", descriptor=form)
       for form in (Descriptor(width, signature) for width in (4, 8) for signature in (True, False))},
    "data descriptors": shape(partial(every, descriptor=Descriptor())),
    **{f"ZIP64 in the directory for {name}": member("version.py", wide=frozenset({name})) for name in ALL_WIDE},
    "ZIP64 in the directory": member("version.py", wide=ALL_WIDE),
    "ZIP64 in the local header": member("version.py", local_wide=True),
    "ZIP64 in both": member("version.py", wide=ALL_WIDE, local_wide=True),
    "Zstandard": file("demo/z", b"zstd", method=93, raw=_zstandard(b"zstd")),
    "Zstandard by its old number": file("demo/z", b"zstd", method=20, raw=_zstandard(b"zstd")),
    "bzip2": file("demo/z", b"x" * 99, method=12, raw=bz2.compress(b"x" * 99)),
    "LZMA": file("demo/z", b"x" * 99, method=14, raw=_zip_lzma(b"x" * 99)),
    "XZ": file("demo/z", b"x" * 99, method=95, raw=lzma.compress(b"x" * 99)),
    "deflate64": file("demo/z", b"x", method=9),
    "stored, said to be longer": file("demo/s", b"abc", method=0, local={"size": 4}, directory={"size": 4}),
    "stored, said to be shorter": file("demo/s", b"abc", method=0, local={"size": 2}, directory={"size": 2}),
    "stored, with more behind": file("demo/s", b"abc", method=0, raw=b"abcd"),
    "a bomb": file("demo/b", bytes(80_000_000), raw=zlib.compress(bytes(80_000_000), wbits=-15)),
    **{f"an entry of {time}": file("demo/t", time=time) for time in (
        (1980, 0, 0, 0, 0, 0), (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58), (2000, 13, 1, 0, 0, 0),
        (2001, 2, 30, 25, 0, 0),
    )},
}  # fmt: skip


@cache
def single() -> dict[str, Knob]:
    """Return every kind that differs from a valid wheel in one respect, by its name."""
    return {**dict(_texts()), **_METADATA, **_NAMES, **_RECORDS, **_FILES, **_ARCHIVES}


def samples(pairs: int, damaged: int) -> Iterator[Sample]:
    """Yield the valid wheel, one of each kind, ``pairs`` of two kinds, all defects and damages, and some damaged at random.

    The same wheels come each time, in the same order.
    """
    yield Sample("valid", Draft().build)
    kinds = single()
    for kind, knob in kinds.items():
        yield Sample(kind, partial(_built, knob))
    random = Random(0)
    for _ in range(pairs):
        (one, first), (other, second) = random.sample([*kinds.items()], 2)
        yield Sample(f"{one}; {other}", partial(_built, both(first, second)))
    yield from (Sample(f"{each.code}: {each.name}", each.make) for each in DEFECTS if _is_there(each))
    name = Draft().filename
    yield from (Sample(damage.name, lambda make=damage.make: (name, make())) for damage in DAMAGES)  # type: ignore[misc]
    for number, (kind, filename, data) in enumerate(mutated(12, damaged)):
        yield Sample(f"{kind} damaged, {number}", partial(_given, filename, data))


def _built(knob: Knob) -> tuple[str, bytes]:
    return knob(Draft()).build()


def _given(filename: str, data: bytes) -> tuple[str, bytes]:
    return filename, data


def _is_there(defect: Defect) -> bool:
    """Whether the defect is in a file, and one that readers get through in a moment."""
    return not defect.missing and not defect.code.endswith(("too-many-rows", "too-many-fields"))
