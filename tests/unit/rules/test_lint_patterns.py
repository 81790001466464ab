"""How two shell patterns relate: which contains which, and what a pattern fixes."""

from itertools import product

import pytest
from hypothesis import given, strategies as st

from wheelfix.globs import matches
from wheelfix.rules.lint import all_contained, beginnings, contains, literal_length, start_of


def test_what_a_pattern_fixes() -> None:
    assert [literal_length(glob) for glob in ("*", "a?c", "[ab]*", "abc", "nvidia-*")] == [0, 2, 1, 3, 7]


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
