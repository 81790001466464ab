"""Locks of a mirror, and a mirror that goes back to one."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from demos import demo_wheel
from running import validator
from stores import MemoryStore
from wheelfix import check_mirror, list_pages, remove_files, unyank_files, yank_files
from wheelfix.errors import MirrorError
from wheelfix.mirror.change import change_page
from wheelfix.mirror.decide import NewWheel
from wheelfix.mirror.follow import UpstreamFile
from wheelfix.mirror.pages import BY_SYNC, Page
from wheelfix.mirror.project import Request
from wheelfix.mirror.storage import open_store
from wheelfix.mirror.storage.base import Store
from wheelfix.mirror.upload import add_new_wheels
from wheelfix.options import Publishing
from wheelfix.reports.mirror import render_pages_json
from wheelfix.results import PublishStatus
from wheelfix.sync.model import Action, SyncReport
from wheelfix.sync.snapshots.restore import restore_mirror
from wheelfix.sync.snapshots.snapshot import Snapshot, parse_snapshot, read_snapshot, snapshot_of

INDEX = "https://packages.example.org/simple/"
NAME = "demo-{}-py3-none-any.whl"


def put(store: Store, *wheels: Path, source: str | None = "here", replaces: bool = False) -> None:
    """Add ``wheels`` as a manifest does, or with no ``source`` as a person."""
    upstream = None if source is None else UpstreamFile(INDEX, "2026-01-01T00:00:00.000000Z", None, source)
    new = [NewWheel(path=each, upstream=upstream, rules="f" * 64) for each in wheels]
    assert add_new_wheels(store, new, Request(publishing=Publishing(replace=replaces))).ok


def locked(store: Store) -> Snapshot:
    """Return what the mirror lists, as a lock that was written and read."""
    text = render_pages_json(str(store.location), list_pages(store))
    validator("mirror.schema.json").validate(json.loads(text))
    found = parse_snapshot(text.encode(), "mirror.lock")
    assert found == snapshot_of(str(store.location), list_pages(store))
    return found


def actions(report: SyncReport) -> dict[str, Action]:
    return {each.filename: each.action for each in report.plan.files if each.action is not Action.KEEP}


def yank_by_sync(store: Store, version: str) -> None:
    """Yank a release as a manifest does."""

    def changed(page: Page) -> Page:
        return page.with_files(
            each if each.version != version else type(each)(**{
                **{name: getattr(each, name) for name in each.__struct_fields__},
                "yanked": "no longer fits", "yanked_by": BY_SYNC, "yanked_at": "2026-02-01T00:00:00.000000Z",
            })
            for each in page.files
        )  # fmt: skip

    change_page(store, "demo", changed, 1)


@pytest.fixture(params=["directory", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "bucket":
        return MemoryStore(tmp_path / "scratch")
    return open_store(tmp_path / "mirror", create=True)


def test_a_mirror_goes_back_to_a_lock_and_forward_again(store: Store, tmp_path: Path) -> None:
    put(store, *(demo_wheel(tmp_path / "in", each) for each in ("1.0", "1.1")))
    old = locked(store)
    put(store, demo_wheel(tmp_path / "in", "2.0"))
    put(store, demo_wheel(tmp_path / "other", "1.1", "six"), replaces=True)
    yank_by_sync(store, "1.0")
    new = locked(store)
    assert old != new

    planned = restore_mirror(store, old, dry_run=True)
    assert locked(store) == new
    assert actions(planned) == {
        NAME.format("1.0"): Action.UNYANK, NAME.format("1.1"): Action.REPLACE, NAME.format("2.0"): Action.REMOVE,
    }  # fmt: skip
    done = restore_mirror(store, old)
    assert done.ok
    assert done.plan == planned.plan
    assert {each.filename: each.status for each in done.files} == {
        NAME.format("1.0"): PublishStatus.UNYANKED, NAME.format("1.1"): PublishStatus.REPLACED,
        NAME.format("2.0"): PublishStatus.REMOVED,
    }  # fmt: skip
    assert locked(store) == old
    assert not check_mirror(store).findings
    assert not restore_mirror(store, old).plan.changes

    assert restore_mirror(store, new).ok
    assert locked(store) == new
    assert not check_mirror(store).findings


def test_what_was_removed_is_listed_again_while_its_bytes_are_there(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "scratch")
    put(store, *(demo_wheel(tmp_path / "in", each, "six") for each in ("1.0", "1.1")))
    old = locked(store)
    remove_files(store, "demo==1.0")
    assert actions(restore_mirror(store, old)) == {NAME.format("1.0"): Action.ADD}
    assert locked(store) == old
    assert not check_mirror(store).findings


def test_what_is_gone_is_reported_and_the_rest_is_done(tmp_path: Path) -> None:
    store = open_store(tmp_path / "mirror", create=True)
    put(store, *(demo_wheel(tmp_path / "in", each) for each in ("1.0", "1.1")))
    old = locked(store)
    remove_files(store, "demo==1.0")  # a directory deletes it at once
    yank_by_sync(store, "1.1")
    report = restore_mirror(store, old)
    assert not report.ok
    assert [(each.source, each.project, each.problem.code) for each in report.plan.problems] == [
        ("here", "demo", "lock-file-gone")
    ]
    [page] = list_pages(store)
    assert [(each.version, each.yanked) for each in page.files] == [("1.1", None)]


def test_bytes_that_differ_from_the_lock_count_as_gone(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "scratch")
    put(store, demo_wheel(tmp_path / "in", "1.0"))
    old = locked(store)
    [key] = [each for each in store.objects if each.endswith(".whl")]
    remove_files(store, "demo")
    store.objects.write(key, b"other bytes")
    assert [each.problem.code for each in restore_mirror(store, old).plan.problems] == ["lock-file-gone"]


def test_a_metadata_file_that_is_not_that_of_the_wheel_is_not_listed(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "scratch")
    put(store, demo_wheel(tmp_path / "in", "1.0"))
    old = locked(store)
    [key] = [each for each in store.objects if each.endswith(".metadata")]
    remove_files(store, "demo")
    store.objects.write(key, b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")
    assert [each.problem.code for each in restore_mirror(store, old).plan.problems] == ["lock-file-gone"]


def test_what_a_person_did_since_stays(store: Store, tmp_path: Path) -> None:
    put(store, *(demo_wheel(tmp_path / "in", each) for each in ("1.0", "1.1")))
    put(store, demo_wheel(tmp_path / "in", "5.0"), source=None)
    old = locked(store)
    put(store, demo_wheel(tmp_path / "in", "6.0"), source=None)
    yank_files(store, "demo==1.0", "broken")
    yank_files(store, "demo==5.0", "broken")
    remove_files(store, "demo==1.1")
    before = locked(store)
    report = restore_mirror(store, old)
    assert actions(report)[NAME.format("1.0")] is Action.REPORT
    assert actions(report)[NAME.format("5.0")] is Action.REPORT
    assert {each.code for each in report.plan.of(Action.REPORT)} == {"changed-by-hand"}
    [page] = list_pages(store)
    assert page.find(NAME.format("6.0")) is not None
    kept = {each.filename: each for each in before.projects[0].files}
    now = {each.filename: each for each in locked(store).projects[0].files}
    assert all(now[name] == each for name, each in kept.items())
    unyank_files(store, "demo==1.0")
    assert actions(restore_mirror(store, old))[NAME.format("5.0")] is Action.REPORT


def test_a_project_of_which_nothing_is_left_is_listed_again(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "scratch")
    put(store, demo_wheel(tmp_path / "in", "1.0"))
    old = locked(store)
    remove_files(store, "demo")
    assert list(list_pages(store)) == []
    assert restore_mirror(store, old).ok
    assert locked(store) == old


def _set(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["projects"][0]["files"][0].update(values)


def _twice(document: dict[str, Any]) -> None:
    document["projects"][0]["files"] *= 2


def _project_twice(document: dict[str, Any]) -> None:
    document["projects"] *= 2


@pytest.mark.parametrize(
    "damage",
    [
        _set(filename="../../demo-1.0-py3-none-any.whl"), _set(filename=".."), _set(filename="a/b.whl"), _set(filename=""),
        _set(filename="a\n.whl"), _set(sha256="x"), _set(sha256="A" * 64), _set(size=-1), _set(size="1"), _set(yanked=1),
        _set(upload_time=None), _set(upload_time="yesterday"), _set(added="2026-01-01"),
        _twice, _project_twice,
        lambda document: document["projects"][0].update(name="../demo"),
        lambda document: document["projects"][0].update(name="Demo"),
        lambda document: document.update(version=2),
        lambda document: document.update(command="mirror check"),
        lambda document: document.pop("projects"),
    ],
)  # fmt: skip
def test_a_damaged_lock_is_none(damage: Callable[[dict[str, Any]], object], tmp_path: Path) -> None:
    store = open_store(tmp_path / "mirror", create=True)
    put(store, demo_wheel(tmp_path / "in", "1.0"))
    document = json.loads(render_pages_json("mirror", list_pages(store)))
    damage(document)
    (tmp_path / "mirror.lock").write_text(json.dumps(document))
    before = (tmp_path / "mirror" / "public" / "simple" / "demo" / "index.json").read_bytes()
    with pytest.raises(MirrorError) as caught:
        restore_mirror(store, tmp_path / "mirror.lock")
    assert caught.value.code == "bad-mirror-lock"
    assert (tmp_path / "mirror" / "public" / "simple" / "demo" / "index.json").read_bytes() == before


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b"null", b'{"version": 1}', b'{"mirror": "\xb3"}']
)
def test_what_is_no_lock_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "mirror.lock").write_bytes(data)
    with pytest.raises(MirrorError) as caught:
        read_snapshot(tmp_path / "mirror.lock")
    assert caught.value.code == "bad-mirror-lock"


def test_a_lock_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wheelfix.sync.snapshots.snapshot._MOST_BYTES", 10)
    (tmp_path / "mirror.lock").write_bytes(b" " * 11)
    with pytest.raises(MirrorError, match="more than 10 bytes"):
        read_snapshot(tmp_path / "mirror.lock")


def test_a_page_that_another_process_writes_meanwhile_is_read_again(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "scratch")
    put(store, demo_wheel(tmp_path / "in", "1.0"))
    old = locked(store)
    yank_by_sync(store, "1.0")
    other = MemoryStore(tmp_path / "scratch2", store.objects)
    added = demo_wheel(tmp_path / "in", "7.0")
    met = list[str]()

    def meet(operation: str, key: str) -> None:
        if operation == "put_if" and key.endswith("simple/demo/index.json") and not met:
            met.append(key)
            put(other, added, source=None)

    store.before = meet
    assert restore_mirror(store, old).ok
    assert met
    [page] = list_pages(other)
    assert [(each.version, each.yanked) for each in page.files] == [("1.0", None), ("7.0", None)]
    shutil.rmtree(tmp_path / "in")


def test_what_is_yanked_already_is_not_taken_once_more(store: Store, tmp_path: Path) -> None:
    put(store, *(demo_wheel(tmp_path, version) for version in ("1.0", "1.1", "1.2")))
    for version in ("1.0", "1.1"):
        yank_by_sync(store, version)
    lock = locked(store)
    project = lock.projects[0]
    other = replace(lock, projects=(replace(
        project, files=tuple(replace(each, yanked="another reason") if each.yanked else each for each in project.files)
    ),))  # fmt: skip
    report = restore_mirror(store, other)
    assert set(actions(report).values()) == {Action.YANK}
    assert [each.yanked for page in list_pages(store) for each in page.files] == ["another reason", "another reason", None]


def test_what_a_lock_of_a_project_names_stays_listed(store: Store, tmp_path: Path) -> None:
    put(store, *(demo_wheel(tmp_path, version) for version in ("1.0", "1.1", "1.2")))
    lock = locked(store)
    put(store, *(demo_wheel(tmp_path, version) for version in ("2.0", "2.1")))
    held = {each.sha256 for page in list_pages(store) for each in page.files if each.version == "2.0"}
    report = restore_mirror(store, lock, held=held, allow_removals=True)
    assert actions(report) == {NAME.format("2.1"): Action.REMOVE}
    assert [each.version for page in list_pages(store) for each in page.files] == ["1.0", "1.1", "1.2", "2.0"]
    (row,) = (each for each in report.plan.files if each.version == "2.0")
    assert row.reason == "A lock of the manifest names it."
