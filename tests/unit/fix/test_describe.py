"""Why the requirements of one wheel stay or go, with what was done to it before."""

from pathlib import Path

import pytest

from building import Entry, WheelSpec, write_wheel
from wheelfix.fix.batch import fix_wheels
from wheelfix.fix.describe import WheelExplanation, explain_wheel
from wheelfix.rules.load import built_in, rule_set
from wheelfix.rules.model import Action, FieldValue, Match, NewSpecifier, Rule, RuleSet

REQUIRES = ("NumPy>=1", "nvidia-nccl-cu12==2", "nvidia-cublas-cu12", "== 1", "a.b; os_name == 'nt'")
SPEC = WheelSpec(requires=REQUIRES)
NOTHING = rule_set("none", [])


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return write_wheel(tmp_path, SPEC)


def texts(explanation: WheelExplanation) -> list[str]:
    return [each.text for each in explanation.requirements]


def test_all_requirements_and_what_would_change(wheel: Path) -> None:
    found = explain_wheel(wheel, built_in("gpu"))
    assert (found.source, found.total, found.problem, found.past) == (wheel, 5, None, ())
    assert texts(found) == [*REQUIRES]
    assert [each.before for each in found.changes] == ["nvidia-nccl-cu12==2", "nvidia-cublas-cu12"]
    assert found.notes == ("METADATA: the requirement '== 1' cannot be parsed and is unchanged.",)


WANTED = [
    ("numpy", ["NumPy>=1"]), ("NumPy", ["NumPy>=1"]), ("nvidia-*", [*REQUIRES[1:3]]), ("A_B", [REQUIRES[4]]),
    ("nvidia-nccl-cu12==2", ["nvidia-nccl-cu12==2"]), ("== 1", ["== 1"]), ("*", [REQUIRES[0], *REQUIRES[1:3], REQUIRES[4]]),
    ("nvidia", []), ("a.b; os_name == 'nt'", [REQUIRES[4]]),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "expected"), WANTED)
def test_some_are_chosen_by_name_pattern_or_in_full(wheel: Path, wanted: str, expected: list[str]) -> None:
    found = explain_wheel(wheel, built_in("gpu"), wanted)
    assert texts(found) == expected
    assert found.total == 5


def test_a_whole_requirement_means_that_one(tmp_path: Path) -> None:
    """Several lines may have the same name."""
    wheel = write_wheel(tmp_path, WheelSpec(requires=("a==1; os_name == 'nt'", "a==2; os_name == 'posix'")))
    assert texts(explain_wheel(wheel, NOTHING, "a==2; os_name == 'posix'")) == ["a==2; os_name == 'posix'"]
    assert len(texts(explain_wheel(wheel, NOTHING, "a"))) == 2


def fixed(wheel: Path, rules: RuleSet) -> Path:
    [outcome] = fix_wheels([wheel], rules, output=wheel.parent / "out").outcomes
    assert outcome.output is not None
    return outcome.output


def test_a_fixed_wheel_tells_why_a_line_is_gone(wheel: Path) -> None:
    after = fixed(wheel, built_in("gpu"))
    found = explain_wheel(after, built_in("gpu"))
    assert (found.total, found.changes) == (3, ())
    assert [(each.before, each.after, each.rule) for each in found.past] == [
        ("nvidia-nccl-cu12==2", None, "gpu/nvidia"), ("nvidia-cublas-cu12", None, "gpu/nvidia"),
    ]  # fmt: skip
    assert all(each.reason for each in found.past)
    chosen = explain_wheel(after, NOTHING, "nvidia-nccl-cu12")
    assert (texts(chosen), [each.before for each in chosen.past]) == ([], ["nvidia-nccl-cu12==2"])
    assert explain_wheel(after, NOTHING, "numpy").past == ()


def test_the_past_of_other_fields_and_of_new_names(wheel: Path) -> None:
    rules = rule_set("mine", [
        Rule(id="rename", reason="why", match=Match(("numpy",)), action=Action(rename="numpy-cpu")),
        Rule(id="python", reason="why", action=Action(set_field=FieldValue("Requires-Python", ">=3.10"))),
        Rule(id="add", reason="why", action=Action(add="scipy")),
    ])  # fmt: skip
    after = fixed(wheel, rules)
    assert [each.field for each in explain_wheel(after, NOTHING).past] == [
        "Requires-Dist",
        "Requires-Python",
        "Requires-Dist",
    ]
    for wanted, rule in (("numpy", "rename"), ("numpy-cpu", "rename"), ("scipy", "add")):
        assert [each.rule for each in explain_wheel(after, NOTHING, wanted).past] == [rule]


def test_what_goes_wrong_is_a_problem_and_no_exception(wheel: Path, tmp_path: Path) -> None:
    missing = explain_wheel(tmp_path / "x-1.0-py3-none-any.whl", NOTHING)
    assert missing.problem is not None
    assert (missing.total, missing.requirements) == (0, ())
    wheel.write_bytes(b"no zip")
    broken = explain_wheel(wheel, NOTHING)
    assert broken.problem is not None
    assert broken.problem.hint


def test_rules_that_cannot_be_carried_out_are_a_problem(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, WheelSpec(requires=("a >=1 <2",)))
    rule = Rule(id="r", reason="why", match=Match(("a",)), action=Action(rename="b"))
    found = explain_wheel(wheel, rule_set("mine", [rule]))
    assert found.problem is not None
    assert found.problem.code == "invalid-result"


NOTED = [
    ("numpy", ["numpy"]), ("Num_Py", []), ("pyyaml", ["PyYAML"]), ("== 1", ["== 1"]), ("Version", ["Pins"]),
    ("Requires-Python", []), ("*", ["numpy", "PyYAML"]), (None, ["== 1", "numpy", "PyYAML", "Pins"]),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "expected"), NOTED)
def test_notes_are_on_what_was_asked_for(wanted: str | None, expected: list[str], tmp_path: Path) -> None:
    rules = rule_set(
        "mine",
        [
            Rule(id="c", reason="r", match=Match(("*",)), action=Action(set_specifier=NewSpecifier(local="cpu"))),
            Rule(id="v", reason="r", action=Action(set_version="2")),
        ],
    )
    path = write_wheel(tmp_path, WheelSpec(requires=("numpy>=1", "PyYAML>=5", "== 1")))
    notes = explain_wheel(path, rules, wanted).notes
    assert [next(word for word in ("numpy", "PyYAML", "== 1", "Pins", note) if word in note) for note in notes] == expected


def test_a_note_on_the_whole_wheel_is_for_whatever_was_asked(tmp_path: Path) -> None:
    path = write_wheel(
        tmp_path, WheelSpec(files=(Entry("demo-1.0.dist-info/metadata.json", b"{}"),), requires=("numpy>=1",))
    )
    rules = rule_set("mine", [Rule(id="d", reason="r", match=Match(("numpy",)), action="drop")])
    everything = explain_wheel(path, rules).notes
    assert [note.partition(" ")[0] for note in everything] == ["metadata.json"]
    assert explain_wheel(path, rules, "numpy").notes == everything
