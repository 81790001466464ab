"""The run of ``fix``, ``strip-gpu`` and ``edit``: their options, and how the wheels are fixed, written or published."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import click
from msgspec.structs import asdict, replace

from wheelfix.cli import suggest
from wheelfix.cli.inputs import Inputs
from wheelfix.cli.options import (
    ALLOW_MIXED,
    HOW,
    SCAN_OPTION,
    WHERE,
    Option,
    WritingOptions,
    conclude,
    naming_from,
    policy_from,
    refuse_contradictions,
    with_options,
)
from wheelfix.cli.params import SINGLE_WRITER, MirrorParam
from wheelfix.cli.progress import FixLog
from wheelfix.cli.rulefiles import lint_today, refuse_findings
from wheelfix.options import Output
from wheelfix.reports.text import NO_RULE
from wheelfix.results import Report

if TYPE_CHECKING:
    from wheelfix.mirror.storage.base import Store
    from wheelfix.rules.model import RuleSet
    from wheelfix.wheel.edits import Edit

_NAMING: tuple[Option, ...] = (
    click.option(
        "--local", metavar="VERSION", shell_complete=suggest.words("cpu"),
        help="Give wheels that change this local version, such as cpu: 2.7.0+cpu.",
    ),
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
        help="Copy wheels unchanged instead of failing where there is no evidence either way. Not with --allow-unproven.",
    ),
    click.option(
        "--force", is_flag=True,
        help="Drop even what the wheel's own binaries need; prints what will not load. Not with the --skip options.",
    ),
    ALLOW_MIXED,
    click.option(
        "--follow-pins", is_flag=True,
        help="Let pins such as torch==2.7.0 follow a given wheel that gets another name or version.",
    ),
    click.option(
        "--publish", type=MirrorParam(), metavar="MIRROR",
        help="Add the results to this mirror, in one step, instead of writing them to a directory.",
    ),
    SINGLE_WRITER,
    click.option(
        "--replace", is_flag=True,
        help="With --publish: replace a file of the same name on the mirror.",
    ),
    click.option(
        "--yank-original", metavar="REASON",
        help="With --publish: list the originals too, yanked, so that old lock files still work."
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
    single_writer: bool
    replace: bool
    yank_original: str | None

    def mirror(self) -> "Store | None":
        """Return the mirror to publish in, ``None`` if there is none.

        :raises click.ClickException: if it is no mirror, and cannot become one.
        """
        if self.publish is None:
            return None
        from wheelfix.cli.mirror.options import refuse_without_effect, refusing  # imported late: few runs publish
        from wheelfix.mirror.storage import open_store

        refuse_without_effect(self.publish)
        with refusing():
            return open_store(self.publish, create=True, single_writer=self.single_writer)


def fix_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a click command all options of :class:`FixOptions`."""
    return with_options((*FIXING, *_NAMING))(function)


def run_fix(
    command: str,
    rules: "RuleSet | str",
    options: FixOptions,
    *,
    inputs: Inputs | None = None,
    edits: "Sequence[Edit]" = (),
    finish_report: Callable[[Report], Report] = lambda report: report,
    why_unchanged: str = NO_RULE,
) -> int:
    """Fix the wheels that ``options`` name by ``rules``, a rule set or the name of a built-in one; return the exit code.

    ``inputs`` are these wheels, where they have been looked up already. ``edits`` apply after the rules; ``finish_report``
    makes of the report what is printed, and ``why_unchanged`` says why a wheel is unchanged.

    :raises click.ClickException: if the options contradict each other, or an argument stands for no wheel.
    :raises RulesError: if ``--strict-rules`` is given and the rules have findings; nothing was written.
    """
    from wheelfix.fix.batch import fix_wheels  # imported late: verify has some of the same options

    _refuse_contradictions(options)
    given, inputs = asdict(options), inputs or options.inputs()
    fix = partial(
        fix_wheels, rules=rules, policy=policy_from(given), naming=naming_from(given), repair=options.repair, edits=edits,
        jobs=options.jobs,
    )  # fmt: skip
    findings = () if isinstance(rules, str) else lint_today(rules)

    def whole(report: Report) -> Report:
        return finish_report(replace(report, command=command, rule_findings=(*findings, *report.rule_findings)))

    log = FixLog(
        len(inputs.wheels),
        verbosity=options.verbosity,
        dry_run=options.dry_run,
        why_unchanged=why_unchanged,
        diff=options.diff,
    )
    mirror = options.mirror()
    with ExitStack() as stack:
        stack.enter_context(log)
        directory = options.download_directory
        if mirror is not None and not inputs.are_local:
            from wheelfix.cli.mirror.options import work_in  # imported late: few runs publish

            directory = stack.enter_context(work_in(mirror))
        local = stack.enter_context(inputs.local(log, directory))
        fix = partial(fix, local.paths)
        if options.strict_rules:
            refuse_findings(whole(fix(output=Output(dry_run=True))).rule_findings)
        fix = partial(fix, progress=local.reporting_to(log))
        if mirror is not None:
            upstream = local.fetched.upstream if local.fetched else None
            from wheelfix.cli.mirror.fix_into import publish  # imported late: few runs publish

            report, published = publish(mirror, options, partial(fix, upstream=upstream))
        else:
            report, published = fix(output=options.output), None
        report, published = local.named(whole(report)), local.named(published)
    if published is not None:
        from wheelfix.cli.mirror.options import print_published  # imported late: few runs publish

        for each in published.files:
            print_published(each, quiet=options.quiet)
    return conclude(report, options, log, published)


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
    if options.publish is None and (options.replace or options.yank_original is not None or options.single_writer):
        raise click.UsageError("--replace, --yank-original and --single-writer are for --publish.")
    if options.publish is not None:
        _refuse_publishing(options)
