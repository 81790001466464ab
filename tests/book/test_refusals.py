"""What somebody sees whose sample wheel is refused: what happened, why, and a next step that works when it is typed."""

import re
from pathlib import Path
from typing import Final

import pytest

from places import SAMPLES
from running import wheelfix

_RUNS: Final = {
    **{path.name: [path] for path in SAMPLES},
    "torch 2.7.0": [path for path in SAMPLES if path.name.startswith("torch-2.7.0-")],
    "torch 2.14.1": [path for path in SAMPLES if path.name.startswith("torch-2.14.1-")],
    "all": SAMPLES,
}
REFUSED: Final = {
    "demo_gpu_leak-1.0-py3-none-any.whl": ["unproven"],
    "folded_latin-1.0-py3-none-any.whl": ["unproven"],
    "torch-1.13.1-cp310-cp310-manylinux1_x86_64.whl": ["unsafe"],
    "torch-2.14.1-cp312-cp312-manylinux_2_28_x86_64.whl": ["unsafe"],
    "torch-2.7.0-cp311-cp311-manylinux_2_28_x86_64.whl": ["unsafe"],
    "torch 2.7.0": ["mixed-release", "unsafe"],
    "torch 2.14.1": ["mixed-release", "unsafe"],
    "all": ["unproven", "unproven", "unsafe", "mixed-release", "unsafe", "mixed-release", "unsafe"],
}
"""The codes of what is refused, in each run that has something refused."""
_MESSAGE: Final = re.compile(
    r"^error\[(?P<code>[a-z-]+)\]: (?P<path>\S+\.whl) not changed: .+\n  reason: .+\n  help: (?P<help>[A-Z].+(?:\.|: https://\S+))$",
    re.MULTILINE,
)


@pytest.mark.parametrize("name", _RUNS)
def test_a_refusal_says_what_to_type_next_and_that_works(name: str, tmp_path: Path) -> None:
    paths = _RUNS[name]
    ran = wheelfix("strip-gpu", "-o", tmp_path / "out", *paths)
    found = list(_MESSAGE.finditer(ran.err))
    assert [each["code"] for each in found] == REFUSED.get(name, [])
    assert ran.code == (3 if found else 0)
    assert ran.err.count("error[") == len(found), "a message of another shape"
    if not found:
        return
    for each in found:
        assert wheelfix("explain", each["code"]).code == 0
    for choices in ("--skip-unproven", "--allow-unproven"):
        left_out = {"--skip-unproven", "--allow-unproven", "--allow-mixed"} - {choices}
        options = " ".join(each["help"] for each in found)
        named = dict.fromkeys(re.findall(r"--local cpu|--[a-z]+(?:-[a-z]+)*", options))
        words = " ".join(option for option in named if option not in left_out).split()
        again = wheelfix("strip-gpu", "-o", tmp_path / choices, *words, *paths)
        assert (again.code, len(again.lines)) == (0, len(paths)), again.err
