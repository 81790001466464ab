"""Tables of a rule file to the types of the model: every error at once, each with its key."""

from typing import Any, Final, Literal, TypeVar, get_args, get_origin

import msgspec

from wheelfix.rules.model import Action, Case, Match, Rule, RuleFile
from wheelfix.rules.validate import findings_in
from wheelfix.tables import MISSING, ORDINARY, Language, Report, fields_of, read_table
from wheelfix.text import did_you_mean

_Struct = TypeVar("_Struct", bound=msgspec.Struct)
_PLACES: Final = {
    (Rule, "extends"): "Put it above the first [[rule]].",
    (Rule, "schema"): "Put it above the first [[rule]].",
    (Action, "on-mismatch"): "Put it beside action, in the rule.",
    (RuleFile, "tool"): "In wheelfix.toml, write the keys without [tool.wheelfix].",
}


def read_struct(kind: type[_Struct], data: object, path: str, report: Report) -> _Struct | None:
    """Return ``data`` as ``kind``, or ``None`` if anything is wrong; ``report`` is called for each finding."""
    return read_table(_LANGUAGE, kind, data, path, report)


def _read_special(kind: Any, data: object, path: str, report: Report) -> Any:
    """Return a match that is only a name, or an action: a word, or a table with one key."""
    if kind is Match and isinstance(data, str):
        return Match(name=(data,))
    return _read_action(kind, data, path, report) if Action in get_args(kind) else ORDINARY


def _read_action(kind: Any, data: object, path: str, report: Report) -> Any:
    words = next(get_args(each) for each in get_args(kind) if get_origin(each) is Literal)
    known = [*words, *fields_of(Action)]
    if isinstance(data, str):
        if data in words:
            return data
        if data in known:
            report(path, f"{data} requires an argument", f"Write action = {{ {data} = ... }}.")
        else:
            report(path, f"unknown action {data!r}", did_you_mean(data, known))
        return MISSING
    if isinstance(data, dict) and len(data) == 1 and next(iter(data)) in words:
        report(path, f"{next(iter(data))} takes no argument", f'Write action = "{next(iter(data))}".')
        return MISSING
    found = read_struct(Action, data, path, report)
    if found is not None and isinstance(data, dict) and len(data) != 1:
        report(path, f"has {len(data) or 'no'} keys", "An action has exactly one; write a rule for each.")
        return MISSING
    return MISSING if found is None else found


def _hint(kind: type, data: object, path: str) -> str:
    return f"Write {path.rpartition('.')[2]} = {{ name = [...] }}." if kind is Match and isinstance(data, list) else ""


def _example(kind: Any) -> str:
    return '"drop"' if Action in get_args(kind) else ""


_LANGUAGE: Final = Language(
    unknown_key="rule-unknown-key",
    missing_key="rule-missing-key",
    places=_PLACES,
    headed=frozenset({Rule, Case}),
    special=_read_special,
    hint=_hint,
    example=_example,
    check=findings_in,
)
