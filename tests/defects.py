"""Wheels with one defect each: at least one for every code of the table of checks, made from a wheel that is valid."""

import base64
import bz2
import hashlib
import json
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from building import (
    ALL_WIDE,
    FULL_32,
    Archive,
    Descriptor,
    Entry,
    RecordStyle,
    WheelSpec,
    archive_of,
    build_wheel,
    changed,
    deflate,
    extra_field,
    to_bytes,
)
from damages import DAMAGES, bomb, unicode_path

HEAD: Final = ("Metadata-Version: 2.1", "Name: demo", "Version: 1.0", "Summary: A wheel for tests")
TYPE: Final = "Description-Content-Type: text/markdown"
NEEDS: Final = "Requires-Dist: requests>=2"
_BODY: Final = "\n\n# demo\n\nIt is made for tests.\n"
_WHEEL: Final = ("Wheel-Version: 1.0", "Generator: sample (1.0)", "Root-Is-Purelib: true", "Tag: py3-none-any")
_FILES: Final = WheelSpec().files


class Defect(Struct, frozen=True):
    """A wheel with one defect, of which ``make`` gives the file name and the bytes.

    ``with_codes`` come with it by their nature, for ``reason``. ``beside`` makes a second wheel that it is looked at
    with; a wheel that is ``missing`` is not written.
    """

    name: str
    code: str
    make: Callable[[], tuple[str, bytes]]
    with_codes: frozenset[str] = frozenset()
    reason: str = ""
    beside: Callable[[], tuple[str, bytes]] | None = None
    missing: bool = False

    def write(self, folder: Path) -> list[Path]:
        """Write the wheel, and the one beside it, into ``folder``; return their paths."""
        made = [self.make(), *([self.beside()] if self.beside else [])]
        for name, data in () if self.missing else made:
            (folder / name).write_bytes(data)
        return [folder / name for name, _ in made]


def metadata(*lines: str, head: Iterable[str] = HEAD, rest: Iterable[str] = (TYPE, NEEDS), body: str = _BODY) -> bytes:
    """Return METADATA with ``lines`` more; ``surrogateescape`` stands for bytes that are no UTF-8."""
    return ("\n".join([*head, *rest, *lines]) + body).encode("utf-8", "surrogateescape")


def valid(**changes: Any) -> WheelSpec:
    """Return a wheel that is valid in every way, but for ``changes``."""
    return replace(WheelSpec(metadata=metadata()), **changes)


VALID: Final = archive_of(valid())


def _spec(code: str, name: str, with_codes: Iterable[str] = (), reason: str = "", **changes: Any) -> Defect:
    spec = valid(**changes)
    return Defect(name, code, lambda: (spec.filename, build_wheel(spec)), frozenset(with_codes), reason)


def _archive(code: str, name: str, archive: Archive) -> Defect:
    return Defect(name, code, lambda: (valid().filename, to_bytes(archive)))


def _called(code: str, filename: str, spec: WheelSpec) -> Defect:
    return Defect(f"called {filename}", code, lambda: (filename, build_wheel(spec)))


def _files(code: str, name: str, *entries: Entry) -> Defect:
    """Return a wheel with more files, all of them in RECORD."""
    return _spec(code, name, files=(*_FILES, *entries))


def _metadata(
    code: str, *lines: str, head: Iterable[str] = HEAD, rest: Iterable[str] = (TYPE, NEEDS), body: str = _BODY
) -> Defect:
    return _spec(code, " and ".join(lines)[:60] or "METADATA", metadata=metadata(*lines, head=head, rest=rest, body=body))


def _head(code: str, old: str, new: str) -> Defect:
    return replace(
        _metadata(code, head=[new if line == old else line for line in HEAD if line != old or new]), name=new or old
    )


def _wheel(code: str, old: str, new: str) -> Defect:
    lines = [new if line == old else line for line in _WHEEL if line != old or new]
    return _spec(code, f"WHEEL with {new!r}", wheel="\n".join([*lines, ""]).encode("utf-8", "surrogateescape"))


def _info(code: str, name: str, content: bytes, with_codes: Iterable[str] = (), reason: str = "") -> Defect:
    return _spec(code, f"{name} of {len(content)} bytes", with_codes, reason, dist_info_files={name: content})


def record_of(spec: WheelSpec) -> list[bytes]:
    """Return the rows of RECORD as the builder writes them, each with its line end."""
    content = archive_of(spec).entries[-1].content
    assert isinstance(content, bytes)
    return content.splitlines(keepends=True)


def _record(
    code: str, name: str, change: Callable[[list[bytes]], list[bytes]], *, with_codes: Iterable[str] = (), reason: str = "",
    **changes: Any,
) -> Defect:  # fmt: skip
    """Return a wheel whose rows of RECORD are changed; those of the first two files come first."""
    rows = change(record_of(valid(**changes)))
    return _spec(code, name, with_codes, reason, record=b"".join(rows), **changes)


def _row(code: str, name: str, change: Callable[[list[bytes]], list[bytes]]) -> Defect:
    """Return a wheel in whose RECORD the columns of the first row are changed."""
    return _record(code, name, lambda rows: [b",".join(change(rows[0].rstrip().split(b","))) + b"\n", *rows[1:]])


def _hex(column: bytes) -> bytes:
    text = column.partition(b"=")[2]
    return b"sha256=" + base64.urlsafe_b64decode(text + b"=").hex().encode()


def signature_of(record: bytes) -> bytes:
    """Return a RECORD.jws as PEP 427 has it: a signature of the hash of ``record``."""
    text = base64.urlsafe_b64encode(hashlib.sha256(record).digest()).decode().rstrip("=")
    payload = base64.urlsafe_b64encode(json.dumps({"hash": f"sha256={text}"}).encode()).decode().rstrip("=")
    return json.dumps({"payload": payload, "signatures": []}).encode()


def _own_row(rows: list[bytes]) -> list[bytes]:
    return [*rows[:-1], rows[-1].replace(b",,", b"," + rows[0].split(b",", 1)[1].rstrip())]


_BESIDE: Final[dict[str, tuple[set[str], str]]] = {
    "entry-too-large": ({"archive-bad-data-descriptor", "archive-data-descriptor", "archive-compression-ratio",
                          "record-missing-row"}, "the descriptor is too short, and RECORD does not list the file"),
    "bad-entry-name": ({"archive-unsafe-name", "record-missing-row"}, "NUL is no character for a name either"),
    "stored-size-differs": ({"record-missing-row"}, "RECORD does not list the file"),
    "second-end-record": ({"archive-comment-bytes"}, "it has a signature, which is what that code is for"),
    "bad-extra-field": ({"archive-needless-zip64"}, "it is a ZIP64 field"),
    "bad-zip64-field": ({"archive-needless-zip64"}, "nothing calls for it"),
    "bad-data-descriptor": ({"archive-data-descriptor"}, "no data descriptor at all would be none to complain about"),
    "local-header-differs": ({"archive-entry-too-large", "archive-compression-ratio"}, "METADATA claims 4 GiB"),
    "overlap": ({"archive-gap"}, "the place of METADATA belongs to no entry"),
    "many-disks": ({"archive-bad-directory"}, "one of two counts of entries is wrong"),
    "duplicate-entry": ({"filename-name-differs", "metadata-missing-field", "metadata-no-description", "record-wrong-hash"},
                         "the second METADATA is read"),
}  # fmt: skip
_READ_FIRST: Final = {damage.code: damage for damage in reversed(DAMAGES)}
_STRICT: Final = [
    Defect(
        damage.name,
        f"archive-{code}",
        lambda damage=damage: (valid().filename, damage.make()),  # type: ignore[misc]
        frozenset(_BESIDE.get(code, (set(), ""))[0]),
        _BESIDE.get(code, ("", ""))[1],
    )
    for code, damage in _READ_FIRST.items()
    if code in {
        "not-a-zip", "empty-file", "truncated", "empty-archive", "leading-bytes", "trailing-bytes", "second-end-record",
        "bad-end-record", "many-disks", "too-many-entries", "bad-directory", "bad-local-header", "local-header-differs",
        "bad-data-descriptor", "bad-extra-field", "bad-zip64-field", "bad-entry-name", "duplicate-entry", "gap", "overlap",
        "encrypted-entry", "patched-entry", "entry-too-large", "stored-size-differs",
    }
]  # fmt: skip
"""What corrections refuse, each with what ``verify`` finds beside it."""
_HUGE: Final = {"size": FULL_32 - 2}
_DEFLATED: Final = len(deflate(b"cuda = None\n"))
"""The compressed size of version.py."""
_WITH_CAFE: Final = archive_of(valid(files=(*_FILES, Entry("demo/caf\u00e9.py", b"1"))))
_ARCHIVE: Final = [
    *_STRICT,
    replace(_files("archive-too-large", "files that claim 12 GiB",
           *(Entry(f"demo/{name}", b"", raw=b"\x03\x00", local=_HUGE, directory=_HUGE) for name in "abc")),
            with_codes=frozenset({"archive-compression-ratio"}), reason="they claim it of a small file"),
    _files("archive-too-many-directories", "a hundred files, each in 99 folders of its own",
           *(Entry(f"{number:039}/" * 99 + "x", b"") for number in range(100))),
    _archive("archive-damaged-entry", "a file with another CRC-32",
             changed(VALID, "version.py", local={"crc": 1}, directory={"crc": 1})),
    _archive("archive-damaged-entry", "METADATA with another CRC-32",
             changed(VALID, "METADATA", local={"crc": 1}, directory={"crc": 1})),
    replace(_files("archive-duplicate-entry", "a file by a detour too", Entry("demo/x", b"1"), Entry("demo/./x", b"2")),
            with_codes=frozenset({"archive-odd-path"}), reason="the detour is odd by itself"),
    _spec("archive-duplicate-entry", "METADATA in lower case too", {"archive-same-name-folded"},
          "the names are one where case is ignored", dist_info_files={"metadata": b""}),
    _files("archive-unknown-compression", "a file in Zstandard",
           Entry("demo/z", b"z", method=93, raw=b"\x28\xb5\x2f\xfd\x20\x01\x09\0\0z")),
    _files("archive-unknown-compression", "a file in bzip2", Entry("demo/z", b"z", method=12, raw=bz2.compress(b"z"))),
    _files("archive-unknown-compression", "a file in a method of old", Entry("demo/z", b"z", method=1, raw=b"z")),
    *(_files("archive-unsafe-name", f"a file called {name[:20]!a}", Entry(name, b"")) for name in (
        "../up.py", "/etc/demo.py", "C:/demo.py", "demo\\x.py", "demo/\x1b[2J.py", "x" * 256 + ".py",
        "demo/\u202egnp.py", "demo/\ufeffx.py", "demo/\ue000.py",
    )),
    *(_files("archive-windows-name", f"a file called {name}", Entry(f"demo/{name}", b"1")) for name in (
        "con.py", "NUL", "a?.py", "x.", "y ", "a:b.py", "Com1.tar.gz", "aux /x.py",
    )),
    _archive("archive-newer-version", "an entry that needs version 14.8",
             changed(VALID, "version.py", local={"needed": 148}, directory={"needed": 148})),
    _archive("archive-newer-version", "a local header that needs version 25.5",
             changed(VALID, "version.py", local={"needed": 255})),
    *(_archive("archive-data-descriptor", f"a data descriptor of {width} bytes",
               changed(VALID, "version.py", descriptor=Descriptor(width))) for width in (4, 8)),
    *(_archive("archive-extra-field-rest", f"{count} bytes behind the extra fields",
               changed(VALID, "version.py", local_extra=extra_field(0xCAFE, b"ab") + bytes(count))) for count in (1, 2, 3)),
    _archive("archive-bad-extra-field", "a field of a local header that is cut off",
             changed(VALID, "version.py", local_extra=b"\xfe\xca\xff\xff")),
    _archive("archive-bad-extra-field", "a time stamp twice",
             changed(VALID, "version.py", extra=2 * extra_field(0x5455, b"\1abcd"))),
    _archive("archive-bad-extra-field", "a Unicode comment that is cut off",
             changed(VALID, "version.py", extra=extra_field(0x6375, b""))),
    replace(_archive("archive-odd-zip64-field", "a ZIP64 field in the directory that nothing calls for",
                     changed(VALID, "version.py", extra=extra_field(1, struct.pack("<2Q", 12, _DEFLATED)), local_extra=b"")),
            with_codes=frozenset({"archive-needless-zip64"}), reason="nothing calls for it"),
    _archive("archive-odd-zip64-field", "a ZIP64 field with one of two sizes",
             changed(VALID, "version.py", local={"size": FULL_32}, local_extra=extra_field(1, struct.pack("<Q", 12)))),
    replace(_archive("archive-odd-unicode-path", "a stale Unicode path that is not UTF-8",
                     changed(VALID, "version.py", extra=unicode_path(b"demo/version.py", b"\xff", crc=7))),
            with_codes=frozenset({"archive-stale-unicode-path"}), reason="that it is stale is odd, too"),
    *(_archive("archive-name-encoding", f"a name in {encoding} without a flag",
               changed(_WITH_CAFE, "caf\u00e9.py", name="demo/caf\u00e9.py".encode(encoding), flags=0))
      for encoding in ("cp437",)),
    _archive("archive-entry-comment", "an entry with a comment", changed(VALID, "version.py", comment=b"hello")),
    _archive("archive-entry-comment", "an entry with a signature for a comment",
             changed(VALID, "version.py", comment=b"PK\1\2")),
    *(_archive("archive-comment-bytes", f"an archive with the comment {comment!a}", replace(VALID, comment=comment))
      for comment in (b"PK\3\4", b"PK\1\2", b"PK\6\6", b"a\1b")),
    _files("archive-directory-with-content", "a directory with content", Entry("demo/d/", b"abc", 0)),
    _files("archive-bad-zip64-field", "a local header with the ZIP64 field of the directory",
           Entry("demo/x", b"x" * 9, method=0, local={"size": FULL_32, "compressed_size": FULL_32},
                 local_extra=extra_field(1, struct.pack("<3QI", 9, 9, 0, 0)))),
    _files("archive-odd-path", "a name with an empty part", Entry("demo//x.py", b"1")),
    _files("archive-odd-path", "a name with a dot", Entry("demo/./x.py", b"1")),
    *(_archive("archive-odd-attributes", f"a file with the attributes 0x{attributes:x}",
               changed(VALID, "version.py", directory={"external_attributes": attributes}))
      for attributes in (0x10, 0x08, 0o100644 << 16 | 0x10, 0o040644 << 16)),
    _files("archive-odd-attributes", "a directory with the mode of a file", Entry("demo/d/", b"", mode=0o100644)),
    _archive("archive-odd-flag", "an entry with masked headers", changed(VALID, "version.py", flags=1 << 13)),
    _archive("archive-odd-flag", "an entry on a second disk", changed(VALID, "version.py", directory={"disk": 1})),
    *(_archive("archive-local-time-differs", f"a local header with another {what}",
               changed(VALID, "version.py", local={what: 1})) for what in ("time", "date")),
    *(_archive("archive-stale-unicode-path", f"a Unicode path {what}",
               changed(VALID, "version.py", extra=unicode_path(b"demo/version.py", b"demo/b.py", **changes)))
      for what, changes in (("of version 2", {"version": 2}), ("with another CRC-32", {"crc": 7}))),
    _files("archive-compression-ratio", "a megabyte of zeros, 65 times",
           *(Entry(f"demo/{number}", bytes(1 << 20), raw=bomb(1 << 20)) for number in range(65))),
    _files("archive-file-as-directory", "a file below a file", Entry("demo/x", b"x"), Entry("demo/x/y.py", b"y")),
    _files("archive-same-name-folded", "two files of one name", Entry("demo/a.txt", b"a"), Entry("demo/A.txt", b"A")),
    _files("archive-odd-mode", "a link", Entry("demo/link", b"version.py", mode=0o120777)),
    _files("archive-odd-mode", "set-user-id", Entry("demo/tool", b"#!", mode=0o104755)),
    _files("archive-mode-no-type", "executable, but no file", Entry("demo/tool", b"#!", mode=0o755)),
    _files("archive-bad-time", "a month of zero", Entry("demo/x", b"x", time=(1980, 0, 0, 0, 0, 0))),
    _files("archive-needless-zip64", "a small file in ZIP64 form", Entry("demo/x", b"x", wide=ALL_WIDE)),
]  # fmt: skip
_VARIANT_NAME: Final = "demo-1.0-py3-none-any-cu128.whl"
_IS_VARIANT: Final = frozenset({"filename-variant"})
_DRAFT: Final = "variant wheels are a draft"


def _variant(content: bytes) -> WheelSpec:
    return valid(dist_info_files={"variant.json": content})


_NAMES: Final = [
    Defect("a file that is not there", "file-unreadable", lambda: (valid().filename, b""), missing=True),
    _called("filename-malformed", "demo-1.0.whl", valid()),
    _spec("filename-tag-digit", "an interpreter that begins with a digit", {"wheel-bad-tags"}, "WHEEL says the same tag",
          tags="3-none-any"),
    _spec("filename-tag-digit", "a second tag that begins with a digit", {"wheel-bad-tags"}, "WHEEL says the same tag",
          tags="py3.3x-none-any"),
    _spec("filename-bad-version", "Version one everywhere", {"metadata-bad-version"}, "METADATA says the same Version",
          version="one", metadata=metadata(head=[*HEAD[:2], "Version: one"])),
    _spec("filename-bad-name", "two underscores", project="de__mo",
          metadata=metadata(head=[HEAD[0], "Name: de-mo", *HEAD[2:]])),
    _spec("filename-tag-case", "a tag in upper case", tags="PY3-none-any"),
    replace(_called("filename-variant", _VARIANT_NAME, _variant(b'{"variants": {"cu128": {}}}')), name="a variant wheel"),
    replace(_called("variant-unreadable", _VARIANT_NAME, valid()), with_codes=_IS_VARIANT, reason=_DRAFT),
    *(replace(_called("variant-unreadable", _VARIANT_NAME, _variant(content)), with_codes=_IS_VARIANT, reason=_DRAFT)
      for content in (b"[1]", b'{"variants": ["cu128"]}')),
    replace(_called("variant-differs", _VARIANT_NAME, _variant(b'{"variants": {"null": {}}}')), with_codes=_IS_VARIANT,
            reason=_DRAFT),
    _head("filename-name-differs", "Name: demo", "Name: other"),
    _head("filename-version-differs", "Version: 1.0", "Version: 2.0"),
    _spec("filename-version-differs", "METADATA without the local version", version="1.0+cu126"),
    _spec("dist-info-missing", "no dist-info", dist_info="demo-1.0.egg-info"),
    _files("dist-info-several", "a file called like a dist-info", Entry("other-1.0.dist-info", b"x")),
    _files("dist-info-several", "a file called like a dist-info", Entry("other-1.0.dist-info", b"x")),
    _files("dist-info-several", "a file called like a dist-info", Entry("other-1.0.dist-info", b"x")),
    _files("dist-info-several", "two dist-infos", Entry("other-1.0.dist-info/METADATA", b"Name: other\n")),
    *(_spec(f"dist-info-no-{name.lower()}", f"no {name}", without=frozenset({name}))
      for name in ("METADATA", "WHEEL", "RECORD")),
    _spec("dist-info-name-differs", "dist-info of another project", dist_info="other-1.0.dist-info"),
    _spec("dist-info-name-differs", "dist-info of another version", dist_info="demo-2.0.dist-info"),
    _called("dist-info-spelling", "demo-1.0.0-py3-none-any.whl", valid()),
    _spec("dist-info-spelling", "dist-info with a capital", dist_info="Demo-1.0.dist-info"),
    _info("dist-info-installer-file", "INSTALLER", b"pip\n"),
    _files("data-name-differs", "data of another project", Entry("other-1.0.data/data/x", b"x")),
    _files("data-name-differs", "data with a capital", Entry("Demo-1.0.data/data/x", b"x")),
    _files("data-unknown-scheme", "data of an unknown scheme", Entry("demo-1.0.data/lib/x.py", b"x")),
    _files("data-unknown-scheme", "a file where a scheme is called for", Entry("demo-1.0.data/purelib", b"x")),
    _files("data-unknown-scheme", "a file at the top that ends like a folder of data", Entry("demo.data", b"x")),
    replace(_files("data-unknown-scheme", "other data of an unknown scheme", Entry("other-1.0.data/foo/x", b"x")),
            with_codes=frozenset({"data-name-differs"}), reason="the folder is not that of dist-info"),
    _files("data-script-directory", "a folder among the scripts", Entry("demo-1.0.data/scripts/sub/tool", b"#!python\n")),
    _files("data-same-file", "a file of the library twice", Entry("demo-1.0.data/purelib/demo/version.py", b"1")),
    _files("data-same-file", "a file for purelib and platlib", Entry("demo-1.0.data/purelib/x.py", b"1"),
           Entry("demo-1.0.data/platlib/x.py", b"2")),
    *(_spec("data-script-twice", f"{folder}/tool and an entry point",
            files=(*_FILES, Entry(f"demo-1.0.data/{folder}/tool", b"x")),
            dist_info_files={"entry_points.txt": b"[console_scripts]\ntool = demo:main\n"})
      for folder in ("scripts", "data/bin")),
    _files("data-same-file", "a script for two schemes", Entry("demo-1.0.data/scripts/x", b"1"),
           Entry("demo-1.0.data/data/bin/x", b"1")),
    *(_spec("data-script-wrapper", f"scripts/{name} and an entry point",
            files=(*_FILES, Entry(f"demo-1.0.data/scripts/{name}", b"x")),
            dist_info_files={"entry_points.txt": b"[console_scripts]\ntool = demo:main\n"})
      for name in ("tool.exe", "tool-script.py", "tool.pya")),
    *(_files("data-reserved-name", f"a script called {name}", Entry(f"demo-1.0.data/{name}", b"#!python\n"))
      for name in ("scripts/python", "scripts/Python3.EXE", "data/bin/python3.12")),
    _wheel("wheel-not-utf8", "Generator: sample (1.0)", "Generator: M\udcfcller"),
    _wheel("wheel-no-version", "Wheel-Version: 1.0", ""),
    _wheel("wheel-no-version", "Wheel-Version: 1.0", "Wheel-Version: one"),
    _wheel("wheel-no-version", "Wheel-Version: 1.0", "Wheel-Version:\n 1.0"),
    *(_wheel("wheel-newer-version", "Wheel-Version: 1.0", f"Wheel-Version: {version}")
      for version in ("2.0", "01.0", "0.1")),
    _wheel("wheel-field-case", "Wheel-Version: 1.0", "wheel-version: 1.0"),
    _wheel("wheel-no-root", "Root-Is-Purelib: true", ""),
    *(_wheel("wheel-no-root", "Root-Is-Purelib: true", line)
      for line in ("Root-Is-Purelib: perhaps", "Root-Is_Purelib: true", "Root-Is-Purelib: True", "ROOT-IS-PURELIB: true")),
    _wheel("wheel-bad-tags", "Tag: py3-none-any", "Tag: py3"),
    _wheel("wheel-tags-differ", "Tag: py3-none-any", "Tag: py2-none-any"),
    _wheel("wheel-tags-differ", "Tag: py3-none-any", ""),
    _called("wheel-build-differs", "demo-1.0-1-py3-none-any.whl", valid()),
    _wheel("wheel-ambiguous", "Generator: sample (1.0)", "Generator: sample\rNote: x"),
    _wheel("wheel-ambiguous", "Generator: sample (1.0)", "From a mail"),
    *(_wheel("wheel-ambiguous", line, f"{line}\n{line}") for line in (_WHEEL[0], _WHEEL[2])),
    replace(_wheel("wheel-ambiguous", _WHEEL[1], "Build: 1\nBuild: 2"), with_codes=frozenset({"wheel-build-differs"}),
            reason="the file name has none"),
]  # fmt: skip
_SIGNED: Final = {"RECORD.jws": signature_of(b"")}
_COMMA: Final = (*_FILES, Entry("demo/a,b.py", b"1"))
_RECORD: Final = [
    _record("record-unclosed-quote", "an open quote", lambda rows: [b'"', *rows]),
    _record("record-too-many-rows", "500,001 empty rows", lambda rows: [*rows, b"\n" * 500_001], stored=True),
    _files("record-bad-row", "a path with a line separator", Entry("demo/\u2028.py", b"1")),
    _record("record-bad-row", "a row of two columns", lambda rows: [*rows, b"demo/x,\n"]),
    _record("record-bad-row", "a path that ends with a line separator", lambda rows: [*rows, "demo/\u2028,,\n".encode()],
            with_codes={"record-no-such-file"}, reason="there is none of this name"),
    _record("record-byte-order-mark", "a byte order mark", lambda rows: [b"\xef\xbb\xbf" + rows[0], *rows[1:]]),
    _record("record-empty-row", "an empty line at the end", lambda rows: [*rows, b"\n"]),
    _record("record-empty-row", "lines of blanks", lambda rows: [b" \t\r\n", *rows[:2], b"\n", b"\x0c\n", *rows[2:]]),
    _row("record-size-spelling", "a size with a plus sign", lambda columns: [*columns[:2], b"+" + columns[2]]),
    _row("record-size-spelling", "a size with a zero in front", lambda columns: [*columns[:2], b"0" + columns[2]]),
    _row("record-wrong-size", "a size with an underscore", lambda columns: [*columns[:2], b"1_2"]),
    _record("record-unquoted-path", "a comma without quotes",
            lambda rows: [row.replace(b'"', b"") for row in rows], files=_COMMA),
    _spec("record-missing-row", "a file without a row", style=RecordStyle(unlisted=frozenset({"demo/version.py"}))),
    _record("record-no-such-file", "a row without a file",
            lambda rows: [*rows, rows[0].replace(b"__init__", b"gone")]),
    _record("record-bad-size", "a heading", lambda rows: [b"path,hash,size\n", *rows],
            with_codes={"record-no-such-file"}, reason="the heading is read as a row"),
    _record("record-wrong-hash", "hashes of other files", lambda rows: [
        b",".join([one.split(b",")[0], two.split(b",")[1], one.split(b",")[2]])
        for one, two in zip(rows[:2], reversed(rows[:2]), strict=True)] + rows[2:]),
    _row("record-wrong-size", "another size", lambda row: [*row[:2], b"1" + row[2]]),
    _row("record-wrong-size", "a size that is none", lambda row: [*row[:2], b"many"]),
    _row("record-no-hash", "no hash", lambda row: [row[0], b"", row[2]]),
    _row("record-no-size", "no size", lambda row: [*row[:2], b""]),
    *(_spec("record-weak-hash", f"hashes by {name}", style=RecordStyle(algorithm=name)) for name in ("md5", "sha1")),
    _row("record-unknown-hash", "a hash by nothing", lambda row: [row[0], row[1].replace(b"sha256", b"crc32"), row[2]]),
    _row("record-hex-hash", "a hash in hexadecimal", lambda row: [row[0], _hex(row[1]), row[2]]),
    _row("record-hash-spelling", "a hash with padding", lambda row: [row[0], row[1] + b"=", row[2]]),
    _record("record-duplicate-row", "a row twice", lambda rows: [rows[0], *rows]),
    _record("record-contradicting-rows", "a row that says otherwise", lambda rows: [
        rows[0], b"demo/__init__.py,sha256=" + rows[1].split(b"=")[1], *rows[1:]]),
    _record("record-directory-row", "a row of a folder", lambda rows: [*rows, b"demo/,,\n"]),
    _row("record-absolute-path", "a path with a slash in front", lambda row: [b"/" + row[0], *row[1:]]),
    _row("record-backslash", "a path with a backslash", lambda row: [row[0].replace(b"/", b"\\"), *row[1:]]),
    _row("record-path-spelling", "a path with a dot", lambda row: [b"./" + row[0], *row[1:]]),
    _spec("record-own-row-missing", "no row of RECORD", style=RecordStyle(own_row="missing")),
    _record("record-own-row-hash", "RECORD with a hash", _own_row),
    _record("record-signature-row", "a signature with a row",
            lambda rows: [*rows, rows[-1].replace(b"RECORD,", b"RECORD.p7s,")],
            with_codes={"record-signature"}, reason="the signature is there", dist_info_files={"RECORD.p7s": b""}),
    _record("record-not-utf8", "a path in Latin-1", lambda rows: [*rows, rows[0].replace(b"__init__", b"m\xfcller")],
            with_codes={"record-no-such-file"}, reason="names in an archive are always text, so no file has that path"),
    _info("record-signature", "RECORD.p7s", b"signature"),
    _spec("record-void-signature", "a signature of another RECORD", {"record-signature"}, "the signature is there",
          dist_info_files=_SIGNED),
]  # fmt: skip
_METADATA: Final = [
    _metadata("metadata-hidden-fields", "Keywords: x\rRequires-Dist: triton"),
    _metadata("metadata-ambiguous", "From here on it is a mail"),
    _spec("metadata-too-many-fields", "30,000 fields", metadata=metadata(*["Classifier: x"] * 30_000), stored=True),
    *(_head("metadata-missing-field", line, "") for line in HEAD[:3]),
    _metadata("metadata-repeated-field", "Summary: Another"),
    _spec("metadata-bad-name", "Name: demo!", {"filename-bad-name"}, "the file name has the same name", project="demo!",
          metadata=metadata(head=[HEAD[0], "Name: demo!", *HEAD[2:]])),
    _spec("metadata-bad-version", "a version of 25 digits", {"filename-bad-version"}, "the file name has the same version",
          version="1" * 25, metadata=metadata(head=[*HEAD[:2], f"Version: {'1' * 25}"])),
    _spec("metadata-bad-version", "Version: 1.0.x", {"filename-bad-version"}, "the file name has the same version",
          version="1.0.x", metadata=metadata(head=[*HEAD[:2], "Version: 1.0.x"])),
    *(_head("metadata-unknown-version", HEAD[0], f"Metadata-Version: {version}") for version in ("2.0", "9.9")),
    _metadata("metadata-field-too-new", "License-Expression: MIT"),
    _metadata("metadata-license-file-early", "License-File: LICENSE"),
    _metadata("metadata-unknown-field", "Colour: blue"),
    _metadata("metadata-not-utf8", "Author: M\udcfcller"),
    _metadata("metadata-bad-value", rest=["Description-Content-Type: text/html"]),
    _metadata("metadata-bad-value", "License-Expression: whatever you like", head=["Metadata-Version: 2.4", *HEAD[1:]]),
    _metadata("metadata-bad-value", "Project-URL: Home, https://a.org", "Project-URL: Home, https://b.org"),
    _metadata("metadata-bad-value", "Description: Another"),
    *(_metadata("metadata-bad-value", f"Project-URL: {value}")
      for value in ("Home", ", https://example.org", "Home,", "x" * 33 + ", y")),
    _metadata("metadata-two-licenses", "License: MIT", "License-Expression: MIT", head=["Metadata-Version: 2.4", *HEAD[1:]]),
    _spec("metadata-license-missing", "License-File with a blank behind it", dist_info_files={"licenses/LICENSE": b"MIT"},
          metadata=metadata("License-File: LICENSE ", head=["Metadata-Version: 2.4", *HEAD[1:]])),
    _metadata("metadata-license-missing", "License-File: LICENSE", head=["Metadata-Version: 2.4", *HEAD[1:]]),
    *(_metadata("metadata-bad-requirement", f"Requires-Dist: {text}") for text in (
        "!", "six_", "six[x_]", "six.zip", "six ===one", f"six>={'1' * 25}", "six @ ${X}/y", "six @ https://example.org/six",
    )),
    _metadata("metadata-bad-marker", 'Requires-Dist: six; python_version = "3"'),
    *(_metadata("metadata-bad-marker", f"Requires-Dist: six; {marker}") for marker in (
        "'x' in extras", "'x' in dependency_groups", 'python_version === "3.8"', "os_name ~= '3'", "python_version ~= '3'",
        "'x' == 'x'", f"python_full_version > '{'3' * 5_000}'",
    )),
    *(_metadata("metadata-odd-blanks", f"Requires-Dist: six{blank}(>=1.9)") for blank in (
        "\x1c", "\x0b", "\x0c", "\xa0", "\x85", "\u2028", "\u3000", "\n  ",
    )),
    *(_metadata("metadata-variant-marker", f"Requires-Dist: six; {marker}") for marker in (
        "variant_label == 'cu128'", "'a :: b' in variant_features and os_name == 'nt'",
    )),
    _head("metadata-odd-blanks", "Name: demo", "Name: demo\t"),
    _head("metadata-odd-blanks", HEAD[0], f"{HEAD[0]} "),
    *(_metadata("metadata-legacy-requirement", f"Requires-Dist: {text}") for text in (
        "six>=1.9<2.0", "six ()", "six; os_name=='x'or'y'==os_name",
    )),
    *(_metadata("metadata-bad-requires-python", f"Requires-Python: {text}")
      for text in ("one", f"<{'4' * 25}", "===x")),
    *(_metadata("metadata-legacy-requires-python", f"Requires-Python: {text}")
      for text in (">=3.8.*", ",>=3.8", ">=3.8,,<4")),
    *(_metadata("metadata-marker-ambiguous", f"Requires-Dist: six; {marker}") for marker in (
        'python_version in "3.8, 3.9"', 'python_version not in "3.11, 3.12"', '"2.7" in python_version',
        'python_version == "abc"', 'python_full_version < "3.11.7.post1"', 'python_version > "3.11.dev0"',
        'platform_release >= "5"', 'platform_release != "5.*"', 'implementation_version >= "3.11.7"',
        'extra == ""', '"x" in extra', 'extra not in "x"', 'extra != "x y"', '"3.11.*" == python_version',
    )),
    *(_metadata("metadata-marker-ambiguous", f"Requires-Python: {text}") for text in (
        ">3.7rc1", "<3.11a1", ">=3.8.dev0", "!=3.9.0+x", "===3.11.7.0",
    )),
    *(_metadata("metadata-local-path", f"Requires-Dist: six @ {path}") for path in (
        "file:///home/me/six.whl", "file:///a/six-1.0.tar.gz#sha256=x", "git+file:///home/me/six",
    )),
    _metadata("metadata-repeated-requirement", NEEDS),
    _metadata("metadata-repeated-extra", "Provides-Extra: x", "Provides-Extra: X", 'Requires-Dist: six; extra == "x"'),
    _metadata("metadata-bad-extra", "Provides-Extra: _x", 'Requires-Dist: six; extra == "_x"'),
    _metadata("metadata-undeclared-extra", 'Requires-Dist: six; extra == "x"'),
    _metadata("metadata-empty-extra", "Provides-Extra: x"),
    _metadata("metadata-no-description", body="\n"),
    _metadata("metadata-no-description", body="\nUNKNOWN\n\n"),
    _metadata("metadata-no-content-type", rest=[NEEDS]),
]  # fmt: skip
_LATER: Final = valid(tags="py2-none-any", metadata=metadata("Requires-Python: >=3.12"))
_EXTRA: Final = valid(tags="py2-none-any", metadata=metadata("Provides-Extra: x"))
_OTHER: Final = valid(tags="py2-none-any", metadata=metadata("Requires-Dist: six"))
_COMPANIONS: Final = [
    _info("entry-points-unreadable", "entry_points.txt", b"a = b\n"),
    _info("entry-points-refused", "entry_points.txt", b"[console_scripts]\n; a comment\ndemo = demo:main\n"),
    _info("entry-points-refused", "entry_points.txt", b"[console_scripts]\ndemo =\n  demo:main\n"),
    _info("entry-points-bad-value", "entry_points.txt", b"[console_scripts]\ndemo = demo\n"),
    *(_info("entry-points-odd-value", "entry_points.txt", b"[demo.plugins]\ndemo =" + value + b"\n")
      for value in (b" demo main", b"")),
    *(_info("entry-points-bad-value", "entry_points.txt", b"[console_scripts]\ndemo = " + value + b"\n")
      for value in (b"demo : main", b"demo:main []", b"demo.:main", b"de-mo:main")),
    _info("entry-points-bad-value", "entry_points.txt", b"[DEFAULT]\nx = demo\n[console_scripts]\ndemo = demo:main\n",
          {"entry-points-ambiguous"}, "pip does not read it as a script"),
    *(_info("entry-points-reserved-name", "entry_points.txt", b"[console_scripts]\n" + name + b" = demo:main\n")
      for name in (b"python", b"Python3", b"python3.12t", b"pypy3", b"python.py")),
    _info("entry-points-same-name", "entry_points.txt", b"[console_scripts]\na = demo:main\n[gui_scripts]\na = demo:main\n"),
    *(_info("entry-points-bad-name", "entry_points.txt", b"[console_scripts]\n" + name + b" = demo:main\n")
      for name in (b"de mo", b"de@mo", b"'demo'")),
    _info("entry-points-no-module", "entry_points.txt", b"[console_scripts]\ndemo = demo.gone:main\n"),
    *(_info("entry-points-unsafe-name", "entry_points.txt", b"[console_scripts]\n" + name + b" = demo:main\n")
      for name in (b"../demo", b"/tmp/demo", b"bin\\demo", b"..", b"C:demo", b"de\0mo", b"x" * 256)),
    _info("entry-points-ambiguous", "entry_points.txt", b"[console_scripts]\n; demo = demo:main\n"),
    _info("entry-points-ambiguous", "entry_points.txt", b"[DEFAULT]\nx = demo:main\n[console_scripts]\ndemo = demo:main\n"),
    _info("legacy-metadata-json", "metadata.json", b"{}"),
    _info("sbom-unreadable", "sboms/demo.cdx.json", b"{"),
    _info("sbom-stale-provenance", "sboms/wheelfix.cdx.json", b"{}"),
    _files("contents-bytecode", "compiled Python", Entry("demo/__pycache__/x.cpython-312.pyc", b"\0")),
    _files("contents-bytecode", "compiled Python without its source", Entry("demo/x.pyc", b"\0")),
    _files("contents-bytecode", "a text that installer leaves out", Entry("__pycache__/x.txt", b"x")),
    _files("contents-common-name", "a folder called tests", Entry("tests/__init__.py", b"")),
    _files("contents-common-name", "a folder called lib", Entry("lib/libdemo.so", b"")),
    Defect("another wheel for other Pythons", "release-requires-python", lambda: (valid().filename, build_wheel(valid())),
         beside=lambda: (_LATER.filename, build_wheel(_LATER))),
    Defect("another wheel with an extra", "release-disagrees", lambda: (valid().filename, build_wheel(valid())),
         beside=lambda: (_EXTRA.filename, build_wheel(_EXTRA))),
    Defect("another wheel of the release", "release-disagrees", lambda: (valid().filename, build_wheel(valid())),
         beside=lambda: (_OTHER.filename, build_wheel(_OTHER))),
]  # fmt: skip

DEFECTS: Final = [*_ARCHIVE, *_NAMES, *_RECORD, *_METADATA, *_COMPANIONS]
