"""The guide "My wheel was refused, what now?" has every code with which a wheel can be refused."""

import pytest

from places import GUIDES
from wheelfix.refusals import REFUSALS

PAGE = (GUIDES / "refused-wheel.md").read_text("utf-8")
OF_WHEELS = [code for code, each in REFUSALS.items() if each.consequence.startswith("This wheel is left as it is")]


def test_there_are_some() -> None:
    assert {"unsafe", "unproven", "mixed-release", "damaged-metadata", "output-exists"} <= set(OF_WHEELS)


@pytest.mark.parametrize("code", OF_WHEELS)
def test_the_guide_says_what_to_do(code: str) -> None:
    assert f"`{code}`" in PAGE, "add it to the section that it belongs to"
