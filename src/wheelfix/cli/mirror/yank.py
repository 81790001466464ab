"""``wheelfix mirror yank``."""

from typing import Any

import click

from wheelfix.cli.command import Command
from wheelfix.cli.mirror.options import carry_out, changing_options
from wheelfix.mirror.yank import yank_files


@click.command("yank", cls=Command, short_help="Yank files: only old locks still install them.")
@changing_options
@click.option("--reason", default="", help="Why; clients show it.")
def command(mirror: str, selection: str, reason: str, **options: Any) -> int:
    """Yank files: new resolutions avoid them, old locks still install them.

    WHAT is a file name, a project, or a project with versions (torch==2.7.0).

    \b
    Examples:
      wheelfix mirror yank mirror/ torch==2.7.0
      wheelfix mirror yank mirror/ torch-2.7.0-cp311-cp311-win_amd64.whl
    """
    return carry_out(lambda store, limits: yank_files(store, selection, reason, limits=limits), mirror, options)
