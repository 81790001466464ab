"""The harness for pages in a browser: each thing that it watches is found on a page that has it."""

from pathlib import Path

import pytest

from browsing import THEMES, Browser, axe, everything_is_seen, in_theme, no_sideways_scroll, screenshot, tab_stops

pytestmark = pytest.mark.browser

_PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>A page</title>
<meta name="viewport" content="width=device-width">
<style>:root { color-scheme: light dark } body { color: CanvasText; background: Canvas }</style>
</head><body><main><h1>A page</h1>%s</main></body></html>"""


def write(folder: Path, body: str = '<p><a href="#x">A link</a> and <button>a button</button></p>') -> str:
    (folder / "page.html").write_text(_PAGE % body)
    return (folder / "page.html").as_uri()


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("scripts", [True, False])
def test_a_page_without_faults_passes(
    theme: str, scripts: bool, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_SCREENSHOTS", str(tmp_path / "shots"))
    script = "<script>x.textContent = matchMedia('(prefers-color-scheme: dark)').matches</script>"
    with browser.open(write(tmp_path, f"<p id=x>unseen</p>{script}"), theme=theme, scripts=scripts) as page:
        if scripts:
            axe(page)
            everything_is_seen(page)
            in_theme(page, theme)
        no_sideways_scroll(page)
        screenshot(page, "page")
        assert page.locator("#x").inner_text() == (str(theme == "dark").lower() if scripts else "unseen")
    assert (tmp_path / "shots/page.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("<script>console.error('no good')</script>", "no good"),
        ("<script>setTimeout(() => { throw new Error('late') })</script>", "late"),
        ("<img alt='x' src='https://example.org/x.png'>", "asked for https://example.org/x.png"),
        ("<script src='//cdn.example.org/x.js'></script>", "asked for"),
        ("<script>fetch('http://127.0.0.1:9/x').catch(() => 0)</script>", "asked for http://127.0.0.1:9/x"),
        (
            "<meta http-equiv='Content-Security-Policy' content=\"script-src 'none'\"><script>1</script>",
            "Content Security Policy",
        ),
    ],
    ids=[
        "an error in the console",
        "a script that fails",
        "an image",
        "a script of others",
        "a request",
        "what the policy forbids",
    ],
)
def test_what_a_page_must_not_do_is_found(body: str, says: str, browser: Browser, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=says), browser.open(write(tmp_path, body)) as page:
        page.wait_for_timeout(100)


def test_what_keeps_people_from_a_page_is_found(browser: Browser, tmp_path: Path) -> None:
    body = "<p style='color: #999; background: #fff'>faint</p><input><p style='width: 90rem'>wide</p>"
    with browser.open(write(tmp_path, body)) as page:
        with pytest.raises(AssertionError, match=r"color-contrast[\s\S]*label"):
            axe(page)
        with pytest.raises(AssertionError, match="of 360 pixels"):
            no_sideways_scroll(page)


def test_the_keyboard_reaches_what_it_must(browser: Browser, tmp_path: Path) -> None:
    with browser.open(write(tmp_path)) as page:
        assert tab_stops(page) == [("a", "A link"), ("button", "a button")]
    with browser.open(write(tmp_path, "<button style='outline: none'>hidden</button>")) as page:
        with pytest.raises(AssertionError, match="focus"):
            tab_stops(page)


@pytest.mark.parametrize(
    ("style", "why"),
    [
        ("opacity: 0", "cannot be seen"),
        ("filter: opacity(0)", "cannot be seen"),
        ("mask-image: linear-gradient(transparent, transparent)", "cannot be seen"),
        ("clip-path: inset(50%)", "cut off"),
        ("display: none", "not shown"),
        ("visibility: hidden", "not shown"),
        ("font-size: 0", "no size"),
        ("display: block; width: 0; height: 0; overflow: hidden", "cut off"),
        ("text-indent: -99rem; display: block", "cut off"),
        ("position: absolute; top: -99rem", "cut off"),
    ],
)
def test_text_that_nobody_sees_is_found(style: str, why: str, browser: Browser, tmp_path: Path) -> None:
    with browser.open(write(tmp_path, f"<p>seen</p><p style='{style}'>a <b>word</b></p>")) as page:
        with pytest.raises(AssertionError, match=rf"^2 of 4 texts:[\s\S]*{why}"):
            everything_is_seen(page)
        everything_is_seen(page, unseen="p + p")


def test_text_that_something_covers_is_found(browser: Browser, tmp_path: Path) -> None:
    cover = "<div style='position: fixed; inset: 0; background: Canvas'></div>"
    with browser.open(write(tmp_path, cover)) as page, pytest.raises(AssertionError, match="below <div>"):
        everything_is_seen(page)


@pytest.mark.parametrize("theme", THEMES)
def test_a_page_without_a_theme_is_found(theme: str, browser: Browser, tmp_path: Path) -> None:
    other = "white" if theme == "dark" else "black"
    body = f"<style>body {{ background: {other} !important }}</style>"
    with browser.open(write(tmp_path, body), theme=theme) as page, pytest.raises(AssertionError, match=theme):
        in_theme(page, theme)
