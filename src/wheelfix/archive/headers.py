"""The records of a ZIP file: their fields, and the ZIP64 form of a number that does not fit."""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from wheelfix.errors import ArchiveError

LOCAL: Final = struct.Struct("<4s5H3I2H")
ENTRY: Final = struct.Struct("<4s6H3I5H2I")
END: Final = struct.Struct("<4s4H2IH")
END_64: Final = struct.Struct("<4sQ2H2I4Q")
LOCATOR_64: Final = struct.Struct("<4sIQI")

LOCAL_SIGNATURE: Final = b"PK\x03\x04"
ENTRY_SIGNATURE: Final = b"PK\x01\x02"
END_SIGNATURE: Final = b"PK\x05\x06"
END_64_SIGNATURE: Final = b"PK\x06\x06"
LOCATOR_64_SIGNATURE: Final = b"PK\x06\x07"
DESCRIPTOR_SIGNATURE: Final = b"PK\x07\x08"

FULL_16: Final = 0xFFFF
"""The value of a 16-bit field whose number stands in the ZIP64 end record."""
FULL_32: Final = 0xFFFF_FFFF
"""The value of a 32-bit field whose number stands in the ZIP64 extra field."""
VERSION_ZIP64: Final = 45
"""The lowest "version needed to extract" of a member with ZIP64 fields (APPNOTE 4.4.3.2)."""

FLAG_ENCRYPTED: Final = 1 << 0
FLAG_DESCRIPTOR: Final = 1 << 3
FLAG_PATCHED: Final = 1 << 5
FLAG_STRONG_ENCRYPTION: Final = 1 << 6
FLAG_UTF8: Final = 1 << 11
FLAG_MASKED: Final = 1 << 13

STORED: Final = 0
DEFLATED: Final = 8

EXTRA_ZIP64: Final = 0x0001
EXTRA_UNICODE_COMMENT: Final = 0x6375
EXTRA_UNICODE_PATH: Final = 0x7075
_ZIP64_BYTES: Final = EXTRA_ZIP64.to_bytes(2, "little")
_UNICODE_PATH_BYTES: Final = EXTRA_UNICODE_PATH.to_bytes(2, "little")


class Entry(NamedTuple):
    """The fixed part of a directory record, as its 32- and 16-bit fields stand there (APPNOTE 4.3.12)."""

    signature: bytes
    made_by: int
    needed: int
    flags: int
    method: int
    time: int
    date: int
    crc: int
    compressed_size: int
    size: int
    name_length: int
    extra_length: int
    comment_length: int
    disk: int
    internal_attributes: int
    external_attributes: int
    offset: int


class LocalHeader(NamedTuple):
    """The fixed part of a local header (APPNOTE 4.3.7)."""

    signature: bytes
    needed: int
    flags: int
    method: int
    time: int
    date: int
    crc: int
    compressed_size: int
    size: int
    name_length: int
    extra_length: int


def extra_fields(extra: bytes, place: str) -> Iterator[tuple[int, int, int]]:
    """Yield the id, the start and the stop of the data of each extra field in ``extra``.

    Up to three bytes of padding at the end are passed over, as zipalign writes them.

    :raises ArchiveError: if a field claims to be longer than what is left.
    """
    position = 0
    while position + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, position)
        start = position + 4
        position = start + size
        if position > len(extra):
            raise ArchiveError(
                "bad-extra-field", f"{place}: an extra field runs past its end", hint="Build the wheel again."
            )
        yield kind, start, position


def is_well_formed(extra: bytes) -> bool:
    """Whether no extra field claims to be longer than what is left; ``zipfile`` refuses an archive with such a one."""
    position, last = 0, len(extra) - 4
    while position <= last:
        position += 4 + (extra[position + 2] | extra[position + 3] << 8)
    return position <= len(extra)


def may_mislead(extra: bytes) -> bool:
    """Whether ``extra`` may hold a field that changes sizes, position or name: quick, and wrong only towards yes."""
    return _ZIP64_BYTES in extra or _UNICODE_PATH_BYTES in extra


def find_extra(extra: bytes, kind: int, place: str) -> tuple[int, int] | None:
    """Return start and stop of the data of the extra field ``kind``, or ``None`` if it is not there.

    :raises ArchiveError: if it is there twice, so that readers could choose differently.
    """
    found = [(start, stop) for each, start, stop in extra_fields(extra, place) if each == kind]
    if len(found) > 1:
        raise ArchiveError(
            "bad-extra-field", f"{place}: extra field 0x{kind:04x} appears twice", hint="Build the wheel again."
        )
    return found[0] if found else None


def zip64_numbers(extra: bytes, place: str) -> tuple[int, ...] | None:
    """Return the 64-bit numbers of the ZIP64 extra field, or ``None`` without one (APPNOTE 4.5.3).

    A 32-bit disk number at the end is left out.
    """
    span = find_extra(extra, EXTRA_ZIP64, place)
    if span is None:
        return None
    start, stop = span
    return struct.unpack_from(f"<{(stop - start) // 8}Q", extra, start)


def widen(values: tuple[int, ...], extra: bytes, place: str) -> tuple[int, ...]:
    """Return ``values`` with those that are all ones replaced by the numbers of the ZIP64 extra field.

    The extra field may hold just the numbers that are called for, or all of ``values`` with the same numbers where they
    are not called for; anything else two readers could take differently.

    :raises ArchiveError: if the extra field does not hold what is called for.
    """
    numbers = zip64_numbers(extra, place) if extra else None
    if numbers is None:
        return values
    called = [index for index, value in enumerate(values) if value == FULL_32]
    if len(numbers) == len(called):
        wide = list(values)
        for index, number in zip(called, numbers, strict=True):
            wide[index] = number
        return tuple(wide)
    agrees = all(value in (number, FULL_32) for value, number in zip(values, numbers, strict=False))
    if len(called) < len(numbers) <= len(values) and agrees and all(index < len(numbers) for index in called):
        return (*numbers, *values[len(numbers) :])
    raise ArchiveError(
        "bad-zip64-field",
        f"{place}: the ZIP64 extra field holds {len(numbers)} numbers where {len(called)} are called for",
        hint="Readers take such a field differently; build the wheel again with a current tool.",
    )
