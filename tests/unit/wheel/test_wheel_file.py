"""WHEEL as bytes: what is set, added and removed, and that nothing else changes."""

import pytest
from hypothesis import given, strategies as st
from packaging.tags import parse_tag

from counting import count_calls
from wheelfix.errors import EditError, MetadataError
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.tags import expanded, given_tags
from wheelfix.wheel.wheel import read_tags
from wheelfix.wheel.wheel_file import with_field, with_tag_lines

HEAD = b"Wheel-Version: 1.0\nGenerator: x\n"


@pytest.mark.parametrize(
    ("before", "tags", "expected"),
    [
        (b"Tag: py3-none-any\n", "py3-none-any", b"Tag: py3-none-any\n"),
        (b"Tag: py3-none-any\n", "py2.py3-none-any", b"Tag: py3-none-any\nTag: py2-none-any\n"),
        (b"Tag: py2-none-any\nTag: py3-none-any\n", "py3-none-any", b"Tag: py3-none-any\n"),
        (b"Tag: py2.py3-none-any\n", "py3.py2-none-any", b"Tag: py2.py3-none-any\n"),
        (b"Tag: py2.py3-none-any\n", "py3-none-any", b"Tag: py3-none-any\n"),
        # What is kept keeps its spelling: blanks, case, its own line ends.
        (b"tag:  PY3-none-any \nBuild: 1\n", "py3.py2-none-any", b"tag:  PY3-none-any \ntag: py2-none-any\nBuild: 1\n"),
        (b"Tag: py3-none-any\r\nBuild: 1\r\n", "py2-none-any", b"Tag: py2-none-any\r\nBuild: 1\r\n"),
        (b"Tag: py3-none-any\r\nBuild: 1", "py3.py2-none-any", b"Tag: py3-none-any\r\nTag: py2-none-any\r\nBuild: 1"),
        (b"Build: 1\nTag: py3-none-any", "py2-none-any", b"Build: 1\nTag: py2-none-any"),
        (b"Build: 1\nTag: py3-none-any", "py3.py2-none-any", b"Build: 1\nTag: py3-none-any\nTag: py2-none-any"),
        # Other tags take the place of those that go.
        (b"Tag: py2-none-any\nBuild: 1\n", "a.b-none-any", b"Tag: a-none-any\nTag: b-none-any\nBuild: 1\n"),
        (b"Build: 1\n", "a.b-none-any", b"Build: 1\nTag: a-none-any\nTag: b-none-any\n"),
        # A line that is no tag goes, and so does one that goes on behind its end.
        (b"Tag: py3\nTag: py3-none-any\n", "py3-none-any", b"Tag: py3-none-any\n"),
        (b"Tag: py3-none-any\n  more\nBuild: 1\n", "py3-none-any", b"Tag: py3-none-any\nBuild: 1\n"),
        # Said twice is no error; what a set said beside other tags is not said again.
        (b"Tag: py3-none-any\nTag: py3-none-any\n", "py3-none-any", b"Tag: py3-none-any\nTag: py3-none-any\n"),
        (b"Tag: py2.py3-none-any\nTag: py3-none-any\n", "py3-none-any", b"Tag: py3-none-any\n"),
        (b"Tag: py3.cp39-none-any\nTag: py2.py3-none-any\n", "py3-none-any", b"Tag: py3-none-any\n"),
    ],
)
def test_tags(before: bytes, tags: str, expected: bytes) -> None:
    assert with_tag_lines(HEAD + before, expanded(tags)) == HEAD + expected
    assert with_tag_lines(HEAD + expected, expanded(tags)) == HEAD + expected


@pytest.mark.parametrize(
    ("before", "name", "value", "expected"),
    [
        (b"Root-Is-Purelib: true\n", "Root-Is-Purelib", "false", b"Root-Is-Purelib: false\n"),
        (b"root-is-purelib:TRUE\r\nTag: x\r\n", "Root-Is-Purelib", "true", b"Root-Is-Purelib: true\r\nTag: x\r\n"),
        (b"Build: 1\nTag: x\nBuild: 2\n", "Build", "3", b"Build: 3\nTag: x\n"),
        (b"Build: 1\nTag: x\nBuild: 2\n", "Build", None, b"Tag: x\n"),
        (b"Tag: x\n", "Build", None, b"Tag: x\n"),
        (b"Tag: x", "Build", "1", b"Tag: x\nBuild: 1"),
        (b"Tag: x\nBuild: 2", "Build", "1", b"Tag: x\nBuild: 1"),
    ],
)
def test_a_field_is_there_once_or_not_at_all(before: bytes, name: str, value: str | None, expected: bytes) -> None:
    assert with_field(HEAD + before, name, value) == HEAD + expected
    assert with_field(HEAD + expected, name, value) == HEAD + expected


def test_what_readers_understand_differently_is_not_edited() -> None:
    with pytest.raises(MetadataError):
        with_tag_lines(HEAD + b"Tag: py3-none-any\nFrom someone\nTag: py2-none-any\n", expanded("py3-none-any"))


AMBIGUOUS = [
    b"Tag: py3-none-any\nFrom someone\n",
    b"Generator: m\rk\nTag: py3-none-any\n",
    b"Note: x\rRoot-Is-Purelib: false\nTag: py3-none-any\n",
    b"Build : 1\rk\nTag: py3-none-any\n",
    b"Wheel-Version : 2.0\nTag: py3-none-any\n",
]


@pytest.mark.parametrize("data", AMBIGUOUS)
def test_what_readers_see_differently_is_not_edited_and_is_called_by_its_name(data: bytes) -> None:
    with pytest.raises(MetadataError, match=r"^WHEEL, ") as refusal:
        with_field(HEAD + data, "Build", "2")
    assert refusal.value.code == "ambiguous-metadata"
    with pytest.raises(MetadataError, match=r"^WHEEL, "):
        with_tag_lines(HEAD + data, expanded("py2-none-any"))


@pytest.mark.parametrize("value", ["1\n2", "1\r", " 1", "\x1b[2J"])
def test_a_value_fits_on_one_line(value: str) -> None:
    with pytest.raises(EditError):
        with_field(HEAD + b"Build: 1\n", "Build", value)


def test_a_file_of_many_large_sets_takes_no_longer_than_it_is_long() -> None:
    """Each line stands for 10,000 tags: together they are more than is ever looked at."""
    hundred = ".".join(f"a{number}" for number in range(100))
    data = HEAD + f"Tag: {hundred}-{hundred}-any\n".encode() * 1_000
    wanted, found = expanded("a1-a1-any"), list[bytes]()
    assert count_calls(lambda: found.append(with_tag_lines(data, wanted))) < 200_000
    assert found == [HEAD + b"Tag: a1-a1-any\n"]


TAGS = st.sampled_from(["py2-none-any", "py3-none-any", "py2.py3-none-any", "cp39-abi3-win32", "cp39.py3-none.abi3-any"])
OTHER = st.sampled_from([b"Build: 1", b"X: y", b"Tag: nonsense", b"Tag:", b" folded"])
LINES = st.lists(st.one_of(TAGS.map(lambda tag: b"Tag: " + tag.encode()), OTHER), max_size=6)


@given(LINES, st.lists(TAGS, min_size=1, max_size=3), st.sampled_from([b"\n", b"\r\n"]), st.booleans())
def test_afterwards_it_says_just_the_tags_and_other_lines_are_the_same(
    lines: list[bytes], tags: list[str], ending: bytes, closed: bool
) -> None:
    before = ending.join([b"Wheel-Version: 1.0", *lines]) + (ending if closed else b"")
    wanted = given_tags(tags)
    after = with_tag_lines(before, wanted)
    assert read_tags(Document.parse(after)) == frozenset().union(*map(parse_tag, tags))
    assert with_tag_lines(after, wanted) == after
    old, new = Document.parse(before), Document.parse(after)
    others = [[(each.name, each.value.strip()) for each in document.fields if each.name != "Tag"] for document in (old, new)]
    assert others[0] == others[1]
    assert after.endswith(ending) or not closed


def test_what_would_make_a_value_of_another_line_is_refused() -> None:
    data = b"Tag: py3-none-any\nX-Own: 1\rBuild: 2\n\n of the body\n"
    with pytest.raises(MetadataError) as refusal:
        with_field(data, "Build", None)
    assert (refusal.value.code, refusal.value.message[:5]) == ("ambiguous-metadata", "WHEEL")


@pytest.mark.parametrize(
    "data", [b"X-A: a\n cont\rX-B: 1\n\n:x\n", b"X-A: a\rX-B: 1\n\n\rbody\n", b"X-A: a\rX-B: 1\n\n:note\n text\n"]
)
def test_what_would_move_what_follows_the_fields_is_refused(data: bytes) -> None:
    with pytest.raises(MetadataError, match=r"^WHEEL: .* would see other fields or another text") as refusal:
        with_field(data, "X-B", None)
    assert refusal.value.code == "ambiguous-metadata"


def test_what_would_make_a_field_of_another_line_is_refused() -> None:
    """Without the build tag the CR before it and the empty line would be one line end."""
    data = b"Tag: py3-none-any\nX-Own: 1\rBuild: 2\n\nRoot-Is-Purelib: true\n"
    with pytest.raises(MetadataError) as refusal:
        with_field(data, "Build", None)
    assert (refusal.value.code, refusal.value.message[:5]) == ("ambiguous-metadata", "WHEEL")
