"""What is told of each damage of an archive, word for word, and what a fix refuses it for: ``archive_findings.txt``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from building import (
    ALL_WIDE,
    Descriptor,
    Entry,
    changed,
    extra_field,
    to_bytes,
    with_entries,
)
from damages import DAMAGES
from defects import VALID
from in_memory import Held
from wheelfix.errors import ArchiveError
from wheelfix.wheel.zip.layout import read_layout, read_loosely

_OF_THE_ARCHIVE: Final = frozenset(
    {
        *("bad-data-descriptor", "bad-directory", "bad-end-record", "bad-entry-name", "bad-extra-field", "bad-local-header"),
        *("bad-zip64-field", "encrypted-entry", "gap", "leading-bytes", "local-header-differs", "many-disks"),
        *("overlap", "patched-entry", "second-end-record", "stored-size-differs", "trailing-bytes", "truncated"),
    }
)
"""The codes of damages that are told here; contents are not read."""
_OTHERS: Final = ("one name in two encodings", "streamed entries that claim 4 GiB", "METADATA twice", "a file twice")
_TABLE: Final = Path(__file__).parent / "archive_findings.txt"


def _cut(size: int) -> bytes:
    """Return an archive whose directory lacks its last bytes, and says so."""
    whole = to_bytes(VALID)
    end = whole.rindex(b"PK\5\6")
    length = int.from_bytes(whole[end + 12 : end + 16], "little") - size
    return whole[: end - size] + whole[end : end + 12] + length.to_bytes(4, "little") + whole[end + 16 :]


def _grown(more: bytes) -> bytes:
    """Return an archive with more bytes in its directory, which says so."""
    whole = to_bytes(VALID)
    end = whole.rindex(b"PK\5\6")
    length = int.from_bytes(whole[end + 12 : end + 16], "little") + len(more)
    return whole[:end] + more + whole[end : end + 12] + length.to_bytes(4, "little") + whole[end + 16 :]


def _version(**changes: object) -> bytes:
    return to_bytes(changed(VALID, "version.py", **changes))


def _added(*entries: Entry) -> bytes:
    return to_bytes(with_entries(VALID, *entries))


MORE: Final = {
    "valid": to_bytes(VALID),
    "directory cut in the last name": _cut(1),
    "directory cut in the last record": _cut(40),
    "directory with the begin of a record after its records": _grown(b"PK\1\2" + bytes(20)),
    "directory with a record too many": _grown(b"PK\1\2" + bytes(42)),
    "disk": _version(directory={"disk": 2}),
    "encrypted, patched, on a disk": _version(flags=0x21, directory={"disk": 1}),
    "other time": _version(local={"time": 1}),
    "other date": _version(local={"date": 0x21}),
    "newer version in both": _version(local={"needed": 64}, directory={"needed": 64}),
    "two newer versions": _version(local={"needed": 65}, directory={"needed": 64}),
    "newer version in the local header": _version(local={"needed": 64}),
    "newest version in the local header": _version(local={"needed": 63}),
    "another host for the version": _version(local={"needed": 0x0314}),
    "flags of another level": _version(local={"flags": 2}),
    "UTF-8 flag of an ASCII name": _version(local={"flags": 0x800}),
    "UTF-8 flag of another name": _added(Entry("demo/\u00e9.py", b"x", local={"flags": 0})),
    "descriptor of 4": _version(descriptor=Descriptor(4)),
    "descriptor of 4, bare": _version(descriptor=Descriptor(4, signature=False)),
    "descriptor of 8": _version(descriptor=Descriptor(8)),
    "descriptor of 8, bare": _version(descriptor=Descriptor(8, signature=False)),
    "descriptor of 4 and ZIP64": _version(descriptor=Descriptor(4), local_wide=True),
    "descriptor of 8 and ZIP64": _version(descriptor=Descriptor(8), local_wide=True),
    "descriptor of 8 and ZIP64, bare": _version(descriptor=Descriptor(8, signature=False), local_wide=True),
    "descriptor and a gap": _version(descriptor=Descriptor(8), gap=b"?"),
    "descriptor of other sizes": _version(descriptor=Descriptor(4), directory={"size": 5}),
    "descriptor of a stored entry": _added(Entry("demo/s", b"x", method=0, descriptor=Descriptor())),
    "ZIP64 in both": _version(wide=ALL_WIDE, local_wide=True),
    "ZIP64 in the local header": _version(local_wide=True),
    "entries in another order": to_bytes(replace(VALID, reversed_directory=True)),
    "first entry later": to_bytes(changed(VALID, "demo/__init__.py", directory={"offset": 1})),
    "three of one name": _added(*(Entry("demo/x", b"x") for _ in range(3))),
    "three of one name in CP437": _added(*(Entry(b"demo/\x82", b"x") for _ in range(3))),
    "stored, shorter": _added(Entry("demo/s", b"abcd", method=0, raw=b"abc")),
    "not UTF-8, twice": _added(*(Entry(b"demo/\xff", b"x", flags=0x800) for _ in range(2))),
    "extra field of the kind of a comment": _version(extra=extra_field(0xCAFE, b"x"), comment=b"x"),
    "padding": _version(local_extra=bytes(3)),
    "extra field twice": _version(extra=2 * extra_field(0xCAFE, b"xy"), comment=b"x"),
    "extra field cut in the local header": _version(local_extra=b"\xfe\xca\xff\xff"),
    "extra field cut in the local header, with a comment": _version(local_extra=b"\xfe\xca\xff\xff", comment=b"x"),
    "padding in the directory": _version(extra=bytes(3), comment=b"x"),
    "a long name, with a comment": _added(Entry(f"demo/{'x' * 300}.py", b"x", comment=b"x")),
    "long local extra field": _version(local_extra=extra_field(0xCAFE, bytes(300))),
}  # fmt: skip
"""Other archives, some of them legal."""


def _cases() -> Iterator[tuple[str, bytes]]:
    for damage in DAMAGES:
        if damage.code in _OF_THE_ARCHIVE or damage.name in _OTHERS:
            yield damage.name, damage.make()
    yield from MORE.items()


CASES: Final = {name: data for name, data in _cases() if data}
"""All but the empty file, which cannot be opened."""


def told(data: bytes) -> str:
    """Return what both ways of reading tell: code, place, message and form, and names that must not be read."""
    reading = read_loosely(Held(data))
    lines = [f"told: {each.code} | {each.place} | {each.message} | {each.form}" for each in reading.findings]
    lines += [f"hidden: {name}" for name in sorted(reading.hidden)]
    try:
        layout = read_layout(Held(data))
    except ArchiveError as error:
        lines += [f"refused: {error.code} | {error.message} | {error.hint}"]
    else:
        assert layout == reading.layout
        assert dict(layout.by_name) == {each.name: each for each in layout.entries}
    return "".join(f"{line.encode('unicode_escape').decode().rstrip()}\n" for line in lines)


def table() -> dict[str, str]:
    """Return the lines of the table by their case."""
    found = (case.partition("\n") for case in _TABLE.read_text(encoding="ascii").split("\n\n# ")[1:])
    return {name: lines.removesuffix("\n") + "\n" if lines else "" for name, _, lines in found}


@pytest.mark.parametrize("name", table())
def test_what_is_told_of_an_archive(name: str) -> None:
    assert told(CASES[name]) == table()[name]


def test_the_table_has_the_other_archives() -> None:
    """And most damages, which each say what they are refused for."""
    assert table().keys() >= MORE.keys()
