"""Wheels of any valid shape: what is fixed is right, and everything else is as it was."""

import base64
import csv
import hashlib
import io
import tempfile
import zipfile
from pathlib import Path

from hypothesis import given, strategies as st

from building import Archive, RecordStyle, WheelSpec, archive_of, to_bytes, write_wheel
from fixing import values
from strategies import archives, wheels
from wheelfix.fix.batch import fix_wheels
from wheelfix.results import Outcome, Status
from wheelfix.wheel.edits import SetField
from wheelfix.wheel.sbom import PROVENANCE
from wheelfix.wheel.zip.layout import read_layout
from wheelfix.wheel.zip.source import Source

INFO = "demo-1.0.dist-info"


def fix(path: Path, out: str, **knobs: object) -> Outcome:
    [outcome] = fix_wheels([path], **values(output_dir=path.parent / out, allow_unproven=True, **knobs)).outcomes
    assert outcome.problem is None, outcome.problem
    return outcome


def raw_entries(data: bytes) -> dict[str, tuple[object, ...]]:
    """Return of each entry what ``zipfile`` says, but for the position, and its bytes from header to data."""
    found: dict[str, tuple[object, ...]] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            start = info.header_offset
            data_start = start + 30 + sum(int.from_bytes(data[start + at : start + at + 2], "little") for at in (26, 28))
            packed = data[start : data_start + info.compress_size]
            facts = (info.date_time, info.compress_type, info.flag_bits, info.external_attr, info.create_system,
                     info.comment, info.CRC, info.file_size, info.internal_attr, info.create_version)  # fmt: skip
            found[info.filename] = (*facts, packed)
    return found


def check_record(data: bytes, names: set[str]) -> None:
    """Check the RECORD rows of ``names`` against the content."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        text = archive.read(f"{INFO}/RECORD").decode("utf-8", "surrogateescape")
        rows = {row[0]: row[1:] for row in csv.reader(io.StringIO(text, newline="")) if row}
        for name in names:
            content = archive.read(name)
            algorithm, _, digest = rows[name][0].partition("=")
            expected = base64.urlsafe_b64encode(hashlib.new(algorithm, content).digest()).rstrip(b"=").decode()
            assert (digest, rows[name][1]) == (expected, str(len(content))), name
            assert algorithm not in ("md5", "sha1")
        listed = set(archive.namelist())
        assert all(path in listed for path in rows if path.startswith(INFO))
        assert not any(path.endswith("/") for path in rows)


@given(wheels(), st.data())
def test_a_fix_changes_what_it_says_and_nothing_else(spec: WheelSpec, draw: st.DataObject) -> None:
    """Pitfall 17: no folder in RECORD. Pitfall 18: signatures go. Pitfall 25 and Pitfall 26: entries keep every byte."""
    archive = draw.draw(archives(archive_of(spec).entries))
    with tempfile.TemporaryDirectory() as folder:
        path = write_wheel(Path(folder), spec, archive)
        before = path.read_bytes()
        outcome = fix(path, "out", edits=[SetField("Summary", "fixed")])
        assert outcome.output is not None
        after = outcome.output.read_bytes()
        assert path.read_bytes() == before
        again = fix(outcome.output, "twice", edits=[SetField("Summary", "fixed")])
        assert again.status is Status.UNCHANGED
        assert again.output is not None
        assert again.output.read_bytes() == after
    ours = {f"{INFO}/METADATA", f"{INFO}/RECORD", f"{INFO}/{PROVENANCE}"}
    signed = {f"{INFO}/RECORD.jws"}
    old, new = raw_entries(before), raw_entries(after)
    assert {name: facts for name, facts in new.items() if name not in ours} == {
        name: facts for name, facts in old.items() if name not in ours | signed
    }
    assert [name for name in new if name not in ours] == [name for name in old if name not in ours | signed]
    with zipfile.ZipFile(io.BytesIO(after)) as opened:
        assert opened.testzip() is None
        assert opened.comment == archive.comment
    check_record(after, ours - {f"{INFO}/RECORD"})


@given(wheels(), st.data())
def test_without_a_rule_that_matches_the_bytes_are_the_same(spec: WheelSpec, draw: st.DataObject) -> None:
    """Pitfall 35: nothing to do, nothing done."""
    archive = draw.draw(archives(archive_of(spec).entries))
    with tempfile.TemporaryDirectory() as folder:
        path = write_wheel(Path(folder), spec, archive)
        outcome = fix(path, "out", rules=None)
        assert outcome.output is not None
        assert outcome.output.read_bytes() == path.read_bytes()
        assert outcome.status is Status.UNCHANGED


@given(archives())
def test_the_layout_agrees_with_zipfile(archive: Archive) -> None:
    """Pitfall 24 and Pitfall 25: names, positions, sizes and sums of every legal form."""
    data = to_bytes(archive)
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with Source(Path(file.name)) as source:
            layout = read_layout(source)
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert [
            (entry.name, entry.start, entry.size, entry.data_stop - entry.data_start, entry.crc, entry.method)
            for entry in layout.entries
        ] == [
            (info.filename, info.header_offset, info.file_size, info.compress_size, info.CRC, info.compress_type)
            for info in opened.infolist()
        ]
        assert layout.end.comment == opened.comment


@given(st.binary(max_size=30), st.integers(0, 400), st.integers(0, 255))
def test_one_spoilt_byte_never_crashes(junk: bytes, position: int, value: int) -> None:
    """A damaged wheel is refused, or the damage is where it does not matter; it is never a crash."""
    data = bytearray(to_bytes(archive_of(WheelSpec(requires=("nvidia-nccl-cu12",), style=RecordStyle()))))
    data[position % len(data)] = value
    data[-(position * 7) % len(data)] ^= value
    with tempfile.TemporaryDirectory() as folder:
        path = write_wheel(Path(folder), archive=bytes(data) + junk[: position % 2])
        [outcome] = fix_wheels([path], output=Path(folder) / "out").outcomes
        assert (outcome.output is None) is (outcome.problem is not None)
