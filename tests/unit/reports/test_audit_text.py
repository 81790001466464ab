"""What ``verify`` found, as text and as annotations."""

import json
from pathlib import Path

from wheelfix.reports.verify import render_annotations, render_audit_json, render_audit_summary, render_inspection
from wheelfix.results import Fault, Inspection, Severity
from wheelfix.verify.run import Audit

ERROR = Fault("record-bad-row", Severity.ERROR, "row 1", "it has \x1b two columns\n", mendable=False)
WARNING = Fault("record-no-size", Severity.WARNING, "", "it has no size: 100 %", mendable=True)
NOTE = Fault("metadata-license-file-early", Severity.NOTE, "License-File", "x", mendable=False)
BOTH = Inspection(Path("a\x1b.whl"), (ERROR, WARNING))


def test_sound() -> None:
    assert render_inspection(Inspection(Path("a\n.whl"))) == "a\\n.whl: no findings\n"


def test_faults_with_their_count() -> None:
    assert render_inspection(BOTH).splitlines() == [
        "a\\x1b.whl: 1 error, 1 warning; repair can fix 1",
        "  error: record-bad-row: row 1: it has \\x1b two columns\\n",
        "  warning: record-no-size: it has no size: 100 % [fixable]",
    ]


def test_what_repair_must_be_told() -> None:
    trusted = Fault("record-wrong-hash", Severity.ERROR, "row 1", "x", mendable=True)
    asked = Fault("metadata-empty-extra", Severity.WARNING, "y", "z", mendable=True)
    head, *lines = render_inspection(Inspection(Path("a.whl"), (trusted, asked))).splitlines()
    assert head.endswith("; repair can fix 2 if asked to")
    assert [line.rpartition(" [")[2] for line in lines] == ["fixable with --trust-content]", "fixable if selected]"]
    assert render_inspection(Inspection(Path("a.whl"), (asked, WARNING))).partition("\n")[0].endswith("1 and 1 if asked to")


def test_many_alike() -> None:
    many = Inspection(Path("a.whl"), (ERROR,) * 7 + (WARNING,))
    lines = render_inspection(many).splitlines()
    assert len(lines) == 1 + 5 + 1 + 1
    assert lines[0] == "a.whl: 7 errors, 1 warning; repair can fix 1"
    assert lines[-1] == "  record-bad-row: 2 more, which -v shows"
    assert len(render_inspection(many, verbose=True).splitlines()) == 1 + 8


def test_summary() -> None:
    audit = Audit((BOTH, Inspection(Path("b.whl"))))
    assert render_audit_summary(audit) == "Checked 2 wheels: 1 error, 1 warning\n"
    audit = Audit((Inspection(Path("b.whl"), (NOTE, WARNING, WARNING), suppressed=7),))
    assert render_audit_summary(audit) == "Checked 1 wheel: 0 errors, 2 warnings, 1 note (7 suppressed)\n"


def test_text_and_json_count_the_same() -> None:
    audit = Audit((BOTH, Inspection(Path("b.whl"), (NOTE, NOTE), suppressed=3), Inspection(Path("c.whl"), suppressed=1)))
    summary = json.loads(render_audit_json(audit))["summary"]
    assert summary == {"wheels": 3, "errors": 1, "warnings": 1, "notes": 2, "suppressed": 4}
    assert render_audit_summary(audit) == "Checked 3 wheels: 1 error, 1 warning, 2 notes (4 suppressed)\n"


def test_suppressed_findings_are_counted_beside_the_others() -> None:
    one = Inspection(Path("a.whl"), (NOTE,), suppressed=2)
    assert render_inspection(one).splitlines()[0] == "a.whl: 1 note (2 suppressed by --select/--ignore)"
    assert render_inspection(Inspection(Path("a.whl"), suppressed=1)) == (
        "a.whl: no findings (1 suppressed by --select/--ignore)\n"
    )


def test_annotations() -> None:
    assert render_annotations(Audit((BOTH,))).splitlines() == [
        "::error file=a\\x1b.whl,title=record-bad-row::row 1: it has \\x1b two columns\\n",
        "::warning file=a\\x1b.whl,title=record-no-size::it has no size: 100 %25",
    ]
    refused = Fault("archive-entry-comment", Severity.ERROR, "x", "it has a comment", False, refused_by=("PyPI",))
    assert "::x: it has a comment (refused by PyPI)\n" in render_annotations(Audit((Inspection(Path("a.whl"), (refused,)),)))
    note = Audit((Inspection(Path("a.whl"), (NOTE,)),))
    assert render_annotations(note) == "::notice file=a.whl,title=metadata-license-file-early::License-File: x\n"


def test_json_is_ascii_whatever_the_path_holds() -> None:
    assert render_audit_json(Audit((Inspection(Path("a\udcff\u00fc.whl"), (ERROR,)),))).isascii()
