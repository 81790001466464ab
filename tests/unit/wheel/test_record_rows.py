"""RECORD: single rows and columns, where each row begins, and which row an error names."""

import hashlib

import pytest

from wheelfix.errors import RecordError
from wheelfix.wheel.record import (
    Record,
    RecordRow,
    Row,
    RowEdit,
    any_doubts,
    encoded,
    hash_column,
    likeness,
    plain_path,
    read_row,
    read_size,
    read_unquoted,
    split_rows,
    write_row,
)

CONTENT = b"content"
SUM = hashlib.sha256(CONTENT).digest()
RIGHT = hash_column("sha256", SUM)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("+4", 4),
        ("004", 4),
        (str((1 << 64) - 1), (1 << 64) - 1),
        (str(1 << 64), None),
        (str(1 << 65), None),
        ("0" * 29 + "4", 4),
        ("0" * 30 + "4", None),
        ("", None),
        ("-1", None),
        ("++4", None),
        ("4 ", None),
        ("1_0", None),
        ("٤", None),
    ],
)
def test_a_size_is_what_every_installer_reads_as_one(text: str, size: int | None) -> None:
    assert read_size(text) == size


@pytest.mark.parametrize(
    ("raw", "line_end"),
    [(b"a,,", b""), (b"a,,\n", b"\n"), (b"a,,\r\n", b"\r\n"), (b"a,,\r", b"\r"), (b"a,,\r\r\n", b"\r\r\n")],
)
def test_a_row_that_is_written_again_keeps_its_line_end(raw: bytes, line_end: bytes) -> None:
    row = read_row(raw, 1)
    assert row.line_end == line_end
    assert row.rewritten("b", "x", "1") == b"b,x,1" + line_end


@pytest.mark.parametrize(
    ("raw", "again"),
    [
        (b"a,x,1\n", b"b,y,2\n"),
        (b'"a",x,1\n', b'"b",y,2\n'),
        (b'"a","x","1"\n', b'"b","y","2"\n'),
        (b'a,x,"1"\n', b"b,y,2\n"),  # the path was not quoted: nothing is
    ],
)
def test_a_row_that_is_written_again_keeps_its_quotes(raw: bytes, again: bytes) -> None:
    assert read_row(raw, 1).rewritten("b", "y", "2") == again


@pytest.mark.parametrize("path", ["a,b", 'a"b', "a\rb", "a\nb"])
def test_what_needs_quotes_gets_them(path: str) -> None:
    raw = write_row(path, "x", "1", b"\n", quoted=False)
    assert raw == b'"%s",x,1\n' % encoded(path)
    assert read_row(raw, 1) == Row(raw, path, "x", "1")


def test_quotes_are_for_the_path_or_for_all() -> None:
    assert write_row("a", "x", "1", b"\n", quoted=True) == b'"a","x","1"\n'
    assert write_row("a", "x", "1", b"\n", quoted=True, all_quoted=False) == b'"a",x,1\n'
    assert write_row("a", "x", "1", b"", quoted=False) == b"a,x,1"


@pytest.mark.parametrize(("digest", "algorithm"), [("sha256=a=b", "sha256"), ("SHA1=x", "SHA1"), ("md5", "md5"), ("", "")])
def test_the_algorithm_of_a_hash(digest: str, algorithm: str) -> None:
    assert Row(b"", "a", digest, "").algorithm == algorithm


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        (RowEdit(), RowEdit(), RowEdit()),
        (RowEdit("a", "x", "1"), RowEdit(), RowEdit("a", "x", "1")),
        (RowEdit("a", "x", "1"), RowEdit("b", "y", "2"), RowEdit("b", "y", "2")),
        (RowEdit("a", "x", "1"), RowEdit("", "", ""), RowEdit("", "", "")),
        (RowEdit(remove=True), RowEdit(), RowEdit(remove=True)),
        (RowEdit(), RowEdit(remove=True), RowEdit(remove=True)),
    ],
)
def test_two_changes_of_a_row_are_one(first: RowEdit, second: RowEdit, both: RowEdit) -> None:
    assert first.merged(second) == both


def test_columns_that_are_not_changed_are_kept() -> None:
    assert RowEdit(path="b").applied(b"a,x,1\n", 1) == b"b,x,1\n"
    assert RowEdit(digest="").applied(b"a,x,1\n", 1) == b"a,,1\n"
    assert RowEdit(size="2").applied(b'"a",x,1\n', 1) == b'"a",x,2\n'
    assert RowEdit(size="2").applied(b"a,b,x,1\n", 1) == b'"a,b",x,2\n'  # a path that lacked quotes


@pytest.mark.parametrize(
    ("raw", "path"),
    [(b"a,b,x,1\r\n", "a,b"), (b"a,b,c,x,1", "a,b,c"), (b"a,x,1\n", None), (b'"a",b,x,1\n', None), (b"a,,b,,\n", "a,,b")],
)
def test_a_path_that_lacks_quotes_for_its_commas(raw: bytes, path: str | None) -> None:
    row = read_unquoted(raw)
    assert (row.path if row else None) == path
    assert row is None or row.raw == raw


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (RIGHT, "right"),
        (RIGHT.replace("sha256", "SHA256"), "its algorithm is not in lower case"),
        (f"sha256={SUM.hex()}", "in hexadecimal"),
        (f"sha256={SUM.hex().upper()}", "in hexadecimal"),
        (f"{RIGHT}=", "not in plain urlsafe base64"),
        (f"{RIGHT}==", "not in plain urlsafe base64"),
        ("sha256=x", "wrong"),
        ("sha256=", "wrong"),
        ("", "wrong"),
    ],
)
def test_how_a_hash_is_spelled(column: str, expected: str) -> None:
    assert likeness(column, SUM) == expected


def test_a_hash_in_plain_base64() -> None:
    digest = b"\xfb\xff\xfe" * 10 + b"\xfb\xff"
    assert hash_column("sha256", digest) == "sha256=" + "-__-" * 10 + "-_8"
    assert likeness("sha256=" + "+//+" * 10 + "+/8=", digest) == "not in plain urlsafe base64"
    assert likeness("sha256=" + "+__-" * 10 + "-_8", digest) == "not in plain urlsafe base64"
    other = bytes(47) + bytes([0b010111])
    assert hash_column("sha384", other).endswith("AX")
    assert likeness(hash_column("sha384", other) + "=", other) == "not in plain urlsafe base64"


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("./a", "a"),
        ("a//b", "a/b"),
        ("a\\b", "a/b"),
        ("\ufeffa", "a"),
        ("a/../b", "b"),
        ("/a", "/a"),
        ("a\ufeff", "a\ufeff"),
    ],
)
def test_paths_as_installers_understand_them(path: str, plain: str) -> None:
    assert plain_path(path) == plain


@pytest.mark.parametrize("raw", [b'"a"b,x,1\n', b'a"b,x,1\n', b'"a""b",x,1\n'])
def test_quotes_are_read_as_installers_read_them(raw: bytes) -> None:
    assert read_row(raw, 1).path == {b'"a"b': "ab", b'a"b': 'a"b', b'"a""b"': 'a"b'}[raw.partition(b",")[0]]


MIXED = b'a,,\n\n"b\nc",,\r\nd,,\re,,'


def test_rows_are_those_between_line_ends_that_are_not_quoted() -> None:
    rows = [b"a,,\n", b"\n", b'"b\nc",,\r\n', b"d,,\r", b"e,,"]
    assert list(split_rows(MIXED)) == rows
    found = Record.parse(MIXED).rows
    assert (len(found), list(found), found[1:3], found[-1], found[4]) == (5, rows, rows[1:3], rows[-1], rows[-1])
    with pytest.raises(IndexError):
        found[5]


@pytest.mark.parametrize(
    "data", [b"a,,\nb,,\n", b"a,,\r\nb,,\n", b"a,,\rb,,\n", b"a,,\r\nb,,\rc,,\n", b"a,,\n\rb,,\n", b"a,,"]
)
def test_rows_are_the_lines_that_others_read(data: bytes) -> None:
    record = Record.parse(data)
    assert list(record.rows) == data.splitlines(keepends=True)
    starts = [start for start, _ in record.rows_with(b",,")]
    assert starts == [data.index(raw) for raw in record.rows if raw.strip()]


@pytest.mark.parametrize("size", [131_070, 131_071, 131_072])
def test_an_open_quote_that_is_nearly_too_long(size: int) -> None:
    """What is read to see whether it goes on can make it too long: then it is open, too."""
    with pytest.raises(RecordError) as refusal:
        Record.parse(b'a,,\n"' + b"x" * size)
    assert refusal.value.code == "unclosed-quote"


def test_an_error_in_quotes_names_its_line() -> None:
    with pytest.raises(RecordError, match=r"RECORD, near line 2: ") as refusal:
        list(split_rows(b'"a",,\n"b" ,"' + b"x" * 140_000 + b'",\n'))
    assert refusal.value.code == "bad-row"


def test_an_error_names_the_row_that_it_is_about() -> None:
    data = b"a,,\nb,,\nm\n"
    record = Record.parse(data)
    for call in (
        lambda: record.find("m"),
        lambda: record.with_content("m", b""),
        lambda: record.amended({2: RowEdit(size="1")}, [], like="a", before="b"),
        lambda: record.renamed({"m": "n"}),
        lambda: record.below("m"),
    ):
        with pytest.raises(RecordError, match=r"^RECORD, row 3: 1 columns instead of three: m\. A path"):
            call()
    found = [(index, row.message) for index, row in record.read_rows() if isinstance(row, RecordError)]
    assert found == [(2, "RECORD, row 3: 1 columns instead of three: m")]
    with pytest.raises(RecordError, match=r"^RECORD, row 4: .*field limit"):
        read_row(b"x" * 140_000 + b",,\n", 4)


def test_a_long_row_is_shown_in_part() -> None:
    with pytest.raises(RecordError, match=rf"three: {'x' * 80}\. A"):
        read_row(b"x" * 100, 1)


def test_rows_of_a_directory_by_the_files_that_they_are_for() -> None:
    data = b"d/a,,\n/d/b,,\n./d/a,x,1\nd,,\nd/,,\nde/a,,\nx/d/a,,\nd\\c,,\n"
    found = Record.parse(data).below("d")
    assert {path: [row.path for row in rows] for path, rows in found.items()} == {
        "d/a": ["d/a", "./d/a"],
        "d/b": ["/d/b"],
        "d/c": ["d\\c"],
    }


def test_rows_with_a_text_that_also_stands_across_two() -> None:
    record = Record.parse(b'a\nb,,\n"a\nb",,\nc,,\n"a\nb",x,\n')
    assert [raw for _, raw in record.rows_with(b"a\nb")] == [b'"a\nb",,\n', b'"a\nb",x,\n']


def test_rows_are_taken_out_however_the_path_is_spelled() -> None:
    record = Record.parse(b"a,,\n/m,,\nm,,\n./m,,\nx/m,,\n")
    assert record.without("m").data == b"a,,\nx/m,,\n"
    odd = Record.parse(b"a\\b,,\n\n1,2,3,4\n/c,,\nd,,\n")
    assert odd.without_any({"a/b", "c", "1"}).data == b"\n1,2,3,4\nd,,\n"
    assert odd.without_any(()) is odd
    assert odd.without_any({"x"}) is odd


def test_a_directory_gets_a_new_name_where_it_is_the_first_one() -> None:
    data = b'd/d/a,,\r\n/d/b,,\r\n"d/c",,\r\nd,,\r\nde/a,,\r\nx/d/a,,\r\nd\\f,,\r\n'
    new = b'e/d/a,,\r\n/e/b,,\r\n"e/c",,\r\ne,,\r\nde/a,,\r\nx/d/a,,\r\ne\\f,,\r\n'
    record = Record.parse(data)
    assert record.renamed({"d": "e"}).data == new
    assert record.renamed({}) is record
    assert record.renamed({"d": "e", "e": "f"}).data == new  # each row once
    assert Record.parse(b"1,2,3,4\nd/a,,\n").renamed({"d": "e"}).data == b"1,2,3,4\ne/a,,\n"  # the other one is not read


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a,,\nm,,\n", b"a,,\nn,x,1\nm,,\n"),
        (b"a,,\nb,,\n", b"a,,\nb,,\nn,x,1\n"),
        (b'"a",,\nm,,\n', b'"a",,\n"n","x","1"\nm,,\n'),
        (b"b,,\r\nm,,\n", b"b,,\r\nn,x,1\r\nm,,\n"),  # without the row to be like: the line end of the first one
        (b"b,,\r\na,,\nm,,", b"b,,\r\na,,\nn,x,1\nm,,"),  # with it: its own
        (b"b,,\r\nm,,\r\na,,", b"b,,\r\nn,x,1\r\nm,,\r\na,,"),  # unless it has none
        (b"b,,\r\na,,", b"b,,\r\na,,\r\nn,x,1"),
        (b"b,,\rc,,\r", b"b,,\rc,,\rn,x,1\r"),
        (b"b,,", b"b,,\nn,x,1"),
        (b"\nb,,\r\n", b"\nb,,\r\nn,x,1\n"),  # the first row is empty
        (b"", b"n,x,1\n"),
    ],
)
def test_where_and_how_a_row_is_added(data: bytes, expected: bytes) -> None:
    assert Record.parse(data).adding([RecordRow("n", "x", "1")], like="a", before="m").data == expected


@pytest.mark.parametrize("thing", [Record(b""), Row(b"", "a", "", ""), RecordRow("a", "", ""), RowEdit()])
def test_rows_are_never_changed_in_their_place(thing: Record | Row | RecordRow | RowEdit) -> None:
    with pytest.raises(AttributeError):
        setattr(thing, thing.__struct_fields__[0], "x")


def test_nothing_is_added_where_there_is_nothing_to_add() -> None:
    for data in (b"a,,\n", b"a,,", b""):
        assert Record.parse(data).adding([], like="a", before="m").data == data
        assert Record.parse(data).adding([]).data == data


def test_changes_that_are_given_in_any_order() -> None:
    record = Record.parse(b"a,x,1\nb,y,2\nc,z,3\n")
    changes = {2: RowEdit(size="4"), 0: RowEdit(remove=True)}
    assert record.amended(changes, [RecordRow("n", "", "")], like="a", before="c").data == b"b,y,2\nn,,\nc,z,4\n"


@pytest.mark.parametrize(
    ("digest", "size", "doubts"),
    [
        (RIGHT, "7", False),
        (RIGHT, "+7", False),
        (RIGHT, "", False),
        ("", "", False),
        ("", "7", False),
        (f"SHA256={RIGHT[7:]}", "7", False),
        (f"sha256={SUM.hex()}", "7", False),
        (f"{RIGHT}=", "7", False),
        (hash_column("md5", hashlib.md5(CONTENT).digest()), "7", False),
        ("sha256=x", "7", True),
        (RIGHT, "8", True),
        (RIGHT, "7 ", True),
        ("", "8", True),
        ("shake_128=x", "7", True),
        ("nonsense=x", "", True),
    ],
)
def test_what_a_row_says_that_is_not_so(digest: str, size: str, doubts: bool) -> None:
    row = Row(b"", "m", digest, size)
    assert any_doubts([row], CONTENT) is doubts
    assert any_doubts([Row(b"", "m", RIGHT, "7"), row], CONTENT) is doubts
    assert any_doubts([], CONTENT) is False
    for path in ("m", "/m", "./m"):
        assert Record.parse(f"{path},{digest},{size}\nn,sha256=x,1\n".encode()).doubts("m", CONTENT) is doubts


def test_half_a_million_rows_are_read_and_no_more() -> None:
    most = b"\n" * 500_000
    assert Record.parse(most).data == most
    for more in (most + b"\n", b"\r" * 250_001 + b"\n" * 250_000):
        with pytest.raises(RecordError, match="longer than any real one") as caught:
            Record.parse(more)
        assert caught.value.code == "too-many-rows"
