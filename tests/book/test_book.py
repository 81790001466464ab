"""The book is true: every command line of README.md, docs/ and examples/ is run, and prints what its page shows.

Run one page with ``pytest tests/book -k guides/mirror.md``; with ``WRITE=1`` in front the outputs of the page are written as
they are. :mod:`book.pages` has the convention, :mod:`book.scenes` what each page needs.
"""

import os
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from book.files import problem_of
from book.pages import Block, PageError, blocks, comments, pages, read_page
from book.play import RUN, play
from book.scenes import SCENES
from book.skipped import REASONS
from book.stage import stage
from places import ROOT

if TYPE_CHECKING:
    from buckets import Servers

TYPED = re.compile(
    r"\$ |(sudo|env|wheelfix|pipx|uvx|python3?|twine|aws|gcloud|gsutil|az|docker|kubectl|git|curl|npm) "
    r"|(pip|uv|poetry|pdm) (install|download|config|pip|add|sync|lock|run|tool|venv|publish)\b"
)
"""How a text begins that a reader types."""


def outputs_that_nothing_compares(text: str) -> list[int]:
    """Return the lines of texts that follow what is run, below one heading, and that are not compared with its output."""
    found, lines = blocks(text), text.split("\n")
    return [
        after.line + 1
        for before, after in pairwise(found)
        if before.kind in RUN
        and before.run.skip is None
        and after.kind in ("text", "")
        and not (after.run.output or after.run.file)
        and not any(line.startswith("#") for line in lines[before.line + len(before.lines) : after.line])
    ]


def needs_scene(page: str) -> bool:
    """Return whether a page has a block that is run."""
    return any(block.kind in RUN and block.run.skip is None for block in blocks(read_page(page)))


def _parameters() -> list[object]:
    return [
        pytest.param(page, id=page, marks=[getattr(pytest.mark, mark) for mark in scene.marks])
        for page, scene in SCENES.items()
    ]


@pytest.mark.parametrize("page", _parameters())
def test_a_page_shows_what_is_printed(page: str, tmp_path: Path, cloud: "Servers") -> None:
    text = read_page(page)
    with stage(tmp_path / "book", cloud, SCENES[page]) as here:
        played = play(text, here)
    if os.environ.get("WRITE") and played.edits:
        (ROOT / page).write_text(played.rewrite(text), "utf-8")
    found = [f"{page}:{drift.line}: {drift.message}" for drift in played.drifts]
    assert not found, "\n\n".join(["the page is not true (WRITE=1 writes its outputs)", *found])


def test_every_page_with_something_to_run_has_a_scene() -> None:
    wanted = {page for page in pages() if needs_scene(page)}
    assert sorted(wanted - SCENES.keys()) == [], "add a row to book/scenes_*.py"
    assert sorted(SCENES.keys() - wanted) == [], "nothing is run there"


@pytest.mark.parametrize("page", pages())
def test_every_file_that_a_page_shows_can_be_read(page: str, tmp_path: Path) -> None:
    problems = {}
    for number, block in enumerate(blocks(read_page(page))):
        folder = tmp_path / str(number)
        folder.mkdir()
        problems[block.line + 1] = problem_of(block, folder)
    assert {line: problem for line, problem in problems.items() if problem} == {}


def test_what_is_not_run_is_counted() -> None:
    found: dict[str, list[Block]] = {}
    for page in pages():
        for block in blocks(read_page(page)):
            if block.run.skip is not None:
                found.setdefault(page, []).append(block)
    assert {block.run.skip for each in found.values() for block in each} <= REASONS.keys()
    counted = {page: scene.skips for page, scene in SCENES.items() if scene.skips}
    assert {page: len(each) for page, each in found.items()} == counted, "say in the scene how many blocks are skipped"


@pytest.mark.parametrize("page", pages())
def test_nothing_is_hidden_from_the_runner(page: str) -> None:
    text = read_page(page)
    found = blocks(text)
    opened = enumerate(text.split("\n"), 1)
    written = [number for number, line in opened if line.lstrip(" >-*").startswith(("```console", "~~~console"))]
    assert [block.line for block in found if block.kind == "console"] == written
    assert sum(block.run != type(block.run)() for block in found) == comments(text), "a comment that belongs to no block"
    typed = [block.line + 1 for block in found if block.kind in ("text", "") and TYPED.match(block.text)]
    assert typed == [], "what a reader types is a console block"
    assert outputs_that_nothing_compares(text) == [], "<!-- run: output --> compares it with what is printed"
    for block in found:
        if block.kind == "console":
            block.commands()


@pytest.mark.parametrize("typed", ["$ ls", "wheelfix mirror list x", "pip install x", "sudo nginx"])
def test_what_a_reader_types_is_no_text(typed: str) -> None:
    assert TYPED.match(typed)


def test_a_text_below_what_is_run_is_its_output() -> None:
    page = "```console\n$ ls\n```\n\nIt prints:\n\n{}```text\na\n```\n"
    assert outputs_that_nothing_compares(page.format("")) == [8]
    assert outputs_that_nothing_compares(page.format("<!-- run: output -->\n")) == []
    assert outputs_that_nothing_compares(page.format("## Another thing\n\n")) == []


NOT_KNOWN = (
    "```console\nls\n```\n",
    "<!-- run: exits=1 -->\n```console\n$ ls\n```\n",
    "```{code-block} console\n$ ls\n```\n",
)


@pytest.mark.parametrize("text", NOT_KNOWN)
def test_a_page_that_does_not_keep_to_the_convention(text: str) -> None:
    with pytest.raises(PageError):
        [block.commands() for block in blocks(text)]


@pytest.mark.parametrize("page", pages())
def test_a_row_of_a_table_is_one_line(page: str) -> None:
    """A row that goes on in the next line is cut there, and the rest is a row of its own."""
    text = re.sub(r"^([ >]*)(`{3,}|~{3,}).*?^\1\2", "", read_page(page), flags=re.MULTILINE | re.DOTALL)
    lines = [line.strip() for line in text.split("\n")]
    assert [line for line in lines if line.startswith("|") and not line.endswith("|")] == []
    assert [after for line, after in pairwise(lines) if line.startswith("|") and after and not after.startswith("|")] == []


@pytest.mark.parametrize("page", [page for page in pages() if not page.startswith("docs/")])
def test_links_outside_of_the_book_lead_somewhere(page: str) -> None:
    """Sphinx looks at the links of docs/, and at no others."""
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", read_page(page))
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []
