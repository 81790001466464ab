"""A mirror and an index, as a run of a sync has them: for tests of its jobs."""

from pathlib import Path
from typing import Any

from upstreams import Upstream
from wheelfix.executors import Workers
from wheelfix.mirror.publish import loaded
from wheelfix.mirror.storage import open_store
from wheelfix.mirror.storage.base import Store
from wheelfix.options import Limits
from wheelfix.progress import NO_PROGRESS
from wheelfix.sync.choice.upstreams import Upstreams
from wheelfix.sync.jobs.add import Added, Adding, add_files
from wheelfix.sync.jobs.plan_jobs import PlannedJob, plan_jobs
from wheelfix.sync.jobs.worker import Worker
from wheelfix.sync.manifest.model import Manifest, Source
from wheelfix.sync.model import WantedFile


class Sync:
    """A mirror and an index, as a run of a sync has them."""

    def __init__(self, mirror: Path, index: Upstream, *, store: Store | None = None, **source: Any) -> None:
        self.store = store or open_store(mirror, create=True)
        self.mirror = mirror
        self.manifest = Manifest(
            path=mirror / "mirror.toml", store=str(mirror), sources=(Source(name="main", index=index.index, **source),)
        )
        self.rules = loaded(("gpu",))
        self.upstreams = Upstreams(self.store.scratch(), Limits(), NO_PROGRESS)

    def wanted(self, *projects: str) -> list[WantedFile]:
        [source] = self.manifest.sources
        found = []
        for project in projects or ("gpu-demo", "plain", "small"):
            page = self.upstreams.page(source.index, project)
            assert page is not None
            found += [
                WantedFile(source=source, project=project, version=str(each.version), file=each)
                for each in page.page.packages
            ]
        return found

    def planned(self, *projects: str) -> list[PlannedJob]:
        wanted = self.wanted(*projects)
        return plan_jobs(self.store, self.manifest, wanted, self.rules, wanted, Limits(), 1)

    def add(self, *projects: str, workers: Workers = Workers()) -> Added:
        return add_files(self.adding(*projects, workers=workers), self.wanted(*projects))

    def adding(self, *projects: str, workers: Workers = Workers()) -> Adding:
        return Adding(
            store=self.store, manifest=self.manifest, rules=self.rules, wanted=self.wanted(*projects),
            session=self.upstreams.session, workers=workers,
        )  # fmt: skip

    def run(self, *planned: PlannedJob) -> None:
        worker = Worker(self.store, self.upstreams.session, Limits())
        assert not any(each.unsaved for each in worker.run_each([each.job for each in planned]))

    def public(self) -> dict[str, bytes]:
        top = self.mirror / "public"
        return {str(path.relative_to(top)): path.read_bytes() for path in sorted(top.rglob("*")) if path.is_file()}
