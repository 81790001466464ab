"""Files that get their names together: each whole or never, and one that fails harms no other."""

import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Self

import pytest

from killing import killed_at
from wheelfix.wheel.zip import commit as module
from wheelfix.wheel.zip.commit import Committed, GroupCommit, commit
from wheelfix.wheel.zip.staging import NotConfirmed, StagedFile, remove_leftovers

STEPS = ("open", "link", "replace", "unlink", "fsync", "pwrite", "posix_fadvise", "fchmod", "rename", "close")


class File:
    """``target`` with ``data``, not named yet."""

    def __init__(self, target: Path, data: bytes, *, replace: bool = False) -> None:
        self.target, self.size, self._replace = target, len(data), replace
        self.staged = StagedFile(target.parent, 0o644)
        os.pwrite(self.staged.descriptor, data, 0)

    def flush(self) -> None:
        os.fsync(self.staged.descriptor)

    def place(self) -> str:
        self.staged.name(self.target, replace=self._replace)
        return self.target.name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.staged.__exit__(None, None, None)


@pytest.fixture(params=["nameless", "hidden"], autouse=True)
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Either way in which files are kept out of sight; no thread and no descriptor is left."""
    if request.param == "hidden":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    threads, files = threading.active_count(), open_files()
    yield
    assert (threading.active_count(), open_files()) == (threads, files)


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def many(folder: Path, count: int = 9, *, replace: bool = False) -> list[File]:
    return [File(folder / str(number), b"whole%d" % number, replace=replace) for number in range(count)]


def committed(files: list[File]) -> list[Committed[str]]:
    with GroupCommit[int, str]() as group:
        for number, file in enumerate(files):
            group.add(number, file)
        done = group.commit()
    assert [key for key, _ in done] == list(range(len(files)))
    return [each for _, each in done]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("count", [1, 2, 9])
def test_all_get_their_names(count: int, *, replace: bool, tmp_path: Path) -> None:
    if replace:
        (tmp_path / "0").write_bytes(b"old")
    done = committed(many(tmp_path, count, replace=replace))
    assert done == [Committed(str(number)) for number in range(count)]
    assert content(tmp_path) == {str(number): b"whole%d" % number for number in range(count)}


def test_each_file_is_flushed_before_any_has_its_name_and_each_directory_once_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 5: after a crash of the machine no name stands for a part of a file; and the disk is waited for seldom."""
    folders = [tmp_path / name for name in ("a", "b")]
    files = []
    for folder in folders:
        folder.mkdir()
        files += many(folder)
    events: list[tuple[str, int]] = []
    real = os.fsync

    def flush(descriptor: int) -> None:
        kind = "directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        names = sum(not path.name.startswith(".") for folder in folders for path in folder.iterdir())
        events.append((kind, names))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", flush)
    committed(files)
    assert events == [("file", 0)] * 18 + [("directory", 18)] * 2


def _failing(monkeypatch: pytest.MonkeyPatch, fails: Callable[[int], bool]) -> None:
    real = os.fsync

    def flush(descriptor: int) -> None:
        if fails(descriptor):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", flush)


@pytest.mark.parametrize("bad", range(9))
def test_a_flush_that_fails_is_of_one_file(bad: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = many(tmp_path)
    _failing(monkeypatch, lambda descriptor: descriptor == files[bad].staged.descriptor)
    done = committed(files)
    assert [number for number, each in enumerate(done) if each.error] == [bad]
    assert isinstance(done[bad].error, OSError)
    assert content(tmp_path) == {str(number): b"whole%d" % number for number in range(9) if number != bad}


def test_a_name_that_is_taken_is_of_one_file(tmp_path: Path) -> None:
    files = many(tmp_path)
    (tmp_path / "4").write_bytes(b"of somebody else")
    done = committed(files)
    assert [number for number, each in enumerate(done) if each.error] == [4]
    assert isinstance(done[4].error, FileExistsError)
    assert content(tmp_path) == {str(n): b"of somebody else" if n == 4 else b"whole%d" % n for n in range(9)}


def test_a_directory_that_cannot_be_flushed_is_said_of_the_files_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pitfall 43: they are there, and have not failed."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    files = many(tmp_path / "a", 2) + many(tmp_path / "b", 2)
    inode = (tmp_path / "b").stat().st_ino
    _failing(monkeypatch, lambda descriptor: os.fstat(descriptor).st_ino == inode)
    done = committed(files)
    assert [each.error for each in done] == [None] * 4
    assert [each.result for each in done] == ["0", "1"] * 2
    assert [isinstance(each.unconfirmed, NotConfirmed) for each in done] == [False, False, True, True]
    assert len(content(tmp_path / "b")) == 2


@pytest.mark.parametrize("replace", [False, True])
def test_whatever_stops_it_each_file_is_there_whole_or_not_at_all(*, replace: bool, tmp_path: Path) -> None:
    """Promise 5: interrupted at each of its steps."""
    at, interrupted = 0, True
    while interrupted:
        at += 1
        folder = tmp_path / str(at)
        folder.mkdir()
        old = {"1": b"old"} if replace else {}
        for name, data in old.items():
            (folder / name).write_bytes(data)
        files = many(folder, 5, replace=replace)
        try:
            with pytest.MonkeyPatch.context() as patch, GroupCommit[int, str]() as group:
                for number, file in enumerate(files):
                    group.add(number, file)
                _interrupt_at(at, patch)
                group.commit()
            interrupted = False
        except KeyboardInterrupt:
            pass
        there = content(folder)
        assert all(there[name] in (b"whole" + name.encode(), old.get(name)) for name in there), at
        assert set(old) <= set(there), at
        assert interrupted or len(there) == 5
    assert at > 10


def _interrupt_at(at: int, patch: pytest.MonkeyPatch) -> None:
    """Let Ctrl-C be noticed after the step number ``at`` of this thread: that is where Python looks for it."""
    steps = [0]

    def stepping(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:
            result = real(*arguments, **options)
            if threading.current_thread() is threading.main_thread():
                steps[0] += 1
                if steps[0] == at:
                    if real.__name__ == "open":  # nobody gets to know it: between a call and its assignment it is lost
                        os.close(result)
                    raise KeyboardInterrupt
            return result

        return step

    for name in STEPS:
        patch.setattr(os, name, stepping(getattr(os, name)))


def commit_in(folder: Path, *, replace: bool) -> None:
    committed(many(folder, 3, replace=replace))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize(
    ("replace", "_way"),
    [
        (False, "nameless"),
        (True, "hidden"),
        pytest.param(False, "hidden", marks=pytest.mark.slow),
        pytest.param(True, "nameless", marks=pytest.mark.slow),
    ],
    indirect=["_way"],
)
def test_killed_at_each_of_its_steps(*, replace: bool, tmp_path: Path) -> None:
    """Promise 5: what a kill leaves has a hidden name, and the next run removes it."""
    at, killed = 0, True
    while killed:
        at += 1
        folder = tmp_path / str(at)
        folder.mkdir()
        if replace:
            (folder / "1").write_bytes(b"old")
        killed = killed_at(at, STEPS, partial(commit_in, folder, replace=replace))
        remove_leftovers(folder)
        there = content(folder)
        assert not replace or "1" in there
        assert all(data in (b"whole" + name.encode(), b"old") for name, data in there.items()), at
        assert killed or len(there) == 3
    assert at > 10


def test_what_was_not_committed_is_removed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stop"), GroupCommit[int, str]() as group:
        for number, file in enumerate(many(tmp_path)):
            group.add(number, file)
        raise ValueError("stop")
    assert content(tmp_path) == {}


def test_interrupted_while_the_names_are_given_those_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = many(tmp_path, 3)
    flushed: list[set[str]] = []
    monkeypatch.setattr(module, "flush_directory", lambda folder: flushed.append({*content(folder)} & {"0", "1", "2"}))

    def interrupt() -> str:
        raise KeyboardInterrupt

    files[1].place = interrupt  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        committed(files)
    assert flushed == [{"0"}]
    assert set(content(tmp_path)) == {"0"}


def test_few_wait_and_not_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many files, bytes, descriptors and seconds: whichever comes first."""
    now = [100.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    with GroupCommit[int, str]() as group:
        assert not group.is_due(module.LARGE), "nothing waits"
        for number in range(module.MOST_FILES):
            assert not group.is_due()
            group.add(number, File(tmp_path / str(number), b"whole"))
        assert group.is_due()
        assert len(group.commit()) == module.MOST_FILES
        assert not group.is_due()
        group.add(0, File(tmp_path / "second", b"whole"))
        assert not group.is_due(module.LARGE - 1)
        assert group.is_due(module.LARGE), "a large one is not waited for"
        now[0] += module.MOST_SECONDS
        assert group.is_due()
        group.commit()
        large = File(tmp_path / "large", b"")
        large.size = module.LARGE
        group.add(1, large)
        assert group.is_due(), "a large one does not wait"
        group.commit()
        monkeypatch.setattr(module, "LARGE", module.MOST_BYTES)
        for number in range(2):
            assert not group.is_due()
            big = File(tmp_path / f"big{number}", b"")
            big.size = module.MOST_BYTES // 2
            group.add(number, big)
        assert group.is_due()


@pytest.mark.parametrize(("limit", "most"), [(256, 32), (64, 8), (4, 1), (1 << 20, 64)])
def test_descriptors_are_left_for_others(limit: int, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sysconf", lambda _: limit)
    with GroupCommit[int, str]() as group:
        while not group.is_due():
            group.add(0, File(tmp_path / "x", b"whole"))
        assert len(group.commit()) == most


def test_a_system_without_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "posix_fadvise", raising=False)
    committed(many(tmp_path))
    assert len(content(tmp_path)) == 9


def test_a_file_system_that_takes_no_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "posix_fadvise", refuse, raising=False)
    committed(many(tmp_path))
    assert len(content(tmp_path)) == 9


def test_an_interrupt_waits_for_the_threads_that_flush(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They use descriptors that are closed next, and that other files may get."""
    files = many(tmp_path, 4)
    late: list[bool] = []
    begun = threading.Event()

    def slow() -> None:
        begun.set()
        threading.Event().wait(0.05)
        late.append(os.fstat(files[1].staged.descriptor).st_nlink < 2)

    def interrupt() -> None:
        begun.wait()
        raise KeyboardInterrupt

    files[1].flush = slow  # type: ignore[method-assign]
    files[0].flush = interrupt  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        committed(files)
    assert late == [True]
    assert content(tmp_path) == {}


def test_one_commit_without_a_group(tmp_path: Path) -> None:
    with File(tmp_path / "x", b"whole") as file:
        assert commit([file]) == [Committed("x")]
    assert content(tmp_path) == {"x": b"whole"}
