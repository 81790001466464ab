"""Findings as Markdown: a table, each code once with what to do, nothing that leaves its place, and never too long."""

from pathlib import Path

import pytest

from places import ROOT
from running import wheelfix
from unit.reports.test_markdown import HOSTILE, LARGEST, of_kind
from wheelfix.mirror.registry import MIRROR_CHECKS, MirrorCheckReport
from wheelfix.reports.findings_markdown import render_mirror_check_markdown, render_verify_markdown
from wheelfix.results import CheckedWheel, Finding, Severity, VerifyReport
from wheelfix.verify.registry import CHECKS

SAMPLES = ROOT / "sample_wheels"


def test_the_sample_wheels() -> None:
    ran = wheelfix("verify", "--format", "markdown", SAMPLES)
    assert ran.code == 1
    titles = [line for line in ran.out.splitlines() if line.startswith("### ")]
    assert titles == [
        "### error: `metadata-not-utf8` (1)",
        "### warning: `metadata-no-content-type` (8)",
        "### warning: `metadata-repeated-requirement` (1)",
        "### note: `metadata-license-file-early` (2)",
    ]
    assert ran.out.startswith("## wheelfix verify\n\nChecked 12 wheels: 1 error, 9 warnings, 2 notes\n\n| wheel |")
    assert ran.out.count("\n- and 3 more\n") == 1
    assert "with `wheelfix fix`." in ran.out
    rows = of_kind(ran.out, "tr_open")
    assert len(rows) == 1 + 11
    assert "1 wheel without findings" in ran.out


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_leaves_its_place(hostile: str) -> None:
    findings = tuple(
        Finding(code, Severity.ERROR, hostile, hostile, consequence=hostile, hint=hostile)
        for code in ("x", "record-bad-row")
    )
    tame = tuple(Finding(code, Severity.ERROR, "a", "a", consequence="a", hint="a") for code in ("x", "record-bad-row"))
    shapes = []
    for name, found in ((hostile, findings), ("a", tame)):
        wheel = Path("dir") / (name.replace("/", "") + ".whl")
        text = render_verify_markdown(VerifyReport((CheckedWheel(wheel, found), CheckedWheel(wheel))))
        mirror = render_mirror_check_markdown(name, MirrorCheckReport(found, 1, 1))
        shapes.append([each.type for part in (text, mirror) for each in of_kind(part, *BLOCKS)])
        assert not of_kind(text + mirror, "link_open", "image", "em_open", "strong_open", "fence")
        inline = {each.content for each in of_kind(text + mirror, "html_inline")}
        assert inline <= {"<!-- -->", "<span>", "</span>"}
    assert shapes[0] == shapes[1]


BLOCKS = (
    "html_block",
    "heading_open",
    "bullet_list_open",
    "list_item_open",
    "tr_open",
    "td_open",
    "paragraph_open",
    "ordered_list_open",
)


def test_a_report_fits_into_a_comment_and_says_what_was_cut() -> None:
    codes = [*CHECKS][:150]
    findings = tuple(Finding(code, Severity.ERROR, "p" * 300, "m" * 300) for code in codes for _ in range(9))
    text = render_verify_markdown(VerifyReport(tuple(CheckedWheel(Path(f"{n}.whl"), findings) for n in range(9))))
    assert len(text.encode()) <= LARGEST
    assert "more kinds of findings" in text


def test_a_mirror_says_who_is_affected_and_what_to_do() -> None:
    code, check = next((code, check) for code, check in MIRROR_CHECKS.items() if check.remedy and check.consequence)
    found = check.finding("public/simple/demo", "it is so", fixable=True)
    text = render_mirror_check_markdown("mirror", MirrorCheckReport((found,), 1, 1))
    assert f"### {check.severity}: `{code}` (1)\n\n- `mirror/public/simple/demo`: " in text
    assert "(fixable with --fix)" in text
    assert "\nhelp: " in text
