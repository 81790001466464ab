"""RECORD of any shape: one row changes, and the csv module sees the same table otherwise."""

import csv
import io

from hypothesis import given, strategies as st

from strategies import record_paths
from wheelfix.errors import RecordError
from wheelfix.wheel.record import Record

OWN = "demo-1.0.dist-info/METADATA"


def table(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8", "surrogateescape"), newline="")))


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """Draw RECORD as the csv module or a sloppier writer writes it."""
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    rows = [[path, "sha256=x", "1"] for path in draw(st.lists(record_paths, max_size=5))]
    rows.insert(draw(st.integers(0, len(rows))), [OWN, "sha256=y", "2"])
    text = io.StringIO(newline="")
    quoted = draw(st.booleans())
    csv.writer(text, lineterminator=ending, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL).writerows(rows)
    data = text.getvalue().encode("utf-8")
    return data.removesuffix(ending.encode()) if draw(st.booleans()) else data


@given(records(), st.binary(max_size=9))
def test_one_row_changes(data: bytes, content: bytes) -> None:
    """Pitfall 16 and Pitfall 19: quoting, order and line ends stay."""
    record = Record.parse(data)
    assert record.data == data
    changed = record.with_content(OWN, content)
    assert changed.agrees(OWN, content)
    pairs = list(zip(table(data), table(changed.data), strict=True))
    assert all(old == new for old, new in pairs if old[0] != OWN)
    assert [new[2] for old, new in pairs if old[0] == OWN] == [str(len(content))]
    untouched = [raw for raw in record.rows if OWN.encode() not in raw]
    assert [raw for raw in changed.rows if OWN.encode() not in raw] == untouched
    assert changed.with_content(OWN, content).data == changed.data


@given(records(), record_paths)
def test_adding_and_removing_a_row_gives_the_original(data: bytes, path: str) -> None:
    record = Record.parse(data)
    if record.find(path):
        return
    longer = record.with_content(path, b"new", like=OWN, before="d/RECORD")
    assert len(longer.find(path)) == 1
    assert [row for row in table(longer.data) if row[0] != path] == table(data)
    shorter = longer.without(path).data
    assert shorter == data or shorter in (data + b"\n", data + b"\r\n")


@given(records(), record_paths)
def test_rows_are_found_the_same_whether_or_not_all_are_counted(data: bytes, path: str) -> None:
    """A row in a file without quotes is found by the line ends around it."""
    fast, slow = Record.parse(data), Record.parse(data)
    vars(slow)["_has_plain_lines"] = False
    assert list(fast.rows) == list(slow.rows)
    for name in (path, OWN, "d/RECORD", "d/"):
        assert fast.find(name) == slow.find(name)
        assert fast.without(name) == slow.without(name)
        assert fast.with_content(name, b"x", like=OWN, before="d/RECORD") == slow.with_content(
            name, b"x", like=OWN, before="d/RECORD"
        )
    assert fast.below("d") == slow.below("d")


@given(st.binary(max_size=40), st.sampled_from([b"", b"m,,\n", b'"m",,\r\n', b"m\n"]))
def test_any_bytes_give_a_record_or_a_fault(junk: bytes, row: bytes) -> None:
    """Pitfall 21: a strange RECORD is kept or refused, and crashes nothing."""
    try:
        record = Record.parse(junk + row)
        assert record.data == junk + row
        changed = record.with_content("m", b"new")
    except RecordError:
        return
    assert changed.agrees("m", b"new")
