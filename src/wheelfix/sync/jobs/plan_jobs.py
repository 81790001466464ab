"""Which files become which jobs: those of one release are fixed together, so that its wheels are compared."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from wheelfix.mirror.decide import Succession
from wheelfix.mirror.publish import Fixing
from wheelfix.mirror.storage.base import Store
from wheelfix.options import Limits
from wheelfix.rules.model import RuleSet
from wheelfix.sync.jobs.fixing import fixing_for
from wheelfix.sync.jobs.job import JobFile, WheelJob, place_of
from wheelfix.sync.manifest.model import Local, Manifest
from wheelfix.sync.model import Reason, WantedFile


class PlannedJob(Struct, frozen=True):
    """A job about files of a ``release``, and what the manifest wants of each, by sha256 (hexadecimal)."""

    job: WheelJob
    release: str
    wanted: Mapping[str, WantedFile]

    def only(self, sums: Collection[str]) -> "PlannedJob":
        """Return the job on those of its files that have one of these sha256."""
        return PlannedJob(
            self.job.only(sums), self.release, {each: self.wanted[each] for each in self.wanted if each in sums}
        )


def plan_jobs(
    store: Store,
    manifest: Manifest,
    files: Iterable[WantedFile],
    rules: RuleSet | None,
    wanted: Sequence[WantedFile],
    limits: Limits,
    connections: int,
) -> list[PlannedJob]:
    """Return the jobs that bring ``files`` into the mirror in ``store``, by project; each downloads several at a time.

    ``wanted`` are all files that the mirror is to have.
    """
    groups: dict[_Group, list[WantedFile]] = {}
    for each in files:
        groups.setdefault(_Group.of(each), []).append(each)
    beside = _Beside(wanted)
    planned: dict[str, PlannedJob] = {}
    for _, group in sorted(groups.items(), key=lambda item: item[0].order):
        first, by_sum = group[0], {each.sha256: each for each in group}
        job = WheelJob(
            store=place_of(store),
            project=first.project,
            files=tuple(sorted(map(_job_file, by_sum.values()), key=lambda each: (each.filename, each.sha256))),
            fixing=beside.followed(fixing_for(manifest, first, rules), first),
            limits=limits,
            connections=connections,
        )
        planned.setdefault(job.digest, PlannedJob(job, first.release, by_sum))
    return list(planned.values())


class _Group(Struct, frozen=True):
    """What files have in common that are fixed together."""

    project: str
    release: str
    source: str
    is_wheel: bool
    is_locked: bool
    succession: Succession | None

    @classmethod
    def of(cls, wanted: WantedFile) -> "_Group":
        return cls(
            wanted.project,
            wanted.release,
            wanted.source.name,
            wanted.filename.endswith(".whl"),
            wanted.reason is Reason.LOCKED,
            wanted.succession,
        )

    @property
    def order(self) -> tuple[str, ...]:
        return self.project, self.release, self.source, str(self.is_wheel), str(self.is_locked), repr(self.succession)


def _job_file(wanted: WantedFile) -> JobFile:
    return JobFile(filename=wanted.filename, url=wanted.file.url, sha256=wanted.sha256, size=wanted.file.size)


class _Beside:
    """The wheels beside which those of a source are fixed: requirements on them follow where they lose a local version."""

    def __init__(self, wanted: Iterable[WantedFile]) -> None:
        self._projects: dict[str, dict[str, set[str]]] = {}
        for each in _stripped(wanted):
            self._projects.setdefault(each.source.name, {}).setdefault(each.project, set()).add(each.filename)
        for projects in self._projects.values():
            for project in [name for name, names in projects.items() if not any("+" in each for each in names)]:
                del projects[project]

    def followed(self, fixing: Fixing, wanted: WantedFile) -> Fixing:
        """Return ``fixing`` for a wheel whose requirements are to follow the wheels of other projects of its source."""
        if not fixing.naming.follow_pins:
            return fixing
        projects = self._projects.get(wanted.source.name, {})
        names = sorted(name for project, names in projects.items() if project != wanted.project for name in names)
        return replace(fixing, naming=replace(fixing.naming, beside=tuple(names)))


def _stripped(wanted: Iterable[WantedFile]) -> Iterator[WantedFile]:
    for each in wanted:
        if each.source.local is Local.STRIP and each.reason is not Reason.LOCKED and each.filename.endswith(".whl"):
            yield each
