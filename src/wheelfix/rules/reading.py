"""Plain data, as TOML gives it, to the types of a rule file: every fault of its shape at once."""

import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar, Union, get_args, get_origin

import msgspec

from wheelfix.rules.checking import faults_in
from wheelfix.rules.conditions import Match
from wheelfix.rules.faults import did_you_mean
from wheelfix.rules.model import Action, Case, Rule, RuleFile

Report: TypeAlias = Callable[[str, str, str], None]
"""Takes a fault: the path to the key, what is wrong, what to do."""

_Struct = TypeVar("_Struct", bound=msgspec.Struct)
_MISSING: Final = object()
_LONGEST: Final = 40
_PLACES: Final = {
    (Rule, "extends"): "It stands above the first [[rule]].",
    (Rule, "schema"): "It stands above the first [[rule]].",
    (RuleFile, "tool"): "In a file of its own the keys stand without [tool.wheelfix].",
}
"""Where a key belongs that is right, and in the wrong place."""
_WORDS: Final = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


def read_struct(kind: type[_Struct], data: object, path: str, report: Report) -> _Struct | None:
    """Return ``data`` as ``kind``, or ``None`` if there are faults; ``report`` is called for each of them."""
    if not isinstance(data, dict):
        hint = f"Its keys are: {', '.join(_fields(kind))}."
        if kind is Match and isinstance(data, list):
            hint = f"Write {path.rpartition('.')[2]} = {{ name = [...] }}."
        report(path, f"it must be a table, and is {_word(data)}", hint)
        return None
    fields = _fields(kind)
    sound = True
    for key in data:
        if key not in fields:
            brief = key if len(key) <= _LONGEST else f"{key[:_LONGEST]}..."
            report(_join(path, brief), "there is no such key", _PLACES.get((kind, key)) or did_you_mean(brief, list(fields)))
            sound = False
    values: dict[str, Any] = {}
    for key, (name, form, required) in fields.items():
        if key not in data:
            if required:
                report(_join(path, key), "it is missing", f"Add {key} = {_specimen(form)}.")
                sound = False
            continue
        value = _read(form, data[key], _join(path, key), report)
        if value is _MISSING:
            sound = False
        else:
            values[name] = value
    if sound:
        return kind(**values)
    for fault in faults_in(kind, values, path):
        report(*fault)
    return None


@cache
def _fields(kind: type[msgspec.Struct]) -> Mapping[str, tuple[str, Any, bool]]:
    """Return for each key of a table the name of its field, its type without annotations, and whether it must be there."""
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
    if get_origin(kind) is Union and get_args(kind)[0] is str and isinstance(data, list):  # text, or a list of it
        return _read_list(str, data, path, report)
    try:
        return msgspec.convert(data, kind)
    except ValueError:  # ValidationError is one, and so is a number of five thousand digits
        given = _shown(data) if get_origin(kind) is Literal else _word(data)
        report(path, f"it must be {_described(kind)}, and is {given}", "Correct the value.")
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
            report(path, f"it must be a list of tables, and is {_word(data)}", f"Write [[{path.rpartition('.')[2]}]].")
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
            report(path, f"{data} needs an argument", f"Write action = {{ {data} = ... }}.")
        else:
            report(path, f"there is no action {data!r}", did_you_mean(data, known))
        return _MISSING
    if isinstance(data, dict) and len(data) == 1 and next(iter(data)) in words:
        report(path, f"{next(iter(data))} has no argument", f'Write action = "{next(iter(data))}".')
        return _MISSING
    found = read_struct(Action, data, path, report)
    if found is not None and isinstance(data, dict) and len(data) != 1:
        report(path, f"it has {len(data) or 'no'} keys", "An action has exactly one; write a rule for each.")
        return _MISSING
    return _MISSING if found is None else found


def _specimen(kind: Any) -> str:
    """Return a value that shows what a key of type ``kind`` takes."""
    if kind is str or Action in get_args(kind):
        return '"drop"' if Action in get_args(kind) else '"..."'
    return str(get_args(kind)[0]) if get_origin(kind) is Literal else "..."


def _described(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    if get_origin(kind) is not None or not isinstance(kind, type):
        return "a table" if get_origin(kind) is Mapping or "Mapping" in str(kind) else "text or a list of texts"
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
