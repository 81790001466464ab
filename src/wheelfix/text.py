"""Text from untrusted bytes, made safe to print, and unified diffs that patch(1) applies.

The form is that of GNU diff: https://www.gnu.org/software/diffutils/manual/html_node/Detailed-Unified.html
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from wheelfix.version import REFERENCE

_UNPRINTABLE: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})
"""The categories of what ``str.isprintable`` calls unprintable, without the blank."""


def shown(text: str) -> str:
    """Return ``text`` made safe to print: control and other unprintable characters are escaped.

    >>> shown("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def cut(text: str, most: int = 100) -> str:
    """Return ``text``, a value of a wheel, made safe to print; of a long one the first ``most`` characters.

    >>> cut("a" * 9, 3)
    'aaa...'
    """
    return shown(text if len(text) <= most else f"{text[:most]}...")


def shown_anywhere(text: str) -> str:
    """Return ``text`` as by :func:`shown`, and the same on every version of Python, each with its own Unicode.

    Characters that Unicode 3.2, which every Python knows, did not have are escaped as well.

    >>> shown_anywhere("a\u00fc\U0001fae8") == shown_anywhere("a\u00fc\\U0001fae8")
    True
    """
    text = shown(text)
    if text.isascii():
        return text
    return "".join(
        char if char == " " or unicodedata.ucd_3_2_0.category(char) not in _UNPRINTABLE else _escaped(char) for char in text
    )


def shown_lines(text: str) -> str:
    """Return ``text`` of many lines made safe to print: everything except line feeds and tabs as by :func:`shown`.

    >>> shown_lines("a\\tb\\r\\n\\x1b[2J\\n")
    'a\\tb\\\\r\\n\\\\x1b[2J\\n'
    """
    return "\n".join("\t".join(map(shown, line.split("\t"))) for line in text.split("\n"))


def shown_few(names: Sequence[str], most: int = 3) -> str:
    """Return the first of ``names``, made safe to print, and the number of the others.

    >>> shown_few(["a", "b", "c", "d"], 2)
    'a, b and 2 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return shown(", ".join(names[:most]) + more)


CODE_PAGES: Final = f"All codes: {REFERENCE}codes.md"
"""What to say of a code that is like no other."""


def after_seconds(seconds: float) -> str:
    """Return the words for a time that somebody waited, with a space in front; none if that was none.

    >>> after_seconds(1), after_seconds(0.5), after_seconds(0)
    (' after 1 second', ' after 0.5 seconds', '')
    """
    return f" after {seconds:g} second{'s' * (seconds != 1)}" if seconds else ""


def counted(number: int, thing: str) -> str:
    """Return a number of things: ``1 file``, ``2 files``."""
    return f"{number} {thing}{'s' * (number != 1)}"


def shown_size(size: int) -> str:
    """Return a number of bytes for people, in decimal units.

    >>> shown_size(999), shown_size(999_999), shown_size(612_345_678), shown_size(3_310_000_000)
    ('999 bytes', '1.0 MB', '612.3 MB', '3.3 GB')
    """
    if size < 1000:
        return counted(size, "byte")
    exponent = min((len(str(size)) - 1) // 3, len(_UNITS))
    if exponent < len(_UNITS) and round(size / 1000**exponent, 1) >= 1000:
        exponent += 1
    return f"{size / 1000**exponent:.1f} {_UNITS[exponent - 1]}"


_UNITS: Final = ("kB", "MB", "GB", "TB")


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return a hint for ``word``, which is not one of ``known``.

    >>> did_you_mean("platfrom", ["project", "platform"]), did_you_mean("x", ["project", "platform"])
    ('Did you mean platform?', 'Known: project, platform.')
    """
    close = closest(word, known)
    return f"Did you mean {close}?" if close else f"Known: {', '.join(known)}."


def closest(word: str, known: Sequence[str]) -> str:
    """Return the word of ``known`` whose spelling is closest to ``word``, empty if none is close.

    >>> closest("Record_row", ["record-row", "other"]), closest("x", ["record-row"])
    ('record-row', '')
    """
    from difflib import get_close_matches  # imported late, as below: most runs compare no texts

    close = get_close_matches(word, known, 1) or get_close_matches(word.lower().replace("_", "-"), known, 1)
    return close[0] if close else ""


def as_utf8(text: str) -> str:
    """Return ``text`` with surrogate escapes, which are bytes that are not UTF-8, written as backslash escapes.

    >>> as_utf8("M\\udcfcller")
    'M\\\\xfcller'
    """
    if text.isascii():
        return text
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # a surrogate that is no byte
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def on_one_line(text: str) -> str:
    """Return ``text`` as UTF-8 without control characters, which are escaped: neither HTML nor a log keeps them as they are.

    >>> on_one_line("a\\rb")
    'a\\\\rb'
    """
    return _CONTROLS.sub(lambda found: _escaped(found[0]), as_utf8(text))


_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


_CONTEXT: Final = 3
_MOST_COMPARISONS: Final = 1_000_000
_HUNK: Final = re.compile(r"^@@ -(\d+)(\S*) \+(\d+)(\S*) @@$")
_NO_NEWLINE: Final = "\n\\ No newline at end of file\n"


def unified_diff(before: bytes, after: bytes, name: str, *, file: str = "METADATA") -> str:
    """Return the unified diff of two versions of ``file`` in the wheel called ``name``.

    Encoded with ``surrogateescape`` it is exact: lines end at line feeds only, carriage returns and control characters are
    kept, and bytes that are not UTF-8 are surrogate escapes. Escape it for a terminal with :func:`shown_lines`.

    Only the lines between the first and the last difference are compared, which takes quadratic time. If there are very
    many, they are shown as one block of removed and one of added lines.
    """
    if before == after:
        return ""
    import difflib

    old, new = (_lines(data.decode("utf-8", "surrogateescape")) for data in (before, after))
    first = _common_count(old, new)
    last = _common_count(old[first:][::-1], new[first:][::-1])
    start, rest = max(0, first - _CONTEXT), max(0, last - _CONTEXT)
    old, new = (lines[start : len(lines) - rest] for lines in (old, new))
    title = shown(name)
    rows = [f"--- a/{title}/{file}\n", f"+++ b/{title}/{file}\n"]
    if len(old) * len(new) <= _MOST_COMPARISONS:
        hunks = list(difflib.unified_diff(old, new, n=_CONTEXT, lineterm="\n"))[2:]
        rows += [_HUNK.sub(lambda found: _moved(found, start), hunk) if hunk.startswith("@@") else hunk for hunk in hunks]
    else:
        rows.append(f"@@ -{_range(start, len(old))} +{_range(start, len(new))} @@\n")
        rows += [*(f"-{line}" for line in old), *(f"+{line}" for line in new)]
    return "".join(row if row.endswith("\n") else row + _NO_NEWLINE for row in rows)


def _lines(text: str) -> list[str]:
    """Return the lines with their line feeds; only the last one may have none."""
    *lines, rest = text.split("\n")
    return [*(f"{line}\n" for line in lines), *([rest] if rest else [])]


def _common_count(one: list[str], two: list[str]) -> int:
    return next((index for index, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))


def _moved(found: re.Match[str], start: int) -> str:
    """Return the ranges of a hunk for the whole file, of which the first ``start`` lines were left out."""
    return f"@@ -{int(found[1]) + start}{found[2]} +{int(found[3]) + start}{found[4]} @@"


def _range(start: int, count: int) -> str:
    """Return a range of lines; an empty one has the number of the line in front of it."""
    return f"{start + 1 if count else start},{count}"
