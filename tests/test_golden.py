"""Golden cases: every directory of ``golden`` holds METADATA before and after, and what rules decide.

A directory with ``METADATA.in``, ``METADATA.out`` and ``report.json`` is a case; dropping one in adds a test. The
rules are those of its ``rules.toml``, or the rule set ``gpu``. ``X.whl.metadata`` is the METADATA of another wheel of the
release, for rules that copy from it.
"""

import json
from pathlib import Path

import pytest

from building import WheelSpec, write_wheel
from wheelfix.fix.apply import apply
from wheelfix.fix.draft import make_plan
from wheelfix.fix.plan import Plan, preview
from wheelfix.options import Policy
from wheelfix.reports.json import render_json
from wheelfix.results import Report
from wheelfix.rules.actions import ON_WHEELS
from wheelfix.rules.load import built_in, load_rules
from wheelfix.rules.model import RuleSet
from wheelfix.rules.requirement_actions import REQUIREMENT_ACTIONS
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.release import CopySource, Declared
from wheelfix.wheel.wheel import Wheel

ROOT = Path(__file__).with_name("golden")
ANYTHING = Policy(force=True)
"""These cases are on what rules do to METADATA; what a wheel needs is shown by files that they do not have."""
CASES = sorted(path.parent for path in ROOT.glob("*/METADATA.in"))


def test_there_are_cases_and_each_is_whole() -> None:
    assert len(CASES) >= 10
    for case in ROOT.iterdir():
        names = {path.name for path in case.iterdir() if path.suffix != ".metadata"}
        assert names - {"rules.toml"} == {"METADATA.in", "METADATA.out", "report.json"}


def test_every_action_has_a_case() -> None:
    assert {f"action-{name}" for name in (*REQUIREMENT_ACTIONS, *ON_WHEELS)} <= {case.name for case in CASES}


def rules_of(case: Path) -> RuleSet:
    own = case / "rules.toml"
    return load_rules(own) if own.exists() else built_in("gpu")


def copy_sources_of(case: Path) -> list[CopySource]:
    files = sorted(case.glob("*.whl.metadata"))
    return [CopySource(WheelFilename.parse(path.stem), Declared.of(path.read_bytes())) for path in files]


def decisions(plan: Plan) -> dict[str, object]:
    """Return what the JSON report says of ``plan``; a suggestion only where there is one."""
    [wheel] = json.loads(render_json(Report("strip-gpu", (preview(plan),))))["wheels"]
    for change in (*wheel["changes"], *wheel["kept"]):
        if change["suggestion"] is None:
            del change["suggestion"]
    return {key: wheel[key] for key in ("changes", "kept", "notes")}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden(case: Path, tmp_path: Path) -> None:
    """Pitfall 1 to Pitfall 12: real METADATA, and what must become of it, byte for byte."""
    spec = WheelSpec(metadata=(case / "METADATA.in").read_bytes())
    expected = (case / "METADATA.out").read_bytes()
    with Wheel(write_wheel(tmp_path, spec)) as wheel:
        plan = make_plan(wheel, rules_of(case), policy=ANYTHING, copy_sources=copy_sources_of(case))
        assert plan.new_metadata == expected
        assert decisions(plan) == json.loads((case / "report.json").read_text("utf-8"))
        fixed = apply(wheel, plan, tmp_path / "fixed" / str(plan.renaming.filename)).output
    assert fixed is not None
    with Wheel(fixed) as wheel:
        assert wheel.document.data == expected
        names = {rule.action_name for rule in rules_of(case).rules}
        once = all(REQUIREMENT_ACTIONS[name].idempotent for name in names if name in REQUIREMENT_ACTIONS)
        again = make_plan(wheel, rules_of(case), policy=ANYTHING, copy_sources=copy_sources_of(case))
        assert again.is_empty or not once
