"""Shell patterns: what they match, and how two of them relate.

``*`` stands for any text, ``?`` for one character, ``[1-9]`` for one of those, ``[!1-9]`` for any other; case counts.
"""

import re
from collections.abc import Iterable
from fnmatch import translate
from functools import cache, lru_cache
from typing import Final, NamedTuple, TypeAlias

_WILD: Final = re.compile(r"[*?\[]")
_ALPHABET: Final = frozenset(map(chr, range(32, 127)))
"""The characters for which patterns are compared: names and tags have no others."""
Piece: TypeAlias = frozenset[str] | None
"""What a pattern allows at one place: some characters, or any text (``None``)."""


class _Ready(NamedTuple):
    """Patterns made ready: those without wildcards as a set, since compiling a hundred patterns takes long."""

    exact: frozenset[str]
    pattern: re.Pattern[str] | None


@lru_cache(maxsize=1024)
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

    @cache
    def rest(one: int, two: int) -> bool:
        if one == len(wide):
            return two == len(narrow)
        piece = wide[one]
        if piece is None:
            return rest(one + 1, two) or (two < len(narrow) and rest(one, two + 1))
        if two == len(narrow):
            return False
        other = narrow[two]
        return other is not None and other <= piece and rest(one + 1, two + 1)

    return rest(0, 0)


@lru_cache(maxsize=65_536)
def overlap(one: str, two: str) -> bool:
    """Whether there is a text that both patterns match.

    >>> overlap("nvidia-*", "*-cu12"), overlap("torch", "torch?*")
    (True, False)
    """
    first, second = _pieces(one), _pieces(two)

    @cache
    def rest(left: int, right: int) -> bool:
        if left == len(first) and right == len(second):
            return True
        here = first[left] if left < len(first) else frozenset()
        there = second[right] if right < len(second) else frozenset()
        if here is None:
            return rest(left + 1, right) or (right < len(second) and rest(left, right + 1))
        if there is None:
            return rest(left, right + 1) or (left < len(first) and rest(left + 1, right))
        return not here.isdisjoint(there) and rest(left + 1, right + 1)

    return rest(0, 0)


def all_contained(outer: Iterable[str], inner: Iterable[str]) -> bool:
    """Whether each of ``inner`` is contained in one of ``outer``."""
    outer = tuple(outer)
    return all(any(contains(wide, narrow) for wide in outer) for narrow in inner)


def any_overlap(one: Iterable[str], two: Iterable[str]) -> bool:
    """Whether a pattern of ``one`` and a pattern of ``two`` match the same text."""
    two = tuple(two)
    return any(overlap(left, right) for left in one for right in two)
