"""What all commands share that correct wheels: their options, and what they do with them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from wheelfix.batch import fix_wheels
from wheelfix.cli.inputs import wheel_paths
from wheelfix.cli.narration import Narrator, say
from wheelfix.cli.rulefiles import refuse_remarks, remarks_today
from wheelfix.errors import EditError
from wheelfix.escaping import shown
from wheelfix.outcome import Report, Status
from wheelfix.render.diff import render_diff
from wheelfix.render.json import render_json

if TYPE_CHECKING:
    from wheelfix.rules.model import RuleSet

_DEFAULT_FOLDER = "fixed"
SCAN_OPTION = click.option(
    "--scan", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True,
    help="Read binaries for what they link to: where it can change the verdict, always all of them, or never.",
)  # fmt: skip
_OPTIONS = (
    click.argument("wheels", nargs=-1, metavar="WHEEL...", type=click.Path()),
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
    click.option(
        "--strict-rules", is_flag=True,
        help="Refuse rules that can never apply, have had their day, or apply to nothing here; nothing is written then.",
    ),
    SCAN_OPTION,
    click.option(
        "--allow-unproven", is_flag=True, help="Drop also what is unproven: nothing tells whether the wheel needs it."
    ),
    click.option(
        "--leave-gpu-builds", is_flag=True, help="Leave wheels as they are that need what would go, rather than refuse them."
    ),
    click.option("--force", is_flag=True, help="Drop even what the wheel's own binaries need; tells what will not load."),
    click.option(
        "--allow-mixed", is_flag=True, help="Write wheels of one release although they will not agree afterwards."
    ),
    click.option(
        "--local", metavar="LABEL", help="Give wheels that change this local version label, such as cpu: 2.7.0+cpu."
    ),
    click.option(
        "--build-tag", metavar="TAG", help="Give wheels that change this build tag, such as 1nogpu; it beats wheels without."
    ),
    click.option("--overwrite", is_flag=True, help="Replace files in the output folder that differ."),
    click.option("--no-sbom", is_flag=True, help="Leave out the trace dist-info/sboms/wheelfix.cdx.json."),
    click.option(
        "-j", "--jobs", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
        help="How many wheels to work on at a time.",
    ),
    click.option("-q", "--quiet", is_flag=True, help="Tell only what went wrong."),
    click.option("-v", "--verbose", is_flag=True, help="Tell also the reasons and the sha256 sums."),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectingOptions:
    """The options that all correcting commands share, as click hands them over."""

    wheels: tuple[str, ...]
    output_dir: str | None
    in_place: bool
    check: bool
    diff: bool
    form: Literal["text", "json"]
    scan: Literal["auto", "always", "never"]
    allow_unproven: bool
    leave_gpu_builds: bool
    force: bool
    allow_mixed: bool
    local: str | None
    build_tag: str | None
    overwrite: bool
    no_sbom: bool
    strict_rules: bool
    jobs: int
    quiet: bool
    verbose: bool

    @property
    def dry_run(self) -> bool:
        """Whether nothing is to be written."""
        return self.check or self.diff

    @property
    def verbosity(self) -> int:
        """How much to tell, as ``render.text`` counts it."""
        return int(self.verbose) - int(self.quiet)


def correcting_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a click command the options of :class:`CorrectingOptions`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def correct(command: str, rules: "RuleSet | str", options: CorrectingOptions) -> int:
    """Correct the wheels that ``options`` name by ``rules``, a rule set or the name of a built-in one; return the exit code.

    :raises click.UsageError: if the options contradict each other or name no wheel.
    :raises RulesError: if the rules are to be strict and there is something to say of them; nothing was written.
    """
    _refuse_contradictions(options)
    paths = wheel_paths(options.wheels)
    remarks = () if isinstance(rules, str) else remarks_today(rules)
    common = _common(options)
    if options.strict_rules:
        rehearsal = fix_wheels(paths, rules, dry_run=True, **common)
        refuse_remarks((*remarks, *rehearsal.remarks))
    with Narrator(len(paths), verbosity=options.verbosity, dry_run=options.dry_run) as narrator:
        report = fix_wheels(
            paths,
            rules,
            output_dir=Path(options.output_dir or _DEFAULT_FOLDER),
            in_place=options.in_place,
            dry_run=options.dry_run,
            overwrite=options.overwrite,
            sbom=not options.no_sbom,
            on_outcome=narrator.tell,
            command=command,
            **common,
        )
    report = replace(report, remarks=(*remarks, *report.remarks))
    narrator.conclude(report)
    if options.check and options.quiet:
        for outcome in report.outcomes:
            if outcome.status is Status.FIXED:
                say(f"{shown(str(outcome.source))}: would change\n")
    _print_result(report, options)
    return exit_code(report, check=options.check)


def _common(options: CorrectingOptions) -> dict[str, Any]:
    """Return what decides what happens to wheels, whether or not anything is written."""
    names = ("scan", "allow_unproven", "leave_gpu_builds", "force", "allow_mixed", "local", "build_tag", "jobs")
    return {name: getattr(options, name) for name in names}


def _refuse_contradictions(options: CorrectingOptions) -> None:
    if options.in_place and options.output_dir is not None:
        raise click.UsageError("--in-place and --output-dir exclude each other.")
    if options.in_place and (options.local is not None or options.build_tag is not None):
        raise click.UsageError("--in-place keeps the file's name; --local and --build-tag need an output folder.")
    if options.force and options.leave_gpu_builds:
        raise click.UsageError("--force and --leave-gpu-builds exclude each other.")
    if options.in_place and options.overwrite:
        raise click.UsageError("--overwrite is for the output folder; --in-place always replaces.")
    if options.local is not None or options.build_tag is not None:
        from wheelfix.identity import Identity  # imported late: few runs give new names

        try:
            Identity(options.local, options.build_tag)
        except EditError as error:
            raise click.UsageError(str(error)) from error
    if options.output_dir == "":
        raise click.UsageError("The path for --output-dir is empty; an unset variable, perhaps.")
    if options.diff and options.form == "json":
        raise click.UsageError("--diff prints a diff and --format json a report; choose one.")
    if options.quiet and options.verbose:
        raise click.UsageError("--quiet and --verbose exclude each other.")


def _print_result(report: Report, options: CorrectingOptions) -> None:
    if options.form == "json":
        click.echo(render_json(report), nl=False)
    elif options.diff:
        click.echo(render_diff(report), nl=False)
    else:
        for outcome in report.outcomes:
            if outcome.output is not None:
                click.echo(str(outcome.output))


def exit_code(report: Report, *, check: bool) -> int:
    """Return 0 if all went well, 1 if a wheel was refused or failed, or would change although ``check`` asks."""
    return int(not report.ok or (check and report.count(Status.FIXED) > 0))
