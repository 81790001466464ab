"""``wheelfix rules``: list, check, explain and test rules, one command a file."""

import click

from wheelfix.cli.command import LazyGroup


@click.group(
    "rules",
    cls=LazyGroup,
    package=__name__,
    names={
        "list": "List the rules in force and where they come from.",
        "check": "Find what is wrong with rules, before they touch a wheel.",
        "explain": "Print why each requirement of WHEEL is kept, dropped or changed.",
        "test": "Run the tests in rule files; no wheel is touched.",
        "export": "Print rules as the overrides of uv or PDM.",
        "schema": "Print the JSON Schema of wheelfix.toml, for editors.",
    },
)
def command() -> None:
    """List, check, explain and test rules.

    \b
    Examples:
      wheelfix rules check wheelfix.toml          check it for errors
      wheelfix rules test wheelfix.toml           run the tests in it
      wheelfix rules explain torch-*.whl triton   why a requirement is kept or dropped
    """
