"""A run on a store that several write to, cut off at each operation: nobody is misled, and the next run completes."""

import json
from collections.abc import Callable
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Final

import pytest
from pypi_simple import ProjectPage

from demos import GPU
from faults import Faulty, How, Killed
from sharing import INDEX, disagreeing, misled, other, outcome, wheel
from stores import MemoryStore
from wheelfix.errors import MirrorError
from wheelfix.mirror.follow import follow_index
from wheelfix.mirror.layout import page_key
from wheelfix.mirror.publish import fix_into_mirror
from wheelfix.mirror.repository import load_page
from wheelfix.mirror.storage.base import Store
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import remove_files, unyank_files, yank_files
from wheelfix.options import Publishing
from wheelfix.results import PublishReport, PublishStatus
from wheelfix.upstream.client import ServedPage

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def store(tmp_path: Path) -> MemoryStore:
    return MemoryStore(tmp_path / "scratch")


def add_new(folder: Path, store: MemoryStore) -> Callable[[Store], object]:
    paths = [wheel(folder / "in"), wheel(folder / "in", "2.0"), wheel(folder / "in", project="other")]
    return lambda store: add_wheels(store, paths)


def add_more(folder: Path, store: MemoryStore) -> Callable[[Store], object]:
    add_wheels(store, wheel(folder / "in"))
    path = wheel(folder / "in", "2.0")
    return lambda store: add_wheels(store, path)


def replace(folder: Path, store: MemoryStore) -> Callable[[Store], object]:
    add_wheels(store, [wheel(folder / "in"), wheel(folder / "in", "2.0")])
    paths = [wheel(folder / "new", body="new"), wheel(folder / "new", "2.0", body="new")]
    return lambda store: add_wheels(store, paths, publishing=Publishing(replace=True))


def add_old(folder: Path, store: MemoryStore) -> Callable[[Store], object]:
    """What no page lists lies there for long: it is put anew."""
    path = wheel(folder / "in")
    add_wheels(store, path)
    remove_files(store, "demo")
    store.objects.pass_time(13)
    return lambda store: add_wheels(store, path)


def publish(folder: Path, store: MemoryStore) -> Callable[[Store], object]:
    path = wheel(folder / "in", needs=GPU)
    return lambda store: fix_into_mirror(store, path)


def yank(folder: Path, store: MemoryStore) -> Callable[[Store], object]:
    add_wheels(store, [wheel(folder / "in"), wheel(folder / "in", "2.0")])
    return lambda store: yank_files(store, "demo==1.0", "because")


def unyank(folder: Path, store: MemoryStore) -> Callable[[Store], object]:
    yank(folder, store)(store)
    return lambda store: unyank_files(store, "demo==1.0")


def remove_one(folder: Path, store: MemoryStore) -> Callable[[Store], object]:
    add_wheels(store, [wheel(folder / "in"), wheel(folder / "in", "2.0")])
    return lambda store: remove_files(store, "demo==1.0")


def remove_all(folder: Path, store: MemoryStore) -> Callable[[Store], object]:
    add_wheels(store, [wheel(folder / "in"), wheel(folder / "in", project="other")])
    return lambda store: remove_files(store, "demo")


def follow(folder: Path, store: MemoryStore) -> Callable[[Store], object]:
    add_wheels(store, [wheel(folder / "in"), wheel(folder / "in", "2.0")])
    listed = json.loads(store.objects[page_key("demo")].data)
    listed["files"][1]["yanked"] = "broken"
    listed["project-status"] = {"status": "deprecated"}
    answer = ServedPage(f"{INDEX}demo/", "json", ProjectPage.from_json_data(listed, f"{INDEX}demo/"))
    return lambda store: follow_index(store, "demo", INDEX, answer, 600)


RUNS: Final = (add_new, add_more, add_old, replace, publish, yank, unyank, follow, remove_one, remove_all)
Run = Callable[[Path, MemoryStore], Callable[[Store], object]]


def _cases() -> list[object]:
    """Return each run with each way to be cut off and on both kinds of stores; two of ten are quick."""
    whole = list(product(enumerate(RUNS), enumerate(How), (False, True)))
    quick = [each for each in whole if (each[0][0] + each[1][0]) % len(How) in (0, 2) and not each[2]]
    slow = [each for each in whole if each not in quick]
    return [
        pytest.param(run, how, deletes_if, id=f"{run.__name__}-{how.name}-{deletes_if}", marks=marks)
        for chosen, marks in ((quick, ()), (slow, (pytest.mark.slow, pytest.mark.parts)))
        for (_, run), (_, how), deletes_if in chosen
    ]


@pytest.mark.parametrize(("run", "how", "deletes_if"), _cases())
def test_a_run_that_is_cut_off_misleads_nobody_and_the_next_one_completes(
    run: Run, how: How, deletes_if: bool, tmp_path: Path
) -> None:
    start = MemoryStore(tmp_path / "scratch", deletes_if=deletes_if)
    act = run(tmp_path, start)
    whole = other(start)
    whole.objects = start.objects.copy()
    act(whole)
    at, last = 0, False
    while not last:
        at += 1
        store = other(start)
        store.objects = start.objects.copy()
        cut, report = Faulty(store, at, how), None
        with suppress(Killed, OSError, MirrorError):
            report = act(cut)
        last = not cut.happened
        assert misled(store.objects) == [], at
        check_reported(report, store, run)
        with suppress(MirrorError):  # what was to be removed may be gone
            act(store)
        assert misled(store.objects) == disagreeing(store.objects, tmp_path) == [], at
        assert outcome(store.objects) == outcome(whole.objects), at
    assert at > 8


def check_reported(report: object, store: MemoryStore, run: Run) -> None:
    """What is there is not called failed, and what is not there is not called added."""
    if not isinstance(report, PublishReport) or run in (remove_one, remove_all):
        return
    for each in report.files:
        file = load_page(store, str(each.project)).find(str(each.filename))
        listed = file is not None and (each.sha256 is None or file.sha256 == each.sha256)
        if each.is_listed:
            assert listed
        elif each.status is PublishStatus.FAILED and run in (add_new, add_more, add_old):
            assert not listed


def test_after_a_run_that_was_cut_off_anybody_completes_the_pages(store: MemoryStore, tmp_path: Path) -> None:
    """HTML and the root follow from JSON, whoever wrote that."""
    add_wheels(store, wheel(tmp_path / "in"))
    for at in range(1, 40):
        with suppress(Killed):
            first = Faulty(store, at, How.KILLED_BEFORE)
            add_wheels(first, [wheel(tmp_path / "in", f"{at}.0"), wheel(tmp_path / "in", project=f"new{at}")])
        assert misled(store.objects) == []
        for project in ("demo", f"new{at}"):
            add_wheels(store, wheel(tmp_path / "in", f"{at}.1", project=project))
        assert disagreeing(store.objects, tmp_path) == []
