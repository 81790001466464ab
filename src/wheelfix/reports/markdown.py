"""A run as Markdown for a pull request: what changes and why, each distinct change once, within what a comment can hold.

The dialect is GitHub's: https://github.github.com/gfm/. What a wheel or a rule contains cannot leave its place: code is
fenced by more backticks than it has, and other text is escaped, mentions and references of issues included.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from wheelfix.reports.diff import changed_lines
from wheelfix.reports.text import render_change, render_summary
from wheelfix.results import AppliedRule, Change, Outcome, Part, Problem, Report, Status
from wheelfix.text import as_utf8, counted, shown, shown_lines
from wheelfix.wheel.editor import REQUIRES

if TYPE_CHECKING:
    from wheelfix.results import PublishReport

_LARGEST: Final = 65_536
"""The bytes of a report: GitHub takes comments of as many characters."""
_ROOM: Final = 400
"""The bytes that are left for the sentence on what was cut."""
_MOST_ROWS: Final = 100
_MOST_LINES: Final = 200
_LONGEST: Final = 400
_MOST_NAMES: Final = 5
_FOLDED: Final = 12
"""How many lines of a diff are shown unfolded."""
_PUNCTUATION: Final = re.compile(r"^[-+=]|(?<=^\d)[.)]|[\\`*_{}\[\]<>|~!#]")
_REFERENCE: Final = re.compile(r"(?<=[@#])(?=\w)|(?<=\b[Gg][Hh])(?=-\d)|(?<=www)(?=\.)|(?<=:)(?=//)")
_EMOJI: Final = re.compile(r"(?<=:)(?=[\w+-]+:)")
_COMMIT: Final = re.compile(r"(?<![0-9A-Za-z])([0-9a-f]{6})(?=[0-9a-f]{1,34}(?![0-9A-Za-z]))")
_NOT_IN_URLS: Final = re.compile(r"[^A-Za-z0-9:/?#@!$&'*+,;=.~%_-]")
_BACKTICKS: Final = re.compile("`+")

_Block: TypeAlias = tuple[str, str]
"""What a part of the report shows, in the plural, and its text; what is cut is counted by the former."""


def render_markdown(report: Report, published: "PublishReport | None" = None) -> str:
    """Return ``report`` as Markdown of at most 65,536 bytes, with a final line end; what is cut is counted.

    ``published`` says what became of the wheels in a mirror, if they were published.
    """
    fixed = [outcome for outcome in report.outcomes if outcome.status is Status.FIXED]
    dry_run = published is None and bool(fixed) and not any(outcome.output for outcome in fixed)
    head = f"## wheelfix {report.command}\n\n{_text(render_summary(report, dry_run=dry_run).strip())}\n"
    blocks = [*_overview(report, dry_run), *_refused(report), *_changes(report), *_notes(report), *_publication(published)]
    return head + "".join(f"\n{text}" for text in _fitting(blocks, _LARGEST - _ROOM - len(head.encode())))


def _fitting(blocks: Iterable[_Block], room: int) -> Iterator[str]:
    """Yield the texts of ``blocks`` that fit into ``room`` bytes, and last what was cut."""
    cut = Counter[str]()
    for kind, text in blocks:
        size = len(text.encode()) + 1
        if size > room:
            cut[kind] += 1
            continue
        room -= size
        yield text
    if cut:
        what = ", ".join(f"{number} more {kind}" for kind, number in cut.items())
        yield f"_Cut, to fit into a comment: {what}. `--format json` has all._\n"


def _overview(report: Report, dry_run: bool) -> Iterator[_Block]:
    """Yield the table of the wheels that changed or were refused, and those that did not change."""
    rows = [_row(each, dry_run) for each in report.outcomes if each.status is not Status.UNCHANGED]
    unchanged = [each for each in report.outcomes if each.status is Status.UNCHANGED]
    if rows:
        yield "tables", f"| wheel | result | changes |\n|---|---|---|\n{_some(rows, after=chr(10))}"
    if unchanged:
        yield "lists", _folded(f"{counted(len(unchanged), 'wheel')} unchanged", _names(unchanged, _MOST_ROWS))


def _some(lines: Sequence[str], most: int = _MOST_ROWS, *, after: str = "- ") -> str:
    """Return the first lines with their ends; if there are more, the number of the others behind ``after``."""
    more = f"{after}and {len(lines) - most} more\n" if len(lines) > most else ""
    return "".join(f"{line}\n" for line in lines[:most]) + more


def _row(outcome: Outcome, dry_run: bool) -> str:
    result = f"would be {outcome.status}" if dry_run and outcome.status is Status.FIXED else str(outcome.status)
    dropped = sum(each.field == REQUIRES and each.after is None for each in outcome.changes)
    other = len(outcome.changes) - dropped
    parts = [f"{counted(dropped, 'requirement')} dropped"] if dropped else []
    parts += [counted(other, "other change" if dropped else "change")] if other else []
    parts += [_text(outcome.problem.message)] if outcome.problem else []
    return f"| {_code(outcome.source.name, in_table=True)} | {result} | {', '.join(parts)} |"


def _refused(report: Report) -> Iterator[_Block]:
    """Yield why wheels were refused or failed, each distinct reason once."""
    groups: dict[Problem, list[Outcome]] = {}
    for outcome in report.outcomes:
        if outcome.problem:
            groups.setdefault(outcome.problem, []).append(outcome)
    for number, (problem, outcomes) in enumerate(groups.items()):
        lines = ["### Not changed\n\n" if number == 0 else "", f"**{_text(problem.message)}** ({_code(problem.code)})\n\n"]
        lines += [_names(outcomes), f"\nreason: {_text(problem.reason)}\n" if problem.reason else ""]
        lines.append(f"\nhelp: {_text(problem.hint)}\n" if problem.hint else "")
        yield "refused wheels", "".join(lines)


def _changes(report: Report) -> Iterator[_Block]:
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
        name = f"[{_text(rule)}]({_link(known.url)})" if known and known.url else f"**{_text(rule)}**"
        origin = f" ({_text(known.origin)})" if known else ""
        weighed = f"; {verdict}: {_text(evidence)}" if verdict else ""
        lines.append(f"- {name}{origin}: {_text(reason)}{weighed} ({counted(count, 'change')})")
    if lines:
        yield f"Why:\n\n{_some(lines)}"


def _diff(diff: str) -> str:
    if not diff:
        return ""
    lines = [_cut(line) for line in shown_lines(as_utf8(diff)).removesuffix("\n").split("\n")]
    more = f"\n... and {len(lines) - _MOST_LINES} more lines\n" if len(lines) > _MOST_LINES else ""
    block = _fenced("".join(f"{line}\n" for line in lines[:_MOST_LINES]), "diff") + more
    return block if len(lines) <= _FOLDED else _folded("Diff of METADATA", block)


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}... ({len(line)} characters)"


def _others(outcome: Outcome) -> Iterator[str]:
    """Yield what changes beside METADATA, as a list."""
    lines = [f"- {_code(render_change(each))}" for each in _beside_metadata(outcome)]
    if lines:
        yield f"Other changes:\n\n{_some(lines, _FOLDED)}"


def _notes(report: Report) -> Iterator[_Block]:
    """Yield what concerns more than one wheel, or should be read for other reasons."""
    lines = [f"- {_text(note)}" for note in dict.fromkeys(note for each in report.outcomes for note in each.notes)]
    left = dict.fromkeys(finding for outcome in report.outcomes for finding in outcome.findings)
    lines += [f"- {each.severity}: {_text(str(each))} ({_code(each.code)})" for each in (*report.rule_findings, *left)]
    for each in report.disagreements:
        state = "they agree on it after this run" if each.resolved else "they still disagree"
        lines.append(f"- wheels of {_text(f'{each.project} {each.version}')} disagree on {_code(each.requirement)}; {state}")
    if lines:
        yield "lists of notes", f"### Notes\n\n{_some(lines)}"


def _publication(published: "PublishReport | None") -> Iterator[_Block]:
    if published is not None and published.files:
        lines = [f"- {_code(each.filename or str(each.source))}: {each.status}" for each in published.files]
        yield "lists", f"### Published\n\n{_some(lines)}"


def _names(outcomes: Sequence[Outcome], most: int = _MOST_NAMES) -> str:
    """Return the names of wheels as a list; if there are many, the first ones, and the number of the others."""
    return _some([f"- {_code(each.source.name)}" for each in outcomes], most)


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text}\n</details>\n"


def _fence_for(text: str, least: int) -> str:
    return "`" * max(least, 1 + max(map(len, _BACKTICKS.findall(text)), default=0))


def _fenced(text: str, language: str) -> str:
    """Return ``text``, lines with their ends, as a block of code that it cannot end.

    >>> print(_fenced("+ ```\\n", "diff"), end="")
    ````diff
    + ```
    ````
    """
    fence = _fence_for(text, 3)
    return f"{fence}{language}\n{text}{fence}\n"


def _code(text: str, *, in_table: bool = False) -> str:
    r"""Return ``text`` as code in a line; a bar in a table is escaped, which is the only escape that counts in code.

    >>> _code("a`b"), _code("a|b", in_table=True)
    ('`` a`b ``', '`a\\|b`')
    """
    plain = shown(as_utf8(text))[:_LONGEST] or " "
    fence = _fence_for(plain, 1)
    blank = " " if "`" in plain else ""
    return f"{fence}{blank}{plain.replace('|', chr(92) + '|') if in_table else plain}{blank}{fence}"


def _text(text: str) -> str:
    r"""Return ``text`` so that it is shown as it is, and is no markup, formula, emoji, link, mention or reference.

    >>> _text("see @octo, *a* <b> #12")
    'see @<!-- -->octo, \\*a\\* \\<b\\> \\#<!-- -->12'
    """
    plain = shown(as_utf8(text))
    plain = plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}..."
    escaped = _PUNCTUATION.sub(r"\\\g<0>", plain.replace("&", "&amp;"))
    apart = _EMOJI.sub("<!-- -->", _COMMIT.sub(r"\1<!-- -->", _REFERENCE.sub("<!-- -->", escaped)))
    return apart.replace("$", "<span>$</span>")  # outside of a formula GitHub reads no backslash before it


def _link(url: str) -> str:
    """Return the target of a link: what would end it is encoded."""
    return re.sub(
        r"[^A-Za-z0-9:/?#@!$&'*+,;=.~%_-]", lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), url
    )
