"""``wheelfix show``."""

import io
import sys
from collections.abc import Sequence
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

import click

from wheelfix.cli.command import SHOWING, Command
from wheelfix.cli.descriptions import read_each
from wheelfix.cli.exit_codes import ExitCode
from wheelfix.cli.inputs import INPUT, InputOptions, Inputs
from wheelfix.cli.options import SCAN_OPTION, with_options
from wheelfix.cli.params import NO_SUMMARY, NULL, WHEELS
from wheelfix.cli.printing import print_summary, say
from wheelfix.cli.progress import Log
from wheelfix.fix.describe import Description, describe, disagreements
from wheelfix.options import Scan
from wheelfix.reports.registry import TEXT, formats, renderer
from wheelfix.reports.show import Row, render_head, render_rows, render_tail
from wheelfix.reports.text import render_disagreements, render_problem, render_read_summary, render_suggestions
from wheelfix.rules.bundled import bundled

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console
    from rich.table import Table

    from wheelfix.locations import Url
    from wheelfix.wheel.zip.source import RemoteWheel

_AS_ABOVE = "(as above)"
_STYLES = {"safe": "green", "unsafe": "bold red", "unproven": "yellow"}
_UNBOUNDED = 100_000
"""The width, in columns, of what is not a terminal: each requirement is on one line."""


@click.command(
    "show", cls=Command, sections=SHOWING, short_help="Show what a wheel requires and needs, and what would be dropped."
)
@WHEELS
@with_options(INPUT)
@click.option("--format", "form", type=click.Choice(formats("show")), default=TEXT, show_default=True)
@SCAN_OPTION
@NULL
@NO_SUMMARY
@click.option("-v", "--verbose", is_flag=True, help="Also show optional requirements and earlier changes.")
def command(wheels: tuple[str, ...], form: str, scan: str, null: bool, quiet: bool, verbose: bool, **where: Any) -> int:
    """Show what a wheel requires, what it needs, and what strip-gpu would do.

    Of a remote wheel only the directory and the metadata are read, in a few requests,
    and no binary: where those would have to decide, the verdict is unproven. Use
    --scan always to download the wheel and check all of it.

    \b
    In front of a requirement: - would be dropped; = is kept;
    ! the wheel needs it; ? no evidence either way.

    \b
    Examples:
      wheelfix show torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl
      wheelfix show --format json wheels/ > wheels.json
      wheelfix show https://download.example.org/torch-2.7.0-cp311-cp311-win_amd64.whl
      wheelfix show --from-index https://pypi.org/simple/ --python 3.11 torch==2.7.0
    """
    rules, read_binaries = bundled("gpu"), Scan(scan)
    inputs = Inputs(wheels, InputOptions(**where), null=null, quiet=quiet)
    with Log(len(inputs.wheels), quiet=quiet) as log:

        def read(place: "Path | RemoteWheel", url: "Url | None") -> Description:
            return describe(place, rules, scan=read_binaries, url=url)

        descriptions = read_each(inputs, log, read, download=read_binaries is Scan.ALWAYS)
    differences = disagreements(descriptions)
    if form != TEXT:
        click.echo(renderer("show", form)(descriptions, differences), nl=False)
    for each in descriptions:
        if each.problem:
            say(render_problem(f"{each.url or each.source} not shown", each.problem))
        elif form == TEXT:
            click.echo(render_head(each), nl=False)
            _print_table(render_rows(each, verbose=verbose))
            click.echo(render_tail(each, verbose=verbose), nl=False)
    if form == TEXT:
        lines = ((each.source.name, line) for each in descriptions if each.refusal is None for line in each.requirements)
        kept = ((name, line.text, line.reason or "", line.suggestion) for name, line in lines)
        click.echo(render_suggestions(kept), nl=False)
        click.echo(render_disagreements(differences), nl=False)
    failed = sum(each.problem is not None for each in descriptions)
    if not quiet:
        print_summary(render_read_summary(len(descriptions), failed))
    return ExitCode.INCOMPLETE if failed else ExitCode.DONE


def _print_table(rows: Sequence[Row]) -> None:
    # Imported late: JSON needs it not, and it takes a while.
    from rich.console import Console

    if not rows:
        click.echo("  requires nothing")
        return
    columns, lines = get_terminal_size()  # rich takes any dumb terminal for one of 80 columns, unless it has both from us
    console = Console(file=sys.stdout, highlight=False, width=columns, height=lines)
    table = _table(rows)
    if not console.is_terminal:
        text = io.StringIO()
        Console(file=text, highlight=False, width=_UNBOUNDED, color_system=None).print(table)
        for line in text.getvalue().splitlines():
            click.echo(line.rstrip())
    elif console.measure(table, options=console.options.update_width(_UNBOUNDED)).maximum <= columns:
        console.print(table)
    else:
        _print_narrow(console, rows)


def _table(rows: Sequence[Row]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=True, header_style="bold")
    for name in (" ", "requires", "verdict", "why"):
        table.add_column(name, overflow="fold")
    before = ""
    for row in rows:
        why = _AS_ABOVE if row.why and row.why == before else row.why
        verdict = Text(row.verdict, style=_STYLES.get(row.verdict, ""))
        table.add_row(Text(f"  {row.mark}"), Text(row.requirement), verdict, Text(why, style="dim"))
        before = row.why
    return table


def _print_narrow(console: "Console", rows: Sequence[Row]) -> None:
    """Print the rows where a table is too wide for the terminal: a reason has a line of its own, and nothing is broken."""
    from rich.text import Text

    width = max(len("requires"), *(len(row.requirement) for row in rows))
    console.print(Text(f"     {'requires':<{width}}  verdict", style="bold"), soft_wrap=True)
    before = ""
    for row in rows:
        repeated = bool(row.why) and row.why == before
        line = Text(f"  {row.mark or ' '}  {row.requirement:<{width}}  ")
        line.append(f"{row.verdict:<9}", style=_STYLES.get(row.verdict, ""))
        line.append(_AS_ABOVE if repeated else "", style="dim")
        line.rstrip()
        console.print(line, soft_wrap=True)
        if row.why and not repeated:
            console.print(Text(f"       {row.why}", style="dim"), soft_wrap=True)
        before = row.why
