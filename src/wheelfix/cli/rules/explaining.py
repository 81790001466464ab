"""``wheelfix rules explain``."""

from pathlib import Path
from typing import Literal

import click

from wheelfix.cli.narration import say
from wheelfix.cli.rulefiles import chosen_rules, rules_option
from wheelfix.escaping import shown
from wheelfix.explanation import explain_wheel
from wheelfix.render.rules import render_explanation, render_explanations_json


@click.command("explain")
@click.argument("wheel", type=click.Path())
@click.argument("requirement", required=False)
@rules_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(wheel: str, requirement: str | None, sources: tuple[str, ...], form: Literal["text", "json"]) -> int:
    """Tell why each requirement of WHEEL stays or goes.

    With REQUIREMENT, a name or a pattern, tell all about that one: which rule
    decides, which others would have, what keeps others from it, and whether
    wheelfix has taken it out before.

    \b
    A line that begins with - goes, ~ changes, = is kept on purpose.

    \b
    Examples:
      wheelfix rules explain torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl
      wheelfix rules explain --rules gpu fixed/torch-*.whl triton
    """
    explanation = explain_wheel(Path(wheel), chosen_rules(sources), requirement)
    if explanation.problem:
        say(f"{shown(wheel)}: {shown(explanation.problem.message)}. {shown(explanation.problem.hint)}\n")
    if form == "json":
        click.echo(render_explanations_json([explanation]), nl=False)
    else:
        click.echo(render_explanation(explanation, wanted=requirement), nl=False)
    unknown = requirement is not None and not (explanation.requirements or explanation.changes or explanation.past)
    return int(explanation.problem is not None or unknown)
