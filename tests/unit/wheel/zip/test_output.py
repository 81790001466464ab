"""The archive that is written, by copies that share disk blocks where they can, and the sha256 of the one that is read."""

import errno
import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from wheelfix.errors import SourceChanged
from wheelfix.wheel.zip import output
from wheelfix.wheel.zip.output import PAGE, WORTH_SHARING, Growing, RunningDigest
from wheelfix.wheel.zip.source import Source

_DATA = bytes(range(256)) * 5


@pytest.fixture(autouse=True, params=["in a thread", "when asked for"])
def _small_blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "BLOCK", 100)
    if request.param == "in a thread":
        monkeypatch.setattr(output, "SMALL", 0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(_DATA)
    return path


@pytest.mark.parametrize("size", [1, 99, 100, 101, 200, 1280])
def test_sum_of_the_whole_file(size: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(_DATA[:size])
    with Source(path) as source, RunningDigest(source) as digest:
        assert digest.hexdigest() == hashlib.sha256(_DATA[:size]).hexdigest()


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 250, 1200, 1280])
def test_state_after_a_prefix_can_be_continued(size: int, file: Path) -> None:
    with Source(file) as source, RunningDigest(source) as digest:
        state = digest.after(size)
        state.update(b"and something else")
        assert state.hexdigest() == hashlib.sha256(_DATA[:size] + b"and something else").hexdigest()
        assert digest.hexdigest() == hashlib.sha256(_DATA).hexdigest()


def test_file_that_shrinks(file: Path) -> None:
    """Pitfall 34: a file that becomes shorter while it is read is reported to whoever asks for the sum."""
    with Source(file) as source:
        file.write_bytes(_DATA[:150])
        with RunningDigest(source) as digest:
            for _ in range(2):
                with pytest.raises(SourceChanged):
                    digest.hexdigest()
            with pytest.raises(SourceChanged):
                digest.after(1280)


def test_progress_counts_each_byte_once(file: Path) -> None:
    counts: list[int] = []
    with Source(file) as source, RunningDigest(source, counts.append) as digest:
        digest.after(250)
        digest.hexdigest()
        digest.hexdigest()
    assert sum(counts) == len(_DATA)


def test_closing_stops_the_thread(file: Path) -> None:
    with Source(file) as source:
        before = threading.active_count()
        with RunningDigest(source):
            pass
        assert threading.active_count() == before


class _Cloning:
    """A file system that shares blocks: it copies them, and counts."""

    def __init__(self, error: int = 0) -> None:
        self.error = error
        self.calls: list[tuple[int, int, int]] = []

    def ioctl(self, descriptor: int, request: int, argument: bytes) -> int:
        """Share a range as ioctl_ficlonerange(2) says."""
        source, start, length, position = output._CLONE_RANGE.unpack(argument)
        assert request == output._FICLONERANGE
        assert not any(number % PAGE for number in (start, length, position)), "EINVAL"
        self.calls.append((start, length, position))
        if self.error:
            raise OSError(self.error, os.strerror(self.error))
        os.pwrite(descriptor, os.pread(source, length, start), position)
        return 0


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Source]:
    """A file that is worth sharing, with a part of a block at its end."""
    (tmp_path / "large").write_bytes(os.urandom(2 * WORTH_SHARING + 999))
    with Source(tmp_path / "large") as source:
        yield source


def _copied(source: Source, before: bytes, offset: int, directory: Path) -> tuple[bytes, Growing]:
    """Return what a file contains that begins with ``before`` and goes on with ``source`` from ``offset``."""
    with (directory / "new").open("w+b") as file, Growing(file.fileno()) as growing:
        growing.write(before)
        while offset < source.size:
            offset += growing.copy_from(source, offset, source.size - offset)
        return growing.read_at(0, growing.size), growing


@pytest.mark.parametrize("before", [0, 5, PAGE, PAGE + 5])
def test_whole_blocks_are_shared(before: int, large: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where bytes keep their place within a block, all but its ends are the same on the disk."""
    disk = _Cloning()
    monkeypatch.setattr(fcntl, "ioctl", disk.ioctl)
    head, offset = b"x" * before, before % PAGE
    data, growing = _copied(large, head, offset, tmp_path)
    assert data == head + large.read_at(offset, large.size - offset)
    first = -offset % PAGE
    length = (large.size - offset - first) // PAGE * PAGE
    assert disk.calls == [(offset + first, length, before + first)]
    assert growing.shared == length


def test_blocks_that_move_are_copied(large: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = _Cloning()
    monkeypatch.setattr(fcntl, "ioctl", disk.ioctl)
    data, growing = _copied(large, b"x", 0, tmp_path)
    assert data == b"x" + large.read_at(0, large.size)
    assert (disk.calls, growing.shared) == ([], 0)


@pytest.mark.parametrize("reason", [errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL])
def test_a_file_system_that_shares_nothing_is_asked_once(
    reason: int, large: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = _Cloning(reason)
    monkeypatch.setattr(fcntl, "ioctl", disk.ioctl)
    data, growing = _copied(large, b"", 0, tmp_path)
    assert data == large.read_at(0, large.size)
    assert (len(disk.calls), growing.shared) == (1, 0)


def test_a_disk_that_is_full_when_blocks_are_shared(large: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "ioctl", _Cloning(errno.ENOSPC).ioctl)
    with pytest.raises(OSError, match="No space"):
        _copied(large, b"", 0, tmp_path)
