"""``wheelfix rules schema``."""

import click

from wheelfix.cli.command import Command
from wheelfix.reports.json import encode
from wheelfix.rules.schema import rules_schema


@click.command("schema", cls=Command)
def command() -> int:
    """Print the JSON Schema of rule files, for editors.

    \b
    Example, for editors that use taplo (VS Code: Even Better TOML):
      wheelfix rules schema > wheelfix.schema.json
      and as the first line of wheelfix.toml:  #:schema ./wheelfix.schema.json
    """
    click.echo(encode(rules_schema()), nl=False)
    return 0
