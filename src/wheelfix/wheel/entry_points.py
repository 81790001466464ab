"""entry_points.txt, which readers take in two ways, and its lines: added and removed without touching the others.

``configparser`` is what the specification names; pip reads it with ``importlib.metadata``, line by line, and knows neither
comments with a semicolon nor values that continue on the next line. It is read here with both, under a limit, and changed
only where both see the same.

https://packaging.python.org/en/latest/specifications/entry-points/
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from configparser import DuplicateOptionError, DuplicateSectionError, MissingSectionHeaderError, RawConfigParser
from importlib.metadata import Distribution
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Final, NamedTuple

from wheelfix.errors import EditError
from wheelfix.text import shown
from wheelfix.wheel.modules import Modules

ENTRY_POINTS: Final = "entry_points.txt"
"""The path of the file in dist-info."""
SCRIPTS: Final = frozenset({"console_scripts", "gui_scripts"})
"""The groups whose entry points installers make into scripts."""
DEFAULTS: Final = "DEFAULT"
"""To ``configparser`` what is in this group is in every other one too."""
LARGEST: Final = 1 << 18
"""In bytes: far more than any real file has."""
REFERENCE: Final = re.compile(r"[\w.]+(?:\s*:\s*[\w.]+)?(?:\s*\[[^\]]*\])?")
"""An object reference."""
SCRIPT: Final = re.compile(r"\w+(?:\.\w+)*:\w+(?:\.\w+)*(?:\s*\[\s*[\w-]+(?:\s*,\s*[\w-]+)*\s*\])?")
"""What pip, uv and installer all accept as a script: pip allows no spaces around the colon, and no empty extras."""
SCRIPT_NAME: Final = re.compile(r"[\w.-]+")
"""What PyPI allows as the name of a script (``_ENTRY_POINT_NAME_RE`` in warehouse/utils/wheel.py)."""
_GROUP: Final = re.compile(r"\w+(?:\.\w+)*")
_NAME: Final = re.compile(r"[^=\s\[#;](?:[^=]*[^=\s])?")
_MODULE: Final = re.compile(r"\w+(?:\.\w+)*")
_INTERPRETER: Final = re.compile(r"(?:pythonw?|graalpy|python3|pypy[23]?|python3\.\d{1,3}|pythonw?3\.\d{1,3}t)(?:\.py)?")
"""Names of scripts that uv reserves for interpreters, in any case (``reserved_script_name`` in crates/uv-install-wheel)."""
_LONGEST: Final = 100
"""How much of a value is reported, in characters."""


class EntryPoint(NamedTuple):
    """One entry point: its group, its name, and the value, which may begin ``late``, on the line after the name."""

    group: str
    name: str
    value: str
    late: bool = False

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return f"[{_cut(self.group)}] {_cut(self.name)}"

    @property
    def module(self) -> str:
        """The module that it names, empty where it names none that could be imported."""
        module = self.value.partition("[")[0].partition(":")[0].strip()
        return module if _MODULE.fullmatch(module) else ""

    def is_provided(self, modules: Modules) -> bool:
        """Whether its module is among ``modules``; some groups name an object with dots alone: fsspec.specs, for one."""
        has_colon = ":" in self.value.partition("[")[0]
        if not has_colon and self.group not in SCRIPTS and modules.has(self.module.rpartition(".")[0]):
            return True
        return modules.has(self.module)


class BadLineError(ValueError):
    """A line that a reader cannot take."""


def is_interpreter(name: str) -> bool:
    """Whether uv refuses a script called ``name``, because it would replace an interpreter.

    >>> [is_interpreter(name) for name in ("Python3.12", "python.py", "python2", "pythonic")]
    [True, True, False, False]
    """
    return _INTERPRETER.fullmatch(name.lower()) is not None


def entry_point_error(point: EntryPoint) -> tuple[str, str] | None:
    """Return why not every installer takes ``point``, and what would be right; ``None`` if all do."""
    is_script = point.group in SCRIPTS
    if not _GROUP.fullmatch(point.group) or point.group == DEFAULTS:
        return f"invalid group {point.group!r}", "Use letters, digits, _ and dots: console_scripts."
    if not point.name.isprintable() or not (SCRIPT_NAME if is_script else _NAME).fullmatch(point.name):
        return f"invalid name {point.name!r}", "Use letters, digits, _, . and -."
    if is_script and (is_interpreter(point.name) or point.name in (".", "..")):
        return f"{point.name!r} cannot be the name of a script", "It would replace an interpreter or a directory."
    if not point.value.isprintable() or not (SCRIPT if is_script else REFERENCE).fullmatch(point.value):
        return f"{point.value!r} is not an object reference", "For example: demo.cli:main."
    return None


def read_entry_points(text: str) -> list[EntryPoint]:
    """Return the entry points in ``text`` as ``configparser`` reads them with ``=`` alone between name and value.

    A group called DEFAULT is one like any other here.

    :raises BadLineError: at the first line that it would refuse.
    """
    parser = parse_groups(text)
    return points_of(parser)


def parse_groups(text: str) -> RawConfigParser:
    """Return the groups in ``text``; :func:`points_of` gives what is in them.

    :raises BadLineError: at the first line that ``configparser`` would refuse.
    """
    parser = _Parser(interpolation=None, default_section="")
    try:
        parser.read_string(text)
    except MissingSectionHeaderError as error:
        raise BadLineError(f"line {error.lineno} comes before the first group") from error
    except DuplicateSectionError as error:
        raise BadLineError(f"line {error.lineno} begins the group {_cut(error.section)} a second time") from error
    except DuplicateOptionError as error:
        raise BadLineError(f"line {error.lineno} gives the name {_cut(error.option)} a second time") from error
    return parser


def points_of(parser: RawConfigParser) -> list[EntryPoint]:
    """Return the entry points of all groups."""
    return [
        EntryPoint(group, name, value.strip(), value.startswith("\n"))
        for group in parser.sections()
        for name, value in parser.items(group)
    ]


class _Parser(RawConfigParser):
    """``configparser`` with names as they are spelled, ended by the first ``=``, and without its quadratic corners.

    Its own pattern tries every blank of a long run as the end of a name, and it gathers all bad lines in one message. Here
    the name keeps its ``=`` until :meth:`optionxform`, which ends the reading at the first bad line.
    """

    OPTCRE = re.compile(r"(?P<option>[^=]*(?P<vi>=?))(?P<value>.*)", re.DOTALL)

    def optionxform(self, optionstr: str) -> str:
        """Return the name without the sign after it.

        :raises BadLineError: if there is none.
        """
        name, sign, _ = optionstr.partition("=")
        if not sign or not name.strip():
            raise BadLineError(f"{_cut(optionstr)!r} is not a name with = after it")
        return name.rstrip()


class _InMemory(Distribution):
    """A distribution that consists of ``text`` as its entry_points.txt."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read_text(self, filename: str) -> str | None:
        """Return the content of a file of dist-info, ``None`` where it is not there."""
        return self._text if filename == ENTRY_POINTS else None

    def locate_file(self, path: str | PathLike[str]) -> Path:
        """Return where a file would be."""
        return Path(path)


def read_by_line(text: str) -> list[EntryPoint] | None:
    """Return the entry points as ``importlib.metadata`` reads them, ``None`` where it fails on a line, and pip with it."""
    try:
        return [EntryPoint(each.group, each.name, each.value) for each in _InMemory(text).entry_points]
    except (TypeError, ValueError):  # a line has no =
        return None


def _cut(text: str) -> str:
    return shown(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")


class EntryPoints:
    """An entry_points.txt that every reader reads alike, as its lines; ``None`` stands for a wheel without one.

    Comments, blank lines, spacing and line ends stay as they are. The header of a group in which nothing is left goes.

    >>> points = EntryPoints(b"[console_scripts]\\ndemo=demo.cli:main\\n# kept\\nold = demo.old:main\\n")
    >>> points.without(lambda point: point.name == "old").data
    b'[console_scripts]\\ndemo=demo.cli:main\\n# kept\\n'

    :raises EditError: if it is too large, not UTF-8, or readers understand it differently.
    """

    data: bytes | None
    """The file; ``None`` where no entry point is left."""

    def __init__(self, data: bytes | None) -> None:
        self._lines = _lines_of(data or b"")
        self.points = [each.point for each in self._lines if each.point]
        self.data = data

    def without(self, is_unwanted: Callable[[EntryPoint], object]) -> "EntryPoints":
        """Return the file without the entry points that are ``is_unwanted``."""
        gone = {index for index, each in enumerate(self._lines) if each.point and is_unwanted(each.point)}
        if not gone:
            return self
        for header, rest in self._groups():
            body = [index for index in rest if index not in gone]
            if len(body) < len(rest) and not any(self._lines[index].point for index in body):
                gone.add(header)
                gone.update(index for index in body if not self._lines[index].text.strip())
        left = [each.text for index, each in enumerate(self._lines) if index not in gone]
        return self._as_planned(left, [each for each in self.points if not is_unwanted(each)])

    def with_point(self, point: EntryPoint) -> "EntryPoints":
        """Return the file with ``point``: in its group, behind the others, or in place of one of that name."""
        texts = [each.text for each in self._lines]
        for index, each in enumerate(self._lines):
            if each.point and each.point[:2] == point[:2]:
                texts[index] = each.with_value(point.value)
                return self._as_planned(texts, [point if old[:2] == point[:2] else old for old in self.points])
        line = f"{point.name} = {point.value}"
        groups = {self._lines[header].group: [header, *rest] for header, rest in self._groups()}
        if point.group in groups:
            last = max(index for index in groups[point.group] if not self._lines[index].is_plain)
            _insert(texts, last + 1, [line], self._line_end)
        else:
            apart = [""] if texts and texts[-1].strip() else []
            _insert(texts, len(texts), [*apart, f"[{point.group}]", line], self._line_end)
        return self._as_planned(texts, [*self.points, point])

    @property
    def _line_end(self) -> str:
        return "\r\n" if self._lines and self._lines[0].text.endswith("\r\n") else "\n"

    def _groups(self) -> Iterator[tuple[int, range]]:
        """Yield the number of each header, and those of the lines up to the next one."""
        headers = [index for index, each in enumerate(self._lines) if each.is_header]
        for header, following in pairwise([*headers, len(self._lines)]):
            yield header, range(header + 1, following)

    def _as_planned(self, texts: Sequence[str], wanted: Sequence[EntryPoint]) -> "EntryPoints":
        """Return the new file, once both readers see the ``wanted`` entry points in it, and no others."""
        data = "".join(texts).encode() if wanted else None
        new = EntryPoints(data)
        if sorted(new.points) != sorted(wanted):
            raise _ambiguous("a changed line would be read as something else")
        return new


class _Line(NamedTuple):
    """A line with its line end, the group that it is in, and what it is: an entry point, a header, or neither."""

    text: str
    group: str = ""
    point: EntryPoint | None = None
    is_header: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it is a comment or blank."""
        return self.point is None and not self.is_header

    def with_value(self, value: str) -> str:
        """Return the line with another value; name, spacing and line end stay."""
        name, sign, old = self.text.partition("=")
        text = old.strip()
        start, end = old.index(text) if text else 0, old[len(old.rstrip()) :]
        return f"{name}{sign}{old[:start]}{value}{end}"


def _lines_of(data: bytes) -> list[_Line]:
    """Return the lines of the file, each with what both readers see in it.

    :raises EditError: if it is too large, not UTF-8, or they do not see the same.
    """
    if len(data) > LARGEST:
        raise _ambiguous(f"it has {len(data)} bytes, more than any real one")
    try:
        text = data.decode("utf-8")
        points = read_entry_points(text)
    except ValueError as error:  # bytes that are no UTF-8, or a bad line
        raise _ambiguous(shown(str(error))[:200]) from error
    lines, group = list[_Line](), ""
    for line in text.splitlines(keepends=True):
        plain = line.strip()
        if plain.startswith("[") and plain.endswith("]"):
            group = plain[1:-1]
            lines.append(_Line(line, group, is_header=True))
        elif not plain or plain.startswith("#"):
            lines.append(_Line(line, group))
        else:
            name, _, value = plain.partition("=")
            lines.append(_Line(line, group, EntryPoint(group, name.rstrip(), value.lstrip())))
    # counted, and not a set: a line that only one reader sees may repeat another one
    seen = Counter(each.point for each in lines if each.point)
    if any(each.group == DEFAULTS for each in lines):
        raise _ambiguous(
            f"to some readers, what is in [{DEFAULTS}] is in every group", hint="Build the wheel again without it."
        )
    if seen != Counter(points) or Counter(read_by_line(text)) != seen:
        raise _ambiguous("readers do not see the same entry points in it")
    return lines


def _insert(texts: list[str], index: int, new: Sequence[str], line_end: str) -> None:
    """Insert lines; where the file ends without a line end, it still does."""
    if index == len(texts) and texts and not texts[-1].endswith(("\n", "\r")):
        texts[-1] += line_end
        texts += [line + line_end for line in new[:-1]] + [new[-1]]
        return
    texts[index:index] = [line + line_end for line in new]


def _ambiguous(reason: str, hint: str = "`wheelfix verify` says what is wrong with it; build the wheel again.") -> EditError:
    return EditError("ambiguous-entry-points", f"{ENTRY_POINTS} cannot be changed: {reason}", hint=hint)
