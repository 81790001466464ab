"""A file that appears whole, or never."""

import errno
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wheelfix.wheel.zip import staging
from wheelfix.wheel.zip.staging import (
    NotConfirmed,
    StagedFile,
    directory_for_links,
    remove_leftovers,
    remove_tree,
    temporary_directory,
)


@pytest.fixture(params=["nameless", "hidden"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The way in which the file is kept out of sight."""
    if request.param == "hidden":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    elif not hasattr(os, "O_TMPFILE"):
        pytest.skip("this system has no nameless files")
    return str(request.param)


def test_file_appears_whole(way: str, tmp_path: Path) -> None:
    with StagedFile(tmp_path, 0o640) as staged:
        os.write(staged.descriptor, b"whole")
        assert staged.path.read_bytes() == b"whole"
        assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == []
        staged.put(tmp_path / "file", replace=False)
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_old_file_is_replaced_at_one_stroke(way: str, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    with target.open("rb") as old:
        with StagedFile(tmp_path, 0o644) as staged:
            os.write(staged.descriptor, b"new")
            staged.put(target, replace=True)
        assert old.read() == b"old"
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, ValueError])
def test_nothing_is_left_behind(error: type[BaseException], way: str, tmp_path: Path) -> None:
    """Pitfall 34: whatever stops the work, no part of the file stays."""
    with pytest.raises(error), StagedFile(tmp_path, 0o644) as staged:
        os.write(staged.descriptor, b"part")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_target_that_appears_meanwhile_is_not_overwritten(way: str, tmp_path: Path) -> None:
    """Pitfall 36: of two runs that write the same file, the second one fails."""
    target = tmp_path / "file"
    with pytest.raises(FileExistsError), StagedFile(tmp_path, 0o644) as staged:
        target.write_bytes(b"of somebody else")
        staged.put(target, replace=False)
    assert target.read_bytes() == b"of somebody else"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("replace", [False, True])
def test_system_that_refuses_to_place_it(
    way: str, *, replace: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace" if replace else "link", refuse)
    with pytest.raises(OSError, match="No space"), StagedFile(tmp_path, 0o644) as staged:
        staged.put(tmp_path / "file", replace=replace)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.EIO, errno.EEXIST, errno.EPERM])
@pytest.mark.parametrize("replace", [False, True])
def test_a_file_is_placed_where_only_the_answer_is_lost(
    way: str, *, replace: bool, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that is lost looks like an error, also as one that the client of a network file system made of it."""
    for name in ("link", "replace"):
        real = getattr(os, name)

        def lose_answer(*given: object, real: Callable[..., None] = real, **options: object) -> None:
            real(*given, **options)
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, name, lose_answer)
    with StagedFile(tmp_path, 0o644) as staged:
        os.write(staged.descriptor, b"whole")
        staged.put(tmp_path / "file", replace=replace)
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@contextmanager
def _opening(opened: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Open by ``opened`` in place of :func:`os.open`; no longer when pytest removes the directory, for which it opens it."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", opened)
        yield


def test_file_system_without_nameless_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hidden name is used where the file system does not know ``O_TMPFILE``."""
    real_open = os.open

    def without_nameless(path: os.PathLike[str], flags: int, mode: int = 0o777) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "no nameless files")
        return real_open(path, flags, mode)

    with _opening(without_nameless, monkeypatch), StagedFile(tmp_path, 0o644) as staged:
        assert [path.name[:10] for path in tmp_path.iterdir()] == [".wheelfix-"]
        staged.put(tmp_path / "file", replace=False)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_directory_that_is_not_there(way: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        StagedFile(tmp_path / "nowhere", 0o644)


def test_mask_of_the_process_does_not_matter(way: str, tmp_path: Path) -> None:
    """Pitfall 30: the permission bits are those that were asked for, whatever the umask."""
    before = os.umask(0o077)
    try:
        with StagedFile(tmp_path, 0o664) as staged:
            staged.put(tmp_path / "file", replace=False)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o664


@pytest.mark.parametrize("taken", [False, True])
def test_file_system_without_hard_links(*, taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is there already is not overwritten on a file system that only renames."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    monkeypatch.setattr(os, "link", refuse)
    target = tmp_path / "file"
    if taken:
        target.write_bytes(b"of somebody else")
        with pytest.raises(FileExistsError), StagedFile(tmp_path, 0o644) as staged:
            staged.put(target, replace=False)
        assert target.read_bytes() == b"of somebody else"
    else:
        with StagedFile(tmp_path, 0o644) as staged:
            os.write(staged.descriptor, b"whole")
            staged.put(target, replace=False)
        assert target.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [target]


def test_file_system_without_permissions(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot keep modes or owners still takes the file; another error leaves nothing behind."""

    def refuse(number: int) -> None:
        def call(*_: object) -> None:
            raise OSError(number, os.strerror(number))

        for name in ("fchmod", "fchown"):
            monkeypatch.setattr(os, name, call)

    refuse(errno.EPERM)
    with StagedFile(tmp_path, 0o644) as staged:
        staged.keep_owner((0, 0))
        staged.put(tmp_path / "file", replace=False)
    refuse(errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        StagedFile(tmp_path, 0o644)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_directory_is_flushed_after_the_file_has_its_name(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 5: after a crash of the machine the directory lists the new file."""
    flushed: list[list[str]] = []
    monkeypatch.setattr(os, "fsync", lambda _: flushed.append([path.name for path in tmp_path.iterdir()]))
    with StagedFile(tmp_path, 0o644) as staged:
        staged.put(tmp_path / "file", replace=True)
    assert flushed == [["file"]]


def failing(number: int = errno.EIO) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_a_flush_that_fails_after_the_file_is_in_its_place_says_so(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pitfall 43: what is there is not reported as failed, and leaves no second name."""
    for replace in (False, True):
        monkeypatch.setattr(os, "fsync", failing())
        with pytest.raises(NotConfirmed, match="Input/output error"), StagedFile(tmp_path, 0o644) as staged:
            staged.put(tmp_path / "file", replace=replace)
        assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_closing_what_is_in_its_place_cannot_fail_it(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.close

    def close(descriptor: int) -> None:
        real(descriptor)
        if (tmp_path / "file").exists():
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with StagedFile(tmp_path, 0o644) as staged:
        try:
            staged.put(tmp_path / "file", replace=False)
        finally:
            monkeypatch.setattr(os, "close", close)
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


LEFT = ".wheelfix-0123456789abcdef.part"


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / LEFT).write_bytes(b"part")
    (tmp_path / LEFT.replace("0", "1")).hardlink_to(tmp_path / LEFT)
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []
    remove_leftovers(tmp_path / "nowhere")


def test_a_directory_for_links(tmp_path: Path) -> None:
    with directory_for_links(tmp_path) as path:
        (path / "link").symlink_to(tmp_path)
        remove_leftovers(tmp_path)
        assert (path / "link").is_symlink()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / LEFT).mkdir()
    (tmp_path / LEFT / "link").symlink_to(tmp_path)
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", ["mkdir", "flock"])
def test_a_directory_that_is_removed_before_it_is_locked_is_made_again(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, left = (Path if call == "mkdir" else fcntl), [True]
    real = getattr(module, call)

    def meddled(*arguments: object, **options: object) -> None:
        if call == "mkdir":
            real(*arguments, **options)
        if left:
            left.pop()
            next(tmp_path.iterdir()).rmdir()
        if call == "flock":
            real(*arguments, **options)

    monkeypatch.setattr(module, call, meddled)
    with directory_for_links(tmp_path) as path:
        assert path.is_dir()
    assert (left, list(tmp_path.iterdir())) == ([], [])


NAMES = (".wheelfix-1.part", f"x{LEFT}", f"{LEFT}x", "wheelfix-0123456789abcdef.part", ".wheelfix-0123456789ABCDEF.part")


def test_what_is_not_ours_is_kept(tmp_path: Path) -> None:
    """Only what has exactly such a name and is a plain file or a directory of links."""
    for name in NAMES:
        (tmp_path / name).write_bytes(b"")
    (tmp_path / LEFT).mkdir()
    (tmp_path / LEFT / "file").touch()
    (tmp_path / LEFT.replace("0", "1")).symlink_to(NAMES[0])
    os.mkfifo(tmp_path / LEFT.replace("0", "2"))
    before = sorted(tmp_path.iterdir())
    remove_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == before


def test_what_a_process_is_writing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    with StagedFile(tmp_path, 0o444) as staged:
        [hidden] = tmp_path.iterdir()
        remove_leftovers(tmp_path)
        assert [*tmp_path.iterdir()] == [hidden]
        staged.put(tmp_path / "file", replace=False)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_that_is_removed_before_it_is_locked_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    real = fcntl.flock
    removed: list[Path] = []

    def flock(descriptor: int, kind: int) -> None:
        if not removed:
            removed.extend(tmp_path.iterdir())
            removed[0].unlink()
        real(descriptor, kind)

    monkeypatch.setattr(fcntl, "flock", flock)
    with StagedFile(tmp_path, 0o644) as staged:
        os.write(staged.descriptor, b"whole")
        staged.put(tmp_path / "file", replace=False)
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert len(removed) == 1


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(number: int, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are written all the same; whether one was left behind cannot be known, so nothing is removed."""
    (tmp_path / LEFT).touch()
    monkeypatch.setattr(fcntl, "flock", failing(number=number))
    with StagedFile(tmp_path, 0o644) as staged:
        staged.put(tmp_path / "file", replace=True)
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [LEFT, "file"]


def test_a_directory_that_cannot_be_opened_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with (
        _opening(refuse, monkeypatch),
        pytest.raises(OSError, match="Too many open files"),
        directory_for_links(tmp_path),
    ):
        pass
    assert [*tmp_path.iterdir()] == []


def test_temporary_files_are_looked_through_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check of a mirror makes a temporary directory for each of thousands of wheels."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    listed = list[Path]()
    real = staging.remove_leftovers

    def counted(directory: Path) -> None:
        listed.append(directory)
        real(directory)

    monkeypatch.setattr(staging, "remove_leftovers", counted)
    for _ in range(3):
        with temporary_directory() as directory:
            assert directory.parent == tmp_path
    assert listed == [tmp_path]
    assert list(tmp_path.iterdir()) == []


def test_temporary_directories_of_killed_processes_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / ".wheelfix-0123456789abcdef.downloads"
    left.mkdir()
    (left / "socket").touch()
    with temporary_directory() as directory:
        assert [*tmp_path.iterdir()] == [directory]
    assert [*tmp_path.iterdir()] == []


def test_a_tree_that_cannot_be_removed_raises_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is removed when a process ends, where an error would be a traceback."""

    def refuse(_: int) -> os.stat_result:
        raise OSError(errno.EIO, "Input/output error")

    (tmp_path / "tree").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", refuse)
        remove_tree(tmp_path / "tree")
    assert (tmp_path / "tree").exists()
    remove_tree(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()
