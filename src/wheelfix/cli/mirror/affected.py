"""``wheelfix mirror affected``."""

from pathlib import Path

import click

from wheelfix.cli.command import Command
from wheelfix.cli.exit_codes import ExitCode
from wheelfix.cli.mirror.options import MIRROR, refusing
from wheelfix.cli.params import NO_SUMMARY
from wheelfix.cli.printing import print_summary, print_text
from wheelfix.reports.registry import TEXT, formats, renderer


@click.command("affected", cls=Command)
@MIRROR
@click.argument(
    "locks", nargs=-1, required=True, metavar="LOCKFILE...", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--format", "form", type=click.Choice(formats("mirror affected")), default=TEXT, show_default=True,
    help="text: what is affected, and the commands; json: the report.",
)  # fmt: skip
@NO_SUMMARY
@click.option("-v", "--verbose", is_flag=True, help="Show each file, and entries that do not come from an index.")
def command(mirror: str, locks: tuple[Path, ...], form: str, quiet: bool, verbose: bool) -> int:
    """Show which lock files a mirror affects, and how to move them over.

    LOCKFILE is a uv.lock, pylock.toml, poetry.lock, pdm.lock or requirements.txt. For each
    project whose files have changed on the mirror: what happened to them, what the lock still
    installs, and the commands that update cache, lock and environment. Nothing is written.
    Exit code 1 if a lock is affected, 3 if one cannot be read.

    \b
    Examples:
      wheelfix mirror affected mirror/ uv.lock
      wheelfix mirror affected s3://bucket/mirror poetry.lock requirements.txt
      wheelfix mirror affected mirror/ */uv.lock --format json
    """
    from wheelfix.mirror.affected import affected_locks  # imported late, as what it needs
    from wheelfix.reports.affected import render_affected, render_affected_summary

    with refusing():
        report = affected_locks(mirror, locks)
    if form == TEXT:
        print_text(render_affected(report, verbose=verbose))
    else:
        click.echo(renderer("mirror affected", form)(report), nl=False)
    if not quiet:
        print_summary(render_affected_summary(report))
    if not report.complete:
        return ExitCode.INCOMPLETE
    return ExitCode.FOUND if report.affected else ExitCode.DONE
