"""When files were first seen at an index that has no upload times."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from choosing import epoch
from sharing import Clock
from stores import MemoryStore, Objects
from upstreams import LINUX, pytorch, torch
from wheelfix.errors import MirrorError
from wheelfix.mirror import retry
from wheelfix.mirror.layout import FIRST_SEEN
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.sync.choice.first_seen import FirstSeen
from wheelfix.sync.manifest.model import Manifest, Source
from wheelfix.sync.model import Action
from wheelfix.sync.run import sync_mirror

KEY = f"{FIRST_SEEN}/demo"
ONE, TWO = "1" * 64, "2" * 64


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """An empty store, on the tenth of January."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch("2026-01-10"))
    return MemoryStore(tmp_path, Objects())


def noted(store: MemoryStore) -> dict[str, str]:
    """Return what is noted of the project demo."""
    stored = store.read(KEY)
    found: dict[str, str] = json.loads(stored.data)["first-seen"] if stored else {}
    return found


def day(number: int) -> str:
    """Return the start of a day in January, as it is noted."""
    return f"2026-01-{number:02}T00:00:00.000000Z"


def test_a_time_is_kept_from_run_to_run(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = FirstSeen(store, {})
    assert seen.time("demo", ONE) == seen.time("demo", ONE)
    assert noted(store) == {}
    seen.save()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch("2026-01-12"))
    seen = FirstSeen(store, {})
    assert [seen.time("demo", each).day for each in (ONE, TWO)] == [10, 12]
    seen.save()
    assert noted(store) == {ONE: day(10), TWO: day(12)}
    requests = len(store.requests)
    FirstSeen(store, {}).save()
    assert len(store.requests) == requests, "nothing new is no request"


def test_the_earlier_time_of_two_runs_counts(store: MemoryStore, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    first = FirstSeen(store, {})
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch("2026-01-12"))
    second = FirstSeen(store, {})
    for each in (first, second):
        each.time("demo", ONE)
    second.time("demo", TWO)
    second.save()
    first.save()
    assert noted(store) == {ONE: day(10), TWO: day(12)}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of a writer that tries again: it passes only while it waits."""
    clock = Clock()
    monkeypatch.setattr(retry, "time", clock)
    return clock


def test_a_run_that_another_one_overtakes_while_it_writes_tries_again(store: MemoryStore, clock: Clock) -> None:
    others = iter([{TWO: day(9)}])

    def overtaken(operation: str, key: str) -> None:
        if operation == "put_if" and (other := next(others, None)):
            store.objects.write(KEY, json.dumps({"first-seen": other}).encode())

    seen = FirstSeen(store, {})
    seen.time("demo", ONE)
    store.before = overtaken
    seen.save()
    assert noted(store) == {ONE: day(10), TWO: day(9)}


def test_a_run_that_is_overtaken_for_ever_gives_up(store: MemoryStore, clock: Clock) -> None:
    counts = iter(range(1_000_000))

    def overtaken(operation: str, key: str) -> None:
        if operation == "put_if":
            store.objects.write(KEY, json.dumps({"first-seen": {}, "n": next(counts)}).encode())

    seen = FirstSeen(store, {})
    seen.time("demo", ONE)
    store.before = overtaken
    with pytest.raises(MirrorError, match="again and again"):
        seen.save()


@pytest.mark.parametrize(
    "damaged",
    [
        b"", b"{", b"[]", b"{}", b'{"first-seen": []}', b'{"first-seen": {"x": 1, "y": "never", "z": "2026-01-01"}}',
        b"[" * 100_000, b"\xff\xfe", b'{"first-seen": {"' + ONE.encode() + b'": "9999-01-01T00:00:00Z"}}',
    ],
)  # fmt: skip
def test_damaged_notes_count_as_none_and_are_written_anew(store: MemoryStore, damaged: bytes) -> None:
    store.objects.write(KEY, damaged)
    seen = FirstSeen(store, {})
    assert seen.time("demo", ONE).day == 10, "a time in the future is one of a wrong clock"
    seen.time("demo", TWO)
    seen.save()
    assert noted(store)[TWO] == day(10)


def test_times_of_files_that_no_index_lists_any_more_are_dropped_after_a_while(store: MemoryStore) -> None:
    old, recent = "2025-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.000000Z"
    gone, kept, listed = "3" * 64, "4" * 64, "5" * 64
    store.objects.write(KEY, json.dumps({"first-seen": {gone: old, kept: recent, listed: old}}).encode())
    seen = FirstSeen(store, {})
    assert seen.time("demo", listed) == datetime.fromisoformat(old)
    seen.time("demo", ONE)
    seen.save()
    assert noted(store) == {kept: recent, listed: old, ONE: day(10)}


def test_the_page_of_the_mirror_comes_first(store: MemoryStore) -> None:
    def file(sha256: str, time: str, **other: Any) -> ListedFile:
        return ListedFile(filename="demo-1.0-py3-none-any.whl", url="x", sha256=sha256, size=1, upload_time=time, **other)

    page = Page("demo", files=(file(ONE, day(3)),), past=(file(TWO, "damaged"),))
    seen = FirstSeen(store, {"demo": page})
    assert (seen.time("demo", ONE).day, seen.time("demo", TWO).day) == (3, 10)


def test_time_of_first_sight_is_served_as_upload_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytorch() as index:
        index.add(torch("2.9.0", LINUX[0]))
        source = Source(name="main", index=index.index, projects=("torch",), min_age=timedelta(days=3))
        manifest = Manifest(path=tmp_path / "mirror.toml", store=str(tmp_path / "mirror"), sources=(source,))
        reports = []
        for today in ("2026-01-10", "2026-01-11", "2026-01-14"):
            monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch(today))
            reports.append(sync_mirror(manifest))
    assert all(each.ok for each in reports)
    assert [[row.action for row in each.plan.files] for each in reports] == [[Action.WAIT], [Action.WAIT], [Action.ADD]]
    [file] = json.loads((tmp_path / "mirror" / "public" / "simple" / "torch" / "index.json").read_text())["files"]
    assert (file["upload-time"], file["_wheelfix-added"]) == (day(10), day(14))
    assert "first saw the file, 2026-01-10" in " ".join(reports[-1].files[0].notes)
