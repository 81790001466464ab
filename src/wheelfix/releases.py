"""The wheels of one release, compared before any of them is written: lockers read one and take it for all."""

import re
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from packaging.utils import canonicalize_version

from wheelfix.errors import FilenameError
from wheelfix.escaping import shown, shown_few
from wheelfix.filename import WheelFilename
from wheelfix.metadata.requirement import meaning, read_requirement
from wheelfix.outcome import Disagreement, Outcome, Problem, Status, Verdict
from wheelfix.task import Brief

if TYPE_CHECKING:
    from wheelfix.evidence.linkage import Linkage

COMPANIONS: Final = frozenset({"torchvision", "torchaudio"})
"""Projects whose GPU builds need a GPU build of torch: they register operators with the one that they were built for."""
_TORCH: Final = "torch"

Item = TypeVar("Item")
Release = tuple[str, str]
"""A project, and a version without differences of spelling."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would become of one wheel: its ``outcome``, and its requirements as they came and as they would be.

    ``filename`` is the name that it would have, ``None`` where it is none of a wheel. ``readable`` tells whether the rest is
    known. ``gpu_build`` says in which words it is a GPU build, empty where it does not say so. ``linkage`` is what was
    read of its binaries.
    """

    outcome: Outcome
    filename: WheelFilename | None = None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    gpu_build: str = ""
    linkage: "Linkage | None" = None
    readable: bool = True

    @property
    def path(self) -> Path:
        """The path of the wheel."""
        return self.outcome.source

    @property
    def is_fixed(self) -> bool:
        """Whether something would change."""
        return self.outcome.status is Status.FIXED


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the releases of a run ask for: a brief for each wheel that was looked at, and how they disagreed as they came."""

    briefs: Mapping[Path, Brief] = field(default_factory=dict)
    disagreements: tuple[Disagreement, ...] = ()


def to_compare(paths: Iterable[Path]) -> list[Path]:
    """Return the wheels of ``paths`` that are to be looked at together, by their file names, in their order."""
    names = {path: name for path in paths if (name := read_name(path)) is not None}
    count: dict[Release, int] = {}
    for name in names.values():
        count[_release(name)] = count.get(_release(name), 0) + 1
    projects = {name.project for name in names.values()}
    torch_too = projects & COMPANIONS and _TORCH in projects
    return [
        path
        for path, name in names.items()
        if count[_release(name)] > 1 or (torch_too and name.project in {_TORCH, *COMPANIONS})
    ]


def read_name(path: Path) -> WheelFilename | None:
    """Return the parts of a wheel's file name, ``None`` if it is none."""
    try:
        return WheelFilename.parse(path.name)
    except FilenameError:  # its own outcome tells it
        return None


def _release(name: WheelFilename) -> Release:
    return name.project, canonicalize_version(name.version.replace("_", "-"))


def compare(rehearsals: Sequence[Rehearsal], *, allow_mixed: bool = False, local: str | None = None) -> Comparison:
    """Return what the releases of ``rehearsals`` ask for.

    Where wheels that agreed would no longer do so, all of their release are refused, unless ``allow_mixed``. With the label
    ``local`` wheels that change get a release of their own, and those of the same release that say the same go with them.
    Wheels that would get the same new name are refused.
    """
    named = [each for each in rehearsals if each.filename is not None]
    briefs = {each.path: Brief(linkage=each.linkage, after=each.after if each.readable else None) for each in named}
    for release in _grouped(named, [read_name(each.path) for each in named]):
        for path in _go_along(release) if local is not None else ():
            briefs[path] = replace(briefs[path], rename=True)
    names = [_new_name(each, local if briefs[each.path].rename else None) for each in named]
    for path, clash in _clashes([each.path for each in named], names):
        briefs[path] = replace(briefs[path], problem=clash)
    for release in _grouped(named, names):
        problem = None if allow_mixed else _would_disagree(release)
        for each in release if problem else ():
            briefs[each.path] = replace(briefs[each.path], problem=problem)
    for path, note in _companions(named):
        briefs[path] = replace(briefs[path], notes=(*briefs[path].notes, note))
    return Comparison(briefs, disagreements_of({each.path: each.before for each in named if each.readable}))


def _new_name(rehearsal: Rehearsal, local: str | None) -> WheelFilename | None:
    """Return the name that a wheel would have, with the label that it gets because its siblings do."""
    name = rehearsal.filename
    return name if name is None or local is None else name.with_local_label(local)


def _clashes(paths: Sequence[Path], names: Sequence[WheelFilename | None]) -> Iterator[tuple[Path, Problem]]:
    """Yield the wheels that have not one name and would get one, but for those that keep theirs."""
    count = Counter(map(str, names))
    for path, name in zip(paths, names, strict=True):
        if name is not None and count[str(name)] > 1 and str(name) != path.name:
            yield (
                path,
                Problem(
                    "same-output-name",
                    f"another wheel of this call would be called {name} too",
                    "Correct them in two calls with two output folders, or choose other names.",
                ),
            )


def _grouped(items: Sequence[Item], names: Sequence[WheelFilename | None]) -> list[list[Item]]:
    """Return what stands for wheels release by release, by their ``names``; one without a name is left out."""
    groups: dict[Release, list[Item]] = {}
    for each, name in zip(items, names, strict=True):
        if name is not None:
            groups.setdefault(_release(name), []).append(each)
    return [group for group in groups.values() if len(group) > 1]


def _differing(sets: Sequence[Collection[Hashable]]) -> set[Hashable]:
    """Return what is in some of ``sets`` and not in all."""
    return set().union(*sets) - set(sets[0]).intersection(*sets)


def _meanings(requirements: Iterable[str]) -> dict[Hashable, str]:
    return {meaning(each): each for each in requirements}


def disagreements_of(requirements: Mapping[Path, Sequence[str]]) -> tuple[Disagreement, ...]:
    """Return on which requirements the wheels of one release disagree, of wheels with their ``requirements``."""
    paths = [*requirements]
    return tuple(
        disagreement
        for release in _grouped(paths, [read_name(path) for path in paths])
        for disagreement in _in_release(release, [_meanings(requirements[path]) for path in release])
    )


def _in_release(paths: Sequence[Path], said: Sequence[Mapping[Hashable, str]]) -> Iterator[Disagreement]:
    name = WheelFilename.parse(paths[0].name)
    differing = _differing([each.keys() for each in said])
    for key, text in {key: text for each in said for key, text in each.items()}.items():
        if key in differing:
            present = tuple(path for path, mine in zip(paths, said, strict=True) if key in mine)
            missing = tuple(path for path, mine in zip(paths, said, strict=True) if key not in mine)
            yield Disagreement(name.project, name.version, text, present, missing)


def _go_along(release: Sequence[Rehearsal]) -> Iterator[Path]:
    """Yield the wheels in which nothing changes and that say what those say in which something does; no GPU builds."""
    new = [frozenset(_meanings(each.after)) for each in release if each.is_fixed]
    for each in release:
        if each.outcome.status is Status.UNCHANGED and not each.gpu_build and frozenset(_meanings(each.after)) in new:
            yield each.path


def _would_disagree(release: Sequence[Rehearsal]) -> Problem | None:
    """Return the problem of a release whose wheels would no longer agree on what they agreed on, or may not."""
    unreadable = [each for each in release if not each.readable]
    fixed = [each.path.name for each in release if each.is_fixed]
    texts = _newly_differing([each for each in release if each.readable])
    requires_other = any(each.is_fixed and _meanings(each.before).keys() != _meanings(each.after).keys() for each in release)
    if not fixed or not (texts or (unreadable and requires_other)):
        return None
    named = sorted({found.name if (found := read_requirement(text)) else text for text in texts})
    left = unreadable or [each for each in release if not each.is_fixed]
    reasons = map(_why_left, left)
    why = next((f" ({reason})" for reason in reasons if reason), "")
    others = f"not {shown_few([each.path.name for each in left])}{why}" if left else "each in another way"
    name = release[0].filename
    return Problem(
        "mixed-release",
        f"the wheels of {name.project if name else '?'} {name.version if name else '?'} would no longer agree"
        f"{f' on {shown_few(named)}' if named else ''}: {shown_few(fixed)} would be corrected, {others}",
        "Lockers read one wheel and take it for all. Correct all of them, or give the corrected ones a release of their own "
        "with --local, such as --local cpu; --allow-mixed writes them all the same.",
    )


def _why_left(rehearsal: Rehearsal) -> str:
    """Return why a wheel stays as it is, empty where it does not need to change."""
    outcome = rehearsal.outcome
    if outcome.problem:
        return outcome.problem.message
    weighed = (each for each in outcome.kept if each.verdict in (Verdict.UNSAFE, Verdict.UNPROVEN))
    return rehearsal.gpu_build or next((f"{each.verdict}: {each.evidence}" for each in weighed), "")


def _newly_differing(release: Sequence[Rehearsal]) -> list[str]:
    """Return the requirements on which two wheels would differ that did not before, or were of two releases."""
    before = [_meanings(each.before) for each in release]
    after = [_meanings(each.after if each.is_fixed else each.before) for each in release]  # one that is refused stays
    origins = [None if (name := read_name(each.path)) is None else _release(name) for each in release]
    found = []
    for key, text in {key: text for said in (*before, *after) for key, text in said.items()}.items():
        answers: dict[Hashable, set[bool]] = {}
        for origin, old, new in zip(origins, before, after, strict=True):
            answers.setdefault((origin, key in old), set()).add(key in new)
        agreed = all(len(answer) == 1 for answer in answers.values())
        if not agreed or (len(set(origins)) > 1 and len(set().union(*answers.values())) > 1):
            found.append(text)
    return found


def _companions(rehearsals: Iterable[Rehearsal]) -> Iterator[tuple[Path, str]]:
    """Yield a warning for each torch that is fixed beside GPU builds of packages that need a GPU build of it."""
    everything = [(each, each.filename) for each in rehearsals if each.filename]
    for torch, name in everything:
        for each, other in everything:
            beside = other.project in COMPANIONS and each.gpu_build and _place(name) == _place(other)
            if name.project == _TORCH and torch.is_fixed and beside:
                yield (
                    torch.path,
                    f"{shown(each.path.name)} is given beside it and is a GPU build ({each.gpu_build}): "
                    "it does not work with a CPU build of torch.",
                )


def _place(name: WheelFilename) -> tuple[str, str, str]:
    """Return for which Python, system and machine a wheel is, as far as two wheels for the same can be told."""
    system = re.match(r"(?:many|musl)?(?P<name>[a-z]+)", name.platform)
    machine = re.search(r"(?:x86_64|[a-z0-9]+)$", name.platform)
    return name.python, system["name"] if system else "", machine[0] if machine else ""
