"""The examples of the documentation: each loads, passes its own tests, and does its work on the sample wheels."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from places import ROOT
from running import wheelfix
from wheelfix import check_mirror, list_pages

EXAMPLES = sorted((ROOT / "examples" / "rules").glob("*.toml"))
SAMPLES = ROOT / "sample_wheels"
TORCH_ARM = "torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl"
CHANGED: dict[str, dict[str, tuple[int, str]]] = {
    "seed-case": {TORCH_ARM: (15, "torch-152121")},
    "xgboost-without-nccl": {"xgboost-3.2.0-py3-none-manylinux_2_28_x86_64.whl": (1, "xgboost-nccl")},
    "keep-and-narrow": {
        "torch-2.14.1-cp312-cp312-macosx_14_0_arm64.whl": (9, "narrow-triton"),
        "torch-2.14.1-cp312-cp312-manylinux_2_28_x86_64.whl": (7, "narrow-triton"),
        TORCH_ARM: (14, "gpu/nvidia"),
    },
    "cpu-twins": {"demo_gpu_twin-1.0-py3-none-any.whl": (6, "cpu-twins/faiss"), TORCH_ARM: (15, "gpu/nvidia")},
    "requires-python": {"networkx-3.3-py3-none-any.whl": (1, "networkx-python")},
}
"""How many changes an example makes in some samples, and a rule that is behind one of them."""


def test_there_are_five_and_the_docs_show_them() -> None:
    assert {path.stem for path in EXAMPLES} == set(CHANGED)
    docs = (ROOT / "docs" / "rules.md").read_text("utf-8")
    assert all(f"../examples/rules/{path.name}" in docs for path in EXAMPLES)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_has_no_fault_and_passes_its_tests(path: Path) -> None:
    checked = wheelfix("rules", "check", "--strict-rules", path)
    assert checked.code == 0, checked.err
    tested = wheelfix("rules", "test", "--format", "json", path)
    assert (tested.code, tested.err) == (0, "")
    assert all(result["passed"] for result in json.loads(tested.out)["results"])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_on_the_sample_wheels(path: Path, tmp_path: Path) -> None:
    whatever = ("--force", "--allow-mixed")  # what rules do is shown here; what a wheel needs is not
    ran = wheelfix("fix", *whatever, "--format", "json", "--rules", path, "-o", tmp_path / "out", SAMPLES)
    assert ran.code == 0, ran.err
    outcomes = {Path(wheel["source"]).name: wheel for wheel in ran.report["wheels"]}
    for name, (count, rule) in CHANGED[path.stem].items():
        changes = outcomes[name]["changes"]
        assert len(changes) == count, name
        assert rule in {change["rule"] for change in changes}
    if path.stem in ("seed-case", "xgboost-without-nccl", "requires-python"):
        assert ran.report["summary"]["fixed"] == len(CHANGED[path.stem])
    again = wheelfix("fix", *whatever, "--check", "--rules", path, tmp_path / "out")
    assert again.code == 0, "a second run finds nothing left to do"


@pytest.mark.parametrize("script", ["write_reference.py", "write_examples.py"])
def test_the_reference_is_what_the_types_say(script: str) -> None:
    """Pages, schemas and examples are made from types, tables and the wheels of the tests: see ``make reference``."""
    command = [sys.executable, str(ROOT / "docs" / script), "--check"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_console_examples_of_the_docs_are_true(monkeypatch: pytest.MonkeyPatch) -> None:
    """What docs/rules.md shows of ``rules explain`` is what it prints."""
    monkeypatch.chdir(ROOT)
    text = (ROOT / "docs" / "rules.md").read_text("utf-8")
    block = next(part for part in text.split("```console\n$ ")[1:] if part.startswith("wheelfix rules explain"))
    command, _, expected = block.partition("```")[0].partition("\n")
    ran = wheelfix(*command.split()[1:])
    assert (ran.code, ran.out) == (0, expected)


NIGHTLY = {
    "publish_mirror.py": [sys.executable, str(ROOT / "examples" / "publish_mirror.py")],
    "publish-mirror.sh": ["sh", str(ROOT / "examples" / "publish-mirror.sh")],
}


@pytest.mark.parametrize("name", NIGHTLY)
def test_a_nightly_job_publishes_and_can_run_again(name: str, tmp_path: Path) -> None:
    incoming, mirror = tmp_path / "incoming", tmp_path / "mirror"
    incoming.mkdir()
    for wheel in (TORCH_ARM, "cleanpkg-1.0-py3-none-any.whl", "xgboost-3.2.0-py3-none-manylinux_2_28_x86_64.whl"):
        shutil.copy(SAMPLES / wheel, incoming)
    program = [sys.executable, "-m", "wheelfix"]
    caller = tmp_path / "wheelfix"
    caller.write_text(f'#!/bin/sh\nexec {" ".join(program)} "$@"\n')
    caller.chmod(0o755)
    variables = {**os.environ, "WHEELFIX": str(caller)}
    for _ in range(2):
        ran = subprocess.run(
            [*NIGHTLY[name], f"{incoming}/", f"{mirror}/"], capture_output=True, text=True, env=variables, check=False
        )
        assert ran.returncode == 0, ran.stderr
        pages = {page.project: page for page in list_pages(mirror)}
        assert {project: len(page.files) for project, page in pages.items()} == {"torch": 2, "cleanpkg": 1, "xgboost": 2}
        assert [each.yanked for each in pages["torch"].files] == [None, "requires CUDA without need"]
        assert check_mirror(mirror).findings == ()
    assert (name == "publish-mirror.sh") is bool(list(incoming.iterdir()))


@pytest.mark.parametrize("name", NIGHTLY)
def test_a_nightly_job_without_wheels_or_words(name: str, tmp_path: Path) -> None:
    for words, code in (([str(tmp_path), str(tmp_path / "mirror")], 0), ([], None)):
        ran = subprocess.run([*NIGHTLY[name], *words], capture_output=True, text=True, check=False)
        assert "Traceback" not in ran.stderr
        assert (ran.returncode == 0) is (code == 0)
        assert ("nothing to do" in ran.stdout) or ("usage:" in ran.stderr)


def test_the_refusal_in_the_docs_is_true(monkeypatch: pytest.MonkeyPatch) -> None:
    """What docs/safety.md shows of a GPU build is what strip-gpu prints, but for the summary."""
    monkeypatch.chdir(ROOT)
    text = (ROOT / "docs" / "safety.md").read_text("utf-8")
    command, _, expected = text.split("```console\n$ ")[1].partition("```")[0].partition("\n")
    ran = wheelfix(*command.split()[1:])
    assert ran.code == 3
    assert ran.err.startswith(expected)
