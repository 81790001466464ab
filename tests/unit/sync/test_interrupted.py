"""A sync that is interrupted at any step: no page leads to nothing, and the next run completes it."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from building import WheelSpec
from faults import Faulty, How, Killed
from stores import MemoryStore, Objects
from syncing import Mirror, dangling, pages_of, rows
from upstreams import Upstream, pypi
from wheelfix.errors import MirrorError
from wheelfix.mirror.storage.base import Store
from wheelfix.mirror.storage.local import LocalStore
from wheelfix.sync.jobs.results import noted_results
from wheelfix.sync.manifest.model import Manifest


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with pypi() as found:
        for project in ("demo", "six"):
            for version in ("1.0", "1.1"):
                found.add(WheelSpec(project=project, version=version))
        yield found


def change(upstream: Upstream) -> None:
    """Let there be something to add, to yank, to unyank and to remove, and another status."""
    upstream.add(WheelSpec(project="demo", version="2.0"))
    upstream.yank("six-1.1-py3-none-any.whl", "broken")
    upstream.unyank("six-1.0-py3-none-any.whl")
    upstream.status["six"] = ("deprecated", "")


class Scene:
    """A mirror that was brought up to date once, and an index that has changed since."""

    def __init__(self, upstream: Upstream, folder: Path, patch: pytest.MonkeyPatch, kind: str) -> None:
        upstream.yank("six-1.0-py3-none-any.whl", "for now")
        self.objects = Objects() if kind == "bucket" else None
        self.mirror = Mirror(folder, upstream, patch, self.store(self.objects, folder))
        assert self.mirror.sync(self.manifest).ok
        if self.objects is None:
            shutil.copytree(folder / "mirror", folder / "before")
        self.before = self.objects.copy() if self.objects is not None else None
        change(upstream)
        self.mirror.pass_days(1)

    def store(self, objects: Objects | None, folder: Path) -> Store:
        if objects is None:
            return LocalStore(folder / "mirror")
        return MemoryStore(folder / "scratch", objects)

    @property
    def manifest(self) -> Manifest:
        return self.mirror.manifest("demo", "six", "six==1.0", keep=2)

    def again(self) -> Store:
        """Put the mirror back to where it was before the change."""
        folder = self.mirror.folder
        if self.before is None:
            shutil.rmtree(folder / "mirror")
            shutil.copytree(folder / "before", folder / "mirror")
        self.mirror.where = self.store(self.before.copy() if self.before is not None else None, folder)
        return self.mirror.store


@pytest.fixture(params=["bucket", pytest.param("directory", marks=pytest.mark.slow)])
def scene(request: pytest.FixtureRequest, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(upstream, tmp_path, monkeypatch, request.param)


def run(scene: Scene, at: int, how: How) -> Faulty:
    """Do a run in which something happens at an operation of the store; whatever it does, no page leads to nothing."""
    faulty = Faulty(scene.again(), at, how)
    store, scene.mirror.where = scene.mirror.where, faulty
    try:
        with suppress(Killed, MirrorError, OSError):
            scene.mirror.sync_without_a_look(scene.manifest)
    finally:
        scene.mirror.where = store
    return faulty


# A kill after one operation leaves what a kill before the next one leaves: of the two the default run tries one.
AFTER = pytest.param(How.KILLED_AFTER, marks=pytest.mark.slow)


@pytest.mark.parametrize("how", [How.KILLED_BEFORE, AFTER, How.FAILS, How.LOSES_ANSWER, How.STAYS_AWAY])
def test_the_next_run_completes_it(how: How, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wheelfix.mirror.retry.time.sleep", lambda seconds: None)
    monkeypatch.setattr("wheelfix.sync.planning.claim._LEASE", -1.0)  # the note of a run that was killed counts for nothing
    reference = run(scene, 0, how)
    wanted = pages_of(scene.mirror.store)
    assert rows(scene.mirror.sync(scene.manifest).plan) == []
    writes = [
        number for number, (name, _) in enumerate(reference.operations, 1)
        if name in ("put_new", "put_if", "delete", "delete_if", "flush")
    ]  # fmt: skip
    assert len(writes) > 10
    for at in writes:
        faulty = run(scene, at, how)
        assert faulty.happened
        assert dangling(scene.mirror.store) == []
        report = scene.mirror.sync(scene.manifest)
        assert report.ok
        assert pages_of(scene.mirror.store) == wanted, (at, faulty.operations[at - 1])
        assert noted_results(scene.mirror.store) == frozenset()
        assert rows(scene.mirror.sync(scene.manifest).plan) == []
