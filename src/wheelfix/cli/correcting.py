"""What the commands share that correct wheels by rules: their options, and what they do with them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import click

from wheelfix.cli.kinds import MirrorFolder
from wheelfix.cli.narration import Narrator
from wheelfix.cli.rulefiles import refuse_remarks, remarks_today
from wheelfix.cli.writing import (
    ALLOW_MIXED,
    HOW,
    WHERE,
    WritingOptions,
    conclude,
    refuse_contradicting_rules,
    refuse_contradictions,
    with_options,
)
from wheelfix.fix.batch import fix_wheels
from wheelfix.options import CAUTION

if TYPE_CHECKING:
    from pathlib import Path

    from wheelfix.results import PublishReport, Report
    from wheelfix.rules.model import RuleSet

SCAN_OPTION = click.option(
    "--scan", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True,
    help="Read binaries for what they link to: where it can change the verdict, always all of them, or never.",
)  # fmt: skip
_OPTIONS = (
    *WHERE,
    click.option(
        "--repair", is_flag=True,
        help="Also fix what verify reports as fixable, in the same pass; exit 1 if an error is left.",
    ),
    click.option(
        "--strict-rules", is_flag=True,
        help="Refuse rules that can never apply, have had their day, or apply to nothing here; nothing is written then.",
    ),
    SCAN_OPTION,
    click.option("--allow-unproven", is_flag=True, help="Drop also what is unproven: there is no evidence either way."),
    click.option(
        "--skip-gpu-builds", is_flag=True,
        help="Copy GPU builds unchanged instead of failing: wheels that need what would be dropped.",
    ),
    click.option(
        "--skip-unproven", is_flag=True,
        help="Copy wheels unchanged instead of failing where there is no evidence either way.",
    ),
    click.option("--force", is_flag=True, help="Drop even what the wheel's own binaries need; tells what will not load."),
    ALLOW_MIXED,
    click.option(
        "--local", metavar="LABEL", help="Give wheels that change this local version label, such as cpu: 2.7.0+cpu."
    ),
    click.option(
        "--build-tag", metavar="TAG", help="Give wheels that change this build tag, such as 1nogpu; it beats wheels without."
    ),
    click.option(
        "--publish", type=MirrorFolder(), metavar="MIRROR",
        help="Add the results to this mirror, in one step, instead of writing them to a directory.",
    ),
    click.option("--replace", is_flag=True, help="Let the mirror serve the new bytes of a file in place of the old ones."),
    click.option(
        "--yank-original", metavar="REASON", help="List the originals in the mirror too, yanked, for old locks."
    ),
    *HOW,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectingOptions(WritingOptions):
    """The options that all correcting commands share, as click hands them over."""

    repair: bool
    scan: Literal["auto", "always", "never"]
    allow_unproven: bool
    skip_gpu_builds: bool
    skip_unproven: bool
    force: bool
    local: str | None
    build_tag: str | None
    strict_rules: bool
    publish: str | None
    replace: bool
    yank_original: str | None


def correcting_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a click command the options of :class:`CorrectingOptions`."""
    return with_options(_OPTIONS)(function)


def correct(command: str, rules: "RuleSet | str", options: CorrectingOptions) -> int:
    """Correct the wheels that ``options`` name by ``rules``, a rule set or the name of a built-in one; return the exit code.

    :raises click.ClickException: if the options contradict each other, or an argument stands for no wheel.
    :raises RulesError: if the rules are to be strict and there is something to say of them; nothing was written.
    """
    _refuse_contradictions(options)
    paths = options.paths()
    remarks = () if isinstance(rules, str) else remarks_today(rules)
    common = _common(options)
    if options.strict_rules:
        rehearsal = fix_wheels(paths, rules, dry_run=True, **common)
        refuse_remarks((*remarks, *rehearsal.remarks))
    with Narrator(len(paths), verbosity=options.verbosity, dry_run=options.dry_run, diff=options.diff) as narrator:
        if options.publish is not None:
            report, published = _publish(command, paths, rules, options, narrator, common)
        else:
            report = fix_wheels(paths, rules, on_outcome=narrator.tell, command=command, **options.where, **common)
            published = None
    return conclude(replace(report, remarks=(*remarks, *report.remarks)), options, narrator, published)


def _publish(
    command: str, paths: "list[Path]", rules: "RuleSet | str", options: CorrectingOptions, narrator: Narrator,
    common: dict[str, Any],
) -> "tuple[Report, PublishReport]":  # fmt: skip
    from wheelfix.cli.mirror.common import refusing, tell  # imported late: few runs publish
    from wheelfix.mirror.publish import fix_into_mirror

    with refusing():
        report, published = fix_into_mirror(
            options.publish or "",
            paths,
            rules,
            replace=options.replace,
            yank_original=options.yank_original,
            on_outcome=narrator.tell,
            command=command,
            sbom=not options.no_sbom,
            **common,
        )
    for each in published.files:
        tell(each, quiet=options.quiet)
    return report, published


def _common(options: CorrectingOptions) -> dict[str, Any]:
    """Return what decides what happens to wheels, whether or not anything is written."""
    names = ("repair", "scan", *CAUTION, "allow_mixed", "local", "build_tag", "jobs")
    return {name: getattr(options, name) for name in names}


def _refuse_publishing(options: CorrectingOptions) -> None:
    others = {
        "--output-dir": options.output_dir is not None,
        "--in-place": options.in_place,
        "--check": options.check,
        "--diff": options.diff,
        "--overwrite": options.overwrite,
    }
    for name, given in others.items():
        if given:
            raise click.UsageError(f"--publish and {name} exclude each other.")


def _refuse_contradictions(options: CorrectingOptions) -> None:
    refuse_contradictions(options)
    if options.in_place and (options.local is not None or options.build_tag is not None):
        raise click.UsageError("--in-place keeps the file's name; --local and --build-tag need an output folder.")
    if options.publish is None and (options.replace or options.yank_original is not None):
        raise click.UsageError("--replace and --yank-original are for --publish.")
    if options.publish is not None:
        _refuse_publishing(options)
    refuse_contradicting_rules(
        {name: getattr(options, name) for name in CAUTION}, local=options.local, build_tag=options.build_tag
    )
