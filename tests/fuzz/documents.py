"""METADATA, RECORD, WHEEL and entry_points.txt: beside what others read in them, and what an edit leaves as it is."""

import csv
import io
from collections.abc import Iterator
from email.parser import BytesHeaderParser
from itertools import islice
from typing import Final

from building import RecordStyle, WheelSpec, metadata_bytes
from defects import record_of
from fuzz.target import Bound, Target, as_text, outcome, same
from mutating import VALID
from places import ROOT
from wheelfix.errors import EditError
from wheelfix.wheel.entry_points import EntryPoint, EntryPoints, read_by_line, read_entry_points
from wheelfix.wheel.metadata import Document, Field, with_plain_line_ends
from wheelfix.wheel.record import Record, RecordRow, Row
from wheelfix.wheel.tags import WheelTag, expanded
from wheelfix.wheel.wheel_file import with_field, with_tag_lines

_FEW: Final = 4
_INFO: Final = "demo-1.0.dist-info"


def _by_email(data: bytes) -> list[tuple[str, list[bytes]]]:
    """Return names and values, blanks squeezed, as ``email.parser`` sees them."""
    message = BytesHeaderParser().parsebytes(data)
    return [(name.lower(), str(value).encode("ascii", "surrogateescape").split()) for name, value in message.raw_items()]


def _by_us(document: Document) -> list[tuple[str, list[bytes]]]:
    return [(each.name.lower(), each.value.encode("utf-8", "surrogateescape").split()) for each in document.fields]


def _said(fields: tuple[Field, ...]) -> list[tuple[str, str]]:
    return [(each.name, each.value) for each in fields]


def check_metadata(data: bytes) -> None:
    """The fields are those of ``email.parser``; an edit changes its field, and not one byte more."""
    loose = outcome(lambda: Document.parse_leniently(data))
    if loose is not None:
        same(_by_us(loose), _by_email(data))
    document = outcome(lambda: Document.parse(data))
    if document is None:
        return
    assert document.data == data
    assert document == loose
    assert 0 <= document.header_stop <= len(data)
    for each in islice(document.fields, _FEW):
        after = outcome(lambda each=each: document.without([each]))  # type: ignore[misc]
        if after is not None:  # a line that comes first may make what follows another thing, which is refused
            assert after.data == data[: each.start] + data[each.stop :]
            assert _said(after.fields) == [
                pair for other, pair in zip(document.fields, _said(document.fields), strict=True) if other is not each
            ]
        changed = outcome(lambda each=each: document.edited({each: "new value"}))  # type: ignore[misc]
        if changed is not None:
            assert changed.data[: each.start] == data[: each.start]
            assert changed.data.endswith(data[each.stop :])
            same(
                _said(changed.fields),
                [
                    (name, "new value") if other is each else (name, value)
                    for other, (name, value) in zip(document.fields, _said(document.fields), strict=True)
                ],
            )
    longer = outcome(lambda: document.adding("Classifier", "a", "b"))
    if longer is not None:
        same(_by_us(longer), _by_email(longer.data))
        assert len(longer.all("Classifier")) == len(document.all("Classifier")) + 2
        assert longer.body == document.body
    plain = with_plain_line_ends(data)
    assert plain is None or outcome(lambda: Document.parse_leniently(plain)) is not None


def _metadata() -> Iterator[bytes]:
    for path in sorted((ROOT / "tests/golden").glob("*/METADATA.in")):
        yield path.read_bytes()[:1500]
    for spec in VALID:
        yield spec.metadata or b""
    yield metadata_bytes(WheelSpec(requires=("triton", "numpy>=1 ; os_name == 'nt'")))
    yield b"Name: a\r\nLicense: one\r\n\ttwo\r\n  three\r\n\r\nFrom here\r\n>From\r\n"
    yield b"From x\nName: a\nFrom y\n"
    yield b"\xef\xbb\xbfName: \xe9\xff\nRequires-Dist: a\0b\n"


def check_record(data: bytes) -> None:
    """The rows are the file, and the csv module's; what is put in is found, and other rows keep their bytes."""
    record = outcome(lambda: Record.parse(data))
    if record is None:
        return
    assert b"".join(record.rows) == data
    rows = [*record.read_rows()]
    readable = [(index, row) for index, row in rows if isinstance(row, Row)]
    if len(readable) == len(rows) and b"\0" not in data:
        table = csv.reader(io.StringIO(as_text(data), newline=""))
        same(
            [[row.path, row.digest, row.size] for _, row in readable],
            [row for row in table if len(row) > 1 or "".join(row).strip()],
        )
    for _, row in readable[:_FEW]:
        _check_row(record, row.path)
    _check_row(record, f"{_INFO}/METADATA")


def _check_row(record: Record, path: str) -> None:
    slow = Record.parse(record.data)
    vars(slow)["_has_plain_lines"] = False
    found = outcome(lambda: record.find(path))
    assert found == outcome(lambda: slow.find(path))
    changed = outcome(lambda: record.with_content(path, b"new"))
    assert changed == outcome(lambda: slow.with_content(path, b"new"))
    if found is None or changed is None:
        return
    assert changed.agrees(path, b"new")
    assert changed.with_content(path, b"new").data == changed.data
    assert len(changed.find(path)) == max(1, len(found))
    others = [raw for raw in record.rows if raw not in {row.raw for row in found}]
    kept = [*changed.rows]
    assert all(raw in kept or raw + b"\n" in kept or raw + b"\r\n" in kept or raw + b"\r" in kept for raw in others)
    gone = outcome(lambda: changed.without(path))
    assert gone is not None
    assert not gone.find(path)
    more = outcome(lambda: record.adding([RecordRow("new,file.py", "sha256=x", "1")], like=path, before=f"{_INFO}/RECORD"))
    assert more is None or len(more.find("new,file.py")) == len(record.find("new,file.py")) + 1


def _records() -> Iterator[bytes]:
    for spec in VALID:
        yield b"".join(record_of(spec))
    for style in (RecordStyle(line_end="\r\n"), RecordStyle(quoted=True), RecordStyle(final_newline=False)):
        yield b"".join(record_of(WheelSpec(style=style)))
    yield b'"a,b.py",sha256=x,1\r\n"q""q.py",,\r\nm,,\r\r\n'
    yield b'm,md5=1,2,3\n"open\n\n,,\n/abs,sha256=A-_,07\n'
    yield f"{_INFO}/METADATA,sha1=x,\n{_INFO}\\METADATA,,\n./{_INFO}/METADATA,,\n{_INFO}/RECORD,,\n".encode()


def check_wheel_file(data: bytes) -> None:
    """A field of WHEEL is there once after it was set, the others as they were; the tags are those that were wanted."""
    for name, value in (("Build", "1x"), ("Root-Is-Purelib", "false"), ("Build", None)):
        after = outcome(lambda name=name, value=value: with_field(data, name, value))  # type: ignore[misc]
        if after is None:
            continue
        document, before = Document.parse_leniently(after), Document.parse_leniently(data)
        same([field.value.strip() for field in document.all(name)], [] if value is None else [value])
        others = [pair for pair in _by_us(before) if pair[0] != name.lower()]
        same([pair for pair in _by_us(document) if pair[0] != name.lower()], others)
        assert with_field(after, name, value) == after
    wanted = expanded("py3.cp39-none-any")
    tagged = outcome(lambda: with_tag_lines(data, wanted))
    if tagged is not None:
        document = Document.parse(tagged)
        assert {tag for field in document.all("Tag") for tag in _tags(field)} >= {*wanted}
        same(
            [pair for pair in _by_us(document) if pair[0] != "tag"],
            [pair for pair in _by_us(Document.parse(data)) if pair[0] != "tag"],
        )
        assert with_tag_lines(tagged, wanted) == tagged


def _tags(field: Field) -> list[WheelTag]:
    return outcome(lambda: expanded(field.value.strip().lower())) or []


def _wheel_files() -> Iterator[bytes]:
    head = b"Wheel-Version: 1.0\nGenerator: sample (1.0)\nRoot-Is-Purelib: true\n"
    yield head + b"Tag: py3-none-any\n"
    yield head + b"Build: 2\nTag: py2.py3-none-any\nTag: cp39-none-any\n\nmore\n"
    yield head.replace(b"\n", b"\r\n") + b"tag: CP39-abi3-any\r\nBUILD:1\r\nBuild:\r\n 2\r\n"
    yield b"Tag: cp39.cp310-none-any"


def check_entry_points(data: bytes) -> None:
    """What may be changed is what both readers take alike; a change changes one entry point, and is made once."""
    text = as_text(data)
    try:
        points = EntryPoints(data)
    except EditError:
        return
    same(points.points, read_entry_points(text))
    same(points.points, read_by_line(text))
    new = EntryPoint("console_scripts", "new", "demo.cli:main")
    more = outcome(lambda: points.with_point(new))
    if more is not None:
        assert {*more.points} == {*(each for each in points.points if each[:2] != new[:2]), new}
        assert more.with_point(new).data == more.data
        assert more.data is not None
        assert read_entry_points(as_text(more.data)) == read_by_line(as_text(more.data))
    for gone in points.points[:_FEW]:
        less = outcome(lambda gone=gone: points.without(lambda other: other == gone))  # type: ignore[misc]
        if less is None:  # without that line readers would not see the same in what is left
            continue
        same(less.points, [each for each in points.points if each != gone])
        same(EntryPoints(less.data).points, less.points)
        assert {*as_text(less.data or b"").splitlines()} <= {*text.splitlines(), ""}
    assert points.without(lambda _: False).data == data


def _entry_points() -> Iterator[bytes]:
    for spec in VALID:
        yield spec.dist_info_files["entry_points.txt"]
    yield b"[console_scripts]\r\none = m:f\r\n  two=m.n:f [x, y]\r\n# comment\r\n; other\r\n\r\n[a.b]\r\nthree = m\r\n"
    yield b"[DEFAULT]\na = b\n[x]\na = c\n\td = e\n[x y]\n[[z]]\nb =\n  late:one\n"
    yield b"\xef\xbb\xbf[gui_scripts]\na:b = c:d\na = b = c\n"


_HEADERS: Final = ("Metadata-Version: 2.1\n", "Requires-Dist: ", "\r\n", "\n ", "\n\t", "\r", "From ", "\n\n", "\0", ": ")
TARGETS: Final = {
    "metadata": Target(check_metadata, _metadata, words=_HEADERS, calls=Bound(20_000, 400), memory=Bound(1 << 22, 1 << 12)),
    "record": Target(
        check_record, _records, words=(",", '"', '""', "sha256=", "\r\n", "\r", "\n", "/", "./", f"{_INFO}/METADATA", "=")
    ),
    "wheel-file": Target(
        check_wheel_file, _wheel_files, words=("Tag: ", "Build: ", "py3-none-any", "-", ".", "\n", "\r\n", "\n ")
    ),
    "entry-points": Target(
        check_entry_points, _entry_points, words=("[", "]\n", " = ", ":", "\n ", "#", ";", "\r\n", "[console_scripts]\n")
    ),
}
