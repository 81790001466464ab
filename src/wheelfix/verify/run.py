"""Every check on one wheel.

What checks entry points and the content of the payload is imported when a wheel has, or is checked for, such a thing: every
result of a fix is checked here, and few have either.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct

from wheelfix.codes import Fix, first_of_each
from wheelfix.errors import SourceChanged
from wheelfix.results import CheckedWheel, Finding, Severity
from wheelfix.text import shown
from wheelfix.verify.archive import check_directories, check_each, check_entries
from wheelfix.verify.companions import check_companions
from wheelfix.verify.installed import check_installed
from wheelfix.verify.metadata import check_fields
from wheelfix.verify.names import check_names, check_wheel_file
from wheelfix.verify.record import Listing, check_rows, read_listing
from wheelfix.verify.registry import CHECKS
from wheelfix.verify.requirements import check_requirements
from wheelfix.verify.subject import RawFinding, Subject, damaged
from wheelfix.wheel.zip.layout import Directory, Layout
from wheelfix.wheel.zip.source import Readable

if TYPE_CHECKING:
    from wheelfix.verify.hashing import Sums
    from wheelfix.wheel.metadata import Document

_PLENTY: Final = 1 << 33
_GREATEST_RATIO: Final = 100
_OF_CONTENT: Final = frozenset({"archive-damaged-entry", "archive-entry-too-large"})
"""What is found when a file of dist-info is read."""
_LARGE_UPLOAD: Final = 1 << 26
_UPLOAD_RATIO: Final = 50
_SMALL: Final = 1 << 23
_SEEN: Final = frozenset({"wheel-tags-differ", "wheel-build-differs", "legacy-metadata-json", "sbom-stale-provenance"})
"""Warnings that are worth a line beside what a wheel requires."""
_SEVERITIES: Final = tuple(Severity)
_RANK: Final = {
    code: rank for rank, code in enumerate(sorted(CHECKS, key=lambda code: _SEVERITIES.index(CHECKS[code].severity)))
}
"""The order in which findings are reported: errors first, then that of the registry."""
_MOST_ALIKE: Final = 1_000
"""How many findings of one code are reported of a wheel; the rest is counted."""


def check_wheel(path: Path, *, source: Readable | None = None) -> CheckedWheel:
    """Return every finding in the wheel at ``path``, errors first; all its files are read.

    ``source`` is the file where it is open already. Nothing is raised for what is wrong with the wheel or with the file:
    that is a finding too.
    """
    return CheckedWheel(path, tuple(each.finding for each in reported(findings_in(path, source=source))))


class Examined(Struct, frozen=True):
    """What was found in a wheel, the worst first, and the sums of its entries, by name.

    ``failure`` is the error of the system that ended the check, if any: then the findings are not complete.
    """

    found: list[RawFinding]
    sums: "Mapping[str, Sums]"
    failure: SourceChanged | OSError | None = None

    def of_all(self) -> "Examined":
        """Return the same.

        :raises SourceChanged, OSError: the failure, if there is one.
        """
        if self.failure is not None:
            raise self.failure
        return self


def findings_in(path: Path, *, source: Readable | None = None) -> list[RawFinding]:
    """Return every finding in the wheel at ``path``, with what fixes it, errors first.

    ``source`` is the file where it is open already.
    """
    return examine(path, source=source).found


def examine(path: Path, *, source: Readable | None = None, known: "Mapping[str, Sums]" = MappingProxyType({})) -> Examined:
    """Return every finding in the wheel at ``path``, and the sums of its entries.

    ``source`` is the file where it is open already, or what is read in its place. ``known`` are sums of entries that need
    not be read again.
    """
    with Subject(path, source=source) as subject:
        examined = _examine(subject, known)
        if subject.source is None or not any(CHECKS[each.code].fix is Fix.REBUILT for each in examined.found):
            return examined
        from wheelfix.verify.container import marked  # imported late: few wheels need it

        found = marked(path, subject.source, examined.found, examined.sums, examine_as_it_is)
        return Examined(found, examined.sums, subject.failure)


def examine_as_it_is(
    path: Path, source: Readable, known: "Mapping[str, Sums]"
) -> "tuple[list[RawFinding], Mapping[str, Sums]]":
    """Return every finding in the wheel at ``path``, and the sums of its entries; it is not tried to rebuild its archive."""
    with Subject(path, source=source) as subject:
        examined = _examine(subject, known)
    return examined.found, examined.sums


def _examine(subject: Subject, known: "Mapping[str, Sums]") -> Examined:
    from wheelfix.verify.hashing import PickedEntries, Summing

    too_large = _too_large(subject)
    checks = (_check_ratio, check_entries, check_wheel_file, *_OF_METADATA, *(() if too_large else _OF_OTHER_FILES))
    if subject.source is None:
        found = [*_run(checks, subject)]
        return Examined(in_order([*subject.found, *found]), {}, subject.failure)
    sums: dict[str, Sums] = {}
    listing = read_listing(subject)
    kept = {} if too_large else _kept(known, listing)
    unread = PickedEntries(subject.entries, [] if too_large else [name for name in subject.readable if name not in kept])
    with Summing(subject.source, unread, listing.algorithms) as summing:  # they are read while the rest is checked
        found = [*too_large, *_run(checks, subject)]
        try:
            sums = {**kept, **summing.result()}
            found += _damages(subject, sums)
            found += check_rows(subject, listing, sums)
            subject.source.check_unchanged()
        except (SourceChanged, OSError) as error:
            found.append(subject.unreadable(error))
    return Examined(in_order([*subject.found, *found]), sums, subject.failure)


def structural_errors(
    path: Path,
    source: Readable,
    layout: Layout,
    *,
    only: Collection[str] | None = None,
    rows: bool = True,
    only_metadata: bool = False,
    checked: "Document | None" = None,
) -> list[RawFinding]:
    """Return the errors that can be seen without the contents of the payload: names, records, dist-info and RECORD's paths.

    ``path`` has the wheel's name, ``source`` is what it is read from, ``layout`` where its entries are. Where others are
    known, ``only`` names the entries that are checked each by itself; ``rows`` says whether RECORD is. With
    ``only_metadata`` the layout may be that of dist-info alone: names elsewhere, and what refers to them, are not checked.
    ``checked`` is METADATA whose values are known.

    :raises SourceChanged, OSError: if the wheel cannot be read: of its errors nothing is known then.
    """
    entries = layout.entries if only is None else [each for each in layout.entries if each.name in only]
    with Subject(path, source=source, layout=layout) as subject:
        found = [
            *check_each(subject, layout, entries),
            *_run((check_directories, check_names, partial(check_fields, checked=checked), check_requirements), subject),
            *_run((check_companions,) if only_metadata else _OF_OTHER_FILES, subject),
            *(check_rows(subject, read_listing(subject), {}) if rows else ()),
        ]
        if subject.failure is not None:
            raise subject.failure
        return [each for each in in_order([*subject.found, *found]) if _is_lost_or_error(each)]


def _is_lost_or_error(found: RawFinding) -> bool:
    """Whether what was found is an error, or says that installers leave out a file."""
    return CHECKS[found.code].severity is Severity.ERROR or found.code == "data-script-wrapper"


def glance(
    path: Path, source: Readable, *, directory: Directory | None = None, hidden: Collection[str] = ()
) -> list[Finding]:
    """Return what is seen of the wheel at ``path`` without reading its payload: errors, and names that do not fit.

    With a ``directory``, which was read from ``source``, the archive is not checked, and what is ``hidden`` is not read.

    :raises ArchiveError: with a ``directory``, if an entry that is read is not where it says.
    """
    from wheelfix.verify.hashing import sum_entries

    with Subject(path, source=source, directory=directory, hidden=hidden) as subject:
        found = _run((check_wheel_file, *_OF_METADATA, *_OF_OTHER_FILES), subject)
        listing = read_listing(subject)
        prefix = f"{subject.dist_info}/"
        names = [name for name in subject.entries if name.startswith(prefix) and name not in subject.hidden]
        small = [subject.entries[name] for name in names if subject.size_of(name) <= _SMALL]
        found += check_rows(subject, listing, sum_entries(source, small, listing.algorithms))
        findings = [each.finding for each in reported(in_order([*subject.found, *found]))]
    return [each for each in findings if each.severity is Severity.ERROR or each.code in _SEEN]


def _check_entry_points(subject: Subject) -> Iterator[RawFinding]:
    """Yield the findings on entry points and scripts, where the wheel has any."""
    data = f"{subject.dist_info.removesuffix('.dist-info')}.data/"
    if "entry_points.txt" in subject.dist_info_files or any(name.startswith(data) for name in subject.entries):
        from wheelfix.verify.entry_points import check_entry_points

        yield from check_entry_points(subject)


_Check: TypeAlias = Callable[[Subject], Iterator[RawFinding]]
_OF_METADATA: Final[tuple[_Check, ...]] = (check_names, check_fields, check_requirements)
"""What is checked of names and METADATA."""
_OF_OTHER_FILES: Final[tuple[_Check, ...]] = (_check_entry_points, check_installed, check_companions)
"""What is checked of other files, which are not read where the wheel may be a ZIP bomb."""


def _run(checks: Iterable[_Check], subject: Subject) -> list[RawFinding]:
    return [found for check in checks for found in check(subject)]


def _check_ratio(subject: Subject) -> Iterator[RawFinding]:
    """Yield what PyPI treats as a ZIP bomb at upload (``COMPRESSION_RATIO_THRESHOLD`` in its forklift)."""
    if subject.source is None or subject.layout is None:
        return
    total = sum(entry.size for entry in subject.layout.entries)
    if total > _LARGE_UPLOAD and total > _UPLOAD_RATIO * subject.source.size:
        message = f"the entries take {total} bytes, {total // subject.source.size} times the file"
        yield RawFinding("archive-compression-ratio", "", message)


def _too_large(subject: Subject) -> list[RawFinding]:
    if subject.source is None or subject.layout is None:
        return []
    total = sum(map(subject.size_of, subject.readable))
    if total <= max(_PLENTY, _GREATEST_RATIO * subject.source.size):
        return []
    return [RawFinding("archive-too-large", "", f"the entries claim {total} bytes; they are not read")]


def _kept(known: "Mapping[str, Sums]", listing: Listing) -> "dict[str, Sums]":
    """Return those of the sums that are ``known`` by every algorithm that is wanted: they are not computed again."""
    wanted = listing.algorithms
    return {name: each for name, each in known.items() if each.damage or each.digests.keys() >= {*wanted.get(name, ())}}


def _damages(subject: Subject, sums: "Mapping[str, Sums]") -> Iterator[RawFinding]:
    """Yield the entries that are damaged, but for those of which that was found already."""
    known = {each.place for each in subject.found if each.code in _OF_CONTENT}
    for name, each in sums.items():
        if each.damage and shown(name) not in known:
            yield damaged(name, shown(name), each.damage)


def in_order(found: Iterable[RawFinding]) -> list[RawFinding]:
    """Return findings with errors first, in the order of the registry, each once."""
    return sorted(dict.fromkeys(found), key=lambda each: _RANK[each.code])


def reported(found: Iterable[RawFinding]) -> list[RawFinding]:
    """Return of many findings of one code the first thousand, and one that counts the rest; they come in order."""
    kept, more = first_of_each(found, _MOST_ALIKE)
    kept += (RawFinding(code, "", f"and {number} more of this kind") for code, number in more.items())
    return sorted(kept, key=lambda each: _RANK[each.code])
