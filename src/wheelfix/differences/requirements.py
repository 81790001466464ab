"""Which requirements differ between two METADATA files."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Final

from wheelfix.differences.model import ChangeKind, RequirementChange
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.requirement import meaning, read_requirement

_FIELD: Final = "Requires-Dist"


def requirement_changes(old: Document, new: Document) -> tuple[RequirementChange, ...]:
    """Return the requirements that differ, those that only one of them has last.

    Two that say the same are one in another spelling; of the rest, those of one name are one that changed, paired by
    extras and marker first. Order tells nothing.
    """
    before, after = ([field.value.strip() for field in document.all(_FIELD)] for document in (old, new))
    gone, come = _without(before, after), _without(after, before)
    changes = []
    for kind, key in _PAIRINGS:
        pairs = list(_pairs(gone, come, key))
        gone = _without(gone, (one for one, _ in pairs))
        come = _without(come, (two for _, two in pairs))
        changes += [RequirementChange(kind, one, two) for one, two in pairs]
    changes += [RequirementChange(ChangeKind.REMOVED, each, None) for each in gone]
    changes += [RequirementChange(ChangeKind.ADDED, None, each) for each in come]
    return tuple(changes)


def _without(texts: Iterable[str], taken: Iterable[str]) -> list[str]:
    return list((Counter(texts) - Counter(taken)).elements())


def _pairs(gone: list[str], come: list[str], key: Callable[[str], Hashable]) -> Iterator[tuple[str, str]]:
    """Yield each of ``gone`` with the first of ``come`` that has the same key and is not taken yet."""
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
