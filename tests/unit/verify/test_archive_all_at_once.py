"""What is wrong at one place of an archive hides nothing at another: neither in one entry, nor what the entries hold."""

import contextlib
import tracemalloc
from pathlib import Path

import pytest
from msgspec.structs import replace

from building import Archive, Descriptor, Entry, archive_of, changed, to_bytes, with_entries, write_wheel
from damages import DAMAGES, Damage
from defects import HEAD, NEEDS, TYPE, VALID, metadata, valid
from wheelfix.errors import ArchiveError
from wheelfix.results import Severity
from wheelfix.verify.run import check_wheel
from wheelfix.wheel.zip.findings import CollectingReport
from wheelfix.wheel.zip.layout import read_layout, read_loosely
from wheelfix.wheel.zip.source import Source

_BAD_INSIDE = archive_of(valid(metadata=metadata(head=[*HEAD[:3], "Summary: a", "Summary: b"], rest=[TYPE, NEEDS])))
"""A wheel with an error in METADATA."""
_UNREADABLE = frozenset({"truncated", "not-a-zip", "empty-file", "empty-archive", "too-many-entries", "bad-end-record"})
"""What leaves nothing to read on for."""


def _messages(folder: Path, archive: Archive) -> list[str]:
    return [f"{each.code}: {each.message}" for each in check_wheel(write_wheel(folder, archive=archive)).findings]


def test_every_difference_of_a_local_header_is_reported(tmp_path: Path) -> None:
    """Pitfall 40: the first difference found must not hide the others."""
    lies = {"crc": 1, "size": 5, "method": 0, "time": 1, "needed": 255, "flags": 1}
    archive = changed(VALID, "version.py", local=lies, local_name=b"demo/another.py")
    assert _messages(tmp_path, archive) == [
        "archive-local-header-differs: the flags differ from the directory's",
        "archive-local-header-differs: the compression method differs from the directory's",
        "archive-local-header-differs: the name differs from the directory's",
        "archive-local-header-differs: the CRC-32 differs from the directory's",
        "archive-local-header-differs: the sizes differ from the directory's",
        "archive-newer-version: it needs version 255 of the ZIP format, the directory says 20",
        "archive-local-time-differs: its date or time differs from the directory's",
    ]


def test_several_findings_of_an_archive_are_all_reported(tmp_path: Path) -> None:
    """At the end, in the directory, between entries and within them, and in what they hold: the worst first."""
    archive = changed(_BAD_INSIDE, "version.py", local={"crc": 1}, comment=b"hello", gap=b"junk")
    archive = with_entries(archive, Entry("demo/e", b"x", flags=1), Entry("demo/e", b"x"), Entry("demo/p", b"x", flags=32))
    archive = replace(archive, comment=b"PK\1\2", trailing=b"\n", end={"disk": 1})
    path = write_wheel(tmp_path, archive=archive)
    damages = check_wheel(path).findings
    assert list(dict.fromkeys(each.code for each in damages)) == [
        "archive-trailing-bytes", "archive-many-disks", "archive-local-header-differs", "archive-duplicate-entry",
        "archive-gap", "archive-encrypted-entry", "archive-patched-entry", "archive-entry-comment",
        "archive-comment-bytes", "record-missing-row", "metadata-repeated-field",
    ]  # fmt: skip
    severities = [each.severity for each in damages]
    assert severities == sorted(severities, key=list(Severity).index)


@pytest.mark.parametrize(
    "change",
    [
        {"leading": b"#!/bin/sh\n"}, {"trailing": b"junk"}, {"before_directory": b"junk"}, {"before_end": b"junk"},
        {"comment": b"PK\5\6" + bytes(18)}, {"comment": to_bytes(VALID)}, {"end": {"disk": 1}},
        {"end": {"directory_start": 5}}, {"end": {"directory_start": 999_999}}, {"end": {"directory_size": 46}},
        {"end": {"count": 9, "disk_count": 9}}, {"end": {"count": 2, "disk_count": 2}}, {"end_64": {"directory_start": 9}},
        {"end_64": {"record_size": 45}}, {"zip64_end": True, "locator": {"end_start": 2**64 - 1}},
    ],
    ids=str,
)  # fmt: skip
def test_a_finding_of_the_archive_hides_no_content(change: dict[str, object], tmp_path: Path) -> None:
    archive = replace(_BAD_INSIDE, **change)
    codes = [each.code for each in check_wheel(write_wheel(tmp_path, archive=archive)).findings]
    assert codes[0].startswith("archive-")
    assert codes[-1] == "metadata-repeated-field"
    assert not [code for code in codes if code.startswith("record-")]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_what_is_refused_is_found_too_and_the_rest_is_read(damage: Damage, tmp_path: Path) -> None:
    """The strict reading and the collecting one are of one reader: what the first raises the second has found."""
    path = tmp_path / valid().filename
    path.write_bytes(damage.make())
    try:
        source = Source(path)
    except ArchiveError:
        assert damage.code == "empty-file"
        return
    with source:
        reading = read_loosely(source)
        with contextlib.suppress(ArchiveError):
            assert read_layout(source) == reading.layout
            assert not reading.hidden
            return
        with pytest.raises(ArchiveError) as refused:
            read_layout(source)
    assert refused.value.code in {each.code for each in reading.findings}
    assert reading.layout is not None or refused.value.code in _UNREADABLE


def test_what_cannot_be_found_is_not_read(tmp_path: Path) -> None:
    """A hundred entries that share the data of one would be read a hundred times."""
    shared = tuple(Entry(f"demo/{number}.py", b"x" * 1000, gap=b"", directory={"offset": 0}) for number in range(100))
    path = write_wheel(tmp_path, archive=Archive((*shared, *VALID.entries)))
    with Source(path) as source:
        reading = read_loosely(source)
    assert len(reading.hidden) >= 99
    assert {each.code for each in reading.findings} >= {"overlap"}


def test_streamed_data_that_claims_too_much_is_not_inflated(tmp_path: Path) -> None:
    """Pitfall 28: what the strict reader refuses to inflate, the collecting one does not inflate either."""
    huge = {"size": (1 << 32) - 2}
    archive = with_entries(VALID, Entry("demo/s", b"hi", descriptor=Descriptor(), directory=huge))
    with Source(write_wheel(tmp_path, archive=archive)) as source:
        assert read_loosely(source).hidden == {"demo/s"}


def test_many_alike_are_counted(tmp_path: Path) -> None:
    """Pitfall 42: what a hostile archive can multiply costs little."""
    entries = tuple(Entry(f"{number}", b"", local={"crc": 1, "date": 1}, comment=b"x") for number in range(20_000))
    path = write_wheel(tmp_path, archive=Archive(entries))
    tracemalloc.start()
    try:
        with Source(path) as source:
            findings = read_loosely(source).findings
        assert tracemalloc.get_traced_memory()[1] < 40 << 20
    finally:
        tracemalloc.stop()
    assert len(findings) == 2 * 501
    assert [each.message for each in findings[-2:]] == ["and 19500 more of this kind"] * 2


def test_a_second_dist_info_hides_not_what_is_wrong_with_the_first(tmp_path: Path) -> None:
    archive = with_entries(_BAD_INSIDE, Entry("other-1.0.dist-info/METADATA", b"Name: other\n"))
    codes = [each.code for each in check_wheel(write_wheel(tmp_path, archive=archive)).findings]
    assert codes == ["dist-info-several", "record-missing-row", "metadata-repeated-field"]


def test_long_names_are_cut(tmp_path: Path) -> None:
    entries = tuple(Entry(f"{number}" * 20_000, b"", local={"crc": 1, "date": 1}) for number in range(10, 60))
    with Source(write_wheel(tmp_path, archive=Archive(entries))) as source:
        assert sum(len(each.place) for each in read_loosely(source).findings) < 110_000


def test_report_keeps_each_name_once() -> None:
    report = CollectingReport()
    report.hide("a")
    assert report.hides("a")
    assert not report.hides("b")


def test_damage_is_reported_beside_what_else_is_wrong_with_the_entry(tmp_path: Path) -> None:
    archive = changed(VALID, "version.py", local={"crc": 1}, directory={"crc": 1}, descriptor=Descriptor(), comment=b"x")
    codes = {each.code for each in check_wheel(write_wheel(tmp_path, archive=archive)).findings}
    assert codes >= {"archive-damaged-entry", "archive-data-descriptor", "archive-entry-comment"}


@pytest.mark.parametrize(
    ("changes", "code", "clients"),
    [
        ({"local": {"crc": 1}}, "archive-local-header-differs", "uv"),
        ({"local": {"size": 1}}, "archive-local-header-differs", "uv PyPI"),
        ({"local_name": b"demo/another.py"}, "archive-local-header-differs", "pip uv installer PyPI"),
        ({"local": {"needed": 64}}, "archive-newer-version", "uv"),
        ({"directory": {"needed": 64}}, "archive-newer-version", "pip uv installer PyPI"),
        ({"method": 93, "raw": b"", "content": b""}, "archive-unknown-compression", "pip installer PyPI"),
        ({"method": 12, "raw": b"", "content": b""}, "archive-unknown-compression", "uv PyPI"),
        ({"method": 95, "raw": b"", "content": b""}, "archive-unknown-compression", "pip uv installer PyPI"),
        ({"descriptor": Descriptor()}, "archive-data-descriptor", "PyPI"),
        ({"descriptor": Descriptor(8)}, "archive-data-descriptor", "uv PyPI"),
        ({"descriptor": Descriptor(8), "local_wide": True}, "archive-data-descriptor", "PyPI"),
        ({"descriptor": Descriptor(8, signature=False), "local_wide": True}, "archive-data-descriptor", "PyPI"),
        ({"descriptor": Descriptor(4), "local_wide": True}, "archive-data-descriptor", "uv PyPI"),
        ({"comment": b"x"}, "archive-entry-comment", "PyPI"),
        ({"comment": b"PK\3\4"}, "archive-entry-comment", "uv PyPI"),
    ],
)
def test_who_refuses_is_said_of_the_very_form(changes: dict[str, object], code: str, clients: str, tmp_path: Path) -> None:
    found = check_wheel(write_wheel(tmp_path, archive=changed(VALID, "version.py", **changes))).findings
    assert {each.refused_by for each in found if each.code == code} == {tuple(clients.split())}
