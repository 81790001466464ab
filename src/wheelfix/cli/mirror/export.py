"""``wheelfix mirror export``."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from msgspec.structs import asdict

from wheelfix.cli.command import Command
from wheelfix.cli.exit_codes import ExitCode, Incomplete, Stopped, stopped
from wheelfix.cli.mirror.options import MIRROR, refusing
from wheelfix.cli.printing import print_summary
from wheelfix.cli.progress import Log
from wheelfix.cli.written import write_text
from wheelfix.reports.bundle import render_export_summary
from wheelfix.reports.json import encode
from wheelfix.reports.registry import TEXT, formats, renderer

if TYPE_CHECKING:
    from wheelfix.sync.snapshots.export_bundle import ExportReport

_FILE: Final = click.Path(dir_okay=False)


@click.command("export", cls=Command)
@MIRROR
@click.option("-o", "--output", required=True, type=_FILE, metavar="FILE", help="The tar file to write.")
@click.option(
    "--since",
    type=click.Path(exists=True, dir_okay=False),
    metavar="LOCK",
    help="Leave out the files that this lock of the mirror names: the other side has them.",
)
@click.option("--lock", type=_FILE, metavar="LOCK", help="Write a lock of the mirror here, for --since the next time.")
@click.option(
    "--format",
    "form",
    type=click.Choice(formats("mirror export")),
    default=TEXT,
    show_default=True,
    help="text: the path of the file; json: what is in it.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print only errors and the path of the file.")
def command(mirror: str, output: str, since: str | None, lock: str | None, form: str, quiet: bool) -> int:
    """Write what a mirror has, or what is new, to a tar file.

    The file is for mirror import. It holds the wheels, a lock of the mirror, and the checksums of all of them. The
    same mirror gives the same bytes.

    \b
    Examples:
      wheelfix mirror export mirror/ -o all.tar --lock last.lock
      wheelfix mirror export mirror/ -o new.tar --since last.lock --lock last.lock
    """
    from wheelfix.sync.snapshots.export_bundle import export_mirror  # imported late: tar files are for this command only

    with Log(unit="file", quiet=quiet) as log, refusing():
        report = export_mirror(mirror, output, since=since, progress=log)
    problem = _write_lock(lock, report)
    click.echo(renderer("mirror export", form)(report) if form != TEXT else str(report.bundle), nl=form == TEXT)
    if not quiet:
        print_summary(render_export_summary(report))
    if problem is not None:
        raise problem
    return ExitCode.DONE


def _write_lock(path: str | None, report: "ExportReport") -> Stopped | None:
    """Write the lock that was asked for; return why it could not be, or why the bundle that it would name may be lost."""
    if (problem := report.problem) is not None:
        message = f"the bundle is written, but may be lost if the machine crashes now: {problem.message}"
        return Incomplete(message, hint="Run the same command again once the cause is gone.", code=problem.code)
    try:
        if path:
            write_text(Path(path), encode(asdict(report.lock)))
    except OSError as error:
        return stopped(error)
    return None
