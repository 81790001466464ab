"""What every store must do, whatever it keeps its bytes in; and that a mirror needs no more than that."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demos import GPU, demo_wheel
from faults import Faulty
from stores import MemoryStore
from wheelfix.errors import MirrorError, SourceChanged
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.decide import NewWheel
from wheelfix.mirror.layout import attributes_of, key_of
from wheelfix.mirror.project import Request
from wheelfix.mirror.repository import load_page
from wheelfix.mirror.storage.base import NewFile, Store, Write, is_whole, sha256_of, write_changed
from wheelfix.mirror.storage.local import LocalStore
from wheelfix.mirror.storage.objects import ObjectStore
from wheelfix.mirror.upload import add_new_wheels
from wheelfix.options import Publishing, Transfer
from wheelfix.results import PublishStatus
from wheelfix.wheel.zip.source import Source

KEY = "public/files/demo/0123456789abcdef/demo-1.0-py3-none-any.whl"
PAGE = "public/simple/demo/index.json"
STORES: dict[str, Callable[[Path], Store]] = {
    "directory": lambda path: LocalStore(path / "mirror"),
    "memory": lambda path: MemoryStore(path / "scratch"),
    "one that could fail": lambda path: Faulty(MemoryStore(path / "scratch")),
}


BUCKETS = ("s3", "s3-versioned", "azure", "gcs")
"""Kinds of buckets (:data:`buckets.KINDS`)."""


@pytest.fixture(params=[*STORES, *BUCKETS])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Each store in turn: a new one is one more row of a table."""
    if request.param in STORES:
        return STORES[request.param](tmp_path)
    return ObjectStore.at(f"{request.getfixturevalue('new_bucket')(request.param).url}/team/mirror")


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Source]:
    path = tmp_path / "in" / "file"
    path.parent.mkdir()
    path.write_bytes(b"some bytes")
    with Source(path) as opened:
        yield opened


def put(store: Store, key: str, data: bytes, version: str | None = None) -> None:
    store.put_if([Write(key, data, version, attributes_of(key))])


def test_nothing_is_there_at_first(store: Store) -> None:
    assert store.read(KEY) is None
    assert store.head(KEY) is None
    assert list(store.keys("public")) == []
    assert list(store.problems()) == []
    store.delete(KEY)


def test_a_file_is_written_once(store: Store, source: Source) -> None:
    new = NewFile(KEY, source, attributes_of(KEY))
    assert store.put_new([new]) == {}
    store.flush()
    head, stored = store.head(KEY), store.read(KEY)
    assert (head and head.size, stored and stored.data) == (10, b"some bytes")
    with store.open(KEY) as opened:
        assert (opened.size, opened.read_at(5, 3)) == (10, b"byt")
    assert sha256_of(store, KEY) == hashlib.sha256(b"some bytes").hexdigest()
    assert {key: type(error) for key, error in store.put_new([new]).items()} == {KEY: FileExistsError}
    assert source.path.read_bytes() == b"some bytes"


@pytest.mark.parametrize("transfer", Transfer)
def test_a_file_is_the_same_however_it_gets_there(transfer: Transfer, store: Store, source: Source) -> None:
    assert store.put_new([NewFile(KEY, source, attributes_of(KEY), transfer)]) == {}
    assert is_whole(store, KEY, 10, hashlib.sha256(b"some bytes").hexdigest())
    assert not is_whole(store, KEY, 10, "0" * 64)
    assert not is_whole(store, KEY, 9, hashlib.sha256(b"some bytes").hexdigest())


def test_a_file_that_changes_is_not_written(store: Store, source: Source) -> None:
    source.path.write_bytes(b"other, and more of them")
    other = f"{KEY}.metadata"
    news = [NewFile(KEY, source, attributes_of(KEY)), NewFile(other, b"of others", attributes_of(other))]
    assert {key: type(error) for key, error in store.put_new(news).items()} == {KEY: SourceChanged}
    head, data = store.head(other), hashlib.sha256(b"of others").hexdigest()
    assert store.head(KEY) is None
    assert head is not None
    assert (head.size, head.sha256 in (data, None)) == (9, True)


def test_of_many_files_each_is_written(store: Store) -> None:
    """A store writes them in groups; what is wrong with one is not with others."""
    keys = [f"public/files/demo/{number:016x}/demo-1.{number}-py3-none-any.whl" for number in range(150)]
    assert store.put_new([NewFile(keys[70], b"there", attributes_of(keys[70]))]) == {}
    errors = store.put_new(NewFile(key, key.encode(), attributes_of(key)) for key in keys)
    assert {key: type(error) for key, error in errors.items()} == {keys[70]: FileExistsError}
    store.flush()
    for key in keys:
        stored = store.read(key)
        assert stored is not None
        assert stored.data == (b"there" if key == keys[70] else key.encode())
    news = [NewFile(keys[number], b"replaced", attributes_of(keys[number]), replace=True) for number in (0, 149)]
    assert store.put_new(news) == {}
    assert [stored.data for key in (keys[0], keys[149]) if (stored := store.read(key))] == [b"replaced"] * 2


def test_of_many_pages_each_is_written(store: Store) -> None:
    keys = [f"public/simple/demo{number}/{name}" for number in range(50) for name in ("index.json", "index.html")]
    keys += ["public/simple/index.json", "public/simple/index.html"]
    store.put_if([Write(key, key.encode(), None, attributes_of(key)) for key in keys])
    assert [stored.data for key in keys if (stored := store.read(key))] == [key.encode() for key in keys]


def test_a_page_is_written_only_in_place_of_what_was_read(store: Store) -> None:
    put(store, PAGE, b"one")
    first = store.read(PAGE)
    assert first is not None
    for version in (None, "another"):
        with pytest.raises(MirrorError, match=f"another process changed {PAGE}"):
            put(store, PAGE, b"two", version)
    put(store, PAGE, b"two", first.version)
    second = store.read(PAGE)
    assert (second and second.data, second and second.version != first.version) == (b"two", True)
    with pytest.raises(MirrorError, match="another process changed"):
        put(store, PAGE, b"three", first.version)
    store.delete(PAGE)
    with pytest.raises(MirrorError, match="another process changed"):
        put(store, PAGE, b"three", first.version)


def test_pages_are_written_in_order(store: Store) -> None:
    """What comes after one that was changed meanwhile is not written: it would lead to what is not there."""
    put(store, "public/simple/index.json", b"changed by another process")
    keys = (PAGE, "public/simple/index.json", "public/simple/index.html")
    with pytest.raises(MirrorError):
        store.put_if([Write(key, b"new", None, attributes_of(key)) for key in keys])
    assert store.read("public/simple/index.html") is None


def test_what_is_there_already_is_not_written_again(store: Store) -> None:
    write_changed(store, {PAGE: b"one"})
    stored = store.read(PAGE)
    write_changed(store, {PAGE: b"one"}, {PAGE: "of an older page"})
    assert store.read(PAGE) == stored
    with pytest.raises(MirrorError):
        write_changed(store, {PAGE: b"two"}, {PAGE: "of an older page"})
    write_changed(store, {PAGE: b"two"})


def test_keys_are_listed_in_order(store: Store) -> None:
    keys = ["public/files/a/0/x.whl", "public/files/b/0/x.whl", "public/files/b/0/x.whl.metadata", PAGE]
    for key in reversed(keys):
        put(store, key, key.encode())
    assert list(store.keys("public/files")) == keys[:-1]
    assert list(store.keys("public/files/b")) == keys[1:3]
    assert list(store.keys("public")) == keys
    assert list(store.keys("public/file")) == []
    store.delete(keys[0])
    assert list(store.keys("public/files")) == keys[1:3]


def test_two_writers_of_one_project_take_turns(store: Store) -> None:
    with store.locked("demo", 1), store.locked("other", 1):
        pass


def test_work_in_progress_is_no_part_of_the_store(store: Store) -> None:
    (store.scratch() / "half").write_bytes(b"x")
    assert list(store.keys("public")) == []
    assert not store.serves(store.scratch() / "half")


def test_a_mirror_needs_no_more_than_a_store(store: Store, tmp_path: Path) -> None:
    paths = [demo_wheel(tmp_path / "in", version) for version in ("1.0", "2.0")]
    wheels = [NewWheel(path=path) for path in paths]
    report = add_new_wheels(store, wheels, Request())
    assert [each.status for each in report.files] == [PublishStatus.ADDED] * 2
    assert check_mirror(store).findings == ()
    other = demo_wheel(tmp_path / "in", "3.0")
    replaced = demo_wheel(tmp_path / "again", "1.0", GPU)
    news = [NewWheel(path=other), NewWheel(path=replaced)]
    report = add_new_wheels(store, news, Request(publishing=Publishing(replace=True, transfer=Transfer.MOVE)))
    assert {each.status for each in report.files} == {PublishStatus.ADDED, PublishStatus.REPLACED}
    assert not replaced.exists()
    page = load_page(store, "demo")
    assert [key_of(file.url) for file in page.files] == [page.key(file) for file in page.files]
    store.delete("public/simple/demo/index.html")
    assert {each.code for each in check_mirror(store).findings} == {"html-differs", "gpu-requirements"}
    assert {each.code for each in check_mirror(store, fix=True).fixed} == {"html-differs"}
