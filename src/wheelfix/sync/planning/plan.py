"""What a sync has to do: what is wanted, compared with what the mirror lists. Nothing is written here."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from msgspec.structs import replace
from packaging.utils import canonicalize_name
from packaging.version import Version

from wheelfix.mirror.follow import REMOVED, IndexPage, is_decided_here, original_name, with_status, with_upstream
from wheelfix.mirror.pages import BY_UPSTREAM, ListedFile, Page, version_of
from wheelfix.results import Problem
from wheelfix.sync.choice.choose import Choice
from wheelfix.sync.choice.family import FAMILY
from wheelfix.sync.choice.releases import TOO_YOUNG
from wheelfix.sync.choice.sources import NO_PROJECT
from wheelfix.sync.manifest.model import Manifest, Source
from wheelfix.sync.model import (
    OF_A_PROJECT,
    YANKED_UPSTREAM,
    Action,
    PlannedFile,
    Reason,
    SourceProblem,
    SyncPlan,
    WantedFile,
)
from wheelfix.sync.planning.match import match
from wheelfix.sync.planning.removals import lost_files
from wheelfix.sync.planning.scope import Scope
from wheelfix.sync.planning.unwanted import is_due, reason_of_yank, why_unwanted, yanked_by_index, yanked_by_manifest
from wheelfix.text import shown
from wheelfix.upstream.selection import read_requirement
from wheelfix.wheel.filename import parsed_version

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from wheelfix.upstream.client import ServedPage  # what only the extra "index" installs: it comes as a value

_DECIDED: Final = "Somebody decided here whether it is yanked; that stays so."
_LOCKED: Final = "A lock names it."
_UNSURE: Final = "The index lists other bytes under its name, or no files at all, or its page may be cut off."
_YOUNG: Final = "It is younger than min-age, and was added before."
_NO_VERSION: Final = Version("0")
_DEFERRED: Final = "It is not known whether it is still required, as a source failed or something could not be resolved."


class Situation(Struct, frozen=True, kw_only=True):
    """What a plan is made from: what ``manifest`` chose, and the ``pages`` of the mirror by project.

    ``indexes`` are the pages of the indexes, by URL and project; ``covers`` says which projects and sources are planned.
    """

    manifest: Manifest
    choice: Choice
    pages: Mapping[str, Page]
    indexes: "Mapping[tuple[str, str], ServedPage]"
    now: datetime
    covers: Callable[[str, str | None], bool] = Scope().covers


class FileChange(Struct, frozen=True):
    """What becomes of a listed file; ``after`` is ``None`` for one that is removed. ``planned`` says why."""

    before: ListedFile
    after: ListedFile | None
    planned: PlannedFile


class Steps(Struct, frozen=True, kw_only=True):
    """A ``plan``, and what it takes to do it: the files to ``add``, and the ``changes`` to listed ones by project.

    ``serving`` are the sources that serve each project, with the page of the index. Of the projects that ``failed`` nothing
    changes: they could not be planned.
    """

    plan: SyncPlan
    add: tuple[WantedFile, ...] = ()
    changes: Mapping[str, Sequence[FileChange]] = field(default_factory=dict)
    serving: "Mapping[str, tuple[str, ServedPage]]" = field(default_factory=dict)
    locked: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()


def make_plan(situation: Situation) -> Steps:
    """Return what brings the mirror to what was chosen; a project that cannot be planned has a problem."""
    known, parts = _Known(situation), dict[str, _Part]()
    failed: dict[str, SourceProblem] = {}
    for project in sorted({*situation.pages, *known.wanted, *known.waiting}):
        try:
            parts[project] = _part_of(known, project)
        except OF_A_PROJECT as error:
            failed[project] = SourceProblem(known.source_of(project), project, Problem.of(error))
    files = [row for part in parts.values() for row in part.files]
    files += [each for each in situation.choice.reported if situation.covers(each.project, each.source)]
    served, emptied = _served(situation.pages, files)
    plan = SyncPlan(
        files=tuple(files), problems=(*situation.choice.problems, *failed.values()), served=served, emptied=emptied,
        followed=tuple(project for project, part in parts.items() if part.is_followed),
    )  # fmt: skip
    return Steps(
        plan=plan,
        add=tuple(each for part in parts.values() for each in part.add),
        changes={project: part.changed for project, part in parts.items() if part.changed},
        serving={project: part.serving for project, part in parts.items() if part.serving is not None},
        locked=known.locked,
        failed=frozenset(failed),
    )


class _Part(Struct, frozen=True):
    """What is planned for one project: its rows, and what it takes to do them."""

    files: Sequence[PlannedFile]
    add: Sequence[WantedFile]
    changed: Sequence[FileChange]
    serving: "tuple[str, ServedPage] | None"
    is_followed: bool


def _part_of(known: "_Known", project: str) -> _Part:
    situation = known.situation
    planner = _Project(known, situation.pages.get(project) or Page(project))
    own = [each for each in planner.changes() if situation.covers(project, each.before.source)]
    new = [each for each in planner.missing if situation.covers(project, each.source.name)]
    rows = (*(each.planned for each in own), *(planned(each, Action.ADD) for each in new), *planner.others())
    changed = [each for each in own if each.after != each.before]
    return _Part(sorted(rows, key=_order), new, changed, planner.serving, planner.is_followed(changed))


def _order(file: PlannedFile) -> tuple[Version, str]:
    return parsed_version(file.version) or _NO_VERSION, file.filename


class _Known:
    """What is known of all projects of a ``situation``, looked up once."""

    def __init__(self, situation: Situation) -> None:
        self.situation = situation
        choice = situation.choice
        self.wanted: dict[str, list[WantedFile]] = defaultdict(list)
        self.waiting: dict[str, list[PlannedFile]] = defaultdict(list)
        for wanted in choice.wanted:
            self.wanted[wanted.project].append(wanted)
        for row in choice.waiting:
            self.waiting[row.project].append(row)
        self.locked = choice.locked | {each.sha256 for each in choice.wanted if each.reason is Reason.LOCKED and each.sha256}
        self.named: dict[str, dict[str, list[Requirement]]] = {}
        for source in situation.manifest.sources:
            for requirement in map(partial(read_requirement, extras=True), source.projects):
                self.named.setdefault(canonicalize_name(requirement.name), {}).setdefault(source.name, []).append(
                    requirement
                )
        self.lacking = {
            (each.project, each.filename): each.problem for each in choice.reported if each.problem and each.filename
        }
        self._of_project = {each.project: each for each in reversed(choice.problems) if each.project is not None}
        self.unknown = {
            each.source: each.project for each in reversed(choice.problems)
            if each.project is not None and each.problem.code == NO_PROJECT
        }  # fmt: skip
        self._of_source = {each.source: each for each in reversed(choice.problems) if each.project is None}

    def problem_of(self, project: str, source: str | None) -> SourceProblem | None:
        """Return the problem of a project, or of a whole source, ``None`` where there is none."""
        return self._of_project.get(project) or self._of_source.get(source or "")

    def source_of(self, project: str) -> str:
        """Return the name of a source that has to do with a project."""
        page = self.situation.pages.get(project)
        names = [each.source.name for each in self.wanted[project]]
        names += [each.source for each in self.waiting[project] if each.source]
        names += [each.source for each in (page.files if page else ()) if each.source]
        return names[0] if names else self.situation.manifest.sources[0].name

    def answer(self, source: Source | None, project: str) -> "ServedPage | None":
        """Return the page of ``project`` in the index of a source, ``None`` where that was not read."""
        return None if source is None else self.situation.indexes.get((source.index, project))


class _Project:
    """The plan for one project, of which the mirror lists ``page``."""

    def __init__(self, known: _Known, page: Page) -> None:
        self._known = known
        self._page = page
        self._manifest, self._now = known.situation.manifest, known.situation.now
        wanted = known.wanted.get(page.project, ())
        self._match = match(page, wanted)
        self._sources = [*dict.fromkeys(each.source.name for each in wanted if each.reason is not Reason.LOCKED)]
        self._waiting = {each.sha256: each for each in known.waiting.get(page.project, ()) if each.sha256}
        leaders = (each for each in reversed(page.files) if each.source is not None and not each.is_superseded)
        self._leaders = {each.original_sha256: each for each in leaders}
        self._indexes: dict[str | None, IndexPage | None] = {}
        self.missing = self._match.missing
        self.serving = self._find_serving()

    def _find_serving(self) -> "tuple[str, ServedPage] | None":
        """Return the URL of the index that serves the project, and its page there; ``None`` where none was read."""
        for name in (*self._sources, *self._known.named.get(self._page.project, ())):
            source = self._manifest.source(name)
            answer = self._known.answer(source, self._page.project)
            if source is not None and answer is not None:
                return source.index, answer
        return None

    def is_followed(self, changed: Iterable[FileChange]) -> bool:
        """Whether the page takes over more than what is done with its files."""
        if any(each.planned.action is Action.KEEP for each in changed):
            return True
        is_ours = any(each.source for each in self._page.files)
        return is_ours and self.serving is not None and with_status(self._page, *self.serving) != self._page

    def others(self) -> Iterator[PlannedFile]:
        """Yield what cannot be added, and what waits and is not there yet."""
        covers, project = self._known.situation.covers, self._page.project
        for rival in self._match.rivals:
            if covers(project, rival.wanted.source.name):
                yield planned(rival.wanted, Action.REPORT, reason=rival.reason, about=rival.code)
        there = {sha256 for each in self._page.files for sha256 in each.known_sums}
        for each in self._known.waiting.get(project, ()):
            if covers(project, each.source) and (not each.sha256 or each.sha256 not in there):
                yield each

    def changes(self) -> Iterator[FileChange]:
        """Yield what becomes of each file that a manifest put there, or would have."""
        for file in self._page.files:
            wanted = self._match.stands_for.get(file.filename)
            if file.source is not None and wanted is not None:
                after = self._followed(file, wanted)
                reason = reason_of_yank(after) if after.yanked is not None else ""
                yield self._change(file, after, reason, wanted.reason)
            elif file.source is not None:
                yield self._change(file, *self._unwanted(file))
            elif wanted is not None:
                yield self._change(file, file, "You added it.", wanted.reason)

    def _change(self, file: ListedFile, after: ListedFile | None, reason: str, why: Reason | None = None) -> FileChange:
        row = PlannedFile(
            action=_action(file, after), project=self._page.project, version=file.version, filename=file.filename,
            source=file.source if after is None else after.source, reason=reason, code=_code(after),
            size=file.size, sha256=file.sha256, why=why, yanked=file.yanked is not None,
        )  # fmt: skip
        return FileChange(file, after, row)

    def _followed(self, file: ListedFile, wanted: WantedFile) -> ListedFile:
        """Return ``file``, which is wanted, with what the index says of it.

        One that another correction supersedes stays yanked.
        """
        found = with_upstream(file, wanted.upstream())
        if not file.is_superseded:
            return found
        return replace(found, yanked=file.yanked, yanked_by=file.yanked_by, yanked_at=file.yanked_at)

    def _unwanted(self, file: ListedFile) -> tuple[ListedFile | None, str]:
        """Return what becomes of ``file``, which is not wanted, and why."""
        if is_decided_here(file):
            return file, _DECIDED
        after = self._yanked_upstream(file)
        is_locked = self._is_locked(file)
        if kept := self._why_kept(file) or (_LOCKED if is_locked and after is None else ""):
            return (file, kept) if after is None else (after, reason_of_yank(after))
        if after is None:
            after = yanked_by_manifest(file, self._why_unwanted(file), self._now)
        if not is_locked and self._is_due(after):
            return None, f"It was yanked {after.yanked_at}: {reason_of_yank(after)}"
        return after, reason_of_yank(after)

    def _is_locked(self, file: ListedFile) -> bool:
        """Whether a lock names ``file``, or may do so: one without a sha256 that was not looked for in this run."""
        if file.sha256 in self._known.locked:
            return True
        versions = {parsed_version(file.version), parsed_version(version_of(original_name(file)))}
        return any((self._page.project, each) in self._known.situation.choice.unsought for each in versions)

    def _is_due(self, file: ListedFile) -> bool:
        """Whether ``file``, which is not wanted, is removed: one that another correction supersedes goes with that one."""
        leader = self._leaders.get(file.original_sha256) if file.is_superseded else None
        if leader is None:
            return is_due(file, self._manifest.prune_after, self._now)
        return leader.filename not in self._match.stands_for and self._unwanted(leader)[0] is None

    def _yanked_upstream(self, file: ListedFile) -> ListedFile | None:
        """Return ``file`` as its index has yanked it, or removed it; ``None`` if it has not, or that is not known.

        That is so whatever else went wrong: that nothing on a page fits a requirement is an error, and may be the yank.
        """
        index = self._index_of(file)
        if index is None:
            return None
        if index.has_removed(file):
            return yanked_by_index(file, REMOVED, self._now)
        listed = index.find(file)
        return yanked_by_index(file, listed.yanked_reason or "", self._now) if listed and listed.is_yanked else None

    def _why_unwanted(self, file: ListedFile) -> str:
        project, waiting = self._page.project, self._waiting_for(file)
        if waiting is not None and waiting.code == FAMILY:
            return waiting.reason
        return why_unwanted(self._manifest, project, file, self._sources, self._known.named.get(project, {}))

    def _waiting_for(self, file: ListedFile) -> PlannedFile | None:
        """Return what was chosen to wait, and is here: ``file`` itself, or its original."""
        return next((row for sha256 in file.known_sums if (row := self._waiting.get(sha256)) is not None), None)

    def _why_kept(self, file: ListedFile) -> str:
        """Return why ``file`` stays as it is although it is not wanted, empty if it does not."""
        if unread := self._known.situation.choice.unread_locks:
            return f"{shown(unread[0])} cannot be read, and may name it."
        if problem := self._known.problem_of(self._page.project, file.source):
            return f"Nothing of it is changed: {problem.problem.message} (source {problem.source})."
        if self._manifest.dependencies and self._known.situation.choice.problems:
            return _DEFERRED
        if misspelled := self._misspelled(file):
            return f"Its index has no project {shown(misspelled)}, which the source names: that may be a typing error."
        waiting = self._waiting_for(file)
        if waiting is not None and waiting.code != FAMILY:
            return _YOUNG if waiting.code == TOO_YOUNG else f"It stays as it is: {waiting.reason}."
        if lacking := self._known.lacking.get((self._page.project, original_name(file))):
            return f"The index lists it, and it cannot be had from there now: {lacking.message}."
        index = self._index_of(file)
        return _UNSURE if index is not None and index.has_lost(file) and not index.has_removed(file) else ""

    def _misspelled(self, file: ListedFile) -> str | None:
        """Return what the source of ``file`` names, and its index does not know, where it does not name the project itself.

        One letter in a manifest would take what is meant.
        """
        if file.source in self._known.named.get(self._page.project, {}):
            return None
        return self._known.unknown.get(file.source or "")

    def _index_of(self, file: ListedFile) -> IndexPage | None:
        """Return what the index that ``file`` came from says, ``None`` where that was not read."""
        if file.source not in self._indexes:
            source = self._manifest.source(file.source or "")
            answer = self._known.answer(source, self._page.project)
            self._indexes[file.source] = None if source is None or answer is None else IndexPage(source.index, answer)
        return self._indexes[file.source]


def _code(after: ListedFile | None) -> str:
    """Return the code of a file that its index has yanked: no decision of the manifest took it."""
    return YANKED_UPSTREAM if after is not None and after.yanked_by == BY_UPSTREAM and after.yanked != REMOVED else ""


def _action(before: ListedFile, after: ListedFile | None) -> Action:
    if after is None:
        return Action.REMOVE
    if before.yanked is None:
        return Action.KEEP if after.yanked is None else Action.YANK
    return Action.KEEP if after.yanked is not None else Action.UNYANK


def _served(pages: Mapping[str, Page], files: Iterable[PlannedFile]) -> tuple[int, tuple[str, ...]]:
    """Return how many files of manifests are served, and the sources of which none would be left."""
    before: Counter[str | None] = Counter(
        each.source for page in pages.values() for each in page.files if each.source and each.yanked is None
    )
    lost = Counter(each.source for each in lost_files(files))
    emptied = sorted(name for name, count in before.items() if name and lost[name] >= count)
    return before.total(), tuple(emptied)


def planned(wanted: WantedFile, action: Action, *, reason: str = "", about: str = "") -> PlannedFile:
    """Return what is done with a file that is wanted; ``about`` is the code of a report."""
    return PlannedFile(
        action=action, project=wanted.project, version=wanted.release, filename=wanted.filename, source=wanted.source.name,
        reason=reason, code=about, size=wanted.file.size, sha256=wanted.sha256 or None, why=wanted.reason,
    )  # fmt: skip
