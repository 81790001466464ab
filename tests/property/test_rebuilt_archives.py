"""Containers of any odd shape: rebuilt they have the same contents for every reader, are clean, and stay as they are.

Whatever is done to an archive, it is rebuilt only where no reader reads anything else.
"""

import bz2
import hashlib
import lzma
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import given, strategies as st
from msgspec.structs import replace

import wheelfix
from building import (
    FULL_32,
    Archive,
    Descriptor,
    Entry,
    WheelSpec,
    archive_of,
    extra_field,
    to_bytes,
    with_entries,
    write_wheel,
)
from defects import valid
from in_memory import Held
from strategies import archives, entries
from streaming import READERS, read, read_by_directory
from wheelfix import Outcome, Status
from wheelfix.errors import ArchiveError
from wheelfix.results import ChangeAction
from wheelfix.wheel.zip.layout import read_layout
from wheelfix.wheel.zip.rebuild import Rebuilt

junk = st.binary(max_size=30).filter(lambda raw: b"PK" not in raw)
pieces = st.lists(
    st.one_of(
        junk,
        st.sampled_from([b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\7\x08", b"\xff\xff\xff\xff", b"\0\0"]),
    ),
    max_size=3,
).map(b"".join)
"""Bytes that may hold records of an archive."""
_DESCRIPTOR = 16
"""The length of a data descriptor with a signature."""


@st.composite
def odd_entries(draw: st.DrawFn, name: str) -> Entry:
    """Draw an entry whose contents are beyond doubt, and whose records are odd in any way."""
    entry = draw(entries(name))
    content = entry.content
    assert isinstance(content, bytes)
    wide = {"size": FULL_32, "compressed_size": FULL_32}
    packed = len(content)
    form: dict[str, Any] = draw(st.sampled_from([
        {},
        {"time": (1980, 0, 0, 0, 0, 0)},
        {"local": {"time": 7}},
        {"local": {"needed": 200}},
        {"flags": 1 << 13},
        {"directory": {"disk": 2}},
        {"directory": {"external_attributes": 0o40755 << 16 | 0x18}},
        {"extra": extra_field(0xCAFE, b"x") * 2},
        {"local_extra": b"\0\0\0"},
        {"method": 0, "local": wide, "local_extra": extra_field(1, 2 * packed.to_bytes(8, "little") + bytes(8)),
         "wide": frozenset(), "local_wide": False, "descriptor": None},
        {"method": 12, "raw": bz2.compress(content), "descriptor": None},
        {"method": 95, "raw": lzma.compress(content), "descriptor": None},
        {"method": 8, "descriptor": Descriptor(), "local_wide": False},
    ]))  # fmt: skip
    if form.get("local") is wide and content.startswith(b"PK"):  # its position, 0, would lead to a record
        form = {}
    gap = draw(junk)
    comment = entry.comment.replace(b"PK", b"")
    return replace(entry, **{"descriptor": None, "gap": gap, "comment": comment, **form})


@st.composite
def odd_archives(draw: st.DrawFn) -> Archive:
    """Draw a wheel with an odd container; RECORD lists every file."""
    names = draw(st.sets(st.sampled_from(["demo/a", "demo/b.py", "demo/caf\u00e9", "x/y/z"]), max_size=3))
    files = tuple(draw(odd_entries(name)) for name in sorted(names))
    last = len(files)
    archive = archive_of(valid(files=(*files, *WheelSpec().files)))
    follower = archive.entries[last]
    archive = replace(archive, entries=(*archive.entries[:last], replace(follower, gap=b""), *archive.entries[last + 1 :]))
    # What lies between the data of one entry and the next belongs to none, unless a descriptor is announced.
    gapless = tuple(
        replace(each, gap=b"") if index and archive.entries[index - 1].descriptor else each
        for index, each in enumerate(archive.entries)
    )
    # Positions that do not count what precedes the archive lead into files and descriptors: no record must begin there.
    has_records = any(b"PK" in each.content for each in files if isinstance(each.content, bytes))
    return replace(
        archive,
        entries=gapless,
        comment=draw(st.sampled_from([b"", b"a comment", b"a\1b"])),
        leading=b"" if has_records else draw(junk.filter(lambda raw: len(raw) != _DESCRIPTOR)),
        trailing=draw(junk),
        reversed_directory=draw(st.booleans()),
    )


def _repaired(data: bytes, folder: Path) -> tuple[Path, Outcome]:
    path = write_wheel(folder, archive=data)
    output = wheelfix.Output(directory=folder / hashlib.sha256(data).hexdigest(), sbom=False)
    return path, wheelfix.repair_wheels(path, rebuild_archive=True, output=output).outcomes[0]


def _readings(data: bytes) -> list[dict[str, bytes]]:
    """Return what those readers read that take it."""
    every = [read_by_directory(data), *(read(data, habits) for habits in READERS)]
    return [each for each in every if each is not None]


@given(odd_archives())
def test_an_odd_container_is_rebuilt_with_the_same_contents(archive: Archive) -> None:
    data = to_bytes(archive)
    contents = {each.raw_name.decode(): each.content for each in archive.entries}
    with tempfile.TemporaryDirectory() as folder:
        path, outcome = _repaired(data, Path(folder))
        assert outcome.status in (Status.FIXED, Status.UNCHANGED), outcome.problem
        assert outcome.output
        new = outcome.output.read_bytes()
        assert all(each == contents for each in _readings(new))
        assert len(_readings(new)) == len(READERS) + 1
        left = [
            each for each in wheelfix.verify_wheels(outcome.output).wheels[0].findings if each.code.startswith("archive")
        ]
        before = wheelfix.verify_wheels(path).wheels[0].findings
        kept = {"archive-odd-mode", *({"archive-mode-no-type"} & {each.code for each in before})}
        assert {each.code for each in left} <= kept, "links stay, and what only uv takes for executable"
        assert (
            not wheelfix.repair_wheels(outcome.output, rebuild_archive=True, output=wheelfix.Output(dry_run=True))
            .outcomes[0]
            .changes
        )
        marked = {each.code for each in before if each.needs_rebuild}
        said = {code for change in outcome.changes for code in (change.reason or "").split(", ")}
        assert marked == said


@given(archives(), pieces, pieces, pieces)
def test_bytes_around_any_archive(archive: Archive, leading: bytes, between: bytes, trailing: bytes) -> None:
    """The order and the contents stay, and a plain archive comes out, or it is refused."""
    data = to_bytes(replace(archive, leading=leading, before_directory=between, trailing=trailing))
    try:
        view = Rebuilt(Held(data))
    except ArchiveError:
        return
    new = view.read_at(0, view.size)
    layout = read_layout(Held(new))
    assert [each.name for each in layout.entries] == [each.name for each in view.old.entries]
    readings = [*_readings(data), *_readings(new)]
    assert all(each == readings[-1] for each in readings)
    again = Rebuilt(Held(new))
    assert again.read_at(0, again.size) == new


@given(odd_archives(), st.data())
def test_an_archive_that_was_damaged_is_rebuilt_only_where_no_reader_reads_anything_else(
    archive: Archive, data: st.DataObject
) -> None:
    raw = bytearray(to_bytes(archive))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        piece = data.draw(pieces)
        match data.draw(st.sampled_from(["flip", "put", "insert", "remove"])):
            case "flip":
                raw[at] ^= 1 << data.draw(st.integers(0, 7))
            case "put":
                raw[at : at + len(piece)] = piece
            case "insert":
                raw[at:at] = piece
            case _:
                del raw[at : at + data.draw(st.integers(1, 8))]
    with tempfile.TemporaryDirectory() as folder:
        _, outcome = _repaired(bytes(raw), Path(folder))
        assert outcome.status is not Status.FAILED, outcome.problem
        if any(change.action is ChangeAction.REBUILD_ARCHIVE for change in outcome.changes) and outcome.output:
            after = _readings(outcome.output.read_bytes())
            assert len(after) == len(READERS) + 1
            assert all(_payload(each) == _payload(after[0]) for each in [*_readings(bytes(raw)), *after])


def _payload(contents: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files outside of dist-info, which the repair that follows may change."""
    return {name: content for name, content in contents.items() if not name.startswith("demo-1.0.dist-info/")}


@given(st.binary(max_size=200), st.sampled_from([12, 14, 95]), st.integers(0, 300))
def test_hostile_data_of_rare_methods(raw: bytes, method: int, size: int) -> None:
    entry = Entry("demo/z", b"z" * size, method=method, raw=raw)
    with suppress(ArchiveError):
        view = Rebuilt(Held(to_bytes(with_entries(archive_of(WheelSpec()), entry))))
        assert b"z" * size in view.read_at(0, view.size)
