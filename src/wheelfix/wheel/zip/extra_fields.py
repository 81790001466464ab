"""Extra fields that say something of their own: a second name, sizes that are not called for, bytes left over.

What readers make of them was measured with pip 26.3 on Python 3.11 and 3.13, uv 0.13.9 and PyPI's check of uploads.
"""

import struct
import zlib
from collections import Counter
from itertools import islice
from typing import Final, NamedTuple

from wheelfix.errors import ArchiveError
from wheelfix.wheel.zip import structs
from wheelfix.wheel.zip.findings import StrictReport
from wheelfix.wheel.zip.structs import EXTRA_UNICODE_COMMENT, EXTRA_UNICODE_PATH, EXTRA_ZIP64, FULL_32, STORED

_FIELD_HEAD: Final = 4
_UNICODE_HEAD: Final = struct.Struct("<BI")
_TELLING: Final = frozenset({EXTRA_ZIP64, EXTRA_UNICODE_PATH, EXTRA_UNICODE_COMMENT})
_UNICODE_VERSION: Final = 1
_PRINTABLE: Final = 0x20
_DELETE: Final = 0x7F
_UPLOADED_LENGTHS: Final = frozenset({0, 8, 16, 24, 28})
"""The lengths of a ZIP64 field in a local header that PyPI takes."""
_MOST_FIELDS: Final = 500
"""How many fields of one record are looked at for what is odd: 64 kB hold 16,000, and real records have one or two."""
_BOTH_SIZES: Final = 16


class Described(NamedTuple):
    """The record that an extra field belongs to: its name as it stands there, its method, and its sizes (and position).

    The numbers are those of the record itself, all ones where the ZIP64 field is called for.
    """

    raw_name: bytes
    is_utf8: bool
    method: int
    numbers: tuple[int, ...]
    is_local: bool


def check_second_name(extra: bytes, record: Described, place: str, report: StrictReport) -> None:
    """Refuse a Unicode path (APPNOTE 4.6.9) that gives another name than the record: some readers take it, some do not.

    uv takes it, and so does ``zipfile`` on Python 3.13; on 3.11 it does not. A field of another version, or of another name
    by its CRC-32, is passed over by all of them.
    """
    try:
        span = structs.find_extra(extra, EXTRA_UNICODE_PATH, place)
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
        report.refuse("bad-entry-name", "a second name stands in the extra field", place=place, form=form)
    if record.is_local and not (_is_utf8(name) and all(byte >= _PRINTABLE and byte != _DELETE for byte in name)):
        report.note("odd-unicode-path", "the Unicode path is not UTF-8, or has control characters", place=place)


def has_second_name(extra: bytes, raw_name: bytes) -> bool:
    """Whether ``extra`` holds a Unicode path that is meant for ``raw_name``, by its version and its CRC-32."""
    if not structs.may_mislead(extra) or not structs.is_well_formed(extra):
        return False
    paths = (extra[start:stop] for kind, start, stop in structs.extra_fields(extra, "") if kind == EXTRA_UNICODE_PATH)
    head = next((path[: _UNICODE_HEAD.size] for path in paths), b"")
    return head == _UNICODE_HEAD.pack(_UNICODE_VERSION, zlib.crc32(raw_name))


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def is_plain(extra: bytes) -> bool:
    """Whether ``extra`` holds nothing but whole fields, each once, that no reader takes for a name or a size.

    A directory can list 24,000 entries with an extra field each: most are told apart from odd ones here.
    """
    position, seen, stop = 0, set[int](), len(extra)
    while position + _FIELD_HEAD <= stop:
        kind = extra[position] | extra[position + 1] << 8
        if kind in _TELLING or kind in seen:
            return False
        seen.add(kind)
        position += _FIELD_HEAD + (extra[position + 2] | extra[position + 3] << 8)
    return position == stop


def form_of(error: ArchiveError, extra: bytes, record: Described) -> str:
    """Return which form an error of the ZIP64 field has: it holds less than is called for, or more."""
    if error.code != "bad-zip64-field":
        return ""
    lengths = [stop - start for kind, start, stop in structs.extra_fields(extra, "") if kind == EXTRA_ZIP64]
    if not lengths or lengths[0] < 8 * sum(number == FULL_32 for number in record.numbers):
        return ""
    return "more" if record.is_local else "more in the directory"


def note_odd_fields(extra: bytes, record: Described, place: str, report: StrictReport) -> None:
    """Note what single clients refuse, though no reader that takes the archive takes it differently."""
    fields = list(islice(structs.extra_fields(extra, place), _MOST_FIELDS))
    end = fields[-1][2] if fields else 0
    if record.is_local and len(fields) < _MOST_FIELDS and end < len(extra):
        report.note("extra-field-rest", f"{len(extra) - end} bytes are left over behind its extra fields", place=place)
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
    called = sum(number == FULL_32 for number in record.numbers)
    needless = record.is_local and not called and length == _BOTH_SIZES
    if length != 8 * called and not needless and length:
        message = f"its ZIP64 field has {length} bytes, and {8 * called} are called for"
        report.note("odd-zip64-field", message, place=place, form="length")
    if record.is_local and (length not in _UPLOADED_LENGTHS or (length == 8 and record.method != STORED)):
        message = f"its ZIP64 field has {length} bytes, and gives not both sizes"
        report.note("odd-zip64-field", message, place=place, form="one size")
