"""ELF files: what is read is what pyelftools reads in the same tables, and no file takes more than its size allows."""

import io
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile

from building import Entry
from elfwriter import shared_object
from fuzz.target import Bound, Target, same
from in_memory import only_entry
from wheelfix.evidence.elf import Dynamic, UnreadableBinary, read_dynamic, system_of
from wheelfix.wheel.zip.inflate import Allowance, EntryFile

_LINKS: Final = ("DT_NEEDED", "DT_AUXILIARY", "DT_FILTER")
_CALLS: Final = 20_000
_SECTIONS: Final = {64: (40, "Q", 60), 32: (32, "I", 48)}
"""By bits: where a header has the position of section headers, how wide it is, and where their number stands."""


def check_elf(data: bytes) -> None:
    """A file is read, or called unreadable in words that can be printed; what it links to stands in its dynamic section."""
    system_of(data[:1024])
    found = _read(io.BytesIO(data))
    source, entry = only_entry(Entry("demo.so", data, 8))
    compressed = _read(EntryFile(source, entry, Allowance(bytes_=1 << 24, calls=_CALLS)))
    same(compressed, found)
    if found is None:
        return
    for name in (*found.needed, *([found.soname] if found.soname else [])):
        assert name.encode() in data
    assert not found.glibc or found.glibc >= (0, 0)
    with suppress(ELFError, AssertionError, ValueError):  # what pyelftools raises for what a loader does not look at
        _compare(found.needed, _needed(data))


def _compare(ours: Sequence[str], others: Sequence[str]) -> None:
    if [*ours] != [*others]:
        raise RuntimeError(f"{ours!a} and {others!a}")


def _read(file: io.BytesIO | EntryFile) -> Dynamic | None:
    try:
        return read_dynamic(file)  # type: ignore[arg-type]
    except UnreadableBinary as error:
        _check_words(str(error))
        return None


def _check_words(text: str) -> None:
    assert text
    assert text.isprintable()


def _needed(data: bytes) -> list[str]:
    """Return what pyelftools finds, asked to look at segments alone: section headers mean nothing to a loader."""
    bits = 64 if data[4] == 2 else 32
    at, width, count = _SECTIONS[bits]
    order = "<" if data[5] == 1 else ">"
    bare = bytearray(data)
    struct.pack_into(f"{order}{width}", bare, at, 0)
    struct.pack_into(f"{order}2H", bare, count, 0, 0)
    segments = ELFFile(io.BytesIO(bytes(bare))).iter_segments("PT_DYNAMIC")
    last = [each for each in segments if isinstance(each, DynamicSegment) and each["p_filesz"]][-1:]
    return [
        _name(segment, each.entry.d_val) for segment in last for each in segment.iter_tags() if each.entry.d_tag in _LINKS
    ]


def _name(segment: DynamicSegment, offset: int) -> str:
    return str(segment._get_stringtable().get_string(offset))


def _binaries() -> Iterator[bytes]:
    needed = ("libcudart.so.12", "libc.so.6")
    yield shared_object("x86_64")
    yield shared_object("x86_64", needed=needed, soname="libdemo.so.1", exports=("PyInit_demo", "other"))
    yield shared_object("aarch64", needed=needed, versions={"libc.so.6": ("GLIBC_2.17", "GLIBC_2.28?", "GLIBC_ABI_DT_RELR")})
    for big in (False, True):
        yield _small(big=big)
    yield b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0"
    yield b"\xca\xfe\xba\xbe\0\0\0\2"


def _small(*, big: bool) -> bytes:
    """Return a file of 32 bits with one library and a GNU hash table."""
    order, strings = ">" if big else "<", b"\0libx.so\0PyInit_x\0"
    symbols = struct.pack(f"{order}3I2BH", 9, 0, 0, 0x12, 0, 1)
    table = struct.pack(f"{order}4I1I1I1I", 1, 0, 1, 0, 0, 0, 1)
    at = 52 + 2 * 32
    tags = [(1, 1), (5, at), (6, at + 20), (10, len(strings)), (0x6FFFFEF5, at + 36), (0, 0)]
    dynamic = b"".join(struct.pack(f"{order}2I", *tag) for tag in tags)
    body = strings.ljust(20, b"\0") + symbols + table
    end = at + len(body) + len(dynamic)
    head = b"\x7fELF\1" + (b"\2" if big else b"\1") + b"\1" + bytes(9)
    head += struct.pack(f"{order}2H5I6H", 3, 8 if big else 3, 1, 0, 52, 0, 0, 52, 32, 2, 0, 0, 0)
    programs = struct.pack(f"{order}8I", 1, 0, 0, 0, end, end, 6, 4096)
    programs += struct.pack(f"{order}8I", 2, at + len(body), at + len(body), 0, len(dynamic), len(dynamic), 6, 4)
    return head + programs + body + dynamic


_WORDS: Final = (
    b"\x7fELF", b"PyInit_", b"PyModExport_", b"libcuda.so.1\0", b"GLIBC_2.28\0", b"\xf5\xfe\xff\x6f\0\0\0\0",
    b"\xfe\xff\xff\x6f\0\0\0\0", b"\xff\xff\xff\x7f\0\0\0\0", b"\xfd\xff\xff\x7f\0\0\0\0", b"\2\0\0\0", b"\1\0\0\0",
    b"\xff\xff\xff\xff\xff\xff\xff\xff", b"\xff\xff",
)  # fmt: skip
TARGETS: Final = {
    "elf": Target(check_elf, _binaries, words=_WORDS, calls=Bound(60_000, 200), memory=Bound(1 << 23, 1 << 12)),
}
