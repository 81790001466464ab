"""``wheelfix mirror add``."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from wheelfix.cli.command import Command
from wheelfix.cli.mirror.common import FORMAT, MIRROR, QUIET, TIMEOUT, conclude, print_published, published_line, refusing
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
        help="For --from-index: only wheels for this platform tag, such as 'manylinux*_x86_64'; can be repeated.",
    ),
    "pythons": click.option(
        "--python", "pythons", multiple=True, metavar="VERSION",
        help="For --from-index: only wheels for this Python, such as 3.11; can be repeated.",
    ),
    "sources": rules_option,
    "allow_unproven": click.option(
        "--allow-unproven", is_flag=True, help="For --from-index: also drop requirements without evidence either way."
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
        "--local", metavar="VERSION", help="For --from-index: give fixed wheels this local version, such as cpu."
    ),
    "build_tag": click.option(
        "--build-tag", metavar="TAG", help="For --from-index: give fixed wheels this build tag, such as 1nogpu."
    ),
    "repair": click.option(
        "--repair", is_flag=True, help="For --from-index: also fix what `wheelfix repair` fixes."
    ),
}  # fmt: skip
_JOBS: Final = click.option(
    "-j", "--jobs", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
    help="How many wheels to check or fix at a time.",
)  # fmt: skip
index_options: Final = with_options(tuple(_OPTIONS.values()))
"""Gives a click command the options that are for --from-index."""


def refuse_index_options(context: click.Context) -> None:
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
        """Print that a download starts or resumes."""
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


def sync(
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
    """Download releases from ``index``, fix them and add them; return the exit code.

    :raises click.UsageError: if the options contradict each other, or no requirement is given.
    """
    from wheelfix.mirror.sync import mirror_releases  # imported late: most runs do without a network
    from wheelfix.rules.load import find_rules

    if not requirements:
        raise click.UsageError("Name what to download, such as torch==2.7.0.")
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
    printed = {each.source for each in report.outcomes if each.problem}
    for each in published.files:
        if each.problem is None or each.source not in printed:
            print_published(each, quiet=quiet)
    return conclude(published, form, quiet=quiet)


@click.command("add", cls=Command)
@MIRROR
@WHEELS
@click.option("--replace", is_flag=True, help="Replace files of the same name; old locks can still install the old ones.")
@click.option("--yank-original", metavar="REASON", help="List the originals of fixed wheels too, yanked, for old locks.")
@click.option(
    "--original",
    "originals",
    type=WHEEL,
    multiple=True,
    metavar="WHEEL",
    help="For --yank-original: an original that the mirror does not have yet; can be repeated.",
)
@click.option(
    "--from-index",
    "indexes",
    multiple=True,
    metavar="URL",
    help="WHEEL is a requirement: download its release from this index, fix it and add it.",
)
@index_options
@click.option("--allow-mixed", is_flag=True, help="Add wheels although the wheels of their release will not agree.")
@click.option("--link", is_flag=True, help="Hard-link the files into the mirror; do not write to them afterwards.")
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
    **from_index: Any,
) -> int:
    """Add wheels to a mirror; it is created on first use.

    Each wheel is verified first. A file name that the mirror serves with other bytes
    is refused, and so are wheels of a release that would not agree.

    With --from-index, wheels are downloaded from another index and fixed, by your
    rules or as strip-gpu does. What was added or refused before is not downloaded
    again.

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
        raise click.UsageError("Give --from-index once; run the command once for each index.")
    if indexes:
        if link or originals:
            raise click.UsageError("--link and --original are for wheels on this machine, not for --from-index.")
        return sync(mirror, indexes[0], wheels, form, publishing, limits, quiet=quiet, **from_index)
    refuse_index_options(click.get_current_context())
    if originals and yank_original is None:
        raise click.UsageError("--original is for --yank-original.")
    paths = wheel_paths(wheels, null=null, quiet=quiet)
    known = wheel_paths(originals) if originals else ()
    with refusing(), _AddLog(len(paths), quiet=quiet) as log:
        report = add_wheels(
            mirror, paths, publishing=publishing, originals=known, limits=limits, jobs=from_index["jobs"], progress=log
        )
    return conclude(report, form, quiet=quiet)
