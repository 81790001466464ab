"""What people see on standard error while a run goes on: a line for each result, and bars where it takes a while."""

import os
import sys
import time
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import click

from wheelfix.cli.printing import print_summary, say
from wheelfix.progress import NoProgress
from wheelfix.reports.text import (
    NO_RULE,
    QUIET,
    VERBOSE,
    render_as_rules,
    render_disagreements,
    render_outcome,
    render_rule_findings,
    render_suggestions,
    render_summary,
)
from wheelfix.results import Status
from wheelfix.text import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from wheelfix.cli.bars import Bars
    from wheelfix.results import CheckedWheel, Outcome, Published, Report

_PATIENCE: Final = 1.0
"""How many seconds a run takes before bars are drawn: most runs end sooner, and do without rich."""

_LARGE: Final = 10_000_000
"""From how many bytes on an upload has a line of its own in the log: smaller ones are soon over."""


class Log(NoProgress):
    """The log of a run over ``total`` things, ``None`` where nobody knows how many. Use it as a context manager.

    Bars are drawn on a terminal only, after a second, and nothing of them is left on the screen.
    """

    def __init__(self, total: int | None = None, unit: str = "wheel", *, quiet: bool = False) -> None:
        self._total = total
        self._unit = unit
        self.is_quiet = quiet
        self._draws = not quiet and sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
        self._bars: Bars | None = None
        self._lock = RLock()  # the bytes of a file are counted by other threads
        self._started = time.monotonic()
        self._files: dict[str, tuple[int, int | None]] = {}
        self._done = 0

    def file_started(self, name: str, size: int | None, resumed: int = 0) -> None:
        """Draw a bar for the file, in place of those that are full."""
        self._add_bar(name, size, resumed)

    def upload_started(self, name: str, size: int) -> None:
        """Draw a bar for the file; of one that takes a while, print that it is sent, too."""
        if size >= _LARGE and not self.is_quiet:
            self.print(f"uploading {shown(name)}, {size:,} bytes\n")
        self._add_bar(name, size)

    def _add_bar(self, name: str, size: int | None, resumed: int = 0) -> None:
        with self._lock:
            for other, (done, all_of_it) in self._files.items():
                if done == all_of_it and self._bars:
                    self._bars.drop_file(other)
            self._draw_file(name, resumed, size)

    def file_advanced(self, name: str, count: int) -> None:
        """Move the bar of the file."""
        with self._lock:
            done, size = self._files.get(name, (0, None))
            self._draw_file(name, done + count, size)

    def wheel_done(self, outcome: "Outcome") -> None:
        """Move the bar of the run."""
        self.advance(outcome.source.name)

    def wheel_checked(self, checked: "CheckedWheel") -> None:
        """Move the bar of the run."""
        self.advance(checked.source.name)

    def file_published(self, published: "Published") -> None:
        """Move the bar of the run."""
        self.advance(published.filename or "")

    def project_done(self, project: str) -> None:
        """Move the bar of the run."""
        self.advance(project)

    def print(self, text: str) -> None:
        """Print ``text`` above the bars."""
        with self._lock:
            if self._bars is None:
                say(text)
            elif text:
                with self._bars:
                    say(text)

    def advance(self, name: str) -> None:
        """Count one thing that is done, called ``name``."""
        self._done += 1
        self._files.pop(name, None)
        self._draw(lambda bars: bars.show_run(self._done, name))

    def _draw_file(self, name: str, done: int, size: int | None) -> None:
        self._files[name] = done, size
        self._draw(lambda bars: bars.show_file(name, done, size))

    def _draw(self, change: "Callable[[Bars], object]") -> None:
        """Change the bars, if there are any by now; a terminal that is gone ends the drawing, not the run."""
        early = time.monotonic() - self._started < _PATIENCE
        if not self._draws or (self._bars is None and (early or self._done == self._total)):
            return
        with self._lock:
            try:
                if self._bars is None:
                    from wheelfix.cli.bars import Bars  # imported late: rich takes a while, and most runs end before

                    self._bars = Bars(self._total, self._unit)
                change(self._bars)
            except OSError:
                self._draws, self._bars = False, None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bars:
            self._bars.stop()


class DownloadLog(NoProgress):
    """The part of ``log`` that is about downloads: a line for each, bars, and why nothing happens for a while."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def file_started(self, name: str, size: int | None, resumed: int = 0) -> None:
        """Print that a download starts or resumes, and draw a bar for it."""
        if not self._log.is_quiet:
            self._log.print(download_line(name, size, resumed))
        self._log.file_started(name, size, resumed)

    def file_advanced(self, name: str, count: int) -> None:
        """Move the bar of the file."""
        self._log.file_advanced(name, count)

    def waiting(self, name: str, seconds: float, reason: str) -> None:
        """Print why nothing happens for a while."""
        if not self._log.is_quiet:
            self._log.print(waiting_line(name, seconds, reason))


def download_line(name: str, size: int | None, resumed: int) -> str:
    """Return the line that says that a download starts or resumes.

    >>> download_line("demo-1.0-py3-none-any.whl", 2_000, 0)
    'downloading demo-1.0-py3-none-any.whl, 2,000 bytes\\n'
    """
    if resumed:
        return f"resuming {shown(name)}: {resumed:,}{f' of {size:,}' if size else ''} bytes are there\n"
    return f"downloading {shown(name)}{f', {size:,} bytes' if size else ''}\n"


def waiting_line(name: str, seconds: float, reason: str) -> str:
    """Return the line that says why nothing happens for a while."""
    return f"waiting {seconds:g} s for {name}: {reason}\n"


class FixLog(Log):
    """The log of a run that fixes wheels: each outcome, and at the end what holds for the whole run."""

    def __init__(
        self, total: int, *, verbosity: int, dry_run: bool = False, why_unchanged: str = NO_RULE, diff: bool = False
    ) -> None:
        super().__init__(total, quiet=verbosity <= QUIET)
        self._verbosity = verbosity
        self._dry_run = dry_run
        self._why_unchanged = why_unchanged
        self._diff = diff

    def wheel_done(self, outcome: "Outcome") -> None:
        """Print what became of a wheel."""
        text = render_outcome(
            outcome, verbosity=self._verbosity, dry_run=self._dry_run, why_unchanged=self._why_unchanged, diff=self._diff
        )
        head, line_end, rest = text.partition("\n")
        self.print((click.style(head, fg="green") if outcome.status is Status.FIXED and head else head) + line_end + rest)
        super().wheel_done(outcome)

    def file_published(self, published: "Published") -> None:
        """Do nothing: wheels are counted, and what was published is printed at the end."""

    def conclude(self, report: "Report", where: str = "") -> None:
        """Print what is known of releases and rules, and last the counts and ``where`` the results are."""
        if self._verbosity <= QUIET:
            return
        done = [outcome for outcome in report.outcomes if outcome.problem is None]
        kept = ((outcome.source.name, each) for outcome in done for each in outcome.kept)
        say(render_suggestions((name, each.before or "", each.reason or "", each.suggestion) for name, each in kept))
        say(render_disagreements(report.disagreements, dry_run=self._dry_run))
        if report.rule_findings:
            say(render_rule_findings(report.rule_findings))
        if done and (self._diff or self._verbosity >= VERBOSE):
            say(render_as_rules(report.as_rules))
        print_summary(render_summary(report, dry_run=self._dry_run, where=where))
