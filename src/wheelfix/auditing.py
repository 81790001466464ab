"""Many wheels, each looked at by every check, and the wheels of one release compared."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name

from wheelfix.checks.choice import Choice
from wheelfix.checks.codes import CHECKS
from wheelfix.checks.found import Found
from wheelfix.checks.inspection import inspect_wheel
from wheelfix.errors import WheelFault
from wheelfix.escaping import shown_few
from wheelfix.options import listed
from wheelfix.outcome import Fault, Inspection, Severity
from wheelfix.problems import failure
from wheelfix.releases import disagreements_of, releases_of
from wheelfix.wheel.requirement import plain_specifier, specifier_meaning
from wheelfix.wheel.sbom import TRACE, read_trace
from wheelfix.wheel.wheel import Wheel

_SIBLINGS: Final = "siblings-disagree"
_UNREADABLE: Final = "file-unreadable"


@dataclass(frozen=True, slots=True)
class Audit:
    """The inspections of one run, in the order in which the wheels were given."""

    inspections: tuple[Inspection, ...]

    def count(self, severity: Severity) -> int:
        """Return how many faults of this severity there are in all wheels."""
        return sum(each.count(severity) for each in self.inspections)

    @property
    def suppressed(self) -> int:
        """How many findings were left out by ``select`` or ``ignore``."""
        return sum(each.suppressed for each in self.inspections)

    @property
    def complete(self) -> bool:
        """Whether every file could be read: of one that could not, nothing is known."""
        return not any(fault.code == _UNREADABLE for each in self.inspections for fault in each.faults)

    def passes(self, *, strict: bool = False) -> bool:
        """Whether there is no error, and with ``strict`` no warning either; notes never count."""
        return not (self.count(Severity.ERROR) or (strict and self.count(Severity.WARNING)))


def verify_wheels(
    paths: Iterable[Path | str] | Path | str,
    *,
    select: Iterable[str] | str = (),
    ignore: Iterable[str] | str = (),
    on_inspection: Callable[[Inspection], None] | None = None,
) -> Audit:
    """Return every fault of every wheel: archive, names, RECORD, METADATA, companions, and siblings that disagree.

    ``paths`` are wheels, not folders. Every member of each is read, in bounded memory and with both cores. With ``select``
    only codes that begin with one of its texts are told, with ``ignore`` none of those; a file that cannot be read is
    always reported. ``on_inspection`` is called as each wheel is done; what its siblings say is known only at the end.

    Nothing is raised for a wheel that is faulty, missing or no wheel at all: that is a fault too.

    :raises ValueError: if a text of ``select`` or ``ignore`` begins no code.
    """
    choice = Choice.of(CHECKS, select, ignore)
    given = [Path(path) for path in listed(paths)]
    inspections: dict[Path, Inspection] = {}
    for path in dict.fromkeys(given):
        inspections[path] = _chosen(_inspect(path), choice)
        if on_inspection:
            on_inspection(inspections[path])
    for path, fault in _siblings(inspections):
        added = _chosen(Inspection(path, (fault,)), choice)
        before = inspections[path]
        faults, suppressed = (*before.faults, *added.faults), before.suppressed + added.suppressed
        inspections[path] = replace(before, faults=faults, suppressed=suppressed)
    return Audit(tuple(inspections[path] for path in given))


def _inspect(path: Path) -> Inspection:
    try:
        return inspect_wheel(path)
    except Exception as error:  # noqa: BLE001 - one wheel never stops the others; its fault tells what it was
        problem = failure(path, error).problem
        message = f"{problem.message}. {problem.hint}" if problem else str(error)
        return Inspection(path, (Found(_UNREADABLE, "", message).fault,))


def _chosen(inspection: Inspection, choice: Choice) -> Inspection:
    chosen = tuple(fault for fault in inspection.faults if fault.code == _UNREADABLE or choice.includes(fault.code))
    return replace(inspection, faults=chosen, suppressed=len(inspection.faults) - len(chosen))


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
        trace = read_trace(wheel.read(TRACE)) if wheel.member(TRACE) else None
        return cls(
            tuple(field.value.strip() for field in document.all("Requires-Dist")),
            plain_specifier(document.first("Requires-Python") or ""),
            frozenset(canonicalize_name(field.value.strip()) for field in document.all("Provides-Extra")),
            frozenset(each.filename for each in trace.ancestors) if trace else frozenset(),
        )


def _siblings(paths: Iterable[Path]) -> list[tuple[Path, Fault]]:
    """Return the wheels that disagree with others of their release, each with a finding that says on what."""
    said: dict[Path, _Statement] = {}
    for path in paths:
        try:
            with Wheel(path) as wheel:
                said[path] = _Statement.of(wheel)
        except (WheelFault, OSError):  # its own inspection tells it
            continue
    found: dict[tuple[Path, Found], None] = {}
    for view in _views(said):
        found.update(dict.fromkeys(_disagreeing(view)))
    return [(path, each.fault) for path, each in found]


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


def _disagreeing(said: Mapping[Path, _Statement]) -> Iterator[tuple[Path, Found]]:
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
                yield path, Found("siblings-requires-python", "Requires-Python", message)
    for (path, place), texts in lacking.items():
        verb = "require" if place == "Requires-Dist" else "provide"
        yield path, Found(_SIBLINGS, place, f"wheels of the same release also {verb} {shown_few(texts)}")
