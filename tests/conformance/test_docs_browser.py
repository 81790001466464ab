"""The built documentation in Chromium: its search answers questions, and everybody can read its pages."""

from typing import Final
from urllib.parse import quote

import pytest

from browsing import DESKTOP, PHONE, THEMES, Browser, axe, in_theme, no_sideways_scroll, screenshot
from serving import Server

pytestmark = pytest.mark.browser

_TOP: Final = 3
"""How many results one looks at."""
QUESTIONS: Final = {
    "my wheel was refused, what now?": "guides/refused-wheel.html",
    "which CPU torch for aarch64?": "guides/which-cpu-torch.html",
    "unproven": "reference/errors.html#unproven",
    "what does name-taken mean": "reference/errors.html",
    "no-hash": "reference/errors.html#no-hash",
    "exit code 3": "reference/exit-codes.html",
    "--trust-content": "reference/commands/repair.html#cmdoption-wheelfix-repair-trust-content",
    "proxy certificate": "reference/network.html",
    "environment variables": "reference/environment.html",
    "JSON schema": "reference/schemas.html",
    "mirror check options": "reference/commands/mirror-check.html",
    "my wheel was refused": "guides/refused-wheel.html",
    "which CPU torch for aarch64": "guides/which-cpu-torch.html",
    "gate wheels in CI": "guides/gate-wheels-in-ci.html",
    "yank": "reference/commands/mirror-yank.html",
    "S3 bucket": "guides/buckets.html",
    "exit code": "reference/exit-codes.html",
    "poetry": "guides/configure-clients.html",
    "hash mismatch after fix": "guides/name-a-fixed-wheel.html",
    "air gapped": "guides/air-gapped.html",
    "write a rule": "guides/rules.html",
    "undo a fix": "guides/mirror.html",
    "revert": "guides/mirror.html",
    "roll back": "guides/mirror.html",
    "numpy<2": "guides/rule-examples.html",
    "upper limit": "guides/rule-examples.html",
    "CronJob": "guides/nightly-mirror.html",
}
"""What people ask, and the page that has the answer."""
PAGES: Final = (
    "index.html", "reference/commands/strip-gpu.html", "reference/errors.html", "reference/codes.html",
    "reference/configuration.html", "reference/schemas.html", "search.html",
)  # fmt: skip
DRAWN: Final = (
    "start/problem.html", "explanation/verdicts.html", "explanation/how-it-works.html", "explanation/mirrors.html",
)  # fmt: skip
LOOKED_AT: Final = ("index.html", *DRAWN, "guides/fix-wheels.html", "reference/commands/strip-gpu.html", "search.html")
"""The landing page, pages with drawings, a list of guides, a command, and the search."""
INKS: Final = {"light": "rgb(31, 35, 40)", "dark": "rgb(230, 237, 243)"}
"""The colour of text in drawings, by theme."""


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_search_answers_a_question(question: str, docs: Server, browser: Browser) -> None:
    with browser.open(f"{docs.url}/search.html?q={quote(question)}") as page:
        page.wait_for_function("document.querySelector('#search-results p.search-summary')?.innerText.includes('found')")
        links = page.locator("#search-results ul.search > li > a").evaluate_all("all => all.map(each => each.href)")
    found = [link.removeprefix(f"{docs.url}/").replace(".html?", ".html#").partition("#highlight")[0] for link in links]
    answers = [link.partition("#")[0] if "#" not in QUESTIONS[question] else link for link in found]
    assert QUESTIONS[question] in answers[:_TOP], answers[:8]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_read_on_a_phone(name: str, theme: str, docs: Server, browser: Browser) -> None:
    with browser.open(f"{docs.url}/{name}", theme=theme, width=PHONE) as page:
        no_sideways_scroll(page)
        screenshot(page, f"docs-{name.replace('/', '-').removesuffix('.html')}-{theme}-phone", whole=False)


def test_an_option_is_reached_by_its_anchor(docs: Server, browser: Browser) -> None:
    with browser.open(f"{docs.url}/reference/commands/strip-gpu.html#cmdoption-wheelfix-strip-gpu-scan") as page:
        assert page.locator(":target").inner_text().startswith("--scan")
        assert page.locator(".edit-this-page a").get_attribute("title") == "Edit this page"


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("name", LOOKED_AT)
def test_everybody_can_read_the_book(name: str, width: int, theme: str, docs: Server, browser: Browser) -> None:
    with browser.open(f"{docs.url}/{name}", theme=theme, width=width) as page:
        axe(page)
        in_theme(page, theme)
        no_sideways_scroll(page, width)
        screenshot(page, f"book-{name.replace('/', '-').removesuffix('.html')}-{theme}-{width}")


def test_each_part_of_the_book_is_in_the_sidebar(docs: Server, browser: Browser) -> None:
    with browser.open(f"{docs.url}/index.html") as page:
        captions = page.locator(".sidebar-tree .caption").all_inner_texts()
    assert [caption.casefold() for caption in captions] == ["start", "guides", "reference", "explanation"]


@pytest.mark.parametrize("theme", THEMES)
def test_a_drawing_follows_the_theme_that_a_reader_chose(theme: str, docs: Server, browser: Browser) -> None:
    """The system has the other theme than the one that the reader chose on the page."""
    other = next(each for each in THEMES if each != theme)
    inks = []
    for system, chosen in ((theme, "auto"), (other, theme)):
        with browser.open(f"{docs.url}/explanation/verdicts.html", theme=system) as page:
            page.evaluate("theme => { document.body.dataset.theme = theme }", chosen)
            inks.append(page.locator(".drawing text").first.evaluate("each => getComputedStyle(each).fill"))
    assert inks[0] == inks[1] == INKS[theme]


_OUTSIDE: Final = """() => [...document.querySelectorAll(".drawing")].flatMap(drawing => {
  const boxes = [...drawing.querySelectorAll("rect")].map(rect => rect.getBBox());
  const inside = (one, all) => one.x >= all.x && one.y >= all.y && one.x + one.width <= all.x + all.width + 0.5;
  return [...drawing.querySelectorAll("text")].filter(text => {
    const own = text.getBBox();
    const starts = box => own.x >= box.x && own.x < box.x + box.width && own.y >= box.y && own.y < box.y + box.height;
    const around = boxes.filter(starts);
    return ![drawing.viewBox.baseVal, ...around].every(all => inside(own, all));
  }).map(text => text.textContent);
})"""


@pytest.mark.parametrize("name", DRAWN)
def test_no_words_of_a_drawing_run_out_of_their_box(name: str, docs: Server, browser: Browser) -> None:
    with browser.open(f"{docs.url}/{name}") as page:
        assert page.locator(".drawing").count() >= 1
        assert page.evaluate(_OUTSIDE) == []
