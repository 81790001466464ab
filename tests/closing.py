"""Mirrors that are to have what their files require, for tests: sources, pages, and a closure of them."""

from pathlib import Path
from typing import Any, Final

from msgspec import Struct, field

from building import WheelSpec
from upstreams import TIME, Upstream
from wheelfix.mirror.layout import file_key, url_of
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.publish import loaded
from wheelfix.mirror.storage import open_store
from wheelfix.options import Limits, Targets
from wheelfix.progress import NO_PROGRESS
from wheelfix.sync.choice.choose import Choice, choose
from wheelfix.sync.choice.first_seen import FirstSeen
from wheelfix.sync.choice.upstreams import Upstreams
from wheelfix.sync.dependencies.closure import close
from wheelfix.sync.manifest.model import Manifest, Source
from wheelfix.sync.model import Reason
from wheelfix.upstream.downloads import Downloads

LINUX: Final = "manylinux*_x86_64"
MACOS: Final = "macosx*_arm64"


def spec(project: str, version: str = "1.0", *requires: str, tags: str = "py3-none-any", **settings: Any) -> WheelSpec:
    return WheelSpec(project=project, version=version, tags=tags, requires=requires, **settings)


class Mirror(Struct):
    """A mirror that is to have ``projects`` of one or more indexes, and what it lists so far."""

    directory: Path
    sources: tuple[Source, ...]
    pages: dict[str, Page] = field(default_factory=dict)
    rules: tuple[str, ...] = ("gpu",)
    dry_run: bool = False

    def manifest(self) -> Manifest:
        return Manifest(
            path=Path("mirror.toml"), store=str(self.directory), sources=self.sources, rules=self.rules, dependencies=True,
            targets=self.sources[0].targets,
        )  # fmt: skip

    def chosen(self) -> Choice:
        store = open_store(self.directory, create=True)
        upstreams = Upstreams(store.scratch(), Limits(), NO_PROGRESS)
        return choose(self.manifest(), upstreams, self.pages, FirstSeen(store, self.pages))

    def close(self, choice: Choice | None = None) -> Choice:
        store, manifest = open_store(self.directory, create=True), self.manifest()
        upstreams = Upstreams(store.scratch(), Limits(), NO_PROGRESS)
        downloads = None if self.dry_run else Downloads(upstreams.session, store.scratch(), 10)
        seen = FirstSeen(store, self.pages)
        chosen = lambda early: choice or choose(manifest, upstreams, self.pages, seen, early=early)  # noqa: E731
        return close(chosen, manifest, store, self.pages, loaded(manifest.rules), upstreams, downloads)

    def required(self) -> list[str]:
        return required(self.close())

    def add(self, choice: Choice, upstream: Upstream, source: str | None = "pypi") -> None:
        """List the wanted files, as a run would, with their metadata files."""
        for each in choice.wanted:
            page = self.pages.get(each.project, Page(each.project))
            key = file_key(each.project, each.filename, each.sha256)
            beside = self.directory / f"{key}.metadata"
            beside.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(upstream.file(each.filename).metadata or b"")
            file = ListedFile(
                filename=each.filename, url=url_of(key), sha256=each.sha256, size=1, upload_time=TIME, source=source
            )
            self.pages[each.project] = page.with_files([*page.files, file])


def required(choice: Choice) -> list[str]:
    return sorted(each.filename for each in choice.wanted if each.reason is Reason.REQUIRED)


def reasons(choice: Choice) -> list[str | None]:
    return [each.problem.reason for each in choice.problems]


def source_of(
    upstream: Upstream, *projects: str, name: str = "pypi", platforms: Any = LINUX, pythons: Any = "3.11", **more: Any
) -> Source:
    return Source(name=name, index=upstream.index, projects=projects, targets=Targets(platforms, pythons), **more)


def mirror_of(tmp_path: Path, upstream: Upstream, *projects: str, **settings: Any) -> Mirror:
    return Mirror(tmp_path / "mirror", (source_of(upstream, *projects, **settings),))
