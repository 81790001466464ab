"""Corrected files whose rules have changed since: what would differ by now, and what is done about it.

The page says of each file by which rules and options it was checked. Where these are others now, the result can still be
the same: then only the page follows. Where it would differ, the manifest decides: it is reported, served beside the old one
under a build tag, or takes its place. Locks hold the hashes of files that are served, so nothing is deleted here.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.mirror.decide import Succession
from wheelfix.mirror.follow import is_decided_here
from wheelfix.mirror.pages import BY_SYNC, ListedFile, Page
from wheelfix.mirror.publish import REPAIR, Fixing
from wheelfix.mirror.storage.base import Store
from wheelfix.results import ChangeAction
from wheelfix.rules.model import RuleSet
from wheelfix.sync.choice.upstreams import Upstreams, is_wheel
from wheelfix.sync.jobs.fixing import source_fixing
from wheelfix.sync.manifest.model import Manifest, OnRulesChange, Source
from wheelfix.sync.model import Action, PlannedFile, Reason, SyncPlan, WantedFile
from wheelfix.sync.planning.assess import Assessment, Assessor
from wheelfix.sync.planning.build_tags import Builds, build_of
from wheelfix.sync.planning.checked_by import Check
from wheelfix.text import shown, shown_few
from wheelfix.wheel.filename import WheelFilename, parsed_version

RULES_CHANGED: Final = "rules-changed"
LOCK_CHANGES: Final = "lock-hash-changes"
ORIGINAL_GONE: Final = "original-gone"
"""The codes of what is reported here."""
_REPAIRS: Final = "the manifest now says otherwise whether wheels are repaired"
_NO_NAME: Final = "its name is none of a wheel"
_SWAPPED: Final = "The rules are again what they were before: the earlier file is served in its place."
_AGAIN: Final = "The rules correct it like this again."
_LEAVING: Final = frozenset({Action.YANK, Action.REMOVE})
_LEAVES: Final = "The rules have changed, and cannot correct it anew without its original."
_FEW: Final = 2
"""How many changes a sentence names; the details of a row have all of them."""


class RulesView(Struct, frozen=True, kw_only=True):
    """What the rules are compared on: the files that are ``wanted``, and the ``pages`` of the mirror, by project.

    ``locked`` are the sha256 (hexadecimal) of all files that locks name, corrected ones of this mirror included;
    ``unread_locks`` those that cannot be read: they may name any file.
    """

    store: Store
    manifest: Manifest
    rules: RuleSet | None
    wanted: Sequence[WantedFile]
    pages: Mapping[str, Page]
    upstreams: Upstreams
    locked: Collection[str] = frozenset()
    unread_locks: Sequence[str] = ()


class RulesChanges(Struct, frozen=True):
    """What follows from other rules: rows for the plan, files that are to be fixed anew, and what pages are to say."""

    planned: tuple[PlannedFile, ...] = ()
    wanted: tuple[WantedFile, ...] = ()
    checks: tuple[Check, ...] = ()

    def merged(self, plan: SyncPlan) -> SyncPlan:
        """Return ``plan`` with these rows; each takes the place of one that keeps the same file.

        A file whose original is gone has one row where it is yanked for that, or removed: not one that says it is kept, too.
        """
        gone = {(each.project, each.filename) for each in self.planned if each.code == ORIGINAL_GONE}
        rows = {(each.project, each.filename) for each in self.planned}
        leaving, rest = set[tuple[str, str]](), list[PlannedFile]()
        for each in plan.files:
            key = each.project, each.filename
            if key in gone and each.action in _LEAVING:
                leaving.add(key)
                rest.append(replace(each, code=ORIGINAL_GONE, reason=f"{each.reason} {_LEAVES}"))
            elif each.action is not Action.KEEP or key not in rows:
                rest.append(each)
        own = (each for each in self.planned if (each.project, each.filename) not in leaving)
        return replace(plan, files=tuple(sorted((*rest, *own), key=lambda each: (each.project, each.filename))))


class _Case(Struct, frozen=True):
    """A listed file for which the rules have changed: ``file`` stands for ``wanted``, ``old`` are superseded relatives."""

    wanted: WantedFile
    file: ListedFile
    old: tuple[ListedFile, ...]
    identity: str | None
    is_locked: bool
    found: Assessment

    @property
    def code(self) -> str:
        return LOCK_CHANGES if self.is_locked else RULES_CHANGED

    @property
    def revived(self) -> ListedFile | None:
        """The file that was served before, and is what the rules make of the original now; ``None`` if there is none."""
        same = (each for each in self.old if each.checked_by == self.identity and self.identity is not None)
        as_it_came = (each for each in self.old if each.origin is None and self.found.as_it_came)
        return next(same, None) or next(as_it_came, None)


class _Found(Struct):
    """What is found, file by file; ``builds`` are those of all files that are wanted."""

    builds: Builds
    planned: list[PlannedFile] = field(default_factory=list)
    wanted: list[WantedFile] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)


def rules_changes(view: RulesView) -> RulesChanges:
    """Return what follows from rules that have changed; nothing is written to the mirror.

    :raises MirrorError, OSError: if a shared store does not answer.
    """
    found, comparison = _Found(Builds(view.wanted)), _Comparison(view)
    cases = sorted(comparison.cases(found), key=_release_of)
    for _, group in groupby(cases, key=_release_of):
        release = list(group)
        _decide(release, view, found)
    found.planned += comparison.gone()
    return RulesChanges(tuple(found.planned), tuple(found.wanted), tuple(found.checks))


class _Comparison:
    """What is wanted and listed, file by file, compared with what the rules of today make of it."""

    def __init__(self, view: RulesView) -> None:
        self._view = view
        self._assessor = Assessor(view.store, view.rules, view.manifest.policy, view.upstreams)
        self._wanted = _each_once(view.wanted)
        self._listed = _by_sum(view.pages)
        self._releases: dict[tuple[str, str, str], list[WantedFile]] = {}
        for each in self._wanted:
            self._releases.setdefault(_siblings_of(each), []).append(each)

    def cases(self, found: _Found) -> Iterator[_Case]:
        """Yield the files that the rules would correct otherwise; what is decided about others is added to ``found``."""
        for wanted in self._wanted:
            known = self._listed.get((wanted.project, wanted.sha256), ())
            fixing = source_fixing(self._view.manifest, wanted.source, self._view.rules)
            file = _standing(known, fixing.identity)
            release = self._releases[_siblings_of(wanted)]
            if file is None:
                if wanted.reason is Reason.LOCKED and not known and fixing.identity is not None:
                    _decide_new(self._view, wanted, self._assessor.assess_wanted(wanted, release), found)
            elif file.checked_by != fixing.identity and not _is_out_of_use(file):
                assessment = self._assessor.assess(wanted.project, file, wanted, release)
                assessment = _with_options(assessment, wanted, file, fixing)
                if assessment.is_same and wanted.reason is Reason.LOCKED and file.sha256 == wanted.sha256:
                    continue  # it was copied, and not checked by rules: the page does not say so
                if assessment.is_same:
                    found.checks.append(Check(wanted.project, file.filename, file.sha256, fixing.identity))
                    continue
                old = tuple(each for each in known if each.is_superseded)
                yield _Case(wanted, file, old, fixing.identity, self._is_locked(file, wanted), assessment)

    def _is_locked(self, file: ListedFile, wanted: WantedFile) -> bool:
        return (wanted.reason is Reason.LOCKED and file.sha256 == wanted.sha256) or file.sha256 in self._view.locked

    def gone(self) -> Iterator[PlannedFile]:
        """Yield the files whose original is no longer to be had, so that the rules of today cannot be applied to it."""
        view = self._view
        wanted = {(each.project, each.sha256) for each in view.wanted}
        for page in view.pages.values():
            for file in page.files:
                source = view.manifest.source(file.source) if file.source is not None else None
                sums = {(page.project, each) for each in file.known_sums}
                if source is None or file.is_superseded or sums & wanted or not file.filename.endswith(".whl"):
                    continue
                if file.checked_by == source_fixing(view.manifest, source, view.rules).identity:
                    continue
                why = self._why_gone(file, source, page.project)
                if why and not (file.origin is None and self._assessor.assess_original(page.project, file).is_same):
                    yield _original_gone(file, source, page.project, why)

    def _why_gone(self, file: ListedFile, source: Source, project: str) -> str:
        """Return why the original of ``file`` is not to be had, empty where it is, or nobody knows."""
        try:
            listed = self._view.upstreams.page(source.index, project)
        except MirrorError:  # a problem of the source, which is reported as one
            return ""
        if listed is None or not file.known_sums.isdisjoint(listed.by_sha256()):
            return ""  # the project is gone, which is reported as a whole; or the file no longer fits
        name = file.origin.filename if file.origin else file.filename
        others = any(each.filename == name for each in listed.page.packages)
        return "the index has other bytes under its name" if others else "the index no longer lists it"


def _original_gone(file: ListedFile, source: Source, project: str, why: str) -> PlannedFile:
    return PlannedFile(
        action=Action.REPORT, project=project, version=file.version, filename=file.filename, source=source.name,
        code=ORIGINAL_GONE, size=file.size, sha256=file.sha256,
        reason=f"The rules have changed, and its original is gone: {why}. It is kept as it is.",
    )  # fmt: skip


def _siblings_of(wanted: WantedFile) -> tuple[str, str, str]:
    """Return what the wheels of one release of a source have in common, as the index has them."""
    return wanted.project, wanted.version, wanted.source.name


def _each_once(wanted: Iterable[WantedFile]) -> Collection[WantedFile]:
    """Return the wheels whose sha256 is known; one that is wanted twice as the file that a lock names."""
    wheels = [each for each in wanted if is_wheel(each.file) and each.sha256]
    wheels.sort(key=lambda each: each.reason is Reason.LOCKED)
    return {(each.project, each.sha256): each for each in wheels}.values()


def _with_options(found: Assessment, wanted: WantedFile, file: ListedFile, fixing: Fixing) -> Assessment:
    """Return ``found`` with what follows from other options than those of the rules: another name, and repairs.

    Where rules change more than METADATA the name can be theirs.
    """
    if (REPAIR in _words(file.checked_by)) != (REPAIR in _words(fixing.identity)):
        found = replace(found, doubt=found.doubt or _REPAIRS, as_it_came=False)
    try:
        served, expected = WheelFilename.parse(file.filename), _new_name(wanted, fixing)
    except WheelfixError:  # pages can be edited, and indexes list anything
        return replace(found, doubt=found.doubt or _NO_NAME, as_it_came=False)
    if found.doubt or found.is_beyond or replace(expected, build=None) == replace(served, build=None):
        return found
    return replace(found, new=(*found.new, f"{ChangeAction.RENAME_WHEEL} to {expected}"), as_it_came=False)


def _new_name(wanted: WantedFile, fixing: Fixing) -> WheelFilename:
    """Return what a wheel is called once it is in the mirror, as far as its source says.

    :raises WheelfixError: if it is called in a way that no wheel is.
    """
    return fixing.naming.new_filename(WheelFilename.parse(wanted.filename))


def _words(identity: str | None) -> Sequence[str]:
    return identity.split() if identity else ()


def _is_out_of_use(file: ListedFile) -> bool:
    """Whether new resolutions avoid a file by a decision that this run does not take back."""
    return file.yanked is not None and file.yanked_by != BY_SYNC


def _standing(known: Sequence[ListedFile], identity: str | None) -> ListedFile | None:
    """Return which of the files that are made from one original stands for it, ``None`` where none does.

    A person can have unyanked an old correction beside the one that the rules of today made.
    """
    served = [each for each in known if not each.is_superseded]
    of_today = (each for each in served if each.checked_by == identity)
    not_decided = (each for each in served if not is_decided_here(each))
    return next(of_today, None) or next(not_decided, None) or next(iter(served), None)


def _by_sum(pages: Mapping[str, Page]) -> dict[tuple[str, str], list[ListedFile]]:
    """Return the files that manifests put on ``pages``, by project and the sha256 of what they were made from, or are."""
    found: dict[tuple[str, str], list[ListedFile]] = {}
    for page in pages.values():
        for each in page.files:
            for sha256 in each.known_sums if each.source is not None else ():
                found.setdefault((page.project, sha256), []).append(each)
    return found


def _release_of(case: _Case) -> tuple[str, str, str]:
    return case.wanted.project, case.file.version, case.wanted.source.name


def _decide(release: Sequence[_Case], view: RulesView, found: _Found) -> None:
    """Decide on the wheels of one release that would be corrected otherwise: all that can change do so together."""
    page, policy = view.pages[release[0].wanted.project], view.manifest.on_rules_change
    stay = [each for each in release if _stays(each, view)]
    change = [each for each in release if not _stays(each, view)]
    found.planned += (_row(each, Action.REPORT, _why_it_stays(each, view)) for each in stay)
    if not change:
        return
    revived = [(each, old) for each in change if (old := each.revived) is not None]
    if policy is OnRulesChange.BUILD_TAG and len(revived) == len(change):
        for case, old in revived:
            row = _row(case, Action.SUPERSEDE, _SWAPPED)
            found.planned += (replace(row, size=None), _served_again(row, old))  # nothing is downloaded
            found.checks += _swap(case, old)
        return
    for case, succession in _successions(change, page, view, found.builds):
        found.wanted.append(replace(case.wanted, succession=succession))
        action = Action.REPLACE if succession.replaces else Action.SUPERSEDE
        found.planned.append(_row(case, action, _how_it_changes(case, succession)))


def _stays(case: _Case, view: RulesView) -> bool:
    """Whether a file stays as it is: nothing is to be done, it must not be, or it could not be."""
    policy = view.manifest.on_rules_change
    if policy is OnRulesChange.REPORT or case.found.problem:
        return True
    return policy is OnRulesChange.REPLACE and (case.is_locked or bool(view.unread_locks))


def _why_it_stays(case: _Case, view: RulesView) -> str:
    if case.found.problem:
        return f"The rules would now refuse it: {case.found.problem.message}."
    by = f"{_holder(case.wanted)} names it: it is served as it is. " if case.is_locked else ""
    if not case.is_locked and view.unread_locks and view.manifest.on_rules_change is OnRulesChange.REPLACE:
        by = f"{shown(view.unread_locks[0])} cannot be read, and may name it. "
    return f"{by}The rules would correct it differently{_how(case.found)}."


def _holder(wanted: WantedFile) -> str:
    return shown(wanted.locks[0]) if wanted.locks else "A lock"


def _how(found: Assessment) -> str:
    """Return what would differ, as the end of a sentence; the first few changes of each kind."""
    parts = [f"no longer {shown_few(found.gone, _FEW)}"] if found.gone else []
    parts += [f"now {shown_few(found.new, _FEW)}"] if found.new else []
    if found.doubt:
        parts.append(f"how is not certain, as {found.doubt}" if parts else f"or not: {found.doubt}")
    return f": {'; '.join(parts)}" if parts else ""


def _how_it_changes(case: _Case, succession: Succession) -> str:
    what = f"The rules correct it differently{_how(case.found)}"
    if succession.replaces:
        return f"{what}. The new file takes its name; locks that name its hash fail, unless they have its URL."
    return f"{what}. The new file is served under the build tag {succession.build_tag}; the old one is yanked."


def _row(case: _Case, action: Action, reason: str) -> PlannedFile:
    wanted, file = case.wanted, case.file
    return PlannedFile(
        action=action, project=wanted.project, version=file.version, filename=file.filename, source=wanted.source.name,
        reason=reason, code=case.code, size=wanted.file.size, sha256=file.sha256, why=wanted.reason,
        details=case.found.details,
    )  # fmt: skip


def _decide_new(view: RulesView, wanted: WantedFile, assessment: Assessment, found: _Found) -> None:
    """Decide on a file that a lock names and that is about to be added as it is."""
    if not (assessment.new or assessment.problem):
        return  # in doubt it is compared once it is here
    beside = view.manifest.on_rules_change is OnRulesChange.BUILD_TAG and not assessment.problem
    what = f"they would change it{_how(assessment)}"
    if assessment.problem:
        what = f"they would refuse it: {assessment.problem.message}"
    if beside:
        fixing = source_fixing(view.manifest, wanted.source, view.rules)
        release = _new_name(wanted, fixing).parsed_version  # its METADATA was read by this name
        page = view.pages.get(wanted.project, Page(wanted.project))
        tag = found.builds.next_tag(page, release, fixing.identity)
        found.wanted.append(replace(wanted, succession=Succession(build_tag=tag, yanks=(wanted.filename,))))
        what += f"; the corrected wheel is served under the build tag {tag}, and the lock still installs this one, yanked"
    found.planned.append(
        PlannedFile(
            action=Action.SUPERSEDE if beside else Action.REPORT, project=wanted.project, version=wanted.version,
            filename=wanted.filename, source=wanted.source.name, code=LOCK_CHANGES, size=wanted.file.size,
            reason=f"{_holder(wanted)} names it: it is served without the rules; {what}.", sha256=wanted.sha256,
            why=wanted.reason, details=assessment.details,
        )
    )  # fmt: skip


def _served_again(row: PlannedFile, old: ListedFile) -> PlannedFile:
    return replace(
        row, action=Action.UNYANK, filename=old.filename, reason=_AGAIN, size=old.size, sha256=old.sha256, details=(),
        yanked=True,
    )  # fmt: skip


def _swap(case: _Case, old: ListedFile) -> Iterator[Check]:
    project, source = case.wanted.project, case.wanted.source.name
    yield Check(project, old.filename, old.sha256, case.identity, source, is_superseded=False)
    yield Check(project, case.file.filename, case.file.sha256, case.file.checked_by, source, is_superseded=True)


def _successions(
    release: Sequence[_Case], page: Page, view: RulesView, builds: Builds
) -> Iterator[tuple[_Case, Succession]]:
    """Yield how each wheel of a release is succeeded; those that share a succession are fixed and compared together."""
    names = tuple(sorted(each.file.filename for each in release))
    if view.manifest.on_rules_change is OnRulesChange.REPLACE:
        for case in release:
            yield case, Succession(build_tag=_own_tag(case), yanks=names, replaces=True)
        return
    tag = builds.next_tag(page, parsed_version(release[0].file.version), release[0].identity)
    for case in release:
        yield case, Succession(build_tag=tag, yanks=names)


def _own_tag(case: _Case) -> str | None:
    """Return the build tag that an earlier succession gave a file, ``None`` where it has that of its original."""
    own, original = build_of(case.file.filename), build_of(case.wanted.filename)
    return None if own == original else own
