"""Patterns for names."""

import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import given, strategies as st

from counting import count_calls
from wheelfix.globs import is_plain, matcher, matches, path_matcher

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


PATHS = [
    ("tests/", "tests/a.py", True),
    ("tests/", "tests/deep/a.py", True),
    ("tests/", "tests", False),
    ("tests/", "demo/tests/a.py", False),
    ("tests/", "tests2/a.py", False),
    ("**/tests/", "demo/tests/a.py", True),
    ("**/tests/", "tests/a.py", True),
    ("te*s/", "tests/a/b", True),
    ("bin/tool", "bin/tool", True),
    ("bin/tool", "x/bin/tool", False),
    ("bin/*", "bin/tool", True),
    ("bin/*", "bin/sub/tool", False),
    ("bin/**", "bin/sub/tool", True),
    ("bin/**", "bin", False),
    ("docs/**/*.md", "docs/a.md", True),
    ("docs/**/*.md", "docs/a/b/c.md", True),
    ("docs/**/*.md", "docs/a/b/c.rst", False),
    ("docs/**/api/**/*.md", "docs/x/api/y/api/z.md", True),
    ("docs/**/api/*.md", "docs/api/x/api/z.md", True),
    ("**", "a", True),
    ("*.pyc", "a/b/c.pyc", True),
    ("*.pyc", "c.pyc", True),
    ("*.pyc", "c.pyc/d", False),
    (".DS_Store", "a/.DS_Store", True),
    ("/README.md", "README.md", True),
    ("/README.md", "docs/README.md", False),
    ("/*", "a", True),
    ("/*", "a/b", False),
    ("a/[bc]/?.py", "a/c/x.py", True),
    ("a/[bc]/?.py", "a/d/x.py", False),
    ("a/**b/c", "a/xb/c", True),
    ("a/**b/c", "a/x/b/c", False),
]


@pytest.mark.parametrize(("glob", "path", "expected"), PATHS)
def test_patterns_for_paths(glob: str, path: str, expected: bool) -> None:
    assert path_matcher(glob)(path) is expected


def _by_trying_all(names: list[str], parts: list[str]) -> bool:
    """Whether they match, by the definition: ``**`` is any number of names, at the end at least one."""
    if not parts:
        return not names
    if parts[0] == "**":
        least = 1 if parts == ["**"] else 0
        return any(_by_trying_all(names[taken:], parts[1:]) for taken in range(least, len(names) + 1))
    return bool(names) and fnmatchcase(names[0], parts[0]) and _by_trying_all(names[1:], parts[1:])


@given(
    st.lists(st.sampled_from(["a", "b", "*", "**", "a*", "?"]), min_size=2, max_size=6),
    st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=6),
)
def test_a_pattern_for_paths_means_what_its_parts_mean(parts: list[str], names: list[str]) -> None:
    assert path_matcher("/".join(parts))("/".join(names)) is _by_trying_all(names, parts)


def test_the_time_of_a_path_is_its_parts_times_those_of_the_pattern() -> None:
    def work(size: int) -> int:
        matches_path = path_matcher("/".join(["**", "a"] * size) + "/b")
        return count_calls(lambda: matches_path("/".join(["a"] * size * 2)))

    few, many = work(10), work(40)
    assert many < 20 * few
