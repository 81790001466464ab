"""``wheelfix repair``."""

from typing import Any

import click

from wheelfix.cli.command import Command
from wheelfix.cli.options import (
    ALLOW_MIXED,
    HOW,
    WHERE,
    WritingOptions,
    codes_of,
    conclude,
    refuse_contradictions,
    with_options,
)
from wheelfix.cli.progress import FixLog
from wheelfix.cli.suggest import codes
from wheelfix.fix.batch import repair_wheels
from wheelfix.options import Policy, Selection
from wheelfix.verify.registry import CHECKS

_OPTIONS = (
    *WHERE,
    click.option(
        "--select", multiple=True, metavar="CODE", callback=codes_of(CHECKS), shell_complete=codes(CHECKS),
        help="Fix only findings whose code begins with this, such as record; can be repeated.",
    ),
    click.option(
        "--trust-content", is_flag=True,
        help="Where a file and RECORD contradict each other, trust the file. It may be damaged: compare it first.",
    ),
    click.option(
        "--rename-dist-info", is_flag=True,
        help="Rename a dist-info directory as the file name and METADATA say, and add a local version that one of "
        "these lacks and dist-info has.",
    ),
    click.option(
        "--rebuild-archive", is_flag=True,
        help="Write a new ZIP container where verify has findings on it, if all readers agree on the contents and RECORD "
        "confirms them. Compressed data is kept.",
    ),
    ALLOW_MIXED,
    *HOW,
)  # fmt: skip


@click.command("repair", cls=Command, short_help="Fix what verify reports as fixable.")
@with_options(_OPTIONS)
def command(
    select: tuple[str, ...], trust_content: bool, rename_dist_info: bool, rebuild_archive: bool, **options: Any
) -> int:
    """Fix what verify reports as fixable.

    What cannot be fixed is reported. Exit code 1 if an error remains.

    \b
    Examples:
      wheelfix repair dist/*.whl
      wheelfix repair --check --select metadata wheels/
      wheelfix repair --rebuild-archive padded-1.0-py3-none-any.whl
      wheelfix repair --select record --trust-content broken-1.0-py3-none-any.whl
    """
    writing = WritingOptions(**options)
    refuse_contradictions(writing)
    inputs = writing.inputs()
    log = FixLog(
        len(inputs.wheels),
        verbosity=writing.verbosity,
        dry_run=writing.dry_run,
        why_unchanged="nothing to fix",
        diff=writing.diff,
    )
    with log, inputs.local(log, writing.download_directory) as local:
        report = repair_wheels(
            local.paths,
            selection=Selection(select),
            trust_content=trust_content,
            rename_dist_info=rename_dist_info,
            rebuild_archive=rebuild_archive,
            output=writing.output,
            policy=Policy(allow_mixed=writing.allow_mixed),
            jobs=writing.jobs,
            progress=local.reporting_to(log),
        )
        report = local.named(report)
    return conclude(report, writing, log)
