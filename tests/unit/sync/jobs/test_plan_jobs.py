"""Which files become which jobs, and that requirements follow wheels of other jobs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from msgspec.structs import replace

from adding import Sync
from building import WheelSpec
from thorough import examples
from upstreams import Upstream, pypi, pytorch
from wheelfix.executors import Workers
from wheelfix.mirror.repository import load_page
from wheelfix.options import Limits
from wheelfix.sync.jobs.add import add_files
from wheelfix.sync.jobs.plan_jobs import plan_jobs
from wheelfix.sync.manifest.model import Local
from wheelfix.sync.model import Reason
from wheelfix.wheel.wheel import Wheel

LINUX, MAC = "cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-macosx_11_0_arm64"


@pytest.fixture
def index() -> Iterator[Upstream]:
    """A family of CPU builds: on Linux with a local version, on macOS without."""
    with pytorch() as upstream:
        for project, version, needs in (("torch", "2.9.0", ()), ("torchvision", "0.24.0", ("torch==2.9.0+cpu",))):
            upstream.add(WheelSpec(project=project, version=f"{version}+cpu", tags=LINUX, requires=("numpy", *needs)))
            plain = tuple(each.replace("+cpu", "") for each in needs)
            upstream.add(WheelSpec(project=project, version=version, tags=MAC, requires=("numpy", *plain)))
        yield upstream


def requirements(sync: Sync, project: str) -> list[list[str]]:
    found = []
    for each in load_page(sync.store, project).files:
        key = load_page(sync.store, project).key(each)
        with Wheel(sync.mirror / str(key)) as wheel:
            found.append([field.value.strip() for field in wheel.document.all("Requires-Dist")])
    return found


@pytest.fixture
def sync(tmp_path: Path, index: Upstream) -> Sync:
    return Sync(tmp_path / "mirror", index, local=Local.STRIP, projects=("torch", "torchvision"))


def test_a_release_is_one_job_with_the_builds_that_lose_their_local_version(sync: Sync) -> None:
    planned = sync.planned("torch", "torchvision")
    assert [(each.job.project, len(each.job.files)) for each in planned] == [("torch", 2), ("torchvision", 2)]


@pytest.mark.parametrize("workers", [Workers(), Workers(2)])
def test_pins_follow_wheels_of_other_jobs(workers: Workers, sync: Sync) -> None:
    assert [each.status.value for each in sync.add("torch", "torchvision", workers=workers).files] == ["added"] * 4
    assert {each.version for each in load_page(sync.store, "torch").files} == {"2.9.0"}
    assert requirements(sync, "torchvision") == [["numpy", "torch==2.9.0"]] * 2


def test_pins_follow_wheels_that_the_mirror_has_already(sync: Sync) -> None:
    sync.add("torch")
    adding = sync.adding("torch", "torchvision")
    assert [each.status.value for each in add_files(adding, sync.wanted("torchvision")).files] == ["added"] * 2
    assert requirements(sync, "torchvision") == [["numpy", "torch==2.9.0"]] * 2


def test_a_page_says_the_same_rules_whatever_else_the_source_has(sync: Sync) -> None:
    """Or each new release of torch would be a change of the rules of torchvision."""
    planned = (*sync.planned("torch", "torchvision"), *sync.planned("torchvision"))
    assert len({each.job.fixing.checked_by for each in planned}) == 1


def test_a_file_of_a_lock_is_a_job_of_its_own_that_changes_nothing(sync: Sync) -> None:
    first, *rest = sync.wanted("torch")
    wanted = [replace(first, reason=Reason.LOCKED), *rest]
    planned = plan_jobs(sync.store, sync.manifest, wanted, sync.rules, wanted, Limits(), 1)
    assert sorted((len(each.job.files), each.job.fixing.rules is None) for each in planned) == [(1, False), (1, True)]


@pytest.fixture(scope="module")
def many() -> Iterator[Upstream]:
    with pypi() as upstream:
        for project in ("a", "b", "c"):
            for version in ("1.0", "2.0"):
                for python in ("cp311", "cp312"):
                    tags = f"{python}-{python}-manylinux_2_28_x86_64"
                    upstream.add(WheelSpec(project=project, version=version, tags=tags))
        yield upstream


@settings(max_examples=examples(15))
@given(data=st.data())
def test_the_order_of_files_changes_no_job(many: Upstream, tmp_path_factory: Any, data: st.DataObject) -> None:
    sync = Sync(tmp_path_factory.mktemp("mirror"), many)
    wanted = sync.wanted("a", "b", "c")
    mixed = data.draw(st.permutations(wanted))
    expected = [each.job for each in plan_jobs(sync.store, sync.manifest, wanted, sync.rules, wanted, Limits(), 1)]
    assert [each.job for each in plan_jobs(sync.store, sync.manifest, mixed, sync.rules, mixed, Limits(), 1)] == expected
    assert len(expected) == 6
