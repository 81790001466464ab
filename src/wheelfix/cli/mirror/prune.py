"""``wheelfix mirror prune``."""

import click

from wheelfix.cli import suggest
from wheelfix.cli.command import DELETING, Command
from wheelfix.cli.exit_codes import ExitCode
from wheelfix.cli.mirror.options import GRACE, MIRROR, QUIET, TIMEOUT, open_mirror, refuse_without_effect, refusing
from wheelfix.cli.params import SINGLE_WRITER
from wheelfix.cli.printing import print_summary, say
from wheelfix.cli.progress import Log
from wheelfix.mirror.prune import prune_mirror
from wheelfix.mirror.pruned import PruneReport, PruneStatus
from wheelfix.options import Limits
from wheelfix.reports.prune import render_prune_summary, render_pruned
from wheelfix.reports.registry import TEXT, formats, renderer


@click.command("prune", cls=Command, sections=DELETING)
@MIRROR
@click.argument("projects", nargs=-1, metavar="[PROJECT]...", shell_complete=suggest.projects)
@click.option("--replaced", is_flag=True, help="Also delete replaced files; locks that name them fail from then on.")
@click.option("--all-unlisted", is_flag=True, help="Also delete files that no page lists and no journal names.")
@click.option("--check", is_flag=True, help="Delete nothing; exit 1 if something would be deleted.")
@GRACE
@TIMEOUT
@SINGLE_WRITER
@click.option(
    "--format", "form", type=click.Choice(formats("mirror prune")), default=TEXT, show_default=True,
    help="text: what was deleted, one a line; json: the report.",
)  # fmt: skip
@QUIET
def command(
    mirror: str,
    projects: tuple[str, ...],
    replaced: bool,
    all_unlisted: bool,
    check: bool,
    grace: float,
    timeout: float,
    single_writer: bool,
    form: str,
    quiet: bool,
) -> int:
    """Delete what a mirror no longer needs.

    That is what interrupted runs left, and in a bucket the files that were removed:
    another publisher may be about to list one, and clients may still have an old page,
    so a bucket keeps them for the grace period. Nothing that a page lists is deleted.
    Where a page is missing or damaged, nothing of its project is deleted.

    \b
    Examples:
      wheelfix mirror prune s3://bucket/mirror
      wheelfix mirror prune --check s3://bucket/mirror
      wheelfix mirror prune --replaced mirror/ torch
    """
    refuse_without_effect(mirror)
    with Log(unit="project", quiet=quiet) as log, refusing():
        report = prune_mirror(
            open_mirror(mirror, single_writer=single_writer),
            projects,
            replaced=replaced,
            all_unlisted=all_unlisted,
            dry_run=check,
            limits=Limits(lock_seconds=timeout, grace_seconds=grace),
            progress=log,
        )
    return _conclude(report, form, quiet=quiet)


def _conclude(report: PruneReport, form: str, *, quiet: bool) -> int:
    """Print what was deleted and what was kept, and return the exit code."""
    if not quiet or not report.ok:
        say(render_pruned(report))
    deleted = report.of(PruneStatus.DELETED)
    if form == TEXT:
        for each in deleted:
            click.echo(str(report.place_of(each)))
    else:
        click.echo(renderer("mirror prune", form)(report), nl=False)
    if not quiet:
        print_summary(render_prune_summary(report))
    if not report.ok:
        return ExitCode.INCOMPLETE
    return ExitCode.FOUND if report.dry_run and deleted else ExitCode.DONE
