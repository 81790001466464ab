"""``wheelfix mirror check`` on a store that several publishers share: what it asks of the store, and what it reports."""

import hashlib
import json
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from demos import demo_wheel
from stores import MemoryStore
from wheelfix.errors import MirrorError
from wheelfix.mirror import check_store
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.html import page_html, root_html
from wheelfix.mirror.journal import RunJournal
from wheelfix.mirror.json import page_json, root_json
from wheelfix.mirror.layout import (
    FILES,
    HTML,
    METADATA,
    ROOT_HTML,
    ROOT_PAGE,
    attributes_of,
    file_key,
    page_key,
    url_of,
)
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.storage.base import NewFile, write_changed
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import list_pages, remove_files
from wheelfix.options import Limits, Publishing, Selection
from wheelfix.reports.mirror import render_mirror_check_summary

LEFT = f"{FILES}/demo/0123456789abcdef/demo-9.0-py3-none-any.whl"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a writer may cause for a moment is looked at again at once."""
    monkeypatch.setattr(check_store, "_MOMENT_OF_BUCKETS", 0)


@pytest.fixture
def store(tmp_path: Path) -> MemoryStore:
    """A store whose clock is right, with one wheel that was written three days ago."""
    store = MemoryStore(tmp_path / "scratch")
    store.objects.now = datetime.now(UTC) - timedelta(days=3)
    assert add_wheels(store, demo_wheel(tmp_path / "in", "1.0")).ok
    return store


def put(store: MemoryStore, *keys: str) -> None:
    assert not store.put_new(NewFile(key, key.encode(), attributes_of(key)) for key in keys)


def codes(store: MemoryStore) -> set[str]:
    return {each.code for each in check_mirror(store).findings}


def test_what_was_published_is_in_order(store: MemoryStore) -> None:
    report = check_mirror(store)
    assert (report.findings, report.projects, report.files, report.young) == ((), 1, 1, 0)


def test_what_another_publisher_may_be_about_to_list_is_counted(store: MemoryStore) -> None:
    store.objects.now = datetime.now(UTC)
    put(store, LEFT, LEFT + METADATA)
    report = check_mirror(store)
    assert (report.findings, report.young) == ((), 2)
    assert render_mirror_check_summary(report).endswith("0 warnings; 2 unlisted files younger than the grace period\n")
    report = check_mirror(store, limits=Limits(grace_seconds=0))
    assert ({each.place for each in report.findings}, report.young) == ({LEFT, LEFT + METADATA}, 0)


def test_what_a_run_left_is_fixable_once_it_is_old(store: MemoryStore) -> None:
    RunJournal(store, "demo").note([LEFT], "")
    put(store, LEFT, LEFT + METADATA, LEFT.replace("9.0", "8.0"))
    store.objects.now = datetime.now(UTC)
    report = check_mirror(store)
    assert {each.place: each.fixable for each in report.findings} == {
        LEFT: True,
        LEFT + METADATA: True,
        LEFT.replace("9.0", "8.0"): False,
    }
    report = check_mirror(store, fix=True)
    assert {each.place for each in report.fixed} == {LEFT, LEFT + METADATA}
    assert {each.place for each in report.findings} == {LEFT.replace("9.0", "8.0")}


@pytest.mark.parametrize(
    ("time", "why"),
    [
        ("yesterday", "its upload time 'yesterday' is not a time"),
        ("2026-01-01T00:00:00", "its upload time '2026-01-01T00:00:00' has no time zone"),
        ("2026-01-01T00:00:00Z\0", "its upload time '2026-01-01T00:00:00Z\\x00' is not a time"),
        ("", "it has no upload time"),
    ],
)
def test_what_is_no_time_is_shown(time: str, why: str, store: MemoryStore) -> None:
    [page] = list_pages(store)
    page = replace(page, files=tuple(replace(each, upload_time=time) for each in page.files))
    write_changed(store, {page_key("demo"): page_json(page), page_key("demo", HTML): page_html(page)})
    assert [(each.code, each.message) for each in check_mirror(store).findings] == [("time-missing", why)]


def test_an_html_page_that_is_missing_is_no_other_one(store: MemoryStore) -> None:
    for key in (page_key("demo", HTML), ROOT_HTML):
        store.delete(key)
    assert {(each.place, each.message) for each in check_mirror(store).findings} == {
        (page_key("demo", HTML), "it is missing"),
        (ROOT_HTML, "it is missing"),
    }


def test_only_what_is_selected_is_deleted(store: MemoryStore) -> None:
    RunJournal(store, "demo").note([LEFT], "")
    put(store, LEFT)
    store.objects.now = datetime.now(UTC)
    check_mirror(store, fix=True, selection=Selection(ignore="unlisted"))
    assert LEFT in store.objects


def test_a_project_without_files_is_none(store: MemoryStore) -> None:
    store.objects.now = datetime.now(UTC)
    remove_files(store, "demo")
    report = check_mirror(store)
    assert (report.findings, report.projects, report.young) == ((), 0, 2)


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("archived", "is not a table"),
        ({"status": "frozen"}, "is 'frozen'"),
        ({"status": "f" * 200}, f"is '{'f' * 100}...'"),
        ({"status": ["active"]}, "is not text"),
        ({"status": "archived", "reason": {"a": 1}}, "has a reason that is not text"),
        (None, "is not a table"),
        ([], "is not a table"),
    ],
)
def test_a_status_that_strict_readers_refuse_is_reported(status: object, why: str, store: MemoryStore) -> None:
    page = json.loads(store.objects[page_key("demo")].data)
    store.objects.write(
        page_key("demo"), json.dumps({**page, "project-status": {"status": "archived", "reason": "x"}}).encode()
    )
    check_mirror(store, fix=True)
    assert codes(store) == set()
    store.objects.write(page_key("demo"), json.dumps({**page, "project-status": status}).encode())
    [found] = [each for each in check_mirror(store).findings if each.code == "status-unknown"]
    assert found.message == f"its project status {why}"


@pytest.mark.parametrize("key", [page_key("demo", HTML), ROOT_HTML, ROOT_PAGE])
def test_pages_that_follow_are_written_again(key: str, store: MemoryStore) -> None:
    del store.objects[key]
    assert codes(store)
    check_mirror(store, fix=True)
    assert codes(store) == set()


def test_a_metadata_file_is_written_again(store: MemoryStore) -> None:
    [key] = [key for key in store.objects if key.endswith(METADATA)]
    del store.objects[key]
    assert codes(store) == {"metadata-file-missing"}
    check_mirror(store, fix=True)
    assert codes(store) == set()


def test_what_a_store_remembers_of_a_file_is_not_believed(store: MemoryStore, tmp_path: Path) -> None:
    """The sha256 beside an object is what somebody sent with it."""
    assert add_wheels(store, demo_wheel(tmp_path / "again", "1.0", "six"), publishing=Publishing(replace=True)).ok
    for key in [key for key in store.objects if key.endswith(".whl")]:
        blob = store.objects[key]
        store.objects[key] = blob._replace(data=blob.data[:-1] + b"\1")
    assert codes(store) == {"file-differs", "wheel-invalid", "past-missing"}


def test_a_file_that_is_written_after_the_listing_is_not_missing(store: MemoryStore, tmp_path: Path) -> None:
    wheel = demo_wheel(tmp_path / "in", "2.0")

    def add(operation: str, key: str) -> None:
        if (operation, key) == ("list", FILES):
            store.after = lambda operation, key: None
            assert add_wheels(MemoryStore(tmp_path / "scratch", store.objects), wheel).ok

    store.after = add
    report = check_mirror(store)
    assert (report.findings, report.files) == ((), 2)


def large_mirror(store: MemoryStore, count: int) -> None:
    """Fill ``store`` with a project that has ``count`` wheels, of which only the metadata files have content."""
    store.objects.clear()
    files = []
    for number in range(count):
        name = f"demo-{number}.0-py3-none-any.whl"
        metadata = f"Metadata-Version: 2.1\nName: demo\nVersion: {number}.0\n".encode()
        sha256 = hashlib.sha256(name.encode()).hexdigest()
        key = file_key("demo", name, sha256)
        store.objects.write(key, b"x")
        store.objects.write(key + METADATA, metadata)
        file = ListedFile(
            filename=name,
            url=url_of(key),
            sha256=sha256,
            size=1,
            upload_time="2026-01-01T00:00:00.000000Z",
            metadata_sha256=hashlib.sha256(metadata).hexdigest(),
        )
        files.append(file)
    page = Page("demo").with_files(files)
    store.objects.write(page_key("demo"), page_json(page))
    store.objects.write(page_key("demo", HTML), page_html(page))
    store.objects.write(ROOT_PAGE, root_json(["demo"]))
    store.objects.write(ROOT_HTML, root_html(frozenset(["demo"])))


def test_a_quick_check_makes_one_small_request_for_each_file(store: MemoryStore) -> None:
    """Sizes come from one listing; only metadata files are read, several at a time."""
    large_mirror(store, 1_000)
    store.requests.clear()
    report = check_mirror(store, quick=True)
    assert (report.findings, report.files) == ((), 1_000)
    counts = Counter(operation for operation, _ in store.requests)
    assert counts["read"] <= 1_000 + 6
    assert counts["list"] <= 3
    assert counts["head"] <= 3
    assert counts["open"] == 0


def test_requests_are_made_at_a_time_and_not_too_many(store: MemoryStore) -> None:
    large_mirror(store, 100)
    lock, now, most = threading.Lock(), 0, 0

    def begin(operation: str, key: str) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.002)

    def end(operation: str, key: str) -> None:
        nonlocal now
        with lock:
            now -= 1

    store.before, store.after = begin, end
    check_mirror(store, quick=True, connections=8)
    assert 4 <= most <= 8


def test_pages_are_listed_several_at_a_time_and_in_order(store: MemoryStore) -> None:
    names = [f"p{number:03}" for number in range(60)]
    for name in names:
        store.objects.write(page_key(name), page_json(Page(name)))
    store.objects.write(ROOT_PAGE, root_json(names))
    threads = set[int]()

    def begin(operation: str, key: str) -> None:
        threads.add(threading.get_ident())
        time.sleep(0.001)

    store.before = begin
    assert [page.project for page in list_pages(store)] == names
    assert 2 < len(threads) <= 17


@pytest.mark.parametrize("key", [ROOT_PAGE, page_key("demo")])
@pytest.mark.parametrize("error", [MirrorError("no-answer", "it does not answer", hint=""), TimeoutError(110, "timed out")])
def test_a_page_that_a_server_does_not_give_is_not_damaged(error: Exception, key: str, store: MemoryStore) -> None:
    def refuse(operation: str, at: str) -> None:
        if (operation, at) == ("read", key):
            raise error

    store.before = refuse
    store.requests.clear()
    report = check_mirror(store, fix=True)
    assert ([each.code for each in report.findings], report.complete) == (["unreadable"], False)
    assert not any(each.fixable for each in report.findings)
    assert not [each for each in store.requests if each[0] in ("put", "put_if", "delete")]


def test_a_server_that_does_not_answer_for_a_file_is_reported(store: MemoryStore) -> None:
    def refuse(operation: str, key: str) -> None:
        if key.endswith(METADATA):
            raise TimeoutError(110, "Connection timed out", key)

    store.before = refuse
    report = check_mirror(store)
    assert ({each.code for each in report.findings}, report.complete) == ({"unreadable"}, False)


def test_an_html_page_is_kept_where_the_json_page_is_wrong_about_a_file(store: MemoryStore) -> None:
    """It has the last right sha256 there is."""
    stored, before = store.read(page_key("demo")), store.read(page_key("demo", HTML))
    assert stored is not None
    page = json.loads(stored.data)
    page["files"][0]["hashes"]["sha256"] = "0" * 64
    write_changed(store, {page_key("demo"): json.dumps(page).encode()})
    report = check_mirror(store, fix=True, selection=Selection(select=["html-differs", "file-differs"]))
    assert [(each.code, each.fixable) for each in report.findings] == [("html-differs", False), ("file-differs", False)]
    assert (report.fixed, store.read(page_key("demo", HTML))) == ((), before)
    write_changed(store, {page_key("demo"): stored.data})
    assert codes(store) == set()
