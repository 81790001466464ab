"""``wheelfix verify``."""

import click

from wheelfix.cli.command import CHECKING, Command
from wheelfix.cli.exit_codes import ExitCode
from wheelfix.cli.options import JOBS, selection_options
from wheelfix.cli.params import NULL, WHEELS, wheel_paths
from wheelfix.cli.printing import print_summary, print_text
from wheelfix.cli.progress import Log
from wheelfix.options import Selection
from wheelfix.reports.registry import TEXT, formats, renderer
from wheelfix.reports.verify import render_checked_wheel, render_verify_summary
from wheelfix.results import VerifyReport
from wheelfix.verify.batch import verify_wheels
from wheelfix.verify.registry import CHECKS


@click.command("verify", cls=Command, sections=CHECKING, short_help="Check wheels for errors.")
@WHEELS
@selection_options(CHECKS, "record", "findings")
@click.option("--strict", is_flag=True, help="Exit 1 on warnings too.")
@click.option(
    "--format", "form", type=click.Choice(formats("verify")), default=TEXT, show_default=True,
    help="github: annotations of a workflow run; sarif: for code scanning.",
)  # fmt: skip
@NULL
@JOBS
@click.option("-q", "--quiet", is_flag=True, help="Print only wheels with findings, and no summary.")
@click.option("-v", "--verbose", is_flag=True, help="Print all findings, even when many share a code.")
def command(
    wheels: tuple[str, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    strict: bool,
    form: str,
    jobs: int,
    **flags: bool,
) -> int:
    """Check wheels for errors: archive, RECORD, METADATA, file name, release.

    Every file in a wheel is read and compared with RECORD. Exit code 1 if there is an
    error, 3 if a file could not be read. `wheelfix explain CODE` explains a code.

    \b
    Examples:
      wheelfix verify dist/*.whl
      wheelfix verify --select record,archive wheels/
      wheelfix verify --format github --strict dist/
    """  # fmt: skip
    quiet, verbose = flags["quiet"], flags["verbose"]
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other.")
    paths = wheel_paths(wheels, null=flags["null"], quiet=quiet)
    with Log(len(paths), quiet=quiet) as progress:
        report = verify_wheels(paths, selection=Selection(select, ignore), jobs=jobs, progress=progress)
    if form == TEXT:
        _print_text(report, quiet=quiet, verbose=verbose)
    else:
        click.echo(renderer("verify", form)(report), nl=False)
    if not quiet:
        print_summary(render_verify_summary(report))
    if not report.complete:
        return ExitCode.INCOMPLETE
    return ExitCode.DONE if report.passes(strict=strict) else ExitCode.FOUND


def _print_text(report: VerifyReport, *, quiet: bool, verbose: bool) -> None:
    for each in report.wheels:
        if each.findings or not quiet:
            print_text(render_checked_wheel(each, verbose=verbose))
