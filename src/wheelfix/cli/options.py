"""The options that commands share: what to change, where results go, which codes count, and how a run ends."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from msgspec import Struct
from msgspec.structs import asdict, fields, replace

from wheelfix.cli.exit_codes import ExitCode
from wheelfix.cli.params import NULL, WHEELS, MirrorDirectory, wheel_paths
from wheelfix.cli.printing import print_exactly, say
from wheelfix.cli.progress import FixLog
from wheelfix.cli.rulefiles import lint_today, refuse_findings
from wheelfix.errors import EditError
from wheelfix.options import ExclusiveOptions, Naming, Output, Policy, Publishing, Selection
from wheelfix.reports.registry import TEXT, formats, renderer
from wheelfix.reports.text import NO_RULE
from wheelfix.results import Report, Severity, Status
from wheelfix.text import shown

if TYPE_CHECKING:
    from wheelfix.results import PublishReport
    from wheelfix.rules.model import RuleSet
    from wheelfix.wheel.edits import Edit


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
        ignore = f"Do not report {noun} whose code begins with this; may be repeated."
        select = f"Report only {noun} whose code begins with this, such as {example}; may be repeated."
        for name, text in (("--ignore", ignore), ("--select", select)):
            function = click.option(name, multiple=True, metavar="CODE", callback=codes_of(codes), help=text)(function)
        return function

    return give


_DEFAULT_DIRECTORY = "fixed"
Option = Callable[[Callable[..., Any]], Callable[..., Any]]

WHERE: tuple[Option, ...] = (
    WHEELS,
    click.option(
        "-o", "--output-dir", type=click.Path(file_okay=False), metavar="DIR",
        help=f"Directory for the results: all given wheels but those refused.  [default: {_DEFAULT_DIRECTORY}]",
    ),
    click.option("--in-place", is_flag=True, help="Replace the given wheels themselves."),
    click.option("--check", is_flag=True, help="Write nothing; exit 1 if a wheel would change."),
    click.option("--diff", is_flag=True, help="Write nothing; print the unified diff of METADATA."),
    click.option(
        "--format", "form", type=click.Choice(formats("fix")), default=TEXT, show_default=True,
        help="text: the written paths, one a line; json: the report; markdown: each change once, for a review.",
    ),
)  # fmt: skip
"""The options that come first: what is read, and where results go."""
ALLOW_MIXED: Option = click.option(
    "--allow-mixed", is_flag=True, help="Write wheels of one release even if they will disagree."
)
JOBS: Option = click.option(
    "-j", "--jobs", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
    help="How many wheels to work on at a time.",
)  # fmt: skip
HOW: tuple[Option, ...] = (
    NULL,
    click.option("--overwrite", is_flag=True, help="Replace files in the output directory that differ."),
    click.option("--no-sbom", is_flag=True, help="Leave out the provenance dist-info/sboms/wheelfix.cdx.json."),
    JOBS,
    click.option("-q", "--quiet", is_flag=True, help="Print errors only."),
    click.option("-v", "--verbose", is_flag=True, help="Also print the reasons and the sha256 sums."),
)  # fmt: skip
"""The options that come last."""


class WritingOptions(Struct, frozen=True, kw_only=True):
    """The options that all writing commands share, as click hands them over."""

    wheels: tuple[str, ...]
    null: bool
    output_dir: str | None
    in_place: bool
    check: bool
    diff: bool
    form: str
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
        """How much to print, as ``reports.text`` counts it."""
        return int(self.verbose) - int(self.quiet)

    @property
    def destination(self) -> str:
        """Where results lie, as the last line of a run has it; empty where none are written, or in place."""
        return "" if self.dry_run or self.in_place else f"{(self.output_dir or _DEFAULT_DIRECTORY).rstrip('/')}/"

    @property
    def output(self) -> Output:
        """Where results go."""
        return Output(
            directory=self.output_dir or _DEFAULT_DIRECTORY,
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
        raise click.UsageError("The path for --output-dir is empty; an unset variable, perhaps.")
    if options.diff and options.form not in (TEXT, "markdown"):
        raise click.UsageError("--diff prints a diff and --format json a report; choose one.")
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
    """Print how the run went, what was published, and its result; return the exit code."""
    log.conclude(report, options.destination if published is None else _published(published))
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
    if options.form != TEXT:
        click.echo(renderer("fix", options.form)(report, published), nl=False)
    elif options.diff:
        from wheelfix.reports.diff import render_diff  # imported late: few runs only show a diff

        print_exactly(render_diff(report))
    else:
        outputs = (outcome.output for outcome in report.outcomes if outcome.output is not None)
        for output in dict.fromkeys(outputs):  # a wheel that is given twice, through a link, has one result
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
_NAMING: tuple[Option, ...] = (
    click.option("--local", metavar="VERSION", help="Give wheels that change this local version, such as cpu: 2.7.0+cpu."),
    click.option(
        "--build-tag", metavar="TAG", help="Give wheels that change this build tag, such as 1nogpu; installers prefer it."
    ),
    click.option(
        "--all", "rename_unchanged", is_flag=True,
        help="Give --local and --build-tag to all wheels, also those in which nothing else changes.",
    ),
)  # fmt: skip
"""What wheels that change are called."""
NAMING = ("local", "build_tag")
"""The parameters of these options."""
FIXING: tuple[Option, ...] = (
    *WHERE,
    click.option(
        "--repair", is_flag=True,
        help="Also fix what verify reports as fixable, in the same pass; exit 1 if an error is left.",
    ),
    click.option(
        "--strict-rules", is_flag=True,
        help="Refuse rules that can never apply, have expired, or apply to nothing here, before anything is written.",
    ),
    SCAN_OPTION,
    click.option("--allow-unproven", is_flag=True, help="Also drop what is unproven: there is no evidence either way."),
    click.option(
        "--skip-gpu-builds", is_flag=True,
        help="Copy GPU builds unchanged instead of failing: wheels that need what would be dropped.",
    ),
    click.option(
        "--skip-unproven", is_flag=True,
        help="Copy wheels unchanged instead of failing where there is no evidence either way.",
    ),
    click.option("--force", is_flag=True, help="Drop even what the wheel's own binaries need; prints what will not load."),
    ALLOW_MIXED,
    click.option(
        "--follow-pins", is_flag=True,
        help="Let pins such as torch==2.7.0 follow a given wheel that gets another name or version.",
    ),
    click.option(
        "--publish", type=MirrorDirectory(), metavar="MIRROR",
        help="Add the results to this mirror, in one step, instead of writing them to a directory.",
    ),
    click.option("--replace", is_flag=True, help="Let the mirror serve the new bytes of a file instead of the old ones."),
    click.option(
        "--yank-original", metavar="REASON", help="List the originals in the mirror too, yanked, for old locks."
    ),
    *HOW,
)  # fmt: skip
"""The options of all commands that change wheels, apart from what is changed and what wheels are called."""


class FixOptions(WritingOptions, frozen=True, kw_only=True):
    """The options of strip-gpu, fix and edit, as click hands them over."""

    repair: bool
    scan: Literal["auto", "always", "never"]
    allow_unproven: bool
    skip_gpu_builds: bool
    skip_unproven: bool
    force: bool
    local: str | None = None
    build_tag: str | None = None
    rename_unchanged: bool = False
    follow_pins: bool
    strict_rules: bool
    publish: str | None
    replace: bool
    yank_original: str | None


def fix_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a click command all options of :class:`FixOptions`."""
    return with_options((*FIXING, *_NAMING))(function)


def run_fix(
    command: str,
    rules: "RuleSet | str",
    options: FixOptions,
    *,
    edits: "Sequence[Edit]" = (),
    finish_report: Callable[[Report], Report] = lambda report: report,
    why_unchanged: str = NO_RULE,
) -> int:
    """Fix the wheels that ``options`` name by ``rules``, a rule set or the name of a built-in one; return the exit code.

    ``edits`` apply after the rules; ``finish_report`` makes of the report what is printed, and ``why_unchanged`` says why a
    wheel is unchanged.

    :raises click.ClickException: if the options contradict each other, or an argument stands for no wheel.
    :raises RulesError: if ``--strict-rules`` is given and the rules have findings; nothing was written.
    """
    from wheelfix.fix.batch import fix_wheels  # imported late: verify has some of the same options

    _refuse_contradictions(options)
    given = asdict(options)
    fix = partial(
        fix_wheels, options.paths(), rules, policy=policy_from(given), naming=naming_from(given), repair=options.repair,
        edits=edits, jobs=options.jobs,
    )  # fmt: skip
    findings = () if isinstance(rules, str) else lint_today(rules)

    def whole(report: Report) -> Report:
        return finish_report(replace(report, command=command, rule_findings=(*findings, *report.rule_findings)))

    if options.strict_rules:
        refuse_findings(whole(fix(output=Output(dry_run=True))).rule_findings)
    log = FixLog(
        len(fix.args[0]),
        verbosity=options.verbosity,
        dry_run=options.dry_run,
        why_unchanged=why_unchanged,
        diff=options.diff,
    )
    with log:
        if options.publish is not None:
            report, published = _publish(options.publish, options, partial(fix, progress=log))
        else:
            report, published = fix(output=options.output, progress=log), None
    return conclude(whole(report), options, log, published)


def _publish(mirror: str, options: FixOptions, fix: "partial[Report]") -> "tuple[Report, PublishReport]":
    """Add the results of ``fix``, which is given everything but where they go, to ``mirror`` as ``options`` say."""
    from wheelfix.cli.mirror.options import print_published, refusing  # imported late: few runs publish
    from wheelfix.mirror.publish import fix_into_mirror

    with refusing():
        report, published = fix_into_mirror(
            mirror,
            *fix.args,
            publishing=Publishing(replace=options.replace, yank_original=options.yank_original),
            sbom=not options.no_sbom,
            **fix.keywords,
        )
    for each in published.files:
        print_published(each, quiet=options.quiet)
    return report, published


def _refuse_publishing(options: FixOptions) -> None:
    for name in ("output_dir", "in_place", "check", "diff", "overwrite"):
        if getattr(options, name):
            raise click.UsageError(f"--publish and --{name.replace('_', '-')} exclude each other.")


def _refuse_contradictions(options: FixOptions) -> None:
    refuse_contradictions(options)
    if options.rename_unchanged and options.local is None and options.build_tag is None:
        raise click.UsageError("--all is for --local and --build-tag, which give wheels another name.")
    if options.in_place and (options.local is not None or options.build_tag is not None):
        raise click.UsageError("--in-place keeps the file's name; --local and --build-tag need an output directory.")
    if options.publish is None and (options.replace or options.yank_original is not None):
        raise click.UsageError("--replace and --yank-original are for --publish.")
    if options.publish is not None:
        _refuse_publishing(options)
