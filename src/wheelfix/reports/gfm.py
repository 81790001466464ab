"""GitHub's dialect of Markdown (https://github.github.com/gfm/), for reports within what a comment can hold.

What a wheel or a rule contains cannot leave its place: code is fenced by more backticks than it has, and other text is
escaped, mentions and references of issues included.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from wheelfix.text import as_utf8, shown

LARGEST: Final = 65_536
"""The bytes of a report: GitHub takes comments of as many characters."""
_ROOM: Final = 400
"""The bytes that are left for the sentence on what was cut."""
MOST_ROWS: Final = 100
LONGEST: Final = 400
"""How many characters of a value are shown."""
_PUNCTUATION: Final = re.compile(r"^[-+=]|(?<=^\d)[.)]|[\\`*_{}\[\]<>|~!#]")
_REFERENCE: Final = re.compile(r"(?<=[@#])(?=\w)|(?<=\b[Gg][Hh])(?=-\d)|(?<=www)(?=\.)|(?<=:)(?=//)")
_EMOJI: Final = re.compile(r"(?<=:)(?=[\w+-]+:)")
_COMMIT: Final = re.compile(r"(?<![0-9A-Za-z])([0-9a-f]{6})(?=[0-9a-f]{1,34}(?![0-9A-Za-z]))")
_NOT_IN_URLS: Final = re.compile(r"[^A-Za-z0-9:/?#@!$&'*+,;=.~%_-]")
_BACKTICKS: Final = re.compile("`+")

Block: TypeAlias = tuple[str, str]
"""What a part of the report shows, in the plural, and its text; what is cut is counted by the former."""


def render_blocks(title: str, summary: str, blocks: "Iterable[Block]") -> str:
    """Return a report of at most 65,536 bytes, with a final line end; what does not fit is cut, and counted."""
    head = f"## {title}\n" + (f"\n{as_text(summary)}\n" if summary else "")
    return head + "".join(f"\n{text}" for text in _fitting(blocks, LARGEST - _ROOM - len(head.encode())))


def _fitting(blocks: Iterable[Block], room: int) -> Iterator[str]:
    """Yield the texts of ``blocks`` that fit into ``room`` bytes, and last what was cut."""
    cut = Counter[str]()
    for kind, text in blocks:
        size = len(text.encode()) + 1
        if size > room:
            cut[kind] += 1
            continue
        room -= size
        yield text
    if cut:
        what = ", ".join(f"{number} more {kind}" for kind, number in cut.items())
        yield f"_Cut, to fit into a comment: {what}. `--format json` has all._\n"


def some_lines(lines: Sequence[str], most: int = MOST_ROWS, *, after: str = "- ") -> str:
    """Return the first lines with their ends; if there are more, the number of the others behind ``after``."""
    more = f"{after}and {len(lines) - most} more\n" if len(lines) > most else ""
    return "".join(f"{line}\n" for line in lines[:most]) + more


def folded(title: str, text: str) -> str:
    """Return ``text`` behind ``title``, which unfolds it."""
    return f"<details><summary>{title}</summary>\n\n{text}\n</details>\n"


def _fence_for(text: str, least: int) -> str:
    return "`" * max(least, 1 + max(map(len, _BACKTICKS.findall(text)), default=0))


def fenced(text: str, language: str) -> str:
    """Return ``text``, lines with their ends, as a block of code that it cannot end.

    >>> print(fenced("+ ```\\n", "diff"), end="")
    ````diff
    + ```
    ````
    """
    fence = _fence_for(text, 3)
    return f"{fence}{language}\n{text}{fence}\n"


def as_code(text: str, *, in_table: bool = False) -> str:
    r"""Return ``text`` as code in a line; a bar in a table is escaped, which is the only escape that counts in code.

    >>> as_code("a`b"), as_code("a|b", in_table=True)
    ('`` a`b ``', '`a\\|b`')
    """
    plain = shown(as_utf8(text))[:LONGEST] or " "
    fence = _fence_for(plain, 1)
    blank = " " if "`" in plain else ""
    return f"{fence}{blank}{plain.replace('|', chr(92) + '|') if in_table else plain}{blank}{fence}"


def as_text(text: str) -> str:
    r"""Return ``text`` so that it is shown as it is, and is no markup, formula, emoji, link, mention or reference.

    >>> as_text("see @octo, *a* <b> #12")
    'see @<!-- -->octo, \\*a\\* \\<b\\> \\#<!-- -->12'
    """
    plain = shown(as_utf8(text))
    plain = plain if len(plain) <= LONGEST else f"{plain[:LONGEST]}..."
    escaped = _PUNCTUATION.sub(r"\\\g<0>", plain.replace("&", "&amp;"))
    apart = _EMOJI.sub("<!-- -->", _COMMIT.sub(r"\1<!-- -->", _REFERENCE.sub("<!-- -->", escaped)))
    return apart.replace("$", "<span>$</span>")  # outside of a formula GitHub reads no backslash before it


def as_link(url: str) -> str:
    """Return the target of a link: what would end it is encoded."""
    return _NOT_IN_URLS.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), url)
