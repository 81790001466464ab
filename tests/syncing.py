"""A mirror that a manifest keeps up to date, with a clock that stands still until a test moves it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from upstreams import Upstream
from wheelfix.mirror.json import read_page
from wheelfix.mirror.layout import PUBLIC, page_key
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.repository import load_page
from wheelfix.mirror.storage import open_store
from wheelfix.mirror.storage.base import Store
from wheelfix.results import PublishStatus
from wheelfix.sync.manifest.model import Manifest, Source
from wheelfix.sync.model import Action, SyncPlan, SyncReport
from wheelfix.sync.run import sync_mirror

EPOCH: Final = 1_767_225_600
"""The first moment of 2026."""
DAY: Final = 24 * 3600


class Mirror:
    """The mirror in ``store``, or the directory below ``folder``, with the index at ``upstream`` as source ``main``."""

    def __init__(self, folder: Path, upstream: Upstream, patch: pytest.MonkeyPatch, store: Store | None = None) -> None:
        self.folder = folder
        self.upstream = upstream
        self.where: Any = store if store is not None else str(folder / "mirror")
        self.options: dict[str, Any] = {"rules": ()}
        self._patch = patch
        self._now = EPOCH
        self.pass_days(0)

    @property
    def store(self) -> Store:
        return open_store(self.where, create=True)

    def pass_days(self, days: float) -> None:
        self._now += int(days * DAY)
        self._patch.setenv("SOURCE_DATE_EPOCH", str(self._now))

    def manifest(self, *projects: str, **source: Any) -> Manifest:
        """Return a manifest with one source; ``source`` are its settings."""
        main = Source(name="main", index=self.upstream.index, projects=projects or ("demo",), **source)
        return self.of(main)

    def of(self, *sources: Source) -> Manifest:
        return Manifest(path=self.folder / "mirror.toml", store=self.where, sources=sources, **self.options)

    def sync(self, manifest: Manifest | None = None, **options: Any) -> SyncReport:
        """Do a run, forget what was requested before, and confirm that no page leads to nothing."""
        try:
            return self.sync_without_a_look(manifest, **options)
        finally:
            assert dangling(self.store) == []

    def sync_without_a_look(self, manifest: Manifest | None = None, **options: Any) -> SyncReport:
        """Do a run, without a look at the mirror."""
        self.upstream.forget()
        return sync_mirror(manifest or self.manifest(), **options)

    def page(self, project: str = "demo") -> Page:
        return load_page(self.store, project)

    def files(self, project: str = "demo") -> Mapping[str, ListedFile]:
        return {each.filename: each for each in self.page(project).files}

    def served(self, project: str = "demo") -> list[str]:
        """Return the versions of the files that are not yanked."""
        return [each.version for each in self.page(project).files if each.yanked is None]

    def yanked(self, project: str = "demo") -> dict[str, str]:
        """Return the reasons for which files are yanked, by version."""
        return {each.version: each.yanked for each in self.page(project).files if each.yanked is not None}


def rows(plan: SyncPlan, *actions: Action) -> list[tuple[str, str]]:
    """Return what is done with which version, without what stays."""
    wanted = actions or [each for each in Action if each is not Action.KEEP]
    return [(each.action.value, each.version) for each in plan.files if each.action in wanted]


def done(report: SyncReport) -> list[tuple[PublishStatus, str | None]]:
    """Return what became of which file."""
    return [(each.status, each.filename) for each in report.files]


def codes(report: SyncReport) -> list[str]:
    """Return the codes of what went wrong."""
    files = [each.problem.code for each in report.files if each.problem]
    return [each.problem.code for each in report.plan.problems] + files


def pages_of(store: Store) -> dict[str, bytes]:
    """Return all pages, with what they list, by key."""
    return {key: stored.data for key in store.keys(f"{PUBLIC}/simple") if (stored := store.read(key)) is not None}


def contents(store: Store) -> dict[str, tuple[int, Any]]:
    """Return what is public, by key: its size and when it was written."""
    return {key: (head.size, head.modified) for key, head in store.heads(PUBLIC)}


def dangling(store: Store) -> list[str]:
    """Return the keys that a page leads to, and at which nothing is."""
    found = []
    for key in store.keys(f"{PUBLIC}/simple"):
        project = key.removeprefix(f"{PUBLIC}/simple/").rpartition("/")[0]
        stored = store.read(key)
        if project and key == page_key(project) and stored is not None:
            page = read_page(stored.data, project)
            for file in (*page.files, *page.past):
                wanted = page.key(file)
                assert wanted is not None
                found += [wanted, f"{wanted}.metadata"] if file.has_metadata else [wanted]
    return [each for each in found if store.head(each) is None]
