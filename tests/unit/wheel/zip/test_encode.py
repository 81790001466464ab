"""Directory records that move, and the end records."""

import struct

import pytest

from building import ALL_WIDE, FULL_32, Archive, Entry, extra_field, to_bytes
from wheelfix.wheel.zip import encode
from wheelfix.wheel.zip.encode import end_bytes, positioned
from wheelfix.wheel.zip.end import End

_TIMES = extra_field(0x5455, b"\x03aaaa")
_FAR = 5 << 32


def _record(**changes: object) -> bytes:
    """Return the directory record of the only entry of an archive."""
    data = to_bytes(Archive((Entry("name", b"content", extra=_TIMES, comment=b"a comment", **changes),)))  # type: ignore[arg-type]
    start = data.index(b"PK\x01\x02")
    return data[start : data.index(b"PK\x05\x06")]


def _extra(record: bytes) -> bytes:
    name_length, extra_length = struct.unpack_from("<2H", record, 28)
    return record[46 + name_length : 46 + name_length + extra_length]


def test_near_position_changes_four_bytes() -> None:
    old = _record()
    new = positioned(old, 1234)
    assert new == old[:42] + (1234).to_bytes(4, "little") + old[46:]


@pytest.mark.parametrize(
    ("wide", "fields"),
    [
        (frozenset(), [_FAR]),
        (frozenset({"offset"}), [_FAR]),
        (frozenset({"size"}), [7, _FAR]),
        (frozenset({"compressed_size"}), [8, _FAR]),
        (frozenset({"size", "compressed_size"}), [7, 8, _FAR]),
        (ALL_WIDE, [7, 8, _FAR]),
    ],
)
def test_far_position_takes_its_place_behind_the_sizes(wide: frozenset[str], fields: list[int]) -> None:
    """Pitfall 23: the numbers of the ZIP64 field stand in the order of the specification, and other fields stay."""
    old = _record(wide=wide)
    packed = _packed_size()
    new = positioned(old, _FAR)
    expected = [packed if number == 8 else number for number in fields]
    assert _extra(new) == extra_field(1, struct.pack(f"<{len(expected)}Q", *expected)) + _TIMES
    assert new[42:46] == b"\xff\xff\xff\xff"
    assert struct.unpack_from("<H", new, 6)[0] >= 45
    assert new.endswith(b"a comment")
    assert new[20:28] == old[20:28]


def _packed_size() -> int:
    return int(struct.unpack_from("<I", _record(), 20)[0])


@pytest.mark.parametrize("wide", [frozenset({"offset"}), ALL_WIDE])
def test_a_wide_position_is_kept_wide(wide: frozenset[str]) -> None:
    """A record in the ZIP64 form keeps it, and its length, when its entry moves to the front."""
    old = _record(wide=wide)
    new = positioned(old, 99)
    assert len(new) == len(old)
    assert struct.pack("<Q", 99) in _extra(new)


def test_a_disk_number_after_the_position_is_kept_there() -> None:
    """A ZIP64 field may end with a disk number (APPNOTE 4.5.3)."""
    extra = extra_field(1, struct.pack("<2QI", 7, 8, 0))
    data = to_bytes(
        Archive((Entry("name", b"content", extra=extra, directory={"size": FULL_32, "compressed_size": FULL_32}),))
    )
    record = data[data.index(b"PK\x01\x02") : data.index(b"PK\x05\x06")]
    assert _extra(positioned(record, _FAR)) == extra_field(1, struct.pack("<3QI", 7, 8, _FAR, 0))


@pytest.mark.parametrize(("offset", "wide"), [(0xFFFF_FFFE, False), (0xFFFF_FFFF, True), (0x1_0000_0000, True)])
def test_limit(offset: int, *, wide: bool) -> None:
    """All ones in the short field announce the ZIP64 field, so that position needs it too."""
    assert (len(positioned(_record(), offset)) > len(_record())) == wide


@pytest.mark.parametrize(
    ("count", "start", "limit", "zip64"),
    [
        (3, 10, FULL_32, False),
        (3, 10, 10, True),
        (65_534, 10, FULL_32, False),
        (65_535, 10, FULL_32, True),
        (3, _FAR, FULL_32, True),
    ],
)
def test_end_records(count: int, start: int, limit: int, *, zip64: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pitfall 23: the ZIP64 end record is written exactly where a number calls for it."""
    monkeypatch.setattr(encode, "_ZIP64_LIMIT", limit)
    data = end_bytes(End(1, 0, 0, b"comment"), count, start, 99)
    assert data.endswith(b"comment")
    end = struct.unpack_from("<4s4H2IH", data, len(data) - 22 - 7)
    assert end[3:] == (min(count, 0xFFFF), min(count, 0xFFFF), 99, FULL_32 if start >= limit else start, 7)
    assert data.startswith(b"PK\x06\x06") == zip64
    if zip64:
        assert struct.unpack_from("<4Q", data, 24) == (count, count, 99, start)
        assert struct.unpack_from("<4sIQI", data, 56) == (b"PK\x06\x07", 0, start + 99, 1)


def test_zip64_end_record_of_the_old_archive_is_kept() -> None:
    data = end_bytes(End(1, 0, 0, b"", zip64_made_by=0x031E, zip64_needed=63), 1, 10, 99)
    assert struct.unpack_from("<4sQ2H", data) == (b"PK\x06\x06", 44, 0x031E, 63)
