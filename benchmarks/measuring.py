"""What one whole process costs: wall and processor time, and peak memory.

A process is started by a small interpreter in between (this file, run as a script), because Linux counts the memory of
the process that starts another towards the peak of the new one. That interpreter is the least that can be seen.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in the unit of ``ru_maxrss`` (getrusage(2))."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of wall clock, of processor time for the program and for the system, and peak memory in bytes."""

    wall: float
    user: float
    system: float
    peak: int

    @property
    def cpu(self) -> float:
        """Seconds of processor time, for the program and for the system."""
        return self.user + self.system

    def __add__(self, other: "Cost") -> "Cost":
        """Return the cost of one after the other."""
        peak = max(self.peak, other.peak)
        return Cost(self.wall + other.wall, self.user + other.user, self.system + other.system, peak)


class Failed(Exception):
    """A process did not end with 0; the text is what it wrote to standard error."""


def measure(command: Sequence[str], *, directory: Path | None = None, **variables: str) -> Cost:
    """Run ``command`` in ``directory`` and return what it and the processes that it waited for cost.

    ``variables`` are set in its environment.

    :raises Failed: if it does not end with 0.
    """
    launcher = [sys.executable, "-I", "-S", __file__, *command]
    # An installed program has its bytecode; where writing it is forbidden, a checkout would be compiled at each start.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | variables
    done = subprocess.run(launcher, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(done.stderr.strip()[-400:] or f"exit code {done.returncode}")
    return Cost(**json.loads(done.stdout))


def typical(costs: Sequence[Cost]) -> Cost:
    """Return the median of each figure."""
    columns = zip(*((each.wall, each.user, each.system, each.peak) for each in costs), strict=True)
    wall, user, system, peak = map(median, columns)
    return Cost(wall, user, system, int(peak))


def say(text: str) -> None:
    """Print what is being done."""
    print(f"  {text}", file=sys.stderr, flush=True)


def settle() -> None:
    """Wait until everything written so far is on the disk, so that no process pays for the one before it."""
    os.sync()


def in_turn(
    jobs: Mapping[str, Callable[[], Cost]],
    rounds: int,
    *,
    slow: Collection[str] = (),
    failures: dict[str, str] | None = None,
    warm_up: bool = True,
) -> dict[str, list[Cost]]:
    """Run the jobs in turn, ``rounds`` times after a warm-up; those that are ``slow`` once, and without.

    A job that fails does not run again and has no costs; why goes into ``failures``.

    :raises Failed: if a job fails and there are no ``failures`` to go into.
    """
    failed = {} if failures is None else failures
    costs: dict[str, list[Cost]] = {name: [] for name in jobs}
    for number in range(-1 if warm_up else 0, rounds):
        for name, job in jobs.items():
            if name in failed or (name in slow and number != 0):
                continue
            settle()
            try:
                cost = job()
            except Failed as error:
                if failures is None:
                    raise
                failed[name] = str(error)
                continue
            if number >= 0:
                costs[name].append(cost)
        say(f"round {number + 1} of {rounds}" if number >= 0 else "warmed up")
    return {name: each for name, each in costs.items() if name not in failed}


def _launch(command: list[str]) -> int:
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    start = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ, file_actions=quiet)
    _, status, used = os.wait4(child, 0)
    wall = time.perf_counter() - start
    print(json.dumps({"wall": wall, "user": used.ru_utime, "system": used.ru_stime, "peak": used.ru_maxrss * PEAK_UNIT}))
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(_launch(sys.argv[1:]))
