"""The examples of the documentation: each loads, passes its own tests, and does its work on the sample wheels."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from places import GUIDES, ROOT
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
    "upper-limit": {"demo_gpu_twin-1.0-py3-none-any.whl": (1, "numpy-below-2")},
    "requires-python": {"networkx-3.3-py3-none-any.whl": (1, "networkx-python")},
}
"""How many changes an example makes in some samples, and a rule that is behind one of them."""


def test_each_is_known_and_the_docs_show_it() -> None:
    assert {path.stem for path in EXAMPLES} == set(CHANGED)
    docs = (GUIDES / "rule-examples.md").read_text("utf-8")
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
    if path.stem in ("seed-case", "xgboost-without-nccl", "requires-python", "upper-limit"):
        assert ran.report["summary"]["fixed"] == len(CHANGED[path.stem])
    again = wheelfix("fix", *whatever, "--check", "--rules", path, tmp_path / "out")
    assert again.code == 0, "a second run finds nothing left to do"


@pytest.mark.parametrize("script", ["write_reference.py", "write_examples.py", "drawings.py"])
def test_the_reference_is_what_the_types_say(script: str) -> None:
    """Pages, schemas and examples are made from types, tables and the wheels of the tests: see ``make reference``."""
    command = [sys.executable, str(ROOT / "docs" / script), "--check"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


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
    assert len(list(incoming.iterdir())) == 3, "nothing is deleted, and nothing written there"
    wanted = ["mirror.report.html", *(["mirror.report.json"] if name == "publish-mirror.sh" else [])]
    assert sorted(each.name for each in tmp_path.glob("*report.*")) == wanted


def test_the_nightly_job_in_python_deletes_what_is_published_if_asked_to(tmp_path: Path) -> None:
    incoming, mirror = tmp_path / "incoming", tmp_path / "mirror"
    incoming.mkdir()
    shutil.copy(SAMPLES / "cleanpkg-1.0-py3-none-any.whl", incoming)
    (incoming / "broken-1.0-py3-none-any.whl").write_bytes(b"cut short")
    command = [*NIGHTLY["publish_mirror.py"], "--delete", f"{incoming}/", f"{mirror}/"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 3, ran.stderr
    assert [each.name for each in incoming.iterdir()] == ["broken-1.0-py3-none-any.whl"]
    assert [page.project for page in list_pages(mirror)] == ["cleanpkg"]


@pytest.mark.parametrize("name", NIGHTLY)
def test_a_nightly_job_without_wheels_or_words(name: str, tmp_path: Path) -> None:
    for words, code in (([str(tmp_path), str(tmp_path / "mirror")], 0), ([], None)):
        ran = subprocess.run([*NIGHTLY[name], *words], capture_output=True, text=True, check=False)
        assert "Traceback" not in ran.stderr
        assert (ran.returncode == 0) is (code == 0)
        assert ("nothing to do" in ran.stdout) or ("usage:" in ran.stderr)


def test_the_list_of_examples_has_every_example() -> None:
    text = (ROOT / "examples" / "README.md").read_text("utf-8")
    linked = set(re.findall(r"\]\(([^)]+)\)", text))
    assert all((ROOT / "examples" / target).exists() for target in linked)
    there = {each.name for each in (ROOT / "examples").iterdir()} - {"README.md"}
    assert there == {Path(target).parts[0] for target in linked if not target.startswith("..")}


@pytest.mark.slow
@pytest.mark.parts
def test_the_demo_ends_with_the_path_of_its_report(tmp_path: Path) -> None:
    caller = tmp_path / "wheelfix"
    caller.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m wheelfix "$@"\n')
    caller.chmod(0o755)
    variables = {**os.environ, "PYTHON": sys.executable, "WHEELFIX": str(caller)}
    ran = subprocess.run(
        ["sh", str(ROOT / "examples" / "demo.sh")], capture_output=True, text=True, env=variables, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    report = Path(ran.stdout.splitlines()[-1])
    assert report.is_absolute()
    assert report.read_text("utf-8").lower().startswith("<!doctype html>")
