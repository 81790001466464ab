"""``wheelfix rules test``."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wheelfix.cli.command import Command
from wheelfix.cli.exit_codes import ExitCode
from wheelfix.cli.printing import say
from wheelfix.cli.rulefiles import chosen_rules, each_on_its_own, origins_of, rules_option, with_rules
from wheelfix.cli.suggest import rule_sources
from wheelfix.errors import RulesError
from wheelfix.reports.registry import TEXT, formats, renderer
from wheelfix.reports.rules import render_results
from wheelfix.rules.cases import Result, golden_directories, try_cases, try_golden
from wheelfix.rules.model import RuleSet
from wheelfix.rules.registry import rules_error

if TYPE_CHECKING:
    from wheelfix.results import Finding


@click.command("test", cls=Command)
@click.argument("files", nargs=-1, metavar="[FILE]...", shell_complete=rule_sources)
@rules_option
@click.option(
    "--golden",
    type=click.Path(exists=True, file_okay=False),
    multiple=True,
    metavar="DIR",
    help="A directory of cases: METADATA.in and METADATA.out, in directories named like the wheel. Can be repeated.",
)
@click.option("--update", is_flag=True, help="Write the results as METADATA.out.")
@click.option("--format", "form", type=click.Choice(formats("rules test")), default=TEXT, show_default=True)
@click.option("-v", "--verbose", is_flag=True, help="Also print what passed, and which rules have no test.")  # fmt: skip
def command(
    files: tuple[str, ...],
    sources: tuple[str, ...],
    golden: tuple[str, ...],
    update: bool,
    form: str,
    verbose: bool,
) -> int:
    """Run the tests in rule files; no wheel is touched.

    Tests are the [[rule.test]] tables of the files. The tests of each FILE run with
    its rules and everything that it extends; the tests of --rules files run with all
    of those files together. The tests of extended files do not run. --golden adds directories of
    METADATA before and after, which are tried on the rules of all files together.
    The exit code is 1 if a test fails, or if there are none.

    \b
    Examples:
      wheelfix rules test
      wheelfix rules test rules/*.toml
      wheelfix rules test wheelfix.toml --golden tests/wheels
    """
    if update and not golden:
        raise click.UsageError("--update requires --golden.")
    results: list[Result] = []
    untested: list[str] = []
    errors: list[Finding] = []
    named = with_rules(files)
    nothing = bool(files) and not (named or sources or golden)
    for chosen in () if nothing else each_on_its_own(named, sources):
        try:
            rules = chosen_rules(chosen)
        except RulesError as error:
            errors += error.findings
            continue
        own = origins_of(chosen, rules) or {rules.name}
        results += try_cases(rules, own)
        untested += _untested(rules, own)
    if errors:
        raise rules_error(list(dict.fromkeys(errors)))
    if golden:
        results += _golden_results(chosen_rules((*named, *sources)), golden, update=update)
    if form != TEXT:
        click.echo(renderer("rules test", form)(results), nl=False)
    else:
        click.echo(render_results(results, untested=untested if verbose else (), verbose=verbose), nl=False)
    if nothing:
        return ExitCode.DONE
    if not results:
        say("No tests found. Write [[rule.test]] tables after the rule that they test.\n")
    return ExitCode.DONE if results and all(result.passed for result in results) else ExitCode.FOUND


def _untested(rules: RuleSet, own: Collection[str]) -> list[str]:
    listed = zip(rules.rules, rules.origins, strict=True)
    return [rule.id for rule, origin in listed if not rule.test and origin in own]


def _golden_results(rules: RuleSet, directories: tuple[str, ...], *, update: bool) -> list[Result]:
    found: list[Result] = []
    for directory in directories:
        cases = golden_directories(Path(directory))
        if not cases:
            raise click.UsageError(f"No METADATA.in found in or below {directory}.")
        found += try_golden(rules, cases, update=update)
    return found
