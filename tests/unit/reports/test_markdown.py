"""Runs as Markdown: each distinct change once, nothing that leaves its place, and never too long for a comment."""

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from building import write_wheel
from places import ROOT
from running import wheelfix
from wheelfix.reports.markdown import render_markdown
from wheelfix.results import (
    AppliedRule,
    Change,
    ChangeAction,
    Disagreement,
    Finding,
    Outcome,
    Problem,
    Published,
    PublishReport,
    PublishStatus,
    Report,
    Severity,
    Status,
    Verdict,
)
from wheelfix.wheel.editor import REQUIRES

LARGEST = 65_536
SAMPLES = ROOT / "sample_wheels"
GOLDEN = Path(__file__).with_name("review.md")
HOSTILE = (
    "`", "``` `` ~~~", "</details>", "<script>x</script>", "a|b", "[x](https://example.org)", "@octo see #12", "**b**",
    "![i](x)", "https://example.org/x", "www.example.org", "# head", "- item", "1. one", "&lt;", "\\", "a\nb", "\u202eabc",
    "\udcff", "a" * 9000, "x@example.org", "$x$", "GH-12 gh-3", ":smile:", "c0ffee" * 6 + "abcd",
)  # fmt: skip


def tokens(text: str) -> list[Token]:
    """Return what a reader of GitHub's tables and CommonMark finds, the tokens inside lines included."""
    found = MarkdownIt("commonmark").enable("table").parse(text)
    return [inner for each in found for inner in (each, *(each.children or ()))]


def of_kind(text: str, *kinds: str) -> list[Token]:
    return [each for each in tokens(text) if each.type in kinds]


def outcome(name: str = "demo-1.0-py3-none-any.whl", text: str = "gpu", **more: object) -> Outcome:
    change = Change(
        REQUIRES, ChangeAction.DROP, text, None, "rule", Verdict.SAFE, "not needed", f"no binary links to {text}"
    )
    row = Change("RECORD", ChangeAction.ADD_ROW, None, text)
    diff = f"--- a/{name}/METADATA\n+++ b/{name}/METADATA\n@@ -1,1 +1,0 @@\n-Requires-Dist: {text}\n"
    values = {"changes": (change, row), "metadata_diff": diff, "output": Path("fixed") / "x.whl", **more}
    return Outcome(Path("dir") / name, Status.FIXED, **values)  # type: ignore[arg-type]


def test_the_review_of_the_sample_wheels() -> None:
    ran = wheelfix("strip-gpu", "--allow-mixed", "--skip-unproven", "--diff", "--format", "markdown", SAMPLES)
    assert ran.out == GOLDEN.read_text("utf-8")
    assert len(of_kind(ran.out, "fence")) == ran.out.count("### Change ")


def test_each_distinct_change_is_there_once(tmp_path: Path) -> None:
    names = [f"demo-1.0-cp3{number}-none-any.whl" for number in range(1, 9)]
    report = Report("fix", (*map(outcome, names), outcome("other-1.0-py3-none-any.whl", "cuda")))
    text = render_markdown(report)
    assert "### Change 1 of 2: 8 wheels" in text
    assert "### Change 2 of 2: 1 wheel" in text
    assert "and 3 more" in text
    assert [each.info for each in of_kind(text, "fence")] == ["diff", "diff"]
    assert "- `+ RECORD: gpu`" in text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_leaves_its_place(hostile: str) -> None:
    problem = Problem("code", f"it is {hostile}", f"help {hostile}", hostile)
    finding = Finding("some-code", Severity.ERROR, hostile, hostile, hint=hostile)
    rule = AppliedRule("rule", hostile, f"{hostile}.toml", "https://example.org/) [x](https://evil.org")
    report = Report(
        "fix",
        (
            outcome(f"{hostile}-1.0-py3-none-any.whl".replace("/", ""), hostile, notes=(hostile,), findings=(finding,)),
            Outcome(Path("other.whl"), Status.REFUSED, problem=problem),
            Outcome(Path("same.whl"), Status.UNCHANGED),
        ),
        (finding,),
        (Disagreement("demo", hostile, hostile, (), ()),),
        (rule,),
    )
    text = render_markdown(
        report, PublishReport("fix", Path("m"), (Published(None, PublishStatus.ADDED, filename=hostile),))
    )
    text.encode()
    links = [each.attrs["href"] for each in of_kind(text, "link_open")]
    assert links == ["https://example.org/%29%20%5Bx%5D%28https://evil.org"]
    html = "".join(each.content for each in of_kind(text, "html_block", "html_inline"))
    assert re.sub(r"<!-- -->|<span></span>|</?details>|</?summary>|\s", "", html).removeprefix("1wheelunchanged") == ""
    assert len(of_kind(text, "fence")) == 1
    assert [each.type for each in of_kind(text, "image", "strong_open", "em_open", "s_open")] == ["strong_open"]
    headings = [
        after.content for each, after in zip(tokens(text), tokens(text)[1:], strict=False) if each.type == "heading_open"
    ]
    assert headings == ["wheelfix fix", "Not changed", "Change 1 of 1: 1 wheel", "Notes", "Published"]
    assert len(of_kind(text, "td_open")) == 3 * 2
    texts = [each.content for each in of_kind(text, "text")]
    assert not [each for each in texts if re.search(r"@\w|#\d|https?://|www\.", each)], "an autolink, a mention, a reference"


def test_a_report_always_fits_into_a_comment() -> None:
    many = tuple(outcome(f"demo{number}-1.0-py3-none-any.whl", f"gpu-{number}" + "ü" * 300) for number in range(700))
    refused = tuple(
        Outcome(Path(f"r{number}.whl"), Status.REFUSED, problem=Problem("code", f"reason {number} " + "x" * 900, ""))
        for number in range(300)
    )
    text = render_markdown(Report("fix", (*many, *refused)))
    assert LARGEST // 2 < len(text.encode()) <= LARGEST
    found = re.search(r"_Cut, to fit into a comment: (\d+) more refused wheels, (\d+) more changes\.", text)
    assert found is not None
    assert int(found[2]) + text.count("### Change ") == 700
    assert int(found[1]) + text.count("**reason ") == 300
    assert text.count("```") % 2 == 0


def test_one_long_diff_is_cut_and_says_so() -> None:
    lines = "".join(f"-Requires-Dist: gpu-{number}\n" for number in range(5000))
    text = render_markdown(Report("fix", (outcome(metadata_diff=f"--- a\n+++ b\n@@ -1,5000 +0,0 @@\n{lines}"),)))
    assert "... and 4803 more lines" in text
    assert len(text.encode()) < LARGEST


def test_words_of_a_run_that_wrote_nothing() -> None:
    dry = render_markdown(Report("fix", (outcome(output=None),)))
    assert "Would fix 1 wheel" in dry
    assert "would be fixed" in dry
    done = render_markdown(Report("fix", (outcome(),)))
    assert "Fixed 1 wheel" in done
    assert "| fixed |" in done


@pytest.mark.parametrize("command", [("strip-gpu",), ("fix", "--rules", "gpu"), ("repair",)])
def test_every_command_that_writes_has_it(command: tuple[str, ...], tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path)
    for options in (("--diff",), ("--check",), ("-o", tmp_path / "out")):
        ran = wheelfix(*command, "--format", "markdown", *options, wheel)
        assert ran.out.startswith(f"## wheelfix {command[0]}\n"), ran.err
    assert wheelfix(*command, "--diff", "--format", "json", wheel).code == 2


@pytest.mark.parametrize("text", ["GH-12", "see gh-3", ":smile:", ":+1: a", "$x^2$", "c0ffee1", "0123456789" * 4])
def test_what_github_would_replace_is_taken_apart(text: str) -> None:
    """It reads references, emoji, formulas and commit ids in what CommonMark takes for text."""
    wheel = Path("a-1-py3-none-any.whl")
    changes = (Change(REQUIRES, ChangeAction.DROP, "b", None, "r", reason=text),)
    shown = render_markdown(Report("fix", (Outcome(wheel, Status.FIXED, changes=changes),)))
    assert text not in shown
    assert text in re.sub(r"<!-- -->|</?span>|\\", "", shown)
