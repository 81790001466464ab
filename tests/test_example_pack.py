"""The pack in ``examples/pack``: five corrections with their tests, and a workflow whose commands do what they say."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from building import WheelSpec, write_wheel
from packing import install_pack
from places import ROOT
from running import wheelfix
from wheelfix.rules.load import load_rules

PACK: Final = ROOT / "examples" / "pack"
PACKAGE: Final = PACK / "src" / "acme_wheel_rules"
WORKFLOW: Final = PACK / ".github" / "workflows" / "rules.yml"
TORCH: Final = "torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl"


@pytest.fixture
def project() -> dict[str, Any]:
    return dict(tomllib.loads((PACK / "pyproject.toml").read_text("utf-8"))["project"])


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: dict[str, Any]) -> Path:
    """The pack as an installer leaves it; the working directory, in which there is a directory with wheels."""
    [(name, value)] = project["entry-points"]["wheelfix.rules"].items()
    assert name == project["name"]
    files = {path.name: path.read_text("utf-8") for path in PACKAGE.glob("*.toml")}
    site = tmp_path / "site"
    site.mkdir()
    install_pack(site, files, name=name, version=project["version"], value=value, package=PACKAGE.name)
    monkeypatch.syspath_prepend(str(site))
    work = tmp_path / "work"
    (work / "wheels").mkdir(parents=True)
    shutil.copy(ROOT / "sample_wheels" / TORCH, work / "wheels")
    monkeypatch.chdir(work)
    return work


def test_five_corrections_each_with_its_report_and_tests() -> None:
    rules = load_rules(str(PACKAGE / "torch.toml"), str(PACKAGE / "others.toml")).rules
    assert len(rules) == 5
    assert all(rule.url and rule.url.startswith("https://github.com/") for rule in rules)
    assert all(rule.test and rule.reason for rule in rules)


def test_the_pack_is_found_and_valid(installed: Path) -> None:
    assert wheelfix("rules", "list", "acme-wheel-rules>=1").out.startswith("acme-wheel-rules 1.0\n")
    assert wheelfix("rules", "check", "--strict-rules", "--rules", "acme-wheel-rules").code == 0
    tested = wheelfix("rules", "test", "acme-wheel-rules")
    assert (tested.code, tested.out) == (0, "9 passed, 0 failed.\n")


def test_the_commands_of_the_workflow(installed: Path) -> None:
    commands = re.findall(r"^ *- run: (wheelfix .*)$|^ *run: (wheelfix .*)$", WORKFLOW.read_text("utf-8"), re.MULTILINE)
    codes = {}
    for found in commands:
        words = shlex.split("".join(found))
        command, _, target = " ".join(words[1:]).partition(" > ")
        ran = wheelfix(*command.split())
        codes[command.partition(" --rules")[0]] = ran.code
        if target:
            (installed / target).write_text(ran.out)
    assert codes == {"rules check --strict-rules": 0, "rules test acme-wheel-rules": 0, "fix": 1}
    review = (installed / "review.md").read_text()
    assert "[acme/torch-cpu](https://github.com/pytorch/pytorch/issues/152121) (acme-wheel-rules 1.0)" in review
    assert wheelfix("fix", "--rules", "acme-wheel-rules", "--in-place", "wheels/").code == 0
    assert wheelfix("fix", "--rules", "acme-wheel-rules", "--check", "wheels/").code == 0


def test_the_rules_do_what_their_reports_ask_for(installed: Path) -> None:
    head = "Metadata-Version: 2.1\nName: apache-airflow\nVersion: 1.0\n"
    text = f"{head}Requires-Dist: alembic (<2.0,>=1.2)cattrs (<2.0)\n"
    wheel = write_wheel(installed, WheelSpec(project="apache_airflow", metadata=text.encode()))
    ran = wheelfix("fix", "--rules", "acme-wheel-rules", "--diff", wheel)
    assert "+Requires-Dist: alembic>=1.2,<2.0\n+Requires-Dist: cattrs<2.0\n" in ran.out


@pytest.mark.slow
def test_the_pack_builds_and_installs(tmp_path: Path) -> None:
    """By pip, as its users install it, but with the build backend of this environment, which CI pins."""
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(tmp_path / "site")]
    pip = [sys.executable, "-m", "pip", "install", *options]
    source = shutil.copytree(PACK, tmp_path / "pack")
    subprocess.run([*pip, str(source)], check=True, timeout=600)
    program = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); from wheelfix.__main__ import main; main()"
    for words in (["rules", "list", "acme-wheel-rules>=1"], ["rules", "test", "acme-wheel-rules"]):
        ran = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
