"""Which requirements of two METADATA files differ, and which rows of two RECORDs."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Final, TypeVar

from wheelfix.diff.model import ChangeKind, RequirementChange, RowChange
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.record import Record, RecordRow, read_row
from wheelfix.wheel.requirement import meaning, read_requirement
from wheelfix.wheel.wheel import new_name

_Thing = TypeVar("_Thing", bound=Hashable)


def row_changes(old: bytes, new: bytes, directories: Mapping[str, str]) -> tuple[RowChange, ...]:
    """Return the rows that differ between two RECORD files, none if only order, quotes or line ends do.

    ``directories`` maps top-level directories to their new names.

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
        others = waiting[new_name(row.path, directories)]
        changes.append(_change(row, others.popleft()) if others else RowChange(ChangeKind.REMOVED, row, None))
    return (*changes, *(RowChange(ChangeKind.ADDED, None, row) for rows in waiting.values() for row in rows))


def _apart(old: list[_Thing], new: list[_Thing]) -> tuple[list[_Thing], list[_Thing]]:
    """Return what only one of them has, in order; duplicates count."""
    return _without(old, new), _without(new, old)


def _without(things: Iterable[_Thing], taken: Iterable[_Thing]) -> list[_Thing]:
    return list((Counter(things) - Counter(taken)).elements())


def _read(rows: Iterable[bytes]) -> list[RecordRow]:
    found = (read_row(raw, number) for number, raw in enumerate(filter(None, rows), 1))
    return [RecordRow(row.path, row.digest, row.size) for row in found]


def _change(old: RecordRow, new: RecordRow) -> RowChange:
    same = (old.digest, old.size) == (new.digest, new.size)
    return RowChange(ChangeKind.RENAMED if same else ChangeKind.CHANGED, old, new)


_FIELD: Final = "Requires-Dist"


def requirement_changes(old: Document, new: Document) -> tuple[RequirementChange, ...]:
    """Return the requirements that differ; those that only one document has come last.

    Two with the same meaning are one in another spelling. Of the rest, two of the same name are one that changed; pairs
    with the same extras and marker come first. Order does not matter.
    """
    gone, come = _apart(*([field.value.strip() for field in document.all(_FIELD)] for document in (old, new)))
    changes = []
    for kind, key in _PAIRINGS:
        pairs = list(_pairs(gone, come, key))
        gone = _without(gone, (one for one, _ in pairs))
        come = _without(come, (two for _, two in pairs))
        changes += [RequirementChange(kind, one, two) for one, two in pairs]
    changes += [RequirementChange(ChangeKind.REMOVED, each, None) for each in gone]
    changes += [RequirementChange(ChangeKind.ADDED, None, each) for each in come]
    return tuple(changes)


def _pairs(gone: list[str], come: list[str], key: Callable[[str], Hashable]) -> Iterator[tuple[str, str]]:
    """Yield each of ``gone`` with the first of ``come`` that has the same key and is still free."""
    waiting: defaultdict[Hashable, deque[str]] = defaultdict(deque)
    for each in come:
        waiting[key(each)].append(each)
    for each in gone:
        found = key(each)
        if found is not None and waiting[found]:
            yield each, waiting[found].popleft()


def _name_and_conditions(text: str) -> Hashable:
    found = read_requirement(text)
    return None if found is None else (found.name, found.extras, found.marker)


def _name(text: str) -> Hashable:
    found = read_requirement(text)
    return None if found is None else found.name


_PAIRINGS: Final[tuple[tuple[ChangeKind, Callable[[str], Hashable]], ...]] = (
    (ChangeKind.RESPELLED, meaning),
    (ChangeKind.CHANGED, _name_and_conditions),
    (ChangeKind.CHANGED, _name),
)
