"""Text that comes from untrusted bytes, made safe to print and to encode."""

import unicodedata
from collections.abc import Sequence
from typing import Final

_UNPRINTABLE: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})
"""The categories of what ``str.isprintable`` takes for unprintable, but for the blank."""


def shown(text: str) -> str:
    """Return ``text`` as it can be printed safely: control and other unprintable characters escaped.

    >>> shown("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def shown_anywhere(text: str) -> str:
    """Return what :func:`shown` made of a text on this machine as it would be on any: Unicode grows with each Python.

    What Unicode 3.2 did not have, the one version that every Python knows, is escaped as well.

    >>> shown_anywhere("a\u00fc\U0001fae8") == shown_anywhere("a\u00fc\\U0001fae8")
    True
    """
    if text.isascii():
        return text
    return "".join(
        char if char == " " or unicodedata.ucd_3_2_0.category(char) not in _UNPRINTABLE else _escaped(char) for char in text
    )


def shown_lines(text: str) -> str:
    """Return ``text`` of many lines as a terminal can show it: all but line feeds and tabs is escaped as in :func:`shown`.

    >>> shown_lines("a\\tb\\r\\n\\x1b[2J\\n")
    'a\\tb\\\\r\\n\\\\x1b[2J\\n'
    """
    return "\n".join("\t".join(map(shown, line.split("\t"))) for line in text.split("\n"))


def shown_few(names: Sequence[str], most: int = 3) -> str:
    """Return the first of ``names`` as they can be printed safely, and how many more there are.

    >>> shown_few(["a", "b", "c", "d"], 2)
    'a, b and 2 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return shown(", ".join(names[:most]) + more)


def as_utf8(text: str) -> str:
    """Return ``text`` with surrogate escapes, which stand for bytes that are no UTF-8, written as backslash escapes.

    >>> as_utf8("M\\udcfcller")
    'M\\\\xfcller'
    """
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # a surrogate that stands for no byte
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
