"""Which rule decides: conditions on the wheel, conditions on the requirement, and the order."""

from typing import Any

import pytest

from counting import count_calls
from ruling import SUM, facts_of, requirement
from wheelfix.rules.load import rule_set
from wheelfix.rules.match import CONDITIONS, Decision, Facts, decide, failed_condition, misses, rules_for
from wheelfix.rules.model import Match, Rule, When

TORCH = facts_of(
    "numpy<2", "triton==3.3; platform_machine == 'x86_64'", "nvidia-nccl-cu12; extra == 'cuda'",
    project="torch", version="2.7.0+cpu", tags="cp311-cp311-manylinux_2_17_aarch64.manylinux2014_aarch64",
)  # fmt: skip
HOLDS: list[tuple[str, Any, Any]] = [
    ("project", "torch*", "jax"),
    ("version", ">=2.1,<2.11", ">=3"),
    ("version", "==2.7.0", "==2.7.1"),
    ("local", "cpu", "cu*"),
    ("filename", "torch-2.7.0*", "torch-2.8*"),
    ("platform", "manylinux2014_*", "win*"),
    ("platform", "*aarch64*", "*x86_64"),
    ("python", "cp31?", "py3"),
    ("abi", "cp311", "none"),
    ("requires", "numpy", "scipy"),
    ("requires", Match(name=("nvidia-*",), extra=("cuda",)), "nvidia-*"),
    ("requires", Match(specifier=("<2",)), Match(name=("numpy",), specifier=("<3",))),
    ("lacks", "scipy", "numpy"),
    ("metadata_version", "<2.2", ">=2.2"),
    ("sha256", SUM.upper(), "0" * 64),
]


@pytest.mark.parametrize(("key", "fitting", "other"), HOLDS)
def test_every_condition_and_its_opposite(key: str, fitting: Any, other: Any) -> None:
    """A list means any of its values."""
    name = key.replace("_", "-")
    assert failed_condition(When(**{key: fitting}), TORCH) is None
    assert failed_condition(When(**{key: (other, fitting)}), TORCH) is None
    assert failed_condition(When(**{key: other}), TORCH) == name
    assert failed_condition(When(**{f"not_{key}": other}), TORCH) is None
    assert failed_condition(When(**{f"not_{key}": (other, fitting)}), TORCH) == f"not-{name}"


def test_every_condition_is_in_the_table() -> None:
    keys = set(When.__struct_fields__)
    assert keys == {*CONDITIONS, *(f"not_{key}" for key in CONDITIONS)}
    assert {key for key, _, _ in HOLDS} == set(CONDITIONS)


def test_all_conditions_must_hold() -> None:
    assert failed_condition(When(project=("torch",), version=(">=2",), platform=("*aarch64",)), TORCH) is None
    assert failed_condition(When(project=("torch",), version=(">=2",), platform=("win32",)), TORCH) == "platform"
    assert failed_condition(When(project=("torch*",), not_project=("torch",)), TORCH) == "not-project"
    assert failed_condition(When(), TORCH) is None


def test_pre_releases_and_local_versions_count() -> None:
    nightly = facts_of(version="2.8.0.dev20250101+cu126")
    assert failed_condition(When(version=(">=2.7",)), nightly) is None
    assert failed_condition(When(version=("<2.8",)), nightly) == "version"
    assert failed_condition(When(local=("cu*",)), nightly) is None
    assert failed_condition(When(local=("",)), facts_of()) is None
    assert failed_condition(When(local=("?*",)), facts_of()) == "local"


def test_what_is_no_version_fulfils_neither_form() -> None:
    odd = facts_of(version="2004d+x", metadata_version="two")
    assert failed_condition(When(version=(">=0",)), odd) == "version"
    assert failed_condition(When(not_version=(">=0",)), odd) == "not-version"
    assert failed_condition(When(not_metadata_version=(">=0",)), odd) == "not-metadata-version"
    assert failed_condition(When(local=("x",)), odd) is None


def test_a_sum_is_computed_only_where_it_matters() -> None:
    def never() -> str:
        raise AssertionError("the sum is not needed")

    facts = Facts(TORCH.project, TORCH.version, TORCH.filename, TORCH.document, TORCH.is_never_true, never)
    assert failed_condition(When(project=("jax",), sha256=(SUM,)), facts) == "project"
    assert failed_condition(When(lacks=(Match(("numpy",)),), sha256=(SUM,)), facts) == "lacks"


MATCHES: list[tuple[Match, str, str | None]] = [
    (Match(name=("numpy",)), "NumPy >= 1", None),
    (Match(name=("num",)), "numpy", "name"),
    (Match(extra=("any",)), "a; extra == 'x'", None),
    (Match(), "a; extra == 'x'", "extra"),
    (Match(extra=("none",)), "a", None),
    (Match(extra=("x-y",)), "a; extra == 'X_y'", None),
    (Match(extra=("x",)), "a; extra == 'x' or extra == 'y'", None),
    (Match(extra=("x",)), "a; extra != 'x' and extra == 'y'", "extra"),
    (Match(extra=("x",)), "a", "extra"),
    (Match(extra=("none", "x")), "a", None),
    (Match(marker=("platform_machine=='x86_64'",)), 'a; sys_platform == "linux" and platform_machine == "x86_64"', None),
    (Match(marker=("x86_64",)), "a; platform_machine == 'x86_64'", None),
    (Match(marker=("x86_64",)), "a", "marker"),
    (Match(marker=("never-true",)), "a; platform_machine == 'x86_64'", None),
    (Match(marker=("never-true",)), "a; platform_machine == 'aarch64'", "marker"),
    (Match(marker=("never-true",)), "a", "marker"),
    (Match(specifier=("<2, >=1",)), "a (>=1,<2)", None),
    (Match(specifier=("==*",)), "a==1.5", None),
    (Match(specifier=("==*",)), "a>=1.5", "specifier"),
    (Match(specifier=("==1.*",)), "a==1.5", "specifier"),
    (Match(specifier=("==1.*",)), "a==1.*", None),
    (Match(specifier=("",)), "a", None),
    (Match(specifier=("",)), "a>1", "specifier"),
    (Match(specifier=("",)), "a @ https://e.com/a.whl", "specifier"),
    (Match(url=("*",)), "a @ https://e.com/a.whl", None),
    (Match(url=("git+*",)), "a @ https://e.com/a.whl", "url"),
    (Match(url=("*",)), "a", "url"),
]


@pytest.mark.parametrize(("match", "text", "missed"), MATCHES, ids=lambda value: str(value)[:70])
def test_every_condition_on_a_requirement(match: Match, text: str, missed: str | None) -> None:
    assert misses(match, requirement(text), TORCH) == missed


MALFORMED = [
    "Nvidia_NCCL.cu12 >=1.0.*", "nvidia-nccl-cu12 >=1.0 <2.0", "nvidia-nccl-cu12 !=~5.0", "nvidia-nccl-cu12 >=1.0'",
    "nvidia-nccl-cu12 >dev", "nvidia-nccl-cu12 >=1.0,", "nvidia-nccl-cu12 >=9.0.0a1.0", 'nvidia-nccl-cu12 ">=1.0"',
    "nvidia-nccl-cu12(>=1.0", "nvidia-nccl-cu12; python_version >= 3.6", "nvidia-nccl-cu12~=1",
]  # fmt: skip


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_requirements_are_matched_by_name(text: str) -> None:
    """The forms that uv repairs: missing comma, stray quotes, trailing comma and the like."""
    assert requirement(text).text == text
    assert misses(Match(name=("nvidia-nccl-cu12",)), requirement(text), TORCH) is None


def rule(id: str, name: str, action: str = "drop", **more: object) -> Rule:  # noqa: A002 - the field is called so
    return Rule(id=id, reason="r", match=Match(name=(name,)), action=action, **more)  # type: ignore[arg-type]


def decision(text: str, *rules: Rule, project: str = "demo") -> Decision | None:
    facts = facts_of(text, project=project)
    return decide(rules_for(rule_set("t", rules).rules, facts), requirement(text), facts)


DROP = rule("drop", "a*")
KEEP = rule("keep", "ab", "keep")
ELSEWHERE = rule("elsewhere", "a*", "keep", when=When(project=("other",)))


def test_the_first_rule_that_matches_decides() -> None:
    assert decision("ab", DROP, KEEP) == Decision(DROP)
    assert decision("ab", KEEP, DROP) == Decision(KEEP)
    assert decision("ab", ELSEWHERE, DROP) == Decision(DROP)
    assert decision("ab", ELSEWHERE, DROP, project="other") == Decision(ELSEWHERE)
    assert decision("b", DROP, KEEP) is None


def test_an_extra_holds_a_drop_back() -> None:
    """Pitfall 10: the rule is named, and why it does not act; a later one that is for extras decides."""
    found = decision("ab; extra == 'x'", DROP)
    assert found is not None
    assert (found.rule, bool(found.held_back)) == (DROP, True)
    assert decision("ab; extra == 'x'", KEEP, DROP) == Decision(KEEP)
    any_extra = Rule(id="any", reason="r", match=Match(name=("ab",), extra=("any",)), action="drop")
    assert decision("ab; extra == 'x'", DROP, any_extra) == Decision(any_extra)
    only_plain = Rule(id="plain", reason="r", match=Match(name=("ab",), extra=("none",)), action="drop")
    assert decision("ab; extra == 'x'", only_plain) is None


def test_single_values_stand_for_lists() -> None:
    """In Python too: a text is not taken for a list of its characters."""
    assert Match(name="ab") == Match(name=("ab",))  # type: ignore[arg-type]
    assert When(project="ab", requires="x").requires == (Match(name=("x",)),)  # type: ignore[arg-type]
    assert When(version=[">1", "<2"]).version == (">1", "<2")  # type: ignore[arg-type]


def test_the_patterns_of_thousands_of_rules_are_made_ready_once() -> None:
    """All rules are asked for every requirement: what is forgotten meanwhile is made ready again each time."""
    rules = [
        Rule(id=str(n), reason="r", match=Match(name=(f"*ready-{n}-[x]",), specifier=(f"=={n}",)), action="drop",
             when=When(not_version=(f">=9,!={n}",)))
        for n in range(1500)
    ]  # fmt: skip
    facts = facts_of("ready-1499-x==1499", "other")

    def ask() -> None:
        mine = rules_for(rules, facts)
        for each in facts.requirements:
            decide(mine, each, facts)

    first, again = count_calls(ask), count_calls(ask)
    assert again < first / 3
