"""Directories for work in progress: what cannot be removed is no reason to call a run failed whose results are there."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

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
        patch.setattr("wheelfix.mirror.scratch.shutil.rmtree", refuse)
        with workshop(tmp_path):
            pass
    with workshop(tmp_path):
        assert len(list(tmp_path.iterdir())) == 1


def test_one_that_is_in_use_is_kept(tmp_path: Path) -> None:
    with workshop(tmp_path) as first, workshop(tmp_path) as second:
        assert first.is_dir()
        assert first != second


@pytest.mark.parametrize("method", ["acquire", "release"])
def test_a_lock_that_fails(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the lock there is no directory; where it cannot be given back, all has been made."""
    monkeypatch.setattr(FileLock, method, refuse)
    if method == "acquire":
        with pytest.raises(OSError, match="Input/output error"), workshop(tmp_path):
            pass
    else:
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


def test_one_that_another_process_removes_before_it_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sweeps cannot know that it is about to be used; its maker makes another one."""
    acquire, removed = FileLock.acquire, list[Path]()

    def too_late(lock: FileLock, *arguments: Any, **options: Any) -> Any:
        if not removed:
            removed.append(Path(lock.lock_file).parent)
            removed[0].rmdir()
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), lock.lock_file)
        return acquire(lock, *arguments, **options)

    monkeypatch.setattr(FileLock, "acquire", too_late)
    with workshop(tmp_path) as made:
        assert made.is_dir()
        assert made.parent not in removed
    assert list(tmp_path.iterdir()) == []


def test_one_among_many_files_need_not_look_at_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wheelfix.mirror.scratch.remove_all_abandoned", refuse)
    with workshop(tmp_path, sweeps=False) as made:
        assert made.is_dir()
