"""What all commands share that write wheels: where results go, how much is told, and how a run ends."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from wheelfix.cli.exit_codes import ExitCode
from wheelfix.cli.inputs import NULL, WHEELS, wheel_paths
from wheelfix.cli.narration import Narrator, say
from wheelfix.cli.printing import print_exactly
from wheelfix.errors import EditError
from wheelfix.options import excluded
from wheelfix.reports.diff import render_diff
from wheelfix.reports.json import render_json
from wheelfix.results import Report, Severity, Status
from wheelfix.text import shown

if TYPE_CHECKING:
    from wheelfix.results import PublishReport

_DEFAULT_FOLDER = "fixed"
Option = Callable[[Callable[..., Any]], Callable[..., Any]]

WHERE: tuple[Option, ...] = (
    WHEELS,
    click.option(
        "-o", "--output-dir", type=click.Path(file_okay=False), metavar="DIR",
        help=f"Folder for the results; holds all given wheels afterwards.  [default: {_DEFAULT_FOLDER}]",
    ),
    click.option("--in-place", is_flag=True, help="Replace the given wheels themselves."),
    click.option("--check", is_flag=True, help="Write nothing; exit 1 if a wheel would change."),
    click.option("--diff", is_flag=True, help="Write nothing; print the unified diff of METADATA."),
    click.option(
        "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
        help="text: the written paths, one a line; json: the report.",
    ),
)  # fmt: skip
"""The options that come first: what is read, and what becomes of it."""
ALLOW_MIXED: Option = click.option(
    "--allow-mixed", is_flag=True, help="Write wheels of one release although they will not agree afterwards."
)
HOW: tuple[Option, ...] = (
    NULL,
    click.option("--overwrite", is_flag=True, help="Replace files in the output folder that differ."),
    click.option("--no-sbom", is_flag=True, help="Leave out the trace dist-info/sboms/wheelfix.cdx.json."),
    click.option(
        "-j", "--jobs", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
        help="How many wheels to work on at a time.",
    ),
    click.option("-q", "--quiet", is_flag=True, help="Tell only what went wrong."),
    click.option("-v", "--verbose", is_flag=True, help="Tell also the reasons and the sha256 sums."),
)  # fmt: skip
"""The options that come last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WritingOptions:
    """The options that all writing commands share, as click hands them over."""

    wheels: tuple[str, ...]
    null: bool
    output_dir: str | None
    in_place: bool
    check: bool
    diff: bool
    form: Literal["text", "json"]
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

    def paths(self) -> list[Path]:
        """Return the wheels to work on.

        :raises click.ClickException: if an argument stands for no wheel.
        """
        return wheel_paths(self.wheels, null=self.null, quiet=self.quiet)

    @property
    def verbosity(self) -> int:
        """How much to tell, as ``render.text`` counts it."""
        return int(self.verbose) - int(self.quiet)

    @property
    def destination(self) -> str:
        """Where results lie, as the last line of a run has it; empty where none are written, or in place."""
        return "" if self.dry_run or self.in_place else f"{(self.output_dir or _DEFAULT_FOLDER).rstrip('/')}/"

    @property
    def where(self) -> dict[str, Any]:
        """The arguments of the functions that write wheels, but for what is special to each."""
        return {
            "output_dir": Path(self.output_dir or _DEFAULT_FOLDER),
            "in_place": self.in_place,
            "dry_run": self.dry_run,
            "overwrite": self.overwrite,
            "sbom": not self.no_sbom,
        }


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
        raise click.UsageError("--overwrite is for the output folder; --in-place always replaces.")
    if options.output_dir == "":
        raise click.UsageError("The path for --output-dir is empty; an unset variable, perhaps.")
    if options.diff and options.form == "json":
        raise click.UsageError("--diff prints a diff and --format json a report; choose one.")
    if options.quiet and options.verbose:
        raise click.UsageError("--quiet and --verbose exclude each other.")


def refuse_contradicting_rules(caution: Mapping[str, bool], *, local: str | None, build_tag: str | None) -> None:
    """Confirm that the options of ``caution`` go together, and that the others can be part of a file name.

    :raises click.UsageError: if they do not.
    """
    pair = excluded(caution)
    if pair is not None:
        one, other = (f"--{name.replace('_', '-')}" for name in pair)
        raise click.UsageError(f"{one} and {other} exclude each other.")
    if local is not None or build_tag is not None:
        from wheelfix.fix.naming import Identity  # imported late: few runs give new names

        try:
            Identity(local, build_tag)
        except EditError as error:
            raise click.UsageError(str(error)) from error


def conclude(report: Report, options: WritingOptions, narrator: Narrator, published: "PublishReport | None" = None) -> int:
    """Tell how the run went, and what was published, print its result, and return the exit code."""
    narrator.conclude(report, options.destination if published is None else _published(published))
    if options.check and options.quiet:
        for outcome in report.outcomes:
            if outcome.status is Status.FIXED:
                say(f"{shown(str(outcome.source))}: would change\n")
    _print_result(report, options, published)
    if published is not None and not published.ok:
        return ExitCode.INCOMPLETE
    return exit_code(report, check=options.check)


def _published(report: "PublishReport") -> str:
    from wheelfix.reports.mirror import render_published  # imported late: few runs publish

    return render_published(report)


def _print_result(report: Report, options: WritingOptions, published: "PublishReport | None") -> None:
    if options.form == "json":
        click.echo(render_json(report, published), nl=False)
    elif options.diff:
        print_exactly(render_diff(report))
    else:
        outputs = (outcome.output for outcome in report.outcomes if outcome.output is not None)
        for output in dict.fromkeys(outputs):  # a wheel that is given twice, through a link, has one result
            click.echo(str(output))


def exit_code(report: Report, *, check: bool) -> ExitCode:
    """Return how the run ended: what was refused or failed counts more than what keeps an error or would change."""
    if not report.ok:
        return ExitCode.INCOMPLETE
    errors = any(fault.severity is Severity.ERROR for outcome in report.outcomes for fault in outcome.faults)
    return ExitCode.FOUND if errors or (check and report.count(Status.FIXED)) else ExitCode.DONE
