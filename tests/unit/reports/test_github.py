"""Findings as annotations of a workflow run."""

from pathlib import Path

from wheelfix.reports.github import render_verify_github
from wheelfix.results import CheckedWheel, Finding, Severity, VerifyReport

ERROR = Finding("record-bad-row", Severity.ERROR, "row 1", "it has \x1b two columns\n")
WARNING = Finding("record-no-size", Severity.WARNING, "", "it has no size: 100 %")
NOTE = Finding("metadata-license-file-early", Severity.NOTE, "License-File", "x")


def rendered(path: str, *findings: Finding) -> list[str]:
    return render_verify_github(VerifyReport((CheckedWheel(Path(path), findings),))).splitlines()


def test_each_finding_is_a_command() -> None:
    assert rendered("a\x1b.whl", ERROR, WARNING) == [
        "::error file=a\\x1b.whl,title=record-bad-row::row 1: it has \\x1b two columns\\n",
        "::warning file=a\\x1b.whl,title=record-no-size::it has no size: 100 %25",
    ]


def test_a_note_is_a_notice() -> None:
    assert rendered("a.whl", NOTE) == ["::notice file=a.whl,title=metadata-license-file-early::License-File: x"]


def test_who_refuses_the_wheel_is_said() -> None:
    refused = Finding("archive-entry-comment", Severity.ERROR, "x", "it has a comment", refused_by=("PyPI",))
    assert rendered("a.whl", refused)[0].endswith("::x: it has a comment (refused by PyPI)")


def test_a_path_cannot_end_its_property() -> None:
    assert rendered("a,b::%0A.whl", NOTE)[0].startswith("::notice file=a%2Cb%3A%3A%250A.whl,title=")
