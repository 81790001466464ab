"""Many wheels, each looked at by every check, and the wheels of one release compared."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from wheelfix.checks.choice import Choice
from wheelfix.checks.codes import CHECKS
from wheelfix.checks.found import Found
from wheelfix.checks.inspection import inspect_wheel
from wheelfix.errors import WheelFault
from wheelfix.escaping import shown_few
from wheelfix.options import listed
from wheelfix.outcome import Fault, Inspection, Severity
from wheelfix.problems import failure
from wheelfix.releases import disagreements_of
from wheelfix.wheel import Wheel

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


def _siblings(paths: Iterable[Path]) -> list[tuple[Path, Fault]]:
    """Return the wheels that disagree with others of their release, each with a fault that tells on what."""
    requirements: dict[Path, list[str]] = {}
    for path in paths:
        try:
            with Wheel(path) as wheel:
                requirements[path] = [field.value.strip() for field in wheel.document.all("Requires-Dist")]
        except (WheelFault, OSError):  # its own inspection tells it
            continue
    found: dict[Path, list[str]] = {}
    for each in disagreements_of(requirements):
        for path in each.missing:
            found.setdefault(path, []).append(each.requirement)
    return [
        (path, Found(_SIBLINGS, "Requires-Dist", f"wheels of the same release also require {shown_few(texts)}").fault)
        for path, texts in found.items()
    ]
