"""``wheelfix mirror add``."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final

import click

from wheelfix.cli import suggest
from wheelfix.cli.command import Command
from wheelfix.cli.inputs import NO_INDEX, Inputs
from wheelfix.cli.mirror.options import (
    FORMAT,
    MIRROR,
    QUIET,
    TIMEOUT,
    conclude,
    open_mirror,
    print_published,
    published_line,
    refuse_without_effect,
    refusing,
    work_in,
)
from wheelfix.cli.options import Option, naming_from, policy_from, with_options
from wheelfix.cli.params import NULL, SDISTS, SINGLE_WRITER, WHEEL, WHEELS, Count, wheel_paths
from wheelfix.cli.progress import FixLog, Log, download_line, waiting_line
from wheelfix.cli.rulefiles import chosen_rules, rules_option
from wheelfix.mirror.storage import MirrorLocation
from wheelfix.mirror.upload import add_wheels
from wheelfix.options import Limits, Publishing, Targets, Transfer
from wheelfix.results import Published, PublishReport


def _for_index(text: str, *names: str, **settings: Any) -> Option:
    return click.option(*names, help=f"For --from-index: {text}", **settings)


def _flag(name: str, text: str) -> Option:
    return _for_index(text, name, is_flag=True)


_OPTIONS: Final[Mapping[str, Option]] = {
    "platforms": _for_index(
        "only wheels for this platform tag, such as 'manylinux*_x86_64'; can be repeated.",
        "--platform", "platforms", multiple=True, metavar="TAG", shell_complete=suggest.PLATFORMS,
    ),
    "pythons": _for_index(
        "only wheels for this Python, such as 3.11; can be repeated.",
        "--python", "pythons", multiple=True, metavar="VERSION", shell_complete=suggest.PYTHONS,
    ),
    "all_versions": _flag("--all-versions", "all releases that fit, not the newest one alone."),
    "sources": rules_option,
    "allow_unproven": _flag("--allow-unproven", "also drop requirements without evidence either way."),
    "skip_gpu_builds": _flag("--skip-gpu-builds", "add GPU builds unchanged instead of refusing them."),
    "skip_unproven": _flag("--skip-unproven", "add wheels unchanged where there is no evidence either way."),
    "force": _flag("--force", "drop even what the wheel's own binaries need."),
    "local": _for_index(
        "give fixed wheels this local version, such as cpu.",
        "--local", metavar="VERSION", shell_complete=suggest.words("cpu"),
    ),
    "build_tag": _for_index("give fixed wheels this build tag, such as 1nogpu.", "--build-tag", metavar="TAG"),
    "repair": _flag("--repair", "also fix what `wheelfix repair` fixes."),
}  # fmt: skip
"""The options that are for --from-index, by the names of their parameters."""
_JOBS: Final = click.option(
    "-j", "--jobs", type=Count(min=1), default=1, show_default=True, metavar="N",
    help="How many wheels to check or fix at a time.",
)  # fmt: skip


def _refuse_index_options(context: click.Context) -> None:
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
        self._print(download_line(name, size, resumed))
        super().file_started(name, size, resumed)

    def waiting(self, name: str, seconds: float, reason: str) -> None:
        """Print why nothing happens for a while."""
        self._print(waiting_line(name, seconds, reason))

    def _print(self, text: str) -> None:
        if not self._quiet:
            self.print(text)


def _sync(
    mirror: MirrorLocation, index: str, requirements: Sequence[str], publishing: Publishing, options: Mapping[str, Any]
) -> PublishReport:
    """Download releases from ``index``, fix them and add them; print what became of each.

    :raises click.UsageError: if the options contradict each other, or no requirement is given.
    """
    from wheelfix.mirror.from_index import mirror_releases  # imported late: most runs do without a network
    from wheelfix.rules.load import find_rules

    if not requirements:
        raise click.UsageError("Name what to download, such as torch==2.7.0.")
    sources, quiet = options["sources"], options["quiet"]
    with _SyncLog(len(requirements), quiet=quiet) as progress:
        report, published = mirror_releases(
            mirror,
            index,
            requirements,
            chosen_rules(sources) if sources or find_rules() is not None else "gpu",
            targets=Targets(options["platforms"], options["pythons"]),
            all_versions=options["all_versions"],
            publishing=publishing,
            policy=policy_from(options),
            naming=naming_from(options),
            repair=options["repair"],
            limits=Limits(lock_seconds=options["timeout"]),
            jobs=options["jobs"],
            progress=progress,
        )
    printed = {each.source for each in report.outcomes if each.problem}
    for each in published.files:
        if each.problem is None or each.source not in printed:
            print_published(each, quiet=quiet)
    return published


def _add(
    mirror: MirrorLocation,
    wheels: Sequence[str],
    originals: Sequence[str],
    publishing: Publishing,
    options: Mapping[str, Any],
) -> PublishReport:
    """Add wheels, of which remote ones are downloaded; print what became of each.

    :raises click.ClickException: if the options contradict each other, or an argument stands for no wheel.
    """
    _refuse_index_options(click.get_current_context())
    if originals and publishing.yank_original is None:
        raise click.UsageError("--original is for --yank-original.")
    quiet = options["quiet"]
    endings = (".whl", *SDISTS) if options["sdists"] else (".whl",)
    inputs = Inputs(wheels, NO_INDEX, null=options["null"], quiet=quiet, endings=endings)
    known = wheel_paths(originals) if originals else ()
    limits = Limits(lock_seconds=options["timeout"])
    with ExitStack() as stack:
        log = stack.enter_context(_AddLog(len(inputs.wheels), quiet=quiet))
        local = stack.enter_context(inputs.local(log, None if inputs.are_local else stack.enter_context(work_in(mirror))))
        progress = local.reporting_to(log)
        report = add_wheels(
            mirror,
            local.paths,
            publishing=publishing,
            originals=known,
            limits=limits,
            jobs=options["jobs"],
            progress=progress,
        )
        return local.named(report)


@click.command("add", cls=Command)
@MIRROR
@WHEELS
@click.option("--replace", is_flag=True, help="Replace files of the same name; old locks can still install the old ones.")
@click.option(
    "--yank-original",
    metavar="REASON",
    help="List the originals of fixed wheels too, yanked, so that old lock files still work.",
)
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
    shell_complete=suggest.INDEXES,
    multiple=True,
    metavar="URL",
    help="Treat WHEEL as a requirement: download its release from this index, fix it and add it.",
)
@with_options(tuple(_OPTIONS.values()))
@click.option("--allow-mixed", is_flag=True, help="Add wheels even if the wheels of the release will disagree.")
@click.option("--sdists", is_flag=True, help="Add source distributions, too, as they are; without this they are skipped.")
@click.option("--link", is_flag=True, help="Hard-link the files into the mirror; do not write to them afterwards.")
@NULL
@_JOBS
@TIMEOUT
@SINGLE_WRITER
@FORMAT
@QUIET
def command(
    mirror: str, wheels: tuple[str, ...], originals: tuple[str, ...], indexes: tuple[str, ...], link: bool, **options: Any
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
      wheelfix mirror add mirror/ --sdists dist/*
      wheelfix mirror add mirror/ s3://wheels/incoming/
      wheelfix mirror add mirror/ fixed/*.whl --yank-original 'pulls in CUDA' --original torch-2.7.0-*.whl
      wheelfix mirror add mirror/ --from-index https://download.pytorch.org/whl/cpu/ \\
          --platform 'manylinux*_x86_64' --python 3.11 'torch==2.7.0'
    """
    refuse_without_effect(mirror)
    publishing = Publishing(
        replace=options["replace"],
        yank_original=options["yank_original"],
        allow_mixed=options["allow_mixed"],
        transfer=Transfer.LINK if link else Transfer.COPY,
    )
    if len(indexes) > 1:
        raise click.UsageError("Give --from-index once; run the command once for each index.")
    if indexes and (link or originals or options["sdists"]):
        raise click.UsageError("--link, --original and --sdists are for files on this machine, not for --from-index.")
    with refusing():
        store = open_mirror(mirror, single_writer=options["single_writer"], create=True)
        if indexes:
            report = _sync(store, indexes[0], wheels, publishing, options)
        else:
            report = _add(store, wheels, originals, publishing, options)
    return conclude(report, options["form"], quiet=options["quiet"])
