"""What ``verify`` found, as text and as JSON."""

from collections import Counter
from collections.abc import Sequence

from wheelfix.codes import Fix
from wheelfix.reports.findings import finding_lines
from wheelfix.reports.json import document
from wheelfix.results import CheckedWheel, Finding, Severity, VerifyReport
from wheelfix.text import counted, shown
from wheelfix.verify.registry import CHECKS


def render_checked_wheel(wheel: CheckedWheel, *, verbose: bool = False) -> str:
    """Return the findings of one wheel in lines with line ends; of many alike the first five, unless ``verbose``."""
    name = shown(str(wheel.url or wheel.source))
    suppressed = f" ({wheel.suppressed} suppressed by --select/--ignore)" if wheel.suppressed else ""
    if not wheel.findings:
        return f"{name}: no findings{suppressed}\n"
    lines = [f"{name}: {_counts(wheel.findings)}{suppressed}"]
    lines += [f"  {line}" for line in finding_lines(wheel.findings, verbose=verbose, note=_fixable)]
    return "".join(f"{line}\n" for line in lines)


def _fixable(finding: Finding) -> str:
    return f" [{how_fixable(finding)}]" if finding.fixable else ""


def how_fixable(finding: Finding) -> str:
    """Return how ``repair`` fixes a finding: unasked, or with which option."""
    fix = Fix.TRUSTED if finding.needs_trust else Fix.REBUILT if finding.needs_rebuild else CHECKS[finding.code].fix
    return "fixable" if fix is Fix.YES else f"fixable {fix}"


def _counts(findings: Sequence[Finding]) -> str:
    """Return how many findings there are of each severity, and how many ``repair`` can fix.

    >>> _counts([CHECKS["metadata-empty-extra"].finding("x", "y", fixable=True)])
    '1 warning; 1 fixable if selected'
    """
    severities = Counter(finding.severity for finding in findings)
    fixes = Counter(how_fixable(finding) for finding in findings if finding.fixable)
    words = [counted(severities[each], each) for each in Severity if severities[each]]
    can = [f"{fixes[how]} {how}" for how in sorted(fixes)]
    return ", ".join(words) + (f"; {', '.join(can)}" if can else "")


def render_verify_summary(report: VerifyReport) -> str:
    """Return one line that counts wheels and findings; it has the numbers of the JSON document's summary.

    >>> render_verify_summary(VerifyReport(()))
    'Checked 0 wheels: 0 errors, 0 warnings\\n'
    """
    words = [counted(report.count(each), each) for each in Severity if each is not Severity.NOTE or report.count(each)]
    suppressed = f" ({report.suppressed} suppressed)" if report.suppressed else ""
    return f"Checked {counted(len(report.wheels), 'wheel')}: {', '.join(words)}{suppressed}\n"


def render_next_steps(report: VerifyReport) -> str:
    """Return the line before the summary that says what to do about errors and warnings, empty where there are none.

    >>> render_next_steps(VerifyReport(()))
    ''
    """
    found = [each for wheel in report.wheels for each in wheel.findings if each.severity is not Severity.NOTE]
    if not found:
        return ""
    codes = {each.code for each in found}
    fixable = sum(each.fixable and how_fixable(each) == "fixable" for each in found)
    repair = f"; `wheelfix repair` fixes {fixable} of {len(found)}" if fixable else ""
    return f"help: `wheelfix explain {codes.pop() if len(codes) == 1 else 'CODE'}` says how to fix it{repair}\n"


def render_verify_json(report: VerifyReport) -> str:
    """Return the report as JSON, version 1, with a final line end; its schema is docs/schemas/verify.schema.json."""
    severities = {f"{severity}s": report.count(severity) for severity in Severity}
    summary = {"wheels": len(report.wheels), **severities, "suppressed": report.suppressed}
    return document("verify", wheels=report.wheels, summary=summary)
