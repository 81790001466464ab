"""Many small wheels in one run: how much of the time is waiting, and what each costs."""

from collections.abc import Callable, Sequence
from pathlib import Path

from contenders import strip_gpu
from measuring import Cost, Failed, in_turn, measure
from setting import Setting
from table import Figure, cost_table
from targets import SMALL_CPU, SMALL_WALL
from wheels import small_wheels

_COUNT = 300


def many_small(setting: Setting) -> list[Figure]:
    """Measure them with one job, which the targets are for, and with two, whose processor time is not all counted."""
    wheels = small_wheels(setting.directory, setting.scaled(_COUNT))
    names = {jobs: f"wheelfix, {len(wheels)} wheels, -j{jobs}" for jobs in (1, 2)}
    costs = in_turn({name: _strip(wheels, setting, f"-j{jobs}") for jobs, name in names.items()}, setting.rounds)
    print(cost_table(costs, names[1]))
    alone, subject = costs[names[1]], f"made, {len(wheels)} wheels of 10 kB"
    return [
        Figure(SMALL_WALL, subject, [each.wall / each.cpu for each in alone]),
        Figure(SMALL_CPU, subject, [each.cpu / len(wheels) * 1000 for each in alone]),
    ]


def _strip(wheels: Sequence[Path], setting: Setting, *options: str) -> Callable[[], Cost]:
    """Return a job that corrects ``wheels`` into a fresh directory, and makes sure that all of them came out."""

    def run() -> Cost:
        with setting.work("small") as output:
            cost = measure(strip_gpu(output, *options, *map(str, wheels)))
            if len(list(output.glob("*.whl"))) != len(wheels):
                raise Failed("not every wheel came out")
            return cost

    return run
