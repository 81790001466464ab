"""The options that commands share: what is read, where results go, which codes count, and how a run ends."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import fields

from wheelfix.cli import suggest
from wheelfix.cli.exit_codes import ExitCode
from wheelfix.cli.inputs import INPUT, InputOptions, Inputs
from wheelfix.cli.params import NULL, WHEELS, Count, DirectoryParam
from wheelfix.cli.printing import print_exactly, say
from wheelfix.cli.progress import FixLog
from wheelfix.cli.report_files import report_option, write_reports
from wheelfix.cli.targets import DEFAULT_DIRECTORY
from wheelfix.errors import EditError
from wheelfix.options import ExclusiveOptions, Naming, Output, Policy, Selection
from wheelfix.reports.registry import TEXT, formats, renderer
from wheelfix.results import Report, Severity, Status
from wheelfix.text import shown

if TYPE_CHECKING:
    from wheelfix.locations import Location
    from wheelfix.results import PublishReport


Callback = Callable[[click.Context, click.Parameter, tuple[str, ...]], tuple[str, ...]]


def codes_of(codes: Collection[str]) -> Callback:
    """Return the callback of an option that takes prefixes of ``codes``, separated by commas."""

    def read(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
        prefixes = tuple(prefix.strip() for text in given for prefix in text.split(","))
        try:
            return Selection(prefixes).among(codes).select
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return read


def selection_options(codes: Collection[str], example: str, noun: str = "findings") -> Callable[..., Any]:
    """Return what gives a click command ``--select`` and ``--ignore`` for ``codes``, of which ``example`` is a prefix."""

    def give(function: Callable[..., Any]) -> Callable[..., Any]:
        ignore = f"Do not report {noun} whose code begins with this; can be repeated."
        select = f"Report only {noun} whose code begins with this, such as {example}; can be repeated."
        for name, text in (("--ignore", ignore), ("--select", select)):
            function = click.option(
                name, multiple=True, metavar="CODE", callback=codes_of(codes), shell_complete=suggest.codes(codes), help=text
            )(function)
        return function

    return give


Option = Callable[[Callable[..., Any]], Callable[..., Any]]

WHERE: tuple[Option, ...] = (
    WHEELS,
    *INPUT,
    click.option(
        "-o", "--output-dir", metavar="DIR",
        type=DirectoryParam("--publish and `wheelfix mirror add` write to a bucket."),
        help=f"Directory for the results: all given wheels but those refused.  [default: {DEFAULT_DIRECTORY}]",
    ),
    click.option("--in-place", is_flag=True, help="Replace the given wheels themselves; a symbolic link is followed."),
    click.option("--check", is_flag=True, help="Write nothing; exit 1 if a wheel would change."),
    click.option("--diff", is_flag=True, help="Write nothing; print the unified diff of METADATA."),
    click.option(
        "--format", "form", type=click.Choice(formats("fix")), default=TEXT, show_default=True,
        help="text: the written paths, one a line; json, html: the report; markdown: each change once, for a review.",
    ),
    report_option("fix"),
)  # fmt: skip
"""The options that come first: what is read, and where results go."""
ALLOW_MIXED: Option = click.option(
    "--allow-mixed", is_flag=True, help="Write wheels of one release even if they will disagree."
)
JOBS: Option = click.option(
    "-j", "--jobs", type=Count(min=1), default=1, show_default=True, metavar="N",
    help="How many wheels to work on at a time, each in a process of its own.",
)  # fmt: skip
HOW: tuple[Option, ...] = (
    NULL,
    click.option("--overwrite", is_flag=True, help="Replace files in the output directory that differ from the results."),
    click.option("--no-sbom", is_flag=True, help="Leave out the provenance dist-info/sboms/wheelfix.cdx.json."),
    JOBS,
    click.option("-q", "--quiet", is_flag=True, help="Print only errors and the written paths."),
    click.option("-v", "--verbose", is_flag=True, help="Also print the reasons, what a rule kept, and the sha256 sums."),
)  # fmt: skip
"""The options that come last."""


class WritingOptions(InputOptions, frozen=True, kw_only=True):
    """The options that all writing commands share, as click hands them over."""

    wheels: tuple[str, ...]
    null: bool
    output_dir: str | None
    in_place: bool
    check: bool
    diff: bool
    form: str
    reports: tuple[str, ...]
    allow_mixed: bool
    overwrite: bool
    no_sbom: bool
    jobs: int
    quiet: bool
    verbose: bool

    @property
    def dry_run(self) -> bool:
        """Whether nothing is to be written."""
        return self.check or self.diff

    def inputs(self) -> Inputs:
        """Return the wheels to work on.

        :raises click.ClickException: if an argument stands for no wheel, or for one that cannot be replaced in its place.
        """
        inputs = Inputs(self.wheels, self, null=self.null, quiet=self.quiet)
        if self.in_place and not inputs.are_local:
            raise click.UsageError("--in-place is for wheels on this machine; name a directory with --output-dir.")
        return inputs

    @property
    def download_directory(self) -> Path | None:
        """Where wheels are downloaded to: where results go, ``None`` where none are written to a directory."""
        return None if self.dry_run or self.in_place else Path(self.output_dir or DEFAULT_DIRECTORY)

    @property
    def verbosity(self) -> int:
        """How much to print, as ``reports.text`` counts it."""
        return int(self.verbose) - int(self.quiet)

    @property
    def destination(self) -> str:
        """Where results are, as the last line of a run has it; empty where none are written, or in place."""
        return "" if self.dry_run or self.in_place else f"{(self.output_dir or DEFAULT_DIRECTORY).rstrip('/')}/"

    @property
    def output(self) -> Output:
        """Where results go."""
        return Output(
            directory=self.output_dir or DEFAULT_DIRECTORY,
            in_place=self.in_place,
            dry_run=self.dry_run,
            overwrite=self.overwrite,
            sbom=not self.no_sbom,
        )


def with_options(options: Sequence[Option]) -> Option:
    """Return what gives a click command ``options``, in their order."""

    def give(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return give


def refuse_contradictions(options: WritingOptions) -> None:
    """Confirm that the options go together.

    :raises click.UsageError: if they do not.
    """
    if options.in_place and options.output_dir is not None:
        raise click.UsageError("--in-place and --output-dir exclude each other.")
    if options.in_place and options.overwrite:
        raise click.UsageError("--overwrite is for the output directory; --in-place always replaces.")
    if options.output_dir == "":
        raise click.UsageError("The path for --output-dir is empty (an unset variable?).")
    if options.diff and options.form not in (TEXT, "markdown"):
        raise click.UsageError(f"--diff prints a diff and --format {options.form} a report; choose one.")
    if options.quiet and options.verbose:
        raise click.UsageError("--quiet and --verbose exclude each other.")


def policy_from(options: Mapping[str, Any]) -> Policy:
    """Return the policy that ``options`` give, by the names of its fields; other options do not matter.

    :raises click.UsageError: if two of them exclude each other.
    """
    try:
        return Policy(**{each.name: options[each.name] for each in fields(Policy) if each.name in options})
    except ExclusiveOptions as error:
        one, other = (f"--{name.replace('_', '-')}" for name in error.names)
        raise click.UsageError(f"{one} and {other} exclude each other.") from error


def naming_from(options: Mapping[str, Any]) -> Naming:
    """Return the naming that ``options`` give.

    :raises click.UsageError: if one cannot be part of a file name.
    """
    try:
        names = ("local", "build_tag", "rename_unchanged", "follow_pins")
        return Naming(**{name: options[name] for name in names if name in options})
    except EditError as error:
        raise click.UsageError(str(error)) from error


def conclude(report: Report, options: WritingOptions, log: FixLog, published: "PublishReport | None" = None) -> int:
    """Print the result, how the run went and what was published; return the exit code."""
    outputs = _outputs(report, published)
    if options.check and options.quiet:
        for outcome in report.outcomes:
            if outcome.status is Status.FIXED:
                say(f"{shown(str(outcome.url or outcome.source))}: would change\n")
    try:
        _print_result(report, options, published, outputs)
    finally:  # the counts come last on a terminal, and are there when the reader of the result has gone
        log.conclude(report, _destination(options, published) if outputs else "")
    if problem := write_reports("fix", options.reports, report, published):
        raise problem
    if published is not None and not published.ok:
        return ExitCode.INCOMPLETE
    return exit_code(report, check=options.check)


def _outputs(report: Report, published: "PublishReport | None") -> list["Location"]:
    """Return where each result is; a wheel that is given twice, through a link, has one."""
    places = {} if published is None else _places(published)
    found = (
        each.output or (places.get(each.url or each.source) if each.problem is None else None) for each in report.outcomes
    )
    return list(dict.fromkeys(each for each in found if each is not None))


def _places(published: "PublishReport") -> "dict[Location | None, Location | None]":
    """Return where the mirror, which may be a bucket, has the result of each wheel that was given."""
    return {
        each.url or each.source: published.mirror / each.path if each.path and each.is_listed else None
        for each in reversed(published.files)  # the originals come after all results, and do not count
    }


def _destination(options: WritingOptions, published: "PublishReport | None") -> str:
    if published is None:
        return options.destination
    from wheelfix.reports.mirror import render_published  # imported late: few runs publish

    return render_published(published)


def _print_result(
    report: Report, options: WritingOptions, published: "PublishReport | None", outputs: Iterable["Location"]
) -> None:
    if options.form != TEXT:
        click.echo(renderer("fix", options.form)(report, published), nl=False)
    elif options.diff:
        from wheelfix.reports.diff import render_diff  # imported late: few runs only show a diff

        print_exactly(render_diff(report))
    else:
        for output in outputs:
            click.echo(str(output))


def exit_code(report: Report, *, check: bool) -> ExitCode:
    """Return how the run ended: what was refused or failed counts more than what keeps an error or would change."""
    if not report.ok:
        return ExitCode.INCOMPLETE
    errors = any(each.severity is Severity.ERROR for outcome in report.outcomes for each in outcome.findings)
    return ExitCode.FOUND if errors or (check and report.count(Status.FIXED)) else ExitCode.DONE


SCAN_OPTION = click.option(
    "--scan", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True,
    help="Which binaries to read for what they link to: auto (where it can change the verdict), always (all), never (none).",
)  # fmt: skip
