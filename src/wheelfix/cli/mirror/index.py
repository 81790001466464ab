"""``wheelfix mirror index``."""

from typing import TYPE_CHECKING, Any, ClassVar, Final

import click

from wheelfix.cli.command import SYNCING, Command
from wheelfix.cli.mirror.options import TIMEOUT
from wheelfix.cli.mirror.sync_run import ALLOW_REMOVALS, MANIFEST, ONLY, REPORTING, ReportOptions, run_sync
from wheelfix.cli.options import with_options
from wheelfix.cli.params import SINGLE_WRITER
from wheelfix.options import Limits

if TYPE_CHECKING:
    from wheelfix.progress import Progress
    from wheelfix.sync.manifest.model import Manifest
    from wheelfix.sync.model import SyncReport

_DOING: Final = (
    ONLY,
    TIMEOUT,
)
_SAFETY: Final = (
    ALLOW_REMOVALS,
    click.option("--allow-unproven", is_flag=True, help="As it was given to the parts."),
    click.option("--allow-mixed", is_flag=True, help="As it was given to the parts."),
    SINGLE_WRITER,
)


class IndexOptions(ReportOptions, frozen=True, kw_only=True):
    """The options of the last step of a sync in parts, as click hands them over."""

    only: tuple[str, ...]
    allow_removals: bool
    single_writer: bool
    timeout: float
    allow_unproven: bool
    allow_mixed: bool
    command: ClassVar[str] = "mirror index"


@click.command("index", cls=Command, sections=SYNCING)
@MANIFEST
@with_options((*_DOING, *_SAFETY, *REPORTING))
def command(**options: Any) -> int:
    """Write the pages for what the parts of a sync have put into a mirror.

    Each `wheelfix mirror sync MANIFEST --shard I/N` downloads and fixes its part of the new
    wheels, on any machine, and writes no page. Run this last, after all of them. What no part
    has done is reported, and the exit code is 3: run those parts, and this again.

    \b
    Examples:
      wheelfix mirror sync mirror.toml --shard 1/2        on one machine
      wheelfix mirror sync mirror.toml --shard 2/2        on another one
      wheelfix mirror index mirror.toml                   once both are done
    """
    chosen = IndexOptions(**options)

    def index(manifest: "Manifest", progress: "Progress") -> "SyncReport":
        try:
            from wheelfix.sync.run import index_mirror  # imported late: only the extra "index" installs what it needs
        except ImportError as error:
            from wheelfix.upstream.urls import missing_extra

            raise missing_extra(error) from error
        return index_mirror(
            manifest, only=chosen.only, allow_removals=chosen.allow_removals, single_writer=chosen.single_writer,
            limits=Limits(lock_seconds=chosen.timeout), progress=progress,
        )  # fmt: skip

    return run_sync(chosen, index, allow_unproven=chosen.allow_unproven, allow_mixed=chosen.allow_mixed)
