"""``wheelfix rules test``."""

from collections.abc import Collection
from pathlib import Path
from typing import Literal

import click

from wheelfix.cli.command import Command
from wheelfix.cli.exit_codes import ExitCode
from wheelfix.cli.printing import say
from wheelfix.cli.rulefiles import chosen_rules, each_on_its_own, rules_option
from wheelfix.reports.rules import render_results, render_results_json
from wheelfix.rules.cases import Result, golden_folders, try_cases, try_golden
from wheelfix.rules.model import RuleSet


@click.command("test", cls=Command)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@rules_option
@click.option(
    "--golden",
    type=click.Path(exists=True, file_okay=False),
    multiple=True,
    metavar="DIR",
    help="A folder of cases: METADATA.in and METADATA.out, in folders named like the wheel. May be given more than once.",
)
@click.option("--update", is_flag=True, help="Write what comes out now as METADATA.out.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("-v", "--verbose", is_flag=True, help="Tell also what passed, and which rules have no test.")  # fmt: skip
def command(
    files: tuple[str, ...],
    sources: tuple[str, ...],
    golden: tuple[str, ...],
    update: bool,
    form: Literal["text", "json"],
    verbose: bool,
) -> int:
    """Run the tests of rules; no wheel is touched.

    They stand under [[rule.test]] in the files. Those of each FILE are tried on its
    rules and all that it extends, those of --rules on all of these together; the
    tests of what a file extends are its own matter. --golden adds folders of
    METADATA before and after, to be tried on the rules of all files together.
    Exit code 1 if one fails, or if there are none.

    \b
    Examples:
      wheelfix rules test
      wheelfix rules test rules/*.toml
      wheelfix rules test wheelfix.toml --golden tests/wheels
    """
    if update and not golden:
        raise click.UsageError("--update is for the folders of --golden.")
    results: list[Result] = []
    untested: list[str] = []
    for chosen in each_on_its_own(files, sources):
        rules = chosen_rules(chosen)
        own = {str(Path(source)) if source.endswith(".toml") else source.partition("/")[0] for source in chosen}
        own = own or {rules.name}
        results += try_cases(rules, own)
        untested += _untested(rules, own)
    if golden:
        results += _golden_results(chosen_rules((*files, *sources)), golden, update=update)
    if form == "json":
        click.echo(render_results_json(results), nl=False)
    else:
        click.echo(render_results(results, untested=untested if verbose else (), verbose=verbose), nl=False)
    if not results:
        say("There are no tests; write some under [[rule.test]], behind the rule that they are for.\n")
    return ExitCode.DONE if results and all(result.passed for result in results) else ExitCode.FOUND


def _untested(rules: RuleSet, own: Collection[str]) -> list[str]:
    listed = zip(rules.rules, rules.origins, strict=True)
    return [rule.id for rule, origin in listed if not rule.test and origin in own]


def _golden_results(rules: RuleSet, folders: tuple[str, ...], *, update: bool) -> list[Result]:
    found: list[Result] = []
    for folder in folders:
        cases = golden_folders(Path(folder))
        if not cases:
            raise click.UsageError(f"There is no METADATA.in in or below {folder}.")
        found += try_golden(rules, cases, update=update)
    return found
