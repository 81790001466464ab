"""The proof in spans: it holds for what was written, without comparing entries, and for nothing that differs from it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

import wheelfix
from building import Archive, Entry, WheelSpec, archive_of, write_wheel
from defects import metadata, valid
from wheelfix.fix import prove, prove_spans
from wheelfix.fix.assemble import Assembly
from wheelfix.fix.prove_spans import adds_as_planned, differs_as_planned, dist_info_of
from wheelfix.results import Status
from wheelfix.wheel.edits import AddField, Edit, RemoveFile, SetField
from wheelfix.wheel.zip.layout import Layout, read_layout
from wheelfix.wheel.zip.rewrite import Written
from wheelfix.wheel.zip.source import Readable

FILES = tuple(Entry(f"demo/m{number}.py", b"x = %d\n" % number) for number in range(4))
SPECS = {
    "dist-info last": valid(metadata=metadata(), files=FILES, dist_info_files={"LICENSE": b"x", "own.txt": b"y"}),
    "dist-info first": valid(metadata=metadata(), files=FILES, dist_info_first=True, dist_info_files={"own.txt": b"y"}),
}
EDITS: list[Edit] = [SetField("Summary", "Another, which is longer than the one before"), AddField("Requires-Dist", "attrs")]
GOES: Edit = RemoveFile("own.txt")
Place = tuple[int, int]
Look = Callable[[Assembly, Readable, Written], None]


def fixed(folder: Path, spec: WheelSpec | Archive, monkeypatch: pytest.MonkeyPatch, look: Look, edits: list[Edit]) -> None:
    """Fix a wheel, and look at what is to be proved of it."""
    seen = []

    def looking(work: Assembly, output: Readable, written: Written) -> bool:
        look(work, output, written)
        seen.append(written)
        return differs_as_planned(work, output, written)

    monkeypatch.setattr(prove, "differs_as_planned", looking)
    monkeypatch.setattr(prove, "_prove_entries", lambda *_: pytest.fail("all entries are compared"))
    path = write_wheel(folder, archive=spec) if isinstance(spec, Archive) else write_wheel(folder, spec)
    [outcome] = wheelfix.fix_wheels([path], None, output=folder / "out", edits=edits).outcomes
    assert outcome.status is Status.FIXED, outcome.problem
    assert seen


def _record(written: Written, number: int) -> tuple[int, int]:
    """Return where the ``number``-th record of the new directory lies."""
    starts = [at for at in range(len(written.directory)) if written.directory.startswith(b"PK\1\2", at)]
    return starts[number], [*starts, len(written.directory)][number + 1]


def _without_record(written: Written, number: int) -> bytes:
    start, stop = _record(written, number)
    return written.directory[:start] + written.directory[stop:]


def _exchanged(written: Written, one: int, two: int) -> bytes:
    (a, b), (c, d) = _record(written, one), _record(written, two)
    directory = written.directory
    return directory[:a] + directory[c:d] + directory[b:c] + directory[a:b] + directory[d:]


def _other_byte(written: Written, number: int, at: int) -> bytes:
    start, _ = _record(written, number)
    changed = bytearray(written.directory)
    changed[start + at] ^= 1
    return bytes(changed)


def _kept(written: Written) -> int:
    """Return the number of a record that is kept, in the middle of others."""
    new = {entry.record_start for entry in written.entries}
    return next(number for number in range(1, 5) if _record(written, number)[0] not in new)


def _with_span(written: Written, start: int = 0, stop: int = 0, position: int = 0) -> Written:
    (begin, end, place), *others = written.spans
    return written._replace(spans=((begin + start, end + stop, place + position), *others))


def _halves(written: Written) -> Written:
    (start, stop, position), *others = written.spans
    middle = (start + stop) // 2
    return written._replace(spans=((start, middle, position), (middle, stop, position + middle - start), *others))


def _with_entry(written: Written, **changes: object) -> Written:
    return written._replace(entries=(*written.entries[:-1], written.entries[-1]._replace(**changes)))  # type: ignore[arg-type]


CHANGES: dict[str, Callable[[Written], Written]] = {
    "a layout is known": lambda written: written._replace(layout=Layout.empty()),
    "no spans": lambda written: written._replace(spans=()),
    "a span twice": lambda written: written._replace(spans=(written.spans[0], *written.spans)),
    "a span in halves": _halves,
    "a span that begins later": lambda written: _with_span(written, start=1, position=1),
    "a span that ends earlier": lambda written: _with_span(written, stop=-1),
    "a span that ends later": lambda written: _with_span(written, stop=1),
    "a span of another place": lambda written: _with_span(written, position=1),
    "a new entry less": lambda written: written._replace(entries=written.entries[:-1]),
    "a new entry twice": lambda written: written._replace(entries=(*written.entries, written.entries[-1])),
    "a new entry of another name": lambda written: _with_entry(written, name="demo/other"),
    "a new entry that begins later": lambda written: _with_entry(written, start=written.entries[-1].start + 1),
    "a new entry that ends earlier": lambda written: _with_entry(written, stop=written.entries[-1].stop - 1),
    "another comment": lambda written: written._replace(end=written.end._replace(comment=b"x")),
    "a later directory": lambda written: written._replace(
        end=written.end._replace(directory_start=written.end.directory_start + 1)
    ),
    "an earlier directory": lambda written: written._replace(
        end=written.end._replace(directory_start=written.end.directory_start - 1)
    ),
    "a record less": lambda written: written._replace(directory=_without_record(written, _kept(written))),
    "a byte more": lambda written: written._replace(directory=written.directory + b"?"),
    "records in another order": lambda written: written._replace(directory=_exchanged(written, 1, 2)),
    **{
        f"byte {at} of a record": lambda written, at=at: written._replace(  # type: ignore[misc]
            directory=_other_byte(written, _kept(written), at)
        )
        for at in (0, 5, 8, 10, 12, 14, 16, 20, 24, 28, 30, 32, 34, 36, 38, 42, 43, 45, 46, 50)
    },
}


@pytest.mark.parametrize("shape", SPECS)
@pytest.mark.parametrize("edits", [EDITS, [*EDITS, GOES]], ids=["kept", "one goes"])
def test_what_was_written_is_proved_without_comparing_entries(
    shape: str, edits: list[Edit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(work: Assembly, output: Readable, written: Written) -> None:
        assert differs_as_planned(work, output, written)

    fixed(tmp_path, SPECS[shape], monkeypatch, look, edits)


@pytest.mark.parametrize("shape", SPECS)
def test_what_was_written_otherwise_is_not_proved(shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = list[str]()

    def look(work: Assembly, output: Readable, written: Written) -> None:
        found.extend(name for name, change in CHANGES.items() if differs_as_planned(work, output, change(written)))

    fixed(tmp_path, SPECS[shape], monkeypatch, look, [*EDITS, GOES])
    assert found == []


def test_a_directory_in_another_order_is_proved_record_by_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then entries that lie side by side can have moved by different amounts."""
    found = list[str]()

    def look(work: Assembly, output: Readable, written: Written) -> None:
        assert not work.wheel.layout.in_order
        assert differs_as_planned(work, output, written)
        found.extend(name for name, change in CHANGES.items() if differs_as_planned(work, output, change(written)))

    for spec in SPECS.values():
        archive = replace(archive_of(spec), reversed_directory=True)
        fixed(tmp_path, archive, monkeypatch, look, EDITS)
        (tmp_path / "out" / spec.filename).unlink()
    assert found == []


@pytest.mark.parametrize("is_reversed", [False, True])
def test_a_record_that_keeps_its_old_position_is_not_proved(
    is_reversed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where its entry has moved."""
    tried = list[str]()

    def look(work: Assembly, output: Readable, written: Written) -> None:
        new = {entry.name for entry in written.entries}
        for number in range(len(work.wheel.layout)):
            start, _ = _record(written, number)
            name = written.directory[start + 46 :][
                : int.from_bytes(written.directory[start + 28 : start + 30], "little")
            ].decode()
            if name in new:
                continue
            old = work.wheel.layout.find(name).start.to_bytes(4, "little")
            if written.directory[start + 42 : start + 46] == old:
                continue
            tried.append(name)
            directory = written.directory[: start + 42] + old + written.directory[start + 46 :]
            assert not differs_as_planned(work, output, written._replace(directory=directory)), name

    archive = replace(archive_of(SPECS["dist-info first"]), reversed_directory=is_reversed)
    fixed(tmp_path, archive, monkeypatch, look, EDITS)
    assert len(tried) > 3


def test_spans_in_another_order_are_not_proved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where the directory says so, too, is another order the same archive."""

    def look(work: Assembly, output: Readable, written: Written) -> None:
        assert len(written.spans) > 1
        assert not differs_as_planned(work, output, written._replace(spans=written.spans[::-1]))
        assert not differs_as_planned(work, output, written._replace(spans=written.spans[1:]))
        assert not differs_as_planned(work, output, written._replace(spans=written.spans[:-1]))

    fixed(tmp_path, SPECS["dist-info first"], monkeypatch, look, [*EDITS, GOES])


@pytest.mark.parametrize(
    ("kept", "others", "size", "fill"),
    [
        ([(0, 4), (4, 9)], [], 9, True),
        ([(0, 4), (6, 9)], [(4, 6)], 9, True),
        ([(2, 4)], [(4, 9), (0, 2)], 9, True),
        ([], [(0, 9)], 9, True),
        ([], [], 0, True),
        ([(4, 9), (0, 4)], [], 9, False),  # in another order
        ([(0, 4), (5, 9)], [], 9, False),  # a gap
        ([(0, 5), (4, 9)], [], 9, False),  # an overlap
        ([(1, 9)], [], 9, False),
        ([(0, 8)], [], 9, False),
        ([(0, 9)], [], 8, False),
        ([(0, 4), (4, 9)], [(0, 4)], 9, False),
    ],
)
def test_what_fills_an_archive(kept: list[Place], others: list[Place], size: int, fill: bool) -> None:
    assert prove_spans._fill(kept, others, size) is fill


def test_an_added_file_is_like_metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has its time, mode and origin, and no comment or extra field."""

    def look(work: Assembly, output: Readable, written: Written) -> None:
        assert work.added
        [added] = [each for each in written.entries if each.name in work.added]
        assert adds_as_planned(work, output, written)
        for at in (4, 12, 14, 36, 38, 41):
            changed = bytearray(written.directory)
            changed[added.record_start + at] ^= 1
            assert not adds_as_planned(work, output, written._replace(directory=bytes(changed))), at
        last = next(each for each in written.entries if each.name not in work.added)
        changed = bytearray(written.directory)
        changed[last.record_start + 12] ^= 1
        assert adds_as_planned(work, output, written._replace(directory=bytes(changed)))

    fixed(tmp_path, SPECS["dist-info last"], monkeypatch, look, EDITS)


@pytest.mark.parametrize("shape", SPECS)
def test_where_dist_info_lies_is_known_without_reading_all(
    shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(work: Assembly, output: Readable, written: Written) -> None:
        known, whole = dist_info_of(work, written), read_layout(output)
        prefix = f"{work.wheel.dist_info}/"
        assert {*known.names} == {name for name in whole.names if name.startswith(prefix)}
        for each in known.entries:
            there = whole.find(each.name)
            assert each == there._replace(record_start=each.record_start, record_stop=each.record_stop)
            for part in (slice(42), slice(46, None)):  # a record that is kept has its old position
                assert known.record(each)[part] == whole.record(there)[part]

    fixed(tmp_path, SPECS[shape], monkeypatch, look, [*EDITS, GOES])
