"""A template is refused for what it makes of the requirements that its rule can meet, and for nothing else."""

import pytest
from hypothesis import given, strategies as st

from ruling import facts_of
from wheelfix.errors import RulesError
from wheelfix.rules.load import rule_set
from wheelfix.rules.match import misses
from wheelfix.rules.model import Action, Match, Rule, RuleSet
from wheelfix.rules.specimens import specimens
from wheelfix.wheel.requirement import read_requirement

PINS = Match(("torch",), specifier=("==*",))


def load(template: str, match: Match) -> RuleSet:
    return rule_set("mine", [Rule(id="r", reason="why", match=match, action=Action(replace=template))])


FINE = [
    ("{name}{specifier}+cpu{marker}", PINS),
    ("{name}{specifier}+cpu{marker}", Match(("torch",))),
    ("{name}{specifier}+cpu", Match(("torch",), specifier=("==2.7.0",))),
    ("torch{specifier}", Match(("torch-*",), specifier=("<2,>=1",))),
    ("{name}{specifier},<3", Match(("a",), specifier=(">=*",))),
    ("b{extras}==1{marker}", Match(("a",), url=("*",))),
    ("{name}{specifier}#sha256=0", Match(("a",), url=("git+ssh://*",))),
    ("{name}{marker} and os_name == 'x'", Match(("a",), marker=("sys_platform == 'linux'",))),
    ("a", Match(("[!a]",))),
]
WRONG = [
    ("{name}{specifier}+cpu", Match(("torch",), specifier=(">=*",)), "torch>=1"),
    ("{name}{specifier}+cpu", Match(("torch",), specifier=(">=2.1",)), "torch>=2.1"),
    ("{name}{specifier}+cpu", Match(("lib-*-cu[1-9][0-9]",), specifier=("~=1.*",)), "lib-a-cu10~=1.0"),
    ("{name},<3", Match(("a",), specifier=("==*",)), "a==1.0"),
    ("== {name}", Match(("a",)), "becomes '== a'"),
    ("{name}{specifier} and x", Match(("a",), url=("https://*",)), "https://example.org/a.whl"),
]


@pytest.mark.parametrize(("template", "match"), FINE)
def test_a_template_that_works_on_what_its_rule_meets_is_taken(template: str, match: Match) -> None:
    assert load(template, match).rules


@pytest.mark.parametrize(("template", "match", "named"), WRONG)
def test_a_template_that_works_on_nothing_is_refused_with_an_example(template: str, match: Match, named: str) -> None:
    with pytest.raises(RulesError, match="does not make a requirement") as caught:
        load(template, match)
    [finding] = caught.value.findings
    assert finding.place == "mine: rule r: action.replace"
    assert named in finding.message


@given(
    st.sampled_from([None, ("==*",), (">=*",), ("~=1.*",), ("",), ("<2, >=1",), ("==1", ">=*,<*")]),
    st.sampled_from([("a",), ("a*",), ("lib-?-[x-z]",), ("*",)]),
    st.sampled_from([None, ("*",), ("git+https://*",)]),
    st.sampled_from([None, ("os_name == 'c'",)]),
)
def test_specimens_are_requirements_that_the_rule_meets(
    specifier: tuple[str, ...] | None, name: tuple[str, ...], url: tuple[str, ...] | None, marker: tuple[str, ...] | None
) -> None:
    match = Match(name, specifier=None if url else specifier, url=url, marker=marker)
    found = specimens(match)
    assert found
    for text in found:
        requirement = read_requirement(text)
        assert requirement is not None
        assert requirement.malformed is None
        assert misses(match, requirement, facts_of(text)) is None
