"""What a mirror costs: building one, beside simple503; one large project; and one wheel more on a large mirror."""

import shutil
from collections.abc import Callable
from pathlib import Path

from contenders import peers, wheelfix
from measuring import Cost, in_turn, measure, say
from setting import Setting
from table import Figure, cost_table, ratios
from targets import MIRROR_BUILD, MIRROR_GROWTH, ONE_TO_MANY, ONE_TO_PROJECT
from wheels import project_wheels

_ROUNDS = 3
"""At most: each of these runs takes seconds."""
_FLUSHED = '"$@" && sync -f "$0"'
_OURS, _PEER = "wheelfix mirror add", "simple503 --copy --extract-metadata"


def build(setting: Setting) -> list[Figure]:
    """Measure a mirror of 5,000 wheels of 500 projects, from nothing until the file system is flushed."""
    projects = setting.scaled(500)
    wheels = project_wheels(setting.directory, projects, 10)
    jobs = {_OURS: _build(setting, _adding(wheels))}
    simple503 = peers(setting.directory) / "simple503" if setting.peers else None
    if simple503 and simple503.exists():
        words = [str(simple503), "--copy", "--extract-metadata", "--sort", str(wheels)]
        jobs[_PEER] = _build(setting, lambda target: [*words, str(target)])
    absent: dict[str, str] = {}
    costs = in_turn(jobs, min(setting.rounds, _ROUNDS), failures=absent, warm_up=False)
    print(cost_table(costs, _PEER if _PEER in costs else _OURS, absent))
    subject = f"made, {projects * 10:,} wheels of {projects} projects"
    if _OURS in costs and _PEER in costs:
        return [Figure(MIRROR_BUILD, subject, ratios(costs[_OURS], costs[_PEER]))]
    return [Figure(MIRROR_BUILD, subject, why=absent.get(_OURS) or absent.get(_PEER) or "simple503 is not installed")]


def _adding(*wheels: Path) -> Callable[[Path], list[str]]:
    """Return what gives the command that adds ``wheels`` to a mirror."""
    return lambda mirror: [*wheelfix(), "mirror", "add", "-q", str(mirror), *map(str, wheels)]


def _build(setting: Setting, command: Callable[[Path], list[str]]) -> Callable[[], Cost]:
    def run() -> Cost:
        with setting.work("built") as target:
            return measure(["sh", "-c", _FLUSHED, str(target), *command(target)])

    return run


def growth(setting: Setting) -> list[Figure]:
    """Measure a mirror of one project with 1,000 wheels, and with three times as many."""
    few, many = setting.scaled(1_000), setting.scaled(3_000)
    names = {count: f"{_OURS}, {count:,} of one project" for count in (few, many)}
    jobs = {}
    for count, name in names.items():
        jobs[name] = _build(setting, _adding(project_wheels(setting.directory, 1, count, prefix="big")))
    costs = in_turn(jobs, min(setting.rounds, _ROUNDS), warm_up=False)
    print(cost_table(costs, names[few]))
    return [Figure(MIRROR_GROWTH, "made, wheels of 2 kB", ratios(costs[names[many]], costs[names[few]]))]


def one_more(setting: Setting) -> list[Figure]:
    """Measure adding one wheel: to nothing, to a mirror of 10,000 wheels, and to its project of 3,000."""
    one, large = setting.scaled(3_000), setting.scaled(700)
    with setting.work("large") as work:
        mirror, empty, new = work / "mirror", work / "empty", work / "new"
        say("building the large mirror")
        sources = [project_wheels(setting.directory, large, 10), project_wheels(setting.directory, 1, one, prefix="big")]
        measure(_adding(*sources)(mirror))
        [other] = project_wheels(new, 1, 1, prefix="brandnew").iterdir()
        [next_] = project_wheels(new, 1, 1, prefix="big", first=one).iterdir()
        names = ("to no mirror", f"to one of {large * 10 + one:,}", f"to a project of {one:,} in it")
        jobs = {
            names[0]: lambda: _add(empty, other),
            names[1]: lambda: _add(mirror, other),
            names[2]: lambda: _add(mirror, next_),
        }
        costs = in_turn(jobs, setting.rounds)
    print(cost_table(costs, names[0]))
    return [
        Figure(ONE_TO_MANY, f"made, 2 kB, on {large * 10 + one:,} wheels", ratios(costs[names[1]], costs[names[0]])),
        Figure(ONE_TO_PROJECT, f"made, 2 kB, {one:,} wheels of its project", [each.wall for each in costs[names[2]]]),
    ]


def _add(mirror: Path, wheel: Path) -> Cost:
    """Measure adding one wheel; what the mirror was before is restored."""
    kept = mirror.exists()
    cost = measure(_adding(wheel)(mirror))
    if kept:
        measure([*wheelfix(), "mirror", "remove", str(mirror), wheel.name])
    else:
        shutil.rmtree(mirror)
    return cost
