"""A run that is cut off at any of its operations on a real bucket misleads nobody, and the next one completes."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from buckets import Bucket
from demos import demo_wheel
from faults import Faulty, How, Killed
from storing import opened
from wheelfix.errors import MirrorError
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.storage.base import Store
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import list_pages, remove_files, yank_files
from wheelfix.results import PublishReport, PublishStatus

pytestmark = [pytest.mark.slow, pytest.mark.parts]
Run = Callable[[Store, list[Path]], PublishReport]
DANGLING = {
    "page-missing",
    "page-unreadable",
    "file-missing",
    "file-differs",
    "metadata-file-missing",
    "metadata-file-differs",
}
"""What would mislead a client that reads the pages now."""


def add_second(store: Store, paths: list[Path]) -> PublishReport:
    return add_wheels(store, paths[1])


def yank(store: Store, paths: list[Path]) -> PublishReport:
    return yank_files(store, "demo==1.0", "broken")


def remove(store: Store, paths: list[Path]) -> PublishReport:
    return remove_files(store, "demo==1.0")


def listed(store: Store) -> list[tuple[str, bool]]:
    """Return each file that is listed, and whether it is yanked."""
    return [(file.filename, bool(file.yanked)) for page in list_pages(store) for file in page.files]


def check_reported(run: Run, cut: Faulty, paths: list[Path], store: Store) -> None:
    """Run, and confirm that what it reports is so; where it ends with an error alone nothing has changed."""
    before = listed(store)
    try:
        [done] = run(cut, paths).files
    except (OSError, MirrorError):
        assert listed(store) == before, cut.operations
        return
    now = dict(listed(store)).get(str(done.filename))
    wanted = {PublishStatus.ADDED: False, PublishStatus.YANKED: True, PublishStatus.REMOVED: None}
    if done.status in wanted:
        assert now is wanted[done.status], cut.operations
    else:
        assert done.problem is not None
        assert listed(store) == before, cut.operations


@pytest.mark.parametrize("run", [add_second, yank, remove])
@pytest.mark.parametrize(
    ("kind", "how", "step"),  # each operation on the fastest server, every so many on the others
    [("s3", How.KILLED_AFTER, 3), ("azure", How.LOSES_ANSWER, 2), ("gcs", How.KILLED_BEFORE, 1)],
    ids=str,
)
def test_wherever_a_run_is_cut_off_the_next_one_completes(
    kind: str,
    run: Run,
    how: How,
    step: int,
    new_bucket: Callable[[str], Bucket],
    tmp_path: Path,
) -> None:
    bucket, paths = new_bucket(kind), [demo_wheel(tmp_path, version) for version in ("1.0", "2.0")]
    whole = opened(bucket, "whole")
    add_wheels(whole, paths[0])
    run(whole, paths)
    at, last = 0, False
    while not last:
        at += step
        store = opened(bucket, f"cut/{at}")
        add_wheels(store, paths[0])
        cut = Faulty(store, at, how)
        with suppress(Killed):
            check_reported(run, cut, paths, store)
        last = not cut.happened
        missing = [each for each in check_mirror(store, quick=True).findings if each.code in DANGLING]
        assert missing == [], cut.operations
        with suppress(MirrorError):  # what was to be removed may be gone
            run(store, paths)
        assert listed(store) == listed(whole), cut.operations
        assert [each for each in check_mirror(store).findings if each.severity == "error"] == []
    assert at > 5
