"""Binaries whose headers lie: what is read of them says whether a requirement may go, so that no lie may end badly.

Section numbers are those of the System V ABI, chapter 4 and 5 (gabi).
"""

import struct
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final

from drafting import Draft, both, fields, file
from elfwriter import shared_object
from hostile.kind import Kind, Make
from hostile.records import VALUES

_NEEDED: Final = ("libcudart.so.12", "libc.so.6", "libcublas.so.12")
GOOD: Final = shared_object("x86_64", needed=_NEEDED, soname="libdemo.so.1", exports=("PyInit_demo", "other"))
_HEADER: Final = {
    "magic": (0, "I"), "class": (4, "B"), "data": (5, "B"), "ident version": (6, "B"), "system": (7, "B"), "type": (16, "H"),
    "machine": (18, "H"), "version": (20, "I"), "entry": (24, "Q"), "program offset": (32, "Q"), "section offset": (40, "Q"),
    "flags": (48, "I"), "header size": (52, "H"), "program size": (54, "H"), "programs": (56, "H"), "section size": (58,
    "H"),
    "sections": (60, "H"), "names": (62, "H"),
}  # fmt: skip
_PROGRAM: Final = {
    "type": (0, "I"), "flags": (4, "I"), "offset": (8, "Q"), "address": (16, "Q"), "size": (32, "Q"), "memory": (40, "Q"),
    "alignment": (48, "Q"),
}  # fmt: skip
_SECTION: Final = {"name": (0, "I"), "type": (4, "I"), "offset": (24, "Q"), "size": (32, "Q"), "entry size": (56, "Q")}
_PROGRAMS_AT: Final = 64
_SECTIONS_AT: Final = int(struct.unpack_from("<Q", GOOD, 40)[0])
_DYNAMIC_AT: Final = int(struct.unpack_from("<Q", GOOD, _PROGRAMS_AT + 56 + 8)[0])
_TAGS: Final = (0, 1, 4, 5, 6, 7, 10, 11, 14, 15, 29, 0x6FFF_FEF5, 0x7FFF_FFFD, 0x7FFF_FFFF)


def _with(change: Callable[[bytes, int, Random], bytes]) -> Make:
    """Return what puts a changed binary into a wheel that requires what it is linked to."""

    def make(draft: Draft, turn: int, random: Random) -> tuple[str, bytes]:
        name = ("demo/native.so", "demo/libs/libdemo.so.1", "demo/_x.cpython-311-x86_64-linux-gnu.so")[turn % 3]
        needs = fields("Requires-Dist: nvidia-cuda-runtime-cu12", "Requires-Dist: nvidia-cublas-cu12")
        return both(file(name, change(GOOD, turn, random), method=0), needs)(draft).build()

    return make


def _lie(starts: tuple[int, ...], places: dict[str, tuple[int, str]], field: str) -> Make:
    return _with(partial(_with_lie, starts, *places[field]))


def _with_lie(starts: tuple[int, ...], at: int, form: str, data: bytes, turn: int, random: Random) -> bytes:
    changed, values = bytearray(data), [*VALUES.values()]
    start = starts[turn // len(values) % len(starts)] + at
    own, other = struct.unpack_from("<" + form, data, start)[0], struct.unpack_from("<" + form, data, starts[-1] + at)[0]
    bits = 8 * struct.calcsize("<" + form)
    struct.pack_into("<" + form, changed, start, values[turn % len(values)](own, other, bits, random) & (1 << bits) - 1)
    return bytes(changed)


def _cut(data: bytes, turn: int, random: Random) -> bytes:
    places = (
        0,
        1,
        3,
        4,
        5,
        16,
        51,
        52,
        63,
        64,
        65,
        119,
        120,
        232,
        _DYNAMIC_AT,
        _DYNAMIC_AT + 8,
        _SECTIONS_AT,
        len(data) - 1,
    )
    return data[: places[turn % len(places)] if turn < len(places) else random.randrange(len(data))]


def _tag(data: bytes, turn: int, random: Random) -> bytes:
    """Return a binary in which one entry of the dynamic section has another tag."""
    changed = bytearray(data)
    struct.pack_into("<Q", changed, _DYNAMIC_AT + 16 * (turn // len(_TAGS) % 4), _TAGS[turn % len(_TAGS)])
    return bytes(changed)


def _value(data: bytes, turn: int, random: Random) -> bytes:
    """Return a binary in which one entry of the dynamic section has another value."""
    return _with_lie(tuple(_DYNAMIC_AT + 16 * index for index in range(8)), 8, "Q", data, turn, random)


def _counted(data: bytes, turn: int, random: Random) -> bytes:
    """Return a binary that counts as many headers as there can be, all at one place."""
    changed = bytearray(data)
    struct.pack_into("<H", changed, (56, 60)[turn % 2], (0xFFFF, 0xFFFE, 0x7FFF, 0x100)[turn // 2 % 4])
    struct.pack_into("<H", changed, (54, 58)[turn % 2], (0, 1, 56, 64, 0xFFFF)[turn % 5])
    return bytes(changed)


def _bytes(data: bytes, turn: int, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(1 + turn % 8):
        changed[random.randrange(len(data))] = random.randrange(256)
    return bytes(changed)


def _names(data: bytes, turn: int, random: Random) -> bytes:
    """Return a binary that is linked to a library of an odd name."""
    names = ("", "/lib/libcublas.so.12", "../libcublas.so", "libcublas.so.12 ", "LIBCUBLAS.so.12", "libcublas.so",
        "x" * 5_000,
             "libcublas.so.12;x", "$ORIGIN/libcublas.so.12", "libcublas\x01.so", "%s",
             "libcublas.so." + "1" * 300)  # fmt: skip
    return shared_object("x86_64", needed=(names[turn % len(names)], "libc.so.6"), exports=("PyInit_demo",) * (turn % 2))


def _many(data: bytes, turn: int, random: Random) -> bytes:
    count = (0, 1, 100, 1_000, 3_000)[turn % 5]
    needed = tuple(f"lib{number}.so" if turn % 2 else "libcublas.so.12" for number in range(count))
    return shared_object("x86_64", needed=needed, exports=tuple(f"f{number}" for number in range(count if turn % 3 else 0)))


def _foreign(data: bytes, turn: int, random: Random) -> bytes:
    """Return what is no ELF file under its name, or ELF behind something else."""
    forms = (b"", b"MZ" + bytes(62), b"\xcf\xfa\xed\xfe" + bytes(28), b"\xca\xfe\xba\xbe\0\0\0\2" + bytes(40),
        b"!<arch>\n", b"\x7fELF",
             b"#!/bin/sh\n", b"INPUT(libcublas.so.12)\n", b"\0" + data, data + data, bytes(4_096),
             b"version https://git-lfs")  # fmt: skip
    return forms[turn % len(forms)]


_CHANGES: Final[dict[str, tuple[str, Callable[[bytes, int, Random], bytes]]]] = {
    "cut off": ("The file ends early.", _cut),
    "tags": ("An entry of the dynamic section has another tag.", _tag),
    "values of tags": ("An entry of the dynamic section has a wrong value.", _value),
    "counts": ("A header counts more headers than there are.", _counted),
    "bytes by chance": ("Bytes are changed by chance.", _bytes),
    "names of libraries": ("It is linked to a library of an odd name.", _names),
    "many names": ("It is linked to many libraries, or exports many functions.", _many),
    "other formats": ("It is no ELF file, or one behind something else.", _foreign),
}
_FIELDS: Final = {
    "header": (_HEADER, (0,), "gabi 4, ELF header"),
    "program header": (_PROGRAM, tuple(_PROGRAMS_AT + 56 * index for index in range(3)), "gabi 5, Program header"),
    "section header": (_SECTION, tuple(_SECTIONS_AT + 64 * index for index in range(1, 5)), "gabi 4, Sections"),
}

KINDS: Final = (
    *(
        Kind(
            f"ELF: {name}: {field}",
            f"In a {name} the field {field} has a wrong value.",
            _lie(starts, places, field),
            source,
            "gpu",
        )
        for name, (places, starts, source) in _FIELDS.items()
        for field in places
    ),
    *(
        Kind(f"ELF: {name}", wrong, _with(change), "gabi 5, Dynamic linking", "gpu")
        for name, (wrong, change) in _CHANGES.items()
    ),
)
