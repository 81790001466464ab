"""``--report FILE``: what a run found, written to files besides what it prints; the ending chooses the format."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from wheelfix.cli.exit_codes import Incomplete, Stopped
from wheelfix.cli.targets import TargetFile
from wheelfix.reports.registry import formats, renderer
from wheelfix.text import shown

_ENDINGS: Final[Mapping[str, str]] = {".html": "html", ".json": "json", ".md": "markdown", ".sarif": "sarif"}
"""How the names of files of each format end."""
_READERS: Final[Mapping[str, str]] = {
    ".html": "for people", ".json": "for programs", ".md": "for a pull request comment", ".sarif": "for code scanning",
}  # fmt: skip
"""Whom a file with each ending is for."""


def report_option(command: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option ``--report`` for the formats that ``command`` has in the registry of reports."""
    endings = [ending for ending, form in _ENDINGS.items() if form in formats(command)]

    def check(_: click.Context, __: click.Parameter, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in paths:
            if Path(path).suffix.lower() not in endings:
                raise click.BadParameter(f"{shown(path)} must end with {_either(endings)}.")
        return paths

    kinds = ", ".join(f"FILE{ending} {_READERS[ending]}" for ending in endings)
    return click.option(
        "--report", "reports", type=TargetFile(), multiple=True, metavar="FILE", callback=check,
        help=f"Also write what was found to a file, in place of an earlier report: {kinds}. Can be repeated.",
    )  # fmt: skip


def _either(endings: Sequence[str]) -> str:
    """Return endings in words.

    >>> _either([".html", ".json", ".md"]), _either([".html"])
    ('.html, .json or .md', '.html')
    """
    *others, last = endings
    return f"{', '.join(others)} or {last}" if others else last


def write_reports(command: str, paths: Sequence[str], *found: object) -> Stopped | None:
    """Write what ``command`` found to each of ``paths``; return why one of them could not be written.

    All others are written: a report is no reason to lose another one.
    """
    problem: Stopped | None = None
    if not paths:
        return None
    from wheelfix.cli.written import usual_mode, write_text  # imported late: few runs write a report

    for path in paths:
        try:
            text = renderer(command, _ENDINGS[Path(path).suffix.lower()])(*found)
            Path(path).parent.mkdir(exist_ok=True)  # that of the results, where there was none of them
            write_text(Path(path), text, mode=usual_mode(Path(path)))
        except OSError as error:
            problem = problem or _not_written(path, error)
    return problem


def _not_written(path: str, error: OSError) -> Stopped:
    return Incomplete(
        f"the report {shown(path)} could not be written: {error.strerror or error}",
        hint="The run itself is complete. Free space or choose another path for --report, and run it again.",
    )
