"""Rules to TOML: what is in force as one flat file, which loads as the same rules."""

import json
from typing import Any

import msgspec
import tomli_w

from wheelfix.rules.model import Rule, RuleSet


def print_rules(rules: RuleSet) -> str:
    """Return ``rules`` as a rule file that extends nothing, in the order in which they are asked."""
    return tomli_w.dumps({"schema": 1, "rule": [_table(rule) for rule in rules.rules]})


def print_rule(rule: Rule) -> str:
    """Return what one rule does, as it can be pasted into a rule file: a key a line, without its end and its tests."""
    table = _table(rule)
    given = [key for key in ("id", "reason", "url", "when", "match", "action") if table.get(key)]
    return "\n".join(["[[rule]]", *(f"{key} = {_inline(table[key])}" for key in given), ""])


def _inline(value: Any) -> str:
    """Return a value on one line; the texts of JSON without characters beyond ASCII are those of TOML."""
    match value:
        case dict():
            return f"{{ {', '.join(f'{key} = {_inline(each)}' for key, each in value.items())} }}"
        case list() | tuple():
            return f"[{', '.join(map(_inline, value))}]"
        case _:
            return json.dumps(value)


def _table(rule: Rule) -> dict[str, Any]:
    table: dict[str, Any] = msgspec.to_builtins(rule)
    order = ("id", "reason", "url", "until", "until-version", "action", "when", "match", "test")
    return {key: _shortened(table[key]) if key in ("when", "match") else table[key] for key in order if key in table}


def _shortened(value: Any) -> Any:
    """Return conditions with a single value in place of a list of one."""
    match value:
        case dict():
            return {key: _shortened(each) for key, each in value.items()}
        case [single] if not isinstance(single, dict):
            return single
        case list() | tuple():
            return [_shortened(each) for each in value]
        case _:
            return value
