"""The pages of a mirror as people see them, in Chromium: both themes, phone, no scripts, a server and plain files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from browsing import (
    ANOTHER,
    PHONE,
    THEMES,
    Browser,
    axe,
    everything_is_seen,
    in_theme,
    no_sideways_scroll,
    screenshot,
    tab_stops,
)
from places import ROOT
from running import wheelfix
from serving import Server, static
from wheelfix.html.assets import asset

pytestmark = pytest.mark.browser

_SAMPLES: Final = ROOT / "sample_wheels"
_FIXED: Final = "torch-2.7.0-1nogpu-cp311-cp311-manylinux_2_28_aarch64.whl"
_ORIGINAL: Final = "torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl"
PAGES: Final = ("", "torch/")


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mirror with corrected wheels of two versions, a yanked original, and projects without corrections."""
    folder = tmp_path_factory.mktemp("pages")
    publish, yank = ("--publish", folder / "mirror"), ("--yank-original", "pulls in CUDA")
    done = [wheelfix("strip-gpu", _SAMPLES / _ORIGINAL, "--build-tag", "1nogpu", *publish, *yank)]
    done += [wheelfix("strip-gpu", *_SAMPLES.glob("torch-2.14.1-*macos*"), "-o", folder / "fixed")]
    done += [wheelfix("mirror", "add", folder / "mirror", *(folder / "fixed").iterdir())]
    done += [wheelfix("mirror", "add", folder / "mirror", *_SAMPLES.glob("[cn]*.whl"))]
    assert [ran.code for ran in done] == [0, 0, 0, 0], [ran.err for ran in done]
    return folder / "mirror"


@pytest.fixture(scope="module")
def server(mirror: Path) -> Iterator[Server]:
    with static(mirror / "public") as found:
        yield found


@pytest.mark.parametrize("page", PAGES, ids=["root", "project"])
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", [1280, PHONE])
def test_everybody_can_read_the_pages(page: str, theme: str, width: int, browser: Browser, server: Server) -> None:
    with browser.open(server.index + page, theme=theme, width=width) as opened:
        for details in opened.locator("details").all():
            details.evaluate("each => each.open = true")
        axe(opened)
        in_theme(opened, theme)
        everything_is_seen(opened)
        no_sideways_scroll(opened)
        screenshot(opened, f"mirror-{page.strip('/') or 'root'}-{theme}-{width}")


@pytest.mark.parametrize("page", PAGES, ids=["root", "project"])
def test_without_scripts_nothing_is_missing(page: str, browser: Browser, server: Server) -> None:
    """What only a script can do is not shown, what is folded is open, and the commands have a name to fill in."""
    with browser.open(server.index + page, scripts=False) as opened:
        no_sideways_scroll(opened)
        screenshot(opened, f"mirror-{page.strip('/') or 'root'}-no-scripts")
        text = opened.locator("main").inner_text()
        assert "https://MIRROR/simple/" in text
        assert "Filter" not in text
        assert not opened.get_by_role("button").count()
        if page:
            assert text.count("- Requires-Dist: triton") == 4
            assert "Evidence: its marker is never true on" in text


def test_on_paper_everything_is_there(browser: Browser, server: Server) -> None:
    with browser.open(server.index + "torch/") as opened:
        opened.emulate_media(media="print")
        screenshot(opened, "mirror-torch-print")
        assert not opened.get_by_role("button", name="Copy").filter(visible=True).count()
        assert opened.get_by_text("- Requires-Dist: nvidia-cublas-cu12").is_visible()


def test_projects_are_found_by_a_part_of_their_name(browser: Browser, server: Server) -> None:
    with browser.open(server.index) as opened:
        listed = opened.locator(".projects li").filter(visible=True)
        assert listed.all_inner_texts() == ["cleanpkg", "networkx", "torch"]
        field = opened.get_by_role("searchbox", name="Filter projects")
        field.fill("NET")
        assert listed.all_inner_texts() == ["networkx"]
        assert opened.get_by_role("status").inner_text() == "1 of 3 shown"
        field.fill("no such thing")
        assert opened.get_by_role("status").inner_text() == "0 of 3 shown"
        field.fill("")
        assert listed.count() == 3
        opened.get_by_role("link", name="torch").click()
        opened.get_by_role("heading", name="torch", exact=True).wait_for()
        opened.get_by_role("link", name="All projects").click()
        opened.get_by_role("heading", name="Package index").wait_for()


def test_rows_that_a_filter_hides_have_no_number(browser: Browser, server: Server) -> None:
    """Chromium numbers the items of a list again for each that is hidden: of 5,000 projects that took eight seconds."""
    for page in PAGES:
        with browser.open(server.index + page) as opened:
            rows = opened.locator(".projects li, .files li")
            assert set(rows.evaluate_all("rows => rows.map(row => getComputedStyle(row).display)")) == {"block"}


def test_files_are_found_by_words_and_by_what_was_corrected(browser: Browser, server: Server) -> None:
    with browser.open(server.index + "torch/") as opened:
        names = opened.locator(".files li > a").filter(visible=True)
        newest, *rest = names.all_inner_texts()
        assert newest.startswith("torch-2.14.1")
        assert rest == [_FIXED, _ORIGINAL]
        opened.get_by_role("checkbox", name="Only corrected ones").check()
        assert names.all_inner_texts() == [newest, _FIXED]
        opened.get_by_role("searchbox").fill("aarch64 2.7.0")
        assert names.all_inner_texts() == [_FIXED]
        assert not opened.get_by_role("heading", name="2.14.1").filter(visible=True).count()
        opened.get_by_role("checkbox").uncheck()
        assert names.all_inner_texts() == [_FIXED, _ORIGINAL]
        opened.locator(".why summary").filter(visible=True).click()
        assert opened.get_by_text("- Requires-Dist: nvidia-cublas-cu12").is_visible()


def test_a_corrected_file_leads_to_its_original(browser: Browser, server: Server) -> None:
    with browser.open(server.index + "torch/") as opened:
        opened.locator("li", has_text=_FIXED).get_by_role("link", name=_ORIGINAL).click()
        assert opened.locator("li:target > a").inner_text() == _ORIGINAL


@pytest.mark.parametrize("client", ["pip", "uv", "Poetry", "PDM"])
def test_a_command_is_copied_with_the_url_of_the_index(client: str, browser: Browser, server: Server) -> None:
    with browser.open(server.index + "torch/index.html") as opened:
        button = opened.get_by_role("button", name=f"Copy the command for {client}")
        button.click()
        opened.get_by_text("Copied").wait_for()
        copied: str = opened.evaluate("navigator.clipboard.readText()")
        assert copied == opened.locator(f"[data-copy$='{client}']").inner_text()
        assert f" {server.index}" in copied
        assert copied.endswith(" torch")


def test_copying_works_where_scripts_have_no_clipboard(browser: Browser, server: Server) -> None:
    """A server without TLS, on another machine."""
    with browser.open(server.index + "torch/") as opened:
        opened.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
        opened.get_by_role("button", name="Copy the command for pip").click()
        opened.get_by_text("Copied").wait_for()
        assert str(opened.evaluate("String(getSelection())")).startswith("pip install")


def test_the_settings_of_the_index_name_it(browser: Browser, server: Server) -> None:
    with browser.open(server.index) as opened:
        opened.get_by_text("Configure pip").click()
        assert f"index-url = {server.index}" in opened.locator("[data-copy$=pip]").inner_text()
        assert opened.locator(".index").all_inner_texts() == [server.index] * 4


def test_the_keyboard_reaches_everything(browser: Browser, server: Server) -> None:
    with browser.open(server.index + "torch/") as opened:
        stops = [name for _, name in tab_stops(opened)]
        assert stops[:2] == ["All projects", "Copy the command for pip"]
        assert {_FIXED, _ORIGINAL, "filter", "corrected"} <= set(stops)


def test_pages_work_from_a_directory_without_a_server(mirror: Path, browser: Browser) -> None:
    with browser.open((mirror / "public/simple/index.html").as_uri()) as opened:
        opened.get_by_role("link", name="torch").click()
        opened.get_by_role("heading", name="torch", exact=True).wait_for()
        assert opened.locator(".index").first.inner_text() == (mirror / "public/simple").as_uri() + "/"
        opened.get_by_role("link", name="All projects").click()
        opened.get_by_role("heading", name="Package index").wait_for()


def test_the_url_of_an_index_is_quoted_where_a_shell_needs_it(browser: Browser, mirror: Path, tmp_path: Path) -> None:
    (tmp_path / "a'b&c").symlink_to(mirror / "public")
    with static(tmp_path) as found, browser.open(f"{found.url}/a'b&c/simple/torch/") as opened:
        command = opened.locator("[data-copy$=pip]").inner_text()
        assert command == f"pip install --index-url '{found.url}/a%27b&c/simple/' torch"


def test_the_script_is_as_it_was_written() -> None:
    """Only whole lines of comments and the indentation are left out."""
    assert "//" not in asset("mirror.js").replace("https://", "")
    assert asset("mirror.js").count("\n") > 30


def test_commands_for_another_machine_over_http_trust_it(browser: Browser, server: Server) -> None:
    """Here that is the same server under an address that clients do not take for their own machine."""
    index = server.index.replace("127.0.0.1", ANOTHER)
    with browser.open(index + "torch/") as opened:
        text = opened.locator("[data-copy$=pip]").inner_text()
        assert text == f"pip install --index-url {index} --trusted-host {ANOTHER} torch"
        assert " && pdm config --local pypi.verify_ssl false && pdm add" in opened.locator("[data-copy$=PDM]").inner_text()
    with browser.open(index) as opened:
        opened.locator("summary").first.click()
        assert f"\ntrusted-host = {ANOTHER}" in opened.locator("[data-copy$=pip]").inner_text()
        assert "\nverify_ssl = false" in opened.locator("[data-copy$=PDM]").inner_text()
    with browser.open(server.index + "torch/") as opened:
        assert "trusted" not in opened.locator("main").inner_text()


def test_from_files_there_is_no_command_for_poetry_and_links_to_servers_stay(browser: Browser, mirror: Path) -> None:
    page = mirror / "public/simple/torch/index.html"
    text, leads = page.read_text(), '<span data-go="https://example.org/simple/">x</span>'
    try:
        page.write_text(text.replace("</h1>", f"</h1>{leads}"))
        with browser.open(page.as_uri()) as opened:
            assert opened.get_by_text("Poetry does not read an index from files").count() == 1
            assert not opened.locator("[data-copy$=Poetry]").count()
            assert opened.get_by_text("x", exact=True).get_attribute("href") == "https://example.org/simple/"
            assert str(opened.get_by_text("All projects").evaluate("each => each.href")).endswith("/simple/index.html")
    finally:
        page.write_text(text)
