"""What is wrong with entry_points.txt, which readers take in two ways, and with the modules that it names.

``configparser`` is what the specification names; pip reads it with ``importlib.metadata``, line by line, and knows neither
comments with a semicolon nor values that continue on the next line. It is read here with both, under a limit.

https://packaging.python.org/en/latest/specifications/entry-points/
"""

import posixpath
import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from configparser import DuplicateOptionError, DuplicateSectionError, MissingSectionHeaderError, RawConfigParser
from importlib.metadata import Distribution
from os import PathLike
from pathlib import Path
from typing import Final, NamedTuple

from wheelfix.codes import Client, in_table_order
from wheelfix.text import shown
from wheelfix.verify.subject import RawFinding, Subject, cut

_LIBRARIES: Final = ("purelib", "platlib")
_ENDINGS: Final = (".py", ".pyc", ".so", ".pyd")
"""What ends the name of a file that can be imported; an extension module has a tag for its interpreter before it."""


class Modules:
    """The modules among the files ``names`` of a wheel whose .data directory is ``data``.

    >>> modules = Modules(["demo/__init__.py", "demo/fast.cpython-312-x86_64-linux-gnu.so"], "demo-1.0.data")
    >>> [modules.lacks(name) for name in ("demo.fast", "demo.slow", "other.slow")]
    [False, True, False]
    """

    def __init__(self, names: Iterable[str], data: str) -> None:
        self._modules: set[str] = set()
        self._packages: set[str] = set()
        for name in names:
            self._add(_library_path(name, data))

    def has(self, module: str) -> bool:
        """Whether ``module`` is among the files of this wheel."""
        return module in self._modules

    def lacks(self, module: str) -> bool:
        """Whether ``module`` is in a package of this wheel, by its name, and not among its files.

        A directory without ``__init__`` may be shared with other projects, and a package that is not in this wheel may come
        from one that it requires: nothing is known of either.
        """
        parent = module.rpartition(".")[0]
        return parent in self._packages and module not in self._modules

    def _add(self, path: str) -> None:
        if not path.endswith(_ENDINGS):
            return
        directory, _, file = path.rpartition("/")
        package, stem = directory.replace("/", "."), file.partition(".")[0]
        if stem == "__init__":
            self._packages.add(package)
            stem = ""
        parts = [*filter(None, package.split(".")), *([stem] if stem else [])]
        while parts and (name := ".".join(parts)) not in self._modules:  # a directory counts, with __init__ or without
            self._modules.add(name)
            parts.pop()


def _library_path(name: str, data: str) -> str:
    """Return where a file lies in site-packages; one that is installed elsewhere has no ending of a module."""
    top, _, rest = name.partition("/")
    if top != data:
        return name
    scheme, _, path = rest.partition("/")
    return path if scheme in _LIBRARIES else ""


_FILE: Final = "entry_points.txt"
_SCRIPTS: Final = frozenset({"console_scripts", "gui_scripts"})
_DEFAULTS: Final = "DEFAULT"
"""To ``configparser`` what is in this group is in every other one too."""
_REFERENCE: Final = re.compile(r"[\w.]+(?:\s*:\s*[\w.]+)?(?:\s*\[[^\]]*\])?")
_MODULE: Final = re.compile(r"\w+(?:\.\w+)*")
_SCRIPT: Final = re.compile(r"\w+(?:\.\w+)*:\w+(?:\.\w+)*(?:\s*\[\s*[\w-]+(?:\s*,\s*[\w-]+)*\s*\])?")
"""What pip, uv and installer all accept as a script: pip allows no spaces around the colon, and no empty extras."""
_READERS: Final[Mapping[Client, re.Pattern[str]]] = {
    Client.PIP: re.compile(
        r"\w+(?:\.\w+)*:\w+(?:\.\w+)*(?![.:]?\w)(?:\s*\[\s*[\w-]+(?:=\w+)?(?:,\s*\w+(?:=\w+)?)*\s*\].*|[^\[\]]*)", re.DOTALL
    ),
    Client.UV: re.compile(r"[\w.-]+\s*:\s*[\w.-]+(?:\s*\[.+\])?"),
    Client.INSTALLER: re.compile(r"[\w.]+\s*:\s*[\w.]+\s*(?:\[.*\]\s*)?"),
}
"""What each of them accepts as a script: pip reads the beginning and ignores the rest, unless that has a bracket."""
_PATH: Final = re.compile(r"[/\\]|^[A-Za-z]:|^\.{1,2}$|[\x00-\x1f\x7f]")
_NAME: Final = re.compile(r"[\w.-]+")
"""What PyPI allows as the name of a script (``_ENTRY_POINT_NAME_RE`` in warehouse/utils/wheel.py)."""
_INTERPRETER: Final = re.compile(r"(?:pythonw?|graalpy|python3|pypy[23]?|python3\.\d{1,3}|pythonw?3\.\d{1,3}t)(?:\.py)?")
"""Names of scripts that uv reserves for interpreters, in any case (``reserved_script_name`` in crates/uv-install-wheel)."""
_BRACKET: Final = re.compile(r"[\[\]]")
_LONGEST_NAME: Final = 255
_LARGEST: Final = 1 << 18
"""In bytes: far more than any real file has."""


class EntryPoint(NamedTuple):
    """One entry point: its group, its name, and the value, which may begin ``late``, on the line after the name."""

    group: str
    name: str
    value: str
    late: bool = False

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return f"[{cut(self.group)}] {cut(self.name)}"


class _BadLineError(ValueError):
    """A line that a reader cannot take."""


def check_entry_points(subject: Subject) -> Iterator[RawFinding]:
    """Yield the findings on entry_points.txt, and on the scripts in the .data directory that have the same names."""
    points: list[EntryPoint] = []
    data = subject.read(_FILE)
    if data is not None and len(data) > _LARGEST:
        yield RawFinding(
            "entry-points-unreadable", _FILE, f"it has {len(data)} bytes, more than any real one", refused_by=()
        )
    elif data is not None:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            yield RawFinding("entry-points-unreadable", _FILE, shown(str(error))[:200])
        else:
            points = yield from _check_text(subject, text)
    yield from _check_scripts(subject, points)


def _check_text(subject: Subject, text: str) -> Generator[RawFinding, None, list[EntryPoint]]:
    """Yield the findings on the ``text`` of entry_points.txt, and return the entry points, none where it cannot be read."""
    by_line = _read_by_line(text)
    try:
        parser = _parse(text)
    except _BadLineError as error:
        refused_by = None if by_line is None else (Client.UV, Client.INSTALLER, Client.PYPI)
        yield RawFinding("entry-points-unreadable", _FILE, shown(str(error))[:200], refused_by=refused_by)
        return []
    points = _points_of(parser)
    yield from _check_points(points)
    yield from _check_modules(subject, points)
    yield from _check_second_reading(by_line, points)
    yield from _check_defaults(parser)
    return points


def _check_points(points: Sequence[EntryPoint]) -> Iterator[RawFinding]:
    has_scripts = any(each.group in _SCRIPTS for each in points)
    names: dict[str, str] = {}
    for each in points:
        is_script = each.group in _SCRIPTS or (has_scripts and each.group == _DEFAULTS)
        if not (_SCRIPT if is_script else _REFERENCE).fullmatch(each.value):
            refused_by = _refusing_value(each) if is_script else ()
            code = "entry-points-bad-value" if refused_by else "entry-points-odd-value"
            yield RawFinding(code, each.place, f"{cut(each.value)!r} is not an object reference", refused_by=refused_by)
        if is_script:
            yield from _check_script_name(each)
        if each.group in _SCRIPTS:
            group = names.setdefault(each.name, each.group)
            if group != each.group:
                message = f"[{cut(group)}] also has a script of this name; installer refuses that"
                yield RawFinding("entry-points-same-name", each.place, message)


def _refusing_value(point: EntryPoint) -> tuple[Client, ...]:
    """Return who refuses the value of a script; to pip a group called DEFAULT is one like any other."""
    clients = (client for client in _READERS if client is not Client.PIP or point.group != _DEFAULTS)
    return tuple(client for client in clients if not _READERS[client].fullmatch(point.value))


def _refusing_name(name: str) -> tuple[Client, ...]:
    """Return who refuses the name of a script, as measured on Linux."""
    is_outside = name.startswith("/") or f"{posixpath.normpath(name)}/".startswith("../")
    clients = (
        {Client.PIP, Client.UV, Client.INSTALLER}
        if is_outside or "\0" in name or len(name.encode()) > _LONGEST_NAME else
        {Client.PIP, Client.UV} if name == "." else
        {Client.UV} if "/" in name else
        set()
    )  # fmt: skip
    clients |= {Client.PIP} if _BRACKET.search(name) else set()
    clients |= set() if _NAME.fullmatch(name) else {Client.PYPI}
    return in_table_order(clients)


def _check_script_name(point: EntryPoint) -> Iterator[RawFinding]:
    if _PATH.search(point.name):
        message = "installers would write the script to another directory or fail"
        yield RawFinding("entry-points-unsafe-name", point.place, message, refused_by=_refusing_name(point.name))
    elif len(point.name.encode()) > _LONGEST_NAME:
        message = "the name is longer than any system allows"
        yield RawFinding("entry-points-unsafe-name", point.place, message, refused_by=_refusing_name(point.name))
    elif is_interpreter(point.name):
        yield RawFinding(
            "entry-points-reserved-name", point.place, "uv reserves this name for the interpreter and refuses the wheel"
        )
    elif not _NAME.fullmatch(point.name):
        message = "PyPI refuses a script name with characters other than letters, digits, _, . and -"
        yield RawFinding("entry-points-bad-name", point.place, message, refused_by=_refusing_name(point.name))


def is_interpreter(name: str) -> bool:
    """Whether uv refuses a script called ``name``, because it would replace an interpreter.

    >>> [is_interpreter(name) for name in ("Python3.12", "python.py", "python2", "pythonic")]
    [True, True, False, False]
    """
    return _INTERPRETER.fullmatch(name.lower()) is not None


def _check_modules(subject: Subject, points: Iterable[EntryPoint]) -> Iterator[RawFinding]:
    """Yield the entry points whose module is not in the wheel, although its package is."""
    if "namespace_packages.txt" in subject.dist_info_files:  # such packages are spread over several projects
        return
    modules = Modules(subject.entries, f"{subject.dist_info.removesuffix('.dist-info')}.data")
    for each in points:
        module, colon, _ = each.value.partition("[")[0].partition(":")
        module = module.strip()
        if not colon and each.group not in _SCRIPTS and modules.has(module.rpartition(".")[0]):
            continue  # some groups name an object with dots alone: fsspec.specs, for one
        if _MODULE.fullmatch(module) and modules.lacks(module):
            yield RawFinding("entry-points-no-module", each.place, f"the wheel has no module {cut(module)}")


def _check_scripts(subject: Subject, points: Iterable[EntryPoint]) -> Iterator[RawFinding]:
    """Yield the files of ``.data/scripts`` that would replace the script of an entry point or an interpreter."""
    names = {each.name: each.place for each in points if each.group in _SCRIPTS}
    data = f"{subject.dist_info.removesuffix('.dist-info')}.data/"
    for entry in subject.entries if subject.dist_info else ():
        if not entry.startswith((f"{data}scripts/", f"{data}data/bin/")):
            continue
        scheme, _, name = entry.removeprefix(data).partition("/")
        name = name.removeprefix("bin/") if scheme == "data" else name
        if is_interpreter(name.lower().removesuffix(".exe")):
            yield RawFinding(
                "data-reserved-name", shown(entry), "uv reserves this name for the interpreter and refuses the wheel"
            )
        if name in names:
            message = f"{names[name]} also makes a script of this name; installer refuses that"
            yield RawFinding("data-script-twice", shown(entry), message)


def _check_second_reading(by_line: list[EntryPoint] | None, points: list[EntryPoint]) -> Iterator[RawFinding]:
    if by_line is None:
        late = any(each.late and each.group in _SCRIPTS for each in points)
        refused_by = (Client.PIP, Client.UV, Client.INSTALLER) if late else (Client.PIP,)
        message = "pip fails on a line without =: it reads only # as a comment, and no value that continues on the next line"
        yield RawFinding("entry-points-refused", _FILE, message, refused_by=refused_by)
        return
    differing = sorted(set(by_line).symmetric_difference(points))
    if differing:
        first = differing[0]
        message = f"readers disagree on {first.place} = {cut(first.value)}"
        yield RawFinding("entry-points-ambiguous", _FILE, message)


def _check_defaults(parser: RawConfigParser) -> Iterator[RawFinding]:
    """Yield the first script that only those readers see to whom DEFAULT is the group whose names all others have too."""
    defaults = parser.options(_DEFAULTS) if parser.has_section(_DEFAULTS) else []
    for group in filter(parser.has_section, sorted(_SCRIPTS)):
        own = {*parser.options(group)}
        for name in (each for each in defaults if each not in own):
            message = f"readers disagree on [{_DEFAULTS}] {cut(name)}: uv and installer make a script of it, pip does not"
            yield RawFinding("entry-points-ambiguous", _FILE, message)
            return


def read_entry_points(text: str) -> list[EntryPoint]:
    """Return the entry points in ``text`` as ``configparser`` reads them with ``=`` alone between name and value.

    A group called DEFAULT is one like any other here.

    :raises _BadLineError: at the first line that it would refuse.
    """
    return _points_of(_parse(text))


def _parse(text: str) -> RawConfigParser:
    parser = _Parser(interpolation=None, default_section="")
    try:
        parser.read_string(text)
    except MissingSectionHeaderError as error:
        raise _BadLineError(f"line {error.lineno} comes before the first group") from error
    except DuplicateSectionError as error:
        raise _BadLineError(f"line {error.lineno} begins the group {cut(error.section)} a second time") from error
    except DuplicateOptionError as error:
        raise _BadLineError(f"line {error.lineno} gives the name {cut(error.option)} a second time") from error
    return parser


def _points_of(parser: RawConfigParser) -> list[EntryPoint]:
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

        :raises _BadLineError: if there is none.
        """
        name, sign, _ = optionstr.partition("=")
        if not sign or not name.strip():
            raise _BadLineError(f"{cut(optionstr)!r} is not a name with = after it")
        return name.rstrip()


class _InMemory(Distribution):
    """A distribution that consists of ``text`` as its entry_points.txt."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read_text(self, filename: str) -> str | None:
        """Return the content of a file of dist-info, ``None`` where it is not there."""
        return self._text if filename == _FILE else None

    def locate_file(self, path: str | PathLike[str]) -> Path:
        """Return where a file would be."""
        return Path(path)


def _read_by_line(text: str) -> list[EntryPoint] | None:
    """Return the entry points as ``importlib.metadata`` reads them, ``None`` where it fails on a line, and pip with it."""
    try:
        return [EntryPoint(each.group, each.name, each.value) for each in _InMemory(text).entry_points]
    except (TypeError, ValueError):  # a line has no =
        return None
