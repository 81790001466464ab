"""What a sync wants, plans and did, as plain data."""

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace
from packaging.version import Version

from wheelfix.errors import EditError, MirrorError, WheelError
from wheelfix.locations import Location
from wheelfix.mirror.decide import Succession
from wheelfix.mirror.follow import UpstreamFile, upstream_file
from wheelfix.results import Finding, Outcome, Problem, Published, Traffic
from wheelfix.sync.manifest.model import Local, Source

if TYPE_CHECKING:
    from pypi_simple import DistributionPackage  # what only the extra "index" installs: it comes as a value


OF_A_PROJECT: Final = (WheelError, EditError, MirrorError)
"""The errors that something which an index, or a page, says of one project can lead to: others are synced all the same."""


class Reason(StrEnum):
    """Why the mirror is to have a file."""

    CHOSEN = "chosen"
    """It fits a requirement of its source."""
    LOCKED = "locked"
    """A lock names it: it is served exactly as it is."""
    REQUIRED = "required"
    """Another file requires it."""


class WantedFile(Struct, frozen=True, kw_only=True):
    """A file that the mirror is to have: ``file`` as the index of ``source`` lists it.

    ``project`` is normalized (PEP 503), ``version`` is that of the file name in normal form. ``first_seen`` is when it was
    first seen there, in the form of PEP 700, where the index has no upload time. ``notes`` are for a person. ``locks`` are
    the lock files that name it, as the manifest has them. With a ``succession`` it is fixed anew, and takes the place of
    files that the mirror lists.
    """

    source: Source
    project: str
    version: str
    file: "DistributionPackage"
    reason: Reason = Reason.CHOSEN
    first_seen: str | None = None
    notes: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()
    succession: Succession | None = None

    @property
    def filename(self) -> str:
        """The file name as the index has it."""
        return self.file.filename

    @property
    def sha256(self) -> str:
        """The sha256 that the index gives (hexadecimal), empty where it gives none."""
        return (self.file.digests.get("sha256") or "").lower()

    @property
    def release(self) -> str:
        """The version of the release that it becomes part of in the mirror: without ``+cpu`` where that is stripped."""
        return str(Version(self.version).public) if self.source.local is Local.STRIP else self.version

    def upstream(self) -> UpstreamFile:
        """Return what the index says of it, for the page of the mirror."""
        return replace(upstream_file(self.source.index, self.file, self.source.name), seen=self.first_seen)


class Action(StrEnum):
    """What a sync does with a file."""

    ADD = "add"
    KEEP = "keep"
    """It is there already, and wanted."""
    WAIT = "wait"
    """It is younger than ``min-age``."""
    YANK = "yank"
    UNYANK = "unyank"
    REMOVE = "remove"
    """It was yanked ``prune-after`` ago; locks that name it fail from then on."""
    REPLACE = "replace"
    """The rules would correct it differently: the new correction takes its name, and its place."""
    SUPERSEDE = "supersede"
    """The rules would correct it differently: the new correction is served beside it, and it is yanked."""
    REPORT = "report"
    """Nothing is done, and a person should know why."""


NEW: Final = (Action.ADD, Action.REPLACE, Action.SUPERSEDE)
"""The actions for which a file is downloaded, as a rule."""


class PlannedFile(Struct, frozen=True, kw_only=True):
    """What a sync does with one file, and why: ``reason`` is a sentence, empty where there is nothing to say.

    ``filename``, ``size`` (in bytes) and ``sha256`` (hexadecimal) are those in the mirror if it is there, or else what the
    index says, ``None`` where it does not. ``source`` is the name of a source. ``code`` is a stable code of a report, such
    as ``lock-hash-changes``. ``details`` are what the reason is about, one line each. What is reported of a whole release,
    or project, has no ``filename``, or no ``version``. One that cannot be had has a ``problem``. ``yanked`` says that the
    mirror lists it as yanked by now.
    """

    action: Action
    project: str
    version: str
    filename: str
    source: str | None = None
    reason: str = ""
    code: str = ""
    size: int | None = None
    sha256: str | None = None
    why: Reason | None = None
    details: tuple[str, ...] = ()
    problem: Problem | None = None
    yanked: bool = False


YANKED_UPSTREAM: Final = "yanked-upstream"
"""The code of a file that its index has yanked."""


def is_taken(file: PlannedFile) -> bool:
    """Whether a file that is served would not be, by no yank of its index: what is yanked there is meant so."""
    is_gone = file.action in (Action.YANK, Action.REMOVE) and not file.yanked
    return is_gone and file.code != YANKED_UPSTREAM


class SourceProblem(Struct, frozen=True):
    """What went wrong with a ``source``, or one of its projects: nothing of it is changed then."""

    source: str
    project: str | None
    problem: Problem


class SyncPlan(Struct, frozen=True, kw_only=True):
    """What a sync will do: ``files`` by project and file name.

    ``served`` is how many files the mirror lists that a manifest put there, and that are not yanked; ``emptied`` are the
    sources of which none would be left of these. ``problems`` are those of sources, and of what could not be resolved.
    ``followed`` are projects whose pages take over what the index says by now of their status or upload times, besides what
    is done with their files.
    """

    files: tuple[PlannedFile, ...] = ()
    problems: tuple[SourceProblem, ...] = ()
    served: int = 0
    emptied: tuple[str, ...] = ()
    followed: tuple[str, ...] = ()

    def of(self, *actions: Action) -> tuple[PlannedFile, ...]:
        """Return the files with one of ``actions``."""
        return tuple(each for each in self.files if each.action in actions)

    @property
    def changes(self) -> bool:
        """Whether the mirror would change."""
        done = self.of(*NEW, Action.YANK, Action.UNYANK, Action.REMOVE)
        return bool(done or self.followed)

    @property
    def counts(self) -> dict[str, int]:
        """How many files there are of each action, 0 included."""
        found = Counter(each.action for each in self.files)
        return {action.value: found[action] for action in Action}

    @property
    def download_size(self) -> int:
        """How many bytes are to be downloaded, as far as the indexes say it."""
        return sum(each.size or 0 for each in self.of(*NEW))


class SyncReport(Struct, frozen=True, kw_only=True):
    """What a sync of the mirror at ``mirror`` planned and, unless ``dry_run``, did.

    ``outcomes`` say what became of each wheel that was downloaded and fixed, ``files`` what became of each file of the
    mirror. ``traffic`` is that with all indexes. ``warnings`` are about the manifest, or
    say that a sync would stop where this run only looked. ``prepared`` is how many files a part
    of a sync put into the store for :func:`wheelfix.index_mirror`, which lists them; ``None`` for a whole sync.
    """

    manifest: str
    mirror: Location
    plan: SyncPlan
    outcomes: tuple[Outcome, ...] = ()
    files: tuple[Published, ...] = ()
    traffic: Traffic = Traffic()
    warnings: tuple[Finding, ...] = ()
    dry_run: bool = False
    prepared: int | None = None

    @property
    def ok(self) -> bool:
        """Whether every source answered, and no file was refused or failed."""
        found = (*(each.problem for each in self.plan.files), *(each.problem for each in self.files))
        return not self.plan.problems and not any(found)
