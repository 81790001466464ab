"""What differs between two wheels, or between two locks of mirrors."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from wheelfix.diff.model import ChangeKind, Difference, FileChange, Likeness, RequirementChange, RowChange
from wheelfix.html.components import badge, code, diff_lines, fold, items, row, table
from wheelfix.html.markup import Html, element, joined
from wheelfix.reports.html.parts import (
    MOST_ROWS,
    NOTHING,
    Filter,
    among,
    cut,
    grouped,
    limited,
    render_page,
    section,
    size_text,
    tag,
)
from wheelfix.text import counted, shown

if TYPE_CHECKING:
    from wheelfix.sync.snapshots.compare import LockDifference

_MOST_LINES: Final = 2_000
_KINDS: Final = {
    ChangeKind.ADDED: "good",
    ChangeKind.REMOVED: "error",
    ChangeKind.CHANGED: "warning",
    ChangeKind.RESPELLED: "plain",
    ChangeKind.RENAMED: "note",
}
_VERDICTS: Final = {
    Likeness.IDENTICAL: "good",
    Likeness.REPACKED: "note",
    Likeness.METADATA_ONLY: "good",
    Likeness.DIFFERENT: "warning",
}
_LOCK_KINDS: Final = {"added": "good", "removed": "warning", "replaced": "error", "yanked": "warning", "unyanked": "good"}


def render_difference_html(difference: Difference) -> str:
    """Return the difference of two wheels as one HTML page with a final line end."""
    old, new = (str(url or path) for url, path in (
        (difference.old_url, difference.old), (difference.new_url, difference.new)))  # fmt: skip
    changes = difference.files
    figures = [
        (f"{len(found):,}", f"file{'s' * (len(found) != 1)} {name}", kind)
        for name, found, kind in (
            ("added", changes.added, "good"), ("removed", changes.removed, "error"), ("changed", changes.changed, "warning"),
            ("renamed", changes.renamed, "note"),
        )
    ]  # fmt: skip
    figures.append((f"{changes.same:,}", f"file{'s' * (changes.same != 1)} the same", "plain"))
    count = len(difference.requirements)
    figures.append((f"{count:,}", "requirement differs" if count == 1 else "requirements differ", "note"))
    sections = [
        section("Verdict", _verdict(difference, old, new), id="verdict"),
        section("Requirements", *_requirements(difference.requirements), id="requirements"),
        section("METADATA", diff_lines(difference.metadata_diff, most=_MOST_LINES) if difference.metadata_diff else "",
                id="metadata"),
        section("Files", *_files(difference), id="files"),
        section("RECORD", *_record(difference), id="record"),
        section("Archive", *_archive(difference), id="archive"),
        section("Notes", items(difference.notes), id="notes"),
    ]  # fmt: skip
    return render_page("diff", difference.verdict.value, figures, [_kinds(difference)], sections)


def _kinds(difference: Difference) -> Filter:
    found = {each.kind for each in difference.requirements} | {each.kind for each in difference.record}
    found |= {kind for kind, changes in _by_kind(difference) if changes}
    return Filter("kind", "Kind", among(found))


def _verdict(difference: Difference, old: str, new: str) -> Html:
    verdict = badge(difference.verdict.value, _VERDICTS[difference.verdict])
    proof = "Nothing but METADATA, RECORD and SBOMs differs." if difference.only_metadata else ""
    wheels = [joined([element("dt", name), element("dd", code(path))]) for name, path in (("Old", old), ("New", new))]
    return joined([element("p", verdict, " ", proof), element("dl", *wheels, class_="facts")])


def _requirements(changes: Sequence[RequirementChange]) -> list[Html]:
    rows, rest = limited(changes, lambda each: _pair(each.kind, each.before, each.after), MOST_ROWS, things="requirements")
    return [table(counted(len(changes), "requirement"), ("Kind", "Before", "After"), rows), rest] if rows else []


def _pair(kind: ChangeKind, before: str | None, after: str | None) -> Html:
    cells = (code(cut(text)) if text is not None else NOTHING for text in (before, after))
    return row(badge(kind, _KINDS[kind]), *cells, data_item=True, data_kind=tag(kind))


def _by_kind(difference: Difference) -> Iterable[tuple[ChangeKind, Sequence[FileChange]]]:
    changes = difference.files
    return (
        (ChangeKind.ADDED, changes.added), (ChangeKind.REMOVED, changes.removed), (ChangeKind.CHANGED, changes.changed),
        (ChangeKind.RENAMED, changes.renamed),
    )  # fmt: skip


def _files(difference: Difference) -> list[Html]:
    changes = [(kind, each) for kind, found in _by_kind(difference) for each in found]
    rows, rest = limited(changes, lambda pair: _file(*pair), MOST_ROWS, things="files")
    same = element("p", f"{counted(difference.files.same, 'file')} with the same content.", class_="soft")
    directories = items(
        joined([code(f"{shown(before)}/"), " → ", code(f"{shown(after)}/")])
        for before, after in difference.files.directories
    )
    listed = table(counted(len(changes), "file"), ("Kind", "File", "Size before", "Size after"), rows) if rows else Html("")
    return [directories, listed, rest, same]


def _file(kind: ChangeKind, change: FileChange) -> Html:
    names = list(dict.fromkeys(cut(name) for name in (change.before, change.after) if name is not None))
    sizes = (size_text(size) if size is not None else NOTHING for size in (change.size_before, change.size_after))
    return row(badge(kind, _KINDS[kind]), joined(map(code, names), " → "), *sizes, data_item=True, data_kind=tag(kind))


def _record(difference: Difference) -> list[Html]:
    if difference.record_equivalent:
        return [element("p", "The same rows in another order, or with other quotes or line ends.")]
    rows, rest = limited(difference.record, _row, MOST_ROWS, things="rows")
    return [table(counted(len(difference.record), "row"), ("Kind", "Path", "Before", "After"), rows), rest] if rows else []


def _row(change: RowChange) -> Html:
    paths = list(dict.fromkeys(cut(each.path) for each in (change.before, change.after) if each))
    values = (
        code(cut(f"{each.digest or 'no hash'}, {each.size or 'no size'}")) if each else NOTHING
        for each in (change.before, change.after)
    )
    kind = badge(change.kind, _KINDS[change.kind])
    return row(kind, joined(map(code, paths), " → "), *values, data_item=True, data_kind=tag(change.kind))


def _archive(difference: Difference) -> list[Html]:
    """Return how the archives store the same files differently, by kind."""
    moved = difference.files.moved
    blocks = [_folded("order", f"{counted(len(moved), 'file')} moved", list(map(code, moved[:MOST_ROWS])))] if moved else []
    for kind, changes in grouped(difference.files.archive, lambda each: each.kind).items():
        lines = [
            joined([code(cut(each.file)) if each.file is not None else "the archive", ": ", cut(each.before), " → ",
                    cut(each.after)])
            for each in changes[:MOST_ROWS]
        ]  # fmt: skip
        blocks.append(_folded(kind, counted(len(changes), "difference"), lines))
    return blocks


def _folded(kind: str, words: str, lines: Sequence[Html]) -> Html:
    summary = joined([badge(kind), " ", words])
    return fold(summary, items(lines), is_open=len(lines) <= 10, data_item=True)


def render_lock_difference_html(old: str, new: str, differences: "Sequence[LockDifference]") -> str:
    """Return what differs between two locks of mirrors as one HTML page; ``old`` and ``new`` are their paths."""
    from wheelfix.reports.lock import render_lock_summary  # imported late: most runs compare wheels
    from wheelfix.sync.snapshots.compare import LockChange

    counts = {change.value: sum(each.change is change for each in differences) for change in LockChange}
    figures = [(f"{number:,}", name, _LOCK_KINDS.get(name, "plain")) for name, number in counts.items() if number]
    filters = [
        Filter("kind", "Kind", [name for name, number in counts.items() if number]),
        Filter("project", "Project", among(each.project for each in differences)),
    ]
    rows, rest = limited(differences, _lock_row, MOST_ROWS, things="differences")
    heads = ("Project", "Kind", "File", "Before", "After", "Size", "Source")
    paths = element("p", code(old), " → ", code(new))
    listed = table(counted(len(differences), "difference"), heads, rows) if rows else Html("")
    sections = [section("Locks", paths, id="locks"), section("Differences", listed, rest, id="differences")]
    return render_page("diff", render_lock_summary(differences).strip(), figures, filters, sections)


def _lock_row(difference: "LockDifference") -> Html:
    values = (code(cut(text)) if text is not None else "" for text in (difference.before, difference.after))
    kind = difference.change.value
    return row(
        code(difference.project),
        badge(kind, _LOCK_KINDS.get(kind, "plain")),
        code(difference.filename) if difference.filename else "the project",
        *values,
        size_text(difference.size) if difference.size else "",
        difference.source or "",
        data_item=True,
        data_kind=tag(kind),
        data_project=tag(difference.project),
    )
