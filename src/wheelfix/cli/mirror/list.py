"""``wheelfix mirror list``."""

import click

from wheelfix.cli import suggest
from wheelfix.cli.command import Command
from wheelfix.cli.exit_codes import ExitCode
from wheelfix.cli.mirror.options import MIRROR, refusing
from wheelfix.cli.params import NO_SUMMARY
from wheelfix.cli.printing import print_summary
from wheelfix.mirror.yank import list_pages
from wheelfix.reports.mirror import render_list_summary, render_page
from wheelfix.reports.registry import TEXT, formats, renderer


@click.command("list", cls=Command)
@MIRROR
@click.argument("selections", nargs=-1, metavar="[WHAT]...", shell_complete=suggest.selections)
@click.option(
    "--format",
    "form",
    type=click.Choice(formats("mirror list")),
    default=TEXT,
    show_default=True,
    help="text: one line for each file; json: a lock of the mirror.",
)
@NO_SUMMARY
def command(mirror: str, selections: tuple[str, ...], form: str, quiet: bool) -> int:
    """List the files of a mirror, or some of them.

    WHAT is a file name, a project, or a project with versions (torch==2.7.0).

    \b
    Examples:
      wheelfix mirror list mirror/
      wheelfix mirror list mirror/ torch==2.7.0 --format json
    """
    pages = []
    with refusing():
        for page in list_pages(mirror, selections or None):
            pages.append(page)
            if form == TEXT:
                click.echo(render_page(page), nl=False)
    if form != TEXT:
        click.echo(renderer("mirror list", form)(mirror, pages), nl=False)
    if not quiet:
        print_summary(render_list_summary(pages))
    return ExitCode.DONE
