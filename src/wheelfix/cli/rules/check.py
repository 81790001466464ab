"""``wheelfix rules check``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from packaging.utils import canonicalize_name

from wheelfix.cli.command import Command
from wheelfix.cli.params import Count
from wheelfix.cli.printing import say
from wheelfix.cli.rulefiles import chosen_rules, each_on_its_own, lint_today, refuse_findings, rules_option, with_rules
from wheelfix.cli.suggest import rule_sources
from wheelfix.errors import RulesError
from wheelfix.reports.registry import TEXT, formats, renderer
from wheelfix.reports.text import render_rule_findings
from wheelfix.rules.lint import lint_names
from wheelfix.rules.registry import rules_error
from wheelfix.text import counted

if TYPE_CHECKING:
    from wheelfix.results import Finding


@click.command("check", cls=Command)
@click.argument("files", nargs=-1, metavar="[FILE]...", shell_complete=rule_sources)
@rules_option
@click.option(
    "--names",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="Names of projects, one a line: report patterns that match none or many of them.",
)
@click.option(
    "--most",
    type=Count(min=1),
    default=50,
    show_default=True,
    metavar="N",
    help="How many matches count as too many.",
)
@click.option("--strict-rules", is_flag=True, help="Exit with 2 on warnings too.")
@click.option("--format", "form", type=click.Choice(formats("rules check")), default=TEXT, show_default=True)  # fmt: skip
def command(
    files: tuple[str, ...], sources: tuple[str, ...], names: str | None, most: int, strict_rules: bool, form: str
) -> int:
    """Find what is wrong with rules, before they touch a wheel.

    Each FILE is checked on its own; those of --rules together, as fix would use
    them. Errors end with exit code 2; each names the file, the rule, the key and
    the line where the rule begins. Warnings are about rules that work, but
    probably not as intended: rules that can never apply, that never decide because of an
    earlier one, that have expired, or that match too much.

    \b
    Examples:
      wheelfix rules check
      wheelfix rules check --strict-rules rules/*.toml
      wheelfix rules check --rules ours.toml --rules gpu
      wheelfix rules check --names all-projects.txt wheelfix.toml
    """
    total = 0
    errors: list[Finding] = []
    warnings: list[Finding] = []
    named = with_rules(files)
    for each in each_on_its_own(named, sources) if named or sources or not files else ():
        try:
            rules = chosen_rules(each)
        except RulesError as error:
            errors += error.findings
            continue
        total += len(rules.rules)
        warnings += lint_today(rules)
        if names is not None:
            warnings += lint_names(rules, _read_names(Path(names)), most=most)
    if errors:
        raise rules_error(list(dict.fromkeys(errors)))
    warnings = list(dict.fromkeys(warnings))
    if strict_rules:
        refuse_findings(warnings)
    click.echo(render_rule_findings(warnings) if form == TEXT else renderer("rules check", form)(warnings), nl=False)
    say(f"Checked {counted(total, 'rule')}: 0 errors, {counted(len(warnings), 'warning')}\n")
    return 0


def _read_names(path: Path) -> list[str]:
    lines = path.read_text("utf-8", errors="replace").splitlines()
    return sorted({canonicalize_name(line.strip()) for line in lines if line.strip()})
