"""The diffs of a run, one behind the other."""

from pathlib import Path

from building import WheelSpec, write_wheel
from wheelfix.batch import fix_wheels
from wheelfix.render.diff import render_diff


def test_the_diffs_of_all_wheels_that_would_change(tmp_path: Path) -> None:
    names = ("alpha", "beta")
    paths = [write_wheel(tmp_path, WheelSpec(project=name, requires=("numpy", "nvidia-nccl-cu12"))) for name in names]
    paths.insert(1, write_wheel(tmp_path, WheelSpec(project="plain", requires=("numpy",))))
    text = render_diff(fix_wheels(paths, dry_run=True))
    assert text.count("\n-Requires-Dist: nvidia-nccl-cu12\n") == 2
    assert [line[4:] for line in text.splitlines() if line.startswith("--- ")] == [
        f"a/{path.name}/METADATA" for path in paths if "plain" not in path.name
    ]
    changed = [line for line in text.splitlines() if line[0] in "+-" and line[:3] not in ("---", "+++")]
    assert changed == ["-Requires-Dist: nvidia-nccl-cu12"] * 2
    assert render_diff(fix_wheels(paths[1:2], dry_run=True)) == ""
