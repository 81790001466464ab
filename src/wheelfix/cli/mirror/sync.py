"""``wheelfix mirror sync``."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from wheelfix.cli.command import SYNCING, Command
from wheelfix.cli.mirror.options import TIMEOUT
from wheelfix.cli.mirror.sync_run import ALLOW_REMOVALS, MANIFEST, ONLY, REPORTING, ReportOptions, run_sync
from wheelfix.cli.options import with_options
from wheelfix.cli.params import SINGLE_WRITER, Count
from wheelfix.options import Limits
from wheelfix.sync.jobs.shard import Shard

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from contextlib import AbstractContextManager

    from wheelfix.progress import Progress
    from wheelfix.sync.manifest.model import Manifest
    from wheelfix.sync.model import SyncReport


def _print_schema(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from wheelfix.reports.json import encode  # imported late: most runs print none
        from wheelfix.sync.manifest.schema import manifest_schema

        click.echo(encode(manifest_schema()), nl=False)
        ctx.exit()


def _parse_shard(_: click.Context, __: click.Parameter, text: str | None) -> Shard | None:
    try:
        return None if text is None else Shard.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


_DOING: Final = (
    click.option("--check", is_flag=True, help="Print the plan and write nothing; exit 1 if something would change."),
    ONLY,
    click.option(
        "--to", "lock_to_restore", type=click.Path(exists=True, dir_okay=False), metavar="LOCK",
        help="Go back to what this lock of the mirror lists, as far as its files are still there; nothing is downloaded.",
    ),
    click.option(
        "-j", "--jobs", type=Count(min=1), default=1, show_default=True, metavar="N",
        help="How many releases to fix at a time.",
    ),
    click.option(
        "--dask", metavar="ADDRESS", help="Let the workers of this Dask cluster download and fix, such as tcp://HOST:8786.",
    ),
    click.option(
        "--shard", metavar="I/N", callback=_parse_shard,
        help="Download and fix part I of N only, and write no pages: `wheelfix mirror index` does that once all are done.",
    ),
    TIMEOUT,
)  # fmt: skip
_SAFETY: Final = (
    ALLOW_REMOVALS,
    click.option("--allow-unproven", is_flag=True, help="Also drop what is unproven: there is no evidence either way."),
    click.option("--allow-mixed", is_flag=True, help="Add wheels even if the wheels of the release will disagree."),
    SINGLE_WRITER,
)
_SCHEMA: Final = click.option(
    "--schema", is_flag=True, is_eager=True, expose_value=False, callback=_print_schema,
    help="Print the JSON Schema of manifests, for editors, and exit.",
)  # fmt: skip


class SyncOptions(ReportOptions, frozen=True, kw_only=True):
    """The options of a sync, as click hands them over."""

    only: tuple[str, ...]
    lock_to_restore: str | None
    allow_removals: bool
    single_writer: bool
    jobs: int
    dask: str | None
    shard: Shard | None
    timeout: float
    allow_unproven: bool
    allow_mixed: bool

    @property
    def part(self) -> str | None:
        """Which part of a sync this is, such as ``1/8``; ``None`` for all of it."""
        return None if self.shard is None else f"{self.shard.number}/{self.shard.count}"


@click.command("sync", cls=Command, sections=SYNCING)
@MANIFEST
@with_options((*_DOING, *_SAFETY, *REPORTING, _SCHEMA))
def command(**options: Any) -> int:
    """Make a mirror match a manifest, and keep it up to date.

    The first run downloads, fixes and adds what MANIFEST names; each further run adds
    what is new, yanks what the indexes yank or remove, and changes nothing else. Files
    that you added by hand are not touched.

    \b
    Examples:
      wheelfix mirror sync mirror.toml --check             show what would change
      wheelfix mirror sync mirror.toml                     the line for cron
      wheelfix mirror sync mirror.toml --lock mirror.lock  and write a lock of the result
      wheelfix mirror sync mirror.toml --to mirror.lock    go back to that lock
      wheelfix mirror sync mirror.toml --metrics /var/lib/node_exporter/wheelfix.prom
      wheelfix mirror sync mirror.toml --shard 1/8         one of eight array jobs
    """
    chosen = SyncOptions(**options)
    _refuse_contradictions(chosen)

    def sync(manifest: "Manifest", progress: "Progress") -> "SyncReport":
        return _sync(manifest, chosen, progress)

    return run_sync(chosen, sync, allow_unproven=chosen.allow_unproven, allow_mixed=chosen.allow_mixed)


def _sync(manifest: "Manifest", options: SyncOptions, progress: "Progress") -> "SyncReport":
    """Sync, or go back to a lock, and return the report.

    :raises WheelfixError, OSError: if the run ends without one.
    """
    common: dict[str, Any] = {
        "dry_run": options.check, "allow_removals": options.allow_removals, "single_writer": options.single_writer,
        "limits": Limits(lock_seconds=options.timeout), "progress": progress,
    }  # fmt: skip
    if options.lock_to_restore:
        from wheelfix.sync.snapshots.restore import restore_mirror  # imported late: few runs go back

        return restore_mirror(manifest.store, Path(options.lock_to_restore), held=_held(manifest), **common)
    try:
        from wheelfix.sync.run import sync_mirror  # imported late: only the extra "index" installs what it needs
    except ImportError as error:
        from wheelfix.upstream.urls import missing_extra

        raise missing_extra(error) from error
    shard = None if options.shard is None else (options.shard.number, options.shard.count)
    with _executor(options.dask) as executor:
        return sync_mirror(manifest, only=options.only, jobs=options.jobs, executor=executor, shard=shard, **common)


def _held(manifest: "Manifest") -> frozenset[str]:
    """Return the sha256 of all files that the locks of the manifest name.

    :raises LockError: if one cannot be read: it may name any file.
    """
    from wheelfix.locks.read import read_lock  # imported late: few runs go back

    paths = dict.fromkeys(path for source in manifest.sources for path in source.locks)
    return frozenset(sha256 for path in paths for file in read_lock(path).files for sha256 in file.sha256)


def _executor(address: str | None) -> "AbstractContextManager[Executor | None]":
    if address is None:
        return nullcontext()
    from wheelfix.sync.jobs.dask import dask_executor  # imported late: only the extra "dask" installs what it needs

    return dask_executor(address)


def _refuse_contradictions(options: SyncOptions) -> None:
    """Confirm that the options go together.

    :raises click.UsageError: if they do not.
    """
    if options.only and options.lock_to_restore:
        raise click.UsageError("--to goes back to a whole lock; --only is for the sources of the manifest.")
    for name in ("check", "lock", "lock_to_restore"):
        if options.shard and getattr(options, name):
            given = {"lock_to_restore": "to"}.get(name, name)
            raise click.UsageError(f"--shard writes no page; --{given} is for a whole sync.")
    if options.dask and options.shard:
        raise click.UsageError("--dask and --shard exclude each other: the cluster splits the work by itself.")
    if options.dask and options.jobs > 1:
        raise click.UsageError("--dask and --jobs exclude each other: the cluster says how many wheels it fixes at a time.")
