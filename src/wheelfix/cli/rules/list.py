"""``wheelfix rules list``."""

import click

from wheelfix.cli.command import Command
from wheelfix.cli.rulefiles import chosen_rules, rules_option
from wheelfix.cli.suggest import rule_sources
from wheelfix.reports.registry import TEXT, formats, renderer
from wheelfix.reports.rules import render_rules


@click.command("list", cls=Command)
@click.argument("files", nargs=-1, metavar="[FILE]...", shell_complete=rule_sources)
@rules_option
@click.option(
    "--format", "form", type=click.Choice(formats("rules list")), default=TEXT, show_default=True,
    help="toml: one flat rule file, with everything that the files extend.",
)  # fmt: skip
def command(files: tuple[str, ...], sources: tuple[str, ...], form: str) -> int:
    """List the rules in force and where they come from.

    They are listed in the order in which they are tried.

    \b
    Examples:
      wheelfix rules list
      wheelfix rules list wheelfix.toml gpu
      wheelfix rules list --format toml > frozen.toml
    """
    rules = chosen_rules((*files, *sources))
    click.echo(render_rules(rules) if form == TEXT else renderer("rules list", form)(rules), nl=False)
    return 0
