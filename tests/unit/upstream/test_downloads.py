"""Downloads in a scratch directory, with no mirror anywhere near."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from demos import demo_wheel
from scripting import Index, Reply, answering, chosen
from serving import Server
from wheelfix.errors import MirrorError
from wheelfix.progress import NoProgress
from wheelfix.upstream.cache import KEPT
from wheelfix.upstream.downloads import Downloads
from wheelfix.upstream.http import Session


class Heard(NoProgress):
    """Keeps what was reported of files."""

    def __init__(self) -> None:
        self.started: list[tuple[str, int | None, int]] = []
        self.bytes = 0

    def file_started(self, name: str, size: int | None, resumed: int = 0) -> None:
        self.started.append((name, size, resumed))

    def file_advanced(self, name: str, count: int) -> None:
        self.bytes += count


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return demo_wheel(tmp_path / "in", "1.0")


@pytest.fixture
def index(wheel: Path) -> Index:
    return Index({wheel.name: wheel.read_bytes()})


@pytest.fixture
def server(index: Index) -> Iterator[Server]:
    with answering(index) as found:
        yield found


def test_bytes_are_reported_and_only_the_rest_is_downloaded(server: Server, wheel: Path, tmp_path: Path) -> None:
    scratch, heard, data = tmp_path / "scratch", Heard(), wheel.read_bytes()
    [file] = chosen(server.index, "demo")
    downloads = Downloads(Session(), scratch, 10, heard)
    part = scratch / "downloads" / f"{file.digests['sha256']}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(data[:100])
    downloads.fetch(file, tmp_path / "one.whl")
    assert (tmp_path / "one.whl").read_bytes() == data
    assert heard.started == [(wheel.name, len(data), 100)]
    assert heard.bytes == len(data) - 100
    downloads.fetch(file, tmp_path / "two.whl")
    assert len(heard.started) == 1
    downloads.drop(file.digests["sha256"])
    assert list((scratch / "downloads").iterdir()) == []
    assert (tmp_path / "one.whl").read_bytes() == data, "this run keeps it"


def test_a_wrong_file_is_deleted(server: Server, index: Index, tmp_path: Path) -> None:
    [file] = chosen(server.index, "demo")
    index.spoil = lambda asked: Reply(b"x" * 100) if asked.path.endswith(".whl") else None
    with pytest.raises(MirrorError) as caught:
        Downloads(Session(), tmp_path / "scratch", 10).fetch(file, tmp_path / "x.whl")
    assert caught.value.code == "wrong-hash"
    assert list((tmp_path / "scratch/downloads").iterdir()) == []


def test_another_run_is_waited_for_so_long_and_no_longer(tmp_path: Path) -> None:
    one, two = (Downloads(Session(), tmp_path, 0.1) for _ in range(2))
    with one.locked("0" * 64, "x.whl"):
        with two.locked("1" * 64, "y.whl"):
            pass
        with pytest.raises(MirrorError) as caught, two.locked("0" * 64, "x.whl"):
            pass
    assert caught.value.code == "locked"
    assert "downloading x.whl for" in caught.value.message
    with two.locked("0" * 64, "x.whl"):
        pass


def test_old_downloads_are_deleted_at_the_start(tmp_path: Path) -> None:
    lock = tmp_path / "download-locks" / "0.lock"
    old, young = (tmp_path / "downloads" / f"{digit * 64}.whl" for digit in "01")
    old.parent.mkdir()
    lock.parent.mkdir()
    for path in (old, young, lock):
        path.write_bytes(b"x")
    age = young.stat().st_mtime - KEPT - 60
    for path in (old, lock):
        os.utime(path, (age, age))
    Downloads(Session(), tmp_path, 10)
    assert not lock.exists()
    assert list(old.parent.iterdir()) == [young]
