"""``wheelfix mirror unyank``."""

from typing import Any

import click

from wheelfix.cli.command import Command
from wheelfix.cli.mirror.options import carry_out, changing_options
from wheelfix.mirror.yank import unyank_files


@click.command("unyank", cls=Command)
@changing_options
def command(mirror: str, selection: str, **options: Any) -> int:
    """Unyank files.

    WHAT is a file name, a project, or a project with versions (torch==2.7.0).

    \b
    Examples:
      wheelfix mirror unyank mirror/ torch==2.7.0
      wheelfix mirror unyank mirror/ torch-2.7.0-cp311-cp311-win_amd64.whl
    """
    return carry_out(lambda store, limits: unyank_files(store, selection, limits=limits), mirror, options)
