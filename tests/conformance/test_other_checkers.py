"""What other tools refuse, ``verify`` finds too, and the page that compares them says so."""

from collections import Counter
from pathlib import Path

import pytest
from check_wheel_contents.checks import Check

from checkers import PAGE, complaint, noticed, page, sound_complaints
from mutating import mutated
from wheelfix.verify.batch import verify_wheels
from wheelfix.verify.registry import CHECKS

COVERED = {"W001": "contents-bytecode", "W005": "contents-common-name"}
"""What check-wheel-contents reports and ``verify`` has a code for."""
STRICT = ("wheel", "installer", "twine", "packaging")
"""What refuses a wheel; none of them finds anything that ``verify`` passes, so that there is no exception to this."""
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


@pytest.mark.parametrize(
    ("seed", "count"),
    [(0, 400), *(pytest.param(seed, 1_000, marks=(pytest.mark.slow, pytest.mark.parts)) for seed in range(8))],
)
def test_what_a_tool_refuses_of_a_damaged_wheel_verify_finds_too(seed: int, count: int, tmp_path: Path) -> None:
    """Wheels damaged at random: where verify has no findings, no tool refuses; and each tool refuses many."""
    refused, accepted = Counter[str](), 0
    for kind, name, data in mutated(seed, count):
        path = tmp_path / name
        path.write_bytes(data)
        complaints = {tool: text for tool in STRICT if (text := complaint(tool, path))}
        findings = verify_wheels(path).wheels[0].findings
        assert findings or not complaints, (kind, complaints)
        assert not any(finding.code == "file-unreadable" for finding in findings), findings  # it stands for a crash, too
        refused.update([*complaints])
        accepted += not findings
    assert accepted > count // 10
    assert all(refused[tool] > count // 10 for tool in STRICT), refused


def test_every_code_of_check_wheel_contents_is_covered_or_out_of_scope() -> None:
    assert {check.name for check in Check} == COVERED.keys() | OUT_OF_SCOPE.keys()
    assert set(COVERED.values()) <= CHECKS.keys()
    for code in COVERED.values():
        assert all("check-wheel-contents" in tools for tools in noticed()[code])


def test_page_says_what_they_find() -> None:
    """``make reference`` writes it again."""
    assert PAGE.read_text("utf-8") == page()
