"""METADATA of any shape: two readers see the same, and an edit touches nothing else."""

from email.parser import BytesHeaderParser

from hypothesis import example, given, strategies as st

from strategies import hostile_metadata, metadata
from wheelfix.errors import MetadataError
from wheelfix.wheel.metadata import Document

Seen = list[tuple[str, list[bytes]]]


def by_email(data: bytes) -> Seen:
    """Return names and values, blanks squeezed, as ``email.parser`` sees them."""
    message = BytesHeaderParser().parsebytes(data)
    return [(name.lower(), str(value).encode("ascii", "surrogateescape").split()) for name, value in message.raw_items()]


def by_us(document: Document) -> Seen:
    return [(each.name.lower(), each.value.encode("utf-8", "surrogateescape").split()) for each in document.fields]


def parse_if_accepted(data: bytes) -> Document | None:
    try:
        return Document.parse(data)
    except MetadataError:
        return None


@given(metadata())
def test_what_tools_write_is_accepted_and_read_alike(data: bytes) -> None:
    """Pitfall 14: the header block ends where ``email.parser`` says it ends."""
    document = Document.parse(data)
    assert document.data == data
    assert by_us(document) == by_email(data)


@given(hostile_metadata)
@example(b"From x\nName: a\nFrom y\n")
@example(b"Name: a\nFrom y\n b\nX: c\n")
@example(b"A: 1\r\r\nB: 2\n")
@example(b":\n a\nB: 1\n")
def test_hostile_metadata_is_read_alike_or_refused(data: bytes) -> None:
    """Pitfall 14: bare CR, NUL, ``From ``, lines without a colon, a byte order mark."""
    if document := parse_if_accepted(data):
        assert by_us(document) == by_email(data)
        assert 0 <= document.header_stop <= len(data)


@given(st.one_of(metadata(), hostile_metadata), st.data())
def test_removing_any_fields_leaves_all_other_bytes(data: bytes, draw: st.DataObject) -> None:
    """Pitfall 1 to Pitfall 5: folding, encodings, line ends and the description stay."""
    document = parse_if_accepted(data)
    if document is None or len(document.fields) < 2:
        return
    gone = draw.draw(st.lists(st.sampled_from(document.fields[1:]), unique=True))
    expected, position = b"", 0
    for each in sorted(gone, key=lambda field: field.start):
        expected += data[position : each.start]
        position = each.stop
    after = document.without(gone)
    assert after.data == expected + data[position:]
    kept = [each for each in document.fields if each not in gone]
    assert [(each.name, each.value) for each in after.fields] == [(each.name, each.value) for each in kept]


@given(
    metadata(), st.sampled_from(["Classifier", "Requires-Dist", "License-File"]), st.sampled_from(["x", "J\u00e9; y == 'z'"])
)
def test_adding_and_removing_gives_the_original(data: bytes, name: str, value: str) -> None:
    """Pitfall 4: also the line ends, and a missing final one."""
    document = Document.parse(data)
    longer = document.adding(name, value)
    assert by_us(longer) == by_email(longer.data)
    new = [each for each in longer.all(name) if each.value == value]
    shorter = longer.without(new[-1:])
    if data[: document.header_stop].endswith(b"\n"):
        assert shorter.data == data
    else:
        assert shorter.data.removesuffix(b"\n").removesuffix(b"\r") == data
        assert not longer.data.endswith(b"\n")


@given(metadata(), st.data())
def test_replacing_changes_one_value(data: bytes, draw: st.DataObject) -> None:
    document = Document.parse(data)
    old = draw.draw(st.sampled_from(document.fields))
    after = document.edited({old: "new value"})
    assert after.data[: old.start] == data[: old.start]
    assert after.data.endswith(data[old.stop :])
    index = document.fields.index(old)
    assert after.fields[index].value == "new value"
    assert len(after.fields) == len(document.fields)
