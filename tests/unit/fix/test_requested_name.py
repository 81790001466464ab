"""Names that rules and edits ask for: which wish counts, and whose it was."""

from pathlib import Path

import pytest

from building import Entry, WheelSpec, write_wheel
from wheelfix.errors import EditError
from wheelfix.fix.batch import fix_wheels
from wheelfix.fix.draft import make_plan
from wheelfix.options import Naming, Policy
from wheelfix.results import Status
from wheelfix.rules.load import rule_set
from wheelfix.rules.model import Action, Rule, RuleSet, When
from wheelfix.wheel.edits import Edit, SetBuildTag, SetLocal
from wheelfix.wheel.wheel import Wheel


def asking(action: Action) -> RuleSet:
    return rule_set("mine", [Rule(id="name", reason="it is ours", action=action)])


@pytest.mark.parametrize(
    ("rules", "edits", "naming", "expected"),
    [
        (asking(Action(set_local="cpu")), [], Naming(), "demo-1.0+cpu-py3-none-any.whl"),
        (asking(Action(set_build_tag="1x")), [], Naming(), "demo-1.0-1x-py3-none-any.whl"),
        (None, [SetLocal("a"), SetBuildTag("2"), SetLocal("b")], Naming(), "demo-1.0+b-2-py3-none-any.whl"),
        (asking(Action(set_local="cpu")), [SetLocal("own")], Naming(local="all"), "demo-1.0+own-py3-none-any.whl"),
        (asking(Action(set_build_tag="1")), [], Naming(local="cpu"), "demo-1.0+cpu-1-py3-none-any.whl"),
        (None, [], Naming(local="cpu"), "demo-1.0-py3-none-any.whl"),
    ],
)
def test_the_last_wish_counts(
    rules: RuleSet | None, edits: list[Edit], naming: Naming, expected: str, tmp_path: Path
) -> None:
    """A wish of a rule is a change of its own; a name for all wheels that change is not."""
    with Wheel(write_wheel(tmp_path, WheelSpec())) as wheel:
        plan = make_plan(wheel, rules, edits=edits, naming=naming)
    assert str(plan.renaming.filename) == expected
    assert plan.is_empty == (expected == "demo-1.0-py3-none-any.whl")


def test_a_change_names_the_rule_that_asked_for_it(tmp_path: Path) -> None:
    with Wheel(write_wheel(tmp_path, WheelSpec())) as wheel:
        plan = make_plan(wheel, asking(Action(set_local="cpu")))
    assert [(each.field, each.after, each.rule, each.reason) for each in plan.changes] == [
        ("Version", "1.0+cpu", "name", "it is ours")
    ]
    assert plan.applied_rules == ("name",)


def test_a_wish_that_is_fulfilled_changes_nothing(tmp_path: Path) -> None:
    with Wheel(write_wheel(tmp_path, WheelSpec(version="1.0+cpu"))) as wheel:
        plan = make_plan(wheel, asking(Action(set_local="cpu")))
    assert plan.is_empty
    assert plan.applied_rules == ("name",)


def test_an_impossible_wish_is_refused(tmp_path: Path) -> None:
    with Wheel(write_wheel(tmp_path, WheelSpec())) as wheel, pytest.raises(EditError, match="not a local version"):
        make_plan(wheel, edits=[SetLocal("c p u")])


def test_wheels_to_which_rules_give_one_name_are_refused(tmp_path: Path) -> None:
    """They are compared although no option gives names."""
    paths = [write_wheel(tmp_path, WheelSpec(version=version)) for version in ("1.0+own", "1.0+other")]
    rule = Rule(id="name", reason="why", when=When(local=("other",)), action=Action(set_local="own"))
    [kept, refused] = fix_wheels(paths, rule_set("mine", [rule]), output=tmp_path / "out").outcomes
    assert kept.status is Status.UNCHANGED
    assert refused.problem is not None
    assert refused.problem.code == "same-output-name"


def test_a_wheel_that_is_left_keeps_its_name(tmp_path: Path) -> None:
    """What rules ask for beyond METADATA is a part of them: where they are not carried out, it is not either."""
    rules = rule_set("mine", [Rule(id="name", reason="why", action=Action(set_local="own"))], extends="gpu")
    with Wheel(
        write_wheel(tmp_path, WheelSpec(files=(Entry("demo/__init__.py", b""),), requires=("nvidia-nccl-cu12",)))
    ) as wheel:
        left = make_plan(wheel, rules, policy=Policy(skip_unproven=True))
        forced = make_plan(wheel, rules, policy=Policy(allow_unproven=True))
    assert left.is_empty
    assert str(forced.renaming.filename) == "demo-1.0+own-py3-none-any.whl"
