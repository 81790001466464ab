"""What checks found as Markdown, for the summary of a job or a comment: a table, then each code once, with what to do."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from wheelfix.codes import Check
from wheelfix.mirror.registry import MIRROR_CHECKS
from wheelfix.reports.findings import located_in
from wheelfix.reports.gfm import MOST_ROWS, Block, as_code, as_text, folded, render_blocks, some_lines
from wheelfix.reports.mirror import render_mirror_check_summary
from wheelfix.reports.verify import how_fixable, render_verify_summary
from wheelfix.results import CheckedWheel, Finding, Severity, VerifyReport
from wheelfix.text import counted
from wheelfix.verify.registry import CHECKS

if TYPE_CHECKING:
    from wheelfix.mirror.registry import MirrorCheckReport

_MOST_ALIKE: Final = 5
"""How many findings of one code are listed; the table and the JSON report have all."""


def render_verify_markdown(report: VerifyReport) -> str:
    """Return the findings of wheels as Markdown of at most 65,536 bytes, with a final line end; what is cut is counted."""
    found = [(_name(wheel), finding) for wheel in report.wheels for finding in wheel.findings]
    blocks = [*_wheels(report.wheels), *_codes(found, CHECKS)]
    return render_blocks("wheelfix verify", render_verify_summary(report).strip(), blocks)


def render_mirror_check_markdown(mirror: str, report: "MirrorCheckReport") -> str:
    """Return the findings of a mirror or an index as Markdown of at most 65,536 bytes, with a final line end."""
    blocks = _codes(list(located_in(mirror, report.findings)), MIRROR_CHECKS)
    return render_blocks("wheelfix mirror check", render_mirror_check_summary(report).strip(), blocks)


def _name(wheel: CheckedWheel) -> str:
    return str(wheel.url or wheel.source)


def _wheels(wheels: Sequence[CheckedWheel]) -> Iterator[Block]:
    """Yield the table of the wheels with findings, and the list of the others."""
    rows = [
        f"| {as_code(_name(each), in_table=True)} | "
        + " | ".join(str(each.count(severity) or "") for severity in Severity)
        + " |"
        for each in wheels
        if each.findings
    ]
    valid = [f"- {as_code(_name(each))}" for each in wheels if not each.findings]
    if rows:
        heads = [f"{severity}s" for severity in Severity]
        yield "tables", f"| wheel | {' | '.join(heads)} |\n|---{'|---:' * len(heads)}|\n{some_lines(rows, after=chr(10))}"
    if valid:
        yield "lists", folded(f"{counted(len(valid), 'wheel')} without findings", some_lines(valid, MOST_ROWS))


def _codes(found: Sequence[tuple[str, Finding]], checks: Mapping[str, Check]) -> Iterator[Block]:
    """Yield what was found by code, errors first: where, who is affected, what to do."""
    order = list(Severity)
    kinds = Counter((finding.severity, finding.code) for _, finding in found)
    for severity, code in sorted(kinds, key=lambda kind: order.index(kind[0])):
        alike = [(name, each) for name, each in found if (each.severity, each.code) == (severity, code)]
        lines = [f"- {as_code(name)}: {as_text(str(each))}{_note(each)}" for name, each in alike]
        parts = [
            f"### {severity}: {as_code(code)} ({len(alike)})",
            some_lines(lines, _MOST_ALIKE).rstrip(),
            *_advice(code, checks, alike),
        ]
        yield "kinds of findings", "\n\n".join(parts) + "\n"


def _note(finding: Finding) -> str:
    if not finding.fixable:
        return ""
    return f" ({how_fixable(finding) if finding.code in CHECKS else 'fixable with --fix'})"


def _advice(code: str, checks: Mapping[str, Check], alike: Iterable[tuple[str, Finding]]) -> Iterator[str]:
    consequence = next((finding.consequence for _, finding in alike if finding.consequence), "")
    if consequence:
        yield _with_code(consequence)
    if code in checks and checks[code].remedy:
        yield f"help: {_with_code(checks[code].remedy)}"


def _with_code(text: str) -> str:
    """Return a sentence of ours, in which backticks mark what is typed.

    >>> _with_code("Run `wheelfix fix *.whl`, or leave it.")
    'Run `wheelfix fix *.whl`, or leave it.'
    """
    parts = text.split("`")
    return "".join(as_code(part) if number % 2 else as_text(part) for number, part in enumerate(parts))
