"""Extra fields: reading them, the numbers of the ZIP64 field, and fields that give an entry a second name or size.

How readers treat them was measured with pip 26.3 on Python 3.11 and 3.13, uv 0.13.9 and PyPI's check of uploads.
"""

import struct
import zlib
from collections import Counter
from collections.abc import Container, Iterator
from itertools import islice
from typing import Final, NamedTuple

from wheelfix.errors import ArchiveError
from wheelfix.wheel.zip.findings import StrictReport
from wheelfix.wheel.zip.structs import EXTRA_UNICODE_COMMENT, EXTRA_UNICODE_PATH, EXTRA_ZIP64, FULL_32, STORED

_ZIP64_BYTES: Final = EXTRA_ZIP64.to_bytes(2, "little")
_UNICODE_PATH_BYTES: Final = EXTRA_UNICODE_PATH.to_bytes(2, "little")
_FIELD_HEAD: Final = 4
_UNICODE_HEAD: Final = struct.Struct("<BI")
_MISLEADING: Final = frozenset({EXTRA_ZIP64, EXTRA_UNICODE_PATH, EXTRA_UNICODE_COMMENT})
_UNICODE_VERSION: Final = 1
_PRINTABLE: Final = 0x20
_DELETE: Final = 0x7F
_UPLOADED_LENGTHS: Final = frozenset({0, 8, 16, 24, 28})
"""The lengths of a ZIP64 field in a local header that PyPI accepts."""
_MOST_FIELDS: Final = 500
"""How many fields of one record are checked: 64 kB can hold 16,000, real records have one or two."""
_BOTH_SIZES: Final = 16
_SIZES: Final = struct.Struct("<2Q")
_DIRECTORY_LENGTHS: Final = (24, 28)
"""The lengths of a ZIP64 field in the directory: both sizes and the position, and a disk number in the longer one."""
LONGER_FORMS: Final = ("more", "longer", "more in the directory")
"""Forms of a ZIP64 field that holds what is needed, and more."""


def fields_in(extra: bytes, place: str) -> Iterator[tuple[int, int, int]]:
    """Yield the id, the start and the stop of the data of each extra field in ``extra``.

    Up to three bytes of padding at the end, as zipalign writes them, are ignored.

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
    """Whether no extra field claims to be longer than what is left; ``zipfile`` refuses archives with such a field."""
    position, last = 0, len(extra) - 4
    while position <= last:
        position += 4 + (extra[position + 2] | extra[position + 3] << 8)
    return position <= len(extra)


def may_mislead(extra: bytes) -> bool:
    """Whether ``extra`` may contain a field that changes sizes, position or name: fast, and in doubt true."""
    return _ZIP64_BYTES in extra or _UNICODE_PATH_BYTES in extra


def find_extra(extra: bytes, kind: int, place: str) -> tuple[int, int] | None:
    """Return start and stop of the data of the extra field ``kind``, or ``None`` without one.

    :raises ArchiveError: if there are two, so that readers could choose differently.
    """
    found = [(start, stop) for each, start, stop in fields_in(extra, place) if each == kind]
    if len(found) > 1:
        raise ArchiveError(
            "bad-extra-field", f"{place}: extra field 0x{kind:04x} appears twice", hint="Build the wheel again."
        )
    return found[0] if found else None


def without_fields(extra: bytes, kinds: Container[int]) -> bytes:
    """Return the extra fields except those of ``kinds``; what is not well-formed is returned unchanged."""
    if not is_well_formed(extra):
        return extra
    pieces, position = [], 0
    for kind, _, stop in fields_in(extra, ""):
        pieces += [] if kind in kinds else [extra[position:stop]]
        position = stop
    return b"".join([*pieces, extra[position:]])


def widen(values: tuple[int, ...], extra: bytes, place: str) -> tuple[int, ...]:
    """Return ``values``, where those that are all ones are replaced by the numbers of the ZIP64 extra field (APPNOTE 4.5.3).

    The extra field may hold only the numbers that are needed, or all of ``values``, the same numbers where they are not
    needed. Anything else two readers could understand differently. A 32-bit disk number at its end is left out.

    :raises ArchiveError: if the extra field does not hold what is needed.
    """
    span = find_extra(extra, EXTRA_ZIP64, place)
    if span is None:
        return values
    numbers = struct.unpack_from(f"<{(span[1] - span[0]) // 8}Q", extra, span[0])
    needed = [index for index, value in enumerate(values) if value == FULL_32]
    if len(numbers) == len(needed):
        wide = list(values)
        for index, number in zip(needed, numbers, strict=True):
            wide[index] = number
        return tuple(wide)
    agrees = all(value in (number, FULL_32) for value, number in zip(values, numbers, strict=False))
    if len(needed) < len(numbers) <= len(values) and agrees and all(index < len(numbers) for index in needed):
        return (*numbers, *values[len(numbers) :])
    raise ArchiveError(
        "bad-zip64-field",
        f"{place}: the ZIP64 extra field holds {len(numbers)} numbers, and {len(needed)} are needed",
        hint="Readers understand such a field differently; build the wheel again with a current tool.",
    )


def only_needed(values: tuple[int, ...], extra: bytes, place: str) -> tuple[int, ...]:
    """Return ``values``, where those that are all ones are the first numbers of the ZIP64 field, whatever else it holds.

    So ``zipfile`` reads a field that is longer than it should be. What it does not hold stays all ones.

    :raises ArchiveError: if an extra field runs past its end, or the field is there twice.
    """
    span = find_extra(extra, EXTRA_ZIP64, place)
    numbers = iter(struct.unpack_from(f"<{(span[1] - span[0]) // 8}Q", extra, span[0]) if span else ())
    return tuple(next(numbers, value) if value == FULL_32 else value for value in values)


class Described(NamedTuple):
    """The record that an extra field belongs to: its name as it is written there, its method, its sizes (and position).

    The numbers are those of the record itself, all ones where the ZIP64 field is needed.
    """

    raw_name: bytes
    is_utf8: bool
    method: int
    numbers: tuple[int, ...]
    is_local: bool


def check_second_name(extra: bytes, record: Described, place: str, report: StrictReport) -> None:
    """Refuse a Unicode path (APPNOTE 4.6.9) that gives another name than the record: only some readers use it.

    uv uses it, and so does ``zipfile`` on Python 3.13; on 3.11 it does not. All of them ignore a field of another version,
    or one whose CRC-32 is that of another name.
    """
    try:
        span = find_extra(extra, EXTRA_UNICODE_PATH, place)
    except ArchiveError as error:
        report.add(error, place=place)
        return
    if span is None:
        return
    data = extra[slice(*span)]
    if not data or (data[0] == _UNICODE_VERSION and len(data) < _UNICODE_HEAD.size):
        report.refuse("bad-extra-field", "a Unicode path is cut off", place=place, form="unicode")
        return
    name = data[_UNICODE_HEAD.size :]
    if data[0] != _UNICODE_VERSION or _UNICODE_HEAD.unpack_from(data)[1] != zlib.crc32(record.raw_name):
        report.note("stale-unicode-path", "the extra field holds a Unicode path of another name", place=place)
    elif not _is_utf8(name):
        report.refuse("bad-extra-field", "the Unicode path is not UTF-8", place=place, form="unicode")
        return
    elif name and (name != record.raw_name or not (record.is_utf8 or name.isascii())):
        form = "second" if name != record.raw_name else "encoding"
        report.refuse("bad-entry-name", "the extra field contains a second name", place=place, form=form)
    if record.is_local and not (_is_utf8(name) and all(byte >= _PRINTABLE and byte != _DELETE for byte in name)):
        report.note("odd-unicode-path", "the Unicode path is not UTF-8, or has control characters", place=place)


def has_second_name(extra: bytes, raw_name: bytes) -> bool:
    """Whether ``extra`` contains a Unicode path for ``raw_name``, by its version and its CRC-32."""
    if not may_mislead(extra) or not is_well_formed(extra):
        return False
    paths = (extra[start:stop] for kind, start, stop in fields_in(extra, "") if kind == EXTRA_UNICODE_PATH)
    head = next((path[: _UNICODE_HEAD.size] for path in paths), b"")
    return head == _UNICODE_HEAD.pack(_UNICODE_VERSION, zlib.crc32(raw_name))


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def is_plain(extra: bytes) -> bool:
    """Whether ``extra`` contains only whole fields, each once, that no reader uses as a name or a size.

    A fast check: a directory can list 24,000 entries with an extra field each, nearly all of them plain.
    """
    position, seen, stop = 0, set[int](), len(extra)
    while position + _FIELD_HEAD <= stop:
        kind = extra[position] | extra[position + 1] << 8
        if kind in _MISLEADING or kind in seen:
            return False
        seen.add(kind)
        position += _FIELD_HEAD + (extra[position + 2] | extra[position + 3] << 8)
    return position == stop


def form_of(error: ArchiveError, extra: bytes, record: Described) -> str:
    """Return which form an error of the ZIP64 field has: it holds less than is needed, or more.

    A local header whose field begins with both sizes, as they are, is only "longer": that of the directory was copied.
    """
    if error.code != "bad-zip64-field":
        return ""
    spans = [(start, stop) for kind, start, stop in fields_in(extra, "") if kind == EXTRA_ZIP64]
    if not spans or spans[0][1] - spans[0][0] < 8 * sum(number == FULL_32 for number in record.numbers):
        return ""
    if not record.is_local:
        return "more in the directory"
    start, stop = spans[0]
    is_longer = stop - start in _DIRECTORY_LENGTHS
    begins = is_longer and _SIZES.unpack_from(extra, start) == only_needed(record.numbers, extra, "")
    return "longer" if begins else "more"


def note_odd_fields(extra: bytes, record: Described, place: str, report: StrictReport) -> None:
    """Note what some clients refuse, although it makes no difference to readers that accept the archive."""
    fields = list(islice(fields_in(extra, place), _MOST_FIELDS))
    end = fields[-1][2] if fields else 0
    if record.is_local and len(fields) < _MOST_FIELDS and end < len(extra):
        report.note("extra-field-rest", f"{len(extra) - end} bytes follow its extra fields and belong to none", place=place)
    for kind, number in Counter(kind for kind, _, _ in fields).items():
        if number > 1 and kind not in (EXTRA_ZIP64, EXTRA_UNICODE_PATH):
            report.note("bad-extra-field", f"extra field 0x{kind:04x} appears {number} times", place=place, form="repeated")
    for kind, start, stop in fields:
        if kind == EXTRA_UNICODE_COMMENT and (start == stop or (extra[start] == 1 and stop - start < _UNICODE_HEAD.size)):
            report.note("bad-extra-field", "a Unicode comment is cut off", place=place, form="comment")
        if kind == EXTRA_ZIP64:
            _note_odd_sizes(stop - start, record, place, report)


def _note_odd_sizes(length: int, record: Described, place: str, report: StrictReport) -> None:
    """Note a ZIP64 field of a length that uv or PyPI refuses."""
    needed = sum(number == FULL_32 for number in record.numbers)
    needless = record.is_local and not needed and length == _BOTH_SIZES
    if length != 8 * needed and not needless and length:
        message = f"its ZIP64 field has {length} bytes, and {8 * needed} are needed"
        report.note("odd-zip64-field", message, place=place, form="length")
    if record.is_local and (length not in _UPLOADED_LENGTHS or (length == 8 and record.method != STORED)):
        message = f"its ZIP64 field has {length} bytes, and does not hold both sizes"
        report.note("odd-zip64-field", message, place=place, form="one size")
