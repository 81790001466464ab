"""What is measured, and which promise each figure answers."""

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from checking import Judgement, judge
from contenders import Contender, strip_gpu, wheelfix
from measuring import Cost, Failed, in_turn, measure, typical
from table import MEBIBYTE, Target, cost_table, judgement_table, markdown, spread

LIMIT = "limit: cp + sha256"
_FLUSHED_LIMIT = "limit, flushed"
_OURS = "wheelfix"
_SLOW_SHARE = 3
"""A slow contender runs once for as many rounds of the others."""


def one_large(
    layout: str, source: Path, chosen: Sequence[Contender], rounds: int, floor: int, directory: Path
) -> list[Target]:
    """Run every chosen contender on one wheel, print its costs and results, and return what was promised of them."""
    judgements: dict[str, Judgement] = {}
    absent = {each.name: f"{Path(each.missing).name} is not installed" for each in chosen if each.missing}
    present = [each for each in chosen if not each.missing]
    jobs = {each.name: _job(each, source, directory, judgements) for each in present}
    costs = in_turn(jobs, {each.name: max(1, rounds // _SLOW_SHARE) if each.slow else rounds for each in present}, absent)
    _add_limits(costs)
    print(cost_table(costs, LIMIT if LIMIT in costs else next(iter(costs)), floor, absent))
    if judgements:
        print("\n" + judgement_table(judgements))
    return _large_targets(layout, costs)


def _job(contender: Contender, source: Path, directory: Path, judgements: dict[str, Judgement]) -> Callable[[], Cost]:
    return lambda: _run(contender, source, directory, judgements)


def _run(contender: Contender, source: Path, directory: Path, judgements: dict[str, Judgement]) -> Cost:
    """Run one contender in a fresh directory; its first result is judged, and nothing of it is kept."""
    work = directory / "results"
    target = work / "out" / source.name
    target.parent.mkdir(parents=True)
    try:
        cost = measure(contender.command(str(source), str(target)), directory=work)
        if contender.writes and contender.name not in judgements:
            judgements[contender.name] = judge(source, target)
        return cost
    finally:
        shutil.rmtree(work)


def _add_limits(costs: dict[str, list[Cost]]) -> None:
    """Add the sums of a copy and one hash, round by round; of two ways to hash the faster one counts."""
    hashes = [each for name, each in costs.items() if name.startswith("sha256")]
    fastest = min(hashes, key=lambda each: typical(each).wall, default=None)
    for copy, limit in (("cp", LIMIT), ("cp, flushed", _FLUSHED_LIMIT)):
        if fastest and copy in costs:
            costs[limit] = [one + two for one, two in zip(costs[copy], fastest, strict=True)]


def _large_targets(layout: str, costs: dict[str, list[Cost]]) -> list[Target]:
    if _OURS not in costs:
        return []
    ours = typical(costs[_OURS])
    targets = [Target(f"{layout}: peak memory", ours.peak / MEBIBYTE, 64, " MiB")]
    for other, share, words in (
        (LIMIT, 1.15, "cp + sha256"),
        (_FLUSHED_LIMIT, 1.15, "cp + sha256 with the copy flushed to the disk, as wheelfix does"),
        ("editwheel", 1.0, "editwheel"),
        ("unpack + pack", 1 / 50, "wheel unpack + pack"),
    ):
        if other in costs:
            ratio = ours.wall / typical(costs[other]).wall
            promised = other != _FLUSHED_LIMIT
            targets.append(Target(f"{layout}: time, of that of {words}", ratio, share, promised=promised))
    return targets


def start_up(wheel: Path, rounds: int, floor: int, directory: Path) -> list[Target]:
    """Print what one small wheel costs, beside an interpreter that does nothing."""
    costs = in_turn(
        {
            "python -c pass": lambda: measure([sys.executable, "-c", "pass"]),
            "wheelfix --version": lambda: measure([*wheelfix(), "--version"]),
            "wheelfix strip-gpu, 10 kB": _strip([wheel], directory),
        },
        dict.fromkeys(["python -c pass", "wheelfix --version", "wheelfix strip-gpu, 10 kB"], 2 * rounds),
    )
    print(cost_table(costs, "python -c pass", floor, {}))
    return [Target("start-up on a small wheel", typical(costs["wheelfix strip-gpu, 10 kB"]).wall, 0.25, " s")]


def many_small(wheels: Sequence[Path], rounds: int, directory: Path) -> None:
    """Print what many small wheels cost with one job and with two."""
    names = {jobs: f"wheelfix, {len(wheels)} wheels, -j{jobs}" for jobs in (1, 2)}
    costs = in_turn(
        {name: _strip(wheels, directory, f"-j{jobs}") for jobs, name in names.items()}, dict.fromkeys(names.values(), rounds)
    )
    alone = typical(costs[names[1]]).wall
    rows = [
        [name, f"{typical(each).wall:.2f}", spread(each), f"{typical(each).wall / alone:.2f}"]
        for name, each in costs.items()
    ]
    print("\n" + markdown(["", "wall s", "min..max", "x -j1"], rows))


def beyond_4_gib(wheel: Path, floor: int, directory: Path) -> list[Target]:
    """Print what a wheel beyond 4 GiB costs: once, for the memory."""
    name = f"wheelfix, {wheel.stat().st_size / 1e9:.1f} GB"
    judgements: dict[str, Judgement] = {}
    strip = Contender(name, lambda source, target: strip_gpu(Path(target).parent, source))
    costs = {name: [_run(strip, wheel, directory, judgements)]}
    print(cost_table(costs, name, floor, {}) + "\n\n" + judgement_table(judgements))
    return [Target("beyond 4 GiB: peak memory", costs[name][0].peak / MEBIBYTE, 64, " MiB")]


def _strip(wheels: Sequence[Path], directory: Path, *options: str) -> Callable[[], Cost]:
    """Return a job that corrects ``wheels`` into a fresh directory, and makes sure that all of them came out."""
    output = directory / "results"

    def job() -> Cost:
        try:
            cost = measure(strip_gpu(output, *options, *map(str, wheels)))
            if len(list(output.glob("*.whl"))) != len(wheels):
                raise Failed("not every wheel came out")
            return cost
        finally:
            shutil.rmtree(output, ignore_errors=True)

    return job
