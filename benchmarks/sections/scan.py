"""What a verdict costs: reading what binaries link to, against inflating them; and saying what will not load."""

import zipfile
from collections import Counter
from pathlib import Path
from statistics import median
from time import perf_counter

from contenders import ours
from downloads import TORCH_2_7, TORCH_CUDA, XGBOOST, downloaded
from measuring import in_turn, say
from sections.large import job
from setting import Setting
from table import Figure, cost_table, markdown, ratios
from targets import FORCED, SCAN
from wheelfix.evidence.elf import is_binary
from wheelfix.fix.draft import make_plan
from wheelfix.rules.load import built_in
from wheelfix.wheel.wheel import Wheel

_BLOCK = 1 << 20
_PLAIN = "wheelfix strip-gpu --force --scan never"
_TOLD = "wheelfix strip-gpu --force"


def binaries(setting: Setting) -> list[Figure]:
    """Measure the plan for xgboost, whose verdict needs all binaries; and for two whose verdict does not."""
    rows = []
    values: list[float] = []
    for wheel in (XGBOOST, TORCH_2_7, TORCH_CUDA):
        path = downloaded(wheel, setting)
        opened, planned, inflated, said = _times(path, setting.rounds)
        paired = [plan / bare for plan, bare in zip(planned, inflated, strict=True)]
        values = values or paired
        figures = f"{median(opened):.3f}", f"{median(planned):.3f}", f"{median(inflated):.3f}", f"{median(paired):.3f}"
        rows.append([wheel.subject, said, *figures])
    print(markdown(["", "verdicts", "open s", "plan s", "inflate s", "plan / inflate"], rows))
    return [Figure(SCAN, XGBOOST.subject, values)]


def forced(setting: Setting) -> list[Figure]:
    """Measure ``strip-gpu --force`` on a CUDA build, which says what will not load, against one that reads no binaries."""
    path = downloaded(TORCH_CUDA, setting)
    options = {_PLAIN: ("--force", "--scan", "never"), _TOLD: ("--force",)}
    costs = in_turn({name: job(ours(*each), path, setting) for name, each in options.items()}, setting.rounds)
    print(cost_table(costs, _PLAIN))
    return [Figure(FORCED, TORCH_CUDA.subject, ratios(costs[_TOLD], costs[_PLAIN]))]


def _times(path: Path, rounds: int) -> tuple[list[float], list[float], list[float], str]:
    """Return the seconds for opening, planning and inflating all binaries in each round, and the verdicts."""
    opened, planned, inflated = [], [], []
    verdicts = Counter[str]()
    for _ in range(rounds + 1):  # the first is to warm up
        start = perf_counter()
        with Wheel(path) as wheel:
            opened.append(perf_counter() - start)
            start = perf_counter()
            plan = make_plan(wheel, built_in("gpu"))
            planned.append(perf_counter() - start)
            verdicts = Counter(each.verdict.value for each in plan.changes if each.verdict)
        inflated.append(_inflate_all(path))
    say(path.name)
    said = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()) or "nothing to judge"
    return opened[1:], planned[1:], inflated[1:], said


def _inflate_all(path: Path) -> float:
    start = perf_counter()
    with zipfile.ZipFile(path) as archive:
        for name in filter(is_binary, archive.namelist()):
            with archive.open(name) as file:
                while file.read(_BLOCK):
                    pass
    return perf_counter() - start
