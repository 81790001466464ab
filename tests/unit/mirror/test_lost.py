"""Projects that have lost their page: an error while they have wheels, and never taken off the list then."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from demos import demo_wheel
from stores import MemoryStore
from wheelfix.errors import MirrorError
from wheelfix.mirror import check_store, unlisted
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.journal import open_journal
from wheelfix.mirror.layout import FILES, METADATA, ROOT_PAGE, SIMPLE, attributes_of, page_key
from wheelfix.mirror.pages import NO_PAGE
from wheelfix.mirror.registry import MirrorCheckReport
from wheelfix.mirror.repository import load_root
from wheelfix.mirror.storage.base import NewFile, Store
from wheelfix.mirror.storage.local import LocalStore
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import list_pages, remove_files
from wheelfix.sync.snapshots.export_bundle import export_mirror

NEW = f"{FILES}/new/0123456789abcdef/new-1.0-py3-none-any.whl"


@pytest.fixture(params=["directory", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with one project, whose wheels were written three days ago."""
    monkeypatch.setattr(check_store, "_MOMENT_OF_BUCKETS", 0)
    wheels = [demo_wheel(tmp_path / "in", each) for each in ("1.0", "2.0")]
    if request.param == "directory":
        assert add_wheels(tmp_path / "mirror", wheels).ok
        return LocalStore(tmp_path / "mirror")
    bucket = MemoryStore(tmp_path / "scratch", deletes_if=True)
    bucket.objects.now = datetime.now(UTC) - timedelta(days=3)
    assert add_wheels(bucket, wheels).ok
    return bucket


def lose(store: Store, prefix: str) -> None:
    for key in list(store.keys(prefix)):
        store.delete(key)


def put(store: Store, *keys: str) -> None:
    assert not store.put_new(NewFile(key, key.encode(), attributes_of(key)) for key in keys)


def found(report: MirrorCheckReport) -> list[tuple[str, str, bool]]:
    return [(each.code, each.place, each.fixable) for each in report.findings]


@pytest.mark.parametrize("lost", [SIMPLE, f"{SIMPLE}/demo"])
def test_wheels_without_a_page_are_one_error(lost: str, store: Store) -> None:
    lose(store, lost)
    for fix in (False, True, False):
        report = check_mirror(store, fix=fix)
        assert found(report) == [("page-missing", f"{SIMPLE}/demo", False)]
        assert not report.passes()
        [said] = report.findings
        assert said.message == "it has wheels and no page"
        assert said.hint.startswith(f"Restore {SIMPLE}/demo/index.json from a backup, or run `wheelfix mirror add")
    assert ("demo" in load_root(store)) is (lost != SIMPLE)


def test_a_file_in_place_of_all_pages_hides_no_project(tmp_path: Path) -> None:
    assert add_wheels(tmp_path / "mirror", demo_wheel(tmp_path / "in", "1.0")).ok
    shutil.rmtree(tmp_path / "mirror" / SIMPLE)
    (tmp_path / "mirror" / SIMPLE).touch()
    assert found(check_mirror(tmp_path / "mirror")) == [
        ("page-missing", f"{SIMPLE}/demo", False),
        ("in-the-way", SIMPLE, False),
    ]


def test_a_lost_json_page_is_not_fixable_and_says_what_to_do(store: Store) -> None:
    store.delete(page_key("demo"))
    for fix in (False, True):
        report = check_mirror(store, fix=fix)
        assert found(report) == [("page-missing", page_key("demo"), False)]
        assert "`wheelfix mirror add" in report.findings[0].hint
    lose(store, f"{FILES}/demo")
    for fix in (False, True):
        report = check_mirror(store, fix=fix)
        assert found(report) == [("page-missing", page_key("demo"), False)]
        assert "delete the HTML page" in report.findings[0].hint


def test_a_project_with_wheels_stays_listed_when_another_one_is_not(store: Store) -> None:
    root = store.read(ROOT_PAGE)
    assert root
    lose(store, f"{SIMPLE}/demo")
    store.delete(ROOT_PAGE)
    text = root.data.replace(b'{"name":"demo"}', b'{"name":"demo"},\n{"name":"gone"}')
    assert not store.put_new([NewFile(ROOT_PAGE, text, attributes_of(ROOT_PAGE))])
    report = check_mirror(store, fix=True)
    assert load_root(store) == {"demo"}
    assert [(each.place, each.message) for each in report.fixed if each.code == "page-missing"] == [
        (f"{SIMPLE}/gone", "gone is no longer listed: it had neither a page nor wheels")
    ]
    assert found(report) == [("page-missing", f"{SIMPLE}/demo", False)]


def test_what_an_interrupted_run_wrote_of_a_new_project_is_no_error(store: Store) -> None:
    open_journal(store, "new").note([NEW], NO_PAGE)
    put(store, NEW, NEW + METADATA)
    assert {(each.code, each.fixable) for each in check_mirror(store).findings} == {("unlisted", True)}
    lose(store, "private/journal")
    lose(store, "private/runs")
    assert found(check_mirror(store)) == [("page-missing", f"{SIMPLE}/new", False)]


def test_what_may_be_about_to_be_listed_in_a_bucket_is_no_error(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path)
    store.objects.now = datetime.now(UTC)
    put(store, NEW)
    report = check_mirror(store)
    assert (report.findings, report.young) == ((), 1)


def test_a_project_that_was_removed_is_no_error(store: Store) -> None:
    remove_files(store, "demo")
    assert {each.code for each in check_mirror(store).findings} <= {"unlisted"}


def test_a_project_that_is_removed_meanwhile_is_no_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its page is gone, and its wheels are not yet: a look that comes in between is followed by another one."""
    real = unlisted._is_lost
    put(store, NEW)

    def look(of: Store, project: str, keys: list[str]) -> bool:
        is_lost = real(of, project, keys)
        store.delete(NEW)
        return is_lost

    monkeypatch.setattr(unlisted, "_is_lost", look)
    assert "page-missing" not in {each.code for each in check_mirror(store).findings}


@pytest.mark.parametrize("spoil", [lambda path: path.write_text("{"), lambda path: path.unlink()])
def test_a_list_that_is_lost_too_hides_no_project(spoil: Callable[[Path], None], tmp_path: Path) -> None:
    assert add_wheels(tmp_path / "mirror", demo_wheel(tmp_path / "in", "1.0")).ok
    shutil.rmtree(tmp_path / "mirror" / SIMPLE / "demo")
    spoil(tmp_path / "mirror" / ROOT_PAGE)
    assert ("page-missing", f"{SIMPLE}/demo", False) in found(check_mirror(tmp_path / "mirror"))
    assert found(check_mirror(tmp_path / "mirror", fix=True)) == [("page-missing", f"{SIMPLE}/demo", False)]


def test_a_damaged_page_says_what_to_do(store: Store) -> None:
    store.delete(page_key("demo"))
    put(store, page_key("demo"))
    for fix in (False, True):
        [said] = check_mirror(store, fix=fix).findings
        assert (said.code, said.place) == ("page-unreadable", page_key("demo"))
        assert said.hint.startswith("Restore it from a backup. If you have none, move it away and run `wheelfix mirror add")


@pytest.mark.parametrize("lost", [f"{SIMPLE}/demo", f"{FILES}/demo"])
def test_a_lost_page_is_no_project_without_files(lost: str, store: Store, tmp_path: Path) -> None:
    """Whoever imports such a bundle, or restores such a lock, would lose the project."""
    lose(store, lost)
    store.delete(page_key("demo"))
    for act in (lambda: list(list_pages(store)), lambda: export_mirror(store, tmp_path / "bundle.tar")):
        with pytest.raises(MirrorError, match="demo is listed and has no page") as caught:
            act()
        assert caught.value.code == "page-missing"
    assert not (tmp_path / "bundle.tar").exists()


def test_a_project_that_is_removed_meanwhile_has_lost_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list was read before that, and the page after it."""
    pages, removed = check_store.StoreCheck._pages, list[str]()

    def read(check: check_store.StoreCheck, project: str) -> object:
        if not removed:
            removed.append(project)
            remove_files(store, "demo")
        return pages(check, project)

    monkeypatch.setattr(check_store.StoreCheck, "_pages", read)
    report = check_mirror(store, fix=True)
    assert (removed, [each.code for each in (*report.findings, *report.fixed) if each.code != "unlisted"]) == (["demo"], [])
