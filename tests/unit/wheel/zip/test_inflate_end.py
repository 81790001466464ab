"""Entries whose sizes stand behind their data only."""

import zlib
from pathlib import Path

import pytest

from wheelfix.wheel.zip.inflate import says_where_it_ends
from wheelfix.wheel.zip.source import Source
from wheelfix.wheel.zip.structs import Entry

BLOCK = 1 << 18
CONTENTS = [
    *(bytes(size) for base in (BLOCK, 2 * BLOCK) for size in range(base - 300, base + 300, 7)),
    *((b"%d and so on\n" % number) * 30_000 for number in range(5)),
    b"", b"x", bytes(range(256)) * 5000,
]  # fmt: skip


def deflated(content: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(content) + deflater.flush()


def ends(path: Path, data: bytes, size: int, crc: int, behind: bytes = b"PK\x07\x08") -> bool:
    path.write_bytes(data + behind)
    with Source(path) as source:
        return says_where_it_ends(source, Entry("x", 0, 0, len(data), len(data), 8, 0, crc, size, 0, 0))


def test_valid_data_ends_where_it_should(tmp_path: Path) -> None:
    """Pitfall 25: also where zlib has taken all input and still owes content."""
    for content in CONTENTS:
        assert ends(tmp_path / "x", deflated(content), len(content), zlib.crc32(content)), len(content)


@pytest.mark.parametrize("finding", ["size", "crc", "cut", "behind", "rubbish"])
def test_other_data_does_not(finding: str, tmp_path: Path) -> None:
    content = b"some content " * 99
    data, size, crc = deflated(content), len(content), zlib.crc32(content)
    match finding:
        case "size":
            size += 1
        case "crc":
            crc ^= 1
        case "cut":
            data = data[:-1]
        case "behind":
            data += b"PK"
        case _:
            data = b"\xff" * 9
    assert not ends(tmp_path / "x", data, size, crc, b"")
