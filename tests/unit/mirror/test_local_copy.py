"""Wheels in a bucket that are read whole: each is copied to this machine in a few requests, and nothing of it stays."""

import random
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from building import Entry
from demos import demo_wheel
from in_memory import Held
from wheelfix.errors import MirrorError, SourceChanged
from wheelfix.locations import Url
from wheelfix.mirror import local_copy
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.local_copy import LocalCopies
from wheelfix.mirror.storage import objects
from wheelfix.mirror.storage.base import is_whole, sha256_of
from wheelfix.mirror.storage.objects import ObjectStore
from wheelfix.mirror.upload import add_wheels
from wheelfix.progress import NoProgress
from wheelfix.upstream.buckets import Bucket
from wheelfix.upstream.clouds import S3
from wheelfix.wheel.zip import source
from wheelfix.wheel.zip.source import Ranged, blocks_of

obstore = pytest.importorskip("obstore", reason="needs the extra cloud")
PART = 1 << 16
WHEEL = "demo-1.0-py3-none-any.whl"


class Client:
    """A client of a store in memory that counts what is read of each object."""

    def __init__(self) -> None:
        from obstore.store import MemoryStore

        self.store = MemoryStore()
        self.gets: Counter[str] = Counter()
        self.on_get: Callable[[str], None] = lambda name: None

    def get(self, key: str, **options: Any) -> Any:
        name = key.rpartition("/")[2]
        self.gets[name] += not options.get("options", {}).get("head")
        self.on_get(name)
        return self.store.get(key, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


class Mirror(NamedTuple):
    store: ObjectStore
    client: Client
    size: int
    scratch: Path

    @property
    def key(self) -> str:
        return next(key for key in self.store.keys("public/files") if key.endswith(WHEEL))


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    """A mirror with a wheel of twenty parts, and many files."""
    monkeypatch.setattr(source, "_PART", PART)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(ObjectStore, "problems", lambda self: iter(()))  # another client lists unfinished uploads
    objects._probed.clear()
    client = Client()
    store = ObjectStore(Bucket(Url("s3://wheels/team"), S3, "wheels", client, "team"))  # type: ignore[arg-type]
    files = tuple(Entry(f"demo/{number}.bin", random.Random(number).randbytes(2_000), method=0) for number in range(600))
    wheel = demo_wheel(tmp_path / "in", "1.0", files=files)
    assert add_wheels(store, wheel).ok
    client.gets.clear()
    return Mirror(store, client, wheel.stat().st_size, store.scratch())


class Bytes(NoProgress):
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.sizes: dict[str, int | None] = {}

    def file_started(self, name: str, size: int | None, resumed: int = 0) -> None:
        self.sizes[name] = size

    def file_advanced(self, name: str, count: int) -> None:
        self.counts[name] += count


def parts(mirror: Mirror) -> int:
    return -(-mirror.size // PART)


def test_a_check_of_a_bucket_reads_a_wheel_once_in_large_parts(mirror: Mirror) -> None:
    progress = Bytes()
    assert check_mirror(mirror.store, progress=progress).findings == ()
    assert mirror.client.gets[WHEEL] <= parts(mirror) + 1, "and its end, when it is opened"
    assert progress.counts == progress.sizes == {WHEEL: mirror.size}
    assert not list(mirror.scratch.iterdir())


def test_a_quick_check_reads_no_wheel(mirror: Mirror) -> None:
    assert check_mirror(mirror.store, quick=True).findings == ()
    assert not mirror.client.gets[WHEEL]


def test_fixing_a_metadata_file_reads_a_wheel_once_more(mirror: Mirror) -> None:
    mirror.store.delete(f"{mirror.key}.metadata")
    report = check_mirror(mirror.store, fix=True)
    assert [each.code for each in report.fixed] == ["metadata-file-missing"]
    assert report.findings == ()
    assert mirror.client.gets[WHEEL] <= 3 * (parts(mirror) + 1), "to check, to fix, and to check again"


def test_what_was_damaged_is_found(mirror: Mirror) -> None:
    data = bytearray(mirror.client.store.get(f"team/{mirror.key}").bytes())
    data[len(data) // 3] ^= 1
    mirror.client.store.put(f"team/{mirror.key}", bytes(data))
    assert {each.code for each in check_mirror(mirror.store).findings} == {"file-differs", "wheel-invalid"}
    assert mirror.client.gets[WHEEL] <= parts(mirror) + 1


@pytest.mark.parametrize("asked", [sha256_of, lambda store, key: is_whole(store, key, 0, "") or key])
def test_a_sum_takes_few_requests(asked: Callable[[ObjectStore, str], str], mirror: Mirror) -> None:
    """Also where the bucket does not know it: another tool wrote the object."""
    key, data = mirror.key, bytes(mirror.client.store.get(f"team/{mirror.key}").bytes())
    mirror.client.store.put(f"team/{key}", data)
    assert asked(mirror.store, key)
    assert mirror.client.gets[WHEEL] <= parts(mirror) + 1


def test_what_changes_meanwhile_is_found_and_leaves_nothing(mirror: Mirror) -> None:
    def change(name: str) -> None:
        if mirror.client.gets[name] == parts(mirror) // 2:
            mirror.client.store.put(f"team/{mirror.key}", b"other bytes")

    mirror.client.on_get = change
    with pytest.raises(SourceChanged), LocalCopies(mirror.store).open(mirror.key):
        pass
    assert not list(mirror.scratch.iterdir())


def test_without_space_nothing_is_read(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says nothing of the wheel, which is no worse for it."""
    free = shutil.disk_usage(mirror.scratch)._replace(free=mirror.size - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(MirrorError) as raised, LocalCopies(mirror.store).open(mirror.key):
        pass
    assert raised.value.code == "no-space"
    [finding] = check_mirror(mirror.store).findings
    assert finding.code == "unreadable"
    assert finding.message.startswith("there is not enough space for demo-1.0")
    assert mirror.client.gets[WHEEL] <= 2, "the end of each that was opened"


def test_a_copy_is_all_of_the_wheel_and_goes_with_its_context(mirror: Mirror) -> None:
    with LocalCopies(mirror.store).open(mirror.key) as (copy, sha256):
        assert copy.size == mirror.size
        assert sha256 == sha256_of(mirror.store, mirror.key)
        assert copy.read_at(0, mirror.size) == mirror.client.store.get(f"team/{mirror.key}").bytes()
        assert not list(mirror.scratch.iterdir()), "it has no name: nothing is left if the process is killed"


class Elsewhere(Held):
    """A file of which each part is a request."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.loaded: list[int] = []

    def load(self, start: int, stop: int) -> bytes:
        self.loaded.append(stop - start)
        return super().read_at(start, stop - start)

    def read_at(self, offset: int, size: int) -> bytes:
        raise AssertionError("a part that is kept")


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 3 * PART])
def test_blocks_are_the_file(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_PART", PART)
    monkeypatch.setattr(source, "_BLOCK", 1000)
    data = random.Random(size).randbytes(size)
    elsewhere = Elsewhere(data)
    assert isinstance(elsewhere, Ranged)
    assert not isinstance(Held(data), Ranged)
    assert b"".join(blocks_of(elsewhere)) == data == b"".join(blocks_of(Held(data)))
    assert len(elsewhere.loaded) == -(-size // PART)


class Shelf:
    """As much of a store as copies need."""

    def __init__(self, file: Held, scratch: Path) -> None:
        self.file = file
        self._scratch = scratch

    def open(self, key: str) -> AbstractContextManager[Held]:
        return nullcontext(self.file)

    def scratch(self) -> Path:
        return self._scratch


def test_what_is_read_without_requests_is_not_copied(tmp_path: Path) -> None:
    here = Held(bytes(1 << 20))
    with LocalCopies(Shelf(here, tmp_path)).open("x") as (copy, sha256):  # type: ignore[arg-type]
        assert (copy, sha256) == (here, None)
    small = Elsewhere(bytes(PART))
    with LocalCopies(Shelf(small, tmp_path)).open("x") as (copy, sha256):  # type: ignore[arg-type]
        assert (copy, sha256) == (small, None)


def test_a_few_copies_at_a_time_and_each_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of space that is free, what others are still to write is not."""
    file = Elsewhere(bytes(3 * PART))
    copies = LocalCopies(Shelf(file, tmp_path))  # type: ignore[arg-type]
    monkeypatch.setattr(source, "_PART", PART)
    asked: list[int] = []

    def disk_usage(_: Path) -> Any:
        class Usage:
            free = 5 * PART

        asked.append(1)
        return Usage

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    second: list[MirrorError] = []

    class Two(NoProgress):
        def file_started(self, name: str, size: int | None, resumed: int = 0) -> None:
            if len(asked) == 1:  # while the first is copied
                with pytest.raises(MirrorError) as raised, copies.open("y"):
                    pass
                second.append(raised.value)

    copies._progress = Two()
    with copies.open("x"):
        assert [each.code for each in second] == ["no-space"]
    with copies.open("x"), copies.open("y"), copies.open("z"):
        assert not copies._turns.acquire(blocking=False), "there are no more turns"
    assert local_copy._AT_ONCE == 3
