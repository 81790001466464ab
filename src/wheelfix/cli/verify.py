"""``wheelfix verify``."""

import click

from wheelfix.cli.command import CHECKING, Command
from wheelfix.cli.exit_codes import ExitCode
from wheelfix.cli.inputs import INPUT, InputOptions, Inputs
from wheelfix.cli.options import JOBS, selection_options, with_options
from wheelfix.cli.params import NULL, WHEELS
from wheelfix.cli.printing import print_summary, print_text, say
from wheelfix.cli.progress import Log
from wheelfix.cli.report_files import report_option, write_reports
from wheelfix.options import Selection
from wheelfix.reports.registry import TEXT, formats, renderer
from wheelfix.reports.verify import render_checked_wheel, render_next_steps, render_verify_summary
from wheelfix.results import VerifyReport
from wheelfix.verify.batch import verify_wheels
from wheelfix.verify.registry import CHECKS


@click.command("verify", cls=Command, sections=CHECKING, short_help="Check wheels for errors.")
@WHEELS
@with_options(INPUT)
@selection_options(CHECKS, "record", "findings")
@click.option("--strict", is_flag=True, help="Exit 1 on warnings too.")
@click.option(
    "--format", "form", type=click.Choice(formats("verify")), default=TEXT, show_default=True,
    help="github: annotations of a workflow run; markdown: for its summary; sarif: for code scanning.",
)  # fmt: skip
@report_option("verify")
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
    reports: tuple[str, ...],
    jobs: int,
    from_index: str | None,
    platforms: tuple[str, ...],
    pythons: tuple[str, ...],
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
      wheelfix verify --report verify.html dist/
      wheelfix verify https://download.example.org/torch-2.7.0-cp311-cp311-win_amd64.whl
      wheelfix verify --from-index https://download.pytorch.org/whl/cpu/ torch==2.7.0
    """  # fmt: skip
    quiet, verbose = flags["quiet"], flags["verbose"]
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other.")
    where = InputOptions(from_index=from_index, platforms=platforms, pythons=pythons)
    inputs = Inputs(wheels, where, null=flags["null"], quiet=quiet)
    with Log(len(inputs.wheels), quiet=quiet) as log, inputs.local(log) as local:
        progress = local.reporting_to(log)
        report = verify_wheels(local.paths, selection=Selection(select, ignore), jobs=jobs, progress=progress)
        report = local.named(report)
    if form == TEXT:
        _print_text(report, quiet=quiet, verbose=verbose)
    else:
        click.echo(renderer("verify", form)(report), nl=False)
    if not quiet:
        say(render_next_steps(report) if form == TEXT else "")
        print_summary(render_verify_summary(report))
    if problem := write_reports("verify", reports, report):
        raise problem
    if not report.complete:
        return ExitCode.INCOMPLETE
    return ExitCode.DONE if report.passes(strict=strict) else ExitCode.FOUND


def _print_text(report: VerifyReport, *, quiet: bool, verbose: bool) -> None:
    for each in report.wheels:
        if each.findings or not quiet:
            print_text(render_checked_wheel(each, verbose=verbose))
