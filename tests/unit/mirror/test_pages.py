"""Pages: JSON is the truth, HTML follows from it, and whoever reads either sees the same."""

import json
from html.parser import HTMLParser

import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

from wheelfix.errors import MirrorError
from wheelfix.mirror.draft import Draft
from wheelfix.mirror.html import page_html, root_html
from wheelfix.mirror.json import page_json, read_page, read_root, root_json
from wheelfix.mirror.pages import ListedFile, Origin, Page

SHA, OTHER = "a" * 64, "b" * 64


def listed(**values: object) -> ListedFile:
    known: dict[str, object] = {
        "filename": "demo-1.0-py3-none-any.whl",
        "url": "../../files/demo/aaaaaaaaaaaaaaaa/demo-1.0-py3-none-any.whl",
        "sha256": SHA,
        "size": 5,
        "upload_time": "2026-11-24T00:00:00.000000Z",
    }
    return ListedFile(**{**known, **values})  # type: ignore[arg-type]


FULL = listed(
    requires_python=">=3.8,<4",
    metadata_sha256=OTHER,
    yanked='it "needs" <a> & b',
    yanked_by="upstream",
    upstream="https://example.org/simple/",
    added="2026-11-25T00:00:00.000000Z",
    origin=Origin("demo-1.0-py3-none-any.whl", OTHER, "0.1.0", SHA, ("drop Requires-Dist: <b>triton</b>",)),
    other={"provenance": None, "x": [1], "hashes": {"md5": "0"}, "core-metadata": {"sha512": "1"}},
)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[dict[str, str | None]] = []
        self.names: list[str] = []
        self.metas: dict[str | None, str | None] = {}
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links.append(dict(attrs))
            self._inside = True
        if tag == "meta":
            self.metas[dict(attrs).get("name")] = dict(attrs).get("content")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "a"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.names.append(data)


def links(html: bytes) -> _Links:
    parser = _Links()
    parser.feed(html.decode("utf-8"))
    return parser


@pytest.mark.parametrize("file", [listed(), FULL, listed(yanked="")], ids=["plain", "full", "yanked without a reason"])
def test_json_is_read_as_it_was_written(file: ListedFile) -> None:
    page = Page(
        "demo", (file,), (listed(sha256=OTHER),), {"project-status": {"status": "archived"}, "meta": {"_last-serial": 5}}
    )
    assert read_page(page_json(page), "demo") == page


def test_json_as_the_specification_has_it() -> None:
    document = json.loads(page_json(Page("demo", (FULL,))))
    assert (document["meta"], document["name"], document["versions"]) == ({"api-version": "1.4"}, "demo", ["1.0"])
    [file] = document["files"]
    assert file["hashes"] == {"sha256": SHA, "md5": "0"}
    assert file["core-metadata"] == {"sha256": OTHER, "sha512": "1"}
    assert (file["yanked"], file["size"], file["requires-python"]) == ('it "needs" <a> & b', 5, ">=3.8,<4")
    assert file["_wheelfix"]["original"] == {"filename": "demo-1.0-py3-none-any.whl", "sha256": OTHER}
    assert json.loads(page_json(Page("demo", (listed(yanked=""),))))["files"][0]["yanked"] is True
    assert json.loads(page_json(Page("demo", (listed(),))))["files"][0]["yanked"] is False


def test_html_says_what_json_says() -> None:
    found = links(page_html(Page("demo", (FULL,))))
    assert found.links == [
        {
            "href": f"../../files/demo/aaaaaaaaaaaaaaaa/demo-1.0-py3-none-any.whl#sha256={SHA}",
            "data-requires-python": ">=3.8,<4",
            "data-core-metadata": f"sha256={OTHER}",
            "data-dist-info-metadata": f"sha256={OTHER}",
            "data-yanked": 'it "needs" <a> & b',
            "data-upload-time": "2026-11-24T00:00:00.000000Z",
            "data-size": "5",
        }
    ]
    assert found.names == ["demo-1.0-py3-none-any.whl"]
    assert found.metas["pypi:repository-version"] == "1.4"


@pytest.mark.parametrize(
    ("status", "metas"),
    [
        ({"status": "archived"}, {"pypi:project-status": "archived"}),
        ({"status": "x", "reason": '"<&'}, {"pypi:project-status": "x", "pypi:project-status-reason": '"<&'}),
        ("archived", {}),
        ({"status": 1}, {}),
        (None, {}),
    ],
)
def test_html_reports_the_status(status: object, metas: dict[str, str]) -> None:
    """PEP 792."""
    found = links(page_html(Page("demo", (), (), {"project-status": status}))).metas
    assert {name: text for name, text in found.items() if "status" in (name or "")} == metas


@given(st.text(), st.text(), st.text())
def test_no_text_is_markup(reason: str, change: str, filename: str) -> None:
    """Names, reasons and changes with ``<``, ``"``, ``&`` and whatever else are text, and nothing but text."""
    origin = Origin(filename, OTHER, "0.1.0", None, (change,))
    html = page_html(Page("demo", (listed(yanked=reason, origin=origin),)))
    found = links(html)
    assert len(found.links) == 1
    assert found.names == ["demo-1.0-py3-none-any.whl"]
    assert b"\0" not in html or "\0" in reason + change + filename


def test_files_stand_in_order_of_versions() -> None:
    names = [f"demo-{version}-py3-none-any.whl" for version in ("1.10", "1.9", "1.9rc1", "1.9+cpu")]
    page = Page("demo").with_files(listed(filename=name) for name in names)
    assert [each.version for each in page.files] == ["1.9rc1", "1.9", "1.9+cpu", "1.10"]
    assert page.versions == ("1.9rc1", "1.9", "1.9+cpu", "1.10")


def with_file(page: Page, file: ListedFile) -> Page:
    draft = Draft(page)
    draft.add(file)
    return draft.page()


def test_a_file_that_is_replaced_is_of_the_past() -> None:
    page = with_file(Page("demo", (listed(),)), listed(sha256=OTHER))
    assert [each.sha256 for each in page.files] == [OTHER]
    assert [each.sha256 for each in page.past] == [SHA]
    again = with_file(page, listed())
    assert ([each.sha256 for each in again.files], [each.sha256 for each in again.past]) == ([SHA], [OTHER])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"name": "demo"}',
        b'{"meta": {"api-version": "2.0"}, "name": "demo", "files": []}',
        b'{"meta": {"api-version": "1.4"}, "name": "other", "files": []}',
        b'{"meta": {"api-version": "1.4"}, "name": "demo", "files": [{}]}',
        b'{"meta": {"api-version": "1.4"}, "name": "demo", "files": {"a": 1}}',
        page_json(Page("demo", (listed(), listed()))),
        page_json(Page("demo", (listed(),))).replace(SHA.encode(), b"abc"),
        page_json(Page("demo", (listed(),))).replace(b'"size":5', b'"size":"5"'),
        page_json(Page("demo", (listed(),))).replace(b'"size":5', b'"size":-5'),
        page_json(Page("demo", (listed(),)))[:-20],
        b"[" * 100_000,
        b'{"meta": {"api-version": "1.4"}, "name": "demo"}',
        *(
            f'{{"meta": {{"api-version": "1.4"}}, "name": "demo", "files": {value}}}'.encode()
            for value in ('""', "{}", "null")
        ),
        b'{"meta": {"api-version": "1.4"}, "name": "demo", "files": [], "_wheelfix-past": {}}',
        b'{"meta": {"api-version": "1.4"}, "name": "demo", "files": [], "files": []}',
        b'{"meta": {"api-version": "1.4"}, "name": "demo", "files": [], "x": NaN}',
        b'{"meta": {"api-version": 1.4}, "name": "demo", "files": []}',
        page_json(Page("demo", (listed(),))).replace(b'"size":5', b'"size":true'),
        page_json(Page("demo", (listed(),))).replace(b'"size":5', b'"size":Infinity'),
        page_json(Page("demo", (listed(),))).replace(b"files/demo", b"files/\\ud800"),
        page_json(Page("demo", (listed(),))).replace(b'"yanked":false', b'"yanked":[1]'),
    ],
    ids=lambda data: ascii(data[:70]),
)
def test_a_damaged_page_is_an_error(data: bytes) -> None:
    """Pitfall 36: never an empty page."""
    with pytest.raises(MirrorError) as caught:
        read_page(data, "demo")
    assert caught.value.code == "bad-page"


def test_root() -> None:
    names = frozenset({"b", "a-c"})
    assert read_root(root_json(names)) == names
    assert [link["href"] for link in links(root_html(names)).links] == ["a-c/", "b/"]
    with pytest.raises(MirrorError):
        read_root(b"{}")


@pytest.mark.parametrize("projects", ["{}", '""', "null", '[{"name": 1}]', '["demo"]', '[], "projects": []'])
@pytest.mark.parametrize("version", ["1.4", "2.0"])
def test_a_damaged_root_is_an_error(projects: str, version: str) -> None:
    with pytest.raises(MirrorError):
        read_root(f'{{"meta": {{"api-version": "{version}"}}, "projects": {projects}}}'.encode())


def test_two_spellings_of_one_wheel_are_the_same_file() -> None:
    page = Page("demo-x", (listed(filename="demo_x-1.0-py2.py3-none-any.whl"),))
    for name in ("Demo.X-1.0.0-py3.py2-none-any.whl", "demo_x-1.0-py2.py3-none-any.whl"):
        assert Draft(page).find_same(listed(filename=name)) is page.files[0]
    for name in ("demo_x-1.0-1-py2.py3-none-any.whl", "demo_x-1.0-py3-none-any.whl", "demo_x-1.0+cpu-py2.py3-none-any.whl"):
        assert Draft(page).find_same(listed(filename=name)) is None


def test_an_address_that_leads_elsewhere_is_no_place() -> None:
    """Not even if it is that of another file of the mirror."""
    page = Page("demo", (listed(),))
    assert page.key(page.files[0]) == "public/files/demo/aaaaaaaaaaaaaaaa/demo-1.0-py3-none-any.whl"
    name = "demo-1.0-py3-none-any.whl"
    for folder in (f"other/{'a' * 16}", f"demo/{'b' * 16}", "demo/..", "demo"):
        assert page.key(listed(url=f"../../files/{folder}/{name}")) is None
    assert page.key(listed(url=f"../../files/demo/{'a' * 16}/demo-1.0-py2-none-any.whl")) is None


@pytest.mark.parametrize("announced", [True, {"sha512": "1"}, {}, False])
def test_a_metadata_file_without_its_sha256_stays_announced(announced: bool | dict[str, str]) -> None:
    """PEP 714 allows ``true``: after an edit of the page it is what it was, in HTML too."""
    document = json.loads(page_json(Page("demo", (listed(),))))
    document["files"][0]["core-metadata"] = announced
    page = read_page(json.dumps(document).encode(), "demo")
    again = json.loads(page_json(page.with_files(replace(each, yanked="why") for each in page.files)))
    assert again["files"][0]["core-metadata"] == announced
    html = page_html(page).decode()
    assert ('data-core-metadata="true" data-dist-info-metadata="true"' in html) is bool(announced)
    known = replace(page.files[0], metadata_sha256=SHA)  # as `mirror check --fix` finds it
    assert json.loads(page_json(page.with_files([known])))["files"][0]["core-metadata"]["sha256"] == SHA


@pytest.mark.parametrize("key", ["_wheelfix-added", "_wheelfix-upstream", "_wheelfix-yanked-by"])
@pytest.mark.parametrize("value", [1, True, ["x"], {}])
def test_private_keys_of_the_wrong_type_are_no_page(key: str, value: object) -> None:
    document = json.loads(page_json(Page("demo", (listed(),))))
    document["files"][0][key] = value
    with pytest.raises(MirrorError, match="Expected `str"):
        read_page(json.dumps(document).encode(), "demo")


def test_an_edited_page_says_what_the_written_one_says() -> None:
    """What has the form in which pages are written is read in another way than what somebody edited."""
    page = Page("demo", (listed(), listed(filename="demo-2.0-py3-none-any.whl", yanked="", requires_python=">=3")))
    for document in (page, Page("demo", page.files, (FULL,), status_from="https://example.org/")):
        written = page_json(document)
        assert (
            read_page(written, "demo") == read_page(json.dumps(json.loads(written), indent=2).encode(), "demo") == document
        )
        assert len(written.splitlines()) == 2 + len(document.files) + 2 * len(document.past)


@pytest.mark.parametrize("value", [b'"\\ud800"', b"1e999"])
def test_what_cannot_be_written_again_is_no_page(value: bytes) -> None:
    written = page_json(Page("demo", (listed(),)))
    with pytest.raises(MirrorError):
        read_page(written.replace(b'"files":', b'"x":' + value + b',"files":'), "demo")


def test_a_page_of_thousands_of_files_is_looked_up_not_searched() -> None:
    """The number of comparisons grows with the number of files, not with its square."""
    files = [listed(filename=f"demo-1.{number}-py3-none-any.whl", sha256=f"{number:064x}") for number in range(3_000)]
    draft, seen = Draft(Page("demo")), 0
    for each in files:
        assert draft.find_same(each) is None
        draft.add(each)
        seen += len(draft.release(each.release)) + len(draft.of_original(each.sha256))
    assert seen == 2 * len(files)
    assert draft.page().files == tuple(files)
