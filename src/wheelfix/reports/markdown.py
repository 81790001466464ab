"""A run as Markdown for a pull request: what changes and why, each distinct change once, within what a comment can hold."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from wheelfix.reports.diff import changed_lines
from wheelfix.reports.gfm import (
    LONGEST,
    MOST_ROWS,
    Block,
    as_code,
    as_link,
    as_text,
    fenced,
    folded,
    render_blocks,
    some_lines,
)
from wheelfix.reports.show import render_head, render_rows, render_tail
from wheelfix.reports.text import is_dry_run, render_change, render_disagreements, render_summary
from wheelfix.results import AppliedRule, Change, Outcome, Part, Problem, Report, Status
from wheelfix.text import as_utf8, counted, shown_lines
from wheelfix.wheel.editor import REQUIRES

if TYPE_CHECKING:
    from wheelfix.fix.describe import Description
    from wheelfix.results import Disagreement, PublishReport

_MOST_LINES: Final = 200
_MOST_NAMES: Final = 5
_FOLDED: Final = 12
"""How many lines of a diff are shown unfolded."""


def render_markdown(report: Report, published: "PublishReport | None" = None) -> str:
    """Return ``report`` as Markdown of at most 65,536 bytes, with a final line end; what is cut is counted.

    ``published`` says what became of the wheels in a mirror, if they were published.
    """
    dry_run = is_dry_run(report, published)
    blocks = [*_overview(report, dry_run), *_refused(report), *_changes(report), *_notes(report), *_publication(published)]
    return render_blocks(f"wheelfix {report.command}", render_summary(report, dry_run=dry_run).strip(), blocks)


def render_show_markdown(descriptions: "Sequence[Description]", disagreements: "Sequence[Disagreement]" = ()) -> str:
    """Return wheels as ``show`` presents them as Markdown of at most 65,536 bytes, with a final line end."""
    blocks = [*map(_shown_wheel, descriptions), *_lists_of_disagreements(disagreements)]
    return render_blocks("wheelfix show", "", blocks)


def _shown_wheel(description: "Description") -> Block:
    """Return one wheel: what it is, its requirements as a table, and what else is known of it."""
    lines = [f"### {as_code(description.source.name)}\n", *([f"{as_code(description.url)}\n"] if description.url else [])]
    problem = description.problem
    if problem:
        lines.append(
            f"not shown: **{as_text(problem.message)}** ({as_code(problem.code)})\n\nhelp: {as_text(problem.hint)}\n"
        )
        return "wheels", "\n".join(lines)
    _, *head = render_head(description).splitlines()
    lines.append(some_lines([f"- {as_text(line.strip())}" for line in head]))
    rows = [
        f"| {row.mark.strip()} | {as_code(row.requirement, in_table=True)} | {row.verdict} | {as_text(row.why)} |"
        for row in render_rows(description)
    ]
    if rows:
        lines.append(f"|   | requires | verdict | why |\n|---|---|---|---|\n{some_lines(rows, after='')}")
    lines.append(some_lines([f"- {as_text(line.strip())}" for line in render_tail(description).splitlines()]))
    return "wheels", "\n".join(lines)


def _lists_of_disagreements(disagreements: "Sequence[Disagreement]") -> Iterator[Block]:
    lines = [f"- {as_text(line)}" for line in render_disagreements(disagreements).splitlines()]
    if lines:
        yield "lists of disagreements", f"### Releases\n\n{some_lines(lines)}"


def _overview(report: Report, dry_run: bool) -> Iterator[Block]:
    """Yield the table of the wheels that changed or were refused, and those that did not change."""
    rows = [_row(each, dry_run) for each in report.outcomes if each.status is not Status.UNCHANGED]
    unchanged = [each for each in report.outcomes if each.status is Status.UNCHANGED]
    if rows:
        yield "tables", f"| wheel | result | changes |\n|---|---|---|\n{some_lines(rows, after=chr(10))}"
    if unchanged:
        yield "lists", folded(f"{counted(len(unchanged), 'wheel')} unchanged", _names(unchanged, MOST_ROWS))


def _row(outcome: Outcome, dry_run: bool) -> str:
    result = f"would be {outcome.status}" if dry_run and outcome.status is Status.FIXED else str(outcome.status)
    dropped = sum(each.field == REQUIRES and each.after is None for each in outcome.changes)
    other = len(outcome.changes) - dropped
    parts = [f"{counted(dropped, 'requirement')} dropped"] if dropped else []
    parts += [counted(other, "other change" if dropped else "change")] if other else []
    parts += [as_text(outcome.problem.message)] if outcome.problem else []
    return f"| {as_code(outcome.source.name, in_table=True)} | {result} | {', '.join(parts)} |"


def _refused(report: Report) -> Iterator[Block]:
    """Yield why wheels were refused or failed, each distinct reason once."""
    groups: dict[Problem, list[Outcome]] = {}
    for outcome in report.outcomes:
        if outcome.problem:
            groups.setdefault(outcome.problem, []).append(outcome)
    for number, (problem, outcomes) in enumerate(groups.items()):
        lines = [
            "### Not changed\n\n" if number == 0 else "",
            f"**{as_text(problem.message)}** ({as_code(problem.code)})\n\n",
        ]
        lines += [_names(outcomes), f"\nreason: {as_text(problem.reason)}\n" if problem.reason else ""]
        lines.append(f"\nhelp: {as_text(problem.hint)}\n" if problem.hint else "")
        yield "refused wheels", "".join(lines)


def _changes(report: Report) -> Iterator[Block]:
    """Yield each distinct change once: the wheels, the rules and verdicts, the diff, and what changes beside METADATA."""
    groups: dict[tuple[object, ...], list[Outcome]] = {}
    for outcome in report.outcomes:
        if outcome.changes and outcome.problem is None:
            key = (changed_lines(outcome.metadata_diff), *map(render_change, _beside_metadata(outcome)))
            groups.setdefault(key, []).append(outcome)
    rules = {rule.id: rule for rule in report.rules}
    for number, outcomes in enumerate(groups.values(), 1):
        first = outcomes[0]
        title = f"### Change {number} of {len(groups)}: {counted(len(outcomes), 'wheel')}\n\n"
        parts = [title, _names(outcomes), *_reasons(outcomes, rules), _diff(first.metadata_diff), *_others(first)]
        yield "changes", "\n".join(part for part in parts if part).replace("\n\n\n", "\n\n")


def _beside_metadata(outcome: Outcome) -> list[Change]:
    return [each for each in outcome.changes if each.part not in (Part.FIELD, Part.LINE_ENDS)]


def _reasons(outcomes: Sequence[Outcome], rules: dict[str, AppliedRule]) -> Iterator[str]:
    """Yield a list of the rules behind the changes of ``outcomes``, with the verdicts and what these rest on."""
    found = Counter(
        (change.rule or "", change.reason or "", str(change.verdict or ""), change.evidence or "")
        for outcome in outcomes
        for change in outcome.changes
        if change.rule or change.verdict
    )
    lines = []
    for (rule, reason, verdict, evidence), count in found.items():
        known = rules.get(rule)
        name = f"[{as_text(rule)}]({as_link(known.url)})" if known and known.url else f"**{as_text(rule)}**"
        origin = f" ({as_text(known.origin)})" if known else ""
        weighed = f"; {verdict}: {as_text(evidence)}" if verdict else ""
        lines.append(f"- {name}{origin}: {as_text(reason)}{weighed} ({counted(count, 'change')})")
    if lines:
        yield f"Why:\n\n{some_lines(lines)}"


def _diff(diff: str) -> str:
    if not diff:
        return ""
    lines = [_cut(line) for line in shown_lines(as_utf8(diff)).removesuffix("\n").split("\n")]
    more = f"\n... and {len(lines) - _MOST_LINES} more lines\n" if len(lines) > _MOST_LINES else ""
    block = fenced("".join(f"{line}\n" for line in lines[:_MOST_LINES]), "diff") + more
    return block if len(lines) <= _FOLDED else folded("Diff of METADATA", block)


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}... ({len(line)} characters)"


def _others(outcome: Outcome) -> Iterator[str]:
    """Yield what changes beside METADATA, as a list."""
    lines = [f"- {as_code(render_change(each))}" for each in _beside_metadata(outcome)]
    if lines:
        yield f"Other changes:\n\n{some_lines(lines, _FOLDED)}"


def _notes(report: Report) -> Iterator[Block]:
    """Yield what concerns more than one wheel, or should be read for other reasons."""
    lines = [f"- {as_text(note)}" for note in dict.fromkeys(note for each in report.outcomes for note in each.notes)]
    left = dict.fromkeys(finding for outcome in report.outcomes for finding in outcome.findings)
    lines += [f"- {each.severity}: {as_text(str(each))} ({as_code(each.code)})" for each in (*report.rule_findings, *left)]
    for each in report.disagreements:
        state = "they agree on it after this run" if each.resolved else "they still disagree"
        lines.append(
            f"- wheels of {as_text(f'{each.project} {each.version}')} disagree on {as_code(each.requirement)}; {state}"
        )
    if lines:
        yield "lists of notes", f"### Notes\n\n{some_lines(lines)}"


def _publication(published: "PublishReport | None") -> Iterator[Block]:
    if published is not None and published.files:
        lines = [f"- {as_code(each.filename or str(each.source))}: {each.status}" for each in published.files]
        yield "lists", f"### Published\n\n{some_lines(lines)}"


def _names(outcomes: Sequence[Outcome], most: int = _MOST_NAMES) -> str:
    """Return the names of wheels as a list; if there are many, the first ones, and the number of the others."""
    return some_lines([f"- {as_code(each.source.name)}" for each in outcomes], most)
