"""Tables of a TOML file to the types of a model: every error at once, each with its key.

It reads what TOML can hold, and says what a person would have to write instead.
"""

import types
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Struct

from wheelfix.text import closest, did_you_mean

Report: TypeAlias = Callable[..., None]
"""Takes the path to a key, what is wrong, what to do and, if it is not an invalid value, ``code``."""
Found: TypeAlias = tuple[str, str, str]
"""The path to a key, what is wrong and what to do."""
MISSING: Final = object()
"""What is read where something is wrong, which was reported."""
ORDINARY: Final = object()
"""What a :class:`Language` returns for a value that is in no form of its own."""

_Table = TypeVar("_Table", bound=Struct)
_LONGEST: Final = 40
_WORDS: Final = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


class Language(Struct, frozen=True, kw_only=True):
    """How one kind of file differs from plain tables: in the codes of errors, and in forms of its own.

    ``places`` are keys that exist, in the wrong place, and where they belong. The types in ``headed`` are written with a
    header each, ``[[rule]]``. ``special`` reads values that have a form of their own, and returns ``ORDINARY`` for others;
    ``hint`` says what to write in place of what is no table, ``example`` what a value looks like, both an empty text where
    they know nothing better. ``check`` yields what is wrong with the values of a table of which others are wrong or missing.
    """

    unknown_key: str
    missing_key: str
    places: Mapping[tuple[Any, str], str] = {}
    headed: frozenset[Any] = frozenset()
    special: Callable[[Any, object, str, Report], Any] | None = None
    hint: Callable[[type, object, str], str] | None = None
    example: Callable[[Any], str] | None = None
    check: Callable[[type[Struct], Mapping[str, Any], str], Iterable[Found]] | None = None


def read_table(language: Language, kind: type[_Table], data: object, path: str, report: Report) -> _Table | None:
    """Return ``data`` as ``kind``, or ``None`` if anything is wrong; ``report`` is called for each finding."""
    values, complete = read_values(language, kind, data, path, report)
    if complete:
        return kind(**values)
    for finding in language.check(kind, values, path) if language.check else ():
        report(*finding)
    return None


def read_values(
    language: Language, kind: type[Struct], data: object, path: str, report: Report
) -> tuple[dict[str, Any], bool]:
    """Return the values of a table that are right, by field, and whether all are; ``report`` is called for the others."""
    fields = fields_of(kind)
    if not isinstance(data, dict):
        hint = (language.hint(kind, data, path) if language.hint else "") or f"Keys: {', '.join(fields)}."
        report(path, f"expected a table, found {word_of(data)}", hint)
        return {}, False
    complete, meant = True, set[str]()
    for key in data:
        if key not in fields:
            meant.add(meant_key(kind, key))
            brief = key if len(key) <= _LONGEST else f"{key[:_LONGEST]}..."
            hint = language.places.get((kind, key)) or did_you_mean(brief, list(fields))
            report(_join(path, brief), "unknown key", hint, code=language.unknown_key)
            complete = False
    values: dict[str, Any] = {}
    for key, (name, form, required) in fields.items():
        if key not in data:
            if required and key not in meant:
                report(_join(path, key), "missing", _addition(language, key, form), code=language.missing_key)
            complete = complete and not required
            continue
        value = read_value(language, form, data[key], _join(path, key), report)
        if value is MISSING:
            complete = False
        else:
            values[name] = value
    return values, complete


def meant_key(kind: type[Struct], key: str) -> str:
    """Return the key of a table that an unknown ``key`` is most like, empty if it is like none: one mistake is one error."""
    return closest(key, list(fields_of(kind))) if len(key) <= _LONGEST else ""


@cache
def fields_of(kind: type[Struct]) -> Mapping[str, tuple[str, Any, bool]]:
    """Return for each key of a table the name of its field, its type without annotations, and whether it is required."""
    listed = msgspec.structs.fields(kind)
    return {field.encode_name: (field.name, _bare(field.type), field.required) for field in listed}


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def read_value(language: Language, kind: Any, data: object, path: str, report: Report) -> Any:
    """Return ``data`` as ``kind``, or ``MISSING`` after reporting what is wrong."""
    if language.special and (found := language.special(kind, data, path, report)) is not ORDINARY:
        return found
    if _is_table(kind):
        table = read_table(language, kind, data, path, report)
        return MISSING if table is None else table
    if get_origin(kind) is tuple:
        return _read_list(language, _bare(get_args(kind)[0]), data, path, report)
    table_kind = next(filter(_is_table, get_args(kind)), None)
    if table_kind is not None and isinstance(data, dict):  # a string, or a table
        return read_value(language, table_kind, data, path, report)
    if isinstance(data, list) and any(get_origin(each) is tuple for each in get_args(kind)):  # a string, or a list of them
        return _read_list(language, str, data, path, report)
    try:
        return msgspec.convert(data, kind)
    except ValueError:  # ValidationError is one, and so is a number of five thousand digits
        given = shown_value(data) if get_origin(kind) is Literal else word_of(data)
        words = [each for each in get_args(kind) if get_origin(kind) is Literal and isinstance(each, str)]
        close = closest(data, words) if isinstance(data, str) and len(data) <= _LONGEST else ""
        hint = f"Did you mean {close}?" if close else _correction(kind, data)
        report(path, f"expected {_described(kind)}, found {given}", hint)
        return MISSING


def _correction(kind: Any, data: object) -> str:
    """Return what to write in place of ``data``, which is not a ``kind``."""
    if kind is bool and not isinstance(data, list | dict):
        return "Write true or false, without quotes."
    if get_origin(kind) is Literal and isinstance(data, str) and data in map(str, get_args(kind)):
        return f"Write {data}, without quotes."
    if kind is str and isinstance(data, int | float) and not isinstance(data, bool):
        return "Write it in quotes."
    return "Correct the value."


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _bare(kind: Any) -> Any:
    """Return a type without annotations, and without ``None``: TOML has none."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        given = [each for each in get_args(kind) if each is not type(None)]
        return _bare(given[0]) if len(given) == 1 else Union[tuple(given)]  # noqa: UP007 - made at run time
    return kind


def _read_list(language: Language, kind: Any, data: object, path: str, report: Report) -> Any:
    if not isinstance(data, list):
        if kind in language.headed:
            report(path, f"expected a list of tables, found {word_of(data)}", f"Write [[{path.rpartition('.')[2]}]].")
            return MISSING
        if kind is str and not isinstance(data, str):
            report(path, f"expected a string or a list of strings, found {word_of(data)}", "Correct the value.")
            return MISSING
        only = read_value(language, kind, data, path, report)
        return only if only is MISSING else (only,)
    found = [read_value(language, kind, each, f"{path}[{index}]", report) for index, each in enumerate(data)]
    return MISSING if any(each is MISSING for each in found) else tuple(found)


def _addition(language: Language, key: str, form: Any) -> str:
    """Return what to add where ``key`` is missing."""
    if _is_table(form):
        return f"Add a table [{key}]."
    if get_origin(form) is tuple and get_args(form)[0] in language.headed:
        return f"Add a table [[{key}]]."
    return f"Add {key} = {(language.example(form) if language.example else '') or _example(form)}."


def _example(kind: Any) -> str:
    """Return an example of a value of type ``kind``."""
    return '"..."' if kind is str else str(get_args(kind)[0]) if get_origin(kind) is Literal else "..."


def _described(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    if get_origin(kind) is not None or not isinstance(kind, type):
        if any(map(_is_table, get_args(kind))):
            return "a string or a table"
        return "a table" if get_origin(kind) is Mapping or "Mapping" in str(kind) else "a string or a list of strings"
    return _WORDS.get(kind, "a date such as 2027-01-01" if kind.__name__ == "date" else kind.__name__)


def word_of(data: object) -> str:
    """Return of which type ``data`` is, and what it is unless it is a table: ``a string: 'x'``."""
    word = _WORDS.get(type(data), type(data).__name__)
    return word if isinstance(data, dict) else f"{word}: {shown_value(data)}"


def shown_value(data: object) -> str:
    """Return ``data`` as Python writes it; of a long one the first 40 characters."""
    try:
        text = repr(data)
    except (ValueError, RecursionError):  # a number of five thousand digits, tables a thousand deep
        return "..."
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
