"""The frame of all pages: markup that nothing escapes from, a policy that fits, colours that can be read."""

import re
from itertools import product

import pytest

from contrasts import contrast
from wheelfix.html.assets import asset, source_hash
from wheelfix.html.components import diff_lines, fold, items, row, table
from wheelfix.html.document import document, meta
from wheelfix.html.markup import Html, element, escaped, link, readable

HOSTILE = (
    "<script>x()</script>", "</style>", "\"' onload=x()", "&lt;", "\u202eabc", "a\x1b[2Jb", "\udcff", "\ud800", "\x00",
    "a\nb", "<!--", "]]>", "javascript:x()",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text(text: str) -> None:
    for found in (element("b", text), element("b", title=text), table(text, [text], [row(text, text)]), readable(text)):
        found.encode()
        assert not re.search(r"<(?!/?(?:b|div|table|caption|thead|tbody|tr|th|td)\b)", found)
        assert found.replace("\n", "").isprintable()


def test_the_python_that_runs_does_not_matter() -> None:
    """Each has its own Unicode, and another idea of what can be printed."""
    new = "a\u0221\U0001fae8"  # of Unicode 4.0 and 15.0
    for found in (element("b", new), element("b", title=new), readable(new), diff_lines(f"+{new}", most=5)):
        assert found.isascii()
        assert r"a\u0221\U0001fae8" in found
    assert diff_lines("\u0221" * 99, most=1, longest=100) == diff_lines(r"\u0221" * 99, most=1, longest=100)


def test_a_link_to_anything_but_the_web_is_text() -> None:
    for scheme in (
        "javascript:x()",
        "JavaScript:x()",
        "data:text/html,x",
        " javascript:x()",
        "file:///etc",
        "//example.org",
    ):
        assert "<a" not in link(scheme, "see")
    assert link('https://example.org/?a="b"', "see") == '<a href="https://example.org/?a=&quot;b&quot;">see</a>'


def test_markup_is_not_escaped_twice() -> None:
    assert element("p", element("b", "a & b"), "<") == "<p><b>a &amp; b</b>&lt;</p>\n"
    assert items([Html("<b>x</b>"), "<"]) == "<ul><li><b>x</b></li>\n<li>&lt;</li>\n</ul>\n"
    assert items([]) == ""
    assert escaped("a\u202e") == "a\u202e"
    assert escaped("a\rb\0") == "a&#13;b\ufffd"  # a parser of HTML would read a line feed


def test_the_policy_allows_the_styles_and_scripts_of_the_page_and_nothing_else() -> None:
    text = document("t", Html("<main>x</main>\n"), styles=("base.css",), scripts=("report.js",))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    hashes = {source_hash(each) for each in re.findall(r"<(?:style|script)>(.*?)</(?:style|script)>", text, re.DOTALL)}
    assert len(hashes) == 3
    assert hashes == set(re.findall(r"'sha256-[^']+'", policy[1]))
    assert policy[1].startswith("default-src 'none'; ")
    assert "unsafe" not in policy[1]
    assert not re.search(r"\b(?:style|on\w+)=", text.partition("<body>")[2])
    assert "script-src 'none'" in document("t", Html(""))


def test_a_page_is_the_same_every_time() -> None:
    page = [document("a < b", fold("x", "y", is_open=True), metas=meta("pypi:x", "1")) for _ in range(2)]
    assert page[0] == page[1]
    assert "<title>a &lt; b</title>" in page[0]
    assert '<meta name="pypi:x" content="1">' in page[0]
    assert page[0].endswith("</html>\n")


def test_a_long_diff_is_cut_and_counted() -> None:
    found = diff_lines("".join(f"+{number}\n" for number in range(9)) + "-" + "x" * 500, most=9)
    assert found.count("<ins") == 9
    assert "… and 1 more lines" in found
    assert "… (501 characters)" in diff_lines("-" + "x" * 500, most=9)


def _colours(theme: str) -> dict[str, str]:
    light, dark = re.findall(r":root \{(.*?)\n\s*\}", asset("base.css"), re.DOTALL)[:2]
    return dict(re.findall(r"--([\w-]+): (#\w{6});", {"light": light, "dark": dark}[theme]))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_read_has_contrast(theme: str) -> None:
    """https://www.w3.org/TR/WCAG22/#contrast-minimum: 4.5 for text, 3 for the outline of the focus."""
    colours = _colours(theme)
    pairs = {*product(("text", "soft", "link"), ("back", "raised")), ("focus", "back")}
    pairs |= {(each, f"{each}-back") for each in ("plain", "good", "note", "warning", "error")}
    for one, other in pairs:
        assert contrast(colours[one], colours[other]) >= 4.5, (one, other)
