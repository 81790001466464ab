"""What a manifest chooses from indexes on the loopback device, without a run."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, field

from stores import MemoryStore, Objects
from upstreams import Upstream
from wheelfix.mirror.pages import Page
from wheelfix.options import Limits, Targets
from wheelfix.progress import NO_PROGRESS
from wheelfix.sync.choice.choose import Choice, choose
from wheelfix.sync.choice.first_seen import FirstSeen
from wheelfix.sync.choice.upstreams import Upstreams
from wheelfix.sync.manifest.model import Manifest, Source

EVERY: Final = Targets(("manylinux*_x86_64", "manylinux*_aarch64", "macosx*_arm64"), ("3.11",))
"""The platforms of the tests' families, Windows not among them."""


class Machine(Struct):
    """A machine at ``folder`` that chooses for the mirror in ``objects``, which other machines may share."""

    folder: Path
    objects: Objects = field(default_factory=Objects)
    pages: Mapping[str, Page] = field(default_factory=dict)
    upstreams: Upstreams | None = None

    @property
    def store(self) -> MemoryStore:
        """The store of the mirror."""
        return MemoryStore(self.folder, self.objects)

    def choose(self, *sources: Source, only: tuple[str, ...] = (), dry_run: bool = False) -> Choice:
        """Return what ``sources`` stand for; first sight is noted unless it is a ``dry_run``."""
        manifest = Manifest(path=self.folder / "mirror.toml", store="memory://mirror", sources=sources)
        self.upstreams = Upstreams(self.folder, Limits(), NO_PROGRESS)
        seen = FirstSeen(self.store, self.pages)
        choice = choose(manifest, self.upstreams, self.pages, seen, only=only)
        if not dry_run:
            seen.save()
        return choice


def source(upstream: Upstream, *projects: str, name: str = "main", **settings: Any) -> Source:
    """Return a source of a manifest for ``projects`` of ``upstream``."""
    return Source(name=name, index=upstream.index, projects=projects, **settings)


def wanted(choice: Choice) -> list[str]:
    """Return the names of the files that are wanted."""
    return sorted(each.filename for each in choice.wanted)


def versions(choice: Choice, project: str = "demo") -> list[str]:
    """Return the releases of ``project`` that are wanted."""
    return sorted({each.release for each in choice.wanted if each.project == project})


def codes(choice: Choice) -> list[tuple[str | None, str]]:
    """Return the problems, as project and code."""
    return [(each.project, each.problem.code) for each in choice.problems]


def reasons(choice: Choice) -> dict[str, str]:
    """Return why files wait, by their names."""
    return {each.filename: each.reason for each in choice.waiting}


def epoch(text: str) -> str:
    """Return the time ``text``, in UTC, for SOURCE_DATE_EPOCH."""
    return str(int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()))
