"""What the checks found, as text, as JSON and as annotations for GitHub."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from wheelfix.reports.json import encode
from wheelfix.results import Fault, Inspection, Severity
from wheelfix.text import shown
from wheelfix.verify.registry import CHECKS, Mend
from wheelfix.verify.run import Audit

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
"""What GitHub calls the severities."""
_MOST_ALIKE = 5
"""How many faults of one code are shown of a wheel, unless all are asked for."""


def render_inspection(inspection: Inspection, *, verbose: bool = False) -> str:
    """Return the faults of one wheel in lines with line ends; of many alike the first five, unless ``verbose``."""
    name = shown(str(inspection.source))
    suppressed = f" ({inspection.suppressed} suppressed by --select/--ignore)" if inspection.suppressed else ""
    if not inspection.faults:
        return f"{name}: no findings{suppressed}\n"
    lines = [f"{name}: {_counts(inspection.faults)}{suppressed}"]
    seen = Counter[str]()
    for fault in inspection.faults:
        seen[fault.code] += 1
        if verbose or seen[fault.code] <= _MOST_ALIKE:
            lines.append(f"  {_line(fault)}")
    total = Counter(fault.code for fault in inspection.faults)
    if not verbose:
        lines += [
            f"  {code}: {count - _MOST_ALIKE} more, which -v shows" for code, count in total.items() if count > _MOST_ALIKE
        ]
    return "".join(f"{line}\n" for line in lines)


def _line(fault: Fault) -> str:
    mendable = f" [{_mendable(fault)}]" if fault.mendable else ""
    return shown(f"{fault.severity}: {fault.code}: {_sentence(fault)}{mendable}")


def _sentence(fault: Fault) -> str:
    """Return the place of a finding, what is wrong there, and who refuses the wheel for it."""
    place = f"{fault.place}: " if fault.place else ""
    refused = f" (refused by {', '.join(fault.refused_by)})" if fault.refused_by else ""
    return f"{place}{fault.message}{refused}"


def _mendable(fault: Fault) -> str:
    """Return whether ``repair`` fixes a finding unasked, or which option that takes."""
    mend = Mend.TRUSTED if fault.needs_trust else CHECKS[fault.code].mend
    return "fixable" if mend is Mend.YES else f"fixable {mend}"


def _counts(faults: Sequence[Fault]) -> str:
    count = Counter(fault.severity for fault in faults)
    words = [_number(count[each], each) for each in Severity if count[each]]
    freely = sum(fault.mendable and not fault.needs_trust and CHECKS[fault.code].mend is Mend.YES for fault in faults)
    asked = sum(fault.mendable for fault in faults) - freely
    can = [*([str(freely)] if freely else []), *([f"{asked} if asked to"] if asked else [])]
    return ", ".join(words) + (f"; repair can fix {' and '.join(can)}" if can else "")


def render_audit_summary(audit: Audit) -> str:
    """Return one line that counts wheels and findings; it has the numbers of the JSON document's summary.

    >>> render_audit_summary(Audit(()))
    'Checked 0 wheels: 0 errors, 0 warnings\\n'
    """
    words = [_number(audit.count(each), each) for each in Severity if each is not Severity.NOTE or audit.count(each)]
    suppressed = f" ({audit.suppressed} suppressed)" if audit.suppressed else ""
    return f"Checked {_number(len(audit.inspections), 'wheel')}: {', '.join(words)}{suppressed}\n"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def render_audit_json(audit: Audit) -> str:
    """Return the audit as JSON, version 1, with a final line end; its schema is docs/verify.schema.json."""
    return encode(
        {
            "version": 1,
            "command": "verify",
            "wheels": [
                {
                    "source": str(each.source),
                    "faults": [asdict(fault) for fault in each.faults],
                    "suppressed": each.suppressed,
                }
                for each in audit.inspections
            ],
            "summary": {
                "wheels": len(audit.inspections),
                **{f"{severity}s": audit.count(severity) for severity in Severity},
                "suppressed": audit.suppressed,
            },
        }
    )


def render_annotations(audit: Audit) -> str:
    """Return each fault as a workflow command of GitHub Actions, which shows it beside the run.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    return "".join(
        f"::{_COMMANDS[fault.severity]} file={_property(each.source)},title={_property(fault.code)}::"
        f"{_data(_sentence(fault))}\n"
        for each in audit.inspections
        for fault in each.faults
    )


def _data(text: str) -> str:
    return shown(text).replace("%", "%25")


def _property(value: object) -> str:
    return _data(str(value)).replace(":", "%3A").replace(",", "%2C")
