"""The wheels of one release, compared before any of them is written.

Resolvers read one wheel and assume that it speaks for the whole release, so a run must not leave wheels that disagree more
than they did before.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from msgspec.structs import replace

from wheelfix.errors import EditError
from wheelfix.locations import Location
from wheelfix.options import Naming
from wheelfix.results import Disagreement, Outcome, Problem, Status, Verdict
from wheelfix.text import shown, shown_few
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.filename import WheelFilename, system_and_machine
from wheelfix.wheel.release import (
    CopySource,
    Declared,
    Release,
    Topic,
    by_release,
    disagreements_of,
    meanings,
    read_name,
    release_of,
)
from wheelfix.wheel.requirement import meaning

if TYPE_CHECKING:
    from wheelfix.evidence.linkage import Linkage
    from wheelfix.fix.pins import Move
    from wheelfix.fix.plan import Plan

COMPANIONS: Final = frozenset({"torchvision", "torchaudio", "torchcodec"})
"""Projects whose GPU builds need a GPU build of torch: they register operators with the one that they were built for."""
TORCH: Final = "torch"
"""The project that those need."""


class Rehearsal(Struct, frozen=True):
    """What would become of one wheel: its ``outcome``, and what it declares as it came and as it would be.

    ``filename`` is the name that it would have, ``None`` where it is none of a wheel. ``readable`` says whether the rest is
    known. ``gpu_build`` says in which words it is a GPU build, empty where it does not say so. ``linkage`` is what was
    read of its binaries. ``plan`` may be kept, with the ``identity`` of the file that it was made for. ``copy_sources`` are
    the wheels that it can copy from, ``moves`` the new names and versions of others that its requirements follow. The last
    three are what its release requires of it, once it was compared: ``problem`` refuses it, ``rename`` gives it the new name
    even if nothing else changes, ``notes`` are added to its outcome.
    """

    outcome: Outcome
    filename: WheelFilename | None = None
    before: Declared = field(default_factory=Declared)
    after: Declared = field(default_factory=Declared)
    gpu_build: str = ""
    linkage: "Linkage | None" = None
    readable: bool = True
    plan: "Plan | None" = None
    identity: tuple[int, ...] = ()
    copy_sources: tuple[CopySource, ...] = ()
    moves: "tuple[Move, ...]" = ()
    problem: Problem | None = None
    rename: bool = False
    notes: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The path of the wheel."""
        return self.outcome.source

    @property
    def is_fixed(self) -> bool:
        """Whether something would change."""
        return self.outcome.status is Status.FIXED

    @property
    def known(self) -> "Known | None":
        """What it declares before and after, ``None`` where nobody could read it; one that is refused does not change."""
        origin = read_name(self.path)
        release = None if origin is None else release_of(origin)
        return Known(release, self.before, self.after if self.is_fixed else self.before) if self.readable else None


def unreadable(outcome: Outcome) -> Rehearsal:
    """Return the rehearsal of a wheel that cannot be looked at, as its ``outcome`` says."""
    return Rehearsal(outcome, read_name(outcome.source), readable=False)


def to_compare(paths: Iterable[Path]) -> list[Path]:
    """Return the wheels of ``paths`` that are to be looked at together, by their file names, in their order."""
    names = {path: name for path in paths if (name := read_name(path)) is not None}
    count: dict[Release, int] = {}
    for name in names.values():
        count[release_of(name)] = count.get(release_of(name), 0) + 1
    projects = {name.project for name in names.values()}
    torch_too = projects & COMPANIONS and TORCH in projects
    return [
        path
        for path, name in names.items()
        if count[release_of(name)] > 1 or (torch_too and name.project in {TORCH, *COMPANIONS})
    ]


def compare(
    rehearsals: Iterable[Rehearsal], *, allow_mixed: bool = False, naming: Naming = Naming()
) -> tuple[dict[Path, Rehearsal], tuple[Disagreement, ...]]:
    """Return the rehearsals by their paths, what their releases require, and how wheels disagreed before the run.

    Where wheels that agreed would no longer do so, all of their release are refused, unless ``allow_mixed``. Where
    ``naming`` gives wheels that change a release of their own, those of the same release that declare the same get it too.
    Wheels that would get the same new name are refused. Disagreements that the run would resolve say so.
    """
    names = dict[Path, WheelFilename | None]()
    named = dict[Path, Rehearsal]()
    for each, name in new_names(rehearsals, naming):
        named[each.path], names[each.path] = each, name
    for path, clash in _clashes(names):
        named[path] = replace(named[path], problem=clash)
    for release in by_release([*named.values()], [*names.values()]):
        problem = None if allow_mixed else _would_disagree(release)
        for each in release if problem else ():
            named[each.path] = replace(named[each.path], problem=problem)
    for path, note in _companions(named.values()):
        named[path] = replace(named[path], notes=(*named[path].notes, note))
    found = disagreements_of({path: each.before.requirements for path, each in named.items() if each.readable})
    ending: dict[Location, tuple[Release | None, Collection[Hashable]]] = {
        path: (release_of(name) if (name := names[path]) else None, meanings(each.after.requirements).keys())
        for path, each in named.items()
        if each.problem is None and each.outcome.problem is None
    }
    return named, tuple(replace(each, resolved=_is_resolved(each, ending)) for each in found)


def _is_resolved(disagreement: Disagreement, ending: Mapping[Location, tuple[Release | None, Collection[Hashable]]]) -> bool:
    """Whether all wheels that disagree are done, and those that end in one release agree on the requirement then.

    ``ending`` has the release and the requirements that each wheel ends with.
    """
    wanted = meaning(disagreement.requirement)
    answers: dict[Release | None, set[bool]] = {}
    for path in (*disagreement.present, *disagreement.missing):
        if path not in ending:
            return False
        release, requirements = ending[path]
        answers.setdefault(release, set()).add(wanted in requirements)
    return all(len(said) == 1 for said in answers.values())


def new_names(rehearsals: Iterable[Rehearsal], naming: Naming = Naming()) -> list[tuple[Rehearsal, WheelFilename | None]]:
    """Return the rehearsals of wheels with the name that each would have, those that go along with others included."""
    named = {each.path: each for each in rehearsals if each.filename is not None}
    for release in by_release([*named.values()], [read_name(path) for path in named]) if naming.moves else ():
        for path in _go_along(release):
            named[path] = replace(named[path], rename=True)
    return [(each, _new_name(each, naming)) for each in named.values()]


def _new_name(rehearsal: Rehearsal, naming: Naming) -> WheelFilename | None:
    """Return the name that a wheel would have, also where it gets it because others of its release do."""
    if rehearsal.filename is None or not rehearsal.rename:
        return rehearsal.filename
    try:
        return naming.new_filename(rehearsal.filename)
    except EditError:  # it has no such name, and its own outcome will say so
        return rehearsal.filename


def _clashes(names: Mapping[Path, WheelFilename | None]) -> Iterator[tuple[Path, Problem]]:
    """Yield the wheels that have not one name and would get one, but for those that keep theirs."""
    count = Counter(map(str, names.values()))
    for path, name in names.items():
        if name is not None and count[str(name)] > 1 and str(name) != path.name:
            yield (
                path,
                Problem(
                    "same-output-name",
                    f"another wheel of this run would be called {name} too",
                    "Fix them in two runs with two output directories, or choose other names.",
                ),
            )


def _go_along(release: Sequence[Rehearsal]) -> Iterator[Path]:
    """Yield the wheels in which nothing changes and that say what those say in which something does; no GPU builds."""
    new = [meanings(each.after.requirements).keys() for each in release if each.is_fixed]
    for each in release:
        same = meanings(each.after.requirements).keys() in new
        if each.outcome.status is Status.UNCHANGED and not each.gpu_build and same:
            yield each.path


def _would_disagree(release: Sequence[Rehearsal]) -> Problem | None:
    """Return why the wheels of a release must not be fixed as planned: they would disagree more than before, or may."""
    fixed = [each.path.name for each in release if each.is_fixed]
    if not fixed:
        return None
    worse = newly_differing([each.known for each in release if each.known is not None])
    if worse:
        left = [each for each in release if not each.is_fixed]
        why = next((f" ({reason})" for each in left if (reason := _why_left(each))), "")
        others = f"not {shown_few([each.path.name for each in left])}{why}" if left else "each in another way"
        message = f"the wheels of {_title(release)} would no longer agree on {shown_few(worse)}"
        return Problem("mixed-release", message, _next_step(left), f"{shown_few(fixed)} would be fixed, {others}")
    lost = [each for each in release if each.known is None]
    if lost and any(each.is_fixed and each.before.answers() != each.after.answers() for each in release):
        why = _why_left(lost[0])
        message = f"it is not known whether the wheels of {_title(release)} would still agree"
        reason = f"{shown_few([each.path.name for each in lost])} could not be compared{f': {why}' if why else ''}"
        return Problem(
            "mixed-release",
            message,
            "Run again with a copy that can be read, or give the fixed ones a release of their own with --local.",
            reason,
        )
    return None


def _next_step(left: Sequence[Rehearsal]) -> str:
    """Return what to do where wheels of a release would be ``left`` as they are."""
    codes = {each.outcome.problem.code if each.outcome.problem else "" for each in left}
    return _BY_CODE[codes.pop()] if len(codes) == 1 and codes <= _BY_CODE.keys() else _NEXT_STEPS


_NEXT_STEPS: Final = (
    "Fix all of them, or give the fixed ones a release of their own with --local, such as --local cpu; --allow-mixed writes "
    "them anyway."
)
_BY_CODE: Final = {
    "unsafe": "Copy GPU builds unchanged, and give the fixed wheels a release of their own: --skip-gpu-builds --local cpu.",
    "unproven": "Fix all of them with --allow-unproven if you know that they need none of these; or copy the others "
    "unchanged, and give the fixed wheels a release of their own: --skip-unproven --local cpu.",
}
"""What to do where all wheels that are left were refused for the same reason."""


def _title(release: Sequence[Rehearsal]) -> str:
    name = release[0].filename
    return f"{name.project} {name.version}" if name else "?"


def _why_left(rehearsal: Rehearsal) -> str:
    """Return why a wheel is not changed, empty where it does not need to change."""
    outcome = rehearsal.outcome
    if outcome.problem:
        return ": ".join(filter(None, (outcome.problem.message, outcome.problem.reason)))
    weighed = (each for each in outcome.kept if each.verdict in (Verdict.UNSAFE, Verdict.UNPROVEN))
    return rehearsal.gpu_build or next((f"{each.verdict}: {each.evidence}" for each in weighed), "")


class Known(Struct, frozen=True):
    """What one wheel of a release declared before a run, and would declare after it.

    ``origin`` is the release that it was of before: two wheels that meet only now had nothing to disagree on.
    """

    origin: Hashable
    before: Declared
    after: Declared


def newly_differing(release: Sequence[Known]) -> list[str]:
    """Return on what two wheels of a release would disagree that did not disagree on it before; sorted, ready to be shown.

    That is what makes a release worse: a pair of wheels and a subject (see :class:`wheelfix.wheel.release.Declared`)
    on which they said the same, or which they met without, and no longer do. Two that disagreed before and still do, in
    the same way or in another one, are no worse for a resolver that reads one of them.
    """
    before, after = [each.before.answers() for each in release], [each.after.answers() for each in release]
    together = len({each.origin for each in release}) > 1
    subjects = set().union(*before, *after) if together else _changing(zip(before, after, strict=True))
    worse = set()
    for subject in subjects:
        # Wheels that agreed before stand in one group; its answers afterwards must be one, too.
        groups: dict[Hashable, set[Hashable]] = {}
        for each, old, new in zip(release, before, after, strict=True):
            groups.setdefault((each.origin, old.get(subject)), set()).add(new.get(subject))
        split = any(len(answers) > 1 for answers in groups.values())
        if split or (together and len(set().union(*groups.values())) > 1):
            field, name, _ = subject
            worse.add(name if field == REQUIRES else f"{field} {name}".strip())
    return sorted(worse)


def _changing(said: Iterable[tuple[Mapping[Topic, Hashable], Mapping[Topic, Hashable]]]) -> set[Topic]:
    """Return the subjects on which a wheel says something else afterwards."""
    return {subject for old, new in said for subject in {**old, **new} if old.get(subject) != new.get(subject)}


def _companions(rehearsals: Iterable[Rehearsal]) -> Iterator[tuple[Path, str]]:
    """Yield a warning for each CPU build of torch that is fixed beside GPU builds that need a GPU build of it."""
    named = [(each, each.filename) for each in rehearsals if each.filename]
    beside: dict[tuple[str, str, str], list[Rehearsal]] = {}  # a run may have thousands of each
    for each, name in named:
        if name.project in COMPANIONS and each.gpu_build:
            beside.setdefault(_place(name), []).append(each)
    for torch, name in named:
        for each in beside.get(_place(name), ()) if _becomes_cpu_torch(torch, name) else ():
            yield (
                torch.path,
                f"{shown(each.path.name)} is given beside it and is a GPU build ({each.gpu_build}): "
                "it does not work with a CPU build of torch.",
            )


def _becomes_cpu_torch(rehearsal: Rehearsal, name: WheelFilename) -> bool:
    """Whether a wheel is a torch that is fixed, and no GPU build, by what it says or by the version in its new ``name``."""
    if name.project != TORCH or not rehearsal.is_fixed:
        return False
    from wheelfix.evidence.build import names_cpu_build  # imported late: a mirror compares wheels without evidence

    return not rehearsal.gpu_build or names_cpu_build(name.version.partition("+")[2])


def _place(name: WheelFilename) -> tuple[str, str, str]:
    """Return for which Python, system and machine a wheel is, as far as wheels for the same can be recognised."""
    return name.python, *system_and_machine(name.platform.partition(".")[0])
