"""Findings as SARIF, which code scanning services and editors read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wheelfix.codes import Check
from wheelfix.reports.findings import located_in
from wheelfix.reports.json import encode
from wheelfix.results import Finding, VerifyReport
from wheelfix.text import shown
from wheelfix.verify.registry import CHECKS
from wheelfix.version import HOME_PAGE, REFERENCE, __version__

if TYPE_CHECKING:
    from wheelfix.mirror.registry import MirrorCheckReport

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_URL: Final = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def render_verify_sarif(report: VerifyReport) -> str:
    """Return the findings of wheels as a SARIF log."""
    findings = [(str(wheel.url or wheel.source), finding) for wheel in report.wheels for finding in wheel.findings]
    return render_sarif(findings, CHECKS, page="checks.md")


def render_mirror_check_sarif(mirror: str, report: "MirrorCheckReport") -> str:
    """Return the findings of a mirror or an index as a SARIF log."""
    from wheelfix.mirror.registry import MIRROR_CHECKS  # imported late: verify needs no mirror

    return render_sarif(located_in(mirror, report.findings), MIRROR_CHECKS, page="mirror-checks.md")


def render_sarif(findings: Iterable[tuple[str, Finding]], checks: Mapping[str, Check], *, page: str) -> str:
    """Return ``findings``, which come with the path or URL of their file, as a SARIF log with a final line end.

    Only those of ``checks`` are listed as rules that have a finding; ``page`` of the documentation explains them.
    """
    findings = list(findings)
    codes = [code for code in checks if code in {each.code for _, each in findings}]
    driver = {
        "name": "wheelfix",
        "version": __version__,
        "informationUri": HOME_PAGE,
        "rules": [_rule(checks[code], page) for code in codes],
    }
    results = [_result(path, each, codes.index(each.code)) for path, each in findings]
    return encode({"$schema": _SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]})


def _rule(check: Check, page: str) -> dict[str, Any]:
    return {
        "id": check.code,
        "shortDescription": {"text": check.meaning},
        "help": {"text": check.remedy or check.consequence or check.meaning},
        "helpUri": f"{REFERENCE}{page}#{check.code}",
        "defaultConfiguration": {"level": check.severity.value},
    }


def _result(path: str, finding: Finding, index: int) -> dict[str, Any]:
    location: dict[str, Any] = {
        # A wheel has no lines, but GitHub shows only results that have one.
        "physicalLocation": {"artifactLocation": {"uri": _uri(path)}, "region": {"startLine": 1}}
    }
    if finding.place:
        location["logicalLocations"] = [{"fullyQualifiedName": shown(finding.place)}]
    return {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": finding.severity.value,
        "message": {"text": shown(str(finding))},
        "locations": [location],
    }


def _uri(path: str) -> str:
    """Return ``path`` as a URI: relative where it is, and a URL as it is.

    >>> _uri("dist/a b.whl"), _uri("/tmp/a.whl"), _uri("https://example.org/a.whl")
    ('dist/a%20b.whl', 'file:///tmp/a.whl', 'https://example.org/a.whl')
    """
    if _URL.match(path):
        return path
    uri = Path("/", path).as_uri()
    return uri if Path(path).is_absolute() else uri.removeprefix("file:///")
