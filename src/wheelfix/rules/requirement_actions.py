"""What actions do to single requirements: each is judged once, by the first rule that matches, and changed or kept."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from wheelfix.errors import EditError
from wheelfix.results import Change, ChangeAction
from wheelfix.rules.match import Decision, Facts, decide
from wheelfix.rules.model import NewSpecifier, Rule, Texts, each_of
from wheelfix.text import cut, shown
from wheelfix.wheel.editor import REQUIRES, Editor
from wheelfix.wheel.fields import check_value
from wheelfix.wheel.metadata import Document, Field
from wheelfix.wheel.requirement import RequirementParts, meaning, on_one_line, read_requirement

if TYPE_CHECKING:
    from wheelfix.rules.specifiers import Mismatch


_LONGEST: Final = 500
"""How many characters of a requirement a message prints; real ones have at most some 200."""
_MOST_NOTES: Final = 5
"""How many of the requirements to which a rule does not apply get a note each; the report lists all as kept."""


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


def decide_requirements(rules: Sequence[Rule], facts: Facts, editor: Editor) -> tuple[list[Change], list[str], list[str]]:
    """Change the requirements, each judged once; return those that are kept, notes, and ids of rules that applied."""
    kept, notes, applied = list[Change](), list[str](), list[str]()
    mismatches = dict[str, list[str]]()
    results = dict[Field, _Result]()
    for each in facts.document.all(REQUIRES):
        text = each.value.strip()
        requirement = read_requirement(text)
        if requirement is None:
            notes.append(f"METADATA: the requirement {cut(text, _LONGEST)!r} cannot be parsed and is unchanged.")
            continue
        decision = decide(rules, requirement, facts)
        if decision is None:
            continue
        if not decision.held_back:
            applied.append(decision.rule.id)
        result = _result_of(decision, text)
        if result.mismatch:
            mismatches.setdefault(decision.rule.id, []).append(f"{cut(text, _LONGEST)!r} is kept: {result.mismatch}")
        if result.texts[:1] == (text,):
            kept.append(Change(REQUIRES, ChangeAction.KEEP, text, text, result.rule.id, reason=result.reason))
        if result.texts != (text,):
            results[each] = result
    values, changes = _without_duplicates(results, facts.document)
    editor.replace(values, changes)
    return kept, [*notes, *_notes_on(mismatches)], applied


def _notes_on(mismatches: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield a note for each requirement to which the action of a rule does not apply; of many for the first few."""
    for rule, texts in mismatches.items():
        yield from (f"rule {rule}: {text}." for text in texts[:_MOST_NOTES])
        if (more := len(texts) - _MOST_NOTES) > 0:
            yield f"rule {rule}: {more} more requirements are kept for such reasons (use -v to show all)."


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
            f"rule {rule.id}: {cut(text, _LONGEST)!r} cannot be changed: {reason}",
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
    with naming(rule):
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
def naming(rule: Rule) -> Iterator[None]:
    """Let errors name the rule that requested the edit."""
    try:
        yield
    except EditError as error:
        message = f"rule {rule.id}: {error.message}"
        raise type(error)(error.code, message, hint=error.hint, reason=error.reason) from error
