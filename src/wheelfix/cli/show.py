"""``wheelfix show``."""

import io
import sys
from collections.abc import Sequence

import click

from wheelfix.cli.command import Command
from wheelfix.cli.exit_codes import ExitCode
from wheelfix.cli.options import SCAN_OPTION
from wheelfix.cli.params import NO_SUMMARY, NULL, WHEELS, wheel_paths
from wheelfix.cli.printing import print_summary, say
from wheelfix.cli.progress import Log
from wheelfix.fix.describe import describe, disagreements
from wheelfix.options import Scan
from wheelfix.reports.registry import TEXT, formats, renderer
from wheelfix.reports.show import Row, render_head, render_rows, render_tail
from wheelfix.reports.text import render_disagreements, render_problem, render_read_summary, render_suggestions
from wheelfix.rules.bundled import bundled

_STYLES = {"safe": "green", "unsafe": "bold red", "unproven": "yellow"}
_UNBOUNDED = 100_000
"""The width, in columns, of what is not a terminal: each requirement is on one line."""


@click.command("show", cls=Command, short_help="Show what a wheel requires and needs, and what would be dropped.")
@WHEELS
@click.option("--format", "form", type=click.Choice(formats("show")), default=TEXT, show_default=True)
@SCAN_OPTION
@NULL
@NO_SUMMARY
@click.option("-v", "--verbose", is_flag=True, help="Also show optional requirements and earlier changes.")
def command(wheels: tuple[str, ...], form: str, scan: str, null: bool, quiet: bool, verbose: bool) -> int:
    """Show what a wheel requires, what it needs, and what strip-gpu would do.

    \b
    In front of a requirement: - would be dropped; = is kept;
    ! the wheel needs it; ? no evidence either way.

    \b
    Examples:
      wheelfix show torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl
      wheelfix show --format json wheels/ > wheels.json
    """
    rules = bundled("gpu")
    paths = wheel_paths(wheels, null=null, quiet=quiet)
    descriptions = []
    with Log(len(paths), quiet=quiet) as log:
        for path in paths:
            descriptions.append(describe(path, rules, scan=Scan(scan)))
            log.advance(path.name)
    differences = disagreements(descriptions)
    if form != TEXT:
        click.echo(renderer("show", form)(descriptions, differences), nl=False)
    for each in descriptions:
        if each.problem:
            say(render_problem(f"{each.source} not shown", each.problem))
        elif form == TEXT:
            click.echo(render_head(each), nl=False)
            _print_table(render_rows(each, verbose=verbose))
            click.echo(render_tail(each, verbose=verbose), nl=False)
    if form == TEXT:
        lines = (line for each in descriptions if each.refusal is None for line in each.requirements)
        click.echo(render_suggestions((line.text, line.reason or "", line.suggestion) for line in lines), nl=False)
        click.echo(render_disagreements(differences), nl=False)
    failed = sum(each.problem is not None for each in descriptions)
    if not quiet:
        print_summary(render_read_summary(len(descriptions), failed))
    return ExitCode.INCOMPLETE if failed else ExitCode.DONE


def _print_table(rows: Sequence[Row]) -> None:
    # Imported late: JSON needs it not, and it takes a while.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        click.echo("  requires nothing")
        return
    console = Console(file=sys.stdout, highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=True, header_style="bold")
    for name in (" ", "requires", "verdict", "why"):
        table.add_column(name, overflow="fold")
    before = ""
    for row in rows:
        style = _STYLES.get(row.verdict, "")
        why = "(as above)" if row.why and row.why == before else row.why
        table.add_row(Text(f"  {row.mark}"), Text(row.requirement), Text(row.verdict, style=style), Text(why, style="dim"))
        before = row.why
    if console.is_terminal:
        console.print(table)
        return
    text = io.StringIO()
    Console(file=text, highlight=False, width=_UNBOUNDED, color_system=None).print(table)
    for line in text.getvalue().splitlines():
        click.echo(line.rstrip())
