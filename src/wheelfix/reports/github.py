"""Findings as workflow commands of GitHub Actions, which shows them beside the run.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from wheelfix.reports.findings import located_in
from wheelfix.results import Finding, Severity, VerifyReport
from wheelfix.text import shown

if TYPE_CHECKING:
    from wheelfix.mirror.registry import MirrorCheckReport

_COMMANDS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
"""What GitHub calls the severities."""


def render_verify_github(report: VerifyReport) -> str:
    """Return the findings of wheels as annotations of their files."""
    return render_github((str(wheel.url or wheel.source), finding) for wheel in report.wheels for finding in wheel.findings)


def render_mirror_check_github(mirror: str, report: "MirrorCheckReport") -> str:
    """Return the findings of a mirror or an index as annotations of its files."""
    return render_github(located_in(mirror, report.findings))


def render_github(findings: Iterable[tuple[str, Finding]]) -> str:
    """Return a line for each of ``findings``, which come with the path of their file."""
    return "".join(
        f"::{_COMMANDS[each.severity]} file={_property(path)},title={_property(each.code)}::{_data(str(each))}\n"
        for path, each in findings
    )


def _data(text: str) -> str:
    return shown(text).replace("%", "%25")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
