"""Pages in a real browser, and what must hold for every page that wheelfix writes.

Playwright drives the Chromium of the system, which ``TEST_CHROMIUM`` can name; axe-core comes with axe-playwright-python.
A test asks for the fixture ``browser`` and is marked ``browser``::

    with browser.open(url, theme="dark", width=360) as page:
        page.get_by_role("searchbox").fill("torch")
        axe(page)
        in_theme(page, "dark")
        everything_is_seen(page)
        no_sideways_scroll(page, 360)
        screenshot(page, "project-dark-phone")

At the end of the block it fails if the page logged an error, if a script of it failed, or if it asked for anything that is
not on its own server.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import urlsplit
from weakref import WeakSet

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser as _Chromium, Page

THEMES: Final = ("light", "dark")
PHONE: Final = 360
"""The width of a small phone, in pixels."""
DESKTOP: Final = 1280
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
ANOTHER: Final = "mirror.example"
"""A name under which the browser finds servers of this machine, as if they were on another one."""
_FLAGS: Final = (
    "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
    # What a page asks of others is reported, and goes nowhere.
    f"--host-resolver-rules=MAP {ANOTHER} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip
_LOCAL: Final = ("data:", "blob:", "about:")


_WITHOUT_SCRIPTS: "Final[WeakSet[Page]]" = WeakSet()


def missing(what: str) -> NoReturn:
    """Skip the test, or fail if ``TEST_BROWSER`` is set: a run for browsers alone that skips everything proves nothing."""
    (pytest.fail if os.environ.get("TEST_BROWSER") else pytest.skip)(what)


def chromium() -> str:
    """Return the path of the browser; where there is none, see :func:`missing`."""
    if named := os.environ.get("TEST_CHROMIUM"):
        return named
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    missing("Chromium is missing: run `apt-get install chromium`, or name another one in TEST_CHROMIUM")


class Browser:
    """A running browser, without anything that the user has."""

    def __init__(self, running: "_Chromium") -> None:
        self._running = running

    @contextmanager
    def open(
        self, url: str, *, theme: str = "light", width: int = DESKTOP, height: int = 800, scripts: bool = True
    ) -> "Iterator[Page]":
        """Open a page in a fresh profile, and fail in the end if it logged an error or asked others for anything.

        Without ``scripts`` none of the page's run.
        """
        said: list[str] = []
        context = self._running.new_context(
            color_scheme=theme,
            viewport={"width": width, "height": height},
            java_script_enabled=scripts,
            reduced_motion="reduce",
            permissions=["clipboard-read", "clipboard-write"] if scripts else [],
            locale="en-GB",
            timezone_id="UTC",
        )
        try:
            page = context.new_page()
            if not scripts:
                _WITHOUT_SCRIPTS.add(page)
            page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: said.append(f"a script failed: {error}"))
            page.on(
                "request", lambda request: None if _is_own(url, request.url) else said.append(f"asked for {request.url}")
            )
            page.goto(url)
            yield page
            page.wait_for_timeout(50)  # what the last step logs comes a moment later
        finally:
            context.close()
        assert not said, "\n".join(said)


def _is_own(url: str, requested: str) -> bool:
    """Whether the page at ``url`` may ask for this."""
    if requested.startswith(_LOCAL):
        return True
    page, other = urlsplit(url), urlsplit(requested)
    return (page.scheme, page.netloc) == (other.scheme, other.netloc)


@contextmanager
def started() -> Iterator[Browser]:
    """Start the browser; where it or Playwright is missing, see :func:`missing`."""
    path = chromium()
    if find_spec("playwright") is None:
        missing("Playwright is missing: run `make test-browser`")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=path, args=list(_FLAGS))
        try:
            yield Browser(running)
        finally:
            running.close()


@cache
def _axe() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


def axe(page: "Page") -> None:
    """Confirm that axe-core finds nothing that would keep somebody from using the page, which must run scripts."""
    assert page not in _WITHOUT_SCRIPTS, "axe-core waits for ever on a page without scripts"
    page.evaluate(_axe())
    rules = {
        "resultTypes": ["violations"],
        "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
    found: list[dict[str, Any]] = page.evaluate("rules => axe.run(document, rules).then(found => found.violations)", rules)
    assert not found, "\n".join(_described(each) for each in found)


def _described(violation: dict[str, Any]) -> str:
    places = (f"  {' '.join(map(str, each['target']))}: {each['failureSummary']}" for each in violation["nodes"][:3])
    return "\n".join([f"{violation['id']} ({violation['impact']}): {violation['help']}", *places])


_BACKGROUND: Final = """() => [document.body, document.documentElement].map(each => getComputedStyle(each).backgroundColor)
  .map(colour => colour.match(/[\\d.]+/g).map(Number)).find(parts => parts.length < 4 || parts[3] > 0)"""


def in_theme(page: "Page", theme: str) -> None:
    """Confirm that the page is dark for who wants it dark, and light else: axe-core finds both readable in either case."""
    red, green, blue, *_ = page.evaluate(_BACKGROUND) or (255, 255, 255)
    lightness = (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255
    is_dark = theme == "dark"
    assert lightness < 0.2 if is_dark else lightness > 0.8, f"the background of the {theme} page is {red} {green} {blue}"


_UNSEEN: Final = """unseen => {
  const open = each => !each.closest(`script, style, template, noscript, option, [hidden], ${unseen || "script"}`)
    && ![...ancestors(each)].some(one => one.matches("details:not([open])") && !one.firstElementChild.contains(each));
  function* ancestors(each) { for (; each; each = each.parentElement) yield each; }
  const faint = each => [...ancestors(each)].some(one => {
    const style = getComputedStyle(one);
    return parseFloat(style.opacity) < 0.3 || /opacity|blur|brightness/.test(style.filter) || style.maskImage !== "none";
  });
  const problem = text => {
    const each = text.parentElement, range = document.createRange();
    if (!each.checkVisibility({ visibilityProperty: true })) return "is not shown";
    if (faint(each)) return "cannot be seen";
    range.setStart(text, text.data.search(/\\S/));
    range.setEnd(text, range.startOffset + 1);
    each.scrollIntoView({ block: "center", inline: "start", behavior: "instant" });
    let box = range.getBoundingClientRect();
    if (box.y < 0 || box.bottom > innerHeight) { // the element is taller than the window
      scrollBy({ top: box.y - innerHeight / 2, behavior: "instant" });
      box = range.getBoundingClientRect();
    }
    if (box.width < 1 || box.height < 1) return "has no size";
    const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return each.contains(top) ? null : `is cut off, or below <${top ? top.tagName.toLowerCase() : "nothing"}>`;
  };
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let count = 0;
  for (let text; (text = walker.nextNode());) {
    if (!text.data.trim() || !open(text.parentElement)) continue;
    count += 1;
    const why = problem(text);
    if (why) found.push(`${text.data.trim().slice(0, 60)} (in ${text.parentElement.outerHTML.slice(0, 80)}) ${why}`);
  }
  scrollTo(0, 0);
  return [count, found];
}"""


def everything_is_seen(page: "Page", unseen: str = ".skip") -> None:
    """Confirm that a reader sees each text of the page: it is shown, opaque, has a size, and nothing covers it.

    Folded details are left out, and what ``unseen`` selects: texts for screen readers.
    """
    count, found = page.evaluate(_UNSEEN, unseen)
    assert count, "the page has no text"
    assert not found, "\n".join([f"{len(found)} of {count} texts:", *found[:10]])


_TOO_WIDE: Final = """() => {
  const most = document.documentElement.clientWidth, root = document.scrollingElement;
  if (root.scrollWidth <= most) return [];
  const wide = [...document.querySelectorAll("body *")].filter(each => each.getBoundingClientRect().right > most + 0.5);
  return [`${root.scrollWidth} of ${most} pixels`, ...wide.slice(0, 5).map(each => each.outerHTML.slice(0, 120))];
}"""


def no_sideways_scroll(page: "Page", width: int = PHONE) -> None:
    """Confirm that the whole page can be read at this width by moving up and down only."""
    before = page.viewport_size
    page.set_viewport_size({"width": width, "height": 740})
    found: list[str] = page.evaluate(_TOO_WIDE)
    if before:
        page.set_viewport_size(before)
    assert not found, "\n".join(found)


_FOCUSED: Final = """() => {
  const each = document.activeElement;
  if (!each || each === document.body) return null;
  const style = getComputedStyle(each);
  const visible = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== "none";
  const name = each.getAttribute("aria-label") || each.innerText || each.getAttribute("name") || each.id || "";
  return [each.tagName.toLowerCase(), name.trim().split("\\n")[0], visible];
}"""


def tab_stops(page: "Page", most: int = 100) -> list[tuple[str, str]]:
    """Return what the Tab key reaches, from the top of the page: an element and its name each, with a visible focus."""
    found: list[tuple[str, str]] = []
    page.evaluate("() => { document.activeElement?.blur(); getSelection().removeAllRanges(); scrollTo(0, 0) }")
    for _ in range(most):
        page.keyboard.press("Tab")
        focused = page.evaluate(_FOCUSED)
        if focused is None:
            break
        tag, name, is_visible = focused
        assert is_visible, f"nothing shows that <{tag}> {name!r} has the focus"
        found.append((tag, name))
    return found


def screenshot(page: "Page", name: str, *, whole: bool = True) -> None:
    """Write ``NAME.png`` to the directory that ``TEST_SCREENSHOTS`` names; where there is none, do nothing."""
    if folder := os.environ.get("TEST_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder, f"{name}.png"), full_page=whole)
