"""Builds a plan from rules and edits: what they request, weighed, and put together with what follows from it."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, assert_never

from msgspec.structs import replace

from wheelfix.errors import CopySourceError, EditError
from wheelfix.fix.naming import Renaming, rename, with_new_names
from wheelfix.fix.notes import notes_on_duplicates, notes_on_rows
from wheelfix.fix.plan import Outline, Plan, as_kept, check_path, problem_of, void_signatures
from wheelfix.fix.requested_name import RequestedName
from wheelfix.fix.weigh import gather_evidence, weigh, weigh_edits, weigh_local_version
from wheelfix.options import Naming, Policy, Scan
from wheelfix.results import Change, ChangeAction, Problem
from wheelfix.rules.actions import apply_rules, edits_for
from wheelfix.rules.match import make_facts
from wheelfix.rules.model import RuleSet
from wheelfix.rules.suggest import with_suggestions
from wheelfix.text import shown
from wheelfix.wheel.editor import REQUIRES, Editor
from wheelfix.wheel.edits import (
    AddEntryPoint,
    AddField,
    AddTags,
    Edit,
    RemoveEntryPoint,
    RemoveField,
    RemoveFile,
    RemoveFiles,
    RemoveTags,
    RequirementEdit,
    SetBuildTag,
    SetField,
    SetLocal,
    SetName,
    SetPost,
    SetRootIsPurelib,
    SetTags,
    SetVersion,
    TagEdit,
    WheelEdit,
    WriteFile,
)
from wheelfix.wheel.filename import build_order
from wheelfix.wheel.metadata import Document, Field
from wheelfix.wheel.wheel import Wheel
from wheelfix.wheel.zip.source import sha256_of

if TYPE_CHECKING:
    from wheelfix.evidence.verdict import Evidence
    from wheelfix.fix.files import FileEdits
    from wheelfix.fix.pins import Move
    from wheelfix.fix.retag import Retag
    from wheelfix.wheel.release import CopySource


def make_plan(
    wheel: Wheel,
    rules: RuleSet | None = None,
    *,
    edits: Iterable[Edit] = (),
    sha256: Callable[[], str] | None = None,
    policy: Policy = Policy(),
    naming: Naming = Naming(),
    sbom: bool = True,
    evidence: "Evidence | None" = None,
    repair: Plan | None = None,
    copy_sources: "Sequence[CopySource] | None" = (),
    moves: "Iterable[Move]" = (),
) -> Plan:
    """Return what ``rules``, and then ``edits`` in their order, would change in ``wheel``, and what it is called then.

    Edits of requirements decide together with the rules, and before them. What is taken away, and a local version of a CPU
    build, are weighed against what the wheel says of its needs, as ``policy`` says; where that forbids it the plan has a
    ``problem``. With ``sbom`` the new wheel carries its provenance.
    ``sha256`` gives the wheel's sum (hexadecimal) where the caller has it: rules can compare it. ``evidence`` is what was
    gathered of the wheel already. With the plan of a ``repair`` of the same wheel the result does both: rules and edits
    find METADATA as it is repaired. ``copy_sources`` are wheels of the same release that rules may copy from
    (:func:`wheelfix.read_copy_sources`), ``None`` where this wheel is to be one of them.
    ``moves`` are new names and versions of other wheels, which requirements on those follow.

    :raises ArchiveError: if only the directory of ``wheel`` was read, and its archive turns out to be invalid.
    :raises EditError: if a rule or an edit, or the new name, is not possible.
    :raises RecordError: if RECORD would have to change and cannot be read.
    :raises RulesError: if an edit of requirements is not possible.
    """
    wheel.layout  # noqa: B018 - reading it checks the archive: there is no plan for one that would not be written
    rules, others = with_rules_of(edits, rules)
    draft = _Draft(wheel, policy, evidence, repair)
    draft.widen(others)
    if rules is not None:
        draft.apply_rules(rules, sha256, copy_sources)
    draft.apply_edits(others)
    for move in moves:
        draft.follow(move)
    plan = draft.finish(rules.digest if rules else None, naming)
    again = () if sbom or not draft.raises_version else (_RAISED_AGAIN,)
    packs = rules.packs_of(plan.applied_rules) if rules else ()
    return replace(plan, notes=(*plan.notes, *again), sbom=sbom, rule_packs=packs)


def make_outline(
    wheel: Wheel,
    rules: RuleSet,
    *,
    sha256: Callable[[], str],
    evidence: "Evidence",
    copy_sources: "Sequence[CopySource] | None" = (),
) -> Outline:
    """Return what ``rules`` would change in ``wheel``, of which only the directory was read: no binaries, and no source.

    The arguments are those of :func:`make_plan`, and so are the errors.
    """
    draft = _Draft(wheel, Policy(scan=Scan.NEVER), evidence, None)
    draft.apply_rules(rules, sha256, copy_sources)
    plan = draft.finish(rules.digest, Naming())
    return Outline(plan.new_metadata, plan.changes, plan.kept, plan.notes, plan.problem)


_RAISED_AGAIN: Final = "Without provenance (--no-sbom) the next run raises the version again."


def with_rules_of(edits: Iterable[Edit], rules: RuleSet | None) -> tuple[RuleSet | None, tuple[WheelEdit, ...]]:
    """Return ``rules`` with those that edits of requirements amount to in front, and the edits that are left.

    :raises RulesError: if an edit of requirements is not possible.
    """
    given = tuple(edits)
    others = tuple(edit for edit in given if not isinstance(edit, RequirementEdit))
    if len(others) < len(given):
        from wheelfix.rules.from_edits import in_front  # imported late: most runs have no edits

        rules = in_front((edit for edit in given if isinstance(edit, RequirementEdit)), rules)
    return rules, others


class _Draft:
    """A plan that is being built."""

    def __init__(self, wheel: Wheel, policy: Policy, evidence: "Evidence | None", repair: Plan | None) -> None:
        self._wheel = wheel
        self._policy = policy
        self._evidence = cache(lambda: evidence or gather_evidence(wheel, policy.scan))  # seldom needed
        self._repair = repair
        self._document = wheel.document if repair is None else Document.parse(repair.new_metadata)
        self._editor = Editor(self._document)
        self._file_changes: list[Change] = []
        self._kept: tuple[Change, ...] = ()
        self._notes: list[str] = []
        self._applied: tuple[str, ...] = ()
        self._problem: Problem | None = None
        self._is_left = False
        self._files = self._repaired_files()
        self._file_edits: FileEdits | None = None
        self._requested = RequestedName()
        self._retags: Retag | None = None

    def _repaired_files(self) -> dict[str, bytes | None]:
        """Return what the repair writes and removes, each file by its path in dist-info."""
        return {**dict.fromkeys(self._repair.removed), **self._repair.written} if self._repair else {}

    def apply_rules(
        self, rules: RuleSet, sha256: Callable[[], str] | None, copy_sources: "Sequence[CopySource] | None"
    ) -> None:
        wheel = self._wheel
        hashed = sha256 or partial(sha256_of, wheel.source)
        facts = make_facts(self._document, wheel.filename, hashed, lambda: self._evidence().environments, copy_sources)
        self.widen(each.edit for each in edits_for(rules, facts))
        try:
            result = apply_rules(rules, facts)
        except CopySourceError as error:  # the wheel itself is not to blame: what else is known of it can be shown
            self._problem = Problem.of(error)
            return
        self._kept, self._applied = with_suggestions(result.kept, result.changes, rules, facts), result.applied
        self._notes += result.notes
        if result.changes:
            weighed = weigh(result.changes, rules, self._evidence(), self._policy)
            self._problem = weighed.problem
            self._notes += weighed.notes
            if weighed.left:
                self._note_left(weighed.left)
                self._kept += tuple(as_kept(each) for each in weighed.changes if each.verdict is not None)
                return
            self._editor = Editor(result.document)
            self._editor.changes += weighed.changes
        self._applied += tuple(each.rule for each in result.edits if self.apply_edit(each.edit, each.rule, each.reason))

    def follow(self, move: "Move") -> None:
        """Let requirements follow ``move``, unless the wheel is left as it is."""
        if self._is_left or self._problem is not None:
            return
        from wheelfix.fix.pins import followed  # imported late: few wheels follow others

        values: dict[Field, str | None] = {}
        changes = list[Change]()
        for each in self._editor.document.all(REQUIRES):
            text = each.value.strip()
            after = followed(text, move)
            if after != text:
                values[each] = after
                changes.append(Change(REQUIRES, move.action, text, after, reason=f"{move} in this run"))
        self._editor.replace(values, changes)

    def widen(self, edits: Iterable[WheelEdit]) -> None:
        """Judge for the environments of tags that the wheel will get, too: a marker can be true there."""
        tags = [edit for edit in edits if isinstance(edit, TagEdit)]
        if tags:
            from wheelfix.fix.retag import Retag

            retag, evidence = Retag(self._wheel.filename), self._evidence
            for edit in tags:
                retag.note(edit)
            self._evidence = cache(lambda: evidence().with_tags(map(str, retag.new_tags)))

    @property
    def raises_version(self) -> bool:
        """Whether an edit makes the wheel the next post-release."""
        return (self._requested.naming.post or "").startswith("+")

    def apply_edits(self, edits: Iterable[WheelEdit]) -> None:
        """Note what the caller's ``edits`` change, one after the other, unless the wheel is left as it is."""
        if self._is_left:
            return
        for edit in edits:
            self.apply_edit(edit)
        taken = [each for each in self._editor.changes if each.rule is None and each.field == REQUIRES and each.before]
        if taken:
            self._weigh_edits(taken)

    def _weigh_edits(self, changes: list[Change]) -> None:
        weighed = weigh_edits(changes, self._editor.document, self._evidence(), self._policy)
        self._problem = self._problem or weighed.problem
        self._notes += weighed.notes
        verdicts = dict(zip(changes, weighed.changes, strict=True))
        self._editor.changes = [verdicts.get(each, each) for each in self._editor.changes]
        if weighed.left:
            self._note_left(weighed.left)
            self._leave()

    def apply_edit(self, edit: WheelEdit, rule: str | None = None, reason: str | None = None) -> bool:
        """Note what ``edit`` changes, which ``rule`` requested; return whether the wheel has, or had, what it is about."""
        match edit:
            case SetField(name, value):
                self._editor.set_field(name, value)
            case AddField(name, value):
                self._editor.add_field(name, value)
            case RemoveField(name, value):
                self._editor.remove_field(name, value)
            case WriteFile(path, content):
                self._write_file(path, content)
            case RemoveFile(path):
                self._remove_file(path)
            case SetName() | SetVersion() | SetPost() | SetLocal() | SetBuildTag():
                self._requested.note(edit, rule, reason)
            case SetTags() | AddTags() | RemoveTags() | SetRootIsPurelib():
                return self._retag.note(edit, rule, reason)
            case RemoveFiles() | AddEntryPoint() | RemoveEntryPoint():
                return self._edit_files(edit, rule, reason)
            case _:
                assert_never(edit)
        return True

    @property
    def _retag(self) -> "Retag":
        """What edits make of the tags; it is made for the first of them."""
        if self._retags is None:
            from wheelfix.fix.retag import Retag  # imported late: few runs change tags

            self._retags = Retag(self._wheel.filename)
        return self._retags

    def _take_tags(self) -> list[Change]:
        """Let WHEEL say the tags that edits ask for; return the changes."""
        if self._retags is None:
            return []
        before = self._files.get("WHEEL") or self._wheel.read("WHEEL")
        content, changes, notes = self._retags.applied(before)
        if content != before:
            self._files["WHEEL"] = content
        self._notes += notes
        if changes and self._problem is None:
            from wheelfix.fix.weigh_tags import weigh_tags

            new, pure = self._retags.new_tags, self._retags.becomes_pure
            weighed = weigh_tags(self._wheel, new, self._evidence, self._policy, pure=pure)
            self._problem = weighed.problem
            self._notes += weighed.notes
        return changes

    def _edit_files(
        self, edit: RemoveFiles | AddEntryPoint | RemoveEntryPoint, rule: str | None, reason: str | None
    ) -> bool:
        from wheelfix.fix.files import FileEdits  # imported late: few runs change other files than METADATA

        self._file_edits = self._file_edits or FileEdits(self._wheel, self._files)
        return self._file_edits.note(edit, rule, reason)

    def _write_file(self, path: str, content: bytes) -> None:
        check_path(path)
        present = filter(self._exists, {*self._wheel.dist_info_files, *self._files})
        if any(name.startswith(f"{path}/") or path.startswith(f"{name}/") for name in present):
            message = f"{shown(path)} is a directory, or one of its parents is a file"
            raise EditError("invalid-path", message, hint="Choose another name.")
        self._files[path] = content

    def _remove_file(self, path: str) -> None:
        check_path(path)
        if not self._exists(path):
            raise EditError("no-such-file", f"there is no {shown(path)} in dist-info", hint="Check its spelling.")
        self._files[path] = None

    def _exists(self, path: str) -> bool:
        """Whether a dist-info file is there after the edits so far."""
        return self._files[path] is not None if path in self._files else self._wheel.entry(path) is not None

    def _note_files(self) -> None:
        """Note what became of each file in the end; a file that is as it was is no change."""
        repaired = self._repaired_files()
        for path, content in list(self._files.items()):
            before = self._wheel.read(path) if self._wheel.entry(path) else None
            if content == before:
                del self._files[path]
                continue
            if path in repaired and content == repaired[path]:
                continue  # the changes of the repair say so
            if content is None:
                action = ChangeAction.REMOVE_FILE
            else:
                action = ChangeAction.ADD_FILE if before is None else ChangeAction.REPLACE_FILE
            self._file_changes.append(Change(path, action, None, None))

    def finish(self, rules_digest: str | None, naming: Naming) -> Plan:
        wheel = self._wheel
        self._editor.check_versions()
        if self._file_edits:
            self._file_edits.finish()
            self._weigh_files(self._file_edits)
        self._note_files()
        undone = self._editor.document.data == self._document.data  # edits can undo each other
        changes = [*self._repairs(), *(() if undone else self._editor.changes)]
        changes += self._file_edits.changes(self._file_changes) if self._file_edits else self._file_changes
        changes += self._take_tags()
        unchanged = renaming = Renaming(wheel.filename, wheel.dist_info)
        self._requested.settle(wheel)
        is_requested = not self._requested.naming.keeps_names and rename(wheel, self._requested.naming) != unchanged
        naming = self._requested.over(naming)
        if not naming.keeps_names and self._problem is None and (naming.rename_unchanged or changes or is_requested):
            claim = weigh_local_version(naming.claimed_local, wheel, self._evidence, self._policy)
            self._problem = claim.problem
            self._notes += claim.notes
            if claim.left:
                self._note_left(claim.left)
                changes = self._leave()
            elif claim.problem is None:
                renaming = rename(wheel, naming, self._files.get("WHEEL"))
                changes += self._take_name(renaming, naming)
        if self._retags is not None:
            renaming = replace(renaming, filename=self._retags.applied_to(renaming.filename))
        if self._editor.changes:
            self._notes += notes_on_duplicates(self._wheel.document, self._editor.document)
        if changes:
            changes += self._check_companions()
            self._problem = self._problem or self._doubt()
        return Plan(
            wheel.path,
            wheel.project,
            wheel.version,
            renaming,
            wheel.document.data,
            self._editor.document.data,
            tuple(changes),
            self._kept,
            tuple(self._notes),
            MappingProxyType({path: content for path, content in self._files.items() if content is not None}),
            tuple(path for path, content in self._files.items() if content is None),
            rules_digest,
            self._applied,
            self._problem,
            record=self._repair.record if self._repair else None,
            trusted=self._repair.trusted if self._repair else False,
            removed_entries=self._file_edits.entries() if self._file_edits else (),
            removed_rows=self._file_edits.rows() if self._file_edits else frozenset(),
        )

    def _weigh_files(self, edits: "FileEdits") -> None:
        """Note why files must not be removed, or entry points not be added, if the wheel itself shows it."""
        problem, notes = edits.objection(self._policy, self._evidence)
        self._problem = self._problem or problem
        self._notes += notes

    def _repairs(self) -> list[Change]:
        """Return the changes of the repair, but for the removal of files that an edit writes."""
        changes = self._repair.changes if self._repair else ()
        removed = {path for path, content in self._files.items() if content is None}
        return [each for each in changes if each.action is not ChangeAction.REMOVE_FILE or each.field in removed]

    def _note_left(self, why: str) -> None:
        """Note that rules change nothing, and why, once; a repair may change something all the same."""
        if self._is_left:
            return
        self._is_left = True
        done = "Only repaired" if self._repair and self._repair.changes else "Left as it is"
        self._notes.append(f"{done}: {why}.")

    def _leave(self) -> list[Change]:
        """Take back what rules and edits changed; return the changes that remain, those of the repair."""
        self._kept += tuple(as_kept(each) for each in self._editor.changes if each.field == REQUIRES and each.before)
        self._editor, self._file_changes, self._requested = Editor(self._document), [], RequestedName()
        self._files, self._retags = self._repaired_files(), None
        self._file_edits = None
        return self._repairs()

    def _doubt(self) -> Problem | None:
        """Return why what METADATA or WHEEL says must not be kept, if RECORD contradicts it."""
        if self._repair and self._repair.trusted:
            return None
        changed = self._editor.document.data != self._wheel.document.data
        files = [*(["METADATA"] if changed else []), *(["WHEEL"] if "WHEEL" in self._files else [])]
        files += self._file_edits.edited if self._file_edits else ()
        return next((problem for file in files if (problem := problem_of(self._wheel, file))), None)

    def _take_name(self, renaming: Renaming, naming: Naming) -> list[Change]:
        """Let METADATA and WHEEL say the new name; return the changes."""
        names = with_new_names(self._wheel, self._editor.document, renaming, naming)
        self._editor.document = names.document
        self._notes += names.notes
        changes = [self._requested.change(change, part) for part, change in names.changes]
        if renaming.wheel is not None:
            self._files["WHEEL"] = renaming.wheel
            old, new = self._wheel.filename.build, renaming.filename.build
            if old and new and build_order(new) < build_order(old):
                self._notes.append(f"Installers prefer the build tag {old}, which the wheel had, to {new}.")
            change = Change("Build", ChangeAction.SET_BUILD_TAG, old, new, reason="it gets this build tag")
            changes.append(self._requested.change(change, "build_tag"))
        return changes

    def _check_companions(self) -> list[Change]:
        """Remove or regenerate the files that repeat or sign what changes; return the changes."""
        wheel, changes = self._wheel, list[Change]()
        changes += (each for each in void_signatures(wheel) if self._files.get(each.field, b"") is not None)
        self._files.update({change.field: None for change in changes})
        is_new = self._editor.document.data != wheel.document.data
        if wheel.entry("metadata.json") and is_new:
            self._notes.append(
                "metadata.json (PEP 426, withdrawn) repeats the old METADATA and is kept: installers do not read it."
            )
        if self._repair is None:
            self._notes += notes_on_rows(wheel, {*self._files, *(["METADATA"] if is_new else [])})
        return changes
