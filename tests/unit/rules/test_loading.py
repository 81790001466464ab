"""Rule sets: the built-in one, and those written in Python."""

import tomllib
from importlib.resources import files

import msgspec
import pytest

from wheelfix.errors import RulesError
from wheelfix.rules import BUILT_IN
from wheelfix.rules.loading import built_in, rule_set
from wheelfix.rules.model import Match, Rule, RuleFile, When

GOOD = """
schema = 1
[[rule]]
id = "a"
reason = "r"
match.name = ["x"]
action = "drop"
"""


def a_rule(name: str = "a", **changes: object) -> Rule:
    return msgspec.structs.replace(Rule(name, "r", Match(("x",)), "drop"), **changes)


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_built_in_set_loads(name: str) -> None:
    rules = built_in(name)
    assert rules.name == name
    assert rules is built_in(name)
    text = files("wheelfix.rules").joinpath("sets", f"{name}.toml").read_text("utf-8")
    assert len(rules.rules) == len(tomllib.loads(text)["rule"])


def test_an_unknown_set_is_refused_with_the_known_ones() -> None:
    with pytest.raises(RulesError) as caught:
        built_in("gpus")
    assert caught.value.code == "unknown-rule-set"
    assert "gpu" in caught.value.hint


def test_two_rules_of_one_id_are_refused() -> None:
    with pytest.raises(RulesError) as caught:
        rule_set("mine", (a_rule("b"), a_rule("a"), a_rule("b")))
    assert caught.value.code == "duplicate-rule"
    assert caught.value.message.endswith("called b")


def test_the_digest_tells_rules_apart() -> None:
    """Pitfall 30: the same rules have the same digest, whatever the set is called."""
    digest = rule_set("one", (a_rule(),)).digest
    assert rule_set("two", (a_rule(),)).digest == digest
    assert len(digest) == 64
    others = [
        (a_rule("z"),), (a_rule(reason="s"),), (a_rule(action="keep"),), (a_rule(match=Match(("y",))),), (),
        (a_rule(when=When(project=("p",))),), (a_rule(), a_rule("b")), (a_rule("b"), a_rule()),
    ]  # fmt: skip
    digests = {rule_set("x", rules).digest for rules in others}
    assert len(digests | {digest}) == len(others) + 1


FAULTY = [
    pytest.param(GOOD.replace("schema = 1", "schema = 2"), "schema", id="schema"),
    pytest.param(GOOD.replace('"drop"', '"destroy"'), "destroy", id="action"),
    pytest.param(GOOD + "colour = 1\n", "colour", id="unknown-key"),
    pytest.param(GOOD + "when.projects = ['x']\n", "projects", id="unknown-condition"),
    pytest.param(GOOD.replace('id = "a"\n', ""), "id", id="no-id"),
    pytest.param(GOOD.replace('["x"]', '"x"'), "array", id="a-name-that-is-no-list"),
]


@pytest.mark.parametrize(("text", "word"), FAULTY)
def test_the_types_are_closed(text: str, word: str) -> None:
    msgspec.toml.decode(GOOD, type=RuleFile)
    with pytest.raises(msgspec.ValidationError, match=word):
        msgspec.toml.decode(text, type=RuleFile)
