"""``wheelfix mirror check``."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from wheelfix.cli.command import CHECKING, Command
from wheelfix.cli.exit_codes import ExitCode
from wheelfix.cli.mirror.options import refusing
from wheelfix.cli.options import selection_options
from wheelfix.cli.params import NO_SUMMARY, Seconds
from wheelfix.cli.printing import print_summary, print_text
from wheelfix.cli.progress import Log
from wheelfix.mirror.check import check_index, check_mirror
from wheelfix.mirror.registry import MIRROR_CHECKS
from wheelfix.options import MOST_CONNECTIONS, Limits, Requests, Selection
from wheelfix.reports.mirror import render_mirror_check, render_mirror_check_summary
from wheelfix.reports.registry import TEXT, formats, renderer
from wheelfix.text import shown
from wheelfix.upstream.urls import looks_like_url, with_scheme


class _IndexLog(Log):
    """The log of a run that checks an index: files are counted, and why nothing happens for a while is printed."""

    def project_done(self, project: str) -> None:
        """Do nothing: files are counted."""

    def file_checked(self, filename: str) -> None:
        """Move the bar of the run."""
        self.advance(filename)

    def waiting(self, name: str, seconds: float, reason: str) -> None:
        """Print why nothing happens for a while."""
        if not self.is_quiet:
            self.print(f"waiting {seconds:g} s for {name}: {reason}\n")


_OF_INDEXES = ("download", "connections", "cache", "max_requests", "max_time")


def _given(names: Iterable[str]) -> str:
    """Return the first of these options that stands on the command line, empty if none does."""
    source = click.get_current_context().get_parameter_source
    found = (name for name in names if source(name) is click.core.ParameterSource.COMMANDLINE)
    return next((f"--{name.replace('_', '-')}" for name in found), "")


@click.command("check", cls=Command, sections=CHECKING)
@click.argument("mirror")
@click.argument("projects", nargs=-1, metavar="[PROJECT]...")
@click.option("--quick", is_flag=True, help="Do not read the wheels; compare their sizes and metadata files only.")
@click.option("--fix", is_flag=True, help="Regenerate pages and metadata files, and delete what interrupted runs left.")
@selection_options(MIRROR_CHECKS, "metadata-file", "findings")
@click.option("--strict", is_flag=True, help="Exit 1 on warnings too.")
@click.option(
    "--download",
    type=click.Choice(["none", "some", "all"]),
    default="some",
    show_default=True,
    help="For an index: which wheels to download whole for their sha256; some: the smallest of each project.",
)
@click.option(
    "--connections",
    type=click.IntRange(min=1, max=MOST_CONNECTIONS),
    default=Requests().connections,
    show_default=True,
    metavar="N",
    help="For an index: how many requests to make at a time.",
)
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="For an index: keep pages and metadata files here, and receive only what has changed since the last run.",
)
@click.option(
    "--max-requests",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    metavar="N",
    help="For an index: stop after this many requests.",
)
@click.option(
    "--max-time",
    type=Seconds(min=0, min_open=True),
    default=3600,
    show_default=True,
    metavar="SECONDS",
    help="For an index: stop after this time.",
)
@click.option(
    "--timeout",
    type=Seconds(min=-1),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for another process that writes to the same project, -1: forever; for an index, how long to wait "
    "for an answer, at most 60 seconds.",
)
@click.option("--format", "form", type=click.Choice(formats("mirror check")), default=TEXT, show_default=True)
@NO_SUMMARY
@click.option("-v", "--verbose", is_flag=True, help="Show all findings of each code.")
def command(mirror: str, projects: tuple[str, ...], select: tuple[str, ...], ignore: tuple[str, ...], **options: Any) -> int:
    """Check a mirror, or any index as clients see it.

    MIRROR is the directory of a mirror, or the URL of any index; PROJECT names which
    projects of an index to check. Each finding says which clients are affected, and how.
    Exit code 1 if there is an error, 3 if something could not be read.

    \b
    Examples:
      wheelfix mirror check mirror/
      wheelfix mirror check --quick --strict mirror/
      wheelfix mirror check --fix mirror/
      wheelfix mirror check --ignore release-disagrees,unlisted mirror/
      wheelfix mirror check https://wheels.example.org/simple/ torch
    """
    is_url = looks_like_url(mirror)
    meant = None if is_url or os.path.lexists(mirror) else with_scheme(mirror)
    if meant is not None:
        raise click.UsageError(
            f"There is no directory {shown(meant.partition('://')[2])}. For an index, write {shown(meant)}"
        )
    if is_url and (options["quick"] or options["fix"]):
        raise click.UsageError("--quick and --fix are for the directory of a mirror, not for a URL.")
    if projects and not is_url:
        raise click.UsageError("A directory is checked as a whole; PROJECT is for the URL of an index.")
    if not is_url and (given := _given(_OF_INDEXES)):
        raise click.UsageError(f"{given} is for the URL of an index, not for the directory of a mirror.")
    form, quiet, timeout = options["form"], options["quiet"], options["timeout"]
    selection = Selection(select, ignore)
    log = _IndexLog(unit="file", quiet=quiet) if is_url else Log(unit="project", quiet=quiet)
    with log as progress, refusing():
        if is_url:
            report = check_index(
                mirror,
                projects,
                download=options["download"],
                selection=selection,
                requests=Requests(
                    connections=options["connections"],
                    max_requests=options["max_requests"],
                    timeout=min(timeout, 60) if timeout > 0 else 60,
                    max_time=options["max_time"],
                    cache=options["cache"],
                ),
                progress=progress,
            )
        else:
            report = check_mirror(
                mirror,
                quick=options["quick"],
                fix=options["fix"],
                selection=selection,
                limits=Limits(lock_seconds=timeout),
                progress=progress,
            )
    if form == TEXT:
        print_text(render_mirror_check(report, verbose=options["verbose"]))
    else:
        click.echo(renderer("mirror check", form)(mirror, report), nl=False)
    if not quiet:
        print_summary(render_mirror_check_summary(report))
    if not report.complete:
        return ExitCode.INCOMPLETE
    return ExitCode.DONE if report.passes(strict=options["strict"]) else ExitCode.FOUND
