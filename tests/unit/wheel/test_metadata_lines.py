"""METADATA: where fields begin and end, which readers disagree about what, and line ends that are fixed."""

import pytest

from wheelfix.errors import EditError, MetadataError
from wheelfix.wheel.metadata import Document, fixed_specifier, is_fixed_by_uv, with_plain_line_ends

HEAD = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"


@pytest.mark.parametrize(
    ("data", "fields", "body"),
    [
        (b" x\nName: a\n", [("Name", "a")], b""),  # a line that continues nothing
        (b"\tx\nName: a\n", [("Name", "a")], b""),
        (b":x\n y\nName: a\n", [("Name", "a")], b""),  # a field without a name, which is none
        (b"Name: a\n:x\n y\nVersion: 1\n", [("Name", "a"), ("Version", "1")], b""),
        (b"From x\n y\nName: a\n", [("Name", "a")], b""),
        (b"Name: a\n b\n\tc\nVersion: 1\n", [("Name", "a\n b\n\tc"), ("Version", "1")], b""),
        (b"Name: a\nb\nVersion: 1\n", [("Name", "a")], b"b\nVersion: 1"),
        (b"Name:  a \t\r\n b\r\n", [("Name", "a \t\r\n b")], b""),
        (b"Name: a: b\n", [("Name", "a: b")], b""),
        (b"Na me: x\n", [], b"Na me: x"),
        (b"!#~9: x\n", [("!#~9", "x")], b""),
        (b"Name: a\r\r\nb: c\n", [("Name", "a")], b"b: c"),
        (b"Name: a\n\n \n b \n\n", [("Name", "a")], b"b"),
        (b"Name:\n", [("Name", "")], b""),
    ],
)
def test_fields_are_those_of_email_parser(data: bytes, fields: list[tuple[str, str]], body: bytes) -> None:
    document = Document.parse_leniently(data)
    assert [(each.name, each.value) for each in document.fields] == fields
    assert document.body == body
    assert [data[each.start : each.stop].partition(b":")[0].decode() for each in document.fields] == [
        name for name, _ in fields
    ]


def test_fields_are_found_by_their_name_in_any_case() -> None:
    document = Document.parse(b"Name: a\nCLASSIFIER:  b \nclassifier: c\n")
    assert [each.value for each in document.all("Classifier")] == ["b ", "c"]
    assert document.first("cLASSIFIER") == "b"
    assert (document.all("x"), document.first("x")) == ((), None)
    assert [each.is_called("Classifier") for each in document.fields] == [False, True, True]


_HINT = "Fix the line ends, or the line that is not a field, where the wheel is built."
_CAN_REPAIR = "Run `wheelfix repair`: it fixes the line ends."


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (HEAD + b"Summary: a\rRequires-Dist: b\n\n", "around line 5: readers disagree about summary: a Requires-Dist: b"),
        (HEAD + b"Summary: a\r\rRequires-Dist: b\n\n", "around line 4: readers disagree about summary: a Requires-Dist: b"),
        (HEAD + b"x\nRequires-Dist: a\n\n", "around line 4: readers disagree about requires-dist: a"),
        (HEAD + b"Requires-Dist : a\n\n", "around line 4: readers disagree about requires-dist: a"),
        (HEAD + b"Requires-Dist\t: a\n\n", "around line 4: readers disagree about requires-dist: a"),
        (b"\xef\xbb\xbf" + HEAD, "around line 1: readers disagree about metadata-version: 2.1"),
        (b"\n" + HEAD, "around line 1: readers disagree about metadata-version: 2.1"),
        (b"\r\n" + HEAD, "around line 1: readers disagree about metadata-version: 2.1"),
        (HEAD + b"Summary: a\rName: \xff\n", "around line 5: readers disagree about summary: a Name: \ufffd"),
        (HEAD + b"Summary: a\rName: " + b"x" * 99, f"around line 4: readers disagree about summary: a Name: {'x' * 52}"),
        (HEAD + b"Summary: a\rName: b\n\nc", "around line 5: readers disagree about summary: a Name: b"),
        (HEAD + b"Own: a\rLicense: b\n", "around line 5: readers disagree about license: b"),
        (HEAD + b"Summary\0: a\n\n", None),
        (b" x\n" + HEAD, None),
        (HEAD + b"License", None),
        (HEAD + b"Summary: a\0\n \nLicense: b\n\n", None),
        (HEAD + b"NameX: b\nSummary: a\0b\n\n", None),
        (HEAD + b"Home-page: https://x.y\nSummary: a\0b\n\n", None),
        (HEAD + b"Summary: a\0b\n  c\n\n", None),
        (HEAD + b"Summary: a\r b\n\n", None),
        (HEAD + b"Own: a\rother\n\n", None),
        (b":x\n" + HEAD, None),
    ],
)
def test_what_readers_disagree_about(data: bytes, message: str | None) -> None:
    if message is None:
        assert Document.parse(data).data == data
        return
    with pytest.raises(MetadataError) as refusal:
        Document.parse(data)
    error = refusal.value
    assert (error.code, error.message) == ("ambiguous-metadata", f"METADATA, {message}")
    assert error.hint == (_HINT if with_plain_line_ends(data) is None else _CAN_REPAIR)


def test_repair_is_not_named_where_it_does_not_help() -> None:
    with pytest.raises(MetadataError) as refusal:
        Document.parse(b"Wheel-Version: 1.0\rTag: py3-none-any\n", "WHEEL")
    assert refusal.value.hint == _HINT


@pytest.mark.parametrize(("data", "line"), [(HEAD + b"From x\n", 4), (HEAD + b"Summary: a\n b\nFrom x\n" + HEAD, 6)])
def test_an_envelope_inside_the_header_is_refused(data: bytes, line: int) -> None:
    for parse in (Document.parse, Document.parse_leniently):
        with pytest.raises(MetadataError) as refusal:
            parse(data)
        assert refusal.value.code == "ambiguous-metadata"
        assert refusal.value.message == f"METADATA, line {line}: it begins with 'From ' inside the header"
        assert refusal.value.hint == "Readers disagree about such a line; fix it where the wheel is built."


def _refuse(data: bytes) -> None:
    with pytest.raises(MetadataError) as refusal:
        Document.parse_leniently(data)
    message = "METADATA has a header that is longer than any real one"
    assert (refusal.value.code, refusal.value.message) == ("too-many-fields", message)


def test_ten_thousand_fields_and_a_hundred_thousand_lines_are_read() -> None:
    assert len(Document.parse_leniently(b"a: b\n" * 10_001).fields) == 10_001
    assert len(Document.parse_leniently(b"a: b\n" * 10_000 + b"\n" + b"body\n" * 200_000).fields) == 10_000
    assert len(Document.parse_leniently(b"a: b\n" + b" c\n" * 100_000).fields) == 1
    _refuse(b"a: b\n" * 10_002)
    _refuse(b"a: b\n" + b" c\n" * 100_001)


def test_a_generous_reader_has_the_same_bound() -> None:
    """It reads on where ``email.parser`` stops."""
    assert Document.parse(HEAD + b"x\n" + b"y\n" * 99_000).fields
    with pytest.raises(MetadataError, match="longer than any real one"):
        Document.parse(HEAD + b"x\n" + b"y\n" * 100_001)


@pytest.mark.parametrize(
    ("data", "fixed"),
    [
        (b"Name: a\rVersion: 1\n\nb\rc", b"Name: a\nVersion: 1\n\nb\rc"),
        (b"Name: a\r\r\nVersion: 1\r\n\r\nb\r\r\n", b"Name: a\nVersion: 1\r\n\r\nb\r\r\n"),
        (b"Name: a\r\r\r\nVersion: 1\n", b"Name: a\nVersion: 1\n"),
        (b"Name: a\r\n\rVersion: 1\n", b"Name: a\r\n\nVersion: 1\n"),
        (b"Name: a\rVersion: 1", b"Name: a\nVersion: 1"),
        (b"Name: a\nVersion: 1\nSummary: b\rLicense: c\n", b"Name: a\nVersion: 1\nSummary: b\nLicense: c\n"),
        (b"Name: a\rVersion: 1\r", b"Name: a\nVersion: 1\n"),
        (b"Name: x\r y\nVersion: 1\n", b"Name: x\n y\nVersion: 1\n"),
        (b"Name: x\rName: y\n", b"Name: x\nName: y\n"),
        (b"Summary: a \xff\rLicense: b\n", b"Summary: a \xff\nLicense: b\n"),
        (b"Name: a\nVersion: 1\n", None),  # there is nothing to fix
        (b"Name: a\r\nVersion: 1\r\n", None),
        (b"Name: a\n\nbody\r", None),
        (b"", None),
        (b"Name: x\ry\nVersion: 1\n", None),  # what follows the CR would end the header
        (b"Name: a\nFrom b\rVersion: 1\n", None),
        (b"Name : a\rVersion: 1\n", None),
        (b"Name: a\r\r\n b\r\nVersion: 1\n", None),  # for one reader the name is another one then
    ],
)
def test_line_ends_that_hide_fields(data: bytes, fixed: bytes | None) -> None:
    assert with_plain_line_ends(data) == fixed
    assert fixed is None or with_plain_line_ends(fixed) is None


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("a\tb", True),
        ("a\u00e9", True),
        ("a\udcffb", True),
        ("", True),
        ("\t", False),
        ("a\x1fb", False),
        ("a\u2028b", False),
    ],
)
def test_values_that_fit_on_a_line(value: str, fits: bool) -> None:
    document = Document.parse(HEAD)
    if fits:
        written = f"Summary: {value}\n".encode("utf-8", "surrogateescape")
        assert document.adding("Summary", value).data == HEAD + written
        return
    with pytest.raises(EditError) as refusal:
        document.adding("Summary", value)
    message = "the value for Summary has a line break, a control character or blanks around it"
    assert (refusal.value.code, refusal.value.message, refusal.value.hint) == (
        "invalid-field-value",
        message,
        "Give one line of text.",
    )


def test_several_values_stand_one_after_the_other() -> None:
    document = Document.parse(HEAD + b"Classifier:  b \r\nAuthor: x\n")
    [field] = document.all("Classifier")
    edited = document.edited({field: ["b", "c", "d"]})  # the first one is as it was: it keeps its bytes
    assert edited.data == HEAD + b"Classifier:  b \r\nClassifier: c\r\nClassifier: d\r\nAuthor: x\n"
    assert document.edited({field: ["b"]}).data == HEAD + b"Classifier: b\r\nAuthor: x\n"
    assert document.edited({field: ["e", "c"]}).data == HEAD + b"Classifier: e\r\nClassifier: c\r\nAuthor: x\n"
    assert document.edited({field: ["e", "b"]}).data == HEAD + b"Classifier: e\r\nClassifier: b\r\nAuthor: x\n"
    assert document.edited({field: []}).data == HEAD + b"Author: x\n"
    assert document.edited({field: None}).data == HEAD + b"Author: x\n"
    last = Document.parse(HEAD + b"Classifier: b")
    assert last.edited({last.all("Classifier")[0]: ["b", "c"]}).data == HEAD + b"Classifier: b\nClassifier: c"


def test_a_document_is_never_changed_in_its_place() -> None:
    """It is remembered, and given to whoever parses the same bytes."""
    document = Document.parse(HEAD)
    for thing, name in ((document, "data"), (document.fields[0], "value")):
        with pytest.raises(AttributeError):
            setattr(thing, name, "x")


def test_fields_are_changed_in_the_order_of_the_file() -> None:
    document = Document.parse(HEAD + b"\nbody")
    name, version = document.fields[1:]
    assert document.edited({version: "2", name: "x"}).data == b"Metadata-Version: 2.1\nName: x\nVersion: 2\n\nbody"


@pytest.mark.parametrize(
    ("data", "added"),
    [
        (b"A: a\rB: 1\r", b"A: a\rB: 1\rOwn: b\rOwn: c\r"),
        (b"Own: a", b"Own: a\nOwn: b\nOwn: c"),
        (b"Own: a\nName: a\r\n", b"Own: a\nOwn: b\nOwn: c\nName: a\r\n"),
        (b"Name: a\nbody\r\n", b"Name: a\nOwn: b\nOwn: c\nbody\r\n"),
        (b"", b"Own: b\nOwn: c\n"),
    ],
)
def test_several_fields_are_added(data: bytes, added: bytes) -> None:
    assert Document.parse_leniently(data).adding("Own", "b", "c").data == added


def test_an_edit_that_would_make_a_field_of_the_description_is_refused() -> None:
    document = Document.parse(b"Own: 1\rOther: 2\n\nLicense: of the description\n")
    with pytest.raises(MetadataError) as refusal:
        document.without(document.all("Other"))
    message = "METADATA: a line ends with CR alone; after this change, readers would see other fields or another text"
    assert (refusal.value.code, refusal.value.message) == ("ambiguous-metadata", message)


@pytest.mark.parametrize(
    ("data", "values"),
    [
        (b"Own: a\rOther: b\n\n:Author: me\n text\n", {"other": None}),
        (b"Own: a\rOther: b\n\n\rbody\n", {"other": None}),
        (b"\tcont\nOwn: a\rOther: b\n\n cont\r\n", {"own": "new", "other": None}),
    ],
)
def test_an_edit_that_would_change_the_description_or_a_new_value_is_refused(
    data: bytes, values: dict[str, str | None]
) -> None:
    document = Document.parse(data)
    with pytest.raises(MetadataError) as refusal:
        document.edited({document.all(name)[0]: value for name, value in values.items()})
    assert refusal.value.code == "ambiguous-metadata"


def test_a_name_that_is_none_is_shown() -> None:
    with pytest.raises(EditError) as refusal:
        Document.parse(HEAD).adding("a b", "c")
    assert (refusal.value.message, refusal.value.hint) == ("'a b' is not a field name", "Use a name such as Classifier.")


@pytest.mark.parametrize(
    ("text", "by_uv"),
    [
        (">=1.9<2", True),
        (">=1.9.*", True),
        ("!=~5.0", True),
        (">=1,", True),
        (",>=1", False),
        (">=1, ,<2", False),
        ("==1.*<2", False),
        (">=3.7.", False),
        (">=3.7.,<4", False),
        (">=*", False),
        (">= *", False),
    ],
)
def test_what_uv_fixes_of_a_specifier(text: str, by_uv: bool) -> None:
    assert is_fixed_by_uv(text) is by_uv


def test_a_specifier_of_two_thousand_characters_is_fixed_and_no_longer_one() -> None:
    assert fixed_specifier(">=1," * 499 + ">=1" + " ") == ">=1," * 499 + ">=1"
    assert fixed_specifier(">=1," * 500) == (">=1," * 500)[:-1]
    assert fixed_specifier(">=1," * 500 + " ") is None
    assert fixed_specifier("===1") is None
