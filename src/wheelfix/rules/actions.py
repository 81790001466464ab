"""What each action does, and rules applied to METADATA: requirements and fields are dropped, kept or changed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from string import Formatter
from typing import Any, Final

from msgspec import Struct
from packaging.utils import canonicalize_name

from wheelfix.errors import EditError
from wheelfix.results import Change, ChangeAction
from wheelfix.rules.match import Decision, Facts, decide, rules_for
from wheelfix.rules.model import FieldName, FieldValue, PostRelease, Rule, RuleSet, each_of
from wheelfix.text import shown
from wheelfix.wheel.editor import REQUIRES, Editor
from wheelfix.wheel.edits import RENAMING, SetBuildTag, SetLocal, SetName, SetPost, SetVersion, WheelEdit
from wheelfix.wheel.fields import check_value
from wheelfix.wheel.marker import marker_text, read_marker, without_extra
from wheelfix.wheel.metadata import Document, Field
from wheelfix.wheel.requirement import RequirementParts, on_one_line, read_requirement

PLACEHOLDERS: Final = ("name", "extras", "specifier", "marker")
"""The placeholders of a template of ``replace``, each in braces."""


class RequirementAction(Struct, frozen=True):
    """An action on a requirement: ``run`` takes its parts and the action's argument, and returns its new text.

    ``None`` drops the requirement. An ``idempotent`` action changes nothing when it is applied again.
    """

    run: Callable[[RequirementParts, str], str | None]
    idempotent: bool = True


def _replace(parts: RequirementParts, template: str) -> str:
    at_url = parts.url is not None
    values = {
        "name": parts.name,
        "extras": parts.extras,
        "specifier": f" @ {parts.url}" if at_url else parts.specifier,
        "marker": (" ; " if at_url else "; ") + parts.marker if parts.marker else "",
    }
    return template.format_map(values)


def template_fields(template: str) -> tuple[str, ...]:
    """Return the placeholders of a template.

    :raises ValueError: if it is invalid: a single brace, or a placeholder with a conversion or a format.
    """
    found = []
    for _, name, form, conversion in Formatter().parse(template):
        if form or conversion:
            raise ValueError("a placeholder is a name in braces, without conversion or format")
        if name is not None:
            found.append(name)
    return tuple(found)


REQUIREMENT_ACTIONS: Final[Mapping[str, RequirementAction]] = {
    "drop": RequirementAction(lambda *_: None),
    "keep": RequirementAction(lambda parts, _: str(parts)),
    "replace": RequirementAction(_replace, idempotent=False),
    "rename": RequirementAction(lambda parts, name: str(parts.with_name(name))),
    "set-specifier": RequirementAction(lambda parts, specifier: str(parts.with_specifier(specifier))),
    "set-marker": RequirementAction(lambda parts, marker: str(parts.with_marker(marker))),
    "and-marker": RequirementAction(lambda parts, marker: str(parts.with_marker_too(marker))),
}
"""The actions on a requirement."""


def _add(editor: Editor, requirement: str) -> bool:
    editor.add_field(REQUIRES, requirement)
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


EDIT_ACTIONS: Final[Mapping[str, Callable[[Any], WheelEdit]]] = {
    "set-name": SetName,
    "set-version": lambda version: SetPost(version.post) if isinstance(version, PostRelease) else SetVersion(version),
    "set-local": SetLocal,
    "set-build-tag": SetBuildTag,
}
"""The actions on more of a wheel than METADATA: what each asks for, as an edit that a plan carries out."""

ON_WHEELS: Final = frozenset({*WHEEL_ACTIONS, *EDIT_ACTIONS})
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
    """
    editor = Editor(facts.document)
    mine = rules_for(rules.rules, facts)
    kept, notes, applied = _decide_requirements([rule for rule in mine if rule.match is not None], facts, editor)
    applied += [rule.id for rule in mine if rule.action_name in WHEEL_ACTIONS and _change_wheel(rule, editor)]
    editor.check_versions()
    notes += _orphans(editor)
    edits = (
        RuleEdit(EDIT_ACTIONS[rule.action_name](rule.argument), rule.id, rule.reason)
        for rule in mine
        if rule.action_name in EDIT_ACTIONS
    )
    return Applied(
        editor.document,
        tuple(editor.changes),
        tuple(kept),
        tuple(notes),
        tuple(dict.fromkeys(applied)),
        tuple(edits),
    )


def _decide_requirements(rules: Sequence[Rule], facts: Facts, editor: Editor) -> tuple[list[Change], list[str], list[str]]:
    """Change the requirements, each judged once; return those that are kept, notes, and ids of rules that applied."""
    kept, notes, applied = list[Change](), list[str](), list[str]()
    values, changes = dict[Field, str | None](), list[Change]()
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
        change = _change_of(decision, text)
        if change.after == text:
            kept.append(change)
        else:
            values[each] = change.after
            changes.append(change)
    editor.replace(values, changes)
    return kept, notes, applied


def _change_of(decision: Decision, text: str) -> Change:
    """Return what the rule of ``decision`` does to a requirement."""
    rule = decision.rule
    after = text if decision.held_back else _new_text(rule, text)
    action = ChangeAction.KEEP if after == text else ChangeAction(rule.action_name)
    return Change(REQUIRES, action, text, after, rule.id, reason=decision.held_back or rule.reason)


def _new_text(rule: Rule, text: str) -> str | None:
    """Return a requirement with ``rule`` applied; one that is kept keeps its bytes."""
    action = REQUIREMENT_ACTIONS[rule.action_name]
    plain = on_one_line(text)
    parts = RequirementParts.of(plain)
    if parts is None:
        return text
    with _naming(rule):
        after = action.run(parts, rule.argument if isinstance(rule.argument, str) else "")
        if after == plain:
            return text
        if after is not None:
            _check_result(rule.action_name, plain, after)
    return after


def _check_result(action: str, before: str, after: str) -> None:
    try:
        check_value(REQUIRES, after)
    except EditError as error:
        raise EditError(
            "invalid-result",
            f"{action} makes {shown(before)!r} into {shown(after)!r}, which is not a requirement",
            hint="Drop it, or rewrite it with the action replace.",
        ) from error


@contextmanager
def _naming(rule: Rule) -> Iterator[None]:
    """Let errors name the rule that requested the edit."""
    try:
        yield
    except EditError as error:
        raise EditError(error.code, f"rule {rule.id}: {error.message}", hint=error.hint) from error


def _change_wheel(rule: Rule, editor: Editor) -> bool:
    editor.rule, editor.reason = rule.id, rule.reason
    with _naming(rule):
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
