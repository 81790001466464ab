"""Which rule decides."""

import pytest
from packaging.utils import canonicalize_name

from wheelfix.metadata.requirement import read_requirement
from wheelfix.rules.actions import ACTIONS
from wheelfix.rules.loading import rule_set
from wheelfix.rules.matching import Decision, applies, decide, matches
from wheelfix.rules.model import Match, Rule, When

GLOBS = [
    ("triton", "triton", True),
    ("triton", "tritonclient", False),
    ("triton", "pytorch-triton", False),
    ("foo", "foobar", False),
    ("nvidia-*-cu[1-9][0-9]", "nvidia-cublas-cu12", True),
    ("nvidia-*-cu[1-9][0-9]", "nvidia-cublas-cu123", False),
    ("nvidia-*-cu[1-9][0-9]", "xnvidia-cublas-cu12", False),
    ("nvidia-*-cu[1-9][0-9]", "nvidia-cublas-cu12\n", False),
    ("a.c", "abc", False),
    ("*", "anything", True),
    ("?", "ab", False),
    ("Triton", "triton", False),
]


@pytest.mark.parametrize(("glob", "name", "expected"), GLOBS)
def test_patterns_match_whole_names(glob: str, name: str, expected: bool) -> None:
    """Pitfall 8: ``triton`` is not ``tritonclient``; ``foo`` is not ``foobar``."""
    assert matches((glob,), canonicalize_name(name)) is expected
    assert matches(("zzz", glob), canonicalize_name(name)) is expected


def test_no_patterns_match_nothing() -> None:
    assert not matches((), canonicalize_name("x"))


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (When(), True),
        (When(project=("torch*",)), True),
        (When(project=("jax",)), False),
        (When(not_project=("jax",)), True),
        (When(not_project=("torch",)), False),
        (When(project=("torch*",), not_project=("torchvision",)), True),
        (When(project=("torch*",), not_project=("torch",)), False),
    ],
)
def test_every_condition_must_hold(when: When, expected: bool) -> None:
    assert applies(when, canonicalize_name("torch")) is expected


def decision(text: str, *rules: Rule, project: str = "demo") -> Decision | None:
    requirement = read_requirement(text)
    assert requirement is not None
    return decide(rule_set("t", rules), canonicalize_name(project), requirement)


DROP = Rule("drop", "r", Match(("a*",)), "drop")
KEEP = Rule("keep", "r", Match(("ab",)), "keep")
ELSEWHERE = Rule("elsewhere", "r", Match(("a*",)), "keep", When(project=("other",)))


def test_the_first_rule_that_matches_decides() -> None:
    assert decision("ab", DROP, KEEP) == Decision(DROP)
    assert decision("ab", KEEP, DROP) == Decision(KEEP)
    assert decision("ab", ELSEWHERE, DROP) == Decision(DROP)
    assert decision("ab", ELSEWHERE, DROP, project="other") == Decision(ELSEWHERE)
    assert decision("b", DROP, KEEP) is None


def test_an_extra_holds_a_drop_back() -> None:
    """Pitfall 10: the rule is named, and why it does not act."""
    found = decision("ab; extra == 'x'", DROP)
    assert found is not None
    assert (found.rule, bool(found.held_back)) == (DROP, True)
    assert decision("ab; extra == 'x'", KEEP, DROP) == Decision(KEEP)


def test_each_action_is_in_the_table() -> None:
    requirement = read_requirement("A (==1)")
    assert requirement is not None
    assert set(ACTIONS) == {"drop", "keep"}
    assert (ACTIONS["drop"](requirement), ACTIONS["keep"](requirement)) == (None, "A (==1)")
