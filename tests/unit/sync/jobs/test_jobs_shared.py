"""Jobs of a sync whose mirror is in a bucket: nobody is kept out, and what is old may be deleted by others."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adding import Sync
from building import WheelSpec
from stores import MemoryStore, Objects
from upstreams import Upstream, pypi
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.journal import noted_runs
from wheelfix.mirror.prune import prune_mirror
from wheelfix.sync.jobs.add import add_shard, list_files
from wheelfix.sync.jobs.results import noted_results
from wheelfix.sync.jobs.shard import Shard

pytestmark = pytest.mark.usefixtures("stopped_clock")

PROJECTS = ("one", "two")


@pytest.fixture
def index() -> Iterator[Upstream]:
    with pypi() as upstream:
        for project in PROJECTS:
            for python in ("cp311", "cp312"):
                upstream.add(WheelSpec(project=project, tags=f"{python}-{python}-manylinux_2_28_aarch64", requires=("six",)))
        yield upstream


@pytest.fixture
def objects() -> Objects:
    return Objects()


@pytest.fixture
def sync(tmp_path: Path, index: Upstream, objects: Objects) -> Sync:
    return Sync(tmp_path / "mirror", index, store=MemoryStore(tmp_path / "scratch", objects))


def public(objects: Objects) -> dict[str, bytes]:
    return {key.removeprefix("public/"): blob.data for key, blob in objects.items() if key.startswith("public/")}


def statuses(sync: Sync) -> list[str]:
    return [each.status.value for each in list_files(sync.adding(*PROJECTS), sync.wanted(*PROJECTS)).files]


def done(sync: Sync) -> None:
    assert add_shard(sync.adding(*PROJECTS), sync.wanted(*PROJECTS), Shard(1, 1)).files == ()


def test_a_bucket_has_the_same_pages_as_a_directory(sync: Sync, objects: Objects, index: Upstream, tmp_path: Path) -> None:
    directory = Sync(tmp_path / "directory", index)
    directory.add(*PROJECTS)
    done(sync)
    assert not any(key.startswith("public/simple") for key in objects)
    assert statuses(sync) == ["added"] * 4
    assert public(objects) == directory.public()
    assert [*noted_runs(sync.store)] == []
    assert noted_results(sync.store) == frozenset()


def test_what_is_listed_at_once_is_not_sent_again(sync: Sync, objects: Objects) -> None:
    done(sync)
    before = {key: blob.number for key, blob in objects.items() if key.startswith("public/files")}
    assert statuses(sync) == ["added"] * 4
    assert {key: objects[key].number for key in before} == before


@pytest.mark.parametrize("hours", [13, 23.9])
def test_what_others_may_delete_soon_is_sent_again(hours: float, sync: Sync, objects: Objects, index: Upstream) -> None:
    done(sync)
    files = [key for key in objects if key.startswith("public/files")]
    before = {key: objects[key].number for key in files}
    objects.pass_time(hours)
    index.forget()
    assert statuses(sync) == ["added"] * 4
    assert index.downloads() == []
    assert all(objects[key].number > before[key] for key in files)
    assert {objects[key].modified for key in files} == {objects.now}
    assert check_mirror(sync.store).findings == ()


def test_what_others_deleted_is_said_and_done_again(sync: Sync, objects: Objects) -> None:
    done(sync)
    for key in [key for key in objects if key.endswith(".whl")]:
        del objects[key]
    found = list_files(sync.adding(*PROJECTS), sync.wanted(*PROJECTS)).files
    assert {each.problem.code for each in found if each.problem} == {"job-file-lost"}
    assert len(found) == 4
    assert [each.status.value for each in sync.add(*PROJECTS).files] == ["added"] * 4
    assert check_mirror(sync.store).findings == ()


def test_a_file_that_is_another_one_by_now_is_not_listed(sync: Sync, objects: Objects) -> None:
    done(sync)
    wheel = next(key for key in objects if key.endswith(".whl"))
    objects.write(wheel, objects[wheel].data[:-1])
    assert sorted(statuses(sync)) == ["added", "added", "added", "refused"]


def test_young_files_of_jobs_are_kept_and_old_ones_deleted(sync: Sync, objects: Objects) -> None:
    sync.add("one")
    done(sync)
    objects.pass_time(1)
    assert (check_mirror(sync.store).findings, check_mirror(sync.store).young) == ((), 4)
    assert {each.status.value for each in prune_mirror(sync.store).files} == {"kept"}
    objects.pass_time(24)
    assert {each.status.value for each in prune_mirror(sync.store).files} == {"deleted"}
    assert sum(key.endswith(".whl") for key in objects) == 2
    assert check_mirror(sync.store).findings == ()


def test_two_that_do_the_same_job_do_no_harm(sync: Sync, objects: Objects, tmp_path: Path, index: Upstream) -> None:
    """One notes what it is about to put while the other one does so."""
    other = Sync(tmp_path / "mirror", index, store=MemoryStore(tmp_path / "other", objects))
    store = sync.store
    assert isinstance(store, MemoryStore)
    met: list[str] = []

    def meet(operation: str, key: str) -> None:
        if operation == "put" and not met:
            met.append(key)
            done(other)

    store.before = meet
    done(sync)
    assert len(met) == 1
    assert statuses(sync) == ["added"] * 4
    assert check_mirror(sync.store).findings == ()


@pytest.mark.parametrize("step", range(1, 40))
def test_where_ever_a_job_is_killed_the_next_run_ends_it(step: int, sync: Sync, objects: Objects) -> None:
    store, count = sync.store, 0
    assert isinstance(store, MemoryStore)

    def killed(*_: str) -> None:
        nonlocal count
        count += 1
        if count == step:
            raise KeyboardInterrupt

    store.after = killed
    try:
        sync.add("one")
    except KeyboardInterrupt:
        store.after = lambda *_: None
        assert [each.problem for each in sync.add("one").files] == [None, None]
    store.after = lambda *_: None
    objects.pass_time(25)
    prune_mirror(sync.store)
    assert check_mirror(sync.store).findings == ()
    assert [*noted_runs(sync.store)] == []
    assert sum(key.endswith(".whl") for key in objects) == 2
