"""Golden cases: every folder of ``golden`` holds METADATA before and after, and what rule set ``gpu`` decides.

A folder with ``METADATA.in``, ``METADATA.out`` and ``report.json`` is a case; dropping one in adds a test.
"""

import json
from pathlib import Path

import pytest

from building import WheelSpec, write_wheel
from wheelfix.outcome import Report
from wheelfix.plan import Plan, make_plan
from wheelfix.render.json import render_json
from wheelfix.rewrite import apply, preview
from wheelfix.rules.loading import built_in
from wheelfix.wheel import Wheel

ROOT = Path(__file__).with_name("golden")
CASES = sorted(path.parent for path in ROOT.glob("*/METADATA.in"))


def test_there_are_cases_and_each_is_whole() -> None:
    assert len(CASES) >= 10
    for case in ROOT.iterdir():
        assert {path.name for path in case.iterdir()} == {"METADATA.in", "METADATA.out", "report.json"}


def decisions(plan: Plan) -> dict[str, object]:
    """Return what the JSON report says of ``plan``."""
    [wheel] = json.loads(render_json(Report("strip-gpu", (preview(plan),))))["wheels"]
    return {key: wheel[key] for key in ("changes", "kept", "notes")}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden(case: Path, tmp_path: Path) -> None:
    """Pitfall 1 to Pitfall 12: real METADATA, and what must become of it, byte for byte."""
    spec = WheelSpec(metadata=(case / "METADATA.in").read_bytes())
    expected = (case / "METADATA.out").read_bytes()
    with Wheel(write_wheel(tmp_path, spec)) as wheel:
        plan = make_plan(wheel, built_in("gpu"))
        assert plan.new_metadata == expected
        assert decisions(plan) == json.loads((case / "report.json").read_text("utf-8"))
        fixed = apply(wheel, plan, tmp_path / f"fixed-{wheel.path.name}").output
    assert fixed is not None
    with Wheel(fixed) as wheel:
        assert wheel.document.data == expected
        assert make_plan(wheel, built_in("gpu")).is_empty
