"""The progress object: what reports nothing takes every event, and what raises an exception costs nothing."""

import inspect
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from building import Entry, WheelSpec, write_wheel
from wheelfix import SetField, Status, add_wheels, check_mirror, fix_into_mirror, fix_wheels, verify_wheels
from wheelfix.progress import NO_PROGRESS, NoProgress, Progress, guarded

EVENTS = [name for name in vars(Progress) if not name.startswith("_")]


def test_the_null_object_takes_every_event() -> None:
    events = {name: each for name, each in vars(Progress).items() if inspect.isfunction(each) and not name.startswith("_")}
    assert events
    for name, event in events.items():
        own = getattr(NoProgress, name)
        assert inspect.signature(own) == inspect.signature(event), name
    NO_PROGRESS.file_started("x.whl", None)
    NO_PROGRESS.file_advanced("x.whl", 1)
    NO_PROGRESS.waiting("x.whl", 1.0, "the server is busy")
    NO_PROGRESS.project_done("x")


class Failing(NoProgress):
    """Raises an exception at one event, and counts all of them."""

    def __init__(self, event: str, error: type[BaseException] = RuntimeError) -> None:
        self.seen: Counter[str] = Counter()
        for name in EVENTS:
            setattr(self, name, partial(self._see, name, error if name == event else None))

    def _see(self, name: str, error: type[BaseException] | None, *_: object) -> None:
        self.seen[name] += 1
        if error is not None:
            raise error("no more events")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    big = (Entry("demo/data.bin", bytes(5 << 20)),)
    folder = tmp_path_factory.mktemp("wheels")
    return [write_wheel(folder, WheelSpec(name, requires=("six",), files=big)) for name in ("one", "two")]


@pytest.mark.parametrize("event", ["file_started", "file_advanced", "wheel_done"])
def test_an_exception_in_a_progress_object_costs_no_wheel(
    event: str, wheels: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    progress, edits = Failing(event), [SetField("Summary", "x")]
    report = fix_wheels(wheels, None, edits=edits, output=tmp_path / "out", progress=progress)
    assert [outcome.status for outcome in report.outcomes] == [Status.FIXED, Status.FIXED]
    assert len([*(tmp_path / "out").iterdir()]) == progress.seen["wheel_done"] == progress.seen["file_started"] == 2
    [logged] = caplog.records
    assert (logged.name, event in logged.getMessage(), bool(logged.exc_info)) == ("wheelfix", True, True)


@pytest.mark.parametrize("event", ["file_started", "file_advanced", "wheel_checked"])
def test_nor_a_finding(event: str, wheels: list[Path], caplog: pytest.LogCaptureFixture) -> None:
    assert verify_wheels(wheels, progress=Failing(event)) == verify_wheels(wheels)
    assert len(caplog.records) == 1


def test_nor_a_file_of_a_mirror(wheels: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    progress, mirror = Failing("file_published"), tmp_path / "mirror"
    added = add_wheels(mirror, wheels, progress=progress)
    assert [file.problem for file in added.files] == [None, None]
    assert progress.seen["file_published"] == 2
    assert check_mirror(mirror, progress=Failing("project_done")) == check_mirror(mirror)
    _, published = fix_into_mirror(tmp_path / "fixed", wheels, progress=Failing("wheel_done"))
    assert [file.problem for file in published.files] == [None, None]
    assert len(caplog.records) == 3


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_is_no_exception_ends_the_run(error: type[BaseException], wheels: list[Path], tmp_path: Path) -> None:
    progress = Failing("wheel_done", error)
    with pytest.raises(error):
        fix_wheels(wheels, output=tmp_path / "out", progress=progress)
    assert progress.seen["wheel_done"] == 1


def test_a_guarded_object_is_not_guarded_again() -> None:
    once = guarded(Failing("waiting"))
    assert (guarded(once), guarded(NO_PROGRESS)) == (once, NO_PROGRESS)
