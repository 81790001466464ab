"""One wheel, looked at by every check."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from wheelfix.checks.codes import CHECKS
from wheelfix.checks.companions import check_companions
from wheelfix.checks.entry_points import check_entry_points
from wheelfix.checks.fields import check_fields
from wheelfix.checks.forms import form_of_damage, refusing
from wheelfix.checks.found import Found
from wheelfix.checks.hashing import Sums, sum_members
from wheelfix.checks.listing import Listing, read_listing
from wheelfix.checks.members import check_each, check_folders, check_members
from wheelfix.checks.names import check_names
from wheelfix.checks.requirements import check_requirements
from wheelfix.checks.subject import Subject, unreadable
from wheelfix.checks.table import check_rows
from wheelfix.checks.wheel_file import check_wheel_file
from wheelfix.errors import SourceChanged
from wheelfix.escaping import shown
from wheelfix.outcome import Fault, Inspection, Severity
from wheelfix.wheel.zip.layout import Layout
from wheelfix.wheel.zip.source import Readable, Source

_PLENTY: Final = 1 << 33
_GREATEST_RATIO: Final = 100
_OF_CONTENT: Final = frozenset({"archive-damaged-member", "archive-member-too-large"})
"""What is found when a file of dist-info is read."""
_LARGE_UPLOAD: Final = 1 << 26
_UPLOAD_RATIO: Final = 50
_SMALL: Final = 1 << 23
_SEEN: Final = frozenset({"wheel-tags-differ", "wheel-build-differs", "legacy-metadata-json", "sbom-stale-trace"})
"""Warnings that are worth a line beside what a wheel requires."""
_SEVERITIES: Final = tuple(Severity)
_RANK: Final = {
    code: rank for rank, code in enumerate(sorted(CHECKS, key=lambda code: _SEVERITIES.index(CHECKS[code].severity)))
}
"""The order in which findings are reported: the worst first, then that of the table."""
_MOST_ALIKE: Final = 1_000
"""How many faults of one code are told of a wheel; what comes behind them is counted."""


def inspect_wheel(path: Path) -> Inspection:
    """Return every fault of the wheel at ``path``, the worst first; all its files are read.

    Nothing is raised for what is wrong with the wheel or with the file: that is a fault too.
    """
    return Inspection(path, tuple(each.fault for each in first_of_each(find_faults(path))))


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found in a wheel, the worst first, and the sums of its members, by name."""

    found: list[Found]
    sums: Mapping[str, Sums]


def find_faults(path: Path, *, source: Source | None = None) -> list[Found]:
    """Return every fault of the wheel at ``path``, with what mends it, the worst first.

    ``source`` is the file where it is open already.
    """
    return examine(path, source=source).found


def examine(
    path: Path,
    *,
    source: Readable | None = None,
    layout: Layout | None = None,
    known: Mapping[str, Sums] = MappingProxyType({}),
) -> Examined:
    """Return every finding in the wheel at ``path``, and the sums of its members.

    ``source`` is the file where it is open already, or what is read in its place, ``layout`` where its members lie, if that
    was read. ``known`` are sums of members that need not be read again.
    """
    sums: Mapping[str, Sums] = {}
    with Subject(path, source=source, layout=layout) as subject:
        too_large = _too_large(subject)
        found = [
            *too_large,
            *_ratio(subject),
            *check_members(subject),
            *check_names(subject),
            *check_wheel_file(subject),
            *check_fields(subject),
            *check_requirements(subject),
        ]
        found += () if too_large else [*check_entry_points(subject), *check_companions(subject)]
        try:
            listing = read_listing(subject)
            sums = {} if too_large else _sums(subject, listing, known)
            found += _damages(subject, sums)
            found += check_rows(subject, listing, sums)
            if isinstance(subject.source, Source):
                subject.source.check_unchanged()
        except (SourceChanged, OSError) as error:
            found.append(unreadable(error))
        return Examined(in_order([*subject.found, *found]), sums)


def structural_errors(
    path: Path, source: Readable, layout: Layout, *, only: Collection[str] | None = None, rows: bool = True
) -> list[Found]:
    """Return the errors that can be seen without the contents of the payload: names, records, dist-info and RECORD's paths.

    ``path`` is what the wheel is called, ``source`` what it is read from, ``layout`` where its members lie. Where others are
    known, ``only`` names the members that are looked at each by itself; ``rows`` says whether RECORD is.
    """
    members = layout.members if only is None else [each for each in layout.members if each.name in only]
    with Subject(path, source=source, layout=layout) as subject:
        found = [
            *check_each(subject, layout, members),
            *check_folders(subject),
            *check_names(subject),
            *check_fields(subject),
            *check_requirements(subject),
            *check_entry_points(subject),
            *check_companions(subject),
            *(check_rows(subject, read_listing(subject), {}) if rows else ()),
        ]
        return [each for each in in_order([*subject.found, *found]) if each.fault.severity is Severity.ERROR]


def glance(path: Path, source: Source) -> list[Fault]:
    """Return what is seen of the wheel at ``path`` without reading its payload: errors, and names that do not fit."""
    with Subject(path, source=source) as subject:
        found = [*check_names(subject), *check_wheel_file(subject), *check_fields(subject), *check_requirements(subject)]
        found += [*check_entry_points(subject), *check_companions(subject)]
        listing = read_listing(subject)
        prefix = f"{subject.dist_info}/"
        small = [each for each in subject.readable if each.name.startswith(prefix) and each.size <= _SMALL]
        found += check_rows(subject, listing, sum_members(source, small, listing.algorithms))
        faults = [each.fault for each in first_of_each(in_order([*subject.found, *found]))]
    return [each for each in faults if each.severity is Severity.ERROR or each.code in _SEEN]


def _ratio(subject: Subject) -> Iterator[Found]:
    """Yield what PyPI takes for a bomb at upload (``COMPRESSION_RATIO_THRESHOLD`` in its forklift)."""
    if subject.source is None or subject.layout is None:
        return
    total = sum(member.size for member in subject.layout.members)
    if total > _LARGE_UPLOAD and total > _UPLOAD_RATIO * subject.source.size:
        message = f"the entries take {total} bytes, {total // subject.source.size} times the file"
        yield Found("archive-compression-ratio", "", message)


def _too_large(subject: Subject) -> list[Found]:
    if subject.source is None or subject.layout is None:
        return []
    total = sum(member.size for member in subject.readable)
    if total <= max(_PLENTY, _GREATEST_RATIO * subject.source.size):
        return []
    return [Found("archive-too-large", "", f"the members claim {total} bytes; they are not read")]


def _sums(subject: Subject, listing: Listing, known: Mapping[str, Sums]) -> dict[str, Sums]:
    """Return the sums of all members; those that are ``known`` by every algorithm that is wanted are taken from there."""
    if subject.source is None or subject.layout is None:
        return {}
    wanted = listing.algorithms
    kept = {name: each for name, each in known.items() if each.damage or each.digests.keys() >= {*wanted.get(name, ())}}
    unread = [member for member in subject.readable if member.name not in kept]
    return {**kept, **sum_members(subject.source, unread, wanted)}


def _damages(subject: Subject, sums: Mapping[str, Sums]) -> Iterator[Found]:
    """Yield the members that are damaged, but for those of which that was found already."""
    told = {each.place for each in subject.found if each.code in _OF_CONTENT}
    for name, each in sums.items():
        if each.damage and shown(name) not in told:
            refused_by = refusing("archive-damaged-member", form_of_damage(name, each.damage))
            yield Found("archive-damaged-member", shown(name), each.damage, refused_by=refused_by)


def in_order(found: Iterable[Found]) -> list[Found]:
    """Return faults the worst first, in the order of the table, each once."""
    return sorted(dict.fromkeys(found), key=lambda each: _RANK[each.code])


def first_of_each(found: Iterable[Found]) -> list[Found]:
    """Return of many faults of one code the first thousand, and one that counts the rest; they come in order."""
    ordered, count = list[Found](), dict[str, int]()
    for each in found:
        count[each.code] = count.get(each.code, 0) + 1
        if count[each.code] <= _MOST_ALIKE:
            ordered.append(each)
    for code, number in count.items():
        if number > _MOST_ALIKE:
            ordered.append(Found(code, "", f"and {number - _MOST_ALIKE} more of this kind"))
    return sorted(ordered, key=lambda each: _RANK[each.code])
