"""RECORD: rows keep their bytes; the row of a changed entry keeps its style."""

import base64
import hashlib
import tracemalloc

import pytest

from wheelfix.errors import RecordError
from wheelfix.wheel.record import Record, RecordRow

NEW = b"new content"


def digest(content: bytes, algorithm: str = "sha256") -> bytes:
    return base64.urlsafe_b64encode(hashlib.new(algorithm, content).digest()).rstrip(b"=")


SHA = b"sha256=" + digest(NEW)
SIZE = str(len(NEW)).encode()

ROWS = [
    pytest.param(b"a,sha256=x,1\nm,sha256=y,2\nr,,\n", b"a,sha256=x,1\nm,%s,%s\nr,,\n", id="plain"),
    pytest.param(b"m,sha256=y,2\r\nr,,\r\n", b"m,%s,%s\r\nr,,\r\n", id="crlf"),
    pytest.param(b"r,,\nm,sha256=y,2", b"r,,\nm,%s,%s", id="no-final-line-end"),
    pytest.param(b'"a,b",sha256=x,1\nm,sha256=y,2\n', b'"a,b",sha256=x,1\nm,%s,%s\n', id="quoted-neighbour"),
    pytest.param(b'"m","sha256=y","2"\r\n"r","",""\r\n', b'"m","%s","%s"\r\n"r","",""\r\n', id="all-quoted"),
    pytest.param(b'"m",sha256=y,2\n', b'"m",%s,%s\n', id="only-the-path-quoted"),
    pytest.param(b"m,md5=y,2\n", b"m,%s,%s\n", id="weak-hash-becomes-sha256"),
    pytest.param(b"m,,\n", b"m,%s,%s\n", id="no-hash-before"),
    pytest.param(b"m,sha256=y,2\nm,sha256=z,3\n", b"m,%s,%s\nm,%s,%s\n", id="twice"),
    pytest.param(b"/m,sha256=y,2\nx\\m,,\nm,sha256=y,2\n", b"/m,sha256=y,2\nx\\m,,\nm,%s,%s\n", id="odd-neighbours"),
    pytest.param(b"\nm,sha256=y,2\n\n", b"\nm,%s,%s\n\n", id="empty-rows"),
    pytest.param(b"J\xe9,,\nm,sha256=y,2\n", b"J\xe9,,\nm,%s,%s\n", id="latin-1-neighbour"),
    pytest.param(b"a,b,c,d,e,f\nm,sha256=y,2\n", b"a,b,c,d,e,f\nm,%s,%s\n", id="a-neighbour-with-six-columns"),
]


@pytest.mark.parametrize(("before", "after"), ROWS)
def test_one_row_changes(before: bytes, after: bytes) -> None:
    """Pitfall 16: quoting stays. Pitfall 19: so do order, CRLF and other rows. Pitfall 21: odd rows are kept."""
    expected = after
    while b"%s" in expected:
        expected = expected.replace(b"%s", SHA, 1).replace(b"%s", SIZE, 1)
    assert Record.parse(before).with_content("m", NEW).data == expected


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_a_strong_hash_keeps_its_algorithm(algorithm: str) -> None:
    record = Record.parse(f"m,{algorithm}=x,1\n".encode())
    assert record.with_content("m", NEW).data == b"m,%s=%s,%s\n" % (algorithm.encode(), digest(NEW, algorithm), SIZE)


ADDED = [
    pytest.param(b"m,sha256=y,2\nr,,\n", b"m,sha256=y,2\nn,%s,%s\nr,,\n", id="before-its-own-row"),
    pytest.param(b"r,,\nm,sha256=y,2\n", b"n,%s,%s\nr,,\nm,sha256=y,2\n", id="own-row-first"),
    pytest.param(b"m,sha256=y,2\n", b"m,sha256=y,2\nn,%s,%s\n", id="no-own-row"),
    pytest.param(b"m,sha256=y,2\r\nr,,\r\n", b"m,sha256=y,2\r\nn,%s,%s\r\nr,,\r\n", id="crlf"),
    pytest.param(b'"m","sha256=y","2"\n"r","",""\n', b'"m","sha256=y","2"\n"n","%s","%s"\n"r","",""\n', id="all-quoted"),
    pytest.param(b"a,,\nm,sha256=y,2", b"a,,\nm,sha256=y,2\nn,%s,%s", id="no-final-line-end"),
    pytest.param(b"", b"n,%s,%s\n", id="empty"),
]


@pytest.mark.parametrize(("before", "after"), ADDED)
def test_a_row_is_added_in_the_style_of_the_file(before: bytes, after: bytes) -> None:
    """Pitfall 16: an all-quoted RECORD stays all-quoted. Pitfall 19: its own row is anywhere, or missing."""
    record = Record.parse(before).with_content("n", NEW, like="m", before="r")
    assert record.data == after.replace(b"%s", SHA, 1).replace(b"%s", SIZE, 1)


def test_a_path_that_needs_quotes_gets_them() -> None:
    """Pitfall 16: a comma or a quote in a path is CSV-quoted."""
    for path in ('a,b"c', "a\nb", "a\rb"):
        record = Record.parse(b"m,,\n").with_content(path, NEW)
        again = Record.parse(record.data)
        assert [row.path for row in again.find(path)] == [path]


@pytest.mark.parametrize("raw", [b'"a,b.py",sha256=x,1\n', b'"a,b.py","sha256=x","1"\r\n'])
def test_a_quoted_path_is_found(raw: bytes) -> None:
    [row] = Record.parse(raw).find("a,b.py")
    assert (row.raw, row.digest, row.size) == (raw, "sha256=x", "1")


def test_rows_are_taken_out() -> None:
    """Pitfall 18: rows of removed signatures go; nothing else does."""
    record = Record.parse(b"a,,\r\nx,sha256=y,1\r\nb,,\r\nx,,\r\n")
    assert record.without("x").data == b"a,,\r\nb,,\r\n"
    assert record.without("nothing") is record


@pytest.mark.parametrize("data", [b"m,1,2,3,4,5\n", b"m\n", b"m,1\n", b'm,"x\ny"\n'])
def test_a_row_of_ours_without_three_columns_is_refused(data: bytes) -> None:
    """Pitfall 16: the row is named."""
    with pytest.raises(RecordError) as caught:
        Record.parse(data).with_content("m", NEW)
    assert caught.value.code == "bad-row"
    assert "row 1" in caught.value.message


def test_a_quote_that_is_never_closed_is_refused() -> None:
    with pytest.raises(RecordError) as caught:
        Record.parse(b'a,,\n"b,,\nc,,\n')
    assert caught.value.code == "unclosed-quote"


def test_open_quote_that_is_just_not_too_long_is_refused() -> None:
    """What is read to see whether it goes on would make it longer than a column may be."""
    with pytest.raises(RecordError) as caught:
        Record.parse(b'a,,\n"' + b"x" * 131_070)
    assert caught.value.code == "unclosed-quote"


@pytest.mark.parametrize("last", [b"r,,\n", b"r,,"])
def test_rows_are_added_as_one(last: bytes) -> None:
    """Pitfall 21: a hundred thousand of them cost no more than reading what is there."""
    new = [RecordRow(f"x{number}", "sha256=x", "1") for number in range(100_000)]
    record = Record.parse(b"m,sha256=y,2\n" + last)
    text = b"".join(b"x%d,sha256=x,1\n" % number for number in range(100_000))
    assert record.amended({}, new, like="m", before="r").data == b"m,sha256=y,2\n" + text + last
    assert record.adding(new).data == b"m,sha256=y,2\n" + (last + text if last.endswith(b"\n") else b"r,,\n" + text[:-1])


AGREES = [
    (b"m,sha256=%s,%s\n" % (digest(NEW), SIZE), True),
    (b"m,sha512=%s,%s\n" % (digest(NEW, "sha512"), SIZE), True),
    (b"m,sha256=%s,1\n" % digest(NEW), False),
    (b"m,sha256=x,%s\n" % SIZE, False),
    (b"m,,\n", False),
    (b"m,nonsense=x,1\n", False),
    (b"m,shake_128=x,1\n", False),
    (b"other,,\n", True),
]


@pytest.mark.parametrize(("data", "expected"), AGREES)
def test_agreement_with_the_content(data: bytes, expected: bool) -> None:
    """Pitfall 21: a hash that nobody knows does not match, and does not crash."""
    assert Record.parse(data).agrees("m", NEW) is expected


@pytest.mark.parametrize(
    "data",
    [b"m," + b"x" * 200_000 + b",1\n", b'a"b,,\nm,sha256=y,2\nc"d,,\n', b"m,\0,1\n"],
    ids=["huge-column", "quotes-inside-columns", "nul"],
)
def test_odd_rows_are_changed_or_refused_but_do_not_crash(data: bytes) -> None:
    """Pitfall 21: an odd row of ours is understood like the csv module does, or refused."""
    try:
        changed = Record.parse(data).with_content("m", NEW)
    except RecordError:
        return
    assert changed.agrees("m", NEW)
    assert len(changed.rows) == len(data.splitlines())


@pytest.mark.parametrize("spelling", ["./m", ".\\m", "\ufeffm"])
def test_a_row_in_another_spelling_is_the_same_row(spelling: str) -> None:
    """Pitfall 21: a stale hash must not stay under a spelling that installers take for the file's."""
    record = Record.parse(f"{spelling},sha256=x,1\nother,,\n".encode()).with_content("m", NEW)
    assert record.agrees("m", NEW)
    assert record.data.startswith(spelling.encode())
    assert len(record.rows) == 2


def test_a_line_separator_in_a_path_is_no_line_end() -> None:
    """Pitfall 16: only CR and LF end a row."""
    data = "a\u2028m,,\nm,sha256=x,1\n".encode()
    assert Record.parse(data).with_content("m", NEW).agrees("m", NEW)


def test_an_algorithm_in_capitals_is_kept_as_strong() -> None:
    assert Record.parse(b"m,SHA512=x,1\n").with_content("m", NEW).find("m")[0].algorithm == "sha512"


@pytest.mark.parametrize("last", [b'"m', b'"m,,', b'""x,,"', b'a,"b'])
def test_an_open_quote_is_found_after_other_errors(last: bytes) -> None:
    """Pitfall 16: a row that is added behind it would be part of the quoted path."""
    with pytest.raises(RecordError) as caught:
        Record.parse(b"x,,\n" + last)
    assert caught.value.code == "unclosed-quote"


def test_a_file_with_many_rows_is_summed_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A RECORD of hundreds of thousands of rows for METADATA would otherwise take hours."""
    calls = list[str]()

    def counting(algorithm: str, content: bytes) -> str:
        calls.append(algorithm)
        return f"{algorithm}={len(content)}"

    monkeypatch.setattr("wheelfix.wheel.record.digest_of", counting)
    data = b"m,sha256=x,1\nm,md5=x,1\nm,sha512=x,1\n" * 1_000
    assert Record.parse(data).with_content("m", NEW).data.count(b"sha512=11,11") == 1_000
    assert sorted(calls) == ["sha256", "sha512"]


@pytest.mark.parametrize("rows", [6_000, pytest.param(66_000, marks=pytest.mark.slow)])
def test_rows_take_no_memory_of_their_own(rows: int) -> None:
    """What is held is the file; of rows as objects, they alone would take twice as much."""
    data = b"".join(b"demo/subpackage/module_%d.py,sha256=%s,12\n" % (number, b"x" * 43) for number in range(rows))
    tracemalloc.start()
    try:
        record = Record.parse(data + b"m,sha256=y,2\n").with_content("m", NEW)
        assert record.agrees("m", NEW)
        held, peak = tracemalloc.get_traced_memory()
        assert sum(map(len, record.rows)) == len(record.data)
        counted = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert held < 1.1 * len(data)
    assert peak < 2.2 * len(data)  # the old file and the new one
    assert counted < 2.4 * len(data)


@pytest.mark.parametrize("path", ["a\nb.py", "\nb.py", "x/a\nm", "d/"])
def test_a_path_with_a_line_end_is_no_row_and_the_next(path: str) -> None:
    """What is looked for can stand where one row ends and the next begins."""
    record = Record.parse(b"x/a\nm,,1\na\nb.py,,1\n\nb.py,,1\n")
    assert [raw for _, raw in record.rows_with(path.encode())] == []
    quoted = Record.parse(b'"%s",,1\nother,,\n' % path.encode())
    assert [row.path for row in quoted.find(path)] == [path]
