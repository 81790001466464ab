"""TOML files read within limits: what would make the standard parser use gigabytes is refused first.

``tomllib`` remembers every prefix of a dotted key (``a``, ``a.b``, ``a.b.c``, ...), so that a key of 40 kB takes 1.5 GB.
Keys are defined in https://toml.io/en/v1.0.0#keys.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

LARGEST: Final = 8 << 20
"""The size in bytes of the largest file, unless the caller says otherwise; three thousand rules take half a megabyte."""
_MOST_PARTS: Final = 32
"""The parts of the longest key; ``tool.wheelfix.rule.when.project`` has five."""
_LONGEST_WORD: Final = 1 << 16
"""In characters: for a number of two million digits the parser takes 200 MB, to go back to each of them."""
_LONGEST: Final = 300
_STRING: Final = r""""(?:[^"\\\n]|\\[^\n])*+(?:"|(?=\n)|\Z)|'[^'\n]*+(?:'|(?=\n)|\Z)"""
_PART: Final = re.compile(rf"[A-Za-z0-9_-]++|{_STRING}")
_KEY: Final = rf"(?:{_PART.pattern})(?:[ \t]*+\.[ \t]*+(?:{_PART.pattern}))*+"
# Three quotation marks end a string, and up to two more before them belong to it.
# A string that is not closed ends with the line or the file: the parser stops there too, and nothing is read twice.
_WORD: Final = re.compile(
    rf'''"""(?:[^"\\]|\\.|"(?!""))*+(?:"{{3,5}}|\Z)'''
    rf"""|\'\'\'(?:[^']|'(?!''))*+(?:\'{{3,5}}|\Z)"""
    rf"""|\#[^\n]*+"""
    rf"""|(?P<key>{_KEY})""",
    re.DOTALL,
)

_ASSIGNED: Final = re.compile(r"[ \t]*+=")
"""What follows a key, and no string."""

_PLACE: Final = re.compile(r" \(at line (?P<line>\d+), column (?P<column>\d+)\)\Z")
"""How a message of the parser ends."""

KeyPath: TypeAlias = tuple[str | int, ...]
"""The keys that lead to a value, from the outermost; an integer is an index in a list of tables."""


class TomlError(ValueError):
    """A file is not there, is not TOML, or is beyond the limits: ``message`` says what is wrong, ``hint`` what to do.

    ``line`` is where, counted from 1, ``None`` where that is not known.
    """

    def __init__(self, message: str, hint: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.line = line


def read_toml(path: Path, *, largest: int = LARGEST, if_larger: str = "Split it.") -> tuple[dict[str, Any], str]:
    """Return what the TOML file at ``path`` holds, and its text; ``if_larger`` is what to do about one that is too large.

    :raises TomlError: if it cannot be read, is larger than ``largest`` bytes, or has a key of more than 32 parts.
    """
    text = _read_text(path, largest, if_larger)
    for word in _WORD.finditer(text):
        key = word["key"]
        if key is not None and key.count(".") >= _MOST_PARTS and (parts := len(_PART.findall(key))) > _MOST_PARTS:
            line = text.count("\n", 0, word.start()) + 1
            raise TomlError(f"a key has {parts:,} parts", f"At most {_MOST_PARTS} are allowed.", line)
        if key is not None and len(key) > _LONGEST_WORD and not _is_string(text, word):
            line = text.count("\n", 0, word.start()) + 1
            raise TomlError(f"a key or number has {len(key):,} characters", f"At most {_LONGEST_WORD:,} are allowed.", line)
    try:
        return tomllib.loads(text), text
    except (ValueError, RecursionError) as error:  # a number of five thousand digits is a plain ValueError
        raise _invalid(str(error), text) from error


def _is_string(text: str, word: re.Match[str]) -> bool:
    """Whether ``word`` is one part in quotes and no key: a string may be of any length."""
    key = word["key"]
    part = _PART.match(key)
    is_one = key[0] in "\"'" and part is not None and part.end() == len(key)
    return is_one and not _ASSIGNED.match(text, word.end())


def _invalid(message: str, text: str) -> TomlError:
    """Return the error for ``text``, of which the parser says ``message``; it names the line in that, if it knows it."""
    found = _PLACE.search(message)
    if found is None:
        hint = "Close all quotes and brackets." if message.endswith("(at end of document)") else "Correct the file."
        return TomlError(f"invalid TOML: {_brief(message)}", hint)
    number = int(found["line"])
    line, what = text.split("\n")[number - 1], message[: found.start()]
    hint = "Correct the line."
    if "{" in line:
        hint += " An inline table must be on one line, without a trailing comma."
    elif what.startswith("Invalid value"):
        hint += " Text stands in quotes."
    return TomlError(f"invalid TOML: {_brief(what)}, column {found['column']}", hint, number)


def _brief(message: str) -> str:
    """Return what is shown of a message of the parser, in which a whole key may be."""
    return message if len(message) <= _LONGEST else f"{message[:_LONGEST]}..."


def _read_text(path: Path, largest: int, if_larger: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(largest + 1)
    except OSError as error:
        raise TomlError(error.strerror or str(error), "Check the path.") from error
    except ValueError as error:  # a NUL in the path
        raise TomlError(f"invalid path: {error}", "Check the path.") from error
    if len(data) > largest:
        raise TomlError(f"larger than {largest:,} bytes", if_larger)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TomlError(f"not UTF-8 (byte {error.start})", "Save it as UTF-8.") from error
    if text.startswith("\ufeff"):
        raise TomlError("begins with a byte order mark", "Save it as UTF-8 without one.")
    return text


_TOKEN: Final = re.compile(
    rf'''"""(?:[^"\\]|\\.|"(?!""))*+(?:"{{3,5}}|\Z)'''
    rf"""|\'\'\'(?:[^']|'(?!''))*+(?:\'{{3,5}}|\Z)"""
    rf"""|{_STRING}|\#[^\n]*+|[\[\]{{}}\n]|[^"'\#\[\]{{}}\n]++""",
    re.DOTALL,
)
_DEPTH: Final = {"[": 1, "{": 1, "]": -1, "}": -1}
_STATEMENT: Final = re.compile(
    rf"(?P<header>\[\[?)?[ \t]*+(?P<key>(?:{_PART.pattern})(?:[ \t]*+\.[ \t]*+(?:{_PART.pattern}))*+)"
)


def key_lines(text: str) -> Mapping[KeyPath, int]:
    """Return the line, counted from 1, on which each table begins and each key is that is not in braces.

    ``text`` is valid TOML. A table of a list has its index, counted from 0, in its path.

    >>> dict(key_lines("a = 1\\n[[b]]\\nc = [\\n1]\\n[[b]]\\nc = 2"))
    {('a',): 1, ('b', 0): 2, ('b', 0, 'c'): 3, ('b', 1): 5, ('b', 1, 'c'): 6}
    """
    lines: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for start, line in _statements(text):
        found = _STATEMENT.match(text, start)
        if found is None:
            continue
        parts = [part[1:-1] if part[0] in "\"'" else part for part in _PART.findall(found["key"])]
        if found["header"]:
            table = _table_path(parts, counts, is_list=found["header"] == "[[")
            lines.setdefault(table, line)
        else:
            lines.setdefault((*table, *parts), line)
    return lines


def _statements(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each header and each key begins, and its line."""
    line, depth, begun = 1, 0, False
    for token in _TOKEN.finditer(text):
        word = token[0]
        if not begun and word[0] != "#" and not word.isspace():
            begun = True
            yield token.start() + len(word) - len(word.lstrip()), line
        depth += _DEPTH.get(word, 0)
        line += word.count("\n")
        begun = begun and not (word == "\n" and depth == 0)


def _table_path(parts: Sequence[str], counts: dict[KeyPath, int], *, is_list: bool) -> KeyPath:
    """Return the path of a table with the indexes of the lists that it is in; ``counts`` has how many tables each has."""
    path: KeyPath = ()
    for part in parts[:-1] if is_list else parts:
        path = (*path, part)
        if path in counts:
            path = (*path, counts[path] - 1)
    if is_list:
        path = (*path, parts[-1])
        counts[path] = counts.get(path, 0) + 1
        path = (*path, counts[path] - 1)
    return path
