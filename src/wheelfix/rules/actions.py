"""What each action does, and rules applied to METADATA: requirements and fields are dropped, kept or changed."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from packaging.utils import canonicalize_name

from wheelfix.errors import EditError
from wheelfix.results import Change, ChangeAction
from wheelfix.rules.match import Decision, Facts, decide, rules_for
from wheelfix.rules.model import (
    CopyFrom,
    EntryPointMatch,
    EntryPointValue,
    FieldName,
    FieldValue,
    NewSpecifier,
    PostRelease,
    Rule,
    RuleSet,
    Texts,
    each_of,
)
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
from wheelfix.wheel.fields import check_value
from wheelfix.wheel.marker import marker_text, read_marker, without_extra
from wheelfix.wheel.metadata import Document, Field
from wheelfix.wheel.requirement import RequirementParts, meaning, on_one_line, read_requirement

if TYPE_CHECKING:
    from wheelfix.rules.specifiers import Mismatch


class RequirementAction(Struct, frozen=True):
    """An action on a requirement: ``run`` takes its parts and the action's argument, and returns what takes its place.

    That is the text of one requirement or of several, of none to drop it, or why the action does not apply to it. An
    ``idempotent`` action changes nothing when it is applied again.
    """

    run: "Callable[[RequirementParts, Any], tuple[str, ...] | Mismatch]"
    idempotent: bool = True


def _replace(parts: RequirementParts, templates: str | Texts) -> "tuple[str, ...] | Mismatch":
    from wheelfix.rules.templates import fill_requirements  # imported late: few rules have a template

    return fill_requirements(each_of(templates), parts)


def _set_specifier(parts: RequirementParts, new: str | NewSpecifier) -> "tuple[str, ...] | Mismatch":
    if isinstance(new, str) and "{" not in new:
        return (str(parts.with_specifier(new)),)
    from wheelfix.rules.specifiers import compute  # imported late: few rules compute
    from wheelfix.rules.templates import fill_specifier, why_not_computed

    mismatch = why_not_computed(parts)
    if mismatch is not None:
        return mismatch
    found = fill_specifier(new, parts) if isinstance(new, str) else compute(new, parts.specifier)
    return (str(parts.with_specifier(found)),) if isinstance(found, str) else found


REQUIREMENT_ACTIONS: Final[Mapping[str, RequirementAction]] = {
    "drop": RequirementAction(lambda *_: ()),
    "keep": RequirementAction(lambda parts, _: (str(parts),)),
    "replace": RequirementAction(_replace, idempotent=False),
    "rename": RequirementAction(lambda parts, name: (str(parts.with_name(name)),)),
    "set-specifier": RequirementAction(_set_specifier),
    "set-marker": RequirementAction(lambda parts, marker: (str(parts.with_marker(marker)),)),
    "and-marker": RequirementAction(lambda parts, marker: (str(parts.with_marker_too(marker)),)),
}
"""The actions on a requirement."""


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
    :raises SiblingError: if a rule copies from another wheel of the release, and that is not among ``facts.siblings``.
    """
    editor = Editor(facts.document)
    mine = rules_for(rules.rules, facts)
    kept, notes, applied = _decide_requirements([rule for rule in mine if rule.match is not None], facts, editor)
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


def _decide_requirements(rules: Sequence[Rule], facts: Facts, editor: Editor) -> tuple[list[Change], list[str], list[str]]:
    """Change the requirements, each judged once; return those that are kept, notes, and ids of rules that applied."""
    kept, notes, applied = list[Change](), list[str](), list[str]()
    results = dict[Field, _Result]()
    for each in facts.document.all(REQUIRES):
        text = each.value.strip()
        requirement = read_requirement(text)
        if requirement is None:
            notes.append(f"METADATA: the requirement {shown(text)!r} cannot be parsed and is unchanged.")
            continue
        decision = decide(rules, requirement, facts)
        if decision is None:
            continue
        if not decision.held_back:
            applied.append(decision.rule.id)
        result = _result_of(decision, text)
        if result.mismatch:
            notes.append(f"rule {decision.rule.id}: {shown(text)!r} is kept: {result.mismatch}.")
        if result.texts[:1] == (text,):
            kept.append(Change(REQUIRES, ChangeAction.KEEP, text, text, result.rule.id, reason=result.reason))
        if result.texts != (text,):
            results[each] = result
    values, changes = _without_duplicates(results, facts.document)
    editor.replace(values, changes)
    return kept, notes, applied


class _Result(Struct, frozen=True):
    """What a rule makes of a requirement: the texts in its place; ``mismatch`` says why it does not apply, if so."""

    rule: Rule
    texts: tuple[str, ...]
    reason: str
    mismatch: str | None = None


def _without_duplicates(
    results: Mapping[Field, _Result], document: Document
) -> tuple[dict[Field, tuple[str, ...]], list[Change]]:
    """Return new texts for fields, and the changes: a requirement that is split adds no line that the wheel has."""
    values, changes = dict[Field, tuple[str, ...]](), list[Change]()
    split = any(len(result.texts) > 1 for result in results.values())
    present = set(_meanings_after(results, document)) if split else set[Hashable]()
    for each, result in results.items():
        text, first = each.value.strip(), next(iter(result.texts), None)
        more = []
        for one in result.texts[1:]:
            if meaning(one) not in present:
                present.add(meaning(one))
                more.append(one)
        action = ChangeAction(result.rule.action_name)
        if first != text:
            changes.append(Change(REQUIRES, action, text, first, result.rule.id, reason=result.reason))
        elif more:  # the requirement is kept, and others are added to it
            action = ChangeAction.ADD_FIELD
        changes += (Change(REQUIRES, action, None, one, result.rule.id, reason=result.reason) for one in more)
        if first != text or more:
            values[each] = (*result.texts[:1], *more)
    return values, changes


def _meanings_after(results: Mapping[Field, _Result], document: Document) -> Iterator[Hashable]:
    """Yield what each requirement means that is there in any case: what is kept, and the first line of what is split."""
    for each in document.all(REQUIRES):
        for text in results[each].texts[:1] if each in results else (each.value.strip(),):
            yield meaning(text)


def _result_of(decision: Decision, text: str) -> _Result:
    """Return what the rule of ``decision`` makes of a requirement; one that is kept keeps its bytes."""
    rule = decision.rule
    if decision.held_back:
        return _Result(rule, (text,), decision.held_back)
    found = run_action(rule, text)
    if isinstance(found, tuple):
        return _Result(rule, found, rule.reason)
    reason = _says(rule, found)
    if rule.on_mismatch == "error":
        raise EditError(
            "action-mismatch",
            f"rule {rule.id}: {shown(text)!r} cannot be changed: {reason}",
            hint='Select other requirements by match, or remove on-mismatch = "error" to keep this one.',
        )
    return _Result(rule, (text,), reason, mismatch=reason)


def _says(rule: Rule, mismatch: "Mismatch") -> str:
    return f"{rule.action_name} does not apply, since {mismatch.reason}"


def why_not_applied(rule: Rule, text: str) -> str | None:
    """Return why the action of ``rule`` does not apply to a requirement that the rule matches, ``None`` if it does."""
    try:
        found = run_action(rule, text)
    except EditError:
        return None  # the plan is refused for it, and says why
    return None if isinstance(found, tuple) else _says(rule, found)


def run_action(rule: Rule, text: str) -> "tuple[str, ...] | Mismatch":
    """Return what the action of ``rule`` makes of a requirement: texts, none to drop it, or why it does not apply.

    :raises EditError: if that is not a requirement.
    """
    action = REQUIREMENT_ACTIONS[rule.action_name]
    plain = on_one_line(text)
    parts = RequirementParts.of(plain)
    if parts is None:
        return (text,)
    with _naming(rule):
        after = action.run(parts, rule.argument)
        if not isinstance(after, tuple):
            return after
        for each in after:
            if each != plain and (wrong := _wrong_result(rule, plain, each)):
                return wrong
    return tuple(text if each == plain else each for each in after)


def _wrong_result(rule: Rule, before: str, after: str) -> "Mismatch | None":
    """Return why what an action made is no requirement; only what is computed from the requirement may not fit it.

    :raises EditError: if it is not computed.
    """
    try:
        check_value(REQUIRES, after)
    except EditError as error:
        from wheelfix.rules.specifiers import Mismatch  # imported late: results are right, mostly
        from wheelfix.rules.templates import computes

        if computes(rule.argument):
            return Mismatch(f"{shown(after)!r} is not a requirement")
        raise EditError(
            "invalid-result",
            f"{rule.action_name} makes {shown(before)!r} into {shown(after)!r}, which is not a requirement",
            hint="Drop it, or rewrite it with the action replace, which can make several requirements of one.",
        ) from error
    return None


@contextmanager
def _naming(rule: Rule) -> Iterator[None]:
    """Let errors name the rule that requested the edit."""
    try:
        yield
    except EditError as error:
        message = f"rule {rule.id}: {error.message}"
        raise type(error)(error.code, message, hint=error.hint, reason=error.reason) from error


def _change_wheel(rule: Rule, editor: Editor, facts: Facts) -> bool:
    editor.rule, editor.reason = rule.id, rule.reason
    with _naming(rule):
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
