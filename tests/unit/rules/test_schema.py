"""The JSON Schema: valid, true to the types, and of one mind with the loader about shapes."""

import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from places import ROOT
from wheelfix.errors import RulesError
from wheelfix.rules import BUILT_IN
from wheelfix.rules.load import built_in, load_rules
from wheelfix.rules.model import Match, When
from wheelfix.rules.schema import TABLES, print_rules, rules_schema

FAULTY = sorted((ROOT / "tests" / "invalid_rules").glob("*.toml"))
OF_SHAPE = {
    "action-without-argument", "bad-date", "drop-with-argument", "many-errors", "name-not-text", "no-action", "no-id",
    "no-reason", "no-schema", "other-schema", "single-table", "two-actions", "unknown-action-key", "unknown-action",
    "unknown-condition", "unknown-match-key", "unknown-rule-key", "unknown-top-key", "bad-test", "copy-from-other-field",
    "empty-list", "no-post-release", "set-version-number", "bad-root-is-purelib",
    "add-empty-list", "replace-empty-list", "replace-list-of-numbers", "computed-key", "computed-list",
    "computed-no-key", "computed-number", "computed-two-keys", "computed-value", "on-mismatch-in-action",
    "on-mismatch-value",
}  # fmt: skip
"""The invalid files with an error about a key, a type or a number of keys."""


@cache
def validator() -> jsonschema.Draft202012Validator:
    schema = rules_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def plain(value: Any) -> Any:
    """Return TOML data as JSON has them: dates are text."""
    match value:
        case dict():
            return {key: plain(each) for key, each in value.items()}
        case list():
            return [plain(each) for each in value]
        case date():
            return value.isoformat()
        case _:
            return value


def accepts(text: str) -> bool:
    """Whether the schema accepts a rule file."""
    return bool(validator().is_valid(plain(tomllib.loads(text))))


def loads(path: Path) -> bool:
    try:
        load_rules(path)
    except RulesError:
        return False
    return True


def rule_text(more: str = "", action: str = '"drop"', match: str = '{ name = "x" }') -> str:
    wanted = f"match = {match}\n" if match else ""
    return f'schema = 1\n\n[[rule]]\nid = "r"\nreason = "why"\naction = {action}\n{wanted}{more}'


def test_it_says_what_it_is() -> None:
    schema = rules_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert {each.__name__ for each in TABLES} == set(schema["$defs"])
    assert validator().schema == schema


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_each_table_is_closed_and_each_key_described(table: type[msgspec.Struct]) -> None:
    found = rules_schema()["$defs"][table.__name__]
    fields = msgspec.structs.fields(table)
    assert set(found["properties"]) == {field.encode_name for field in fields}
    assert found["additionalProperties"] is False
    assert set(found.get("required", [])) == {field.encode_name for field in fields if field.required}
    for key, each in found["properties"].items():
        assert each["description"], key
        assert "null" not in str(each), key


@pytest.mark.parametrize("name", BUILT_IN)
def test_it_accepts_the_built_in_sets_as_they_are_and_printed(name: str) -> None:
    path = ROOT / "src" / "wheelfix" / "rules" / "builtin" / f"{name}.toml"
    assert accepts(path.read_text("utf-8"))
    assert accepts(print_rules(built_in(name)))


VALID = [
    rule_text(), rule_text(match='{ name = ["x", "y"], extra = "any", marker = ["never-true"], specifier = "", url = "*" }'),
    rule_text('when = { project = "x", not-version = [">1"], requires = "a", lacks = { name = "b" } }'),
    rule_text('when.not-requires = ["a", { name = "b", specifier = "<2" }]\nwhen.local = ""\n'),
    rule_text('until = "2027-01-01"\nuntil-version = "3"\nurl = "https://e.com"\n'), rule_text("until = 2027-01-01\n"),
    rule_text(action='"keep"'), rule_text(action='{ rename = "y" }'), rule_text(action='{ set-specifier = "" }'),
    rule_text(action='{ add = "y" }', match=""), rule_text(action='{ add = ["y", "z; extra == \'x\'"] }', match=""),
    rule_text(action='{ replace = ["{name}{specifier}", "y"] }'), rule_text(action='{ set-specifier = { max = "<3" } }'),
    rule_text('on-mismatch = "error"\n', action='{ set-specifier = { local = "" } }'),
    rule_text(action='{ remove-field = { name = "Keywords" } }', match=""),
    rule_text(action='{ set-field = { name = "Classifier", value = ["A"] } }', match=""),
    rule_text(action='{ add-field = { name = "Classifier", value = "A" } }', match=""),
    rule_text('[[rule.test]]\nproject = "p"\n[[rule.test]]\nproject = "p"\nrequires = "x"\nexpect = []\n'),
    rule_text('[[rule.test]]\nproject = "p"\nfields = { Classifier = ["A"] }\nexpect-fields = { Classifier = [] }\n'),
    'schema = 1\nextends = "gpu"\n', 'schema = 1\nextends = ["gpu", "gpu/nvidia"]\n', "schema = 1\nrule = []\n",
    "schema = 1\n",
]  # fmt: skip


@pytest.mark.parametrize("text", VALID)
def test_what_loads_is_accepted(text: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    assert loads(path)
    assert accepts(text)


MISSHAPEN = [
    rule_text("colour = 1\n"), rule_text('when = { projct = "x" }\n'), rule_text(match='{ name = "x", names = "y" }'),
    rule_text(action='{ remove = "x" }', match=""), rule_text(action='{ add-field = { name = "Classifier" } }', match=""),
    rule_text(action='{ set-field = { name = "Summary", value = "s", values = "t" } }', match=""), rule_text(action="{}"),
    rule_text(action='{ remove-field = { name = "X", value = ["a"] } }', match=""), rule_text(action='["drop"]'),
    rule_text('[[rule.test]]\nproject = "p"\nexpected = []\n'), rule_text("[[rule.test]]\n"),
    rule_text("test = []\ntest2 = []\n"),
    rule_text('[rule.test]\nproject = "p"\n'), rule_text("url = 3\n"), rule_text("until = true\n"),
    rule_text("when = { requires = [] }\n"), rule_text("when = { requires = 3 }\n"), rule_text('when = "torch"\n'),
    rule_text(match="{ name = [1] }"), rule_text('[[rule.test]]\nproject = "p"\nfields = { Summary = 1 }\n'),
    'schema = "1"\n', "schema = true\n", "schema = 1\nextends = 1\n", "schema = 1\nrule = 1\n", "schema = 1\nextend = []\n",
    "",
    'schema = 1\nrule = ["x"]\n',
]  # fmt: skip


@pytest.mark.parametrize("text", MISSHAPEN)
def test_what_has_a_wrong_shape_is_refused_by_both(text: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    assert not loads(path)
    assert not accepts(text)


def test_both_agree_on_a_name_in_place_of_a_match(tmp_path: Path) -> None:
    """``when.requires`` takes one; whether ``match`` does is for the loader and the schema to say alike."""
    path = tmp_path / "rules.toml"
    path.write_text(rule_text(match='"x"'))
    assert loads(path) is accepts(path.read_text())


@pytest.mark.parametrize("path", FAULTY, ids=lambda path: path.stem)
def test_the_schema_and_the_loader_agree_on_errors_of_shape(path: Path) -> None:
    """Faults of meaning, such as a specifier that is none, are the loader's alone."""
    assert not loads(path)
    try:
        accepted = accepts(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError:
        return
    assert accepted is (path.stem not in OF_SHAPE)


def test_the_files_with_errors_of_shape_are_there() -> None:
    assert {path.stem for path in FAULTY} >= OF_SHAPE


@pytest.mark.parametrize("table", [When, Match], ids=lambda table: table.__name__)
def test_conditions_take_single_values_and_lists(table: type[msgspec.Struct]) -> None:
    for key, each in rules_schema()["$defs"][table.__name__]["properties"].items():
        forms = [form.get("type") for form in each["anyOf"]]
        assert (forms[0], forms[-1]) == ("string", "array"), key
