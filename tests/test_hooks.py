"""The hooks for pre-commit: which files each takes, and what it says of them."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from clients import PROGRAMS, attempt
from places import ROOT
from running import wheelfix

HOOKS: dict[str, dict[str, Any]] = {
    each["id"]: each for each in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
}
RULES = """schema = 1
[[rule]]
id = "no-triton"
reason = "a test"
match = {{ name = "triton" }}
action = "{action}"
[[rule.test]]
project = "demo"
requires = ["triton", "numpy"]
expect = ["numpy"]
"""
MANIFEST = """schema = 1
[mirror]
store = "mirror"
[[source]]
index = "https://example.invalid/simple/"
projects = ["{project}"]
"""
FILES = {
    "wheelfix-rules-check": ["wheelfix.toml", "rules/torch.toml"],
    "wheelfix-rules-test": ["wheelfix.toml", "rules/torch.toml"],
    "wheelfix-manifest-check": ["mirror.toml", "mirrors/cpu/mirror.toml"],
    "wheelfix-verify": ["dist/cleanpkg-1.0-py3-none-any.whl"],
}
"""Which files of :func:`repository` each hook takes."""


def repository(place: Path, *, good: bool) -> Path:
    """Write a repository of rules, manifests and wheels, all ``good`` or all with errors; return its path."""
    texts = {
        "wheelfix.toml": RULES.format(action="drop" if good else "dorp"),
        "rules/torch.toml": RULES.format(action="drop" if good else "keep"),
        "mirror.toml": MANIFEST.format(project="demo" if good else "demo =="),
        "mirrors/cpu/mirror.toml": MANIFEST.format(project="demo"),
        "pyproject.toml": "[project]\n",
        "other.toml": "x\n",
        "docs/mirror.toml.md": "x\n",
    }
    for name, text in texts.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    (place / "dist").mkdir()
    wheel = "cleanpkg-1.0-py3-none-any.whl"
    shutil.copy(ROOT / "sample_wheels" / (wheel if good else "folded_latin-1.0-py3-none-any.whl"), place / "dist" / wheel)
    return place


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("good", [True, False])
def test_each_hook_takes_its_files_and_judges_them(
    hook: str, good: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository(tmp_path, good=good))
    names = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    taken = [name for name in names if re.search(HOOKS[hook]["files"], name)]
    assert taken == sorted(FILES[hook])
    program, *words = HOOKS[hook]["entry"].split()
    ran = wheelfix(*words, *taken)
    assert program == "wheelfix"
    assert (ran.code == 0) is good, ran.err


def test_the_errors_of_all_rule_files_are_reported_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.toml", "b.toml"):
        Path(name).write_text(RULES.format(action="dorp"))
    for command in ("check", "test"):
        ran = wheelfix("rules", command, "a.toml", "b.toml")
        assert (ran.code, ran.out) == (2, "")
        assert "error[rule-invalid-value]: a.toml:2: " in ran.err
        assert "error[rule-invalid-value]: b.toml:2: " in ran.err


OPTIONS = '[options]\nverify.ignore = ["metadata-not-utf8"]\n'


@pytest.mark.parametrize("command", ["check", "test"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("wheelfix.toml", OPTIONS),
        ("wheelfix.toml", f"schema = 1\n{OPTIONS}"),
        ("pyproject.toml", f"[project]\n{OPTIONS.replace('options', 'tool.wheelfix.options')}"),
    ],
)
def test_a_file_that_only_sets_options_passes(
    command: str, name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who ignores a code in wheelfix.toml, as the guide says, does not fail for want of rules and tests."""
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(text)
    ran = wheelfix("rules", command, name)
    assert ran.code == 0
    assert f"{name}: no rules, it only sets options" in ran.err
    Path("bad.toml").write_text(RULES.format(action="dorp"))
    ran = wheelfix("rules", command, name, "bad.toml")
    assert ran.code == 2
    assert "error[rule-invalid-value]: bad.toml:2: " in ran.err
    Path("untested.toml").write_text(RULES.format(action="drop").partition("[[rule.test]]")[0])
    assert wheelfix("rules", command, name, "untested.toml").code == (command == "test")


@pytest.mark.parametrize("text", ["", f"{OPTIONS}[[rule]]\n", f"nope = 1\n{OPTIONS}", "[optoins]\nx = 1\n", "["])
def test_other_files_without_rules_are_wrong(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rules.toml").write_text(text)
    for command in ("check", "test"):
        assert wheelfix("rules", command, "rules.toml").code == 2
    assert wheelfix("fix", "--rules", "rules.toml", tmp_path / "x.whl").code == 2


def test_every_hook_is_tested_and_says_what_it_does() -> None:
    assert set(FILES) == set(HOOKS)
    assert all(each["language"] == "python" and each["description"].endswith(".") for each in HOOKS.values())


@pytest.fixture(scope="module")
def hooks_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository of what wheelfix is built from, as pre-commit clones it."""
    place = tmp_path_factory.mktemp("hooks")
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, place)
    shutil.copytree(ROOT / "src", place / "src", ignore=shutil.ignore_patterns("__pycache__"))
    commit(place)
    return place


def commit(place: Path) -> None:
    author = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
    for words in (("init", "--quiet"), ("add", "--all"), (*author, "commit", "--quiet", "--message", "x")):
        subprocess.run(["git", *words], cwd=place, check=True, capture_output=True)


@pytest.mark.clients
def test_pre_commit_runs_them(hooks_repository: Path, tmp_path: Path) -> None:
    """Installed once, from a clone, as a user's ``rev`` would be; good files pass, each hook fails on bad ones."""
    home = tmp_path / "home"
    home.mkdir()
    for good in (True, False):
        place = tmp_path / str(good)
        place.mkdir()
        commit(repository(place, good=good))
        program = PROGRAMS / "pre-commit"
        ran = attempt(
            program, "try-repo", "--all-files", "--verbose", hooks_repository, cwd=place,
            PRE_COMMIT_HOME=str(home), PATH="/usr/local/bin:/usr/bin:/bin",
        )  # fmt: skip
        results = dict(re.findall(r"^(wheelfix [a-z ]+?)\.{3,}.*?(Passed|Failed|Skipped)$", ran.stdout, re.MULTILINE))
        wanted = "Passed" if good else "Failed"
        assert results == {each["name"]: wanted for each in HOOKS.values()}, ran.stdout + ran.stderr
