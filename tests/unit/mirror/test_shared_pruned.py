"""Files that somebody deletes while a run is about to list them, because no page listed them for long."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from faults import no_answer
from sharing import disagreeing, misled, other, statuses, wheel
from stores import MemoryStore
from wheelfix.mirror.layout import FILES, METADATA, ROOT_HTML, SIMPLE, page_key
from wheelfix.mirror.prune import prune_mirror
from wheelfix.mirror.repository import listed_keys, load_page
from wheelfix.mirror.storage.base import Head
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import remove_files
from wheelfix.results import PublishStatus

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def store(tmp_path: Path) -> MemoryStore:
    return MemoryStore(tmp_path / "scratch")


class Pruner:
    """Deletes the files of a project that no page lists and that are older than ``hours``, in two steps.

    It is careless: journals of runs that are at work it does not look at, and it takes its time between the steps.
    """

    def __init__(self, store: MemoryStore, hours: float = 24) -> None:
        self._store = store
        self._hours = hours
        self._keys: list[str] = []

    def look(self) -> None:
        listed, objects = listed_keys(load_page(self._store, "demo")), self._store.objects
        old = objects.now - timedelta(hours=self._hours)
        files = [key for key in objects if key.startswith(f"{FILES}/demo/") and key not in listed]
        self._keys = [key for key in files if objects[key].modified < old]

    def delete(self) -> None:
        for key in self._keys:
            self._store.delete(key)


def left_over(store: MemoryStore, tmp_path: Path, hours: float) -> Path:
    """Return a wheel that no page lists, and that lies in the store for so long."""
    path = wheel(tmp_path / "in")
    add_wheels(store, [path, wheel(tmp_path / "in", "2.0")])
    remove_files(store, "demo==1.0")
    store.objects.pass_time(hours)
    return path


@pytest.mark.parametrize("hours", [1, 11.9, 12.1, 23.9, 24.1, 1000])
def test_a_file_that_somebody_may_delete_is_put_anew(hours: float, store: MemoryStore, tmp_path: Path) -> None:
    path = left_over(store, tmp_path, hours)
    store.requests.clear()
    assert statuses(add_wheels(store, path)) == {path.name: "added"}
    put = [key for operation, key in store.requests if operation == "put" and key.endswith(".whl")]
    assert len(put) == (hours > 12)


def test_a_clock_that_is_not_known_puts_files_anew(
    store: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = left_over(store, tmp_path, 0)
    head = store.head
    monkeypatch.setattr(store, "head", lambda key: (found := head(key)) and Head(found.size, found.sha256))
    store.requests.clear()
    add_wheels(store, path)
    assert [key for operation, key in store.requests if operation == "put" and key.endswith(".whl")]


@pytest.mark.parametrize("hours", [25, *(pytest.param(hours, marks=pytest.mark.slow) for hours in (0, 23))])
def test_no_page_lists_what_somebody_deletes_at_any_time(hours: float, tmp_path: Path) -> None:
    """One looks before any operation of the other, and deletes before any later one, up to the last look of the other.

    Where hours pass in between, too: then it deletes what was young when the other one found it. What it deletes before the
    first look of the other is there again when it is listed.
    """
    start = MemoryStore(tmp_path / "scratch")
    path = left_over(start, tmp_path, hours)
    at = looks = 0
    while at <= looks:
        at = until = at + 1
        while until <= max(at, looks):
            store = MemoryStore(tmp_path / "scratch", start.objects.copy())
            prune_meanwhile(store, Pruner(other(store)), at, until, hours=max(0, 25 - hours))
            when_listed = misled_when_listed(store)
            assert statuses(add_wheels(store, path)) == {path.name: "added"}
            assert misled(store.objects) == disagreeing(store.objects, tmp_path) == [], (at, until)
            listed = store.requests.index(("put_if", page_key("demo")))
            before = max(n for n, each in enumerate(store.requests[:listed], 1) if is_look(each))
            assert until >= before or when_listed == [], (at, until)
            looks = max(n for n, each in enumerate(store.requests, 1) if is_look(each))
            until += 1
    assert looks > 10


def is_look(request: tuple[str, str]) -> bool:
    """Whether a run looks again at what it found: only then it asks for metadata files alone."""
    return request[0] == "head" and request[1].endswith(METADATA)


def misled_when_listed(store: MemoryStore) -> list[str]:
    """Return a list that is filled with what a page leads to and is not there, once it is written."""
    found: list[str] = []

    def after(operation: str, key: str) -> None:
        if (operation, key) == ("put_if", page_key("demo")):
            found.extend(misled(store.objects))

    store.after = after
    return found


def prune_meanwhile(store: MemoryStore, pruner: Pruner, at: int, until: int, hours: float) -> None:
    """Let ``pruner`` look before operation ``at`` of ``store``, once ``hours`` have passed, and delete before ``until``."""
    count = 0

    def before(operation: str, key: str) -> None:
        nonlocal count
        count += 1
        if count == at:
            store.objects.pass_time(hours)
            pruner.look()
        if count == until:
            pruner.delete()

    store.before = before


def test_pruning_at_any_moment_of_a_run_misleads_nobody(tmp_path: Path) -> None:
    start = MemoryStore(tmp_path / "scratch")
    path = left_over(start, tmp_path, 25)
    at = requests = 0
    while at <= requests:
        at += 1
        store = MemoryStore(tmp_path / "scratch", start.objects.copy())
        act_at(store, at, partial(prune_mirror, other(store)))
        assert statuses(add_wheels(store, path)) == {path.name: "added"}
        assert misled(store.objects) == disagreeing(store.objects, tmp_path) == [], at
        requests = len(store.requests)
    assert requests > 15


def test_what_is_listed_at_any_moment_while_others_prune_is_there_or_reported(tmp_path: Path) -> None:
    """Only between its last look at a file and the request that deletes it can one not know; then it says so."""
    start = MemoryStore(tmp_path / "scratch")
    path = left_over(start, tmp_path, 25)
    at = requests = lost = 0
    while at <= requests:
        at += 1
        store = MemoryStore(tmp_path / "scratch", start.objects.copy())
        act_at(store, at, partial(add_wheels, other(store), path))
        report = prune_mirror(store)
        if misled(store.objects):
            lost += 1
            assert {each.problem.code for each in report.files if each.problem} == {"listed-meanwhile"}, at
        assert add_wheels(other(store), path).ok
        assert misled(store.objects) == disagreeing(store.objects, tmp_path) == [], at
        requests = len(store.requests)
    assert requests > 10
    assert lost <= 2


def act_at(store: MemoryStore, at: int, act: Callable[[], object]) -> None:
    """Let another process ``act`` before the operation ``at`` of ``store``."""
    count = 0

    def before(operation: str, key: str) -> None:
        nonlocal count
        count += 1
        if count == at:
            act()

    store.before = before


def test_a_file_that_cannot_be_put_again_is_a_problem_of_what_is_listed(store: MemoryStore, tmp_path: Path) -> None:
    """It is listed, which is what was asked for; and the file is gone, which has to be said."""
    path = left_over(store, tmp_path, 25)
    pruner = Pruner(store)
    pruner.look()
    ours = other(store)
    listed = False

    def before(operation: str, key: str) -> None:
        nonlocal listed
        if (operation, key) == ("put_if", ROOT_HTML) or (operation == "head" and listed):
            pruner.delete()
        if (operation, key) == ("put_if", page_key("demo")):
            listed = True
        if operation == "put" and listed:
            raise no_answer(key)

    ours.before = before
    [done] = add_wheels(ours, path).files
    assert done.status is PublishStatus.ADDED
    assert done.problem is not None
    assert "does not answer" in done.problem.message
    assert "deleted" in done.problem.message
    assert add_wheels(store, path).ok
    assert misled(store.objects) == []


def test_of_many_files_a_look_is_one_list(store: MemoryStore, tmp_path: Path) -> None:
    paths = [wheel(tmp_path / "in", f"{number}.0") for number in range(40)]
    assert add_wheels(store, paths).ok
    heads = [key for operation, key in store.requests if operation == "head" and key.startswith(FILES)]
    assert len(heads) == len(paths)
    assert [key for operation, key in store.requests if operation == "list"] == [f"{FILES}/demo", SIMPLE, f"{FILES}/demo"]
