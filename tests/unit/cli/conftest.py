"""What the tests of commands share."""

from pathlib import Path

import pytest


@pytest.fixture
def own_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes ``work``, in which the command runs, and ``tmp``, where it downloads, in the directory of the test."""
    (tmp_path / "work").mkdir()
    (tmp_path / "tmp").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr("wheelfix.upstream.fetched.gettempdir", lambda: str(tmp_path / "tmp"))
