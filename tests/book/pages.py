"""The pages of the book, and their blocks: what a reader types, what they see then, and the files that they write.

A comment above a block says how it is run, such as ``<!-- run: exit=1 -->``; :class:`Directions` has all that it can say.
Blocks are found by a parser of Markdown, also those in lists and in directives such as tabs.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.colon_fence import colon_fence_plugin
from msgspec import Struct, convert

from places import DOCS, ROOT

FENCE: Final = re.compile(r"^[ >\d.*+-]*(`{3,}|~{3,})")
_PARSER: Final = MarkdownIt("commonmark").use(colon_fence_plugin)
_COMMENT: Final = re.compile(r"<!--\s*run:\s*(.*?)\s*-->\s*")
_HERE_DOCUMENT: Final = re.compile(r"(?<!<)<<-?(?!<)\s*['\"]?(\w+)['\"]?")
_NO_MARKDOWN: Final = ("eval-rst", "literalinclude", "toctree", "include", "figure", "image", "raw")
"""Directives whose content is no Markdown."""


class PageError(Exception):
    """A page says something that the convention does not know."""


class Directions(Struct, frozen=True, forbid_unknown_fields=True):
    """How a block is run.

    ``exit`` is the exit code of its last command, all others end with 0. ``skip`` is why it is not run, a key of
    :data:`book.skipped.REASONS`. ``file`` is the file that the block is written to, in the directory where the reader is or,
    with ``~/`` in front, at home.
    ``background`` is the port at which the last command serves from then on, as if typed into a second terminal.
    ``output`` says that a block of text is what the block of Python, or the last command, before it prints.
    """

    exit: int = 0
    skip: str | None = None
    file: str | None = None
    background: int | None = None
    output: bool = False


class Command(Struct):
    """A command line and what the page shows below it; ``start`` and ``end`` are the lines of the output in the page."""

    text: str
    shown: list[str]
    start: int
    end: int
    exit: int = 0
    background: int | None = None


class Block(Struct, frozen=True):
    """A fenced block: its ``kind``, the number of the first ``line`` of its text, from 0, and how deep it is indented."""

    kind: str
    line: int
    indent: int
    lines: tuple[str, ...]
    run: Directions

    @property
    def text(self) -> str:
        """What is in the block."""
        return "\n".join([*self.lines, ""])

    def commands(self) -> list[Command]:
        """Return the command lines of a console block, each with what is shown below it.

        :raises PageError: if it begins with something else.
        """
        found: list[Command] = []
        number = 0
        while number < len(self.lines):
            line = self.lines[number]
            if line.startswith("$ "):
                length = _length(self.lines[number:])
                text = "\n".join(self.lines[number : number + length]).removeprefix("$ ")
                number += length
                found.append(Command(text, [], self.line + number, self.line + number))
                continue
            if not found:
                raise PageError(f"line {self.line + number + 1}: a console block begins with `$ `")
            found[-1].shown.append(line)
            number += 1
            found[-1].end = self.line + number
        if found:
            found[-1].exit, found[-1].background = self.run.exit, self.run.background
        return found


def _length(lines: Sequence[str]) -> int:
    """Return of how many lines the command is that begins ``lines``: continued by a backslash, or by a here-document."""
    length = 1
    while lines[length - 1].endswith("\\") and length < len(lines):
        length += 1
    for word in _HERE_DOCUMENT.findall("\n".join(lines[:length])):
        length += [line.strip() for line in lines[length:]].index(word) + 1
    return length


def pages() -> list[str]:
    """Return the paths of all pages that a reader may follow, from the root of the repository."""
    found = [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
        *DOCS.rglob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
    ]
    paths = [path.relative_to(ROOT) for path in found]
    return sorted(str(path) for path in paths if not {"_build", ".venv"}.intersection(path.parts))


def read_page(page: str) -> str:
    """Return the text of a page."""
    return (ROOT / page).read_text("utf-8")


def blocks(text: str) -> list[Block]:
    """Return the blocks of a page in order.

    >>> [block] = blocks("- A step:\\n\\n  <!-- run: exit=1 -->\\n  ```console\\n  $ false\\n  ```\\n")
    >>> block.kind, block.line, block.indent, block.lines, block.run.exit
    ('console', 4, 2, ('$ false',), 1)
    """
    lines = text.split("\n")
    return [
        Block(kind, line, _indent(lines[line - 1]), tuple(content.split("\n")[:-1]), run)
        for kind, line, content, run in _blocks(text, 0)
    ]


def _indent(opener: str) -> int:
    return min(at for at in (opener.find("```"), opener.find("~~~")) if at >= 0)


def _blocks(text: str, offset: int) -> Iterator[tuple[str, int, str, Directions]]:
    before: Token | None = None
    for token in _PARSER.parse(text):
        if token.type in ("fence", "colon_fence"):
            assert token.map
            line = offset + token.map[0] + 1
            kind = (token.info.split() or [""])[0]
            directive = re.fullmatch(r"\{([\w-]+)\}", kind)
            if directive is None:
                yield kind, line, token.content, _directions(before, line)
            elif directive[1] in ("code-block", "code", "sourcecode"):
                raise PageError(f"line {line}: write blocks as fences, such as ```console, so that they are run")
            elif directive[1] not in _NO_MARKDOWN:
                yield from _blocks(token.content, line)
        before = token


def _directions(token: Token | None, line: int) -> Directions:
    found = _COMMENT.fullmatch(token.content) if token is not None and token.type == "html_block" else None
    if found is None:
        return Directions()
    words = (word.partition("=") for word in shlex.split(found[1]))
    try:
        return convert({key: value if sep else True for key, sep, value in words}, Directions, strict=False)
    except ValueError as error:
        raise PageError(f"line {line}: <!-- run: {found[1]} -->: {error}") from error


def comments(text: str) -> int:
    """Return how many comments of a page are about how a block is run."""
    return len(re.findall(r"^\s*<!--\s*run\b", text, re.MULTILINE))
