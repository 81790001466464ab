"""The wheels of a release that others of it copy from (``copy-from``): read before those, as the rules leave them."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from wheelfix.fix.draft import make_outline, make_plan
from wheelfix.fix.plan import Outline, Plan
from wheelfix.fix.remote import known_sha256, open_by_directory
from wheelfix.fix.weigh import gather_evidence
from wheelfix.globs import matches
from wheelfix.locations import Location
from wheelfix.options import Policy
from wheelfix.results import failure
from wheelfix.rules.copying import COPIES_ITSELF, is_source
from wheelfix.rules.model import CopyFrom, RuleSet
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.release import CopySource, Declared, Release, by_release, read_name, release_of
from wheelfix.wheel.wheel import Wheel
from wheelfix.wheel.zip.source import RemoteWheel

if TYPE_CHECKING:
    from wheelfix.fix.release import Rehearsal


def copied_from(rules: RuleSet, paths: Iterable[Path]) -> list[Path]:
    """Return those of ``paths`` that a rule may copy from by their file names, if others of their release are given."""
    places: dict[Location, Path] = {path: path for path in paths}
    return _copied_from(rules, places)


_Wheel = TypeVar("_Wheel", bound=Path | RemoteWheel)


def _copied_from(rules: RuleSet, wheels: Mapping[Location, _Wheel]) -> list[_Wheel]:
    """Return those of the ``wheels``, each by its location, that a rule may copy from."""
    if not any(isinstance(rule.argument, CopyFrom) for rule in rules.rules):
        return []
    names = {place: read_name(Path(wheel.name)) for place, wheel in wheels.items()}
    releases = by_release([*names], [*names.values()])
    return [
        wheels[place] for release in releases for place in release if (name := names[place]) and any(_choosing(rules, name))
    ]


def _choosing(rules: RuleSet, name: WheelFilename) -> list[CopyFrom]:
    """Return what of ``rules`` chooses a wheel called ``name`` to copy from, as far as its name says."""
    return [
        rule.argument
        for rule in rules.rules
        if isinstance(rule.argument, CopyFrom)
        and (rule.when.project is None or matches(rule.when.project, name.project))
        and is_source(rule.argument, name)
    ]


def _merges(rules: RuleSet, name: WheelFilename) -> bool:
    return any(wanted.merge for wanted in _choosing(rules, name))


def is_settled(rehearsal: "Rehearsal", rules: RuleSet) -> bool:
    """Whether a wheel that others may copy from copies nothing itself, so that its rehearsal can be used as it is."""
    name, problem = read_name(rehearsal.path), rehearsal.outcome.problem
    copies = problem is not None and problem.code == COPIES_ITSELF
    return not copies and not (name and _merges(rules, name))


def copy_sources_in(rehearsals: "Iterable[Rehearsal]", rules: RuleSet) -> Callable[[Path], tuple[CopySource, ...]]:
    """Return what gives those of the wheels that were rehearsed that are of the same release as the one at a path."""
    found: dict[Release, list[CopySource]] = {}
    for each in rehearsals:
        name = read_name(each.path)
        if name is not None:
            declares = each.known.after if each.known else Declared()
            copy_source = CopySource(name, declares, each.outcome.problem, _merges(rules, name))
            found.setdefault(release_of(name), []).append(copy_source)

    def beside(path: Path) -> tuple[CopySource, ...]:
        name = read_name(path)
        return tuple(found.get(release_of(name), ())) if name else ()

    return beside


def read_copy_sources(
    paths: Iterable[Path | str | RemoteWheel] | Path | str, rules: RuleSet, *, policy: Policy = Policy()
) -> tuple[CopySource, ...]:
    """Return what those of the wheels at ``paths`` that ``rules`` copy from declare, as the rules leave them.

    One that cannot be read, or not be fixed as ``policy`` has it, has a ``problem``: nothing can be copied from it. A remote
    wheel is read by its directory alone.
    """
    places: dict[Location, Path | RemoteWheel] = {}
    for each in (paths,) if isinstance(paths, str | Path) else paths:
        wheel = Path(each) if isinstance(each, str) else each
        places[wheel if isinstance(wheel, Path) else wheel.url] = wheel
    return tuple(_read_copy_source(each, rules, policy) for each in _copied_from(rules, places))


def _read_copy_source(place: Path | RemoteWheel, rules: RuleSet, policy: Policy) -> CopySource:
    path = Path(place.name)
    name = WheelFilename.parse(path.name)
    try:
        plan = _planned(place, rules, policy)
        return CopySource(name, Declared.of(plan.new_metadata), plan.problem, _merges(rules, name))
    except Exception as error:  # noqa: BLE001 - one wheel never stops the others; those that copy from it say what it was
        return CopySource(name, problem=failure(path, error).problem)


def _planned(place: Path | RemoteWheel, rules: RuleSet, policy: Policy) -> Plan | Outline:
    if isinstance(place, Path):
        with Wheel(place) as wheel:
            return make_plan(wheel, rules, policy=policy, copy_sources=None)
    with open_by_directory(place) as reading:
        evidence = gather_evidence(reading.wheel)
        return make_outline(reading.wheel, rules, sha256=known_sha256(place), evidence=evidence, copy_sources=None)
