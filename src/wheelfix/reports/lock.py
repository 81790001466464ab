"""What differs between two locks of mirrors: text that reads like a review, and JSON; docs/schemas/lock-diff.schema.json."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from packaging.version import InvalidVersion, Version

from wheelfix.reports.json import document
from wheelfix.sync.snapshots.compare import IN_NOTES, LockChange, LockDifference
from wheelfix.text import counted, cut, shown, shown_size

_MARKS: Final = {LockChange.ADDED: "+", LockChange.REMOVED: "-"}
_CHANGED: Final = "~"
_ORDER: Final = [*LockChange]
_MOST: Final = 20
"""How many lines of a project are shown, unless all are wanted."""
_FEW_NAMES: Final = 3
_SUM: Final = 12
"""So many digits of a sha256 tell two files apart for a reader."""


def render_lock_difference(differences: Sequence[LockDifference], *, verbose: bool = False) -> str:
    """Return what differs, by project, a line for the files of a release that differ in the same way.

    Of many lines of a project the first are shown, unless ``verbose``; then the names of all files are. What differs in
    notes of the mirror alone is one line for all files then, and none of what clients get is hidden among them.
    """
    projects: dict[str, list[LockDifference]] = {}
    for each in differences:
        if verbose or each.change not in IN_NOTES:
            projects.setdefault(each.project, []).append(each)
    lines = [line for name, group in projects.items() for line in _project(name, group, verbose=verbose)]
    counts = _files_by_change(differences)
    hidden = () if verbose else (change for change in LockChange if change in IN_NOTES and counts[change])
    lines += [f"{counted(counts[each], 'file')} {_IN_WORDS[each]}, bytes unchanged (use -v to show)" for each in hidden]
    return "".join(f"{line}\n" for line in lines)


def _files_by_change(differences: Iterable[LockDifference]) -> Counter[LockChange]:
    """Return how many files, or projects, differ in each way; one whose page says several things differently is one."""
    return Counter(change for change, *_ in {(each.change, each.project, each.filename) for each in differences})


def _project(name: str, group: Sequence[LockDifference], *, verbose: bool) -> Iterator[str]:
    yield shown(name)
    lines: dict[tuple[object, ...], list[LockDifference]] = {}
    for each in sorted(group, key=_key):
        lines.setdefault((each.change, each.version, _what(each, single=False)), []).append(each)
    blocks = [_block(files, verbose=verbose) for files in lines.values()]
    for block in blocks if verbose or len(blocks) <= _MOST + 1 else blocks[:_MOST]:
        yield from (f"  {line}" for line in block)
    if not verbose and len(blocks) > _MOST + 1:
        yield f"  ... {len(blocks) - _MOST} more (use -v to show all)"


def _key(each: LockDifference) -> tuple[object, ...]:
    try:
        version = Version(each.version)
    except InvalidVersion:
        version = Version("0")
    return _ORDER.index(each.change), version, each.filename


def _block(files: Sequence[LockDifference], *, verbose: bool) -> Iterator[str]:
    first = files[0]
    mark = _MARKS.get(first.change, _CHANGED)
    if not first.filename:
        yield shown(f"{mark} {_what(first, single=True)}")
        return
    what = _what(first, single=len(files) == 1)
    yield shown(f"{mark} {first.version}  {counted(len(files), 'file')}{f': {what}' if what else ''}{_origin(files)}")
    names = [each.filename for each in files]
    yield from (f"    {shown(name)}" for name in (names if verbose else names[:_FEW_NAMES]))
    if not verbose and len(names) > _FEW_NAMES:
        yield f"    ... {len(names) - _FEW_NAMES} more (use -v to show all)"


def _origin(files: Sequence[LockDifference]) -> str:
    """Return how large files are that were added, and where they come from."""
    if files[0].change is not LockChange.ADDED:
        return ""
    sources = sorted({each.source or "by hand" for each in files})
    return f" ({shown_size(sum(each.size for each in files))}, {', '.join(sources)})"


def _what(each: LockDifference, *, single: bool) -> str:
    """Return in a few words how a file differs; of a ``single`` one with its sums."""
    before, after = each.before or "", each.after or ""
    match each.change:
        case LockChange.ADDED | LockChange.REMOVED:
            return ""
        case LockChange.REPLACED:
            return f"other bytes, sha256 {before[:_SUM]} -> {after[:_SUM]}" if single else "other bytes"
        case LockChange.YANKED:
            return f"yanked: {cut(after)}" if after else "yanked"
        case LockChange.UNYANKED:
            return "yanked no longer"
        case LockChange.RULES:
            return f"rules {before[:_SUM] or 'none'} -> {after[:_SUM] or 'none'}"
        case LockChange.METADATA | LockChange.SOURCE:
            key, _, old = before.partition(": ")
            return f"{key} {cut(old)} -> {cut(after.partition(': ')[2])}"
        case LockChange.STATUS:
            return f"status {cut(before) or 'none'} -> {cut(after) or 'none'}"


_IN_WORDS: Final = {
    LockChange.RULES: "with other rules",
    LockChange.SOURCE: "from another source",
    LockChange.METADATA: "with other metadata",
    LockChange.STATUS: "with another status",
}


def render_lock_summary(differences: Iterable[LockDifference]) -> str:
    """Return the line that ends a comparison: how many files differ in which way.

    >>> render_lock_summary([])
    'Compared 2 locks: identical\\n'
    """
    counts = _files_by_change(differences)
    words = [f"{counts[change]} {_IN_WORDS.get(change, change)}" for change in LockChange if counts[change]]
    same = ["clients get the same"] if words and counts.keys() <= IN_NOTES else []
    return f"Compared 2 locks: {', '.join([*same, *words]) or 'identical'}\n"


def render_lock_difference_json(old: str, new: str, differences: Sequence[LockDifference]) -> str:
    """Return what differs as JSON, version 1, with a final line end; ``old`` and ``new`` are the paths of the locks."""
    counts = Counter(each.change for each in differences)
    summary = {change.value: counts[change] for change in LockChange}
    return document("diff locks", old=old, new=new, differences=list(differences), summary=summary)
