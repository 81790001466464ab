"""What rules make of a whole wheel: each requirement judged once, then the actions on the wheel, in order."""

import pytest

from ruling import apply, facts_of, requires
from wheelfix.errors import EditError
from wheelfix.rules.model import Action, FieldValue, Match, Rule, When


def rule(name: str, match: str | Match | None, action: str | Action, **more: object) -> Rule:
    wanted = Match(name=(match,)) if isinstance(match, str) else match
    return Rule(id=name, reason=f"for {name}", match=wanted, action=action, **more)  # type: ignore[arg-type]


def wheel_rule(name: str, **action: object) -> Rule:
    return rule(name, None, Action(**action))  # type: ignore[arg-type]


def test_requirements_are_judged_once_on_what_the_wheel_came_with() -> None:
    """What one rule makes is nothing for another to judge."""
    circle = (rule("1", "a", Action(rename="b")), rule("2", "b", Action(rename="a")), rule("3", "c", Action(rename="b")))
    found = apply(facts_of("a>=1", "b>=2", "c>=3"), *circle)
    assert requires(found) == ["b>=1", "a>=2", "b>=3"]
    assert [each.rule for each in found.changes] == ["1", "2", "3"]
    gone = apply(facts_of("a", "x"), rule("4", "a", Action(rename="x")), rule("5", "x", "drop"))
    assert requires(gone) == ["x"]


def test_conditions_see_the_wheel_as_it_came() -> None:
    """``requires`` and ``lacks`` hold although an earlier rule took the requirement out or added it."""
    rules = (
        wheel_rule("add", add="new"),
        rule("drop", "old", "drop"),
        rule("had", "x", Action(rename="y"), when=When(requires=(Match(("old",)),))),
        rule("lacked", None, Action(add="z"), when=When(lacks=(Match(("new",)),))),
    )
    assert requires(apply(facts_of("old", "x"), *rules)) == ["y", "new", "z"]


def test_the_first_rule_that_matches_decides() -> None:
    keep, drop = rule("keep", "ab", "keep"), rule("drop", "a*", "drop")
    first = apply(facts_of("ab", "ac"), keep, drop)
    assert requires(first) == ["ab"]
    assert [(each.rule, each.action, each.before, each.reason) for each in first.kept] == [
        ("keep", "keep", "ab", "for keep")
    ]
    second = apply(facts_of("ab", "ac"), drop, keep)
    assert (requires(second), second.kept, second.applied) == ([], (), ("drop",))


def test_wheel_actions_come_after_in_their_order() -> None:
    """They see what the rules on requirements left, and what those before them made."""
    rules = (
        wheel_rule("add", add="a; extra == 'x'"),
        wheel_rule("extra", drop_extra="x"),
        wheel_rule("again", add="a>=1"),
        rule("drop", "a", "drop"),
        wheel_rule("set", set_field=FieldValue("Summary", "one")),
        wheel_rule("reset", set_field=FieldValue("Summary", "two")),
    )
    found = apply(facts_of("a==3", "b; extra == 'x'"), *rules)
    assert requires(found) == ["a>=1"]
    assert found.document.first("Summary") == "two"
    assert [each.rule for each in found.changes] == [
        "drop", "add", "add", "extra", "extra", "extra", "again", "set", "reset",
    ]  # fmt: skip
    assert found.document.all("Provides-Extra") == ()
    assert found.applied == ("drop", "add", "extra", "again", "set", "reset")


def test_which_rules_applied() -> None:
    """Those that decided or were for the wheel, whether or not something was left to change; each once."""
    rules = (
        rule("acted", "a", "drop"),
        rule("kept", "b", "keep"),
        rule("idle", "c", Action(set_specifier=">=1")),
        rule("too-late", "a", "keep"),
        rule("held-back", "d", "drop"),
        rule("matched-nothing", "z", "drop"),
        rule("elsewhere", "a", "drop", when=When(project=("other",))),
        wheel_rule("nothing-to-do", add="b"),
        rule("other-wheel", None, Action(add="y"), when=When(project=("other",))),
    )
    found = apply(facts_of("a==1", "a==2", "b", "c>=1", "d; extra == 'x'"), *rules)
    assert found.applied == ("acted", "kept", "idle", "nothing-to-do")
    assert requires(found) == ["b", "c>=1", "d; extra == 'x'"]
    assert [each.rule for each in found.kept] == ["kept", "idle", "held-back"]


def test_a_rule_that_is_held_back_says_why_and_changes_nothing() -> None:
    found = apply(facts_of("a; extra == 'x'"), rule("r", "a", Action(rename="b")))
    [kept] = found.kept
    assert (kept.before, kept.after, kept.rule) == ("a; extra == 'x'", "a; extra == 'x'", "r")
    assert "only required by an extra" in (kept.reason or "")
    assert found.applied == ()


def test_what_cannot_be_read_stays_and_is_noted() -> None:
    found = apply(facts_of("== 1", "a"), rule("all", "*", "drop"))
    assert requires(found) == ["== 1"]
    assert found.notes == ("METADATA: the requirement '== 1' cannot be parsed and is unchanged.",)


NEWER = [
    ({"set_field": FieldValue("License-Expression", "MIT")}, "2.4"),
    ({"add_field": FieldValue("Import-Name", "demo")}, "2.5"),
    ({"add_field": FieldValue("Dynamic", "Version")}, "2.2"),
]


@pytest.mark.parametrize(("action", "since"), NEWER, ids=str)
def test_a_field_that_is_newer_than_the_metadata_version_is_refused(action: dict[str, object], since: str) -> None:
    with pytest.raises(EditError) as caught:
        apply(facts_of(), wheel_rule("new", **action))
    assert caught.value.code == "field-too-new"
    assert since in caught.value.message + caught.value.hint
    version = wheel_rule("version", set_field=FieldValue("Metadata-Version", since))
    for rules in ((wheel_rule("new", **action), version), (version, wheel_rule("new", **action))):
        assert apply(facts_of(), *rules).document.first("Metadata-Version") == since


def test_a_new_field_that_stood_there_before_is_not_too_new() -> None:
    """It was not of our making."""
    there = facts_of(fields="License-Expression: MIT\n")
    found = apply(there, wheel_rule("new", set_field=FieldValue("License-Expression", "BSD-3-Clause")))
    assert found.document.first("License-Expression") == "BSD-3-Clause"


def test_no_rule_changes_nothing() -> None:
    facts = facts_of("a", "b ;os_name=='nt'", "???")
    found = apply(facts)
    assert found.document.data == facts.document.data
    assert (found.changes, found.kept, found.applied) == ((), (), ())


MALFORMED = [
    "foo >=1.0 <2.0", "foo >=1.0.*", "foo !=~5.0", "foo >=1.0'", "foo >dev", "foo >=1.0,", "foo >=9.0.0a1.0",
]  # fmt: skip


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_requirements_are_kept_byte_for_byte_or_dropped_by_name(text: str) -> None:
    """The forms that uv repairs."""
    facts = facts_of("one", text, "two")
    left = apply(facts, rule("other", "one", "drop"))
    assert left.document.data == facts.document.data.replace(b"Requires-Dist: one\n", b"")
    assert requires(apply(facts, rule("foo", "foo", "drop"))) == ["one", "two"]
    kept = apply(facts, rule("k", "foo", "keep"), rule("foo", "*", "drop"))
    assert requires(kept) == [text]
