"""Small parts of pages: badges, tables, folded details, diffs, bars."""

from collections.abc import Iterable, Sequence
from typing import Final

from wheelfix.html.markup import Content, Html, Value, element, joined, readable
from wheelfix.text import as_utf8, shown_anywhere

_SIGNS: Final = {"+": "added", "-": "removed", "@": "place"}


def badge(text: str, kind: str = "plain", **attributes: Value) -> Html:
    """Return a short word with the colour of its ``kind``: plain, good, note, warning or error."""
    return element("span", text, class_=f"badge {kind}", **attributes)


def code(text: str) -> Html:
    """Return ``text`` as code in a line, which may break anywhere."""
    return element("code", text)


def prose(text: str) -> Html:
    """Return a sentence of ours, in which backticks mark code.

    It begins as it is written: the first word can be a path or a name.

    >>> prose("run `wheelfix fix`."), prose("a ` b")
    ('run <code>wheelfix fix</code>.', 'a ` b')
    """
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return readable(text)
    return joined(code(part) if index % 2 else part for index, part in enumerate(parts))


def table(caption: str, heads: Sequence[Content], rows: Iterable[Html], **attributes: Value) -> Html:
    """Return a table of ``rows`` (from :func:`row`), which scrolls sideways by itself where it is too wide."""
    head = element("thead", element("tr", *(element("th", each, scope="col") for each in heads)))
    whole = element("table", element("caption", caption), head, element("tbody", *rows), **attributes)
    return element("div", whole, class_="wide", role="group", tabindex=0, aria_label=caption)


def row(first: Content, *cells: Content, **attributes: Value) -> Html:
    """Return a row of a table, whose first cell is its head."""
    return element("tr", element("th", first, scope="row"), *(element("td", each) for each in cells), **attributes)


def fold(summary: Content, *content: Content, is_open: bool = False, **attributes: Value) -> Html:
    """Return what is shown once ``summary`` is opened; on paper, and without scripts, it is shown in any case."""
    return element("details", element("summary", summary), *content, open=is_open, **attributes)


def items(lines: Iterable[Content], **attributes: Value) -> Html:
    """Return a list, empty where there are no ``lines``."""
    found = [element("li", each) for each in lines]
    return element("ul", *found, **attributes) if found else Html("")


def diff_lines(diff: str, *, most: int, longest: int = 400) -> Html:
    """Return a unified diff whose added and removed lines are marked; of many lines the first ones, and how many more."""
    lines = as_utf8(diff).removesuffix("\n").split("\n")
    parts = [_diff_line(line, longest) for line in lines[:most]]
    more = element("p", f"… and {len(lines) - most:,} more lines", class_="more") if len(lines) > most else Html("")
    return joined([element("pre", *parts, class_="diff", tabindex=0, role="group", aria_label="Diff"), more])


def _diff_line(line: str, longest: int) -> Html:
    text = shown_anywhere(line.replace("\t", "    "))
    text = text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"
    kind = "file" if line.startswith(("--- ", "+++ ")) else _SIGNS.get(line[:1])
    name = {"added": "ins", "removed": "del"}.get(kind or "", "span")
    return Html(element(name, text or " ", class_=kind))
