"""The options that the commands of mirrors share, and how a run that changes a mirror ends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from wheelfix.cli.exit_codes import ExitCode, stopped
from wheelfix.cli.params import MirrorDirectory, Seconds
from wheelfix.cli.printing import print_summary, say
from wheelfix.errors import MirrorError
from wheelfix.reports.mirror import render_publish_summary, render_published_file
from wheelfix.reports.registry import TEXT, formats, renderer
from wheelfix.results import Published, PublishReport

MIRROR = click.argument("mirror", type=MirrorDirectory())
SELECTION = click.argument("selection", metavar="WHAT")
TIMEOUT = click.option(
    "--timeout", type=Seconds(min=-1), default=600, show_default=True, metavar="SECONDS",
    help="How long to wait for another process that writes to the same project; -1 waits forever.",
)  # fmt: skip
FORMAT = click.option(
    "--format", "form", type=click.Choice(formats("mirror")), default=TEXT, show_default=True,
    help="text: the paths of the files, one a line; json: the report.",
)  # fmt: skip
QUIET = click.option("-q", "--quiet", is_flag=True, help="Print errors only.")


def changing_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a click command the options of all that change files of a mirror."""
    for option in (QUIET, FORMAT, TIMEOUT, SELECTION, MIRROR):
        function = option(function)
    return function


@contextmanager
def refusing() -> Iterator[None]:
    """End the run with the message of what the mirror or the system refuses."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (MirrorError, OSError) as error:
        raise stopped(error) from error


def published_line(published: Published, *, quiet: bool = False) -> str:
    """Return what became of one file, in red where something went wrong; empty if there is nothing to print."""
    head, line_end, rest = render_published_file(published, quiet=quiet).partition("\n")
    return (click.style(head, fg="red") if published.problem else head) + line_end + rest


def print_published(published: Published, *, quiet: bool = False) -> None:
    """Print what became of one file."""
    say(published_line(published, quiet=quiet))


def carry_out(change: Callable[[], PublishReport], form: str, *, quiet: bool) -> int:
    """Change files of a mirror, print what became of them, and return the exit code."""
    with refusing():
        report = change()
    for each in report.files:
        print_published(each, quiet=quiet)
    return conclude(report, form, quiet=quiet)


def conclude(report: PublishReport, form: str, *, quiet: bool) -> int:
    """Print the result of a run, and return the exit code."""
    if not quiet:
        print_summary(render_publish_summary(report))
    if form != TEXT:
        click.echo(renderer("mirror", form)(report), nl=False)
    else:
        paths = (each.path for each in report.files if each.is_listed)
        for path in dict.fromkeys(filter(None, paths)):  # a file can be there already, and be yanked by its index
            click.echo(str(report.mirror / path))
    return ExitCode.DONE if report.ok else ExitCode.INCOMPLETE
