"""``wheelfix rules check``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from packaging.utils import canonicalize_name

from wheelfix.cli.command import Command
from wheelfix.cli.progress import say
from wheelfix.cli.rulefiles import chosen_rules, each_on_its_own, refuse_remarks, remarks_today, rules_option
from wheelfix.errors import RuleFault, RulesError
from wheelfix.reports.rules import render_remarks_json
from wheelfix.reports.text import render_remarks
from wheelfix.rules.lint import remarks_on_names
from wheelfix.rules.model import rules_error

if TYPE_CHECKING:
    from wheelfix.results import Remark


@click.command("check", cls=Command)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@rules_option
@click.option(
    "--names",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="Names of projects, one a line: tell which patterns match none or many of them.",
)
@click.option("--most", type=click.IntRange(min=1), default=50, show_default=True, metavar="N", help="How many are many.")
@click.option("--strict-rules", is_flag=True, help="Exit with 2 if there is anything to remark.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)  # fmt: skip
def command(
    files: tuple[str, ...], sources: tuple[str, ...], names: str | None, most: int, strict_rules: bool, form: str
) -> int:
    """Find what is wrong with rules, before they touch a wheel.

    Each FILE is looked at on its own; those of --rules together, as fix would use
    them. Faults end with exit code 2, each told with file, rule, key and the line
    where the rule begins. What can be meant so and mostly is not is remarked:
    rules that can never apply, that stand in the way of others, that have had
    their day, that match too much.

    \b
    Examples:
      wheelfix rules check
      wheelfix rules check --strict-rules rules/*.toml
      wheelfix rules check --rules ours.toml --rules gpu
      wheelfix rules check --names all-projects.txt wheelfix.toml
    """
    total = 0
    found: list[Remark] = []
    faults: list[RuleFault] = []
    for each in each_on_its_own(files, sources):
        try:
            rules = chosen_rules(each)
        except RulesError as error:
            faults += error.faults
            continue
        total += len(rules.rules)
        found += remarks_today(rules)
        if names is not None:
            found += remarks_on_names(rules, _read_names(Path(names)), most=most)
    if faults:
        raise rules_error(list(dict.fromkeys(faults)))
    found = list(dict.fromkeys(found))
    if strict_rules:
        refuse_remarks(found)
    click.echo(render_remarks_json(found) if form == "json" else render_remarks(found), nl=False)
    say(f"{total} rule{'s' * (total != 1)} without a fault, {len(found)} remark{'s' * (len(found) != 1)}.\n")
    return 0


def _read_names(path: Path) -> list[str]:
    lines = path.read_text("utf-8", errors="replace").splitlines()
    return sorted({canonicalize_name(line.strip()) for line in lines if line.strip()})
