"""Damage to a text as a whole, whatever it is: what editors, disks, proxies and people do to files."""

import gzip
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

_CUTS: Final = 16
_FLIPS: Final = 12


def _cuts(data: bytes) -> Iterator[bytes]:
    yield data[:-1]
    for number in range(1, _CUTS):
        yield data[: len(data) * number // _CUTS]


def _heads_lost(data: bytes) -> Iterator[bytes]:
    for number in range(1, _CUTS, 3):
        yield data[len(data) * number // _CUTS :]


def _holes(data: bytes) -> Iterator[bytes]:
    """Yield what is left where a block of a disk was never written: zeros."""
    size = max(1, len(data) // 8)
    for start in range(0, len(data), 2 * size):
        yield data[:start] + bytes(size) + data[start + size :]


def _flips(data: bytes) -> Iterator[bytes]:
    chance = random.Random(len(data))
    for _ in range(_FLIPS if data else 0):
        at = chance.randrange(len(data))
        yield data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def _lines(data: bytes) -> Iterator[bytes]:
    lines = data.splitlines(keepends=True)
    chance = random.Random(len(lines))
    for _ in range(4):
        at = chance.randrange(len(lines) or 1)
        yield b"".join(lines[:at] + lines[at + 1 :])
        yield b"".join(lines[:at] + lines[at : at + 1] + lines[at:])
    yield b"".join(reversed(lines))


def _merged(data: bytes) -> Iterator[bytes]:
    """Yield what git leaves of two changes to one place."""
    lines = data.splitlines(keepends=True)
    half = len(lines) // 2
    yield b"".join([*lines[:half], b"<<<<<<< HEAD\n", *lines[half:], b"=======\n", *lines[half:], b">>>>>>> other\n"])


TEXT_KINDS: Final[Mapping[str, Callable[[bytes], Iterable[bytes]]]] = {
    "whole: empty": lambda data: [b""],
    "whole: white space": lambda data: [b"\n", b" \t\r\n" * 50],
    "whole: cut off": _cuts,
    "whole: its beginning lost": _heads_lost,
    "whole: zeros": lambda data: [bytes(len(data))],
    "whole: a hole": _holes,
    "whole: bits turned": _flips,
    "whole: lines lost, doubled, turned": _lines,
    "whole: twice": lambda data: [data + data, data + b"\n" + data],
    "whole: more behind it": lambda data: [data + b"x", data + b"\0", data + b"\n}\n", data + b"\n]]]\n"],
    "whole: a conflict of git": _merged,
    "whole: a byte order mark": lambda data: [b"\xef\xbb\xbf" + data],
    "whole: UTF-16": lambda data: [data.decode().encode("utf-16"), data.decode().encode("utf-16-be")],
    "whole: UTF-32": lambda data: [data.decode().encode("utf-32")],
    "whole: UTF-7": lambda data: [data.decode().encode("utf-7")],
    "whole: Latin-1": lambda data: [data.replace(b"e", b"\xe9", 3), data + b"# \xe9\n"],
    "whole: surrogates": lambda data: [data.replace(b"e", b"\xed\xa0\x80", 1)],
    "whole: overlong": lambda data: [data.replace(b"/", b"\xc0\xaf"), data.replace(b".", b"\xe0\x80\xae", 1)],
    "whole: CRLF": lambda data: [data.replace(b"\n", b"\r\n")],
    "whole: CR": lambda data: [data.replace(b"\n", b"\r")],
    "whole: odd line ends": lambda data: [
        data.replace(b"\n", each.encode()) for each in ("\x0b", "\x0c", "\x85", "\u2028", "\x1c")
    ],
    "whole: tabs and hard blanks": lambda data: [data.replace(b" ", b"\t"), data.replace(b" ", b"\xc2\xa0")],
    "whole: one line": lambda data: [data.replace(b"\n", b" ")],
    "whole: typographic quotes": lambda data: [data.replace(b'"', "\u201c".encode()), data.replace(b'"', b"'")],
    "whole: compressed": lambda data: [gzip.compress(data, mtime=0)],
    "whole: another format": lambda data: [
        b"<!DOCTYPE html><html><body>Log in</body></html>", b"%PDF-1.7\n", b"PK\3\4" + bytes(26), b"\x7fELF" + bytes(60),
        b"null", b"[]", b"{}", b'""', b"0", b"true", b"---\na: 1\n", b"[a]\nb = 1\n", b"<?xml version='1.0'?><a/>",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", b"../elsewhere.toml",
    ],
    "whole: noise": lambda data: [random.Random(7).randbytes(4000)],
    "whole: nested lists": lambda data: [b"[" * 100_000, b"a = " + b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000],
    "whole: nested tables": lambda data: [b'{"a":' * 100_000, b"a = " + b"{ a = " * 50_000],
    "whole: a key of many parts": lambda data: [b"a." * 20_000 + b"a = 1\n" + data],
    "whole: many comments": lambda data: [b"# x\n" * 100_000 + data, b"#" * 400_000 + b"\n" + data],
    "whole: a quote that is not closed": lambda data: [b'"""' + data, b'"' + data, data + b"'''"],
}  # fmt: skip
"""Each kind of damage, as the texts that it makes of one."""
