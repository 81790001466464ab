"""The plan and the report of a sync as text, and its metrics."""

from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest

from wheelfix.reports.metrics import SyncRun, last_success, render_metrics
from wheelfix.reports.sync import render_plan, render_sync, render_sync_problems, render_sync_summary
from wheelfix.results import Problem, Published, PublishStatus, Traffic
from wheelfix.sync.model import Action, PlannedFile, SourceProblem, SyncPlan, SyncReport

PROBLEM = Problem("no-answer", "the server does not answer", "Run again later.")


def planned(name: str = "demo-1.0-py3-none-any.whl", action: Action = Action.ADD, **changes: Any) -> PlannedFile:
    project, version = name.split("-")[:2]
    known: dict[str, Any] = {"project": project, "version": version, "source": "here", "size": 1_500_000, "sha256": "a" * 64}
    return PlannedFile(**{"action": action, "filename": name, **known, **changes})


def report(*files: PlannedFile, **changes: Any) -> SyncReport:
    plan = SyncPlan(files=files, problems=changes.pop("problems", ()), followed=changes.pop("followed", ()))
    return SyncReport(manifest="mirror.toml", mirror=Path("mirror"), plan=plan, **changes)


def published(plan: PlannedFile, status: PublishStatus, **changes: Any) -> Published:
    return Published(
        Path(plan.filename), status, plan.project, plan.filename, f"public/{plan.filename}", "a" * 64, **changes
    )


def test_each_action_has_its_rows_and_a_release_one_of_them() -> None:
    files = (
        planned("demo-1.0-cp311-cp311-x.whl"), planned("demo-1.0-cp312-cp312-x.whl"), planned("demo-1.10-py3-none-any.whl"),
        planned("demo-1.9-py3-none-any.whl", size=None),
        planned("a-1-py3-none-any.whl", Action.YANK, reason="no longer fits"),
        planned("a-0-py3-none-any.whl", Action.REMOVE),
        planned("b-1-py3-none-any.whl", Action.UNYANK),
        planned("b-2-py3-none-any.whl", Action.WAIT, reason="younger than 3 days"),
        planned("b-3-py3-none-any.whl", Action.KEEP), planned("c-1-py3-none-any.whl", Action.REPLACE),
        planned("c-3-py3-none-any.whl", Action.SUPERSEDE),
        planned("c-2-py3-none-any.whl", Action.REPORT, code="no-wheel", reason="no wheel", filename="", size=None),
    )  # fmt: skip
    plan = report(*files, followed=("d",)).plan
    assert render_plan(plan).splitlines() == [
        "action     project  version  files    size  source  reason",
        "add        demo     1.0          2  3.0 MB  here",
        "add        demo     1.9          1          here",
        "add        demo     1.10         1  1.5 MB  here",
        "replace    c        1            1  1.5 MB  here",
        "supersede  c        3            1  1.5 MB  here",
        "unyank     b        1            1  1.5 MB  here",
        "yank       a        1            1  1.5 MB  here    no longer fits",
        "remove     a        0            1  1.5 MB  here",
        "report     c        2                       here    no wheel [no-wheel]",
        "wait       b        2            1  1.5 MB  here    younger than 3 days",
        "update     d                                        the page only: upload times, status, source or rules",
    ]
    assert "    demo-1.0-cp312-cp312-x.whl" in render_plan(plan, verbose=True).splitlines()
    assert render_plan(SyncPlan()) == ""


def test_each_file_has_the_reason_of_what_was_done_with_it() -> None:
    """Several rows can be about one name: a wheel, its correction, and what a person should know of it."""
    name, corrected, third = (f"demo-1.0-{tag}py3-none-any.whl" for tag in ("", "1-", "2-"))
    swap = planned(name, Action.REPLACE, reason="Locks that name its hash fail.", size=2_000_000)
    near = msgspec.structs.replace(swap, action=Action.SUPERSEDE)
    keep = planned(name, Action.KEEP, reason="Superseded.", size=1)
    gone = planned("gone-1.0-py3-none-any.whl", Action.REPORT, reason="It is kept as it is.")
    yank = planned("gone-1.0-py3-none-any.whl", Action.YANK, reason="The index no longer lists it.")
    lock = planned(name, Action.ADD, reason="A lock names it.", project="demo")
    other = planned(name, Action.YANK, reason="Of another project.", project="other")

    def lines(rows: tuple[PlannedFile, ...], *files: Published) -> list[tuple[str, str]]:
        found = render_sync(report(*rows, other, files=files)).splitlines()[1:]
        return [(line.split()[0], line.partition("here")[2].strip()) for line in found]

    index, new = Path(name), published(swap, PublishStatus.ADDED)
    beside = msgspec.structs.replace(new, source=index, filename=corrected)
    old = msgspec.structs.replace(new, status=PublishStatus.YANKED, source=None)
    as_now = f"As the rules correct it now, beside {name}"
    assert lines((swap, keep), published(swap, PublishStatus.REPLACED)) == [("replaced", swap.reason)]
    for row in (near, swap):
        assert lines((keep, row), beside, old) == [("added", as_now), ("yanked", row.reason)]
        assert lines((lock, row), new, beside, old) == [
            ("added", lock.reason), ("added", as_now), ("yanked", row.reason),
        ]  # fmt: skip
    assert lines((yank, gone), published(yank, PublishStatus.YANKED)) == [("yanked", yank.reason)]
    assert lines((gone, yank), published(yank, PublishStatus.YANKED)) == [("yanked", yank.reason)]
    again = planned(corrected, Action.SUPERSEDE, reason="Corrected differently.")
    newest = msgspec.structs.replace(beside, filename=third)
    assert lines((keep, again), newest) == [("added", f"As the rules correct it now, beside {corrected}")]
    summary = render_sync_summary(report(keep, near, files=(beside,)))
    assert summary.startswith("Added 1 file (2.0 MB)")


def test_a_page_that_was_updated_without_a_file_has_a_row() -> None:
    lines = render_sync(report(followed=("demo",))).splitlines()
    assert lines[1].startswith("updated  demo  ")
    assert lines[1].endswith("upload times, status, source or rules")


def test_ten_thousand_wheels_can_be_read() -> None:
    files = [planned(f"demo-{release}.0-cp3{number}-cp3{number}-x.whl") for release in range(1000) for number in range(10)]
    done = [published(each, PublishStatus.ADDED) for each in files]
    for text in (render_plan(SyncPlan(files=tuple(files))), render_sync(report(*files, files=tuple(done)))):
        lines = text.splitlines()
        assert len(lines) == 22
        assert lines[-1].endswith("  ... 980 more with 9800 files (use -v to show all)")
    assert len(render_plan(SyncPlan(files=tuple(files)), verbose=True).splitlines()) == 11_001
    assert render_sync_summary(report(*files, files=tuple(done))) == "Added 10000 files (15.0 GB) -> mirror\n"


def test_many_problems_of_a_kind_are_cut() -> None:
    files = [planned(f"demo-{number}-py3-none-any.whl") for number in range(500)]
    done = tuple(published(each, PublishStatus.REFUSED, problem=PROBLEM) for each in files)
    problems = (SourceProblem("here", None, Problem("no-index", "there is none", "Check the URL.")),)
    found = report(*files, files=done, problems=problems)
    lines = render_sync_problems(found).splitlines()
    assert lines[:2] == ["error[no-index]: source here not synced: there is none", "  help: Check the URL."]
    assert lines[-1] == "... 495 more no-answer (use -v to show all)"
    assert len(lines) == 2 + 5 * 2 + 1
    assert len(render_sync_problems(found, verbose=True).splitlines()) == 2 + 500 * 2
    assert render_sync_summary(found) == "Added 0 files, 500 refused; 1 problem with sources -> mirror\n"


def test_what_no_part_has_done_is_one_problem_of_its_project() -> None:
    problem = Problem("no-job-result", "no part of the sync has done it", "Run the sync again.")
    files = [planned(f"{project}-py3-none-any.whl") for project in ("demo-1", "demo-2", "other-1")]
    done = tuple(published(each, PublishStatus.FAILED, problem=problem) for each in files)
    found = report(*files, files=(*done, published(files[0], PublishStatus.FAILED, problem=PROBLEM)))
    assert [line for line in render_sync_problems(found).splitlines() if line.startswith("error")] == [
        "error[no-job-result]: 2 files of demo not added: no part of the sync has done it",
        "error[no-job-result]: other-1-py3-none-any.whl not added: no part of the sync has done it",
        "error[no-answer]: demo-1-py3-none-any.whl not added: the server does not answer",
    ]


def test_a_project_that_is_not_closed_is_synced_all_the_same() -> None:
    problem = Problem("not-closed", "what demo==1.0 requires cannot be resolved", "")
    text = render_sync_problems(report(problems=(SourceProblem("here", "demo", problem),)))
    assert text == "error[not-closed]: demo of source here not complete: what demo==1.0 requires cannot be resolved\n"


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (report(), "Up to date -> mirror\n"),
        (report(dry_run=True), "Up to date -> mirror\n"),
        (report(planned(action=Action.KEEP)), "Up to date, 1 kept -> mirror\n"),
        (report(problems=(SourceProblem("here", "demo", PROBLEM),)), "Nothing changed; 1 problem with sources -> mirror\n"),
        (report(planned(), dry_run=True), "Would add 1 file (1.5 MB) -> mirror\n"),
        (report(dry_run=True, followed=("x", "y")), "Would update 2 pages -> mirror\n"),
        (report(followed=("x", "y")), "Updated 2 pages -> mirror\n"),
        (
            report(planned(), followed=("demo", "y"), files=(published(planned(), PublishStatus.FAILED, problem=PROBLEM),)),
            "Added 0 files, 1 failed, updated 1 page -> mirror\n",
        ),
        (
            report(
                planned(),
                files=(
                    published(planned(), PublishStatus.YANKED),
                    published(planned(), PublishStatus.YANKED),
                    published(planned(), PublishStatus.REMOVED),
                ),
            ),
            "Yanked 2 files, 1 removed -> mirror\n",
        ),
        (
            report(planned(), files=(published(planned(), PublishStatus.REPLACED),)),
            "Replaced 1 file (1.5 MB) -> mirror\n",
        ),
        (report(planned(action=Action.WAIT)), "Up to date, 1 waiting (--check lists them) -> mirror\n"),
        (
            report(planned(), traffic=Traffic(1234, 5_000_000, 1000), files=(published(planned(), PublishStatus.ADDED),)),
            "Added 1 file (1.5 MB); 1234 requests (5.0 MB, 1,000 unchanged) -> mirror\n",
        ),
    ],
)
def test_the_line_at_the_end(found: SyncReport, line: str) -> None:
    assert render_sync_summary(found) == line


def test_nothing_can_write_to_the_terminal() -> None:
    bad = planned(reason="\x1b[2J", source="\x1b[2J", code="x")
    text = render_plan(SyncPlan(files=(bad,)), verbose=True)
    assert "\x1b" not in text


def _samples(text: str) -> dict[str, Any]:
    parser = import_module("prometheus_client.openmetrics.parser")
    families = list(parser.text_string_to_metric_families(text))
    return {each.name: each for family in families for each in family.samples}


@pytest.mark.parametrize("manifest", ["mirror.toml", 'a "b".toml', "a\\b.toml", "a\nb.toml", "ä.toml"])
def test_the_last_success_is_found_again(manifest: str) -> None:
    run = SyncRun(manifest=manifest, ended=1_800_000_000.25, seconds=1.5, report=report(), last_success=1_800_000_000.25)
    text = render_metrics(run)
    samples = _samples(text)
    assert samples["wheelfix_sync_success"].labels == {"manifest": manifest}
    assert samples["wheelfix_sync_duration_seconds"].value == 1.5
    assert last_success(text, manifest) == 1_800_000_000.25
    assert last_success(text, "other.toml") is None
    assert last_success("", manifest) is None
    assert text.endswith("# EOF\n")


def test_a_run_without_a_report_has_metrics() -> None:
    samples = _samples(render_metrics(SyncRun(manifest="m", ended=1.0, seconds=2.0, problem=PROBLEM)))
    assert samples["wheelfix_sync_success"].value == 0
    assert samples["wheelfix_sync_problems"].labels == {"manifest": "m", "code": "no-answer"}
    assert "wheelfix_sync_last_success_timestamp_seconds" not in samples
