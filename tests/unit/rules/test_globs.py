"""Shell patterns: what they match, and how two of them relate."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelfix.rules.match import all_contained, beginnings, contains, is_plain, literal_length, matches, start_of

GLOBS = [
    ("triton", "triton", True),
    ("triton", "tritonclient", False),
    ("triton", "pytorch-triton", False),
    ("foo", "foobar", False),
    ("nvidia-*-cu[1-9][0-9]", "nvidia-cublas-cu12", True),
    ("nvidia-*-cu[1-9][0-9]", "nvidia-cublas-cu123", False),
    ("nvidia-*-cu[1-9][0-9]", "xnvidia-cublas-cu12", False),
    ("nvidia-*-cu[1-9][0-9]", "nvidia-cublas-cu12\n", False),
    ("a.c", "abc", False),
    ("*", "anything", True),
    ("", "", True),
    ("?", "ab", False),
    ("[!0-9]", "a", True),
    ("[!0-9]", "1", False),
    ("Triton", "triton", False),
]


@pytest.mark.parametrize(("glob", "name", "expected"), GLOBS)
def test_patterns_match_whole_names(glob: str, name: str, expected: bool) -> None:
    """Pitfall 8: ``triton`` is not ``tritonclient``; ``foo`` is not ``foobar``."""
    assert matches((glob,), name) is expected
    assert matches(("zzz", glob), name) is expected


def test_no_patterns_match_nothing() -> None:
    assert not matches((), "x")


def test_what_a_pattern_fixes() -> None:
    assert [literal_length(glob) for glob in ("*", "a?c", "[ab]*", "abc", "nvidia-*")] == [0, 2, 1, 3, 7]
    assert [is_plain(glob) for glob in ("a-b", "a*", "a?", "[a]")] == [True, False, False, False]


CONTAINED = [
    ("*", "a", True), ("a", "a", True), ("a", "b", False), ("a*", "ab*", True), ("ab*", "a*", False), ("?", "[ab]", True),
    ("[ab]", "?", False), ("[a-c]", "[ab]", True), ("*a", "*ba", True), ("a", "", False), ("", "", True), ("*", "*", True),
    ("a*c", "abbbc", True), ("a*c", "ab*", False), ("nvidia-*", "nvidia-*-cu[1-9][0-9]", True),
]  # fmt: skip


@pytest.mark.parametrize(("outer", "inner", "expected"), CONTAINED)
def test_what_contains_what(outer: str, inner: str, expected: bool) -> None:
    assert contains(outer, inner) is expected


def test_several_patterns() -> None:
    assert all_contained(["a*", "b"], ["ab", "b"])
    assert not all_contained(["a*"], ["ab", "b"])
    assert all_contained(["[a]b"], ["ab"])
    assert all_contained([], [])
    assert not all_contained([], ["a"])


patterns = st.lists(st.sampled_from(["a", "b", "*", "?", "[ab]", "[!a]"]), max_size=3).map("".join)
TEXTS = ["".join(chars) for size in range(7) for chars in product("abc", repeat=size)]


@given(patterns, patterns)
def test_relations_agree_with_trying_every_text(one: str, two: str) -> None:
    """Containment may stay unseen, but is never claimed wrongly, and never for patterns whose starts do not fit."""
    first, second = ({text for text in TEXTS if matches((glob,), text)} for glob in (one, two))
    if contains(one, two):
        assert second <= first
        assert start_of(one) in beginnings(start_of(two)) or not second
