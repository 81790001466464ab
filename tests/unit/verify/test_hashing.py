"""The content of entries, summed in bounded memory."""

import hashlib
import os
import threading
import tracemalloc
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from building import DEFLATED, Entry, Hole, archive_of, changed, write_wheel
from defects import valid
from in_memory import Held, hold
from wheelfix.errors import SourceChanged
from wheelfix.verify import hashing
from wheelfix.verify.hashing import Summing, Sums, sum_entries
from wheelfix.verify.subject import Subject
from wheelfix.wheel.zip import structs

MEBIBYTE = 1 << 20


def packed(content: bytes) -> bytes:
    deflater = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return deflater.compress(content) + deflater.flush()


def sums_of(folder: Path, entry: Entry, *algorithms: str) -> Sums:
    path = write_wheel(folder, valid(files=(entry,)))
    with Subject(path) as subject:
        assert subject.source is not None
        name = entry.raw_name.decode()
        return sum_entries(subject.source, subject.entries.values(), {name: algorithms})[name]


@pytest.mark.parametrize("beyond", [*range(0, 300, 3), MEBIBYTE - 1, MEBIBYTE, MEBIBYTE + 258])
def test_content_that_ends_near_a_block(beyond: int, tmp_path: Path) -> None:
    """All compressed bytes are taken when the last bytes of content are still to come."""
    content = bytes(MEBIBYTE + beyond)
    sums = sums_of(tmp_path, Entry("demo/zeros", content, raw=packed(content)))
    assert sums == Sums(hashlib.sha256(content).digest())


@pytest.mark.parametrize("method", [0, 8])
def test_other_hashes_are_computed_where_they_are_asked_for(method: int, tmp_path: Path) -> None:
    sums = sums_of(tmp_path, Entry("demo/x", b"content", method), "md5", "sha3_512", "md5")
    assert sums.digests == {name: hashlib.new(name, b"content").digest() for name in ("sha256", "md5", "sha3_512")}


def test_empty_entry(tmp_path: Path) -> None:
    assert sums_of(tmp_path, Entry("demo/x", b"")).digests["sha256"] == hashlib.sha256().digest()


@pytest.mark.parametrize(
    ("entry", "damage"),
    [
        (Entry("demo/x", b"abc", raw=b"\xff\xff"), "cannot be inflated"),
        (Entry("demo/x", b"abc", raw=packed(b"abc")[:-1]), "cannot be inflated: it is cut off"),
        (Entry("demo/x", b"abc", raw=packed(b"abc") + b"more"), "cannot be inflated: bytes follow its end"),
        (Entry("demo/x", bytes(9), raw=packed(bytes(9)) + bytes(2 * MEBIBYTE)), "bytes follow its end"),
        (Entry("demo/x", b"abc", raw=packed(b"abcd")), "does not end where"),
        (Entry("demo/x", b"abc", raw=packed(b"ab")), "does not end where"),
        (Entry("demo/x", b"abc", raw=packed(b"abd")), "does not match its CRC-32"),
        (Entry("demo/x", b"abc", 0, raw=b"abd"), "does not match its CRC-32"),
    ],
)
def test_damage_is_reported(entry: Entry, damage: str, tmp_path: Path) -> None:
    sums = sums_of(tmp_path, entry)
    assert damage in sums.damage
    assert not sums.digests


def test_bomb_is_not_inflated_beyond_what_the_archive_says(tmp_path: Path) -> None:
    """Pitfalls 27 and 28: 64 MiB of zeros that claim to be 1 byte cost a few megabytes."""
    bomb = packed(bytes(64 * MEBIBYTE))
    tracemalloc.start()
    try:
        assert "does not end" in sums_of(tmp_path, Entry("demo/x", b"\0", raw=bomb)).damage
        assert tracemalloc.get_traced_memory()[1] < 16 * MEBIBYTE
    finally:
        tracemalloc.stop()


def test_large_entry_is_read_in_blocks(tmp_path: Path) -> None:
    """Pitfall 27: memory does not grow with the entries."""
    size = 64 * MEBIBYTE
    raw = packed(bytes(size))
    path = write_wheel(tmp_path, archive=changed(archive_of(valid()), "version.py", content=Hole(size), raw=raw))
    with Subject(path) as subject:
        assert subject.source is not None
        tracemalloc.start()
        try:
            sums = sum_entries(subject.source, subject.entries.values(), {})
            assert tracemalloc.get_traced_memory()[1] < 24 * MEBIBYTE
        finally:
            tracemalloc.stop()
    assert sums["demo/version.py"].digests["sha256"] == hashlib.sha256(bytes(size)).digest()


def test_entry_of_another_method_is_left_out(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, valid(files=(Entry("demo/x", b"x", method=93, raw=b"?"),)))
    with Subject(path) as subject:
        assert subject.source is not None
        assert "demo/x" not in sum_entries(subject.source, subject.entries.values(), {})


MANY = [Entry(f"demo/{number}", b"%d and so on" % number * (number * 37 % 500), DEFLATED) for number in range(60)]
MANY.append(Entry("demo/damaged", b"content" * 99, raw=b"\xff" * 9))


def many() -> tuple[Held, Sequence[structs.Entry]]:
    source, layout = hold(*MANY)
    return source, layout.entries


@pytest.mark.parametrize("share", [1, 3_000, 1 << 22])
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_sums_come_in_the_same_order_with_any_number_of_threads(
    share: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = sum_entries(*many(), {})
    monkeypatch.setattr(hashing, "_SHARE", share)
    monkeypatch.setattr(os, "cpu_count", lambda: threads)
    assert [*sum_entries(*many(), {}).items()] == [*alone.items()]
    assert len(alone) == len(MANY)


def test_the_caller_goes_on_while_entries_are_summed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The threads begin with the context, not where the result is wanted; and they end with it."""
    monkeypatch.setattr(hashing, "_SHARE", 1)
    begun, held = threading.Event(), many()

    class Telling(Held):
        def read_at(self, offset: int, size: int) -> bytes:
            begun.set()
            return super().read_at(offset, size)

    with Summing(Telling(held[0].data), held[1], {}) as summing:
        assert begun.wait(60)
        assert len(summing.result()) == len(MANY)
    assert not [each for each in threading.enumerate() if each.name.startswith("wheelfix-sums")]


def test_nothing_is_read_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the caller's ends the threads before the file is closed."""
    monkeypatch.setattr(hashing, "_SHARE", 1)
    source, entries = many()
    with pytest.raises(KeyError), Summing(source, entries, {}):
        raise KeyError
    assert not [each for each in threading.enumerate() if each.name.startswith("wheelfix-sums")]


@pytest.mark.parametrize("share", [1, 1 << 22])
def test_what_reading_raises_is_raised_where_the_result_is_wanted(share: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "_SHARE", share)

    class Short(Held):
        def read_at(self, offset: int, size: int) -> bytes:
            raise SourceChanged("source-changed", "the file changed", hint="Run again.")

    held = many()
    with Summing(Short(held[0].data), held[1], {}) as summing, pytest.raises(SourceChanged):
        summing.result()


def test_nothing_small_is_worth_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(hashing, "Thread", refused)
    assert len(sum_entries(*many(), {})) == len(MANY)
