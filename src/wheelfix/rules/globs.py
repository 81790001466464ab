"""Shell patterns: what they match, and how two of them relate.

``*`` stands for any text, ``?`` for one character, ``[1-9]`` for one of those, ``[!1-9]`` for any other; case counts.
"""

import re
from collections.abc import Iterable, Iterator
from fnmatch import translate
from functools import lru_cache
from itertools import takewhile
from typing import Final, NamedTuple, TypeAlias

_WILD: Final = re.compile(r"[*?\[]")
_MOST_REMEMBERED: Final = 16_384
"""How many lists of patterns are kept ready: more than rule files have, since all are asked for every requirement."""
_ALPHABET: Final = frozenset(map(chr, range(32, 127)))
"""The characters for which patterns are compared: names and tags have no others."""
Piece: TypeAlias = frozenset[str] | None
"""What a pattern allows at one place: some characters, or any text (``None``)."""


class _Ready(NamedTuple):
    """Patterns made ready: those without wildcards as a set, since compiling a hundred patterns takes long."""

    exact: frozenset[str]
    pattern: re.Pattern[str] | None


@lru_cache(maxsize=_MOST_REMEMBERED)
def _ready(globs: tuple[str, ...]) -> _Ready:
    wild = [glob for glob in globs if _WILD.search(glob)]
    pattern = re.compile("|".join(map(translate, wild))) if wild else None
    return _Ready(frozenset(globs).difference(wild), pattern)


def matches(globs: tuple[str, ...], text: str) -> bool:
    """Whether ``text`` matches any of ``globs``, whole and case-sensitively.

    >>> matches(("nvidia-*-cu[1-9][0-9]",), "nvidia-cublas-cu12"), matches(("triton",), "tritonclient")
    (True, False)
    """
    exact, pattern = _ready(globs)
    return text in exact or (pattern is not None and pattern.match(text) is not None)


def is_plain(glob: str) -> bool:
    """Whether ``glob`` has no wildcards: it matches one text only."""
    return not _WILD.search(glob)


def literal_length(glob: str) -> int:
    """Return how many characters of ``glob`` are fixed: a pattern with few matches strangers."""
    return sum(piece is not None and len(piece) < len(_ALPHABET) for piece in _pieces(glob))


@lru_cache(maxsize=4096)
def _pieces(glob: str) -> tuple[Piece, ...]:
    found: list[Piece] = []
    position = 0
    while position < len(glob):
        char = glob[position]
        stop = glob.find("]", position + 2 + glob.startswith("[!", position)) if char == "[" else -1
        if char == "*":
            if not found or found[-1] is not None:
                found.append(None)
        elif char == "?":
            found.append(_ALPHABET)
        elif stop > 0:
            one = re.compile(translate(glob[position : stop + 1]))
            found.append(frozenset(each for each in _ALPHABET if one.match(each)))
            position = stop
        else:
            found.append(frozenset(char))
        position += 1
    return tuple(found)


@lru_cache(maxsize=65_536)
def contains(outer: str, inner: str) -> bool:
    """Whether ``outer`` matches everything that ``inner`` matches. A ``False`` can mean that it was not seen.

    >>> contains("nvidia-*", "nvidia-*-cu[1-9][0-9]"), contains("nvidia-*-cu12", "nvidia-*")
    (True, False)
    """
    wide, narrow = _pieces(outer), _pieces(inner)
    here = there = 0
    star, restart = -1, 0
    # As texts are matched, with the pieces of ``inner`` for characters: the last * takes one more where the rest fails.
    while there < len(narrow):
        piece, other = wide[here] if here < len(wide) else frozenset[str](), narrow[there]
        if piece is None:
            star, restart, here = here, there, here + 1
        elif here < len(wide) and other is not None and other <= piece:
            here, there = here + 1, there + 1
        elif star >= 0:
            restart += 1
            here, there = star + 1, restart
        else:
            return False
    return all(piece is None for piece in wide[here:])


END: Final = "\0"
"""Stands behind what a pattern begins with where that is all of it."""


@lru_cache(maxsize=65_536)
def start_of(glob: str) -> str:
    r"""Return what all texts that ``glob`` matches begin with, and :data:`END` where it matches that text only.

    >>> start_of("nvidia-*-cu12"), start_of("triton")
    ('nvidia-', 'triton\x00')
    """
    pieces = _pieces(glob)
    fixed = [*takewhile(lambda piece: piece is not None and len(piece) == 1, pieces)]
    return "".join(char for piece in fixed if piece for char in piece) + (END if len(fixed) == len(pieces) else "")


def beginnings(start: str) -> Iterator[str]:
    """Yield ``start`` cut off everywhere: what contains a pattern that starts so has one of these for its own start."""
    return (start[:length] for length in range(len(start) + 1))


def all_contained(outer: Iterable[str], inner: Iterable[str]) -> bool:
    """Whether each of ``inner`` is contained in one of ``outer``."""
    by_start = _by_start(tuple(outer))
    return all(
        any(contains(wide, narrow) for start in beginnings(start_of(narrow)) for wide in by_start.get(start, ()))
        for narrow in inner
    )


@lru_cache(maxsize=1024)
def _by_start(globs: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for glob in globs:
        found.setdefault(start_of(glob), []).append(glob)
    return found
