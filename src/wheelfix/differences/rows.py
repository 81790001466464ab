"""Which rows of RECORD differ."""

from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

from wheelfix.differences.model import ChangeKind, RecordRow, RowChange
from wheelfix.wheel.record import Record

_Thing = TypeVar("_Thing", bound=Hashable)


def row_changes(old: bytes, new: bytes, folders: Mapping[str, str]) -> tuple[RowChange, ...]:
    """Return the rows that differ between two RECORD files, none if only order, quotes or line ends do.

    ``folders`` maps top-level folders to their new names.

    :raises RecordError: if rows that differ cannot be read.
    """
    raw = ([row.rstrip(b"\r\n") for row in Record.parse(data).rows] for data in (old, new))
    before, after = (_read(rows) for rows in _apart(*raw))
    gone, come = _apart(before, after)
    waiting: defaultdict[str, deque[RecordRow]] = defaultdict(deque)
    for row in come:
        waiting[row.path].append(row)
    changes = []
    for row in gone:
        others = waiting[_renamed(row.path, folders)]
        changes.append(_change(row, others.popleft()) if others else RowChange(ChangeKind.REMOVED, row, None))
    return (*changes, *(RowChange(ChangeKind.ADDED, None, row) for rows in waiting.values() for row in rows))


def _apart(old: Iterable[_Thing], new: Iterable[_Thing]) -> tuple[list[_Thing], list[_Thing]]:
    """Return what only one of them has, each in its order; what one has more often counts."""
    before, after = Counter(old), Counter(new)
    return list((before - after).elements()), list((after - before).elements())


def _read(rows: Iterable[bytes]) -> list[RecordRow]:
    return [RecordRow(row.path, row.digest, row.size) for row in Record(tuple(filter(None, rows))).columns()]


def _renamed(path: str, folders: Mapping[str, str]) -> str:
    top, slash, rest = path.partition("/")
    return f"{folders[top]}/{rest}" if slash and top in folders else path


def _change(old: RecordRow, new: RecordRow) -> RowChange:
    same = (old.digest, old.size) == (new.digest, new.size)
    return RowChange(ChangeKind.RENAMED if same else ChangeKind.CHANGED, old, new)
