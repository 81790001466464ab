"""``wheelfix mirror check``."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import click

from wheelfix.cli import suggest
from wheelfix.cli.command import CHECKING_MIRRORS, Command
from wheelfix.cli.exit_codes import ExitCode
from wheelfix.cli.mirror.options import GRACE, given, open_mirror, refuse_without_effect, refusing
from wheelfix.cli.options import selection_options
from wheelfix.cli.params import NO_SUMMARY, SINGLE_WRITER, Count, DirectoryParam, Seconds
from wheelfix.cli.printing import print_summary, print_text
from wheelfix.cli.progress import Log
from wheelfix.cli.report_files import report_option, write_reports
from wheelfix.errors import MirrorError
from wheelfix.mirror.check import check_against, check_index, check_mirror
from wheelfix.mirror.naming import STORES, problem_of_mirror
from wheelfix.mirror.registry import MIRROR_CHECKS, MirrorCheckReport, ResolvedCounts, finding
from wheelfix.mirror.storage import MirrorLocation
from wheelfix.options import MOST_CONNECTIONS, Limits, Requests, Selection, Targets
from wheelfix.progress import Progress
from wheelfix.reports.mirror import render_mirror_check, render_mirror_check_summary
from wheelfix.reports.registry import TEXT, formats, renderer
from wheelfix.results import Finding
from wheelfix.text import shown
from wheelfix.upstream.urls import looks_like_url, missing_extra, with_scheme


class _FileLog(Log):
    """The log of a run that checks an index or a bucket: it counts files, and prints why nothing happens for a while."""

    def project_done(self, project: str) -> None:
        """Do nothing: files are counted."""

    def file_checked(self, filename: str) -> None:
        """Move the bar of the run."""
        self.advance(filename)

    def waiting(self, name: str, seconds: float, reason: str) -> None:
        """Print why nothing happens for a while."""
        if not self.is_quiet:
            self.print(f"waiting {seconds:g} s for {name}: {reason}\n")


_OF_INDEXES = ("download", "cache", "max_requests", "max_time")
_OF_CLOSED = ("platform", "python", "manifest")
_Closed: TypeAlias = tuple[tuple[Finding, ...], ResolvedCounts | None]
"""What cannot be resolved from a mirror alone, and how much could be looked at."""
_OF_MIRRORS = ("quick", "fix", "grace", "single_writer", "closed", *_OF_CLOSED)


def _is_index(mirror: str) -> bool:
    """Whether ``mirror`` is the URL of an index; it is that of a bucket, or a path, otherwise."""
    if looks_like_url(mirror):
        return mirror.partition(":")[0].lower() not in STORES
    meant = None if os.path.lexists(mirror) else with_scheme(mirror)
    if meant is not None:
        raise click.UsageError(
            f"There is no directory {shown(meant.partition('://')[2])}. For an index, write {shown(meant)}"
        )
    return False


def _refuse_contradictions(mirror: str, projects: Sequence[str], options: Mapping[str, Any], *, is_index: bool) -> None:
    """Confirm that only what is for this kind of mirror was given.

    :raises click.UsageError: if not.
    """
    if not is_index and (problem := problem_of_mirror(mirror)):
        raise click.UsageError(problem)
    if is_index and options["against"]:
        raise click.UsageError("--against compares a mirror with the URL of its index: name the mirror first.")
    if options["against"] and (name := given(*_OF_MIRRORS)):
        raise click.UsageError(f"{name} and --against exclude each other: use two commands.")
    if is_index and (name := given(*_OF_MIRRORS)):
        raise click.UsageError(f"{name} is for a mirror, not for the URL of an index.")
    if is_index or options["against"]:
        return
    if projects:
        raise click.UsageError("a mirror is checked as a whole; PROJECT is for the URL of an index.")
    if name := given(*_OF_INDEXES):
        raise click.UsageError(f"{name} is for the URL of an index, not for a mirror.")
    refuse_without_effect(mirror)
    if options["single_writer"] and not options["fix"]:
        raise click.UsageError("--single-writer is for --fix: a check writes nothing.")
    if not options["closed"] and (name := given(*_OF_CLOSED)):
        raise click.UsageError(f"{name} is for --closed.")
    if options["manifest"] and (name := given("platform", "python")):
        raise click.UsageError(f"{name} and --manifest exclude each other: the manifest says what its mirror is for.")


def _check_index(
    mirror: str, projects: Sequence[str], selection: Selection, options: Mapping[str, Any], progress: Progress
) -> MirrorCheckReport:
    timeout = options["timeout"]
    requests = Requests(
        connections=options["connections"],
        max_requests=options["max_requests"],
        timeout=min(timeout, 60) if timeout > 0 else 60,
        max_time=options["max_time"],
        cache=options["cache"] and Path(options["cache"]),
    )
    against, chosen = options["against"], {"download": options["download"], "selection": selection, "requests": requests}
    if against:
        return check_against(mirror, against, projects, progress=progress, **chosen)
    return check_index(mirror, projects, progress=progress, **chosen)


def _check_mirror(
    mirror: str,
    projects: Sequence[str],
    selection: Selection,
    options: Mapping[str, Any],
    progress: Progress,
) -> MirrorCheckReport:
    store, closed = open_mirror(mirror, single_writer=options["single_writer"]), _closed_check(options)
    report = check_mirror(
        store,
        quick=options["quick"],
        fix=options["fix"],
        selection=selection,
        limits=Limits(lock_seconds=options["timeout"], grace_seconds=options["grace"]),
        connections=options["connections"],
        progress=progress,
    )
    if closed is None:
        return report
    findings, resolved = closed(store)
    return report.adding(findings, selection, resolved)


def _closed_check(options: Mapping[str, Any]) -> "Callable[[MirrorLocation], _Closed] | None":
    """Return what finds out what cannot be resolved from a mirror alone, ``None`` where that is not to be checked.

    What is missing for it is known before anything else is checked.
    """
    if not options["closed"]:
        return None
    try:
        from wheelfix.sync.dependencies.closed import (  # imported late: the extra "sync" installs what it needs
            require_closed,
            resolve_closed,
        )
        from wheelfix.sync.manifest.read import read_manifest
    except ImportError as error:
        raise missing_extra(error) from error
    targets = Targets(options["platform"], options["python"])
    manifest = read_manifest(options["manifest"]) if options["manifest"] else None
    require_closed(targets)

    def check(store: MirrorLocation) -> _Closed:
        try:
            return resolve_closed(store, targets, manifest=manifest)
        except MirrorError as error:  # what else was found is reported, too
            return (finding("not-checked", "--closed", error.message),), None

    return check


@click.command("check", cls=Command, sections=CHECKING_MIRRORS)
@click.argument("mirror", shell_complete=suggest.all_of(suggest.directories, suggest.INDEXES))
@click.argument("projects", nargs=-1, metavar="[PROJECT]...", shell_complete=suggest.projects)
@click.option(
    "--against", metavar="URL",
    help="Compare the mirror with the index that clients see at this URL.",
)  # fmt: skip
@click.option("--quick", is_flag=True, help="Do not read the wheels; compare their sizes and metadata files only.")
@click.option("--fix", is_flag=True, help="Regenerate pages and metadata files, and delete what interrupted runs left.")
@click.option(
    "--closed",
    is_flag=True,
    help="Check that all releases can be installed from the mirror alone: whether what they require is there, for each "
    "platform and Python.",
)
@click.option(
    "--platform", multiple=True, metavar="TAG", shell_complete=suggest.PLATFORMS,
    help="With --closed: only for this platform tag, such as 'manylinux*_x86_64'; can be repeated. "
    "Default: what the wheels are for.",
)  # fmt: skip
@click.option(
    "--python", multiple=True, metavar="VERSION", shell_complete=suggest.PYTHONS,
    help="With --closed: only for this version of Python, such as 3.11; can be repeated. Default: what the wheels are for.",
)  # fmt: skip
@click.option(
    "--manifest", type=click.Path(dir_okay=False), metavar="FILE", shell_complete=suggest.files(".toml"),
    help="With --closed: only the projects that a manifest names, with their extras, for its platforms and Pythons.",
)  # fmt: skip
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
    type=Count(min=1, max=MOST_CONNECTIONS),
    default=Requests().connections,
    show_default=True,
    metavar="N",
    help="For an index or a bucket: how many requests to make at a time.",
)
@click.option(
    "--cache",
    type=DirectoryParam("Pages are kept on this machine."),
    metavar="DIR",
    help="For an index: keep pages and metadata files here, and receive only what has changed since the last run.",
)
@click.option(
    "--max-requests",
    type=Count(min=1),
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
@GRACE
@SINGLE_WRITER
@click.option("--format", "form", type=click.Choice(formats("mirror check")), default=TEXT, show_default=True)
@report_option("mirror check")
@NO_SUMMARY
@click.option("-v", "--verbose", is_flag=True, help="Show all findings of each code.")
def command(mirror: str, projects: tuple[str, ...], select: tuple[str, ...], ignore: tuple[str, ...], **options: Any) -> int:
    """Check a mirror, or any index as clients see it.

    MIRROR is the directory or bucket of a mirror, or the URL of any index; PROJECT names
    which projects of an index to check. Each finding says which clients are affected, and
    how. Exit code 1 if there is an error, 3 if something could not be read.

    \b
    Examples:
      wheelfix mirror check mirror/
      wheelfix mirror check --quick --strict mirror/
      wheelfix mirror check --fix mirror/
      wheelfix mirror check --quick s3://bucket/mirror
      wheelfix mirror check --closed --platform 'manylinux*_x86_64' --python 3.11 mirror/
      wheelfix mirror check --ignore release-disagrees,unlisted mirror/
      wheelfix mirror check https://wheels.example.org/simple/ torch
      wheelfix mirror check s3://bucket/mirror --against https://wheels.example.org/simple/
    """
    against, is_index = options["against"], _is_index(mirror)
    _refuse_contradictions(mirror, projects, options, is_index=is_index)
    selection = Selection(select, ignore)
    counts_files = is_index or looks_like_url(mirror) or against
    log = _FileLog(unit="file", quiet=options["quiet"]) if counts_files else Log(unit="project", quiet=options["quiet"])
    with log as progress, refusing():
        check = _check_index if is_index or against else _check_mirror
        report = check(mirror, projects, selection, options, progress)
    form, quiet = options["form"], options["quiet"]
    if form == TEXT:
        print_text(render_mirror_check(report, verbose=options["verbose"]))
    else:
        click.echo(renderer("mirror check", form)(mirror, report), nl=False)
    if not quiet:
        print_summary(render_mirror_check_summary(report))
    if problem := write_reports("mirror check", options["reports"], mirror, report):
        raise problem
    if not report.complete:
        return ExitCode.INCOMPLETE
    return ExitCode.DONE if report.passes(strict=options["strict"]) else ExitCode.FOUND
