"""A thousand popular wheels through every command: ``make long-run``, which downloads gigabytes and takes hours.

``TEST_LONG_RUN`` says how many wheels, and switches it on. ``TEST_LONG_RUN_WHEELS`` names directories, separated as in
PATH: the wheels in them are taken first. ``TEST_LONG_RUN_REPORT`` is the table of surprises.
"""

import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import pytest

import trials
from places import ROOT, SAMPLES
from trials import NOT_TAKEN, Candidate, Result, candidates, table_of, try_wheels

COUNT = int(os.environ.get("TEST_LONG_RUN", "0"))
NAMES = Path(__file__).with_name("popular.txt").read_text("utf-8").split()
GROUP = 20
"""So many wheels share a mirror, which is checked and deleted before the next group begins."""
INSTALLS = 2
"""So many wheels of a group are installed: of a thousand, more than fifty."""
BYTES = 15 * 10**9


@pytest.mark.real
@pytest.mark.skipif(not COUNT, reason="downloads gigabytes: make long-run")
def test_no_wheel_shows_a_bug(tmp_path: Path) -> None:
    folders = [Path(each) for each in os.environ.get("TEST_LONG_RUN_WHEELS", "").split(os.pathsep) if each]
    found = candidates(folders, NAMES, COUNT)
    groups = [found[start : start + GROUP] for start in range(0, len(found), GROUP)]
    result = run(groups, tmp_path, Path(os.environ.get("TEST_LONG_RUN_REPORT", ROOT / "build" / "long-run.md")))
    assert result.tried > len([each for each in result.surprises if each.step == NOT_TAKEN])
    assert result.installed >= len(groups)
    assert [each for each in result.surprises if each.bug] == []


def run(groups: list[list[Candidate]], work: Path, report: Path) -> Result:
    """Try all groups, two at a time, until so many bytes were read; the report grows as the run goes on."""
    total = Result()
    report.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(2) as pool:
        waiting = {pool.submit(try_wheels, group, work / str(index), INSTALLS): index for index, group in enumerate(groups)}
        for done in as_completed(waiting):
            if done.cancelled():
                continue
            total.add(done.result())
            report.write_text(table_of(total), "utf-8")
            if total.size > BYTES:
                for each in waiting:
                    each.cancel()
    return total


WHEELS = [Candidate(path) for path in SAMPLES if path.name.startswith(("cleanpkg-", "xgboost-"))]


def test_the_trial_of_sample_wheels_shows_no_bug(tmp_path: Path) -> None:
    found = try_wheels(WHEELS, tmp_path / "work", installs=1)
    assert [each for each in found.surprises if each.bug] == []
    assert (found.tried, found.fixed, found.mirrored, found.installed) == (2, 2, 2, 1)
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    ("name", "stand_in", "step"),
    [("LINE", "another>=1", "text"), ("RULES", "schema = 1\n", "fix"), ("_fix_again", None, "again")],
    ids=["another line", "no line", "an exception"],
)
def test_what_goes_wrong_is_a_bug(
    name: str, stand_in: object, step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, name, stand_in)
    found = try_wheels(WHEELS[:1], tmp_path / "work", installs=0)
    assert [each.step for each in found.surprises if each.bug] == [step]
    assert "| bug |" in table_of(found)
