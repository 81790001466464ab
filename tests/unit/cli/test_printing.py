"""Text in colour, and diffs that stay exact."""

from pathlib import Path

import pytest

from building import WheelSpec, write_wheel
from running import wheelfix
from wheelfix.cli.printing import colour_wanted, render_seconds


class _Stream:
    def __init__(self, *, terminal: bool) -> None:
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize(
    ("variables", "terminal", "wanted"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ({"NO_COLOR": "", "FORCE_COLOR": ""}, True, True),
    ],
    ids=str,
)
def test_when_colour_is_wanted(
    variables: dict[str, str], terminal: bool, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert colour_wanted(_Stream(terminal=terminal)) is wanted  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 min 0 s"), (3605, "60 min 5 s")]
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert render_seconds(seconds) == text


def test_a_diff_on_a_terminal_is_red_and_green(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_wheel(Path(), WheelSpec(requires=("nvidia-nccl-cu12",)))
    words = ("strip-gpu", "--allow-unproven", "--diff", path)
    ran = wheelfix(*words, terminal=True)
    assert "\x1b[31m-Requires-Dist: nvidia-nccl-cu12\x1b[0m\n" in ran.out
    assert "\x1b[1m+++ b/" in ran.out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in wheelfix(*words, terminal=True).out
