"""The steps of a project into the mirror: what is left out, how large it is, and which errors count."""

from pathlib import Path
from typing import Any, cast

import pytest

from building import build_wheel
from defects import valid
from stores import MemoryStore
from wheelfix.errors import MirrorError
from wheelfix.executors import Workers
from wheelfix.mirror.decide import NewWheel
from wheelfix.mirror.examine import ExaminedWheel
from wheelfix.mirror.json import page_json
from wheelfix.mirror.layout import page_key
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.project import ProjectUpload, Request, _Counted, _lost, _unreadable, examine_all, examine_wheels
from wheelfix.mirror.storage.base import NewFile
from wheelfix.results import Problem, Published, PublishStatus

NAME = "demo-1.0-py3-none-any.whl"
OTHER = "demo-2.0-py3-none-any.whl"
WHY = MirrorError("other", "it is not there", hint="Look.")


def upload(folder: Path, *names: str) -> tuple[ProjectUpload, MemoryStore]:
    store = MemoryStore(folder)
    return ProjectUpload(store, "demo", {Path(each): NewWheel(path=Path(each)) for each in names}, Request()), store


def examined(name: str) -> ExaminedWheel:
    file = ListedFile(filename=name, url="x", sha256="a" * 64, size=1, upload_time="x")
    return ExaminedWheel(Path(name), "demo", file, b"")


def test_only_what_could_not_be_written_is_left_out(tmp_path: Path) -> None:
    project, _ = upload(tmp_path, NAME, OTHER)
    project.take({Path(NAME): (examined(NAME), (1,)), Path(OTHER): (examined(OTHER), (2,))})
    project._examined.originals[NAME, "a"] = examined(NAME)
    project._examined.originals[OTHER, "b"] = examined(OTHER)
    project._leave_out(Path(NAME), WHY)
    assert [*project._examined.add] == [Path(OTHER)]
    assert [*project._examined.originals] == [(OTHER, "b")]
    assert project._examined.notes == {NAME: [f"{NAME} cannot be read: it is not there"]}
    [(path, failed)] = project._failed.items()
    assert (path, failed.problem) == (Path(NAME), Problem("other", "it is not there", "Look."))
    project._leave_out(Path("nothing"), WHY)
    assert [*project._failed] == [Path(NAME)]


def test_what_a_project_adds_to_a_round(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(bytes(10))
    (tmp_path / OTHER).write_bytes(bytes(5))
    project, _ = upload(tmp_path, str(tmp_path / NAME), str(tmp_path / OTHER))
    assert project.size() == (1, 2, 15)


def test_the_size_of_a_page(tmp_path: Path) -> None:
    project, store = upload(tmp_path, NAME)
    assert project.page_size(None) == (0, None)
    data = page_json(Page("demo"))
    store.objects.write(page_key("demo"), data)
    assert project.page_size(None) == (len(data), None)
    assert project.page_size(WHY) == (0, WHY)  # a store that is silent is not asked
    requests = len(store.requests)
    project.page_size(WHY)
    assert len(store.requests) == requests


def test_a_page_whose_size_is_not_known(tmp_path: Path) -> None:
    project, store = upload(tmp_path, NAME)

    def fail(operation: str, key: str) -> None:
        raise WHY

    store.before = fail
    assert project.page_size(None) == (0, None)  # this page alone cannot be read


def test_a_wheel_whose_result_is_lost() -> None:
    found = _lost(Path(f"x/{NAME}"), RuntimeError("it was killed"))
    assert (found.source, found.status, found.filename) == (Path(f"x/{NAME}"), PublishStatus.FAILED, NAME)
    assert found.problem is not None
    assert found.problem.code != ""
    assert found.problem.message != ""


def test_each_wheel_is_examined_or_says_why_not(tmp_path: Path) -> None:
    good, bad = tmp_path / NAME, tmp_path / OTHER
    good.write_bytes(build_wheel(valid()))
    bad.write_bytes(b"PK")
    known = NewWheel(path=tmp_path / "known", examined=examined(NAME))
    wheels = [NewWheel(path=good), NewWheel(path=bad), NewWheel(path=tmp_path / "none"), known]
    one, two, three, four = examine_all(wheels, Workers())
    assert not isinstance(one, Published)
    assert (one[0].project, one[0].file.filename, bool(one[1])) == ("demo", NAME, True)
    assert isinstance(two, Published)
    assert isinstance(three, Published)
    assert (two.source, three.source) == (bad, tmp_path / "none")
    assert four == (known.examined, ())
    assert [*map(type, examine_wheels(wheels))] == [tuple, Published, Published, tuple]


def test_a_wheel_that_is_lost_while_it_is_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(work: object, wheels: list[NewWheel], workers: Workers, *, lost: Any, **others: object) -> list[object]:
        return [lost(each, RuntimeError("it was killed")) for each in wheels]

    monkeypatch.setattr("wheelfix.mirror.project.run_all", lose)
    [found] = examine_all([NewWheel(path=Path(NAME))], Workers())
    assert isinstance(found, Published)
    assert (found.source, found.status) == (Path(NAME), PublishStatus.FAILED)


def test_examining_stops_when_it_is_told_to(tmp_path: Path) -> None:
    with pytest.raises(InterruptedError):
        examine_all([NewWheel(path=tmp_path / "none")], Workers(), lambda: True)


def test_files_are_counted_as_they_are_requested() -> None:
    counted = _Counted(cast(list[NewFile], ["one", "two"]))
    assert counted.count == 0
    steps = iter(counted)
    next(steps)
    assert counted.count == 1
    next(steps)
    assert counted.count == 2


def test_why_an_original_cannot_be_read() -> None:
    assert (
        _unreadable(Path("a\x1b"), Problem("code", "it is\x1b not there", ""))
        == "a\\x1b cannot be read: it is\\x1b not there"
    )
    problem = Problem("code", "it is\x1b not there", "")
    assert _unreadable(Path("a\x1b"), problem) == "a\\x1b cannot be read: it is\\x1b not there"
    assert _unreadable(Path("a"), None) == "a cannot be read: "
