"""``wheelfix diff``."""

from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import click

from wheelfix.cli.command import Command
from wheelfix.cli.exit_codes import ExitCode
from wheelfix.cli.params import WHEEL, refuse_missing
from wheelfix.cli.printing import print_exactly, print_summary, say
from wheelfix.diff.model import Difference, Likeness
from wheelfix.diff.wheels import compare_opened, open_to_compare
from wheelfix.errors import WheelfixError
from wheelfix.reports.diff import render_difference
from wheelfix.reports.registry import TEXT, formats, renderer
from wheelfix.reports.text import NORMAL, QUIET, VERBOSE, render_problem
from wheelfix.results import failure


@click.command("diff", cls=Command)
@click.argument("old", type=WHEEL)
@click.argument("new", type=WHEEL)
@click.option("--format", "form", type=click.Choice(formats("diff")), default=TEXT, show_default=True)
@click.option(
    "--expect",
    type=click.Choice(["metadata"]),
    help="Exit with 1 only if something other than METADATA, RECORD and SBOMs differs.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print only the verdict.")
@click.option("-v", "--verbose", is_flag=True, help="Print all differences, however many there are.")
def command(old: str, new: str, form: str, expect: Literal["metadata"] | None, quiet: bool, verbose: bool) -> int:
    """Show exactly what differs between two wheels.

    The first line is the verdict: identical; same content, different archive;
    metadata only; or different.

    \b
    Marks:      + added, - removed, ~ changed, > renamed,
                = requirement with the same meaning in another spelling
    Exit codes: 0 identical, or as expected; 1 different; 3 a wheel cannot be read

    \b
    Examples:
      wheelfix diff demo-1.0-py3-none-any.whl fixed/demo-1.0-py3-none-any.whl
      wheelfix diff --expect metadata demo-1.0-py3-none-any.whl fixed/demo-1.0-py3-none-any.whl
      wheelfix diff --format json old.whl new.whl > difference.json
    """
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other.")
    refuse_missing(old, new)
    difference = _compare(Path(old), Path(new))
    if difference is None:
        return ExitCode.INCOMPLETE
    if form != TEXT:
        click.echo(renderer("diff", form)(difference), nl=False)
    else:
        print_exactly(render_difference(difference, verbosity=QUIET if quiet else VERBOSE if verbose else NORMAL))
    if not quiet:
        print_summary(f"Compared 2 wheels: {difference.verdict.value}")
    as_wanted = difference.only_metadata if expect else difference.verdict is Likeness.IDENTICAL
    return ExitCode.DONE if as_wanted else ExitCode.FOUND


def _compare(old: Path, new: Path) -> Difference | None:
    """Return the difference, ``None`` without one; then the errors of both wheels have been printed."""
    with ExitStack() as stack:
        opened = []
        for path in (old, new):
            try:
                opened.append(stack.enter_context(open_to_compare(path)))
            except (WheelfixError, OSError) as error:
                _print_error(f"{path} not compared", error)
        if len(opened) != 2:
            return None
        try:
            return compare_opened(*opened)
        except (WheelfixError, OSError) as error:
            _print_error(f"{old} and {new} not compared", error)
            return None


def _print_error(subject: str, error: WheelfixError | OSError) -> None:
    problem = failure(Path(), error).problem
    if problem:
        say(render_problem(subject, problem))
