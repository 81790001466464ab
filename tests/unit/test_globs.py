"""Patterns for names."""

import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import given, strategies as st

from wheelfix.globs import is_plain, matcher, matches

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


def test_a_pattern_without_wildcards_is_plain() -> None:
    assert [is_plain(glob) for glob in ("a-b", "a*", "a?", "[a]")] == [True, False, False, False]


_PIECES = st.sampled_from(["a", "b", "ab", ".", "\n", "*", "**", "?", "[ab]", "[!a]", "[", "]", "[a"])
_TEXTS = st.text("ab.\n[]*?", max_size=8)


@given(st.lists(_PIECES, max_size=6).map("".join), _TEXTS)
def test_they_match_what_the_standard_library_matches(glob: str, text: str) -> None:
    assert bool(matcher(glob)(text)) is fnmatchcase(text, glob)


@given(st.lists(st.lists(_PIECES, max_size=4).map("".join), max_size=4), _TEXTS)
def test_a_list_matches_what_any_of_its_patterns_matches(globs: list[str], text: str) -> None:
    assert matches(tuple(globs), text) is any(fnmatchcase(text, glob) for glob in globs)


def test_text_and_stars_need_no_expression(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(re, "compile", None)
    assert matches(("torch-rocm*", "libx*_y*.so.*"), "libx1_y2.so.3")
    assert not matches(("torch-cpu[0-9]",), "nothing-that-begins-like-it")
