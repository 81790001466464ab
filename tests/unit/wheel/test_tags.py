"""The tags of a file name: what a text stands for, what edits make of them, and what no file name can say."""

from itertools import product

import pytest
from hypothesis import given, strategies as st
from packaging.tags import parse_tag
from packaging.utils import parse_wheel_filename

from wheelfix.errors import EditError
from wheelfix.wheel.edits import AddTags, RemoveTags, SetTags, TagEdit
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.tags import expanded, given_tags, pattern_error, retagged, tags_of, with_tags


def after(name: str, *edits: TagEdit) -> str:
    """Return the tags of a wheel of this name once they are edited."""
    return str(retagged(WheelFilename.parse(f"demo-1.0-{name}.whl"), edits)).removeprefix("demo-1.0-").removesuffix(".whl")


def refusal(name: str, *edits: TagEdit) -> EditError:
    with pytest.raises(EditError) as caught:
        after(name, *edits)
    return caught.value


@pytest.mark.parametrize(
    ("before", "edit", "expected"),
    [
        ("py3-none-any", AddTags("py2-none-any"), "py3.py2-none-any"),
        ("py2.py3-none-any", RemoveTags("py2-*"), "py3-none-any"),
        ("py2.py3-none-any", SetTags("py3-none-any"), "py3-none-any"),
        ("py3-none-any", SetTags("cp311-abi3-manylinux_2_28_x86_64"), "cp311-abi3-manylinux_2_28_x86_64"),
        # What is there keeps its place and its spelling, and new values follow.
        ("cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64", AddTags("cp39-abi3-manylinux1_x86_64"),
         "cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.manylinux1_x86_64"),
        ("cp39-abi3-b_1.a_1", SetTags("cp39-abi3-a_1.b_1.c_1"), "cp39-abi3-b_1.a_1.c_1"),
        ("CP39-abi3-Linux_x86_64", AddTags("cp39-abi3-win_amd64"), "CP39-abi3-Linux_x86_64.win_amd64"),
        ("CP39-abi3-Linux_x86_64", AddTags("cp39-abi3-linux_x86_64"), "CP39-abi3-Linux_x86_64"),
        ("py3.py3-none-any", AddTags("py2-none-any"), "py3.py3.py2-none-any"),
        ("py3.py2.py3-none-any", RemoveTags("py3-*"), "py2-none-any"),
        # Patterns are for whole tags, as they are written in WHEEL.
        ("cp39-abi3-manylinux1_x86_64.manylinux2014_x86_64", RemoveTags("*-manylinux1_*"),
         "cp39-abi3-manylinux2014_x86_64"),
        ("cp39.cp310-none-any", RemoveTags(("cp3?-none-any", "nothing")), "cp310-none-any"),
        ("CP39.cp310-none-any", RemoveTags("cp39-none-any"), "cp310-none-any"),
        ("py3-none-any", RemoveTags("py2-none-any"), "py3-none-any"),
        ("py3-none-any", AddTags(()), "py3-none-any"),
    ],
)  # fmt: skip
def test_an_edit_changes_what_it_is_for_and_nothing_else(before: str, edit: TagEdit, expected: str) -> None:
    assert after(before, edit) == expected
    assert after(expected, edit) == expected


def test_edits_follow_each_other_and_only_the_end_must_be_sayable() -> None:
    name = "cp39-cp39-linux_x86_64"
    halfway = AddTags("cp310-cp310-linux_x86_64")
    assert refusal(name, halfway).code == "tags-not-a-product"
    assert after(name, halfway, RemoveTags("cp39-*")) == "cp310-cp310-linux_x86_64"
    assert after(name, RemoveTags("*"), halfway) == "cp310-cp310-linux_x86_64"
    assert after(name, AddTags(("cp310-abi3-win32", "cp310-cp39-win32")), SetTags(name)) == name


def test_tags_that_no_file_name_says_are_refused_with_what_it_would_also_say() -> None:
    error = refusal("cp39-cp39-linux_x86_64", AddTags("cp310-cp310-linux_x86_64"))
    assert error.code == "tags-not-a-product"
    assert "cp39-cp310-linux_x86_64, cp310-cp39-linux_x86_64" in error.message
    error = refusal("py2.py3-none-linux_x86_64.win32", RemoveTags("py2-none-win32"))
    assert (error.code, "py2-none-win32" in error.message) == ("tags-not-a-product", True)
    many = [f"cp3{minor}-cp3{minor}-any" for minor in range(90)]
    assert len(refusal("py3-none-any", SetTags(tuple(many))).message) < 400


@pytest.mark.parametrize("edit", [RemoveTags("*"), RemoveTags(("py2-*", "py3-*")), SetTags(())])
def test_the_last_tag_is_not_removed(edit: TagEdit) -> None:
    assert refusal("py2.py3-none-any", edit).code == "no-tag-left"


@pytest.mark.parametrize(
    "text",
    ["", "py3", "py3-none", "py3-none-any-1", "py3--any", "py3.-none-any", ".py3-none-any", "py3-none-a b", "py3-none-any\n",
     "py3-none-\u00e9", "py3-none-any,", "py3-none-/x", "py3-NONE-any", "py3-none-Linux_x86_64",
     "3-none-any", "py3.3x-none-any"],
)  # fmt: skip
def test_what_is_not_a_tag_is_refused(text: str) -> None:
    error = refusal("py3-none-any", AddTags(text))
    assert error.code == "invalid-tag"
    assert error.message.isprintable()


def test_a_spelling_that_uv_does_not_read_is_refused_with_the_right_one() -> None:
    assert "py3-none-macosx_11_0_arm64" in refusal("py3-none-any", SetTags("py3-none-MacOSX_11_0_ARM64")).message


def test_a_file_name_with_an_odd_tag_is_not_added_to() -> None:
    """WHEEL would have to repeat it."""
    assert refusal("py3.-none-any", AddTags("py2-none-any")).code == "invalid-tag"
    assert after("py3.-none-any", SetTags("py3-none-any")) == "py3-none-any"


def test_a_text_alone_is_one_tag_and_not_its_letters() -> None:
    """Pitfall 46."""
    assert after("py3-none-any", AddTags("py2-none-any")) == after("py3-none-any", AddTags(("py2-none-any",)))
    assert after("py2.py3-none-any", RemoveTags("py2-*")) == after("py2.py3-none-any", RemoveTags(("py2-*",)))


def test_no_list_of_tags_is_longer_than_any_real_one() -> None:
    hundred = ".".join(f"a{number}" for number in range(100))
    assert len(expanded(f"{hundred}-{hundred}-any")) == 10_000
    assert refusal("py3-none-any", SetTags(f"{hundred}-{hundred}-any.x")).code == "too-many-tags"
    pieces = tuple(f"a{number}-{hundred}-{hundred}" for number in range(2))
    assert refusal("py3-none-any", AddTags(pieces)).code == "too-many-tags"
    huge = ".".join(["a"] * 100_000)
    assert refusal("py3-none-any", SetTags(f"{huge}-{huge}-{huge}")).code == "too-many-tags"
    assert refusal("py3-none-any", SetTags(f"{hundred}-none-any")).code == "too-many-tags"  # no file name is that long


def test_a_pattern_that_matches_no_tag_says_why() -> None:
    assert pattern_error("py2-none-any") == pattern_error("*manylinux1*") == pattern_error("py2*") == ""
    assert "whole tag" in pattern_error("manylinux1_x86_64")
    assert "lower case" in pattern_error("*-Linux_x86_64")


VALUES = st.lists(st.sampled_from(["py2", "py3", "cp39", "cp310", "none", "abi3", "any", "win32"]), min_size=1, max_size=3)
SETS = st.tuples(VALUES, VALUES, VALUES).map(lambda parts: "-".join(".".join(part) for part in parts))
EDITS = st.one_of(
    st.builds(SetTags, st.lists(SETS, min_size=1, max_size=2).map(tuple)),
    st.builds(AddTags, st.lists(SETS, max_size=2).map(tuple)),
    st.builds(RemoveTags, st.lists(st.sampled_from(["py2-*", "*-any", "*-none-*", "cp39-none-any"]), max_size=2).map(tuple)),
)


def after_or_refused(name: str, *edits: TagEdit) -> str | None:
    """Return the tags as :func:`after` does, ``None`` where no file name can say them."""
    try:
        return after(name, *edits)
    except EditError as error:
        if error.code not in {"tags-not-a-product", "no-tag-left"}:
            raise
        return None


@given(SETS, st.lists(EDITS, max_size=3))
def test_any_edits_give_a_name_that_says_just_what_is_left(name: str, edits: list[TagEdit]) -> None:
    """As packaging reads it; and doing the same again changes nothing."""
    new = after_or_refused(name, *edits)
    if new is None:
        return
    expected = parse_tag(name)
    for edit in edits:
        match edit:
            case SetTags(tags):
                expected = frozenset().union(*map(parse_tag, tags))
            case AddTags(tags):
                expected = expected.union(*map(parse_tag, tags))
            case RemoveTags(patterns):
                gone = {str(tag) for tag in expected if any(_matches(str(tag), pattern) for pattern in patterns)}
                expected = frozenset(tag for tag in expected if str(tag) not in gone)
    assert parse_wheel_filename(f"demo-1.0-{new}.whl")[3] == expected
    assert after(new, *edits) == new


def _matches(tag: str, pattern: str) -> bool:
    start, _, end = pattern.partition("*")
    middle = end.endswith("*") and start == ""
    return (
        (end[:-1] in tag) if middle else (tag.startswith(start) and tag.endswith(end) if "*" in pattern else tag == pattern)
    )


@given(SETS)
def test_the_tags_of_a_name_are_those_that_packaging_reads(name: str) -> None:
    found = tags_of(WheelFilename.parse(f"demo-1.0-{name}.whl"))
    assert {str(tag) for tag in found} == {str(tag) for tag in parse_tag(name)}
    assert len(found) == len(set(found))
    assert found == given_tags(name) == [*dict.fromkeys(found)]


def test_tags_are_found_in_any_order_of_a_product() -> None:
    name = WheelFilename.parse("demo-1.0-py3-none-any.whl")
    for tags in (expanded("a.b-c.d-e"), [*reversed(expanded("a.b-c.d-e"))]):
        assert {*map(str, tags_of(with_tags(name, tags)))} == {f"{a}-{b}-e" for a, b in product("ab", "cd")}
