"""METADATA as lines: what is read, what is refused, and which bytes an edit leaves alone."""

from email.parser import BytesHeaderParser

import pytest

from wheelfix.errors import EditError, MetadataError
from wheelfix.wheel.metadata import Document

HEAD = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"


def values(document: Document, name: str = "Requires-Dist") -> list[str]:
    return [field.value for field in document.all(name)]


def drop(data: bytes, *needles: str) -> bytes:
    """Return ``data`` without the requirements that begin with one of ``needles``."""
    document = Document.parse(data)
    return document.without(field for field in document.all("Requires-Dist") if field.value.startswith(needles)).data


READ = [
    pytest.param(HEAD + b"Requires-Dist: a\n\nBody\n", ["a"], id="plain"),
    pytest.param(HEAD + b"requires-dist: a\nREQUIRES-DIST: b\n\n", ["a", "b"], id="pitfall-6-any-case"),
    pytest.param(HEAD + b"Requires-Dist: a\n\nRequires-Dist: triton\n", ["a"], id="pitfall-5-in-the-description"),
    pytest.param(HEAD + b"License: one\n two\n\t\n three\nRequires-Dist: a\n", ["a"], id="pitfall-1-folded-license"),
    pytest.param(HEAD + b"Requires-Dist: a;\n  os_name == 'nt'\n", ["a;\n  os_name == 'nt'"], id="folded-requirement"),
    pytest.param(HEAD.replace(b"\n", b"\r\n") + b"Requires-Dist: a\r\n\r\nRequires-Dist: b\r\n", ["a"], id="crlf"),
    pytest.param(HEAD + b"Requires-Dist: a", ["a"], id="no-final-line-end"),
    pytest.param(HEAD + b"Requires-Dist:a\nRequires-Dist:\t b \n", ["a", "b "], id="blanks-around-the-value"),
    pytest.param(HEAD + b"Requires-Dist: a\n \nRequires-Dist: b\n", ["a\n ", "b"], id="a-blank-line-continues"),
    pytest.param(HEAD + b"Author: J\xe9r\xf4me\nRequires-Dist: a\n", ["a"], id="latin-1-above"),
    pytest.param(b"", [], id="empty"),
]


@pytest.mark.parametrize(("data", "expected"), READ)
def test_requirements_are_read_like_email_parser(data: bytes, expected: list[str]) -> None:
    """Pitfall 1: folding. Pitfall 5: the description is text. Pitfall 6: names in any case. Pitfall 14: one reading."""
    document = Document.parse(data)
    assert values(document) == expected
    assert document.data == data
    seen = BytesHeaderParser().parsebytes(data).get_all("requires-dist", [])
    assert [str(each).split() for each in seen] == [each.split() for each in expected]


AMBIGUOUS = [
    pytest.param(HEAD + b"Summary: a\rRequires-Dist: triton\n\n", id="bare-cr"),
    pytest.param(HEAD + b"Summary: a\r\rRequires-Dist: b\n\n", id="bare-cr-ends-the-header"),
    pytest.param(HEAD + b"Summary: x\nno colon here\nRequires-Dist: a\n\n", id="line-without-colon"),
    pytest.param(HEAD + b"Requires-Dist : a\n\n", id="blank-before-the-colon"),
    pytest.param(b"\xef\xbb\xbf" + HEAD + b"Requires-Dist: a\n\n", id="byte-order-mark"),
    pytest.param(b"\n" + HEAD + b"Requires-Dist: a\n\n", id="empty-first-line"),
    pytest.param(HEAD + b"Wir\xe9d: b\nRequires-Dist: a\n\n", id="name-that-is-not-ascii"),
]


@pytest.mark.parametrize("data", AMBIGUOUS)
def test_two_readings_are_refused(data: bytes) -> None:
    """Pitfall 14: where two readers would see two lists of requirements, neither is guessed."""
    with pytest.raises(MetadataError) as caught:
        Document.parse(data)
    assert caught.value.code == "ambiguous-metadata"
    assert "line" in caught.value.message
    assert caught.value.hint


HARMLESS = [
    pytest.param(b"From nobody\n" + HEAD, id="envelope-at-the-start"),
    pytest.param(HEAD + b"Summary: a\0b\n\n", id="nul-in-a-value"),
    pytest.param(HEAD + b"\nbody\rwith bare CR\n", id="bare-cr-in-the-body"),
    pytest.param(HEAD + b"\n\n\n  leading blanks\n\n\n", id="blank-lines-in-the-body"),
    pytest.param(HEAD + b"\nFrom here on\n>From there\n", id="from-in-the-body"),
    pytest.param(HEAD + b"just text and no other field\n", id="text-without-an-empty-line"),
]


@pytest.mark.parametrize("data", HARMLESS)
def test_oddities_without_a_second_reading_are_kept(data: bytes) -> None:
    """Pitfall 2: ``From `` stays as it is. Pitfall 4: so do blank lines and line ends."""
    document = Document.parse(data)
    assert document.data == data
    assert document.first("Version") == "1.0"


REMOVED = [
    pytest.param(b"A: 1\nRequires-Dist: x\nB: 2\n", b"A: 1\nB: 2\n", id="middle"),
    pytest.param(b"Requires-Dist: x\nB: 2\n", b"B: 2\n", id="first"),
    pytest.param(b"A: 1\nRequires-Dist: x\n\nbody", b"A: 1\n\nbody", id="last"),
    pytest.param(b"A: 1\nRequires-Dist: x", b"A: 1\n", id="last-without-line-end"),
    pytest.param(b"A: 1\nRequires-Dist: x;\n  os_name\n\t== 'nt'\nB: 2\n", b"A: 1\nB: 2\n", id="folded"),
    pytest.param(b"A: 1\r\nRequires-Dist: x\r\nB: 2\r\n\r\nb\r\n", b"A: 1\r\nB: 2\r\n\r\nb\r\n", id="crlf"),
    pytest.param(b"A: 1\nRequires-Dist: x\nRequires-Dist: x\n", b"A: 1\n", id="pitfall-7-twice"),
    pytest.param(b"A: \xe9\xff\nrequires-dist: x\nB: \xc3\xa9\n", b"A: \xe9\xff\nB: \xc3\xa9\n", id="any-encoding"),
    pytest.param(b"A: 1\nRequires-Dist: x\r\nB: 2\n", b"A: 1\nB: 2\n", id="mixed-line-ends"),
    pytest.param(b"A: 1\nRequires-Dist: x\n\nRequires-Dist: x\nFrom x\n", b"A: 1\n\nRequires-Dist: x\nFrom x\n", id="body"),
]


@pytest.mark.parametrize(("before", "after"), REMOVED)
def test_removing_takes_the_lines_and_nothing_else(before: bytes, after: bytes) -> None:
    """Pitfall 3: bytes that are no UTF-8 stay. Pitfall 4: nothing is folded again. Pitfall 7: exact duplicates."""
    assert drop(before, "x") == after


def test_removing_nothing_gives_the_same_bytes() -> None:
    data = HEAD + b"Requires-Dist: a\n\nbody"
    assert Document.parse(data).without([]).data == data


ADDED = [
    pytest.param(b"A: 1\n", b"A: 1\nClassifier: c\n", id="at-the-end"),
    pytest.param(b"Classifier: b\nA: 1\n", b"Classifier: b\nClassifier: c\nA: 1\n", id="behind-its-like"),
    pytest.param(b"classifier: b\nA: 1\n", b"classifier: b\nclassifier: c\nA: 1\n", id="spelt-like-its-like"),
    pytest.param(b"A: 1\r\n\r\nbody\r\n", b"A: 1\r\nClassifier: c\r\n\r\nbody\r\n", id="crlf"),
    pytest.param(b"A: 1", b"A: 1\nClassifier: c", id="no-final-line-end"),
    pytest.param(b"A: 1\r\nB: 2", b"A: 1\r\nB: 2\r\nClassifier: c", id="crlf-no-final-line-end"),
    pytest.param(b"", b"Classifier: c\n", id="empty"),
    pytest.param(b"\nbody\n", b"Classifier: c\n\nbody\n", id="body-only"),
    pytest.param(b"Classifier: a\n b\nA: 1\n", b"Classifier: a\n b\nClassifier: c\nA: 1\n", id="behind-a-folded-one"),
]


@pytest.mark.parametrize(("before", "after"), ADDED)
def test_adding_follows_the_spelling_and_the_line_ends(before: bytes, after: bytes) -> None:
    """Pitfall 4: CRLF stays CRLF, and a missing final line end stays missing."""
    assert Document.parse(before).adding("Classifier", "c").data == after


REPLACED = [
    pytest.param(b"A: 1\nsummary:  old\nB: 2\n", b"A: 1\nsummary: new\nB: 2\n", id="keeps-the-spelling"),
    pytest.param(b"Summary: o\n l\n d\nB: 2\n", b"Summary: new\nB: 2\n", id="folded"),
    pytest.param(b"A: 1\r\nSummary: old\r\n", b"A: 1\r\nSummary: new\r\n", id="crlf"),
    pytest.param(b"A: 1\nSummary: old", b"A: 1\nSummary: new", id="no-final-line-end"),
]


@pytest.mark.parametrize(("before", "after"), REPLACED)
def test_replacing_changes_one_field(before: bytes, after: bytes) -> None:
    document = Document.parse(before)
    assert document.edited({document.all("Summary")[0]: "new"}).data == after


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b", " a", "a ", "a\r\nRequires-Dist: evil"])
def test_values_that_cannot_stand_on_a_line_are_refused(value: str) -> None:
    document = Document.parse(HEAD)
    with pytest.raises(EditError) as caught:
        document.adding("Summary", value)
    assert caught.value.code == "invalid-field-value"
    with pytest.raises(EditError):
        document.edited({document.fields[0]: value})


@pytest.mark.parametrize("name", ["", "a b", "a:b", "caf\xe9", "a\n", "a\tb"])
def test_names_that_are_no_field_names_are_refused(name: str) -> None:
    with pytest.raises(EditError) as caught:
        Document.parse(HEAD).adding(name, "value")
    assert caught.value.code == "invalid-field-name"


def test_unicode_is_written_as_utf8_and_bytes_go_round() -> None:
    """Pitfall 3: no encoded words, and Latin-1 survives being read and written."""
    document = Document.parse(HEAD + b"Author: J\xe9\n")
    author = document.all("Author")[0].value
    assert document.adding("Maintainer", "Zo\xeb").data.endswith("Maintainer: Zo\xeb\n".encode())
    assert document.edited({document.all("Author")[0]: author}).data == document.data


def test_unknown_fields_survive_in_order() -> None:
    """Pitfall 12: what wheelfix does not know is kept where it stands."""
    names = ["Dynamic", "Import-Name", "X-Own", "License-Expression", "Dynamic"]
    data = HEAD + b"".join(f"{name}: v\nRequires-Dist: x{index}\n".encode() for index, name in enumerate(names))
    document = Document.parse(drop(data, "x"))
    assert [field.name for field in document.fields][3:] == names


@pytest.mark.parametrize("size", [10, 1 << 20])
def test_what_is_parsed_again_is_remembered_unless_it_is_long(size: int) -> None:
    """The checks of one wheel parse the same bytes many times; what is kept in memory is bounded."""
    data = b"Metadata-Version: 2.1\nName: x\n\n" + b"x" * size
    for parse in (Document.parse, Document.parse_leniently):
        assert parse(data) == parse(bytes(bytearray(data)))
        assert (parse(data) is parse(bytes(bytearray(data)))) is (size == 10)


RUN_TOGETHER = b"Name: demo\nX-Own: 1\rY-Own: 2\n\nRequires-Dist: of the description\n"
"""Without its last field the CR before that and the empty line would be one line end, and the description a field."""


def test_what_would_make_a_value_of_the_description_is_refused() -> None:
    """There are as many fields as before, but the first lines of the description continue the first of them."""
    document = Document.parse(b"X-Own: 1\rY-Own: 2\n\n of the description\n")
    with pytest.raises(MetadataError) as refusal:
        document.without(document.all("Y-Own"))
    assert refusal.value.code == "ambiguous-metadata"
    with pytest.raises(MetadataError):
        document.edited({document.fields[1]: ()})
    assert document.edited({document.fields[1]: ("3", "4")}).data == b"X-Own: 1\rY-Own: 3\nY-Own: 4\n\n of the description\n"


def test_what_would_make_a_field_of_the_description_is_refused() -> None:
    document = Document.parse(RUN_TOGETHER)
    assert values(document) == []
    with pytest.raises(MetadataError) as refusal:
        document.without(document.all("Y-Own"))
    assert refusal.value.code == "ambiguous-metadata"
    assert document.without(document.all("X-Own")).data == RUN_TOGETHER.replace(b"X-Own: 1\r", b"")
