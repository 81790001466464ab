"""``wheelfix rules``: list, check, explain and test rules, one command a file."""

from typing import Final

import click

from wheelfix.cli.lazy import LazyGroup

_COMMANDS: Final = {
    "list": "wheelfix.cli.rules.list",
    "check": "wheelfix.cli.rules.check",
    "explain": "wheelfix.cli.rules.explain",
    "test": "wheelfix.cli.rules.test",
    "schema": "wheelfix.cli.rules.schema",
}


@click.group("rules", cls=LazyGroup, modules=_COMMANDS)
def command() -> None:
    """List, check, explain and test rules.

    \b
    Examples:
      wheelfix rules check wheelfix.toml          check it for errors
      wheelfix rules test wheelfix.toml           run the tests in it
      wheelfix rules explain torch-*.whl triton   why a requirement is kept or dropped
    """
