"""Time for tests of the mirror."""

import pytest

from sharing import Clock
from wheelfix.mirror import retry


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of a writer that tries again: it passes only while it waits."""
    clock = Clock()
    monkeypatch.setattr(retry, "time", clock)
    return clock
