"""The difference between two wheels: text for people, and JSON, whose schema is docs/schemas/diff.schema.json."""

from base64 import b64encode
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from wheelfix.diff.model import ArchiveChange, ChangeKind, Difference, FileChange, RequirementChange, RowChange
from wheelfix.reports.json import document
from wheelfix.reports.text import NORMAL, QUIET, VERBOSE
from wheelfix.results import Outcome, Report
from wheelfix.text import as_utf8, counted, shown, shown_few
from wheelfix.wheel.record import RecordRow


def render_diff(report: Report) -> str:
    """Return every distinct change of METADATA once, with the wheels that it applies to.

    Two changes are the same if they remove and add the same lines in the same order, wherever those are in the file. The
    diff is that of the first wheel, in a form that patch(1) applies; escape it for a terminal.
    """
    groups: dict[tuple[str, ...], list[Outcome]] = {}
    for outcome in report.outcomes:
        if outcome.metadata_diff:
            groups.setdefault(changed_lines(outcome.metadata_diff), []).append(outcome)
    return "".join(piece for outcomes in groups.values() for piece in _group(outcomes))


def changed_lines(diff: str) -> tuple[str, ...]:
    """Return what a unified diff removes and adds, wherever in the file: equal for changes that are the same."""
    return tuple(line for line in diff.split("\n")[2:] if line.startswith(("+", "-")))


def _group(outcomes: list[Outcome]) -> Iterator[str]:
    if len(outcomes) > 1:
        yield f"# {len(outcomes)} wheels change like this:\n"
        yield from (f"#   {shown(str(outcome.url or outcome.source))}\n" for outcome in outcomes)
    yield outcomes[0].metadata_diff


_MOST: Final = 20
"""How many lines of a kind are shown without ``-v``."""
_MARKS: Final = {
    ChangeKind.ADDED: "+",
    ChangeKind.REMOVED: "-",
    ChangeKind.CHANGED: "~",
    ChangeKind.RESPELLED: "=",
    ChangeKind.RENAMED: ">",
}


def render_difference(difference: Difference, *, verbosity: int = NORMAL) -> str:
    """Return the difference in lines with line ends: the verdict, and then what differs; long lists are cut.

    The diff of METADATA is unchanged, so that patch(1) applies it; escape it for a terminal.
    """
    if verbosity <= QUIET:
        return f"{difference.verdict}\n"
    verbose = verbosity >= VERBOSE
    blocks = [
        [str(difference.verdict), *_files(difference, verbose)],
        _titled("requirements", _few(list(map(_requirement, difference.requirements)), verbose)),
        difference.metadata_diff.split("\n")[:-1],
        _titled("RECORD", _record(difference, verbose)),
        _titled("archive", _archive(difference, verbose)),
        [f"note: {shown(note)}" for note in difference.notes],
    ]
    return "\n".join("".join(f"{line}\n" for line in block) for block in blocks if block)


def _titled(title: str, lines: Sequence[str]) -> list[str]:
    return [title, *(f"  {line}" for line in lines)] if lines else []


def _few(lines: Sequence[str], verbose: bool) -> list[str]:
    """Return ``lines``; if there are many, the first ones and the number of the others."""
    if verbose or len(lines) <= _MOST + 1:
        return list(lines)
    return [*lines[:_MOST], f"... and {len(lines) - _MOST} more (use -v to show all)"]


def _files(difference: Difference, verbose: bool) -> Iterator[str]:
    changes = difference.files
    followers = [each for each in changes.renamed if _follows(each, changes.directories)]
    renamed = [each for each in changes.renamed if verbose or each not in followers]
    lines = [f"> {shown(before)}/ -> {shown(after)}/" for before, after in changes.directories]
    for mark, found in (("+", changes.added), ("-", changes.removed), ("~", changes.changed), (">", renamed)):
        lines += _few([f"{mark} {_entry(each)}" for each in found], verbose)
    if followers and not verbose:
        lines.append(f"{counted(len(followers), 'file')} only in renamed directories (use -v to show all)")
    lines.append(f"{counted(changes.same, 'file')} with the same content")
    return (f"  {line}" for line in lines)


def _follows(change: FileChange, directories: Iterable[tuple[str, str]]) -> bool:
    """Whether only the directory of the file has another name."""
    (top, _, rest), (new_top, _, new_rest) = ((name or "").partition("/") for name in (change.before, change.after))
    return (top, new_top) in directories and rest == new_rest


def _entry(change: FileChange) -> str:
    names = " -> ".join(dict.fromkeys(shown(name) for name in (change.before, change.after) if name is not None))
    sizes = " -> ".join(dict.fromkeys(str(size) for size in (change.size_before, change.size_after) if size is not None))
    return names if change.is_directory else f"{names} ({sizes} bytes)"


def _requirement(change: RequirementChange) -> str:
    texts = " -> ".join(shown(text) for text in (change.before, change.after) if text is not None)
    return f"{_MARKS[change.kind]} {texts}"


def _record(difference: Difference, verbose: bool) -> list[str]:
    if difference.record_equivalent:
        return ["the same rows in another order, or with other quotes or line ends"]
    followers = [each for each in difference.record if each.kind is ChangeKind.RENAMED and not verbose]
    lines = _few([_row(each) for each in difference.record if verbose or each.kind is not ChangeKind.RENAMED], verbose)
    return (
        [*lines, f"{counted(len(followers), 'row')} only in renamed directories (use -v to show all)"]
        if followers
        else lines
    )


def _row(change: RowChange) -> str:
    before, after = change.before, change.after
    if before is None or after is None:
        return f"{_MARKS[change.kind]} {_columns(before or after)}"
    if before.path == after.path:
        return f"~ {shown(before.path)}: {_rest(before)} -> {_rest(after)}"
    return f"{_MARKS[change.kind]} {_columns(before)} -> {_columns(after)}"


def _columns(row: RecordRow | None) -> str:
    return f"{shown(row.path)}: {_rest(row)}" if row else ""


def _rest(row: RecordRow) -> str:
    return shown(f"{row.digest or 'no hash'}, {row.size or 'no size'}")


def _archive(difference: Difference, verbose: bool) -> list[str]:
    lines, moved = [], difference.files.moved
    if moved:
        lines.append(f"order: {counted(len(moved), 'file')} moved: {shown_few(moved, len(moved) if verbose else 3)}")
    kinds: defaultdict[str, list[ArchiveChange]] = defaultdict(list)
    for each in difference.files.archive:
        kinds[each.kind].append(each)
    for kind, changes in kinds.items():
        lines += [f"{kind}: {_words(each)}" for each in changes] if verbose else [f"{kind}: {_summary(changes)}"]
    return lines


def _words(change: ArchiveChange) -> str:
    name = f"{shown(change.file)}: " if change.file is not None else ""
    return shown(f"{name}{change.before} -> {change.after}")


def _summary(changes: Sequence[ArchiveChange]) -> str:
    """Return one line for all changes of one kind: the number of files, the most frequent change, the first names."""
    if len(changes) == 1:
        return _words(changes[0])
    names = [each.file or "" for each in changes]
    ((before, after), count), *others = Counter((each.before, each.after) for each in changes).most_common()
    example = f"{before} -> {after}" if not others else f"{count} times {before} -> {after}"
    which = f"all {example}" if not others else f"such as {before} -> {after}" if count == 1 else example
    return f"{len(changes)} files ({shown(which)}): {shown_few(names)}"


def _bytes_of(diff: str) -> str | None:
    """Return a diff in base64 if it has bytes that are not UTF-8, which JSON cannot hold, else ``None``."""
    if as_utf8(diff) == diff:
        return None
    return b64encode(diff.encode("utf-8", "surrogateescape")).decode("ascii")


def render_difference_json(difference: Difference) -> str:
    """Return the difference as JSON, version 1, with a final line end."""
    changes = difference.files
    files = {name: getattr(changes, name) for name in ("same", "added", "removed", "changed", "renamed", "moved")}
    directories = [{"before": before, "after": after} for before, after in changes.directories]
    diff = difference.metadata_diff
    return document(
        "diff",
        old=difference.old,
        new=difference.new,
        old_url=difference.old_url,
        new_url=difference.new_url,
        verdict=difference.verdict,
        only_metadata=difference.only_metadata,
        files={**files, "directories": directories},
        metadata={"diff": diff, "diff_base64": _bytes_of(diff), "requirements": difference.requirements},
        record=difference.record,
        record_equivalent=difference.record_equivalent,
        archive=changes.archive,
        notes=difference.notes,
    )
