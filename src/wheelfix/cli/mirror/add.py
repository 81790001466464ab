"""``wheelfix mirror add``."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from wheelfix.cli.command import Command
from wheelfix.cli.mirror.common import FORMAT, MIRROR, QUIET, TIMEOUT, conclude, published_line, refusing, tell
from wheelfix.cli.options import Option, naming_from, policy_from, with_options
from wheelfix.cli.params import NULL, WHEEL, WHEELS, wheel_paths
from wheelfix.cli.progress import FixLog, Log
from wheelfix.cli.rulefiles import chosen_rules, rules_option
from wheelfix.mirror.upload import add_wheels
from wheelfix.options import Limits, Publishing, Targets, Transfer
from wheelfix.results import Published
from wheelfix.text import shown

_OPTIONS: Final[Mapping[str, Option]] = {
    "platforms": click.option(
        "--platform", "platforms", multiple=True, metavar="TAG",
        help="For --from-index: only wheels for this, such as 'manylinux*_x86_64'; may be repeated.",
    ),
    "pythons": click.option(
        "--python", "pythons", multiple=True, metavar="VERSION",
        help="For --from-index: only wheels for this, such as 3.11; may be repeated.",
    ),
    "sources": rules_option,
    "allow_unproven": click.option(
        "--allow-unproven", is_flag=True, help="For --from-index: drop also what is unproven, as strip-gpu does."
    ),
    "skip_gpu_builds": click.option(
        "--skip-gpu-builds", is_flag=True, help="For --from-index: add GPU builds unchanged instead of refusing them."
    ),
    "skip_unproven": click.option(
        "--skip-unproven", is_flag=True,
        help="For --from-index: add wheels unchanged where there is no evidence either way.",
    ),
    "force": click.option(
        "--force", is_flag=True, help="For --from-index: drop even what the wheel's own binaries need."
    ),
    "local": click.option(
        "--local", metavar="LABEL", help="For --from-index: give wheels that change this local version label."
    ),
    "build_tag": click.option(
        "--build-tag", metavar="TAG", help="For --from-index: give wheels that change this build tag, such as 1nogpu."
    ),
    "repair": click.option(
        "--repair", is_flag=True, help="For --from-index: fix what `wheelfix repair` fixes, too."
    ),
}  # fmt: skip
_JOBS: Final = click.option(
    "-j", "--jobs", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
    help="How many wheels to work on at a time.",
)  # fmt: skip
taking_options: Final = with_options(tuple(_OPTIONS.values()))
"""Gives a click command the options that are for --from-index."""


def refuse_taking_options(context: click.Context) -> None:
    """Confirm that no option was given that is for --from-index.

    :raises click.UsageError: if one was.
    """
    for each in context.command.params:
        source = context.get_parameter_source(each.name or "")
        if each.name in _OPTIONS and source is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{each.opts[-1]} is for --from-index.")


class _AddLog(Log):
    """The log of a run that adds wheels: a line for each."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        super().__init__(total, quiet=quiet)
        self._quiet = quiet

    def file_published(self, published: Published) -> None:
        """Print what became of a file."""
        self.print(published_line(published, quiet=self._quiet))
        super().file_published(published)


class _SyncLog(FixLog):
    """The log of a run that downloads wheels, too: what is downloaded, and why nothing happens for a while."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        super().__init__(total, verbosity=-int(quiet))
        self._quiet = quiet

    def file_started(self, name: str, size: int | None, resumed: int = 0) -> None:
        """Print that a download begins, or goes on."""
        of_all = f" of {size:,}" if size else ""
        if resumed:
            self._print(f"resuming {shown(name)}: {resumed:,}{of_all} bytes are there\n")
        else:
            self._print(f"downloading {shown(name)}{f', {size:,} bytes' if size else ''}\n")
        super().file_started(name, size, resumed)

    def waiting(self, name: str, seconds: float, reason: str) -> None:
        """Print why nothing happens for a while."""
        self._print(f"waiting {seconds:g} s for {name}: {reason}\n")

    def _print(self, text: str) -> None:
        if not self._quiet:
            self.print(text)


def take(
    mirror: str,
    index: str,
    requirements: Sequence[str],
    form: str,
    publishing: Publishing,
    limits: Limits,
    *,
    quiet: bool,
    sources: tuple[str, ...],
    **options: Any,
) -> int:
    """Take releases from ``index``, correct them and add them; return the exit code.

    :raises click.UsageError: if the options contradict each other, or nothing is to be taken.
    """
    from wheelfix.mirror.sync import mirror_releases  # imported late: most calls do without a network
    from wheelfix.rules.load import find_rules

    if not requirements:
        raise click.UsageError("Name what to take, such as torch==2.7.0.")
    rules = chosen_rules(sources) if sources or find_rules() is not None else "gpu"
    with refusing(), _SyncLog(len(requirements), quiet=quiet) as progress:
        report, published = mirror_releases(
            mirror,
            index,
            requirements,
            rules,
            targets=Targets(options["platforms"], options["pythons"]),
            publishing=publishing,
            policy=policy_from({**options, "allow_mixed": publishing.allow_mixed}),
            naming=naming_from(options),
            repair=options["repair"],
            limits=limits,
            jobs=options["jobs"],
            progress=progress,
        )
    told = {each.source for each in report.outcomes if each.problem}
    for each in published.files:
        if each.problem is None or each.source not in told:
            tell(each, quiet=quiet)
    return conclude(published, form, quiet=quiet)


@click.command("add", cls=Command)
@MIRROR
@WHEELS
@click.option("--replace", is_flag=True, help="Serve the new bytes of a file in place of the old ones.")
@click.option("--yank-original", metavar="REASON", help="List the originals of corrected wheels too, yanked, for old locks.")
@click.option(
    "--original",
    "originals",
    type=WHEEL,
    multiple=True,
    metavar="WHEEL",
    help="An original that the mirror does not have yet; for --yank-original, may be repeated.",
)
@click.option(
    "--from-index",
    "indexes",
    multiple=True,
    metavar="URL",
    help="WHEEL is a requirement: take its release from this index, correct it, and add it. It can be given once.",
)
@taking_options
@click.option("--allow-mixed", is_flag=True, help="Add wheels although those of their release will not agree.")
@click.option("--link", is_flag=True, help="Share the files with the mirror; they must not be written to any more.")
@NULL
@_JOBS
@TIMEOUT
@FORMAT
@QUIET
def command(
    mirror: str,
    wheels: tuple[str, ...],
    replace: bool,
    yank_original: str | None,
    originals: tuple[str, ...],
    indexes: tuple[str, ...],
    allow_mixed: bool,
    link: bool,
    null: bool,
    timeout: float,
    form: str,
    quiet: bool,
    **taking: Any,
) -> int:
    """Add wheels to a mirror, which is made on first use.

    Each wheel is verified first. A file name that the mirror serves with other bytes
    is refused, and so are wheels of a release that would not agree.

    With --from-index wheels are taken from another index and corrected, by the rules
    that are in force or those of --rules, else as strip-gpu does. What was taken or
    refused before is not loaded again.

    \b
    Examples:
      wheelfix mirror add mirror/ fixed/*.whl
      wheelfix mirror add mirror/ --replace fixed/torch-*.whl
      wheelfix mirror add mirror/ fixed/*.whl --yank-original 'pulls in CUDA' --original torch-2.7.0-*.whl
      wheelfix mirror add mirror/ --from-index https://download.pytorch.org/whl/cpu/ \\
          --platform 'manylinux*_x86_64' --python 3.11 'torch==2.7.0'
    """
    publishing = Publishing(
        replace=replace,
        yank_original=yank_original,
        allow_mixed=allow_mixed,
        transfer=Transfer.LINK if link else Transfer.COPY,
    )
    limits = Limits(lock_seconds=timeout)
    if len(indexes) > 1:
        raise click.UsageError("--from-index can be given once: run the command once for each index.")
    if indexes:
        if link or originals:
            raise click.UsageError("--from-index knows the originals, and shares no files: leave out --link and --original.")
        return take(mirror, indexes[0], wheels, form, publishing, limits, quiet=quiet, **taking)
    refuse_taking_options(click.get_current_context())
    if originals and yank_original is None:
        raise click.UsageError("--original is for --yank-original.")
    paths = wheel_paths(wheels, null=null, quiet=quiet)
    known = wheel_paths(originals) if originals else ()
    with refusing(), _AddLog(len(paths), quiet=quiet) as log:
        report = add_wheels(
            mirror, paths, publishing=publishing, originals=known, limits=limits, jobs=taking["jobs"], progress=log
        )
    return conclude(report, form, quiet=quiet)
