"""How a command runs that brings a mirror to what its manifest says: its log, its report, its metrics and its exit code."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import click
from msgspec import Struct
from msgspec.structs import replace

from wheelfix.cli import suggest
from wheelfix.cli.exit_codes import ExitCode, problems_in, stopped
from wheelfix.cli.json_log import JsonLog
from wheelfix.cli.mirror.metrics import write_metrics
from wheelfix.cli.mirror.sync_log import SyncLog
from wheelfix.cli.options import Option
from wheelfix.cli.printing import print_summary, print_text, say
from wheelfix.cli.report_files import report_option, write_reports
from wheelfix.cli.targets import TargetFile, refuse_inputs
from wheelfix.cli.written import write_text
from wheelfix.errors import WheelfixError
from wheelfix.reports.findings import finding_lines
from wheelfix.reports.registry import TEXT, formats, renderer
from wheelfix.reports.sync import render_plan, render_sync, render_sync_problems, render_sync_summary
from wheelfix.sync.planning.codes import PLAN_CHECKS
from wheelfix.text import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wheelfix.progress import Progress
    from wheelfix.results import Finding
    from wheelfix.sync.manifest.model import Manifest
    from wheelfix.sync.model import SyncReport

_JSON: Final = "json"
FILE: Final = click.Path(dir_okay=False)
MANIFEST: Final = click.argument("manifest", type=FILE, shell_complete=suggest.files(".toml"))
ONLY: Final = click.option(
    "--only", multiple=True, metavar="NAME", shell_complete=suggest.in_manifest,
    help="Look at this project or source only; can be repeated.",
)  # fmt: skip
ALLOW_REMOVALS: Final = click.option(
    "--allow-removals",
    is_flag=True,
    help="Go on even if more than a third of the files, or all of a source, would be yanked or removed.",
)
REPORTING: Final[tuple[Option, ...]] = (
    click.option(
        "--format", "form", type=click.Choice(formats("mirror sync")), default=TEXT, show_default=True,
        help="text: a table of releases; json: the report.",
    ),
    report_option("mirror sync"),
    click.option(
        "--lock", type=TargetFile(), metavar="FILE", help="Write a lock of the mirror to FILE if the run had no problems.",
    ),
    click.option(
        "--metrics", type=TargetFile(), metavar="FILE", help="Write metrics of the run to FILE, as OpenMetrics text.",
    ),
    click.option(
        "--log-format", type=click.Choice([TEXT, _JSON]), default=TEXT, show_default=True,
        help="The log on standard error: for people, or one JSON object a line.",
    ),
    click.option("-q", "--quiet", is_flag=True, help="Print only errors, and the table of changes."),
    click.option("-v", "--verbose", is_flag=True, help="Print all releases, the names of all files, and each download."),
)  # fmt: skip
"""The options that say what such a command prints and writes."""


class ReportOptions(Struct, frozen=True, kw_only=True):
    """The options of :data:`REPORTING`, and what else decides how a run ends, as click hands them over."""

    manifest: str
    check: bool = False
    form: str
    reports: tuple[str, ...]
    lock: str | None
    metrics: str | None
    log_format: str
    quiet: bool
    verbose: bool
    command: ClassVar[str] = "mirror sync"

    @property
    def part(self) -> str | None:
        """Which part of a sync this is, such as ``1/8``; ``None`` for all of it."""
        return None

    @property
    def targets(self) -> tuple[str, ...]:
        """The files that the run writes besides the mirror."""
        return *self.reports, *filter(None, (self.lock, self.metrics))

    def refuse_contradictions(self) -> None:
        """Confirm that the options go together.

        :raises click.UsageError: if they do not.
        """
        if self.quiet and self.verbose:
            raise click.UsageError("--quiet and --verbose exclude each other.")
        for name in ("lock", "metrics"):
            if self.check and getattr(self, name):
                raise click.UsageError(f"--{name} is for runs that write; --check writes nothing.")

    def log(self) -> SyncLog | JsonLog:
        """Return the log of a run."""
        if self.log_format == _JSON:
            return JsonLog(quiet=self.quiet)
        return SyncLog(int(self.verbose) - int(self.quiet), is_part=self.part is not None)


def run_sync(options: ReportOptions, sync: "Callable[[Manifest, Progress], SyncReport]", **lowered: bool) -> int:
    """Read the manifest, ``sync``, print how that ended, and return the exit code.

    ``lowered`` are fields of the manifest's policy that the command line sets where they are true.

    :raises click.ClickException: if the run ends without a report, and its log is for people.
    """
    options.refuse_contradictions()
    with options.log() as log:
        if isinstance(log, JsonLog):
            log.start(options.command, options.manifest, check=options.check, shard=options.part)
        try:
            manifest = _manifest(options.manifest, **lowered)
            refuse_inputs(
                options.targets, (*manifest.rules, *(str(lock) for each in manifest.sources for lock in each.locks))
            )
            _print_warnings(manifest.warnings, log)
            report = sync(manifest, log)
            _print_warnings(report.warnings, log)
            report = replace(report, warnings=(*manifest.warnings, *report.warnings))
        except (WheelfixError, OSError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            return _end(options, log, error)
        except (KeyboardInterrupt, SystemExit) as error:  # a signal: what collects log lines sees how the run ended, too
            if not isinstance(log, JsonLog):
                raise
            log.interrupted(_code_of(error))
            return _code_of(error)
    return _conclude(options, log, report)


def _code_of(error: KeyboardInterrupt | SystemExit) -> int:
    """Return the exit code that follows."""
    return error.code if isinstance(error, SystemExit) and isinstance(error.code, int) else ExitCode.INTERRUPTED


def _manifest(path: str, **lowered: bool) -> "Manifest":
    """Return the manifest, with the guards that the command line lowers."""
    from wheelfix.sync.manifest.read import read_manifest  # imported late: TOML and its checks are for these commands only

    if "://" in path:
        raise click.BadParameter(f"{shown(path)} is a URL; a manifest is a local file.", param_hint="'MANIFEST'")
    found = read_manifest(path)
    chosen: dict[str, Any] = {name: True for name, is_set in lowered.items() if is_set}
    return replace(found, policy=replace(found.policy, **chosen)) if chosen else found


def _print_warnings(warnings: "Iterable[Finding]", log: SyncLog | JsonLog) -> None:
    if isinstance(log, JsonLog):
        for each in warnings:
            log.warning(each)
    elif not log.is_quiet:
        say("".join(f"{line}\n" for line in finding_lines(list(warnings))))


def _end(options: ReportOptions, log: SyncLog | JsonLog, error: WheelfixError | OSError) -> int:
    """Report why there was no sync, and return the exit code.

    :raises click.ClickException: ``error``, where the log is for people.
    """
    end = stopped(error)
    if options.metrics:
        with suppress(OSError):  # there is an error to report
            write_metrics(Path(options.metrics), options.manifest, None, end.problem)
    if not isinstance(log, JsonLog):
        raise end from error
    for each in problems_in(error) or [end.problem]:
        log.problem(each)
    log.stopped(end.exit_code)
    return end.exit_code


def _conclude(options: ReportOptions, log: SyncLog | JsonLog, report: "SyncReport") -> int:
    """Write what was asked for, print the report, and return the exit code.

    :raises click.ClickException: if the lock or the metrics cannot be written, and the log is for people.
    """
    error = _write_results(options, report)
    if options.form != TEXT:
        click.echo(renderer("mirror sync", options.form)(report), nl=False)
    else:
        verbose = options.verbose
        print_text(render_plan(report.plan, verbose=verbose) if options.check else render_sync(report, verbose=verbose))
    problem = stopped(error) if error else None
    problem = write_reports("mirror sync", options.reports, report) or problem
    code = _exit_code(report) if problem is None else problem.exit_code
    if options.lock and not report.ok:
        missing = PLAN_CHECKS["lock-not-written"]
        _print_warnings([missing.finding(options.lock, "not written: the run had problems")], log)
    if isinstance(log, JsonLog):
        for each in report.plan.files:
            if each.problem is not None:
                log.problem(each.problem, source=each.source, project=each.project, filename=each.filename or None)
        if problem is not None:
            log.problem(problem.problem)
        log.summary(report, ok=report.ok and problem is None, exit_code=code)
        return code
    say(render_sync_problems(report, verbose=options.verbose))
    if not options.quiet:
        print_summary(render_sync_summary(report))
    if problem is not None:
        raise problem from error
    return code


def _write_results(options: ReportOptions, report: "SyncReport") -> WheelfixError | OSError | None:
    """Write the lock and the metrics that were asked for; return why that was not possible."""
    error: WheelfixError | OSError | None = None
    try:
        if options.lock and report.ok:
            _write_lock(Path(options.lock), str(report.mirror))
    except (WheelfixError, OSError) as found:
        error = found
    try:
        if options.metrics:
            write_metrics(Path(options.metrics), options.manifest, report, stopped(error).problem if error else None)
    except OSError as found:
        error = error or found
    return error


def _write_lock(path: Path, mirror: str) -> None:
    """Write a lock of what the mirror lists to ``path``.

    :raises MirrorError, OSError: if a page cannot be read, or the lock not be written.
    """
    from wheelfix.mirror.yank import list_pages  # imported late: most runs write no lock

    write_text(path, renderer("mirror list", _JSON)(mirror, list_pages(mirror)))


def _exit_code(report: "SyncReport") -> ExitCode:
    if not report.ok:
        return ExitCode.INCOMPLETE
    return ExitCode.FOUND if report.dry_run and report.plan.changes else ExitCode.DONE
