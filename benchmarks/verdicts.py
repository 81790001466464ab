"""Measure what verdicts cost on real wheels, against opening the wheel and against inflating all its binaries once.

    python benchmarks/verdicts.py WHEEL... [--rounds N]

README.md beside this file names the wheels to try, and what came out.
"""

import argparse
import zipfile
from collections import Counter
from pathlib import Path
from statistics import median
from time import perf_counter

from wheelfix.evidence.elf import is_binary
from wheelfix.fix.plan import make_plan
from wheelfix.rules.load import built_in
from wheelfix.wheel.wheel import Wheel

_BLOCK = 1 << 20


def main() -> None:
    """Print one row for each wheel."""
    parser = argparse.ArgumentParser(description="Measure what verdicts cost.")
    parser.add_argument("wheels", nargs="+", type=Path, metavar="WHEEL")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often each is judged (default: 5)")
    options = parser.parse_args()
    print("| wheel | verdicts | open s | plan s | inflate all s | plan / inflate |\n|---|---|--:|--:|--:|--:|")
    for path in options.wheels:
        print(_row(path, options.rounds))


def _row(path: Path, rounds: int) -> str:
    opened, planned, verdicts = [], [], Counter[str]()
    for _ in range(rounds + 1):  # the first is to warm up
        start = perf_counter()
        with Wheel(path) as wheel:
            opened.append(perf_counter() - start)
            start = perf_counter()
            plan = make_plan(wheel, built_in("gpu"))
            planned.append(perf_counter() - start)
            verdicts = Counter(each.verdict.value for each in plan.changes if each.verdict)
    said = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()) or "nothing to judge"
    bare = _inflate_all(path)
    ratio = f"{median(planned[1:]) / bare:.3f}" if bare else "-"
    figures = f"{median(opened[1:]):.3f} | {median(planned[1:]):.3f} | {bare:.2f} | {ratio}"
    return f"| {path.name} | {said} | {figures} |"


def _inflate_all(path: Path) -> float:
    start = perf_counter()
    with zipfile.ZipFile(path) as archive:
        for name in filter(is_binary, archive.namelist()):
            with archive.open(name) as file:
                while file.read(_BLOCK):
                    pass
    return perf_counter() - start


if __name__ == "__main__":
    main()
