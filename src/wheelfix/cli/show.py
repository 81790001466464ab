"""``wheelfix show``."""

import click

from wheelfix.cli.inputs import wheel_paths
from wheelfix.cli.narration import say
from wheelfix.description import describe
from wheelfix.escaping import shown
from wheelfix.render.show import render_description, render_descriptions_json
from wheelfix.rules.loading import built_in


@click.command("show")
@click.argument("wheels", nargs=-1, metavar="WHEEL...", type=click.Path())
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("-v", "--verbose", is_flag=True, help="Show also what extras call for, and earlier changes.")
def command(wheels: tuple[str, ...], form: str, verbose: bool) -> int:
    """Show what a wheel requires, and what strip-gpu would drop.

    A line that begins with - would be dropped; one with = is kept on purpose.

    \b
    Examples:
      wheelfix show torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl
      wheelfix show --format json wheels/ > wheels.json
    """
    rules = built_in("gpu")
    descriptions = [describe(path, rules) for path in wheel_paths(wheels)]
    if form == "json":
        click.echo(render_descriptions_json(descriptions), nl=False)
    for each in descriptions:
        if form == "text":
            click.echo(render_description(each, verbose=verbose), nl=False)
        if each.problem:
            problem = each.problem
            say(f"{shown(str(each.source))}: {shown(problem.message)}. {shown(problem.hint)}\n")
    return int(any(each.problem for each in descriptions))
