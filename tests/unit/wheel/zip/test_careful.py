"""The careful reader at its bounds, and the directory that is read alone."""

import pytest

from building import Archive, Descriptor, Entry, changed, every, to_bytes
from defects import VALID
from in_memory import Counted, Held
from wheelfix.errors import ArchiveError
from wheelfix.wheel.zip.careful import list_entries, read_all
from wheelfix.wheel.zip.end import End
from wheelfix.wheel.zip.findings import STRICT, CollectingReport
from wheelfix.wheel.zip.layout import Directory, Layout, read_entries, read_layout, read_loosely
from wheelfix.wheel.zip.plain import read_plain
from wheelfix.wheel.zip.structs import FLAG_DESCRIPTOR, Entry as Found

_MEBIBYTE = 1 << 20
_START = 10


def _streamed(*sizes: int) -> bytes:
    """Return the directory of streamed entries that claim these sizes."""
    entries = [
        Entry(f"{number}", b"x", flags=FLAG_DESCRIPTOR, directory={"size": size}) for number, size in enumerate(sizes)
    ]
    return read_loosely(Held(to_bytes(Archive(tuple(entries))))).layout.directory  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("length", "sizes", "refused"),
    [
        (0, (1024 * _MEBIBYTE,), False),
        (0, (1024 * _MEBIBYTE + 1,), True),
        (0, (512 * _MEBIBYTE, 512 * _MEBIBYTE), False),
        (0, (512 * _MEBIBYTE, 512 * _MEBIBYTE + 1), True),
        (100 * _MEBIBYTE, (2000 * _MEBIBYTE,), False),
        (100 * _MEBIBYTE, (2000 * _MEBIBYTE + 1,), True),
    ],
)
def test_what_streamed_entries_may_claim(length: int, sizes: tuple[int, ...], refused: bool) -> None:
    """One GiB, or twenty times what the entries take in the archive."""
    directory, report = _streamed(*sizes), CollectingReport()
    list_entries(directory, End(len(sizes), _START + length, 0, b""), _START, report)
    told = [each for each in report.findings if each.code == "entry-too-large"]
    assert [each.message for each in told] == [f"entries with data descriptors claim {sum(sizes)} bytes"] * refused
    assert report.hidden == ({f"{number}" for number in range(len(sizes))} if refused else set())


def _written(*entries: Entry, start: int = _START) -> tuple[Held, bytes, int]:
    """Return a file in which entries begin at ``start``, their directory, and where they end."""
    data = to_bytes(Archive(entries))
    layout = read_layout(Held(data))
    held = Held(bytes(start) + data[: layout.end.directory_start])
    return held, _moved(layout, start), held.size


def _moved(layout: Layout, by: int) -> bytes:
    records = bytearray(layout.directory)
    for each in layout.entries:
        records[each.record_start + 42 : each.record_start + 46] = (each.start + by).to_bytes(4, "little")
    return bytes(records)


def test_entries_that_fill_a_part_of_a_file() -> None:
    source, directory, stop = _written(Entry("a", b"x"), Entry("b", b"y"))
    one, two = read_entries(source, directory, 2, _START, stop)
    assert (one.start, one.stop, two.start, two.stop) == (_START, two.start, one.stop, stop)
    assert (two.record_start, two.record_stop) == (one.record_stop, len(directory))


@pytest.mark.parametrize(
    ("start", "code", "message"),
    [
        (_START - 1, "gap", "a: 1 bytes before it belong to no entry"),
        (_START + 1, "overlap", "a: it lies inside the entry before it"),
    ],
)
def test_entries_that_begin_elsewhere(start: int, code: str, message: str) -> None:
    source, directory, stop = _written(Entry("a", b"x"), Entry("b", b"y"))
    with pytest.raises(ArchiveError) as refusal:
        read_entries(source, directory, 2, start, stop)
    assert (refusal.value.code, refusal.value.message) == (code, message)


@pytest.mark.parametrize("count", [1, 3])
def test_entries_that_are_not_so_many(count: int) -> None:
    source, directory, stop = _written(Entry("a", b"x"), Entry("b", b"y"))
    with pytest.raises(ArchiveError) as refusal:
        read_entries(source, directory, count, _START, stop)
    assert refusal.value.code == "bad-directory"


def test_the_end_is_no_later_than_the_directory() -> None:
    """An entry that is listed behind the directory has no room."""
    data = to_bytes(changed(VALID, "RECORD", directory={"offset": 5000}))
    reading = read_loosely(Held(data))
    assert "demo-1.0.dist-info/RECORD" in reading.hidden
    assert reading.layout is not None
    assert {each.stop for each in reading.layout.entries} <= {*range(reading.layout.end.directory_start + 1), 5000}


def test_a_size_that_takes_eight_bytes_has_no_descriptor_of_four() -> None:
    entry = Entry("a", b"hi", descriptor=Descriptor(8), wide=frozenset({"size"}))
    data = to_bytes(Archive((entry,)))
    end = read_layout(Held(data)).end
    directory = data[end.directory_start : end.directory_stop]
    wide = (1).to_bytes(2, "little") + (8).to_bytes(2, "little")
    larger = directory.replace(wide + (2).to_bytes(8, "little"), wide + (5 << 30).to_bytes(8, "little"))
    assert larger != directory
    report = CollectingReport()
    [found] = read_all(Held(data), larger, end, 0, report)
    assert found.size == 5 << 30
    assert [each.code for each in report.findings][-1] == "bad-data-descriptor"


@pytest.mark.parametrize("gap", [0, 10, 200_000])
def test_how_far_an_entry_can_reach(gap: int) -> None:
    """Nothing but the directory is read: what follows may be far away, and is not asked for then."""
    content = b"x" * 50
    data = to_bytes(Archive((Entry("a", content, method=0), Entry("b", b"", gap=bytes(gap)))))
    directory = Directory(Held(data))
    begin, end = directory.extent_of("a")
    assert begin == 0
    assert end == min(31 + 50 + gap, 30 + 2 * 65_535 + 24 + 50)


def test_the_directory_alone_is_a_mapping() -> None:
    data = to_bytes(VALID)
    directory = Directory(Held(data))
    assert "demo/version.py" in directory
    assert "demo/another.py" not in directory
    assert len(directory) == len(VALID.entries)
    assert directory["demo/version.py"] == read_layout(Held(data)).find("demo/version.py")
    assert directory.get("demo/another.py") is None
    with pytest.raises(KeyError):
        directory.size_of("demo/another.py")


def test_entries_are_made_when_they_are_asked_for() -> None:
    layout = read_layout(Held(to_bytes(VALID)))
    made = [layout.entry(number) for number in range(len(layout))]
    entries, by_name = layout.entries, layout.by_name
    assert (list(entries), len(entries), entries[1:3], entries[-1]) == (made, len(made), made[1:3], made[-1])
    assert (len(by_name), list(by_name), by_name.keys()) == (len(made), [each.name for each in made], layout.names)
    assert by_name["demo/version.py"].name == "demo/version.py"
    assert "demo/version.py" in by_name
    assert "demo/another.py" not in by_name
    with pytest.raises(IndexError):
        entries[len(made)]
    named = layout.named(lambda name: name.endswith(".py"))
    assert [each.name for each in named] == ["demo/__init__.py", "demo/version.py"]


def test_records_are_cut_into_their_parts() -> None:
    extra = b"\xfe\xca\x02\x00ab"
    data = to_bytes(every(VALID, extra=extra, comment=b"of an entry"))
    layout = read_layout(Held(data))
    for each in layout.entries:
        assert layout.texts(each) == (each.name.encode(), extra, b"of an entry")
        fields = layout.fields(each)
        assert (fields.name_length, fields.extra_length, fields.comment_length) == (len(each.name), len(extra), 11)
        assert layout.record(each) == layout.directory[each.record_start : each.record_stop]


def test_layouts_are_equal_where_all_of_them_is() -> None:
    layout = read_layout(Held(to_bytes(VALID)))
    assert layout == read_layout(Held(to_bytes(VALID)))
    assert layout != read_layout(Held(to_bytes(changed(VALID, "version.py", time=(2020, 1, 1, 0, 0, 0)))))
    assert layout != Layout(layout.directory, layout.end._replace(comment=b"x"), layout.columns)
    assert layout != layout.columns
    assert Layout.empty() == Layout.empty()
    assert Layout.empty().end == End(0, 0, 0, b"")
    assert (len(Layout.empty()), [*Layout.empty().names], Layout.empty().in_order) == (0, [], True)


@pytest.mark.parametrize("is_reversed", [False, True])
def test_the_order_in_the_file(is_reversed: bool) -> None:
    layout = read_layout(Held(to_bytes(Archive(VALID.entries, reversed_directory=is_reversed))))
    expected = [str(each.name) for each in VALID.entries]
    assert layout.in_order is not is_reversed
    assert [each.name for each in layout.in_file_order()] == expected
    assert [layout.entry(number).name for number in layout.order] == expected
    assert [*layout.names] == (expected[::-1] if is_reversed else expected)


@pytest.mark.parametrize(
    ("flags", "is_plain"), [(0, True), (2, True), (4, True), (6, True), (1, False), (8, False), (16, False)]
)
def test_levels_of_deflate_are_plain(flags: int, is_plain: bool) -> None:
    data = to_bytes(changed(VALID, "version.py", flags=flags))
    source, whole = Held(data), read_loosely(Held(data)).layout
    assert whole is not None
    try:
        found = read_plain(source, whole.directory, whole.end)
    except ArchiveError:
        found = None
    assert (found is not None) is is_plain


@pytest.mark.parametrize(("between", "reads"), [(0, 1), (8_000, 1), (9_000, 2)])
def test_local_headers_that_lie_close_together_are_read_at_once(between: int, reads: int) -> None:
    """A read takes longer than reading some kilobytes more."""
    few = [Entry(f"demo/{number}", b"x") for number in range(200)]
    source = Counted(to_bytes(Archive((*few, Entry("large", bytes(between), method=0), Entry("last", b"x")))))
    end = read_layout(source).end
    headers = [begin for begin, size in source.reads if begin + size <= end.directory_start]
    assert len(headers) == reads


def test_entries_come_in_the_order_of_the_directory() -> None:
    layout = read_layout(Held(to_bytes(Archive(VALID.entries, reversed_directory=True))))
    source = Held(to_bytes(Archive(VALID.entries, reversed_directory=True)))
    entries: list[Found] = read_all(source, layout.directory, layout.end, 0, STRICT)
    assert entries == list(layout.entries)
