"""Jobs of a sync: what to download, how to fix it and where to put it, as plain data that any process can work on.

A job is about the files of one release that are fixed together. Who works on it (:mod:`wheelfix.sync.jobs.worker`) downloads
them, fixes them, and puts the results into the store, where their names are those of their content. No page is written: what
became of each file is noted in the store (:mod:`wheelfix.sync.jobs.results`), and one process lists all of them
(:mod:`wheelfix.sync.jobs.listing`). Where a result is noted, the job is done, whoever did it; where none is, it is still to
be done.
"""

import hashlib
import json
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from wheelfix.mirror.publish import Fixing
from wheelfix.mirror.storage.base import Store
from wheelfix.options import Limits
from wheelfix.progress import Progress
from wheelfix.results import Outcome, Problem, Published, PublishStatus, Traffic
from wheelfix.sync.jobs.results import FileResult
from wheelfix.version import __version__

if TYPE_CHECKING:
    from wheelfix.locations import Location


class JobFile(Struct, frozen=True, kw_only=True):
    """A file to download: as its index calls it, with its sha256 (hexadecimal), and its size in bytes where it is known."""

    filename: str
    url: str
    sha256: str
    size: int | None = None


class WheelJob(Struct, frozen=True, kw_only=True, dict=True):
    """What is to be done with ``files``, those of one release of ``project``.

    ``store`` is where the mirror is, ``fixing`` how wheels are fixed, ``connections`` how many files are downloaded at a
    time. ``tool`` is the version of wheelfix that planned it: another one might fix otherwise.
    """

    store: str
    project: str
    files: tuple[JobFile, ...]
    fixing: Fixing
    limits: Limits = Limits()
    connections: int = 1
    tool: str = __version__

    @cached_property
    def digest(self) -> str:
        """What identifies its result (hexadecimal): the files, and all that decides what becomes of them."""
        fixing, files = self.fixing, sorted((each.filename, each.sha256) for each in self.files)
        terms = (fixing.identity, fixing.naming.beside, fixing.policy.allow_mixed, self.tool)
        return hashlib.sha256(json.dumps([self.project, files, terms]).encode()).hexdigest()

    @property
    def size(self) -> int:
        """How many bytes it downloads, as far as the index says."""
        return sum(each.size or 0 for each in self.files)

    def only(self, sums: Iterable[str]) -> "WheelJob":
        """Return the job on those of its files that have one of these sha256."""
        chosen = frozenset(sums)
        return replace(self, files=tuple(each for each in self.files if each.sha256 in chosen))


class Download(NamedTuple):
    """A download of ``size`` bytes (``None`` if nobody knows), of which ``resumed`` were there and ``received`` came."""

    filename: str
    size: int | None
    resumed: int = 0
    received: int = 0

    def report(self, progress: Progress) -> None:
        """Report to ``progress`` that it was downloaded."""
        progress.file_started(self.filename, self.size, self.resumed)
        progress.file_advanced(self.filename, self.received)


class JobDone(NamedTuple):
    """What is known at once of a job that was done: the ``outcomes`` of its files, and its ``traffic`` with their index.

    ``stopped`` are those of its files that are not in the store.

    ``downloads`` are those of another process: nobody saw them while they went on. ``unsaved`` is what became of its files
    where no result could be noted; ``is_lost`` says that nobody knows, because who worked on it died.
    """

    digest: str
    outcomes: tuple[Outcome, ...] = ()
    traffic: Traffic = Traffic()
    stopped: tuple[FileResult, ...] = ()
    downloads: tuple[Download, ...] = ()
    unsaved: tuple[FileResult, ...] = ()
    is_lost: bool = False


def place_of(store: Store) -> str:
    """Return what other processes open ``store`` by."""
    location: Location = store.location
    return str(location.absolute()) if isinstance(location, Path) else str(location)


def unsaved_files(job: WheelJob, problem: Problem | None) -> tuple[FileResult, ...]:
    """Return that all files of ``job`` failed for one ``problem``, which nobody noted."""
    return tuple(
        FileResult(
            filename=each.filename,
            sha256=each.sha256,
            stopped=Published(Path(each.filename), PublishStatus.FAILED, job.project, each.filename, problem=problem),
        )
        for each in job.files
    )


def lost_files(job: WheelJob) -> tuple[FileResult, ...]:
    """Return that nothing is known of the files of ``job``: it was not done, or somebody deleted or damaged its note."""
    hint = "Run the sync again; with --shard, run the parts that are missing, and `wheelfix mirror index` once more."
    return unsaved_files(job, Problem("no-job-result", "no part of the sync has done it", hint))
