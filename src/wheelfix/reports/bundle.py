"""What was exported from a mirror, as text and as JSON, whose schema is docs/schemas/mirror.schema.json."""

from wheelfix.reports.json import document
from wheelfix.sync.snapshots.export_bundle import ExportReport
from wheelfix.text import counted, shown, shown_size


def render_export_summary(report: ExportReport) -> str:
    """Return the line that ends an export: what is in the bundle, and where it is."""
    what = f"{counted(len(report.files), 'file')} of {counted(report.projects, 'project')}"
    left = report.lock.count - len(report.files)
    size = f" ({shown_size(report.size)})" if report.size else ""
    return f"Exported {what}{size}{f', {left} left out' if left else ''} -> {shown(str(report.bundle))}\n"


def render_export_json(report: ExportReport) -> str:
    """Return what is in the bundle as JSON, version 1, with a final line end."""
    files = [{"filename": each.filename, "sha256": each.sha256, "size": each.size} for each in report.files]
    summary = {"files": len(files), "projects": report.projects, "listed": report.lock.count, "bytes": report.size}
    return document(
        "mirror export", mirror=report.mirror, bundle=report.bundle, sha256=report.sha256, files=files, summary=summary
    )
