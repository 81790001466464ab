"""What one small wheel costs, beside an interpreter that imports the library of the command line."""

import sys
from collections.abc import Callable
from functools import partial

from contenders import ours, wheelfix
from measuring import Cost, in_turn, measure
from sections.large import job
from setting import Setting
from table import Figure, cost_table, ratios
from targets import START_UP
from wheels import small_wheels

_CLICK = 'python -c "import click"'
_WHOLE = "wheelfix strip-gpu, 10 kB"


def start_up(setting: Setting) -> list[Figure]:
    """Measure a whole run on one wheel of 10 kB."""
    [wheel] = small_wheels(setting.directory, 1)
    jobs: dict[str, Callable[[], Cost]] = {
        "python -c pass": partial(measure, [sys.executable, "-c", "pass"]),
        _CLICK: partial(measure, [sys.executable, "-c", "import click"]),
        "wheelfix --version": partial(measure, [*wheelfix(), "--version"]),
        _WHOLE: job(ours(), wheel, setting),
    }
    costs = in_turn(jobs, 3 * setting.rounds)
    print(cost_table(costs, _CLICK))
    return [Figure(START_UP, "made, 10 kB", ratios(costs[_WHOLE], costs[_CLICK]))]
