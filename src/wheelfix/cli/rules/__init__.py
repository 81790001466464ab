"""``wheelfix rules``: list, check, explain and test rules, one command a file."""

import click

from wheelfix.cli.command import LazyGroup


@click.group("rules", cls=LazyGroup, package=__name__, names=("list", "check", "explain", "test", "schema"))
def command() -> None:
    """List, check, explain and test rules.

    \b
    Examples:
      wheelfix rules check wheelfix.toml          check it for errors
      wheelfix rules test wheelfix.toml           run the tests in it
      wheelfix rules explain torch-*.whl triton   why a requirement is kept or dropped
    """
