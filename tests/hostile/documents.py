"""Documents that were made wrong on purpose: of one valid document, every kind of damage at every place.

A document is a tree as TOML and JSON hold it. Each value of it is replaced in turn by values of other types and sizes, and
by wrong ones of its own sort (:mod:`hostile.documents_values`); each key is left out, doubled and misspelled. Then the text
as a whole is damaged (:mod:`hostile.documents_text`).
"""

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, Final, TypeAlias

from msgspec import Struct

from hostile.documents_text import TEXT_KINDS
from hostile.documents_values import sort_of, wrong_values

Place: TypeAlias = tuple[str | int, ...]
"""The keys that lead to a value, from the outermost; an integer is an index in a list."""


class Sample(Struct, frozen=True):
    """A damaged document: the ``kind`` of damage, the ``place`` where it is, and what makes its bytes."""

    kind: str
    place: str
    made: Callable[[], bytes]


class Form(Struct, frozen=True):
    """How a tree is written, and the ``tokens`` that only this form has."""

    write: Callable[[Any], str]
    tokens: Mapping[str, str]


_TOKEN: Final = "@@token@@"
_LONG: Final = 100_000
_DIGITS: Final = "9" * 5000
"""More than Python turns into a number."""
WRONG: Final[Mapping[str, Callable[[Any], Any]]] = {
    "type: true": lambda value: True,
    "type: false": lambda value: False,
    "type: zero": lambda value: 0,
    "type: minus one": lambda value: -1,
    "type: 2 to the 63": lambda value: 2**63,
    "type: 2 to the 64": lambda value: 2**64,
    "type: minus 2 to the 63": lambda value: -(2**63),
    "type: a fraction": lambda value: 1.5,
    "type: minus zero": lambda value: -0.0,
    "type: its text": str,
    "type: a list around it": lambda value: [value],
    "type: a table around it": lambda value: {"value": value},
    "type: an empty list": lambda value: [],
    "type: an empty table": lambda value: {},
    "type: lists in lists": lambda value: [[[[]]]],
    "type: a mixed list": lambda value: [value, 1, "x", {}],
    "text: empty": lambda value: "",
    "text: a blank": lambda value: " ",
    "text: blanks around it": lambda value: f" {value} ",
    "text: NUL": lambda value: f"{value}\0",
    "text: a line break": lambda value: f"{value}\nX: y",
    "text: a carriage return": lambda value: f"{value}\rX: y",
    "text: turned around": lambda value: f"\u202e{value}",
    "text: no width": lambda value: f"\u200b{value}",
    "text: a byte order mark": lambda value: f"\ufeff{value}",
    "text: beyond the first plane": lambda value: f"{value}\U0001f9ea",
    "text: a look-alike": lambda value: str(value).replace("e", "\u0435"),
    "text: wide": lambda value: str(value).translate({each: each + 0xFEE0 for each in range(33, 127)}),
    "text: a terminal's": lambda value: f"\x1b]0;{value}\x07",
    "text: markup": lambda value: f"{value}</script><a href='javascript:0'>\"",
    "text: braces": lambda value: f"{value}{{0.__class__}} %s $HOME",
    "text: long": lambda value: "x" * _LONG,
    "text: long in its way": lambda value: (str(value) or "x") * (_LONG // max(1, len(str(value)))),
    "text: digits without end": lambda value: _DIGITS,
    "text: many brackets": lambda value: "(" * 3000,
}
"""What stands in place of a value, whatever it is."""
_JSON: Final = {
    "token: null": "null",
    "token: not a number": "NaN",
    "token: infinite": "-Infinity",
    "token: beyond any number": "1e999",
    "token: digits without end": _DIGITS,
    "token: a leading zero": "007",
    "token: half a character": '"\\ud800"',
    "token: both halves, turned": '"\\udc00\\ud800"',
    "token: a single quote": "'x'",
    "token: a comma too much": "[1,]",
    "token: a comment": "1 /* x */",
    "token: nothing": "",
}
_TOML: Final = {
    "token: not a number": "nan",
    "token: infinite": "-inf",
    "token: beyond any number": "1e999",
    "token: digits without end": _DIGITS,
    "token: a sixteenth number without end": "0x" + "f" * 5000,
    "token: a leading zero": "007",
    "token: half a character": '"\\ud800"',
    "token: a date": "2026-11-28",
    "token: a time": "25:00:00",
    "token: a moment": "2026-11-28T10:00:00Z",
    "token: no such moment": "2026-02-30T10:00:00Z",
    "token: several lines": '"""\na\nb"""',
    "token: null": "null",
    "token: a quote too few": '"x',
    "token: a comma too much": "[1,,]",
    "token: nothing": "",
    "token: a dotted table": "{ a.b.c = 1 }",
}


def write_json(tree: Any) -> str:
    """Return ``tree`` as JSON."""
    return json.dumps(tree, indent=1, ensure_ascii=True)


def write_toml(tree: Mapping[str, Any], path: str = "") -> str:
    """Return ``tree`` as TOML, with a header for each table and each table of a list."""
    plain = {key: value for key, value in tree.items() if not isinstance(value, dict) and not _is_tables(value)}
    lines = [f"{_key(key)} = {_inline(value)}" for key, value in plain.items()]
    for key, value in tree.items():
        name = f"{path}{_key(key)}"
        if isinstance(value, dict):
            lines += [f"[{name}]", write_toml(value, f"{name}.")]
        elif key not in plain:
            lines += [line for each in value for line in (f"[[{name}]]", write_toml(each, f"{name}."))]
    return "\n".join(lines)


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _key(text: str) -> str:
    return text if text.replace("-", "").replace("_", "").isalnum() and text.isascii() else json.dumps(text)


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_inline(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, str) and not value.isascii():  # JSON would write pairs of surrogates, which TOML has not
        return '"' + "".join(json.dumps(each)[1:-1] if each.isascii() else each for each in value) + '"'
    return value.isoformat() if isinstance(value, date) else json.dumps(value)


FORMS: Final = {"json": Form(write_json, _JSON), "toml": Form(write_toml, _TOML)}


def places(tree: Any, at: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield each place of ``tree`` but its top, with what is there."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in inner:
        yield (*at, key), value
        yield from places(value, (*at, key))


def shown(place: Place) -> str:
    """Return a place as one word."""
    return ".".join(map(str, place)) or "top"


def changed(tree: Any, place: Place, change: Callable[[Any, Any], None]) -> Any:
    """Return a copy of ``tree`` in which ``change`` was called with what holds ``place``, and its key."""
    copied = copy.deepcopy(tree)
    holder = copied
    for key in place[:-1]:
        holder = holder[key]
    change(holder, place[-1])
    return copied


def _replaced(tree: Any, place: Place, value: Any) -> Any:
    return changed(tree, place, lambda holder, key: holder.__setitem__(key, value))


def _rekeyed(tree: Any, place: Place, key: str, *, keep: bool = False) -> Any:
    """Return ``tree`` with a table whose key at ``place`` is called ``key``, or is there under both names."""

    def change(holder: dict[str, Any], old: str) -> None:
        items = list(holder.items())
        holder.clear()
        for each, value in items:
            if each != old or keep:
                holder[each] = value
            if each == old:
                holder[key] = value

    return changed(tree, place, change)


def _misspelled(key: str) -> str:
    return key[:-2] + key[-1] + key[-2] if len(key) > 2 else key + key


_KEYS: Final[Mapping[str, Callable[[str], str]]] = {
    "key: upper case": str.upper,
    "key: a blank behind it": lambda key: f"{key} ",
    "key: misspelled": _misspelled,
    "key: the other dash": lambda key: key.replace("-", "_") if "-" in key else f"{key}-",
    "key: NUL": lambda key: f"{key}\0",
    "key: a line break": lambda key: f"{key}\n",
    "key: a look-alike": lambda key: key.replace("e", "\u0435").replace("a", "\u0430"),
    "key: dotted": lambda key: f"a.{key}",
    "key: private": lambda key: "__class__",
    "key: long": lambda key: key * _LONG,
    "key: a terminal's": lambda key: f"\x1b[2J{key}",
}


def _of_keys(tree: Any, place: Place, write: Callable[[Any], str]) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield what is wrong with the key at ``place``, or with the item of a list, and what makes that."""
    key = place[-1]
    yield "key: missing", lambda: write(changed(tree, place, lambda holder, key: holder.__delitem__(key)))
    if isinstance(key, int):
        yield "list: an item twice", lambda: write(changed(tree, place, lambda holder, key: holder.append(holder[key])))
        yield "list: turned around", lambda: write(changed(tree, place, lambda holder, key: holder.reverse()))
        return
    for kind, change in _KEYS.items():
        yield kind, partial(_with_key, tree, place, write, change(key), keep=False)
    yield "key: unknown beside it", partial(_with_key, tree, place, write, f"x-{key}")
    yield "key: empty beside it", partial(_with_key, tree, place, write, "")
    yield "key: twice", lambda: _with_key(tree, place, write, _TOKEN).replace(json.dumps(_TOKEN), json.dumps(key))


def _with_key(tree: Any, place: Place, write: Callable[[Any], str], key: str, *, keep: bool = True) -> str:
    return write(_rekeyed(tree, place, key, keep=keep))


def samples(form: Form, tree: Any) -> Iterator[Sample]:
    """Yield every kind of damage to ``tree`` at every place."""
    for place, value in places(tree):
        for kind, change in WRONG.items():
            yield _sample(kind, place, partial(_with_value, tree, place, form.write, change, value))
        for kind, token in form.tokens.items():
            yield _sample(kind, place, partial(_with_token, tree, place, form.write, token))
        for kind, made in _of_keys(tree, place, form.write):
            yield _sample(kind, place, made)
        if isinstance(value, str) and (sort := sort_of(place, value)):
            for kind, wrong in wrong_values(sort, value).items():
                yield _sample(kind, place, partial(_with_token, tree, place, form.write, wrong, is_text=True))
    yield from text_samples(form.write(tree).encode())


def _with_value(tree: Any, place: Place, write: Callable[[Any], str], change: Callable[[Any], Any], value: Any) -> str:
    return write(_replaced(tree, place, change(value)))


def _with_token(tree: Any, place: Place, write: Callable[[Any], str], token: str, *, is_text: bool = False) -> str:
    if is_text:
        return write(_replaced(tree, place, token))
    return write(_replaced(tree, place, _TOKEN)).replace(json.dumps(_TOKEN), token)


def text_samples(data: bytes) -> Iterator[Sample]:
    """Yield every kind of damage to a text as a whole."""
    for kind, change in TEXT_KINDS.items():
        for number, damaged in enumerate(change(data)):
            yield Sample(kind, str(number), partial(bytes, damaged))


def _sample(kind: str, place: Place, made: Callable[[], str]) -> Sample:
    return Sample(kind, shown(place), lambda: made().encode("utf-8", "surrogatepass"))


def one_of_each(found: Sequence[Sample]) -> list[Sample]:
    """Return one sample of each kind, each from another place as far as there are some."""
    by_kind: dict[str, list[Sample]] = {}
    for each in found:
        by_kind.setdefault(each.kind, []).append(each)
    return [of_kind[number * 7 % len(of_kind)] for number, of_kind in enumerate(by_kind.values())]
