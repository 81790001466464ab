"""What is wrong with entry_points.txt, which readers take in two ways.

``configparser`` is what the specification names; pip reads it with ``importlib.metadata``, line by line, and knows neither
comments with a semicolon nor values that go on. It is read here as both do, and no further than the first line that is none:
``configparser`` itself gathers all such lines in quadratic time.

https://packaging.python.org/en/latest/specifications/entry-points/
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from wheelfix.checks.found import Found
from wheelfix.checks.subject import Subject
from wheelfix.escaping import shown

_FILE: Final = "entry_points.txt"
_SCRIPTS: Final = frozenset({"console_scripts", "gui_scripts"})
_REFERENCE: Final = re.compile(r"[\w.]+(?:\s*:\s*[\w.]+)?(?:\s*\[[^\]]*\])?")
_SECTION: Final = re.compile(r"\[(?P<name>.+)\]")
_PATH: Final = re.compile(r"[/\\]|^[A-Za-z]:|^\.{1,2}$")
_LONGEST: Final = 100
_MOST_LINES: Final = 100_000


class EntryPoint(NamedTuple):
    """One entry point: its group, its name, and the value."""

    group: str
    name: str
    value: str


class _BadLineError(ValueError):
    """A line that a reader cannot take."""


def check_entry_points(subject: Subject) -> Iterator[Found]:
    """Yield the faults of entry_points.txt."""
    data = subject.read(_FILE)
    if data is None:
        return
    try:
        text = data.decode("utf-8")
        points = read_entry_points(text)
    except (UnicodeDecodeError, _BadLineError) as error:
        yield Found("entry-points-unreadable", _FILE, shown(str(error))[:200])
        return
    for each in points:
        yield from _check_point(each)
    yield from _check_second_reading(text, points)


def _check_point(point: EntryPoint) -> Iterator[Found]:
    place = f"[{_cut(point.group)}] {_cut(point.name)}"
    if not _REFERENCE.fullmatch(point.value) or (point.group in _SCRIPTS and ":" not in point.value):
        yield Found("entry-points-bad-value", place, f"{_cut(point.value)!r} is no reference to an object")
    if point.group in _SCRIPTS and _PATH.search(point.name):
        yield Found("entry-points-unsafe-name", place, "installers would write the script to another folder")


def _check_second_reading(text: str, points: list[EntryPoint]) -> Iterator[Found]:
    try:
        other = _read_by_line(text)
    except _BadLineError as error:
        yield Found("entry-points-refused", _FILE, str(error))
        return
    differing = sorted(set(other).symmetric_difference(points))
    if differing:
        first = differing[0]
        place = f"[{_cut(first.group)}] {_cut(first.name)}"
        yield Found("entry-points-ambiguous", _FILE, f"readers disagree about {place} = {_cut(first.value)}")


def _cut(text: str) -> str:
    return shown(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")


def read_entry_points(text: str) -> list[EntryPoint]:
    """Return the entry points in ``text`` as ``configparser`` reads them with ``=`` alone between name and value.

    :raises _BadLineError: at the first line that it would refuse.
    """
    reader = _Reader()
    for number, line in enumerate(text.split("\n", _MOST_LINES), 1):
        if number > _MOST_LINES:
            raise _BadLineError(f"line {number} is one more than any real file has")
        fault = reader.take(line)
        if fault:
            raise _BadLineError(f"line {number} {fault}")
    return reader.points


class _Reader:
    """Takes line after line: a line that is indented further than the name before it goes on with its value."""

    def __init__(self) -> None:
        self._group: str | None = None
        self._groups: set[str] = set()
        self._values: dict[tuple[str, str], list[str]] = {}
        self._open: list[str] | None = None
        self._indent = 0

    @property
    def points(self) -> list[EntryPoint]:
        """The entry points so far, each value in one piece."""
        return [EntryPoint(*key, "\n".join(lines).strip()) for key, lines in self._values.items()]

    def take(self, line: str) -> str:
        """Take one line; return why it cannot be taken, empty if it can."""
        content = line.strip()
        if not content or content.startswith(("#", ";")):
            return ""
        indent = len(line) - len(line.lstrip())
        if self._open is not None and indent > self._indent:
            self._open.append(content)
            return ""
        self._indent = indent
        section = _SECTION.match(content)
        if section:
            self._group, self._open = section["name"], None
            return self._begin_group(section["name"])
        return self._begin_point(content)

    def _begin_group(self, name: str) -> str:
        if name in self._groups:
            return "begins a group that was there before"
        self._groups.add(name)
        return ""

    def _begin_point(self, content: str) -> str:
        name, sign, value = content.partition("=")
        key = (self._group or "", name.rstrip())
        if self._group is None:
            return "stands before the first group"
        if not sign or not key[1]:
            return "has no name, or no sign = behind it"
        if key in self._values:
            return "gives a name that was given before"
        self._open = self._values[key] = [value.strip()]
        return ""


def _read_by_line(text: str) -> list[EntryPoint]:
    """Return the entry points as ``importlib.metadata`` reads them.

    :raises _BadLineError: at the first line on which it fails, and pip with it.
    """
    group, found = None, list[EntryPoint]()
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if not line or line.startswith("#"):
            continue
        if line.startswith("[") and line.endswith("]"):
            group = line.strip("[]")
            continue
        name, sign, value = line.partition("=")
        if group is not None and not sign:
            raise _BadLineError(f"line {number} has no sign =, so that pip fails: only # begins a comment, no value goes on")
        if group is not None:
            found.append(EntryPoint(group, name.strip(), value.strip()))
    return found
