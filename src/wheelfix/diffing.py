"""What differs between two versions of a text file, as a unified diff."""

import difflib
import re
from typing import Final

from wheelfix.escaping import shown

_CONTEXT: Final = 3
_MOST_COMPARISONS: Final = 1_000_000
_HUNK: Final = re.compile(r"^@@ -(\d+)(\S*) \+(\d+)(\S*) @@$")


def unified_diff(before: bytes, after: bytes, name: str, *, file: str = "METADATA") -> str:
    """Return the unified diff of two versions of ``file`` in the wheel called ``name``; control characters are escaped.

    Only what lies between the first and the last difference is compared line by line, and if that is long it is shown as
    replaced whole: comparing takes quadratic time.
    """
    if before == after:
        return ""
    old, new = (data.decode("utf-8", "surrogateescape").split("\n") for data in (before, after))
    first = _common_count(old, new)
    last = _common_count(old[first:][::-1], new[first:][::-1])
    start, rest = max(0, first - _CONTEXT), max(0, last - _CONTEXT)
    old, new = (list(map(_printable, lines[start : len(lines) - rest])) for lines in (old, new))
    title = shown(name)
    rows = [f"--- a/{title}/{file}", f"+++ b/{title}/{file}"]
    if len(old) * len(new) <= _MOST_COMPARISONS:
        hunks = list(difflib.unified_diff(old, new, n=_CONTEXT, lineterm=""))[2:]
        rows += [_HUNK.sub(lambda found: _moved(found, start), hunk) if hunk.startswith("@@") else hunk for hunk in hunks]
    else:
        rows.append(f"@@ -{start + 1},{len(old)} +{start + 1},{len(new)} @@")
        rows += [*(f"-{line}" for line in old), *(f"+{line}" for line in new)]
    return "".join(f"{row}\n" for row in rows)


def _common_count(one: list[str], two: list[str]) -> int:
    return next((index for index, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))


def _moved(found: re.Match[str], start: int) -> str:
    """Return a hunk's ranges as those of the whole file, of which ``start`` lines were left out in front."""
    return f"@@ -{int(found[1]) + start}{found[2]} +{int(found[3]) + start}{found[4]} @@"


def _printable(line: str) -> str:
    return "\t".join(map(shown, line.removesuffix("\r").split("\t"))) + ("\\r" if line.endswith("\r") else "")
