"""What there is of each project while the files of a manifest are closed: in the mirror, wanted, and at its source."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final, TypeAlias

from msgspec.structs import replace
from packaging.requirements import Requirement
from packaging.version import Version

from wheelfix.errors import FilenameError, MirrorError
from wheelfix.mirror.follow import is_decided_here
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.rules.model import RuleSet
from wheelfix.sync.choice.choose import Choice
from wheelfix.sync.choice.first_seen import FirstSeen
from wheelfix.sync.choice.releases import Release, releases_of
from wheelfix.sync.choice.sources import Served, Sources, project_of
from wheelfix.sync.dependencies.offers import Offer, Offers, listed_offers, offer_of, yanked_versions
from wheelfix.sync.jobs.fixing import fixing_for
from wheelfix.sync.manifest.model import Manifest
from wheelfix.sync.model import Reason, SourceProblem, WantedFile
from wheelfix.upstream.selection import read_requirement
from wheelfix.wheel.filename import WheelFilename, parsed_version

Releases: TypeAlias = frozenset[tuple[str, Version]]
"""Releases by project and version."""
_ANY_VERSION: Final = ">=0.dev0"
"""What pre-releases fit, too: uv decides about them."""
_NO_FILES: Final = "has no files that can be had from {}"
_NOTHING: Final = {
    "only-sdists": "has only source distributions in {}",
    "no-version": "has no wheels in {}",
    "no-wheel": "has no wheel for the targets in {}",
}


class Supply:
    """What there is of each project: files of the mirror, files that are wanted, and candidates of the first source."""

    def __init__(
        self,
        choice: Choice,
        manifest: Manifest,
        pages: Mapping[str, Page],
        rules: RuleSet | None,
        sources: Sources,
        seen: FirstSeen,
    ) -> None:
        self._manifest = manifest
        self._pages = pages
        self._rules = rules
        self._sources = sources
        self._seen = seen
        self._wanted: dict[str, list[WantedFile]] = {}
        for each in choice.wanted:
            self._wanted.setdefault(each.project, []).append(each)
        self._sdists: dict[str, list[WantedFile]] = {}
        self.problems: dict[str, SourceProblem] = {}

    def find(self, project: str) -> Offers:
        """Return what there is of ``project``.

        :raises MirrorError: if the page of the source that has it cannot be read.
        """
        page, wanted = self._pages.get(project), self._wanted.get(project, [])
        by_hand = [each.filename for each in page.files if each.source is None] if page else []
        settled = [*self._offers(page, wanted, settled=True), *listed_offers(page, only=by_hand)]
        candidates, why = self._candidates(project)
        known = {each.sha256 for each in wanted}
        candidates = [each for each in candidates if each.sha256 not in known]
        others = self._offers(page, candidates, settled=False)
        files = {each.filename: each for each in (*others, *settled)}
        self._sdists[project] = [each for each in candidates if not each.filename.endswith(".whl")]
        known |= {each.sha256 for each in candidates}
        young = self._offers(page, [each for each in self._young(project) if each.sha256 not in known], settled=False)
        return Offers(project, tuple(files.values()), "" if files else why, tuple(young), self._yanked(project))

    def sdists(self, project: str, version: Version) -> Iterator[WantedFile]:
        """Yield the source distributions that the manifest has of a release of ``project``, which was found before."""
        for each in self._sdists.get(project, ()):
            if parsed_version(each.version) == version:
                yield each

    def in_mirror(self) -> Releases:
        """Return the releases that the mirror lists for a manifest, and that are not wanted for themselves."""
        wanted = {each.sha256 for files in self._wanted.values() for each in files}
        return frozenset(
            (project, each.order[0])
            for project, page in self._pages.items()
            for each in page.files
            if each.source is not None and each.yanked is None and each.version
            if wanted.isdisjoint(each.known_sums)
        )

    def has_release(self, project: str, version: str) -> bool:
        """Whether the mirror serves a file of a release."""
        page, release = self._pages.get(project), parsed_version(version)
        return page is not None and any(each.yanked is None and each.order[0] == release for each in page.files)

    def lists(self, project: str) -> bool:
        """Whether the mirror has a page of ``project``: what it has not is not looked for."""
        return project in self._pages

    def listed(self, project: str) -> Iterator[Offer]:
        """Yield the wheels that the mirror lists of ``project``, whoever put them there."""
        return listed_offers(self._pages.get(project))

    def frozen(self, problems: Iterable[SourceProblem]) -> Iterator[str]:
        """Yield the projects of the mirror of which nothing changes, as something went wrong with them or their source."""
        for problem in problems:
            if problem.project is not None:
                yield problem.project
                continue
            for project, page in self._pages.items():
                if any(each.source == problem.source for each in page.files):
                    yield project

    def newest(self) -> dict[str, str]:
        """Return the newest version of each project that the mirror has or will have."""
        found: dict[str, Version] = {}
        listed = ((project, each) for project, page in self._pages.items() for each in page.files)
        there = [(project, each.version) for project, each in listed if each.yanked is None]
        coming = [(each.project, each.version) for files in self._wanted.values() for each in files]
        for project, text in (*there, *coming):
            if (version := parsed_version(text)) is not None:
                found[project] = max(version, found.get(project, version))
        return {project: str(found[project]) for project in sorted(found)}

    def _offers(self, page: Page | None, files: Iterable[WantedFile], *, settled: bool) -> Iterator[Offer]:
        listed: dict[str, list[ListedFile]] = {}
        for file in page.files if page else ():
            for sha256 in file.known_sums:
                listed.setdefault(sha256, []).append(file)
        for wanted in files:
            there = listed.get(wanted.sha256, [])
            files_there = (
                offer_of(each.filename, each.requires_python, listed=each, wanted=wanted, settled=settled)
                for each in _installable(there)
            )
            yield from filter(None, files_there if there else [self._new(wanted, settled=settled)])

    def _new(self, wanted: WantedFile, *, settled: bool) -> Offer | None:
        """Return the offer of a file that is to be added, under the name that it will have."""
        naming = fixing_for(self._manifest, wanted, self._rules).naming
        try:
            name = WheelFilename.parse(wanted.filename)
        except FilenameError:
            return None
        filename = str(naming.new_filename(name)) if naming.rename_unchanged else wanted.filename
        return offer_of(filename, wanted.file.requires_python, wanted=wanted, settled=settled)

    def _candidates(self, project: str) -> tuple[list[WantedFile], str]:
        """Return the files of the source that serves ``project``, for its targets, and why there are none."""
        match self._sources.of(project):
            case None:
                return [], "is in no source"
            case SourceProblem() as problem:
                self.problems[project] = problem
                raise MirrorError(
                    problem.problem.code, problem.problem.message, reason=problem.problem.reason, hint=problem.problem.hint
                )
            case Served() as served:
                return self._of_source(project, served)

    def _young(self, project: str) -> Iterator[WantedFile]:
        """Yield the files that the source which serves ``project`` lists, whether or not they are old enough."""
        served = self._sources.of(project)
        if isinstance(served, Served) and served.source.min_age:
            at_once = Served(replace(served.source, min_age=timedelta(0)), served.page)
            with suppress(MirrorError):  # it has nothing, old or young
                yield from (file for each in self._allowed(project, at_once)[0] for file in each.wanted)

    def _yanked(self, project: str) -> frozenset[str]:
        served = self._sources.of(project)
        listed = served.page.page.packages if isinstance(served, Served) else ()
        return yanked_versions((each.version, each.is_yanked) for each in listed)

    def _of_source(self, project: str, served: Served) -> tuple[list[WantedFile], str]:
        name = served.source.name
        try:
            allowed, limits = self._allowed(project, served)
        except MirrorError as error:
            return [], _NOTHING.get(error.code, _NO_FILES).format(name)
        files = [replace(file, reason=Reason.REQUIRED) for each in allowed for file in each.wanted]
        if files:
            has_wheels = any(each.filename.endswith(".whl") for each in files)
            return files, "" if has_wheels else _NOTHING["only-sdists"].format(name)
        if not allowed:
            return [], f"has no version that the manifest allows: {', '.join(map(str, limits))}"
        return [], "is too young" if any(each.waiting for each in allowed) else _NO_FILES.format(name)

    def _allowed(self, project: str, served: Served) -> tuple[list[Release], list[Requirement]]:
        """Return the releases of ``project`` that the manifest allows, and its limits.

        :raises MirrorError: if there are none for the targets, allowed or not.
        """
        releases = releases_of(served, f"{project}{_ANY_VERSION}", self._seen)
        limits = [read_requirement(each, extras=True) for each in served.source.projects if project_of(each) == project]
        allowed = [
            each
            for each in releases
            if not limits or any(limit.specifier.contains(each.version, prereleases=True) for limit in limits)
        ]
        return allowed, limits


def _installable(files: Sequence[ListedFile]) -> Sequence[ListedFile]:
    """Return which of several files that were made from one are installed; if all are yanked, those that no person yanked.

    A correction that another one supersedes stays yanked.
    """
    there = [each for each in files if each.yanked is None]
    return there or [each for each in files if not is_decided_here(each)]
