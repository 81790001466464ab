"""What ``verify`` found: by code, with what each code means and how to fix it, and by wheel."""

from collections.abc import Sequence
from typing import Final

from wheelfix.html.components import badge, code, row, table
from wheelfix.html.markup import Html, joined
from wheelfix.reports.codes import REGISTRY
from wheelfix.reports.html.findings import finding_filters, findings_by_code, severity_figures
from wheelfix.reports.html.parts import (
    MOST_ROWS,
    limited,
    render_page,
    section,
    severity_badges,
    tag,
)
from wheelfix.reports.verify import render_verify_summary
from wheelfix.results import CheckedWheel, Severity, VerifyReport
from wheelfix.text import counted

_NONE: Final = "no findings"


def render_verify_html(report: VerifyReport) -> str:
    """Return the findings of wheels as one HTML page with a final line end."""
    found = [(_name(wheel), finding) for wheel in report.wheels for finding in wheel.findings]
    figures = [(f"{len(report.wheels):,}", "wheels" if len(report.wheels) != 1 else "wheel", "plain")]
    valid = sum(not each.findings and not each.suppressed for each in report.wheels)
    figures.append((f"{valid:,}", "without findings", "good"))
    figures += [(f"{report.suppressed:,}", "suppressed", "plain")] if report.suppressed else []
    sections = [
        section("Findings", *findings_by_code(found, REGISTRY["wheelfix verify"]), id="findings"),
        section("Wheels", *_wheels(report.wheels), id="wheels"),
    ]
    return render_page(
        "verify",
        render_verify_summary(report).strip(),
        [*figures, *severity_figures(found)],
        finding_filters(found),
        sections,
    )


def _name(wheel: CheckedWheel) -> str:
    return str(wheel.url or wheel.source)


def _wheels(wheels: Sequence[CheckedWheel]) -> list[Html]:
    """Return all wheels, those with errors first."""
    ordered = sorted(wheels, key=lambda each: tuple(-each.count(severity) for severity in Severity))
    rows, rest = limited(ordered, _wheel, MOST_ROWS, things="wheels")
    return [table(counted(len(wheels), "wheel"), ("Wheel", "Findings", "Codes"), rows), rest] if rows else []


def _wheel(wheel: CheckedWheel) -> Html:
    words = severity_badges(wheel.findings)
    words += [badge(f"{wheel.suppressed:,} suppressed")] if wheel.suppressed else []
    codes = list(dict.fromkeys(each.code for each in wheel.findings))
    none = _NONE if not wheel.suppressed else "suppressed"
    return row(
        code(_name(wheel)),
        joined(words or [badge(_NONE, "good")], " "),
        joined(map(code, codes), ", "),
        data_item=True,
        data_severity=tag(*(each.severity for each in wheel.findings)) if wheel.findings else tag(none),
        data_code=tag(*codes) if codes else tag(none),
    )
