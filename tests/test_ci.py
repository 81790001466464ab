"""What CI runs is there: programs without which tests are skipped, and a browser for those that need one."""

import re
import subprocess
import tomllib

import pytest

from browsing import chromium, started
from places import ROOT


def test_ci_installs_the_programs_without_which_tests_are_skipped() -> None:
    listed = re.search(r"^for program in ([a-z ]+);", (ROOT / ".ci" / "run").read_text("utf-8"), re.MULTILINE)
    assert listed is not None
    tests = [path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    needed = {name for text in tests for name in re.findall(r"skipif\(shutil\.which\(\"(\w+)\"\) is None", text)}
    assert needed >= {"zsh", "fish", "jq"}
    assert needed - {"node"} <= {*listed[1].split()}, "Node comes with npm, if that can be installed"


@pytest.mark.parametrize("mark", ["browser", "clients"])
def test_where_tests_of_a_mark_are_looked_for_all_of_them_are(mark: str) -> None:
    """Collecting all of the tests takes longer than some of these."""
    words = ["make", "--dry-run", "--always-make", "--no-print-directory", f"test-{mark}"]
    ran = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT)
    [command] = [line for line in ran.stdout.replace("\\\n", " ").splitlines() if f"-m {mark} " in line]
    places = tuple(ROOT / word for word in command.split() if word.startswith("tests/"))
    assert places
    files = {path for path in (ROOT / "tests").rglob("test_*.py") if f"mark.{mark}" in path.read_text("utf-8")}
    assert len(files) > 3
    assert {path for path in files if not {path, *path.parents} & {*places}} == set()


def test_where_ci_counts_lines_alone_more_of_them_must_be_covered() -> None:
    """What it sets is what the settings of coverage read."""
    coverage = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["coverage"]
    read = dict(re.findall(r"\$\{(\w+)-(\w+)\}", f"{coverage}"))
    assert (read["COVERAGE_BRANCH"], int(read["COVERAGE_FAIL_UNDER"])) == ("true", 90)
    chosen = dict(re.findall(r"\b(COVERAGE_\w+)=(\w+)", (ROOT / ".ci" / "run").read_text("utf-8")))
    assert chosen.keys() == read.keys() | {"COVERAGE_CORE"}
    assert chosen["COVERAGE_BRANCH"] == "false"
    assert int(chosen["COVERAGE_FAIL_UNDER"]) > 95


def test_what_ci_leaves_out_on_the_second_python_is_there() -> None:
    text = (ROOT / ".ci" / "run").read_text("utf-8")
    left = subprocess.run(
        ["bash", "-c", "\n".join([*re.findall(r"^ +same\+?=.*$", text, re.MULTILINE), 'echo "${same[@]}"'])],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert len(left) > 5
    assert [each for each in left if not (ROOT / "tests" / each).exists()] == []


@pytest.mark.parametrize(("required", "outcome"), [("", pytest.skip.Exception), ("required", pytest.fail.Exception)])
@pytest.mark.parametrize("missing", ["Chromium", "Playwright"])
def test_a_browser_that_is_missing_fails_the_run_that_is_for_it(
    missing: str, required: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "TEST_BROWSER=required $(BIN)/pytest -m browser" in (ROOT / "Makefile").read_text("utf-8")
    monkeypatch.setenv("TEST_BROWSER", required)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("TEST_CHROMIUM", raising=False)
    if missing == "Playwright":
        monkeypatch.setenv("TEST_CHROMIUM", "/usr/bin/true")
        monkeypatch.setattr("browsing.find_spec", lambda _: None)
    with pytest.raises(outcome, match=f"{missing} is missing"), started():
        pytest.fail(f"there is one: {chromium()}")
