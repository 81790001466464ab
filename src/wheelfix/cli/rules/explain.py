"""``wheelfix rules explain``."""

import re
from typing import TYPE_CHECKING, Any

import click

from wheelfix.cli import suggest
from wheelfix.cli.command import SHOWING, Command
from wheelfix.cli.descriptions import read_each
from wheelfix.cli.exit_codes import ExitCode
from wheelfix.cli.inputs import INPUT, InputOptions, Inputs
from wheelfix.cli.options import SCAN_OPTION, with_options
from wheelfix.cli.params import NO_SUMMARY, NULL
from wheelfix.cli.printing import print_summary, say
from wheelfix.cli.progress import Log
from wheelfix.cli.rulefiles import chosen_rules, rules_option
from wheelfix.fix.copy_sources import read_copy_sources
from wheelfix.fix.describe import WheelExplanation, explain_wheel
from wheelfix.options import Scan
from wheelfix.reports.registry import TEXT, formats, renderer
from wheelfix.reports.rules import render_explanation
from wheelfix.reports.text import render_problem, render_read_summary
from wheelfix.wheel.fields import find

if TYPE_CHECKING:
    from pathlib import Path

    from wheelfix.locations import Url
    from wheelfix.wheel.zip.source import RemoteWheel


@click.command("explain", cls=Command, sections=SHOWING)
@click.argument(
    "arguments", nargs=-1, required=True, metavar="WHEEL... [REQUIREMENT]", shell_complete=suggest.wheels_or_requirements
)
@rules_option
@with_options(INPUT)
@SCAN_OPTION
@NULL
@NO_SUMMARY
@click.option("--format", "form", type=click.Choice(formats("rules explain")), default=TEXT, show_default=True)
def command(
    arguments: tuple[str, ...], sources: tuple[str, ...], scan: str, null: bool, quiet: bool, form: str, **where: Any
) -> int:
    """Print why each requirement of WHEEL is kept, dropped or changed.

    With REQUIREMENT as the last argument (a name, a pattern or a whole requirement),
    print everything about that one: which rule decides, which other rules match,
    why others do not, and whether wheelfix has dropped it before. It can also be
    a field such as Requires-Python. Of a remote wheel only the metadata is read;
    --scan always downloads it.

    \b
    Lines marked - are dropped, ~ are changed, = are kept by a rule.

    \b
    Examples:
      wheelfix rules explain torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl
      wheelfix rules explain --rules gpu fixed/ triton
      wheelfix rules explain --from-index https://pypi.org/simple/ torch==2.7.0 triton
    """
    *wheels, last = arguments
    requirement = last if wheels and not _is_path(last) else None
    inputs = Inputs(wheels if requirement else arguments, InputOptions(**where), null=null, quiet=quiet)
    rules, read_binaries = chosen_rules(sources), Scan(scan)
    copy_sources = read_copy_sources(inputs.wheels, rules)
    with Log(len(inputs.wheels), quiet=quiet) as log:

        def read(place: "Path | RemoteWheel", url: "Url | None") -> WheelExplanation:
            return explain_wheel(place, rules, requirement, scan=read_binaries, copy_sources=copy_sources, url=url)

        explanations = read_each(inputs, log, read, download=read_binaries is Scan.ALWAYS)
    for explanation in explanations:
        if explanation.problem:
            say(render_problem(f"{explanation.url or explanation.source} not explained", explanation.problem))
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
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", argument):
        return True
    return argument == "-" or (not re.search(r"[\s@;]", argument) and (argument.endswith(".whl") or "/" in argument))
