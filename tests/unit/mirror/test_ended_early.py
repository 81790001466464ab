"""Whatever operation of a store fails: what a run did until then is reported, and if it raises an error it did nothing."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from building import WheelSpec, write_wheel
from demos import demo_wheel
from faults import Faulty, How
from stores import MemoryStore
from wheelfix.errors import MirrorError
from wheelfix.mirror import check_store
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.journal import RunJournal, open_journal
from wheelfix.mirror.layout import FILES, HTML, METADATA, SIMPLE, attributes_of, page_key
from wheelfix.mirror.prune import prune_mirror
from wheelfix.mirror.pruned import PruneStatus
from wheelfix.mirror.repository import load_page
from wheelfix.mirror.storage.base import IncompleteListing, NewFile, Store, write_changed
from wheelfix.mirror.storage.local import LocalStore
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import remove_files
from wheelfix.options import Limits, Publishing, Selection
from wheelfix.results import PublishStatus

LEFT = f"{FILES}/demo/0123456789abcdef/demo-9.0-py3-none-any.whl"
AT_ONCE = Limits(grace_seconds=0)
SOME = pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.slow), 13])
"""Of how many operations one fails."""
NOTHING_IN_THE_WAY = Selection(ignore=["gpu-requirements"])


class World:
    """A mirror in a directory, or in a store that several share, which can be had again as it was."""

    def __init__(self, directory: Path, *, is_shared: bool) -> None:
        self._directory = directory
        self._shared = MemoryStore(directory / "scratch") if is_shared else None
        self.store: Store = self._shared or LocalStore(directory / "first")

    def again(self) -> Store:
        """Return a store that has what ``store`` has."""
        if self._shared is not None:
            return MemoryStore(self._directory / "scratch", self._shared.objects.copy())
        place = self._directory / "again"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self._directory / "first", place)
        return LocalStore(place)


@pytest.fixture(params=[False, True], ids=["directory", "shared"])
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A mirror of one project with two wheels and a replaced one."""
    monkeypatch.setattr(check_store, "_MOMENT", 0)
    monkeypatch.setattr(check_store, "_MOMENT_OF_BUCKETS", 0)
    world = World(tmp_path, is_shared=request.param)
    store = world.store
    assert add_wheels(store, [demo_wheel(tmp_path / "in", "1.0"), demo_wheel(tmp_path / "in", "2.0")]).ok
    replacing = Publishing(replace=True)
    assert add_wheels(store, demo_wheel(tmp_path / "new", "1.0", "six"), publishing=replacing).ok
    return world


@pytest.fixture
def spoilt(world: World) -> World:
    """The same with what an interrupted run left, and without HTML."""
    store = world.store
    if store.is_shared:
        RunJournal(store, "demo").note([LEFT], "")
    else:
        open_journal(store, "demo").note([LEFT], open_journal(store, "demo").state())  # type: ignore[attr-defined]
    assert not store.put_new([NewFile(key, b"x", attributes_of(key)) for key in (LEFT, LEFT + METADATA)])
    store.delete(page_key("demo", HTML))
    return world


def trials(world: World, every: int) -> Iterator[tuple[Store, Faulty]]:
    """Yield the mirror again and again; each time another operation fails, or its answer is lost: one of so many."""
    for how in (How.FAILS, How.LOSES_ANSWER):
        number = every
        while True:
            store = world.again()
            faulty = Faulty(store, number, how)
            yield store, faulty
            if not faulty.happened:
                break
            number += every


def served(store: Store) -> dict[str, bytes]:
    """Return all that clients can download."""
    return {key: stored.data for key in store.keys("public") if (stored := store.read(key))}


def reported(store: Store, act: Callable[[], bool]) -> bool:
    """Whether ``act`` reports that not all was done, and raises no error after it has done something."""
    before = served(store)
    try:
        return not act()
    except (MirrorError, OSError):
        assert served(store) == before, "something was done, and an error is all that is reported"
        return True


@SOME
def test_what_was_pruned_is_reported(every: int, spoilt: World) -> None:
    done = spoilt.again()
    assert prune_mirror(done, replaced=True, limits=AT_ONCE).ok

    def prune(store: Store, faulty: Faulty) -> bool:
        before = set(store.keys(FILES))
        report = prune_mirror(faulty, replaced=True, limits=AT_ONCE, connections=1)
        gone = {each.path for each in report.of(PruneStatus.DELETED)}
        assert {key for key in gone if store.head(key)} == set(), faulty.operations[-1]
        assert before - set(store.keys(FILES)) - gone <= {each.path for each in report.of(PruneStatus.FAILED)}
        return report.ok

    for store, faulty in trials(spoilt, every):
        is_reported = reported(store, lambda: prune(store, faulty))  # noqa: B023 - called at once
        assert is_reported or served(store) == served(done), faulty.operations[-1]


@SOME
def test_what_was_fixed_is_reported(every: int, spoilt: World) -> None:
    done = spoilt.again()
    assert check_mirror(done, fix=True, limits=AT_ONCE, selection=NOTHING_IN_THE_WAY).fixed

    def fix(store: Store, faulty: Faulty) -> bool:
        before = served(store)
        report = check_mirror(faulty, fix=True, limits=AT_ONCE, selection=NOTHING_IN_THE_WAY, connections=1)
        assert report.fixed or served(store) == before, faulty.operations[-1]
        now = check_mirror(store, limits=AT_ONCE).findings
        assert [each for each in report.fixed if each in now] == [], faulty.operations[-1]
        return report.complete and not report.findings

    for store, faulty in trials(spoilt, every):
        is_reported = reported(store, lambda: fix(store, faulty))  # noqa: B023 - called at once
        assert is_reported or served(store) == served(done), faulty.operations[-1]


@SOME
@pytest.mark.parametrize("selection", ["demo", "demo==2.0"])
def test_what_was_removed_is_reported(selection: str, every: int, world: World) -> None:
    done = world.again()
    assert remove_files(done, selection).ok

    def remove(store: Store, faulty: Faulty) -> bool:
        report = remove_files(faulty, selection)
        listed = {each.filename for each in load_page(store, "demo").files}
        for each in report.files:
            assert (each.filename in listed) is (each.status is PublishStatus.FAILED), faulty.operations[-1]
            if each.problem is None and not store.is_shared:
                assert store.head(str(each.path)) is store.head(f"{each.path}{METADATA}") is None, faulty.operations[-1]
        return report.ok

    for store, faulty in trials(world, every):
        is_reported = reported(store, lambda: remove(store, faulty))  # noqa: B023 - called at once
        assert is_reported or served(store) == served(done), faulty.operations[-1]


@pytest.mark.parametrize("where", [FILES, f"{FILES}/demo", SIMPLE])
def test_a_directory_that_cannot_be_read_once_is_reported(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in it is not taken for gone."""
    store = LocalStore(tmp_path / "mirror")
    assert add_wheels(store, demo_wheel(tmp_path / "in", "1.0")).ok
    left = store.location / where
    real, refused = os.scandir, list[str]()

    def refuse_once(path: str) -> object:
        if str(path) == str(left) and not refused:
            refused.append(str(path))
            raise OSError(errno.EIO, "Input/output error", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse_once)
    with pytest.raises(IncompleteListing, match="Input/output error"):
        list(store.keys(where))
    refused.clear()
    assert [(each.code, each.place) for each in check_mirror(store).findings] == [("unreadable", where)]
    refused.clear()
    if where != SIMPLE:  # which pages there are is not looked at
        report = prune_mirror(store)
        assert [(each.code, each.place) for each in report.findings] == [("unreadable", where)]
        assert not report.ok


def test_a_project_that_cannot_be_fixed_keeps_no_other_from_it(world: World, tmp_path: Path) -> None:
    """Another process may write to one of many for hours."""
    store = world.store
    for name in ("aaa", "zzz"):
        assert add_wheels(store, write_wheel(tmp_path, WheelSpec(project=name))).ok
    pages = [page_key(name, HTML) for name in ("aaa", "demo", "zzz")]
    for page in pages:
        store.delete(page)

    def fix() -> tuple[list[str], list[tuple[str, str]]]:
        limits = Limits(lock_seconds=0, grace_seconds=0)
        report = check_mirror(store, fix=True, limits=limits, selection=NOTHING_IN_THE_WAY)
        return [each.place for each in report.fixed], [(each.code, each.place) for each in report.findings]

    held = store.read(page_key("demo"))
    assert held is not None
    write_changed(store, {page_key("demo"): b"{"})
    fixed, left = fix()
    assert fixed == [pages[0], pages[2]]
    assert ("page-unreadable", page_key("demo")) in left
    write_changed(store, {page_key("demo"): held.data})
    if not store.is_shared:
        store.delete(pages[0])
        with store.locked("demo", 0):
            assert fix() == ([pages[0]], [("html-differs", pages[1]), ("ended-early", page_key("demo"))])
            assert fix() == ([], [("html-differs", pages[1]), ("ended-early", page_key("demo"))])
    assert fix() == ([pages[1]], [])
