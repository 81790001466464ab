"""A sync that is interrupted at any step: no page leads to nothing, and the next run completes it."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from building import WheelSpec
from faults import Faulty, How, Killed
from stores import MemoryStore, Objects
from syncing import Mirror, dangling, pages_of, rows
from upstreams import Upstream, pypi
from wheelfix.errors import MirrorError
from wheelfix.mirror.json import read_page
from wheelfix.mirror.layout import ROOT_PAGE, page_key
from wheelfix.mirror.pages import ListedFile
from wheelfix.mirror.repository import load_page
from wheelfix.mirror.storage.base import Store
from wheelfix.mirror.storage.local import LocalStore
from wheelfix.results import PublishStatus
from wheelfix.sync.jobs.results import noted_results
from wheelfix.sync.manifest.model import Manifest
from wheelfix.sync.model import SyncReport


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
    """Do a run in which something happens at an operation of the store, and confirm that what it reports is true."""
    faulty = Faulty(scene.again(), at, how)
    store, scene.mirror.where = scene.mirror.where, faulty
    before = json_pages(store)
    try:
        with suppress(Killed):
            report = scene.mirror.sync_without_a_look(scene.manifest)
            if how is not How.STAYS_AWAY or store.is_shared:  # a disk that gives nothing more does not say what it has
                check_reported(report, store, before)
    except (MirrorError, OSError):
        assert json_pages(store) == before, "something was done, and an error is all that is reported"
    finally:
        scene.mirror.where = store
    return faulty


def json_pages(store: Store) -> dict[str, bytes]:
    """Return what the mirror lists: all else follows from it."""
    return {key: data for key, data in pages_of(store).items() if key.endswith("/index.json")}


_TAKES_EFFECT: Final[Mapping[PublishStatus, Callable[[ListedFile | None], bool]]] = {
    PublishStatus.ADDED: lambda file: file is not None,
    PublishStatus.YANKED: lambda file: file is not None and file.yanked is not None,
    PublishStatus.UNYANKED: lambda file: file is not None and file.yanked is None,
    PublishStatus.REMOVED: lambda file: file is None,
}
"""What a page says after each of these."""


def check_reported(report: SyncReport, store: Store, before: Mapping[str, bytes]) -> None:
    """Confirm that what was done is there, what failed is not, and what changed is reported."""
    for each in report.files:
        page = load_page(store, str(each.project))
        if each.status is PublishStatus.FAILED and each.filename:
            key = page_key(page.project)
            was = read_page(before[key], page.project).find(each.filename) if key in before else None
            assert page.find(each.filename) == was, each
        elif each.status in _TAKES_EFFECT:
            assert _TAKES_EFFECT[each.status](page.find(str(each.filename))), each
    changed = {key for key, data in json_pages(store).items() if data != before.get(key)}
    reported = {page_key(str(each.project)) for each in report.files if each.status is not PublishStatus.FAILED}
    followed = {page_key(each) for each in report.plan.followed}
    assert changed - {ROOT_PAGE} <= reported | followed


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
        assert dangling(scene.mirror.store) == []  # whatever the run did
        report = scene.mirror.sync(scene.manifest)
        assert report.ok
        assert pages_of(scene.mirror.store) == wanted, (at, faulty.operations[at - 1])
        assert noted_results(scene.mirror.store) == frozenset()
        assert rows(scene.mirror.sync(scene.manifest).plan) == []
