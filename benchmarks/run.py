"""Measure wheelfix beside its peers, in one run and in turn, and compare every figure with its target.

    python benchmarks/run.py [--only SECTION]... [--real] [--rounds N] [--directory DIR] [--size MB] [--no-peers] [--quick]

README.md beside this file says what is measured and how to read it.
"""

import argparse
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Final

from contenders import PEERS
from downloads import NotMeasured
from measuring import Failed, say
from sections import blocks, bucket, check_url, entries, large, memory, mirror, scan, small, start_up, sync, verify
from setting import Setting
from table import Figure, verdicts
from targets import TARGETS

SECTIONS: Final[dict[str, Callable[[Setting], list[Figure]]]] = {
    "large": large.made,
    "real": large.real,
    "entries": entries.per_entry,
    "blocks": blocks.extra,
    "memory": memory.peaks,
    "force": scan.forced,
    "start-up": start_up.start_up,
    "small": small.many_small,
    "verify": verify.whole,
    "scan": scan.binaries,
    "mirror-build": mirror.build,
    "mirror-growth": mirror.growth,
    "mirror-one": mirror.one_more,
    "check-url": check_url.over_the_network,
    "sync": sync.jobs,
    "bucket": bucket.publishing,
}


def main() -> int:
    """Run the sections one by one, then print every figure against its target; return 1 if a section failed."""
    # A run that is stopped removes its results, and unmounts its file system.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    options = _options()
    directory: Path = options.directory
    directory.mkdir(parents=True, exist_ok=True)
    print(_surroundings(options.rounds), flush=True)
    figures: dict[str, Figure] = {}
    failed = False
    with tempfile.TemporaryDirectory(prefix="run-", dir=directory) as results:
        setting = Setting(directory, Path(results), options.rounds, options.size, options.quick, options.real, options.peers)
        for name in options.only:
            found, broken = _measured(name, setting)
            figures |= {each.name: each for each in found}
            failed |= broken
    print("\n## Every figure against its target\n")
    targets = [each for each in TARGETS if each.section in options.only]
    print(verdicts(targets, figures, judged=not options.quick))
    return int(failed)


def _measured(name: str, setting: Setting) -> tuple[list[Figure], bool]:
    """Return the figures of a section and whether it broke; where it did, every figure says why there is none."""
    print(f"\n## {name}\n", flush=True)
    say(name)
    try:
        return SECTIONS[name](setting), False
    except (NotMeasured, Failed) as error:
        broken = isinstance(error, Failed)
        why = f"{'failed: ' if broken else ''}{' '.join(str(error).split())}"
        print(f"Not measured: {why}", flush=True)
        return [Figure(each.name, "", why=why) for each in TARGETS if each.section == name], broken


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure wheelfix beside its peers, against its targets.")
    home = Path(tempfile.gettempdir()) / "wheelfix-benchmarks"
    parser.add_argument("--only", action="append", choices=SECTIONS, help="only this section; can be repeated")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often each is run (default: 5)")
    parser.add_argument(
        "--directory", type=Path, default=home, metavar="DIR", help="for inputs, which are kept, and results"
    )
    parser.add_argument("--size", type=int, default=500, metavar="MB", help="size of the large wheels (default: 500)")
    parser.add_argument("--real", action="store_true", help="also real wheels, which pip downloads (0.8 GB)")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="without the tools that others wrote")
    parser.add_argument("--quick", action="store_true", help="one round of little, to see that everything works")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.size = 1, 20
    if options.rounds < 1 or options.size < 20:
        parser.error("--rounds must be at least 1 and --size at least 20")
    options.only = [each for each in SECTIONS if not options.only or each in options.only]
    options.directory = options.directory.resolve()
    return options


def _surroundings(rounds: int) -> str:
    load = os.getloadavg()[0]
    system = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    tools = ", ".join(["wheelfix " + version("wheelfix"), *PEERS, *filter(shutil.which, ["zip", "openssl"])])
    return f"{system}, load {load:.1f} at the start; {rounds} rounds, medians.\n{tools}."


if __name__ == "__main__":
    sys.exit(main())
