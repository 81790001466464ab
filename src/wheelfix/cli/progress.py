"""What a person sees on standard error while wheels are worked on."""

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from wheelfix.cli.printing import print_summary, say
from wheelfix.reports.text import (
    QUIET,
    render_disagreements,
    render_outcome,
    render_rule_findings,
    render_suggestions,
    render_summary,
)
from wheelfix.results import Outcome, Report, Status

if TYPE_CHECKING:
    from rich.progress import Progress


def _progress_bar() -> "Progress | None":
    """Return a progress bar, ``None`` on a terminal that cannot move its cursor."""
    from rich.console import Console  # imported late: only a terminal needs it
    from rich.progress import Progress

    console = Console(stderr=True)
    return None if console.is_dumb_terminal else Progress(console=console, transient=True)


class Narrator:
    """Tells each outcome on standard error, with a progress bar if that is a terminal. Use it as a context manager."""

    def __init__(self, total: int, *, verbosity: int, dry_run: bool, by_rules: bool = True, diff: bool = False) -> None:
        self._total = total
        self._verbosity = verbosity
        self._dry_run = dry_run
        self._by_rules = by_rules
        self._diff = diff
        self._progress = _progress_bar() if total > 1 and verbosity > QUIET and sys.stderr.isatty() else None

    def tell(self, outcome: Outcome) -> None:
        """Tell one outcome."""
        text = render_outcome(
            outcome, verbosity=self._verbosity, dry_run=self._dry_run, by_rules=self._by_rules, diff=self._diff
        )
        if text:
            head, line_end, rest = text.partition("\n")
            green = outcome.status is Status.FIXED
            self._write((click.style(head, fg="green") if green else head) + line_end + rest)
        if self._progress:
            self._progress.advance(self._task)

    def _write(self, text: str) -> None:
        if self._progress:  # the bar must make room
            self._progress.stop()
        say(text)
        if self._progress:
            self._progress.start()

    def conclude(self, report: Report, where: str = "") -> None:
        """Print what there is to say of releases and rules, and last the counts and ``where`` results are."""
        if self._verbosity <= QUIET:
            return
        kept = (each for outcome in report.outcomes if outcome.problem is None for each in outcome.kept)
        say(render_suggestions((each.before or "", each.reason or "", each.suggestion) for each in kept))
        say(render_disagreements(report.disagreements, dry_run=self._dry_run))
        say(render_rule_findings(report.rule_findings))
        print_summary(render_summary(report, dry_run=self._dry_run, where=where))

    def __enter__(self) -> Self:
        if self._progress:
            self._task = self._progress.add_task("wheels", total=self._total)
            self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._progress:
            self._progress.stop()
