"""The file of metrics that a sync writes for monitoring."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from wheelfix.cli.printing import seconds_since_start
from wheelfix.cli.written import write_text
from wheelfix.reports.metrics import SyncRun, last_success, render_metrics

if TYPE_CHECKING:
    from wheelfix.results import Problem
    from wheelfix.sync.model import SyncReport

_MOST: Final = 1 << 20
"""In bytes: no file that was written here is as large."""


def write_metrics(path: Path, manifest: str, report: "SyncReport | None", problem: "Problem | None") -> None:
    """Write the metrics of a run of ``manifest``, which ended with a ``report`` or a ``problem``, to ``path``.

    :raises OSError: if they cannot be written: then those of the run before are still there.
    """
    ended = time.time()  # noqa: TID251 - monitoring wants to know when it was
    run = SyncRun(manifest=manifest, ended=ended, seconds=seconds_since_start(), report=report, problem=problem)
    success = ended if run.ok else last_success(_written(path), manifest)
    write_text(path, render_metrics(replace(run, last_success=success)))


def _written(path: Path) -> str:
    """Return the metrics of the run before, empty if there are none."""
    try:
        with path.open("rb") as file:
            return file.read(_MOST).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
