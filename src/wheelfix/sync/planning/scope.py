"""What ``--only`` names: projects and sources of a manifest, which alone are planned."""

from collections.abc import Collection, Iterable
from typing import Final

from msgspec import Struct
from packaging.utils import canonicalize_name

from wheelfix.errors import MirrorError
from wheelfix.sync.choice.sources import project_of
from wheelfix.sync.manifest.model import Manifest, Source
from wheelfix.text import closest, shown

_CODE: Final = "nothing-selected"


class Scope(Struct, frozen=True):
    """The ``sources`` and ``projects`` that are planned; all of them where both are empty."""

    sources: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """All of them."""
        return self.sources | self.projects

    def covers(self, project: str, source: str | None) -> bool:
        """Whether a file of ``project`` that comes from ``source`` is planned."""
        return not (self.sources or self.projects) or project in self.projects or source in self.sources


def scope_of(manifest: Manifest, only: Iterable[str], projects: Collection[str]) -> Scope:
    """Return what the names in ``only`` stand for; ``projects`` are those that the mirror has.

    :raises MirrorError: if one is neither a source nor a project of the manifest or the mirror.
    """
    sources, chosen = set[str](), set[str]()
    known = {name for source in manifest.sources for name in projects_of(source)} | set(projects)
    for name in only:
        project = str(canonicalize_name(name))
        if manifest.source(name) is not None:
            sources.add(name)
        elif project in known or any(source.locks for source in manifest.sources):
            chosen.add(project)
        else:
            close = closest(name, sorted({*known, *(each.name for each in manifest.sources)}))
            raise MirrorError(
                _CODE,
                f"the manifest has no source or project {shown(name)!r}",
                hint=f"Did you mean {close}?" if close else "Give the name of a source, or of a project.",
            )
    return Scope(frozenset(sources), frozenset(chosen))


def projects_of(source: Source) -> frozenset[str]:
    """Return the projects that ``source`` names."""
    return frozenset(map(project_of, source.projects))
