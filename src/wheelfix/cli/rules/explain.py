"""``wheelfix rules explain``."""

import re

import click

from wheelfix.cli.command import Command
from wheelfix.cli.exit_codes import ExitCode
from wheelfix.cli.params import NO_SUMMARY, NULL, wheel_paths
from wheelfix.cli.printing import print_summary, say
from wheelfix.cli.rulefiles import chosen_rules, rules_option
from wheelfix.fix.copy_sources import read_copy_sources
from wheelfix.fix.describe import explain_wheel
from wheelfix.reports.registry import TEXT, formats, renderer
from wheelfix.reports.rules import render_explanation
from wheelfix.reports.text import render_read_summary
from wheelfix.text import shown
from wheelfix.wheel.fields import find


@click.command("explain", cls=Command)
@click.argument("arguments", nargs=-1, required=True, metavar="WHEEL... [REQUIREMENT]")
@rules_option
@NULL
@NO_SUMMARY
@click.option("--format", "form", type=click.Choice(formats("rules explain")), default=TEXT, show_default=True)
def command(arguments: tuple[str, ...], sources: tuple[str, ...], null: bool, quiet: bool, form: str) -> int:
    """Print why each requirement of WHEEL is kept, dropped or changed.

    With REQUIREMENT as the last argument (a name, a pattern or a whole requirement),
    print everything about that one: which rule decides, which other rules match,
    why others do not, and whether wheelfix has dropped it before. It can also be
    a field such as Requires-Python.

    \b
    Lines marked - are dropped, ~ are changed, = are kept by a rule.

    \b
    Examples:
      wheelfix rules explain torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl
      wheelfix rules explain --rules gpu fixed/ triton
    """
    *wheels, last = arguments
    requirement = last if wheels and not _is_path(last) else None
    paths = wheel_paths(wheels if requirement else arguments, null=null, quiet=quiet)
    rules = chosen_rules(sources)
    copy_sources = read_copy_sources(paths, rules)
    explanations = [explain_wheel(path, rules, requirement, copy_sources=copy_sources) for path in paths]
    for explanation in explanations:
        if explanation.problem:
            problem = explanation.problem
            say(f"{shown(str(explanation.source))}: {shown(problem.message)}. {shown(problem.hint)}\n")
        elif form == TEXT:
            click.echo(render_explanation(explanation, wanted=requirement), nl=False)
    if form != TEXT:
        click.echo(renderer("rules explain", form)(explanations), nl=False)
    unknown = requirement is not None and find(requirement) is None and all(each.is_empty for each in explanations)
    failed = sum(each.problem is not None for each in explanations)
    if not quiet:
        print_summary(render_read_summary(len(explanations), failed))
    if failed:
        return ExitCode.INCOMPLETE
    return ExitCode.FOUND if unknown else ExitCode.DONE


def _is_path(argument: str) -> bool:
    """Whether the last argument is a wheel: a directory can be called like a requirement, so it needs a slash."""
    return argument == "-" or (not re.search(r"[\s@;]", argument) and (argument.endswith(".whl") or "/" in argument))
