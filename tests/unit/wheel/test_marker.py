"""Markers as trees: what is read, how it is written again, and what is left without an extra."""

import pytest

from wheelfix.wheel.marker import (
    Comparison,
    Either,
    Every,
    Marker,
    comparisons,
    extras_named,
    is_false_with,
    marker_text,
    operand_text,
    plain_marker,
    read_marker,
    without_extra,
)

A, B, C, D = (Comparison("os_name", "==", letter, f"os_name == '{letter}'") for letter in "abcd")


def read(text: str) -> Marker:
    marker = read_marker(text)
    assert marker is not None
    return marker


def shape(text: str) -> Marker:
    """Return the tree of a marker in which a letter stands for a comparison, ``&`` for *and*, and ``|`` for *or*."""
    words = {"&": " and ", "|": " or "}
    return read("".join(f"os_name == '{each}'" if each in "abcd" else words.get(each, each) for each in text))


TREES = [
    ("a", A),
    ("(((a)))", A),
    ("a&b", Every((A, B))),
    ("a&b&c", Every((A, B, C))),
    ("a|b|c", Either((A, B, C))),
    ("a&b|c&d", Either((Every((A, B)), Every((C, D))))),
    ("a&(b|c)&d", Every((A, Either((B, C)), D))),
    ("a|b&c", Either((A, Every((B, C))))),
    ("(a|b)&c", Every((Either((A, B)), C))),
    ("a|(b|c)", Either((A, B, C))),
    ("(a&b)&c", Every((A, B, C))),
]


@pytest.mark.parametrize(("text", "tree"), TREES)
def test_and_binds_tighter_than_or(text: str, tree: Marker) -> None:
    assert shape(text) == tree


WRITTEN = [
    ("os_name=='nt'", "os_name == 'nt'"),
    ('os_name  ==\t"nt" ', 'os_name == "nt"'),
    ("'nt'==os_name", "'nt' == os_name"),
    ("os_name == '  two  blanks '", "os_name == '  two  blanks '"),
    ("os_name == 'a and (b or c)'", "os_name == 'a and (b or c)'"),
    ("os_name == 'it\"s'", "os_name == 'it\"s'"),
    ('os_name == "it\'s"', 'os_name == "it\'s"'),
    ("platform_machine not \t  in 'a b'", "platform_machine not in 'a b'"),
    ("( os_name == 'a' or os_name == 'b' )and(os_name == 'c')", "(os_name == 'a' or os_name == 'b') and os_name == 'c'"),
    ("(os_name == 'a' and os_name == 'b') or os_name == 'c'", "os_name == 'a' and os_name == 'b' or os_name == 'c'"),
    ("os_name == 'a'\n  and os_name == 'b'", "os_name == 'a' and os_name == 'b'"),
    ("python_version ~= '3.8'", "python_version ~= '3.8'"),
    ("python_version === '3.8'", "python_version === '3.8'"),
    ("os.name == 'nt'", "os.name == 'nt'"),
]


@pytest.mark.parametrize(("text", "expected"), WRITTEN)
def test_each_comparison_is_kept_as_it_is_written_except_for_blanks(text: str, expected: str) -> None:
    assert marker_text(read(text)) == expected
    assert marker_text(read(expected)) == expected


def test_only_an_or_needs_parentheses_beside_an_and() -> None:
    assert operand_text(Either((A, B))) == "(os_name == 'a' or os_name == 'b')"
    assert operand_text(Every((A, B))) == "os_name == 'a' and os_name == 'b'"
    assert operand_text(A) == "os_name == 'a'"


COMPARED = [
    ("os_name == 'x'", "==", False),
    ("'x' == os_name", "==", False),
    ("'x' != os_name", "!=", False),
    ("os_name < 'x'", "<", False),
    ("'x' < os_name", ">", False),
    ("'x' <= os_name", ">=", False),
    ("'x' > os_name", "<", False),
    ("'x' >= os_name", "<=", False),
    ("'x' ~= os_name", "~=", False),
    ("'x' === os_name", "===", False),
    ("os_name in 'x'", "in", False),
    ("os_name not in 'x'", "not in", False),
    ("os_name not   in 'x'", "not in", False),
    ("'x' in os_name", "in", True),
    ("'x' not in os_name", "not in", True),
    ("'x'in os_name", "in", True),
]


@pytest.mark.parametrize(("text", "operator", "contained"), COMPARED)
def test_operators_read_from_the_variable_to_the_value(text: str, operator: str, contained: bool) -> None:
    comparison = read(text)
    assert isinstance(comparison, Comparison)
    assert (comparison.variable, comparison.operator, comparison.value) == ("os_name", operator, "x")
    assert comparison.contained is contained


MALFORMED = [
    "", " ", "os_name", "os_name ==", "== 'nt'", "os_name = 'nt'", "os_name == nt", "os_name == 'nt", "os_name == nt'",
    "os_name == \"nt'", "os_name 'nt'", "os_name == 'a' 'b'", "os_name == 'a' os_name == 'b'", "os_name == 'a' and",
    "and os_name == 'a'", "os_name == 'a' and and os_name == 'b'", "os_name == 'a' and or os_name == 'b'",
    "os_name == 'a' & os_name == 'b'", "os_name == 'a', os_name == 'b'", "not os_name == 'a'", "os_name not 'a'",
    "os_name notin 'a'", "()", "(os_name == 'a'", "os_name == 'a')", "(os_name == 'a'))", "os_name == 'a' ; os_name == 'b'",
    "os_name == 3", "os_name == 'a' AND os_name == 'b'", "os_name == 'a' andos_name == 'b'",
    "os_name == 'a' or_ os_name == 'b'",
    "os_name in ('a', 'b')", "os_name <> 'a'", "(os_name) == 'a'", "os_name == 'a' #", "_x == 'a'", "\0",
]  # fmt: skip


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_text_is_no_marker(text: str) -> None:
    assert read_marker(text) is None


def test_a_hundred_parentheses_are_read_and_no_more() -> None:
    assert read_marker("(" * 100 + "os_name == 'a'" + ")" * 100) == A
    assert read_marker("(" * 101 + "os_name == 'a'" + ")" * 101) is None
    nested = "os_name == 'a'"
    for _ in range(50):
        nested = f"(os_name == 'b' and ({nested} or os_name == 'c'))"
    assert len(list(comparisons(read(nested)))) == 101
    assert read_marker(f"({nested})") is None


def test_twenty_thousand_characters_are_read_and_no_more() -> None:
    longest = "os_name == '" + "x" * (20_000 - 13) + "'"
    assert len(longest) == 20_000
    assert marker_text(read(longest)) == longest
    assert read_marker(longest.replace("x'", "xx'")) is None
    many = " and ".join(["os_name == 'a'"] * 1000)
    assert len(list(comparisons(read(many)))) == 1000


@pytest.mark.parametrize(
    "text",
    [
        "(" * 20_000,
        "(" * 1_000_000,
        "os_name" + " " * 19_000 + "!",
        "os_name not" + " " * 19_000 + "?",
        "'" + '"' * 19_000,
        "or " * 6_000,
        "os_name == 'a' or (" * 1_000,
        "x" * 1_000_000,
    ],
    ids=["open", "more-open", "blanks", "not", "quotes", "or", "unclosed", "long-name"],
)
def test_hostile_text_is_no_marker(text: str) -> None:
    """Each of them would run for very long, or too deep, if a part of it were read again and again."""
    assert read_marker(text) is None


PLAIN = [
    ("os_name=='nt'", 'os_name == "nt"'),
    ("'x86_64'==platform_machine", '"x86_64" == platform_machine'),
    ("os_name  not   in 'a  b'", 'os_name not in "a  b"'),
    ("(  os_name=='a'or os_name=='b'  )and  os_name!='c'", '(os_name == "a" or os_name == "b") and os_name != "c"'),
    ("((os_name == 'a'))", '((os_name == "a"))'),
    ("platform_machine ==\n 'arm'", 'platform_machine == "arm"'),
    ("os_name ==", "os_name =="),
    ("'nt'", '"nt"'),
    ("and os_name=='nt'", 'and os_name == "nt"'),
    ("", ""),
    ("so  it   is!", "so it is!"),
]


@pytest.mark.parametrize(("text", "expected"), PLAIN)
def test_markers_and_parts_of_markers_have_one_spelling(text: str, expected: str) -> None:
    assert plain_marker(text) == expected
    assert plain_marker(expected) == expected


DIFFERENT = [
    pytest.param("platform_version == '( a'", "platform_version == '(a'", id="blank-behind-a-parenthesis"),
    pytest.param("platform_version == 'a )'", "platform_version == 'a)'", id="blank-before-a-parenthesis"),
    pytest.param(
        "os_name == 'a\" and sys_platform == \"b'", 'os_name == "a" and sys_platform == "b"', id="double-quotes-in-a-value"
    ),
    pytest.param("os_name == 'a b'", "os_name == 'a  b'", id="blanks"),
    pytest.param("os_name == 'nt'", "os_name == 'NT'", id="case"),
]


@pytest.mark.parametrize(("one", "two"), DIFFERENT)
def test_what_compares_with_another_value_has_another_plain_spelling(one: str, two: str) -> None:
    assert plain_marker(one) != plain_marker(two)


def test_comparisons_come_from_left_to_right() -> None:
    found = comparisons(shape("(a|b&(c|d))&a"))
    assert [each.value for each in found] == ["a", "b", "c", "d", "a"]


def test_extras_are_named_by_their_normal_names() -> None:
    marker = read("extra == 'A_b' or os_name == 'z' and ('c' == extra or 'D.d' in extras) or extra != 'e'")
    assert extras_named(marker) == {"a-b", "c", "d-d", "e"}
    assert extras_named(A) == frozenset()


FALSE_WITH = [
    ("os_name == 'nt'", "", False),
    ("extra == 'a'", "", True),
    ("extra == 'a'", "a", False),
    ("extra == 'a'", "b", True),
    ("extra == 'A_1'", "a-1", False),
    ("'a' == extra", "a", False),
    ("extra != 'a'", "a", True),
    ("extra != 'a'", "", False),
    ("extra == 'a' and os_name == 'nt'", "a", False),
    ("extra == 'a' and os_name == 'nt'", "b", True),
    ("extra == 'a' or os_name == 'nt'", "b", False),
    ("extra == 'a' or extra == 'b'", "c", True),
    ("extra == 'a' and extra == 'b'", "a", True),
    ("extra in 'a b'", "a", True),
    ("'a' in extras", "a", True),
    ("extra > 'a'", "a", True),
]


@pytest.mark.parametrize(("text", "extra", "expected"), FALSE_WITH)
def test_what_is_false_with_an_extra(text: str, extra: str, expected: bool) -> None:
    assert is_false_with(read(text), extra) is expected


WITHOUT = [
    ("extra == 'a'", False),
    ("'a' == extra", False),
    ('extra=="A"', False),
    ("extra != 'a'", True),
    ("extra == 'b'", "extra == 'b'"),
    ("extra != 'b'", "extra != 'b'"),
    ("os_name == 'a'", "os_name == 'a'"),
    ("'a' == os_name", "'a' == os_name"),
    ("extra in 'a b'", "extra in 'a b'"),
    ("extra == 'a' and os_name == 'nt'", False),
    ("extra == 'a' or os_name == 'nt'", "os_name == 'nt'"),
    ("extra != 'a' and os_name == 'nt'", "os_name == 'nt'"),
    ("extra != 'a' or os_name == 'nt'", True),
    ("extra == 'a' or extra == 'b'", "extra == 'b'"),
    ("extra == 'a' or extra == 'A'", False),
    ("extra != 'a' and extra != 'A'", True),
    ("extra == 'a' or extra == 'b' or extra == \"c\"", "extra == 'b' or extra == \"c\""),
    ("os_name == 'nt' and (extra == 'a' or extra == 'b')", "os_name == 'nt' and extra == 'b'"),
    ("os_name == 'nt' and (extra == 'b' or extra == 'a' or extra == 'c')",
     "os_name == 'nt' and (extra == 'b' or extra == 'c')"),
    ("(extra == 'a' and os_name == 'nt') or (extra == 'b' and os_name=='x')", "extra == 'b' and os_name == 'x'"),
    ("(extra == 'a' or os_name == 'nt') and (extra != 'a' or os_name == 'x')", "os_name == 'nt'"),
    ("(extra == 'a' and os_name == 'nt') and os_name == 'x'", False),
    ("(extra != 'a' or os_name == 'nt') or os_name == 'x'", True),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), WITHOUT)
def test_what_is_left_without_an_extra(text: str, expected: str | bool) -> None:
    left = without_extra(read(text), "a")
    assert (left if isinstance(left, bool) else marker_text(left)) == expected


@pytest.mark.parametrize("text", ["extra == '\\x61'", "extra == '\\u0061' and os_name == 'nt'", "os_name == 'a\\\\b'"])
def test_a_backslash_is_not_understood(text: str) -> None:
    """Some installers read quoted text as Python does (``packaging``: ``ast.literal_eval``), others as it stands."""
    assert read_marker(text) is None
