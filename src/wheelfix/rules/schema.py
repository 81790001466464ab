"""Rules for other programs: the JSON Schema of rule files, for editors, and rules in force as one flat TOML file."""

import inspect
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
import tomli_w

from wheelfix.rules.model import (
    Action,
    Case,
    CaseWheel,
    CopyFrom,
    EntryPointMatch,
    EntryPointValue,
    FieldName,
    FieldValue,
    Match,
    NewSpecifier,
    PostRelease,
    Rule,
    RuleFile,
    RuleSet,
    When,
)
from wheelfix.text import as_utf8


def print_rules(rules: RuleSet) -> str:
    """Return ``rules`` as a rule file that extends nothing, in their order."""
    return tomli_w.dumps({"schema": 1, "rule": [_table(rule) for rule in rules.rules]})


def print_rule(rule: Rule) -> str:
    """Return one rule as it can be pasted into a rule file: a key a line, without ``until`` and tests."""
    table = _table(rule)
    given = [key for key in ("id", "reason", "url", "when", "match", "action", "on-mismatch") if table.get(key)]
    return "\n".join(["[[rule]]", *(f"{key} = {_inline(table[key])}" for key in given), ""])


def _inline(value: Any) -> str:
    """Return a value on one line."""
    match value:
        case dict():
            return f"{{ {', '.join(f'{key} = {_inline(each)}' for key, each in value.items())} }}"
        case list() | tuple():
            return f"[{', '.join(map(_inline, value))}]"
        case str():
            return toml_string(value)
        case _:
            return json.dumps(value)


def toml_string(value: str) -> str:
    """Return a string as TOML writes it: with the escapes of JSON, apart from DEL, which JSON leaves as it is.

    JSON in ASCII would not do: TOML has no pairs of surrogates (https://toml.io/en/v1.0.0#string).

    >>> print(toml_string("🫨"), toml_string('"'))
    "🫨" "\\""
    """
    return json.dumps(as_utf8(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _table(rule: Rule) -> dict[str, Any]:
    table: dict[str, Any] = msgspec.to_builtins(rule)
    order = ("id", "reason", "url", "until", "until-version", "action", "on-mismatch", "when", "match", "test")
    return {key: _shortened(table[key]) if key in ("when", "match") else table[key] for key in order if key in table}


def _shortened(value: Any) -> Any:
    """Return conditions with a single value instead of a list of one."""
    match value:
        case dict():
            return {key: _shortened(each) for key, each in value.items()}
        case [single] if not isinstance(single, dict):
            return single
        case list() | tuple():
            return [_shortened(each) for each in value]
        case _:
            return value


ID: Final = "urn:wheelfix:rules:1"
_MATCH: Final = {"$ref": f"#/$defs/{Match.__name__}"}
TABLES: Final = (
    RuleFile, Rule, When, Match, Action, NewSpecifier, FieldValue, FieldName, PostRelease, CopyFrom,
    EntryPointValue, EntryPointMatch, Case, CaseWheel
)  # fmt: skip
"""Every table of a rule file, from the outermost to the innermost."""


def rules_schema(options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of ``wheelfix.toml`` and of the table ``[tool.wheelfix]``.

    ``options`` is that of its table ``[options]``, which only the command line knows; without it any is accepted.
    """
    (reference,), components = msgspec.json.schema_components((RuleFile,), ref_template="#/$defs/{name}")
    for table in components.values():
        table["description"] = inspect.cleandoc(table["description"])  # Python 3.13 stores docstrings without their indent
        for key, schema in table.get("properties", {}).items():
            table["properties"][key] = as_written(key, schema)
    for table in (Action, NewSpecifier):
        components[table.__name__] |= {"minProperties": 1, "maxProperties": 1}
    for name in (When.__name__, Match.__name__, CopyFrom.__name__):
        for schema in components[name]["properties"].values():
            for form in schema.get("anyOf", [schema]):
                if form.get("type") == "array":
                    form["minItems"] = 1
    for key in ("replace", "add"):
        for form in components[Action.__name__]["properties"][key]["anyOf"]:
            if form.get("type") == "array":
                form["minItems"] = 1
    for key in ("id", "reason"):
        components[Rule.__name__]["properties"][key]["minLength"] = 1
    components[RuleFile.__name__]["properties"]["options"] |= options or {}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "wheelfix rules",
        **reference,
        "$defs": components,
    }


def as_written(key: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a key as files write it: no null, and a single value instead of a list of one."""
    notes: dict[str, Any] = {name: schema[name] for name in ("description", "examples") if name in schema}
    if isinstance(schema.get("default"), str):
        notes["default"] = schema["default"]
    if key.startswith("not-"):
        notes["description"] = f"Matches where `{key.removeprefix('not-')}` does not."
    body = {name: value for name, value in schema.items() if name not in (*notes, "default")}
    forms = [form for each in body.get("anyOf", [body]) for form in _forms(each)]
    forms = [form for index, form in enumerate(forms) if form not in forms[:index]]
    return notes | (forms[0] if len(forms) == 1 else {"anyOf": forms})


def _forms(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if schema.get("type") == "null":
        return
    items = schema.get("items", {})
    if schema == _MATCH:
        yield from ({"type": "string"}, _MATCH)
    elif items == _MATCH:
        yield from ({"type": "string"}, items)
        yield {"type": "array", "items": {"anyOf": [{"type": "string"}, items]}, "minItems": 1}
    elif schema.get("type") == "array" and "$ref" not in items:
        yield from (items, schema)
    else:
        yield schema
