"""Small ELF shared objects that link to what the caller names, without a compiler: the same bytes on every machine.

Layout as in the System V ABI: one loadable segment, a dynamic section, a symbol table with the exported functions, and
section headers. ``readelf`` reads them and the dynamic loader loads them; there is nothing in them to call.
"""

import struct
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

MACHINES: Final = {"x86_64": 62, "aarch64": 183}
_HEADER, _PROGRAM, _SECTION, _SYMBOL, _DYNAMIC = 64, 56, 64, 24, 16
_PAGE: Final = 0x1_0000
_NAMES: Final = (".dynsym", ".dynstr", ".hash", ".dynamic", ".shstrtab")
_VERSION_NEEDED, _VERSION_COUNT = 0x6FFF_FFFE, 0x6FFF_FFFF
_LOAD, _DYNAMIC_SEGMENT, _STACK = 1, 2, 0x6474_E551
_READ, _READ_WRITE = 4, 6


def shared_object(
    machine: str,
    *,
    needed: Sequence[str] = (),
    soname: str | None = None,
    exports: Sequence[str] = (),
    versions: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> bytes:
    """Return a 64-bit shared object for ``machine`` with a DT_NEEDED entry for each name in ``needed``.

    ``versions`` are the symbol versions that it needs of each library; one that ends with ``?`` is weak.
    """
    strings = _Strings()
    symbols = struct.pack("<IBBHQQ", 0, 0, 0, 0, 0, 0)
    symbols += b"".join(struct.pack("<IBBHQQ", strings.add(name), 0x12, 0, 1, 0, 0) for name in exports)
    tags = [(1, strings.add(name)) for name in needed]
    tags += [(14, strings.add(soname))] if soname else []
    wanted = _needed_versions(versions, strings)
    section_names = _Strings()
    name_offsets = [section_names.add(name) for name in _NAMES]

    count = len(exports) + 1
    # One bucket, so the chain runs through every symbol: 1 -> 2 -> ... -> 0.
    table = struct.pack(
        f"<{3 + count}I", 1, count, min(1, count - 1), 0, *(i + 1 if i + 1 < count else 0 for i in range(1, count))
    )
    dynamic_size = (len(tags) + 6 + (2 if versions else 0)) * _DYNAMIC
    sizes = [len(symbols), len(strings.data), len(table), dynamic_size, len(section_names.data), len(wanted)]
    offsets = []
    position = _HEADER + 3 * _PROGRAM
    for size in sizes:
        offsets.append(position)
        position += size + -size % 8
    symbols_at, strings_at, table_at, dynamic_at, _, wanted_at = offsets
    tags += [(_VERSION_NEEDED, wanted_at), (_VERSION_COUNT, len(versions))] if versions else []
    tags += [(4, table_at), (5, strings_at), (6, symbols_at), (10, len(strings.data)), (11, _SYMBOL), (0, 0)]
    dynamic = b"".join(struct.pack("<2Q", *tag) for tag in tags)

    parts = (symbols, strings.data, table, dynamic, section_names.data, wanted)
    body = b"".join(part + bytes(-len(part) % 8) for part in parts)
    end = position + (len(_NAMES) + 1) * _SECTION
    programs = _program(_LOAD, _READ_WRITE, 0, end, _PAGE) + _program(
        _DYNAMIC_SEGMENT, _READ_WRITE, dynamic_at, dynamic_size, 8
    )
    programs += _program(_STACK, _READ_WRITE, 0, 0, 16)
    # Per section: type, flags, link, info, entry size.
    kinds = [(11, 2, 2, 1, _SYMBOL), (3, 2, 0, 0, 0), (5, 2, 1, 0, 4), (6, 3, 2, 0, _DYNAMIC), (3, 0, 0, 0, 0)]
    sections = bytes(_SECTION)
    for name, offset, size, (kind, flags, link, info, each) in zip(name_offsets, offsets, sizes, kinds, strict=False):
        address = offset if flags else 0
        sections += struct.pack("<2I4Q2I2Q", name, kind, flags, address, offset, size, link, info, 8, each)
    header = struct.pack(
        "<16s2HI3QI6H", b"\x7fELF\x02\x01\x01", 3, MACHINES[machine], 1, 0, _HEADER, position, 0,
        _HEADER, _PROGRAM, 3, _SECTION, len(_NAMES) + 1, len(_NAMES),
    )  # fmt: skip
    return header + programs + body + sections


def _needed_versions(versions: Mapping[str, Sequence[str]], strings: "_Strings") -> bytes:
    """Return the table of needed versions: each library, and behind it the versions of it."""
    pieces = []
    for number, (library, names) in enumerate(versions.items(), 1):
        each = [(name.removesuffix("?"), 2 * name.endswith("?")) for name in names]
        following = 16 * (len(each) + 1) if number < len(versions) else 0
        pieces.append(struct.pack("<2H3I", 1, len(each), strings.add(library), 16, following))
        for left, (name, flags) in zip(range(len(each) - 1, -1, -1), each, strict=True):
            pieces.append(struct.pack("<I2H2I", 0, flags, 2, strings.add(name), 16 if left else 0))
    return b"".join(pieces)


class _Strings:
    """A string table in the making."""

    def __init__(self) -> None:
        self.data = b"\0"

    def add(self, text: str) -> int:
        start = len(self.data)
        self.data += text.encode("ascii") + b"\0"
        return start


def _program(kind: int, flags: int, offset: int, size: int, align: int) -> bytes:
    return struct.pack("<2I6Q", kind, flags, offset, offset, offset, size, size, align)
