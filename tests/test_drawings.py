"""The drawings of the book can be read: by eyes in both themes, and by screen readers."""

import re
from typing import Final
from xml.etree import ElementTree as ET

import pytest

from contrasts import contrast
from places import DOCS

DRAWINGS: Final = {path.stem: path.read_text("utf-8") for path in sorted((DOCS / "_static" / "drawings").glob("*.svg"))}
_SVG: Final = "{http://www.w3.org/2000/svg}"
_GROUNDS: Final = {"light": "#ffffff", "dark": "#131416"}
"""The colour of the page behind a drawing."""


def test_each_drawing_is_on_one_page_at_least() -> None:
    pages = "\n".join(path.read_text("utf-8") for path in DOCS.rglob("*.md"))
    assert [name for name in DRAWINGS if f":file: ../_static/drawings/{name}.svg" not in pages] == []


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_screen_reader_says_what_a_drawing_shows(name: str) -> None:
    root = ET.fromstring(DRAWINGS[name])
    said = {each.get("id"): each.text for each in root if each.tag in (f"{_SVG}title", f"{_SVG}desc")}
    assert root.get("role") == "img"
    assert list(said) == (root.get("aria-labelledby") or "").split()
    assert all(text and id_ and id_.startswith(name) for id_, text in said.items())


@pytest.mark.parametrize("theme", _GROUNDS)
def test_text_has_contrast_in_both_themes(theme: str) -> None:
    """At least 4.5 (WCAG AA): text on the page and on each kind of box, the verdicts on the page."""
    tables = re.findall(r"\{((?:--d-\w+:#\w+;?)+)", DRAWINGS["verdict"])
    colours = dict(re.findall(r"--d-(\w+):(#\w+)", tables[0 if theme == "light" else 1]))
    grounds = {"page": _GROUNDS[theme], **{name: colours[name] for name in ("box", "old", "new")}}
    pairs = [(ink, ground) for ink in ("ink", "soft") for ground in grounds] + [("bad", "page"), ("good", "page")]
    ratios = {(ink, ground): contrast(colours[ink], grounds[ground]) for ink, ground in pairs}
    assert {pair: round(ratio, 1) for pair, ratio in ratios.items() if ratio < 4.5} == {}
