"""What differs between two versions of a text file, as a unified diff that patch(1) applies.

The form is that of GNU diff: https://www.gnu.org/software/diffutils/manual/html_node/Detailed-Unified.html
"""

import difflib
import re
from typing import Final

from wheelfix.escaping import shown

_CONTEXT: Final = 3
_MOST_COMPARISONS: Final = 1_000_000
_HUNK: Final = re.compile(r"^@@ -(\d+)(\S*) \+(\d+)(\S*) @@$")
_NO_NEWLINE: Final = "\n\\ No newline at end of file\n"


def unified_diff(before: bytes, after: bytes, name: str, *, file: str = "METADATA") -> str:
    """Return the unified diff of two versions of ``file`` in the wheel called ``name``.

    Encoded with ``surrogateescape`` it is exact: lines end at line feeds only, carriage returns and control characters
    stand there as they are, and bytes that are no UTF-8 are surrogate escapes. Whoever shows it on a terminal escapes them
    (:func:`wheelfix.escaping.shown_lines`).

    Only what lies between the first and the last difference is compared line by line, and if that is long it is shown as
    replaced whole: comparing takes quadratic time.
    """
    if before == after:
        return ""
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
    """Return the lines with their line feeds; only the last one can be without."""
    *lines, rest = text.split("\n")
    return [*(f"{line}\n" for line in lines), *([rest] if rest else [])]


def _common_count(one: list[str], two: list[str]) -> int:
    return next((index for index, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))


def _moved(found: re.Match[str], start: int) -> str:
    """Return a hunk's ranges as those of the whole file, of which ``start`` lines were left out in front."""
    return f"@@ -{int(found[1]) + start}{found[2]} +{int(found[3]) + start}{found[4]} @@"


def _range(start: int, count: int) -> str:
    """Return a range of lines; an empty one is named by the line in front of it."""
    return f"{start + 1 if count else start},{count}"
