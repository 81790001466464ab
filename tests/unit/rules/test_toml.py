"""TOML files within limits: what would take gigabytes is refused before it is parsed, and nothing else is."""

import tracemalloc
from pathlib import Path

import pytest

from counting import count_calls
from wheelfix.errors import RulesError
from wheelfix.rules.load import find_rules, load_rules
from wheelfix.rules.toml import read_toml

A_LOT = 20_000
PATH = "a." * A_LOT + "a"
DEEP = {
    "a key": (2, f"schema = 1\n{PATH} = 1\n"),
    "blanks around the dots": (2, f"schema = 1\n{PATH.replace('.', ' . ')} = 1\n"),
    "quoted parts": (2, "schema = 1\n" + '"a.b".' * A_LOT + "a = 1\n"),
    "a table": (2, f"schema = 1\n[{PATH}]\n"),
    "a table in a list": (2, f"schema = 1\n[[{PATH}]]\n"),
    "in braces": (1, f"x = {{ {PATH} = 1 }}\n"),
    "behind a text": (2, f"x = 'a' # it's\n{PATH} = 1\n"),
    "behind a text that ends with a quotation mark": (1, f'x = ["""a"""", {{ {PATH} = 1 }}]\n'),
    "behind a text that ends with two apostrophes": (1, f"x = ['''a''''', {{ {PATH} = 1 }}]\n"),
    "behind a long text": (4, f'x = """\n" "" \\"""\n"""\n{PATH} = 1\n'),
}


@pytest.mark.parametrize("kind", DEEP)
def test_a_key_of_thousands_of_parts_is_refused_and_costs_nothing(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "deep.toml"
    line, text = DEEP[kind]
    path.write_text(text, "utf-8")
    tracemalloc.start()
    try:
        with pytest.raises(RulesError, match=r"a key has 20,001 parts\. At most 32 are allowed") as caught:
            load_rules(path)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert caught.value.findings[0].place == f"{path}:{line}"


def test_a_project_file_is_read_within_the_same_limits(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(DEEP["a table"][1], "utf-8")
    with pytest.raises(RulesError, match="parts"):
        find_rules(tmp_path)


FINE = {
    "32 parts": f"{'a.' * 31}a = 1\n",
    "a text": f'a = "{"a." * 500}"\n',
    "a literal text": f"a = '{'a.' * 500}'\n",
    "a long text": f'a = """\n{"a." * 500}\n"""\n',
    "a long literal text": f"a = '''\n{'a.' * 500}\n'''\n",
    "a comment": f"# {'a.' * 500}\n",
    "many short keys": "".join(f"a{number}.b.c = 1\n" for number in range(500)),
    "dots in one part": f'"{"a." * 500}" = 1\n',
}


@pytest.mark.parametrize("kind", FINE)
def test_dots_elsewhere_are_no_parts(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "fine.toml"
    path.write_text(FINE[kind], "utf-8")
    assert read_toml(path)[1] == FINE[kind]


@pytest.mark.parametrize("text", ['"' * 9, "'" * 9, '"""' + '\\"""' * 3000, "'''" + "'" * 3000, '"\\' * 3000, "a." * 3000])
def test_what_is_not_closed_is_looked_at_once(text: str, tmp_path: Path) -> None:
    path = tmp_path / "open.toml"
    path.write_text(f"a = {text}", "utf-8")
    with pytest.raises(RulesError):
        read_toml(path)


def test_a_file_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "endless.toml"
    path.symlink_to("/dev/zero")
    with pytest.raises(RulesError, match="larger than 8,388,608 bytes"):
        load_rules(path)


def test_a_long_key_is_shown_short(tmp_path: Path) -> None:
    path = tmp_path / "long.toml"
    path.write_text(f"schema = 1\n{'k' * 40_000} = 1\n", "utf-8")
    with pytest.raises(RulesError, match="unknown key") as caught:
        load_rules(path)
    assert len(str(caught.value)) < 300


def test_loading_grows_with_the_number_of_rules(tmp_path: Path) -> None:
    def work(count: int) -> int:
        path = tmp_path / f"{count}.toml"
        rules = "".join(f'[[rule]]\nid = "r{n}"\nreason = "r"\nmatch = "foo-{n}"\naction = "drop"\n' for n in range(count))
        path.write_text(f"schema = 1\n{rules}", "utf-8")
        return count_calls(lambda: load_rules(path))

    assert work(600) < 4 * work(200)


def test_the_line_of_each_rule_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lines.toml"
    path.write_text("schema = 1\n\n[[rule]]\nid = 'a'\n[[rule]]\n\nid = 'b'\n[[rule]]\nid = 'c'\n", "utf-8")
    with pytest.raises(RulesError) as caught:
        load_rules(path)
    assert {each.place.rpartition(": ")[0] for each in caught.value.findings} == {
        f"{path}:3: rule a", f"{path}:5: rule b", f"{path}:8: rule c"
    }  # fmt: skip
