"""What each action does, and rules applied to METADATA: requirements and fields are dropped, kept or changed."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct
from packaging.utils import canonicalize_name

from wheelfix.results import Change, ChangeAction
from wheelfix.rules.match import Facts, rules_for
from wheelfix.rules.model import (
    CopyFrom,
    EntryPointMatch,
    EntryPointValue,
    FieldName,
    FieldValue,
    PostRelease,
    Rule,
    RuleSet,
    Texts,
    each_of,
)
from wheelfix.rules.requirement_actions import decide_requirements, naming
from wheelfix.text import shown
from wheelfix.wheel.editor import REQUIRES, Editor
from wheelfix.wheel.edits import (
    RENAMING,
    AddEntryPoint,
    AddTags,
    RemoveEntryPoint,
    RemoveFiles,
    RemoveTags,
    SetBuildTag,
    SetLocal,
    SetName,
    SetPost,
    SetRootIsPurelib,
    SetTags,
    SetVersion,
    WheelEdit,
)
from wheelfix.wheel.marker import marker_text, read_marker, without_extra
from wheelfix.wheel.metadata import Document, Field
from wheelfix.wheel.requirement import RequirementParts, on_one_line, read_requirement


def _add(editor: Editor, requirements: str | Texts) -> bool:
    """Add requirements, and declare the extras that only bring them."""
    added = each_of(requirements)
    editor.add_field(REQUIRES, *added)
    declared = {canonicalize_name(each.value.strip()) for each in editor.document.all("Provides-Extra")}
    found = filter(None, map(read_requirement, added))
    extras = dict.fromkeys(extra for each in found for extra in sorted(each.required_by_extras) if extra not in declared)
    if extras:
        editor.add_field("Provides-Extra", *extras)
    return True


def _drop_extra(editor: Editor, extra: str) -> bool:
    """Remove an extra, and its part in the requirements that are there now."""
    name = canonicalize_name(extra)
    project = canonicalize_name(editor.document.first("Name") or "")
    values: dict[Field, str | None] = {}
    changes = []
    for each in editor.document.fields:
        text = each.value.strip()
        if each.is_called("Provides-Extra") and canonicalize_name(text) == name:
            values[each] = None
            changes.append(Change("Provides-Extra", ChangeAction.DROP_EXTRA, text, None, editor.rule, reason=editor.reason))
        elif each.is_called(REQUIRES):
            after = _without_extra(text, name, project)
            if after != text:
                values[each] = after
                changes.append(Change(REQUIRES, ChangeAction.DROP_EXTRA, text, after, editor.rule, reason=editor.reason))
    editor.replace(values, changes)
    return bool(changes)


def _without_extra(text: str, extra: str, project: str) -> str | None:
    """Return a requirement without ``extra``, ``None`` if only that extra requires it."""
    parts = RequirementParts.of(on_one_line(text))
    if parts is None:
        return text
    if canonicalize_name(parts.name) == project:  # the project requires extras of its own
        left = [each for each in parts.extra_names if canonicalize_name(each) != extra]
        if not left and parts.extra_names:
            return None
        parts = parts.with_extras(left) if len(left) < len(parts.extra_names) else parts
    tree = read_marker(parts.marker) if parts.marker else None
    rest = without_extra(tree, extra) if tree else tree
    if isinstance(rest, bool):
        return str(parts.with_marker("")) if rest else None
    if rest is not None and rest != tree:
        parts = parts.with_marker(marker_text(rest))
    return text if str(parts) == on_one_line(text) else str(parts)


def _set_field(editor: Editor, field: FieldValue) -> bool:
    editor.set_field(field.name, field.value)
    return True


def _add_field(editor: Editor, field: FieldValue) -> bool:
    for value in each_of(field.value):
        editor.add_field(field.name, value)
    return True


def _remove_field(editor: Editor, field: FieldName) -> bool:
    before = len(editor.changes)
    editor.remove_field(field.name, field.value)
    return len(editor.changes) > before


WHEEL_ACTIONS: Final[Mapping[str, Callable[[Editor, Any], bool]]] = {
    "add": _add,
    "drop-extra": _drop_extra,
    "set-field": _set_field,
    "add-field": _add_field,
    "remove-field": _remove_field,
}
"""The actions on a wheel. Each is idempotent, and returns whether the wheel has, or had, what the action is about."""


def _copy_from(editor: Editor, wanted: CopyFrom, facts: Facts) -> bool:
    from wheelfix.rules.copying import copy_from  # imported late: few rules copy

    return copy_from(editor, wanted, facts)


RELEASE_ACTIONS: Final[Mapping[str, Callable[[Editor, Any, Facts], bool]]] = {"copy-from": _copy_from}
"""The actions on a wheel that need to know the others of its release. Each is idempotent, and returns the same as those."""


def _remove_files(patterns: str | tuple[str, ...]) -> RemoveFiles:
    return RemoveFiles(each_of(patterns))


def _add_entry_point(point: EntryPointValue) -> AddEntryPoint:
    return AddEntryPoint(point.group, point.name, point.value)


def _remove_entry_point(match: EntryPointMatch) -> RemoveEntryPoint:
    return RemoveEntryPoint(each_of(match.name or ()), each_of(match.group or ()), bool(match.missing_module))


EDIT_ACTIONS: Final[Mapping[str, Callable[[Any], WheelEdit]]] = {
    "set-name": SetName,
    "set-version": lambda version: SetPost(version.post) if isinstance(version, PostRelease) else SetVersion(version),
    "set-local": SetLocal,
    "set-build-tag": SetBuildTag,
    "set-tag": lambda tags: SetTags(each_of(tags)),
    "add-tag": lambda tags: AddTags(each_of(tags)),
    "remove-tag": lambda patterns: RemoveTags(each_of(patterns)),
    "set-root-is-purelib": SetRootIsPurelib,
    "remove-file": _remove_files,
    "add-entry-point": _add_entry_point,
    "remove-entry-point": _remove_entry_point,
}
"""The actions on more of a wheel than METADATA: what each asks for, as an edit that a plan carries out."""

ON_WHEELS: Final = frozenset({*WHEEL_ACTIONS, *RELEASE_ACTIONS, *EDIT_ACTIONS})
"""The actions on a whole wheel; all others are on a requirement."""


class RuleEdit(Struct, frozen=True):
    """An edit, and the rule that asks for it."""

    edit: WheelEdit
    rule: str
    reason: str


def renames(rules: RuleSet) -> bool:
    """Whether a rule can give a wheel another file name."""
    return any(
        isinstance(EDIT_ACTIONS[rule.action_name](rule.argument), RENAMING)
        for rule in rules.rules
        if rule.action_name in EDIT_ACTIONS
    )


class Applied(Struct, frozen=True):
    """A document with rules applied.

    ``kept`` lists the requirements that a rule keeps; ``applied`` the ids of the rules that matched a requirement, or
    whose action found something in the wheel, whether or not it changed anything. ``edits`` are what rules ask for beyond
    METADATA, in the order of the rules: they are not carried out yet.
    """

    document: Document
    changes: tuple[Change, ...]
    kept: tuple[Change, ...]
    notes: tuple[str, ...]
    applied: tuple[str, ...]
    edits: tuple[RuleEdit, ...] = ()


def apply_rules(rules: RuleSet, facts: Facts) -> Applied:
    """Return the METADATA of a wheel with ``rules`` applied.

    Each requirement is judged once, as it was in the original wheel, and the first rule that matches decides. Then the
    rules for the whole wheel are applied, in their order.

    :raises EditError: if a rule makes something that METADATA cannot hold.
    :raises CopySourceError: if a rule copies from a wheel of the release that is not among ``facts.copy_sources``.
    """
    editor = Editor(facts.document)
    mine = rules_for(rules.rules, facts)
    kept, notes, applied = decide_requirements([rule for rule in mine if rule.match is not None], facts, editor)
    on_metadata = (rule for rule in mine if rule.action_name in WHEEL_ACTIONS or rule.action_name in RELEASE_ACTIONS)
    applied += [rule.id for rule in on_metadata if _change_wheel(rule, editor, facts)]
    editor.check_versions()
    notes += _orphans(editor)
    return Applied(
        editor.document,
        tuple(editor.changes),
        tuple(kept),
        tuple(notes),
        tuple(dict.fromkeys(applied)),
        edits_for(rules, facts),
    )


def edits_for(rules: RuleSet, facts: Facts) -> tuple[RuleEdit, ...]:
    """Return what ``rules`` ask for beyond METADATA of a wheel, in their order."""
    asking = [rule for rule in rules.rules if rule.action_name in EDIT_ACTIONS]
    return tuple(
        RuleEdit(EDIT_ACTIONS[rule.action_name](rule.argument), rule.id, rule.reason) for rule in rules_for(asking, facts)
    )


def _change_wheel(rule: Rule, editor: Editor, facts: Facts) -> bool:
    editor.rule, editor.reason = rule.id, rule.reason
    with naming(rule):
        if rule.action_name in RELEASE_ACTIONS:
            found = RELEASE_ACTIONS[rule.action_name](editor, rule.argument, facts)
        else:
            found = WHEEL_ACTIONS[rule.action_name](editor, rule.argument)
    editor.rule = editor.reason = None
    return found


def _orphans(editor: Editor) -> list[str]:
    """Return a note for each extra that, after these changes, a requirement depends on and the wheel does not provide."""
    provided = {canonicalize_name(each.value.strip()) for each in editor.document.all("Provides-Extra")}
    fields = [(change.field, change.before, change.after) for change in editor.changes]
    written = [read_requirement(after) for field, _, after in fields if field == REQUIRES and after]
    named = {extra for requirement in written if requirement for extra in requirement.required_by_extras}
    notes = [
        f"A new requirement depends on the extra {each!r}, which the wheel does not provide." for each in named - provided
    ]
    gone = {str(canonicalize_name(before)) for field, before, _ in fields if field == "Provides-Extra" and before}
    for each in editor.document.all(REQUIRES) if gone else ():
        left = read_requirement(each.value.strip())
        if left and left.needs_extra and not left.required_by_extras and any(extra in left.marker.lower() for extra in gone):
            notes.append(f"The marker of {shown(left.text)!r} is unusual and may still refer to a removed extra.")
    return sorted(notes)
