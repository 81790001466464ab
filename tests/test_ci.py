"""What CI runs is there: programs without which tests are skipped, and a browser for those that need one."""

import re

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
