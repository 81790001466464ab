"""Measure wheelfix beside its peers, in one run and in turn, and say whether it keeps its promises.

    python benchmarks/run.py [--rounds N] [--directory DIR] [--size MB] [--only NAME]... [--large]

README.md beside this file says what is measured and how to read it.
"""

import argparse
import os
import platform
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from contenders import PEERS, contenders
from measuring import Failed, measure
from scenarios import beyond_4_gib, many_small, one_large, start_up
from sparse import sparse_wheel
from wheels import large_wheels, small_wheels

_MANY = 300


def main() -> None:
    """Make what is missing, run everything, print the tables."""
    options = _options()
    directory: Path = options.directory
    directory.mkdir(parents=True, exist_ok=True)
    print(f"Inputs are in {directory}; making what is missing.", file=sys.stderr)
    large = large_wheels(directory, options.size)
    small = small_wheels(directory, _MANY)
    everyone = contenders(directory)
    chosen = [each for each in everyone if not options.only or any(part in each.name for part in options.only)]
    floor = measure(["true"]).peak
    print(_surroundings(options.rounds))
    targets = []
    for layout, wheel in large.items():
        print(f"\n## {wheel.stat().st_size / 1e6:.0f} MB, 12,000 entries, {layout}\n")
        targets += one_large(layout, wheel, chosen, options.rounds, floor, directory)
    if not options.only or "wheelfix" in options.only:
        print(f"\n## Start-up, and {_MANY} small wheels\n")
        targets += start_up(small[0], options.rounds, floor, directory)
        many_small(small, min(options.rounds, 3), directory)
    if options.large:
        print("\n## Beyond 4 GiB\n")
        targets += beyond_4_gib(sparse_wheel(directory, 5_000), floor, directory)
    print("\n## Promises\n")
    print("\n".join(map(str, targets)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure wheelfix beside its peers.")
    home = Path(tempfile.gettempdir()) / "wheelfix-benchmarks"
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often each is run (default: 5)")
    parser.add_argument(
        "--directory", type=Path, default=home, metavar="DIR", help="for inputs, which are kept, and results"
    )
    parser.add_argument("--size", type=int, default=500, metavar="MB", help="size of the large wheels (default: 500)")
    parser.add_argument("--only", action="append", metavar="NAME", help="only contenders with NAME in their name")
    parser.add_argument("--large", action="store_true", help="also a wheel of 5 GB, for the memory figure")
    options = parser.parse_args()
    if options.rounds < 1 or options.size < 20:
        parser.error("--rounds must be at least 1 and --size at least 20")
    options.directory = options.directory.resolve()
    return options


def _surroundings(rounds: int) -> str:
    load = os.getloadavg()[0]
    system = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    tools = ", ".join(["wheelfix " + version("wheelfix"), *PEERS, *filter(shutil.which, ["zip", "openssl"])])
    return f"{system}, load {load:.1f} at the start; {rounds} rounds, medians.\n{tools}."


if __name__ == "__main__":
    try:
        main()
    except Failed as error:
        sys.exit(f"Stopped: {error}")
