"""``wheelfix mirror remove``."""

from typing import Any

import click

from wheelfix.cli.command import Command
from wheelfix.cli.mirror.options import carry_out, changing_options
from wheelfix.mirror.yank import remove_files


@click.command("remove", cls=Command)
@changing_options
def command(mirror: str, selection: str, **options: Any) -> int:
    """Remove files; locks that name them fail from then on.

    WHAT is a file name, a project, or a project with versions (torch==2.7.0). What
    a manifest still wants is added again by the next mirror sync: yank it instead, or
    exclude it there.

    \b
    Examples:
      wheelfix mirror remove mirror/ torch==2.7.0
      wheelfix mirror remove mirror/ torch-2.7.0-cp311-cp311-win_amd64.whl
    """
    return carry_out(lambda store, limits: remove_files(store, selection, limits=limits), mirror, options)
