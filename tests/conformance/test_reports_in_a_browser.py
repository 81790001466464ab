"""HTML reports in Chromium: nothing is logged or asked for, filters work, and everybody can read them."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browsing import PHONE, THEMES, axe, everything_is_seen, in_theme, no_sideways_scroll, screenshot, tab_stops
from html_reports import PAGES, PLAIN, fix_report, published, sync_report, verify_report
from wheelfix.reports.html.fix import render_html
from wheelfix.reports.html.sync import render_sync_html
from wheelfix.reports.html.verify import render_verify_html
from wheelfix.results import CheckedWheel, Report, VerifyReport

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from browsing import Browser

pytestmark = pytest.mark.browser
_UNFOLD = "document.querySelectorAll('details').forEach(each => { each.open = true })"
_FOLDED = """[...document.querySelectorAll("details > :not(summary)")].filter(each => !each.checkVisibility())
  .map(each => each.outerHTML.slice(0, 80))"""
LONG = "nvidia_" + "x" * 300


def written(folder: Path, page: str) -> str:
    path = folder / "report.html"
    path.write_text(page, "utf-8")
    return path.as_uri()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("theme", THEMES)
def test_anybody_can_read_it(browser: "Browser", tmp_path: Path, name: str, theme: str) -> None:
    with browser.open(written(tmp_path, PAGES[name](PLAIN)), theme=theme) as page:
        axe(page)
        in_theme(page, theme)
        screenshot(page, f"report-{name}-{theme}")
        page.evaluate(_UNFOLD)
        axe(page)
        everything_is_seen(page)


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_is_wide_enough(browser: "Browser", tmp_path: Path, name: str) -> None:
    for text in (PLAIN, LONG):
        with browser.open(written(tmp_path, PAGES[name](text)), width=PHONE) as page:
            no_sideways_scroll(page)
            screenshot(page, f"report-{name}-phone-{len(text)}")
            page.evaluate(_UNFOLD)
            everything_is_seen(page)


@pytest.mark.parametrize("name", PAGES)
def test_without_scripts_everything_is_shown(browser: "Browser", tmp_path: Path, name: str) -> None:
    uri = written(tmp_path, PAGES[name](PLAIN))
    with browser.open(uri) as page:
        page.evaluate(_UNFOLD)
        everything = words(page)
    with browser.open(uri, scripts=False) as page:
        assert not page.locator("form.controls").is_visible()
        assert words(page) == everything


def words(page: "Page") -> list[str]:
    """Return the words that can be seen, without the filters."""
    return [word for part in page.locator("header, main > section, footer").all() for word in part.inner_text().split()]


@pytest.mark.parametrize("name", PAGES)
def test_paper_has_everything_and_nothing_to_press(browser: "Browser", tmp_path: Path, name: str) -> None:
    with browser.open(written(tmp_path, PAGES[name](PLAIN)), theme="dark") as page:
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = false })")
        assert bool(page.evaluate(_FOLDED)) is bool(page.locator("details").count())
        page.emulate_media(media="print")
        assert not page.locator("form.controls").is_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate(_FOLDED) == []
        assert page.pdf().startswith(b"%PDF")


@pytest.mark.parametrize("name", PAGES)
def test_the_keyboard_reaches_everything(browser: "Browser", tmp_path: Path, name: str) -> None:
    with browser.open(written(tmp_path, PAGES[name](PLAIN))) as page:
        stops = tab_stops(page, 200)
        assert stops[0] == ("a", "Skip to the content")
        assert {"input", "select", "button"} <= {tag for tag, _ in stops}
        tables = page.locator(".wide").count()
        assert sum(tag == "div" for tag, _ in stops) == tables
        page.get_by_role("link", name="Skip to the content").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**#main")  # it fails after its time; a busy machine follows the link a moment later


def test_filters_of_a_fix(browser: "Browser", tmp_path: Path) -> None:
    with browser.open(written(tmp_path, render_html(fix_report()))) as page:
        rows = page.locator("#wheels tbody tr")
        assert rows.count() == rows.filter(visible=True).count() == 6
        page.get_by_label("Status").select_option("refused")
        assert rows.filter(visible=True).count() == 1
        assert not page.locator("#changes").is_visible()
        assert page.locator("#refused").is_visible()
        assert page.locator("output").inner_text() == "3 of 11 shown"
        page.get_by_label("Project").select_option("a text")
        assert rows.filter(visible=True).count() == 0
        assert not page.locator("#wheels").is_visible()
        page.get_by_role("button", name="Reset").click()
        assert rows.filter(visible=True).count() == 6
        assert page.locator("output").inner_text() == ""
        page.get_by_label("Code").select_option("unsafe")
        assert rows.filter(visible=True).count() == page.locator("#refused article").filter(visible=True).count() == 1
        assert not page.locator("#changes").is_visible()
        page.get_by_role("button", name="Reset").click()
        page.get_by_role("searchbox").fill("AARCH64 cp310")
        assert rows.filter(visible=True).count() == 1
        page.keyboard.press("Enter")  # a form without a server
        assert rows.filter(visible=True).count() == 1
        axe(page)


def test_filters_of_findings(browser: "Browser", tmp_path: Path) -> None:
    with browser.open(written(tmp_path, render_verify_html(verify_report()))) as page:
        blocks = page.locator("#findings article")
        count = blocks.count()
        page.get_by_label("Severity").select_option("error")
        assert 0 < blocks.filter(visible=True).count() < count
        page.get_by_label("Severity").select_option("")
        page.get_by_label("Code").select_option("metadata-no-content-type")
        assert blocks.filter(visible=True).count() == 1
        assert page.locator("#wheels tbody tr").filter(visible=True).count() == 1


@pytest.mark.parametrize("report", [Report("fix"), Report("fix", fix_report().outcomes[3:4])])
def test_a_report_with_little_in_it(browser: "Browser", tmp_path: Path, report: Report) -> None:
    with browser.open(written(tmp_path, render_html(report))) as page:
        assert not page.locator("form.controls").is_visible()
        axe(page)
    with browser.open(written(tmp_path, render_verify_html(VerifyReport((CheckedWheel(Path("x.whl")),))))) as page:
        axe(page)


def test_a_report_of_ten_thousand_wheels_opens(browser: "Browser", tmp_path: Path) -> None:
    wheels = fix_report().outcomes[:4] * 2_500
    with browser.open(written(tmp_path, render_html(Report("fix", wheels)))) as page:
        page.get_by_role("searchbox").fill("macosx")
        assert page.locator("#wheels tbody tr").filter(visible=True).count() == 0  # the unchanged ones are not on the page
        assert page.get_by_text("8,000 more wheels are not shown here").is_visible()
        assert page.locator("output").inner_text().endswith(" shown (8,000 more are not on this page)")


def test_a_filter_of_a_sync_does_not_hide_what_it_is_not_about(browser: "Browser", tmp_path: Path) -> None:
    with browser.open(written(tmp_path, render_sync_html(sync_report()))) as page:
        cards = page.locator("#changes article")
        count = cards.count()
        page.locator("select[name=result]").select_option("added")
        assert page.locator("#done tbody tr").filter(visible=True).count() == 1
        assert cards.filter(visible=True).count() == count > 0
        page.locator("select[name=status]").select_option("refused")
        assert cards.filter(visible=True).count() == 0
        assert page.locator("#done tbody tr").filter(visible=True).count() == 1


def test_what_a_mirror_refused_can_be_chosen(browser: "Browser", tmp_path: Path) -> None:
    with browser.open(written(tmp_path, render_html(fix_report(), published()))) as page:
        page.locator("select[name=result]").select_option("refused")
        assert page.locator("#not-published").is_visible()
        assert page.locator("#published tbody tr").filter(visible=True).count() == 1
        page.get_by_label("Code").select_option("already-there")
        assert page.locator("#not-published article").is_visible()
        assert not page.locator("#refused").is_visible()
        axe(page)
