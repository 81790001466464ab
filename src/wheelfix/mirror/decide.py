"""Decides what the page of a project lists once wheels are added, from what it lists now and from the wheels.

Nothing is written here. A wheel that cannot be added is refused with the reason.
"""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.mirror.draft import Draft
from wheelfix.mirror.examine import ExaminedWheel
from wheelfix.mirror.follow import UpstreamFile, inherited, notes_on, with_upstream
from wheelfix.mirror.layout import file_key, own_key
from wheelfix.mirror.pages import BY_MIRROR, ListedFile, Page
from wheelfix.mirror.release import compare_release
from wheelfix.mirror.repository import not_done
from wheelfix.mirror.storage.base import Store
from wheelfix.options import Publishing
from wheelfix.results import Problem, Published, PublishStatus
from wheelfix.text import as_utf8, shown
from wheelfix.wheel.release import read_name

SAME_NAME: Final = "The original is not listed: it has the same name. Use --build-tag to give the fixed wheel another one."


class NewWheel(Struct, frozen=True, kw_only=True):
    """A wheel to add, and what is known of it.

    ``sha256`` is hexadecimal. ``upstream`` is what the index says that it came from; ``rules`` identifies the rules that
    were applied to it. One that ``is_original`` is listed for old locks, and may have errors.
    """

    path: Path
    sha256: str | None = None
    upstream: UpstreamFile | None = None
    rules: str | None = None
    is_original: bool = False


class Acceptance(Struct, frozen=True):
    """How a page lists a wheel: its entry, what became of it, and notes for a person."""

    file: ListedFile
    status: PublishStatus
    notes: tuple[str, ...] = ()


def accept(draft: Draft, new: ListedFile, wheel: NewWheel, *, replaces: bool = False) -> Acceptance:
    """Return how ``draft`` can list ``wheel``, whose entry would be ``new``.

    :raises MirrorError: if it lists the same wheel with other bytes, unless ``replaces``, or under another spelling.
    """
    accepted = _accept(draft, new, wheel.rules, replaces=replaces)
    if wheel.upstream is None:
        return accepted
    file = with_upstream(accepted.file, wheel.upstream)
    notes = () if accepted.status is PublishStatus.UNCHANGED else notes_on(file, wheel.upstream)
    return replace(accepted, file=file, notes=(*accepted.notes, *notes))


def _accept(draft: Draft, new: ListedFile, rules: str | None, *, replaces: bool) -> Acceptance:
    old = draft.find_same(new)
    if old is None:
        return Acceptance(replace(_known_before(draft, new), checked_by=rules), PublishStatus.ADDED)
    if old.filename != new.filename:
        raise _spelled_otherwise(old)
    still_yanked = (
        () if old.yanked is None else (f"It is still yanked; `wheelfix mirror unyank {new.filename}` unyanks it.",)
    )
    if old.sha256 == new.sha256:
        checked_by = old.checked_by if rules is None else rules
        same = replace(
            old, url=new.url, size=new.size, requires_python=new.requires_python, metadata_sha256=new.metadata_sha256,
            origin=new.origin, checked_by=checked_by,
        )  # fmt: skip
        return Acceptance(same, PublishStatus.UNCHANGED, still_yanked)
    if old.origin is not None and old.origin.sha256 == new.sha256:
        raise _original_of(old)
    if not replaces:
        raise _name_taken(old)
    file = replace(_known_before(draft, new), checked_by=rules)
    if old.yanked is not None or old.yanked_by is not None:
        file = replace(file, yanked=old.yanked, yanked_by=old.yanked_by)
    return Acceptance(file, PublishStatus.REPLACED, (*_what_caches_hold(draft.project, old), *still_yanked))


def _known_before(draft: Draft, new: ListedFile) -> ListedFile:
    """Return ``new`` with what is known of its original, and of the same bytes if they were listed before."""
    added = next((each.added for each in draft.replaced(new.sha256) if each.added), new.added)
    return replace(inherited(new, draft.of_original(new.original_sha256)), added=added)


def _what_caches_hold(project: str, old: ListedFile) -> tuple[str, ...]:
    return (
        f"Old locks can still install the replaced file: {own_key(project, old.filename, old.sha256, old.url)}.",
        f"Clients may have cached the old file. Clear it with `uv cache clean {project}`, `poetry cache clear SOURCE "
        f"--all -n` or `pdm cache clear`, then lock again, in uv with `--upgrade-package {project}`.",
    )


def _name_taken(old: ListedFile) -> MirrorError:
    return MirrorError(
        "name-taken",
        f"the mirror serves {shown(old.filename)} with other bytes",
        reason=f"it serves sha256 {old.sha256} since {shown(old.upload_time)}",
        hint="Replace the file with --replace, or give the wheel another name with --build-tag or --local when you fix it.",
    )


def _original_of(old: ListedFile) -> MirrorError:
    return MirrorError(
        "is-the-original",
        f"the mirror serves {shown(old.filename)} fixed, and this is its original",
        hint="Nothing needs to be done. To go back to the original, remove the fixed wheel first.",
    )


def _spelled_otherwise(old: ListedFile) -> MirrorError:
    return MirrorError(
        "name-taken",
        f"the mirror serves {shown(old.filename)}, which is the same wheel to installers",
        hint="Remove that file first to serve this one in its place.",
    )


class Examined(Struct, frozen=True):
    """The wheels of one project that were read: those to ``add``, and ``originals`` of fixed ones among these.

    ``notes`` say why a file with the name of an original cannot be used, by that name.
    """

    add: dict[Path, ExaminedWheel]
    originals: dict[tuple[str, str], ExaminedWheel]
    notes: dict[str, list[str]]


class Decision(Struct):
    """What is to be listed, what becomes of each wheel and of originals, and the ``files`` to store, by key."""

    draft: Draft
    done: dict[Path, Published] = field(default_factory=dict)
    originals: list[Published] = field(default_factory=list)
    files: dict[str, ExaminedWheel] = field(default_factory=dict)

    def list_file(self, file: ListedFile, wheel: ExaminedWheel) -> str:
        """List ``file``, the entry of ``wheel``; return its key."""
        self.draft.add(file)
        key = file_key(self.draft.project, file.filename, file.sha256)
        self.files.setdefault(key, wheel)
        return key

    def note(self, path: Path, *notes: str) -> None:
        """Add notes to the result of the wheel at ``path``."""
        if notes:
            self.done[path] = replace(self.done[path], notes=(*self.done[path].notes, *notes))

    def report(self, problem: Problem | None) -> None:
        """Add ``problem``, if there is one, to the result of every file."""
        if problem is None:
            return
        self.done = {path: replace(each, problem=each.problem or problem) for path, each in self.done.items()}
        self.originals = [replace(each, problem=each.problem or problem) for each in self.originals]


def decide(
    store: Store, before: Page, examined: Examined, wheels: Mapping[Path, NewWheel], publishing: Publishing
) -> Decision:
    """Return what the page of a project lists once the wheels are added; nothing is written.

    ``store`` is read for what was listed ``before``. Each wheel is refused for itself; only wheels whose release would
    agree less than before are refused together.
    """
    refused = _refuse_rivals(examined.add)
    while True:
        rest = {path: each for path, each in examined.add.items() if path not in refused}
        decision = _decide_each(before, rest, wheels, publishing)
        if publishing.yank_original is not None:
            _yank_originals(decision, examined, wheels, publishing.yank_original)
        mixed = {} if publishing.allow_mixed else _refuse_mixed(store, before, decision, rest)
        if not mixed:
            decision.done |= refused
            return decision
        refused |= mixed


def _refuse_rivals(wheels: Mapping[Path, ExaminedWheel]) -> dict[Path, Published]:
    """Refuse files that are the same wheel to installers and differ: nobody knows which is meant.

    If one was made from the other, that one is added.
    """
    rivals: dict[Hashable, dict[Path, ExaminedWheel]] = {}
    for path, wheel in wheels.items():
        rivals.setdefault(wheel.file.identity, {})[path] = wheel
    refused: dict[Path, Published] = {}
    for group in rivals.values():
        files = {path: each.file for path, each in group.items()}
        sums = {file.sha256 for file in files.values()}
        kept = next((file.sha256 for file in files.values() if sums <= {file.sha256, file.original_sha256}), None)
        for path, file in files.items():
            if file.sha256 != kept:
                others = (each for each in files if files[each].sha256 != file.sha256)
                refused[path] = not_done(path, _given_twice(next(others)))
    return refused


def _given_twice(path: Path) -> MirrorError:
    return MirrorError(
        "given-twice",
        f"{shown(str(path))} is the same wheel with other bytes",
        hint="Name only one of them.",
    )


def _decide_each(
    before: Page, wheels: Mapping[Path, ExaminedWheel], given: Mapping[Path, NewWheel], publishing: Publishing
) -> Decision:
    decision = Decision(Draft(before))
    for path, wheel in wheels.items():
        try:
            accepted = accept(decision.draft, wheel.file, given[path], replaces=publishing.replace)
        except MirrorError as error:
            decision.done[path] = not_done(path, error)
            continue
        key = decision.list_file(accepted.file, wheel)
        file = wheel.file
        decision.done[path] = Published(
            path, accepted.status, before.project, file.filename, key, file.sha256, accepted.notes
        )
    return decision


def _yank_originals(decision: Decision, examined: Examined, given: Mapping[Path, NewWheel], reason: str) -> None:
    """List the originals of fixed wheels, yanked; notes say where that is not possible."""
    added = [path for path, done in decision.done.items() if done.problem is None]
    for path in added:
        origin = examined.add[path].file.origin
        if origin is None:
            continue
        listed = decision.draft.find(origin.filename)
        original = examined.originals.get((origin.filename, origin.sha256))
        if origin.filename == examined.add[path].file.filename:
            decision.note(path, SAME_NAME)
        elif other := _other_project(origin.filename, examined.add[path].file.filename):
            decision.note(path, f"The original is not listed: it is a wheel of another project, {other}.")
        elif listed is not None and listed.sha256 != origin.sha256:
            decision.note(path, f"The original is not listed: the mirror serves {shown(origin.filename)} with other bytes.")
        elif listed is not None:
            _yank(decision, listed, reason)
        elif original is not None:
            upstream = given[original.path].upstream if original.path in given else None
            decision.list_file(original.file, original)
            _yank(decision, with_upstream(original.file, upstream) if upstream else original.file, reason, original.path)
        else:
            missing = (
                f"The original is not listed: there is no {shown(origin.filename)} with its sha256. Give it with --original."
            )
            decision.note(path, *examined.notes.get(origin.filename, ()), missing)


def _other_project(original: str, fixed: str) -> str:
    """Return the project of an original if the fixed wheel was given the name of another one, else nothing."""
    old, new = (read_name(Path(name)) for name in (original, fixed))
    return old.project if old is not None and new is not None and old.project != new.project else ""


def _yank(decision: Decision, file: ListedFile, reason: str, path: Path | None = None) -> None:
    decision.draft.add(replace(file, yanked=as_utf8(reason), yanked_by=BY_MIRROR))
    project = decision.draft.project
    key = own_key(project, file.filename, file.sha256, file.url)
    decision.originals.append(Published(path, PublishStatus.YANKED, project, file.filename, key, file.sha256))


def _refuse_mixed(
    store: Store, before: Page, decision: Decision, wheels: Mapping[Path, ExaminedWheel]
) -> dict[Path, Published]:
    """Return the wheels whose release would agree less than before, refused; note where a release disagreed before."""
    old = {file.filename: file.sha256 for file in before.files}
    news = {
        path: wheel.file for path, wheel in wheels.items()
        if decision.done[path].problem is None and old.get(wheel.file.filename) != wheel.file.sha256
    }  # fmt: skip
    new = {wheel.file.sha256: wheel for wheel in decision.files.values()}
    releases: dict[Hashable, list[Path]] = {}
    for path, file in news.items():
        releases.setdefault(file.release, []).append(path)
    refused: dict[Path, Published] = {}
    for release, arrived in releases.items():
        files = [each for each in decision.draft.release(release) if each.yanked is None]
        try:
            notes = compare_release(store, before.project, files, new)
        except (WheelfixError, OSError) as error:
            refused |= {path: not_done(path, error) for path in arrived}
        else:
            for path in arrived:
                decision.note(path, *notes)
    return refused
