"""Promise 1: WHEEL of a new wheel says what was planned, and every line that was not to change is there as it was."""

import pytest

from wheelfix.fix.prove_wheel_file import wheel_file_difference
from wheelfix.results import Change, ChangeAction
from wheelfix.wheel.filename import WheelFilename

HEAD = b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\n"
OLD = HEAD + b"Tag: py3-none-any\n"
NAME = "demo-1.0-py3-none-any.whl"
TWO = "demo-1.0-py2.py3-none-any.whl"
BUILT = "demo-1.0-1-py3-none-any.whl"
TAGS = Change("Tag", ChangeAction.SET_TAG, "py3-none-any", "py2.py3-none-any")
BUILD = Change("Build", ChangeAction.SET_BUILD_TAG, None, "1")
PURELIB = Change("Root-Is-Purelib", ChangeAction.SET_WHEEL_FIELD, "true", "false")
SUMMARY = Change("Summary", ChangeAction.SET_FIELD, "a", "b")
ORDER = "the order or the spelling of fields that were to be kept"
BESIDE = "lines beside its fields"


def difference(new: bytes, *changes: Change, old: bytes = OLD, before: str = NAME, after: str = NAME) -> str:
    return wheel_file_difference(old, new, changes, WheelFilename.parse(before), WheelFilename.parse(after))


@pytest.mark.parametrize("changes", [(), (SUMMARY,)])
def test_nothing_changes_where_nothing_was_planned_of_it(changes: tuple[Change, ...]) -> None:
    assert difference(OLD, *changes) == ""
    assert difference(OLD + b"x: y\n", *changes) == "no field was to change"


@pytest.mark.parametrize("after", [TWO, "demo-1.0-py3-abi3-any.whl", "demo-1.0-py3-none-linux_x86_64.whl"])
@pytest.mark.parametrize("changes", [(), (BUILD,)])
def test_tags_of_the_name_that_were_not_to_change(after: str, changes: tuple[Change, ...]) -> None:
    assert difference(OLD, *changes, after=after) == "the tags of the file name"


@pytest.mark.parametrize(
    ("new", "wrong"),
    [
        (HEAD.replace(b"true", b"false") + b"Tag: py3-none-any\n", ""),
        (HEAD.replace(b"true", b" false ") + b"Tag: py3-none-any\n", ""),
        (OLD, "root-is-purelib"),
        (HEAD.replace(b"true", b"no") + b"Tag: py3-none-any\n", "root-is-purelib"),
        (HEAD.replace(b"Root-Is-Purelib: true\n", b"") + b"Tag: py3-none-any\n", "root-is-purelib"),
        (OLD.replace(b"true", b"false").replace(b"Generator: x", b"Generator: y"), ORDER),
        (OLD.replace(b"true", b"false").replace(b"Generator:", b"generator:"), ORDER),
        (OLD.replace(b"true", b"false").replace(b"Generator: x\n", b""), ORDER),
        (OLD.replace(b"true", b"false") + b"Tag: py2-none-any\n", ORDER),
        (OLD.replace(b"true", b"false") + b"\nbody\n", BESIDE),
    ],
)
def test_a_field_that_was_to_change(new: bytes, wrong: str) -> None:
    assert difference(new, PURELIB) == wrong


def test_a_field_that_was_to_go() -> None:
    gone = Change("Root-Is-Purelib", ChangeAction.SET_WHEEL_FIELD, "true", None)
    assert difference(OLD.replace(b"Root-Is-Purelib: true\n", b""), gone) == ""
    assert difference(OLD, gone) == "root-is-purelib"


@pytest.mark.parametrize(
    ("new", "wrong"),
    [
        (OLD + b"Build: 1\n", ""),
        (OLD, "build"),
        (OLD + b"Build: 2\n", "build"),
        (OLD + b"Build: 1\nBuild: 1\n", "build"),
        (OLD + b"BUILD: 1\n", ""),
    ],
)
def test_the_build_tag_is_that_of_the_new_name(new: bytes, wrong: str) -> None:
    assert difference(new, BUILD, after=BUILT) == wrong


def test_a_build_tag_that_goes() -> None:
    gone = Change("Build", ChangeAction.SET_BUILD_TAG, "1", None)
    assert difference(OLD, gone, old=OLD + b"Build: 1\n", before=BUILT) == ""
    assert difference(OLD + b"Build: 1\n", gone, old=OLD + b"Build: 1\n", before=BUILT) == "build"


def test_the_name_decides_what_the_build_tag_is() -> None:
    """A plan that says another one than the name is not what was done."""
    assert difference(OLD + b"Build: 1\n", BUILD, after="demo-1.0-2-py3-none-any.whl") == "build"


@pytest.mark.parametrize(
    ("tags", "wrong"),
    [
        (b"Tag: py3-none-any\nTag: py2-none-any\n", ""),
        (b"Tag: py2-none-any\nTag: py3-none-any\n", ""),
        (b"Tag: py3-none-any\n", "tag"),
        (b"Tag: py2-none-any\n", "tag"),
        (b"Tag: py2.py3-none-any\n", "tag"),
        (b"Tag: py3-none-any\nTag: py2-none-any\nTag: py2-none-any\n", "tag"),
        (b"Tag: py3-none-any\nTag: py3-none-any\nTag: py2-none-any\n", "tag"),
        (b"Tag: py3-none-any\nTag: py1-none-any\n", "tag"),
        (b"Tag: py3-none-any\nTag: py2-none-any\nTag: py1-none-any\n", "tag"),
        (b"Tag: py3-none-any\nTag: \xff\n", "tag"),
        (b"tag: py3-none-any\nTag: py2-none-any\n", "tag"),
        (b"Tag: py3-none-any\nTag: x: py2-none-any\n", "tag"),
    ],
)
def test_tags_are_those_of_the_new_name(tags: bytes, wrong: str) -> None:
    """A line that said only such tags is kept as it was, and each other tag has a line of its own."""
    assert difference(HEAD + tags, TAGS, after=TWO) == wrong


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        (b"Tag: py2.py3-none-any\n", b"Tag: py2.py3-none-any\n", ""),  # a set in one line stays
        (b"Tag: py2.py3-none-any\n", b"Tag: py2-none-any\nTag: py3-none-any\n", "tag"),
        (b"Tag: py1.py3-none-any\n", b"Tag: py2-none-any\nTag: py3-none-any\n", ""),  # one that says more goes
        (b"Tag: py1.py3-none-any\n", b"Tag: py1.py3-none-any\nTag: py2-none-any\n", "tag"),
        (b"Tag: py3-none\n", b"Tag: py2-none-any\nTag: py3-none-any\n", ""),  # and one that is no tag
        (b"Tag: py3-none\n", b"Tag: py3-none\nTag: py2-none-any\nTag: py3-none-any\n", "tag"),
        (
            b"Tag: py3-none-any\nTag: py2-none-any\n",
            b"Tag: py2-none-any\nTag: py3-none-any\n",
            "tag",
        ),  # those that stay keep their order
    ],
)
def test_lines_of_tags_that_are_kept(old: bytes, new: bytes, wrong: str) -> None:
    assert difference(HEAD + new, TAGS, old=HEAD + old, after=TWO) == wrong


def test_the_last_line_may_get_a_line_end() -> None:
    old = HEAD + b"Tag: py3-none-any"
    assert difference(old + b"\nTag: py2-none-any", TAGS, old=old, after=TWO) == ""


@pytest.mark.parametrize(
    ("more", "wrong"), [(b"\n", ""), (b"\r\n", ""), (b"\n\n", BESIDE), (b" \n", BESIDE), (b"x\n", BESIDE)]
)
def test_an_odd_last_line_may_get_a_line_end(more: bytes, wrong: str) -> None:
    old = b": 1"
    assert difference(old + more + b"Root-Is-Purelib: false", PURELIB, old=old) == wrong


def test_more_tags_than_any_wheel_has_are_not_read() -> None:
    """A line of a hostile WHEEL can stand for millions."""
    many = ".".join(f"py{number}" for number in range(101))
    lines = f"Tag: {many}-{many.replace('py', 'a')}-any\nTag: py3-none-any\n".encode()
    assert difference(HEAD + lines, TAGS, old=HEAD + lines, after=TWO) == "tag"
    assert difference(HEAD + b"Tag: py3-none-any\nTag: py2-none-any\n", TAGS, old=HEAD + lines, after=TWO) == ""


@pytest.mark.parametrize(
    ("first", "second", "is_kept"),
    [(10_000, 0, True), (10_001, 0, False), (5_000, 5_000, True), (5_000, 5_001, False), (0, 10_001, False)],
)
def test_a_line_is_kept_if_its_tags_were_read(first: int, second: int, is_kept: bool) -> None:
    """One tag ten thousand times is one; how often it may be said is counted over all lines."""
    lines = [f"Tag: {'.'.join(['py3'] * count)}-none-any\n".encode() for count in (first, second) if count]
    old = HEAD + b"".join(lines)
    others = lines[:-1] if len(lines) > 1 else []
    anew = HEAD + b"".join(others) + b"Tag: py2-none-any\n" + (b"" if others else b"Tag: py3-none-any\n")
    assert difference(old + b"Tag: py2-none-any\n", TAGS, old=old, after=TWO) == ("" if is_kept else "tag")
    assert difference(anew, TAGS, old=old, after=TWO) == ("tag" if is_kept else "")


def test_each_wrong_field_is_named() -> None:
    assert difference(OLD, BUILD, PURELIB, TAGS, after="demo-1.0-1-py2.py3-none-any.whl") == "build, root-is-purelib, tag"
