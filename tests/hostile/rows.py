"""RECORD that lies, or that readers read differently: CSV, paths, hashes and sizes."""

import base64
import hashlib
from collections.abc import Callable
from functools import partial
from typing import Final

from building import Entry
from defects import signature_of
from drafting import INFO, Knob, both, file, files, info, row, rows, style
from hostile.kind import Kind, Make, each, of
from hostile.metadata import family

_FORMAT: Final = "packaging.python.org, Recording installed packages"
_CSV: Final = "RFC 4180"
_BLOG: Final = "PyPI's blog, 2025-08-07"
_SUM: Final = b"sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
_NAMES: Final = ("sha256", "sha384", "sha512", "md5", "sha1", "sha224", "blake2b", "blake2s", "sha3_256", "shake_128")


def _columns(change: Callable[[list[bytes]], list[bytes]]) -> Knob:
    return row(lambda line: b",".join(change(line.split(b","))))


def _paths(*changes: Callable[[bytes], bytes]) -> Make:
    def changed(change: Callable[[bytes], bytes]) -> Knob:
        return _columns(lambda each: [change(each[0]), *each[1:]])

    return of(*map(changed, changes))


def _hashes(*texts: bytes) -> Make:
    return of(*(_columns(partial(_with_hash, text)) for text in texts))


def _sizes(*texts: bytes) -> Make:
    return of(*(_columns(partial(_with_size, text)) for text in texts))


def _more(*lines: bytes) -> Make:
    return of(*(rows(partial(place, line)) for place in (_behind, _in_front) for line in lines))


def _all(*changes: Callable[[list[bytes]], list[bytes]]) -> Make:
    return of(*map(rows, changes))


def _replaced(one: bytes, other: bytes, given: list[bytes]) -> list[bytes]:
    return [line.replace(one, other) for line in given]


def _with_hash(text: bytes, columns: list[bytes]) -> list[bytes]:
    return [columns[0], text, *columns[2:]]


def _with_size(text: bytes, columns: list[bytes]) -> list[bytes]:
    return [*columns[:2], text]


def _in_front(line: bytes, given: list[bytes]) -> list[bytes]:
    return [line + b"\n", *given]


def _behind(line: bytes, given: list[bytes]) -> list[bytes]:
    return [*given, line + b"\n"]


def _own(columns: bytes, given: list[bytes]) -> list[bytes]:
    """Return rows in which that of RECORD itself has these columns."""
    return [line.split(b",")[0] + columns + b"\n" if b"/RECORD" in line else line for line in given]


def _renamed(name: bytes, line: bytes) -> bytes:
    return line.replace(b"sha256", name)


def _formed(form: bytes, line: bytes) -> bytes:
    return form % tuple(line.split(b",")[:3])


def _digest(form: str, content: bytes = b"ANSWER = 42\n") -> bytes:
    """Return the right hash of the first file in another form."""
    digest = hashlib.sha256(content).digest()
    urlsafe, plain = base64.urlsafe_b64encode(digest), base64.b64encode(digest)
    forms = {
        "hex": digest.hex().encode(), "HEX": digest.hex().upper().encode(), "plain": plain.rstrip(b"="), "padded": urlsafe,
        "both": plain, "longer": urlsafe.rstrip(b"=") + b"A", "cut": urlsafe[:-2], "blank": b" " + urlsafe.rstrip(b"="),
        "last bits": urlsafe[:42] + bytes([urlsafe[42] + 1]), "twice": urlsafe.rstrip(b"=") * 2, "nothing": b"",
    }  # fmt: skip
    return b"sha256=" + forms[form]


_ROWS: Final[tuple[tuple[str, str, Make, str], ...]] = (
    ("line ends", "The lines of RECORD end otherwise than with LF.", each(
        lambda end: style(line_end=end), "\r\n", "\r", "\r\r\n", "\n\n", "\n\r", "\u2028", "\x0b", "\x1c", "\x85",
            "\0\n"), _CSV),
    ("quotes", "Columns are quoted, or quotes stand where they mean nothing.", of(
        style(quoted=True), *(row(partial(_formed, form)) for form in (
            b'"%s",%s,%s', b'%s,"%s",%s', b'%s,%s,"%s"', b'"%s"x,%s,%s', b'x"%s",%s,%s', b'"%s,%s,%s', b"'%s',%s,%s",
            b'""%s"",%s,%s', b'"%s" ,%s,%s', b' "%s",%s,%s', b'"%s\n",%s,%s', b'"%s","%s,%s"'))), _CSV),
    ("columns", "A row has more or fewer columns.", of(
        _columns(lambda each: each[:1]), _columns(lambda each: each[:2]), _columns(lambda each: [*each, b""]),
        _columns(lambda each: [*each, b"x", b"y"]), _columns(lambda each: [b"", *each]),
        _columns(lambda each: [each[1], each[0], each[2]])), _FORMAT),
    ("empty lines", "RECORD has lines without columns, or without a path.", _more(
        b"", b" ", b"\t", b",,", b",", b",,,", b"\0", b'""', b'"",,', b"\x0c"), _FORMAT),
    ("files that are not there", "RECORD lists a file that is not in the wheel.", _more(
        b"demo/gone.py,,", b"demo/gone.py," + _SUM + b",0", b"../../bin/demo,,", b"/etc/passwd,,", b"demo/gone,x,y",
        b"C:/x,,", b"demo/,,", b"demo,,", b".,,", b"./,,", b"..,,", b"demo/__pycache__/x.pyc,,"), _BLOG),
    ("files without a row", "A file has no row in RECORD.", of(*(
        style(unlisted=frozenset(names)) for names in (
            {"demo/version.py"}, {"demo/__init__.py"}, {f"{INFO}/METADATA"}, {f"{INFO}/WHEEL"}, {"demo/turn.py"},
            {f"{INFO}/METADATA", f"{INFO}/WHEEL"}))), _BLOG),
    ("no rows", "RECORD is empty, or has no more than its own row.", _all(
        lambda given: [], lambda given: given[-1:], lambda given: given[:1], lambda given: [b"\n"], lambda given: [b"x"]),
     _FORMAT),
    ("its own row", "The row of RECORD itself is elsewhere, missing, or has a hash.", of(
        style(own_row="first"), style(own_row="middle"), style(own_row="missing"), *(
            rows(partial(_own, columns)) for columns in (b"," + _SUM + b",0", b",,1", b"", b",", b",,,", b",sha256=,")),
                rows(
            lambda given: [*given, *given[-1:]])), _FORMAT),
    ("a row twice", "A file has two rows, alike or not.", _all(
        lambda given: [*given[:1], *given], lambda given: [*given, *given], lambda given: [*given, b"demo/__init__.py,,\n"],
        lambda given: [*given, b"demo/__init__.py," + _SUM + b",0\n"], lambda given: [b"demo/__init__.py,,\n", *given],
        lambda given: [*given, b"DEMO/__INIT__.PY,,\n"], lambda given: [*given, b"./demo/__init__.py,,\n"]), _FORMAT),
    ("paths", "The path of a file is spelled otherwise.", _paths(
        lambda path: b"./" + path, lambda path: b"/" + path, lambda path: path.replace(b"/", b"\\"), bytes.upper,
        lambda path: path.replace(b"/", b"//"), lambda path: b"x/../" + path, lambda path: path + b" ",
        lambda path: b" " + path, lambda path: path + b"/", lambda path: path.replace(b"/", b"/./"),
        lambda path: b"C:" + path, lambda path: path.replace(b"demo", b"d\xc3\xa9mo"), lambda path: path + b"\0",
        lambda path: b"\xef\xbb\xbf" + path, lambda path: path.replace(b"i", b"%69"), lambda path: b"file:///" + path),
        _FORMAT),
    ("paths of another form", "RECORD has the other Unicode form of a name, or another encoding.", of(*(
        both(file(name), rows(partial(_replaced, name.encode(), other))) for name, other in (
            ("demo/caf\u00e9.py", "demo/cafe\u0301.py".encode()), ("demo/cafe\u0301.py", "demo/caf\u00e9.py".encode()),
            ("demo/caf\u00e9.py", b"demo/caf\xe9.py"), ("demo/\u212b.py", "demo/\u00c5.py".encode()),
            ("demo/\ufb01.py", b"demo/fi.py"), ("demo/caf\u00e9.py", "demo/caf\u00e3\u00a9.py".encode())))), "UAX #15"),
    ("hashes", "The hash of a file is wrong, or in another form.", _hashes(
        _SUM, b"", b"sha256", b"sha256=", b"=", b"sha256=!", b"sha256:x", b"SHA256=x", b"crc32=AAAA", b"sha256=" + b"A" * 43,
        b"sha256==" + b"A" * 43, b"sha256=" + b"\xff", b"md5=1B2M2Y8AsgTpgAmY7PhCfg", b"sha256=\0", b"none"), _FORMAT),
    ("forms of the right hash", "The hash is right, and its form is not.", _hashes(*map(_digest, (
        "hex", "HEX", "plain", "padded", "both", "longer", "cut", "blank", "last bits", "twice", "nothing"))), "RFC 4648"),
    ("names of hashes", "Hashes are by another algorithm.", each(lambda name: style(algorithm=name), *_NAMES[:-1]), _FORMAT),
    ("unknown hashes", "A hash is by an algorithm that is weak, or unknown.", of(*(
        row(partial(_renamed, name)) for name in (
            b"SHA256", b"sha-256", b"sha2-256", b"md5", b"shake_128", b"ripemd160", b"", b"sha256 ", b"\0", b"sha512_256"))),
     _FORMAT),
    ("sizes", "The size of a file is wrong, or no number.", _sizes(
        b"", b"0", b"13", b"-1", b"+12", b"12.0", b"1e1", b"0x0c", b"1_2", b"012", b" 12", b"12 ", b"9" * 30, b"many",
        "\u0661\u0662".encode(), b"12\0", b"12,", b"9" * 5_000), _FORMAT),
    ("more sizes", "The size of a file is spelled otherwise.", family("a size of"), _FORMAT),
    ("more hashes", "The hash of a file is spelled otherwise.", family("a hash"), _FORMAT),
    ("more paths", "The path of a file is spelled otherwise.", family("a path"), _FORMAT),
    ("more of RECORD", "RECORD is odd in some other way.", family("RECORD", "a row", "the row"), _FORMAT),
    ("directories", "RECORD lists a directory.", of(*(
        both(files(Entry("demo/sub/", b"", 0)), rows(partial(_behind, line)))
            for line in (b"demo/sub/,,", b"demo/sub,,", b"demo/sub/," + _SUM + b",0", b"demo/,,"))), "pypa/wheel#558"),
    ("encodings", "RECORD is no UTF-8, or begins with a byte order mark.", _all(
        lambda given: [b"\xef\xbb\xbf", *given], lambda given: [*given, b"demo/m\xfcller.py,,\n"],
        lambda given: [b"".join(given).decode().encode("utf-16")], lambda given: [b"\xff\xfe", *given],
        lambda given: [*given, b"demo/\xed\xa0\x80,,\n"], lambda given: [*given, b"\0\n"]), _FORMAT),
    ("signatures", "RECORD is signed, and the signature has a row, or says something else.", of(
        info("RECORD.jws", signature_of(b"")), info("RECORD.jws", b"{}"), info("RECORD.jws", b"\xff"), info("RECORD.p7s",
            b""),
        info("RECORD.p7s", bytes(100)), both(info("RECORD.jws", b"{}"), info("RECORD.p7s", b"x")), *(
            both(info(name, b"x"), rows(partial(_behind, f"{INFO}/{name},,".encode()))) for name in ("RECORD.jws",
                "RECORD.p7s"))), "PEP 427, PEP 815"),
    ("names with quotes", "A file has a name that CSV must quote.", of(*(
        both(file(f"demo/{name}"), knob) for name in ('a"b', "a,b", '"a"', "a'b", "a\tb", ",", '"') for knob in (
            style(), rows(lambda given: [line.replace(b'""', b'\\"') for line in given]),
            rows(lambda given: [line.replace(b'"', b"") for line in given])))), _CSV),
    ("huge rows", "RECORD has many rows, or long ones.", _more(
        b"x" * 200_000 + b",,", b"," * 10_000, b'"' + b"x\n" * 5_000 + b'",,', b"demo/x,,\n" * 3_000, b"\n" * 20_000), _CSV),
)  # fmt: skip

KINDS: Final = tuple(Kind(f"RECORD: {name}", wrong, make, source) for name, wrong, make, source in _ROWS)
