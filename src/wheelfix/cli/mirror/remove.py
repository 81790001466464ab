"""``wheelfix mirror remove``."""

import click

from wheelfix.cli.command import Command
from wheelfix.cli.mirror.options import carry_out, changing_options
from wheelfix.mirror.yank import remove_files
from wheelfix.options import Limits


@click.command("remove", cls=Command)
@changing_options
def command(mirror: str, selection: str, timeout: float, form: str, quiet: bool) -> int:
    """Remove files; locks that name them fail from then on.

    WHAT is a file name, a project, or a project with versions (torch==2.7.0).

    \b
    Examples:
      wheelfix mirror remove mirror/ torch==2.7.0
      wheelfix mirror remove mirror/ torch-2.7.0-cp311-cp311-win_amd64.whl
    """
    return carry_out(lambda: remove_files(mirror, selection, limits=Limits(lock_seconds=timeout)), form, quiet=quiet)
