"""The parts of a requirement: together they are its text, and changing one leaves the others."""

import subprocess
import sys

import pytest
from hypothesis import assume, example, given, strategies as st
from packaging.markers import Marker as StrictMarker
from packaging.requirements import Requirement as StrictRequirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from wheelfix.errors import EditError
from wheelfix.wheel.requirement import RequirementParts, plain_specifier, same_requirement

NT, POSIX, EXTRA = "os_name == 'nt'", "os_name == 'posix'", "extra == 'gpu'"

names = st.sampled_from(["a", "Foo.Bar", "x_y-z", "nvidia-cublas-cu12", "3to2"])
extra_lists = st.sampled_from(["", "[x]", " [x]", "[ x , Y_z ]", "[]"])
specifiers = st.sampled_from(["", ">=1", ">= 1, <2", "==1.*", "~=1.0", "==12.6.4.1", "===1.0-x", "!=1.5,>=1"])
addresses = st.sampled_from(["https://e.org/x-1-py3-none-any.whl", "https://e.org/x;y", "git+https://e.org/x@main#egg=x"])
marker_texts = st.sampled_from(
    [
        NT, "os_name=='nt'", f"{NT} or {EXTRA}", f"{NT} and {EXTRA}", f"({NT} or {EXTRA}) and python_version<'3.9'",
        f"({NT})", "'nt' == os_name and platform_machine not in 'a b'", "platform_version == 'a; b'",
    ]
)  # fmt: skip
blanks = st.sampled_from(["", " ", "  "])


@st.composite
def requirements(draw: st.DrawFn) -> str:
    """Draw a valid requirement, in any spelling."""
    text = draw(blanks) + draw(names) + draw(extra_lists) + draw(blanks)
    at_url = draw(st.integers(0, 3)) == 0
    if at_url:
        text += f"@{draw(blanks)}{draw(addresses)}"
    elif specifier := draw(specifiers):
        text += draw(st.sampled_from([f"{specifier}", f"({specifier})", f"( {specifier} )"]))
    if draw(st.booleans()):
        gap = " " if at_url or "===" in text else ""  # a semicolon could belong to what stands before it
        text += f"{gap}{draw(blanks)};{draw(blanks)}{draw(marker_texts)}"
    return text + draw(blanks)


def parts_of(text: str) -> RequirementParts:
    parts = RequirementParts.of(text)
    assert parts is not None
    return parts


def said(text: str) -> dict[str, object]:
    """Return what ``packaging`` reads."""
    strict = StrictRequirement(text)
    return {
        "name": strict.name,
        "extras": strict.extras,
        "specifier": strict.specifier,
        "url": strict.url,
        "marker": str(strict.marker) if strict.marker else "",
    }


PARTS = [
    ("x", ("x", "", "", None, "")),
    (" x ", ("x", "", "", None, "")),
    ("x>=1", ("x", "", ">=1", None, "")),
    ("x >= 1 , < 2", ("x", "", ">= 1 , < 2", None, "")),
    ("x (>=1)", ("x", "", ">=1", None, "")),
    ("x( >=1 )", ("x", "", ">=1", None, "")),
    ("x ()", ("x", "", "", None, "")),
    ("x[a]", ("x", "[a]", "", None, "")),
    ("x [ a , b ] >=1", ("x", "[ a , b ]", ">=1", None, "")),
    ("x;m", ("x", "", "", None, "m")),
    ("x ; m ", ("x", "", "", None, "m")),
    ("x[a](>=1);m", ("x", "[a]", ">=1", None, "m")),
    ("x @ https://e/x.whl", ("x", "", "", "https://e/x.whl", "")),
    ("x[a]@https://e/x.whl", ("x", "[a]", "", "https://e/x.whl", "")),
    ("x @ https://e/x.whl ; m", ("x", "", "", "https://e/x.whl", "m")),
    ("x @ https://e/x.whl ;m", ("x", "", "", "https://e/x.whl", "m")),
    ("x @ https://e/x;y", ("x", "", "", "https://e/x;y", "")),
    ("x @ https://e/x;y ; m", ("x", "", "", "https://e/x;y", "m")),
    ("x @ https://e/x.whl; m", ("x", "", "", "https://e/x.whl", "m")),
    ("A.b_C-1.0", ("A.b_C-1.0", "", "", None, "")),
    ("x-", ("x", "", "-", None, "")),
    ("x (==", ("x", "", "==", None, "")),
    ("x[a", ("x", "", "[a", None, "")),
    ("x y;m", ("x", "", "y", None, "m")),
    ("x @ ; m", ("x", "", "", "", "m")),
    ("x ; a ; b", ("x", "", "", None, "a ; b")),
    ("x;\n  m", ("x", "", "", None, "m")),
]


@pytest.mark.parametrize(("text", "expected"), PARTS)
def test_parts_are_found(text: str, expected: tuple[str, str, str, str | None, str]) -> None:
    parts = parts_of(text)
    assert (parts.name, parts.extras, parts.specifier, parts.url, parts.marker) == expected
    assert str(parts) == text


@pytest.mark.parametrize("text", ["", " ", "==1", "[x]", "; m", "-x", "_x", "é", "@ https://e/x"])
def test_text_without_a_name_has_no_parts(text: str) -> None:
    assert RequirementParts.of(text) is None


def test_extras_are_found_one_by_one() -> None:
    assert parts_of("x[ a,B_c , d ]>=1").extra_names == ["a", "B_c", "d"]
    assert parts_of("x[]").extra_names == []
    assert parts_of("x").extra_names == []


@given(
    st.text(" \t\n", max_size=2),
    names,
    st.text(" \t\n\f[](),;@<=>!~*'\"aA0._-\u00e9", max_size=20),
)
@example("", "x", " [a] (>=1) ; m ")
@example("", "x", "@u ; ; ; m")
def test_the_parts_together_are_the_text(lead: str, name: str, rest: str) -> None:
    text = lead + name + rest
    parts = parts_of(text)
    assert str(parts) == text
    assert parts.name.startswith(name)
    assert parts.lead == lead


@given(requirements())
def test_parts_are_what_packaging_reads(text: str) -> None:
    parts, strict = parts_of(text), StrictRequirement(text)
    assert (parts.name, {*parts.extra_names}, parts.url) == (strict.name, strict.extras, strict.url)
    assert SpecifierSet(parts.specifier) == strict.specifier
    assert (str(StrictMarker(parts.marker)) if parts.marker else "") == (str(strict.marker) if strict.marker else "")


@pytest.mark.parametrize(
    ("text", "specifier", "after"),
    [
        ("foo ()", "", "foo"),
        ("foo >=9\x1f", ">=9", "foo >=9"),
        ("foo (>=9)", ">=9", "foo (>=9)"),
        ("foo > =9", ">=9", "foo >=9"),
    ],
)
def test_a_specifier_that_only_some_tools_read_is_replaced_by_the_same(text: str, specifier: str, after: str) -> None:
    assert str(parts_of(text).with_specifier(specifier)) == after


@pytest.mark.parametrize("marker", ["os_name == 'x' or 'y' == os_name", 'os_name=="x"or "y"==os_name'])
def test_a_marker_that_uv_does_not_read_is_replaced_by_the_same(marker: str) -> None:
    assert str(parts_of("foo;os_name=='x'or'y'==os_name").with_marker(marker)) == f"foo;{marker}"
    assert str(parts_of("foo;os_name=='x' or os_name=='y'").with_marker('os_name == "x" or os_name == "y"')).count("'") == 4


@given(requirements(), names)
def test_another_name_changes_only_the_name(text: str, name: str) -> None:
    assume(parts_of(text).url is None)
    assert said(str(parts_of(text).with_name(name))) == {**said(text), "name": name}


@given(requirements(), st.lists(st.sampled_from(["p", "q-r", "S"]), unique=True))
def test_other_extras_change_only_the_extras(text: str, extras: list[str]) -> None:
    assert said(str(parts_of(text).with_extras(extras))) == {**said(text), "extras": {*extras}}


@given(requirements(), specifiers)
def test_another_specifier_changes_only_the_specifier_or_the_address(text: str, specifier: str) -> None:
    after = str(parts_of(text).with_specifier(specifier))
    assert said(after) == {**said(text), "specifier": SpecifierSet(specifier), "url": None}
    assert str(parts_of(after).with_specifier(specifier)) == after


@given(requirements(), st.one_of(marker_texts, st.just("")))
def test_another_marker_changes_only_the_marker(text: str, marker: str) -> None:
    after = str(parts_of(text).with_marker(marker))
    assert said(after) == {**said(text), "marker": str(StrictMarker(marker)) if marker else ""}
    assert str(parts_of(after).with_marker(marker)) == after


PLACES = [
    {"os_name": system, "extra": extra, "python_version": python, "platform_machine": machine, "platform_version": version}
    for system in ("nt", "posix")
    for extra in ("", "gpu")
    for python in ("3.8", "3.9")
    for machine in ("a", "c")
    for version in ("a; b", "1")
]
one_more = st.one_of(
    marker_texts, st.lists(marker_texts, min_size=2, max_size=3).map(lambda each: f"({' and '.join(each)})")
)


@given(requirements(), marker_texts)
def test_one_more_marker_holds_as_well(text: str, marker: str) -> None:
    after = str(parts_of(text).with_marker_too(marker))
    old = StrictRequirement(text).marker
    new = StrictRequirement(after).marker
    assert new is not None
    for place in PLACES:
        expected = (old is None or old.evaluate(place)) and StrictMarker(marker).evaluate(place)
        assert new.evaluate(place) is expected
    assert {**said(after), "marker": ""} == {**said(text), "marker": ""}


@given(requirements(), st.lists(one_more, min_size=1, max_size=3).map(" and ".join))
def test_one_more_marker_is_added_once(text: str, marker: str) -> None:
    once = parts_of(text).with_marker_too(marker)
    assert str(parts_of(str(once)).with_marker_too(marker)) == str(once)
    assert once.with_marker_too(marker) == once


ADDED = [
    ("x", NT, f"x; {NT}"),
    ("x>=1", NT, f"x>=1; {NT}"),
    ("x (>=1) ", NT, f"x (>=1); {NT}"),
    ("x @ https://e/x.whl", NT, f"x @ https://e/x.whl ; {NT}"),
    (f"x ;{EXTRA}", NT, f"x ;{EXTRA} and {NT}"),
    (f"x; {EXTRA} or {POSIX}", NT, f"x; ({EXTRA} or {POSIX}) and {NT}"),
    (f"x; {EXTRA} and {POSIX}", NT, f"x; {EXTRA} and {POSIX} and {NT}"),
    (f"x; {EXTRA}", f"{NT} or {POSIX}", f"x; {EXTRA} and ({NT} or {POSIX})"),
    ("x", f"{NT} or {POSIX}", f"x; {NT} or {POSIX}"),
    (f"x; {NT}", NT, f"x; {NT}"),
    ('x; os_name=="nt"', NT, 'x; os_name=="nt"'),
    (f"x; {NT} and {EXTRA}", NT, f"x; {NT} and {EXTRA}"),
    (f"x; {NT}", f"{NT} and {EXTRA}", f"x; {NT} and {EXTRA}"),
    (f"x; {NT} or {POSIX}", f"{NT} or {POSIX}", f"x; {NT} or {POSIX}"),
    (f"x; {NT} or {EXTRA}", NT, f"x; ({NT} or {EXTRA}) and {NT}"),
]


@pytest.mark.parametrize(("text", "marker", "expected"), ADDED)
def test_a_marker_that_is_said_already_is_not_added(text: str, marker: str, expected: str) -> None:
    assert str(parts_of(text).with_marker_too(marker)) == expected


NESTED = [
    pytest.param(f"x; {EXTRA}", f"({NT} and python_version < '3.9') and platform_machine == 'a'", id="grouped"),
    pytest.param("x", f"{NT} and (python_version < '3.9' and platform_machine == 'a')", id="grouped-alone"),
]


@pytest.mark.parametrize(("text", "marker"), NESTED)
def test_adding_a_marker_twice_is_adding_it_once(text: str, marker: str) -> None:
    """All of them are valid for ``packaging``."""
    StrictRequirement(text)
    StrictMarker(marker)
    once = parts_of(text).with_marker_too(marker)
    assert str(once.with_marker_too(marker)) == str(once)


@pytest.mark.parametrize("other", ["os_name == sys_platform", "'nt' == 'nt'", f"{'(' * 101}{POSIX}{')' * 101}"])
@pytest.mark.parametrize("more", ["", f" or {EXTRA}"])
def test_nothing_is_added_to_a_marker_that_cannot_be_read(other: str, more: str) -> None:
    """Whatever would be written could mean something else than before; all of these are valid for ``packaging``."""
    StrictMarker(other + more)
    with pytest.raises(EditError) as caught:
        parts_of(f"x; {other}{more}").with_marker_too(POSIX)
    assert caught.value.code == "unreadable-marker"


@pytest.mark.parametrize("text", ["x; os_name == 'a') or (os_name == 'b'", "x; os_name = 'a'", "x; ("])
def test_nothing_is_added_to_a_malformed_marker(text: str) -> None:
    """In parentheses the first one would be valid, and ask for something else."""
    with pytest.raises(EditError):
        parts_of(text).with_marker_too(POSIX)


@pytest.mark.parametrize("text", ["x @ https://e/x.whl", "x@https://e/x.whl ; os_name == 'nt'"])
def test_an_address_belongs_to_its_name(text: str) -> None:
    with pytest.raises(EditError) as caught:
        parts_of(text).with_name("y")
    assert caught.value.code == "renamed-url"
    assert str(parts_of(text).with_name("X")).startswith("X")


def test_a_name_may_end_with_an_underscore_as_packaging_has_it() -> None:
    assert str(parts_of("foo_>=1").with_name("bar")) == "bar>=1"
    assert StrictRequirement("foo_>=1").name == parts_of("foo_>=1").name == "foo_"


CHANGED = [
    ("x>=1 ; m", "specifier", ">=2", "x>=2 ; m"),
    ("x >=1;m", "specifier", ">=2", "x >=2;m"),
    ("x (>=1)", "specifier", ">=2", "x (>=2)"),
    ("x (>=1)", "specifier", "", "x"),
    ("x>=1", "specifier", "", "x"),
    ("x >=1 ; m", "specifier", "", "x ; m"),
    ("x", "specifier", ">=2", "x>=2"),
    ("x ; m", "specifier", ">=2", "x>=2 ; m"),
    ("x[a]", "specifier", ">=2", "x[a]>=2"),
    ("x >= 1, <2", "specifier", "<2,>=1", "x >= 1, <2"),
    ("x ( >=1 )", "specifier", ">=1", "x ( >=1 )"),
    ("x @ https://e/x.whl", "specifier", ">=2", "x>=2"),
    ("x @ https://e/x.whl ; m", "specifier", ">=2", "x>=2 ; m"),
    ("x @ https://e/x.whl", "specifier", "", "x"),
    ("x (==", "specifier", ">=2", "x (>=2)"),
    ("x >= 1.0.*, ; m", "specifier", ">=1", "x >=1 ; m"),
    ("x;m", "marker", "n", "x;n"),
    ("x ; m", "marker", "n", "x ; n"),
    ("x;m", "marker", "", "x"),
    ("x >=1 ; m", "marker", "", "x >=1"),
    ("x", "marker", "n", "x; n"),
    ("x ", "marker", "n", "x; n"),
    ("x @ https://e/x.whl", "marker", "n", "x @ https://e/x.whl ; n"),
    ("x @ https://e/x.whl ; m", "marker", "n", "x @ https://e/x.whl ; n"),
    ("x @ https://e/x.whl ; m", "marker", "", "x @ https://e/x.whl"),
    ("x;os_name=='nt'", "marker", 'os_name == "nt"', "x;os_name=='nt'"),
    (" x_Y [a]>=1", "name", "z", " z [a]>=1"),
    ("x (==", "name", "z", "z (=="),
]


@pytest.mark.parametrize(("text", "part", "value", "expected"), CHANGED)
def test_one_part_is_changed_and_the_others_keep_their_spelling(text: str, part: str, value: str, expected: str) -> None:
    parts = parts_of(text)
    changes = {"specifier": parts.with_specifier, "marker": parts.with_marker, "name": parts.with_name}
    assert str(changes[part](value)) == expected


def test_other_extras_stand_in_brackets() -> None:
    assert str(parts_of("x [a]>=1;m").with_extras(["b", "c"])) == "x[b,c]>=1;m"
    assert str(parts_of("x>=1").with_extras(["b"])) == "x[b]>=1"
    assert str(parts_of("x @ https://e/x.whl").with_extras(["b"])) == "x[b] @ https://e/x.whl"


@pytest.mark.parametrize("value", ["( x", "x )", "a  b"])
def test_a_marker_with_another_value_is_another_marker(value: str) -> None:
    """Blanks inside of quotes are part of the value."""
    parts = parts_of(f"x; platform_version == '{value}'")
    other = f"platform_version == '{value.replace(' ', '')}'"
    assert parts.with_marker(other).marker == other


def test_an_address_may_begin_with_a_semicolon() -> None:
    """It leads nowhere, and packaging reads it all the same."""
    parts = RequirementParts.of("a @ ;x ; os_name == 'nt'")
    assert parts is not None
    assert (parts.url, parts.marker) == (StrictRequirement(str(parts)).url, NT) == (";x", NT)
    alone = RequirementParts.of("a @ ; ")
    assert alone is not None
    assert (alone.url, alone.marker) == (StrictRequirement(str(alone)).url, "") == (";", "")


def test_an_address_may_end_with_a_semicolon() -> None:
    """``packaging`` takes all up to a blank for the address."""
    text = f"x @ https://e/x; ; {NT}"
    strict = StrictRequirement(text)
    assert (parts_of(text).url, parts_of(text).marker) == (strict.url, NT)
    assert said(str(parts_of(text).with_marker(POSIX)))["url"] == strict.url


def test_many_blanks_are_read_once() -> None:
    """Where every blank is tried as the begin of a semicolon, a million take an hour; the process ends a hang, no more."""
    code = """
from wheelfix.wheel.requirement import read_requirement
for head in ("a", "a @ u", "a[b] "):
    assert read_requirement(head + " " * 1_000_000 + "!").malformed
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


SAME = [
    ("numpy>=1,<2", "NumPy (<2, >=1)", True),
    ("x[A_b,c]", "X [c , a-b]", True),
    ("x; os_name=='nt'", 'x ; os_name == "nt"', True),
    ("x; extra == 'A_b'", "x; extra == 'a-b'", True),
    ("x @ https://e/x.whl ; os_name == 'nt'", "x@https://e/x.whl ;os_name=='nt'", True),
    ("x\n  >=1", "x >=1", True),
    ("x (==", "x  (==", True),
    ("==1", " ==1 ", True),
    ("x", "y", False),
    ("x", "x[a]", False),
    ("x>=1", "x>=2", False),
    ("x>=1", "x", False),
    ("x", "x; os_name == 'nt'", False),
    ("x; os_name == 'nt'", "x; os_name == 'NT'", False),
    ("x; os_name == 'a' and (os_name == 'b' or os_name == 'c')",
     "x; os_name == 'a' and os_name == 'b' or os_name == 'c'", False),
    ("x @ https://e/x.whl", "x @ https://e/y.whl", False),
    ("x @ https://e/x.whl", "x", False),
    ("x (==", "X (==", False),
    ("x (==", "x", False),
]  # fmt: skip


@pytest.mark.parametrize(("one", "two", "expected"), SAME)
def test_requirements_that_say_the_same(one: str, two: str, expected: bool) -> None:
    assert same_requirement(one, two) is expected
    assert same_requirement(two, one) is expected
    assert same_requirement(one, one)


@given(requirements(), requirements())
def test_what_says_the_same_is_read_alike_by_packaging(one: str, two: str) -> None:
    ours, theirs = said(one), said(two)
    for each in (ours, theirs):
        each["name"] = canonicalize_name(str(each["name"]))
    alike = same_requirement(one, two)
    lower = [{canonicalize_name(each) for each in StrictRequirement(text).extras} for text in (one, two)]
    assert alike is ({**ours, "extras": lower[0]} == {**theirs, "extras": lower[1]})


SPECIFIERS = [
    ("", ""),
    (" ", ""),
    ("< 2, >= 1.0", "<2,>=1.0"),
    (">=1.0,<2", "<2,>=1.0"),
    ("==1.*", "==1.*"),
    ("=== 1.0-x", "===1.0-x"),
    (">= 1.0.*, ", ">=1.0.*,"),
    ("no version", "noversion"),
]


@pytest.mark.parametrize(("text", "expected"), SPECIFIERS)
def test_specifiers_have_one_spelling(text: str, expected: str) -> None:
    assert plain_specifier(text) == expected
    assert plain_specifier(expected) == expected
