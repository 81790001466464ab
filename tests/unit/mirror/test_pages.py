"""Pages: JSON is the truth, HTML follows from it, and whoever reads either sees the same."""

import json
import os
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

from wheelfix.errors import MirrorError
from wheelfix.html.assets import asset
from wheelfix.mirror.draft import Draft
from wheelfix.mirror.html import page_html, root_html
from wheelfix.mirror.json import page_json, read_page, read_root, root_json
from wheelfix.mirror.pages import Correction, ListedChange, ListedFile, Origin, Page
from wheelfix.results import Verdict
from wheelfix.text import as_utf8, shown

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


DROPPED = ListedChange("drop", "Requires-Dist", "<b>triton</b>")
ADDED = ListedChange("add", "Requires-Dist", None, "numpy")
CORRECTION = Correction("gpu/triton", "only a <GPU> needs it", Verdict.SAFE, 'no binary of "demo" & its parts', (DROPPED,))
FULL = listed(
    requires_python=">=3.8,<4",
    metadata_sha256=OTHER,
    yanked='it "needs" <a> & b',
    yanked_by="upstream",
    upstream="https://example.org/simple/",
    added="2026-11-25T00:00:00.000000Z",
    origin=Origin("demo-1.0-py3-none-any.whl", OTHER, "0.1.0", SHA, (CORRECTION, Correction(changes=(ADDED,))), 3),
    other={"provenance": None, "x": [1], "hashes": {"md5": "0"}, "core-metadata": {"sha512": "1"}},
)


PLAIN = listed(
    requires_python="x",
    yanked="x",
    upstream="x",
    origin=Origin(
        "x", "x", "x", None, (Correction("x", "x", None, "x", (ListedChange("x", "x", "x", "x"), ListedChange("x", "x"))),)
    ),
)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[dict[str, str | None]] = []
        self.names: list[str] = []
        self.metas: dict[str | None, str | None] = {}
        self.tags: list[str] = []
        self.leads: list[str | None] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if "data-go" in dict(attrs):
            self.leads.append(dict(attrs)["data-go"])
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


_TEXT = st.text(max_size=30) | st.sampled_from(
    ("<script>", "</ul>", "</script>", "\x1b[2J\u202e", "\ud800", "'\"&<>", "{project}")
)


@given(_TEXT, _TEXT, _TEXT)
def test_no_text_is_markup(reason: str, change: str, filename: str) -> None:
    """Names, reasons and changes with ``<``, ``"``, ``&`` and whatever else are text, and nothing but text."""
    changes = (ListedChange(change, change, change, change), ListedChange(change, change))
    origin = Origin(filename, change, change, None, (Correction(change, change, None, change, changes),))
    file = listed(yanked=reason, origin=origin, upstream=change, requires_python=change, upload_time=change)
    html = page_html(Page("demo", (file,), (), {"project-status": {"status": change, "reason": reason}}))
    found, plain = (
        links(html),
        links(page_html(Page("demo", (PLAIN,), (), {"project-status": {"status": "x", "reason": "x"}}))),
    )
    assert len(found.links) == 1
    assert found.names == ["demo-1.0-py3-none-any.whl"]
    assert Counter(found.tags) <= Counter(plain.tags)
    assert b"\0" not in html or "\0" in reason + change + filename


@given(
    st.lists(
        st.builds(
            listed,
            filename=st.sampled_from(
                ["demo-1.0-py3-none-any.whl", "demo-2.0-py3-none-any.whl", "demo-2.0-1-py3-none-any.whl"]
            )
            | _TEXT,
            url=_TEXT,
            sha256=st.sampled_from([SHA, OTHER]),
            requires_python=st.none() | _TEXT,
            yanked=st.none() | _TEXT,
            metadata_sha256=st.none() | st.just(OTHER),
            upload_time=_TEXT,
            upstream=st.none() | _TEXT | st.just("https://example.org/simple"),
            origin=st.none()
            | st.builds(Origin, _TEXT | st.just("demo-1.0-py3-none-any.whl"), st.sampled_from([SHA, OTHER]), _TEXT),
        ),
        unique_by=lambda file: file.filename,
        max_size=6,
    )
)
def test_html_links_to_the_files_of_the_json_page(files: list[ListedFile]) -> None:
    """Whatever they are called, there is one link for each of them, with the same attributes, and no other link."""
    page = Page("demo").with_files(replace(file, size=number) for number, file in enumerate(files))
    found = links(page_html(page))

    def attributes(file: ListedFile) -> dict[str, str]:
        known = {
            "href": f"{as_utf8(file.url)}#sha256={file.sha256}",
            "data-requires-python": None if file.requires_python is None else as_utf8(file.requires_python),
            "data-core-metadata": f"sha256={OTHER}" if file.metadata_sha256 else None,
            "data-dist-info-metadata": f"sha256={OTHER}" if file.metadata_sha256 else None,
            "data-yanked": None if file.yanked is None else as_utf8(file.yanked),
            "data-upload-time": as_utf8(file.upload_time),
            "data-size": str(file.size),
        }
        return {key: value.replace("\0", "\ufffd") for key, value in known.items() if value is not None}

    assert sorted(found.links, key=str) == sorted(map(attributes, page.files), key=str)
    order = [each["data-size"] for each in found.links]
    for release in {file.release for file in page.files}:  # clients that read one wheel for a release read the first
        sizes = [str(file.size) for file in page.files if file.release == release]
        assert [each for each in order if each in sizes] == sizes


def test_the_newest_version_comes_first() -> None:
    names = [f"demo-{version}-py3-none-any.whl" for version in ("1.9", "1.10", "1.9.post1")] + ["nonsense.whl"]
    page = Page("demo").with_files(listed(filename=name) for name in names)
    assert links(page_html(page)).names == [
        "demo-1.10-py3-none-any.whl", "demo-1.9.post1-py3-none-any.whl", "demo-1.9-py3-none-any.whl", "nonsense.whl",
  ]  # fmt: skip


def test_a_page_for_people() -> None:
    """What they see of a corrected file, its original, and a file that is neither; see the file for how it must look."""
    original = listed(
        filename="demo-1.0-1-py3-none-any.whl", sha256=OTHER, size=612_345_678, yanked="pulls in <CUDA>", upload_time="soon"
    )
    corrections = (CORRECTION, Correction(reason="asked", changes=(ADDED,)))
    origin = Origin(original.filename, OTHER, "0.1.0", SHA, corrections, 3, fixed_here=True)
    fixed = listed(origin=origin, requires_python=">=3.8", upstream="https://example.org/simple/")
    again = listed(
        filename="demo-1.0-2-py3-none-any.whl", origin=replace(origin, sha256=SHA, corrections=()), upstream="x:y"
    )
    claims = listed(filename="demo-1.0-3-py3-none-any.whl", origin=replace(origin, fixed_here=False))
    status = {"project-status": {"status": "deprecated", "reason": "use <other>"}}
    page = Page("demo", (), (), status).with_files(
        [fixed, original, again, claims, listed(filename="demo-2.0-py3-none-any.whl")]
    )
    body = page_html(page).decode().partition("<body>\n")[2].partition("<script>")[0]
    golden = Path(__file__).with_name("page.html")
    if os.environ.get("WRITE_GOLDEN"):
        golden.write_text(body)
    assert body == golden.read_text()


def test_the_python_that_runs_does_not_matter() -> None:
    """An older one escapes characters of a newer Unicode: only what clients read has them, exactly."""
    new = "\u0221"
    change = ListedChange(new, new, new, new)
    origin = Origin(new, OTHER, new, None, (Correction(new, new, None, new, (change, ListedChange(new, new))),))
    page = Page("demo", (listed(yanked=new, origin=origin, upstream=new),), (), {"project-status": {"status": new}})
    html = page_html(page).decode()
    assert [line for line in html.splitlines() if new in line] == [
        f'<meta name="pypi:project-status" content="{new}">',
        next(line for line in html.splitlines() if "<a href" in line),
    ]
    assert html.count(new) == 2


def test_what_a_wheel_says_of_itself_has_no_colour_of_a_verdict() -> None:
    """Whoever makes a wheel can write a provenance into it, with any verdict."""
    for verdict in Verdict:
        origin = Origin("demo-1.0-py3-none-any.whl", OTHER, "0.1.0", SHA, (replace(CORRECTION, verdict=verdict),))
        html = page_html(Page("demo", (listed(origin=origin),))).decode().partition("<body>")[2]
        assert "badge good" not in html
        assert "badge warning" not in html
        assert "badge error" not in html
        assert "Its provenance says: made from" in html
        assert "Provenance says: 1 change by gpu/triton" in html
        assert "corrected;" not in html
        assert "1 with provenance" in html
        assert "badge good" in page_html(Page("demo", (listed(origin=replace(origin, fixed_here=True)),))).decode()


def test_no_command_where_clients_choose_no_file() -> None:
    def text(page: Page) -> str:
        return page_html(page).decode().partition("<script>")[0]

    yanked, other = listed(yanked=""), listed(filename="demo-2.0-py3-none-any.whl")
    assert "pip install" in text(Page("demo", (yanked, other)))
    assert "pip install" not in text(Page("demo", (yanked,)))
    assert "clients install one only if its exact version is required" in text(Page("demo", (yanked,)))
    assert "pip install" not in text(Page("demo", (other,), (), {"project-status": {"status": "quarantined"}}))


@pytest.mark.parametrize(
    "url", ["javascript:x()", " JavaScript:x()", "java\nscript:x()", "data:text/html,x", "file:///etc", "\x01vbscript:x"]
)
def test_a_url_that_runs_something_is_no_page(url: str) -> None:
    with pytest.raises(MirrorError, match="not http or https"):
        read_page(page_json(Page("demo", (listed(url=url),))), "demo")
    with pytest.raises(MirrorError):
        read_page(page_json(Page("demo", (), (listed(url=url),))), "demo")


@pytest.mark.parametrize("url", ["../../files/a:b", "HTTPS://example.org/x", "http://example.org/x", "files/javascript:x"])
def test_other_urls_are_read(url: str) -> None:
    page = Page("demo", (listed(url=url),))
    assert read_page(page_json(page), "demo") == page


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("core-metadata", 0),
        ("core-metadata", "sha256=0"),
        ("core-metadata", {"sha512": 5}),
        ("dist-info-metadata", []),
        ("gpg-sig", "yes"),
        ("provenance", False),
        ("provenance", ""),
        ("provenance", "javascript:alert(1)"),
        ("filename", f"demo-1.0-py3-none-{'a' * 300}.whl"),
        ("filename", f"demo-{'1.0' * 50_000}.tar.gz"),
    ],
)
def test_what_strict_readers_refuse_in_a_file_is_no_page(key: str, value: object) -> None:
    document = json.loads(page_json(Page("demo", (FULL,))))
    document["files"][0][key] = value
    with pytest.raises(MirrorError, match="the page of demo is damaged"):
        read_page(json.dumps(document).encode(), "demo")


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("provenance", "javascript:alert(1)", "its provenance is not an http or https URL"),
        ("provenance", False, "its provenance is not an http or https URL"),
        ("gpg-sig", "yes", "gpg-sig must be true or false or null, not text"),
        ("size", -1, "size must be a whole number >= 0"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_name(key: str, value: object, why: str) -> None:
    document = json.loads(page_json(Page("demo", (FULL,))))
    document["files"][0][key] = value
    for name in (FULL.filename, "b" * 50_000):
        document["files"][0]["filename"] = name
        with pytest.raises(MirrorError) as caught:
            read_page(json.dumps(document).encode(), "demo")
        assert caught.value.message == f"the page of demo is damaged: {name[:100]}: {why}"


@pytest.mark.parametrize("name", ["a-1.1-py3-none-any\u202elhw.exe", "a-1.0\u200b-py3-none-any.whl", "a\n.whl"])
def test_a_name_in_disguise_is_no_page(name: str) -> None:
    with pytest.raises(MirrorError, match="cannot be seen"):
        read_page(page_json(Page("demo", (listed(filename=name),))), "demo")


def test_changes_that_differ_in_their_evidence_only_are_shown_once() -> None:
    """As for the wheels of torch: one change, for each platform with a marker that is never true there."""
    files = [
        listed(
            filename=f"demo-1.0-py3-none-{platform}.whl",
            origin=Origin(
                "x", OTHER, "1", None, (replace(CORRECTION, evidence=f"never true on {platform}"),), fixed_here=True
            ),
        )
        for platform in (f"linux_{number:02}" for number in range(12))
    ]
    html = page_html(Page("demo", tuple(files))).decode()
    assert html.count("<details") == html.count("<del>") == 1
    assert "Corrected: 1 change by gpu/triton, in 12 of 12 files" in html
    assert "Evidence: never true on linux_00; never true on linux_01; " in html
    assert "linux_09; and 2 more</p>" in html


def test_only_web_addresses_and_places_of_the_mirror_become_links() -> None:
    for upstream in ("javascript:x()", "data:text/html,x", "//example.org", "file:///etc"):
        page = Page("demo", (listed(upstream=upstream, origin=Origin("demo-0-py3-none-any.whl", OTHER, "1")),))
        assert links(page_html(page)).leads == ["../", "index.json"]
    many = Page("demo").with_files(
        listed(filename=f"demo-{number}-py3-none-any.whl", upstream=f"https://example.org/{number}") for number in range(12)
    )
    assert len(links(page_html(many)).leads) == 12
    assert b"https://example.org/9</span>, 2 more" in page_html(many)


def test_the_script_has_nothing_that_a_parser_takes_for_an_element() -> None:
    """Not all parsers of clients know that a script has no elements."""
    assert "<" not in asset("mirror.js")
    assert "<" not in asset("mirror.css")


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


@pytest.mark.parametrize("name", ["Foo_Bar", "", "a\nb", "a--b", "-a", "a-", "a\n", "../a", "\u00e9"])
def test_a_name_that_is_not_normalized_is_named(name: str) -> None:
    """With it are names that are: all are looked at together first."""
    for others in ((), ("a", "b-1"), ("a", "b", "c")):
        with pytest.raises(MirrorError) as caught:
            read_root(root_json([name, *others]))
        assert caught.value.message.endswith(f"it lists {shown(repr(name))}, which is not a normalized project name")


def test_root() -> None:
    names = frozenset({"b", "a-c"})
    assert read_root(root_json(names)) == names
    assert [link["href"] for link in links(root_html(names)).links] == ["a-c/", "b/"]
    with pytest.raises(MirrorError):
        read_root(b"{}")


@pytest.mark.parametrize(
    "projects",
    ["{}", '""', "null", '[{"name": 1}]', '["demo"]', '[], "projects": []', '[{"name": "De.Mo"}]', '[{"name": "../x"}]',
     '[{"name": ""}]'],
)  # fmt: skip
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
    with pytest.raises(MirrorError, match=f"{key} must be text"):
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
