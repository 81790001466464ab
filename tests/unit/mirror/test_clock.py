"""The clock of a mirror, and how SOURCE_DATE_EPOCH stops it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from demos import demo_wheel
from wheelfix.errors import MirrorError
from wheelfix.mirror.clock import now
from wheelfix.mirror.upload import add_wheels


def test_it_goes_on_by_itself() -> None:
    assert abs(now() - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("epoch", ["0", "1767225600", " 1767225600 "])
def test_the_variable_stops_it(epoch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    assert now() == datetime.fromtimestamp(int(epoch), UTC)


@pytest.mark.parametrize("epoch", ["-5", "tomorrow", "1e9", "9" * 30, "9" * 5000, "\x1b[31m"])
def test_what_is_no_time_is_an_error(epoch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    with pytest.raises(MirrorError, match="not a time in seconds") as caught:
        now()
    assert caught.value.code == "bad-epoch"
    assert "\x1b" not in str(caught.value)


def test_two_mirrors_of_one_moment_have_the_same_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    wheel = demo_wheel(tmp_path / "wheels", "1.0")
    pages = []
    for name in ("one", "two"):
        assert add_wheels(tmp_path / name, [wheel]).ok
        pages.append((tmp_path / name / "public/simple/demo/index.json").read_bytes())
    assert pages[0] == pages[1]
    assert b"2026-01-01T00:00:00.000000Z" in pages[0]
