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
from wheelfix.mirror.follow import UpstreamFile, inherited, is_decided_here, notes_on, with_upstream
from wheelfix.mirror.layout import file_key, own_key
from wheelfix.mirror.pages import BY_MIRROR, BY_SYNC, SUPERSEDED, ListedFile, Page
from wheelfix.mirror.release import compare_release
from wheelfix.mirror.repository import not_done
from wheelfix.mirror.storage.base import Store, is_silent
from wheelfix.options import Publishing
from wheelfix.results import Outcome, Problem, Published, PublishStatus
from wheelfix.text import on_one_line, shown
from wheelfix.wheel.release import read_name

_YOURS: Final = "You added it: it stays as it is."
_HOW_TO_RENAME: Final = "with --build-tag or --local when you fix it, or later with `wheelfix edit --build-tag 1fix WHEEL`."
"""Two ways, as `wheelfix repair` gives no other names."""
SAME_NAME: Final = f"The original is not listed: it has the same name. Give the fixed wheel another one {_HOW_TO_RENAME}"


class Succession(Struct, frozen=True, kw_only=True):
    """How wheels that a manifest has corrected anew take the place of listed files that were made from the same originals.

    With a ``build_tag`` they are called so. Those of the listed files that ``yanks`` names are yanked once the new one is
    there. With ``replaces`` the file of the same name is replaced: it is kept, unlisted, for old locks.
    """

    build_tag: str | None = None
    yanks: tuple[str, ...] = ()
    replaces: bool = False


class NewWheel(Struct, frozen=True, kw_only=True):
    """A wheel to add, and what is known of it.

    ``sha256`` is hexadecimal. ``upstream`` is what the index says that it came from; ``rules`` identifies the rules that
    were applied to it. One that ``is_original`` is listed for old locks, and may have errors. With a ``succession`` it takes
    the place of other files. One that was ``examined`` already, and lies in the store, is not read again. ``outcome`` says
    how it was fixed, if that was a moment ago.
    """

    path: Path
    sha256: str | None = None
    upstream: UpstreamFile | None = None
    rules: str | None = None
    is_original: bool = False
    succession: Succession | None = None
    examined: ExaminedWheel | None = None
    outcome: Outcome | None = None

    @property
    def replaces(self) -> bool:
        """Whether it replaces the file of its name."""
        return self.succession is not None and self.succession.replaces


class Acceptance(Struct, frozen=True):
    """How a page lists a wheel: its entry, what became of it, and notes for a person."""

    file: ListedFile
    status: PublishStatus
    notes: tuple[str, ...] = ()


def accept(draft: Draft, new: ListedFile, wheel: NewWheel, *, replaces: bool = False) -> Acceptance:
    """Return how ``draft`` can list ``wheel``, whose entry would be ``new``.

    What a person added, also while a sync was at work, stays as it is: no manifest makes it its own, or replaces it.

    :raises MirrorError: if it lists the same wheel with other bytes, unless ``replaces``, or under another spelling.
    """
    if (old := _of_a_person(draft, new, wheel)) is not None:
        if old.sha256 != new.sha256:
            raise _name_taken(old)
        return Acceptance(old, PublishStatus.UNCHANGED, (_YOURS,))
    accepted = _accept(draft, new, wheel, replaces=replaces)
    if wheel.upstream is None:
        return accepted
    file = with_upstream(accepted.file, wheel.upstream)
    notes = () if accepted.status is PublishStatus.UNCHANGED else notes_on(file, wheel.upstream)
    return replace(accepted, file=file, notes=(*accepted.notes, *notes))


def _of_a_person(draft: Draft, new: ListedFile, wheel: NewWheel) -> ListedFile | None:
    """Return the file of that name that a person added, where ``wheel`` is that of a manifest; ``None`` if there is none."""
    if wheel.upstream is None or wheel.upstream.source is None:
        return None
    old = draft.find_same(new)
    return old if old is not None and old.source is None and old.filename == new.filename else None


def _accept(draft: Draft, new: ListedFile, wheel: NewWheel, *, replaces: bool) -> Acceptance:
    rules = wheel.rules
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
    if old.origin is not None and old.origin.sha256 == new.sha256 and not wheel.replaces:  # rules can change nothing by now
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
    key = own_key(project, old.filename, old.sha256, old.url)
    return (
        *((f"Old locks can still install the replaced file: {key}.",) if key else ()),
        f"Clients may have cached the old file. Clear it with `uv cache clean {project}`, `poetry cache clear SOURCE "
        f"--all -n` or `pdm cache clear`, then lock again, in uv with `--upgrade-package {project}`.",
    )


def _name_taken(old: ListedFile) -> MirrorError:
    return MirrorError(
        "name-taken",
        f"the mirror serves {shown(old.filename)} with other bytes",
        reason=f"it serves sha256 {old.sha256} since {shown(old.upload_time)}",
        hint="Replace it with --replace, or give this one another name with `wheelfix edit --build-tag 1fix WHEEL`.",
    )


def _original_of(old: ListedFile) -> MirrorError:
    return MirrorError(
        "is-the-original",
        f"the mirror serves {shown(old.filename)} fixed, and this is its original",
        hint="Nothing needs to be done. To serve the original instead, run "
        f"`wheelfix mirror remove MIRROR {shown(old.filename)}`, and add it again.",
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

    :raises MirrorError, OSError: if a shared store does not answer.
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
            accepted = accept(decision.draft, wheel.file, given[path], replaces=publishing.replace or given[path].replaces)
        except MirrorError as error:
            decision.done[path] = not_done(path, error)
            continue
        key = decision.list_file(accepted.file, wheel)
        file = wheel.file
        decision.done[path] = Published(
            path, accepted.status, before.project, file.filename, key, file.sha256, accepted.notes
        )
    for path, done in decision.done.items():
        if done.problem is None:
            _yank_relatives(decision, wheels[path].file, given[path])
    return decision


def _yank_relatives(decision: Decision, new: ListedFile, wheel: NewWheel) -> None:
    """Yank what ``new`` succeeds; or ``new`` itself, where it is the original of a correction that is served.

    It is one write, so that resolvers never see both, or none of them. Only files that a manifest put there are touched,
    and not those on which a person decided here.
    """
    if wheel.upstream is None or wheel.upstream.source is None:
        return
    yanks, draft = wheel.succession.yanks if wheel.succession else (), decision.draft
    listed = (each for each in draft.of_original(new.original_sha256) if draft.find(each.filename) is each)
    served = [each for each in listed if each.source is not None and each.yanked_by != BY_SYNC]
    for each in served:
        is_old = each.filename in yanks and each.sha256 != new.sha256
        is_beside = each.origin is None and each.sha256 == new.sha256 and any(other.origin for other in served)
        if (is_old or is_beside) and not is_decided_here(each):
            if each.yanked is None and is_old:
                key = own_key(draft.project, each.filename, each.sha256, each.url)
                yanked = Published(None, PublishStatus.YANKED, draft.project, each.filename, key, each.sha256)
                decision.originals.append(yanked)
            source = wheel.upstream.source  # it stands for the same file of an index as the new one
            draft.add(replace(each, yanked=SUPERSEDED, yanked_by=BY_SYNC, yanked_at=new.added, source=source))


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
    decision.draft.add(replace(file, yanked=on_one_line(reason), yanked_by=BY_MIRROR))
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
        and wheel.file.is_wheel
    }  # fmt: skip
    new = {wheel.file.sha256: wheel for wheel in decision.files.values()}
    releases: dict[Hashable, list[Path]] = {}
    for path, file in news.items():
        releases.setdefault(file.release, []).append(path)
    refused: dict[Path, Published] = {}
    for release, arrived in releases.items():
        files = [each for each in decision.draft.release(release) if each.yanked is None and each.is_wheel]
        try:
            notes = compare_release(store, before.project, files, new)
        except (WheelfixError, OSError) as error:
            if store.is_shared and is_silent(error):
                raise  # it is no matter of one release
            refused |= {path: not_done(path, error) for path in arrived}
        else:
            for path in arrived:
                decision.note(path, *notes)
    return refused
