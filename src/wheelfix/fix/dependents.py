"""Requirements on given wheels that get another name or version in the same run, and whether they follow.

torchvision requires ``torch==2.7.0``: where torch 2.7.0 becomes 2.7.0+cpu beside it, torchvision can require just that. A
wheel that changes by this may get another version itself, and what requires it follows in turn.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace
from packaging.utils import canonicalize_name

from wheelfix.fix.pins import Move, allows, followed
from wheelfix.fix.release import Rehearsal, new_names
from wheelfix.options import Naming
from wheelfix.results import Problem, Status
from wheelfix.text import shown, shown_few
from wheelfix.wheel.filename import WheelFilename, system_and_machine
from wheelfix.wheel.release import read_name
from wheelfix.wheel.requirement import read_requirement

_MOST_NOTES: Final = 20


class _Given(Struct, frozen=True):
    """Given wheels of one project and version that end under one name: ``names`` are their file names as they came."""

    move: Move
    names: tuple[WheelFilename, ...]


_Offers: TypeAlias = Mapping[str, Sequence[_Given]]
"""The given wheels of each project of which one gets another name or version."""


def follow(
    rehearsals: Sequence[Rehearsal], naming: Naming, again: Callable[[list[Rehearsal]], list[Rehearsal]]
) -> list[Rehearsal]:
    """Return ``rehearsals`` with requirements on given wheels that follow those, or with notes on what fits no more.

    Where ``naming`` lets them follow, ``again`` rehearses wheels with their new ``moves``, as often as another wheel gets
    another name by it: at most once for each wheel, in whatever order they were given.
    """
    current = list(rehearsals)
    for _ in rehearsals if naming.follow_pins else ():
        offers = _offers(current, naming)
        wanted = {each.path: _moves(each, offers) for each in current}
        stale = [replace(each, moves=wanted[each.path]) for each in current if wanted[each.path] != each.moves]
        if not stale:
            break
        done = {each.path: replace(each, moves=wanted[each.path]) for each in again(stale)}
        current = [done.get(each.path, each) for each in current]
    offers = _offers(current, naming)
    return [_judged(each, offers, follows=naming.follow_pins) for each in current] if offers else current


def _offers(rehearsals: Iterable[Rehearsal], naming: Naming) -> _Offers:
    groups: dict[str, dict[Move, list[WheelFilename]]] = {}
    for old, move in (*_given_moves(rehearsals, naming), *_moves_beside(naming)):
        groups.setdefault(old.project, {}).setdefault(move, []).append(old)
    moved = {project: found for project, found in groups.items() if any(_is_moved(move) for move in found)}
    return {
        project: [_Given(move, tuple(sorted(set(names), key=str))) for move, names in sorted(found.items(), key=str)]
        for project, found in moved.items()
    }


def _given_moves(rehearsals: Iterable[Rehearsal], naming: Naming) -> Iterator[tuple[WheelFilename, Move]]:
    for each, new in new_names(rehearsals, naming):
        old = read_name(each.path)
        if old is not None and new is not None:
            yield old, _move(old, new if each.outcome.problem is None else old)


def _moves_beside(naming: Naming) -> Iterator[tuple[WheelFilename, Move]]:
    """Yield the moves of wheels that other runs rename: their names are known, whatever else changes in them."""
    for filename in naming.beside if naming.rename_unchanged else ():
        old = read_name(Path(filename))
        if old is not None:
            yield old, _move(old, naming.new_filename(old))


def _move(old: WheelFilename, new: WheelFilename) -> Move:
    one, other = (name.version.replace("_", "-") for name in (old, new))
    return Move(old.project, one, new.project if new.project != old.project else None, other if other != one else None)


def _is_moved(move: Move) -> bool:
    return move.name is not None or move.new_version is not None


def _moves(rehearsal: Rehearsal, offers: _Offers) -> tuple[Move, ...]:
    """Return the moves that requirements of a wheel follow: those after which they fit all wheels beside it."""
    found = set(_kept(rehearsal, offers))
    for text in _requirements(rehearsal):
        beside = _beside(rehearsal, text, offers)
        moves = {after: each.move for each in beside if (after := followed(text, each.move)) != text}
        if len(moves) == 1 and all(_is_met(after, each.move) for after in moves for each in beside):
            found |= {*moves.values()}
    return tuple(sorted(found, key=str))


def _is_met(text: str, move: Move) -> bool:
    """Whether a wheel meets the requirement ``text`` once ``move`` is made."""
    requirement, version = read_requirement(text), move.new_version or move.version
    name = canonicalize_name(move.name or move.project)
    return requirement is not None and requirement.name == name and bool(allows(requirement, version))


def _kept(rehearsal: Rehearsal, offers: _Offers) -> Iterable[Move]:
    """Yield the moves that a wheel has followed already: the requirement that did is not there any more."""
    known = {each.move for given in offers.values() for each in given}
    return (move for move in rehearsal.moves if move in known)


def _requirements(rehearsal: Rehearsal) -> tuple[str, ...]:
    """Return what a wheel requires in the end, where that is known and it is written."""
    known = rehearsal.known
    return known.after.requirements if known is not None and rehearsal.outcome.problem is None else ()


def _beside(rehearsal: Rehearsal, text: str, offers: _Offers) -> list[_Given]:
    """Return the given wheels that the requirement ``text`` allows as they came, and that fit beside the wheel."""
    requirement, own = read_requirement(text), read_name(rehearsal.path)
    if requirement is None or own is None or requirement.name == own.project:
        return []
    return [
        each
        for each in offers.get(requirement.name, ())
        if allows(requirement, each.move.version) and any(fits_beside(own, name) for name in each.names)
    ]


def fits_beside(one: WheelFilename, other: WheelFilename) -> bool:
    """Whether one environment could install both wheels, as far as the tags of their file names say.

    >>> names = "a-1-cp311-cp311-win32.whl", "b-1-py3-none-any.whl", "c-1-cp312-cp312-win32.whl"
    >>> one, any_of, other = map(WheelFilename.parse, names)
    >>> fits_beside(one, any_of), fits_beside(one, other)
    (True, False)
    """
    pythons = [{*name.python.split(".")} for name in (one, other)]
    stable = any(part == "abi3" for name in (one, other) for part in name.abi.split("."))
    generic = any(tag.startswith("py") for tags in pythons for tag in tags)
    places = [{system_and_machine(tag) for tag in name.platform.split(".")} for name in (one, other)]
    anywhere = any(system == "any" for each in places for system, _ in each)
    same_place = anywhere or any(_is_same(mine, its) for mine in places[0] for its in places[1])
    return same_place and (stable or generic or not pythons[0].isdisjoint(pythons[1]))


def _is_same(one: tuple[str, str], other: tuple[str, str]) -> bool:
    return one[0] == other[0] and (one[1] == other[1] or "universal2" in (one[1], other[1]))


def _judged(rehearsal: Rehearsal, offers: _Offers, *, follows: bool) -> Rehearsal:
    """Return a rehearsal with notes on the requirements that fit no more, or refused where one could follow to several."""
    notes, problem = list[str](), None
    for text in _requirements(rehearsal):
        beside = _beside(rehearsal, text, offers)
        fitting = [each for each in beside if _is_met(text, each.move)]
        several = sorted({str(each.move) for each in beside if followed(text, each.move) != text})
        if follows and several and len(fitting) < len(beside):
            problem = problem or _ambiguous(text, several)
        elif follows and several:
            notes.append(f"{shown(text)} was kept: it allows all of these, and {shown_few(several)}.")
        elif beside and not fitting:
            why = shown_few(sorted({str(each.move) for each in beside}))
            help_ = "" if follows or not several else " --follow-pins lets it follow."
            notes.append(f"{shown(text)} no longer fits the wheels that are given beside it: {why}.{help_}")
    if problem is not None:
        outcome = replace(rehearsal.outcome, status=Status.REFUSED, problem=problem)
        return replace(rehearsal, outcome=outcome, problem=problem)
    return replace(rehearsal, notes=(*rehearsal.notes, *notes[:_MOST_NOTES]))


def _ambiguous(text: str, several: Sequence[str]) -> Problem:
    return Problem(
        "ambiguous-pin",
        f"the requirement {shown(text)} could follow in more than one way",
        "Give the wheels of one version of it in a run of their own, beside those that are to require it.",
        shown_few(several),
    )


def without_refused(named: Mapping[Path, Rehearsal]) -> dict[Path, Rehearsal]:
    """Return the rehearsals ``named`` by their paths; one is refused that follows wheels of which none will be written."""
    found = dict(named)
    while True:
        refused = [
            (each, missing)
            for each in found.values()
            if each.problem is None and each.outcome.problem is None and (missing := _missing(each, found.values()))
        ]
        if not refused:
            return found
        for each, missing in refused:
            problem = Problem(
                "pin-not-written",
                f"it would require a version that is not written: {missing}",
                "Correct what refuses that wheel, or run without --follow-pins.",
            )
            found[each.path] = replace(each, problem=problem)


def _missing(rehearsal: Rehearsal, others: Collection[Rehearsal]) -> str:
    """Return a move that a wheel follows and that no other wheel makes, empty if there is none."""
    for move in rehearsal.moves:
        makers = [each for each in others if _makes(each, move)]
        if makers and all(each.problem or each.outcome.problem for each in makers):
            return str(move)
    return ""


def _makes(rehearsal: Rehearsal, move: Move) -> bool:
    old = read_name(rehearsal.path)
    return old is not None and old.project == move.project and old.version.replace("_", "-") == move.version
