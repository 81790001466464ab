"""The lines of keys: where a valid file has them, whatever stands in texts, lists and comments."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given, strategies as st

from counting import count_calls
from wheelfix.toml import TomlError, key_lines, read_toml


def test_each_table_and_key_has_its_line() -> None:
    text = '''# a comment = 1
schema = 1 # [x]
[mirror] # y
store = """
[z]
keep = 1
"""
rules = [ # ]
  "a", 'b]', # "
  """c
]""",
]
  "quoted.key" = { a = "}", b = [
] }
[a."b c".d]
e.f = 1
[[source]]
name = 'x'
[source.more]
k = 1
[[source]]
[[source.part]]
k = 2
'''
    assert tomllib.loads(text)
    assert key_lines(text) == {
        ("schema",): 2, ("mirror",): 3, ("mirror", "store"): 4, ("mirror", "rules"): 8, ("mirror", "quoted.key"): 13,
        ("a", "b c", "d"): 15, ("a", "b c", "d", "e", "f"): 16, ("source", 0): 17, ("source", 0, "name"): 18,
        ("source", 0, "more"): 19, ("source", 0, "more", "k"): 20, ("source", 1): 21, ("source", 1, "part", 0): 22,
        ("source", 1, "part", 0, "k"): 23,
    }  # fmt: skip


def test_line_ends_of_windows_count_once() -> None:
    assert key_lines("a = 1\r\n\r\nb = 2\r\n") == {("a",): 1, ("b",): 3}


values = st.recursive(
    st.integers(0, 9) | st.text("ab\n\"'\\[]{}#=,. é", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab_-", min_size=1), inner, max_size=2),
    max_leaves=6,
)


@given(data=st.dictionaries(st.text("abc_-", min_size=1, max_size=4), values, max_size=4))
def test_a_key_stands_on_its_line(data: dict[str, Any]) -> None:
    text = tomli_w.dumps(data)
    lines = text.split("\n")
    for path, line in key_lines(text).items():
        assert str([each for each in path if isinstance(each, str)][-1]) in lines[line - 1]
    top = {key for key, value in data.items() if not isinstance(value, dict) and not isinstance(value, list)}
    assert {path[0] for path in key_lines(text)} >= top


def test_the_work_grows_with_the_file() -> None:
    def work(count: int) -> int:
        return count_calls(lambda: key_lines('a = """\n[x]\n"""\nb = [[\n]]\n[[c]]\n' * count))

    assert work(300) < 4 * work(100)


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("a = 1\n[b\n", 2, "Expected ']' at the end of a table declaration, column 3", "Correct the line."),
        ("a = wheels\n", 1, "Invalid value, column 5", "Correct the line. Text stands in quotes."),
        (
            "a = { b = 1,\n}\n", 1, "Invalid initial character for a key part, column 13",
            "Correct the line. An inline table must be on one line, without a trailing comma.",
        ),
        ("a = [1,\n", None, "Invalid value (at end of document)", "Close all quotes and brackets."),
    ],
)  # fmt: skip
def test_a_mistake_has_its_line_and_what_to_do_about_it(
    text: str, line: int | None, message: str, hint: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(TomlError) as caught:
        read_toml(path)
    assert (caught.value.line, caught.value.message, caught.value.hint) == (line, f"invalid TOML: {message}", hint)


@pytest.mark.parametrize(
    "text",
    [
        f"a = {'9' * 70_000}",
        f"{'a' * 70_000} = 1",
        f"[{'a' * 70_000}]",
        f"a = 0x{'f' * 70_000}",
        f'"a".{"b" * 70_000} = 1',
        f"'a' . {'b' * 70_000} = 1",
        f'["a".{"b" * 70_000}]',
        f'a = {{ "b".{"c" * 70_000} = 1 }}',
        f'"a"."{"b" * 70_000}" = 1',
        f'"{"a" * 70_000}" \t= 1',
        f"'{'a' * 70_000}'=1",
    ],
    ids=lambda text: text[:12],
)
def test_a_number_or_key_without_end_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(f"# first\n{text}\n")
    with pytest.raises(TomlError, match=r"has 7\d,\d{3} characters") as caught:
        read_toml(path)
    assert caught.value.line == 2


def test_a_long_text_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    long = "x" * 70_000
    path.write_text(f'a = "{long}"\nb = [ "{long}", \'{long}\']\nc = {{ d = "{long}" }}\n')
    assert read_toml(path)[0] == {"a": long, "b": [long, long], "c": {"d": long}}
