"""What the checks found, as text, as JSON and as annotations for GitHub."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from wheelfix.codes import Fix
from wheelfix.reports.json import encode
from wheelfix.results import CheckedWheel, Finding, Severity, VerifyReport
from wheelfix.text import shown
from wheelfix.verify.registry import CHECKS

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
"""What GitHub calls the severities."""
_MOST_ALIKE = 5
"""How many findings of one code are shown of a wheel, unless all are asked for."""


def render_checked_wheel(wheel: CheckedWheel, *, verbose: bool = False) -> str:
    """Return the findings of one wheel in lines with line ends; of many alike the first five, unless ``verbose``."""
    name = shown(str(wheel.source))
    suppressed = f" ({wheel.suppressed} suppressed by --select/--ignore)" if wheel.suppressed else ""
    if not wheel.findings:
        return f"{name}: no findings{suppressed}\n"
    lines = [f"{name}: {_counts(wheel.findings)}{suppressed}"]
    seen = Counter[str]()
    for finding in wheel.findings:
        seen[finding.code] += 1
        if verbose or seen[finding.code] <= _MOST_ALIKE:
            lines.append(f"  {_line(finding)}")
    total = Counter(finding.code for finding in wheel.findings)
    if not verbose:
        lines += [
            f"  {code}: {count - _MOST_ALIKE} more, which -v shows" for code, count in total.items() if count > _MOST_ALIKE
        ]
    return "".join(f"{line}\n" for line in lines)


def _line(finding: Finding) -> str:
    fixable = f" [{_fixable(finding)}]" if finding.fixable else ""
    return shown(f"{finding.severity}: {finding.code}: {_sentence(finding)}{fixable}")


def _sentence(finding: Finding) -> str:
    """Return the place of a finding, what is wrong there, and who refuses the wheel for it."""
    place = f"{finding.place}: " if finding.place else ""
    refused = f" (refused by {', '.join(finding.refused_by)})" if finding.refused_by else ""
    return f"{place}{finding.message}{refused}"


def _fixable(finding: Finding) -> str:
    """Return whether ``repair`` fixes a finding unasked, or which option that takes."""
    fix = Fix.TRUSTED if finding.needs_trust else CHECKS[finding.code].fix
    return "fixable" if fix is Fix.YES else f"fixable {fix}"


def _counts(findings: Sequence[Finding]) -> str:
    count = Counter(finding.severity for finding in findings)
    words = [_number(count[each], each) for each in Severity if count[each]]
    freely = sum(finding.fixable and not finding.needs_trust and CHECKS[finding.code].fix is Fix.YES for finding in findings)
    asked = sum(finding.fixable for finding in findings) - freely
    can = [*([str(freely)] if freely else []), *([f"{asked} if asked to"] if asked else [])]
    return ", ".join(words) + (f"; repair can fix {' and '.join(can)}" if can else "")


def render_verify_summary(report: VerifyReport) -> str:
    """Return one line that counts wheels and findings; it has the numbers of the JSON document's summary.

    >>> render_verify_summary(VerifyReport(()))
    'Checked 0 wheels: 0 errors, 0 warnings\\n'
    """
    words = [_number(report.count(each), each) for each in Severity if each is not Severity.NOTE or report.count(each)]
    suppressed = f" ({report.suppressed} suppressed)" if report.suppressed else ""
    return f"Checked {_number(len(report.wheels), 'wheel')}: {', '.join(words)}{suppressed}\n"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def render_verify_json(report: VerifyReport) -> str:
    """Return the report as JSON, version 1, with a final line end; its schema is docs/verify.schema.json."""
    return encode(
        {
            "version": 1,
            "command": "verify",
            "wheels": [
                {
                    "source": str(each.source),
                    "findings": [asdict(finding) for finding in each.findings],
                    "suppressed": each.suppressed,
                }
                for each in report.wheels
            ],
            "summary": {
                "wheels": len(report.wheels),
                **{f"{severity}s": report.count(severity) for severity in Severity},
                "suppressed": report.suppressed,
            },
        }
    )


def render_annotations(report: VerifyReport) -> str:
    """Return each finding as a workflow command of GitHub Actions, which shows it beside the run.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    return "".join(
        f"::{_COMMANDS[finding.severity]} file={_property(each.source)},title={_property(finding.code)}::"
        f"{_data(_sentence(finding))}\n"
        for each in report.wheels
        for finding in each.findings
    )


def _data(text: str) -> str:
    return shown(text).replace("%", "%25")


def _property(value: object) -> str:
    return _data(str(value)).replace(":", "%3A").replace(",", "%2C")
