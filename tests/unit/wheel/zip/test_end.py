"""There is one end, and it says where the directory lies."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from building import FULL_16, FULL_32, Archive, Entry, WheelSpec, archive_of, to_bytes
from in_memory import Held
from wheelfix.errors import ArchiveError
from wheelfix.wheel.zip.end import End, read_end
from wheelfix.wheel.zip.layout import read_loosely
from wheelfix.wheel.zip.source import Source

_VALID = archive_of(WheelSpec())


def _end(path: Path, data: bytes) -> End:
    path.write_bytes(data)
    with Source(path) as source:
        return read_end(source)


@pytest.mark.parametrize("comment", [b"", b"built by hand", b"PK\x01\x02", b"x" * 65_535])
@pytest.mark.parametrize("zip64", [False, True])
def test_end_is_found_behind_any_comment(comment: bytes, *, zip64: bool, tmp_path: Path) -> None:
    """Pitfall 25: a comment of any length is read and kept."""
    archive = replace(_VALID, comment=comment, zip64_end=zip64)
    data = to_bytes(archive)
    end = _end(tmp_path / "a.zip", data)
    assert (end.comment, end.entry_count) == (comment, len(archive.entries))
    assert data.startswith(b"PK\x01\x02", end.directory_start)
    assert data.startswith(b"PK\x06\x06" if zip64 else b"PK\x05\x06", end.directory_stop)
    assert (end.zip64_made_by is not None) == zip64


def test_end_signature_within_a_entry_is_no_end(tmp_path: Path) -> None:
    """Pitfall 25: only bytes at the end are taken for an end, those of an entry inside the archive are data."""
    archive = Archive((Entry("a", b"PK\x05\x06" + bytes(18), method=0),))
    assert _end(tmp_path / "a.zip", to_bytes(archive)).entry_count == 1


@pytest.mark.parametrize("cut", [1, 10, 21, 22])
def test_cut_in_the_end_record(cut: int, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError) as refusal:
        _end(tmp_path / "a.zip", to_bytes(_VALID)[:-cut])
    assert refusal.value.code == "truncated"


def test_locator_that_points_behind_the_file(tmp_path: Path) -> None:
    """Pitfall 24: a position beyond any file is refused, not read."""
    archive = replace(_VALID, zip64_end=True, end_64={"directory_start": 2**63, "directory_size": 2**63})
    with pytest.raises(ArchiveError) as refusal:
        _end(tmp_path / "a.zip", to_bytes(archive))
    assert refusal.value.code == "bad-end-record"


def test_a_name_that_claims_to_reach_beyond_the_file() -> None:
    """Where the directory is misplaced its first record is looked at before anything of it is checked."""
    lies = {"name_length": FULL_16, "extra_length": FULL_16, "offset": FULL_32}
    archive = Archive((Entry("a", b"", directory=lies),), end={"directory_start": 1})
    reading = read_loosely(Held(to_bytes(archive)))
    assert {"bad-directory", "bad-end-record"} & {each.code for each in reading.findings}
