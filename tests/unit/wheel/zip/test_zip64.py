"""Archives with numbers that do not fit into 32 or 16 bits; the slow ones have them for real, in sparse files."""

import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

import wheelfix
from building import (
    ALL_WIDE,
    FULL_32,
    Archive,
    Entry,
    Hole,
    RecordStyle,
    WheelSpec,
    archive_of,
    changed,
    every,
    write,
    write_wheel,
)
from wheelfix import Status, Wheel
from wheelfix.wheel.zip import encode

_INFO = "demo-1.0.dist-info"
_SPEC = WheelSpec(files=tuple(Entry(f"demo/file{number}.py", b"x" * 200) for number in range(5)))
_ZIP64 = b"\x01\x00"


def _fixed(path: Path, output: Path) -> Path:
    outcome = wheelfix.fix_wheels([path], output=output, policy=wheelfix.Policy(allow_unproven=True)).outcomes[0]
    assert outcome.status is Status.FIXED, outcome.problem
    assert outcome.output is not None
    return outcome.output


def _lower(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """Let positions from ``limit`` on take the ZIP64 form."""
    monkeypatch.setattr(encode, "_ZIP64_LIMIT", limit)


def _extras(path: Path) -> dict[str, tuple[bytes, bytes]]:
    """Return the extra fields of each entry: of the local header, and of the directory record."""
    result = {}
    with Wheel(path) as wheel, zipfile.ZipFile(path) as archive:
        for entry in wheel.layout.entries:
            header = wheel.source.read_at(entry.start, entry.data_start - entry.start)
            fields = wheel.layout.fields(entry)
            start = entry.record_start + 46 + fields.name_length
            result[entry.name] = (
                header[30 + fields.name_length :],
                wheel.layout.directory[start : start + fields.extra_length],
            )
            assert archive.getinfo(entry.name).header_offset == entry.start
        assert archive.testzip() is None
    return result


@pytest.mark.parametrize("limit", [0, 300, 1000, 2000])
def test_far_positions_take_the_zip64_form(limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pitfall 23: positions beyond the limit stand in the directory's extra field, and never in the local header's."""
    source = write_wheel(tmp_path, replace(_SPEC, dist_info_first=True))
    _lower(monkeypatch, limit)
    output = _fixed(source, tmp_path / "out")
    extras = _extras(output)
    with Wheel(output) as wheel:
        starts = {entry.name: entry.start for entry in wheel.layout.entries}
        assert wheel.layout.end.zip64_needed == 45
    assert all(local == b"" for local, _ in extras.values())
    assert {name for name, (_, entry) in extras.items() if entry} == {
        name for name, start in starts.items() if start >= limit
    }
    assert any(entry for _, entry in extras.values())


@pytest.mark.parametrize("limit", [FULL_32, 300])
@pytest.mark.parametrize("local_wide", [False, True])
def test_zip64_field_of_a_replaced_entry_is_not_copied(
    limit: int, *, local_wide: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pitfall 23: METADATA and RECORD are written again and are small; kept entries keep the form that they have."""
    archive = every(archive_of(_SPEC), wide=ALL_WIDE, local_wide=local_wide)
    source = write_wheel(tmp_path, archive=archive)
    _lower(monkeypatch, limit)
    before, after = _extras(source), _extras(_fixed(source, tmp_path / "out"))
    for name, (local, entry) in after.items():
        if name in before and name not in {f"{_INFO}/METADATA", f"{_INFO}/RECORD"}:
            assert local == before[name][0]
            assert len(entry) == len(before[name][1])
        else:
            assert local == b""
            assert len(entry) == (12 if limit == 300 else 0)


def test_zip64_end_records_are_kept(tmp_path: Path) -> None:
    source = write_wheel(tmp_path, archive=replace(archive_of(_SPEC), zip64_end=True))
    with Wheel(_fixed(source, tmp_path / "out")) as wheel:
        assert wheel.layout.end.zip64_made_by == 45


def test_zip64_form_is_not_taken_without_need(tmp_path: Path) -> None:
    extras = _extras(_fixed(write_wheel(tmp_path, _SPEC), tmp_path / "out"))
    assert not any(local.startswith(_ZIP64) or entry.startswith(_ZIP64) for local, entry in extras.values())


_MEASURE = """
import json
import sys

import wheelfix

outcome = wheelfix.fix_wheels([sys.argv[1]], output=sys.argv[2], policy=wheelfix.Policy(allow_unproven=True)).outcomes[0]
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
report = {"status": outcome.status, "problem": str(outcome.problem), "sha256": outcome.output_sha256}
print(json.dumps({**report, "peak": int(peak.split()[1])}))
"""
"""The peak is read from /proc: ``getrusage`` counts the memory of the process that forked this one, too."""

_GIBIBYTE = 1 << 30


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A directory whose large files do not outlive the test."""
    yield tmp_path
    for path in tmp_path.rglob("*.whl"):
        path.unlink()


def _fix_and_measure(directory: Path, archive: Archive) -> tuple[Path, int]:
    """Fix the wheel in a process of its own; return the new wheel and the peak of resident memory in MiB."""
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak of memory is read from /proc")
    source = directory / _SPEC.filename
    with source.open("wb") as file:
        write(archive, file)
    command = [sys.executable, "-c", _MEASURE, str(source), str(directory / "out")]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert result["status"] == "fixed", result["problem"]
    output = directory / "out" / source.name
    with output.open("rb") as new:
        assert hashlib.file_digest(new, "sha256").hexdigest() == result["sha256"]
    print(f"peak {result['peak'] // 1024} MiB")  # noqa: T201  # shown by -s and -rP
    return output, result["peak"] // 1024


def _with_holes(*sizes: int) -> Archive:
    """Return a wheel with large stored entries before its dist-info; RECORD does not list them."""
    holes = tuple(Entry(f"demo/hole{number}.bin", Hole(size)) for number, size in enumerate(sizes))
    return archive_of(replace(_SPEC, files=(*holes, *_SPEC.files), style=RecordStyle(own_row="middle")))


@pytest.mark.slow
@pytest.mark.parts
@pytest.mark.parametrize("sizes", [(5 * _GIBIBYTE,), (3 * _GIBIBYTE, 2 * _GIBIBYTE), (FULL_32 - 1, 50)], ids=str)
def test_archive_beyond_four_gibibytes(sizes: tuple[int, ...], directory: Path) -> None:
    """Pitfalls 23, 27: large entries and far positions are right, and memory does not grow with them."""
    archive = _with_holes(*sizes)
    output, peak = _fix_and_measure(directory, archive)
    assert peak < 64
    with zipfile.ZipFile(output) as opened, Wheel(output) as wheel:
        names = [info.filename for info in opened.infolist()]
        assert names[: len(sizes) + 5] == [str(entry.name) for entry in archive.entries[: len(sizes) + 5]]
        assert [info.file_size for info in opened.infolist()[: len(sizes)]] == list(sizes)
        assert opened.getinfo(f"{_INFO}/METADATA").header_offset > FULL_32
        assert b"nvidia" not in opened.read(f"{_INFO}/METADATA")
        assert opened.read("demo/file4.py") == b"x" * 200
        assert [entry.name for entry in wheel.layout.entries] == names
        metadata = wheel.entry("METADATA")
        assert metadata is not None
        assert metadata.data_start == metadata.start + 30 + len(metadata.name)


@pytest.mark.slow
@pytest.mark.parts
def test_large_entry_behind_dist_info(directory: Path) -> None:
    """Pitfall 23: an entry in the ZIP64 form that moves a little keeps its local header."""
    spec = replace(_SPEC, files=(Entry("demo/hole.bin", Hole(5 * _GIBIBYTE)), *_SPEC.files), dist_info_first=True)
    output, peak = _fix_and_measure(directory, archive_of(spec))
    assert peak < 64
    with zipfile.ZipFile(output) as opened:
        assert opened.getinfo("demo/hole.bin").file_size == 5 * _GIBIBYTE
        assert opened.read("demo/file0.py") == b"x" * 200
        assert opened.getinfo(f"{_INFO}/RECORD").header_offset > FULL_32


@pytest.mark.slow
@pytest.mark.parts
@pytest.mark.parametrize("count", [65_530, 66_000])
def test_more_entries_than_sixteen_bits_count(count: int, directory: Path) -> None:
    """Pitfall 23: beyond 65,535 entries the count stands in the ZIP64 end record; the provenance can be the one too many."""
    files = tuple(Entry(f"demo/file{number}.py", b"x", method=0) for number in range(count))
    output, peak = _fix_and_measure(directory, archive_of(replace(_SPEC, files=files)))
    assert peak < 160
    with zipfile.ZipFile(output) as opened:
        assert len(opened.infolist()) == count + 4
        assert opened.read(f"demo/file{count - 1}.py") == b"x"
        assert opened.read(f"{_INFO}/RECORD").count(b"\n") == count + 4


def test_entry_that_grows_is_not_wide(tmp_path: Path) -> None:
    """Pitfall 23: a small entry with ZIP64 sizes in its local header is read, and replaced by one without."""
    source = write_wheel(tmp_path, archive=changed(archive_of(_SPEC), "METADATA", local_wide=True))
    assert _extras(_fixed(source, tmp_path / "out"))[f"{_INFO}/METADATA"] == (b"", b"")
