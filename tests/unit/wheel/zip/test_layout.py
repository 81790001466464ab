"""Every byte of an archive has its place, and ``zipfile`` sees the same entries."""

import io
import zipfile
from pathlib import Path

import pytest
from msgspec.structs import replace

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
from damages import DAMAGES
from in_memory import Counted, Held
from wheelfix.errors import ArchiveError, WheelError
from wheelfix.wheel.wheel import Wheel
from wheelfix.wheel.zip.inflate import read_content
from wheelfix.wheel.zip.layout import Directory, Layout, read_layout, read_loosely
from wheelfix.wheel.zip.source import Source

_VALID = archive_of(WheelSpec())
SHAPES: dict[str, Archive] = {
    "plain": _VALID,
    "stored": archive_of(WheelSpec(stored=True)),
    "dist-info first, with directories": archive_of(WheelSpec(dist_info_first=True, folders=True)),
    "extra fields": archive_of(
        WheelSpec(extra=extra_field(0x5455, b"\x03aaaa"), local_extra=extra_field(0x5455, b"\x03" + bytes(99)))
    ),
    "padding of zipalign": every(_VALID, local_extra=bytes(3)),
    "comments": replace(every(_VALID, comment=b"of an entry"), comment=b"of the archive"),
    "names in UTF-8": with_entries(_VALID, Entry("demo/\u0434\u0430\u043d\u043d\u044b\u0435.py", b"x")),
    "names in cp437": with_entries(_VALID, Entry(b"demo/caf\x82.py", b"x")),
    "executable": changed(_VALID, "demo/__init__.py", mode=0o100755),
    "made on DOS": every(_VALID, made_by=0x0014),
    "directory in another order": replace(_VALID, reversed_directory=True),
    "ZIP64 in local headers": every(_VALID, local_wide=True),
    "ZIP64 in the directory": every(_VALID, wide=ALL_WIDE),
    "ZIP64 for positions": every(_VALID, wide=frozenset({"offset"})),
    "ZIP64 everywhere": replace(every(_VALID, wide=ALL_WIDE, local_wide=True), zip64_end=True),
    "ZIP64 end records": replace(_VALID, zip64_end=True),
    **{
        f"descriptors of {width} bytes, {'signed' if signature else 'bare'}": every(
            _VALID, descriptor=Descriptor(width, signature)
        )
        for width in (4, 8)
        for signature in (True, False)
    },
}
"""Every valid form, by name."""


def _read(path: Path, archive: Archive) -> Layout:
    path.write_bytes(to_bytes(archive))
    with Source(path) as source:
        return read_layout(source)


@pytest.mark.parametrize("shape", SHAPES)
def test_entries_fill_the_archive(shape: str, tmp_path: Path) -> None:
    """Pitfalls 24, 25: every legal form is read, and the entries lie side by side up to the directory."""
    layout = _read(tmp_path / "a.zip", SHAPES[shape])
    position = 0
    for entry in layout.in_file_order():
        assert entry.start == position
        assert entry.start < entry.data_start <= entry.data_stop <= entry.stop
        position = entry.stop
    assert position == layout.end.directory_start
    assert b"".join(map(layout.record, layout.entries)) == layout.directory
    assert layout.end.comment == SHAPES[shape].comment


@pytest.mark.parametrize("shape", SHAPES)
def test_layout_agrees_with_zipfile(shape: str, tmp_path: Path) -> None:
    data = to_bytes(SHAPES[shape])
    layout = _read(tmp_path / "a.zip", SHAPES[shape])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        others = archive.infolist()
    assert [
        (each.name, each.start, each.data_stop - each.data_start, each.size, each.crc, each.method)
        for each in layout.entries
    ] == [
        (each.orig_filename, each.header_offset, each.compress_size, each.file_size, each.CRC, each.compress_type)
        for each in others
    ]


@pytest.mark.parametrize("position", ["start", "data_start", "data_stop"])
def test_positions_lead_to_the_bytes(position: str, tmp_path: Path) -> None:
    archive = every(_VALID, method=0, descriptor=Descriptor())
    layout = _read(tmp_path / "a.zip", archive)
    data = to_bytes(archive)
    for entry, built in zip(layout.entries, archive.entries, strict=True):
        expected = {"start": b"PK\x03\x04", "data_start": built.content, "data_stop": b"PK\x07\x08"}[position]
        assert isinstance(expected, bytes)
        assert data.startswith(expected, getattr(entry, position))


def test_an_error_names_its_entry(tmp_path: Path) -> None:
    """Pitfall 29: a name with control characters is escaped in the message."""
    archive = with_entries(_VALID, Entry("demo/\x1b[2J", b"1"), Entry("demo/\x1b[2J", b"2"))
    with pytest.raises(ArchiveError, match=r"demo/\\x1b\[2J: it is in the archive twice"):
        _read(tmp_path / "a.zip", archive)


def test_every_cut_of_a_wheel_is_refused(tmp_path: Path) -> None:
    """Pitfall 34: wherever a download stops, the rest is no wheel."""
    data = to_bytes(_VALID)
    path = tmp_path / "demo-1.0-py3-none-any.whl"
    for stop in range(0, len(data), 7):
        path.write_bytes(data[:stop])
        with pytest.raises(WheelError):
            Wheel(path)


def test_no_changed_byte_causes_another_error(tmp_path: Path) -> None:
    """Pitfalls 24, 40: with any byte changed the archive is read or refused, and never read beyond its end.

    What the strict reading raises, the collecting one finds among all that is wrong.
    """
    archive = changed(replace(_VALID, zip64_end=True), "WHEEL", wide=ALL_WIDE, local_wide=True, descriptor=Descriptor(8))
    data = to_bytes(archive)
    refused = hidden = 0
    for position in range(len(data)):
        for value in {0, 1, 0x7F, 0xFF, data[position] ^ 1, data[position] ^ 8} - {data[position]}:
            source = Held(data[:position] + bytes([value]) + data[position + 1 :])
            found = {each.code for each in read_loosely(source).findings}
            try:
                read_layout(source)
            except ArchiveError as error:
                refused += 1
                hidden += error.code not in found
    assert refused > len(data)
    assert not hidden


@pytest.mark.parametrize("shape", SHAPES)
def test_the_directory_alone_leads_to_the_same_entries(shape: str) -> None:
    source = Held(to_bytes(SHAPES[shape]))
    directory, layout = Directory(source), read_layout(source)
    assert dict(directory) == dict(layout.by_name)
    assert [*directory.names] == [*layout.names]
    for number, each in enumerate(layout.entries):
        assert directory.size_of(each.name) == layout.sizes[number]
        assert directory.extent_of(each.name) == (each.start, each.stop)


def test_the_directory_alone_takes_three_reads() -> None:
    """However many entries there are: each is a request where the archive is elsewhere."""
    archive = with_entries(_VALID, *(Entry(f"demo/{number}.py", b"x") for number in range(3_000)))
    source = Counted(to_bytes(archive))
    directory = Directory(source)
    assert len(directory.names) == len(archive.entries)
    assert len(source.reads) == 3
    assert read_content(source, directory.find("demo/7.py"), limit=9) == b"x"
    assert len(source.reads) == 5


def test_a_local_header_is_checked_where_its_entry_is_asked_for() -> None:
    directory = Directory(Held(to_bytes(changed(_VALID, "WHEEL", local={"crc": 1}))))
    assert directory.find("demo-1.0.dist-info/METADATA").size
    with pytest.raises(ArchiveError, match="CRC-32 differs from the directory"):
        directory.find("demo-1.0.dist-info/WHEEL")
    with pytest.raises(KeyError):
        directory.find("nothing")


def test_an_archive_that_does_not_begin_with_an_entry_has_no_directory_of_its_own() -> None:
    with pytest.raises(ArchiveError, match="are before"):
        Directory(Held(b"MZ" + to_bytes(_VALID)))


def test_codes_of_the_archive_are_all_reached() -> None:
    """A refusal that no damage of the table reaches is untested."""
    import wheelfix.wheel.zip as package

    codes = set()
    for module in Path(str(package.__file__)).parent.glob("*.py"):
        text = module.read_text("utf-8")
        for chunk in text.split("_refuse(")[1:] + text.split("ArchiveError(")[1:]:
            first = chunk.lstrip().split(",")[0].strip()
            if first.startswith('"'):
                codes.add(first.strip('"'))
    unreached = codes - {damage.code for damage in DAMAGES}
    others = {"bad-path", "is-a-directory", "not-a-file", "too-much-to-read"}  # other tests reach these
    assert unreached <= {*others, "name-encoding", "too-large"}, "the last two are reached by those of rebuilding"
