"""One sync at a time: the second waits, or says who is at work; and what a killed run leaves, the next one knows."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from stores import MemoryStore, Objects
from syncing import Mirror, rows
from upstreams import pypi
from wheelfix.errors import MirrorError
from wheelfix.mirror.layout import SYNC, attributes_of
from wheelfix.mirror.storage import open_store
from wheelfix.mirror.storage.base import Store, Write
from wheelfix.options import Limits
from wheelfix.sync.planning import claim
from wheelfix.sync.planning.claim import claimed


class Clock:
    """The time of who waits for another run: it passes only while it waits."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.waited: list[float] = []
        patch.setattr("wheelfix.sync.planning.claim.time.sleep", self.sleep)
        self.then: Callable[[], object] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.then()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture(params=["directory", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore(tmp_path, Objects()) if request.param == "bucket" else open_store(tmp_path / "mirror", create=True)


def note(store: Store) -> dict[str, object]:
    stored = store.read(SYNC)
    return {} if stored is None else json.loads(stored.data)


def write(store: Store, data: bytes) -> None:
    there = store.read(SYNC)
    store.put_if([Write(SYNC, data, there.version if there else None, attributes_of(SYNC))])


def test_a_run_that_ended_well_leaves_nothing_to_do(store: Store) -> None:
    for _ in range(2):
        with claimed(store, 0) as found:
            assert found.unfinished == frozenset()
            assert note(store)["process"]
            found.finish([])
    assert note(store) in ({}, {"left": []})


def test_projects_that_are_left_are_those_of_the_next_run(store: Store) -> None:
    with claimed(store, 0) as found:
        found.finish({"six", "demo"})
    assert note(store) == {"left": ["demo", "six"]}
    with claimed(store, 0) as found:
        assert found.unfinished == frozenset({"demo", "six"})


def test_a_run_that_ends_with_an_error_leaves_any_project(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt), claimed(store, 0):
        raise KeyboardInterrupt
    with claimed(store, 0) as found:
        assert found.unfinished is None


def test_one_that_only_looked_leaves_what_it_found(store: Store) -> None:
    with pytest.raises(MirrorError), claimed(store, 0) as found:
        found.only_looks = True
        raise MirrorError("too-many-removals", "no", hint="")
    with claimed(store, 0) as found:
        assert found.unfinished == frozenset()


def test_one_that_was_killed_leaves_its_note(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim.Claim, "release", lambda self: None)
    with claimed(store, 0) as found:
        found.finish([])
    monkeypatch.setattr(claim, "_LEASE", -1.0)
    with claimed(store, 0) as found:
        assert found.unfinished is None


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"[]", b'{"left": "demo"}', b'{"left": {}}', b'{"run": 1e999}']
)
def test_a_damaged_note_leaves_any_project(data: bytes, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "_LEASE", -1.0)
    write(store, data)
    with claimed(store, 0) as found:
        assert found.unfinished is None


def test_names_in_a_note_are_no_paths(store: Store) -> None:
    write(store, json.dumps({"left": ["../../x", "demo", 3, "", "a/b"]}).encode())
    with claimed(store, 0) as found:
        assert found.unfinished == frozenset({"demo"})


def test_in_a_directory_the_second_run_says_that_another_is_at_work(tmp_path: Path) -> None:
    store, other = (open_store(tmp_path / "mirror", create=True) for _ in range(2))
    with (
        claimed(store, 0),
        pytest.raises(MirrorError, match="another sync of this mirror is still at work") as caught,
        claimed(other, 0),
    ):
        pytest.fail("both are at work")
    assert caught.value.code == "locked"


def test_in_a_directory_the_second_run_waits(tmp_path: Path) -> None:
    store, other = (open_store(tmp_path / "mirror", create=True) for _ in range(2))
    order: list[str] = []

    def second() -> None:
        with claimed(other, 10):
            order.append("second")

    thread = threading.Thread(target=second)
    with claimed(store, 0):
        thread.start()
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def bucket(folder: Path, objects: Objects) -> MemoryStore:
    return MemoryStore(folder, objects)


def test_in_a_bucket_the_second_run_says_who_is_at_work(tmp_path: Path, clock: Clock) -> None:
    objects = Objects()
    with claimed(bucket(tmp_path, objects), 0):
        with pytest.raises(MirrorError, match="another sync of this mirror is still at work after 12 seconds") as caught:
            with claimed(bucket(tmp_path, objects), 12):
                pytest.fail("both are at work")
        assert "process " in str(caught.value.reason)
    assert clock.waited == [5, 5, 2]


def test_in_a_bucket_the_second_run_waits_for_the_first(tmp_path: Path, clock: Clock) -> None:
    objects = Objects()
    first = claimed(bucket(tmp_path, objects), 0)
    first.__enter__()
    clock.then = lambda: first.__exit__(None, None, None)
    with claimed(bucket(tmp_path, objects), -1):
        assert clock.waited == [5]


def test_in_a_bucket_a_killed_run_is_forgotten_after_its_lease(tmp_path: Path, clock: Clock) -> None:
    objects = Objects()
    killed = claim.Claim(bucket(tmp_path, objects))
    assert killed.take() is None
    objects.pass_time(4 / 60)
    with pytest.raises(MirrorError), claimed(bucket(tmp_path, objects), 0):
        pass
    objects.pass_time(2 / 60)
    with claimed(bucket(tmp_path, objects), 0) as found:
        assert found.unfinished is None
        killed.renew()  # it was only slow
        killed.release()
        assert note(bucket(tmp_path, objects))["run"] != killed._run


def test_in_a_bucket_a_run_that_renews_its_note_is_not_forgotten(tmp_path: Path, clock: Clock) -> None:
    objects = Objects()
    slow = claim.Claim(bucket(tmp_path, objects))
    assert slow.take() is None
    for _ in range(10):
        objects.pass_time(4 / 60)
        slow.renew()
    with pytest.raises(MirrorError), claimed(bucket(tmp_path, objects), 0):
        pass


def test_of_two_that_find_no_note_one_is_at_work(tmp_path: Path, clock: Clock) -> None:
    objects = Objects()
    one, two = bucket(tmp_path, objects), bucket(tmp_path, objects)
    taken: list[bool] = []

    def meanwhile(operation: str, key: str) -> None:
        if operation == "put_if" and not taken:
            taken.append(True)
            taken.append(claim.Claim(two).take() is None)

    one.before = meanwhile
    with pytest.raises(MirrorError), claimed(one, 0):
        pass
    assert taken == [True, True]


def test_a_sync_holds_it_and_a_dry_run_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    with pypi() as upstream:
        mirror = Mirror(tmp_path, upstream, monkeypatch, bucket(tmp_path / "scratch", Objects()))
        with claimed(mirror.store, 0):
            assert mirror.sync(mirror.manifest(), dry_run=True).dry_run
            with pytest.raises(MirrorError, match="another sync of this mirror is still at work"):
                mirror.sync(limits=Limits(lock_seconds=0))
        assert rows(mirror.sync().plan) == []
