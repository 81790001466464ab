"""Rules as text and JSON: lists, explanations, findings and test results."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from wheelfix.fix.describe import WheelExplanation
from wheelfix.reports.json import document
from wheelfix.reports.text import render_change
from wheelfix.results import Change, Finding, Verdict
from wheelfix.rules.actions import ON_WHEELS
from wheelfix.rules.cases import Result
from wheelfix.rules.explain import Explanation, RuleView
from wheelfix.rules.model import (
    CopyFrom,
    EntryPointMatch,
    EntryPointValue,
    NewSpecifier,
    PostRelease,
    Rule,
    RuleSet,
    each_of,
)
from wheelfix.text import shown, shown_lines
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.fields import find

_MOST_VALUES: Final = 4


def render_rules(rules: RuleSet) -> str:
    """Return the rules in force, in order, under the file or set that each comes from."""
    lines: list[str] = []
    origin = None
    for rule, place in zip(rules.rules, rules.origins, strict=True):
        if place != origin:
            lines.append(shown(place))
            origin = place
        lines.append(f"  {shown(rule.id)}: {_action(rule)}{_condition('', rule.match)}{_condition(' when ', rule.when)}")
        lines.append(f"    {shown(rule.reason)}" + (f" ({shown(rule.url)})" if rule.url else "") + _until(rule))
    return "".join(f"{line}\n" for line in lines) or "No rules.\n"


def _until(rule: Rule) -> str:
    """Return until when a rule is meant, as words behind its reason."""
    ends = [f"until {rule.until}"] if rule.until else []
    ends += [f"until version {rule.until_version}"] if rule.until_version else []
    return f" [{', '.join(ends)}]" if ends else ""


def _action(rule: Rule) -> str:
    match rule.argument:
        case None:
            return rule.action_name
        case str() | tuple() as texts:
            return f"{rule.action_name} {', '.join(repr(shown(text)) for text in each_of(texts))}"
        case NewSpecifier() as new:
            return f"{rule.action_name} {', '.join(f'{key} {shown(value)!r}' for key, value in new.given)}"
        case PostRelease(post):
            return f"{rule.action_name} post {shown(post)!r}"
        case bool(truth):
            return f"{rule.action_name} {str(truth).lower()}"
        case CopyFrom() as wanted:
            return f"{rule.action_name}{_condition('', wanted)}"
        case EntryPointValue(group, name, reference):
            return f"{rule.action_name} [{shown(group)}] {shown(name)}: {shown(reference)}"
        case EntryPointMatch(names, groups, missing):
            words = [f"{key} {_values(each_of(globs))}" for key, globs in (("name", names), ("group", groups)) if globs]
            return f"{rule.action_name} {', '.join([*words, *(['missing-module'] if missing else [])])}"
        case field:
            value = field.value if isinstance(field.value, str | None) else ", ".join(field.value)
            return f"{rule.action_name} {field.name}" + (f": {shown(value)}" if value is not None else "")


def _condition(word: str, struct: msgspec.Struct | None) -> str:
    given = msgspec.to_builtins(struct) if struct is not None else {}
    text = ", ".join(f"{key} {_values(value)}" for key, value in given.items())
    return f"{word or ' '}{text}" if text else ""


def _values(values: Any) -> str:
    texts = [each if isinstance(each, str) else _values_of_match(each) for each in values]
    more = f" and {len(texts) - _MOST_VALUES} more" if len(texts) > _MOST_VALUES else ""
    return shown(" | ".join(text or "''" for text in texts[:_MOST_VALUES])) + more


def _values_of_match(match: dict[str, Any]) -> str:
    return "(" + ", ".join(f"{key} {_values(value)}" for key, value in match.items()) + ")"


def render_rules_json(rules: RuleSet) -> str:
    """Return the rules in force as JSON, version 1, each with its origin."""
    listed = [
        {**msgspec.to_builtins(rule), "origin": origin} for rule, origin in zip(rules.rules, rules.origins, strict=True)
    ]
    return document("rules list", digest=rules.digest, rules=listed)


def render_explanation(explanation: WheelExplanation, *, wanted: str | None = None) -> str:
    """Return why requirements are kept, dropped or changed: all on a line each, or those that are ``wanted`` in full."""
    if explanation.problem:
        return ""
    lines = [f"{shown(explanation.url or explanation.source.name)}: {explanation.total} requirements"]
    if wanted is None:
        lines += _overview(explanation)
    else:
        for each, count in Counter(explanation.requirements).items():
            lines += _in_full(each, count, explanation.changes)
        lines += _of_the_wheel(explanation)
        if explanation.is_empty and find(wanted):
            lines.append(f"  No rule changes the field {shown(wanted)}.")
        elif explanation.is_empty:
            lines.append(f"  No requirement matches {shown(wanted)!r}, now or before an earlier fix.")
    lines += [f"  earlier: {render_change(change)}  [{_why(change)}]" for change in explanation.past]
    lines += [f"  note: {note}" for note in explanation.notes]
    lines += _fate(explanation)
    return "".join(f"{line}\n" for line in lines)


def _fate(explanation: WheelExplanation) -> Iterator[str]:
    """Yield that the wheel would be refused, or that this is not known without its binaries."""
    refusal = explanation.refusal
    is_open = explanation.directory_only and (
        (refusal is not None and refusal.code == "unproven")
        or any(each.verdict is Verdict.UNPROVEN for each in explanation.changes)
    )
    if is_open:
        yield "  Its binaries decide, and were not read: strip-gpu and fix read them first."
    if refusal and not (is_open and refusal.code == "unproven"):
        yield f"  The wheel would be refused: {shown(refusal.message)}. {refusal.hint}"


def _overview(explanation: WheelExplanation) -> Iterator[str]:
    reasons: dict[str, None] = {}
    for each in explanation.requirements:
        rule = each.decided
        yield f"  {_mark(each, explanation.changes)} {shown(each.text)}" + (f"  [{shown(rule.id)}]" if rule else "")
        yield from _results(each, explanation.changes)
        if rule:
            reasons[f"  {rule.id} ({rule.origin}): {each.held_back or rule.reason}"] = None
    yield from _of_the_wheel(explanation)
    yield from map(shown, reasons)
    if not reasons and not explanation.changes:
        yield "  No rule matches any of them."


def _of_the_wheel(explanation: WheelExplanation) -> Iterator[str]:
    """Yield what is changed by rules for the whole wheel."""
    listed = {change for each in explanation.requirements for change in _changes_of(each, explanation.changes)}
    for change in explanation.changes:
        if change not in listed:
            yield f"  {render_change(change)}  [{_why(change)}]"


def _changes_of(explanation: Explanation, changes: Sequence[Change]) -> list[Change]:
    """Return the changes of a requirement, one after the other, with the other lines that it became."""
    found: list[Change] = []
    last: Change | None = None
    text: str | None = explanation.text
    decider = explanation.decided.id if explanation.decided else None
    for change in changes:
        by_wheel = change.action in ON_WHEELS  # those are applied last, and can change what another rule has changed
        if change.field == REQUIRES and text is not None and change.before == text and (by_wheel or change.rule == decider):
            found.append(change)
            text, decider = change.after, None
        elif change.continues and found and last is found[-1]:
            found.append(change)
        last = change
    return found


def _mark(explanation: Explanation, changes: Sequence[Change]) -> str:
    mine = _changes_of(explanation, changes)
    if mine:
        return "-" if mine[-1].after is None else "~"
    return "=" if explanation.decided else " "


def _results(explanation: Explanation, changes: Sequence[Change]) -> Iterator[str]:
    for change in _changes_of(explanation, changes):
        if change.after is not None:
            yield f"      becomes: {shown(change.after)}"


def _in_full(explanation: Explanation, count: int, changes: Sequence[Change]) -> Iterator[str]:
    times = f"  ({count} times)" if count > 1 else ""
    yield f"  {_mark(explanation, changes)} {shown(explanation.text)}{times}"
    yield from _results(explanation, changes)
    if explanation.malformed:
        yield f"      malformed: {shown(explanation.malformed)}"
    rule = explanation.decided
    mine = _changes_of(explanation, changes)
    if rule is not None and explanation.held_back:
        yield f"      kept: {explanation.held_back}"
        yield f"      {_view(rule)} would {rule.action} it: {shown(rule.reason)}"
    elif rule is not None:
        yield f"      {rule.action} by {_view(rule)}: {shown(rule.reason)}"
    elif not mine:
        yield "      kept: no rule matches"
    yield from (f"      {change.action} by {_why(change)}" for change in mine if not rule or change.rule != rule.id)
    yield from (f"      {change.verdict}: {shown(change.evidence or '')}" for change in mine if change.verdict)
    for each in explanation.also:
        yield f"      {_view(each)} matches too and would {each.action} it; the first rule decides"
    yield from (f"      {_view(each)} does not match: {shown(each.mismatch)}" for each in explanation.nearly)


def _view(rule: RuleView) -> str:
    return shown(f"{rule.id} ({rule.origin})")


def _why(change: Change) -> str:
    return shown(f"{change.rule or 'no rule'}: {change.reason or 'by a script'}")


def render_explanations_json(explanations: Sequence[WheelExplanation]) -> str:
    """Return explanations as JSON, version 1."""
    return document("rules explain", wheels=explanations)


def render_results(results: Sequence[Result], *, untested: Sequence[str] = (), verbose: bool = False) -> str:
    """Return the results of test cases: those that failed with what differs, and a count."""
    lines: list[str] = []
    for result in results:
        if not result.passed:
            lines.append(f"FAILED {shown(result.name)}")
            lines += [f"  {line}" for difference in result.differences for line in _lines(difference)]
        elif verbose and not result.written:
            lines.append(f"passed {shown(result.name)}")
        if result.written:
            lines.append(f"updated {shown(result.name)}")
            lines += [f"  {line}" for line in _lines(result.written)]
    failed = sum(not result.passed for result in results)
    lines.append(f"{len(results) - failed} passed, {failed} failed.")
    if untested:
        count = f"{len(untested)} rules have" if len(untested) > 1 else "1 rule has"
        lines.append(f"{count} no test: {shown(', '.join(untested))}")
    return "".join(f"{line}\n" for line in lines)


def _lines(text: str) -> list[str]:
    return shown_lines(text).removesuffix("\n").split("\n")


def render_results_json(results: Sequence[Result]) -> str:
    """Return the results of test cases as JSON, version 1."""
    listed = [{"name": each.name, "passed": each.passed, "differences": each.differences} for each in results]
    return document("rules test", results=listed)


def render_rule_findings_json(findings: Sequence[Finding]) -> str:
    """Return the findings of rules as JSON, version 1."""
    return document("rules check", findings=findings)
