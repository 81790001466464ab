"""``wheelfix rules list``."""

from typing import Literal

import click

from wheelfix.cli.command import Command
from wheelfix.cli.rulefiles import chosen_rules, rules_option
from wheelfix.reports.rules import render_rules, render_rules_json


@click.command("list", cls=Command)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@rules_option
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "toml"]), default="text", show_default=True,
    help="toml: one flat rule file, with everything that the files extend.",
)  # fmt: skip
def command(files: tuple[str, ...], sources: tuple[str, ...], form: Literal["text", "json", "toml"]) -> int:
    """List the rules in force and where they come from.

    They are listed in the order in which they are tried.

    \b
    Examples:
      wheelfix rules list
      wheelfix rules list wheelfix.toml gpu
      wheelfix rules list --format toml > frozen.toml
    """
    rules = chosen_rules((*files, *sources))
    if form == "toml":
        from wheelfix.rules.schema import print_rules  # imported late: the others need no TOML writer

        text = print_rules(rules)
    else:
        text = render_rules_json(rules) if form == "json" else render_rules(rules)
    click.echo(text, nl=False)
    return 0
