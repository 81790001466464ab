"""Edits as rules: a script, the command line and a rule file ask for the same thing."""

from pathlib import Path
from typing import get_args

import pytest

import wheelfix
from building import WheelSpec, write_wheel
from wheelfix.errors import RulesError
from wheelfix.fix.batch import fix_wheels
from wheelfix.fix.draft import make_plan
from wheelfix.results import Status
from wheelfix.rules.from_edits import in_front, match_of, rule_of, rules_of
from wheelfix.rules.load import load_rules, rule_set
from wheelfix.rules.model import Match, Rule
from wheelfix.rules.schema import print_rule, print_rules
from wheelfix.wheel.edits import (
    AddEntryPoint,
    AddField,
    AddRequirement,
    AddTags,
    DropExtra,
    DropRequirement,
    DropUpperLimit,
    Edit,
    RelaxRequirement,
    RemoveEntryPoint,
    RemoveField,
    RemoveFile,
    RemoveFiles,
    RemoveTags,
    ReplaceRequirement,
    SetBuildTag,
    SetField,
    SetLocal,
    SetName,
    SetPost,
    SetRootIsPurelib,
    SetTags,
    SetVersion,
    WriteFile,
)
from wheelfix.wheel.wheel import Wheel

REQUIRES = ("numpy>=1.2,<2", "triton==3.0", "Foo_Bar (>=1) ; extra == 'x'", "nvidia-nccl-cu12", "a @ https://x.org/a.whl")
METADATA = "\n".join(
    (
        "Metadata-Version: 2.1",
        "Name: demo",
        "Version: 1.0",
        "Summary: A wheel for tests",
        "Classifier: Topic :: System",
        "Provides-Extra: x",
        *(f"Requires-Dist: {each}" for each in REQUIRES),
        "",
        "",
    )
)
SPEC = WheelSpec(
    tags="py2.py3-none-any",
    metadata=METADATA.encode(),
    dist_info_files={"entry_points.txt": b"[console_scripts]\nold-one = gone:main\n"},
)
EDITS: tuple[Edit, ...] = (
    DropRequirement("triton"),
    DropRequirement("nvidia-*"),
    DropRequirement("foo-bar>=1; extra == 'x'"),
    AddRequirement("packaging>=24; python_version < '3.12'"),
    AddField("Requires-Dist", "typing-extensions"),
    ReplaceRequirement("numpy", "numpy>=2{marker}"),
    ReplaceRequirement("numpy", ("numpy>=2{marker}", "numpy-extras")),
    RelaxRequirement("triton"),
    DropUpperLimit("numpy"),
    DropExtra("x"),
    SetField("Requires-Python", ">=3.9"),
    SetField("Classifier", ("Private :: Do Not Upload",)),
    AddField("Classifier", "Private :: Do Not Upload"),
    RemoveField("Summary"),
    RemoveField("Classifier", "Topic :: System"),
    SetName("Acme.Demo"),
    SetVersion("2.0+x"),
    SetPost("+1"),
    SetLocal("cpu"),
    SetBuildTag("1x"),
    SetTags("py3-none-any"),
    AddTags(("py3-none-any", "cp39-none-any")),
    RemoveTags(("py2-*", "*-win32")),
    SetRootIsPurelib(False),
    RemoveFiles(("demo/version.py",)),
    RemoveFiles(("/extra/", "*.pyc", "version.*")),
    AddEntryPoint("console_scripts", "demo", "demo:main"),
    RemoveEntryPoint(("old-*",)),
    RemoveEntryPoint(("old-*", "x"), ("console_scripts",)),
    RemoveEntryPoint(missing_module=True),
)
WITHOUT_RULE: tuple[Edit, ...] = (
    WriteFile("NOTICE", b""),
    RemoveFile("NOTICE"),
    SetField("requires-dist", ("numpy",)),
    RemoveField("Requires-Dist", "numpy"),
    RemoveField("Provides-Extra", "x"),
)


def test_every_kind_of_edit_is_public_and_has_a_rule_or_is_named_here() -> None:
    kinds = set(get_args(Edit))
    assert kinds == {type(each) for each in (*EDITS, *WITHOUT_RULE)}
    assert {kind.__name__ for kind in kinds} <= set(wheelfix.__all__)
    assert not any(map(rule_of, WITHOUT_RULE))


@pytest.mark.parametrize("edit", EDITS, ids=repr)
def test_a_script_and_the_rule_that_it_amounts_to_make_the_same_wheel(edit: Edit, tmp_path: Path) -> None:
    path = write_wheel(tmp_path, SPEC)
    pasted = tmp_path / "wheelfix.toml"
    [rule] = rules_of([edit]).rules
    pasted.write_text(f"schema = 1\n\n{print_rule(rule)}")
    assert load_rules(pasted).digest == rules_of([edit]).digest
    [by_rule] = fix_wheels([path], pasted, output=tmp_path / "rule").outcomes
    [by_rules] = fix_wheels([path], rules_of([edit]), output=tmp_path / "rules").outcomes
    [by_edit] = fix_wheels([path], None, edits=[edit], output=tmp_path / "edit").outcomes
    assert by_rule.output_sha256 == by_rules.output_sha256
    assert by_rule.metadata_diff == by_edit.metadata_diff
    assert [each.name for each in (tmp_path / "rule").iterdir()] == [each.name for each in (tmp_path / "edit").iterdir()]
    assert by_rule.status is Status.FIXED


def test_all_together_survive_a_rule_file(tmp_path: Path) -> None:
    rules = rules_of([*EDITS, *WITHOUT_RULE])
    assert len(rules.rules) == len(EDITS)
    pasted = tmp_path / "all.toml"
    pasted.write_text(print_rules(rules))
    assert load_rules(pasted).digest == rules.digest


def test_ids_say_what_is_done_and_are_distinct() -> None:
    edits = [DropRequirement(text) for text in ("triton", "triton", "Triton", "nvidia-*", "a>=1; extra == 'b'", "x" * 99)]
    rules = rules_of([*edits, AddRequirement("numpy>=2")])
    ids = [rule.id for rule in rules.rules]
    assert ids[:5] == [
        "edit-drop-triton",
        "edit-drop-triton-2",
        "edit-drop-triton-3",
        "edit-drop-nvidia-*",
        "edit-drop-a-1-extra-b",
    ]
    assert len(ids[5]) == 60
    assert ids[6] == "edit-add-numpy"
    assert {rule.reason for rule in rules.rules} == {"dropped on request", "added on request"}
    assert {rule.reason for rule in rules_of(edits, reason="no GPU here").rules} == {"no GPU here"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("triton", Match(name=("triton",))),
        ("Foo.Bar_baz", Match(name=("foo-bar-baz",))),
        ("nvidia-*-cu[1-9][0-9]", Match(name=("nvidia-*-cu[1-9][0-9]",))),
        ("numpy >= 1", Match(name=("numpy",), specifier=(">=1",))),
        ("numpy (<2,>=1)", Match(name=("numpy",), specifier=("<2,>=1",))),
        ("numpy; os_name == 'nt'", Match(name=("numpy",), marker=("os_name == 'nt'",))),
        ("x; extra == 'gpu'", Match(name=("x",), extra=("any",), marker=("extra == 'gpu'",))),
        ("a @ https://x.org/a*[1].whl", Match(name=("a",), url=("https://x.org/a[*][[]1].whl",))),
    ],
)
def test_what_requirements_are_meant(text: str, expected: Match) -> None:
    assert match_of(text) == expected


def test_a_name_alone_does_not_mean_what_only_an_extra_requires(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, SPEC)
    by_name, whole = (
        fix_wheels([path], None, edits=[DropRequirement(text)], output=tmp_path / str(number)).outcomes[0]
        for number, text in enumerate(("foo-bar", "Foo_Bar (>=1) ; extra == 'x'"))
    )
    assert by_name.status is Status.UNCHANGED
    assert [each.before for each in whole.changes] == ["Foo_Bar (>=1) ; extra == 'x'"]


def test_edits_of_requirements_decide_before_rules(tmp_path: Path) -> None:
    """What is asked for in a call wins over a file; an id that the file uses stays with the file."""
    mine = rule_set("mine", [Rule(id="edit-drop-triton", reason="r", match=Match(name=("t*",)), action="keep")])
    rules = in_front([DropRequirement("triton")], mine)
    assert [rule.id for rule in rules.rules] == ["edit-drop-triton-2", "edit-drop-triton"]
    assert (rules.name, rules.origins) == ("mine", ("edits", "mine"))
    path = write_wheel(tmp_path, SPEC)
    [outcome] = fix_wheels([path], mine, edits=[DropRequirement("triton")], output=tmp_path / "out").outcomes
    assert [(each.before, each.rule, each.reason) for each in outcome.changes] == [
        ("triton==3.0", "edit-drop-triton-2", "dropped on request")
    ]


def test_edits_join_built_in_rules(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, SPEC)
    policy = wheelfix.Policy(allow_unproven=True)
    [outcome] = fix_wheels([path], edits=[DropRequirement("numpy")], output=tmp_path / "out", policy=policy).outcomes
    assert {each.before for each in outcome.changes} >= {"numpy>=1.2,<2", "nvidia-nccl-cu12"}


@pytest.mark.parametrize(
    "edit",
    [
        DropRequirement(""),
        DropRequirement("nvidia_*"),
        DropRequirement("(x)"),
        AddRequirement("not a requirement"),
        ReplaceRequirement("numpy", "{nmae}"),
        DropExtra("!"),
    ],
    ids=repr,
)
def test_an_impossible_edit_of_requirements_is_an_error_before_any_wheel_is_touched(edit: Edit, tmp_path: Path) -> None:
    path = write_wheel(tmp_path, SPEC)
    with pytest.raises(RulesError):
        fix_wheels([path], None, edits=[edit], output=tmp_path / "out")
    with Wheel(path) as wheel, pytest.raises(RulesError):
        make_plan(wheel, edits=[edit])
    assert not (tmp_path / "out").exists()
