"""What every store must do, on real servers: beyond tests/unit/mirror/test_store.py."""

import hashlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Final

import obstore
import pytest

import buckets
from buckets import Bucket
from storing import BUCKETS, CLOUDS, KEY, PAGE, PREFIX, add, content, opened, write
from wheelfix.errors import ChangedMeanwhile, SourceChanged
from wheelfix.mirror.layout import attributes_of
from wheelfix.mirror.storage.base import NewFile, Store, sha256_of
from wheelfix.mirror.storage.local import LocalStore
from wheelfix.wheel.zip.source import Source

pytestmark = [pytest.mark.slow, pytest.mark.parts]

NewBucket = Callable[[str], Bucket]


@pytest.fixture(params=["directory", *BUCKETS])
def open_again(request: pytest.FixtureRequest, tmp_path: Path, new_bucket: NewBucket) -> Callable[[], Store]:
    """Opens an empty store of each kind in turn, and the same one each time, as another process would."""
    if request.param == "directory":
        return lambda: LocalStore(tmp_path / "mirror")
    bucket = new_bucket(request.param)
    return lambda: opened(bucket)


@pytest.fixture
def store(open_again: Callable[[], Store]) -> Store:
    """An empty store of each kind in turn."""
    return open_again()


def test_writers_of_one_page_lose_nothing(open_again: Callable[[], Store]) -> None:
    """Eight of them add ten lines each."""
    write(open_again(), PAGE, b"")

    def add_ten(writer: int) -> None:
        mine, left = open_again(), 10
        while left:
            with mine.locked("demo", 60):
                stored = mine.read(PAGE)
                assert stored is not None
                try:
                    write(mine, PAGE, stored.data + b"%d-%d " % (writer, left), stored.version)
                    left -= 1
                except ChangedMeanwhile:
                    time.sleep(random.uniform(0, 0.02))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add_ten, range(8)))
    wanted = sorted(b"%d-%d" % (writer, left) for writer in range(8) for left in range(1, 11))
    assert sorted((content(open_again(), PAGE) or b"").split()) == wanted


def test_one_of_many_creates_a_page(open_again: Callable[[], Store]) -> None:
    def create(number: int) -> bool:
        mine = open_again()
        try:
            with mine.locked("demo", 60):
                write(mine, PAGE, b"%d" % number)
        except ChangedMeanwhile:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(8))) == 1


def test_the_same_bytes_again_are_another_version_or_no_harm(store: Store) -> None:
    """A page that was changed and changed back may be overwritten by who read it before: it has the bytes that were read."""
    write(store, PAGE, b"one")
    first = store.read(PAGE)
    assert first is not None
    write(store, PAGE, b"two", first.version)
    second = store.read(PAGE)
    assert second is not None
    write(store, PAGE, b"one", second.version)
    try:
        write(store, PAGE, b"three", first.version)
    except ChangedMeanwhile:
        assert content(store, PAGE) == b"one"
    else:
        assert content(store, PAGE) == b"three"


@pytest.mark.parametrize(
    "name", ["a+b", "a b", "a%20b", "a%2Bb", "a#b", "a&b=c", "a'b", "a~b", "ü", "日本", "a,b;c", "(a)[b]!"]
)
def test_odd_names_come_back_as_they_are(name: str, store: Store) -> None:
    key = f"public/files/demo/0123456789abcdef/{name}.whl"
    assert add(store, key, b"one") == {}
    assert [*store.keys("public/files")] == [key]
    assert [(each, head.size) for each, head in store.heads("public/files")] == [(key, 3)]
    assert content(store, key) == b"one"
    with store.open(key) as source:
        assert source.read_at(1, 2) == b"ne"
    store.delete(key)
    store.delete(key)
    assert (store.head(key), [*store.keys("public")]) == (None, [])


@pytest.mark.parametrize(("kind", "count"), [("s3", 1002), ("azure", 2500), ("gcs", 2500)])  # moto takes its time
def test_thousands_of_keys_are_listed_in_order(kind: str, count: int, new_bucket: NewBucket) -> None:
    store = opened(new_bucket(kind))
    keys = [f"public/files/demo/{number:016x}/demo-{number}-py3-none-any.whl" for number in range(count)]
    assert store.put_new(NewFile(key, b"", attributes_of(key)) for key in keys) == {}
    assert [*store.keys("public/files")] == sorted(keys)
    found = dict(store.heads("public/files"))
    assert [*found] == sorted(keys)
    assert {head.size for head in found.values()} == {0}
    assert all(head.modified is not None for head in found.values())


def test_any_part_of_a_file_can_be_read(store: Store, tmp_path: Path) -> None:
    data, chance = random.Random(1).randbytes(3 << 20), random.Random(2)
    (tmp_path / "file").write_bytes(data)
    with Source(tmp_path / "file") as source:
        assert add(store, KEY, source) == {}
    with store.open(KEY) as opened_file:
        assert opened_file.size == len(data)
        for _ in range(50):
            start = chance.randrange(len(data))
            size = min(chance.choice([0, 1, 100, 70_000, 1 << 20]), len(data) - start)
            assert opened_file.read_at(start, size) == data[start : start + size]
    assert sha256_of(store, KEY) == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("kind", BUCKETS)
@pytest.mark.parametrize("change", ["replaced", "deleted"])
def test_of_a_file_that_changes_no_part_is_read_of_another(change: str, kind: str, new_bucket: NewBucket) -> None:
    store = opened(new_bucket(kind))
    add(store, KEY, bytes(1 << 20))
    with store.open(KEY) as source:
        assert source.read_at(0, 10) == bytes(10)
        if change == "deleted":
            store.delete(KEY)
        else:
            assert add(store, KEY, b"x" * (1 << 20), replace=True) == {}
        with pytest.raises(SourceChanged):
            source.read_at(500_000, 100_000)


@pytest.mark.parametrize("kind", CLOUDS)
def test_a_cdn_gets_the_headers_of_each_file(kind: str, new_bucket: NewBucket, tmp_path: Path) -> None:
    bucket = new_bucket(kind)
    store, client = opened(bucket), buckets.client(bucket)
    write(store, PAGE, b"{}")
    write(store, "public/simple/demo/index.html", b"<html>")
    (tmp_path / "file").write_bytes(bytes(9 << 20))
    with Source(tmp_path / "file") as source:
        add(store, KEY, source)
    add(store, f"{KEY}.metadata", b"Name: demo")
    for key in (PAGE, "public/simple/demo/index.html", KEY, f"{KEY}.metadata"):
        found, wanted = obstore.get(client, f"{PREFIX}/{key}").attributes, attributes_of(key)
        assert (found["Content-Type"], found["Cache-Control"]) == (wanted.content_type, wanted.cache_control)


_SEND: Final = """
import json, sys
from pathlib import Path
from wheelfix.mirror.layout import attributes_of
from wheelfix.mirror.storage.base import NewFile
from wheelfix.mirror.storage.objects import ObjectStore
from wheelfix.wheel.zip.source import Source, sha256_of

url, path, key = sys.argv[1:]

def peak():
    rows = dict(row.split(":", 1) for row in Path("/proc/self/status").read_text().splitlines())
    return int(rows["VmHWM"].split()[0]) << 10

store = ObjectStore.at(url)
store.read(key)
before = peak()
with Source(Path(path)) as source:
    errors = store.put_new([NewFile(key, source, attributes_of(key))])
with store.open(key) as stored:
    digest = sha256_of(stored)
print(json.dumps({"errors": len(errors), "sha256": digest, "grown": peak() - before}))
"""


@pytest.mark.parametrize("kind", CLOUDS)
def test_a_large_file_is_sent_and_read_with_little_memory(kind: str, new_bucket: NewBucket, tmp_path: Path) -> None:
    # What the allocator keeps for each thread of the client differs by 16 MiB between a quiet machine and a busy one.
    size, path = 192 << 20, tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(size)
    digest = hashlib.sha256(bytes(size)).hexdigest()
    command = [sys.executable, "-c", _SEND, f"{new_bucket(kind).url}/{PREFIX}", str(path), KEY]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["errors"], found["sha256"]) == (0, digest)
    assert found["grown"] < 72 << 20


def test_what_is_not_what_it_should_be_is_not_there(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(9 << 20))
    with Source(tmp_path / "file") as source:
        for key, data in ((KEY, source), (f"{KEY}.metadata", b"Name: demo")):
            assert add(store, key, data, sha256="0" * 64).keys() <= {key}
    for key in (KEY, f"{KEY}.metadata"):
        head = store.head(key)
        assert head is None or sha256_of(store, key) != "0" * 64


@pytest.mark.parametrize("kind", BUCKETS)
def test_a_large_file_that_changes_while_it_is_sent_is_not_there(kind: str, new_bucket: NewBucket, tmp_path: Path) -> None:
    store, path = opened(new_bucket(kind)), tmp_path / "file"
    path.write_bytes(bytes(20 << 20))
    with Source(path) as source:
        path.write_bytes(b"x" * (20 << 20))
        assert {type(error) for error in add(store, KEY, source).values()} == {SourceChanged}
    assert (store.head(KEY), [*store.keys("public")]) == (None, [])


def test_what_a_listing_says_of_a_file_is_what_its_head_says(store: Store) -> None:
    add(store, KEY, b"file")
    head = store.head(KEY)
    [(key, listed)] = store.heads("public")
    assert head is not None
    assert (key, listed.size) == (KEY, head.size)
    assert head.modified is not None
    assert listed.modified is not None
    assert abs(head.modified - listed.modified) < timedelta(seconds=2)
