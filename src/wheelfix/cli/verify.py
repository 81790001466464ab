"""``wheelfix verify``."""

from typing import Literal

import click

from wheelfix.cli.command import CHECKING, Command
from wheelfix.cli.exit_codes import ExitCode
from wheelfix.cli.options import JOBS, choosing_options
from wheelfix.cli.params import NULL, WHEELS, wheel_paths
from wheelfix.cli.printing import print_summary, print_text
from wheelfix.cli.progress import Log
from wheelfix.options import Selection
from wheelfix.reports.verify import render_annotations, render_checked_wheel, render_verify_json, render_verify_summary
from wheelfix.results import CheckedWheel
from wheelfix.verify.registry import CHECKS
from wheelfix.verify.run import verify_wheels


@click.command("verify", cls=Command, sections=CHECKING, short_help="Say whether wheels are sound, and tell every fault.")
@WHEELS
@choosing_options(CHECKS, "record")
@click.option("--strict", is_flag=True, help="Exit 1 on warnings too.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="github: annotations for a workflow run.",
)
@NULL
@JOBS
@click.option("-q", "--quiet", is_flag=True, help="Do not name wheels that are sound.")
@click.option("-v", "--verbose", is_flag=True, help="Tell every fault, also of many alike.")
def command(
    wheels: tuple[str, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    strict: bool,
    form: Literal["text", "json", "github"],
    null: bool,
    jobs: int,
    quiet: bool,
    verbose: bool,
) -> int:
    """Say whether wheels are sound: archive, RECORD, METADATA, file name, siblings.

    Every file of a wheel is read and compared with RECORD. Exit code 1 if there is an
    error, 3 if a file could not be read.

    \b
    Examples:
      wheelfix verify dist/*.whl
      wheelfix verify --select record,archive wheels/
      wheelfix verify --format github --strict dist/
    """  # fmt: skip
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other.")
    paths = wheel_paths(wheels, null=null, quiet=quiet)
    with Log(len(paths), quiet=quiet) as progress:
        report = verify_wheels(paths, selection=Selection(select, ignore), jobs=jobs, progress=progress)
    if form == "json":
        click.echo(render_verify_json(report), nl=False)
    elif form == "github":
        click.echo(render_annotations(report), nl=False)
    else:
        _print_text(report.wheels, quiet=quiet, verbose=verbose)
    if not quiet:
        print_summary(render_verify_summary(report))
    if not report.complete:
        return ExitCode.INCOMPLETE
    return ExitCode.DONE if report.passes(strict=strict) else ExitCode.FOUND


def _print_text(checked: tuple[CheckedWheel, ...], *, quiet: bool, verbose: bool) -> None:
    for each in checked:
        if each.findings or not quiet:
            print_text(render_checked_wheel(each, verbose=verbose))
