"""Why a requirement is still there, and why it goes."""

import pytest

from ruling import facts_of
from wheelfix.rules.explain import Explanation, explain
from wheelfix.rules.load import built_in, rule_set
from wheelfix.rules.model import Action, Match, Rule, When


def rule(name: str, match: Match | None, action: str | Action = "drop", **more: object) -> Rule:
    return Rule(id=name, reason=f"for {name}", match=match, action=action, **more)  # type: ignore[arg-type]


def explained(text: str, *rules: Rule) -> Explanation:
    [found] = explain(rule_set("mine.toml", rules), facts_of(text))
    assert found.text == text
    return found


DROP = rule("drop", Match(("a*",)))
KEEP = rule("keep", Match(("ab",)), "keep")


def test_the_rule_that_decides_and_those_that_would_have() -> None:
    found = explained("ab>=1", DROP, rule("add", None, Action(add="x")), KEEP, rule("b", Match(("b*",))))
    assert found.name == "ab"
    assert found.decided is not None
    assert (found.decided.id, found.decided.origin, found.decided.action) == ("drop", "mine.toml", "drop")
    assert (found.decided.reason, found.decided.stopped_by, found.held_back) == ("for drop", None, None)
    assert [(each.id, each.action) for each in found.also] == [("keep", "keep")]
    assert found.nearly == ()


def test_no_rule_decides() -> None:
    found = explained("numpy", DROP, KEEP)
    assert (found.decided, found.also, found.nearly, found.malformed) == (None, (), (), None)


STOPPED = [
    ("ab; extra == 'x'", {}, Match(("ab",), extra=("y",)), "match.extra"),
    ("ab>=2", {}, Match(("ab",), specifier=("==*",)), "match.specifier"),
    ("ab", {}, Match(("ab",), marker=("linux",)), "match.marker"),
    ("ab", {}, Match(("ab",), url=("*",)), "match.url"),
    ("ab", {"project": ("torch",)}, Match(("ab",)), "when.project"),
    ("ab", {"not_project": ("demo",)}, Match(("ab",)), "when.not-project"),
    ("ab", {"version": (">=2",)}, Match(("a?",)), "when.version"),
    ("ab", {"metadata_version": ("<2",)}, Match(("ab",), marker=("linux",)), "when.metadata-version"),
]


@pytest.mark.parametrize(("text", "when", "match", "key"), STOPPED)
def test_what_keeps_a_rule_for_this_name_from_matching(text: str, when: dict[str, object], match: Match, key: str) -> None:
    found = explained(text, rule("r", match, when=When(**when)))  # type: ignore[arg-type]
    assert found.decided is None
    assert [(each.id, each.stopped_by) for each in found.nearly] == [("r", key)]


def test_rules_for_everything_or_for_other_names_are_not_nearly() -> None:
    elsewhere = When(project=("other",))
    others = (
        rule("all", Match(("*",)), when=elsewhere), rule("any", Match(None, marker=("x",))),
        rule("b", Match(("b",)), when=elsewhere), rule("mixed", Match(("ab", "?*")), when=elsewhere),
    )  # fmt: skip
    assert explained("ab", *others).nearly == ()


def test_an_extra_holds_a_rule_back() -> None:
    found = explained("ab; extra == 'x'", DROP, rule("later", Match(("ab",))))
    assert found.decided is not None
    assert found.decided.id == "drop"
    assert "only required by an extra" in (found.held_back or "")
    assert [(each.id, each.stopped_by) for each in found.nearly] == [("later", "match.extra")]
    assert found.also == ()


def test_what_was_held_back_is_nearly_where_another_rule_decides() -> None:
    found = explained("ab; extra == 'x'", DROP, rule("extras", Match(("ab",), extra=("any",))))
    assert found.decided is not None
    assert (found.decided.id, found.held_back) == ("extras", None)
    assert [(each.id, each.stopped_by) for each in found.nearly] == [("drop", "match.extra")]


def test_malformed_and_unreadable_requirements_are_explained_too() -> None:
    found = explained("ab >=1.0 <2.0", DROP)
    assert found.decided is not None
    assert found.malformed
    unread = explained("??? x", DROP)
    assert (unread.name, unread.decided) == (None, None)
    assert unread.malformed == "it does not begin with a name"


def test_every_requirement_is_explained_in_order() -> None:
    facts = facts_of("numpy", "triton; extra == 'x'", "nvidia-nccl-cu12", "mkl", project="torch")
    found = explain(built_in("gpu"), facts)
    assert [each.text for each in found] == ["numpy", "triton; extra == 'x'", "nvidia-nccl-cu12", "mkl"]
    assert [each.decided.id if each.decided else None for each in found] == [
        None, "gpu/triton", "gpu/nvidia", "gpu/never-cpu-math",
    ]  # fmt: skip
    assert [bool(each.held_back) for each in found] == [False, True, False, False]
    assert {each.decided.origin for each in found if each.decided} == {"gpu"}
