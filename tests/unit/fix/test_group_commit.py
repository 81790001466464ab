"""Many wheels of one run get their names in groups: the promises of one hold for each of them."""

import errno
import os
import stat
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from building import Entry, WheelSpec, write_wheel
from fixing import Outcomes
from wheelfix import Outcome, Report, Status, fix_wheels
from wheelfix.options import Output, Policy
from wheelfix.wheel.zip import commit
from wheelfix.wheel.zip.commit import MOST_FILES
from wheelfix.wheel.zip.source import Source

STEPS = (
    "open", "link", "replace", "unlink", "fsync", "pwrite", "copy_file_range", "posix_fadvise", "fchmod", "fchown", "mkdir",
    "close",
)  # fmt: skip


def many(folder: Path, count: int) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    return [write_wheel(folder, WheelSpec(project=f"p{number}", requires=("nvidia-nccl-cu12",))) for number in range(count)]


@pytest.fixture(params=["nameless", "hidden name"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Either way in which new files are kept out of sight; no thread and no descriptor outlives the test."""
    if request.param == "hidden name":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    before = threading.active_count(), _open_files()
    yield
    assert (threading.active_count(), _open_files()) == before


def _open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def _counting_flushes(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    real, flushes = os.fsync, Counter[str]()

    def flush(descriptor: int) -> None:
        flushes["directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"] += 1
        real(descriptor)

    monkeypatch.setattr(os, "fsync", flush)
    return flushes


def test_a_directory_is_flushed_once_for_many_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = many(tmp_path / "in", MOST_FILES + 3)
    flushes = _counting_flushes(monkeypatch)
    report = fix_wheels(paths, output=tmp_path / "out")
    assert {outcome.status for outcome in report.outcomes} == {Status.FIXED}
    assert flushes == {"file": MOST_FILES + 3, "directory": 2}


def test_in_place_each_directory_is_flushed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = many(tmp_path / "a", 3) + many(tmp_path / "b", 3)
    flushes = _counting_flushes(monkeypatch)
    assert fix_wheels(paths, output=Output(in_place=True)).count(Status.FIXED) == 6
    assert flushes == {"file": 6, "directory": 2}


def test_a_large_wheel_neither_waits_nor_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = many(tmp_path / "in", 5)
    large = (Entry("p2/__init__.py", b"#" * 40_000),)
    write_wheel(tmp_path / "in", WheelSpec(project="p2", requires=("nvidia-nccl-cu12",), files=large, stored=True))
    monkeypatch.setattr(commit, "LARGE", 40_000)
    flushes = _counting_flushes(monkeypatch)
    assert fix_wheels(paths, output=tmp_path / "out", policy=Policy(allow_unproven=True)).count(Status.FIXED) == 5
    assert flushes == {"file": 5, "directory": 3}, "two, the large one, two"


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("in_place", [False, True])
def test_a_wheel_is_reported_once_it_is_there_for_good(
    *, in_place: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = many(tmp_path / "in", 5)
    old = {path.name: path.read_bytes() for path in paths}
    place = tmp_path / ("in" if in_place else "out")
    flushed: dict[str, bytes] = {}
    real = os.fsync

    def flush(descriptor: int) -> None:
        real(descriptor)
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            flushed.update({path.name: path.read_bytes() for path in place.glob("*.whl")})

    monkeypatch.setattr(os, "fsync", flush)

    seen: list[Outcome] = []

    def done(outcome: Outcome) -> None:
        assert flushed[outcome.source.name] != old[outcome.source.name]
        seen.append(outcome)

    report = fix_wheels(paths, output=Output(directory=place, in_place=in_place), progress=Outcomes(done))
    assert report.count(Status.FIXED) == 5
    assert seen == list(report.outcomes)


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("bad", [0, 2, 4])
@pytest.mark.parametrize("call", ["fsync", "link"])
def test_what_the_disk_refuses_is_of_one_wheel(call: str, bad: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = many(tmp_path / "in", 5)
    real, calls = getattr(os, call), [0]

    def refuse(*arguments: Any, **options: Any) -> Any:
        is_it = calls[0] == bad
        calls[0] += 1
        if is_it:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        return real(*arguments, **options)

    monkeypatch.setattr(os, call, refuse)
    report = fix_wheels(paths, output=tmp_path / "out")
    failed = [outcome for outcome in report.outcomes if outcome.problem]
    assert [outcome.problem.code for outcome in failed if outcome.problem] == ["edquot"]
    there = {path.name for path in (tmp_path / "out").iterdir()}
    assert there == {path.name for path in paths} - {outcome.source.name for outcome in failed}


@pytest.mark.parametrize(
    ("way", "_way"),
    [
        ("new", "nameless"),
        ("overwrite", "hidden name"),
        ("in-place", "hidden name"),
        pytest.param("new", "hidden name", marks=pytest.mark.slow),
        pytest.param("overwrite", "nameless", marks=pytest.mark.slow),
        pytest.param("in-place", "nameless", marks=pytest.mark.slow),
    ],
    indirect=["_way"],
)
@pytest.mark.usefixtures("_way")
def test_interrupted_anywhere_each_wheel_is_there_whole_or_not_at_all(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 5: what was reported is there, what is there is whole, and nothing else is; nothing stays open."""
    (tmp_path / "temporary").mkdir()  # its own, for what others leave among temporary files are steps as well
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    expected = fix_wheels(many(tmp_path / "in", 3), output=tmp_path / "expected")
    whole = {outcome.output.name: outcome.output.read_bytes() for outcome in expected.outcomes if outcome.output}
    before = {path.name: path.read_bytes() for path in (tmp_path / "in").iterdir()}
    at, interrupted = 0, True
    while interrupted:
        at += 1
        paths = many(tmp_path / str(at), 3)
        place = tmp_path / str(at) / ("" if way == "in-place" else "out")
        if way == "overwrite":
            place.mkdir()
            (place / paths[1].name).write_bytes(b"of before")
        seen: list[Outcome] = []
        try:
            with pytest.MonkeyPatch.context() as patch:
                _interrupt_at(at, patch)
                _run(paths, place, way, seen)
            interrupted = False
        except KeyboardInterrupt:
            pass
        there = {path.name: path.read_bytes() for path in place.iterdir() if path.is_file()} if place.exists() else {}
        if way == "in-place":
            assert all(there.pop(name) in (whole[name], before[name]) for name in before), at
            assert not there, at
        else:
            assert all(data in (whole[name], b"of before") for name, data in there.items()), at
        for outcome in seen:
            assert outcome.status is Status.FIXED, at
            assert (place / outcome.source.name).read_bytes() == whole[outcome.source.name], at
        assert interrupted or len(seen) == 3
    assert at > 20


def _run(paths: list[Path], place: Path, way: str, seen: list[Outcome]) -> Report:
    output = Output(directory=place, in_place=way == "in-place", overwrite=way == "overwrite")
    return fix_wheels(paths, output=output, progress=Outcomes(seen.append))


def _interrupt_at(at: int, patch: pytest.MonkeyPatch) -> None:
    """Let Ctrl-C be noticed before the step number ``at`` of the main thread."""
    steps = [0]

    def stepping(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:
            # Interrupted after it has closed a file, shutil closes the next one of that number.
            ours = real.__name__ != "close" or sys._getframe(1).f_globals["__name__"].startswith("wheelfix")
            if ours and threading.current_thread() is threading.main_thread():
                steps[0] += 1
                if steps[0] == at:
                    if real.__name__ == "close":  # the interrupt comes after it: it cannot be done once more
                        real(*arguments, **options)
                    raise KeyboardInterrupt
            return real(*arguments, **options)

        return step

    for name in STEPS:
        patch.setattr(os, name, stepping(getattr(os, name)))


def test_a_wheel_that_cannot_be_closed_takes_no_result_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own was ready by then: it gets no name, and each outcome is that of its wheel."""
    paths, real = many(tmp_path / "in", 4), Source.close

    def close(source: Source) -> None:
        is_it = source._descriptor >= 0 and source.path == paths[1]
        real(source)
        if is_it:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Source, "close", close)
    outcomes = fix_wheels(paths, output=tmp_path / "out").outcomes
    good = [path.name for path in paths if path != paths[1]]
    assert [each.source for each in outcomes] == paths
    assert [each.problem and each.problem.code for each in outcomes] == [None, "eio", None, None]
    assert [each.output.name for each in outcomes if each.output] == good
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == good


@pytest.mark.usefixtures("_way")
def test_an_interrupt_in_a_callback_keeps_what_has_its_name(tmp_path: Path) -> None:
    paths = many(tmp_path / "in", 3)

    def stop(_: Outcome) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fix_wheels(paths, output=tmp_path / "out", progress=Outcomes(stop))
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_the_system_is_asked_little_for_each_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call takes as long as a hundred lines of Python: a directory is resolved, and flushed, once for many wheels."""
    (tmp_path / "temporary").mkdir()  # its own: where other runs sweep among temporary files, a directory is made again
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    paths = many(tmp_path / "in", 20)
    fix_wheels(paths[:1], output=tmp_path / "warm")  # what is imported, and read once
    calls: Counter[str] = Counter()

    def counting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            calls[name] += 1
            return real(*arguments, **options)

        return call

    for name in ("open", "stat", "lstat", "fstat", "fsync", "mkdir", "getcwd", "link", "close"):
        monkeypatch.setattr(os, name, counting(name, getattr(os, name)))
    assert fix_wheels(paths[:10], output=tmp_path / "few").count(Status.FIXED) == 10
    few = calls.copy()
    calls.clear()
    assert fix_wheels(paths, output=tmp_path / "more").count(Status.FIXED) == 20
    for_each = {name: (calls[name] - few[name]) / 10 for name in calls}
    most = {"open": 4, "stat": 5, "lstat": 3, "fstat": 4, "fsync": 1, "mkdir": 2, "getcwd": 0, "link": 1, "close": 4}
    assert {name: number for name, number in for_each.items() if number > most[name]} == {}
