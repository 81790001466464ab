"""Whether a page shows what a command prints: exactly, but for what differs from run to run and what the page leaves out.

A line ``...`` stands for lines that the page leaves out, one at least, and ``...`` in a line for any text; but in the middle
of a word, as in ``v1...v2``, it is what is printed.
"""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher, unified_diff
from itertools import groupby
from typing import Final

FILL_IN: Final = "?"
"""The line that an author writes where ``WRITE=1`` is to put the output."""
SAME: Final = (
    (r"\bin (?:\d+ min )?\d+(?:\.\d+)? ?(?:ms|s)\b", "in 0.1 s", "how long it took"),
    (r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d(?::\d\d(?:\.\d+)?)?", r"2026-11-28\g<1>12:00", "when it happened"),
    (r"\b\d+(?:\.\d+)? [kM]?B/s\b", "1.0 MB/s", "how fast it was"),
    (r"\[\d+\] \d+$", "[1] 1234", "the number of a process"),
)
"""What differs from run to run: what it looks like, what it is taken for, and what it is."""

_LEFT_OUT: Final = re.compile(r"(?<!\w)\.\.\.|\.\.\.(?!\w)")


def same(text: str) -> str:
    """Return a line as it is compared.

    >>> same("Fixed 1 wheel, 0 unchanged, 0 refused in 12.4 s -> fixed/  ")
    'Fixed 1 wheel, 0 unchanged, 0 refused in 0.1 s -> fixed/'
    """
    for pattern, standard, _ in SAME:
        text = re.sub(pattern, standard, text)
    return text.rstrip()


def lines_of(output: str) -> list[str]:
    """Return the lines that a terminal shows, without empty ones at the end."""
    return [line.rsplit("\r", 1)[-1].rstrip() for line in output.rstrip().split("\n")] if output.strip() else []


def fits(shown: Sequence[str], printed: Sequence[str]) -> bool:
    """Return whether what a page shows is what was printed.

    >>> fits(["a", "...", "d ... f"], ["a", "b", "c", "d e f"]), fits(["a", "...", "b"], ["a", "b"])
    (True, False)
    >>> fits(["v1...v2 (... B)"], ["v1...v2 (3 B)"]), fits(["v1...v2"], ["v1, v2"])
    (True, False)
    """
    pattern = "".join(map(_pattern, _trimmed(shown)))
    return re.fullmatch(pattern, "".join(f"{same(line)}\n" for line in printed)) is not None


def _trimmed(lines: Sequence[str]) -> list[str]:
    return lines_of("\n".join(lines))


def _pattern(line: str) -> str:
    if line.strip() == "...":
        return r"(?:.*\n)+?"
    return r".*?".join(map(re.escape, _LEFT_OUT.split(same(line)))) + r"\n"


def difference(shown: Sequence[str], printed: Sequence[str]) -> str:
    """Return how they differ, for people."""
    lines = unified_diff([*map(same, shown)], [*map(same, printed)], "the page shows", "it prints", n=3, lineterm="")
    return "\n".join(lines)


def rewritten(shown: Sequence[str], printed: Sequence[str]) -> list[str]:
    """Return what the page should show: what was printed, with what the page leaves out still left out.

    >>> rewritten(["?"], ["a", "b"]), rewritten(["a", "...", "d"], ["A", "b", "c", "D"])
    (['a', 'b'], ['A', '...', 'D'])
    >>> rewritten(["a", "...", "ccc 1", "...", "e"], ["a", "b", "b", "ccc 2", "d", "e"])
    ['a', '...', 'ccc 2', '...', 'e']
    >>> rewritten(["done in 0.1 s", "a"], ["a", "done in 7.0 s"])
    ['a', 'done in 0.1 s']
    """
    if list(shown) == [FILL_IN]:
        return list(printed)
    partial = [line for line in shown if "..." in line and line.strip() != "..."]
    same_lines = {same(line): line for line in shown}  # a page is not rewritten because a machine was slow
    kept = [same_lines.get(same(each)) or next((line for line in partial if fits([line], [each])), each) for each in printed]
    groups = [(gap, list(lines)) for gap, lines in groupby(_trimmed(shown), lambda line: line.strip() == "...")]
    found: list[str] = []
    end = 0
    for number, (gap, lines) in enumerate(groups):
        if gap:
            continue
        start = _place(lines, kept, end, first=number == 0, last=number == len(groups) - 1)
        found += (
            [_gap(groups, number), *kept[start : start + len(lines)]] if start > end else kept[start : start + len(lines)]
        )
        end = start + len(lines)
    return [*found, groups[-1][1][0]] if groups and groups[-1][0] and end < len(kept) else found + kept[end:]


def _gap(groups: Sequence[tuple[bool, list[str]]], number: int) -> str:
    return groups[number - 1][1][0] if number else "..."


def _place(lines: Sequence[str], printed: Sequence[str], begin: int, *, first: bool, last: bool) -> int:
    """Return where ``lines`` are among what was printed: those that are most like them, from ``begin`` on."""
    if first:
        return 0
    if last:
        return max(begin, len(printed) - len(lines))

    def likeness(start: int) -> float:
        pairs = zip(lines, printed[start:], strict=False)
        return sum(SequenceMatcher(None, same(one), same(other)).ratio() for one, other in pairs)

    return max(range(begin, max(begin, len(printed) - len(lines)) + 1), key=likeness)
