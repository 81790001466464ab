"""Every check on one wheel, or on many, and the wheels of one release compared."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from packaging.utils import canonicalize_name

from wheelfix.errors import SourceChanged, WheelFault
from wheelfix.options import Selection, listed
from wheelfix.results import UNREADABLE, CheckedWheel, Finding, Severity, VerifyReport, failure
from wheelfix.text import shown, shown_few
from wheelfix.verify.archive import check_each, check_entries, check_folders
from wheelfix.verify.companions import check_companions
from wheelfix.verify.entry_points import check_entry_points
from wheelfix.verify.finding import RawFinding
from wheelfix.verify.hashing import Sums, sum_entries
from wheelfix.verify.metadata import check_fields
from wheelfix.verify.names import check_names
from wheelfix.verify.record import Listing, check_rows, read_listing
from wheelfix.verify.registry import CHECKS
from wheelfix.verify.requirements import check_requirements
from wheelfix.verify.subject import Subject, form_of_damage, refusing, unreadable
from wheelfix.verify.wheel_file import check_wheel_file
from wheelfix.wheel.release import disagreements_of, releases_of
from wheelfix.wheel.requirement import plain_specifier, specifier_meaning
from wheelfix.wheel.sbom import TRACE, read_trace
from wheelfix.wheel.wheel import Wheel
from wheelfix.wheel.zip.layout import Layout
from wheelfix.wheel.zip.source import Readable, Source

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
"""The order in which findings are reported: the worst first, then that of the table."""
_MOST_ALIKE: Final = 1_000
"""How many findings of one code are reported of a wheel; the rest is counted."""


def check_wheel(path: Path) -> CheckedWheel:
    """Return every finding in the wheel at ``path``, the worst first; all its files are read.

    Nothing is raised for what is wrong with the wheel or with the file: that is a finding too.
    """
    return CheckedWheel(path, tuple(each.finding for each in first_of_each(findings_in(path))))


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found in a wheel, the worst first, and the sums of its entries, by name."""

    found: list[RawFinding]
    sums: Mapping[str, Sums]


def findings_in(path: Path, *, source: Source | None = None) -> list[RawFinding]:
    """Return every finding in the wheel at ``path``, with what fixes it, errors first.

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
    """Return every finding in the wheel at ``path``, and the sums of its entries.

    ``source`` is the file where it is open already, or what is read in its place, ``layout`` where its entries lie, if that
    was read. ``known`` are sums of entries that need not be read again.
    """
    sums: Mapping[str, Sums] = {}
    with Subject(path, source=source, layout=layout) as subject:
        too_large = _too_large(subject)
        found = [
            *too_large,
            *_ratio(subject),
            *check_entries(subject),
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
) -> list[RawFinding]:
    """Return the errors that can be seen without the contents of the payload: names, records, dist-info and RECORD's paths.

    ``path`` is what the wheel is called, ``source`` what it is read from, ``layout`` where its entries lie. Where others are
    known, ``only`` names the entries that are looked at each by itself; ``rows`` says whether RECORD is.
    """
    entries = layout.entries if only is None else [each for each in layout.entries if each.name in only]
    with Subject(path, source=source, layout=layout) as subject:
        found = [
            *check_each(subject, layout, entries),
            *check_folders(subject),
            *check_names(subject),
            *check_fields(subject),
            *check_requirements(subject),
            *check_entry_points(subject),
            *check_companions(subject),
            *(check_rows(subject, read_listing(subject), {}) if rows else ()),
        ]
        return [each for each in in_order([*subject.found, *found]) if each.finding.severity is Severity.ERROR]


def glance(path: Path, source: Source) -> list[Finding]:
    """Return what is seen of the wheel at ``path`` without reading its payload: errors, and names that do not fit."""
    with Subject(path, source=source) as subject:
        found = [*check_names(subject), *check_wheel_file(subject), *check_fields(subject), *check_requirements(subject)]
        found += [*check_entry_points(subject), *check_companions(subject)]
        listing = read_listing(subject)
        prefix = f"{subject.dist_info}/"
        small = [each for each in subject.readable if each.name.startswith(prefix) and each.size <= _SMALL]
        found += check_rows(subject, listing, sum_entries(source, small, listing.algorithms))
        findings = [each.finding for each in first_of_each(in_order([*subject.found, *found]))]
    return [each for each in findings if each.severity is Severity.ERROR or each.code in _SEEN]


def _ratio(subject: Subject) -> Iterator[RawFinding]:
    """Yield what PyPI takes for a bomb at upload (``COMPRESSION_RATIO_THRESHOLD`` in its forklift)."""
    if subject.source is None or subject.layout is None:
        return
    total = sum(entry.size for entry in subject.layout.entries)
    if total > _LARGE_UPLOAD and total > _UPLOAD_RATIO * subject.source.size:
        message = f"the entries take {total} bytes, {total // subject.source.size} times the file"
        yield RawFinding("archive-compression-ratio", "", message)


def _too_large(subject: Subject) -> list[RawFinding]:
    if subject.source is None or subject.layout is None:
        return []
    total = sum(entry.size for entry in subject.readable)
    if total <= max(_PLENTY, _GREATEST_RATIO * subject.source.size):
        return []
    return [RawFinding("archive-too-large", "", f"the entries claim {total} bytes; they are not read")]


def _sums(subject: Subject, listing: Listing, known: Mapping[str, Sums]) -> dict[str, Sums]:
    """Return the sums of all entries; those that are ``known`` by every algorithm that is wanted are taken from there."""
    if subject.source is None or subject.layout is None:
        return {}
    wanted = listing.algorithms
    kept = {name: each for name, each in known.items() if each.damage or each.digests.keys() >= {*wanted.get(name, ())}}
    unread = [entry for entry in subject.readable if entry.name not in kept]
    return {**kept, **sum_entries(subject.source, unread, wanted)}


def _damages(subject: Subject, sums: Mapping[str, Sums]) -> Iterator[RawFinding]:
    """Yield the entries that are damaged, but for those of which that was found already."""
    told = {each.place for each in subject.found if each.code in _OF_CONTENT}
    for name, each in sums.items():
        if each.damage and shown(name) not in told:
            refused_by = refusing("archive-damaged-entry", form_of_damage(name, each.damage))
            yield RawFinding("archive-damaged-entry", shown(name), each.damage, refused_by=refused_by)


def in_order(found: Iterable[RawFinding]) -> list[RawFinding]:
    """Return faults the worst first, in the order of the table, each once."""
    return sorted(dict.fromkeys(found), key=lambda each: _RANK[each.code])


def first_of_each(found: Iterable[RawFinding]) -> list[RawFinding]:
    """Return of many faults of one code the first thousand, and one that counts the rest; they come in order."""
    ordered, count = list[RawFinding](), dict[str, int]()
    for each in found:
        count[each.code] = count.get(each.code, 0) + 1
        if count[each.code] <= _MOST_ALIKE:
            ordered.append(each)
    for code, number in count.items():
        if number > _MOST_ALIKE:
            ordered.append(RawFinding(code, "", f"and {number - _MOST_ALIKE} more of this kind"))
    return sorted(ordered, key=lambda each: _RANK[each.code])


_DISAGREES: Final = "release-disagrees"


def verify_wheels(
    paths: Iterable[Path | str] | Path | str,
    *,
    select: Iterable[str] | str = (),
    ignore: Iterable[str] | str = (),
    on_wheel: Callable[[CheckedWheel], None] | None = None,
) -> VerifyReport:
    """Return every fault of every wheel: archive, names, RECORD, METADATA, companions, and siblings that disagree.

    ``paths`` are wheels, not folders. Every entry of each is read, in bounded memory and with both cores. With ``select``
    only codes that begin with one of its texts are told, with ``ignore`` none of those; a file that cannot be read is
    always reported. ``on_wheel`` is called as each wheel is done; what its siblings say is known only at the end.

    Nothing is raised for a wheel that is faulty, missing or no wheel at all: that is a finding too.

    :raises ValueError: if a text of ``select`` or ``ignore`` begins no code.
    """
    selection = Selection(select, ignore).among(CHECKS)
    given = [Path(path) for path in listed(paths)]
    checked: dict[Path, CheckedWheel] = {}
    for path in dict.fromkeys(given):
        checked[path] = _selected(_check(path), selection)
        if on_wheel:
            on_wheel(checked[path])
    for path, finding in _compare_releases(checked):
        added = _selected(CheckedWheel(path, (finding,)), selection)
        before = checked[path]
        findings, suppressed = (*before.findings, *added.findings), before.suppressed + added.suppressed
        checked[path] = replace(before, findings=findings, suppressed=suppressed)
    return VerifyReport(tuple(checked[path] for path in given))


def _check(path: Path) -> CheckedWheel:
    try:
        return check_wheel(path)
    except Exception as error:  # noqa: BLE001 - one wheel never stops the others; its fault tells what it was
        problem = failure(path, error).problem
        message = f"{problem.message}. {problem.hint}" if problem else str(error)
        return CheckedWheel(path, (RawFinding(UNREADABLE, "", message).finding,))


def _selected(wheel: CheckedWheel, selection: Selection) -> CheckedWheel:
    chosen = tuple(each for each in wheel.findings if each.code == UNREADABLE or selection.includes(each.code))
    return replace(wheel, findings=chosen, suppressed=len(wheel.findings) - len(chosen))


@dataclass(frozen=True, slots=True)
class _Statement:
    """What a wheel says that all wheels of its release should say, and the names of the wheels that it was made from."""

    requirements: tuple[str, ...]
    python: str
    extras: frozenset[str]
    made_from: frozenset[str]

    @classmethod
    def of(cls, wheel: Wheel) -> "_Statement":
        document = wheel.document
        trace = read_trace(wheel.read(TRACE)) if wheel.entry(TRACE) else None
        return cls(
            tuple(field.value.strip() for field in document.all("Requires-Dist")),
            plain_specifier(document.first("Requires-Python") or ""),
            frozenset(canonicalize_name(field.value.strip()) for field in document.all("Provides-Extra")),
            frozenset(each.filename for each in trace.ancestors) if trace else frozenset(),
        )


def _compare_releases(paths: Iterable[Path]) -> list[tuple[Path, Finding]]:
    """Return the wheels that disagree with others of their release, each with a finding that says on what."""
    said: dict[Path, _Statement] = {}
    for path in paths:
        try:
            with Wheel(path) as wheel:
                said[path] = _Statement.of(wheel)
        except (WheelFault, OSError):  # its own inspection tells it
            continue
    found: dict[tuple[Path, RawFinding], None] = {}
    for view in _views(said):
        found.update(dict.fromkeys(_disagreeing(view)))
    return [(path, each.finding) for path, each in found]


def _views(said: Mapping[Path, _Statement]) -> Iterator[dict[Path, _Statement]]:
    """Yield the wheels as they came and, where corrections of some are given too, as they are with those in their place.

    A wheel is a correction of the one that its provenance names, or that has the same file name: it takes its place, and
    need not agree with it.
    """
    by_name: dict[str, list[Path]] = {}
    for path in said:
        by_name.setdefault(path.name, []).append(path)
    originals, corrections = set[Path](), set[Path]()
    for alike in by_name.values():
        _, *later = sorted(alike, key=lambda path: len(said[path].made_from))
        corrections.update(later)
        originals.update(set(alike) - set(later[-1:]) if later else ())
    for path, each in said.items():
        sources = {source for name in each.made_from - {path.name} for source in by_name.get(name, ())}
        originals |= sources
        corrections |= {path} if sources else set()
    yield {path: each for path, each in said.items() if path not in corrections}
    if corrections:
        yield {path: each for path, each in said.items() if path not in originals}


def _disagreeing(said: Mapping[Path, _Statement]) -> Iterator[tuple[Path, RawFinding]]:
    """Yield on what wheels of one release disagree, for each wheel that lacks what others have."""
    lacking: dict[tuple[Path, str], list[str]] = {}
    for each in disagreements_of({path: statement.requirements for path, statement in said.items()}):
        for path in each.missing:
            lacking.setdefault((path, "Requires-Dist"), []).append(each.requirement)
    for release in releases_of(said):
        extras = frozenset().union(*(said[path].extras for path in release))
        pythons = {path: specifier_meaning(said[path].python) for path in release}
        for path in release:
            if missing := sorted(extras - said[path].extras):
                lacking.setdefault((path, "Provides-Extra"), []).extend(missing)
            if others := sorted({said[each].python for each in release if pythons[each] != pythons[path]}):
                message = (
                    f"wheels of the same release say {shown_few([each or 'nothing' for each in others])}; "
                    "uv lock fails, or does not, by which of them it reads"
                )
                yield path, RawFinding("release-requires-python", "Requires-Python", message)
    for (path, place), texts in lacking.items():
        verb = "require" if place == "Requires-Dist" else "provide"
        yield path, RawFinding(_DISAGREES, place, f"wheels of the same release also {verb} {shown_few(texts)}")
