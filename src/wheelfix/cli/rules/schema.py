"""``wheelfix rules schema``."""

import click

from wheelfix.cli.command import Command
from wheelfix.cli.config import options_schema
from wheelfix.reports.json import encode
from wheelfix.rules.schema import rules_schema


@click.command("schema", cls=Command)
@click.pass_context
def command(ctx: click.Context) -> int:
    """Print the JSON Schema of wheelfix.toml, for editors.

    \b
    Example, for editors that use taplo (VS Code: Even Better TOML):
      wheelfix rules schema > wheelfix.schema.json
      and as the first line of wheelfix.toml:  #:schema ./wheelfix.schema.json
    """
    click.echo(encode(rules_schema(options_schema(ctx.find_root()))), nl=False)
    return 0
