"""A mirror goes back to any lock of it, and from there to any other, whatever a manifest did in between."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from msgspec.structs import replace

from demos import demo_wheel
from stores import MemoryStore
from thorough import examples
from wheelfix import list_pages, remove_files
from wheelfix.mirror.change import change_page
from wheelfix.mirror.decide import NewWheel
from wheelfix.mirror.follow import UpstreamFile
from wheelfix.mirror.pages import BY_SYNC, Page
from wheelfix.mirror.project import Request
from wheelfix.mirror.upload import add_new_wheels
from wheelfix.options import Publishing
from wheelfix.sync.snapshots.compare import compare_snapshots
from wheelfix.sync.snapshots.restore import restore_mirror
from wheelfix.sync.snapshots.snapshot import Snapshot, snapshot_of

VERSIONS = ("1.0", "1.1", "2.0")
STEPS = st.tuples(st.sampled_from(["add", "replace", "yank", "unyank", "remove"]), st.sampled_from(VERSIONS))
UPSTREAM = UpstreamFile("https://packages.example.org/simple/", "2026-01-01T00:00:00.000000Z", None, "here")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """The wheels of three releases, each with two contents."""
    directory = tmp_path_factory.mktemp("wheels")
    return {
        (version, action): demo_wheel(directory / action, version, *needs)
        for version in VERSIONS for action, needs in (("add", ()), ("replace", ("six",)))
    }  # fmt: skip


def _locked(store: MemoryStore) -> Snapshot:
    return snapshot_of("mirror", list_pages(store))


def _yank(store: MemoryStore, version: str, **changes: Any) -> None:
    def changed(page: Page) -> Page | None:
        files = [replace(each, **changes) if each.version == version else each for each in page.files]
        return page.with_files(files) if page.files else None

    change_page(store, "demo", changed, 1)


def _do(store: MemoryStore, step: tuple[str, str], wheels: dict[tuple[str, str], Path]) -> None:
    action, version = step
    listed = {each.version for page in list_pages(store) for each in page.files}
    if action in ("add", "replace"):
        new = NewWheel(path=wheels[version, action], upstream=UPSTREAM)
        add_new_wheels(store, [new], Request(publishing=Publishing(replace=True, allow_mixed=True)))
    elif action == "remove" and version in listed:
        remove_files(store, f"demo=={version}")
    elif action == "yank":
        _yank(store, version, yanked="no longer fits", yanked_by=BY_SYNC, yanked_at="2026-02-01T00:00:00.000000Z")
    elif action == "unyank":
        _yank(store, version, yanked=None, yanked_by=None, yanked_at=None)


@settings(max_examples=examples(25), deadline=None)
@given(steps=st.lists(STEPS, min_size=1, max_size=8), order=st.randoms(use_true_random=False))
def test_any_state_comes_back(
    steps: list[tuple[str, str]],
    order: Any,
    wheels: dict[tuple[str, str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    store = MemoryStore(tmp_path_factory.mktemp("scratch"))
    locks = []
    for each in steps:
        _do(store, each, wheels)
        locks.append(_locked(store))
    order.shuffle(locks)
    for lock in locks:
        planned = restore_mirror(store, lock, dry_run=True, allow_removals=True)
        report = restore_mirror(store, lock, allow_removals=True)
        assert report.ok
        assert report.plan == planned.plan
        assert compare_snapshots(lock, _locked(store)) == ()
        assert not restore_mirror(store, lock).plan.changes
