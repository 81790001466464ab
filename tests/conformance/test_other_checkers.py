"""What other tools find in the samples, ``verify`` finds too, and the page that compares them says so."""

from pathlib import Path

import pytest
from check_wheel_contents.checks import Check

from checkers import PAGE, TOOLS, complaint, noticed, page, sound_complaints
from faults import FAULTS, Fault
from flaws import FLAWS, Flaw, sound
from wheelfix.auditing import verify_wheels
from wheelfix.checks.codes import CHECKS

COVERED = {"W001": "contents-bytecode", "W005": "contents-common-name"}
"""What check-wheel-contents tells and ``verify`` has a code for."""
OUT_OF_SCOPE = {
    "W002": "two files of one content are what their author wants",
    "W003": "taste: what lies at the top is installed as it is meant",
    "W004": "taste: a file that cannot be imported may be data",
    "W006": "taste: an __init__.py at the top is installed as it is meant",
    "W007": "a project that only requires others has an empty library",
    "W008": "a project that only requires others has an empty wheel",
    "W009": "taste: projects with several packages are common",
    "W010": "taste: a folder without modules may be a namespace or data",
    "W101": "compares with the sources, which a wheel does not have",
    "W102": "compares with the sources, which a wheel does not have",
    "W201": "compares with what the user says",
    "W202": "compares with what the user says",
}


def test_no_tool_complains_about_the_sound_wheel() -> None:
    assert sound_complaints() == {}


@pytest.mark.parametrize("flaw", FLAWS, ids=lambda flaw: f"{flaw.code}: {flaw.name}")
def test_what_a_tool_finds_in_a_sample_verify_finds_too(flaw: Flaw, tmp_path: Path) -> None:
    paths = flaw.write(tmp_path)
    complaints = {tool: text for tool in TOOLS if (text := complaint(tool, paths[0]))}
    assert verify_wheels(paths).inspections[0].faults or not complaints, complaints


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_what_a_tool_finds_in_a_hostile_wheel_verify_finds_too(fault: Fault, tmp_path: Path) -> None:
    path = tmp_path / sound().filename
    path.write_bytes(fault.make())
    complaints = {tool: text for tool in TOOLS if (text := complaint(tool, path))}
    assert not verify_wheels(path).passes() or not complaints, complaints


def test_every_code_of_check_wheel_contents_is_covered_or_out_of_scope() -> None:
    assert {check.name for check in Check} == COVERED.keys() | OUT_OF_SCOPE.keys()
    assert set(COVERED.values()) <= CHECKS.keys()
    for code in COVERED.values():
        assert all("check-wheel-contents" in tools for tools in noticed()[code])


def test_page_says_what_they_find() -> None:
    """``make reference`` writes it again."""
    assert PAGE.read_text("utf-8") == page()
