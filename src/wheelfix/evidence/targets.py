"""What each binary of a wheel is built for: system, machines and the oldest version of the system, by its header.

ELF files are read by :mod:`wheelfix.evidence.elf`; here are PE (https://learn.microsoft.com/windows/win32/debug/pe-format)
and Mach-O (https://github.com/apple-oss-distributions/xnu/blob/main/EXTERNAL_HEADERS/mach-o/loader.h).
"""

import struct
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from wheelfix.errors import ArchiveError
from wheelfix.evidence.elf import Dynamic, system_of
from wheelfix.evidence.linkage import Linkage
from wheelfix.wheel.zip.inflate import Allowance, EntryFile
from wheelfix.wheel.zip.layout import Layout
from wheelfix.wheel.zip.source import Readable

LINUX, DARWIN, WINDOWS = "Linux", "Darwin", "Windows"
_MODULES: Final = {WINDOWS: ".pyd", DARWIN: ".so"}
"""How the names of extension modules end on systems whose binaries are not read further than their header."""
_START: Final = 1_024
_MOST_BYTES: Final = 1 << 32
"""How much is inflated at most to read headers, in bytes: the second part of a universal file lies behind the first."""
_CALLS_EACH: Final = 50
_LONGEST_COMMANDS: Final = 1 << 16
"""The longest list of load commands that is read, in bytes; real ones have some thousand."""
_MOST_SLICES: Final = 40
_WIDE: Final = 0x0100_0000
_CPUS: Final = {7: "i386", 7 | _WIDE: "x86_64", 12 | _WIDE: "arm64", 18: "ppc", 18 | _WIDE: "ppc64"}
_LC_VERSION_MIN_MACOSX, _LC_BUILD_VERSION = 0x24, 0x32
_MACOS: Final = 1
_PE_MACHINES: Final = {0x014C: "x86", 0x8664: "AMD64", 0xAA64: "ARM64", 0xA641: "ARM64", 0xA64E: "ARM64"}
"""The machines of PE files, as ``platform_machine`` names them; the last two are ARM64EC and ARM64X."""
_MUSL: Final = ("libc.musl-", "ld-musl-")
_GNU: Final = ("libc.so.6", "ld-linux")


class Target(Struct, frozen=True):
    """What the binary at ``path`` is built for.

    ``machines`` maps each to the oldest version of macOS or glibc that is needed there, ``None`` where it names none;
    machines are named as platform tags do, on Windows as ``platform_machine`` does. ``libc`` is the C library that an ELF
    file links to: ``glibc``, ``musl``, or empty. ``is_module`` says whether Python can import it.
    """

    path: str
    system: str
    machines: Mapping[str, tuple[int, int] | None]
    is_module: bool = False
    libc: str = ""


def read_targets(source: Readable, layout: Layout, linkage: Linkage) -> Iterator[Target]:
    """Yield what each binary is built for: those of ``linkage``, and of those that it could not read Mach-O and PE files.

    Files with a damaged header, or for a machine without a name, are left out.
    """
    for binary in linkage.binaries:
        yield _of_elf(binary.path, binary.dynamic)
    allowance = Allowance(bytes_=_MOST_BYTES, calls=_CALLS_EACH * max(1, len(linkage.unread)))
    for path in linkage.unread:
        try:
            found = _of_other(path, EntryFile(source, layout.find(path), allowance))
        except (ArchiveError, struct.error):
            continue
        if found is not None and found.machines:
            yield found


def _of_elf(path: str, dynamic: Dynamic) -> Target:
    libraries = [library.rpartition("/")[2] for library in dynamic.needed]
    is_gnu = dynamic.glibc is not None or any(library.startswith(_GNU) for library in libraries)
    is_musl = any(library.startswith(_MUSL) for library in libraries)
    libc = "glibc" if is_gnu else "musl" if is_musl else ""
    return Target(path, LINUX, {dynamic.machine: dynamic.glibc} if dynamic.machine else {}, dynamic.is_module, libc)


def _of_other(path: str, file: EntryFile) -> Target | None:
    start = file.read(_START)
    system = system_of(start)
    if system is None:
        return None
    machines = dict(_of_pe(start) if system == WINDOWS else _of_mach_o(file, start))
    return Target(path, system, machines, path.endswith(_MODULES[system]))


def _of_pe(start: bytes) -> Iterator[tuple[str, None]]:
    [header] = struct.unpack_from("<I", start, 60)
    [machine] = struct.unpack_from("<H", start, header + 4)
    if machine in _PE_MACHINES:
        yield _PE_MACHINES[machine], None


def _of_mach_o(file: EntryFile, start: bytes) -> Iterator[tuple[str, tuple[int, int] | None]]:
    """Yield the machines of a Mach-O file, of one machine or of several (fat), and the oldest macOS for each."""
    if start[:3] != b"\xca\xfe\xba":
        yield from _of_slice(start, file)
        return
    each = struct.Struct(">2I2Q2I" if start[3] == 0xBF else ">5I")  # with 64-bit positions, or without
    [count] = struct.unpack_from(">I", start, 4)
    for number in range(min(count, _MOST_SLICES)):
        _, _, position, *_ = each.unpack_from(start, 8 + number * each.size)
        file.seek(position)
        yield from _of_slice(file.read(_START), file, position)


def _of_slice(start: bytes, file: EntryFile, position: int = 0) -> Iterator[tuple[str, tuple[int, int] | None]]:
    order = ">" if start[:2] == b"\xfe\xed" else "<"
    _, cpu, _, _, count, length, _ = struct.unpack_from(f"{order}7I", start)
    if cpu not in _CPUS:
        return
    begin = 32 if cpu & _WIDE else 28
    file.seek(position + begin)
    commands = file.read(min(length, _LONGEST_COMMANDS))
    yield _CPUS[cpu], next(_oldest_systems(commands, order, count), None)


def _oldest_systems(commands: bytes, order: str, count: int) -> Iterator[tuple[int, int]]:
    """Yield the oldest macOS that load commands ask for."""
    at, head = 0, struct.Struct(f"{order}2I")
    for _ in range(count):
        if at + 16 > len(commands):
            return
        kind, size = head.unpack_from(commands, at)
        one, two = head.unpack_from(commands, at + head.size)
        if kind == _LC_VERSION_MIN_MACOSX:
            yield _version(one)
        elif kind == _LC_BUILD_VERSION and one == _MACOS:
            yield _version(two)
        if size < head.size:
            return
        at += size


def _version(number: int) -> tuple[int, int]:
    return number >> 16, number >> 8 & 0xFF
