"""Directories for work in progress: what cannot be removed is no reason to call a run failed whose results are there."""

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demos import demo_wheel
from wheelfix.mirror.publish import fix_into_mirror
from wheelfix.mirror.scratch import workshop
from wheelfix.results import PublishStatus


def refuse(*_: object, **__: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.fixture(params=["rmdir", "unlink"])
def broken(request: pytest.FixtureRequest) -> Callable[[pytest.MonkeyPatch], None]:
    """Lets a system remove nothing."""
    return lambda patch: patch.setattr(os, request.param, refuse)


def test_what_cannot_be_removed_is_removed_by_the_next_run(
    broken: Callable[[pytest.MonkeyPatch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, workshop(tmp_path / "scratch") as made:
        (made / "x.whl").write_bytes(b"")
        broken(patch)
    assert len(list((tmp_path / "scratch").iterdir())) == 1
    with workshop(tmp_path / "scratch"):
        assert len(list((tmp_path / "scratch").iterdir())) == 1
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_close_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That error comes out of rmtree, which is told to ignore all of them."""
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", refuse)
        with workshop(tmp_path):
            pass
    with workshop(tmp_path):
        assert len(list(tmp_path.iterdir())) == 1


def test_one_that_is_in_use_is_kept(tmp_path: Path) -> None:
    with workshop(tmp_path) as first, workshop(tmp_path) as second:
        assert first.is_dir()
        assert first != second


@pytest.mark.parametrize("call", ["flock", "close"])
def test_a_lock_that_fails(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the lock there is no directory; where it cannot be given back, all has been made."""
    if call == "flock":
        monkeypatch.setattr(fcntl, "flock", refuse)
        with pytest.raises(OSError, match="Input/output error"), workshop(tmp_path):
            pass
    else:
        real = os.close

        def close(descriptor: int) -> None:
            is_lock = Path(f"/proc/self/fd/{descriptor}").readlink().name.startswith("in-use.lock")
            real(descriptor)
            if is_lock:
                refuse()

        with monkeypatch.context() as patch:
            patch.setattr(os, "close", close)
            with workshop(tmp_path):
                pass
    assert list(tmp_path.iterdir()) == []


def test_what_is_published_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pitfall 43: a step that fails after the result is in its place takes nothing back."""
    wheel = demo_wheel(tmp_path / "in", "1.0")
    real = os.rmdir

    def refuse_work(path: str, **options: int) -> None:
        if "making-" in str(path):
            refuse()
        real(path, **options)

    monkeypatch.setattr(os, "rmdir", refuse_work)
    report, published = fix_into_mirror(tmp_path / "mirror", wheel)
    assert report.ok
    assert [each.status for each in published.files] == [PublishStatus.ADDED]


@pytest.mark.parametrize("moment", ["before it has a lock", "as it gets one", "before it is locked", "lock first"])
def test_one_that_another_process_removes_before_it_is_locked(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who sweeps cannot know that it is about to be used; its maker makes another one."""
    opened, flock, removed = os.open, fcntl.flock, list[Path]()

    def meddle() -> None:
        if not removed:
            removed.extend(tmp_path.iterdir())
            if moment == "as it gets one":
                (removed[0] / "in-use.lock").touch()
            elif moment == "lock first":
                (removed[0] / "in-use.lock").unlink()
            else:
                shutil.rmtree(removed[0])

    def meddled_open(path: Any, *arguments: Any, **options: Any) -> int:
        if moment in ("before it has a lock", "as it gets one") and str(path).endswith("in-use.lock"):
            meddle()
        return opened(path, *arguments, **options)

    def meddled_lock(descriptor: int, kind: int) -> None:
        if moment in ("before it is locked", "lock first"):
            meddle()
        flock(descriptor, kind)

    monkeypatch.setattr(os, "open", meddled_open)
    monkeypatch.setattr(fcntl, "flock", meddled_lock)
    with workshop(tmp_path) as made:
        assert made.is_dir()
        assert made.parent not in removed
    monkeypatch.undo()
    if moment == "lock first":
        removed[0].rmdir()
    with workshop(tmp_path):
        pass
    assert (len(removed), list(tmp_path.iterdir())) == (1, [])


def test_one_without_a_lock_is_removed_when_it_is_old(tmp_path: Path) -> None:
    for name, age in (("making-old", 4000), ("making-new", 0)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    with workshop(tmp_path):
        assert not (tmp_path / "making-old").exists()
        assert (tmp_path / "making-new").exists()


def test_one_among_many_files_need_not_look_at_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wheelfix.mirror.scratch.remove_all_abandoned", refuse)
    with workshop(tmp_path, sweeps=False) as made:
        assert made.is_dir()
