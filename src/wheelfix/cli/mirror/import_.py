"""``wheelfix mirror import``."""

import click

from wheelfix.cli.command import IMPORTING, Command
from wheelfix.cli.mirror.options import (
    FORMAT,
    MIRROR,
    QUIET,
    TIMEOUT,
    conclude,
    open_mirror,
    print_published,
    refuse_without_effect,
    refusing,
)
from wheelfix.cli.options import JOBS
from wheelfix.cli.params import SINGLE_WRITER
from wheelfix.cli.progress import Log
from wheelfix.options import Limits, Publishing


@click.command("import", cls=Command, sections=IMPORTING)
@MIRROR
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False))
@click.option("--replace", is_flag=True, help="Replace files of the same name; old locks can still install the old ones.")
@click.option("--allow-mixed", is_flag=True, help="Add wheels even if the wheels of the release will disagree.")
@click.option(
    "--allow-removals", is_flag=True, help="Go on even if more than a third of what came from the other mirror is yanked."
)
@JOBS
@TIMEOUT
@SINGLE_WRITER
@FORMAT
@QUIET
def command(
    mirror: str,
    bundle: str,
    replace: bool,
    allow_mixed: bool,
    allow_removals: bool,
    jobs: int,
    timeout: float,
    single_writer: bool,
    form: str,
    quiet: bool,
) -> int:
    """Add the wheels of a tar file that mirror export wrote.

    All of BUNDLE is checked before anything is written. Its wheels are added by the
    rules of mirror add; the mirror is created on first use. Yanks and upload times are
    taken over, and what the other mirror has removed is yanked here. What you yanked or
    unyanked here stays so.

    \b
    Examples:
      wheelfix mirror import mirror/ new.tar
      wheelfix mirror import s3://bucket/mirror new.tar
    """
    from wheelfix.sync.snapshots.import_bundle import import_bundle  # imported late: tar files are for this command only

    refuse_without_effect(mirror)
    with Log(unit="file", quiet=quiet) as log, refusing():
        report = import_bundle(
            open_mirror(mirror, single_writer=single_writer, create=True),
            bundle,
            publishing=Publishing(replace=replace, allow_mixed=allow_mixed),
            allow_removals=allow_removals,
            limits=Limits(lock_seconds=timeout),
            jobs=jobs,
            progress=log,
        )
    for each in report.files:
        print_published(each, quiet=quiet)
    return conclude(report, form, quiet=quiet)
