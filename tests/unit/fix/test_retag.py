"""Tags by rule and by edit: file name and WHEEL agree, whoever asks, and whatever changes beside them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from packaging.tags import parse_tag

import wheelfix
from building import WheelSpec, archive_of, changed, write_wheel
from wheelfix.errors import VerificationError
from wheelfix.fix.apply import apply
from wheelfix.fix.batch import fix_wheels
from wheelfix.fix.draft import make_plan
from wheelfix.fix.plan import Plan
from wheelfix.options import Naming, Policy
from wheelfix.results import Change, Outcome, Status
from wheelfix.rules.load import rule_set
from wheelfix.rules.model import Action, Match, Rule, RuleSet
from wheelfix.wheel.edits import AddTags, Edit, RemoveTags, SetBuildTag, SetField, SetLocal, SetRootIsPurelib, SetTags
from wheelfix.wheel.wheel import Wheel

HEAD = "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\n"


def wheel_of(folder: Path, tags: str = "py3-none-any", wheel: str | None = None, version: str = "1.0") -> Path:
    lines = "".join(f"Tag: {tag}\n" for tag in sorted(map(str, parse_tag(tags)))) if wheel is None else wheel
    return write_wheel(folder, WheelSpec(tags=tags, version=version, wheel=f"{HEAD}{lines}".encode()))


def planned(path: Path, *edits: Edit, naming: Naming = Naming()) -> Plan:
    with Wheel(path) as wheel:
        return make_plan(wheel, edits=edits, naming=naming)


def asking(*actions: Action) -> RuleSet:
    return rule_set(
        "mine", [Rule(id=f"r{number}", reason=f"why {number}", action=each) for number, each in enumerate(actions)]
    )


def fixed(path: Path, rules: RuleSet | None = None, *edits: Edit, **more: Any) -> Outcome:
    return fix_wheels([path], rules, edits=edits, output=path.parent / "out", **more).outcomes[0]


def content(path: Path, file: str = "WHEEL") -> bytes:
    with Wheel(path) as wheel:
        return wheel.read(file)


def said(change: Change) -> tuple[str, str | None, str | None, str | None]:
    return change.action, change.before, change.after, change.rule


@pytest.mark.parametrize(
    ("tags", "edits", "name", "lines"),
    [
        ("py3-none-any", [AddTags("py2-none-any")], "py3.py2-none-any", "Tag: py3-none-any\nTag: py2-none-any\n"),
        ("py2.py3-none-any", [RemoveTags("py2-*")], "py3-none-any", "Tag: py3-none-any\n"),
        ("py3-none-any", [SetTags("cp39-abi3-win32")], "cp39-abi3-win32", "Tag: cp39-abi3-win32\n"),
        ("py3-none-any", [SetTags("cp39-none-win32"), AddTags("cp310-none-win32")], "cp39.cp310-none-win32",
         "Tag: cp39-none-win32\nTag: cp310-none-win32\n"),
    ],
)  # fmt: skip
def test_file_name_and_wheel_agree(tags: str, edits: list[Edit], name: str, lines: str, tmp_path: Path) -> None:
    path = wheel_of(tmp_path, tags)
    outcome = fixed(path, None, *edits, policy=Policy(force=True))
    assert outcome.output is not None, outcome.problem
    assert outcome.output.name == f"demo-1.0-{name}.whl"
    assert content(outcome.output).decode() == HEAD + lines
    assert wheelfix.verify_wheels(outcome.output).wheels[0].findings == wheelfix.verify_wheels(path).wheels[0].findings
    again = fixed(outcome.output, None, *edits, policy=Policy(force=True))
    assert again.status is Status.UNCHANGED


def test_rules_say_what_they_change_and_which_of_them_applied(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, "py2.py3-none-any")
    rules = asking(
        Action(add_tag=("py4-none-any", "py3-none-any")), Action(remove_tag="py2-*"), Action(remove_tag="cp*"),
        Action(add_tag="py3-none-any"), Action(set_root_is_purelib=True),
    )  # fmt: skip
    with Wheel(path) as wheel:
        plan = make_plan(wheel, rules)
    assert [said(each) for each in plan.changes] == [
        ("add-tag", None, "py4-none-any", "r0"),
        ("remove-tag", "py2-none-any", None, "r1"),
    ]
    assert [each.reason for each in plan.changes] == ["why 0", "why 1"]
    assert plan.applied_rules == ("r0", "r1", "r3", "r4")
    assert str(plan.renaming.filename) == "demo-1.0-py3.py4-none-any.whl"


def test_edits_that_undo_each_other_change_nothing(tmp_path: Path) -> None:
    plan = planned(wheel_of(tmp_path), AddTags("py2-none-any"), RemoveTags("py2-*"))
    assert plan.is_empty
    assert plan.changes == ()


def test_what_no_file_name_says_is_refused(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, "cp39-cp39-linux_x86_64")
    outcome = fixed(path, None, AddTags("cp310-cp310-linux_x86_64"))
    assert outcome.problem is not None
    assert (outcome.status, outcome.problem.code) == (Status.REFUSED, "tags-not-a-product")
    outcome = fixed(path, None, RemoveTags("*"))
    assert outcome.problem is not None
    assert outcome.problem.code == "no-tag-left"
    assert not (tmp_path / "out").exists()


def test_with_another_name_the_tags_are_new_too(tmp_path: Path) -> None:
    path = wheel_of(tmp_path)
    edits: list[Edit] = [SetLocal("own"), AddTags("py2-none-any"), SetBuildTag("3"), SetRootIsPurelib(False)]
    for order in (edits, edits[::-1]):
        plan = planned(path, *order)
        assert str(plan.renaming.filename) == "demo-1.0+own-3-py3.py2-none-any.whl"
        assert plan.written["WHEEL"].decode() == (
            "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: false\nTag: py3-none-any\nTag: py2-none-any\nBuild: 3\n"
        )


def test_a_name_for_all_wheels_that_change_is_for_one_whose_tags_do(tmp_path: Path) -> None:
    path = wheel_of(tmp_path)
    plan = planned(path, AddTags("py2-none-any"), naming=Naming(local="own"))
    assert str(plan.renaming.filename) == "demo-1.0+own-py3.py2-none-any.whl"
    plan = planned(path, AddTags("py3-none-any"), naming=Naming(local="own"))
    assert plan.is_empty


def test_wheel_lists_the_tags_of_the_file_name_after_any_edit_of_them(tmp_path: Path) -> None:
    """Although it listed others, and although the file name has the tag already."""
    path = wheel_of(tmp_path, "py2.py3-none-any", "Tag: py3-none-any\nTag: cp39-none-any\n")
    plan = planned(path, AddTags("py2-none-any"))
    assert str(plan.renaming.filename) == path.name
    assert plan.written["WHEEL"].decode() == f"{HEAD}Tag: py3-none-any\nTag: py2-none-any\n"
    assert [said(each)[:3] for each in plan.changes] == [
        ("set-tag", "py3-none-any, cp39-none-any", "py2-none-any, py3-none-any")
    ]
    plan = planned(path, AddTags("py4-none-any"))
    assert plan.written["WHEEL"].decode() == f"{HEAD}Tag: py3-none-any\nTag: py2-none-any\nTag: py4-none-any\n"
    assert [said(each)[:3] for each in plan.changes] == [("add-tag", None, "py4-none-any")]
    assert "WHEEL did not list the tags of the file name; now it does." in plan.notes
    plan = planned(path, RemoveTags("nothing-*"))
    assert plan.is_empty


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("Root-Is-Purelib: true\n", False, "Root-Is-Purelib: false\n"),
        ("Root-Is-Purelib: true\n", True, "Root-Is-Purelib: true\n"),
        ("Root-Is-Purelib: False\n", False, "Root-Is-Purelib: False\n"),
        ("Root-Is-Purelib: True\n", True, "Root-Is-Purelib: true\n"),
        ("root-is-purelib: true\n", True, "Root-Is-Purelib: true\n"),
        ("Root-Is-Purelib: maybe\n", False, "Root-Is-Purelib: false\n"),
        ("Root-Is-Purelib: true\nRoot-Is-Purelib: false\n", True, "Root-Is-Purelib: true\n"),
        ("", False, "Root-Is-Purelib: false\n"),
    ],
)
def test_root_is_purelib(before: str, value: bool, after: str, tmp_path: Path) -> None:
    head = "Wheel-Version: 1.0\nTag: py3-none-any\n"
    path = write_wheel(tmp_path, WheelSpec(wheel=(head + before).encode()))
    plan = planned(path, SetRootIsPurelib(value))
    assert plan.written.get("WHEEL", (head + before).encode()).decode() == head + after
    assert [(each.field, each.action) for each in plan.changes] == (
        [("Root-Is-Purelib", "set-wheel-field")] if before != after else []
    )
    outcome = fixed(path, None, SetRootIsPurelib(value))
    assert outcome.output is not None, outcome.problem
    assert content(outcome.output).decode() == head + after


def test_two_wheels_that_would_get_one_name_are_refused(tmp_path: Path) -> None:
    paths = [wheel_of(tmp_path, tags) for tags in ("py2-none-any", "py3-none-any")]
    outcomes = fix_wheels(paths, asking(Action(set_tag="py3-none-any")), output=tmp_path / "out").outcomes
    codes = [outcome.problem.code if outcome.problem else None for outcome in outcomes]
    assert codes == ["same-output-name", None]


def test_an_edit_is_not_written_where_readers_see_different_fields(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, wheel="Tag: py3-none-any\nFrom someone\n")
    outcome = fixed(path, None, AddTags("py2-none-any"))
    assert outcome.problem is not None
    assert outcome.status is Status.REFUSED


def test_a_damaged_wheel_file_is_not_vouched_for(tmp_path: Path) -> None:
    spec = WheelSpec(wheel=f"{HEAD}Tag: py3-none-any\n".encode())
    path = write_wheel(
        tmp_path, spec, changed(archive_of(spec), "WHEEL", content=f"{HEAD}X: y\nTag: py3-none-any\n".encode())
    )
    outcome = fixed(path, None, AddTags("py2-none-any"))
    assert outcome.problem is not None
    assert outcome.problem.code == "damaged-wheel-file"


class TestRepair:
    """WHEEL follows the file name, by which installers choose."""

    @pytest.mark.parametrize("build", [None, "2", "7"])
    def test_of_wheel_is_kept_beside_rules(self, build: str | None, tmp_path: Path) -> None:
        """It was lost where rules or edits changed something in the same pass."""
        path = wheel_of(tmp_path, "py2.py3-none-any", "Tag: cp39-none-any\nBuild: 7\n")
        rules = rule_set("mine", [Rule(id="no", reason="why", match=Match(name=("triton",)), action="drop")])
        outcome = fixed(path, rules, naming=Naming(build_tag=build), repair=True)
        assert outcome.output is not None, outcome.problem
        lines = "Tag: py2-none-any\nTag: py3-none-any\n" + (f"Build: {build}\n" if build else "")
        assert content(outcome.output).decode() == HEAD + lines
        assert [each.code for each in outcome.findings if each.code.startswith("wheel")] == []
        assert {each.action for each in outcome.changes} >= {"drop", "set-tag", "set-build-tag"}

    def test_comes_before_edits_of_tags(self, tmp_path: Path) -> None:
        path = wheel_of(tmp_path, "py2.py3-none-any", "Tag: nonsense\nTag: py3-none-any\n")
        outcome = fixed(path, None, AddTags("py4-none-any"), repair=True)
        assert outcome.output is not None, outcome.problem
        assert content(outcome.output).decode() == f"{HEAD}Tag: py3-none-any\nTag: py2-none-any\nTag: py4-none-any\n"
        assert [said(each)[:3] for each in outcome.changes] == [
            ("set-tag", "nonsense, py3-none-any", "py2-none-any, py3-none-any"),
            ("add-tag", None, "py4-none-any"),
        ]

    @pytest.mark.parametrize(
        ("tags", "wheel", "after"),
        [
            ("py3-none-any", "Tag: py2-none-any\n", "Tag: py3-none-any\n"),
            ("py2.py3-none-any", "tag: py3-none-any\n", "tag: py3-none-any\ntag: py2-none-any\n"),
            ("py3-none-any", "Build: 1\n", "Tag: py3-none-any\n"),
            ("1-py3-none-any", "Tag: py3-none-any\n", "Tag: py3-none-any\nBuild: 1\n"),
            ("2-py3-none-any", "Build: 1\nTag: py3-none-any\n", "Build: 2\nTag: py3-none-any\n"),
            ("py3-none-any", "Tag: py3\nTag: py3-none-any\n", "Tag: py3-none-any\n"),
            ("CP39-none-any", "Tag: py3-none-any\n", "Tag: cp39-none-any\n"),
        ],
    )
    def test_lets_wheel_say_what_the_file_name_says(self, tags: str, wheel: str, after: str, tmp_path: Path) -> None:
        path = wheel_of(tmp_path, tags, wheel)
        outcome = wheelfix.repair_wheels(path, output=tmp_path / "out").outcomes[0]
        assert outcome.output is not None, outcome.problem
        assert outcome.output.name == path.name
        assert content(outcome.output).decode() == HEAD + after

    @pytest.mark.parametrize(
        "wheel",
        [f"{HEAD}Note: x\rTag: py2-none-any\nTag: py2-none-any\n", f"{HEAD}From x\nBuild: 1\nTag: py3-none-any\n",
         "Wheel-Version: 1.0\nNote: x\rRoot-Is-Purelib: true\nTag: py3-none-any\n"],
    )  # fmt: skip
    def test_leaves_what_readers_see_differently(self, wheel: str, tmp_path: Path) -> None:
        """Whatever it made of it would be right for some of them only."""
        path = write_wheel(tmp_path, WheelSpec(wheel=wheel.encode()))
        outcome = wheelfix.repair_wheels(path, output=tmp_path / "out").outcomes[0]
        assert outcome.output is not None, outcome.problem
        assert content(outcome.output) == wheel.encode()
        assert "wheel-ambiguous" in {each.code for each in outcome.findings}
        assert not any(each.fixable for each in outcome.findings if each.code.startswith("wheel"))

    @pytest.mark.parametrize("name", ["demo-1.0-py3.-none-any.whl", "demo-1.0-py3-none-a+b.whl"])
    def test_repeats_no_odd_tag(self, name: str, tmp_path: Path) -> None:
        path = wheel_of(tmp_path).rename(tmp_path / name)
        codes = {each.code: each.fixable for each in wheelfix.verify_wheels(path).wheels[0].findings}
        assert codes["wheel-tags-differ"] is False

    def test_trusts_no_damaged_wheel_file(self, tmp_path: Path) -> None:
        spec = WheelSpec(wheel=f"{HEAD}Tag: py2-none-any\n".encode())
        data = changed(archive_of(spec), "WHEEL", content=f"{HEAD}X: y\nTag: py2-none-any\n".encode())
        path = write_wheel(tmp_path, spec, data)
        left = wheelfix.repair_wheels(path, output=tmp_path / "out").outcomes[0]
        assert left.status is Status.UNCHANGED
        assert "wheel-tags-differ" in {each.code for each in left.findings}
        trusted = wheelfix.repair_wheels(path, output=tmp_path / "trusted", trust_content=True).outcomes[0]
        assert trusted.output is not None, trusted.problem
        assert content(trusted.output).decode() == f"{HEAD}X: y\nTag: py3-none-any\n"


class TestProof:
    """What is written of WHEEL beyond the plan is found before anyone sees it."""

    @pytest.mark.parametrize(
        ("edit", "wrong"),
        [
            (AddTags("py2-none-any"), lambda data: data.replace(b"Tag: py2-none-any\n", b"")),
            (AddTags("py2-none-any"), lambda data: data.replace(b"py2", b"py1")),
            (AddTags("py2-none-any"), lambda data: data + b"Tag: py4-none-any\n"),
            (AddTags("py2-none-any"), lambda data: data.replace(b"Tag: py3-none-any", b"Tag:  py3-none-any")),
            (AddTags("py2-none-any"), lambda data: data.replace(b"Generator: x", b"Generator: y")),
            (AddTags("py2-none-any"), lambda data: data.replace(b"true", b"false")),
            (AddTags("py2-none-any"), lambda data: data + b"Build: 1\n"),
            (AddTags("py2-none-any"), lambda data: b"X: y\n" + data),
            (AddTags("py2-none-any"), lambda data: data + b"\nmore"),
            (AddTags("py2-none-any"), lambda data: data + b"Tag: py2-none-any\n"),
            (AddTags("py2-none-any"), lambda data: data.replace(b"\n", b"\r\n")),
            (SetTags("py2-none-any"), lambda data: data + b"Tag: py3-none-any\n"),
            (SetTags("py2-none-any"), lambda data: data.replace(b"py2-none-any", b"py2-none-any.win32")),
            (SetRootIsPurelib(False), lambda data: data.replace(b"false", b"true")),
            (SetRootIsPurelib(False), lambda data: data + b"Root-Is-Purelib: false\n"),
            (SetRootIsPurelib(False), lambda data: data.replace(b"Tag: py3-none-any\n", b"")),
            (SetBuildTag("1"), lambda data: data.replace(b"Build: 1", b"Build: 2")),
            (SetBuildTag("1"), lambda data: data.replace(b"Build: 1\n", b"")),
            (SetBuildTag("1"), lambda data: data + b"Tag: py2-none-any\n"),
            (SetField("Summary", "new"), lambda data: data + b"X: y\n"),
        ],
    )
    def test_an_unplanned_difference_fails(
        self, edit: Edit, wrong: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = wheel_of(tmp_path)
        with Wheel(path) as wheel:
            plan = make_plan(wheel, edits=[edit])
            written = wrong(plan.written.get("WHEEL", wheel.read("WHEEL")))
            plan = replace(plan, written={**plan.written, "WHEEL": written})
            with pytest.raises(VerificationError, match="WHEEL: "):
                apply(wheel, plan, tmp_path / "out" / str(plan.renaming.filename))
        assert [*(tmp_path / "out").iterdir()] == []

    @pytest.mark.parametrize("edits", [[], [AddTags("py2-none-any")]])
    def test_so_does_a_file_name_with_other_tags(self, edits: list[Edit], tmp_path: Path) -> None:
        with Wheel(wheel_of(tmp_path)) as wheel:
            plan = make_plan(wheel, edits=[*edits, SetField("Summary", "new")])
            other = replace(plan.renaming, filename=replace(plan.renaming.filename, python="py4"))
            with pytest.raises(VerificationError, match="WHEEL: "):
                apply(wheel, replace(plan, renaming=other), tmp_path / "out" / str(other.filename))
