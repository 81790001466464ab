"""The guide "Gate wheels in CI" names all that the action takes and gives, and hooks that exist."""

import re
from typing import Any

import pytest
import yaml

from places import GUIDES, ROOT

PAGE = (GUIDES / "gate-wheels-in-ci.md").read_text("utf-8")
NAMED = set(re.findall(r"`([a-z-]+)`", PAGE))


def loaded(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text("utf-8"))


@pytest.mark.parametrize("part", ["inputs", "outputs"])
def test_every_input_and_output_of_the_action_is_named(part: str) -> None:
    assert loaded("action.yml")[part].keys() - NAMED == set()


def test_what_the_page_gives_the_action_is_an_input() -> None:
    used = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)]
    steps = [step for each in used if "jobs" in each for job in each["jobs"].values() for step in job["steps"]]
    [given] = [step["with"] for step in steps if step.get("uses", "").startswith("wheelfix/wheelfix@")]
    assert given.keys() <= loaded("action.yml")["inputs"].keys()


def test_the_hooks_are_there() -> None:
    shown = set(re.findall(r"- id: (wheelfix-[a-z-]+)", PAGE))
    assert shown == {each["id"] for each in loaded(".pre-commit-hooks.yaml")}
