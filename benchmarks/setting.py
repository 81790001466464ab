"""Where and how a run measures: what every section is given."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Setting:
    """``directory`` keeps the inputs, ``results`` is this run's own.

    ``rounds`` is how often each is run, and ``size`` how many megabytes the large wheels have. A ``quick`` run only shows
    that everything works. ``real`` allows downloads, ``peers`` the tools that others wrote.
    """

    directory: Path
    results: Path
    rounds: int
    size: int
    quick: bool = False
    real: bool = False
    peers: bool = True

    def scaled(self, count: int) -> int:
        """Return how many wheels or entries to make where ``count`` are wanted: a fiftieth for a quick run."""
        return max(count // 50, 1) if self.quick else count

    @contextmanager
    def work(self, name: str) -> Iterator[Path]:
        """Give a fresh directory on the disk of the inputs, and remove it with everything in it afterwards."""
        path = self.results / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        try:
            yield path
        finally:
            shutil.rmtree(path)
