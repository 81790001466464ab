"""Pages that another version of wheelfix wrote: clients read the same in them, so they are no error, and stay."""

from pathlib import Path
from typing import Any

import pytest

from building import write_wheel
from defects import metadata, valid
from demos import demo_wheel
from stores import MemoryStore
from wheelfix.html.document import BASE
from wheelfix.mirror import check_store, html
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.html import page_html, root_html
from wheelfix.mirror.layout import HTML, ROOT_HTML, attributes_of, page_key
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.storage import open_store
from wheelfix.mirror.storage.base import Store, Write
from wheelfix.mirror.stored_html import is_same_to_clients
from wheelfix.mirror.upload import add_wheels
from wheelfix.options import Limits
from wheelfix.results import Severity
from wheelfix.sync.planning.converge import complete_pages

_HEAD = ("Metadata-Version: 2.1", "Name: other", "Version: 1.0", "Summary: A wheel for tests")
OTHER_WHEEL = valid(project="other", metadata=metadata(head=_HEAD, rest=("Description-Content-Type: text/plain",)))
PAGE, OTHER = page_key("demo", HTML), page_key("other", HTML)


@pytest.fixture(params=["directory", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty mirror: what a writer may cause for a moment is looked at again at once."""
    for name in ("_MOMENT", "_MOMENT_OF_BUCKETS"):
        monkeypatch.setattr(check_store, name, 0)
    return MemoryStore(tmp_path / "scratch") if request.param == "bucket" else open_store(tmp_path / "mirror", create=True)


def bytes_of(store: Store) -> list[bytes | None]:
    found = (store.read(key) for key in (PAGE, OTHER, ROOT_HTML))
    return [each.data if each else None for each in found]


def test_another_look_is_a_note_and_stays_until_somebody_asks(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo, other = demo_wheel(tmp_path, "1.0"), write_wheel(tmp_path, OTHER_WHEEL)
    assert add_wheels(store, demo).ok
    before = bytes_of(store)
    monkeypatch.setattr(html, "_STYLES", (BASE,))  # as if the next release had other style sheets

    report = check_mirror(store)
    assert {(each.code, each.place) for each in report.findings} == {("html-outdated", PAGE), ("html-outdated", ROOT_HTML)}
    assert {each.severity for each in report.findings} == {Severity.NOTE}
    assert report.passes(strict=True)

    add_wheels(store, demo)
    complete_pages(store, None, Limits())  # what each sync does
    assert bytes_of(store) == before
    assert add_wheels(store, other).ok
    assert bytes_of(store)[0] == before[0]
    assert {each.place for each in check_mirror(store).findings} == {PAGE}

    report = check_mirror(store, fix=True)
    assert ([each.code for each in report.fixed], report.findings) == (["html-outdated"], ())
    assert bytes_of(store)[0] not in (None, before[0])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"</head>", b'<script src="https://example.org/x.js"></script></head>'),
        (b"</body>", b"<script>alert(1)</script></body>"),
        (b"</body>", b'<form action="https://example.org/"><input type=password></form></body>'),
        (b"<head>", b'<head><meta http-equiv="refresh" content="0; url=https://example.org/">'),
        (b"Content-Security-Policy", b"X-Nothing"),
        (b"default-src 'none'", b"default-src *"),
        (b"script-src ", b"script-src 'unsafe-inline' "),
        (b"script-src ", b"script-src 'sha256-" + b"A" * 43 + b"=' "),
        (b"; form-action 'none'", b""),
        (b"<meta charset", b'<link rel="stylesheet" href="https://example.org/x.css"><meta charset'),
        (b"<html", b"<!-- Content-Security-Policy --><body onload=alert(1)><html"),
    ],
)
def test_what_no_page_of_wheelfix_does_is_an_error(old: bytes, new: bytes, store: Store, tmp_path: Path) -> None:
    """Clients read the same in it, but people open it."""
    assert add_wheels(store, demo_wheel(tmp_path, "1.0")).ok
    found = store.read(PAGE)
    assert found is not None
    page = found.data
    assert old in page
    store.put_if([Write(PAGE, page.replace(old, new, 1), found.version, attributes_of(PAGE))])
    report = check_mirror(store, fix=True)
    assert ([each.code for each in report.fixed], report.findings) == (["html-differs"], ())
    assert bytes_of(store)[0] == page


def listed(name: str, letter: str, **more: Any) -> ListedFile:
    return ListedFile(filename=name, url=f"../../files/{letter}", sha256=letter * 64, size=5, upload_time="", **more)


FILE = listed("demo-1.0-py3-none-any.whl", "a", requires_python=">=3.8")
SECOND = listed("demo-1.0-1-py3-none-any.whl", "b")
NEWER = listed("demo-2.0-py3-none-any.whl", "c")
WHOLE = page_html(Page("demo", (FILE, SECOND)))
LAST = b"</main>"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"&gt;=3.8", b"&gt;=3.9"),
        (b' data-requires-python="&gt;=3.8"', b""),
        (b"<a href", b'<a data-yanked="" href'),
        (b"files/a", b"files/z"),
        (b"#sha256=aaaa", b"#sha256=aaab"),
        (b">demo-1.0-py3", b">demo-1.1-py3"),
        (LAST, b'<a href="../../files/z">demo-2.0-py3-none-any.whl</a></main>'),
        (b'content="1.4"', b'content="1.5"'),
        (b"<title>", b'<meta name="pypi:project-status" content="quarantined"><title>'),
        (b"<title>", b'<base href="https://example.org/"><title>'),
    ],
)
def test_what_clients_read_differs(old: bytes, new: bytes) -> None:
    assert old in WHOLE
    assert not is_same_to_clients(WHOLE.replace(old, new), WHOLE)


def test_what_only_people_see_is_the_same_to_clients() -> None:
    assert is_same_to_clients(WHOLE.replace(b"<h1>", b"<h2>").replace(b"Install", b"Add"), WHOLE)
    assert is_same_to_clients(WHOLE.replace(b"<style>", b"<style>/* <a href=x>x</a> */"), WHOLE)


def test_the_order_counts_within_a_version_only() -> None:
    page = page_html(Page("demo", (FILE, SECOND, NEWER)))
    [link] = [line[line.index(b"<a ") : line.index(b"</a>") + 4] for line in page.splitlines() if b">demo-2.0-py3" in line]
    assert is_same_to_clients(page.replace(link, b"").replace(LAST, link + LAST), page)
    assert not is_same_to_clients(page_html(Page("demo", (SECOND, FILE))), WHOLE)
    assert not is_same_to_clients(root_html(["a"]), root_html(["a", "b"]))
    assert not is_same_to_clients(b"", WHOLE)
