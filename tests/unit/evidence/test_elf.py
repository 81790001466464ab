"""One ELF file: what is read of valid ones, and that no hostile one takes long or ends in anything but its own error."""

import io
import platform
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final, cast

import pytest
from hypothesis import given, strategies as st

from building import STORED, Entry
from elfwriter import shared_object
from in_memory import only_entry
from wheelfix.evidence.elf import Dynamic, UnreadableBinary, read_dynamic
from wheelfix.wheel.zip.inflate import Allowance, EntryFile

NEEDED: Final = ("libcudart.so.12", "libc.so.6", "libcublas.so.12")
GOOD: Final = shared_object("x86_64", needed=NEEDED, soname="libdemo.so.1", exports=("PyInit_demo", "other"))
LOAD, DYNAMIC = 1, 2
NULL, NEED, HASH, STRTAB, SYMTAB, STRSZ, SYMENT, SONAME, RPATH, RUNPATH = 0, 1, 4, 5, 6, 10, 11, 14, 15, 29
GNU_HASH: Final = 0x6FFF_FEF5
CALLS: Final = 20_000
"""How many reads a hostile file gets; a valid one of this size takes some hundred."""


def read(data: bytes) -> Dynamic:
    """Read under an allowance, as a scanner does: whatever the file says, the work has an end."""
    found = looked_at(data)
    assert found is not None
    return found


def looked_at(data: bytes) -> Dynamic | None:
    source, entry = only_entry(Entry("demo.so", data, STORED))
    return read_dynamic(cast(BinaryIO, EntryFile(source, entry, Allowance(bytes_=1 << 26, calls=CALLS))))


def survives(data: bytes) -> Dynamic | None:
    """Return what is read, ``None`` where the file is never loaded or called unreadable, with words that can be printed."""
    words = ""
    try:
        return looked_at(data)
    except UnreadableBinary as error:
        words = str(error)
    assert words
    assert words.isprintable()
    return None


class Writer:
    """An ELF file of any class and byte order, put together so that each part can lie."""

    def __init__(self, *, bits: int = 64, big: bool = False, machine: int = 62) -> None:
        self.bits, self.machine = bits, machine
        self.order = ">" if big else "<"
        self.header_size, self.program_size, self.pair = (64, 56, "2Q") if bits == 64 else (52, 32, "2I")

    def header(
        self, *, programs: int = 2, at: int | None = None, entry_size: int | None = None, kind: int = 3, **more: int
    ) -> bytes:
        word = "Q" if self.bits == 64 else "I"
        ident = b"\x7fELF" + bytes([self.bits // 32, 1 if self.order == "<" else 2, 1]) + bytes(9)
        at = self.header_size if at is None else at
        size = self.program_size if entry_size is None else entry_size
        sections_at, sections = more.get("sections_at", 0), more.get("sections", 0)
        return struct.pack(
            f"{self.order}16s2HI3{word}I6H", ident, kind, self.machine, 1, 0, at, sections_at, 0, self.header_size, size,
            programs, 64 if self.bits == 64 else 40, sections, 0,
        )  # fmt: skip

    def program(self, kind: int, offset: int, size: int, address: int | None = None) -> bytes:
        address = offset if address is None else address
        if self.bits == 64:
            return struct.pack(f"{self.order}2I6Q", kind, 6, offset, address, address, size, size, 8)
        return struct.pack(f"{self.order}8I", kind, offset, address, address, size, size, 6, 4)

    def tags(self, *tags: tuple[int, int]) -> bytes:
        return b"".join(struct.pack(self.order + self.pair, *tag) for tag in tags)

    @property
    def start(self) -> int:
        """Where what follows the two program headers begins."""
        return self.header_size + 2 * self.program_size

    def file(self, tags: Sequence[tuple[int, int]], body: bytes = b"", *, dynamic_size: int | None = None) -> bytes:
        """Return a file whose dynamic section stands behind its program headers, and ``body`` behind that."""
        dynamic = self.tags(*tags)
        end = self.start + len(dynamic) + len(body)
        size = len(dynamic) if dynamic_size is None else dynamic_size
        programs = self.program(LOAD, 0, end) + self.program(DYNAMIC, self.start, size)
        return self.header() + programs + dynamic + body

    def body_at(self, tags: int) -> int:
        """Where the body stands behind so many tags."""
        return self.start + tags * struct.calcsize(self.pair)

    def symbol(self, name: int) -> bytes:
        if self.bits == 64:
            return struct.pack(f"{self.order}IBBHQQ", name, 0x12, 0, 1, 0, 0)
        return struct.pack(f"{self.order}3IBBH", name, 0, 0, 0x12, 0, 1)

    def with_table(self, kind: int, table: bytes, names: bytes = b"\0PyInit_demo\0", symbols: int = 2) -> bytes:
        """Return a file with a hash table, whose symbols from the first on are called as ``names`` begins."""
        at = self.body_at(4)
        each = self.symbol(1)
        table_at = at + len(names) + symbols * len(each)
        tags = [(STRTAB, at), (SYMTAB, at + len(names)), (kind, table_at), (NULL, 0)]
        return self.file(tags, names + bytes(len(each)) + each * (symbols - 1) + table)

    def alone(self, kind: int, *programs: bytes) -> bytes:
        """Return a file of this type that has ``programs`` as its program headers, and nothing more."""
        return self.header(programs=len(programs), kind=kind) + b"".join(programs) + bytes(256)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("soname", [None, "libdemo.so.1"])
@pytest.mark.parametrize("needed", [(), ("libc.so.6",), NEEDED])
def test_what_a_sound_file_says(machine: str, soname: str | None, needed: tuple[str, ...]) -> None:
    assert read(shared_object(machine, needed=needed, soname=soname)) == Dynamic(needed, soname, machine=machine)


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("big", [False, True])
def test_both_classes_and_both_byte_orders(bits: int, *, big: bool) -> None:
    writer = Writer(bits=bits, big=big, machine=8)
    names = b"\0libfirst.so.1\0libown.so\0"
    data = writer.file([(NEED, 1), (SONAME, 15), (STRTAB, writer.body_at(4)), (NULL, 0)], names)
    assert read(data) == Dynamic(("libfirst.so.1",), "libown.so")


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("big", [False, True])
def test_both_hash_tables_in_both_classes_and_byte_orders(bits: int, *, big: bool) -> None:
    writer = Writer(bits=bits, big=big, machine=8)
    sysv = struct.pack(writer.order + "6I", 1, 2, 1, 0, 0, 0)
    bloom = "Q" if bits == 64 else "I"
    gnu = struct.pack(f"{writer.order}4I{bloom}2I", 1, 1, 1, 0, (1 << bits) - 1, 1, gnu_hash("PyInit_demo") | 1)
    for kind, table in ((HASH, sysv), (GNU_HASH, gnu)):
        assert read(writer.with_table(kind, table)).is_module
        assert not read(writer.with_table(kind, table, b"\0PyInat_demo\0")).is_module


def gnu_hash(name: str) -> int:
    value = 5381
    for byte in name.encode():
        value = value * 33 + byte & 0xFFFF_FFFF
    return value


EXPORTS = [
    (("PyInit_demo",), True),
    (("unrelated", "PyInit_other"), True),
    (("PyInitU_dm_eva",), True),
    (("PyModExport_demo",), True),
    (("PyModExportU_dm_eva",), True),
    ((), False),
    (("unrelated",), False),
    (("PyInit_",), False),
    (("PyInit",), False),
    (("pyinit_demo",), False),
    (("my_PyInit_demo",), False),
    (("initdemo",), False),
]


@pytest.mark.parametrize(("exports", "is_module"), EXPORTS)
def test_python_imports_what_exports_an_entry_point(exports: tuple[str, ...], *, is_module: bool) -> None:
    """PEP 489, and PEP 793 since Python 3.15. What the file is called does not count: it is not even asked for."""
    assert read(shared_object("x86_64", exports=exports)).is_module is is_module


SYMBOLS = {
    "defined": (0x12, 0, 1, True), "weak": (0x22, 0, 1, True), "unique": (0xA2, 0, 1, True), "protected": (0x12, 3, 1, True),
    "only asked for": (0x12, 0, 0, False), "local": (0x02, 0, 1, False), "hidden": (0x12, 2, 1, False),
    "internal": (0x12, 1, 1, False),
}  # fmt: skip


@pytest.mark.parametrize(("info", "other", "section", "is_module"), SYMBOLS.values(), ids=SYMBOLS)
def test_only_what_a_symbol_exports_counts(info: int, other: int, section: int, *, is_module: bool) -> None:
    """Who embeds Python names PyInit_demo, and has it from elsewhere."""
    writer = Writer()
    entry = struct.pack("<IBBHQQ", 1, info, other, section, 0, 0)
    data = writer.with_table(HASH, struct.pack("<6I", 1, 2, 1, 0, 0, 0))
    assert read(data).is_module
    changed = data.replace(writer.symbol(1), entry)
    assert (changed != data) or entry == writer.symbol(1)
    assert read(changed).is_module is is_module


def test_a_name_can_be_the_end_of_another() -> None:
    """GNU ld stores a name once that is the end of a longer one."""
    writer, names = Writer(), b"\0wrapped_PyInit_demo\0"
    data = writer.with_table(HASH, struct.pack("<6I", 1, 2, 1, 0, 0, 0), names)
    assert not read(data).is_module
    assert read(data.replace(writer.symbol(1), writer.symbol(9))).is_module


def test_a_symbol_that_no_hash_table_leads_to_is_not_found() -> None:
    writer = Writer()
    assert not read(writer.with_table(HASH, struct.pack("<6I", 1, 1, 0, 0, 0, 0))).is_module
    gnu = struct.pack("<4IQ2I", 1, 5, 1, 0, ALL_ONES, 0, 1)
    assert not read(writer.with_table(GNU_HASH, gnu)).is_module


def test_without_a_hash_table_it_is_no_module() -> None:
    writer = Writer()
    assert not read(writer.file([(STRTAB, writer.body_at(2)), (NULL, 0)], b"\0PyInit_demo\0")).is_module


def test_a_program_that_is_linked_statically_links_to_nothing() -> None:
    writer = Writer()
    assert read(writer.alone(2, writer.program(LOAD, 0, 200))) == Dynamic(machine="x86_64")


NOT_LOADED = [(1, 62), (4, 62), (3, 190), (1, 190), (2, 190), (3, 224), (1, 247), (3, 164), (3, 205)]


@pytest.mark.parametrize(("kind", "machine"), NOT_LOADED)
def test_what_no_process_loads_says_nothing(kind: int, machine: int) -> None:
    """Object files, dumps, and code for a GPU, a DSP or the kernel: they are data to the wheel."""
    data = bytearray(GOOD)
    struct.pack_into("<2H", data, 16, kind, machine)
    assert looked_at(bytes(data)) is None
    assert looked_at(bytes(data[:64])) is None


def test_what_sections_say_does_not_count() -> None:
    """The loader never looks at them; a tool that strips them all takes nothing away."""
    stripped = bytearray(GOOD)
    stripped[40:48] = bytes(8)
    stripped[58:64] = bytes(6)
    assert read(bytes(stripped)) == read(GOOD)
    hostile = bytearray(GOOD)
    hostile[40:48] = struct.pack("<Q", 1 << 63)
    hostile[60:64] = b"\xff\xff\xff\xff"
    assert read(bytes(hostile)) == read(GOOD)


@pytest.mark.parametrize("stop", range(0, len(GOOD), 16))
def test_a_truncated_file_says_nothing_wrong(stop: int) -> None:
    found = survives(GOOD[:stop])
    if found is not None:
        assert set(found.needed) <= {*NEEDED, ""}


def spoilt(position: int, form: str, value: int, data: bytes = GOOD) -> bytes:
    changed = bytearray(data)
    struct.pack_into(f"<{form}", changed, position, value)
    return bytes(changed)


PHOFF, SHOFF, PHENTSIZE, PHNUM, SHENTSIZE, SHNUM, SHSTRNDX = 32, 40, 54, 56, 58, 60, 62
REFUSED = {
    "no segments": (PHNUM, "H", 0, "no program headers"),
    "extended numbering": (PHNUM, "H", 0xFFFF, "no program headers"),
    "very many segments": (PHNUM, "H", 0xFFFE, "more program headers than any real file"),
    "segments behind the end": (PHOFF, "Q", 1 << 40, "program headers are truncated"),
    "small segments": (PHENTSIZE, "H", 32, "program headers have the wrong size"),
    "no size of segments": (PHENTSIZE, "H", 0, "program headers have the wrong size"),
    "large segments": (PHENTSIZE, "H", 64, "program headers have the wrong size"),
    "32 bits": (4, "B", 1, "is not that of its machine"),
    "no class": (4, "B", 0, "EI_CLASS"),
    "other byte order": (5, "B", 2, "an unknown machine"),
    "no byte order": (5, "B", 9, "EI_DATA"),
    "version 0 in its first bytes": (6, "B", 0, "ELF version is unknown"),
    "version 2": (20, "I", 2, "ELF version is unknown"),
    "type 0": (16, "H", 0, "neither a shared object nor a program"),
    "type of an operating system": (16, "H", 0xFE00, "neither a shared object nor a program"),
    "no machine": (18, "H", 0, "an unknown machine"),
    "unknown machine": (18, "H", 0xFFFF, "an unknown machine"),
    "nothing to load": (64, "I", 0, "no segment to load"),
    "no dynamic section": (64 + 56, "I", 0, "no dynamic section"),
    "an empty dynamic section": (64 + 56 + 32, "Q", 0, "no dynamic section, or an empty one"),
    "a dynamic section elsewhere in memory": (64 + 56 + 16, "Q", 0x40, "different offsets in the file and in memory"),
    "a dynamic section nowhere in memory": (64 + 56 + 16, "Q", 1 << 40, "outside of the file"),
    "a dynamic section without end": (64 + 56 + 32, "Q", 16, "is not terminated"),
    "a segment over another": (64 + 2 * 56, "I", 1, "share a page"),
}


@pytest.mark.parametrize(("position", "form", "value", "words"), REFUSED.values(), ids=REFUSED)
def test_what_a_loader_refuses_is_unreadable(position: int, form: str, value: int, words: str) -> None:
    """It is not clean: who reads it in another way finds the three libraries that it links to."""
    with pytest.raises(UnreadableBinary, match=words):
        read(spoilt(position, form, value))


BY_LOADER = [key for key in REFUSED if not key.startswith(("a dynamic section elsewhere", "a dynamic section without"))]
"""All but what the loader takes and could be read in two ways: it goes by memory, and not by the size of the section."""


@pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64", reason="loads files for Linux on x86_64")
@pytest.mark.parametrize("key", BY_LOADER)
def test_the_loader_of_this_machine_refuses_it_too(key: str, tmp_path: Path) -> None:
    """In a process of its own: a loader that takes a spoilt file may crash. What is not spoilt is loaded, to be sure."""
    valid = shared_object("x86_64", exports=("PyInit_demo", "other"), soname="libdemo.so.1")
    position, form, value, _ = REFUSED[key]
    path = tmp_path / "libdemo.so"
    path.write_bytes(valid)
    assert subprocess.run([sys.executable, "-c", LOADING, path], check=False).returncode == 0
    path.write_bytes(spoilt(position, form, value, valid))
    assert subprocess.run([sys.executable, "-c", LOADING, path], check=False).returncode != 0


def test_a_page_that_two_segments_map_is_unreadable(tmp_path: Path) -> None:
    """Who maps whole pages finds the names of the second half of the file where the first half has others."""
    one, other = (shared_object("x86_64", needed=[name], exports=["PyInit_x"]) for name in ("libm.so.6", SAME_LENGTH))
    second = struct.pack("<2I6Q", 1, 6, 0x1E00, 0xE00, 0xE00, 16, 16, 0x1000)
    data = (one[: 64 + 2 * 56] + second + one[64 + 3 * 56 :]).ljust(0x1000, b"\0") + other.ljust(0x1000, b"\0")
    with pytest.raises(UnreadableBinary, match="share a page"):
        read(data)
    apart = data.replace(second, struct.pack("<2I6Q", 1, 6, 0x1E00, 0x2E00, 0x2E00, 16, 16, 0x1000), 1)
    assert read(apart).needed == ("libm.so.6",)


SAME_LENGTH: Final = "libcu.so."
LOADING: Final = """
import ctypes, os, sys
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
try:
    ctypes.CDLL(sys.argv[1])
except OSError:
    sys.exit(1)
"""


@pytest.mark.parametrize("tag", [STRTAB, STRSZ, SYMTAB, HASH])
def test_a_table_that_is_named_twice_is_unreadable(tag: int) -> None:
    """glibc takes the last, others the first: the names of libraries could be read from two tables."""
    writer = Writer()
    tags = [(NEED, 1), (STRTAB, writer.body_at(6)), (STRSZ, 13), (SYMTAB, 64), (tag, 65), (NULL, 0)]
    data = writer.file([*tags[:3], (HASH, 64), *tags[3:]], b"PyInit_libx.so\0".ljust(64, b"\0"))
    assert survives(data) is None


@pytest.mark.parametrize("tag", [0x7FFF_FFFD, 0x7FFF_FFFF])
def test_a_filter_is_a_link(tag: int) -> None:
    writer = Writer()
    data = writer.file(
        [(NEED, 1), (tag, 8), (STRTAB, writer.body_at(4)), (NULL, 0)], b"\0liba.so\0"[:8] + b"libcublas.so.12\0"
    )
    assert "libcublas.so.12" in read(data).needed


def test_a_name_outside_of_the_string_table_is_unreadable() -> None:
    """The loader reads on behind the end that DT_STRSZ names, and finds another library there."""
    writer = Writer()
    names = b"\0libc.so.6\0libcublas.so.12\0"
    for at, size, fits in (
        (1, 11, True),
        (11, 11, False),
        (11, len(names), True),
        (1, 5, False),
        (11, len(names) + 1, False),
    ):
        tags = [(NEED, at), (STRTAB, writer.body_at(4)), (STRSZ, size), (NULL, 0)]
        assert (survives(writer.file(tags, names)) is not None) is fits


SPOILT = [
    spoilt(PHNUM, "H", 0xFFFE),
    spoilt(PHNUM, "H", 0xFFFF),
    spoilt(PHNUM, "H", 0),
    spoilt(SHNUM, "H", 0xFFFF),
    spoilt(SHNUM, "H", 0),
    spoilt(SHSTRNDX, "H", 0xFFFF),
    spoilt(PHOFF, "Q", len(GOOD)),
    spoilt(PHOFF, "Q", 1 << 40),
    spoilt(PHOFF, "Q", (1 << 64) - 1),
    spoilt(PHOFF, "Q", 0),
    spoilt(PHENTSIZE, "H", 0),
    spoilt(PHENTSIZE, "H", 1),
    spoilt(PHENTSIZE, "H", 0xFFFF),
    spoilt(SHENTSIZE, "H", 0, spoilt(PHNUM, "H", 0xFFFF)),
    spoilt(4, "B", 0),
    spoilt(4, "B", 1),
    spoilt(5, "B", 2),
    spoilt(5, "B", 9),
    spoilt(18, "H", 0xFFFF),
    b"\x7fELF",
    b"\x7fELF" + bytes(60),
    b"\x7fELF" + b"\xff" * 5000,
]


@pytest.mark.parametrize("data", SPOILT, ids=range(len(SPOILT)))
def test_a_spoilt_header_ends_well(data: bytes) -> None:
    survives(data)


def many_segments(claimed: int, kind: int, entry_size: int) -> bytes:
    """Return a file that claims so many segments, all of them the same few bytes, by the number in its first section."""
    writer = Writer()
    sections_at = writer.header_size + writer.program_size
    header = writer.header(programs=0xFFFF, entry_size=entry_size, sections_at=sections_at, sections=1)
    section = struct.pack("<2I4Q2I2Q", 0, 0, 0, 0, 0, 0, 0, claimed, 0, 0)
    return header + writer.program(kind, 0, 0) + section + bytes(4096)


@pytest.mark.parametrize("claimed", [0, 1, 0xFFFF_FFFF])
@pytest.mark.parametrize("entry_size", [56, 57, 64])
def test_as_many_segments_as_can_be_claimed(claimed: int, entry_size: int) -> None:
    survives(many_segments(claimed, LOAD, entry_size))


def test_segments_without_end_at_the_same_place_are_too_much() -> None:
    """With an offset of 0 pyelftools takes any size of an entry, even none: it would read 4,294,967,295 times the same."""
    data = bytearray(many_segments(0xFFFF_FFFF, 0, 0))
    data[PHOFF : PHOFF + 8] = bytes(8)
    assert survives(bytes(data)) is None


@pytest.mark.parametrize("offset", [0, 1, len(GOOD) - 8, len(GOOD), 1 << 31, (1 << 64) - 16])
@pytest.mark.parametrize("program", [0, 1])
def test_a_segment_anywhere_ends_well(offset: int, program: int) -> None:
    survives(spoilt(64 + 56 * program + 8, "Q", offset))


@pytest.mark.parametrize("byte", [b"\x02", b"\xff", b"\x0c"])
def test_a_dynamic_section_that_never_ends_is_too_much(byte: bytes) -> None:
    """No DT_NULL in 4 MiB, nor behind: the file ends, or what may be read does."""
    writer = Writer()
    data = writer.file([(STRTAB, 0)], byte * (1 << 22))
    assert survives(data) is None


def test_of_two_dynamic_sections_the_last_that_is_not_empty_counts() -> None:
    writer = Writer()
    names = b"\0liba.so\0libb.so\0"
    start = writer.header_size + 3 * writer.program_size
    first = writer.tags((NEED, 1), (STRTAB, start + 96), (NULL, 0))
    second = writer.tags((NEED, 9), (STRTAB, start + 96), (NULL, 0))
    for size, expected in ((48, "libb.so"), (0, "liba.so")):
        programs = [
            writer.program(LOAD, 0, 2000),
            writer.program(DYNAMIC, start, 48),
            writer.program(DYNAMIC, start + 48, size),
        ]
        data = writer.header(programs=3) + b"".join(programs) + first + second + names
        assert read(data).needed == (expected,)


def test_tags_behind_the_end_do_not_count() -> None:
    writer = Writer()
    data = writer.file([(STRTAB, writer.body_at(4)), (NULL, 0), (NEED, 1), (NULL, 0)], b"\0libx.so\0")
    assert read(data).needed == ()


@pytest.mark.parametrize("strings", [1 << 20, 1 << 40, (1 << 64) - 1])
def test_a_string_table_behind_the_end_of_the_file_is_an_error(strings: int) -> None:
    writer = Writer()
    assert survives(writer.file([(NEED, 1), (STRTAB, strings), (NULL, 0)])) is None


@pytest.mark.parametrize("name", [1 << 20, 1 << 40, (1 << 64) - 1])
def test_a_name_behind_the_end_of_the_file_is_an_error(name: int) -> None:
    writer = Writer()
    assert survives(writer.file([(NEED, name), (STRTAB, writer.body_at(3)), (NULL, 0)], b"\0x\0")) is None


def test_no_string_table_at_all() -> None:
    assert survives(Writer().file([(NEED, 1), (NULL, 0)])) is None


@pytest.mark.parametrize("tag", [NEED, SONAME])
@pytest.mark.parametrize(("length", "fits"), [(1_000, True), (1_001, False), (1_000_000, False)])
def test_the_longest_name(tag: int, length: int, *, fits: bool) -> None:
    writer = Writer()
    data = writer.file([(tag, 1), (STRTAB, writer.body_at(3)), (NULL, 0)], b"\0" + b"x" * length + b"\0")
    found = survives(data)
    assert (found is not None) is fits
    if found:
        assert (found.needed or (found.soname,)) == ("x" * length,)


@pytest.mark.parametrize("tag", [RPATH, RUNPATH])
def test_long_paths_again_and_again_are_not_even_read(tag: int) -> None:
    writer = Writer()
    data = writer.file([(STRTAB, writer.body_at(2002)), *[(tag, 1)] * 2000, (NULL, 0)], b"\0" + b"x" * 100_000 + b"\0")
    assert read(data) == Dynamic(machine="x86_64")


@pytest.mark.parametrize(("count", "fits"), [(1_000, True), (1_001, False), (100_000, False)])
def test_the_most_libraries(count: int, *, fits: bool) -> None:
    writer = Writer()
    data = writer.file([(STRTAB, writer.body_at(count + 2)), *[(NEED, 1)] * count, (NULL, 0)], b"\0libx.so\0")
    source, entry = only_entry(Entry("x.so", data, STORED))
    file = cast(BinaryIO, EntryFile(source, entry, Allowance(bytes_=1 << 26, calls=200_000)))
    if fits:
        found = read_dynamic(file)
        assert found is not None
        assert len(found.needed) == count
        return
    with pytest.raises(UnreadableBinary, match="more libraries than any real file"):
        read_dynamic(file)


@pytest.mark.parametrize("name", [b"lib\xff\xfe.so", b"lib\x1b[2J.so", "libé.so".encode(), b"a/../b.so", b"\r\n"])
def test_odd_names_end_well(name: bytes) -> None:
    writer = Writer()
    data = writer.file([(NEED, 1), (SONAME, 1), (STRTAB, writer.body_at(4)), (NULL, 0)], b"\0" + name + b"\0")
    found = survives(data)
    try:
        text = name.decode()
    except UnicodeDecodeError:
        assert found is None
    else:
        assert found == Dynamic((text,), text, machine="x86_64")


HUGE = 0xFFFF_FFFF
ALL_ONES = (1 << 64) - 1
WANTED = gnu_hash("PyInit_demo")
TABLES = {
    "sysv, endless buckets": (HASH, struct.pack("<2I", HUGE, 1)),
    "sysv, loop": (HASH, struct.pack("<6I", 1, 3, 1, 0, 2, 1)),
    "gnu, endless filter": (GNU_HASH, struct.pack("<4IQ", 1, 1, HUGE, 0, ALL_ONES)),
    "gnu, chain without end": (GNU_HASH, struct.pack("<4IQI", 1, 1, 1, 0, ALL_ONES, 1) + bytes(1 << 22)),
    "gnu, cut off": (GNU_HASH, b"\1\0\0\0\1\0"),
}


@pytest.mark.parametrize(("kind", "table"), TABLES.values(), ids=TABLES)
def test_hash_tables_made_to_exhaust_are_not_even_read(kind: int, table: bytes) -> None:
    assert read(Writer().with_table(kind, table, b"\0PyInat_demo\0")) == Dynamic(machine="x86_64")


@pytest.mark.parametrize(("kind", "table"), TABLES.values(), ids=TABLES)
def test_hash_tables_made_to_exhaust_end_well_where_they_matter(kind: int, table: bytes) -> None:
    survives(Writer().with_table(kind, table))


STRINGS = {
    "at the end of a block": bytes((1 << 20) - 5) + b"\0PyInit_demo\0",
    "over two blocks": bytes((1 << 20) - 8) + b"\0PyInit_demo\0",
    "in the third block": b"a" * (1 << 21) + b"\0PyInit_demo\0",
}


@pytest.mark.parametrize("names", STRINGS.values(), ids=STRINGS)
def test_an_export_is_found_wherever_its_name_stands(names: bytes) -> None:
    writer = Writer()
    data = writer.with_table(HASH, struct.pack("<6I", 1, 2, 1, 0, 0, 0), names)
    at = names.index(b"PyInit")
    assert read(data.replace(writer.symbol(1), writer.symbol(at))).is_module
    assert not read(data).is_module


def test_names_of_modules_without_end_are_too_much() -> None:
    names = b"\0" + b"PyInit_" * 10_001 + b"x\0"
    assert survives(Writer().with_table(HASH, struct.pack("<6I", 1, 2, 1, 0, 0, 0), names)) is None


def test_a_table_that_no_segment_holds() -> None:
    writer = Writer()
    tags = [(STRTAB, writer.body_at(4)), (SYMTAB, 64), (GNU_HASH, 1 << 40), (NULL, 0)]
    assert not read(writer.file(tags, b"\0")).is_module
    assert survives(writer.file(tags, b"\0PyInit_demo\0")) is None


def test_a_module_with_many_exports_is_read() -> None:
    """TensorFlow's ``_pywrap_tensorflow_internal.so`` exports hundreds of thousands of names; ld makes 262,147 buckets."""
    writer, buckets, words = Writer(), 262_147, 65_536
    places = [1 if at == WANTED % buckets else 0 for at in range(buckets)]
    table = struct.pack(f"<4I{words}Q{buckets}II", buckets, 1, words, 26, *[ALL_ONES] * words, *places, WANTED | 1)
    source, entry = only_entry(Entry("demo.so", writer.with_table(GNU_HASH, table), STORED))
    file = EntryFile(source, entry, Allowance(bytes_=6 << 30, calls=202_000))  # what a wheel with one binary gets
    found = read_dynamic(cast(BinaryIO, file))
    assert found is not None
    assert found.is_module


@given(flips=st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(1, 255)), min_size=1, max_size=6))
def test_flipped_bytes_end_well(flips: list[tuple[int, int]]) -> None:
    changed = bytearray(GOOD)
    for position, mask in flips:
        changed[position] ^= mask
    found = survives(bytes(changed))
    assert found is None or isinstance(found, Dynamic)


@given(tail=st.binary(max_size=400), bits=st.sampled_from([1, 2]), order=st.sampled_from([1, 2]))
def test_any_bytes_behind_the_magic_end_well(tail: bytes, bits: int, order: int) -> None:
    survives(b"\x7fELF" + bytes([bits, order]) + tail)


class Refusing(io.BytesIO):
    """A file on a disk that fails after some reads."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > 20:
            raise OSError(5, "Input/output error")
        return super().read(size)


def test_a_failing_disk_is_not_an_error_of_the_file() -> None:
    """It must not end in "this binary is damaged": the machine caused it, and the run says so."""
    with pytest.raises(OSError, match="Input/output"):
        read_dynamic(Refusing(GOOD))


@pytest.mark.parametrize(
    ("machine", "bits", "big", "name"),
    [(62, 64, False, "x86_64"), (3, 32, False, "i686"), (183, 64, False, "aarch64"), (40, 32, False, "armv7l"),
     (21, 64, False, "ppc64le"), (21, 64, True, "ppc64"), (22, 64, True, "s390x"), (243, 64, False, "riscv64"),
     (258, 64, False, "loongarch64"), (8, 32, True, "")],
)  # fmt: skip
def test_the_machine_has_its_name_in_platform_tags(machine: int, bits: int, big: bool, name: str) -> None:
    writer = Writer(bits=bits, big=big, machine=machine)
    found = read(writer.file([(NEED, 1), (STRTAB, writer.body_at(3)), (NULL, 0)], b"\0libx.so\0"))
    assert found.machine == name


@pytest.mark.parametrize(
    ("versions", "newest"),
    [
        ({}, None),
        ({"libc.so.6": ["GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.4"]}, (2, 34)),
        ({"libc.so.6": ["GLIBC_2.4"], "libm.so.6": ["GLIBC_2.29"], "libstdc++.so.6": ["GLIBCXX_3.4.30"]}, (2, 29)),
        ({"libc.so.6": ["GLIBC_2.17", "GLIBC_2.40?"]}, (2, 17)),  # the loader does without a weak one
        ({"libc.so.6": ["GLIBC_2.17", "GLIBC_ABI_DT_RELR"]}, (2, 36)),
        ({"libc.so.6": ["GLIBC_PRIVATE", "GLIBC_2", "XGLIBC_2.40", "GLIBC_2.40x"]}, None),
    ],
)
def test_the_newest_version_of_glibc_that_it_needs(versions: dict[str, list[str]], newest: tuple[int, int] | None) -> None:
    assert read(shared_object("x86_64", needed=("libc.so.6",), versions=versions)).glibc == newest


VERNEED: Final = 0x6FFF_FFFE
LISTS: Final = {
    "outside": (1 << 40, b""),
    "in a circle": (None, struct.pack("<2H3I", 1, 0xFFFF, 1, 0, 0)),
    "to itself": (None, struct.pack("<2H3I", 1, 0, 1, 16, 0) * 2),
    "a version in a circle": (None, struct.pack("<2H3I", 1, 0xFFFF, 1, 16, 0) + struct.pack("<I2H2I", 0, 0, 0, 1, 0)),
    "long jumps": (None, struct.pack("<2H3I", 1, 0xFFFF, 1, HUGE, HUGE)),
    "cut off": (None, b"\1\0\1"),
    "a name outside": (None, struct.pack("<2H3I", 1, 1, 1, 16, 0) + struct.pack("<I2H2I", 0, 0, 0, HUGE, 0)),
    "a name that is no text": (None, struct.pack("<2H3I", 1, 1, 1, 16, 0) + struct.pack("<I2H2I", 0, 0, 0, 9, 0)),
    "very many": (None, b"".join(struct.pack("<2H3I", 1, 1, 1, 16, 32) + struct.pack("<I2H2I", 0, 0, 0, 1 + i % 8, 0)
                                 for i in range(100_000))),
}  # fmt: skip


@pytest.mark.parametrize(("at", "table"), LISTS.values(), ids=LISTS)
def test_no_table_of_versions_takes_long_or_hides_what_it_links_to(at: int | None, table: bytes) -> None:
    """It is read for what tags claim: where it is malformed nothing is known of that, and all else is as before."""
    writer, names = Writer(), b"\0libx.so\0\xff\xfe\0"
    begin = writer.body_at(4)
    place = begin + len(names) if at is None else at
    data = writer.file([(NEED, 1), (STRTAB, begin), (VERNEED, place), (NULL, 0)], names + table)
    assert read(data) == Dynamic(("libx.so",), machine="x86_64")
