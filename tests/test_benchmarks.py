"""The benchmark runs, and says of each figure what is true: nothing is met that was not measured."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

from contenders import Contender
from measuring import Cost, Failed, in_turn
from places import ROOT
from run import SECTIONS
from sections.large import job
from setting import Setting
from table import Figure, ratios, verdicts
from targets import TARGETS, Target
from wheelfix import verify_wheels
from wheelfix.results import Severity
from wheels import even_wheel, project_wheels

RUN = ROOT / "benchmarks" / "run.py"
QUICK = ["entries", "mirror-growth"]


def costs(*walls: float) -> list[Cost]:
    return [Cost(wall, wall, 0.0, 0) for wall in walls]


def table(target: Target, *figures: Figure, judged: bool = True) -> str:
    return verdicts([target], {each.name: each for each in figures}, judged=judged).splitlines()[-1]


def benchmark(tmp_path: Path, *sections: str) -> str:
    only = [word for section in sections for word in ("--only", section)]
    command = [sys.executable, str(RUN), "--quick", "--no-peers", "--directory", str(tmp_path), *only]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class TestTargets:
    def test_every_section_has_a_target_and_every_target_a_section(self) -> None:
        assert {each.section for each in TARGETS} == SECTIONS.keys()
        assert len({each.name for each in TARGETS}) == len(TARGETS)

    @pytest.mark.parametrize(
        ("target", "values", "word"),
        [
            (Target("s", "f", 2.0), (1.0, 2.0, 9.0), "met"),
            (Target("s", "f", 2.0), (1.0, 2.01, 9.0), "MISSED"),
            (Target("s", "f", 2.0, under=True), (2.0,), "MISSED"),
            (Target("s", "f", 2.0, under=True), (1.9,), "met"),
        ],
    )
    def test_the_median_is_judged(self, target: Target, values: tuple[float, ...], word: str) -> None:
        assert table(target, Figure("f", "a wheel", values)).endswith(f"| {word} |")

    @pytest.mark.parametrize("figures", [(), (Figure("f", "a wheel", why="only root may mount"),)])
    def test_what_was_not_measured_is_not_met(self, figures: tuple[Figure, ...]) -> None:
        row = table(Target("s", "f", 2.0), *figures)
        assert "not measured" in row
        assert all(each.why in row for each in figures)
        assert "met |" not in row

    def test_a_quick_run_judges_nothing(self) -> None:
        assert "not judged" in table(Target("s", "f", 2.0), Figure("f", "a wheel", (1.0,)), judged=False)


class TestMeasuring:
    def test_ratios_are_made_round_by_round(self) -> None:
        assert ratios(costs(2.0, 8.0), costs(0.5, 3.0), costs(0.5, 1.0)) == [2.0, 2.0]

    def test_jobs_run_in_turn_after_a_warm_up_and_slow_ones_once(self) -> None:
        ran: list[str] = []

        def noted(name: str) -> Callable[[], Cost]:
            def run() -> Cost:
                ran.append(name)
                return Cost(0, 0, 0, 0)

            return run

        found = in_turn({"a": noted("a"), "b": noted("b")}, 2, slow=["b"])
        assert ran == ["a", "a", "b", "a"]
        assert {name: len(each) for name, each in found.items()} == {"a": 2, "b": 1}

    def test_a_job_that_fails_is_named_and_does_not_run_again(self) -> None:
        def fail() -> Cost:
            raise Failed("no space")

        failures: dict[str, str] = {}
        found = in_turn({"a": fail, "b": lambda: Cost(1, 1, 0, 0)}, 2, failures=failures)
        assert failures == {"a": "no space"}
        assert list(found) == ["b"]
        with pytest.raises(Failed, match="no space"):
            in_turn({"a": fail}, 1)

    def test_a_contender_that_fails_leaves_nothing(self, tmp_path: Path) -> None:
        setting = Setting(tmp_path, tmp_path / "results", rounds=1, size=20)
        fails = Contender("false", lambda source, target: ["sh", "-c", "echo broken >&2; exit 3"])
        with pytest.raises(Failed, match="broken"):
            job(fails, tmp_path / "demo.whl", setting)()
        assert list(setting.results.iterdir()) == []


class TestInputs:
    def test_made_wheels_have_as_many_entries_as_they_say(self, tmp_path: Path) -> None:
        with ZipFile(even_wheel(tmp_path, 50, 1)) as archive:
            assert len(archive.namelist()) == 50

    def test_made_wheels_have_no_errors(self, tmp_path: Path) -> None:
        paths = [even_wheel(tmp_path, 50, 1), *project_wheels(tmp_path, 2, 2).iterdir()]
        report = verify_wheels(paths)
        assert len(report.wheels) == 5
        assert report.count(Severity.ERROR) == 0


def test_a_quick_run_prints_every_figure_of_its_sections(tmp_path: Path) -> None:
    text = benchmark(tmp_path, *QUICK)
    assert "not measured" not in text
    assert all(each.name in text for each in TARGETS if each.section in QUICK)
    assert not list(tmp_path.glob("run-*"))


@pytest.mark.slow
@pytest.mark.parts
def test_a_quick_run_of_everything_fails_nowhere(tmp_path: Path) -> None:
    text = benchmark(tmp_path)
    assert all(f"## {section}" in text for section in SECTIONS)
    assert "failed:" not in text
