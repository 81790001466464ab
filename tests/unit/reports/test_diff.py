"""The diffs of a run, one behind the other."""

from pathlib import Path

from building import WheelSpec, write_wheel
from wheelfix.fix.batch import fix_wheels
from wheelfix.options import Output, Policy
from wheelfix.reports.diff import render_diff


def test_each_distinct_change_is_shown_once_with_its_wheels(tmp_path: Path) -> None:
    needs = {"alpha": ("numpy", "nvidia-nccl-cu12"), "beta": ("nvidia-nccl-cu12",), "gamma": ("triton", "rocm-sdk")}
    paths = [write_wheel(tmp_path, WheelSpec(project=name, requires=texts)) for name, texts in needs.items()]
    paths.insert(1, write_wheel(tmp_path, WheelSpec(project="plain", requires=("numpy",))))
    text = render_diff(fix_wheels(paths, output=Output(dry_run=True), policy=Policy(allow_unproven=True)))
    assert text.startswith(f"# 2 wheels change like this:\n#   {paths[0]}\n#   {paths[2]}\n--- a/{paths[0].name}/METADATA\n")
    assert [line[4:] for line in text.splitlines() if line.startswith("--- ")] == [
        f"a/{path.name}/METADATA" for path in (paths[0], paths[3])
    ]
    changed = [line for line in text.splitlines() if line[0] in "+-" and line[:3] not in ("---", "+++")]
    assert changed == ["-Requires-Dist: nvidia-nccl-cu12", "-Requires-Dist: rocm-sdk"]
    assert render_diff(fix_wheels(paths[1:2], output=Output(dry_run=True))) == ""
