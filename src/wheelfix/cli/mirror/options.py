"""The options that the commands of mirrors share, and how a run that changes a mirror ends."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from wheelfix.cli.exit_codes import ExitCode, stopped
from wheelfix.cli.params import SINGLE_WRITER, Duration, MirrorParam, Seconds
from wheelfix.cli.printing import print_summary, say
from wheelfix.cli.suggest import selections
from wheelfix.errors import MirrorError
from wheelfix.mirror.naming import is_bucket
from wheelfix.mirror.storage import MirrorLocation, open_store
from wheelfix.options import Limits
from wheelfix.reports.mirror import render_publish_summary, render_published_file
from wheelfix.reports.registry import TEXT, formats, renderer
from wheelfix.results import Published, PublishReport
from wheelfix.text import shown

MIRROR = click.argument("mirror", type=MirrorParam())
SELECTION = click.argument("selection", metavar="WHAT", shell_complete=selections)
TIMEOUT = click.option(
    "--timeout", type=Seconds(min=-1), default=600, show_default=True, metavar="SECONDS",
    help="How long to wait for another process that writes to the same project; -1 waits forever.",
)  # fmt: skip
FORMAT = click.option(
    "--format", "form", type=click.Choice(formats("mirror")), default=TEXT, show_default=True,
    help="text: the paths of the files, one a line; json: the report.",
)  # fmt: skip
GRACE = click.option(
    "--grace", type=Duration(), default="24h", show_default=True, metavar="TIME",
    help="How long to keep unlisted files, such as 36h or '2 days': another publisher may be about to list them. "
    "A shorter time than 24h is safe only while nobody publishes.",
)  # fmt: skip
QUIET = click.option("-q", "--quiet", is_flag=True, help="Print only errors and the paths of what changed.")


def changing_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a click command the options of all that change files of a mirror."""
    for option in (QUIET, FORMAT, SINGLE_WRITER, TIMEOUT, SELECTION, MIRROR):
        function = option(function)
    return function


def given(*names: str) -> str:
    """Return the first of these options that stands on the command line, empty if none does."""
    source = click.get_current_context().get_parameter_source
    found = (name for name in names if source(name) is click.core.ParameterSource.COMMANDLINE)
    return next((f"--{name.replace('_', '-')}" for name in found), "")


def refuse_without_effect(mirror: str) -> None:
    """Confirm that no option was given that can do nothing for this kind of mirror, a bucket or a directory.

    :raises click.UsageError: if one was.
    """
    if is_bucket(mirror):
        if name := given(*_OF_DIRECTORIES):
            raise click.UsageError(f"{name} is for directories; {shown(mirror)} is a bucket.")
    elif name := given(*(each for each in _OF_BUCKETS if each != "grace" or not given("all_unlisted"))):
        raise click.UsageError(f"{name} is for buckets; {shown(mirror)} is a directory.")


_OF_BUCKETS: Final = ("connections", "grace", "single_writer")
"""In a directory ``--all-unlisted`` keeps young files, too."""
_OF_DIRECTORIES: Final = ("link",)


def open_mirror(mirror: str, *, single_writer: bool, create: bool = False) -> MirrorLocation:
    """Return the mirror at a path or URL, opened already if ``single_writer``.

    :raises MirrorError: if it is no mirror, or with ``create`` cannot become one.
    """
    return open_store(mirror, create=create, single_writer=True) if single_writer else mirror


@contextmanager
def work_in(mirror: MirrorLocation) -> Iterator[Path]:
    """Yield a new directory on the file system of a mirror, for work in progress; it is removed afterwards."""
    from wheelfix.mirror.scratch import workshop  # imported late: few runs download wheels

    with workshop(open_store(mirror, create=True).scratch()) as directory:
        yield directory


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


def carry_out(change: Callable[[MirrorLocation, Limits], PublishReport], mirror: str, options: Mapping[str, Any]) -> int:
    """Change files of a mirror as ``options`` say, print what became of them, and return the exit code."""
    refuse_without_effect(mirror)
    quiet = options["quiet"]
    with refusing():
        store = open_mirror(mirror, single_writer=options["single_writer"])
        report = change(store, Limits(lock_seconds=options["timeout"]))
    for each in report.files:
        print_published(each, quiet=quiet)
    return conclude(report, options["form"], quiet=quiet)


def _print_result(report: PublishReport, form: str) -> None:
    if form != TEXT:
        click.echo(renderer("mirror", form)(report), nl=False)
        return
    paths = (each.path for each in report.files if each.is_listed)
    for path in dict.fromkeys(filter(None, paths)):  # a file can be there already, and be yanked by its index
        click.echo(str(report.mirror / path))


def conclude(report: PublishReport, form: str, *, quiet: bool) -> int:
    """Print the result of a run, and return the exit code."""
    try:
        _print_result(report, form)
    finally:  # the counts come last on a terminal, and are there when the reader of the result has gone
        if not quiet:
            print_summary(render_publish_summary(report))
    return ExitCode.DONE if report.ok else ExitCode.INCOMPLETE
