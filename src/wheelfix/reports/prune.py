"""What was deleted of a mirror, and what was kept, as text and as JSON."""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from wheelfix.durations import write_duration
from wheelfix.mirror.pruned import Pruned, PruneKind, PruneReport, PruneStatus
from wheelfix.reports.findings import finding_lines
from wheelfix.reports.json import document
from wheelfix.reports.text import render_problem
from wheelfix.text import counted, shown_few

_NAMES: Final = {
    PruneKind.LEFT: "unlisted file",
    PruneKind.UNKNOWN: "unlisted file",
    PruneKind.REPLACED: "replaced file",
    PruneKind.PAGE: "page",
    PruneKind.JOURNAL: "journal",
    PruneKind.WORK: "leftover",
}
"""What one of each kind is called."""
_NO_FILES: Final = (PruneKind.PAGE, PruneKind.WORK, PruneKind.JOURNAL)
"""What clients do not install."""


class _Kept(Struct, frozen=True):
    """What is said of files that are kept for one reason: of one, of several, and what to do."""

    one: str
    several: str
    hint: str = ""


_GRACE: Final = "younger than the grace period of {grace}"
_KEPT: Final = {
    "no journal names it": _Kept(
        "no journal names it",
        "no journal names them",
        "--all-unlisted deletes what no journal names, once it is older than the grace period of {grace}",
    ),
    "old locks may name it": _Kept(
        "old locks may name it",
        "old locks may name them",
        "--replaced deletes replaced files; locks that name them fail from then on",
    ),
    "its project has no page": _Kept(
        "its project has no page",
        "their project has no page",
        "restore the page from a backup, or run `wheelfix mirror add` on the files; or delete them yourself if nobody needs "
        "them",
    ),
    "it is not where wheelfix stores files": _Kept(
        "it is not where wheelfix stores files", "they are not where wheelfix stores files"
    ),
    "younger than the grace period": _Kept(
        _GRACE, _GRACE, "run again later, or give a shorter --grace while nobody publishes"
    ),
}
"""By the reason that the report gives."""


def render_pruned(report: PruneReport) -> str:
    """Return what could not be deleted, and what was kept and why, in lines with line ends."""
    problems = (render_problem(f"{each.path} not deleted", each.problem) for each in report.files if each.problem)
    lines = (*finding_lines(report.findings), *_kept_lines(report))
    return "".join([*problems, *(f"{line}\n" for line in lines)])


def _kept_lines(report: PruneReport) -> Iterator[str]:
    groups: dict[tuple[str, str], list[Pruned]] = {}
    for each in report.of(PruneStatus.KEPT):
        groups.setdefault((_NAMES[each.kind], each.reason), []).append(each)
    grace = write_duration(report.grace_seconds)
    for (name, reason), files in groups.items():
        kept = _KEPT[reason]
        why = (kept.one if len(files) == 1 else kept.several).format(grace=grace)
        yield f"kept {counted(len(files), name)}: {why} ({shown_few([each.path for each in files])})"
        if kept.hint:
            yield f"  help: {kept.hint.format(grace=grace)}"


def render_prune_summary(report: PruneReport) -> str:
    """Return the line that ends a run: how many files are gone, and how many bytes they had."""
    done = report.of(PruneStatus.DELETED)
    files = [each for each in done if each.kind not in _NO_FILES]
    others = {kind: sum(each.kind is kind for each in done) for kind in _NO_FILES}
    counts = [f"{counted(len(files), 'file')} ({sum(each.size or 0 for each in files):,} bytes)"]
    counts += [counted(number, _NAMES[kind]) for kind, number in others.items() if number]
    kept, failed = (len(report.of(status)) for status in (PruneStatus.KEPT, PruneStatus.FAILED))
    end = f"; {kept} kept" * bool(kept) + f"; {failed} failed" * bool(failed)
    return f"{'Would delete' if report.dry_run else 'Deleted'} {', '.join(counts)}{end}\n"


def render_prune_json(report: PruneReport) -> str:
    """Return the report as JSON, version 1, with a final line end; its schema is docs/schemas/mirror.schema.json."""
    deleted = report.of(PruneStatus.DELETED)
    summary = {status.value: len(report.of(status)) for status in PruneStatus}
    return document(
        "mirror prune",
        mirror=report.mirror,
        dry_run=report.dry_run,
        files=[_values(each) for each in report.files],
        findings=report.findings,
        summary={**summary, "bytes": sum(each.size or 0 for each in deleted)},
    )


def _values(pruned: Pruned) -> dict[str, Any]:
    modified = None if pruned.modified is None else pruned.modified.isoformat(timespec="seconds")
    return {**{name: getattr(pruned, name) for name in pruned.__struct_fields__}, "modified": modified}
