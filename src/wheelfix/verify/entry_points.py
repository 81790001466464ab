"""What is wrong with entry_points.txt, and with the modules that it names.

https://packaging.python.org/en/latest/specifications/entry-points/
"""

import posixpath
import re
import unicodedata
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from configparser import RawConfigParser
from typing import Final

from wheelfix.codes import Client, in_table_order
from wheelfix.text import cut, shown
from wheelfix.verify.subject import RawFinding, Subject
from wheelfix.wheel.entry_points import (
    DEFAULTS,
    ENTRY_POINTS,
    LARGEST,
    REFERENCE,
    SCRIPT,
    SCRIPT_NAME,
    SCRIPTS,
    BadLineError,
    EntryPoint,
    is_interpreter,
    parse_groups,
    points_of,
    read_by_line,
)
from wheelfix.wheel.installed import SCRIPTS as PLACE_OF_SCRIPTS, place_of
from wheelfix.wheel.modules import Modules

_READERS: Final[Mapping[Client, re.Pattern[str]]] = {
    Client.PIP: re.compile(
        r"\w+(?:\.\w+)*:\w+(?:\.\w+)*(?![.:]?\w)(?:\s*\[\s*[\w-]+(?:=\w+)?(?:,\s*\w+(?:=\w+)?)*\s*\].*|[^\[\]]*)", re.DOTALL
    ),
    Client.UV: re.compile(r"[\w.-]+\s*:\s*[\w.-]+(?:\s*\[.+\])?"),
    Client.INSTALLER: re.compile(r"[\w.]+\s*:\s*[\w.]+\s*(?:\[.*\]\s*)?"),
}
"""What each of them accepts as a script: pip reads the beginning and ignores the rest, unless that has a bracket."""
_PATH: Final = re.compile(r"[/\\]|^[A-Za-z]:|^\.{1,2}$|[\x00-\x1f\x7f]")
_BRACKET: Final = re.compile(r"[\[\]]")
_LONGEST_NAME: Final = 255


def check_entry_points(subject: Subject) -> Iterator[RawFinding]:
    """Yield the findings on entry_points.txt, and on the scripts in the .data directory that have the same names."""
    points: list[EntryPoint] = []
    data = subject.read(ENTRY_POINTS)
    if data is not None and len(data) > LARGEST:
        yield RawFinding(
            "entry-points-unreadable", ENTRY_POINTS, f"it has {len(data)} bytes, more than any real one", refused_by=()
        )
    elif data is not None:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            yield RawFinding("entry-points-unreadable", ENTRY_POINTS, shown(str(error))[:200])
        else:
            points = yield from _check_text(subject, text)
    yield from _check_scripts(subject, points)


def _check_text(subject: Subject, text: str) -> Generator[RawFinding, None, list[EntryPoint]]:
    """Yield the findings on the ``text`` of entry_points.txt, and return the entry points, none where it cannot be read."""
    by_line = read_by_line(text)
    try:
        parser = parse_groups(text)
    except BadLineError as error:
        refused_by = None if by_line is None else (Client.UV, Client.INSTALLER, Client.PYPI)
        yield RawFinding("entry-points-unreadable", ENTRY_POINTS, shown(str(error))[:200], refused_by=refused_by)
        return []
    points = points_of(parser)
    yield from _check_points(points)
    yield from _check_modules(subject, points)
    yield from _check_second_reading(by_line, points)
    yield from _check_defaults(parser)
    return points


def _check_points(points: Sequence[EntryPoint]) -> Iterator[RawFinding]:
    has_scripts = any(each.group in SCRIPTS for each in points)
    names: dict[str, str] = {}
    for each in points:
        is_script = each.group in SCRIPTS or (has_scripts and each.group == DEFAULTS)
        refused_by = _refusing_value(each) if is_script else ()
        if refused_by or not (SCRIPT if is_script else REFERENCE).fullmatch(each.value):
            code = "entry-points-bad-value" if refused_by else "entry-points-odd-value"
            yield RawFinding(code, each.place, f"{cut(each.value)!r} is not an object reference", refused_by=refused_by)
        if is_script:
            yield from _check_script_name(each)
        if each.group in SCRIPTS:
            group = names.setdefault(each.name, each.group)
            if group != each.group:
                message = f"[{cut(group)}] also has a script of this name; installer refuses that"
                yield RawFinding("entry-points-same-name", each.place, message)


def _refusing_value(point: EntryPoint) -> tuple[Client, ...]:
    """Return who refuses the value of a script; to pip a group called DEFAULT is one like any other."""
    clients = (client for client in _READERS if client is not Client.PIP or point.group != DEFAULTS)
    return tuple(client for client in clients if not _is_read(client, point.value))


def _is_read(client: Client, value: str) -> bool:
    """Whether a client takes the value of a script; numbers such as a half are a part of words in Python, not to uv."""
    odd = client is Client.UV and any(unicodedata.category(each) == "No" for each in value.partition("[")[0])
    return not odd and _READERS[client].fullmatch(value) is not None


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
    clients |= set() if SCRIPT_NAME.fullmatch(name) else {Client.PYPI}
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
    elif not SCRIPT_NAME.fullmatch(point.name):
        message = "PyPI refuses a script name with characters other than letters, digits, _, . and -"
        yield RawFinding("entry-points-bad-name", point.place, message, refused_by=_refusing_name(point.name))


def _check_modules(subject: Subject, points: Iterable[EntryPoint]) -> Iterator[RawFinding]:
    """Yield the entry points whose module is not in the wheel, although its package is."""
    if "namespace_packages.txt" in subject.dist_info_files:  # such packages are spread over several projects
        return
    modules = Modules(subject.entries, f"{subject.dist_info.removesuffix('.dist-info')}.data")
    for each in points:
        if each.module and not each.is_provided(modules) and modules.lacks(each.module):
            yield RawFinding("entry-points-no-module", each.place, f"the wheel has no module {cut(each.module)}")


def _check_scripts(subject: Subject, points: Iterable[EntryPoint]) -> Iterator[RawFinding]:
    """Yield the files of ``.data/scripts`` that would replace the script of an entry point or an interpreter."""
    names = {each.name: each.place for each in points if each.group in SCRIPTS}
    data = f"{subject.dist_info.removesuffix('.dist-info')}.data/"
    for entry in subject.entries if subject.dist_info else ():
        if not entry.startswith((f"{data}scripts/", f"{data}data/")):
            continue
        scheme = entry.removeprefix(data).partition("/")[0]
        root, name = place_of(entry, data)
        if root != PLACE_OF_SCRIPTS:
            continue
        if is_interpreter(name.lower().removesuffix(".exe")):
            yield RawFinding(
                "data-reserved-name", shown(entry), "uv reserves this name for the interpreter and refuses the wheel"
            )
        if (top := name.partition("/")[0]) in names and top != name:
            message = f"{names[top]} makes a script where this needs a directory"
            yield RawFinding("data-script-twice", shown(entry), message, refused_by=(Client.UV, Client.INSTALLER))
        elif name in names:
            message = f"{names[name]} also makes a script of this name; installer refuses that"
            yield RawFinding("data-script-twice", shown(entry), message)
        elif scheme == "scripts" and (of := _wrapped(name)) in names:
            message = f"pip and uv take it for the Windows launcher of {names[of]} and do not install it; installer does"
            yield RawFinding("data-script-wrapper", shown(entry), message)


def _wrapped(name: str) -> str:
    """Return the script that a file of this name starts on Windows, as setuptools once wrote it; as pip and uv see it."""
    for end in (".exe", "-script.py", ".pya"):
        if name.lower().endswith(end):
            return name[: -len(end)]
    return ""


def _check_second_reading(by_line: list[EntryPoint] | None, points: list[EntryPoint]) -> Iterator[RawFinding]:
    if by_line is None:
        late = any(each.late and each.group in SCRIPTS for each in points)
        refused_by = (Client.PIP, Client.UV, Client.INSTALLER) if late else (Client.PIP,)
        message = "pip fails on a line without =: it reads only # as a comment, and no value that continues on the next line"
        yield RawFinding("entry-points-refused", ENTRY_POINTS, message, refused_by=refused_by)
        return
    differing = sorted(set(by_line).symmetric_difference(points))
    if differing:
        first = differing[0]
        message = f"readers disagree on {first.place} = {cut(first.value)}"
        yield RawFinding("entry-points-ambiguous", ENTRY_POINTS, message)


def _check_defaults(parser: RawConfigParser) -> Iterator[RawFinding]:
    """Yield the first script that only those readers see to whom DEFAULT is the group whose names all others have too."""
    defaults = parser.options(DEFAULTS) if parser.has_section(DEFAULTS) else []
    for group in filter(parser.has_section, sorted(SCRIPTS)):
        own = {*parser.options(group)}
        for name in (each for each in defaults if each not in own):
            message = f"readers disagree on [{DEFAULTS}] {cut(name)}: uv and installer make a script of it, pip does not"
            yield RawFinding("entry-points-ambiguous", ENTRY_POINTS, message)
            return
