"""``wheelfix explain``."""

import click

from wheelfix.cli.command import Command
from wheelfix.reports.codes import render_code


@click.command("explain", cls=Command, short_help="Explain a code: what it means, who is affected, how to fix it.")
@click.argument("codes", nargs=-1, required=True, metavar="CODE...")
def command(codes: tuple[str, ...]) -> None:
    """Explain a code of a finding or an error: what it means, who is affected, how to fix it.

    The codes are those that `verify`, `mirror check` and `rules check` report, and those
    in the messages of errors.

    \b
    Examples:
      wheelfix explain record-wrong-hash
      wheelfix explain unproven mixed-release
    """
    texts = []
    for code in codes:
        try:
            texts.append(render_code(code))
        except ValueError as error:
            raise click.UsageError(f"There is no code {code!r}. {error}") from error
    click.echo("\n".join(texts), nl=False)
