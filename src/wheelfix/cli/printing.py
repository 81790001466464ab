"""What goes to standard output and standard error: colour where it is wanted, and bytes that other programs can take."""

import os
import re
import sys
import time
from pathlib import Path
from typing import Any, Final, TextIO

import click

from wheelfix.text import shown_lines

_STARTED: Final = "wheelfix.started"
_SEVERITY: Final = re.compile(r"^( *)(error|warning|note|reason|help)\b", re.MULTILINE)
_SEVERITY_STYLES: Final[dict[str, dict[str, Any]]] = {
    "error": {"fg": "red", "bold": True},
    "warning": {"fg": "yellow", "bold": True},
    "note": {"fg": "cyan"},
    "reason": {"bold": True},
    "help": {"fg": "cyan"},
}
_DIFF_LINE: Final = re.compile(r"^(?:(---|\+\+\+|@@)|([-+])).*$", re.MULTILINE)
_DIFF_STYLES: Final[dict[str, dict[str, Any]]] = {"-": {"fg": "red"}, "+": {"fg": "green"}}


def colour_wanted(stream: TextIO) -> bool:
    """Whether ``stream`` takes colour: NO_COLOR and FORCE_COLOR decide before the terminal does."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def say(text: str) -> None:
    """Write ``text`` to standard error; where that is gone, go on: a log is not worth a wheel."""
    say_exactly(_with_severities(text))


def say_exactly(text: str) -> None:
    """Write ``text`` to standard error as :func:`say` does, without looking for what could have a colour."""
    try:
        click.echo(text, nl=False, err=True, color=colour_wanted(sys.stderr))
    except OSError:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for the rest of the process


def print_text(text: str) -> None:
    """Write a report for people to standard output, severities in colour."""
    click.echo(_with_severities(text), nl=False, color=colour_wanted(sys.stdout))


def print_exactly(text: str) -> None:
    """Write ``text`` to standard output: its bytes, so that patch(1) applies a diff; to a terminal in colour and escaped.

    A pipe gets the bytes even with FORCE_COLOR.
    """
    if sys.stdout.isatty():
        click.echo(_DIFF_LINE.sub(_styled_diff, shown_lines(text)), nl=False, color=colour_wanted(sys.stdout))
    else:
        click.echo(text.encode("utf-8", "surrogateescape"), nl=False)


def start_clock(ctx: click.Context) -> None:
    """Begin to measure how long the run takes."""
    ctx.meta[_STARTED] = time.monotonic()


def seconds_since_start() -> float:
    """Return how long the run has taken, in seconds."""
    now = time.monotonic()
    ctx = click.get_current_context(silent=True)
    return now - (ctx.meta.get(_STARTED, now) if ctx else now)


def print_summary(counts: str) -> None:
    """Write the line that ends a run to standard error, with the time it took in front of where the results are."""
    head, arrow, where = counts.rstrip("\n").partition(" -> ")
    say(f"{head} in {render_seconds(seconds_since_start())}{arrow}{where}\n")


def render_seconds(seconds: float) -> str:
    """Return a duration for people.

    >>> render_seconds(0.61), render_seconds(42.3), render_seconds(200)
    ('0.6 s', '42 s', '3 min 20 s')
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _with_severities(text: str) -> str:
    return _SEVERITY.sub(lambda found: found[1] + click.style(found[2], **_SEVERITY_STYLES[found[2]]), text)


def _styled_diff(found: re.Match[str]) -> str:
    return click.style(found[0], **(_DIFF_STYLES[found[2]] if found[2] else {"bold": True}))
