"""Patterns for names and paths, with ``*``, ``?`` and ``[...]`` as in shells: for the whole text, and case-sensitive.

Those for names match what :func:`fnmatch.fnmatchcase` matches. Most are literal text with stars, which are compared as text:
compiling the 130 patterns that a wheel of torch is compared with takes 19 ms. In those for paths a star ends at a slash.
"""

import re
from collections.abc import Callable, Sequence
from fnmatch import translate
from functools import lru_cache
from operator import methodcaller
from typing import Final, NamedTuple

_STAR: Final = "*"
_ANY_DEPTH: Final = "**"
_OTHERS: Final = re.compile(r"[?\[]")
_MOST_REMEMBERED: Final = 16_384
"""How many patterns and lists of them are kept ready: more than rule files have, since all are tried on every name."""


class _Ready(NamedTuple):
    """A list of patterns: those without wildcards, and the others, each with the literal text that it begins with."""

    exact: frozenset[str]
    starts: tuple[str, ...]
    wild: tuple[str, ...]


def matches(globs: tuple[str, ...], text: str) -> bool:
    """Whether ``text`` matches any of ``globs``.

    >>> matches(("nvidia-*-cu[1-9][0-9]",), "nvidia-cublas-cu12"), matches(("triton",), "tritonclient")
    (True, False)
    """
    ready = _ready(globs)
    if text in ready.exact:
        return True
    if not text.startswith(ready.starts):
        return False
    for start, glob in zip(ready.starts, ready.wild, strict=True):  # noqa: SIM110 - a generator costs more than comparing
        if text.startswith(start) and matcher(glob)(text):
            return True
    return False


def is_plain(glob: str) -> bool:
    """Whether ``glob`` has no wildcards: it matches only one text."""
    return _STAR not in glob and not _OTHERS.search(glob)


@lru_cache(maxsize=_MOST_REMEMBERED)
def matcher(glob: str) -> Callable[[str], object]:
    """Return a function whose result is true for a text that ``glob`` matches.

    >>> libraries = matcher("libcudart.so.*")
    >>> bool(libraries("libcudart.so.12")), bool(libraries("libcudart.so"))
    (True, False)
    """
    if _OTHERS.search(glob):
        return re.compile(translate(glob)).match
    start, *middle = glob.split(_STAR)
    if not middle:
        return glob.__eq__
    end = middle.pop()
    if not middle and not (start and end):
        return methodcaller("startswith", start) if start else methodcaller("endswith", end)
    return lambda text: _has_parts(text, start, middle, end)


def _has_parts(text: str, start: str, middle: list[str], end: str) -> bool:
    """Whether ``text`` has the parts between the stars of a pattern, one behind the other."""
    stop = len(text) - len(end)
    position = len(start)
    if position > stop or not (text.startswith(start) and text.endswith(end)):
        return False
    for part in middle:
        found = text.find(part, position, stop)
        if found < 0:
            return False
        position = found + len(part)
    return True


@lru_cache(maxsize=_MOST_REMEMBERED)
def _ready(globs: tuple[str, ...]) -> _Ready:
    wild = tuple(glob for glob in globs if not is_plain(glob))
    starts = tuple(_OTHERS.split(glob.partition(_STAR)[0], maxsplit=1)[0] for glob in wild)
    return _Ready(frozenset(globs).difference(wild), starts, wild)


@lru_cache(maxsize=_MOST_REMEMBERED)
def path_matcher(glob: str) -> Callable[[str], bool]:
    """Return a function that says of the path of a file, with slashes and from the top, whether ``glob`` matches it.

    A pattern without a slash is for the name of the file, in whatever directory it is. One with a slash is for the whole
    path: ``*`` does not match a slash, ``**`` as a part of its own stands for any number of directories, and a slash at the
    end for everything below. A slash at the start changes nothing but that: ``/README.md`` is the file at the top.

    The time is that of the pattern's parts times the path's, whatever they are.

    >>> [path_matcher(glob)("docs/api/index.md") for glob in ("docs/", "*.md", "docs/*.md", "docs/**/*.md", "/*.md")]
    [True, True, False, True, False]
    """
    if "/" not in glob:
        name = matcher(glob)
        return lambda path: bool(name(path.rpartition("/")[2]))
    start, *others = (glob + _ANY_DEPTH if glob.endswith("/") else glob).removeprefix("/").split("/")
    parts = [None if part == _ANY_DEPTH else matcher(part) for part in (start, *others)]
    if others == [_ANY_DEPTH] and is_plain(start):
        directory = f"{start}/"
        return lambda path: path.startswith(directory)
    if parts[-1] is None:  # what is below a directory, and not the directory itself
        parts.append(matcher(_STAR))
    return lambda path: _has_path(path.split("/"), parts)


def _has_path(names: Sequence[str], parts: Sequence[Callable[[str], object] | None]) -> bool:
    """Whether ``names``, of directories and a file, match ``parts``, of which ``None`` stands for any number of names.

    Where a part does not match, only the last ``None`` before it takes one more name: what an earlier one would take more,
    it can take too.
    """
    name, part, resume = 0, 0, (-1, -1)
    while name < len(names):
        wanted = parts[part] if part < len(parts) else matcher("")
        if wanted is None:
            part += 1
            resume = (name, part)
        elif part < len(parts) and wanted(names[name]):
            name, part = name + 1, part + 1
        elif resume[1] >= 0:
            resume = (resume[0] + 1, resume[1])
            name, part = resume
        else:
            return False
    return all(each is None for each in parts[part:])
