"""The narration: what a person reads."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from counting import count_calls
from wheelfix.reports.text import (
    NORMAL,
    QUIET,
    VERBOSE,
    render_outcome,
    render_problem,
    render_rule_findings,
    render_summary,
)
from wheelfix.results import Change, Finding, Outcome, Problem, Report, Severity, Status
from wheelfix.rules.registry import RulePlace

DROP = Change("Requires-Dist", "drop", "triton", None, "gpu/triton", None, "a compiler")
KEEP = Change("Requires-Dist", "keep", "mkl", "mkl", "gpu/never", None, "math")
FIXED = Outcome(
    Path("a.whl"), Status.FIXED, Path("fixed/a.whl"), "a", "1", (DROP, DROP), (KEEP,), ("note it.",), "1" * 64, "2" * 64
)
PLAIN = Outcome(Path("b.whl"), Status.UNCHANGED, Path("fixed/b.whl"))
REFUSED = Outcome(Path("c.whl"), Status.REFUSED, problem=Problem("code", "it is bad", "Build it again."))
FAULT = Finding("record-bad-row", Severity.ERROR, "row 1", "it has two columns", fixable=False)

TOLD = [
    (FIXED, QUIET, False, ""),
    (FIXED, NORMAL, False,
     "a.whl: 2 requirements dropped\n  - Requires-Dist: triton\n  - Requires-Dist: triton\n  note: note it.\n"),
    (replace(FIXED, changes=(DROP,), notes=()), NORMAL, True,
     "a.whl: 1 requirement would be dropped\n  - Requires-Dist: triton\n"),
    (PLAIN, QUIET, False, ""),
    (PLAIN, NORMAL, False, "b.whl: unchanged: no rule matches\n"),
    (replace(PLAIN, kept=(KEEP,)), NORMAL, False,
     "b.whl: unchanged: nothing to change (1 requirement kept by rules)\n"),
    (replace(PLAIN, findings=(FAULT,)), NORMAL, False, "b.whl: nothing fixed; 1 finding remains\n"),
    (replace(PLAIN, findings=(FAULT, FAULT)), NORMAL, False, "b.whl: nothing fixed; 2 findings remain\n"),
    (REFUSED, QUIET, False, "error[code]: c.whl not changed: it is bad\n  help: Build it again.\n"),
    (REFUSED, VERBOSE, True, "error[code]: c.whl not changed: it is bad\n  help: Build it again.\n"),
]  # fmt: skip


def test_what_remains_does_not_take_the_time_of_the_run() -> None:
    """The command line puts the time before the arrow."""
    report = Report("repair", (replace(PLAIN, findings=(FAULT, FAULT)),))
    assert render_summary(report, where="out/") == "Fixed 0 wheels, 1 unchanged, 0 refused (2 findings remain) -> out/\n"


@pytest.mark.parametrize(("outcome", "verbosity", "dry_run", "text"), TOLD)
def test_what_is_told(outcome: Outcome, verbosity: int, dry_run: bool, text: str) -> None:
    """Pitfall 13: rules that match nothing say so."""
    assert render_outcome(outcome, verbosity=verbosity, dry_run=dry_run) == text


def test_verbose_tells_reasons_and_sums_once() -> None:
    text = render_outcome(FIXED, verbosity=VERBOSE)
    assert text.count("gpu/triton: a compiler") == 1
    assert "kept mkl (gpu/never: math)" in text
    assert "1" * 64 in text
    assert "2" * 64 in text


def test_shared_blocks_are_reported_on_demand() -> None:
    shared = replace(FIXED, shared=4096)
    assert "4,096 bytes are shared with the original on the disk" in render_outcome(shared, verbosity=VERBOSE)
    assert "disk blocks" not in render_outcome(FIXED, verbosity=VERBOSE) + render_outcome(shared, verbosity=NORMAL)


CHANGES = [
    (Change("NOTICE", "add-file", None, None), "  + NOTICE\n"),
    (Change("RECORD.jws", "remove-file", None, None, reason="void"), "  - RECORD.jws (void)\n"),
    (Change("top_level.txt", "replace-file", None, None), "  ~ top_level.txt\n"),
    (Change("demo/x.py", "remove-payload-file", None, None, "rule", reason="removed on request"), "  - demo/x.py\n"),
    (Change("METADATA", "fix-line-ends", None, None, reason="metadata-line-ends"), "  ~ METADATA (metadata-line-ends)\n"),
    (Change("NOTICE", "of-a-later-version", None, None, reason="why"), "  of-a-later-version NOTICE: why\n"),
    (Change("Summary", "set-field", None, "s"), "  + Summary: s\n"),
    (Change("Summary", "set-field", "r", "s"), "  ~ Summary: r -> s\n"),
    (Change("Classifier", "remove-field", "c", None), "  - Classifier: c\n"),
]


@pytest.mark.parametrize(("change", "line"), CHANGES)
def test_other_changes(change: Change, line: str) -> None:
    text = render_outcome(replace(FIXED, changes=(change,), notes=()))
    assert text == f"a.whl: 1 change\n{line}"


def test_requirements_and_other_changes_are_counted_apart() -> None:
    text = render_outcome(replace(FIXED, changes=(DROP, CHANGES[0][0], CHANGES[1][0])))
    assert text.startswith("a.whl: 1 requirement dropped, 2 other changes\n")


@pytest.mark.parametrize("verbosity", [NORMAL, VERBOSE])
def test_control_characters_are_escaped(verbosity: int) -> None:
    """Pitfall 29: what comes from the wheel cannot drive the terminal."""
    evil = "\x1b[2J\u202e\x07"
    change = Change("Requires-Dist", "drop", evil, evil, "rule", None, "reason")
    outcome = replace(FIXED, source=Path(evil), changes=(change, replace(change, after=None)), kept=(change,))
    bad = replace(REFUSED, source=Path(evil), problem=Problem("x", evil, evil))
    for text in (render_outcome(outcome, verbosity=verbosity), render_outcome(bad, verbosity=verbosity)):
        assert not {"\x1b", "\u202e", "\x07"} & set(text)


def test_the_summary_counts() -> None:
    report = Report("strip-gpu", (FIXED, FIXED, PLAIN, REFUSED))
    assert render_summary(report) == "Fixed 2 wheels, 1 unchanged, 1 refused\n"
    assert render_summary(report, dry_run=True) == "Would fix 2 wheels, 1 unchanged, 1 refused\n"


@pytest.mark.parametrize("verbosity", [NORMAL, VERBOSE])
def test_many_rows_take_time_in_proportion(verbosity: int) -> None:
    """Pitfall 42: a hostile RECORD can have any number of rows."""

    def work(count: int) -> int:
        rows = tuple(Change("RECORD", "remove-row", f"demo/gone{number}.py,,", None) for number in range(count))
        return count_calls(lambda: render_outcome(replace(FIXED, changes=rows), verbosity=verbosity))

    assert work(4_000) < 3 * work(2_000)


def test_of_many_rows_the_first_are_shown() -> None:
    rows = tuple(Change("RECORD", "remove-row", "demo/gone.py,,", None) for _ in range(8))
    lines = render_outcome(replace(FIXED, changes=(*rows, DROP), notes=())).splitlines()
    assert lines[1:] == ["  - RECORD: demo/gone.py,,"] * 5 + [
        "  - Requires-Dist: triton", "  ... 3 more rows of RECORD (use -v to show all)",
    ]  # fmt: skip


def test_of_thousands_of_rules_that_applied_to_nothing_the_first_are_named() -> None:
    message = "applied to nothing in this run"
    findings = [RulePlace("mine.toml", f"r{number}").finding("rule-unused", message) for number in range(3000)]
    lines = render_rule_findings(findings).splitlines()
    assert lines[:2] == [f"warning[rule-unused]: mine.toml: rule r{number}: {message}" for number in range(2)]
    assert lines[5:] == ["... 2995 more rule-unused (--format json has all)"]


def test_a_name_is_not_repeated() -> None:
    url = "https://example.org/x.whl"
    problem = Problem("bad-answer", f"{url} answers 404", "Check the URL.")
    assert render_problem(f"{url} not shown", problem).startswith(f"error[bad-answer]: {url} not shown: it answers 404\n")
    assert render_problem("", problem).startswith(f"error[bad-answer]: {url} answers 404\n")
    assert render_problem("https://example.org/x not shown", problem).endswith(
        f"{url} answers 404\n  help: Check the URL.\n"
    )
