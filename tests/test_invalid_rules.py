"""Invalid rule files: every ``invalid_rules/*.toml`` is refused with what the ``.txt`` beside it says.

Dropping in two files adds a test.
"""

from pathlib import Path

import pytest

import running
from building import WheelSpec, write_wheel
from wheelfix.errors import RulesError
from wheelfix.results import Severity
from wheelfix.rules.load import load_rules
from wheelfix.rules.registry import RULE_CHECKS

FOLDER = Path(__file__).with_name("invalid_rules")
FILES = sorted(FOLDER.glob("*.toml"))


def test_there_are_enough_and_each_has_its_message() -> None:
    assert len(FILES) >= 40
    assert {path.stem for path in FOLDER.glob("*.txt")} == {path.stem for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_invalid_file_is_refused_with_a_message_to_act_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    with pytest.raises(RulesError) as caught:
        load_rules(path.name)
    message = str(caught.value).replace(str(FOLDER.resolve()), "<directory>") + "\n"
    assert message == path.with_suffix(".txt").read_text("utf-8")
    assert caught.value.code == "invalid-rules"
    assert len(caught.value.findings) == message.count("\n") - 1
    assert all(each.place.startswith(path.name) and each.message and each.hint for each in caught.value.findings)
    assert all(each.severity is Severity.ERROR and each.code in RULE_CHECKS for each in caught.value.findings)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_wheel_is_touched(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = write_wheel(tmp_path, WheelSpec(requires=("triton", "numpy")))
    before = wheel.read_bytes()
    monkeypatch.chdir(FOLDER)
    ran = running.wheelfix("fix", "--in-place", "--rules", path.name, wheel)
    assert (ran.code, ran.out) == (2, "")
    assert (
        path.with_suffix(".txt").read_text("utf-8").splitlines()[-1].replace("<directory>", str(FOLDER.resolve())) in ran.err
    )
    assert wheel.read_bytes() == before
    assert running.wheelfix("rules", "check", path.name).code == 2
