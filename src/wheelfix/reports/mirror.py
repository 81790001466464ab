"""What happened to a mirror, and what it lists, as text and as JSON."""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import asdict

from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.registry import MirrorCheckReport, ResolvedCounts
from wheelfix.reports.findings import finding_lines
from wheelfix.reports.json import document, encode
from wheelfix.reports.text import render_problem
from wheelfix.results import Finding, Published, PublishReport, PublishStatus, Severity, Traffic
from wheelfix.text import counted, shown

_FIRST: Final = {
    "mirror add": PublishStatus.ADDED,
    "mirror yank": PublishStatus.YANKED,
    "mirror unyank": PublishStatus.UNYANKED,
    "mirror remove": PublishStatus.REMOVED,
    "mirror import": PublishStatus.ADDED,
}
"""What each command is there for."""
_NOT_DONE: Final = {PublishStatus.REFUSED: "not added", PublishStatus.FAILED: "not added"}


def render_published_file(published: Published, *, quiet: bool = False) -> str:
    """Return what became of one file, in lines with line ends; if ``quiet`` only errors."""
    name = str(published.url or published.source or published.filename)
    if published.problem:
        done = _NOT_DONE.get(published.status, published.status)
        if published.status is PublishStatus.FAILED and published.path:
            done = "not changed"  # it is there
        return render_problem(f"{name} {done}", published.problem)
    if quiet:
        return ""
    lines = [
        f"{shown(name)}: {published.status}{_under_which_name(published)}",
        *(f"  note: {shown(note)}" for note in published.notes),
    ]
    return "".join(f"{line}\n" for line in lines)


def _under_which_name(published: Published) -> str:
    """Return the name of the file in the mirror, where that is not the one of the wheel that was given."""
    source, filename = published.source, published.filename
    return f" as {shown(filename)}" if source and filename and source.name != filename else ""


def render_publish_summary(report: PublishReport) -> str:
    """Return the line that ends a run: what became of the files, that first for which the command is there."""
    first = _FIRST[report.command]
    counts = [f"{first.capitalize()} {counted(report.count(first), 'file')}"]
    counts += [f"{count} {status}" for status in PublishStatus if status is not first and (count := report.count(status))]
    return f"{', '.join(counts)}{'' if first is PublishStatus.REMOVED else f' -> {_directory(report)}'}\n"


def render_published(report: PublishReport) -> str:
    """Return where wheels were published and what became of them there, for the line that ends a run."""
    names = {PublishStatus.UNCHANGED: "already there"}
    counts = [f"{count} {names.get(status, status)}" for status in PublishStatus if (count := report.count(status))]
    return f"{_directory(report)}: {', '.join(counts) or 'nothing added'}"


def _directory(report: PublishReport) -> str:
    return f"{shown(str(report.mirror)).rstrip('/')}/"


def render_list_summary(pages: Sequence[Page]) -> str:
    """Return the line that ends a listing."""
    return f"Listed {counted(sum(len(page.files) for page in pages), 'file')} of {counted(len(pages), 'project')}\n"


def render_publish_json(report: PublishReport) -> str:
    """Return the report as JSON, version 1, with a final line end; its schema is docs/schemas/mirror.schema.json."""
    summary = {status.value: report.count(status) for status in PublishStatus}
    return document(report.command, mirror=report.mirror, files=report.files, summary=summary)


def render_page(page: Page) -> str:
    """Return what a page lists, a line for each file."""
    return "".join(f"{_line(each)}\n" for each in page.files)


def _line(file: ListedFile) -> str:
    words = [file.filename, f"{file.size:,} bytes", file.upload_time[:16].replace("T", " ")]
    if file.origin is not None:
        words.append(f"fixed from {file.origin.filename}")
    if file.yanked is not None:
        words.append(f"yanked: {file.yanked}" if file.yanked else "yanked")
    return shown("  ".join(words))


def render_pages_json(mirror: str, pages: Iterable[Page]) -> str:
    """Return what a mirror lists as JSON, version 1, with a final line end: its lock; docs/schemas/mirror.schema.json."""
    from wheelfix.sync.snapshots.snapshot import snapshot_of  # imported late: most runs write no lock

    return encode(asdict(snapshot_of(mirror, pages)))


def render_mirror_check(report: MirrorCheckReport, *, verbose: bool = False) -> str:
    """Return each finding and who is affected, in lines with line ends; of many alike five, unless ``verbose``."""
    by_severity = sorted(report.findings, key=lambda each: list(Severity).index(each.severity))
    lines = [
        *finding_lines(report.fixed, verbose=verbose, label="fixed"),
        *finding_lines(by_severity, verbose=verbose, consequences=True, note=_fixable),
    ]
    return "".join(f"{line}\n" for line in lines)


def _fixable(finding: Finding) -> str:
    return " [fixable with --fix]" if finding.fixable else ""


def render_mirror_check_summary(report: MirrorCheckReport) -> str:
    """Return the line that ends a check: what was checked and what was found.

    >>> render_mirror_check_summary(MirrorCheckReport((), 1, 2))
    'Checked 2 files of 1 project: 0 errors, 0 warnings\\n'
    """
    shown_always = (Severity.ERROR, Severity.WARNING)
    counts = ((each, report.count(each)) for each in Severity)
    found = ", ".join(counted(count, each) for each, count in counts if count or each in shown_always)
    fixed = f"; fixed {len(report.fixed)}" if report.fixed else ""
    suppressed = f" ({report.suppressed} suppressed)" if report.suppressed else ""
    what = f"{counted(report.files, 'file')} of {counted(report.projects, 'project')}"
    asked = f" with {_asked(report.traffic)}" if report.traffic else ""
    asked += f", resolved {_resolved(report.resolved)}" if report.resolved else ""
    young = f"; {counted(report.young, 'unlisted file')} younger than the grace period" if report.young else ""
    return f"Checked {what}{asked}: {found}{suppressed}{fixed}{young}\n"


def _asked(traffic: Traffic) -> str:
    """Return how many requests were made, and how many bytes came, in words."""
    unchanged = f", {traffic.unchanged:,} unchanged" if traffic.unchanged else ""
    return f"{counted(traffic.requests, 'request')} ({traffic.received:,} bytes{unchanged})"


def _resolved(resolved: ResolvedCounts) -> str:
    return f"{counted(resolved.releases, 'release')} for {counted(resolved.targets, 'target')}"


def render_mirror_check_json(mirror: str, report: MirrorCheckReport) -> str:
    """Return the report as JSON, version 1, with a final line end; its schema is docs/schemas/mirror.schema.json."""
    summary = {
        "projects": report.projects,
        "files": report.files,
        "errors": report.count(Severity.ERROR),
        "warnings": report.count(Severity.WARNING),
        "suppressed": report.suppressed,
        "young": report.young,
        "traffic": report.traffic,
        "resolved": report.resolved,
    }
    return document("mirror check", mirror=mirror, findings=report.findings, fixed=report.fixed, summary=summary)
