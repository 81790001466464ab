"""The log: what a person reads on standard error."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from wheelfix.errors import WheelfixError
from wheelfix.reports.findings import finding_lines
from wheelfix.results import (
    Change,
    ChangeAction,
    Disagreement,
    Finding,
    Outcome,
    Part,
    Problem,
    PublishReport,
    Report,
    Status,
)
from wheelfix.text import counted, shown, shown_few
from wheelfix.wheel.editor import REQUIRES

_LONGEST = 1000
_MOST_ALIKE = 5
_MANY: Final = {Part.ROW: "rows of RECORD", Part.PAYLOAD: "removed files"}
"""The parts of a wheel of which many can change alike."""
_MOST_SUGGESTIONS = 5
_PASTE: Final = "add this to wheelfix.toml, below `schema = 1`, and run `wheelfix fix`:"
QUIET, NORMAL, VERBOSE = -1, 0, 1
NO_RULE = "no rule matches"
"""Why a wheel is unchanged where rules decide."""


def render_problem(subject: str, problem: Problem | WheelfixError) -> str:
    """Return ``problem`` in the shape of all messages: what happened to ``subject``, and lines for why and what to do.

    ``subject`` says to what, and how it ended, such as ``x.whl not changed``; it is empty where a whole run ended. A message
    that begins with the same name has "it" in its place.

    >>> problem = Problem("no-record", "RECORD is missing", "Build the wheel again.")
    >>> print(render_problem("x.whl not changed", problem), end="")
    error[no-record]: x.whl not changed: RECORD is missing
      help: Build the wheel again.
    """
    name, message = subject.partition(" not ")[0], problem.message
    if name and message.startswith(f"{name} "):
        message = f"it{message.removeprefix(name)}"
    lines = [f"error[{problem.code}]: {f'{shown(subject)}: ' if subject else ''}{shown(message)}"]
    lines += [f"  reason: {shown(problem.reason)}"] if problem.reason else []
    lines += [f"  help: {shown(problem.hint)}"] if problem.hint else []
    return "".join(f"{line}\n" for line in lines)


def render_outcome(
    outcome: Outcome, *, verbosity: int = NORMAL, dry_run: bool = False, why_unchanged: str = NO_RULE, diff: bool = False
) -> str:
    """Return what happened to one wheel, in lines with line ends; empty where ``verbosity`` has nothing to say.

    ``why_unchanged`` says why a wheel is unchanged; ``diff`` says that a diff of METADATA follows, so that the requirements
    that change are not listed here too.
    """
    name = shown(str(outcome.url or outcome.source))
    if outcome.problem:
        end = "failed" if outcome.status is Status.FAILED else "not changed"
        verdicts = _verdicts(outcome.kept) if verbosity >= VERBOSE else []
        return render_problem(f"{name} {end}", outcome.problem) + "".join(f"{line}\n" for line in verdicts)
    if verbosity <= QUIET:
        return ""
    lines = [f"{name}: {_headline(outcome, dry_run, why_unchanged)}"]
    listed = [each for each in outcome.changes if not (diff and each.field == REQUIRES)]
    lines += _changes(listed, verbose=verbosity >= VERBOSE)
    if verbosity >= VERBOSE:
        lines += [f"    {each.rule}: {each.reason}" for each in _first_of_each_rule(outcome.changes)]
        lines += _verdicts(outcome.changes)
        lines += [f"  kept {_shown(each.before)} ({_because(each)})" for each in outcome.kept]
        if outcome.source_sha256:
            lines.append(f"  sha256 before {outcome.source_sha256}")
            lines.append(f"  sha256 after  {outcome.output_sha256}")
        if outcome.shared:
            lines.append(f"  {outcome.shared:,} bytes are shared with the original on the disk")
    lines += [f"  note: {note}" for note in outcome.notes]
    return "".join(f"{line}\n" for line in lines)


def _changes(changes: Sequence[Change], *, verbose: bool) -> list[str]:
    """Return each change as a line; of rows of RECORD, and of files that go, the first few, unless ``verbose``."""
    lines, count = list[str](), Counter[Part]()
    for each in changes:
        count[each.part] += 1
        if verbose or each.part not in _MANY or count[each.part] <= _MOST_ALIKE:
            lines.append(f"  {render_change(each)}")
    hidden = {} if verbose else {part: count[part] - _MOST_ALIKE for part in _MANY if count[part] > _MOST_ALIKE}
    return [*lines, *(f"  ... {number} more {_MANY[part]} (use -v to show all)" for part, number in hidden.items())]


def _headline(outcome: Outcome, dry_run: bool, why_unchanged: str) -> str:
    if outcome.status is Status.UNCHANGED:
        if outcome.findings:
            return f"nothing fixed; {counted(len(outcome.findings), 'finding')} remain{'s' * (len(outcome.findings) == 1)}"
        by_rule = sum(each.rule is not None for each in outcome.kept)
        uncovered = sum(each.rule is None and each.suggestion is not None for each in outcome.kept)
        more = f", {uncovered} that no rule covers" if uncovered else ""
        kept = f"nothing to change ({counted(by_rule, 'requirement')} kept by rules{more})"
        return f"unchanged: {kept if by_rule else why_unchanged}"
    dropped = sum(change.field == REQUIRES and change.after is None for change in outcome.changes)
    other = len(outcome.changes) - dropped
    parts = []
    if dropped:
        parts.append(f"{counted(dropped, 'requirement')} {'would be ' if dry_run else ''}dropped")
    if other:
        parts.append(counted(other, "other change" if dropped else "change"))
    return ", ".join(parts)


def render_change(change: Change) -> str:
    """Return one change as a line: what is removed, what is added, or what becomes what."""
    match change.before, change.after:
        case None, None if change.part is Part.ARCHIVE:
            return f"archive rebuilt: {shown(change.reason or '')}"
        case None, None if sign := _SIGNS.get(change.action):
            return f"{sign} {shown(change.field)}{_cause(change)}"
        case None, None:
            return f"{shown(change.action)} {shown(change.field)}" + (f": {change.reason}" if change.reason else "")
        case before, None:
            return f"- {shown(change.field)}: {_shown(before)}"
        case None, after:
            return f"+ {shown(change.field)}: {_shown(after)}"
        case before, after:
            return f"~ {shown(change.field)}: {_shown(before)} -> {_shown(after)}"


_SIGNS: Final[Mapping[str, str]] = {
    ChangeAction.ADD_FILE: "+",
    ChangeAction.REPLACE_FILE: "~",
    ChangeAction.REMOVE_FILE: "-",
    ChangeAction.REMOVE_PAYLOAD_FILE: "-",
    ChangeAction.FIX_LINE_ENDS: "~",
}
"""What is done to a whole file, as diffs say it."""


def _cause(change: Change) -> str:
    """Return why a file changes, in brackets, where no rule says so: it follows from something else."""
    return f" ({shown(change.reason)})" if change.reason and change.rule is None else ""


def _because(kept: Change) -> str:
    return f"{kept.rule}: {kept.reason}" if kept.rule else kept.reason or ""


def render_suggestions(kept: Iterable[tuple[str, str, str, str | None]]) -> str:
    """Return what looks like GPU and is kept, each once: a wheel, a requirement, why, and the rule that would change it.

    What has no rule is left out. Wheels with the same requirement are named together. Of many only the first are shown,
    since each takes some lines.
    """
    wheels: dict[tuple[str, str, str], dict[str, None]] = {}
    for name, text, why, rule in kept:
        if rule:
            wheels.setdefault((text, why, rule), {})[name] = None
    found = list(wheels)
    lines = []
    for text, why, rule in found[:_MOST_SUGGESTIONS]:
        lines += [
            f"kept {_shown(text)}: {shown(why)}",
            f"  in: {shown_few([*wheels[text, why, rule]])}",
            f"  help: to change it, {_PASTE}",
        ]
        lines += [f"    {shown(line)}" for line in rule.splitlines()]
    if len(found) > _MOST_SUGGESTIONS:
        lines.append(f"... {len(found) - _MOST_SUGGESTIONS} more kept requirements look like GPU (--format json has all)")
    return "".join(f"{line}\n" for line in lines)


def _shown(text: str | None) -> str:
    """Return a value as it can be shown on a line; a licence can have ten thousand words."""
    value = text or ""
    if not value.strip(" "):
        return "(empty)"
    return shown(value) if len(value) <= _LONGEST else f"{shown(value[:_LONGEST])}... ({len(value)} characters)"


def _verdicts(changes: Sequence[Change]) -> list[str]:
    """Return each verdict once, with its reason and how many requirements it is on."""
    count = Counter((each.verdict, each.evidence) for each in changes if each.verdict)
    return [f"    {verdict} ({number}): {shown(evidence or '')}" for (verdict, evidence), number in count.items()]


def _first_of_each_rule(changes: tuple[Change, ...]) -> list[Change]:
    return list({change.rule: change for change in reversed(changes) if change.rule}.values())[::-1]


def render_summary(report: Report, *, dry_run: bool = False, where: str = "") -> str:
    """Return the line that ends a run: how many wheels were fixed, what became of the others, ``where`` results are, if any.

    >>> from pathlib import Path
    >>> render_summary(Report("fix", (Outcome(Path("a.whl"), Status.FIXED, output=Path("b/a.whl")),)), where="b/")
    'Fixed 1 wheel, 0 unchanged, 0 refused -> b/\\n'
    """
    fixed = counted(report.count(Status.FIXED), "wheel")
    counts = [f"{'Would fix' if dry_run else 'Fixed'} {fixed}"]
    counts += [f"{report.count(status)} {status}" for status in (Status.UNCHANGED, Status.REFUSED)]
    failed, left = report.count(Status.FAILED), sum(len(outcome.findings) for outcome in report.outcomes)
    counts += [f"{failed} failed"] if failed else []
    remain = f" ({counted(left, 'finding')} remain{'s' * (left == 1)})" if left else ""
    return f"{', '.join(counts)}{remain}{f' -> {shown(where)}' if where else ''}\n"


def is_dry_run(report: Report, published: PublishReport | None = None) -> bool:
    """Whether nothing was written or ``published``, although something would change."""
    fixed = [each for each in report.outcomes if each.status is Status.FIXED]
    return bool(fixed) and published is None and not any(each.output for each in fixed)


def render_read_summary(wheels: int, failed: int) -> str:
    """Return the line that ends a run which only reads ``wheels``, of which ``failed`` could not be read.

    >>> render_read_summary(2, 1)
    'Read 1 wheel, 1 failed\\n'
    """
    return f"Read {counted(wheels - failed, 'wheel')}{f', {failed} failed' if failed else ''}\n"


def render_disagreements(disagreements: Sequence[Disagreement], *, dry_run: bool = False) -> str:
    """Return how the wheels of a release disagreed before the run, those of the same wheels on one line.

    With ``dry_run`` what is resolved would be so.
    """
    groups: dict[tuple[object, ...], list[Disagreement]] = {}
    for each in disagreements:
        groups.setdefault((each.project, each.version, each.present, each.missing, each.resolved), []).append(each)
    return "".join(f"{_disagreement(group, dry_run)}\n" for group in groups.values())


def _disagreement(group: Sequence[Disagreement], dry_run: bool) -> str:
    first, count = group[0], len(group)
    having, lacking = (shown_few([path.name for path in paths]) for paths in (first.present, first.missing))
    resolution = f"; {'they would agree after this run' if dry_run else 'now they agree'}" if first.resolved else ""
    what = "a requirement" if count == 1 else f"{count} requirements"
    return (
        f"{shown(first.project)} {shown(first.version)}: its wheels disagree: {what} in {having} and not in "
        f"{lacking}: {shown_few([each.requirement for each in group])}{resolution}"
    )


def render_as_rules(text: str) -> str:
    """Return rules in TOML as lines that say what to do with them; empty where there are none.

    >>> print(render_as_rules("# --add-file x=y has no rule: run `wheelfix edit` again"), end="")
    note: --add-file x=y has no rule: run `wheelfix edit` again
    """
    if "[[rule]]" not in text:  # nothing to paste
        return "".join(f"note: {shown(line.removeprefix('# '))}\n" for line in text.splitlines() if line)
    head = f"help: to do the same again, {_PASTE}"
    return "".join(f"{line}\n" for line in (head, *(f"    {shown(line)}".rstrip() for line in text.splitlines())))


def render_rule_findings(findings: Sequence[Finding]) -> str:
    """Return the findings of rules as lines; of many with one code the first few."""
    return "".join(f"{line}\n" for line in finding_lines(findings, all_with="--format json has all"))
