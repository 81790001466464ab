"""Pages: every key as it is written and read, what is known of a file, and what is said of a page that is damaged."""

import inspect
import json
import re
from typing import Any

import pytest
from msgspec.structs import replace
from packaging.version import Version

from wheelfix.errors import MirrorError
from wheelfix.mirror.json import page_json, read_page, read_root, root_json
from wheelfix.mirror.pages import (
    BY_MIRROR,
    BY_SYNC,
    BY_UPSTREAM,
    NO_VERSION,
    SUPERSEDED,
    Correction,
    ListedChange,
    ListedFile,
    Origin,
    Page,
    identity_of,
    version_of,
)
from wheelfix.mirror.project import Request
from wheelfix.results import Verdict

NAME = "demo-1.0-py3-none-any.whl"
SHA, OTHER, THIRD = "a" * 64, "b" * 64, "c" * 64
PLAIN = ListedFile(
    filename=NAME, url=f"../../files/demo/{SHA[:16]}/{NAME}", sha256=SHA, size=5, upload_time="2026-01-01T00:00:00Z"
)
CHANGE = ListedChange("drop", "Requires-Dist", "triton", "numpy")
CORRECTION = Correction("gpu/triton", "why", Verdict.SAFE, "evidence", (CHANGE, ListedChange("add", "Own")))
FULL = ListedFile(
    filename=NAME, url=PLAIN.url, sha256=SHA, size=5, upload_time="2026-01-01T00:00:00Z", requires_python=">=3.8",
    metadata_sha256=OTHER, yanked="reason", yanked_by=BY_SYNC, upstream="https://a.example/",
    upstream_time="2025-01-01T00:00:00Z",
    added="2026-01-02T00:00:00Z", source="pypi", yanked_at="2026-01-03T00:00:00Z",
    origin=Origin("demo-1.0-py3-none-any.whl", THIRD, "0.1.0", SHA, (CORRECTION,), 3, fixed_here=True),
    checked_by="rules", upstream_sha256=OTHER,
)  # fmt: skip
WRITTEN = {
    "filename": NAME,
    "url": PLAIN.url,
    "hashes": {"sha256": SHA},
    "size": 5,
    "upload-time": "2026-01-01T00:00:00Z",
    "yanked": "reason",
    "requires-python": ">=3.8",
    "core-metadata": {"sha256": OTHER},
    "_wheelfix": {
        "original": {"filename": "demo-1.0-py3-none-any.whl", "sha256": THIRD},
        "tool": "0.1.0",
        "rules-sha256": SHA,
        "corrections": [
            {
                "rule": "gpu/triton",
                "reason": "why",
                "verdict": "safe",
                "evidence": "evidence",
                "changes": [
                    {"action": "drop", "field": "Requires-Dist", "before": "triton", "after": "numpy"},
                    {"action": "add", "field": "Own"},
                ],
            }
        ],
        "more-changes": 3,
        "fixed-here": True,
    },
    "_wheelfix-rules": "rules",
    "_wheelfix-added": "2026-01-02T00:00:00Z",
    "_wheelfix-upstream": "https://a.example/",
    "_wheelfix-upstream-time": "2025-01-01T00:00:00Z",
    "_wheelfix-yanked-by": "sync",
    "_wheelfix-source": "pypi",
    "_wheelfix-yanked-at": "2026-01-03T00:00:00Z",
    "_wheelfix-upstream-sha256": OTHER,
}


def document_of(page: Page) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(page_json(page))
    return document


def test_every_key_is_written() -> None:
    page = Page("demo", (FULL,), (PLAIN,), {}, "https://a.example/demo/")
    plain = {"filename": NAME, "url": PLAIN.url, "hashes": {"sha256": SHA}, "size": 5, "upload-time": "2026-01-01T00:00:00Z"}
    assert document_of(page) == {
        "meta": {"api-version": "1.4"},
        "name": "demo",
        "versions": ["1.0"],
        "files": [WRITTEN],
        "_wheelfix-past": [{**plain, "yanked": False}],
        "_wheelfix-status-from": "https://a.example/demo/",
    }
    assert document_of(Page("demo")) == {"meta": {"api-version": "1.4"}, "name": "demo", "versions": [], "files": []}
    assert page_json(page).endswith(b"\n]}\n") or page_json(page).endswith(b"}\n")


def test_every_key_is_read() -> None:
    page = Page("demo", (FULL,), (PLAIN,), {}, "https://a.example/demo/")
    edited = json.dumps(document_of(page)).encode()
    assert read_page(page_json(page), "demo") == page
    assert read_page(edited, "demo") == page
    [read] = read_page(edited, "demo").files
    assert (read.other, read.origin) == ({}, FULL.origin)


def test_keys_are_written_in_one_order() -> None:
    """Pages are compared as texts, and are the same bytes after any run."""
    document = document_of(Page("demo", (FULL,), (PLAIN,), {"own": 1}, "https://a.example/demo/"))
    assert list(document) == ["meta", "name", "versions", "files", "_wheelfix-status-from", "_wheelfix-past", "own"]
    assert list(document["files"][0]) == list(WRITTEN)


def test_what_says_nothing_is_not_written() -> None:
    origin = Origin(NAME, THIRD, "0.1.0", None, (Correction(changes=(CHANGE,)),))
    [written] = document_of(Page("demo", (replace(PLAIN, origin=origin),)))["files"]
    assert written["_wheelfix"] == {
        "original": {"filename": NAME, "sha256": THIRD},
        "tool": "0.1.0",
        "rules-sha256": None,
        "corrections": [{"changes": [{"action": "drop", "field": "Requires-Dist", "before": "triton", "after": "numpy"}]}],
    }
    [read] = read_page(page_json(Page("demo", (replace(PLAIN, origin=origin),))), "demo").files
    assert read.origin == origin


def test_an_origin_of_which_little_is_known() -> None:
    origin = Origin(NAME, THIRD, "0.1.0")
    assert (origin.rules_sha256, origin.corrections, origin.more_changes, origin.fixed_here) == (None, (), 0, False)


def test_who_decided_on_a_yank_is_written_in_words_that_stay() -> None:
    assert (BY_MIRROR, BY_SYNC, BY_UPSTREAM) == ("mirror", "sync", "upstream")


@pytest.mark.parametrize("kind", [ListedFile, Request])
def test_what_has_many_values_is_made_by_their_names(kind: type) -> None:
    assert {each.kind for each in inspect.signature(kind).parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize(("yanked", "written"), [(None, False), ("", True), ("why", "why")])
def test_a_yank_with_and_without_a_reason(yanked: str | None, written: object) -> None:
    page = Page("demo", (replace(PLAIN, yanked=yanked),))
    document = document_of(page)
    assert document["files"][0]["yanked"] == written
    assert read_page(json.dumps(document).encode(), "demo").files[0].yanked == yanked
    del document["files"][0]["yanked"]
    assert read_page(json.dumps(document).encode(), "demo").files[0].yanked is None


def test_keys_that_are_not_known_are_kept_where_they_stand() -> None:
    document = document_of(Page("demo", (FULL,)))
    document |= {"own": 1, "meta": {"api-version": "1.4", "_last-serial": 7}}
    file = document["files"][0]
    file |= {"own": {"x": [1]}, "hashes": {"sha256": SHA, "md5": "1"}, "core-metadata": {"sha256": OTHER, "md5": "2"}}
    page = read_page(json.dumps(document).encode(), "demo")
    assert page.other == {"own": 1, "meta": {"_last-serial": 7}}
    assert page.files[0].other == {"own": {"x": [1]}, "hashes": {"md5": "1"}, "core-metadata": {"md5": "2"}}
    assert document_of(page) == document
    changed = page.with_files([replace(page.files[0], metadata_sha256=None)])
    assert document_of(changed)["files"][0]["core-metadata"] == {"md5": "2"}


def test_another_announcement_of_a_metadata_file_is_kept_beside_other_keys() -> None:
    document = document_of(Page("demo", (PLAIN,)))
    document["files"][0] |= {"own": 1, "core-metadata": True}
    page = read_page(json.dumps(document).encode(), "demo")
    assert page.files[0].other == {"own": 1, "core-metadata": True}
    assert document_of(page) == document


def test_corrections_of_an_early_version() -> None:
    """They stood under another key, which is kept."""
    document = document_of(Page("demo", (FULL,)))
    ours = document["files"][0]["_wheelfix"]
    del ours["corrections"]
    ours["changes"] = ["drop triton"]
    read = read_page(json.dumps(document).encode(), "demo").files[0]
    assert read.origin is not None
    assert (read.origin.corrections, read.origin.tool) == ((), "0.1.0")


HINT = (
    "Nothing was written. Restore it from a backup. If you have none, move it away and run `wheelfix mirror add MIRROR "
    "WHEEL` for the wheels in MIRROR/public/files/demo/; yanks and upload times are lost then."
)


def with_keys(**keys: object) -> bytes:
    document = document_of(Page("demo", (PLAIN,)))
    return json.dumps({**document, **keys}).encode()


def with_file(**keys: object) -> bytes:
    document = document_of(Page("demo", (PLAIN,)))
    document["files"][0] |= keys
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (page_json(Page("other", (PLAIN,))), "it is the page of other"),
        (with_keys(name="other"), "it is the page of other"),
        (page_json(Page("demo", (PLAIN, PLAIN))), "it lists a file twice"),
        (with_keys(meta={"api-version": "2.0"}), "its API version is 2.0"),
        (with_keys(meta={"api-version": "11"}), "its API version is 11"),
        (with_keys(meta={}), "it has no key 'api-version'"),
        (b'{"meta": {"api-version": "1.4"}, "name": "demo"}', "it has no key 'files'"),
        (b"[]", "it must be an object"),
        (b'{"meta": {"api-version": "1.4"}, "name": "demo", "files": [], "files": []}', "an object has a key twice"),
        (with_keys(files={}), "files must be a list"),
        (with_keys(**{"_wheelfix-past": {}}), "_wheelfix-past must be a list"),
        (b"", "it is empty or cut off"),
        (with_keys()[:-9], "it is empty or cut off"),
        (b"{]", "it is not valid: JSON is malformed: object keys must be strings (byte 1)"),
        (b"[" * 100_000, "it is nested too deeply"),
        (with_keys(meta=1), "meta must be an object"),
        (with_keys(meta={"api-version": 1}), "its API version must be text"),
        (with_keys(name=3), "name must be text, not a whole number"),
        (with_keys(versions=3), "versions must be a list, not a whole number"),
        (with_file(hashes={"sha256": "x"}), f"{NAME}: hashes.sha256 has the wrong form"),
        (with_file(yanked=3), f"{NAME}: yanked must be true or false or text, not a whole number"),
        (with_file(_wheelfix={"corrections": []}), f"{NAME}: _wheelfix has no key 'original'"),
        (with_file(url="JavaScript:x"), f"the URL of {NAME} has the scheme JavaScript, and not http or https"),
        (with_file(url=" \tdata:x"), f"the URL of {NAME} has the scheme data, and not http or https"),
        (with_file(url="java\nscript:x"), f"the URL of {NAME} has the scheme javascript, and not http or https"),
        (with_file(url="f+t-p.1:x"), f"the URL of {NAME} has the scheme f+t-p.1, and not http or https"),
    ],
)
def test_why_a_page_is_damaged(data: bytes, why: str) -> None:
    with pytest.raises(MirrorError) as refusal:
        read_page(data, "demo")
    error = refusal.value
    assert (error.code, error.message, error.hint) == ("bad-page", f"the page of demo is damaged: {why}", HINT)


@pytest.mark.parametrize("url", ["HTTPS://a.example/x", "http://a.example/x", "//a.example/x", "x/y:z", "1a:x", ""])
def test_urls_that_lead_somewhere(url: str) -> None:
    assert read_page(with_file(url=url), "demo").files[0].url == url


@pytest.mark.parametrize("version", ["1", "1.0", "1.4.1", "1.99"])
def test_versions_of_the_api_that_are_read(version: str) -> None:
    assert read_page(with_keys(meta={"api-version": version}), "demo").files == (PLAIN,)


@pytest.mark.parametrize("url", ["https://a.example/x", "http://a", None])
def test_where_a_provenance_may_be(url: str | None) -> None:
    assert read_page(with_file(provenance=url), "demo").files[0].other == {"provenance": url}


@pytest.mark.parametrize("url", ["ftp://a.example/x", "https:///x", "https://", " https://a.example", "a.example", "", 1])
def test_where_no_provenance_is(url: object) -> None:
    with pytest.raises(MirrorError, match=rf"damaged: {re.escape(NAME)}: "):
        read_page(with_file(provenance=url), "demo")


def test_a_name_has_as_many_bytes_as_file_systems_allow() -> None:
    longest = "é" + "d" * 253
    assert read_page(with_file(filename=longest), "demo").files[0].filename == longest
    with pytest.raises(MirrorError) as refusal:
        read_page(with_file(filename=longest + "d"), "demo")
    assert refusal.value.message == f"the page of demo is damaged: a file name has more than 255 bytes: é{'d' * 49}..."


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ([1], "an entry of files must be an object, not a whole number"),
        (["x"], "an entry of files must be an object, not text"),
        ([{"filename": 1}], "filename must be text, not a whole number"),
        ([{"url": ""}], "an entry of files has no key 'filename'"),
        ([{"filename": NAME, "url": 1}], f"{NAME}: url must be text, not a whole number"),
        ([{"filename": "x" * 300}], f"{'x' * 100}: an entry of files has no key 'url'"),
    ],
)
def test_a_file_that_is_none_is_named_if_it_has_a_name(files: list[object], why: str) -> None:
    with pytest.raises(MirrorError) as refusal:
        read_page(with_keys(files=files), "demo")
    assert refusal.value.message == f"the page of demo is damaged: {why}"


def test_a_name_in_disguise_is_named() -> None:
    with pytest.raises(MirrorError, match="has characters that cannot be seen"):
        read_page(with_file(filename="demo\u202e-1.0-py3-none-any.whl"), "demo")


def test_files_of_the_past_are_looked_at_too() -> None:
    past = {**json.loads(with_file(url="javascript:x"))["files"][0]}
    with pytest.raises(MirrorError, match="has the scheme javascript"):
        read_page(with_keys(**{"_wheelfix-past": [past]}), "demo")


def test_a_long_reason_is_cut() -> None:
    with pytest.raises(MirrorError) as refusal:
        read_page(page_json(Page("x" * 300, (PLAIN,))), "demo")
    assert refusal.value.message == f"the page of demo is damaged: it is the page of {'x' * 182}"


def test_the_root() -> None:
    assert root_json([]) == b'{"meta":{"api-version":"1.4"},"projects":[]}\n'
    assert root_json(["b", "a"]) == b'{"meta":{"api-version":"1.4"},"projects":[\n{"name":"a"},\n{"name":"b"}\n]}\n'
    assert read_root(root_json([])) == frozenset()
    edited = b'{"own": 1, "projects": [{"name": "b", "x": 1}, {"name": "a"}], "meta": {"api-version": "1.9"}}'
    assert read_root(edited) == {"a", "b"}
    with pytest.raises(MirrorError) as refusal:
        read_root(edited.replace(b"1.9", b"2"))
    assert (refusal.value.code, refusal.value.message, refusal.value.hint) == (
        "bad-page",
        "the page that lists all projects is damaged: its API version is 2",
        "Nothing was written. Run `wheelfix mirror check --fix` to write it again.",
    )


def test_what_a_change_says() -> None:
    assert [
        ListedChange("drop", "F", "a").sentence,
        ListedChange("add", "F", None, "b").sentence,
        ListedChange("set", "F", "a", "b").sentence,
        ListedChange("set", "F", "", "").sentence,
        ListedChange("fix", "F").sentence,
    ] == ["drop F: a", "add F: b", "set F: a -> b", "set F:  -> ", "fix F"]


def test_what_is_known_of_a_file() -> None:
    assert (PLAIN.original_sha256, PLAIN.known_sums) == (SHA, frozenset({SHA}))
    assert (FULL.original_sha256, FULL.known_sums) == (THIRD, frozenset({SHA, THIRD, OTHER}))
    assert FULL.origin is not None
    assert FULL.origin.changes == (CHANGE, ListedChange("add", "Own"))
    assert PLAIN.is_wheel
    assert not replace(PLAIN, filename="demo-1.0.tar.gz").is_wheel


@pytest.mark.parametrize(
    ("yanked", "by", "is_superseded"),
    [(SUPERSEDED, BY_SYNC, True), (SUPERSEDED, BY_MIRROR, False), ("why", BY_SYNC, False), (None, BY_SYNC, False)],
)
def test_what_another_correction_has_replaced(yanked: str | None, by: str, is_superseded: bool) -> None:
    assert replace(PLAIN, yanked=yanked, yanked_by=by).is_superseded is is_superseded


@pytest.mark.parametrize(
    ("sha256", "other", "expected"),
    [
        (None, {}, False),
        (OTHER, {}, True),
        (None, {"core-metadata": True}, True),
        (None, {"core-metadata": {"md5": "1"}}, True),
        (None, {"core-metadata": False}, False),
        (None, {"own": True}, False),
    ],
)
def test_whether_a_metadata_file_is_announced(sha256: str | None, other: dict[str, Any], expected: bool) -> None:
    assert replace(PLAIN, metadata_sha256=sha256, other=other).has_metadata is expected


@pytest.mark.parametrize(
    ("filename", "version"),
    [
        (NAME, "1.0"),
        ("demo-1.0_post1-py3-none-any.whl", "1.0.post1"),
        ("demo-1.0-1-py3-none-any.whl", "1.0"),
        ("demo-1.0+cpu-py3-none-any.whl", "1.0+cpu"),
        ("demo-1!2.0-py3-none-any.whl", "1!2.0"),
        ("demo-x-py3-none-any.whl", ""),
        ("demo-1.0.tar.gz", "1.0"),
        ("demo-1.0.zip", "1.0"),
        ("demo", ""),
        ("demo-1.0.whl", ""),
    ],
)
def test_versions_of_file_names(filename: str, version: str) -> None:
    file = replace(PLAIN, filename=filename)
    found = Version(version) if version else None
    assert (version_of(filename), file.version, file.release, file.order) == (
        version,
        version,
        found,
        (found or NO_VERSION, filename),
    )


def test_files_of_a_page() -> None:
    names = ["demo-2.0-py3-none-any.whl", "odd", NAME, "demo-1.0-py2-none-any.whl"]
    page = Page("demo").with_files(replace(PLAIN, filename=name) for name in names)
    assert [each.filename for each in page.files] == ["odd", "demo-1.0-py2-none-any.whl", NAME, "demo-2.0-py3-none-any.whl"]
    assert page.versions == ("1.0", "2.0")
    assert page.find(NAME) is page.files[2]
    assert page.find("demo") is None
    assert page.key(replace(PLAIN, filename=NAME)) == f"public/files/demo/{SHA[:16]}/{NAME}"


def test_what_identifies_a_file() -> None:
    assert identity_of("odd") == "odd"
    assert identity_of(NAME) == identity_of("Demo-1.0.0-py3-none-any.whl")
    assert identity_of("demo-1.0.tar.gz") != identity_of(NAME)
    assert replace(PLAIN, filename="demo-1.0.0-py3-none-any.whl").identity == PLAIN.identity


@pytest.mark.parametrize(
    ("status", "known"),
    [
        ({"status": "archived"}, True),
        ({"status": "active", "reason": "why"}, True),
        ({"status": "deprecated"}, True),
        ({"status": "quarantined"}, True),
        ({"status": "active", "reason": None}, True),
        ({}, True),
        ({"status": "other"}, False),
        ({"status": 1}, False),
        ({"status": "active", "reason": 1}, False),
        ("active", False),
    ],
)
def test_statuses_that_are_known(status: object, known: bool) -> None:
    assert Page("demo", other={"project-status": status}).has_known_status is known
    assert Page("demo").has_known_status


@pytest.mark.parametrize("kind", [PLAIN, CORRECTION, CHANGE, Page("demo"), FULL.origin])
def test_what_a_page_holds_is_never_changed_in_its_place(kind: Any) -> None:
    with pytest.raises(AttributeError):
        setattr(kind, kind.__struct_fields__[0], "x")
