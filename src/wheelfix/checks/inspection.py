"""One wheel, looked at by every check."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from wheelfix.checks.codes import CHECKS
from wheelfix.checks.companions import check_companions
from wheelfix.checks.fields import check_fields
from wheelfix.checks.found import Found
from wheelfix.checks.hashing import Sums, sum_members
from wheelfix.checks.members import check_members
from wheelfix.checks.names import check_names
from wheelfix.checks.subject import Subject, unreadable
from wheelfix.checks.table import check_rows, wanted_algorithms
from wheelfix.errors import SourceChanged
from wheelfix.escaping import shown
from wheelfix.outcome import Inspection

_PLENTY: Final = 1 << 33
_GREATEST_RATIO: Final = 100
_RANK: Final = {code: rank for rank, code in enumerate(CHECKS)}
_MOST_ALIKE: Final = 1_000
"""How many faults of one code are told of a wheel; what comes behind them is counted."""


def inspect_wheel(path: Path) -> Inspection:
    """Return every fault of the wheel at ``path``, in the order of the table; all its members are read.

    Nothing is raised for what is wrong with the wheel or with the file: that is a fault too.
    """
    return Inspection(path, tuple(each.fault for each in in_order(find_faults(path))))


def find_faults(path: Path) -> list[Found]:
    """Return every fault of the wheel at ``path``, with what would mend it."""
    with Subject(path) as subject:
        found = [*check_members(subject), *check_names(subject), *check_fields(subject), *check_companions(subject)]
        try:
            sums = _sums(subject, found)
            found += check_rows(subject, sums)
            if subject.source is not None:
                subject.source.check_unchanged()
        except (SourceChanged, OSError) as error:
            found.append(unreadable(error))
        return [*subject.found, *found]


def _sums(subject: Subject, found: list[Found]) -> dict[str, Sums]:
    """Return the sums of all members; what is damaged becomes a fault."""
    if subject.source is None or subject.layout is None:
        return {}
    total = sum(member.size for member in subject.layout.members)
    if total > max(_PLENTY, _GREATEST_RATIO * subject.source.size):
        found.append(Found("archive-too-large", "", f"the members claim {total} bytes; they are not read"))
        return {}
    sums = sum_members(subject.source, subject.layout.members, wanted_algorithms(subject))
    told = {each.place for each in subject.found}
    for name, each in sums.items():
        if each.damage and shown(name) not in told:
            found.append(Found("archive-damaged-member", shown(name), each.damage))
    return sums


def in_order(found: Iterable[Found]) -> list[Found]:
    """Return faults in the order of the table; of many alike the first thousand, and one that counts the rest."""
    ordered, count = list[Found](), dict[str, int]()
    for each in sorted(dict.fromkeys(found), key=lambda each: _RANK[each.code]):
        count[each.code] = count.get(each.code, 0) + 1
        if count[each.code] <= _MOST_ALIKE:
            ordered.append(each)
    for code, number in count.items():
        if number > _MOST_ALIKE:
            ordered.append(Found(code, "", f"and {number - _MOST_ALIKE} more of this kind"))
    return sorted(ordered, key=lambda each: _RANK[each.code])
