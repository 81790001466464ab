"""The store of :mod:`faults` does what it says: other tests rely on it."""

from pathlib import Path

import pytest

from faults import Faulty, How, Killed
from stores import MemoryStore
from wheelfix.errors import ChangedMeanwhile, MirrorError
from wheelfix.mirror.layout import attributes_of
from wheelfix.mirror.storage.base import NewFile, Write

KEYS = [f"public/simple/demo{number}/index.json" for number in range(3)]


@pytest.fixture
def memory(tmp_path: Path) -> MemoryStore:
    return MemoryStore(tmp_path / "scratch")


def put_three(store: Faulty) -> None:
    store.put_if([Write(key, b"new", None, attributes_of(key)) for key in KEYS])


@pytest.mark.parametrize(("how", "there"), [(How.FAILS, 1), (How.LOSES_ANSWER, 2), (How.STAYS_AWAY, 1)])
def test_pages_are_written_up_to_the_operation_that_fails(how: How, there: int, memory: MemoryStore) -> None:
    store = Faulty(memory, 2, how)
    with pytest.raises(MirrorError, match="does not answer"):
        put_three(store)
    assert [*memory.keys("public")] == KEYS[:there]
    assert store.operations == [("put_if", KEYS[0]), ("put_if", KEYS[1])]
    assert store.happened


@pytest.mark.parametrize(("how", "there"), [(How.KILLED_BEFORE, 1), (How.KILLED_AFTER, 2)])
def test_who_is_killed_does_nothing_more(how: How, there: int, memory: MemoryStore) -> None:
    store = Faulty(memory, 2, how)
    with pytest.raises(Killed):
        put_three(store)
    for act in (lambda: store.delete(KEYS[0]), lambda: store.read(KEYS[0]), lambda: store.put_new(new_files())):
        with pytest.raises(Killed):
            act()
    assert [*memory.keys("public")] == KEYS[:there]


def new_files() -> list[NewFile]:
    return [NewFile(key, b"new", attributes_of(key)) for key in KEYS]


@pytest.mark.parametrize(
    ("how", "there"),
    [(How.FAILS, [KEYS[0], KEYS[2]]), (How.LOSES_ANSWER, KEYS), (How.STAYS_AWAY, KEYS[:1])],
)
def test_of_several_files_those_that_failed_are_named(how: How, there: list[str], memory: MemoryStore) -> None:
    errors = Faulty(memory, 2, how).put_new(new_files())
    assert [*errors] == (KEYS[1:] if how is How.STAYS_AWAY else [KEYS[1]])
    assert [*memory.keys("public")] == there


def test_only_one_operation_fails(memory: MemoryStore) -> None:
    store = Faulty(memory, 1)
    with pytest.raises(MirrorError, match="does not answer"):
        store.read(KEYS[0])
    put_three(store)
    assert store.head(KEYS[0])
    assert not Faulty(memory, 1).happened


def test_what_others_changed_is_reported_as_the_store_does_it(memory: MemoryStore) -> None:
    memory.put_if([Write(KEYS[1], b"of another", None, attributes_of(KEYS[1]))])
    with pytest.raises(ChangedMeanwhile) as caught:
        put_three(Faulty(memory))
    assert (caught.value.key, caught.value.written) == (KEYS[1], frozenset({KEYS[0]}))
