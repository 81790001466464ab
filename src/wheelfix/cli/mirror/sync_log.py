"""What people see on standard error while a mirror is synced."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from wheelfix.cli.mirror.options import published_line
from wheelfix.cli.progress import Log, download_line, waiting_line
from wheelfix.reports.sync import render_planned
from wheelfix.reports.text import QUIET, VERBOSE, render_outcome
from wheelfix.sync.model import NEW

if TYPE_CHECKING:
    from wheelfix.results import Outcome, Published

_ALL: Final = "all downloads"
"""The name of the bar for the bytes of a whole run."""


class SyncLog(Log):
    """The log of a sync: bars on a terminal, for the bytes and wheels of the run and each download.

    Most runs are those of cron, in which little happens: each wheel has lines of its own only with ``verbosity`` 1. What
    went wrong is printed at the end, by the caller. Where the run ``is_part`` of a sync, the plan is that of all
    parts, and nobody knows how much of it is done here.
    """

    def __init__(self, verbosity: int, *, is_part: bool = False) -> None:
        super().__init__(quiet=verbosity <= QUIET)
        self._is_verbose = verbosity >= VERBOSE
        self._verbosity = verbosity
        self._is_part = is_part

    def planned(self, counts: Mapping[str, int], size: int) -> None:
        """Print what is planned, where somebody is watching, and draw bars for all of it."""
        self._total = None if self._is_part else sum(counts.get(each, 0) for each in NEW)
        if self._is_verbose or self._draws:
            self.print(render_planned(counts, size, for_parts=self._is_part))
        if self._total is not None and self._total > 1 and size:
            self._draw_file(_ALL, 0, size)

    def file_started(self, name: str, size: int | None, resumed: int = 0) -> None:
        """Draw a bar for a download."""
        if self._is_verbose:
            self.print(download_line(name, size, resumed))
        super().file_started(name, size, resumed)

    def file_advanced(self, name: str, count: int) -> None:
        """Move the bars of a download and of the run."""
        super().file_advanced(name, count)
        if _ALL in self._files:
            super().file_advanced(_ALL, count)

    def waiting(self, name: str, seconds: float, reason: str) -> None:
        """Print why nothing happens for a while, where somebody is watching."""
        if self._is_verbose or self._draws:
            self.print(waiting_line(name, seconds, reason))

    def wheel_done(self, outcome: "Outcome") -> None:
        """Print what became of a wheel, if everything is wanted; a part of a sync publishes none, and counts it here."""
        if self._is_verbose and not outcome.problem:
            self.print(render_outcome(outcome, verbosity=0))
        if self._is_part and not outcome.problem:
            super().wheel_done(outcome)

    def file_published(self, published: "Published") -> None:
        """Print what became of a file, if everything is wanted."""
        if self._is_verbose and not published.problem:
            self.print(published_line(published))
        super().file_published(published)
