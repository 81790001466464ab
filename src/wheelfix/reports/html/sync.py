"""What a sync plans and did: files by action with their sources and sizes, problems, and what was corrected."""

from collections.abc import Sequence
from typing import Final

from wheelfix.html.components import badge, code, items, row, table
from wheelfix.html.markup import Html, element, joined
from wheelfix.reports.html.fix import outcome_sections
from wheelfix.reports.html.parts import (
    KINDS,
    MOST_ROWS,
    NO_DATA,
    Filter,
    among,
    code_badge,
    cut,
    finding_line,
    limited,
    render_page,
    render_problems,
    section,
    size_text,
    tag,
)
from wheelfix.reports.sync import problems_of, render_sync_summary
from wheelfix.results import KnownFile, Published, PublishStatus
from wheelfix.sync.model import NEW, Action, PlannedFile, SyncReport
from wheelfix.text import counted, shown_size

_ACTIONS: Final = {
    Action.ADD: "good",
    Action.REPLACE: "note",
    Action.SUPERSEDE: "note",
    Action.UNYANK: "good",
    Action.YANK: "warning",
    Action.REMOVE: "warning",
    Action.REPORT: "error",
    Action.WAIT: "note",
    Action.KEEP: "plain",
}
"""The actions of a plan in the order in which they are listed, and their colours."""
_ORDER: Final = [*_ACTIONS]
_LISTED: Final = (*NEW, Action.KEEP)
"""What the mirror lists afterwards, for every client."""


def render_sync_html(report: SyncReport) -> str:
    """Return what a sync planned and did as one HTML page with a final line end."""
    planned = sorted(report.plan.files, key=lambda each: _ORDER.index(each.action))
    filters = [
        Filter("action", "Action", [str(each) for each in _ORDER if any(file.action is each for file in planned)]),
        Filter("result", "In the mirror", among(each.status for each in report.files)),
        Filter("status", "Wheel", among(each.status for each in report.outcomes)),
        Filter("project", "Project", among(each.project for each in planned)),
        Filter("source", "Source", among(each.source for each in planned)),
    ]
    found = problems_of(report)
    listed = (each for each in planned if each.action is Action.UNYANK or (each.action in _LISTED and not each.yanked))
    files = [KnownFile(each.filename, each.size) for each in listed if each.size and each.filename.endswith(".whl")]
    sections = [
        section("Problems", *render_problems((subject, problem, NO_DATA) for subject, problem in found), id="problems"),
        section("Warnings", items(map(finding_line, report.warnings)), id="warnings"),
        section("What was done", *_done(report.files), id="done"),
        section("The plan", *_plan(planned, report), id="plan"),
        *outcome_sections(report.outcomes, files=files, dry_run=report.dry_run, reported={problem for _, problem in found}),
    ]
    return render_page("mirror sync", render_sync_summary(report).strip(), _figures(report), filters, sections)


def _figures(report: SyncReport) -> list[tuple[str, str, str]]:
    """Return what is planned by action, or what became of files, and the bytes that this takes."""
    if report.dry_run:
        counts = report.plan.counts
        figures = [(f"{counts[each]:,}", f"to {each}", kind) for each, kind in _ACTIONS.items() if counts[each]]
        size = report.plan.download_size
        return [*figures, *([(shown_size(size), "to download", "plain")] if size else [])]
    found = {status.value: sum(each.status is status for each in report.files) for status in PublishStatus}
    figures = [(f"{number:,}", name, KINDS.get(name, "plain")) for name, number in found.items() if number]
    kept = report.plan.counts[Action.KEEP]
    figures += [(f"{kept:,}", "kept", "plain")] if kept else []
    traffic = report.traffic
    figures += [(shown_size(traffic.received), "received", "plain")] if traffic.requests else []
    return figures or [("0", "changes", "plain")]


def _done(files: Sequence[Published]) -> list[Html]:
    changed = [each for each in files if each.status is not PublishStatus.UNCHANGED]
    rows, rest = limited(changed, _file, MOST_ROWS, things="files")
    heads = ("File", "Result", "Project", "sha256", "Notes")
    return [table(counted(len(changed), "file"), heads, rows), rest] if rows else []


def _file(file: Published) -> Html:
    status = file.status.value
    name = str(file.filename or file.url or file.source or "")
    return row(
        code(name),
        badge(status, KINDS.get(status, "error")),
        code(file.project or ""),
        code(f"{file.sha256[:16]}…") if file.sha256 else "",
        joined(map(cut, file.notes), " "),
        data_item=True,
        data_result=tag(status),
        data_project=tag(file.project) if file.project else None,
    )


def _plan(files: Sequence[PlannedFile], report: SyncReport) -> list[Html]:
    """Return the files of the plan by action; what is kept comes last, as it is what there is most of."""
    rows, rest = limited(files, _planned, MOST_ROWS, things="files")
    pages = report.plan.followed
    followed = f"Pages that follow their index: {', '.join(pages[:20])}" + (
        f" and {len(pages) - 20} more" * (len(pages) > 20)
    )
    heads = ("File", "Action", "Project", "Size", "Source", "Reason")
    listed = [table(counted(len(files), "file"), heads, rows), rest] if rows else []
    return [*listed, element("p", followed, class_="soft") if pages else Html("")]


def _planned(file: PlannedFile) -> Html:
    action = file.action.value
    details = items((code(cut(each)) for each in file.details[:MOST_ROWS]), class_="plain") if file.details else Html("")
    reason = [cut(file.reason) if file.reason else "", " ", code_badge(file.code, "plain") if file.code else "", details]
    return row(
        code(file.filename) if file.filename else element("span", "the release", class_="soft"),
        badge(action, _ACTIONS[file.action]),
        f"{file.project} {file.version}".strip(),
        size_text(file.size),
        file.source or "",
        joined(reason),
        data_item=True,
        data_action=tag(action),
        data_project=tag(file.project),
        data_source=tag(file.source) if file.source else None,
    )
