"""What ``verify`` found, as text and as JSON."""

import json
from pathlib import Path

from wheelfix.reports.verify import render_checked_wheel, render_verify_json, render_verify_summary
from wheelfix.results import CheckedWheel, Finding, Severity, VerifyReport

ERROR = Finding("record-bad-row", Severity.ERROR, "row 1", "it has \x1b two columns\n", fixable=False)
WARNING = Finding("record-no-size", Severity.WARNING, "", "it has no size: 100 %", fixable=True)
NOTE = Finding("metadata-license-file-early", Severity.NOTE, "License-File", "x", fixable=False)
BOTH = CheckedWheel(Path("a\x1b.whl"), (ERROR, WARNING))


def test_valid() -> None:
    assert render_checked_wheel(CheckedWheel(Path("a\n.whl"))) == "a\\n.whl: no findings\n"


def test_findings_with_their_count() -> None:
    assert render_checked_wheel(BOTH).splitlines() == [
        "a\\x1b.whl: 1 error, 1 warning; 1 fixable",
        "  error[record-bad-row]: row 1: it has \\x1b two columns\\n",
        "  warning[record-no-size]: it has no size: 100 % [fixable]",
    ]


def test_what_repair_must_be_reported() -> None:
    trusted = Finding("record-wrong-hash", Severity.ERROR, "row 1", "x", fixable=True)
    asked = Finding("metadata-empty-extra", Severity.WARNING, "y", "z", fixable=True)
    head, *lines = render_checked_wheel(CheckedWheel(Path("a.whl"), (trusted, asked))).splitlines()
    assert head.endswith("; 1 fixable if selected, 1 fixable with --trust-content")
    assert [line.rpartition(" [")[2] for line in lines] == ["fixable with --trust-content]", "fixable if selected]"]
    assert (
        render_checked_wheel(CheckedWheel(Path("a.whl"), (asked, WARNING)))
        .partition("\n")[0]
        .endswith("; 1 fixable, 1 fixable if selected")
    )


def test_many_alike() -> None:
    many = CheckedWheel(Path("a.whl"), (ERROR,) * 7 + (WARNING,))
    lines = render_checked_wheel(many).splitlines()
    assert len(lines) == 1 + 5 + 1 + 1
    assert lines[0] == "a.whl: 7 errors, 1 warning; 1 fixable"
    assert lines[-1] == "  ... 2 more record-bad-row (use -v to show all)"
    assert len(render_checked_wheel(many, verbose=True).splitlines()) == 1 + 8


def test_summary() -> None:
    report = VerifyReport((BOTH, CheckedWheel(Path("b.whl"))))
    assert render_verify_summary(report) == "Checked 2 wheels: 1 error, 1 warning\n"
    report = VerifyReport((CheckedWheel(Path("b.whl"), (NOTE, WARNING, WARNING), suppressed=7),))
    assert render_verify_summary(report) == "Checked 1 wheel: 0 errors, 2 warnings, 1 note (7 suppressed)\n"


def test_text_and_json_count_the_same() -> None:
    report = VerifyReport(
        (BOTH, CheckedWheel(Path("b.whl"), (NOTE, NOTE), suppressed=3), CheckedWheel(Path("c.whl"), suppressed=1))
    )
    summary = json.loads(render_verify_json(report))["summary"]
    assert summary == {"wheels": 3, "errors": 1, "warnings": 1, "notes": 2, "suppressed": 4}
    assert render_verify_summary(report) == "Checked 3 wheels: 1 error, 1 warning, 2 notes (4 suppressed)\n"


def test_suppressed_findings_are_counted_beside_the_others() -> None:
    one = CheckedWheel(Path("a.whl"), (NOTE,), suppressed=2)
    assert render_checked_wheel(one).splitlines()[0] == "a.whl: 1 note (2 suppressed by --select/--ignore)"
    assert render_checked_wheel(CheckedWheel(Path("a.whl"), suppressed=1)) == (
        "a.whl: no findings (1 suppressed by --select/--ignore)\n"
    )


def test_json_is_ascii_whatever_the_path_holds() -> None:
    assert render_verify_json(VerifyReport((CheckedWheel(Path("a\udcff\u00fc.whl"), (ERROR,)),))).isascii()
