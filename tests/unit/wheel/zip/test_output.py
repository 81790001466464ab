"""The sha256 that is computed in the background."""

import hashlib
import threading
from pathlib import Path

import pytest

from wheelfix.errors import SourceChanged
from wheelfix.wheel.zip import output
from wheelfix.wheel.zip.output import RunningDigest
from wheelfix.wheel.zip.source import Source

_DATA = bytes(range(256)) * 5


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "BLOCK", 100)


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
            with pytest.raises(SourceChanged):
                digest.hexdigest()
            with pytest.raises(SourceChanged):
                digest.after(1280)


def test_closing_stops_the_thread(file: Path) -> None:
    with Source(file) as source:
        before = threading.active_count()
        with RunningDigest(source):
            pass
        assert threading.active_count() == before
