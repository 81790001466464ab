"""What ``--publish`` of the commands that fix wheels does."""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from wheelfix.cli.mirror.options import refusing
from wheelfix.errors import WheelfixError
from wheelfix.fix.sizes import dropped_projects
from wheelfix.mirror.publish import fix_into_mirror
from wheelfix.mirror.sizes import listed_files
from wheelfix.mirror.storage.base import Store
from wheelfix.options import Publishing
from wheelfix.reports.registry import TEXT
from wheelfix.results import PublishReport, Report

if TYPE_CHECKING:
    from functools import partial

    from wheelfix.cli.fix_run import FixOptions


def publish(mirror: Store, options: "FixOptions", fix: "partial[Report]") -> tuple[Report, PublishReport]:
    """Add the results of ``fix``, which is given everything but where they go, to ``mirror`` as ``options`` say."""
    with refusing():
        report, published = fix_into_mirror(
            mirror,
            *fix.args,
            publishing=Publishing(replace=options.replace, yank_original=options.yank_original),
            sbom=not options.no_sbom,
            **fix.keywords,
        )
    has_sizes = options.reports or options.form != TEXT
    return _with_listed_files(report, mirror) if has_sizes else report, published


def _with_listed_files(report: Report, mirror: Store) -> Report:
    """Return ``report`` with the sizes that the mirror lists; where it cannot be read by now, they stay unknown."""
    try:
        listed = listed_files(mirror, dropped_projects(report.outcomes))
    except (WheelfixError, OSError):
        return report
    return replace(report, known_files=tuple(dict.fromkeys((*report.known_files, *listed))))
