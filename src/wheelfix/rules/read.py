"""Tables of a rule file to the types of the model: every error at once, each with its key.

It reads what TOML can hold, and says what a person would have to write instead.
"""

import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar, Union, get_args, get_origin

import msgspec

from wheelfix.rules.model import Action, Case, Match, Rule, RuleFile
from wheelfix.rules.validate import findings_in
from wheelfix.text import did_you_mean

Report: TypeAlias = Callable[..., None]
"""Takes the path to a key, what is wrong, what to do and, if it is not an invalid value, ``code``."""

_Struct = TypeVar("_Struct", bound=msgspec.Struct)
_MISSING: Final = object()
_LONGEST: Final = 40
_PLACES: Final = {
    (Rule, "extends"): "Put it above the first [[rule]].",
    (Rule, "schema"): "Put it above the first [[rule]].",
    (Action, "on-mismatch"): "Put it beside action, in the rule.",
    (RuleFile, "tool"): "In wheelfix.toml, write the keys without [tool.wheelfix].",
}
"""Keys that exist, in the wrong place, and where they belong."""
_WORDS: Final = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


def read_struct(kind: type[_Struct], data: object, path: str, report: Report) -> _Struct | None:
    """Return ``data`` as ``kind``, or ``None`` if anything is wrong; ``report`` is called for each finding."""
    if not isinstance(data, dict):
        hint = f"Keys: {', '.join(_fields(kind))}."
        if kind is Match and isinstance(data, list):
            hint = f"Write {path.rpartition('.')[2]} = {{ name = [...] }}."
        report(path, f"expected a table, found {_word(data)}", hint)
        return None
    fields = _fields(kind)
    complete = True
    for key in data:
        if key not in fields:
            brief = key if len(key) <= _LONGEST else f"{key[:_LONGEST]}..."
            hint = _PLACES.get((kind, key)) or did_you_mean(brief, list(fields))
            report(_join(path, brief), "unknown key", hint, code="rule-unknown-key")
            complete = False
    values: dict[str, Any] = {}
    for key, (name, form, required) in fields.items():
        if key not in data:
            if required:
                report(_join(path, key), "missing", f"Add {key} = {_example(form)}.", code="rule-missing-key")
                complete = False
            continue
        value = _read(form, data[key], _join(path, key), report)
        if value is _MISSING:
            complete = False
        else:
            values[name] = value
    if complete:
        return kind(**values)
    for finding in findings_in(kind, values, path):
        report(*finding)
    return None


@cache
def _fields(kind: type[msgspec.Struct]) -> Mapping[str, tuple[str, Any, bool]]:
    """Return for each key of a table the name of its field, its type without annotations, and whether it is required."""
    listed = msgspec.structs.fields(kind)
    return {field.encode_name: (field.name, _bare(field.type), field.required) for field in listed}


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _read(kind: Any, data: object, path: str, report: Report) -> Any:
    """Return ``data`` as ``kind``, or ``_MISSING`` after reporting what is wrong."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if kind is Match and isinstance(data, str):
            return Match(name=(data,))
        found = read_struct(kind, data, path, report)
        return _MISSING if found is None else found
    if get_origin(kind) is tuple:
        return _read_list(_bare(get_args(kind)[0]), data, path, report)
    if Action in get_args(kind):
        return _read_action(kind, data, path, report)
    table = next((each for each in get_args(kind) if isinstance(each, type) and issubclass(each, msgspec.Struct)), None)
    if table is not None and isinstance(data, dict):  # a string, or a table
        return _read(table, data, path, report)
    if isinstance(data, list) and any(get_origin(each) is tuple for each in get_args(kind)):  # a string, or a list of them
        return _read_list(str, data, path, report)
    try:
        return msgspec.convert(data, kind)
    except ValueError:  # ValidationError is one, and so is a number of five thousand digits
        given = _shown(data) if get_origin(kind) is Literal else _word(data)
        report(path, f"expected {_described(kind)}, found {given}", "Correct the value.")
        return _MISSING


def _bare(kind: Any) -> Any:
    """Return a type without annotations, and without ``None``: TOML has none."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        given = [each for each in get_args(kind) if each is not type(None)]
        return _bare(given[0]) if len(given) == 1 else Union[tuple(given)]  # noqa: UP007 - made at run time
    return kind


def _read_list(kind: Any, data: object, path: str, report: Report) -> Any:
    if not isinstance(data, list):
        if kind in (Rule, Case):
            report(path, f"expected a list of tables, found {_word(data)}", f"Write [[{path.rpartition('.')[2]}]].")
            return _MISSING
        only = _read(kind, data, path, report)
        return only if only is _MISSING else (only,)
    found = [_read(kind, each, f"{path}[{index}]", report) for index, each in enumerate(data)]
    return _MISSING if any(each is _MISSING for each in found) else tuple(found)


def _read_action(kind: Any, data: object, path: str, report: Report) -> Any:
    words = next(get_args(each) for each in get_args(kind) if get_origin(each) is Literal)
    known = [*words, *_fields(Action)]
    if isinstance(data, str):
        if data in words:
            return data
        if data in known:
            report(path, f"{data} requires an argument", f"Write action = {{ {data} = ... }}.")
        else:
            report(path, f"unknown action {data!r}", did_you_mean(data, known))
        return _MISSING
    if isinstance(data, dict) and len(data) == 1 and next(iter(data)) in words:
        report(path, f"{next(iter(data))} takes no argument", f'Write action = "{next(iter(data))}".')
        return _MISSING
    found = read_struct(Action, data, path, report)
    if found is not None and isinstance(data, dict) and len(data) != 1:
        report(path, f"has {len(data) or 'no'} keys", "An action has exactly one; write a rule for each.")
        return _MISSING
    return _MISSING if found is None else found


def _example(kind: Any) -> str:
    """Return an example of a value of type ``kind``."""
    if kind is str or Action in get_args(kind):
        return '"drop"' if Action in get_args(kind) else '"..."'
    return str(get_args(kind)[0]) if get_origin(kind) is Literal else "..."


def _described(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    if get_origin(kind) is not None or not isinstance(kind, type):
        if any(isinstance(each, type) and issubclass(each, msgspec.Struct) for each in get_args(kind)):
            return "a string or a table"
        return "a table" if get_origin(kind) is Mapping or "Mapping" in str(kind) else "a string or a list of strings"
    return _WORDS.get(kind, "a date such as 2027-01-01" if kind.__name__ == "date" else kind.__name__)


def _word(data: object) -> str:
    word = _WORDS.get(type(data), type(data).__name__)
    return word if isinstance(data, dict) else f"{word}: {_shown(data)}"


def _shown(data: object) -> str:
    try:
        text = repr(data)
    except (ValueError, RecursionError):  # a number of five thousand digits, tables a thousand deep
        return "..."
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
