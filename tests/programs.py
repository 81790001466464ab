"""Binaries of other systems, as far as their headers: Mach-O files of one machine or several, and PE files."""

import struct
from collections.abc import Mapping
from typing import Final

CPUS: Final = {"i386": 7, "x86_64": 0x0100_0007, "arm64": 0x0100_000C, "ppc": 18}
PE_MACHINES: Final = {"x86": 0x014C, "AMD64": 0x8664, "ARM64": 0xAA64}


def mach_o(machine: str, oldest: tuple[int, int] | None = (11, 0), *, old_style: bool = False, big: bool = False) -> bytes:
    """Return the beginning of a Mach-O file that asks for this macOS at least; ``old_style`` asks as before macOS 10.14."""
    order, wide = (">" if big else "<"), CPUS[machine] > 0xFF
    commands = struct.pack(f"{order}2I16x", 0x19, 24)  # an empty segment comes first
    if oldest is not None:
        version = oldest[0] << 16 | oldest[1] << 8
        kind = (0x24, 16, version, version) if old_style else (0x32, 24, 1, version, version, 0)
        commands += struct.pack(f"{order}{len(kind)}I", *kind)
    count = 1 + (oldest is not None)
    magic = 0xFEED_FACF if wide else 0xFEED_FACE
    head = struct.pack(f"{order}7I", magic, CPUS[machine], 0, 6, count, len(commands), 0) + bytes(4 if wide else 0)
    return head + commands + bytes(64)


def universal(*slices: bytes, cpus: tuple[str, ...] = ("x86_64", "arm64"), wide: bool = False) -> bytes:
    """Return a universal file of several Mach-O files, each at an offset of 16 KiB from the one before."""
    page, form = 1 << 14, ">2I2Q2I" if wide else ">5I"
    head = struct.pack(">2I", 0xCAFE_BABF if wide else 0xCAFE_BABE, len(slices))
    for number, (cpu, data) in enumerate(zip(cpus, slices, strict=True), 1):
        values = (CPUS[cpu], 0, number * page, len(data), 14)
        head += struct.pack(form, *values, *([0] if wide else []))
    pieces = [head.ljust(page, b"\0"), *(data.ljust(page, b"\0") for data in slices)]
    return b"".join(pieces)


def pe(machine: str = "AMD64", machines: Mapping[str, int] = PE_MACHINES) -> bytes:
    """Return the beginning of a PE file for a machine."""
    return (
        b"MZ" + bytes(58) + struct.pack("<I", 128) + bytes(64) + b"PE\0\0" + struct.pack("<H", machines[machine]) + bytes(64)
    )
