"""``wheelfix diff``."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Literal

import click

from wheelfix.cli.command import SHOWING, Command
from wheelfix.cli.exit_codes import ExitCode, refuse_all, stopped
from wheelfix.cli.inputs import INPUT, InputOptions, Inputs, LocalWheels
from wheelfix.cli.options import with_options
from wheelfix.cli.params import WHEEL
from wheelfix.cli.printing import print_exactly, print_summary, say
from wheelfix.cli.progress import Log
from wheelfix.cli.report_files import report_option, write_reports
from wheelfix.diff.model import Difference, Likeness
from wheelfix.diff.wheels import compare_opened, open_to_compare
from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.reports.diff import render_difference
from wheelfix.reports.registry import TEXT, formats, renderer
from wheelfix.reports.text import NORMAL, QUIET, VERBOSE, render_problem
from wheelfix.results import Outcome, failure
from wheelfix.text import shown

_LOCKS: Final = (".lock", ".json")
"""How the names of locks of mirrors end."""


@click.command("diff", cls=Command, sections=SHOWING)
@click.argument("old", type=WHEEL)
@click.argument("new", type=WHEEL)
@with_options(INPUT)
@click.option("--format", "form", type=click.Choice(formats("diff")), default=TEXT, show_default=True)
@report_option("diff")
@click.option(
    "--expect",
    type=click.Choice(["metadata"]),
    help="Exit with 1 only if something other than METADATA, RECORD and SBOMs differs.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print only the verdict.")
@click.option("-v", "--verbose", is_flag=True, help="Print all differences, however many there are.")
def command(
    old: str,
    new: str,
    form: str,
    reports: tuple[str, ...],
    expect: Literal["metadata"] | None,
    quiet: bool,
    verbose: bool,
    **where: Any,
) -> int:
    """Show exactly what differs between two wheels, or two locks of mirrors.

    The first line is the verdict: identical; same content, different archive;
    metadata only; or different.

    Two files that end with .lock or .json are locks of mirrors, as mirror sync
    --lock and mirror list --format json write them: then the files are compared
    that the mirrors list. Other rules or sources of a file with the same bytes are
    counted, and are no difference for the exit code: clients get the same.

    \b
    Marks:      + added, - removed, ~ changed, > renamed,
                = requirement with the same meaning in another spelling
    Exit codes: 0 identical, or as expected; 1 different; 2 wrong options, or a path does not exist;
                3 one of the two cannot be read

    \b
    Examples:
      wheelfix diff demo-1.0-py3-none-any.whl fixed/demo-1.0-py3-none-any.whl
      wheelfix diff --expect metadata demo-1.0-py3-none-any.whl fixed/demo-1.0-py3-none-any.whl
      wheelfix diff --format json old.whl new.whl > difference.json
      wheelfix diff yesterday.lock mirror.lock
    """
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other.")
    if any(_is_lock(each) for each in (old, new)):
        _refuse_no_locks((old, new), expect=expect, from_index=where["from_index"])
        return _compare_locks(old, new, form, reports, quiet=quiet, verbose=verbose)
    inputs = Inputs((old, new), InputOptions(**where), quiet=quiet, one_each=True)
    with Log(len(inputs.wheels), quiet=quiet) as log, inputs.local(log) as local:
        difference = _compare(local)
    if difference is None:
        return ExitCode.INCOMPLETE
    if form != TEXT:
        click.echo(renderer("diff", form)(difference), nl=False)
    else:
        print_exactly(render_difference(difference, verbosity=QUIET if quiet else VERBOSE if verbose else NORMAL))
    if not quiet:
        print_summary(f"Compared 2 wheels: {difference.verdict.value}")
    if problem := write_reports("diff", reports, difference):
        raise problem
    as_wanted = difference.only_metadata if expect else difference.verdict is Likeness.IDENTICAL
    return ExitCode.DONE if as_wanted else ExitCode.FOUND


def _is_lock(path: str) -> bool:
    return Path(path).suffix in _LOCKS


def _refuse_no_locks(paths: Sequence[str], *, expect: str | None, from_index: str | None) -> None:
    """Confirm that ``paths`` are two locks that are there, and that no option is given that is for wheels.

    :raises click.ClickException: if not.
    """
    for name, value in {"expect": expect, "from-index": from_index}.items():
        if value:
            raise click.UsageError(f"--{name} is for wheels; {shown(next(filter(_is_lock, paths)))} is a lock.")
    for path in paths:
        if not _is_lock(path):
            raise click.UsageError(f"{shown(path)} is not named like a lock, as the other one is: compare two of a kind.")
    refuse_all([f"{shown(path)} does not exist" for path in paths if not Path(path).exists()], "paths")


def _compare_locks(old: str, new: str, form: str, reports: Sequence[str], *, quiet: bool, verbose: bool) -> int:
    """Print what differs between two locks of mirrors, and return the exit code."""
    from wheelfix.reports.lock import render_lock_difference, render_lock_summary  # imported late: most runs compare wheels
    from wheelfix.sync.snapshots.compare import IN_NOTES, compare_snapshots
    from wheelfix.sync.snapshots.snapshot import read_snapshot

    try:
        differences = compare_snapshots(read_snapshot(old), read_snapshot(new))
    except (MirrorError, OSError) as error:
        raise stopped(error) from error
    if form != TEXT:
        click.echo(renderer("diff locks", form)(old, new, differences), nl=False)
    elif not quiet:
        print_exactly(render_lock_difference(differences, verbose=verbose))
    if not quiet:
        print_summary(render_lock_summary(differences))
    if problem := write_reports("diff locks", reports, old, new, differences):
        raise problem
    return ExitCode.FOUND if any(each.change not in IN_NOTES for each in differences) else ExitCode.DONE


def _compare(wheels: LocalWheels) -> Difference | None:
    """Return the difference, ``None`` without one; then the errors of both wheels have been printed."""
    with ExitStack() as stack:
        opened = []
        for path in wheels.paths:
            try:
                opened.append(stack.enter_context(open_to_compare(path)))
            except (WheelfixError, OSError) as error:
                _print_error([wheels.named(failure(path, error))])
        if len(opened) != 2:
            return None
        try:
            return wheels.named(compare_opened(*opened))
        except (WheelfixError, OSError) as error:
            _print_error([wheels.named(failure(path, error)) for path in wheels.paths])
            return None


def _print_error(outcomes: Sequence[Outcome]) -> None:
    """Print why the wheels of ``outcomes``, which have the same problem, were not compared."""
    problem = outcomes[0].problem
    if problem:
        say(render_problem(f"{' and '.join(str(each.url or each.source) for each in outcomes)} not compared", problem))
