"""Measure ``wheelfix verify`` against inflating and hashing all entries once, and against ``wheel unpack``.

    python benchmarks/verify.py [--directory DIR] [--megabytes N] [--rounds N]

``wheel unpack`` compares the hashes too, and writes the entries to the disk. README.md has the results.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from measuring import Cost, in_turn, measure, typical
from wheels import large_wheels

_BARE = """
import hashlib, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    for info in archive.infolist():
        with archive.open(info) as content:
            digest = hashlib.sha256()
            while block := content.read(1 << 20):
                digest.update(block)
            digest.digest()
"""


def main() -> None:
    """Print one row for each contender and layout."""
    parser = argparse.ArgumentParser(description="Measure what verify costs.")
    parser.add_argument("--directory", type=Path, help="where the wheels are made and kept (default: a temporary directory)")
    parser.add_argument("--megabytes", type=int, default=500, metavar="N", help="size of the wheels (default: 500)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often each runs (default: 5)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wheelfix-bench-") as temporary:
        directory = options.directory or Path(temporary)
        print("| layout | contender | wall s | user s | peak MiB | to the bare loop |\n|---|---|--:|--:|--:|--:|")
        for layout, wheel in large_wheels(directory, options.megabytes).items():
            for row in _rows(layout, wheel, Path(temporary) / "unpacked", options.rounds):
                print(row)


def _rows(layout: str, wheel: Path, target: Path, rounds: int) -> list[str]:
    jobs = {
        "bare loop": lambda: measure([sys.executable, "-c", _BARE, str(wheel)]),
        "wheelfix verify": lambda: measure([sys.executable, "-m", "wheelfix", "verify", str(wheel)]),
        "wheel unpack": lambda: _unpack(wheel, target),
    }
    costs = {name: typical(each) for name, each in in_turn(jobs, dict.fromkeys(jobs, rounds)).items()}
    bare = costs["bare loop"].wall
    return [
        f"| {layout} | {name} | {cost.wall:.2f} | {cost.user:.2f} | {cost.peak / (1 << 20):.0f} | {cost.wall / bare:.2f} |"
        for name, cost in costs.items()
    ]


def _unpack(wheel: Path, target: Path) -> Cost:
    shutil.rmtree(target, ignore_errors=True)
    return measure([sys.executable, "-m", "wheel", "unpack", "--dest", str(target), str(wheel)])


if __name__ == "__main__":
    main()
