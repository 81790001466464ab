"""The fast reader accepts nothing that the careful one refuses, and finds the same layout."""

import tracemalloc
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from msgspec.structs import replace

from ambiguous import constructions
from building import (
    ALL_WIDE,
    Archive,
    Descriptor,
    Entry,
    WheelSpec,
    archive_of,
    changed,
    every,
    extra_field,
    to_bytes,
    with_entries,
)
from damages import DAMAGES, Damage
from defects import DEFECTS
from in_memory import Counted, Held
from mutating import mutated
from reading import read_carefully, same_in_both
from wheelfix.wheel.zip import structs
from wheelfix.wheel.zip.careful import read_all
from wheelfix.wheel.zip.layout import read_layout, read_loosely

_VALID = archive_of(WheelSpec())
_INFO_ZIP = extra_field(0x5455, b"\x03aaaa") + extra_field(0x7875, b"\x01\x04aaaa\x04aaaa")
_INFO_ZIP_LOCALLY = extra_field(0x5455, b"\x03aaaabbbb") + extra_field(0x7875, b"\x01\x04aaaa\x04aaaa")
PLAIN: dict[str, Archive] = {
    "as built": _VALID,
    "stored": archive_of(WheelSpec(stored=True)),
    "with directories": archive_of(WheelSpec(dist_info_first=True, folders=True)),
    "names in UTF-8": with_entries(_VALID, Entry("demo/\u0434\u0430\u043d\u043d\u044b\u0435.py", b"x")),
    "made on DOS": every(_VALID, made_by=0x0014),
    "of Info-ZIP": every(_VALID, extra=_INFO_ZIP, local_extra=_INFO_ZIP_LOCALLY),
    "an unknown extra field": every(_VALID, extra=extra_field(0xCAFE, b"abc"), local_extra=extra_field(0xCAFE, b"abcd")),
    "an extra field that looks like ZIP64": every(_VALID, extra=extra_field(0xCAFE, b"\x01\x00up")),
    "padding of zipalign": every(_VALID, local_extra=bytes(3)),
    "a comment of the archive": replace(_VALID, comment=b"of the archive"),
}
"""Archives that the fast reader reads alone."""
REPORTED = {"padding of zipalign"}
"""Those of which a collecting report may have something to say."""
ODD: dict[str, Archive] = {
    "comments": every(_VALID, comment=b"of an entry"),
    "names in cp437": with_entries(_VALID, Entry(b"demo/caf\x82.py", b"x")),
    "another order": replace(_VALID, reversed_directory=True),
    "ZIP64 in the directory": every(_VALID, wide=ALL_WIDE),
    "data descriptors": every(_VALID, descriptor=Descriptor()),
    "another method": changed(_VALID, "version.py", method=93, raw=b"", content=b""),
}
"""Legal archives that are for the careful reader."""


@pytest.fixture
def careful_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows by one with each use of the careful reader."""
    calls: list[str] = []

    def counted(*arguments: Any) -> list[structs.Entry]:
        calls.append("read_all")
        return read_all(*arguments)

    monkeypatch.setattr("wheelfix.wheel.zip.layout.read_all", counted)
    return calls


@pytest.mark.parametrize("shape", PLAIN)
def test_a_plain_archive_never_reaches_the_careful_reader(shape: str, careful_calls: list[str]) -> None:
    source = Held(to_bytes(PLAIN[shape]))
    assert read_layout(source).entries
    assert not careful_calls
    assert same_in_both(source)


@pytest.mark.parametrize("shape", PLAIN)
def test_verify_reads_carefully_only_where_there_may_be_something_to_report(shape: str, careful_calls: list[str]) -> None:
    reading = read_loosely(Held(to_bytes(PLAIN[shape])))
    assert reading.layout is not None
    assert bool(careful_calls) == (shape in REPORTED)
    assert bool(reading.findings) <= bool(careful_calls)


@pytest.mark.parametrize("shape", ODD)
def test_what_is_odd_is_read_carefully(shape: str, careful_calls: list[str]) -> None:
    source = Held(to_bytes(ODD[shape]))
    assert read_layout(source) == read_carefully(source)
    assert len(careful_calls) == 1


@pytest.mark.parametrize("local", [{"time": 1}, {"needed": 10}, {"flags": 2}], ids=str)
def test_one_odd_local_header_is_judged_alone(local: dict[str, int], careful_calls: list[str]) -> None:
    """Times that differ are legal; the rest of the archive is still read fast, and the header not read again."""
    source = Counted(to_bytes(changed(_VALID, "WHEEL", local=local)))
    assert read_layout(source) == read_carefully(Held(source.data))
    assert not careful_calls
    assert len(source.reads) == 4


def test_local_headers_that_lie_close_together_are_read_at_once() -> None:
    """What is read does not depend on the number of entries, but on where they lie; large files are skipped."""
    small = [Entry(f"demo/{number}.py", b"x") for number in range(3_000)]
    large = Entry("demo/large", bytes(100_000), method=0)
    source = Counted(to_bytes(with_entries(_VALID, large, replace(large, name="demo/other"), *small)))
    layout = read_layout(source)
    assert len(source.reads) < 10
    headers = [size for offset, size in source.reads if offset < layout.end.directory_start and offset + size < source.size]
    assert max(headers) < 70_000
    assert sum(headers[1:]) < sum(100 + len(entry.name) for entry in layout.entries)


def test_headers_that_lie_far_apart_are_read_alone() -> None:
    entries = tuple(Entry(f"demo/{number}", bytes(20_000), method=0) for number in range(20))
    source = Counted(to_bytes(Archive(entries)))
    layout = read_layout(source)
    assert source.reads[3:] == [(entry.start, entry.data_start - entry.start) for entry in layout.entries]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_a_damage_is_refused_with_the_same_words(damage: Damage) -> None:
    assert same_in_both(Held(damage.make()))


def _wheels(step: int) -> Iterator[bytes]:
    """Yield every so many of them; they take longer to make than to read."""
    for sample in islice(constructions(), 0, None, step):
        yield sample.make()[1]
    for defect in islice(DEFECTS, 0, None, step):
        yield defect.make()[1]
    for _, _, data in mutated(seed=14, count=3_000 // step):
        yield data


@pytest.mark.parametrize("step", [pytest.param(1, marks=(pytest.mark.slow, pytest.mark.parts)), 10])
def test_every_odd_archive_is_the_same_to_both(step: int) -> None:
    """Constructions that readers understand differently, every kind of defect, and random damage."""
    others = [number for number, data in enumerate(_wheels(step)) if not same_in_both(Held(data))]
    assert not others


@pytest.mark.parametrize("step", [pytest.param(1, marks=(pytest.mark.slow, pytest.mark.parts)), 11])
@pytest.mark.parametrize("shape", ["as built", "of Info-ZIP", "names in UTF-8"])
def test_every_changed_byte_is_the_same_to_both(shape: str, step: int) -> None:
    data = to_bytes(PLAIN[shape])
    for position in range(0, len(data), step):
        for value in {0, 1, 0x7F, 0xFF, data[position] ^ 1, data[position] ^ 8} - {data[position]}:
            assert same_in_both(Held(data[:position] + bytes([value]) + data[position + 1 :])), (position, value)


def test_a_cut_directory_is_the_same_to_both() -> None:
    for size in range(46):
        for changes in ({"directory_size": size}, {"count": 1, "disk_count": 1}, {"count": 60_000, "disk_count": 60_000}):
            assert same_in_both(Held(to_bytes(replace(_VALID, end=changes))))


def test_entries_are_made_when_they_are_asked_for() -> None:
    layout = read_layout(Held(to_bytes(_VALID)))
    entries = layout.entries
    assert len(entries) == len(layout) == len(_VALID.entries)
    assert entries[-1] == layout.entry(len(entries) - 1) == layout.find(entries[-1].name)
    assert entries[1:3] == [entries[1], entries[2]]
    assert list(layout.names) == [entry.name for entry in entries]
    with pytest.raises(IndexError):
        entries[len(entries)]
    with pytest.raises(KeyError):
        layout.find("nothing")
    assert layout != object()


def test_entries_by_name() -> None:
    """Of a name that is there twice, which only a loose reading accepts, it is the last, as ``zipfile`` has it."""
    twice = with_entries(_VALID, Entry("demo/version.py", b"another"))
    layout = read_loosely(Held(to_bytes(twice))).layout
    assert layout is not None
    by_name = layout.by_name
    assert by_name["demo/version.py"] == layout.entries[-1]
    assert len(by_name) == len(layout) - 1
    assert list(by_name) == list(by_name.keys()) == list(dict.fromkeys(entry.name for entry in layout.entries))
    assert "demo/version.py" in by_name
    assert "nothing" not in by_name
    assert by_name.get("nothing") is None


def test_order_is_that_of_the_file() -> None:
    forward, backward = (
        read_layout(Held(to_bytes(archive))) for archive in (_VALID, replace(_VALID, reversed_directory=True))
    )
    assert (forward.in_order, backward.in_order) == (True, False)
    assert [entry.name for entry in backward.in_file_order()] == [entry.name for entry in forward.entries]


def test_positions_before_the_file_are_cut_off() -> None:
    """Where bytes are missing at the start, ``zipfile`` subtracts their number from every position."""
    data = to_bytes(replace(_VALID, reversed_directory=True))
    missing = read_layout(Held(data)).in_file_order()[1].start
    reading = read_loosely(Held(data[missing:]))
    assert reading.layout is not None
    assert list(reading.layout.starts)[-2:] == [0, 0]
    assert reading.hidden == {reading.layout.entries[-1].name}


def _many(count: int) -> Held:
    return Held(
        to_bytes(Archive(tuple(Entry(f"demo/package_{number // 100}/module_{number}.py", b"") for number in range(count))))
    )


def test_memory_of_a_layout_is_that_of_its_columns_and_names() -> None:
    """Entries as objects took 600 bytes each while an archive was read; the limit is 200,000 of them."""
    count = 20_000
    entries = tuple(Entry(f"demo/package_{number // 100}/module_{number}.py", b"") for number in range(count))
    source = Held(to_bytes(Archive(entries)))
    tracemalloc.start()
    try:
        layout = read_layout(source)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held - len(layout.directory) < 210 * count
    assert peak - len(layout.directory) < 260 * count
