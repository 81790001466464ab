"""What people see on standard error while a run goes on: a line for each result, and bars where it takes a while."""

import os
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import click

from wheelfix.cli.printing import print_summary, say
from wheelfix.progress import NoProgress
from wheelfix.reports.text import (
    QUIET,
    render_disagreements,
    render_outcome,
    render_rule_findings,
    render_suggestions,
    render_summary,
)
from wheelfix.results import Status
from wheelfix.text import shown

if TYPE_CHECKING:
    from wheelfix.cli.bars import Bars
    from wheelfix.results import CheckedWheel, Outcome, Published, Report

_PATIENCE: Final = 1.0
"""How many seconds a run takes before bars are drawn: most runs end sooner, and do without rich."""


class Log(NoProgress):
    """The log of a run over ``total`` things, ``None`` where nobody knows how many. Use it as a context manager.

    Bars are drawn on a terminal only, after a second, and nothing of them is left on the screen.
    """

    def __init__(self, total: int | None = None, unit: str = "wheel", *, quiet: bool = False) -> None:
        self._total = total
        self._unit = unit
        self._draws = not quiet and sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
        self._bars: Bars | None = None
        self._started = time.monotonic()
        self._files: dict[str, tuple[int, int | None]] = {}
        self._done = 0

    def file_started(self, name: str, size: int | None, resumed: int = 0) -> None:
        """Draw a bar for the file."""
        self._files[name] = resumed, size
        self._draw_file(name)

    def file_advanced(self, name: str, count: int) -> None:
        """Move the bar of the file."""
        done, size = self._files.get(name, (0, None))
        self._files[name] = done + count, size
        self._draw_file(name)

    def wheel_done(self, outcome: "Outcome") -> None:
        """Move the bar of the run."""
        self._advance(outcome.source.name)

    def wheel_checked(self, checked: "CheckedWheel") -> None:
        """Move the bar of the run."""
        self._advance(checked.source.name)

    def file_published(self, published: "Published") -> None:
        """Move the bar of the run."""
        self._advance(published.filename or "")

    def project_done(self, project: str) -> None:
        """Move the bar of the run."""
        self._advance(project)

    def print(self, text: str) -> None:
        """Print ``text`` above the bars."""
        if self._bars is None:
            say(text)
        elif text:
            with self._bars:
                say(text)

    def _advance(self, name: str) -> None:
        self._done += 1
        self._files.pop(name, None)
        if self._done != self._total and (bars := self._drawn()):
            bars.drop_file(name)
            bars.show_run(self._done, shown(name))

    def _draw_file(self, name: str) -> None:
        if bars := self._drawn():
            done, size = self._files[name]
            if size is not None and done >= size:
                bars.drop_file(name)
            else:
                bars.show_file(shown(name), done, size)

    def _drawn(self) -> "Bars | None":
        """Return the bars; ``None`` where there are none, or it is too early."""
        if self._bars is None and self._draws and time.monotonic() - self._started > _PATIENCE:
            from wheelfix.cli.bars import Bars  # imported late: rich takes a while, and most runs end before

            self._bars = Bars(self._total, self._unit)
        return self._bars

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bars:
            self._bars.stop()


class FixLog(Log):
    """The log of a run that fixes wheels: each outcome, and at the end what holds for the whole run."""

    def __init__(
        self, total: int, *, verbosity: int, dry_run: bool = False, by_rules: bool = True, diff: bool = False
    ) -> None:
        super().__init__(total, quiet=verbosity <= QUIET)
        self._verbosity = verbosity
        self._dry_run = dry_run
        self._by_rules = by_rules
        self._diff = diff

    def wheel_done(self, outcome: "Outcome") -> None:
        """Print what became of a wheel."""
        text = render_outcome(
            outcome, verbosity=self._verbosity, dry_run=self._dry_run, by_rules=self._by_rules, diff=self._diff
        )
        head, line_end, rest = text.partition("\n")
        self.print((click.style(head, fg="green") if outcome.status is Status.FIXED and head else head) + line_end + rest)
        super().wheel_done(outcome)

    def conclude(self, report: "Report", where: str = "") -> None:
        """Print what is known of releases and rules, and last the counts and ``where`` the results are."""
        if self._verbosity <= QUIET:
            return
        kept = (each for outcome in report.outcomes if outcome.problem is None for each in outcome.kept)
        say(render_suggestions((each.before or "", each.reason or "", each.suggestion) for each in kept))
        say(render_disagreements(report.disagreements, dry_run=self._dry_run))
        say(render_rule_findings(report.rule_findings))
        print_summary(render_summary(report, dry_run=self._dry_run, where=where))
