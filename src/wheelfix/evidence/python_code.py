"""The imports in Python source, found without parsing it: parsing takes minutes, and a gigabyte, for a hostile file of 1 MB.

The word ``import`` is reserved: outside of strings and comments it stands in import statements only, in every version of
Python. So strings and comments are blanked, and what is around that word is read.

https://docs.python.org/3/reference/simple_stmts.html#the-import-statement
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import Final, NamedTuple

_SKIPPED: Final = re.compile(
    rb"""\#[^\r\n]*+"""
    rb"""|"{3}(?:[^"\\]++|\\.|"(?!""))*+(?:"{3}|(?P<open>\Z))"""
    rb"""|'{3}(?:[^'\\]++|\\.|'(?!''))*+(?:'{3}|(?P<opened>\Z))"""
    rb"""|"(?:[^"\\\r\n]++|\\(?:\r\n|.))*+"?"""
    rb"""|'(?:[^'\\\r\n]++|\\(?:\r\n|.))*+'?"""
    rb"""|\\\r?\n""",
    re.DOTALL,
)
"""Comments, strings, and line ends that a backslash continues; each repetition keeps what it took, for one pass.

A named group takes part where a string of three quotes has no end.
"""
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_IMPORT: Final = re.compile(rb"(?<![\w\x80-\xff])import(?![\w\x80-\xff])")
"""The word may follow a dot directly: ``from .import a``."""
_FROM: Final = re.compile(rb"from(?P<module>[\w\x80-\xff\s.]*+)\Z")
_CALL: Final = re.compile(
    rb"(?<![\w\x80-\xff])(?P<function>[\w\x80-\xff]++)\s*+\(\s*+(?:name\s*+=\s*+)?(?:[uUrR](?=\"))?(?=\")"
)
_IMPORTERS: Final = frozenset({b"import_module", b"__import__"})
_ALIAS: Final = re.compile(
    rb"(?<![\w\x80-\xff])(?:import_module\s++as\s++(?P<alias>[\w\x80-\xff]++)"
    rb"|(?P<name>[\w\x80-\xff]++)\s*+=\s*+(?:importlib\s*+\.\s*+)?(?:import_module|__import__)(?![\w\x80-\xff]|\s*+\())"
)
"""Another name for a function that imports."""
_LITERAL: Final = re.compile(
    rb"""(?P<quote>['"])(?P<module>[\w\x80-\xff.]++)(?P=quote)\s*+"""
    rb"""(?:,\s*+(?:package\s*+=\s*+)?(?:__package__|__name__|['"](?P<package>[\w\x80-\xff.]++)['"])\s*+)?[,)]"""
)
_LINE: Final = re.compile(rb"[^\n]+")
_HEADER: Final = re.compile(
    rb"\s*+(?:if|elif|else|try|except|finally|for|while|with|async|def|class|match|case)(?![\w\x80-\xff])"
)
_FUNCTION: Final = re.compile(rb"\s*+(?:async\s++)?def\b")
_TRY: Final = re.compile(rb"\s*+try\s*+:")
_HANDLER: Final = re.compile(rb"\s*+except\b(?:\s*+:|[^:]*\b(?:ImportError|ModuleNotFoundError|Exception|BaseException)\b)")
_GIVE_UP: Final = re.compile(rb"(?:\s*+|[^:]*+:\s*+)(?:raise\b|(?:(?:sys|os)\s*+\.\s*+)?(?:_?exit|quit)\s*+\()")
"""A statement of a handler after which nothing goes on: the failure was not survived."""
_SUPPRESS: Final = re.compile(rb"\s*+with\b.*\bsuppress\s*+\([^)]*(?:ImportError|ModuleNotFoundError|Exception)\b")
_NEVER_RUN: Final = re.compile(rb"\s*+if[\s(]++(?:\w++\.)?(?:TYPE_CHECKING|False|0)[\s)]*+:")
_LONGEST_HEADER: Final = 1_000
"""How much of a line is looked at for what it does, in bytes."""
_LONGEST_NAME: Final = 1_000
"""The longest name of a module, in bytes: a path has no more on most systems."""
_TAB: Final = 8
_DEEPEST: Final = 100
"""How deep blocks can be: as deep as Python itself takes."""


class Import(NamedTuple):
    """One import: the absolute name of a module, the names that are taken from it, and the line, counted from 1."""

    module: str
    names: tuple[str, ...]
    line: int

    @property
    def modules(self) -> Iterator[str]:
        """What may be a module here, the deepest first: what is taken from a module can be a module too."""
        yield from (f"{self.module}.{name}" if self.module else name for name in self.names)
        module = self.module
        while module:
            yield module
            module = module.rpartition(".")[0]


class Unclosed(NamedTuple):
    """A string that begins at a line, counted from 1, and has no end, as the source is read here: nothing else is known."""

    line: int


def imports_of(source: bytes, package: str, wanted: Callable[[str], object]) -> Iterator[Import | Unclosed]:
    """Yield what the code of ``source``, a module in ``package``, imports of the modules that are ``wanted``.

    Imports in functions count, and so does ``importlib.import_module`` with a literal name. Those whose failure is caught,
    or that only type checkers see, do not. Names are made absolute. Time and memory are linear in ``source``. Where strings
    do not add up, which f-strings of Python 3.12 can do, imports may be taken for text: it comes first then.

    >>> [*imports_of(b"import a.b as c\\nfrom . import d, e\\n'import f'", "demo", bool)]
    [Import(module='a.b', names=(), line=1), Import(module='demo', names=('d', 'e'), line=2)]
    """
    source = source.removeprefix(_BYTE_ORDER_MARK)
    code, unclosed = _blanked(source)
    if unclosed is not None:
        yield Unclosed(source.count(b"\n", 0, unclosed) + 1)
    found = sorted([*_statements(code, package), *_calls(source, code, package)])
    hits = [(position, each) for position, each in found if any(map(wanted, each.modules))]
    if not hits:
        return
    blocks = _Blocks(code)
    line, counted = 1, 0
    for position, each in hits:
        line, counted = line + source.count(b"\n", counted, position), position
        if not blocks.may_fail(position):
            yield each._replace(line=line)


def _blanked(source: bytes) -> tuple[bytes, int | None]:
    """Return ``source`` with strings and comments blanked, and where a string begins that has no end.

    Nothing moves, and a string leaves a quote, so that it is still a value.
    """
    unclosed: int | None = None

    def blank(found: re.Match[bytes]) -> bytes:
        nonlocal unclosed
        if found.lastgroup:
            unclosed = found.start()
        text = found[0]
        return (b" " if text[:1] in (b"#", b"\\") else b'"').ljust(len(text))

    return _SKIPPED.sub(blank, source).replace(b"\r", b"\n"), unclosed


def _statements(code: bytes, package: str) -> Iterator[tuple[int, Import]]:
    """Yield each import statement, and where it is."""
    stop = 0
    for found in _IMPORT.finditer(code):
        if found.start() < stop:  # within the names of a statement: no Python
            continue
        start = max(stop, *(code.rfind(sign, stop, found.start()) + 1 for sign in (b"\n", b";", b":")))
        stop = _end_of_statement(code, found.end())
        head, tail = code[start : found.start()].strip(), code[found.end() : stop]
        parts = (part.split() for part in tail.strip(b"() \t\f\n").split(b","))
        words = (b"".join(takewhile(b"as".__ne__, each)) for each in parts)  # there may be blanks around a dot
        names = [_text(each) for each in words if each and len(each) <= _LONGEST_NAME]
        if not head:
            yield from ((found.start(), Import(name, (), 0)) for name in names)
        elif origin := _FROM.match(head):
            module = _absolute(b"".join(origin["module"].split()), package)
            if module is not None:
                yield found.start(), Import(module, tuple(names), 0)


def _end_of_statement(code: bytes, position: int) -> int:
    """Return where the names end that are imported from ``position`` on: with the line, or with the parenthesis."""
    while code[position : position + 1] in (b" ", b"\t", b"\f"):
        position += 1
    signs = (b")",) if code[position : position + 1] == b"(" else (b"\n", b";")
    return min(end if (end := code.find(sign, position)) >= 0 else len(code) for sign in signs)


def _calls(source: bytes, code: bytes, package: str) -> Iterator[tuple[int, Import]]:
    """Yield each call that imports a module by a literal name, and where it is."""
    functions = _IMPORTERS.union(found["alias"] or found["name"] for found in _ALIAS.finditer(code))
    for found in _CALL.finditer(code):
        if found["function"] in functions and (literal := _LITERAL.match(source, found.end())):
            module = _absolute(literal["module"], _text(literal["package"]) if literal["package"] else package)
            if module:
                yield found.start(), Import(module, (), 0)


def _absolute(name: bytes, package: str) -> str | None:
    """Return the absolute name of what code in ``package`` calls ``name``, ``None`` if it is above the top or too long."""
    if len(name) > _LONGEST_NAME:
        return None
    module = _text(name.lstrip(b"."))
    dots = len(name) - len(name.lstrip(b"."))
    if not dots:
        return module
    parts = package.split(".") if package else []
    if dots > len(parts):
        return None
    return ".".join([*parts[: len(parts) - dots + 1], *([module] if module else [])])


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")


class _Block(NamedTuple):
    """A block: how far its first line is indented, the number of the block that it is in, and the first line's begin."""

    indent: int
    outer: int
    header: bytes


class _Blocks:
    """The blocks of ``code``, whose strings are blanked, by the indentation of its lines."""

    def __init__(self, code: bytes) -> None:
        self._starts = array("Q")
        self._inside = array("q")
        self._blocks: list[_Block] = []
        self._caught: set[int] = set()
        handled, raising = list[tuple[int, int]](), set[int]()
        tries, opened, depth = dict[tuple[int, int], int](), list[int](), 0
        for found in _LINE.finditer(code):
            line = found[0]
            if depth == 0 and line.strip():
                header = line[: _LONGEST_HEADER + len(line) - len(line.lstrip())]
                begins = self._enter(header, opened)
                self._starts.append(found.start())
                self._inside.append(opened[-1] if opened else -1)
                if _GIVE_UP.match(header):
                    raising.update(opened)
                if begins and _TRY.match(header):
                    tries[self._blocks[-1][:2]] = opened[-1]
                elif begins and _HANDLER.match(header) and self._blocks[-1][:2] in tries:
                    handled.append((tries[self._blocks[-1][:2]], opened[-1]))
            depth = max(0, depth + _opened(line))
        self._caught = {block for block, handler in handled if handler not in raising}

    def _enter(self, line: bytes, opened: list[int]) -> bool:
        """Close the blocks that ``line`` is not in, and open the one that it begins; return whether it begins one."""
        indent = len(line[: len(line) - len(line.lstrip())].expandtabs(_TAB))
        while opened and self._blocks[opened[-1]].indent >= indent:
            opened.pop()
        if not _HEADER.match(line) or len(opened) >= _DEEPEST:
            return False
        self._blocks.append(_Block(indent, opened[-1] if opened else -1, line))
        opened.append(len(self._blocks) - 1)
        return True

    def may_fail(self, position: int) -> bool:
        """Whether what the code at ``position`` does may fail: that is caught, or it never runs."""
        number = self._inside[max(0, bisect_right(self._starts, position) - 1)]
        is_here = True  # an error inside of a function is not caught around its definition
        while number >= 0:
            block = self._blocks[number]
            if _NEVER_RUN.match(block.header):
                return True
            if is_here and (number in self._caught or _SUPPRESS.match(block.header)):
                return True
            is_here = is_here and not _FUNCTION.match(block.header)
            number = block.outer
        return False


def _opened(line: bytes) -> int:
    """Return how many brackets a line leaves open."""
    return len(line.translate(None, _NO_OPENING)) - len(line.translate(None, _NO_CLOSING))


_NO_OPENING: Final = bytes({*range(256)} - {*b"([{"})
_NO_CLOSING: Final = bytes({*range(256)} - {*b")]}"})
