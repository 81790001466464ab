"""What a manifest says, as plain data: which projects a mirror has, for what, from where, and by which rules."""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from msgspec import Struct, field

from wheelfix.options import Policy, Targets
from wheelfix.results import Finding


class OnRulesChange(StrEnum):
    """What becomes of corrected files when the rules would now correct them differently: locks hold their hashes."""

    REPORT = "report"
    """The files stay; the report lists what would differ."""
    BUILD_TAG = "build-tag"
    """The new correction is served beside the old one under a build tag; the old one is yanked."""
    REPLACE = "replace"
    """The new correction takes the name of the old one, which is kept, unlisted, for locks that have its URL."""


class Sdists(StrEnum):
    """Which source distributions a mirror has; they are copied as they are."""

    NEVER = "never"
    IF_NO_WHEEL = "if-no-wheel"
    """Those of releases that have no wheel for the targets."""
    ALL = "all"


class Local(StrEnum):
    """What becomes of the local versions of a source's wheels, such as ``+cpu``."""

    KEEP = "keep"
    STRIP = "strip"
    """They are taken away, so that 2.9.0+cpu and 2.9.0 are one release; requirements on them follow."""


class Source(Struct, frozen=True, kw_only=True):
    """An index that files come from: those of ``projects``, or exactly those that the ``locks`` name.

    ``projects`` are requirements such as ``torch>=2.6``. With ``family`` only versions of them count that fit each other.
    ``keep``, ``min_age``, ``sdists`` and ``targets`` are those of the source, where it says them, or else of the manifest;
    ``keep`` is how many releases of each project, ``None`` for all of them.
    """

    name: str
    index: str
    projects: tuple[str, ...] = ()
    locks: tuple[Path, ...] = ()
    family: bool = False
    local: Local = Local.KEEP
    keep: int | None = 3
    min_age: timedelta = timedelta(0)
    sdists: Sdists = Sdists.NEVER
    targets: Targets = field(default_factory=Targets)


class Manifest(Struct, frozen=True, kw_only=True):
    """What the manifest at ``path`` says of the mirror at ``store``, a directory or the URL of a bucket.

    ``sources`` come in their order: the first one that has a project serves it. ``rules`` are what
    :func:`wheelfix.load_rules` takes; without any, files are copied as they are. With ``dependencies`` the mirror has what
    its files require, too. What no longer fits is yanked, and removed ``prune_after`` that; ``None`` keeps it.
    ``policy`` says how careful to be, see :class:`wheelfix.Policy`; with ``repair`` wheels are repaired, too. ``warnings``
    are findings that do not keep the manifest from being used.
    """

    path: Path
    store: str
    sources: tuple[Source, ...]
    rules: tuple[str, ...] = ("gpu",)
    on_rules_change: OnRulesChange = OnRulesChange.REPORT
    dependencies: bool = False
    prune_after: timedelta | None = timedelta(days=30)
    targets: Targets = field(default_factory=Targets)
    policy: Policy = field(default_factory=Policy)
    repair: bool = False
    warnings: tuple[Finding, ...] = ()

    def source(self, name: str) -> Source | None:
        """Return the source that is called ``name``, ``None`` if there is none."""
        return next((each for each in self.sources if each.name == name), None)


SCHEMA: Final = 1
"""The version of the form of manifests that this wheelfix reads."""
