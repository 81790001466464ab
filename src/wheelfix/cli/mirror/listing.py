"""``wheelfix mirror list``."""

from typing import Literal

import click
from packaging.utils import canonicalize_name

from wheelfix.cli.mirror.common import FORMAT, MIRROR, refusing
from wheelfix.mirror.changing import list_pages
from wheelfix.render.mirror import render_page, render_pages_json


@click.command("list")
@MIRROR
@click.argument("projects", nargs=-1, metavar="[PROJECT]...")
@FORMAT
def command(mirror: str, projects: tuple[str, ...], form: Literal["text", "json"]) -> int:
    """Tell what a mirror lists: all of it, or some projects.

    \b
    Examples:
      wheelfix mirror list mirror/
      wheelfix mirror list mirror/ torch --format json
    """
    wanted = {canonicalize_name(name) for name in projects}
    with refusing():
        pages = list(list_pages(mirror, wanted or None))
    if form == "json":
        click.echo(render_pages_json(mirror, pages), nl=False)
    else:
        for page in pages:
            click.echo(render_page(page), nl=False)
    return int(len(pages) < len(wanted))
