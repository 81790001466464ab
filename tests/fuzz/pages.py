"""Pages of an index: a mirror's own as JSON and HTML, and those of others, beside what pypi-simple reads in them."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, Final, cast
from unittest.mock import patch

from fuzz.target import Bound, Target, outcome, same
from wheelfix.errors import MirrorError
from wheelfix.mirror.html import page_html, root_html
from wheelfix.mirror.json import page_json, read_page, read_root, root_json
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.stored_html import has_foreign_parts, is_same_to_clients
from wheelfix.upstream.client import HTML, JSON, ServedPage, get_page, get_projects
from wheelfix.upstream.html_links import Anchor, flatten, leads_down
from wheelfix.upstream.http import Answer, Session

_PROJECT: Final = "demo"
_SUM: Final = "0123456789abcdef" * 4
_READ: Final = (
    "href", "data-requires-python", "data-yanked", "data-core-metadata", "data-dist-info-metadata", "data-upload-time",
    "data-size",
)  # fmt: skip
_INDEX: Final = "https://index.example.org/simple/"


def check_page(data: bytes) -> None:
    """A page of a mirror that is read is written again without a loss, and clients read the same in its HTML."""
    page = outcome(lambda: read_page(data, _PROJECT))
    if page is None:
        return
    written = page_json(page)
    again = read_page(written, _PROJECT)
    same(again, page)
    assert page_json(again) == written
    assert b"\n" not in written.split(b"\n", 1)[0]
    _check_kept(json.loads(data), json.loads(written))
    _check_html(page)


def _check_kept(before: Any, after: Any, key: str = "") -> None:
    """Confirm that each value of a page is still there, but for those that are worked out anew."""
    if key in ("versions", "api-version", "core-metadata", "yanked", "_wheelfix"):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            if value is not None:
                assert name in after or value in (False, 0, [], ""), name
                if name in after:
                    _check_kept(value, after[name], name)
    elif isinstance(before, list) and isinstance(after, list):
        assert len(before) == len(after)
        for one, other in zip(before, after, strict=True):
            _check_kept(one, other, key)
    else:
        assert before == after, (key, before, after)


def _check_html(page: Page) -> None:
    html = page_html(page)
    assert not has_foreign_parts(html, html)
    assert is_same_to_clients(html, html)
    assert page_html(page) == html
    flat = flatten(html, "utf-8")
    wanted = sorted(
        (each.filename, f"{each.url}#sha256={each.sha256}", each.requires_python, each.yanked) for each in page.files
    )
    said = ("href", "data-requires-python", "data-yanked")
    found = sorted((each.text, *map(each.attributes.get, said)) for each in flat.anchors)
    # Links upwards, or that sort a listing, lead to no file, whatever a page says that they are.
    files = [each for each in wanted if leads_down(Anchor(each[0], {"href": each[1]}))]
    same([tuple(map(_squeezed, each)) for each in found], [tuple(map(_squeezed, each)) for each in files])
    links = _Links()
    links.feed(html.decode())
    assert [href for href in links.hrefs if href and "#sha256=" in href] == links.hrefs
    same(sorted(map(_squeezed, links.hrefs)), sorted(_squeezed(each[1]) for each in wanted))


def _squeezed(text: str | None) -> str | None:
    return None if text is None else "".join(text.split()).strip("\0")


class _Links(HTMLParser):
    """The links of a page as pip collects them: every ``href`` of an ``a``."""

    def __init__(self) -> None:
        super().__init__()
        self.hrefs: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.hrefs.append(dict(attrs).get("href"))


def _listed(name: str, **more: Any) -> ListedFile:
    values: dict[str, Any] = {
        "url": f"files/{name}",
        "sha256": _SUM,
        "size": 1234,
        "upload_time": "2026-11-24T10:00:00.000000Z",
    }
    return ListedFile(filename=name, **{**values, **more})


def _pages() -> Iterator[bytes]:
    wheel = "demo-1.0-py3-none-any.whl"
    yield page_json(Page(_PROJECT))
    yield page_json(Page(_PROJECT, (_listed(wheel), _listed("demo-2.0+cpu-1x-cp311-abi3-win32.whl", yanked="broken"))))
    more = {"requires_python": ">=3.8, <4", "metadata_sha256": _SUM, "upstream": "https://pypi.org/simple/", "yanked": ""}
    yield page_json(Page(_PROJECT, (_listed(wheel, **more),), (_listed("demo-0.9.tar.gz"),)))
    status = {"project-status": {"status": "archived", "reason": "<script>alert(1)</script>"}}
    yield page_json(Page(_PROJECT, (_listed(wheel, other={"gpg-sig": True, "core-metadata": True}),), other=status))
    edited = json.loads(page_json(Page(_PROJECT, (_listed(wheel),))))
    edited["files"][0] |= {"_wheelfix": {"original": {"filename": wheel, "sha256": _SUM}, "tool": "1", "rules-sha256": None}}
    yield json.dumps(edited, indent=1).encode()
    yield b'{"meta":{"api-version":"1.0"},"name":"demo","files":[{"filename":"a","url":"javascript:x","hashes":{}}]}'


def check_root(data: bytes) -> None:
    """The list of projects is written again as the same, and its HTML has a link for each."""
    names = outcome(lambda: read_root(data))
    if names is None:
        return
    assert read_root(root_json(names)) == names
    root_html(names)


def _roots() -> Iterator[bytes]:
    yield root_json([])
    yield root_json(["demo", "other-project"])
    yield b'{"meta":{"api-version":"1.1"},"projects":[{"name":"a"},{"name":"a","_":1}]}'


class _Served:
    """A session in which a server answers with one page, whatever it is asked for."""

    def __init__(self, body: bytes, content_type: str) -> None:
        self._body = body
        self._type = content_type

    def get(self, url: str, *_: object, **__: object) -> Answer:
        """Return the page."""
        return Answer(200, url, {"Content-Type": self._type, "Content-Length": "1"}, self._body)


def _served(body: bytes, content_type: str) -> Session:
    return cast(Session, _Served(body, content_type))


def check_served_json(data: bytes) -> None:
    """A JSON page of an index is read as pypi-simple reads it, or refused; nothing is lost on the way."""
    session = _served(data, JSON)
    outcome(lambda: get_projects(session, _INDEX))
    found = outcome(lambda: get_page(session, _INDEX, _PROJECT))
    if found is None:
        return
    _check_usable(found)
    listed = json.loads(data).get("files", [])
    names = [each["filename"] for each in listed if len(each["filename"].encode(errors="replace")) <= 246]
    same([each.filename for each in found.page.packages], names)


def _check_usable(found: ServedPage) -> None:
    found.by_sha256()
    for each in found.page.packages:
        assert each.size is None or 0 <= each.size <= 1 << 44
    assert len(found.wheels) <= len(found.page.packages)


def _served_json() -> Iterator[bytes]:
    yield from _pages()
    file = {
        "filename": "demo-1.0.tar.gz",
        "url": "../x/demo-1.0.tar.gz",
        "hashes": {"sha256": _SUM},
        "yanked": "why",
        "size": 1,
    }
    more = {
        "core-metadata": {"sha256": _SUM},
        "upload-time": "2026-01-01T00:00:00Z",
        "requires-python": ">=3",
        "provenance": None,
    }
    meta = {"api-version": "1.4", "_last-serial": 1, "tracks": ["https://a.b/c"]}
    page = {
        "meta": meta,
        "name": "Demo",
        "versions": ["1.0"],
        "files": [file, file | more],
        "project-status": {"status": "odd"},
    }
    yield json.dumps(page).encode()
    yield json.dumps({"meta": {"api-version": "1.0"}, "projects": [{"name": "Demo"}, {"name": "a.b"}]}).encode()


def check_served_html(data: bytes) -> None:
    """An HTML page is flattened once: doing so again changes nothing, and pypi-simple reads every link that is left."""
    flat = flatten(data, "")
    again = flatten(flat.html().encode("utf-8", "replace"), "utf-8")
    same([*map(_said, again.anchors)], [*map(_said, flat.anchors)])
    assert all("href" in each.attributes for each in flat.anchors)
    outcome(lambda: get_projects(_served(data, HTML[0]), _INDEX))
    with patch("wheelfix.upstream.client._parsed", side_effect=_parsed):
        found = outcome(lambda: get_page(_served(data, HTML[0]), _INDEX, _PROJECT))
    if found is not None:
        _check_usable(found)
        assert len(found.page.packages) <= len(flat.anchors)


def _said(anchor: Anchor) -> tuple[str | None, ...]:
    """Return what of a link means something to clients."""
    return anchor.text, *map(anchor.attributes.get, _READ)


def _parsed(url: str, parse: Any) -> Any:
    """Parse a page, and let errors through that say that a part of wheelfix, not the page, is wrong."""
    try:
        return parse()
    except (AssertionError, AttributeError, IndexError, RecursionError, NameError):
        raise
    except Exception as error:
        raise MirrorError("bad-page", f"{type(error).__name__}", hint="x") from error


def _served_html() -> Iterator[bytes]:
    yield page_html(Page(_PROJECT, (_listed("demo-1.0-py3-none-any.whl"),)))[-1500:]
    yield root_html(["demo", "other"])[-800:]
    head = b'<!DOCTYPE html><html><head><base href="/x/"><meta name="pypi:repository-version" content="1.1">'
    link = (
        b'<a href="../f/demo-1.0.whl#sha256='
        + _SUM.encode()
        + b'" data-requires-python="&gt;=3" data-yanked>demo-1.0.whl</a>'
    )
    yield head + b"</head><body>" + link + b"<br/>\n" + link.replace(b'"', b"'") + b"</body></html>"
    yield b"<li><a href=x.whl>x.whl<li><A HREF = 'y.whl' data-core-metadata=true>y<b>.whl</b></a><!-- <a href=z>z</a> -->"
    yield b'<script>"<a href=q>"</script><textarea><a href=t></textarea>'
    yield b'<a href="?C=N;O=D">Name</a><a href="/">Parent Directory</a>'
    yield b'<a href="long-name-1.0-py3-none-any.whl">long-name-1.0-py3..&gt;</a> 01-Jan-2026'
    yield b'<a data-upload-time="2026-01-01T00:00:00Z" data-size=5 href=a.whl>a.whl'
    yield b'<meta name="pypi:project-status" content="quarantined"><meta name="PyPI:Project-Status" content="odd">'


_KEYS: Final = (
    '"files":[', '"filename":"', '"url":"', '"hashes":{', '"sha256":"', '"size":', '"yanked":', '"core-metadata":',
    '"_wheelfix":', '"meta":{"api-version":"1.4"}', "null", "true", "{}", "[]", "1e999", "-1", "\\u202e", "\\ud800",
    "javascript:", "demo-1.0.whl", '"project-status":{"status":"', '"reason":"', '"upload-time":"',
    '"requires-python":"', '"_wheelfix-past":', '"versions":[',
)  # fmt: skip
_TAGS: Final = (
    '<a href="', "</a>", "<base ", "<meta ", "<!--", "-->", "<script>", "</script>", "<textarea>", "data-yanked",
    "&quot;", "&#0;", "#sha256=", "data-core-metadata=", "&#x110000;", "=", "'", '"', ">", "</", "<!", "<?", "..&gt;",
    "data-dist-info-metadata",
)  # fmt: skip
_MEMORY: Final = Bound(1 << 23, 1 << 13)
TARGETS: Final = {
    "page": Target(check_page, _pages, words=_KEYS, calls=Bound(40_000, 200), memory=_MEMORY),
    "root": Target(check_root, _roots, words=_KEYS, longest=500, memory=_MEMORY),
    "served-json": Target(check_served_json, _served_json, words=_KEYS, memory=_MEMORY),
    "served-html": Target(check_served_html, _served_html, words=_TAGS, memory=_MEMORY),
}
