"""``wheelfix rules export``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wheelfix.cli import suggest
from wheelfix.cli.command import Command
from wheelfix.cli.exit_codes import ExitCode
from wheelfix.cli.inputs import NO_INDEX, Inputs
from wheelfix.cli.params import NULL, SDISTS
from wheelfix.cli.printing import say
from wheelfix.cli.progress import Log
from wheelfix.cli.rulefiles import chosen_rules, lint_today, rules_option
from wheelfix.reports.export import render_export, render_export_notes
from wheelfix.reports.registry import TEXT, formats, renderer
from wheelfix.reports.text import render_problem
from wheelfix.rules.export import export_rules
from wheelfix.rules.overrides import Client
from wheelfix.text import shown

if TYPE_CHECKING:
    from wheelfix.results import Outcome
    from wheelfix.rules.model import RuleSet


@click.command("export", cls=Command)
@click.argument("arguments", nargs=-1, metavar="[FILE | WHEEL]...", shell_complete=suggest.rules_or_wheels)
@click.option("--to", "client", type=click.Choice([each.value for each in Client]), required=True, help="The client.")
@rules_option
@NULL
@click.option("--format", "form", type=click.Choice(formats("rules export")), default=TEXT, show_default=True,
              help="text: TOML to paste into a pyproject.toml.")  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="Do not print warnings; they are in the output as comments.")
def command(arguments: tuple[str, ...], client: str, sources: tuple[str, ...], null: bool, form: str, quiet: bool) -> int:
    """Print rules as the overrides of uv or PDM.

    Use it if you cannot publish fixed wheels.

    Without WHEEL, each rule becomes an override or an exclusion, if the client
    supports it. With WHEEL, the result is what the rules make of these wheels: for uv
    the metadata of each release after the rules, for PDM overrides of the names that
    change. Comments name the rule of each line and how the line differs from it. What
    cannot be exported is listed at the end; the exit code is then 1.

    \b
    Examples:
      wheelfix rules export --to uv wheelfix.toml
      wheelfix rules export --to uv --rules gpu torch-2.7.0-*.whl >> pyproject.toml
      wheelfix rules export --to pdm
    """
    files = tuple(each for each in arguments if not _is_wheel(each))
    wheels = [each for each in arguments if _is_wheel(each)]
    rules = chosen_rules((*files, *sources))
    failures: tuple[Outcome, ...] = ()
    if wheels:
        from wheelfix.fix.export import export_wheels  # imported late: rules alone need no wheels

        inputs = Inputs(wheels, NO_INDEX, null=null, quiet=quiet)
        with Log(len(inputs.wheels), quiet=quiet) as log, inputs.local(log) as local:
            found = export_wheels(local.paths, rules, Client(client))
            export, failures = found.export, tuple(map(local.named, found.failures))
    else:
        export = export_rules(rules, Client(client))
    click.echo(render_export(export) if form == TEXT else renderer("rules export", form)(export), nl=False)
    for each in failures:
        if each.problem:
            say(render_problem(f"{each.url or each.source} not read", each.problem))
    if not quiet:
        _warn_of_expired(rules)
        say(render_export_notes(export))
    if failures:
        return ExitCode.INCOMPLETE
    return ExitCode.FOUND if export.left_out else ExitCode.DONE


def _warn_of_expired(rules: "RuleSet") -> None:
    """Warn of rules whose day has come: they are exported all the same, as they are applied all the same."""
    for each in lint_today(rules):
        if each.code == "rule-expired":
            say(f"warning: {shown(str(each))}\n")


def _is_wheel(argument: str) -> bool:
    """Whether an argument stands for wheels: a directory can be called like a rule set, so it needs a slash."""
    is_wheels = argument == "-" or argument.endswith((".whl", *SDISTS)) or "/" in argument
    is_rules = argument.endswith(".toml") or not is_wheels
    return not is_rules or (Path(argument).is_dir() and not argument.isidentifier())
