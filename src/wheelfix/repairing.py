"""Many wheels, each mended as far as it can be."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from wheelfix.batch import run_task
from wheelfix.outcome import Outcome, Report
from wheelfix.task import Mandate, Task
from wheelfix.verify.found import Choice
from wheelfix.verify.registry import CHECKS
from wheelfix.workers import Workers

if TYPE_CHECKING:
    from concurrent.futures import Executor


def repair_wheels(
    paths: Iterable[Path | str] | Path | str,
    *,
    select: Iterable[str] | str = (),
    trust_content: bool = False,
    output_dir: Path | str = "fixed",
    in_place: bool = False,
    overwrite: bool = False,
    dry_run: bool = False,
    sbom: bool = True,
    allow_mixed: bool = False,
    jobs: int = 1,
    executor: "Executor | None" = None,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> Report:
    """Mend the faults of many wheels and return what happened to each, in the order in which they were given.

    With ``select`` only faults are mended whose code begins with one of its texts; a fault that may be meant so is mended
    only if its whole code is there. Where a file is not what RECORD says, either can be wrong: a file that was damaged would
    be given a hash that vouches for it. So RECORD follows the file only with ``trust_content``. What stays is in the
    ``faults`` of an outcome.

    The other arguments are those of :func:`wheelfix.fix_wheels`, and so is what is written and when.

    :raises ValueError: if a text of ``select`` begins no code, if ``jobs`` is less than one, or ``in_place`` comes with
        ``overwrite``.
    """
    select = Choice.of(CHECKS, select).select
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, not {jobs}")
    if in_place and overwrite:
        raise ValueError("overwrite is for the output folder; in_place always replaces")
    task = Task(
        output_dir=None if in_place else Path(output_dir),
        dry_run=dry_run,
        overwrite=overwrite,
        sbom=sbom,
        mandate=Mandate(select=select, trust_content=trust_content),
    )
    workers = Workers(executor, jobs)
    outcomes, comparison = run_task(paths, task, allow_mixed=allow_mixed, workers=workers, on_outcome=on_outcome)
    return Report("repair", outcomes, disagreements=comparison.disagreements)
