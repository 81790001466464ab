"""What is printed of a prune: each reason for which a file is kept has its words for one and for several."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from wheelfix.mirror import prune_run as prune
from wheelfix.mirror.pruned import Pruned, PruneKind, PruneReport, PruneStatus
from wheelfix.reports.prune import render_pruned

_REASONS = (prune.YOUNG, prune.UNKNOWN, prune.NOT_OURS, prune.FOR_LOCKS, prune.NO_PAGE)


def test_these_are_all_reasons() -> None:
    named = {
        value for name, value in vars(prune).items() if (name.isupper() or name == "__doc__") and isinstance(value, str)
    }
    assert {each for each in named if " " in each} == {*_REASONS, prune.__doc__}


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("reason", _REASONS)
def test_each_reason_has_its_words(reason: str, count: int) -> None:
    kept = [
        Pruned(f"public/files/demo/{number}", PruneKind.UNKNOWN, PruneStatus.KEPT, 1, datetime.now(UTC), reason)
        for number in range(count)
    ]
    printed = render_pruned(PruneReport(Path("mirror"), tuple(kept), (), False, 86_400))
    assert f"kept {count} unlisted file" in printed
    assert "{grace}" not in printed
